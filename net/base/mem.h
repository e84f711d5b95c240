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

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

/* All of these end the process through the exhaustion hook, or jump (see accounts),
 * when the limit is passed or the system has no more.  n * size is checked for
 * overflow. */
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

/* Limit in bytes on live memory; 0 = none.  mem_room tells how much is left, there and
 * in the thread's account. */
void mem_set_limit(size_t bytes);
size_t mem_room(void);

/* ---- accounts ------------------------------------------------------------
 *
 * For a library, which may not end the process.  While a thread uses an account its
 * blocks belong to that, with a limit of its own, and running out of memory jumps to
 * the thread's innermost MemCatch, if it has one.  What the functions in between had
 * allocated goes with the account.  So no function may allocate while it holds a lock
 * that anybody else waits for, and what else must be given back (files) is guarded.
 */
typedef struct MemAccount MemAccount;

/* NULL when there is no memory.  mem_account_free undoes the guards, last first, and
 * frees the blocks that are left; no thread may use it any more. */
MemAccount *mem_account_new(void);
void mem_account_free(MemAccount *account); /* NULL is fine */

/* This thread's blocks belong to `account` from now on; NULL: to none.  Returns the
 * one before.  A block stays where it was made, also when another thread resizes it. */
MemAccount *mem_account_use(MemAccount *account);
MemAccount *mem_account_now(void);

void mem_account_limit(MemAccount *account, size_t bytes); /* 0: none */
size_t mem_account_live(const MemAccount *account);        /* bytes */
size_t mem_account_peak(const MemAccount *account);

/*     MemCatch c;
 *     mem_catch_begin (&c);
 *     if (setjmp (c.here)) { exhausted: the catch is over }
 *     else { ...; mem_catch_end (&c); }
 *
 * From exhaustion on mem_room of the account is 0, so threads that poll a Stop end
 * soon.  mem_rethrow: to the next outer catch of this thread.  Catches of a thread
 * without an account are never jumped to. */
typedef struct MemCatch {
  jmp_buf here;
  struct MemCatch *outer;
} MemCatch;

void mem_catch_begin(MemCatch *c);
void mem_catch_end(MemCatch *c);
_Noreturn void mem_rethrow(void);

/* undo (what) when the account ends, unless mem_unguard (what) comes before.  Nothing
 * happens without an account. */
void mem_guard(void (*undo)(void *what), void *what);
void mem_unguard(void *what);

/* For file descriptors. */
void mem_guard_fd(int fd);
void mem_unguard_fd(int fd);

/* There is no memory for something that is not allocated here. */
_Noreturn void mem_exhaust(size_t wanted_bytes);

/* Called once, on the failing thread, when memory is exhausted; must not
 * return and must not allocate through mem_*.  Default: one line on stderr,
 * exit 71. */
void mem_on_exhausted(void (*hook)(size_t wanted_bytes));

/* Let the n-th allocation from now fail, and with for_good all after it; 0 = never.
 * For tests: nothing else calls it, and no option or variable reaches it. */
void mem_fail_at(size_t n, bool for_good);

#endif
