/* Turning knobs in the code. */
#include "ideator/knob_edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/patch.h"

void aire__knob_edits_free(aire_knob_edits *edits)
{
    aire_free(edits->ctx, edits->edits);
    *edits = (aire_knob_edits){.ctx = edits->ctx};
}

static const aire_env_file *find_file(const aire_env *env, const char *path)
{
    for (size_t i = 0; i < env->file_count; i++)
        if (strcmp(env->files[i].path, path) == 0)
            return &env->files[i];
    return NULL;
}

/* Where `find` stands in a file; the environment promises that it does so exactly once. */
static aire_status locate(const aire_env *env, const aire_env_knob *knob, const char *path,
                          const char *find, size_t find_length, aire_knob_edit *out)
{
    const aire_env_file *file = find_file(env, path);
    const char *at = file ? memmem(file->data, file->length, find, find_length) : NULL;
    if (!at || find_length == 0)
        return aire__fail(AIRE_FORMAT, "environment '%s': knob '%s': its text is not in file '%s'",
                          env->name, knob->name, path);
    *out =
        (aire_knob_edit){.file = file, .offset = (size_t)(at - file->data), .length = find_length};
    return AIRE_OK;
}

static aire_status push(aire_knob_edits *edits, const aire_knob_edit *edit)
{
    if (!aire__grow(edits->ctx, &edits->edits, &edits->capacity, edits->count + 1, sizeof *edit))
        return aire__fail_nomem();
    edits->edits[edits->count++] = *edit;
    return AIRE_OK;
}

/* The digits only, so that two numbers in one line do not exclude each other. */
static aire_status push_number(aire_knob_edits *edits, const aire_env *env,
                               const aire_env_knob *knob, const aire_turn *turn)
{
    const char *hole = strstr(knob->text, "{}");
    size_t before = hole ? (size_t)(hole - knob->text) : strlen(knob->text);
    char *find = aire__asprintf(edits->ctx, "%.*s%s%s", (int)before, knob->text, knob->baseline,
                                hole ? hole + 2 : "");
    if (!find)
        return aire__fail_nomem();
    aire_knob_edit edit;
    aire_status status = locate(env, knob, knob->file, find, strlen(find), &edit);
    aire_free(edits->ctx, find);
    if (status != AIRE_OK)
        return status;
    edit.offset += before;
    edit.length = strlen(knob->baseline);
    aire__knob_number(knob, turn->value, edit.number);
    return push(edits, &edit);
}

static aire_status push_turn(aire_knob_edits *edits, const aire_env *env, const aire_env_knob *knob,
                             const aire_turn *turn)
{
    if (knob->is_number)
        return push_number(edits, env, knob, turn);
    const aire_env_choice *choice = &knob->choices[turn->choice];
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < choice->edit_count; i++) {
        const aire_env_edit *given = &choice->edits[i];
        aire_knob_edit edit;
        status = locate(env, knob, given->file, given->find, strlen(given->find), &edit);
        edit.text = given->replace;
        if (status == AIRE_OK)
            status = push(edits, &edit);
    }
    return status;
}

static bool overlap(const aire_knob_edit *a, const aire_knob_edit *b)
{
    return a->file == b->file && a->offset < b->offset + b->length &&
           b->offset < a->offset + a->length;
}

/* Whether the edits from `first` on touch what the edits before it change. */
static bool collide(const aire_knob_edits *edits, size_t first)
{
    for (size_t i = first; i < edits->count; i++)
        for (size_t j = 0; j < first; j++)
            if (overlap(&edits->edits[i], &edits->edits[j]))
                return true;
    return false;
}

aire_status aire__knob_edits_of(aire_ctx *ctx, const aire_env *env, aire_rng *rng, aire_turn *turns,
                                aire_knob_edits *out)
{
    aire_knob_edits edits = {.ctx = ctx};
    size_t *order = aire__calloc(ctx, env->knob_count, sizeof *order);
    aire_status status = order ? AIRE_OK : aire__fail_nomem();
    if (order)
        aire__rng_sample(rng, order, env->knob_count, env->knob_count);
    for (size_t i = 0; status == AIRE_OK && i < env->knob_count; i++) {
        aire_turn *turn = &turns[order[i]];
        size_t first = edits.count;
        if (!turn->turned)
            continue;
        status = push_turn(&edits, env, &env->knobs[order[i]], turn);
        if (status == AIRE_OK && collide(&edits, first)) {
            edits.count = first;
            *turn = (aire_turn){0};
        }
    }
    aire_free(ctx, order);
    if (status == AIRE_OK)
        *out = edits;
    else
        aire__knob_edits_free(&edits);
    return status;
}

static int by_place(const void *left, const void *right)
{
    const aire_knob_edit *a = left, *b = right;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1; /* the files are one array, in order of path */
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Append the diff of the file that edits [first, end) change. */
static aire_status diff_file(aire_buf *diff, const aire_knob_edits *edits, size_t first, size_t end)
{
    const aire_env_file *file = edits->edits[first].file;
    size_t at = 0;
    aire_buf after;
    aire__buf_init(&after, edits->ctx, AIRE_PATCH_TEXT_MAX);
    aire__buf_puts(&after, "");
    for (size_t i = first; i < end; i++) {
        const aire_knob_edit *edit = &edits->edits[i];
        aire__buf_append(&after, file->data + at, edit->offset - at);
        aire__buf_puts(&after, edit->text ? edit->text : edit->number);
        at = edit->offset + edit->length;
    }
    aire__buf_append(&after, file->data + at, file->length - at);
    aire_status status = aire__buf_status(&after);
    char *text = NULL;
    if (status == AIRE_OK)
        status = aire__patch_diff(edits->ctx, file->path, file->data, file->length, after.data,
                                  after.length, &text);
    if (status == AIRE_OK)
        aire__buf_puts(diff, text);
    aire_free(edits->ctx, text);
    aire__buf_free(&after);
    return status;
}

aire_status aire__knob_diff(aire_knob_edits *edits, const aire_env *env, char **out)
{
    aire_buf diff;
    aire_status status = AIRE_OK;
    aire__buf_init(&diff, edits->ctx, AIRE_PATCH_TEXT_MAX);
    if (edits->count)
        qsort(edits->edits, edits->count, sizeof *edits->edits, by_place);
    for (size_t first = 0, end; status == AIRE_OK && first < edits->count; first = end) {
        for (end = first + 1; end < edits->count; end++)
            if (edits->edits[end].file != edits->edits[first].file)
                break;
        status = diff_file(&diff, edits, first, end);
    }
    if (status == AIRE_OK)
        return aire__buf_take(&diff, out, NULL);
    aire__buf_free(&diff);
    return status;
}

aire_status aire__knobs_check(aire_ctx *ctx, const aire_env *env)
{
    aire_knob_edits edits = {.ctx = ctx};
    aire_status status = AIRE_OK;
    if (env->knob_count == 0)
        return aire__fail(AIRE_UNSUPPORTED,
                          "environment '%s' declares no knobs in aire.json; use a chat ideator, or "
                          "add \"knobs\"",
                          env->name);
    for (size_t i = 0; status == AIRE_OK && i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        aire_turn turn = {.turned = true, .value = knob->value};
        for (size_t j = 0; status == AIRE_OK && j < (knob->is_number ? 1 : knob->choice_count);
             j++) {
            turn.choice = j;
            status = push_turn(&edits, env, knob, &turn);
        }
    }
    aire__knob_edits_free(&edits);
    return status;
}
