/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/netlist: lists that are written here are read again; every other text is told
 * where it goes wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/prng.h"
#include "net/base/text.h"
#include "specs/netlist.h"

TestSuite(netlist, .timeout = 60);

enum { MOST = 5, LENGTH = 12 };

static void random_string(Prng *rng, char *s)
{
  static const char bytes[] = "ab/._-'\"\\ (),[]\xc3\xa9";
  const int n = 1 + prng_below(rng, LENGTH - 1);
  for (int i = 0; i < n; i++)
    s[i] = bytes[prng_below(rng, sizeof bytes - 1)];
  s[n] = '\0';
}

/* As Python prints it, or with the other quotes. */
static void put(Prng *rng, const char *s, Text *out)
{
  const char quote = prng_below(rng, 2) ? '\'' : '"';
  text_add(out, "%c", quote);
  for (; *s; s++)
    text_add(out, *s == quote || *s == '\\' ? "\\%c" : "%c", *s);
  text_add(out, "%c", quote);
}

static void blank(Prng *rng, Text *out)
{
  text_add(out, "%s", (const char *[]){"", " ", "\t\n "}[prng_below(rng, 3)]);
}

Test(netlist, what_is_written_is_read)
{
  Prng rng = prng_init(7);
  for (int round = 0; round < 2000; round++) {
    char name[MOST][LENGTH + 1], path[MOST][LENGTH + 1];
    const int n = 1 + prng_below(&rng, MOST);
    Text t = {0};
    blank(&rng, &t);
    text_add(&t, "[");
    for (int k = 0; k < n; k++) {
      random_string(&rng, name[k]);
      random_string(&rng, path[k]);
      if (k) text_add(&t, ",");
      blank(&rng, &t);
      text_add(&t, "(");
      blank(&rng, &t);
      put(&rng, name[k], &t);
      blank(&rng, &t);
      text_add(&t, ",");
      blank(&rng, &t);
      put(&rng, path[k], &t);
      blank(&rng, &t);
      text_add(&t, "%s)", prng_below(&rng, 5) ? "" : ",");
    }
    text_add(&t, "%s]", prng_below(&rng, 5) ? "" : ", ");
    NetList list;
    Err err = {0};
    cr_assert(netlist_is(t.s), "%s", t.s);
    cr_assert_eq(netlist_parse(t.s, &list, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(list.n, n);
    for (int k = 0; k < n; k++) {
      cr_assert_str_eq(list.nets[k].name, name[k], "%s", t.s);
      cr_assert_str_eq(list.nets[k].path, path[k], "%s", t.s);
    }
    /* And printed. */
    NetList again;
    t.n = 0;
    netlist_print(list.nets, list.n, &t);
    cr_assert_eq(netlist_parse(t.s, &again, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(again.n, n);
    for (int k = 0; k < n; k++)
      cr_assert(!strcmp(again.nets[k].name, name[k]) &&
                    !strcmp(again.nets[k].path, path[k]),
                "%s", t.s);
    netlist_reset(&again);
    netlist_reset(&list);
    text_free(&t);
  }
}

static const struct {
  const char *text;
  int at; /* the character that is wrong, from 1 */
} bad[] = {
    {"[", 2},
    {"[]", 2},
    {"('f', 'a')", 1},
    {"[('f', 'a')", 12},
    {"[('f', 'a')] x", 14},
    {"[('f', 'a') ('g', 'b')]", 13},
    {"[('f' 'a')]", 7},
    {"[('f', a)]", 8},
    {"[(f, 'a')]", 3},
    {"[('f')]", 6},
    {"[('f', 'a', 'b')]", 13},
    {"[['f', 'a']]", 2},
    {"[('f', 'a]", 11},
};

Test(netlist, anything_else_is_told_where_it_goes_wrong)
{
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    NetList list;
    Err err = {0};
    Text want = {0};
    text_add(&want, "wrong at character %d", bad[k].at);
    cr_expect_eq(netlist_parse(bad[k].text, &list, &err), STATUS_USAGE, "%s",
                 bad[k].text);
    cr_expect(err.text && !strncmp(err.text, bad[k].text, strlen(bad[k].text)), "%s",
              err.text);
    const char *const place = err.text ? strstr(err.text, "wrong at") : NULL;
    cr_expect(place && !strcmp(place, want.s), "%s: %s", bad[k].text, err.text);
    cr_expect(!list.nets && !list.strings && list.n == 0);
    status_reset(&err);
    text_free(&want);
  }
  /* Empty names and paths are none. */
  NetList list;
  Err err = {0};
  cr_expect_eq(netlist_parse("[('', 'a')]", &list, &err), STATUS_USAGE);
  status_reset(&err);
  cr_expect_not(netlist_is("net.onnx"));
  cr_expect_not(netlist_is("[net].onnx"));
  cr_expect_not(netlist_is(""));
}
