/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_verify.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/rounded.h"
#include "solver/app/app.h"
#include "solver/app/networks.h"
#include "solver/certify.h"
#include "solver/jsonout.h"
#include "solver/options.h"
#include "solver/progress.h"
#include "solver/solve.h"
#include "solver/stats.h"
#include "solver/suspect.h"
#include "solver/app/limited.h"
#include "solver/app/mistake.h"
#include "solver/app/usage.h"
#include "solver/explain.h"
#include "specs/evidence.h"
#include "specs/assignment.h"
#include "specs/problem.h"

/* The run, for last words on other threads.  Everything but the result is constant
 * once `has_result` is set; the result has its own lock. */
static struct {
  Options options;
  double started;
  Networks networks;
  Problem problem;
  Net *net; /* both of the problem */
  Prop *prop;
  Proof *proof;
  Certified certified;
  Result result;
  atomic_bool has_result;
  Text fallback[RESULT_REJECTED + 1];
} run;

/* ---- arguments ----------------------------------------------------------- */

enum {
  KEY_EXIT_ZERO = 0x100,
  KEY_STATS,
  KEY_CHECK,
  KEY_EXPLAIN,
  KEY_NETWORK,
  KEY_STRICT,
  KEY_ASSIGNMENTS,
  KEY_VALUE /* and up: options_set */
};

enum { MAX_ROWS = 64 };

/* --check did not accept the certificate. */
enum { EXIT_REJECTED = 3 };

static const struct argp_option fixed_options[] = {
    {"network", KEY_NETWORK, "NAME=FILE", 0,
     "The file of the network that SPEC, in VNN-LIB 2, calls NAME; for every network "
     "that equals no other",
     0},
    {"strict", KEY_STRICT, 0, 0,
     "Accept nothing in VNN-LIB 2 that the standard does not have", 0},
    {"semantics", KEY_VALUE + 8, "NUMBERS", 0,
     "What verified speaks about: real (default), the network over the real numbers, "
     "or "
     "float32, every execution in float32",
     0},
    {0, 0, 0, 0, "Limits:", 1},
    {"timeout", KEY_VALUE, "S", 0, "Give up after S seconds (default: never)", 0},
    {"memory", KEY_VALUE + 1, "MB", 0, "Give up before using more (default: no limit)",
     0},
    {0, 0, 0, 0, "Output:", 2},
    {"format", KEY_VALUE + 2, "FORMAT", 0,
     "text (default), json, vnncomp, or vnnlib (default with --network)", 0},
    {"witness", KEY_VALUE + 3, "FILE", 0,
     "When falsified, write the counterexample there; otherwise FILE is left alone", 0},
    {"witness-format", KEY_VALUE + 14, "FORMAT", 0,
     "text (VNN-COMP's form), json (with evidence), or auto (default): json when FILE "
     "ends in .json",
     0},
    {"serialise-assignments", KEY_ASSIGNMENTS, "DIR", 0,
     "Write a counterexample as DIR/VARIABLE.pb, ONNX tensors", 0},
    {"assignments", KEY_ASSIGNMENTS, 0, OPTION_ALIAS, 0, 0},
    {"certificate", KEY_VALUE + 12, "FILE", 0,
     "When verified, write there what dualcert-check needs to check that", 0},
    {"check", KEY_CHECK, 0, 0,
     "Before saying verified, check the certificate as dualcert-check does", 0},
    {"exit-zero", KEY_EXIT_ZERO, 0, 0, "Exit 0 for every verdict", 0},
    {"explain-unknown", KEY_EXPLAIN, 0, 0,
     "When unknown, say on stderr where it stopped, what is missing and what to try",
     0},
    {"quiet", 'q', 0, 0, "Nothing but errors on stderr", 0},
    {"verbose", 'v', 0, 0, "A line per stage on stderr", 0},
    {"stats", KEY_STATS, 0, 0, "A table of stages, neurons and memory on stderr", 0},
    {0, 0, 0, 0, "Method:", 3},
    {"threads", KEY_VALUE + 4, "N", 0, "Worker threads (default: all processors)", 0},
    {"seed", KEY_VALUE + 5, "N", 0, "Of random numbers (default: 0)", 0},
    {"stages", KEY_VALUE + 6, "LIST", 0,
     "Which of attack,ibp,crown,dual,lp,split run (default: all)", 0},
    {"split", KEY_VALUE + 7, "KIND", 0,
     "What branch and bound splits: auto (default), input or activation", 0},
    {0, 0, 0, 0, "Effort, for experts:", 4},
};

#define N_FIXED (sizeof fixed_options / sizeof fixed_options[0])

/* The fixed options, then the table of options.def, then the end mark. */
static struct argp_option all_options[N_FIXED + MAX_ROWS + 1];

static void collect_options(void)
{
  memcpy(all_options, fixed_options, sizeof fixed_options);
  int n;
  const OptionsRow *rows = options_rows(&n);
  STATUS_REQUIRE(n <= MAX_ROWS, "options.def has too many lines");
  for (int i = 0; i < n; i++)
    all_options[N_FIXED + (size_t)i] =
        (struct argp_option){rows[i].name, KEY_VALUE + 16 + i, "N", 0, rows[i].help, 0};
  all_options[N_FIXED + (size_t)n] = (struct argp_option){0};
}

static const char *name_of_key(int key)
{
  for (const struct argp_option *o = all_options; o->name || o->doc; o++)
    if (o->key == key) return o->name;
  return NULL;
}

static const Usage query_usage = {
    .command = "verify", .n_wanted = 1, .names = {"SPEC"}};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Usage *usage = state->input;
  switch (key) {
  case 'q':
    run.options.verbosity = 0;
    return 0;
  case 'v':
    run.options.verbosity = 2;
    return 0;
  case KEY_EXIT_ZERO:
    run.options.exit_zero = true;
    return 0;
  case KEY_STATS:
    run.options.stats = true;
    return 0;
  case KEY_EXPLAIN:
    run.options.explain = true;
    return 0;
  case KEY_STRICT:
    run.options.strict = true;
    return 0;
  case KEY_ASSIGNMENTS:
    run.options.assignments = arg;
    return 0;
  case KEY_NETWORK:
    return usage_checked(networks_add(&run.networks, arg, &usage->err));
  case ARGP_KEY_ARG:
    /* With --network the only argument is the specification. */
    if (run.networks.n && usage->n_wanted == 2) *usage = query_usage;
    return usage_key(usage, key, arg);
  case ARGP_KEY_END:
    if (run.networks.n && usage->n_wanted == 2) *usage = query_usage;
    return usage_key(usage, key, arg);
  case KEY_CHECK:
    run.options.check = true;
    return 0;
  default:
    break;
  }
  const char *name = key >= KEY_VALUE && arg ? name_of_key(key) : NULL;
  if (name) return usage_checked(options_set(&run.options, name, arg, &usage->err));
  return usage_key(usage, key, arg);
}

static const char doc[] =
    "Decide whether some input of the specification makes the network unsafe."
    "\v"
    "The first line of stdout is the verdict: 'verified', 'falsified' or 'unknown "
    "(timeout|memory|incomplete|nodes|overflow|interrupted|evidence rejected)'. Exit "
    "status: 0 verified, 1 falsified, 2 unknown, 3 evidence rejected, 64-74 errors.";

static Status parse(int argc, char **argv)
{
  options_init(&run.options);
  collect_options();
  const struct argp argp = {all_options, parse_key, "NET SPEC", doc, NULL, NULL, NULL};
  Usage usage = {.command = "verify", .n_wanted = 2, .names = {"NET", "SPEC"}};
  Status rc = usage_parse(&argp, argc, argv, &usage, &usage);
  if (!rc) rc = mistake_check(&usage);
  const bool named = run.networks.n > 0;
  run.options.net = named ? run.networks.nets[0].path : usage.args[0];
  run.options.spec = usage.args[named ? 0 : 1];
  if (!rc && !named) {
    rc = networks_positional(&run.networks, usage.args[0], &usage.err);
    if (rc) usage_report(&usage.err);
  }
  if (named && !run.options.has_format) run.options.format = FORMAT_VNNLIB;
#ifndef NDEBUG
  /* No certificate leaves a debug build that the checker has not seen. */
  if (run.options.certificate) run.options.check = true;
#endif
  return rc;
}

/* ---- answers ------------------------------------------------------------- */

/* Members that only the command line knows. */
static void add_extra(Text *out)
{
  text_add(out,
           "\"version\": \"%s\", \"semantics\": \"%s\", \"options\": ", app_version(),
           options_semantics[run.options.semantics]);
  options_json(&run.options, out);
  text_add(out, ", \"certificate\": ");
  if (run.certified.is_written)
    jsonout_string(out, run.options.certificate);
  else
    text_add(out, "null");
  text_add(out, ", \"checked\": %s", run.certified.is_checked ? "true" : "false");
}

/* The second line of the text format, where it is not what the first one means by
 * itself. */
static void add_semantics(Text *out)
{
  if (run.options.semantics != SEMANTICS_REAL)
    text_add(out, "semantics: %s\n", options_semantics[run.options.semantics]);
}

/* The answer while there is no result yet; made by limits_begin, then kept. */
static const char *fallback(Reason why)
{
  Text *t = &run.fallback[why];
  if (t->s) return t->s;
  const char *word = result_reason_word(why);
  switch (run.options.format) {
  case FORMAT_TEXT:
    text_add(t, "unknown (%s)\n", word);
    add_semantics(t);
    break;
  case FORMAT_JSON:
    text_add(t, "{\"verdict\": \"unknown\", \"reason\": \"%s\", ", word);
    add_extra(t);
    text_add(t, "}\n");
    break;
  case FORMAT_VNNCOMP:
    text_add(t, "%s\n", why == RESULT_TIMEOUT ? "timeout" : "unknown");
    break;
  case FORMAT_VNNLIB:
    text_add(t, "%s\n", why == RESULT_TIMEOUT ? "timed-out" : "unknown");
    break;
  }
  return t->s;
}

static int exit_code(Verdict verdict)
{
  if (verdict == RESULT_UNKNOWN && run.certified.is_rejected) return EXIT_REJECTED;
  if (run.options.exit_zero || run.options.format == FORMAT_VNNLIB) return 0;
  return verdict == RESULT_VERIFIED ? 0 : verdict == RESULT_FALSIFIED ? 1 : 2;
}

static void format_once(Text *out)
{
  Text extra = {0};
  switch (run.options.format) {
  case FORMAT_TEXT:
    result_print_text(&run.result, out);
    add_semantics(out);
    break;
  case FORMAT_JSON:
    add_extra(&extra);
    result_print_json(&run.result, run.net, run.prop, extra.s, out);
    text_free(&extra);
    break;
  case FORMAT_VNNCOMP:
    result_print_vnncomp(&run.result, run.net, out);
    break;
  case FORMAT_VNNLIB:
    result_print_vnnlib(&run.result, run.net, !run.options.assignments, out);
    break;
  }
}

/* Format the result.  The solver may still find something while the watchdog speaks;
 * text and verdict must agree.  Returns the verdict of the text. */
static Verdict format_result(Text *out)
{
  Verdict before;
  do {
    before = run.result.verdict;
    out->n = 0;
    format_once(out);
  } while (run.result.verdict != before);
  return before;
}

static Status write_witness(Err *err)
{
  Text text = {0};
  const Options *o = &run.options;
  const size_t n = strlen(o->witness);
  const bool json = o->witness_format == WITNESS_FORMAT_JSON ||
                    (o->witness_format == WITNESS_FORMAT_AUTO && n >= 5 &&
                     !strcmp(o->witness + n - 5, ".json"));
  /* The solver may still replace it by a better one. */
  pthread_mutex_lock(&run.result.lock);
  if (json)
    evidence_print(run.net, &run.result.witness, &text);
  else
    assignment_print(run.net, &run.result.witness, &text);
  pthread_mutex_unlock(&run.result.lock);
  const Status rc = file_write(run.options.witness, text.s, text.n, err);
  text_free(&text);
  return rc;
}

/* Nearly everything violates the specification: said to people, who may have written
 * the property in place of its negation. */
static void say_suspicion(Verdict verdict)
{
  if (verdict != RESULT_FALSIFIED || run.options.verbosity == 0 ||
      run.options.format != FORMAT_TEXT)
    return;
  const int box = run.prop->cases[run.result.witness.case_id].box;
  if (suspect_everything_unsafe(run.net, run.prop, box))
    progress_say(
        1,
        "note: %s: all %d points tried are unsafe, the centre too: the network "
        "fails everywhere, or the specification states the property; its "
        "assertions must describe what may NOT happen (see dualcert info %s)",
        run.options.spec, SUSPECT_POINTS, run.options.spec);
}

static Status write_assignments(Err *err)
{
  pthread_mutex_lock(&run.result.lock);
  const Status rc =
      assignment_write(run.net, &run.result.witness, run.options.assignments, err);
  pthread_mutex_unlock(&run.result.lock);
  return rc;
}

/* Print the result and everything that follows it.  Returns the exit status.
 * Needs limits_claim. */
static int answer(Text *out)
{
  Err err = {0};
  pthread_mutex_lock(&run.result.lock);
  run.result.seconds = clock_now() - run.started;
  pthread_mutex_unlock(&run.result.lock);
  const Verdict verdict = format_result(out);
  const int code = exit_code(verdict);
  progress_clear();
  limits_print(out, code, &err);
  if (verdict == RESULT_FALSIFIED && run.options.witness) write_witness(&err);
  if (verdict == RESULT_FALSIFIED && run.options.assignments) write_assignments(&err);
  if (verdict == RESULT_VERIFIED && run.options.certificate &&
      !run.certified.is_written)
    status_fail(&err, STATUS_IO, "%s: no certificate: it could not be finished",
                run.options.certificate);
  say_suspicion(verdict);
  Text summary = {0};
  stats_summary(&run.result, run.prop, run.options.witness != NULL, &summary);
  if (summary.s) progress_note(summary.s);
  text_free(&summary);
  progress_end();
  if (run.options.explain) {
    Text why = {0};
    explain_unknown(&run.result, run.prop, &run.options, &why);
    if (why.s) fputs(why.s, stderr);
    text_free(&why);
  }
  if (run.options.stats) {
    Text table = {0};
    stats_table(&run.result, &table);
    fputs(table.s, stderr);
    text_free(&table);
  }
  return err.code ? usage_report(&err) : code;
}

static int last_words(Reason why, Text *out)
{
  if (atomic_load(&run.has_result)) {
    result_give_up(&run.result, why);
    return answer(out);
  }
  progress_end();
  text_add(out, "%s", fallback(why));
  limits_print(out, exit_code(RESULT_UNKNOWN), NULL);
  return exit_code(RESULT_UNKNOWN);
}

/* ---- the run ------------------------------------------------------------- */

/* What `verified` is about, where the specification declares floating types:
 * docs/decisions/0012-declared-types.md. */
static Status choose_semantics(Err *err)
{
  Options *const o = &run.options;
  const char *const type = scope_type(run.prop->scope);
  if (run.prop->scope->notes.n) progress_say(1, "note: %s", run.prop->scope->notes.s);
  if (o->has_semantics || (type && !strcmp(type, "real"))) return STATUS_OK;
  if (o->strict && type && !strcmp(type, "float32")) {
    o->semantics = SEMANTICS_FLOAT32;
    return STATUS_OK;
  }
  if (o->strict)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: declares %s; nothing is proved about the rounding of that; "
                       "declare real, or give --semantics real",
                       o->spec, type ? type : "several types");
  progress_say(
      1,
      "note: %s declares %s; unsat and verified are about the network over the "
      "real numbers%s",
      o->spec, type ? type : "several types",
      type && !strcmp(type, "float32")
          ? "; --semantics float32 is about every execution in float32"
          : "");
  return STATUS_OK;
}

static Status load(Err *err)
{
  const Options *o = &run.options;
  progress_begin(o->verbosity, stderr);
  const Status rc = round_self_test(err);
  if (rc) return rc;
  const ProblemFiles files = {.nets = run.networks.nets,
                              .n_nets = run.networks.n,
                              .spec = o->spec,
                              .strict = o->strict,
                              .float32 = o->semantics == SEMANTICS_FLOAT32};
  if (problem_load(&files, &run.problem, err)) return err->code;
  run.net = run.problem.net;
  run.prop = run.problem.prop;
  if (choose_semantics(err)) return err->code;
  if (o->semantics == SEMANTICS_FLOAT32 && rounded_check(run.net, err))
    return err->code;
  progress_say(2, "read %s: %d layers, %zu neurons, %d inputs, %d outputs", o->net,
               run.net->n_nodes - 1, net_n_neurons(run.net), net_in_size(run.net),
               net_out_size(run.net));
  progress_say(2, "read %s: %d cases in %d boxes, %.3f s so far", o->spec,
               run.prop->n_cases, run.prop->n_boxes, clock_now() - run.started);
  explain_vacuous(run.prop);
  return certify_begin(run.net, run.prop, o, &run.proof, err);
}

static int solve(const Stop *stop, Err *err)
{
  result_init(&run.result, run.prop);
  run.result.trace.started = run.started;
  if (run.options.check) result_withhold(&run.result);
  limits_reserve(((size_t)1 << 16) + (size_t)run.prop->n_cases * 256 +
                 (size_t)TRACE_MAX * 64 + (size_t)run.prop->n_in * 80);
  atomic_store(&run.has_result, true);
  solve_property(run.net, run.prop, &run.options, stop, run.proof, &run.result);
  certify_end(run.proof, run.net, run.prop, &run.options, &run.result, &run.certified,
              err);
  limits_claim();
  Text out = {0};
  const int code = answer(&out);
  text_free(&out);
  return err->code ? usage_report(err) : code;
}

static void clean_up(void)
{
  if (atomic_exchange(&run.has_result, false)) result_reset(&run.result);
  proof_free(run.proof);
  run.proof = NULL;
  run.certified = (Certified){0};
  problem_free(&run.problem);
  networks_reset(&run.networks);
  run.prop = NULL;
  run.net = NULL;
  for (int i = 0; i <= RESULT_REJECTED; i++)
    text_free(&run.fallback[i]);
}

int cmd_verify_run(int argc, char **argv)
{
  run.started = clock_now();
  const Status wrong = parse(argc, argv);
  if (wrong) return (int)wrong;
  const Limited run_with = {.limits = {.timeout = run.options.timeout,
                                       .memory = run.options.memory,
                                       .last_words = last_words,
                                       .fallback = fallback,
                                       .fallback_exit = exit_code(RESULT_UNKNOWN)},
                            .load = load,
                            .work = solve,
                            .clean_up = clean_up};
  return limited_run(&run_with);
}
