/* In which forms a model is asked for a patch. */
#ifndef AIRE_PROMPT_PATCH_FORM_H
#define AIRE_PROMPT_PATCH_FORM_H

#include "aire/prompt.h"
#include "base/buf.h"

/* What to answer with, in words: one form, or a choice of those in `forms` (AIRE_FORM_*); 0 is
 * unified diffs. */
void aire__prompt_patch_form(aire_buf *buf, uint32_t forms);

#endif
