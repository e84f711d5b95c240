/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "net/reader.h"

/* Networks whose file says one thing in its name and another in its content. */
Test(reader, goes_by_content_before_the_name)
{
  char path[] = "reader-test-XXXXXX.onnx";
  const int fd = mkstemps(path, 5);
  cr_assert(fd >= 0);
  close(fd);
  const char *json = "\n {\"input\": 1, \"layers\": [{\"type\": \"relu\"}]}";
  Err err = {0};
  cr_assert_eq(file_write(path, json, strlen(json), &err), STATUS_OK);
  Net *net = reader_load(path, &err);
  cr_expect(net, "%s", err.text);
  cr_expect(net && !strcmp(net->path, path) && strlen(net->sha256) == 64);
  net_free(net);
  const char *nnet = "// a comment\n1,2\n";
  cr_assert_eq(file_write(path, nnet, strlen(nnet), &err), STATUS_OK);
  cr_expect_null(reader_load(path, &err));
  cr_expect(err.text && strstr(err.text, ":2: the line of sizes"), "%s", err.text);
  status_reset(&err);
  unlink(path);
}

Test(reader, says_when_a_file_is_missing)
{
  Err err = {0};
  cr_expect_null(reader_load("no-such-file.onnx", &err));
  cr_expect_eq(err.code, STATUS_NO_INPUT);
  cr_expect(strstr(err.text, "no-such-file.onnx"));
  status_reset(&err);
}

/* ---- golden vectors ------------------------------------------------------ */

static int read_doubles(char *text, double *v, int room)
{
  int n = 0;
  for (char *end;; text = end, n++) {
    const double x = strtod(text, &end);
    if (end == text) return n;
    if (n < room) v[n] = x;
  }
}

/* Lines "X ..." and "Y ..."; files with several outputs give only the first ones. */
static void compare_with_vectors(const Net *net, const char *path)
{
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file);
  const int n_in = net_in_size(net), n_out = net_out_size(net);
  double *x = mem_doubles0((size_t)n_in), *y = mem_doubles((size_t)n_out);
  double *want = mem_doubles0((size_t)n_out);
  char *line = NULL;
  size_t room = 0;
  int n_vectors = 0;
  while (getline(&line, &room, file) > 0) {
    if (line[0] == 'X') cr_expect_eq(read_doubles(line + 1, x, n_in), n_in, "%s", path);
    if (line[0] != 'Y') continue;
    const int n = read_doubles(line + 1, want, n_out);
    cr_expect(n >= 1 && n <= n_out, "%s", path);
    eval_double(net, x, y);
    double size = 1e-30;
    for (int i = 0; i < n; i++)
      size = fmax(size, fabs(want[i]));
    for (int i = 0; i < n; i++)
      cr_expect(fabs(y[i] - want[i]) <= 1e-5 * size, "%s: output %d is %g, expected %g",
                path, i, y[i], want[i]);
    n_vectors++;
  }
  cr_expect(n_vectors > 0, "%s", path);
  free(line);
  fclose(file);
  mem_free(x);
  mem_free(y);
  mem_free(want);
}

/* DIR/onnx/NAME.onnx[.gz] -> DIR/io/NAME.txt */
static void vectors_path(const char *onnx, char *text, size_t room)
{
  const char *slash = strrchr(onnx, '/'), *dot = strstr(slash, ".onnx");
  const int folder = (int)(slash - onnx) - 5;
  snprintf(text, room, "%.*s/io/%.*s.txt", folder, onnx, (int)(dot - slash) - 1,
           slash + 1);
}

static void check_network(const char *path, int *n_loaded, int *n_compared)
{
  Err err = {0};
  Net *net = reader_load(path, &err);
  if (net) {
    char vectors[4096];
    vectors_path(path, vectors, sizeof vectors);
    ++*n_loaded;
    if (access(vectors, R_OK) == 0) {
      compare_with_vectors(net, vectors);
      ++*n_compared;
    }
  } else {
    cr_expect_eq(err.code, STATUS_UNSUPPORTED, "%s", err.text);
    printf("unsupported: %.*s\n", (int)strcspn(err.text, "\n"), err.text);
  }
  net_free(net);
  status_reset(&err);
}

Test(reader, agrees_with_the_golden_vectors)
{
  glob_t found;
  if (glob("../shared/data/*/onnx/*.onnx*", 0, NULL, &found) != 0)
    cr_skip_test("no benchmark data beside the repository");
  int n_loaded = 0, n_compared = 0;
  for (size_t i = 0; i < found.gl_pathc; i++)
    check_network(found.gl_pathv[i], &n_loaded, &n_compared);
  printf("%zu networks: %d loaded, %d compared with golden vectors\n", found.gl_pathc,
         n_loaded, n_compared);
  fflush(stdout);
  cr_expect(n_loaded > 0 && n_compared > 0);
  globfree(&found);
}
