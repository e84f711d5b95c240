/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every specification of the benchmark data, where it is installed. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/text.h"
#include "specs/load.h"
#include "specs/prop.h"

/* How often `word` occurs. */
static int count(const File *f, const char *word)
{
  int n = 0;
  const size_t size = strlen(word);
  for (const char *c = f->data; (c = strstr(c, word)); c += size)
    n++;
  return n;
}

static void check_finite(const Prop *prop)
{
  for (int b = 0; b < prop->n_boxes; b++)
    for (int i = 0; i < prop->n_in; i++) {
      const Box *box = &prop->boxes[b];
      cr_assert(box->lo[i] <= box->hi[i] && box->lo[i] <= box->in_lo[i] &&
                box->in_hi[i] <= box->hi[i]);
    }
}

static void check_file(const char *path, int *n_files, size_t *n_bytes)
{
  File f;
  Err err = {0};
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &f, &err), STATUS_OK, "%s", err.text);
  const int n_in = count(&f, "declare-const X_"), n_out = count(&f, "declare-const Y_");
  Prop *prop = load_prop(path, n_in, n_out, &err);
  cr_assert(prop, "%s", err.text);
  cr_assert_gt(prop->n_cases, 0, "%s", path);
  cr_assert_eq(strlen(prop->sha256), 64);
  check_finite(prop);
  if (strstr(path, "acasxu") && strstr(path, "prop_6")) {
    cr_assert_eq(prop->n_cases, 8);
    cr_assert_eq(prop->n_boxes, 2);
  }
  ++*n_files;
  *n_bytes += f.size;
  prop_free(prop);
  file_free(&f);
}

static bool ends_with(const char *s, const char *end)
{
  const size_t n = strlen(s), m = strlen(end);
  return n >= m && !strcmp(s + n - m, end);
}

static void walk(const char *folder, int depth, int *n_files, size_t *n_bytes)
{
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (struct dirent *e; (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    Text path = {0};
    text_add(&path, "%s/%s", folder, e->d_name);
    struct stat info;
    if (stat(path.s, &info) == 0 && S_ISDIR(info.st_mode) && depth < 4)
      walk(path.s, depth + 1, n_files, n_bytes);
    else if (ends_with(e->d_name, ".vnnlib") || ends_with(e->d_name, ".vnnlib.gz"))
      check_file(path.s, n_files, n_bytes);
    text_free(&path);
  }
  closedir(dir);
}

Test(vnnlib_files, every_benchmark_specification_is_read)
{
  const char *const folder = "../shared/data";
  struct stat info;
  if (stat(folder, &info) != 0) cr_skip("no benchmark data in %s", folder);
  int n_files = 0;
  size_t n_bytes = 0;
  const double start = clock_now();
  walk(folder, 0, &n_files, &n_bytes);
  cr_log_info("%d files, %.1f MB, %.2f s", n_files, (double)n_bytes / 1e6,
              clock_now() - start);
  cr_assert_gt(n_files, 0);
}
