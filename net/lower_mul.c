/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/lower_mul.h"

#include <inttypes.h>

#include "net/base/mem.h"
#include "net/lower_known.h"

/* A matrix product of n^2 numbers has n^3 products: about 2 GB of nodes at this many.
 */
#define MAX_PRODUCTS ((int64_t)1 << 25)

Status lower_mul_spend(Lower *l, const OnnxNode *node, int64_t n)
{
  if (n > SHAPE_MAX_VARIABLE || n > MAX_PRODUCTS - l->n_products)
    return lower_ctx_refuse(
        l, node, "operator %s: %" PRId64 " intermediate numbers are too many", node->op,
        n);
  l->n_products += n;
  return STATUS_OK;
}

/* ---- elementwise --------------------------------------------------------- */

/* same[i]: do both operands have the very same number there?  Returns how many. */
static int find_squares(const Draft *d, int a, int b, int n, bool *same)
{
  const bool moved = d->nodes[a].kind == NODE_MAP || d->nodes[b].kind == NODE_MAP;
  if (a == b || !moved) return a == b ? n : 0;
  int *from = mem_array((size_t)n * 4, sizeof *from), count = 0;
  int *index = from + n, *from_b = index + n, *index_b = from_b + n;
  draft_places(d, a, from, index);
  draft_places(d, b, from_b, index_b);
  for (int i = 0; i < n; i++) {
    same[i] = from[i] == from_b[i] && index[i] == index_b[i];
    count += same[i];
  }
  mem_free(from);
  return count;
}

/* Squares of a where `same`, products elsewhere, put back in order. */
static int mixed(Lower *l, const OnnxNode *node, int a, int b, const Shape *shape,
                 const bool *same, int n_same)
{
  Draft *d = &l->draft;
  int *pick = mem_array((size_t)shape->n, sizeof *pick); /* squares, then products */
  int *back = mem_array((size_t)shape->n, sizeof *back);
  for (int i = 0, square = 0, product = n_same; i < shape->n; i++) {
    back[i] = same[i] ? square++ : product++;
    pick[back[i]] = i;
  }
  const Shape squares = shape_vector(n_same);
  const Shape products = shape_vector(shape->n - n_same);
  int part[2];
  part[0] = draft_map(d, node->name, &squares, &a, 1, pick);
  part[0] = draft_act(d, node->name, part[0], &squares, ACT_SQUARE);
  const int left = draft_map(d, node->name, &products, &a, 1, pick + n_same);
  const int right = draft_map(d, node->name, &products, &b, 1, pick + n_same);
  part[1] = draft_mul(d, node->name, &products, left, right);
  const int k = draft_map(d, node->name, shape, part, 2, back);
  mem_free(pick);
  mem_free(back);
  return k;
}

Status lower_mul_product(Lower *l, const OnnxNode *node, const Value *a, const Value *b,
                         Value *y)
{
  const Shape shape = a->shape;
  const int left = a->node, right = b->node;
  if (left != right && lower_known_product(l, node, a, b, y)) return STATUS_OK;
  bool *same = mem_array((size_t)shape.n, sizeof *same);
  const int n_same = find_squares(&l->draft, left, right, shape.n, same);
  int k;
  if (n_same == shape.n)
    k = draft_act(&l->draft, node->name, left, &shape, ACT_SQUARE);
  else if (n_same == 0)
    k = draft_mul(&l->draft, node->name, &shape, left, right);
  else
    k = mixed(l, node, left, right, &shape, same, n_same);
  mem_free(same);
  *y = lower_ctx_var(a->type, &shape, k);
  return STATUS_OK;
}

/* ---- sums of products ---------------------------------------------------- */

static int operand(Lower *l, const OnnxNode *node, const Value *x, const int *start,
                   int n, int k, int step)
{
  const Shape shape = shape_vector(n * k);
  int *map = mem_array((size_t)shape.n, sizeof *map);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < k; j++)
      map[i * k + j] = start[i] + j * step;
  const int made = draft_map(&l->draft, node->name, &shape, &x->node, 1, map);
  mem_free(map);
  return made;
}

Status lower_mul_sums(Lower *l, const OnnxNode *node, const LowerMulSums *s,
                      const Shape *shape, Value *y)
{
  const OnnxType type = s->a->type;
  Status rc = lower_mul_spend(l, node, (int64_t)shape->n * s->k);
  if (rc) return rc;
  const Shape all = shape_vector(shape->n * s->k);
  const Value a = lower_ctx_var(
      type, &all, operand(l, node, s->a, s->left, shape->n, s->k, s->a_step));
  const Value b = lower_ctx_var(
      type, &all, operand(l, node, s->b, s->right, shape->n, s->k, s->b_step));
  Value product;
  rc = lower_mul_product(l, node, &a, &b, &product);
  if (rc) return rc;
  int k = product.node;
  if (s->k > 1) {
    double *ones = mem_doubles((size_t)s->k);
    for (int j = 0; j < s->k; j++)
      ones[j] = 1;
    k = draft_dense(&l->draft, node->name, k, shape, shape->n, 1, s->k, ones, NULL, 0);
  }
  *y = lower_ctx_var(type, shape, k);
  return STATUS_OK;
}
