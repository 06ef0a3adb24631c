/* The settings that a plan knows of. */
#include "ideator/knob_trials.h"

#include "aire/result.h"
#include "base/fail.h"
#include "base/str.h"

/* Take up an idea whose setting can be read; those of other ideators say nothing about knobs. */
static void add(aire_trials *t, const aire_idea *idea, const aire_result *result)
{
    aire_turn *turns = aire__trials_next(t);
    if (!idea || !aire__setting_parse(t->env, aire_idea_changes(idea), turns))
        return;
    aire_trial trial = {.turns = turns, .idea_id = aire_idea_id(idea)};
    trial.is_parent = result && aire_result_reward(result, &trial.reward) == AIRE_OK;
    t->trials[t->count++] = trial;
}

aire_status aire__trials_open(aire_trials *trials, aire_ctx *ctx, const aire_env *env,
                              const aire_plan *plan)
{
    size_t parents = aire_plan_parent_count(plan), avoid = aire_plan_avoid_count(plan);
    size_t all = parents + avoid + (size_t)aire_plan_count(plan), turns;
    *trials = (aire_trials){.ctx = ctx, .env = env};
    if (__builtin_mul_overflow(all, env->knob_count, &turns))
        return aire__fail_nomem();
    trials->turns = aire__calloc(ctx, turns, sizeof *trials->turns);
    trials->trials = aire__calloc(ctx, all, sizeof *trials->trials);
    if (!trials->turns || !trials->trials)
        return aire__fail_nomem();
    for (size_t i = 0; i < parents; i++) {
        const aire_result *result = aire_plan_parent(plan, i);
        add(trials, aire_result_idea(result), result);
    }
    for (size_t i = 0; i < avoid; i++)
        add(trials, aire_plan_avoid(plan, i), NULL);
    return AIRE_OK;
}

void aire__trials_free(aire_trials *trials)
{
    aire_free(trials->ctx, trials->turns);
    aire_free(trials->ctx, trials->trials);
}

aire_turn *aire__trials_next(const aire_trials *trials)
{
    return trials->turns + trials->count * trials->env->knob_count;
}

void aire__trials_keep(aire_trials *trials)
{
    aire_turn *turns = aire__trials_next(trials);
    trials->trials[trials->count++] = (aire_trial){.turns = turns};
}

bool aire__trials_is_new(const aire_trials *trials)
{
    const aire_turn *turns = aire__trials_next(trials);
    if (aire__setting_count(trials->env, turns) == 0)
        return false;
    for (size_t i = 0; i < trials->count; i++)
        if (aire__setting_equal(trials->env, turns, trials->trials[i].turns))
            return false;
    return true;
}
