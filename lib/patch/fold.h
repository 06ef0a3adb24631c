/*
 * Lines as a model may have changed them in copying: without white space, with plain quotes and
 * dashes, with HTML entities decoded. Two lines that fold alike are the same line.
 */
#ifndef AIRE_PATCH_FOLD_H
#define AIRE_PATCH_FOLD_H

#include "patch/lines.h"

#define AIRE_KEY_BLANK ((uint64_t)0) /* of lines without anything in them */

/* A hash of the folded line. */
uint64_t aire__fold_key(const aire_line *line);
bool aire__fold_equal(const aire_line *a, const aire_line *b);
/* Whether the folded line begins with the folded `start`, which must not be blank. */
bool aire__fold_begins(const aire_line *line, const aire_line *start);

/* How much folded lines are alike, by the edits from one to the other: 1 for equal ones. *edits, if
 * not NULL, is their number, in characters; SIZE_MAX where it was not counted. */
double aire__fold_likeness(const aire_line *a, const aire_line *b, size_t *edits);
/* Whether a line is no more than a comment, as C, Python and shells have them. */
bool aire__line_is_comment(const aire_line *line);
/* Whether the digits of both are the same, in their order. */
bool aire__same_digits(const aire_line *a, const aire_line *b);

/* How much a line tells: little if it is blank or a brace. */
double aire__line_weight(const aire_line *line);

/* The character at `at` if it is one that typography has for a plain one: its length in bytes, and
 * the plain character in *plain ('\0' for one that is nothing). 0 if it is not. */
size_t aire__typographic(const char *at, const char *end, char *plain);
/* The length of an HTML entity, and what it stands for; 0 if there is none. */
size_t aire__entity(const char *at, const char *end, char *plain);

#endif
