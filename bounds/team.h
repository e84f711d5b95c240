/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/team.h -- several workspaces for independent batches, one thread each.
 *
 * Tasks are numbered; who runs which is decided as they go, but what a task computes
 * does not depend on it, so results are the same for any number of threads.
 */
#ifndef BOUNDS_TEAM_H
#define BOUNDS_TEAM_H

#include "bounds/lagrangian.h"
#include "net/net.h"

typedef struct {
  int n;               /* >= 1 */
  Lagrangian **member; /* member[0] belongs to the caller's thread */
} Team;

Team *team_new(const Net *net, int n_threads, int max_rows);
void team_free(Team *team); /* NULL is fine */

/* Run task (context, member, i) for i = 0..n_tasks-1, on up to team->n threads.
 * A member runs one task at a time.  Returns when all are done.  Where a thread cannot
 * be started the others do its share. */
void team_run(const Team *team, int n_tasks,
              void (*task)(void *context, int member, int i), void *context);

#endif
