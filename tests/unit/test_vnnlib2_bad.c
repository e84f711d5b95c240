/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VNN-LIB 2: every way to be wrong has one line with a place and an explanation; what
 * is read leniently is refused by the standard's rules. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/base/prng.h"
#include "net/base/text.h"
#include "specs/vnnlib2.h"

TestSuite(vnnlib2_bad, .timeout = 120);

typedef struct {
  const char *text;
  Status code;
  const char *place, *fragment;
} Bad;

#define V "(vnnlib-version <2.0>)\n"
#define NET                                                                            \
  "(declare-network f (declare-input X real [1,2])(declare-output Y real [2]))\n"
#define BOX                                                                            \
  "(assert (and (>= X[0,0] 0.0)(<= X[0,0] 1.0)(>= X[0,1] 0.0)(<= X[0,1] 1.0)))\n"
#define HEAD V NET BOX /* three lines */

static const Bad bad[] = {
    /* the version */
    {"", STATUS_DATA, ":1:1:", "(vnnlib-version <2.0>)"},
    {"hello", STATUS_DATA, ":1:1:", "found \"hello\""},
    {"(declare-network f)", STATUS_DATA, ":1:2:", "starts with (vnnlib-version <2.0>)"},
    {"(vnnlib-version)", STATUS_DATA, ":1:16:", "a version such as <2.0>, found \")\""},
    {"(vnnlib-version 2.0)", STATUS_DATA, ":1:17:", "found \"2.0\""},
    {"(vnnlib-version <2>)", STATUS_DATA, ":1:17:", "found \"<2>\""},
    {"(vnnlib-version <2.0)", STATUS_DATA, ":1:17:", "such as <2.0>"},
    {"(vnnlib-version <3.0>)", STATUS_UNSUPPORTED, ":1:17:", "VNN-LIB 3.0; supported"},
    {"(vnnlib-version <1.0>)", STATUS_UNSUPPORTED, ":1:17:", "VNN-LIB 1.0; supported"},
    {"(vnnlib-version <2.0> x)", STATUS_DATA, ":1:23:", "after the version, found"},
    {"(vnnlib-version <99999999999.0>)", STATUS_DATA, ":1:17:", "a version such as"},
    /* networks */
    {V, STATUS_DATA, ":2:1:", "expected (declare-network ...), found the end"},
    {V "(assert (<= X[0] 1.0))", STATUS_DATA, ":2:2:", "found \"assert\""},
    {V "(declare-const X_0 Real)", STATUS_DATA, ":2:2:", "found \"declare-const\""},
    {V "(declare-network)", STATUS_DATA, ":2:17:", "the name of a network"},
    {V "(declare-network 1f)", STATUS_DATA, ":2:18:", "found \"1f\""},
    {V "(declare-network f-1)", STATUS_DATA, ":2:18:", "letters, digits and _"},
    {V "(declare-network f)", STATUS_DATA, ":2:18:", "network f declares no input"},
    {V "(declare-network f (declare-input X real [1]))", STATUS_DATA,
     ":2:18:", "declares no output"},
    {V "(declare-network f (declare-output Y real [1]))", STATUS_DATA,
     ":2:18:", "declares no input"},
    {V "(declare-network f X)", STATUS_DATA, ":2:20:", "network variables or \")\""},
    {V "(declare-network f (declare-inputs X real [1]))", STATUS_DATA,
     ":2:21:", "expected declare-input, declare-hidden, declare-output"},
    {V "(declare-network f (assert (<= X 1)))", STATUS_DATA,
     ":2:21:", "found \"assert\""},
    {V "(declare-network f (declare-input X real [1])", STATUS_DATA,
     ":2:46:", "found the end of the file"},
    {V NET NET, STATUS_DATA, ":3:18:", "\"f\" is declared twice"},
    {V NET "(declare-network X (declare-input Z real [1]))", STATUS_DATA,
     ":3:18:", "\"X\" is declared twice"},
    {V NET "(declare-network g (declare-input X real [1]))", STATUS_DATA,
     ":3:35:", "\"X\" is declared twice"},
    {V "(declare-network f (declare-input f real [1]))", STATUS_DATA,
     ":2:35:", "\"f\" is declared twice"},
    {HEAD "(declare-network g)", STATUS_DATA, ":4:2:", "declare all networks first"},
    {HEAD "(vnnlib-version <2.0>)", STATUS_DATA, ":4:2:", "a declaration after"},
    /* relations of networks */
    {V "(declare-network f (equal-to g))", STATUS_DATA,
     ":2:30:", "a network declared before, found \"g\""},
    {V "(declare-network f (equal-to f))", STATUS_DATA, ":2:30:", "declared before"},
    {V "(declare-network f (equal-to))", STATUS_DATA, ":2:29:", "declared before"},
    {V NET "(declare-network g (equal-to f) (isomorphic-to f))", STATUS_DATA,
     ":3:48:", "at most one"},
    {V NET "(declare-network g (declare-input U real [1,2]) (equal-to f))", STATUS_DATA,
     ":3:59:", "before the variables"},
    {V NET "(declare-network g (equal-to f)(declare-input U real [1,2])"
           "(declare-output W real [2]))\n(declare-network h (equal-to g))",
     STATUS_DATA, ":4:30:", "\"g\" is itself equal"},
    {V NET "(declare-network g (equal-to f)(declare-input U real [2,1])"
           "(declare-output W real [2]))",
     STATUS_DATA, ":3:47:", "inputs differ in shape"},
    {V NET "(declare-network g (equal-to f)(declare-input U float32 [1,2])"
           "(declare-output W real [2]))",
     STATUS_DATA, ":3:47:", "g is equal to f, but their inputs differ in type"},
    {V NET "(declare-network g (isomorphic-to f)(declare-input U float32 [1,2])"
           "(declare-output W real [2])(declare-output W2 real [2]))",
     STATUS_DATA, ":3:111:", "isomorphic to f, but their outputs differ in number"},
    {V NET "(declare-network g (isomorphic-to f)(declare-input U real [1,2])"
           "(declare-output W real [3]))",
     STATUS_DATA, ":3:81:", "outputs differ in shape"},
    /* variables */
    {V "(declare-network f (declare-input))", STATUS_DATA,
     ":2:34:", "the name of a variable"},
    {V "(declare-network f (declare-input X_ real))", STATUS_DATA,
     ":2:42:", "a shape such as [1,5], or [] for one number, found \")\""},
    {V "(declare-network f (declare-input X [1,5]))", STATUS_DATA,
     ":2:37:", "a type: real, float32 or float64"},
    {V "(declare-network f (declare-input X int [1,5]))", STATUS_DATA,
     ":2:37:", "a type: real, float32 or float64, found \"int\""},
    {V "(declare-network f (declare-input X int8 [1,5]))", STATUS_UNSUPPORTED,
     ":2:37:", "the type \"int8\"; supported are real, float32 and float64"},
    {V "(declare-network f (declare-input X float16 [1,5]))", STATUS_UNSUPPORTED,
     ":2:37:", "\"float16\""},
    {V "(declare-network f (declare-input X real [0]))", STATUS_DATA,
     ":2:43:", "dimensions from 1 on"},
    {V "(declare-network f (declare-input X real [-1]))", STATUS_DATA,
     ":2:43:", "a shape such as"},
    {V "(declare-network f (declare-input X real [1 4]))", STATUS_DATA,
     ":2:45:", "\",\" or \"]\" in a shape, found \"4]\""},
    {V "(declare-network f (declare-input X real [1,]))", STATUS_DATA,
     ":2:45:", "a shape such as"},
    {V "(declare-network f (declare-input X real [99999999,99999999]))", STATUS_DATA,
     ":2:52:", "elements together"},
    {V "(declare-network f (declare-input X real [1,1,1,1,1,1,1,1,1]))", STATUS_DATA,
     ":2:59:", "at most 8 dimensions"},
    {V "(declare-network f (declare-input X real [1] 3))", STATUS_DATA,
     ":2:46:", "after a declaration, found \"3\""},
    {V "(declare-network f (declare-input X real [1] initialized))", STATUS_UNSUPPORTED,
     ":2:46:", "initialiser"},
    {V "(declare-network f (declare-input X real [1])(declare-hidden H real [1] \"h\")"
       "(declare-hidden G real [1] \"h\")(declare-output Y real [1]))",
     STATUS_DATA, ":2:93:", "G has the same name in the model as H"},
    {V "(declare-network f (declare-output Y real [1] \"y\")(declare-input X real [1])"
       "(declare-output Z real [1] \"y\"))",
     STATUS_DATA, ":2:93:", "Z has the same name in the model as Y"},
    {V "(declare-network f (declare-hidden H real [1]))", STATUS_DATA,
     ":2:46:", "in quotes"},
    {V "(declare-network f (declare-hidden H real [1] relu))", STATUS_DATA,
     ":2:47:", "in quotes, for a hidden one, found \"relu\""},
    {V "(declare-network f (declare-hidden H real [1] \"relu))\n", STATUS_DATA,
     ":2:47:", "does not end on its line"},
    /* assertions */
    {HEAD "(check-sat)", STATUS_DATA,
     ":4:2:", "the command assert, found \"check-sat\""},
    {HEAD "x", STATUS_DATA, ":4:1:", "of the next command"},
    {HEAD "(assert)", STATUS_DATA, ":4:8:", "a formula such as"},
    {HEAD "(assert (Y[0] < Y[1]))", STATUS_DATA,
     ":4:10:", "the operator comes first: (< Y[0] Y[1])"},
    {HEAD "(assert (Y[0] <= 1.0))", STATUS_DATA, ":4:10:", "first: (<= Y[0] 1.0)"},
    {HEAD "(assert (=> (<= Y[0] 1.0)))", STATUS_DATA, ":4:10:", "found \"=>\""},
    {HEAD "(assert (<= Y[0] Z[0]))", STATUS_DATA,
     ":4:18:", "\"Z\" is not declared; the declared variables are X, Y"},
    {HEAD "(assert (<= Y[0] f[0]))", STATUS_DATA, ":4:18:", "\"f\" is not declared"},
    {HEAD "(assert (<= Y_0 1.0))", STATUS_DATA, ":4:13:", "\"Y_0\" is not declared"},
    {HEAD "(assert (<= Y 1.0))", STATUS_DATA,
     ":4:13:", "Y needs one index for every dimension; its shape is [2]"},
    {HEAD "(assert (<= X[0] 1.0))", STATUS_DATA,
     ":4:13:", "X needs one index for every dimension; its shape is [1,2]"},
    {HEAD "(assert (<= Y[0,0] 1.0))", STATUS_DATA, ":4:13:", "its shape is [2]"},
    {HEAD "(assert (<= Y[2] 1.0))", STATUS_DATA, ":4:13:", "has no such element"},
    {HEAD "(assert (<= Y[99999999999] 1.0))", STATUS_DATA, ":4:13:", "no such element"},
    {HEAD "(assert (<= X[1,0] 1.0))", STATUS_DATA, ":4:13:", "no such element"},
    {HEAD "(assert (<= Y[] 1.0))", STATUS_DATA, ":4:13:", "indices that are whole"},
    {HEAD "(assert (<= Y[-1] 1.0))", STATUS_DATA, ":4:13:", "indices that are whole"},
    {HEAD "(assert (<= Y[0 1.0))", STATUS_DATA,
     ":4:13:", "\",\" or \"]\" after an index"},
    {HEAD "(assert (<= Y[0]1.0))", STATUS_DATA,
     ":4:13:", "something after its indices"},
    {HEAD "(assert (<= Y[0", STATUS_DATA, ":4:13:", "after an index"},
    {HEAD "(assert (<= Y[0] 1.0.0))", STATUS_DATA, ":4:18:", "found \"1.0.0\""},
    {HEAD "(assert (<= Y[0] nan))", STATUS_DATA, ":4:18:", "\"nan\" is not declared"},
    {HEAD "(assert (/ Y[0] 2.0))", STATUS_DATA, ":4:10:", "found \"/\""},
    {HEAD "(assert (<= (/ Y[0] 2.0) 1.0))", STATUS_DATA, ":4:14:", "the operator +, -"},
    {HEAD "(assert (<= Y[0]))", STATUS_DATA, ":4:17:", "expected a term, found \")\""},
    {HEAD "(assert (<= Y[0] 1.0 2.0))", STATUS_DATA, ":4:22:", "after the two terms"},
    {HEAD "(assert (<= (+) 1.0))", STATUS_DATA, ":4:15:", "a term as operand"},
    {HEAD "(assert (and (<= Y[0] 1.0)", STATUS_DATA, ":4:27:", "line 4, column 9"},
    {HEAD "(assert (<= Y[0] 1.0)))", STATUS_DATA,
     ":4:23:", "next command, found \")\""},
    {HEAD "(assert (<= (* Y[0] Y[0] Y[0] Y[0] Y[0] Y[0] Y[0] Y[0] Y[0]) 1.0))",
     STATUS_UNSUPPORTED, ":4:13:", "degree above 8"},
    /* input sets */
    {V NET, STATUS_DATA,
     ":2:35:", "X[0,0] has no lower bound; add (assert (>= X[0,0] <"},
    {V NET "(assert (and (>= X[0,0] 0.0)(<= X[0,0] 1.0)(>= X[0,1] 0.0)))", STATUS_DATA,
     ":2:35:", "X[0,1] has no upper bound"},
    {V NET "(assert (and (>= X[0,0] 0.0)(<= X[0,0] 1.0)))\n"
           "(assert (or (and (>= X[0,1] 0.0)(<= X[0,1] 1.0)) (<= Y[0] 1.0)))",
     STATUS_DATA, ":4:50:", "X[0,1] has no lower bound in this case"},
    {HEAD "(assert (>= X[0,1]\n 2.0))", STATUS_DATA,
     ":4:9:", "X[0,1] >= 2 (line 4) and X[0,1] <= 1 (line 3)"},
    {HEAD "(assert (> X[0,0] 1.0))", STATUS_DATA, ":4:9:", "the input set is empty"},
};

static void expect_error(const Bad *b, const char *text, size_t size, bool strict)
{
  Err err = {0};
  Extend e = {0};
  Prop *prop = vnnlib2_parse("dir/a.vnnlib", text, size, strict, &e, &err);
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
  extend_reset(&e);
  status_reset(&err);
}

Test(vnnlib2_bad, every_malformed_file_gets_one_line_with_its_place)
{
  cr_assert_geq(sizeof bad / sizeof *bad, 60);
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    expect_error(&bad[k], bad[k].text, strlen(bad[k].text), false);
}

/* Read with a note at that place; strict, refused there. */
static const Bad lax[] = {
    {HEAD "(assert (<= Y[0] 1))", 0, ":4:18:", "decimal point"},
    {HEAD "(assert (<= Y[0] 1e-3))", 0, ":4:18:", "exponent"},
    {HEAD "(assert (<= Y[0] +1.0))", 0, ":4:18:", "sign +"},
    {HEAD "(assert (<= Y[0] .5))", 0, ":4:18:", "dot at an end"},
    {HEAD "(assert (<= Y[0] 5.))", 0, ":4:18:", "dot at an end"},
    {HEAD "(assert (= Y[0] 1.0))", 0, ":4:10:", "writes equality =="},
    {HEAD "(assert (not (<= Y[0] 1.0)))", 0, ":4:10:", "has no not"},
    {HEAD "(assert (or (and) (<= Y[0] 1.0)))", 0, ":4:17:", "without operands"},
    {HEAD "(assert (<= 1.0 2.0))", 0, ":4:9:", "comparison without variables"},
    {V "(declare-network f (declare-input X Real [1,2])(declare-output Y real "
       "[2]))\n" BOX,
     0, ":2:37:", "writes the type of the real numbers real"},
    {V "(declare-network f (declare-output Y real [2])(declare-input X real "
       "[1,2]))\n" BOX,
     0, ":2:48:", "declares inputs first"},
    {V
     "(declare-network f (declare-input X real [1,2] \"x\")(declare-output Y real [2]))"
     "\n" BOX,
     0, ":2:48:", "for hidden values only"},
    {V "(declare-network f (declare-input X real [1,2])(declare-output Y float32 "
       "[2]))\n" BOX "(assert (<= Y[0] X[0,0]))",
     0, ":4:18:", "variables of one type"},
    {"(vnnlib-version <2.7>)\n" NET BOX, 0, ":1:17:", "later minor version"},
};

Test(vnnlib2_bad, what_is_read_with_a_note_is_refused_when_strict)
{
  for (size_t k = 0; k < sizeof lax / sizeof *lax; k++) {
    Bad b = lax[k];
    Err err = {0};
    Extend e = {0};
    Prop *prop = vnnlib2_parse("dir/a.vnnlib", b.text, strlen(b.text), false, &e, &err);
    cr_assert(prop, "%s\n%s", b.text, err.text);
    cr_assert(prop->scope->notes.n, "%s", b.text);
    cr_expect(strstr(prop->scope->notes.s, b.fragment), "%s\n%s", b.text,
              prop->scope->notes.s);
    cr_expect_null(strchr(prop->scope->notes.s, '\n'), "one note");
    prop_free(prop);
    extend_reset(&e);
    b.code = STATUS_DATA;
    expect_error(&b, b.text, strlen(b.text), true);
  }
}

Test(vnnlib2_bad, a_note_of_one_kind_is_given_once)
{
  const char *const text =
      HEAD "(assert (<= Y[0] 1))(assert (<= Y[0] 2))(assert (= Y[0] 3))";
  Err err = {0};
  Extend e = {0};
  Prop *prop = vnnlib2_parse("a", text, strlen(text), false, &e, &err);
  cr_assert(prop, "%s", err.text);
  cr_assert_eq(strncmp(prop->scope->notes.s, "a:4:18: ", 8), 0);
  const char *const second = strchr(prop->scope->notes.s, '\n');
  cr_assert(second && !strchr(second + 1, '\n'));
  prop_free(prop);
  extend_reset(&e);
}

/* Any prefix and any damaged byte: an error or a property, never a crash. */
Test(vnnlib2_bad, damaged_files_never_crash)
{
  const char *const good = V
      "(declare-network f (declare-input X real [1,2])(declare-hidden H real [] \"h\")"
      "(declare-output Y float32 [2]))\n"
      "(declare-network g (isomorphic-to f)(declare-input U real [1,2])"
      "(declare-output W real [2]))" BOX
      "(assert (== X[0,0] U[0,0]))(assert (and (<= U[0, 1] X[0,1])(>= U[0,1] 0.0)))"
      "(assert (or (!= Y[0] (* H W[1] -2.5)) (> (- H) (+ X[0,0] 1e-3))))\n; end";
  const size_t n = strlen(good);
  static const char bytes[] = "()<=>+-*;[],\"\\_0123456789.eEXYfg \n\0\xff";
  Prng rng = prng_init(1);
  long n_read = 0;
  for (size_t k = 0; k < n + 20000; k++) {
    char text[1024];
    memcpy(text, good, n);
    size_t size = k < n ? k : n;
    for (int i = 0; k > n && i < 1 + (int)(k % 3); i++)
      text[prng_below(&rng, (int)n)] = bytes[prng_below(&rng, sizeof bytes - 1)];
    Err err = {0};
    Extend e = {0};
    Prop *prop = vnnlib2_parse("f", text, size, k % 2, &e, &err);
    cr_assert((prop == NULL) == (err.code != STATUS_OK));
    if (!prop) cr_assert(!strncmp(err.text, "f:", 2) && !strchr(err.text, '\n'));
    n_read += prop != NULL;
    prop_free(prop);
    extend_reset(&e);
    status_reset(&err);
  }
  cr_assert_gt(n_read, 100, "only %ld were read", n_read);
}
