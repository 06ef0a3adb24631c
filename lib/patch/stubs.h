/* Comments that only stand for code, in words: "# (same as original)". */
#ifndef AIRE_PATCH_STUBS_H
#define AIRE_PATCH_STUBS_H

#include "patch/edits.h"

/* Whether a line is such a comment. A program may have one, too: it tells only where code goes. */
bool aire__is_stub(const aire_line *line);

/* The first line (among those of the edits) that a hunk puts in the place of more lines so;
 * SIZE_MAX if there is none. */
size_t aire__stub_of(const aire_edits *edits, const aire_hunk *hunk);

#endif
