/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/lp.h"

#include <glpk.h>
#include <math.h>
#include <setjmp.h>
#include <string.h>

#include "net/base/mem.h"

/* Below this a coefficient is noise of the substitution; the LP is only advice. */
#define DROP 1e-13

/* What a neuron adds: an unstable one a column and two rows, one with a cut the row of
 * its assumption. */
typedef struct {
  int node, index;  /* activation node and neuron */
  int column;       /* of a_i, 1-based; 0: cut */
  int above, below; /* rows a >= z and a <= s (z - l), 1-based */
  int cut;          /* row z >= 0 or z <= 0 */
} Neuron;

typedef struct {
  const Bounds *b;
  Linop *op;
  int n_cols; /* columns so far, t excluded */
  int max_cols;
  double **expr;  /* expr[k]: [1 + max_cols][size_k], row 0 the constant, row c the
                   * coefficient of column c; NULL when not live */
  int *input_col; /* column of input i, 0 for a point */
  Neuron *neurons;
  int n_neurons;
  glp_prob *lp;
  int *index; /* scratch for one row, 1-based */
  double *value;
  double *y, *ray; /* row duals and a direction of them, 1-based */
  LpCuts *cuts;    /* the caller's, or NULL */
} Model;

/* ---- GLPK's errors ------------------------------------------------------- */

static _Thread_local jmp_buf fault;

static void on_fault(void *info)
{
  (void)info;
  longjmp(fault, 1);
}

/* GLPK talks through a hook; 1 tells it that nothing is to be printed. */
static int silent(void *info, const char *text)
{
  (void)info;
  (void)text;
  return 1;
}

void lp_release(void)
{
  glp_free_env();
}

/* ---- affine expressions -------------------------------------------------- */

static double *new_expr(const Model *m, int k)
{
  return mem_doubles0((size_t)(m->max_cols + 1) * (size_t)m->b->net->nodes[k].size);
}

static double *coef(const Model *m, int k, int column)
{
  return m->expr[k] + (size_t)column * (size_t)m->b->net->nodes[k].size;
}

static void input_expr(Model *m)
{
  const int n = net_in_size(m->b->net);
  m->expr[0] = new_expr(m, 0);
  for (int i = 0; i < n; i++) {
    const double lo = m->b->lo[0][i], hi = m->b->hi[0][i];
    if (lo == hi) {
      coef(m, 0, 0)[i] = lo;
      continue;
    }
    m->input_col[i] = ++m->n_cols;
    coef(m, 0, m->n_cols)[i] = 1;
    glp_add_cols(m->lp, 1);
    glp_set_col_bnds(m->lp, m->n_cols, GLP_DB, lo, hi);
  }
}

/* A linear node: the operator applied to every column; the bias goes to row 0. */
static void linear_expr(Model *m, int k)
{
  const Node *v = &m->b->net->nodes[k];
  m->expr[k] = new_expr(m, k);
  linop_forward(m->op, k, m->n_cols + 1, m->expr, m->expr[k]);
  int stride, period;
  const double *bias = linop_bias(v, &stride, &period);
  for (int c = 1; bias && c <= m->n_cols; c++)
    for (int i = 0; i < v->size; i++)
      coef(m, k, c)[i] -= bias[i % period / stride];
}

/* Add the row  sign_a a + sign_z z  in [lo, hi] with z = expression i of node j. */
static int add_row(Model *m, int column, double a, double z, int j, int i, int type,
                   double bound)
{
  int n = 0;
  for (int c = 1; c <= m->n_cols; c++) {
    const double w = z * coef(m, j, c)[i];
    if (c == column || fabs(w) < DROP) continue;
    m->index[++n] = c;
    m->value[n] = w;
  }
  if (column) {
    m->index[++n] = column;
    m->value[n] = a;
  }
  const int row = glp_add_rows(m->lp, 1);
  const double rhs = bound - z * coef(m, j, 0)[i];
  glp_set_row_bnds(m->lp, row, type, rhs, rhs);
  glp_set_mat_row(m->lp, row, n, m->index, m->value);
  return row;
}

static bool act_expr(Model *m, int k)
{
  const Node *v = &m->b->net->nodes[k];
  const int j = v->in[0];
  m->expr[k] = new_expr(m, k);
  for (int i = 0; i < v->size; i++) {
    const double l = m->b->lo[j][i], u = m->b->hi[j][i], s = u / (u - l);
    if (m->b->cut[j][i] && m->b->bend_lo[j][i] < m->b->bend_hi[j][i]) {
      Neuron *neuron = &m->neurons[m->n_neurons++];
      *neuron = (Neuron){.node = k, .index = i};
      neuron->cut = add_row(m, 0, 0, 1, j, i, l >= 0 ? GLP_LO : GLP_UP, 0);
    }
    if (u <= 0) continue;
    if (l >= 0) {
      for (int c = 0; c <= m->n_cols; c++)
        coef(m, k, c)[i] = coef(m, j, c)[i];
      continue;
    }
    if (m->n_cols == m->max_cols) return false;
    Neuron *neuron = &m->neurons[m->n_neurons++];
    *neuron = (Neuron){.node = k, .index = i};
    neuron->column = glp_add_cols(m->lp, 1);
    glp_set_col_bnds(m->lp, neuron->column, GLP_DB, 0, u);
    neuron->above = add_row(m, neuron->column, 1, -1, j, i, GLP_LO, 0);
    neuron->below = add_row(m, neuron->column, 1, -s, j, i, GLP_UP, -s * l);
    m->n_cols++;
    coef(m, k, neuron->column)[i] = 1;
  }
  return true;
}

static bool build(Model *m, int start, const Stop *stop)
{
  input_expr(m);
  for (int k = 1; k <= start; k++) {
    const Node *v = &m->b->net->nodes[k];
    if (net_is_nonlinear(v)) {
      if (!act_expr(m, k)) return false;
    } else {
      linear_expr(m, k);
    }
    if (stop_why(stop)) return false;
  }
  return true;
}

/* t and the rows t - m_j >= 0 of the case; returns the first of them. */
static int objective_rows(Model *m, const Objective *o)
{
  const int t = glp_add_cols(m->lp, 1);
  glp_set_col_bnds(m->lp, t, GLP_FR, 0, 0);
  glp_set_obj_dir(m->lp, GLP_MIN);
  glp_set_obj_coef(m->lp, t, 1);
  int first = 0;
  for (int j = 0; j < o->count[0]; j++) {
    const int row = add_row(m, t, 1, -1, o->start, o->first[0] + j, GLP_LO, 0);
    if (!first) first = row;
  }
  return first;
}

/* ---- starting basis ------------------------------------------------------ */

/* The basis of backward bounds with slopes rounded to 0 or 1.  It is dual
 * feasible, so the dual simplex method starts from their bound and only climbs: one
 * constraint of every neuron is active, the one its relaxation leans on. */
static void start_basis(Model *m, Lagrangian *L, const Objective *o, int first_row,
                        double *const *alpha, double *corner)
{
  LagrangianBatch batch = objective_batch(o);
  const LagrangianGradient out = {.x0 = corner};
  double lower;
  batch.keep = true;
  batch.alpha = alpha;
  lagrangian_bound(L, m->b, &batch, &lower);
  lagrangian_gradient(L, &batch, &out);
  glp_std_basis(m->lp);
  for (int i = 0; i < net_in_size(m->b->net); i++)
    if (m->input_col[i])
      glp_set_col_stat(m->lp, m->input_col[i],
                       corner[i] == m->b->lo[0][i] ? GLP_NL : GLP_NU);
  for (int q = 0; q < m->n_neurons; q++) {
    const Neuron *n = &m->neurons[q];
    if (n->cut || !lagrangian_lambda(L, n->node))
      continue; /* slack, or does not reach the objective */
    const double lambda = lagrangian_lambda(L, n->node)[n->index];
    const double slope = lagrangian_slope(L, n->node)[n->index];
    const int active = lambda < 0 ? n->below : slope >= 0.5 ? n->above : 0;
    if (active) {
      glp_set_row_stat(m->lp, active, active == n->above ? GLP_NL : GLP_NU);
      glp_set_col_stat(m->lp, n->column, GLP_BS);
    } else {
      glp_set_col_stat(m->lp, n->column, GLP_NL);
    }
  }
  int heaviest = 0;
  for (int j = 1; j < o->count[0]; j++)
    if (o->c[o->first[0] + j] > o->c[o->first[0] + heaviest]) heaviest = j;
  glp_set_row_stat(m->lp, first_row + heaviest, GLP_NL);
  glp_set_col_stat(m->lp, m->n_cols + 1, GLP_BS);
}

/* ---- duals into the Lagrangian ------------------------------------------- */

static void read_duals(const Model *m, Objective *o, int first_row, double **mu,
                       double **beta)
{
  const double *y = m->y;
  double sum = 0;
  for (int j = 0; j < o->count[0]; j++)
    sum += fmax(y[first_row + j], 0);
  for (int j = 0; sum > 0 && j < o->count[0]; j++)
    o->c[o->first[0] + j] = fmax(y[first_row + j], 0) / sum;
  /* Duals belong to t with coefficient 1; keep them in step with the weights. */
  const double unit = sum > 0 ? 1 / sum : 1;
  for (int q = 0; q < m->n_neurons; q++) {
    const Neuron *n = &m->neurons[q];
    const int j = m->b->net->nodes[n->node].in[0];
    if (n->cut) {
      beta[n->node][n->index] = -unit * y[n->cut];
      continue;
    }
    const double l = m->b->lo[j][n->index], u = m->b->hi[j][n->index], s = u / (u - l);
    mu[n->node][n->index] = unit * (y[n->above] + s * y[n->below]);
  }
}

void lp_cuts_free(LpCuts *cuts)
{
  mem_free(cuts->node);
  mem_free(cuts->index);
  mem_free(cuts->beta);
  *cuts = (LpCuts){.n = 0};
}

static void read_cuts(const Model *m, double **beta)
{
  LpCuts *cuts = m->cuts;
  lp_cuts_free(cuts);
  cuts->node = mem_array((size_t)m->n_neurons + 1, sizeof *cuts->node);
  cuts->index = mem_array((size_t)m->n_neurons + 1, sizeof *cuts->index);
  cuts->beta = mem_doubles((size_t)m->n_neurons + 1);
  for (int q = 0; q < m->n_neurons; q++) {
    const Neuron *n = &m->neurons[q];
    if (!n->cut) continue;
    cuts->node[cuts->n] = n->node;
    cuts->index[cuts->n] = n->index;
    cuts->beta[cuts->n++] = beta[n->node][n->index];
  }
}

static void prove(const Model *m, Lagrangian *L, Objective *o, int first_row,
                  LpResult *result)
{
  double **mu = lagrangian_new_multipliers(m->b->net, 1);
  double **beta = lagrangian_new_multipliers(m->b->net, 1);
  read_duals(m, o, first_row, mu, beta);
  LagrangianBatch batch = objective_batch(o);
  batch.mu = mu;
  batch.beta = beta;
  double lower;
  lagrangian_bound(L, m->b, &batch, &lower);
  if (lower > result->lower) result->lower = lower;
  if (m->cuts && lower > 0) read_cuts(m, beta);
  lagrangian_free_multipliers(m->b->net, mu);
  lagrangian_free_multipliers(m->b->net, beta);
}

/* By how much a variable (rows first, then columns) is below its lower bound, negative,
 * or above its upper one. */
static double violation(glp_prob *lp, int variable)
{
  const int rows = glp_get_num_rows(lp), column = variable - rows;
  const bool is_row = variable <= rows;
  const double x =
      is_row ? glp_get_row_prim(lp, variable) : glp_get_col_prim(lp, column);
  const double lo = is_row ? glp_get_row_lb(lp, variable) : glp_get_col_lb(lp, column);
  const double hi = is_row ? glp_get_row_ub(lp, variable) : glp_get_col_ub(lp, column);
  return x < lo ? x - lo : x > hi ? x - hi : 0;
}

/* A branch without inputs: the duals grow without limit along a ray, and the bound with
 * them.  The ray is the gradient of the violation that could not be removed: of one
 * basic variable, or, where GLPK ended in its first phase, of all of them.  Returns
 * what the bound gains per unit of the ray, 0 when there is none. */
static double find_ray(const Model *m, double *ray)
{
  const int rows = glp_get_num_rows(m->lp), one = glp_get_unbnd_ray(m->lp);
  double gain = 0;
  if (!glp_bf_exists(m->lp) && glp_factorize(m->lp) != 0) return 0;
  for (int i = 1; i <= rows; i++) {
    const int variable = glp_get_bhead(m->lp, i);
    const double v = one && variable != one ? 0 : violation(m->lp, variable);
    ray[i] = v < 0 ? 1 : v > 0 ? -1 : 0;
    gain += fabs(v);
  }
  if (gain > 0) glp_btran(m->lp, ray);
  return gain;
}

/* Lengths of the ray, in units that lift the bound above 0: what rounding costs is
 * unknown. */
static const double ray_lengths[] = {2, 2e3, 2e6};

static void prove_empty(Model *m, Lagrangian *L, Objective *o, int first_row,
                        LpResult *result)
{
  const int rows = glp_get_num_rows(m->lp);
  const double gain = find_ray(m, m->ray);
  if (!(gain > 0)) return;
  const double unit = (1 + fabs(glp_get_obj_val(m->lp))) / gain;
  for (size_t t = 0; t < sizeof ray_lengths / sizeof *ray_lengths; t++) {
    if (result->lower > 0) return;
    for (int i = 1; i <= rows; i++)
      m->y[i] = glp_get_row_dual(m->lp, i) + ray_lengths[t] * unit * m->ray[i];
    prove(m, L, o, first_row, result);
  }
}

static void use_duals(Model *m, Lagrangian *L, Objective *o, int first_row,
                      LpResult *result)
{
  const int rows = glp_get_num_rows(m->lp);
  m->y = mem_doubles((size_t)rows + 1);
  m->ray = mem_doubles((size_t)rows + 1);
  for (int i = 1; i <= rows; i++)
    m->y[i] = glp_get_row_dual(m->lp, i);
  prove(m, L, o, first_row, result);
  if (glp_get_prim_stat(m->lp) == GLP_NOFEAS) prove_empty(m, L, o, first_row, result);
}

static void read_point(const Model *m, double *point)
{
  for (int i = 0; i < net_in_size(m->b->net); i++) {
    const double lo = m->b->lo[0][i], hi = m->b->hi[0][i];
    const double x = m->input_col[i] ? glp_get_col_prim(m->lp, m->input_col[i]) : lo;
    point[i] = x >= lo && x <= hi ? x : x > hi ? hi : lo;
  }
}

/* ---- one linear program -------------------------------------------------- */

static Model model_new(Lagrangian *L, const Bounds *b, int max_cols, int max_neurons,
                       LpCuts *cuts)
{
  const size_t n = (size_t)b->net->n_nodes;
  Model m = {.b = b, .op = lagrangian_linop(L), .max_cols = max_cols, .cuts = cuts};
  m.expr = mem_zero(n, sizeof *m.expr);
  m.input_col = mem_zero((size_t)net_in_size(b->net), sizeof *m.input_col);
  m.neurons = mem_array((size_t)max_neurons + 1, sizeof *m.neurons);
  m.index = mem_array((size_t)max_cols + 3, sizeof *m.index);
  m.value = mem_doubles((size_t)max_cols + 3);
  return m;
}

static void model_free(Model *m)
{
  for (int k = 0; k < m->b->net->n_nodes; k++)
    mem_free(m->expr[k]);
  mem_free(m->expr);
  mem_free(m->input_col);
  mem_free(m->neurons);
  mem_free(m->index);
  mem_free(m->value);
  mem_free(m->y);
  mem_free(m->ray);
}

/* Everything that calls GLPK; an error inside it returns to lp_bound. */
static bool solve(Model *m, Lagrangian *L, Objective *o, double *const *alpha,
                  const Stop *stop, LpResult *result, double *point, double *corner)
{
  m->lp = glp_create_prob();
  if (!build(m, o->start, stop)) return false;
  const int first_row = objective_rows(m, o);
  start_basis(m, L, o, first_row, alpha, corner);
  glp_smcp parm;
  glp_init_smcp(&parm);
  parm.msg_lev = GLP_MSG_OFF;
  parm.meth = GLP_DUALP;
  /* On badly scaled programs the simplex method can cycle. */
  parm.it_lim = 100 * (glp_get_num_rows(m->lp) + glp_get_num_cols(m->lp)) + 1000;
  const double left = stop_seconds_left(stop);
  if (left < 1e6) parm.tm_lim = (int)(left * 1000) + 1;
  const int rc = glp_simplex(m->lp, &parm);
  result->pivots = glp_get_it_cnt(m->lp);
  result->solved = rc == 0 && glp_get_status(m->lp) == GLP_OPT;
  if (result->solved) result->optimum = glp_get_obj_val(m->lp);
  if (rc != 0 && rc != GLP_ETMLIM && rc != GLP_EITLIM) return false;
  use_duals(m, L, o, first_row, result);
  if (point) read_point(m, point);
  return true;
}

/* ReLUs are all that the program can say. */
static bool has_other_functions(const Net *net)
{
  for (int k = 0; k < net->n_nodes; k++)
    if (net_is_nonlinear(&net->nodes[k]) &&
        (net->nodes[k].kind != NODE_ACT || net->nodes[k].act != ACT_RELU))
      return true;
  return false;
}

bool lp_bound(Lagrangian *L, const Bounds *b, Objective *objective, int max_columns,
              double *const *alpha, const Stop *stop, LpResult *result, double *point,
              LpCuts *cuts)
{
  STATUS_REQUIRE(b->n_box == 1 && objective->n_rows == 1 && objective->count,
                 "one box and one case");
  *result = (LpResult){.optimum = NAN, .lower = -INFINITY};
  if (has_other_functions(b->net)) return false;
  int columns = 0, neurons = 0;
  for (int i = 0; i < net_in_size(b->net); i++)
    columns += b->lo[0][i] < b->hi[0][i];
  for (int k = 0; k < b->net->n_nodes; k++)
    for (int i = 0; b->pre[k] >= 0 && i < b->net->nodes[k].size; i++) {
      columns += bounds_unstable(b, k, 0, i);
      neurons += bounds_unstable(b, k, 0, i) || b->cut[k][i];
    }
  if (columns > max_columns) return false;
  double *corner = mem_doubles((size_t)net_in_size(b->net));
  Model model = model_new(L, b, columns + 1, neurons, cuts);
  Model *volatile kept = &model;
  bool ok = false;
  glp_term_hook(silent, NULL);
  glp_error_hook(on_fault, NULL);
  if (setjmp(fault) == 0) {
    ok = solve(&model, L, objective, alpha, stop, result, point, corner);
    glp_delete_prob(model.lp);
  } else {
    /* After a fault every GLPK object of this thread is dead. */
    glp_free_env();
  }
  glp_error_hook(NULL, NULL);
  model_free(kept);
  mem_free(corner);
  return ok;
}
