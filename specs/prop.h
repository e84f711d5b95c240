/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/prop.h -- a specification in normal form: the unsafe set.
 *
 *     unsafe  =  OR over cases k of ( x in Box_k  AND  C_k y <= d_k )
 *
 * The property holds when no x makes a case true.  Readers fill a Prop; whatever
 * they cannot express here is an error, never dropped.
 */
#ifndef SPECS_PROP_H
#define SPECS_PROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/base/status.h"
#include "specs/box.h"
#include "specs/extend.h"
#include "specs/scope.h"

/* sum_p coef[p] y[var[p]]  <=  rhs, or < when strict.  The true coefficients lie
 * within coef_rel |coef|, the true rhs in [rhs_lo, rhs_hi].  Variables ascend and
 * are distinct; n = 0 is a constant comparison that a reader has decided already
 * and never stores. */
typedef struct {
  int n;
  int *var;
  double *coef;
  double coef_rel;
  double rhs_lo, rhs_hi;
  bool strict;
  int line; /* in the specification file; 0 when it has no lines */
} PropRow;

/* One disjunct of the unsafe set.  No rows: every input of the box is unsafe. */
typedef struct {
  int box; /* index into boxes */
  int n_rows;
  PropRow *rows;
  int line; /* where the disjunct starts */
} PropCase;

/* An input that the specification fixes to a decimal which is no double (X_0 = 0.1): as
 * it is written there.  NULL when it was computed, when equal boxes (as doubles) stand
 * for different decimals, or when it is longer than PROP_MAX_DECIMAL. */
typedef struct {
  int box, input;
  char *decimal;
} PropPoint;

#define PROP_MAX_DECIMAL 60 /* cJSON reads numbers of 63 characters */

typedef struct {
  int n_in,
      n_out; /* of the network: free inputs; outputs and those of specs/extend.h */
  int n_boxes;
  Box *boxes;      /* distinct */
  int n_cases;     /* 0: the unsafe set is empty, the property holds trivially */
  PropCase *cases; /* sorted by box, then in the order of the file */
  int n_points;
  PropPoint *points; /* ascending by box, then input */
  int n_dropped;     /* disjuncts left out by the reader: they can never hold */
  char *path;
  char sha256[65];
  struct Image *image; /* owned: the inputs are the parameters t of it (specs/image.h),
                        * and the network must be image_net; NULL: those of the model */
  Scope *scope;  /* owned: what the specification calls inputs and outputs; NULL: X_0,
                  * X_1, ... and Y_0, Y_1, ... */
  Extend extend; /* owned: what the outputs behind those of the network are; when it has
                  * items, the network must be that of extend_net */
  /* private to specs/prop.c */
  int boxes_room, cases_room, points_room;
  uint64_t *hash; /* uint64_t hash[boxes_room] */
  int *slot;      /* open addressing: box index or -1; int slot[n_slots] */
  size_t n_slots; /* a power of two, more than twice n_boxes */
} Prop;

Prop *prop_new(const char *path, int n_in, int n_out);
void prop_free(Prop *prop); /* NULL is fine */
void prop_free_rows(PropRow *rows, int n_rows);

/* Index of an equal box, added (copied) when new.  Needs lo <= hi, finite.
 * Cost: O(box->n), hashed. */
int prop_add_box(Prop *prop, const Box *box);

/* Range `input` of the box holds one decimal and no double.  text[0..n) is that
 * decimal, NULL when nobody has it.  Boxes in ascending order, or one that was noted
 * before. */
void prop_note_point(Prop *prop, int box, int input, const char *text, int n);

/* That decimal, or NULL. */
const char *prop_decimal(const Prop *prop, int box, int input);

/* Append a case; rows are taken (each var and coef a mem_* block). */
void prop_add_case(Prop *prop, int box, PropRow *rows, int n_rows, int line);

/* Sort the cases by box and drop boxes without a case, so that afterwards every
 * box has one; call once after the last prop_add_case.  Cost: linear. */
void prop_finish(Prop *prop);

/* Lines and offsets of a specification fit an int. */
#define PROP_MAX_BYTES ((size_t)0x7fffffff)

#endif
