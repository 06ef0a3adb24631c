/* Manifests: the input is the aire.json of a small environment. */
#include <math.h>

#include "aire/error.h"
#include "env/env.h"
#include "fuzz/directory.h"

static size_t count_of(const aire_env_file *file, const char *text)
{
    size_t count = 0, length = strlen(text);
    for (size_t i = 0; length > 0 && i + length <= file->length; i++)
        count += memcmp(file->data + i, text, length) == 0;
    return count;
}

static void check_knob(const aire_env *env, const aire_env_knob *knob)
{
    FUZZ_NEED(knob->name && *knob->name && knob->about);
    if (knob->is_number) {
        FUZZ_NEED(aire__env_file(env, knob->file) && strstr(knob->text, "{}"));
        FUZZ_NEED(isfinite(knob->value) && isfinite(knob->min) && isfinite(knob->max));
        FUZZ_NEED(knob->min <= knob->value && knob->value <= knob->max);
        FUZZ_NEED(!knob->log_scale || knob->min > 0);
    }
    for (size_t i = 0; i < knob->choice_count; i++)
        for (size_t k = 0; k < knob->choices[i].edit_count; k++) {
            const aire_env_edit *edit = &knob->choices[i].edits[k];
            const aire_env_file *file = aire__env_file(env, edit->file);
            FUZZ_NEED(file && file->role == AIRE_FILE_EDITABLE);
            FUZZ_NEED(count_of(file, edit->find) == 1);
        }
}

static void check_step(const aire_env_step *step)
{
    if (!step->present)
        return;
    const aire_limits *limits = &step->limits;
    FUZZ_NEED(step->argv && step->argv[0] && step->cpus >= 1 && step->gpus >= 0);
    FUZZ_NEED(limits->wall_ms >= 0 && limits->memory_bytes >= 0 && limits->log_bytes >= 0);
    FUZZ_NEED(!step->data || step->data[0] == '/');
}

static void check(const aire_env *env)
{
    const aire_env_metric_rule *metric = &env->metric;
    FUZZ_NEED(env->name && env->goal && env->rules && env->hints && strlen(env->hash) == 64);
    FUZZ_NEED(metric->name && metric->valid_min <= metric->valid_max);
    for (size_t i = 0; i < env->file_count; i++) {
        FUZZ_NEED(aire_file_role_name(env->files[i].role)[0] != '?');
        FUZZ_NEED(i == 0 || strcmp(env->files[i - 1].path, env->files[i].path) < 0);
        FUZZ_NEED(strcmp(env->files[i].path, "aire.json") != 0 ||
                  env->files[i].role != AIRE_FILE_EDITABLE);
    }
    for (int stage = AIRE_STAGE_BUILD; stage < AIRE_ENV_STAGES; stage++)
        check_step(&env->steps[stage]);
    for (size_t i = 0; i < env->output_count; i++)
        FUZZ_NEED(env->outputs[i].path[0] != '/' && env->outputs[i].max_bytes >= 0);
    for (size_t i = 0; i < env->mount_count; i++)
        FUZZ_NEED(env->mounts[i].source[0] == '/' && env->mounts[i].target[0] == '/');
    for (size_t i = 0; i < env->knob_count; i++)
        check_knob(env, &env->knobs[i]);
}

static void open_it(const uint8_t *data, size_t size, bool starved)
{
    aire_env *env = NULL, *again = NULL;
    aire_status status = fuzz_open(&env);
    if (status != AIRE_OK) {
        FUZZ_NEED(!env && *aire_error_message(aire_last_error()));
        FUZZ_NEED(starved || status == AIRE_FORMAT || status == AIRE_LIMIT ||
                  status == AIRE_NOT_FOUND);
        return;
    }
    check(env);
    if (fuzz_open(&again) == AIRE_OK)
        FUZZ_NEED(strcmp(aire_env_hash(env), aire_env_hash(again)) == 0);
    else
        FUZZ_NEED(starved);
    aire_env_unref(again);
    aire_env_unref(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_begins())
        fuzz_make_directory();
    fuzz_write("aire.json", data, size);
    fuzz_twice(data, size, open_it);
    return 0;
}
