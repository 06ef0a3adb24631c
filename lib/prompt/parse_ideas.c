/* The ideas in an answer. */
#include "prompt/ideas.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"
#include "prompt/tags.h"

enum { TITLE_MAX = 160, LETTERS_MIN = 4 };
#define SECTION_MAX ((size_t)1 << 20) /* as long as a string of an idea may be */

/* The idea that is being read. */
typedef struct reader {
    aire_parsed_ideas *out;
    aire_buf text, changes;
    aire_buf *section; /* one of the two; NULL outside an idea */
} reader;

/* Words, rather than the dots or commas that stand between tags when a model talks about them. */
static bool says_something(const char *text)
{
    size_t letters = 0;
    for (; *text; text++)
        letters += isalpha((unsigned char)*text) || (unsigned char)*text >= 0x80;
    return letters >= LETTERS_MIN;
}

/* A copy without blank and decorated ends, and without half of a code fence. */
static char *trimmed(aire_ctx *ctx, const aire_buf *buf)
{
    static const char fence[] = "```";
    const char *start = buf->data ? buf->data : "", *end = start + buf->length;
    while (start < end && strchr(" \t\r\n*_:", *start))
        start++;
    for (;;) {
        while (end > start && strchr(" \t\r\n", end[-1]))
            end--;
        size_t fences = 0;
        for (const char *at = start; (at = memmem(at, (size_t)(end - at), fence, 3)); at += 3)
            fences++;
        if (fences % 2 == 0 || end - start < 3 || memcmp(end - 3, fence, 3) != 0)
            return aire__strndup(ctx, start, (size_t)(end - start));
        end -= 3;
    }
}

/* The first line, without Markdown; cut where it is long. */
static char *title_of(aire_ctx *ctx, const char *text)
{
    const char *start = text + strspn(text, " \t#*_>-\"");
    const char *digits = start + strspn(start, "0123456789");
    if (digits > start && (*digits == '.' || *digits == ')'))
        start = digits + 1 + strspn(digits + 1, " *_");
    size_t length = aire__utf8_cut(start, strcspn(start, "\r\n"), TITLE_MAX);
    while (length && strchr(" \t*_\"", start[length - 1]))
        length--;
    return length ? aire__strndup(ctx, start, length) : aire__strdup(ctx, "Untitled");
}

static void free_idea(aire_ctx *ctx, aire_parsed_idea *idea)
{
    aire_free(ctx, idea->title);
    aire_free(ctx, idea->text);
    aire_free(ctx, idea->changes);
}

/* Keep what was read, if it is an idea, and start afresh. */
static aire_status finish(reader *r)
{
    aire_parsed_ideas *out = r->out;
    aire_ctx *ctx = out->ctx;
    aire_parsed_idea idea = {.text = trimmed(ctx, &r->text), .changes = trimmed(ctx, &r->changes)};
    aire__buf_clear(&r->text);
    aire__buf_clear(&r->changes);
    r->section = NULL;
    if (!idea.text || !idea.changes)
        goto fail;
    if (!says_something(idea.text)) { /* all is under the other tag */
        char *swap = idea.text;
        idea.text = idea.changes;
        idea.changes = swap;
    }
    if (!says_something(idea.text) || aire__starts_with(idea.text, AIRE_PROMPT_TITLE_SLOT)) {
        free_idea(ctx, &idea);
        return AIRE_OK;
    }
    idea.title = title_of(ctx, idea.text);
    if (!idea.title ||
        !aire__grow(ctx, &out->ideas, &out->capacity, out->count + 1, sizeof *out->ideas))
        goto fail;
    out->ideas[out->count++] = idea;
    return AIRE_OK;
fail:
    free_idea(ctx, &idea);
    return aire__fail_nomem();
}

/* What stands before a tag belongs to the section that is open; a section that is longer than an
 * idea may be is cut. */
static aire_status add(reader *r, const char *from, const char *to)
{
    if (!r->section || from >= to)
        return AIRE_OK;
    size_t length = (size_t)(to - from), room = SECTION_MAX - r->section->length;
    aire__buf_append(r->section, from, aire__utf8_cut(from, length, room));
    return aire__buf_status(r->section);
}

static aire_status turn(reader *r, const aire_tag *tag)
{
    aire_status status = AIRE_OK;
    switch (tag->kind) {
    case AIRE_TAG_EXPERIMENT:
        if (r->section)
            status = finish(r);
        r->section = &r->text;
        if (status == AIRE_OK && tag->title) {
            status = add(r, tag->title, tag->title_end);
            if (status == AIRE_OK && *tag->end != '\n') {
                aire__buf_puts(r->section, "\n");
                status = aire__buf_status(r->section);
            }
        }
        return status;
    case AIRE_TAG_CHANGES:
        if (r->section)
            r->section = &r->changes;
        return AIRE_OK;
    case AIRE_TAG_END:
        return r->section ? finish(r) : AIRE_OK;
    default:
        return AIRE_OK;
    }
}

aire_status aire__prompt_parse_ideas(aire_ctx *ctx, const char *answer, size_t max, bool truncated,
                                     aire_parsed_ideas *out)
{
    aire_parsed_ideas ideas = {.ctx = ctx};
    reader r = {.out = &ideas};
    aire_tag_scan scan = {answer, answer, false};
    aire_tag tag = {.end = answer};
    aire_status status = AIRE_OK;
    aire__buf_init(&r.text, ctx, SECTION_MAX);
    aire__buf_init(&r.changes, ctx, SECTION_MAX);
    const char *from = answer;
    while (status == AIRE_OK && ideas.count < max && aire__tag_next(&scan, &tag)) {
        status = add(&r, from, tag.start);
        if (status == AIRE_OK)
            status = turn(&r, &tag);
        from = tag.end;
    }
    if (status == AIRE_OK && ideas.count < max && r.section) {
        status = add(&r, from, from + strlen(from));
        if (status == AIRE_OK && !(truncated && r.section == &r.text))
            status = finish(&r);
    }
    aire__buf_free(&r.text);
    aire__buf_free(&r.changes);
    if (status == AIRE_OK)
        *out = ideas;
    else
        aire__parsed_ideas_free(&ideas);
    return status;
}

void aire__parsed_ideas_free(aire_parsed_ideas *ideas)
{
    for (size_t i = 0; i < ideas->count; i++)
        free_idea(ideas->ctx, &ideas->ideas[i]);
    aire_free(ideas->ctx, ideas->ideas);
    *ideas = (aire_parsed_ideas){.ctx = ideas->ctx};
}
