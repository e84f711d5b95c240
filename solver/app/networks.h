/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/app/networks.h -- network arguments: one file, NAME=FILE several times, or the
 * list of specs/netlist.h. */
#ifndef SOLVER_APP_NETWORKS_H
#define SOLVER_APP_NETWORKS_H

#include "net/base/status.h"
#include "specs/netlist.h"
#include "specs/problem.h"

typedef struct {
  ProblemNet *nets; /* owned; ProblemNet nets[n] */
  int n;
  char **names; /* owned copies of the names of --network; char *names[n] */
  int n_names;
  NetList list;
} Networks;

/* The value of --network: NAME=FILE.  Borrows FILE.  Fails USAGE. */
Status networks_add(Networks *a, const char *value, Err *err);

/* The argument NET.  Borrows it.  Fails USAGE. */
Status networks_positional(Networks *a, const char *net, Err *err);

void networks_reset(Networks *a);

#endif
