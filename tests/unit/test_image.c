/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/image: directions are what their formulas say, computed here in another way;
 * the network behind an image is the network at the image. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "net/orders.h"
#include "net/rounded.h"
#include "specs/image.h"
#include "specs/jsonspec.h"
#include "tests/support/bounded.h"
#include "tests/support/executions.h"
#include "tests/support/handles.h"
#include "tests/support/nets.h"
#include "tests/support/proofs.h"
#include "tests/support/props.h"
#include "tests/support/rational.h"

TestSuite(image, .timeout = 300);

/* Two channels of 4 x 5. */
enum { C = 2, H = 4, W = 5, N = C * H * W, MOST = 64 };

static double random_number(Prng *prng)
{
  return prng_range(prng, -1, 1);
}

/* `"` is written as `'`. */
static Prop *parse(const char *text, int n_in, Err *err)
{
  char *const copy = mem_strdup(text);
  for (char *c = copy; *c; c++)
    if (*c == '\'') *c = '"';
  File f = {.data = copy, .size = strlen(copy)};
  Prop *const prop = jsonspec_parse("s", &f, n_in, 3, err);
  mem_free(copy);
  return prop;
}

static void add_vector(Text *out, const double *x, int n)
{
  text_add(out, "[");
  for (int i = 0; i < n; i++)
    text_add(out, "%s%.17g", i ? "," : "", x[i]);
  text_add(out, "]");
}

/* The specification with this image, and more keys, around a centre of n numbers. */
static Prop *about(const double *center, int n, const char *image, const char *more)
{
  Text text = {0};
  Err err = {0};
  text_add(&text, "{'center':");
  add_vector(&text, center, n);
  text_add(&text, ",'image':%s,'label':0,%s}", image, more);
  Prop *const prop = parse(text.s, n, &err);
  cr_assert(prop, "%s", err.text);
  text_free(&text);
  return prop;
}

static double d(const Image *image, int i, int j)
{
  return image->d[i * image->k + j];
}

static void random_center(Prng *prng, double *center)
{
  for (int i = 0; i < N; i++)
    center[i] = random_number(prng);
}

#define SHAPE "'shape':[2,4,5]"

/* ---- directions ---------------------------------------------------------- */

Test(image, directions_are_taken_as_they_are)
{
  const double center[] = {0.1, 0.2, 0.3};
  Prop *p = about(center, 3, "{'directions':[[1,2,3],[[0.5],[-1,1e-300]]]}",
                  "'epsilon':[0.25,1]");
  const double all[3][2] = {{1, 0.5}, {2, -1}, {3, 1e-300}};
  cr_assert_eq(p->image->k, 2);
  cr_assert_eq(p->n_in, 2);
  for (int i = 0; i < 3; i++) {
    cr_expect_eq(p->image->center[i], center[i]);
    for (int j = 0; j < 2; j++)
      cr_expect_eq(d(p->image, i, j), all[i][j]);
  }
  const Box *b = &p->boxes[0];
  cr_expect(b->n == 2 && b->lo[0] == -0.25 && b->hi[0] == 0.25 && b->lo[1] == -1 &&
            b->in_hi[1] == 1);
  prop_free(p);
}

Test(image, brightness_moves_all_or_one_channel)
{
  double center[N] = {0};
  Prop *p = about(center, N, "{'kind':'brightness'}", "'epsilon':1");
  cr_assert_eq(p->image->k, 1);
  for (int i = 0; i < N; i++)
    cr_expect_eq(d(p->image, i, 0), 1);
  prop_free(p);
  p = about(center, N, "{'kind':'brightness','channels':true," SHAPE "}",
            "'epsilon':[1,2]");
  cr_assert_eq(p->image->k, C);
  for (int c = 0; c < C; c++)
    for (int y = 0; y < H; y++)
      for (int x = 0; x < W; x++)
        for (int j = 0; j < C; j++)
          cr_expect_eq(d(p->image, (c * H + y) * W + x, j), j == c);
  prop_free(p);
}

/* Differences stay as they are, and the mean becomes 0. */
Test(image, contrast_is_the_distance_from_the_mean)
{
  double center[N];
  Prng prng = prng_init(1);
  random_center(&prng, center);
  Prop *p = about(center, N, "{'kind':'contrast'}", "'epsilon':0.5");
  long double sum = 0;
  for (int i = 0; i < N; i++) {
    sum += d(p->image, i, 0);
    const double same = d(p->image, i, 0) - d(p->image, 0, 0);
    cr_expect(fabs(same - (center[i] - center[0])) < 1e-15);
  }
  cr_expect(fabsl(sum) < 1e-14L);
  prop_free(p);
}

/* The polynomial at once, by powl. */
Test(image, a_bias_field_is_a_polynomial_times_the_picture)
{
  Prng prng = prng_init(2);
  double center[N];
  random_center(&prng, center);
  for (int degree = 0; degree <= 4; degree++) {
    char text[96];
    snprintf(text, sizeof text, "{'kind':'bias-field'," SHAPE ",'degree':%d}", degree);
    Prop *p = about(center, N, text, "'epsilon':0.5");
    const int k = (degree + 1) * (degree + 2) / 2;
    double t[16];
    cr_assert_eq(p->image->k, k);
    for (int j = 0; j < k; j++)
      t[j] = random_number(&prng);
    double *const x = image_input(p->image, t);
    for (int i = 0; i < N; i++) {
      const int row = i % (H * W) / W, column = i % W;
      const long double u = 2.0L * column / (W - 1) - 1, v = 2.0L * row / (H - 1) - 1;
      long double field = 1;
      int j = 0;
      for (int total = 0; total <= degree; total++)
        for (int b = 0; b <= total; b++)
          field += t[j++] * powl(u, total - b) * powl(v, b);
      cr_expect(fabsl((long double)x[i] - center[i] * field) < 1e-14L, "degree %d, %d",
                degree, i);
    }
    mem_free(x);
    prop_free(p);
  }
}

static long double blurred(const double *center, int c, int y, int x, int reach)
{
  long double sum = 0;
  int count = 0;
  for (int v = 0; v < H; v++)
    for (int u = 0; u < W; u++)
      if (abs(v - y) <= reach && abs(u - x) <= reach) {
        sum += center[(c * H + v) * W + u];
        count++;
      }
  return sum / count;
}

Test(image, blur_goes_from_the_picture_to_means_of_windows)
{
  Prng prng = prng_init(3);
  double center[N];
  random_center(&prng, center);
  for (int size = 3; size <= 11; size += 2) {
    char text[96];
    snprintf(text, sizeof text, "{'kind':'blur'," SHAPE ",'size':%d}", size);
    Prop *p = about(center, N, text, "'epsilon':1");
    const double t = 1;
    double *const x = image_input(p->image, &t);
    for (int i = 0; i < N; i++) {
      const int row = i % (H * W) / W;
      const long double mean = blurred(center, i / (H * W), row, i % W, size / 2);
      cr_expect(fabsl((long double)x[i] - mean) < 1e-15L, "size %d, %d", size, i);
    }
    cr_expect(p->boxes[0].lo[0] == 0 && p->boxes[0].in_lo[0] == 0);
    cr_expect(p->boxes[0].hi[0] == 1 && p->boxes[0].in_hi[0] == 1);
    mem_free(x);
    prop_free(p);
  }
}

static long double product(const Image *image, int a, int b)
{
  long double sum = 0;
  for (int i = 0; i < N; i++)
    sum += (long double)d(image, i, a) * d(image, i, b);
  return sum;
}

/* All frequencies together are an orthonormal basis of the space of pictures. */
Test(image, all_frequencies_are_an_orthonormal_basis)
{
  double center[N] = {0};
  Prop *p = about(center, N, "{'kind':'frequency'," SHAPE ",'low':0,'high':7}",
                  "'epsilon':1");
  cr_assert_eq(p->image->k, N);
  for (int a = 0; a < N; a++)
    for (int b = 0; b <= a; b++)
      cr_expect(fabsl(product(p->image, a, b) - (a == b)) < 4e-15L, "%d and %d", a, b);
  prop_free(p);
}

static long double wave(int p, int y, int length)
{
  return sqrtl((p ? 2.0L : 1.0L) / length) *
         cosl(3.141592653589793238462643L * (2 * y + 1) * p / (2.0L * length));
}

Test(image, a_band_has_its_frequencies_in_order)
{
  double center[N] = {0};
  Prop *p = about(center, N, "{'kind':'frequency'," SHAPE ",'low':2,'high':5}",
                  "'epsilon':1");
  int j = 0;
  for (int c = 0; c < C; c++)
    for (int s = 2; s <= 5; s++)
      for (int a = 0; a < H; a++) {
        if (s - a < 0 || s - a >= W) continue;
        cr_assert_lt(j, p->image->k);
        for (int i = 0; i < N; i++) {
          const int row = i % (H * W) / W;
          const long double want =
              i / (H * W) == c ? wave(a, row, H) * wave(s - a, i % W, W) : 0;
          cr_expect(fabsl(d(p->image, i, j) - want) < 1e-15L, "%d of %d: %.17g", i, j,
                    d(p->image, i, j));
        }
        j++;
      }
  cr_assert_eq(p->image->k, j);
  prop_free(p);
}

/* ---- the map ------------------------------------------------------------- */

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
Test(image, the_network_behind_the_image_is_the_network_there)
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
Test(image, the_input_of_a_witness_is_rounded_once_or_twice)
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

Test(image, samples_stay_inside_bounds)
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
Test(image, certificates_stand)
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
Test(image, float32_executions_of_the_model_are_enclosed)
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
Test(image, float32_executions_at_a_witness_are_enclosed)
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

/* ---- specifications ------------------------------------------------------ */

Test(image, a_ball_is_about_the_parameters)
{
  const double center[] = {0.5, 0.5};
  Prop *p = about(center, 2, "{'directions':[[1,0],[0,1],[1,1]]}",
                  "'norm':'l2','epsilon':0.25");
  const Box *b = &p->boxes[0];
  cr_assert(b->n == 3 && b->ball && b->ball->n == 3 && b->ball->norm == BALL_L2);
  for (int j = 0; j < 3; j++)
    cr_expect(b->ball->c[j] == 0 && b->in_lo[j] == -0.25 && b->in_hi[j] == 0.25);
  prop_free(p);
}

Test(image, clip_is_kept_for_the_network)
{
  const double center[] = {0.5, 0.5};
  Prop *p =
      about(center, 2, "{'kind':'brightness'}", "'epsilon':2,'clip':[0,[0.75,1]]");
  cr_assert(p->image->clip_lo && p->boxes[0].hi[0] == 2);
  cr_expect(p->image->clip_lo[1] == 0 && p->image->clip_hi[0] == 0.75);
  prop_free(p);
}

#define AT    "{'center':[0.5,0.25],'label':0,"
#define EPS   AT "'epsilon':1,"
#define IMAGE EPS "'image':"

Test(image, every_mistake_names_its_key)
{
  static const struct {
    const char *text, *fragment;
    Status code;
  } bad[] = {
      {IMAGE "3}", "$.image: expected {\"kind\"", STATUS_DATA},
      {IMAGE "[]}", "$.image: expected {\"kind\"", STATUS_DATA},
      {IMAGE "{}}", "$.image.kind: expected one of", STATUS_UNSUPPORTED},
      {IMAGE "{'kind':'rotation'}}", "$.image.kind: expected one of",
       STATUS_UNSUPPORTED},
      {IMAGE "{'kind':1}}", "$.image.kind: expected one of", STATUS_UNSUPPORTED},
      {IMAGE "{'kind':'contrast','shape':[1,1,2]}}", "$.image: unknown key \"shape\"",
       STATUS_DATA},
      {IMAGE "{'kind':'brightness','directions':[[1,1]]}}", "unknown key \"kind\"",
       STATUS_DATA},
      {IMAGE "{'directions':[]}}", "$.image.directions: expected an array of at least",
       STATUS_DATA},
      {IMAGE "{'directions':1}}", "$.image.directions: expected an array", STATUS_DATA},
      {IMAGE "{'directions':[1]}}", "$.image.directions[0]: expected an array",
       STATUS_DATA},
      {IMAGE "{'directions':[[1,1],[1]]}}",
       "$.image.directions[1]: has 1 numbers, but the network has 2 inputs",
       STATUS_DATA},
      {IMAGE "{'directions':[[1,1e999]]}}", "$.image.directions[0]: expected",
       STATUS_DATA},
      {IMAGE "{'directions':[{'csv':'none.csv','row':0}]}}", "none.csv",
       STATUS_NO_INPUT},
      {IMAGE "{'kind':'brightness','channels':1}}", "$.image.channels: expected true",
       STATUS_DATA},
      {IMAGE "{'kind':'brightness','channels':true}}", "$.image.shape: expected [chan",
       STATUS_DATA},
      {IMAGE "{'kind':'brightness','shape':[1,1,2]}}", "$.image.shape: only needed",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3}}", "$.image.shape: expected [channels",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3,'shape':[1,2]}}", "$.image.shape: expected [ch",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3,'shape':[1,2,0]}}", "three integers",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3,'shape':[1,0.5,4]}}", "three integers",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3,'shape':[65536,65536,65536]}}", "three integers",
       STATUS_DATA},
      {IMAGE "{'kind':'blur','size':3,'shape':[2,2,2]}}",
       "2 channels of 2 x 2 are not the 2 inputs", STATUS_DATA},
      {IMAGE "{'kind':'blur','size':4,'shape':[1,1,2]}}",
       "$.image.size: expected an odd", STATUS_DATA},
      {IMAGE "{'kind':'blur','size':1,'shape':[1,1,2]}}",
       "$.image.size: expected an int", STATUS_DATA},
      {IMAGE "{'kind':'blur','size':1025,'shape':[1,1,2]}}", "$.image.size: expected",
       STATUS_DATA},
      {IMAGE "{'kind':'bias-field','shape':[1,1,2]}}",
       "$.image.degree: expected an int", STATUS_DATA},
      {IMAGE "{'kind':'bias-field','shape':[1,1,2],'degree':-1}}", "$.image.degree",
       STATUS_DATA},
      {IMAGE "{'kind':'frequency','shape':[1,1,2],'low':1,'high':0}}",
       "$.image.high: expected an integer from 1 to 1", STATUS_DATA},
      {IMAGE "{'kind':'frequency','shape':[1,1,2],'low':0,'high':2}}", "$.image.high",
       STATUS_DATA},
      {IMAGE "{'kind':'frequency','shape':[1,1,2],'high':0}}", "$.image.low",
       STATUS_DATA},
      {"{'label':0,'epsilon':1,'image':{'kind':'contrast'}}", "$.center: is missing",
       STATUS_DATA},
      {AT "'image':{'kind':'contrast'}}", "$.epsilon: is missing", STATUS_DATA},
      {"{'label':0,'lower':[0,0],'upper':[1,1],'image':{'kind':'contrast'}}",
       "$.image: goes with \"center\"", STATUS_DATA},
      {AT "'epsilon':[1,1],'image':{'kind':'contrast'}}",
       "$.epsilon: has 2 numbers, but the image has 1 parameters", STATUS_DATA},
      {AT "'epsilon':-1,'image':{'kind':'contrast'}}", "$.epsilon: must not be",
       STATUS_DATA},
      {EPS "'norm':'l0','image':{'kind':'contrast'}}", "$.norm: \"l0\" cannot",
       STATUS_DATA},
      {EPS "'norm':'l0','clip':[0,1],'image':{'kind':'contrast'}}",
       "$.norm: \"l0\" cannot", STATUS_DATA},
      {EPS "'norm':'l2','image':{'kind':'blur','shape':[1,1,2],'size':3}}",
       "$.norm: a blur has one", STATUS_DATA},
      {EPS "'norm':'l7','image':{'kind':'contrast'}}", "$.norm: expected one of",
       STATUS_UNSUPPORTED},
      {EPS "'clip':[1,0],'image':{'kind':'contrast'}}",
       "$.clip: the range of input 0 is empty", STATUS_DATA},
      {EPS "'clip':[0,[1,2,3]],'image':{'kind':'contrast'}}",
       "$.clip[1]: has 3 numbers, but the network has 2 inputs", STATUS_DATA},
      {"{'center':[1.7e308,-1.7e308],'label':0,'epsilon':1,'image':{'kind':'contrast'}"
       "}",
       NULL, STATUS_OK},
      {"{'center':[1.7e308,1.7e308],'label':0,'epsilon':1,'image':{'kind':'contrast'}}",
       "$.image: some direction exceeds", STATUS_DATA},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    Err err = {0};
    Prop *p = parse(bad[k].text, 2, &err);
    cr_expect_eq(err.code, bad[k].code, "%s\n  %s", bad[k].text, err.text);
    if (bad[k].fragment) {
      cr_expect_null(p, "accepted: %s", bad[k].text);
      cr_expect(strstr(err.text, bad[k].fragment), "%s\n  %s", bad[k].text, err.text);
      cr_expect_null(strchr(err.text, '\n'));
    }
    prop_free(p);
    status_reset(&err);
  }
}

/* Here the parameters are as many as the inputs: nothing else would notice. */
Test(image, the_library_refuses_images)
{
  const char *const text = "{\"center\": [0, 0], \"image\": {\"directions\": [[1, 0], "
                           "[0, 1]]}, \"epsilon\": 1, \"unsafe\": [{\"rows\": "
                           "[{\"coef\": [-1], \"rhs\": -2}]}]}";
  Handles h = handles_open(handles_net, handles_spec("2.5"));
  cr_expect_eq(dualcert_spec_read_memory(h.spec, h.net, "s", text, strlen(text)),
               DUALCERT_UNSUPPORTED);
  cr_expect(strstr(dualcert_spec_error(h.spec), "$.image: the library does not"));
  cr_expect_eq(handles_verify(&h), DUALCERT_USAGE);
  handles_close(&h);
}

/* 65536 inputs: 4096 directions, and fewer of them, are too many numbers. */
Test(image, sizes_are_checked_before_they_are_used)
{
  enum { MANY = 65536 };
  static const char *const images[] = {
      "{'kind':'frequency','shape':[1,256,256],'low':0,'high':510}",
      "{'kind':'frequency','shape':[1,256,256],'low':0,'high':80}",
      "{'kind':'frequency','shape':[4096,4,4],'low':0,'high':6}",
      "{'kind':'brightness','channels':true,'shape':[65536,1,1]}",
      "{'kind':'bias-field','shape':[1,256,256],'degree':88}",
      "{'kind':'bias-field','shape':[1,256,256],'degree':89}",
  };
  double *const center = mem_doubles0(MANY);
  for (size_t k = 0; k < sizeof images / sizeof *images; k++) {
    Text text = {0};
    Err err = {0};
    text_add(&text, "{'center':");
    add_vector(&text, center, MANY);
    text_add(&text, ",'epsilon':1,'label':0,'image':%s}", images[k]);
    cr_expect_null(parse(text.s, MANY, &err));
    cr_expect(strstr(err.text, "$.image: too many parameters"), "%s", err.text);
    text_free(&text);
    status_reset(&err);
  }
  mem_free(center);
}
