/**
 * @file store.h
 * Stores: every plan, idea, patch, run, metric and model call of a search, in one SQLite file.
 *
 * A finished result is durable before it is told to anyone. One controller at a time writes to a
 * store; any number of programs may read it meanwhile.
 */
#ifndef AIRE_STORE_H
#define AIRE_STORE_H

#include "aire/result.h"

AIRE_BEGIN_DECLS

/** A store. Reference counted; thread-safe. */
typedef struct aire_store aire_store;

/** Flags of aire_store_open. */
enum {
    AIRE_STORE_READ_ONLY = 1, /**< read beside a controller; nothing can be added */
    AIRE_STORE_MUST_EXIST = 2 /**< do not make a new store */
};

/** Options of aire_store_open. */
typedef struct aire_store_options {
    uint32_t struct_size; /**< sizeof(aire_store_options) */
    uint32_t flags;       /**< AIRE_STORE_*, or'ed */
} aire_store_options;

/** Default options. */
#define AIRE_STORE_OPTIONS_INIT                                                                    \
    { sizeof(aire_store_options), 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_store_options_init(aire_store_options *options, size_t size);

/**
 * Open a store, or make it. Opened for writing, it becomes the call sink of @p ctx (of several, the
 * last one opened), and holds the store's lease until it is released or the process ends, however it
 * ends. A child that is forked meanwhile must open the store anew; what it inherits only answers
 * AIRE_STATE.
 *
 * @param path    file; "FILE-wal", "FILE-shm" and "FILE-lock" stand beside it while it is open
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_store_unref; NULL on failure
 * @return AIRE_OK; AIRE_BUSY with a detail that says which process holds it; AIRE_NOT_FOUND;
 *         AIRE_FORMAT (not a store); AIRE_UNSUPPORTED (made by a newer version); AIRE_CORRUPT;
 *         AIRE_IO (disk full, read-only, ...), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_open(aire_ctx *ctx, const char *path,
                                                const aire_store_options *options,
                                                aire_store **out);

/** Take a reference; returns @p store. @since 0.1 */
AIRE_API aire_store *aire_store_ref(aire_store *store);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_store_unref(aire_store *store);

/** Path that it was opened with. Borrowed, until the store is released. @since 0.1 */
AIRE_API const char *aire_store_path(const aire_store *store);

/**
 * Check the whole store: its file, its references, and that its records agree (finished runs have a
 * result and no others do, only what is OK has a reward, no tell is missing). Takes time in proportion
 * to its size. The most of it is done by itself when a store is opened for writing that was not closed
 * in order.
 *
 * @return AIRE_OK; AIRE_CORRUPT with a detail that says what is wrong; AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_check(aire_store *store);

/**
 * Pin a run, or take its pin off. The files of a pinned run, if the manifest's `retention` has kept
 * them (see executor.h), stay whatever its rank, age and size; they take no place among the best and
 * the failed, but count in the size of all. What is not kept any more does not come back. Pinning
 * twice is pinning once.
 *
 * @param run_id a run of this store, finished or not
 * @param pinned 0 to take the pin off
 * @return AIRE_OK; AIRE_NOT_FOUND (no such run); AIRE_STATE (opened read-only), AIRE_IO, AIRE_BUSY
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_pin(aire_store *store, int64_t run_id, int32_t pinned);

/**
 * Whether a run is pinned.
 *
 * @param[out] pinned 1 or 0
 * @return AIRE_OK; AIRE_NOT_FOUND (no such run); AIRE_IO, AIRE_CORRUPT, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_pinned(aire_store *store, int64_t run_id,
                                                  int32_t *pinned);

/** Orders of a query's results. */
enum {
    AIRE_ORDER_RUN = 0,   /**< by run, oldest first */
    AIRE_ORDER_REWARD = 1 /**< by reward, best first; results without one are left out */
};

/** Which finished results to read. Zero in a field does not restrict. */
typedef struct aire_store_query {
    uint32_t struct_size; /**< sizeof(aire_store_query) */
    int32_t kind;         /**< AIRE_RUN_* */
    int32_t order;        /**< AIRE_ORDER_* */
    int32_t reserved;     /**< must be 0 */
    int64_t idea_id;      /**< runs of this idea */
    int64_t run_id;       /**< this run */
    int64_t plan_id;      /**< runs of this plan's ideas */
    int64_t limit;        /**< at most so many */
    int64_t offset;       /**< leave out so many first */
} aire_store_query;

/** Query without restriction. */
#define AIRE_STORE_QUERY_INIT                                                                      \
    { sizeof(aire_store_query), 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Read finished results, with their ideas and the bare plans of those (no parents, no avoid list).
 *
 * @param query nullable: all, by run
 * @param[out] out owned by caller, release with aire_results_unref; empty if there are none
 * @return AIRE_OK, AIRE_IO, AIRE_CORRUPT, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_results(aire_store *store, const aire_store_query *query,
                                                   aire_results **out);

/**
 * Read all ideas, run or not, in order of their ids.
 *
 * @param plan_id ideas of this plan; 0 for all
 * @param[out] out owned by caller, release with aire_ideas_unref; empty if there are none
 * @return AIRE_OK, AIRE_IO, AIRE_CORRUPT, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_ideas(aire_store *store, int64_t plan_id,
                                                 aire_ideas **out);

/** How many there are of each thing in a store. */
typedef struct aire_store_counts {
    uint32_t struct_size; /**< sizeof(aire_store_counts), set by the caller */
    uint32_t reserved;    /**< 0 */
    int64_t plans;
    int64_t ideas;
    int64_t runs_waiting;  /**< submitted, not finished; rechecks are not counted */
    int64_t runs_finished; /**< rechecks are not counted */
    int64_t runs_told;     /**< finished, and told to the searcher */
    int64_t model_calls;
    int64_t input_tokens;  /**< of all model calls */
    int64_t output_tokens; /**< of all model calls */
} aire_store_counts;

/** Count what is in the store; @p counts is written only on success. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_store_count(aire_store *store, aire_store_counts *counts);

/**
 * Read a note that was kept under a name, such as how a driver was started.
 *
 * @param[out] out owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_NOT_FOUND, AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_get_note(aire_store *store, const char *name,
                                                    char **out);

/** Keep @p value (UTF-8, copied) under @p name, instead of what was there. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_store_set_note(aire_store *store, const char *name,
                                                    const char *value);

/**
 * Write a finished run as one file: a tar archive, compressed by zstd, of
 *
 *     manifest.json   {"aire_bundle": 1, "libaire": VERSION, "environment": {"name", "hash"},
 *                     "sha256": {FILE: HASH of its bytes}}
 *     idea.json       as aire_idea_to_json; not for a baseline
 *     idea.diff       the patch that came with the idea, to the byte
 *     result.json     as aire_result_to_json: outcome, metrics, reward, what it used
 *     variant.diff    the patch as it was applied, to the byte
 *     log.txt         end of the log, for people
 *
 * and of nothing else that the store holds (its drafts hold what models were shown, and stay); what
 * would be empty is left out. The same run gives the same bytes with the same version of the library.
 *
 * @param path file; written whole or not at all
 * @return AIRE_OK; AIRE_NOT_FOUND (no such run has finished); AIRE_STATE (the store is not tied to an
 *         environment yet); AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_export(aire_store *store, int64_t run_id,
                                                  const char *path);

/**
 * Take a run over from such a file: its idea, without plan and parents, and its result, under numbers
 * of this store. Taking the same one again adds nothing. The next executor gives the result, as any
 * that has finished and was not told, so that a search learns from it; take runs over before the
 * executor is made: one that is there already does not give them, and a searcher may wait for them.
 * The file may come from anywhere: whatever is not a small archive of plain files is refused. What it
 * says of its run is believed.
 *
 * @param[out] run_id nullable: number of the run here
 * @return AIRE_OK; AIRE_NOT_FOUND; AIRE_FORMAT (no bundle, or a damaged one); AIRE_REFUSED (links,
 *         devices, names that leave the directory, something twice); AIRE_LIMIT (more than 256 files,
 *         256 MiB, or 2^20 values in a JSON text); AIRE_STATE (of another environment, or the store is
 *         read-only); AIRE_EXISTS (the baseline of that seed, or another run of the same idea, is
 *         there); AIRE_UNSUPPORTED (of a newer version); AIRE_IO, AIRE_BUSY, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_import(aire_store *store, const char *path,
                                                  int64_t *run_id);

AIRE_END_DECLS

#endif
