/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vector of three numbers from a CSV file: all of it, or one of the first rows. */
#include "specs/csv.h"

#include <math.h>

#include "net/base/mem.h"
#include "tests/fuzz/target.h"

enum { N = 3 };

static void body(const File *file)
{
  TargetFile f = target_file(file);
  for (int row = -1; row < 3; row++) {
    Err err = {0};
    double *x = mem_array(N, sizeof *x); /* exactly so long: writing beyond is seen */
    const Status rc = csv_read(f.path, row, N, x, &err);
    TARGET_REQUIRE(rc == err.code);
    target_check_error(f.path, rc ? NULL : x, &err, 1);
    for (int i = 0; !rc && i < N; i++)
      TARGET_REQUIRE(isfinite(x[i]));
    mem_free(x);
    status_reset(&err);
  }
  target_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
