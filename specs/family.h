/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/family.h -- one specification for every radius: input sets that grow around a
 * centre, for `dualcert margin`.
 *
 *     S(r)  =  clip  and  { x : |x - center| <= r }          norm linf, l2, l1, l0, or
 *              clip  and  { x : |x_i - center_i| <= r half_i for all i }
 *
 * Their unsafe set stays the same.  The second form is what a box of its own becomes
 * (VNN-LIB, or "lower" and "upper" in JSON): r is then a factor, 1 for the box as it is
 * written.  S(r) lies in S(s) for r <= s.
 *
 * Each member is a text in the format of specs/jsonspec.h that needs no other file, so
 * what was proved about a radius can be written down and checked by itself.  Its
 * numbers are doubles and meant exactly.  Of a VNN-LIB specification they are the
 * nearest doubles, or those that make the unsafe set larger (right-hand sides).
 *
 * With an "image" in the specification x is what the image's parameters are, and its
 * centre 0.
 */
#ifndef SPECS_FAMILY_H
#define SPECS_FAMILY_H

#include <stdbool.h>

#include "net/base/file.h"
#include "specs/problem.h"

/* What the user wants otherwise than the specification says. */
typedef struct {
  const char *norm; /* "linf", "l2", "l1", "l0"; NULL: the specification's, or linf */
  bool has_clip;
  double clip[2]; /* for every input */
} FamilyChoice;

typedef struct {
  char *path; /* for messages */
  const char *norm;
  int n_in, n_out; /* of the network that the text speaks of */
  int n;           /* coordinates that a radius is about */
  bool is_factor, is_image, has_label;
  double *center;            /* double center[n_in], as the text has it */
  double *half;              /* double half[n] where is_factor, else NULL */
  double *clip_lo, *clip_hi; /* double [n_in], or NULL */
  int label;                 /* the class that must stay, where has_label */
  double start;              /* a radius to begin with, > 0 */
  char *rest;                /* the other members of the text, each ", \"key\": ..." */
} Family;

/* The family of a specification that was read as `problem`; `spec` is its text.
 * Fails UNSUPPORTED for what has several boxes, several networks, hidden values or rows
 * over inputs, DATA for a centre outside the clip or a box without width, USAGE for a
 * choice that it does not allow, such as l0 without a clip. */
Status family_of_spec(const char *path, const File *spec, const Problem *problem,
                      const FamilyChoice *choice, Family *family, Err *err);

/* Of labelled samples alone: family_move says where.  Fails USAGE as above. */
Status family_of_samples(const char *path, int n_in, int n_out,
                         const FamilyChoice *choice, Family *family, Err *err);
void family_reset(Family *family);

/* Another centre, double center[n_in], and label.  Needs a family with a label and
 * without factor.  Fails DATA as above; `line` of the file `path` is for that. */
Status family_move(Family *family, const double *center, int label, const char *path,
                   int line, Err *err);

/* The specification for radius r >= 0, finite; whole for l0.  */
void family_text(const Family *family, double r, Text *out);

/* It, read.  Owned, or NULL with err. */
Prop *family_prop(const Family *family, double r, Err *err);

/* An upper bound of the smallest radius whose set has x, double x[n], which is in the
 * clip: |x - center| rounded up; INFINITY when there is none. */
double family_distance(const Family *family, const double *x);

/* Where radius 0 is: coordinate i. */
double family_origin(const Family *family, int i);

/* A radius from which on S(r) does not grow: everything within the clip.  INFINITY
 * where there is no clip. */
double family_reach(const Family *family);

#endif
