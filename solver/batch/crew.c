/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/crew.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/batch/job.h"

typedef struct Task Task;
struct Task {
  Task *next;
  const Instance *instance;
  char *certificate; /* owned; NULL: none */
  /* While it is checked: */
  pid_t checker; /* 0: not yet */
  double started;
  Row row;
  char *verify;      /* owned text of the answer */
  bool is_impatient; /* the checker was killed after crew_patience */
};

struct Crew {
  CrewPlan plan;
  JobPool *pool;
  Task *checks; /* those with a running checker */
  int n_checks;
  bool is_stopped;
};

double crew_patience(double timeout)
{
  return 10 * timeout + 60;
}

Crew *crew_new(const CrewPlan *plan)
{
  Crew *crew = mem_zero(1, sizeof *crew);
  crew->plan = *plan;
  crew->pool = job_pool_new();
  return crew;
}

int crew_running(const Crew *crew)
{
  return job_running(crew->pool) + crew->n_checks;
}

static void task_free(Task *task)
{
  mem_free(task->certificate);
  mem_free(task->verify);
  row_reset(&task->row);
  mem_free(task);
}

/* ---- names of certificates -------------------------------------------------- */

/* The last part of a path without its ending, with letters that are safe in names. */
static void put_stem(Text *out, const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *stem = slash ? slash + 1 : path;
  const char *dot = strrchr(stem, '.');
  size_t n = dot && dot > stem ? (size_t)(dot - stem) : strlen(stem);
  if (n > 80) n = 80;
  for (size_t i = 0; i < n; i++)
    text_add(out, "%c", isalnum((unsigned char)stem[i]) ? stem[i] : '_');
}

static void make_folder(const char *path)
{
  mkdir(path, 0777); /* what is wrong with it shows when a file is written there */
}

/* DIR/CATEGORY/0012-network-property.cert, and its folders. */
static char *name_certificate(const char *dir, const Instance *i)
{
  Text t = {0};
  make_folder(dir);
  text_add(&t, "%s/", dir);
  for (const char *c = i->category; *c; c++) {
    if (*c == '/') make_folder(t.s);
    text_add(&t, "%c", *c);
  }
  make_folder(t.s);
  text_add(&t, "/%04d-", i->position);
  put_stem(&t, i->network);
  text_add(&t, "-");
  put_stem(&t, i->property);
  text_add(&t, ".cert");
  return t.s;
}

/* ---- start ------------------------------------------------------------------- */

Status crew_start(Crew *crew, const Instance *instance, Err *err)
{
  const CrewPlan *p = &crew->plan;
  Task *task = mem_zero(1, sizeof *task);
  task->instance = instance;
  size_t n = 0;
  while (p->options && p->options[n])
    n++;
  const char **options = mem_array(n + 3, sizeof *options);
  for (size_t i = 0; i < n; i++)
    options[i] = p->options[i];
  if (p->certificates) {
    task->certificate = name_certificate(p->certificates, instance);
    unlink(task->certificate); /* of an earlier run: verify would leave it */
    options[n++] = "--certificate";
    options[n++] = task->certificate;
  }
  options[n] = NULL;
  const JobPlan plan = {.program = p->program,
                        .options = options,
                        .net = instance->net,
                        .spec = instance->spec,
                        .timeout = instance->timeout,
                        .memory = p->memory,
                        .threads = p->threads};
  const Status rc = job_start(crew->pool, &plan, task, err);
  mem_free(options);
  if (rc) task_free(task);
  return rc;
}

static _Noreturn void become_checker(const char *program, const Task *task,
                                     pid_t parent)
{
  const int nothing = open("/dev/null", O_RDWR);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  if (getppid() != parent || nothing < 0) _exit(127);
  for (int fd = 0; fd <= 2; fd++)
    dup2(nothing, fd);
  execl(program, program, task->certificate, task->instance->net, task->instance->spec,
        (char *)NULL);
  _exit(127);
}

static bool start_check(Crew *crew, Task *task)
{
  const pid_t parent = getpid();
  fflush(NULL);
  task->started = clock_now();
  task->checker = fork();
  if (task->checker == 0) become_checker(crew->plan.checker, task, parent);
  if (task->checker < 0) return false;
  task->next = crew->checks;
  crew->checks = task;
  crew->n_checks++;
  return true;
}

/* ---- wait -------------------------------------------------------------------- */

/* Hand over what a task found. */
static void deliver(Crew *crew, Task *task, Row *row, Text *line)
{
  if (crew->is_stopped) {
    *row = (Row){0};
  } else {
    row_print(&task->row, task->verify, line);
    *row = task->row;
    task->row = (Row){0};
  }
  task_free(task);
}

/* Replaces the message, which is empty for what is verified. */
static void complain(Row *row, const char *what, double number)
{
  Text t = {0};
  text_add(&t, "dualcert-check: %s %.0f", what, number);
  mem_free(row->message);
  row->message = mem_strdup(t.s);
  text_free(&t);
}

static void judge(Task *task, int status)
{
  Row *row = &task->row;
  row->check_time = row_seconds(clock_now() - task->started);
  if (task->is_impatient) {
    complain(row, "killed after seconds:", crew_patience(task->instance->timeout));
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    row->check = ROW_ACCEPTED;
  } else {
    row->check = ROW_REFUSED;
    if (WIFEXITED(status))
      complain(row, "exit status", WEXITSTATUS(status));
    else
      complain(row, "signal", WTERMSIG(status));
  }
}

/* A task whose checker has ended, taken out of the list; or NULL. */
static Task *take_checked(Crew *crew)
{
  for (Task **link = &crew->checks; *link; link = &(*link)->next) {
    Task *task = *link;
    int status = 0;
    const pid_t got = waitpid(task->checker, &status, WNOHANG);
    if (got != task->checker) {
      if (clock_now() - task->started > crew_patience(task->instance->timeout)) {
        task->is_impatient = true;
        kill(task->checker, SIGKILL);
      }
      continue;
    }
    judge(task, status);
    *link = task->next;
    crew->n_checks--;
    return task;
  }
  return NULL;
}

/* The job of a task has ended.  False when its certificate is now being checked. */
static bool finish_job(Crew *crew, Task *task, JobOutcome *outcome)
{
  struct stat info;
  row_of_job(task->instance, outcome, &task->row);
  if (outcome->end == JOB_ANSWERED) task->verify = mem_strdup(outcome->text);
  job_outcome_reset(outcome);
  if (!task->certificate || task->row.result != ROW_UNSAT) return true;
  if (stat(task->certificate, &info) || info.st_size == 0) return true;
  task->row.certificate = mem_strdup(task->certificate);
  task->row.bytes = (double)info.st_size;
  if (!crew->plan.checker || crew->is_stopped) return true;
  if (start_check(crew, task)) return false;
  complain(&task->row, "cannot be started: error", errno);
  return true;
}

static void rest(double seconds)
{
  nanosleep(&(struct timespec){.tv_nsec = (long)(fmin(seconds, 0.9) * 1e9)}, NULL);
}

bool crew_wait(Crew *crew, double seconds, Row *row, Text *line)
{
  const double until = clock_now() + seconds;
  for (;;) {
    Task *task = take_checked(crew);
    void *tag;
    JobOutcome outcome;
    const double left = until - clock_now();
    const double step = fmax(0, crew->n_checks ? fmin(left, 0.02) : left);
    if (!task && job_running(crew->pool)) {
      if (job_wait(crew->pool, step, &tag, &outcome) && finish_job(crew, tag, &outcome))
        task = tag;
    } else if (!task && crew->n_checks) {
      rest(step);
    }
    if (task) {
      deliver(crew, task, row, line);
      return true;
    }
    if (clock_now() >= until || !crew_running(crew)) return false;
  }
}

void crew_stop(Crew *crew)
{
  crew->is_stopped = true;
  job_stop_all(crew->pool);
  for (Task *task = crew->checks; task; task = task->next)
    kill(task->checker, SIGKILL);
}

void crew_free(Crew *crew)
{
  if (!crew) return;
  Text line = {0};
  Row row;
  crew_stop(crew);
  while (crew_running(crew))
    if (crew_wait(crew, 1.0, &row, &line)) row_reset(&row);
  text_free(&line);
  job_pool_free(crew->pool);
  mem_free(crew);
}
