/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/database.h -- results of suites in SQLite, whose only includer its
 * source is.  docs/suite.md has the tables and queries. */
#ifndef SOLVER_BATCH_DATABASE_H
#define SOLVER_BATCH_DATABASE_H

#include "net/base/status.h"

/* Put all rows of a folder of results into a database, which is made when it is not
 * there; what it has of the same run is replaced, in one transaction.  A run is known
 * by the id in settings.json.  Fails CREATE, IO; NO_INPUT, DATA for the folder. */
Status database_write(const char *path, const char *out, Err *err);

#endif
