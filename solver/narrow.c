/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/narrow.h"

#include <math.h>

#include "net/base/mem.h"

/* A half that shrinks nothing counts as one that shrinks a little. */
#define LEAST_GAIN 1e-9

/* Hardly open is not worth a probe. */
#define LEAST_SHARE 1e-9

static bool is_wide(const Bounds *b, int t, const Decision *d)
{
  const int j = b->net->nodes[d->node].in[0];
  const size_t at = (size_t)t * (size_t)b->net->nodes[j].size + (size_t)d->index;
  const double lo = b->lo[j][at], hi = b->hi[j][at];
  return fmin(-lo, hi) > LEAST_SHARE * (hi - lo);
}

static bool is_open(const Bounds *b, int t, const Decision *d)
{
  return bounds_unstable(b, b->net->nodes[d->node].in[0], t, d->index);
}

static void note_sign(NarrowSteps *steps, const Decision *d, bool positive)
{
  if (steps->n == steps->room) {
    steps->room = 2 * steps->n + 16;
    steps->sign = mem_grow(steps->sign, (size_t)steps->room, sizeof *steps->sign);
  }
  steps->sign[steps->n] = *d;
  steps->sign[steps->n++].positive = positive;
}

/* Both signs of one neuron.  Returns true when that has narrowed b. */
static bool probe(Contract *c, Bounds *b, int t, const Decision *d, double *score,
                  NarrowSteps *steps)
{
  ContractProbe half[2];
  for (int positive = 0; positive < 2; positive++)
    half[positive] = contract_probe(c, d->node, d->index, positive);
  if (half[0].empty || half[1].empty) {
    contract_force(c, b, t, d->node, d->index, half[0].empty);
    if (steps) note_sign(steps, d, half[0].empty);
    return true;
  }
  *score = (half[0].gain + LEAST_GAIN) * (half[1].gain + LEAST_GAIN);
  return false;
}

bool narrow_choose(Contract *c, Bounds *b, int t, int first, int count,
                   Candidate *found, int *n, NarrowSteps *steps)
{
  bool has_changed = contract_run(c, b, t, first, count);
  if (steps) {
    steps->by_equations = has_changed;
    steps->n = 0;
  }
  double best = -1;
  int chosen = -1;
  for (int i = 0; i < *n && !b->empty[t]; i++) {
    double score;
    if (!is_wide(b, t, &found[i].decision)) continue;
    if (probe(c, b, t, &found[i].decision, &score, steps)) {
      has_changed = true;
      continue;
    }
    if (!(score > best)) continue;
    best = score;
    chosen = i;
  }
  /* What was probed early may have been decided later. */
  if (chosen < 0 || b->empty[t] || !is_open(b, t, &found[chosen].decision)) chosen = -1;
  for (int i = 0; chosen < 0 && i < *n && !b->empty[t]; i++)
    if (is_open(b, t, &found[i].decision)) chosen = i;
  *n = chosen >= 0;
  if (chosen > 0) found[0] = found[chosen];
  return has_changed;
}
