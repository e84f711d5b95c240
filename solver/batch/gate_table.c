/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/gate_table.h"

#include "net/base/mem.h"
#include "solver/batch/escape.h"

static const char *evidence_words(const GateItem *item)
{
  switch (item->state) {
  case GATE_VERIFIED:
    return item->is_accepted       ? "certificate accepted"
           : item->has_certificate ? "certificate"
                                   : "-";
  case GATE_FALSIFIED:
    return item->kind && *item->kind == 'r' ? "witness, robust" : "witness, borderline";
  case GATE_UNDECIDED:
  case GATE_REJECTED:
  case GATE_ERROR:
    break;
  }
  return "-";
}

/* Appends a line with nothing in it that moves the cursor. */
static void add_line(Text *out, Text *line)
{
  escape_line(out, line->s);
  text_add(out, "\n");
  text_free(line);
}

static void add_row(Text *out, const GateItem *item)
{
  Text line = {0}, word = {0};
  text_add(&word, "%s%s", item->is_warning ? "warning: " : "", gate_word(item->state));
  if (item->reason) text_add(&word, " (%s)", item->reason);
  text_add(&line, "%-10s %8.2f  %-20s  %s: ", word.s, item->seconds,
           evidence_words(item), item->check->name);
  text_free(&word);
  gate_title(item, &line);
  if (item->is_cached) text_add(&line, "  (cached)");
  add_line(out, &line);
  if (item->state == GATE_FALSIFIED) {
    text_add(&line, "    violated: ");
    gate_violation(item, &line);
    if (item->witness) text_add(&line, "; %s", item->witness);
    add_line(out, &line);
  }
  if (*item->message) {
    text_add(&line, "    %s", item->message);
    add_line(out, &line);
  }
}

void gate_table_summary(const Gate *gate, Text *out)
{
  static const GateState states[] = {GATE_VERIFIED, GATE_FALSIFIED, GATE_UNDECIDED,
                                     GATE_REJECTED, GATE_ERROR};
  text_add(out, "%d checked:", gate->n);
  const char *comma = "";
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
    const int n = gate_count(gate, states[i]);
    if (!n) continue;
    text_add(out, "%s %d %s%s", comma, n, gate_word(states[i]),
             states[i] == GATE_ERROR && n > 1 ? "s" : "");
    comma = ",";
  }
}

void gate_table_print(const Gate *gate, Text *out)
{
  int warnings = 0;
  text_add(out, "%-10s %8s  %-20s  %s\n", "verdict", "seconds", "evidence",
           "check: network specification");
  for (int i = 0; i < gate->n; i++) {
    add_row(out, &gate->items[i]);
    warnings += gate->items[i].is_warning;
  }
  text_add(out, "gate %s: ",
           gate_exit_status(gate) ? "failed"
           : warnings             ? "passed with warnings"
                                  : "passed");
  gate_table_summary(gate, out);
  text_add(out, "\n");
}
