/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dualcert-check FILE NET SPEC: is the certificate a proof?  docs/certificates.md. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/check/check.h"
#include "specs/check/dump.h"
#include "specs/netlist.h"
#include "specs/problem.h"

typedef struct {
  bool verbose, dump, exact;
  long limit;
  const char *file[3];
  int n_files;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
  Arguments *const a = state->input;
  char *end = NULL;
  switch (key) {
  case 'v':
    a->verbose = true;
    return 0;
  case 'x':
    a->exact = true;
    return 0;
  case 'd':
    a->dump = true;
    return 0;
  case 'n':
    a->limit = strtol(arg, &end, 10);
    if (!*arg || *end) argp_error(state, "--numbers: expected a whole number");
    return 0;
  case ARGP_KEY_ARG:
    if (a->n_files == 3) argp_error(state, "too many arguments");
    a->file[a->n_files++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (a->n_files != (a->dump ? 2 : 3))
      argp_error(state, a->dump ? "--dump takes NET SPEC"
                                : "expected a certificate, a network, a specification");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option options[] = {
    {"verbose", 'v', NULL, 0, "What was read, how much was checked, seconds", 0},
    {"exact", 'x', NULL, 0,
     "Without rounding and error terms: numbers of any length, for small networks", 0},
    {"dump", 'd', NULL, 0,
     "Write the network and each query as plain text: nodes, numbers, boxes, cases", 0},
    {"numbers", 'n', "N", 0, "At most N numbers of an array in a dump (-1: all)", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static const struct argp arguments = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE NET SPEC\n--dump NET SPEC",
    .doc = "Check that a certificate written by `dualcert verify --certificate FILE` "
           "proves that the network NET has the property SPEC.\v"
           "Exit status: 0 accepted, 1 refused (the reason is printed), 64 to 74 when "
           "something cannot be read, as sysexits.h has it."};

static void dump(const Net *net, const Prop *prop, long limit)
{
  printf("network sha256 %s\nspecification sha256 %s\n", net->sha256, prop->sha256);
  for (int q = 0; q < query_count(prop); q++) {
    Query query;
    query_build(net, prop, q, &query);
    dump_query(stdout, &query, q, limit);
    query_reset(&query);
  }
}

static void tell(const CheckReport *r, const Net *net, const Prop *prop, bool exact,
                 double seconds)
{
  printf("network        %s\nspecification  %s\n", net->sha256, prop->sha256);
  printf("semantics      %s\narithmetic     %s\nwritten by     %s\n",
         r->is_float32 ? "float32, in any order" : "real",
         exact ? "exact" : "double, rounding subtracted",
         r->program ? r->program : "(not said)");
  printf("checked        %d of %d queries, %d of %d cases\n", r->n_queries,
         query_count(prop), r->n_cases, prop->n_cases);
  printf("leaves         %zu\nbounds         %zu\nseconds        %.2f\n", r->n_leaves,
         r->n_bounds, seconds);
}

static int judge(const Arguments *a, const Net *net, const Prop *prop, Err *err)
{
  const double start = clock_now();
  CheckReport report;
  const Status rc = check_certificate(a->file[0], net, prop, a->exact, &report, err);
  if (!rc && a->verbose) tell(&report, net, prop, a->exact, clock_now() - start);
  if (!rc && report.is_accepted)
    printf("certificate accepted%s\n", report.is_float32 ? " (semantics float32)" : "");
  else if (!rc)
    printf("certificate refused: %s\n", report.reason);
  const int status = rc ? (int)rc : report.is_accepted ? 0 : 1;
  check_report_reset(&report);
  return status;
}

int main(int argc, char **argv)
{
  Arguments a = {.limit = 16};
  Err err = {0};
  argp_err_exit_status = STATUS_USAGE;
  argp_program_version = "dualcert-check " DUALCERT_VERSION;
  argp_parse(&arguments, argc, argv, 0, NULL, &a);
  const char *const *const file = a.file + (a.dump ? 0 : 1);
  Problem p = {0};
  NetList list = {0};
  const ProblemNet one = {NULL, file[0]};
  ProblemFiles files = {.nets = &one, .n_nets = 1, .spec = file[1]};
  int status = (int)round_self_test(&err);
  if (!status && netlist_is(file[0])) {
    status = (int)netlist_parse(file[0], &list, &err);
    files.nets = list.nets;
    files.n_nets = list.n;
  }
  if (!status) status = (int)problem_load(&files, &p, &err);
  if (p.prop && a.dump) dump(p.net, p.prop, a.limit);
  if (p.prop && !a.dump) status = judge(&a, p.net, p.prop, &err);
  if (err.code) {
    fprintf(stderr, "dualcert-check: %s\n", err.text);
    status = (int)err.code;
  }
  problem_free(&p);
  netlist_reset(&list);
  status_reset(&err);
  if (fflush(stdout) != 0 && !status) status = STATUS_IO;
  return status;
}
