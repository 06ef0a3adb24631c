/* Added lines in the style of the file: as its author would have typed them there. */
#ifndef AIRE_PATCH_RESTYLE_H
#define AIRE_PATCH_RESTYLE_H

#include "base/buf.h"
#include "patch/marks.h"
#include "patch/place.h"

/* What the lines of a patch went through before they came here, as far as their like in the file
 * shows it. */
typedef struct aire_habits {
    bool entities;  /* "<" became "&lt;" */
    bool dashes;    /* "-" became a long one */
    bool quotes;    /* quotes became curved */
    bool to_tabs;   /* blanks in front stand for tabs */
    bool from_tabs; /* tabs in front stand for blanks */
    size_t unit;    /* so many blanks for a tab */
} aire_habits;

aire_habits aire__habits_of(const aire_placing *placing);

/* How the added lines of a hunk are indented. */
typedef enum aire_indent_verdict {
    AIRE_INDENT_AS_IT_IS,
    AIRE_INDENT_MOVED, /* as the lines around them are */
    AIRE_INDENT_FIRST, /* only the first line of the hunk is moved */
    AIRE_INDENT_UNCLEAR
} aire_indent_verdict;

/* *removed: its removed lines tell; else the kept ones. */
aire_indent_verdict aire__indent_judge(const aire_placing *placing, size_t hunk,
                                       const aire_habits *habits, bool *removed);

/* How the added lines of one hunk are written. */
typedef struct aire_restyling {
    const aire_placing *placing;
    size_t hunk;
    const aire_habits *habits;
    aire_indent_verdict verdict;
    bool removed; /* its removed lines tell of the blanks in front; else the kept ones */
    bool inexact; /* some removed lines are not as the file has them */
} aire_restyling;

aire_restyling aire__restyling(const aire_placing *placing, size_t hunk, const aire_habits *habits);

/* Append an added line that follows `before` old lines of the hunk, without its end; `first`: it is
 * the hunk's first new line. */
void aire__restyle(const aire_restyling *r, size_t before, bool first, const aire_line *text,
                   aire_buf *to);

/* The blanks in front of it. */
void aire__indent_write(const aire_restyling *r, size_t before, bool first, aire_span indent,
                        aire_buf *to);

#endif
