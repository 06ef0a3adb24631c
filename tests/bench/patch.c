/*
 * The patch benchmark's part in C: applies answers through the library, and measures speed.
 *
 * usage: bench_patch apply <CASES >OUTCOMES      JSON lines, as patch.py writes and reads them
 *        bench_patch speed <CASES                 typical patches of the cases, then large ones
 */
#include <fnmatch.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "aire/context.h"
#include "aire/patch.h"
#include "bench.h"
#include "patch/patch.h"
#include "prompt/implement.h"

enum { BASES_MAX = 1 << 16, SOURCES_MAX = 16 };

/* The files that answers of some cases are applied to. */
typedef struct files {
    json_t *line; /* keeps all that follows */
    aire_patch_source sources[SOURCES_MAX];
    size_t count;
    json_t *create;
} files;

static files bases[BASES_MAX];

static int by_path(const void *a, const void *b)
{
    return strcmp(((const aire_patch_source *)a)->path, ((const aire_patch_source *)b)->path);
}

/* New files may have the names that the case's globs allow. A path that leaves the directory is
 * never forbidden here: that is the library's to see. */
static bool may_create(const char *path, void *user_data)
{
    const files *base = user_data;
    if (path[0] == '/' || strstr(path, ".."))
        return true;
    size_t i;
    json_t *glob;
    json_array_foreach(base->create, i, glob) if (fnmatch(json_string_value(glob), path,
                                                          FNM_PATHNAME) == 0) return true;
    return false;
}

static void read_base(json_t *line)
{
    json_int_t number = json_integer_value(json_object_get(line, "base"));
    json_t *all = json_object_get(line, "files"), *editable = json_object_get(line, "editable");
    if (number < 0 || number >= BASES_MAX || json_object_size(all) > SOURCES_MAX) {
        fprintf(stderr, "bench_patch: too many bases, or too many files in one\n");
        exit(1);
    }
    files *base = &bases[number];
    *base = (files){.line = json_incref(line), .create = json_object_get(line, "create")};
    const char *path;
    json_t *text;
    json_object_foreach(all, path, text) base->sources[base->count++] =
        (aire_patch_source){path, json_string_value(text), json_string_length(text), false};
    size_t i;
    json_t *name;
    json_array_foreach(editable, i, name) for (size_t k = 0; k < base->count;
                                               k++) if (strcmp(base->sources[k].path,
                                                               json_string_value(name)) == 0)
        base->sources[k]
            .editable = true;
    qsort(base->sources, base->count, sizeof *base->sources, by_path);
}

static aire_patch_base base_of(files *base)
{
    return (aire_patch_base){base->sources, base->count, may_create, base};
}

/* From an answer to new files. False: it holds no patch; the error tells why. */
static bool apply_answer(aire_ctx *ctx, files *base, const char *answer, aire_patched *out)
{
    aire_patch *patch = NULL;
    aire_status status = aire__prompt_parse_patch(ctx, answer, &patch);
    if (status == AIRE_EMPTY)
        return false;
    need(status);
    aire_patch_base given = base_of(base);
    need(aire__patch_apply(ctx, patch, &given, out));
    aire_patch_unref(patch);
    return true;
}

static const char *outcome_word(int32_t outcome)
{
    switch (outcome) {
    case AIRE_OUTCOME_OK:
        return "ok";
    case AIRE_OUTCOME_NO_CHANGE:
        return "no_change";
    case AIRE_OUTCOME_VIOLATION:
        return "violation";
    default:
        return "refused";
    }
}

static json_t *changed_files(const aire_patched *patched)
{
    json_t *changed = json_object();
    for (size_t i = 0; i < patched->edit_count; i++) {
        const aire_patch_edit *edit = &patched->edits[i];
        json_object_set_new(changed, edit->path,
                            edit->data ? json_stringn_nocheck(edit->data, edit->length)
                                       : json_null());
    }
    return changed;
}

static void apply_case(aire_ctx *ctx, json_t *line)
{
    files *base = &bases[json_integer_value(json_object_get(line, "on"))];
    aire_patched patched;
    json_t *out;
    if (apply_answer(ctx, base, json_string_value(json_object_get(line, "answer")), &patched)) {
        out = json_pack("{s:s, s:o, s:s}", "outcome", outcome_word(patched.outcome), "files",
                        changed_files(&patched), "message", patched.message);
        aire__patched_free(&patched);
    } else {
        out = json_pack("{s:s, s:{}, s:s}", "outcome", "refused", "files", "message",
                        aire_error_message(aire_last_error()));
    }
    json_object_set(out, "id", json_object_get(line, "id"));
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
}

/* The cases of standard input, one by one; bases are kept. */
static void each_case(aire_ctx *ctx, void (*visit)(aire_ctx *, json_t *))
{
    char *text = NULL;
    size_t capacity = 0;
    while (getline(&text, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *line = json_loads(text, 0, &error);
        if (!line) {
            fprintf(stderr, "bench_patch: a case is not JSON: %s\n", error.text);
            exit(1);
        }
        if (json_object_get(line, "base"))
            read_base(line);
        else
            visit(ctx, line);
        json_decref(line);
    }
    free(text);
}

/* Typical patches: the undamaged diffs. */
enum { TYPICAL_MAX = 1000, TYPICAL_MS = 2000 };
static json_t *typical[TYPICAL_MAX];
static size_t typical_count;

static void keep_typical(aire_ctx *ctx, json_t *line)
{
    (void)ctx;
    if (typical_count < TYPICAL_MAX &&
        strcmp(json_string_value(json_object_get(line, "kind")), "unified.clean") == 0)
        typical[typical_count++] = json_incref(line);
}

static void measure_typical(aire_ctx *ctx)
{
    size_t done = 0, bytes = 0, refused = 0;
    double began = own_cpu_ms(), spent;
    do {
        for (size_t i = 0; i < typical_count; i++, done++) {
            const char *answer = json_string_value(json_object_get(typical[i], "answer"));
            files *base = &bases[json_integer_value(json_object_get(typical[i], "on"))];
            aire_patched patched;
            if (apply_answer(ctx, base, answer, &patched)) {
                refused += patched.outcome != AIRE_OUTCOME_OK;
                aire__patched_free(&patched);
            }
            bytes += strlen(answer);
        }
        spent = own_cpu_ms() - began;
    } while (done && spent < TYPICAL_MS);
    if (!done)
        return;
    double rate = (double)done / spent * 1e3;
    printf("BENCH patch.per_second value=%.0f goal=5000 unit=patches/s bytes=%zu refused=%zu "
           "pass=%s\n",
           rate, bytes / done, refused, rate >= 5000 && !refused ? "yes" : "no");
}

/* A file of so many lines, each of its own, and a patch of so many hunks in it. */
typedef struct large {
    char *file, *answer;
    size_t file_length;
} large;

static size_t write_line(char *out, const char *sign, size_t number, const char *tail)
{
    return (size_t)sprintf(out, "%s    value_%zu = %zu;%s\n", sign, number, number * 7919 % 100003,
                           tail);
}

static large make_large(size_t lines, size_t hunks, size_t context)
{
    large it = {malloc(lines * 64), malloc(hunks * (2 * context + 3) * 64 + 256), 0};
    if (!it.file || !it.answer)
        exit(1);
    for (size_t i = 1; i <= lines; i++)
        it.file_length += write_line(it.file + it.file_length, "", i, "");
    char *at = it.answer;
    at += sprintf(at, "```diff\n--- a/large.c\n+++ b/large.c\n");
    for (size_t h = 0; h < hunks; h++) {
        size_t line = lines / hunks * h + context + 1;
        at += sprintf(at, "@@ -%zu,%zu +%zu,%zu @@\n", line - context, 2 * context + 1,
                      line - context, 2 * context + 1);
        for (size_t i = line - context; i < line; i++)
            at += write_line(at, " ", i, "");
        at += write_line(at, "-", line, "");
        at += write_line(at, "+", line, " /* changed */");
        for (size_t i = line + 1; i <= line + context; i++)
            at += write_line(at, " ", i, "");
    }
    sprintf(at, "```\n");
    return it;
}

/* Milliseconds to apply it: the least of some tries, as others may use the machine. Negative:
 * refused. */
static double large_ms(aire_ctx *ctx, size_t lines, size_t hunks, size_t context)
{
    large it = make_large(lines, hunks, context);
    files base = {.sources = {{"large.c", it.file, it.file_length, true}}, .count = 1};
    base.create = json_array();
    double least = 0;
    for (int i = 0; i < 3; i++) {
        aire_patched patched = {0};
        double began = own_cpu_ms();
        bool there = apply_answer(ctx, &base, it.answer, &patched);
        double spent = own_cpu_ms() - began;
        bool right = there && patched.outcome == AIRE_OUTCOME_OK;
        if (there && !right)
            printf("# refused: %.300s\n", patched.message);
        if (there)
            aire__patched_free(&patched);
        if (!right) {
            least = -1;
            break;
        }
        if (i == 0 || spent < least)
            least = spent;
        if (spent > 20000)
            break;
    }
    json_decref(base.create);
    free(it.file);
    free(it.answer);
    return least;
}

/* Time at some sizes, each twice the one before, and the worst growth. */
static void measure_growth(aire_ctx *ctx, const char *name, const size_t *lines, size_t count,
                           size_t lines_per_hunk, size_t context)
{
    double before = 0, spent = 0, worst = 0;
    for (size_t i = 0; i < count; i++, before = spent) {
        size_t hunks = lines_per_hunk ? lines[i] / lines_per_hunk : 20;
        spent = large_ms(ctx, lines[i], hunks, context);
        printf("BENCH patch.%s_%zu value=%.1f unit=ms hunks=%zu\n", name, lines[i], spent, hunks);
        fflush(stdout);
        if (spent < 0)
            worst = -1;
        else if (i && worst >= 0 && spent / before > worst)
            worst = spent / before;
    }
    printf("BENCH patch.%s_growth value=%.2f goal=2.3 unit=ratio pass=%s\n", name, worst,
           worst > 0 && worst <= 2.3 ? "yes" : "no");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    aire_ctx *ctx = NULL;
    need(aire_ctx_new(NULL, &ctx));
    if (strcmp(what, "apply") == 0) {
        each_case(ctx, apply_case);
    } else if (strcmp(what, "speed") == 0) {
        each_case(ctx, keep_typical);
        measure_typical(ctx);
        /* 10 MB are 380,000 lines; a patch of 100,000 hunks is near the most that one may have */
        const size_t lines[] = {190000, 380000, 760000}, with_hunks[] = {250000, 500000};
        measure_growth(ctx, "large_file", lines, 3, 0, 3);
        measure_growth(ctx, "many_hunks", with_hunks, 2, 5, 1);
    } else {
        fprintf(stderr, "usage: bench_patch apply|speed <CASES\n");
        return 2;
    }
    aire_ctx_unref(ctx);
    return ferror(stdout) != 0;
}
