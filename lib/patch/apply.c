/*
 * Applying a patch: whole or not at all. Every file is checked and every hunk placed before
 * anything is given; a patch that does not fit is described for whoever wrote it.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"
#include "patch/locate.h"
#include "patch/patch.h"

/* Larger results are refused: no research file is. */
#define RESULT_MAX ((size_t)64 << 20)
#define MESSAGE_MAX ((size_t)8192)

enum { FILES_MAX = 4096, PATH_LENGTH_MAX = 1024, LISTED_MAX = 20 };

typedef struct applying {
    aire_ctx *ctx;
    const aire_patch_base *base;
    aire_diff diff;
    aire_patched *out;
    size_t edit_capacity;
    bool refused;
} applying;

/* Describe why the patch is refused; further refusals are not asked for. */
static aire_status refuse(applying *a, int32_t outcome, int32_t cause, aire_buf *message)
{
    a->refused = true;
    a->out->outcome = outcome;
    a->out->cause = cause;
    if (message->status == AIRE_LIMIT)
        message->status = AIRE_OK; /* what did not fit is not missed */
    return aire__buf_take(message, &a->out->message, NULL);
}

static aire_status refuse_text(applying *a, int32_t outcome, int32_t cause, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static aire_status refuse_text(applying *a, int32_t outcome, int32_t cause, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = aire__vasprintf(a->ctx, format, args);
    va_end(args);
    if (!text)
        return aire__fail_nomem();
    a->refused = true;
    a->out->outcome = outcome;
    a->out->cause = cause;
    a->out->message = text;
    return AIRE_OK;
}

static int compare_source(const void *key, const void *item)
{
    return strcmp(key, ((const aire_patch_source *)item)->path);
}

static const aire_patch_source *find_source(const applying *a, const char *path)
{
    return bsearch(path, a->base->sources, a->base->source_count, sizeof *a->base->sources,
                   compare_source);
}

/* ---- what a patch may touch ---- */

static bool has_control_characters(const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < ' ' || *path == 0x7f)
            return true;
    return false;
}

/* Refuse for a file that the patch may not or cannot touch, and list those that it may. */
static aire_status refuse_file(applying *a, int32_t outcome, int32_t cause, const char *path,
                               const char *why)
{
    aire_buf message;
    size_t listed = 0;
    aire__buf_init(&message, a->ctx, MESSAGE_MAX);
    aire__buf_printf(&message, "'%.*s' %s. The editable files are:",
                     (int)aire__utf8_cut(path, strlen(path), PATH_LENGTH_MAX), path, why);
    for (size_t i = 0; i < a->base->source_count && listed < LISTED_MAX; i++)
        if (a->base->sources[i].editable)
            aire__buf_printf(&message, "%s %s", listed++ ? "," : "", a->base->sources[i].path);
    aire__buf_puts(&message, listed == LISTED_MAX ? ", ..." : "");
    return refuse(a, outcome, cause, &message);
}

/* Whether one path lies below the other: they cannot both be files. */
static bool nested(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return (a[length] == '/' && !b[length]) || (!a[length] && b[length] == '/');
}

/* Whether a new file would be a directory, too, or below a file: of the environment or the patch.
 */
static bool collides(const applying *a, const char *path)
{
    for (size_t i = 0; i < a->base->source_count; i++)
        if (nested(path, a->base->sources[i].path))
            return true;
    for (size_t i = 0; i < a->diff.file_count; i++)
        if (nested(path, a->diff.files[i].path))
            return true;
    return false;
}

static aire_status check_new(applying *a, const aire_file_diff *file)
{
    if (!file->creates)
        return refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, file->path,
                           "is not there to be changed; a new file is made with '--- /dev/null'");
    if (!a->base->may_create || !a->base->may_create(file->path, a->base->user_data))
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, file->path,
                           "may not be made: its name is not one of an editable file");
    if (collides(a, file->path))
        return refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, file->path,
                           "cannot be made: it would be a file and a directory at once");
    return AIRE_OK;
}

static aire_status check_present(applying *a, const aire_file_diff *file,
                                 const aire_patch_source *source)
{
    if (!source->editable)
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, file->path,
                           "may not be changed");
    if (file->creates && source->length > 0)
        return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                           "'%s' is to be made, but it is there already: send a change of its "
                           "lines, with '--- a/%s' as header",
                           file->path, file->path);
    if (source->length > 0 && memchr(source->data, '\0', source->length))
        return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                           "'%s' is not a text: it cannot be patched", file->path);
    return AIRE_OK;
}

static aire_status check_file(applying *a, size_t index)
{
    const aire_file_diff *file = &a->diff.files[index];
    if (!aire__path_is_clean(file->path) || has_control_characters(file->path) ||
        strlen(file->path) > PATH_LENGTH_MAX)
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, file->path,
                           "is not a path inside the environment: relative, without '.', '..' "
                           "and control characters");
    if (!strcmp(file->path, "aire.json"))
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, file->path,
                           "holds the rules of the environment, and is never changed");
    for (size_t i = 0; i < index; i++)
        if (!strcmp(a->diff.files[i].path, file->path))
            return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                               "'%s' has two headers: put all its hunks under one", file->path);
    const aire_patch_source *source = find_source(a, file->path);
    return source ? check_present(a, file, source) : check_new(a, file);
}

/* ---- one file ---- */

static bool has_return(const aire_line *line)
{
    return line->full > line->length && line->text[line->length] == '\r';
}

/* Whether the patch itself says which lines end in "\r\n": it does if some of its lines do, and its
 * header does not. */
static bool says_line_ends(const applying *a, const aire_file_diff *diff, const aire_hunk *hunk)
{
    if (diff->crlf)
        return false;
    for (size_t i = 0; i < hunk->count; i++)
        if (has_return(&a->diff.lines[hunk->first + i].line))
            return true;
    return false;
}

/* What lines end in around a place. */
static const char *line_end(const aire_lines *lines, size_t at)
{
    if (at >= lines->count && lines->count > 0)
        at = lines->count - 1;
    return lines->count > 0 && has_return(&lines->items[at]) ? "\r\n" : "\n";
}

static void write_added(const aire_hunk_line *line, bool exact, const char *end, aire_buf *to)
{
    aire__buf_append(to, line->line.text, line->line.length);
    if (exact && has_return(&line->line))
        aire__buf_puts(to, "\r");
    if (!line->no_newline)
        aire__buf_puts(to, exact ? "\n" : end);
}

/* A hunk in its place: kept lines stay byte for byte, added ones end as the patch says, or else as
 * the lines around them. */
static void write_hunk(const applying *a, const aire_file_diff *diff, const aire_located_file *file,
                       const aire_hunk *hunk, size_t at, aire_buf *to)
{
    const char *end = line_end(&file->lines, at);
    bool exact = says_line_ends(a, diff, hunk);
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *line = &a->diff.lines[hunk->first + i];
        if (line->op == '+') {
            /* A last line without an end gets one before another follows. */
            if (to->length > 0 && to->data[to->length - 1] != '\n')
                aire__buf_puts(to, end);
            write_added(line, exact, end, to);
            continue;
        }
        if (line->op == ' ')
            aire__buf_append(to, file->lines.items[at].text, file->lines.items[at].full);
        at++;
    }
}

static void write_lines(const aire_located_file *file, size_t from, size_t to, aire_buf *buf)
{
    if (to > from)
        aire__buf_append(buf, file->lines.items[from].text,
                         (size_t)(file->lines.items[to - 1].text - file->lines.items[from].text) +
                             file->lines.items[to - 1].full);
}

static aire_status refuse_hunk(applying *a, aire_located_file *file, const aire_file_diff *diff,
                               size_t number, aire_place place, size_t at)
{
    const aire_hunk *hunk = &a->diff.hunks[diff->first_hunk + number];
    aire_buf message;
    aire__buf_init(&message, a->ctx, MESSAGE_MAX);
    aire__buf_printf(&message, "%s, hunk %zu of %zu (@@ -%zu,%zu @@, line %zu of the patch) ",
                     diff->path, number + 1, diff->hunk_count, hunk->old_start, hunk->old_count,
                     hunk->patch_line);
    if (place == AIRE_PLACE_FOUND)
        aire__buf_printf(&message,
                         "makes a last line without newline, but after it the file goes on with "
                         "line %zu. Leave out '\\ No newline at end of file'.",
                         at + hunk->old_count + 1);
    else if (place == AIRE_PLACE_OVERLAP)
        aire__buf_printf(&message,
                         "belongs to line %zu, but the hunk before it reaches beyond. Send the "
                         "hunks in the order of the file, and those that overlap as one.",
                         at + 1);
    else if (place == AIRE_PLACE_AMBIGUOUS)
        aire__buf_printf(&message,
                         "fits in several places, the first at line %zu, and none is where its "
                         "header says. Send it "
                         "again with more context, and with the right line numbers.",
                         at + 1);
    else {
        aire__buf_puts(&message, "does not fit. ");
        aire__locate_explain(file, &a->diff, hunk, &message);
    }
    return refuse(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, &message);
}

/* Whether a hunk takes the newline from a line that is not the last one of the file. */
static bool cuts_newline(const applying *a, const aire_located_file *file, const aire_hunk *hunk,
                         size_t at)
{
    if (at + hunk->old_count >= file->lines.count)
        return false;
    for (size_t i = 0; i < hunk->count; i++)
        if (a->diff.lines[hunk->first + i].op == '+' && a->diff.lines[hunk->first + i].no_newline)
            return true;
    return false;
}

/* All hunks of a file in their places; nothing is written once the patch is refused. */
static aire_status apply_hunks(applying *a, aire_located_file *file, const aire_file_diff *diff,
                               aire_buf *to)
{
    size_t done = 0;
    long drift = 0;
    for (size_t i = 0; i < diff->hunk_count && !a->refused; i++) {
        const aire_hunk *hunk = &a->diff.hunks[diff->first_hunk + i];
        aire_place place;
        size_t at = 0;
        aire_status status = aire__locate(file, &a->diff, hunk, done, drift, &place, &at);
        if (status != AIRE_OK)
            return status;
        if (place != AIRE_PLACE_FOUND || cuts_newline(a, file, hunk, at))
            return refuse_hunk(a, file, diff, i, place, at);
        drift = (long)at - ((long)hunk->old_start - (hunk->old_count > 0));
        write_lines(file, done, at, to);
        write_hunk(a, diff, file, hunk, at, to);
        done = at + hunk->old_count;
    }
    if (!a->refused)
        write_lines(file, done, file->lines.count, to);
    return AIRE_OK;
}

static aire_status keep_edit(applying *a, const aire_file_diff *diff, bool created,
                             aire_buf *content)
{
    aire_patched *out = a->out;
    if (!aire__grow(a->ctx, &out->edits, &a->edit_capacity, out->edit_count + 1,
                    sizeof *out->edits))
        return aire__fail_nomem();
    aire_patch_edit edit = {.created = created};
    aire_status status = AIRE_OK;
    if (!diff->deletes)
        status = aire__buf_take(content, &edit.data, &edit.length);
    if (status != AIRE_OK)
        return status;
    edit.path = aire__strdup(a->ctx, diff->path);
    if (!edit.path) {
        aire_free(a->ctx, edit.data);
        return aire__fail_nomem();
    }
    out->edits[out->edit_count++] = edit;
    return AIRE_OK;
}

static bool unchanged(const aire_patch_source *source, const aire_file_diff *diff,
                      const aire_buf *content)
{
    return source && !diff->deletes && source->length == content->length &&
           (content->length == 0 || memcmp(source->data, content->data, content->length) == 0);
}

static aire_status apply_file(applying *a, const aire_file_diff *diff)
{
    const aire_patch_source *source = find_source(a, diff->path);
    aire_located_file file = {.ctx = a->ctx};
    aire_buf content;
    aire__buf_init(&content, a->ctx, RESULT_MAX);
    aire_status status = aire__lines_split(a->ctx, source ? source->data : "",
                                           source ? source->length : 0, &file.lines);
    if (status == AIRE_OK)
        status = apply_hunks(a, &file, diff, &content);
    if (status == AIRE_OK && !a->refused)
        status = aire__buf_status(&content);
    if (status == AIRE_OK && !a->refused && diff->deletes && content.length > 0)
        status =
            refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                        "'%s' is to be deleted, but the hunks leave some of its lines", diff->path);
    if (status == AIRE_OK && !a->refused && !unchanged(source, diff, &content))
        status = keep_edit(a, diff, !source, &content);
    aire__buf_free(&content);
    aire__located_file_free(&file);
    return status;
}

/* ---- the whole ---- */

static int compare_edits(const void *a, const void *b)
{
    return strcmp(((const aire_patch_edit *)a)->path, ((const aire_patch_edit *)b)->path);
}

static aire_status write_diff(applying *a)
{
    aire_buf all;
    aire_status status = AIRE_OK;
    aire__buf_init(&all, a->ctx, 4 * RESULT_MAX);
    for (size_t i = 0; i < a->out->edit_count && status == AIRE_OK; i++) {
        const aire_patch_edit *edit = &a->out->edits[i];
        const aire_patch_source *source = find_source(a, edit->path);
        char *diff = NULL;
        status = aire__patch_diff(a->ctx, edit->path, source ? source->data : NULL,
                                  source ? source->length : 0, edit->data, edit->length, &diff);
        if (status == AIRE_OK)
            aire__buf_puts(&all, diff);
        aire_free(a->ctx, diff);
    }
    if (status == AIRE_OK)
        return aire__buf_take(&all, &a->out->diff, NULL);
    aire__buf_free(&all);
    return status;
}

static aire_status apply_all(applying *a)
{
    aire_status status = AIRE_OK;
    if (a->diff.file_count > FILES_MAX)
        status =
            refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                        "the patch touches %zu files, more than %d", a->diff.file_count, FILES_MAX);
    for (size_t i = 0; i < a->diff.file_count && status == AIRE_OK && !a->refused; i++)
        status = check_file(a, i);
    for (size_t i = 0; i < a->diff.file_count && status == AIRE_OK && !a->refused; i++)
        status = apply_file(a, &a->diff.files[i]);
    if (status == AIRE_OK && !a->refused && a->out->edit_count == 0)
        status = refuse_text(a, AIRE_OUTCOME_NO_CHANGE, AIRE_CAUSE_SAME_AS_BASELINE,
                             "the patch changes nothing");
    if (status != AIRE_OK || a->refused)
        return status;
    qsort(a->out->edits, a->out->edit_count, sizeof *a->out->edits, compare_edits);
    return write_diff(a);
}

static void drop_edits(aire_patched *patched)
{
    for (size_t i = 0; i < patched->edit_count; i++) {
        aire_free(patched->ctx, patched->edits[i].path);
        aire_free(patched->ctx, patched->edits[i].data);
    }
    aire_free(patched->ctx, patched->edits);
    patched->edits = NULL;
    patched->edit_count = 0;
}

static aire_status fill_texts(aire_patched *out)
{
    if (!out->message)
        out->message = aire__strdup(out->ctx, "");
    if (!out->diff)
        out->diff = aire__strdup(out->ctx, "");
    return out->message && out->diff ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__patch_apply(aire_ctx *ctx, const aire_patch *patch, const aire_patch_base *base,
                              aire_patched *out)
{
    *out = (aire_patched){.ctx = ctx, .outcome = AIRE_OUTCOME_OK, .cause = AIRE_CAUSE_NONE};
    applying a = {.ctx = ctx, .base = base, .out = out};
    char *complaint;
    aire_status status = aire__diff_parse(ctx, aire_patch_text(patch), aire_patch_length(patch),
                                          &a.diff, &complaint);
    if (status == AIRE_FORMAT) {
        *out = (aire_patched){
            ctx, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX, complaint, NULL, 0, NULL};
        status = AIRE_OK;
    } else if (status == AIRE_OK) {
        status = apply_all(&a);
        aire__diff_free(&a.diff);
    }
    if (status == AIRE_OK && out->outcome != AIRE_OUTCOME_OK)
        drop_edits(out);
    if (status == AIRE_OK)
        status = fill_texts(out);
    if (status != AIRE_OK)
        aire__patched_free(out);
    return status;
}

void aire__patched_free(aire_patched *patched)
{
    drop_edits(patched);
    aire_free(patched->ctx, patched->message);
    aire_free(patched->ctx, patched->diff);
    *patched = (aire_patched){.ctx = patched->ctx};
}
