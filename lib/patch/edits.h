/*
 * What a patch asks for, whatever it was written as: files, and for each of them hunks of kept,
 * removed and added lines, or a whole content. Nothing in it is checked against files yet.
 */
#ifndef AIRE_PATCH_EDITS_H
#define AIRE_PATCH_EDITS_H

#include "patch/choice.h"
#include "patch/lines.h"

typedef struct aire_hunk_line {
    char op;         /* ' ' kept, '-' removed, '+' added */
    bool no_newline; /* "\ No newline at end of file" follows it */
    bool loose;      /* its mark was lost: kept is a guess */
    aire_line line;
} aire_hunk_line;

typedef enum aire_hunk_form {
    AIRE_HUNK_DIFF, /* lines with a mark in front: blanks may have got lost with it */
    AIRE_HUNK_BLOCK /* two texts: the marks are ours */
} aire_hunk_form;

typedef struct aire_hunk {
    aire_hunk_form form;
    bool numbered;               /* by its header, by a listing, or as the end of the file */
    bool counted;                /* and the numbers are right for the lines that follow */
    bool at_end;                 /* it says that the file ends behind it */
    size_t old_start, old_count; /* as the header says, from 1 */
    size_t new_count;
    size_t first, count;   /* its lines among those of the edits */
    size_t old_lines;      /* kept and removed ones */
    size_t changes;        /* removed and added ones */
    size_t patch_line;     /* of its header, from 1 */
    const char *section;   /* what the header says of the place, such as a function's first line */
    size_t section_length; /* 0: nothing */
    size_t file;           /* its file edit */
    size_t number;         /* among the hunks of that, from 1 */
} aire_hunk;

typedef struct aire_file_edit {
    char *path;     /* as written; NULL: not said */
    char *new_path; /* renamed to; else NULL */
    char *other;    /* the other name that the headers give, or NULL */
    bool creates, deletes;
    bool whole;       /* its only hunk is the content */
    bool guessed;     /* the path was taken from prose: it counts only if there is such a file */
    bool prefixed;    /* names begin with a/ and b/ as git writes them */
    bool open_ended;  /* whole: its fence has no end: it may have been cut off */
    bool in_language; /* whole: its fence says the language of the name's ending */
    bool labelled;    /* whole: the first line is a comment that names the file */
    bool crlf; /* its header ends in "\r\n": so do all lines, and that says nothing of the file's */
    bool unclear; /* the prose before it speaks of several files */
    bool in_code; /* its header stands below other lines in a fence that is no diff's */
    size_t first_hunk, hunk_count;
    size_t patch_line;
    size_t turn, rival, doubt; /* what the prose before it says: see aire_said */
} aire_file_edit;

typedef struct aire_edits {
    aire_ctx *ctx;
    aire_lines text;
    aire_hunk_line *lines;
    size_t line_count, line_capacity;
    aire_hunk *hunks;
    size_t hunk_count, hunk_capacity;
    aire_file_edit *files;
    size_t file_count, file_capacity;
    char **owned; /* decoded texts that lines point into */
    size_t owned_count, owned_capacity;
    aire_said said;  /* what the prose says, so far */
    bool empty;      /* nothing in it is meant as a patch; the complaint says so */
    bool answer;     /* a model's, not a diff by a program */
    char *complaint; /* why it cannot be read; NULL if it can */
} aire_edits;

void aire__edits_free(aire_edits *edits);

/* Open a file, or a hunk of the last file; what is added next belongs to it. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__edits_add_file(aire_edits *edits, const aire_file_edit *file);
aire_status aire__edits_add_hunk(aire_edits *edits, const aire_hunk *hunk);
void aire__edits_drop_hunk(aire_edits *edits); /* the last one, which has no lines */
aire_status aire__edits_add_line(aire_edits *edits, char op, const aire_line *line, bool loose);

/* Describe, once, why the patch cannot be read: at a line of it (from 0). AIRE_OK, AIRE_NOMEM. */
aire_status aire__edits_complain(aire_edits *edits, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Take memory over. False, with it freed, when there is none for the list. */
bool aire__edits_own(aire_edits *edits, char *text);

#endif
