/*
 * The ideator that needs no model: it turns the knobs that the manifest declares.
 *
 * What it proposes is a function of its seed and the plan: each idea has a random stream of its
 * own, and its parents' settings are read from the plan. Nothing is remembered between plans.
 */
#include "aire/ideator.h"

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "ideator/knob_idea.h"
#include "ideator/knob_trials.h"

enum { MAX_CHANGES = 3, TRIES = 200 };

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
    aire_trials trials;
    size_t *order;     /* scratch */
    aire_idea **ideas; /* made so far */
    size_t idea_count;
} proposal;

aire_status aire_ideator_knobs_options_init(aire_ideator_knobs_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_knobs_options");
}

static aire_status open_proposal(proposal *p)
{
    aire_ctx *ctx = p->k->ctx;
    aire_status status = aire__trials_open(&p->trials, ctx, p->k->env, p->plan);
    p->order = aire__calloc(ctx, p->k->env->knob_count, sizeof *p->order);
    p->ideas = aire__calloc(ctx, (size_t)aire_plan_count(p->plan), sizeof *p->ideas);
    return status == AIRE_OK && (!p->order || !p->ideas) ? aire__fail_nomem() : status;
}

static void close_proposal(proposal *p)
{
    for (size_t i = 0; i < p->idea_count; i++)
        aire_idea_unref(p->ideas[i]);
    aire__trials_free(&p->trials);
    aire_free(p->k->ctx, p->order);
    aire_free(p->k->ctx, p->ideas);
}

static aire_status make_idea(proposal *p, const aire_turn *turns, const aire_pick *pick,
                             aire_knob_edits *edits)
{
    aire_knob_idea given = {.plan = p->plan,
                            .ordinal = (int32_t)p->idea_count,
                            .turns = turns,
                            .origin = "knobs",
                            .how = pick->how};
    for (size_t i = 0; i < 2; i++)
        given.parents[i] = pick->parents[i] ? pick->parents[i]->idea_id : 0;
    aire_status status =
        aire__knob_idea_new(p->k->ctx, p->k->env, &given, edits, &p->ideas[p->idea_count]);
    p->idea_count += status == AIRE_OK;
    return status;
}

/* Draw a setting, and make an idea of it if it is new. */
static aire_status try_one(proposal *p, aire_rng *rng)
{
    const knobs *k = p->k;
    aire_knob_pool pool = {k->env, k->max_changes, p->trials.trials, p->trials.count};
    aire_turn *turns = aire__trials_next(&p->trials);
    aire_pick pick;
    aire_knob_edits edits;
    aire__knob_pick(&pool, aire_plan_kind(p->plan), rng, p->order, turns, &pick);
    aire_status status = aire__knob_edits_of(k->ctx, k->env, rng, turns, &edits);
    if (status != AIRE_OK)
        return status;
    if (aire__trials_is_new(&p->trials)) {
        status = make_idea(p, turns, &pick, &edits);
        aire__trials_keep(&p->trials);
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
