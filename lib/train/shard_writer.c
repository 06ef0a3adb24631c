/* Writing shards: the header comes last, and the name after it, so that a shard is whole or not
 * there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/data.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "train/shard.h"

struct aire_shard_writer {
    aire_ctx *ctx;
    int fd;
    char *path, *temp;
    int64_t count;
};

aire_status aire_shard_writer_new(aire_ctx *ctx, const char *path, aire_shard_writer **out)
{
    static const char blank[AIRE_SHARD_HEADER];
    if (!ctx || !path || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_shard_writer_new: ctx, path and out must not be NULL");
    *out = NULL;
    aire_shard_writer *writer = aire__calloc(ctx, 1, sizeof *writer);
    if (!writer)
        return aire__fail_nomem();
    writer->ctx = aire_ctx_ref(ctx);
    writer->fd = -1;
    writer->path = aire__strdup(ctx, path);
    writer->temp = aire__asprintf(ctx, "%s.XXXXXX", path);
    aire_status status = writer->path && writer->temp ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK) {
        writer->fd = mkostemp(writer->temp, O_CLOEXEC);
        int errnum = writer->fd < 0 ? errno : aire__write_all(writer->fd, blank, sizeof blank);
        if (errnum)
            status = aire__fail_errno(AIRE_IO, errnum, "cannot write '%s'", writer->temp);
    }
    if (status != AIRE_OK)
        aire_shard_writer_drop(writer);
    else
        *out = writer;
    return status;
}

aire_status aire_shard_writer_append(aire_shard_writer *writer, const uint16_t *tokens,
                                     size_t count)
{
    if (!writer || (!tokens && count > 0))
        return aire__fail(AIRE_INVALID,
                          "aire_shard_writer_append: writer and tokens must not be NULL");
    if (count > (size_t)(INT32_MAX - writer->count))
        return aire__fail(AIRE_LIMIT, "'%s': a shard holds at most %d tokens", writer->path,
                          INT32_MAX);
    uint8_t bytes[8192];
    for (size_t done = 0; done < count;) {
        size_t some = count - done < sizeof bytes / 2 ? count - done : sizeof bytes / 2;
        for (size_t i = 0; i < some; i++) {
            bytes[2 * i] = (uint8_t)tokens[done + i];
            bytes[2 * i + 1] = (uint8_t)(tokens[done + i] >> 8);
        }
        int errnum = aire__write_all(writer->fd, bytes, 2 * some);
        if (errnum)
            return aire__fail_errno(AIRE_IO, errnum, "cannot write '%s'", writer->temp);
        done += some;
    }
    writer->count += (int64_t)count;
    return AIRE_OK;
}

static int write_header(const aire_shard_writer *writer)
{
    const uint32_t values[3] = {AIRE_SHARD_MAGIC, AIRE_SHARD_VERSION, (uint32_t)writer->count};
    uint8_t bytes[12];
    for (int i = 0; i < 12; i++)
        bytes[i] = (uint8_t)(values[i / 4] >> (8 * (i % 4)));
    if (pwrite(writer->fd, bytes, sizeof bytes, 0) != sizeof bytes)
        return errno;
    if (fchmod(writer->fd, 0644) != 0 || fsync(writer->fd) != 0 ||
        rename(writer->temp, writer->path) != 0)
        return errno;
    return 0;
}

aire_status aire_shard_writer_finish(aire_shard_writer *writer)
{
    if (!writer)
        return aire__fail(AIRE_INVALID, "aire_shard_writer_finish: writer must not be NULL");
    aire_status status = AIRE_OK;
    int errnum = write_header(writer);
    if (errnum) {
        status = aire__fail_errno(AIRE_IO, errnum, "cannot write '%s'", writer->path);
    } else {
        aire_free(writer->ctx, writer->temp); /* it has its name now */
        writer->temp = NULL;
    }
    aire_shard_writer_drop(writer);
    return status;
}

void aire_shard_writer_drop(aire_shard_writer *writer)
{
    if (!writer)
        return;
    aire_ctx *ctx = writer->ctx;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temp && writer->fd >= 0)
        unlink(writer->temp);
    aire_free(ctx, writer->temp);
    aire_free(ctx, writer->path);
    aire_free(ctx, writer);
    aire_ctx_unref(ctx);
}
