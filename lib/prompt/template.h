/*
 * Templates of requests, which a user can replace.
 *
 * A template is text with fields: {{code}}. A line of nothing but one field becomes the field's
 * text, or nothing if that is empty; {{! a comment }} leaves nothing behind, nor does its line.
 * There is nothing else: what is listed comes as one field, with its heading. {{open}} and
 * {{close}} are the braces themselves.
 */
#ifndef AIRE_PROMPT_TEMPLATE_H
#define AIRE_PROMPT_TEMPLATE_H

#include <stdbool.h>

#include "base/buf.h"

/* The templates; those of the plans first, by AIRE_PLAN_*. */
typedef enum aire_template {
    AIRE_TEMPLATE_IMPLEMENT = 6,
    AIRE_TEMPLATE_REVISE,
    AIRE_TEMPLATE_NOTES,
    AIRE_TEMPLATE_SETTINGS,
    AIRE_TEMPLATE_DEBUG,
    AIRE_TEMPLATE_VERIFY,
    AIRE_TEMPLATE_END
} aire_template;

typedef enum aire_field {
    AIRE_FIELD_PROBLEM, /* goal, measurement, budget, rules, hints */
    AIRE_FIELD_CODE,    /* the code base */
    AIRE_FIELD_PARENTS, /* ideas that were tried, with results */
    AIRE_FIELD_AVOID,   /* ideas that are taken */
    AIRE_FIELD_NOTES,   /* what was learnt so far */
    AIRE_FIELD_IDEAS,   /* how many: "10 ideas" */
    AIRE_FIELD_FORM,    /* the form of an answer, with the tags */
    AIRE_FIELD_KNOBS,   /* what the manifest lets turn */
    AIRE_FIELD_IDEA,    /* the idea to implement */
    AIRE_FIELD_REASON,  /* why a patch was refused, or how its run failed */
    AIRE_FIELD_PATCH,   /* a patch as it was applied */
    AIRE_FIELD_OPEN,
    AIRE_FIELD_CLOSE,
    AIRE_FIELD_COUNT
} aire_field;

typedef struct aire_templates aire_templates;

/*
 * The built-in templates, with those of `directory` (nullable) in their place: a file NAME.txt for
 * each that is to be replaced. *out is owned by caller. AIRE_OK; AIRE_NOT_FOUND (no such directory,
 * or no template in it); AIRE_FORMAT, with file, line and what to do: an unknown name of a file or
 * a field, a missing field, braces without their partners; AIRE_LIMIT; AIRE_IO; AIRE_NOMEM.
 */
aire_status aire__templates_load(aire_ctx *ctx, const char *directory, aire_templates **out);
void aire__templates_free(aire_templates *templates);

/* The text of a template, as aire__template_fill takes it; `templates` is nullable: built-in. */
const char *aire__template_text(const aire_templates *templates, int32_t which);

/* "fresh", ...; the file's name without ".txt". NULL if there is no such template. */
const char *aire__template_name(int32_t which);

/* Check the text of a template; `path` is for messages. AIRE_OK, AIRE_FORMAT. */
aire_status aire__template_check(int32_t which, const char *text, const char *path);

/* Append a template that was checked, with its fields; those that are NULL are empty. */
void aire__template_fill(aire_buf *out, const char *text,
                         const char *const fields[AIRE_FIELD_COUNT]);

#endif
