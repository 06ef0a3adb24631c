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
#include "patch/explain.h"
#include "patch/marks.h"
#include "patch/patch.h"
#include "patch/read.h"
#include "patch/target.h"
#include "patch/whole.h"

/* Larger results are refused: no research file is. */
#define RESULT_MAX ((size_t)64 << 20)
#define MESSAGE_MAX ((size_t)8192)

enum { FILES_MAX = 4096, PATH_LENGTH_MAX = 1024, LISTED_MAX = 20 };

typedef struct applying {
    aire_ctx *ctx;
    const aire_patch_base *base;
    aire_edits edits;
    aire_targets targets;
    aire_patched *out;
    size_t edit_capacity, hunk_capacity, name_capacity;
    size_t present; /* hunks whose result is there already */
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

static const aire_patch_source *source_of(const applying *a, const aire_target *target)
{
    return target->source == AIRE_NO_SOURCE ? NULL : &a->base->sources[target->source];
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
    for (size_t i = 0; i < a->targets.count; i++)
        if (nested(path, a->targets.items[i].path) ||
            (a->targets.items[i].new_path && nested(path, a->targets.items[i].new_path)))
            return true;
    return false;
}

static aire_status check_name(applying *a, const char *path)
{
    if (!aire__path_is_clean(path) || has_control_characters(path) ||
        strlen(path) > PATH_LENGTH_MAX)
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, path,
                           "is not a path inside the environment: relative, without '.', '..' "
                           "and control characters");
    if (!strcmp(path, "aire.json"))
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, path,
                           "holds the rules of the environment, and is never changed");
    return AIRE_OK;
}

static aire_status check_new(applying *a, const char *path)
{
    if (!a->base->may_create || !a->base->may_create(path, a->base->user_data))
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, path,
                           "may not be made: its name is not one of an editable file");
    if (collides(a, path))
        return refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, path,
                           "cannot be made: it would be a file and a directory at once");
    return AIRE_OK;
}

static aire_status check_present(applying *a, const aire_target *target)
{
    const aire_patch_source *source = source_of(a, target);
    if (!source->editable)
        return refuse_file(a, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, target->path,
                           "may not be changed");
    if (source->length > 0 && memchr(source->data, '\0', source->length))
        return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                           "'%s' is not a text: it cannot be patched", target->path);
    return AIRE_OK;
}

/* Whether the target's hunks only add lines, as those of a new file do. */
static bool makes_file(const applying *a, const aire_target *target)
{
    if (target->deletes)
        return false;
    if (target->whole != AIRE_NO_SOURCE)
        return true;
    for (size_t i = 0; i < target->hunk_count; i++) {
        const aire_hunk *hunk = &a->edits.hunks[target->hunks[i]];
        for (size_t k = 0; k < hunk->count; k++) {
            const aire_hunk_line *line = &a->edits.lines[hunk->first + k];
            if (line->op == '-' || (line->op == ' ' && !aire__line_is_blank(&line->line)))
                return false;
        }
        if (!target->creates && hunk->numbered && hunk->old_start > 1)
            return false;
    }
    return target->creates || target->hunk_count > 0;
}

static aire_status check_rename(applying *a, const aire_target *target)
{
    aire_status status = check_name(a, target->new_path);
    if (status != AIRE_OK || a->refused)
        return status;
    if (aire__path_source(a->base, target->new_path) != AIRE_NO_SOURCE)
        return refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, target->new_path,
                           "is there already: no file can be renamed to it");
    if (target->source == AIRE_NO_SOURCE)
        return refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, target->path,
                           "is not there to be renamed");
    return check_new(a, target->new_path);
}

static aire_status check_target(applying *a, const aire_target *target)
{
    aire_status status = check_name(a, target->path);
    if (status == AIRE_OK && !a->refused && target->source != AIRE_NO_SOURCE)
        status = check_present(a, target);
    else if (status == AIRE_OK && !a->refused && !makes_file(a, target))
        status = refuse_file(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, target->path,
                             "is not there to be changed; a new file is made with '--- /dev/null'");
    else if (status == AIRE_OK && !a->refused && !target->new_path)
        status = check_new(a, target->path);
    if (status == AIRE_OK && !a->refused && target->new_path)
        status = check_rename(a, target);
    return status;
}

/* ---- what is told of hunks ---- */

static aire_status note_name(applying *a, const char *path)
{
    aire_patched *out = a->out;
    char *name = aire__strdup(a->ctx, path);
    if (!name || !aire__grow(a->ctx, &out->names, &a->name_capacity, out->name_count + 1,
                             sizeof *out->names)) {
        aire_free(a->ctx, name);
        return aire__fail_nomem();
    }
    out->names[out->name_count++] = name;
    return AIRE_OK;
}

static aire_status note_hunk(applying *a, size_t patch_line, size_t line, int32_t how,
                             double confidence)
{
    aire_patched *out = a->out;
    if (!aire__grow(a->ctx, &out->hunks, &a->hunk_capacity, out->hunk_count + 1,
                    sizeof *out->hunks))
        return aire__fail_nomem();
    out->hunks[out->hunk_count++] =
        (aire_patch_hunk){out->name_count - 1, patch_line, line, how, confidence};
    return AIRE_OK;
}

static aire_status note_places(applying *a, const aire_placing *p)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < p->count && status == AIRE_OK; i++) {
        const aire_place *place = &p->places[i];
        if (place->state != AIRE_PLACE_FOUND && place->state != AIRE_PLACE_PRESENT)
            continue;
        a->present += place->state == AIRE_PLACE_PRESENT;
        status = note_hunk(a, a->edits.hunks[p->hunks[i]].patch_line, place->first + 1, place->how,
                           place->confidence);
    }
    return status;
}

/* ---- hunks ---- */

static aire_status refuse_place(applying *a, const aire_target *target, const aire_placing *p,
                                size_t i)
{
    aire_buf message;
    aire__buf_init(&message, a->ctx, MESSAGE_MAX);
    aire__explain_place(p, i, target->path, &message);
    return refuse(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, &message);
}

static aire_status refuse_conflict(applying *a, const aire_target *target, const aire_placing *p,
                                   const aire_conflict *conflict)
{
    aire_buf message;
    aire__buf_init(&message, a->ctx, MESSAGE_MAX);
    aire__explain_conflict(p, conflict, target->path, &message);
    return refuse(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, &message);
}

/* Write what placed hunks make of their text. */
static aire_status write_placed(applying *a, const aire_target *target, const aire_placing *p,
                                aire_buf *to)
{
    aire_conflict conflict;
    aire_status status = aire__splice(p, to, &conflict);
    if (status == AIRE_OK && conflict.kind != AIRE_CONFLICT_NONE)
        return refuse_conflict(a, target, p, &conflict);
    if (status == AIRE_OK)
        status = aire__buf_status(to);
    return status == AIRE_OK ? note_places(a, p) : status;
}

/* A hunk that is there to the letter, or but for white space. */
static bool is_plain(const aire_place *place)
{
    return place->state == AIRE_PLACE_NOTHING ||
           (place->state == AIRE_PLACE_FOUND && place->how != AIRE_PLACED_FUZZY);
}

static size_t count_plain(const aire_placing *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += is_plain(&p->places[i]);
    return count;
}

/* Hunks of a target in three lots, as they are applied. */
typedef struct lots {
    size_t *now, now_count;     /* about the file as it is */
    size_t *later, later_count; /* about what others make of it */
} lots;

/* The hunks that are about what the plain ones make of the file: they stand in it to the letter. */
static aire_status find_sequels(applying *a, aire_placing *p, lots *l)
{
    aire_buf made;
    aire_conflict conflict;
    aire_text text;
    aire_placing next = {0};
    aire__buf_init(&made, a->ctx, RESULT_MAX);
    l->later_count = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (is_plain(&p->places[i]))
            continue;
        l->later[l->later_count++] = p->hunks[i];
        p->places[i].state = AIRE_PLACE_NONE; /* the others are written without it */
    }
    aire_status status = aire__splice(p, &made, &conflict);
    if (status == AIRE_OK)
        status = aire__buf_status(&made);
    if (status == AIRE_OK && conflict.kind == AIRE_CONFLICT_NONE) {
        status = aire__text_open(a->ctx, made.data ? made.data : "", made.length, &text);
        if (status == AIRE_OK) {
            status =
                aire__place_hunks(a->ctx, &text, &a->edits, l->later, l->later_count, true, &next);
            aire__text_free(&text);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < l->later_count && status == AIRE_OK; i++)
        if (next.places && next.places[i].state == AIRE_PLACE_FOUND)
            l->later[kept++] = l->later[i];
    l->later_count = kept;
    if (next.ctx)
        aire__placing_free(&next);
    aire__buf_free(&made);
    return status;
}

static void part_lots(const aire_target *target, lots *l)
{
    l->now_count = 0;
    for (size_t i = 0, k = 0; i < target->hunk_count; i++) {
        if (k < l->later_count && l->later[k] == target->hunks[i])
            k++;
        else
            l->now[l->now_count++] = target->hunks[i];
    }
}

static aire_status place_now(applying *a, aire_text *text, const size_t *hunks, size_t count,
                             aire_placing *p)
{
    aire__placing_free(p);
    return aire__place_hunks(a->ctx, text, &a->edits, hunks, count, false, p);
}

/* Place the target's hunks; those that have no place are tried in other forms, and as sequels. */
static aire_status place_target(applying *a, aire_target *target, aire_text *text, aire_placing *p,
                                lots *l)
{
    aire_status status =
        aire__place_hunks(a->ctx, text, &a->edits, target->hunks, target->hunk_count, false, p);
    if (status != AIRE_OK || count_plain(p) == target->hunk_count)
        return status;
    status = aire__target_recast(a->ctx, &a->edits, text, p, target);
    if (status == AIRE_OK)
        status = place_now(a, text, target->hunks, target->hunk_count, p);
    l->now = aire__calloc(a->ctx, target->hunk_count + 1, sizeof *l->now);
    l->later = aire__calloc(a->ctx, target->hunk_count + 1, sizeof *l->later);
    if (!l->now || !l->later)
        return aire__fail_nomem();
    size_t plain = status == AIRE_OK ? count_plain(p) : 0;
    if (plain == 0 || plain == target->hunk_count)
        return status;
    status = find_sequels(a, p, l);
    part_lots(target, l);
    return status == AIRE_OK ? place_now(a, text, l->now, l->now_count, p) : status;
}

/* Hunks that are about what others have made of the file, one after another. */
static aire_status apply_sequels(applying *a, const aire_target *target, const lots *l,
                                 aire_buf *content)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < l->later_count && status == AIRE_OK && !a->refused; i++) {
        aire_buf next;
        aire_text text;
        aire_placing p;
        char *before = NULL;
        size_t length = 0;
        aire__buf_init(&next, a->ctx, RESULT_MAX);
        status = aire__buf_take(content, &before, &length);
        if (status == AIRE_OK)
            status = aire__text_open(a->ctx, before, length, &text);
        if (status == AIRE_OK) {
            status = aire__place_hunks(a->ctx, &text, &a->edits, l->later + i, 1, true, &p);
            if (status == AIRE_OK) {
                status = p.places[0].state >= AIRE_PLACE_FOUND ? write_placed(a, target, &p, &next)
                                                               : refuse_place(a, target, &p, 0);
                aire__placing_free(&p);
            }
            aire__text_free(&text);
        }
        aire_free(a->ctx, before);
        *content = next;
    }
    return status;
}

static aire_status write_target(applying *a, const aire_target *target, const aire_placing *p,
                                const lots *l, aire_buf *content)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->places[i].state < AIRE_PLACE_FOUND)
            return refuse_place(a, target, p, i);
    aire_status status = write_placed(a, target, p, content);
    return status == AIRE_OK && !a->refused ? apply_sequels(a, target, l, content) : status;
}

static aire_status apply_hunks(applying *a, aire_target *target, aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    aire_text text;
    aire_placing p = {.ctx = a->ctx};
    lots l = {0};
    aire_status status = aire__text_open(a->ctx, source->data, source->length, &text);
    if (status != AIRE_OK)
        return status;
    if (a->edits.answer)
        status = aire__target_clean(a->ctx, &a->edits, &text, target);
    if (status == AIRE_OK)
        status = aire__target_split(a->ctx, &a->edits, &text, target);
    if (status == AIRE_OK)
        status = place_target(a, target, &text, &p, &l);
    if (status == AIRE_OK)
        status = write_target(a, target, &p, &l, content);
    aire__placing_free(&p);
    aire_free(a->ctx, l.now);
    aire_free(a->ctx, l.later);
    aire__text_free(&text);
    return status;
}

/* ---- whole contents ---- */

static aire_status refuse_whole(applying *a, const aire_target *target, const aire_whole_look *look)
{
    const aire_hunk *hunk = &a->edits.hunks[target->whole];
    if (look->elision)
        return refuse_text(
            a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
            "'%s' is sent whole, but line %zu of the patch only stands for lines that "
            "are left out: send all of them, or a unified diff or search/replace blocks",
            target->path, hunk->patch_line + look->elision);
    return refuse_text(
        a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
        "'%s' is sent as a whole file (line %zu of the patch), but it keeps %.0f %% of "
        "the lines that are there%s: send all of the file, or a unified diff or "
        "search/replace blocks of what changes",
        target->path, hunk->patch_line, 100 * look->shared,
        look->is_part ? ", without its beginning or its end" : "");
}

/* Whether lines that are sent as if they were a file are only shown: they stand in the text so. */
static aire_status is_quoted(applying *a, const aire_target *target, const char *data,
                             size_t length, bool *quoted)
{
    const aire_hunk *hunk = &a->edits.hunks[target->whole];
    size_t *at = aire__calloc(a->ctx, hunk->count + 1, sizeof *at), places[AIRE_PLACES_MAX];
    uint64_t *keys = aire__calloc(a->ctx, hunk->count + 1, sizeof *keys);
    aire_text text = {.ctx = a->ctx};
    aire_side side;
    int grade;
    bool more;
    aire_status status = at && keys ? AIRE_OK : aire__fail_nomem();
    *quoted = false;
    if (status == AIRE_OK)
        status = aire__text_open(a->ctx, data, length, &text);
    if (status == AIRE_OK) {
        aire__side_make(&a->edits, hunk, '-', at, keys, &side);
        status = aire__text_index(&text, keys, side.count);
    }
    if (status == AIRE_OK) {
        while (side.core < side.core_end && side.keys[side.core] == AIRE_KEY_BLANK)
            side.core++;
        while (side.core < side.core_end && side.keys[side.core_end - 1] == AIRE_KEY_BLANK)
            side.core_end--;
        *quoted = aire__find_contiguous(&text, &side, places, &grade, &more) > 0;
    }
    aire__text_free(&text);
    aire_free(a->ctx, at);
    aire_free(a->ctx, keys);
    return status;
}

static aire_status apply_whole(applying *a, aire_target *target, aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    const aire_hunk *hunk = &a->edits.hunks[target->whole];
    aire_whole_look look;
    bool fills = !source || source->length == 0;
    aire_status status = aire__whole_look(a->ctx, source, &a->edits, hunk, &look);
    if (status != AIRE_OK)
        return status;
    if (look.elision || look.is_cut || (!fills && !aire__whole_is_sure(&look))) {
        bool quoted = false;
        if (source && a->targets.count > 1) /* something else is the patch */
            status = is_quoted(a, target, source->data, source->length, &quoted);
        if (status == AIRE_OK && quoted)
            aire__buf_append(content, source->data, source->length);
        return status == AIRE_OK && !quoted ? refuse_whole(a, target, &look) : status;
    }
    status = aire__whole_write(a->ctx, source, &a->edits, hunk, content);
    return status == AIRE_OK ? note_hunk(a, hunk->patch_line, 1, AIRE_PLACED_WHOLE,
                                         fills ? 1 : 0.5 + look.kept / 2)
                             : status;
}

/* A new file's lines are all added, but for blank ones that lost their mark. */
static aire_status write_new(applying *a, const aire_target *target, aire_buf *content)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < target->hunk_count && status == AIRE_OK; i++) {
        const aire_hunk *hunk = &a->edits.hunks[target->hunks[i]];
        bool crlf = a->edits.files[hunk->file].crlf;
        for (size_t k = 0; k < hunk->count; k++) {
            const aire_hunk_line *line = &a->edits.lines[hunk->first + k];
            const aire_line *text = &line->line;
            bool exact = !crlf && text->full > text->length && text->text[text->length] == '\r';
            aire__buf_append(content, text->text, text->length);
            aire__buf_puts(content, line->no_newline ? "" : exact ? "\r\n" : "\n");
        }
        status = note_hunk(a, hunk->patch_line, 1, AIRE_PLACED_WHOLE, 1);
    }
    return status;
}

/* ---- one file ---- */

static aire_status keep_edit(applying *a, const char *path, bool created, char *data, size_t length)
{
    aire_patched *out = a->out;
    aire_patch_edit edit = {.created = created, .data = data, .length = length};
    edit.path = aire__strdup(a->ctx, path);
    if (!edit.path || !aire__grow(a->ctx, &out->edits, &a->edit_capacity, out->edit_count + 1,
                                  sizeof *out->edits)) {
        aire_free(a->ctx, edit.path);
        aire_free(a->ctx, data);
        return aire__fail_nomem();
    }
    out->edits[out->edit_count++] = edit;
    return AIRE_OK;
}

static aire_status keep_content(applying *a, const aire_target *target, aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    char *data;
    size_t length;
    bool same = source && source->length == content->length &&
                (content->length == 0 || memcmp(source->data, content->data, content->length) == 0);
    if (target->deletes || target->new_path) {
        aire_status status = keep_edit(a, target->path, false, NULL, 0);
        if (status != AIRE_OK || target->deletes)
            return status;
    } else if (same) {
        return AIRE_OK;
    }
    aire_status status = aire__buf_take(content, &data, &length);
    return status == AIRE_OK ? keep_edit(a, target->new_path ? target->new_path : target->path,
                                         !source || target->new_path, data, length)
                             : status;
}

static aire_status check_deleted(applying *a, const aire_target *target, const aire_buf *content)
{
    for (size_t i = 0; i < content->length; i++)
        if (!strchr(" \t\r\n", content->data[i]))
            return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                               "'%s' is to be deleted, but the hunks leave some of its lines: "
                               "remove all of them, or send '*** Delete File: %s'",
                               target->path, target->path);
    return AIRE_OK;
}

static aire_status copy_source(applying *a, const aire_target *target, aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    if (source && !target->deletes)
        aire__buf_append(content, source->data, source->length);
    return note_hunk(a, target->patch_line, 1, AIRE_PLACED_WHOLE, 1);
}

/* A file that is to be made, and is there. */
static aire_status check_made(applying *a, const aire_target *target, const aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    if (source->length == content->length &&
        (content->length == 0 || memcmp(source->data, content->data, content->length) == 0))
        return AIRE_OK;
    return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
                       "'%s' is to be made, but it is there already: send a change of its "
                       "lines, with '--- a/%s' as header",
                       target->path, target->path);
}

/* A file that is sent whole beside changes of its lines is what they make of it, or what it was, or
 * lines of either. */
static aire_status check_whole(applying *a, const aire_target *target, const aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    const aire_hunk *hunk = &a->edits.hunks[target->whole];
    aire_buf whole;
    aire__buf_init(&whole, a->ctx, RESULT_MAX);
    aire_status status = aire__whole_write(a->ctx, source, &a->edits, hunk, &whole);
    if (status == AIRE_OK)
        status = aire__buf_status(&whole);
    bool made = whole.length == content->length &&
                (whole.length == 0 || memcmp(whole.data, content->data, whole.length) == 0);
    bool was = source && whole.length == source->length &&
               (whole.length == 0 || memcmp(whole.data, source->data, whole.length) == 0);
    aire__buf_free(&whole);
    bool quoted = made || was;
    if (status == AIRE_OK && !quoted && source)
        status = is_quoted(a, target, source->data, source->length, &quoted);
    if (status == AIRE_OK && !quoted && content->data)
        status = is_quoted(a, target, content->data, content->length, &quoted);
    if (status != AIRE_OK || quoted)
        return status;
    return refuse_text(
        a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
        "'%s' is sent whole and as changes of lines, and they do not agree: send the "
        "one or the other",
        target->path);
}

static aire_status make_content(applying *a, aire_target *target, aire_buf *content)
{
    const aire_patch_source *source = source_of(a, target);
    bool makes = !source || ((target->creates ? source->length > 0 : source->length == 0) &&
                             makes_file(a, target));
    aire_status status;
    if (target->whole != AIRE_NO_SOURCE && (target->hunk_count == 0 || !source))
        return apply_whole(a, target, content);
    if (target->hunk_count == 0)
        return copy_source(a, target, content);
    if (!makes) {
        status = apply_hunks(a, target, content);
        if (status == AIRE_OK && !a->refused && target->whole != AIRE_NO_SOURCE)
            status = check_whole(a, target, content);
        return status;
    }
    status = write_new(a, target, content);
    if (status == AIRE_OK && source && source->length > 0)
        status = check_made(a, target, content);
    return status;
}

static aire_status apply_target(applying *a, aire_target *target)
{
    aire_buf content;
    aire__buf_init(&content, a->ctx, RESULT_MAX);
    aire_status status = note_name(a, target->path);
    if (status == AIRE_OK)
        status = make_content(a, target, &content);
    if (status == AIRE_OK && !a->refused)
        status = aire__buf_status(&content);
    if (status == AIRE_OK && !a->refused && target->deletes)
        status = check_deleted(a, target, &content);
    if (status == AIRE_OK && !a->refused)
        status = keep_content(a, target, &content);
    aire__buf_free(&content);
    return status;
}

/* ---- the whole ---- */

static int compare_edits(const void *a, const void *b)
{
    return strcmp(((const aire_patch_edit *)a)->path, ((const aire_patch_edit *)b)->path);
}

/* Lines that a diff of one file adds and removes; its first two lines are names. */
static void count_changes(aire_patched *out, const char *diff)
{
    size_t line = 0;
    for (const char *at = diff; *at; line++) {
        if (line > 1) {
            out->added += *at == '+';
            out->removed += *at == '-';
        }
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
}

static aire_status write_diff(applying *a)
{
    aire_buf all;
    aire_status status = AIRE_OK;
    aire__buf_init(&all, a->ctx, 4 * RESULT_MAX);
    for (size_t i = 0; i < a->out->edit_count && status == AIRE_OK; i++) {
        const aire_patch_edit *edit = &a->out->edits[i];
        size_t there = aire__path_source(a->base, edit->path);
        const aire_patch_source *source = there == AIRE_NO_SOURCE ? NULL : &a->base->sources[there];
        char *diff = NULL;
        status = aire__patch_diff(a->ctx, edit->path, source ? source->data : NULL,
                                  source ? source->length : 0, edit->data, edit->length, &diff);
        if (status == AIRE_OK) {
            aire__buf_puts(&all, diff);
            count_changes(a->out, diff);
        }
        aire_free(a->ctx, diff);
    }
    if (status == AIRE_OK)
        return aire__buf_take(&all, &a->out->diff, NULL);
    aire__buf_free(&all);
    return status;
}

static aire_status check_targets(applying *a)
{
    aire_status status = AIRE_OK;
    if (a->targets.count > FILES_MAX)
        return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                           "the patch touches %zu files, more than %d", a->targets.count,
                           FILES_MAX);
    for (size_t i = 0; i < a->targets.count && status == AIRE_OK && !a->refused; i++)
        status = check_target(a, &a->targets.items[i]);
    return status;
}

static aire_status apply_all(applying *a)
{
    aire_status status = check_targets(a);
    for (size_t i = 0; i < a->targets.count && status == AIRE_OK && !a->refused; i++)
        status = apply_target(a, &a->targets.items[i]);
    if (status == AIRE_OK && !a->refused && a->out->edit_count == 0)
        status =
            refuse_text(a, AIRE_OUTCOME_NO_CHANGE, AIRE_CAUSE_SAME_AS_BASELINE,
                        a->present ? "the patch changes nothing: the files already have what it "
                                     "would make of them"
                                   : "the patch changes nothing");
    if (status != AIRE_OK || a->refused)
        return status;
    qsort(a->out->edits, a->out->edit_count, sizeof *a->out->edits, compare_edits);
    return write_diff(a);
}

static aire_status apply_edits(applying *a)
{
    if (a->edits.file_count > FILES_MAX)
        return refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                           "the patch has the headers of %zu files, more than %d",
                           a->edits.file_count, FILES_MAX);
    aire_status status = aire__targets_make(a->ctx, &a->edits, a->base, &a->targets);
    if (status != AIRE_OK)
        return status;
    if (a->targets.complaint)
        status = refuse_text(a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX, "%s",
                             a->targets.complaint);
    else
        status = apply_all(a);
    aire__targets_free(&a->targets);
    return status;
}

static void drop_results(aire_patched *patched)
{
    for (size_t i = 0; i < patched->edit_count; i++) {
        aire_free(patched->ctx, patched->edits[i].path);
        aire_free(patched->ctx, patched->edits[i].data);
    }
    for (size_t i = 0; i < patched->name_count; i++)
        aire_free(patched->ctx, patched->names[i]);
    aire_free(patched->ctx, patched->edits);
    aire_free(patched->ctx, patched->names);
    aire_free(patched->ctx, patched->hunks);
    patched->edits = NULL;
    patched->names = NULL;
    patched->hunks = NULL;
    patched->edit_count = patched->name_count = patched->hunk_count = 0;
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
    aire_status status = aire__edits_read(ctx, aire_patch_text(patch), aire_patch_length(patch),
                                          aire_patch_format(patch) == AIRE_PATCH_ANSWER, &a.edits);
    if (status == AIRE_OK && a.edits.complaint)
        status = refuse_text(&a, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX, "%s",
                             a.edits.complaint);
    else if (status == AIRE_OK)
        status = apply_edits(&a);
    aire__edits_free(&a.edits);
    if (status == AIRE_OK && out->outcome != AIRE_OUTCOME_OK)
        drop_results(out);
    if (status == AIRE_OK)
        status = fill_texts(out);
    if (status != AIRE_OK)
        aire__patched_free(out);
    return status;
}

aire_status aire__patch_look(aire_ctx *ctx, const char *text, size_t length)
{
    aire_edits edits;
    aire_status status = aire__edits_read(ctx, text, length, true, &edits);
    if (status != AIRE_OK)
        return status;
    if (edits.empty)
        status = aire__fail(AIRE_EMPTY, "the answer holds no patch: %s", edits.complaint);
    aire__edits_free(&edits);
    return status;
}

void aire__patched_free(aire_patched *patched)
{
    drop_results(patched);
    aire_free(patched->ctx, patched->message);
    aire_free(patched->ctx, patched->diff);
    *patched = (aire_patched){.ctx = patched->ctx};
}
