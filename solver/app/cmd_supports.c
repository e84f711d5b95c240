/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/cmd_supports.h"

#include <string.h>

#include "net/base/file.h"
#include "net/base/text.h"
#include "net/lower.h"
#include "solver/app/usage.h"
#include "specs/extend.h"

/* A capability and what is printed; NULL: made from net/lower.h.  Lines are identifiers
 * of the standard; what is behind " * " says that one is supported in part. */
typedef struct {
  const char *name, *help, *answer;
} Capability;

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

static const Capability capabilities[] = {
    {"onnx-opset-versions", "First and last version of the ONNX operators",
     STRING(LOWER_OPSET_OLDEST) "\n" STRING(LOWER_OPSET_NEWEST) "\n"},
    {"onnx-element-types", "Types of tensors for which unsat is proved",
     "real\n"
     "float32 * with --strict or --semantics float32, for all operators but those "
     "whose "
     "rounding is not known; else unsat is about real numbers\n"},
    {"onnx-operators", "Operators of ONNX", NULL},
    {"vnnlib-versions", "First and last version of VNN-LIB", "1.0\n2.1\n"},
    {"hidden-node-theories", "NH, H: values inside networks", "NH\nH\n"},
    {"multiple-input-output-theories", "SIO, MIO: several inputs and outputs",
     "SIO\nMIO\n"},
    {"multiple-network-theories", "SNET, MENET, MINET, MNET: several networks",
     "SNET\nMENET\nMINET\nMNET\n"},
    {"multiple-node-comparison-theories",
     "SNC, MNC: comparisons of different variables", "SNC\nMNC\n"},
    {"arithmetic-complexity-theories", "BND, OUTC, LIN, POLY: what is compared",
     "BND\nOUTC\nLIN\nPOLY * up to degree " STRING(EXTEND_MAX_DEGREE) "\n"},
    {"optimised-disjunctive-reasoning", "Are disjuncts with one box solved together",
     "true\n"},
    {"serialise-assignments", "Is there verify --serialise-assignments", "true\n"},
};

enum { N = sizeof capabilities / sizeof capabilities[0], KEY = 0x100 };

typedef struct {
  Usage usage;
  int which; /* index, or -1 */
} Args;

static struct argp_option options[N + 1];

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
  Args *const a = state->input;
  if (key < KEY || key >= KEY + N) return usage_key(&a->usage, key, arg);
  if (a->which >= 0)
    return usage_checked(
        status_fail(&a->usage.err, STATUS_USAGE, "supports: one capability at a time"));
  a->which = key - KEY;
  return 0;
}

static const char doc[] =
    "Answer what the VNN-LIB standard asks a solver about itself, one identifier a "
    "line."
    "\v"
    "A * after an identifier marks partial support and what is missing.";

static void add_operators(Text *out)
{
  LowerOperator op;
  for (int i = 0; lower_operator(i, &op); i++) {
    const bool constant = !strcmp(op.becomes, "constants only");
    text_add(out, "%s%s\n", op.name, constant ? " * of constants and shapes" : "");
  }
}

int cmd_supports_run(int argc, char **argv)
{
  for (int k = 0; k < N; k++)
    options[k] = (struct argp_option){capabilities[k].name, KEY + k, 0, 0,
                                      capabilities[k].help, 0};
  Args a = {.usage = {.command = "supports"}, .which = -1};
  const struct argp argp = {options, parse_key, "", doc, NULL, NULL, NULL};
  if (usage_parse(&argp, argc, argv, &a.usage, &a)) return STATUS_USAGE;
  Err err = {0};
  if (a.which < 0) {
    status_fail(&err, STATUS_USAGE,
                "supports: a capability is missing; see 'dualcert supports --help'");
    return usage_report(&err);
  }
  Text out = {0};
  if (capabilities[a.which].answer)
    text_add(&out, "%s", capabilities[a.which].answer);
  else
    add_operators(&out);
  file_write("-", out.s, out.n, &err);
  text_free(&out);
  return err.code ? usage_report(&err) : 0;
}
