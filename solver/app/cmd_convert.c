/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_convert.h"

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/reader.h"
#include "solver/app/usage.h"
#include "solver/options.h"
#include "specs/convert.h"
#include "specs/declared.h"
#include "specs/load.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"

static const char *const version_words[] = {"1.0", "2.0", NULL};

typedef struct {
  Usage usage;
  int to; /* index into version_words, or -1 */
  const char *out;
} Args;

static const struct argp_option options[] = {
    {"to", 't', "VERSION", 0, "1.0 or 2.0; must be given", 0},
    {"output", 'o', "FILE", 0, "Write there instead of to stdout", 0},
    {0, 0, 0, 0, 0, 0},
};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *a = state->input;
  switch (key) {
  case 't':
    return usage_checked(options_word("to", arg, version_words, &a->to, &a->usage.err));
  case 'o':
    a->out = arg;
    return 0;
  default:
    return usage_key(&a->usage, key, arg);
  }
}

static const char doc[] =
    "Write a VNN-LIB specification in another version."
    "\v"
    "The formula stays as it is, and so does every number. With NET the tensors of "
    "version 2.0 have the shapes of the model, without it they are vectors. What 1.0 "
    "cannot say, several networks or hidden values, is refused with exit status 69.";

/* ---- reading ------------------------------------------------------------- */

/* Both read the whole text, so that what is written comes from a good one. */

static Status check_v1(const Args *a, const Sexpr *s, const Net *net, Scope *scope,
                       Err *err)
{
  int n_in, n_out;
  if (net) {
    n_in = net_in_size(net);
    n_out = net_out_size(net);
  } else if (declared_sizes(a->usage.args[0], &n_in, &n_out, err)) {
    return err->code;
  }
  scope_init_v1(scope, n_in, n_out);
  Extend extend = {0};
  Prop *prop = vnnlib_read(s, scope, &extend, err);
  extend_reset(&extend);
  prop_free(prop);
  if (!prop) return err->code;
  scope_free_all(scope);
  scope_init_v1(scope, n_in, n_out);
  return STATUS_OK;
}

/* *s is afterwards where the assertions start. */
static Status check_v2(const File *file, Sexpr *s, Scope *scope, Err *err)
{
  Extend extend = {0};
  Prop *prop = vnnlib2_parse(s->path, file->data, file->size, false, &extend, err);
  extend_reset(&extend);
  prop_free(prop);
  if (!prop) return err->code;
  scope_init_v2(scope, false);
  const Status rc = vnnlib2_declarations(s, scope, err);
  if (!rc) vnnlib2_place(scope);
  return rc;
}

static Status convert(const Args *a, const File *file, const Net *net, Text *out,
                      Err *err)
{
  Sexpr s;
  Scope scope = {0};
  Status rc = STATUS_OK;
  const LoadFormat format = load_format(a->usage.args[0], file, err);
  if (format == LOAD_NONE) return err->code;
  if (format == LOAD_JSON)
    return status_fail(err, STATUS_UNSUPPORTED,
                       "%s: a JSON specification; only VNN-LIB is converted",
                       a->usage.args[0]);
  rc = sexpr_init(&s, a->usage.args[0], file->data, file->size, err);
  if (rc) return rc;
  rc = vnnlib2_is_text(&s) ? check_v2(file, &s, &scope, err)
                           : check_v1(a, &s, net, &scope, err);
  if (!rc) rc = convert_text(&s, &scope, a->to + 1, net, out, err);
  scope_free_all(&scope);
  return rc;
}

static Status run(const Args *a, Err *err)
{
  Net *net = NULL;
  File file = {0};
  Text out = {0};
  Status rc = round_self_test(err);
  if (!rc && a->usage.n_args > 1) {
    net = reader_load(a->usage.args[1], err);
    rc = net ? STATUS_OK : err->code;
  }
  if (!rc) rc = file_read(a->usage.args[0], PROP_MAX_BYTES, &file, err);
  if (!rc) rc = convert(a, &file, net, &out, err);
  if (!rc) rc = file_write(a->out ? a->out : "-", out.s, out.n, err);
  file_free(&file);
  text_free(&out);
  net_free(net);
  return rc;
}

int cmd_convert_run(int argc, char **argv)
{
  Args a = {.usage = {.command = "convert",
                      .n_wanted = 1,
                      .n_optional = 1,
                      .names = {"SPEC", "NET"}},
            .to = -1};
  const struct argp argp = {options, parse_key, "SPEC [NET]", doc, NULL, NULL, NULL};
  if (usage_parse(&argp, argc, argv, &a.usage, &a)) return STATUS_USAGE;
  Err err = {0};
  if (a.to < 0)
    status_fail(&err, STATUS_USAGE, "convert: --to=1.0 or --to=2.0 is missing");
  else
    run(&a, &err);
  return err.code ? usage_report(&err) : 0;
}
