/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/assignment.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/decimal.h"
#include "net/base/file.h"
#include "net/base/mem.h"
#include "specs/image.h"
#include "specs/scope.h"
#include "specs/sexpr.h"

int assignment_n_inputs(const Prop *prop)
{
  return prop->scope ? prop->scope->n_in : prop->n_in;
}

int assignment_input(const Prop *prop, int declared)
{
  return prop->scope ? scope_free(prop->scope, declared) : declared;
}

int assignment_n_outputs(const Prop *prop)
{
  return prop->scope ? prop->scope->n_out : prop->n_out;
}

/* ---- writing ------------------------------------------------------------- */

static double output(const Net *net, const Witness *w, int i)
{
  return net->is_float32 ? (double)w->y32[i] : w->y[i];
}

/* As comments: whoever reads the witness needs X alone. */
static void print_model_input(const Witness *w, Text *out)
{
  const Image *const image = w->prop->image;
  double *const x = image_input(image, w->x);
  text_add(out, "; the input of the model at these parameters of the image:\n");
  for (int i = 0; i < image->n; i++)
    text_add(out, "; x_%d %.17g\n", i, x[i]);
  mem_free(x);
}

static void print_v1(const Net *net, const Witness *w, Text *out)
{
  for (int i = 0; i < assignment_n_inputs(w->prop); i++) {
    text_add(out, "%s(X_%d ", i ? "\n" : "(", i);
    witness_print_input(w, assignment_input(w->prop, i), out);
    text_add(out, ")");
  }
  for (int i = 0; i < assignment_n_outputs(w->prop); i++)
    text_add(out, "\n(Y_%d %.17g)", i, output(net, w, i));
  text_add(out, ")\n");
  if (w->prop->image) print_model_input(w, out);
}

static void print_tensor(const Net *net, const Witness *w, const ScopeTensor *t,
                         Text *out)
{
  text_add(out, "%s %s [", t->name, t->type);
  for (int d = 0; d < t->rank; d++)
    text_add(out, "%s%d", d ? "," : "", t->dims[d]);
  text_add(out, "]\n");
  for (int i = t->first; i < t->first + t->size; i++) {
    if (t->role == SCOPE_INPUT)
      witness_print_input(w, assignment_input(w->prop, i), out);
    else
      text_add(out, "%.17g", output(net, w, i));
    text_add(out, "\n");
  }
}

void assignment_print(const Net *net, const Witness *w, Text *out)
{
  const Scope *const scope = w->prop->scope;
  if (!scope || scope->version == 1) {
    print_v1(net, w, out);
    return;
  }
  for (int k = 0; k < scope->n_tensors; k++)
    print_tensor(net, w, &scope->tensor[k], out);
}

/* ---- TensorProto --------------------------------------------------------- */

enum { PROTO_FLOAT = 1, PROTO_DOUBLE = 11 };

static void put_varint(char *buffer, size_t *n, unsigned long long value)
{
  for (; value >= 128; value /= 128)
    buffer[(*n)++] = (char)(128 | (value % 128));
  buffer[(*n)++] = (char)value;
}

/* dims = 1, data_type = 2, name = 8, raw_data = 9: little endian, as memory is here. */
static char *encode(const Net *net, const Witness *w, const ScopeTensor *t, size_t *n)
{
  const bool single = net->is_float32 && strcmp(t->type, "float64") != 0;
  const size_t name = strlen(t->name), each = single ? sizeof(float) : sizeof(double);
  const size_t bytes = each * (size_t)t->size;
  char *const buffer = mem_alloc(bytes + name + 64 + 16 * (size_t)t->rank);
  *n = 0;
  for (int d = 0; d < t->rank; d++) {
    put_varint(buffer, n, 1 << 3);
    put_varint(buffer, n, (unsigned long long)t->dims[d]);
  }
  put_varint(buffer, n, 2 << 3);
  put_varint(buffer, n, single ? PROTO_FLOAT : PROTO_DOUBLE);
  put_varint(buffer, n, 8 << 3 | 2);
  put_varint(buffer, n, name);
  memcpy(buffer + *n, t->name, name);
  *n += name;
  put_varint(buffer, n, 9 << 3 | 2);
  put_varint(buffer, n, bytes);
  for (int i = t->first; i < t->first + t->size; i++, *n += each) {
    const double v =
        t->role == SCOPE_INPUT ? w->x[assignment_input(w->prop, i)] : output(net, w, i);
    const float v32 = (float)v;
    memcpy(buffer + *n, single ? (const void *)&v32 : (const void *)&v, each);
  }
  return buffer;
}

Status assignment_write(const Net *net, const Witness *w, const char *dir, Err *err)
{
  const Scope *const scope = w->prop->scope;
  STATUS_REQUIRE(scope, "the tensors of this witness have no names");
  if (mkdir(dir, 0777) != 0 && errno != EEXIST)
    return status_fail(err, STATUS_CREATE, "%s: %s", dir, strerror(errno));
  Status rc = STATUS_OK;
  for (int k = 0; k < scope->n_tensors && !rc; k++) {
    size_t n;
    Text path = {0};
    text_add(&path, "%s/%s.pb", dir, scope->tensor[k].name);
    char *const data = encode(net, w, &scope->tensor[k], &n);
    rc = file_write(path.s, data, n, err);
    mem_free(data);
    text_free(&path);
  }
  return rc;
}

/* ---- reading ------------------------------------------------------------- */

typedef struct {
  Sexpr s;
  const Scope *scope;
  double *x;  /* double x[declared inputs] */
  bool *seen; /* bool seen[n_tensors] */
  Err *err;
} Reader;

/* "[1, 2]": passed over, the size of the tensor is known. */
static Status skip_shape(Reader *r)
{
  if (sexpr_peek(&r->s) == '[')
    for (;;) {
      const char c = sexpr_peek(&r->s);
      if (!c) break;
      sexpr_take(&r->s);
      if (c == ']') return STATUS_OK;
    }
  const SexprToken token = sexpr_next(&r->s);
  return sexpr_expected(&r->s, &token, "a shape such as [1,5]", r->err);
}

static Status read_tensor(Reader *r, const SexprToken *name)
{
  char shown[SEXPR_SHOW];
  const int k = name->kind == SEXPR_ATOM
                    ? scope_find_tensor(r->scope, name->text, (size_t)name->n)
                    : -1;
  if (k < 0)
    return sexpr_expected(&r->s, name, "the name of a variable of the specification",
                          r->err);
  if (r->seen[k])
    return sexpr_fail(&r->s, name->line, name->column, r->err, STATUS_DATA,
                      "%s is given twice", sexpr_show(name, shown));
  r->seen[k] = true;
  sexpr_next(&r->s); /* the type */
  const Status rc = skip_shape(r);
  if (rc) return rc;
  const ScopeTensor *const t = &r->scope->tensor[k];
  for (int i = 0; i < t->size; i++) {
    const SexprToken number = sexpr_next(&r->s);
    Decimal value;
    if (number.kind != SEXPR_ATOM ||
        !decimal_parse(number.text, (size_t)number.n, &value))
      return sexpr_expected(&r->s, &number, "a finite decimal number", r->err);
    if (t->role == SCOPE_INPUT) r->x[t->first + i] = value.near;
  }
  return STATUS_OK;
}

static Status read_v2(Reader *r)
{
  for (;;) {
    const SexprToken name = sexpr_next(&r->s);
    if (name.kind == SEXPR_END) break;
    const Status rc = read_tensor(r, &name);
    if (rc) return rc;
  }
  for (int k = 0; k < r->scope->n_tensors; k++)
    if (!r->seen[k] && r->scope->tensor[k].role == SCOPE_INPUT)
      return status_fail(r->err, STATUS_DATA,
                         "%s: the witness gives no value for %.60s", r->s.path,
                         r->scope->tensor[k].name);
  return STATUS_OK;
}

Status assignment_reduce(const char *path, const Prop *prop, const double *declared,
                         double *x, Err *err)
{
  const int n = assignment_n_inputs(prop);
  bool *seen = mem_zero((size_t)prop->n_in, sizeof *seen);
  Status rc = STATUS_OK;
  for (int i = 0; i < n && !rc; i++) {
    const int at = assignment_input(prop, i);
    if (seen[at] && !(x[at] == declared[i])) {
      char name[SCOPE_NAME];
      rc =
          status_fail(err, STATUS_DATA,
                      "%s: two inputs differ that the specification equates, one is %s",
                      path, scope_input_name(prop->scope, at, name));
    }
    seen[at] = true;
    x[at] = declared[i];
  }
  mem_free(seen);
  return rc;
}

static Status parse_v2(Sexpr *s, const Scope *scope, double *x, Err *err)
{
  Reader r = {.s = *s, .scope = scope, .x = x, .err = err};
  r.seen = mem_zero((size_t)scope->n_tensors, sizeof *r.seen);
  const Status rc = read_v2(&r);
  mem_free(r.seen);
  return rc;
}

Status assignment_parse(const char *path, const char *text, size_t size,
                        const Prop *prop, double *x, Err *err)
{
  Sexpr s;
  Status rc = sexpr_init(&s, path, text, size, err);
  if (rc) return rc;
  Sexpr ahead = s;
  const SexprToken first = sexpr_next(&ahead);
  if (sexpr_is(&first, "sat")) s = ahead;
  const bool is_v2 = prop->scope && sexpr_peek(&s) != '(' && sexpr_peek(&s);
  double *declared = mem_doubles0((size_t)assignment_n_inputs(prop));
  if (is_v2)
    rc = parse_v2(&s, prop->scope, declared, err);
  else
    rc = witness_parse(path, text, size, assignment_n_inputs(prop), declared, err);
  if (!rc) rc = assignment_reduce(path, prop, declared, x, err);
  mem_free(declared);
  return rc;
}
