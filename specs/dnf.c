/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/dnf.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/base/status.h"

void dnf_free(Dnf *d)
{
  mem_free(d->lit);
  mem_free(d->conj);
  mem_free(d->seg);
  mem_free(d->frame);
  *d = (Dnf){0};
}

static void *grown(void *block, size_t n, size_t *room, size_t size)
{
  if (n < *room) return block;
  *room = *room ? *room * 2 : 64;
  return mem_grow(block, *room, size);
}

void dnf_init(Dnf *d)
{
  *d = (Dnf){0};
  d->lit = grown(d->lit, 0, &d->lits_room, sizeof *d->lit);
  dnf_open(d, false);
}

static void push_lit(Dnf *d, int id)
{
  d->lit = grown(d->lit, d->n_lits, &d->lits_room, sizeof *d->lit);
  d->lit[d->n_lits++] = id;
}

static void push_conj(Dnf *d, int line, int column)
{
  d->conj = grown(d->conj, d->n_conjs, &d->conjs_room, sizeof *d->conj);
  d->conj[d->n_conjs++] = (DnfConj){d->n_lits, line, column};
}

static void push_seg(Dnf *d, size_t conj)
{
  d->seg = grown(d->seg, d->n_segs, &d->segs_room, sizeof *d->seg);
  d->seg[d->n_segs++] = conj;
}

static size_t seg_end(const Dnf *d, size_t s)
{
  return s + 1 < d->n_segs ? d->seg[s + 1] : d->n_conjs;
}

size_t dnf_seg_size(const Dnf *d, size_t s)
{
  return seg_end(d, s) - d->seg[s];
}

size_t dnf_conj_size(const Dnf *d, size_t c)
{
  const size_t end = c + 1 < d->n_conjs ? d->conj[c + 1].start : d->n_lits;
  return end - d->conj[c].start;
}

void dnf_open(Dnf *d, bool is_or)
{
  d->frame = grown(d->frame, d->depth, &d->frames_room, sizeof *d->frame);
  d->frame[d->depth++] = (DnfFrame){is_or, d->n_conjs, d->n_segs, d->n_false};
}

static DnfFrame *top(const Dnf *d)
{
  return &d->frame[d->depth - 1];
}

/* Does the innermost group, an and, end with a segment of one conjunction, which
 * is then also the last one on the stack? */
static bool ends_single(const Dnf *d)
{
  return d->n_segs > top(d)->seg && d->seg[d->n_segs - 1] + 1 == d->n_conjs;
}

void dnf_literal(Dnf *d, int id, int line, int column)
{
  if (top(d)->is_or) {
    push_conj(d, line, column);
  } else if (!ends_single(d)) {
    push_seg(d, d->n_conjs);
    push_conj(d, line, column);
  }
  push_lit(d, id);
}

void dnf_constant(Dnf *d, bool value, int line, int column)
{
  if (top(d)->is_or && value) push_conj(d, line, column);
  if (top(d)->is_or && !value) d->n_false++;
  if (!top(d)->is_or && !value) push_seg(d, d->n_conjs);
}

bool dnf_product_size(const Dnf *d, size_t from, size_t limit, size_t *n_conjs,
                      size_t *n_lits)
{
  *n_conjs = *n_lits = 0;
  for (size_t s = from; s < d->n_segs; s++)
    if (dnf_seg_size(d, s) == 0) return true;
  size_t conjs = 1, lits = 0;
  for (size_t s = from; s < d->n_segs; s++) {
    const size_t m = dnf_seg_size(d, s);
    const size_t last = d->seg[s] + m - 1;
    const size_t own =
        d->conj[last].start + dnf_conj_size(d, last) - d->conj[d->seg[s]].start;
    /* All three factors are below 2^32, and conjs + lits <= limit before. */
    if (m > limit || own > limit || conjs > limit / m) return false;
    lits = lits * m + own * conjs;
    conjs *= m;
    if (lits > limit || conjs + lits > limit) return false;
  }
  *n_conjs = conjs;
  *n_lits = lits;
  return true;
}

/* Advance choice[from..], the last segment fastest; false after the last one. */
static bool next_choice(const Dnf *d, size_t from, size_t *choice)
{
  for (size_t s = d->n_segs; s-- > from;) {
    if (++choice[s - from] < dnf_seg_size(d, s)) return true;
    choice[s - from] = 0;
  }
  return false;
}

/* One more conjunction: the chosen ones of the segments, concatenated. */
static void append_choice(Dnf *out, const Dnf *d, size_t from, const size_t *choice,
                          int line, int column)
{
  push_conj(out, line, column);
  for (size_t s = from; s < d->n_segs; s++) {
    const size_t c = d->seg[s] + choice[s - from];
    for (size_t k = 0; k < dnf_conj_size(d, c); k++)
      push_lit(out, d->lit[d->conj[c].start + k]);
  }
}

/* Replace the segments from..n_segs-1 by the conjunctions of their product. */
static bool multiply(Dnf *d, size_t from, size_t first_conj, int line, int column)
{
  size_t n_conjs, n_lits;
  if (!dnf_product_size(d, from, DNF_MAX_LITERALS - d->work, &n_conjs, &n_lits))
    return false;
  d->work += n_conjs + n_lits;
  Dnf out = {0};
  if (n_conjs) {
    size_t *choice = mem_zero(d->n_segs - from, sizeof *choice);
    do
      append_choice(&out, d, from, choice, line, column);
    while (next_choice(d, from, choice));
    mem_free(choice);
  }
  if (first_conj < d->n_conjs) d->n_lits = d->conj[first_conj].start;
  d->n_conjs = first_conj;
  for (size_t c = 0; c < out.n_conjs; c++) {
    push_conj(d, line, column);
    for (size_t k = 0; k < dnf_conj_size(&out, c); k++)
      push_lit(d, out.lit[out.conj[c].start + k]);
  }
  dnf_free(&out);
  return true;
}

/* An and-group inside an or: its segments become conjunctions. */
static bool flatten(Dnf *d, const DnfFrame *f, int line, int column)
{
  const size_t n = d->n_segs - f->seg;
  if (n == 0)
    push_conj(d, line, column);
  else if (n > 1 && !multiply(d, f->seg, f->conj, line, column))
    return false;
  else if (n == 1 && d->n_conjs == f->conj + 1) {
    d->conj[f->conj].line = line;
    d->conj[f->conj].column = column;
  }
  d->n_segs = f->seg;
  return true;
}

bool dnf_close(Dnf *d, int line, int column)
{
  STATUS_REQUIRE(d->depth > 1, "no open group");
  const DnfFrame f = d->frame[--d->depth];
  if (top(d)->is_or) {
    if (!f.is_or && !flatten(d, &f, line, column)) return false;
    /* One operand, whatever was counted inside it. */
    if (d->n_conjs == f.conj) d->n_false = f.n_false + 1;
    return true;
  }
  /* Inside an and: segments of an and-group stay as they are, an or-group is one
   * more segment.  A single conjunction joins the one before it, and vanishes when
   * it is empty (true): so the number of segments is paid for by literals. */
  if (!f.is_or) return true;
  const bool single = d->n_conjs == f.conj + 1;
  const bool empty = single && dnf_conj_size(d, f.conj) == 0;
  const bool after_single =
      d->n_segs > top(d)->seg && d->seg[d->n_segs - 1] + 1 == f.conj;
  if (empty || (single && after_single))
    d->n_conjs--;
  else
    push_seg(d, f.conj);
  return true;
}
