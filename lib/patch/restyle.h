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

/* Of what indentations are multiples; that of 0 and a number is the number. */
static inline long aire__common_divisor(long a, long b)
{
    while (b > 0) {
        long rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* How the added lines of a hunk are indented. */
typedef enum aire_indent_verdict {
    AIRE_INDENT_AS_IT_IS,
    AIRE_INDENT_MOVED, /* as the lines around them are */
    AIRE_INDENT_BY,    /* all by the same */
    AIRE_INDENT_FIRST, /* only the first line of the hunk is moved */
    AIRE_INDENT_UNCLEAR
} aire_indent_verdict;

/* Lines that a hunk adds at one place: lines [line, line + count) of the hunk, behind its first
 * `before` old ones. They take the place of the old lines [old, old + removed). */
typedef struct aire_run {
    size_t line, count;
    size_t before;
    size_t old, removed;
} aire_run;

/* The run that begins at a line of a hunk. */
aire_run aire__run_at(const aire_placing *placing, size_t hunk, size_t line, size_t before);

/* How the added lines of one hunk are written. */
typedef struct aire_restyling {
    const aire_placing *placing;
    size_t hunk;
    const aire_habits *habits;
    aire_indent_verdict verdict;
    bool removed; /* its removed lines tell of the blanks in front; else the kept ones */
    bool inexact; /* some removed lines are not as the file has them */
    long by;      /* all are moved by so much */
    bool blank;   /* that is the blank which their sign took the place of */
} aire_restyling;

/* Fill in the verdict, and what belongs to it. */
void aire__indent_judge(aire_restyling *r);

aire_restyling aire__restyling(const aire_placing *placing, size_t hunk, const aire_habits *habits);

/* Append line `n` of a run, without its end. */
void aire__restyle(const aire_restyling *r, const aire_run *run, size_t n, aire_buf *to);

/* The blanks in front of it. */
void aire__indent_write(const aire_restyling *r, const aire_run *run, size_t n, aire_span indent,
                        aire_buf *to);

#endif
