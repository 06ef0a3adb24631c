#include "prompt/idea_kind.h"

#include <string.h>
#include <strings.h>

#include "aire/idea.h"

#define DECORATION " \t*_#>-`\""

/* Of one line, which ends in a newline or NUL. */
static int32_t kind_of_line(const char *line)
{
    static const struct {
        const char *word;
        int32_t kind;
    } words[] = {{"hyper", AIRE_IDEA_HYPERPARAMETER}, {"algorithm", AIRE_IDEA_ALGORITHMIC}};
    const char *at = line + strspn(line, DECORATION);
    if (strncasecmp(at, "kind", 4) != 0)
        return 0;
    at += 4;
    at += strspn(at, DECORATION);
    if (*at != ':')
        return 0;
    at += 1 + strspn(at + 1, DECORATION);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(at, words[i].word, strlen(words[i].word)) == 0)
            return words[i].kind;
    return 0;
}

int32_t aire__take_idea_kind(char *text)
{
    for (char *line = text; *line;) {
        char *next = line + strcspn(line, "\n");
        next += *next == '\n';
        int32_t kind = kind_of_line(line);
        if (kind) {
            memmove(line, next, strlen(next) + 1);
            size_t length = strlen(text); /* it may have been the last one */
            while (length && strchr(" \t\r\n", text[length - 1]))
                text[--length] = '\0';
            return kind;
        }
        line = next;
    }
    return 0;
}
