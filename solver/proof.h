/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/proof.h -- writes a certificate (docs/certificates.md) while the solver works.
 *
 * The solver calls these where a bound that it is going to use has been proven, with
 * the multipliers that gave it.  A checker computes that bound again, so nothing here
 * is trusted.  But it must come out as good: multipliers are rounded to what the file
 * holds before the bound is proven that the solver goes on with.
 *
 * The solver's networks change (bounds/fuse.h, bounds/reduce.h), the file speaks of the
 * query's.  A Proof knows where every nonlinear neuron comes from; their order never
 * changes.
 *
 * The text goes to a file without a name and becomes FILE in the end, so that nobody
 * finds half of one.  Where no certificate is wanted the Proof is NULL, and callers do
 * nothing.  Only one thread may write; any may fill a ProofText.
 */
#ifndef SOLVER_PROOF_H
#define SOLVER_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds/packed.h"
#include "bounds/reduce.h"
#include "net/net.h"
#include "specs/prop.h"
#include "specs/query.h"

/* Bytes of a part of a block; starts as {0}. */
typedef struct {
  unsigned char *at; /* owned */
  size_t n, room;
} ProofText;

void proof_text_free(ProofText *text);
void proof_byte(ProofText *text, int byte);
void proof_number(ProofText *text, size_t number);
void proof_f32(ProofText *text, double x); /* x is a float32 number */
void proof_f64(ProofText *text, double x);
void proof_bytes(ProofText *text, const void *bytes, size_t n);

typedef struct Proof Proof;

/* `semantics` is "real" or "float32": what the queries are about.  Fails CREATE when
 * `path` cannot be written in the end; NULL: only to be read. */
Status proof_open(const char *path, const Net *net, const Prop *prop,
                  const char *semantics, Proof **proof, Err *err);

/* Everything has been proved: the text is complete. */
Status proof_finish(Proof *proof, Err *err);

/* After proof_finish: a path to read the text from while the Proof lives, and the text
 * under the path of proof_open. */
const char *proof_reading_path(const Proof *proof);
Status proof_publish(Proof *proof, Err *err);
void proof_free(Proof *proof); /* NULL is fine */

/* A query begins and ends. */
void proof_query(Proof *proof, int q, const Query *query);
/* From now on bounds are about the same query with its maxima as ReLUs (query_relus):
 * the box and interval propagation are all that is known. */
void proof_relus(Proof *proof, const Query *relus);
void proof_end_query(Proof *proof);

/* From now on bounds are about `net`, made from the network so far. */
void proof_fused(Proof *proof, const Net *net, const int *origin);
void proof_reduced(Proof *proof, const Net *net, const ReduceOrigin *origin);

/* Numbers of the query's network: of nonlinear node k, of its element i. */
int proof_node(const Proof *proof, int k);
int proof_element(const Proof *proof, int k, int i);

/* A slope row for nonlinear node k from packed slopes that end before its input j. */
void proof_slope_row(const Proof *proof, ProofText *text, int k, int j,
                     const unsigned char *row);

/* A pass with the default slopes over all nodes. */
void proof_pass(Proof *proof);

/* The neurons that slopes are given for from now on; borrowed. */
void proof_layout(Proof *proof, const Packed *packed);

/* A pass with the slopes of `hints`, for the elements that are open in b, which is how
 * things were before, and that wanted (k) says are bounded by themselves. */
void proof_hints(Proof *proof, const Hints *hints, const Bounds *b,
                 bool (*wanted)(const void *context, int node), const void *context);

/* What closes a case, or narrows its inputs. */
typedef struct {
  int row;              /* >= 0: this row of the case alone; else */
  int count;            /* its rows, and their weights: float32 numbers unless exact */
  const double *weight; /* double weight[count] */
  bool none;            /* no multipliers at nonlinear nodes */
  bool exact;           /* slopes, weights and betas as they are */
  double *const *alpha; /* slopes in row r of alpha[k][][size_k], else the default */
  int r;
  int n_betas;
  const double *beta;      /* double beta[n_betas], of the decisions, root first */
  int n_listed;            /* or betas of listed ReLUs: */
  const int *node, *index; /* int node[n_listed], index[n_listed] of the solver's net */
} ProofBound;

void proof_bound(const Proof *proof, const ProofBound *bound, ProofText *text);

/* Case k of the query is closed by that bound. */
void proof_case(Proof *proof, int k, const ProofBound *bound);

/* One row of a layer whose intervals trees refine, between _begin and _end, by node k,
 * then factor, then element; `tree` as in the format. */
void proof_refine_begin(Proof *proof);
void proof_refine_input(Proof *proof, int k, int factor, int count);
void proof_refine_tree(Proof *proof, int k, int i, int sign, const ProofText *tree);
void proof_refine_end(Proof *proof);

/* Something is missing that cannot be made up for: proof_finish will fail. */
void proof_fail(Proof *proof);

/* Blocks of one tag: written when full. */
void proof_append(Proof *proof, int tag, const ProofText *text);
void proof_flush(Proof *proof);

#endif
