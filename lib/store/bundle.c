/*
 * Finished runs as bundles, out of one store and into another.
 *
 * In a bundle: manifest.json (which environment it belongs to), idea.json, result.json, and for
 * people variant.diff and log.txt. Nothing else of the store is in it: no note, no model call, no
 * event.
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

enum { VERSION = 1 };

/* ---- out ---- */

/* What a bundle is made of; texts are from aire_alloc. */
typedef struct contents {
    aire_result *result;
    char *env_name, *env_hash, *idea, *record, *manifest;
    aire_bundle_file files[5];
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

static void hash_of(const aire_bundle_file *file, char hex[65])
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    aire__sha256_field(&hash, file->data, file->length);
    aire__sha256_hex(&hash, hex);
}

static void add(contents *c, const char *name, const char *text)
{
    if (text && *text)
        c->files[c->count++] =
            (aire_bundle_file){(char *)(uintptr_t)name, (char *)(uintptr_t)text, strlen(text)};
}

/* The environment, and what the other files hold: damage that nothing else notices is seen by that.
 */
static aire_status add_manifest(aire_store *store, contents *c)
{
    char hex[65];
    json_t *hashes = json_object();
    int failed = !hashes;
    for (size_t i = 0; i < c->count && !failed; i++) {
        hash_of(&c->files[i], hex);
        failed = json_object_set_new(hashes, c->files[i].name, json_string(hex));
    }
    json_t *manifest =
        failed ? NULL
               : json_pack("{s:i, s:{s:s, s:s}, s:O}", "aire_bundle", VERSION, "environment",
                           "name", c->env_name, "hash", c->env_hash, "sha256", hashes);
    json_decref(hashes);
    aire_status status =
        manifest ? aire__json_dump(store->ctx, manifest, &c->manifest) : aire__fail_nomem();
    json_decref(manifest);
    if (status == AIRE_OK)
        add(c, "manifest.json", c->manifest);
    return status;
}

static aire_status make_contents(aire_store *store, contents *c)
{
    aire_patch *patch = aire_result_patch(c->result);
    aire_status status = aire_result_to_json(c->result, &c->record);
    if (status == AIRE_OK && aire_result_idea(c->result))
        status = aire_idea_to_json(aire_result_idea(c->result), &c->idea);
    if (status != AIRE_OK)
        return status;
    add(c, "idea.json", c->idea);
    add(c, "result.json", c->record);
    add(c, "variant.diff", patch ? aire_patch_text(patch) : NULL);
    add(c, "log.txt", aire_result_log_tail(c->result));
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
    json_t *idea, *result; /* idea NULL for a baseline */
    char *name, *hash;     /* of its environment */
    char identity[90];     /* of the run, wherever it came from */
    char idea_identity[90];
} parcel;

static void identify(const char *what, const aire_bundle_file *file, char out[90])
{
    char hex[65];
    hash_of(file, hex);
    snprintf(out, 90, "import.%s:%s", what, hex);
}

static aire_status load(const aire_bundle *b, const char *name, bool required, json_t **out)
{
    const aire_bundle_file *file = aire__bundle_find(b, name);
    if (!file && !required)
        return AIRE_OK;
    if (!file)
        return aire__fail(AIRE_FORMAT, "the bundle has no %s", name);
    return aire__json_load(file->data, file->length, name, out);
}

/* Every other file is what it was when the bundle was made. */
static aire_status check_hashes(const aire_bundle *b, const json_t *manifest)
{
    const json_t *hashes = json_object_get(manifest, "sha256");
    for (size_t i = 0; i < b->count; i++) {
        char hex[65];
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
    json_t *manifest = NULL;
    aire_status status = load(b, "manifest.json", true, &manifest);
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

/* Numbers of another store mean nothing here. */
static void forget_numbers(parcel *p)
{
    static const char *const names[] = {"id", "plan", "parents", "ordinal"};
    for (size_t i = 0; p->idea && i < sizeof names / sizeof *names; i++)
        json_object_del(p->idea, names[i]);
}

static aire_status unpack(aire_ctx *ctx, const aire_bundle *b, parcel *p)
{
    aire_status status = read_manifest(ctx, b, p);
    if (status == AIRE_OK)
        status = load(b, "idea.json", false, &p->idea);
    if (status == AIRE_OK)
        status = load(b, "result.json", true, &p->result);
    if (status != AIRE_OK)
        return status;
    identify("run", aire__bundle_find(b, "result.json"), p->identity);
    if (p->idea)
        identify("idea", aire__bundle_find(b, "idea.json"), p->idea_identity);
    forget_numbers(p);
    return json_is_object(p->result) && (!p->idea || json_is_object(p->idea))
               ? AIRE_OK
               : aire__fail(AIRE_FORMAT, "idea.json and result.json must be objects");
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

/* The idea here: the one that came before, or a new one. */
static aire_status find_idea(aire_store *store, const parcel *p, aire_idea **out)
{
    char *text = NULL;
    int64_t number;
    *out = NULL;
    if (!p->idea)
        return AIRE_OK;
    aire_status status = known(store, p->idea_identity, &number);
    if (status == AIRE_OK && number > 0)
        return aire__read_idea(store, number, out);
    if (status == AIRE_OK)
        status = aire__json_dump(store->ctx, p->idea, &text);
    if (status == AIRE_OK)
        status = aire_idea_from_json(store->ctx, text, strlen(text), out);
    aire_free(store->ctx, text);
    return status;
}

static aire_status add_result(aire_store *store, const parcel *p, const aire_run *run)
{
    char *text = NULL;
    aire_result *result = NULL;
    if (json_object_set_new(p->result, "run", json_integer(run->id)) != 0)
        return aire__fail_nomem();
    aire_status status = aire__json_dump(store->ctx, p->result, &text);
    if (status == AIRE_OK)
        status = aire_result_from_json(store->ctx, text, strlen(text), run->idea, &result);
    if (status == AIRE_OK)
        status = aire__step_finish(store, result);
    aire_result_unref(result);
    aire_free(store->ctx, text);
    return status;
}

/* What kind of run it was, and its seed, by a result without a number. */
static aire_status look_at_result(aire_store *store, const parcel *p, aire_idea *idea,
                                  int32_t *kind, uint64_t *seed)
{
    char *text = NULL;
    aire_result *result = NULL;
    if (json_object_set_new(p->result, "run", json_integer(0)) != 0)
        return aire__fail_nomem();
    aire_status status = aire__json_dump(store->ctx, p->result, &text);
    if (status == AIRE_OK)
        status = aire_result_from_json(store->ctx, text, strlen(text), idea, &result);
    if (status == AIRE_OK) {
        *kind = aire_result_kind(result);
        *seed = aire_result_seed(result);
        if ((*kind == AIRE_RUN_BASELINE) != !idea)
            status = aire__fail(AIRE_FORMAT, "result.json: a run of kind \"%s\" %s an idea.json",
                                aire_run_kind_name(*kind), idea ? "has not" : "needs");
    }
    aire_result_unref(result);
    aire_free(store->ctx, text);
    return status;
}

static aire_status add_parcel(aire_store *store, const parcel *p, int64_t *run_id)
{
    aire_idea *idea = NULL;
    aire_run run = {0};
    int32_t kind = 0;
    uint64_t seed = 0;
    bool is_new = false;
    aire_status status = check_env(store, p);
    if (status == AIRE_OK)
        status = known(store, p->identity, run_id);
    if (status != AIRE_OK || *run_id > 0)
        return status;
    status = find_idea(store, p, &idea);
    if (status == AIRE_OK)
        status = look_at_result(store, p, idea, &kind, &seed);
    if (status == AIRE_OK)
        status = aire__step_submit(store, idea, kind, seed, 0, &run, &is_new);
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
        status = aire__write_begin(store, AIRE_WRITE_SUBMIT);
        if (status == AIRE_OK)
            status = add_parcel(store, &p, &number);
        status = aire__write_end(store, status);
    }
    if (status == AIRE_OK && run_id)
        *run_id = number;
    json_decref(p.idea);
    json_decref(p.result);
    aire_free(store->ctx, p.name);
    aire_free(store->ctx, p.hash);
    aire__bundle_free(&bundle);
    return status;
}
