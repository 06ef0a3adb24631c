/*
 * Ideas as a numbered list without any tag that begins one: "1. Warm up", "### Idea 2: Cool down".
 *
 * The items are numbered from 1, one after the other, and all look alike: what is numbered
 * otherwise, such as steps that are indented, belongs to an item. A list that begins again at 1
 * holds the steps of several things, and is not taken.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "prompt/idea_reader.h"
#include "prompt/tags.h"

/* How an item begins. */
typedef struct item {
    size_t indent, hashes;
    bool bold, word;
    long number;
    const char *text; /* what follows the number */
} item;

static const char *skip_word(const char *at)
{
    static const char *const words[] = {"idea ", "proposal ", "change ", "option ", "experiment "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]) + (at[strlen(words[i])] == '#');
    return at;
}

static bool read_item(const char *line, item *out)
{
    char *end;
    *out = (item){.indent = strspn(line, " \t")};
    const char *at = line + out->indent;
    out->hashes = strspn(at, "#");
    at += out->hashes + strspn(at + out->hashes, " ");
    out->bold = aire__starts_with(at, "**");
    at += out->bold ? 2 : 0;
    const char *after = skip_word(at);
    out->word = after > at;
    if (!isdigit((unsigned char)*after))
        return false;
    out->number = strtol(after, &end, 10);
    bool ends = *end == '.' || *end == ')' || *end == ':' || (out->word && *end == '*');
    if (!ends || isdigit((unsigned char)end[1]))
        return false;
    out->text = end + (*end != '*');
    return true;
}

static bool alike(const item *a, const item *b)
{
    return a->indent == b->indent && a->hashes == b->hashes && a->bold == b->bold &&
           a->word == b->word;
}

/* The next item after `first`, or the end of the text; *again: the list began once more. */
static char *next_item(char *at, const item *first, long number, bool *again)
{
    item here;
    for (; *at; at += *at == '\n') {
        if (read_item(at, &here) && alike(&here, first)) {
            if (here.number == number)
                return at;
            *again |= here.number == 1;
        }
        at += strcspn(at, "\n");
    }
    return at;
}

/* The text of one item, which ends in NUL, with what is said of changes apart. */
static aire_status read_one(aire_idea_reader *r, const char *text)
{
    aire_tag_scan scan = {.at = text, .line = text, .place = AIRE_TAG_IN_TEXT};
    aire_tag tag = {.end = text};
    const char *from = text;
    aire_status status = AIRE_OK;
    r->section = &r->text;
    while (status == AIRE_OK && aire__tag_next(&scan, &tag)) {
        status = aire__idea_reader_add(r, from, tag.start);
        if (tag.kind == AIRE_TAG_CHANGES)
            r->section = &r->changes;
        from = tag.end;
    }
    return status == AIRE_OK ? aire__idea_reader_add(r, from, from + strlen(from)) : status;
}

/* Whether the list may hold ideas: it is not begun again, and has more than one item, or one that
 * says what to change. */
static bool is_list_of_ideas(char *begin, const item *first)
{
    bool again = false;
    long count = 1;
    char *at = begin + strcspn(begin, "\n");
    while (*(at = next_item(at, first, count + 1, &again))) {
        count++;
        at += strcspn(at, "\n");
    }
    return !again && (count > 1 || strcasestr(begin, "changes"));
}

static char *first_item(char *text, item *first)
{
    for (char *at = text; *at; at += *at == '\n') {
        if (read_item(at, first) && first->number == 1)
            return at;
        at += strcspn(at, "\n");
    }
    return NULL;
}

aire_status aire__read_listed_ideas(aire_idea_reader *r, char *text, bool truncated)
{
    item first, here;
    bool again = false;
    aire_status status = AIRE_OK;
    char *at = first_item(text, &first);
    if (!at || !is_list_of_ideas(at, &first)) {
        r->out->unread += at != NULL;
        return AIRE_OK;
    }
    here = first;
    while (status == AIRE_OK && *at) {
        char *next = next_item(at + strcspn(at, "\n"), &first, here.number + 1, &again);
        char kept = *next;
        *next = '\0';
        status = read_one(r, here.text);
        *next = kept;
        if (status == AIRE_OK)
            status = aire__idea_reader_finish_last(r, truncated && !kept, true);
        at = next;
        if (kept)
            read_item(at, &here);
    }
    return status;
}
