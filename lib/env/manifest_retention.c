/* The manifest's retention: of which runs the files are kept, and how much of them. */
#include <string.h>

#include "base/fail.h"
#include "env/manifest.h"

enum { KEPT_RUNS_MAX = 10000, DEFAULT_MB = 10240 };

static const struct {
    const char *word;
    uint32_t part;
} parts[] = {
    {"variant", AIRE_KEEP_VARIANT}, {"logs", AIRE_KEEP_LOGS}, {"outputs", AIRE_KEEP_OUTPUTS}};

enum { PARTS = sizeof parts / sizeof *parts };

static uint32_t part_of(const char *word)
{
    for (size_t i = 0; word && i < PARTS; i++)
        if (!strcmp(parts[i].word, word))
            return parts[i].part;
    return 0;
}

static aire_status read_keep(const aire_node *node, uint32_t *keep)
{
    const json_t *array;
    aire_status status = aire__node_array(node, "keep", false, PARTS, &array);
    if (status != AIRE_OK || !array)
        return status;
    if (json_array_size(array) == 0)
        return aire__node_complain(node, "keep",
                                   "found an empty array; to keep nothing leave retention out");
    *keep = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        uint32_t part = part_of(json_string_value(item));
        if (!part)
            return aire__node_fail(node, "keep", item, "\"variant\", \"logs\" or \"outputs\"");
        if (*keep & part)
            return aire__node_complain(node, "keep", "found \"%s\" twice", json_string_value(item));
        *keep |= part;
    }
    return AIRE_OK;
}

aire_status aire__manifest_read_retention(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"best", "failed", "keep", "max_mb", NULL};
    aire_env_retention *rule = &env->retention;
    int64_t best = 0, failed = 0, megabytes = DEFAULT_MB;
    aire_node node;
    rule->keep = AIRE_KEEP_VARIANT | AIRE_KEEP_LOGS | AIRE_KEEP_OUTPUTS;
    aire_status status = aire__node_object(top, "retention", false, &node, &rule->present);
    if (status != AIRE_OK || !rule->present)
        return status;
    status = aire__node_known(&node, known);
    if (status == AIRE_OK)
        status = aire__node_int(&node, "best", 0, KEPT_RUNS_MAX, &best);
    if (status == AIRE_OK)
        status = aire__node_int(&node, "failed", 0, KEPT_RUNS_MAX, &failed);
    if (status == AIRE_OK)
        status = aire__node_int(&node, "max_mb", 1, (int64_t)1 << 26, &megabytes);
    rule->best = (int32_t)best;
    rule->failed = (int32_t)failed;
    rule->max_bytes = megabytes << 20;
    return status == AIRE_OK ? read_keep(&node, &rule->keep) : status;
}
