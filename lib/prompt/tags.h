/* The tags of an answer, as models write them. */
#ifndef AIRE_PROMPT_TAGS_H
#define AIRE_PROMPT_TAGS_H

#include <stdbool.h>

typedef enum aire_tag_kind {
    AIRE_TAG_NONE,
    AIRE_TAG_EXPERIMENT,
    AIRE_TAG_CHANGES,
    AIRE_TAG_END,
    AIRE_TAG_IGNORED /* such as [/Experiment]: cut out, and nothing more */
} aire_tag_kind;

typedef struct aire_tag {
    aire_tag_kind kind;
    const char
        *start;      /* what is before ends here: decoration on the tag's line belongs to the tag */
    const char *end; /* what is after begins here */
    const char *title; /* "[Experiment 3: TITLE]"; NULL for none */
    const char *title_end;
    const char *name; /* the word that it was known by, such as "idea"; static */
    bool firm;        /* begins a line */
    bool heading;     /* without brackets */
} aire_tag;

/* What the scan is in; a fence that begins in an idea holds code, and no tags. */
typedef enum aire_tag_place {
    AIRE_TAG_OUTSIDE,
    AIRE_TAG_IN_TEXT,
    AIRE_TAG_IN_CHANGES
} aire_tag_place;

/* Where the scan is; starts as {.at = text, .line = text}. */
typedef struct aire_tag_scan {
    const char *at;
    const char *line; /* start of the line that `at` is in */
    bool fenced;     /* in a fence around ideas, where only lines that begin with a bracket count */
    bool everywhere; /* headings count in such a fence, too */
    aire_tag_place place;
} aire_tag_scan;

/* The next tag; false at the end of the text. */
bool aire__tag_next(aire_tag_scan *scan, aire_tag *out);

#endif
