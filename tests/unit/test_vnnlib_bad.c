/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every way to be wrong has one line with a place and an explanation. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/base/prng.h"
#include "net/base/text.h"
#include "specs/vnnlib.h"

typedef struct {
  const char *text;
  Status code;
  const char *place, *fragment;
} Bad;

/* Two lines that declare X_0, X_1, Y_0, Y_1 and bound the inputs by [0, 1]. */
#define HEAD                                                                           \
  "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"           \
  "(declare-const Y_1 Real)\n"                                                         \
  "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)(<= X_1 1)))\n"
#define DECL                                                                           \
  "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"           \
  "(declare-const Y_1 Real)\n"

static const Bad bad[] = {
    {"", STATUS_DATA,
     ":1:1:", "0 inputs (X_) are declared so far, but the network has 2"},
    {"hello", STATUS_DATA,
     ":1:1:", "expected \"(\" of the next command, found \"hello\""},
    {")", STATUS_DATA, ":1:1:", "next command, found \")\""},
    {"(", STATUS_DATA, ":1:2:", "found the end of the file"},
    {"((", STATUS_DATA, ":1:2:", "command declare-const or assert, found \"(\""},
    {"(check-sat)", STATUS_DATA, ":1:2:", "found \"check-sat\""},
    {"(set-logic QF_LRA)", STATUS_DATA, ":1:2:", "command declare-const or assert"},
    {"(vnnlib-version <2.0>)", STATUS_UNSUPPORTED, ":1:2:", "VNN-LIB 2"},
    {"(declare-network f)", STATUS_UNSUPPORTED, ":1:2:", "VNN-LIB 2"},
    {"(declare-const", STATUS_DATA, ":1:15:", "variable X_<i> or Y_<j>, found the end"},
    {"(declare-const Z_0 Real)", STATUS_DATA, ":1:16:", "found \"Z_0\""},
    {"(declare-const X_ Real)", STATUS_DATA, ":1:16:", "found \"X_\""},
    {"(declare-const X_-1 Real)", STATUS_DATA, ":1:16:", "found \"X_-1\""},
    {"(declare-const X_01 Real)", STATUS_DATA, ":1:16:", "found \"X_01\""},
    {"(declare-const X_0 Int)", STATUS_DATA, ":1:20:", "the type Real, found \"Int\""},
    {"(declare-const X_0 Real", STATUS_DATA, ":1:24:", "after the type"},
    {"(declare-const X_0 Real 3)", STATUS_DATA, ":1:25:", "found \"3\""},
    {"(declare-const X_0 Real)\n(declare-const X_0 Real)", STATUS_DATA,
     ":2:16:", "declared twice, first on line 1"},
    {"(declare-const X_0 Real)(declare-const X_2 Real)(declare-const X_1 Real)",
     STATUS_DATA, ":1:40:", "3 inputs are declared, but the network has 2"},
    {"(declare-const X_999999999 Real)", STATUS_DATA, ":1:16:", "the network has 2"},
    {"(declare-const X_9999999999 Real)", STATUS_DATA, ":1:16:", "expected a variable"},
    {"(declare-const X_1 Real)\n(declare-const Y_0 Real)\n (assert (<= Y_0 1))",
     STATUS_DATA, ":3:2:", "1 inputs (X_) are declared so far"},
    {"(declare-const X_1 Real)(declare-const X_0 Real)(declare-const Y_1 Real)",
     STATUS_DATA,
     ":1:73:", "1 outputs (Y_) are declared so far, but the network has 2"},
    {HEAD "(declare-const Y_2 Real)", STATUS_DATA, ":3:16:", "after an assert"},
    {HEAD "(assert)", STATUS_DATA, ":3:8:", "a formula such as"},
    {HEAD "(assert true)", STATUS_DATA, ":3:9:", "found \"true\""},
    {HEAD "(assert (<= Y_0 1)", STATUS_DATA,
     ":3:19:", "after the formula of an assert"},
    {HEAD "(assert (<= Y_0 1) (<= Y_1 1))", STATUS_DATA, ":3:20:", "after the formula"},
    {HEAD "(assert (<= Y_0 1)))", STATUS_DATA, ":3:20:", "next command, found \")\""},
    {HEAD "(assert (<= Y_0 1", STATUS_DATA, ":3:18:", "after the two terms"},
    {HEAD "(assert (<= Y_0))", STATUS_DATA, ":3:16:", "expected a term, found \")\""},
    {HEAD "(assert (<= Y_0 1 2))", STATUS_DATA, ":3:19:", "after the two terms"},
    {HEAD "(assert (Y_0 < Y_1))", STATUS_DATA, ":3:10:", "operator comes first"},
    {HEAD "(assert (=> Y_0 Y_1))", STATUS_DATA, ":3:10:", "found \"=>\""},
    {HEAD "(assert (distinct Y_0 Y_1))", STATUS_DATA, ":3:10:", "found \"distinct\""},
    {HEAD "(assert ())", STATUS_DATA, ":3:10:", "and, or, not"},
    {HEAD "(assert ((<= Y_0 1)))", STATUS_DATA, ":3:10:", "and, or, not"},
    {HEAD "(assert (or (<= Y_0 1)", STATUS_DATA, ":3:23:", "line 3, column 9"},
    {HEAD "(assert (or (<= Y_0 1) Y_0))", STATUS_DATA, ":3:24:", "found \"Y_0\""},
    {HEAD "(assert (not))", STATUS_DATA, ":3:13:", "a formula after not"},
    {HEAD "(assert (not (<= Y_0 1) (<= Y_0 2)))", STATUS_DATA, ":3:25:", "one formula"},
    {HEAD "(assert (<= Y_0 Y_7))", STATUS_DATA, ":3:17:", "\"Y_7\" is not declared"},
    {HEAD "(assert (<= X_2 1))", STATUS_DATA, ":3:13:", "X_0 to X_1"},
    {HEAD "(assert (<= y_0 1))", STATUS_DATA, ":3:13:", "found \"y_0\""},
    {HEAD "(assert (<= Y_0 0x10))", STATUS_DATA, ":3:17:", "found \"0x10\""},
    {HEAD "(assert (<= Y_0 nan))", STATUS_DATA, ":3:17:", "found \"nan\""},
    {HEAD "(assert (<= Y_0 inf))", STATUS_DATA, ":3:17:", "found \"inf\""},
    {HEAD "(assert (<= Y_0 1e999))", STATUS_DATA, ":3:17:", "found \"1e999\""},
    {HEAD "(assert (<= Y_0 1.2.3))", STATUS_DATA, ":3:17:", "found \"1.2.3\""},
    {HEAD "(assert (<= Y_0 1e))", STATUS_DATA, ":3:17:", "found \"1e\""},
    {HEAD "(assert (<= Y_0 \"1\"))", STATUS_DATA, ":3:17:", "a finite decimal number"},
    {HEAD "(assert (<= Y_0 \x01\xff))", STATUS_DATA, ":3:17:", "found \"?\?\""},
    {HEAD "(assert (<= Y_0 (+)))", STATUS_DATA, ":3:19:", "a term as operand"},
    {HEAD "(assert (<= Y_0 (/ 1 2)))", STATUS_DATA, ":3:18:", "operator +, - or *"},
    {HEAD "(assert (<= Y_0 (1 + 2)))", STATUS_DATA, ":3:18:", "found \"1\""},
    {HEAD "(assert (<= Y_0 (+ 1 (<= 1 2))))", STATUS_DATA,
     ":3:23:", "operator +, - or *"},
    {HEAD "(assert (<= (* Y_0 Y_1) 1))", STATUS_UNSUPPORTED,
     ":3:13:", "a product of two"},
    {HEAD "(assert (<= (* X_0 (+ 1 X_0)) 1))", STATUS_UNSUPPORTED, ":3:13:", "product"},
    {HEAD "(assert (<= Y_0 X_0))", STATUS_UNSUPPORTED, ":3:9:", "inputs with outputs"},
    {HEAD "(assert (or (<= Y_0 1)\n (<= (+ X_0 X_1) 1)))", STATUS_UNSUPPORTED,
     ":4:2:", "several inputs"},
    {HEAD "(assert (<= (+ (* 0.1 Y_0) (* 0.2 Y_0) (* -0.3 Y_0)) 1))",
     STATUS_UNSUPPORTED, ":3:9:", "the coefficient of Y_0"},
    {HEAD "(assert (<= (* 1e-999 Y_1) 1))", STATUS_UNSUPPORTED, ":3:9:", "Y_1"},
    {HEAD "(assert (<= (* 1e-318 0.3 Y_1) 1))", STATUS_UNSUPPORTED,
     ":3:9:", "too small"},
    {HEAD "(assert (<= (* 1e300 (* 1e300 Y_1)) 1))", STATUS_UNSUPPORTED,
     ":3:9:", "Y_1"},
    {HEAD "(assert (<= Y_1 (* 1e300 1e300)))", STATUS_UNSUPPORTED, ":3:9:", "largest"},
    {HEAD "(assert (<= (* 1e-300 X_0) 1e300))", STATUS_UNSUPPORTED, ":3:9:", "largest"},
    {HEAD "(assert (<= (+ 0.1 0.2) 0.3))", STATUS_UNSUPPORTED,
     ":3:9:", "plain numbers"},
    {DECL "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)))", STATUS_DATA,
     ":1:40:", "X_1 has no upper bound; add (assert (<= X_1 <number>))"},
    {DECL "(assert (<= Y_0 1))", STATUS_DATA, ":1:16:", "X_0 has no lower bound"},
    {DECL "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)))\n(assert (or\n"
          "(and (<= X_1 2) (<= Y_0 1))\n (and (<= Y_0 2))))",
     STATUS_DATA, ":5:2:", "X_1 has no upper bound in this case"},
    {DECL "(assert (or))", STATUS_DATA, ":1:16:", "X_0 has no lower bound"},
    {DECL "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)))(assert (<= 2 1))", STATUS_DATA,
     ":1:40:", "X_1 has no upper bound"},
    {DECL "(assert (and (>= X_0 0)(<= X_0 1)(>= X_1 0)))\n(assert (< Y_0 Y_0))\n"
          "(assert (or (and (<= X_1 2) (<= X_1 3)) (<= Y_0 2)))",
     STATUS_DATA, ":1:40:", "X_1 has no upper bound"},
    {HEAD "(assert (>= X_0\n 2))", STATUS_DATA,
     ":3:9:", "the input set is empty: X_0 >= 2 (line 3) and X_0 <= 1 (line 2)"},
    {HEAD "(assert (> X_1 1))", STATUS_DATA, ":3:9:", "the input set is empty"},
    {HEAD "(assert (or (>= X_0 2) (<= X_1 -1)))", STATUS_DATA,
     ":3:13:", "set is empty"},
    {HEAD "(assert (or (and (> X_0 0.5)(<= X_0 0.50)) (<= X_1 -1)))", STATUS_DATA,
     ":3:29:", "set is empty"},
};

static void expect_error(const Bad *b, const char *text, size_t size)
{
  Err err = {0};
  Prop *prop = vnnlib_parse("dir/a.vnnlib", text, size, 2, 2, &err);
  cr_assert_null(prop, "accepted: %s", text);
  cr_assert(err.text);
  char place[64];
  snprintf(place, sizeof place, "dir/a.vnnlib%s", b->place);
  cr_expect(!strncmp(err.text, place, strlen(place)), "%s\n  expected %s: %s", text,
            b->place, err.text);
  cr_expect(strstr(err.text, b->fragment), "%s\n  expected \"%s\": %s", text,
            b->fragment, err.text);
  cr_expect_eq(err.code, b->code, "%s: status %d", text, err.code);
  cr_expect_null(strchr(err.text, '\n'));
  status_reset(&err);
}

Test(vnnlib_bad, every_malformed_file_gets_one_line_with_its_place)
{
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    expect_error(&bad[k], bad[k].text, strlen(bad[k].text));
}

Test(vnnlib_bad, a_million_levels_get_one_line)
{
  const char *const word[] = {"(and ", "(or ", "(not ", "(<= Y_0 (+ "};
  for (int k = 0; k < 4; k++) {
    Text t = {0};
    text_add(&t, HEAD "(assert ");
    for (int i = 0; i < (k < 3 ? 1100000 : 100000); i++)
      text_add(&t, "%s", k == 3 && i ? "(+ " : word[k]);
    char place[32];
    const int column = k < 3 ? 9 + 1000000 * (int)strlen(word[k])
                             : 9 + (int)strlen("(<= Y_0 ") + 200 * (int)strlen("(+ ");
    snprintf(place, sizeof place, ":3:%d:", column);
    const Bad b = {t.s, STATUS_UNSUPPORTED, place, "nested deeper than"};
    expect_error(&b, t.s, t.n);
    text_free(&t);
  }
}

Test(vnnlib_bad, products_of_disjunctions_beyond_the_limit_are_refused)
{
  Text flat = {0}, inner = {0};
  text_add(&flat, HEAD);
  text_add(&inner, HEAD "(assert (or (<= Y_0 1) (and\n");
  for (int k = 0; k < 30; k++) {
    text_add(&flat, "(assert (or (<= Y_0 1) (<= Y_1 2)))\n");
    text_add(&inner, "(or (<= Y_0 1) (<= Y_1 2))\n");
  }
  text_add(&inner, ")))");
  const Bad b = {"", STATUS_UNSUPPORTED, ":21:13:", "10000000"};
  expect_error(&b, flat.s, flat.n);
  const Bad c = {"", STATUS_UNSUPPORTED, ":3:24:", "10000000"};
  expect_error(&c, inner.s, inner.n);
  text_free(&flat);
  text_free(&inner);
}

Test(vnnlib_bad, too_many_large_boxes_are_refused)
{
  Text t = {0};
  const int n = 100000;
  for (int i = 0; i < n; i++)
    text_add(&t, "(declare-const X_%d Real)", i);
  text_add(&t, "(declare-const Y_0 Real)\n(assert (or\n");
  for (int k = 0; k < 3000; k++)
    text_add(&t, "(<= X_0 %d)\n", k);
  text_add(&t, "))");
  Err err = {0};
  cr_assert_null(vnnlib_parse("f", t.s, t.n, n, 1, &err));
  cr_assert(!strncmp(err.text, "f:3:1: the disjunctions", 23), "%s", err.text);
  status_reset(&err);
  text_free(&t);
}

/* 200 x 200 boxes of 1000 inputs take 1.3 GB, but 200 boxes with 200 rows each do
 * not. */
Test(vnnlib_bad, boxes_beyond_a_gigabyte_are_refused)
{
  for (int own = 0; own < 2; own++) {
    Text t = {0};
    const int n = 1000;
    for (int i = 0; i < n; i++)
      text_add(&t, "(declare-const X_%d Real)", i);
    text_add(&t, "(declare-const Y_0 Real)\n");
    for (int i = 0; i < n; i++)
      text_add(&t, "(assert (>= X_%d 0))(assert (<= X_%d 1000))", i, i);
    for (int part = 0; part < 2; part++) {
      text_add(&t, "\n(assert (or");
      for (int k = 0; k < 200; k++)
        text_add(&t, "(<= %s_%d %d)", part || own ? "X" : "Y", part || own ? part : 0,
                 k);
      text_add(&t, "))");
    }
    Err err = {0};
    Prop *prop = vnnlib_parse("f", t.s, t.n, n, 1, &err);
    if (own) {
      cr_assert_null(prop);
      cr_assert(!strncmp(err.text, "f:4:12: the disjunctions", 24), "%s", err.text);
    } else {
      cr_assert(prop, "%s", err.text);
      cr_assert_eq(prop->n_boxes, 200);
    }
    prop_free(prop);
    status_reset(&err);
    text_free(&t);
  }
}

/* Any prefix and any damaged byte: an error or a property, never a crash. */
Test(vnnlib_bad, damaged_files_never_crash)
{
  const char *const good =
      HEAD "(assert (or (and (<= (* 2 Y_0) (+ Y_1 -1.5e-3)) (not (= Y_0 Y_1)))\n"
           "(and (>= X_0 0.5) (< (- Y_0) 1) (== Y_1 2))))\n; end";
  const size_t n = strlen(good);
  static const char bytes[] = "()<=>+-*;XY_0123456789.eE \n\0\xff";
  Prng rng = prng_init(1);
  for (size_t k = 0; k < n + 20000; k++) {
    char text[1024];
    memcpy(text, good, n);
    size_t size = k < n ? k : n;
    for (int i = 0; k >= n && i < 1 + (int)(k % 3); i++)
      text[prng_below(&rng, (int)n)] = bytes[prng_below(&rng, sizeof bytes - 1)];
    Err err = {0};
    Prop *prop = vnnlib_parse("f", text, size, 2, 2, &err);
    cr_assert((prop == NULL) == (err.code != STATUS_OK));
    if (!prop) cr_assert(!strncmp(err.text, "f:", 2) && !strchr(err.text, '\n'));
    prop_free(prop);
    status_reset(&err);
  }
}
