/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/words: what the assertions forbid, said as what must hold. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/ball.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"
#include "specs/words.h"

TestSuite(words, .timeout = 60);

static Prop *prop_of(const char *asserts)
{
  char text[2000];
  Err err = {0};
  snprintf(text, sizeof text,
           "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
           "(declare-const Y_1 Real)(declare-const Y_2 Real)\n"
           "(assert (and (>= X_0 -1)(<= X_0 0.3)(= X_1 0.1)))\n%s",
           asserts);
  Prop *prop = vnnlib_parse("spec", text, strlen(text), 2, 3, &err);
  cr_assert(prop, "%s", err.text);
  return prop;
}

/* NULL: no sentence. */
static void claims(const char *asserts, const char *sentence)
{
  Prop *prop = prop_of(asserts);
  Text out = {0};
  const bool found = words_claim(prop, &out);
  cr_expect_eq(found, sentence != NULL, "%s", asserts);
  if (sentence) cr_expect_str_eq(out.s ? out.s : "", sentence, "%s", asserts);
  if (!sentence) cr_expect_eq(out.n, 0);
  text_free(&out);
  prop_free(prop);
}

Test(words, unsafe_when_another_is_larger)
{
  claims("(assert (or (>= Y_0 Y_1) (>= Y_2 Y_1)))",
         "Y_1 is always the largest of the 3 outputs.");
  claims("(assert (or (and (<= Y_1 Y_2)) (and (<= Y_1 Y_0))))",
         "Y_1 is always the largest of the 3 outputs.");
  claims("(assert (or (<= Y_0 Y_1) (<= Y_2 Y_1)))",
         "Y_1 is always the smallest of the 3 outputs.");
  /* Only one of the others, or one of them twice. */
  claims("(assert (or (>= Y_0 Y_1) (>= Y_0 Y_1)))", NULL);
  claims("(assert (>= Y_0 Y_1))", NULL);
  claims("(assert (or (>= Y_0 Y_1) (>= Y_1 Y_2)))", NULL);
  claims("(assert (or (>= Y_0 Y_1) (>= Y_2 (+ Y_1 0.5))))", NULL);
  claims("(assert (or (>= Y_0 Y_1) (>= (* 2 Y_2) Y_1)))", NULL);
}

Test(words, unsafe_when_it_beats_all)
{
  claims("(assert (>= Y_0 Y_1))(assert (>= Y_0 Y_2))",
         "Y_0 is never the largest of the 3 outputs.");
  claims("(assert (<= Y_0 Y_1))(assert (<= Y_0 Y_2))",
         "Y_0 is never the smallest of the 3 outputs.");
  claims("(assert (>= Y_0 Y_1))(assert (<= Y_0 Y_2))", NULL);
}

Test(words, unsafe_beyond_a_number)
{
  claims("(assert (>= Y_2 3.991125645861615))", "Y_2 is always less than 3.99112565.");
  claims("(assert (> Y_2 -4))", "Y_2 is always at most -4.");
  claims("(assert (<= (* 2 Y_2) 3))", "Y_2 is always greater than 1.5.");
  claims("(assert (or (<= Y_0 -0.9) (> Y_0 1)))",
         "Y_0 is always greater than -0.9 and at most 1.");
  claims("(assert (or (<= Y_0 -0.9) (> Y_1 1)))", NULL);
  claims("(assert (>= (+ Y_0 Y_1) 1))", NULL);
  claims("(assert (or))", "Nothing is asked: no input and no output is unsafe.");
}

Test(words, different_inputs_have_no_sentence)
{
  claims("(assert (or (and (<= X_0 0)(>= Y_0 1)) (and (>= X_0 0)(>= Y_0 1))))", NULL);
}

Test(words, all_of_it)
{
  Prop *prop = prop_of("(assert (or (and (<= X_0 0)(>= (- (* 2 Y_0) Y_1) 5)(< Y_2 1))\n"
                       "(and (>= X_0 0) (> Y_0 Y_1))))");
  Text out = {0};
  words_property(prop, &out);
  cr_expect_str_eq(out.s,
                   "claim: for no input below does one of the cases hold.\n"
                   "input set 0: 1 varies by 1, 1 fixed\n"
                   "  -1 <= X_0 <= 0\n"
                   "  X_1 = 0.1\n"
                   "input set 1: 1 varies by 0.3, 1 fixed\n"
                   "  0 <= X_0 <= 0.3\n"
                   "  X_1 = 0.1\n"
                   "a counterexample is an input where one of these holds:\n"
                   "  case 0 (line 3): input set 0 and -2 Y_0 + Y_1 <= -5 and Y_2 < 1\n"
                   "  case 1 (line 4): input set 1 and Y_0 > Y_1\n");
  text_free(&out);
  prop_free(prop);
}

/* ---- VNN-LIB 2 ----------------------------------------------------------- */

/* Two copies of a network with three outputs and a hidden value. */
#define PAIR                                                                           \
  "(vnnlib-version <2.0>)(declare-network f (declare-input A real [])"                 \
  "(declare-input X float32 [2,2])(declare-hidden H real [1,4] \"a\x01\")"             \
  "(declare-output Y real [3]))(declare-network g (equal-to f)"                        \
  "(declare-input B real [])(declare-input Z float32 [2,2])"                           \
  "(declare-output W real [3]))"                                                       \
  "(assert (and (== A B)(>= A 0.0)(<= A 1.0)(== X[0,0] Z[0,0])(>= X[0,0] 0.1)"         \
  "(<= X[0,0] 0.1)(>= X[0,1] 0.0)(<= X[0,1] 1.0)(>= X[1,0] 0.0)(<= X[1,0] 2.0)"        \
  "(>= X[1,1] 0.0)(<= X[1,1] 1.0)(== Z[0,1] X[0,1])(== Z[1,0] X[0,1])"                 \
  "(>= Z[1,1] 0.0)(<= Z[1,1] X[1,1])))\n"

#define ONE                                                                            \
  "(vnnlib-version <2.0>)(declare-network f (declare-input X real [1])"                \
  "(declare-output Y real [3]))(assert (and (>= X[0] 0.0)(<= X[0] 1.0)))"

static Prop *prop_of_v2(const char *declarations, const char *asserts)
{
  Text text = {0};
  Err err = {0};
  Extend extend = {0};
  text_add(&text, "%s%s", declarations, asserts);
  Prop *prop = vnnlib2_parse("spec", text.s, text.n, false, &extend, &err);
  cr_assert(prop, "%s", err.text);
  prop->extend = extend;
  text_free(&text);
  return prop;
}

Test(words, of_two_networks)
{
  Prop *prop = prop_of_v2(PAIR, "(assert (or (> (* X[0,1] Y[0] X[0,1]) (+ 1.0 (* 2.5 "
                                "H[0,3])))\n(>= W[1] Y[2])))");
  Text out = {0};
  const char *const file[2] = {"f.onnx", NULL};
  words_networks(prop, file, &out);
  cr_expect_str_eq(out.s, "network     f, from f.onnx\n"
                          "  input     A              real []\n"
                          "  input     X              float32 [2,2]\n"
                          "  hidden    H              real [1,4], in the model \"a?\"\n"
                          "  output    Y              real [3]\n"
                          "network     g, equal to f\n"
                          "  input     B              real []\n"
                          "  input     Z              float32 [2,2]\n"
                          "  output    W              real [3]\n");
  out.n = 0;
  words_sizes(prop, &out);
  cr_expect_str_eq(out.s, "10 inputs (6 different), 6 outputs, 4 hidden values");
  out.n = 0;
  words_property(prop, &out);
  cr_expect_str_eq(
      out.s,
      "claim: for no input below does one of the cases hold.\n"
      "inputs: 5 vary by 1 to 2, 1 fixed\n"
      "  0 <= A <= 1, the same as B\n"
      "  X[0,0] = 0.1, the same as Z[0,0]\n"
      "  0 <= X[0,1] <= 1, the same as Z[0,1], Z[1,0]\n"
      "  0 <= X[1,0] <= 2\n"
      "  0 <= X[1,1] <= 1\n"
      "  0 <= Z[1,1] <= 1\n"
      "a counterexample is an input where one of these holds:\n"
      "  case 0 (line 2): X[1,1] >= Z[1,1] and 2.5 H[0,3] - X[0,1]*X[0,1]*Y[0] < -1\n"
      "  case 1 (line 3): X[1,1] >= Z[1,1] and W[1] >= Y[2]\n");
  text_free(&out);
  prop_free(prop);
}

/* "The largest of 3" is true of one network only, without anything else. */
Test(words, the_largest_of_one_network)
{
  static const char ranked[] = "(assert (or (>= Y[0] Y[1])(>= Y[2] Y[1])))";
  Text out = {0};
  Prop *prop = prop_of_v2(ONE, ranked);
  cr_assert(words_claim(prop, &out));
  cr_expect_str_eq(out.s, "Y[1] is always the largest of the 3 outputs.");
  prop_free(prop);
  out.n = 0;
  prop = prop_of_v2(ONE, "(assert (> (* Y[1] X[0]) 2.0))");
  cr_assert(words_claim(prop, &out));
  cr_expect_str_eq(out.s, "X[0]*Y[1] is always at most 2.");
  prop_free(prop);
  /* All other numbers that rows can speak of, X[0] among them. */
  prop = prop_of_v2(ONE, "(assert (or (>= Y[0] Y[1])(>= Y[2] Y[1])(>= X[0] Y[1])))");
  cr_expect_not(words_claim(prop, &out));
  prop_free(prop);
  text_free(&out);
}

/* A box alone would describe a larger set than the one asked about. */
Test(words, a_ball_is_named_with_its_box)
{
  const double c[2] = {0, 0.1};
  const char *const words[] = {
      "  and they are at most 0.25 from the centre in the l2 norm\n",
      "  and they are at most 0.25 from the centre in the l1 norm\n",
      "  and at most 1 of them differ from the centre\n"};
  for (int k = -1; k < 3; k++) {
    Prop *prop = prop_of("(assert (>= Y_0 Y_1))");
    Text out = {0};
    if (k >= 0) prop->boxes[0].ball = ball_new((BallNorm)k, 2, c, k == 2 ? 1 : 0.25);
    words_property(prop, &out);
    for (int w = 0; w < 3; w++)
      cr_assert_eq(strstr(out.s, words[w]) != NULL, w == k, "%d: %s", k, out.s);
    cr_assert(k >= 0 || !strstr(out.s, "centre"));
    text_free(&out);
    prop_free(prop);
  }
}
