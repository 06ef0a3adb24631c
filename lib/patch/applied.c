/* The patch engine for hosts: a patch, files in memory, and what became of them. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "patch/patch.h"
#include "record/record.h"

struct aire_patch_applied {
    aire_record record;
    aire_patched patched;
};

typedef struct globs {
    aire_ctx *ctx;
    char **items;
    size_t count, capacity;
} globs;

static void applied_clear(aire_record *record, aire_record **dead)
{
    aire__patched_free(&((aire_patch_applied *)record)->patched);
}

aire_status aire_patch_apply_options_init(aire_patch_apply_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_patch_apply_options");
}

static void globs_free(globs *g)
{
    for (size_t i = 0; i < g->count; i++)
        aire_free(g->ctx, g->items[i]);
    aire_free(g->ctx, g->items);
}

static aire_status globs_take(globs *g, const char *text)
{
    for (const char *at = text ? text : ""; *at;) {
        size_t length = strcspn(at, "\n");
        if (length > 0) {
            char *glob = aire__strndup(g->ctx, at, length);
            if (!glob ||
                !aire__grow(g->ctx, &g->items, &g->capacity, g->count + 1, sizeof *g->items)) {
                aire_free(g->ctx, glob);
                return aire__fail_nomem();
            }
            g->items[g->count++] = glob;
        }
        at += length + (at[length] == '\n');
    }
    return AIRE_OK;
}

static bool may_create(const char *path, void *user_data)
{
    const globs *g = user_data;
    for (size_t i = 0; i < g->count; i++)
        if (aire__glob_match(g->items[i], path))
            return true;
    return false;
}

static int compare_sources(const void *a, const void *b)
{
    return strcmp(((const aire_patch_source *)a)->path, ((const aire_patch_source *)b)->path);
}

static aire_status take_sources(aire_ctx *ctx, const aire_patch_file *files, size_t count,
                                aire_patch_source **out)
{
    aire_patch_source *sources = aire__calloc(ctx, count + 1, sizeof *sources);
    aire_status status = sources ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        if (!files[i].path || !files[i].data || !aire__path_is_clean(files[i].path))
            status = aire__fail(AIRE_INVALID, "patch: file %zu of %zu has no %s", i + 1, count,
                                files[i].data ? "relative path" : "data");
        else
            sources[i] = (aire_patch_source){files[i].path, files[i].data, files[i].length,
                                             files[i].editable != 0};
    }
    if (status == AIRE_OK && count > 1)
        qsort(sources, count, sizeof *sources, compare_sources);
    for (size_t i = 1; i < count && status == AIRE_OK; i++)
        if (strcmp(sources[i - 1].path, sources[i].path) == 0)
            status =
                aire__fail(AIRE_INVALID, "patch: the file '%s' is given twice", sources[i].path);
    if (status != AIRE_OK) {
        aire_free(ctx, sources);
        return status;
    }
    *out = sources;
    return AIRE_OK;
}

static aire_status apply(aire_ctx *ctx, const aire_patch *patch, const aire_patch_base *base,
                         aire_patch_applied **out)
{
    aire_patched patched;
    aire_status status = aire__patch_apply(ctx, patch, base, &patched);
    if (status != AIRE_OK)
        return status;
    aire_patch_applied *applied = aire__record_new(ctx, sizeof *applied, applied_clear);
    if (!applied) {
        aire__patched_free(&patched);
        return aire__fail_nomem();
    }
    applied->patched = patched;
    *out = applied;
    return AIRE_OK;
}

aire_status aire_patch_apply(aire_ctx *ctx, const aire_patch *patch, const aire_patch_file *files,
                             size_t file_count, const aire_patch_apply_options *options,
                             aire_patch_applied **out)
{
    aire_patch_apply_options given;
    aire_patch_source *sources = NULL;
    if (!out)
        return aire__fail(AIRE_INVALID, "patch: out is NULL");
    *out = NULL;
    if (!ctx || !patch || (!files && file_count > 0))
        return aire__fail(AIRE_INVALID, "patch: %s is NULL",
                          !ctx     ? "ctx"
                          : !patch ? "patch"
                                   : "files");
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_patch_apply_options");
    if (status != AIRE_OK)
        return status;
    globs creatable = {.ctx = ctx};
    status = globs_take(&creatable, given.creatable);
    if (status == AIRE_OK)
        status = take_sources(ctx, files, file_count, &sources);
    if (status == AIRE_OK) {
        const aire_patch_base base = {sources, file_count, may_create, &creatable};
        status = apply(ctx, patch, &base, out);
    }
    aire_free(ctx, sources);
    globs_free(&creatable);
    return status;
}

aire_patch_applied *aire_patch_applied_ref(aire_patch_applied *applied)
{
    return aire__record_ref((aire_record *)applied);
}

void aire_patch_applied_unref(aire_patch_applied *applied)
{
    aire__record_unref((aire_record *)applied);
}

int32_t aire_patch_applied_outcome(const aire_patch_applied *applied)
{
    return applied->patched.outcome;
}

int32_t aire_patch_applied_cause(const aire_patch_applied *applied)
{
    return applied->patched.cause;
}

const char *aire_patch_applied_message(const aire_patch_applied *applied)
{
    return applied->patched.message;
}

const char *aire_patch_applied_diff(const aire_patch_applied *applied)
{
    return applied->patched.diff;
}

size_t aire_patch_applied_file_count(const aire_patch_applied *applied)
{
    return applied->patched.edit_count;
}

aire_status aire_patch_applied_get_file(const aire_patch_applied *applied, size_t index,
                                        aire_patch_applied_file *out)
{
    if (!applied || !out || index >= applied->patched.edit_count)
        return aire__fail(AIRE_INVALID, "patch: there is no file %zu", index);
    const aire_patch_edit *edit = &applied->patched.edits[index];
    const aire_patch_applied_file file = {.struct_size = sizeof file,
                                          .created = edit->created,
                                          .path = edit->path,
                                          .data = edit->data,
                                          .length = edit->length};
    return aire__options_give(&file, out, sizeof file, sizeof file, "aire_patch_applied_file");
}

size_t aire_patch_applied_hunk_count(const aire_patch_applied *applied)
{
    return applied->patched.hunk_count;
}

aire_status aire_patch_applied_get_hunk(const aire_patch_applied *applied, size_t index,
                                        aire_patch_applied_hunk *out)
{
    if (!applied || !out || index >= applied->patched.hunk_count)
        return aire__fail(AIRE_INVALID, "patch: there is no hunk %zu", index);
    const aire_patch_hunk *hunk = &applied->patched.hunks[index];
    const aire_patch_applied_hunk given = {.struct_size = sizeof given,
                                           .how = hunk->how,
                                           .path = applied->patched.names[hunk->file],
                                           .patch_line = hunk->patch_line,
                                           .line = hunk->line,
                                           .confidence = hunk->confidence};
    return aire__options_give(&given, out, sizeof given, sizeof given, "aire_patch_applied_hunk");
}

aire_status aire_patch_applied_statistics(const aire_patch_applied *applied,
                                          aire_patch_statistics *out)
{
    if (!applied || !out)
        return aire__fail(AIRE_INVALID, "patch: %s is NULL", applied ? "out" : "applied");
    const aire_patched *p = &applied->patched;
    aire_patch_statistics sums = {.struct_size = sizeof sums,
                                  .files = p->edit_count,
                                  .hunks = p->hunk_count,
                                  .added = p->added,
                                  .removed = p->removed,
                                  .confidence = 1};
    for (size_t i = 0; i < p->hunk_count; i++)
        if (p->hunks[i].confidence < sums.confidence)
            sums.confidence = p->hunks[i].confidence;
    return aire__options_give(&sums, out, sizeof sums, sizeof sums, "aire_patch_statistics");
}
