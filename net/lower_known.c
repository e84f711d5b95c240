/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_known.h"

#include <math.h>
#include <string.h>

#include "net/base/round.h"
#include "net/fold.h"
#include "net/lower_arith.h"
#include "net/lower_float.h"

#define SQRT_2 0x1.6a09e667f3bcdp+0 /* within half an ulp */

/* ---- a node as a multiple of another ------------------------------------- */

/* scale x[node] + shift, the same for all elements. */
typedef struct {
  int node;
  Fold scale, shift;
} Affine;

#define MAX_LEVELS 8

static bool is_uniform(const double *v, int n, double *out)
{
  for (int i = 0; v && i < n; i++)
    if (v[i] != v[0]) return false;
  if (v) *out = v[0];
  return true;
}

/* Look through one SCALE. */
static bool peel(const Draft *d, Affine *a)
{
  const Node *v = &d->nodes[a->node];
  double scale = 1, shift = 0, err = 0;
  if (v->kind != NODE_SCALE || !is_uniform(v->scale, v->size, &scale) ||
      !is_uniform(v->shift, v->size, &shift) || !is_uniform(v->b_err, v->size, &err))
    return false;
  const double w_err =
      v->scale && v->w_rel != 0 ? round_mul_up(v->w_rel, fabs(scale)) : 0;
  a->shift = fold_add(fold_mul(a->scale, (Fold){shift, err}), a->shift);
  a->scale = fold_mul(a->scale, (Fold){scale, w_err});
  a->node = v->in[0];
  return fold_ok(a->scale) && fold_ok(a->shift);
}

/* All ways to see the node, itself first.  Returns their number. */
static int levels(const Draft *d, int node, Affine *list)
{
  list[0] = (Affine){node, fold_exact(1), fold_exact(0)};
  int n = 1;
  for (; n < MAX_LEVELS; n++) {
    list[n] = list[n - 1];
    if (!peel(d, &list[n])) break;
  }
  return n;
}

static bool is_exactly(Fold a, double v)
{
  return a.v == v && a.err == 0;
}

/* ---- gates --------------------------------------------------------------- */

/* gain G (factor x[of] + offset) + rest with h (z) = z G (z) the activation `whole`. */
typedef struct {
  ActKind whole;
  int of;
  Fold factor, offset, gain, rest;
} Gate;

static Fold half_of(Fold a)
{
  return (Fold){a.v / 2, a.err / 2};
}

/* tanh z = 2 sigmoid (2z) - 1 and erf z = 2 Phi (sqrt 2 z) - 1 */
static bool smooth_gate(const Draft *d, const Affine *v, Gate *g)
{
  const Node *node = &d->nodes[v->node];
  if (node->kind != NODE_ACT) return false;
  *g = (Gate){ACT_SILU, node->in[0], fold_exact(1), fold_exact(0), v->scale, v->shift};
  if (node->act == ACT_SIGMOID) return true;
  if (node->act != ACT_TANH && node->act != ACT_ERF) return false;
  g->gain = fold_mul(fold_exact(2), v->scale);
  g->rest = fold_sub(v->shift, v->scale);
  g->factor = fold_exact(2);
  if (node->act == ACT_ERF) {
    g->factor = (Fold){SQRT_2, 0x1p-53};
    g->whole = ACT_GELU;
  }
  return true;
}

/* clip (px + q, 0, t) = t G (6 (px + q - t / 2) / t) with G (z) = clip (z / 6 + 1/2) */
static bool hard_gate(const Lower *l, const Affine *v, Gate *g)
{
  for (int i = 0; i < l->n_clips; i++) {
    const LowerClip *c = &l->clips[i];
    if (c->node != v->node || c->lo != 0 || !(c->hi > 0)) continue;
    const Fold six = fold_div(fold_exact(6), fold_exact(c->hi));
    const Fold middle = fold_sub(fold_exact(c->q), half_of(fold_exact(c->hi)));
    *g = (Gate){ACT_HARDSWISH,
                c->of,
                fold_mul(six, fold_exact(c->p)),
                fold_mul(six, middle),
                fold_mul(v->scale, fold_exact(c->hi)),
                v->shift};
    return true;
  }
  return false;
}

static bool find_gate(const Lower *l, int node, Gate *g)
{
  Affine list[MAX_LEVELS];
  const int n = levels(&l->draft, node, list);
  for (int i = 0; i < n; i++)
    if (smooth_gate(&l->draft, &list[i], g) || hard_gate(l, &list[i], g)) return true;
  return false;
}

/* Node u = scale x and the gate's argument = factor x for a common x; false when there
 * is none.  Then g->of is x and g->factor refers to it. */
static bool common_source(const Draft *d, int u, Gate *g, Fold *scale)
{
  Affine us[MAX_LEVELS], zs[MAX_LEVELS];
  const int n_u = levels(d, u, us), n_z = levels(d, g->of, zs);
  for (int i = 0; i < n_u; i++)
    for (int j = 0; j < n_z; j++) {
      if (us[i].node != zs[j].node || !is_exactly(us[i].shift, 0)) continue;
      const Fold offset = fold_add(fold_mul(g->factor, zs[j].shift), g->offset);
      if (!is_exactly(offset, 0)) continue;
      *scale = us[i].scale;
      g->of = us[i].node;
      g->factor = fold_mul(g->factor, zs[j].scale);
      return true;
    }
  return false;
}

/* May the number stand in a SCALE? */
static bool is_accurate(Fold a)
{
  return fold_ok(a) && a.v != 0 && a.err <= 0x1p-30 * fabs(a.v);
}

/* u v with v = gain G (factor x) + rest and u = scale x:
 *     gain scale / factor h (factor x) + rest u */
static bool gated(Lower *l, const OnnxNode *node, const Value *u, const Value *v,
                  Value *y)
{
  Gate g;
  Fold scale;
  if (!find_gate(l, v->node, &g) || !common_source(&l->draft, u->node, &g, &scale))
    return false;
  if (!is_accurate(g.factor) || !is_accurate(g.gain) || !is_accurate(scale))
    return false;
  const Fold outer = fold_div(fold_mul(g.gain, scale), g.factor);
  const bool has_rest = !is_exactly(g.rest, 0);
  if (!is_accurate(outer) || (has_rest && !is_accurate(g.rest))) return false;
  Value h = lower_ctx_var(u->type, &u->shape, g.of), rest;
  Status rc = lower_arith_times(l, node, &h, g.factor, &h);
  if (!rc) rc = lower_arith_activate(l, node, g.whole, &h, &h);
  if (!rc) rc = lower_arith_times(l, node, &h, outer, &h);
  if (!rc && has_rest) {
    rc = lower_arith_times(l, node, u, g.rest, &rest);
    if (!rc) rc = lower_arith_apply(l, node, '+', &h, &rest, &h);
  }
  if (!rc) *y = h;
  return !rc;
}

bool lower_known_product(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                         Value *y)
{
  const bool known = gated(l, node, a, b, y) || gated(l, node, b, a, y);
  if (known) lower_float_doubt(l, node);
  return known;
}

/* ---- functions of sums with an exponential ------------------------------- */

/* x = scale act (z) + shift for an ACT node of this kind: its z. */
static bool is_affine_of(const Draft *d, int x, ActKind act, Affine *out, int *z)
{
  Affine list[MAX_LEVELS];
  const int n = levels(d, x, list);
  const Node *node = &d->nodes[list[n - 1].node];
  if (node->kind != NODE_ACT || node->act != act) return false;
  *out = list[n - 1];
  *z = node->in[0];
  return true;
}

/* 1 / (c + c e^z) = sigmoid (-z) / c */
static bool known_reciprocal(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  Affine a;
  int z;
  if (!is_affine_of(&l->draft, x->node, ACT_EXP, &a, &z)) return false;
  if (a.scale.err != 0 || !is_exactly(a.shift, a.scale.v)) return false;
  const Fold outer = fold_div(fold_exact(1), a.scale);
  if (!is_accurate(outer)) return false;
  Value h = lower_ctx_var(x->type, &x->shape, z);
  Status rc = lower_arith_times(l, node, &h, fold_exact(-1), &h);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SIGMOID, &h, &h);
  if (!rc) rc = lower_arith_times(l, node, &h, outer, y);
  return !rc;
}

/* log (1 + e^z) = softplus (z), log (sigmoid (z)) = -softplus (-z) */
static bool known_log(Lower *l, const OnnxNode *node, const Value *x, Value *y)
{
  Affine a;
  int z;
  double sign = 1;
  if (is_affine_of(&l->draft, x->node, ACT_EXP, &a, &z)) {
    if (!is_exactly(a.scale, 1) || !is_exactly(a.shift, 1)) return false;
  } else if (is_affine_of(&l->draft, x->node, ACT_SIGMOID, &a, &z)) {
    if (!is_exactly(a.scale, 1) || !is_exactly(a.shift, 0)) return false;
    sign = -1;
  } else {
    return false;
  }
  Value h = lower_ctx_var(x->type, &x->shape, z);
  Status rc = lower_arith_times(l, node, &h, fold_exact(sign), &h);
  if (!rc) rc = lower_arith_activate(l, node, ACT_SOFTPLUS, &h, &h);
  if (!rc) rc = lower_arith_times(l, node, &h, fold_exact(sign), y);
  return !rc;
}

bool lower_known_act(Lower *l, const OnnxNode *node, ActKind act, const Value *x,
                     Value *y)
{
  const bool known = act == ACT_RECIPROCAL ? known_reciprocal(l, node, x, y)
                                           : act == ACT_LOG && known_log(l, node, x, y);
  if (known) lower_float_doubt(l, node);
  return known;
}

/* ---- differences of ReLUs ------------------------------------------------- */

/* outer.scale relu (factor x[of] + offset) + outer.shift; `outer` is about the ReLU. */
typedef struct {
  Affine outer;
  Affine list[MAX_LEVELS]; /* ways to see the ReLU's argument */
  int n;
} Bent;

static bool is_bent(const Draft *d, int node, Bent *bent)
{
  int z;
  if (!is_affine_of(d, node, ACT_RELU, &bent->outer, &z)) return false;
  bent->n = levels(d, z, bent->list);
  return true;
}

/* Arguments of one x, and the same or opposite factors. */
static bool meet(const Bent *a, const Bent *b, const Affine **p, const Affine **q)
{
  for (int i = 0; i < a->n; i++)
    for (int j = 0; j < b->n; j++) {
      *p = &a->list[i];
      *q = &b->list[j];
      if ((*p)->node == (*q)->node && (*p)->scale.err == 0 && (*q)->scale.err == 0 &&
          fabs((*p)->scale.v) == fabs((*q)->scale.v))
        return true;
    }
  return false;
}

/* relu (z) - relu (z - d) = d - relu (d - relu (z)) for d >= 0, where h is relu (z).
 * One behind the other they have the hull's upper side; side by side, neither. */
static Status bend_back(Lower *l, const OnnxNode *node, const Value *h, Fold d,
                        Value *y)
{
  Status rc = lower_arith_times(l, node, h, fold_exact(-1), y);
  if (!rc) rc = lower_arith_plus(l, node, y, d, y);
  if (!rc) rc = lower_arith_activate(l, node, ACT_RELU, y, y);
  if (!rc) rc = lower_arith_times(l, node, y, fold_exact(-1), y);
  return rc ? rc : lower_arith_plus(l, node, y, d, y);
}

/* relu (p) - relu (q) of numbers in one x; false where it is nothing known. */
static bool difference(Lower *l, const OnnxNode *node, const Value *like, const Bent *a,
                       const Bent *b, Value *y)
{
  const Affine *p, *q;
  if (!meet(a, b, &p, &q)) return false;
  const bool same = p->scale.v == q->scale.v;
  const Fold d = same ? fold_sub(p->shift, q->shift) : fold_add(p->shift, q->shift);
  if (!same) { /* relu (z) - relu (-z) = z */
    *y = lower_ctx_var(like->type, &like->shape, l->draft.nodes[a->outer.node].in[0]);
    return is_exactly(d, 0);
  }
  if (!fold_ok(d) || fabs(d.v) <= d.err) return false;
  const Bent *first = d.v > 0 ? a : b;
  const Value h = lower_ctx_var(like->type, &like->shape, first->outer.node);
  const Fold size = {fabs(d.v), d.err};
  Status rc = bend_back(l, node, &h, size, y);
  if (!rc && d.v < 0) rc = lower_arith_times(l, node, y, fold_exact(-1), y);
  return !rc;
}

bool lower_known_sum(Lower *l, const OnnxNode *node, char op, const Value *a,
                     const Value *b, Value *y)
{
  Bent left, right;
  if (!is_bent(&l->draft, a->node, &left) || !is_bent(&l->draft, b->node, &right))
    return false;
  const double sign = op == '-' ? 1 : -1;
  const Fold outer = left.outer.scale;
  const Fold rest = op == '-' ? fold_sub(left.outer.shift, right.outer.shift)
                              : fold_add(left.outer.shift, right.outer.shift);
  if (outer.err != 0 || outer.v == 0 ||
      !is_exactly(right.outer.scale, sign * outer.v) || !fold_ok(rest) ||
      !difference(l, node, a, &left, &right, y))
    return false;
  Status rc = lower_arith_times(l, node, y, outer, y);
  if (!rc) rc = lower_arith_plus(l, node, y, rest, y);
  if (!rc) lower_float_doubt(l, node);
  return !rc;
}

/* ---- what a Clip or HardSigmoid computes --------------------------------- */

/* A bound of Clip: an operand or, before version 11, an attribute. */
static bool clip_bound(const Lower *l, const OnnxNode *node, int k, const char *attr,
                       double *bound)
{
  const Value *x = lower_ctx_in(l, node, k);
  const OnnxAttr *a = onnx_attr(node, attr);
  if (a) *bound = a->f;
  if (a || !x) return a != NULL;
  if (x->kind != VALUE_CONST || x->shape.n != 1 || (x->err && x->err[0] != 0))
    return false;
  *bound = x->v[0];
  return true;
}

void lower_known_note(Lower *l, const OnnxNode *node)
{
  const bool is_clip = !strcmp(node->op, "Clip");
  if (!is_clip && strcmp(node->op, "HardSigmoid") != 0) return;
  const Value *x = lower_ctx_in(l, node, 0);
  const Value *y = node->n_out && node->out[0] >= 0 ? &l->values[node->out[0]] : NULL;
  if (!x || !y || x->kind != VALUE_VAR || y->kind != VALUE_VAR) return;
  LowerClip c = {.node = y->node, .of = x->node, .p = 1, .q = 0, .lo = 0, .hi = 1};
  if (is_clip) {
    if (!clip_bound(l, node, 1, "min", &c.lo) || !clip_bound(l, node, 2, "max", &c.hi))
      return;
  } else {
    c.p = lower_ctx_float(node, "alpha", (double)0.2f);
    c.q = lower_ctx_float(node, "beta", 0.5);
  }
  /* The newest few: a gate is used soon after it was computed. */
  if (l->n_clips == LOWER_MAX_CLIPS) {
    memmove(l->clips, l->clips + 1, (LOWER_MAX_CLIPS - 1) * sizeof *l->clips);
    l->n_clips--;
  }
  l->clips[l->n_clips++] = c;
}
