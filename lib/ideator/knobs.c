/*
 * The ideator that needs no model: it turns the knobs that the manifest declares.
 *
 * What it proposes is a function of its seed and the plan: each idea has a random stream of its
 * own, and its parents' settings are read from the plan. Nothing is remembered between plans.
 */
#include "aire/ideator.h"

#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "ideator/knob_edit.h"
#include "ideator/knob_pick.h"
#include "ideator/knob_words.h"

enum { MAX_CHANGES = 3, TRIES = 200 };
#define TEXT_MAX ((size_t)1 << 20)

typedef struct knobs {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_env *env;
    size_t max_changes;
    uint64_t seed;
} knobs;

/* One call of propose. */
typedef struct proposal {
    const knobs *k;
    aire_plan *plan;
    aire_turn *turns;   /* one setting for each trial, then those of the ideas that are made */
    aire_trial *trials; /* parents, ideas to avoid, ideas made */
    size_t trial_count;
    size_t *order;     /* scratch */
    aire_idea **ideas; /* made so far */
    size_t idea_count;
} proposal;

aire_status aire_ideator_knobs_options_init(aire_ideator_knobs_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_knobs_options");
}

static aire_turn *setting_at(const proposal *p, size_t trial)
{
    return p->turns + trial * p->k->env->knob_count;
}

/* Take up an idea whose setting can be read; those of other ideators say nothing about knobs. */
static void add_trial(proposal *p, const aire_idea *idea, const aire_result *result)
{
    aire_turn *turns = setting_at(p, p->trial_count);
    if (!idea || !aire__setting_parse(p->k->env, aire_idea_changes(idea), turns))
        return;
    aire_trial trial = {.turns = turns, .idea_id = aire_idea_id(idea)};
    trial.is_parent = result && aire_result_reward(result, &trial.reward) == AIRE_OK;
    p->trials[p->trial_count++] = trial;
}

static aire_status open_proposal(proposal *p)
{
    size_t knob_count = p->k->env->knob_count, count = (size_t)aire_plan_count(p->plan);
    size_t parents = aire_plan_parent_count(p->plan), avoid = aire_plan_avoid_count(p->plan);
    size_t trials = parents + avoid + count, turns;
    if (__builtin_mul_overflow(trials, knob_count, &turns))
        return aire__fail_nomem();
    p->turns = aire__calloc(p->k->ctx, turns, sizeof *p->turns);
    p->trials = aire__calloc(p->k->ctx, trials, sizeof *p->trials);
    p->order = aire__calloc(p->k->ctx, knob_count, sizeof *p->order);
    p->ideas = aire__calloc(p->k->ctx, count, sizeof *p->ideas);
    if (!p->turns || !p->trials || !p->order || !p->ideas)
        return aire__fail_nomem();
    for (size_t i = 0; i < parents; i++) {
        const aire_result *result = aire_plan_parent(p->plan, i);
        add_trial(p, aire_result_idea(result), result);
    }
    for (size_t i = 0; i < avoid; i++)
        add_trial(p, aire_plan_avoid(p->plan, i), NULL);
    return AIRE_OK;
}

static void close_proposal(proposal *p)
{
    for (size_t i = 0; i < p->idea_count; i++)
        aire_idea_unref(p->ideas[i]);
    aire_free(p->k->ctx, p->turns);
    aire_free(p->k->ctx, p->trials);
    aire_free(p->k->ctx, p->order);
    aire_free(p->k->ctx, p->ideas);
}

static bool is_new(const proposal *p, const aire_turn *turns)
{
    const aire_env *env = p->k->env;
    if (aire__setting_count(env, turns) == 0)
        return false;
    for (size_t i = 0; i < p->trial_count; i++)
        if (aire__setting_equal(env, turns, p->trials[i].turns))
            return false;
    return true;
}

static void describe(const proposal *p, const aire_turn *turns, const aire_pick *pick,
                     aire_buf *title, aire_buf *text, aire_buf *changes)
{
    const aire_env *env = p->k->env;
    int64_t first = pick->parents[0] ? pick->parents[0]->idea_id : 0;
    int64_t second = pick->parents[1] ? pick->parents[1]->idea_id : 0;
    aire__setting_title(title, env, turns);
    aire__setting_words(text, env, turns);
    if (first && second)
        aire__buf_printf(text, "Joins ideas %lld and %lld.\n", (long long)first, (long long)second);
    else if (first)
        aire__buf_printf(text, "Builds on idea %lld.\n", (long long)first);
    aire__setting_print(changes, env, turns);
}

static aire_status make_idea(proposal *p, const aire_turn *turns, const aire_pick *pick,
                             aire_patch *patch)
{
    aire_ctx *ctx = p->k->ctx;
    aire_buf title, text, changes;
    aire__buf_init(&title, ctx, TEXT_MAX);
    aire__buf_init(&text, ctx, TEXT_MAX);
    aire__buf_init(&changes, ctx, TEXT_MAX);
    describe(p, turns, pick, &title, &text, &changes);
    aire_status status = aire__buf_status(&title);
    if (status == AIRE_OK)
        status = aire__buf_status(&text);
    if (status == AIRE_OK)
        status = aire__buf_status(&changes);
    if (status == AIRE_OK) {
        int64_t parents[2];
        aire_idea_options fields = AIRE_IDEA_OPTIONS_INIT;
        fields.ordinal = (int32_t)p->idea_count;
        fields.plan = p->plan;
        fields.title = title.data;
        fields.text = text.data;
        fields.changes = changes.data;
        fields.reasoning = pick->how;
        fields.origin = "knobs";
        fields.parents = parents;
        for (size_t i = 0; i < 2; i++)
            if (pick->parents[i] && pick->parents[i]->idea_id)
                parents[fields.parent_count++] = pick->parents[i]->idea_id;
        fields.patch = patch;
        status = aire_idea_new(ctx, &fields, &p->ideas[p->idea_count]);
    }
    p->idea_count += status == AIRE_OK;
    aire__buf_free(&title);
    aire__buf_free(&text);
    aire__buf_free(&changes);
    return status;
}

static aire_status make_patched_idea(proposal *p, const aire_turn *turns, const aire_pick *pick,
                                     aire_knob_edits *edits)
{
    char *diff = NULL;
    aire_patch *patch = NULL;
    aire_status status = aire__knob_diff(edits, p->k->env, &diff);
    if (status == AIRE_OK)
        status = aire_patch_new(p->k->ctx, AIRE_PATCH_UNIFIED, diff, strlen(diff), &patch);
    if (status == AIRE_OK)
        status = make_idea(p, turns, pick, patch);
    aire_patch_unref(patch);
    aire_free(p->k->ctx, diff);
    return status;
}

/* Draw a setting, and make an idea of it if it is new. */
static aire_status try_one(proposal *p, aire_rng *rng)
{
    const knobs *k = p->k;
    aire_knob_pool pool = {k->env, k->max_changes, p->trials, p->trial_count};
    aire_turn *turns = setting_at(p, p->trial_count);
    aire_pick pick;
    aire_knob_edits edits;
    aire__knob_pick(&pool, aire_plan_kind(p->plan), rng, p->order, turns, &pick);
    aire_status status = aire__knob_edits_of(k->ctx, k->env, rng, turns, &edits);
    if (status != AIRE_OK)
        return status;
    if (is_new(p, turns)) {
        status = make_patched_idea(p, turns, &pick, &edits);
        p->trials[p->trial_count++] = (aire_trial){.turns = turns};
    }
    aire__knob_edits_free(&edits);
    return status;
}

/* One more idea, if a setting that was not tried yet is found in TRIES draws. */
static aire_status propose_one(proposal *p, int32_t ordinal)
{
    uint64_t index = (uint64_t)aire_plan_id(p->plan) << 20;
    if (index == 0)
        index = (uint64_t)aire_plan_epoch(p->plan) << 44;
    aire_rng rng;
    aire__rng_init(&rng, p->k->seed, "ideator.knobs", index + (uint64_t)ordinal);
    size_t before = p->idea_count;
    aire_status status = AIRE_OK;
    for (int i = 0; status == AIRE_OK && i < TRIES && p->idea_count == before; i++)
        status = try_one(p, &rng);
    return status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    proposal p = {.k = user_data, .plan = plan};
    aire_status status = open_proposal(&p);
    for (int32_t i = 0; status == AIRE_OK && i < aire_plan_count(plan); i++)
        status = aire_cancel_fired(cancel)
                     ? aire__fail(AIRE_CANCELLED, "cancelled while ideas were proposed")
                     : propose_one(&p, i);
    if (status == AIRE_OK && p.idea_count == 0)
        status = aire__fail(AIRE_EMPTY,
                            "environment '%s': no setting of its %zu knobs was found that is new",
                            p.k->env->name, p.k->env->knob_count);
    if (status == AIRE_OK)
        status = aire_ideas_new(p.k->ctx, p.ideas, p.idea_count, out);
    close_proposal(&p);
    return status;
}

static void destroy(void *user_data)
{
    knobs *k = user_data;
    aire_env_unref(k->env);
    aire_free(k->ctx, k);
}

static aire_status check(aire_ctx *ctx, const aire_env *env,
                         const aire_ideator_knobs_options *options)
{
    if (options->max_changes < 0)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_knobs_options: max_changes is %d, expected 0 or more",
                          (int)options->max_changes);
    if (env->knob_count == 0)
        return aire__fail(AIRE_UNSUPPORTED,
                          "environment '%s' declares no knobs in aire.json; use a chat ideator, or "
                          "add \"knobs\"",
                          env->name);
    return aire__knobs_check(ctx, env);
}

aire_status aire_ideator_knobs_new(aire_ctx *ctx, aire_env *env,
                                   const aire_ideator_knobs_options *options, aire_ideator **out)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};
    if (!ctx || !env || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_knobs_new: ctx, env and out must not be NULL");
    *out = NULL;
    aire_ideator_knobs_options ours;
    aire_status status =
        aire__options_take(options, &ours, sizeof ours, sizeof ours, "aire_ideator_knobs_options");
    if (status == AIRE_OK)
        status = check(ctx, env, &ours);
    if (status != AIRE_OK)
        return status;
    knobs *k = aire_alloc(ctx, sizeof *k);
    if (!k)
        return aire__fail_nomem();
    *k = (knobs){
        .ctx = ctx,
        .env = aire_env_ref(env),
        .max_changes = (size_t)(ours.max_changes ? ours.max_changes : MAX_CHANGES),
        .seed = ours.seed ? ours.seed : aire_ctx_seed(ctx),
    };
    status = aire_ideator_new_from_ops(ctx, &ops, k, out);
    if (status != AIRE_OK)
        destroy(k);
    return status;
}
