/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/words: what the assertions forbid, said as what must hold. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/ball.h"
#include "specs/vnnlib.h"
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
