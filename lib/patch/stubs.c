/* Comments that only stand for code, in words. */
#include "patch/stubs.h"

#include <string.h>
#include <strings.h>

#include "patch/marks.h"

enum { STUB_WIDTH = 100, LOOKS_MAX = 64 };

static bool has_words(aire_span span, const char *words)
{
    size_t length = strlen(words);
    for (; span.length >= length; span = (aire_span){span.text + 1, span.length - 1})
        if (strncasecmp(span.text, words, length) == 0)
            return true;
    return false;
}

static bool has_one(aire_span span, const char *const *list)
{
    for (; *list; list++)
        if (has_words(span, *list))
            return true;
    return false;
}

/* A comment, a string that stands for itself, or brackets around words. */
static bool is_remark(aire_span span)
{
    static const char *const openings[] = {"#",      "//",  "/*", "--", "<!--", ";", "%",
                                           "\"\"\"", "'''", "[",  "(",  "{/*",  NULL};
    for (size_t i = 0; openings[i]; i++)
        if (span.length > strlen(openings[i]) &&
            memcmp(span.text, openings[i], strlen(openings[i])) == 0)
            return true;
    return false;
}

/* "# ... (same) ..." */
static bool has_dots(aire_span span)
{
    while (span.length && strchr("#/*;%!-<([{ \"'", *span.text))
        span = (aire_span){span.text + 1, span.length - 1};
    while (span.length && strchr("*/>-)]} \"'", span.text[span.length - 1]))
        span.length--;
    return span.length >= 3 && memcmp(span.text, "...", 3) == 0 &&
           memcmp(span.text + span.length - 3, "...", 3) == 0;
}

bool aire__is_stub(const aire_line *line)
{
    static const char *const alone[] = {"unchanged",
                                        "as before",
                                        "same as",
                                        "as original",
                                        "as in the original",
                                        "not changed",
                                        "no change",
                                        "not modified",
                                        "for brevity",
                                        "omitted",
                                        "not shown",
                                        "stays the same",
                                        "stay the same",
                                        "remains the same",
                                        "remain the same",
                                        "kept as is",
                                        "left as is",
                                        "goes here",
                                        "code here",
                                        "remains as",
                                        "remain as",
                                        NULL};
    static const char *const which[] = {"rest",     "remaining", "previous", "other", "existing",
                                        "original", "same",      "your",     NULL};
    static const char *const what[] = {"code",     "function", "method",         "class",
                                       "loop",     "body",     "implementation", "logic",
                                       "the file", "lines",    "section",        "definitions",
                                       "imports",  "layers",   "helpers",        NULL};
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    if (span.length > STUB_WIDTH || !is_remark(span))
        return false;
    return has_dots(span) || has_one(span, alone) || (has_one(span, which) && has_one(span, what));
}

static bool is_moved(const aire_edits *edits, const aire_hunk *hunk, const aire_line *line)
{
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *there = &edits->lines[hunk->first + i];
        if (there->op != '+' && aire__line_equal(&there->line, line))
            return true;
    }
    return false;
}

size_t aire__stub_of(const aire_edits *edits, const aire_hunk *hunk)
{
    size_t added = 0, removed = 0;
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *line = &edits->lines[hunk->first + i];
        bool blank = aire__line_is_blank(&line->line);
        added += line->op == '+' && !blank;
        removed += line->op == '-' && !blank;
    }
    for (size_t i = 0, looks = 0; i < hunk->count && removed > added; i++) {
        const aire_hunk_line *line = &edits->lines[hunk->first + i];
        if (line->op == '+' && aire__is_stub(&line->line) &&
            (looks++ == LOOKS_MAX || !is_moved(edits, hunk, &line->line)))
            return hunk->first + i;
    }
    return SIZE_MAX;
}
