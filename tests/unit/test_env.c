/* The env room: manifests are read, and every mistake is named with file, key and what was
 * expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/fs.h"
#include "base/rng.h"
#include "base/str.h"
#include "env/env.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    snprintf(root, sizeof root, "/tmp/aire-env-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    char path[128];
    snprintf(path, sizeof path, "%s/data", root);
    assert_int_equal(aire__fs_mkdirs(ctx, path, 0755), AIRE_OK);
    write_text("model.c", "#define LR 1.5e-3\n#define ACT gelu\nint x = 1; int y = 1;\n");
    write_text("eval.c", "main\n");
    write_text("secret.txt", "answer\n");
    return 0;
}

static int teardown(void **state)
{
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

/* A whole manifest; the rows below change one thing in it. */
static const char good[] =
    "{\"aire\": 1, \"name\": \"toy\", \"goal\": [\"Be\", \"good.\"], \"rules\": \"None.\",\n"
    " \"files\": {\"editable\": [\"*.c\"], \"protected\": [\"eval.c\"], \"hidden\": "
    "[\"secret.txt\"],\n"
    "   \"ignore\": [\"data/**\"]},\n"
    " \"build\": {\"command\": \"cc model.c\", \"timeout_s\": 9},\n"
    " \"run\": {\"command\": [\"./a.out\", \"${LEVEL}\"], \"cpus\": 2, \"memory_mb\": 64, \"env\": "
    "{\"A\": \"b\"}},\n"
    " \"evaluate\": {\"command\": \"./eval\", \"data\": \"data\"},\n"
    " \"smoke\": {\"timeout_s\": 5, \"env\": {\"B\": \"c\"}, \"budget\": {\"steps\": 3}},\n"
    " \"mounts\": [{\"source\": \"${AIRE_ENV}/data\", \"target\": \"/opt/x\", \"stages\": "
    "[\"build\"]}],\n"
    " \"outputs\": [{\"path\": \"w/weights\", \"max_mb\": 2}],\n"
    " \"budget\": {\"tokens\": 1000, \"wall_s\": 5},\n"
    " \"seed\": {\"default\": 7, \"baseline\": [1, 2], \"env\": \"SEED\"},\n"
    " \"metric\": {\"name\": \"loss\", \"direction\": \"minimize\", \"stage\": \"evaluate\",\n"
    "   \"trust\": \"evaluated\", \"valid\": [0.5, 8], \"reward\": \"inverse\"},\n"
    " \"stream\": {\"metric\": \"train_loss\"},\n"
    " \"knobs\": [{\"name\": \"lr\", \"about\": \"rate\", \"file\": \"model.c\", \"text\": \"LR "
    "{}\",\n"
    "     \"baseline\": \"1.5e-3\", \"range\": [1e-4, 1e-2], \"scale\": \"log\"},\n"
    "   {\"name\": \"act\", \"about\": \"activation\", \"choices\": [{\"name\": \"relu\", "
    "\"idea\": \"Use ReLU.\",\n"
    "     \"edits\": [{\"file\": \"model.c\", \"find\": \"ACT gelu\", \"replace\": \"ACT "
    "relu\"}]}]}]}\n";

static aire_status open_env(aire_env **env)
{
    static const char *const variables[] = {"LEVEL=3", NULL};
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.variables = variables;
    return aire_env_open(ctx, root, &options, env);
}

static aire_env *open_good(void)
{
    aire_env *env;
    write_text("aire.json", good);
    if (open_env(&env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return env;
}

static void test_env__reads_everything(void **state)
{
    aire_env *env = open_good();
    assert_string_equal(aire_env_name(env), "toy");
    assert_string_equal(aire_env_goal(env), "Be\ngood.");
    assert_string_equal(aire_env_metric(env), "loss");
    assert_int_equal(strlen(aire_env_hash(env)), 64);
    assert_int_equal(aire_env_file_count(env), 4);
    assert_int_equal(aire__env_file(env, "model.c")->role, AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_file(env, "eval.c")->role, AIRE_FILE_PROTECTED);
    assert_int_equal(aire__env_file(env, "secret.txt")->role, AIRE_FILE_HIDDEN);
    assert_int_equal(aire__env_file(env, "aire.json")->role, AIRE_FILE_PROTECTED);
    assert_int_equal(aire__env_role(env, "new.c"), AIRE_FILE_EDITABLE);
    assert_int_equal(aire__env_role(env, "new.txt"), AIRE_FILE_PROTECTED);
    assert_int_equal(aire__env_role(env, "data/x"), 0);

    const aire_env_step *build = &env->steps[AIRE_STAGE_BUILD], *run = &env->steps[AIRE_STAGE_RUN];
    assert_string_equal(build->argv[2], "cc model.c");
    assert_int_equal(build->limits.wall_ms, 9000);
    assert_string_equal(run->argv[1], "3");
    assert_null(run->argv[2]);
    assert_int_equal(run->cpus, 2);
    assert_int_equal(run->limits.memory_bytes, 64 << 20);
    assert_string_equal(run->vars[0], "A=b");
    assert_true(aire__ends_with(env->steps[AIRE_STAGE_EVALUATE].data, "/data"));
    const aire_env_step *smoke = &env->steps[AIRE_STAGE_SMOKE];
    assert_true(smoke->present);
    assert_string_equal(smoke->argv[1], "3"); /* as of the run, as is what follows */
    assert_int_equal(smoke->cpus, 2);
    assert_int_equal(smoke->limits.memory_bytes, 64 << 20);
    assert_int_equal(smoke->limits.wall_ms, 5000);
    assert_string_equal(smoke->vars[0], "B=c");
    assert_string_equal(smoke->vars[1], "A=b");
    assert_null(smoke->vars[2]);
    assert_string_equal(env->smoke_budget_vars[0], "AIRE_BUDGET_STEPS=3");
    assert_null(env->smoke_budget_vars[1]);
    assert_true(env->mounts[0].stages[AIRE_STAGE_BUILD]);
    assert_false(env->mounts[0].stages[AIRE_STAGE_RUN]);
    assert_int_equal(env->outputs[0].max_bytes, 2 << 20);
    assert_string_equal(env->budget_vars[0], "AIRE_BUDGET_TOKENS=1000");
    assert_string_equal(env->budget_text, "1000 tokens, 5 s");
    assert_int_equal(env->seed, 7);
    assert_int_equal(env->baseline_seeds[1], 2);
    assert_string_equal(env->seed_var, "SEED");
    assert_int_equal(env->knob_count, 2);
    assert_true(env->knobs[0].is_number && env->knobs[0].log_scale);
    assert_true(fabs(env->knobs[0].value - 1.5e-3) < 1e-12);
    assert_string_equal(env->knobs[1].choices[0].edits[0].replace, "ACT relu");
    aire_env_unref(env);
}

static void test_env__hash_follows_the_content(void **state)
{
    char before[65];
    aire_env *env = open_good();
    strcpy(before, aire_env_hash(env));
    aire_env_unref(env);
    env = open_good();
    assert_string_equal(before, aire_env_hash(env));
    aire_env_unref(env);
    write_text("secret.txt", "another answer\n");
    env = open_good();
    assert_string_not_equal(before, aire_env_hash(env));
    aire_env_unref(env);
    write_text("secret.txt", "answer\n");
}

/* The good manifest with one text replaced by another. */
static void write_changed(const char *from, const char *to)
{
    char text[sizeof good + 400];
    const char *at = strstr(good, from);
    if (!at)
        fail_msg("the manifest has no %s", from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    write_text("aire.json", text);
}

/* What is not said keeps nothing; what is said partly keeps all parts, up to 10 GiB. */
static void test_env__reads_retention(void **state)
{
    const uint32_t all = AIRE_KEEP_VARIANT | AIRE_KEEP_LOGS | AIRE_KEEP_OUTPUTS;
    aire_env *env = open_good();
    assert_false(env->retention.present);
    assert_int_equal(env->retention.best + env->retention.failed, 0);
    aire_env_unref(env);
    write_changed("\"knobs\"", "\"retention\": {\"best\": 3}, \"knobs\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_true(env->retention.present);
    assert_int_equal(env->retention.best, 3);
    assert_int_equal(env->retention.failed, 0);
    assert_int_equal(env->retention.keep, all);
    assert_int_equal(env->retention.max_bytes, (int64_t)10240 << 20);
    aire_env_unref(env);
    write_changed("\"knobs\"", "\"retention\": {\"failed\": 2, \"max_mb\": 5,"
                               " \"keep\": [\"outputs\", \"logs\"]}, \"knobs\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_int_equal(env->retention.best, 0);
    assert_int_equal(env->retention.failed, 2);
    assert_int_equal(env->retention.keep, AIRE_KEEP_LOGS | AIRE_KEEP_OUTPUTS);
    assert_int_equal(env->retention.max_bytes, 5 << 20);
    aire_env_unref(env);
}

/* Without a word nothing is suspect, and no model is served. */
static void test_env__reads_what_is_plausible(void **state)
{
    aire_env *env = open_good();
    assert_true(env->plausible.min_cpu_s == 0 && env->plausible.min_cpu_share == 0);
    assert_true(env->plausible.max_gain == 0 && !env->plausible.seeds_differ);
    assert_false(env->steps[AIRE_STAGE_PREDICT].present);
    aire_env_unref(env);
    write_changed("\"tokens\": 1000", "\"tokens\": 7, \"cpu_ratio\": 2.5");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_true(env->cpu_ratio == 2.5 && env->max_bytes == 0);
    assert_string_equal(env->budget_text,
                        "7 tokens, 5 s, 2.5 times the processor time of the baseline");
    aire_env_unref(env);
    write_changed("\"ignore\"", "\"max_kb\": 3, \"ignore\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_int_equal(env->max_bytes, 3072);
    aire_env_unref(env);
    write_changed("\"knobs\"", "\"plausible\": {\"min_cpu_s\": 2, \"min_cpu_share\": 1,"
                               " \"max_gain\": 0.5, \"seeds_differ\": true}, \"knobs\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_true(env->plausible.min_cpu_s == 2 && env->plausible.min_cpu_share == 1);
    assert_true(env->plausible.max_gain == 0.5 && env->plausible.seeds_differ);
    aire_env_unref(env);
}

static void test_env__reads_how_a_model_is_served(void **state)
{
    aire_env *env;
    write_changed("\"knobs\"", "\"predict\": {\"command\": \"./a.out\"}, \"knobs\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_true(env->steps[AIRE_STAGE_PREDICT].present);
    assert_int_equal(env->steps[AIRE_STAGE_PREDICT].passes, 16);
    assert_int_equal(env->steps[AIRE_STAGE_PREDICT].answer_bytes, 16 << 20);
    aire_env_unref(env);
    write_changed("\"knobs\"", "\"predict\": {\"command\": \"./a.out\", \"passes\": 2,"
                               " \"answer_mb\": 3, \"timeout_s\": 7}, \"knobs\"");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_int_equal(env->steps[AIRE_STAGE_PREDICT].passes, 2);
    assert_int_equal(env->steps[AIRE_STAGE_PREDICT].answer_bytes, 3 << 20);
    assert_int_equal(env->steps[AIRE_STAGE_PREDICT].limits.wall_ms, 7000);
    aire_env_unref(env);
    write_changed("[\"build\"]", "[\"build\", \"run\", \"predict\", \"evaluate\"]");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_true(env->mounts[0].stages[AIRE_STAGE_PREDICT]);
    aire_env_unref(env);
}

static void test_env__names_every_mistake(void **state)
{
    static const struct {
        const char *from, *to, *says;
        aire_status status;
    } rows[] = {
        {"\"aire\": 1", "\"aire\": 2", "aire: found 2, expected an integer from 1 to 1",
         AIRE_FORMAT},
        {"\"aire\": 1, ", "", "aire: missing", AIRE_FORMAT},
        {"\"name\": \"toy\"", "\"name\": \"\"", "name: found \"\"", AIRE_FORMAT},
        {"\"name\": \"toy\", ", "", "name: missing", AIRE_FORMAT},
        {"\"goal\": [\"Be\", \"good.\"]", "\"goal\": 3", "goal: found 3, expected text",
         AIRE_FORMAT},
        {"[\"Be\", \"good.\"]", "[]", "goal: found no text", AIRE_FORMAT},
        {"[\"Be\", \"good.\"]", "[\"Be\", 1]", "goal: found 1, expected lines of text",
         AIRE_FORMAT},
        {"\"rules\"", "\"ruels\"", "ruels: unknown key; did you mean \"rules\"?", AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"timeout\": 9",
         "build.timeout: unknown key; did you mean \"timeout_s\"?", AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"timeout_s\": 0", "build.timeout_s: found 0", AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"open_files\": 3", "build.open_files: found 3", AIRE_FORMAT},
        {"\"metric\": \"train_loss\"", "\"metric\": \"train_loss\", \"stop\": {\"rule\": \"mean\"}",
         "stream.stop.rule", AIRE_FORMAT},
        {"\"metric\": \"train_loss\"",
         "\"metric\": \"train_loss\", \"stop\": {\"rule\": \"asha\", \"eta\": 1}",
         "stream.stop.eta: found 1", AIRE_FORMAT},
        {"\"metric\": \"train_loss\"",
         "\"metric\": \"train_loss\", \"stop\": {\"rule\": \"asha\", \"min_step\": 0}",
         "stream.stop.min_step", AIRE_FORMAT},
        {"\"metric\": \"train_loss\"", "\"metric\": \"train_loss\", \"direction\": \"up\"",
         "stream.direction", AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": 3, \"knobs\"", "retention: found 3, expected an object",
         AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"bset\": 3}, \"knobs\"",
         "retention.bset: unknown key; did you mean \"best\"?", AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"best\": -1}, \"knobs\"",
         "retention.best: found -1, expected an integer from 0", AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"failed\": 10001}, \"knobs\"",
         "retention.failed: found 10001", AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"max_mb\": 0}, \"knobs\"", "retention.max_mb: found 0",
         AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"keep\": []}, \"knobs\"",
         "retention.keep: found an empty array", AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"keep\": [\"log\"]}, \"knobs\"",
         "retention.keep: found \"log\", expected \"variant\", \"logs\" or \"outputs\"",
         AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"keep\": [1]}, \"knobs\"", "retention.keep: found 1",
         AIRE_FORMAT},
        {"\"knobs\"", "\"retention\": {\"keep\": [\"logs\", \"logs\"]}, \"knobs\"",
         "retention.keep: found \"logs\" twice", AIRE_FORMAT},
        {"\"knobs\"", "\"plausible\": {\"max_gian\": 1}, \"knobs\"",
         "plausible.max_gian: unknown key; did you mean \"max_gain\"?", AIRE_FORMAT},
        {"\"knobs\"", "\"plausible\": {\"max_gain\": 0}, \"knobs\"",
         "plausible.max_gain: found 0, expected a number above 0", AIRE_FORMAT},
        {"\"knobs\"", "\"plausible\": {\"min_cpu_s\": -1}, \"knobs\"",
         "plausible.min_cpu_s: found -1", AIRE_FORMAT},
        {"\"knobs\"", "\"plausible\": {\"min_cpu_share\": 1.5}, \"knobs\"",
         "plausible.min_cpu_share: found 1.5, expected a number above 0, at most 1", AIRE_FORMAT},
        {"\"knobs\"", "\"plausible\": {\"seeds_differ\": 1}, \"knobs\"",
         "plausible.seeds_differ: found 1, expected true or false", AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"passes\": 3", "build.passes: only predict", AIRE_FORMAT},
        {"\"data\": \"data\"", "\"answer_mb\": 3", "evaluate.answer_mb: only predict", AIRE_FORMAT},
        {"\"knobs\"", "\"predict\": {\"command\": \"p\", \"passes\": 1}, \"knobs\"",
         "predict.passes: found 1", AIRE_FORMAT},
        {"\"knobs\"", "\"predict\": {\"command\": \"p\", \"passes\": 257}, \"knobs\"",
         "predict.passes: found 257", AIRE_FORMAT},
        {"\"knobs\"", "\"predict\": {\"command\": \"p\", \"with_variant\": true}, \"knobs\"",
         "predict.with_variant: only evaluate", AIRE_FORMAT},
        {"\"knobs\"", "\"predict\": {\"command\": \"p\", \"network\": true}, \"knobs\"",
         "predict.network: a model that is judged has no network", AIRE_FORMAT},
        {"\"evaluate\": {\"command\": \"./eval\", \"data\": \"data\"}",
         "\"predict\": {\"command\": \"p\"}", "predict: needs an \"evaluate\" command",
         AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"timeout_s\": 1.5",
         "build.timeout_s: found 1.5, expected an integer", AIRE_FORMAT},
        {"\"timeout_s\": 9", "\"with_variant\": true", "build.with_variant: only evaluate",
         AIRE_FORMAT},
        {"[\"./a.out\", \"${LEVEL}\"]", "[]", "run.command: found an empty array", AIRE_FORMAT},
        {"${LEVEL}", "${DEPTH}", "${DEPTH} has no value; known are AIRE_ENV, LEVEL", AIRE_FORMAT},
        {"\"env\": {\"A\": \"b\"}", "\"env\": {\"A\": 1}", "run.env.A: found 1, expected text",
         AIRE_FORMAT},
        {"\"env\": {\"A\": \"b\"}", "\"env\": {\"A B\": \"1\"}", "run.env.A B: not the name",
         AIRE_FORMAT},
        {"\"env\": {\"A\": \"b\"}", "\"env\": {\"AIRE_X\": \"1\"}", "run.env.AIRE_X", AIRE_FORMAT},
        {"\"data\": \"data\"", "\"data\": \"date\"", "evaluate.data: there is no directory",
         AIRE_NOT_FOUND},
        {"\"target\": \"/opt/x\"", "\"target\": \"opt/x\"", "mounts[0].target", AIRE_FORMAT},
        {"\"target\": \"/opt/x\"", "\"target\": \"/opt/../x\"", "mounts[0].target", AIRE_FORMAT},
        {"\"target\": \"/opt/x\"", "\"target\": \"/usr/x\"", "place that the sandbox does not fill",
         AIRE_FORMAT},
        {"${AIRE_ENV}/data", "${AIRE_ENV}/none", "mounts[0].source: there is no", AIRE_NOT_FOUND},
        {"[\"build\"]", "[\"built\"]", "mounts[0].stages: found \"built\"", AIRE_FORMAT},
        {"\"target\": \"/opt/x\"", "\"target\": \"/answers\"",
         "place that the sandbox does not fill", AIRE_FORMAT},
        {"\"w/weights\"", "\"../weights\"", "outputs[0].path: found \"../weights\"", AIRE_FORMAT},
        {"\"tokens\": 1000", "\"token\": 1000", "budget.token: unknown key", AIRE_FORMAT},
        {"\"tokens\": 1000", "\"cpu_ratio\": 0.5", "budget.cpu_ratio: found 0.5", AIRE_FORMAT},
        {"\"ignore\"", "\"max_kb\": 0, \"ignore\"", "files.max_kb: found 0", AIRE_FORMAT},
        {"\"baseline\": [1, 2]", "\"baseline\": [2, 2]", "seed.baseline: found 2 twice",
         AIRE_FORMAT},
        {"\"SEED\"", "\"AIRE_SEED\"", "seed.env", AIRE_FORMAT},
        {"\"stages\": [\"build\"]}", "\"stages\": []}, {\"source\": \"/\", \"target\": \"/opt/x\"}",
         "mounts[1].target: mounts[0] has this target", AIRE_FORMAT},
        {"\"max_mb\": 2}", "\"max_mb\": 2}, {\"path\": \"w/weights\"}",
         "outputs[1].path: outputs[0] has this path", AIRE_FORMAT},
        {"\"max_mb\": 2}", "\"max_mb\": 0}", "outputs[0].max_mb: found 0", AIRE_FORMAT},
        {"\"max_mb\": 2}", "\"required\": 1}",
         "outputs[0].required: found 1, expected true or false", AIRE_FORMAT},
        {"[{\"path\": \"w/weights\", \"max_mb\": 2}]", "[\"w\"]",
         "outputs[0]: found \"w\", expected an object", AIRE_FORMAT},
        {"\"default\": 7", "\"default\": -7", "seed.default: found -7", AIRE_FORMAT},
        {"\"baseline\": [1, 2]", "\"baseline\": [1, \"2\"]", "seed.baseline: found \"2\"",
         AIRE_FORMAT},
        {"\"SEED\"", "\"A SEED\"", "seed.env", AIRE_FORMAT},
        {"\"minimize\"", "\"down\"",
         "metric.direction: found \"down\", expected \"minimize\" or \"maximize\"", AIRE_FORMAT},
        {"\"inverse\"", "\"identity\"", "metric.reward", AIRE_FORMAT},
        {"[0.5, 8]", "[-1, 8]", "needs a valid range above 0", AIRE_FORMAT},
        {"[0.5, 8]", "[8, 0.5]", "metric.valid", AIRE_FORMAT},
        {"\"evaluated\"", "\"self_reported\"", "metric.trust", AIRE_FORMAT},
        {"\"stage\": \"evaluate\",\n   \"trust\": \"evaluated\"",
         "\"stage\": \"run\", \"trust\": \"self_reported\"", "exclude each other", AIRE_FORMAT},
        {"\"stage\": \"evaluate\"", "\"stage\": \"run\"", "metric.trust", AIRE_FORMAT},
        {"\"stage\": \"evaluate\"", "\"stage\": \"build\"",
         "metric.stage: found \"build\", expected \"run\" or \"evaluate\"", AIRE_FORMAT},
        {"\"valid\": [0.5, 8]", "\"valid\": [0.5, 8], \"target\": 0.1", "metric.target: found 0.1",
         AIRE_FORMAT},
        {"\"valid\": [0.5, 8]", "\"valid\": [0.5]", "metric.valid", AIRE_FORMAT},
        {"\"valid\": [0.5, 8]", "\"valid\": [0.5, 8, 9]", "at most 2", AIRE_FORMAT},
        {"\"valid\": [0.5, 8]", "\"pattern\": \"x\", \"valid\": [1, 8]", "metric.pattern",
         AIRE_FORMAT},
        {"[\"*.c\"]", "[\"*.cc\"]", "files.editable: \"*.cc\" matches no file", AIRE_FORMAT},
        {"[\"secret.txt\"]", "[\"secrets.txt\"]", "files.hidden: \"secrets.txt\" matches no file",
         AIRE_FORMAT},
        {"[\"*.c\"]", "[\"*.c\", \"ev*.c\"]",
         "only files that are not editable, as 'eval.c', which is protected", AIRE_FORMAT},
        {"[\"*.c\"]", "[]", "files.editable: found an empty array", AIRE_FORMAT},
        {"[\"*.c\"]", "\"*.c\"", "files.editable: found \"*.c\", expected an array", AIRE_FORMAT},
        {"[\"*.c\"]", "[\"\"]", "files.editable: found \"\"", AIRE_FORMAT},
        {"\"LR {}\"", "\"LR\"", "knobs[0].text", AIRE_FORMAT},
        {"\"LR {}\"", "\"RL {}\"", "stands 0 times in 'model.c', expected exactly once",
         AIRE_FORMAT},
        {"\"LR {}\",\n     \"baseline\": \"1.5e-3\", \"range\": [1e-4, 1e-2]",
         "\"= {}\", \"baseline\": \"1\", \"range\": [1, 2]", "stands 2 times", AIRE_FORMAT},
        {"[1e-4, 1e-2]", "[1e-2, 1e-4]", "range: found [0.01, 0.0001], expected the smaller",
         AIRE_FORMAT},
        {"[1e-4, 1e-2]", "[1e-2, 1e-1]", "baseline: found 1.5e-3, expected a number in the range",
         AIRE_FORMAT},
        {"[1e-4, 1e-2]", "[1e-2]", "two numbers", AIRE_FORMAT},
        {"[1e-4, 1e-2]", "[1e-4, true]", "range: found true, expected numbers", AIRE_FORMAT},
        {"\"scale\": \"log\"", "\"integer\": true",
         "baseline: found \"1.5e-3\", expected an integer", AIRE_FORMAT},
        {"\"1.5e-3\", \"range\": [1e-4, 1e-2], \"scale\": \"log\"",
         "\"1\", \"range\": [0.5, 2], \"integer\": true", "range: found 0.5, expected integers",
         AIRE_FORMAT},
        {"\"ACT relu\"", "\"ACT gelu\"", "edits[0].replace: the same as", AIRE_FORMAT},
        {"\"ACT relu\"", "7", "edits[0].replace: found 7, expected text", AIRE_FORMAT},
        {"\"ACT relu\"}", "\"R\"}, {\"file\": \"model.c\", \"find\": \"gelu\", \"replace\": \"x\"}",
         "edits[1].find: overlaps the text of edits[0]", AIRE_FORMAT},
        {"\"choices\": [{\"name\": \"relu\", ", "\"choices\": [{", "choices[0].name: missing",
         AIRE_FORMAT},
        {"\"ACT relu\"}]}]",
         "\"R\"}]}, {\"name\": \"relu\", \"idea\": \"i\", \"edits\": [{\"file\": \"model.c\", "
         "\"find\": \"x = 1\", \"replace\": \"x = 2\"}]}]",
         "choices[1].name: choices[0] has this name", AIRE_FORMAT},
        {"\"1.5e-3\"", "\"fast\"", "knobs[0].baseline", AIRE_FORMAT},
        {"[1e-4, 1e-2]", "[0, 1e-2]", "above 0 for the scale", AIRE_FORMAT},
        {", \"range\": [1e-4, 1e-2]", "", "either \"range\"", AIRE_FORMAT},
        {"\"file\": \"model.c\", \"text\"", "\"file\": \"eval.c\", \"text\"",
         "not an editable text file", AIRE_FORMAT},
        {"\"find\": \"ACT gelu\"", "\"find\": \"ACT none\"", "knobs[1].choices[0].edits[0].find",
         AIRE_FORMAT},
        {"\"name\": \"act\"", "\"name\": \"lr\"", "name of another knob", AIRE_FORMAT},
        {"\"aire\": 1,", "\"aire\": 1", "line 1, column", AIRE_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_env *env = (aire_env *)root;
        write_changed(rows[i].from, rows[i].to);
        aire_status status = open_env(&env);
        const char *message = aire_error_message(aire_last_error());
        if (status != rows[i].status || !strstr(message, rows[i].says) ||
            !strstr(message, "aire.json"))
            fail_msg("row %zu (%s): %s: %s", i, rows[i].to, aire_status_name(status), message);
        assert_null(env);
    }
}

static void test_env__replaces_variables(void **state)
{
    aire_env *env;
    write_changed("cc model.c", "cc -O${LEVEL} $CFLAGS ${LDFLAGS} ${");
    assert_int_equal(open_env(&env), AIRE_OK);
    assert_string_equal(env->steps[AIRE_STAGE_BUILD].argv[2], "cc -O3 $CFLAGS ${LDFLAGS} ${");
    aire_env_unref(env);
}

static void test_env__says_how_data_are_prepared(void **state)
{
    aire_env *env;
    char path[128];
    write_changed("\"data\": \"data\"", "\"data\": \"more\"");
    write_text("prepare.sh", "true\n");
    assert_int_equal(open_env(&env), AIRE_NOT_FOUND);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "evaluate.data"));
    assert_non_null(strstr(aire_error_message(aire_last_error()), "/prepare.sh"));
    snprintf(path, sizeof path, "%s/prepare.sh", root);
    unlink(path);
}

static void test_env__leaves_out_git_and_bounds_the_rest(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/sub/.git", root);
    assert_int_equal(aire__fs_mkdirs(ctx, path, 0755), AIRE_OK);
    write_text("sub/.git/config", "x\n");
    aire_env *env = open_good();
    assert_int_equal(aire_env_file_count(env), 4);
    assert_int_equal(aire__env_role(env, ".git"), 0);
    assert_int_equal(aire__env_role(env, "sub/.git/x.c"), 0);
    assert_int_equal(aire__env_role(env, ".gitignore"), AIRE_FILE_PROTECTED);
    assert_int_equal(aire__env_role(env, "../x.c"), AIRE_FILE_PROTECTED);
    aire_env_unref(env);
    snprintf(path, sizeof path, "%s/large", root);
    write_text("large", "");
    assert_int_equal(truncate(path, 65 << 20), 0);
    assert_int_equal(open_env(&env), AIRE_LIMIT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "files.ignore"));
    unlink(path);
}

static void test_env__gives_rewards(void **state)
{
    double reward = 7;
    aire_env *env = open_good();
    assert_int_equal(aire_env_reward(env, 4, &reward), AIRE_OK);
    assert_true(reward == 0.25);
    assert_int_equal(aire_env_reward(env, 8.5, &reward), AIRE_LIMIT);
    assert_int_equal(aire_env_reward(env, NAN, &reward), AIRE_INVALID);
    assert_int_equal(aire_env_reward(env, -INFINITY, &reward), AIRE_INVALID);
    assert_int_equal(aire_env_reward(NULL, 4, &reward), AIRE_INVALID);
    assert_int_equal(aire_env_reward(env, 4, NULL), AIRE_INVALID);
    assert_true(reward == 0.25);
    aire_env_unref(env);
}

/* The keys that the parser knows, by its own words, against those of the schema. */
static void test_env__knows_the_keys_of_its_schema(void **state)
{
    static const struct {
        const char *from;    /* in the good manifest: where an object begins */
        const char *pointer; /* the object in the schema */
    } rows[] = {
        {"\"aire\": 1", "properties"},
        {"\"editable\"", "properties/files/properties"},
        {"\"timeout_s\": 9", "$defs/step/properties"},
        {"\"timeout_s\": 5", "$defs/smoke/properties"},
        {"\"source\"", "properties/mounts/items/properties"},
        {"\"path\"", "properties/outputs/items/properties"},
        {"\"tokens\"", "properties/budget/properties"},
        {"\"default\"", "properties/seed/properties"},
        {"\"direction\"", "properties/metric/properties"},
        {"\"metric\": \"train_loss\"", "properties/stream/properties"},
        {"\"file\": \"model.c\", \"text\"", "$defs/number_knob/properties"},
        {"\"choices\"", "$defs/choice_knob/properties"},
        {"\"idea\"", "$defs/choice_knob/properties/choices/items/properties"},
        {"\"find\"",
         "$defs/choice_knob/properties/choices/items/properties/edits/items/properties"},
    };
    char path[512];
    snprintf(path, sizeof path, "%s/../lib/env/aire.schema.json", getenv("AIRE_TESTS"));
    json_t *schema = json_load_file(path, 0, NULL);
    if (!schema)
        fail_msg("cannot read %s", path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char to[256], word[64];
        const json_t *object = schema;
        snprintf(path, sizeof path, "%s", rows[i].pointer);
        for (char *rest, *part = strtok_r(path, "/", &rest); part;
             part = strtok_r(NULL, "/", &rest))
            object = json_object_get(object, part);
        assert_true(json_is_object(object));
        aire_env *env;
        snprintf(to, sizeof to, "\"zzzzzzzzzzzzzzz\": 1, %s", rows[i].from);
        write_changed(rows[i].from, to);
        assert_int_equal(open_env(&env), AIRE_FORMAT);
        const char *known = strstr(aire_error_message(aire_last_error()), "known here: ");
        if (!known)
            fail_msg("%s", aire_error_message(aire_last_error()));
        size_t count = 1;
        for (const char *c = known; *c; c++)
            count += *c == ',';
        assert_int_equal(count, json_object_size(object));
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
            snprintf(word, sizeof word, " %s", key);
            if (!strstr(known, word))
                fail_msg("%s: the parser does not know %s", rows[i].pointer, key);
        }
    }
    json_decref(schema);
}

/* The environments that come with the library; where their data are missing, that is said. */
static void test_env__opens_the_examples(void **state)
{
    static const char *const names[] = {"shell", "nanogpt"};
    static const char *const variables[] = {"AIRE_PREFIX=/usr", "AIRE_DATA=/no/data", NULL};
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.variables = variables;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        aire_env *env;
        snprintf(path, sizeof path, "%s/../examples/envs/%s", getenv("AIRE_TESTS"), names[i]);
        aire_status status = aire_env_open(ctx, path, &options, &env);
        const char *message = aire_error_message(aire_last_error());
        if (status != AIRE_OK && !(status == AIRE_NOT_FOUND && strstr(message, ".data: ")))
            fail_msg("%s: %s: %s", names[i], aire_status_name(status), message);
        aire_env_unref(env);
    }
}

static void test_env__refuses_links_and_missing_manifests(void **state)
{
    aire_env *env;
    char path[128];
    write_text("aire.json", good);
    snprintf(path, sizeof path, "%s/link.c", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(open_env(&env), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "link.c"));
    unlink(path);
    assert_int_equal(aire_env_open(ctx, "/nowhere", NULL, &env), AIRE_NOT_FOUND);
    assert_int_equal(aire_env_open(ctx, "/etc", NULL, &env), AIRE_NOT_FOUND);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "no aire.json"));
    assert_int_equal(aire_env_open(ctx, NULL, NULL, &env), AIRE_INVALID);
}

/* ---- verdicts ---- */

static void test_judge__reports(void **state)
{
    static const struct {
        const char *report;
        int32_t outcome, cause;
        double reward;
    } rows[] = {
        {"{\"metrics\": {\"loss\": 2.0, \"other\": 1}}", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 0.5},
        {"{\"metrics\": {\"loss\": 0.1}}", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_METRIC_RANGE, 0},
        {"{\"metrics\": {\"loss\": \"2\"}}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, 0},
        {"{\"metrics\": {\"los\": 2}}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING, 0},
        {"{\"violation\": {\"cause\": \"future_leak\", \"detail\": \"t = 3\"}}",
         AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_FUTURE_LEAK, 0},
        {"{\"violation\": {\"cause\": \"other\"}, \"metrics\": {\"loss\": 2}}",
         AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_EVALUATOR, 0},
        {"{\"refused\": {\"detail\": \"bad shape\"}}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR,
         0},
        {"", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING, 0},
        {"{\"metrics\": {\"loss\": 2}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, 0},
        {"{\"metrics\": {\"loss\": NaN}}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, 0},
        {"{\"metrics\": {\"loss\": 2}} {}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, 0},
        {"{\"metrics\": {\"loss\": 1, \"loss\": 2}}", AIRE_OUTCOME_NO_METRIC,
         AIRE_CAUSE_METRIC_INVALID, 0},
        {"{\"violation\": {\"cause\": \"OUTPUT_KIND\"}}", AIRE_OUTCOME_VIOLATION,
         AIRE_CAUSE_OUTPUT_KIND, 0},
        {"{\"violation\": {\"cause\": \"protected file changed\"}}", AIRE_OUTCOME_VIOLATION,
         AIRE_CAUSE_PROTECTED_CHANGED, 0},
        {"{\"violation\": {\"cause\": \"none\"}}", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_EVALUATOR, 0},
        {"{\"violation\": true}", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING, 0},
        {"[1]", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING, 0},
    };
    aire_env *env = open_good();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_env_verdict v;
        assert_int_equal(aire__env_judge_report(env, rows[i].report, strlen(rows[i].report), &v),
                         AIRE_OK);
        if (v.outcome != rows[i].outcome || v.cause != rows[i].cause)
            fail_msg("%s: outcome %d cause %d: %s", rows[i].report, v.outcome, v.cause, v.detail);
        if (v.outcome == AIRE_OUTCOME_OK)
            assert_true(fabs(v.reward - rows[i].reward) < 1e-12);
        aire__env_verdict_free(env, &v);
    }
    aire_env_verdict v;
    const char own[] = "{\"refused\": {\"cause\": \"odd shape\", \"detail\": \"3 x 4\"}}";
    assert_int_equal(aire__env_judge_report(env, own, sizeof own - 1, &v), AIRE_OK);
    assert_string_equal(v.detail, "odd shape: 3 x 4");
    aire__env_verdict_free(env, &v);
    char *large = calloc(1, (2 << 20) + 1);
    memset(large, ' ', 2 << 20);
    assert_int_equal(aire__env_judge_report(env, large, 2 << 20, &v), AIRE_OK);
    assert_non_null(strstr(v.detail, "larger than"));
    aire__env_verdict_free(env, &v);
    free(large);
    OOM_LOOP(&memory, aire__env_judge_report(env, own, sizeof own - 1, &v),
             aire__env_verdict_free(env, &v));
    OOM_LOOP(&memory, aire__env_judge_report(env, rows[0].report, strlen(rows[0].report), &v),
             aire__env_verdict_free(env, &v));
    aire_env_unref(env);
}

static void judge_log(const char *metric, const char *log, const char *stream, int32_t outcome,
                      double value)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": "
             "[\"model.c\"]},"
             " \"run\": {\"command\": \"x\"}, \"metric\": {\"name\": \"loss\", \"direction\": "
             "\"minimize\","
             " \"stage\": \"run\", \"trust\": \"self_reported\", \"valid\": [-100, 100], %s}}",
             metric);
    write_text("aire.json", text);
    aire_env *env;
    aire_env_verdict v;
    if (open_env(&env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    assert_int_equal(aire__env_judge_log(env, log, strlen(log), stream, strlen(stream), &v),
                     AIRE_OK);
    if (v.outcome != outcome)
        fail_msg("'%s': outcome %d: %s", log, v.outcome, v.detail);
    if (outcome == AIRE_OUTCOME_OK && fabs(v.metrics[0].value - value) > 1e-12)
        fail_msg("'%s': value %g", log, v.metrics[0].value);
    aire__env_verdict_free(env, &v);
    aire_env_unref(env);
}

static void expect_line(const aire_env *env, const char *line, bool found, double step,
                        double value)
{
    double at = -1, is = -1;
    assert_int_equal(aire__env_stream_line(env, line, strlen(line), &at, &is), found);
    if (found)
        assert_true(at == step && (is == value || (isnan(is) && isnan(value))));
}

static void test_stream__reads_lines_as_they_come(void **state)
{
    aire_env *env = open_good();
    assert_true(env->stream.minimize); /* as the metric */
    expect_line(env, "{\"step\": 3, \"train_loss\": 2.5}", true, 3, 2.5);
    expect_line(env, "{\"train_loss\": NaN, \"step\": 4}", true, 4, NAN);
    expect_line(env, "{\"train_loss\": -Infinity, \"step\": 4}", true, 4, NAN);
    expect_line(env, "{\"train_loss\": 2.5}", false, 0, 0);
    expect_line(env, "{\"step\": 3}", false, 0, 0);
    expect_line(env, "{\"step\": \"3\", \"train_loss\": 2.5}", false, 0, 0);
    expect_line(env, "train_loss 3", false, 0, 0);
    expect_line(env, "", false, 0, 0);
    aire_env_unref(env);
}

static void test_judge__logs_and_streams(void **state)
{
    const char *last = "\"pattern\": \"loss:\"",
               *min = "\"pattern\": \"loss:\", \"reduce\": \"min\"";
    judge_log(last, "loss: 3.5\nloss:2.25, fine\n", "", AIRE_OUTCOME_OK, 2.25);
    judge_log(last, "loss: .5.\n", "", AIRE_OUTCOME_OK, 0.5);
    judge_log(last, "loss: -1e1\n", "", AIRE_OUTCOME_OK, -10);
    judge_log(min, "loss: 3\nloss: 1\nloss: 2\n", "", AIRE_OUTCOME_OK, 1);
    judge_log(min, "loss: 3\nloss: nan\nloss: 2\n", "", AIRE_OUTCOME_NO_METRIC, 0);
    judge_log(last, "loss: nan\n", "", AIRE_OUTCOME_NO_METRIC, 0);
    judge_log(last, "lost: 3\nloss: none\n", "", AIRE_OUTCOME_NO_METRIC, 0);
    judge_log(last, "loss: 3\nval_loss: 4\n", "", AIRE_OUTCOME_OK, 3);
    judge_log(last, "step 1 loss: 3 (best)\nloss: --4\nloss: -\nloss:", "", AIRE_OUTCOME_OK, 3);
    judge_log(last, "loss: 3\nloss: 99999999999999999999", "", AIRE_OUTCOME_VIOLATION, 0);
    judge_log("\"pattern\": \"^loss:\"", "loss: 3\n the loss: 4\n", "", AIRE_OUTCOME_OK, 3);
    judge_log("\"pattern\": \"loss:\", \"reduce\": \"max\"", "loss: 3\nloss: 1\n", "",
              AIRE_OUTCOME_OK, 3);
    judge_log(last, "loss: 1000\n", "", AIRE_OUTCOME_VIOLATION, 0);
    judge_log("\"reduce\": \"last\"", "loss: 9",
              "{\"loss\": 2}\nnoise\n{\"loss\": 3, \"x\": []}\n{\"loss\":", AIRE_OUTCOME_OK, 3);
    judge_log("\"reduce\": \"last\"", "", "{\"loss\": 2}\n{\"loss\": NaN, \"step\": 3}\n",
              AIRE_OUTCOME_NO_METRIC, 0);
    judge_log("\"reduce\": \"last\"", "", "{\"loss\": 2}\n{\"lost\": NaN}\n", AIRE_OUTCOME_OK, 2);
    judge_log("\"reduce\": \"last\"", "loss: 9", "", AIRE_OUTCOME_NO_METRIC, 0);
}

static void test_env__fails_cleanly_without_memory(void **state)
{
    aire_env *env;
    write_text("aire.json", good);
    OOM_LOOP(&memory, open_env(&env), aire_env_unref(env));
}

static void test_env__survives_noise(void **state)
{
    aire_rng rng;
    aire__rng_init(&rng, 4, "noise", 0);
    for (int round = 0; round < 1500; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (uint64_t i = 1 + aire__rng_below(&rng, 4); i > 0; i--)
            text[aire__rng_below(&rng, sizeof good - 1)] =
                "{}[]\",:0a${"[aire__rng_below(&rng, 11)];
        write_text("aire.json", text);
        aire_env *env;
        aire_status status = open_env(&env);
        assert_true(status == AIRE_OK ? env != NULL
                                      : !env && *aire_error_message(aire_last_error()));
        aire_env_unref(env);
    }
}

/* Another value, or none, somewhere in a manifest. */
static void change_somewhere(aire_rng *rng, json_t *value)
{
    static const char *const others[] = {
        "null",        "true",    "0",         "-1",
        "1.5",         "1e300",   "\"\"",      "\"x\"",
        "\"../x\"",    "\"${\"",  "\"{}\"",    "[]",
        "[[]]",        "{}",      "[1, 2, 3]", "9223372036854775807",
        "\"model.c\"", "[\"**\"]"};
    const size_t count = sizeof others / sizeof *others;
    for (;;) {
        size_t size = json_is_object(value) ? json_object_size(value) : json_array_size(value);
        if (size == 0)
            return;
        size_t chosen = aire__rng_below(rng, size);
        void *member = json_object_iter(value);
        for (size_t i = 0; json_is_object(value) && i < chosen; i++)
            member = json_object_iter_next(value, member);
        json_t *child = member ? json_object_iter_value(member) : json_array_get(value, chosen);
        if ((json_is_object(child) || json_is_array(child)) && aire__rng_below(rng, 4)) {
            value = child;
            continue;
        }
        json_t *other = json_loads(others[aire__rng_below(rng, count)], JSON_DECODE_ANY, NULL);
        assert_non_null(other);
        if (!member)
            json_array_set_new(value, chosen, other);
        else if (aire__rng_below(rng, 8))
            json_object_iter_set_new(value, member, other);
        else {
            json_decref(other);
            json_object_del(value, json_object_iter_key(member));
        }
        return;
    }
}

static void test_env__survives_other_values(void **state)
{
    aire_rng rng;
    aire__rng_init(&rng, 5, "values", 0);
    int opened = 0;
    for (int round = 0; round < 3000; round++) {
        json_t *manifest = json_loads(good, 0, NULL);
        for (uint64_t i = 1 + aire__rng_below(&rng, 2); i > 0; i--)
            change_somewhere(&rng, manifest);
        char *text = json_dumps(manifest, 0);
        json_decref(manifest);
        write_text("aire.json", text);
        aire_env *env;
        aire_status status = open_env(&env);
        opened += status == AIRE_OK;
        if (status != AIRE_OK && status != AIRE_FORMAT && status != AIRE_NOT_FOUND)
            fail_msg("%s: %s", text, aire_error_message(aire_last_error()));
        free(text);
        aire_env_unref(env);
    }
    assert_true(opened > 0 && opened < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env__reads_everything),
        cmocka_unit_test(test_env__hash_follows_the_content),
        cmocka_unit_test(test_env__reads_retention),
        cmocka_unit_test(test_env__reads_what_is_plausible),
        cmocka_unit_test(test_env__reads_how_a_model_is_served),
        cmocka_unit_test(test_env__names_every_mistake),
        cmocka_unit_test(test_env__replaces_variables),
        cmocka_unit_test(test_env__says_how_data_are_prepared),
        cmocka_unit_test(test_env__leaves_out_git_and_bounds_the_rest),
        cmocka_unit_test(test_env__gives_rewards),
        cmocka_unit_test(test_env__knows_the_keys_of_its_schema),
        cmocka_unit_test(test_env__opens_the_examples),
        cmocka_unit_test(test_env__refuses_links_and_missing_manifests),
        cmocka_unit_test(test_judge__reports),
        cmocka_unit_test(test_stream__reads_lines_as_they_come),
        cmocka_unit_test(test_judge__logs_and_streams),
        cmocka_unit_test(test_env__fails_cleanly_without_memory),
        cmocka_unit_test(test_env__survives_noise),
        cmocka_unit_test(test_env__survives_other_values),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
