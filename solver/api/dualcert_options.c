/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "solver/api/handle.h"

/* Besides the rows of options.def.  The program's other options are about its output.
 */
static const char *const names[] = {"certificate", "check",     "memory",
                                    "seed",        "semantics", "split",
                                    "stages",      "threads",   "timeout"};
enum { N_NAMES = sizeof names / sizeof *names };

dualcert_options *dualcert_options_new(void)
{
  dualcert_options *o = handle_new(sizeof *o);
  if (o) options_init(&o->options);
  return o;
}

void dualcert_options_free(dualcert_options *o)
{
  if (o) handle_free(&o->handle); /* and the path of the certificate */
}

const char *dualcert_options_name(size_t index)
{
  int n;
  const OptionsRow *rows = options_rows(&n);
  if (index < N_NAMES) return names[index];
  return index < N_NAMES + (size_t)n ? rows[index - N_NAMES].name : NULL;
}

static bool is_known(const char *name)
{
  const char *known;
  for (size_t i = 0; (known = dualcert_options_name(i)); i++)
    if (!strcmp(name, known)) return true;
  return false;
}

typedef struct {
  dualcert_options *o;
  const char *name, *value;
  Err err;
} Setting;

static void set_check(Setting *s)
{
  const bool yes = !strcmp(s->value, "1");
  if (!yes && strcmp(s->value, "0"))
    status_fail(&s->err, STATUS_USAGE, "check: expected 0 or 1, found '%s'", s->value);
  else
    s->o->options.check = yes;
}

static void set(void *context)
{
  Setting *s = context;
  Options changed = s->o->options;
  if (!is_known(s->name)) {
    status_fail(&s->err, STATUS_USAGE, "%s: no such option", s->name);
  } else if (!strcmp(s->name, "check")) {
    set_check(s);
  } else if (!options_set(&changed, s->name, s->value, &s->err)) {
    if (changed.certificate != s->o->options.certificate) {
      changed.certificate = mem_strdup(s->value);
      mem_free((char *)s->o->options.certificate);
    }
    s->o->options = changed;
  }
}

int dualcert_options_set(dualcert_options *o, const char *name, const char *value)
{
  if (!o) return DUALCERT_USAGE;
  if (!name || !value) return handle_fail(&o->handle, DUALCERT_USAGE, NULL);
  Setting s = {.o = o, .name = name, .value = value};
  if (!handle_catch(o->handle.own, set, &s))
    return handle_fail(&o->handle, DUALCERT_SYSTEM, NULL);
  handle_clear(&o->handle);
  if (!s.err.code) return DUALCERT_OK;
  const char *text = s.err.text;
  handle_fail(&o->handle, DUALCERT_USAGE, text + (strncmp(text, "--", 2) ? 0 : 2));
  status_reset(&s.err);
  return DUALCERT_USAGE;
}

const char *dualcert_options_error(const dualcert_options *o)
{
  return o ? o->handle.error : NULL;
}

int dualcert_options_log(dualcert_options *o, int level, dualcert_log *log,
                         void *context)
{
  if (!o) return DUALCERT_USAGE;
  if (level < 0 || level > 2)
    return handle_fail(&o->handle, DUALCERT_USAGE, "the level of a log is 0, 1 or 2");
  o->level = log ? level : 0;
  o->log = log;
  o->context = context;
  return DUALCERT_OK;
}
