/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "solver/api/handle.h"

dualcert_result *dualcert_result_new(void)
{
  dualcert_result *r = handle_new(sizeof *r);
  if (!r) return NULL;
  stop_init(&r->stop, INFINITY);
  r->case_id = -1;
  r->bound = -INFINITY;
  return r;
}

/* Everything but whether it was cancelled, which another thread may be doing now. */
void dualcert_result_forget(dualcert_result *r)
{
  mem_account_free(r->account);
  r->account = NULL;
  r->verdict = RESULT_UNKNOWN;
  r->reason = RESULT_NO_REASON;
  r->seconds = 0;
  r->bound = -INFINITY;
  r->n_cases = r->n_open = r->n_in = r->n_out = 0;
  r->cases = NULL;
  r->line = NULL;
  r->case_id = -1;
  r->kind = WITNESS_UNTESTED;
  r->x = r->y = NULL;
  r->y32 = NULL;
  r->json = r->witness = r->evidence = NULL;
}

void dualcert_result_free(dualcert_result *r)
{
  if (!r) return;
  dualcert_result_forget(r);
  handle_free(&r->handle);
}

void dualcert_result_reset(dualcert_result *r)
{
  if (!r) return;
  dualcert_result_forget(r);
  handle_clear(&r->handle);
  atomic_store(&r->stop.interrupted, 0);
}

void dualcert_result_cancel(dualcert_result *r)
{
  if (r) atomic_store(&r->stop.interrupted, 1);
}

const char *dualcert_result_error(const dualcert_result *r)
{
  return r ? r->handle.error : NULL;
}

int dualcert_result_verdict(const dualcert_result *r)
{
  return r ? (int)r->verdict : DUALCERT_UNKNOWN;
}

int dualcert_result_reason(const dualcert_result *r)
{
  return r ? (int)r->reason : DUALCERT_REASON_NONE;
}

double dualcert_result_seconds(const dualcert_result *r)
{
  return r ? r->seconds : NAN;
}

size_t dualcert_result_cases(const dualcert_result *r)
{
  return r ? (size_t)r->n_cases : 0;
}

size_t dualcert_result_open_cases(const dualcert_result *r)
{
  return r ? (size_t)r->n_open : 0;
}

double dualcert_result_bound(const dualcert_result *r)
{
  return r ? r->bound : NAN;
}

static const CaseResult *find_case(const dualcert_result *r, size_t k)
{
  return r && k < (size_t)r->n_cases ? &r->cases[k] : NULL;
}

double dualcert_result_case_bound(const dualcert_result *r, size_t k)
{
  const CaseResult *c = find_case(r, k);
  return c ? c->lower : NAN;
}

double dualcert_result_case_best(const dualcert_result *r, size_t k)
{
  const CaseResult *c = find_case(r, k);
  return c ? c->best : NAN;
}

int dualcert_result_case_line(const dualcert_result *r, size_t k)
{
  return find_case(r, k) ? r->line[k] : 0;
}

static const void *array(const void *numbers, int has, size_t *n)
{
  if (n) *n = numbers ? (size_t)has : 0;
  return numbers;
}

const double *dualcert_result_input(const dualcert_result *r, size_t *n)
{
  return array(r ? r->x : NULL, r ? r->n_in : 0, n);
}

const double *dualcert_result_output(const dualcert_result *r, size_t *n)
{
  return array(r ? r->y : NULL, r ? r->n_out : 0, n);
}

const float *dualcert_result_output_float(const dualcert_result *r, size_t *n)
{
  return array(r ? r->y32 : NULL, r ? r->n_out : 0, n);
}

const char *dualcert_result_kind(const dualcert_result *r)
{
  return r && r->x ? witness_kind_word(r->kind) : "";
}

int dualcert_result_case(const dualcert_result *r)
{
  return r ? r->case_id : -1;
}

static const char *or_empty(const char *text)
{
  return text ? text : "";
}

const char *dualcert_result_json(const dualcert_result *r)
{
  return or_empty(r ? r->json : NULL);
}

const char *dualcert_result_witness(const dualcert_result *r)
{
  return or_empty(r ? r->witness : NULL);
}

const char *dualcert_result_evidence(const dualcert_result *r)
{
  return or_empty(r ? r->evidence : NULL);
}
