/* The lines that give an answer its form: fences, headers, markers of blocks, names of files. */
#ifndef AIRE_PATCH_MARKS_H
#define AIRE_PATCH_MARKS_H

#include "patch/lines.h"

/* A piece of a line. */
typedef struct aire_span {
    const char *text;
    size_t length;
} aire_span;

typedef enum aire_mark {
    AIRE_MARK_NONE,
    AIRE_MARK_SEARCH,     /* <<<<<<< SEARCH */
    AIRE_MARK_DIVIDER,    /* ======= */
    AIRE_MARK_REPLACE,    /* >>>>>>> REPLACE */
    AIRE_MARK_BEGIN,      /* *** Begin Patch */
    AIRE_MARK_END,        /* *** End Patch */
    AIRE_MARK_UPDATE,     /* *** Update File: PATH */
    AIRE_MARK_ADD,        /* *** Add File: PATH */
    AIRE_MARK_DELETE,     /* *** Delete File: PATH */
    AIRE_MARK_MOVE,       /* *** Move to: PATH */
    AIRE_MARK_END_OF_FILE /* *** End of File */
} aire_mark;

/* What a line marks; *rest is what follows the mark, without blanks around it. */
aire_mark aire__mark_of(const aire_line *line, aire_span *rest);

bool aire__line_begins(const aire_line *line, const char *prefix);
size_t aire__line_indent(const aire_line *line); /* bytes of blanks and tabs in front */
bool aire__line_is_blank(const aire_line *line);

/* Marks that open a fence (3 or more), or 0; *info is what follows them. */
size_t aire__fence_opens(const aire_line *line, aire_span *info);
/* Whether a line closes a fence that was opened with so many marks at such an indent. */
bool aire__fence_closes(const aire_line *line, size_t marks, size_t indent);

/* Without blanks, tabs and carriage returns at both ends. */
aire_span aire__span_trim(aire_span span);

/* A piece that looks like a file's name: in back quotes before all others; *strong if the line says
 * little else. False if there is none. */
bool aire__find_path(aire_span line, aire_span *path, bool *strong);

/* Whether a line names other files beside that one. */
bool aire__names_others(aire_span line, aire_span path);

/* Whether the line is a comment that is nothing but a file's name. */
bool aire__comment_names_path(const aire_line *line, aire_span *path);

/* Whether a line only stands for lines that were left out: "...", "# ... existing code ...". */
bool aire__is_elision(const aire_line *line);
/* Whether it does in such words that no program has it: "# ... rest of the code". */
bool aire__is_worded_elision(const aire_line *line);

#endif
