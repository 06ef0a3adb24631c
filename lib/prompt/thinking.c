/* Thinking that a server left in an answer. */
#include "prompt/thinking.h"

#include <string.h>

#include "base/str.h"

/* The end of a tag that ends thinking, if one is at `at`. */
static char *closing_tag(char *at)
{
    static const char *const tags[] = {"</think>", "</thinking>"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (aire__starts_with(at, tags[i]))
            return at + strlen(tags[i]);
    return NULL;
}

/* Whether such a tag is meant: it ends its line, or an answer begins right behind it; and it is not
 * quoted. */
static bool is_meant(const char *text, const char *tag, const char *after)
{
    const char *rest = after + strspn(after, " \t");
    return (*rest == '\0' || strchr("\n[{#*<", *rest)) && (tag == text || !strchr("`\"'", tag[-1]));
}

/* Past thinking that a server left in the answer; its beginning may be missing. A pair of tags on
 * one line is talk about such tags. */
char *aire__after_thinking(char *text)
{
    char *found = text, *after;
    bool paired = false;
    for (char *at = text; *at; at++) {
        if (*at == '\n')
            paired = false;
        else if (*at == '<' && aire__starts_with(at, "<think"))
            paired = at > text;
        else if (*at == '<' && (after = closing_tag(at)) && !paired && is_meant(text, at, after))
            found = after;
    }
    return found;
}

bool aire__begins_thinking(const char *text)
{
    text += strspn(text, " \t\n");
    return aire__starts_with(text, "<think>") || aire__starts_with(text, "<thinking>");
}
