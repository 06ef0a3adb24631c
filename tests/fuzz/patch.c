/*
 * Patches: the input is a unified diff, and again a model's answer, applied to files that are in
 * memory. One that fits has a canonical diff, which fits too and gives the same files; a refused
 * one leaves nothing.
 */
#include <string.h>

#include "aire/error.h"
#include "fuzz/fuzz.h"
#include "patch/patch.h"

static const char model[] = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";
static const char tabs[] =
    "int f(int a)\n{\n\tif (a < 2 && a)\n\t\treturn \"one - two\";\n\n\treturn 0;\n}\n";
static aire_patch_source sources[] = {
    {"aire.json", "{}\n", 3, false},
    {"binary", "a\0b\n", 4, true},
    {"crlf.c", "a\r\nb\r\nc\r\n", 9, true},
    {"empty.c", "", 0, true},
    {"eval.c", "x\n", 2, false},
    {"model.c", model, sizeof model - 1, true},
    {"new/d", "x\n", 2, true},
    {"tabs.c", tabs, sizeof tabs - 1, true},
    {"tail.c", "a\nb", 3, true},
    {"twice.c", "x\ny\nz\nx\ny\nz\n", 12, true},
};

static bool may_create(const char *path, void *unused)
{
    return strncmp(path, "new/", 4) == 0;
}

static aire_status apply(int32_t format, const char *text, size_t length, aire_patched *out)
{
    aire_patch_base base = {sources, sizeof sources / sizeof *sources, may_create, NULL};
    aire_patch *patch;
    aire_status status = aire_patch_new(fuzz_ctx, format, text, length, &patch);
    if (status != AIRE_OK)
        return status;
    status = aire__patch_apply(fuzz_ctx, patch, &base, out);
    aire_patch_unref(patch);
    return status;
}

static const aire_patch_source *source_of(const char *path)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(sources[i].path, path) == 0)
            return &sources[i];
    return NULL;
}

static void check_edit(const aire_patch_edit *edit)
{
    const aire_patch_source *source = source_of(edit->path);
    FUZZ_NEED(edit->created == !source);
    if (!source) {
        FUZZ_NEED(may_create(edit->path, NULL) && edit->data);
        return;
    }
    FUZZ_NEED(source->editable);
    FUZZ_NEED(!edit->data || edit->length != source->length ||
              memcmp(edit->data, source->data, edit->length) != 0);
}

static void check(const aire_patched *p)
{
    FUZZ_NEED(p->outcome == AIRE_OUTCOME_OK || p->outcome == AIRE_OUTCOME_NO_CHANGE ||
              p->outcome == AIRE_OUTCOME_PATCH_FAILED || p->outcome == AIRE_OUTCOME_VIOLATION);
    FUZZ_NEED((p->outcome == AIRE_OUTCOME_OK) == (p->edit_count > 0));
    FUZZ_NEED((p->outcome == AIRE_OUTCOME_OK) == (*p->diff != '\0'));
    FUZZ_NEED((p->outcome == AIRE_OUTCOME_OK) == (*p->message == '\0'));
    if (p->outcome != AIRE_OUTCOME_OK)
        FUZZ_NEED(!p->hunk_count && !p->name_count && !p->added && !p->removed);
    for (size_t i = 0; i < p->hunk_count; i++) {
        const aire_patch_hunk *hunk = &p->hunks[i];
        FUZZ_NEED(hunk->file < p->name_count && hunk->how >= AIRE_PLACED_EXACT &&
                  hunk->how <= AIRE_PLACED_WHOLE);
        FUZZ_NEED(hunk->line > 0 && hunk->confidence > 0 && hunk->confidence <= 1);
    }
    for (size_t i = 0; i < p->edit_count; i++) {
        check_edit(&p->edits[i]);
        FUZZ_NEED(i == 0 || strcmp(p->edits[i - 1].path, p->edits[i].path) < 0);
    }
}

static void check_same(const aire_patched *a, const aire_patched *b)
{
    FUZZ_NEED(a->outcome == b->outcome && a->edit_count == b->edit_count);
    FUZZ_NEED(strcmp(a->diff, b->diff) == 0);
    for (size_t i = 0; i < a->edit_count; i++) {
        const aire_patch_edit *x = &a->edits[i], *y = &b->edits[i];
        FUZZ_NEED(strcmp(x->path, y->path) == 0 && x->created == y->created);
        FUZZ_NEED(!x->data == !y->data && x->length == y->length);
        FUZZ_NEED(!x->data || memcmp(x->data, y->data, x->length) == 0);
    }
}

static void apply_twice(int32_t format, const uint8_t *data, size_t size, bool starved)
{
    aire_patched first, second;
    aire_status status = apply(format, (const char *)data, size, &first);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
    if (status != AIRE_OK)
        return;
    check(&first);
    if (first.outcome == AIRE_OUTCOME_OK) {
        status = apply(AIRE_PATCH_UNIFIED, first.diff, strlen(first.diff), &second);
        FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
        if (status == AIRE_OK) {
            check_same(&first, &second);
            aire__patched_free(&second);
        }
    }
    aire__patched_free(&first);
}

static void apply_in_both_forms(const uint8_t *data, size_t size, bool starved)
{
    apply_twice(AIRE_PATCH_UNIFIED, data, size, starved);
    apply_twice(AIRE_PATCH_ANSWER, data, size, starved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, apply_in_both_forms);
    return 0;
}
