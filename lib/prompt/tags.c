/*
 * The tags of an answer, as models write them.
 *
 * In brackets, a bare tag counts anywhere but in code: "[Experiment]". At the start of a line,
 * after list marks, heading marks, stars and numbers, a tag may have a number and a title: "### 2.
 * [Experiment 2: Warm up]", and its brackets may be others: "<Experiment>". A tag without brackets
 * must look like a heading: "## Experiment 2: Warm up", "**End**", "Code Changes:".
 *
 * A fence that begins inside an idea holds code, and nothing in it is a tag, unless it is never
 * closed: then it would swallow the ideas that follow.
 */
#include "prompt/tags.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { SUFFIX_MAX = 200 };

typedef struct tag_name {
    const char *name;
    aire_tag_kind kind;
    bool bare; /* counts without brackets */
} tag_name;

/* Longer names first. */
static const tag_name names[] = {
    {"experiment", AIRE_TAG_EXPERIMENT, true}, {"code changes", AIRE_TAG_CHANGES, true},
    {"code change", AIRE_TAG_CHANGES, true},   {"code_changes", AIRE_TAG_CHANGES, false},
    {"code-changes", AIRE_TAG_CHANGES, false}, {"codechanges", AIRE_TAG_CHANGES, false},
    {"changes", AIRE_TAG_CHANGES, false},      {"implementation", AIRE_TAG_CHANGES, false},
    {"idea", AIRE_TAG_EXPERIMENT, false},      {"end", AIRE_TAG_END, true},
};

/* Pairs of brackets around a tag; those after the first only at the start of a line. */
static const struct {
    const char *open, *close;
} brackets[] = {{"[", "]"}, {"<", ">"}, {"\xe3\x80\x90", "\xe3\x80\x91"}, {"\\[", "\\]"}};

static const tag_name *match_name(const char *at)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i].name);
        if (strncasecmp(at, names[i].name, length) == 0 && !isalnum((unsigned char)at[length]) &&
            at[length] != '_')
            return &names[i];
    }
    return NULL;
}

static const char *skip(const char *at, const char *set)
{
    return at + strspn(at, set);
}

/* Past list marks, heading marks, quotes, stars and a number: "> ## **2.** ". */
static const char *skip_decoration(const char *at)
{
    for (;;) {
        const char *after = skip(at, " \t#*_>-`");
        const char *digits = skip(after, "0123456789");
        if (digits > after && (*digits == '.' || *digits == ')'))
            after = digits + 1;
        if (after == at)
            return at;
        at = after;
    }
}

static bool has_letters(const char *from, const char *to)
{
    for (; from < to; from++)
        if (isalpha((unsigned char)*from) || (unsigned char)*from >= 0x80)
            return true;
    return false;
}

/* What stands between the name and the closing bracket: nothing, a number, a title. */
static bool read_suffix(const char *at, const char *closing, bool at_line_start, aire_tag *tag)
{
    const char *close = at + strcspn(at, closing[0] == ']' ? "[]\n" : "\n");
    if (closing[0] != ']')
        close = memmem(at, (size_t)(close - at), closing, strlen(closing));
    if (!close || !aire__starts_with(close, closing) || close - at > SUFFIX_MAX)
        return false;
    const char *suffix = skip(at, " *:");
    tag->end = close + strlen(closing);
    if (suffix == close)
        return true;
    if (!at_line_start)
        return false;
    suffix = skip(suffix, " #0123456789");
    suffix = skip(suffix, " :.-");
    if (tag->kind == AIRE_TAG_EXPERIMENT && has_letters(suffix, close)) {
        tag->title = suffix;
        tag->title_end = close;
    }
    return true;
}

/* "[Experiment]" and its kin, at an opening bracket of kind `pair`. */
static bool read_bracket(const char *at, size_t pair, bool at_line_start, aire_tag *tag)
{
    const char *name = at + strlen(brackets[pair].open);
    name = skip(name + (*name == '['), " *");
    bool closing = *name == '/';
    if (closing)
        name++;
    const tag_name *match = match_name(name);
    if (!match || (!at_line_start && match->kind == AIRE_TAG_CHANGES &&
                   !aire__starts_with(match->name, "code")))
        return false;
    *tag = (aire_tag){.kind = match->kind, .start = at, .name = match->name, .firm = at_line_start};
    const char *after = name + strlen(match->name);
    if (!read_suffix(after, brackets[pair].close, at_line_start, tag))
        return false;
    /* "[Idea 12] was better" speaks of an earlier idea. */
    const char *rest = skip(tag->end, " \t\r*_:");
    if (match->kind == AIRE_TAG_EXPERIMENT && !match->bare && tag->end > after + 1 && *rest &&
        *rest != '\n')
        return false;
    if (closing && match->kind != AIRE_TAG_END)
        tag->kind = AIRE_TAG_IGNORED;
    tag->end = skip(tag->end, "]*_:`");
    return true;
}

/* A tag in brackets at the start of a line. */
static bool read_bracketed_line(const char *at, aire_tag *tag)
{
    for (size_t pair = 0; pair < sizeof brackets / sizeof *brackets; pair++)
        if (aire__starts_with(at, brackets[pair].open) && read_bracket(at, pair, true, tag))
            return true;
    return false;
}

/* A colon or one of its kin: the number of its bytes, or 0. */
static size_t colon_size(const char *at)
{
    if (*at == ':' || *at == '.' || *at == '-')
        return 1;
    if (aire__starts_with(at, "\xe2\x80\x93") || aire__starts_with(at, "\xe2\x80\x94") ||
        aire__starts_with(at, "\xef\xbc\x9a")) /* dashes, the wide colon */
        return 3;
    return 0;
}

/* Whether the decoration of a line, up to `at`, makes it a heading; *hash: by heading marks. */
static bool is_emphasised(const char *line, const char *at, bool *hash)
{
    bool bold = false;
    *hash = memchr(line, '#', (size_t)(at - line)) != NULL;
    for (const char *star = line; star + 1 < at; star++)
        bold |= star[0] == '*' && star[1] == '*';
    return bold || *hash;
}

/*
 * A heading: "## Experiment 2: Warm up", where `line` begins and its decoration ends at `at`. In
 * the text of an idea, "## Experiment design" is none; elsewhere it is.
 */
static bool read_heading(const char *line, const char *at, aire_tag_place place, aire_tag *tag)
{
    const tag_name *match = match_name(at);
    if (!match)
        return false;
    bool hash, emphasised = is_emphasised(line, at, &hash);
    const char *after = skip(at + strlen(match->name), " *_");
    const char *digits = skip(after, "#");
    const char *number_end = skip(digits, "0123456789");
    const char *rest = skip(number_end, " *_");
    size_t colon = colon_size(rest);
    bool nothing = *rest == '\n' || *rest == '\r' || *rest == '\0';
    bool closed = emphasised && !hash && aire__starts_with(at + strlen(match->name), "**");
    bool marked = closed ||
                  (number_end > digits && (hash || aire__starts_with(number_end, "**"))) ||
                  (hash && match->kind == AIRE_TAG_EXPERIMENT && place != AIRE_TAG_IN_TEXT);
    if (!(emphasised && (colon || nothing || (marked && match->bare))) &&
        !(match->bare && colon && *rest != '.' && *rest != '-'))
        return false;
    if (match->kind == AIRE_TAG_END && !nothing)
        return false;
    *tag = (aire_tag){.kind = match->kind,
                      .start = line,
                      .name = match->name,
                      .firm = true,
                      .heading = true,
                      .end = skip(rest + colon, ":.-*_ ")};
    return true;
}

/* Whether a bracket that something stands before is that of "array[end]" or "{[End] = 1}". */
static bool is_index(const char *at)
{
    return isalnum((unsigned char)at[-1]) || strchr("_){(", at[-1]);
}

/* Whether a line begins or ends a fence; *named: it says what is in it, and so begins one. */
static bool is_fence(const char *line, bool *named)
{
    const char *mark = skip(line, " \t");
    if (!aire__starts_with(mark, "```") && !aire__starts_with(mark, "~~~"))
        return false;
    const char *rest = skip(mark, "`~ \t\r");
    *named = *rest && *rest != '\n';
    return true;
}

/*
 * Where the code ends that a fence, which began on the line before `at`, holds; NULL if the fence
 * is not closed before the next idea begins, another one begins, or the text ends.
 */
static const char *code_end(const char *at)
{
    bool ended = false;
    while (*at) {
        aire_tag tag;
        const char *next = at + strcspn(at, "\n");
        next += *next == '\n';
        bool named;
        if (is_fence(at, &named))
            return named ? NULL : next;
        if (read_bracketed_line(skip_decoration(at), &tag)) {
            if (ended && tag.kind == AIRE_TAG_EXPERIMENT)
                return NULL;
            ended |= tag.kind == AIRE_TAG_END;
        }
        at = next;
    }
    return NULL;
}

/* A fence on this line: past the code if it holds some, else it surrounds ideas, or ends to. */
static void pass_fence(aire_tag_scan *scan)
{
    const char *next = scan->line + strcspn(scan->line, "\n");
    const char *end = scan->place && *next ? code_end(next + 1) : NULL;
    if (end)
        next = end;
    else {
        if (scan->fenced)
            scan->place = AIRE_TAG_OUTSIDE; /* what is around the idea ends */
        scan->fenced = !scan->place && !scan->fenced;
        next += *next == '\n';
    }
    scan->at = scan->line = next;
}

static bool found_at_line_start(aire_tag_scan *scan, aire_tag *out)
{
    const char *mark = skip_decoration(scan->line);
    bool found = read_bracketed_line(mark, out);
    if (found)
        out->start = scan->line;
    else
        found =
            (!scan->fenced || scan->everywhere) && read_heading(scan->line, mark, scan->place, out);
    if (found) {
        scan->at = out->end;
        scan->line = NULL; /* what follows on this line is not at its start */
    }
    return found;
}

static bool found_in_line(aire_tag_scan *scan, aire_tag *out)
{
    if (*scan->at != '[' || scan->fenced || is_index(scan->at) ||
        !read_bracket(scan->at, 0, false, out))
        return false;
    scan->at = out->end;
    return true;
}

static void note(aire_tag_scan *scan, const aire_tag *tag)
{
    if (tag->kind == AIRE_TAG_EXPERIMENT)
        scan->place = AIRE_TAG_IN_TEXT;
    else if (tag->kind == AIRE_TAG_END)
        scan->place = AIRE_TAG_OUTSIDE;
    else if (tag->kind == AIRE_TAG_CHANGES && (tag->firm || scan->place))
        scan->place = AIRE_TAG_IN_CHANGES;
}

bool aire__tag_next(aire_tag_scan *scan, aire_tag *out)
{
    bool named;
    while (*scan->at) {
        if (scan->at == scan->line && is_fence(scan->line, &named)) {
            pass_fence(scan);
            continue;
        }
        if (scan->at == scan->line ? found_at_line_start(scan, out) : found_in_line(scan, out)) {
            note(scan, out);
            return true;
        }
        if (*scan->at++ == '\n')
            scan->line = scan->at;
    }
    return false;
}
