/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds/blas.h -- matrix products; the only includer of cblas.h.
 *
 * One BLAS thread per worker.  Every product is computed in round-to-nearest with
 * alpha = 1, so formula (1) of net/base/round.h bounds its error in any summation
 * order.
 */
#ifndef BOUNDS_BLAS_H
#define BOUNDS_BLAS_H

#include <stdbool.h>

/* Make the library single-threaded.  linop_new calls it, and every product belongs to
 * a Linop; calling it again does nothing. */
void blas_init(void);

/* How many threads its products use, for those who want to give that back. */
int blas_threads(void);
void blas_set_threads(int n);

/* C[m][n] = A[m][k] B[k][n] (+ C when `add`), row-major with leading dimensions.
 * trans_a / trans_b: the stored matrix is the transpose. */
void blas_gemm(bool trans_a, bool trans_b, int m, int n, int k, const double *A,
               int lda, const double *B, int ldb, bool add, double *C, int ldc);

#endif
