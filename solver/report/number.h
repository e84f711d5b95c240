/* SPDX-License-Identifier: GPL-3.0-or-later */
/* solver/report/number.h -- numbers for people: three significant digits. */
#ifndef SOLVER_REPORT_NUMBER_H
#define SOLVER_REPORT_NUMBER_H

/* A short text, by value so that it can be used in place: number_short (x).s */
typedef struct {
  char s[32];
} Number;

/* 0.00123, 12.3, 1230, 123000, then 1.23e6; "-" for what is not finite.  The minus is
 * an ASCII one. */
Number number_short(double x);

/* Seconds, the same but 0.0004 is "< 0.001" and no unit is added. */
Number number_seconds(double x);

/* "12 %" of `part` in `all`; "-" when all <= 0. */
Number number_percent(double part, double all);

#endif
