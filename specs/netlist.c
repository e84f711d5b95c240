/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/netlist.h"

#include <string.h>

#include "net/base/mem.h"

typedef struct {
  const char *at;
  char *out; /* where the next string is written */
} Cursor;

static char next(Cursor *c)
{
  c->at += strspn(c->at, " \t\r\n");
  return *c->at;
}

static bool take(Cursor *c, char wanted)
{
  if (next(c) != wanted) return false;
  c->at++;
  return true;
}

/* A quoted string that is not empty, copied to c->out; NULL when there is none. */
static const char *string(Cursor *c)
{
  const char quote = next(c);
  if (quote != '\'' && quote != '"') return NULL;
  char *const start = c->out;
  for (c->at++; *c->at && *c->at != quote; c->at++) {
    if (*c->at == '\\' && (c->at[1] == '\\' || c->at[1] == '\'' || c->at[1] == '"'))
      c->at++;
    *c->out++ = *c->at;
  }
  if (!*c->at || c->out == start) return NULL;
  c->at++;
  *c->out++ = '\0';
  return start;
}

static bool pair(Cursor *c, ProblemNet *net)
{
  if (!take(c, '(')) return false;
  net->name = string(c);
  if (!net->name || !take(c, ',')) return false;
  net->path = string(c);
  if (!net->path) return false;
  take(c, ',');
  return take(c, ')');
}

bool netlist_is(const char *text)
{
  Cursor c = {.at = text};
  return take(&c, '[') && next(&c) == '(';
}

Status netlist_parse(const char *text, NetList *list, Err *err)
{
  const size_t n = strlen(text);
  *list = (NetList){.strings = mem_alloc(n + 1)};
  Cursor c = {text, list->strings};
  bool good = take(&c, '[');
  while (good && next(&c) != ']') {
    list->nets = mem_grow(list->nets, (size_t)list->n + 1, sizeof *list->nets);
    good = pair(&c, &list->nets[list->n]);
    if (good) list->n++;
    if (good && !take(&c, ',') && next(&c) != ']') good = false;
  }
  good = good && list->n > 0 && take(&c, ']') && !next(&c);
  if (good) return STATUS_OK;
  const Status rc = status_fail(
      err, STATUS_USAGE,
      "%.100s: expected networks as [('f', 'a.onnx'), ('g', 'b.onnx')], wrong at "
      "character %zu",
      text, (size_t)(c.at - text) + 1);
  netlist_reset(list);
  return rc;
}

void netlist_reset(NetList *list)
{
  mem_free(list->nets);
  mem_free(list->strings);
  *list = (NetList){0};
}

static void print_string(const char *s, Text *out)
{
  text_add(out, "'");
  for (; *s; s++)
    text_add(out, *s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
  text_add(out, "'");
}

void netlist_print(const ProblemNet *nets, int n, Text *out)
{
  for (int k = 0; k < n; k++) {
    text_add(out, k ? ", (" : "[(");
    print_string(nets[k].name, out);
    text_add(out, ", ");
    print_string(nets[k].path, out);
    text_add(out, ")");
  }
  text_add(out, "]");
}
