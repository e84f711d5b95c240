/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/follow.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/prng.h"

/* The parts that are looked at: their size in parts of the box, and how many. */
#define PART    0.1
#define CENTRES 128
/* An atom keeps at least this share of its width for itself, and one that does not move
 * so much. */
#define LEAST_OWN  1e-3
#define POINT_OWNS 1e-9

static double pair_value(NodeKind kind, double a, double b)
{
  return kind == NODE_MUL ? a * b : fmax(a, b);
}

/* What the learning needs. */
typedef struct {
  Follow *f;
  const Net *net;
  Linop *op;
  double *half;           /* double half[n_in]: half the widths of the box */
  double *centre, *at;    /* double centre[n_in], at[n_in] */
  double *value, *before; /* double value[n_atoms]: of all nodes */
  double **node;          /* views into value */
} Learner;

static void evaluate(Learner *s)
{
  memcpy(s->value, s->at, (size_t)s->f->n_in * sizeof *s->at);
  for (int k = 1; k < s->net->n_nodes; k++) {
    const Node *v = &s->net->nodes[k];
    const double *a = s->node[v->in[0]];
    if (net_is_linear(v)) linop_forward(s->op, k, 1, s->node, s->node[k]);
    for (int i = 0; i < v->size && !net_is_linear(v); i++)
      s->node[k][i] = net_is_pair(v) ? pair_value(v->kind, a[i], s->node[v->in[1]][i])
                                     : act_value(v->act, a[i]);
  }
}

static void evaluate_before(Learner *s)
{
  evaluate(s);
  memcpy(s->before, s->value, (size_t)s->f->n_atoms * sizeof *s->before);
}

/* A part inside the box. */
static void draw_centre(Learner *s, const Bounds *b, Prng *prng)
{
  for (int j = 0; j < s->f->n_in; j++)
    s->centre[j] = b->lo[0][j] + s->half[j] * (PART + 2 * (1 - PART) * prng_unit(prng));
  memcpy(s->at, s->centre, (size_t)s->f->n_in * sizeof *s->at);
}

/* Differences along the axes, exact for what is linear. */
static void add_slopes(Learner *s)
{
  const int n = s->f->n_in;
  for (int j = 0; j < n; j++) {
    const double step = PART * s->half[j];
    if (!(step > 0)) continue;
    s->at[j] = s->centre[j] - step;
    evaluate_before(s);
    s->at[j] = s->centre[j] + step;
    evaluate(s);
    s->at[j] = s->centre[j];
    for (int a = n; a < s->f->n_atoms; a++)
      s->f->slope[(size_t)a * (size_t)n + (size_t)j] +=
          (s->value[a] - s->before[a]) / (2 * step) / CENTRES;
  }
}

/* The square of what slopes leave unexplained at a random point of the part. */
static void add_rest(Learner *s, Prng *prng)
{
  const int n = s->f->n_in;
  evaluate_before(s);
  for (int j = 0; j < n; j++)
    s->at[j] = s->centre[j] + PART * s->half[j] * prng_range(prng, -1, 1);
  evaluate(s);
  for (int a = n; a < s->f->n_atoms; a++) {
    double rest = s->value[a] - s->before[a];
    for (int j = 0; j < n; j++)
      rest -=
          s->f->slope[(size_t)a * (size_t)n + (size_t)j] * (s->at[j] - s->centre[j]);
    s->f->own[a] += rest * rest / CENTRES;
  }
}

/* A uniform variable with this mean square has sqrt (3 square) on either side. */
static void set_own(Learner *s)
{
  Follow *f = s->f;
  const int n = f->n_in;
  for (int j = 0; j < n; j++) {
    f->own[j] = fmax(s->half[j], POINT_OWNS);
    f->slope[(size_t)j * (size_t)n + (size_t)j] = 1;
  }
  for (int a = n; a < f->n_atoms; a++) {
    double follows = 0;
    for (int j = 0; j < n; j++)
      follows += fabs(f->slope[(size_t)a * (size_t)n + (size_t)j]) * f->own[j];
    f->own[a] = fmax(sqrt(3 * f->own[a]) / PART, LEAST_OWN * follows + POINT_OWNS);
  }
}

static void learn(Learner *s, const Bounds *b)
{
  Prng prng = prng_init(1);
  for (int i = 0; i < CENTRES; i++) {
    draw_centre(s, b, &prng);
    add_slopes(s);
  }
  for (int i = 0; i < CENTRES; i++) {
    draw_centre(s, b, &prng);
    add_rest(s, &prng);
  }
  set_own(s);
}

Follow *follow_new(const Bounds *b)
{
  Follow *f = mem_zero(1, sizeof *f);
  f->n_in = net_in_size(b->net);
  for (int k = 0; k < b->net->n_nodes; k++)
    f->n_atoms += b->net->nodes[k].size;
  const size_t n = (size_t)f->n_in, atoms = (size_t)f->n_atoms;
  f->slope = mem_doubles0(atoms * n);
  f->own = mem_doubles0(atoms);
  Learner s = {.f = f,
               .net = b->net,
               .op = linop_new(b->net),
               .half = mem_doubles(n),
               .centre = mem_doubles(n),
               .at = mem_doubles(n),
               .value = mem_doubles(atoms),
               .before = mem_doubles(atoms),
               .node = mem_array((size_t)b->net->n_nodes, sizeof *s.node)};
  double *next = s.value;
  for (int k = 0; k < b->net->n_nodes; next += b->net->nodes[k++].size)
    s.node[k] = next;
  for (size_t j = 0; j < n; j++)
    s.half[j] = b->hi[0][j] / 2 - b->lo[0][j] / 2;
  learn(&s, b);
  linop_free(s.op);
  mem_free(s.half);
  mem_free(s.centre);
  mem_free(s.at);
  mem_free(s.value);
  mem_free(s.before);
  mem_free(s.node);
  return f;
}

void follow_free(Follow *f)
{
  if (!f) return;
  mem_free(f->slope);
  mem_free(f->own);
  mem_free(f);
}

double follow_reach(const Follow *f, int n, const int *atom, const double *l)
{
  double sum = 0;
  for (int j = 0; j < f->n_in; j++) {
    double slope = 0;
    for (int i = 0; i < n; i++)
      slope += l[i] * f->slope[(size_t)atom[i] * (size_t)f->n_in + (size_t)j];
    sum += fabs(slope) * f->own[j];
  }
  for (int i = 0; i < n; i++)
    if (atom[i] >= f->n_in) sum += fabs(l[i]) * f->own[atom[i]];
  return sum;
}
