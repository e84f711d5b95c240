/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/mpi.h"

#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/batch/crew.h"

enum { TAG_READY = 1, TAG_RUN, TAG_ROW, TAG_AWAY };

enum { NO_MORE = -1, STOP = -2 };

/* MPI_Recv may wait with a busy processor, which the jobs need; so nothing is received
 * before it is there, and this long is slept in between. */
#define PAUSE 0.005

static int rank, n_ranks;
static bool is_running; /* between mpi_begin and mpi_end */
static bool has_met;    /* all ranks have compared their lists */

void mpi_begin(int *argc, char ***argv)
{
  MPI_Init(argc, argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
  is_running = true;
}

bool mpi_is_worker(void)
{
  return rank > 0;
}

static void rest(void)
{
  nanosleep(&(struct timespec){.tv_nsec = (long)(PAUSE * 1e9)}, NULL);
}

static void send_index(int worker, int index)
{
  MPI_Send(&index, 1, MPI_INT, worker, TAG_RUN, MPI_COMM_WORLD);
}

/* Is there a message?  Its sender, tag and length in bytes. */
static bool probe(MPI_Status *status, int *size)
{
  int there;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, status);
  if (there) MPI_Get_count(status, MPI_BYTE, size);
  return there != 0;
}

static char *receive(const MPI_Status *status, int size)
{
  char *data = mem_zero((size_t)size + 1, 1);
  MPI_Recv(data, size, MPI_BYTE, status->MPI_SOURCE, status->MPI_TAG, MPI_COMM_WORLD,
           MPI_STATUS_IGNORE);
  return data;
}

/* ---- the same list everywhere ------------------------------------------------- */

/* FNV-1a of all that a worker uses. */
static uint64_t digest(const Instances *list)
{
  uint64_t h = 1469598103934665603u;
  for (int i = 0; i < list->n; i++) {
    const Instance *one = &list->all[i];
    const char *const texts[] = {one->category, one->network, one->property};
    for (int k = 0; k < 3; k++)
      for (const char *c = texts[k]; c == texts[k] || c[-1]; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
  }
  return h;
}

/* Every rank comes here once; with 0 when it has no list. */
static bool meet(uint64_t mine)
{
  uint64_t least, most;
  has_met = true;
  MPI_Allreduce(&mine, &least, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&mine, &most, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
  return least == most && mine;
}

void mpi_end(void)
{
  if (!is_running) return;
  is_running = false;
  if (!has_met) meet(0);
  MPI_Finalize();
}

/* ---- rank 0 --------------------------------------------------------------------- */

typedef struct {
  const Instances *list;
  int *ready; /* int ready[n_ready]: ranks that wait for an instance, some twice */
  int n_ready, room, n_running;
  int n_away; /* workers that have ended */
} Hub;

static void add_ready(Hub *hub, int worker)
{
  if (hub->n_ready == hub->room) {
    hub->room = hub->room ? 2 * hub->room : 64;
    hub->ready = mem_grow(hub->ready, (size_t)hub->room, sizeof *hub->ready);
  }
  hub->ready[hub->n_ready++] = worker;
}

/* Where a worker has ended before it was dismissed, what it ran is lost. */
static int hub_room(void *self)
{
  const Hub *hub = self;
  return hub->n_away ? -1 : hub->n_ready;
}

static int hub_running(void *self)
{
  const Hub *hub = self;
  return hub->n_away ? 0 : hub->n_running;
}

static Status hub_start(void *self, const Instance *instance, Err *err)
{
  Hub *hub = self;
  (void)err;
  send_index(hub->ready[--hub->n_ready], (int)(instance - hub->list->all));
  hub->n_running++;
  return STATUS_OK;
}

/* A line from a worker; an empty one: it was stopped. */
static void take_row(Hub *hub, const char *data, int size, Row *row, Text *line)
{
  *row = (Row){0};
  hub->n_running--;
  if (size == 0) return;
  Err err = {0};
  text_add(line, "%s", data);
  if (row_read("a row of a worker", data, (size_t)size - 1, row, NULL, &err))
    STATUS_REQUIRE(false, err.text);
}

static bool hub_wait(void *self, double seconds, Row *row, Text *line)
{
  Hub *hub = self;
  const double until = clock_now() + seconds;
  for (;;) {
    MPI_Status status;
    int size;
    if (!probe(&status, &size)) {
      rest();
      if (clock_now() >= until || suite_signal()) return false;
      continue;
    }
    char *data = receive(&status, size);
    const int tag = status.MPI_TAG;
    if (tag == TAG_READY) add_ready(hub, status.MPI_SOURCE);
    if (tag == TAG_AWAY) hub->n_away++;
    if (tag == TAG_ROW) take_row(hub, data, size, row, line);
    mem_free(data);
    return tag == TAG_ROW; /* else there may be something to hand out now */
  }
}

static void hub_stop(void *self)
{
  (void)self;
  for (int worker = 1; worker < n_ranks; worker++)
    send_index(worker, STOP);
}

/* Let all workers go, and hear what they still say. */
static void dismiss(Hub *hub)
{
  for (int worker = 1; worker < n_ranks; worker++)
    send_index(worker, NO_MORE);
  while (hub->n_away < n_ranks - 1) {
    Row row = {0};
    Text line = {0};
    hub_wait(hub, 0.1, &row, &line);
    row_reset(&row);
    text_free(&line);
  }
}

static int run_hub(const SuitePlan *plan, const Instances *list, Text *table, Err *err)
{
  Hub hub = {.list = list};
  const SuiteHands hands = {&hub, hub_room, hub_running, hub_start, hub_wait, hub_stop};
  const int code = suite_run(plan, list, &hands, table, err);
  dismiss(&hub);
  mem_free(hub.ready);
  return code;
}

/* ---- workers -------------------------------------------------------------------- */

/* An empty row, of a job that was stopped, is an empty message. */
static void send_row(Crew *crew)
{
  Row row = {0};
  Text line = {0};
  if (crew_wait(crew, PAUSE, &row, &line))
    MPI_Send(line.s, (int)line.n, MPI_BYTE, 0, TAG_ROW, MPI_COMM_WORLD);
  row_reset(&row);
  text_free(&line);
}

/* What rank 0 says: the index of an instance, NO_MORE, STOP; false when it is silent.
 */
static bool hear(int *index)
{
  MPI_Status status;
  int size;
  if (!probe(&status, &size)) return false;
  MPI_Recv(index, 1, MPI_INT, 0, TAG_RUN, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return true;
}

static Status serve(const SuitePlan *plan, const Instances *list, Crew *crew,
                    bool *is_last, Err *err)
{
  int asked = 0, index;
  Status rc = STATUS_OK;
  while (!rc && (!*is_last || crew_running(crew))) {
    for (; !*is_last && asked + crew_running(crew) < plan->jobs; asked++)
      MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_READY, MPI_COMM_WORLD);
    if (hear(&index)) {
      if (index == STOP) crew_stop(crew);
      if (index == NO_MORE) *is_last = true;
      if (index >= 0) {
        asked--;
        rc = crew_start(crew, &list->all[index], err);
      }
    } else if (crew_running(crew)) {
      send_row(crew);
    } else {
      rest();
    }
  }
  return rc;
}

/* Signals are for rank 0, which tells all others.  Who cannot go on says so, and then
 * hears rank 0 out, which could not send otherwise. */
static int run_worker(const SuitePlan *plan, const Instances *list, Err *err)
{
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  bool is_last = false;
  Crew *crew = crew_new(&plan->crew);
  const Status rc = serve(plan, list, crew, &is_last, err);
  crew_free(crew);
  MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_AWAY, MPI_COMM_WORLD);
  for (int index = 0; !is_last; is_last = index == NO_MORE)
    if (!hear(&index)) rest();
  return (int)rc;
}

int mpi_run(const SuitePlan *plan, const Instances *list, Text *table, Err *err)
{
  if (!meet(digest(list)))
    return (int)status_fail(err, STATUS_DATA,
                            "the lists of instances differ between machines, or one of "
                            "them cannot read them");
  if (rank > 0) return run_worker(plan, list, err);
  if (n_ranks > 1) return run_hub(plan, list, table, err);
  SuiteLocal local = {crew_new(&plan->crew), plan->jobs};
  const SuiteHands hands = suite_local(&local);
  const int code = suite_run(plan, list, &hands, table, err);
  crew_free(local.crew);
  return code;
}
