/* Ideators: the handle around a vtable, and the checks on what it proposes. */
#include "ideator/ideator.h"

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"

struct aire_ideator {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_ideator_ops ops;
    void *user_data;
};

aire_status aire_ideator_new_from_ops(aire_ctx *ctx, const aire_ideator_ops *ops, void *user_data,
                                      aire_ideator **out)
{
    if (!ctx || !ops || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_new_from_ops: ctx, ops and out must not be NULL");
    *out = NULL;
    aire_ideator_ops ours;
    aire_status status =
        aire__options_take(ops, &ours, sizeof ours, sizeof ours, "aire_ideator_ops");
    if (status != AIRE_OK)
        return status;
    if (!ours.propose || ours.reserved)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_ops: propose is required, and reserved must be 0");
    aire_ideator *ideator = aire_alloc(ctx, sizeof *ideator);
    if (!ideator)
        return aire__fail_nomem();
    *ideator = (aire_ideator){.ctx = aire_ctx_ref(ctx), .ops = ours, .user_data = user_data};
    aire__ref_init(&ideator->refs);
    *out = ideator;
    return AIRE_OK;
}

void *aire__ideator_data(const aire_ideator *ideator, const aire_ideator_ops *ops)
{
    return ideator->ops.propose == ops->propose ? ideator->user_data : NULL;
}

aire_ideator *aire_ideator_ref(aire_ideator *ideator)
{
    if (ideator)
        aire__ref_take(&ideator->refs);
    return ideator;
}

void aire_ideator_unref(aire_ideator *ideator)
{
    if (!ideator || !aire__ref_drop(&ideator->refs))
        return;
    aire_ctx *ctx = ideator->ctx;
    if (ideator->ops.destroy)
        ideator->ops.destroy(ideator->user_data);
    aire_free(ctx, ideator);
    aire_ctx_unref(ctx);
}

/* The same idea, as number `ordinal` of the plan. */
static aire_status renumber(aire_ctx *ctx, aire_idea *idea, aire_plan *plan, int32_t ordinal,
                            aire_idea **out)
{
    if (aire_idea_plan(idea) == plan && aire_idea_ordinal(idea) == ordinal) {
        *out = aire_idea_ref(idea);
        return AIRE_OK;
    }
    size_t parent_count = aire_idea_parent_count(idea);
    int64_t *parents = NULL;
    if (parent_count && !(parents = aire__calloc(ctx, parent_count, sizeof *parents)))
        return aire__fail_nomem();
    for (size_t i = 0; i < parent_count; i++)
        parents[i] = aire_idea_parent(idea, i);
    aire_idea_options fields = AIRE_IDEA_OPTIONS_INIT;
    fields.ordinal = ordinal;
    fields.plan = plan;
    fields.title = aire_idea_title(idea);
    fields.text = aire_idea_text(idea);
    fields.changes = aire_idea_changes(idea);
    fields.reasoning = aire_idea_reasoning(idea);
    fields.origin = aire_idea_origin(idea);
    fields.kind = aire_idea_kind(idea);
    fields.parents = parents;
    fields.parent_count = parent_count;
    fields.patch = aire_idea_patch(idea);
    aire_status status = aire_idea_new(ctx, &fields, out);
    aire_free(ctx, parents);
    return status;
}

/* The ideas as the plan's own, numbered in their order. */
static aire_status adopt(aire_ctx *ctx, aire_ideas *given, aire_plan *plan, aire_ideas **out)
{
    size_t count = aire_ideas_count(given), made = 0;
    aire_idea **ours = aire__calloc(ctx, count, sizeof *ours);
    aire_status status = ours ? AIRE_OK : aire__fail_nomem();
    for (; status == AIRE_OK && made < count; made += status == AIRE_OK)
        status = renumber(ctx, aire_ideas_get(given, made), plan, (int32_t)made, &ours[made]);
    if (status == AIRE_OK)
        status = aire_ideas_new(ctx, ours, count, out);
    for (size_t i = 0; i < made; i++)
        aire_idea_unref(ours[i]);
    aire_free(ctx, ours);
    return status;
}

static aire_status check(const aire_ideas *given, const aire_plan *plan)
{
    if (!given)
        return aire__fail(AIRE_CALLBACK, "the ideator returned AIRE_OK without ideas");
    size_t count = aire_ideas_count(given);
    if (count > (size_t)aire_plan_count(plan))
        return aire__fail(AIRE_CALLBACK, "the ideator returned %zu ideas for a plan of %d", count,
                          (int)aire_plan_count(plan));
    return count ? AIRE_OK : aire__fail(AIRE_EMPTY, "the ideator had no idea to propose");
}

aire_status aire_ideator_propose(aire_ideator *ideator, aire_plan *plan, aire_cancel *cancel,
                                 aire_ideas **out)
{
    if (!ideator || !plan || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_propose: ideator, plan and out must not be NULL");
    *out = NULL;
    if (aire_cancel_fired(cancel))
        return aire__fail(AIRE_CANCELLED, "cancelled before ideas were proposed");
    aire_ideas *given = NULL;
    aire_error_set(AIRE_OK, 0, NULL);
    aire_status status = ideator->ops.propose(plan, cancel, &given, ideator->user_data);
    if (status == AIRE_OK)
        status = check(given, plan);
    else if (aire_error_status(aire_last_error()) != status)
        aire__fail(status, "the ideator failed: %s", aire_status_message(status));
    if (status == AIRE_OK)
        status = adopt(ideator->ctx, given, plan, out);
    aire_ideas_unref(given);
    return status;
}
