/* Thinking that a server leaves in the text, found while the text comes. */
#include "model/think.h"

#include <string.h>

#include "base/str.h"

static const char opening[] = "<think>", closing[] = "</think>";

/* Where in the text: what r->tags says. */
enum {
    BEFORE, /* nothing has come but white space or a part of the opening tag */
    INSIDE, /* after the opening tag */
    BARE,   /* there was no opening tag; there may be a closing one */
    BEHIND, /* right after the closing tag, where line ends are left out */
    DONE,   /* what comes is the answer */
};

/* Take bytes from the front of what is held. */
static void drop(aire_reading *r, size_t count)
{
    aire_buf *held = &r->held;
    held->length -= count;
    memmove(held->data, held->data + count, held->length + 1);
}

static void pass(aire_reading *r, int32_t kind, size_t count)
{
    if (count > 0)
        aire__reading_add_bytes(r, kind, r->held.data, count);
    drop(r, count);
}

/* How many bytes at the end may be the beginning of the closing tag. */
static size_t begun(const char *text, size_t length)
{
    size_t count = sizeof closing - 2;
    if (count > length)
        count = length;
    while (memcmp(text + length - count, closing, count) != 0)
        count--;
    return count;
}

static bool before(aire_reading *r)
{
    size_t blank = strspn(r->held.data, " \t\r\n");
    const char *text = r->held.data + blank;
    if (aire__starts_with(opening, text) && strlen(text) < strlen(opening))
        return false;
    bool opened = aire__starts_with(text, opening);
    if (opened)
        drop(r, blank + strlen(opening));
    r->tags = opened ? INSIDE : BARE;
    return true;
}

static bool until_closing(aire_reading *r)
{
    int32_t kind = r->tags == INSIDE ? AIRE_DELTA_THINKING : AIRE_DELTA_TEXT;
    const char *end = strstr(r->held.data, closing);
    if (!end) {
        pass(r, kind, r->held.length - begun(r->held.data, r->held.length));
        return false;
    }
    pass(r, kind, (size_t)(end - r->held.data));
    drop(r, strlen(closing));
    if (r->tags == BARE)
        aire__reading_rethink(r);
    r->tags = BEHIND;
    return true;
}

static bool behind(aire_reading *r)
{
    drop(r, strspn(r->held.data, "\r\n"));
    if (r->held.length == 0)
        return false;
    r->tags = DONE;
    return true;
}

/* One step; false: wait for more. */
static bool step(aire_reading *r)
{
    switch (r->tags) {
    case BEFORE:
        return before(r);
    case BARE:
        if (r->thinking.length > 0) /* of its own, after all */
            r->tags = DONE;
        return r->tags == DONE || until_closing(r);
    case INSIDE:
        return until_closing(r);
    case BEHIND:
        return behind(r);
    default:
        pass(r, AIRE_DELTA_TEXT, r->held.length);
        return false;
    }
}

/* The held text is searched for tags as a string, so NUL must not end it early. */
static void hold(aire_buf *held, const char *bytes, size_t length)
{
    for (const char *nul; (nul = memchr(bytes, '\0', length));) {
        aire__buf_append(held, bytes, (size_t)(nul - bytes));
        aire__buf_puts(held, "\xef\xbf\xbd");
        length -= (size_t)(nul + 1 - bytes);
        bytes = nul + 1;
    }
    aire__buf_append(held, bytes, length);
}

void aire__think_add(aire_reading *r, const char *bytes, size_t length)
{
    if (r->tags == BEFORE && r->thinking.length > 0)
        r->tags = DONE;
    hold(&r->held, bytes, length);
    while (r->held.status == AIRE_OK && step(r))
        ;
}

void aire__think_end(aire_reading *r)
{
    if (r->held.status == AIRE_OK && r->held.length > 0)
        pass(r, r->tags == INSIDE ? AIRE_DELTA_THINKING : AIRE_DELTA_TEXT, r->held.length);
}
