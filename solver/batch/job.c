/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/job.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "net/base/text.h"

/* How often the memory of jobs is looked at, in seconds. */
#define WATCH 0.1

/* More than any result; a job that prints more has gone mad. */
#define MAX_TEXT ((size_t)1 << 30)

typedef struct Job Job;
struct Job {
  Job *next;
  void *tag;
  pid_t pid;
  int life;        /* the reading end of a pipe whose other end only the job holds */
  FILE *out, *err; /* temporary files without a name */
  double started, deadline;
  double kill_at;   /* INFINITY until SIGTERM was sent */
  long limit_pages; /* resident pages; 0: no limit */
  JobEnd why;       /* why we ended it; JOB_ANSWERED: we did not */
};

struct JobPool {
  Job *jobs;
  int n;
};

JobPool *job_pool_new(void)
{
  return mem_zero(1, sizeof(JobPool));
}

const char *job_program(void)
{
  static char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return "dualcert";
  path[n] = '\0';
  return path;
}

/* ---- start --------------------------------------------------------------- */

enum { MAX_FIXED = 16 };

/* The arguments of a plan: owned array, the numbers printed into `text`. */
static const char **arguments(const JobPlan *plan, Text *text)
{
  size_t n_more = 0, n = 0;
  while (plan->options && plan->options[n_more])
    n_more++;
  const char **argv = mem_array(n_more + MAX_FIXED, sizeof *argv);
  const bool is_limited = plan->timeout > 0 && isfinite(plan->timeout);
  /* Printed first: the text moves while it grows. */
  text_add(text, "--timeout=%.3f", is_limited ? plan->timeout : 0.0);
  const size_t memory = text->n + 1;
  text_add(text, "%c--memory=%d", '\n', plan->memory);
  const size_t threads = text->n + 1;
  text_add(text, "%c--threads=%d", '\n', plan->threads);
  text->s[memory - 1] = text->s[threads - 1] = '\0';

  argv[n++] = plan->program ? plan->program : job_program();
  argv[n++] = "verify";
  argv[n++] = "-q";
  argv[n++] = "--format=json";
  if (is_limited) argv[n++] = text->s;
  if (plan->memory > 0) argv[n++] = text->s + memory;
  if (plan->threads > 0) argv[n++] = text->s + threads;
  for (size_t i = 0; i < n_more; i++)
    argv[n++] = plan->options[i];
  if (plan->spec) {
    /* A file may be called -x. */
    argv[n++] = "--";
    argv[n++] = plan->net;
    argv[n++] = plan->spec;
  }
  argv[n] = NULL;
  return argv;
}

/* In the child: never returns. */
static _Noreturn void become(const Job *job, int life, pid_t parent, const char **argv)
{
  const int nothing = open("/dev/null", O_RDONLY);
  sigset_t none;
  sigemptyset(&none);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || nothing < 0 || dup2(nothing, 0) < 0 ||
      dup2(fileno(job->out), 1) < 0 || dup2(fileno(job->err), 2) < 0 ||
      fcntl(life, F_SETFD, 0) < 0)
    _exit(127);
  execv(argv[0], (char *const *)argv);
  dprintf(2, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

/* Pipe and files are for this job alone: later jobs must not hold them open. */
static bool open_files(Job *job, int *life)
{
  int ends[2];
  job->out = tmpfile();
  job->err = tmpfile();
  if (!job->out || !job->err || pipe(ends)) return false;
  job->life = ends[0];
  *life = ends[1];
  const int all[] = {ends[0], ends[1], fileno(job->out), fileno(job->err)};
  for (int i = 0; i < 4; i++)
    fcntl(all[i], F_SETFD, FD_CLOEXEC);
  return true;
}

static void close_files(Job *job)
{
  if (job->out) fclose(job->out);
  if (job->err) fclose(job->err);
  if (job->life >= 0) close(job->life);
}

Status job_start(JobPool *pool, const JobPlan *plan, void *tag, Err *err)
{
  Job *job = mem_zero(1, sizeof *job);
  int life = -1;
  job->life = -1;
  if (!open_files(job, &life)) {
    close_files(job);
    mem_free(job);
    return status_fail(err, STATUS_OS, "cannot start a job: %s", strerror(errno));
  }
  Text text = {0};
  const char **argv = arguments(plan, &text);
  const pid_t parent = getpid();
  fflush(NULL);
  job->started = clock_now();
  job->pid = fork();
  if (job->pid == 0) become(job, life, parent, argv);
  const int why = errno;
  close(life);
  mem_free(argv);
  text_free(&text);
  if (job->pid < 0) {
    close_files(job);
    mem_free(job);
    return status_fail(err, STATUS_OS, "cannot start a job: %s", strerror(why));
  }
  const bool is_limited = plan->timeout > 0 && isfinite(plan->timeout);
  job->deadline = is_limited ? job->started + plan->timeout + JOB_GRACE : INFINITY;
  job->kill_at = INFINITY;
  job->limit_pages =
      plan->memory > 0 ? (long)plan->memory * 1280 / (sysconf(_SC_PAGESIZE) / 1024) : 0;
  job->tag = tag;
  job->next = pool->jobs;
  pool->jobs = job;
  pool->n++;
  return STATUS_OK;
}

int job_running(const JobPool *pool)
{
  return pool->n;
}

/* ---- watch --------------------------------------------------------------- */

/* The group: the program may be a script. */
static void send_signal(const Job *job, int number)
{
  if (kill(-job->pid, number)) kill(job->pid, number);
}

static void end_job(Job *job, JobEnd why, double now)
{
  if (isfinite(job->kill_at)) return;
  job->why = why;
  job->kill_at = why == JOB_MEMORY ? now : now + JOB_KILL;
  send_signal(job, why == JOB_MEMORY ? SIGKILL : SIGTERM);
}

static long resident_pages(pid_t pid)
{
  char path[64];
  long all = 0, resident = 0;
  snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  if (fscanf(f, "%ld %ld", &all, &resident) != 2) resident = 0;
  fclose(f);
  return resident;
}

static void watch(Job *job, double now)
{
  if (now >= job->kill_at) {
    send_signal(job, SIGKILL);
    job->kill_at = now + JOB_KILL;
  } else if (now >= job->deadline) {
    end_job(job, JOB_STUCK, now);
  } else if (job->limit_pages && resident_pages(job->pid) > job->limit_pages) {
    end_job(job, JOB_MEMORY, now);
  }
}

void job_stop_all(JobPool *pool)
{
  for (Job *job = pool->jobs; job; job = job->next)
    end_job(job, JOB_STOPPED, clock_now());
}

/* ---- outcomes ------------------------------------------------------------ */

/* All of a stream, NUL-terminated and owned; NULL when it is too long. */
static char *read_all(FILE *f, size_t *size)
{
  char *text = NULL;
  if (fseek(f, 0, SEEK_END) == 0) {
    const long n = ftell(f);
    if (n >= 0 && (size_t)n <= MAX_TEXT) {
      rewind(f);
      text = mem_alloc((size_t)n + 1);
      *size = fread(text, 1, (size_t)n, f);
      text[*size] = '\0';
    }
  }
  return text;
}

/* The first line, without the program's name; control characters become blanks. */
static char *first_line(FILE *f)
{
  char line[1000] = "";
  rewind(f);
  if (!fgets(line, sizeof line, f)) line[0] = '\0';
  const char *start = line;
  if (!strncmp(start, "dualcert: ", 10)) start += 10;
  char *text = mem_strdup(start);
  for (char *s = text; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 0x7f) *s = ' ';
  size_t n = strlen(text);
  while (n > 0 && text[n - 1] == ' ')
    text[--n] = '\0';
  return text;
}

static void explain(JobOutcome *o, const char *format, double number)
{
  Text text = {0};
  text_add(&text, format, number);
  mem_free(o->message);
  o->message = mem_strdup(text.s);
  text_free(&text);
}

/* What the end of the process means. */
static void classify(const Job *job, JobOutcome *o)
{
  const bool is_verdict = o->signal == 0 && o->exit_status >= 0 && o->exit_status <= 3;
  if (job->why == JOB_STOPPED) {
    o->end = JOB_STOPPED;
  } else if (job->why == JOB_MEMORY) {
    o->end = JOB_MEMORY;
    explain(o, "killed: it used more than %.0f MB",
            (double)job->limit_pages * (double)sysconf(_SC_PAGESIZE) / 1048576);
  } else if (is_verdict && o->json) {
    o->end = JOB_ANSWERED;
  } else if (job->why == JOB_STUCK) {
    o->end = JOB_STUCK;
    explain(o, "did not stop %.0f s after its timeout", JOB_GRACE);
  } else if (o->signal == SIGKILL) {
    o->end = JOB_MEMORY;
    explain(o, "killed by signal %.0f, probably for want of memory", (double)SIGKILL);
  } else if (o->signal) {
    o->end = JOB_CRASHED;
    explain(o, "crashed: signal %.0f", o->signal);
  } else if (o->exit_status >= 64 && o->exit_status <= 78) {
    o->end = JOB_REFUSED;
  } else {
    o->end = JOB_CRASHED;
    if (is_verdict || !*o->message)
      explain(o, "exit status %.0f without a result", o->exit_status);
  }
}

static double seconds_of(struct timeval t)
{
  return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void finish(Job *job, int status, const struct rusage *use, JobOutcome *o)
{
  *o = (JobOutcome){.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                    .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                    .wall = clock_now() - job->started,
                    .cpu = seconds_of(use->ru_utime) + seconds_of(use->ru_stime),
                    .peak_kb = use->ru_maxrss};
  File file = {0};
  file.data = read_all(job->out, &file.size);
  if (!file.data) file.data = mem_strdup("");
  o->message = first_line(job->err);
  Err ignored = {0};
  o->json = file.size ? json_parse("result", &file, &ignored) : NULL;
  status_reset(&ignored);
  if (o->json && !cJSON_IsObject(o->json)) {
    cJSON_Delete(o->json);
    o->json = NULL;
  }
  o->text = file.data;
  classify(job, o);
}

void job_outcome_reset(JobOutcome *outcome)
{
  mem_free(outcome->text);
  mem_free(outcome->message);
  if (outcome->json) cJSON_Delete(outcome->json);
  *outcome = (JobOutcome){0};
}

const char *job_word(const JobOutcome *outcome)
{
  if (outcome->end != JOB_ANSWERED)
    return outcome->end == JOB_STUCK     ? "timeout"
           : outcome->end == JOB_STOPPED ? "unknown"
                                         : "error";
  const cJSON *const verdict = json_get(outcome->json, "verdict");
  const cJSON *const reason = json_get(outcome->json, "reason");
  const char *const word = cJSON_IsString(verdict) ? verdict->valuestring : "";
  if (!strcmp(word, "verified")) return "unsat";
  if (!strcmp(word, "falsified")) return "sat";
  if (strcmp(word, "unknown")) return "error";
  return cJSON_IsString(reason) && !strcmp(reason->valuestring, "timeout") ? "timeout"
                                                                           : "unknown";
}

/* ---- wait ---------------------------------------------------------------- */

/* The first job whose process has ended, taken out of the pool; or NULL. */
static Job *take_ended(JobPool *pool, int *status, struct rusage *use)
{
  for (Job **link = &pool->jobs; *link; link = &(*link)->next) {
    Job *const job = *link;
    pid_t got;
    while ((got = wait4(job->pid, status, WNOHANG, use)) < 0 && errno == EINTR)
      ;
    if (got != job->pid) continue;
    *link = job->next;
    pool->n--;
    return job;
  }
  return NULL;
}

/* Until a job ends, or it is time to watch again, or a signal comes. */
static void pause_for(const JobPool *pool, double seconds)
{
  struct pollfd *fds = mem_zero((size_t)pool->n + 1, sizeof *fds);
  nfds_t n = 0;
  for (const Job *job = pool->jobs; job; job = job->next)
    fds[n++] = (struct pollfd){.fd = job->life, .events = POLLIN};
  poll(fds, n, (int)ceil(fmin(seconds, WATCH) * 1e3));
  /* The pipe closes a moment before the process is gone; a program that closes it by
   * itself must not make this a busy loop. */
  bool is_closed = false;
  for (nfds_t i = 0; i < n; i++)
    is_closed = is_closed || fds[i].revents;
  if (is_closed) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  mem_free(fds);
}

bool job_wait(JobPool *pool, double seconds, void **tag, JobOutcome *outcome)
{
  const double until = clock_now() + seconds;
  int status = 0;
  struct rusage use = {0};
  Job *job;
  while (!(job = take_ended(pool, &status, &use))) {
    const double now = clock_now();
    if (now >= until || !pool->n) return false;
    for (Job *j = pool->jobs; j; j = j->next)
      watch(j, now);
    pause_for(pool, until - now);
  }
  finish(job, status, &use, outcome);
  *tag = job->tag;
  close_files(job);
  mem_free(job);
  return true;
}

void job_pool_free(JobPool *pool)
{
  if (!pool) return;
  JobOutcome outcome;
  void *tag;
  for (Job *job = pool->jobs; job; job = job->next)
    send_signal(job, SIGKILL);
  while (pool->n)
    if (job_wait(pool, 1.0, &tag, &outcome)) job_outcome_reset(&outcome);
  mem_free(pool);
}
