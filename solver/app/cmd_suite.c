/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* sched_getaffinity */
#include "solver/app/cmd_suite.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "solver/app/usage.h"
#include "solver/batch/job.h"
#include "solver/batch/merge.h"

int (*cmd_suite_runner)(const SuitePlan *plan, const Instances *list, Text *table,
                        Err *err);

/* ---- arguments --------------------------------------------------------------- */

enum {
  KEY_OUT = 0x100,
  KEY_TIMEOUT,
  KEY_MEMORY,
  KEY_THREADS,
  KEY_CATEGORY,
  KEY_SAMPLE,
  KEY_SHARD,
  KEY_RESUME,
  KEY_FORCE,
  KEY_CERTIFICATES,
  KEY_CHECK,
  KEY_PROGRAM,
  KEY_MERGE,
  KEY_DATABASE,
  KEY_FORMAT
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What to run:", 1},
    {"category", KEY_CATEGORY, "NAME", 0, "Only this category (may be repeated)", 0},
    {"sample", KEY_SAMPLE, "N", 0, "N instances of each category, evenly spaced", 0},
    {"shard", KEY_SHARD, "K/N", 0,
     "The K-th of N equal parts, for several machines; see --merge", 0},
    {"program", KEY_PROGRAM, "FILE", 0, "The dualcert to run (default: this one)", 0},
    {0, 0, 0, 0, "Limits:", 2},
    {"timeout", KEY_TIMEOUT, "S", 0,
     "At most S seconds for each instance (default: what its line says)", 0},
    {"memory", KEY_MEMORY, "MB", 0, "At most so much for each instance", 0},
    {"jobs", 'j', "N", 0, "So many at the same time (default: 1)", 0},
    {"threads", KEY_THREADS, "N", 0,
     "Threads of each (default: processors / jobs, at least 1)", 0},
    {0, 0, 0, 0, "Results:", 3},
    {"out", KEY_OUT, "DIR", 0, "Folder for them (default: suite-results)", 0},
    {"resume", KEY_RESUME, 0, 0,
     "Fail when DIR has no results yet; what is there is never run again anyway", 0},
    {"force", KEY_FORCE, 0, 0, "Continue although settings or program differ", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, "Of the table: text (default) or markdown", 0},
    {"db", KEY_DATABASE, "FILE", 0, "Put the results into this SQLite file too", 0},
    {"merge", KEY_MERGE, 0, 0,
     "Run nothing: put the results of these folders into that of --out (default: the "
     "first one) and print the table",
     0},
    {"certificates", KEY_CERTIFICATES, "DIR", 0,
     "For all that is verified write a certificate there", 0},
    {"check-certificates", KEY_CHECK, 0, 0,
     "Run the dualcert-check beside the program on each of them", 0},
    {"quiet", 'q', 0, 0, "Nothing but errors on stderr", 0},
    {0}};

typedef struct {
  Usage usage;
  SuitePlan plan;
  bool is_merge, has_check;
  int sample;
  int n_categories, n_paths;
  const char **categories, **paths; /* owned arrays, NULL-terminated */
} Arguments;

static void add_word(const char ***list, int *n, const char *word)
{
  *list = mem_grow(*list, (size_t)*n + 2, sizeof **list);
  (*list)[(*n)++] = word;
  (*list)[*n] = NULL;
}

static error_t set_count(const char *name, const char *arg, int low, int high,
                         int *value, Err *err)
{
  char *end;
  errno = 0;
  const long n = strtol(arg, &end, 10);
  if (end == arg || *end || errno || n < low || n > high)
    return usage_checked(status_fail(err, STATUS_USAGE,
                                     "--%s: expected a whole number from %d to %d, "
                                     "not '%s'",
                                     name, low, high, arg));
  *value = (int)n;
  return 0;
}

static error_t set_timeout(const char *arg, double *value, Err *err)
{
  char *end;
  const double x = strtod(arg, &end);
  if (end == arg || *end || !(x > 0) || !isfinite(x) || strpbrk(arg, "xXnN"))
    return usage_checked(status_fail(
        err, STATUS_USAGE, "--timeout: expected seconds above 0, not '%s'", arg));
  *value = x;
  return 0;
}

static error_t set_shard(const char *arg, SuitePlan *plan, Err *err)
{
  char rest;
  if (sscanf(arg, "%d/%d%c", &plan->shard, &plan->n_shards, &rest) == 2 &&
      plan->shard >= 1 && plan->shard <= plan->n_shards && plan->n_shards <= 1000000)
    return 0;
  return usage_checked(status_fail(
      err, STATUS_USAGE, "--shard: expected K/N with K from 1 to N, not '%s'", arg));
}

static error_t set_format(const char *arg, SuitePlan *plan, Err *err)
{
  if (!strcmp(arg, "text") || !strcmp(arg, "markdown")) {
    plan->format = *arg == 'm' ? TALLY_MARKDOWN : TALLY_TEXT;
    return 0;
  }
  return usage_checked(status_fail(
      err, STATUS_USAGE, "--format: expected text or markdown, not '%s'", arg));
}

static error_t parse_flag(int key, Arguments *a)
{
  switch (key) {
  case KEY_RESUME:
    a->plan.must_resume = true;
    return 0;
  case KEY_FORCE:
    a->plan.is_forced = true;
    return 0;
  case KEY_MERGE:
    a->is_merge = true;
    return 0;
  case KEY_CHECK:
    a->has_check = true;
    return 0;
  case 'q':
    a->plan.is_quiet = true;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Arguments *a = state->input;
  SuitePlan *p = &a->plan;
  Err *err = &a->usage.err;
  switch (key) {
  case KEY_OUT:
    p->out = arg;
    return 0;
  case KEY_TIMEOUT:
    return set_timeout(arg, &p->settings.timeout, err);
  case KEY_MEMORY:
    return set_count("memory", arg, 1, 1 << 30, &p->crew.memory, err);
  case KEY_THREADS:
    return set_count("threads", arg, 1, 1024, &p->crew.threads, err);
  case 'j':
    return set_count("jobs", arg, 1, 4096, &p->jobs, err);
  case KEY_SAMPLE:
    return set_count("sample", arg, 0, 1 << 30, &a->sample, err);
  case KEY_SHARD:
    return set_shard(arg, p, err);
  case KEY_FORMAT:
    return set_format(arg, p, err);
  case KEY_CATEGORY:
    add_word(&a->categories, &a->n_categories, arg);
    return 0;
  case KEY_CERTIFICATES:
    p->crew.certificates = arg;
    return 0;
  case KEY_PROGRAM:
    p->crew.program = arg;
    return 0;
  case KEY_DATABASE:
    p->database = arg;
    return 0;
  case ARGP_KEY_ARG:
    add_word(&a->paths, &a->n_paths, arg);
    return 0;
  default:
    return parse_flag(key, a);
  }
}

static const char doc[] =
    "Run verify on all instances of a benchmark, each in a process of its own."
    "\v"
    "PATH is a folder with instances.csv, a folder of such categories, or one such "
    "file: "
    "lines network,property,seconds. What follows -- goes to every verify.\n"
    "DIR gets results.csv (as VNN-COMP has it), results.jsonl, details.csv and "
    "settings.json; the same command continues an interrupted run.\n"
    "Exit status: 0; 1 when a verdict contradicts expected.csv or a certificate is "
    "refused; 64-74 errors; 130, 143 interrupted.";

/* ---- what does not go together ------------------------------------------------ */

/* Options of verify that are ours to set. */
static Status check_options(const char *const *words, Err *err)
{
  static const char *const ours[] = {"timeout", "memory", "threads",     "format",
                                     "witness", "quiet",  "certificate", "exit-zero",
                                     "verbose", "stats",  NULL};
  for (; words && *words; words++) {
    const size_t n = strcspn(*words, "=");
    if (n < 3 || strncmp(*words, "--", 2)) continue;
    for (int i = 0; ours[i]; i++)
      if (!strncmp(*words + 2, ours[i], n - 2))
        return status_fail(err, STATUS_USAGE,
                           "suite: %.*s must not follow --: the suite sets --%s itself",
                           (int)n, *words, ours[i]);
  }
  return STATUS_OK;
}

static Status check(Arguments *a)
{
  SuitePlan *p = &a->plan;
  Err *err = &a->usage.err;
  if (a->n_paths == 0)
    return status_fail(err, STATUS_USAGE,
                       "suite: PATH is missing; see 'dualcert suite --help'");
  if (!a->is_merge && a->n_paths > 1)
    return status_fail(err, STATUS_USAGE, "suite: unexpected argument '%s'",
                       a->paths[1]);
  if (a->is_merge && (p->shard || a->n_categories || a->sample || p->crew.certificates))
    return status_fail(err, STATUS_USAGE,
                       "suite: --merge takes folders of results, --out, --format, "
                       "--db and --force only");
  if (a->has_check && !p->crew.certificates)
    return status_fail(err, STATUS_USAGE,
                       "suite: --check-certificates needs --certificates DIR");
  if (p->shard && p->database)
    return status_fail(err, STATUS_USAGE,
                       "suite: --db goes with --merge, after all shards");
  return check_options(p->crew.options, err);
}

/* ---- defaults ------------------------------------------------------------------ */

/* Those this process may use: a batch system hands out some of them. */
static int n_processors(void)
{
  cpu_set_t set;
  if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > 1024 ? 1024 : (int)n;
}

/* The dualcert-check beside the program; owned. */
static char *checker_of(const char *program, Err *err)
{
  const char *slash = strrchr(program, '/');
  Text t = {0};
  text_add(&t, "%.*sdualcert-check", slash ? (int)(slash + 1 - program) : 0, program);
  if (access(t.s, X_OK)) {
    status_fail(err, STATUS_NO_INPUT, "%s: %s", t.s, strerror(errno));
    text_free(&t);
  }
  return t.s;
}

static void complete(SuitePlan *p, const char *data)
{
  if (!p->crew.program) p->crew.program = job_program();
  if (!p->crew.threads) {
    const int n = n_processors() / p->jobs;
    p->crew.threads = n < 1 ? 1 : n > 1024 ? 1024 : n;
  }
  if (!p->out) p->out = "suite-results";
  p->settings.program = p->crew.program;
  p->settings.options = p->crew.options;
  p->settings.data = data;
  p->settings.memory = p->crew.memory;
  p->settings.threads = p->crew.threads;
  p->settings.has_certificates = p->crew.certificates != NULL;
}

/* ---- the run ------------------------------------------------------------------- */

static int run_here(const SuitePlan *plan, const Instances *list, Text *table, Err *err)
{
  SuiteLocal local = {crew_new(&plan->crew), plan->jobs};
  const SuiteHands hands = suite_local(&local);
  const int code = suite_run(plan, list, &hands, table, err);
  crew_free(local.crew);
  return code;
}

static int run_list(Arguments *a, Text *table)
{
  SuitePlan *p = &a->plan;
  Err *err = &a->usage.err;
  Instances list = {0};
  char *checker = NULL;
  Status rc = STATUS_OK;
  complete(p, a->paths[0]);
  if (access(p->crew.program, X_OK))
    rc = status_fail(err, STATUS_NO_INPUT, "%s: %s", p->crew.program, strerror(errno));
  if (!rc && a->has_check) {
    p->crew.checker = checker = checker_of(p->crew.program, err);
    if (!checker) rc = err->code;
  }
  if (!rc) rc = instances_load(a->paths[0], &list, err);
  if (!rc) rc = instances_choose(&list, a->categories, err);
  int code = (int)rc;
  if (!rc) {
    instances_sample(&list, a->sample);
    instances_shard(&list, p->shard, p->n_shards);
    instances_limit(&list, p->settings.timeout);
    code = (cmd_suite_runner ? cmd_suite_runner : run_here)(p, &list, table, err);
  }
  instances_free(&list);
  mem_free(checker);
  return code;
}

/* Cut the arguments at "--"; what follows is for verify. */
static const char *const *split(int *argc, char **argv)
{
  for (int i = 1; i < *argc; i++) {
    if (strcmp(argv[i], "--")) continue;
    *argc = i;
    return (const char *const *)argv + i + 1;
  }
  return NULL;
}

static int run(Arguments *a)
{
  Text table = {0};
  int code = (int)check(a);
  if (!code && a->is_merge) {
    if (!a->plan.out) a->plan.out = a->paths[0];
    code = merge_run(&a->plan, a->paths, &table, &a->usage.err);
  } else if (!code) {
    code = run_list(a, &table);
  }
  if (table.s) fputs(table.s, stdout);
  if (table.s && fflush(stdout))
    status_fail(&a->usage.err, STATUS_IO, "stdout: %s", strerror(errno));
  text_free(&table);
  return a->usage.err.code ? usage_report(&a->usage.err) : code;
}

int cmd_suite_run(int argc, char **argv)
{
  Arguments a = {.usage = {.command = "suite"},
                 .plan = {.jobs = 1, .settings = {.timeout = INFINITY}}};
  a.plan.crew.options = split(&argc, argv);
  const struct argp argp = {
      options, parse_key, "PATH [-- OPTIONS OF VERIFY]", doc, NULL, NULL, NULL};
  Status rc = usage_parse(&argp, argc, argv, &a.usage, &a);
  const int code = rc ? (int)rc : run(&a);
  mem_free(a.categories);
  mem_free(a.paths);
  return code;
}
