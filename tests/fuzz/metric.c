/*
 * What programs that are not trusted write: the evaluation's report, a run's log, and its stream.
 * The input's first byte says which: 'r', 'l' or 's'.
 */
#include <math.h>

#include "aire/error.h"
#include "env/env.h"
#include "fuzz/directory.h"

/* One for each kind: evaluated; self-reported by the log; self-reported by the stream. */
static aire_env *envs[3];

static void begin(void)
{
    static const char *const metrics[] = {
        "\"name\": \"loss\", \"direction\": \"minimize\", \"stage\": \"evaluate\", "
        "\"trust\": \"evaluated\", \"valid\": [0.5, 8], \"reward\": \"inverse\"",
        "\"name\": \"loss\", \"direction\": \"minimize\", \"stage\": \"run\", "
        "\"trust\": \"self_reported\", \"pattern\": \"^loss:\", \"reduce\": \"min\"",
        "\"name\": \"loss\", \"direction\": \"maximize\", \"stage\": \"run\", "
        "\"trust\": \"self_reported\", \"reduce\": \"last\"",
    };
    fuzz_make_directory();
    for (size_t i = 0; i < 3; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"aire\": 1, \"name\": \"x\", \"goal\": \"g\", \"files\": {\"editable\": "
                 "[\"model.c\"], \"ignore\": [\"data/**\"]}, \"run\": {\"command\": \"true\"}, %s "
                 "\"stream\": {\"metric\": \"loss\"}, \"metric\": {%s}}",
                 i == 0 ? "\"evaluate\": {\"command\": \"true\"}," : "", metrics[i]);
        fuzz_write("aire.json", text, strlen(text));
        if (fuzz_open(&envs[i]) != AIRE_OK) {
            fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
            abort();
        }
    }
}

static void check(const aire_env *env, const aire_env_verdict *v)
{
    FUZZ_NEED(v->detail);
    FUZZ_NEED(v->outcome == AIRE_OUTCOME_OK || v->outcome == AIRE_OUTCOME_NO_METRIC ||
              v->outcome == AIRE_OUTCOME_VIOLATION);
    FUZZ_NEED((v->outcome == AIRE_OUTCOME_OK) == (v->cause == AIRE_CAUSE_NONE));
    FUZZ_NEED(v->outcome == AIRE_OUTCOME_OK || *v->detail);
    FUZZ_NEED(v->outcome != AIRE_OUTCOME_OK || isfinite(v->reward));
    bool found = false;
    for (size_t i = 0; i < v->metric_count; i++) {
        FUZZ_NEED(*v->metrics[i].name && isfinite(v->metrics[i].value));
        found = found || strcmp(v->metrics[i].name, env->metric.name) == 0;
    }
    FUZZ_NEED(v->outcome != AIRE_OUTCOME_OK || found);
}

static void judge(const uint8_t *data, size_t size, bool starved)
{
    const char *text = (const char *)data + 1;
    size_t length = size - 1, kind = data[0] == 'r' ? 0 : data[0] == 'l' ? 1 : 2;
    const aire_env *env = envs[kind];
    aire_env_verdict verdict;
    aire_status status = kind == 0   ? aire__env_judge_report(env, text, length, &verdict)
                         : kind == 1 ? aire__env_judge_log(env, text, length, "", 0, &verdict)
                                     : aire__env_judge_log(env, "", 0, text, length, &verdict);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
    if (status == AIRE_OK) {
        check(env, &verdict);
        aire__env_verdict_free(env, &verdict);
    }
    double step = 0, value;
    if (kind == 2 && aire__env_stream_line(env, text, length, &step, &value))
        FUZZ_NEED(isfinite(step) && !isinf(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_begins())
        begin();
    if (size > 0)
        fuzz_twice(data, size, judge);
    return 0;
}
