/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "specs/evidence.h"
#include "specs/vnnlib.h"

/* y = x0 + x1 */
static Net *sum_net(void)
{
  static const double W[] = {1, 1};
  Net *net = net_new("net");
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 1,
                      .reps = 1,
                      .rows = 1,
                      .cols = 2,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  net->is_float32 = true;
  strcpy(net->sha256, "0123abcd");
  Err err = {0};
  cr_assert_eq(net_finish(net, &err), STATUS_OK, "%s", err.text);
  return net;
}

static Prop *small_prop(void)
{
  const char *text = "(declare-const X_0 Real)(declare-const X_1 Real)"
                     "(declare-const Y_0 Real)\n(assert (and (>= X_0 0)(<= X_0 1)"
                     "(= X_1 0.1)))\n(assert (and\n(>= Y_0 0.5)\n(< Y_0 9)))";
  Err err = {0};
  Prop *p = vnnlib_parse("spec", text, strlen(text), 2, 1, &err);
  cr_assert(p, "%s", err.text);
  strcpy(p->sha256, "4567ef");
  return p;
}

static File file_of(const char *text)
{
  return (File){.data = mem_strdup(text), .size = strlen(text)};
}

static void get_evidence(const Net *net, const Prop *p, bool complete, Text *t)
{
  Witness w;
  cr_assert(witness_replay(net, p, (double[]){0.5, (double)0.1f}, &w));
  if (complete) witness_complete(net, &w);
  evidence_print(net, &w, t);
  witness_reset(&w);
}

static const cJSON *at(const cJSON *array, int i)
{
  return cJSON_GetArrayItem(array, i);
}

Test(evidence, it_says_what_was_computed)
{
  Net *net = sum_net();
  Prop *p = small_prop();
  Text t = {0};
  get_evidence(net, p, true, &t);
  File file = {.data = t.s, .size = t.n};
  Err err = {0};
  cJSON *root = json_parse("w", &file, &err);
  cr_assert(root, "%s\n%s", err.text, t.s);
  cr_assert_str_eq(json_get(root, "format")->valuestring, "dualcert-witness");
  cr_assert_str_eq(json_get(root, "kind")->valuestring, "robust");
  cr_assert_eq(json_get(root, "line")->valuedouble, 4);
  cr_assert(strstr(t.s, "\"x\": [0.5, 0.1],"), "the decimal as specified: %s", t.s);
  const cJSON *y = json_get(root, "y");
  const double sum = 0.5 + (double)0.1f;
  cr_assert_eq(at(at(json_get(y, "exact"), 0), 0)->valuedouble, sum);
  cr_assert_eq(at(at(json_get(y, "exact"), 0), 1)->valuedouble, sum);
  cr_assert_eq(at(json_get(y, "double"), 0)->valuedouble, sum);
  const double y32 = (double)(0.5f + 0.1f);
  cr_assert_eq(at(json_get(y, "float32_left_to_right"), 0)->valuedouble, y32);
  cr_assert_eq(at(json_get(y, "float32_pairwise"), 0)->valuedouble, y32);
  const cJSON *any = at(json_get(y, "float32_any_order"), 0);
  cr_assert(at(any, 0)->valuedouble <= y32 && at(any, 1)->valuedouble >= y32);
  cr_assert_lt(at(any, 1)->valuedouble - at(any, 0)->valuedouble, 1e-6);
  const cJSON *rows = json_get(root, "rows");
  cr_assert_eq(cJSON_GetArraySize(rows), 2);
  cr_assert_eq(json_get(at(rows, 0), "line")->valuedouble, 4);
  cr_assert_eq(at(json_get(at(rows, 0), "exact"), 1)->valuedouble, 0.5 - sum);
  cr_assert(cJSON_IsFalse(json_get(at(rows, 0), "strict")));
  cr_assert(cJSON_IsTrue(json_get(at(rows, 1), "strict")));
  json_free(root);
  text_free(&t);
  prop_free(p);
  net_free(net);
}

Test(evidence, before_completion_what_is_missing_is_null)
{
  Net *net = sum_net();
  Prop *p = small_prop();
  Text t = {0};
  get_evidence(net, p, false, &t);
  cr_assert(strstr(t.s, "\"kind\": \"untested\""));
  cr_assert(strstr(t.s, "\"float32_any_order\": null,"));
  cr_assert(strstr(t.s, "\"float32_pairwise\": null,"));
  double x[2];
  Err err = {0};
  File file = {.data = t.s, .size = t.n};
  cr_assert_eq(evidence_read("w", &file, net, p, x, &err), STATUS_OK, "%s", err.text);
  text_free(&t);
  prop_free(p);
  net_free(net);
}

/* What is read back is the point, and it replays. */
Test(evidence, it_reads_back_and_is_checked_for_its_files)
{
  Net *net = sum_net();
  Prop *p = small_prop();
  Text t = {0};
  get_evidence(net, p, true, &t);
  File file = {.data = t.s, .size = t.n};
  double x[2];
  Err err = {0};
  cr_assert_eq(evidence_read("w", &file, net, p, x, &err), STATUS_OK, "%s", err.text);
  cr_assert(x[0] == 0.5 && x[1] == 0.1);
  Witness w;
  cr_assert(witness_replay(net, p, x, &w));
  witness_reset(&w);
  net->sha256[0] = 'f';
  cr_assert_eq(evidence_read("w", &file, net, p, x, &err), STATUS_DATA);
  cr_assert_str_eq(err.text, "w: $.network.sha256 is not that of net (f123abcd): the "
                             "witness is for another network");
  status_reset(&err);
  net->sha256[0] = '0';
  p->sha256[5] = '0';
  cr_assert_eq(evidence_read("w", &file, net, p, x, &err), STATUS_DATA);
  cr_assert_str_eq(err.text, "w: $.specification.sha256 is not that of spec (4567e0): "
                             "the witness is for another specification");
  status_reset(&err);
  text_free(&t);
  prop_free(p);
  net_free(net);
}

Test(evidence, bad_files_get_one_line)
{
  static const struct {
    const char *text;
    Status code;
    const char *message;
  } bad[] = {
      {"", STATUS_DATA,
       "w:1:1: expected a witness ((X_0 value) ...), found the end of the file"},
      {"[0.5, 0.1]", STATUS_DATA,
       "w:1:1: expected a witness ((X_0 value) ...), found \"[0.5,\""},
      {"{\"x\": [0.5, 0.1]", STATUS_DATA, "w:1:17: not valid JSON"},
      {"{}", STATUS_DATA, "w: $.x is missing: the inputs of the point"},
      {"{\"x\": [0.5]}", STATUS_DATA,
       "w: $.x has 1 numbers, but the network has 2 inputs"},
      {"{\"x\": [0.5, 0.1, 3]}", STATUS_DATA,
       "w: $.x has 3 numbers, but the network has 2 inputs"},
      {"{\"x\": 0.5}", STATUS_DATA, "w: $.x: expected an array of finite numbers"},
      {"{\"x\": [0.5, 1e999]}", STATUS_DATA,
       "w: $.x: expected an array of finite numbers"},
      {"{\"x\": [0.5, \"0.1\"]}", STATUS_DATA,
       "w: $.x: expected an array of finite numbers"},
      {"{\"x\": [0.5, null]}", STATUS_DATA,
       "w: $.x: expected an array of finite numbers"},
      {"{\"x\": [0.5, NaN]}", STATUS_DATA, "w:1:13: not valid JSON"},
      {"{\"x\": [0.5, 0.1], \"x\": [1, 1]}", STATUS_DATA,
       "w: key \"x\" is given twice"},
      {"{\"x\": [0.5, 0.1], \"z\": 1}", STATUS_DATA, "w: $: unknown key \"z\""},
      {"{\"x\": [0.5, 0.1], \"format\": \"other\"}", STATUS_DATA,
       "w: $.format: expected \"dualcert-witness\""},
      {"{\"x\": [0.5, 0.1], \"version\": 2}", STATUS_UNSUPPORTED,
       "w: $.version: only 1 is supported"},
      {"{\"x\": [0.5, 0.1], \"network\": \"0123abcd\"}", STATUS_DATA,
       "w: $.network: expected {\"sha256\": \"<64 hex digits>\"}"},
      {"{\"x\": [0.5, 0.1], \"network\": {\"sha256\": 7}}", STATUS_DATA,
       "w: $.network: expected {\"sha256\": \"<64 hex digits>\"}"},
  };
  Net *net = sum_net();
  Prop *p = small_prop();
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    double x[2];
    Err err = {0};
    File file = file_of(bad[k].text);
    cr_expect_eq(evidence_read("w", &file, net, p, x, &err), bad[k].code);
    cr_assert(err.text, "%s", bad[k].text);
    cr_expect_str_eq(err.text, bad[k].message, "%s: %s", bad[k].text, err.text);
    status_reset(&err);
    mem_free(file.data);
  }
  double x[2];
  File file = file_of(" \n{\"x\": [[0.5], [0.1]]}\n");
  cr_assert_eq(evidence_read("w", &file, net, p, x, NULL), STATUS_OK);
  cr_assert(x[0] == 0.5 && x[1] == 0.1);
  mem_free(file.data);
  prop_free(p);
  net_free(net);
}

/* Cut anywhere, or with a byte changed anywhere: an error or a point of finite numbers,
 * which the replay judges. */
Test(evidence, damaged_files_are_refused_or_read)
{
  Net *net = sum_net();
  Prop *p = small_prop();
  Text t = {0};
  Prng prng = prng_init(1);
  get_evidence(net, p, true, &t);
  size_t whole = t.n;
  while (t.s[whole - 1] == '\n')
    whole--;
  for (size_t n = 0; n < 3 * t.n; n++) {
    File file = file_of(t.s);
    if (n < whole) {
      file.size = n;
      file.data[n] = 0;
    } else {
      file.data[prng_below(&prng, (int)t.n)] = (char)(1 + prng_below(&prng, 255));
    }
    double x[2] = {NAN, NAN};
    Err err = {0};
    const Status rc = evidence_read("w", &file, net, p, x, &err);
    cr_assert(n >= whole || rc == STATUS_DATA, "cut after %zu bytes", n);
    cr_assert((rc == STATUS_OK) == !err.text);
    if (!rc) cr_assert(isfinite(x[0]) && isfinite(x[1]));
    status_reset(&err);
    mem_free(file.data);
  }
  text_free(&t);
  prop_free(p);
  net_free(net);
}
