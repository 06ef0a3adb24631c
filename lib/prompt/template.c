/* Templates of requests. */
#include "prompt/template.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "aire/plan.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "prompt/builtin.h"

#define TEMPLATE_MAX ((size_t)64 << 10)
#define OPEN "{{"
#define CLOSE "}}"
#define BIT(field) (1u << AIRE_FIELD_##field)

static const char *const field_names[AIRE_FIELD_COUNT] = {
    "problem", "code", "parents", "avoid", "notes", "ideas", "form",
    "knobs",   "idea", "reason",  "patch", "open",  "close"};

enum {
    COMMON = BIT(OPEN) | BIT(CLOSE),
    FRESH = BIT(PROBLEM) | BIT(CODE) | BIT(AVOID) | BIT(IDEAS) | BIT(FORM),
    OTHERS = FRESH | BIT(PARENTS)
};

/* What each template is, and the fields that it must and may have. */
static const struct {
    const char *name, *text;
    unsigned required, optional;
} kinds[AIRE_TEMPLATE_END] = {
    [AIRE_PLAN_FRESH] = {"fresh", aire__template_fresh, FRESH, BIT(PARENTS) | BIT(NOTES)},
    [AIRE_PLAN_EXPLOIT] = {"exploit", aire__template_exploit, OTHERS, BIT(NOTES)},
    [AIRE_PLAN_EXPLORE] = {"explore", aire__template_explore, OTHERS, BIT(NOTES)},
    [AIRE_PLAN_CROSSOVER] = {"crossover", aire__template_crossover, OTHERS, BIT(NOTES)},
    [AIRE_PLAN_REPAIR] = {"repair", aire__template_repair, OTHERS, BIT(NOTES)},
    [AIRE_TEMPLATE_IMPLEMENT] = {"implement", aire__template_implement,
                                 BIT(PROBLEM) | BIT(CODE) | BIT(IDEA), BIT(FORM)},
    [AIRE_TEMPLATE_REVISE] = {"revise", aire__template_revise, BIT(REASON), 0},
    [AIRE_TEMPLATE_NOTES] = {"notes", aire__template_notes, BIT(PARENTS),
                             BIT(PROBLEM) | BIT(NOTES)},
    [AIRE_TEMPLATE_SETTINGS] = {"settings", aire__template_settings,
                                BIT(KNOBS) | BIT(PARENTS) | BIT(AVOID) | BIT(IDEAS) | BIT(FORM),
                                BIT(PROBLEM) | BIT(NOTES)},
    [AIRE_TEMPLATE_DEBUG] = {"debug", aire__template_debug,
                             BIT(PROBLEM) | BIT(CODE) | BIT(IDEA) | BIT(PATCH) | BIT(REASON),
                             BIT(FORM)},
    [AIRE_TEMPLATE_VERIFY] = {"verify", aire__template_verify, BIT(IDEA) | BIT(PATCH),
                              BIT(PROBLEM)},
};

struct aire_templates {
    aire_ctx *ctx;                  /* borrowed */
    char *texts[AIRE_TEMPLATE_END]; /* NULL: the built-in one */
    size_t found;
};

/* A piece in braces. */
typedef struct slot {
    const char *start, *end; /* braces included */
    const char *name;
    size_t length;
    bool comment;
} slot;

/* The next slot from `at`; false if there is none, or its braces are not closed in time (`start` is
 * set then). */
static bool next_slot(const char *at, slot *out)
{
    *out = (slot){.start = strstr(at, OPEN)};
    if (!out->start)
        return false;
    out->name = out->start + strlen(OPEN);
    out->comment = *out->name == '!';
    const char *close = strstr(out->name, CLOSE);
    const char *next = strstr(out->name, OPEN);
    if (!close || (next && next < close))
        return false;
    if (!out->comment && memchr(out->name, '\n', (size_t)(close - out->name)))
        return false;
    out->end = close + strlen(CLOSE);
    out->name += strspn(out->name, " \t");
    out->length = (size_t)(close - out->name);
    while (out->length && strchr(" \t", out->name[out->length - 1]))
        out->length--;
    return true;
}

static int field_of(const slot *s)
{
    for (int i = 0; i < AIRE_FIELD_COUNT; i++)
        if (strlen(field_names[i]) == s->length && memcmp(field_names[i], s->name, s->length) == 0)
            return i;
    return -1;
}

static int line_of(const char *text, const char *at)
{
    int line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* "{{a}}, {{b}}" of a set of fields. */
static void list_fields(unsigned fields, char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (int i = 0; i < AIRE_FIELD_COUNT; i++)
        if (fields & 1u << i && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s{{%s}}", length ? ", " : "",
                                       field_names[i]);
}

/* A pair of closing braces that nothing opened, before `end`. */
static const char *stray_close(const char *at, const char *end)
{
    const char *close = strstr(at, CLOSE);
    return close && (!end || close < end) ? close : NULL;
}

static aire_status check_slot(int32_t which, const char *text, const char *path, const slot *s,
                              unsigned *seen)
{
    char known[256];
    int field = field_of(s);
    unsigned allowed = kinds[which].required | kinds[which].optional | COMMON;
    if (s->comment)
        return AIRE_OK;
    if (field >= 0 && allowed & 1u << field) {
        *seen |= 1u << field;
        return AIRE_OK;
    }
    list_fields(allowed, known, sizeof known);
    return aire__fail(AIRE_FORMAT, "%s, line %d: the template '%s' has no field {{%.*s}}; use %s",
                      path, line_of(text, s->start), kinds[which].name,
                      (int)(s->length < 60 ? s->length : 60), s->name, known);
}

aire_status aire__template_check(int32_t which, const char *text, const char *path)
{
    slot s;
    unsigned seen = 0;
    const char *at = text;
    aire_status status = AIRE_OK;
    if (!aire__utf8_valid(text, strlen(text)))
        return aire__fail(AIRE_FORMAT, "%s: not UTF-8; save it as UTF-8", path);
    for (bool more = true; status == AIRE_OK && more; at = s.end) {
        more = next_slot(at, &s);
        const char *stray = stray_close(at, s.start);
        if (stray)
            return aire__fail(AIRE_FORMAT,
                              "%s, line %d: '}}' closes nothing; write {{close}} for the braces "
                              "themselves",
                              path, line_of(text, stray));
        if (!more && s.start)
            return aire__fail(AIRE_FORMAT,
                              "%s, line %d: '{{' is not closed by '}}' on its line; write {{open}} "
                              "for the braces themselves",
                              path, line_of(text, s.start));
        if (more)
            status = check_slot(which, text, path, &s, &seen);
    }
    unsigned missing = kinds[which].required & ~seen;
    if (status == AIRE_OK && missing) {
        char names[256];
        list_fields(missing, names, sizeof names);
        status = aire__fail(AIRE_FORMAT,
                            "%s, line %d: the text ends without %s, which the template '%s' needs; "
                            "put it on a line of its own",
                            path, line_of(text, text + strlen(text)), names, kinds[which].name);
    }
    return status;
}

const char *aire__template_name(int32_t which)
{
    return which > 0 && which < AIRE_TEMPLATE_END ? kinds[which].name : NULL;
}

const char *aire__template_text(const aire_templates *templates, int32_t which)
{
    return templates && templates->texts[which] ? templates->texts[which] : kinds[which].text;
}

/* Whether a slot is all that stands on its line. */
static bool is_alone(const char *text, const slot *s)
{
    const char *before = s->start, *after = s->end + strspn(s->end, " \t\r");
    while (before > text && strchr(" \t", before[-1]))
        before--;
    return (before == text || before[-1] == '\n') && (*after == '\n' || !*after);
}

static const char *value_of(const slot *s, const char *const fields[AIRE_FIELD_COUNT])
{
    int field = s->comment ? -1 : field_of(s);
    const char *value = field < 0 ? "" : fields[field];
    if (field == AIRE_FIELD_OPEN)
        return OPEN;
    if (field == AIRE_FIELD_CLOSE)
        return CLOSE;
    return value ? value : "";
}

void aire__template_fill(aire_buf *out, const char *text,
                         const char *const fields[AIRE_FIELD_COUNT])
{
    slot s;
    const char *at = text;
    while (next_slot(at, &s)) {
        const char *value = value_of(&s, fields);
        size_t length = strlen(value);
        aire__buf_append(out, at, (size_t)(s.start - at));
        aire__buf_append(out, value, length);
        at = s.end;
        if (is_alone(text, &s) && (length == 0 || value[length - 1] == '\n')) {
            at += strspn(at, " \t\r");
            at += *at == '\n';
        }
    }
    aire__buf_puts(out, at);
}

static int32_t template_of(const char *name)
{
    size_t length = strlen(name) - strlen(".txt");
    for (int32_t i = 1; i < AIRE_TEMPLATE_END; i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
            return i;
    return 0;
}

static aire_status load_one(aire_templates *t, const char *directory, const char *name)
{
    int32_t which = template_of(name);
    size_t length;
    if (!which)
        return aire__fail(
            AIRE_FORMAT,
            "%s/%s: there is no such template; rename the file to one of fresh.txt, "
            "exploit.txt, explore.txt, crossover.txt, repair.txt, settings.txt, notes.txt, "
            "implement.txt, revise.txt",
            directory, name);
    char *path = aire__path_join(t->ctx, directory, name);
    if (!path)
        return aire__fail_nomem();
    aire_status status = aire__fs_read(t->ctx, path, TEMPLATE_MAX, &t->texts[which], &length);
    if (status == AIRE_OK && strlen(t->texts[which]) < length)
        status = aire__fail(AIRE_FORMAT, "%s: holds a NUL; save it as UTF-8", path);
    if (status == AIRE_OK)
        status = aire__template_check(which, t->texts[which], path);
    t->found += status == AIRE_OK;
    aire_free(t->ctx, path);
    return status;
}

typedef struct walk {
    aire_templates *templates;
    const char *directory;
} walk;

static aire_status visit(const char *relative, mode_t mode, off_t size, void *data)
{
    walk *w = data;
    if (S_ISDIR(mode) || strchr(relative, '/') || !aire__ends_with(relative, ".txt"))
        return AIRE_OK;
    return load_one(w->templates, w->directory, relative);
}

static aire_status load(aire_templates *t, const char *directory)
{
    walk w = {t, directory};
    if (!aire__fs_is_dir(directory))
        return aire__fail(AIRE_NOT_FOUND, "template_dir: '%s' is no directory", directory);
    aire_status status = aire__fs_walk(t->ctx, directory, visit, &w);
    if (status == AIRE_OK && t->found == 0)
        status = aire__fail(AIRE_NOT_FOUND,
                            "template_dir: '%s' holds no template; copy those to be changed from "
                            "share/aire/prompts of the installation",
                            directory);
    return status;
}

aire_status aire__templates_load(aire_ctx *ctx, const char *directory, aire_templates **out)
{
    *out = NULL;
    aire_templates *t = aire__calloc(ctx, 1, sizeof *t);
    if (!t)
        return aire__fail_nomem();
    t->ctx = ctx;
    aire_status status = directory ? load(t, directory) : AIRE_OK;
    if (status == AIRE_OK)
        *out = t;
    else
        aire__templates_free(t);
    return status;
}

void aire__templates_free(aire_templates *templates)
{
    if (!templates)
        return;
    for (size_t i = 0; i < AIRE_TEMPLATE_END; i++)
        aire_free(templates->ctx, templates->texts[i]);
    aire_free(templates->ctx, templates);
}
