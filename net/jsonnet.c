/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/jsonnet.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/base/json.h"
#include "net/base/mem.h"
#include "net/draft.h"

typedef struct {
  const char *name; /* borrowed from the tree or made up (owned by the net) */
  int node;
  Shape shape;
} Layer;

typedef struct {
  const char *path;
  Err *err;
  Draft draft;
  Layer *layers; /* layers[0] is the input */
  int n_layers;
  int64_t total;  /* elements of all operands and results so far */
  char where[32]; /* "$.layers[3]" */
} Reader;

static Status bad(Reader *r, const char *what)
{
  return status_fail(r->err, STATUS_DATA, "%s: %s: %s", r->path, r->where, what);
}

/* ---- arrays of numbers --------------------------------------------------- */

/* True when `array` nests exactly `rank` deep with these lengths. */
static bool has_shape(const cJSON *array, int rank, const int *dims)
{
  if (rank == 0) return cJSON_IsNumber(array);
  if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != dims[0]) return false;
  for (const cJSON *c = array->child; c; c = c->next)
    if (!has_shape(c, rank - 1, dims + 1)) return false;
  return true;
}

/* layer.key as an array of that shape; *values is owned by the caller.  An absent
 * optional key gives NULL. */
static Status read_array(Reader *r, const cJSON *layer, const char *key, bool optional,
                         int rank, const int *dims, double **values)
{
  const cJSON *array = json_get(layer, key);
  size_t n;
  *values = NULL;
  if (!array && optional) return STATUS_OK;
  if (!array || !has_shape(array, rank, dims)) {
    char text[SHAPE_TEXT];
    Shape shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    return status_fail(r->err, STATUS_DATA,
                       "%s: %s.%s: expected an array of numbers of shape %s%s", r->path,
                       r->where, key, shape_text(&shape, text),
                       array ? "" : ", found nothing");
  }
  return json_numbers(r->path, r->where, array, values, &n, r->err);
}

static Status read_ints(Reader *r, const cJSON *layer, const char *key, int n, int low,
                        int high, int *values)
{
  const cJSON *array = json_get(layer, key);
  if (!array) return STATUS_OK;
  double *v;
  const Status rc = read_array(r, layer, key, false, 1, &n, &v);
  if (rc) return rc;
  bool fine = true;
  for (int i = 0; i < n; i++) {
    const bool whole = v[i] >= low && v[i] <= high && v[i] == (int)v[i];
    if (whole) values[i] = (int)v[i];
    fine = fine && whole;
  }
  mem_free(v);
  if (fine) return STATUS_OK;
  return status_fail(r->err, STATUS_DATA, "%s: %s.%s: expected integers from %d to %d",
                     r->path, r->where, key, low, high);
}

/* ---- references ---------------------------------------------------------- */

static const Layer *find_layer(Reader *r, const cJSON *name)
{
  if (!cJSON_IsString(name)) {
    bad(r, "from: expected a name or an array of names");
    return NULL;
  }
  for (int k = 0; k < r->n_layers; k++)
    if (!strcmp(r->layers[k].name, name->valuestring)) return &r->layers[k];
  status_fail(r->err, STATUS_DATA, "%s: %s.from: no earlier layer is called \"%s\"",
              r->path, r->where, name->valuestring);
  return NULL;
}

/* The layer's operands; *from is owned by the caller. */
static Status read_from(Reader *r, const cJSON *layer, const Layer ***from, int *n)
{
  const cJSON *item = json_get(layer, "from");
  const int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 1;
  *n = 0;
  *from = mem_array((size_t)count + 1, sizeof **from);
  if (!item) {
    (*from)[(*n)++] = &r->layers[r->n_layers - 1];
    return STATUS_OK;
  }
  const cJSON *name = cJSON_IsArray(item) ? item->child : item;
  for (int k = 0; k < count; k++, name = name->next)
    if (!((*from)[(*n)++] = find_layer(r, name))) return STATUS_DATA;
  return *n ? STATUS_OK : bad(r, "from: names no layer");
}

/* ---- kinds of layers ----------------------------------------------------- */

typedef struct {
  const cJSON *json;
  const char *name;
  const Layer **from;
  int n_from;
} Item;

static Status read_dense(Reader *r, const Item *item, Layer *out)
{
  const cJSON *weights = json_get(item->json, "weights");
  const int rows = cJSON_IsArray(weights) ? cJSON_GetArraySize(weights) : 0;
  const int dims[2] = {rows, item->from[0]->shape.n};
  double *W = NULL, *b = NULL;
  if (!rows) return bad(r, "weights: expected an array of rows");
  Status rc = read_array(r, item->json, "weights", false, 2, dims, &W);
  if (!rc) rc = read_array(r, item->json, "bias", true, 1, &rows, &b);
  if (rc) {
    mem_free(W);
    return rc;
  }
  out->shape = shape_vector(rows);
  out->node = draft_dense(&r->draft, item->name, item->from[0]->node, &out->shape, 1,
                          rows, dims[1], W, b, 0);
  return STATUS_OK;
}

/* The lengths of the first entries of nested arrays; false when not `rank` deep. */
static bool leading_dims(const cJSON *array, int rank, int *dims)
{
  for (int d = 0; d < rank; d++) {
    if (!cJSON_IsArray(array) || !array->child) return false;
    dims[d] = cJSON_GetArraySize(array);
    array = array->child;
  }
  return true;
}

static Status conv_geometry(Reader *r, const Item *item, const int dims[4], Conv *c,
                            Shape *shape)
{
  const Shape *x = &item->from[0]->shape;
  int stride[2] = {1, 1}, dilation[2] = {1, 1}, pad[4] = {0}, groups = 1;
  const int most = 1 << 20;
  if (x->rank != 3)
    return bad(r, "conv reads a layer of shape [channels, height, width]");
  Status rc = read_ints(r, item->json, "strides", 2, 1, most, stride);
  if (!rc) rc = read_ints(r, item->json, "dilations", 2, 1, most, dilation);
  if (!rc) rc = read_ints(r, item->json, "padding", 4, 0, most, pad);
  if (!rc && json_get(item->json, "groups"))
    rc = json_int(r->path, r->where, item->json, "groups", 1, most, &groups, r->err);
  if (rc) return rc;
  if (dims[0] % groups || x->dims[0] % groups || dims[1] != x->dims[0] / groups)
    return bad(r, "weights: do not fit the channels of the input and groups");
  const int64_t high = (int64_t)x->dims[1] + pad[0] + pad[2] -
                       ((int64_t)(dims[2] - 1) * dilation[0] + 1);
  const int64_t wide = (int64_t)x->dims[2] + pad[1] + pad[3] -
                       ((int64_t)(dims[3] - 1) * dilation[1] + 1);
  if (high < 0 || wide < 0) return bad(r, "the kernel is larger than its input");
  const int64_t out[3] = {dims[0], high / stride[0] + 1, wide / stride[1] + 1};
  if (!shape_make(3, out, shape) || shape->n > SHAPE_MAX_VARIABLE)
    return bad(r, "the output is too large");
  *c = (Conv){.c_in = x->dims[0],
              .h_in = x->dims[1],
              .w_in = x->dims[2],
              .c_out = dims[0],
              .h_out = shape->dims[1],
              .w_out = shape->dims[2],
              .kh = dims[2],
              .kw = dims[3],
              .sh = stride[0],
              .sw = stride[1],
              .dh = dilation[0],
              .dw = dilation[1],
              .pt = pad[0],
              .pl = pad[1],
              .groups = groups};
  return STATUS_OK;
}

static Status read_conv(Reader *r, const Item *item, Layer *out)
{
  int dims[4];
  double *W = NULL, *b = NULL;
  Conv conv;
  if (!leading_dims(json_get(item->json, "weights"), 4, dims))
    return bad(r, "weights: expected [c_out][c_in / groups][height][width]");
  Status rc = conv_geometry(r, item, dims, &conv, &out->shape);
  if (!rc) rc = read_array(r, item->json, "weights", false, 4, dims, &W);
  if (!rc) rc = read_array(r, item->json, "bias", true, 1, dims, &b);
  if (rc) {
    mem_free(W);
    return rc;
  }
  out->node = draft_conv(&r->draft, item->name, item->from[0]->node, &out->shape, &conv,
                         W, b, 0);
  return STATUS_OK;
}

/* One number for all elements, or an array with one for each. */
static Status read_factor(Reader *r, const Item *item, const char *key, double **values)
{
  const int n = item->from[0]->shape.n;
  const cJSON *value = json_get(item->json, key);
  if (!cJSON_IsNumber(value))
    return read_array(r, item->json, key, true, 1, &n, values);
  double x;
  const Status rc = json_number(r->path, r->where, item->json, key, &x, r->err);
  if (rc) return rc;
  *values = mem_doubles((size_t)n);
  for (int i = 0; i < n; i++)
    (*values)[i] = x;
  return STATUS_OK;
}

static Status read_scale(Reader *r, const Item *item, Layer *out)
{
  double *scale = NULL, *shift = NULL;
  Status rc = read_factor(r, item, "scale", &scale);
  if (!rc) rc = read_factor(r, item, "shift", &shift);
  if (rc) {
    mem_free(scale);
    return rc;
  }
  out->shape = item->from[0]->shape;
  out->node = draft_scale(&r->draft, item->name, item->from[0]->node, &out->shape,
                          scale, shift, 0, NULL);
  return STATUS_OK;
}

static Status read_add(Reader *r, const Item *item, Layer *out)
{
  const int n = item->n_from;
  int *in = mem_array((size_t)n, sizeof *in);
  int *coef = mem_array((size_t)n, sizeof *coef);
  signed char *sign = mem_array((size_t)n, sizeof *sign);
  for (int k = 0; k < n; k++)
    coef[k] = 1;
  Status rc = read_ints(r, item->json, "coef", n, -1, 1, coef);
  for (int k = 0; k < n && !rc; k++) {
    in[k] = item->from[k]->node;
    sign[k] = (signed char)coef[k];
    if (!coef[k]) rc = bad(r, "coef: expected 1 or -1");
    if (item->from[k]->shape.n != item->from[0]->shape.n)
      rc = bad(r, "from: the layers have different sizes");
    for (int j = 0; j < k && n <= 64; j++)
      if (in[j] == in[k]) rc = bad(r, "from: a layer is named twice");
  }
  if (!rc && (n < 2 || n > 64)) rc = bad(r, "from: expected 2 to 64 layers");
  out->shape = item->from[0]->shape;
  if (!rc) out->node = draft_add(&r->draft, item->name, &out->shape, in, sign, n);
  mem_free(in);
  mem_free(coef);
  mem_free(sign);
  return rc;
}

static Status read_mul(Reader *r, const Item *item, Layer *out)
{
  if (item->n_from != 2) return bad(r, "from: expected 2 layers");
  const int a = item->from[0]->node, b = item->from[1]->node;
  out->shape = item->from[0]->shape;
  if (item->from[1]->shape.n != out->shape.n)
    return bad(r, "from: the layers have different sizes");
  if (a == b) return bad(r, "from: a layer is named twice; its square is 'square'");
  out->node = draft_mul(&r->draft, item->name, &out->shape, a, b);
  return STATUS_OK;
}

/* concat is a map that keeps everything. */
static Status read_map(Reader *r, const Item *item, Layer *out)
{
  const cJSON *positions = json_get(item->json, "map");
  const bool concat = !strcmp(json_get(item->json, "type")->valuestring, "concat");
  int *in = mem_array((size_t)item->n_from, sizeof *in);
  int64_t total = 0;
  for (int k = 0; k < item->n_from; k++) {
    in[k] = item->from[k]->node;
    total += item->from[k]->shape.n;
  }
  const int n = concat                     ? (int)total
                : cJSON_IsArray(positions) ? cJSON_GetArraySize(positions)
                                           : 0;
  Status rc = STATUS_OK;
  if (total > SHAPE_MAX_VARIABLE || n < 1)
    rc = bad(r, concat ? "the result is too large" : "map: expected positions");
  int *map = mem_array(rc ? 1 : (size_t)n, sizeof *map);
  for (int i = 0; concat && !rc && i < n; i++)
    map[i] = i;
  if (!concat && !rc) rc = read_ints(r, item->json, "map", n, -1, (int)total - 1, map);
  out->shape = shape_vector(n);
  if (!rc)
    out->node = draft_map(&r->draft, item->name, &out->shape, in, item->n_from, map);
  mem_free(in);
  mem_free(map);
  return rc;
}

static Status read_act(Reader *r, const Item *item, Layer *out, ActKind act)
{
  out->shape = item->from[0]->shape;
  out->node = draft_act(&r->draft, item->name, item->from[0]->node, &out->shape, act);
  return STATUS_OK;
}

/* ---- layers -------------------------------------------------------------- */

typedef struct {
  const char *type;
  bool several; /* may have more than one operand */
  const char *keys[10];
  Status (*read)(Reader *, const Item *, Layer *);
} Kind;

static const Kind kinds[] = {
    {"dense", false, {"type", "name", "from", "weights", "bias"}, read_dense},
    {"conv",
     false,
     {"type", "name", "from", "weights", "bias", "strides", "dilations", "groups",
      "padding"},
     read_conv},
    {"scale", false, {"type", "name", "from", "scale", "shift"}, read_scale},
    {"add", true, {"type", "name", "from", "coef"}, read_add},
    {"mul", true, {"type", "name", "from"}, read_mul},
    {"concat", true, {"type", "name", "from"}, read_map},
    {"map", true, {"type", "name", "from", "map"}, read_map},
};

static const Kind activation = {"", false, {"type", "name", "from"}, NULL};

static ActKind find_act(const char *type)
{
  for (int k = 0; k < ACT_COUNT; k++) {
    bool lower = !strcasecmp(act_name((ActKind)k), type);
    for (const char *c = type; *c; c++)
      lower = lower && !(*c >= 'A' && *c <= 'Z');
    if (lower) return (ActKind)k;
  }
  return ACT_COUNT;
}

static const Kind *find_kind(const char *type, ActKind *act)
{
  *act = ACT_COUNT;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    if (!strcmp(kinds[k].type, type)) return &kinds[k];
  *act = find_act(type);
  return *act < ACT_COUNT ? &activation : NULL;
}

static Status read_name(Reader *r, const cJSON *layer, const char **name)
{
  const cJSON *given = json_get(layer, "name");
  if (given && (!cJSON_IsString(given) || !*given->valuestring))
    return bad(r, "name: expected a text");
  char made_up[32];
  snprintf(made_up, sizeof made_up, "layer %d", r->n_layers);
  *name = given ? given->valuestring : net_keep(r->draft.net, mem_strdup(made_up));
  for (int k = 0; given && k < r->n_layers; k++)
    if (!strcmp(r->layers[k].name, *name))
      return status_fail(r->err, STATUS_DATA, "%s: %s: the name \"%s\" is taken",
                         r->path, r->where, *name);
  return STATUS_OK;
}

static Status read_layer(Reader *r, const cJSON *layer)
{
  const cJSON *type = json_get(layer, "type");
  ActKind act;
  const Kind *kind = cJSON_IsString(type) ? find_kind(type->valuestring, &act) : NULL;
  if (!kind)
    return bad(r, "type: expected dense, conv, scale, add, concat, map, or an "
                  "activation such as relu");
  Item item = {.json = layer};
  Layer out = {0};
  Status rc = json_only_keys(r->path, r->where, layer, kind->keys, r->err);
  if (!rc) rc = read_name(r, layer, &item.name);
  if (!rc) rc = read_from(r, layer, &item.from, &item.n_from);
  if (!rc && item.n_from > 1 && !kind->several)
    rc = bad(r, "from: this type reads one layer");
  if (!rc) rc = kind->read ? kind->read(r, &item, &out) : read_act(r, &item, &out, act);
  for (int k = 0; !rc && k < item.n_from; k++)
    r->total += item.from[k]->shape.n;
  if (!rc && (r->total += out.shape.n) > SHAPE_MAX_TOTAL)
    rc = bad(r, "the network is too large: with it the layers have too many elements");
  out.name = item.name;
  mem_free(item.from);
  if (!rc) r->layers[r->n_layers++] = out;
  return rc;
}

/* ---- the file ------------------------------------------------------------ */

static Status read_input(Reader *r, const cJSON *root, Net *net)
{
  const cJSON *input = json_get(root, "input");
  double *v = NULL;
  size_t n = 0;
  Status rc = STATUS_OK;
  snprintf(r->where, sizeof r->where, "$.input");
  if (cJSON_IsNumber(input)) {
    v = mem_doubles(1);
    rc = json_number(r->path, "$", root, "input", v, r->err);
    n = 1;
  } else {
    rc = json_numbers(r->path, "$.input", input, &v, &n, r->err);
  }
  int64_t dims[NODE_MAX_RANK];
  bool fine = !rc && n >= 1 && n <= NODE_MAX_RANK;
  for (size_t d = 0; fine && d < n; d++) {
    fine = v[d] >= 1 && v[d] <= SHAPE_MAX_VARIABLE && v[d] == (double)(int)v[d];
    dims[d] = fine ? (int64_t)v[d] : 0;
  }
  mem_free(v);
  Layer *first = &r->layers[0];
  if (!rc && (!fine || !shape_make((int)n, dims, &first->shape) ||
              first->shape.n > SHAPE_MAX_VARIABLE))
    rc = bad(r, "expected a length or a shape of positive integers");
  if (rc) return rc;
  draft_init(&r->draft, net, &first->shape);
  first->name = "input";
  r->n_layers = 1;
  return STATUS_OK;
}

static Status read_root(Reader *r, const cJSON *root, Net *net)
{
  static const char *const keys[] = {"input", "layers", NULL};
  Status rc = json_only_keys(r->path, "$", root, keys, r->err);
  if (rc) return rc;
  const cJSON *layers = json_get(root, "layers");
  const int n = cJSON_IsArray(layers) ? cJSON_GetArraySize(layers) : 0;
  r->layers = mem_zero((size_t)n + 1, sizeof *r->layers);
  if ((rc = read_input(r, root, net))) return rc;
  snprintf(r->where, sizeof r->where, "$.layers");
  if (!n) return bad(r, "expected an array of layers");
  const cJSON *layer = layers->child;
  for (int k = 0; k < n && !rc; k++, layer = layer->next) {
    snprintf(r->where, sizeof r->where, "$.layers[%d]", k);
    if (!cJSON_IsObject(layer)) return bad(r, "expected an object");
    rc = read_layer(r, layer);
  }
  if (rc) return rc;
  draft_finish(&r->draft, r->layers[r->n_layers - 1].node);
  net->n_inputs = net->n_outputs = 1;
  return net_finish(net, r->err);
}

Net *jsonnet_read(const char *path, const File *file, Err *err)
{
  cJSON *root = json_parse(path, file, err);
  if (!root) return NULL;
  Net *net = net_new(path);
  Reader r = {.path = path, .err = err};
  const Status rc = read_root(&r, root, net);
  draft_reset(&r.draft);
  mem_free(r.layers);
  json_free(root);
  if (!rc) return net;
  net_free(net);
  return NULL;
}
