/**
 * @file safetensors.h
 * Weights in files: the safetensors format (8 bytes of header length, a JSON header, raw data).
 */
#ifndef AIRE_SAFETENSORS_H
#define AIRE_SAFETENSORS_H

#include "aire/tensor.h"

AIRE_BEGIN_DECLS

/**
 * Write the values of all parameters of a finished tape under their names. The file is replaced
 * at once.
 *
 * @return AIRE_OK, AIRE_STATE (not finished), AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_safetensors_save(aire_tape *tape, const char *path);

/**
 * Read the values of all parameters of a finished tape. The file may come from anyone: every
 * parameter must be there once, as F32 of its exact shape, and nothing else may be; nothing is
 * changed unless all is right.
 *
 * @return AIRE_OK, AIRE_STATE (not finished), AIRE_NOT_FOUND, AIRE_FORMAT (what is wrong, and
 *         where), AIRE_LIMIT (larger than the parameters and a header of 1 MiB), AIRE_IO,
 * AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_safetensors_load(aire_tape *tape, const char *path);

AIRE_END_DECLS

#endif
