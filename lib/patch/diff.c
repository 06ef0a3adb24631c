/*
 * The minimal diff of two texts (Myers, "An O(ND) Difference Algorithm", 1986, with the
 * linear-space refinement), and its unified form.
 */
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"
#include "patch/lines.h"
#include "patch/patch.h"

enum {
    CONTEXT = 3,
    /* Texts that differ more than this are replaced as a whole between their common ends: right, if
       not minimal. */
    DISTANCE_MAX = 4096,
    /* Likewise if this many lines were compared. */
    EFFORT_MAX = 1 << 28
};

#define DIFF_MAX ((size_t)256 << 20)

typedef struct comparison {
    aire_ctx *ctx;
    aire_lines a, b;
    uint64_t *a_ids, *b_ids; /* equal lines have equal numbers */
    bool *removed, *added;
    long *forward, *backward; /* furthest points by diagonal, from -reach on */
    long reach;               /* at most DISTANCE_MAX */
    long effort;
    bool loosely; /* white space at the ends of lines is no difference */
} comparison;

/* ---- numbering the lines ---- */

typedef struct slot {
    const aire_line *line;
    uint32_t id;
} slot;

static size_t trimmed(const aire_line *line)
{
    size_t length = line->length;
    while (length && (line->text[length - 1] == ' ' || line->text[length - 1] == '\t'))
        length--;
    return length;
}

/* The last line of a text may lack its end: that is a difference, too. */
static bool same_line(const aire_line *x, const aire_line *y, bool loosely)
{
    if (loosely)
        return trimmed(x) == trimmed(y) && memcmp(x->text, y->text, trimmed(x)) == 0;
    return x->full == y->full && memcmp(x->text, y->text, x->full) == 0;
}

static uint32_t number_line(slot *table, size_t mask, const aire_line *line, uint32_t *next,
                            bool loosely)
{
    const aire_line hashed = {line->text, loosely ? trimmed(line) : line->length, line->full};
    size_t at = (size_t)aire__line_hash(&hashed) & mask;
    while (table[at].line && !same_line(table[at].line, line, loosely))
        at = (at + 1) & mask;
    if (!table[at].line)
        table[at] = (slot){line, (*next)++};
    return table[at].id;
}

/* Numbers that are hashes: unlike lines may have the same one, which is looked for afterwards. */
static void hash_lines(const aire_lines *lines, bool loosely, uint64_t *ids)
{
    for (size_t i = 0; i < lines->count; i++) {
        const aire_line *line = &lines->items[i];
        const aire_line hashed = {line->text, loosely ? trimmed(line) : line->full, line->full};
        ids[i] = aire__line_hash(&hashed);
    }
}

/* Numbers by a table: for texts of which two lines have the same hash. */
static aire_status number_lines(comparison *c)
{
    size_t total = c->a.count + c->b.count, size = 16;
    while (size < 2 * total)
        size *= 2;
    slot *table = aire__calloc(c->ctx, size, sizeof *table);
    if (!table)
        return aire__fail_nomem();
    uint32_t next = 0;
    for (size_t i = 0; i < c->a.count; i++)
        c->a_ids[i] = number_line(table, size - 1, &c->a.items[i], &next, c->loosely);
    for (size_t i = 0; i < c->b.count; i++)
        c->b_ids[i] = number_line(table, size - 1, &c->b.items[i], &next, c->loosely);
    aire_free(c->ctx, table);
    return AIRE_OK;
}

/* ---- the shortest edit ---- */

typedef struct box {
    long a0, a1, b0, b1;
} box;

/* One step of the search from the box's beginning; true when it meets the other one at *x, *y. */
static bool step_forward(comparison *c, const box *r, long d, long *x_out, long *y_out)
{
    long n = r->a1 - r->a0, m = r->b1 - r->b0, delta = n - m;
    long *forward = c->forward + c->reach + 1, *backward = c->backward + c->reach + 1;
    for (long k = -d; k <= d; k += 2) {
        bool down = k == -d || (k != d && forward[k - 1] < forward[k + 1]);
        long x = down ? forward[k + 1] : forward[k - 1] + 1, y = x - k;
        if (x > n || y > m || y < 0) {
            forward[k] = x;
            continue;
        }
        long start = x;
        while (x < n && y < m && c->a_ids[r->a0 + x] == c->b_ids[r->b0 + y]) {
            x++;
            y++;
        }
        c->effort += x - start;
        forward[k] = x;
        long opposite = delta - k;
        if ((delta & 1) && opposite > -d && opposite < d && x + backward[opposite] >= n) {
            *x_out = x;
            *y_out = y;
            return true;
        }
    }
    return false;
}

/* The same from the box's end; coordinates count from there. */
static bool step_backward(comparison *c, const box *r, long d, long *x_out, long *y_out)
{
    long n = r->a1 - r->a0, m = r->b1 - r->b0, delta = n - m;
    long *forward = c->forward + c->reach + 1, *backward = c->backward + c->reach + 1;
    for (long k = -d; k <= d; k += 2) {
        bool down = k == -d || (k != d && backward[k - 1] < backward[k + 1]);
        long x = down ? backward[k + 1] : backward[k - 1] + 1, y = x - k;
        if (x > n || y > m || y < 0) {
            backward[k] = x;
            continue;
        }
        long start = x;
        while (x < n && y < m && c->a_ids[r->a1 - 1 - x] == c->b_ids[r->b1 - 1 - y]) {
            x++;
            y++;
        }
        c->effort += x - start;
        backward[k] = x;
        long opposite = delta - k;
        if (!(delta & 1) && opposite >= -d && opposite <= d && x + forward[opposite] >= n) {
            *x_out = n - x;
            *y_out = m - y;
            return true;
        }
    }
    return false;
}

/* A point on a shortest path, about its middle; false if the path is too long to look for. */
static bool find_middle(comparison *c, const box *r, long *x, long *y)
{
    long *forward = c->forward + c->reach + 1, *backward = c->backward + c->reach + 1;
    forward[1] = backward[1] = 0;
    for (long d = 0; d < c->reach && c->effort < EFFORT_MAX; d++) {
        c->effort += 2 * d;
        if (step_forward(c, r, d, x, y) || step_backward(c, r, d, x, y))
            return true;
    }
    return false;
}

static void mark(const comparison *c, const box *r)
{
    memset(c->removed + r->a0, true, (size_t)(r->a1 - r->a0));
    memset(c->added + r->b0, true, (size_t)(r->b1 - r->b0));
}

static void compare_box(comparison *c, box r)
{
    for (;;) {
        while (r.a0 < r.a1 && r.b0 < r.b1 && c->a_ids[r.a0] == c->b_ids[r.b0]) {
            r.a0++;
            r.b0++;
        }
        while (r.a0 < r.a1 && r.b0 < r.b1 && c->a_ids[r.a1 - 1] == c->b_ids[r.b1 - 1]) {
            r.a1--;
            r.b1--;
        }
        long x, y;
        if (r.a0 == r.a1 || r.b0 == r.b1 || !find_middle(c, &r, &x, &y)) {
            mark(c, &r);
            return;
        }
        if ((x == 0 && y == 0) || (x == r.a1 - r.a0 && y == r.b1 - r.b0)) {
            mark(c, &r); /* nothing is common */
            return;
        }
        compare_box(c, (box){r.a0, r.a0 + x, r.b0, r.b0 + y});
        r.a0 += x;
        r.b0 += y;
    }
}

/* ---- one form among equals ---- */

/* The changed lines of one text, as runs that may be moved over equal lines. */
typedef struct side {
    const uint64_t *ids;
    bool *changed;
    size_t count;
    bool *opposite; /* whether the other text has changes before its k-th kept line */
    long *effort;
} side;

typedef struct run {
    size_t begin, end;
    size_t kept; /* lines before it that are kept */
} run;

static void mark_gaps(const bool *changed, size_t count, bool *gaps)
{
    size_t kept = 0;
    gaps[0] = false;
    for (size_t i = 0; i < count; i++) {
        if (changed[i])
            gaps[kept] = true;
        else
            gaps[++kept] = false;
    }
}

/* Move up by one line, and take in a run that is met. */
static void move_up(side *s, run *r)
{
    s->changed[--r->begin] = true;
    s->changed[--r->end] = false;
    r->kept--;
    ++*s->effort;
    while (r->begin > 0 && s->changed[r->begin - 1])
        r->begin--;
}

static void move_down(side *s, run *r)
{
    s->changed[r->begin++] = false;
    s->changed[r->end++] = true;
    r->kept++;
    ++*s->effort;
    while (r->end < s->count && s->changed[r->end])
        r->end++;
}

/* Move a run as far down as it goes, or to the last place where the other text changes, too. */
static void settle_run(side *s, run *r)
{
    size_t length, paired;
    do {
        length = r->end - r->begin;
        while (r->begin > 0 && s->ids[r->begin - 1] == s->ids[r->end - 1])
            move_up(s, r);
        paired = s->opposite[r->kept] ? r->end : 0;
        while (r->end < s->count && s->ids[r->begin] == s->ids[r->end]) {
            move_down(s, r);
            paired = s->opposite[r->kept] ? r->end : paired;
        }
    } while (length != r->end - r->begin && *s->effort < EFFORT_MAX);
    while (paired && r->end > paired)
        move_up(s, r);
}

static void settle(side *s)
{
    run r = {0};
    for (size_t i = 0; i < s->count && *s->effort < EFFORT_MAX; i++) {
        if (!s->changed[i]) {
            r.kept++;
            continue;
        }
        r.begin = r.end = i;
        while (r.end < s->count && s->changed[r.end])
            r.end++;
        settle_run(s, &r);
        i = r.end - 1;
    }
}

/* Among the shortest edits, take the one where runs of changes stand together and end late: as
 * people read them, and as other tools write them. */
static aire_status settle_sides(comparison *c)
{
    bool *gaps = aire__calloc(c->ctx, c->a.count + c->b.count + 1, sizeof *gaps);
    if (!gaps)
        return aire__fail_nomem();
    side a = {c->a_ids, c->removed, c->a.count, gaps, &c->effort};
    side b = {c->b_ids, c->added, c->b.count, gaps, &c->effort};
    mark_gaps(c->added, c->b.count, gaps);
    settle(&a);
    mark_gaps(c->removed, c->a.count, gaps);
    settle(&b);
    aire_free(c->ctx, gaps);
    return AIRE_OK;
}

/* ---- the unified form ---- */

static void write_line(aire_buf *to, char op, const aire_line *line)
{
    aire__buf_append(to, &op, 1);
    aire__buf_append(to, line->text, line->full);
    if (line->full == 0 || line->text[line->full - 1] != '\n')
        aire__buf_puts(to, "\n\\ No newline at end of file\n");
}

/* A place in both texts. */
typedef struct place {
    size_t a, b;
} place;

static bool at_change(const comparison *c, place p)
{
    return (p.a < c->a.count && c->removed[p.a]) || (p.b < c->b.count && c->added[p.b]);
}

/* Where the hunk that begins with the change at `p` ends: changes less than two contexts apart
 * belong together. */
static place hunk_end(const comparison *c, place p)
{
    place end = p;
    while (p.a < c->a.count || p.b < c->b.count) {
        if (at_change(c, p)) {
            while (p.a < c->a.count && c->removed[p.a])
                p.a++;
            while (p.b < c->b.count && c->added[p.b])
                p.b++;
            end = p;
        } else if (p.a - end.a >= 2 * CONTEXT) {
            break;
        } else {
            p.a++;
            p.b++;
        }
    }
    return end;
}

static void write_range(aire_buf *to, size_t from, size_t count)
{
    aire__buf_printf(to, "%zu", count ? from + 1 : from);
    if (count != 1)
        aire__buf_printf(to, ",%zu", count);
}

static void write_body(const comparison *c, aire_buf *to, place p, place end)
{
    while (p.a < end.a || p.b < end.b) {
        while (p.a < end.a && c->removed[p.a])
            write_line(to, '-', &c->a.items[p.a++]);
        while (p.b < end.b && c->added[p.b])
            write_line(to, '+', &c->b.items[p.b++]);
        if (p.a < end.a && p.b < end.b && !at_change(c, p)) {
            write_line(to, ' ', &c->a.items[p.a]);
            p.a++;
            p.b++;
        }
    }
}

static void write_hunks(const comparison *c, aire_buf *to)
{
    place p = {0, 0};
    while (p.a < c->a.count || p.b < c->b.count) {
        if (!at_change(c, p)) {
            p.a++;
            p.b++;
            continue;
        }
        size_t before =
            p.a < CONTEXT ? p.a : CONTEXT; /* hunks never touch, so these lines are free */
        place begin = {p.a - before, p.b - before}, end = hunk_end(c, p);
        size_t after = c->a.count - end.a < CONTEXT ? c->a.count - end.a : CONTEXT;
        p = end;
        end.a += after;
        end.b += after;
        aire__buf_puts(to, "@@ -");
        write_range(to, begin.a, end.a - begin.a);
        aire__buf_puts(to, " +");
        write_range(to, begin.b, end.b - begin.b);
        aire__buf_puts(to, " @@\n");
        write_body(c, to, begin, end);
    }
}

/* With both texts' lines there. */
static aire_status prepare(comparison *c)
{
    size_t half = (c->a.count + c->b.count + 1) / 2 + 1;
    c->reach = half < DISTANCE_MAX ? (long)half : DISTANCE_MAX;
    c->a_ids = aire__calloc(c->ctx, c->a.count + 1, sizeof *c->a_ids);
    c->b_ids = aire__calloc(c->ctx, c->b.count + 1, sizeof *c->b_ids);
    c->removed = aire__calloc(c->ctx, c->a.count + 1, sizeof *c->removed);
    c->added = aire__calloc(c->ctx, c->b.count + 1, sizeof *c->added);
    c->forward = aire__calloc(c->ctx, 2 * (size_t)c->reach + 3, sizeof *c->forward);
    c->backward = aire__calloc(c->ctx, 2 * (size_t)c->reach + 3, sizeof *c->backward);
    if (!c->a_ids || !c->b_ids || !c->removed || !c->added || !c->forward || !c->backward)
        return aire__fail_nomem();
    return AIRE_OK;
}

/* Whether all lines that are kept are the same in both texts. */
static bool is_sound(const comparison *c)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < c->a.count && c->removed[i])
            i++;
        while (k < c->b.count && c->added[k])
            k++;
        if (i == c->a.count || k == c->b.count)
            return i == c->a.count && k == c->b.count;
        if (!same_line(&c->a.items[i++], &c->b.items[k++], c->loosely))
            return false;
    }
}

static aire_status compare_ids(comparison *c)
{
    c->effort = 0;
    compare_box(c, (box){0, (long)c->a.count, 0, (long)c->b.count});
    return settle_sides(c);
}

static aire_status compare(comparison *c)
{
    hash_lines(&c->a, c->loosely, c->a_ids);
    hash_lines(&c->b, c->loosely, c->b_ids);
    aire_status status = compare_ids(c);
    if (status != AIRE_OK || is_sound(c))
        return status;
    memset(c->removed, 0, c->a.count);
    memset(c->added, 0, c->b.count);
    status = number_lines(c);
    return status == AIRE_OK ? compare_ids(c) : status;
}

static void comparison_free(comparison *c)
{
    void *blocks[] = {c->a_ids, c->b_ids, c->removed, c->added, c->forward, c->backward};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        aire_free(c->ctx, blocks[i]);
}

aire_status aire__patch_diff(aire_ctx *ctx, const char *path, const char *before,
                             size_t before_length, const char *after, size_t after_length,
                             char **out)
{
    comparison c = {.ctx = ctx};
    aire_buf text;
    aire__buf_init(&text, ctx, DIFF_MAX);
    bool equal = !before == !after && before_length == after_length &&
                 (before_length == 0 || memcmp(before, after, before_length) == 0);
    aire_status status =
        equal ? AIRE_OK : aire__lines_split(ctx, before ? before : "", before_length, &c.a);
    if (status == AIRE_OK && !equal)
        status = aire__lines_split(ctx, after ? after : "", after_length, &c.b);
    if (status == AIRE_OK && !equal)
        status = prepare(&c);
    if (status == AIRE_OK && !equal)
        status = compare(&c);
    if (status == AIRE_OK && !equal) {
        aire__buf_printf(&text, "--- %s%s\n+++ %s%s\n", before ? "a/" : "",
                         before ? path : "/dev/null", after ? "b/" : "",
                         after ? path : "/dev/null");
        write_hunks(&c, &text);
    }
    comparison_free(&c);
    aire__lines_free(ctx, &c.a);
    aire__lines_free(ctx, &c.b);
    if (status == AIRE_OK)
        return aire__buf_take(&text, out, NULL);
    aire__buf_free(&text);
    return status;
}

aire_status aire__lines_compare(aire_ctx *ctx, const aire_lines *before, const aire_lines *after,
                                bool **removed, bool **added)
{
    comparison c = {.ctx = ctx, .a = *before, .b = *after, .loosely = true};
    aire_status status = prepare(&c);
    if (status == AIRE_OK)
        status = compare(&c);
    if (status == AIRE_OK) {
        *removed = c.removed;
        *added = c.added;
        c.removed = c.added = NULL;
    }
    comparison_free(&c);
    return status;
}
