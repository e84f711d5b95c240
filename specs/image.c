/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/image.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "net/base/mem.h"
#include "net/base/round.h"
#include "net/join.h"

#define PI 0x1.921fb54442d18p+1

enum { MAX_BLUR = 1023, MAX_DEGREE = 89 };

static double *copied(const double *x, int n)
{
  double *const copy = mem_doubles((size_t)n);
  memcpy(copy, x, (size_t)n * sizeof *x);
  return copy;
}

Image *image_new(ImageKind kind, int n, int k, const double *center)
{
  STATUS_REQUIRE(n > 0 && k > 0 && k <= IMAGE_MAX_NUMBERS / n, "image out of range");
  Image *const image = mem_zero(1, sizeof *image);
  *image = (Image){.kind = kind, .n = n, .k = k};
  image->center = copied(center, n);
  image->d = mem_doubles0((size_t)n * (size_t)k);
  return image;
}

void image_free(Image *image)
{
  if (!image) return;
  mem_free(image->center);
  mem_free(image->d);
  mem_free(image->clip_lo);
  mem_free(image->clip_hi);
  mem_free(image);
}

void image_set_clip(Image *image, const double *lo, const double *hi)
{
  image->clip_lo = copied(lo, image->n);
  image->clip_hi = copied(hi, image->n);
}

bool image_is_one_sided(const Image *image)
{
  return image->kind == IMAGE_BLUR;
}

/* ---- directions ---------------------------------------------------------- */

static double *at(const Image *image, int i, int j)
{
  return &image->d[(size_t)i * (size_t)image->k + (size_t)j];
}

static void fill_brightness(Image *image)
{
  const int plane = image->n / image->k;
  for (int i = 0; i < image->n; i++)
    *at(image, i, i / plane) = 1;
}

static void fill_contrast(Image *image)
{
  double sum = 0;
  for (int i = 0; i < image->n; i++)
    sum += image->center[i];
  const double mean = sum / image->n;
  for (int i = 0; i < image->n; i++)
    *at(image, i, 0) = image->center[i] - mean;
}

/* x of 0..n-1 as a number from -1 to 1. */
static double coordinate(int x, int n)
{
  return n > 1 ? 2.0 * x / (n - 1) - 1 : 0;
}

static double power(double x, int e)
{
  double p = 1;
  for (; e > 0; e--)
    p *= x;
  return p;
}

static void fill_bias_field(Image *image)
{
  const int w = image->width, h = image->height;
  for (int i = 0; i < image->n; i++) {
    const double u = coordinate(i % w, w), v = coordinate(i / w % h, h);
    int j = 0;
    for (int total = 0; total <= image->degree; total++)
      for (int a = total; a >= 0; a--)
        *at(image, i, j++) = image->center[i] * power(u, a) * power(v, total - a);
  }
}

/* to[i] = sum of from[i + o step], |o| <= reach, over the places of i's line that
 * exist; `place` of `length` is where i is in its line. */
static double window_sum(const double *from, int i, int place, int length, int step,
                         int reach)
{
  double sum = 0;
  const int first = place > reach ? -reach : -place;
  const int last = length - 1 - place < reach ? length - 1 - place : reach;
  for (int o = first; o <= last; o++)
    sum += from[i + o * step];
  return sum;
}

static int window_count(int place, int length, int reach)
{
  const int before = place < reach ? place : reach;
  const int after = length - 1 - place < reach ? length - 1 - place : reach;
  return before + 1 + after;
}

static void fill_blur(Image *image)
{
  const int w = image->width, h = image->height, reach = image->size / 2;
  double *const rows = mem_doubles((size_t)image->n);
  for (int i = 0; i < image->n; i++)
    rows[i] = window_sum(image->center, i, i % w, w, 1, reach);
  for (int i = 0; i < image->n; i++) {
    const int x = i % w, y = i / w % h;
    const double count = (double)window_count(x, w, reach) * window_count(y, h, reach);
    *at(image, i, 0) = window_sum(rows, i, y, h, w, reach) / count - image->center[i];
  }
  mem_free(rows);
}

/* sin or cos of x, |x| <= pi / 4, by its Taylor series: the same on every machine. */
static double series(double x, bool is_sine)
{
  const double square = x * x;
  double sum = 0;
  for (int k = is_sine ? 19 : 18; k >= 2; k -= 2)
    sum = -square / (k * (k - 1)) * (1 + sum);
  return is_sine ? x * (1 + sum) : 1 + sum;
}

/* cos (pi p / q), p >= 0, q > 0. */
static double cos_part(int64_t p, int64_t q)
{
  p %= 2 * q;
  if (p > q) p = 2 * q - p;
  const double sign = 2 * p > q ? -1 : 1;
  if (2 * p > q) p = q - p;
  if (4 * p > q) return sign * series(PI * (double)(q - 2 * p) / (double)(2 * q), true);
  return sign * series(PI * (double)p / (double)q, false);
}

/* Element y of basis vector p of DCT-II of this length. */
static double basis(int p, int y, int length)
{
  const double s = sqrt((p ? 2.0 : 1.0) / length);
  return s * cos_part((2 * (int64_t)y + 1) * p, 2 * (int64_t)length);
}

/* How many (p, q) with p < height, q < width have p + q = s. */
static int n_diagonal(const Image *image, int s)
{
  const int first = s < image->width ? 0 : s - image->width + 1;
  const int last = s < image->height ? s : image->height - 1;
  return last >= first ? last - first + 1 : 0;
}

static void fill_frequency(Image *image)
{
  const int w = image->width, h = image->height, plane = w * h;
  int j = 0;
  for (int c = 0; c < image->channels; c++)
    for (int s = image->low; s <= image->high; s++)
      for (int p = 0; p <= s && p < h; p++) {
        if (s - p >= w) continue;
        for (int y = 0; y < h; y++) {
          const double row = basis(p, y, h);
          for (int x = 0; x < w; x++)
            *at(image, c * plane + y * w + x, j) = row * basis(s - p, x, w);
        }
        j++;
      }
}

/* ---- reading ------------------------------------------------------------- */

typedef struct {
  const char *path;
  const cJSON *object;
  int n;
  Image head; /* all but the arrays */
  Err *err;
} Reader;

static Status bad(const Reader *r, const char *key, const char *what)
{
  return status_fail(r->err, STATUS_DATA, "%s: $.image.%s: %s", r->path, key, what);
}

static Status read_shape(Reader *r)
{
  const cJSON *const item = json_get(r->object, "shape");
  int *const sides[] = {&r->head.channels, &r->head.height, &r->head.width};
  int64_t product = 1;
  if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 3)
    return bad(r, "shape", "expected [channels, height, width]");
  const cJSON *side = item->child;
  for (int d = 0; d < 3; d++, side = side->next) {
    const double x = cJSON_IsNumber(side) ? side->valuedouble : 0;
    if (!(x >= 1 && x <= r->n) || x != floor(x))
      return bad(r, "shape",
                 "expected three integers from 1 to the number of inputs: channels, "
                 "height, width");
    *sides[d] = (int)x;
    product = product > r->n ? product : product * (int)x;
  }
  if (product == r->n) return STATUS_OK;
  return status_fail(r->err, STATUS_DATA,
                     "%s: $.image.shape: %d channels of %d x %d are not the %d inputs "
                     "of the network",
                     r->path, r->head.channels, r->head.height, r->head.width, r->n);
}

static Status read_int(Reader *r, const char *key, int low, int high, int *value)
{
  return json_int(r->path, "$.image", r->object, key, low, high, value, r->err);
}

static Status read_brightness(Reader *r)
{
  const cJSON *const item = json_get(r->object, "channels");
  r->head.k = 1;
  if (item && !cJSON_IsBool(item)) return bad(r, "channels", "expected true or false");
  if (!cJSON_IsTrue(item)) {
    if (!json_get(r->object, "shape")) return STATUS_OK;
    return bad(r, "shape", "only needed with \"channels\": true");
  }
  const Status rc = read_shape(r);
  if (!rc) r->head.k = r->head.channels;
  return rc;
}

static Status read_contrast(Reader *r)
{
  r->head.k = 1;
  return STATUS_OK;
}

static Status read_bias_field(Reader *r)
{
  Status rc = read_shape(r);
  if (!rc) rc = read_int(r, "degree", 0, MAX_DEGREE, &r->head.degree);
  r->head.k = (r->head.degree + 1) * (r->head.degree + 2) / 2;
  return rc;
}

static Status read_blur(Reader *r)
{
  Status rc = read_shape(r);
  if (!rc) rc = read_int(r, "size", 3, MAX_BLUR, &r->head.size);
  if (!rc && r->head.size % 2 == 0) rc = bad(r, "size", "expected an odd number");
  r->head.k = 1;
  return rc;
}

static Status read_frequency(Reader *r)
{
  Status rc = read_shape(r);
  if (rc) return rc;
  const int most = r->head.height + r->head.width - 2;
  rc = read_int(r, "low", 0, most, &r->head.low);
  if (!rc) rc = read_int(r, "high", r->head.low, most, &r->head.high);
  if (rc) return rc;
  int64_t k = 0;
  for (int s = r->head.low; s <= r->head.high; s++)
    k += n_diagonal(&r->head, s);
  k *= r->head.channels;
  r->head.k = k > INT_MAX ? INT_MAX : (int)k;
  return STATUS_OK;
}

typedef struct {
  const char *word;
  ImageKind kind;
  Status (*read)(Reader *r);
  void (*fill)(Image *image);
  const char *keys[5];
} Kind;

static const Kind kinds[] = {
    {"brightness",
     IMAGE_BRIGHTNESS,
     read_brightness,
     fill_brightness,
     {"kind", "channels", "shape"}},
    {"contrast", IMAGE_CONTRAST, read_contrast, fill_contrast, {"kind"}},
    {"bias-field",
     IMAGE_BIAS_FIELD,
     read_bias_field,
     fill_bias_field,
     {"kind", "shape", "degree"}},
    {"blur", IMAGE_BLUR, read_blur, fill_blur, {"kind", "shape", "size"}},
    {"frequency",
     IMAGE_FREQUENCY,
     read_frequency,
     fill_frequency,
     {"kind", "shape", "low", "high"}},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static const Kind *find_kind(const cJSON *item)
{
  const char *const word = cJSON_IsString(item) ? item->valuestring : NULL;
  for (int i = 0; word && i < N_KINDS; i++)
    if (!strcmp(word, kinds[i].word)) return &kinds[i];
  return NULL;
}

static bool all_finite(const double *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

static Status check_size(const char *path, int n, int k, Err *err)
{
  if (k >= 1 && k <= IMAGE_MAX_PARAMETERS && k <= IMAGE_MAX_NUMBERS / n)
    return STATUS_OK;
  return status_fail(err, STATUS_DATA,
                     "%s: $.image: %s parameters; at most %d, and at most %d numbers "
                     "in all directions together, are read",
                     path, k < 1 ? "no" : "too many", IMAGE_MAX_PARAMETERS,
                     IMAGE_MAX_NUMBERS);
}

/* {"directions": [VECTOR, ...]} */
static Image *read_directions(const Reader *r, const double *center,
                              ImageVector *vector, const void *reader)
{
  static const char *const keys[] = {"directions", NULL};
  const cJSON *const list = json_get(r->object, "directions");
  Status rc = json_only_keys(r->path, "$.image", r->object, keys, r->err);
  if (!rc && (!cJSON_IsArray(list) || !list->child))
    rc = bad(r, "directions", "expected an array of at least one vector");
  const int k = rc ? 0 : cJSON_GetArraySize(list);
  if (rc || check_size(r->path, r->n, k, r->err)) return NULL;
  Image *image = image_new(IMAGE_DIRECTIONS, r->n, k, center);
  double *const d = mem_doubles((size_t)r->n);
  int j = 0;
  for (const cJSON *m = list->child; m && !rc; m = m->next, j++) {
    Text where = {0};
    text_add(&where, "image.directions[%d]", j);
    rc = vector(reader, where.s, m, d);
    text_free(&where);
    for (int i = 0; i < r->n && !rc; i++)
      *at(image, i, j) = d[i];
  }
  mem_free(d);
  if (!rc) return image;
  image_free(image);
  return NULL;
}

static Image *read_kind(Reader *r, const double *center)
{
  const Kind *const kind = find_kind(json_get(r->object, "kind"));
  if (!kind) {
    status_fail(r->err, STATUS_UNSUPPORTED,
                "%s: $.image.kind: expected one of \"brightness\", \"contrast\", "
                "\"bias-field\", \"blur\" and \"frequency\", or \"directions\" "
                "instead of it",
                r->path);
    return NULL;
  }
  if (json_only_keys(r->path, "$.image", r->object, kind->keys, r->err) ||
      kind->read(r) || check_size(r->path, r->n, r->head.k, r->err))
    return NULL;
  Image *const image = image_new(kind->kind, r->n, r->head.k, center);
  image->channels = r->head.channels;
  image->height = r->head.height;
  image->width = r->head.width;
  image->degree = r->head.degree;
  image->size = r->head.size;
  image->low = r->head.low;
  image->high = r->head.high;
  kind->fill(image);
  if (all_finite(image->d, (size_t)r->n * (size_t)image->k)) return image;
  status_fail(r->err, STATUS_DATA,
              "%s: $.image: some direction exceeds the largest double", r->path);
  image_free(image);
  return NULL;
}

Image *image_read(const char *path, const cJSON *object, int n, const double *center,
                  ImageVector *vector, const void *reader, Err *err)
{
  Reader r = {.path = path, .object = object, .n = n, .err = err};
  if (cJSON_IsObject(object))
    return json_get(object, "directions") ? read_directions(&r, center, vector, reader)
                                          : read_kind(&r, center);
  status_fail(err, STATUS_DATA,
              "%s: $.image: expected {\"kind\": ...} or {\"directions\": [...]}", path);
  return NULL;
}

/* ---- the map ------------------------------------------------------------- */

double *image_input(const Image *image, const double *t)
{
  double *const x = mem_doubles((size_t)image->n);
  for (int i = 0; i < image->n; i++) {
    double sum = image->center[i], rest = 0;
    for (int j = 0; j < image->k; j++) {
      const double d = *at(image, i, j), product = d * t[j];
      double next;
      rest += round_sum_err(sum, product, &next) + fma(d, t[j], -product);
      sum = next;
    }
    x[i] = sum + rest;
    if (image->clip_lo) x[i] = fmin(fmax(x[i], image->clip_lo[i]), image->clip_hi[i]);
  }
  return x;
}

/* Behind the last node: scale x + shift. */
static void add_scale(Net *net, const Node *like, const double *scale,
                      const double *shift)
{
  const int in = net->n_nodes - 1;
  Node v = *like;
  v.kind = NODE_SCALE;
  v.scale = scale;
  v.shift = shift;
  net_add(net, &v, &in, 1);
}

static void add_relu(Net *net, const Node *like)
{
  const int in = net->n_nodes - 1;
  Node v = *like;
  v.kind = NODE_ACT;
  v.act = ACT_RELU;
  net_add(net, &v, &in, 1);
}

static void add_clip(Net *net, const Image *image, const Node *like)
{
  const double *const lo = net_keep(net, copied(image->clip_lo, image->n));
  const double *const hi = net_keep(net, copied(image->clip_hi, image->n));
  double *const below = net_keep(net, copied(lo, image->n));
  double *const minus = net_keep(net, mem_doubles((size_t)image->n));
  for (int i = 0; i < image->n; i++) {
    below[i] = -lo[i];
    minus[i] = -1;
  }
  add_scale(net, like, NULL, below);
  add_relu(net, like);
  add_scale(net, like, NULL, lo);
  add_scale(net, like, minus, hi);
  add_relu(net, like);
  add_scale(net, like, minus, hi);
}

Net *image_net(Net *net, const Image *image, Err *err)
{
  STATUS_REQUIRE(net_in_size(net) == image->n, "image and network must fit");
  const int n = image->n, k = image->k, first = 0;
  Net *const front = net_new(net->path);
  const Node input = {
      .kind = NODE_INPUT, .size = k, .rank = 1, .dims = {k}, .name = "parameters"};
  Node like = {.size = n, .rank = net->nodes[0].rank, .name = "image"};
  memcpy(like.dims, net->nodes[0].dims, sizeof like.dims);
  Node sum = like;
  sum.kind = NODE_DENSE;
  sum.reps = 1;
  sum.rows = n;
  sum.cols = k;
  sum.W = net_keep(front, copied(image->d, n * k));
  sum.b = net_keep(front, copied(image->center, n));
  net_add(front, &input, NULL, 0);
  net_add(front, &sum, &first, 1);
  if (image->clip_lo) add_clip(front, image, &like);
  return join_chain(front, net, err);
}

/* ---- words --------------------------------------------------------------- */

void image_words(const Image *image, Text *out)
{
  text_add(out, "  of x = center + sum of X_j d_j, the %d inputs of the network: ",
           image->n);
  switch (image->kind) {
  case IMAGE_DIRECTIONS:
    text_add(out, "%d direction%s as given", image->k, image->k == 1 ? "" : "s");
    break;
  case IMAGE_BRIGHTNESS:
    text_add(out, "brightness%s", image->channels ? ", one parameter a channel" : "");
    break;
  case IMAGE_CONTRAST:
    text_add(out, "contrast, d = center - its mean");
    break;
  case IMAGE_BIAS_FIELD:
    text_add(out, "a bias field, center times 1 + a polynomial of degree %d",
             image->degree);
    break;
  case IMAGE_BLUR:
    text_add(out, "blur by means of %d x %d, from 0 to X_0 of it", image->size,
             image->size);
    break;
  case IMAGE_FREQUENCY:
    text_add(out, "frequencies %d to %d of the cosine transform", image->low,
             image->high);
    break;
  }
  if (image->clip_lo) text_add(out, "; clipped");
  text_add(out, "\n");
}
