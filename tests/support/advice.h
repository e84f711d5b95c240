/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/advice.h -- certificates with random advice, well-formed but of no use
 * except by chance. */
#ifndef TESTS_SUPPORT_ADVICE_H
#define TESTS_SUPPORT_ADVICE_H

#include "net/base/prng.h"
#include "tests/support/certs.h"

/* A whole certificate for a property over one box: random passes, layouts, slopes,
 * refinements and closings, then a search by boxes or by assumptions for every case.
 * Searches have up to about `size` nodes. */
Certs advice_random(const Net *net, const Prop *prop, int size, Prng *prng);

#endif
