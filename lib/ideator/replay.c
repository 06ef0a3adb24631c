/* Recorded ideas. */
#include "aire/ideator.h"

#include "base/fail.h"
#include "base/str.h"
#include "model/lines.h"

typedef struct replay {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_idea **ideas;
    size_t count, capacity;
    size_t next; /* for plans without a number, which come in the order of the file */
} replay;

static aire_status add_line(const char *line, size_t length, void *data)
{
    replay *r = data;
    if (!aire__grow(r->ctx, &r->ideas, &r->capacity, r->count + 1, sizeof *r->ideas))
        return aire__fail_nomem();
    aire_status status = aire_idea_from_json(r->ctx, line, length, &r->ideas[r->count]);
    r->count += status == AIRE_OK;
    return status;
}

/* Where the plan's first idea stands. */
static size_t place_of(const replay *r, const aire_plan *plan)
{
    size_t before = (size_t)(aire_plan_id(plan) - 1), place;
    if (aire_plan_id(plan) == 0)
        return r->next;
    if (__builtin_mul_overflow(before, (size_t)aire_plan_count(plan), &place))
        return r->count;
    return place;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    replay *r = user_data;
    size_t place = place_of(r, plan), count = (size_t)aire_plan_count(plan);
    if (place >= r->count)
        return aire__fail(AIRE_EMPTY, "all %zu recorded ideas have been proposed", r->count);
    if (count > r->count - place)
        count = r->count - place;
    aire_status status = aire_ideas_new(r->ctx, &r->ideas[place], count, out);
    if (status == AIRE_OK)
        r->next = place + count;
    return status;
}

static void destroy(void *user_data)
{
    replay *r = user_data;
    for (size_t i = 0; i < r->count; i++)
        aire_idea_unref(r->ideas[i]);
    aire_free(r->ctx, r->ideas);
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
    r->ctx = ctx;
    aire_status status = aire__lines_read(ctx, path, add_line, r);
    if (status == AIRE_OK)
        status = aire_ideator_new_from_ops(ctx, &ops, r, out);
    if (status != AIRE_OK)
        destroy(r);
    return status;
}
