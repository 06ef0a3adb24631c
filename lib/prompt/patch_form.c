/* The forms of a patch, in words that a model can follow. */
#include "prompt/patch_form.h"

#include <stddef.h>

/* Each form: how its description begins after "Answer with ", and what it says. */
static const struct {
    uint32_t bit;
    const char *name, *rules;
} rows[] = {
    {AIRE_FORM_UNIFIED, "one unified diff in a ```diff fence",
     "- file names as `--- a/PATH` and `+++ b/PATH`, relative to the code base; `--- /dev/null` "
     "for "
     "a new file;\n"
     "- hunks headed `@@ -START,COUNT +START,COUNT @@`, with three unchanged lines before and "
     "after "
     "each change;\n"
     "- unchanged and removed lines copied to the letter, white space included, but without the "
     "line numbers and bars that are shown above;\n"},
    {AIRE_FORM_BLOCKS, "search/replace blocks",
     "- for each change the file's path on a line of its own, and below it\n"
     "\n"
     "<<<<<<< SEARCH\n"
     "lines as they are in the file\n"
     "=======\n"
     "lines that take their place\n"
     ">>>>>>> REPLACE\n"
     "\n"
     "- the lines to search for copied to the letter, white space included, but without the line "
     "numbers and bars that are shown above, and enough of them to stand only once in the file;\n"
     "- nothing to search for in a new file;\n"},
    {AIRE_FORM_FILES, "whole files",
     "- for each file that changes its path on a line of its own, and below it the new content, "
     "from the first line to the last, in a ``` fence;\n"
     "- nothing left out or shortened, and no line numbers or bars;\n"},
};

void aire__prompt_patch_form(aire_buf *buf, uint32_t forms)
{
    size_t count = 0;
    if (!forms)
        forms = AIRE_FORM_UNIFIED;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        count += (forms & rows[i].bit) != 0;
    if (count > 1)
        aire__buf_puts(buf, "Answer in one of these forms, whichever suits the change best.\n\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (forms & rows[i].bit)
            aire__buf_printf(buf, "%s %s:\n%s%s", count > 1 ? "Either" : "Answer with",
                             rows[i].name, rows[i].rules, count > 1 ? "\n" : "");
    aire__buf_puts(buf, count > 1 ? "Editable files only.\n" : "- editable files only.\n");
}
