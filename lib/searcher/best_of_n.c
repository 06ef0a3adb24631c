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
} best_of_n;

aire_status aire_searcher_best_of_n_options_init(aire_searcher_best_of_n_options *options,
                                                 size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_searcher_best_of_n_options");
}

static aire_status ask(aire_plan **out, void *user_data)
{
    best_of_n *s = user_data;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_idea **avoid = NULL;
    int64_t plans;
    aire_status status = aire__searcher_plans(s->store, &plans);
    if (status != AIRE_OK)
        return status;
    int64_t left = s->count - plans * s->batch;
    if (left <= 0)
        return AIRE_DONE;
    status = aire__searcher_ideas(s->ctx, s->store, 1, plans, &avoid, &options.avoid_count);
    if (status != AIRE_OK)
        return status;
    options.kind = AIRE_PLAN_FRESH;
    options.count = left < s->batch ? (int32_t)left : s->batch;
    options.avoid = avoid;
    status = aire_plan_new(s->ctx, &options, out);
    aire__ideas_drop(s->ctx, avoid, options.avoid_count);
    return status;
}

static aire_status tell(aire_result *result, void *user_data)
{
    return AIRE_OK; /* the store has it, and nothing else follows from it */
}

static void destroy(void *user_data)
{
    best_of_n *s = user_data;
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
    *s = (best_of_n){ctx, store, given.count ? given.count : 80, given.batch ? given.batch : 10};
    char *text = aire__asprintf(ctx, "count=%d batch=%d", s->count, s->batch);
    status = text ? aire__searcher_make(ctx, store, "best-of-n", text, &ops, s, out)
                  : aire__fail_nomem();
    aire_free(ctx, text);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
