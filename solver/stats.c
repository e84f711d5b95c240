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
  text_add(out, "neurons    %ld: active %ld, inactive %ld, unstable %ld\n",
           r->n_neurons, r->n_active, r->n_inactive, r->n_unstable);
  text_add(out, "memory     %.1f MB at most\n",
           (double)mem_peak_bytes() / (double)(1 << 20));
  text_add(out, "time       %.3f s\n", r->seconds);
  pthread_mutex_unlock(&r->lock);
}
