/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/cases.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"

/* Cases with bounds of their own cost one box each: all of them together. */
#define MAX_BOX_BYTES ((size_t)1 << 30)

/* One end of one range: the tightest of the bounds seen. */
typedef struct {
  double outer, inner; /* infinite while there is none */
  int lit;             /* NONE, the tightest literal, or UNORDERED */
} End;

/* Rows of more inputs than this give no bounds. */
#define MAX_IMPLYING 64

#define NONE      (-1)
#define UNORDERED (-2)

typedef struct {
  int at; /* index into end */
  End old;
} Change;

typedef struct {
  const Dnf *d;
  Literals *lits;
  const Sexpr *s;
  const Scope *scope;
  const Extend *extend;
  Prop *prop;
  Err *err;
  End *end;      /* End end[2 n_in]: lower end of X_i at 2 i, upper at 2 i + 1 */
  int n_missing; /* ends without a bound */
  Change *undo;  /* what the current case changed */
  size_t n_undo, undo_room;
  Box box;                   /* of the current case */
  int common_box;            /* its index in prop, -1 until it is needed */
  bool any_nonempty;         /* some case is not empty for decimals */
  int empty_input;           /* an example of an empty range for the message */
  int empty_low, empty_high; /* its literals */
  int *common_row;           /* the rows that hold in every case; int [n_common_rows] */
  size_t n_common_rows;
  size_t *choice_seg; /* the segments with a choice; size_t [n_choices] */
  size_t n_choices;
} Builder;

/* ---- ranges -------------------------------------------------------------- */

static End end_of(const Literal *l, int id)
{
  if (l->is_lower)
    return (End){box_float_dn(l->value.lo),
                 l->strict ? round_up(l->value.hi) : l->value.hi, id};
  return (End){box_float_up(l->value.hi),
               l->strict ? round_dn(l->value.lo) : l->value.lo, id};
}

static int tighter(const Builder *b, int old, int id)
{
  int order;
  const Literal *const l = &b->lits->lit[id];
  if (old == UNORDERED || !literal_order(b->lits, old, id, &order)) return UNORDERED;
  if (order == 0) return l->strict ? id : old;
  return (order < 0) == l->is_lower ? id : old;
}

/* So that restore can take it back. */
static void log_change(Builder *b, int at)
{
  if (b->n_undo == b->undo_room) {
    b->undo_room = b->undo_room ? b->undo_room * 2 : 64;
    b->undo = mem_grow(b->undo, b->undo_room, sizeof *b->undo);
  }
  b->undo[b->n_undo++] = (Change){at, b->end[at]};
}

/* Intersect with one bound.  Where two decimals are in a known order the inner end is
 * that of the tighter one: a strict bound that is not it must not take a double more.
 */
static void tighten(Builder *b, int id, bool log)
{
  const Literal *const l = &b->lits->lit[id];
  const int at = 2 * l->var + !l->is_lower;
  End *const e = &b->end[at];
  if (log) log_change(b, at);
  const End new = end_of(l, id);
  if (e->lit == NONE) {
    b->n_missing--;
    *e = new;
    return;
  }
  const int lit = tighter(b, e->lit, id);
  double inner = lit == id ? new.inner : e->inner;
  if (lit == UNORDERED)
    inner = l->is_lower ? fmax(e->inner, new.inner) : fmin(e->inner, new.inner);
  *e = (End){l->is_lower ? fmax(e->outer, new.outer) : fmin(e->outer, new.outer), inner,
             lit};
}

/* The input that output y copies, or -1. */
static int input_of(const Builder *b, int y)
{
  const int k = y - b->scope->n_out;
  return b->extend && k >= 0 && b->extend->item[k].b < 0 ? b->extend->item[k].a : -1;
}

/* coef[p] x_p of a row over the range of x_p. */
static Ival part_of_row(const Builder *b, const Literal *l, int p, Ival *coef)
{
  const int i = input_of(b, b->lits->y[l->first + (size_t)p]);
  const double c = b->lits->coef[l->first + (size_t)p];
  const double off = round_mul_up(fabs(c), l->coef_rel);
  *coef = (Ival){round_add_dn(c, -off), round_add_up(c, off)};
  return ival_mul(*coef, (Ival){b->end[2 * i].outer, b->end[2 * i + 1].outer});
}

/* x_p has no bound where the row  sum_q coef[q] x_q <= value  gives one, and all others
 * have theirs:  coef[p] x_p <= value - sum of the others. */
static bool imply(Builder *b, const Literal *l, int p, bool log)
{
  const int i = input_of(b, b->lits->y[l->first + (size_t)p]);
  const bool is_lower = b->lits->coef[l->first + (size_t)p] < 0;
  const int at = 2 * i + !is_lower;
  if (b->end[at].lit != NONE) return false;
  Ival rest = l->value, coef;
  for (int q = 0; q < l->n; q++)
    if (q != p) rest = ival_add(rest, ival_neg(part_of_row(b, l, q, &coef)));
  part_of_row(b, l, p, &coef);
  if (!ival_finite(rest) || !ival_finite(coef) || (coef.lo <= 0 && coef.hi >= 0))
    return false;
  const Ival bound = ival_div(rest, coef);
  if (!ival_finite(bound)) return false;
  if (log) log_change(b, at);
  const double outer = is_lower ? box_float_dn(bound.lo) : box_float_up(bound.hi);
  b->end[at] = (End){outer, outer, UNORDERED};
  b->n_missing--;
  return true;
}

/* Bounds that follow from these rows, where ends are still missing. */
static void imply_all(Builder *b, const int *lit, size_t n, bool log)
{
  bool more = b->extend && b->extend->copy;
  while (more && b->n_missing) {
    more = false;
    for (size_t k = 0; k < n; k++) {
      const Literal *const l = &b->lits->lit[lit[k]];
      bool inputs_only = l->var < 0 && l->n <= MAX_IMPLYING;
      for (int p = 0; inputs_only && p < l->n; p++)
        inputs_only = input_of(b, b->lits->y[l->first + (size_t)p]) >= 0;
      for (int p = 0; inputs_only && p < l->n; p++)
        more = imply(b, l, p, log) || more;
    }
  }
}

typedef enum { RANGE_FULL, RANGE_NO_POINT, RANGE_NO_DECIMAL, RANGE_EMPTY } RangeKind;

/* Is there a number between the two ends of input i?
 *   FULL        a double, or a decimal between two neighbouring doubles
 *   NO_POINT    nobody knows: no witness
 *   NO_DECIMAL  no decimal, but float32 rounding of the ends leaves a point
 *   EMPTY       nothing in any reading                                         */
static RangeKind range_kind(const Builder *b, int i)
{
  const End *const lo = &b->end[2 * i], *const hi = &b->end[2 * i + 1];
  if (lo->outer > hi->outer) return RANGE_EMPTY;
  if (lo->inner <= hi->inner) return RANGE_FULL;
  int order;
  if (lo->lit < 0 || hi->lit < 0 || !literal_order(b->lits, lo->lit, hi->lit, &order))
    return RANGE_NO_POINT;
  const bool strict = b->lits->lit[lo->lit].strict || b->lits->lit[hi->lit].strict;
  if (order > 0 || (order == 0 && strict)) return RANGE_NO_DECIMAL;
  return strict ? RANGE_NO_POINT : RANGE_FULL;
}

/* Write range i of the box; the worse of `kind` and its own kind. */
static RangeKind set_range(Builder *b, int i, RangeKind kind)
{
  const End *const lo = &b->end[2 * i], *const hi = &b->end[2 * i + 1];
  const RangeKind own = range_kind(b, i);
  b->box.lo[i] = lo->outer;
  b->box.hi[i] = hi->outer;
  b->box.in_lo[i] = own == RANGE_FULL ? lo->inner : INFINITY;
  b->box.in_hi[i] = own == RANGE_FULL ? hi->inner : -INFINITY;
  if (own >= RANGE_NO_DECIMAL && b->empty_input < 0) {
    b->empty_input = i;
    b->empty_low = lo->lit;
    b->empty_high = hi->lit;
  }
  return own > kind ? own : kind;
}

static Status missing_bound(const Builder *b, const DnfConj *place)
{
  int at = 0;
  while (b->end[at].lit != NONE)
    at++;
  const int i = at / 2;
  const char *const which = at % 2 ? "upper" : "lower";
  char name[SCOPE_NAME];
  scope_input_name(b->scope, i, name);
  if (place)
    return sexpr_fail(b->s, place->line, place->column, b->err, STATUS_DATA,
                      "%s has no %s bound in this case; every input needs a finite "
                      "lower and upper bound",
                      name, which);
  int line, column;
  scope_input_place(b->scope, i, &line, &column);
  return sexpr_fail(b->s, line, column, b->err, STATUS_DATA,
                    "%s has no %s bound; add (assert (%s %s <number>))", name, which,
                    at % 2 ? "<=" : ">=", name);
}

/* ---- cases --------------------------------------------------------------- */

static size_t choose(const Builder *b, size_t k, const size_t *choice)
{
  return b->d->seg[b->choice_seg[k]] + choice[k];
}

/* Copy the rows of a conjunction, or only count them when rows = NULL. */
static int copy_rows(const Builder *b, size_t conj, PropRow *rows)
{
  const int *const lit = b->d->lit + b->d->conj[conj].start;
  const size_t size = dnf_conj_size(b->d, conj);
  int n = 0;
  for (size_t k = 0; k < size; k++) {
    if (b->lits->lit[lit[k]].var >= 0) continue;
    if (rows) rows[n] = literal_row(b->lits, lit[k]);
    n++;
  }
  return n;
}

static void add_case(Builder *b, int box, const size_t *choice)
{
  int n_rows = (int)b->n_common_rows, n = 0;
  for (size_t k = 0; k < b->n_choices; k++)
    n_rows += copy_rows(b, choose(b, k, choice), NULL);
  PropRow *rows = n_rows ? mem_array((size_t)n_rows, sizeof *rows) : NULL;
  for (size_t k = 0; k < b->n_common_rows; k++)
    rows[n++] = literal_row(b->lits, b->common_row[k]);
  for (size_t k = 0; rows && k < b->n_choices; k++)
    n += copy_rows(b, choose(b, k, choice), rows + n);
  int line = n_rows ? rows[0].line : 1;
  if (b->n_choices) line = b->d->conj[choose(b, b->n_choices - 1, choice)].line;
  prop_add_case(b->prop, box, rows, n_rows, line);
}

/* Intersect with the bounds of one conjunction. */
static void tighten_by(Builder *b, size_t conj, bool log)
{
  const int *const lit = b->d->lit + b->d->conj[conj].start;
  for (size_t k = 0; k < dnf_conj_size(b->d, conj); k++)
    if (b->lits->lit[lit[k]].var >= 0) tighten(b, lit[k], log);
}

/* Take the case's bounds back, newest first, and the box with them. */
static void restore(Builder *b)
{
  for (size_t u = b->n_undo; u-- > 0;) {
    const Change *const c = &b->undo[u];
    if (c->old.lit == NONE) b->n_missing++;
    b->end[c->at] = c->old;
  }
  /* Without a bound common to all cases the range is rewritten by every case. */
  for (size_t u = 0; u < b->n_undo; u++) {
    const int i = b->undo[u].at / 2;
    if (b->end[2 * i].lit != NONE && b->end[2 * i + 1].lit != NONE)
      set_range(b, i, RANGE_FULL);
  }
  b->n_undo = 0;
}

/* Ranges with a decimal and no double: witnesses print the decimal. */
static void note_points(const Builder *b, int box)
{
  for (int i = 0; i < b->box.n; i++) {
    if (!(b->box.in_lo[i] > b->box.in_hi[i]) || !isfinite(b->box.in_lo[i])) continue;
    const int id = b->end[2 * i].lit;
    const Literal *const l = id < 0 ? NULL : &b->lits->lit[id];
    const bool has_text = l && l->number_n;
    prop_note_point(b->prop, box, i, has_text ? b->lits->text + l->number_at : NULL,
                    has_text ? l->number_n : 0);
  }
}

static void imply_case(Builder *b, const size_t *choice)
{
  int before;
  do {
    before = b->n_missing;
    imply_all(b, b->common_row, b->n_common_rows, true);
    for (size_t k = 0; k < b->n_choices; k++) {
      const size_t conj = choose(b, k, choice);
      imply_all(b, b->d->lit + b->d->conj[conj].start, dnf_conj_size(b->d, conj), true);
    }
  } while (b->n_missing && b->n_missing < before);
}

static Status build_case(Builder *b, RangeKind common_kind, const size_t *choice)
{
  for (size_t k = 0; k < b->n_choices; k++)
    tighten_by(b, choose(b, k, choice), true);
  if (b->n_missing) imply_case(b, choice);
  if (b->n_missing) {
    const DnfConj *place = NULL;
    if (b->n_choices) place = &b->d->conj[choose(b, b->n_choices - 1, choice)];
    return missing_bound(b, place);
  }
  RangeKind kind = common_kind;
  for (size_t u = 0; u < b->n_undo; u++)
    kind = set_range(b, b->undo[u].at / 2, kind);
  if (kind < RANGE_NO_DECIMAL) b->any_nonempty = true;
  if (kind == RANGE_EMPTY) {
    b->prop->n_dropped++;
  } else {
    int box = b->common_box;
    if (b->n_undo || box < 0) {
      box = prop_add_box(b->prop, &b->box);
      note_points(b, box);
    }
    if (!b->n_undo) b->common_box = box;
    add_case(b, box, choice);
  }
  restore(b);
  return STATUS_OK;
}

static bool next_choice(const Builder *b, size_t *choice)
{
  for (size_t k = b->n_choices; k-- > 0;) {
    if (++choice[k] < dnf_seg_size(b->d, b->choice_seg[k])) return true;
    choice[k] = 0;
  }
  return false;
}

static Status empty_set(const Builder *b)
{
  const int i = b->empty_input;
  const int low = b->empty_low, high = b->empty_high;
  char name[SCOPE_NAME];
  scope_input_name(b->scope, i, name);
  int line, column;
  scope_input_place(b->scope, i, &line, &column);
  if (low < 0 || high < 0)
    return sexpr_fail(b->s, line, column, b->err, STATUS_DATA,
                      "the input set is empty: the bounds of %s exclude each other",
                      name);
  const Literal *const l = &b->lits->lit[low], *const h = &b->lits->lit[high];
  const Literal *const later = l->line > h->line ? l : h;
  return sexpr_fail(b->s, later->line, later->column, b->err, STATUS_DATA,
                    "the input set is empty: %s >%s %.17g (line %d) and %s <%s "
                    "%.17g (line %d)",
                    name, l->strict ? "" : "=", l->value.lo, l->line, name,
                    h->strict ? "" : "=", h->value.hi, h->line);
}

/* ---- the whole ----------------------------------------------------------- */

/* What holds in every case: bounds into `end`, rows into common_row. */
static void take_common(Builder *b, size_t conj)
{
  const size_t size = dnf_conj_size(b->d, conj);
  for (size_t k = 0; k < size; k++) {
    const int id = b->d->lit[b->d->conj[conj].start + k];
    if (b->lits->lit[id].var >= 0)
      tighten(b, id, false);
    else
      b->common_row[b->n_common_rows++] = id;
  }
}

/* The literals of a segment lie one after the other. */
static size_t seg_literals(const Dnf *d, size_t seg)
{
  const size_t last = d->seg[seg] + dnf_seg_size(d, seg) - 1;
  return d->conj[last].start + dnf_conj_size(d, last) - d->conj[d->seg[seg]].start;
}

/* What a copy of these literals costs: one each, and one per coefficient. */
static size_t weight(const Builder *b, const int *lit, size_t n)
{
  size_t sum = n;
  for (size_t k = 0; k < n; k++)
    sum += (size_t)b->lits->lit[lit[k]].n;
  return sum;
}

static bool has_bound(const Builder *b, size_t seg)
{
  const Dnf *const d = b->d;
  const size_t start = d->conj[d->seg[seg]].start, n = seg_literals(d, seg);
  for (size_t k = start; k < start + n; k++)
    if (b->lits->lit[d->lit[k]].var >= 0) return true;
  return false;
}

static Status too_large(const Builder *b, size_t seg)
{
  const DnfConj *const c = &b->d->conj[b->d->seg[seg]];
  return sexpr_fail(b->s, c->line, c->column, b->err, STATUS_UNSUPPORTED,
                    "the disjunctions of the asserts multiply to more than %d cases, "
                    "literals or bounds; split the specification",
                    DNF_MAX_LITERALS);
}

/* Four numbers for each input (specs/box.h). */
static size_t box_bytes(const Builder *b)
{
  return sizeof(Box) + 4 * sizeof(double) * (size_t)b->prop->n_in;
}

/* Separate common segments from choices, and refuse what would take more memory
 * than it is worth: literals and common rows are copied into every case, and a case
 * with bounds of its own has a box of its own. */
static Status plan(Builder *b)
{
  const Dnf *const d = b->d;
  /* What the text itself holds is never too much. */
  const size_t limit = DNF_MAX_LITERALS + (size_t)b->lits->n + b->lits->n_coefs;
  for (size_t s = 0; s < d->n_segs; s++)
    if (dnf_seg_size(d, s) == 1)
      take_common(b, d->seg[s]);
    else
      b->choice_seg[b->n_choices++] = s;
  size_t cases = 1, total = weight(b, b->common_row, b->n_common_rows);
  size_t boxes = 1;
  for (size_t k = 0; k < b->n_choices; k++) {
    const size_t s = b->choice_seg[k], m = dnf_seg_size(d, s);
    const size_t own = weight(b, d->lit + d->conj[d->seg[s]].start, seg_literals(d, s));
    if (m > limit || own > limit || cases > limit / m) return too_large(b, s);
    total = total * m + own * cases;
    cases *= m;
    if (total > limit) return too_large(b, s);
    if (!has_bound(b, s)) continue;
    boxes *= m; /* at most `cases` */
    if (boxes > MAX_BOX_BYTES / box_bytes(b)) return too_large(b, s);
  }
  return STATUS_OK;
}

/* The formula is false, but every input needs its bounds all the same.  Every choice
 * of conjunctions bounds an end when all conjunctions of some segment do. */
static Status check_bounds(Builder *b)
{
  const Dnf *const d = b->d;
  const size_t n = 2 * (size_t)b->prop->n_in;
  size_t *count = mem_zero(n, sizeof *count); /* conjunctions of the segment */
  size_t *next = mem_zero(n, sizeof *next);   /* 1 + the last of them */
  for (size_t s = 0; s < d->n_segs; s++)
    for (size_t c = d->seg[s]; c < d->seg[s] + dnf_seg_size(d, s); c++)
      for (size_t k = 0; k < dnf_conj_size(d, c); k++) {
        const int id = d->lit[d->conj[c].start + k];
        const Literal *const l = &b->lits->lit[id];
        if (l->var < 0) continue;
        const int at = 2 * l->var + !l->is_lower;
        if (next[at] == c + 1) continue;
        if (next[at] <= d->seg[s]) count[at] = 0;
        next[at] = c + 1;
        if (++count[at] == dnf_seg_size(d, s)) tighten(b, id, false);
      }
  mem_free(count);
  mem_free(next);
  return b->n_missing ? missing_bound(b, NULL) : STATUS_OK;
}

static Status build(Builder *b)
{
  for (size_t s = 0; s < b->d->n_segs; s++)
    if (dnf_seg_size(b->d, s) == 0) return check_bounds(b); /* false: no case */
  Status rc = plan(b);
  if (rc) return rc;
  imply_all(b, b->common_row, b->n_common_rows, false);
  RangeKind kind = RANGE_FULL;
  for (int i = 0; i < b->prop->n_in; i++)
    if (b->end[2 * i].lit != NONE && b->end[2 * i + 1].lit != NONE)
      kind = set_range(b, i, kind);
  size_t *choice = mem_zero(b->n_choices + 1, sizeof *choice);
  bool more = kind != RANGE_EMPTY;
  while (more) {
    rc = build_case(b, kind, choice);
    more = !rc && next_choice(b, choice);
  }
  mem_free(choice);
  return rc || b->any_nonempty ? rc : empty_set(b);
}

Status cases_build(const Dnf *d, Literals *lits, const Sexpr *s, const Scope *scope,
                   const Extend *extend, Prop *prop, Err *err)
{
  Builder b = {.d = d,
               .lits = lits,
               .s = s,
               .scope = scope,
               .extend = extend,
               .prop = prop,
               .err = err,
               .common_box = -1,
               .empty_input = -1,
               .n_missing = 2 * prop->n_in,
               .box = box_new(prop->n_in)};
  const size_t n = (size_t)prop->n_in;
  prop->n_dropped = (int)d->n_false; /* at most one for each byte of the text */
  b.end = mem_array(2 * n, sizeof *b.end);
  for (size_t at = 0; at < 2 * n; at++)
    b.end[at] =
        (End){at % 2 ? INFINITY : -INFINITY, at % 2 ? INFINITY : -INFINITY, NONE};
  b.common_row = mem_array(d->n_lits + 1, sizeof *b.common_row);
  b.choice_seg = mem_array(d->n_segs + 1, sizeof *b.choice_seg);
  const Status rc = build(&b);
  if (!rc) prop_finish(prop);
  mem_free(b.common_row);
  mem_free(b.choice_seg);
  mem_free(b.end);
  mem_free(b.undo);
  box_free(&b.box);
  return rc;
}
