/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "net/base/mem.h"
#include "solver/report/html.h"
#include "solver/report/number.h"
#include "solver/report/plot.h"
#include "solver/report/png.h"
#include "solver/report/tally.h"

/* ---- numbers ------------------------------------------------------------- */

static void says(double x, const char *want)
{
  cr_assert_str_eq(number_short(x).s, want, "%g: %s, not %s", x, number_short(x).s,
                   want);
}

Test(report, numbers_have_three_digits)
{
  says(0, "0");
  says(-0.0, "0");
  says(0.00123456, "0.00123");
  says(9.999, "10");
  says(12.345, "12.3");
  says(1234.5, "1230");
  says(999999, "1e6");
  says(-1.25e6, "-1.25e6");
  says(3e300, "3e300");
  says(2e-9, "2e-9");
  says(NAN, "-");
  says(INFINITY, "-");
  says(-INFINITY, "-");
  cr_assert_str_eq(number_seconds(0.0004).s, "< 0.001");
  cr_assert_str_eq(number_percent(1, 0).s, "-");
  cr_assert_str_eq(number_percent(1, 8).s, "12.5 %");
}

/* ---- texts --------------------------------------------------------------- */

Test(report, texts_are_no_markup)
{
  Text out = {0};
  html_text(&out, "<a b=\"'\">&\x01\xff");
  cr_assert_str_eq(out.s, "&lt;a b=&quot;&#39;&quot;&gt;&amp;\xef\xbf\xbd\xef\xbf\xbd");
  text_free(&out);
}

/* ---- pictures ------------------------------------------------------------ */

static size_t unbase64(const char *s, unsigned char *to)
{
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n = 0;
  unsigned bits = 0;
  int n_bits = 0;
  for (; *s && *s != '='; s++) {
    const char *const at = strchr(digits, *s);
    cr_assert_not_null(at);
    bits = bits << 6 | (unsigned)(at - digits);
    if ((n_bits += 6) < 8) continue;
    n_bits -= 8;
    to[n++] = (unsigned char)(bits >> n_bits);
  }
  return n;
}

static unsigned big(const unsigned char *p)
{
  return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

/* The chunk at *at: its data; CRC and name are checked. */
static const unsigned char *chunk(const unsigned char *png, size_t *at,
                                  const char *name, unsigned *size)
{
  const unsigned char *const c = png + *at;
  *size = big(c);
  cr_assert(!memcmp(c + 4, name, 4), "chunk %s", name);
  cr_assert_eq(big(c + 8 + *size), crc32(0, c + 4, *size + 4), "CRC of %s", name);
  *at += *size + 12;
  return c + 8;
}

static void round_trip(int width, int height, int channels)
{
  const size_t row = (size_t)(width * channels), n = row * (size_t)height;
  unsigned char *pixel = mem_zero(n, 1), *png = mem_zero(4 * n + 1000, 1);
  unsigned char *raw = mem_zero(n + (size_t)height, 1);
  for (size_t i = 0; i < n; i++)
    pixel[i] = (unsigned char)(i * i * 31 + 7 * i);
  Text out = {0};
  png_uri(&out, width, height, channels, pixel);
  const char start[] = "data:image/png;base64,";
  cr_assert(!strncmp(out.s, start, sizeof start - 1));
  const size_t bytes = unbase64(out.s + sizeof start - 1, png);
  size_t at = 8;
  unsigned size;
  const unsigned char *c = chunk(png, &at, "IHDR", &size);
  cr_assert_eq(size, 13);
  cr_assert_eq((int)big(c), width);
  cr_assert_eq((int)big(c + 4), height);
  cr_assert_eq(c[8], 8);
  cr_assert_eq(c[9], channels == 3 ? 2 : 0);
  c = chunk(png, &at, "IDAT", &size);
  uLongf n_raw = (uLongf)(n + (size_t)height);
  cr_assert_eq(uncompress(raw, &n_raw, c, size), Z_OK);
  cr_assert_eq(n_raw, n + (size_t)height);
  for (size_t i = 0; i < (size_t)height; i++) {
    cr_assert_eq(raw[i * (row + 1)], 0);
    cr_assert(!memcmp(raw + i * (row + 1) + 1, pixel + i * row, row));
  }
  chunk(png, &at, "IEND", &size);
  cr_assert_eq(at, bytes);
  text_free(&out);
  mem_free(raw);
  mem_free(png);
  mem_free(pixel);
}

Test(report, pictures_decode_to_what_they_were)
{
  round_trip(1, 1, 1);
  round_trip(28, 28, 1);
  round_trip(5, 3, 3);
  round_trip(32, 31, 3);
}

/* ---- plots --------------------------------------------------------------- */

Test(report, points_are_where_the_axis_says)
{
  PlotAxis a = {.scale = PLOT_LOG, .lo = 0.01, .hi = 100, .from = 50, .to = 450};
  cr_assert_float_eq(plot_at(&a, 0.01), 50, 1e-9);
  cr_assert_float_eq(plot_at(&a, 1), 250, 1e-9);
  cr_assert_float_eq(plot_at(&a, 10), 350, 1e-9);
  cr_assert_float_eq(plot_at(&a, 1e9), 450, 1e-9); /* the nearer end */
  a = (PlotAxis){.scale = PLOT_LINEAR, .lo = -2, .hi = 2, .from = 100, .to = 20};
  cr_assert_float_eq(plot_at(&a, 1), 40, 1e-9);
  a = (PlotAxis){
      .scale = PLOT_SIGNED, .lo = -9, .hi = 9, .unit = 1, .from = 0, .to = 200};
  cr_assert_float_eq(plot_at(&a, 0), 100, 1e-9);
  cr_assert_float_eq(plot_at(&a, -9), 0, 1e-9);
  cr_assert_float_eq(plot_at(&a, sqrt(10) - 1), 150, 1e-9);
}

Test(report, a_curve_is_its_points)
{
  const Plot p = {.x = {PLOT_LINEAR, 0, 10, 1, 0, 100},
                  .y = {PLOT_LINEAR, 0, 4, 1, 80, 0}};
  const double x[] = {1, 5, 10}, y[] = {1, 2, 4};
  Text out = {0};
  plot_curve(&p, 3, x, y, false, "k0", &out);
  cr_assert_not_null(strstr(out.s, "d=\"M10.0 60.0L50.0 40.0L100.0 0.0\""), "%s",
                     out.s);
  text_free(&out);
}

/* ---- times --------------------------------------------------------------- */

Test(report, times_are_those_of_the_solved_in_order)
{
  enum { N = 40 };
  char none[] = "";
  Run run[N];
  double want[N];
  int n_want = 0, n;
  unsigned seed = 7;
  for (int i = 0; i < N; i++) {
    seed = seed * 1103515245u + 12345u;
    run[i] = (Run){.category = none,
                   .end = (RunEnd)(seed >> 16) % RUN_N_ENDS,
                   .expected = RUN_UNKNOWN,
                   .run_time = i == 5 ? NAN : (seed >> 8) % 1000 / 10.0};
    if ((run[i].end != RUN_VERIFIED && run[i].end != RUN_FALSIFIED) || i == 5) continue;
    int k = n_want++; /* insertion */
    for (; k > 0 && want[k - 1] > run[i].run_time; k--)
      want[k] = want[k - 1];
    want[k] = run[i].run_time;
  }
  const RunSet set = {.name = none, .n = N, .runs = run};
  double *const times = tally_times(&set, &n);
  cr_assert(n_want > 5);
  cr_assert_eq(n, n_want);
  for (int i = 0; i < n; i++)
    cr_assert_eq(times[i], want[i]);
  mem_free(times);
}
