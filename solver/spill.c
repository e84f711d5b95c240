/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/spill.h"

#include <stdio.h>

#include "net/base/mem.h"

struct Spill {
  FILE *file;
  bool failed;
};

/* What precedes a record. */
typedef struct {
  int id;
  size_t n;
} Head;

static void close_file(void *file)
{
  fclose(file);
}

Spill *spill_new(void)
{
  Spill *spill = mem_zero(1, sizeof *spill);
  spill->file = tmpfile();
  spill->failed = !spill->file;
  if (spill->file) mem_guard(close_file, spill->file);
  return spill;
}

void spill_free(Spill *spill)
{
  if (!spill) return;
  if (spill->file) {
    mem_unguard(spill->file);
    fclose(spill->file);
  }
  mem_free(spill);
}

void spill_add(Spill *spill, int id, const ProofText *record)
{
  const Head head = {.id = id, .n = record->n};
  if (spill->failed) return;
  spill->failed = fwrite(&head, sizeof head, 1, spill->file) != 1 ||
                  (record->n && fwrite(record->at, record->n, 1, spill->file) != 1);
}

bool spill_ok(const Spill *spill)
{
  return !spill->failed;
}

void spill_rewind(Spill *spill)
{
  if (spill->failed) return;
  spill->failed = fflush(spill->file) != 0;
  rewind(spill->file);
}

bool spill_next(Spill *spill, int *id, ProofText *record)
{
  Head head;
  if (spill->failed || fread(&head, sizeof head, 1, spill->file) != 1) return false;
  if (head.n > record->room) {
    record->at = mem_grow(record->at, head.n, 1);
    record->room = head.n;
  }
  record->n = head.n;
  *id = head.id;
  spill->failed = head.n && fread(record->at, head.n, 1, spill->file) != 1;
  return !spill->failed;
}
