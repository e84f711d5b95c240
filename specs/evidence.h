/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/evidence.h -- a witness as a JSON file that somebody else can check.
 *
 * The file says for which network and specification it is (SHA-256 of the files as
 * stored), the point, what the network computes there in several arithmetics, and the
 * values of the rows that are violated; docs/formats.md lists the members.  Whoever
 * reads it needs the point alone: evidence_read takes nothing else from it but the
 * digests, and everything is computed again.
 */
#ifndef SPECS_EVIDENCE_H
#define SPECS_EVIDENCE_H

#include "net/base/file.h"
#include "net/base/text.h"
#include "net/net.h"
#include "specs/witness.h"

/* One JSON object and a newline.  Numbers that are not finite, and those of a witness
 * that was not completed, are null. */
void evidence_print(const Net *net, const Witness *w, Text *out);

/* The point of a witness file: JSON when it starts with "{", else the text of
 * witness_parse.  double x[net_in_size].
 * Fails DATA: malformed, numbers missing or too many, the digest of another file;
 *       UNSUPPORTED: a later version of the format. */
Status evidence_read(const char *path, const File *file, const Net *net,
                     const Prop *prop, double *x, Err *err);

#endif
