/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "net/base/file.h"
#include "net/base/round.h"
#include "net/eval.h"
#include "net/reader.h"
#include "solver/api/handle.h"

dualcert_network *dualcert_network_new(void)
{
  return handle_new(sizeof(dualcert_network));
}

static void forget(dualcert_network *n)
{
  mem_account_free(n->account);
  n->account = NULL;
  n->net = NULL;
  handle_clear(&n->handle);
}

void dualcert_network_free(dualcert_network *n)
{
  if (!n) return;
  forget(n);
  handle_free(&n->handle);
}

/* ---- reading ------------------------------------------------------------- */

typedef struct {
  const char *name; /* a path unless data */
  const void *data;
  size_t size;
  Net *net;
  Err err;
} Reading;

static void read_net(void *context)
{
  Reading *r = context;
  File file = {0};
  if (round_self_test(&r->err)) return;
  if (!r->data) {
    r->net = reader_load(r->name, &r->err);
    return;
  }
  if (!file_from_memory(r->name, r->data, r->size, FILE_MAX_BYTES, &file, &r->err))
    r->net = reader_parse(r->name, &file, &r->err);
  file_free(&file);
}

static int read_into(dualcert_network *n, Reading *r)
{
  forget(n);
  MemAccount *account = mem_account_new();
  const Status rc = handle_work(account, read_net, r, &r->err);
  if (rc) {
    handle_fail(&n->handle, rc, r->err.text);
    mem_account_free(account);
    return rc;
  }
  n->account = account;
  n->net = r->net;
  return DUALCERT_OK;
}

int dualcert_network_read_file(dualcert_network *n, const char *path)
{
  if (!n) return DUALCERT_USAGE;
  if (!path) return handle_fail(&n->handle, DUALCERT_USAGE, NULL);
  Reading r = {.name = path};
  return read_into(n, &r);
}

int dualcert_network_read_memory(dualcert_network *n, const char *name,
                                 const void *data, size_t size)
{
  if (!n) return DUALCERT_USAGE;
  if (!name || (!data && size)) return handle_fail(&n->handle, DUALCERT_USAGE, NULL);
  Reading r = {.name = name, .data = data ? data : "", .size = size};
  return read_into(n, &r);
}

/* ---- what it is ---------------------------------------------------------- */

const char *dualcert_network_error(const dualcert_network *n)
{
  return n ? n->handle.error : NULL;
}

size_t dualcert_network_inputs(const dualcert_network *n)
{
  return n && n->net ? (size_t)net_in_size(n->net) : 0;
}

size_t dualcert_network_outputs(const dualcert_network *n)
{
  return n && n->net ? (size_t)net_out_size(n->net) : 0;
}

size_t dualcert_network_neurons(const dualcert_network *n)
{
  return n && n->net ? net_n_neurons(n->net) : 0;
}

const char *dualcert_network_sha256(const dualcert_network *n)
{
  return !n ? NULL : n->net ? n->net->sha256 : "";
}

/* ---- evaluation ---------------------------------------------------------- */

typedef struct {
  const Net *net;
  const double *x;
  double *y;
  float *y32; /* one of the two */
  Err err;
} Evaluation;

static void evaluate(void *context)
{
  Evaluation *e = context;
  if (round_self_test(&e->err)) return;
  if (e->y)
    eval_double(e->net, e->x, e->y);
  else
    eval_float(e->net, e->x, e->y32);
}

static int eval(const dualcert_network *n, size_t n_x, size_t n_y, Evaluation *e)
{
  if (!n || !n->net || !e->x || (!e->y && !e->y32)) return DUALCERT_USAGE;
  e->net = n->net;
  if (n_x != (size_t)net_in_size(e->net) || n_y != (size_t)net_out_size(e->net))
    return DUALCERT_USAGE;
  for (size_t i = 0; i < n_x; i++)
    if (!isfinite(e->x[i])) return DUALCERT_USAGE;
  MemAccount *account = mem_account_new();
  const Status rc = handle_work(account, evaluate, e, &e->err);
  mem_account_free(account);
  return (int)rc;
}

int dualcert_network_eval(const dualcert_network *n, const double *x, size_t n_x,
                          double *y, size_t n_y)
{
  Evaluation e = {.x = x, .y = y};
  return eval(n, n_x, n_y, &e);
}

int dualcert_network_eval_float(const dualcert_network *n, const double *x, size_t n_x,
                                float *y, size_t n_y)
{
  Evaluation e = {.x = x, .y32 = y};
  return eval(n, n_x, n_y, &e);
}
