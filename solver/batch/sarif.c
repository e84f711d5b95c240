/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/sarif.h"

#include <string.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "solver/batch/escape.h"
#include "solver/jsonout.h"

static void add_text(Text *out, const char *before, const char *text)
{
  text_add(out, "%s", before);
  jsonout_string(out, text);
}

/* ---- URIs ---------------------------------------------------------------- */

/* Drop the last part of a path that is being built; false when there is none. */
static bool go_up(Text *path, size_t root)
{
  size_t n = path->n;
  if (n <= root) return false;
  while (n > root && path->s[n - 1] != '/')
    n--;
  if (!strcmp(path->s + n, "..")) return false;
  path->n = n > root ? n - 1 : root;
  path->s[path->n] = '\0';
  return true;
}

/* Without "." and "x/..", so that others find the file by its name. */
static void add_plain(Text *out, const char *path)
{
  text_add(out, "%s", *path == '/' ? "/" : "");
  const size_t root = out->n;
  for (const char *s = path; *s;) {
    const size_t n = strcspn(s, "/");
    const bool is_up = n == 2 && !strncmp(s, "..", 2);
    const bool is_nothing = n == 0 || (n == 1 && *s == '.');
    if (!is_nothing && !(is_up && go_up(out, root)))
      text_add(out, "%s%.*s", out->n > root ? "/" : "", (int)n, s);
    s += n + (s[n] == '/');
  }
}

static void add_uri(Text *out, const char *path)
{
  char here[4096];
  Text plain = {0};
  add_plain(&plain, path);
  const size_t n = getcwd(here, sizeof here) ? strlen(here) : 0;
  const bool is_below = n > 1 && !strncmp(plain.s, here, n) && plain.s[n] == '/';
  text_add(out, "\"%s", *plain.s == '/' && !is_below ? "file://" : "");
  escape_uri(out, is_below ? plain.s + n + 1 : plain.s);
  text_add(out, "\"");
  text_free(&plain);
}

/* ---- rules --------------------------------------------------------------- */

static int rule_index(const Gate *gate, const GateItem *item)
{
  int index = (int)(item->spec - item->check->specs);
  for (const ManifestCheck *c = gate->manifest->checks; c < item->check; c++)
    index += c->n_specs;
  return index;
}

static void rule_id(const ManifestCheck *check, const ManifestSpec *spec, Text *id)
{
  text_add(id, "%s/%s", check->name, spec->path);
  if (spec->text) text_add(id, "#%d", spec->row);
}

static void add_rule(Text *out, const ManifestCheck *check, const ManifestSpec *spec)
{
  Text id = {0};
  rule_id(check, spec, &id);
  add_text(out, "{\"id\": ", id.s);
  add_text(out, ", \"shortDescription\": {\"text\": ", check->name);
  add_text(out, "}, \"fullDescription\": {\"text\": ",
           *check->description ? check->description : check->name);
  text_add(out, "}, \"defaultConfiguration\": {\"level\": \"error\"}}");
  text_free(&id);
}

static void add_rules(Text *out, const Manifest *m)
{
  const char *comma = "";
  for (int c = 0; c < m->n_checks; c++)
    for (int i = 0; i < m->checks[c].n_specs; i++) {
      text_add(out, "%s\n        ", comma);
      add_rule(out, &m->checks[c], &m->checks[c].specs[i]);
      comma = ",";
    }
}

/* ---- results ------------------------------------------------------------- */

static const char *kind_of(const GateItem *item, SarifStyle style)
{
  if (item->state == GATE_VERIFIED) return "pass";
  return item->state == GATE_UNDECIDED && style.strict_kinds ? "open" : "fail";
}

static const char *level_of(const GateItem *item, SarifStyle style)
{
  if (strcmp(kind_of(item, style), "fail")) return "none";
  return item->state == GATE_UNDECIDED ? "warning" : "error";
}

static void add_message(Text *out, const GateItem *item)
{
  Text text = {0};
  text_add(&text, "%s%s", item->is_warning ? "warning: " : "", gate_word(item->state));
  if (item->reason) text_add(&text, " (%s)", item->reason);
  text_add(&text, ": ");
  gate_title(item, &text);
  if (item->state == GATE_FALSIFIED) {
    text_add(&text, ": ");
    gate_violation(item, &text);
    text_add(&text, ", witness %s", item->kind ? item->kind : "untested");
  }
  if (*item->message) text_add(&text, ": %s", item->message);
  add_text(out, ", \"message\": {\"text\": ", text.s);
  text_add(out, "}");
  text_free(&text);
}

static void add_location(Text *out, const GateItem *item)
{
  const char *file;
  int line;
  if (item->state == GATE_FALSIFIED)
    gate_place(item, &file, &line);
  else
    gate_open_place(item, &file, &line);
  text_add(out,
           ",\n       \"locations\": [{\"physicalLocation\": {\"artifactLocation\": "
           "{\"uri\": ");
  add_uri(out, file);
  text_add(out, "}, \"region\": {\"startLine\": %d}}}]", line > 0 ? line : 1);
}

/* The same question in the next run has the same one, whatever the network became. */
static void add_fingerprint(Text *out, const GateItem *item)
{
  char sha256[65];
  Text about = {0};
  text_add(&about, "%s\n%s\n%s\n%d", item->check->name, item->net, item->spec->path,
           item->spec->text ? item->spec->row : -1);
  file_digest(about.s, about.n, sha256);
  text_free(&about);
  text_add(out, ",\n       \"partialFingerprints\": {\"dualcertCheck/v1\": \"%s\"}",
           sha256);
}

static void add_properties(Text *out, const GateItem *item)
{
  add_text(out, ",\n       \"properties\": {\"state\": ", gate_word(item->state));
  add_text(out, ", \"network\": ", item->net);
  add_text(out, ", \"networkSha256\": ", item->net_sha256);
  add_text(out, ", \"specificationSha256\": ", item->spec_sha256);
  add_text(out, ", \"semantics\": ", item->check->semantics);
  if (item->witness) add_text(out, ", \"witness\": ", item->witness);
  if (item->state == GATE_FALSIFIED) {
    text_add(out, ", \"margin\": ");
    jsonout_number(out, gate_margin(item));
  }
  text_add(out, "}");
}

static void add_result(Text *out, const Gate *gate, const GateItem *item,
                       SarifStyle style)
{
  Text id = {0};
  rule_id(item->check, item->spec, &id);
  add_text(out, "{\"ruleId\": ", id.s);
  text_free(&id);
  text_add(out, ", \"ruleIndex\": %d, \"kind\": \"%s\", \"level\": \"%s\"",
           rule_index(gate, item), kind_of(item, style), level_of(item, style));
  add_message(out, item);
  add_location(out, item);
  add_fingerprint(out, item);
  add_properties(out, item);
  text_add(out, "}");
}

/* ---- the log ------------------------------------------------------------- */

/* What is no result: things that could not be checked at all. */
static void add_invocation(Text *out, const Gate *gate)
{
  text_add(out,
           "\"invocations\": [{\"executionSuccessful\": %s, \"exitCode\": %d, "
           "\"startTimeUtc\": \"%s\", \"toolExecutionNotifications\": [",
           gate_count(gate, GATE_ERROR) ? "false" : "true", gate_exit_status(gate),
           gate->started);
  const char *comma = "";
  for (int i = 0; i < gate->n; i++) {
    if (gate->items[i].state != GATE_ERROR) continue;
    text_add(out, "%s\n      {\"level\": \"error\"", comma);
    add_message(out, &gate->items[i]);
    text_add(out, "}");
    comma = ",";
  }
  text_add(out, "]}]");
}

void sarif_print(const Gate *gate, SarifStyle style, Text *out)
{
  text_add(out, "{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
                "  \"version\": \"2.1.0\",\n  \"runs\": [{\n    \"tool\": {\"driver\": "
                "{\"name\": \"dualcert\"");
  add_text(out, ", \"version\": ", gate->version);
  text_add(out, ", \"rules\": [");
  add_rules(out, gate->manifest);
  text_add(out, "]}},\n    ");
  add_invocation(out, gate);
  text_add(out, ",\n    \"results\": [");
  const char *comma = "";
  for (int i = 0; i < gate->n; i++) {
    const GateItem *const item = &gate->items[i];
    if (item->state == GATE_VERIFIED && !style.pass) continue;
    text_add(out, "%s\n      ", comma);
    add_result(out, gate, item, style);
    comma = ",";
  }
  text_add(out, "]\n  }]\n}\n");
}
