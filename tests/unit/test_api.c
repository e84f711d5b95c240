/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library: what dualcert.h promises. */
#include <criterion/criterion.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds/blas.h"
#include "net/base/json.h"
#include "tests/support/handles.h"
#include "tests/support/process.h"

TestSuite(api, .timeout = 120);

/* ---- answers ------------------------------------------------------------- */

Test(api, proves_and_refutes)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_VERIFIED);
  cr_assert_eq(dualcert_result_cases(h.result), 1);
  cr_assert_eq(dualcert_result_open_cases(h.result), 0);
  const double bound = dualcert_result_bound(h.result);
  cr_assert(bound > 0 && bound <= 2.01 - 2, "%.17g", bound);
  cr_assert_eq(bound, dualcert_result_case_bound(h.result, 0));
  cr_assert_eq(dualcert_result_case_line(h.result, 0), 3);
  cr_assert_null(dualcert_result_input(h.result, NULL));
  cr_assert_str_eq(dualcert_result_witness(h.result), "");

  const char *spec = handles_spec("1.5");
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "s", spec, strlen(spec)), 0);
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_FALSIFIED);
  size_t n, m;
  const double *x = dualcert_result_input(h.result, &n);
  const double *y = dualcert_result_output(h.result, &m);
  cr_assert(n == 2 && m == 1);
  cr_assert(fabs(x[0]) <= 1 && fabs(x[1]) <= 1);
  cr_assert_eq(y[0], fmax(0, x[0] + x[1]) + fmax(0, x[0] - x[1]));
  cr_assert_geq(y[0], 1.5);
  cr_assert_geq(dualcert_result_output_float(h.result, NULL)[0], 1.5f);
  cr_assert_eq(dualcert_result_case(h.result), 0);
  cr_assert_str_eq(dualcert_result_kind(h.result), "robust");
  cr_assert(strstr(dualcert_result_witness(h.result), "(X_0 "));
  cr_assert(strstr(dualcert_result_evidence(h.result), "\"sha256\""));
  handles_close(&h);
}

Test(api, a_sweep_finds_the_largest_radius)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  char spec[256];
  /* Around (0, 0), y = 2 r: the limit 1 is met from r = 0.5 on. */
  for (int i = 1; i <= 8; i++) {
    const double r = i * 0.125;
    snprintf(spec, sizeof spec,
             "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
             "(assert (and (<= X_0 %.3f) (>= X_0 -%.3f) (<= X_1 %.3f) (>= X_1 -%.3f)))"
             "(assert (>= Y_0 1))",
             r, r, r, r);
    cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "s", spec, strlen(spec)), 0);
    cr_assert_eq(handles_verify(&h), 0);
    cr_assert_eq(dualcert_result_verdict(h.result),
                 r < 0.5 ? DUALCERT_VERIFIED : DUALCERT_FALSIFIED, "%g", r);
  }
  handles_close(&h);
}

Test(api, evaluates)
{
  Handles h = handles_open(handles_net, handles_spec("1"));
  const double x[2] = {0.25, -0.75}, nan[2] = {0, NAN};
  double y;
  float y32;
  cr_assert_eq(dualcert_network_eval(h.net, x, 2, &y, 1), 0);
  cr_assert_eq(y, 1.0); /* max (0, -0.5) + max (0, 1) */
  cr_assert_eq(dualcert_network_eval_float(h.net, x, 2, &y32, 1), 0);
  cr_assert_eq(y32, 1.0f);
  cr_assert_eq(dualcert_network_eval(h.net, x, 1, &y, 1), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_eval(h.net, x, 2, &y, 2), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_eval(h.net, nan, 2, &y, 1), DUALCERT_USAGE);
  handles_close(&h);
}

Test(api, certificates_are_written_and_checked)
{
  char path[] = "/tmp/dualcert-api-XXXXXX";
  const int fd = mkstemp(path);
  cr_assert_neq(fd, -1);
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  handles_set(&h, "certificate", path);
  handles_set(&h, "check", "1");
  cr_assert_eq(handles_verify(&h), 0, "%s", dualcert_result_error(h.result));
  cr_assert(strstr(dualcert_result_json(h.result), "\"checked\": true"));
  cr_assert_eq(dualcert_check(h.net, h.spec, path, h.result), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_VERIFIED);
  cr_assert(strstr(dualcert_result_json(h.result), "\"semantics\": \"real\""));
  /* The same certificate for a property that does not hold. */
  const char *spec = handles_spec("1.99");
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "s", spec, strlen(spec)), 0);
  cr_assert_eq(dualcert_check(h.net, h.spec, path, h.result), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_UNKNOWN);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_REJECTED);
  cr_assert(*dualcert_result_error(h.result));
  cr_assert_eq(dualcert_check(h.net, h.spec, "/none", h.result), DUALCERT_NO_INPUT);
  close(fd);
  unlink(path);
  handles_close(&h);
}

/* ---- errors -------------------------------------------------------------- */

Test(api, errors_have_a_status_and_a_text_and_handles_survive_them)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  cr_assert_eq(dualcert_network_read_file(h.net, "/none/at/all"), DUALCERT_NO_INPUT);
  cr_assert(strstr(dualcert_network_error(h.net), "/none/at/all"));
  cr_assert_eq(dualcert_network_inputs(h.net), 0);
  cr_assert_eq(handles_verify(&h), DUALCERT_USAGE);
  cr_assert(*dualcert_result_error(h.result));
  cr_assert_eq(dualcert_network_read_memory(h.net, "x.json", "{\"input\": 2", 11),
               DUALCERT_DATA);
  cr_assert(strstr(dualcert_network_error(h.net), "x.json:1:"));
  cr_assert_eq(dualcert_network_read_memory(h.net, "x.onnx", NULL, 0), DUALCERT_DATA);
  cr_assert_eq(
      dualcert_network_read_memory(h.net, "n", handles_net, strlen(handles_net)), 0);
  cr_assert_str_eq(dualcert_network_error(h.net), "");
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "s", "(assert (<= X_7 1))", 19),
               DUALCERT_DATA);
  cr_assert(strstr(dualcert_spec_error(h.spec), "s:1:"));
  cr_assert_eq(handles_verify(&h), DUALCERT_USAGE);
  const char *spec = handles_spec("2.01");
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "s", spec, strlen(spec)), 0);
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_VERIFIED);
  handles_set(&h, "certificate", "/none/at/all");
  cr_assert_eq(handles_verify(&h), DUALCERT_CREATE);
  cr_assert(strstr(dualcert_result_error(h.result), "/none/at/all"));
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_UNKNOWN);
  cr_assert_str_eq(dualcert_result_json(h.result), "");
  handles_close(&h);
}

Test(api, a_specification_of_another_network_is_refused)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  const char *other = handles_hard_net();
  cr_assert_eq(dualcert_network_read_memory(h.net, "n", other, strlen(other)), 0);
  cr_assert_eq(handles_verify(&h), DUALCERT_USAGE);
  cr_assert(strstr(dualcert_result_error(h.result), "another size"));
  cr_assert_eq(dualcert_check(h.net, h.spec, "/none", h.result), DUALCERT_USAGE);
  handles_close(&h);
}

Test(api, options_are_checked)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  static const char *const wrong[][2] = {
      {"timeout", "-1"}, {"timeout", "soon"},  {"threads", "0"},   {"stages", "magic"},
      {"check", "yes"},  {"format", "json"},   {"witness", "f"},   {"verbose", "1"},
      {"", ""},          {"semantics", "int"}, {"batch", "1e999"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_eq(dualcert_options_set(h.options, wrong[i][0], wrong[i][1]),
                 DUALCERT_USAGE, "%s", wrong[i][0]);
    const char *text = dualcert_options_error(h.options);
    cr_assert(!strncmp(text, wrong[i][0], strlen(wrong[i][0])), "%s", text);
  }
  cr_assert_eq(dualcert_options_log(h.options, 3, NULL, NULL), DUALCERT_USAGE);
  handles_set(&h, "max-nodes", "17");
  cr_assert_str_eq(dualcert_options_error(h.options), "");
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert(strstr(dualcert_result_json(h.result), "\"max_nodes\": 17"));
  size_t n = 0;
  while (dualcert_options_name(n))
    n++;
  cr_assert_gt(n, 15);
  handles_close(&h);
}

Test(api, null_is_refused_everywhere)
{
  double x = 0;
  float f = 0;
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  cr_assert_eq(dualcert_network_read_file(NULL, "x"), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_read_file(h.net, NULL), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_read_memory(h.net, NULL, "", 0), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_read_memory(h.net, "x", NULL, 1), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_eval(NULL, &x, 1, &x, 1), DUALCERT_USAGE);
  cr_assert_eq(dualcert_network_eval_float(h.net, NULL, 2, &f, 1), DUALCERT_USAGE);
  cr_assert_eq(dualcert_spec_read_file(NULL, h.net, "x"), DUALCERT_USAGE);
  cr_assert_eq(dualcert_spec_read_file(h.spec, NULL, "x"), DUALCERT_USAGE);
  cr_assert_eq(dualcert_spec_read_file(h.spec, h.net, NULL), DUALCERT_USAGE);
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "x", NULL, 1), DUALCERT_USAGE);
  cr_assert_eq(dualcert_options_set(NULL, "x", "y"), DUALCERT_USAGE);
  cr_assert_eq(dualcert_options_set(h.options, NULL, "y"), DUALCERT_USAGE);
  cr_assert_eq(dualcert_options_set(h.options, "seed", NULL), DUALCERT_USAGE);
  cr_assert_eq(dualcert_options_log(NULL, 1, NULL, NULL), DUALCERT_USAGE);
  cr_assert_eq(dualcert_verify(h.net, h.spec, NULL, NULL), DUALCERT_USAGE);
  cr_assert_eq(dualcert_verify(NULL, h.spec, NULL, h.result), DUALCERT_USAGE);
  cr_assert_eq(dualcert_verify(h.net, NULL, NULL, h.result), DUALCERT_USAGE);
  cr_assert_eq(dualcert_check(h.net, h.spec, NULL, h.result), DUALCERT_USAGE);
  cr_assert_eq(dualcert_check(h.net, h.spec, "x", NULL), DUALCERT_USAGE);
  cr_assert_null(dualcert_network_error(NULL));
  cr_assert_null(dualcert_spec_error(NULL));
  cr_assert_null(dualcert_options_error(NULL));
  cr_assert_null(dualcert_result_error(NULL));
  cr_assert(isnan(dualcert_result_bound(NULL)));
  cr_assert(isnan(dualcert_result_case_best(h.result, 5)));
  cr_assert_eq(dualcert_result_verdict(NULL), DUALCERT_UNKNOWN);
  cr_assert_str_eq(dualcert_result_json(NULL), "");
  dualcert_result_cancel(NULL);
  dualcert_result_reset(NULL);
  dualcert_network_free(NULL);
  dualcert_spec_free(NULL);
  dualcert_options_free(NULL);
  dualcert_result_free(NULL);
  handles_close(&h);
}

/* ---- logs and cancelling --------------------------------------------------- */

typedef struct {
  dualcert_result *cancel;
  atomic_int n, within, wrong;
  bool masked, same_handler, plain_arithmetic;
  int blas;
} Log;

/* Where tiny numbers may become 0: bits DAZ and FTZ of this processor. */
#ifdef __x86_64__
static bool flushes_to_zero(void)
{
  return __builtin_ia32_stmxcsr() & 0x8040;
}
static void flush_to_zero(bool yes)
{
  __builtin_ia32_ldmxcsr((__builtin_ia32_stmxcsr() & ~0x8040u) | (yes ? 0x8040u : 0));
}
#else
static bool flushes_to_zero(void)
{
  return false;
}
static void flush_to_zero(bool yes)
{
  (void)yes;
}
#endif

static void note(void *context, int level, const char *text)
{
  Log *log = context;
  sigset_t mask;
  struct sigaction action;
  if (atomic_fetch_add(&log->within, 1)) atomic_store(&log->wrong, 1);
  if (level < 1 || level > 2 || strchr(text, '\n') || !*text)
    atomic_store(&log->wrong, 2);
  atomic_fetch_add(&log->n, 1);
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  sigaction(SIGINT, NULL, &action);
  log->masked = sigismember(&mask, SIGINT) && sigismember(&mask, SIGUSR1);
  log->same_handler = action.sa_handler == SIG_DFL;
  log->blas = blas_threads();
  log->plain_arithmetic = fegetround() == FE_TONEAREST && !flushes_to_zero();
  if (log->cancel) dualcert_result_cancel(log->cancel);
  atomic_fetch_sub(&log->within, 1);
}

Test(api, the_log_cancels_and_the_process_is_left_alone)
{
  Handles h = handles_open(handles_hard_net(), handles_hard_spec());
  Log log = {.cancel = h.result};
  signal(SIGINT, SIG_DFL);
  blas_set_threads(2);
  const int before = blas_threads();
  cr_assert_eq(dualcert_options_log(h.options, 2, note, &log), 0);
  flush_to_zero(true);
  cr_assert_eq(handles_verify(&h), 0);
  flush_to_zero(false);
  cr_assert(log.plain_arithmetic);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_UNKNOWN);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_INTERRUPTED);
  cr_assert(log.n >= 1 && !log.wrong && log.masked && log.same_handler);
  cr_assert(log.blas == 1 && blas_threads() == before);
  /* It stays cancelled until it is reset. */
  const int lines = log.n;
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_INTERRUPTED);
  dualcert_result_reset(h.result);
  handles_set(&h, "stages", "ibp");
  log.cancel = NULL;
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_INCOMPLETE);
  cr_assert_gt(log.n, lines);
  handles_close(&h);
}

static void *verify_in_thread(void *context)
{
  Handles *h = context;
  cr_assert_eq(handles_verify(h), 0);
  return NULL;
}

Test(api, cancel_from_another_thread)
{
  Handles h = handles_open(handles_hard_net(), handles_hard_spec());
  Log log = {.cancel = NULL};
  pthread_t thread;
  dualcert_options_log(h.options, 2, note, &log);
  cr_assert_eq(pthread_create(&thread, NULL, verify_in_thread, &h), 0);
  while (!atomic_load(&log.n))
    usleep(1000);
  dualcert_result_cancel(h.result);
  pthread_join(thread, NULL);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_INTERRUPTED);
  handles_close(&h);
}

Test(api, a_timeout_is_an_answer)
{
  Handles h = handles_open(handles_hard_net(), handles_hard_spec());
  handles_set(&h, "timeout", "0.2");
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_TIMEOUT);
  cr_assert_geq(dualcert_result_seconds(h.result), 0.2);
  handles_close(&h);
}

/* ---- the room of a call ---------------------------------------------------- */

Test(api, rounding_and_locale_of_the_caller_change_nothing)
{
  static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  cr_assert_eq(handles_verify(&h), 0);
  const double bound = dualcert_result_bound(h.result);
  for (size_t i = 0; i < sizeof commas / sizeof *commas; i++)
    if (setlocale(LC_ALL, commas[i])) break;
  const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int i = 0; i < 3; i++) {
    fesetround(modes[i]);
    const int status = handles_verify(&h);
    const int after = fegetround();
    fesetround(FE_TONEAREST);
    cr_assert_eq(status, 0, "%s", dualcert_result_error(h.result));
    cr_assert_eq(after, modes[i]);
    cr_assert_eq(dualcert_result_bound(h.result), bound);
  }
  setlocale(LC_ALL, "C");
  const char *json = dualcert_result_json(h.result);
  const File file = {.data = (char *)json, .size = strlen(json)};
  Err err = {0};
  cJSON *root = json_parse("result", &file, &err);
  cr_assert(root, "%s", err.text);
  cr_assert_eq(json_get(root, "bound")->valuedouble, bound);
  json_free(root);
  handles_close(&h);
}

/* ---- like the command line ------------------------------------------------- */

typedef struct {
  const char *net, *spec;
  char words[32]; /* of the command line */
  char mine[32];
} Question;

static void *ask(void *context)
{
  Question *q = context;
  Handles h = {dualcert_network_new(), dualcert_spec_new(), NULL,
               dualcert_result_new()};
  char path[128];
  snprintf(path, sizeof path, "benchmarks/examples/%s", q->net);
  int status = dualcert_network_read_file(h.net, path);
  snprintf(path, sizeof path, "benchmarks/examples/%s", q->spec);
  if (!status) status = dualcert_spec_read_file(h.spec, h.net, path);
  if (!status) status = handles_verify(&h);
  snprintf(q->mine, sizeof q->mine, "%s",
           status ? "error" : dualcert_verdict_name(dualcert_result_verdict(h.result)));
  handles_close(&h);
  return NULL;
}

Test(api, several_at_once_answer_as_the_command_line)
{
  Question q[] = {{.net = "hand.json", .spec = "hand-narrow.vnnlib"},
                  {.net = "hand.json", .spec = "hand-between.vnnlib"},
                  {.net = "hand.json", .spec = "hand-wide.vnnlib"},
                  {.net = "brake.onnx", .spec = "brake-narrow.vnnlib"},
                  {.net = "brake.onnx", .spec = "brake-wide.vnnlib"},
                  {.net = "digits-dense.onnx", .spec = "digits-dense-narrow.vnnlib"}};
  enum { N = sizeof q / sizeof *q };
  pthread_t thread[N];
  for (int i = 0; i < N; i++) {
    char words[256];
    snprintf(words, sizeof words,
             "verify benchmarks/examples/%s benchmarks/examples/%s", q[i].net,
             q[i].spec);
    Process p = process_run(words, NULL, NULL, NULL);
    snprintf(q[i].words, sizeof q[i].words, "%.*s", (int)strcspn(p.out, "\n"), p.out);
    process_free(&p);
  }
  for (int i = 0; i < N; i++)
    cr_assert_eq(pthread_create(&thread[i], NULL, ask, &q[i]), 0);
  for (int i = 0; i < N; i++)
    pthread_join(thread[i], NULL);
  for (int i = 0; i < N; i++)
    cr_assert_str_eq(q[i].mine, q[i].words, "%s", q[i].spec);
}

static cJSON *parse(const char *text)
{
  const File file = {.data = (char *)text, .size = strlen(text)};
  Err err = {0};
  cJSON *root = json_parse("json", &file, &err);
  cr_assert(root, "%s", err.text);
  return root;
}

Test(api, json_is_that_of_the_command_line)
{
  Process p =
      process_run("verify --format json --threads 2 benchmarks/examples/hand.json"
                  " benchmarks/examples/hand-wide.vnnlib",
                  NULL, NULL, NULL);
  Handles h = handles_open(handles_net, handles_spec("1.5"));
  cr_assert_eq(dualcert_network_read_file(h.net, "benchmarks/examples/hand.json"), 0);
  cr_assert_eq(
      dualcert_spec_read_file(h.spec, h.net, "benchmarks/examples/hand-wide.vnnlib"),
      0);
  cr_assert_eq(handles_verify(&h), 0);
  cJSON *theirs = parse(p.out), *mine = parse(dualcert_result_json(h.result));
  /* Times are the only difference. */
  for (int i = 0; i < 2; i++) {
    cJSON *root = i ? theirs : mine, *stage;
    cJSON_SetNumberValue(cJSON_GetObjectItem(root, "seconds"), 0);
    cJSON_ArrayForEach(stage, cJSON_GetObjectItem(root, "stages"))
        cJSON_SetNumberValue(cJSON_GetObjectItem(stage, "seconds"), 0);
    /* When a bound was seen is a matter of time, and so is how often. */
    cr_assert(cJSON_IsArray(cJSON_GetObjectItem(root, "trace")));
    cJSON_DeleteItemFromObject(root, "trace");
  }
  cr_assert(cJSON_Compare(theirs, mine, true), "%s\n%s", p.out,
            dualcert_result_json(h.result));
  json_free(theirs);
  json_free(mine);
  process_free(&p);
  handles_close(&h);
}

Test(api, version)
{
  cr_assert_eq(dualcert_abi_version(), DUALCERT_ABI);
  cr_assert_str_eq(dualcert_version(), DUALCERT_VERSION);
  cr_assert_str_eq(dualcert_status_name(DUALCERT_UNSUPPORTED), "unsupported");
  cr_assert_str_eq(dualcert_reason_name(DUALCERT_REASON_MEMORY), "memory");
  cr_assert_str_eq(dualcert_verdict_name(99), "unknown");
}
