/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/proof_tree.h"

#include "net/base/mem.h"
#include "specs/check/certificate.h"

static void case_list(Proof *proof, int tag, int n_cases, const int *cases)
{
  ProofText text = {0};
  proof_number(&text, (size_t)n_cases);
  for (int i = 0; i < n_cases; i++)
    proof_number(&text, (size_t)(cases[i] - (i ? cases[i - 1] : 0)));
  proof_append(proof, tag, &text);
  proof_flush(proof);
  proof_text_free(&text);
}

void proof_tree_boxes(Proof *proof, Spill *spill, const Frontier *frontier, int n_cases,
                      const int *cases)
{
  ProofText text = {0};
  int id;
  case_list(proof, CERTIFICATE_BOXES, n_cases, cases);
  spill_rewind(spill);
  while (spill_next(spill, &id, &text))
    proof_append(proof, CERTIFICATE_BOX_EVENT, &text);
  if (!spill_ok(spill)) proof_fail(proof);
  text.n = 0;
  proof_number(&text, frontier->n_history);
  for (size_t r = 0; r < frontier->n_history; r++) {
    const RegionHistory *h = &frontier->history[r];
    proof_number(&text, (size_t)(h->axis + 1));
    if (h->axis < 0) continue;
    proof_f64(&text, h->mid);
    proof_number(&text, (size_t)h->kid);
  }
  proof_append(proof, CERTIFICATE_BOX_TREE, &text);
  proof_flush(proof);
  proof_text_free(&text);
}

/* New numbers for the nodes under the roots, these first, siblings side by side: their
 * number; order[new] = old, fresh[old] = new or -1. */
static int renumber(const Tree *tree, int n_roots, const int *roots, int *order,
                    int *fresh)
{
  int n = 0;
  for (size_t i = 0; i < tree->n_history; i++)
    fresh[i] = -1;
  for (int i = 0; i < n_roots; i++)
    order[n++] = roots[i];
  for (int i = 0; i < n; i++) {
    const History *h = &tree->history[order[i]];
    fresh[order[i]] = i;
    if (h->state != TREE_SPLIT) continue;
    order[n++] = h->kid;
    order[n++] = h->kid + 1;
  }
  return n;
}

static void add_structure(const Proof *proof, const Tree *tree, int n, const int *order,
                          const int *fresh, ProofText *text)
{
  proof_number(text, (size_t)n);
  for (int i = 0; i < n; i++) {
    const History *h = &tree->history[order[i]];
    proof_number(text, h->state == TREE_SPLIT ? (size_t)fresh[h->kid] : 0);
    if (h->state != TREE_SPLIT) continue;
    const Decision *d = &tree->history[h->kid].decision;
    proof_number(text, (size_t)proof_node(proof, d->node));
    proof_number(text, (size_t)d->factor);
    proof_number(text, (size_t)proof_element(proof, d->node, d->index));
    proof_byte(text, d->at != 0);
    if (d->at != 0) proof_f64(text, d->at);
  }
}

void proof_tree_signs(Proof *proof, Spill *spill, const Tree *tree, int n_cases,
                      const int *cases, const int *roots)
{
  int *order = mem_array(tree->n_history, sizeof *order);
  int *fresh = mem_array(tree->n_history, sizeof *fresh);
  const int n = renumber(tree, n_cases, roots, order, fresh);
  ProofText text = {0}, event = {0};
  int id;
  case_list(proof, CERTIFICATE_SIGNS, n_cases, cases);
  spill_rewind(spill);
  while (spill_next(spill, &id, &text)) {
    if (fresh[id] < 0) continue;
    event.n = 0;
    proof_number(&event, (size_t)fresh[id]);
    proof_bytes(&event, text.at, text.n);
    proof_append(proof, CERTIFICATE_SIGN_EVENT, &event);
  }
  if (!spill_ok(spill)) proof_fail(proof);
  text.n = 0;
  add_structure(proof, tree, n, order, fresh, &text);
  proof_append(proof, CERTIFICATE_SIGN_TREE, &text);
  proof_flush(proof);
  proof_text_free(&text);
  proof_text_free(&event);
  mem_free(order);
  mem_free(fresh);
}
