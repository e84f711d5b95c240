/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep NET POINT -- how far may each input of POINT move before the answer changes?
 *
 * POINT is a file of numbers, separated by blanks or commas.  The network is read once;
 * each radius is one specification, written in memory.
 *
 *     cc sweep.c -o sweep $(pkg-config --cflags --libs dualcert) -lm
 */
#include <dualcert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* n numbers from the file; NULL when there are not as many. */
static double *read_point(const char *path, size_t n)
{
  FILE *file = fopen(path, "r");
  double *x = malloc((n + 1) * sizeof *x);
  size_t got = 0;
  while (file && x && got < n && fscanf(file, "%lf%*[, \n]", &x[got]) >= 1)
    got++;
  if (file) fclose(file);
  if (got == n) return x;
  free(x);
  return NULL;
}

/* The index of the largest output. */
static size_t classify(const dualcert_network *net, const double *x)
{
  const size_t n = dualcert_network_outputs(net);
  double *y = malloc((n + 1) * sizeof *y);
  size_t best = 0;
  if (y && !dualcert_network_eval(net, x, dualcert_network_inputs(net), y, n))
    for (size_t i = 1; i < n; i++)
      if (y[i] > y[best]) best = i;
  free(y);
  return best;
}

/* {"center": [...], "epsilon": e, "label": k}; freed by the caller. */
static char *write_spec(const double *x, size_t n, double epsilon, size_t label)
{
  char *text = malloc(n * 32 + 128);
  if (!text) return NULL;
  size_t at = (size_t)sprintf(text, "{\"center\": [");
  for (size_t i = 0; i < n; i++)
    at += (size_t)sprintf(text + at, "%s%.17g", i ? ", " : "", x[i]);
  at += (size_t)sprintf(text + at, "], \"epsilon\": %.17g, \"label\": %zu}", epsilon,
                        label);
  return text;
}

static int try_radius(const dualcert_network *net, const double *x, size_t label,
                      double epsilon, dualcert_options *options)
{
  dualcert_spec *spec = dualcert_spec_new();
  dualcert_result *result = dualcert_result_new();
  char *text = write_spec(x, dualcert_network_inputs(net), epsilon, label);
  size_t size = 0;
  while (text && text[size])
    size++;
  int status = dualcert_spec_read_memory(spec, net, "sweep", text, size);
  if (!status) status = dualcert_verify(net, spec, options, result);
  if (status)
    fprintf(stderr, "sweep: %s %s\n", dualcert_spec_error(spec),
            dualcert_result_error(result));
  else
    printf("%-8g %-10s %.6g\n", epsilon,
           dualcert_verdict_name(dualcert_result_verdict(result)),
           dualcert_result_bound(result));
  free(text);
  dualcert_result_free(result);
  dualcert_spec_free(spec);
  return status;
}

int main(int argc, char **argv)
{
  if (argc != 3) {
    fputs("usage: sweep NET POINT\n", stderr);
    return DUALCERT_USAGE;
  }
  dualcert_network *net = dualcert_network_new();
  dualcert_options *options = dualcert_options_new();
  dualcert_options_set(options, "timeout", "10");
  int status = dualcert_network_read_file(net, argv[1]);
  double *x = status ? NULL : read_point(argv[2], dualcert_network_inputs(net));
  if (!x) {
    fprintf(stderr, "sweep: %s\n",
            status ? dualcert_network_error(net) : "too few numbers in the point");
    status = status ? status : DUALCERT_DATA;
  } else {
    const size_t label = classify(net, x);
    printf("class %zu\nepsilon  verdict    margin\n", label);
    for (int k = 6; k >= 0 && !status; k--)
      status = try_radius(net, x, label, ldexp(1, -k) / 4, options);
  }
  free(x);
  dualcert_options_free(options);
  dualcert_network_free(net);
  return status;
}
