/*
 * The tags of an answer, as models write them.
 *
 * In brackets, a bare tag counts anywhere but in code: "[Experiment]". At the start of a line,
 * after list marks, heading marks, stars and numbers, a tag may have a number and a title: "### 2.
 * [Experiment 2: Warm up]". A tag without brackets must look like a heading: "## Experiment 2: Warm
 * up",
 * "**End**", "Code Changes:".
 */
#include "prompt/tags.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

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
    {"idea", AIRE_TAG_EXPERIMENT, false},      {"end", AIRE_TAG_END, true},
};

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
        const char *after = skip(at, " \t#*_>-");
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
static bool read_suffix(const char *at, bool at_line_start, aire_tag *tag)
{
    const char *close = at + strcspn(at, "[]\n");
    if (*close != ']' || close - at > SUFFIX_MAX)
        return false;
    const char *suffix = skip(at, " *");
    if (suffix == close) {
        tag->end = close + 1;
        return true;
    }
    if (!at_line_start)
        return false;
    suffix = skip(suffix, " #0123456789");
    suffix = skip(suffix, " :.-");
    if (tag->kind == AIRE_TAG_EXPERIMENT && has_letters(suffix, close)) {
        tag->title = suffix;
        tag->title_end = close;
    }
    tag->end = close + 1;
    return true;
}

/* "[Experiment]" and its kin, at an opening bracket. */
static bool read_bracket(const char *at, bool at_line_start, aire_tag *tag)
{
    const char *name = skip(at + 1, " *");
    bool closing = *name == '/';
    if (closing)
        name++;
    const tag_name *match = match_name(name);
    if (!match)
        return false;
    *tag = (aire_tag){.kind = match->kind, .start = at};
    const char *after = name + strlen(match->name);
    if (!read_suffix(after, at_line_start, tag))
        return false;
    /* "[Idea 12] was better" speaks of an earlier idea. */
    const char *rest = skip(tag->end, " \t\r*_:");
    if (match->kind == AIRE_TAG_EXPERIMENT && !match->bare && tag->end > after + 1 && *rest &&
        *rest != '\n')
        return false;
    if (closing)
        tag->kind = AIRE_TAG_IGNORED;
    tag->end = skip(tag->end, "*_:");
    return true;
}

/* A heading: "## Experiment 2: Warm up", where `line` begins and its decoration ends at `at`. */
static bool read_heading(const char *line, const char *at, aire_tag *tag)
{
    const tag_name *match = match_name(at);
    if (!match)
        return false;
    bool emphasised = memchr(line, '#', (size_t)(at - line)) != NULL;
    for (const char *star = line; star + 1 < at; star++)
        emphasised |= star[0] == '*' && star[1] == '*';
    const char *rest = skip(at + strlen(match->name), " *_");
    rest = skip(skip(rest, "#"), "0123456789");
    rest = skip(rest, " *_");
    bool colon = *rest == ':' || *rest == '.' || *rest == '-';
    bool nothing = *rest == '\n' || *rest == '\r' || *rest == '\0';
    if (!(emphasised && (colon || nothing)) && !(match->bare && *rest == ':'))
        return false;
    if (match->kind == AIRE_TAG_END && !nothing)
        return false;
    *tag = (aire_tag){.kind = match->kind, .start = line, .end = skip(rest, ":.-*_ ")};
    return true;
}

/* Whether the bracket before which there is something is that of "array[end]". */
static bool is_index(const char *at)
{
    return isalnum((unsigned char)at[-1]) || at[-1] == '_' || at[-1] == ')';
}

bool aire__tag_next(aire_tag_scan *scan, aire_tag *out)
{
    while (*scan->at) {
        if (scan->at == scan->line) {
            const char *mark = skip_decoration(scan->line);
            if (strncmp(skip(scan->line, " \t"), "```", 3) == 0)
                scan->fenced = !scan->fenced;
            bool found = *mark == '[' && read_bracket(mark, true, out);
            if (found)
                out->start = scan->line;
            else
                found = !scan->fenced && read_heading(scan->line, mark, out);
            if (found) {
                scan->at = out->end;
                scan->line = NULL; /* what follows on this line is not at its start */
                return true;
            }
        } else if (*scan->at == '[' && !scan->fenced && !is_index(scan->at) &&
                   read_bracket(scan->at, false, out)) {
            scan->at = out->end;
            return true;
        }
        if (*scan->at++ == '\n')
            scan->line = scan->at;
    }
    return false;
}
