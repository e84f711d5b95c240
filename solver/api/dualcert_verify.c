/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "bounds/blas.h"
#include "net/base/clock.h"
#include "net/base/round.h"
#include "net/rounded.h"
#include "solver/api/handle.h"
#include "solver/certify.h"
#include "solver/explain.h"
#include "solver/jsonout.h"
#include "solver/progress.h"
#include "solver/proof.h"
#include "solver/solve.h"
#include "specs/assignment.h"
#include "specs/evidence.h"

/* One call.  What is left when the engine runs out of memory: `result` and the flags;
 * its witness and `proof` are memory of the engine. */
typedef struct {
  const Net *net;
  const Prop *prop;
  const Options *options;
  dualcert_result *to;
  MemAccount *engine;
  double start;
  Stop stop;
  ProgressSink sink;
  Result result;
  Proof *proof;
  Certified certified;
  bool has_result, has_run, is_kept;
  Status status; /* OS unless all of the call has been done */
  Err err;
} Verification;

/* ---- BLAS ---------------------------------------------------------------- */

/* Its number of threads belongs to the process: one while any verification runs, then
 * what it was.  A caller who changes it meanwhile costs speed, not truth. */
static pthread_mutex_t blas_lock = PTHREAD_MUTEX_INITIALIZER;
static int n_running, threads_before;

static void borrow_blas(void)
{
  pthread_mutex_lock(&blas_lock);
  if (n_running++ == 0) {
    threads_before = blas_threads();
    blas_init();
  }
  pthread_mutex_unlock(&blas_lock);
}

static void give_back_blas(void)
{
  pthread_mutex_lock(&blas_lock);
  if (--n_running == 0 && threads_before > 1) blas_set_threads(threads_before);
  pthread_mutex_unlock(&blas_lock);
}

/* ---- the engine ---------------------------------------------------------- */

static void solve(void *context)
{
  Verification *v = context;
  const Options *o = v->options;
  if (round_self_test(&v->err)) return;
  if (o->semantics == SEMANTICS_FLOAT32 && rounded_check(v->net, &v->err)) return;
  if (certify_begin(v->net, v->prop, o, &v->proof, &v->err)) return;
  explain_vacuous(v->prop);
  solve_property(v->net, v->prop, o, &v->stop, v->proof, &v->result);
  v->has_run = true;
  certify_end(v->proof, v->net, v->prop, o, &v->result, &v->certified, &v->err);
  if (o->certificate && v->result.verdict == RESULT_VERIFIED &&
      !v->certified.is_written)
    status_fail(&v->err, STATUS_IO, "%s: no certificate: it could not be finished",
                o->certificate);
  proof_free(v->proof);
}

/* ---- what is kept -------------------------------------------------------- */

static void begin(void *context)
{
  Verification *v = context;
  result_init(&v->result, v->prop);
  v->has_result = true;
  if (v->options->check) result_withhold(&v->result);
}

static void add_extra(const Verification *v, Text *out)
{
  text_add(out, "\"version\": \"%s\", \"semantics\": \"%s\", \"options\": ",
           dualcert_version(), options_semantics[v->options->semantics]);
  options_json(v->options, out);
  text_add(out, ", \"certificate\": ");
  if (v->certified.is_written)
    jsonout_string(out, v->options->certificate);
  else
    text_add(out, "null");
  text_add(out, ", \"checked\": %s", v->certified.is_checked ? "true" : "false");
}

static void *duplicate(const void *numbers, int n, size_t size)
{
  void *mine = mem_array((size_t)n, size);
  memcpy(mine, numbers, (size_t)n * size);
  return mine;
}

static void keep_witness(const Verification *v)
{
  const Witness *w = &v->result.witness;
  dualcert_result *to = v->to;
  Text text = {0}, evidence = {0};
  to->x = duplicate(w->x, w->n_in, sizeof *w->x);
  to->y = duplicate(w->y, w->n_out, sizeof *w->y);
  to->y32 = duplicate(w->y32, w->n_out, sizeof *w->y32);
  to->n_in = w->n_in;
  to->n_out = w->n_out;
  to->kind = w->kind;
  to->case_id = w->case_id;
  assignment_print(v->net, w, &text);
  evidence_print(v->net, w, &evidence);
  to->witness = text.s;
  to->evidence = evidence.s;
}

static void keep(void *context)
{
  Verification *v = context;
  Result *r = &v->result;
  dualcert_result *to = v->to;
  Text extra = {0}, json = {0};
  r->seconds = clock_now() - v->start;
  add_extra(v, &extra);
  result_print_json(r, v->net, v->prop, extra.s, &json);
  text_free(&extra);
  if (r->verdict == RESULT_FALSIFIED) keep_witness(v);
  to->line = mem_array((size_t)r->n_cases + 1, sizeof *to->line);
  for (int k = 0; k < r->n_cases; k++)
    to->line[k] = v->prop->cases[k].line;
  to->json = json.s;
  to->cases = r->cases;
  to->n_cases = r->n_cases;
  to->n_open = r->n_open;
  to->bound = result_worst(r);
  to->seconds = r->seconds;
  to->reason = r->reason;
  to->verdict = r->verdict;
  v->is_kept = true;
}

/* ---- the call ------------------------------------------------------------ */

/* On the thread of the call.  Where the engine ran out of memory, what it had proved or
 * found still counts. */
static void verify(void *context)
{
  Verification *v = context;
  if (!handle_catch(v->to->account, begin, v)) return;
  progress_use(v->sink.line ? &v->sink : NULL);
  borrow_blas();
  if (!handle_catch(v->engine, solve, v)) {
    result_give_up(&v->result, RESULT_MEMORY);
    v->err = (Err){.code = STATUS_OK};
    v->has_run = true;
  }
  give_back_blas();
  progress_use(NULL);
  if (!v->has_run || handle_catch(v->to->account, keep, v)) v->status = v->err.code;
}

/* The limit is on everything this verification needs, as for the program. */
static void set_limit(const Verification *v, const dualcert_network *n,
                      const dualcert_spec *s)
{
  const size_t limit = v->options->memory;
  const size_t used = mem_account_live(n->account) + mem_account_live(s->account);
  if (limit) mem_account_limit(v->engine, limit > used ? limit - used : 1);
}

static Status run(Verification *v)
{
  dualcert_result *to = v->to;
  to->account = mem_account_new();
  v->status = STATUS_OS;
  if (v->engine && to->account) handle_run(verify, v);
  if (v->status) handle_fail(&to->handle, v->status, v->err.text);
  if (v->has_result) pthread_mutex_destroy(&v->result.lock);
  mem_account_free(v->engine);
  if (!v->is_kept) dualcert_result_forget(to);
  return v->status;
}

int dualcert_verify(const dualcert_network *n, const dualcert_spec *s,
                    const dualcert_options *o, dualcert_result *r)
{
  if (!r) return DUALCERT_USAGE;
  dualcert_result_forget(r);
  handle_clear(&r->handle);
  if (!n || !n->net || !s || !s->prop)
    return handle_fail(&r->handle, DUALCERT_USAGE, NULL);
  if (s->prop->n_in != net_in_size(n->net) || s->prop->n_out != net_out_size(n->net))
    return handle_fail(&r->handle, DUALCERT_USAGE,
                       "the specification is for a network of another size");
  Options defaults;
  options_init(&defaults);
  Verification v = {.net = n->net,
                    .prop = s->prop,
                    .options = o ? &o->options : &defaults,
                    .to = r,
                    .engine = mem_account_new(),
                    .start = clock_now()};
  if (o)
    v.sink = (ProgressSink){.level = o->level, .line = o->log, .context = o->context};
  stop_init(&v.stop, v.options->timeout);
  v.stop.parent = &r->stop;
  if (v.engine) set_limit(&v, n, s);
  return (int)run(&v);
}
