/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/kernel.h -- the inner loops of the Lagrangian.
 *
 * Strict arithmetic forbids a compiler to reorder a sum, so the loops keep partial
 * sums in the vector type of gcc and clang themselves.  The error terms of
 * bounds/lagrangian.h hold for every order.  Where the compiler supports it each loop
 * is compiled for AVX2 and for the baseline, and the better is chosen at load time;
 * products and sums are never contracted, so both give the same result.
 * KERNEL_CLONES_FUSED is for sums that may be, as in bounds/conv.c, which is compiled
 * so.
 */
#ifndef BOUNDS_KERNEL_H
#define BOUNDS_KERNEL_H

/* Four numbers: one register on AVX2, two on anything older. */
#define KERNEL_LANES 4
typedef double KernelLanes __attribute__((vector_size(8 * KERNEL_LANES)));
typedef long long KernelMask __attribute__((vector_size(8 * KERNEL_LANES)));

/* mask ? a : b, lane by lane; a comparison of KernelLanes is a mask. */
#define KERNEL_PICK(mask, a, b)                                                        \
  ((KernelLanes)(((mask) & (KernelMask)(a)) | (~(mask) & (KernelMask)(b))))

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__)
#define KERNEL_CLONES       __attribute__((target_clones("avx2", "default")))
#define KERNEL_CLONES_FUSED __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define KERNEL_CLONES
#define KERNEL_CLONES_FUSED
#endif

/* sum_i |a_i| b_i, for b >= 0 (or NaN, which the result keeps). */
double kernel_abs_dot(int n, const double *a, const double *b);

/* sum_i a_i b_i. */
double kernel_dot(int n, const double *a, const double *b);

/* x_i += w d_i. */
void kernel_axpy(int n, double w, const double *d, double *x);

/* *value += sum_i a_i w, *size += sum_i |a_i| |w| for one number w. */
void kernel_scaled_sum(int n, const double *a, double w, double *value, double *size);

/* *value += sum_i a_i b_i, *size += sum_i |a_i| |b_i|, *err += sum_i |a_i| e_i. */
void kernel_bias(int n, const double *a, const double *b, const double *e,
                 double *value, double *size, double *err);

/* *value += sum_i min (q_i lo_i, q_i hi_i), *size += sum_i |q_i| (|lo_i| + |hi_i|). */
void kernel_interval(int n, const double *q, const double *lo, const double *hi,
                     double *value, double *size);

/* at_i = lo_i where q_i >= 0, else hi_i. */
void kernel_corner(int n, const double *q, const double *lo, const double *hi,
                   double *at);

/* sum_i |q_i| (|lo_i| + |hi_i|). */
double kernel_interval_size(int n, const double *q, const double *lo, const double *hi);

#endif
