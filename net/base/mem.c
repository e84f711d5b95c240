/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/base/mem.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/status.h"

#define ALIGNMENT 64 /* of mem_doubles */

/* What precedes a block. */
typedef struct Head {
  struct Head *prev, *next; /* in the account */
  MemAccount *account;      /* NULL: none */
  void *base;               /* what the allocator gave */
} Head;
_Static_assert(sizeof(Head) % 16 == 0 && sizeof(Head) <= ALIGNMENT, "alignment");

typedef struct Guard {
  struct Guard *next;
  void (*undo)(void *);
  void *what;
} Guard;

struct MemAccount {
  pthread_mutex_t lock; /* of the two lists */
  Head *blocks;
  Guard *guards;
  atomic_size_t live, peak, limit;
  atomic_bool is_exhausted;
};

static atomic_size_t live_bytes, peak_bytes, n_allocs, limit_bytes;
static atomic_size_t fail_first, fail_last; /* numbers of allocations; 0: none */
static _Thread_local MemAccount *account_now;
static _Thread_local MemCatch *catch_now;

static void default_hook(size_t wanted)
{
  fprintf(stderr, "dualcert: out of memory (%zu bytes wanted)\n", wanted);
  _exit(STATUS_OS);
}

static void (*exhausted_hook)(size_t) = default_hook;

_Noreturn void mem_exhaust(size_t wanted)
{
  if (account_now) {
    atomic_store(&account_now->is_exhausted, true);
    if (catch_now) mem_rethrow();
  }
  exhausted_hook(wanted);
  _exit(STATUS_OS);
}

/* ---- heads ---------------------------------------------------------------
 *
 * With AddressSanitizer a head is poisoned, so that writing before a block is noticed;
 * these functions alone may touch one. */
#ifdef __SANITIZE_ADDRESS__
#define HEAD_OPEN __attribute__((no_sanitize("address"), noinline))
void __asan_poison_memory_region(void const volatile *at, size_t n);
void __asan_unpoison_memory_region(void const volatile *at, size_t n);
#define poison(head)   __asan_poison_memory_region(head, sizeof(Head))
#define unpoison(head) __asan_unpoison_memory_region(head, sizeof(Head))
#else
#define HEAD_OPEN
#define poison(head)   ((void)(head))
#define unpoison(head) ((void)(head))
#endif

static Head *head_of(void *block)
{
  return (Head *)block - 1;
}

static void count(atomic_size_t *live, atomic_size_t *peak, size_t got)
{
  const size_t now = atomic_fetch_add(live, got) + got;
  size_t most = atomic_load(peak);
  while (now > most && !atomic_compare_exchange_weak(peak, &most, now))
    continue;
}

/* The size the allocator really gave keeps the balance right when it is freed. */
HEAD_OPEN static void *count_in(void *base, size_t before, MemAccount *account)
{
  const size_t got = malloc_usable_size(base);
  Head *head = (Head *)((char *)base + before) - 1;
  *head = (Head){.account = account, .base = base};
  count(&live_bytes, &peak_bytes, got);
  if (account) {
    count(&account->live, &account->peak, got);
    pthread_mutex_lock(&account->lock);
    head->next = account->blocks;
    if (head->next) head->next->prev = head;
    account->blocks = head;
    pthread_mutex_unlock(&account->lock);
  }
  poison(head);
  return head + 1;
}

HEAD_OPEN static void count_out(Head *head)
{
  MemAccount *account = head->account;
  const size_t got = malloc_usable_size(head->base);
  atomic_fetch_sub(&live_bytes, got);
  unpoison(head);
  if (!account) return;
  atomic_fetch_sub(&account->live, got);
  pthread_mutex_lock(&account->lock);
  if (head->prev)
    head->prev->next = head->next;
  else
    account->blocks = head->next;
  if (head->next) head->next->prev = head->prev;
  pthread_mutex_unlock(&account->lock);
}

HEAD_OPEN static MemAccount *account_of(const Head *head)
{
  return head->account;
}

HEAD_OPEN static void *base_of(const Head *head)
{
  return head->base;
}

/* ---- limits -------------------------------------------------------------- */

static size_t room(size_t limit, size_t live)
{
  if (!limit) return SIZE_MAX;
  return live < limit ? limit - live : 0;
}

static size_t account_room(const MemAccount *account)
{
  if (!account) return SIZE_MAX;
  if (atomic_load(&account->is_exhausted)) return 0;
  return room(atomic_load(&account->limit), atomic_load(&account->live));
}

/* True when an allocation of this size is allowed now. */
static int may_allocate(const MemAccount *account, size_t bytes)
{
  const size_t number = atomic_fetch_add(&n_allocs, 1) + 1;
  if (number <= atomic_load(&fail_last) && number >= atomic_load(&fail_first)) return 0;
  if (bytes > room(atomic_load(&limit_bytes), atomic_load(&live_bytes))) return 0;
  return !account ||
         bytes <= room(atomic_load(&account->limit), atomic_load(&account->live));
}

static size_t product(size_t n, size_t size)
{
  if (size && n > SIZE_MAX / 2 / size) mem_exhaust(SIZE_MAX);
  return n * size;
}

/* ---- blocks -------------------------------------------------------------- */

void *mem_alloc(size_t bytes)
{
  if (!may_allocate(account_now, bytes)) mem_exhaust(bytes);
  void *base = bytes < SIZE_MAX / 2 ? malloc(bytes + sizeof(Head)) : NULL;
  if (!base) mem_exhaust(bytes);
  return count_in(base, sizeof(Head), account_now);
}

void *mem_zero(size_t n, size_t size)
{
  const size_t bytes = product(n, size);
  if (!may_allocate(account_now, bytes)) mem_exhaust(bytes);
  void *base = calloc(bytes + sizeof(Head), 1);
  if (!base) mem_exhaust(bytes);
  return count_in(base, sizeof(Head), account_now);
}

void *mem_array(size_t n, size_t size)
{
  return mem_alloc(product(n, size));
}

/* realloc would not keep the alignment. */
static void *move_doubles(double *block, size_t bytes)
{
  const size_t old = malloc_usable_size(base_of(head_of(block))) - ALIGNMENT;
  MemAccount *before = mem_account_use(account_of(head_of(block)));
  double *moved = mem_doubles(bytes / sizeof *moved + 1);
  mem_account_use(before);
  memcpy(moved, block, old < bytes ? old : bytes);
  mem_free(block);
  return moved;
}

void *mem_realloc(void *block, size_t bytes)
{
  if (!block) return mem_alloc(bytes);
  Head *head = head_of(block);
  MemAccount *account = account_of(head);
  if (!may_allocate(account, bytes) || bytes >= SIZE_MAX / 2) mem_exhaust(bytes);
  if (base_of(head) != head) return move_doubles(block, bytes);
  count_out(head);
  void *moved = realloc(head, bytes + sizeof(Head));
  if (!moved) {
    count_in(head, sizeof(Head), account);
    mem_exhaust(bytes);
  }
  return count_in(moved, sizeof(Head), account);
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
  const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (!may_allocate(account_now, rounded)) mem_exhaust(rounded);
  void *base = aligned_alloc(ALIGNMENT, rounded + ALIGNMENT);
  if (!base) mem_exhaust(rounded);
  return count_in(base, ALIGNMENT, account_now);
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
  Head *head = head_of(block);
  void *base = base_of(head);
  count_out(head);
  free(base);
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
  const size_t all = room(atomic_load(&limit_bytes), atomic_load(&live_bytes));
  const size_t mine = account_room(account_now);
  return all < mine ? all : mine;
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

/* ---- accounts ------------------------------------------------------------ */

MemAccount *mem_account_new(void)
{
  MemAccount *account = calloc(1, sizeof *account);
  if (account && pthread_mutex_init(&account->lock, NULL)) {
    free(account);
    return NULL;
  }
  return account;
}

/* The first of its blocks. */
static void *first_block(const MemAccount *account)
{
  return account->blocks ? account->blocks + 1 : NULL;
}

void mem_account_free(MemAccount *account)
{
  if (!account) return;
  while (account->guards) {
    Guard *guard = account->guards;
    account->guards = guard->next;
    guard->undo(guard->what);
    free(guard);
  }
  for (void *block; (block = first_block(account));)
    mem_free(block);
  pthread_mutex_destroy(&account->lock);
  free(account);
}

MemAccount *mem_account_use(MemAccount *account)
{
  MemAccount *before = account_now;
  account_now = account;
  return before;
}

MemAccount *mem_account_now(void)
{
  return account_now;
}

void mem_account_limit(MemAccount *account, size_t bytes)
{
  atomic_store(&account->limit, bytes);
}

size_t mem_account_live(const MemAccount *account)
{
  return atomic_load(&account->live);
}

size_t mem_account_peak(const MemAccount *account)
{
  return atomic_load(&account->peak);
}

void mem_catch_begin(MemCatch *c)
{
  c->outer = catch_now;
  catch_now = c;
}

void mem_catch_end(MemCatch *c)
{
  STATUS_REQUIRE(catch_now == c, "catches end in the order of a stack");
  catch_now = c->outer;
}

void mem_rethrow(void)
{
  MemCatch *c = catch_now;
  STATUS_REQUIRE(c, "nobody catches that memory is exhausted");
  catch_now = c->outer;
  longjmp(c->here, 1);
}

void mem_guard(void (*undo)(void *), void *what)
{
  MemAccount *account = account_now;
  if (!account) return;
  Guard *guard = malloc(sizeof *guard);
  if (!guard) {
    undo(what);
    mem_exhaust(sizeof *guard);
  }
  *guard = (Guard){.undo = undo, .what = what};
  pthread_mutex_lock(&account->lock);
  guard->next = account->guards;
  account->guards = guard;
  pthread_mutex_unlock(&account->lock);
}

void mem_unguard(void *what)
{
  MemAccount *account = account_now;
  if (!account) return;
  pthread_mutex_lock(&account->lock);
  Guard **at = &account->guards;
  while (*at && (*at)->what != what)
    at = &(*at)->next;
  Guard *guard = *at;
  if (guard) *at = guard->next;
  pthread_mutex_unlock(&account->lock);
  free(guard);
}

static void close_fd(void *what)
{
  close((int)(intptr_t)what);
}

void mem_guard_fd(int fd)
{
  mem_guard(close_fd, (void *)(intptr_t)fd);
}

void mem_unguard_fd(int fd)
{
  mem_unguard((void *)(intptr_t)fd);
}
