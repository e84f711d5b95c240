/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Specifications in JSON, for a network with two inputs and three outputs.  The name
 * "points.csv" in one leads to tests/fuzz/points.csv. */
#include "specs/jsonspec.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static const char path[] = "tests/fuzz/fuzz.json";

static void body(const File *file)
{
  Err err = {0};
  Prop *prop = jsonspec_parse(path, file, 2, 3, &err);
  /* An error in a CSV file starts with its name instead. */
  target_check_error("", prop, &err, 1);
  invariants_prop(prop);
  if (prop) TARGET_REQUIRE(prop->n_boxes == 1);
  prop_free(prop);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
