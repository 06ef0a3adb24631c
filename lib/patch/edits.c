/* What a patch asks for. */
#include "patch/edits.h"

#include <stdarg.h>

#include "base/fail.h"
#include "base/str.h"

enum { SHOWN_WIDTH = 120 };

aire_status aire__edits_add_file(aire_edits *edits, const aire_file_edit *file)
{
    if (!aire__grow(edits->ctx, &edits->files, &edits->file_capacity, edits->file_count + 1,
                    sizeof *edits->files))
        return aire__fail_nomem();
    edits->files[edits->file_count] = *file;
    edits->files[edits->file_count].turn = edits->said.turn;
    edits->files[edits->file_count].rival = edits->said.rival;
    edits->files[edits->file_count].doubt = edits->said.doubt;
    edits->files[edits->file_count].first_hunk = edits->hunk_count;
    edits->files[edits->file_count++].hunk_count = 0;
    return AIRE_OK;
}

aire_status aire__edits_add_hunk(aire_edits *edits, const aire_hunk *hunk)
{
    if (!aire__grow(edits->ctx, &edits->hunks, &edits->hunk_capacity, edits->hunk_count + 1,
                    sizeof *edits->hunks))
        return aire__fail_nomem();
    aire_hunk *added = &edits->hunks[edits->hunk_count++];
    *added = *hunk;
    added->first = edits->line_count;
    added->count = added->old_lines = added->changes = 0;
    added->file = edits->file_count - 1;
    added->number = ++edits->files[edits->file_count - 1].hunk_count;
    return AIRE_OK;
}

void aire__edits_drop_hunk(aire_edits *edits)
{
    edits->hunk_count--;
    edits->files[edits->file_count - 1].hunk_count--;
}

aire_status aire__edits_add_line(aire_edits *edits, char op, const aire_line *line, bool loose)
{
    if (!aire__grow(edits->ctx, &edits->lines, &edits->line_capacity, edits->line_count + 1,
                    sizeof *edits->lines))
        return aire__fail_nomem();
    edits->lines[edits->line_count++] = (aire_hunk_line){op, false, loose, *line};
    aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    hunk->count++;
    hunk->old_lines += op != '+';
    hunk->changes += op != ' ';
    return AIRE_OK;
}

aire_status aire__edits_complain(aire_edits *edits, size_t at, const char *format, ...)
{
    va_list args;
    if (edits->complaint)
        return AIRE_OK;
    va_start(args, format);
    char *what = aire__vasprintf(edits->ctx, format, args);
    va_end(args);
    if (!what)
        return aire__fail_nomem();
    if (at < edits->text.count) {
        const aire_line *line = &edits->text.items[at];
        edits->complaint = aire__asprintf(
            edits->ctx, "line %zu of the patch, `%.*s`: %s", at + 1,
            (int)aire__utf8_cut(line->text, line->length, SHOWN_WIDTH), line->text, what);
        aire_free(edits->ctx, what);
    } else {
        edits->complaint = what;
    }
    return edits->complaint ? AIRE_OK : aire__fail_nomem();
}

bool aire__edits_own(aire_edits *edits, char *text)
{
    if (aire__grow(edits->ctx, &edits->owned, &edits->owned_capacity, edits->owned_count + 1,
                   sizeof *edits->owned)) {
        edits->owned[edits->owned_count++] = text;
        return true;
    }
    aire_free(edits->ctx, text);
    return false;
}

void aire__edits_free(aire_edits *edits)
{
    for (size_t i = 0; i < edits->file_count; i++) {
        aire_free(edits->ctx, edits->files[i].path);
        aire_free(edits->ctx, edits->files[i].new_path);
        aire_free(edits->ctx, edits->files[i].other);
    }
    for (size_t i = 0; i < edits->owned_count; i++)
        aire_free(edits->ctx, edits->owned[i]);
    aire_free(edits->ctx, edits->owned);
    aire_free(edits->ctx, edits->files);
    aire_free(edits->ctx, edits->hunks);
    aire_free(edits->ctx, edits->lines);
    aire_free(edits->ctx, edits->complaint);
    aire__lines_free(edits->ctx, &edits->text);
    *edits = (aire_edits){.ctx = edits->ctx};
}
