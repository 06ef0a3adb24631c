/* The ideator room: knobs, chat, replay and the host's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/ideator.h"
#include "base/fs.h"
#include "base/str.h"
#include "env/env.h"
#include "ideator/knob_draw.h"
#include "ideator/mentions.h"
#include "ideator/settings.h"
#include "patch/patch.h"
#include "support/failing.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

static failing memory;
static aire_ctx *ctx;
static char root[64];

/* An environment as aire_env_open would make it. */

static const char train_c[] = "double lr = 1.5e-3;\n"
                              "int layers = 4;\n"
                              "adam(0.9, 0.95);\n"
                              "double at(double t)\n"
                              "{\n"
                              "    return lr * (1.0 - t);\n"
                              "    norm(x);\n"
                              "}\n";
static const char config_h[] = "#define WIDTH 64\n";

static aire_env_file files[] = {
    {TEXT("config.h"), AIRE_FILE_EDITABLE, 0644, TEXT(config_h), sizeof config_h - 1, true},
    {TEXT("train.c"), AIRE_FILE_EDITABLE, 0644, TEXT(train_c), sizeof train_c - 1, true},
};

static aire_env_edit cosine[] = {
    {TEXT("train.c"), TEXT("lr * (1.0 - t)"), TEXT("lr * 0.5 * (1 + cos(t))")}};
static aire_env_edit constant[] = {{TEXT("train.c"), TEXT("lr * (1.0 - t)"), TEXT("lr")}};
static aire_env_choice schedules[] = {
    {TEXT("cosine"), TEXT("A cosine schedule stays high longer"), cosine, 1},
    {TEXT("constant"), TEXT("No decay at all."), constant, 1},
};
static aire_env_edit no_norm[] = {{TEXT("train.c"), TEXT("    norm(x);\n"), TEXT("")}};
static aire_env_edit fused[] = {
    {TEXT("train.c"), TEXT("(1.0 - t);\n    norm(x)"), TEXT("(1.0 - t) * fused(x)")},
    {TEXT("config.h"), TEXT("#define"), TEXT("#define FUSED 1\n#define")}};
static aire_env_choice norms[] = {
    {TEXT("none"), TEXT("Drop the norm."), no_norm, 1},
    {TEXT("fused"), TEXT("Fuse the norm."), fused, 2},
};
static double widths[] = {32, 64, 128, 256};

enum { LR, LAYERS, BETA1, BETA2, WIDTH, SCHEDULE, NORM, KNOBS };

static aire_env_knob knobs[KNOBS] = {
    [LR] = {.name = TEXT("peak_lr"),
            .about = TEXT("Learning rate after warm-up"),
            .is_number = true,
            .file = TEXT("train.c"),
            .text = TEXT("double lr = {};"),
            .baseline = TEXT("1.5e-3"),
            .value = 1.5e-3,
            .min = 1e-4,
            .max = 1e-2,
            .log_scale = true},
    [LAYERS] = {.name = TEXT("layers"),
                .about = TEXT("Depth."),
                .is_number = true,
                .file = TEXT("train.c"),
                .text = TEXT("int layers = {};"),
                .baseline = TEXT("4"),
                .value = 4,
                .min = 1,
                .max = 12,
                .integer = true},
    [BETA1] = {.name = TEXT("beta1"),
               .about = TEXT("Momentum."),
               .is_number = true,
               .file = TEXT("train.c"),
               .text = TEXT("adam({}, 0.95)"),
               .baseline = TEXT("0.9"),
               .value = 0.9,
               .min = 0.5,
               .max = 0.99},
    [BETA2] = {.name = TEXT("beta2"),
               .about = TEXT("Second moment."),
               .is_number = true,
               .file = TEXT("train.c"),
               .text = TEXT("adam(0.9, {})"),
               .baseline = TEXT("0.95"),
               .value = 0.95,
               .min = 0.8,
               .max = 2},
    [WIDTH] = {.name = TEXT("width"),
               .about = TEXT("Width."),
               .is_number = true,
               .file = TEXT("config.h"),
               .text = TEXT("WIDTH {}"),
               .baseline = TEXT("64"),
               .value = 64,
               .min = 32,
               .max = 256,
               .integer = true,
               .values = widths,
               .value_count = 4},
    [SCHEDULE] = {.name = TEXT("schedule"),
                  .about = TEXT("Decay."),
                  .choices = schedules,
                  .choice_count = 2},
    [NORM] = {.name = TEXT("norm"), .about = TEXT("Norm."), .choices = norms, .choice_count = 2},
};

static aire_env env = {
    .name = TEXT("toy"),
    .goal = TEXT("Make it better."),
    .rules = TEXT(""),
    .hints = TEXT(""),
    .budget_text = TEXT(""),
    .files = files,
    .file_count = 2,
    .metric = {.name = TEXT("val_loss"), .minimize = true, .transform = AIRE_REWARD_INVERSE},
    .knobs = knobs,
    .knob_count = KNOBS,
};

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 11);
    env.ctx = ctx;
    aire__ref_init(&env.refs); /* never dropped: the environment is static */
    snprintf(root, sizeof root, "/tmp/aire-ideator-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

static aire_idea *make_idea(int64_t id, const char *changes)
{
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.id = id;
    options.text = "an idea";
    options.changes = changes;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    return idea;
}

static aire_result *make_result(int64_t id, const char *changes, double reward)
{
    aire_result *result;
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    options.kind = AIRE_RUN_IDEA;
    options.idea = make_idea(id, changes);
    options.trust = AIRE_TRUST_EVALUATED;
    if (isnan(reward)) {
        options.outcome = AIRE_OUTCOME_CRASHED;
        options.stage = AIRE_STAGE_RUN;
    } else
        options.reward = reward;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    aire_idea_unref(options.idea);
    return result;
}

static aire_plan *make_plan(int32_t kind, int64_t id, int32_t count, aire_result *const *parents,
                            size_t parent_count, aire_idea *const *avoid, size_t avoid_count)
{
    aire_plan *plan;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    options.kind = kind;
    options.id = id;
    options.count = count;
    options.parents = parents;
    options.parent_count = parent_count;
    options.avoid = avoid;
    options.avoid_count = avoid_count;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    return plan;
}

static aire_ideator *make_knobs(uint64_t seed, int32_t max_changes)
{
    aire_ideator *ideator;
    aire_ideator_knobs_options options = AIRE_IDEATOR_KNOBS_OPTIONS_INIT;
    options.seed = seed;
    options.max_changes = max_changes;
    assert_int_equal(aire_ideator_knobs_new(ctx, &env, &options, &ideator), AIRE_OK);
    return ideator;
}

/* What the knob ideator proposes to a plan, which is taken over. */
static aire_ideas *turn(uint64_t seed, aire_plan *plan)
{
    aire_ideas *ideas;
    aire_ideator *ideator = make_knobs(seed, 0);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    assert_true(aire_ideas_count(ideas) <= (size_t)aire_plan_count(plan));
    for (size_t i = 0; i < aire_ideas_count(ideas); i++) {
        assert_ptr_equal(aire_idea_plan(aire_ideas_get(ideas, i)), plan);
        assert_int_equal(aire_idea_ordinal(aire_ideas_get(ideas, i)), i);
    }
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
    return ideas;
}

static aire_ideas *turn_fresh(uint64_t seed, int64_t id, int32_t count)
{
    return turn(seed, make_plan(AIRE_PLAN_FRESH, id, count, NULL, 0, NULL, 0));
}

static const char *changes_of(aire_ideas *ideas, size_t index)
{
    return aire_idea_changes(aire_ideas_get(ideas, index));
}

static bool turns_knob(const char *changes, int knob)
{
    char line[64];
    snprintf(line, sizeof line, "%s = ", knobs[knob].name);
    const char *at = strstr(changes, line);
    return at && (at == changes || at[-1] == '\n');
}

static bool no_files(const char *path, void *user_data)
{
    return false;
}

/* Apply an idea's patch; the file's new text is kept in `out` ("" if the patch leaves it alone). */
static void apply(const aire_idea *idea, const char *path, char *out, size_t size)
{
    const aire_patch_source sources[] = {{"config.h", config_h, sizeof config_h - 1, true},
                                         {"train.c", train_c, sizeof train_c - 1, true}};
    const aire_patch_base base = {sources, 2, no_files, NULL};
    aire_patched patched;
    assert_int_equal(aire__patch_apply(ctx, aire_idea_patch(idea), &base, &patched), AIRE_OK);
    if (patched.outcome != AIRE_OUTCOME_OK)
        fail_msg("%s\n%s", patched.message, aire_patch_text(aire_idea_patch(idea)));
    out[0] = '\0';
    for (size_t i = 0; i < patched.edit_count; i++)
        if (strcmp(patched.edits[i].path, path) == 0)
            snprintf(out, size, "%s", patched.edits[i].data);
    aire__patched_free(&patched);
}

static void test_knobs__fresh_ideas_carry_patches_that_do_what_they_say(void **state)
{
    aire_ideas *ideas = turn_fresh(1, 1, 60);
    size_t seen[KNOBS] = {0};
    assert_int_equal(aire_ideas_count(ideas), 60);
    for (size_t i = 0; i < 60; i++) {
        const aire_idea *idea = aire_ideas_get(ideas, i);
        aire_turn turns[KNOBS];
        char text[1024], number[AIRE_NUMBER_MAX], wanted[128];
        assert_true(aire__setting_parse(&env, aire_idea_changes(idea), turns));
        assert_in_range(aire__setting_count(&env, turns), 1, 3);
        assert_string_equal(aire_idea_origin(idea), "knobs");
        assert_int_equal(aire_idea_parent_count(idea), 0);
        for (size_t k = 0; k < KNOBS; k++)
            seen[k] += turns[k].turned;
        if (turns[LR].turned) {
            apply(idea, "train.c", text, sizeof text);
            snprintf(wanted, sizeof wanted, "double lr = %s;\n",
                     aire__turn_text(&knobs[LR], &turns[LR], number));
            assert_non_null(strstr(text, wanted));
            snprintf(wanted, sizeof wanted,
                     "%s peak lr from 1.5e-3 to %s. Learning rate after "
                     "warm-up.\n",
                     turns[LR].value > 1.5e-3 ? "Raise" : "Lower", number);
            assert_non_null(strstr(aire_idea_text(idea), wanted));
        }
        if (turns[WIDTH].turned) {
            apply(idea, "config.h", text, sizeof text);
            snprintf(wanted, sizeof wanted, "WIDTH %s\n",
                     aire__turn_text(&knobs[WIDTH], &turns[WIDTH], number));
            assert_non_null(strstr(text, wanted));
        }
        if (turns[SCHEDULE].turned && turns[SCHEDULE].choice == 0) {
            apply(idea, "train.c", text, sizeof text);
            assert_non_null(strstr(text, "    return lr * 0.5 * (1 + cos(t));\n"));
            assert_non_null(strstr(aire_idea_text(idea),
                                   "A cosine schedule stays high longer. (schedule: cosine.)\n"));
            assert_non_null(strstr(aire_idea_title(idea), "schedule: cosine"));
        }
        /* Of two knobs that change the same lines one is left out. */
        assert_false(turns[SCHEDULE].turned && turns[NORM].turned && turns[NORM].choice == 1);
    }
    for (size_t k = 0; k < KNOBS; k++)
        assert_true(seen[k] > 3);
    aire_ideas_unref(ideas);
}

static void test_knobs__two_numbers_in_one_line_can_both_turn(void **state)
{
    aire_ideas *ideas = turn_fresh(1, 1, 200);
    char text[1024];
    size_t both = 0;
    for (size_t i = 0; i < aire_ideas_count(ideas); i++)
        if (turns_knob(changes_of(ideas, i), BETA1) && turns_knob(changes_of(ideas, i), BETA2)) {
            apply(aire_ideas_get(ideas, i), "train.c", text, sizeof text);
            assert_null(strstr(text, "0.9,"));
            assert_null(strstr(text, " 0.95)"));
            both++;
        }
    assert_true(both > 0);
    aire_ideas_unref(ideas);
}

static void test_knobs__are_a_function_of_seed_and_plan(void **state)
{
    aire_ideas *first = turn_fresh(5, 3, 8), *again = turn_fresh(5, 3, 8);
    aire_ideas *seed = turn_fresh(6, 3, 8), *plan = turn_fresh(5, 4, 8);
    size_t other_seed = 0, other_plan = 0;
    for (size_t i = 0; i < 8; i++) {
        char *a, *b;
        assert_int_equal(aire_idea_to_json(aire_ideas_get(first, i), &a), AIRE_OK);
        assert_int_equal(aire_idea_to_json(aire_ideas_get(again, i), &b), AIRE_OK);
        assert_string_equal(a, b);
        aire_free(ctx, a);
        aire_free(ctx, b);
        other_seed += strcmp(changes_of(first, i), changes_of(seed, i)) != 0;
        other_plan += strcmp(changes_of(first, i), changes_of(plan, i)) != 0;
    }
    assert_true(other_seed > 4);
    assert_true(other_plan > 4);
    aire_ideas_unref(first);
    aire_ideas_unref(again);
    aire_ideas_unref(seed);
    aire_ideas_unref(plan);
}

static void test_knobs__never_propose_a_setting_twice(void **state)
{
    aire_ideas *before = turn_fresh(5, 3, 40);
    aire_idea *avoid[40];
    for (size_t i = 0; i < 40; i++)
        avoid[i] = aire_ideas_get(before, i);
    /* The same stream again, with all that it gave to be avoided. */
    aire_ideas *after = turn(5, make_plan(AIRE_PLAN_FRESH, 3, 40, NULL, 0, avoid, 40));
    assert_int_equal(aire_ideas_count(after), 40);
    for (size_t i = 0; i < 40; i++)
        for (size_t j = 0; j < 40; j++) {
            assert_string_not_equal(changes_of(after, i), changes_of(before, j));
            if (i != j)
                assert_string_not_equal(changes_of(after, i), changes_of(after, j));
        }
    aire_ideas_unref(before);
    aire_ideas_unref(after);
}

static void test_knobs__crossover_joins_two_parents(void **state)
{
    aire_result *parents[] = {
        make_result(21, "peak_lr = 0.003\nbeta1 = 0.85\n", 0.30),
        make_result(22, "schedule = cosine\nlayers = 6\n", 0.31),
        make_result(23, "width = 128\n", NAN), /* failed: nothing to build on */
    };
    aire_ideas *ideas = turn(2, make_plan(AIRE_PLAN_CROSSOVER, 9, 12, parents, 3, NULL, 0));
    assert_true(aire_ideas_count(ideas) >= 3);
    size_t all = 0;
    for (size_t i = 0; i < aire_ideas_count(ideas); i++) {
        const aire_idea *idea = aire_ideas_get(ideas, i);
        const char *changes = aire_idea_changes(idea);
        assert_int_equal(aire_idea_parent_count(idea), 2);
        assert_int_equal(aire_idea_parent(idea, 0) + aire_idea_parent(idea, 1), 43);
        assert_null(strstr(changes, "width"));
        assert_null(strstr(changes, "norm"));
        all +=
            strcmp(changes, "peak_lr = 0.003\nlayers = 6\nbeta1 = 0.85\nschedule = cosine\n") == 0;
    }
    assert_int_equal(all, 1);
    aire_ideas_unref(ideas);
    for (size_t i = 0; i < 3; i++)
        aire_result_unref(parents[i]);
}

static void test_knobs__exploit_builds_on_what_was_better(void **state)
{
    aire_result *parents[] = {
        make_result(21, "peak_lr = 0.003\n", 0.30), make_result(22, "beta1 = 0.85\n", 0.31),
        make_result(23, "width = 128\n", NAN), make_result(24, "prose of another ideator", 0.4)};
    aire_ideas *ideas = turn(2, make_plan(AIRE_PLAN_EXPLOIT, 9, 30, parents, 4, NULL, 0));
    size_t joined = 0, moved = 0, more = 0, better = 0, worse = 0;
    for (size_t i = 0; i < aire_ideas_count(ideas); i++) {
        const aire_idea *idea = aire_ideas_get(ideas, i);
        aire_turn turns[KNOBS];
        assert_true(aire__setting_parse(&env, aire_idea_changes(idea), turns));
        assert_in_range(aire_idea_parent_count(idea), 1, 2);
        for (size_t j = 0; j < aire_idea_parent_count(idea); j++) {
            better += aire_idea_parent(idea, j) == 22;
            worse += aire_idea_parent(idea, j) == 21;
            assert_in_range(aire_idea_parent(idea, j), 21, 22);
        }
        joined += turns[LR].turned && turns[LR].value == 0.003 && turns[BETA1].value == 0.85;
        moved += turns[LR].turned && turns[LR].value != 0.003;
        more += aire__setting_count(&env, turns) > 1;
    }
    assert_true(joined > 0 && moved > 0 && more > 0);
    assert_true(better > worse && worse > 0);
    aire_ideas_unref(ideas);

    /* Without a parent to build on it is fresh. */
    ideas = turn(2, make_plan(AIRE_PLAN_EXPLOIT, 9, 3, parents + 2, 2, NULL, 0));
    assert_int_equal(aire_ideas_count(ideas), 3);
    assert_int_equal(aire_idea_parent_count(aire_ideas_get(ideas, 0)), 0);
    aire_ideas_unref(ideas);
    for (size_t i = 0; i < 4; i++)
        aire_result_unref(parents[i]);
}

static void test_knobs__explore_goes_where_nobody_was(void **state)
{
    aire_result *parents[] = {make_result(1, "peak_lr = 0.003\nlayers = 6\nwidth = 128\n", 0.3),
                              make_result(2, "peak_lr = 0.004\nlayers = 7\nwidth = 32\n", NAN),
                              make_result(3, "peak_lr = 0.005\nlayers = 5\nbeta2 = 1\n", 0.3)};
    aire_idea *avoid[] = {make_idea(4, "schedule = cosine\nbeta2 = 0.97\npeak_lr = 0.002\n")};
    aire_ideas *ideas = turn(3, make_plan(AIRE_PLAN_EXPLORE, 5, 10, parents, 3, avoid, 1));
    size_t used = 0, seldom = 0;
    assert_int_equal(aire_ideas_count(ideas), 10);
    for (size_t i = 0; i < 10; i++) {
        used += turns_knob(changes_of(ideas, i), LR) + turns_knob(changes_of(ideas, i), LAYERS);
        seldom += turns_knob(changes_of(ideas, i), BETA1) + turns_knob(changes_of(ideas, i), NORM);
    }
    assert_true(seldom >= 2 * used);
    assert_true(seldom >= 6);
    aire_ideas_unref(ideas);
    aire_idea_unref(avoid[0]);
    for (size_t i = 0; i < 3; i++)
        aire_result_unref(parents[i]);
}

static void test_knobs__run_out(void **state)
{
    env.knobs = &knobs[SCHEDULE];
    env.knob_count = 1;
    aire_ideas *ideas = turn_fresh(1, 1, 5), *none;
    assert_int_equal(aire_ideas_count(ideas), 2);
    aire_idea *avoid[] = {aire_ideas_get(ideas, 0), aire_ideas_get(ideas, 1)};
    aire_plan *plan = make_plan(AIRE_PLAN_EXPLORE, 2, 5, NULL, 0, avoid, 2);
    aire_ideator *ideator = make_knobs(1, 0);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &none), AIRE_EMPTY);
    assert_null(none);
    aire_plan_unref(plan);
    aire_ideas_unref(ideas);

    aire_cancel *cancel;
    plan = make_plan(AIRE_PLAN_FRESH, 2, 5, NULL, 0, NULL, 0);
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    aire_cancel_fire(cancel);
    assert_int_equal(aire_ideator_propose(ideator, plan, cancel, &none), AIRE_CANCELLED);
    aire_cancel_unref(cancel);
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);

    env.knob_count = 0;
    assert_int_equal(aire_ideator_knobs_new(ctx, &env, NULL, &ideator), AIRE_UNSUPPORTED);
    env.knobs = knobs;
    env.knob_count = KNOBS;
    assert_null(ideator);
}

static void test_draw__stays_in_range_and_off_the_baseline(void **state)
{
    for (int knob = LR; knob <= WIDTH; knob++)
        for (uint64_t i = 0; i < 600; i++) {
            aire_rng rng;
            aire_turn here = {0}, drawn;
            const aire_env_knob *k = &knobs[knob];
            char text[AIRE_NUMBER_MAX];
            double back = 0;
            aire__rng_init(&rng, 1, k->name, i);
            assert_true(aire__knob_draw(k, &rng, &here, (aire_reach)(i % 3), &drawn));
            assert_true(drawn.turned && drawn.value >= k->min && drawn.value <= k->max);
            assert_true(drawn.value != k->value);
            if (k->integer)
                assert_true(drawn.value == floor(drawn.value));
            if (knob == WIDTH)
                assert_true(drawn.value == 32 || drawn.value == 128 || drawn.value == 256);
            aire__knob_number(k, drawn.value, text);
            assert_true(aire__number_parse(text, strlen(text), &back) && back == drawn.value);
            assert_true(strlen(text) <= 7);
            if (!k->integer)
                assert_non_null(strpbrk(text, ".e"));
            assert_true(aire__knob_place(k, drawn.value) >= 0 &&
                        aire__knob_place(k, drawn.value) <= 1);
        }
}

static void test_setting__reads_its_own_lines_only(void **state)
{
    static const char *const bad[] = {"",
                                      "prose",
                                      "peak_lr = fast\n",
                                      "peak_lr=0.003\n",
                                      "rate = 1\n",
                                      "schedule = sine\n",
                                      "peak_lr = 1.5e-3\n", /* the baseline */
                                      "layers = 5\nlayers = 6\n"};
    aire_turn turns[KNOBS];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(aire__setting_parse(&env, bad[i], turns));
    assert_true(aire__setting_parse(&env, "layers = 5\n\nschedule = constant", turns));
    assert_int_equal(aire__setting_count(&env, turns), 2);
    aire_buf buf;
    aire__buf_init(&buf, ctx, 1000);
    aire__setting_print(&buf, &env, turns);
    assert_string_equal(buf.data, "layers = 5\nschedule = constant\n");
    aire__buf_free(&buf);
    char text[AIRE_NUMBER_MAX];
    aire__knob_number(&knobs[BETA2], 1, text);
    assert_string_equal(text, "1.0");
}

static void test_draw__knows_when_there_is_nothing_to_draw(void **state)
{
    aire_env_knob knob = {.is_number = true, .value = 1, .min = 2, .max = 2};
    aire_turn here = {0}, drawn = {0};
    aire_rng rng;
    aire__rng_init(&rng, 1, "test", 0);
    assert_false(aire__knob_draw(&knob, &rng, &here, AIRE_REACH_STEP, &drawn));
    assert_false(aire__knob_draw(&knob, &rng, &here, AIRE_REACH_ANYWHERE, &drawn));
    assert_false(drawn.turned);
    aire_turn only = {.turned = true};
    knob = (aire_env_knob){.choices = schedules, .choice_count = 1};
    assert_false(aire__knob_draw(&knob, &rng, &only, AIRE_REACH_STEP, &drawn));
    assert_true(aire__knob_draw(&knob, &rng, &here, AIRE_REACH_STEP, &drawn));
}

static const char *write_file(const char *name, const char *text)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(aire__fs_write(ctx, path, text, strlen(text), 0600), AIRE_OK);
    return path;
}

static void test_knobs__turn_those_of_a_manifest(void **state)
{
    static const char manifest[] =
        "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"Be good.\",\n"
        " \"files\": {\"editable\": [\"*.c\"]}, \"run\": {\"command\": \"true\"},\n"
        " \"metric\": {\"name\": \"loss\", \"direction\": \"minimize\", \"stage\": \"run\",\n"
        "   \"trust\": \"self_reported\", \"reward\": \"negate\"},\n"
        " \"knobs\": [{\"name\": \"lr\", \"about\": \"Rate.\", \"file\": \"train.c\",\n"
        "   \"text\": \"lr = {};\", \"baseline\": \"1.5e-3\", \"range\": [1e-4, 1e-2], \"scale\": "
        "\"log\"}]}";
    aire_env *opened;
    aire_ideator *ideator;
    aire_ideas *ideas;
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 4, NULL, 0, NULL, 0);
    char text[1024], directory[sizeof root + 8];
    snprintf(directory, sizeof directory, "%s/env", root);
    assert_int_equal(aire__fs_mkdirs(ctx, directory, 0755), AIRE_OK);
    write_file("env/aire.json", manifest);
    write_file("env/train.c", train_c);
    if (aire_env_open(ctx, directory, NULL, &opened) != AIRE_OK)
        fail_msg("%s", message());
    assert_int_equal(aire_ideator_knobs_new(ctx, opened, NULL, &ideator), AIRE_OK);
    aire_env_unref(opened);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 4);
    for (size_t i = 0; i < 4; i++) {
        apply(aire_ideas_get(ideas, i), "train.c", text, sizeof text);
        assert_true(aire__starts_with(text, "double lr = 0.0"));
    }
    aire_ideas_unref(ideas);
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
}

static aire_status knobs_whole(void)
{
    aire_ideator *ideator = NULL;
    aire_plan *plan = NULL;
    aire_ideas *ideas = NULL;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 2;
    aire_status status = aire_ideator_knobs_new(ctx, &env, NULL, &ideator);
    if (status == AIRE_OK)
        status = aire_plan_new(ctx, &options, &plan);
    if (status == AIRE_OK)
        status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    aire_ideas_unref(ideas);
    aire_plan_unref(plan);
    aire_ideator_unref(ideator);
    return status;
}

static aire_ideator *make_chat(const char *answers)
{
    char spec[160];
    aire_model *model;
    aire_ideator *ideator;
    snprintf(spec, sizeof spec, "replay:%s", write_file("lines.jsonl", answers));
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, NULL, &ideator), AIRE_OK);
    aire_model_unref(model);
    return ideator;
}

static char asked[4096];

static aire_status keep_request(const aire_model_call *call, void *user_data)
{
    const aire_model_call_options *c = aire_model_call_get(call);
    snprintf(asked, sizeof asked, "%s %lld %.3000s", c->purpose, (long long)c->plan_id, c->request);
    return AIRE_OK;
}

static void test_chat__turns_answers_into_ideas(void **state)
{
    aire_ideator *ideator = make_chat(
        "{\"answer\": \"Well. [Experiment]\\nWarm up\\nIt builds on idea 21.\\n[Code Changes]\\nIn "
        "train.c.\\n[End]\\n[Experiment]\\nCool down\\n[End]\\n[Experiment]\\nOne too "
        "many\\n[End]\","
        " \"thinking\": \"hm\"}\n"
        "{\"answer\": \"[Experiment]\\nWarm up\\n[End][Experiment] Cut sho\", \"finish\": "
        "\"length\"}\n"
        "{\"answer\": \"I cannot.\"}\n");
    aire_result *parents[] = {make_result(21, "peak_lr = 0.003\n", 0.30)};
    aire_plan *plan = make_plan(AIRE_PLAN_EXPLOIT, 9, 2, parents, 1, NULL, 0);
    aire_ideas *ideas;
    aire_ctx_set_call_sink(ctx, keep_request, NULL);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    assert_true(
        aire__starts_with(asked, "ideas 9 {\"messages\":[{\"role\":\"user\",\"content\":\""));
    assert_int_equal(aire_ideas_count(ideas), 2);
    const aire_idea *idea = aire_ideas_get(ideas, 0);
    assert_string_equal(aire_idea_title(idea), "Warm up");
    assert_string_equal(aire_idea_text(idea), "Warm up\nIt builds on idea 21.");
    assert_string_equal(aire_idea_changes(idea), "In train.c.");
    assert_string_equal(aire_idea_reasoning(idea), "hm");
    assert_true(aire__starts_with(aire_idea_origin(idea), "replay:"));
    assert_int_equal(aire_idea_parent_count(idea), 1);
    assert_int_equal(aire_idea_parent(idea, 0), 21);
    assert_ptr_equal(aire_idea_plan(idea), plan);
    assert_null(aire_idea_patch(idea));
    assert_int_equal(aire_idea_ordinal(aire_ideas_get(ideas, 1)), 1);
    assert_int_equal(aire_idea_parent_count(aire_ideas_get(ideas, 1)), 0);
    aire_ideas_unref(ideas);

    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 1);
    aire_ideas_unref(ideas);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_EMPTY);
    assert_null(ideas);
    assert_non_null(strstr(message(), "it begins: I cannot."));
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_DONE);
    aire_plan_unref(plan);
    aire_result_unref(parents[0]);
    aire_ideator_unref(ideator);
}

/* A model with a small context, and a template of one's own. */
static void test_chat__asks_by_templates_and_in_a_context(void **state)
{
    char spec[160], directory[sizeof root + 8];
    aire_model *model;
    aire_ideator *ideator;
    aire_ideas *ideas;
    aire_ideator_chat_options options = AIRE_IDEATOR_CHAT_OPTIONS_INIT;
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 1, NULL, 0, NULL, 0);
    snprintf(directory, sizeof directory, "%s/prompts", root);
    assert_int_equal(aire__fs_mkdirs(ctx, directory, 0755), AIRE_OK);
    write_file("prompts/fresh.txt",
               "Mine.\n{{problem}}\n{{code}}\n{{avoid}}\n{{ideas}}\n{{form}}\n");
    snprintf(spec, sizeof spec, "replay:%s",
             write_file("lines.jsonl", "{\"answer\": \"[Experiment] Warm up [End]\"}"));
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    options.template_dir = directory;
    options.context_tokens = 2000;
    options.max_tokens = 50;
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_OK);
    aire_ctx_set_call_sink(ctx, keep_request, NULL);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    assert_non_null(strstr(asked, "\"content\":\"Mine.\\n## Goal"));
    aire_ideas_unref(ideas);
    aire_ideator_unref(ideator);
    options.context_tokens = 100; /* 140 bytes for the request */
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_OK);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_LIMIT);
    aire_ideator_unref(ideator);
    aire_model_unref(model);
    aire_plan_unref(plan);
}

/* A model that answers with one text, and keeps what it was asked. */
static const char *model_answer;
static char asked_schema[4096];

static aire_status answer_text(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                               void *user_data)
{
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    snprintf(asked, sizeof asked, "%s", request->messages[0].text);
    snprintf(asked_schema, sizeof asked_schema, "%s", request->schema ? request->schema : "");
    said.text = model_answer;
    said.thinking = "hm";
    return aire_answer_new(ctx, &said, out);
}

static aire_status make_schema(aire_ideator **out)
{
    static const aire_model_ops ops = {sizeof ops, 0, answer_text, NULL};
    aire_model *model;
    aire_status status = aire_model_new_from_ops(ctx, "small", &ops, NULL, &model);
    if (status == AIRE_OK)
        status = aire_ideator_schema_new(ctx, &env, model, NULL, out);
    aire_model_unref(model);
    return status;
}

static aire_status choose(const char *answer, aire_plan *plan, aire_ideas **out)
{
    aire_ideator *ideator = NULL;
    *out = NULL;
    model_answer = answer;
    aire_status status = make_schema(&ideator);
    if (status == AIRE_OK)
        status = aire_ideator_propose(ideator, plan, NULL, out);
    aire_ideator_unref(ideator);
    return status;
}

#define REST                                                                                       \
    "\"beta1\": 0.9, \"beta2\": 0.95, \"width\": 64, \"schedule\": \"unchanged\", \"norm\": "      \
    "\"unchanged\"}"

static void test_schema__lets_a_model_choose(void **state)
{
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 2, NULL, 0, NULL, 0);
    aire_ideas *ideas, *same;
    char text[1024];
    assert_int_equal(
        choose("{\"ideas\": [{\"why\": \"More is more.\", \"peak_lr\": 0.003, \"layers\": 4, " REST
               ", {\"why\": \"Stay high.\", \"peak_lr\": 0.0015, \"layers\": 8, \"beta1\": 0.9, "
               "\"beta2\": 0.95, \"width\": 128, \"schedule\": \"cosine\", \"norm\": "
               "\"unchanged\"}]}",
               plan, &ideas),
        AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 2);
    const aire_idea *idea = aire_ideas_get(ideas, 0);
    assert_string_equal(aire_idea_changes(idea), "peak_lr = 0.003\n");
    assert_non_null(strstr(aire_idea_text(idea), "More is more.\n"));
    assert_string_equal(aire_idea_title(idea), "Raise peak lr from 1.5e-3 to 0.003");
    assert_string_equal(aire_idea_reasoning(idea), "hm");
    assert_string_equal(aire_idea_origin(idea), "small");
    apply(idea, "train.c", text, sizeof text);
    assert_non_null(strstr(text, "double lr = 0.003;\n"));
    assert_string_equal(changes_of(ideas, 1), "layers = 8\nwidth = 128\nschedule = cosine\n");
    apply(aire_ideas_get(ideas, 1), "train.c", text, sizeof text);
    assert_non_null(strstr(text, "int layers = 8;\n"));
    assert_non_null(strstr(text, "0.5 * (1 + cos(t))"));

    assert_non_null(strstr(asked, "- `peak_lr`: Learning rate after warm-up It is 1.5e-3; numbers "
                                  "from 0.0001 to 0.01 on a logarithmic scale.\n"));
    assert_non_null(strstr(asked, "It is 64; one of 32, 64, 128, 256.\n"));
    assert_non_null(strstr(asked, "  - \"fused\": Fuse the norm.\n"));
    assert_non_null(strstr(asked, "Propose exactly 2 settings of the knobs"));
    assert_null(strstr(asked, "double lr"));
    assert_non_null(strstr(asked_schema, "\"minItems\":2,\"maxItems\":2"));
    assert_non_null(
        strstr(asked_schema, "\"layers\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":12}"));
    assert_non_null(
        strstr(asked_schema, "\"width\":{\"type\":\"integer\",\"enum\":[32,64,128,256]}"));
    assert_non_null(strstr(asked_schema,
                           "\"norm\":{\"type\":\"string\",\"enum\":[\"unchanged\",\"none\","
                           "\"fused\"]}"));
    assert_non_null(strstr(asked_schema, "\"additionalProperties\":false"));
    aire_plan_unref(plan);

    /* The patches are those of the knob ideator: it would not propose these settings again. */
    aire_result *parents[] = {make_result(21, changes_of(ideas, 0), 0.30)};
    plan = make_plan(AIRE_PLAN_EXPLOIT, 2, 2, parents, 1, NULL, 0);
    assert_int_equal(choose("{\"ideas\": [{\"peak_lr\": 0.003}, {\"peak_lr\": 0.004, \"why\": "
                            "\"builds on idea 21\"}, {\"peak_lr\": 0.004}]}",
                            plan, &same),
                     AIRE_OK);
    assert_int_equal(aire_ideas_count(same), 1);
    assert_string_equal(changes_of(same, 0), "peak_lr = 0.004\n");
    assert_int_equal(aire_idea_parent(aire_ideas_get(same, 0), 0), 21);
    aire_ideas_unref(same);
    aire_ideas_unref(ideas);
    aire_plan_unref(plan);
    aire_result_unref(parents[0]);
}

static void test_schema__falls_back_knob_by_knob(void **state)
{
    static const struct {
        const char *answer, *changes, *wrong;
    } cases[] = {
        {"{\"peak_lr\": 0.5, \"layers\": 8}", "layers = 8\n", "peak_lr: 0.5 is not allowed"},
        {"{\"peak_lr\": \"high\", \"layers\": 8}", "layers = 8\n", "peak_lr: \"high\" is not"},
        {"{\"layers\": 8.5, \"width\": 128}", "width = 128\n", "layers: 8.5 is not allowed"},
        {"{\"peak_lr\": 3.1, \"layers\": 8}", "layers = 8\n", "peak_lr: 3.1 is not allowed"},
        {"{\"width\": 65, \"layers\": 2}", "layers = 2\n", "width: 65 is not allowed"},
        {"{\"schedule\": \"linear\", \"layers\": 2}", "layers = 2\n", "schedule: \"linear\" is"},
        {"{\"schedule\": 3, \"layers\": 2}", "layers = 2\n", "schedule: 3 is not allowed"},
        {"{\"norm\": {\"a\": [1]}, \"layers\": 2}", "layers = 2\n", "norm: {\"a\":[1]} is not"},
        {"{\"peak_lr\": \"3e-3\", \"norm\": null}", "peak_lr = 0.003\n", NULL},
        {"<think>{\"layers\": 2}</think>\nSure:\n```json\n{\"ideas\": [{\"layers\": 3,}]}\n```",
         "layers = 3\n", NULL},
        {"[{\"layers\": 3}]", "layers = 3\n", NULL},
        {"[{\"layers\": 4}, {\"layers\": 5}]", "layers = 5\n", NULL},
        {"{\"ideas\": [{\"layers\": 3}, {\"layers\": 5", "layers = 3\n", NULL},
    };
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 1, NULL, 0, NULL, 0);
    aire_ideas *ideas;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (choose(cases[i].answer, plan, &ideas) != AIRE_OK)
            fail_msg("case %zu: %s", i, message());
        assert_int_equal(aire_ideas_count(ideas), 1);
        assert_string_equal(changes_of(ideas, 0), cases[i].changes);
        const char *reasoning = aire_idea_reasoning(aire_ideas_get(ideas, 0));
        if (cases[i].wrong && !strstr(reasoning, cases[i].wrong))
            fail_msg("case %zu: %s", i, reasoning);
        if (!cases[i].wrong)
            assert_string_equal(reasoning, "hm");
        aire_ideas_unref(ideas);
    }
    static const char *const none[] = {"", "no", "{\"ideas\": []}", "{\"layers\": 4}", "{\"la"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(choose(none[i], plan, &ideas), AIRE_EMPTY);
    env.knob_count = 0;
    assert_int_equal(choose("", plan, &ideas), AIRE_UNSUPPORTED);
    env.knob_count = KNOBS;
    aire_plan_unref(plan);
}

static void test_schema__survives_want_of_memory(void **state)
{
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 2, NULL, 0, NULL, 0);
    aire_ideas *ideas;
    OOM_LOOP(&memory, choose("[{\"layers\": 3, \"width\": 1}, {\"layers\": 5}]", plan, &ideas),
             aire_ideas_unref(ideas));
    aire_plan_unref(plan);
}

static void test_replay__place_follows_from_the_plan(void **state)
{
    aire_ideator *ideator;
    aire_ideas *ideas;
    const char *path =
        write_file("lines.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\", \"ordinal\": 7}\n"
                                  "{\"text\": \"three\", \"parents\": [4, 5]}\n");
    assert_int_equal(aire_ideator_replay_new(ctx, path, &ideator), AIRE_OK);
    aire_plan *first = make_plan(AIRE_PLAN_FRESH, 1, 2, NULL, 0, NULL, 0);
    aire_plan *second = make_plan(AIRE_PLAN_FRESH, 2, 2, NULL, 0, NULL, 0);
    aire_plan *third = make_plan(AIRE_PLAN_FRESH, 3, 2, NULL, 0, NULL, 0);
    assert_int_equal(aire_ideator_propose(ideator, second, NULL, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 1);
    assert_string_equal(aire_idea_text(aire_ideas_get(ideas, 0)), "three");
    assert_int_equal(aire_idea_parent(aire_ideas_get(ideas, 0), 1), 5);
    aire_ideas_unref(ideas);
    assert_int_equal(aire_ideator_propose(ideator, first, NULL, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 2);
    assert_string_equal(aire_idea_text(aire_ideas_get(ideas, 1)), "two");
    assert_int_equal(aire_idea_ordinal(aire_ideas_get(ideas, 1)), 1);
    assert_ptr_equal(aire_idea_plan(aire_ideas_get(ideas, 1)), first);
    aire_ideas_unref(ideas);
    assert_int_equal(aire_ideator_propose(ideator, third, NULL, &ideas), AIRE_EMPTY);
    aire_plan_unref(first);
    aire_plan_unref(second);
    aire_plan_unref(third);
    aire_ideator_unref(ideator);

    assert_int_equal(
        aire_ideator_replay_new(ctx, write_file("lines.jsonl", "{\"text\": \"x\"}\n{}"), &ideator),
        AIRE_FORMAT);
    assert_non_null(strstr(message(), "lines.jsonl, line 2"));
    assert_int_equal(aire_ideator_replay_new(ctx, "/no/such/file", &ideator), AIRE_NOT_FOUND);
}

/* A host's ideator: what it does is its user data. */
static aire_status host_propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out,
                                void *user_data)
{
    int what = *(int *)user_data;
    if (what < 0)
        return what == -1 ? aire_error_set(AIRE_NET, 0, "away") : AIRE_TIMEOUT;
    if (what == 99)
        return AIRE_OK;
    aire_idea *ideas[] = {make_idea(3, NULL), make_idea(0, "b"), make_idea(0, "c")};
    aire_status status = aire_ideas_new(ctx, ideas, (size_t)what, out);
    for (size_t i = 0; i < 3; i++)
        aire_idea_unref(ideas[i]);
    return status;
}

static void host_destroy(void *user_data)
{
    *(int *)user_data = 1000;
}

static void test_host__is_checked(void **state)
{
    static const struct {
        int what;
        aire_status status;
        const char *words;
    } cases[] = {{0, AIRE_EMPTY, "no idea"},
                 {3, AIRE_CALLBACK, "3 ideas for a plan of 2"},
                 {99, AIRE_CALLBACK, "without"},
                 {-1, AIRE_NET, "away"},
                 {-2, AIRE_TIMEOUT, "timed out"}};
    aire_ideator_ops ops = {sizeof ops, 0, host_propose, host_destroy};
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 2, NULL, 0, NULL, 0);
    aire_ideator *ideator;
    aire_ideas *ideas;
    int what;
    assert_int_equal(aire_ideator_new_from_ops(ctx, &ops, &what, &ideator), AIRE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        what = cases[i].what;
        assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), cases[i].status);
        assert_null(ideas);
        assert_non_null(strstr(message(), cases[i].words));
    }
    what = 2;
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(aire_idea_ordinal(aire_ideas_get(ideas, i)), i);
        assert_int_equal(aire_idea_id(aire_ideas_get(ideas, i)), 0);
        assert_ptr_equal(aire_idea_plan(aire_ideas_get(ideas, i)), plan);
    }
    assert_string_equal(changes_of(ideas, 1), "b");
    aire_ideas_unref(ideas);
    assert_int_equal(aire_ideator_propose(NULL, plan, NULL, &ideas), AIRE_INVALID);
    assert_int_equal(aire_ideator_propose(ideator, NULL, NULL, &ideas), AIRE_INVALID);
    aire_plan_unref(plan);
    assert_ptr_equal(aire_ideator_ref(ideator), ideator);
    aire_ideator_unref(ideator);
    aire_ideator_unref(ideator);
    aire_ideator_unref(NULL);
    assert_int_equal(what, 1000);
    ops.propose = NULL;
    assert_int_equal(aire_ideator_new_from_ops(ctx, &ops, &what, &ideator), AIRE_INVALID);
}

static void test_mentions__finds_the_ideas_that_are_named(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        int64_t sum;
    } cases[] = {
        {"It builds on idea 21.", 1, 21},    {"Joins Ideas 21, 22 and 7 (idea #30)", 3, 73},
        {"[Idea 22]: more, idea 22", 1, 22}, {"layer 21 of an ideal 22", 0, 0},
        {"idea 211 and idea 2", 0, 0},       {"", 0, 0},
    };
    aire_result *parents[] = {make_result(21, "", 1), make_result(22, "", 1),
                              make_result(30, "", 1)};
    aire_plan *plan = make_plan(AIRE_PLAN_EXPLOIT, 1, 1, parents, 3, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ids[4] = {0};
        assert_int_equal(aire__mentions(plan, cases[i].text, ids, 4), cases[i].count);
        assert_int_equal(ids[0] + ids[1] + ids[2], cases[i].sum);
    }
    aire_plan_unref(plan);
    for (size_t i = 0; i < 3; i++)
        aire_result_unref(parents[i]);
}

static void test_ideator__refuses_bad_options(void **state)
{
    aire_ideator *ideator;
    aire_ideator_knobs_options turns = AIRE_IDEATOR_KNOBS_OPTIONS_INIT;
    turns.max_changes = -1;
    assert_int_equal(aire_ideator_knobs_new(ctx, &env, &turns, &ideator), AIRE_INVALID);
    assert_int_equal(aire_ideator_knobs_new(ctx, NULL, NULL, &ideator), AIRE_INVALID);
    knobs[LR].text = TEXT("double lr == {};");
    assert_int_equal(aire_ideator_knobs_new(ctx, &env, NULL, &ideator), AIRE_FORMAT);
    assert_non_null(strstr(message(), "'peak_lr'"));
    knobs[LR].text = TEXT("double lr = {};");
    assert_int_equal(aire_ideator_chat_new(ctx, &env, NULL, NULL, &ideator), AIRE_INVALID);

    aire_model *model;
    char spec[160];
    aire_ideator_chat_options options = AIRE_IDEATOR_CHAT_OPTIONS_INIT;
    snprintf(spec, sizeof spec, "replay:%s", write_file("lines.jsonl", ""));
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    options.temperature = NAN;
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_INVALID);
    assert_null(ideator);
    options.temperature = 0;
    options.template_dir = "/no/such/place";
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_NOT_FOUND);
    options.template_dir = NULL;
    options.context_tokens = 8192;
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_INVALID);
    assert_non_null(strstr(message(), "lower max_tokens"));
    aire_model_unref(model);
}

static aire_status chat_whole(aire_plan *plan)
{
    aire_model *model = NULL;
    aire_ideator *ideator = NULL;
    aire_ideas *ideas = NULL;
    char spec[160];
    snprintf(spec, sizeof spec, "replay:%s/lines.jsonl", root);
    aire_status status = aire_model_new(ctx, spec, NULL, &model);
    if (status == AIRE_OK)
        status = aire_ideator_chat_new(ctx, &env, model, NULL, &ideator);
    if (status == AIRE_OK)
        status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    aire_ideas_unref(ideas);
    aire_ideator_unref(ideator);
    aire_model_unref(model);
    return status;
}

static void test_ideator__survives_want_of_memory(void **state)
{
    aire_ideator *ideator;
    aire_plan *plan = make_plan(AIRE_PLAN_FRESH, 1, 2, NULL, 0, NULL, 0);
    OOM_LOOP(&memory, knobs_whole(), (void)0);
    write_file("lines.jsonl", "{\"answer\": \"[Experiment] Warm up [Code Changes] a [End]\"}");
    OOM_LOOP(&memory, chat_whole(plan), (void)0);
    const char *path = write_file("lines.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
    OOM_LOOP(&memory, aire_ideator_replay_new(ctx, path, &ideator), aire_ideator_unref(ideator));
    aire_plan_unref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knobs__fresh_ideas_carry_patches_that_do_what_they_say),
        cmocka_unit_test(test_knobs__two_numbers_in_one_line_can_both_turn),
        cmocka_unit_test(test_knobs__are_a_function_of_seed_and_plan),
        cmocka_unit_test(test_knobs__never_propose_a_setting_twice),
        cmocka_unit_test(test_knobs__crossover_joins_two_parents),
        cmocka_unit_test(test_knobs__exploit_builds_on_what_was_better),
        cmocka_unit_test(test_knobs__explore_goes_where_nobody_was),
        cmocka_unit_test(test_knobs__run_out),
        cmocka_unit_test(test_draw__stays_in_range_and_off_the_baseline),
        cmocka_unit_test(test_draw__knows_when_there_is_nothing_to_draw),
        cmocka_unit_test(test_knobs__turn_those_of_a_manifest),
        cmocka_unit_test(test_setting__reads_its_own_lines_only),
        cmocka_unit_test(test_chat__turns_answers_into_ideas),
        cmocka_unit_test(test_chat__asks_by_templates_and_in_a_context),
        cmocka_unit_test(test_schema__lets_a_model_choose),
        cmocka_unit_test(test_schema__falls_back_knob_by_knob),
        cmocka_unit_test(test_schema__survives_want_of_memory),
        cmocka_unit_test(test_replay__place_follows_from_the_plan),
        cmocka_unit_test(test_host__is_checked),
        cmocka_unit_test(test_mentions__finds_the_ideas_that_are_named),
        cmocka_unit_test(test_ideator__refuses_bad_options),
        cmocka_unit_test(test_ideator__survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
