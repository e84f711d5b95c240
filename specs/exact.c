/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "specs/exact.h"

/* value = 0.d1 d2 d3... * 10^point with d1 != 0; zero has no digits. */
typedef struct {
  bool negative;
  const char *digit, *end; /* digits and perhaps one dot among them */
  long long point;
} Parts;

#define MAX_EXPONENT 1000000000000LL

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool read_exponent(const char *s, const char *end, long long *exponent)
{
  bool negative = false;
  *exponent = 0;
  if (s < end && (*s == '-' || *s == '+')) negative = *s++ == '-';
  for (; s < end; s++) {
    *exponent = *exponent * 10 + (*s - '0');
    if (*exponent > MAX_EXPONENT) return false;
  }
  if (negative) *exponent = -*exponent;
  return true;
}

/* Skip the zeros that do not count; `point` is counted from the first digit. */
static bool split(const char *s, int n, Parts *p)
{
  const char *const end = s + n;
  *p = (Parts){0};
  if (s < end && (*s == '-' || *s == '+')) p->negative = *s++ == '-';
  const char *stop = s;
  while (stop < end && (is_digit(*stop) || *stop == '.'))
    stop++;
  bool after_dot = false;
  for (; s < stop && (*s == '0' || *s == '.'); s++) {
    if (*s == '.')
      after_dot = true;
    else if (after_dot)
      p->point--;
  }
  p->digit = s;
  p->end = stop;
  for (; !after_dot && s < stop && is_digit(*s); s++)
    p->point++;
  long long exponent;
  if (stop < end && !read_exponent(stop + 1, end, &exponent)) return false;
  if (stop < end) p->point += exponent;
  return true;
}

/* The next digit, '0' after the last one. */
static char next_digit(Parts *p)
{
  if (p->digit < p->end && *p->digit == '.') p->digit++;
  return (char)(p->digit < p->end ? *p->digit++ : '0');
}

static bool is_zero(const Parts *p)
{
  return p->digit == p->end;
}

/* Of two positive numbers. */
static int compare_size(Parts *a, Parts *b)
{
  if (a->point != b->point) return a->point < b->point ? -1 : 1;
  while (a->digit < a->end || b->digit < b->end) {
    const char x = next_digit(a), y = next_digit(b);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

static int sign(const Parts *p)
{
  return is_zero(p) ? 0 : p->negative ? -1 : 1;
}

bool exact_compare(const char *a, int n_a, const char *b, int n_b, int *order)
{
  Parts p, q;
  if (!split(a, n_a, &p) || !split(b, n_b, &q)) return false;
  const int sp = sign(&p), sq = sign(&q);
  if (sp != sq)
    *order = sp < sq ? -1 : 1;
  else
    *order = sp == 0 ? 0 : sp * compare_size(&p, &q);
  return true;
}
