/* Ideas while they are read from an answer. */
#include "prompt/idea_reader.h"

#include <ctype.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "prompt/idea_kind.h"

enum { TITLE_MAX = 160, LETTERS_MIN = 4 };
#define SECTION_MAX ((size_t)1 << 20) /* as long as a string of an idea may be */

void aire__idea_reader_init(aire_idea_reader *r, aire_ctx *ctx, size_t max, aire_parsed_ideas *out)
{
    *out = (aire_parsed_ideas){.ctx = ctx};
    *r = (aire_idea_reader){.out = out, .max = max};
    aire__buf_init(&r->text, ctx, SECTION_MAX);
    aire__buf_init(&r->changes, ctx, SECTION_MAX);
}

void aire__idea_reader_free(aire_idea_reader *r)
{
    aire__buf_free(&r->text);
    aire__buf_free(&r->changes);
}

/* Words, rather than the dots or commas that stand between tags when a model talks about them. */
static bool says_something(const char *text)
{
    size_t letters = 0;
    for (; *text && letters < LETTERS_MIN; text++)
        letters += isalpha((unsigned char)*text) || (unsigned char)*text >= 0x80;
    return letters >= LETTERS_MIN;
}

/* Whether "**words**" stands at the beginning of a line. */
static bool begins_bold(const char *start, const char *end)
{
    if (end - start < 5 || start[0] != '*' || start[1] != '*' || strchr(" *\n", start[2]))
        return false;
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    return memmem(start + 2, (size_t)((newline ? newline : end) - start) - 2, "**", 2) != NULL;
}

/* Past blanks, and past what is left of the decoration of a tag. */
static const char *skip_start(const char *start, const char *end)
{
    while (start < end && strchr(" \t\n*_:", *start) && !begins_bold(start, end))
        start++;
    return start;
}

static const char *skip_end(const char *start, const char *end)
{
    while (end > start && strchr(" \t\r\n", end[-1]))
        end--;
    return end;
}

/* A copy without blank and decorated ends, and without half of a code fence. */
static char *trimmed(aire_ctx *ctx, const aire_buf *buf)
{
    const char *start = buf->data ? buf->data : "", *end = start + buf->length;
    size_t fences = 0;
    start = skip_start(start, end);
    end = skip_end(start, end);
    for (const char *at = start; (at = memmem(at, (size_t)(end - at), "```", 3)); at += 3)
        fences++;
    if (fences % 2 && end - start >= 3 && memcmp(end - 3, "```", 3) == 0) {
        while (end > start && end[-1] == '`')
            end--;
        end = skip_end(start, end);
    }
    return aire__strndup(ctx, start, (size_t)(end - start));
}

/* The first line, or what is bold at its beginning, without Markdown; cut where it is long. */
static char *title_of(aire_ctx *ctx, const char *text)
{
    static const char label[] = "title:";
    const char *start = text + strspn(text, " \t#*_>-\"");
    const char *digits = start + strspn(start, "0123456789");
    if (digits > start && (*digits == '.' || *digits == ')'))
        start = digits + 1 + strspn(digits + 1, " *_");
    if (strncasecmp(start, label, strlen(label)) == 0)
        start += strlen(label) + strspn(start + strlen(label), " *_\"");
    size_t line = strcspn(start, "\n");
    bool is_bold = memmem(text, (size_t)(start - text), "**", 2) != NULL;
    const char *bold_end = is_bold ? memmem(start, line, "**", 2) : NULL;
    if (bold_end > start) /* "**Title**: text" */
        line = (size_t)(bold_end - start);
    size_t length = aire__utf8_cut(start, line, TITLE_MAX);
    while (length && strchr(" \t\r*_\":", start[length - 1]))
        length--;
    return length ? aire__strndup(ctx, start, length) : aire__strdup(ctx, "Untitled");
}

static void free_idea(aire_ctx *ctx, aire_parsed_idea *idea)
{
    aire_free(ctx, idea->title);
    aire_free(ctx, idea->text);
    aire_free(ctx, idea->changes);
}

void aire__parsed_ideas_free(aire_parsed_ideas *ideas)
{
    for (size_t i = 0; i < ideas->count; i++)
        free_idea(ideas->ctx, &ideas->ideas[i]);
    aire_free(ideas->ctx, ideas->ideas);
    *ideas = (aire_parsed_ideas){.ctx = ideas->ctx};
}

static bool store(aire_parsed_ideas *out, aire_parsed_idea *idea)
{
    idea->title = title_of(out->ctx, idea->text);
    if (!idea->title ||
        !aire__grow(out->ctx, &out->ideas, &out->capacity, out->count + 1, sizeof *out->ideas))
        return false;
    out->ideas[out->count++] = *idea;
    return true;
}

aire_status aire__idea_reader_finish(aire_idea_reader *r, bool expected)
{
    aire_parsed_ideas *out = r->out;
    aire_ctx *ctx = out->ctx;
    aire_parsed_idea idea = {.text = trimmed(ctx, &r->text), .changes = trimmed(ctx, &r->changes)};
    aire__buf_clear(&r->text);
    aire__buf_clear(&r->changes);
    r->section = NULL;
    bool kept = false, copied = idea.text && idea.changes;
    if (copied)
        idea.kind = aire__take_idea_kind(idea.text);
    if (copied && !idea.kind)
        idea.kind = aire__take_idea_kind(idea.changes);
    if (copied && !says_something(idea.text)) { /* all is under the other tag */
        char *swap = idea.text;
        idea.text = idea.changes;
        idea.changes = swap;
    }
    if (copied && !says_something(idea.text))
        out->unread += expected;
    else if (copied && aire__starts_with(idea.text, AIRE_PROMPT_TITLE_SLOT))
        (void)0; /* the form of an answer, repeated */
    else if (copied && out->count == r->max)
        out->surplus++;
    else if (copied)
        copied = kept = store(out, &idea);
    if (!kept)
        free_idea(ctx, &idea);
    return copied ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__idea_reader_finish_last(aire_idea_reader *r, bool truncated, bool expected)
{
    if (!r->section)
        return AIRE_OK;
    if (!truncated)
        return aire__idea_reader_finish(r, expected);
    if (r->section == &r->text) {
        r->out->cut = AIRE_CUT_DROPPED;
        r->out->unread++;
        r->section = NULL;
        return AIRE_OK;
    }
    r->out->cut = AIRE_CUT_KEPT;
    return aire__idea_reader_finish(r, expected);
}

aire_status aire__idea_reader_add(aire_idea_reader *r, const char *from, const char *to)
{
    if (!r->section || from >= to)
        return AIRE_OK;
    size_t length = (size_t)(to - from), room = SECTION_MAX - r->section->length;
    size_t fits = aire__utf8_cut(from, length, room);
    r->out->shortened += fits < length;
    aire__buf_append(r->section, from, fits);
    return aire__buf_status(r->section);
}
