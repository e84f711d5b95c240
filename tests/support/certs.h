/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/support/certs.h -- certificates written by hand, and checked.
 *
 * The content of a block is put together by certs_u8 .. certs_f64 and ended by
 * certs_block.  Blocks stay apart until they are written, so that tests can change
 * them.
 */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net.h"
#include "specs/prop.h"

typedef struct {
  int tag;
  uint8_t *data; /* owned by malloc */
  size_t n;
} CertsBlock;

typedef struct {
  char *head; /* the two lines */
  CertsBlock *block;
  int n_blocks;
  uint8_t *data; /* of the block that is being written */
  size_t n, room;
} Certs;

Certs certs_new(const Net *net, const Prop *prop);
void certs_free(Certs *c);

void certs_u8(Certs *c, int value);
void certs_n(Certs *c, unsigned long value);
void certs_f32(Certs *c, double value);
void certs_f64(Certs *c, double value);
void certs_block(Certs *c, int tag);

/* Whole blocks that most tests need. */
void certs_query(Certs *c, int q, int n_nodes, int n_cases);
void certs_pass(Certs *c, int first);
void certs_close_row(Certs *c, int index, int row); /* B: default slopes */
void certs_end(Certs *c, int n_queries);            /* Z */

/* The bytes of the file, owned by malloc. */
uint8_t *certs_bytes(const Certs *c, size_t *n);

/* Does dualcert-check accept these bytes?  What it accepts in double arithmetic it has
 * to accept in exact arithmetic too, which is tested on the way.  Where why is not
 * NULL, the reason or the error is put there, for the caller to free with mem_free;
 * NULL when accepted. */
bool certs_accepted_bytes(const uint8_t *bytes, size_t n, const Net *net,
                          const Prop *prop, char **why);
bool certs_accepted(const Certs *c, const Net *net, const Prop *prop, char **why);

/* In exact arithmetic alone. */
bool certs_accepted_exactly(const Certs *c, const Net *net, const Prop *prop);

#endif
