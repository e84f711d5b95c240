/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `dualcert eval` is given, for a network with three inputs. */
#include "solver/numbers.h"

#include <math.h>

#include "tests/fuzz/target.h"

static void body(const File *file)
{
  Err err = {0};
  Numbers v;
  const Status rc = numbers_read("fuzz.txt", file, 3, &v, &err);
  TARGET_REQUIRE(rc == err.code);
  target_check_error("fuzz.txt", rc ? NULL : &v, &err, 1);
  for (size_t i = 0; !rc && i < v.n; i++)
    TARGET_REQUIRE(isfinite(v.x[i]));
  numbers_reset(&v);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
