/*
 * Which knobs to turn, for each kind of plan.
 *
 * Fresh: a few knobs, at random. Exploit: the settings of two parents joined, or one changed a
 * little; parents with higher rewards are taken more often, but never only the best. Explore:
 * knobs, choices and values that were used least.
 */
#include "ideator/knob_pick.h"

#include <math.h>
#include <string.h>

#include "aire/plan.h"
#include "ideator/knob_draw.h"

enum { CANDIDATES = 8 };
#define ANY_CHOICE SIZE_MAX

/* Shares of the moves. */
static const double fresh_anywhere = 0.25; /* of the numbers: anywhere in the range */
static const double join_share = 0.5;      /* of exploit: two parents joined */
static const double join_keep = 0.85;      /* of the knobs that only one of two parents turned */
static const double perturb_share = 0.5;   /* of changes: move a knob that is turned */
static const double add_share = 0.35;      /* of changes: turn one more knob; the rest: one less */

static const aire_turn at_baseline = {0};

static size_t draw_count(const aire_knob_pool *pool, aire_rng *rng)
{
    size_t most =
        pool->max_changes < pool->env->knob_count ? pool->max_changes : pool->env->knob_count;
    return 1 + (size_t)aire__rng_below(rng, most);
}

static void turn_fresh(const aire_knob_pool *pool, aire_rng *rng, size_t knob, aire_turn *turns)
{
    aire_reach reach =
        aire__rng_unit(rng) < fresh_anywhere ? AIRE_REACH_ANYWHERE : AIRE_REACH_STRIDE;
    aire__knob_draw(&pool->env->knobs[knob], rng, &at_baseline, reach, &turns[knob]);
}

static void pick_fresh(const aire_knob_pool *pool, aire_rng *rng, size_t *order, aire_turn *turns)
{
    size_t count = draw_count(pool, rng);
    aire__rng_sample(rng, order, pool->env->knob_count, count);
    for (size_t i = 0; i < count; i++)
        turn_fresh(pool, rng, order[i], turns);
}

/* The better of two parents drawn at random, other than `but`; NULL if there is none. */
static const aire_trial *draw_parent(const aire_knob_pool *pool, aire_rng *rng,
                                     const aire_trial *but)
{
    const aire_trial *best = NULL;
    size_t count = 0;
    for (size_t i = 0; i < pool->trial_count; i++)
        count += pool->trials[i].is_parent && &pool->trials[i] != but;
    for (int draw = 0; count && draw < 2; draw++) {
        size_t place = (size_t)aire__rng_below(rng, count);
        const aire_trial *trial = pool->trials;
        while (!trial->is_parent || trial == but || place--)
            trial++;
        if (!best || trial->reward > best->reward)
            best = trial;
    }
    return best;
}

/* Knobs that both parents turned come from either; most of those that one turned are kept. */
static void join(const aire_knob_pool *pool, aire_rng *rng, const aire_trial *a,
                 const aire_trial *b, aire_turn *turns)
{
    for (size_t i = 0; i < pool->env->knob_count; i++) {
        const aire_turn *left = &a->turns[i], *right = &b->turns[i];
        if (left->turned && right->turned)
            turns[i] = aire__rng_unit(rng) < 0.5 ? *left : *right;
        else if ((left->turned || right->turned) && aire__rng_unit(rng) < join_keep)
            turns[i] = left->turned ? *left : *right;
    }
}

/* The first knob of a random order that is turned, or is not; knob_count if there is none. */
static size_t find_knob(const aire_env *env, const size_t *order, const aire_turn *turns,
                        bool turned)
{
    for (size_t i = 0; i < env->knob_count; i++)
        if (turns[order[i]].turned == turned)
            return order[i];
    return env->knob_count;
}

/* Move one knob, turn one more, or one less. */
static const char *change(const aire_knob_pool *pool, aire_rng *rng, size_t *order,
                          aire_turn *turns)
{
    const aire_env *env = pool->env;
    aire__rng_sample(rng, order, env->knob_count, env->knob_count);
    double move = aire__rng_unit(rng);
    size_t turned = find_knob(env, order, turns, true);
    size_t idle = find_knob(env, order, turns, false);
    if (move < perturb_share || (idle == env->knob_count && aire__setting_count(env, turns) < 2)) {
        aire_turn from = turns[turned];
        aire__knob_draw(&env->knobs[turned], rng, &from, AIRE_REACH_STEP, &turns[turned]);
        return "one knob of an earlier idea moved";
    }
    if (idle < env->knob_count &&
        (move < perturb_share + add_share || aire__setting_count(env, turns) < 2)) {
        turn_fresh(pool, rng, idle, turns);
        return "one more knob turned than in an earlier idea";
    }
    turns[turned] = at_baseline;
    return "one knob of an earlier idea turned back";
}

/* Build on the parents; false if there is none with a setting. */
static bool pick_exploit(const aire_knob_pool *pool, bool join_only, aire_rng *rng, size_t *order,
                         aire_turn *turns, aire_pick *out)
{
    const aire_trial *parent = draw_parent(pool, rng, NULL);
    if (!parent)
        return false;
    const aire_trial *other = draw_parent(pool, rng, parent);
    out->parents[0] = parent;
    if (other && (join_only || aire__rng_unit(rng) < join_share)) {
        out->parents[1] = other;
        out->how = "two earlier ideas joined";
        join(pool, rng, parent, other, turns);
    } else {
        memcpy(turns, parent->turns, pool->env->knob_count * sizeof *turns);
        out->how = change(pool, rng, order, turns);
    }
    return true;
}

static double rarity(size_t uses)
{
    return 1.0 / (double)((1 + uses) * (1 + uses));
}

/* How often a knob was turned, to whatever choice (ANY_CHOICE) or to one. */
static size_t uses_of(const aire_knob_pool *pool, size_t knob, size_t choice)
{
    size_t uses = 0;
    for (size_t i = 0; i < pool->trial_count; i++) {
        const aire_turn *turn = &pool->trials[i].turns[knob];
        uses += turn->turned && (choice == ANY_CHOICE || turn->choice == choice);
    }
    return uses;
}

static size_t draw_rare_choice(const aire_knob_pool *pool, aire_rng *rng, size_t knob)
{
    size_t count = pool->env->knobs[knob].choice_count;
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += rarity(uses_of(pool, knob, i));
    double left = aire__rng_unit(rng) * total;
    for (size_t i = 0; i + 1 < count; i++)
        if ((left -= rarity(uses_of(pool, knob, i))) < 0)
            return i;
    return count - 1;
}

/* How far a value is from the baseline and from all that was tried, on the knob's scale. */
static double distance_of(const aire_knob_pool *pool, size_t knob, double value)
{
    const aire_env_knob *k = &pool->env->knobs[knob];
    double place = aire__knob_place(k, value);
    double least = fabs(place - aire__knob_place(k, k->value));
    for (size_t i = 0; i < pool->trial_count; i++) {
        const aire_turn *turn = &pool->trials[i].turns[knob];
        if (turn->turned)
            least = fmin(least, fabs(place - aire__knob_place(k, turn->value)));
    }
    return least;
}

static void turn_far(const aire_knob_pool *pool, aire_rng *rng, size_t knob, aire_turn *turns)
{
    const aire_env_knob *k = &pool->env->knobs[knob];
    if (!k->is_number) {
        turns[knob] = (aire_turn){.turned = true, .choice = draw_rare_choice(pool, rng, knob)};
        return;
    }
    double best = -1;
    for (int i = 0; i < CANDIDATES; i++) {
        aire_turn turn;
        if (!aire__knob_draw(k, rng, &at_baseline, AIRE_REACH_ANYWHERE, &turn))
            continue;
        double distance = distance_of(pool, knob, turn.value);
        if (distance > best) {
            best = distance;
            turns[knob] = turn;
        }
    }
}

/* A knob that is not turned yet, those that were turned seldom more often. */
static size_t draw_rare_knob(const aire_knob_pool *pool, aire_rng *rng, const aire_turn *turns)
{
    size_t count = pool->env->knob_count, last = count;
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += turns[i].turned ? 0 : rarity(uses_of(pool, i, ANY_CHOICE));
    double left = aire__rng_unit(rng) * total;
    for (size_t i = 0; i < count; i++) {
        if (turns[i].turned)
            continue;
        last = i;
        if ((left -= rarity(uses_of(pool, i, ANY_CHOICE))) < 0)
            break;
    }
    return last;
}

static void pick_explore(const aire_knob_pool *pool, aire_rng *rng, aire_turn *turns)
{
    size_t count = draw_count(pool, rng);
    for (size_t i = 0; i < count; i++) {
        size_t knob = draw_rare_knob(pool, rng, turns);
        if (knob < pool->env->knob_count)
            turn_far(pool, rng, knob, turns);
    }
}

void aire__knob_pick(const aire_knob_pool *pool, int32_t kind, aire_rng *rng, size_t *order,
                     aire_turn *turns, aire_pick *out)
{
    memset(turns, 0, pool->env->knob_count * sizeof *turns);
    *out = (aire_pick){.how = "knobs drawn at random"};
    if (kind == AIRE_PLAN_EXPLORE) {
        out->how = "knobs and values that were tried least";
        pick_explore(pool, rng, turns);
        return;
    }
    if (kind != AIRE_PLAN_FRESH &&
        pick_exploit(pool, kind == AIRE_PLAN_CROSSOVER, rng, order, turns, out))
        return;
    pick_fresh(pool, rng, order, turns);
}
