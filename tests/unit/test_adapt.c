/* Adapters: directories of other systems become environments; and the parts that they need: a
 * little YAML, and regions that may change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/fs.h"
#include "base/str.h"
#include "env/blocks.h"
#include "env/env.h"
#include "env/reader.h"
#include "env/yaml.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    snprintf(root, sizeof root, "/tmp/aire-adapt-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

/* A directory of tests/data. */
static const char *data_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/data/%s", getenv("AIRE_TESTS"), name);
    return path;
}

static aire_status open_with(const char *path, const char *adapter, const char *const *variables,
                             aire_env **env)
{
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.adapter = adapter;
    options.variables = variables;
    return aire_env_open(ctx, path, &options, env);
}

static aire_env *open_good(const char *path, const char *adapter, const char *const *variables)
{
    aire_env *env;
    if (open_with(path, adapter, variables, &env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return env;
}

static void assert_fails(const char *path, const char *adapter, const char *const *variables,
                         aire_status status, const char *message)
{
    aire_env *env;
    assert_int_equal(open_with(path, adapter, variables, &env), status);
    assert_null(env);
    if (!strstr(aire_error_message(aire_last_error()), message))
        fail_msg("%s", aire_error_message(aire_last_error()));
}

/* ---- YAML ---- */

static const char yaml_text[] = "# a comment\n"
                                "plain: some words # and a comment\n"
                                "empty:\n"
                                "nothing: ~\n"
                                "folded: >\n"
                                "  one\n"
                                "  two\n"
                                "\n"
                                "  three\n"
                                "'section one': 1\n"
                                "section:\n"
                                "    # inside\n"
                                "    literal: |-\n"
                                "      a: 1\n"
                                "        b\n"
                                "\n"
                                "      c\n"
                                "    double: \"tab\\tquote \\\" \\u00e9\n"
                                "      next\"\n"
                                "    single: 'it''s # no comment'\n"
                                "    long: first\n"
                                "      second\n"
                                "    flow: [1.5, 'a, b',\n"
                                "      c]  # end\n"
                                "    none: []\n"
                                "    dashes:\n"
                                "    - x  # first\n"
                                "    - \"y z\"\n"
                                "    deeper:\n"
                                "        flow: no\n"
                                "    last: !!str tagged\n"
                                "after: done\n";

static void test_yaml__reads_texts(void **state)
{
    static const struct {
        const char *section, *key, *value;
    } rows[] = {
        {NULL, "plain", "some words"},
        {NULL, "empty", NULL},
        {NULL, "nothing", NULL},
        {NULL, "missing", NULL},
        {NULL, "folded", "one two\nthree"},
        {NULL, "section one", "1"},
        {"section", "literal", "a: 1\n  b\n\nc"},
        {"section", "double", "tab\tquote \" \xc3\xa9 next"},
        {"section", "single", "it's # no comment"},
        {"section", "long", "first second"},
        {"section", "after", NULL},
        {NULL, "after", "done"},
    };
    aire_yaml yaml = {ctx, "config.yaml", yaml_text};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *value;
        assert_int_equal(aire__yaml_text(&yaml, rows[i].section, rows[i].key, &value), AIRE_OK);
        if (!value != !rows[i].value || (value && strcmp(value, rows[i].value)))
            fail_msg("%s: \"%s\"", rows[i].key, value ? value : "(null)");
        aire_free(ctx, value);
    }
    char *value;
    assert_int_equal(aire__yaml_text(&yaml, "section", "last", &value), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "config.yaml: line 31: "));
    aire_yaml open = {ctx, "x", "a: \"no end\n"};
    assert_int_equal(aire__yaml_text(&open, NULL, "a", &value), AIRE_FORMAT);
}

/* A configuration in another form is not taken for an empty one. */
static void test_yaml__says_what_it_does_not_read(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a: {key: 1}\n", "line 1: expected keys below"},
        {"\n\na: words\n", "line 3: expected keys below"},
        {"a: *other\n", "expected keys below"},
        {"a:\n  other: 1\n  <<: *there\n", "line 3: keys that are merged"},
        {"a:\n\n\tkey: 1\n", "line 3: a tab"},
        {"\n{\"a\": {\"key\": 1}}\n", "line 2: expected keys"},
    };
    static const char *const good[] = {
        "\xef\xbb\xbf"
        "a:\n  key: 1\n",
        "---\na: &name # comment\n  key: 1\n---\n",
        "a: # b\n  <<: *x\n  key: 1",
    };
    char *value, **items;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        aire_yaml yaml = {ctx, "x", bad[i].text};
        assert_int_equal(aire__yaml_text(&yaml, "a", "key", &value), AIRE_FORMAT);
        if (!strstr(aire_error_message(aire_last_error()), bad[i].message))
            fail_msg("%s", aire_error_message(aire_last_error()));
        assert_int_equal(aire__yaml_list(&yaml, "a", "key", &items), AIRE_FORMAT);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        aire_yaml yaml = {ctx, "x", good[i]};
        assert_int_equal(aire__yaml_text(&yaml, "a", "key", &value), AIRE_OK);
        assert_string_equal(value, "1");
        aire_free(ctx, value);
    }
    aire_yaml none = {ctx, "x", "a: ~\nb: {}\nc:\nkey: 1\n"};
    for (const char *const *section = (const char *const[]){"a", "b", "c", NULL}; *section;
         section++) {
        assert_int_equal(aire__yaml_text(&none, *section, "key", &value), AIRE_OK);
        assert_null(value);
    }
}

static void test_yaml__reads_lists(void **state)
{
    static const struct {
        const char *key, *items[4];
    } rows[] = {
        {"flow", {"1.5", "a, b", "c", NULL}}, {"dashes", {"x", "y z", NULL}}, {"none", {NULL}}};
    aire_yaml yaml = {ctx, "config.yaml", yaml_text};
    char **items;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(aire__yaml_list(&yaml, "section", rows[i].key, &items), AIRE_OK);
        assert_non_null(items);
        size_t k = 0;
        for (; rows[i].items[k]; k++)
            assert_string_equal(items[k], rows[i].items[k]);
        assert_null(items[k]);
        aire__texts_free(ctx, items);
    }
    assert_int_equal(aire__yaml_list(&yaml, "section", "missing", &items), AIRE_OK);
    assert_null(items);
    assert_int_equal(aire__yaml_list(&yaml, NULL, "plain", &items), AIRE_FORMAT);
    aire_yaml open = {ctx, "x", "a: [1, 2\nb: 3\n"};
    assert_int_equal(aire__yaml_list(&open, NULL, "a", &items), AIRE_FORMAT);
}

/* Whatever is cut off or changed, nothing is read beyond the end. */
static void test_yaml__survives_damage(void **state)
{
    static const char *const keys[] = {"plain", "folded", "literal", "double", "flow", "dashes"};
    for (size_t length = 0; length <= strlen(yaml_text); length++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            char *copy = strndup(yaml_text, length), *value = NULL, **items = NULL;
            aire_yaml yaml = {ctx, "x", copy};
            const char *section = i < 2 ? NULL : "section";
            (void)aire__yaml_text(&yaml, section, keys[i], &value);
            (void)aire__yaml_list(&yaml, section, keys[i], &items);
            aire_free(ctx, value);
            aire__texts_free(ctx, items);
            free(copy);
        }
}

/* ---- regions ---- */

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"b\", \"goal\": \"g\", \"files\": {\"editable\": [\"a.py\"],\n"
    " \"blocks\": [\"KEEP-START\", \"KEEP-END\"]}, \"run\": {\"command\": \"true\"},\n"
    " \"metric\": {\"name\": \"m\", \"direction\": \"maximize\", \"stage\": \"run\", \"trust\": "
    "\"self_reported\"}}\n";
static const char original[] =
    "import x\n// KEEP-START\na\nb\n// KEEP-END\ny = 1  # KEEP-START\nc\n"
    "# KEEP-END\nend\n";

static void test_blocks__hold_what_is_outside(void **state)
{
    static const struct {
        const char *text, *message; /* NULL: it may */
    } rows[] = {
        {original, NULL},
        {"import x\n// KEEP-START\nother\n\n\n// KEEP-END\ny = 1  # KEEP-START\n# KEEP-END\nend\n",
         NULL},
        {"import y\n// KEEP-START\na\nb\n// KEEP-END\ny = 1  # KEEP-START\nc\n# KEEP-END\nend\n",
         "line 1 is `import x`, and the patch has there `import y`"},
        {"import x\n// KEEP-START\na\nb\n// KEEP-END\ny = 2  # KEEP-START\nc\n# KEEP-END\nend\n",
         "lines 3 to 4, 7 to 7"},
        {"import x\n// KEEP-START\na\nb\n// KEEP-END\ny = 1  # KEEP-START\nc\n# "
         "KEEP-END\nend\nmore\n",
         "adds outside of that `more`"},
        {"import x\n// KEEP-START\na\nb\n// KEEP-END\ny = 1  # KEEP-START\nc\nend\n",
         "line 8 is `# KEEP-END`, and the patch removes it"},
        {"import x\n// KEEP-START\na\n// KEEP-END\nz\n// KEEP-START\nb\n// KEEP-END\ny = 1  # "
         "KEEP-START\nc\n# KEEP-END\nend\n",
         "`z`"},
        {"", "removes it"},
        {NULL, "deletes it"},
    };
    write_text("aire.json", manifest);
    write_text("a.py", original);
    aire_env *env = open_good(root, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *message;
        size_t length = rows[i].text ? strlen(rows[i].text) : 0;
        assert_int_equal(aire__blocks_check(env, "a.py", rows[i].text, length, &message), AIRE_OK);
        if (!message != !rows[i].message || (message && !strstr(message, rows[i].message)))
            fail_msg("row %zu: %s", i, message ? message : "(allowed)");
        aire_free(ctx, message);
    }
    char *message;
    assert_int_equal(aire__blocks_check(env, "other.py", "x", 1, &message), AIRE_OK);
    assert_null(message);
    aire_env_unref(env);
}

/* What is empty may be filled. */
static void test_blocks__may_be_empty(void **state)
{
    char *text, *message;
    const char *filled = "# KEEP-START\nx\n# KEEP-END\n", *beside = "y\n# KEEP-START\n# KEEP-END\n";
    write_text("aire.json", manifest);
    write_text("a.py", "# KEEP-START\n# KEEP-END\n# KEEP-START\n\n# KEEP-END\n");
    aire_env *env = open_good(root, NULL, NULL);
    assert_int_equal(aire_env_file_regions(env, 0, &text), AIRE_OK);
    assert_string_equal(text, "after 1, 4 to 4");
    aire_free(ctx, text);
    aire_env_unref(env);
    write_text("a.py", "# KEEP-START\n# KEEP-END\n");
    env = open_good(root, NULL, NULL);
    assert_int_equal(aire__blocks_check(env, "a.py", filled, strlen(filled), &message), AIRE_OK);
    assert_null(message);
    assert_int_equal(aire__blocks_check(env, "a.py", beside, strlen(beside), &message), AIRE_OK);
    assert_non_null(strstr(message, "in lines after 1. "));
    aire_free(ctx, message);
    aire_env_unref(env);
}

static void test_blocks__have_to_be_pairs(void **state)
{
    static const struct {
        const char *text, *message; /* NULL: good */
    } rows[] = {
        {"no marks\n", NULL},
        {"text = 'KEEP-START is a word'\n", NULL},
        {"# KEEP-STARTED\n", NULL},
        {"# KEEP-START\nx\n", "line 1: KEEP-START without KEEP-END after it"},
        {"x\n# KEEP-END\n", "line 2: KEEP-END without KEEP-START before it"},
        {"# KEEP-START\n# KEEP-START\n# KEEP-END\n", "line 2"},
    };
    write_text("aire.json", manifest);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text("a.py", rows[i].text);
        if (rows[i].message)
            assert_fails(root, NULL, NULL, AIRE_FORMAT, rows[i].message);
        else
            aire_env_unref(open_good(root, NULL, NULL));
    }
}

/* ---- adapters ---- */

static bool has_word(char *const *argv, const char *word)
{
    for (; *argv; argv++)
        if (!strcmp(*argv, word))
            return true;
    return false;
}

static void test_adapt__reads_openevolve(void **state)
{
    aire_env *env = open_good(data_path("openevolve/minimise"), "openevolve", NULL);
    const aire_env_step *evaluate = &env->steps[AIRE_STAGE_EVALUATE];
    assert_string_equal(aire_env_adapter(env), "openevolve");
    assert_string_equal(aire_env_name(env), "minimise");
    assert_string_equal(aire_env_metric(env), "combined_score");
    assert_int_equal(env->metric.trust, AIRE_TRUST_SELF_REPORTED);
    assert_int_equal(aire__env_file(env, "initial_program.py")->role, AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_file(env, "evaluator.py")->role, AIRE_FILE_RESERVED);
    assert_int_equal(aire__env_file(env, "aire_openevolve.py")->role, AIRE_FILE_HIDDEN);
    assert_null(aire__env_file(env, "config.yaml"));
    assert_null(strstr(aire_env_manifest(env), "not-for-the-prompt"));
    assert_non_null(strstr(aire_env_goal(env), "many local minima; find the lowest point"));
    assert_true(evaluate->with_variant);
    assert_true(has_word(evaluate->argv, "0.5"));
    assert_true(has_word(evaluate->argv, "20"));
    assert_false(env->steps[AIRE_STAGE_RUN].present);
    aire_env_unref(env);
    env = open_good(data_path("openevolve/circles"), "auto", NULL);
    assert_int_equal(aire__env_file(env, "evaluator.py")->role, AIRE_FILE_PROTECTED);
    assert_true(has_word(env->steps[AIRE_STAGE_EVALUATE].argv, "0.5,0.75,0.9"));
    aire_env_unref(env);
}

static void test_adapt__reads_other_languages(void **state)
{
    write_text("initial_program.rs", "// EVOLVE-BLOCK-START\nfn f() {}\n// EVOLVE-BLOCK-END\n");
    write_text("evaluator.py", "def evaluate(path): return {}\n");
    aire_env *env = open_good(root, "auto", NULL);
    assert_int_equal(aire__env_file(env, "initial_program.rs")->role, AIRE_FILE_EDITABLE);
    assert_false(env->steps[AIRE_STAGE_BUILD].present);
    aire_env_unref(env);
}

static void test_adapt__reads_autoresearch(void **state)
{
    static const char *const variables[] = {"DATA=/usr/share", "CPUS=2", "GPUS=1", NULL};
    const char *path = data_path("autoresearch/bigram");
    aire_env *env = open_good(path, "auto", NULL);
    assert_string_equal(aire_env_adapter(env), "autoresearch");
    assert_string_equal(aire_env_metric(env), "val_bpb");
    assert_true(env->metric.minimize);
    assert_string_equal(env->metric.pattern, "^val_bpb:");
    assert_int_equal(env->metric.trust, AIRE_TRUST_SELF_REPORTED);
    assert_string_equal(env->budget_vars[0], "AIRE_BUDGET_WALL_S=1");
    assert_int_equal(env->steps[AIRE_STAGE_RUN].limits.wall_ms, 62000);
    assert_non_null(strstr(aire_env_goal(env), "Make the model of bytes better."));
    assert_int_equal(aire__env_file(env, "prepare.py")->role, AIRE_FILE_PROTECTED);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].gpus, 0);
    char hash[65];
    memcpy(hash, aire_env_hash(env), sizeof hash);
    aire_env_unref(env);
    env = open_good(path, "autoresearch", variables);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].cpus, 2);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].gpus, 1);
    assert_string_equal(env->mounts[env->mount_count - 1].target, "/opt/home/.cache/autoresearch");
    assert_string_not_equal(aire_env_hash(env), hash); /* other settings, another environment */
    aire_env_unref(env);
}

/* A budget that is not understood is not taken for another one. */
static void test_adapt__reads_the_time_that_training_has(void **state)
{
    static const char *const given[] = {"BUDGET_S=7", NULL};
    static const struct {
        const char *text, *budget; /* NULL: not understood */
    } rows[] = {
        {"TIME_BUDGET = 5 * 60 # five minutes\n", "AIRE_BUDGET_WALL_S=300"},
        {"X = 1\nTIME_BUDGET: int = 20\r\n", "AIRE_BUDGET_WALL_S=20"},
        {"# TIME_BUDGET = 20\nprint(TIME_BUDGET == 3)\n", "AIRE_BUDGET_WALL_S=300"},
        {"TIME_BUDGET = MINUTES * 60\n", NULL},
        {"TIME_BUDGET = 2.5\n", NULL},
        {"TIME_BUDGET = 999999999 * 999999999 * 999999999\n", NULL},
        {"TIME_BUDGET = -1\n", NULL},
        {"TIME_BUDGET = ", NULL},
    };
    write_text("train.py", "");
    write_text("program.md", "x");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text("prepare.py", rows[i].text);
        if (!rows[i].budget)
            assert_fails(root, "auto", NULL, AIRE_FORMAT, "the variable BUDGET_S");
        aire_env *env = open_good(root, "auto", rows[i].budget ? NULL : given);
        assert_string_equal(env->budget_vars[0],
                            rows[i].budget ? rows[i].budget : "AIRE_BUDGET_WALL_S=7");
        aire_env_unref(env);
    }
}

static void test_adapt__reads_the_papers(void **state)
{
    static const char *const variables[] = {"METRIC=eval/mean_reward", "PATTERN=reward is", NULL};
    aire_env *env = open_good(data_path("paper/nanogpt"), "auto", NULL);
    assert_string_equal(aire_env_adapter(env), "paper");
    assert_string_equal(aire_env_metric(env), "val_loss");
    assert_true(env->metric.minimize && env->metric.reduce == AIRE_REDUCE_MIN);
    assert_int_equal(aire__env_file(env, "aire-tools/uv")->mode, 0755);
    aire_env_unref(env);
    env = open_good(data_path("paper/grpo"), "paper", variables);
    assert_string_equal(aire_env_metric(env), "eval/mean_reward");
    assert_string_equal(env->metric.pattern, "reward is");
    assert_true(!env->metric.minimize && env->metric.reduce == AIRE_REDUCE_MAX);
    aire_env_unref(env);
}

static void test_adapt__gives_a_home_with_a_cache(void **state)
{
    static const char *const variables[] = {"CACHE=/usr/share", NULL};
    static const char *const paths[] = {"autoresearch/bigram", "paper/grpo"};
    for (size_t i = 0; i < 2; i++) {
        aire_env *env = open_good(data_path(paths[i]), "auto", NULL);
        assert_false(has_word(env->steps[AIRE_STAGE_RUN].vars, "HOME=/opt/home"));
        assert_true(has_word(env->steps[AIRE_STAGE_RUN].vars, "HF_HUB_OFFLINE=1"));
        aire_env_unref(env);
        env = open_good(data_path(paths[i]), "auto", variables);
        assert_true(has_word(env->steps[AIRE_STAGE_RUN].vars, "HOME=/opt/home"));
        assert_string_equal(env->mounts[0].target, "/opt/home/.cache");
        aire_env_unref(env);
    }
}

static void test_adapt__counts_the_papers_gpus(void **state)
{
    write_text("run_job.sh", "uv run torchrun --standalone --nproc_per_node=8 train.py\n");
    write_text("train.py", "device = 'cuda'\n");
    aire_env *env = open_good(root, "paper", NULL);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].gpus, 8);
    aire_env_unref(env);
    write_text("run_job.sh", "uv run python train.py\n");
    env = open_good(root, "paper", NULL);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].gpus, 1);
    aire_env_unref(env);
    write_text("train.py", "device = 'cpu'\n");
    env = open_good(root, "paper", NULL);
    assert_int_equal(env->steps[AIRE_STAGE_RUN].gpus, 0);
    aire_env_unref(env);
}

static void test_adapt__mounts_the_interpreter(void **state)
{
    char path[128], python[160];
    snprintf(path, sizeof path, "%s/venv/bin", root);
    assert_int_equal(aire__fs_mkdirs(ctx, path, 0755), AIRE_OK);
    snprintf(path, sizeof path, "%s/venv/bin/python3", root);
    assert_int_equal(symlink("/usr/bin/env", path), 0);
    write_text("venv/pyvenv.cfg", "home = /var/lib\ninclude-system-site-packages = false\n");
    snprintf(python, sizeof python, "PYTHON=%s", path);
    const char *const variables[] = {python, NULL};
    aire_env *env = open_good(data_path("openevolve/circles"), "openevolve", variables);
    assert_string_equal(env->steps[AIRE_STAGE_EVALUATE].argv[0], "/opt/python/bin/python3");
    assert_int_equal(env->mount_count, 2);
    assert_string_equal(env->mounts[0].target, "/opt/python");
    assert_string_equal(env->mounts[1].target, "/var");
    aire_env_unref(env);
}

static void make_directory(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

/* A program of several files: all of them may change, and nothing beside. */
static void test_adapt__reads_programs_that_are_directories(void **state)
{
    make_directory("initial_program");
    make_directory("initial_program/part");
    write_text("initial_program/main.py", "from part import x\n");
    write_text("initial_program/part/x.py", "x = 1\n");
    write_text("evaluator.py", "");
    write_text("config.yaml", "prompt:\n  system_message: \" \\n\"\n");
    aire_env *env = open_good(root, "auto", NULL);
    assert_string_equal(aire_env_adapter(env), "openevolve");
    assert_int_equal(aire__env_file(env, "initial_program/main.py")->role, AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_file(env, "initial_program/part/x.py")->role, AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_file(env, "evaluator.py")->role, AIRE_FILE_PROTECTED);
    assert_true(has_word(env->steps[AIRE_STAGE_EVALUATE].argv, "initial_program"));
    aire_env_unref(env);
    write_text("initial_program.py", "");
    env = open_good(root, "auto", NULL); /* the file is meant */
    assert_int_equal(aire__env_file(env, "initial_program.py")->role, AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_file(env, "initial_program/main.py")->role, AIRE_FILE_PROTECTED);
    aire_env_unref(env);
}

static void test_adapt__leaves_out_what_does_not_belong(void **state)
{
    static const char *const ignore[] = {"IGNORE=,link,data/**,", NULL};
    char path[256];
    write_text("initial_program.py", "");
    write_text("evaluator.py", "");
    make_directory("data");
    write_text("data/x", "");
    snprintf(path, sizeof path, "%s/link", root);
    assert_int_equal(symlink("/etc", path), 0);
    assert_fails(root, "auto", NULL, AIRE_FORMAT,
                 "a symbolic link, expected a plain file; remove it, "
                 "or name it in the adapter's variable IGNORE");
    aire_env *env = open_good(root, "auto", ignore);
    assert_null(aire__env_file(env, "data/x"));
    assert_non_null(aire__env_file(env, "evaluator.py"));
    aire_env_unref(env);
}

/* They would break the requests to models. */
static void test_adapt__refuses_names_that_are_no_text(void **state)
{
    static const char *const ignore[] = {"IGNORE=ab*", NULL};
    static const char *const names[] = {"ab\xff"
                                        "c",
                                        "ab\nc", "ab\x1b[2J", "ab\x7f"};
    write_text("initial_program.py", "");
    write_text("evaluator.py", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        write_text(names[i], "");
        assert_fails(root, "auto", NULL, AIRE_FORMAT, "begins with 'ab' is not plain text");
        aire_env_unref(open_good(root, "auto", ignore));
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    write_text("\xc3\xa9 \xe2\x82\xac.txt", "");
    aire_env_unref(open_good(root, "auto", NULL));
}

static void test_adapt__says_what_is_wrong(void **state)
{
    static const char *const no_python[] = {"PYTHON=/no/such/python", NULL};
    static const char *const empty[] = {"PYTHON=", NULL};
    static const char *const odd[] = {"TIMEOUT_S=soon", NULL};
    static const char *const no_data[] = {"DATA=/no/such", NULL};
    static const char *const both[] = {"DATA=/usr", "CACHE=/usr", NULL};
    static const char *const no_way[] = {"DIRECTION=up", NULL};
    const char *circles = data_path("openevolve/circles");
    assert_fails(root, "auto", NULL, AIRE_NOT_FOUND, "openevolve: initial_program.py");
    assert_fails(root, "openevolve", NULL, AIRE_NOT_FOUND, "needs initial_program.py");
    assert_fails(root, "nonsense", NULL, AIRE_INVALID, "known are openevolve");
    assert_fails(circles, NULL, NULL, AIRE_NOT_FOUND, "no aire.json");
    assert_fails(circles, "openevolve", no_python, AIRE_NOT_FOUND, "/no/such/python");
    assert_fails(circles, "openevolve", empty, AIRE_NOT_FOUND, "PYTHON is ''");
    assert_fails(circles, "openevolve", odd, AIRE_INVALID, "TIMEOUT_S");
    assert_fails(data_path("autoresearch/bigram"), "auto", no_data, AIRE_NOT_FOUND, "DATA");
    assert_fails(data_path("autoresearch/bigram"), "auto", both, AIRE_INVALID,
                 "exclude each other");
    assert_fails(data_path("autoresearch/bigram"), "auto", no_way, AIRE_INVALID, "DIRECTION");
    write_text("initial_program.py", "# EVOLVE-BLOCK-START\n");
    write_text("evaluator.py", "");
    assert_fails(root, "openevolve", NULL, AIRE_FORMAT,
                 "files.blocks: 'initial_program.py', line 1");
    write_text("initial_program.py", "");
    write_text("config.yaml", "evaluator:\n  timeout: soon\n");
    assert_fails(root, "openevolve", NULL, AIRE_FORMAT, "evaluator.timeout: found 'soon'");
    write_text("config.yaml", "evaluator:\n  cascade_thresholds: [a]\n");
    assert_fails(root, "openevolve", NULL, AIRE_FORMAT, "cascade_thresholds");
    write_text("config.yaml", "prompt:\n  system_message: \xff\n");
    assert_fails(root, "openevolve", NULL, AIRE_FORMAT, "UTF-8");
    write_text("config.yaml", "prompt:\n  system_message: \"\\ud800\"\n");
    aire_env_unref(open_good(root, "openevolve", NULL));
    write_text("config.yaml", "");
    write_text("aire.json", manifest);
    assert_fails(root, "openevolve", NULL, AIRE_EXISTS, "environment already");
}

static void test_adapt__runs_out_of_memory(void **state)
{
    static const char *const paths[] = {"openevolve/minimise", "autoresearch/bigram",
                                        "paper/nanogpt"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        aire_env *env;
        OOM_LOOP(&memory, open_with(data_path(paths[i]), "auto", NULL, &env), aire_env_unref(env));
    }
}

static void test_blocks__run_out_of_memory(void **state)
{
    char *message;
    write_text("aire.json", manifest);
    write_text("a.py", original);
    aire_env *env = open_good(root, NULL, NULL);
    OOM_LOOP(&memory, aire__blocks_check(env, "a.py", "x", 1, &message), aire_free(ctx, message));
    aire_env_unref(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_yaml__reads_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml__says_what_it_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml__reads_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml__survives_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks__hold_what_is_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks__may_be_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks__have_to_be_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_openevolve, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_other_languages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_autoresearch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_the_time_that_training_has, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_the_papers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__gives_a_home_with_a_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__counts_the_papers_gpus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__mounts_the_interpreter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__reads_programs_that_are_directories, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_adapt__leaves_out_what_does_not_belong, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_adapt__refuses_names_that_are_no_text, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_adapt__says_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapt__runs_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks__run_out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
