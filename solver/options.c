/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/options.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/decimal.h"
#include "solver/jsonout.h"

enum {
#define OPTION(name, dflt, low, high, help) ROW_##name,
#include "solver/options.def"
#undef OPTION
  N_ROWS
};

#define MAX_NAME 32

static const OptionsRow table[N_ROWS] = {
#define OPTION(name, dflt, low, high, help)                                            \
  {#name, dflt, low, high, help " (default " #dflt ")"},
#include "solver/options.def"
#undef OPTION
};

static const size_t offset[N_ROWS] = {
#define OPTION(name, dflt, low, high, help) offsetof(Options, name),
#include "solver/options.def"
#undef OPTION
};

/* In the order of the bits STAGE_*. */
static const char *const stage_words[] = {"attack", "ibp",   "crown", "dual",
                                          "lp",     "split", NULL};
static const char *const split_words[] = {"auto", "input", "activation", NULL};
const char *const options_semantics[] = {"real", "float32", NULL};
static const char *const witness_words[] = {"auto", "text", "json", NULL};
static const char *const format_words[] = {"text", "json", "vnncomp", "vnnlib", NULL};

static int *member(Options *o, int row)
{
  return (int *)((char *)o + offset[row]);
}

static const int *member_const(const Options *o, int row)
{
  return (const int *)((const char *)o + offset[row]);
}

static OptionsRow rows[N_ROWS];
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void make_rows(void)
{
  static char typed[N_ROWS][MAX_NAME];
  for (int i = 0; i < N_ROWS; i++) {
    const size_t len = strlen(table[i].name);
    STATUS_REQUIRE(len < MAX_NAME, "an option's name is too long");
    STATUS_REQUIRE(!i || strcmp(table[i - 1].name, table[i].name) < 0,
                   "options.def is not sorted");
    for (size_t c = 0; c < len; c++)
      typed[i][c] = table[i].name[c] == '_' ? '-' : table[i].name[c];
    rows[i] = table[i];
    rows[i].name = typed[i];
  }
}

const OptionsRow *options_rows(int *n)
{
  pthread_once(&rows_once, make_rows);
  *n = N_ROWS;
  return rows;
}

void options_init(Options *o)
{
  *o = (Options){0};
  for (int i = 0; i < N_ROWS; i++)
    *member(o, i) = table[i].dflt;
  o->stages = STAGE_ALL;
  o->timeout = INFINITY;
  o->verbosity = 1;
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  o->threads = n < 1 ? 1 : n > 1024 ? 1024 : (int)n;
}

Status options_int(const char *name, const char *value, long long low, long long high,
                   long long *number, Err *err)
{
  char *end = NULL;
  errno = 0;
  const bool digits = *value && strspn(value, "+-0123456789") == strlen(value);
  const long long x = digits ? strtoll(value, &end, 10) : 0;
  if (!digits || *end || errno || x < low || x > high)
    return status_fail(err, STATUS_USAGE,
                       "--%s: expected a whole number from %lld to %lld, found '%s'",
                       name, low, high, value);
  *number = x;
  return STATUS_OK;
}

Status options_seconds(const char *name, const char *value, double *seconds, Err *err)
{
  Decimal d;
  if (!decimal_parse(value, strlen(value), &d) || d.near < 0 || d.near > 1e9)
    return status_fail(err, STATUS_USAGE,
                       "--%s: expected seconds from 0 to 1e9, found '%s'", name, value);
  *seconds = d.near;
  return STATUS_OK;
}

static int find_word(const char *word, size_t n, const char *const *words)
{
  for (int i = 0; words[i]; i++)
    if (strlen(words[i]) == n && !memcmp(words[i], word, n)) return i;
  return -1;
}

static Status unknown_word(const char *name, const char *value, const char *lead,
                           const char *const *words, Err *err)
{
  Text list = {0};
  for (int i = 0; words[i]; i++)
    text_add(&list, "%s%s", i ? ", " : "", words[i]);
  status_fail(err, STATUS_USAGE, "--%s: expected %s%s, found '%s'", name, lead, list.s,
              value);
  text_free(&list);
  return STATUS_USAGE;
}

Status options_word(const char *name, const char *value, const char *const *words,
                    int *index, Err *err)
{
  *index = find_word(value, strlen(value), words);
  if (*index < 0) return unknown_word(name, value, "one of ", words, err);
  return STATUS_OK;
}

static Status set_stages(Options *o, const char *value, Err *err)
{
  unsigned stages = 0;
  for (const char *word = value;;) {
    const size_t n = strcspn(word, ",");
    const int i = find_word(word, n, stage_words);
    if (i < 0)
      return unknown_word("stages", value, "a comma-separated list of ", stage_words,
                          err);
    stages |= 1u << i;
    if (!word[n]) break;
    word += n + 1;
  }
  o->stages = stages;
  return STATUS_OK;
}

static Status set_row(Options *o, const char *name, const char *value, Err *err)
{
  int n;
  options_rows(&n);
  for (int i = 0; i < n; i++) {
    if (strcmp(rows[i].name, name)) continue;
    long long x;
    const Status rc = options_int(name, value, rows[i].low, rows[i].high, &x, err);
    if (!rc) *member(o, i) = (int)x;
    return rc;
  }
  return status_fail(err, STATUS_USAGE, "--%s: no such option", name);
}

Status options_set(Options *o, const char *name, const char *value, Err *err)
{
  long long x = 0;
  Status rc;
  if (!strcmp(name, "timeout")) {
    rc = options_seconds(name, value, &o->timeout, err);
  } else if (!strcmp(name, "memory")) {
    rc = options_int(name, value, 1, 1LL << 30, &x, err);
    if (!rc) o->memory = (size_t)x << 20;
  } else if (!strcmp(name, "threads")) {
    rc = options_int(name, value, 1, 1024, &x, err);
    if (!rc) o->threads = (int)x;
  } else if (!strcmp(name, "seed")) {
    rc = options_int(name, value, 0, INT64_MAX, &x, err);
    if (!rc) o->seed = (uint64_t)x;
  } else if (!strcmp(name, "stages")) {
    rc = set_stages(o, value, err);
  } else if (!strcmp(name, "split")) {
    int i;
    rc = options_word(name, value, split_words, &i, err);
    if (!rc) o->split = (SplitKind)i;
  } else if (!strcmp(name, "semantics")) {
    int i;
    rc = options_word(name, value, options_semantics, &i, err);
    if (!rc) o->semantics = (Semantics)i;
    o->has_semantics = true;
  } else if (!strcmp(name, "format")) {
    int i;
    rc = options_word(name, value, format_words, &i, err);
    if (!rc) o->format = (Format)i;
    o->has_format = true;
  } else if (!strcmp(name, "witness")) {
    if (!*value)
      return status_fail(err, STATUS_USAGE, "--witness: expected a file name");
    o->witness = value;
    rc = STATUS_OK;
  } else if (!strcmp(name, "certificate")) {
    if (!*value)
      return status_fail(err, STATUS_USAGE, "--certificate: expected a file name");
    o->certificate = value;
    rc = STATUS_OK;
  } else if (!strcmp(name, "witness-format")) {
    int i;
    rc = options_word(name, value, witness_words, &i, err);
    if (!rc) o->witness_format = (WitnessFormat)i;
  } else {
    rc = set_row(o, name, value, err);
  }
  return rc;
}

void options_json(const Options *o, Text *out)
{
  text_add(out, "{\"timeout\": ");
  jsonout_number(out, o->timeout);
  if (o->memory)
    text_add(out, ", \"memory\": %zu", o->memory >> 20);
  else
    text_add(out, ", \"memory\": null");
  text_add(out, ", \"threads\": %d, \"seed\": %llu, \"stages\": [", o->threads,
           (unsigned long long)o->seed);
  const char *comma = "";
  for (int i = 0; stage_words[i]; i++) {
    if (!(o->stages & 1u << i)) continue;
    text_add(out, "%s\"%s\"", comma, stage_words[i]);
    comma = ", ";
  }
  text_add(out, "], \"split\": \"%s\", \"semantics\": \"%s\"", split_words[o->split],
           options_semantics[o->semantics]);
  for (int i = 0; i < N_ROWS; i++)
    text_add(out, ", \"%s\": %d", table[i].name, *member_const(o, i));
  text_add(out, "}");
}
