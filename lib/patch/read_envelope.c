/* Patches in an envelope: "*** Begin Patch", "*** Update File: PATH", "*** End Patch". */
#include "patch/read.h"

#include "base/fail.h"
#include "base/str.h"

static aire_status open_file(aire_reader *r, aire_mark mark, aire_span path)
{
    aire_file_edit file = {.patch_line = r->at + 1};
    aire_line line = aire__reader_line(r, r->at);
    file.creates = mark == AIRE_MARK_ADD;
    file.deletes = mark == AIRE_MARK_DELETE;
    file.crlf = line.full == line.length + 2;
    if (path.length == 0)
        return aire__reader_complain(r, r->at, "the name of a file is missing");
    file.path = aire__strndup(r->edits->ctx, path.text, path.length);
    if (!file.path)
        return aire__fail_nomem();
    aire_status status = aire__edits_add_file(r->edits, &file);
    if (status != AIRE_OK)
        aire_free(r->edits->ctx, file.path);
    return status;
}

static aire_status move_file(aire_reader *r, aire_span path)
{
    aire_file_edit *file = &r->edits->files[r->edits->file_count - 1];
    char *name = aire__strndup(r->edits->ctx, path.text, path.length);
    if (!name)
        return aire__fail_nomem();
    aire_free(r->edits->ctx, file->new_path);
    file->new_path = name;
    return AIRE_OK;
}

/* Whether the lines of a patch from here on all begin with '+'. */
static bool only_adds(const aire_reader *r)
{
    size_t at = r->at;
    for (aire_line line = aire__reader_line(r, at); at < r->end && aire__line_begins(&line, "+");
         line = aire__reader_line(r, at))
        at++;
    aire_line end = aire__reader_line(r, at);
    return at > r->at && (at == r->end || aire__line_begins(&end, "***") ||
                          aire__line_begins(&end, "@@") || aire__line_is_blank(&end));
}

/* Put a line in front of those of the last hunk, which are all added: they stand below it. */
static aire_status put_above(aire_edits *edits, aire_line line)
{
    aire_status status = aire__edits_add_line(edits, ' ', &line, false);
    const aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    aire_hunk_line *lines = edits->lines + hunk->first;
    for (size_t i = hunk->count - 1; status == AIRE_OK && i > 0; i--) {
        aire_hunk_line swap = lines[i];
        lines[i] = lines[i - 1];
        lines[i - 1] = swap;
    }
    return status;
}

/* What "@@ " is in front of, with the blanks that are its own. */
static aire_line anchored(const aire_line *line)
{
    size_t skip = line->length > 2 && line->text[2] == ' ' ? 3 : 2;
    return (aire_line){line->text + skip, line->length - skip, line->full - skip};
}

/* Lines "@@ class A" above each other say together where a hunk stands: the last one is nearest.
 * Where lines are only added, they go below it. */
static aire_status read_hunk(aire_reader *r)
{
    aire_hunk hunk = {.form = AIRE_HUNK_DIFF, .patch_line = r->at + 1}, above = hunk;
    size_t anchors = 0;
    for (aire_line line = aire__reader_line(r, r->at); aire__read_hunk_header(&line, &hunk);
         line = aire__reader_line(r, r->at)) {
        r->at++;
        anchors++;
        aire_line next = aire__reader_line(r, r->at);
        if (aire__line_begins(&next, "@@"))
            above = hunk;
    }
    size_t begin = r->at;
    bool below = anchors > 1 && !hunk.numbered && hunk.section_length && only_adds(r);
    aire_status status = aire__read_hunk_body(r, below ? &above : &hunk);
    if (status == AIRE_OK && below && r->at > begin) {
        aire_line last = aire__reader_line(r, begin - 1);
        status = put_above(r->edits, anchored(&last));
    }
    if (status == AIRE_OK && r->edits->hunks[r->edits->hunk_count - 1].count == 0)
        aire__edits_drop_hunk(r->edits);
    r->at += r->at == begin; /* no line of a patch */
    return status;
}

/* All of the content of a new file, where the marks in front were forgotten. */
static bool is_unmarked(const aire_reader *r)
{
    aire_span rest;
    for (size_t at = r->at; at < r->end; at++) {
        aire_line line = aire__reader_line(r, at);
        if (aire__mark_of(&line, &rest) >= AIRE_MARK_BEGIN)
            break;
        if (line.length && *line.text != '+')
            return true;
    }
    return false;
}

static aire_status read_content(aire_reader *r)
{
    aire_hunk hunk = {.form = AIRE_HUNK_DIFF, .patch_line = r->at + 1};
    aire_span rest;
    bool unmarked = is_unmarked(r);
    aire_status status = aire__edits_add_hunk(r->edits, &hunk);
    for (; status == AIRE_OK && r->at < r->end; r->at++) {
        aire_line line = aire__reader_line(r, r->at);
        if (aire__mark_of(&line, &rest) >= AIRE_MARK_BEGIN)
            break;
        size_t skip = !unmarked && line.length ? 1 : 0;
        aire_line text = {line.text + skip, line.length - skip, line.full - skip};
        status = aire__edits_add_line(r->edits, '+', &text, false);
    }
    return status;
}

static bool has_hunk(const aire_reader *r)
{
    return r->edits->files[r->edits->file_count - 1].hunk_count > 0;
}

static aire_status read_part(aire_reader *r, aire_mark mark, aire_span rest, bool *open)
{
    aire_status status = AIRE_OK;
    bool adds = mark == AIRE_MARK_ADD;
    if (mark == AIRE_MARK_UPDATE || mark == AIRE_MARK_ADD || mark == AIRE_MARK_DELETE) {
        status = open_file(r, mark, rest);
        *open = !r->edits->complaint;
    } else if (mark == AIRE_MARK_END_OF_FILE && *open && has_hunk(r)) {
        r->edits->hunks[r->edits->hunk_count - 1].at_end = true;
    } else if (mark == AIRE_MARK_MOVE && *open && rest.length) {
        status = move_file(r, rest);
    }
    r->at++;
    return status == AIRE_OK && adds && *open ? read_content(r) : status;
}

aire_status aire__read_envelope(aire_reader *r)
{
    aire_status status = AIRE_OK;
    bool open = false, begun = false, ended = false;
    size_t first = r->at;
    r->dedent = aire__line_indent(&r->lines->items[r->at]);
    while (status == AIRE_OK && aire__reader_more(r) && !ended) {
        aire_line line = aire__reader_line(r, r->at);
        aire_span rest;
        aire_mark mark = aire__mark_of(&line, &rest);
        begun = begun || mark == AIRE_MARK_BEGIN;
        ended = mark == AIRE_MARK_END;
        if (mark == AIRE_MARK_SEARCH)
            return AIRE_OK;
        if (mark >= AIRE_MARK_BEGIN)
            status = read_part(r, mark, rest, &open);
        else if (open && !aire__line_is_blank(&line))
            status = read_hunk(r);
        else
            r->at++;
    }
    if (status == AIRE_OK && begun && !ended && r->end >= r->lines->count &&
        !(r->fenced && r->closed))
        return aire__reader_complain(
            r, first,
            "the patch has no line '*** End Patch': it was cut off. Send it again, whole");
    return status;
}
