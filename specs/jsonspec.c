/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/jsonspec.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/base/text.h"
#include "specs/csv.h"
#include "specs/image.h"
#include "specs/jsonrows.h"

typedef struct {
  const char *path;
  const cJSON *root;
  int n_in, n_out;
  Prop *prop; /* its image is set where there is one */
  Err *err;
} Reader;

/* What a number for each is counted by: inputs, or the parameters of an image. */
static int set_size(const Reader *r)
{
  return r->prop->image ? r->prop->image->k : r->n_in;
}

static Status bad(const Reader *r, const char *key, const char *what)
{
  return status_fail(r->err, STATUS_DATA, "%s: $.%s: %s", r->path, key, what);
}

/* ---- vectors ------------------------------------------------------------- */

/* An array of exactly n numbers, as many as `owner` has `of`. */
static Status read_array(const Reader *r, const char *where, const cJSON *array, int n,
                         const char *owner, const char *of, double *x)
{
  char full[96] = "$.";
  strncat(full, where, sizeof full - 3);
  return json_vector(r->path, full, array, n, owner, of, x, r->err);
}

/* One number for all, or an array. */
static Status read_ends(const Reader *r, const char *key, const cJSON *item, double *x)
{
  const bool is_image = r->prop->image;
  if (!cJSON_IsNumber(item))
    return read_array(r, key, item, set_size(r), is_image ? "image" : "network",
                      is_image ? "parameters" : "inputs", x);
  if (!isfinite(item->valuedouble)) return bad(r, key, "expected a finite number");
  for (int i = 0; i < set_size(r); i++)
    x[i] = item->valuedouble;
  return STATUS_OK;
}

static char *beside(const char *path, const char *name)
{
  const char *const slash = strrchr(path, '/');
  if (name[0] == '/' || !slash) return mem_strdup(name);
  const size_t folder = (size_t)(slash - path) + 1, n = strlen(name);
  char *const full = mem_alloc(folder + n + 1);
  memcpy(full, path, folder);
  memcpy(full + folder, name, n + 1);
  return full;
}

static Status read_csv(const Reader *r, const char *key, const cJSON *item, double *x)
{
  const cJSON *name = item;
  int row = -1;
  if (cJSON_IsObject(item)) {
    static const char *const keys[] = {"csv", "row", NULL};
    char where[32] = "$.";
    strncat(where, key, sizeof where - 3);
    Status rc = json_only_keys(r->path, where, item, keys, r->err);
    if (!rc) rc = json_int(r->path, where, item, "row", 0, INT_MAX, &row, r->err);
    if (rc) return rc;
    name = json_get(item, "csv");
  }
  if (!cJSON_IsString(name) || !name->valuestring[0])
    return bad(r, key, "expected the name of a CSV file");
  char *const path = beside(r->path, name->valuestring);
  const Status rc = csv_read(path, row, r->n_in, x, r->err);
  mem_free(path);
  return rc;
}

static Status read_item(const Reader *r, const char *key, const cJSON *item, double *x)
{
  if (!item) return bad(r, key, "is missing");
  if (cJSON_IsArray(item))
    return read_array(r, key, item, r->n_in, "network", "inputs", x);
  if (cJSON_IsString(item) || cJSON_IsObject(item)) return read_csv(r, key, item, x);
  return bad(r, key,
             "expected an array of numbers, \"file.csv\" or {\"csv\": \"file.csv\", "
             "\"row\": 0}");
}

static Status read_vector(const Reader *r, const char *key, double *x)
{
  return read_item(r, key, json_get(r->root, key), x);
}

/* The middle of the set: 0 for the parameters of an image. */
static Status read_middle(const Reader *r, double *x)
{
  if (!r->prop->image) return read_vector(r, "center", x);
  memset(x, 0, (size_t)set_size(r) * sizeof *x);
  return STATUS_OK;
}

Status jsonspec_vector(const char *path, const cJSON *root, const char *key, int n,
                       double *x, Err *err)
{
  const Reader r = {.path = path, .root = root, .n_in = n, .err = err};
  return read_vector(&r, key, x);
}

/* ---- the box ------------------------------------------------------------- */

/* center +- epsilon in both readings; the float32 reading is added at the end. */
static Status read_ball(const Reader *r, Box *box, double *scratch)
{
  const size_t n = (size_t)set_size(r);
  const cJSON *const epsilon = json_get(r->root, "epsilon");
  if (!epsilon) return bad(r, "epsilon", "is missing");
  Status rc = read_middle(r, scratch);
  if (!rc) rc = read_ends(r, "epsilon", epsilon, scratch + n);
  if (rc) return rc;
  for (size_t i = 0; i < n; i++) {
    const double c = scratch[i], e = scratch[n + i];
    if (!(e >= 0)) return bad(r, "epsilon", "must not be negative");
    box->lo[i] = round_add_dn(c, -e);
    box->in_lo[i] = round_add_up(c, -e);
    box->hi[i] = round_add_up(c, e);
    box->in_hi[i] = round_add_dn(c, e);
    if (r->prop->image && image_is_one_sided(r->prop->image))
      box->lo[i] = box->in_lo[i] = 0;
    if (!isfinite(box->lo[i]) || !isfinite(box->hi[i]))
      return bad(r, "epsilon", "center +- epsilon exceeds the largest double");
  }
  return STATUS_OK;
}

static Status read_ranges(const Reader *r, Box *box)
{
  const size_t bytes = (size_t)r->n_in * sizeof *box->lo;
  Status rc = read_vector(r, "lower", box->lo);
  if (!rc) rc = read_vector(r, "upper", box->hi);
  if (rc) return rc;
  memcpy(box->in_lo, box->lo, bytes);
  memcpy(box->in_hi, box->hi, bytes);
  return STATUS_OK;
}

/* Low and high ends, one after the other. */
static Status read_clip(const Reader *r, const cJSON *item, double *ends)
{
  if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2)
    return bad(r, "clip", "expected [low, high]");
  const Status rc = read_ends(r, "clip[0]", item->child, ends);
  return rc ? rc : read_ends(r, "clip[1]", item->child->next, ends + r->n_in);
}

/* Of an image it is part of the network. */
static Status clip(const Reader *r, Box *box, double *scratch)
{
  const size_t n = (size_t)r->n_in;
  const cJSON *const item = json_get(r->root, "clip");
  if (!item || r->prop->image) return STATUS_OK;
  const Status rc = read_clip(r, item, scratch);
  if (rc) return rc;
  for (size_t i = 0; i < n; i++) {
    box->lo[i] = fmax(box->lo[i], scratch[i]);
    box->in_lo[i] = fmax(box->in_lo[i], scratch[i]);
    box->hi[i] = fmin(box->hi[i], scratch[n + i]);
    box->in_hi[i] = fmin(box->in_hi[i], scratch[n + i]);
  }
  return STATUS_OK;
}

/* All ends come from doubles, so the range holds a double unless it is empty. */
static Status finish_box(const Reader *r, Box *box)
{
  for (int i = 0; i < box->n; i++) {
    if (!(box->in_lo[i] <= box->in_hi[i]))
      return status_fail(r->err, STATUS_DATA,
                         "%s: $: the range of input %d is empty (%.17g to %.17g)",
                         r->path, i, box->in_lo[i], box->in_hi[i]);
    box->lo[i] = box_float_dn(box->lo[i]);
    box->hi[i] = box_float_up(box->hi[i]);
  }
  return STATUS_OK;
}

/* ---- balls of other norms ------------------------------------------------ */

/* Which ball `norm` asks for; linf: none. */
static Status read_norm(const Reader *r, bool *any, BallNorm *norm)
{
  static const BallNorm norms[] = {BALL_L2, BALL_L1, BALL_L0};
  const cJSON *const item = json_get(r->root, "norm");
  const char *const word = cJSON_IsString(item) ? item->valuestring : NULL;
  *any = false;
  if (!item || (word && !strcmp(word, "linf"))) return STATUS_OK;
  for (size_t i = 0; word && i < sizeof norms / sizeof *norms; i++) {
    if (strcmp(word, ball_norm_word(norms[i])) != 0) continue;
    *any = true;
    *norm = norms[i];
    return STATUS_OK;
  }
  return status_fail(r->err, STATUS_UNSUPPORTED,
                     "%s: $.norm: expected one of \"linf\", \"l2\", \"l1\" and \"l0\"",
                     r->path);
}

static Status read_radius(const Reader *r, BallNorm norm, double *radius)
{
  const cJSON *const item = json_get(r->root, "epsilon");
  if (!item) return bad(r, "epsilon", "is missing");
  if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || item->valuedouble < 0)
    return bad(r, "epsilon", "expected a number >= 0, the radius of the ball");
  *radius = item->valuedouble;
  if (norm == BALL_L0 && (*radius != floor(*radius) || *radius > r->n_in))
    return bad(r, "epsilon",
               "l0 counts inputs: expected a whole number from 0 to the number of "
               "inputs");
  return STATUS_OK;
}

/* l1 and l2: the box around the ball, proofs in the outer reading of net/ball.h; l0:
 * all numbers, to be clipped. */
static Status box_of_ball(const Reader *r, Box *box)
{
  const Ball *const ball = box->ball;
  for (int i = 0; i < box->n; i++) {
    if (ball->norm == BALL_L0) {
      box->lo[i] = box->in_lo[i] = -INFINITY;
      box->hi[i] = box->in_hi[i] = INFINITY;
      continue;
    }
    box->lo[i] = round_add_dn(ball->c_lo[i], -ball->outer);
    box->in_lo[i] = round_add_up(ball->c[i], -ball->radius);
    box->hi[i] = round_add_up(ball->c_hi[i], ball->outer);
    box->in_hi[i] = round_add_dn(ball->c[i], ball->radius);
    if (!isfinite(box->lo[i]) || !isfinite(box->hi[i]))
      return bad(r, "epsilon", "center +- epsilon exceeds the largest double");
  }
  return STATUS_OK;
}

static Status read_other_ball(const Reader *r, BallNorm norm, Box *box, double *scratch)
{
  double radius = 0;
  Status rc = read_middle(r, scratch);
  if (!rc) rc = read_radius(r, norm, &radius);
  if (!rc && norm == BALL_L0 && !json_get(r->root, "clip"))
    rc = bad(r, "clip", "is missing: l0 needs the range of every input");
  if (rc) return rc;
  box->ball = ball_new(norm, box->n, scratch, radius);
  return box_of_ball(r, box);
}

/* The point of the box nearest to the centre is in the ball, or the set may be empty
 * and whatever is said about it true. */
static Status check_not_empty(const Reader *r, const Box *box, double *scratch)
{
  if (!box->ball) return STATUS_OK;
  for (int i = 0; i < box->n; i++)
    scratch[i] = fmin(fmax(box->ball->c[i], box->in_lo[i]), box->in_hi[i]);
  if (ball_contains(box->ball, scratch)) return STATUS_OK;
  return status_fail(r->err, STATUS_DATA,
                     "%s: $: the %s ball of radius %.17g around the centre does not "
                     "reach the box of \"clip\"",
                     r->path, ball_norm_word(box->ball->norm), box->ball->radius);
}

static Status read_box(const Reader *r, Box *box)
{
  const bool ball = json_get(r->root, "center") || json_get(r->root, "epsilon");
  const bool ranges = json_get(r->root, "lower") || json_get(r->root, "upper");
  if (ball == ranges)
    return status_fail(r->err, STATUS_DATA,
                       "%s: $: expected either \"center\" and \"epsilon\" or \"lower\" "
                       "and \"upper\"",
                       r->path);
  bool other;
  BallNorm norm = BALL_L2;
  Status rc = read_norm(r, &other, &norm);
  if (!rc && other && ranges)
    rc = bad(r, "norm",
             "a ball has \"center\" and \"epsilon\"; a box goes into \"clip\"");
  if (rc) return rc;
  double *const scratch = mem_doubles(2 * (size_t)box->n);
  rc = ranges  ? read_ranges(r, box)
       : other ? read_other_ball(r, norm, box, scratch)
               : read_ball(r, box, scratch);
  if (!rc) rc = clip(r, box, scratch);
  if (!rc) rc = finish_box(r, box);
  if (!rc) rc = check_not_empty(r, box, scratch);
  mem_free(scratch);
  return rc;
}

/* ---- images -------------------------------------------------------------- */

static Status read_direction(const void *reader, const char *where, const cJSON *item,
                             double *x)
{
  return read_item(reader, where, item, x);
}

static Status check_image_keys(const Reader *r)
{
  const cJSON *const norm = json_get(r->root, "norm");
  if (json_get(r->root, "lower") || json_get(r->root, "upper"))
    return bad(r, "image", "goes with \"center\" and \"epsilon\"");
  if (cJSON_IsString(norm) && !strcmp(norm->valuestring, "l0"))
    return bad(r, "norm", "\"l0\" cannot be combined with \"image\"");
  return STATUS_OK;
}

static Status check_image_norm(const Reader *r)
{
  const cJSON *const norm = json_get(r->root, "norm");
  if (!image_is_one_sided(r->prop->image) || !norm) return STATUS_OK;
  if (cJSON_IsString(norm) && !strcmp(norm->valuestring, "linf")) return STATUS_OK;
  return bad(r, "norm", "a blur has one parameter, from 0 to epsilon: leave it out");
}

/* Before the image is known: ends are counted by inputs. */
static Status read_image_clip(const Reader *r, const cJSON *item, double *ends)
{
  const size_t n = (size_t)r->n_in;
  const Status rc = item ? read_clip(r, item, ends) : STATUS_OK;
  for (size_t i = 0; i < n && item && !rc; i++)
    if (!(ends[i] <= ends[n + i]))
      return status_fail(r->err, STATUS_DATA,
                         "%s: $.clip: the range of input %zu is empty (%.17g to %.17g)",
                         r->path, i, ends[i], ends[n + i]);
  return rc;
}

/* Set prop->image, and make the inputs of prop its parameters; nothing without the key
 * `image`. */
static Status read_image(const Reader *r)
{
  const cJSON *const item = json_get(r->root, "image");
  const cJSON *const ends = json_get(r->root, "clip");
  const size_t n = (size_t)r->n_in;
  if (!item) return STATUS_OK;
  Status rc = check_image_keys(r);
  if (rc) return rc;
  double *const center = mem_doubles(3 * n), *const low = center + n;
  rc = read_vector(r, "center", center);
  if (!rc) rc = read_image_clip(r, ends, low);
  if (!rc)
    r->prop->image =
        image_read(r->path, item, r->n_in, center, read_direction, r, r->err);
  if (!rc && !r->prop->image) rc = r->err->code;
  if (!rc && ends) image_set_clip(r->prop->image, low, low + n);
  mem_free(center);
  if (rc) return rc;
  r->prop->n_in = r->prop->image->k;
  return check_image_norm(r);
}

static Status read_spec(const Reader *r)
{
  static const char *const keys[] = {"norm",  "epsilon", "center", "clip",
                                     "lower", "upper",   "label",  "unsafe",
                                     "image", "where",   NULL};
  Status rc = json_only_keys(r->path, "$", r->root, keys, r->err);
  if (!rc) rc = read_image(r);
  if (!rc && !json_get(r->root, "label") == !json_get(r->root, "unsafe"))
    rc = status_fail(r->err, STATUS_DATA,
                     "%s: $: expected either \"label\" or \"unsafe\"", r->path);
  if (rc) return rc;
  Box box = box_new(set_size(r));
  rc = read_box(r, &box);
  if (!rc)
    rc = jsonrows_read(r->path, r->root, prop_add_box(r->prop, &box), r->prop, r->err);
  box_free(&box);
  return rc;
}

Prop *jsonspec_parse(const char *path, const File *file, int n_in, int n_out, Err *err)
{
  cJSON *const root = json_parse(path, file, err);
  if (!root) return NULL;
  Reader r = {.path = path,
              .root = root,
              .n_in = n_in,
              .n_out = n_out,
              .prop = prop_new(path, n_in, n_out),
              .err = err};
  const Status rc = read_spec(&r);
  json_free(root);
  if (!rc) {
    prop_finish(r.prop);
    return r.prop;
  }
  prop_free(r.prop);
  return NULL;
}
