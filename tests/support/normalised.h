/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/normalised.h -- random ReLU networks with a scale behind every matrix,
 * as batch normalisation is, and the same folded into the matrices by hand. */
#ifndef TESTS_SUPPORT_NORMALISED_H
#define TESTS_SUPPORT_NORMALISED_H

#include "net/base/prng.h"
#include "net/net.h"
#include "tests/support/extreme.h"

typedef struct {
  ExtremeMode mode; /* of the numbers */
  bool folded;      /* the scales are in the matrices already, but for rounding */
  bool blurred;     /* weights and scales have errors; not where folded */
  bool few_inputs;  /* one to three, in front of a dense node that makes the image */
} Normalised;

/* Convolutions, whose elements a map may move before the scale, and a dense node that
 * is repeated; the same network for the same `prng`, folded or not.  Scales are one
 * number for each channel or row, in one of four networks one for each element (never
 * folded). */
Net *normalised_net(const Normalised *how, Prng *prng);

#endif
