/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/text.h"
#include "net/eval.h"
#include "net/jsonnet.h"
#include "net/shape.h"

static Net *read_text(const char *text, Err *err)
{
  File file = {.size = strlen(text), .data = mem_strdup(text)};
  Net *net = jsonnet_read("test.json", &file, err);
  file_free(&file);
  return net;
}

static void computes(const char *text, const double *x, int n_out, const double *want)
{
  Err err = {0};
  double y[16];
  Net *net = read_text(text, &err);
  cr_assert(net, "%s", err.text);
  cr_assert_eq(net_out_size(net), n_out);
  eval_double(net, x, y);
  for (int i = 0; i < n_out; i++)
    cr_expect_eq(y[i], want[i], "output %d: %g, expected %g", i, y[i], want[i]);
  net_free(net);
}

static void refused(const char *text, const char *part)
{
  Err err = {0};
  cr_assert_null(read_text(text, &err));
  cr_expect_eq(err.code, STATUS_DATA);
  cr_expect(strstr(err.text, part), "'%s' not in: %s", part, err.text);
  cr_expect_null(strchr(err.text, '\n'));
  status_reset(&err);
}

Test(jsonnet, computes_the_example_of_the_header)
{
  const char *text = "{ \"input\": 2, \"layers\": ["
                     "{ \"type\": \"dense\", \"weights\": [[1, 1], [1, -1]],"
                     "  \"bias\": [0, 0.5] },"
                     "{ \"type\": \"relu\", \"name\": \"h\" },"
                     "{ \"type\": \"dense\", \"weights\": [[1, -2]] } ] }";
  computes(text, (double[]){3, 1}, 1, (double[]){4 - 2 * 2.5});
  computes(text, (double[]){-3, 1}, 1, (double[]){0});
}

Test(jsonnet, follows_references)
{
  computes(
      "{\"input\": [2], \"layers\": ["
      "{\"type\":\"scale\",\"name\":\"a\",\"scale\":2,\"shift\":[1,-1]},"
      "{\"type\":\"relu\",\"name\":\"b\"},"
      "{\"type\":\"add\",\"name\":\"c\",\"from\":[\"b\",\"input\"],\"coef\":[1,-1]},"
      "{\"type\":\"concat\",\"name\":\"d\",\"from\":[\"c\",\"a\"]},"
      "{\"type\":\"map\",\"map\":[3,-1,0]}]}",
      (double[]){-4, 5}, 3, (double[]){9, 0, 4});
}

/* 1 x 3 x 3 image, 2 x 2 kernel, stride 2, padding 1 at the top and left:
 * windows {1}, {2, 3}, {4, 7}, {5, 6, 8, 9}. */
Test(jsonnet, convolves_with_padding_and_strides)
{
  computes("{\"input\": [1,3,3], \"layers\": [{\"type\":\"conv\","
           "\"weights\":[[[[1,10],[100,1000]]]],\"bias\":[0.5],\"strides\":[2,2],"
           "\"padding\":[1,1,0,0]}]}",
           (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 4,
           (double[]){1000.5, 3200.5, 7040.5, 5 + 60 + 800 + 9000 + 0.5});
}

Test(jsonnet, convolves_in_groups_with_dilation)
{
  computes("{\"input\": [2,1,3], \"layers\": [{\"type\":\"conv\",\"groups\":2,"
           "\"dilations\":[1,2],\"weights\":[[[[1,2]]],[[[3,-1]]]]}]}",
           (double[]){1, 2, 3, 4, 5, 6}, 2, (double[]){7, 6});
}

Test(jsonnet, refuses_what_it_does_not_know)
{
  refused("{\"input\": 2, \"layers\": [{\"type\":\"dense\",\"weigths\":[[1,1]]}]}",
          "$.layers[0]: unknown key \"weigths\"");
  refused("{\"input\": 2, \"layer\": []}", "unknown key \"layer\"");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"softmax\"}]}", "$.layers[0]: type");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"ReLU\"}]}", "type");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"relu\",\"from\":\"x\"}]}",
          "no earlier layer is called \"x\"");
}

Test(jsonnet, refuses_what_does_not_fit)
{
  refused("{\"input\": 2, \"layers\": [}", "test.json:1:");
  refused("[]", "expected an object");
  refused("{\"layers\": []}", "$.input");
  refused("{\"input\": 0, \"layers\": []}", "positive integers");
  refused("{\"input\": 2.5, \"layers\": []}", "positive integers");
  refused("{\"input\": [65536,65536], \"layers\": []}", "positive integers");
  refused("{\"input\": 2, \"layers\": []}", "expected an array of layers");
  refused("{\"input\": 2, \"layers\": [3]}", "$.layers[0]: expected an object");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"dense\",\"weights\":[[1],[2,3]]}]}",
          "shape [2, 2]");
  refused("{\"input\": 1, \"layers\": [{\"type\":\"dense\",\"weights\":[[1]],"
          "\"bias\":[1,2]}]}",
          "$.layers[0].bias");
  refused("{\"input\": 1, \"layers\": [{\"type\":\"dense\",\"weights\":[[1e999]]}]}",
          "$.layers[0]");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"conv\",\"weights\":[[[[1]]]]}]}",
          "[channels, height, width]");
  refused("{\"input\": [1,2,2], \"layers\": [{\"type\":\"conv\",\"weights\":"
          "[[[[1,2,3]]]]}]}",
          "kernel is larger");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"map\",\"map\":[2]}]}",
          "from -1 to 1");
  refused(
      "{\"input\": 2, \"layers\": [{\"type\":\"add\",\"from\":[\"input\",\"input\"]}]}",
      "named twice");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"relu\",\"name\":\"input\"}]}",
          "is taken");
  refused("{\"input\": 2, \"input\": 2, \"layers\": []}", "given twice");
}

Test(jsonnet, knows_activations_and_products)
{
  computes("{\"input\": 2, \"layers\": ["
           "{\"type\":\"square\",\"name\":\"a\"},"
           "{\"type\":\"sign\",\"name\":\"b\",\"from\":\"input\"},"
           "{\"type\":\"mul\",\"from\":[\"a\",\"b\"]}]}",
           (double[]){-3, 2}, 2, (double[]){-9, 4});
  refused("{\"input\": 2, \"layers\": ["
          "{\"type\":\"mul\",\"from\":[\"input\",\"input\"]}]}",
          "a layer is named twice");
  refused("{\"input\": 2, \"layers\": [{\"type\":\"mul\"}]}", "expected 2 layers");
}

/* C would see the text up to the zero, which is a known word. */
Test(jsonnet, refuses_texts_with_a_zero_inside)
{
  refused("{\"input\": 1,\n \"layers\": [{\"type\": \"relu\\u0000x\"}]}",
          "test.json:2:27: a text must not contain \\u0000");
  refused("{\"input\": 1, \"layers\\u0000x\": [{\"type\": \"relu\"}]}", "\\u0000");
  /* A backslash before it makes the same letters harmless. */
  refused("{\"input\": 1, \"layers\": [{\"type\": \"relu\\\\u0000\"}]}",
          "expected dense");
}

Test(jsonnet, messages_have_no_control_characters)
{
  refused("{\"input\": 1, \"lay\\u001b\\ners\": []}", "unknown key \"lay??ers\"");
}

/* Each layer alone is allowed; nothing is computed with so many elements. */
Test(jsonnet, refuses_layers_that_are_too_large_together)
{
  Text text = {0};
  text_add(&text, "{\"input\": 16777216, \"layers\": [{\"type\": \"relu\"}");
  for (int k = 1; k < SHAPE_MAX_TOTAL / 33554432; k++)
    text_add(&text, ", {\"type\": \"relu\"}");
  text_add(&text, ", {\"type\": \"relu\"}]}");
  refused(text.s, "$.layers[8]: the network is too large: with it the layers have too "
                  "many elements");
  text_free(&text);
}
