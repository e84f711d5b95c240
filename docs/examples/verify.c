/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify NET SPEC -- does the property hold?
 *
 *     cc verify.c -o verify $(pkg-config --cflags --libs dualcert)
 */
#include <dualcert.h>
#include <stdio.h>

static void print_answer(const dualcert_result *result)
{
  const int verdict = dualcert_result_verdict(result);
  puts(dualcert_verdict_name(verdict));
  if (verdict == DUALCERT_VERIFIED)
    printf("margin at least %.6g\n", dualcert_result_bound(result));
  if (verdict == DUALCERT_FALSIFIED) fputs(dualcert_result_witness(result), stdout);
  if (verdict == DUALCERT_UNKNOWN)
    printf("reason: %s\n", dualcert_reason_name(dualcert_result_reason(result)));
}

int main(int argc, char **argv)
{
  if (argc != 3) {
    fputs("usage: verify NET SPEC\n", stderr);
    return DUALCERT_USAGE;
  }
  dualcert_network *net = dualcert_network_new();
  dualcert_spec *spec = dualcert_spec_new();
  dualcert_options *options = dualcert_options_new();
  dualcert_result *result = dualcert_result_new();
  const char *why = "out of memory"; /* NULL handles are refused below */

  int status = dualcert_options_set(options, "timeout", "60");
  if (!status && (status = dualcert_network_read_file(net, argv[1])))
    why = dualcert_network_error(net);
  if (!status && (status = dualcert_spec_read_file(spec, net, argv[2])))
    why = dualcert_spec_error(spec);
  if (!status && (status = dualcert_verify(net, spec, options, result)))
    why = dualcert_result_error(result);
  if (status)
    fprintf(stderr, "verify: %s\n", why ? why : "out of memory");
  else
    print_answer(result);

  dualcert_result_free(result);
  dualcert_options_free(options);
  dualcert_spec_free(spec);
  dualcert_network_free(net);
  return status;
}
