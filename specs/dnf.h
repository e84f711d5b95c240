/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/dnf.h -- a formula of and, or and literals as a disjunction of conjunctions.
 *
 * The reader opens and closes groups and names literals in the order of the text.
 * Finished parts live on one stack of conjunctions whose literals are contiguous:
 *
 *     conjunction c   lit[conj[c].start .. conj[c+1].start-1]      all true
 *     or-group        its conjunctions, one after the other        one true
 *     and-group       segments; segment s is conj[seg[s] .. seg[s+1]-1], and a
 *                     choice of one conjunction from every segment is true
 *
 * So a disjunction of conjunctions costs nothing beyond reading it.  Only an
 * and-group with several or-groups multiplies, inside an or at once, at the top
 * level (the conjunction of all asserts) by enumeration in specs/cases.c.  The
 * sizes of all products together are limited by DNF_MAX_LITERALS.
 */
#ifndef SPECS_DNF_H
#define SPECS_DNF_H

#include <stdbool.h>
#include <stddef.h>

#define DNF_MAX_LITERALS 10000000

typedef struct {
  size_t start;
  int line, column; /* where it starts in the file */
} DnfConj;

typedef struct {
  bool is_or;
  size_t conj, seg; /* sizes of the two stacks when it was opened */
  size_t n_false;   /* and the counter below */
} DnfFrame;

typedef struct {
  int *lit; /* owned like all; int lit[n_lits], never NULL */
  size_t n_lits, lits_room;
  DnfConj *conj; /* DnfConj conj[n_conjs] */
  size_t n_conjs, conjs_room;
  size_t *seg; /* size_t seg[n_segs] */
  size_t n_segs, segs_room;
  DnfFrame *frame; /* the open groups; frame[0] is the conjunction of all asserts */
  size_t depth, frames_room;
  size_t work;    /* literals and conjunctions written by products so far */
  size_t n_false; /* operands of an or left out because they are false */
} Dnf;

/* An empty conjunction of asserts. */
void dnf_init(Dnf *d);
void dnf_free(Dnf *d);

void dnf_open(Dnf *d, bool is_or);

/* Line and column here and below: where the literal or group starts. */
void dnf_literal(Dnf *d, int id, int line, int column);

/* A constant in place of a literal. */
void dnf_constant(Dnf *d, bool value, int line, int column);

/* Close the innermost group.  False when a product would pass the limit. */
bool dnf_close(Dnf *d, int line, int column);

/* Number of conjunctions of segment s and literals of conjunction c. */
size_t dnf_seg_size(const Dnf *d, size_t s);
size_t dnf_conj_size(const Dnf *d, size_t c);

/* The size of the product of segments from..n_segs-1: conjunctions, literals of
 * all together.  False when conjunctions + literals exceed `limit`. */
bool dnf_product_size(const Dnf *d, size_t from, size_t limit, size_t *n_conjs,
                      size_t *n_lits);

#endif
