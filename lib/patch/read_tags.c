/* Blocks in tags: <search> and </search> around one text, <replace> and </replace> around the
 * other.
 */
#include "patch/read.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *old_text, *new_text; /* names of tags */
} pairs[] = {{"search", "replace"},   {"find", "replace"},     {"old", "new"},
             {"old_str", "new_str"},  {"before", "after"},     {"old_string", "new_string"},
             {"original", "updated"}, {"original", "modified"}};

/* Whether a line is nothing but a tag. */
static bool is_tag(const aire_reader *r, size_t at, const char *name, bool closes)
{
    if (at >= r->end)
        return false;
    const aire_line *line = &r->lines->items[at];
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    size_t length = strlen(name), before = closes ? 2 : 1;
    return span.length == length + before + 1 && memcmp(span.text, "</", before) == 0 &&
           span.text[span.length - 1] == '>' && strncasecmp(span.text + before, name, length) == 0;
}

/* The next line that closes a tag; r->end if there is none, or another one opens before. */
static size_t find_close(const aire_reader *r, size_t at, const char *name)
{
    while (at < r->end && !is_tag(r, at, name, true))
        at = is_tag(r, at, name, false) ? r->end : at + 1;
    return at;
}

static size_t skip_blank(const aire_reader *r, size_t at)
{
    while (at < r->end && aire__line_is_blank(&r->lines->items[at]))
        at++;
    return at;
}

/* The block that begins at a line; *end is the line of its last tag, r->end if that is missing. */
static bool find_block(const aire_reader *r, size_t at, aire_block *block, size_t *end)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!is_tag(r, at, pairs[i].old_text, false))
            continue;
        size_t old_end = find_close(r, at + 1, pairs[i].old_text);
        size_t opens = old_end < r->end ? skip_blank(r, old_end + 1) : r->end;
        if (!is_tag(r, opens, pairs[i].new_text, false))
            continue;
        *end = find_close(r, opens + 1, pairs[i].new_text);
        *block = (aire_block){at, at + 1, old_end, opens + 1, *end};
        return true;
    }
    return false;
}

bool aire__tags_begin(const aire_reader *r, size_t at)
{
    aire_block block;
    size_t end;
    return find_block(r, at, &block, &end);
}

aire_status aire__read_tags(aire_reader *r)
{
    aire_block block = {0};
    size_t end;
    if (!find_block(r, r->at, &block, &end))
        return AIRE_OK;
    r->at = end < r->end ? end + 1 : r->end;
    if (end == r->end)
        return aire__reader_complain(r, block.search,
                                     "the last tag of this block is missing: it was cut off. Send "
                                     "it again, whole");
    return aire__block_add(r, &block);
}
