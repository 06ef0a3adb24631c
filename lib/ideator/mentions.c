/* Which earlier ideas a text says that it builds on. */
#include "ideator/mentions.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Past what may stand between the numbers of a list: " #3, 5 and 9". */
static const char *skip_between(const char *at)
{
    at += strspn(at, " \t\r\n,#&*[]");
    if (strncasecmp(at, "and ", 4) == 0 || strncasecmp(at, "or ", 3) == 0)
        at += strcspn(at, " ");
    return at + strspn(at, " \t#*[");
}

/* Whether the numbers after the word "idea" at `at` include `id`. */
static bool list_names(const char *at, int64_t id)
{
    at += strlen("idea");
    if (*at == 's' || *at == 'S')
        at++;
    for (at = skip_between(at); isdigit((unsigned char)*at); at = skip_between(at)) {
        char *end;
        if (strtoll(at, &end, 10) == id && !isalnum((unsigned char)*end))
            return true;
        at = end;
    }
    return false;
}

static bool names(const char *text, int64_t id)
{
    for (const char *at = text; (at = strcasestr(at, "idea")); at++)
        if ((at == text || !isalnum((unsigned char)at[-1])) && list_names(at, id))
            return true;
    return false;
}

size_t aire__mentions(const aire_plan *plan, const char *text, int64_t *ids, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < aire_plan_parent_count(plan) && count < max; i++) {
        const aire_idea *idea = aire_result_idea(aire_plan_parent(plan, i));
        int64_t id = idea ? aire_idea_id(idea) : 0;
        bool again = false;
        for (size_t j = 0; j < count; j++)
            again |= ids[j] == id;
        if (id && !again && names(text, id))
            ids[count++] = id;
    }
    return count;
}
