/* Ideas while they are read from an answer, whatever the answer's form is. */
#ifndef AIRE_PROMPT_IDEA_READER_H
#define AIRE_PROMPT_IDEA_READER_H

#include "base/buf.h"
#include "prompt/ideas.h"

/* The idea that is being read, and those that were. */
typedef struct aire_idea_reader {
    aire_parsed_ideas *out; /* borrowed */
    size_t max;
    aire_buf text, changes;
    aire_buf *section; /* one of the two; NULL outside an idea */
} aire_idea_reader;

void aire__idea_reader_init(aire_idea_reader *r, aire_ctx *ctx, size_t max, aire_parsed_ideas *out);
void aire__idea_reader_free(aire_idea_reader *r);

/* Append to the open section, if there is one; what is longer than an idea may be is cut off, and
 * counted. AIRE_OK, AIRE_NOMEM. */
aire_status aire__idea_reader_add(aire_idea_reader *r, const char *from, const char *to);

/* Keep what was read, if it is an idea, and start afresh. What is none counts as unread if it was
 * `expected` to be one. AIRE_OK, AIRE_NOMEM. */
aire_status aire__idea_reader_finish(aire_idea_reader *r, bool expected);

/* Finish the last idea of an answer, by the rule of aire__prompt_parse_ideas. */
aire_status aire__idea_reader_finish_last(aire_idea_reader *r, bool truncated, bool expected);

/* Each reads `text` in one form. `firm`: tags at the beginning of a line, which nobody writes in
 * passing; `everywhere`: headings in a fence around the ideas count, too. `text` is changed while a
 * list is read, and as it was afterwards. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__read_tagged_ideas(aire_idea_reader *r, const char *text, bool everywhere,
                                    bool truncated, size_t *firm);
aire_status aire__read_json_ideas(aire_idea_reader *r, const char *text);
aire_status aire__read_listed_ideas(aire_idea_reader *r, char *text, bool truncated);

#endif
