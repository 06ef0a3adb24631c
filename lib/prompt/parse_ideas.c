/*
 * The ideas in an answer: what is read, and which of the forms it is taken from.
 *
 * Tags at the beginning of a line decide: they were asked for, and nobody writes them in passing.
 * Without one, JSON with ideas in it is taken; then headings in a fence around it all; then what
 * has more: tags within lines, or a numbered list.
 */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "prompt/idea_reader.h"
#include "prompt/thinking.h"

/* A copy with line ends as we have them. */
static char *plain_copy(aire_ctx *ctx, const char *answer)
{
    char *copy = aire__strdup(ctx, answer), *to = copy;
    if (!copy)
        return NULL;
    for (const char *at = copy; *at; at++)
        if (!(at[0] == '\r' && at[1] == '\n'))
            *to++ = *at;
    *to = '\0';
    return copy;
}

/* Which form of answer a reading looks for. */
enum { TAGS, JSON, FENCED_TAGS, LIST };

static aire_status read_form(aire_ctx *ctx, int form, char *text, size_t max, bool truncated,
                             aire_parsed_ideas *out, size_t *firm)
{
    aire_idea_reader r;
    aire_status status;
    aire__idea_reader_init(&r, ctx, max, out);
    if (form == TAGS || form == FENCED_TAGS)
        status = aire__read_tagged_ideas(&r, text, form == FENCED_TAGS, truncated, firm);
    else if (form == JSON)
        status = aire__read_json_ideas(&r, text);
    else
        status = aire__read_listed_ideas(&r, text, truncated);
    aire__idea_reader_free(&r);
    if (status != AIRE_OK)
        aire__parsed_ideas_free(out);
    return status;
}

/* Keep one of two readings in `best`. */
static void choose(aire_parsed_ideas *best, aire_parsed_ideas *other, bool other_is_better)
{
    aire_parsed_ideas swap = *best;
    if (other_is_better) {
        *best = *other;
        *other = swap;
    }
    aire__parsed_ideas_free(other);
}

/* Whether only `other` says something: ideas, or at least that it could not read them. */
static bool says_more(const aire_parsed_ideas *best, const aire_parsed_ideas *other)
{
    return best->count == 0 && (other->count > 0 || best->unread < other->unread);
}

static aire_status read_body(aire_ctx *ctx, char *text, size_t max, bool truncated,
                             aire_parsed_ideas *out)
{
    aire_parsed_ideas other;
    size_t firm = 0;
    aire_status status = read_form(ctx, TAGS, text, max, truncated, out, &firm);
    if (status != AIRE_OK || (firm && out->count))
        return status;
    for (int form = JSON; form <= LIST; form++) {
        firm = 0;
        status = read_form(ctx, form, text, max, truncated, &other, &firm);
        if (status != AIRE_OK)
            break;
        bool decides = other.count > 0 && (form == JSON || firm);
        choose(out, &other, decides || other.count > out->count || says_more(out, &other));
        if (decides)
            return AIRE_OK;
    }
    if (status != AIRE_OK)
        aire__parsed_ideas_free(out);
    return status;
}

aire_status aire__prompt_parse_ideas(aire_ctx *ctx, const char *answer, size_t max, bool truncated,
                                     aire_parsed_ideas *out)
{
    aire_parsed_ideas ideas;
    char *text = plain_copy(ctx, answer);
    if (!text)
        return aire__fail_nomem();
    char *body = aire__after_thinking(text);
    if (body == text && truncated && aire__begins_thinking(text)) {
        *out = (aire_parsed_ideas){.ctx = ctx, .unread = 1, .cut = AIRE_CUT_DROPPED};
        aire_free(ctx, text);
        return AIRE_OK;
    }
    aire_status status = read_body(ctx, body, max, truncated, &ideas);
    if (status == AIRE_OK && ideas.count == 0 && body > text) {
        aire__parsed_ideas_free(&ideas); /* perhaps it never stopped thinking */
        status = read_body(ctx, text, max, truncated, &ideas);
    }
    aire_free(ctx, text);
    if (status == AIRE_OK)
        *out = ideas;
    return status;
}
