/* Requests for ideas. */
#include "prompt/ideas.h"

#include <string.h>

#include "base/fail.h"
#include "prompt/context.h"
#include "prompt/number.h"

enum {
    PARENT_TEXT_MAX = 4000, /* bytes of a parent's text and of its changes */
    AVOID_TEXT_MAX = 400,
    DETAIL_MAX = 600,
    CLOSING_MAX = 3000, /* bytes that the task and the form of an answer take at most */
};

/* What each kind of plan asks for, in the order of AIRE_PLAN_*. */
static const char *const tasks[] = {
    [AIRE_PLAN_FRESH] = "Start from the code as it is above.",
    [AIRE_PLAN_EXPLOIT] =
        "Build on the ideas listed above, which all did better than the unchanged code. Join what "
        "works in several of them, sharpen one, or carry its principle further. An idea must not "
        "repeat one of them. Say which ideas it builds on by their numbers (\"builds on idea 7\").",
    [AIRE_PLAN_EXPLORE] =
        "Look where nobody has looked yet. The list above shows what was tried, with the failures; "
        "learn from it what the problem rewards and where it breaks, and propose directions that "
        "none of those ideas took.",
    [AIRE_PLAN_CROSSOVER] =
        "Merge the ideas listed above: each of your ideas unites the strengths of at least two of "
        "them in one consistent change. Say which ones by their numbers.",
    [AIRE_PLAN_REPAIR] =
        "The ideas listed above failed. Work out why from what is told about each, and propose "
        "versions that keep the intention and avoid the failure.",
};

static const char closing[] =
    "Each idea must\n"
    "- be one change of method with a reason why it should raise the reward within the budget;\n"
    "- be complete in itself: whoever implements it sees the code and this idea, nothing else;\n"
    "- touch editable files only, leave measurement and evaluation alone, and need no package, "
    "file or download that is not there;\n"
    "- differ in substance from the other ideas, not just in a number.\n"
    "Prefer changes of the algorithm over tuned constants, and small ones that surely run over "
    "large ones that may not.\n\n"
    "## Form of the answer\n";

static void list_result(aire_buf *buf, const aire_env *env, const aire_result *result)
{
    double reward;
    char text[AIRE_NUMBER_MAX];
    if (aire_result_reward(result, &reward) == AIRE_OK) {
        aire__number_text(reward, 6, text);
        aire__buf_printf(buf, "Result: reward %s", text);
        for (size_t i = 0; i < aire_result_metric_count(result); i++) {
            const aire_metric *metric = aire_result_metric(result, i);
            aire__number_text(metric->value, 6, text);
            if (strcmp(metric->name, env->metric.name) == 0)
                aire__buf_printf(buf, " (%s %s)", metric->name, text);
        }
        aire__buf_puts(buf, "\n");
        return;
    }
    aire__buf_printf(buf, "Result: failed to %s: %s, %s\n",
                     aire_result_stage(result) <= AIRE_STAGE_IMPLEMENT ? "implement" : "execute",
                     aire_outcome_name(aire_result_outcome(result)),
                     aire_cause_name(aire_result_cause(result)));
    aire__prompt_text(buf, aire_result_detail(result), DETAIL_MAX);
}

static void list_idea_name(aire_buf *buf, const aire_idea *idea)
{
    if (aire_idea_id(idea))
        aire__buf_printf(buf, "### Idea %lld: %s\n", (long long)aire_idea_id(idea),
                         aire_idea_title(idea));
    else
        aire__buf_printf(buf, "### %s\n", aire_idea_title(idea));
}

static void list_parent(aire_buf *buf, const aire_env *env, const aire_plan *plan, size_t index)
{
    const aire_result *result = aire_plan_parent(plan, index);
    const aire_idea *idea = aire_result_idea(result);
    if (idea) {
        list_idea_name(buf, idea);
        aire__prompt_text(buf, aire_idea_text(idea), PARENT_TEXT_MAX);
        if (aire_idea_changes(idea)[0]) {
            aire__buf_puts(buf, "Changes: ");
            aire__prompt_text(buf, aire_idea_changes(idea), PARENT_TEXT_MAX);
        }
    } else
        aire__buf_puts(buf, "### The unchanged code\n");
    list_result(buf, env, result);
}

static void list_avoid(aire_buf *buf, const aire_env *env, const aire_plan *plan, size_t index)
{
    const aire_idea *idea = aire_plan_avoid(plan, index);
    list_idea_name(buf, idea);
    aire__prompt_text(buf, aire_idea_text(idea), AVOID_TEXT_MAX);
}

/*
 * List items while they fit below `limit` bytes of `buf`, and say how many are not there. Items are
 * written aside first, as their size is not known before.
 */
static aire_status list(aire_buf *buf, size_t limit, const char *heading, size_t count,
                        void (*item)(aire_buf *, const aire_env *, const aire_plan *, size_t),
                        const aire_env *env, const aire_plan *plan)
{
    aire_buf one;
    size_t shown = 0;
    aire_status status = AIRE_OK;
    if (count == 0)
        return AIRE_OK;
    aire__buf_init(&one, buf->ctx, limit);
    aire__buf_printf(buf, "## %s\n", heading);
    for (; shown < count && status == AIRE_OK; shown++) {
        aire__buf_clear(&one);
        item(&one, env, plan, shown);
        aire__buf_puts(&one, "\n");
        if (one.status == AIRE_NOMEM)
            status = aire__fail_nomem();
        else if (one.status != AIRE_OK || buf->length + one.length > limit)
            break;
        else
            aire__buf_append(buf, one.data, one.length);
    }
    aire__buf_free(&one);
    if (status == AIRE_OK && shown < count) {
        aire__buf_printf(buf,
                         "(%zu more are left out because this request has no room for them)\n\n",
                         count - shown);
        aire__logf(buf->ctx, AIRE_LOG_WARNING, "prompt",
                   "plan %lld: %zu of %zu ideas did not fit into the request",
                   (long long)aire_plan_id(plan), count - shown, count);
    }
    return status;
}

static void task(aire_buf *buf, const aire_plan *plan)
{
    int32_t count = aire_plan_count(plan);
    aire__buf_printf(buf, "## Task\nPropose exactly %d idea%s. %s\n", (int)count,
                     count == 1 ? "" : "s", tasks[aire_plan_kind(plan)]);
    aire__buf_puts(buf, closing);
    aire__buf_printf(buf,
                     "Write %s like this, with the three tags as they stand here, and nothing else "
                     "around %s:\n\n"
                     "[Experiment]\n" AIRE_PROMPT_TITLE_SLOT "\n"
                     "<what to try, and why it should work, in a few sentences>\n"
                     "[Code Changes]\n"
                     "<which files and functions change, and how, exact enough to be coded without "
                     "asking back>\n"
                     "[End]\n",
                     count == 1 ? "it" : "each of them", count == 1 ? "it" : "them");
}

aire_status aire__prompt_ideas(aire_ctx *ctx, const aire_env *env, const aire_plan *plan,
                               size_t max, char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, max);
    aire__buf_puts(&buf, "You are a researcher who looks for changes to a program that make it "
                         "better by a measured reward.\n\n");
    aire__prompt_problem(&buf, env);
    size_t limit = max > CLOSING_MAX ? max - CLOSING_MAX : 0;
    size_t room = limit > buf.length ? limit - buf.length : 0;
    bool lists = aire_plan_parent_count(plan) + aire_plan_avoid_count(plan) > 0;
    /* A third is kept for what was tried; it is used up in any case by what comes last. */
    aire__prompt_code(&buf, env, lists ? room - room / 3 : room);
    aire_status status = list(&buf, limit, "Ideas that were tried, with their results",
                              aire_plan_parent_count(plan), list_parent, env, plan);
    if (status == AIRE_OK)
        status = list(&buf, limit, "Ideas that are taken: do not propose them again",
                      aire_plan_avoid_count(plan), list_avoid, env, plan);
    if (status != AIRE_OK) {
        aire__buf_free(&buf);
        return status;
    }
    task(&buf, plan);
    status = aire__buf_take(&buf, out, NULL);
    return status == AIRE_LIMIT
               ? aire__fail_prefix(status, "the request for ideas in environment '%s'", env->name)
               : status;
}
