/* Plans: what a searcher asks an ideator for. */
#include "aire/plan.h"

#include "aire/idea.h"
#include "aire/result.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "record/json.h"
#include "record/record.h"

struct aire_plan {
    aire_record record;
    int32_t kind;
    int64_t id;
    int32_t epoch;
    int32_t count;
    aire_result **parents;
    size_t parent_count;
    aire_idea **avoid;
    size_t avoid_count;
};

aire_status aire_plan_options_init(aire_plan_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(*options), sizeof(*options),
                              "aire_plan_options");
}

static void plan_clear(aire_record *record, aire_record **dead)
{
    aire_plan *plan = (aire_plan *)record;

    for (size_t i = 0; i < plan->parent_count; i++)
        aire__record_drop((aire_record *)plan->parents[i], dead);
    for (size_t i = 0; i < plan->avoid_count; i++)
        aire__record_drop((aire_record *)plan->avoid[i], dead);
    aire_free(record->ctx, plan->parents);
    aire_free(record->ctx, plan->avoid);
}

static aire_status check(const aire_plan_options *options)
{
    if (!aire__has_word(aire_plan_kind_name, options->kind))
        return aire__fail(AIRE_INVALID, "plan: unknown kind %d", (int)options->kind);
    if (options->count < 1)
        return aire__fail(AIRE_INVALID, "plan: count is %d; at least 1 idea must be wanted",
                          (int)options->count);
    if (options->id < 0 || options->epoch < 0)
        return aire__fail(AIRE_INVALID, "plan: %s is negative", options->id < 0 ? "id" : "epoch");
    if (!options->parents && options->parent_count > 0)
        return aire__fail(AIRE_INVALID, "plan: parents is NULL");
    if (!options->avoid && options->avoid_count > 0)
        return aire__fail(AIRE_INVALID, "plan: avoid is NULL");
    for (size_t i = 0; i < options->parent_count; i++) {
        if (!options->parents[i])
            return aire__fail(AIRE_INVALID, "plan: parent %zu is NULL", i);
    }
    for (size_t i = 0; i < options->avoid_count; i++) {
        if (!options->avoid[i])
            return aire__fail(AIRE_INVALID, "plan: idea %zu to avoid is NULL", i);
    }
    return AIRE_OK;
}

/* The counts are set with the elements, so that a plan that is cleared half made lets go of just
 * those. */
static aire_status take_lists(aire_ctx *ctx, const aire_plan_options *options, aire_plan *plan)
{
    if (options->parent_count > 0) {
        plan->parents = aire__calloc(ctx, options->parent_count, sizeof(aire_result *));
        if (!plan->parents)
            return aire__fail_nomem();
    }
    if (options->avoid_count > 0) {
        plan->avoid = aire__calloc(ctx, options->avoid_count, sizeof(aire_idea *));
        if (!plan->avoid)
            return aire__fail_nomem();
    }
    for (size_t i = 0; i < options->parent_count; i++)
        plan->parents[plan->parent_count++] = aire_result_ref(options->parents[i]);
    for (size_t i = 0; i < options->avoid_count; i++)
        plan->avoid[plan->avoid_count++] = aire_idea_ref(options->avoid[i]);
    return AIRE_OK;
}

aire_status aire_plan_new(aire_ctx *ctx, const aire_plan_options *options, aire_plan **out)
{
    aire_plan_options given;

    if (!out)
        return aire__fail(AIRE_INVALID, "plan: out is NULL");
    *out = NULL;
    if (!ctx)
        return aire__fail(AIRE_INVALID, "plan: ctx is NULL");
    aire_status status =
        aire__options_take(options, &given, sizeof(given), sizeof(given), "aire_plan_options");
    if (status == AIRE_OK)
        status = check(&given);
    if (status != AIRE_OK)
        return status;

    aire_plan *plan = aire__record_new(ctx, sizeof(*plan), plan_clear);
    if (!plan)
        return aire__fail_nomem();
    plan->kind = given.kind;
    plan->id = given.id;
    plan->epoch = given.epoch;
    plan->count = given.count;
    status = take_lists(ctx, &given, plan);
    if (status != AIRE_OK) {
        aire_plan_unref(plan);
        return status;
    }
    *out = plan;
    return AIRE_OK;
}

aire_plan *aire_plan_ref(aire_plan *plan)
{
    return aire__record_ref((aire_record *)plan);
}

void aire_plan_unref(aire_plan *plan)
{
    aire__record_unref((aire_record *)plan);
}

int32_t aire_plan_kind(const aire_plan *plan)
{
    return plan->kind;
}

const char *aire_plan_kind_name(int32_t kind)
{
    switch (kind) {
        AIRE_PLAN_KIND_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

int64_t aire_plan_id(const aire_plan *plan)
{
    return plan->id;
}

int32_t aire_plan_epoch(const aire_plan *plan)
{
    return plan->epoch;
}

int32_t aire_plan_count(const aire_plan *plan)
{
    return plan->count;
}

size_t aire_plan_parent_count(const aire_plan *plan)
{
    return plan->parent_count;
}

aire_result *aire_plan_parent(const aire_plan *plan, size_t index)
{
    return index < plan->parent_count ? plan->parents[index] : NULL;
}

size_t aire_plan_avoid_count(const aire_plan *plan)
{
    return plan->avoid_count;
}

aire_idea *aire_plan_avoid(const aire_plan *plan, size_t index)
{
    return index < plan->avoid_count ? plan->avoid[index] : NULL;
}

static bool append_ids(const aire_plan *plan, json_t *parents, json_t *avoid)
{
    for (size_t i = 0; i < plan->parent_count; i++) {
        if (json_array_append_new(parents, json_integer(aire_result_run_id(plan->parents[i]))))
            return false;
    }
    for (size_t i = 0; i < plan->avoid_count; i++) {
        if (json_array_append_new(avoid, json_integer(aire_idea_id(plan->avoid[i]))))
            return false;
    }
    return true;
}

aire_status aire_plan_to_json(const aire_plan *plan, char **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "plan: out is NULL");
    *out = NULL;
    if (!plan)
        return aire__fail(AIRE_INVALID, "plan: plan is NULL");

    json_t *parents = json_array();
    json_t *avoid = json_array();
    json_t *object = NULL;
    if (append_ids(plan, parents, avoid)) {
        object = json_pack("{s:I, s:s, s:i, s:i, s:O, s:O}", "id", (json_int_t)plan->id, "kind",
                           aire_plan_kind_name(plan->kind), "epoch", (int)plan->epoch, "count",
                           (int)plan->count, "parents", parents, "avoid", avoid);
    }
    json_decref(parents);
    json_decref(avoid);
    return aire__record_json_give(plan->record.ctx, object, out);
}
