/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batched operators against net/eval.c's plain loops, and against their own
 * adjoints: <A x, v> = <x, A^T v>. */
#include <criterion/criterion.h>
#include <math.h>

#include "bounds/blas.h"
#include "bounds/linop.h"
#include "net/base/mem.h"
#include "net/eval.h"
#include "tests/support/nets.h"

#define ROWS 3

typedef struct {
  Net *net;
  Linop *op;
  double **x, **q;
  bool *fresh;
} Fixture;

static Fixture fixture(Net *net)
{
  Fixture f = {.net = net};
  const size_t n = (size_t)net->n_nodes;
  blas_init();
  f.op = linop_new(net);
  f.x = mem_zero(n, sizeof *f.x);
  f.q = mem_zero(n, sizeof *f.q);
  f.fresh = mem_zero(n, sizeof *f.fresh);
  for (size_t k = 0; k < n; k++) {
    f.x[k] = mem_doubles0(ROWS * (size_t)net->nodes[k].size);
    f.q[k] = mem_doubles0(ROWS * (size_t)net->nodes[k].size);
  }
  return f;
}

static void drop(Fixture *f)
{
  for (int k = 0; k < f->net->n_nodes; k++) {
    mem_free(f->x[k]);
    mem_free(f->q[k]);
  }
  mem_free(f->x);
  mem_free(f->q);
  mem_free(f->fresh);
  linop_free(f->op);
  net_free(f->net);
}

static void fill(double *a, size_t n, Prng *prng)
{
  for (size_t i = 0; i < n; i++)
    a[i] = prng_range(prng, -1, 1);
}

static double dot(const double *a, const double *b, size_t n)
{
  double s = 0;
  for (size_t i = 0; i < n; i++)
    s += a[i] * b[i];
  return s;
}

/* <A x, v> with the bias taken out, and <x, A^T v> over all inputs of node k. */
static void check_adjoint(Fixture *f, int k, Prng *prng)
{
  const Node *v = &f->net->nodes[k];
  const size_t size = (size_t)v->size;
  double *y = mem_doubles(ROWS * size), *bias = mem_doubles(ROWS * size);
  double *nu = mem_doubles(ROWS * size);
  for (int p = 0; p < v->n_in; p++)
    fill(f->x[v->in[p]], ROWS * (size_t)f->net->nodes[v->in[p]].size, prng);
  fill(nu, ROWS * size, prng);
  linop_forward(f->op, k, ROWS, f->x, y);
  for (int j = 0; j < f->net->n_nodes; j++)
    f->fresh[j] = true;
  linop_adjoint(f->op, k, ROWS, nu, f->q, f->fresh);
  double right = 0;
  for (int p = 0; p < v->n_in; p++) {
    const int j = v->in[p];
    bool again = false;
    for (int s = 0; s < p; s++)
      again = again || v->in[s] == j;
    if (!again) right += dot(f->x[j], f->q[j], ROWS * (size_t)f->net->nodes[j].size);
  }
  for (int p = 0; p < v->n_in; p++)
    for (size_t i = 0; i < ROWS * (size_t)f->net->nodes[v->in[p]].size; i++)
      f->x[v->in[p]][i] = 0;
  linop_forward(f->op, k, ROWS, f->x, bias);
  for (size_t i = 0; i < ROWS * size; i++)
    y[i] -= bias[i];
  const double left = dot(y, nu, ROWS * size);
  cr_assert(fabs(left - right) <= 1e-9 * (1 + fabs(left)),
            "node %d (%s): <Ax,v> = %.17g but <x,A'v> = %.17g", k,
            net_kind_name(v->kind), left, right);
  mem_free(y);
  mem_free(bias);
  mem_free(nu);
}

static void for_many_nets(void (*check)(Fixture *, int, Prng *))
{
  Prng prng = prng_init(1);
  int kinds[NODE_ACT + 1] = {0};
  for (int t = 0; t < 300; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 5, 1, &prng));
    for (int k = 1; k < f.net->n_nodes; k++)
      if (net_is_linear(&f.net->nodes[k])) {
        kinds[f.net->nodes[k].kind]++;
        check(&f, k, &prng);
      }
    drop(&f);
  }
  for (int kind = NODE_DENSE; kind < NODE_ACT; kind++)
    cr_assert(kinds[kind] > 50, "%s nodes were hardly tested",
              net_kind_name((NodeKind)kind));
}

Test(linop, every_operator_matches_its_adjoint)
{
  for_many_nets(check_adjoint);
}

/* Row i of A from linop_adjoint_unit, against linop_adjoint of e_i. */
static void check_unit(Fixture *f, int k, Prng *prng)
{
  const Node *v = &f->net->nodes[k];
  if (v->n_in != 1 || v->kind == NODE_ADD) return;
  const int unit[ROWS] = {0, v->size - 1, prng_below(prng, v->size)};
  const signed char sign[ROWS] = {1, -1, 1};
  const size_t n = ROWS * (size_t)f->net->nodes[v->in[0]].size;
  double *nu = mem_doubles0(ROWS * (size_t)v->size), *q = mem_doubles(n);
  for (int r = 0; r < ROWS; r++)
    nu[r * v->size + unit[r]] = sign[r];
  for (int j = 0; j < f->net->n_nodes; j++)
    f->fresh[j] = true;
  linop_adjoint(f->op, k, ROWS, nu, f->q, f->fresh);
  linop_adjoint_unit(f->op, k, ROWS, unit, sign, q);
  for (size_t i = 0; i < n; i++)
    cr_assert(q[i] == f->q[v->in[0]][i], "node %d (%s): entry %zu is %g, expected %g",
              k, net_kind_name(v->kind), i, q[i], f->q[v->in[0]][i]);
  mem_free(nu);
  mem_free(q);
}

Test(linop, unit_objectives_read_off_the_rows)
{
  for_many_nets(check_unit);
}

Test(linop, batched_evaluation_agrees_with_plain_loops)
{
  Prng prng = prng_init(2);
  for (int t = 0; t < 150; t++) {
    Fixture f = fixture(nets_random((NetsKind)(t % 3), 6, 1, &prng));
    const int n = net_in_size(f.net), last = f.net->n_nodes - 1;
    fill(f.x[0], ROWS * (size_t)n, &prng);
    for (int k = 1; k <= last; k++) {
      const Node *v = &f.net->nodes[k];
      if (v->kind != NODE_ACT)
        linop_forward(f.op, k, ROWS, f.x, f.x[k]);
      else
        for (int i = 0; i < ROWS * v->size; i++)
          f.x[k][i] = act_value(v->act, f.x[v->in[0]][i]);
    }
    double *y = mem_doubles((size_t)net_out_size(f.net));
    for (int r = 0; r < ROWS; r++) {
      eval_double(f.net, f.x[0] + r * n, y);
      for (int i = 0; i < net_out_size(f.net); i++) {
        const double got = f.x[last][r * net_out_size(f.net) + i];
        cr_assert(fabs(y[i] - got) <= 1e-9 * (1 + fabs(y[i])), "output %d: %g and %g",
                  i, y[i], got);
      }
    }
    mem_free(y);
    drop(&f);
  }
}
