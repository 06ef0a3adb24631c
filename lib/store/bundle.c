/*
 * Finished runs as bundles, out of one store and into another.
 *
 * In a bundle: manifest.json (which environment it belongs to), idea.json, result.json, and beside
 * them idea.diff and variant.diff, as JSON cannot hold every byte of a patch, and for people
 * log.txt. Nothing else of the store is in it: no note, no model call, no event.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "bundle/bundle.h"
#include "store/read.h"
#include "store/steps.h"

enum {
    VERSION = 1,
    VALUES_MAX = 1 << 20 /* of one JSON text: in memory a value takes many times its bytes */
};

/* ---- out ---- */

/* What a bundle is made of; texts are from aire_alloc. */
typedef struct contents {
    aire_result *result;
    char *env_name, *env_hash, *idea, *record, *manifest;
    aire_bundle_file files[6];
    size_t count;
} contents;

static void contents_free(aire_store *store, contents *c)
{
    char *const texts[] = {c->env_name, c->env_hash, c->idea, c->record, c->manifest};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        aire_free(store->ctx, texts[i]);
    aire_result_unref(c->result);
}

static aire_status read_contents(aire_store *store, int64_t run_id, contents *c)
{
    aire_query query;
    int64_t state = 0;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_RUN_STATE);
        aire__query_put_int(&query, run_id);
        status = aire__query_get_int(&query, &state);
        if (status == AIRE_EMPTY || (status == AIRE_OK && state != 2))
            status = aire__fail(AIRE_NOT_FOUND, "store '%s': no run %" PRId64 " has finished",
                                store->path, run_id);
    }
    if (status == AIRE_OK)
        status = aire__read_result(store, run_id, &c->result);
    if (status == AIRE_OK)
        status = aire__step_get_meta(store, "env.name", &c->env_name);
    if (status == AIRE_OK)
        status = aire__step_get_meta(store, "env.hash", &c->env_hash);
    if (status == AIRE_EMPTY)
        status =
            aire__fail(AIRE_STATE, "store '%s': it is not tied to an environment yet", store->path);
    return aire__read_end(store, status);
}

static void hash_of(const aire_bundle_file *file, char hex[AIRE_SHA256_HEX])
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    aire__sha256_update(&hash, file->data, file->length);
    aire__sha256_hex(&hash, hex);
}

static void add(contents *c, const char *name, const char *data, size_t length)
{
    if (length > 0)
        c->files[c->count++] =
            (aire_bundle_file){(char *)(uintptr_t)name, (char *)(uintptr_t)data, length};
}

static void add_patch(contents *c, const char *name, const aire_patch *patch)
{
    if (patch)
        add(c, name, aire_patch_text(patch), aire_patch_length(patch));
}

/* The environment, and what the other files hold: damage that nothing else notices is seen by that.
 */
static aire_status add_manifest(aire_store *store, contents *c)
{
    char hex[AIRE_SHA256_HEX];
    json_t *hashes = json_object();
    int failed = !hashes;
    for (size_t i = 0; i < c->count && !failed; i++) {
        hash_of(&c->files[i], hex);
        failed = json_object_set_new(hashes, c->files[i].name, json_string(hex));
    }
    json_t *manifest = failed ? NULL
                              : json_pack("{s:i, s:s, s:{s:s, s:s}, s:O}", "aire_bundle", VERSION,
                                          "libaire", aire_version_string(), "environment", "name",
                                          c->env_name, "hash", c->env_hash, "sha256", hashes);
    json_decref(hashes);
    aire_status status =
        manifest ? aire__json_dump(store->ctx, manifest, &c->manifest) : aire__fail_nomem();
    json_decref(manifest);
    if (status == AIRE_OK)
        add(c, "manifest.json", c->manifest, strlen(c->manifest));
    return status;
}

static aire_status make_contents(aire_store *store, contents *c)
{
    const aire_idea *idea = aire_result_idea(c->result);
    const char *log = aire_result_log_tail(c->result);
    aire_status status = aire_result_to_json(c->result, &c->record);
    if (status == AIRE_OK && idea)
        status = aire_idea_to_json(idea, &c->idea);
    if (status != AIRE_OK)
        return status;
    if (idea) {
        add(c, "idea.json", c->idea, strlen(c->idea));
        add_patch(c, "idea.diff", aire_idea_patch(idea));
    }
    add(c, "result.json", c->record, strlen(c->record));
    add_patch(c, "variant.diff", aire_result_patch(c->result));
    add(c, "log.txt", log, strlen(log));
    return add_manifest(store, c);
}

aire_status aire_store_export(aire_store *store, int64_t run_id, const char *path)
{
    contents c = {.count = 0};
    if (!store || !path)
        return aire__fail(AIRE_INVALID, "aire_store_export: store and path must not be NULL");
    aire_status status = read_contents(store, run_id, &c);
    if (status == AIRE_OK)
        status = make_contents(store, &c);
    if (status == AIRE_OK)
        status = aire__bundle_write(store->ctx, path, c.files, c.count);
    contents_free(store, &c);
    return status;
}

/* ---- in ---- */

/* A bundle that was taken apart. */
typedef struct parcel {
    aire_idea *idea;                /* NULL for a baseline */
    aire_result *result;            /* as its store had it */
    aire_patch *idea_patch, *patch; /* to the byte; NULL for none */
    char *name, *hash;              /* of its environment */
    char identity[90];              /* of the run, wherever it came from */
    char idea_identity[90];
} parcel;

static void parcel_free(aire_ctx *ctx, parcel *p)
{
    aire_idea_unref(p->idea);
    aire_result_unref(p->result);
    aire_patch_unref(p->idea_patch);
    aire_patch_unref(p->patch);
    aire_free(ctx, p->name);
    aire_free(ctx, p->hash);
}

/* By all that makes it up: two runs that ended alike may be of different ideas. */
static void identify(const aire_bundle *b, const char *what, const char *const *names, size_t count,
                     char out[90])
{
    static const aire_bundle_file none = {.data = NULL};
    char hex[AIRE_SHA256_HEX];
    aire_sha256 hash;
    aire__sha256_init(&hash);
    for (size_t i = 0; i < count; i++) {
        const aire_bundle_file *file = aire__bundle_find(b, names[i]);
        file = file ? file : &none;
        aire__sha256_field(&hash, file->data ? file->data : "", file->length);
    }
    aire__sha256_hex(&hash, hex);
    snprintf(out, 90, "import.%s:%s", what, hex);
}

/* Few bytes of an archive can be millions of values: counted before they are made. */
static aire_status check_values(const aire_bundle_file *file)
{
    size_t values = 0;
    bool quoted = false;
    for (size_t i = 0; i < file->length; i++) {
        char c = file->data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ',' || c == '[' || c == '{'))
            values++;
    }
    return values <= VALUES_MAX
               ? AIRE_OK
               : aire__fail(AIRE_LIMIT, "%s has more than %d values", file->name, VALUES_MAX);
}

/* *out is NULL if it is not there and need not be. */
static aire_status find(const aire_bundle *b, const char *name, bool required,
                        const aire_bundle_file **out)
{
    *out = aire__bundle_find(b, name);
    if (!*out && required)
        return aire__fail(AIRE_FORMAT, "the bundle has no %s", name);
    return *out ? check_values(*out) : AIRE_OK;
}

/* Every other file is there, and is what it was when the bundle was made. */
static aire_status check_hashes(const aire_bundle *b, const json_t *manifest)
{
    json_t *hashes = json_object_get(manifest, "sha256");
    const char *listed;
    json_t *hash;
    json_object_foreach(hashes, listed, hash)
    {
        if (!aire__bundle_find(b, listed))
            return aire__fail(AIRE_FORMAT, "%.100s: the manifest names it, but it is not there",
                              listed);
    }
    for (size_t i = 0; i < b->count; i++) {
        char hex[AIRE_SHA256_HEX];
        const char *name = b->files[i].name;
        const char *was = json_string_value(json_object_get(hashes, name));
        hash_of(&b->files[i], hex);
        if (strcmp(name, "manifest.json") && (!was || strcmp(was, hex)))
            return aire__fail(AIRE_FORMAT,
                              "%s: it is not what the manifest says: the bundle is "
                              "damaged, or was changed",
                              name);
    }
    return AIRE_OK;
}

static aire_status read_manifest(aire_ctx *ctx, const aire_bundle *b, parcel *p)
{
    const aire_bundle_file *file;
    json_t *manifest = NULL;
    aire_status status = find(b, "manifest.json", true, &file);
    if (status == AIRE_OK)
        status = aire__json_load(file->data, file->length, "manifest.json", &manifest);
    const json_t *env = json_object_get(manifest, "environment");
    const char *name = json_string_value(json_object_get(env, "name"));
    const char *hash = json_string_value(json_object_get(env, "hash"));
    if (status == AIRE_OK &&
        json_integer_value(json_object_get(manifest, "aire_bundle")) != VERSION)
        status = aire__fail(AIRE_UNSUPPORTED, "manifest.json: no bundle of version %d", VERSION);
    else if (status == AIRE_OK && (!name || !hash))
        status = aire__fail(AIRE_FORMAT, "manifest.json: environment.name and environment.hash "
                                         "must be texts");
    if (status == AIRE_OK)
        status = check_hashes(b, manifest);
    if (status == AIRE_OK) {
        p->name = aire__strdup(ctx, name);
        p->hash = aire__strdup(ctx, hash);
        if (!p->name || !p->hash)
            status = aire__fail_nomem();
    }
    json_decref(manifest);
    return status;
}

/* The patch to its byte: what JSON made of it serves where no such file is. */
static aire_status take_patch(aire_ctx *ctx, const aire_bundle *b, const char *name,
                              aire_patch *as_json, aire_patch **out)
{
    const aire_bundle_file *file = aire__bundle_find(b, name);
    *out = NULL;
    if (!file || !as_json) {
        *out = aire_patch_ref(as_json);
        return AIRE_OK;
    }
    aire_status status =
        aire_patch_new(ctx, aire_patch_format(as_json), file->data, file->length, out);
    return status == AIRE_LIMIT ? aire__fail_prefix(AIRE_FORMAT, "%s", name) : status;
}

/* One that is a run of an idea has one, a baseline has none. */
static aire_status check_kind(const parcel *p)
{
    int32_t kind = aire_result_kind(p->result);
    if ((kind == AIRE_RUN_BASELINE) == !p->idea)
        return AIRE_OK;
    return aire__fail(AIRE_FORMAT, "result.json: a run of kind \"%s\" %s an idea.json",
                      aire_run_kind_name(kind), p->idea ? "has not" : "needs");
}

static aire_status unpack(aire_ctx *ctx, const aire_bundle *b, parcel *p)
{
    static const char *const names[] = {"idea.json", "idea.diff", "result.json", "variant.diff"};
    const aire_bundle_file *idea, *result;
    aire_status status = read_manifest(ctx, b, p);
    if (status == AIRE_OK)
        status = find(b, "idea.json", false, &idea);
    if (status == AIRE_OK)
        status = find(b, "result.json", true, &result);
    if (status == AIRE_OK && idea)
        status = aire_idea_from_json(ctx, idea->data, idea->length, &p->idea);
    if (status == AIRE_OK && idea)
        status = take_patch(ctx, b, "idea.diff", aire_idea_patch(p->idea), &p->idea_patch);
    if (status == AIRE_OK)
        status = aire_result_from_json(ctx, result->data, result->length, p->idea, &p->result);
    if (status == AIRE_OK)
        status = take_patch(ctx, b, "variant.diff", aire_result_patch(p->result), &p->patch);
    identify(b, "run", names, 4, p->identity);
    identify(b, "idea", names, 2, p->idea_identity);
    return status == AIRE_OK ? check_kind(p) : status;
}

/* The number that a name has among what was imported; 0 if it is new. */
static aire_status known(aire_store *store, const char *name, int64_t *number)
{
    char *text = NULL;
    aire_status status = aire__step_get_meta(store, name, &text);
    *number = status == AIRE_OK ? strtoll(text, NULL, 10) : 0;
    aire_free(store->ctx, text);
    return status == AIRE_EMPTY ? AIRE_OK : status;
}

static aire_status remember(aire_store *store, const char *name, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    return aire__step_set_meta(store, name, text);
}

static aire_status check_env(aire_store *store, const parcel *p)
{
    char *hash = NULL;
    aire_status status = aire__step_get_meta(store, "env.hash", &hash);
    if (status == AIRE_EMPTY) { /* a new store becomes one of that environment */
        status = aire__step_set_meta(store, "env.hash", p->hash);
        return status == AIRE_OK ? aire__step_set_meta(store, "env.name", p->name) : status;
    }
    if (status == AIRE_OK && strcmp(hash, p->hash) != 0)
        status = aire__fail(AIRE_STATE,
                            "store '%s': the bundle is of another environment, \"%s\" "
                            "with hash %.12s, and not of the one with hash %.12s",
                            store->path, p->name, p->hash, hash);
    aire_free(store->ctx, hash);
    return status;
}

/* The idea here: the one that came before, or a new one; numbers of another store mean nothing. */
static aire_status find_idea(aire_store *store, const parcel *p, aire_idea **out)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    int64_t number;
    *out = NULL;
    if (!p->idea)
        return AIRE_OK;
    aire_status status = known(store, p->idea_identity, &number);
    if (status == AIRE_OK && number > 0)
        return aire__read_idea(store, number, out);
    options.title = aire_idea_title(p->idea);
    options.text = aire_idea_text(p->idea);
    options.changes = aire_idea_changes(p->idea);
    options.reasoning = aire_idea_reasoning(p->idea);
    options.origin = aire_idea_origin(p->idea);
    options.kind = aire_idea_kind(p->idea);
    options.patch = p->idea_patch;
    return status == AIRE_OK ? aire_idea_new(store->ctx, &options, out) : status;
}

/* The result as that of a run here. */
static aire_status add_result(aire_store *store, const parcel *p, const aire_run *run)
{
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    aire_result *result = NULL;
    if (aire_result_reward(p->result, &options.reward) != AIRE_OK)
        options.reward = 0;
    options.run_id = run->id;
    options.idea = run->idea;
    options.kind = aire_result_kind(p->result);
    options.seed = aire_result_seed(p->result);
    options.outcome = aire_result_outcome(p->result);
    options.stage = aire_result_stage(p->result);
    options.cause = aire_result_cause(p->result);
    options.code = aire_result_code(p->result);
    options.detail = aire_result_detail(p->result);
    options.trust = aire_result_trust(p->result);
    options.attempts = aire_result_attempts(p->result);
    options.metrics = aire_result_metric(p->result, 0);
    options.metric_count = aire_result_metric_count(p->result);
    options.usage = aire_result_usage(p->result, 0);
    options.usage_count = aire_result_usage_count(p->result);
    options.patch = p->patch;
    options.variant = aire_result_variant(p->result);
    options.log_tail = aire_result_log_tail(p->result);
    aire_status status = aire_result_new(store->ctx, &options, &result);
    if (status == AIRE_OK)
        status = aire__step_finish(store, result);
    aire_result_unref(result);
    return status;
}

static aire_status add_parcel(aire_store *store, const parcel *p, int64_t *run_id)
{
    aire_idea *idea = NULL;
    aire_run run = {0};
    bool is_new = false;
    aire_status status = check_env(store, p);
    if (status == AIRE_OK)
        status = known(store, p->identity, run_id);
    if (status != AIRE_OK || *run_id > 0)
        return status;
    status = find_idea(store, p, &idea);
    if (status == AIRE_OK)
        status = aire__step_submit(store, idea, aire_result_kind(p->result),
                                   aire_result_seed(p->result), 0, &run, &is_new);
    if (status == AIRE_OK && !is_new)
        status = aire__fail(AIRE_EXISTS, "store '%s': run %" PRId64 " is of the same %s and seed",
                            store->path, run.id, idea ? "idea" : "baseline");
    if (status == AIRE_OK)
        status = add_result(store, p, &run);
    if (status == AIRE_OK)
        status = remember(store, p->identity, run.id);
    if (status == AIRE_OK && p->idea)
        status = remember(store, p->idea_identity, aire_idea_id(run.idea));
    if (status == AIRE_OK)
        *run_id = run.id;
    aire_idea_unref(idea);
    aire__run_clear(&run);
    return status;
}

aire_status aire_store_import(aire_store *store, const char *path, int64_t *run_id)
{
    aire_bundle bundle;
    parcel p = {0};
    int64_t number = 0;
    if (!store || !path)
        return aire__fail(AIRE_INVALID, "aire_store_import: store and path must not be NULL");
    aire_status status = aire__bundle_read(store->ctx, path, &bundle);
    if (status == AIRE_OK) {
        status = unpack(store->ctx, &bundle, &p);
        if (status != AIRE_OK)
            aire__fail_prefix(status, "'%s'", path);
    }
    if (status == AIRE_OK) {
        status = aire__write_begin(store, AIRE_WRITE_IMPORT);
        if (status == AIRE_OK)
            status = add_parcel(store, &p, &number);
        status = aire__write_end(store, status);
    }
    if (status == AIRE_OK && run_id)
        *run_id = number;
    parcel_free(store->ctx, &p);
    aire__bundle_free(&bundle);
    return status;
}
