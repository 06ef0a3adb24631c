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
        aire__sha256_field(&hash, texts[i], strlen(texts[i]));
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
    expect_wrong("{\"aire_bundle\": 2}", NULL, NULL, AIRE_UNSUPPORTED, "version");
    expect_wrong("{\"aire_bundle\": 1}", NULL, NULL, AIRE_FORMAT, "environment");
    expect_wrong("[", NULL, NULL, AIRE_FORMAT, "manifest.json");
    expect_wrong(manifest_for(NULL, NULL), NULL, NULL, AIRE_FORMAT, "result.json");
    expect_wrong(manifest_for("[]", NULL), "[]", NULL, AIRE_FORMAT, "objects");
    expect_wrong(manifest_for("[]", NULL), "{}", NULL, AIRE_FORMAT, "changed");
    expect_wrong(manifest_for("{}", NULL), "{}", NULL, AIRE_FORMAT, "");
    expect_wrong(manifest_for("{}", "{\"text\": 3}"), "{}", "{\"text\": 3}", AIRE_FORMAT, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bundle__goes_from_store_to_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundle__same_run_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundle__another_environment_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_bundle__hostile_archives_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundle__damage_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundle__wrong_contents_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
