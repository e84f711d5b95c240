/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_margin.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/decimal.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/reader.h"
#include "net/rounded.h"
#include "solver/app/app.h"
#include "solver/app/limited.h"
#include "solver/app/mistake.h"
#include "solver/app/usage.h"
#include "solver/batch/samples.h"
#include "solver/margin.h"
#include "solver/options.h"
#include "solver/progress.h"
#include "solver/report/brackets.h"
#include "specs/evidence.h"
#include "specs/family.h"
#include "specs/problem.h"

/* For last words on other threads; constant once has_rows is set, but for the margins,
 * which have locks, and n_begun. */
static struct {
  Usage usage;
  Options options;
  FamilyChoice choice;
  MarginPlan plan;
  const char *samples_path, *rows, *plot, *evidence;
  int format;
  double started;
  File spec;
  Problem problem; /* the network, and what was read first */
  Net *net;        /* of the problem, or read alone */
  Family family;
  Samples samples;
  char sha256[65]; /* of the network, which is read again for every image */
  Brackets brackets;
  atomic_bool has_rows;
} run;

/* ---- arguments ----------------------------------------------------------- */

enum {
  KEY_NORM = 0x100,
  KEY_CLIP,
  KEY_PRECISION,
  KEY_MOST,
  KEY_SAMPLES,
  KEY_ROWS,
  KEY_TIMEOUT,
  KEY_RADIUS_TIMEOUT,
  KEY_FORMAT,
  KEY_PLOT,
  KEY_EVIDENCE,
  KEY_CHECK,
  KEY_VALUE /* and up: options_set */
};

static const char *const norm_words[] = {"linf", "l2", "l1", "l0", NULL};
enum { FORMAT_IS_TEXT, FORMAT_IS_CSV, FORMAT_IS_JSON };
static const char *const format_words[] = {"text", "csv", "json", NULL};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What is asked:", 1},
    {"norm", KEY_NORM, "NORM", 0,
     "linf, l2, l1 or l0 around the centre (default: what SPEC has; a box of its own "
     "is "
     "scaled)",
     0},
    {"clip", KEY_CLIP, "LOW,HIGH", 0, "Every input stays in this range", 0},
    {"samples", KEY_SAMPLES, "FILE", 0,
     "Centres and labels, one a line, in place of those of SPEC", 0},
    {"rows", KEY_ROWS, "LIST", 0, "Of the samples, from 0: 0-9,12 (default: all)", 0},
    {"precision", KEY_PRECISION, "P", 0,
     "Until the ends are so near, relative to the upper one (default: 0.01)", 0},
    {"most", KEY_MOST, "R", 0, "No radius above R", 0},
    {"semantics", KEY_VALUE, "NUMBERS", 0,
     "Of the network over the real numbers (real, default) or of every execution in "
     "float32 (float32)",
     0},
    {0, 0, 0, 0, "Limits:", 2},
    {"timeout", KEY_TIMEOUT, "S", 0, "Stop after S seconds (default: never)", 0},
    {"radius-timeout", KEY_RADIUS_TIMEOUT, "S", 0,
     "At most S seconds for one radius (default: 20)", 0},
    {"memory", KEY_VALUE + 1, "MB", 0, "Stop before using more (default: no limit)", 0},
    {"threads", KEY_VALUE + 2, "N", 0, "Worker threads (default: all processors)", 0},
    {"seed", KEY_VALUE + 3, "N", 0, "Of random numbers (default: 0)", 0},
    {0, 0, 0, 0, "Output:", 3},
    {"format", KEY_FORMAT, "FORMAT", 0, "text (default), csv or json", 0},
    {"plot", KEY_PLOT, "FILE", 0,
     "An SVG picture: accuracy against radius, certified and attacked", 0},
    {"evidence", KEY_EVIDENCE, "DIR", 0,
     "Write both ends there: specifications with the certificate and the "
     "counterexample",
     0},
    {"check", KEY_CHECK, 0, 0,
     "Count a radius as certified only when its certificate was accepted", 0},
    {"quiet", 'q', 0, 0, "Nothing but errors on stderr", 0},
    {"verbose", 'v', 0, 0, "A line per radius and stage on stderr", 0},
    {0, 0, 0, 0, 0, 0},
};

static const char *name_of_key(int key)
{
  for (const struct argp_option *o = options; o->name || o->doc; o++)
    if (o->key == key) return o->name;
  return NULL;
}

/* A positive number, for precision and most. */
static Status read_positive(const char *option, const char *arg, double below,
                            double *x, Err *err)
{
  Decimal d;
  if (!decimal_parse(arg, strlen(arg), &d) || !(d.near > 0) || !(d.near < below))
    return status_fail(err, STATUS_USAGE,
                       "--%s: expected a number above 0%s, found '%s'", option,
                       below < INFINITY ? " and below 1" : "", arg);
  *x = d.near;
  return STATUS_OK;
}

static Status read_clip(const char *arg, Err *err)
{
  const char *const comma = strchr(arg, ',');
  Decimal lo, hi;
  if (comma && decimal_parse(arg, (size_t)(comma - arg), &lo) &&
      decimal_parse(comma + 1, strlen(comma + 1), &hi) && lo.near <= hi.near) {
    run.choice.has_clip = true;
    run.choice.clip[0] = lo.near;
    run.choice.clip[1] = hi.near;
    return STATUS_OK;
  }
  return status_fail(err, STATUS_USAGE, "--clip: expected LOW,HIGH, found '%s'", arg);
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Err *err = &run.usage.err;
  int i = 0;
  Status rc;
  switch (key) {
  case 'q':
    run.options.verbosity = 0;
    return 0;
  case 'v':
    run.options.verbosity = 2;
    return 0;
  case KEY_NORM:
    rc = options_word("norm", arg, norm_words, &i, err);
    if (!rc) run.choice.norm = norm_words[i];
    return usage_checked(rc);
  case KEY_CLIP:
    return usage_checked(read_clip(arg, err));
  case KEY_PRECISION:
    return usage_checked(read_positive("precision", arg, 1, &run.plan.precision, err));
  case KEY_MOST:
    return usage_checked(read_positive("most", arg, INFINITY, &run.plan.most, err));
  case KEY_SAMPLES:
    run.samples_path = arg;
    run.usage.n_wanted = 1;
    run.usage.n_optional = 1;
    return 0;
  case KEY_ROWS:
    run.rows = arg;
    return 0;
  case KEY_TIMEOUT:
    return usage_checked(options_seconds("timeout", arg, &run.options.timeout, err));
  case KEY_RADIUS_TIMEOUT:
    rc = options_seconds("radius-timeout", arg, &run.plan.step_seconds, err);
    return usage_checked(rc);
  case KEY_FORMAT:
    return usage_checked(options_word("format", arg, format_words, &run.format, err));
  case KEY_PLOT:
    run.plot = arg;
    return 0;
  case KEY_EVIDENCE:
    run.evidence = arg;
    return 0;
  case KEY_CHECK:
    run.options.check = true;
    return 0;
  default:
    break;
  }
  const char *const name = key >= KEY_VALUE && arg ? name_of_key(key) : NULL;
  if (name) return usage_checked(options_set(&run.options, name, arg, err));
  return usage_key(state->input, key, arg);
}

static const char doc[] =
    "Find the radius up to which a property holds around a point: the largest that is "
    "proved, and the smallest with a counterexample."
    "\v"
    "SPEC is a JSON specification with a centre, or one with a single box, which is "
    "then scaled; with --samples it may be left out. Exit status: 0 all ends are as "
    "near as wanted, 2 some are not, or a limit or signal cut it short (what is "
    "printed holds), 64-74 errors.";

static Status parse(int argc, char **argv)
{
  run.usage = (Usage){.command = "margin", .n_wanted = 2, .names = {"NET", "SPEC"}};
  options_init(&run.options);
  run.plan = (MarginPlan){.precision = 0.01, .step_seconds = 20, .most = INFINITY};
  const struct argp argp = {options, parse_key, "NET [SPEC]", doc, NULL, NULL, NULL};
  const Status rc = usage_parse(&argp, argc, argv, &run.usage, &run.usage);
  if (rc) return rc;
  if (run.rows && !run.samples_path) {
    status_fail(&run.usage.err, STATUS_USAGE, "margin: --rows is about --samples");
    return (Status)usage_report(&run.usage.err);
  }
#ifndef NDEBUG
  /* No certificate leaves a debug build that the checker has not seen. */
  if (run.evidence) run.options.check = true;
#endif
  return mistake_check(&run.usage);
}

/* ---- answers ------------------------------------------------------------- */

static void format_rows(Text *out)
{
  run.brackets.seconds = clock_now() - run.started;
  if (run.format == FORMAT_IS_CSV)
    brackets_csv(&run.brackets, out);
  else if (run.format == FORMAT_IS_JSON)
    brackets_json(&run.brackets, out);
  else
    brackets_text(&run.brackets, out);
}

/* While nothing has been read. */
static const char *fallback(Reason why)
{
  static char text[128];
  (void)why;
  if (run.format == FORMAT_IS_JSON)
    snprintf(text, sizeof text,
             "{\"version\": \"%s\", \"brackets\": [], \"accuracy\": []}\n",
             app_version());
  return text;
}

static int last_words(Reason why, Text *out)
{
  progress_end();
  if (atomic_load(&run.has_rows))
    format_rows(out);
  else
    text_add(out, "%s", fallback(why));
  limits_print(out, 2, NULL);
  return 2;
}

/* ---- reading ------------------------------------------------------------- */

/* The problem of the family as it is now; the one before is given back. */
static Status load_problem(const File *spec, Err *err)
{
  const ProblemNet net = {NULL, run.usage.args[0]};
  const ProblemFiles files = {.nets = &net,
                              .n_nets = 1,
                              .spec =
                                  run.family.path ? run.family.path : run.usage.args[1],
                              .float32 = run.options.semantics == SEMANTICS_FLOAT32};
  problem_free(&run.problem);
  const Status rc = problem_parse(&files, spec, &run.problem, err);
  run.net = run.problem.net;
  if (rc || run.options.semantics != SEMANTICS_FLOAT32) return rc;
  return rounded_check(run.net, err);
}

static Status load_spec(Err *err)
{
  const char *const path = run.usage.args[1];
  Status rc = file_read(path, PROP_MAX_BYTES, &run.spec, err);
  if (!rc) rc = load_problem(&run.spec, err);
  if (!rc)
    rc = family_of_spec(path, &run.spec, &run.problem, &run.choice, &run.family, err);
  if (rc || !run.samples_path) return rc;
  if (run.family.has_label && !run.family.is_factor) return STATUS_OK;
  return status_fail(err, STATUS_USAGE,
                     "%s: --samples needs a specification with \"center\", one "
                     "\"epsilon\" and \"label\", or none at all",
                     path);
}

static Status load_net(Err *err)
{
  run.net = run.problem.net = reader_load(run.usage.args[0], err);
  if (!run.net) return err->code;
  if (run.options.semantics == SEMANTICS_FLOAT32 && rounded_check(run.net, err))
    return err->code;
  return family_of_samples(run.samples_path, net_in_size(run.net),
                           net_out_size(run.net), &run.choice, &run.family, err);
}

/* "7" or "3-5" at *at, which moves behind it. */
static bool read_range(const char **at, long *first, long *last)
{
  char *end;
  if (**at < '0' || **at > '9') return false;
  *first = *last = strtol(*at, &end, 10);
  if (*end == '-' && end[1] >= '0' && end[1] <= '9') *last = strtol(end + 1, &end, 10);
  *at = end;
  return *first <= *last;
}

/* Which samples: wanted[n], or all when there is no list. */
static Status want_rows(const char *list, int n, bool *wanted, Err *err)
{
  for (int i = 0; i < n; i++)
    wanted[i] = !list;
  for (const char *at = list; at; at = *at == ',' ? at + 1 : NULL) {
    long first = 0, last = 0;
    if (!read_range(&at, &first, &last) || (*at && *at != ','))
      return status_fail(err, STATUS_USAGE, "--rows: expected 0-9,12, found '%s'",
                         list);
    if (last >= n)
      return status_fail(err, STATUS_USAGE,
                         "--rows: %s has %d rows, no row %ld (they count from 0)",
                         run.samples_path, n, last);
    for (long i = first; i <= last; i++)
      wanted[i] = true;
  }
  return STATUS_OK;
}

static Status check_sample(const Sample *s, Err *err)
{
  if (s->n == (size_t)run.family.n_in) return STATUS_OK;
  return status_fail(err, STATUS_DATA,
                     "%s:%d: has %zu inputs after the label, but the network has %d",
                     run.samples_path, s->line, s->n, run.family.n_in);
}

/* All that can be wrong is said before the first search. */
static Status load_samples(Err *err)
{
  Status rc = samples_read(run.samples_path, true, &run.samples, err);
  if (rc) return rc;
  bool *const wanted = mem_array((size_t)run.samples.n, sizeof *wanted);
  run.brackets.rows = mem_zero((size_t)run.samples.n, sizeof *run.brackets.rows);
  rc = want_rows(run.rows, run.samples.n, wanted, err);
  for (int i = 0; i < run.samples.n && !rc; i++) {
    const Sample *const s = &run.samples.rows[i];
    if (!wanted[i]) continue;
    rc = check_sample(s, err);
    if (!rc)
      rc = family_move(&run.family, run.samples.values + s->first, s->label,
                       run.samples_path, s->line, err);
    run.brackets.rows[run.brackets.n++] = (Bracket){i, s->line, s->label, {0}};
  }
  mem_free(wanted);
  return rc;
}

/* One bracket, or one for each sample that is wanted. */
static Status make_rows(Err *err)
{
  if (!run.samples_path) {
    run.brackets.rows = mem_zero(1, sizeof *run.brackets.rows);
    run.brackets.rows[run.brackets.n++].row = -1;
    return STATUS_OK;
  }
  return load_samples(err);
}

static Status load(Err *err)
{
  progress_begin(run.options.verbosity, stderr);
  Status rc = round_self_test(err);
  if (!rc) rc = run.usage.n_args > 1 ? load_spec(err) : load_net(err);
  if (rc) return rc;
  memcpy(run.sha256, run.net->sha256, sizeof run.sha256);
  run.brackets =
      (Brackets){.net_path = run.usage.args[0],
                 .net_sha256 = run.sha256,
                 .spec_path = run.usage.n_args > 1 ? run.usage.args[1] : NULL,
                 .data_path = run.samples_path,
                 .norm = run.family.norm,
                 .semantics = options_semantics[run.options.semantics],
                 .version = app_version(),
                 .is_factor = run.family.is_factor,
                 .precision = run.plan.precision};
  return make_rows(err);
}

/* ---- the run ------------------------------------------------------------- */

/* DIR/row-3-certified.json, or DIR/certified.json. */
static char *evidence_path(const Bracket *b, const char *name)
{
  Text path = {0};
  if (!run.evidence) return NULL;
  text_add(&path, "%s/", run.evidence);
  if (b->row >= 0) text_add(&path, "row-%d-", b->row);
  text_add(&path, "%s", name);
  return path.s;
}

/* Nothing of an earlier run may be taken for this one's. */
static Status remove_evidence(const Bracket *b, Err *err)
{
  static const char *const names[] = {"certified.json", "certified.cert",
                                      "counterexample.json",
                                      "counterexample.witness.json"};
  Status rc = STATUS_OK;
  for (size_t i = 0; run.evidence && i < sizeof names / sizeof *names && !rc; i++) {
    char *const path = evidence_path(b, names[i]);
    if (unlink(path) && errno != ENOENT)
      rc = status_fail(err, STATUS_CREATE, "%s: %s", path, strerror(errno));
    mem_free(path);
  }
  return rc;
}

/* The upper end: its specification, and the point as check-witness reads it. */
static Status write_counterexample(const Bracket *b, Err *err)
{
  const Margin *const m = &b->margin;
  if (!run.evidence || !m->x) return STATUS_OK;
  char *const spec = evidence_path(b, "counterexample.json");
  char *const point = evidence_path(b, "counterexample.witness.json");
  Text text = {0}, evidence = {0};
  Witness w = {0};
  Prop *prop = family_prop(&run.family, m->upper, err);
  family_text(&run.family, m->upper, &text);
  Status rc = prop ? file_write(spec, text.s, text.n, err) : err->code;
  if (!rc && !witness_replay(run.net, prop, m->x, &w))
    rc = status_fail(err, STATUS_INTERNAL,
                     "%s: the counterexample is none when it is written; please report "
                     "this",
                     point);
  if (!rc) {
    witness_complete(run.net, &w);
    evidence_print(run.net, &w, &evidence);
    rc = file_write(point, evidence.s, evidence.n, err);
    witness_reset(&w);
  }
  prop_free(prop);
  text_free(&text);
  text_free(&evidence);
  mem_free(spec);
  mem_free(point);
  return rc;
}

static Status search(Bracket *b, const Stop *stop, Err *err)
{
  MarginPlan plan = run.plan;
  char *const spec = evidence_path(b, "certified.json");
  char *const certificate = evidence_path(b, "certified.cert");
  plan.options = &run.options;
  plan.spec = spec;
  plan.certificate = certificate;
  Status rc = remove_evidence(b, err);
  if (!rc) rc = margin_search(run.net, &run.family, &plan, stop, &b->margin, err);
  if (!rc) rc = write_counterexample(b, err);
  mem_free(spec);
  mem_free(certificate);
  return rc;
}

/* The centre of sample b. */
static Status move(const Bracket *b, Err *err)
{
  const Sample *const s = &run.samples.rows[b->row];
  Status rc = family_move(&run.family, run.samples.values + s->first, s->label,
                          run.samples_path, s->line, err);
  if (rc || !run.family.is_image) return rc;
  /* What stands in front of the network is made of the centre. */
  Text text = {0};
  File file = {0};
  family_text(&run.family, run.family.start, &text);
  rc = file_from_memory(run.family.path, text.s, text.n, PROP_MAX_BYTES, &file, err);
  if (!rc) rc = load_problem(&file, err);
  file_free(&file);
  text_free(&text);
  return rc;
}

static void say_done(int i)
{
  Bracket *const b = &run.brackets.rows[i];
  Text ends = {0};
  if (b->row < 0) return;
  brackets_say(b, &ends);
  progress_say(1, "[%d/%d] row %d: %s", i + 1, run.brackets.n, b->row, ends.s);
  text_free(&ends);
}

static Status search_all(const Stop *stop, Err *err)
{
  Status rc = STATUS_OK;
  if (run.evidence) rc = file_make_folder(run.evidence, err);
  for (int i = 0; i < run.brackets.n && !rc && !stop_why(stop); i++) {
    if (run.samples_path) rc = move(&run.brackets.rows[i], err);
    if (!rc) rc = search(&run.brackets.rows[i], stop, err);
    if (!rc) say_done(i);
  }
  return rc;
}

static int exit_code(void)
{
  for (int i = 0; i < run.brackets.n; i++) {
    const MarginState state = run.brackets.rows[i].margin.state;
    if (state == MARGIN_WIDE || state == MARGIN_NONE) return 2;
  }
  return 0;
}

static Status write_plot(Err *err)
{
  Text svg = {0};
  brackets_svg(&run.brackets, &svg);
  const Status rc = file_write(run.plot, svg.s, svg.n, err);
  text_free(&svg);
  return rc;
}

static int compute(const Stop *stop, Err *err)
{
  const int n = run.brackets.n;
  for (int i = 0; i < n; i++)
    margin_init(&run.brackets.rows[i].margin);
  limits_reserve(((size_t)1 << 16) + (size_t)n * (256 + (size_t)run.family.n * 32));
  atomic_store(&run.has_rows, true);
  Status rc = search_all(stop, err);
  limits_claim();
  progress_end();
  if (rc) return usage_report(err);
  const int code = exit_code();
  Text out = {0};
  format_rows(&out);
  rc = limits_print(&out, code, err);
  text_free(&out);
  if (!rc && run.plot) rc = write_plot(err);
  return rc ? usage_report(err) : code;
}

static void clean_up(void)
{
  atomic_store(&run.has_rows, false);
  for (int i = 0; i < run.brackets.n; i++)
    margin_reset(&run.brackets.rows[i].margin);
  mem_free(run.brackets.rows);
  samples_reset(&run.samples);
  family_reset(&run.family);
  problem_free(&run.problem);
  file_free(&run.spec);
}

int cmd_margin_run(int argc, char **argv)
{
  run.started = clock_now();
  const Status wrong = parse(argc, argv);
  if (wrong) return (int)wrong;
  const Limited run_with = {.limits = {.timeout = run.options.timeout,
                                       .memory = run.options.memory,
                                       .last_words = last_words,
                                       .fallback = fallback,
                                       .fallback_exit = 2},
                            .load = load,
                            .work = compute,
                            .clean_up = clean_up};
  return limited_run(&run_with);
}
