/*
 * What plans, ideas, results and their lists have in common: a reference count, a context, and a
 * release that does not recurse.
 *
 * An idea holds its plan, a plan the results that it builds on, a result its idea: a host may make
 * such a chain as long as its search. So a record whose last reference is gone is put on a list,
 * and what it lets go of joins the list instead of being released inside the release.
 */
#ifndef AIRE_RECORD_RECORD_H
#define AIRE_RECORD_RECORD_H

#include "aire/context.h"
#include "base/ref.h"

/* The first member of every record. */
typedef struct aire_record aire_record;
struct aire_record {
    aire_refcount refs;
    aire_ctx *ctx;     /* reference */
    aire_record *next; /* on the list of those to be released */
    /* Free what the record holds, and drop its records into the list; not the record itself. */
    void (*clear)(aire_record *record, aire_record **dead);
};

/* A zeroed record of `size` bytes with one reference; NULL when there is no memory. */
void *aire__record_new(aire_ctx *ctx, size_t size,
                       void (*clear)(aire_record *record, aire_record **dead));

/* Take a reference (NULL is allowed); returns the record. */
void *aire__record_ref(aire_record *record);

/* Drop a reference (NULL is allowed); the last one puts the record on the list. */
void aire__record_drop(aire_record *record, aire_record **dead);

/* Drop a reference (NULL is allowed), and release all that nobody holds any more. */
void aire__record_unref(aire_record *record);

/* A copy of text in which bytes that are not UTF-8 are U+FFFD; NULL copies "". NULL when there is
 * no memory. */
char *aire__record_text(aire_ctx *ctx, const char *text);

#endif
