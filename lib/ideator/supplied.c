/* Ideas that people supplied, mixed into the proposals of another ideator. */
#include "aire/ideator.h"
#include "aire/result.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "ideator/idea_list.h"

typedef struct supplied {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_idea_list list;
    aire_ideator *other; /* nullable */
    int64_t every;
    size_t next; /* for plans without a number */
} supplied;

aire_status aire_ideator_supplied_options_init(aire_ideator_supplied_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_supplied_options");
}

/* Which supplied ideas answer a plan: `*count` from the place that is returned. */
static size_t share_of(const supplied *s, const aire_plan *plan, size_t *count)
{
    int64_t id = aire_plan_id(plan), turn = id;
    size_t wanted = (size_t)aire_plan_count(plan), place = s->next;
    *count = 0;
    if (s->every && id % s->every)
        return 0;
    if (s->every)
        turn = id / s->every;
    if (id && __builtin_mul_overflow((size_t)(turn - 1), wanted, &place))
        return 0;
    if (place >= s->list.count)
        return 0;
    *count = wanted < s->list.count - place ? wanted : s->list.count - place;
    return place;
}

/* The plan for what is still wanted, with the supplied ideas to avoid as well. */
static aire_status rest_of(const supplied *s, const aire_plan *plan, aire_idea *const *taken,
                           size_t count, aire_plan **out)
{
    size_t avoid = aire_plan_avoid_count(plan), parents = aire_plan_parent_count(plan);
    aire_plan_options fields = AIRE_PLAN_OPTIONS_INIT;
    aire_idea **ideas = aire__calloc(s->ctx, avoid + count, sizeof *ideas);
    aire_result **results = aire__calloc(s->ctx, parents + 1, sizeof *results);
    aire_status status = ideas && results ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < avoid; i++)
        ideas[i] = aire_plan_avoid(plan, i);
    for (size_t i = 0; status == AIRE_OK && i < count; i++)
        ideas[avoid + i] = taken[i];
    for (size_t i = 0; status == AIRE_OK && i < parents; i++)
        results[i] = aire_plan_parent(plan, i);
    fields.kind = aire_plan_kind(plan);
    fields.id = aire_plan_id(plan);
    fields.epoch = aire_plan_epoch(plan);
    fields.count = aire_plan_count(plan) - (int32_t)count;
    fields.parents = results;
    fields.parent_count = parents;
    fields.avoid = ideas;
    fields.avoid_count = avoid + count;
    if (status == AIRE_OK)
        status = aire_plan_new(s->ctx, &fields, out);
    aire_free(s->ctx, ideas);
    aire_free(s->ctx, results);
    return status;
}

/* The supplied ideas, then those of the other ideator; it may have none. */
static aire_status join(const supplied *s, aire_idea *const *taken, size_t count, aire_ideas *more,
                        aire_ideas **out)
{
    size_t others = more ? aire_ideas_count(more) : 0;
    aire_idea **all = aire__calloc(s->ctx, count + others, sizeof *all);
    if (!all)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++)
        all[i] = taken[i];
    for (size_t i = 0; i < others; i++)
        all[count + i] = aire_ideas_get(more, i);
    aire_status status = aire_ideas_new(s->ctx, all, count + others, out);
    aire_free(s->ctx, all);
    return status;
}

/* Ask the other ideator for what the supplied ideas leave open. */
static aire_status fill_up(const supplied *s, aire_plan *plan, aire_idea *const *taken,
                           size_t count, aire_cancel *cancel, aire_ideas **out)
{
    aire_plan *rest;
    aire_ideas *more = NULL;
    aire_status status = rest_of(s, plan, taken, count, &rest);
    if (status != AIRE_OK)
        return status;
    status = aire_ideator_propose(s->other, rest, cancel, &more);
    if (status == AIRE_OK || status == AIRE_EMPTY)
        status = join(s, taken, count, more, out);
    aire_ideas_unref(more);
    aire_plan_unref(rest);
    return status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    supplied *s = user_data;
    size_t count, place = share_of(s, plan, &count);
    aire_idea *const *taken = s->list.ideas + place;
    aire_status status;
    if (count == 0 && !s->other)
        return aire__fail(AIRE_EMPTY, "no supplied idea is left for plan %lld",
                          (long long)aire_plan_id(plan));
    if (count == 0)
        return aire_ideator_propose(s->other, plan, cancel, out);
    if (count < (size_t)aire_plan_count(plan) && s->other)
        status = fill_up(s, plan, taken, count, cancel, out);
    else
        status = aire_ideas_new(s->ctx, taken, count, out);
    if (status == AIRE_OK && aire_plan_id(plan) == 0)
        s->next = place + count;
    return status;
}

static void destroy(void *user_data)
{
    supplied *s = user_data;
    aire_ideator_unref(s->other);
    aire__idea_list_free(&s->list);
    aire_free(s->ctx, s);
}

static aire_status take_options(const aire_ideator_supplied_options *given,
                                aire_ideator_supplied_options *ours)
{
    aire_status status = aire__options_take(given, ours, sizeof *ours, sizeof *ours,
                                            "aire_ideator_supplied_options");
    if (status != AIRE_OK)
        return status;
    if (!ours->ideas == !ours->path || ours->every < 0)
        return aire__fail(AIRE_INVALID, "aire_ideator_supplied_options: give either ideas or path, "
                                        "and every must be 0 or more");
    return AIRE_OK;
}

aire_status aire_ideator_supplied_new(aire_ctx *ctx, aire_ideator *other,
                                      const aire_ideator_supplied_options *options,
                                      aire_ideator **out)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};
    if (!ctx || !options || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_supplied_new: ctx, options and out must not be NULL");
    *out = NULL;
    aire_ideator_supplied_options ours;
    aire_status status = take_options(options, &ours);
    if (status != AIRE_OK)
        return status;
    supplied *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    *s = (supplied){
        .ctx = ctx, .list.ctx = ctx, .other = aire_ideator_ref(other), .every = ours.every};
    status = ours.path ? aire__idea_list_read(&s->list, ours.path)
                       : aire__idea_list_take(&s->list, ours.ideas);
    if (status == AIRE_OK)
        status = aire_ideator_new_from_ops(ctx, &ops, s, out);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
