/* The operators of one instruction set; see kernels/kernels.h for what each does. */
#ifndef AIRE_KERNELS_CPU_OPS_H
#define AIRE_KERNELS_CPU_OPS_H

#include "kernels/cpu/cpu.h"

/* Declare ISA(name) with the type of its slot in the table. */
#define AIRE_CPU_OP(name) extern __typeof__(*((aire_kernels *)0)->name) ISA(name);
#define AIRE_CPU_OPS(X)                                                                            \
    X(fill)                                                                                        \
    X(find_not_finite)                                                                             \
    X(unary)                                                                                       \
    X(unary_backward)                                                                              \
    X(binary)                                                                                      \
    X(binary_backward)                                                                             \
    X(copy)                                                                                        \
    X(sum)                                                                                         \
    X(repeat)                                                                                      \
    X(matmul)                                                                                      \
    X(gather)                                                                                      \
    X(gather_backward)                                                                             \
    X(rmsnorm)                                                                                     \
    X(rmsnorm_backward)                                                                            \
    X(layernorm)                                                                                   \
    X(layernorm_backward)                                                                          \
    X(softmax)                                                                                     \
    X(softmax_backward)                                                                            \
    X(logsumexp)                                                                                   \
    X(logsumexp_backward)                                                                          \
    X(rope)                                                                                        \
    X(attention)                                                                                   \
    X(attention_backward)                                                                          \
    X(attention_scratch)                                                                           \
    X(cross_entropy)                                                                               \
    X(cross_entropy_backward)

AIRE_CPU_OPS(AIRE_CPU_OP)

#endif
