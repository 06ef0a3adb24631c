#include "executor/plausible.h"

#include <stdio.h>

static double mean_metric(aire_measures m)
{
    double sum = 0;
    for (size_t i = 0; i < m.count; i++)
        sum += m.items[i].metric / (double)m.count;
    return sum;
}

double aire__plausible_median_cpu(aire_measures m)
{
    for (size_t i = 0; i < m.count; i++) {
        size_t below = 0, same = 0;
        for (size_t k = 0; k < m.count; k++) {
            below += m.items[k].cpu_s < m.items[i].cpu_s;
            same += m.items[k].cpu_s == m.items[i].cpu_s;
        }
        if (below <= (m.count - 1) / 2 && below + same > (m.count - 1) / 2)
            return m.items[i].cpu_s;
    }
    return 0;
}

static double gain_of(const aire_env *env, const aire_measured *it, aire_measures baselines)
{
    double gain = it->metric - mean_metric(baselines);
    return env->metric.minimize ? -gain : gain;
}

/* The least processor time that is plausible; 0 without a rule. */
static double least_cpu(const aire_env *env, aire_measures baselines)
{
    double least = env->plausible.min_cpu_s;
    double share = env->plausible.min_cpu_share * aire__plausible_median_cpu(baselines);
    return share > least ? share : least;
}

static bool judge_speed(const aire_env *env, const aire_measured *it, aire_measures baselines,
                        aire_suspicion *out)
{
    double least = least_cpu(env, baselines);
    if (it->cpu_s >= least)
        return false;
    out->cause = AIRE_CAUSE_TOO_FAST;
    snprintf(out->text, sizeof out->text,
             "the run used %.3g s of processor time, and less than %.3g s is not plausible",
             it->cpu_s, least);
    return true;
}

static bool judge_seeds(const aire_env *env, const aire_measured *it, aire_measures others,
                        const char *whose, aire_suspicion *out)
{
    for (size_t i = 0; i < others.count && env->plausible.seeds_differ; i++) {
        const aire_measured *other = &others.items[i];
        if (other->seed == it->seed || other->metric != it->metric)
            continue;
        out->cause = AIRE_CAUSE_SAME_ON_SEEDS;
        snprintf(out->text, sizeof out->text,
                 "%.100s is %.9g on seed %llu, and exactly the same %son seed %llu",
                 env->metric.name, it->metric, (unsigned long long)it->seed, whose,
                 (unsigned long long)other->seed);
        return true;
    }
    return false;
}

static bool judge_gain(const aire_env *env, const aire_measured *it, aire_measures baselines,
                       aire_suspicion *out)
{
    if (env->plausible.max_gain <= 0 || baselines.count == 0 ||
        gain_of(env, it, baselines) <= env->plausible.max_gain)
        return false;
    out->cause = AIRE_CAUSE_TOO_GOOD;
    snprintf(out->text, sizeof out->text,
             "%.100s = %.6g is better than the baseline's mean, %.6g, by more than %g",
             env->metric.name, it->metric, mean_metric(baselines), env->plausible.max_gain);
    return true;
}

void aire__plausible_judge(const aire_env *env, const aire_measured *it, aire_measures baselines,
                           aire_measures others, aire_suspicion *out)
{
    *out = (aire_suspicion){.cause = AIRE_CAUSE_NONE};
    if (judge_speed(env, it, baselines, out) || judge_seeds(env, it, others, "", out) ||
        judge_seeds(env, it, baselines, "for the baseline ", out))
        return;
    judge_gain(env, it, baselines, out);
}

bool aire__plausible_clears(const aire_env *env, const aire_measured *it,
                            const aire_measured *again, aire_measures baselines,
                            aire_suspicion *out)
{
    aire_suspicion left = {.cause = AIRE_CAUSE_NONE};
    const aire_measures first = {it, 1};
    bool impossible =
        judge_seeds(env, again, first, "", &left) || judge_speed(env, again, baselines, &left);
    if (!impossible && out->cause == AIRE_CAUSE_TOO_GOOD &&
        gain_of(env, again, baselines) < gain_of(env, it, baselines) / 2) {
        left.cause = AIRE_CAUSE_TOO_GOOD;
        snprintf(
            left.text, sizeof left.text,
            "%.100s is %.6g on seed %llu, but %.6g on seed %llu: less than half of the gain is "
            "left",
            env->metric.name, it->metric, (unsigned long long)it->seed, again->metric,
            (unsigned long long)again->seed);
    }
    if (left.cause != AIRE_CAUSE_NONE)
        *out = left;
    return left.cause == AIRE_CAUSE_NONE;
}
