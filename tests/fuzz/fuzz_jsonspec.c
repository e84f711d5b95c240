/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Specifications in JSON, for a network with two inputs and three outputs.  The name
 * "points.csv" in one leads to tests/fuzz/points.csv. */
#include <math.h>

#include "specs/image.h"
#include "specs/jsonspec.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"

static const char path[] = "tests/fuzz/fuzz.json";

static void check_finite(const double *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    TARGET_REQUIRE(isfinite(x[i]));
}

/* specs/image.h; the network behind the image is bounded as those of other targets. */
static void check_image(const Prop *prop)
{
  static const double W[] = {1, -0.5, 0.25, 1, -1, 2};
  const Image *const image = prop->image;
  if (!image) return;
  TARGET_REQUIRE(image->n == 2 && image->k >= 1 && image->k == prop->n_in);
  check_finite(image->center, 2);
  check_finite(image->d, 2 * (size_t)image->k);
  for (int i = 0; i < 2 && image->clip_lo; i++)
    TARGET_REQUIRE(image->clip_lo[i] <= image->clip_hi[i]);
  Net *net = net_new("net");
  Err err = {0};
  net->n_inputs = net->n_outputs = 1;
  net_add(net, &(Node){.kind = NODE_INPUT, .size = 2, .rank = 1, .dims = {2}}, NULL, 0);
  const Node dense = {.kind = NODE_DENSE,
                      .size = 3,
                      .rank = 1,
                      .dims = {3},
                      .reps = 1,
                      .rows = 3,
                      .cols = 2,
                      .W = W};
  net_add(net, &dense, &(int){0}, 1);
  net = image_net(net, image, &err);
  TARGET_REQUIRE(net && net_in_size(net) == image->k);
  invariants_net(net, (unsigned)image->k);
  net_free(net);
}

static void body(const File *file)
{
  Err err = {0};
  Prop *prop = jsonspec_parse(path, file, 2, 3, &err);
  /* An error in a CSV file starts with its name instead. */
  target_check_error("", prop, &err, 1);
  invariants_prop(prop);
  if (prop) TARGET_REQUIRE(prop->n_boxes == 1);
  if (prop) check_image(prop);
  prop_free(prop);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
