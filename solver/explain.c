/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/explain.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "solver/progress.h"

/* The name of a stage as people would say it. */
static const char *stage_words(const char *name)
{
  static const char *const words[][2] = {
      {"attack", "the search for a counterexample"},
      {"ibp", "interval propagation"},
      {"crown", "backward bounds"},
      {"dual", "the dual optimiser"},
      {"input", "branch and bound on the inputs"},
      {"refine", "small searches for the intervals of neurons"},
      {"bab", "branch and bound on the neurons"},
      {"lp", "the linear program"},
  };
  if (!name) return "reading the files";
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(words[i][0], name)) return words[i][1];
  return name;
}

static bool has_run(const Result *r, const char *name)
{
  for (int i = 0; i < r->n_stages; i++)
    if (!strcmp(r->stages[i].name, name)) return true;
  return false;
}

/* The open case with the lowest bound; -1 when none is open. */
static int hardest_case(const Result *r)
{
  int worst = -1;
  for (int k = 0; k < r->n_cases; k++)
    if (!(r->cases[k].lower > 0) &&
        (worst < 0 || r->cases[k].lower < r->cases[worst].lower))
      worst = k;
  return worst;
}

/* ---- where it stands ----------------------------------------------------- */

static void add_stop(const Result *r, const Options *o, Text *out)
{
  text_add(out, "stopped    ");
  switch (r->reason) {
  case RESULT_TIMEOUT:
    text_add(out, "by --timeout %g, in %s\n", o->timeout, stage_words(r->running));
    break;
  case RESULT_MEMORY:
    text_add(out, "by the limit on memory, in %s\n", stage_words(r->running));
    break;
  case RESULT_NODES:
    text_add(out, "by --max-nodes %d, in %s\n", o->max_nodes, stage_words(r->running));
    break;
  case RESULT_INTERRUPTED:
    text_add(out, "by a signal, in %s\n", stage_words(r->running));
    break;
  case RESULT_REJECTED:
    text_add(out, "because the certificate was not accepted\n");
    break;
  case RESULT_OVERFLOW:
    text_add(out, "because float32 may overflow, as far as intervals tell\n");
    break;
  case RESULT_INCOMPLETE:
  case RESULT_NO_REASON:
    text_add(out, "all stages ended, the last one was %s\n", stage_words(r->running));
    break;
  }
}

static void add_gap(const Result *r, const Prop *prop, Text *out)
{
  const int k = hardest_case(r);
  text_add(out, "proved     %d of %d cases\n", r->n_cases - r->n_open, r->n_cases);
  if (k < 0) return;
  text_add(out, "hardest    case %d", k);
  if (prop->cases[k].line) text_add(out, " (%s:%d)", prop->path, prop->cases[k].line);
  const CaseResult *const c = &r->cases[k];
  if (isfinite(c->lower))
    text_add(out,
             ": its margin is proven to be at least %.6g; verified needs more than "
             "0",
             c->lower);
  else
    text_add(out, ": nothing is proven of its margin");
  if (isfinite(c->best)) text_add(out, "; the smallest seen is %.6g", c->best);
  text_add(out, "\n");
}

static void add_work(const Result *r, Text *out)
{
  text_add(out, "bounds     ");
  for (int i = 0; i < r->n_stages; i++) {
    const StageResult *const s = &r->stages[i];
    text_add(out, "%s%s ", i ? ", " : "", s->name);
    if (isfinite(s->bound))
      text_add(out, "%.4g", s->bound);
    else
      text_add(out, "-");
    text_add(out, " (%.3g s)", s->seconds);
  }
  text_add(out, "%s\n", r->n_stages ? "" : "none");
  if (r->n_neurons)
    text_add(out, "neurons    %ld of %ld are undecided%s\n", r->n_unstable,
             r->n_neurons, r->n_curved ? ", and there are curves or products" : "");
  if (r->tree.nodes)
    text_add(out, "search     %ld parts, %ld proved, down to depth %d\n", r->tree.nodes,
             r->tree.leaves, r->tree.depth);
}

/* ---- what to try --------------------------------------------------------- */

static void add_limits(const Result *r, const Options *o, Text *out)
{
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  if (r->reason == RESULT_TIMEOUT && r->tree.nodes)
    text_add(out, "  more time: the search was closing parts, --timeout %g\n",
             10 * fmax(o->timeout, 1));
  else if (r->reason == RESULT_TIMEOUT)
    text_add(out, "  more time: the search had not begun, --timeout %g\n",
             10 * fmax(o->timeout, 1));
  if (r->reason == RESULT_MEMORY)
    text_add(out, "  more --memory, or a smaller --batch (parts in work at once)\n");
  if (r->reason == RESULT_NODES)
    text_add(out, "  more parts: --max-nodes %lld\n", 10LL * o->max_nodes);
  if (n > o->threads) text_add(out, "  more threads: --threads %ld\n", n);
  if (o->stages != STAGE_ALL) text_add(out, "  all stages: leave out --stages\n");
}

static void add_advice(const Result *r, const Prop *prop, const Options *o, Text *out)
{
  const int k = hardest_case(r);
  const double lower = k < 0 ? 0 : r->cases[k].lower,
               best = k < 0 ? 0 : r->cases[k].best;
  text_add(out, "try\n");
  if (r->reason == RESULT_REJECTED) {
    text_add(out, "  reporting it with both files: this is a bug of dualcert\n");
    return;
  }
  if (r->reason == RESULT_OVERFLOW)
    text_add(out, "  a smaller input set, or --semantics real\n");
  add_limits(r, o, out);
  if (isfinite(best) && best < 0.1 * fabs(lower))
    text_add(out,
             "  a longer attack: margins near 0 were seen, --attack-restarts %lld\n",
             10LL * (o->attack_restarts > 0 ? o->attack_restarts : 64));
  else if (isfinite(best))
    text_add(out, "  (no point came near a violation: it is probably true)\n");
  if (r->reason == RESULT_INCOMPLETE && r->n_curved && o->stages == STAGE_ALL)
    text_add(out, "  smaller input sets: curves and products have no exact leaves\n");
  if (!has_run(r, "bab") && !has_run(r, "input") && o->stages == STAGE_ALL &&
      r->reason == RESULT_INCOMPLETE)
    text_add(out, "  --split activation or --split input: no search ran\n");
  text_add(out, "  a smaller input set%s\n",
           prop->n_boxes == 1 ? ": dualcert margin finds the largest that is proved"
                              : "");
}

void explain_unknown(Result *r, const Prop *prop, const Options *options, Text *out)
{
  pthread_mutex_lock(&r->lock);
  if (r->verdict == RESULT_UNKNOWN) {
    add_stop(r, options, out);
    add_gap(r, prop, out);
    add_work(r, out);
    add_advice(r, prop, options, out);
  }
  pthread_mutex_unlock(&r->lock);
}

void explain_vacuous(const Prop *prop)
{
  if (prop->n_dropped > 0)
    progress_say(1, "note: %s: %d disjuncts can never hold and were left out",
                 prop->path, prop->n_dropped);
  if (prop->n_cases == 0)
    progress_say(1,
                 "note: %s: the unsafe set is empty as written, so the property holds "
                 "for any network",
                 prop->path);
}
