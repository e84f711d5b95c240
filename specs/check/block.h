/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/block.h -- the blocks of a certificate, one after the other, and the
 * numbers in them (docs/certificates.md).
 *
 * Everything that is read is hostile until it has been checked here: sizes against
 * CERTIFICATE_BLOCK, packed data against what it says to unpack to, every number
 * against the end of its block.
 */
#ifndef SPECS_CHECK_BLOCK_H
#define SPECS_CHECK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "net/base/status.h"

/* A place inside a block.  A read past the end, or of a number that has no place in
 * an int, gives 0 and sets bad for good. */
typedef struct {
  const uint8_t *at, *end;
  bool bad;
} Cursor;

uint8_t block_u8(Cursor *c);
int block_n(Cursor *c);      /* unsigned LEB128, at most 5 bytes, at most INT_MAX */
double block_f32(Cursor *c); /* little-endian, widened */
double block_f64(Cursor *c);
/* n items of `size` bytes: where they begin, or NULL and bad. */
const uint8_t *block_skip(Cursor *c, size_t n, size_t size);

/* A number below n, else bad and 0; n > 0. */
int block_below(Cursor *c, int n);

/* Item i of a run of little-endian numbers that block_skip has checked. */
double block_item_f32(const uint8_t *run, size_t i);
double block_item_f64(const uint8_t *run, size_t i);

typedef struct {
  FILE *file;    /* owned */
  char *path;    /* owned */
  char *head;    /* the line of JSON without its end, owned */
  int tag;       /* of the current block; 0 before the first, EOF behind the last */
  long long pos; /* where the block began in the file, for messages */
  uint8_t *data; /* its unpacked bytes, uint8_t data[size]; owned */
  size_t size;
  uint8_t *packed;
  size_t packed_room;
} Block;

/* Open a certificate and read its two lines.  Fails NO_INPUT, IO; DATA when the file
 * is no certificate.  block_close also after a failure. */
Status block_open(Block *b, const char *path, Err *err);
void block_close(Block *b);

/* Read the next block.  At the end of the file tag is EOF.  Fails DATA where sizes are
 * impossible, data does not unpack to what was said or the file ends inside. */
Status block_next(Block *b, Err *err);

/* The content, from its start; and the content taken over, to be freed by mem_free. */
Cursor block_cursor(const Block *b);
uint8_t *block_take(Block *b);

#endif
