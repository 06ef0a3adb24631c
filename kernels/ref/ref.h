/* What the files of the oracle share. */
#ifndef AIRE_KERNELS_REF_H
#define AIRE_KERNELS_REF_H

#include <stdbool.h>

#include "kernels/kernels.h"

static inline void ref_put(void *to, int64_t i, double value, uint32_t add)
{
    double *x = to;
    x[i] = add ? x[i] + value : value;
}

/* Declare aire__ref_NAME with the type of its slot in the table. */
#define AIRE_REF_OP(name) extern __typeof__(*((aire_kernels *)0)->name) aire__ref_##name;

AIRE_REF_OP(rmsnorm)
AIRE_REF_OP(rmsnorm_backward)
AIRE_REF_OP(layernorm)
AIRE_REF_OP(layernorm_backward)
AIRE_REF_OP(softmax)
AIRE_REF_OP(softmax_backward)
AIRE_REF_OP(logsumexp)
AIRE_REF_OP(logsumexp_backward)
AIRE_REF_OP(attention)
AIRE_REF_OP(attention_backward)
AIRE_REF_OP(attention_scratch)
AIRE_REF_OP(cross_entropy)
AIRE_REF_OP(cross_entropy_backward)

#endif
