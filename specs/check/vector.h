/* SPDX-License-Identifier: GPL-3.0-or-later */
/* specs/check/vector.h -- four doubles at a time, with AVX2 where the machine has it.
 *
 * Products and sums stay separate (no fused multiply-add), so every machine computes
 * the same numbers.
 */
#ifndef SPECS_CHECK_VECTOR_H
#define SPECS_CHECK_VECTOR_H

#include <stdint.h>

typedef double V4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long VectorBits __attribute__((vector_size(32), aligned(8), may_alias));

/* A function that is compiled twice; the better one is chosen when the program starts.
 * clang cannot do this to a static function. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    defined(__OPTIMIZE__)
#define VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define VECTOR_CLONES
#endif

/* |x|, and a where the mask (a comparison) is true, else b; not functions, because
 * those would pass vectors by value. */
#define VECTOR_ABS(x)                                                                  \
  ((V4)((VectorBits)(x) & (VectorBits){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}))
#define VECTOR_CHOOSE(mask, a, b)                                                      \
  ((V4)(((mask) & (VectorBits)(a)) | (~(mask) & (VectorBits)(b))))

/* Rows of a block are a multiple of this. */
#define VECTOR_WIDTH 4

#endif
