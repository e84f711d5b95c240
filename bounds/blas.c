/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bounds/blas.h"

#include <cblas.h>

void blas_init(void)
{
  if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
}

int blas_threads(void)
{
  return openblas_get_num_threads();
}

void blas_set_threads(int n)
{
  openblas_set_num_threads(n);
}

void blas_gemm(bool trans_a, bool trans_b, int m, int n, int k, const double *A,
               int lda, const double *B, int ldb, bool add, double *C, int ldc)
{
  cblas_dgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans,
              trans_b ? CblasTrans : CblasNoTrans, m, n, k, 1.0, A, lda, B, ldb,
              add ? 1.0 : 0.0, C, ldc);
}
