/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library without memory: the n-th allocation of a call fails, for every n, alone
 * or with all that follow.  The process goes on, nothing is lost, no verdict is wrong.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/mem.h"
#include "solver/api/handle.h"
#include "tests/support/handles.h"

TestSuite(api_memory, .timeout = 240);

static int n_files(void)
{
  DIR *folder = opendir("/proc/self/fd");
  int n = 0;
  while (folder && readdir(folder))
    n++;
  if (folder) closedir(folder);
  return n;
}

/* One call with these handles; returns its status. */
typedef int Step(Handles *h);

/* The sanitizers make threads and files cost a hundred times as much. */
static size_t stride(size_t total)
{
  return strcmp(DUALCERT_MODE, "asan") ? 1 : 1 + total / 60;
}

/* Texts of results have times, so their sizes differ from run to run. */
static size_t live_without_result(Handles *h)
{
  dualcert_result_forget(h->result);
  return mem_live_bytes();
}

/* Run it with every allocation failing once.  `is_known` says what may come out. */
static void starve(Handles *h, Step *step, void (*is_known)(Handles *h, int status),
                   bool for_good)
{
  const size_t before = mem_n_allocs();
  cr_assert_eq(step(h), 0);
  const size_t total = mem_n_allocs() - before, live = live_without_result(h);
  const int files = n_files();
  size_t n_starved = 0;
  cr_assert_gt(total, 10);
  for (size_t n = 1; n <= total; n += stride(total)) {
    mem_fail_at(n, for_good);
    const int status = step(h);
    mem_fail_at(0, false);
    is_known(h, status);
    n_starved += status == DUALCERT_SYSTEM ||
                 dualcert_result_reason(h->result) == DUALCERT_REASON_MEMORY;
    cr_assert_eq(n_files(), files, "allocation %zu: a file stayed open", n);
    cr_assert_eq(step(h), 0, "allocation %zu: the next call fails", n);
    /* Numbers of threads differ a little from run to run. */
    const size_t now = live_without_result(h);
    cr_assert_lt(now, live + 256, "allocation %zu: %zu bytes lost", n, now - live);
  }
  cr_assert_gt(n_starved, total / stride(total) / 2);
}

static void starve_both_ways(Handles *h, Step *step,
                             void (*is_known)(Handles *h, int status))
{
  starve(h, step, is_known, false);
  starve(h, step, is_known, true);
}

static void is_verified(Handles *h, int status)
{
  const int verdict = dualcert_result_verdict(h->result);
  const int reason = dualcert_result_reason(h->result);
  cr_assert(status == 0 || status == DUALCERT_SYSTEM, "status %d: %s", status,
            dualcert_result_error(h->result));
  cr_assert(!status || *dualcert_result_error(h->result));
  cr_assert(
      verdict == DUALCERT_VERIFIED ||
      (verdict == DUALCERT_UNKNOWN && (status || reason == DUALCERT_REASON_MEMORY)));
}

static void is_falsified(Handles *h, int status)
{
  const int verdict = dualcert_result_verdict(h->result);
  size_t n;
  const double *x = dualcert_result_input(h->result, &n);
  cr_assert(status == 0 || status == DUALCERT_SYSTEM);
  cr_assert(verdict == DUALCERT_FALSIFIED || verdict == DUALCERT_UNKNOWN);
  if (verdict == DUALCERT_FALSIFIED)
    cr_assert(n == 2 && x[0] > 0.74 && x[0] <= 1 &&
              *dualcert_result_witness(h->result));
}

Test(api_memory, verify_with_split_neurons)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  handles_set(&h, "split", "activation");
  handles_set(&h, "contract", "0");
  handles_set(&h, "stages", "ibp,crown,split");
  starve_both_ways(&h, handles_verify, is_verified);
  handles_close(&h);
}

Test(api_memory, verify_with_linear_programs)
{
  Handles h = handles_open(handles_net, handles_spec("3.01"));
  handles_set(&h, "stages", "ibp,lp");
  starve_both_ways(&h, handles_verify, is_verified);
  handles_close(&h);
}

Test(api_memory, falsify)
{
  Handles h = handles_open(handles_net, handles_spec("1.5"));
  starve_both_ways(&h, handles_verify, is_falsified);
  handles_close(&h);
}

Test(api_memory, verify_with_a_certificate_and_check_it)
{
  char path[] = "/tmp/dualcert-api-XXXXXX";
  cr_assert_neq(mkstemp(path), -1);
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  handles_set(&h, "certificate", path);
  handles_set(&h, "check", "1");
  starve_both_ways(&h, handles_verify, is_verified);
  unlink(path);
  handles_close(&h);
}

static int read_again(Handles *h)
{
  const char *spec = handles_spec("2.01");
  dualcert_result_reset(h->result);
  const int status =
      dualcert_network_read_memory(h->net, "net", handles_net, strlen(handles_net));
  if (!status)
    return dualcert_spec_read_memory(h->spec, h->net, "spec", spec, strlen(spec));
  cr_assert_eq(dualcert_network_inputs(h->net), 0);
  cr_assert(*dualcert_network_error(h->net));
  return status;
}

static void is_system(Handles *h, int status)
{
  (void)h;
  cr_assert_eq(status, DUALCERT_SYSTEM);
}

Test(api_memory, read)
{
  Handles h = handles_open(handles_net, handles_spec("2.01"));
  starve_both_ways(&h, read_again, is_system);
  handles_close(&h);
}

Test(api_memory, a_limit_ends_the_call_and_not_the_process)
{
  Handles h = handles_open(handles_hard_net(), handles_hard_spec());
  handles_set(&h, "memory", "16");
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_verdict(h.result), DUALCERT_UNKNOWN);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_MEMORY);
  cr_assert(strstr(dualcert_result_json(h.result), "\"reason\": \"memory\""));
  handles_close(&h);
}

Test(api_memory, a_limit_below_the_network_itself)
{
  Handles h = handles_open(handles_hard_net(), handles_hard_spec());
  handles_set(&h, "memory", "1");
  cr_assert_eq(handles_verify(&h), 0);
  cr_assert_eq(dualcert_result_reason(h.result), DUALCERT_REASON_MEMORY);
  handles_close(&h);
}
