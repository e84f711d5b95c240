/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "net/nnet.h"
#include "net/reader.h"

static Net *read_text(const char *text, Err *err)
{
  File file = {.size = strlen(text), .data = mem_strdup(text)};
  Net *net = nnet_read("test.nnet", &file, err);
  file_free(&file);
  return net;
}

static void refused(const char *text, const char *part)
{
  Err err = {0};
  cr_assert_null(read_text(text, &err));
  cr_expect_eq(err.code, STATUS_DATA);
  cr_expect(strstr(err.text, part), "'%s' not in: %s", part, err.text);
  status_reset(&err);
}

#define HEADER                                                                         \
  "// a comment\n"                                                                     \
  "2,2,1,2,\n"                                                                         \
  "2,2,1,\n"                                                                           \
  "0,\n"                                                                               \
  "-1,0,\n"                                                                            \
  "1,10,\n"                                                                            \
  "0.5,5,7.5,\n"                                                                       \
  "2,10,100,\n"
#define LAYERS                                                                         \
  "1,2,\n"                                                                             \
  "-1,1,\n"                                                                            \
  "0.5,\n"                                                                             \
  "-3,\n"                                                                              \
  "2,-1,\n"                                                                            \
  "0.25,\n"

/* y = 2 relu (a + 2 b + 0.5) - relu (-a + b - 3) + 0.25 */
Test(nnet, computes_what_the_file_says)
{
  Err err = {0};
  Net *net = read_text(HEADER LAYERS, &err);
  cr_assert(net, "%s", err.text);
  double y;
  eval_double(net, (double[]){1, 2}, &y);
  cr_expect_eq(y, 11.25);
  eval_double(net, (double[]){-4, 3}, &y);
  cr_expect_eq(y, 2 * 2.5 - 4 + 0.25);
  cr_expect(!net->is_float32);
  cr_expect_eq(net->n_nodes, 4);
  net_free(net);
}

Test(nnet, keeps_the_units)
{
  Err err = {0};
  Net *net = read_text(HEADER LAYERS, &err);
  const Units *u = net->units;
  cr_assert_not_null(u);
  cr_expect(u->min[0] == -1 && u->max[1] == 10 && u->mean[0] == 0.5 &&
            u->range[1] == 10);
  cr_expect(u->mean_out == 7.5 && u->range_out == 100);
  net_free(net);
}

Test(nnet, reads_old_files_blanks_and_missing_commas)
{
  Err err = {0};
  Net *net = read_text("// old\r\n2, 2, 1, 2\r\n2,2,1\r\n0\r\n-1,0,0,0\r\n1,10,0,0\r\n"
                       "0.5,5,0,7.5\r\n2,10,1,100\r\n\r\n"
                       "// between the layers, too\n"
                       "1,2\r\n-1,1\r\n.5\r\n-3\r\n2,-1\r\n25e-2",
                       &err);
  cr_assert(net, "%s", err.text);
  double y;
  eval_double(net, (double[]){1, 2}, &y);
  cr_expect_eq(y, 11.25);
  cr_expect(net->units->mean_out == 7.5 && net->units->range_out == 100);
  net_free(net);
}

Test(nnet, refuses_what_does_not_fit)
{
  refused("", "the line of sizes");
  refused("2,2,1\n", "expected 4 numbers, found 3");
  refused("0,2,1,2\n", "out of range");
  refused("1.5,2,1,2\n", "out of range");
  refused("2,2,1,2,\n2,2,\n", "expected 3 numbers");
  refused("2,2,1,2,\n3,2,1,\n", "contradict");
  refused("1,100000,100000,5\n100000,100000\n0\n", "smallest inputs");
  refused(HEADER "1,2,\n-1,1,\n0.5,\n", "truncated");
  refused(HEADER "1,2,3,\n", "a row of weights: expected 2 numbers, found 3");
  refused(HEADER LAYERS "1,\n", "more lines");
  refused(HEADER "1,zwei,\n" LAYERS, "test.nnet:9: expected numbers");
  refused(HEADER "1,nan,\n" LAYERS, "expected numbers");
  refused(HEADER "1,,2\n" LAYERS, "empty entry");
  refused(HEADER "1e999,2,\n" LAYERS, "expected numbers");
}

Test(nnet, refuses_units_that_cannot_be_divided_by)
{
  refused("1,1,1,1\n1,1\n0\n0\n1\n0,0\n0,1\n1\n0\n", "ranges must be positive");
  refused("1,1,1,1\n1,1\n0\n2\n1\n0,0\n1,1\n1\n0\n", "below its smallest");
}

/* Sizes must not reserve memory that the file cannot fill. */
Test(nnet, refuses_sizes_larger_than_the_file)
{
  const size_t before = mem_peak_bytes();
  refused("1,1,200000000,1\n1,200000000\n0\n0\n1\n0,0\n1,1\n1\n0\n", "too short");
  cr_expect(mem_peak_bytes() - before < 100000);
}

Test(nnet, loads_every_file_of_the_benchmark_data)
{
  glob_t found;
  if (glob("../shared/data/marabou_nnet/nnet/*.nnet*", 0, NULL, &found) != 0)
    cr_skip_test("no benchmark data beside the repository");
  for (size_t i = 0; i < found.gl_pathc; i++) {
    Err err = {0};
    Net *net = reader_load(found.gl_pathv[i], &err);
    cr_expect(net, "%s", err.text);
    cr_expect(net && net->units && strlen(net->sha256) == 64);
    net_free(net);
    status_reset(&err);
  }
  globfree(&found);
}
