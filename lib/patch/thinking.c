/* Thinking that was left in an answer. */
#include "patch/thinking.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "patch/marks.h"

typedef struct tag {
    const char *opens, *closes;
    bool model; /* a model's own mark: its beginning may be missing */
} tag;

static const tag tags[] = {
    {"<think>", "</think>", true},
    {"<thinking>", "</thinking>", true},
    {"[THINK]", "[/THINK]", true},
    {"\xe2\x97\x81think\xe2\x96\xb7", "\xe2\x97\x81/think\xe2\x96\xb7", true},
    {"<thought>", "</thought>", false},
    {"<thoughts>", "</thoughts>", false},
    {"<reasoning>", "</reasoning>", false},
    {"<reason>", "</reason>", false},
    {"<scratchpad>", "</scratchpad>", false},
    {"<analysis>", "</analysis>", false},
    {"<reflection>", "</reflection>", false},
    {"<plan>", "</plan>", false},
    {"<planning>", "</planning>", false},
    {"<brainstorm>", "</brainstorm>", false},
    {"<draft>", "</draft>", false},
};

enum { TAG_COUNT = sizeof tags / sizeof *tags, LOOKS_MAX = 16 };

static const char channel_opens[] = "<|channel|>";
static const char channel_final[] = "<|channel|>final<|message|>";

typedef struct search {
    const char *text, *end; /* of all */
    const char *first_text; /* that is not blank */
    const char *answer;     /* as far as is known */
    const tag *open;        /* whose end is looked for */
    bool first;             /* and nothing stands before it */
    bool channel;           /* one that is not the last was opened */
    size_t fence;           /* marks of the fence that is open; 0: none */
    bool block;             /* between the marks of a block */
    size_t looks;           /* ahead, in all of the text: they are bounded */
} search;

static bool begins(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && strncasecmp(at, word, length) == 0;
}

static bool ends_with(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(end - length, word, length) == 0;
}

static const char *find(const char *at, const char *end, const char *word)
{
    for (; at < end; at++)
        if (tolower((unsigned char)*at) == tolower((unsigned char)*word) && begins(at, end, word))
            return at;
    return NULL;
}

static bool is_quoted(const search *s, const char *at)
{
    return at > s->text && strchr("`\"'", at[-1]);
}

/* Whether a tag that nothing opened ends thinking: it ends its line, or an answer begins right
 * behind it. */
static bool is_meant(const char *after, const char *end)
{
    const char *rest = after;
    while (rest < end && (*rest == ' ' || *rest == '\t' || *rest == '\r'))
        rest++;
    return rest == end || strchr("[{#*<`~", *rest) ||
           (rest == after && isupper((unsigned char)*rest));
}

/* The end of thinking in a line whose beginning was lost; NULL if there is none. A pair of tags on
 * one line is talk about such tags, and lines of a patch are no thinking. */
static const char *lost_end(const search *s, const char *at, const char *end)
{
    const char *found = NULL;
    if (s->fence || s->block || at == end || strchr("+- \t", *at))
        return NULL;
    for (size_t i = 0; i < TAG_COUNT; i++) {
        const char *close = tags[i].model ? find(at, end, tags[i].closes) : NULL;
        const char *after = close ? close + strlen(tags[i].closes) : NULL;
        if (close && !is_quoted(s, close) && is_meant(after, end) &&
            !find(at, close, tags[i].opens) && (!found || after > found))
            found = after;
    }
    return found;
}

static const tag *opening(const char *at, const char *end)
{
    for (size_t i = 0; i < TAG_COUNT; i++)
        if (begins(at, end, tags[i].opens))
            return &tags[i];
    return NULL;
}

/* Past the end of the open tag, if the line has it. */
static const char *close_open(search *s, const char *at, const char *end)
{
    const char *close = find(at, end, s->open->closes);
    while (close && is_quoted(s, close))
        close = find(close + 1, end, s->open->closes);
    if (!close)
        return NULL;
    s->answer = close + strlen(s->open->closes);
    s->open = NULL;
    s->fence = 0;
    s->block = false;
    return s->answer;
}

static void look_at_forms(search *s, const aire_line *line)
{
    aire_span rest;
    aire_mark mark = aire__mark_of(line, &rest);
    size_t marks = aire__fence_opens(line, &rest);
    if (s->fence ? aire__fence_closes(line, s->fence, SIZE_MAX) : marks > 0)
        s->fence = s->fence ? 0 : marks;
    if (mark == AIRE_MARK_SEARCH)
        s->block = true;
    else if (mark == AIRE_MARK_REPLACE)
        s->block = false;
}

/* Channels end each other; the last one holds the answer. */
static void look_for_channel(search *s, const char *at, const char *end)
{
    for (const char *mark = find(at, end, channel_opens); mark;
         mark = find(mark + 1, end, channel_opens)) {
        if (mark > at && mark[-1] != '>' && !ends_with(at, mark, "assistant"))
            continue;
        bool last = begins(mark, end, channel_final);
        s->channel = !last;
        if (last) {
            s->answer = mark + strlen(channel_final);
            s->open = NULL;
            s->fence = 0;
            s->block = false;
        }
    }
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    return at;
}

/* Whether a line begins a patch of some form, or a fence. */
static bool is_form(const char *at, const char *end)
{
    aire_line line = {at, (size_t)(end - at), (size_t)(end - at)};
    aire_span rest;
    aire_mark mark = aire__mark_of(&line, &rest);
    return mark == AIRE_MARK_SEARCH || mark >= AIRE_MARK_BEGIN ||
           aire__fence_opens(&line, &rest) > 0 || aire__line_begins(&line, "--- ") ||
           aire__line_begins(&line, "diff --git ") || aire__line_begins(&line, "@@");
}

/* Whether what a tag opens is closed, and holds a patch. */
static bool holds_patch(const search *s, const char *at, const char *closes)
{
    const char *close = find(at, s->end, closes);
    for (const char *end; close && at < close; at = end + 1) {
        const char *newline = memchr(at, '\n', (size_t)(close - at));
        end = newline ? newline : close;
        if (is_form(at, end))
            return true;
    }
    return false;
}

/* A tag around the answer itself: what stands before it is not meant. */
static void look_for_answer(search *s, const char *at, const char *end)
{
    static const char *const pairs[][2] = {{"<answer>", "</answer>"},
                                           {"<final_answer>", "</final_answer>"},
                                           {"<final>", "</final>"},
                                           {"<solution>", "</solution>"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !s->fence && !s->block; i++)
        if (begins(at, end, pairs[i][0]) && s->looks++ < LOOKS_MAX &&
            holds_patch(s, at + strlen(pairs[i][0]), pairs[i][1])) {
            s->answer = at + strlen(pairs[i][0]);
            return;
        }
}

static void look_at(search *s, const char *at, const char *end)
{
    const char *from = at, *after;
    look_for_channel(s, at, end);
    if (s->answer > from)
        from = s->answer;
    if (s->open && !(from = close_open(s, from, end)))
        return;
    if (from == at)
        look_for_answer(s, at, end);
    bool first = s->first_text >= at;
    from = from > at || first ? skip_blanks(from, end) : from; /* a line of a diff has a blank */
    const tag *next = s->fence || s->block ? NULL : opening(from, end);
    if (next) {
        s->first = first && from == s->first_text;
        s->open = next;
        from += strlen(next->opens);
        if (!(from = close_open(s, from, end)))
            return;
    } else if ((after = lost_end(s, from == s->answer ? from : at, end))) {
        s->answer = from = after;
        s->fence = 0;
    }
    look_at_forms(s, &(aire_line){from, (size_t)(end - from), (size_t)(end - from)});
}

size_t aire__thinking_end(const char *text, size_t length, bool *open)
{
    search s = {.text = text, .end = text + length, .answer = text};
    s.first_text = skip_blanks(text, s.end);
    for (const char *at = text; at < s.end;) {
        const char *newline = memchr(at, '\n', (size_t)(s.end - at));
        const char *end = newline ? newline : s.end;
        look_at(&s, at, end);
        at = newline ? newline + 1 : s.end;
    }
    *open = (s.open && (s.open->model || s.first)) || s.channel;
    return (size_t)(s.answer - text);
}
