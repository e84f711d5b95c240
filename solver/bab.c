/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/bab.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/base/clock.h"
#include "net/base/mem.h"
#include "solver/group.h"
#include "solver/group_proof.h"
#include "solver/progress.h"
#include "solver/proof_tree.h"
#include "solver/tree.h"

/* Nodes in work at once, when nobody says otherwise. */
#define BATCH 64
/* The first attack from random points comes after so many nodes. */
#define FIRST_ATTACK 128
/* Candidates of which both signs are probed, and the most terms of a network for that.
 */
#define PROBED     128
#define MOST_TERMS ((size_t)1 << 22)
/* Points tried as witnesses after each batch. */
#define PROBES 8
/* How far the first step from there goes, in half-widths of the box. */
#define PROBE_REACH 0.1

typedef struct {
  const Team *team;
  const Query *query;
  const BabParams *params;
  Attack *attack;
  const Stop *stop;
  Result *result;
  Group group;
  GroupWorker **workers; /* one for each thread */
  Rows *rows;            /* of group; owned */
  int batch;
  int n_open, *open; /* open cases, from query->first_case */
  int *roots;        /* int roots[n_open]: their nodes in the tree */
  long *open_nodes;  /* long open_nodes[n_open]: not closed yet */
  double *closed;    /* double closed[n_open]: smallest bound over closed nodes */
  Tree tree;
  Spill *spill; /* what closes nodes; NULL: no certificate is wanted */
  int n_parts;
  GroupPart *parts; /* GroupPart parts[batch] */
  double *corner;   /* double corner[batch][inputs]: where each bound is attained */
  double *points;   /* double points[batch + PROBES][inputs] */
  int *probe_case;  /* and the case of each */
  long next_attack;
  BabStats stats;
  double began;
} Search;

static bool has_mute_case(const Search *s)
{
  for (int c = 0; c < s->n_open; c++) {
    const int k = s->open[c];
    if (group_is_mute(&s->group, k, s->result->cases[s->query->first_case + k].lower))
      return true;
  }
  return false;
}

/* ---- set-up ------------------------------------------------------------ */

/* Below a decision in the only hidden layer there is nothing to bound again. */
static bool has_later_layers(const Net *net)
{
  int layers = 0;
  for (int k = 0; k < net->n_nodes; k++)
    layers += net_is_nonlinear(&net->nodes[k]);
  return layers > 1;
}

static void list_cases(Search *s)
{
  const Query *query = s->query;
  Group *g = &s->group;
  s->open = mem_array((size_t)query->n_cases, sizeof *s->open);
  for (int k = 0; k < query->n_cases; k++) {
    if (s->result->cases[query->first_case + k].lower > 0) continue;
    s->open[s->n_open++] = k;
    const int count = query->row[k + 1] - query->row[k];
    if (count > g->max_count) g->max_count = count;
  }
  g->open = s->open;
}

/* Whether a checker has the equations of the network, with weights that are exact. */
static bool are_common_equations(const Search *s)
{
  const Net *net = s->query->net;
  bool exact = !s->params->is_fused;
  for (int k = 0; k < net->n_nodes; k++)
    exact = exact && net->nodes[k].w_rel == 0;
  return exact;
}

static void group_init(Search *s)
{
  Group *g = &s->group;
  const Net *net = s->query->net;
  const BabParams *params = s->params;
  const int rows = lagrangian_max_rows(s->team->member[0]);
  g->size = group_size(net);
  if (g->size > rows) g->size = rows;
  g->look_ahead = params->retighten && has_later_layers(net) ? 0 : params->look_ahead;
  g->certifies = params->proof != NULL;
  if (params->contract && (!params->proof || are_common_equations(s)) &&
      has_mute_case(s))
    g->rows = s->rows = rows_new(net, MOST_TERMS);
  g->n_candidates = g->look_ahead > 1 ? g->look_ahead : 1;
  if (g->rows && g->n_candidates < PROBED) g->n_candidates = PROBED;
  g->tree = &s->tree;
  g->slots = (SlotLayout){.packed = g->packed,
                          .max_count = g->max_count,
                          .has_inputs = params->contract,
                          .has_intervals = params->retighten};
}

static void search_init(Search *s)
{
  const size_t inputs = (size_t)net_in_size(s->query->net);
  /* A node always has two children. */
  s->batch = s->params->batch ? s->params->batch : BATCH;
  if (s->batch < 2) s->batch = 2;
  const size_t batch = (size_t)s->batch;
  list_cases(s);
  group_init(s);
  if (s->params->proof) s->spill = spill_new();
  s->roots = mem_array((size_t)s->n_open + 1, sizeof *s->roots);
  s->open_nodes = mem_zero((size_t)s->n_open + 1, sizeof *s->open_nodes);
  s->closed = mem_doubles((size_t)s->n_open + 1);
  for (int c = 0; c < s->n_open; c++)
    s->closed[c] = DBL_MAX;
  s->workers = mem_zero((size_t)s->team->n, sizeof *s->workers);
  for (int i = 0; i < s->team->n; i++)
    s->workers[i] = group_worker_new(&s->group, s->team->member[i]);
  s->tree = tree_new(slot_bytes(&s->group.slots), s->params->memory_bytes);
  s->parts = mem_zero(batch, sizeof *s->parts);
  s->corner = mem_doubles(batch * inputs);
  s->points = mem_doubles((batch + PROBES) * inputs);
  s->probe_case = mem_array(batch + PROBES, sizeof *s->probe_case);
  s->next_attack = FIRST_ATTACK;
  s->began = clock_now();
}

static void search_free(Search *s)
{
  for (int i = 0; i < s->team->n; i++)
    group_worker_free(s->workers[i]);
  rows_free(s->rows);
  mem_free(s->workers);
  mem_free(s->open);
  mem_free(s->roots);
  mem_free(s->open_nodes);
  mem_free(s->closed);
  tree_free(&s->tree);
  for (int p = 0; p < s->batch; p++)
    proof_text_free(&s->parts[p].events);
  spill_free(s->spill);
  mem_free(s->parts);
  mem_free(s->corner);
  mem_free(s->points);
  mem_free(s->probe_case);
}

/* ---- the search -------------------------------------------------------- */

static void bound_group(void *context, int member, int i)
{
  Search *s = context;
  const int size = s->group.size, from = i * size;
  const int n = s->n_parts - from < size ? s->n_parts - from : size;
  group_bound(&s->group, s->workers[member], n, s->parts + from,
              s->corner + (size_t)from * (size_t)net_in_size(s->query->net));
}

static void add_part(Search *s, const TreeNode *parent, int id, int open_case,
                     Decision decision)
{
  ProofText events = s->parts[s->n_parts].events;
  events.n = 0;
  s->parts[s->n_parts++] =
      (GroupPart){.events = events,
                  .node = {.lower = parent ? parent->lower : -INFINITY,
                           .id = id,
                           .open_case = open_case,
                           .depth = parent ? parent->depth + 1 : 0,
                           .is_contracted = parent && parent->is_contracted,
                           .next = {.node = -1},
                           .slot = tree_take_slot(&s->tree)},
                  .parent = parent ? parent->slot : NULL,
                  .has_smaller_box = parent && parent->has_shrunk,
                  .beta = parent ? parent->beta[decision.positive] : 0,
                  .decision = decision};
}

/* Fill the batch with the children of the hardest nodes.  Returns false when there is
 * no memory left for them. */
static bool take_parts(Search *s)
{
  Tree *tree = &s->tree;
  s->n_parts = 0;
  while (tree->size && s->n_parts + 2 <= s->batch) {
    const TreeNode node = tree_pop(tree, tree_is_crowded(tree));
    const int kid = tree_split(tree, node.id, node.next);
    for (int i = 0; i < 2; i++)
      add_part(s, &node, kid + i, node.open_case, tree->history[kid + i].decision);
    s->open_nodes[node.open_case]++;
    if (!s->parts[s->n_parts - 1].node.slot) return false;
  }
  return true;
}

/* The same for the roots of open cases. */
static bool take_roots(Search *s, int *next)
{
  s->n_parts = 0;
  while (*next < s->n_open && s->n_parts < s->batch) {
    s->open_nodes[*next]++;
    s->roots[*next] = tree_add_root(&s->tree);
    add_part(s, NULL, s->roots[*next], *next, (Decision){.node = -1});
    ++*next;
    if (!s->parts[s->n_parts - 1].node.slot) return false;
  }
  return true;
}

static void close_part(Search *s, const GroupPart *part, TreeState state)
{
  const int c = part->node.open_case;
  s->tree.history[part->node.id].state = state;
  if (!part->is_empty)
    s->closed[c] = fmin(s->closed[c], part->node.lower);
  else if (part->node.is_contracted)
    s->closed[c] = fmin(s->closed[c], CONTRACT_MARGIN);
  if (state == TREE_STUCK) {
    s->stats.stuck++;
    return; /* stays open for ever */
  }
  s->stats.leaves++;
  if (--s->open_nodes[c] > 0) return;
  STATUS_REQUIRE(s->closed[c] < DBL_MAX, "not all branches of a box can be empty");
  STATUS_REQUIRE(tree_covers(&s->tree, s->roots[c]),
                 "closed leaves must cover the whole box");
  result_raise(s->result, s->query->first_case + s->open[c], s->closed[c], "bab");
}

static bool is_open(const GroupPart *part)
{
  return !part->is_empty && !(part->node.lower > 0);
}

static void spill_part(const Search *s, const GroupPart *part)
{
  ProofText event;
  for (size_t at = 0; group_proof_event(part, &at, &event);)
    spill_add(s->spill, part->node.id, &event);
}

/* Close the proved parts, put the others into the frontier, in a fixed order. */
static void sort_parts(Search *s)
{
  for (int p = 0; p < s->n_parts; p++) {
    GroupPart *part = &s->parts[p];
    if (part->node.depth > s->stats.depth) s->stats.depth = part->node.depth;
    if (s->spill) spill_part(s, part);
    if (!is_open(part))
      close_part(s, part, TREE_CLOSED);
    else if (part->node.next.node < 0)
      close_part(s, part, TREE_STUCK);
    else {
      tree_push(&s->tree, &part->node);
      continue;
    }
    tree_give_slot(&s->tree, part->node.slot);
  }
  /* The parents' slots are free once both children have been bounded. */
  for (int p = 0; p < s->n_parts; p += 2)
    if (s->parts[p].parent)
      tree_give_slot(&s->tree, (unsigned char *)s->parts[p].parent);
}

static void add_probe(const Search *s, int p, double *points, int *cases, int *found)
{
  const size_t n = (size_t)net_in_size(s->query->net);
  memcpy(points + (size_t)*found * n, s->corner + (size_t)p * n, n * sizeof *points);
  cases[(*found)++] = s->open[s->parts[p].node.open_case];
}

/* Try the points of all leaves that no bound has closed, where nothing is relaxed, and
 * those where the weakest bounds of other parts are attained. */
static bool probe(Search *s)
{
  double *points = s->points;
  int *cases = s->probe_case, found = 0;
  double above = -INFINITY;
  for (int p = 0; p < s->n_parts; p++)
    if (is_open(&s->parts[p]) && s->parts[p].node.next.node < 0)
      add_probe(s, p, points, cases, &found);
  for (int i = 0; i < PROBES; i++) {
    int worst = -1;
    for (int p = 0; p < s->n_parts; p++)
      if (is_open(&s->parts[p]) && s->parts[p].node.next.node >= 0 &&
          s->parts[p].node.lower > above &&
          (worst < 0 || s->parts[p].node.lower < s->parts[worst].node.lower))
        worst = p;
    if (worst < 0) break;
    above = s->parts[worst].node.lower;
    add_probe(s, worst, points, cases, &found);
  }
  const bool hit = found && attack_from(s->attack, found, points, cases,
                                        s->params->probe_steps, PROBE_REACH, s->stop);
  return hit;
}

/* The longer the search, the likelier a counterexample that no bound points at. */
static bool attack_again(Search *s)
{
  if (s->stats.nodes < s->next_attack) return false;
  s->next_attack = 2 * s->stats.nodes;
  return attack_random(s->attack, s->params->attack_restarts, LONG_MAX,
                       s->params->attack_steps, s->params->prng, s->stop);
}

/* What closed nodes, the frontier and the parts in work prove together. */
static void report(Search *s, bool in_work)
{
  double *rest = mem_doubles((size_t)s->n_open + 1);
  memcpy(rest, s->closed, (size_t)s->n_open * sizeof *rest);
  for (size_t i = 0; i < s->tree.size; i++) {
    const TreeNode *node = &s->tree.heap[i];
    rest[node->open_case] = fmin(rest[node->open_case], node->lower);
  }
  for (int p = 0; in_work && p < s->n_parts; p++)
    rest[s->parts[p].node.open_case] =
        fmin(rest[s->parts[p].node.open_case], s->parts[p].node.lower);
  for (int c = 0; c < s->n_open; c++)
    if (s->open_nodes[c] > 0 && rest[c] <= 0)
      result_raise(s->result, s->query->first_case + s->open[c], rest[c], "bab");
  mem_free(rest);
}

/* The trees of all cases that this search has proved. */
static void certify(const Search *s)
{
  int n = 0;
  int *cases = mem_array((size_t)s->n_open + 1, sizeof *cases);
  int *roots = mem_array((size_t)s->n_open + 1, sizeof *roots);
  for (int c = 0; c < s->n_open; c++) {
    if (!(s->result->cases[s->query->first_case + s->open[c]].lower > 0)) continue;
    cases[n] = s->open[c];
    roots[n++] = s->roots[c];
  }
  if (n) proof_tree_signs(s->params->proof, s->spill, &s->tree, n, cases, roots);
  mem_free(cases);
  mem_free(roots);
}

static void say(Search *s, bool has_roots)
{
  const ProgressSearch p = {.stage = "bab",
                            .seconds = clock_now() - s->began,
                            .nodes = s->stats.nodes,
                            .open = s->tree.size,
                            .depth = s->stats.depth,
                            .worst = s->tree.size ? s->tree.heap[0].lower : 0};
  progress_search(&p);
  if (!has_roots) return;
  double lower = p.worst;
  for (int c = 0; c < s->n_open; c++)
    lower = fmin(lower, s->closed[c]);
  result_search(s->result, s->query->first_case, s->query->n_cases, lower);
}

BabStats bab_search(const Team *team, const Query *query, const Bounds *root,
                    const Packed *packed, const Hints *hints, const BabParams *params,
                    Attack *attack, const Stop *stop, Result *result)
{
  Search s = {.team = team,
              .query = query,
              .group = {.query = query,
                        .root = root,
                        .packed = packed,
                        .hints = hints,
                        .params = params,
                        .stop = stop},
              .params = params,
              .attack = attack,
              .stop = stop,
              .result = result};
  search_init(&s);
  bool hit = false, cut_short = false;
  int next_root = 0;
  for (;;) {
    /* No memory for the nodes ends the search. */
    cut_short = !(next_root < s.n_open ? take_roots(&s, &next_root) : take_parts(&s));
    if (cut_short) result_give_up(result, RESULT_MEMORY);
    if (!s.n_parts || cut_short) break;
    cut_short = s.stats.nodes && s.stats.nodes + s.n_parts > params->max_nodes;
    if (cut_short) break;
    team_run(team, (s.n_parts + s.group.size - 1) / s.group.size, bound_group, &s);
    cut_short = stop_why(stop) != STOP_NO;
    if (cut_short) { /* the parts keep their parents' bounds */
      result_give_up(result, result_reason_of(stop_why(stop)));
      break;
    }
    s.stats.nodes += s.n_parts;
    sort_parts(&s);
    hit = attack && s.n_open && (probe(&s) || attack_again(&s));
    if (hit) break;
    say(&s, next_root == s.n_open);
  }
  if (!hit) report(&s, cut_short);
  if (s.spill && !hit) certify(&s);
  for (int i = 0; i < team->n; i++) {
    s.stats.lps += s.workers[i]->lps;
    s.stats.tightened += s.workers[i]->tightened;
  }
  const BabStats stats = s.stats;
  result_tree(result, &(TreeStats){.nodes = stats.nodes,
                                   .leaves = stats.leaves,
                                   .depth = stats.depth,
                                   .lps = stats.lps,
                                   .tightened = stats.tightened,
                                   .stuck = stats.stuck});
  search_free(&s);
  return stats;
}
