/* Batches from shards, which are mapped and checked when the loader is made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/data.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "train/shard.h"

typedef struct shard {
    char *path;
    const uint8_t *map; /* the whole file */
    size_t bytes;
    int64_t tokens;
} shard;

struct aire_loader {
    aire_ctx *ctx;
    aire_loader_options options;
    shard *shards;
    size_t count, capacity;
    int64_t at_shard, at_token; /* where the next batch of this rank begins */
};

aire_status aire_loader_options_init(aire_loader_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_loader_options");
}

/* ---- shards ---- */

static uint32_t header_value(const shard *s, int index)
{
    const uint8_t *bytes = s->map + 4 * index;
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static aire_status check_shard(const aire_loader *loader, shard *s)
{
    const aire_loader_options *o = &loader->options;
    int64_t needed = (int64_t)o->world * o->batch * o->length + 1;
    if (header_value(s, 0) != AIRE_SHARD_MAGIC)
        return aire__fail(AIRE_FORMAT, "'%s' is no shard of tokens: it begins with %u, expected %d",
                          s->path, header_value(s, 0), AIRE_SHARD_MAGIC);
    if (header_value(s, 1) != AIRE_SHARD_VERSION)
        return aire__fail(AIRE_FORMAT, "'%s' has version %u, expected %d", s->path,
                          header_value(s, 1), AIRE_SHARD_VERSION);
    s->tokens = header_value(s, 2);
    if (s->bytes != AIRE_SHARD_HEADER + 2 * (size_t)s->tokens)
        return aire__fail(AIRE_FORMAT,
                          "'%s' says that it holds %lld tokens, but has %zu bytes, expected %lld",
                          s->path, (long long)s->tokens, s->bytes,
                          (long long)(AIRE_SHARD_HEADER + 2 * s->tokens));
    if (s->tokens < needed)
        return aire__fail(AIRE_FORMAT, "'%s' holds %lld tokens, a batch needs %lld", s->path,
                          (long long)s->tokens, (long long)needed);
    return AIRE_OK;
}

static aire_status map_shard(const aire_loader *loader, shard *s)
{
    struct stat info;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aire__fail_errno(AIRE_IO, errno, "cannot open '%s'", s->path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < AIRE_SHARD_HEADER) {
        close(fd);
        return aire__fail(AIRE_FORMAT, "'%s' is too short for a shard's header of %d bytes",
                          s->path, AIRE_SHARD_HEADER);
    }
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    int errnum = errno;
    close(fd);
    if (map == MAP_FAILED)
        return aire__fail_errno(AIRE_IO, errnum, "cannot map '%s'", s->path);
    s->map = map;
    s->bytes = (size_t)info.st_size;
    return check_shard(loader, s);
}

/* ---- finding them ---- */

static int compare_shards(const void *a, const void *b)
{
    return strcmp(((const shard *)a)->path, ((const shard *)b)->path);
}

static aire_status add_path(aire_loader *loader, const char *directory, const char *name)
{
    if (!aire__grow(loader->ctx, &loader->shards, &loader->capacity, loader->count + 1,
                    sizeof *loader->shards))
        return aire__fail_nomem();
    shard *s = &loader->shards[loader->count];
    *s = (shard){.path = aire__path_join(loader->ctx, directory, name)};
    if (!s->path)
        return aire__fail_nomem();
    loader->count++;
    return AIRE_OK;
}

static aire_status find_shards(aire_loader *loader, const char *pattern)
{
    const char *slash = strrchr(pattern, '/'), *name = slash ? slash + 1 : pattern;
    char *directory = slash == pattern ? aire__strdup(loader->ctx, "/")
                      : slash ? aire__strndup(loader->ctx, pattern, (size_t)(slash - pattern))
                              : aire__strdup(loader->ctx, ".");
    if (!directory)
        return aire__fail_nomem();
    DIR *dir = opendir(directory);
    aire_status status =
        dir ? AIRE_OK
            : aire__fail_errno(AIRE_NOT_FOUND, errno, "cannot open directory '%s'", directory);
    for (struct dirent *entry; status == AIRE_OK && (entry = readdir(dir));)
        if (aire__glob_match(name, entry->d_name))
            status = add_path(loader, directory, entry->d_name);
    if (dir)
        closedir(dir);
    aire_free(loader->ctx, directory);
    if (status == AIRE_OK && loader->count == 0)
        return aire__fail(AIRE_NOT_FOUND, "no shard is named '%s'", pattern);
    if (status == AIRE_OK)
        qsort(loader->shards, loader->count, sizeof *loader->shards, compare_shards);
    return status;
}

/* ---- the loader ---- */

static aire_status check_options(aire_loader_options *o)
{
    o->world = o->world ? o->world : 1;
    o->vocabulary = o->vocabulary ? o->vocabulary : 65536;
    if (o->batch < 1 || o->length < 1 || o->world < 1 || o->rank < 0 || o->rank >= o->world ||
        o->vocabulary < 1 || o->vocabulary > 65536)
        return aire__fail(
            AIRE_INVALID,
            "aire_loader_options: batch and length must be from 1, rank below world (%d), "
            "vocabulary at most 65536",
            o->world);
    return AIRE_OK;
}

aire_status aire_loader_new(aire_ctx *ctx, const char *pattern, const aire_loader_options *options,
                            aire_loader **out)
{
    aire_loader_options given;
    if (!ctx || !pattern || !out)
        return aire__fail(AIRE_INVALID, "aire_loader_new: ctx, pattern and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_loader_options");
    if (status == AIRE_OK)
        status = check_options(&given);
    if (status != AIRE_OK)
        return status;
    aire_loader *loader = aire__calloc(ctx, 1, sizeof *loader);
    if (!loader)
        return aire__fail_nomem();
    loader->ctx = aire_ctx_ref(ctx);
    loader->options = given;
    status = find_shards(loader, pattern);
    for (size_t i = 0; i < loader->count && status == AIRE_OK; i++)
        status = map_shard(loader, &loader->shards[i]);
    if (status != AIRE_OK) {
        aire_loader_free(loader);
        return status;
    }
    loader->at_token = (int64_t)given.rank * given.batch * given.length;
    *out = loader;
    return AIRE_OK;
}

void aire_loader_free(aire_loader *loader)
{
    if (!loader)
        return;
    aire_ctx *ctx = loader->ctx;
    for (size_t i = 0; i < loader->count; i++) {
        if (loader->shards[i].map)
            munmap((void *)(uintptr_t)loader->shards[i].map, loader->shards[i].bytes);
        aire_free(ctx, loader->shards[i].path);
    }
    aire_free(ctx, loader->shards);
    aire_free(ctx, loader);
    aire_ctx_unref(ctx);
}

static void advance(aire_loader *loader)
{
    const aire_loader_options *o = &loader->options;
    int64_t mine = (int64_t)o->batch * o->length, all = mine * o->world;
    loader->at_token += all;
    /* What the first process begins at decides for all of them. */
    if (loader->at_token - o->rank * mine + all + 1 > loader->shards[loader->at_shard].tokens) {
        loader->at_shard = (loader->at_shard + 1) % (int64_t)loader->count;
        loader->at_token = o->rank * mine;
    }
}

aire_status aire_loader_next(aire_loader *loader, int32_t *inputs, int32_t *targets)
{
    if (!loader || !inputs || !targets)
        return aire__fail(AIRE_INVALID,
                          "aire_loader_next: loader, inputs and targets must not be NULL");
    const shard *s = &loader->shards[loader->at_shard];
    const uint8_t *bytes = s->map + AIRE_SHARD_HEADER + 2 * (size_t)loader->at_token;
    size_t count = (size_t)loader->options.batch * (size_t)loader->options.length;
    for (size_t i = 0; i <= count; i++) {
        int32_t token = bytes[2 * i] | bytes[2 * i + 1] << 8;
        if (token >= loader->options.vocabulary)
            return aire__fail(AIRE_FORMAT, "'%s': token %lld is %d, the vocabulary ends at %d",
                              s->path, (long long)(loader->at_token + (int64_t)i), token,
                              loader->options.vocabulary - 1);
        if (i < count)
            inputs[i] = token;
        if (i > 0)
            targets[i - 1] = token;
    }
    advance(loader);
    return AIRE_OK;
}

int64_t aire_loader_tokens(const aire_loader *loader)
{
    int64_t tokens = 0;
    for (size_t i = 0; i < loader->count; i++)
        tokens += loader->shards[i].tokens;
    return tokens;
}

void aire_loader_tell(const aire_loader *loader, int64_t *out_shard, int64_t *token)
{
    *out_shard = loader->at_shard;
    *token = loader->at_token;
}

aire_status aire_loader_seek(aire_loader *loader, int64_t to_shard, int64_t token)
{
    int64_t needed = (int64_t)loader->options.batch * loader->options.length + 1;
    bool good = to_shard >= 0 && to_shard < (int64_t)loader->count && token >= 0 &&
                token <= loader->shards[to_shard].tokens - needed;
    if (!good)
        return aire__fail(AIRE_INVALID,
                          "aire_loader_seek: there is no batch at shard %lld, token %lld",
                          (long long)to_shard, (long long)token);
    loader->at_shard = to_shard;
    loader->at_token = token;
    return AIRE_OK;
}
