/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/stats.h"

#include <math.h>
#include <stdio.h>

#include "net/base/mem.h"

static void bound_text(double bound, char *text, size_t size)
{
  if (isfinite(bound))
    snprintf(text, size, "%.6g", bound);
  else
    snprintf(text, size, "-");
}

static void add_stage(const StageResult *s, Text *out)
{
  char bound[32];
  bound_text(s->bound, bound, sizeof bound);
  text_add(out, "%-10s %10.3f %14s %8d %10ld%s\n", s->name, s->seconds, bound,
           s->n_closed, s->n_steps, s->found_witness ? "  counterexample" : "");
}

void stats_table(Result *r, Text *out)
{
  pthread_mutex_lock(&r->lock);
  text_add(out, "%-10s %10s %14s %8s %10s\n", "stage", "seconds", "worst bound",
           "closed", "steps");
  for (int i = 0; i < r->n_stages; i++)
    add_stage(&r->stages[i], out);
  text_add(out, "cases      %d, open %d\n", r->n_cases, r->n_open);
  text_add(out, "neurons    %ld: active %ld, inactive %ld, unstable %ld", r->n_neurons,
           r->n_active, r->n_inactive, r->n_unstable);
  if (r->n_curved) text_add(out, ", curves and products %ld", r->n_curved);
  text_add(out, "\n");
  if (r->tree.nodes)
    text_add(out,
             "search     %ld nodes: %ld leaves, %d deep, %ld bounded again, %ld linear "
             "programs, %ld given up\n",
             r->tree.nodes, r->tree.leaves, r->tree.depth, r->tree.tightened,
             r->tree.lps, r->tree.stuck);
  text_add(out, "memory     %.1f MB at most\n",
           (double)mem_peak_bytes() / (double)(1 << 20));
  text_add(out, "time       %.3f s\n", r->seconds);
  pthread_mutex_unlock(&r->lock);
}

/* Small inputs are worth reading; large ones belong in a file. */
#define SHOWN_VALUES 12

static void add_values(const char *name, int n, const double *v, Text *out)
{
  text_add(out, "  %s", name);
  for (int i = 0; i < n; i++)
    text_add(out, " %.9g", v[i]);
  text_add(out, "\n");
}

static void summarise_witness(const Result *r, const Prop *prop, bool saved, Text *out)
{
  const Witness *w = &r->witness;
  text_add(out, "counterexample: case %d", w->case_id);
  if (prop->cases[w->case_id].line)
    text_add(out, " (%s:%d)", prop->path, prop->cases[w->case_id].line);
  text_add(out, ", margin %.6g%s\n", w->margin,
           saved ? "" : "; --witness FILE saves it, --format vnncomp prints it");
  if (w->n_in <= SHOWN_VALUES) add_values("input ", w->n_in, w->x, out);
  if (w->n_out <= SHOWN_VALUES) add_values("output", w->n_out, w->y, out);
}

static void summarise_unknown(const Result *r, const Prop *prop, Text *out)
{
  int worst = 0;
  for (int k = 1; k < r->n_cases; k++)
    if (r->cases[k].lower < r->cases[worst].lower) worst = k;
  text_add(out, "%d of %d cases proved", r->n_cases - r->n_open, r->n_cases);
  if (r->n_cases) {
    text_add(out, "; hardest: case %d", worst);
    if (prop->cases[worst].line)
      text_add(out, " (%s:%d)", prop->path, prop->cases[worst].line);
    if (isfinite(r->cases[worst].lower))
      text_add(out, ", margin at least %.6g (proven)", r->cases[worst].lower);
    else
      text_add(out, ", nothing proven about it");
    if (isfinite(r->cases[worst].best))
      text_add(out, ", %.6g seen", r->cases[worst].best);
  }
  text_add(
      out, "\n%s\n",
      r->reason == RESULT_INCOMPLETE
          ? "the relaxation is too weak here: try a smaller input set, or more "
            "--attack-restarts for a counterexample"
      : r->reason == RESULT_REJECTED
          ? "the proof did not survive its check: this is a bug of dualcert, please "
            "report it with both files"
      : r->reason == RESULT_OVERFLOW
          ? "float32 may overflow for some input, as far as intervals tell: try a "
            "smaller input set"
      : r->reason == RESULT_NODES
          ? "the limit on subproblems was reached: try more --max-nodes"
          : "stopped early: try again with more time or memory");
}

void stats_summary(Result *r, const Prop *prop, bool witness_saved, Text *out)
{
  pthread_mutex_lock(&r->lock);
  if (r->verdict == RESULT_FALSIFIED) summarise_witness(r, prop, witness_saved, out);
  if (r->verdict == RESULT_UNKNOWN) summarise_unknown(r, prop, out);
  pthread_mutex_unlock(&r->lock);
}
