/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/report/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"

static int by_number(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bool is_in(const Run *run, const char *category)
{
  return !category || !strcmp(run->category, category);
}

static double *times(const RunSet *set, const char *category, int *n)
{
  double *t = mem_doubles((size_t)set->n + 1);
  *n = 0;
  for (int i = 0; i < set->n; i++) {
    const Run *const r = &set->runs[i];
    if (is_in(r, category) && runs_is_solved(r) && !isnan(r->run_time))
      t[(*n)++] = r->run_time;
  }
  qsort(t, (size_t)*n, sizeof *t, by_number);
  return t;
}

double *tally_times(const RunSet *set, int *n)
{
  return times(set, NULL, n);
}

Tally tally_of(const RunSet *set, const char *category)
{
  Tally t = {.category = category, .median = NAN};
  for (int i = 0; i < set->n; i++) {
    const Run *const r = &set->runs[i];
    if (!is_in(r, category)) continue;
    t.n++;
    t.count[r->end]++;
    t.n_known += r->expected != RUN_UNKNOWN;
    t.n_wrong += runs_is_wrong(r);
    if (!isnan(r->run_time)) t.total += r->run_time;
  }
  int n;
  double *const solved = times(set, category, &n);
  if (n) t.median = (solved[(n - 1) / 2] + solved[n / 2]) / 2;
  mem_free(solved);
  return t;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

Tally *tally_categories(const RunSet *set, int *n)
{
  const char **names = mem_array((size_t)set->n + 1, sizeof *names);
  for (int i = 0; i < set->n; i++)
    names[i] = set->runs[i].category;
  qsort(names, (size_t)set->n, sizeof *names, by_name);
  Tally *all = mem_array((size_t)set->n + 1, sizeof *all);
  *n = 0;
  for (int i = 0; i < set->n; i++)
    if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
      all[(*n)++] = tally_of(set, names[i]);
  mem_free(names);
  return all;
}

int tally_solved(const Tally *t)
{
  return t->count[RUN_VERIFIED] + t->count[RUN_FALSIFIED];
}

/* ---- contradictions ------------------------------------------------------ */

typedef struct {
  Clash *list;
  int n, room;
} Clashes;

static void add_clash(Clashes *c, const Run *run, const char *source, RunEnd other)
{
  if (c->n == c->room) {
    c->room = c->room ? 2 * c->room : 8;
    c->list = mem_grow(c->list, (size_t)c->room, sizeof *c->list);
  }
  c->list[c->n++] = (Clash){run, source, other};
}

static void compare(Clashes *c, const Run *run, const RunSet *set)
{
  const Run *const other = runs_find(set, run);
  if (other && runs_is_solved(other) && other->end != run->end)
    add_clash(c, run, set->name, other->end);
}

Clash *tally_clashes(const Runs *runs, const Runs *reference, int *n)
{
  Clashes c = {0};
  for (int i = 0; runs->n && i < runs->sets[0].n; i++) {
    const Run *const run = &runs->sets[0].runs[i];
    if (!runs_is_solved(run)) continue;
    if (runs_is_wrong(run)) add_clash(&c, run, NULL, run->expected);
    for (int s = 1; s < runs->n; s++)
      compare(&c, run, &runs->sets[s]);
    for (int s = 0; s < reference->n; s++)
      compare(&c, run, &reference->sets[s]);
  }
  *n = c.n;
  return c.list;
}
