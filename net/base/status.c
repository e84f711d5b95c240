/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"

/* Keys and names come from files: control characters in them would forge lines. */
static char *clean(char *text)
{
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  return text;
}

static char *format_text(const char *format, va_list args)
{
  va_list copy;
  va_copy(copy, args);
  const int n = vsnprintf(NULL, 0, format, copy);
  va_end(copy);
  if (n < 0) return mem_strdup(format);
  char *text = mem_alloc((size_t)n + 1);
  vsnprintf(text, (size_t)n + 1, format, args);
  return clean(text);
}

Status status_fail(Err *err, Status code, const char *format, ...)
{
  if (!err || err->code) return code;
  va_list args;
  va_start(args, format);
  err->text = format_text(format, args);
  va_end(args);
  err->code = code;
  return code;
}

Status status_add(Err *err, Status code, const char *format, ...)
{
  if (!err) return code;
  va_list args;
  va_start(args, format);
  char *line = format_text(format, args);
  va_end(args);
  if (!err->code) err->code = code;
  if (err->text) {
    const size_t old = strlen(err->text), more = strlen(line);
    err->text = mem_realloc(err->text, old + more + 2);
    err->text[old] = '\n';
    memcpy(err->text + old + 1, line, more + 1);
    mem_free(line);
  } else {
    err->text = line;
  }
  return err->code;
}

void status_reset(Err *err)
{
  mem_free(err->text);
  err->text = NULL;
  err->code = STATUS_OK;
}

const char *status_name(Status code)
{
  switch (code) {
  case STATUS_OK:
    return "ok";
  case STATUS_USAGE:
    return "usage";
  case STATUS_DATA:
    return "data error";
  case STATUS_NO_INPUT:
    return "cannot read";
  case STATUS_UNSUPPORTED:
    return "unsupported";
  case STATUS_INTERNAL:
    return "internal error";
  case STATUS_OS:
    return "system error";
  case STATUS_CREATE:
    return "cannot write";
  case STATUS_IO:
    return "input/output error";
  }
  return "error";
}

void status_abort(const char *function, const char *text)
{
  fprintf(stderr, "dualcert: internal error in %s: %s\n", function, text);
  abort();
}
