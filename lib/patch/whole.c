/* Files whose content is sent whole. */
#include "patch/whole.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/fold.h"
#include "patch/marks.h"
#include "patch/splice.h"
#include "patch/stubs.h"

enum { PART_LINES = 3, SAME_END = 3, GAP_MIN = 8, LONG_FILE = 2000 };

#define KEPT_SURE 0.5
#define KEPT_OPEN 0.7 /* where nothing marks the end */

/* The two contents, line by line, and which lines change. */
typedef struct whole {
    aire_ctx *ctx;
    aire_lines before, after;
    bool *removed, *added;
    size_t skipped; /* lines of the hunk before the first of `after` that is its own */
} whole;

static size_t first_text(const aire_lines *lines)
{
    size_t at = 0;
    while (at < lines->count && aire__line_is_blank(&lines->items[at]))
        at++;
    return at;
}

/* One past the last line that is not blank. */
static size_t last_text(const aire_lines *lines)
{
    size_t at = lines->count;
    while (at > 0 && aire__line_is_blank(&lines->items[at - 1]))
        at--;
    return at;
}

/* Whether the first line is a comment that named the file for us, and not one of its lines. */
static bool has_label(const aire_lines *before, const aire_edits *edits, const aire_hunk *hunk)
{
    if (!edits->files[hunk->file].labelled || hunk->count == 0)
        return false;
    return before->count == 0 ||
           !aire__line_equal(&before->items[0], &edits->lines[hunk->first].line);
}

/* The lines that are sent, between blank lines as the file has them at its ends. */
static aire_status take_lines(whole *w, const aire_edits *edits, const aire_hunk *hunk)
{
    aire_lines sent = {.count = hunk->count};
    size_t skip = has_label(&w->before, edits, hunk);
    sent.items = aire__calloc(w->ctx, hunk->count + 1, sizeof *sent.items);
    w->after.items =
        aire__calloc(w->ctx, hunk->count + w->before.count + 1, sizeof *w->after.items);
    if (!sent.items || !w->after.items) {
        aire_free(w->ctx, sent.items);
        return aire__fail_nomem();
    }
    for (size_t i = 0; i < hunk->count; i++)
        sent.items[i] = i < skip ? (aire_line){"", 0, 0} : edits->lines[hunk->first + i].line;
    size_t from = first_text(&sent), to = last_text(&sent);
    size_t head = first_text(&w->before), tail = last_text(&w->before);
    for (size_t i = 0; i < head && tail > 0; i++)
        w->after.items[w->after.count++] = w->before.items[i];
    w->skipped = from - w->after.count; /* may wrap: it is only added to */
    for (size_t i = from; i < to; i++)
        w->after.items[w->after.count++] = sent.items[i];
    for (size_t i = tail; i < w->before.count; i++)
        w->after.items[w->after.count++] = w->before.items[i];
    aire_free(w->ctx, sent.items);
    return AIRE_OK;
}

static void whole_free(whole *w)
{
    aire__lines_free(w->ctx, &w->before);
    aire__lines_free(w->ctx, &w->after);
    aire_free(w->ctx, w->removed);
    aire_free(w->ctx, w->added);
}

static aire_status whole_open(aire_ctx *ctx, const aire_patch_source *source,
                              const aire_edits *edits, const aire_hunk *hunk, whole *out)
{
    *out = (whole){.ctx = ctx};
    aire_status status = aire__lines_split(ctx, source ? source->data : "",
                                           source ? source->length : 0, &out->before);
    if (status == AIRE_OK)
        status = take_lines(out, edits, hunk);
    if (status == AIRE_OK)
        status = aire__lines_compare(ctx, &out->before, &out->after, &out->removed, &out->added);
    if (status != AIRE_OK)
        whole_free(out);
    return status;
}

/* ---- how it looks ---- */

static bool same_ends(const aire_lines *a, const aire_lines *b)
{
    size_t i = first_text(a), k = first_text(b), n = last_text(a), m = last_text(b);
    return i < n && k < m && aire__fold_equal(&a->items[i], &b->items[k]) &&
           aire__fold_equal(&a->items[n - 1], &b->items[m - 1]);
}

/* Whether the last lines that are not blank are the same. */
static bool same_tail(const aire_lines *a, const aire_lines *b)
{
    size_t n = last_text(a), m = last_text(b), same = 0;
    while (same < SAME_END && n > 0 && m > 0 &&
           aire__line_equal(&a->items[n - 1], &b->items[m - 1])) {
        n--;
        m--;
        same++;
        while (n > 0 && aire__line_is_blank(&a->items[n - 1]))
            n--;
        while (m > 0 && aire__line_is_blank(&b->items[m - 1]))
            m--;
    }
    return same == SAME_END;
}

/* The longest run of lines that are taken out. */
static size_t longest_gap(const whole *w)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < w->before.count; i++) {
        run = w->removed[i] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Whether more lines go than come. */
static bool is_less(const whole *w)
{
    size_t gone = 0, come = 0;
    for (size_t i = 0; i < w->before.count; i++)
        gone += w->removed[i] && !aire__line_is_blank(&w->before.items[i]);
    for (size_t k = 0; k < w->after.count; k++)
        come += w->added[k] && !aire__line_is_blank(&w->after.items[k]);
    return gone > come;
}

static size_t find_elision(const whole *w)
{
    bool less = is_less(w);
    for (size_t k = 0; k < w->after.count; k++) {
        const aire_line *line = &w->after.items[k];
        aire_span bare = aire__span_trim((aire_span){line->text, line->length});
        bool stub = w->added[k] && less && aire__is_stub(line);
        if (!w->added[k] || (!stub && !aire__is_elision(line) && !aire__is_worded_elision(line)))
            continue;
        if (bare.length > 3 || aire__line_indent(line) == 0)
            return k + w->skipped + 1;
    }
    return 0;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The hashes of lines that are not blank, in order; NULL without memory. */
static uint64_t *hash_lines(aire_ctx *ctx, const aire_lines *lines, size_t *count)
{
    uint64_t *hashes = aire__calloc(ctx, lines->count + 1, sizeof *hashes);
    *count = 0;
    for (size_t i = 0; hashes && i < lines->count; i++)
        if (!aire__line_is_blank(&lines->items[i]))
            hashes[(*count)++] = aire__line_hash(&lines->items[i]);
    if (hashes)
        qsort(hashes, *count, sizeof *hashes, compare_hashes);
    return hashes;
}

/* The part of the file's lines that the content has, in whatever order. */
static aire_status count_shared(const whole *w, double *shared)
{
    size_t n, m, same = 0;
    uint64_t *a = hash_lines(w->ctx, &w->before, &n), *b = hash_lines(w->ctx, &w->after, &m);
    for (size_t i = 0, k = 0; a && b && i < n && k < m;) {
        same += a[i] == b[k];
        bool both = a[i] == b[k], first = a[i] <= b[k];
        i += first;
        k += both || !first;
    }
    aire_status status = a && b ? AIRE_OK : aire__fail_nomem();
    *shared = n ? (double)same / (double)n : 0;
    aire_free(w->ctx, a);
    aire_free(w->ctx, b);
    return status;
}

static void look_at(const whole *w, bool open_ended, aire_whole_look *out)
{
    size_t kept = 0, all = 0, head = 0, tail = 0;
    for (size_t i = 0; i < w->before.count; i++) {
        all += !aire__line_is_blank(&w->before.items[i]);
        kept += !w->removed[i] && !aire__line_is_blank(&w->before.items[i]);
    }
    while (head < w->before.count && w->removed[head])
        head++;
    while (tail < w->before.count && w->removed[w->before.count - 1 - tail])
        tail++;
    bool adds_head = w->after.count > 0 && w->added[0];
    bool adds_tail = w->after.count > 0 && w->added[w->after.count - 1];
    size_t gap_max = w->before.count / 10 > GAP_MIN ? w->before.count / 10 : GAP_MIN;
    out->kept = all ? (double)kept / (double)all : 1;
    out->is_part =
        kept > 0 && ((head > PART_LINES && !adds_head) || (tail > PART_LINES && !adds_tail));
    out->same_ends = same_ends(&w->before, &w->after);
    out->is_cut = open_ended && !(same_tail(&w->before, &w->after) && out->kept >= KEPT_OPEN &&
                                  longest_gap(w) <= gap_max);
    out->elision = find_elision(w);
}

aire_status aire__whole_look(aire_ctx *ctx, const aire_patch_source *source,
                             const aire_edits *edits, const aire_hunk *hunk, aire_whole_look *out)
{
    whole w;
    aire_status status = whole_open(ctx, source, edits, hunk, &w);
    if (status != AIRE_OK)
        return status;
    *out = (aire_whole_look){0};
    look_at(&w, edits->files[hunk->file].open_ended, out);
    out->shared = out->kept;
    if (w.before.count > LONG_FILE && out->kept < KEPT_SURE)
        status = count_shared(&w, &out->shared);
    whole_free(&w);
    return status;
}

bool aire__whole_is_sure(const aire_whole_look *look)
{
    return !look->is_part && !look->is_cut && !look->elision &&
           (look->kept >= KEPT_SURE || look->same_ends);
}

/* ---- writing ---- */

static bool ends_open(const aire_buf *to)
{
    return to->length > 0 && to->data[to->length - 1] != '\n';
}

static void write_lines(const whole *w, aire_buf *to)
{
    size_t i = 0;
    for (size_t k = 0; k < w->after.count; k++) {
        const char *end = aire__line_end(&w->before, i);
        while (!w->added[k] && i < w->before.count && w->removed[i])
            i++;
        if (ends_open(to))
            aire__buf_puts(to, end);
        if (w->added[k])
            aire__buf_append(to, w->after.items[k].text, w->after.items[k].length);
        else
            aire__buf_append(to, w->before.items[i].text, w->before.items[i].full);
        if (w->added[k] && !(w->before.count > 0 && k + 1 == w->after.count &&
                             w->before.items[w->before.count - 1].full ==
                                 w->before.items[w->before.count - 1].length))
            aire__buf_puts(to, end);
        i += !w->added[k];
    }
}

aire_status aire__whole_write(aire_ctx *ctx, const aire_patch_source *source,
                              const aire_edits *edits, const aire_hunk *hunk, aire_buf *to)
{
    whole w;
    aire_status status = whole_open(ctx, source, edits, hunk, &w);
    if (status != AIRE_OK)
        return status;
    write_lines(&w, to);
    whole_free(&w);
    return AIRE_OK;
}
