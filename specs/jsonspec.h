/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/jsonspec.h -- robustness specifications in JSON.
 *
 *     { "norm": "linf",                    optional; or "l2", "l1", "l0", see below
 *       "center": VECTOR, "epsilon": e     x in [center - e, center + e], or
 *       "lower": VECTOR, "upper": VECTOR   x in [lower, upper]
 *       "clip": [ENDS, ENDS],              optional: x also in this box
 *       "image": IMAGE,                    optional, with center and epsilon: see below
 *       "label": k                         unsafe: y_j >= y_k for some j != k, or
 *       "unsafe": [ {"rows": [{"coef": COEF, "rhs": d}, ...]}, ... ],
 *       "where": [{"coef": COEF, "rhs": d}, ...] }   optional: coef . x <= rhs too
 *
 *     VECTOR  an array of n numbers (nested arrays are flattened), "file.csv", or
 *             {"csv": "file.csv", "row": r}, r from 0
 *     ENDS    a number for all inputs, or an array of n numbers
 *     e       a number >= 0, or an array of n numbers >= 0
 *     COEF    an array of one number per output (input in `where`), or {"0": 1, "3":
 * -1}
 *
 * With norm l2 or l1, epsilon is one number, the radius of the ball |x - center| <= e;
 * with l0 it is a whole number, and at most so many inputs differ from center, each
 * anywhere in its range of "clip", which l0 needs (net/ball.h).  "clip" and the ball
 * together are the input set; it is an error when they have no point in common.
 *
 * With image (specs/image.h: {"kind": ...} or {"directions": [VECTOR, ...]}) the input
 * of the model is center + sum_j t_j d_j, cut to `clip`.  The Prop is about t, in the
 * box or the l2 or l1 ball around 0: prop->n_in is the number of parameters, epsilon
 * has one number for each, and prop->image is set.
 *
 * `unsafe` is an OR of conjunctions of rows coef . y <= rhs.  With `where` only inputs
 * are meant for which all its rows coef . x <= rhs hold as well (of an image:
 * parameters t); when none does, the property holds.  The Prop then has copies of
 * inputs among its outputs (prop->extend), and needs the network of extend_net.  All
 * keys not named here are errors.  A CSV file holds numbers separated by commas,
 * semicolons or blanks; without "row" all of it is the vector, with "row" one non-empty
 * line is. Its path is relative to the folder of the specification.
 *
 * Unlike in VNN-LIB a number means its nearest double, also in CSV files.  The
 * outer box contains the exact sums center +- e of those doubles and the float32
 * numbers nearest to them; the inner box is contained in their interval.
 */
#ifndef SPECS_JSONSPEC_H
#define SPECS_JSONSPEC_H

#include "net/base/file.h"
#include "net/base/json.h"
#include "specs/prop.h"

/* Parse a file that has been read; `path` is for messages, prop->path and relative
 * CSV paths.  Returns an owned Prop, or NULL with err: DATA naming the key (or
 * line and column of a syntax error), UNSUPPORTED for unknown norms, NO_INPUT or IO
 * for a CSV file. */
Prop *jsonspec_parse(const char *path, const File *file, int n_in, int n_out, Err *err);

/* Member `key` of the specification `root`, a VECTOR of n numbers, into x[n].  Fails as
 * above. */
Status jsonspec_vector(const char *path, const cJSON *root, const char *key, int n,
                       double *x, Err *err);

#endif
