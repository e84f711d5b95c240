/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/quad.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

/* Smaller eigenvalues, in parts of the largest, are left to the error. */
#define LEAST_EIGENVALUE 1e-14
#define MOST_SWEEPS      60
/* The error of the bias in parts of what planes lose. */
#define MOST_ERROR 1e-6

/* Row i of a node. */
typedef struct {
  int n;
  const int *atom;
  const double *w, *e;
  double b, f;
  int one; /* atom of a root */
} Row;

static Row row_of_form(const Form *form, int i)
{
  const int from = form->start[i];
  return (Row){form->start[i + 1] - from,
               form->atom + from,
               form->w + from,
               form->e + from,
               form->b[i],
               form->f[i],
               0};
}

static void get_row(const Forms *x, int k, int i, Row *r)
{
  static const double unit = 1, zero = 0;
  if (!form_is_root(x, k)) {
    *r = row_of_form(&x->form[k], i);
    return;
  }
  *r = (Row){1, &r->one, &unit, &zero, 0, 0, x->first[k] + i};
}

bool quad_is_product(const Forms *x, int atom)
{
  return x->old->nodes[x->owner[atom]].kind == NODE_MUL;
}

/* Factor p of a product. */
static void get_factor(const Forms *x, int atom, int p, Row *r)
{
  const int k = x->owner[atom];
  get_row(x, x->old->nodes[k].in[p], atom - x->first[k], r);
}

/* ---- Q, w and b ------------------------------------------------------------ */

static int index_of(const Quad *q, int atom)
{
  int i = 0;
  while (i < q->n && q->var[i] != atom)
    i++;
  return i;
}

static void add_variables(Quad *q, const Row *r)
{
  for (int t = 0; t < r->n; t++) {
    if (index_of(q, r->atom[t]) < q->n) continue;
    q->var = mem_grow(q->var, (size_t)q->n + 1, sizeof *q->var);
    q->var[q->n++] = r->atom[t];
  }
}

/* All inputs, in their order, and what the factors consist of. */
static void list_variables(const Forms *x, const Follow *f, const Row *row, Quad *q)
{
  q->var = mem_array((size_t)f->n_in, sizeof *q->var);
  for (q->n = 0; q->n < f->n_in; q->n++)
    q->var[q->n] = q->n;
  for (int t = 0; t < row->n; t++) {
    Row a, b;
    if (!quad_is_product(x, row->atom[t])) continue;
    get_factor(x, row->atom[t], 0, &a);
    get_factor(x, row->atom[t], 1, &b);
    add_variables(q, &a);
    add_variables(q, &b);
    q->planes += fabs(row->w[t]) * follow_reach(f, a.n, a.atom, a.w) *
                 follow_reach(f, b.n, b.atom, b.w);
  }
}

/* *to += (w +- ew) (a +- ea) (b +- eb).  With p = w a and |true p - p| <= e,
 *     |true p b - p b|  <=  |b| e + (|p| + e) eb                                    */
static void add_triple(double *to, double *err, double w, double ew, double a,
                       double ea, double b, double eb)
{
  double p = 0, e = 0;
  form_add(&p, &e, w, 0, a, ea);
  if (ew != 0) e += ew * (fabs(a) + ea) * FORM_SLACK + ROUND_TINY;
  form_add(to, err, b, 0, p, e);
  if (eb != 0) *err += (fabs(p) + e) * eb * FORM_SLACK + ROUND_TINY;
}

/* (w +- e) times the product of two rows. */
static void add_product(Quad *q, double w, double e, const Row *a, const Row *b)
{
  const size_t n = (size_t)q->n;
  for (int s = 0; s < a->n; s++)
    for (int t = 0; t < b->n; t++) {
      const int i = index_of(q, a->atom[s]), j = index_of(q, b->atom[t]);
      const size_t at = (size_t)(i < j ? i : j) * n + (size_t)(i < j ? j : i);
      add_triple(&q->Q[at], &q->R[at], w, e, a->w[s], a->e[s], b->w[t], b->e[t]);
    }
  for (int s = 0; s < a->n; s++)
    add_triple(&q->w[a->atom[s]], &q->e[a->atom[s]], w, e, a->w[s], a->e[s], b->b,
               b->f);
  for (int t = 0; t < b->n; t++)
    add_triple(&q->w[b->atom[t]], &q->e[b->atom[t]], w, e, b->w[t], b->e[t], a->b,
               a->f);
  add_triple(&q->b, &q->f, w, e, a->b, a->f, b->b, b->f);
}

static void collect(const Forms *x, const Row *row, Quad *q)
{
  const size_t atoms = (size_t)x->first[x->old->n_nodes];
  q->Q = mem_doubles0((size_t)q->n * (size_t)q->n);
  q->R = mem_doubles0((size_t)q->n * (size_t)q->n);
  q->w = mem_doubles0(atoms);
  q->e = mem_doubles0(atoms);
  q->b = row->b;
  q->f = row->f;
  for (int t = 0; t < row->n; t++) {
    const int atom = row->atom[t];
    Row a, b;
    if (!quad_is_product(x, atom)) {
      form_add(&q->w[atom], &q->e[atom], 1, 0, row->w[t], row->e[t]);
      continue;
    }
    get_factor(x, atom, 0, &a);
    get_factor(x, atom, 1, &b);
    add_product(q, row->w[t], row->e[t], &a, &b);
  }
}

/* ---- eigenvectors ---------------------------------------------------------- */

/* Rotate rows and columns p and q of the symmetric A so that A[p][q] vanishes. */
static void rotate(int n, double *A, double *V, int p, int q)
{
  const double apq = A[p * n + q];
  if (apq == 0) return;
  const double theta = (A[q * n + q] - A[p * n + p]) / (2 * apq);
  const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
  const double c = 1 / sqrt(t * t + 1), s = t * c;
  for (int i = 0; i < n; i++) {
    const double a = A[i * n + p], b = A[i * n + q];
    A[i * n + p] = c * a - s * b;
    A[i * n + q] = s * a + c * b;
  }
  for (int i = 0; i < n; i++) {
    const double a = A[p * n + i], b = A[q * n + i];
    A[p * n + i] = c * a - s * b;
    A[q * n + i] = s * a + c * b;
    const double v = V[p * n + i], w = V[q * n + i];
    V[p * n + i] = c * v - s * w;
    V[q * n + i] = s * v + c * w;
  }
}

/* Jacobi's method: row k of V becomes the eigenvector of A[k][k], nearly. */
static void eigenvectors(int n, double *A, double *V)
{
  memset(V, 0, (size_t)n * (size_t)n * sizeof *V);
  for (int i = 0; i < n; i++)
    V[i * n + i] = 1;
  for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    double off = 0, all = 0;
    for (int i = 0; i < n * n; i++)
      all += A[i] * A[i];
    for (int p = 0; p < n; p++)
      for (int q = p + 1; q < n; q++) {
        off += A[p * n + q] * A[p * n + q];
        rotate(n, A, V, p, q);
      }
    if (!(off > 1e-34 * all)) return;
  }
}

/* C of v = C y, where y are the inputs and what the other variables do on their own,
 * all moving by about 1. */
static double *units(const Follow *f, const Quad *q)
{
  const int n = q->n;
  double *C = mem_doubles0((size_t)n * (size_t)n);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < f->n_in; j++)
      C[i * n + j] =
          f->slope[(size_t)q->var[i] * (size_t)f->n_in + (size_t)j] * f->own[j];
  for (int i = f->n_in; i < n; i++)
    C[i * n + i] = f->own[q->var[i]];
  return C;
}

/* A = C' Q C. */
static double *in_units(const Quad *q, const double *C)
{
  const int n = q->n;
  const size_t size = (size_t)n * (size_t)n;
  double *A = mem_doubles0(size), *QC = mem_doubles0(size);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const double coef =
          i == j ? q->Q[i * n + i] : q->Q[i < j ? i * n + j : j * n + i] / 2;
      for (int k = 0; k < n && coef != 0; k++)
        QC[i * n + k] += coef * C[j * n + k];
    }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      for (int k = 0; k < n; k++)
        A[j * n + k] += C[i * n + j] * QC[i * n + k];
  mem_free(QC);
  return A;
}

/* l with l . v = root e . y: the solution of C' l = root e, where C is triangular but
 * for the block that follows the inputs. */
static void pull_back(const Follow *f, int n, const double *C, double root,
                      const double *e, double *l)
{
  for (int i = n - 1; i >= 0; i--) {
    double rest = root * e[i];
    for (int j = f->n_in; j < n && i < f->n_in; j++)
      rest -= l[j] * C[j * n + i];
    l[i] = rest / C[i * n + i];
  }
}

static void decompose(const Follow *f, Quad *q)
{
  const int n = q->n;
  double *C = units(f, q), *A = in_units(q, C), most = 0;
  double *V = mem_doubles((size_t)n * (size_t)n);
  eigenvectors(n, A, V);
  for (int k = 0; k < n; k++)
    most = fmax(most, fabs(A[k * n + k]));
  q->l = mem_doubles0((size_t)n * (size_t)n);
  q->c = mem_array((size_t)n, sizeof *q->c);
  for (int k = 0; k < n; k++) {
    const double value = A[k * n + k];
    if (!(fabs(value) > LEAST_EIGENVALUE * most)) continue;
    double *l = q->l + q->n_squares * n;
    pull_back(f, n, C, sqrt(fabs(value)), V + k * n, l);
    const double reach = follow_reach(f, n, q->var, l);
    *(value > 0 ? &q->above : &q->below) += reach * reach;
    q->c[q->n_squares++] = value > 0 ? 1 : -1;
  }
  mem_free(A);
  mem_free(C);
  mem_free(V);
}

/* ---- R ----------------------------------------------------------------------- */

/* What Q_ij is more than the squares give, in magnitude. */
static double residual(const Quad *q, int i, int j)
{
  double rest = q->Q[i * q->n + j], err = q->R[i * q->n + j];
  for (int k = 0; k < q->n_squares; k++) {
    const double *l = q->l + k * q->n;
    form_add(&rest, &err, (i == j ? -1 : -2) * q->c[k] * l[i], 0, l[j], 0);
  }
  return (fabs(rest) + err) * FORM_SLACK;
}

/* |v' R v| becomes a part of f. */
static void take_residual(const Forms *x, Quad *q)
{
  double total = 0;
  for (int i = 0; i < q->n; i++)
    for (int j = i; j < q->n; j++) {
      const double r = residual(q, i, j);
      if (r == 0) continue;
      total += r * x->most[q->var[i]] * x->most[q->var[j]] * FORM_SLACK + ROUND_TINY;
    }
  q->f = (q->f + total) * FORM_SLACK;
}

/* Nothing overflowed, and errors are small. */
static bool is_useful(const Forms *x, const Quad *q)
{
  double err = q->f;
  for (int i = 0; i < q->n * q->n_squares; i++)
    if (!isfinite(q->l[i])) return false;
  for (int a = 0; a < x->first[x->old->n_nodes]; a++) {
    if (!isfinite(q->w[a])) return false;
    if (q->e[a] != 0) err += q->e[a] * x->most[a];
  }
  return isfinite(q->b) && isfinite(q->planes) && err < MOST_ERROR * q->planes;
}

bool quad_make(const Forms *x, const Follow *f, int node, const Form *form, int row,
               int most, Quad *q)
{
  *q = (Quad){.node = node, .row = row};
  const Row r = row_of_form(form, row);
  list_variables(x, f, &r, q);
  if (q->n > most) return false;
  collect(x, &r, q);
  decompose(f, q);
  take_residual(x, q);
  return is_useful(x, q);
}

void quad_drop(Quad *q)
{
  mem_free(q->var);
  mem_free(q->Q);
  mem_free(q->R);
  mem_free(q->w);
  mem_free(q->e);
  mem_free(q->l);
  mem_free(q->c);
}
