/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/scope.h -- the names of a specification, and what they stand for.
 *
 * The networks of a query are side by side in one Net (net/join.h).  Its inputs are the
 * inputs of all networks in the order of their declaration, its outputs are
 *
 *     outputs and hidden values of network 0, those of network 1, ..., then what
 *     specs/extend.h adds
 *
 * Every tensor has its elements row-major and contiguous in that order, from `first`.
 * VNN-LIB 1.0 has the two tensors X and Y, whose elements are written X_0, Y_3.
 *
 * Inputs that the specification equates (X_f[0] == X_g[0]) are one input of the Net:
 *
 *     declared inputs 0..n_in-1   ->   free inputs 0..n_free-1   (scope_free)
 *
 * In terms (specs/term.h) variables are numbered: free inputs first, then outputs.
 */
#ifndef SPECS_SCOPE_H
#define SPECS_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "specs/sexpr.h"

#define SCOPE_MAX_RANK 8

typedef enum { SCOPE_INPUT, SCOPE_HIDDEN, SCOPE_OUTPUT } ScopeRole;

typedef struct {
  ScopeRole role;
  int network;
  char *name; /* owned, like all strings here */
  char *type; /* as declared: "real", "float32" ... */
  char *onnx; /* the name of a value of the model, or NULL */
  int rank, dims[SCOPE_MAX_RANK];
  int size;
  int first; /* see above; set by specs/problem.c */
  int line, column;
} ScopeTensor;

typedef struct {
  char *name;
  int equal_to, isomorphic_to; /* index of a network before it, or -1 */
  int first_tensor, n_tensors;
  int line, column;
} ScopeNetwork;

/* What VNN-LIB 2 does not allow and is read nevertheless, unless `strict`. */
typedef enum {
  LAX_INTEGER,   /* 1 where 1.0 is meant */
  LAX_NUMBER,    /* 1e-3, +1, .5 */
  LAX_EQUAL,     /* = */
  LAX_NOT,       /* not */
  LAX_TYPE_NAME, /* Real */
  LAX_ONNX_NAME, /* a string behind an input or output */
  LAX_CONSTANT,  /* a comparison without variables */
  LAX_MIXED,     /* variables of different types in one comparison */
  LAX_EMPTY,     /* (and) or (or) */
  LAX_MINOR,     /* a later minor version */
  LAX_NO_ASSERT,
  LAX_ORDER, /* of inputs, hidden, outputs */
  LAX_SHAPE, /* another shape than the model's, with as many elements */
  LAX_MODEL, /* another type than the model's */
  LAX_COUNT
} Lax;

typedef struct {
  int version, minor; /* 1 or 2 */
  bool strict;
  int n_networks;
  ScopeNetwork *network; /* owned, like all arrays here */
  int n_tensors;
  ScopeTensor *tensor;
  int n_in, n_out; /* declared inputs; outputs and hidden values */
  int n_free;
  int *free_input;    /* int [n_in], or NULL while every input is free */
  int *declared;      /* int [n_free]: the first declared input of each; or NULL */
  int *line, *column; /* VNN-LIB 1.0: int [n_in], where X_i is declared; or NULL */
  Text notes;         /* what was read leniently, one line each */
  /* private */
  int networks_room, tensors_room;
  int *parent; /* union-find over declared inputs; NULL while nothing is equated */
  int *slot;   /* names to tensors, open addressing */
  size_t n_slots;
  int last; /* the tensor that was looked up last */
  bool said[LAX_COUNT];
} Scope;

/* X_0..X_{n_in-1} and Y_0..Y_{n_out-1} of VNN-LIB 1.0. */
void scope_init_v1(Scope *scope, int n_in, int n_out);

/* Nothing yet, for VNN-LIB 2. */
void scope_init_v2(Scope *scope, bool strict);
void scope_free_all(Scope *scope);

/* Append; the tensor belongs to the last network.  Strings are taken. */
void scope_add_network(Scope *scope, const ScopeNetwork *network);
void scope_add_tensor(Scope *scope, const ScopeTensor *tensor);

/* Index of the tensor or network of that name, or -1. */
int scope_find_tensor(const Scope *scope, const char *name, size_t n);
int scope_find_network(const Scope *scope, const char *name, size_t n);

/* The free input of a declared one. */
static inline int scope_free(const Scope *scope, int declared)
{
  return scope->free_input ? scope->free_input[declared] : declared;
}

/* The variable that starts with this token; in VNN-LIB 2 its indices may follow after
 * blanks.  *tensor is where it lies, -1 in VNN-LIB 1.0.  Fails DATA. */
Status scope_variable(Scope *scope, Sexpr *s, const SexprToken *token, int *var,
                      int *tensor, Err *err);

/* Can a variable start like this? */
bool scope_is_variable(const Scope *scope, const SexprToken *token);

/* Equate two free inputs; takes effect with scope_merge, which is false when nothing
 * was equated since. */
void scope_equate(Scope *scope, int a, int b);
bool scope_merge(Scope *scope);

/* The name of a free input, "X_3" or "X[0,3]", of a declared one, and of an output or
 * hidden value; and where a free input is declared. */
#define SCOPE_NAME 128
const char *scope_input_name(const Scope *scope, int input, char name[SCOPE_NAME]);
const char *scope_declared_name(const Scope *scope, int declared,
                                char name[SCOPE_NAME]);
const char *scope_output_name(const Scope *scope, int output, char name[SCOPE_NAME]);
void scope_input_place(const Scope *scope, int input, int *line, int *column);

/* Something that only lenient reading accepts: DATA when strict, else a note, once. */
Status scope_lax(Scope *scope, const Sexpr *s, int line, int column, Lax kind,
                 const char *what, Err *err);

/* Is the type the mathematical reals? */
bool scope_type_is_real(const char *type);

/* The type of all floating tensors when they agree, "real" when there are none of
 * another type, NULL when they differ. */
const char *scope_type(const Scope *scope);

#endif
