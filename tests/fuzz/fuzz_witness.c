/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counterexamples as `dualcert verify` writes them.  The number of inputs is what the
 * file seems to have. */
#include "specs/witness.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "tests/fuzz/target.h"

static const char path[] = "fuzz.witness";

/* What was read, written again, is read as the same numbers. */
static void check_round_trip(const double *x, int n)
{
  Text text = {0};
  Err err = {0};
  double *again = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    text_add(&text, "%s(X_%d %.17g)", i ? "\n" : "(", i, x[i]);
  text_add(&text, ")\n");
  TARGET_REQUIRE(!witness_parse(path, text.s, text.n, n, again, &err));
  TARGET_REQUIRE(!memcmp(again, x, (size_t)n * sizeof *x));
  mem_free(again);
  text_free(&text);
}

static void body(const File *file)
{
  const int n = target_count(file, "(X_", 1, 1000);
  Err err = {0};
  double *x = mem_array((size_t)n, sizeof *x);
  const Status rc = witness_parse(path, file->data, file->size, n, x, &err);
  TARGET_REQUIRE(rc == err.code);
  target_check_error(path, rc ? NULL : x, &err, 1);
  for (int i = 0; !rc && i < n; i++)
    TARGET_REQUIRE(isfinite(x[i]));
  if (!rc) check_round_trip(x, n);
  mem_free(x);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
