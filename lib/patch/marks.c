/* The lines that give an answer its form. */
#include "patch/marks.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool aire__line_begins(const aire_line *line, const char *prefix)
{
    size_t length = strlen(prefix);
    return line->length >= length && memcmp(line->text, prefix, length) == 0;
}

size_t aire__line_indent(const aire_line *line)
{
    size_t indent = 0;
    while (indent < line->length && (line->text[indent] == ' ' || line->text[indent] == '\t'))
        indent++;
    return indent;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool aire__line_is_blank(const aire_line *line)
{
    for (size_t i = 0; i < line->length; i++)
        if (!is_space(line->text[i]))
            return false;
    return true;
}

aire_span aire__span_trim(aire_span span)
{
    while (span.length && is_space(span.text[span.length - 1]))
        span.length--;
    while (span.length && is_space(*span.text)) {
        span.text++;
        span.length--;
    }
    return span;
}

static bool span_begins(aire_span span, const char *word)
{
    size_t length = strlen(word);
    return span.length >= length && strncasecmp(span.text, word, length) == 0;
}

static aire_span span_after(aire_span span, size_t length)
{
    return (aire_span){span.text + length, span.length - length};
}

/* ---- fences ---- */

size_t aire__fence_opens(const aire_line *line, aire_span *info)
{
    size_t at = aire__line_indent(line), marks = 0;
    char mark = at < line->length ? line->text[at] : '\0';
    if (mark != '`' && mark != '~')
        return 0;
    while (at + marks < line->length && line->text[at + marks] == mark)
        marks++;
    if (marks < 3)
        return 0;
    *info = aire__span_trim((aire_span){line->text + at + marks, line->length - at - marks});
    return memchr(info->text, '`', info->length) ? 0 : marks;
}

bool aire__fence_closes(const aire_line *line, size_t marks, size_t indent)
{
    aire_span info;
    return aire__line_indent(line) <= indent && aire__fence_opens(line, &info) >= marks &&
           info.length == 0;
}

/* ---- markers ---- */

/* How often `mark` stands at the beginning; also as an HTML entity. */
static size_t count_marks(aire_span *span, char mark, const char *entity)
{
    size_t count = 0, length = entity ? strlen(entity) : 0;
    for (;; count++) {
        if (span->length && *span->text == mark)
            *span = span_after(*span, 1);
        else if (length && span_begins(*span, entity))
            *span = span_after(*span, length);
        else
            return count;
    }
}

static bool take_word(aire_span *span, const char *const *words)
{
    aire_span rest = aire__span_trim(*span);
    for (; *words; words++) {
        size_t length = strlen(*words);
        if (span_begins(rest, *words) &&
            (rest.length == length || !isalnum((unsigned char)rest.text[length]))) {
            rest = span_after(rest, length);
            while (rest.length && (*rest.text == ':' || *rest.text == ' '))
                rest = span_after(rest, 1);
            *span = rest;
            return true;
        }
    }
    return false;
}

static aire_mark block_mark(aire_span span, aire_span *rest)
{
    static const char *const old_words[] = {"SEARCH", "ORIGINAL", "OLD",     "BEFORE",
                                            "FIND",   "HEAD",     "CURRENT", NULL};
    static const char *const new_words[] = {"REPLACE", "UPDATED", "NEW", "AFTER", "UPDATE", NULL};
    aire_span at = span;
    size_t marks = count_marks(&at, '<', "&lt;");
    bool dashes = marks == 0 && span.length && *span.text == '-';
    if (dashes)
        marks = count_marks(&at, '-', NULL);
    *rest = at;
    if (marks >= 4 && marks <= 12 && take_word(rest, old_words) && (!dashes || marks >= 5))
        return AIRE_MARK_SEARCH;
    *rest = at;
    if (marks >= 4 && marks <= 12 && !dashes && take_word(rest, new_words))
        return AIRE_MARK_REPLACE; /* the wrong way round */
    at = span;
    marks = count_marks(&at, '=', NULL);
    if (marks >= 5 && marks <= 9 && at.length == 0)
        return AIRE_MARK_DIVIDER;
    *rest = at;
    if (marks >= 5 && marks <= 9 && take_word(rest, new_words))
        return AIRE_MARK_REPLACE;
    at = span;
    marks = count_marks(&at, '>', "&gt;");
    *rest = at;
    if (marks >= 5 && marks <= 12 &&
        (at.length == 0 || take_word(rest, new_words) || *at.text == ' '))
        return AIRE_MARK_REPLACE;
    at = span;
    marks = count_marks(&at, '+', NULL);
    *rest = at;
    if (marks >= 5 && marks <= 9 && take_word(rest, new_words))
        return AIRE_MARK_REPLACE;
    return AIRE_MARK_NONE;
}

static aire_mark envelope_mark(aire_span span, aire_span *rest)
{
    static const struct {
        const char *words;
        aire_mark mark;
    } marks[] = {
        {"Begin Patch", AIRE_MARK_BEGIN},       {"End Patch", AIRE_MARK_END},
        {"Update File:", AIRE_MARK_UPDATE},     {"Add File:", AIRE_MARK_ADD},
        {"Create File:", AIRE_MARK_ADD},        {"Delete File:", AIRE_MARK_DELETE},
        {"Move to:", AIRE_MARK_MOVE},           {"Move File To:", AIRE_MARK_MOVE},
        {"End of File", AIRE_MARK_END_OF_FILE},
    };
    span = aire__span_trim(span_after(span, 3));
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (span_begins(span, marks[i].words)) {
            *rest = aire__span_trim(span_after(span, strlen(marks[i].words)));
            while (rest->length >= 3 && memcmp(rest->text + rest->length - 3, "***", 3) == 0)
                *rest = aire__span_trim((aire_span){rest->text, rest->length - 3});
            return marks[i].mark;
        }
    return AIRE_MARK_NONE;
}

aire_mark aire__mark_of(const aire_line *line, aire_span *rest)
{
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    *rest = (aire_span){span.text, 0};
    if (span.length < 5)
        return AIRE_MARK_NONE;
    if (memcmp(span.text, "***", 3) == 0)
        return envelope_mark(span, rest);
    return strchr("<=>+-&", *span.text) ? block_mark(span, rest) : AIRE_MARK_NONE;
}

/* ---- names of files ---- */

static bool in_path(char c)
{
    return isalnum((unsigned char)c) || strchr("_./-+@~", c) || (unsigned char)c >= 0x80;
}

/* Whether a token looks like a name: with a directory, or with an ending that begins with a letter.
 */
static bool looks_like_path(aire_span token)
{
    static const char *const known[] = {"Makefile", "Dockerfile", "CMakeLists.txt", NULL};
    size_t letters = 0, dot = 0;
    if (token.length < 3 || token.length > 512)
        return false;
    for (size_t i = 0; i < token.length; i++) {
        letters += isalnum((unsigned char)token.text[i]) != 0;
        if (token.text[i] == '.')
            dot = i;
    }
    for (size_t i = 0; known[i]; i++)
        if (strlen(known[i]) == token.length && memcmp(known[i], token.text, token.length) == 0)
            return true;
    size_t ending = token.length - dot - 1;
    bool ends_well =
        dot > 0 && ending > 0 && ending <= 8 && isalpha((unsigned char)token.text[dot + 1]);
    for (size_t i = dot + 1; ends_well && i < token.length; i++)
        ends_well = isalnum((unsigned char)token.text[i]) != 0 || token.text[i] == '+';
    if (span_begins(token, "http") || (ending == 1 && span_begins(token, "e.g")) ||
        (ending == 1 && span_begins(token, "i.e")))
        return false;
    return letters > 1 && ends_well;
}

static aire_span clean_token(aire_span token)
{
    while (token.length && strchr(".-+~", token.text[token.length - 1]))
        token.length--;
    return token;
}

/* The first piece like a name from `at` on. */
static bool next_path(aire_span line, size_t at, aire_span *path)
{
    while (at < line.length) {
        size_t from = at;
        while (at < line.length && in_path(line.text[at]))
            at++;
        aire_span token = clean_token((aire_span){line.text + from, at - from});
        if (looks_like_path(token)) {
            *path = token;
            return true;
        }
        at++;
    }
    return false;
}

static bool quoted_path(aire_span line, aire_span *path)
{
    const char *open = memchr(line.text, '`', line.length);
    while (open) {
        size_t left = (size_t)(line.text + line.length - open) - 1;
        const char *close = left ? memchr(open + 1, '`', left) : NULL;
        if (!close)
            return false;
        aire_span token = aire__span_trim((aire_span){open + 1, (size_t)(close - open) - 1});
        bool whole = token.length > 0;
        for (size_t i = 0; i < token.length; i++)
            whole = whole && in_path(token.text[i]);
        if (whole && looks_like_path(token)) {
            *path = token;
            return true;
        }
        left = (size_t)(line.text + line.length - close) - 1;
        open = left ? memchr(close + 1, '`', left) : NULL;
    }
    return false;
}

/* Letters and digits beside the name, those of words such as "File:" not counted. */
static size_t other_letters(aire_span line, aire_span path)
{
    static const char *const words[] = {"filename", "file", "path", "new",  "updated",
                                        "modified", "full", "in",   "edit", NULL};
    size_t count = 0;
    for (size_t i = 0; i < line.length;) {
        if (line.text + i == path.text) {
            i += path.length;
            continue;
        }
        size_t word = 0;
        while (i + word < line.length && isalnum((unsigned char)line.text[i + word]) &&
               line.text + i + word != path.text)
            word++;
        size_t k = 0;
        while (words[k] && (strlen(words[k]) != word || strncasecmp(words[k], line.text + i, word)))
            k++;
        count += words[k] ? 0 : word;
        i += word ? word : 1;
    }
    return count;
}

bool aire__find_path(aire_span line, aire_span *path, bool *strong)
{
    line = aire__span_trim(line);
    if (line.length > 1024 || !(quoted_path(line, path) || next_path(line, 0, path)))
        return false;
    *strong = other_letters(line, *path) <= 2;
    return true;
}

bool aire__names_others(aire_span line, aire_span path)
{
    aire_span found;
    for (size_t at = 0; line.length <= 1024 && next_path(line, at, &found);
         at = (size_t)(found.text - line.text) + found.length)
        if (found.length != path.length || memcmp(found.text, path.text, path.length) != 0)
            return true;
    return false;
}

bool aire__comment_names_path(const aire_line *line, aire_span *path)
{
    static const char *const openings[] = {"#", "//", "/*", "--", "<!--", ";", "%", NULL};
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    bool strong;
    for (size_t i = 0; openings[i]; i++)
        if (span_begins(span, openings[i]))
            return aire__find_path(span, path, &strong) && strong && !span_begins(span, "#!") &&
                   !span_begins(span, "#include");
    return false;
}

/* ---- what stands for lines that were left out ---- */

/* Past "...", as three or more dots or one character. */
static bool take_dots(aire_span *span)
{
    if (span_begins(*span, "\xe2\x80\xa6")) {
        *span = span_after(*span, 3);
        return true;
    }
    size_t dots = 0;
    while (dots < span->length && span->text[dots] == '.')
        dots++;
    *span = span_after(*span, dots >= 3 ? dots : 0);
    return dots >= 3;
}

static aire_span uncomment(aire_span span)
{
    span = aire__span_trim(span);
    while (span.length && strchr("#/*;%!-<([{", *span.text))
        span = aire__span_trim(span_after(span, 1));
    while (span.length && strchr("#/*>-)]}", span.text[span.length - 1]))
        span = aire__span_trim((aire_span){span.text, span.length - 1});
    return span;
}

bool aire__is_elision(const aire_line *line)
{
    aire_span span = uncomment((aire_span){line->text, line->length});
    if (!take_dots(&span))
        return false;
    span = aire__span_trim(span);
    return span.length == 0 || aire__is_worded_elision(line);
}

static bool has_any(aire_span span, const char *const *words)
{
    for (; span.length > 0; span = span_after(span, 1))
        for (size_t k = 0; words[k]; k++)
            if (span_begins(span, words[k]))
                return true;
    return false;
}

bool aire__is_worded_elision(const aire_line *line)
{
    static const char *const phrases[] = {
        "rest of the code", "rest of the file",  "rest of the function", "rest of file",
        "rest of code",     "remains the same",  "remains unchanged",    "remain unchanged",
        "existing code",    "unchanged code",    "omitted for brevity",  "same as before",
        "code unchanged",   "rest is unchanged", "rest unchanged",       NULL};
    static const char *const words[] = {
        "existing",   "rest of",   "unchanged", "remain",    "same as",       "previous", "omitted",
        "other code", "as before", "keep the",  "stays the", "original code", NULL};
    aire_span span = uncomment((aire_span){line->text, line->length});
    aire_span whole = span;
    bool comment = aire__line_indent(line) < line->length &&
                   strchr("#/*;%!-<", line->text[aire__line_indent(line)]);
    bool dots = take_dots(&span);
    for (size_t i = 0; !dots && i + 2 < whole.length; i++) {
        if (!comment && i + 3 < whole.length)
            continue;
        aire_span tail = span_after(whole, i);
        dots = take_dots(&tail);
    }
    if (whole.length > 100)
        return false;
    return has_any(whole, phrases) ? comment : dots && has_any(whole, words);
}
