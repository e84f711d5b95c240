/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Witnesses exactly on the border, where the border is a decimal and no double; from
 * text to verdict, through the library and through the command line.
 *
 * y = m relu (x) + relu (x) - relu (x) for an integer m, unsafe is y <= m a, and the
 * box starts at the decimal a: x = a violates, exactly, and no other number does.  With
 * y < m a nothing violates.  In the second case a solver may say verified only if it
 * can tell the two apart; none of the numbers is a double. */
#include <criterion/criterion.h>
#include <gmp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "specs/vnnlib.h"
#include "tests/support/chain.h"
#include "tests/support/process.h"
#include "tests/support/ways.h"

enum { CASES = 60 };

typedef enum {
  BORDER_TOUCHES, /* y <= m a: violated at x = a */
  BORDER_BEFORE,  /* y < m a: not violated */
  BORDER_BEYOND,  /* y <= m a - m unit: not violated, a whole decimal apart */
  BORDER_N
} Border;

/* The decimal a = digits * 10^-places, and the integer m. */
typedef struct {
  long digits;
  int places, m;
  char spec[600];
  bool is_point; /* the box is a alone */
} Question;

static void decimal(char *text, size_t size, long digits, int places)
{
  const long unit = (long)pow(10, places);
  snprintf(text, size, "%s%ld.%0*ld", digits < 0 ? "-" : "", labs(digits) / unit,
           places, labs(digits) % unit);
}

static Question question_new(Border border, Prng *prng)
{
  Question q = {.places = 1 + prng_below(prng, 8), .m = 1 + prng_below(prng, 99)};
  char a[40], d[40], end[40];
  const long unit = (long)pow(10, q.places);
  q.digits = 1 + prng_below(prng, (int)unit);
  /* Neighbours stand for a point that is no double (specs/witness.h): one of them is
   * strictly below. */
  q.is_point = border != BORDER_BEFORE && prng_below(prng, 3) == 0;
  decimal(a, sizeof a, q.digits, q.places);
  decimal(end, sizeof end, q.digits + (q.is_point ? 0 : unit), q.places);
  decimal(d, sizeof d, q.m * (q.digits - (border == BORDER_BEYOND)), q.places);
  snprintf(q.spec, sizeof q.spec,
           "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n"
           "(assert (>= X_0 %s))\n(assert (<= X_0 %s))\n(assert (%s Y_0 %s))\n",
           a, end, border == BORDER_BEFORE ? "<" : "<=", d);
  return q;
}

/* The extra neurons change nothing over the reals. */
static Net *question_net(const Question *q, bool is_float32)
{
  const double W[3] = {1, 1, 1}, V[3] = {q->m, 1, -1};
  Net *net = chain_new(1);
  const int x = chain_act(net, chain_dense(net, 0, 3, W, NULL), ACT_RELU);
  chain_dense(net, x, 1, V, NULL);
  net->is_float32 = is_float32;
  chain_finish(net);
  return net;
}

static Prop *question_prop(const Question *q)
{
  Err err = {0};
  Prop *prop = vnnlib_parse("border", q->spec, strlen(q->spec), 1, 1, &err);
  cr_assert(prop, "%s", err.text);
  return prop;
}

static void check_verdict(const Question *q, Border border, Verdict verdict,
                          const char *how)
{
  cr_assert(border != BORDER_TOUCHES || verdict != RESULT_VERIFIED, "%s verifies\n%s",
            how, q->spec);
  cr_assert(border == BORDER_TOUCHES || verdict != RESULT_FALSIFIED, "%s falsifies\n%s",
            how, q->spec);
}

static void ask_all(Border border, int *n_verified)
{
  Prng prng = prng_init(101 + (uint64_t)border);
  for (int t = 0; t < CASES; t++) {
    const Question q = question_new(border, &prng);
    Net *net = question_net(&q, t % 2);
    Prop *prop = question_prop(&q);
    for (int i = 0; i < WAYS_N; i++) {
      const Options o = ways_fixed(i);
      Result r = ways_solve(net, prop, &o);
      check_verdict(&q, border, r.verdict, ways_text(&o));
      *n_verified += i == 0 && r.verdict == RESULT_VERIFIED;
      result_reset(&r);
    }
    prop_free(prop);
    net_free(net);
  }
}

Test(borders, a_decimal_that_touches_is_never_verified, .timeout = 120)
{
  int verified = 0;
  ask_all(BORDER_TOUCHES, &verified);
}

Test(borders, a_strict_row_is_never_falsified_on_its_border, .timeout = 120)
{
  int verified = 0;
  ask_all(BORDER_BEFORE, &verified);
}

/* A whole unit apart it is verified, but for float32: there the box is wider than that
 * where a has eight places. */
Test(borders, a_decimal_apart_is_verified, .timeout = 120)
{
  int verified = 0;
  ask_all(BORDER_BEYOND, &verified);
  cr_assert(verified > CASES / 2, "%d of %d", verified, CASES);
}

/* ---- the command line -------------------------------------------------------------
 */

static char folder[] = "/tmp/dualcert-borders-XXXXXX";

static Verdict verdict_of(const Process *p)
{
  if (p->code == 0 && !strcmp(p->out, "verified\n")) return RESULT_VERIFIED;
  if (p->code == 1 && !strcmp(p->out, "falsified\n")) return RESULT_FALSIFIED;
  cr_assert(p->code == 2 && !strncmp(p->out, "unknown", 7),
            "exit status %d, stdout '%s', stderr '%s'", p->code, p->out, p->err);
  return RESULT_UNKNOWN;
}

static void write_question(const Question *q)
{
  char net[300];
  snprintf(net, sizeof net,
           "{\"input\": 1, \"layers\": [{\"type\": \"dense\", \"weights\": [[1], [1], "
           "[1]]}, {\"type\": \"relu\"}, {\"type\": \"dense\", \"weights\": [[%d, 1, "
           "-1]]}]}",
           q->m);
  process_write("net.json", net, strlen(net));
  process_write("spec.vnnlib", q->spec, strlen(q->spec));
}

Test(borders, so_says_the_command_line, .timeout = 120)
{
  static const char *const words[] = {"",
                                      " --split=input --contract=2",
                                      " --split=activation --contract=0",
                                      " --stages=ibp,lp",
                                      " --stages=ibp,crown,split --split=activation",
                                      " --stages=split"};
  Prng prng = prng_init(111);
  cr_assert(mkdtemp(folder) && chdir(folder) == 0);
  for (int t = 0; t < 30; t++) {
    const Border border = (Border)(t % BORDER_N);
    const Question q = question_new(border, &prng);
    write_question(&q);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
      char line[200];
      snprintf(line, sizeof line,
               "verify --threads=1 --max-nodes=50%s net.json spec.vnnlib", words[i]);
      Process p = process_run(line, NULL, NULL, NULL);
      check_verdict(&q, border, verdict_of(&p), line);
      process_free(&p);
    }
  }
  cr_assert(!unlink("net.json") && !unlink("spec.vnnlib"));
  cr_assert(chdir("/") == 0 && rmdir(folder) == 0);
}
