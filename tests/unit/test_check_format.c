/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a certificate says about itself, and blocks whose content is not of the form of
 * docs/certificates.md: refused, where the same one as it should be stands. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "specs/check/certificate.h"
#include "specs/query.h"
#include "tests/support/chain.h"
#include "tests/support/forged.h"

TestSuite(check_format, .timeout = 120);

/* ---- what a file says ---------------------------------------------------------------
 */

/* A certificate about float32 of max (x, 0) + 1 on [0, 1], for y <= rhs. */
static bool for_semantics(const char *word, bool is_float32, double rhs)
{
  Net *net = forged_hinges(1, (double[]){1}, (double[]){1});
  net->is_float32 = true;
  Forged f = forged_begin_one(net, 0, 1, rhs);
  certs_free(&f.c);
  f.c = certs_new(net, f.prop);
  const char *const at = strstr(f.c.head, "\"real\"");
  const size_t room = strlen(f.c.head) + 40;
  char *const head = malloc(room);
  snprintf(head, room, "%.*s\"%s\"%s", (int)(at - f.c.head), f.c.head, word, at + 6);
  free(f.c.head);
  f.c.head = head;
  Query q;
  const char *where;
  if (strcmp(word, "float32"))
    query_build(net, f.prop, 0, &q);
  else
    cr_assert(query_build_float32(net, f.prop, 0, &q, &where));
  certs_query(&f.c, 0, q.net->n_nodes, 1);
  query_reset(&q);
  net->is_float32 = is_float32;
  certs_close_row(&f.c, 0, 0);
  return forged_stands(&f);
}

Test(check_format, what_is_proved_is_what_the_head_says)
{
  const double near = 1 - 0x1p-40;
  cr_assert(for_semantics("real", true, near));
  cr_assert(for_semantics("float32", true, 0.5));
  cr_assert_not(for_semantics("float32", true, near), "reals alone");
  cr_assert_not(for_semantics("float32", false, 0.5), "not a network of float32");
  cr_assert_not(for_semantics("float16", true, 0.5));
  cr_assert_not(for_semantics("", true, 0.5));
}

/* All 64 digits of both digests count, and the checksum of a block. */
Test(check_format, every_digit_counts)
{
  for (int which = 0; which < 4; which++) {
    Net *net = forged_hinge();
    memset(net->sha256, 'a', 64);
    Forged f = forged_begin_one(net, -1, 0.25, 0);
    certs_free(&f.c);
    memset(f.prop->sha256, 'b', 64);
    f.c = certs_new(net, f.prop);
    certs_query(&f.c, 0, net->n_nodes + 1, 1);
    certs_close_row(&f.c, 0, 0);
    certs_block(&f.c, CERTIFICATE_END_QUERY);
    certs_end(&f.c, 1);
    size_t n;
    uint8_t *const bytes = certs_bytes(&f.c, &n);
    if (which == 1) net->sha256[63] = 'b';
    if (which == 2) f.prop->sha256[63] = 'a';
    if (which == 3) bytes[n - 1] ^= 1;
    cr_assert_eq(certs_accepted_bytes(bytes, n, net, f.prop, NULL), which == 0, "%d",
                 which);
    free(bytes);
    certs_free(&f.c);
    prop_free(f.prop);
    net_free(net);
  }
}

/* One byte too much: in A, b, X, y, E, C. */
static bool with_a_byte_more(char block)
{
  Forged f = forged_begin_one(forged_hinge(), -1, 0.25, 0);
  const bool signs = block == 'A' || block == 'b';
  certs_n(&f.c, 1);
  if (block == 'C') certs_u8(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_PASS);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  if (block == 'A' || block == 'X') certs_u8(&f.c, 0);
  certs_block(&f.c, signs ? CERTIFICATE_SIGNS : CERTIFICATE_BOXES);
  if (signs) {
    forged_event(&f.c, 0, CERTIFICATE_EVENT_CLOSE);
    certs_block(&f.c, CERTIFICATE_SIGN_EVENT);
  }
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  if (block == 'b' || block == 'y') certs_u8(&f.c, 0);
  certs_block(&f.c, signs ? CERTIFICATE_SIGN_TREE : CERTIFICATE_BOX_TREE);
  if (block == 'E') certs_u8(&f.c, 0);
  return forged_stands(&f);
}

Test(check_format, nothing_follows_what_a_block_is)
{
  cr_assert(with_a_byte_more(0));
  for (const char *block = "AbXyEC"; *block; block++)
    cr_assert_not(with_a_byte_more(*block), "%c", *block);
}

/* A layout of node 2 with these neurons, as differences. */
static bool with_layout(int node, int n, int first, int second)
{
  Forged f = forged_begin_one(forged_hinge(), -1, 0.25, 0);
  certs_n(&f.c, (unsigned long)node);
  certs_n(&f.c, (unsigned long)n);
  certs_n(&f.c, (unsigned long)first);
  if (n > 1) certs_n(&f.c, (unsigned long)second);
  certs_block(&f.c, CERTIFICATE_LAYOUT);
  certs_close_row(&f.c, 0, 0);
  return forged_stands(&f);
}

Test(check_format, layouts_are_about_neurons_that_exist)
{
  cr_assert(with_layout(2, 1, 0, 0));
  cr_assert_not(with_layout(2, 1, 1, 0));
  cr_assert_not(with_layout(2, 2, 0, 0));
  cr_assert_not(with_layout(1, 1, 0, 0), "linear");
  cr_assert_not(with_layout(9, 1, 0, 0));
  cr_assert_not(with_layout(2, 0, 0, 0));
}

/* A slope row of the input of node 2: an element and its sign; once or twice. */
static bool with_row(int step, int minus, int count)
{
  Forged f = forged_begin_one(forged_hinge(), -1, 0.25, 0);
  certs_n(&f.c, 2);
  certs_n(&f.c, 0);
  certs_n(&f.c, (unsigned long)count);
  for (int i = 0; i < count; i++) {
    certs_n(&f.c, (unsigned long)step);
    certs_u8(&f.c, minus);
  }
  certs_block(&f.c, CERTIFICATE_SLOPES);
  certs_close_row(&f.c, 0, 0);
  return forged_stands(&f);
}

Test(check_format, slope_rows_are_about_elements_that_exist_once)
{
  cr_assert(with_row(0, 0, 1));
  cr_assert(with_row(0, 1, 1));
  cr_assert_not(with_row(0, 2, 1));
  cr_assert_not(with_row(1, 0, 1));
  cr_assert_not(with_row(0, 0, 2));
}

/* z = x, h = z^2, y = h + 1, max (y, 0) + 1: 1 z, 2 h, 3 y, 4 ReLU. */
static Forged squared(void)
{
  static const double one = 1;
  Net *net = chain_new(1);
  const int h = chain_act(net, chain_dense(net, 0, 1, &one, NULL), ACT_SQUARE);
  chain_dense(net, chain_act(net, chain_dense(net, h, 1, &one, &one), ACT_RELU), 1,
              &one, &one);
  chain_finish(net);
  return forged_begin_one(net, -1, 1, 0);
}

static void head(Certs *c, int node, int count)
{
  certs_n(c, (unsigned long)node);
  certs_n(c, 0);
  certs_n(c, (unsigned long)count);
}

/* Slope rows of two nodes; a refinement that splits one; a beta. */
Test(check_format, lists_ascend_and_signs_are_of_relus)
{
  for (int which = 0; which < 6; which++) {
    Forged f = squared();
    if (which < 2) {
      head(&f.c, which ? 4 : 2, 0);
      head(&f.c, which ? 2 : 4, 0);
      certs_block(&f.c, CERTIFICATE_SLOPES);
    } else if (which < 4) {
      head(&f.c, 4, 1);
      certs_n(&f.c, 0);
      certs_u8(&f.c, 0);
      if (which == 3) { /* split at z of the square, two leaves with betas */
        certs_u8(&f.c, 1);
        certs_n(&f.c, 2);
        certs_n(&f.c, 0);
        certs_u8(&f.c, 0);
        certs_f32(&f.c, 0);
      }
      certs_u8(&f.c, 0);
      if (which == 3) certs_f32(&f.c, 0);
      certs_block(&f.c, CERTIFICATE_REFINE);
    }
    certs_n(&f.c, 0);
    certs_u8(&f.c, which < 4 ? 0 : CERTIFICATE_BETAS_LIST);
    certs_n(&f.c, 0);
    if (which >= 4) {
      certs_n(&f.c, 1);
      certs_n(&f.c, which == 4 ? 4 : 2);
      certs_n(&f.c, 0);
      certs_f64(&f.c, 0);
    }
    certs_block(&f.c, CERTIFICATE_CLOSE);
    cr_assert_eq(forged_stands(&f), which % 2 == 0, "%d", which);
  }
}

/* The same case twice in a search, and one that is not there. */
static bool with_cases(int n, int step)
{
  Forged f = forged_begin(forged_hinges(2, (double[]){-1, -1}, (double[]){0.5, 0.5}),
                          -1, 0.25, 2, (double[]){0, 0});
  certs_close_row(&f.c, 0, 0);
  certs_close_row(&f.c, 1, 0);
  certs_n(&f.c, (unsigned long)n);
  for (int k = 0; k < n; k++)
    certs_n(&f.c, (unsigned long)(k ? step : 0));
  certs_block(&f.c, CERTIFICATE_BOXES);
  certs_n(&f.c, 1);
  certs_n(&f.c, 0);
  certs_block(&f.c, CERTIFICATE_BOX_TREE);
  return forged_stands(&f);
}

Test(check_format, searches_are_about_cases_that_exist_once)
{
  cr_assert(with_cases(2, 1));
  cr_assert_not(with_cases(2, 0));
  cr_assert_not(with_cases(2, 2));
  cr_assert_not(with_cases(3, 1));
  cr_assert_not(with_cases(0, 1));
}

/* A row of a case that has one. */
Test(check_format, multipliers_are_of_rows_that_exist)
{
  for (int row = 0; row < 2; row++) {
    Forged f = forged_begin_one(forged_hinge(), -1, 0.25, 0);
    certs_close_row(&f.c, 0, row);
    cr_assert_eq(forged_stands(&f), row == 0);
  }
}
