/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/lower_ctx.h -- what the operators of net/lower_*.c share.
 *
 * While a graph is lowered every ONNX value is one of
 *
 *     CONST   numbers known now: |true v[i] - v[i]| <= err[i]
 *     VAR     the output of a node of the draft, seen with some shape; reshaping
 *             is a new shape for the same node
 *     OPAQUE  the output of something unsupported: the lowering will fail, and
 *             goes on only to find everything else that is unsupported
 *
 * An operator reads its operands with lower_ctx_in, sets its outputs with
 * lower_ctx_out, and returns STATUS_OK or what lower_ctx_bad (the model is wrong)
 * or lower_ctx_refuse (it is outside what dualcert supports) returned.
 * Attribute names, attribute kinds, the number of operands and the presence of the
 * required ones are checked before an operator runs (net/lower.c).
 *
 * An operator that refuses may still say what shape its output has, as a VAR of
 * node -1; net/lower.c then puts a stand-in there and later nodes are examined too.
 */
#ifndef NET_LOWER_CTX_H
#define NET_LOWER_CTX_H

#include "net/base/status.h"
#include "net/draft.h"
#include "net/onnx.h"
#include "net/shape.h"

typedef enum { VALUE_NONE, VALUE_CONST, VALUE_VAR, VALUE_OPAQUE } ValueKind;

typedef struct {
  ValueKind kind;
  OnnxType type;
  Shape shape;
  const double *v;   /* CONST: double v[shape.n] */
  const double *err; /* CONST: double err[shape.n], or NULL when exact */
  int node;          /* VAR: index in the draft */
} Value;

/* Node `node` of the draft is clip (p x[of] + q, lo, hi); see net/lower_known.h. */
#define LOWER_MAX_CLIPS 32
typedef struct {
  int node, of;
  double p, q, lo, hi;
} LowerClip;

typedef struct {
  const char *path;
  Err *err;
  const OnnxGraph *graph;
  Draft draft;
  Value *values; /* Value values[graph->n_values] */
  bool *used;    /* used[value]: read by a node that matters, or an output */
  int n_refused; /* lines reported so far */
  void **blocks; /* temporaries, freed at the end */
  int n_blocks, blocks_room;
  bool widened; /* a variable was cast to DOUBLE */
  bool drifted; /* some constant may differ from what ONNX computes in floating point:
                 * see lower_ctx_check_drift */
  int64_t n_folded;   /* multiply-adds of constants so far */
  int64_t n_products; /* numbers that products of variables made so far */
  int64_t n_stored;   /* numbers of the initialisers that are used */
  int64_t n_moved;    /* elements of operands, results and nodes so far */
  LowerClip clips[LOWER_MAX_CLIPS];
  int n_clips;
} Lower;

/* ---- messages ------------------------------------------------------------ */

/* "path: node 'name': ..." with status UNSUPPORTED (one more line), or DATA. */
Status lower_ctx_refuse(Lower *l, const OnnxNode *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
Status lower_ctx_bad(Lower *l, const OnnxNode *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- values -------------------------------------------------------------- */

/* Operand k, or NULL when it is omitted.  Borrowed until lowering ends. */
const Value *lower_ctx_in(const Lower *l, const OnnxNode *node, int k);
void lower_ctx_out(Lower *l, const OnnxNode *node, int k, Value value);

Value lower_ctx_var(OnnxType type, const Shape *shape, int node);
Value lower_ctx_const(OnnxType type, const Shape *shape, const double *v,
                      const double *err);

/* Zeroed double[n], freed when lowering ends. */
double *lower_ctx_doubles(Lower *l, size_t n);

/* The numbers of a new constant and, only when some fold is inexact, their errors.
 * Fold i is make (data, i).  A floating-point number that the type cannot hold sets
 * l->drifted; a fold that stands for several operations must set it itself.  Fails
 * UNSUPPORTED when one overflows. */
Status lower_ctx_fold(Lower *l, const OnnxNode *node, OnnxType type, const Shape *shape,
                      bool (*make)(const void *, int, double *, double *),
                      const void *data, Value *out);

/* Constants are folded over the reals, where ONNX rounds every operation: 0.04f * 25
 * is 0.99999998 here and 1 there.  Continuous operators carry that through, but a
 * Floor or a comparison may jump.  Those check each operand with this function:
 * UNSUPPORTED for floating-point constants once any constant of the model has
 * drifted.  Without drift, folds are exactly what ONNX computes. */
Status lower_ctx_check_drift(Lower *l, const OnnxNode *node, const Value *x);

/* Element i of the result is element map[i] of the concatenated parts, or 0 when
 * map[i] < 0: constants give a constant, otherwise a MAP and, for constant elements
 * other than 0, a SCALE that adds them.  Needs parts of one type, n_parts >= 1.
 * Fails DATA when a variable would become empty. */
Status lower_ctx_gather(Lower *l, const OnnxNode *node, const Value *const *parts,
                        int n_parts, const int *map, const Shape *shape, Value *out);

/* One part read with strides (net/shape.h). */
Status lower_ctx_strided(Lower *l, const OnnxNode *node, const Value *x, int offset,
                         const int *strides, const Shape *shape, Value *out);

/* x repeated to a shape it broadcasts to. */
Status lower_ctx_expand(Lower *l, const OnnxNode *node, const Value *x,
                        const Shape *shape, Value *out);

/* The same elements under another shape of the same size. */
Value lower_ctx_reshaped(const Value *x, const Shape *shape);

/* Transposed: axis d of the result is axis perm[d] of x. */
Status lower_ctx_transpose(Lower *l, const OnnxNode *node, const Value *x,
                           const int *perm, Value *out);

/* ---- attributes and index lists ------------------------------------------ */

int64_t lower_ctx_int(const OnnxNode *node, const char *attr, int64_t otherwise);
double lower_ctx_float(const OnnxNode *node, const char *attr, double otherwise);
const char *lower_ctx_string(const OnnxNode *node, const char *attr,
                             const char *otherwise);

/* A short list of integers. */
#define LOWER_CTX_MAX_INTS 1024
typedef struct {
  bool given;
  int n;
  int64_t v[LOWER_CTX_MAX_INTS];
} Ints;

/* Integers from the attribute `attr` or the constant operand k, whichever the
 * operator's version uses (NULL or -1: that form does not exist).
 * Fails UNSUPPORTED when the operand is no constant, DATA when both are given. */
Status lower_ctx_ints(Lower *l, const OnnxNode *node, const char *attr, int k,
                      Ints *ints);

/* A whole list of axes, each valid and none twice: on[d] tells. */
Status lower_ctx_axes(Lower *l, const OnnxNode *node, const Ints *axes, int rank,
                      bool on[NODE_MAX_RANK]);

#endif
