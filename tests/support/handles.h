/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/handles.h -- the library's handles on small problems, for its tests. */
#ifndef TESTS_SUPPORT_HANDLES_H
#define TESTS_SUPPORT_HANDLES_H

#include "solver/api/dualcert.h"

/* y = max (0, x0 + x1) + max (0, x0 - x1) on [-1, 1]^2: the maximum is 2. */
extern const char handles_net[];

/* VNN-LIB on that network: is y >= limit possible?  Static text, one per thread. */
const char *handles_spec(const char *limit);

/* JSON network and VNN-LIB specification of a question that takes hours: 40 inputs,
 * four layers of 80 ReLUs, and a limit a little above the largest sampled output.
 * Static text, made by the first call: before other threads. */
const char *handles_hard_net(void);
const char *handles_hard_spec(void);

typedef struct {
  dualcert_network *net;
  dualcert_spec *spec;
  dualcert_options *options; /* threads=2 */
  dualcert_result *result;
} Handles;

/* Read both texts; anything but success fails the test. */
Handles handles_open(const char *net, const char *spec);
void handles_close(Handles *h);

/* Set an option, which must succeed. */
void handles_set(Handles *h, const char *name, const char *value);

/* dualcert_verify. */
int handles_verify(Handles *h);

#endif
