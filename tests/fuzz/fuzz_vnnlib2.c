/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Specifications in VNN-LIB 2, whose networks have just what they declare.  What is
 * accepted must mean what tests/fuzz/formula.h makes of it, must be a specification
 * again when it is written in another version, the same one, and has words. */
#include <string.h>

#include "specs/convert.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"
#include "specs/words.h"
#include "tests/fuzz/formula.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/target.h"
#include "tests/support/sameprop.h"

static const char path[] = "fuzz.vnnlib";

/* Of the text that convert_text wrote. */
static Prop *read_again(const Text *text, int version, const Scope *scope, Extend *e)
{
  Err err = {0};
  Sexpr s;
  Scope v1;
  if (version == 2) return vnnlib2_parse(path, text->s, text->n, false, e, &err);
  TARGET_REQUIRE(!sexpr_init(&s, path, text->s, text->n, &err));
  scope_init_v1(&v1, scope->n_in, scope->n_out);
  Prop *prop = vnnlib_read(&s, &v1, e, &err);
  scope_free_all(&v1);
  return prop;
}

/* Version 2 has words for all that was read, but for names of models. */
static void convert(const File *file, const Prop *prop, int version)
{
  Err err = {0};
  Sexpr s;
  Scope scope;
  Text out = {0}, where = {0};
  Extend e = {0};
  scope_init_v2(&scope, false);
  TARGET_REQUIRE(!sexpr_init(&s, path, file->data, file->size, &err));
  TARGET_REQUIRE(!vnnlib2_declarations(&s, &scope, &err));
  vnnlib2_place(&scope);
  const Status rc = convert_text(&s, &scope, version, NULL, &out, &err);
  target_check_error(path, rc ? NULL : file, &err, 1);
  TARGET_REQUIRE(!rc || rc == STATUS_UNSUPPORTED);
  if (!rc) {
    Prop *again = read_again(&out, version, &scope, &e);
    TARGET_REQUIRE(again && sameprop(prop, again, &where));
    prop_free(again);
  }
  extend_reset(&e);
  scope_free_all(&scope);
  text_free(&out);
  status_reset(&err);
}

static void describe(const Prop *prop)
{
  Text out = {0};
  words_networks(prop, NULL, &out);
  words_sizes(prop, &out);
  words_property(prop, &out);
  for (size_t i = 0; i < out.n; i++)
    TARGET_REQUIRE(out.s[i] == '\n' || (unsigned char)out.s[i] >= ' ');
  text_free(&out);
}

static void body(const File *file)
{
  for (int strict = 0; strict < 2; strict++) {
    Err err = {0};
    Extend e = {0};
    Prop *prop = vnnlib2_parse(path, file->data, file->size, strict, &e, &err);
    target_check_error(path, prop, &err, 1);
    invariants_prop(prop);
    formula_compare(file->data, file->size, prop, &e);
    if (prop) {
      prop->extend = e; /* names of products */
      e = (Extend){0};
      describe(prop);
      convert(file, prop, 1);
      convert(file, prop, 2);
    }
    prop_free(prop);
    extend_reset(&e);
    status_reset(&err);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return target_run(data, size, body);
}
