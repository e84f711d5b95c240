/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/gate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/batch/gate_step.h"

/* How often processes that check evidence are looked at, in seconds. */
#define LOOK 0.01

/* More pairs than anybody waits for, and far from where an int ends. */
#define MAX_ITEMS 1000000

/* ---- the loop ------------------------------------------------------------ */

/* Look at all processes that check evidence; how many there are. */
static int look_at_checks(GateRun *run)
{
  int n = 0;
  for (int i = 0; i < run->gate->n; i++) {
    GateWork *const w = &run->work[i];
    if (w->stage == GATE_STEP_CHECKING) gate_step_look(run, w);
    n += w->stage == GATE_STEP_CHECKING;
  }
  return n;
}

/* Until something has ended, or it is time to look again. */
static void wait_some(GateRun *run, int n_checks)
{
  void *tag = NULL;
  JobOutcome outcome = {0};
  if (!job_running(run->pool)) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(LOOK * 1e9)}, NULL);
  } else if (job_wait(run->pool, n_checks ? LOOK : 0.1, &tag, &outcome)) {
    gate_step_answer(run, tag, &outcome);
    job_outcome_reset(&outcome);
  }
}

/* False when it was stopped. */
static bool work_all(GateRun *run, const volatile sig_atomic_t *stop)
{
  int next = 0;
  while (run->n_done < run->gate->n) {
    if (*stop) return false;
    const int n_checks = look_at_checks(run);
    if (next < run->gate->n && job_running(run->pool) + n_checks < run->plan->jobs)
      gate_step_begin(run, &run->work[next++]);
    else if (run->n_done < run->gate->n)
      wait_some(run, n_checks);
  }
  return true;
}

/* ---- start and end ------------------------------------------------------- */

/* The name of a file without folder; at most 40 safe characters of it. */
static void add_stem(Text *id, const char *path)
{
  const char *const slash = strrchr(path, '/');
  const char *s = slash ? slash + 1 : path;
  for (int n = 0; *s && n < 40; s++, n++)
    text_add(id, "%c", isalnum((unsigned char)*s) || strchr("-_.", *s) ? *s : '_');
}

/* Readable, and made unique by a digest of what it is about. */
static char *make_id(const GateItem *item)
{
  Text all = {0}, id = {0};
  char sha256[65];
  text_add(&all, "%s\n%s\n%s\n%d", item->check->name, item->net, item->spec->path,
           item->spec->text ? item->spec->row : -1);
  file_digest(all.s, all.n, sha256);
  text_free(&all);
  add_stem(&id, item->check->name);
  text_add(&id, "-");
  add_stem(&id, item->net);
  text_add(&id, "-");
  add_stem(&id, item->spec->path);
  if (item->spec->text) text_add(&id, "-%d", item->spec->row);
  text_add(&id, "-%.8s", sha256);
  if (*id.s == '.' || *id.s == '-') *id.s = '_';
  return id.s;
}

static char *name_file(const GateRun *run, const GateItem *item, const char *end)
{
  Text path = {0};
  text_add(&path, "%s/%s%s",
           run->plan->evidence_dir ? run->plan->evidence_dir : run->folder, item->id,
           end);
  return path.s;
}

/* Items are pairs, and every pair is a process. */
static Status count(GateRun *run, Err *err)
{
  const Manifest *const m = run->plan->manifest;
  size_t n = 0;
  for (int c = 0; c < m->n_checks && n <= MAX_ITEMS; c++)
    n += (size_t)m->checks[c].n_nets * (size_t)m->checks[c].n_specs;
  if (n > MAX_ITEMS)
    return status_fail(err, STATUS_DATA,
                       "%s: more than %d pairs of a network and a specification; make "
                       "several manifests of it",
                       m->path, MAX_ITEMS);
  run->gate->n = (int)n;
  return STATUS_OK;
}

static void fill(GateRun *run)
{
  const Manifest *const m = run->plan->manifest;
  Gate *const gate = run->gate;
  gate->items = mem_zero((size_t)gate->n, sizeof *gate->items);
  run->work = mem_zero((size_t)gate->n, sizeof *run->work);
  int k = 0;
  for (int c = 0; c < m->n_checks; c++)
    for (int i = 0; i < m->checks[c].n_nets; i++)
      for (int j = 0; j < m->checks[c].n_specs; j++, k++) {
        GateItem *const item = &gate->items[k];
        item->check = &m->checks[c];
        item->net = m->checks[c].nets[i];
        item->spec = &m->checks[c].specs[j];
        item->message = mem_strdup("");
        item->id = make_id(item);
        item->file = item->spec->text ? name_file(run, item, ".spec.json")
                                      : mem_strdup(item->spec->path);
        run->work[k] = (GateWork){.item = item,
                                  .certificate = name_file(run, item, ".cert"),
                                  .witness = name_file(run, item, ".witness.json")};
      }
}

static Status make_folder(GateRun *run, Err *err)
{
  const char *const tmp = getenv("TMPDIR");
  Text path = {0};
  text_add(&path, "%s/dualcert-gate.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  run->folder = path.s;
  if (mkdtemp(path.s)) return STATUS_OK;
  const Status rc = status_fail(err, STATUS_CREATE, "%s: %s", path.s, strerror(errno));
  text_free(&path);
  run->folder = NULL;
  return rc;
}

/* A process that was killed may have left a file of its own there. */
static void remove_folder(const char *path)
{
  DIR *const dir = opendir(path);
  for (const struct dirent *e; dir && (e = readdir(dir));) {
    Text file = {0};
    text_add(&file, "%s/%s", path, e->d_name);
    unlink(file.s);
    text_free(&file);
  }
  if (dir) closedir(dir);
  rmdir(path);
}

static void clean_up(GateRun *run)
{
  job_pool_free(run->pool);
  for (int i = 0; run->work && i < run->gate->n; i++) {
    GateWork *const w = &run->work[i];
    child_free(w->child);
    cache_entry_reset(&w->entry);
    mem_free(w->certificate);
    mem_free(w->witness);
  }
  mem_free(run->work);
  if (run->folder) remove_folder(run->folder);
  mem_free(run->folder);
}

Gate *gate_run(const GatePlan *plan, const volatile sig_atomic_t *stop, Err *err)
{
  const double start = clock_now();
  const time_t now = time(NULL);
  struct tm utc;
  GateRun run = {.plan = plan,
                 .gate = mem_zero(1, sizeof(Gate)),
                 .deadline = start + plan->manifest->total};
  run.gate->manifest = plan->manifest;
  run.gate->version = plan->version;
  strftime(run.gate->started, sizeof run.gate->started, "%Y-%m-%dT%H:%M:%SZ",
           gmtime_r(&now, &utc));
  Status rc =
      file_sha256(plan->program ? plan->program : job_program(), run.gate->build, err);
  if (!rc) rc = make_folder(&run, err);
  if (!rc) rc = count(&run, err);
  bool is_done = false;
  if (!rc) {
    run.pool = job_pool_new();
    fill(&run);
    is_done = work_all(&run, stop);
  }
  clean_up(&run);
  run.gate->seconds = clock_now() - start;
  if (is_done) return run.gate;
  gate_free(run.gate);
  return NULL;
}

void gate_free(Gate *gate)
{
  if (!gate) return;
  for (int i = 0; i < gate->n; i++) {
    GateItem *const item = &gate->items[i];
    gate_step_forget(item);
    mem_free(item->file);
    mem_free(item->id);
    mem_free(item->message);
    mem_free(item->certificate);
    mem_free(item->witness);
  }
  mem_free(gate->items);
  mem_free(gate);
}

/* ---- what is in it ------------------------------------------------------- */

int gate_count(const Gate *gate, GateState state)
{
  int n = 0;
  for (int i = 0; i < gate->n; i++)
    n += gate->items[i].state == state;
  return n;
}

int gate_exit_status(const Gate *gate)
{
  if (gate_count(gate, GATE_REJECTED)) return 3;
  for (int i = 0; i < gate->n; i++)
    if (gate->items[i].state == GATE_ERROR) return gate->items[i].exit_status;
  if (gate_count(gate, GATE_FALSIFIED)) return 1;
  for (int i = 0; i < gate->n; i++)
    if (gate->items[i].state == GATE_UNDECIDED && !gate->items[i].is_warning) return 2;
  return 0;
}

const char *gate_word(GateState state)
{
  switch (state) {
  case GATE_VERIFIED:
    return "verified";
  case GATE_FALSIFIED:
    return "falsified";
  case GATE_UNDECIDED:
    return "undecided";
  case GATE_REJECTED:
    return "rejected";
  case GATE_ERROR:
    break;
  }
  return "error";
}

void gate_title(const GateItem *item, Text *out)
{
  text_add(out, "%s %s", item->net, item->spec->path);
  if (item->spec->text) text_add(out, " row %d", item->spec->row);
}

void gate_place(const GateItem *item, const char **file, int *line)
{
  *file = item->spec->path;
  *line = item->spec->line;
  if (item->spec->text) return;
  const cJSON *const at = json_get(json_get(item->json, "witness"), "line");
  *line = cJSON_IsNumber(at) && at->valuedouble >= 1 ? at->valueint : 0;
}

double gate_margin(const GateItem *item)
{
  const cJSON *const margin = json_get(json_get(item->json, "witness"), "margin");
  return cJSON_IsNumber(margin) ? margin->valuedouble : NAN;
}

void gate_open_place(const GateItem *item, const char **file, int *line)
{
  *file = item->spec->path;
  *line = item->spec->line;
  if (item->spec->text) return;
  const cJSON *const cases = json_get(item->json, "cases");
  for (const cJSON *m = cases ? cases->child : NULL; m; m = m->next) {
    const cJSON *const lower = json_get(m, "lower"), *const at = json_get(m, "line");
    if (cJSON_IsNumber(lower) && lower->valuedouble > 0) continue;
    *line = cJSON_IsNumber(at) && at->valuedouble >= 1 ? at->valueint : 0;
    return;
  }
}

void gate_violation(const GateItem *item, Text *out)
{
  const char *file;
  int line;
  gate_place(item, &file, &line);
  const cJSON *const number = json_get(json_get(item->json, "witness"), "case");
  text_add(out, "case %d (%s", cJSON_IsNumber(number) ? number->valueint : -1, file);
  if (line) text_add(out, ":%d", line);
  text_add(out, "), margin %.6g", gate_margin(item));
}
