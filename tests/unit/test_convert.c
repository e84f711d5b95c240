/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/convert: specifications written in the other version and back.  Nothing of the
 * normal form may change, down to the last bit. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <gmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base/file.h"
#include "net/base/mem.h"
#include "net/base/prng.h"
#include "net/reader.h"
#include "specs/convert.h"
#include "specs/declared.h"
#include "specs/vnnlib.h"
#include "specs/vnnlib2.h"
#include "tests/support/sameprop.h"

TestSuite(convert, .timeout = 120);

/* ---- there and back ------------------------------------------------------- */

static Prop *read_v1(const char *path, const char *text, size_t size, int n_in,
                     int n_out)
{
  Err err = {0};
  Sexpr s;
  Scope scope;
  Extend e = {0};
  cr_assert_eq(sexpr_init(&s, path, text, size, &err), STATUS_OK);
  scope_init_v1(&scope, n_in, n_out);
  Prop *prop = vnnlib_read(&s, &scope, &e, &err);
  cr_assert(prop, "%s", err.text);
  scope_free_all(&scope);
  extend_reset(&e);
  return prop;
}

static void to_v2(const char *path, const File *file, int n_in, int n_out,
                  const Net *net, Text *out)
{
  Err err = {0};
  Sexpr s;
  Scope scope;
  cr_assert_eq(sexpr_init(&s, path, file->data, file->size, &err), STATUS_OK);
  scope_init_v1(&scope, n_in, n_out);
  cr_assert_eq(convert_text(&s, &scope, 2, net, out, &err), STATUS_OK, "%s", err.text);
  scope_free_all(&scope);
}

static void to_v1(const char *path, const Text *text, Text *out)
{
  Err err = {0};
  Sexpr s;
  Scope scope;
  scope_init_v2(&scope, true);
  cr_assert_eq(sexpr_init(&s, path, text->s, text->n, &err), STATUS_OK);
  cr_assert_eq(vnnlib2_declarations(&s, &scope, &err), STATUS_OK, "%s", err.text);
  vnnlib2_place(&scope);
  cr_assert_eq(convert_text(&s, &scope, 1, NULL, out, &err), STATUS_OK, "%s", err.text);
  scope_free_all(&scope);
}

/* 1.0 -> 2.0, which is strict -> 1.0: three times the same property.  Returns the
 * number of cases. */
static int there_and_back(const char *path, const File *file, const Net *net)
{
  Err err = {0};
  int n_in, n_out;
  Text two = {0}, one = {0}, where = {0};
  Extend e = {0};
  cr_assert_eq(declared_sizes(path, &n_in, &n_out, &err), STATUS_OK, "%s", err.text);
  Prop *before = read_v1(path, file->data, file->size, n_in, n_out);
  to_v2(path, file, n_in, n_out, net, &two);
  Prop *middle = vnnlib2_parse(path, two.s, two.n, true, &e, &err);
  cr_assert(middle, "%s", err.text);
  cr_expect(sameprop(before, middle, &where), "%s in 2.0: %s", path, where.s);
  to_v1(path, &two, &one);
  Prop *after = read_v1(path, one.s, one.n, n_in, n_out);
  cr_expect(sameprop(before, after, &where), "%s in 1.0 again: %s", path, where.s);
  const int n = before->n_cases;
  prop_free(before);
  prop_free(middle);
  prop_free(after);
  extend_reset(&e);
  text_free(&one);
  text_free(&two);
  return n;
}

/* ---- texts ---------------------------------------------------------------- */

#define HEAD                                                                           \
  "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"           \
  "(declare-const Y_1 Real)(assert (and (<= X_0 1e-1)(>= X_0 -1)(= X_1 0.3)))"

/* One input for two. */
#define TWINS                                                                          \
  "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"           \
  "(assert (= X_0 X_1))(assert (and (<= X_0 1)(>= X_1 0)))"

static const char *const texts[] = {
    HEAD "(assert (<= Y_0 Y_1))",
    HEAD "(assert (or (and (<= Y_0 1)(> Y_1 -2.5e2)) (and (>= X_0 0)(< Y_0 .5))))",
    HEAD "(assert (not (or (<= Y_0 1) (= Y_1 2))))(assert (not (not (!= Y_0 3))))",
    HEAD "(assert (and))(assert (or (or) (<= 1 2)(<= (+ Y_0 (* 3 Y_1)) (- 1))))",
    HEAD "(assert (or (<= Y_0 1)(<= 0.1 0.1000000000000000000000001)))",
    HEAD "(assert (and (<= Y_0 1)(not (>= 0.1 0.1000000000000000000000001))))",
    HEAD "(assert (or (<= Y_0 1)(and (= 0.1 1e-1)(not (!= 0.1 .1))(< 0 0.1)(> 2 1))))",
    HEAD "(assert (or (<= Y_0 1)(and (> Y_1 3) (= 0.1 0.2)) (!= 1 1)(< (+ 1 1) 2)))",
    HEAD "(assert (or (<= Y_0 X_0) (>= (* X_0 X_0 Y_1) (- Y_0 0.1 X_1))))",
    HEAD "(assert (not (and (<= Y_0 1) (or (< Y_1 2) (not (>= Y_1 (- Y_0)))))))",
    TWINS "(assert (>= Y_0 +7.))",
};

/* Content as a file that has a name. */
static int read_text(const char *text)
{
  char path[] = "/tmp/convert-XXXXXX";
  Err err = {0};
  File file;
  const int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  FILE *f = fdopen(fd, "w");
  fputs(text, f);
  fclose(f);
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &file, &err), STATUS_OK);
  const int n = there_and_back(path, &file, NULL);
  file_free(&file);
  remove(path);
  return n;
}

Test(convert, there_and_back_it_is_the_same_property)
{
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
    cr_expect_gt(read_text(texts[k]), 0, "%s", texts[k]);
}

/* ---- files ---------------------------------------------------------------- */

typedef struct {
  int n_files, n_cases, n_acasxu;
  size_t most_bytes; /* larger files are left out, but for ACAS Xu */
} Count;

static bool ends_with(const char *s, const char *end)
{
  const size_t n = strlen(s), m = strlen(end);
  return n >= m && !strcmp(s + n - m, end);
}

static bool is_v1(const File *file)
{
  return strstr(file->data, "declare-const") && !strstr(file->data, "vnnlib-version");
}

static void check_file(const char *path, const Net *net, Count *count)
{
  Err err = {0};
  File file;
  cr_assert_eq(file_read(path, FILE_MAX_BYTES, &file, &err), STATUS_OK, "%s", err.text);
  if (is_v1(&file) && (net || file.size <= count->most_bytes)) {
    count->n_cases += there_and_back(path, &file, net);
    count->n_files++;
    count->n_acasxu += net != NULL;
  }
  file_free(&file);
}

static void walk(const char *folder, int depth, const Net *acasxu, Count *count)
{
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (struct dirent *e; (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    Text path = {0};
    struct stat info;
    text_add(&path, "%s/%s", folder, e->d_name);
    if (stat(path.s, &info) == 0 && S_ISDIR(info.st_mode) && depth < 4)
      walk(path.s, depth + 1, acasxu, count);
    else if (ends_with(e->d_name, ".vnnlib") || ends_with(e->d_name, ".vnnlib.gz"))
      check_file(path.s, strstr(path.s, "/acasxu/") ? acasxu : NULL, count);
    text_free(&path);
  }
  closedir(dir);
}

Test(convert, the_examples_there_and_back)
{
  Count count = {.most_bytes = 1 << 20};
  walk("benchmarks/examples", 0, NULL, &count);
  cr_expect_gt(count.n_files, 10);
}

/* ACAS Xu with the shapes of its model, [1,1,1,5] and [1,5]. */
Test(convert, the_benchmarks_there_and_back)
{
  const char *given = getenv("DUALCERT_DATA"), *const folder =
                                                   given ? given : "../shared/data";
  struct stat info;
  Err err = {0};
  Text path = {0};
  if (stat(folder, &info) != 0) cr_skip("no benchmark data in %s", folder);
  text_add(&path, "%s/acasxu/onnx/ACASXU_run2a_1_1_batch_2000.onnx", folder);
  Net *acasxu = stat(path.s, &info) == 0 ? reader_load(path.s, &err) : NULL;
  Count count = {.most_bytes = 100000};
  walk(folder, 0, acasxu, &count);
  cr_log_info("%d files with %d cases, %d of them of ACAS Xu", count.n_files,
              count.n_cases, count.n_acasxu);
  cr_expect_gt(count.n_files, 0);
  if (acasxu) cr_expect_geq(count.n_acasxu, 8);
  net_free(acasxu);
  text_free(&path);
}

/* ---- numbers -------------------------------------------------------------- */

/* The value of [sign] digits [. digits] [e exponent], exactly; this is the definition
 * of a decimal, written down once more. */
static void value_of(const char *s, mpq_t value)
{
  mpz_t digits, power;
  long shift = 0;
  bool dot = false;
  const bool minus = *s == '-';
  mpz_init(digits);
  mpz_init(power);
  for (s += *s == '-' || *s == '+'; *s && *s != 'e' && *s != 'E'; s++) {
    if (*s == '.') {
      dot = true;
      continue;
    }
    mpz_mul_ui(digits, digits, 10);
    mpz_add_ui(digits, digits, (unsigned long)(*s - '0'));
    shift -= dot;
  }
  if (*s) shift += strtol(s + 1, NULL, 10);
  mpz_ui_pow_ui(power, 10, (unsigned long)labs(shift));
  mpq_set_z(value, digits);
  mpq_t factor;
  mpq_init(factor);
  mpq_set_z(factor, power);
  if (shift < 0)
    mpq_div(value, value, factor);
  else
    mpq_mul(value, value, factor);
  if (minus) mpq_neg(value, value);
  mpq_clear(factor);
  mpz_clear(digits);
  mpz_clear(power);
}

/* Digits with one dot between them, after a minus perhaps: NUMBER of the standard. */
static bool is_plain(const char *s)
{
  s += *s == '-';
  const size_t n = strspn(s, "0123456789");
  if (n == 0 || s[n] != '.') return false;
  const size_t m = strspn(s + n + 1, "0123456789");
  return m > 0 && !s[n + 1 + m];
}

Test(convert, a_decimal_keeps_its_value)
{
  Prng rng = prng_init(4);
  mpq_t before, after;
  mpq_init(before);
  mpq_init(after);
  for (int round = 0; round < 5000; round++) {
    Text in = {0}, out = {0};
    const int whole = prng_below(&rng, 12), part = prng_below(&rng, 12) + (whole == 0);
    text_add(&in, "%s", (const char *[]){"", "-", "+"}[prng_below(&rng, 3)]);
    for (int i = 0; i < whole; i++)
      text_add(&in, "%d", prng_below(&rng, 3) ? prng_below(&rng, 10) : 0);
    if (part || prng_below(&rng, 2)) text_add(&in, ".");
    for (int i = 0; i < part; i++)
      text_add(&in, "%d", prng_below(&rng, 3) ? prng_below(&rng, 10) : 0);
    if (prng_below(&rng, 2))
      text_add(&in, "%c%s%d", prng_below(&rng, 2) ? 'e' : 'E',
               (const char *[]){"", "-", "+"}[prng_below(&rng, 3)],
               prng_below(&rng, 40));
    cr_assert(convert_number(in.s, (int)in.n, &out), "%s", in.s);
    cr_assert(is_plain(out.s), "%s became %s", in.s, out.s);
    value_of(in.s, before);
    value_of(out.s, after);
    cr_assert(mpq_equal(before, after), "%s became %s", in.s, out.s);
    text_free(&in);
    text_free(&out);
  }
  mpq_clear(before);
  mpq_clear(after);
  Text out = {0};
  cr_expect_not(convert_number("1e-2000", 7, &out), "too long for anybody");
  text_free(&out);
}
