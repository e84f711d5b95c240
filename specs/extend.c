/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/extend.h"

#include <string.h>

#include "net/base/mem.h"
#include "net/join.h"

void extend_init(Extend *e, int n_in, int n_out)
{
  *e = (Extend){.n_in = n_in, .n_out = n_out};
}

void extend_reset(Extend *e)
{
  mem_free(e->item);
  mem_free(e->copy);
  mem_free(e->slot);
  *e = (Extend){0};
}

static int first_item(const Extend *e)
{
  return e->n_in + e->n_out;
}

/* The variable of a new item. */
static int push(Extend *e, int a, int b)
{
  if (e->n >= EXTEND_MAX_ITEMS) return -1;
  if (e->n == e->room) {
    e->room = e->room ? 2 * e->room : 16;
    e->item = mem_grow(e->item, (size_t)e->room, sizeof *e->item);
  }
  e->item[e->n] = (ExtendItem){a, b};
  return first_item(e) + e->n++;
}

int extend_copy(Extend *e, int input)
{
  if (!e->copy) {
    e->copy = mem_array((size_t)e->n_in, sizeof *e->copy);
    for (int i = 0; i < e->n_in; i++)
      e->copy[i] = -1;
  }
  if (e->copy[input] < 0) {
    const int var = push(e, input, -1);
    if (var < 0) return -1;
    e->copy[input] = var - first_item(e);
  }
  return first_item(e) + e->copy[input];
}

/* ---- products ------------------------------------------------------------ */

static size_t find_slot(const Extend *e, int a, int b)
{
  const size_t mask = e->n_slots - 1;
  size_t at = ((size_t)a * 0x9e3779b1u ^ (size_t)b * 0x85ebca6bu) & mask;
  for (; e->slot[at] >= 0; at = (at + 1) & mask) {
    const ExtendItem *const item = &e->item[e->slot[at]];
    if (item->a == a && item->b == b) break;
  }
  return at;
}

static void grow_slots(Extend *e)
{
  mem_free(e->slot);
  e->n_slots = e->n_slots ? 2 * e->n_slots : 64;
  e->slot = mem_array(e->n_slots, sizeof *e->slot);
  for (size_t at = 0; at < e->n_slots; at++)
    e->slot[at] = -1;
  for (int k = 0; k < e->n; k++)
    if (e->item[k].b >= 0) e->slot[find_slot(e, e->item[k].a, e->item[k].b)] = k;
}

/* The product of two variables as one item. */
static int pair(Extend *e, int a, int b)
{
  if (a < 0 || b < 0) return -1;
  const int low = a < b ? a : b, high = a < b ? b : a;
  if (2 * (size_t)e->n + 2 > e->n_slots) grow_slots(e);
  const size_t at = find_slot(e, low, high);
  if (e->slot[at] >= 0) return first_item(e) + e->slot[at];
  const int var = push(e, low, high);
  if (var >= 0) e->slot[at] = e->n - 1;
  return var;
}

/* Append the factors of a variable that is perhaps a product; false: too many.  The
 * depth of a product is at most EXTEND_MAX_DEGREE. */
static bool factors(const Extend *e, int var, int *list, int *n)
{
  if (var < first_item(e)) {
    if (*n == EXTEND_MAX_DEGREE) return false;
    list[(*n)++] = var;
    return true;
  }
  const ExtendItem *const item = &e->item[var - first_item(e)];
  if (item->b < 0) return factors(e, item->a, list, n);
  return factors(e, item->a, list, n) && factors(e, item->b, list, n);
}

static void sort(int *list, int n)
{
  for (int i = 1; i < n; i++) {
    const int var = list[i];
    int j = i;
    for (; j > 0 && list[j - 1] > var; j--)
      list[j] = list[j - 1];
    list[j] = var;
  }
}

int extend_factors(const Extend *e, int var, int list[EXTEND_MAX_DEGREE])
{
  int n = 0;
  factors(e, var, list, &n); /* no item has a higher degree */
  sort(list, n);
  return n;
}

static int power(Extend *e, int var, int m)
{
  int result = -1, square = var;
  for (;; m /= 2) {
    /* Full once is full for good: a later product would be another power. */
    if (square < 0) return -1;
    if (m % 2) result = result < 0 ? square : pair(e, result, square);
    if (m % 2 && result < 0) return -1;
    if (m < 2) return result;
    square = pair(e, square, square);
  }
}

int extend_product(Extend *e, int a, int b)
{
  int list[EXTEND_MAX_DEGREE], n = 0;
  if (!factors(e, a, list, &n) || !factors(e, b, list, &n)) return -1;
  sort(list, n);
  int result = -1;
  for (int i = 0; i < n;) {
    int m = 1;
    while (i + m < n && list[i + m] == list[i])
      m++;
    const int own = power(e, list[i], m);
    if (own < 0) return -1;
    result = i ? pair(e, result, own) : own;
    if (result < 0) return -1;
    i += m;
  }
  return result;
}

/* ---- the network --------------------------------------------------------- */

/* While the nodes are added. */
typedef struct {
  const Extend *e;
  Net *net;
  int output;        /* the node that was the last */
  int *level;        /* int level[n]: 0 for copies */
  int *node, *index; /* int [n]: where an item is computed */
} Builder;

/* Node and element of a variable. */
static JoinPlace place(const Builder *b, int var)
{
  if (var < b->e->n_in) return (JoinPlace){0, var};
  if (var < first_item(b->e)) return (JoinPlace){b->output, var - b->e->n_in};
  const int k = var - first_item(b->e);
  if (b->e->item[k].b < 0) return (JoinPlace){0, b->e->item[k].a};
  return (JoinPlace){b->node[k], b->index[k]};
}

static int level_of(const Builder *b, int var)
{
  return var < first_item(b->e) ? 0 : b->level[var - first_item(b->e)];
}

/* All products of one level that are squares, or all others, as one node. */
static void add_products(Builder *b, int level, bool squares)
{
  const Extend *const e = b->e;
  JoinPlace *left = mem_array((size_t)e->n, sizeof *left);
  JoinPlace *right = mem_array((size_t)e->n, sizeof *right);
  int n = 0;
  for (int k = 0; k < e->n; k++) {
    const ExtendItem *const item = &e->item[k];
    if (b->level[k] != level || item->b < 0 || (item->a == item->b) != squares)
      continue;
    left[n] = place(b, item->a);
    right[n] = place(b, item->b);
    b->index[k] = n++;
  }
  if (n) {
    int in[2];
    in[0] = join_gather(b->net, left, n, "factors");
    if (!squares) in[1] = join_gather(b->net, right, n, "factors");
    const Node node = {.kind = squares ? NODE_ACT : NODE_MUL,
                       .act = ACT_SQUARE,
                       .size = n,
                       .rank = 1,
                       .dims = {n},
                       .name = "products"};
    const int at = net_add(b->net, &node, in, squares ? 1 : 2);
    for (int k = 0; k < e->n; k++)
      if (b->level[k] == level && e->item[k].b >= 0 &&
          (e->item[k].a == e->item[k].b) == squares)
        b->node[k] = at;
  }
  mem_free(left);
  mem_free(right);
}

static void add_outputs(Builder *b)
{
  const int n = b->e->n_out + b->e->n;
  JoinPlace *all = mem_array((size_t)n, sizeof *all);
  for (int j = 0; j < n; j++)
    all[j] = place(b, b->e->n_in + j);
  join_gather(b->net, all, n, "outputs");
  mem_free(all);
}

Net *extend_net(Net *net, const Extend *e, Err *err)
{
  if (!e->n) return net;
  Builder b = {.e = e, .output = net->n_nodes - 1};
  b.net = join_copy(net);
  const size_t n = (size_t)e->n;
  b.level = mem_zero(n, sizeof *b.level);
  b.node = mem_zero(n, sizeof *b.node);
  b.index = mem_zero(n, sizeof *b.index);
  int deepest = 0;
  for (int k = 0; k < e->n; k++) {
    if (e->item[k].b < 0) continue;
    const int p = level_of(&b, e->item[k].a), q = level_of(&b, e->item[k].b);
    b.level[k] = 1 + (p > q ? p : q);
    if (b.level[k] > deepest) deepest = b.level[k];
  }
  for (int level = 1; level <= deepest; level++) {
    add_products(&b, level, true);
    add_products(&b, level, false);
  }
  add_outputs(&b);
  mem_free(b.level);
  mem_free(b.node);
  mem_free(b.index);
  if (!net_finish(b.net, err)) return b.net;
  net_free(b.net);
  return NULL;
}
