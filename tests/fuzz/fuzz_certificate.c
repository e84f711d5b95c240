/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of a property that does not hold: whatever the file says, none is
 * accepted.  An input is a sequence of blocks as they are before they are packed,
 *
 *     u8 tag, u16 size (little-endian), size bytes
 *
 * so that most of what is tried gets past zlib.  The network has a function and a
 * product besides its ReLUs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/eval.h"
#include "specs/check/certificate.h"
#include "specs/check/check.h"
#include "tests/fuzz/target.h"

static const char zeros[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* 3 inputs, 4 ReLUs; behind these 4 ReLUs, 4 tanh and 4 products; 2 outputs. */
static Net *network(void)
{
  static const double W1[12] = {1, -2, .5, -1, 1, 1, 2, 1, -1, .5, .25, 3};
  static const double b1[4] = {.1, -.2, .3, 0};
  static const double W2[16] = {1, -1, 2, .5, -1, 2, 1, -1, .5, .5, -2, 1, 1, 1, 1, -2};
  static const double W3[26] = {1, -1, .5, 2, 1, 2, 0, -1, .5, 1, -2, .25, .75,
                                1, 1,  -1, 1, 2, 1, 3, -1, .5, 2, -1, .5,  1};
  static const int all[13] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  Net *net = net_new("fuzz");
  Err err = {0};
  memcpy(net->sha256, zeros, sizeof zeros);
  int k = net_add(net, &(Node){.kind = NODE_INPUT, .size = 3, .name = "x"}, NULL, 0);
  k = net_add(net,
              &(Node){.kind = NODE_DENSE,
                      .size = 4,
                      .name = "d1",
                      .reps = 1,
                      .rows = 4,
                      .cols = 3,
                      .W = W1,
                      .b = b1},
              &k, 1);
  k = net_add(net, &(Node){.kind = NODE_ACT, .size = 4, .name = "r1", .act = ACT_RELU},
              &k, 1);
  Node second = {
      .kind = NODE_DENSE, .size = 4, .reps = 1, .rows = 4, .cols = 4, .W = W2};
  int z[4], h[4];
  for (int i = 0; i < 4; i++) {
    second.name = "d2";
    z[i] = net_add(net, &second, &k, 1);
  }
  h[0] =
      net_add(net, &(Node){.kind = NODE_ACT, .size = 4, .name = "r2", .act = ACT_RELU},
              &z[0], 1);
  h[1] =
      net_add(net, &(Node){.kind = NODE_ACT, .size = 4, .name = "t", .act = ACT_TANH},
              &z[1], 1);
  h[2] = net_add(net, &(Node){.kind = NODE_MUL, .size = 4, .name = "m"}, &z[2], 2);
  k = net_add(net, &(Node){.kind = NODE_MAP, .size = 13, .name = "c", .map = all},
              (int[]){h[0], h[1], h[2], k}, 4);
  net_add(net,
          &(Node){.kind = NODE_DENSE,
                  .size = 2,
                  .name = "y",
                  .reps = 1,
                  .rows = 2,
                  .cols = 13,
                  .W = W3},
          &k, 1);
  TARGET_REQUIRE(!net_finish(net, &err));
  return net;
}

/* Two cases, with one row and with two, which both hold at the middle of the box. */
static Prop *property(const Net *net)
{
  Prop *prop = prop_new("fuzz", 3, 2);
  const double middle[3] = {0.25, -0.5, 0.125};
  double y[2];
  eval_double(net, middle, y);
  memcpy(prop->sha256, zeros, sizeof zeros);
  Box box = box_new(3);
  for (int i = 0; i < 3; i++) {
    box.lo[i] = box.in_lo[i] = middle[i] - 0.5;
    box.hi[i] = box.in_hi[i] = middle[i] + 0.5;
  }
  const int at = prop_add_box(prop, &box);
  box_free(&box);
  for (int k = 0; k < 2; k++) {
    PropRow *rows = mem_zero((size_t)k + 1, sizeof *rows);
    for (int j = 0; j <= k; j++) {
      rows[j] = (PropRow){.n = 1, .var = mem_array(1, sizeof(int))};
      rows[j].coef = mem_doubles(1);
      rows[j].var[0] = j;
      rows[j].coef[0] = 1;
      rows[j].rhs_lo = rows[j].rhs_hi = y[j] + 1e-6 * (1 + fabs(y[j]));
    }
    prop_add_case(prop, at, rows, k + 1, 0);
  }
  prop_finish(prop);
  return prop;
}

/* The input as a certificate. */
static File pack(const File *file, const Net *net, const Prop *prop)
{
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  const unsigned char *at = (const unsigned char *)file->data, *end = at + file->size;
  fprintf(
      f,
      CERTIFICATE_MAGIC
      "{\"program\": \"fuzz\", \"network\": {\"sha256\": \"%s\"}, \"specification\": "
      "{\"sha256\": \"%s\"}, \"semantics\": \"real\", \"queries\": 1, \"cases\": 2}\n",
      net->sha256, prop->sha256);
  while (end - at >= 3) {
    const size_t room = (size_t)(end - at) - 3, asked = at[1] | (size_t)at[2] << 8;
    const size_t size = asked < room ? asked : room;
    size_t packed;
    unsigned char *data = file_deflate(at + 3, size, &packed);
    fputc(*at, f);
    for (int k = 0; k < 4; k++)
      fputc((int)(size >> 8 * k & 255), f);
    for (int k = 0; k < 4; k++)
      fputc((int)(packed >> 8 * k & 255), f);
    fwrite(data, 1, packed, f);
    mem_free(data);
    at += 3 + size;
  }
  fclose(f);
  return (File){.data = text, .size = n};
}

static void body(const File *file)
{
  Net *net = network();
  Prop *prop = property(net);
  File text = pack(file, net, prop);
  TargetFile named = target_file(&text);
  CheckReport report = {.is_accepted = false};
  Err err = {0};
  if (!check_certificate(named.path, net, prop, false, &report, &err))
    TARGET_REQUIRE(!report.is_accepted && report.reason);
  check_report_reset(&report);
  status_reset(&err);
  target_file_close(&named);
  free(text.data);
  prop_free(prop);
  net_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
