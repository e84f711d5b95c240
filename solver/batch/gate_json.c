/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/gate_json.h"

#include <string.h>

#include "solver/jsonout.h"

static void add_text(Text *out, const char *before, const char *text)
{
  text_add(out, "%s", before);
  if (text)
    jsonout_string(out, text);
  else
    text_add(out, "null");
}

static void add_number(Text *out, const char *before, double x)
{
  text_add(out, "%s", before);
  jsonout_number(out, x);
}

static const char *bool_word(bool x)
{
  return x ? "true" : "false";
}

/* A digest, null when the file could not be read. */
static void add_digest(Text *out, const char *sha256)
{
  add_text(out, ", \"sha256\": ", *sha256 ? sha256 : NULL);
}

static void add_files(Text *out, const GateItem *item)
{
  add_text(out, ",\n     \"network\": {\"path\": ", item->net);
  add_digest(out, item->net_sha256);
  add_text(out, "},\n     \"specification\": {\"path\": ", item->spec->path);
  add_digest(out, item->spec_sha256);
  if (item->spec->text)
    text_add(out, ", \"row\": %d, \"line\": %d", item->spec->row, item->spec->line);
  text_add(out, "}");
}

static void add_settings(Text *out, const ManifestCheck *c)
{
  add_text(out, ",\n     \"semantics\": ", c->semantics);
  add_number(out, ", \"timeout\": ", c->limits.timeout);
  text_add(out, ", \"memory\": ");
  if (c->limits.memory)
    text_add(out, "%d", c->limits.memory);
  else
    text_add(out, "null");
  text_add(out, ", \"options\": [");
  for (int i = 0; c->options && c->options[i]; i++)
    add_text(out, i ? ", " : "", c->options[i]);
  const bool both =
      (c->require & MANIFEST_CERTIFICATE) && (c->require & MANIFEST_ROBUST);
  text_add(out, "], \"require\": [%s%s%s], \"on_unknown\": \"%s\"",
           c->require & MANIFEST_CERTIFICATE ? "\"certificate\"" : "", both ? ", " : "",
           c->require & MANIFEST_ROBUST ? "\"robust-witness\"" : "",
           c->on_unknown == MANIFEST_WARN ? "warn" : "fail");
}

static void add_evidence(Text *out, const GateItem *item)
{
  add_text(out, ",\n     \"evidence\": {\"certificate\": ", item->certificate);
  text_add(out, ", \"accepted\": %s", bool_word(item->is_accepted));
  add_text(out, ", \"witness\": ", item->witness);
  add_text(out, ", \"kind\": ", item->kind);
  text_add(out, ", \"replayed\": %s}", bool_word(item->kind != NULL));
  text_add(out, ",\n     \"violated\": ");
  if (item->state != GATE_FALSIFIED) {
    text_add(out, "null");
    return;
  }
  const char *file;
  int line;
  gate_place(item, &file, &line);
  const cJSON *const number = json_get(json_get(item->json, "witness"), "case");
  add_text(out, "{\"path\": ", file);
  text_add(out, ", \"line\": %d, \"case\": %d", line,
           cJSON_IsNumber(number) ? number->valueint : -1);
  add_number(out, ", \"margin\": ", gate_margin(item));
  text_add(out, "}");
}

static void add_item(Text *out, const GateItem *item)
{
  add_text(out, "\n    {\"check\": ", item->check->name);
  add_text(out, ",\n     \"id\": ", item->id);
  add_files(out, item);
  add_text(out, ",\n     \"state\": ", gate_word(item->state));
  add_text(out, ", \"reason\": ", item->reason);
  add_text(out, ", \"message\": ", item->message);
  text_add(out, ",\n     \"exit_status\": %d, \"warning\": %s, \"cached\": %s",
           item->state == GATE_ERROR ? item->exit_status : 0,
           bool_word(item->is_warning), bool_word(item->is_cached));
  add_number(out, ", \"seconds\": ", item->seconds);
  add_number(out, ", \"cpu\": ", item->cpu);
  text_add(out, ", \"peak_kb\": %ld", item->peak_kb);
  add_settings(out, item->check);
  add_evidence(out, item);
  text_add(out, ",\n     \"result\": %s}", item->result ? item->result : "null");
}

static void add_counts(Text *out, const Gate *gate)
{
  int warnings = 0;
  for (int i = 0; i < gate->n; i++)
    warnings += gate->items[i].is_warning;
  text_add(out,
           ",\n  \"counts\": {\"all\": %d, \"verified\": %d, \"falsified\": %d, "
           "\"undecided\": %d, \"rejected\": %d, \"errors\": %d, \"warnings\": %d}",
           gate->n, gate_count(gate, GATE_VERIFIED), gate_count(gate, GATE_FALSIFIED),
           gate_count(gate, GATE_UNDECIDED), gate_count(gate, GATE_REJECTED),
           gate_count(gate, GATE_ERROR), warnings);
}

void gate_json_print(const Gate *gate, Text *out)
{
  const int code = gate_exit_status(gate);
  text_add(out, "{\n  \"format\": \"dualcert-gate\",\n  \"version\": 1");
  add_text(out, ",\n  \"tool\": {\"name\": \"dualcert\", \"version\": ", gate->version);
  add_text(out, ", \"build\": ", gate->build);
  add_text(out, "},\n  \"manifest\": {\"path\": ", gate->manifest->path);
  add_digest(out, gate->manifest->sha256);
  add_text(out, ", \"name\": ", gate->manifest->name);
  add_text(out, ", \"description\": ", gate->manifest->description);
  add_text(out, "},\n  \"started\": ", gate->started);
  add_number(out, ", \"seconds\": ", gate->seconds);
  text_add(out, ",\n  \"passed\": %s, \"exit_status\": %d", bool_word(code == 0), code);
  add_counts(out, gate);
  text_add(out, ",\n  \"checks\": [");
  for (int i = 0; i < gate->n; i++) {
    if (i) text_add(out, ",");
    add_item(out, &gate->items[i]);
  }
  text_add(out, "\n  ]\n}\n");
}
