/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/base/file.h"
#include "net/base/json.h"
#include "net/base/mem.h"
#include "solver/jsonout.h"

static void put_id(Text *out)
{
  char host[64] = "host", when[32] = "";
  const time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
  gethostname(host, sizeof host - 1);
  text_add(out, "%s-%s-%ld", when, host, (long)getpid());
}

Status settings_print(const Settings *s, Text *out, Err *err)
{
  File program;
  const Status rc = file_read(s->program, FILE_MAX_BYTES, &program, err);
  if (rc) return rc;
  Text id = {0};
  put_id(&id);
  char *real = realpath(s->data, NULL);
  text_add(out, "{\"schema_version\":1,\n \"id\":");
  jsonout_string(out, id.s);
  text_add(out, ",\n \"program\":");
  jsonout_string(out, s->program);
  text_add(out, ",\n \"sha256\":\"%s\",\n \"data\":", program.sha256);
  jsonout_string(out, real ? real : s->data);
  text_add(out, ",\n \"timeout\":");
  jsonout_number(out, s->timeout);
  text_add(out, ",\n \"memory\":");
  jsonout_number(out, s->memory > 0 ? s->memory : NAN);
  text_add(out, ",\n \"threads\":%d,\n \"options\":[", s->threads);
  for (int i = 0; s->options && s->options[i]; i++) {
    if (i) text_add(out, ",");
    jsonout_string(out, s->options[i]);
  }
  text_add(out, "],\n \"certificates\":%s}\n", s->has_certificates ? "true" : "false");
  free(real);
  text_free(&id);
  file_free(&program);
  return STATUS_OK;
}

/* One value on one line, owned. */
static char *value_of(const cJSON *object, const char *key)
{
  const cJSON *value = json_get(object, key);
  char *text = value ? cJSON_PrintUnformatted(value) : NULL;
  char *copy = mem_strdup(text ? text : "nothing");
  if (text) cJSON_free(text);
  return copy;
}

static Status compare(const cJSON *old, const cJSON *new, const char *dir, Err *err)
{
  static const char *const keys[] = {"data",    "timeout", "memory",       "threads",
                                     "options", "sha256",  "certificates", NULL};
  for (int i = 0; keys[i]; i++) {
    char *before = value_of(old, keys[i]), *now = value_of(new, keys[i]);
    const bool is_same = !strcmp(before, now);
    if (!is_same && !strcmp(keys[i], "sha256"))
      status_fail(err, STATUS_USAGE,
                  "%s has results of another program; use another --out, or --force to "
                  "continue with this one",
                  dir);
    else if (!is_same)
      status_fail(err, STATUS_USAGE,
                  "%s has results with other settings (%s: %s, now %s); use another "
                  "--out, or --force to continue with these",
                  dir, keys[i], before, now);
    mem_free(before);
    mem_free(now);
    if (!is_same) return STATUS_USAGE;
  }
  return STATUS_OK;
}

Status settings_compare(const char *path, const char *text, const char *dir, Err *err)
{
  File file, current = {.data = mem_strdup(text), .size = strlen(text)};
  Status rc = file_read(path, FILE_MAX_BYTES, &file, err);
  cJSON *old = rc ? NULL : json_parse(path, &file, err);
  cJSON *new = old ? json_parse("settings", &current, err) : NULL;
  rc = new ? compare(old, new, dir, err) : err ? err->code : STATUS_DATA;
  json_free(old);
  json_free(new);
  file_free(&file);
  file_free(&current);
  return rc;
}
