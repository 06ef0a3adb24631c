/*
 * The store, from the inside: what executors and searchers write. Thread-safe.
 *
 * Every function that writes is one transaction, durable when it returns, and first checks that the
 * lease is still ours (AIRE_BUSY if not). Write points are named (see aire__store_fault in fault.h)
 * so that a test can stop the process at each.
 */
#ifndef AIRE_STORE_STORE_H
#define AIRE_STORE_STORE_H

#include <stdbool.h>

#include "aire/draft.h"
#include "aire/store.h"

aire_ctx *aire__store_ctx(const aire_store *store);
bool aire__store_is_read_only(const aire_store *store);

/* Tie the store to an environment by its hash; AIRE_STATE if it is tied to another one. */
aire_status aire__store_bind_env(aire_store *store, const char *name, const char *hash);

/* Tie the store to a search: its name and options as text. AIRE_STATE if it holds another one (says
 * both). */
aire_status aire__store_bind_search(aire_store *store, const char *name, const char *options);

/* ---- plans ---- */

/* Add a plan; its id is given by the store. Closes the plans before it in the same transaction.
 * AIRE_INVALID if a parent has no result in the store, or an idea to avoid is not there. */
aire_status aire__store_add_plan(aire_store *store, const aire_plan_options *options,
                                 aire_plan **out);

/* The newest plan, with parents and avoid list as they were; how many of its ideas were submitted,
 * and whether it was closed. AIRE_EMPTY if there is none. */
aire_status aire__store_last_plan(aire_store *store, aire_plan **out, size_t *submitted,
                                  bool *closed);

/* Whether ideas of a plan are still to come: it is not closed, and wants more than were submitted.
 */
aire_status aire__store_has_open_plan(aire_store *store, bool *is_open);

/* No more ideas will be submitted for the plan. */
aire_status aire__store_close_plan(aire_store *store, int64_t plan_id);

/* Ideas submitted for the plans of an epoch, and how many runs of kind IDEA of that epoch are not
 * told yet. */
aire_status aire__store_epoch(aire_store *store, int32_t epoch, int64_t *ideas, int64_t *untold);

/* Ideas with a number above `idea_id`, by number, with their bare plans. */
aire_status aire__store_ideas_after(aire_store *store, int64_t idea_id, aire_ideas **out);

/* ---- runs ---- */

typedef struct aire_run {
    int64_t id;
    int32_t kind; /* AIRE_RUN_* */
    int32_t priority;
    int32_t attempts; /* tries begun so far */
    uint64_t seed;
    aire_idea *idea; /* with its id and the bare plan; a reference; NULL for a baseline */
} aire_run;

void aire__run_clear(aire_run *run);

/*
 * Add a run, and its idea if that is new. What makes a run the same as an earlier one: for kind
 * IDEA the plan and ordinal of its idea (ideas without a plan: the idea's id, or always new); for
 * the others idea, kind and seed. *is_new tells; *out is the run that is there now.
 */
aire_status aire__store_submit(aire_store *store, aire_idea *idea, int32_t kind, uint64_t seed,
                               int32_t priority, aire_run *out, bool *is_new);

/* Runs that were submitted and have not finished, oldest first, but for rechecks, which belong to
 * the run that they are of; *out from aire_alloc, each cleared by the caller. */
aire_status aire__store_unfinished(aire_store *store, aire_run **out, size_t *count);

/* Finished runs whose result was not told, oldest first, but for rechecks, which nobody is told. */
aire_status aire__store_untold(aire_store *store, aire_results **out);

/* A try at a run begins. AIRE_EXISTS if it has finished. Survives the process, but not a power
 * failure. */
aire_status aire__store_run_begins(aire_store *store, int64_t run_id, int32_t attempt);

/* A run has finished: its result, by run id. AIRE_EXISTS if it had finished before (the first one
 * stands). */
aire_status aire__store_finish(aire_store *store, aire_result *result);

/* The earliest finished run of kind IDEA that had this variant, and was really run (not NO_CHANGE,
 * CANCELLED or INFRA_FAILED); 0 if there is none. */
aire_status aire__store_find_variant(aire_store *store, const char *variant, int64_t *run_id);

/* How a run stands: what decides whether its files are kept. */
typedef struct aire_standing {
    int64_t run_id;
    int32_t kind, outcome, attempts;
    double reward; /* 0 if it has none */
    bool pinned;
    bool finished; /* false: there is no such run, or no result of it; all else is 0 */
} aire_standing;

/* Read how the runs of the given numbers stand, as of one moment. */
aire_status aire__store_standings(aire_store *store, aire_standing *runs, size_t count);

/* Whether a run is there and has finished: then it has a result. */
aire_status aire__store_has_finished(aire_store *store, int64_t run_id, bool *finished);

/* The result of a finished run, with its idea and bare plan. AIRE_CORRUPT if it is not there. */
aire_status aire__store_result(aire_store *store, int64_t run_id, aire_result **out);

/* A result was told to the searcher: numbers it, and keeps `state` (NULL: none) with it. *first is
 * false, and nothing is written, if it was told before. */
aire_status aire__store_tell(aire_store *store, int64_t run_id, const char *state, bool *first);

/* The state kept with the last tell; AIRE_EMPTY if there is none. */
aire_status aire__store_search_state(aire_store *store, char **out);

/* Results that were told, in the order of the tells, with their ideas and bare plans. */
aire_status aire__store_told(aire_store *store, aire_results **out);

/* What a search decides by, of a result that was told. */
typedef struct aire_told {
    int64_t run_id;
    int32_t kind;    /* AIRE_RUN_* */
    int32_t epoch;   /* of its idea's plan; -1 without one */
    int64_t idea_id; /* 0 for a baseline */
    double reward;   /* NAN without one */
} aire_told;

/* The same of all results that were told, in the same order, without reading the rest of them; *out
 * is from aire_alloc. */
aire_status aire__store_told_facts(aire_store *store, aire_told **out, size_t *count);

/* ---- drafts ---- */

/* Keep a draft; its number is given by the store, and nothing is chosen yet. */
aire_status aire__store_add_draft(aire_store *store, const aire_draft *draft, int32_t *number);

/* Of the drafts of one repair of a run this one goes on. */
aire_status aire__store_choose_draft(aire_store *store, int64_t run_id, int32_t repair,
                                     int32_t number);

/* What the run of a draft's patch came to, of which the next repair is made. */
aire_status aire__store_end_draft(aire_store *store, int64_t run_id, int32_t number,
                                  int32_t outcome, int32_t cause, const char *message);

/* Something worth knowing later: a retry, a refusal, a restart. Never fails loudly: logged if it
 * cannot be kept. */
void aire__store_event(aire_store *store, const char *type, int64_t run_id, const char *text);

#endif
