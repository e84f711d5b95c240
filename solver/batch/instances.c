/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "solver/batch/instances.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/mem.h"
#include "net/base/text.h"
#include "solver/batch/table.h"
#include "specs/netlist.h"

/* ---- paths ---------------------------------------------------------------- */

static char *join(const char *folder, const char *name)
{
  Text t = {0};
  text_add(&t, "%s/%s", folder, name);
  return t.s;
}

static bool exists(const char *path)
{
  struct stat info;
  return stat(path, &info) == 0;
}

static bool is_folder(const char *path)
{
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool has_list(const char *folder)
{
  char *path = join(folder, "instances.csv");
  char *packed = join(folder, "instances.csv.gz");
  const bool found = exists(path) || exists(packed);
  mem_free(path);
  mem_free(packed);
  return found;
}

/* "./a/b" -> "a/b". */
static const char *plain(const char *path)
{
  while (path[0] == '.' && path[1] == '/')
    path += 2;
  return path;
}

/* A path of a list as seen from here.  A list may still name x.gz where it was
 * unpacked; the reverse is the business of every reader. */
static char *locate(const char *folder, const char *path)
{
  char *full = path[0] == '/' ? mem_strdup(path) : join(folder, plain(path));
  const size_t n = strlen(full);
  if (n > 3 && !strcmp(full + n - 3, ".gz") && !exists(full)) {
    full[n - 3] = '\0';
    if (!exists(full)) full[n - 3] = '.';
  }
  return full;
}

/* ---- lists of networks ---------------------------------------------------- */

/* The argument NET of verify for a list of networks, owned; NULL with err. */
static char *locate_all(const char *folder, const char *text, Err *err)
{
  NetList list;
  Text out = {0};
  if (netlist_parse(text, &list, err)) return NULL;
  char **path = mem_array((size_t)list.n, sizeof *path);
  for (int k = 0; k < list.n; k++)
    list.nets[k].path = path[k] = locate(folder, list.nets[k].path);
  netlist_print(list.nets, list.n, &out);
  for (int k = 0; k < list.n; k++)
    mem_free(path[k]);
  mem_free(path);
  netlist_reset(&list);
  return out.s;
}

/* ---- one list ------------------------------------------------------------- */

static void instance_reset(Instance *i)
{
  mem_free(i->category);
  mem_free(i->network);
  mem_free(i->property);
  mem_free(i->net);
  mem_free(i->spec);
}

static bool read_seconds(const char *text, double *seconds)
{
  char *end;
  errno = 0;
  *seconds = strtod(text, &end);
  return end != text && !*end && isfinite(*seconds);
}

static Status read_line(const char *path, const char *folder, const char *category,
                        const TableRow *row, Instance *i, Err *err)
{
  int n = row->n;
  while (n > 3 && !*row->fields[n - 1])
    n--;
  if (n != 3)
    return status_fail(err, STATUS_DATA,
                       "%s:%d: expected network,property,seconds but found %d fields%s",
                       path, row->line, n,
                       row->fields[0][0] == '['
                           ? "; a list of networks must be in double quotes"
                           : "");
  double seconds;
  if (!read_seconds(row->fields[2], &seconds) || seconds <= 0)
    return status_fail(err, STATUS_DATA,
                       "%s:%d: expected seconds above 0 in the third field, not '%s'",
                       path, row->line, row->fields[2]);
  if (!*row->fields[0] || !*row->fields[1])
    return status_fail(err, STATUS_DATA, "%s:%d: the %s is missing", path, row->line,
                       *row->fields[0] ? "property" : "network");
  *i = (Instance){.timeout = seconds, .best_time = NAN, .position = row->line};
  const bool is_list = row->fields[0][0] == '[';
  Err list = {0};
  i->net = is_list ? locate_all(folder, row->fields[0], &list)
                   : locate(folder, row->fields[0]);
  if (!i->net) {
    status_fail(err, STATUS_DATA, "%s:%d: %s", path, row->line, list.text);
    status_reset(&list);
    return err->code;
  }
  i->spec = locate(folder, row->fields[1]);
  i->category = mem_strdup(category);
  i->network = mem_strdup(plain(row->fields[0]));
  i->property = mem_strdup(plain(row->fields[1]));
  return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
  const Instance *x = *(Instance *const *)a, *y = *(Instance *const *)b;
  const int d = strcmp(x->network, y->network);
  return d ? d : strcmp(x->property, y->property);
}

/* Instances all[n] in the order of their names; owned. */
static Instance **sorted(Instance *all, int n)
{
  Instance **order = mem_array((size_t)n + 1, sizeof *order);
  for (int i = 0; i < n; i++)
    order[i] = &all[i];
  qsort(order, (size_t)n, sizeof *order, compare_names);
  return order;
}

static Instance *find(Instance **order, int n, char *network, char *property)
{
  Instance key = {.network = network, .property = property};
  Instance *wanted = &key;
  Instance **found = bsearch(&wanted, order, (size_t)n, sizeof *order, compare_names);
  return found ? *found : NULL;
}

/* What expected.csv says about all[n]. */
static Status read_expected(const char *folder, Instance *all, int n, Err *err)
{
  char *path = join(folder, "expected.csv");
  Table table = {0};
  Status rc = exists(path) ? table_read(path, &table, err) : STATUS_OK;
  if (!rc && table.n) {
    Instance **order = sorted(all, n);
    const int expected = table_column(&table.rows[0], "expected");
    const int best = table_column(&table.rows[0], "best_t");
    if (expected < 0)
      rc = status_fail(err, STATUS_DATA, "%s:%d: no column 'expected'", path,
                       table.rows[0].line);
    for (int k = 1; !rc && k < table.n; k++) {
      const TableRow *row = &table.rows[k];
      if (row->n < 2) continue;
      const size_t skipped[] = {(size_t)(plain(row->fields[0]) - row->fields[0]),
                                (size_t)(plain(row->fields[1]) - row->fields[1])};
      Instance *i =
          find(order, n, row->fields[0] + skipped[0], row->fields[1] + skipped[1]);
      if (!i) continue;
      const char *word = expected < row->n ? row->fields[expected] : "";
      i->expected = !strcmp(word, "sat")     ? "sat"
                    : !strcmp(word, "unsat") ? "unsat"
                                             : NULL;
      if (best < 0 || best >= row->n || !read_seconds(row->fields[best], &i->best_time))
        i->best_time = NAN;
    }
    mem_free(order);
  }
  table_free(&table);
  mem_free(path);
  return rc;
}

/* Drop what is there twice: a key is one result. */
static void drop_duplicates(Instances *list, int first)
{
  Instance **order = sorted(list->all + first, list->n - first);
  const int n = list->n - first;
  for (int k = 0, group = 0; k < n; k++) {
    if (k && compare_names(&order[k - 1], &order[k])) group = k;
    /* qsort is not stable: the first line of the list stays. */
    for (int j = group; j < k; j++)
      if (order[j]->position > order[k]->position) {
        Instance *swap = order[j];
        order[j] = order[k];
        order[k] = swap;
      }
  }
  bool *is_copy = mem_zero((size_t)n + 1, sizeof *is_copy);
  for (int k = 1; k < n; k++)
    is_copy[order[k] - (list->all + first)] = !compare_names(&order[k - 1], &order[k]);
  int kept = first;
  for (int k = 0; k < n; k++) {
    if (is_copy[k]) {
      instance_reset(&list->all[first + k]);
      list->n_duplicates++;
    } else {
      list->all[kept++] = list->all[first + k];
    }
  }
  list->n = kept;
  for (int k = first; k < kept; k++)
    list->all[k].position = k - first + 1;
  mem_free(is_copy);
  mem_free(order);
}

static Status read_list(const char *path, const char *folder, const char *category,
                        Instances *list, Err *err)
{
  Table table;
  const int first = list->n;
  Status rc = table_read(path, &table, err);
  list->all = mem_grow(list->all, (size_t)(list->n + table.n) + 1, sizeof *list->all);
  for (int k = 0; !rc && k < table.n; k++) {
    const TableRow *row = &table.rows[k];
    if (k == 0 && row->n >= 3 && !strcmp(row->fields[2], "timeout")) continue;
    Instance one = {0};
    rc = read_line(path, folder, category, row, &one, err);
    if (rc)
      instance_reset(&one);
    else
      list->all[list->n++] = one;
  }
  table_free(&table);
  if (!rc) drop_duplicates(list, first);
  return rc ? rc : read_expected(folder, list->all + first, list->n - first, err);
}

/* ---- all lists ------------------------------------------------------------ */

static Status read_folder(const char *folder, const char *category, Instances *list,
                          Err *err)
{
  char *path = join(folder, "instances.csv");
  const Status rc = read_list(path, folder, category, list, err);
  mem_free(path);
  return rc;
}

/* The names in a folder, sorted; NULL-terminated and owned, as are the names. */
static char **names_in(const char *folder)
{
  char **names = mem_zero(1, sizeof *names);
  struct dirent **entries;
  const int n = scandir(folder, &entries, NULL, alphasort);
  if (n < 0) return names;
  names = mem_grow(names, (size_t)n + 1, sizeof *names);
  int kept = 0;
  for (int i = 0; i < n; i++) {
    if (entries[i]->d_name[0] != '.') names[kept++] = mem_strdup(entries[i]->d_name);
    free(entries[i]);
  }
  names[kept] = NULL;
  free(entries);
  return names;
}

static void free_names(char **names)
{
  for (char **name = names; *name; name++)
    mem_free(*name);
  mem_free(names);
}

/* The folders of versions in a category: their names start with a digit. */
static Status read_versions(const char *folder, const char *category, Instances *list,
                            Err *err)
{
  char **names = names_in(folder);
  Status rc = STATUS_OK;
  for (char **name = names; *name && !rc; name++) {
    char *inner = join(folder, *name);
    char *full = join(category, *name);
    if (isdigit((unsigned char)**name) && has_list(inner))
      rc = read_folder(inner, full, list, err);
    mem_free(inner);
    mem_free(full);
  }
  free_names(names);
  return rc;
}

static Status read_categories(const char *dir, Instances *list, Err *err)
{
  char **names = names_in(dir);
  Status rc = STATUS_OK;
  for (char **name = names; *name && !rc; name++) {
    char *inner = join(dir, *name);
    if (is_folder(inner))
      rc = has_list(inner) ? read_folder(inner, *name, list, err)
                           : read_versions(inner, *name, list, err);
    mem_free(inner);
  }
  free_names(names);
  return rc;
}

/* What the category of a single list is called: its folder, or for a version the
 * folder above it too.  Owned. */
static char *category_of(const char *folder)
{
  char *real = realpath(folder, NULL);
  if (!real) return mem_strdup("instances");
  const char *name = strrchr(real, '/') + 1;
  if (isdigit((unsigned char)*name) && name - real >= 2) {
    const char *above = name - 1;
    while (above > real && above[-1] != '/')
      above--;
    if (above > real) name = above;
  }
  char *category = mem_strdup(*name ? name : "instances");
  free(real);
  return category;
}

static Status load(const char *path, Instances *list, Err *err)
{
  Status rc;
  if (!is_folder(path) || has_list(path)) {
    char *folder = mem_strdup(path), *file = NULL;
    if (is_folder(path)) {
      file = join(path, "instances.csv");
    } else {
      char *slash = strrchr(folder, '/');
      file = mem_strdup(path);
      if (slash == folder) slash++;
      if (slash)
        *slash = '\0';
      else
        snprintf(folder, strlen(path) + 1, ".");
    }
    char *category = category_of(folder);
    rc = read_list(file, folder, category, list, err);
    mem_free(category);
    mem_free(file);
    mem_free(folder);
    return rc;
  }
  rc = read_categories(path, list, err);
  if (!rc && !list->n) {
    char *inner = join(path, "benchmarks");
    if (is_folder(inner)) rc = read_categories(inner, list, err);
    mem_free(inner);
  }
  return rc;
}

Status instances_load(const char *path, Instances *list, Err *err)
{
  *list = (Instances){0};
  const Status rc = load(path, list, err);
  if (rc || list->n) return rc;
  return status_fail(err, STATUS_NO_INPUT,
                     "%s: no instances: expected instances.csv there, or in folders of "
                     "categories",
                     path);
}

void instances_free(Instances *list)
{
  for (int i = 0; i < list->n; i++)
    instance_reset(&list->all[i]);
  mem_free(list->all);
  *list = (Instances){0};
}

/* ---- choice --------------------------------------------------------------- */

/* Keep the instances with is_kept[i], in order. */
static void keep(Instances *list, const bool *is_kept)
{
  int n = 0;
  for (int i = 0; i < list->n; i++) {
    if (is_kept[i])
      list->all[n++] = list->all[i];
    else
      instance_reset(&list->all[i]);
  }
  list->n = n;
}

static bool is_in(const char *category, const char *wanted)
{
  const size_t n = strlen(wanted);
  return !strncmp(category, wanted, n) && (!category[n] || category[n] == '/');
}

Status instances_choose(Instances *list, const char *const *categories, Err *err)
{
  if (!categories || !categories[0]) return STATUS_OK;
  bool *is_kept = mem_zero((size_t)list->n + 1, sizeof *is_kept);
  Status rc = STATUS_OK;
  for (int c = 0; categories[c] && !rc; c++) {
    bool is_found = false;
    for (int i = 0; i < list->n; i++)
      if (is_in(list->all[i].category, categories[c])) is_kept[i] = is_found = true;
    if (!is_found)
      rc = status_fail(err, STATUS_NO_INPUT, "no category '%s' there", categories[c]);
  }
  if (!rc) keep(list, is_kept);
  mem_free(is_kept);
  return rc;
}

void instances_sample(Instances *list, int sample)
{
  if (sample <= 0) return;
  bool *is_kept = mem_zero((size_t)list->n + 1, sizeof *is_kept);
  for (int first = 0, next; first < list->n; first = next) {
    for (next = first; next < list->n; next++)
      if (strcmp(list->all[next].category, list->all[first].category)) break;
    const int n = next - first, m = sample < n ? sample : n;
    for (int k = 0; k < m; k++)
      is_kept[first + (int)((long)k * n / m)] = true;
  }
  keep(list, is_kept);
  mem_free(is_kept);
}

void instances_shard(Instances *list, int shard, int n_shards)
{
  if (shard <= 0) return;
  bool *is_kept = mem_zero((size_t)list->n + 1, sizeof *is_kept);
  for (int i = shard - 1; i < list->n; i += n_shards)
    is_kept[i] = true;
  keep(list, is_kept);
  mem_free(is_kept);
}

void instances_limit(Instances *list, double timeout)
{
  for (int i = 0; i < list->n; i++)
    list->all[i].timeout = fmin(list->all[i].timeout, timeout);
}
