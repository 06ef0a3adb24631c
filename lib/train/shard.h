/* The `.bin` format of shards. */
#ifndef AIRE_TRAIN_SHARD_H
#define AIRE_TRAIN_SHARD_H

#include <stdint.h>

enum {
    AIRE_SHARD_MAGIC = 20240520,
    AIRE_SHARD_VERSION = 1,
    AIRE_SHARD_INTS = 256, /* of the header */
    AIRE_SHARD_HEADER = AIRE_SHARD_INTS * 4
};

#endif
