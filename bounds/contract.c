/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/contract.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"

/* An interval moves when that takes at least this share of its width, and this share of
 * the width that counts as normal; or when it decides a sign. */
#define LEAST_SHARE 0.01
#define LEAST_WIDTH 1e-9
/* Passes over all terms that one run may take, and rounds of (2). */
#define MOST_PASSES 4
#define MOST_ROUNDS 8
/* An equation has many terms when it has so many times the average. */
#define MANY_TIMES 4
/* log2 of what one literal less counts. */
#define TIGHT_RATE 2.3

/* Relative errors of error terms themselves. */
#define SLACK (1 + 0x1p-20)

typedef struct {
  int var;
  double lo, hi; /* as they were before */
} Undo;

/* An equation, and how tight it was. */
typedef struct {
  int var;
  double tight;
} Seen;

/* A line under an unstable ReLU in (2): slope 0 or 1. */
typedef struct {
  int pre;
  double a;
  bool is_active;
} Line;

/* A queue with room for every variable. */
typedef struct {
  int *var;
  size_t head, n;
} Ring;

struct Contract {
  bool equations_only; /* not (2) */
  const Rows *rows;
  double *lo, *hi; /* double lo[n_vars] */
  double *least;   /* double least[n_vars]: no smaller step is worth anything */
  int first, end;  /* margin variables of the case */
  bool empty;
  double *tight; /* double tight[n_vars]: of equations, see tightness */
  /* equations looked at since the last mark, and how tight they were */
  Seen *seen;
  size_t n_seen;
  bool *is_seen;
  bool has_settled;  /* a ReLU became stable since the last round of (2) */
  Ring narrow, wide; /* equations to be looked at, and those with many terms, which
                      * wait for the others */
  size_t many;
  bool *is_queued;
  double work; /* terms that may still be looked at */
  Undo *trail;
  size_t n_trail, trail_room;
  /* (2) */
  double *q; /* double q[n_vars]: 0 between rounds */
  Line *lines;
  int n_lines;
};

Contract *contract_new(const Rows *rows)
{
  Contract *c = mem_zero(1, sizeof *c);
  const size_t n = (size_t)rows->n_vars;
  c->rows = rows;
  c->lo = mem_doubles(n);
  c->hi = mem_doubles(n);
  c->least = mem_doubles0(n);
  c->tight = mem_doubles0(n);
  c->seen = mem_array(n, sizeof *c->seen);
  c->is_seen = mem_zero(n, sizeof *c->is_seen);
  c->narrow.var = mem_array(n, sizeof *c->narrow.var);
  c->wide.var = mem_array(n, sizeof *c->wide.var);
  c->many = MANY_TIMES * rows->start[n] / n;
  c->is_queued = mem_zero(n, sizeof *c->is_queued);
  c->q = mem_doubles0(n);
  c->lines = mem_array(n, sizeof *c->lines);
  return c;
}

void contract_scale(Contract *c, const Bounds *b)
{
  const Rows *r = c->rows;
  for (int v = 0; v < r->n_vars; v++) {
    const int k = r->node[v], i = v - r->base[k];
    c->least[v] = LEAST_WIDTH * (b->hi[k][i] - b->lo[k][i]);
  }
}

void contract_free(Contract *c)
{
  if (!c) return;
  mem_free(c->lo);
  mem_free(c->hi);
  mem_free(c->least);
  mem_free(c->tight);
  mem_free(c->seen);
  mem_free(c->is_seen);
  mem_free(c->narrow.var);
  mem_free(c->wide.var);
  mem_free(c->is_queued);
  mem_free(c->trail);
  mem_free(c->q);
  mem_free(c->lines);
  mem_free(c);
}

/* ---- intervals that move ------------------------------------------------------- */

/* Rows of other cases say nothing about this one. */
static bool is_foreign(const Contract *c, int v)
{
  return v >= c->rows->base[c->rows->net->n_nodes - 1] && (v < c->first || v >= c->end);
}

static void put(Ring *ring, size_t room, int v)
{
  const size_t at = ring->head + ring->n++;
  ring->var[at < room ? at : at - room] = v;
}

static int take(Ring *ring, size_t room)
{
  const int v = ring->var[ring->head];
  ring->head = ring->head + 1 < room ? ring->head + 1 : 0;
  ring->n--;
  return v;
}

static void enqueue(Contract *c, int v)
{
  if (c->is_queued[v] || v < c->rows->n_inputs || is_foreign(c, v)) return;
  const size_t n_terms = c->rows->start[v + 1] - c->rows->start[v];
  put(n_terms > c->many ? &c->wide : &c->narrow, (size_t)c->rows->n_vars, v);
  c->is_queued[v] = true;
}

static void enqueue_neighbours(Contract *c, int v)
{
  enqueue(c, v);
  for (size_t u = c->rows->use_start[v]; u < c->rows->use_start[v + 1]; u++)
    enqueue(c, c->rows->use[u]);
}

static void move(Contract *c, int v, double lo, double hi)
{
  if (c->n_trail == c->trail_room) {
    c->trail_room = c->trail_room ? 2 * c->trail_room : 1024;
    c->trail = mem_grow(c->trail, c->trail_room, sizeof *c->trail);
  }
  c->trail[c->n_trail++] = (Undo){v, c->lo[v], c->hi[v]};
  const bool is_unstable = c->lo[v] < -c->least[v] && c->hi[v] > c->least[v];
  if (is_unstable && !(lo < 0 && hi > 0)) c->has_settled = true;
  c->lo[v] = lo;
  c->hi[v] = hi;
  enqueue_neighbours(c, v);
}

/* Whether a bound of v is worth moving by `step`. */
static bool is_step(const Contract *c, int v, double step, bool decides)
{
  return decides || (step > LEAST_SHARE * (c->hi[v] - c->lo[v]) && step > c->least[v]);
}

/* x_v <= hi.  NaN says nothing. */
static void lower_hi(Contract *c, int v, double hi)
{
  if (!(hi < c->hi[v])) return;
  if (hi < c->lo[v]) {
    c->empty = true;
    return;
  }
  if (is_step(c, v, c->hi[v] - hi, c->hi[v] > 0 && hi <= 0)) move(c, v, c->lo[v], hi);
}

static void raise_lo(Contract *c, int v, double lo)
{
  if (!(lo > c->lo[v])) return;
  if (lo > c->hi[v]) {
    c->empty = true;
    return;
  }
  if (is_step(c, v, lo - c->lo[v], c->lo[v] < 0 && lo >= 0)) move(c, v, lo, c->hi[v]);
}

/* ---- one equation --------------------------------------------------------------- */

/* A sum of n products, each variable in its interval. */
typedef struct {
  size_t n;
  const int *col; /* NULL: variable i in term i */
  const double *w;
  double w_rel;
  double min, max; /* of the sum, as computed */
  double err;      /* of the sum, and of the sum without one term */
  double widest;   /* the most that one term varies */
} Sum;

static int term_var(const Sum *s, size_t t)
{
  return s->col ? s->col[t] : (int)t;
}

/* A product and up to n additions or subtractions in each sum; mag is not too small by
 * more than SLACK covers.  w' = w (1 + d), |d| <= w_rel, changes a term by w_rel times
 * its magnitude. */
static void add_up(const Contract *c, Sum *s)
{
  double min = 0, max = 0, mag = 0, widest = 0;
  for (size_t t = 0; t < s->n; t++) {
    const int v = term_var(s, t);
    const double a = s->w[t] * c->lo[v], b = s->w[t] * c->hi[v];
    const double least = a < b ? a : b, most = a < b ? b : a;
    min += least;
    max += most;
    mag += -least > most ? -least : most;
    widest = most - least > widest ? most - least : widest;
  }
  const double n = (double)s->n;
  s->min = min;
  s->max = max;
  s->widest = widest;
  s->err = (round_gamma(n + 4) + s->w_rel) * mag * SLACK + n * ROUND_TINY;
}

/* x_v <= num / w for the true w, at most w_rel off. */
static double quotient_up(double num, double w, double w_rel)
{
  const double q = num / w;
  if (!isfinite(q)) return INFINITY;
  const double up = round_up(q);
  return w_rel > 0 ? round_add_up(up, 2 * w_rel * fabs(up) * SLACK + ROUND_TINY) : up;
}

/* least <= sum <= most, so each term is at most `most` minus the others' minimum. */
static void solve_terms(Contract *c, const Sum *s, double least, double most)
{
  const double top = round_add_up(most, s->err), bottom = round_add_dn(least, -s->err);
  if (s->min > top || s->max < bottom) {
    c->empty = true;
    return;
  }
  if (!isfinite(s->err) || !(s->w_rel < 0.25)) return;
  const bool from_above = top - s->min < s->widest;
  const bool from_below = s->max - bottom < s->widest;
  if (!from_above && !from_below) return;
  for (size_t t = 0; t < s->n && !c->empty; t++) {
    const int v = term_var(s, t);
    const double w = s->w[t], x = c->lo[v], y = c->hi[v], size = fabs(w) * (y - x);
    if (!(w < 0 || w > 0)) continue;
    if (from_above && top - s->min < size) {
      const double num = round_add_up(top, -(s->min - w * (w > 0 ? x : y)));
      if (w > 0)
        lower_hi(c, v, quotient_up(num, w, s->w_rel));
      else
        raise_lo(c, v, -quotient_up(num, -w, s->w_rel));
    }
    if (from_below && s->max - bottom < size) {
      const double num = round_add_dn(bottom, -(s->max - w * (w > 0 ? y : x)));
      if (w > 0)
        raise_lo(c, v, -quotient_up(-num, w, s->w_rel));
      else
        lower_hi(c, v, quotient_up(-num, -w, s->w_rel));
    }
  }
}

/* How near the equation y = sum is to saying something about its terms.  When the sum
 * varies by w and at worst goes beyond y's interval by v, it does once the others vary
 * by less than v: a clause with w / v literals.  The weight is that of Jeroslow and
 * Wang (1990), who count a clause of n literals 2^-n times, with a larger base. */
static void note_tightness(Contract *c, int v, const Sum *s, double least, double most)
{
  const double width = s->max - s->min, beyond = fmax(s->max - most, least - s->min);
  if (!c->is_seen[v]) {
    c->is_seen[v] = true;
    c->seen[c->n_seen++] = (Seen){v, c->tight[v]};
  }
  c->tight[v] = beyond > 0 ? exp2(TIGHT_RATE * (1 - width / beyond)) : 0;
}

static void visit_linear(Contract *c, int v)
{
  const Rows *r = c->rows;
  const size_t from = r->start[v];
  Sum s = {.n = r->start[v + 1] - from,
           .col = r->col + from,
           .w = r->w + from,
           .w_rel = r->net->nodes[r->node[v]].w_rel};
  add_up(c, &s);
  c->work -= (double)s.n;
  const double b = r->bias[v], e = r->bias_err[v];
  const double err = round_add_up(s.err, e);
  raise_lo(c, v, round_add_dn(round_add_dn(s.min, b), -err));
  lower_hi(c, v, round_add_up(round_add_up(s.max, b), err));
  if (c->empty) return;
  const double least = round_add_dn(round_add_dn(c->lo[v], -b), -e),
               most = round_add_up(round_add_up(c->hi[v], -b), e);
  note_tightness(c, v, &s, least, most);
  solve_terms(c, &s, least, most);
}

/* y = max (0, x) */
static void visit_relu(Contract *c, int v)
{
  const int pre = c->rows->pre[v];
  raise_lo(c, v, fmax(0, c->lo[pre]));
  lower_hi(c, v, fmax(0, c->hi[pre]));
  if (c->empty) return;
  lower_hi(c, pre, c->hi[v]);
  if (!c->empty && c->lo[v] > 0) raise_lo(c, pre, c->lo[v]);
}

static void drain(Contract *c)
{
  const size_t n = (size_t)c->rows->n_vars;
  while (c->narrow.n || c->wide.n) {
    const int v = take(c->narrow.n ? &c->narrow : &c->wide, n);
    c->is_queued[v] = false;
    if (c->empty || c->work < 0) continue;
    if (c->rows->pre[v] >= 0)
      visit_relu(c, v);
    else
      visit_linear(c, v);
  }
}

/* ---- (2) ------------------------------------------------------------------------- */

/* The constant c of (2) and what its numbers may be wrong by, times what they multiply.
 */
typedef struct {
  double sum, mag, err;
  double n;
} Constant;

static void add_constant(Constant *k, double a, double b, double b_err)
{
  const double p = a * b;
  k->sum += p;
  k->mag += fabs(p);
  k->err += fabs(a) * b_err;
  k->n++;
}

/* q_x += a w.  The q that comes out is taken as it is; the product and the sum may be
 * off by u of their results or by an underflow, and w by w_rel, all times x. */
static inline void pass_on(Contract *c, Constant *k, int x, double a, double w,
                           double w_rel)
{
  const double p = a * w, q = c->q[x] + p;
  const double largest = fmax(-c->lo[x], c->hi[x]);
  k->err += (ROUND_U * (fabs(p) + fabs(q)) + w_rel * fabs(p) + ROUND_TINY) * largest +
            ROUND_TINY;
  c->q[x] = q;
}

/* a max (0, z) from below.  Above a convex function a line is, where it is at both
 * ends. */
static void substitute_relu(Contract *c, Constant *k, int v, double a)
{
  const int z = c->rows->pre[v];
  const double l = c->lo[z], u = c->hi[z];
  if (u <= 0) return;
  if (l >= 0) {
    pass_on(c, k, z, a, 1, 0);
    return;
  }
  if (a < 0) {
    const double s = fmin(fmax(u / (u - l), 0), 1);
    const double t = fmax(round_mul_up(s, -l), round_add_up(u, -round_mul_dn(s, u)));
    add_constant(k, a, t, 0);
    pass_on(c, k, z, a, s, 0);
    return;
  }
  const bool is_active = u > -l;
  c->lines[c->n_lines++] = (Line){z, a, is_active};
  if (is_active) pass_on(c, k, z, a, 1, 0);
}

static void substitute_linear(Contract *c, Constant *k, int v, double a)
{
  const Rows *r = c->rows;
  const double w_rel = r->net->nodes[r->node[v]].w_rel;
  add_constant(k, a, r->bias[v], r->bias_err[v]);
  for (size_t t = r->start[v]; t < r->start[v + 1]; t++)
    pass_on(c, k, r->col[t], a, r->w[t], w_rel);
  c->work -= (double)(r->start[v + 1] - r->start[v]);
}

/* (2) for margin variable m: q of the inputs stays in c->q, everything else is 0. */
static Constant substitute(Contract *c, int m)
{
  Constant k = {0};
  c->n_lines = 0;
  c->q[m] = 1;
  for (int v = m; v >= c->rows->n_inputs; v--) {
    const double a = c->q[v];
    c->q[v] = 0;
    if (!(a < 0 || a > 0)) continue; /* 0 or NaN: what went into it is in k.err */
    if (c->rows->pre[v] >= 0)
      substitute_relu(c, &k, v, a);
    else
      substitute_linear(c, &k, v, a);
  }
  k.err = (k.err + round_gamma(k.n + 2) * k.mag + k.n * ROUND_TINY) * SLACK;
  return k;
}

static void apply_lines(Contract *c, double room)
{
  for (int i = 0; i < c->n_lines && !c->empty; i++) {
    const Line *line = &c->lines[i];
    const double most = quotient_up(room, line->a, 0);
    if (line->is_active)
      raise_lo(c, line->pre, -most);
    else
      lower_hi(c, line->pre, most);
  }
}

static void visit_margin(Contract *c, int m)
{
  const Constant k = substitute(c, m);
  Sum s = {.n = (size_t)c->rows->n_inputs, .w = c->q};
  add_up(c, &s);
  /* sum q x <= most, and what is left of it at the minimum goes to the lines. */
  const double most = round_add_up(round_add_up(c->hi[m], -k.sum), k.err);
  if (isfinite(most) && isfinite(s.err)) {
    apply_lines(c, round_add_up(round_add_up(most, -s.min), s.err));
    if (!c->empty) solve_terms(c, &s, -INFINITY, most);
  }
  memset(c->q, 0, (size_t)c->rows->n_inputs * sizeof *c->q);
}

/* ---- runs ------------------------------------------------------------------------ */

static void propagate(Contract *c)
{
  c->work = (double)MOST_PASSES * (double)c->rows->start[c->rows->n_vars];
  /* (2) comes first: it spares equations a visit with intervals that it improves. */
  for (int i = 0; !i || (i < MOST_ROUNDS && c->has_settled); i++) {
    for (int m = c->first;
         c->has_settled && !c->equations_only && m < c->end && !c->empty; m++)
      visit_margin(c, m);
    c->has_settled = false;
    drain(c);
  }
}

static void load(Contract *c, const Bounds *b, int t)
{
  const Rows *r = c->rows;
  for (int k = 0; k < r->net->n_nodes; k++) {
    const size_t n = (size_t)r->net->nodes[k].size, at = (size_t)t * n;
    memcpy(c->lo + r->base[k], b->lo[k] + at, n * sizeof *c->lo);
    memcpy(c->hi + r->base[k], b->hi[k] + at, n * sizeof *c->hi);
  }
}

/* What (1) says about a weighted row. */
static double weighted_margin(int count, const double *w)
{
  double sum = 0;
  for (int j = 0; j < count; j++)
    sum = round_add_up(sum, w[j]);
  return round_mul_up(sum, CONTRACT_MARGIN);
}

/* The width that (1) leaves of an input with coefficient q. */
static double width_left(double room, double q, double width)
{
  return fmin(quotient_up(room, fabs(q), 0), width);
}

double contract_inputs(Bounds *b, int t, double g, int count, const double *w,
                       const double *q0)
{
  const size_t n = (size_t)b->net->nodes[0].size;
  const double *lo = b->lo[0] + (size_t)t * n, *hi = b->hi[0] + (size_t)t * n;
  const double room = round_add_up(weighted_margin(count, w), -g);
  double gone = 0;
  /* With a ball, g is no sum over the inputs. */
  if (!isfinite(room) || b->net->ball) return 0;
  for (size_t i = 0; i < n; i++)
    if (lo[i] < hi[i])
      gone += 1 - width_left(room, q0[i], hi[i] - lo[i]) / (hi[i] - lo[i]);
  if (!(gone > LEAST_SHARE * (double)n)) return 0;
  for (size_t i = 0; i < n && !b->empty[t]; i++) {
    const double most = width_left(room, q0[i], INFINITY);
    if (q0[i] > 0)
      bounds_meet(b, 0, t, (int)i, -INFINITY, round_add_up(lo[i], most));
    else if (q0[i] < 0)
      bounds_meet(b, 0, t, (int)i, round_add_dn(hi[i], -most), INFINITY);
  }
  return gone / (double)n;
}

/* Everything that moved since the trail had `from` entries, but for the margins. */
static bool store(const Contract *c, Bounds *b, int t, size_t from)
{
  const Rows *r = c->rows;
  bool has_moved = false;
  if (c->empty) return b->empty[t] = true;
  for (size_t i = from; i < c->n_trail; i++) {
    const int v = c->trail[i].var, k = r->node[v];
    if (k == r->net->n_nodes - 1) continue;
    bounds_meet(b, k, t, v - r->base[k], c->lo[v], c->hi[v]);
    has_moved = true;
  }
  return has_moved;
}

/* Forget which equations were looked at; `undo` also what that found.  Returns how much
 * tighter they had become in total. */
static double end_seen(Contract *c, bool undo)
{
  double gain = 0;
  for (size_t i = 0; i < c->n_seen; i++) {
    const Seen *seen = &c->seen[i];
    gain += fmax(0, c->tight[seen->var] - seen->tight);
    c->is_seen[seen->var] = false;
    if (undo) c->tight[seen->var] = seen->tight;
  }
  c->n_seen = 0;
  return gain;
}

/* (1), also where that is a small step. */
static void assume_violated(Contract *c)
{
  for (int m = c->first; m < c->end && !c->empty; m++) {
    if (c->lo[m] > CONTRACT_MARGIN)
      c->empty = true;
    else if (c->hi[m] > CONTRACT_MARGIN)
      move(c, m, c->lo[m], CONTRACT_MARGIN);
  }
}

void contract_by_equations(Contract *c)
{
  c->equations_only = true;
}

bool contract_run(Contract *c, Bounds *b, int t, int first, int count)
{
  const int margin = c->rows->base[c->rows->net->n_nodes - 1];
  if (b->empty[t]) return false;
  load(c, b, t);
  c->first = margin + first;
  c->end = c->first + count;
  c->empty = false;
  c->has_settled = true;
  c->n_trail = 0;
  for (int v = c->rows->n_vars; v-- > c->rows->n_inputs;)
    enqueue(c, v);
  assume_violated(c);
  propagate(c);
  end_seen(c, false);
  return store(c, b, t, 0);
}

static void assume(Contract *c, int k, int i, bool positive)
{
  const int z = c->rows->pre[c->rows->base[k] + i];
  if (positive)
    raise_lo(c, z, 0);
  else
    lower_hi(c, z, 0);
  if (!c->empty) propagate(c);
}

ContractProbe contract_probe(Contract *c, int k, int i, bool positive)
{
  const size_t mark = c->n_trail;
  assume(c, k, i, positive);
  const ContractProbe probe = {.empty = c->empty, .gain = end_seen(c, true)};
  c->empty = false;
  while (c->n_trail > mark) {
    const Undo *u = &c->trail[--c->n_trail];
    c->lo[u->var] = u->lo;
    c->hi[u->var] = u->hi;
  }
  return probe;
}

void contract_force(Contract *c, Bounds *b, int t, int k, int i, bool positive)
{
  const size_t mark = c->n_trail;
  assume(c, k, i, positive);
  end_seen(c, false);
  store(c, b, t, mark);
}
