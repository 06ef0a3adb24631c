/* The manifest's metric: what is measured, by whom, and what it is worth. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "env/manifest.h"

static aire_status read_range(const aire_node *node, aire_env_metric_rule *rule)
{
    const json_t *range;
    aire_status status = aire__node_array(node, "valid", false, 2, &range);
    rule->valid_min = -INFINITY;
    rule->valid_max = INFINITY;
    if (status != AIRE_OK || !range)
        return status;
    const json_t *low = json_array_get(range, 0), *high = json_array_get(range, 1);
    if (!json_is_number(low) || !json_is_number(high) ||
        json_number_value(low) > json_number_value(high))
        return aire__node_fail(node, "valid", range, "two numbers, the smaller one first");
    rule->valid_min = json_number_value(low);
    rule->valid_max = json_number_value(high);
    return AIRE_OK;
}

/* A larger reward has to mean a better metric. */
static aire_status check_values(const aire_node *node, const aire_env_metric_rule *rule)
{
    if (rule->minimize == (rule->transform == AIRE_REWARD_IDENTITY))
        return aire__node_fail(node, "reward", json_object_get(node->json, "reward"),
                               rule->minimize
                                   ? "\"negate\" or \"inverse\", as the metric is to be minimized"
                                   : "\"identity\", as the metric is to be maximized");
    if (rule->transform == AIRE_REWARD_INVERSE && !(rule->valid_min > 0))
        return aire__node_complain(node, "valid",
                                   "\"inverse\" needs a valid range above 0, such as [0.1, 10]");
    if (rule->has_target && (rule->target < rule->valid_min || rule->target > rule->valid_max))
        return aire__node_fail(node, "target", json_object_get(node->json, "target"),
                               "a number in the valid range");
    return AIRE_OK;
}

static aire_status check_trust(const aire_env *env, const aire_node *node, int stage)
{
    bool evaluates = env->steps[AIRE_STAGE_EVALUATE].present;
    const aire_env_metric_rule *rule = &env->metric;
    if (rule->trust == AIRE_TRUST_EVALUATED && (!evaluates || stage != AIRE_STAGE_EVALUATE))
        return aire__node_complain(
            node, "trust",
            "\"evaluated\" needs \"stage\": \"evaluate\" and an \"evaluate\" command");
    bool beside = env->steps[AIRE_STAGE_EVALUATE].with_variant;
    if (rule->trust == AIRE_TRUST_SELF_REPORTED && evaluates && !beside)
        return aire__node_complain(node, "trust",
                                   "\"self_reported\" and an \"evaluate\" command exclude each "
                                   "other: what is evaluated need not be believed");
    if (rule->trust == AIRE_TRUST_SELF_REPORTED &&
        stage != (evaluates ? AIRE_STAGE_EVALUATE : AIRE_STAGE_RUN))
        return aire__node_complain(
            node, "trust",
            "\"self_reported\" needs \"stage\": \"run\", where it is read from what the run "
            "writes, or \"evaluate\" if that has the variant's files");
    if (evaluates && rule->trust == AIRE_TRUST_SELF_REPORTED && rule->pattern)
        return aire__node_complain(node, "pattern", "the evaluation's report has the metric");
    if (rule->trust == AIRE_TRUST_EVALUATED && rule->pattern)
        return aire__node_complain(node, "pattern",
                                   "only a self_reported metric is read from a log");
    if (rule->pattern && !strcmp(rule->pattern, "^"))
        return aire__node_fail(node, "pattern", json_object_get(node->json, "pattern"),
                               "text that stands before the number");
    return AIRE_OK;
}

aire_status aire__manifest_read_metric(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"name",  "direction", "stage",  "trust",   "reduce",
                                        "valid", "target",    "reward", "pattern", NULL};
    static const aire_word directions[] = {{"minimize", true}, {"maximize", false}, {NULL, 0}};
    static const aire_word stages[] = {
        {"run", AIRE_STAGE_RUN}, {"evaluate", AIRE_STAGE_EVALUATE}, {NULL, 0}};
    static const aire_word trusts[] = {{"evaluated", AIRE_TRUST_EVALUATED},
                                       {"self_reported", AIRE_TRUST_SELF_REPORTED},
                                       {NULL, 0}};
    static const aire_word reduces[] = {
        {"last", AIRE_REDUCE_LAST}, {"min", AIRE_REDUCE_MIN}, {"max", AIRE_REDUCE_MAX}, {NULL, 0}};
    static const aire_word rewards[] = {{"identity", AIRE_REWARD_IDENTITY},
                                        {"negate", AIRE_REWARD_NEGATE},
                                        {"inverse", AIRE_REWARD_INVERSE},
                                        {NULL, 0}};
    aire_env_metric_rule *rule = &env->metric;
    aire_node node;
    bool present;
    int direction = 0, stage = 0, trust = 0, reduce = AIRE_REDUCE_LAST, transform = 0;
    aire_status status = aire__node_object(top, "metric", true, &node, &present);
    if (status == AIRE_OK)
        status = aire__node_known(&node, known);
    if (status == AIRE_OK)
        status = aire__node_text(&node, "name", true, &rule->name);
    if (status == AIRE_OK)
        status = aire__node_word(&node, "direction", true, directions, &direction);
    if (status == AIRE_OK)
        status = aire__node_word(&node, "stage", true, stages, &stage);
    if (status == AIRE_OK)
        status = aire__node_word(&node, "trust", true, trusts, &trust);
    if (status == AIRE_OK)
        status = aire__node_word(&node, "reduce", false, reduces, &reduce);
    transform = direction ? AIRE_REWARD_NEGATE : AIRE_REWARD_IDENTITY;
    if (status == AIRE_OK)
        status = aire__node_word(&node, "reward", false, rewards, &transform);
    if (status == AIRE_OK)
        status = aire__node_text(&node, "pattern", false, &rule->pattern);
    if (status == AIRE_OK)
        status = aire__node_number(&node, "target", &rule->target);
    if (status == AIRE_OK)
        status = read_range(&node, rule);
    if (status != AIRE_OK)
        return status;
    rule->minimize = direction;
    rule->trust = trust;
    rule->reduce = (aire_env_reduce)reduce;
    rule->transform = (aire_env_transform)transform;
    rule->has_target = json_object_get(node.json, "target") != NULL;
    status = check_values(&node, rule);
    return status == AIRE_OK ? check_trust(env, &node, stage) : status;
}
