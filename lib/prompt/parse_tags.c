/* Ideas between the tags of the paper. */
#include <string.h>

#include "prompt/idea_reader.h"
#include "prompt/tags.h"

/* Where a reading of tags stands. */
typedef struct reading {
    aire_idea_reader *r;
    const char *from; /* what was not taken yet begins here */
    const char *name; /* of the tag that opened the idea */
    bool heading;     /* that tag was a heading */
    bool firm;        /* that tag began a line */
    bool marked;      /* the idea has a second tag, so that it is meant to be one */
    bool untagged;    /* the idea began without a tag */
} reading;

static bool is_one_line(const aire_buf *buf)
{
    size_t length = buf->length, start = 0;
    while (start < length && strchr(" \t\n", buf->data[start]))
        start++;
    while (length > start && strchr(" \t\n", buf->data[length - 1]))
        length--;
    return length == start || !memchr(buf->data + start, '\n', length - start);
}

/* "## Idea 1: Warm up" followed by "[Experiment]" is one idea, with its title above it. */
static bool goes_on(const reading *p, const aire_tag *tag)
{
    return p->r->section == &p->r->text && p->heading && is_one_line(&p->r->text) &&
           (!tag->heading || tag->name != p->name);
}

static aire_status add_title(aire_idea_reader *r, const aire_tag *tag)
{
    if (!tag->title)
        return AIRE_OK;
    aire_status status = aire__idea_reader_add(r, tag->title, tag->title_end);
    if (status == AIRE_OK && *tag->end != '\n')
        status = aire__idea_reader_add(r, "\n", "\n" + 1);
    return status;
}

static aire_status begin(reading *p, const aire_tag *tag)
{
    aire_idea_reader *r = p->r;
    aire_status status = AIRE_OK;
    bool same = goes_on(p, tag);
    if (r->section && !same)
        status = aire__idea_reader_finish(r, p->firm && p->marked);
    r->section = &r->text;
    if (same && *tag->end == '\n' && r->text.length && r->text.data[r->text.length - 1] == '\n')
        r->text.data[--r->text.length] = '\0';
    p->heading = tag->heading && !same;
    p->firm = tag->firm || (same && p->firm);
    p->marked = p->untagged = false;
    p->name = tag->name;
    return status == AIRE_OK ? add_title(r, tag) : status;
}

/* "[Code Changes]" at the beginning of a line, with no idea begun: what stands above it is one. */
static aire_status begin_untagged(reading *p, const aire_tag *tag)
{
    aire_idea_reader *r = p->r;
    r->section = &r->text;
    p->heading = false;
    p->firm = p->untagged = true;
    p->name = NULL;
    return aire__idea_reader_add(r, p->from, tag->start);
}

static aire_status turn(reading *p, const aire_tag *tag)
{
    aire_idea_reader *r = p->r;
    aire_status status = AIRE_OK;
    switch (tag->kind) {
    case AIRE_TAG_EXPERIMENT:
        return begin(p, tag);
    case AIRE_TAG_CHANGES:
        if (!r->section && tag->firm)
            status = begin_untagged(p, tag);
        else if (r->section == &r->changes && tag->firm && p->untagged)
            r->out->unread++; /* of two ideas without a beginning, the second's is not known */
        if (r->section)
            r->section = &r->changes;
        p->marked = true;
        return status;
    case AIRE_TAG_END:
        p->marked = true;
        return r->section ? aire__idea_reader_finish(r, p->firm) : AIRE_OK;
    default:
        return AIRE_OK;
    }
}

aire_status aire__read_tagged_ideas(aire_idea_reader *r, const char *text, bool everywhere,
                                    bool truncated, size_t *firm)
{
    reading p = {.r = r, .from = text};
    aire_tag_scan scan = {.at = text, .line = text, .everywhere = everywhere};
    aire_tag tag = {.end = text};
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && aire__tag_next(&scan, &tag)) {
        status = aire__idea_reader_add(r, p.from, tag.start);
        if (status == AIRE_OK)
            status = turn(&p, &tag);
        *firm += tag.firm && tag.kind == AIRE_TAG_EXPERIMENT;
        p.from = tag.end;
    }
    if (status == AIRE_OK)
        status = aire__idea_reader_add(r, p.from, p.from + strlen(p.from));
    if (status == AIRE_OK)
        status = aire__idea_reader_finish_last(r, truncated, p.firm && p.marked);
    return status;
}
