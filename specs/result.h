/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/result.h -- the verdict of one run and what supports it.
 *
 * No function sets a verdict directly:
 *   verified   follows when result_raise has received a proven bound > 0 for
 *              every case; callers pass only what bounds/lagrangian.c returned,
 *              and, where the verdict is withheld, when result_release says that the
 *              evidence was accepted
 *   falsified  follows from result_try_witness, which replays the point
 * Everything else is unknown, with a reason.
 *
 * The lower bound of a case's margin is proven, the best margin is the smallest
 * seen at any point inside the box (specs/query.h defines the margin).
 * All functions lock: the watchdog may print while the solver works.
 */
#ifndef SPECS_RESULT_H
#define SPECS_RESULT_H

#include <pthread.h>
#include <stdbool.h>

#include "net/base/stop.h"
#include "net/base/text.h"
#include "net/net.h"
#include "specs/prop.h"
#include "specs/trace.h"
#include "specs/witness.h"

typedef enum { RESULT_UNKNOWN, RESULT_VERIFIED, RESULT_FALSIFIED } Verdict;

typedef enum {
  RESULT_NO_REASON,
  RESULT_TIMEOUT,
  RESULT_MEMORY,
  RESULT_INCOMPLETE,
  RESULT_NODES,    /* the limit on subproblems */
  RESULT_OVERFLOW, /* float32 might: net/rounded.h */
  RESULT_INTERRUPTED,
  RESULT_REJECTED /* a certificate was not accepted */
} Reason;

typedef struct {
  double lower;      /* proven lower bound of the margin; -INFINITY: none yet */
  double best;       /* smallest margin seen at a point; INFINITY: none yet */
  const char *stage; /* the stage that proved it, static text; NULL while open */
} CaseResult;

/* One line per stage that ran, summed over all queries. */
typedef struct {
  const char *name; /* "attack", "ibp", "crown", "dual", "input", "refine", "bab", "lp":
                       static text */
  double seconds;
  double bound; /* worst proven margin over all cases when the stage ended */
  int n_closed; /* cases this stage proved */
  long n_steps; /* its own unit: restarts, iterations, LP pivots */
  bool found_witness;
} StageResult;

#define RESULT_MAX_STAGES 16

/* What branch and bound did, summed over all queries. */
typedef struct {
  long nodes;     /* subproblems bounded */
  long leaves;    /* of them closed */
  long lps;       /* linear programs solved in leaves */
  long tightened; /* subproblems whose intermediate bounds were bounded again */
  long stuck;     /* leaves that could not be closed */
  int depth;      /* of the deepest one */
} TreeStats;

typedef struct {
  Verdict verdict;
  Reason reason;
  bool is_withheld; /* see result_withhold */
  int n_cases, n_open;
  CaseResult *cases;   /* CaseResult cases[n_cases] */
  Witness witness;     /* only when falsified; may be replaced while the solver works */
  const char *running; /* the stage that began last; NULL before the first */
  int n_stages;
  StageResult stages[RESULT_MAX_STAGES];
  /* Neurons of the last query, after the last tightening: ReLUs, and curves and
   * products, which have no sign. */
  long n_neurons, n_active, n_inactive, n_unstable, n_curved;
  TreeStats tree;
  double seconds; /* wall time of the whole run so far */
  Trace trace;    /* trace.started may be moved back to the start of the run */
  /* Of the search that runs: the cases [search_first, search_end) have at least the
   * margin search_lower wherever it has not proved them.  For the trace only. */
  int search_first, search_end;
  double search_lower;
  pthread_mutex_t lock;
} Result;

/* A property without cases is verified at once: its unsafe set is empty.  A witness
 * in a case that has been proved, or the reverse, is a bug that must not print a
 * verdict: the process aborts.  result_reset must not race with the others. */
void result_init(Result *r, const Prop *prop);
void result_reset(Result *r);

/* Case `k` has the proven lower bound `lower` by `stage`.  NaN and infinities are
 * ignored; a bound > 0 closes the case, and the last closed case makes the
 * verdict `verified`. */
void result_raise(Result *r, int k, double lower, const char *stage);

/* From now on proving all cases does not make the verdict: result_release does, which
 * says whether the evidence was accepted.  Without proof of all cases it does nothing.
 */
void result_withhold(Result *r);
void result_release(Result *r, bool is_accepted);

/* A search over n cases from `first` on has proved this margin for all that it has not
 * closed yet.  For the trace only: no verdict follows, and result_raise says the rest.
 * Numbers that are not finite are ignored. */
void result_search(Result *r, int first, int n, double lower);

/* A point with that margin was seen (for reports only). */
void result_saw(Result *r, int k, double margin);

/* Replay x (already snapped); on success the verdict becomes `falsified`.  The first
 * witness stays unless a later one is robust and it is not. */
bool result_try_witness(Result *r, const Net *net, const Prop *prop, const double *x);

/* Of the witness so far; UNTESTED when there is none. */
WitnessKind result_witness_kind(const Result *r);

/* The verdict stays unknown for this reason; a definite verdict is kept.  The first
 * reason stays, but a limit (time, memory, interruption) replaces `incomplete`. */
void result_give_up(Result *r, Reason reason);
Reason result_reason_of(StopWhy why);

/* The record of a stage that begins now, made when new. */
StageResult *result_stage(Result *r, const char *name);

/* Add to the statistics of branch and bound. */
void result_tree(Result *r, const TreeStats *more);

/* The smallest proven bound over all cases; INFINITY without cases. */
double result_worst(const Result *r);

const char *result_verdict_word(Verdict verdict); /* "verified" ... */
const char *result_reason_word(Reason reason);    /* "timeout" ... */

/* The four output formats, appended to `out`.
 *   text      the verdict word, and "(reason)" after unknown
 *   vnncomp   unsat | sat and the text of specs/assignment.h | timeout | unknown
 *   vnnlib    unsat | sat and that text, if with_values | timed-out | unknown
 *   json      one object; numbers that are not finite are null; its members are in
 *             docs/formats.md
 * `extra` is JSON members text for the json format ("version": "1", ...), or NULL. */
void result_print_text(const Result *r, Text *out);
void result_print_vnncomp(const Result *r, const Net *net, Text *out);
void result_print_vnnlib(const Result *r, const Net *net, bool with_values, Text *out);
void result_print_json(const Result *r, const Net *net, const Prop *prop,
                       const char *extra, Text *out);

#endif
