/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/sexpr.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Status sexpr_init(Sexpr *s, const char *path, const char *text, size_t size, Err *err)
{
  *s = (Sexpr){.path = path, .text = text, .line = 1};
  if (size >= INT_MAX)
    return status_fail(err, STATUS_DATA, "%s: larger than 2 GiB", path);
  s->size = (int)size;
  if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) s->at = s->line_start = 3;
  return STATUS_OK;
}

static bool is_blank(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_atom(char c)
{
  return is_blank(c) || c == '(' || c == ')' || c == ';';
}

static void skip_blanks(Sexpr *s)
{
  const char *const text = s->text;
  int at = s->at;
  while (at < s->size) {
    const char c = text[at];
    if (c == '\n') {
      s->line++;
      s->line_start = ++at;
    } else if (is_blank(c)) {
      at++;
    } else if (c == ';') {
      const char *end = memchr(text + at, '\n', (size_t)(s->size - at));
      at = end ? (int)(end - text) : s->size;
    } else {
      break;
    }
  }
  s->at = at;
}

SexprToken sexpr_next(Sexpr *s)
{
  skip_blanks(s);
  SexprToken token = {.kind = SEXPR_END,
                      .text = s->text + s->at,
                      .line = s->line,
                      .column = s->at - s->line_start + 1};
  if (s->at == s->size) return token;
  const char *const text = s->text;
  const int start = s->at;
  int at = start + 1;
  if (text[start] == '(' || text[start] == ')') {
    token.kind = text[start] == '(' ? SEXPR_OPEN : SEXPR_CLOSE;
  } else {
    token.kind = SEXPR_ATOM;
    while (at < s->size && !ends_atom(text[at]))
      at++;
  }
  token.n = at - start;
  s->at = at;
  return token;
}

void sexpr_back(Sexpr *s, const SexprToken *token, int at)
{
  s->at = (int)(token->text - s->text) + at;
}

char sexpr_peek(Sexpr *s)
{
  skip_blanks(s);
  return (char)(s->at < s->size ? s->text[s->at] : 0);
}

void sexpr_take(Sexpr *s)
{
  if (s->at < s->size) s->at++;
}

bool sexpr_is(const SexprToken *token, const char *word)
{
  const size_t n = strlen(word);
  return token->kind == SEXPR_ATOM && (size_t)token->n == n &&
         !memcmp(token->text, word, n);
}

const char *sexpr_show(const SexprToken *token, char buffer[SEXPR_SHOW])
{
  if (token->kind == SEXPR_END) return strcpy(buffer, "the end of the file");
  char *out = buffer;
  *out++ = '"';
  for (int i = 0; i < token->n && i < 40; i++) {
    const char c = token->text[i];
    *out++ = (char)(c >= ' ' && c <= '~' ? c : '?');
  }
  strcpy(out, token->n > 40 ? "...\"" : "\"");
  return buffer;
}

Status sexpr_fail(const Sexpr *s, int line, int column, Err *err, Status code,
                  const char *format, ...)
{
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return status_fail(err, code, "%s:%d:%d: %s", s->path, line, column, text);
}

Status sexpr_expected(const Sexpr *s, const SexprToken *token, const char *what,
                      Err *err)
{
  char shown[SEXPR_SHOW];
  return sexpr_fail(s, token->line, token->column, err, STATUS_DATA,
                    "expected %s, found %s", what, sexpr_show(token, shown));
}

Status sexpr_need(Sexpr *s, SexprKind kind, const char *what, Err *err)
{
  const SexprToken token = sexpr_next(s);
  return token.kind == kind ? STATUS_OK : sexpr_expected(s, &token, what, err);
}
