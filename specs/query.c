/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/query.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/relus.h"
#include "net/rounded.h"

int query_count(const Prop *prop)
{
  return prop->n_boxes;
}

/* The first case whose box is at least `box`; cases are sorted by box. */
static int first_case(const Prop *prop, int box)
{
  int low = 0, high = prop->n_cases;
  while (low < high) {
    const int mid = low + (high - low) / 2;
    if (prop->cases[mid].box < box)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* A net with the same nodes, which borrows every array but `in`. */
static Net *share(const Net *net)
{
  Net *view = net_new(net->path);
  for (int k = 0; k < net->n_nodes; k++)
    net_add(view, &net->nodes[k], net->nodes[k].in, net->nodes[k].n_in);
  view->is_float32 = net->is_float32;
  view->units = net->units;
  view->n_inputs = net->n_inputs;
  view->n_outputs = net->n_outputs;
  memcpy(view->sha256, net->sha256, sizeof view->sha256);
  return view;
}

/* Row of the margin node: w y + b encloses coef y - rhs when the true -rhs is within
 * err of b. */
static void fill_row(const PropRow *row, double *w, double *b, double *err)
{
  for (int p = 0; p < row->n; p++)
    w[row->var[p]] = row->coef[p];
  const double mid =
      row->rhs_lo == row->rhs_hi ? row->rhs_lo : row->rhs_lo / 2 + row->rhs_hi / 2;
  *b = -mid;
  *err = fmax(round_add_up(row->rhs_hi, -mid), round_add_up(mid, -row->rhs_lo));
  STATUS_REQUIRE(*err >= 0 && isfinite(*err), "the right-hand side must be finite");
}

static int count_rows(const Prop *prop, Query *query)
{
  int n = 0;
  for (int k = 0; k < query->n_cases; k++) {
    const int rows = prop->cases[query->first_case + k].n_rows;
    query->row[k] = n;
    STATUS_REQUIRE(n < INT_MAX / 2 && rows < INT_MAX / 2, "too many rows");
    n += rows ? rows : 1;
  }
  query->row[query->n_cases] = n;
  return n;
}

static void add_margin(const Prop *prop, Query *query)
{
  Net *const net = query->net;
  const int n = count_rows(prop, query), n_out = net_out_size(net);
  const size_t cols = (size_t)n_out;
  double *W = net_keep(net, mem_zero((size_t)n * cols, sizeof *W));
  double *b = net_keep(net, mem_doubles0((size_t)n));
  double *b_err = net_keep(net, mem_doubles0((size_t)n));
  Node node = {.kind = NODE_DENSE,
               .size = n,
               .rank = 1,
               .dims = {n},
               .name = "margin",
               .reps = 1,
               .rows = n,
               .cols = n_out,
               .W = W,
               .b = b};
  for (int k = 0; k < query->n_cases; k++) {
    const PropCase *const c = &prop->cases[query->first_case + k];
    if (!c->n_rows) b[query->row[k]] = -1;
    for (int j = 0; j < c->n_rows; j++) {
      const size_t r = (size_t)(query->row[k] + j);
      fill_row(&c->rows[j], W + r * cols, &b[r], &b_err[r]);
      node.w_rel = fmax(node.w_rel, c->rows[j].coef_rel);
      if (b_err[r] > 0) node.b_err = b_err;
    }
  }
  const int in = net->n_nodes - 1;
  net_add(net, &node, &in, 1);
}

static void check(const Net *net, const Prop *prop, int q)
{
  STATUS_REQUIRE(q >= 0 && q < query_count(prop), "no such query");
  STATUS_REQUIRE(net_in_size(net) == prop->n_in && net_out_size(net) == prop->n_out,
                 "network and specification must fit");
}

/* The view is taken. */
static void build(Net *view, const Prop *prop, int q, Query *query)
{
  *query = (Query){.net = view, .box = &prop->boxes[q]};
  query->first_case = first_case(prop, q);
  query->n_cases = first_case(prop, q + 1) - query->first_case;
  view->ball = query->box->ball;
  STATUS_REQUIRE(!view->ball || view->ball->n == net_in_size(view), "ball must fit");
  STATUS_REQUIRE(query->n_cases > 0, "prop_finish has not been called");
  query->row = mem_array((size_t)query->n_cases + 1, sizeof *query->row);
  add_margin(prop, query);
}

void query_build(const Net *net, const Prop *prop, int q, Query *query)
{
  check(net, prop, q);
  build(share(net), prop, q, query);
}

bool query_build_float32(const Net *net, const Prop *prop, int q, Query *query,
                         const char **where)
{
  check(net, prop, q);
  Net *view = rounded_net(net, prop->boxes[q].lo, prop->boxes[q].hi, where);
  if (view) build(view, prop, q, query);
  return view != NULL;
}

bool query_relus(const Query *query, Query *to)
{
  Net *const net = relus_net(query->net);
  *to = (Query){0};
  if (!net) return false;
  *to = *query;
  to->net = net;
  const size_t n = (size_t)query->n_cases + 1;
  to->row = mem_array(n, sizeof *to->row);
  memcpy(to->row, query->row, n * sizeof *to->row);
  return true;
}

void query_reset(Query *query)
{
  net_free(query->net);
  mem_free(query->row);
  *query = (Query){0};
}
