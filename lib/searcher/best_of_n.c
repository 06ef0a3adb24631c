/* Best of N: fresh ideas only, each plan avoiding the ideas before it. The baseline that every
 * search has to beat. */
#include <inttypes.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "searcher/searcher.h"

typedef struct best_of_n {
    aire_ctx *ctx;     /* borrowed from the handle */
    aire_store *store; /* borrowed from the handle */
    int32_t count, batch;
    aire_idea **known; /* ideas of all plans, in the order of the plans; references */
    size_t known_count, known_capacity;
    int64_t newest; /* number of the last idea that was looked at */
} best_of_n;

aire_status aire_searcher_best_of_n_options_init(aire_searcher_best_of_n_options *options,
                                                 size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_searcher_best_of_n_options");
}

/* ---- what there is to avoid ---- */

static int64_t plan_of(const aire_idea *idea)
{
    return aire_plan_id(aire_idea_plan(idea));
}

/* Behind the ideas of its plan and of those before: the newest may answer an earlier plan. */
static aire_status keep(best_of_n *s, aire_idea *idea)
{
    if (!aire__grow(s->ctx, &s->known, &s->known_capacity, s->known_count + 1, sizeof(aire_idea *)))
        return aire__fail_nomem();
    size_t at = s->known_count++;
    for (; at > 0 && plan_of(s->known[at - 1]) > plan_of(idea); at--)
        s->known[at] = s->known[at - 1];
    s->known[at] = aire_idea_ref(idea);
    return AIRE_OK;
}

/* Ideas are added to the store and stay as they are, so only new ones have to be read. */
static aire_status learn(best_of_n *s)
{
    aire_ideas *added = NULL;
    aire_status status = aire__store_ideas_after(s->store, s->newest, &added);
    for (size_t i = 0; status == AIRE_OK && i < aire_ideas_count(added); i++) {
        aire_idea *idea = aire_ideas_get(added, i);
        if (aire_idea_plan(idea))
            status = keep(s, idea);
        if (status == AIRE_OK)
            s->newest = aire_idea_id(idea);
    }
    aire_ideas_unref(added);
    return status;
}

/* ---- plans ---- */

static aire_status ask(aire_plan **out, void *user_data)
{
    best_of_n *s = user_data;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    int64_t plans;
    aire_status status = aire__searcher_plans(s->store, &plans);
    if (status != AIRE_OK)
        return status;
    int64_t left = s->count - plans * s->batch;
    if (left <= 0)
        return AIRE_DONE;
    status = learn(s);
    if (status != AIRE_OK)
        return status;
    options.kind = AIRE_PLAN_FRESH;
    options.count = left < s->batch ? (int32_t)left : s->batch;
    options.avoid = s->known;
    options.avoid_count = s->known_count;
    return aire_plan_new(s->ctx, &options, out);
}

static aire_status tell(aire_result *result, void *user_data)
{
    return AIRE_OK; /* the store has it, and nothing else follows from it */
}

/* Nor does anything follow from what was told before. */
static aire_status recall(const aire_told *facts, void *user_data)
{
    return AIRE_OK;
}

static void destroy(void *user_data)
{
    best_of_n *s = user_data;
    aire__ideas_drop(s->ctx, s->known, s->known_count);
    aire_free(s->ctx, s);
}

aire_status aire_searcher_best_of_n_new(aire_ctx *ctx, aire_store *store,
                                        const aire_searcher_best_of_n_options *options,
                                        aire_searcher **out)
{
    static const aire_searcher_ops ops = {sizeof ops, 0, ask, tell, NULL, NULL, NULL, destroy};
    aire_searcher_best_of_n_options given;
    if (!ctx || !store || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_searcher_best_of_n_new: ctx, store and out must not be NULL");
    *out = NULL;
    aire_status status = aire__options_take(options, &given, sizeof given, sizeof given,
                                            "aire_searcher_best_of_n_options");
    if (status != AIRE_OK)
        return status;
    if (given.count < 0 || given.batch < 0)
        return aire__fail(AIRE_INVALID, "best-of-n: count and batch must not be negative");
    best_of_n *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    *s = (best_of_n){.ctx = ctx,
                     .store = store,
                     .count = given.count ? given.count : 80,
                     .batch = given.batch ? given.batch : 10};
    char *text = aire__asprintf(ctx, "count=%d batch=%d", s->count, s->batch);
    status = text ? aire__searcher_make(ctx, store, "best-of-n", text, &ops, recall, s, out)
                  : aire__fail_nomem();
    aire_free(ctx, text);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
