/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_gate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/app/app.h"
#include "solver/app/usage.h"
#include "solver/batch/gate.h"
#include "solver/batch/gate_json.h"
#include "solver/batch/gate_table.h"
#include "solver/batch/job.h"
#include "solver/batch/junit.h"
#include "solver/batch/sarif.h"
#include "solver/options.h"
#include "solver/progress.h"

static const char *const policy_words[] = {"fail", "warn", NULL};

typedef struct {
  Usage usage;
  int policy;       /* index; -1: as the manifest says */
  unsigned require; /* only with has_require */
  bool has_require, no_cache, is_quiet;
  double timeout;                  /* < 0: as the manifest says */
  double total;                    /* the same */
  long long jobs, threads, memory; /* 0: the same */
  const char *json, *junit, *sarif, *evidence, *cache, *program;
  SarifStyle style;
} Args;

enum {
  KEY_POLICY = 0x100,
  KEY_REQUIRE,
  KEY_TIMEOUT,
  KEY_TOTAL,
  KEY_JOBS,
  KEY_THREADS,
  KEY_MEMORY,
  KEY_JSON,
  KEY_JUNIT,
  KEY_SARIF,
  KEY_STRICT,
  KEY_PASS,
  KEY_EVIDENCE,
  KEY_CACHE,
  KEY_NO_CACHE,
  KEY_PROGRAM
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Instead of what the manifest says:", 1},
    {"on-unknown", KEY_POLICY, "WORD", 0,
     "Undecided checks: fail (exit 2, the default) or warn", 0},
    {"require", KEY_REQUIRE, "LIST", 0,
     "Evidence without which a verdict does not count: certificate, robust-witness, or "
     "none",
     0},
    {"timeout", KEY_TIMEOUT, "S", 0, "Seconds for each network and specification", 0},
    {"total", KEY_TOTAL, "S", 0, "Seconds for all of them", 0},
    {"memory", KEY_MEMORY, "MB", 0, "Memory of each", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads of each", 0},
    {0, 0, 0, 0, "Reports, written at the end ('-' is stdout):", 2},
    {"json", KEY_JSON, "FILE", 0, "Everything that is known, as one JSON object", 0},
    {"junit", KEY_JUNIT, "FILE", 0, "JUnit XML, for build servers", 0},
    {"sarif", KEY_SARIF, "FILE", 0, "SARIF 2.1.0, for code scanning", 0},
    {"sarif-strict-kinds", KEY_STRICT, 0, 0,
     "Undecided is kind 'open' and level 'none', which many consumers do not show", 0},
    {"sarif-pass", KEY_PASS, 0, 0, "What is verified is in it too", 0},
    {"certificates", KEY_EVIDENCE, "DIR", 0,
     "Keep certificates and counterexamples there", 0},
    {0, 0, 0, 0, "Running:", 3},
    {"jobs", KEY_JOBS, "N", 0, "Checks at the same time (default: 1)", 0},
    {"cache", KEY_CACHE, "DIR", 0,
     "Verdicts reached before (default: $XDG_CACHE_HOME/dualcert or ~/.cache/dualcert)",
     0},
    {"no-cache", KEY_NO_CACHE, 0, 0, "Neither use nor fill it", 0},
    {"program", KEY_PROGRAM, "FILE", 0,
     "The dualcert that verifies (default: this one)", 0},
    {"quiet", 'q', 0, 0, "No line per check on stderr", 0},
    {0, 0, 0, 0, 0, 0},
};

static Status set_number(const char *name, const char *arg, long long high,
                         long long *number, Err *err)
{
  return options_int(name, arg, 1, high, number, err);
}

static Status set_seconds(const char *name, const char *arg, double *seconds, Err *err)
{
  const Status rc = options_seconds(name, arg, seconds, err);
  if (rc || *seconds > 0) return rc;
  return status_fail(err, STATUS_USAGE, "--%s: expected more than 0 seconds", name);
}

static error_t parse_file(int key, char *arg, struct argp_state *state)
{
  Args *const a = state->input;
  const char **const file = key == KEY_JSON       ? &a->json
                            : key == KEY_JUNIT    ? &a->junit
                            : key == KEY_SARIF    ? &a->sarif
                            : key == KEY_EVIDENCE ? &a->evidence
                            : key == KEY_CACHE    ? &a->cache
                            : key == KEY_PROGRAM  ? &a->program
                                                  : NULL;
  if (!file) return usage_key(&a->usage, key, arg);
  if (!*arg)
    return usage_checked(
        status_fail(&a->usage.err, STATUS_USAGE, "gate: expected the name of a file"));
  *file = arg;
  return 0;
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *const a = state->input;
  Err *const err = &a->usage.err;
  switch (key) {
  case KEY_POLICY:
    return usage_checked(
        options_word("on-unknown", arg, policy_words, &a->policy, err));
  case KEY_REQUIRE:
    a->has_require = true;
    return usage_checked(manifest_require(arg, &a->require, err));
  case KEY_TIMEOUT:
    return usage_checked(set_seconds("timeout", arg, &a->timeout, err));
  case KEY_TOTAL:
    return usage_checked(set_seconds("total", arg, &a->total, err));
  case KEY_JOBS:
    return usage_checked(set_number("jobs", arg, 1024, &a->jobs, err));
  case KEY_THREADS:
    return usage_checked(set_number("threads", arg, 1024, &a->threads, err));
  case KEY_MEMORY:
    return usage_checked(set_number("memory", arg, 1 << 24, &a->memory, err));
  case KEY_STRICT:
    a->style.strict_kinds = true;
    return 0;
  case KEY_PASS:
    a->style.pass = true;
    return 0;
  case KEY_NO_CACHE:
    a->no_cache = true;
    return 0;
  case 'q':
    a->is_quiet = true;
    return 0;
  default:
    return parse_file(key, arg, state);
  }
}

static const char doc[] =
    "Verify what a manifest lists, check the evidence, and say whether the networks "
    "may "
    "be released."
    "\v"
    "docs/gate.md has the manifest and pipelines to copy. Exit status: 0 all verified "
    "(undecided ones only with --on-unknown=warn), 1 some falsified, 2 some undecided, "
    "3 evidence rejected, 64-74 errors. Of several the first of 3, 64-74, 1, 2.";

/* ---- signals ------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
  stopped = number;
}

static void catch_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  stopped = 0;
}

/* ---- settings ------------------------------------------------------------ */

static void override(Manifest *m, const Args *a)
{
  if (a->total > 0) m->total = a->total;
  for (int i = 0; i < m->n_checks; i++) {
    ManifestCheck *const c = &m->checks[i];
    if (a->policy >= 0) c->on_unknown = a->policy ? MANIFEST_WARN : MANIFEST_FAIL;
    if (a->has_require) c->require = a->require;
    if (a->timeout > 0) c->limits.timeout = a->timeout;
    if (a->memory) c->limits.memory = (int)a->memory;
    if (a->threads) c->limits.threads = (int)a->threads;
    /* Several at once share the processors. */
    if (!c->limits.threads && a->jobs > 1) {
      const long all = sysconf(_SC_NPROCESSORS_ONLN);
      c->limits.threads = all > a->jobs ? (int)(all / a->jobs) : 1;
    }
  }
}

/* dualcert-check beside this program; owned, NULL when it is not there. */
static char *find_checker(void)
{
  const char *const program = job_program();
  const char *const slash = strrchr(program, '/');
  Text path = {0};
  if (slash) text_add(&path, "%.*s", (int)(slash - program) + 1, program);
  text_add(&path, "dualcert-check");
  if (access(path.s, X_OK) == 0) return path.s;
  text_free(&path);
  return NULL;
}

static Status need_checker(const Manifest *m, const char *checker, Err *err)
{
  for (int i = 0; i < m->n_checks && !checker; i++)
    if (m->checks[i].require & MANIFEST_CERTIFICATE)
      return status_fail(err, STATUS_NO_INPUT,
                         "certificates are required, but dualcert-check is not beside "
                         "%s",
                         job_program());
  return STATUS_OK;
}

/* The cache that was asked for, or the usual one if it can be used. */
static Status open_cache(const Args *a, Cache **cache, Err *err)
{
  char build[65];
  *cache = NULL;
  if (a->no_cache) return STATUS_OK;
  Status rc = file_sha256(a->program ? a->program : job_program(), build, err);
  if (rc) return rc;
  char *usual = a->cache ? NULL : cache_default_dir();
  Err problem = {0};
  if (a->cache || usual)
    *cache = cache_open(a->cache ? a->cache : usual, build, &problem);
  if (a->cache && problem.code) rc = status_fail(err, problem.code, "%s", problem.text);
  status_reset(&problem);
  mem_free(usual);
  return rc;
}

/* ---- reports ------------------------------------------------------------- */

/* A report of an earlier run must not be taken for this one's. */
static void remove_old(const char *path)
{
  struct stat info;
  if (path && strcmp(path, "-") && lstat(path, &info) == 0 && S_ISREG(info.st_mode))
    unlink(path);
}

static void write_report(const char *path, Text *text, Err *err)
{
  if (path) file_write(path, text->s, text->n, err);
  text_free(text);
}

static void report(const Args *a, const Gate *gate, Err *err)
{
  Text text = {0};
  const bool is_shown = a->json && !strcmp(a->json, "-");
  const bool is_taken = is_shown || (a->junit && !strcmp(a->junit, "-")) ||
                        (a->sarif && !strcmp(a->sarif, "-"));
  if (a->json) gate_json_print(gate, &text);
  write_report(a->json, &text, err);
  if (a->junit) junit_print(gate, &text);
  write_report(a->junit, &text, err);
  if (a->sarif) sarif_print(gate, a->style, &text);
  write_report(a->sarif, &text, err);
  if (is_taken) return;
  gate_table_print(gate, &text);
  write_report("-", &text, err);
}

/* ---- the run ------------------------------------------------------------- */

static int run(const Args *a, Manifest *m, const char *checker, Err *err)
{
  Cache *cache = NULL;
  if (a->evidence && file_make_folder(a->evidence, err)) return 0;
  if (open_cache(a, &cache, err)) return 0;
  const GatePlan plan = {.manifest = m,
                         .program = a->program,
                         .checker = checker,
                         .evidence_dir = a->evidence,
                         .cache = cache,
                         .version = app_version(),
                         .jobs = a->jobs ? (int)a->jobs : 1};
  progress_begin(a->is_quiet ? 0 : 1, stderr);
  Gate *gate = gate_run(&plan, &stopped, err);
  progress_end();
  int code = stopped ? 128 + stopped : 0;
  if (gate) {
    report(a, gate, err);
    code = gate_exit_status(gate);
  } else if (stopped) {
    fprintf(stderr, "dualcert: gate: stopped by signal %d; no report was written\n",
            (int)stopped);
  }
  gate_free(gate);
  if (cache) cache_prune(cache);
  cache_free(cache);
  return code;
}

int cmd_gate_run(int argc, char **argv)
{
  Args a = {.usage = {.command = "gate", .n_wanted = 1, .names = {"MANIFEST"}},
            .policy = -1,
            .timeout = -1,
            .total = -1};
  const struct argp argp = {options, parse_key, "MANIFEST", doc, NULL, NULL, NULL};
  if (usage_parse(&argp, argc, argv, &a.usage, &a)) return STATUS_USAGE;
  catch_signals();
  remove_old(a.json);
  remove_old(a.junit);
  remove_old(a.sarif);
  Err err = {0};
  int code = 0;
  char *checker = find_checker();
  Manifest *m = manifest_read(a.usage.args[0], &err);
  if (m) override(m, &a);
  if (m && !need_checker(m, checker, &err)) code = run(&a, m, checker, &err);
  manifest_free(m);
  mem_free(checker);
  return err.code ? usage_report(&err) : code;
}
