/* Added lines in the style of the file: as its author would have typed them there. */
#ifndef AIRE_PATCH_RESTYLE_H
#define AIRE_PATCH_RESTYLE_H

#include "base/buf.h"
#include "patch/place.h"

/* What the lines of a patch went through before they came here, as far as their like in the file
 * shows it. */
typedef struct aire_habits {
    bool entities; /* "<" became "&lt;" */
    bool dashes;   /* "-" became a long one */
    bool quotes;   /* quotes became curved */
    bool to_tabs;  /* blanks in front stand for tabs */
    size_t unit;   /* so many blanks for a tab */
} aire_habits;

aire_habits aire__habits_of(const aire_placing *placing);

/* How the added lines of one hunk are written. */
typedef struct aire_restyling {
    const aire_placing *placing;
    size_t hunk;
    const aire_habits *habits;
    bool removed; /* its removed lines tell of the blanks in front; else the kept ones */
    bool shifted; /* they are not those of the file */
} aire_restyling;

aire_restyling aire__restyling(const aire_placing *placing, size_t hunk, const aire_habits *habits);

/* Append an added line that follows `before` old lines of the hunk, without its end. */
void aire__restyle(const aire_restyling *r, size_t before, const aire_line *text, aire_buf *to);

#endif
