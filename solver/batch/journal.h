/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/batch/journal.h -- the folder of results of a suite, safe against any end.
 *
 *     results.jsonl   one line per finished instance, in the order of finishing
 *     results.csv     the same as the competition writes it
 *     details.csv     the same with a header and what tables and plots need
 *     settings.json   what was run
 *
 * results.jsonl is the only truth: a row is appended with one write and fsync before
 * anything else learns of it, and a last line that was cut off is dropped when the
 * folder is opened again.  The two CSV files follow from it; they are written anew when
 * the folder is opened or closed, and results.csv grows in between.
 *
 * The shard K of N has results.K-of-N.jsonl and so on, so that several processes share
 * one folder.  A second process with the same files is refused (flock).
 */
#ifndef SOLVER_BATCH_JOURNAL_H
#define SOLVER_BATCH_JOURNAL_H

#include <stdbool.h>

#include "net/base/status.h"
#include "net/base/text.h"
#include "solver/batch/row.h"
#include "solver/batch/settings.h"

typedef struct Journal Journal;

/* Open or make the folder for a shard (0: not a shard) and read what is there.  With
 * rows of other settings it fails USAGE unless is_forced, and names the first that
 * differs.  Fails CREATE, IO; DATA with the line; OS when it is in use.  */
Status journal_open(const char *dir, int shard, int n_shards, const Settings *settings,
                    bool is_forced, Journal **journal, Err *err);

/* Open it to add rows of other folders: no settings. */
Status journal_open_merged(const char *dir, Journal **journal, Err *err);

/* Only look at the rows of OUT/results.jsonl, also while a suite is writing them. */
Status journal_open_to_read(const char *dir, Journal **journal, Err *err);

/* The rows so far: Row rows[*n], borrowed until the next call for this journal. */
const Row *journal_rows(const Journal *journal, int *n);

/* The row of an instance, or NULL. */
const Row *journal_find(const Journal *journal, const char *category,
                        const char *network, const char *property);

/* Keep a row, taken, with its line from row_print. */
Status journal_add(Journal *journal, Row *row, const Text *line, Err *err);

/* Write details.csv (unless opened to read), let go of the folder.  NULL is fine.
 * Fails CREATE, IO. */
Status journal_close(Journal *journal, Err *err);

/* Call `each` for every line of a file of results: the row is taken, the answer of
 * verify and the text borrowed.  A last line without its end is left out.  Stops when
 * `each` fails.  Fails NO_INPUT; DATA with the line. */
typedef Status (*JournalEach)(void *context, Row *row, const cJSON *verify,
                              const char *data, size_t size, Err *err);
Status journal_each(const char *path, JournalEach each, void *context, Err *err);

/* The files results*.jsonl of a folder, or the file itself: sorted, NULL-terminated,
 * owned as are the names (journal_free_files). */
char **journal_files(const char *dir_or_file);
void journal_free_files(char **files);

#endif
