/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "specs/image.h"
#include "specs/jsonspec.h"
#include "specs/load.h"
#include "specs/scope.h"

static bool is_norm(const Family *f, const char *word)
{
  return !strcmp(f->norm, word);
}

static Status fail(const Family *f, Status code, const char *what, Err *err)
{
  return status_fail(err, code, "%s: %s", f->path, what);
}

static void begin(Family *f, const char *path, int n_in, int n_out)
{
  *f = (Family){.path = mem_strdup(path),
                .norm = "linf",
                .n_in = n_in,
                .n_out = n_out,
                .n = n_in,
                .center = mem_doubles0((size_t)n_in)};
}

void family_reset(Family *f)
{
  mem_free(f->path);
  mem_free(f->center);
  mem_free(f->half);
  mem_free(f->clip_lo);
  mem_free(f->clip_hi);
  mem_free(f->rest);
  *f = (Family){0};
}

/* ---- the choice of the user ---------------------------------------------- */

static void need_clip(Family *f)
{
  if (f->clip_lo) return;
  f->clip_lo = mem_doubles((size_t)f->n_in);
  f->clip_hi = mem_doubles((size_t)f->n_in);
}

static Status choose(Family *f, const FamilyChoice *choice, Err *err)
{
  if (choice->has_clip && f->is_image)
    return fail(f, STATUS_USAGE, "--clip is not for images", err);
  if (choice->has_clip) {
    need_clip(f);
    for (int i = 0; i < f->n_in; i++) {
      f->clip_lo[i] = choice->clip[0];
      f->clip_hi[i] = choice->clip[1];
    }
  }
  if (choice->norm && f->is_image && !strcmp(choice->norm, "l0"))
    return fail(f, STATUS_USAGE, "--norm=l0 is not for images", err);
  if (choice->norm) {
    if (f->is_factor) f->start = 0;
    if (is_norm(f, "l0") != !strcmp(choice->norm, "l0")) f->start = 0;
    f->norm = choice->norm;
    f->is_factor = false;
    mem_free(f->half);
    f->half = NULL;
  }
  if (is_norm(f, "l0") && !f->clip_lo)
    return fail(f, STATUS_USAGE,
                "l0 needs the range of every input: \"clip\", or --clip=LOW,HIGH", err);
  return STATUS_OK;
}

/* `line` of the file `path`; 0: it has none. */
static Status check_center(const Family *f, const char *path, int line, Err *err)
{
  char at[16] = "";
  if (line) snprintf(at, sizeof at, ":%d", line);
  for (int i = 0; f->clip_lo && i < f->n_in; i++)
    if (!(f->center[i] >= f->clip_lo[i] && f->center[i] <= f->clip_hi[i]))
      return status_fail(err, STATUS_DATA,
                         "%s%s: input %d of the centre is %.17g, outside its range in "
                         "the clip, %.17g to %.17g",
                         path, at, i, f->center[i], f->clip_lo[i], f->clip_hi[i]);
  return STATUS_OK;
}

/* Something to begin with: a sixteenth of the way to the far end. */
static void choose_start(Family *f)
{
  const double reach = family_reach(f);
  if (f->start > 0) return;
  f->start = isfinite(reach) && reach > 0 ? reach / 16 : 0.0625;
  if (is_norm(f, "l0")) f->start = 1;
}

static Status check_width(const Family *f, Err *err)
{
  for (int i = 0; i < f->n; i++)
    if (!f->is_factor || f->half[i] > 0) return STATUS_OK;
  return fail(f, STATUS_DATA,
              "the input set is one point: nothing to scale; give --norm for balls "
              "around it",
              err);
}

static Status finish(Family *f, const FamilyChoice *choice, Err *err)
{
  Status rc = choose(f, choice, err);
  if (!rc) rc = check_width(f, err);
  if (!rc) rc = check_center(f, f->path, 0, err);
  if (!rc) choose_start(f);
  return rc;
}

/* ---- from a box ---------------------------------------------------------- */

/* Centre and half widths, so that factor 1 covers the box. */
static Status take_box(Family *f, const double *lo, const double *hi, Err *err)
{
  f->is_factor = true;
  f->start = 1;
  f->half = mem_doubles((size_t)f->n_in);
  for (int i = 0; i < f->n_in; i++) {
    const double mid = lo[i] / 2 + hi[i] / 2;
    const double c = f->center[i] = fmin(fmax(mid, lo[i]), hi[i]);
    f->half[i] = fmax(round_add_up(hi[i], -c), round_add_up(c, -lo[i]));
    if (!isfinite(f->half[i]))
      return fail(f, STATUS_DATA, "a range exceeds the largest double", err);
  }
  return STATUS_OK;
}

/* ---- from JSON ----------------------------------------------------------- */

static const char *norm_of(const cJSON *root)
{
  static const char *const words[] = {"l2", "l1", "l0"};
  const cJSON *const item = json_get(root, "norm");
  for (size_t i = 0; cJSON_IsString(item) && i < sizeof words / sizeof *words; i++)
    if (!strcmp(item->valuestring, words[i])) return words[i];
  return "linf";
}

static Status read_ends(const Family *f, const cJSON *item, double *x, Err *err)
{
  for (int i = 0; cJSON_IsNumber(item) && i < f->n_in; i++)
    x[i] = item->valuedouble;
  if (cJSON_IsNumber(item)) return STATUS_OK;
  double *values;
  size_t n;
  const Status rc = json_numbers(f->path, "$.clip", item, &values, &n, err);
  if (rc) return rc;
  STATUS_REQUIRE(n == (size_t)f->n_in, "the specification has been read before");
  memcpy(x, values, n * sizeof *x);
  mem_free(values);
  return STATUS_OK;
}

static Status read_clip(Family *f, const cJSON *root, Err *err)
{
  const cJSON *const clip = json_get(root, "clip");
  if (!clip) return STATUS_OK;
  need_clip(f);
  const Status rc = read_ends(f, clip->child, f->clip_lo, err);
  return rc ? rc : read_ends(f, clip->child->next, f->clip_hi, err);
}

/* A number is a radius to begin with, an array the half widths at factor 1. */
static Status read_epsilon(Family *f, const cJSON *epsilon, Err *err)
{
  if (cJSON_IsNumber(epsilon)) {
    f->start = epsilon->valuedouble;
    return STATUS_OK;
  }
  size_t n;
  const Status rc = json_numbers(f->path, "$.epsilon", epsilon, &f->half, &n, err);
  if (rc) return rc;
  STATUS_REQUIRE(n == (size_t)f->n, "the specification has been read before");
  f->is_factor = true;
  f->start = 1;
  return STATUS_OK;
}

static Status read_ranges(Family *f, const cJSON *root, Err *err)
{
  double *const lo = mem_doubles(2 * (size_t)f->n_in), *const hi = lo + f->n_in;
  Status rc = jsonspec_vector(f->path, root, "lower", f->n_in, lo, err);
  if (!rc) rc = jsonspec_vector(f->path, root, "upper", f->n_in, hi, err);
  if (!rc) rc = take_box(f, lo, hi, err);
  mem_free(lo);
  return rc;
}

/* Numbers, where the specification may name files. */
static void print_directions(const Image *image, Text *out)
{
  text_add(out, ", \"image\": {\"directions\": [");
  for (int j = 0; j < image->k; j++) {
    text_add(out, "%s[", j ? ", " : "");
    for (int i = 0; i < image->n; i++)
      text_add(out, "%s%.17g", i ? ", " : "",
               image->d[(size_t)i * (size_t)image->k + (size_t)j]);
    text_add(out, "]");
  }
  text_add(out, "]}");
}

static void keep(const cJSON *root, const char *key, Text *out)
{
  const cJSON *const item = json_get(root, key);
  if (!item) return;
  text_add(out, ", \"%s\": ", key);
  json_print(item, out);
}

/* The members that stay.  The clip of an image is one of them: it is part of the
 * network. */
static void keep_rest(Family *f, const cJSON *root, const Image *image)
{
  const bool has_directions = image && image->kind == IMAGE_DIRECTIONS;
  const cJSON *const label = json_get(root, "label");
  Text out = {0};
  text_add(&out, "%s", "");
  keep(root, "unsafe", &out);
  keep(root, "where", &out);
  if (image) keep(root, "clip", &out);
  if (has_directions)
    print_directions(image, &out);
  else
    keep(root, "image", &out);
  f->has_label = label != NULL;
  if (label) f->label = label->valueint;
  f->rest = out.s;
}

static Status read_json(Family *f, const cJSON *root, const Image *image, Err *err)
{
  f->norm = norm_of(root);
  f->is_image = image != NULL;
  keep_rest(f, root, image);
  Status rc = STATUS_OK;
  if (!f->is_image) rc = read_clip(f, root, err);
  if (!rc && !json_get(root, "center")) return read_ranges(f, root, err);
  if (!rc) rc = jsonspec_vector(f->path, root, "center", f->n_in, f->center, err);
  return rc ? rc : read_epsilon(f, json_get(root, "epsilon"), err);
}

/* ---- from VNN-LIB -------------------------------------------------------- */

static void print_row(const PropRow *row, Text *out)
{
  text_add(out, "{\"coef\": {");
  for (int p = 0; p < row->n; p++)
    text_add(out, "%s\"%d\": %.17g", p ? ", " : "", row->var[p], row->coef[p]);
  text_add(out, "}, \"rhs\": %.17g}", row->rhs_hi);
}

static void print_unsafe(Family *f, const Prop *prop)
{
  Text out = {0};
  text_add(&out, ", \"unsafe\": [");
  for (int k = 0; k < prop->n_cases; k++) {
    const PropCase *const c = &prop->cases[k];
    text_add(&out, "%s{\"rows\": [", k ? ", " : "");
    for (int i = 0; i < c->n_rows; i++) {
      if (i) text_add(&out, ", ");
      print_row(&c->rows[i], &out);
    }
    text_add(&out, "]}");
  }
  text_add(&out, "]");
  f->rest = out.s;
}

static Status check_prop(const Family *f, const Problem *p, Err *err)
{
  const Prop *const prop = p->prop;
  if (prop->scope->n_networks > 1 || prop->n_in != f->n_in || p->net->n_hidden ||
      prop->n_out != prop->scope->n_out)
    return fail(f, STATUS_UNSUPPORTED,
                "margin needs one network and rows over its outputs alone", err);
  if (prop->n_cases == 0)
    return fail(f, STATUS_UNSUPPORTED, "the unsafe set is empty as written", err);
  if (prop->n_boxes != 1)
    return fail(f, STATUS_UNSUPPORTED,
                "margin needs one box of inputs, but this specification has several",
                err);
  for (int k = 0; k < prop->n_cases; k++)
    if (prop->cases[k].n_rows == 0)
      return fail(f, STATUS_UNSUPPORTED, "every output is unsafe as written", err);
  return STATUS_OK;
}

static Status read_vnnlib(Family *f, const Problem *p, Err *err)
{
  const Status rc = check_prop(f, p, err);
  if (rc) return rc;
  print_unsafe(f, p->prop);
  return take_box(f, p->prop->boxes[0].lo, p->prop->boxes[0].hi, err);
}

/* ---- either -------------------------------------------------------------- */

Status family_of_spec(const char *path, const File *spec, const Problem *p,
                      const FamilyChoice *choice, Family *f, Err *err)
{
  const Image *const image = p->prop->image;
  begin(f, path, image ? image->n : p->prop->scope->n_in, p->prop->scope->n_out);
  f->n = p->prop->n_in;
  Status rc;
  if (load_format(path, spec, err) == LOAD_JSON) {
    cJSON *const root = json_parse(path, spec, err);
    rc = root ? read_json(f, root, image, err) : err->code;
    json_free(root);
  } else {
    rc = read_vnnlib(f, p, err);
  }
  if (!rc) rc = finish(f, choice, err);
  if (rc) family_reset(f);
  return rc;
}

Status family_of_samples(const char *path, int n_in, int n_out,
                         const FamilyChoice *choice, Family *f, Err *err)
{
  begin(f, path, n_in, n_out);
  f->has_label = true;
  f->rest = mem_strdup("");
  Status rc = choose(f, choice, err);
  if (rc) family_reset(f);
  return rc;
}

Status family_move(Family *f, const double *center, int label, const char *path,
                   int line, Err *err)
{
  STATUS_REQUIRE(f->has_label && !f->is_factor, "nothing to move");
  if (label >= f->n_out)
    return status_fail(err, STATUS_DATA,
                       "%s:%d: label %d, but the network has outputs 0 to %d", path,
                       line, label, f->n_out - 1);
  memcpy(f->center, center, (size_t)f->n_in * sizeof *center);
  f->label = label;
  const Status rc = check_center(f, path, line, err);
  if (!rc) choose_start(f);
  return rc;
}

/* ---- members ------------------------------------------------------------- */

static void print_vector(const char *key, const double *x, int n, Text *out)
{
  text_add(out, "\"%s\": [", key);
  for (int i = 0; i < n; i++)
    text_add(out, "%s%.17g", i ? ", " : "", x[i]);
  text_add(out, "]");
}

static void print_epsilon(const Family *f, double r, Text *out)
{
  if (!f->is_factor) {
    text_add(out, ", \"epsilon\": %.17g", r);
    return;
  }
  text_add(out, ", \"epsilon\": [");
  for (int i = 0; i < f->n; i++)
    text_add(out, "%s%.17g", i ? ", " : "", round_mul_up(r, f->half[i]));
  text_add(out, "]");
}

void family_text(const Family *f, double r, Text *out)
{
  text_add(out, "{\"norm\": \"%s\", ", f->norm);
  print_vector("center", f->center, f->n_in, out);
  print_epsilon(f, r, out);
  if (f->clip_lo) {
    text_add(out, ", \"clip\": [");
    for (int end = 0; end < 2; end++) {
      const double *const x = end ? f->clip_hi : f->clip_lo;
      text_add(out, "%s[", end ? ", " : "");
      for (int i = 0; i < f->n_in; i++)
        text_add(out, "%s%.17g", i ? ", " : "", x[i]);
      text_add(out, "]");
    }
    text_add(out, "]");
  }
  text_add(out, "%s", f->rest);
  if (f->has_label) text_add(out, ", \"label\": %d", f->label);
  text_add(out, "}\n");
}

Prop *family_prop(const Family *f, double r, Err *err)
{
  Text text = {0};
  File file = {0};
  Prop *prop = NULL;
  family_text(f, r, &text);
  if (!file_from_memory(f->path, text.s, text.n, PROP_MAX_BYTES, &file, err))
    prop = load_parse(f->path, &file, f->n_in, f->n_out, err);
  file_free(&file);
  text_free(&text);
  return prop;
}

/* ---- distances ----------------------------------------------------------- */

double family_origin(const Family *f, int i)
{
  return f->is_image ? 0 : f->center[i];
}

/* One coordinate's share of the distance, rounded up. */
static double gap(const Family *f, const double *x, int i)
{
  const double c = family_origin(f, i);
  const double d = fmax(round_add_up(x[i], -c), round_add_up(c, -x[i]));
  if (!f->is_factor) return d;
  return d == 0 ? 0 : f->half[i] > 0 ? round_div_up(d, f->half[i]) : INFINITY;
}

double family_distance(const Family *f, const double *x)
{
  double sum = 0;
  for (int i = 0; i < f->n; i++) {
    const double d = gap(f, x, i);
    if (!(d < INFINITY)) return INFINITY;
    if (is_norm(f, "linf"))
      sum = fmax(sum, d);
    else if (is_norm(f, "l2"))
      sum = round_add_up(sum, round_mul_up(d, d));
    else if (is_norm(f, "l1"))
      sum = round_add_up(sum, d);
    else
      sum += d != 0;
  }
  return is_norm(f, "l2") ? round_sqrt_up(sum) : sum;
}

double family_reach(const Family *f)
{
  if (is_norm(f, "l0")) return f->n;
  if (!f->clip_lo || f->is_image) return INFINITY;
  double *const far = mem_doubles((size_t)f->n);
  for (int i = 0; i < f->n; i++) {
    const double c = f->center[i], lo = f->clip_lo[i], hi = f->clip_hi[i];
    far[i] = c - lo > hi - c ? lo : hi;
    if (f->is_factor && !(f->half[i] > 0)) far[i] = c;
  }
  const double reach = family_distance(f, far);
  mem_free(far);
  return reach;
}
