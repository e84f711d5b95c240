/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Specifications in VNN-LIB, for a network with as many inputs and outputs as the file
 * seems to have.  What is accepted must mean what tests/fuzz/formula.h makes of it. */
#include "specs/vnnlib.h"
#include "tests/fuzz/formula.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static void body(const File *file)
{
  const int n_in = target_count(file, "declare-const X", 1, 200);
  const int n_out = target_count(file, "declare-const Y", 1, 200);
  Err err = {0};
  Prop *prop = vnnlib_parse("fuzz.vnnlib", file->data, file->size, n_in, n_out, &err);
  target_check_error("fuzz.vnnlib", prop, &err, 1);
  invariants_prop(prop);
  formula_compare(file->data, file->size, prop, NULL);
  prop_free(prop);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
