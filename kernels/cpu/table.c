/* The table of one instruction set. */
#include "kernels/cpu/ops.h"

#define TEXT_(isa) "cpu-" #isa
#define TEXT(isa) TEXT_(isa)
#define SLOT(name) .name = ISA(name),

const aire_kernels ISA(kernels) = {.struct_size = sizeof(aire_kernels),
                                   .element_bytes = sizeof(float),
                                   .name = TEXT(AIRE_CPU_ISA),
                                   .open = aire__cpu_open,
                                   .close = aire__cpu_close,
                                   .alloc = aire__cpu_alloc,
                                   .release = aire__cpu_release,
                                   .mapped = aire__cpu_mapped,
                                   .upload = aire__cpu_copy,
                                   .download = aire__cpu_copy,
                                   .synchronize = aire__cpu_synchronize,
                                   .clear = aire__cpu_clear,
                                   AIRE_CPU_OPS(SLOT)};
