/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_witness.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "solver/jsonout.h"
#include "solver/options.h"
#include "solver/app/mistake.h"
#include "solver/app/usage.h"
#include "specs/evidence.h"
#include "solver/app/networks.h"
#include "specs/problem.h"
#include "specs/witness.h"

static const char *const format_words[] = {"text", "json", NULL};
static const char *const require_words[] = {"any", "robust", NULL};

typedef struct {
  Usage usage;
  int json, robust;
} Args;

enum { KEY_FORMAT = 0x100, KEY_REQUIRE };

static const struct argp_option options[] = {
    {"format", KEY_FORMAT, "FORMAT", 0, "text (default) or json", 0},
    {"require", KEY_REQUIRE, "KIND", 0,
     "any (default), or robust: exit 1 for a borderline witness", 0},
    {0, 0, 0, 0, 0, 0},
};

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *a = state->input;
  Err *err = &a->usage.err;
  switch (key) {
  case KEY_FORMAT:
    return usage_checked(options_word("format", arg, format_words, &a->json, err));
  case KEY_REQUIRE:
    return usage_checked(options_word("require", arg, require_words, &a->robust, err));
  default:
    return usage_key(&a->usage, key, arg);
  }
}

static const char doc[] =
    "Replay a counterexample without any search."
    "\v"
    "WITNESS is a file as 'verify --witness' writes it, text or JSON, or '-' for "
    "stdin. The first "
    "line "
    "of stdout is 'robust' (the property is violated over the reals and by float32 "
    "programs with any order of summation), 'borderline' (over the reals, but some "
    "float32 program may round it away) or 'not a witness', then a line with the first "
    "reason. Nothing in the file is believed but the point; digests in it must be "
    "those "
    "of NET and SPEC. Exit status: 0 a witness, 1 none, 64-74 errors.";

/* ---- printing ------------------------------------------------------------ */

static void print_row(const Witness *w, int j, Text *out)
{
  const PropRow *const row = &w->prop->cases[w->case_id].rows[j];
  const Ival exact = witness_row(row, w->y_lo, w->y_hi);
  const Ival any = w->row_any[j];
  text_add(out, "row");
  if (row->line) text_add(out, " of line %d", row->line);
  text_add(out, ", %s 0: exact [%.17g, %.17g], float32 in any order [%.17g, %.17g]\n",
           row->strict ? "<" : "<=", exact.lo, exact.hi, any.lo, any.hi);
}

static void print_text(const Witness *w, Text *out)
{
  const PropCase *const c = &w->prop->cases[w->case_id];
  text_add(out, "%s\ncase %d", witness_kind_word(w->kind), w->case_id);
  if (c->line) text_add(out, " (%s:%d)", w->prop->path, c->line);
  text_add(out, " is violated\n");
  for (int j = 0; j < c->n_rows; j++)
    print_row(w, j, out);
  for (int i = 0; i < w->n_out; i++)
    text_add(out,
             "Y_%d: exact [%.17g, %.17g], float32 in any order [%.9g, %.9g], left to "
             "right %.9g, pairwise %.9g, double %.17g\n",
             i, w->y_lo[i], w->y_hi[i], w->any_lo[i], w->any_hi[i], (double)w->y32[i],
             (double)w->y32_pairwise[i], w->y[i]);
}

static void print_refusal(const Args *a, const Net *net, const Prop *prop,
                          const double *x, Text *out)
{
  Text why = {0};
  witness_explain(net, prop, x, &why);
  if (a->json) {
    text_add(out, "{\n  \"kind\": \"none\",\n  \"reason\": ");
    jsonout_string(out, why.s);
    text_add(out, "\n}\n");
  } else {
    text_add(out, "not a witness\n%s\n", why.s);
  }
  text_free(&why);
}

/* ---- the check ----------------------------------------------------------- */

/* Print what x is; *code is the exit status. */
static Status check(const Args *a, const Net *net, const Prop *prop, const double *x,
                    int *code, Err *err)
{
  Text out = {0};
  Witness w;
  if (witness_replay(net, prop, x, &w)) {
    witness_complete(net, &w);
    *code = a->robust && w.kind != WITNESS_ROBUST;
    if (a->json)
      evidence_print(net, &w, &out);
    else
      print_text(&w, &out);
    witness_reset(&w);
  } else {
    *code = 1;
    print_refusal(a, net, prop, x, &out);
  }
  const Status rc = file_write("-", out.s, out.n, err);
  text_free(&out);
  return rc;
}

static Status read_point(const char *path, const Net *net, const Prop *prop, double *x,
                         Err *err)
{
  const bool is_stdin = !strcmp(path, "-");
  File file = {0};
  Status rc = file_read(is_stdin ? "/dev/stdin" : path, FILE_MAX_BYTES, &file, err);
  if (!rc) rc = evidence_read(is_stdin ? "stdin" : path, &file, net, prop, x, err);
  file_free(&file);
  return rc;
}

int cmd_witness_run(int argc, char **argv)
{
  Args a = {.usage = {.command = "check-witness",
                      .n_wanted = 3,
                      .names = {"WITNESS", "NET", "SPEC"}}};
  const struct argp argp = {options, parse_key, "WITNESS NET SPEC", doc, NULL,
                            NULL,    NULL};
  if (usage_parse(&argp, argc, argv, &a.usage, &a)) return STATUS_USAGE;
  const Status wrong = mistake_check(&a.usage);
  if (wrong) return (int)wrong;
  Err err = {0};
  int code = 0;
  Problem p = {0};
  double *x = NULL;
  Networks nets = {0};
  Status rc = round_self_test(&err);
  if (!rc) rc = networks_positional(&nets, a.usage.args[1], &err);
  const ProblemFiles files = {
      .nets = nets.nets, .n_nets = nets.n, .spec = a.usage.args[2]};
  if (!rc) rc = problem_load(&files, &p, &err);
  if (!rc) {
    x = mem_doubles0((size_t)net_in_size(p.net));
    rc = read_point(a.usage.args[0], p.net, p.prop, x, &err);
  }
  if (!rc) check(&a, p.net, p.prop, x, &code, &err);
  mem_free(x);
  problem_free(&p);
  networks_reset(&nets);
  return err.code ? usage_report(&err) : code;
}
