/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of samples, with labels and without. */
#include "solver/batch/samples.h"

#include <math.h>

#include "tests/fuzz/target.h"

static void check(const Samples *s, bool has_label)
{
  size_t at = 0;
  int line = 0;
  TARGET_REQUIRE(s->n > 0);
  for (int k = 0; k < s->n; k++) {
    const Sample *const row = &s->rows[k];
    TARGET_REQUIRE(row->line > line && row->first == at && row->n > 0);
    TARGET_REQUIRE(has_label ? row->label >= 0 : row->label == -1);
    for (size_t i = 0; i < row->n; i++)
      TARGET_REQUIRE(isfinite(s->values[row->first + i]));
    at += row->n;
    line = row->line;
  }
}

static void body(const File *file)
{
  TargetFile f = target_file(file);
  for (int has_label = 0; has_label < 2; has_label++) {
    Err err = {0};
    Samples samples;
    const Status rc = samples_read(f.path, has_label, &samples, &err);
    TARGET_REQUIRE(rc == err.code);
    target_check_error(f.path, rc ? NULL : file, &err, 1);
    if (!rc) check(&samples, has_label);
    samples_reset(&samples);
    status_reset(&err);
  }
  target_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
