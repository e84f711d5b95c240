/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/squares.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "bounds/form.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/base/round.h"

/* Only networks with no more products and elements are looked at, */
#define MOST_PRODUCTS 256
#define MOST_ATOMS    4096
/* and only sums over no more elements. */
#define MOST_VARIABLES 48
/* Squares replace products that lose at least so many times as much. */
#define LEAST_GAIN 1.4
/* Smaller eigenvalues, in parts of the largest, are left to the error. */
#define LEAST_EIGENVALUE 1e-14
/* No scale is smaller, in parts of the largest. */
#define LEAST_SCALE 1e-3
/* Where the behaviour of the variables is learnt: in parts of so much of the box. */
#define PART    0.1
#define CENTRES 128
#define MOST_SWEEPS 60

/* A row as one square after the other: equation (1) and what is linear. */
typedef struct {
  int node, row;
  int n, *var;     /* atoms v */
  double *Q, *R;   /* double Q[n][n], upper triangle: the coefficient of v_i v_j, and
                    * what it may be wrong by; in the end R is all of (1)'s R */
  double *w, *e;   /* double w[atoms], e[atoms]: the linear part */
  double b, f;     /* and the bias */
  int n_squares;
  double *l;       /* double l[n_squares][n] */
  int *c;          /* signs */
} Sum;

typedef struct {
  Forms *forms;
  const Net *old;
  Net *net;
  int n_in;
  double *slope;  /* double slope[atoms][n_in]: how an atom follows the inputs, about, */
  double *half;   /* double half[atoms]: and by how much it does not; half the width
                   * of an input */
  int *index;     /* scratch: the index of an atom in var, or -1 */
  Form *form;     /* Form form[n_nodes]: of candidates too, which are roots for the
                   * others, */
  bool *candidate; /* because they add products */
  bool *needed;
  int *now, *first; /* first[node]: its first sum, or -1 */
  Sum *sum;
  int n_sums;
} Squares;

/* Row i of node k, which may be a root. */
typedef struct {
  int n;
  const int *atom;
  const double *w, *e;
  double b, f;
} Row;

static Row entries(const Form *form, int i)
{
  const int from = form->start[i];
  return (Row){form->start[i + 1] - from, form->atom + from, form->w + from,
               form->e + from, form->b[i], form->f[i]};
}

static Row row_of(const Squares *x, int k, int i, int *one)
{
  static const double unit = 1, zero = 0;
  const Form *form = &x->forms->form[k];
  if (forms_is_root(x->forms, k)) {
    *one = x->forms->first[k] + i;
    return (Row){1, one, &unit, &zero, 0, 0};
  }
  return entries(form, i);
}

static bool is_product(const Squares *x, int atom)
{
  return x->old->nodes[x->forms->owner[atom]].kind == NODE_MUL;
}

/* ---- the quadratic form of a row ------------------------------------------ */

static void add_variables(Squares *x, Sum *sum, const Row *r)
{
  for (int t = 0; t < r->n; t++) {
    if (x->index[r->atom[t]] >= 0) continue;
    sum->var = mem_grow(sum->var, (size_t)sum->n + 1, sizeof *sum->var);
    x->index[r->atom[t]] = sum->n;
    sum->var[sum->n++] = r->atom[t];
  }
}

/* *to += (w +- ew) (a +- ea) (b +- eb). */
static void add_triple(double *to, double *err, double w, double ew, double a,
                       double ea, double b, double eb)
{
  double wa = 0, e = 0;
  form_add(&wa, &e, w, 0, a, ea);
  e += ew * (fabs(a) + ea) * FORM_SLACK;
  form_add(to, err, b, 0, wa, e);
  *err += (fabs(wa) + e) * eb * FORM_SLACK;
  if (ew != 0 || eb != 0) *err += ROUND_TINY;
}

/* The product of rows p and q, times w +- e. */
static void add_product(const Squares *x, Sum *sum, double w, double e, const Row *p,
                        const Row *q)
{
  const size_t n = (size_t)sum->n;
  for (int s = 0; s < p->n; s++) {
    const int i = x->index[p->atom[s]];
    for (int t = 0; t < q->n; t++) {
      const int j = x->index[q->atom[t]];
      const size_t at = (size_t)(i < j ? i : j) * n + (size_t)(i < j ? j : i);
      add_triple(&sum->Q[at], &sum->R[at], w, e, p->w[s], p->e[s], q->w[t], q->e[t]);
    }
    add_triple(&sum->w[p->atom[s]], &sum->e[p->atom[s]], w, e, p->w[s], p->e[s], q->b,
               q->f);
  }
  for (int t = 0; t < q->n; t++)
    add_triple(&sum->w[q->atom[t]], &sum->e[q->atom[t]], w, e, q->w[t], q->e[t], p->b,
               p->f);
  add_triple(&sum->b, &sum->f, w, e, p->b, p->f, q->b, q->f);
}

/* Half the width of sum_i l_i v_i in a small part of the box, in units of its size. */
static double half_width(const Squares *x, int n, const int *atom, const double *l)
{
  double sum = 0;
  for (int j = 0; j < x->n_in; j++) {
    double follows = 0;
    for (int i = 0; i < n; i++)
      follows += l[i] * x->slope[(size_t)atom[i] * (size_t)x->n_in + (size_t)j];
    sum += fabs(follows) * x->half[j];
  }
  for (int i = 0; i < n; i++)
    if (atom[i] >= x->n_in) sum += fabs(l[i]) * x->half[atom[i]];
  return sum;
}

/* Collect row `sum->row` of sum->node.  *lost is what planes lose. */
static void collect(Squares *x, Sum *sum, double *lost)
{
  int left, right;
  const Row r = entries(&x->form[sum->node], sum->row);
  const Forms *forms = x->forms;
  const size_t atoms = (size_t)forms->first[x->old->n_nodes];
  /* All inputs, in their order, before others. */
  for (int a = 0; a < x->n_in; a++) {
    const Row input = {1, &a, NULL, NULL, 0, 0};
    add_variables(x, sum, &input);
  }
  for (int pass = 0; pass < 2; pass++) {
    for (int t = 0; t < r.n; t++) {
      const int k = forms->owner[r.atom[t]], i = r.atom[t] - forms->first[k];
      if (!is_product(x, r.atom[t])) {
        if (pass == 1) form_add(&sum->w[r.atom[t]], &sum->e[r.atom[t]], 1, 0, r.w[t], r.e[t]);
        continue;
      }
      const Row p = row_of(x, x->old->nodes[k].in[0], i, &left);
      const Row q = row_of(x, x->old->nodes[k].in[1], i, &right);
      if (pass == 0) {
        add_variables(x, sum, &p);
        add_variables(x, sum, &q);
        *lost += fabs(r.w[t]) * half_width(x, p.n, p.atom, p.w) *
                 half_width(x, q.n, q.atom, q.w);
      } else {
        add_product(x, sum, r.w[t], r.e[t], &p, &q);
      }
    }
    if (pass == 1) break;
    sum->Q = mem_doubles0((size_t)sum->n * (size_t)sum->n);
    sum->R = mem_doubles0((size_t)sum->n * (size_t)sum->n);
    sum->w = mem_doubles0(atoms);
    sum->e = mem_doubles0(atoms);
    sum->b = r.b;
    sum->f = r.f;
  }
  for (int i = 0; i < sum->n; i++)
    x->index[sum->var[i]] = -1;
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

/* The columns of C in v = C y, where y are the inputs and what the other variables add to
 * following them, in units of their size in a small part of the box. */
static double *units(const Squares *x, const Sum *sum)
{
  const int n = sum->n;
  double *C = mem_doubles0((size_t)n * (size_t)n);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < x->n_in; j++)
      C[i * n + j] =
          x->slope[(size_t)sum->var[i] * (size_t)x->n_in + (size_t)j] * x->half[j];
  for (int i = x->n_in; i < n; i++)
    C[i * n + i] = x->half[sum->var[i]];
  return C;
}

/* A = C' Q C. */
static double *in_units(const Sum *sum, const double *C)
{
  const int n = sum->n;
  double *A = mem_doubles0((size_t)n * (size_t)n), *QC = mem_doubles0((size_t)n * (size_t)n);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const double q = i == j ? sum->Q[i * n + i]
                              : sum->Q[i < j ? i * n + j : j * n + i] / 2;
      for (int k = 0; k < n && q != 0; k++)
        QC[i * n + k] += q * C[j * n + k];
    }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      for (int k = 0; k < n; k++)
        A[j * n + k] += C[i * n + j] * QC[i * n + k];
  mem_free(QC);
  return A;
}

/* The l_k and c_k. */
static void decompose(const Squares *x, Sum *sum)
{
  const int n = sum->n;
  double *C = units(x, sum), *A = in_units(sum, C), most = 0;
  double *V = mem_doubles((size_t)n * (size_t)n);
  eigenvectors(n, A, V);
  for (int k = 0; k < n; k++)
    most = fmax(most, fabs(A[k * n + k]));
  sum->l = mem_doubles0((size_t)n * (size_t)n);
  sum->c = mem_array((size_t)n, sizeof *sum->c);
  for (int k = 0; k < n; k++) {
    const double value = A[k * n + k], root = sqrt(fabs(value));
    if (!(fabs(value) > LEAST_EIGENVALUE * most)) continue;
    double *l = sum->l + sum->n_squares * n;
    /* l' C = root V_k. */
    for (int i = n - 1; i >= 0; i--) {
      double rest = root * V[k * n + i];
      for (int j = x->n_in; j < n && i < x->n_in; j++)
        rest -= l[j] * C[j * n + i];
      l[i] = rest / C[i * n + i];
    }
    sum->c[sum->n_squares++] = value > 0 ? 1 : -1;
  }
  mem_free(A);
  mem_free(C);
  mem_free(V);
}

/* R of (1) into R, and all of it into f.  False when that is not finite. */
static bool take_residual(const Squares *x, Sum *sum)
{
  const int n = sum->n;
  const double *most = x->forms->most;
  double total = 0;
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++) {
      double q = sum->Q[i * n + j], err = sum->R[i * n + j];
      for (int k = 0; k < sum->n_squares; k++) {
        const double a = sum->l[k * n + i], b = sum->l[k * n + j];
        form_add(&q, &err, -sum->c[k] * (i == j ? 1 : 2) * a, 0, b, 0);
      }
      const double r = (fabs(q) + err) * FORM_SLACK;
      if (r == 0) continue;
      total += r * most[sum->var[i]] * most[sum->var[j]] * FORM_SLACK + ROUND_TINY;
    }
  sum->f = (sum->f + total) * FORM_SLACK;
  for (int i = 0; i < n * sum->n_squares; i++)
    if (!isfinite(sum->l[i])) return false;
  return isfinite(sum->f) && isfinite(sum->b);
}

/* What chords lose of the squares with sign c. */
static double chords(const Squares *x, const Sum *sum, int c)
{
  double lost = 0;
  for (int k = 0; k < sum->n_squares; k++) {
    const double half = half_width(x, sum->n, sum->var, sum->l + k * sum->n);
    if (sum->c[k] == c) lost += half * half;
  }
  return lost;
}

/* ---- which rows ------------------------------------------------------------- */

static void sum_drop(Sum *sum)
{
  mem_free(sum->var);
  mem_free(sum->Q);
  mem_free(sum->R);
  mem_free(sum->w);
  mem_free(sum->e);
  mem_free(sum->l);
  mem_free(sum->c);
}

/* Products in row i of node k. */
static int count_products(const Squares *x, int k, int i)
{
  const Form *form = &x->form[k];
  int n = 0;
  for (int t = form->start[i]; t < form->start[i + 1]; t++)
    n += is_product(x, form->atom[t]);
  return n;
}

/* How element i of node k is used: bit 0 where it counts from below, as in the rows of
 * the last node, bit 1 where from above. */
static int uses(const Squares *x, int k, int i)
{
  const int atom = x->forms->first[k] + i, last = x->old->n_nodes - 1;
  int found = k == last ? 1 : 0;
  for (int j = k + 1; j <= last; j++) {
    const Form *form = &x->form[j];
    if (j < last && x->forms->b->pre[j] < 0 && !x->candidate[j]) continue;
    for (int t = 0; t < form->n; t++)
      if (form->atom[t] == atom) found |= j < last ? 3 : form->w[t] > 0 ? 1 : 2;
  }
  return found;
}

static bool try_row(Squares *x, int k, int i, int use)
{
  Sum sum = {.node = k, .row = i};
  double planes = 0;
  collect(x, &sum, &planes);
  bool gains = sum.n && sum.n <= MOST_VARIABLES && isfinite(planes);
  if (gains) decompose(x, &sum);
  gains = gains && take_residual(x, &sum);
  if (gains) {
    const double lost = (use & 1 ? chords(x, &sum, -1) : 0) +
                        (use & 2 ? chords(x, &sum, 1) : 0);
    if(getenv("SQ"))fprintf(stderr,"row %d use %d lost %g planes %g nsq %d\n",i,use,lost,planes,sum.n_squares); gains = (getenv("SQ")?atof(getenv("SQ")):LEAST_GAIN) * lost < planes * (use == 3 ? 2 : 1);
  }
  if (!gains) {
    sum_drop(&sum);
    return false;
  }
  x->sum = mem_grow(x->sum, (size_t)x->n_sums + 1, sizeof *x->sum);
  x->sum[x->n_sums++] = sum;
  return true;
}

/* Forms of all nodes; those that add products are roots for the others. */
static void find_candidates(Squares *x)
{
  for (int k = 1; k < x->old->n_nodes; k++) {
    if (!form_may_be(x->forms, k)) continue;
    if (!form_make(x->forms, k, &x->form[k])) {
      form_drop(&x->form[k]);
      continue;
    }
    for (int i = 0; i < x->old->nodes[k].size; i++)
      if (x->old->nodes[k].kind != NODE_MAP && count_products(x, k, i) > 1)
        x->candidate[k] = true;
    if (!x->candidate[k]) x->forms->form[k] = x->form[k];
  }
}

static void find_sums(Squares *x)
{
  for (int k = 1; k < x->old->n_nodes; k++) {
    x->first[k] = -1;
    const int before = x->n_sums;
    for (int i = 0; i < x->old->nodes[k].size && x->candidate[k]; i++) {
      const int use = uses(x, k, i);
      if (use && count_products(x, k, i) > 1) try_row(x, k, i, use);
    }
    if (x->n_sums > before) x->first[k] = before;
  }
}

/* ---- the new network -------------------------------------------------------- */

static bool is_rewritten(const Squares *x, int k)
{
  return k > 0 && x->first[k] >= 0;
}

static const Sum *sum_of(const Squares *x, int k, int row)
{
  for (int s = x->first[k]; s < x->n_sums && x->sum[s].node == k; s++)
    if (x->sum[s].row == row) return &x->sum[s];
  return NULL;
}

/* Mark in x->index what node k needs, apart from squares: 0, else -1. */
static void mark_atoms(Squares *x, int k)
{
  const int atoms = x->forms->first[x->old->n_nodes];
  const Form *form = &x->form[k];
  for (int i = 0; i < x->old->nodes[k].size; i++) {
    const Sum *sum = sum_of(x, k, i);
    for (int a = 0; a < atoms && sum; a++)
      if (sum->w[a] != 0 || sum->e[a] != 0) x->index[a] = 0;
    for (int t = form->start[i]; t < form->start[i + 1] && !sum; t++)
      x->index[form->atom[t]] = 0;
  }
}

static void mark_variables(Squares *x, int k)
{
  for (int s = x->first[k]; s < x->n_sums && x->sum[s].node == k; s++)
    for (int i = 0; i < x->sum[s].n; i++)
      x->index[x->sum[s].var[i]] = 0;
}

static void mark_needed(Squares *x)
{
  const int last = x->old->n_nodes - 1, atoms = x->forms->first[last + 1];
  x->needed[0] = x->needed[last] = true;
  for (int k = last; k > 0; k--) {
    if (!x->needed[k]) continue;
    for (int p = 0; p < x->old->nodes[k].n_in && !is_rewritten(x, k); p++)
      x->needed[x->old->nodes[k].in[p]] = true;
    if (!is_rewritten(x, k)) continue;
    mark_atoms(x, k);
    mark_variables(x, k);
    for (int a = 0; a < atoms; a++) {
      if (x->index[a] == 0) x->needed[x->forms->owner[a]] = true;
      x->index[a] = -1;
    }
  }
}

static int add_flat(Squares *x, Node *v, const int *in, int n_in)
{
  v->rank = 1;
  v->dims[0] = v->size;
  return net_add(x->net, v, in, n_in);
}

/* A map of the marked atoms, which get their index in it, and of all elements of node
 * `more` of the new network behind them, unless it is negative.  *n is its size. */
static int gather(Squares *x, const char *name, int more, int n_more, int *n)
{
  const Forms *forms = x->forms;
  int *in = mem_array((size_t)x->old->n_nodes + 1, sizeof *in), n_in = 0, before = 0;
  int *map = NULL;
  *n = 0;
  for (int k = 0; k < x->old->n_nodes; k++) {
    const int had = *n;
    for (int a = forms->first[k]; a < forms->first[k + 1]; a++) {
      if (x->index[a] < 0) continue;
      map = mem_grow(map, (size_t)*n + 1, sizeof *map);
      map[*n] = before + a - forms->first[k];
      x->index[a] = (*n)++;
    }
    if (*n == had) continue;
    in[n_in++] = x->now[k];
    before += x->old->nodes[k].size;
  }
  if (more >= 0) in[n_in++] = more;
  map = mem_grow(map, (size_t)*n + (size_t)n_more + 1, sizeof *map);
  for (int i = 0; i < n_more; i++)
    map[*n + i] = before + i;
  *n += n_more;
  Node v = {.kind = NODE_MAP, .size = *n, .name = name, .map = net_keep(x->net, map)};
  const int node = add_flat(x, &v, in, n_in);
  mem_free(in);
  return node;
}

static void clear_index(Squares *x)
{
  for (int a = 0; a < x->forms->first[x->old->n_nodes]; a++)
    x->index[a] = -1;
}

/* The squares of all sums of node k; *n of them. */
static int add_squares(Squares *x, int k, int *n)
{
  const char *name = x->old->nodes[k].name;
  int cols, at = 0;
  *n = 0;
  for (int s = x->first[k]; s < x->n_sums && x->sum[s].node == k; s++)
    *n += x->sum[s].n_squares;
  if (!*n) return -1;
  mark_variables(x, k);
  const int from = gather(x, name, -1, 0, &cols);
  double *W = net_keep(x->net, mem_doubles0((size_t)*n * (size_t)cols));
  for (int s = x->first[k]; s < x->n_sums && x->sum[s].node == k; s++)
    for (int q = 0; q < x->sum[s].n_squares; q++, at++)
      for (int i = 0; i < x->sum[s].n; i++)
        W[(size_t)at * (size_t)cols + (size_t)x->index[x->sum[s].var[i]]] =
            x->sum[s].l[q * x->sum[s].n + i];
  clear_index(x);
  Node z = {.kind = NODE_DENSE,
            .size = *n,
            .name = name,
            .reps = 1,
            .rows = *n,
            .cols = cols,
            .W = W};
  const int in = add_flat(x, &z, &from, 1);
  Node square = {.kind = NODE_ACT, .size = *n, .name = name, .act = ACT_SQUARE};
  return add_flat(x, &square, &in, 1);
}

/* Entries of row i: W[index of atom] and the error of the bias. */
static double fill_row(const Squares *x, int k, int i, double *W, double *b)
{
  const Sum *sum = sum_of(x, k, i);
  const Form *form = &x->form[k];
  const double *most = x->forms->most;
  double err = sum ? sum->f : form->f[i];
  *b = sum ? sum->b : form->b[i];
  for (int a = 0; a < x->forms->first[x->old->n_nodes] && sum; a++) {
    if (x->index[a] < 0) continue;
    W[x->index[a]] = sum->w[a];
    if (sum->e[a] > 0) err += sum->e[a] * FORM_SLACK * most[a] + ROUND_TINY;
  }
  for (int t = form->start[i]; t < form->start[i + 1] && !sum; t++) {
    W[x->index[form->atom[t]]] = form->w[t];
    if (form->e[t] > 0) err += form->e[t] * most[form->atom[t]] + ROUND_TINY;
  }
  return err * FORM_SLACK;
}

static int rewrite(Squares *x, int k)
{
  const Node *old = &x->old->nodes[k];
  int n_squares, cols, at = 0;
  const int squares = add_squares(x, k, &n_squares);
  mark_atoms(x, k);
  const int from = gather(x, old->name, squares, n_squares, &cols);
  double *W = net_keep(x->net, mem_doubles0((size_t)old->size * (size_t)cols));
  double *b = net_keep(x->net, mem_doubles((size_t)old->size));
  double *b_err = net_keep(x->net, mem_doubles((size_t)old->size));
  for (int i = 0; i < old->size; i++) {
    double *row = W + (size_t)i * (size_t)cols;
    const Sum *sum = sum_of(x, k, i);
    b_err[i] = fill_row(x, k, i, row, &b[i]);
    for (int q = 0; sum && q < sum->n_squares; q++, at++)
      row[cols - n_squares + at] = sum->c[q];
  }
  clear_index(x);
  Node v = {.kind = NODE_DENSE,
            .size = old->size,
            .name = old->name,
            .reps = 1,
            .rows = old->size,
            .cols = cols,
            .W = W,
            .b = b,
            .b_err = b_err};
  return add_flat(x, &v, &from, 1);
}

static void build(Squares *x)
{
  for (int k = 0; k < x->old->n_nodes; k++) {
    const Node *old = &x->old->nodes[k];
    x->now[k] = -1;
    if (!x->needed[k]) continue;
    if (is_rewritten(x, k)) {
      x->now[k] = rewrite(x, k);
      continue;
    }
    int *in = mem_array((size_t)old->n_in + 1, sizeof *in);
    for (int p = 0; p < old->n_in; p++)
      in[p] = x->now[old->in[p]];
    x->now[k] = net_add(x->net, old, in, old->n_in);
    mem_free(in);
  }
}

/* ---- the whole -------------------------------------------------------------- */

static bool worth_a_look(const Net *net)
{
  long products = 0, atoms = 0;
  for (int k = 0; k < net->n_nodes; k++) {
    if (net->nodes[k].kind == NODE_MUL) products += net->nodes[k].size;
    atoms += net->nodes[k].size;
  }
  return products > 0 && products <= MOST_PRODUCTS && atoms <= MOST_ATOMS;
}

/* Values of all nodes at x, [n_nodes][size]. */
static void evaluate(const Net *net, Linop *op, double **value, const double *at)
{
  memcpy(value[0], at, (size_t)net_in_size(net) * sizeof *at);
  for (int k = 1; k < net->n_nodes; k++) {
    const Node *v = &net->nodes[k];
    const double *a = value[v->in[0]];
    if (net_is_linear(v))
      linop_forward(op, k, 1, value, value[k]);
    for (int i = 0; i < v->size && !net_is_linear(v); i++)
      value[k][i] =
          v->kind == NODE_MUL ? a[i] * value[v->in[1]][i] : act_value(v->act, a[i]);
  }
}

/* Slopes from differences along the axes around random points, and the mean square of
 * what they leave unexplained around them. */
static void learn(Squares *x, const Bounds *b)
{
  const Net *net = x->old;
  const int n = net_in_size(net), atoms = x->forms->first[net->n_nodes];
  Linop *op = linop_new(net);
  Prng prng = prng_init(1);
  double *centre = mem_doubles((size_t)n), *at = mem_doubles((size_t)n);
  double *base = mem_doubles((size_t)atoms), *flat = mem_doubles((size_t)atoms);
  double **value = mem_array((size_t)net->n_nodes, sizeof *value);
  for (int k = 0; k < net->n_nodes; k++)
    value[k] = flat + x->forms->first[k];
  for (int i = 0; i < n; i++)
    x->half[i] = b->hi[0][i] / 2 - b->lo[0][i] / 2;
  for (int pass = 0; pass < 2; pass++)
    for (int s = 0; s < CENTRES; s++) {
      for (int i = 0; i < n; i++)
        centre[i] = b->lo[0][i] + 2 * x->half[i] * (PART / 2 + (1 - PART) * prng_unit(&prng));
      memcpy(at, centre, (size_t)n * sizeof *at);
      for (int i = 0; i < n && pass == 0; i++) {
        if (!(x->half[i] > 0)) continue;
        at[i] = centre[i] - PART * x->half[i];
        evaluate(net, op, value, at);
        memcpy(base, flat, (size_t)atoms * sizeof *base);
        at[i] = centre[i] + PART * x->half[i];
        evaluate(net, op, value, at);
        at[i] = centre[i];
        for (int a = n; a < atoms; a++)
          x->slope[(size_t)a * (size_t)n + (size_t)i] +=
              (flat[a] - base[a]) / (2 * PART * x->half[i]) / CENTRES;
      }
      if (pass == 0) continue;
      evaluate(net, op, value, centre);
      memcpy(base, flat, (size_t)atoms * sizeof *base);
      for (int i = 0; i < n; i++)
        at[i] = centre[i] + PART * x->half[i] * prng_range(&prng, -1, 1);
      evaluate(net, op, value, at);
      for (int a = n; a < atoms; a++) {
        double rest = flat[a] - base[a];
        for (int i = 0; i < n; i++)
          rest -= x->slope[(size_t)a * (size_t)n + (size_t)i] * (at[i] - centre[i]);
        x->half[a] += rest * rest / CENTRES;
      }
    }
  for (int i = 0; i < n; i++)
    x->slope[(size_t)i * (size_t)n + (size_t)i] = 1;
  for (int a = n; a < atoms; a++) {
    double follows = 0;
    for (int i = 0; i < n; i++)
      follows += fabs(x->slope[(size_t)a * (size_t)n + (size_t)i]) * x->half[i];
    x->half[a] = fmax(sqrt(3 * x->half[a]) / PART, LEAST_SCALE * follows);
  }
  linop_free(op);
  mem_free(centre);
  mem_free(at);
  mem_free(base);
  mem_free(flat);
  mem_free(value);
}

static void prepare(Squares *x, const Bounds *b)
{
  const size_t n = (size_t)b->net->n_nodes;
  x->old = b->net;
  x->forms = forms_new(b);
  const size_t atoms = (size_t)x->forms->first[n];
  x->form = mem_zero(n, sizeof *x->form);
  x->candidate = mem_zero(n, sizeof *x->candidate);
  x->needed = mem_zero(n, sizeof *x->needed);
  x->now = mem_array(n, sizeof *x->now);
  x->first = mem_zero(n, sizeof *x->first);
  x->index = mem_array(atoms, sizeof *x->index);
  x->half = mem_doubles0(atoms);
  x->n_in = net_in_size(b->net);
  x->slope = mem_doubles0(atoms * (size_t)x->n_in);
  clear_index(x);
  learn(x, b);
}

static void squares_free(Squares *x)
{
  for (int k = 0; k < x->old->n_nodes; k++)
    if (x->candidate[k]) form_drop(&x->form[k]);
  forms_free(x->forms); /* the other forms too */
  for (int s = 0; s < x->n_sums; s++)
    sum_drop(&x->sum[s]);
  mem_free(x->sum);
  mem_free(x->form);
  mem_free(x->candidate);
  mem_free(x->needed);
  mem_free(x->now);
  mem_free(x->first);
  mem_free(x->index);
  mem_free(x->half);
  mem_free(x->slope);
}

Net *squares_net(const Bounds *b, Bounds **inside)
{
  STATUS_REQUIRE(b->n_box == 1, "one box");
  if (!worth_a_look(b->net)) return NULL;
  Squares x = {0};
  prepare(&x, b);
  find_candidates(&x);
  find_sums(&x);
  if (x.n_sums) {
    x.net = net_new(b->net->path);
    x.net->is_float32 = b->net->is_float32;
    x.net->n_inputs = b->net->n_inputs;
    x.net->n_outputs = b->net->n_outputs;
    mark_needed(&x);
    build(&x);
    Err err = {0};
    const bool fine = !net_finish(x.net, &err);
    STATUS_REQUIRE(fine, "a network with squares is well-formed");
    *inside = form_carry_over(b, x.net, x.now);
  }
  squares_free(&x);
  return x.net;
}
