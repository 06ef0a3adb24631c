/* Runs as bundles: there and back again, and archives that mean harm. */
#include "support/store.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/hash.h"
#include "bundle/bundle.h"

/* ---- there and back ---- */

/* A store as a search left it, at another place. */
static aire_store *open_other(const char *name)
{
    aire_store *store;
    if (aire_store_open(ctx, at(name), NULL, &store) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return store;
}

static aire_result *result_of(aire_store *store, int64_t run)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results;
    query.run_id = run;
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_OK);
    assert_int_equal(aire_results_count(results), 1);
    aire_result *result = aire_result_ref(aire_results_get(results, 0));
    aire_results_unref(results);
    return result;
}

static void expect_same(aire_result *a, aire_result *b)
{
    double x, y;
    assert_int_equal(aire_result_outcome(a), aire_result_outcome(b));
    assert_int_equal(aire_result_seed(a), aire_result_seed(b));
    assert_int_equal(aire_result_reward(a, &x), aire_result_reward(b, &y));
    assert_true(x == y);
    assert_string_equal(aire_result_variant(a), aire_result_variant(b));
    assert_int_equal(aire_result_metric_count(a), aire_result_metric_count(b));
    assert_int_equal(aire_result_usage_count(a), aire_result_usage_count(b));
    assert_int_equal(!aire_result_idea(a), !aire_result_idea(b));
    if (aire_result_idea(a)) {
        assert_string_equal(aire_idea_text(aire_result_idea(a)),
                            aire_idea_text(aire_result_idea(b)));
        assert_string_equal(aire_patch_text(aire_idea_patch(aire_result_idea(a))),
                            aire_patch_text(aire_idea_patch(aire_result_idea(b))));
    }
}

static void test_bundle__goes_from_store_to_store(void **state)
{
    make_old_store();
    aire_store *from = open_store(0), *to = open_other("other");
    for (int64_t run = 1; run <= 4; run++) { /* the first is a baseline */
        int64_t here = 0, again = 0;
        char bundle[256];
        snprintf(bundle, sizeof bundle, "%s", at("run.tar.zst"));
        assert_int_equal(aire_store_export(from, run, bundle), AIRE_OK);
        assert_int_equal(aire_store_import(to, bundle, &here), AIRE_OK);
        assert_int_equal(aire_store_import(to, bundle, &again), AIRE_OK);
        assert_int_equal(here, run); /* nothing was added the second time */
        assert_int_equal(again, here);
        aire_result *a = result_of(from, run), *b = result_of(to, here);
        expect_same(a, b);
        aire_result_unref(a);
        aire_result_unref(b);
    }
    assert_int_equal(aire_store_check(to), AIRE_OK);
    aire_results *untold;
    assert_int_equal(aire__store_untold(to, &untold), AIRE_OK);
    assert_int_equal(aire_results_count(untold), 4);
    aire_results_unref(untold);
    aire_store_unref(from);
    aire_store_unref(to);
}

static void test_bundle__same_run_same_bytes(void **state)
{
    char *a, *b;
    size_t a_length, b_length;
    make_old_store();
    aire_store *store = open_store(0);
    assert_int_equal(aire_store_export(store, 3, at("a")), AIRE_OK);
    assert_int_equal(aire_store_export(store, 3, at("b")), AIRE_OK);
    assert_int_equal(aire__fs_read(ctx, at("a"), 1 << 20, &a, &a_length), AIRE_OK);
    assert_int_equal(aire__fs_read(ctx, at("b"), 1 << 20, &b, &b_length), AIRE_OK);
    assert_int_equal(a_length, b_length);
    assert_memory_equal(a, b, a_length);
    aire_free(ctx, a);
    aire_free(ctx, b);
    assert_int_equal(aire_store_export(store, 99, at("c")), AIRE_NOT_FOUND);
    assert_int_equal(aire_store_export(store, 3, at("no/such/directory")), AIRE_IO);
    assert_false(aire__fs_exists(at("c")));
    aire_store_unref(store);
}

/* A run of an idea with such a patch, out of a store of its own. */
static void export_one(const char *name, const char *text, const char *patch, size_t length,
                       const char *to)
{
    aire_store *store = open_other(name);
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea;
    aire_run run;
    bool is_new;
    assert_int_equal(aire__store_bind_env(store, "n", "h"), AIRE_OK);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, patch, length, &options.patch),
                     AIRE_OK);
    options.text = text;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new), AIRE_OK);
    aire_result_options result = options_for(&run, AIRE_OUTCOME_CRASHED, 0);
    result.patch = options.patch;
    assert_int_equal(try_finish(store, &result), AIRE_OK);
    assert_int_equal(aire_store_export(store, run.id, to), AIRE_OK);
    aire__run_clear(&run);
    aire_idea_unref(idea);
    aire_patch_unref(options.patch);
    aire_store_unref(store);
}

static const char *kept_at(char kept[256], const char *name)
{
    snprintf(kept, 256, "%s", at(name));
    return kept;
}

static void test_bundle__runs_that_ended_alike_are_two_if_their_ideas_are(void **state)
{
    char a[256], b[256];
    int64_t first, second;
    export_one("one", "Warm up longer", "x", 1, kept_at(a, "a"));
    export_one("two", "Warm up less", "x", 1, kept_at(b, "b"));
    aire_store *to = open_other("to");
    assert_int_equal(aire_store_import(to, a, &first), AIRE_OK);
    assert_int_equal(aire_store_import(to, b, &second), AIRE_OK);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    aire_result *result = result_of(to, second);
    assert_string_equal(aire_idea_text(aire_result_idea(result)), "Warm up less");
    aire_result_unref(result);
    aire_store_unref(to);
}

static void expect_patch(const aire_patch *patch, const char *text, size_t length)
{
    assert_non_null(patch);
    assert_int_equal(aire_patch_length(patch), length);
    assert_memory_equal(aire_patch_text(patch), text, length);
}

/* Sources may be in any encoding. */
static void test_bundle__patches_are_kept_to_the_byte(void **state)
{
    static const char bytes[] = "-caf\xe9\n+\0\xff\n";
    char bundle[256];
    int64_t run;
    export_one("one", "Rename", bytes, sizeof bytes - 1, kept_at(bundle, "run"));
    aire_store *to = open_other("to");
    assert_int_equal(aire_store_import(to, bundle, &run), AIRE_OK);
    aire_result *result = result_of(to, run);
    expect_patch(aire_result_patch(result), bytes, sizeof bytes - 1);
    expect_patch(aire_idea_patch(aire_result_idea(result)), bytes, sizeof bytes - 1);
    aire_result_unref(result);
    aire_store_unref(to);
}

/* The hash of a file in the manifest is what any program makes of its bytes. */
static void test_bundle__its_manifest_says_what_it_is(void **state)
{
    aire_bundle bundle;
    aire_sha256 hash;
    char path_of[256], hex[AIRE_SHA256_HEX];
    export_one("one", "Rename", "x", 1, kept_at(path_of, "run"));
    assert_int_equal(aire__bundle_read(ctx, path_of, &bundle), AIRE_OK);
    const char *manifest = aire__bundle_find(&bundle, "manifest.json")->data;
    assert_non_null(strstr(manifest, "\"environment\":{\"name\":\"n\",\"hash\":\"h\"}"));
    assert_non_null(strstr(manifest, aire_version_string()));
    assert_int_equal(bundle.count, 5); /* no log, so no log.txt */
    for (size_t i = 0; i < bundle.count; i++) {
        aire__sha256_init(&hash);
        aire__sha256_update(&hash, bundle.files[i].data, bundle.files[i].length);
        aire__sha256_hex(&hash, hex);
        if (strcmp(bundle.files[i].name, "manifest.json") != 0)
            assert_non_null(strstr(manifest, hex));
    }
    aire__bundle_free(&bundle);
}

static void test_bundle__tells_nothing_else_that_the_store_holds(void **state)
{
    aire_bundle bundle;
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_run run = submit(store, plan, 0);
    assert_int_equal(aire__store_bind_env(store, "n", "h"), AIRE_OK);
    assert_int_equal(aire_store_set_note(store, "key", "hushhush"), AIRE_OK);
    aire__store_event(store, "key", run.id, "hushhush");
    aire_model_call_options options = AIRE_MODEL_CALL_OPTIONS_INIT;
    aire_model_call *call;
    options.model = options.purpose = options.request = options.answer = "hushhush";
    assert_int_equal(aire_model_call_new(ctx, &options, &call), AIRE_OK);
    aire_ctx_tell_call(ctx, call);
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls"), 1);
    aire_draft draft = {.kind = AIRE_DRAFT_PATCH, .run_id = run.id, .cost = -1};
    int32_t number;
    draft.model = draft.sent = draft.answer = draft.patch = draft.message = "hushhush";
    assert_int_equal(aire__store_add_draft(store, &draft, &number), AIRE_OK);
    finish(store, &run, AIRE_OUTCOME_OK, 1);
    assert_int_equal(aire_store_export(store, run.id, at("run")), AIRE_OK);
    assert_int_equal(aire__bundle_read(ctx, at("run"), &bundle), AIRE_OK);
    for (size_t i = 0; i < bundle.count; i++)
        assert_null(strstr(bundle.files[i].data, "hushhush"));
    aire__bundle_free(&bundle);
    aire_model_call_unref(call);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

/* A temporary file is nobody else's: one that is there already is left alone. */
static void test_bundle__leaves_the_temporary_files_of_others(void **state)
{
    char bundle[256], others[300], text[300];
    kept_at(bundle, "run");
    snprintf(others, sizeof others, "%s.%d-0.part", bundle, (int)getpid());
    assert_int_equal(aire__fs_write(ctx, others, "theirs", 6, 0644), AIRE_OK);
    export_one("one", "Rename", "x", 1, bundle);
    assert_int_equal(size_of(others), 6);
    snprintf(text, sizeof text, "%s.%d-1.part", bundle, (int)getpid());
    assert_false(aire__fs_exists(text));
    assert_true(aire__fs_exists(bundle));
}

static void test_bundle__without_memory_nothing_is_left(void **state)
{
    char bundle[256], copy[256];
    int64_t run;
    make_old_store();
    aire_store *from = open_store(0), *to = open_other("other");
    kept_at(copy, "copy");
    assert_int_equal(aire_store_export(from, 2, kept_at(bundle, "run")), AIRE_OK);
    OOM_LOOP(&memory, aire_store_export(from, 2, copy), unlink(copy));
    OOM_LOOP(&memory, aire_store_import(to, bundle, &run), (void)0);
    assert_int_equal(run, 1); /* the failures before it have added nothing */
    assert_int_equal(scalar(to, "SELECT count(*) FROM ideas"), 1);
    assert_int_equal(scalar(to, "SELECT count(*) FROM runs"), 1);
    aire_store_unref(from);
    aire_store_unref(to);
}

static void test_bundle__needs_a_store_that_may_be_written(void **state)
{
    char bundle[256];
    int64_t run = 77;
    export_one("one", "Rename", "x", 1, kept_at(bundle, "run"));
    aire_store_unref(open_store(0));
    aire_store *store = open_store(AIRE_STORE_READ_ONLY);
    assert_int_equal(aire_store_import(store, bundle, &run), AIRE_STATE);
    assert_message("read-only");
    assert_int_equal(run, 77);
    aire_store_unref(store);
    store = open_store(0);
    assert_int_equal(aire_store_export(store, 1, at("x")), AIRE_NOT_FOUND);
    assert_int_equal(aire_store_import(NULL, bundle, &run), AIRE_INVALID);
    assert_int_equal(aire_store_export(store, 1, NULL), AIRE_INVALID);
    aire_store_unref(store);
}

static void test_bundle__another_environment_is_refused(void **state)
{
    make_old_store();
    aire_store *from = open_store(0), *to = open_other("other");
    assert_int_equal(aire_store_export(from, 2, at("run")), AIRE_OK);
    assert_int_equal(aire__store_bind_env(to, "mine", "abcd"), AIRE_OK);
    assert_int_equal(aire_store_import(to, at("run"), NULL), AIRE_STATE);
    assert_message("another environment");
    aire_store_counts counts = {.struct_size = sizeof counts};
    assert_int_equal(aire_store_count(to, &counts), AIRE_OK);
    assert_int_equal(counts.ideas + counts.runs_finished, 0);
    aire_store_unref(from);
    aire_store_unref(to);
}

/* ---- what comes from elsewhere ---- */

typedef struct item {
    const char *name, *data, *link, *hardlink;
    int type;    /* AE_IF..., 0: plain */
    size_t size; /* of zeros, where there is no data */
} item;

static void add_item(struct archive *archive, const item *i)
{
    static char zeros[1 << 20];
    struct archive_entry *entry = archive_entry_new();
    size_t size = i->data ? strlen(i->data) : i->size;
    archive_entry_set_pathname(entry, i->name);
    archive_entry_set_filetype(entry, i->type ? (unsigned)i->type : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    if (i->link)
        archive_entry_set_symlink(entry, i->link);
    if (i->hardlink)
        archive_entry_set_hardlink(entry, i->hardlink);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    if (i->data)
        archive_write_data(archive, i->data, size);
    for (size_t done = 0; !i->data && done < size; done += sizeof zeros)
        archive_write_data(archive, zeros, sizeof zeros);
    archive_entry_free(entry);
}

/* An archive of items, compressed so many times. */
static void make_archive(const char *file, const item *items, size_t count, int times)
{
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    for (int i = 0; i < times; i++)
        archive_write_add_filter_zstd(archive);
    assert_int_equal(archive_write_open_filename(archive, file), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++)
        add_item(archive, &items[i]);
    archive_write_close(archive);
    archive_write_free(archive);
}

static void expect_refused(const item *items, size_t count, int times, aire_status status)
{
    aire_bundle bundle;
    make_archive(at("hostile"), items, count, times);
    aire_status is = aire__bundle_read(ctx, at("hostile"), &bundle);
    if (is != status)
        fail_msg("%s: %s: %s", items[0].name, aire_status_name(is),
                 aire_error_message(aire_last_error()));
    aire__bundle_free(&bundle);
}

static void test_bundle__hostile_archives_are_refused(void **state)
{
    static const item bad[] = {
        {.name = "../escaped", .data = "x"},
        {.name = "/etc/passwd", .data = "x"},
        {.name = "a/../../b", .data = "x"},
        {.name = "./a", .data = "x"},
        {.name = "link", .link = "/etc/passwd", .type = AE_IFLNK},
        {.name = "hard", .hardlink = "/etc/passwd"},
        {.name = "directory", .type = AE_IFDIR},
        {.name = "fifo", .type = AE_IFIFO},
        {.name = "device", .type = AE_IFCHR},
    };
    static const item twice[] = {{.name = "a", .data = "1"}, {.name = "a", .data = "2"}};
    static const item bomb[] = {{.name = "zeros", .size = (size_t)300 << 20}};
    static item many[AIRE_BUNDLE_FILES_MAX + 1];
    static char names[AIRE_BUNDLE_FILES_MAX + 1][8];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(&bad[i], 1, 1, AIRE_REFUSED);
    expect_refused(twice, 2, 1, AIRE_REFUSED);
    expect_refused(twice, 1, 3, AIRE_REFUSED);
    expect_refused(bomb, 1, 1, AIRE_LIMIT);
    for (size_t i = 0; i <= AIRE_BUNDLE_FILES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "f%zu", i);
        many[i] = (item){.name = names[i], .data = "x"};
    }
    expect_refused(many, AIRE_BUNDLE_FILES_MAX + 1, 1, AIRE_LIMIT);
}

static void write_text(const char *name, const char *text, size_t length)
{
    assert_int_equal(aire__fs_write(ctx, at(name), text, length, 0644), AIRE_OK);
}

/* Cut, changed or foreign: a clear status at every length, and no crash. */
static void test_bundle__damage_is_told(void **state)
{
    aire_bundle bundle;
    char *text;
    size_t length;
    make_old_store();
    int64_t run;
    aire_store *store = open_store(0), *to = open_other("other");
    aire_result *good = result_of(store, 2);
    assert_int_equal(aire_store_export(store, 2, at("run")), AIRE_OK);
    assert_int_equal(aire__fs_read(ctx, at("run"), 1 << 20, &text, &length), AIRE_OK);
    for (size_t cut = 0; cut < length; cut += 7) {
        write_text("damaged", text, cut);
        assert_int_equal(aire__bundle_read(ctx, at("damaged"), &bundle), AIRE_FORMAT);
        aire__bundle_free(&bundle);
    }
    for (size_t at_byte = 0; at_byte < length; at_byte += 3) {
        text[at_byte] ^= 0x55;
        write_text("damaged", text, length);
        /* What is between the files may change unseen, what is in them not. */
        if (aire_store_import(to, at("damaged"), &run) == AIRE_OK) {
            aire_result *result = result_of(to, run);
            expect_same(good, result);
            aire_result_unref(result);
        }
        text[at_byte] ^= 0x55;
    }
    aire_free(ctx, text);
    write_text("damaged", "{}", 2);
    assert_int_equal(aire_store_import(to, at("damaged"), NULL), AIRE_FORMAT);
    assert_int_equal(aire_store_import(to, at("nothing"), NULL), AIRE_NOT_FOUND);
    assert_int_equal(aire_store_check(to), AIRE_OK);
    aire_result_unref(good);
    aire_store_unref(store);
    aire_store_unref(to);
}

/* A manifest that vouches for two files. */
static const char *manifest_for(const char *result, const char *idea)
{
    static char text[400];
    const char *const names[] = {"result.json", "idea.json"}, *const texts[] = {result, idea};
    size_t length = (size_t)snprintf(
        text, sizeof text,
        "{\"aire_bundle\": 1, \"environment\": {\"name\": \"n\", \"hash\": \"h\"}, \"sha256\": {");
    for (size_t i = 0; i < 2 && texts[i]; i++) {
        aire_sha256 hash;
        char hex[65];
        aire__sha256_init(&hash);
        aire__sha256_update(&hash, texts[i], strlen(texts[i]));
        aire__sha256_hex(&hash, hex);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s\"%s\": \"%s\"",
                                   i ? ", " : "", names[i], hex);
    }
    snprintf(text + length, sizeof text - length, "}}");
    return text;
}

static void expect_wrong(const char *manifest, const char *result, const char *idea,
                         aire_status status, const char *word)
{
    item items[] = {{.name = "manifest.json", .data = manifest},
                    {.name = "result.json", .data = result},
                    {.name = "idea.json", .data = idea}};
    aire_store *store = open_other("wrong.store");
    make_archive(at("wrong"), items, idea ? 3 : result ? 2 : 1, 1);
    aire_status is = aire_store_import(store, at("wrong"), NULL);
    if (is != status)
        fail_msg("%s %s: %s: %s", manifest, result, aire_status_name(is),
                 aire_error_message(aire_last_error()));
    assert_message(word);
    aire_store_unref(store);
}

static void test_bundle__wrong_contents_are_told(void **state)
{
    static const char baseline[] = "{\"kind\": \"baseline\", \"outcome\": \"crashed\"}";
    expect_wrong("{\"aire_bundle\": 2}", NULL, NULL, AIRE_UNSUPPORTED, "version");
    expect_wrong("{\"aire_bundle\": 1}", NULL, NULL, AIRE_FORMAT, "environment");
    expect_wrong("[", NULL, NULL, AIRE_FORMAT, "manifest.json");
    expect_wrong(manifest_for(NULL, NULL), NULL, NULL, AIRE_FORMAT, "result.json");
    expect_wrong(manifest_for("[]", NULL), "[]", NULL, AIRE_FORMAT, "not a JSON object");
    expect_wrong(manifest_for("[]", NULL), "{}", NULL, AIRE_FORMAT, "changed");
    expect_wrong(manifest_for("{}", NULL), "{}", NULL, AIRE_FORMAT, "kind");
    expect_wrong(manifest_for("{}", "{\"text\": 3}"), "{}", "{\"text\": 3}", AIRE_FORMAT, "text");
    expect_wrong(manifest_for("{}", "{}"), "{}", NULL, AIRE_FORMAT, "idea.json");
    expect_wrong(manifest_for(baseline, "{\"text\": \"x\"}"), baseline, "{\"text\": \"x\"}",
                 AIRE_FORMAT, "has not an idea.json");
}

/* Some kilobytes of archive that would be gigabytes of values. */
static void test_bundle__values_beyond_counting_are_refused(void **state)
{
    enum { LENGTH = 9 << 20 };
    char *text = aire_alloc(ctx, LENGTH + 1);
    assert_non_null(text);
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = "{},"[i % 3];
    text[LENGTH] = '\0';
    expect_wrong(text, NULL, NULL, AIRE_LIMIT, "manifest.json has more than");
    memset(text, '"', LENGTH);
    for (size_t i = 1; i + 1 < LENGTH; i++)
        text[i] = ','; /* in a text they are none */
    expect_wrong(text, NULL, NULL, AIRE_UNSUPPORTED, "version");
    for (size_t i = 1; i + 2 < LENGTH; i += 2)
        memcpy(text + i, "\\\"", 2); /* nor does a quoted quote end it */
    expect_wrong(text, NULL, NULL, AIRE_UNSUPPORTED, "version");
    aire_free(ctx, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_bundle__goes_from_store_to_store),
        STORE_TEST(test_bundle__same_run_same_bytes),
        STORE_TEST(test_bundle__runs_that_ended_alike_are_two_if_their_ideas_are),
        STORE_TEST(test_bundle__patches_are_kept_to_the_byte),
        STORE_TEST(test_bundle__its_manifest_says_what_it_is),
        STORE_TEST(test_bundle__tells_nothing_else_that_the_store_holds),
        STORE_TEST(test_bundle__leaves_the_temporary_files_of_others),
        STORE_TEST(test_bundle__without_memory_nothing_is_left),
        STORE_TEST(test_bundle__needs_a_store_that_may_be_written),
        STORE_TEST(test_bundle__another_environment_is_refused),
        STORE_TEST(test_bundle__hostile_archives_are_refused),
        STORE_TEST(test_bundle__damage_is_told),
        STORE_TEST(test_bundle__wrong_contents_are_told),
        STORE_TEST(test_bundle__values_beyond_counting_are_refused),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
