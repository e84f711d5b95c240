/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a gate shall check, in a folder with two networks, a specification and a table
 * of samples.  Texts with "/" are left alone: patterns would walk over the disk. */
#include "solver/batch/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base/json.h"
#include "tests/fuzz/target.h"

static char folder[40], path[80];

static const char *const files[][2] = {{"a.onnx", ""},
                                       {"b.onnx", ""},
                                       {"p.vnnlib", ""},
                                       {"s.csv", "1,0.5,0.25\n0,1,2\n2 3 4\n"}};
enum { N_FILES = sizeof files / sizeof files[0] };

static void write_file(const char *name, const void *data, size_t size)
{
  char full[100];
  snprintf(full, sizeof full, "%s/%s", folder, name);
  FILE *f = fopen(full, "wb");
  TARGET_REQUIRE(f && fwrite(data, 1, size, f) == size && !fclose(f));
}

static void clean_up(void)
{
  for (int k = 0; k <= N_FILES; k++) {
    char full[100];
    snprintf(full, sizeof full, "%s/%s", folder, k < N_FILES ? files[k][0] : "m.json");
    unlink(full);
  }
  rmdir(folder);
}

static void make_folder(void)
{
  snprintf(folder, sizeof folder, "/tmp/fuzz-manifest-XXXXXX");
  TARGET_REQUIRE(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m.json", folder);
  for (int k = 0; k < N_FILES; k++)
    write_file(files[k][0], files[k][1], strlen(files[k][1]));
  atexit(clean_up);
}

/* The text of a sample is JSON. */
static void check_spec(const ManifestSpec *spec)
{
  TARGET_REQUIRE(spec->path && *spec->path);
  if (!spec->text) return;
  Err err = {0};
  const File text = {.data = spec->text, .size = strlen(spec->text)};
  cJSON *json = json_parse("sample", &text, &err);
  TARGET_REQUIRE(json && spec->row >= 0 && spec->line > 0);
  json_free(json);
}

static void check(const Manifest *m)
{
  TARGET_REQUIRE(m->name && m->description && m->n_checks > 0 && m->total > 0);
  TARGET_REQUIRE(strlen(m->sha256) == 64);
  for (int k = 0; k < m->n_checks; k++) {
    const ManifestCheck *const c = &m->checks[k];
    TARGET_REQUIRE(c->n_nets > 0 && c->n_specs > 0 && c->limits.timeout > 0);
    TARGET_REQUIRE(!(c->require & ~(unsigned)(MANIFEST_CERTIFICATE | MANIFEST_ROBUST)));
    TARGET_REQUIRE(c->on_unknown == MANIFEST_FAIL || c->on_unknown == MANIFEST_WARN);
    for (int i = 0; i < c->n_specs; i++)
      check_spec(&c->specs[i]);
    for (char **option = c->options; option && *option; option++)
      TARGET_REQUIRE(!strncmp(*option, "--", 2));
    for (int j = 0; j < k; j++)
      TARGET_REQUIRE(strcmp(m->checks[j].name, c->name) != 0);
  }
}

static void body(const File *file)
{
  if (memchr(file->data, '/', file->size)) return;
  Err err = {0};
  write_file("m.json", file->data, file->size);
  Manifest *m = manifest_read(path, &err);
  /* An error in the table of samples starts with its name. */
  target_check_error(folder, m, &err, 1);
  if (m) check(m);
  manifest_free(m);
  status_reset(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (!*folder) make_folder();
  return target_run(data, size, body);
}
