/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/job: programs that answer, refuse, crash, hang and eat memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "solver/batch/job.h"

static char dir[] = "/tmp/test-job.XXXXXX";

static void set_up(void)
{
  cr_assert(mkdtemp(dir));
  cr_assert_eq(chdir(dir), 0);
}

static void tear_down(void)
{
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  cr_assert_eq(system(command), 0);
}

TestSuite(job, .init = set_up, .fini = tear_down, .timeout = 120);

/* A program that is a shell script. */
static const char *script(const char *text)
{
  FILE *f = fopen("program", "w");
  cr_assert(f);
  fprintf(f, "#!/bin/sh\n%s\n", text);
  fclose(f);
  cr_assert_eq(chmod("program", 0755), 0);
  return "./program";
}

static JobOutcome run(const JobPlan *plan)
{
  JobPool *pool = job_pool_new();
  JobOutcome outcome;
  void *tag = NULL;
  int here;
  Err err = {0};
  cr_assert_eq(job_start(pool, plan, &here, &err), STATUS_OK);
  cr_assert_eq(job_running(pool), 1);
  while (!job_wait(pool, 1.0, &tag, &outcome))
    ;
  cr_assert_eq(tag, &here);
  cr_assert_eq(job_running(pool), 0);
  job_pool_free(pool);
  return outcome;
}

static JobOutcome run_script(const char *text)
{
  const JobPlan plan = {.program = script(text), .net = "n", .spec = "s"};
  return run(&plan);
}

Test(job, answers)
{
  static const char *const cases[][2] = {
      {"echo '{\"verdict\": \"verified\", \"reason\": null}'", "unsat"},
      {"echo '{\"verdict\": \"falsified\"}'; exit 1", "sat"},
      {"echo '{\"verdict\": \"unknown\", \"reason\": \"timeout\"}'; exit 2", "timeout"},
      {"echo '{\"verdict\": \"unknown\", \"reason\": \"memory\"}'; exit 2", "unknown"},
      {"echo '{\"verdict\": \"verifiable\"}'", "error"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    JobOutcome o = run_script(cases[i][0]);
    cr_expect_eq(o.end, JOB_ANSWERED, "%s", cases[i][0]);
    cr_expect_str_eq(job_word(&o), cases[i][1]);
    job_outcome_reset(&o);
  }
}

Test(job, no_answers)
{
  static const struct {
    const char *text;
    JobEnd end;
    int status, signal;
    const char *message;
  } cases[] = {
      {"echo 'dualcert: n: bad file' >&2; echo more >&2; exit 65", JOB_REFUSED, 65, 0,
       "n: bad file"},
      {"kill -SEGV $$", JOB_CRASHED, -1, SIGSEGV, "crashed: signal 11"},
      {"kill -KILL $$", JOB_MEMORY, -1, SIGKILL,
       "killed by signal 9, probably for want of memory"},
      {"echo '{\"verdict\": \"verified\"'", JOB_CRASHED, 0, 0,
       "exit status 0 without a result"},
      {"echo '\"verified\"'", JOB_CRASHED, 0, 0, "exit status 0 without a result"},
      {"exit 1", JOB_CRASHED, 1, 0, "exit status 1 without a result"},
      {"echo '{\"verdict\": \"verified\"}'; exit 4", JOB_CRASHED, 4, 0,
       "exit status 4 without a result"},
      {"echo '{\"verdict\": \"verified\"}'; kill -ABRT $$", JOB_CRASHED, -1, SIGABRT,
       "crashed: signal 6"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    JobOutcome o = run_script(cases[i].text);
    cr_expect_eq(o.end, cases[i].end, "%s", cases[i].text);
    cr_expect_eq(o.exit_status, cases[i].status, "%s", cases[i].text);
    cr_expect_eq(o.signal, cases[i].signal, "%s", cases[i].text);
    cr_expect_str_eq(o.message, cases[i].message);
    cr_expect_str_eq(job_word(&o), "error");
    job_outcome_reset(&o);
  }
}

Test(job, no_program)
{
  const JobPlan plan = {.program = "./absent", .net = "n", .spec = "s"};
  JobOutcome o = run(&plan);
  cr_expect_eq(o.end, JOB_CRASHED);
  cr_expect_str_eq(o.message, "./absent: No such file or directory");
  job_outcome_reset(&o);
}

/* What the program is called with, and that it reads nothing. */
Test(job, arguments)
{
  const char *const options[] = {"--seed", "3", NULL};
  const JobPlan plan = {
      .program = script("cat; printf '{\"verdict\": \"%s\"}' \"$*\"; exit 2"),
      .options = options,
      .net = "a b",
      .spec = "-c",
      .timeout = 2.5,
      .memory = 100,
      .threads = 1};
  JobOutcome o = run(&plan);
  cr_expect_str_eq(json_get(o.json, "verdict")->valuestring,
                   "verify -q --format=json --timeout=2.500 --memory=100 --threads=1 "
                   "--seed 3 -- a b -c");
  job_outcome_reset(&o);
  const JobPlan least = {.program = "./program", .timeout = INFINITY};
  o = run(&least);
  cr_expect_str_eq(json_get(o.json, "verdict")->valuestring, "verify -q --format=json");
  job_outcome_reset(&o);
}

Test(job, memory)
{
  const JobPlan plan = {
      .program = script("exec tail /dev/zero"), .net = "n", .spec = "s", .memory = 40};
  JobOutcome o = run(&plan);
  cr_expect_eq(o.end, JOB_MEMORY);
  cr_expect_str_eq(o.message, "killed: it used more than 50 MB");
  job_outcome_reset(&o);
}

/* Twenty at once come back once each; those that do not stop are killed. */
Test(job, many_and_stop)
{
  enum { N = 20 };
  JobPool *pool = job_pool_new();
  int seen[N] = {0};
  Err err = {0};
  const JobPlan quick = {
      .program = script("echo '{\"verdict\": \"verified\"}'"), .net = "n", .spec = "s"};
  for (int i = 0; i < N; i++)
    cr_assert_eq(job_start(pool, &quick, &seen[i], &err), STATUS_OK);
  JobOutcome o;
  void *tag;
  for (int i = 0; i < N;) {
    if (!job_wait(pool, 1.0, &tag, &o)) continue;
    cr_expect_eq(o.end, JOB_ANSWERED);
    ++*(int *)tag;
    i++;
    job_outcome_reset(&o);
  }
  for (int i = 0; i < N; i++)
    cr_expect_eq(seen[i], 1);
  cr_expect_not(job_wait(pool, 1.0, &tag, &o));

  const JobPlan deaf = {.program = script("trap '' TERM; while :; do sleep 1; done"),
                        .net = "n",
                        .spec = "s"};
  cr_assert_eq(job_start(pool, &deaf, &seen[0], &err), STATUS_OK);
  cr_expect_not(job_wait(pool, 0.2, &tag, &o));
  job_stop_all(pool);
  while (!job_wait(pool, 1.0, &tag, &o))
    ;
  cr_expect_eq(o.end, JOB_STOPPED);
  cr_expect_eq(o.signal, SIGKILL);
  job_outcome_reset(&o);
  job_pool_free(pool);
}
