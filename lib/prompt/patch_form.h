/* In which forms a model is asked for a patch. */
#ifndef AIRE_PROMPT_PATCH_FORM_H
#define AIRE_PROMPT_PATCH_FORM_H

#include <stdint.h>

#include "base/buf.h"

/* The bits of aire_executor_options.forms. */
enum { AIRE_PROMPT_UNIFIED = 1, AIRE_PROMPT_BLOCKS = 2, AIRE_PROMPT_FILES = 4 };

/* What to answer with, in words: one form, or a choice of those in `forms`; 0 is unified diffs. */
void aire__prompt_patch_form(aire_buf *buf, uint32_t forms);

#endif
