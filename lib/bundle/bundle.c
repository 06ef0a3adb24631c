#include "bundle/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

enum {
    MODE = 0644,
    BLOCK = 64 << 10,
    FILTERS_MAX = 2, /* zstd, and the file itself */
    TRIES = 100      /* names for a temporary file */
};

/* ---- writing ---- */

static aire_status write_failed(struct archive *archive, const char *path)
{
    if (archive_errno(archive) == ENOMEM)
        return aire__fail_nomem();
    return aire__fail_errno(AIRE_IO, archive_errno(archive), "cannot write '%s': %s", path,
                            archive_error_string(archive));
}

static aire_status add_file(struct archive *archive, const char *path, const aire_bundle_file *file)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return aire__fail_nomem();
    archive_entry_set_pathname(entry, file->name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, MODE);
    archive_entry_set_size(entry, (la_int64_t)file->length);
    archive_entry_set_mtime(entry, 0, 0);
    bool good = archive_write_header(archive, entry) == ARCHIVE_OK &&
                archive_write_data(archive, file->data, file->length) == (la_ssize_t)file->length;
    archive_entry_free(entry);
    return good ? AIRE_OK : write_failed(archive, path);
}

static aire_status write_archive(const char *path, int fd, const aire_bundle_file *files,
                                 size_t count)
{
    struct archive *archive = archive_write_new();
    if (!archive)
        return aire__fail_nomem();
    aire_status status = AIRE_OK;
    if (archive_write_set_format_ustar(archive) != ARCHIVE_OK ||
        archive_write_add_filter_zstd(archive) != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK)
        status = write_failed(archive, path);
    for (size_t i = 0; i < count && status == AIRE_OK; i++)
        status = add_file(archive, path, &files[i]);
    if (status == AIRE_OK && archive_write_close(archive) != ARCHIVE_OK)
        status = write_failed(archive, path);
    archive_write_free(archive);
    return status;
}

/* A file beside `path` that nobody else writes: not another thread, not a process that was killed.
 * *name is from aire_alloc; the descriptor is -1 on failure. */
static aire_status open_temporary(aire_ctx *ctx, const char *path, char **name, int *fd)
{
    *fd = -1;
    for (int i = 0; i < TRIES && *fd < 0; i++) {
        aire_free(ctx, *name);
        *name = aire__asprintf(ctx, "%s.%d-%d.part", path, (int)getpid(), i);
        if (!*name)
            return aire__fail_nomem();
        *fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
        if (*fd < 0 && errno != EEXIST)
            break;
    }
    return *fd >= 0 ? AIRE_OK : aire__fail_errno(AIRE_IO, errno, "cannot write '%s'", path);
}

aire_status aire__bundle_write(aire_ctx *ctx, const char *path, const aire_bundle_file *files,
                               size_t count)
{
    char *temporary = NULL;
    int fd;
    aire_status status = open_temporary(ctx, path, &temporary, &fd);
    if (status == AIRE_OK)
        status = write_archive(path, fd, files, count);
    if (status == AIRE_OK && fsync(fd) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot write '%s'", path);
    if (fd >= 0)
        close(fd);
    if (status == AIRE_OK && rename(temporary, path) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot write '%s'", path);
    if (status != AIRE_OK && fd >= 0)
        unlink(temporary);
    aire_free(ctx, temporary);
    return status;
}

/* ---- reading ---- */

static aire_status check_entry(const aire_bundle *b, const char *path, struct archive *archive,
                               struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    if (!name || !aire__path_is_clean(name))
        return aire__fail(AIRE_REFUSED,
                          "'%s' has an entry that would leave its directory: '%.200s'", path,
                          name ? name : "?");
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_symlink(entry) || archive_entry_sparse_count(entry) > 0)
        return aire__fail(AIRE_REFUSED, "'%s' has an entry that is no plain file: '%.200s'", path,
                          name);
    if (aire__bundle_find(b, name))
        return aire__fail(AIRE_REFUSED, "'%s' has '%.200s' twice", path, name);
    if (archive_filter_count(archive) > FILTERS_MAX)
        return aire__fail(AIRE_REFUSED, "'%s' is compressed more than once", path);
    if (b->count == AIRE_BUNDLE_FILES_MAX)
        return aire__fail(AIRE_LIMIT, "'%s' has more than %d files", path, AIRE_BUNDLE_FILES_MAX);
    return AIRE_OK;
}

static aire_status read_failed(struct archive *archive, const char *path)
{
    if (archive_errno(archive) == ENOMEM)
        return aire__fail_nomem();
    if (archive_errno(archive) == EIO)
        return aire__fail_errno(AIRE_IO, EIO, "cannot read '%s'", path);
    return aire__fail(AIRE_FORMAT, "'%s' is no bundle, or it is damaged: %s", path,
                      archive_error_string(archive) ? archive_error_string(archive) : "?");
}

/* What an entry says of its size is not believed. */
static aire_status read_data(aire_ctx *ctx, struct archive *archive, const char *path, size_t room,
                             aire_bundle_file *file)
{
    aire_buf data;
    char chunk[BLOCK];
    la_ssize_t count;
    aire__buf_init(&data, ctx, room + 1);
    while ((count = archive_read_data(archive, chunk, sizeof chunk)) > 0 && data.length <= room &&
           aire__buf_status(&data) == AIRE_OK)
        aire__buf_append(&data, chunk, (size_t)count);
    aire_status status = aire__buf_status(&data);
    if (count < 0)
        status = read_failed(archive, path);
    else if (data.length > room || status == AIRE_LIMIT)
        status = aire__fail(AIRE_LIMIT, "'%s' holds more than %d MiB", path,
                            AIRE_BUNDLE_BYTES_MAX >> 20);
    if (status == AIRE_OK)
        return aire__buf_take(&data, &file->data, &file->length);
    aire__buf_free(&data);
    return status;
}

static aire_status read_entry(aire_bundle *b, const char *path, struct archive *archive,
                              struct archive_entry *entry, size_t *room)
{
    aire_bundle_file *file = &b->files[b->count];
    aire_status status = check_entry(b, path, archive, entry);
    if (status != AIRE_OK)
        return status;
    status = read_data(b->ctx, archive, path, *room, file);
    if (status != AIRE_OK)
        return status;
    *room -= file->length;
    file->name = aire__strdup(b->ctx, archive_entry_pathname(entry));
    b->count++;
    return file->name ? AIRE_OK : aire__fail_nomem();
}

static aire_status read_archive(aire_bundle *b, const char *path, struct archive *archive, int fd)
{
    struct archive_entry *entry;
    size_t room = AIRE_BUNDLE_BYTES_MAX;
    int code = ARCHIVE_OK;
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
        archive_read_open_fd(archive, fd, BLOCK) != ARCHIVE_OK)
        return read_failed(archive, path);
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && (code = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
        status = read_entry(b, path, archive, entry, &room);
    if (status == AIRE_OK && code != ARCHIVE_EOF)
        status = read_failed(archive, path);
    if (status == AIRE_OK && b->count == 0)
        status = aire__fail(AIRE_FORMAT, "'%s' is no bundle: there is nothing in it", path);
    return status;
}

aire_status aire__bundle_read(aire_ctx *ctx, const char *path, aire_bundle *out)
{
    *out = (aire_bundle){.ctx = ctx};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aire__fail_errno(errno == ENOENT ? AIRE_NOT_FOUND : AIRE_IO, errno,
                                "cannot read '%s'", path);
    out->files = aire__calloc(ctx, AIRE_BUNDLE_FILES_MAX, sizeof *out->files);
    struct archive *archive = archive_read_new();
    aire_status status =
        out->files && archive ? read_archive(out, path, archive, fd) : aire__fail_nomem();
    if (archive)
        archive_read_free(archive);
    close(fd);
    return status;
}

void aire__bundle_free(aire_bundle *b)
{
    for (size_t i = 0; i < b->count; i++) {
        aire_free(b->ctx, b->files[i].name);
        aire_free(b->ctx, b->files[i].data);
    }
    aire_free(b->ctx, b->files);
    *b = (aire_bundle){.ctx = b->ctx};
}

const aire_bundle_file *aire__bundle_find(const aire_bundle *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (!strcmp(b->files[i].name, name))
            return &b->files[i];
    return NULL;
}
