/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/problem: which file is which network, which variable is which tensor of its
 * model, values inside a model, and every line that refuses something.  The models are
 * small enough to compute here. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/eval.h"
#include "specs/assignment.h"
#include "specs/problem.h"
#include "tests/support/folder.h"
#include "tests/support/layers.h"

TestSuite(problem, .timeout = 60);

/* ---- models --------------------------------------------------------------- */

/* a [1,2], b [1,3]: s = relu a, t = -b */
static MakeOnnx *model_ports(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "a", 2, (int64_t[]){1, 2});
  make_onnx_input(m, "b", 2, (int64_t[]){1, 3});
  make_onnx_node(m, "Relu", "a", "s");
  make_onnx_node(m, "Neg", "b", "t");
  make_onnx_output(m, "s");
  make_onnx_output(m, "t");
  return m;
}

/* x [?, ?, 2] -> y = relu (x M) */
static MakeOnnx *model_open(void)
{
  static const float M[4] = {1, 2, -1, 0.5F};
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 3, (int64_t[]){-1, -1, 2});
  make_onnx_floats(m, "M", 2, (int64_t[]){2, 2}, M);
  make_onnx_node(m, "MatMul", "x M", "p");
  make_onnx_node(m, "Relu", "p", "y");
  make_onnx_output(m, "y");
  return m;
}

static MakeOnnx *model_softmax(void)
{
  MakeOnnx *m = make_onnx_new(13);
  make_onnx_input(m, "x", 2, (int64_t[]){1, 2});
  make_onnx_node(m, "Softmax", "x", "y");
  make_onnx_output(m, "y");
  return m;
}

/* ---- files ---------------------------------------------------------------- */

static void setup(void)
{
  folder_make();
  folder_write_model("chain.onnx", layers_model());
  folder_write_model("ports.onnx", model_ports());
  folder_write_model("open.onnx", model_open());
  folder_write_model("softmax.onnx", model_softmax());
  folder_write_text(
      "hand.json",
      "{\"input\": 2, \"layers\": [{\"type\": \"dense\", \"weights\": [[1, -1]]}]}");
}

/* Networks as "f=chain.onnx g=ports.onnx" or "chain.onnx". */
static Status load_with(const char *nets, const char *spec, bool strict, bool float32,
                        Problem *p, Err *err)
{
  ProblemNet net[4];
  char *list = mem_strdup(nets), *rest = list, *paths[4];
  int n = 0;
  folder_write_text("spec", spec);
  for (char *word; (word = strsep(&rest, " "));) {
    char *const equals = strchr(word, '=');
    if (equals) *equals = '\0';
    paths[n] = folder_file(equals ? equals + 1 : word);
    net[n] = (ProblemNet){equals ? word : NULL, paths[n]};
    n++;
  }
  char *spec_path = folder_file("spec");
  const ProblemFiles files = {net, n, spec_path, strict, float32};
  const Status rc = problem_load(&files, p, err);
  for (int k = 0; k < n; k++)
    mem_free(paths[k]);
  mem_free(spec_path);
  mem_free(list);
  return rc;
}

static Problem load(const char *nets, const char *spec)
{
  Err err = {0};
  Problem p;
  cr_assert_eq(load_with(nets, spec, false, false, &p, &err), STATUS_OK, "%s\n%s", spec,
               err.text);
  return p;
}

#define V2 "(vnnlib-version <2.1>)\n"
#define F(in, out)                                                                     \
  "(declare-network f (declare-input X real " in ")(declare-output Y real " out "))\n"
#define BOX2                                                                           \
  "(assert (and (>= X[0,0] -1.0)(<= X[0,0] 1.0)(>= X[0,1] -1.0)(<= X[0,1] 1.0)))"

static const ScopeTensor *tensor(const Problem *p, const char *name)
{
  const int k = scope_find_tensor(p->prop->scope, name, strlen(name));
  cr_assert_geq(k, 0, "%s", name);
  return &p->prop->scope->tensor[k];
}

/* ---- values inside a model ------------------------------------------------ */

static void expect_values(const Problem *p, const char *name, const double *y,
                          const double *want, int n)
{
  const ScopeTensor *const t = tensor(p, name);
  cr_assert_eq(t->size, n);
  for (int i = 0; i < n; i++)
    cr_assert_eq(y[t->first + i], want[i], "%s[%d] is %g, not %g", name, i,
                 y[t->first + i], want[i]);
}

/* Each of two copies names values that the other does not. */
Test(problem, hidden_values_are_those_of_the_model, .init = setup,
     .fini = folder_remove)
{
  Problem p =
      load("chain.onnx",
           V2 "(declare-network f (declare-input X real [1,2])"
              "(declare-hidden H real [1,3] \"h\")(declare-output Y real [1,2]))\n"
              "(declare-network g (equal-to f) (declare-input U real [1,2])"
              "(declare-hidden Z real [1,3] \"z\")(declare-hidden K real [1,3] \"h\")"
              "(declare-hidden L real [1,2] \"y\")(declare-output T real [1,2]))\n" BOX2
              "(assert (and (== U[0,0] X[0,1]) (>= U[0,1] -1.0)(<= U[0,1] 1.0)))"
              "(assert (>= (+ H[0,2] Z[0,1]) (* 2.0 T[0,0])))");
  cr_assert_eq(p.prop->scope->n_in, 4);
  cr_assert_eq(p.prop->n_in, 3, "one is equated");
  cr_assert_eq(net_in_size(p.net), 3);
  cr_assert_eq(net_out_size(p.net), p.prop->n_out);
  double *y = mem_doubles0((size_t)p.prop->n_out);
  float *y32 = mem_array((size_t)p.prop->n_out, sizeof *y32);
  Prng rng = prng_init(1);
  for (int round = 0; round < 50; round++) {
    /* Multiples of 1/8: everything is exact in float32, too. */
    double in[4], x[3], z[3], h[3], out[2];
    for (int i = 0; i < 4; i++)
      in[i] = 0.125 * (prng_below(&rng, 17) - 8);
    in[2] = in[1];
    for (int i = 0; i < 4; i++)
      x[assignment_input(p.prop, i)] = in[i];
    eval_double(p.net, x, y);
    eval_float(p.net, x, y32);
    for (int j = 0; j < p.prop->n_out; j++)
      cr_assert_eq(y[j], (double)y32[j]);
    layers_values(in, z, h, out);
    expect_values(&p, "H", y, h, 3);
    expect_values(&p, "Y", y, out, 2);
    layers_values(in + 2, z, h, out);
    expect_values(&p, "Z", y, z, 3);
    expect_values(&p, "K", y, h, 3);
    expect_values(&p, "L", y, out, 2);
    expect_values(&p, "T", y, out, 2);
  }
  /* The row speaks of the three that the text names. */
  const PropRow *const row = &p.prop->cases[0].rows[0];
  cr_assert_eq(row->n, 3);
  int seen = 0;
  for (int j = 0; j < 3; j++)
    seen += row->var[j] == tensor(&p, "H")->first + 2 ||
            row->var[j] == tensor(&p, "Z")->first + 1 ||
            row->var[j] == tensor(&p, "T")->first;
  cr_expect_eq(seen, 3);
  mem_free(y);
  mem_free(y32);
  problem_free(&p);
}

/* An input, and a stored constant. */
Test(problem, inputs_and_constants_may_be_hidden_values, .init = setup,
     .fini = folder_remove)
{
  Problem p = load(
      "chain.onnx", V2
      "(declare-network f (declare-input X real [1,2])"
      "(declare-hidden I real [1,2] \"x\")(declare-hidden C real [2,3] \"W\")"
      "(declare-output Y real [1,2]))\n" BOX2 "(assert (>= (+ I[0,1] C[1,0]) X[0,0]))");
  const double x[2] = {0.5, -1}, weights[6] = {1, -2, 0.5, 3, 1, -1};
  double *y = mem_doubles0((size_t)p.prop->n_out), z[3], h[3], out[2];
  eval_double(p.net, x, y);
  layers_values(x, z, h, out);
  expect_values(&p, "I", y, x, 2);
  expect_values(&p, "C", y, weights, 6);
  expect_values(&p, "Y", y, out, 2);
  mem_free(y);
  problem_free(&p);
}

/* ---- several inputs and outputs ------------------------------------------- */

#define BOX5                                                                           \
  "(assert (and (>= A[0,0] 0.0)(<= A[0,0] 1.0)(>= A[0,1] 0.0)(<= A[0,1] 1.0)"          \
  "(>= B[0,0] 2.0)(<= B[0,0] 3.0)(>= B[0,1] 2.0)(<= B[0,1] 3.0)(>= B[0,2] 2.0)"        \
  "(<= B[0,2] 3.0)))"

static void expect_ports(const char *declarations)
{
  Text spec = {0};
  text_add(&spec, V2 "(declare-network f %s)" BOX5 "(assert (<= S[0,0] T[0,2]))",
           declarations);
  Problem p = load("ports.onnx", spec.s);
  const double x[5] = {0.5, -2, 3, 4, 5};
  const double s[2] = {0.5, 0}, t[3] = {-3, -4, -5};
  double y[5];
  cr_assert_eq(tensor(&p, "A")->first, 0);
  cr_assert_eq(tensor(&p, "B")->first, 2);
  for (int i = 0; i < 5; i++)
    cr_assert_eq(p.prop->boxes[0].lo[i], i < 2 ? 0 : 2);
  eval_double(p.net, x, y);
  expect_values(&p, "S", y, s, 2);
  expect_values(&p, "T", y, t, 3);
  problem_free(&p);
  text_free(&spec);
}

Test(problem, variables_are_by_order_or_by_name, .init = setup, .fini = folder_remove)
{
  expect_ports("(declare-input A real [1,2])(declare-input B real [1,3])"
               "(declare-output S real [1,2])(declare-output T real [1,3])");
  expect_ports(
      "(declare-input B real [1,3] \"b\")(declare-input A real [1,2] \"a\")"
      "(declare-output T real [1,3] \"t\")(declare-output S real [1,2] \"s\")");
}

/* ---- open dimensions ------------------------------------------------------ */

/* y of an input of n rows, each by itself. */
static void expect_rows(const char *in, const char *out, int n)
{
  Text spec = {0};
  text_add(&spec,
           V2 "(declare-network f (declare-input X real %s)(declare-output Y real %s))",
           in, out);
  text_add(&spec, "(assert (and");
  for (int i = 0; i < n; i++)
    for (int j = 0; j < 2; j++)
      text_add(&spec, "(>= X[0,%d,%d] 0.0)(<= X[0,%d,%d] 1.0)", i, j, i, j);
  text_add(&spec, "))");
  Problem p = load("open.onnx", spec.s);
  cr_assert_eq(net_in_size(p.net), 2 * n);
  double *x = mem_doubles0((size_t)(2 * n)), *y = mem_doubles0((size_t)(2 * n));
  Prng rng = prng_init((uint64_t)n);
  for (int i = 0; i < 2 * n; i++)
    x[i] = 0.25 * (prng_below(&rng, 9) - 4);
  eval_double(p.net, x, y);
  for (int i = 0; i < n; i++) {
    const double a = x[2 * i] - x[2 * i + 1], b = 2 * x[2 * i] + 0.5 * x[2 * i + 1];
    cr_assert_eq(y[2 * i], a > 0 ? a : 0);
    cr_assert_eq(y[2 * i + 1], b > 0 ? b : 0);
  }
  mem_free(x);
  mem_free(y);
  problem_free(&p);
  text_free(&spec);
}

Test(problem, open_dimensions_are_those_of_the_declaration, .init = setup,
     .fini = folder_remove)
{
  expect_rows("[1,1,2]", "[1,1,2]", 1);
  expect_rows("[1,3,2]", "[1,3,2]", 3);
  expect_rows("[1,7,2]", "[1,7,2]", 7);
  /* The batch, too. */
  Problem p = load(
      "open.onnx",
      V2 F("[2,1,2]",
           "[2,1,2]") "(assert (and (>= X[0,0,0] 0.0)(<= X[0,0,0] 1.0)(>= X[0,0,1] 0.0)"
                      "(<= X[0,0,1] 1.0)(>= X[1,0,0] 0.0)(<= X[1,0,0] 1.0)"
                      "(>= X[1,0,1] 0.0)(<= X[1,0,1] 1.0)))");
  double y[4];
  eval_double(p.net, (double[]){1, 0, 0, 1}, y);
  cr_expect(y[0] == 1 && y[1] == 2 && y[2] == 0 && y[3] == 0.5);
  problem_free(&p);
}

/* ---- mistakes ------------------------------------------------------------- */

#define G_EQUAL                                                                        \
  "(declare-network g (equal-to f)(declare-input U real [1,2])"                        \
  "(declare-output T real [1,2]))\n"
#define G_OTHER                                                                        \
  "(declare-network g (isomorphic-to f)(declare-input U real [1,2])"                   \
  "(declare-output T real [1,2]))\n"
#define CHAIN V2 F("[1,2]", "[1,2]")
#define V1                                                                             \
  "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"           \
  "(declare-const Y_1 Real)"

typedef struct {
  const char *nets, *spec;
  Status code;
  const char *start; /* of the line, behind the folder */
  const char *fragment;
} Bad;

static const Bad bad[] = {
    /* files */
    {"missing.onnx", CHAIN BOX2, STATUS_NO_INPUT, "/missing.onnx: ", "No such file"},
    {"chain.onnx", CHAIN G_OTHER BOX2, STATUS_USAGE, "/spec: ",
     "several networks are declared, but one file is given; expected --network f=FILE "
     "--network g=FILE"},
    {"f=chain.onnx", CHAIN G_OTHER BOX2, STATUS_USAGE,
     "/spec: ", "no file for network g; expected --network f=FILE --network g=FILE"},
    {"f=chain.onnx h=chain.onnx", CHAIN G_OTHER BOX2, STATUS_USAGE,
     "/spec: ", "no network is called h;"},
    {"f=chain.onnx f=chain.onnx", CHAIN BOX2, STATUS_USAGE,
     "/spec: ", "two files for network f; expected --network f=FILE"},
    {"f=chain.onnx g=chain.onnx", CHAIN G_EQUAL BOX2, STATUS_USAGE,
     "/spec: ", "no file is needed for a network that equals another, g"},
    {"f=chain.onnx g=chain.onnx", V1, STATUS_USAGE,
     "/spec: ", "this specification is about one network, but 2 are given"},
    {"f=chain.onnx g=chain.onnx", "{\"center\": [0,0]}", STATUS_USAGE,
     "/spec: ", "about one network, but 2 are given"},
    {"chain.onnx", "hello", STATUS_DATA, "/spec:1:1: ", "expected a specification"},
    {"chain.onnx", V2, STATUS_DATA, "/spec:2:1: ", "(declare-network ...)"},
    /* shapes and types */
    {"chain.onnx", V2 F("[1,3]", "[1,2]"), STATUS_DATA,
     "/spec:2:35: ", "X is declared as [1,3], but is [1,2] in"},
    {"chain.onnx", V2 F("[1,2]", "[3]"), STATUS_DATA,
     "/spec:2:64: ", "Y is declared as [3], but is [1,2] in"},
    {"hand.json", V2 F("[3]", "[1]"), STATUS_DATA,
     "/spec:2:35: ", "X is declared as [3], but is [2] in"},
    /* which variable is which tensor */
    {"chain.onnx",
     V2 "(declare-network f (declare-input X real [1,2])(declare-input U real [1,2])\n"
        "(declare-output Y real [1,2]))",
     STATUS_DATA, "/spec:2:63: ", "U is one more than there are in"},
    {"ports.onnx", V2 F("[1,2]", "[1,2]"), STATUS_DATA,
     "/spec:2:18: ", "network f declares 1 inputs and 1 outputs, but"},
    {"ports.onnx",
     V2 "(declare-network f (declare-input A real [1,2] \"c\")(declare-input B real "
        "[1,3])(declare-output S real [1,2])(declare-output T real [1,3]))",
     STATUS_DATA, "/spec:2:35: ", "A is called by a name that is none of"},
    {"ports.onnx",
     V2 "(declare-network f (declare-input A real [1,3] \"b\")(declare-input B real "
        "[1,3])(declare-output S real [1,2])(declare-output T real [1,3]))",
     STATUS_DATA, "/spec:2:67: ", "B is what another variable is already"},
    {"ports.onnx",
     V2 "(declare-network f (declare-input A real [1,2])(declare-input B real [1,3])\n"
        "(declare-output S real [1,3] \"t\")(declare-output T real [1,3]))",
     STATUS_DATA, "/spec:3:50: ", "T is what another variable is already"},
    {"ports.onnx",
     V2 "(declare-network f (declare-input A real [1,2] \"b\")(declare-input B real "
        "[1,3] \"b\")(declare-output S real [1,2])(declare-output T real [1,3]))",
     STATUS_DATA, "/spec:2:67: ", "B has the same name in the model as A"},
    /* hidden values */
    {"chain.onnx",
     V2 "(declare-network f (declare-input X real [1,2])(declare-hidden H real [1,3] "
        "\"nope\")(declare-output Y real [1,2]))",
     STATUS_DATA, "/chain.onnx: ",
     "no node has an output 'nope', which the specification declares as hidden"},
    {"chain.onnx",
     V2 "(declare-network f (declare-input X real [1,2])(declare-hidden H real [1,4] "
        "\"h\")(declare-output Y real [1,2]))",
     STATUS_DATA, "/spec:2:64: ", "H is declared as [1,4], but is [1,3] in"},
    {"chain.onnx",
     V2 "(declare-network f (declare-input X real [1,2])(declare-hidden H real [1,3] "
        "\"h\")\n(declare-hidden K real [1,3] \"h\")(declare-output Y real [1,2]))",
     STATUS_DATA, "/spec:3:17: ", "K has the same name in the model as H"},
    {"hand.json",
     V2 "(declare-network f (declare-input X real [2])(declare-hidden H real [1,3] "
        "\"h\")(declare-output Y real [1]))",
     STATUS_UNSUPPORTED, "/hand.json: ", "only ONNX models have names inside"},
    /* open dimensions */
    {"open.onnx", V2 F("[6,2]", "[6,2]"), STATUS_UNSUPPORTED, "/open.onnx: ",
     "dimension 1 is not fixed; only the first, the batch, may be open, unless the "
     "specification says in VNN-LIB 2 what they are"},
    {"open.onnx", V1, STATUS_UNSUPPORTED, "/open.onnx: ", "dimension 1 is not fixed"},
    {"open.onnx", V2 F("[1,3,3]", "[1,3,2]"), STATUS_DATA,
     "/spec:2:35: ", "X is declared as [1,3,3], but is [1,3,2] in"},
    {"open.onnx", V2 F("[1,3,2]", "[1,4,2]"), STATUS_DATA,
     "/spec:2:66: ", "Y is declared as [1,4,2], but is [1,3,2] in"},
};

static void expect_refusal(const Bad *b, Status rc, const Problem *p, Err *err)
{
  char start[200];
  snprintf(start, sizeof start, "%s%s", folder_path(), b->start);
  cr_expect_eq(rc, b->code, "%s: %d", b->spec, rc);
  cr_assert(err->text, "accepted: %s", b->spec);
  cr_expect(!strncmp(err->text, start, strlen(start)), "%s\n%s", b->spec, err->text);
  cr_expect(strstr(err->text, b->fragment), "%s\n%s", b->spec, err->text);
  cr_expect_null(strchr(err->text, '\n'), "%s", err->text);
  cr_expect(!p->net && !p->prop);
  status_reset(err);
}

Test(problem, every_mistake_is_one_line, .init = setup, .fini = folder_remove)
{
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    Err err = {0};
    Problem p;
    const Status rc = load_with(bad[k].nets, bad[k].spec, false, false, &p, &err);
    expect_refusal(&bad[k], rc, &p, &err);
  }
}

/* Read with a note; strict, refused. */
static const Bad lax[] = {
    {"chain.onnx",
     V2 "(declare-network f (declare-input X real [2])(declare-output Y real [1,2]))\n"
        "(assert (and (>= X[0] -1.0)(<= X[0] 1.0)(>= X[1] -1.0)(<= X[1] 1.0)))",
     STATUS_DATA, "/spec:2:35: ", "X is declared as [2], but is [1,2] in"},
    {"chain.onnx",
     V2 "(declare-network f (declare-input X float64 [1,2])(declare-output Y real "
        "[1,2]))\n" BOX2 "(assert (<= Y[0,0] 1.0))",
     STATUS_DATA, "/spec:2:35: ", "the model has another type here"},
};

Test(problem, what_is_read_with_a_note_is_refused_when_strict, .init = setup,
     .fini = folder_remove)
{
  for (size_t k = 0; k < sizeof lax / sizeof *lax; k++) {
    Err err = {0};
    Problem p = load(lax[k].nets, lax[k].spec);
    const char *const notes = p.prop->scope->notes.s;
    cr_expect(notes && strstr(notes, lax[k].fragment), "%s", notes ? notes : "none");
    problem_free(&p);
    const Status rc = load_with(lax[k].nets, lax[k].spec, true, false, &p, &err);
    expect_refusal(&lax[k], rc, &p, &err);
  }
  /* And nothing of a good one. */
  Err err = {0};
  Problem p;
  cr_assert_eq(load_with("chain.onnx", CHAIN BOX2 "(assert (<= Y[0,0] 1.0))", true,
                         false, &p, &err),
               STATUS_OK, "%s", err.text);
  cr_expect_null(p.prop->scope->notes.s);
  problem_free(&p);
}

Test(problem, float32_refuses_operators_without_it, .init = setup,
     .fini = folder_remove)
{
  static const char spec[] = CHAIN BOX2 "(assert (<= Y[0,0] 1.0))";
  Err err = {0};
  Problem p;
  cr_assert_eq(load_with("softmax.onnx", spec, false, false, &p, &err), STATUS_OK, "%s",
               err.text);
  problem_free(&p);
  cr_expect_eq(load_with("softmax.onnx", spec, false, true, &p, &err),
               STATUS_UNSUPPORTED);
  cr_expect(err.text && strstr(err.text, "softmax.onnx"), "%s", err.text);
  cr_expect(!p.net && !p.prop);
  status_reset(&err);
}
