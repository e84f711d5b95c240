/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/api/handle.h"

#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "bounds/lp.h"

/* As much as the main thread of a program has, or more where that is little. */
#define STACK_BYTES ((size_t)16 << 20)

/* ---- handles ------------------------------------------------------------- */

typedef struct {
  size_t bytes;
  Handle *made;
} Making;

static void make(void *context)
{
  Making *m = context;
  m->made = mem_zero(1, m->bytes);
}

void *handle_new(size_t bytes)
{
  Making m = {.bytes = bytes};
  MemAccount *own = mem_account_new();
  if (!own) return NULL;
  if (!handle_catch(own, make, &m)) {
    mem_account_free(own);
    return NULL;
  }
  m.made->own = own;
  m.made->error = "";
  return m.made;
}

void handle_free(Handle *handle)
{
  mem_account_free(handle->own);
}

void handle_clear(Handle *handle)
{
  mem_free(handle->text);
  handle->text = NULL;
  handle->error = "";
}

typedef struct {
  const char *text;
  char *copy;
} Copying;

static void copy(void *context)
{
  Copying *c = context;
  c->copy = mem_strdup(c->text);
}

int handle_fail(Handle *handle, int status, const char *text)
{
  Copying c = {.text = text};
  const bool copied = text && handle_catch(handle->own, copy, &c);
  handle_clear(handle);
  handle->text = c.copy;
  handle->error = copied                   ? c.copy
                  : status == STATUS_OS    ? "out of memory, or no thread could be made"
                  : status == STATUS_USAGE ? "an argument is NULL or empty"
                                           : dualcert_status_name(status);
  return status;
}

/* ---- memory -------------------------------------------------------------- */

bool handle_catch(MemAccount *account, void (*work)(void *), void *context)
{
  MemAccount *const before = mem_account_use(account);
  MemCatch exhausted;
  mem_catch_begin(&exhausted);
  const bool ok = setjmp(exhausted.here) == 0;
  if (ok) {
    work(context);
    mem_catch_end(&exhausted);
  }
  mem_account_use(before);
  return ok;
}

/* ---- threads ------------------------------------------------------------- */

typedef struct {
  void (*work)(void *);
  void *context;
} Call;

static locale_t c_locale;
static pthread_once_t locale_once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* GLPK's memory is the thread's, whatever became of its objects. */
static void *work_in_room(void *argument)
{
  const Call *call = argument;
  fesetenv(FE_DFL_ENV); /* a new thread inherits it; this ends flushing to zero too */
  pthread_once(&locale_once, make_locale);
  if (c_locale) uselocale(c_locale);
  call->work(call->context);
  lp_release();
  return NULL;
}

/* The mask is inherited as well, so it is set around the start. */
static bool start(pthread_t *thread, const pthread_attr_t *attributes, Call *call)
{
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const int rc = pthread_create(thread, attributes, work_in_room, call);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return rc == 0;
}

bool handle_run(void (*work)(void *), void *context)
{
  Call call = {.work = work, .context = context};
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes)) return false;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  const bool started = start(&thread, &attributes, &call);
  pthread_attr_destroy(&attributes);
  if (started) pthread_join(thread, NULL);
  return started;
}

typedef struct {
  MemAccount *account;
  void (*work)(void *);
  void *context;
  bool ok;
} Work;

static void work_with_account(void *context)
{
  Work *w = context;
  w->ok = handle_catch(w->account, w->work, w->context);
}

Status handle_work(MemAccount *account, void (*work)(void *), void *context,
                   const Err *err)
{
  Work w = {.account = account, .work = work, .context = context};
  if (!account || !handle_run(work_with_account, &w) || !w.ok) return STATUS_OS;
  return err->code;
}
