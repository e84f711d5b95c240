/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/handles.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/prng.h"

const char handles_net[] =
    "{\"input\": 2, \"layers\": [{\"type\": \"dense\", \"weights\": [[1, 1], [1, -1]]},"
    "{\"type\": \"relu\"}, {\"type\": \"dense\", \"weights\": [[1, 1]]}]}";

const char *handles_spec(const char *limit)
{
  static _Thread_local char text[512];
  snprintf(text, sizeof text,
           "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
           "(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))\n"
           "(assert (>= Y_0 %s))\n",
           limit);
  return text;
}

/* ---- a hard question ----------------------------------------------------- */

enum { IN = 40, WIDE = 80, DEEP = 4, HARD_BYTES = 1 << 20 };

static char hard_net[HARD_BYTES], hard_spec[1 << 14];
static double weight[DEEP + 1][WIDE][WIDE];

static int n_in(int layer)
{
  return layer ? WIDE : IN;
}

static int n_out(int layer)
{
  return layer < DEEP ? WIDE : 1;
}

static double evaluate(double *x)
{
  for (int k = 0; k <= DEEP; k++) {
    double y[WIDE];
    for (int i = 0; i < n_out(k); i++) {
      y[i] = 0;
      for (int j = 0; j < n_in(k); j++)
        y[i] += weight[k][i][j] * x[j];
      if (k < DEEP) y[i] = fmax(y[i], 0);
    }
    memcpy(x, y, sizeof y);
  }
  return x[0];
}

static void make_hard(void)
{
  Prng prng = prng_init(7);
  size_t n = (size_t)sprintf(hard_net, "{\"input\": %d, \"layers\": [", IN);
  for (int k = 0; k <= DEEP; k++) {
    n += (size_t)sprintf(hard_net + n, "%s{\"type\": \"dense\", \"weights\": [",
                         k ? ", {\"type\": \"relu\"}, " : "");
    for (int i = 0; i < n_out(k); i++)
      for (int j = 0; j < n_in(k); j++) {
        weight[k][i][j] = floor(prng_range(&prng, -1, 1) * 4096) / 4096;
        n += (size_t)sprintf(hard_net + n, "%s%.12g%s",
                             j   ? ","
                             : i ? ",["
                                 : "[",
                             weight[k][i][j], j == n_in(k) - 1 ? "]" : "");
      }
    n += (size_t)sprintf(hard_net + n, "]}");
  }
  sprintf(hard_net + n, "]}");
  double most = 0, x[WIDE];
  for (int s = 0; s < 1000; s++) {
    for (int i = 0; i < IN; i++)
      x[i] = prng_unit(&prng) < 0.5 ? -1 : 1;
    most = fmax(most, evaluate(x));
  }
  n = 0;
  for (int i = 0; i < IN; i++)
    n += (size_t)sprintf(hard_spec + n, "(declare-const X_%d Real)", i);
  n += (size_t)sprintf(hard_spec + n, "(declare-const Y_0 Real)\n");
  for (int i = 0; i < IN; i++)
    n += (size_t)sprintf(hard_spec + n, "(assert (and (>= X_%d -1) (<= X_%d 1)))\n", i,
                         i);
  sprintf(hard_spec + n, "(assert (>= Y_0 %.17g))\n", 30 * most);
}

const char *handles_hard_net(void)
{
  if (!hard_net[0]) make_hard();
  return hard_net;
}

const char *handles_hard_spec(void)
{
  handles_hard_net();
  return hard_spec;
}

/* ---- handles ------------------------------------------------------------- */

Handles handles_open(const char *net, const char *spec)
{
  Handles h = {dualcert_network_new(), dualcert_spec_new(), dualcert_options_new(),
               dualcert_result_new()};
  cr_assert(h.net && h.spec && h.options && h.result);
  cr_assert_eq(dualcert_network_read_memory(h.net, "net", net, strlen(net)), 0, "%s",
               dualcert_network_error(h.net));
  cr_assert_eq(dualcert_spec_read_memory(h.spec, h.net, "spec", spec, strlen(spec)), 0,
               "%s", dualcert_spec_error(h.spec));
  handles_set(&h, "threads", "2");
  return h;
}

void handles_close(Handles *h)
{
  dualcert_result_free(h->result);
  dualcert_options_free(h->options);
  dualcert_spec_free(h->spec);
  dualcert_network_free(h->net);
}

void handles_set(Handles *h, const char *name, const char *value)
{
  cr_assert_eq(dualcert_options_set(h->options, name, value), 0, "%s",
               dualcert_options_error(h->options));
}

int handles_verify(Handles *h)
{
  return dualcert_verify(h->net, h->spec, h->options, h->result);
}
