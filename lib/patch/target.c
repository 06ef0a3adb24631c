/* The files that a patch is about. */
#include "patch/target.h"

#include <string.h>

#include "base/fail.h"
#include "patch/whole.h"

enum { LISTED_MAX = 8 };

#define KEPT_NAMELESS 0.7 /* for a content without a name */

aire_status aire__target_add_hunk(aire_ctx *ctx, aire_target *target, size_t hunk)
{
    if (!aire__grow(ctx, &target->hunks, &target->hunk_capacity, target->hunk_count + 1,
                    sizeof *target->hunks))
        return aire__fail_nomem();
    target->hunks[target->hunk_count++] = hunk;
    return AIRE_OK;
}

static aire_status complain(aire_targets *t, char *text)
{
    if (t->complaint)
        aire_free(t->ctx, text);
    else
        t->complaint = text;
    return t->complaint ? AIRE_OK : aire__fail_nomem();
}

/* ---- which file ---- */

static size_t only_editable(const aire_patch_base *base)
{
    size_t found = AIRE_NO_SOURCE;
    for (size_t i = 0; i < base->source_count; i++) {
        if (!base->sources[i].editable)
            continue;
        if (found != AIRE_NO_SOURCE)
            return AIRE_NO_SOURCE;
        found = i;
    }
    return found;
}

/* Whether all hunks of a file edit have a place in a source. */
static aire_status fits(aire_ctx *ctx, const aire_edits *edits, const aire_file_edit *file,
                        const aire_patch_source *source, bool *all)
{
    aire_text text;
    aire_placing placing;
    *all = false;
    if (source->length && memchr(source->data, '\0', source->length))
        return AIRE_OK;
    if (file->whole) {
        aire_whole_look look;
        aire_status status =
            aire__whole_look(ctx, source, edits, &edits->hunks[file->first_hunk], &look);
        if (status != AIRE_OK)
            return status;
        *all = source->length > 0 && aire__whole_is_sure(&look) && look.kept >= KEPT_NAMELESS;
        return status;
    }
    size_t *hunks = aire__calloc(ctx, file->hunk_count + 1, sizeof *hunks);
    if (!hunks)
        return aire__fail_nomem();
    for (size_t i = 0; i < file->hunk_count; i++)
        hunks[i] = file->first_hunk + i;
    aire_status status = aire__text_open(ctx, source->data, source->length, &text);
    if (status == AIRE_OK) {
        status = aire__place_hunks(ctx, &text, edits, hunks, file->hunk_count, false, &placing);
        if (status == AIRE_OK) {
            *all = file->hunk_count > 0;
            for (size_t i = 0; i < file->hunk_count; i++)
                *all = *all && placing.places[i].state >= AIRE_PLACE_FOUND;
            aire__placing_free(&placing);
        }
        aire__text_free(&text);
    }
    aire_free(ctx, hunks);
    return status;
}

/* The only editable file in which an edit without a name has its place. */
static aire_status find_by_content(aire_targets *t, const aire_edits *edits,
                                   const aire_file_edit *file, const aire_patch_base *base,
                                   size_t *source, size_t *fitting)
{
    aire_status status = AIRE_OK;
    size_t found = AIRE_NO_SOURCE, count = 0;
    bool all;
    for (size_t i = 0; i < base->source_count && status == AIRE_OK; i++) {
        if (!base->sources[i].editable)
            continue;
        status = fits(t->ctx, edits, file, &base->sources[i], &all);
        if (status == AIRE_OK && all) {
            found = i;
            count++;
        }
    }
    *source = count == 1 ? found : AIRE_NO_SOURCE;
    *fitting = count;
    return status;
}

static aire_status complain_of_name(aire_targets *t, const aire_file_edit *file,
                                    const aire_patch_base *base)
{
    aire_buf text;
    size_t listed = 0;
    char *message = NULL;
    aire__buf_init(&text, t->ctx, 8192);
    aire__buf_printf(
        &text,
        "line %zu of the patch: which file this changes is not said, and its lines do not "
        "tell: name it in the line before, such as '--- a/PATH' and '+++ b/PATH' for a "
        "diff. The editable files are:",
        file->patch_line);
    for (size_t i = 0; i < base->source_count && listed < LISTED_MAX; i++)
        if (base->sources[i].editable)
            aire__buf_printf(&text, "%s %s", listed++ ? "," : "", base->sources[i].path);
    if (text.status == AIRE_LIMIT)
        text.status = AIRE_OK;
    aire_status status = aire__buf_take(&text, &message, NULL);
    return status == AIRE_OK ? complain(t, message) : status;
}

/* The file of an edit that does not say it surely. */
static aire_status guess_source(aire_targets *t, const aire_edits *edits,
                                const aire_file_edit *file, const aire_patch_base *base,
                                size_t hinted, size_t *source)
{
    aire_status status = AIRE_OK;
    bool all = false;
    size_t only = only_editable(base);
    *source = hinted;
    if (hinted != AIRE_NO_SOURCE && !file->unclear)
        status = fits(t->ctx, edits, file, &base->sources[hinted], &all);
    if (status != AIRE_OK || all)
        return status;
    if (only != AIRE_NO_SOURCE && !file->whole) {
        *source = hinted == AIRE_NO_SOURCE ? only : hinted;
        return AIRE_OK;
    }
    size_t found, fitting;
    status = find_by_content(t, edits, file, base, &found, &fitting);
    if (status == AIRE_OK && found != AIRE_NO_SOURCE)
        *source = found;
    if (status == AIRE_OK && fitting > 1 && file->unclear)
        return complain(t, aire__asprintf(t->ctx,
                                          "line %zu of the patch: the text before it names several "
                                          "files, and it fits %zu of them: name the one that it "
                                          "changes on a line of its own",
                                          file->patch_line, fitting));
    return status;
}

/* ---- gathering ---- */

static aire_target *find_target(aire_targets *t, const char *path)
{
    for (size_t i = t->count; i-- > 0;)
        if (strcmp(t->items[i].path, path) == 0)
            return &t->items[i];
    return NULL;
}

static aire_target *open_target(aire_targets *t, char *path, size_t source)
{
    aire_target *target = find_target(t, path);
    if (target) {
        aire_free(t->ctx, path);
        return target;
    }
    if (!aire__grow(t->ctx, &t->items, &t->capacity, t->count + 1, sizeof *t->items)) {
        aire_free(t->ctx, path);
        return NULL;
    }
    t->items[t->count] = (aire_target){.path = path, .source = source, .whole = AIRE_NO_SOURCE};
    return &t->items[t->count++];
}

/* Whether two whole contents are the same. */
static bool same_content(const aire_edits *edits, size_t a, size_t b)
{
    const aire_hunk *x = &edits->hunks[a], *y = &edits->hunks[b];
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (!aire__line_equal(&edits->lines[x->first + i].line, &edits->lines[y->first + i].line))
            return false;
    return true;
}

static aire_status add_whole(aire_targets *t, aire_target *target, const aire_edits *edits,
                             const aire_file_edit *file)
{
    if (target->whole != AIRE_NO_SOURCE && !same_content(edits, target->whole, file->first_hunk))
        return complain(t, aire__asprintf(t->ctx,
                                          "'%s' is sent whole twice, and not the same: send it "
                                          "once",
                                          target->path));
    target->whole = file->first_hunk;
    return AIRE_OK;
}

/* ---- what is not all meant ---- */

static bool same_hunk(const aire_edits *edits, const aire_hunk *a, const aire_hunk *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const aire_hunk_line *x = &edits->lines[a->first + i], *y = &edits->lines[b->first + i];
        if (x->op != y->op || !aire__line_equal(&x->line, &y->line))
            return false;
    }
    return true;
}

static bool same_edit(const aire_edits *edits, const aire_file_edit *a, const aire_file_edit *b)
{
    bool same = a->hunk_count == b->hunk_count;
    for (size_t i = 0; i < a->hunk_count && same; i++)
        same = same_hunk(edits, &edits->hunks[a->first_hunk + i], &edits->hunks[b->first_hunk + i]);
    return same;
}

/* The line of prose, from 1, by which two edits are not both meant; 0: none. */
static size_t clash(const aire_file_edit *before, const aire_file_edit *file, bool same_file)
{
    if (before->whole || file->whole) /* they are compared with what others make of the file */
        return 0;
    if (file->rival > before->patch_line)
        return file->rival;
    if (same_file && file->turn > before->patch_line)
        return file->turn;
    return before->doubt == file->doubt ? 0 : before->doubt ? before->doubt : file->doubt;
}

static aire_status complain_of_choice(aire_targets *t, const aire_edits *edits, const char *path,
                                      size_t line)
{
    enum { SHOWN = 80 };
    const aire_line *said = &edits->text.items[line - 1];
    return complain(
        t, aire__asprintf(t->ctx,
                          "the answer holds several patches (the last of them for '%s'), and line "
                          "%zu, `%.*s`, says that not all of them are meant: send one patch, with "
                          "only what is meant",
                          path, line, (int)aire__utf8_cut(said->text, said->length, SHOWN),
                          said->text));
}

/* Of alternatives, drafts and what was taken back, nobody knows what is meant. */
static aire_status check_choice(aire_targets *t, const aire_edits *edits,
                                const aire_file_edit *file, const aire_target *target)
{
    size_t last = (size_t)(file - edits->files), own = (size_t)(target - t->items) + 1;
    t->of_edit[last] = own;
    if (!edits->said.any)
        return AIRE_OK;
    for (size_t i = 0; i < last; i++) {
        size_t line = t->of_edit[i] ? clash(&edits->files[i], file, t->of_edit[i] == own) : 0;
        if (line > 0 && !same_edit(edits, &edits->files[i], file))
            return complain_of_choice(t, edits, target->path, line);
    }
    return AIRE_OK;
}

static aire_status add_edit(aire_targets *t, const aire_edits *edits, const aire_file_edit *file,
                            char *path, size_t source, const aire_patch_base *base)
{
    aire_target *target = open_target(t, path, source);
    aire_status status = AIRE_OK;
    if (!target)
        return aire__fail_nomem();
    if (check_choice(t, edits, file, target) != AIRE_OK)
        return AIRE_NOMEM;
    target->creates = target->creates || file->creates;
    target->deletes = target->deletes || file->deletes;
    target->patch_line = target->patch_line ? target->patch_line : file->patch_line;
    if (file->new_path && !target->new_path) {
        size_t there;
        status = aire__path_resolve(t->ctx, base, file->new_path, false, true, &target->new_path,
                                    &there);
    }
    if (status == AIRE_OK && file->whole)
        return add_whole(t, target, edits, file);
    for (size_t i = 0; i < file->hunk_count && status == AIRE_OK; i++)
        status = aire__target_add_hunk(t->ctx, target, file->first_hunk + i);
    return status;
}

/* The headers give two names: one of them is that of a file, or both are. */
static aire_status choose_name(aire_targets *t, const aire_file_edit *file,
                               const aire_patch_base *base, char **path, size_t *source)
{
    char *other;
    size_t there;
    aire_status status =
        aire__path_resolve(t->ctx, base, file->other, file->prefixed, false, &other, &there);
    if (status != AIRE_OK || there == *source) {
        if (status == AIRE_OK)
            aire_free(t->ctx, other);
        return status;
    }
    bool versions = aire__path_is_version(file->other, file->path) ||
                    aire__path_is_placeholder(file->other) || aire__path_is_placeholder(file->path);
    if (*source == AIRE_NO_SOURCE && versions) {
        aire_free(t->ctx, *path);
        *path = other;
        *source = there;
        return AIRE_OK;
    }
    if (there != AIRE_NO_SOURCE && !versions)
        status =
            complain(t, aire__asprintf(t->ctx,
                                       "line %zu of the patch: '%s' becomes '%s': for renaming, "
                                       "send 'rename from' and 'rename to' lines; else the same "
                                       "name twice",
                                       file->patch_line, other, *path));
    aire_free(t->ctx, other);
    return status;
}

static bool only_adds(const aire_edits *edits, const aire_file_edit *file)
{
    for (size_t i = 0; i < file->hunk_count; i++)
        if (edits->hunks[file->first_hunk + i].old_lines > 0)
            return false;
    return file->hunk_count > 0;
}

/* Whether a whole content without a sure name is one: of a file that is much like it, or of a new
 * one; else it is an example. */
static aire_status is_meant(aire_targets *t, const aire_edits *edits, const aire_file_edit *file,
                            const aire_patch_base *base, const char *path, size_t source,
                            bool *meant)
{
    *meant = source == AIRE_NO_SOURCE && path && file->in_language && base->may_create &&
             base->may_create(path, base->user_data);
    if (source == AIRE_NO_SOURCE)
        return AIRE_OK;
    return fits(t->ctx, edits, file, &base->sources[source], meant);
}

/* "b/x.c" where there is a file of this name, and another "a/x.c", and no "x.c". */
static aire_status check_prefix(aire_targets *t, const aire_file_edit *file,
                                const aire_patch_base *base)
{
    if (!file->prefixed || file->creates || file->deletes || strlen(file->path) < 3 ||
        aire__path_source(base, file->path + 2) != AIRE_NO_SOURCE)
        return AIRE_OK;
    char *twin = aire__asprintf(t->ctx, "%c/%s", *file->path == 'a' ? 'b' : 'a', file->path + 2);
    if (!twin)
        return aire__fail_nomem();
    bool both = aire__path_source(base, file->path) != AIRE_NO_SOURCE &&
                aire__path_source(base, twin) != AIRE_NO_SOURCE;
    aire_free(t->ctx, twin);
    if (!both)
        return AIRE_OK;
    return complain(t,
                    aire__asprintf(t->ctx,
                                   "line %zu of the patch: 'a/%s' and 'b/%s' are two files: write "
                                   "the name of the one that is meant on both lines",
                                   file->patch_line, file->path + 2, file->path + 2));
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file that is to be changed is not there: tell of those that may be meant. */
static aire_status complain_of_missing(aire_targets *t, const aire_file_edit *file,
                                       const char *path, const aire_patch_base *base)
{
    aire_buf text;
    size_t like = 0;
    char *message = NULL;
    for (size_t i = 0; i < base->source_count; i++)
        like += !strcmp(last_part(base->sources[i].path), last_part(path));
    if (!aire__path_is_clean(path) || (like == 0 && !file->in_code))
        return AIRE_OK;
    aire__buf_init(&text, t->ctx, 8192);
    if (file->in_code)
        aire__buf_printf(&text,
                         "line %zu of the patch looks like the header of a diff for '%s', which is "
                         "not there: if it is a line of a file that is sent whole, send a unified "
                         "diff or search/replace blocks of that file instead",
                         file->patch_line, path);
    else
        aire__buf_printf(&text,
                         "line %zu of the patch: '%s' is not there to be changed; did you mean",
                         file->patch_line, path);
    for (size_t i = 0, listed = 0; i < base->source_count && like && listed < LISTED_MAX; i++)
        if (!file->in_code && !strcmp(last_part(base->sources[i].path), last_part(path)))
            aire__buf_printf(&text, "%s '%s'", listed++ ? " or" : "", base->sources[i].path);
    if (!file->in_code)
        aire__buf_puts(&text, "? Give its whole path");
    if (text.status == AIRE_LIMIT)
        text.status = AIRE_OK;
    aire_status status = aire__buf_take(&text, &message, NULL);
    return status == AIRE_OK ? complain(t, message) : status;
}

static aire_status add_file(aire_targets *t, const aire_edits *edits, const aire_file_edit *file,
                            const aire_patch_base *base)
{
    bool makes = file->creates || file->whole || only_adds(edits, file);
    bool nameless = !file->path || (!makes && aire__path_is_placeholder(file->path));
    size_t source = AIRE_NO_SOURCE;
    char *path = NULL;
    aire_status status = AIRE_OK;
    if (file->path)
        status = check_prefix(t, file, base);
    if (file->path && status == AIRE_OK && !t->complaint)
        status =
            aire__path_resolve(t->ctx, base, file->path, file->prefixed, makes, &path, &source);
    if (status == AIRE_OK && file->other && !nameless)
        status = choose_name(t, file, base, &path, &source);
    bool lost = source == AIRE_NO_SOURCE && (nameless || (file->guessed && !makes));
    if (status == AIRE_OK && !file->creates && !file->new_path && (lost || file->guessed)) {
        size_t found;
        status = guess_source(t, edits, file, base, source, &found);
        if (status == AIRE_OK && found != source) {
            aire_free(t->ctx, path);
            source = found;
            path = aire__strdup(t->ctx, base->sources[found].path);
            status = path ? AIRE_OK : aire__fail_nomem();
        }
        lost = source == AIRE_NO_SOURCE && (nameless || (file->guessed && !makes));
    }
    if (status == AIRE_OK && file->whole && file->guessed) {
        bool meant;
        status = is_meant(t, edits, file, base, path, source, &meant);
        if (status != AIRE_OK || !meant) {
            aire_free(t->ctx, path);
            return status;
        }
    }
    if (status == AIRE_OK && path && source == AIRE_NO_SOURCE && !makes && !lost && !t->complaint)
        status = complain_of_missing(t, file, path, base);
    if (status == AIRE_OK && (lost || !path) && !t->complaint)
        status = complain_of_name(t, file, base);
    if (status != AIRE_OK || t->complaint) {
        aire_free(t->ctx, path);
        return status;
    }
    return add_edit(t, edits, file, path, source, base);
}

/* Only contents were sent, and none of them is that of a file. */
static aire_status complain_of_part(aire_targets *t, const aire_file_edit *file,
                                    const aire_patch_base *base)
{
    size_t source = only_editable(base);
    char *path = NULL;
    aire_status status = AIRE_OK;
    if (file->path)
        status =
            aire__path_resolve(t->ctx, base, file->path, file->prefixed, false, &path, &source);
    aire_free(t->ctx, path);
    if (status != AIRE_OK || source == AIRE_NO_SOURCE || !file->whole)
        return status == AIRE_OK ? complain_of_name(t, file, base) : status;
    return complain(t, aire__asprintf(t->ctx,
                                      "line %zu of the patch: the fence holds only a part of '%s', "
                                      "or something else: send all of the file, or a unified diff "
                                      "or search/replace blocks of what changes",
                                      file->patch_line, base->sources[source].path));
}

aire_status aire__targets_make(aire_ctx *ctx, const aire_edits *edits, const aire_patch_base *base,
                               aire_targets *out)
{
    aire_status status = AIRE_OK;
    *out = (aire_targets){.ctx = ctx};
    out->of_edit = aire__calloc(ctx, edits->file_count + 1, sizeof *out->of_edit);
    if (!out->of_edit)
        return aire__fail_nomem();
    for (size_t i = 0; i < edits->file_count && status == AIRE_OK && !out->complaint; i++)
        status = add_file(out, edits, &edits->files[i], base);
    if (status == AIRE_OK && out->count == 0 && edits->file_count > 0 && !out->complaint)
        status = complain_of_part(out, &edits->files[0], base);
    if (status != AIRE_OK)
        aire__targets_free(out);
    return status;
}

void aire__targets_free(aire_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        aire_free(targets->ctx, targets->items[i].path);
        aire_free(targets->ctx, targets->items[i].new_path);
        aire_free(targets->ctx, targets->items[i].hunks);
    }
    aire_free(targets->ctx, targets->items);
    aire_free(targets->ctx, targets->of_edit);
    aire_free(targets->ctx, targets->complaint);
    *targets = (aire_targets){.ctx = targets->ctx};
}
