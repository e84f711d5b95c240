/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dualcert-check is given random advice on random networks: what has a counterexample
 * is never accepted, whatever the certificate says. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "specs/check/certificate.h"
#include "tests/support/advice.h"
#include "tests/support/nets.h"
#include "tests/support/props.h"

TestSuite(check_random, .timeout = 300);

#define SAMPLES 300

/* The smallest value that max (y_a, y_b) is seen to have: points of the box, corners
 * among them. */
static double sampled_minimum(const Net *net, const double *lo, const double *hi, int a,
                              int b, Prng *prng)
{
  const int n = net_in_size(net);
  double *const x = malloc((size_t)n * sizeof *x);
  double *const y = malloc((size_t)net_out_size(net) * sizeof *y);
  double least = INFINITY;
  for (int k = 0; k < SAMPLES; k++) {
    nets_sample(n, lo, hi, prng, x);
    if (k % 2)
      for (int i = 0; i < n; i++)
        if (prng_below(prng, 2)) x[i] = prng_below(prng, 2) ? lo[i] : hi[i];
    eval_double(net, x, y);
    const double m = fmax(y[a], y[b]);
    if (m < least) least = m;
  }
  free(x);
  free(y);
  return least;
}

/* One case of the rows y_a <= rhs, y_b <= rhs; or two cases, the other one easy. */
static Prop *property(const Net *net, const double *lo, const double *hi, int a, int b,
                      double rhs, bool two)
{
  const int first[3] = {0, 2, 3}, var[3] = {a, b, a};
  const double all[3] = {rhs, rhs, -1e6};
  return props_below(net, lo, hi, two ? 2 : 1, first, var, all);
}

typedef struct {
  int checked, accepted; /* of properties that hold */
} Tally;

/* A network with a known minimum: `least` is attained, and is the true one or larger.
 */
static void try_advice(const Net *net, const double *lo, const double *hi, int a, int b,
                       double least, bool exact, Prng *prng, Tally *tally)
{
  static const double over[] = {1e-8, 1e-6, 1e-3, 0.1, 1};
  const double size = 1 + fabs(least);
  for (int k = 0; k < 6; k++) {
    const bool is_false = k < 5;
    const double rhs = least + size * (is_false ? over[k] : -0.05);
    if (!is_false && !exact) break;
    Prop *const prop = property(net, lo, hi, a, b, rhs, prng_below(prng, 4) == 0);
    Certs c = advice_random(net, prop, 60, prng);
    char *why = NULL;
    const bool accepted = certs_accepted(&c, net, prop, &why);
    cr_assert_not(accepted && is_false,
                  "accepted, but the minimum is %.17g below %.17g", least, rhs);
    if (is_false)
      cr_assert_not(certs_accepted_exactly(&c, net, prop), "without rounding");
    tally->checked += !is_false;
    tally->accepted += !is_false && accepted;
    if (!accepted && !strstr(why, "not above 0") && !strstr(why, "not empty") &&
        !strstr(why, "neither"))
      cr_assert(false, "refused for another reason: %s", why);
    mem_free(why);
    certs_free(&c);
    prop_free(prop);
  }
}

static Tally random_nets(NetsKind kind, int n_nets, uint64_t seed)
{
  Prng prng = prng_init(seed);
  Tally tally = {0};
  for (int k = 0; k < n_nets; k++) {
    Net *const net = nets_random(kind, 2 + prng_below(&prng, 4), 1, &prng);
    const int n = net_in_size(net), out = net_out_size(net);
    double *const lo = malloc((size_t)n * sizeof *lo), *const hi = malloc((size_t)n *
                                                                          sizeof *hi);
    nets_box(n, 1, &prng, lo, hi);
    const int a = prng_below(&prng, out), b = prng_below(&prng, out);
    double least;
    const bool exact = n <= 2 && kind != NETS_CURVED && kind != NETS_CONV;
    if (exact) {
      double *const rows = calloc(2 * (size_t)out, sizeof *rows);
      rows[a] = rows[out + b] = 1;
      least = nets_piecewise_minimum(net, lo, hi, 2, rows);
      free(rows);
    } else {
      least = sampled_minimum(net, lo, hi, a, b, &prng);
    }
    if (isfinite(least)) try_advice(net, lo, hi, a, b, least, exact, &prng, &tally);
    free(lo);
    free(hi);
    net_free(net);
  }
  return tally;
}

Test(check_random, dense_networks_with_a_counterexample_are_never_accepted)
{
  const Tally t = random_nets(NETS_DENSE, 400, 1);
  cr_log_info("%d of %d true properties accepted", t.accepted, t.checked);
  cr_assert(t.checked >= 20 && t.accepted * 10 >= t.checked, "%d of %d", t.accepted,
            t.checked);
}

Test(check_random, residual_networks_with_a_counterexample_are_never_accepted)
{
  const Tally t = random_nets(NETS_RESIDUAL, 300, 2);
  cr_log_info("%d of %d true properties accepted", t.accepted, t.checked);
  cr_assert(t.checked >= 20 && t.accepted * 10 >= t.checked, "%d of %d", t.accepted,
            t.checked);
}

Test(check_random, convolutions_with_a_counterexample_are_never_accepted)
{
  random_nets(NETS_CONV, 200, 3);
}

Test(check_random, curves_and_products_with_a_counterexample_are_never_accepted)
{
  random_nets(NETS_CURVED, 300, 4);
}

/* Every bit of advice changed: a certificate of a property that is false by very
 * little, from one that proves another that is true by very little. */
Test(check_random, changed_certificates_of_a_false_property_are_never_accepted)
{
  Prng prng = prng_init(5);
  int usable = 0;
  for (int k = 0; k < 200 && usable < 12; k++) {
    Net *const net = nets_random(NETS_DENSE, 4, 1, &prng);
    const int n = net_in_size(net), out = net_out_size(net);
    if (n > 2) {
      net_free(net);
      continue;
    }
    double lo[2], hi[2], *const row = calloc((size_t)out, sizeof *row);
    nets_box(n, 1, &prng, lo, hi);
    row[0] = 1;
    const double least = nets_piecewise_minimum(net, lo, hi, 1, row);
    const double size = 1 + fabs(least);
    free(row);
    Prop *const holds = property(net, lo, hi, 0, 0, least - 0.02 * size, false);
    Prop *const fails = property(net, lo, hi, 0, 0, least + 1e-7 * size, false);
    Certs c = advice_random(net, holds, 40, &prng);
    const bool useful = certs_accepted(&c, net, holds, NULL);
    for (int b = 0; b < c.n_blocks && useful; b++)
      for (size_t i = 0; i < c.block[b].n; i++) {
        uint8_t *const byte = &c.block[b].data[i];
        const uint8_t was = *byte;
        *byte = (uint8_t)(was ^ (1 << prng_below(&prng, 8)));
        cr_assert_not(certs_accepted(&c, net, fails, NULL), "block %d byte %zu", b, i);
        certs_accepted(&c, net, holds, NULL);
        *byte = was;
      }
    usable += useful;
    certs_free(&c);
    prop_free(holds);
    prop_free(fails);
    net_free(net);
  }
  cr_assert(usable >= 5, "%d", usable);
}

Test(check_random, truncated_and_damaged_files_are_refused)
{
  Prng prng = prng_init(6);
  int usable = 0;
  while (usable < 3) {
    Net *const net = nets_random(NETS_DENSE, 4, 1, &prng);
    const int n = net_in_size(net);
    double *const lo = malloc((size_t)n * sizeof *lo), *const hi = malloc((size_t)n *
                                                                          sizeof *hi);
    nets_box(n, 1, &prng, lo, hi);
    Prop *const prop = property(net, lo, hi, 0, 0, -1e3, false);
    Certs c = advice_random(net, prop, 20, &prng);
    size_t size;
    uint8_t *const bytes = certs_bytes(&c, &size);
    if (certs_accepted_bytes(bytes, size, net, prop, NULL)) {
      usable++;
      for (size_t i = 0; i < size; i++)
        cr_assert_not(certs_accepted_bytes(bytes, i, net, prop, NULL), "%zu", i);
      for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (uint8_t)(1 << prng_below(&prng, 8));
        certs_accepted_bytes(bytes, size, net, prop, NULL); /* does not crash */
        bytes[i] = (uint8_t)prng_below(&prng, 256);
      }
    }
    free(bytes);
    free(lo);
    free(hi);
    certs_free(&c);
    prop_free(prop);
    net_free(net);
  }
}
