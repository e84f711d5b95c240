/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/junit.h"

#include <math.h>
#include <string.h>

#include "net/base/mem.h"
#include "solver/batch/escape.h"

/* A longer witness makes the report unreadable for many servers. */
#define MAX_WITNESS ((size_t)256 << 10)

static void add_attribute(Text *out, const char *name, const char *value)
{
  text_add(out, " %s=\"", name);
  escape_xml(out, value);
  text_add(out, "\"");
}

/* ---- counts -------------------------------------------------------------- */

typedef struct {
  int tests, failures, errors;
  double seconds;
} Counts;

/* Of one check, or of all when it is NULL. */
static Counts count(const Gate *gate, const ManifestCheck *check)
{
  Counts c = {0};
  for (int i = 0; i < gate->n; i++) {
    const GateItem *const item = &gate->items[i];
    if (check && item->check != check) continue;
    c.tests++;
    c.failures += item->state == GATE_FALSIFIED;
    c.errors += item->state != GATE_FALSIFIED && item->state != GATE_VERIFIED;
    c.seconds += item->seconds;
  }
  return c;
}

static void add_counts(Text *out, Counts c)
{
  text_add(out, " tests=\"%d\" failures=\"%d\" errors=\"%d\" time=\"%.3f\"", c.tests,
           c.failures, c.errors, c.seconds);
}

/* ---- facts --------------------------------------------------------------- */

/* In <system-out>, one a line: many readers, and the common schema (Jenkins'
 * junit-10.xsd), know properties of suites, but not of cases. */
static void add_fact(Text *out, const char *name, const char *value)
{
  if (!value || !*value) return;
  text_add(out, "%s: ", name);
  escape_xml_lines(out, value);
  text_add(out, "\n");
}

static void add_number(Text *out, const char *name, const cJSON *item)
{
  if (cJSON_IsNumber(item)) text_add(out, "%s: %.17g\n", name, item->valuedouble);
}

static void add_facts(Text *out, const Gate *gate, const GateItem *item)
{
  const cJSON *const version = json_get(item->json, "version");
  text_add(out, "      <system-out>");
  add_fact(out, "state", gate_word(item->state));
  add_fact(out, "reason", item->reason);
  add_fact(out, "version",
           cJSON_IsString(version) ? version->valuestring : gate->version);
  add_fact(out, "network.sha256", item->net_sha256);
  add_fact(out, "specification.sha256", item->spec_sha256);
  add_fact(out, "semantics", item->check->semantics);
  add_number(out, "seed", json_get(json_get(item->json, "options"), "seed"));
  add_number(out, "bound", json_get(item->json, "bound"));
  add_number(out, "margin", json_get(json_get(item->json, "witness"), "margin"));
  add_fact(out, "witness.kind", item->kind);
  add_fact(out, "witness", item->witness);
  add_fact(out, "certificate", item->certificate);
  if (item->state == GATE_VERIFIED)
    add_fact(out, "certificate.accepted", item->is_accepted ? "true" : "false");
  add_fact(out, "cached", item->is_cached ? "true" : "false");
  if (item->state == GATE_VERIFIED) add_fact(out, "note", item->message);
  text_add(out, "</system-out>\n");
}

static void add_property(Text *out, const char *name, const char *value)
{
  text_add(out, "      <property");
  add_attribute(out, "name", name);
  add_attribute(out, "value", value);
  text_add(out, "/>\n");
}

/* What all cases of a suite have in common. */
static void add_properties(Text *out, const Gate *gate, const ManifestCheck *check)
{
  text_add(out, "    <properties>\n");
  add_property(out, "version", gate->version);
  if (*gate->build) add_property(out, "build", gate->build);
  add_property(out, "semantics", check->semantics);
  text_add(out, "    </properties>\n");
}

/* ---- what went wrong ----------------------------------------------------- */

static void add_failure(Text *out, const GateItem *item)
{
  Text message = {0};
  gate_violation(item, &message);
  text_add(&message, ", witness %s", item->kind ? item->kind : "untested");
  text_add(out, "      <failure type=\"falsified\"");
  add_attribute(out, "message", message.s);
  text_add(out, ">");
  escape_xml_lines(out, message.s);
  text_add(out, "\n");
  text_free(&message);
  if (*item->message) {
    escape_xml_lines(out, item->message);
    text_add(out, "\n");
  }
  if (item->evidence && strlen(item->evidence) <= MAX_WITNESS)
    escape_xml_lines(out, item->evidence);
  else if (item->evidence)
    text_add(out, "The witness file has %zu bytes; --certificates keeps it.\n",
             strlen(item->evidence));
  text_add(out, "</failure>\n");
}

static const char *error_type(const GateItem *item)
{
  if (item->state == GATE_REJECTED) return "rejected";
  if (item->state == GATE_ERROR) return status_name((Status)item->exit_status);
  const char *const reason = item->reason ? item->reason : "unknown";
  if (!strcmp(reason, "timeout") || !strcmp(reason, "total")) return "timeout";
  return strcmp(reason, "memory") ? "unknown" : "memory";
}

static void add_error(Text *out, const GateItem *item)
{
  Text message = {0};
  text_add(&message, "%s%s", item->is_warning ? "warning: " : "",
           gate_word(item->state));
  if (item->reason) text_add(&message, " (%s)", item->reason);
  if (*item->message) text_add(&message, ": %s", item->message);
  text_add(out, "      <error");
  add_attribute(out, "type", error_type(item));
  add_attribute(out, "message", message.s);
  text_add(out, ">");
  escape_xml_lines(out, message.s);
  if (item->state == GATE_UNDECIDED)
    text_add(out, "\nNeither proved nor refuted: this check says nothing about the "
                  "network.");
  text_add(out, "</error>\n");
  text_free(&message);
}

/* ---- suites -------------------------------------------------------------- */

static void add_case(Text *out, const Gate *gate, const GateItem *item)
{
  Text title = {0};
  gate_title(item, &title);
  text_add(out, "    <testcase");
  add_attribute(out, "name", title.s);
  add_attribute(out, "classname", item->check->name);
  text_add(out, " time=\"%.3f\">\n", item->seconds);
  text_free(&title);
  if (item->state == GATE_FALSIFIED)
    add_failure(out, item);
  else if (item->state != GATE_VERIFIED)
    add_error(out, item);
  add_facts(out, gate, item);
  text_add(out, "    </testcase>\n");
}

static void add_suite(Text *out, const Gate *gate, const ManifestCheck *check)
{
  text_add(out, "  <testsuite");
  add_attribute(out, "name", check->name);
  add_counts(out, count(gate, check));
  text_add(out, " skipped=\"0\" timestamp=\"%.19s\">\n", gate->started);
  add_properties(out, gate, check);
  for (int i = 0; i < gate->n; i++)
    if (gate->items[i].check == check) add_case(out, gate, &gate->items[i]);
  text_add(out, "  </testsuite>\n");
}

void junit_print(const Gate *gate, Text *out)
{
  text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
  add_attribute(out, "name", gate->manifest->name);
  add_counts(out, count(gate, NULL));
  text_add(out, ">\n");
  for (int i = 0; i < gate->manifest->n_checks; i++)
    add_suite(out, gate, &gate->manifest->checks[i]);
  text_add(out, "</testsuites>\n");
}
