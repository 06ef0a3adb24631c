/*
 * Words of choice and of retraction in the prose of an answer: "alternatively", "scratch that", "do
 * not do this". Patches with such words between them are not all meant.
 */
#ifndef AIRE_PATCH_CHOICE_H
#define AIRE_PATCH_CHOICE_H

#include "patch/lines.h"

/* What the prose up to here says; lines from 1, 0: nothing. */
typedef struct aire_said {
    size_t turn;   /* what follows it is instead of what came before */
    size_t rival;  /* and is another way to do the same, in whatever file */
    size_t doubt;  /* the paragraph before says that what comes next is not meant, or may be not */
    bool any;      /* any of this, anywhere */
    bool inside;   /* a paragraph */
    bool sentence; /* the next word begins a sentence */
} aire_said;

/* The next line of prose, `at` from 0; `named`: it is little more than the name of a file. */
void aire__choice_look(aire_said *said, const aire_line *line, size_t at, bool named);
/* A patch of some form ends here. */
void aire__choice_form(aire_said *said);

#endif
