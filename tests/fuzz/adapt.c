/*
 * What people bring: the input's first byte says which file of a directory of another system it is:
 * 'c' config.yaml, 'p' initial_program.py, 'm' program.md, 't' prepare.py; 'b' is a changed file
 * with editable regions.
 */
#include "aire/error.h"
#include "env/blocks.h"
#include "env/env.h"
#include "fuzz/directory.h"

static const char program[] = "head\n# EVOLVE-BLOCK-START\nbody\n# EVOLVE-BLOCK-END\ntail\n";
static const char before[] = "head\n# EVOLVE-BLOCK-START\n", after[] = "# EVOLVE-BLOCK-END\ntail";
static aire_env *with_blocks;

static void remove_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", fuzz_directory, name);
    unlink(path);
}

static aire_status open_adapted(aire_env **env)
{
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.adapter = "auto";
    return aire_env_open(fuzz_ctx, fuzz_directory, &options, env);
}

/* The good files of both systems, of which one is then replaced. */
static void reset(bool autoresearch)
{
    remove_file(autoresearch ? "initial_program.py" : "program.md");
    fuzz_write("evaluator.py", "x\n", 2);
    fuzz_write("config.yaml", "a: 1\n", 5);
    fuzz_write("train.py", "x\n", 2);
    fuzz_write("prepare.py", "TIME_BUDGET = 7\n", 16);
    if (autoresearch)
        fuzz_write("program.md", "x\n", 2);
    else
        fuzz_write("initial_program.py", program, sizeof program - 1);
}

static void begin(void)
{
    fuzz_make_directory();
    reset(false);
    if (open_adapted(&with_blocks) != AIRE_OK) {
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
        abort();
    }
}

/* Whatever the file holds: an environment whose parts are whole, or a reason why not. */
static void open_it(const uint8_t *data, size_t size, bool starved)
{
    aire_env *env = NULL;
    aire_status status = open_adapted(&env);
    if (status != AIRE_OK) {
        FUZZ_NEED(!env && *aire_error_message(aire_last_error()));
        FUZZ_NEED(starved || status == AIRE_FORMAT || status == AIRE_LIMIT);
        return;
    }
    FUZZ_NEED(*aire_env_adapter(env) && *aire_env_goal(env) && strlen(aire_env_hash(env)) == 64);
    FUZZ_NEED(env->metric.trust == AIRE_TRUST_SELF_REPORTED);
    for (int stage = AIRE_STAGE_BUILD; stage <= AIRE_STAGE_EVALUATE; stage++)
        FUZZ_NEED(!env->steps[stage].present || env->steps[stage].limits.wall_ms >= 1000);
    for (size_t i = 0; i < env->file_count; i++)
        FUZZ_NEED(strcmp(env->files[i].path, "evaluator.py") != 0 ||
                  env->files[i].role != AIRE_FILE_EDITABLE);
    aire_env_unref(env);
}

static bool ends_as_it_did(const char *text, size_t size)
{
    size_t length = sizeof after - 1;
    size -= size > 0 && text[size - 1] == '\n';
    return size >= length && memcmp(text + size - length, after, length) == 0;
}

/* What is allowed begins and ends as the file did. */
static void change_it(const uint8_t *data, size_t size, bool starved)
{
    const char *text = (const char *)data;
    char *message = NULL;
    aire_status status =
        aire__blocks_check(with_blocks, "initial_program.py", text, size, &message);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM && !message));
    if (status == AIRE_OK && !message) {
        FUZZ_NEED(size >= sizeof before - 1 && memcmp(text, before, sizeof before - 1) == 0);
        FUZZ_NEED(ends_as_it_did(text, size));
    }
    aire_free(fuzz_ctx, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        char kind;
        const char *name;
    } files[] = {{'c', "config.yaml"},
                 {'p', "initial_program.py"},
                 {'m', "program.md"},
                 {'t', "prepare.py"}};
    if (fuzz_begins())
        begin();
    if (size == 0)
        return 0;
    if (data[0] == 'b')
        fuzz_twice(data + 1, size - 1, change_it);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (data[0] == files[i].kind) {
            reset(files[i].kind == 'm' || files[i].kind == 't');
            fuzz_write(files[i].name, data + 1, size - 1);
            fuzz_twice(data + 1, size - 1, open_it);
        }
    return 0;
}
