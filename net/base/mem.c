/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/status.h"

static atomic_size_t live_bytes, peak_bytes, n_allocs, limit_bytes;
static atomic_size_t fail_first, fail_last; /* numbers of allocations; 0: none */

static void default_hook(size_t wanted)
{
  fprintf(stderr, "dualcert: out of memory (%zu bytes wanted)\n", wanted);
  _exit(STATUS_OS);
}

static void (*exhausted_hook)(size_t) = default_hook;

static _Noreturn void exhausted(size_t wanted)
{
  exhausted_hook(wanted);
  _exit(STATUS_OS);
}

/* Count a new block; the size the allocator really gave keeps the balance
 * right when it is freed. */
static void *count_in(void *block)
{
  const size_t got = malloc_usable_size(block);
  const size_t now = atomic_fetch_add(&live_bytes, got) + got;
  size_t peak = atomic_load(&peak_bytes);
  while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now))
    continue;
  return block;
}

static void count_out(void *block)
{
  atomic_fetch_sub(&live_bytes, malloc_usable_size(block));
}

/* True when an allocation of this size is allowed now. */
static int may_allocate(size_t bytes)
{
  const size_t number = atomic_fetch_add(&n_allocs, 1) + 1;
  if (number <= atomic_load(&fail_last) && number >= atomic_load(&fail_first)) return 0;
  const size_t limit = atomic_load(&limit_bytes);
  const size_t live = atomic_load(&live_bytes);
  return !limit || (live <= limit && bytes <= limit - live);
}

static size_t product(size_t n, size_t size)
{
  if (size && n > SIZE_MAX / 2 / size) exhausted(SIZE_MAX);
  return n * size;
}

void *mem_alloc(size_t bytes)
{
  if (!may_allocate(bytes)) exhausted(bytes);
  void *block = malloc(bytes ? bytes : 1);
  if (!block) exhausted(bytes);
  return count_in(block);
}

void *mem_zero(size_t n, size_t size)
{
  const size_t bytes = product(n, size);
  if (!may_allocate(bytes)) exhausted(bytes);
  void *block = calloc(bytes ? bytes : 1, 1);
  if (!block) exhausted(bytes);
  return count_in(block);
}

void *mem_array(size_t n, size_t size)
{
  return mem_alloc(product(n, size));
}

void *mem_realloc(void *block, size_t bytes)
{
  if (!block) return mem_alloc(bytes);
  if (!may_allocate(bytes)) exhausted(bytes);
  count_out(block);
  void *moved = realloc(block, bytes ? bytes : 1);
  if (!moved) exhausted(bytes);
  return count_in(moved);
}

void *mem_grow(void *block, size_t n, size_t size)
{
  return mem_realloc(block, product(n, size));
}

char *mem_strdup(const char *text)
{
  return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t n)
{
  char *copy = mem_alloc(n + 1);
  memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

double *mem_doubles(size_t n)
{
  const size_t bytes = product(n ? n : 1, sizeof(double));
  const size_t rounded = (bytes + 63) / 64 * 64;
  if (!may_allocate(rounded)) exhausted(rounded);
  void *block = aligned_alloc(64, rounded);
  if (!block) exhausted(rounded);
  return count_in(block);
}

double *mem_doubles0(size_t n)
{
  double *block = mem_doubles(n);
  memset(block, 0, n * sizeof(double));
  return block;
}

void mem_free(void *block)
{
  if (!block) return;
  count_out(block);
  free(block);
}

size_t mem_live_bytes(void)
{
  return atomic_load(&live_bytes);
}

size_t mem_peak_bytes(void)
{
  return atomic_load(&peak_bytes);
}

size_t mem_n_allocs(void)
{
  return atomic_load(&n_allocs);
}

void mem_set_limit(size_t bytes)
{
  atomic_store(&limit_bytes, bytes);
}

size_t mem_room(void)
{
  const size_t limit = atomic_load(&limit_bytes), live = atomic_load(&live_bytes);
  if (!limit) return SIZE_MAX;
  return live < limit ? limit - live : 0;
}

void mem_on_exhausted(void (*hook)(size_t))
{
  exhausted_hook = hook ? hook : default_hook;
}

void mem_fail_at(size_t n, bool for_good)
{
  const size_t number = atomic_load(&n_allocs) + n;
  atomic_store(&fail_first, number);
  atomic_store(&fail_last, n == 0 ? 0 : for_good ? SIZE_MAX : number);
}
