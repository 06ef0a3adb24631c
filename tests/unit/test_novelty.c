/* What is not new is dropped before it costs anything, and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aire/error.h"
#include "aire/ideator.h"
#include "aire/result.h"
#include "patch/likeness.h"
#include "stats/tokens.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 1);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

static aire_patch *make_patch(const char *text)
{
    aire_patch *patch = NULL;
    if (text)
        assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch),
                         AIRE_OK);
    return patch;
}

static aire_idea *make_idea(int64_t id, const char *text, const char *patch, int64_t parent)
{
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.id = id;
    options.text = text;
    options.patch = make_patch(patch);
    options.parents = &parent;
    options.parent_count = parent != 0;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    aire_patch_unref(options.patch);
    return idea;
}

static double likeness(const char *a, const char *b)
{
    aire_hash_set x = {.ctx = ctx}, y = {.ctx = ctx};
    assert_true(aire__token_set_add(&x, a) && aire__token_set_add(&y, b));
    aire__hash_set_seal(&x);
    aire__hash_set_seal(&y);
    double value = aire__token_jaccard(&x, &y);
    aire__hash_set_free(&x);
    aire__hash_set_free(&y);
    return value;
}

static void test_words__are_compared_as_sets(void **state)
{
    assert_true(likeness("", "") == 1);
    assert_true(likeness("a", "") == 0);
    assert_true(likeness("Warm up, slowly!", "slowly: WARM up up") == 1);
    assert_true(likeness("a b c", "b c d") == 0.5);
    assert_true(likeness("lr 0.95", "lr 0.96") < 0.5); /* a number is one word */
    assert_true(likeness("so far.", "so far") == 1);
    assert_true(likeness("w\xc3\xa4rmer", "w\xc3\xa4rmer ") == 1);
}

#define FILE_X "--- a/x.c\n+++ b/x.c\n"
#define CHANGE "-    slow_function(x);\n+    fast_function(x);\n"

static bool same_patch(const char *a, const char *b)
{
    char x[AIRE_SHA256_HEX], y[AIRE_SHA256_HEX];
    aire_patch *p = make_patch(a), *q = make_patch(b);
    aire__patch_change_hash(p, x);
    aire__patch_change_hash(q, y);
    aire_patch_unref(p);
    aire_patch_unref(q);
    return strcmp(x, y) == 0;
}

static void test_patch__is_known_by_its_changes(void **state)
{
    static const char base[] = FILE_X "@@ -3,3 +3,3 @@\n a\n b\n" CHANGE " c\n";
    assert_true(same_patch(base, FILE_X "@@ -4,2 +4,2 @@ main\n b \r\n" CHANGE));
    assert_true(same_patch(base, "diff --git a/x.c b/x.c\nindex 1..2\n" FILE_X
                                 "@@ -4,2 +4,2 @@\n b\n" CHANGE));
    assert_false(same_patch(base, FILE_X "@@ -3,3 +3,3 @@\n b\n a\n" CHANGE));
    assert_false(same_patch(base, "--- a/y.c\n+++ b/y.c\n@@ -4,2 +4,2 @@\n b\n" CHANGE));
    assert_false(same_patch(base, FILE_X "@@ -4,2 +4,2 @@\n b\n-    slow_function(x);\n"));
}

static size_t readded(const char *patch, const char *earlier)
{
    size_t lines;
    aire_patch *p = make_patch(patch), *q = make_patch(earlier);
    assert_int_equal(aire__patch_readded(ctx, p, q, &lines), AIRE_OK);
    aire_patch_unref(p);
    aire_patch_unref(q);
    return lines;
}

static void test_patch__adds_back_what_was_removed(void **state)
{
    static const char removes[] =
        FILE_X "@@ -1,3 +1,1 @@\n-    dropout(x, 0.1);\n-}\n-moved_line;\n"
               "+  moved_line;\n";
    assert_int_equal(readded(FILE_X "@@ -1 +1 @@\n+  dropout(x, 0.1);\n", removes), 1);
    assert_int_equal(readded(FILE_X "@@ -1 +1 @@\n+dropout(x, 0.2);\n+}\n+moved_line;\n", removes),
                     0);
    assert_int_equal(readded(FILE_X "@@ -1 +1 @@\n-    dropout(x, 0.1);\n", removes), 0);
}

/* An ideator that proposes what is in `offer`. */
static aire_idea *offer[8];
static size_t offer_count;

static aire_status propose_offer(aire_plan *plan, aire_cancel *cancel, aire_ideas **out,
                                 void *user_data)
{
    return aire_ideas_new(ctx, offer, offer_count, out);
}

static char told[512];

static void tell(aire_idea *idea, aire_idea *earlier, int32_t kind, void *user_data)
{
    size_t length = strlen(told);
    snprintf(told + length, sizeof told - length, "%s > %s: %s;", aire_idea_text(idea),
             aire_idea_text(earlier), aire_likeness_name(kind));
}

static int asked;
static double closeness = 1;

/* Texts with the same first letter mean the same, as far as `closeness`. */
static aire_status similar(const char *a, const char *b, double *out, void *user_data)
{
    asked++;
    *out = a[0] == b[0] ? closeness : 0;
    return a[0] == '!' ? aire_error_set(AIRE_NET, 0, "embeddings are away") : AIRE_OK;
}

static aire_ideator *make_novelty_from(aire_similarity_fn similarity, double words, double meaning)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose_offer, NULL};
    aire_ideator *inner, *ideator;
    aire_ideator_novelty_options options = AIRE_IDEATOR_NOVELTY_OPTIONS_INIT;
    options.words = words;
    options.meaning = meaning;
    options.similarity = similarity;
    options.alike = tell;
    assert_int_equal(aire_ideator_new_from_ops(ctx, &ops, NULL, &inner), AIRE_OK);
    assert_int_equal(aire_ideator_novelty_new(ctx, inner, &options, &ideator), AIRE_OK);
    aire_ideator_unref(inner);
    told[0] = '\0';
    return ideator;
}

static aire_ideator *make_novelty(aire_similarity_fn similarity)
{
    return make_novelty_from(similarity, 0, 0);
}

static void drop_offer(void)
{
    for (size_t i = 0; i < offer_count; i++)
        aire_idea_unref(offer[i]);
    offer_count = 0;
}

static aire_plan *make_plan(int32_t kind, const char *parent_text, const char *parent_patch,
                            const char *avoid_text)
{
    aire_plan *plan;
    aire_result *parent;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_result_options fields = AIRE_RESULT_OPTIONS_INIT;
    aire_idea *avoid = make_idea(8, avoid_text, NULL, 0);
    fields.kind = AIRE_RUN_IDEA;
    fields.idea = make_idea(7, parent_text, NULL, 0);
    fields.patch = make_patch(parent_patch);
    fields.outcome = AIRE_OUTCOME_CRASHED;
    fields.stage = AIRE_STAGE_RUN;
    assert_int_equal(aire_result_new(ctx, &fields, &parent), AIRE_OK);
    options.kind = kind;
    options.count = 8;
    options.parents = &parent;
    options.parent_count = 1;
    options.avoid = &avoid;
    options.avoid_count = 1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    aire_patch_unref(fields.patch);
    aire_idea_unref(fields.idea);
    aire_idea_unref(avoid);
    aire_result_unref(parent);
    return plan;
}

/* The texts of what is left of the offer. */
static const char *left(aire_ideator *ideator, aire_plan *plan)
{
    static char out[512];
    aire_ideas *ideas;
    out[0] = '\0';
    aire_status status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    if (status != AIRE_OK)
        return aire_status_name(status);
    for (size_t i = 0; i < aire_ideas_count(ideas); i++) {
        size_t length = strlen(out);
        assert_int_equal(aire_idea_ordinal(aire_ideas_get(ideas, i)), i);
        snprintf(out + length, sizeof out - length, "%s;",
                 aire_idea_text(aire_ideas_get(ideas, i)));
    }
    aire_ideas_unref(ideas);
    return out;
}

static void test_novelty__drops_what_is_known(void **state)
{
    aire_ideator *ideator = make_novelty(NULL);
    aire_plan *plan = make_plan(AIRE_PLAN_EXPLOIT, "Widen it", NULL, "Warm up slowly");
    aire_idea *added = make_idea(9, "Cool down early", NULL, 0);
    assert_int_equal(aire_ideator_novelty_add(ideator, added), AIRE_OK);
    offer[offer_count++] = make_idea(0, "WARM up, slowly.", NULL, 0);
    offer[offer_count++] = make_idea(0, "Use momentum", NULL, 0);
    offer[offer_count++] = make_idea(0, "widen   it", NULL, 0);
    offer[offer_count++] = make_idea(0, "early: cool down", NULL, 0);
    offer[offer_count++] = make_idea(0, "momentum, use", NULL, 0);
    assert_string_equal(left(ideator, plan), "Use momentum;");
    assert_string_equal(told, "WARM up, slowly. > Warm up slowly: same text;"
                              "widen   it > Widen it: same text;"
                              "early: cool down > Cool down early: same words;"
                              "momentum, use > Use momentum: same words;");
    assert_string_equal(left(ideator, plan), "Use momentum;"); /* nothing is remembered */
    aire_plan_unref(plan);

    /* What mends a parent may be like it. */
    plan = make_plan(AIRE_PLAN_REPAIR, "Widen it", NULL, "Warm up slowly");
    assert_string_equal(left(ideator, plan), "Use momentum;widen   it;");
    drop_offer();
    offer[offer_count++] = aire_idea_ref(added);
    assert_string_equal(left(ideator, plan), "AIRE_EMPTY");
    drop_offer();
    aire_idea_unref(added);
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
}

static void test_novelty__patches_decide_where_there_are_some(void **state)
{
    aire_ideator *ideator = make_novelty(similar);
    aire_plan *plan = make_plan(AIRE_PLAN_EXPLOIT, "Drop it",
                                FILE_X "@@ -1 +0 @@\n-    dropout(x, 0.1);\n", "other");
    asked = 0;
    offer[offer_count++] = make_idea(0, "Set it to 1", FILE_X "@@ -1 +1 @@\n-a\n+b1\n", 0);
    offer[offer_count++] = make_idea(0, "Set it to 2", FILE_X "@@ -1 +1 @@\n-a\n+b2\n", 0);
    offer[offer_count++] = make_idea(0, "Try two", FILE_X "@@ -1,1 +1,1 @@\n-a\n+b2\n", 0);
    offer[offer_count++] =
        make_idea(0, "Put it back", FILE_X "@@ -1 +1 @@\n+    dropout(x, 0.1);\n", 7);
    assert_string_equal(left(ideator, plan), "Set it to 1;Set it to 2;Put it back;");
    assert_string_equal(told, "Try two > Set it to 2: same patch;"
                              "Put it back > Drop it: adds back what its parent removed;");
    drop_offer();
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
}

static void test_novelty__asks_the_host_for_meaning(void **state)
{
    aire_ideator *ideator = make_novelty(similar);
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, "parent", NULL, "avoid");
    offer[offer_count++] = make_idea(0, "new words", NULL, 0);
    offer[offer_count++] = make_idea(0, "avert all this", NULL, 0);
    offer[offer_count++] = make_idea(0, "nothing known", NULL, 0);
    assert_string_equal(left(ideator, plan), "new words;");
    assert_string_equal(told, "avert all this > avoid: same meaning;"
                              "nothing known > new words: same meaning;");
    drop_offer();
    asked = 0; /* what the words decide costs nothing */
    offer[offer_count++] = make_idea(0, "void: parent.", NULL, 0);
    offer[offer_count++] = make_idea(0, "avoid!", NULL, 0);
    assert_string_equal(left(ideator, plan), "void: parent.;");
    assert_int_equal(asked, 2); /* of the first one: the plan's avoided idea, and the parent */
    drop_offer();
    offer[offer_count++] = make_idea(0, "!", NULL, 0);
    assert_string_equal(left(ideator, plan), "AIRE_NET");
    drop_offer();
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
}

/* One half of the words, or of the meaning, is the same where the options say so. */
static void test_novelty__has_thresholds(void **state)
{
    static const struct {
        double words, meaning, closeness;
        const char *left;
    } cases[] = {
        {0, 0, 0.9, "alpha beta gamma delta;alpha beta gamma omega;"}, /* 3 of 5 words */
        {0.5, 0, 0.9, "alpha beta gamma delta;"},
        {0.7, 0, 0.9, "alpha beta gamma delta;alpha beta gamma omega;"},
        {0, 0.8, 0.9, "alpha beta gamma delta;"},
        {0, 0.8, 0.7, "alpha beta gamma delta;alpha beta gamma omega;"},
    };
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, "parent", NULL, "other");
    offer[offer_count++] = make_idea(0, "alpha beta gamma delta", NULL, 0);
    offer[offer_count++] = make_idea(0, "alpha beta gamma omega", NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aire_ideator *ideator = make_novelty_from(similar, cases[i].words, cases[i].meaning);
        closeness = cases[i].closeness;
        assert_string_equal(left(ideator, plan), cases[i].left);
        aire_ideator_unref(ideator);
    }
    closeness = 1;
    drop_offer();
    aire_plan_unref(plan);
}

static void test_novelty__refuses_what_is_wrong(void **state)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose_offer, NULL};
    aire_ideator *inner, *ideator;
    aire_ideator_novelty_options options = AIRE_IDEATOR_NOVELTY_OPTIONS_INIT;
    aire_idea *idea = make_idea(1, "x", NULL, 0);
    assert_int_equal(aire_ideator_new_from_ops(ctx, &ops, NULL, &inner), AIRE_OK);
    options.words = 1.5;
    assert_int_equal(aire_ideator_novelty_new(ctx, inner, &options, &ideator), AIRE_INVALID);
    assert_int_equal(aire_ideator_novelty_new(ctx, NULL, NULL, &ideator), AIRE_INVALID);
    assert_null(ideator);
    assert_int_equal(aire_ideator_novelty_add(inner, idea), AIRE_INVALID);
    assert_int_equal(aire_ideator_novelty_add(NULL, idea), AIRE_INVALID);
    assert_string_equal(aire_likeness_name(99), "?");
    aire_idea_unref(idea);
    aire_ideator_unref(inner);
}

static aire_status whole(aire_plan *plan)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose_offer, NULL};
    aire_ideator *inner = NULL, *ideator = NULL;
    aire_ideas *ideas = NULL;
    aire_status status = aire_ideator_new_from_ops(ctx, &ops, NULL, &inner);
    if (status == AIRE_OK)
        status = aire_ideator_novelty_new(ctx, inner, NULL, &ideator);
    if (status == AIRE_OK)
        status = aire_ideator_novelty_add(ideator, offer[1]);
    if (status == AIRE_OK)
        status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    aire_ideas_unref(ideas);
    aire_ideator_unref(ideator);
    aire_ideator_unref(inner);
    return status;
}

static void test_novelty__survives_want_of_memory(void **state)
{
    aire_plan *plan =
        make_plan(AIRE_PLAN_EXPLOIT, "Drop it", FILE_X "-dropout(x, 0.1);\n", "other");
    offer[offer_count++] = make_idea(0, "Set it to 1", FILE_X "+dropout(x, 0.1);\n", 7);
    offer[offer_count++] = make_idea(0, "Set it", NULL, 0);
    OOM_LOOP(&memory, whole(plan), (void)0);
    drop_offer();
    aire_plan_unref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words__are_compared_as_sets),
        cmocka_unit_test(test_patch__is_known_by_its_changes),
        cmocka_unit_test(test_patch__adds_back_what_was_removed),
        cmocka_unit_test(test_novelty__drops_what_is_known),
        cmocka_unit_test(test_novelty__patches_decide_where_there_are_some),
        cmocka_unit_test(test_novelty__asks_the_host_for_meaning),
        cmocka_unit_test(test_novelty__has_thresholds),
        cmocka_unit_test(test_novelty__refuses_what_is_wrong),
        cmocka_unit_test(test_novelty__survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
