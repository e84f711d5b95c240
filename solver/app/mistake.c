/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/app/mistake.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/mem.h"
#include "net/base/text.h"

/* ---- kinds of files ------------------------------------------------------ */

static bool ends_in(const char *path, const char *suffix)
{
  const size_t n = strlen(path), m = strlen(suffix);
  return n >= m && !strcmp(path + n - m, suffix);
}

/* With the suffix, or that and .gz; suffixes[] ends with NULL. */
static bool has_suffix(const char *path, const char *const *suffixes)
{
  size_t n = strlen(path);
  if (ends_in(path, ".gz")) n -= 3;
  for (int i = 0; suffixes[i]; i++) {
    const size_t m = strlen(suffixes[i]);
    if (n >= m && !strncmp(path + n - m, suffixes[i], m)) return true;
  }
  return false;
}

static const char *const net_suffixes[] = {".onnx", ".nnet", NULL};
static const char *const spec_suffixes[] = {".vnnlib", NULL};

#define HEAD 4096

/* The first bytes of a regular file (a pipe has only one reader), without blanks before
 * them, as text; empty when there are none. */
static void read_head(const char *path, char head[HEAD + 1])
{
  struct stat info;
  head[0] = 0;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return;
  FILE *f = fopen(path, "rb");
  if (!f) return;
  int c = fgetc(f);
  for (int n = 0; n < HEAD && c != EOF && isspace(c); n++)
    c = fgetc(f);
  if (c != EOF) {
    head[0] = (char)c;
    head[1 + fread(head + 1, 1, HEAD - 1, f)] = 0;
  }
  fclose(f);
}

/* Of two formats in JSON only one has layers, only the other a centre or ends. */
static bool has_key(const char *head, const char *key)
{
  return head[0] == '{' && strstr(head, key);
}

bool mistake_is_spec(const char *path)
{
  char head[HEAD + 1];
  if (has_suffix(path, spec_suffixes)) return true;
  if (has_suffix(path, net_suffixes)) return false;
  read_head(path, head);
  return head[0] == '(' || head[0] == ';' || has_key(head, "\"center\"") ||
         has_key(head, "\"lower\"");
}

/* Byte 8 is the tag that starts an ONNX file. */
static bool is_net(const char *path)
{
  char head[HEAD + 1];
  if (has_suffix(path, net_suffixes)) return true;
  read_head(path, head);
  return head[0] == '\b' || has_key(head, "\"layers\"");
}

/* ---- folders ------------------------------------------------------------- */

static bool is_folder(const char *path)
{
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool has_file(const char *folder, const char *name)
{
  Text path = {0};
  struct stat info;
  text_add(&path, "%s/%s", folder, name);
  const bool found = stat(path.s, &info) == 0;
  text_free(&path);
  return found;
}

/* The first name of a folder, by the alphabet, that has one of the suffixes and, with
 * `below`, a file of that name inside; owned, NULL when there is none. */
static char *first_name(const char *folder, const char *const *suffixes,
                        const char *below)
{
  char *best = NULL;
  DIR *dir = opendir(folder);
  for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
    if (e->d_name[0] == '.' || (best && strcmp(e->d_name, best) >= 0)) continue;
    if (suffixes && !has_suffix(e->d_name, suffixes)) continue;
    Text inside = {0};
    text_add(&inside, "%s/%s", e->d_name, below ? below : "");
    const bool fits = !below || has_file(folder, inside.s);
    text_free(&inside);
    if (!fits) continue;
    mem_free(best);
    best = mem_strdup(e->d_name);
  }
  if (dir) closedir(dir);
  return best;
}

static Status refuse_folder(const char *path, bool is_for_net, Err *err)
{
  const char *const what = is_for_net ? "network" : "specification";
  if (has_file(path, "saved_model.pb"))
    return status_fail(err, STATUS_NO_INPUT,
                       "%s is a TensorFlow SavedModel; in a shell: python -m "
                       "tf2onnx.convert --saved-model %s --output net.onnx",
                       path, path);
  char *category = first_name(path, NULL, "instances.csv");
  char *name = first_name(path, is_for_net ? net_suffixes : spec_suffixes, NULL);
  if (has_file(path, "instances.csv") || category)
    status_fail(err, STATUS_NO_INPUT,
                "%s is a folder of instances; 'dualcert suite %s' runs them all", path,
                path);
  else if (name)
    status_fail(err, STATUS_NO_INPUT, "%s is a folder; expected a %s, such as %s/%s",
                path, what, path, name);
  else
    status_fail(err, STATUS_NO_INPUT, "%s is a folder; expected a %s in a file", path,
                what);
  mem_free(category);
  mem_free(name);
  return STATUS_NO_INPUT;
}

/* ---- the arguments ------------------------------------------------------- */

/* Its position, -1 when the command has none. */
static int position(const Usage *u, const char *name)
{
  for (int i = 0; i < u->n_args; i++)
    if (u->names[i] && !strcmp(u->names[i], name)) return i;
  return -1;
}

static void refuse(const Usage *u, int i, const char *kind, Err *err)
{
  Text hint = {0};
  const int net = position(u, "NET"), spec = position(u, "SPEC");
  const bool is_swapped =
      net >= 0 && spec >= 0 && mistake_is_spec(u->args[net]) && is_net(u->args[spec]);
  for (int k = 0; k < u->n_args; k++) {
    const int from = !is_swapped ? -1 : k == net ? spec : k == spec ? net : k;
    text_add(&hint, " %s", from >= 0 ? u->args[from] : u->names[k]);
  }
  status_fail(err, STATUS_USAGE, "%s looks like a %s; %s: dualcert %s%s", u->args[i],
              kind, is_swapped ? "swapped? try" : "expected", u->command, hint.s);
  text_free(&hint);
}

Status mistake_check(const Usage *usage)
{
  Err err = {0};
  const int net = position(usage, "NET"), spec = position(usage, "SPEC");
  if (net >= 0 && is_folder(usage->args[net]))
    refuse_folder(usage->args[net], true, &err);
  else if (spec >= 0 && is_folder(usage->args[spec]))
    refuse_folder(usage->args[spec], false, &err);
  else if (net >= 0 && mistake_is_spec(usage->args[net]))
    refuse(usage, net, "specification", &err);
  else if (spec >= 0 && is_net(usage->args[spec]))
    refuse(usage, spec, "network", &err);
  return err.code ? (Status)usage_report(&err) : STATUS_OK;
}
