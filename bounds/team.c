/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/team.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bounds/lp.h"
#include "net/base/mem.h"

Team *team_new(const Net *net, int n_threads, int max_rows)
{
  Team *team = mem_zero(1, sizeof *team);
  team->n = n_threads > 1 ? n_threads : 1;
  team->member = mem_zero((size_t)team->n, sizeof *team->member);
  for (int i = 0; i < team->n; i++)
    team->member[i] = lagrangian_new(net, max_rows);
  return team;
}

void team_free(Team *team)
{
  if (!team) return;
  for (int i = 0; i < team->n; i++)
    lagrangian_free(team->member[i]);
  mem_free(team->member);
  mem_free(team);
}

typedef struct {
  const Team *team;
  int n_tasks;
  void (*task)(void *, int, int);
  void *context;
  atomic_int next;
  MemAccount *account; /* the caller's */
  atomic_bool is_exhausted;
} Round;

typedef struct {
  Round *round;
  int member;
  pthread_t thread;
} Worker;

/* Exhausted memory ends a thread's work; the caller's thread passes it on. */
static void work(const Worker *worker)
{
  Round *const round = worker->round;
  MemCatch exhausted;
  mem_catch_begin(&exhausted);
  if (setjmp(exhausted.here)) {
    atomic_store(&round->is_exhausted, true);
    return;
  }
  int i;
  while (!atomic_load(&round->is_exhausted) &&
         (i = atomic_fetch_add(&round->next, 1)) < round->n_tasks)
    round->task(round->context, worker->member, i);
  mem_catch_end(&exhausted);
}

/* Tasks may have solved linear programs, for which GLPK keeps memory per thread. */
static void *work_in_thread(void *argument)
{
  mem_account_use(((const Worker *)argument)->round->account);
  work(argument);
  lp_release();
  return NULL;
}

void team_run(const Team *team, int n_tasks,
              void (*task)(void *context, int member, int i), void *context)
{
  if (team->n == 1 || n_tasks <= 1) {
    for (int i = 0; i < n_tasks; i++)
      task(context, 0, i);
    return;
  }
  Round round = {.team = team,
                 .n_tasks = n_tasks,
                 .task = task,
                 .context = context,
                 .account = mem_account_now()};
  const int wanted = n_tasks < team->n ? n_tasks : team->n;
  Worker *workers = mem_zero((size_t)(wanted > 0 ? wanted : 1), sizeof *workers);
  atomic_init(&round.next, 0);
  int started = 1;
  workers[0].round = &round;
  for (; started < wanted; started++) {
    workers[started] = (Worker){.round = &round, .member = started};
    if (pthread_create(&workers[started].thread, NULL, work_in_thread,
                       &workers[started]))
      break;
  }
  work(&workers[0]);
  for (int i = 1; i < started; i++)
    pthread_join(workers[i].thread, NULL);
  mem_free(workers);
  if (atomic_load(&round.is_exhausted)) mem_rethrow();
}
