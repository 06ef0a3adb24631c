#include "patch/change_kind.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "aire/idea.h"

/* Bytes from one place up to another. */
typedef struct span {
    const char *at, *end;
} span;

typedef enum token_kind { TOKEN_END, TOKEN_LITERAL, TOKEN_WORD, TOKEN_SIGN } token_kind;

typedef struct token {
    token_kind kind;
    span text;
} token;

/* ---- tokens ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* "//", a "#" that is no directive, "/ *" and its middle lines: the rest of the line says nothing.
 */
static bool begins_comment(span line, const char *at)
{
    if (*at == '#') {
        bool first = true;
        for (const char *c = line.at; c < at; c++)
            first = first && is_blank(*c);
        bool spaced = at == line.at || is_blank(at[-1]);
        return first ? at + 1 == line.end || !isalpha((unsigned char)at[1]) : spaced;
    }
    return *at == '/' && at + 1 < line.end && (at[1] == '/' || at[1] == '*');
}

/* Behind a quoted text; an open one runs to the end of the line. */
static const char *skip_quoted(span line, const char *at)
{
    char quote = *at++;
    while (at < line.end && *at != quote)
        at += *at == '\\' && at + 1 < line.end ? 2 : 1;
    return at < line.end ? at + 1 : line.end;
}

/* Behind a number: "1", "0x1f", "1.5e-3f", "1_000". */
static const char *skip_number(span line, const char *at)
{
    for (; at < line.end; at++) {
        bool exponent = (*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E');
        if (!is_word(*at) && *at != '.' && !exponent)
            break;
    }
    return at;
}

static bool begins_number(span line, const char *at)
{
    return isdigit((unsigned char)*at) ||
           (*at == '.' && at + 1 < line.end && isdigit((unsigned char)at[1]));
}

static bool is_constant_word(span word)
{
    static const char *const words[] = {"true", "false", "True", "False", "TRUE", "FALSE"};
    size_t length = (size_t)(word.end - word.at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && memcmp(words[i], word.at, length) == 0)
            return true;
    return false;
}

/* The next token of a line from *at on. A sign in front of a number is the number's, unless
 * something stands before it that it could be taken from. */
static token next_token(span line, const char **at, token_kind before)
{
    const char *c = *at;
    while (c < line.end && is_blank(*c))
        c++;
    token t = {TOKEN_END, {c, c}};
    *at = line.end;
    if (c == line.end || begins_comment(line, c))
        return t;
    const char *digits = c + ((*c == '-' || *c == '+') && before != TOKEN_WORD &&
                              before != TOKEN_LITERAL && c + 1 < line.end);
    if (*c == '"' || *c == '\'') {
        t = (token){TOKEN_LITERAL, {c, skip_quoted(line, c)}};
    } else if (begins_number(line, digits)) {
        t = (token){TOKEN_LITERAL, {c, skip_number(line, digits)}};
    } else if (is_word(*c)) {
        const char *end = c;
        while (end < line.end && is_word(*end))
            end++;
        t = (token){TOKEN_WORD, {c, end}};
        t.kind = is_constant_word(t.text) ? TOKEN_LITERAL : TOKEN_WORD;
    } else {
        t = (token){TOKEN_SIGN, {c, c + 1}};
    }
    *at = t.text.end;
    return t;
}

static bool same_text(span a, span b)
{
    size_t length = (size_t)(a.end - a.at);
    return (size_t)(b.end - b.at) == length && memcmp(a.at, b.at, length) == 0;
}

/* Whether two lines say the same but for literals. */
static bool differ_in_literals(span a, span b)
{
    const char *left = a.at, *right = b.at;
    token_kind before = TOKEN_END;
    for (;;) {
        token x = next_token(a, &left, before), y = next_token(b, &right, before);
        /* a closing bracket is something that a number can be taken from */
        if (x.kind != y.kind || (x.kind != TOKEN_LITERAL && !same_text(x.text, y.text)))
            return false;
        if (x.kind == TOKEN_END)
            return true;
        before = x.kind == TOKEN_SIGN && strchr(")]}", *x.text.at) ? TOKEN_WORD : x.kind;
    }
}

/* A line of nothing, or of a comment alone. */
static bool says_nothing(span line)
{
    const char *at = line.at;
    return next_token(line, &at, TOKEN_END).kind == TOKEN_END;
}

/* ---- diffs ---- */

/* A cursor on the lines of a diff. */
typedef struct lines {
    const char *at, *end;
} lines;

static bool next_line(lines *l, span *out)
{
    if (l->at >= l->end)
        return false;
    const char *newline = memchr(l->at, '\n', (size_t)(l->end - l->at));
    *out = (span){l->at, newline ? newline : l->end};
    l->at = newline ? newline + 1 : l->end;
    return true;
}

static bool begins(span line, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(line.end - line.at) >= length && memcmp(line.at, text, length) == 0;
}

/* The next line of a run that says something, without its mark; false at the run's end. */
static bool next_of_run(lines *l, char mark, span *out)
{
    span line;
    lines ahead = *l;
    while (next_line(&ahead, &line) && line.at < line.end && *line.at == mark) {
        *l = ahead;
        *out = (span){line.at + 1, line.end};
        if (!says_nothing(*out))
            return true;
    }
    return false;
}

static void skip_run(lines *l, char mark)
{
    span line;
    lines ahead = *l;
    while (next_line(&ahead, &line) && line.at < line.end && (*line.at == mark || *line.at == '\\'))
        *l = ahead;
}

/* A run of removed lines and the added ones behind it, which begin at `l`: whether literals are all
 * that differs. *says: the lines are more than comments. */
static bool is_turned(lines *l, bool *says)
{
    lines removed = *l, added = *l;
    span old, new;
    skip_run(&added, '-');
    *l = added;
    skip_run(l, '+');
    for (;;) {
        bool more = next_of_run(&removed, '-', &old), most = next_of_run(&added, '+', &new);
        if (more != most)
            return false;
        if (!more)
            return true;
        if (!differ_in_literals(old, new))
            return false;
        *says = true;
    }
}

int32_t aire__patch_change_kind(const char *diff, size_t length)
{
    static const char *const whole[] = {"--- /dev/null", "+++ /dev/null", "rename from ",
                                        "deleted file",  "new file",      "Binary files "};
    lines l = {diff, diff + length};
    span line;
    bool in_hunk = false, changes = false;
    for (lines before = l; next_line(&l, &line); before = l) {
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            if (begins(line, whole[i]))
                return AIRE_IDEA_ALGORITHMIC;
        if (begins(line, "@@"))
            in_hunk = true;
        else if (begins(line, "diff --git ") || (!in_hunk && begins(line, "--- ")))
            in_hunk = false;
        if (!in_hunk || line.at == line.end || (*line.at != '-' && *line.at != '+'))
            continue;
        lines head = before; /* another file's, where there is no line of git's above it */
        span second;
        if (begins(line, "--- ") && next_line(&head, &second) && next_line(&head, &second) &&
            begins(second, "+++ ")) {
            in_hunk = false;
            continue;
        }
        l = before;
        if (!is_turned(&l, &changes))
            return AIRE_IDEA_ALGORITHMIC;
    }
    return changes ? AIRE_IDEA_HYPERPARAMETER : 0;
}
