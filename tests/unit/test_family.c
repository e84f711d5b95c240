/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input sets of every radius: what their text says when it is read again, and
 * distances, with rationals. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "specs/family.h"
#include "specs/load.h"

enum { N_OUT = 3, MOST = 8 };

/* The family of a text, or the error. */
static Status read_family(const char *text, int n_in, const FamilyChoice *choice,
                          Family *family, Err *err)
{
  static const FamilyChoice none = {0};
  File file = {0};
  cr_assert_not(file_from_memory("s", text, strlen(text), 1 << 20, &file, err));
  Net net = {0};
  Problem p = {.net = &net, .prop = load_parse("s", &file, n_in, N_OUT, err)};
  cr_assert(p.prop, "%s", err->text ? err->text : "");
  p.prop->scope = mem_zero(1, sizeof *p.prop->scope);
  scope_init_v1(p.prop->scope, n_in, N_OUT);
  const Status rc =
      family_of_spec("s", &file, &p, choice ? choice : &none, family, err);
  prop_free(p.prop);
  file_free(&file);
  return rc;
}

static Family family_of(const char *text, int n_in, const FamilyChoice *choice)
{
  Family family;
  Err err = {0};
  cr_assert_not(read_family(text, n_in, choice, &family, &err), "%s", err.text);
  return family;
}

static void refused(const char *text, int n_in, const FamilyChoice *choice, Status code,
                    const char *why)
{
  Family family;
  Err err = {0};
  cr_assert_eq(read_family(text, n_in, choice, &family, &err), code, "%s", text);
  cr_assert(strstr(err.text, why), "%s", err.text);
  status_reset(&err);
}

static Prop *member(const Family *f, double r)
{
  Err err = {0};
  Prop *prop = family_prop(f, r, &err);
  cr_assert(prop, "%s", err.text ? err.text : "");
  return prop;
}

/* ---- what stays and what grows ------------------------------------------- */

/* Of every kind, two inputs and three outputs. */
#define TEXT_LINF                                                                      \
  "{\"center\": [0.1, 0.2], \"epsilon\": 0.3, \"clip\": [0, 1], \"label\": 2}"
#define TEXT_L2                                                                        \
  "{\"norm\": \"l2\", \"center\": [0.1, -0.2], \"epsilon\": 0.3, \"label\": 0}"
#define TEXT_L1                                                                        \
  "{\"norm\": \"l1\", \"center\": [[0.1], [7]], \"epsilon\": 1e-3, "                   \
  "\"clip\": [[0, -1], 9], \"unsafe\": [{\"rows\": ["                                  \
  "{\"coef\": [0.1, 0, 0.30000000000000004], \"rhs\": 1e-7}, "                         \
  "{\"coef\": {\"1\": -1}, \"rhs\": 0}]}, "                                            \
  "{\"rows\": [{\"coef\": {\"2\": 3}, \"rhs\": -1}]}]}"
#define TEXT_L0                                                                        \
  "{\"norm\": \"l0\", \"center\": [0.1, 0.2], \"epsilon\": 1, \"clip\": [0, 1], "      \
  "\"label\": 1}"

Test(family, its_member_at_the_radius_of_the_text_is_the_text)
{
  static const char *const texts[] = {TEXT_LINF, TEXT_L2, TEXT_L1, TEXT_L0};
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    Family f = family_of(texts[t], 2, NULL);
    File file = {0};
    Err err = {0};
    file_from_memory("s", texts[t], strlen(texts[t]), 1 << 20, &file, &err);
    Prop *a = load_parse("s", &file, 2, N_OUT, &err), *b = member(&f, f.start);
    cr_assert(box_equal(&a->boxes[0], &b->boxes[0]), "%s", texts[t]);
    cr_assert_eq(a->n_cases, b->n_cases);
    for (int k = 0; k < a->n_cases; k++) {
      cr_assert_eq(a->cases[k].n_rows, b->cases[k].n_rows);
      for (int i = 0; i < a->cases[k].n_rows; i++) {
        const PropRow *p = &a->cases[k].rows[i], *q = &b->cases[k].rows[i];
        cr_assert_eq(p->n, q->n);
        cr_assert_eq(memcmp(p->var, q->var, (size_t)p->n * sizeof *p->var), 0);
        cr_assert_eq(memcmp(p->coef, q->coef, (size_t)p->n * sizeof *p->coef), 0);
        cr_assert_eq(p->rhs_hi, q->rhs_hi);
      }
    }
    prop_free(a);
    prop_free(b);
    file_free(&file);
    family_reset(&f);
  }
}

static const char boxes[] =
    "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    "(declare-const Y_1 Real)(declare-const Y_2 Real)"
    "(assert (>= X_0 0.1))(assert (<= X_0 0.7))(assert (>= X_1 -3))(assert (<= X_1 5))"
    "(assert (or (and (<= Y_0 0.1) (>= Y_1 Y_2)) (and (< Y_2 -4))))";

Test(family, factor_1_covers_a_box_and_2_is_twice_as_wide)
{
  Family f = family_of(boxes, 2, NULL);
  Prop *prop = member(&f, 1);
  const Box *box = &prop->boxes[0];
  cr_assert(f.is_factor);
  cr_assert_eq(f.start, 1);
  cr_assert(box->in_lo[0] <= 0.1 && box->in_hi[0] >= 0.7);
  cr_assert(box->in_lo[0] >= 0.1 - 1e-7 && box->in_hi[0] <= 0.7 + 1e-7);
  cr_assert(box->in_lo[1] == -3 && box->in_hi[1] == 5);
  prop_free(prop);
  prop = member(&f, 2);
  cr_assert(prop->boxes[0].in_lo[1] == -7 && prop->boxes[0].in_hi[1] == 9);
  cr_assert_eq(prop->n_cases, 2);
  cr_assert_eq(prop->cases[0].n_rows, 2);
  const PropRow *row = &prop->cases[0].rows[1];
  cr_assert(row->n == 2 && row->coef[0] == -row->coef[1] && row->coef[0] == -1);
  cr_assert(prop->cases[0].rows[0].rhs_hi >= 0.1);
  prop_free(prop);
  family_reset(&f);
}

Test(family, a_norm_makes_balls_of_a_box)
{
  const FamilyChoice l2 = {.norm = "l2"};
  Family f = family_of(boxes, 2, &l2);
  cr_assert_not(f.is_factor);
  cr_assert(f.start > 0);
  Prop *prop = member(&f, 0.5);
  cr_assert_eq(prop->boxes[0].ball->norm, BALL_L2);
  cr_assert_eq(prop->boxes[0].ball->c[1], 1);
  prop_free(prop);
  family_reset(&f);
}

Test(family, a_point_can_be_the_centre_of_balls)
{
  static const char point[] = "{\"lower\": [1, 2], \"upper\": [1, 2], \"label\": 0}";
  const FamilyChoice l1 = {.norm = "l1"};
  refused(point, 2, NULL, STATUS_DATA, "one point");
  Family f = family_of(point, 2, &l1);
  cr_assert_eq(f.center[1], 2);
  family_reset(&f);
}

Test(family, what_has_no_single_growing_set_is_refused)
{
  const FamilyChoice l0 = {.norm = "l0"};
  refused(boxes, 2, &l0, STATUS_USAGE, "l0 needs the range");
  refused("{\"center\": [2, 0], \"epsilon\": 1, \"clip\": [0, 1], \"label\": 0}", 2,
          NULL, STATUS_DATA, "input 0 of the centre is 2");
  refused("{\"center\": [2, 0], \"epsilon\": [0, 0], \"label\": 0}", 2, NULL,
          STATUS_DATA, "nothing to scale");
  refused(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)"
      "(declare-const Y_2 Real)(assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 2) "
      "(<= X_0 3))))(assert (<= Y_0 0))",
      1, NULL, STATUS_UNSUPPORTED, "several");
  refused("(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)"
          "(declare-const Y_2 Real)(assert (>= X_0 0))(assert (<= X_0 1))",
          1, NULL, STATUS_UNSUPPORTED, "every output is unsafe");
  refused(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)"
      "(declare-const Y_2 Real)(assert (>= X_0 0))(assert (<= X_0 1))(assert (<= 1 0))",
      1, NULL, STATUS_UNSUPPORTED, "empty as written");
}

/* ---- distances ----------------------------------------------------------- */

/* Is r at least the distance of x, exactly? */
static bool reaches(const Family *f, const double *x, double r)
{
  mpq_t sum, d, w, rr;
  bool all = true;
  mpq_inits(sum, d, w, rr, NULL);
  mpq_set_d(rr, r);
  for (int i = 0; i < f->n; i++) {
    mpq_set_d(d, x[i]);
    mpq_set_d(w, f->center[i]);
    mpq_sub(d, d, w);
    mpq_abs(d, d);
    if (!strcmp(f->norm, "linf")) {
      mpq_set_d(w, f->half ? f->half[i] : 1);
      mpq_mul(w, w, rr);
      all = all && mpq_cmp(d, w) <= 0;
    } else if (!strcmp(f->norm, "l0")) {
      if (mpq_sgn(d)) mpq_set_ui(d, 1, 1);
      mpq_add(sum, sum, d);
    } else {
      if (!strcmp(f->norm, "l2")) mpq_mul(d, d, d);
      mpq_add(sum, sum, d);
    }
  }
  if (!strcmp(f->norm, "l2")) mpq_mul(rr, rr, rr);
  const bool is = all && mpq_cmp(sum, rr) <= 0;
  mpq_clears(sum, d, w, rr, NULL);
  return is;
}

/* A random family over n inputs around a random centre. */
static Family random_family(Prng *prng, int n)
{
  static const char *const norms[] = {"linf", "l2", "l1", "l0"};
  const char *const norm = norms[prng_below(prng, 4)];
  const bool factor = !strcmp(norm, "linf") && prng_below(prng, 2);
  Text text = {0};
  text_add(
      &text,
      "{\"norm\": \"%s\", \"clip\": [-100, 100], \"label\": 0, \"epsilon\": ", norm);
  text_add(&text, factor ? "[" : "1");
  for (int i = 0; factor && i < n; i++)
    text_add(&text, "%s%.17g", i ? ", " : "", exp(prng_range(prng, -9, 3)));
  text_add(&text, "%s, \"center\": [", factor ? "]" : "");
  for (int i = 0; i < n; i++)
    text_add(&text, "%s%.17g", i ? ", " : "", prng_range(prng, -1, 1));
  text_add(&text, "]}");
  Family f = family_of(text.s, n, NULL);
  text_free(&text);
  return f;
}

Test(family, distances_are_upper_bounds_and_their_sets_have_the_point, .timeout = 60)
{
  Prng prng = prng_init(5);
  for (int t = 0; t < 3000; t++) {
    const int n = 1 + (int)prng_below(&prng, MOST);
    Family f = random_family(&prng, n);
    double x[MOST];
    const double size = exp(prng_range(&prng, -40, 4));
    for (int i = 0; i < n; i++)
      x[i] = prng_below(&prng, 3) ? f.center[i] + size * prng_range(&prng, -1, 1)
                                  : f.center[i];
    const double d = family_distance(&f, x);
    cr_assert(reaches(&f, x, d), "%s: %.17g is too small", f.norm, d);
    if (d > 0) cr_assert_not(reaches(&f, x, d * (1 - 1e-14)), "%s: %.17g", f.norm, d);
    Prop *prop = member(&f, d);
    cr_assert(box_contains(&prop->boxes[0], x), "%s: not in the set of %.17g", f.norm,
              d);
    prop_free(prop);
    family_reset(&f);
  }
}

Test(family, sets_are_nested_and_end_at_their_reach, .timeout = 60)
{
  Prng prng = prng_init(6);
  for (int t = 0; t < 500; t++) {
    const int n = 1 + (int)prng_below(&prng, MOST);
    Family f = random_family(&prng, n);
    const double reach = family_reach(&f);
    const bool whole = !strcmp(f.norm, "l0");
    const double r =
        whole ? floor(prng_range(&prng, 0, reach)) : prng_range(&prng, 0, reach);
    const double s =
        whole ? floor(prng_range(&prng, r, reach)) : prng_range(&prng, r, reach);
    Prop *a = member(&f, r), *b = member(&f, s), *all = member(&f, reach);
    for (int i = 0; i < n; i++) {
      cr_assert(b->boxes[0].lo[i] <= a->boxes[0].lo[i]);
      cr_assert(b->boxes[0].hi[i] >= a->boxes[0].hi[i]);
      cr_assert_eq(all->boxes[0].in_lo[i] == -100 || all->boxes[0].in_hi[i] == 100,
                   true);
    }
    double far[MOST];
    for (int i = 0; i < n; i++)
      far[i] = f.center[i] >= 0 ? -100 : 100;
    cr_assert(box_contains(&all->boxes[0], far));
    prop_free(a);
    prop_free(b);
    prop_free(all);
    family_reset(&f);
  }
}

Test(family, samples_move_it)
{
  Family f;
  Err err = {0};
  const FamilyChoice choice = {.norm = "l1", .has_clip = true, .clip = {0, 1}};
  const double x[2] = {0.25, 1}, out[2] = {0.25, 1.5};
  cr_assert_not(family_of_samples("data.csv", 2, N_OUT, &choice, &f, &err));
  cr_assert_not(family_move(&f, x, 2, "data.csv", 7, &err));
  Prop *prop = member(&f, 0.5);
  cr_assert_eq(prop->n_cases, N_OUT - 1);
  cr_assert_eq(prop->boxes[0].ball->c[0], 0.25);
  cr_assert_eq(prop->boxes[0].in_hi[1], 1);
  prop_free(prop);
  cr_assert_eq(family_move(&f, x, N_OUT, "data.csv", 7, &err), STATUS_DATA);
  cr_assert(strstr(err.text, "data.csv:7: label 3"), "%s", err.text);
  status_reset(&err);
  cr_assert_eq(family_move(&f, out, 0, "data.csv", 8, &err), STATUS_DATA);
  cr_assert(strstr(err.text, "data.csv:8: input 1"), "%s", err.text);
  status_reset(&err);
  family_reset(&f);
}
