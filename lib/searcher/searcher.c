/*
 * Searchers as handles: numbering plans, telling each result once, and taking up where an earlier
 * one stopped.
 *
 * The store has everything. A plan is durable before it is given; one whose ideas were not all
 * submitted when the process ended is given again.
 */
#include "searcher/searcher.h"

#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"
#include "store/store.h"

struct aire_searcher {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_store *store;
    aire_searcher_ops ops;
    void *user_data;
    aire_plan *reopened; /* to be given again; NULL for none */
    int64_t open_plan;   /* given last, and not closed since; 0 for none */
    uint8_t *heard;      /* by run: how far its tell has come */
    size_t heard_count;
};

/* ---- which runs were told ---- */

/* A tell that failed on its way goes on where it was, so that nothing counts twice. */
enum { HEARD_NOT, HEARD, HEARD_AND_KEPT };

/* Only what the store has may be heard: a plan could not name anything else, and a run's number
 * could be anything. */
static aire_status check_finished(aire_searcher *s, int64_t run)
{
    bool finished;
    aire_status status = aire__store_has_finished(s->store, run, &finished);
    if (status == AIRE_OK && !finished)
        return aire__fail(AIRE_NOT_FOUND,
                          "aire_searcher_tell: store '%s' has no finished run "
                          "%lld",
                          aire_store_path(s->store), (long long)run);
    return status;
}

/* Makes room for the note of a run's tell. */
static aire_status make_room(aire_searcher *s, int64_t run)
{
    size_t capacity = s->heard_count;
    if (run < (int64_t)s->heard_count)
        return AIRE_OK;
    if (!aire__grow(s->ctx, &s->heard, &capacity, (size_t)run + 1, 1))
        return aire__fail_nomem();
    memset(s->heard + s->heard_count, HEARD_NOT, capacity - s->heard_count);
    s->heard_count = capacity;
    return AIRE_OK;
}

/* How far a run's tell has come. */
static int heard(const aire_searcher *s, int64_t run)
{
    return run < (int64_t)s->heard_count ? s->heard[run] : HEARD_NOT;
}

/* ---- taking up ---- */

/* The newest plan is read only where it is wanted: its lists may be long. */
static aire_status reopen_plan(aire_searcher *s)
{
    size_t submitted;
    bool is_open, closed;
    aire_status status = aire__store_has_open_plan(s->store, &is_open);
    if (status != AIRE_OK || !is_open)
        return status;
    return aire__store_last_plan(s->store, &s->reopened, &submitted, &closed);
}

/* A host's searcher without a state is told anew what it was told. */
static aire_status tell_again(aire_searcher *s)
{
    aire_results *told = NULL;
    aire_status status = aire__store_told(s->store, &told);
    for (size_t i = 0; status == AIRE_OK && i < aire_results_count(told); i++)
        status = s->ops.tell(aire_results_get(told, i), s->user_data);
    aire_results_unref(told);
    return status;
}

/* Which results were told before, and the facts of them for who wants those. */
static aire_status recall_told(aire_searcher *s, aire__recall_fn recall)
{
    aire_told *told = NULL;
    size_t count = 0;
    aire_status status = aire__store_told_facts(s->store, &told, &count);
    for (size_t i = 0; status == AIRE_OK && i < count; i++) {
        status = make_room(s, told[i].run_id);
        if (status == AIRE_OK && recall)
            status = recall(&told[i], s->user_data);
        if (status == AIRE_OK)
            s->heard[told[i].run_id] = HEARD_AND_KEPT;
    }
    aire_free(s->ctx, told);
    return status;
}

static aire_status load_state(aire_searcher *s, bool *loaded)
{
    char *state = NULL;
    *loaded = false;
    if (!s->ops.load)
        return AIRE_OK;
    aire_status status = aire__store_search_state(s->store, &state);
    if (status == AIRE_EMPTY)
        return AIRE_OK;
    if (status == AIRE_OK) {
        status = s->ops.load(state, s->user_data);
        *loaded = true;
    }
    aire_free(s->ctx, state);
    return status;
}

static aire_status take_up(aire_searcher *s, const char *name, const char *options,
                           aire__recall_fn recall)
{
    bool loaded;
    aire_status status = aire__store_bind_search(s->store, name, options);
    if (status == AIRE_OK)
        status = load_state(s, &loaded);
    if (status == AIRE_OK && !loaded && !recall)
        status = tell_again(s);
    if (status == AIRE_OK)
        status = recall_told(s, recall);
    if (status == AIRE_OK)
        status = reopen_plan(s);
    return status;
}

/* ---- handles ---- */

static void searcher_free(aire_searcher *s)
{
    aire_ctx *ctx = s->ctx;
    aire_plan_unref(s->reopened);
    aire_free(ctx, s->heard);
    aire_store_unref(s->store);
    aire_free(ctx, s);
    aire_ctx_unref(ctx);
}

aire_status aire__searcher_make(aire_ctx *ctx, aire_store *store, const char *name,
                                const char *options, const aire_searcher_ops *ops,
                                aire__recall_fn recall, void *user_data, aire_searcher **out)
{
    aire_searcher *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    aire__ref_init(&s->refs);
    s->ctx = aire_ctx_ref(ctx);
    s->store = aire_store_ref(store);
    s->ops = *ops;
    s->user_data = user_data;
    aire_status status = take_up(s, name, options, recall);
    if (status != AIRE_OK) {
        searcher_free(s);
        return status;
    }
    *out = s;
    return AIRE_OK;
}

aire_status aire_searcher_new_from_ops(aire_ctx *ctx, aire_store *store, const char *name,
                                       const aire_searcher_ops *ops, void *user_data,
                                       aire_searcher **out)
{
    aire_searcher_ops given;
    if (!ctx || !store || !name || !*name || !ops || !out)
        return aire__fail(
            AIRE_INVALID,
            "aire_searcher_new_from_ops: ctx, store, name, ops and out must be given");
    *out = NULL;
    aire_status status =
        aire__options_take(ops, &given, sizeof given, sizeof given, "aire_searcher_ops");
    if (status != AIRE_OK)
        return status;
    if (!given.ask || !given.tell)
        return aire__fail(AIRE_INVALID, "aire_searcher_ops: ask and tell must be set");
    if (!given.save != !given.load)
        return aire__fail(AIRE_INVALID, "aire_searcher_ops: save and load belong together");
    return aire__searcher_make(ctx, store, name, "", &given, NULL, user_data, out);
}

aire_searcher *aire_searcher_ref(aire_searcher *searcher)
{
    if (searcher)
        aire__ref_take(&searcher->refs);
    return searcher;
}

void aire_searcher_unref(aire_searcher *searcher)
{
    if (!searcher || !aire__ref_drop(&searcher->refs))
        return;
    if (searcher->ops.destroy)
        searcher->ops.destroy(searcher->user_data);
    searcher_free(searcher);
}

/* ---- ask and tell ---- */

/* The plan as the store has it: numbered. */
static aire_status number_plan(aire_searcher *s, aire_plan *plan, aire_plan **out)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    size_t parents = aire_plan_parent_count(plan), avoid = aire_plan_avoid_count(plan);
    aire_result **parent_list = aire__calloc(s->ctx, parents + 1, sizeof *parent_list);
    aire_idea **avoid_list = aire__calloc(s->ctx, avoid + 1, sizeof *avoid_list);
    aire_status status = parent_list && avoid_list ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < parents; i++)
        parent_list[i] = aire_plan_parent(plan, i);
    for (size_t i = 0; status == AIRE_OK && i < avoid; i++)
        avoid_list[i] = aire_plan_avoid(plan, i);
    options.kind = aire_plan_kind(plan);
    options.epoch = aire_plan_epoch(plan);
    options.count = aire_plan_count(plan);
    options.parents = parent_list;
    options.parent_count = parents;
    options.avoid = avoid_list;
    options.avoid_count = avoid;
    if (status == AIRE_OK)
        status = aire__store_add_plan(s->store, &options, out);
    aire_free(s->ctx, parent_list);
    aire_free(s->ctx, avoid_list);
    return status;
}

static aire_status ask_anew(aire_searcher *s, aire_plan **out)
{
    aire_plan *plan = NULL;
    aire_status status = s->ops.ask(&plan, s->user_data);
    if (status == AIRE_OK && !plan)
        return aire__fail(AIRE_CALLBACK, "the searcher's ask gave AIRE_OK without a plan");
    if (status == AIRE_OK)
        status = number_plan(s, plan, out);
    aire_plan_unref(plan);
    return status;
}

/* Who asks again has submitted the ideas of the plan before. A new plan closes it in the store;
 * where none follows, this does, or a later process would ask for the rest of its ideas. */
static aire_status close_before(aire_searcher *s)
{
    aire_status status = AIRE_OK;
    if (s->open_plan > 0)
        status = aire__store_close_plan(s->store, s->open_plan);
    if (status == AIRE_OK)
        s->open_plan = 0;
    return status;
}

aire_status aire_searcher_ask(aire_searcher *searcher, aire_plan **out)
{
    if (!searcher || !out)
        return aire__fail(AIRE_INVALID, "aire_searcher_ask: searcher and out must not be NULL");
    *out = searcher->reopened;
    searcher->reopened = NULL;
    aire_status status = *out ? AIRE_OK : ask_anew(searcher, out);
    if (status == AIRE_OK)
        searcher->open_plan = aire_plan_id(*out);
    if (status == AIRE_EMPTY || status == AIRE_DONE) {
        aire_status closed = close_before(searcher);
        return closed == AIRE_OK ? status : closed;
    }
    return status;
}

static aire_status keep_tell(aire_searcher *s, int64_t run)
{
    char *state = NULL;
    bool first;
    aire_status status = s->ops.save ? s->ops.save(&state, s->user_data) : AIRE_OK;
    if (status == AIRE_OK)
        status = aire__store_tell(s->store, run, state, &first);
    aire_free(s->ctx, state);
    return status;
}

aire_status aire_searcher_tell(aire_searcher *searcher, aire_result *result)
{
    if (!searcher || !result)
        return aire__fail(AIRE_INVALID, "aire_searcher_tell: searcher and result must not be NULL");
    int64_t run = aire_result_run_id(result);
    if (run <= 0)
        return searcher->ops.tell(result, searcher->user_data);
    aire_status status =
        heard(searcher, run) == HEARD_NOT ? check_finished(searcher, run) : AIRE_OK;
    if (status == AIRE_OK)
        status = make_room(searcher, run);
    /* Heard first, so that the state that is kept holds this result. */
    if (status == AIRE_OK && searcher->heard[run] == HEARD_NOT) {
        status = searcher->ops.tell(result, searcher->user_data);
        searcher->heard[run] = status == AIRE_OK ? HEARD : HEARD_NOT;
    }
    if (status == AIRE_OK && searcher->heard[run] == HEARD) {
        status = keep_tell(searcher, run);
        searcher->heard[run] = status == AIRE_OK ? HEARD_AND_KEPT : HEARD;
    }
    return status;
}

aire_status aire_searcher_abandon(aire_searcher *searcher, aire_plan *plan)
{
    if (!searcher || !plan)
        return aire__fail(AIRE_INVALID,
                          "aire_searcher_abandon: searcher and plan must not be NULL");
    aire_status status = AIRE_OK;
    if (searcher->ops.abandon)
        status = searcher->ops.abandon(plan, searcher->user_data);
    if (status == AIRE_OK && aire_plan_id(plan) > 0)
        status = aire__store_close_plan(searcher->store, aire_plan_id(plan));
    if (status == AIRE_OK && aire_plan_id(plan) == searcher->open_plan)
        searcher->open_plan = 0;
    return status;
}

/* ---- what the built-in ones share ---- */

aire_status aire__searcher_plans(aire_store *store, int64_t *count)
{
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_status status = aire_store_count(store, &counts);
    if (status == AIRE_OK)
        *count = counts.plans;
    return status;
}

void aire__ideas_drop(aire_ctx *ctx, aire_idea **ideas, size_t count)
{
    for (size_t i = 0; i < count; i++)
        aire_idea_unref(ideas[i]);
    aire_free(ctx, ideas);
}

aire_status aire__searcher_ideas(aire_ctx *ctx, aire_store *store, int64_t first, int64_t last,
                                 aire_idea ***ideas, size_t *count)
{
    aire_idea **all = NULL;
    size_t total = 0, capacity = 0;
    aire_status status = AIRE_OK;
    for (int64_t plan = first; plan <= last && status == AIRE_OK; plan++) {
        aire_ideas *some = NULL;
        status = aire_store_ideas(store, plan, &some);
        size_t more = status == AIRE_OK ? aire_ideas_count(some) : 0;
        if (status == AIRE_OK &&
            !aire__grow(ctx, &all, &capacity, total + more, sizeof(aire_idea *)))
            status = aire__fail_nomem();
        for (size_t i = 0; status == AIRE_OK && i < more; i++)
            all[total++] = aire_idea_ref(aire_ideas_get(some, i));
        aire_ideas_unref(some);
    }
    if (status != AIRE_OK) {
        aire__ideas_drop(ctx, all, total);
        return status;
    }
    *ideas = all;
    *count = total;
    return AIRE_OK;
}
