/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/gate_step.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/base/clock.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/batch/escape.h"
#include "solver/progress.h"
#include "specs/result.h"

/* Checking a certificate may take so many times the timeout of verify. */
#define CHECK_FACTOR 10

/* A replay is two evaluations. */
#define REPLAY_SECONDS 600

/* ---- what is known of an item -------------------------------------------- */

static void settle(GateItem *item, GateState state, const char *message)
{
  item->state = state;
  mem_free(item->message);
  item->message = mem_strdup(message ? message : "");
}

static void settle_error(GateItem *item, int exit_status, const char *message)
{
  settle(item, GATE_ERROR, message);
  item->exit_status = exit_status;
}

static void settle_undecided(GateItem *item, const char *reason, const char *message)
{
  settle(item, GATE_UNDECIDED, message);
  item->reason = reason;
}

static void settle_from(GateItem *item, Err *err)
{
  settle_error(item, (int)err->code, err->text);
  status_reset(err);
}

static const char *text_of(const cJSON *object, const char *key)
{
  const cJSON *const member = json_get(object, key);
  return cJSON_IsString(member) ? member->valuestring : "";
}

/* Is the result about these very files? */
static bool is_about(const cJSON *json, const GateItem *item)
{
  const cJSON *const net = json_get(json, "network");
  const cJSON *const spec = json_get(json, "specification");
  return !strcmp(text_of(net, "sha256"), item->net_sha256) &&
         !strcmp(text_of(spec, "sha256"), item->spec_sha256) &&
         !strcmp(text_of(json, "semantics"), item->check->semantics);
}

static void take_result(GateItem *item, char *text, cJSON *json)
{
  mem_free(item->result);
  json_free(item->json);
  item->result = text;
  item->json = json;
}

void gate_step_forget(GateItem *item)
{
  take_result(item, NULL, NULL);
  mem_free(item->evidence);
  item->evidence = NULL;
  item->is_cached = item->has_certificate = item->is_accepted = false;
  item->kind = NULL;
}

/* What a reader of the table should know about a verified item. */
static const char *caution(const GateItem *item)
{
  return cJSON_IsTrue(json_get(item->json, "vacuous"))
             ? "the unsafe set is empty as written: this holds for any network"
             : "";
}

static bool needs_certificate(const GateItem *item)
{
  return item->check->require & MANIFEST_CERTIFICATE;
}

/* ---- the end of an item -------------------------------------------------- */

static void say_done(const GateRun *run, const GateItem *item)
{
  Text line = {0};
  text_add(&line, "[%d/%d] %s", run->n_done, run->gate->n, gate_word(item->state));
  if (item->reason) text_add(&line, " (%s)", item->reason);
  text_add(&line, "  %s: ", item->check->name);
  gate_title(item, &line);
  text_add(&line, "  %.2f s%s", item->seconds, item->is_cached ? ", cached" : "");
  if (*item->message) text_add(&line, ": %s", item->message);
  Text clean = {0};
  escape_line(&clean, line.s);
  if (isatty(STDERR_FILENO))
    progress_line("%s", clean.s);
  else
    progress_say(1, "%s", clean.s);
  text_free(&line);
  text_free(&clean);
}

/* Put the answer into the cache, unless a file has changed meanwhile. */
static void remember(const GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  const bool is_verdict = item->state == GATE_VERIFIED || item->state == GATE_FALSIFIED;
  if (!run->plan->cache || item->is_cached || !is_verdict) return;
  const CacheQuestion q = {item->net_sha256, item->file, item->check->semantics,
                           item->check->options};
  char key[65], sha256[65];
  Err err = {0};
  if (!cache_key(&q, key, sha256, &err) && !strcmp(key, w->key))
    cache_store(run->plan->cache, key, item->result,
                item->has_certificate ? w->certificate : NULL,
                item->state == GATE_FALSIFIED ? w->witness : NULL, &err);
  if (err.code) progress_say(1, "note: not cached: %s", err.text);
  status_reset(&err);
}

/* Read the witness file for reports. */
static void take_evidence(GateItem *item, const char *path)
{
  File file = {0};
  if (!file_read(path, FILE_MAX_BYTES, &file, NULL)) {
    mem_free(item->evidence);
    item->evidence = mem_strdup(file.data);
  }
  file_free(&file);
}

/* The evidence of the cache beside that of this run. */
static void copy_kept(const GateRun *run, const char *from, const char *to, Err *err)
{
  if (!run->plan->evidence_dir || !from || !strcmp(from, to)) return;
  FILE *f = fopen(from, "rb");
  if (!f) {
    status_fail(err, STATUS_IO, "%s: %s", from, strerror(errno));
    return;
  }
  file_copy(f, to, err);
  fclose(f);
}

static void keep_evidence(const GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  if (!run->plan->evidence_dir) return;
  Err err = {0};
  if (item->state == GATE_VERIFIED && item->has_certificate) {
    if (item->is_cached) copy_kept(run, w->entry.certificate, w->certificate, &err);
    item->certificate = mem_strdup(w->certificate);
  } else if (item->state == GATE_FALSIFIED) {
    if (item->is_cached) copy_kept(run, w->entry.witness, w->witness, &err);
    item->witness = mem_strdup(w->witness);
  }
  if (err.code) settle_from(item, &err);
}

static void finish(GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  item->seconds = clock_now() - w->started;
  item->is_warning =
      item->state == GATE_UNDECIDED && item->check->on_unknown == MANIFEST_WARN;
  item->is_borderline = item->state == GATE_FALSIFIED &&
                        (item->check->require & MANIFEST_ROBUST) &&
                        strcmp(item->kind, "robust") != 0;
  if (item->is_borderline)
    settle(item, GATE_FALSIFIED,
           "the witness is borderline, and a robust one is required: look at it with "
           "check-witness");
  remember(run, w);
  keep_evidence(run, w);
  child_free(w->child);
  w->child = NULL;
  cache_entry_reset(&w->entry);
  w->stage = GATE_STEP_DONE;
  run->n_done++;
  say_done(run, item);
}

/* ---- solving ------------------------------------------------------------- */

static double seconds_left(const GateRun *run)
{
  return fmax(run->deadline - clock_now(), 0);
}

/* No time left is no job: a limit of 0 would be none (solver/batch/job.h). */
static void solve(GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  const ManifestCheck *const c = item->check;
  const double left = seconds_left(run);
  if (left <= 0) {
    settle_undecided(item, "total", "the total time was used up before it began");
    finish(run, w);
    return;
  }
  int n = 0;
  while (c->options && c->options[n])
    n++;
  const char **options = mem_zero((size_t)n + 5, sizeof *options);
  for (int i = 0; i < n; i++)
    options[i] = c->options[i];
  Text witness = {0}, certificate = {0};
  text_add(&witness, "--witness=%s", w->witness);
  text_add(&certificate, "--certificate=%s", w->certificate);
  options[n++] = witness.s;
  options[n++] = "--witness-format=json";
  if (needs_certificate(item) || run->plan->evidence_dir) options[n++] = certificate.s;
  const JobPlan job = {.program = run->plan->program,
                       .options = options,
                       .net = item->net,
                       .spec = item->file,
                       .timeout = fmin(c->limits.timeout, left),
                       .memory = c->limits.memory,
                       .threads = c->limits.threads};
  Err err = {0};
  w->stage = GATE_STEP_SOLVING;
  if (job_start(run->pool, &job, w, &err)) {
    settle_from(item, &err);
    finish(run, w);
  }
  text_free(&witness);
  text_free(&certificate);
  mem_free(options);
}

/* ---- evidence ------------------------------------------------------------ */

static void start_check(GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  const bool is_replay = item->state == GATE_FALSIFIED;
  const char *const path = is_replay ? (item->is_cached ? w->entry.witness : w->witness)
                           : item->is_cached ? w->entry.certificate
                                             : w->certificate;
  const char *const replay[] = {job_program(), "check-witness", "--", path,
                                item->net,     item->file,      NULL};
  const char *const check[] = {run->plan->checker, "--",       path,
                               item->net,          item->file, NULL};
  const double timeout = is_replay
                             ? REPLAY_SECONDS
                             : fmin(CHECK_FACTOR * item->check->limits.timeout + 60,
                                    seconds_left(run) + JOB_GRACE);
  Err err = {0};
  w->stage = GATE_STEP_CHECKING;
  if (is_replay) take_evidence(item, path);
  w->child = child_start(is_replay ? replay : check, timeout, &err);
  if (!w->child) {
    settle_from(item, &err);
    finish(run, w);
  }
}

/* The answer of check-witness: "robust" or "borderline", NULL for none. */
static const char *kind_of(const ChildEnd *end)
{
  static const char *const kinds[] = {"robust", "borderline"};
  const size_t n = strcspn(end->out, "\n");
  for (int i = 0; i < 2 && end->exit_status == 0; i++)
    if (strlen(kinds[i]) == n && !strncmp(end->out, kinds[i], n)) return kinds[i];
  return NULL;
}

static bool is_accepted(const GateItem *item, const ChildEnd *end)
{
  const char *const wanted = strcmp(item->check->semantics, "float32")
                                 ? "certificate accepted\n"
                                 : "certificate accepted (semantics float32)\n";
  return end->exit_status == 0 && !strcmp(end->out, wanted);
}

/* Why the evidence does not count, from what the checking process said. */
static void settle_rejected(GateItem *item, const char *what, const ChildEnd *end)
{
  Text text = {0};
  text_add(&text, "%s: ", what);
  char *const line = end->out;
  line[strcspn(line, "\n")] = '\0';
  if (end->signal)
    text_add(&text, "the process that checks it was ended by signal %d", end->signal);
  else if (*end->err)
    text_add(&text, "%s", end->err);
  else if (*line)
    text_add(&text, "%s", line);
  else
    text_add(&text, "exit status %d without a word", end->exit_status);
  settle(item, GATE_REJECTED, text.s);
  text_free(&text);
}

/* An entry of the cache with bad evidence is none. */
static void start_over(GateRun *run, GateWork *w)
{
  cache_entry_reset(&w->entry);
  gate_step_forget(w->item);
  solve(run, w);
}

static void judge_check(GateRun *run, GateWork *w, const ChildEnd *end)
{
  GateItem *const item = w->item;
  const bool is_replay = item->state == GATE_FALSIFIED;
  child_free(w->child);
  w->child = NULL;
  item->kind = is_replay ? kind_of(end) : NULL;
  item->is_accepted = !is_replay && is_accepted(item, end);
  if (!item->kind && !item->is_accepted) {
    if (item->is_cached) {
      start_over(run, w);
      return;
    }
    if (end->is_late)
      settle_undecided(item, "timeout", "the evidence was not checked in time");
    else
      settle_rejected(
          item, is_replay ? "counterexample refused" : "certificate refused", end);
  }
  finish(run, w);
}

/* ---- answers of verify --------------------------------------------------- */

static const char *reason_of(const cJSON *json)
{
  static const Reason known[] = {RESULT_TIMEOUT, RESULT_MEMORY,   RESULT_INCOMPLETE,
                                 RESULT_NODES,   RESULT_OVERFLOW, RESULT_INTERRUPTED};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (!strcmp(text_of(json, "reason"), result_reason_word(known[i])))
      return result_reason_word(known[i]);
  return "unknown";
}

/* verified or falsified: does it need to be checked?  Otherwise it is settled. */
static bool judge_verdict(const GateRun *run, GateWork *w, bool is_verified)
{
  GateItem *const item = w->item;
  if (!is_about(item->json, item)) {
    settle_error(item, STATUS_DATA,
                 "the answer is about other files: they changed meanwhile");
    return false;
  }
  settle(item, is_verified ? GATE_VERIFIED : GATE_FALSIFIED,
         is_verified ? caution(item) : "");
  if (!is_verified) {
    if (access(w->witness, R_OK) == 0) return true;
    settle(item, GATE_REJECTED, "falsified without a counterexample");
    return false;
  }
  item->has_certificate = (needs_certificate(item) || run->plan->evidence_dir) &&
                          access(w->certificate, R_OK) == 0;
  if (!needs_certificate(item)) return false;
  if (item->has_certificate) return true;
  settle(item, GATE_REJECTED, "verified without a certificate");
  return false;
}

/* An answer with a verdict; true when its evidence must be checked. */
static bool judge_answer(const GateRun *run, GateWork *w, int exit_status)
{
  GateItem *const item = w->item;
  const char *const verdict = text_of(item->json, "verdict");
  if (!strcmp(verdict, "verified") && exit_status == 0)
    return judge_verdict(run, w, true);
  if (!strcmp(verdict, "falsified") && exit_status == 1)
    return judge_verdict(run, w, false);
  if (!strcmp(verdict, "unknown") && exit_status == 3)
    settle(item, GATE_REJECTED, "verify did not accept its own certificate");
  else if (!strcmp(verdict, "unknown") && exit_status == 2)
    settle_undecided(item, reason_of(item->json), "");
  else
    settle_error(item, STATUS_INTERNAL, "verify contradicts itself");
  return false;
}

void gate_step_answer(GateRun *run, GateWork *w, JobOutcome *o)
{
  GateItem *const item = w->item;
  bool must_check = false;
  item->cpu = o->cpu;
  item->peak_kb = o->peak_kb;
  switch (o->end) {
  case JOB_ANSWERED:
    take_result(item, o->text, o->json);
    o->text = NULL;
    o->json = NULL;
    must_check = judge_answer(run, w, o->exit_status);
    break;
  case JOB_REFUSED:
    settle_error(item, o->exit_status, o->message);
    break;
  case JOB_MEMORY:
    settle_undecided(item, "memory", o->message);
    break;
  case JOB_STUCK:
    settle_undecided(item, "timeout", o->message);
    break;
  case JOB_CRASHED:
    settle_error(item, STATUS_INTERNAL, o->message);
    break;
  case JOB_STOPPED:
    settle_undecided(item, "interrupted", o->message);
    break;
  }
  /* Its own timeout was what was left of the total time. */
  if (item->state == GATE_UNDECIDED && seconds_left(run) <= 0)
    settle_undecided(item, "total", "the total time was used up");
  if (must_check)
    start_check(run, w);
  else
    finish(run, w);
}

void gate_step_look(GateRun *run, GateWork *w)
{
  ChildEnd end = {0};
  if (child_ended(w->child, &end)) judge_check(run, w, &end);
  child_end_reset(&end);
}

/* ---- the beginning of an item -------------------------------------------- */

/* Is there an answer in the cache?  Then it is settled or being checked. */
static bool use_cache(GateRun *run, GateWork *w)
{
  GateItem *const item = w->item;
  if (!run->plan->cache || !cache_find(run->plan->cache, w->key, &w->entry))
    return false;
  File file = {.data = w->entry.result, .size = strlen(w->entry.result)};
  cJSON *json = json_parse("cache", &file, NULL);
  take_result(item, mem_strdup(w->entry.result), json);
  const char *const verdict = text_of(json, "verdict");
  const bool is_verified = !strcmp(verdict, "verified");
  /* Without evidence it is worth as much as the program that said it. */
  const bool may_check = is_verified && w->entry.certificate && run->plan->checker;
  const bool must_check = needs_certificate(item) || !w->entry.is_own;
  const bool is_fine =
      is_about(json, item) &&
      (is_verified ? may_check || !must_check
                   : !strcmp(verdict, "falsified") && w->entry.witness);
  if (!is_fine) {
    cache_entry_reset(&w->entry);
    gate_step_forget(item);
    return false;
  }
  item->is_cached = true;
  item->has_certificate = is_verified && w->entry.certificate;
  settle(item, is_verified ? GATE_VERIFIED : GATE_FALSIFIED,
         is_verified ? caution(item) : "");
  if (is_verified && !must_check)
    finish(run, w);
  else
    start_check(run, w);
  return true;
}

/* The digests of both files, and the key of the question. */
static Status identify(GateWork *w, Err *err)
{
  GateItem *const item = w->item;
  const ManifestSpec *const spec = item->spec;
  /* Nothing of an earlier run is taken for this one's. */
  unlink(w->certificate);
  unlink(w->witness);
  if (spec->text && file_write(item->file, spec->text, strlen(spec->text), err))
    return err->code;
  if (file_sha256(item->net, item->net_sha256, err)) return err->code;
  const CacheQuestion q = {item->net_sha256, item->file, item->check->semantics,
                           item->check->options};
  return cache_key(&q, w->key, item->spec_sha256, err);
}

void gate_step_begin(GateRun *run, GateWork *w)
{
  Err err = {0};
  w->started = clock_now();
  if (identify(w, &err)) {
    settle_from(w->item, &err);
    finish(run, w);
  } else if (!use_cache(run, w)) {
    solve(run, w);
  }
}
