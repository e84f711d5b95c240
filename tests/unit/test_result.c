/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/json.h"
#include "specs/result.h"
#include "specs/vnnlib.h"

/* y = (x, -x) */
static Net *small_net(const char *path)
{
  static const double W[] = {1, -1};
  Net *net = net_new(path);
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 1, .name = "x"}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 2,
                      .reps = 1,
                      .rows = 2,
                      .cols = 1,
                      .W = W,
                      .name = "y"};
  net_add(net, &dense, (int[]){0}, 1);
  net->is_float32 = true;
  return net;
}

/* Two cases: y0 >= 0.75, y1 >= 0 on x in [0, 1]. */
static Prop *two_cases(void)
{
  const char *text =
      "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)\n"
      "(assert (and (>= X_0 0)(<= X_0 1)))\n(assert (or\n(>= Y_0 0.75)\n(>= Y_1 0)))";
  Err err = {0};
  Prop *p =
      vnnlib_parse("a \"spec\"\\\x01\xff\xc3\xa9", text, strlen(text), 1, 2, &err);
  cr_assert(p, "%s", err.text);
  return p;
}

static void expect_text(const Result *r, const char *expected)
{
  Text t = {0};
  result_print_text(r, &t);
  cr_assert_str_eq(t.s, expected);
  text_free(&t);
}

static void expect_vnncomp(const Result *r, const Net *net, const char *expected)
{
  Text t = {0};
  result_print_vnncomp(r, net, &t);
  cr_assert_str_eq(t.s, expected);
  text_free(&t);
}

Test(result, all_cases_must_have_a_proven_positive_bound)
{
  Net *net = small_net("n");
  Prop *p = two_cases();
  Result r;
  result_init(&r, p);
  expect_text(&r, "unknown\n");
  cr_assert_eq(result_worst(&r), -INFINITY);
  result_raise(&r, 0, 0.5, "ibp");
  result_raise(&r, 0, 0.75, "crown");
  result_raise(&r, 0, 0.25, "crown");
  cr_assert_eq(r.cases[0].lower, 0.75);
  cr_assert_str_eq(r.cases[0].stage, "ibp");
  cr_assert_eq(r.n_open, 1);
  result_raise(&r, 1, 0, "ibp");
  result_raise(&r, 1, NAN, "ibp");
  result_raise(&r, 1, INFINITY, "ibp");
  cr_assert_eq(r.verdict, RESULT_UNKNOWN);
  cr_assert_eq(result_worst(&r), 0);
  result_raise(&r, 1, 0x1p-1074, "dual");
  cr_assert_eq(r.verdict, RESULT_VERIFIED);
  cr_assert_eq(r.n_open, 0);
  result_give_up(&r, RESULT_TIMEOUT);
  expect_text(&r, "verified\n");
  expect_vnncomp(&r, net, "unsat\n");
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

Test(result, a_property_without_cases_is_verified_at_once)
{
  Prop *p = prop_new("p", 1, 1);
  prop_finish(p);
  Result r;
  result_init(&r, p);
  expect_text(&r, "verified\n");
  cr_assert_eq(result_worst(&r), INFINITY);
  result_reset(&r);
  prop_free(p);
}

Test(result, only_a_replayed_witness_falsifies_and_the_first_one_stays)
{
  Net *net = small_net("n");
  Prop *p = two_cases();
  Result r;
  result_init(&r, p);
  cr_assert_not(result_try_witness(&r, net, p, &(double){0.5}));
  cr_assert_not(result_try_witness(&r, net, p, &(double){2}));
  cr_assert_eq(r.verdict, RESULT_UNKNOWN);
  result_give_up(&r, RESULT_INCOMPLETE);
  cr_assert(result_try_witness(&r, net, p, &(double){0.875}));
  cr_assert(result_try_witness(&r, net, p, &(double){1}));
  cr_assert_eq(r.verdict, RESULT_FALSIFIED);
  cr_assert_eq(r.witness.x[0], 0.875);
  cr_assert_eq(r.cases[0].best, -0.25);
  result_give_up(&r, RESULT_TIMEOUT);
  result_raise(&r, 1, 1, "lp");
  expect_text(&r, "falsified\n");
  expect_vnncomp(&r, net, "sat\n((X_0 0.875)\n(Y_0 0.875)\n(Y_1 -0.875))\n");
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

Test(result, reasons_are_printed_and_limits_outrank_incomplete)
{
  static const struct {
    Reason reason;
    const char *text, *vnncomp;
  } all[] = {{RESULT_TIMEOUT, "unknown (timeout)\n", "timeout\n"},
             {RESULT_MEMORY, "unknown (memory)\n", "unknown\n"},
             {RESULT_INCOMPLETE, "unknown (incomplete)\n", "unknown\n"},
             {RESULT_INTERRUPTED, "unknown (interrupted)\n", "unknown\n"}};
  Net *net = small_net("n");
  Prop *p = two_cases();
  for (int k = 0; k < 4; k++) {
    Result r;
    result_init(&r, p);
    result_give_up(&r, RESULT_INCOMPLETE);
    result_give_up(&r, all[k].reason);
    result_give_up(&r, RESULT_INCOMPLETE);
    expect_text(&r, all[k].text);
    expect_vnncomp(&r, net, all[k].vnncomp);
    result_reset(&r);
  }
  cr_assert_eq(result_reason_of(STOP_TIMEOUT), RESULT_TIMEOUT);
  cr_assert_eq(result_reason_of(STOP_MEMORY), RESULT_MEMORY);
  cr_assert_eq(result_reason_of(STOP_INTERRUPTED), RESULT_INTERRUPTED);
  cr_assert_eq(result_reason_of(STOP_NO), RESULT_NO_REASON);
  prop_free(p);
  net_free(net);
}

Test(result, stages_are_made_once)
{
  Prop *p = two_cases();
  Result r;
  result_init(&r, p);
  StageResult *ibp = result_stage(&r, "ibp"), *lp = result_stage(&r, "lp");
  cr_assert_neq(ibp, lp);
  cr_assert_eq(result_stage(&r, "ibp"), ibp);
  cr_assert_eq(r.n_stages, 2);
  result_reset(&r);
  prop_free(p);
}

static cJSON *read_json(const Text *t)
{
  Err err = {0};
  const File f = {.data = t->s, .size = t->n};
  cJSON *root = json_parse("result", &f, &err);
  cr_assert(root, "%s\n%s", err.text, t->s);
  return root;
}

Test(result, json_is_valid_and_complete)
{
  Net *net = small_net("net\n.onnx");
  Prop *p = two_cases();
  p->n_dropped = 3;
  Result r;
  result_init(&r, p);
  result_saw(&r, 0, 0.125);
  result_saw(&r, 0, 0.5);
  result_saw(&r, 0, NAN);
  result_raise(&r, 0, -0.1, "ibp");
  result_stage(&r, "ibp")->seconds = 0.5;
  result_give_up(&r, RESULT_TIMEOUT);
  r.seconds = NAN;
  Text t = {0};
  result_print_json(&r, net, p, "\"version\": \"1\", \"options\": {}", &t);
  cJSON *root = read_json(&t);
  cr_assert_str_eq(json_get(root, "verdict")->valuestring, "unknown");
  cr_assert_str_eq(json_get(root, "reason")->valuestring, "timeout");
  cr_assert_str_eq(json_get(root, "version")->valuestring, "1");
  cr_assert(cJSON_IsNull(json_get(root, "seconds")));
  cr_assert(cJSON_IsNull(json_get(root, "bound")));
  cr_assert_eq(json_get(root, "n_dropped")->valuedouble, 3);
  cr_assert(cJSON_IsFalse(json_get(root, "vacuous")));
  cr_assert_null(json_get(root, "witness"));
  const cJSON *cases = json_get(root, "cases");
  cr_assert_eq(cJSON_GetArraySize(cases), 2);
  cr_assert_eq(json_get(cases->child, "lower")->valuedouble, -0.1);
  cr_assert_eq(json_get(cases->child, "best")->valuedouble, 0.125);
  cr_assert_eq(json_get(cases->child, "line")->valuedouble, 4);
  cr_assert(cJSON_IsNull(json_get(cases->child, "stage")));
  cr_assert(cJSON_IsNull(json_get(cases->child->next, "best")));
  cr_assert_eq(json_get(json_get(root, "stages")->child, "seconds")->valuedouble, 0.5);
  cr_assert_str_eq(json_get(json_get(root, "network"), "path")->valuestring,
                   "net\n.onnx");
  cr_assert_str_eq(json_get(json_get(root, "specification"), "path")->valuestring,
                   "a \"spec\"\\\x01\xef\xbf\xbd\xc3\xa9");
  cJSON_Delete(root);
  text_free(&t);
  cr_assert(result_try_witness(&r, net, p, &(double){0.875}));
  result_print_json(&r, net, p, NULL, &t);
  root = read_json(&t);
  const cJSON *w = json_get(root, "witness");
  cr_assert(cJSON_IsNull(json_get(root, "reason")));
  cr_assert_eq(json_get(w, "case")->valuedouble, 0);
  cr_assert_eq(json_get(w, "margin")->valuedouble, -0.125);
  cr_assert_eq(json_get(w, "x")->child->valuedouble, 0.875);
  cr_assert_eq(json_get(w, "lo")->child->valuedouble, 0);
  cr_assert_eq(json_get(w, "hi")->child->valuedouble, 1);
  cr_assert_eq(cJSON_GetArraySize(json_get(w, "y32")), 2);
  cJSON_Delete(root);
  text_free(&t);
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

/* Waits long enough that every change is a point of its own. */
static void pause_for(const Result *r)
{
  const double begin = clock_now();
  while (clock_now() - begin < 2 * r->trace.step)
    ;
}

Test(result, the_trace_has_what_was_proved_when)
{
  Net *net = small_net("n");
  Prop *p = two_cases();
  Result r;
  result_init(&r, p);
  /* case 0: none -2 0.5; case 1: none -1; then a search of both, as deep as -0.25 */
  result_raise(&r, 0, -2, "ibp");
  pause_for(&r);
  result_raise(&r, 1, -1, "ibp");
  pause_for(&r);
  result_raise(&r, 0, 0.5, "crown");
  pause_for(&r);
  result_search(&r, 0, 2, -0.25);
  pause_for(&r);
  result_search(&r, 0, 2, -0.5);
  result_search(&r, 0, 2, NAN);
  Text t = {0};
  result_print_json(&r, net, p, NULL, &t);
  cJSON *root = read_json(&t);
  static const double bound[] = {NAN, NAN, -2, -1, -0.25, -0.25};
  static const int n_open[] = {2, 2, 2, 1, 1, 1};
  const cJSON *trace = json_get(root, "trace");
  cr_assert_eq(cJSON_GetArraySize(trace), 6);
  double last = -1;
  for (int i = 0; i < 6; i++) {
    const cJSON *point = cJSON_GetArrayItem(trace, i), *lower = point->child->next;
    cr_assert(point->child->valuedouble >= last);
    last = point->child->valuedouble;
    if (isnan(bound[i]))
      cr_assert(cJSON_IsNull(lower));
    else
      cr_assert_eq(lower->valuedouble, bound[i]);
    cr_assert_eq(lower->next->valuedouble, n_open[i]);
  }
  cr_assert_eq(json_get(root, "input_shape")->child->valuedouble, 1);
  cr_assert_eq(cJSON_GetArraySize(json_get(root, "input_shape")), 1);
  cJSON_Delete(root);
  text_free(&t);
  result_reset(&r);
  prop_free(p);
  net_free(net);
}

Test(result, a_proof_against_a_witness_aborts, .signal = SIGABRT)
{
  Net *net = small_net("n");
  Prop *p = two_cases();
  Result r;
  result_init(&r, p);
  result_raise(&r, 0, 0.5, "wrong");
  result_try_witness(&r, net, p, &(double){0.875});
}

static void *raise_many(void *arg)
{
  for (int k = 0; k < 2000; k++)
    result_raise(arg, k, 1 + k, "thread");
  return NULL;
}

Test(result, threads_may_raise_and_print_at_once)
{
  Prop *p = prop_new("p", 1, 1);
  Box box = box_new(1);
  prop_add_box(p, &box);
  for (int k = 0; k < 2000; k++)
    prop_add_case(p, 0, NULL, 0, k);
  prop_finish(p);
  box_free(&box);
  Result r;
  result_init(&r, p);
  pthread_t thread[4];
  for (int k = 0; k < 4; k++)
    pthread_create(&thread[k], NULL, raise_many, &r);
  for (int k = 0; k < 50; k++) {
    Text t = {0};
    result_print_text(&r, &t);
    text_free(&t);
  }
  for (int k = 0; k < 4; k++)
    pthread_join(thread[k], NULL);
  cr_assert_eq(r.n_open, 0);
  expect_text(&r, "verified\n");
  cr_assert_eq(result_worst(&r), 1);
  result_reset(&r);
  prop_free(p);
}
