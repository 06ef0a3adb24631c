/* The manifest's plausible: what makes a result suspect. */
#include <math.h>

#include "env/manifest.h"

static aire_status read_positive(const aire_node *node, const char *key, double most, double *out)
{
    aire_status status = aire__node_number(node, key, out);
    if (status == AIRE_OK && json_object_get(node->json, key) && !(*out > 0 && *out <= most))
        return isfinite(most) ? aire__node_fail(node, key, json_object_get(node->json, key),
                                                "a number above 0, at most %g", most)
                              : aire__node_fail(node, key, json_object_get(node->json, key),
                                                "a number above 0");
    return status;
}

aire_status aire__manifest_read_plausible(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"min_cpu_s", "min_cpu_share", "max_gain", "seeds_differ",
                                        NULL};
    aire_env_plausible *rule = &env->plausible;
    aire_node node;
    bool present;
    aire_status status = aire__node_object(top, "plausible", false, &node, &present);
    if (status != AIRE_OK || !present)
        return status;
    status = aire__node_known(&node, known);
    if (status == AIRE_OK)
        status = read_positive(&node, "min_cpu_s", INFINITY, &rule->min_cpu_s);
    if (status == AIRE_OK)
        status = read_positive(&node, "min_cpu_share", 1, &rule->min_cpu_share);
    if (status == AIRE_OK)
        status = read_positive(&node, "max_gain", INFINITY, &rule->max_gain);
    return status == AIRE_OK ? aire__node_bool(&node, "seeds_differ", &rule->seeds_differ) : status;
}
