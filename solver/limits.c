/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/mem.h"

#define FIRST_ROOM   ((size_t)1 << 16) /* bytes reserved for last words */
#define MAX_FALLBACK 4096

enum { NOT_PRINTED, PRINTING, PRINTED };

static Stop stop;
static LimitsPlan plan_now;
static pthread_t watchdog;
static int wake[2] = {-1, -1}; /* a byte: a signal came ('s') or the end ('e') */
static Text reserve;
static pthread_mutex_t reserve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction old_int, old_term, old_alarm;

static atomic_flag claimed = ATOMIC_FLAG_INIT;
static _Thread_local bool claimed_here;
static atomic_int printed;
static atomic_int exit_now; /* the status of the handler below */
static char fallback[RESULT_INTERRUPTED + 1][MAX_FALLBACK];
static atomic_int fallback_why;

/* ---- signals ------------------------------------------------------------- */

static void write_all(const char *text)
{
  size_t n = strlen(text);
  while (n) {
    const ssize_t put = write(STDOUT_FILENO, text, n);
    if (put < 0 && errno != EINTR) return;
    if (put > 0) {
      text += put;
      n -= (size_t)put;
    }
  }
}

/* The fallback unless somebody is printing; then the end unless still printing. */
static void say_fallback(void)
{
  int expected = NOT_PRINTED;
  if (atomic_compare_exchange_strong(&printed, &expected, PRINTING)) {
    write_all(fallback[atomic_load(&fallback_why)]);
    _exit(atomic_load(&exit_now));
  }
  if (expected == PRINTED) _exit(atomic_load(&exit_now));
}

static void on_signal(int number)
{
  (void)number;
  const int saved = errno;
  atomic_store(&stop.interrupted, 1);
  const ssize_t put = write(wake[1], "s", 1);
  (void)put; /* a full pipe has woken the watchdog already */
  errno = saved;
}

static void on_alarm(int number)
{
  (void)number;
  const int saved = errno;
  say_fallback();
  errno = saved;
}

static void install(int number, void (*handler)(int), struct sigaction *old)
{
  struct sigaction action = {0};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, old);
}

/* ---- last words ---------------------------------------------------------- */

static bool try_claim(void)
{
  if (atomic_flag_test_and_set(&claimed)) return claimed_here;
  claimed_here = true;
  mem_set_limit(0); /* what is left of the system's memory may be used to speak */
  return true;
}

static _Noreturn void wait_for_the_end(void)
{
  for (;;)
    pause();
}

/* The room for last words, taken out of `reserve`. */
static Text take_reserve(Text other)
{
  pthread_mutex_lock(&reserve_lock);
  const Text taken = reserve;
  reserve = other;
  pthread_mutex_unlock(&reserve_lock);
  return taken;
}

static _Noreturn void speak(Reason why)
{
  atomic_store(&fallback_why, (int)why);
  const struct itimerval soon = {.it_value = {.tv_sec = 1},
                                 .it_interval = {.tv_sec = 1}};
  setitimer(ITIMER_REAL, &soon, NULL);
  Text out = take_reserve((Text){0});
  const int code = plan_now.last_words(why, &out);
  _exit(code);
}

static void on_exhausted(size_t wanted)
{
  (void)wanted;
  if (claimed_here) { /* even speaking takes too much */
    atomic_store(&fallback_why, RESULT_MEMORY);
    say_fallback();
    _exit(atomic_load(&exit_now));
  }
  if (!try_claim()) wait_for_the_end();
  speak(RESULT_MEMORY);
}

/* ---- watchdog ------------------------------------------------------------ */

/* Milliseconds for poll until that time, rounded up; -1 for never. */
static int wait_ms(double until)
{
  if (isinf(until)) return -1;
  const double ms = ceil((until - clock_now()) * 1000);
  return ms < 0 ? 0 : ms > 1e6 ? 1000000 : (int)ms;
}

/* The time is up and somebody else has the output.  That is fine, but who has sent a
 * signal must not wait for ever for a blocked pipe: returns the time to end it. */
static double let_others_print(bool *warned)
{
  if (!atomic_load(&stop.interrupted)) return INFINITY;
  if (*warned) {
    atomic_store(&fallback_why, RESULT_INTERRUPTED);
    say_fallback();
    _exit(atomic_load(&exit_now));
  }
  *warned = true;
  return clock_now() + 2 * LIMITS_GRACE_S;
}

static void *watch(void *unused)
{
  (void)unused;
  bool warned = false;
  double end = stop.deadline + LIMITS_GRACE_S;
  for (;;) {
    if (clock_now() >= end) {
      if (try_claim())
        speak(atomic_load(&stop.interrupted) ? RESULT_INTERRUPTED : RESULT_TIMEOUT);
      end = let_others_print(&warned);
    }
    struct pollfd p = {.fd = wake[0], .events = POLLIN};
    if (poll(&p, 1, wait_ms(end)) <= 0) continue;
    char byte = 0;
    if (read(wake[0], &byte, 1) != 1) continue;
    if (byte == 'e') return NULL;
    const double soon = clock_now() + LIMITS_GRACE_S;
    end = end < soon ? end : soon;
  }
}

/* The watchdog takes no signals, so that a handler never interrupts its words. */
static int start_watchdog(void)
{
  sigset_t all, old;
  sigfillset(&all);
  sigdelset(&all, SIGALRM);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const int rc = pthread_create(&watchdog, NULL, watch, NULL);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return rc;
}

/* ---- the interface ------------------------------------------------------- */

const Stop *limits_begin(const LimitsPlan *plan, Err *err)
{
  plan_now = *plan;
  stop_init(&stop, plan->timeout);
  if (pipe(wake) != 0) {
    status_fail(err, STATUS_OS, "no pipe for signals: %s", strerror(errno));
    return NULL;
  }
  for (int i = 0; i < 2; i++) {
    fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    fcntl(wake[i], F_SETFL, O_NONBLOCK);
  }
  for (Reason why = RESULT_TIMEOUT; why <= RESULT_INTERRUPTED; why++) {
    const char *text = plan->fallback(why);
    STATUS_REQUIRE(strlen(text) < MAX_FALLBACK, "the fallback text is too long");
    memcpy(fallback[why], text, strlen(text) + 1);
  }
  atomic_store(&exit_now, plan->fallback_exit);
  atomic_store(&printed, NOT_PRINTED);
  atomic_flag_clear(&claimed);
  claimed_here = false;
  limits_reserve(FIRST_ROOM);
  mem_on_exhausted(on_exhausted);
  mem_set_limit(plan->memory);
  install(SIGALRM, on_alarm, &old_alarm);
  install(SIGINT, on_signal, &old_int);
  install(SIGTERM, on_signal, &old_term);
  const int rc = start_watchdog();
  if (!rc) return &stop;
  status_fail(err, STATUS_OS, "no thread for the watchdog: %s", strerror(rc));
  return NULL;
}

void limits_claim(void)
{
  if (!try_claim()) wait_for_the_end();
}

Status limits_print(const Text *answer, int code, Err *err)
{
  int expected = NOT_PRINTED;
  if (!atomic_compare_exchange_strong(&printed, &expected, PRINTING))
    wait_for_the_end();
  atomic_store(&exit_now, code);
  const Status rc = file_write("-", answer->s ? answer->s : "", answer->n, err);
  atomic_store(&printed, PRINTED);
  return rc;
}

void limits_reserve(size_t bytes)
{
  char *s = mem_alloc(bytes); /* may end the process, so without the lock */
  s[0] = '\0';
  Text old = take_reserve((Text){.s = s, .room = bytes});
  text_free(&old);
}

void limits_end(void)
{
  if (wake[1] < 0) return;
  const ssize_t put = write(wake[1], "e", 1);
  (void)put;
  pthread_join(watchdog, NULL);
  /* The answer is out: a signal must not give it another exit status any more. */
  if (atomic_load(&printed) == PRINTED)
    old_int.sa_handler = old_term.sa_handler = SIG_IGN;
  sigaction(SIGINT, &old_int, NULL);
  sigaction(SIGTERM, &old_term, NULL);
  sigaction(SIGALRM, &old_alarm, NULL);
  mem_on_exhausted(NULL);
  mem_set_limit(0);
  for (int i = 0; i < 2; i++) {
    close(wake[i]);
    wake[i] = -1;
  }
  text_free(&reserve);
}
