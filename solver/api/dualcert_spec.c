/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/file.h"
#include "net/base/round.h"
#include "solver/api/handle.h"
#include "specs/load.h"

dualcert_spec *dualcert_spec_new(void)
{
  return handle_new(sizeof(dualcert_spec));
}

static void forget(dualcert_spec *s)
{
  mem_account_free(s->account);
  s->account = NULL;
  s->prop = NULL;
  handle_clear(&s->handle);
}

void dualcert_spec_free(dualcert_spec *s)
{
  if (!s) return;
  forget(s);
  handle_free(&s->handle);
}

typedef struct {
  int n_in, n_out;
  const char *name; /* a path unless data */
  const void *data;
  size_t size;
  Prop *prop;
  Err err;
} Reading;

/* It is about another network than the handle has, perhaps one with as many inputs. */
static void refuse_other_network(Reading *r)
{
  if (!r->prop || (!r->prop->image && !r->prop->extend.n)) return;
  status_fail(&r->err, STATUS_UNSUPPORTED,
              "%s: $.%s: the library does not read that; dualcert verify does", r->name,
              r->prop->image ? "image" : "where");
  prop_free(r->prop);
  r->prop = NULL;
}

static void read_prop(void *context)
{
  Reading *r = context;
  File file = {0};
  if (round_self_test(&r->err)) return;
  if (!r->data)
    r->prop = load_prop(r->name, r->n_in, r->n_out, &r->err);
  else if (!file_from_memory(r->name, r->data, r->size, PROP_MAX_BYTES, &file, &r->err))
    r->prop = load_parse(r->name, &file, r->n_in, r->n_out, &r->err);
  file_free(&file);
  refuse_other_network(r);
}

static int read_into(dualcert_spec *s, const dualcert_network *n, Reading *r)
{
  if (!s) return DUALCERT_USAGE;
  forget(s);
  if (!n || !n->net || !r->name || (!r->data && r->size))
    return handle_fail(&s->handle, DUALCERT_USAGE, NULL);
  r->n_in = net_in_size(n->net);
  r->n_out = net_out_size(n->net);
  MemAccount *account = mem_account_new();
  const Status rc = handle_work(account, read_prop, r, &r->err);
  if (rc) {
    handle_fail(&s->handle, rc, r->err.text);
    mem_account_free(account);
    return rc;
  }
  s->account = account;
  s->prop = r->prop;
  return DUALCERT_OK;
}

int dualcert_spec_read_file(dualcert_spec *s, const dualcert_network *n,
                            const char *path)
{
  Reading r = {.name = path};
  return read_into(s, n, &r);
}

int dualcert_spec_read_memory(dualcert_spec *s, const dualcert_network *n,
                              const char *name, const void *data, size_t size)
{
  Reading r = {.name = name, .data = data || size ? data : "", .size = size};
  return read_into(s, n, &r);
}

const char *dualcert_spec_error(const dualcert_spec *s)
{
  return s ? s->handle.error : NULL;
}

size_t dualcert_spec_cases(const dualcert_spec *s)
{
  return s && s->prop ? (size_t)s->prop->n_cases : 0;
}

const char *dualcert_spec_sha256(const dualcert_spec *s)
{
  return !s ? NULL : s->prop ? s->prop->sha256 : "";
}
