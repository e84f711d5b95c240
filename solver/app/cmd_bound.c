/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_bound.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "solver/bound.h"
#include "solver/options.h"
#include "solver/app/limited.h"
#include "solver/app/mistake.h"
#include "solver/app/usage.h"
#include "solver/app/networks.h"
#include "specs/problem.h"

/* In the order of BoundMethod. */
static const char *const method_words[] = {"ibp",  "crown", "slopes",
                                           "dual", "lp",    NULL};
static const char *const lambda_words[] = {"eliminated", "free", NULL};
static const char *const step_words[] = {"adam", "decay", NULL};

/* For last words on other threads; constant once has_rows is set, but for the
 * numbers in rows. */
static struct {
  Usage usage;
  BoundRequest request;
  int method; /* -1 until given */
  double timeout;
  size_t memory;
  Net *net;
  Prop *prop;
  Problem problem; /* owns both */
  BoundRow *rows;
  atomic_bool has_rows;
} run;

/* ---- arguments ----------------------------------------------------------- */

enum {
  KEY_METHOD = 0x100,
  KEY_ITERATIONS,
  KEY_JOINT,
  KEY_STEP,
  KEY_LAMBDA,
  KEY_SEED,
  KEY_THREADS,
  KEY_TIMEOUT,
  KEY_MEMORY,
  KEY_SEMANTICS
};

static const struct argp_option options[] = {
    {"method", KEY_METHOD, "METHOD", 0, "ibp, crown, slopes, dual or lp (required)", 1},
    {"iterations", KEY_ITERATIONS, "N", 0,
     "Of slopes and dual (default: the method's own)", 1},
    {"joint", KEY_JOINT, 0, 0, "Optimise intermediate bounds too", 1},
    {"step", KEY_STEP, "RULE", 0, "adam (default) or decay: the steps of dual", 1},
    {"lambda", KEY_LAMBDA, "FORM", 0,
     "eliminated (default: its closed form) or free: the lambda of dual", 1},
    {"semantics", KEY_SEMANTICS, "NUMBERS", 0,
     "Of the network over the real numbers (real, default) or of every execution in "
     "float32 (float32)",
     1},
    {"seed", KEY_SEED, "N", 0, "Of random numbers (default: 0)", 1},
    {"threads", KEY_THREADS, "N", 0, "Worker threads (default: one per processor)", 2},
    {"timeout", KEY_TIMEOUT, "S", 0, "Stop after S seconds (default: never)", 2},
    {"memory", KEY_MEMORY, "MB", 0, "Stop before using more (default: no limit)", 2},
    {0, 0, 0, 0, 0, 0},
};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Err *err = &run.usage.err;
  long long x = 0;
  int i = 0;
  Status rc;
  switch (key) {
  case KEY_METHOD:
    rc = options_word("method", arg, method_words, &run.method, err);
    return usage_checked(rc);
  case KEY_ITERATIONS:
    rc = options_int("iterations", arg, 1, 100000000, &x, err);
    run.request.iterations = (int)x;
    return usage_checked(rc);
  case KEY_JOINT:
    run.request.joint = true;
    return 0;
  case KEY_STEP:
    rc = options_word("step", arg, step_words, &i, err);
    run.request.decay = i == 1;
    return usage_checked(rc);
  case KEY_LAMBDA:
    rc = options_word("lambda", arg, lambda_words, &i, err);
    run.request.free_lambda = i == 1;
    return usage_checked(rc);
  case KEY_SEMANTICS:
    rc = options_word("semantics", arg, options_semantics, &i, err);
    run.request.float32 = i == SEMANTICS_FLOAT32;
    return usage_checked(rc);
  case KEY_SEED:
    rc = options_int("seed", arg, 0, INT64_MAX, &x, err);
    run.request.seed = (uint64_t)x;
    return usage_checked(rc);
  case KEY_THREADS:
    rc = options_int("threads", arg, 1, 1024, &x, err);
    run.request.threads = (int)x;
    return usage_checked(rc);
  case KEY_TIMEOUT:
    return usage_checked(options_seconds("timeout", arg, &run.timeout, err));
  case KEY_MEMORY:
    rc = options_int("memory", arg, 1, 1LL << 30, &x, err);
    run.memory = (size_t)x << 20;
    return usage_checked(rc);
  default:
    return usage_key(state->input, key, arg);
  }
}

static const char doc[] =
    "Compute the proven lower bound of every case's margin with one method."
    "\v"
    "Output is CSV with the header 'case,method,lower,seconds,iterations'. A case is "
    "proved when its bound is above 0. Exit status: 0 done, 2 cut short by a limit or "
    "a "
    "signal (the bounds printed are valid), 64-74 errors.";

static Status parse(int argc, char **argv)
{
  run.usage = (Usage){.command = "bound", .n_wanted = 2, .names = {"NET", "SPEC"}};
  run.method = -1;
  run.timeout = INFINITY;
  Options defaults;
  options_init(&defaults);
  run.request.threads = defaults.threads;
  const struct argp argp = {options, parse_key, "NET SPEC", doc, NULL, NULL, NULL};
  const Status rc = usage_parse(&argp, argc, argv, &run.usage, &run.usage);
  if (rc) return rc;
  if (run.method < 0) {
    status_fail(&run.usage.err, STATUS_USAGE,
                "bound: --method is missing; one of ibp, crown, slopes, dual, lp");
    return (Status)usage_report(&run.usage.err);
  }
  run.request.method = (BoundMethod)run.method;
  return mistake_check(&run.usage);
}

/* ---- the run ------------------------------------------------------------- */

#define HEADER "case,method,lower,seconds,iterations\n"

static void format_rows(Text *out)
{
  text_add(out, "%s", HEADER);
  for (int k = 0; k < run.prop->n_cases; k++) {
    const BoundRow *row = &run.rows[k];
    text_add(out, "%d,%s,%.17g,%.6f,%ld\n", k, method_words[run.request.method],
             row->lower, row->seconds, row->iterations);
  }
}

static const char *fallback(Reason why)
{
  (void)why;
  return HEADER;
}

static int last_words(Reason why, Text *out)
{
  if (atomic_load(&run.has_rows))
    format_rows(out);
  else
    text_add(out, "%s", fallback(why));
  limits_print(out, 2, NULL);
  return 2;
}

static Status load(Err *err)
{
  const Status rc = round_self_test(err);
  if (rc) return rc;
  Networks nets = {0};
  Status loaded = networks_positional(&nets, run.usage.args[0], err);
  const ProblemFiles files = {.nets = nets.nets,
                              .n_nets = nets.n,
                              .spec = run.usage.args[1],
                              .float32 = run.request.float32};
  if (!loaded) loaded = problem_load(&files, &run.problem, err);
  networks_reset(&nets);
  run.net = run.problem.net;
  run.prop = run.problem.prop;
  return loaded;
}

static int compute(const Stop *stop, Err *err)
{
  const size_t n = (size_t)run.prop->n_cases;
  run.rows = mem_array(n, sizeof *run.rows);
  for (size_t k = 0; k < n; k++)
    run.rows[k] = (BoundRow){-INFINITY, 0, 0};
  limits_reserve(((size_t)1 << 16) + n * 96);
  atomic_store(&run.has_rows, true);
  const Status rc = bound_compute(run.net, run.prop, &run.request, stop, run.rows, err);
  const bool cut = stop_why(stop) != STOP_NO;
  limits_claim();
  if (rc) return usage_report(err);
  const int code = cut ? 2 : 0;
  Text out = {0};
  format_rows(&out);
  const Status printed = limits_print(&out, code, err);
  text_free(&out);
  return printed ? usage_report(err) : code;
}

static void clean_up(void)
{
  atomic_store(&run.has_rows, false);
  mem_free(run.rows);
  problem_free(&run.problem);
  run.rows = NULL;
  run.prop = NULL;
  run.net = NULL;
}

int cmd_bound_run(int argc, char **argv)
{
  const Status wrong = parse(argc, argv);
  if (wrong) return (int)wrong;
  const Limited run_with = {.limits = {.timeout = run.timeout,
                                       .memory = run.memory,
                                       .last_words = last_words,
                                       .fallback = fallback,
                                       .fallback_exit = 2},
                            .load = load,
                            .work = compute,
                            .clean_up = clean_up};
  return limited_run(&run_with);
}
