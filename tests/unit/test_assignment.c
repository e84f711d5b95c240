/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/assignment: counterexamples as text and as ONNX tensors.  The tensors are
 * decoded with the messages that protobuf-c makes of onnx.proto, which share nothing
 * with what wrote them. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "onnx.pb-c.h"
#include "specs/assignment.h"
#include "specs/problem.h"
#include "tests/support/folder.h"
#include "tests/support/layers.h"

TestSuite(assignment, .timeout = 60);

/* Two copies; the second input of g is the first one of f.  G is declared as float64:
 * what it may say is a double then. */
static const char spec[] =
    "(vnnlib-version <2.1>)\n(declare-network f (declare-input X real [1,2])"
    "(declare-hidden H float32 [1,3] \"h\")(declare-output Y real [1,2]))\n"
    "(declare-network g (equal-to f) (declare-input U real [1,2])"
    "(declare-hidden G float64 [1,3] \"z\")(declare-output T real [1,2]))\n"
    "(assert (and (>= X[0,0] -1.0)(<= X[0,0] 1.0)(>= X[0,1] -1.0)(<= X[0,1] 1.0)))\n"
    "(assert (and (== U[0,1] X[0,0])(>= U[0,0] -1.0)(<= U[0,0] 1.0)))\n"
    "(assert (<= (* X[0,0] Y[0,0]) 1000.0))\n";

static const double declared[4] = {0.125, -0.5, 1, 0.125};

typedef struct {
  Problem p;
  Witness w;
} World;

static void setup(void)
{
  folder_make();
  folder_write_model("layers.onnx", layers_model());
  folder_write_text("spec.vnnlib", spec);
}

static void world_make(World *world)
{
  Err err = {0};
  double x[4];
  char *net = folder_file("layers.onnx"), *file = folder_file("spec.vnnlib");
  cr_assert_eq(problem_load_pair(net, file, &world->p, &err), STATUS_OK, "%s",
               err.text);
  cr_assert_eq(assignment_reduce("here", world->p.prop, declared, x, &err), STATUS_OK);
  cr_assert(witness_replay(world->p.net, world->p.prop, x, &world->w));
  mem_free(net);
  mem_free(file);
}

static void world_free(World *world)
{
  witness_reset(&world->w);
  problem_free(&world->p);
}

/* ---- tensors -------------------------------------------------------------- */

/* DIR/NAME.pb has these numbers, as FLOAT or DOUBLE. */
static void expect_tensor(const char *name, int n_cols, bool is_double,
                          const double *want)
{
  Err err = {0};
  File file;
  Text part = {0};
  text_add(&part, "out/%s.pb", name);
  char *path = folder_file(part.s);
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &file, &err), STATUS_OK, "%s", err.text);
  Onnx__TensorProto *t =
      onnx__tensor_proto__unpack(NULL, file.size, (const uint8_t *)file.data);
  cr_assert(t, "%s is no TensorProto", name);
  cr_expect_str_eq(t->name, name);
  cr_assert_eq(t->n_dims, 2);
  cr_expect(t->dims[0] == 1 && t->dims[1] == n_cols);
  cr_assert(t->has_data_type && t->has_raw_data);
  cr_expect_eq(t->data_type, is_double ? ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE
                                       : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  const size_t each = is_double ? sizeof(double) : sizeof(float);
  cr_assert_eq(t->raw_data.len, (size_t)n_cols * each);
  for (int i = 0; i < n_cols; i++) {
    double d;
    float f;
    memcpy(is_double ? (void *)&d : (void *)&f, t->raw_data.data + (size_t)i * each,
           each);
    cr_expect_eq(is_double ? d : (double)f, want[i], "%s[%d]", name, i);
  }
  onnx__tensor_proto__free_unpacked(t, NULL);
  file_free(&file);
  text_free(&part);
  mem_free(path);
}

Test(assignment, tensors_have_names_shapes_types_and_values, .init = setup,
     .fini = folder_remove)
{
  World world;
  Err err = {0};
  char *out = folder_file("out");
  double z[3], h[3], y[2];
  world_make(&world);
  cr_assert_eq(assignment_write(world.p.net, &world.w, out, &err), STATUS_OK, "%s",
               err.text);
  layers_values(declared, z, h, y);
  expect_tensor("X", 2, false, declared);
  expect_tensor("H", 3, false, h);
  expect_tensor("Y", 2, false, y);
  layers_values(declared + 2, z, h, y);
  expect_tensor("U", 2, false, declared + 2);
  expect_tensor("G", 3, true, z);
  expect_tensor("T", 2, false, y);
  /* Into a folder that is there already, and where none can be. */
  cr_expect_eq(assignment_write(world.p.net, &world.w, out, &err), STATUS_OK);
  folder_write_text("file", "");
  char *file = folder_file("file");
  cr_expect_neq(assignment_write(world.p.net, &world.w, file, &err), STATUS_OK);
  cr_expect(err.text && strstr(err.text, file), "%s", err.text);
  status_reset(&err);
  mem_free(file);
  mem_free(out);
  world_free(&world);
}

/* ---- text ----------------------------------------------------------------- */

Test(assignment, text_has_every_variable_in_order, .init = setup, .fini = folder_remove)
{
  World world;
  Text out = {0}, want = {0};
  double z[3], h[3], y[2];
  world_make(&world);
  layers_values(declared, z, h, y);
  text_add(&want,
           "X real [1,2]\n0.125\n-0.5\nH float32 [1,3]\n%.17g\n%.17g\n%.17g\n"
           "Y real [1,2]\n%.17g\n%.17g\n",
           h[0], h[1], h[2], y[0], y[1]);
  layers_values(declared + 2, z, h, y);
  text_add(&want,
           "U real [1,2]\n1\n0.125\nG float64 [1,3]\n%.17g\n%.17g\n%.17g\n"
           "T real [1,2]\n%.17g\n%.17g\n",
           z[0], z[1], z[2], y[0], y[1]);
  assignment_print(world.p.net, &world.w, &out);
  cr_expect_str_eq(out.s, want.s);
  /* Read again it is the same point. */
  Err err = {0};
  double x[4] = {0};
  cr_assert_eq(assignment_parse("here", out.s, out.n, world.p.prop, x, &err), STATUS_OK,
               "%s", err.text);
  for (int i = 0; i < world.p.prop->n_in; i++)
    cr_expect_eq(x[i], world.w.x[i]);
  text_free(&out);
  text_free(&want);
  world_free(&world);
}

static const struct {
  const char *text, *fragment; /* NULL: accepted */
} readings[] = {
    {"X real [1,2]\n0.125 -0.5\nU real [1,2] 1 0.125", NULL},
    {"sat\nU float32 [1, 2]\n1\n1.25e-1\nX real []\n0.125\n-.5\n", NULL},
    {"((X_0 0.125)(X_1 -0.5)(X_2 1)(X_3 0.125)(Y_0 7))", NULL},
    {"X real [1,2]\n0.125 -0.5\nH real [1,3]\n1 2 3\nU real [1,2] 1 0.125", NULL},
    {"X real [1,2]\n0.125 -0.5\n", "here: the witness gives no value for U"},
    {"X real [1,2]\n0.125\nU real [1,2] 1 0.125",
     "here:3:1: expected a finite decimal"},
    {"X real [1,2]\n0.125 -0.5\nX real [1,2]\n0 0", "here:3:1: \"X\" is given twice"},
    {"X real [1,2]\n0.125 -0.5\nU real [1,2] 1 0.25", "two inputs differ that the"},
    {"X real 1,2]\n0.125 -0.5", "here:1:8: expected a shape such as [1,5]"},
    {"X real [1,2\n0.125 -0.5", "expected a shape such as [1,5]"},
    {"Q real [1,2]\n0 0", "here:1:1: expected the name of a variable"},
    {"X real [1,2]\nnan 0\n", "here:2:1: expected a finite decimal"},
    {"X", "expected a shape"},
    {"", "X"},
};

Test(assignment, bad_text_is_refused_with_its_place, .init = setup,
     .fini = folder_remove)
{
  World world;
  world_make(&world);
  for (size_t k = 0; k < sizeof readings / sizeof *readings; k++) {
    Err err = {0};
    double x[4] = {0};
    const char *const text = readings[k].text;
    const Status rc =
        assignment_parse("here", text, strlen(text), world.p.prop, x, &err);
    if (!readings[k].fragment) {
      cr_expect_eq(rc, STATUS_OK, "%s: %s", text, err.text);
      for (int i = 0; i < world.p.prop->n_in; i++)
        cr_expect_eq(x[i], world.w.x[i], "%s", text);
      continue;
    }
    cr_expect_eq(rc, STATUS_DATA, "%s", text);
    cr_expect(err.text && strstr(err.text, readings[k].fragment), "%s\n%s", text,
              err.text ? err.text : "accepted");
    status_reset(&err);
  }
  world_free(&world);
}
