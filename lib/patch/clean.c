/* What copying puts into the lines of a patch: no-break spaces, and HTML entities. */

#include "base/buf.h"
#include "base/fail.h"
#include "patch/target.h"

#define LINES_MAX ((size_t)256 << 20)

typedef struct cleaning {
    bool spaces, entities;
} cleaning;

/* The length of a character that stands for a blank or for nothing. */
static size_t wide_space(const char *at, const char *end, char *plain)
{
    size_t length = (unsigned char)*at >= 0x80 ? aire__typographic(at, end, plain) : 0;
    return length && (*plain == ' ' || *plain == '\0') ? length : 0;
}

typedef struct signs {
    bool spaces, entities, specials; /* seen */
} signs;

static void look_at(const aire_line *line, signs *s)
{
    const char *end = line->text + line->length;
    char plain;
    for (const char *at = line->text; at < end; at++) {
        if ((unsigned char)*at >= 0x80)
            s->spaces = s->spaces || wide_space(at, end, &plain);
        else if (*at == '&' && aire__entity(at, end, &plain))
            s->entities = true;
        else if (*at == '<' || *at == '>' || *at == '&')
            s->specials = true;
    }
}

static cleaning decide(const aire_edits *edits, const aire_text *text, const aire_target *target)
{
    signs patch = {0}, file = {0};
    for (size_t i = 0; i < target->hunk_count; i++) {
        const aire_hunk *hunk = &edits->hunks[target->hunks[i]];
        for (size_t k = 0; k < hunk->count; k++)
            look_at(&edits->lines[hunk->first + k].line, &patch);
    }
    if (patch.spaces || (patch.entities && !patch.specials))
        for (size_t i = 0; i < text->lines.count; i++)
            look_at(&text->lines.items[i], &file);
    return (cleaning){patch.spaces && !file.spaces,
                      patch.entities && !patch.specials && !file.entities};
}

static bool needs(const aire_line *line, const cleaning *c)
{
    signs s = {0};
    look_at(line, &s);
    return (c->spaces && s.spaces) || (c->entities && s.entities);
}

static void write_clean(const aire_line *line, const cleaning *c, aire_buf *to)
{
    const char *end = line->text + line->length;
    for (const char *at = line->text; at < end;) {
        char plain = *at;
        size_t length = c->spaces ? wide_space(at, end, &plain) : 0;
        if (!length && c->entities && *at == '&')
            length = aire__entity(at, end, &plain);
        if (!length)
            plain = *at;
        aire__buf_append(to, &plain, plain != '\0' || !length);
        at += length ? length : 1;
    }
    aire__buf_append(to, line->text + line->length, line->full - line->length);
}

static aire_status clean_line(aire_ctx *ctx, aire_edits *edits, aire_line *line, const cleaning *c)
{
    aire_buf buf;
    char *text;
    size_t length;
    aire__buf_init(&buf, ctx, LINES_MAX);
    write_clean(line, c, &buf);
    aire_status status = aire__buf_take(&buf, &text, &length);
    if (status != AIRE_OK)
        return status;
    if (!aire__edits_own(edits, text))
        return aire__fail_nomem();
    *line = (aire_line){text, length - (line->full - line->length), length};
    return AIRE_OK;
}

/* A hunk that says that it ends the file stands at the end. */
static void number_last(aire_edits *edits, const aire_text *text, const aire_target *target)
{
    for (size_t i = 0; i < target->hunk_count; i++) {
        aire_hunk *hunk = &edits->hunks[target->hunks[i]];
        if (!hunk->at_end || hunk->numbered || hunk->old_lines > text->lines.count)
            continue;
        hunk->numbered = true;
        hunk->old_start = text->lines.count - hunk->old_lines + 1;
        hunk->old_count = hunk->old_lines;
    }
}

aire_status aire__target_clean(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               const aire_target *target)
{
    number_last(edits, text, target);
    cleaning c = decide(edits, text, target);
    aire_status status = AIRE_OK;
    if (!c.spaces && !c.entities)
        return AIRE_OK;
    for (size_t i = 0; i < target->hunk_count; i++) {
        const aire_hunk *hunk = &edits->hunks[target->hunks[i]];
        for (size_t k = 0; k < hunk->count && status == AIRE_OK; k++) {
            aire_line *line = &edits->lines[hunk->first + k].line;
            if (needs(line, &c))
                status = clean_line(ctx, edits, line, &c);
        }
    }
    return status;
}
