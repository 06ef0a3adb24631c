/*
 * Matrix products in two halves: one operand is packed into panels, and rows of the other are
 * multiplied with them.
 *
 * Each element of a product is one chain of fused multiply-adds in the order of k, in blocks of
 * GEMM_K; it does not depend on how many other elements are computed with it.
 */
#ifndef AIRE_KERNELS_CPU_GEMM_H
#define AIRE_KERNELS_CPU_GEMM_H

#include <stdbool.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vec.h"

/* A tile of 6 rows and PANEL columns stays in registers. */
#define TILE_ROWS 6
#if defined(__AVX512F__)
#define TILE_VECS 4
#else
#define TILE_VECS 2
#endif
#define PANEL (TILE_VECS * VEC)

/* A packed [k, n] matrix: panel after panel, its columns padded to whole vectors. */
typedef struct gemm_panels {
    float *data;
    int64_t k, n;
} gemm_panels;

/* Floats that a packed [k, n] matrix needs. */
static inline int64_t gemm_packed_size(int64_t k, int64_t n)
{
    return k * ((n + VEC - 1) / VEC * VEC);
}

/* Pack [k, n], or [n, k] if transposed, with `ldb` floats from one stored row to the next. */
void ISA(gemm_pack)(const gemm_panels *to, const float *b, int64_t ldb, bool transposed);

/*
 * C[m, n] = A[m, k] B, or C += A B, where B is rows k0 to k0 + k - 1 and columns n0 to n0 + n - 1
 * of a packed matrix; n0 begins a panel. A is stored as [k, m] if transposed.
 */
void ISA(gemm_rows)(const float *a, int64_t lda, bool transposed, int64_t m,
                    const gemm_panels *packed, int64_t k0, int64_t k, int64_t n0, int64_t n,
                    float *c, int64_t ldc, bool add);

#endif
