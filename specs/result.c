/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/result.h"

#include <math.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/utf8.h"
#include "specs/assignment.h"
#include "specs/image.h"

void result_init(Result *r, const Prop *prop)
{
  *r = (Result){.n_cases = prop->n_cases, .n_open = prop->n_cases};
  STATUS_REQUIRE(pthread_mutex_init(&r->lock, NULL) == 0, "no mutex");
  r->cases = mem_array((size_t)prop->n_cases + 1, sizeof *r->cases);
  for (int k = 0; k < prop->n_cases; k++)
    r->cases[k] = (CaseResult){.lower = -INFINITY, .best = INFINITY};
  r->witness.case_id = -1;
  trace_init(&r->trace, prop->n_cases);
  /* An empty unsafe set cannot be reached. */
  if (prop->n_cases == 0) r->verdict = RESULT_VERIFIED;
}

void result_reset(Result *r)
{
  witness_reset(&r->witness);
  mem_free(r->cases);
  pthread_mutex_destroy(&r->lock);
  r->cases = NULL;
  r->n_cases = 0;
}

/* Locking does not change what a reader sees. */
static void lock(const Result *r)
{
  pthread_mutex_lock((pthread_mutex_t *)&r->lock);
}

static void unlock(const Result *r)
{
  pthread_mutex_unlock((pthread_mutex_t *)&r->lock);
}

/* What proven cases mean for the verdict. */
static void follow(Result *r)
{
  if (r->n_open || r->is_withheld || r->verdict != RESULT_UNKNOWN) return;
  r->verdict = RESULT_VERIFIED;
  r->reason = RESULT_NO_REASON;
}

void result_withhold(Result *r)
{
  lock(r);
  r->is_withheld = true;
  if (r->verdict == RESULT_VERIFIED) r->verdict = RESULT_UNKNOWN;
  unlock(r);
}

void result_release(Result *r, bool is_accepted)
{
  lock(r);
  r->is_withheld = false;
  if (is_accepted)
    follow(r);
  else if (!r->n_open && r->verdict == RESULT_UNKNOWN)
    r->reason = RESULT_REJECTED;
  unlock(r);
}

static double worst(const Result *r)
{
  double lower = INFINITY;
  for (int k = 0; k < r->n_cases; k++)
    lower = fmin(lower, r->cases[k].lower);
  return lower;
}

/* The same with what the running search knows. */
static double worst_now(const Result *r)
{
  double lower = INFINITY;
  for (int k = 0; k < r->n_cases; k++) {
    const bool in_search = k >= r->search_first && k < r->search_end;
    const double known = r->cases[k].lower;
    lower = fmin(lower, in_search ? fmax(known, r->search_lower) : known);
  }
  return lower;
}

/* Call before something proved is stored. */
static void trace(Result *r)
{
  const double now = clock_now();
  if (trace_is_due(&r->trace, now)) trace_add(&r->trace, worst_now(r), r->n_open);
  trace_touch(&r->trace, now);
}

void result_raise(Result *r, int k, double lower, const char *stage)
{
  STATUS_REQUIRE(k >= 0 && k < r->n_cases, "no such case");
  if (!isfinite(lower)) return;
  lock(r);
  trace(r);
  CaseResult *const c = &r->cases[k];
  const bool was_open = !(c->lower > 0);
  if (lower > c->lower) c->lower = lower;
  if (was_open && lower > 0) {
    STATUS_REQUIRE(r->verdict != RESULT_FALSIFIED || r->witness.case_id != k,
                   "a case with a replayed witness has been proved");
    c->stage = stage;
    r->n_open--;
    follow(r);
  }
  unlock(r);
}

void result_search(Result *r, int first, int n, double lower)
{
  STATUS_REQUIRE(first >= 0 && n >= 0 && n <= r->n_cases - first, "no such cases");
  if (!isfinite(lower)) return;
  lock(r);
  trace(r);
  const bool is_same = r->search_first == first && r->search_end == first + n;
  r->search_lower = is_same ? fmax(lower, r->search_lower) : lower;
  r->search_first = first;
  r->search_end = first + n;
  unlock(r);
}

void result_saw(Result *r, int k, double margin)
{
  STATUS_REQUIRE(k >= 0 && k < r->n_cases, "no such case");
  lock(r);
  if (margin < r->cases[k].best) r->cases[k].best = margin;
  unlock(r);
}

/* Take w, which is known to be one: the first of the best kind stays. */
static void offer_witness(Result *r, Witness w)
{
  lock(r);
  CaseResult *const c = &r->cases[w.case_id];
  STATUS_REQUIRE(!(c->lower > 0), "a witness replays in a case that has been proved");
  if (w.margin < c->best) c->best = w.margin;
  if (r->verdict == RESULT_FALSIFIED && w.kind <= r->witness.kind) {
    witness_reset(&w);
  } else {
    witness_reset(&r->witness);
    r->verdict = RESULT_FALSIFIED;
    r->reason = RESULT_NO_REASON;
    r->witness = w;
  }
  unlock(r);
}

bool result_try_witness(Result *r, const Net *net, const Prop *prop, const double *x)
{
  Witness w;
  if (!witness_replay(net, prop, x, &w)) return false;
  /* The verdict must not wait for what takes no part in it. */
  offer_witness(r, witness_copy(&w));
  if (result_witness_kind(r) == WITNESS_ROBUST) {
    witness_reset(&w);
    return true;
  }
  witness_complete(net, &w);
  offer_witness(r, w);
  return true;
}

WitnessKind result_witness_kind(const Result *r)
{
  lock(r);
  const WitnessKind kind =
      r->verdict == RESULT_FALSIFIED ? r->witness.kind : WITNESS_UNTESTED;
  unlock(r);
  return kind;
}

static bool is_limit(Reason reason)
{
  return reason == RESULT_TIMEOUT || reason == RESULT_MEMORY ||
         reason == RESULT_INTERRUPTED;
}

void result_give_up(Result *r, Reason reason)
{
  lock(r);
  if (r->verdict == RESULT_UNKNOWN &&
      (r->reason == RESULT_NO_REASON || (is_limit(reason) && !is_limit(r->reason))))
    r->reason = reason;
  unlock(r);
}

Reason result_reason_of(StopWhy why)
{
  switch (why) {
  case STOP_NO:
    return RESULT_NO_REASON;
  case STOP_TIMEOUT:
    return RESULT_TIMEOUT;
  case STOP_MEMORY:
    return RESULT_MEMORY;
  case STOP_INTERRUPTED:
    return RESULT_INTERRUPTED;
  }
  return RESULT_NO_REASON;
}

StageResult *result_stage(Result *r, const char *name)
{
  lock(r);
  int k = 0;
  while (k < r->n_stages && strcmp(r->stages[k].name, name) != 0)
    k++;
  STATUS_REQUIRE(k < RESULT_MAX_STAGES, "too many stages");
  if (k == r->n_stages)
    r->stages[r->n_stages++] = (StageResult){.name = name, .bound = -INFINITY};
  r->running = name;
  unlock(r);
  return &r->stages[k];
}

void result_tree(Result *r, const TreeStats *more)
{
  lock(r);
  r->tree.nodes += more->nodes;
  r->tree.leaves += more->leaves;
  r->tree.lps += more->lps;
  r->tree.tightened += more->tightened;
  r->tree.stuck += more->stuck;
  if (more->depth > r->tree.depth) r->tree.depth = more->depth;
  unlock(r);
}

double result_worst(const Result *r)
{
  lock(r);
  const double lower = worst(r);
  unlock(r);
  return lower;
}

const char *result_verdict_word(Verdict verdict)
{
  switch (verdict) {
  case RESULT_VERIFIED:
    return "verified";
  case RESULT_FALSIFIED:
    return "falsified";
  case RESULT_UNKNOWN:
    break;
  }
  return "unknown";
}

const char *result_reason_word(Reason reason)
{
  switch (reason) {
  case RESULT_TIMEOUT:
    return "timeout";
  case RESULT_MEMORY:
    return "memory";
  case RESULT_INCOMPLETE:
    return "incomplete";
  case RESULT_NODES:
    return "nodes";
  case RESULT_OVERFLOW:
    return "overflow";
  case RESULT_INTERRUPTED:
    return "interrupted";
  case RESULT_REJECTED:
    return "evidence rejected";
  case RESULT_NO_REASON:
    break;
  }
  return "none";
}

/* ---- text formats -------------------------------------------------------- */

void result_print_text(const Result *r, Text *out)
{
  lock(r);
  text_add(out, "%s", result_verdict_word(r->verdict));
  if (r->verdict == RESULT_UNKNOWN && r->reason != RESULT_NO_REASON)
    text_add(out, " (%s)", result_reason_word(r->reason));
  text_add(out, "\n");
  unlock(r);
}

void result_print_vnnlib(const Result *r, const Net *net, bool with_values, Text *out)
{
  lock(r);
  if (r->verdict == RESULT_FALSIFIED) {
    text_add(out, "sat\n");
    if (with_values) assignment_print(net, &r->witness, out);
  } else if (r->verdict == RESULT_VERIFIED) {
    text_add(out, "unsat\n");
  } else {
    text_add(out, r->reason == RESULT_TIMEOUT ? "timed-out\n" : "unknown\n");
  }
  unlock(r);
}

void result_print_vnncomp(const Result *r, const Net *net, Text *out)
{
  lock(r);
  if (r->verdict == RESULT_VERIFIED) {
    text_add(out, "unsat\n");
  } else if (r->verdict == RESULT_FALSIFIED) {
    text_add(out, "sat\n");
    assignment_print(net, &r->witness, out);
  } else {
    text_add(out, r->reason == RESULT_TIMEOUT ? "timeout\n" : "unknown\n");
  }
  unlock(r);
}

/* ---- JSON ---------------------------------------------------------------- */

/* A JSON string; bytes that are no UTF-8 become U+FFFD. */
static void add_string(Text *out, const char *text)
{
  text_add(out, "\"");
  for (const unsigned char *s = (const unsigned char *)text; *s;) {
    const int n = utf8_length((const char *)s);
    if (*s == '"' || *s == '\\')
      text_add(out, "\\%c", *s);
    else if (*s < ' ' || *s == 0x7f)
      text_add(out, "\\u%04x", (unsigned)*s);
    else if (n == 0)
      text_add(out, "\\ufffd");
    else
      text_add(out, "%.*s", n, (const char *)s);
    s += n ? n : 1;
  }
  text_add(out, "\"");
}

/* A number, or null when JSON has none for it. */
static void add_number(Text *out, const char *before, double x)
{
  if (isfinite(x))
    text_add(out, "%s%.17g", before, x);
  else
    text_add(out, "%snull", before);
}

static void add_numbers(Text *out, const char *name, const double *x, int n)
{
  text_add(out, ",\n    \"%s\": [", name);
  for (int i = 0; i < n; i++)
    add_number(out, i ? ", " : "", x[i]);
  text_add(out, "]");
}

static void add_floats(Text *out, const char *name, const float *x, int n)
{
  text_add(out, ",\n    \"%s\": [", name);
  for (int i = 0; i < n; i++)
    add_number(out, i ? ", " : "", (double)x[i]);
  text_add(out, "]");
}

static void add_file(Text *out, const char *name, const char *path, const char *sha256)
{
  text_add(out, ",\n  \"%s\": {\"path\": ", name);
  add_string(out, path ? path : "");
  text_add(out, ", \"sha256\": ");
  add_string(out, sha256);
  text_add(out, "}");
}

/* Inputs of the network as the specification counts them, from v[net inputs]. */
static void add_inputs(Text *out, const char *name, const Prop *prop, const double *v)
{
  const int n = assignment_n_inputs(prop);
  double *const x = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    x[i] = v[assignment_input(prop, i)];
  add_numbers(out, name, x, n);
  mem_free(x);
}

static void add_witness(Text *out, const Result *r, const Prop *prop)
{
  const Witness *const w = &r->witness;
  text_add(out, ",\n  \"witness\": {\n    \"case\": %d,\n    \"line\": %d", w->case_id,
           prop->cases[w->case_id].line);
  text_add(out, ",\n    \"kind\": \"%s\"", witness_kind_word(w->kind));
  add_number(out, ",\n    \"margin\": ", w->margin);
  add_inputs(out, "x", prop, w->x);
  if (prop->image) {
    double *const x = image_input(prop->image, w->x);
    add_numbers(out, "input", x, prop->image->n);
    mem_free(x);
  }
  const Box *const box = &prop->boxes[prop->cases[w->case_id].box];
  add_inputs(out, "lo", prop, box->lo);
  add_inputs(out, "hi", prop, box->hi);
  add_numbers(out, "y", w->y, w->n_out);
  add_numbers(out, "y_lo", w->y_lo, w->n_out);
  add_numbers(out, "y_hi", w->y_hi, w->n_out);
  add_floats(out, "y32", w->y32, w->n_out);
  text_add(out, "\n  }");
}

static void add_cases(Text *out, const Result *r, const Prop *prop)
{
  text_add(out, ",\n  \"cases\": [");
  for (int k = 0; k < r->n_cases; k++) {
    const CaseResult *const c = &r->cases[k];
    text_add(out, "%s\n    {\"line\": %d", k ? "," : "", prop->cases[k].line);
    add_number(out, ", \"lower\": ", c->lower);
    add_number(out, ", \"best\": ", c->best);
    text_add(out, ", \"stage\": ");
    if (c->stage)
      add_string(out, c->stage);
    else
      text_add(out, "null");
    text_add(out, "}");
  }
  text_add(out, "\n  ]");
}

static void add_stages(Text *out, const Result *r)
{
  text_add(out, ",\n  \"stages\": [");
  for (int k = 0; k < r->n_stages; k++) {
    const StageResult *const s = &r->stages[k];
    text_add(out, "%s\n    {\"name\": ", k ? "," : "");
    add_string(out, s->name);
    add_number(out, ", \"seconds\": ", s->seconds);
    add_number(out, ", \"bound\": ", s->bound);
    text_add(out, ", \"closed\": %d, \"steps\": %ld, \"found_witness\": %s}",
             s->n_closed, s->n_steps, s->found_witness ? "true" : "false");
  }
  text_add(out, "\n  ]");
}

static void add_point(Text *out, const TracePoint *p)
{
  text_add(out, "%s[%.4f", p->seconds > 0 ? ", " : "", p->seconds);
  add_number(out, ", ", p->bound);
  text_add(out, ", %d]", p->n_open);
}

/* The points, and the last change as one more. */
static void add_trace(Text *out, const Result *r)
{
  const Trace *const t = &r->trace;
  text_add(out, ",\n  \"trace\": [");
  for (int i = 0; i < t->n; i++)
    add_point(out, &t->point[i]);
  if (t->changed >= 0)
    add_point(out, &(TracePoint){t->changed, worst_now(r), r->n_open});
  text_add(out, "]");
}

/* The shape of the input as in the model. */
static void add_shape(Text *out, const Node *input)
{
  text_add(out, ",\n  \"input_shape\": [");
  for (int d = 0; d < input->rank; d++)
    text_add(out, "%s%d", d ? ", " : "", input->dims[d]);
  if (!input->rank) text_add(out, "%d", input->size);
  text_add(out, "]");
}

void result_print_json(const Result *r, const Net *net, const Prop *prop,
                       const char *extra, Text *out)
{
  lock(r);
  text_add(out, "{\n  \"verdict\": \"%s\",\n  \"reason\": ",
           result_verdict_word(r->verdict));
  if (r->verdict == RESULT_UNKNOWN && r->reason != RESULT_NO_REASON)
    add_string(out, result_reason_word(r->reason));
  else
    text_add(out, "null");
  add_number(out, ",\n  \"seconds\": ", r->seconds);
  add_number(out, ",\n  \"bound\": ", worst(r));
  text_add(out, ",\n  \"n_cases\": %d,\n  \"n_open\": %d", r->n_cases, r->n_open);
  text_add(out, ",\n  \"n_dropped\": %d,\n  \"vacuous\": %s", prop->n_dropped,
           prop->n_cases == 0 ? "true" : "false");
  text_add(out,
           ",\n  \"neurons\": {\"all\": %ld, \"active\": %ld, \"inactive\": %ld, "
           "\"unstable\": %ld, \"curved\": %ld}",
           r->n_neurons, r->n_active, r->n_inactive, r->n_unstable, r->n_curved);
  text_add(
      out,
      ",\n  \"tree\": {\"nodes\": %ld, \"leaves\": %ld, \"depth\": %d, \"lps\": %ld, "
      "\"tightened\": %ld, \"stuck\": %ld}",
      r->tree.nodes, r->tree.leaves, r->tree.depth, r->tree.lps, r->tree.tightened,
      r->tree.stuck);
  add_file(out, "network", net->path, net->sha256);
  add_file(out, "specification", prop->path, prop->sha256);
  add_shape(out, &net->nodes[0]);
  if (extra && *extra) text_add(out, ",\n  %s", extra);
  if (r->verdict == RESULT_FALSIFIED) add_witness(out, r, prop);
  add_stages(out, r);
  add_trace(out, r);
  add_cases(out, r, prop);
  text_add(out, "\n}\n");
  unlock(r);
}
