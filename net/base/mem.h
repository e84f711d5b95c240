/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/base/mem.h -- the only caller of malloc.
 *
 * Counts live bytes and their peak, keeps a limit, and never returns NULL:
 * without memory a verifier has nothing to say but `unknown (memory)`, which
 * the exhaustion hook says.  Thread-safe.
 *
 * cJSON, protobuf-c and zlib allocate here too.  GLPK and OpenBLAS have no hook for it:
 * GLPK's failures become a linear program without a result (bounds/lp.c).
 */
#ifndef NET_BASE_MEM_H
#define NET_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* All of these end the process through the exhaustion hook when the limit is
 * passed or the system has no more.  n * size is checked for overflow. */
void *mem_alloc(size_t bytes);
void *mem_zero(size_t n, size_t size); /* zeroed array */
void *mem_array(size_t n, size_t size);
void *mem_realloc(void *block, size_t bytes);
void *mem_grow(void *block, size_t n, size_t size); /* realloc to n * size */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t n);

/* double a[n], aligned to 64 bytes; mem_doubles0 is zeroed.  Free with mem_free. */
double *mem_doubles(size_t n);
double *mem_doubles0(size_t n);

void mem_free(void *block); /* NULL is fine */

size_t mem_live_bytes(void);
size_t mem_peak_bytes(void);
size_t mem_n_allocs(void); /* allocations so far; tests assert that loops make none */

/* Limit in bytes on live memory; 0 = none.  mem_room tells how much is left. */
void mem_set_limit(size_t bytes);
size_t mem_room(void);

/* Called once, on the failing thread, when memory is exhausted; must not
 * return and must not allocate through mem_*.  Default: one line on stderr,
 * exit 71. */
void mem_on_exhausted(void (*hook)(size_t wanted_bytes));

/* Let the n-th allocation from now fail, and with for_good all after it; 0 = never.
 * For tests: nothing else calls it, and no option or variable reaches it. */
void mem_fail_at(size_t n, bool for_good);

#endif
