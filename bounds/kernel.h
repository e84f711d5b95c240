/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/kernel.h -- the inner loops of the Lagrangian.
 *
 * Strict arithmetic forbids a compiler to reorder a sum, so each loop keeps
 * KERNEL_LANES partial sums itself, which is what vector units want.  The error
 * terms of bounds/lagrangian.h hold for every order.  Where the compiler supports it,
 * each loop is compiled for several instruction sets and the best is chosen at load
 * time; products and sums are never contracted, so all of them give the same result.
 */
#ifndef BOUNDS_KERNEL_H
#define BOUNDS_KERNEL_H

#define KERNEL_LANES 8

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__)
#define KERNEL_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define KERNEL_CLONES
#endif

/* sum_i |a_i| b_i, for b >= 0 (or NaN, which the result keeps). */
double kernel_abs_dot(int n, const double *a, const double *b);

/* *value += sum_i a_i w, *size += sum_i |a_i| |w| for one number w. */
void kernel_scaled_sum(int n, const double *a, double w, double *value, double *size);

/* *value += sum_i a_i b_i, *size += sum_i |a_i| |b_i|. */
void kernel_dot(int n, const double *a, const double *b, double *value, double *size);

/* *value += sum_i min (q_i lo_i, q_i hi_i), *size += sum_i |q_i| (|lo_i| + |hi_i|). */
void kernel_interval(int n, const double *q, const double *lo, const double *hi,
                     double *value, double *size);

/* sum_i |q_i| (|lo_i| + |hi_i|). */
double kernel_interval_size(int n, const double *q, const double *lo, const double *hi);

#endif
