/* Recorded ideas. */
#include "aire/ideator.h"

#include "base/fail.h"
#include "base/str.h"
#include "ideator/idea_list.h"

typedef struct replay {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_idea_list list;
    size_t next; /* for plans without a number, which come in the order of the file */
} replay;

/* Where the plan's first idea stands. */
static size_t place_of(const replay *r, const aire_plan *plan)
{
    size_t before = (size_t)(aire_plan_id(plan) - 1), place;
    if (aire_plan_id(plan) == 0)
        return r->next;
    if (__builtin_mul_overflow(before, (size_t)aire_plan_count(plan), &place))
        return r->list.count;
    return place;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    replay *r = user_data;
    size_t place = place_of(r, plan), count = (size_t)aire_plan_count(plan);
    if (place >= r->list.count)
        return aire__fail(AIRE_EMPTY, "all %zu recorded ideas have been proposed", r->list.count);
    if (count > r->list.count - place)
        count = r->list.count - place;
    aire_status status = aire_ideas_new(r->ctx, &r->list.ideas[place], count, out);
    if (status == AIRE_OK)
        r->next = place + count;
    return status;
}

static void destroy(void *user_data)
{
    replay *r = user_data;
    aire__idea_list_free(&r->list);
    aire_free(r->ctx, r);
}

aire_status aire_ideator_replay_new(aire_ctx *ctx, const char *path, aire_ideator **out)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};
    if (!ctx || !path || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_replay_new: ctx, path and out must not be NULL");
    *out = NULL;
    replay *r = aire__calloc(ctx, 1, sizeof *r);
    if (!r)
        return aire__fail_nomem();
    r->ctx = r->list.ctx = ctx;
    aire_status status = aire__idea_list_read(&r->list, path);
    if (status == AIRE_OK)
        status = aire_ideator_new_from_ops(ctx, &ops, r, out);
    if (status != AIRE_OK)
        destroy(r);
    return status;
}
