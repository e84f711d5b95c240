/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/mem.h"

#define MAX_OUT (1 << 20)

struct Child {
  pid_t pid; /* 0: has ended */
  FILE *out, *err;
  double deadline;
  bool is_late;
};

/* In the new process: never returns. */
static _Noreturn void become(const Child *c, pid_t parent, const char *const *argv)
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
      dup2(fileno(c->out), 1) < 0 || dup2(fileno(c->err), 2) < 0)
    _exit(127);
  execv(argv[0], (char *const *)argv);
  dprintf(2, "%s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

static void close_files(Child *c)
{
  if (c->out) fclose(c->out);
  if (c->err) fclose(c->err);
}

Child *child_start(const char *const *argv, double timeout, Err *err)
{
  Child *c = mem_zero(1, sizeof *c);
  c->out = tmpfile();
  c->err = tmpfile();
  c->deadline = clock_now() + timeout;
  const pid_t parent = getpid();
  fflush(NULL);
  pid_t pid = -1;
  if (c->out && c->err) {
    fcntl(fileno(c->out), F_SETFD, FD_CLOEXEC);
    fcntl(fileno(c->err), F_SETFD, FD_CLOEXEC);
    pid = fork();
  }
  if (pid == 0) become(c, parent, argv);
  if (pid > 0) {
    c->pid = pid;
    return c;
  }
  status_fail(err, STATUS_OS, "cannot start %s: %s", argv[0], strerror(errno));
  close_files(c);
  mem_free(c);
  return NULL;
}

/* The first bytes of a file as a text. */
static char *read_some(FILE *f, size_t most)
{
  char *text = mem_alloc(most + 1);
  rewind(f);
  text[fread(text, 1, most, f)] = '\0';
  return text;
}

/* The group: the program may be a script. */
static void send_kill(const Child *c)
{
  if (kill(-c->pid, SIGKILL)) kill(c->pid, SIGKILL);
}

bool child_ended(Child *c, ChildEnd *end)
{
  if (!c->pid) return false;
  int status = 0;
  const pid_t got = waitpid(c->pid, &status, WNOHANG);
  if (got != c->pid && !(got < 0 && errno == ECHILD)) {
    if (clock_now() >= c->deadline && !c->is_late) {
      c->is_late = true;
      send_kill(c);
    }
    return false;
  }
  c->pid = 0;
  *end = (ChildEnd){.exit_status = -1, .is_late = c->is_late};
  if (got > 0 && WIFEXITED(status)) end->exit_status = WEXITSTATUS(status);
  if (got > 0 && WIFSIGNALED(status)) end->signal = WTERMSIG(status);
  end->out = read_some(c->out, MAX_OUT);
  end->err = read_some(c->err, 1000);
  end->err[strcspn(end->err, "\n")] = '\0';
  for (char *s = end->err; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 0x7f) *s = ' ';
  return true;
}

void child_end_reset(ChildEnd *end)
{
  mem_free(end->out);
  mem_free(end->err);
  *end = (ChildEnd){0};
}

void child_free(Child *c)
{
  if (!c) return;
  if (c->pid) {
    send_kill(c);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  close_files(c);
  mem_free(c);
}
