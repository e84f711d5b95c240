/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/image: the network behind an image is the network at the image, over the reals,
 * in float32, in bounds and in certificates. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "net/orders.h"
#include "net/rounded.h"
#include "specs/image.h"
#include "tests/support/bounded.h"
#include "tests/support/executions.h"
#include "tests/support/nets.h"
#include "tests/support/proofs.h"
#include "tests/support/props.h"
#include "tests/support/rational.h"

TestSuite(image_net, .timeout = 300);

enum { MOST = 64 };

static double random_number(Prng *prng)
{
  return prng_range(prng, -1, 1);
}

static double d(const Image *image, int i, int j)
{
  return image->d[i * image->k + j];
}

/* Small multiples of 1/8: products and sums of a few are doubles. */
static double eighths(Prng *prng)
{
  return ((int)prng_below(prng, 33) - 16) / 8.0;
}

static Image *random_image(int n, int k, bool has_clip, Prng *prng)
{
  double center[MOST], lo[MOST], hi[MOST];
  cr_assert_leq(n, MOST);
  for (int i = 0; i < n; i++) {
    center[i] = eighths(prng);
    lo[i] = -fabs(eighths(prng));
    hi[i] = lo[i] + fabs(eighths(prng));
  }
  Image *const image = image_new(IMAGE_DIRECTIONS, n, k, center);
  for (int i = 0; i < n * k; i++)
    image->d[i] = eighths(prng);
  if (has_clip) image_set_clip(image, lo, hi);
  return image;
}

/* The point of the image, without rounding by construction, clipped by hand. */
static void point_of(const Image *image, const double *t, double *x)
{
  for (int i = 0; i < image->n; i++) {
    x[i] = image->center[i];
    for (int j = 0; j < image->k; j++)
      x[i] += d(image, i, j) * t[j];
    if (image->clip_lo && x[i] < image->clip_lo[i]) x[i] = image->clip_lo[i];
    if (image->clip_lo && x[i] > image->clip_hi[i]) x[i] = image->clip_hi[i];
  }
}

/* In rationals, so equal means equal. */
Test(image_net, the_network_behind_the_image_is_the_network_there)
{
  Prng prng = prng_init(4);
  for (int round = 0; round < 60; round++) {
    Net *net = nets_random((NetsKind)(round % 3), 6, 1, &prng);
    Net *again;
    const int n = net_in_size(net), k = 1 + (int)prng_below(&prng, 4);
    Image *image = random_image(n, k, round % 2, &prng);
    double t[4], x[MOST];
    for (int j = 0; j < k; j++)
      t[j] = eighths(&prng);
    point_of(image, t, x);
    double *const input = image_input(image, t);
    for (int i = 0; i < n; i++)
      cr_expect_eq(input[i], x[i]);
    Rational plain = rational_eval(net, x, NULL);
    const int out = net->n_nodes - 1, n_out = net_out_size(net);
    mpq_t y[MOST];
    for (int i = 0; i < n_out; i++) {
      mpq_init(y[i]);
      mpq_set(y[i], plain.value[out][i]);
    }
    rational_free(&plain);
    Err err = {0};
    again = image_net(net, image, &err);
    cr_assert(again, "%s", err.text);
    cr_assert_eq(net_in_size(again), k);
    cr_assert_eq(net_out_size(again), n_out);
    Rational behind = rational_eval(again, t, NULL);
    for (int i = 0; i < n_out; i++) {
      cr_expect(mpq_equal(y[i], behind.value[again->n_nodes - 1][i]), "round %d",
                round);
      mpq_clear(y[i]);
    }
    rational_free(&behind);
    image_free(image);
    net_free(again);
    mem_free(input);
  }
}

/* The double next to the exact sum, whatever cancels. */
Test(image_net, the_input_of_a_witness_is_rounded_once_or_twice)
{
  Prng prng = prng_init(5);
  mpq_t sum, term, other;
  mpq_inits(sum, term, other, NULL);
  for (int round = 0; round < 200; round++) {
    const double center[] = {random_number(&prng) * 1e6};
    Image *image = image_new(IMAGE_DIRECTIONS, 1, 4, center);
    double t[4];
    for (int j = 0; j < 4; j++) {
      t[j] = random_number(&prng);
      image->d[j] = random_number(&prng) * 1e3;
    }
    image->d[3] = -(center[0] + 1e-3 * random_number(&prng)) / t[3];
    mpq_set_d(sum, center[0]);
    for (int j = 0; j < 4; j++) {
      mpq_set_d(term, image->d[j]);
      mpq_set_d(other, t[j]);
      mpq_mul(term, term, other);
      mpq_add(sum, sum, term);
    }
    double *const x = image_input(image, t);
    const double low = nextafter(x[0], -INFINITY), high = nextafter(x[0], INFINITY);
    cr_expect(rational_compare(sum, low) >= 0 && rational_compare(sum, high) <= 0);
    mem_free(x);
    image_free(image);
  }
  mpq_clears(sum, term, other, NULL);
}

Test(image_net, samples_stay_inside_bounds)
{
  Prng prng = prng_init(6);
  for (int round = 0; round < 40; round++) {
    Net *net = nets_random((NetsKind)(round % 4), 5, 1, &prng);
    const int k = 1 + (int)prng_below(&prng, 3);
    Image *image = random_image(net_in_size(net), k, round % 2, &prng);
    for (int i = 0; i < image->n * k; i++)
      image->d[i] = 0.3 * random_number(&prng);
    Err err = {0};
    net = image_net(net, image, &err);
    cr_assert(net, "%s", err.text);
    Bounded f = bounded_new(net, 0.5, &prng);
    bounded_tighten(&f, 3);
    cr_expect_eq(bounded_escapes(&f, &prng, 50), 0, "round %d", round);
    bounded_free(&f);
    image_free(image);
  }
}

/* Unsafe: output 0 below what samples have seen of it, by gap (1 + |least|). */
static Prop *below_samples(Net *net, double gap, Prng *prng)
{
  const double lo[] = {-1, -1, -1}, hi[] = {1, 1, 1};
  const int first[] = {0, 1}, var = 0;
  double least = INFINITY, t[3], y[MOST];
  for (int s = 0; s < 400; s++) {
    nets_sample(net_in_size(net), lo, hi, prng, t);
    eval_double(net, t, y);
    least = fmin(least, y[0]);
  }
  const double rhs = least - gap * (1 + fabs(least));
  Prop *const prop = props_below(net, lo, hi, 1, first, &var, &rhs);
  memset(prop->sha256, '0', 64);
  memset(net->sha256, '0', 64);
  return prop;
}

/* The image and the first layer are a chain, which solver and checker treat in
 * different ways. */
Test(image_net, certificates_stand)
{
  Prng prng = prng_init(9);
  int verified = 0;
  char path[64], reason[200];
  snprintf(path, sizeof path, "/tmp/dualcert-image-%d", (int)getpid());
  const int rounds = strcmp(DUALCERT_MODE, "asan") ? 120 : 30;
  for (int round = 0; round < rounds; round++) {
    const double gap[] = {0.05, 0.2, 1};
    Net *net = nets_random(NETS_DENSE, 4 + round % 8, 1, &prng);
    const int k = 1 + (int)prng_below(&prng, 3);
    Image *image = random_image(net_in_size(net), k, round % 4 == 0, &prng);
    for (int i = 0; i < image->n * k; i++)
      image->d[i] = 0.5 * random_number(&prng);
    Err err = {0};
    net = image_net(net, image, &err);
    Prop *prop = below_samples(net, gap[round % 3], &prng);
    Options options;
    options_init(&options);
    options.threads = 1;
    options.split = round % 2 ? SPLIT_INPUT : SPLIT_ACTIVATION;
    if (proofs_make(net, prop, &options, path, 5)) {
      cr_expect(proofs_accepted(path, net, prop, round % 2, reason), "round %d: %s",
                round, reason);
      verified++;
    }
    prop_free(prop);
    image_free(image);
    net_free(net);
  }
  unlink(path);
  cr_expect_gt(verified, rounds / 2);
}

/* --semantics float32: a float32 model on x rounded to float32, in any order. */
Test(image_net, float32_executions_of_the_model_are_enclosed)
{
  Prng prng = prng_init(7);
  int runs = 0;
  for (int round = 0; round < 60; round++) {
    Net *model = nets_random((NetsKind)(round % 3), 5, 1, &prng);
    executions_make_float32(model);
    const int k = 3, n = net_in_size(model), n_out = net_out_size(model);
    Image *image = random_image(n, k, round % 2, &prng);
    for (int i = 0; i < n * k; i++)
      image->d[i] = 0.3 * random_number(&prng);
    for (int i = 0; i < n; i++)
      image->center[i] = random_number(&prng);
    float y[20][MOST];
    double t[20][3], mid[MOST], rad[MOST];
    bool is_finite[20];
    for (int s = 0; s < 20; s++) {
      for (int j = 0; j < k; j++)
        t[s][j] = 0.5 * random_number(&prng);
      double *const x = image_input(image, t[s]);
      float x32[MOST];
      for (int i = 0; i < n; i++)
        x32[i] = (float)x[i];
      is_finite[s] = executions_run(model, x32, s % 2, &prng, y[s]);
      mem_free(x);
    }
    Err err = {0};
    Net *net = image_net(model, image, &err);
    const double lo[] = {-0.5, -0.5, -0.5}, hi[] = {0.5, 0.5, 0.5};
    const char *where;
    cr_assert_eq(rounded_check(net, &err), STATUS_OK);
    Net *rounded = rounded_net(net, lo, hi, &where);
    for (int s = 0; rounded && s < 20; s++) {
      eval_enclose(rounded, t[s], mid, rad);
      for (int i = 0; i < n_out && is_finite[s]; i++, runs++)
        cr_expect(fabs((double)y[s][i] - mid[i]) <= rad[i], "round %d", round);
    }
    net_free(rounded);
    net_free(net);
    image_free(image);
  }
  cr_expect_gt(runs, 1000);
}

/* A robust witness is one wherever x was rounded to: the same at one point. */
Test(image_net, float32_executions_at_a_witness_are_enclosed)
{
  Prng prng = prng_init(8);
  int runs = 0;
  for (int round = 0; round < 200; round++) {
    Net *model = nets_random((NetsKind)(round % 3), 5, 1, &prng);
    executions_make_float32(model);
    const int n = net_in_size(model), n_out = net_out_size(model);
    Image *image = random_image(n, 2, round % 2, &prng);
    for (int i = 0; i < 2 * n; i++)
      if (round % 4 < 2) image->d[i] = random_number(&prng);
    double t[2] = {random_number(&prng), random_number(&prng)};
    if (round % 3) t[0] = (double)(float)t[0];
    if (round % 3) t[1] = (double)(float)t[1];
    double *const x = image_input(image, t);
    float x32[MOST], y[6][MOST];
    for (int i = 0; i < n; i++)
      x32[i] = (float)x[i];
    for (int s = 0; s < 6; s++)
      cr_assert(executions_run(model, x32, false, &prng, y[s]));
    Err err = {0};
    Net *net = image_net(model, image, &err);
    Orders *r = orders_new(net, t);
    double lo[MOST], hi[MOST];
    const bool known = orders_outputs(r, lo, hi);
    for (int s = 0; s < 6 && known; s++)
      for (int i = 0; i < n_out; i++, runs++)
        cr_expect((double)y[s][i] >= lo[i] && (double)y[s][i] <= hi[i], "round %d",
                  round);
    orders_free(r);
    net_free(net);
    image_free(image);
    mem_free(x);
  }
  cr_expect_gt(runs, 1000);
}
