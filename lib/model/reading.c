/* Readings: the texts of an answer, as they come. */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/provider.h"
#include "model/think.h"
#include "net/redact.h"

#define TEXT_MAX ((size_t)16 << 20)
#define PART_BEFORE 15 /* bytes of a part of the secret that begins in what was told */
#define COUNT_MAX ((json_int_t)1 << 53) /* so that sums of counts cannot overflow */
static const char replacement[] = "\xef\xbf\xbd";

void aire__reading_init(aire_reading *r, aire_ctx *ctx, const char *where,
                        const aire_request *request)
{
    *r = (aire_reading){.ctx = ctx, .where = where};
    if (request) {
        r->delta = request->delta;
        r->delta_user_data = request->delta_user_data;
    }
    aire__buf_init(&r->text, ctx, TEXT_MAX);
    aire__buf_init(&r->thinking, ctx, TEXT_MAX);
    aire__buf_init(&r->held, ctx, TEXT_MAX);
}

void aire__reading_free(aire_reading *r)
{
    aire__buf_free(&r->text);
    aire__buf_free(&r->thinking);
    aire__buf_free(&r->held);
}

void aire__reading_restart(aire_reading *r)
{
    aire_request host = {.delta = r->delta, .delta_user_data = r->delta_user_data};
    const char *secret = r->secret;
    aire__reading_free(r);
    aire__reading_init(r, r->ctx, r->where, &host);
    r->secret = secret;
    if (r->delta)
        r->delta(0, "", 0, r->delta_user_data);
}

static aire_buf *buf_of(aire_reading *r, int32_t kind)
{
    return kind == AIRE_DELTA_THINKING ? &r->thinking : &r->text;
}

/* Tell the host what it was not told yet, without the secret, except for the last bytes. */
static void tell(aire_reading *r, int32_t kind, size_t last)
{
    aire_buf *buf = buf_of(r, kind);
    size_t *told = &r->told[kind == AIRE_DELTA_THINKING];
    if (!r->delta || buf->status != AIRE_OK || buf->length - last <= *told)
        return;
    size_t start = *told, length = buf->length - last - start;
    size_t before = start < PART_BEFORE ? start : PART_BEFORE;
    *told += length;
    aire__redact(buf->data + start - before, before + length, r->secret);
    r->delta(kind, buf->data + start, length, r->delta_user_data);
}

/* Keep text that is UTF-8, and tell the host; what may be the beginning of the secret, later. */
static void keep(aire_reading *r, int32_t kind, const char *text, size_t length)
{
    aire_buf *buf = buf_of(r, kind);
    aire__buf_append(buf, text, length);
    if (r->delta && buf->status == AIRE_OK && length > 0)
        tell(r, kind, aire__redact_begun(buf->data, buf->length, r->secret));
}

/* How many bytes at the end may be the beginning of a character. */
static size_t begun(const char *bytes, size_t length)
{
    for (size_t count = 1; count < 4 && count <= length; count++) {
        unsigned char lead = (unsigned char)bytes[length - count];
        if (lead < 0x80)
            return 0;
        if (lead >= 0xc0)
            return count < (lead >= 0xf0 ? 4u : lead >= 0xe0 ? 3u : 2u) ? count : 0;
    }
    return 0;
}

/* Append what is UTF-8; other bytes and NUL become U+FFFD. */
static void repair(aire_buf *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t count = 1;
        while (count < 4 && i + count < length && !aire__utf8_valid(bytes + i, count))
            count++;
        bool good = bytes[i] && aire__utf8_valid(bytes + i, count);
        if (good)
            aire__buf_append(out, bytes + i, count);
        else
            aire__buf_puts(out, replacement);
        i += good ? count : 1;
    }
}

/* The bytes together with the character that had begun before them. */
static void add_repaired(aire_reading *r, int32_t kind, char *cut, const char *bytes, size_t length)
{
    aire_buf all, good;
    aire__buf_init(&all, r->ctx, TEXT_MAX);
    aire__buf_init(&good, r->ctx, TEXT_MAX);
    aire__buf_puts(&all, cut);
    aire__buf_append(&all, bytes, length);
    cut[0] = '\0';
    if (all.status == AIRE_OK) {
        size_t tail = begun(all.data, all.length);
        memcpy(cut, all.data + all.length - tail, tail);
        cut[tail] = '\0';
        repair(&good, all.data, all.length - tail);
    }
    aire_buf *buf = buf_of(r, kind);
    if (all.status != AIRE_OK || good.status != AIRE_OK)
        buf->status = all.status != AIRE_OK ? all.status : good.status;
    else if (good.length > 0)
        keep(r, kind, good.data, good.length);
    aire__buf_free(&all);
    aire__buf_free(&good);
}

void aire__reading_add_bytes(aire_reading *r, int32_t kind, const char *bytes, size_t length)
{
    char *cut = r->cut[kind == AIRE_DELTA_THINKING];
    if (!cut[0] && aire__utf8_valid(bytes, length) && !memchr(bytes, '\0', length))
        keep(r, kind, bytes, length);
    else
        add_repaired(r, kind, cut, bytes, length);
}

void aire__reading_add(aire_reading *r, int32_t kind, const char *text)
{
    aire__reading_add_bytes(r, kind, text, strlen(text));
}

void aire__reading_add_value(aire_reading *r, int32_t kind, const json_t *value)
{
    if (json_is_string(value))
        aire__reading_add_bytes(r, kind, json_string_value(value), json_string_length(value));
}

void aire__reading_part(aire_reading *r)
{
    if (r->thinking.length > 0 && !aire__ends_with(r->thinking.data, "\n\n"))
        aire__reading_add(r, AIRE_DELTA_THINKING, "\n\n");
}

/* A character that had begun and does not go on. */
static void end_character(aire_reading *r, int32_t kind)
{
    char *cut = r->cut[kind == AIRE_DELTA_THINKING];
    if (cut[0])
        keep(r, kind, replacement, strlen(replacement));
    cut[0] = '\0';
}

void aire__reading_rethink(aire_reading *r)
{
    end_character(r, AIRE_DELTA_TEXT);
    aire_buf thinking = r->thinking;
    r->thinking = r->text;
    r->text = thinking;
    aire__buf_clear(&r->text);
    r->told[0] = r->told[1] = 0;
    if (!r->delta)
        return;
    r->delta(0, "", 0, r->delta_user_data);
    tell(r, AIRE_DELTA_THINKING, 0);
}

void aire__reading_end(aire_reading *r)
{
    aire__think_end(r);
    end_character(r, AIRE_DELTA_TEXT);
    end_character(r, AIRE_DELTA_THINKING);
    tell(r, AIRE_DELTA_THINKING, 0);
    tell(r, AIRE_DELTA_TEXT, 0);
    r->whole = true;
}

aire_status aire__reading_status(const aire_reading *r)
{
    aire_status status = aire__buf_status(&r->text);
    if (status == AIRE_OK)
        status = aire__buf_status(&r->thinking);
    return status == AIRE_OK ? aire__buf_status(&r->held) : status;
}

/* Copy as much as there is room for. */
static void copy_word(char *to, size_t size, const char *from)
{
    size_t length = aire__utf8_cut(from, strlen(from), size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

void aire__reading_finish(aire_reading *r, const char *word, const aire_word *table)
{
    if (!word || strcmp(r->finish, "refusal") == 0)
        return;
    for (; table && table->theirs; table++)
        if (strcmp(table->theirs, word) == 0)
            word = table->ours;
    copy_word(r->finish, sizeof r->finish, word);
}

void aire__reading_id(aire_reading *r, const json_t *id)
{
    if (json_is_string(id))
        copy_word(r->id, sizeof r->id, json_string_value(id));
}

int64_t aire__reading_count(const json_t *usage, const char *key)
{
    json_int_t count = json_integer_value(json_object_get(usage, key));
    return count <= 0 ? 0 : count < COUNT_MAX ? count : COUNT_MAX;
}

void aire__reading_answer(const aire_reading *r, aire_answer_options *fields)
{
    fields->text = r->text.data ? r->text.data : "";
    fields->thinking = r->thinking.data ? r->thinking.data : "";
    fields->finish = r->finish;
    fields->request_id = r->id;
    fields->input_tokens = r->input_tokens;
    fields->output_tokens = r->output_tokens;
    fields->cached_tokens = r->cached_tokens;
    fields->thinking_tokens = r->thinking_tokens;
}
