/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/instances.h -- the instances of a benchmark folder as VNN-COMP has them.
 *
 * Where they are, in this order:
 *
 *     FILE.csv                       one list; the category is the name of its folder
 *     DIR/instances.csv              the same
 *     DIR/CATEGORY/instances.csv     a list for each category,
 *     DIR/CATEGORY/2.0/instances.csv or for each version of the format; the category
 *                                    is then CATEGORY/2.0
 *     DIR/benchmarks/...             the last two, in a copy of the whole repository
 *
 * A line is network,property,seconds.  Paths are relative to the folder of the list,
 * and a network may be a list of several, [('f', 'a.onnx'), ('g', 'b.onnx')], in
 * quotes.  Beside a list there may be expected.csv: a header, the network and the
 * property in the first two columns, and the columns "expected" (sat, unsat, anything
 * else: not known) and "best_t" (seconds of the best known tool).
 */
#ifndef SOLVER_BATCH_INSTANCES_H
#define SOLVER_BATCH_INSTANCES_H

#include "net/base/status.h"

typedef struct {
  char *category;           /* "acasxu" */
  char *network, *property; /* as the list has them, without "./" */
  char *net, *spec;         /* the arguments of verify: paths from here */
  double timeout;           /* seconds > 0 */
  const char *expected;     /* "sat" or "unsat"; NULL: not known.  Static text */
  double best_time;         /* seconds; NAN: not known */
  int position;             /* in its list, from 1 */
} Instance;

typedef struct {
  int n;
  Instance *all;    /* Instance all[n], categories in alphabetical order */
  int n_duplicates; /* lines that were left out because they were there before */
} Instances;

/* Find and read all lists.  Fails NO_INPUT when there is none; DATA, with the line.
 * Free with instances_free, also after a failure. */
Status instances_load(const char *path, Instances *list, Err *err);
void instances_free(Instances *list);

/* Keep these categories only (NULL-terminated; NULL: all).  "acasxu" is also
 * "acasxu/1.0" and "acasxu/2.0".  Fails NO_INPUT when one of them has no instance. */
Status instances_choose(Instances *list, const char *const *categories, Err *err);

/* Keep `sample` of each category, evenly spaced (0: all), then every n-th of the whole
 * list from the k-th on, k = shard from 1 (shard 0: all). */
void instances_sample(Instances *list, int sample);
void instances_shard(Instances *list, int shard, int n_shards);

/* No instance runs longer. */
void instances_limit(Instances *list, double timeout);

#endif
