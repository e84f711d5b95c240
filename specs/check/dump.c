/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/check/dump.h"

static void numbers(FILE *out, const char *name, const double *x, size_t n, long limit)
{
  if (!x) return;
  const size_t some = limit >= 0 && n > (size_t)limit ? (size_t)limit : n;
  fprintf(out, "  %s", name);
  for (size_t i = 0; i < some; i++)
    fprintf(out, " %.17g", x[i]);
  fprintf(out, some < n ? " ... %zu more\n" : "\n", n - some);
}

static void integers(FILE *out, const char *name, const int *x, size_t n, long limit)
{
  const size_t some = limit >= 0 && n > (size_t)limit ? (size_t)limit : n;
  fprintf(out, "  %s", name);
  for (size_t i = 0; i < some; i++)
    fprintf(out, " %d", x[i]);
  fprintf(out, some < n ? " ... %zu more\n" : "\n", n - some);
}

static void one_node(FILE *out, const Net *net, int k, long limit)
{
  const Node *const node = &net->nodes[k];
  const Conv *const v = &node->conv;
  const size_t size = (size_t)node->size;
  fprintf(out, "node %d %s \"%s\" size %d inputs", k,
          node->kind == NODE_ACT ? act_name(node->act) : net_kind_name(node->kind),
          node->name ? node->name : "", node->size);
  for (int p = 0; p < node->n_in; p++)
    fprintf(out, " %s%d", node->kind == NODE_ADD && node->coef[p] < 0 ? "-" : "",
            node->in[p]);
  fprintf(out, "\n");
  if (node->kind == NODE_DENSE) {
    fprintf(out, "  reps %d rows %d cols %d\n", node->reps, node->rows, node->cols);
    numbers(out, "W", node->W, (size_t)node->rows * (size_t)node->cols, limit);
    numbers(out, "b", node->b, (size_t)node->rows, limit);
    numbers(out, "b_err", node->b_err, (size_t)node->rows, limit);
  } else if (node->kind == NODE_CONV) {
    fprintf(out,
            "  in %d x %d x %d out %d x %d x %d kernel %d x %d strides %d %d dilations "
            "%d %d pads %d %d groups %d\n",
            v->c_in, v->h_in, v->w_in, v->c_out, v->h_out, v->w_out, v->kh, v->kw,
            v->sh, v->sw, v->dh, v->dw, v->pt, v->pl, v->groups);
    numbers(out, "W", node->W,
            (size_t)v->c_out * (size_t)(v->c_in / v->groups) * (size_t)v->kh *
                (size_t)v->kw,
            limit);
    numbers(out, "b", node->b, (size_t)v->c_out, limit);
    numbers(out, "b_err", node->b_err, (size_t)v->c_out, limit);
  } else if (node->kind == NODE_SCALE) {
    numbers(out, "scale", node->scale, size, limit);
    numbers(out, "shift", node->shift, size, limit);
    numbers(out, "b_err", node->b_err, size, limit);
  } else if (node->kind == NODE_MAP) {
    integers(out, "map", node->map, size, limit);
  }
  if (node->w_rel > 0) fprintf(out, "  w_rel %.17g\n", node->w_rel);
}

void dump_query(FILE *out, const Query *query, int q, long limit)
{
  fprintf(out, "query %d: %d nodes, %d cases\n", q, query->net->n_nodes,
          query->n_cases);
  for (int k = 0; k < query->net->n_nodes; k++)
    one_node(out, query->net, k, limit);
  fprintf(out, "box\n");
  numbers(out, "lo", query->box->lo, (size_t)query->box->n, limit);
  numbers(out, "hi", query->box->hi, (size_t)query->box->n, limit);
  const Ball *const ball = query->box->ball;
  if (ball) {
    fprintf(out, "ball %s r %.17g k %d\n", ball_norm_word(ball->norm), ball->outer,
            ball->k);
    numbers(out, "c", ball->c, (size_t)ball->n, limit);
    numbers(out, "c_lo", ball->c_lo, (size_t)ball->n, limit);
    numbers(out, "c_hi", ball->c_hi, (size_t)ball->n, limit);
  }
  for (int c = 0; c < query->n_cases; c++)
    fprintf(out, "case %d: elements %d to %d of node %d\n", c, query->row[c],
            query->row[c + 1] - 1, query->net->n_nodes - 1);
}
