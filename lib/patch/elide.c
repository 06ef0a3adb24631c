/* Hunks whose context says "..." for lines that were left out: each part is a hunk of its own. */
#include "patch/target.h"

#include "base/fail.h"
#include "patch/marks.h"

static bool in_text(const aire_text *text, const aire_line *line)
{
    for (size_t i = 0; i < text->lines.count; i++)
        if (aire__fold_equal(&text->lines.items[i], line))
            return true;
    return false;
}

static bool is_gap(const aire_text *text, const aire_hunk_line *line)
{
    return line->op == ' ' && aire__is_elision(&line->line) && !in_text(text, &line->line);
}

static void count_part(const aire_edits *edits, aire_hunk *part)
{
    part->old_lines = part->changes = 0;
    for (size_t i = 0; i < part->count; i++) {
        char op = edits->lines[part->first + i].op;
        part->old_lines += op != '+';
        part->changes += op != ' ';
    }
}

/* One more hunk of the target, that no file edit counts among its own. */
static aire_status add_part(aire_ctx *ctx, aire_edits *edits, aire_target *target, aire_hunk part,
                            size_t from, size_t to)
{
    part.first += from;
    part.count = to - from;
    part.counted = false;
    part.numbered = part.numbered && from == 0;
    count_part(edits, &part);
    if (part.changes == 0)
        return AIRE_OK;
    size_t file_count = edits->file_count;
    if (!aire__grow(ctx, &edits->hunks, &edits->hunk_capacity, edits->hunk_count + 1,
                    sizeof *edits->hunks))
        return aire__fail_nomem();
    edits->file_count = file_count;
    edits->hunks[edits->hunk_count] = part;
    return aire__target_add_hunk(ctx, target, edits->hunk_count++);
}

static bool may_elide(const aire_edits *edits, const aire_hunk *hunk)
{
    for (size_t i = 0; i < hunk->count; i++)
        if (edits->lines[hunk->first + i].op == ' ' &&
            aire__is_elision(&edits->lines[hunk->first + i].line))
            return true;
    return false;
}

aire_status aire__target_split(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               aire_target *target)
{
    size_t count = target->hunk_count;
    size_t *hunks = target->hunks;
    aire_status status = AIRE_OK;
    bool any = false;
    for (size_t i = 0; i < count && !any; i++)
        any = may_elide(edits, &edits->hunks[hunks[i]]);
    if (!any)
        return AIRE_OK;
    target->hunks = NULL;
    target->hunk_count = target->hunk_capacity = 0;
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        const aire_hunk whole = edits->hunks[hunks[i]];
        size_t from = 0, parts = 0;
        bool elides = may_elide(edits, &whole);
        for (size_t k = 0; elides && k < whole.count && status == AIRE_OK; k++) {
            if (!is_gap(text, &edits->lines[whole.first + k]))
                continue;
            status = add_part(ctx, edits, target, whole, from, k);
            from = k + 1;
            parts++;
        }
        if (status == AIRE_OK && parts > 0)
            status = add_part(ctx, edits, target, whole, from, whole.count);
        else if (status == AIRE_OK)
            status = aire__target_add_hunk(ctx, target, hunks[i]);
    }
    aire_free(ctx, hunks);
    return status;
}
