/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/forged.h"

#include <criterion/criterion.h>

#include "net/base/mem.h"
#include "specs/check/certificate.h"
#include "tests/support/chain.h"
#include "tests/support/props.h"

/* ---- networks and properties --------------------------------------------------------
 */

/* z = x, h = max (z, 0) and the outputs y_k = slope[k] h + bias[k]: nodes 1, 2, 3. */
Net *forged_hinges(int n, const double *slope, const double *bias)
{
  static const double one = 1;
  Net *net = chain_new(1);
  const int z = chain_dense(net, 0, 1, &one, NULL);
  chain_dense(net, chain_act(net, z, ACT_RELU), n, slope, bias);
  chain_finish(net);
  return net;
}

/* y = 1/2 - max (x, 0): 1/2 up to 0, not above 0 from 1/2 on. */
Net *forged_hinge(void)
{
  return forged_hinges(1, (double[]){-1}, (double[]){0.5});
}

/* y = |z| / 2 with z = w x + b: nodes 1 z, 2 ReLU, 3 -z / 2, 4 y. */
Net *forged_half_abs(double w, double b)
{
  static const double minus = -0.5;
  Net *net = chain_new(1);
  const int z = chain_dense(net, 0, 1, &w, &b), h = chain_act(net, z, ACT_RELU);
  chain_add(net, h, chain_dense(net, z, 1, &minus, NULL), 1);
  chain_finish(net);
  return net;
}

/* n_cases cases, unsafe where y_k <= rhs[k], on [lo, hi] in every input. */
Forged forged_begin(Net *net, double lo, double hi, int n_cases, const double *rhs)
{
  static const int first[3] = {0, 1, 2}, var[2] = {0, 1};
  double l[3], u[3];
  for (int i = 0; i < net_in_size(net); i++) {
    l[i] = lo;
    u[i] = hi;
  }
  Forged f = {.net = net, .prop = props_below(net, l, u, n_cases, first, var, rhs)};
  f.c = certs_new(net, f.prop);
  certs_query(&f.c, 0, net->n_nodes + 1, n_cases);
  return f;
}

Forged forged_begin_one(Net *net, double lo, double hi, double rhs)
{
  return forged_begin(net, lo, hi, 1, &rhs);
}

/* Accepted, in double arithmetic or in exact arithmetic alone? */
static bool stands_as_it_is(Forged *f, bool exactly)
{
  char *why = NULL;
  const bool stands = exactly ? certs_accepted_exactly(&f->c, f->net, f->prop)
                              : certs_accepted(&f->c, f->net, f->prop, &why);
  if (why) cr_log_info("%s", why);
  mem_free(why);
  certs_free(&f->c);
  prop_free(f->prop);
  net_free(f->net);
  return stands;
}

bool forged_stands(Forged *f)
{
  certs_block(&f->c, CERTIFICATE_END_QUERY);
  certs_end(&f->c, 1);
  return stands_as_it_is(f, false);
}

bool forged_stands_exactly(Forged *f)
{
  certs_block(&f->c, CERTIFICATE_END_QUERY);
  certs_end(&f->c, 1);
  return stands_as_it_is(f, true);
}

/* ---- blocks -------------------------------------------------------------------------
 */

/* A and X: cases 0 .. n - 1. */
void forged_cases(Certs *c, int n, int tag)
{
  certs_n(c, (unsigned long)n);
  for (int k = 0; k < n; k++)
    certs_n(c, k ? 1 : 0);
  certs_block(c, tag);
}

void forged_event(Certs *c, int t, int type)
{
  certs_n(c, (unsigned long)t);
  certs_u8(c, type);
  if (type == CERTIFICATE_EVENT_PASS) certs_n(c, 1);
  if (type != CERTIFICATE_EVENT_CLOSE) return;
  certs_u8(c, 0); /* one row, default slopes */
  certs_n(c, 0);
}

void forged_sign_event(Certs *c, int t, int node, int flag)
{
  forged_event(c, t, CERTIFICATE_EVENT_SIGN);
  certs_n(c, (unsigned long)node);
  certs_n(c, 0);
  certs_u8(c, flag);
}

void forged_tree(Certs *c, int n, const ForgedSplit *split)
{
  certs_block(c, CERTIFICATE_SIGN_EVENT);
  certs_n(c, (unsigned long)n);
  for (int t = 0; t < n; t++) {
    certs_n(c, (unsigned long)split[t].kid);
    if (!split[t].kid) continue;
    certs_n(c, (unsigned long)split[t].node);
    certs_n(c, (unsigned long)split[t].factor);
    certs_n(c, (unsigned long)split[t].element);
    certs_u8(c, split[t].at != 0);
    if (split[t].at != 0) certs_f64(c, split[t].at);
  }
  certs_block(c, CERTIFICATE_SIGN_TREE);
}
