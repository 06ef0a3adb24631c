/* Requests for ideas. */
#include "prompt/ideas.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "prompt/context.h"
#include "prompt/listing.h"
#include "prompt/number.h"
#include "prompt/request.h"

enum {
    PARENT_TEXT_MAX = 4000, /* bytes of a parent's text and of its changes */
    AVOID_TEXT_MAX = 400,
    DETAIL_MAX = 600,
    LOG_MAX = 6000,
    NOTES_MAX = 8000,
};

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

/* What a guarded evaluation prints may quote what it has hidden, and so may a model that it asks: a
 * print of its input would tell the next model what the text is. */
static bool is_secret(const aire_env *env, const aire_result *result)
{
    int32_t stage = aire_result_stage(result);
    return env->metric.trust == AIRE_TRUST_EVALUATED &&
           (stage == AIRE_STAGE_EVALUATE || stage == AIRE_STAGE_PREDICT);
}

/* The end of the log of a parent that is to be mended. */
static void list_log(aire_buf *buf, const aire_env *env, const aire_result *result, bool shown)
{
    const char *log = aire_result_log_tail(result);
    size_t length = strlen(log), from = length > LOG_MAX ? length - LOG_MAX : 0;
    if (aire_result_outcome(result) == AIRE_OUTCOME_OK || !length || is_secret(env, result))
        return;
    if (!shown) {
        aire__buf_puts(buf, "(Its log is left out because this request has no room for it.)\n");
        return;
    }
    while (from && ((unsigned char)log[from] & 0xc0) == 0x80)
        from++;
    aire__buf_puts(buf, "The end of its log:\n");
    aire__prompt_text(buf, log + from, LOG_MAX);
}

static void list_parent(aire_buf *buf, const aire_prompt_request *request, size_t index, bool logs)
{
    const aire_result *result = aire_plan_parent(request->plan, index);
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
    list_result(buf, request->env, result);
    if (aire_plan_kind(request->plan) == AIRE_PLAN_REPAIR)
        list_log(buf, request->env, result, logs);
}

static aire_status list_parents(aire_listing *list, const aire_prompt_request *request, bool logs)
{
    aire_status status = AIRE_OK;
    size_t count = aire_plan_parent_count(request->plan);
    aire__buf_clear(&list->items);
    list->count = list->shown = 0;
    for (size_t i = 0; status == AIRE_OK && i < count; i++) {
        list_parent(&list->items, request, i, logs);
        aire__buf_puts(&list->items, "\n");
        status = aire__listing_close_item(list);
    }
    return status;
}

static aire_status list_avoid(aire_listing *list, const aire_plan *plan)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < aire_plan_avoid_count(plan); i++) {
        const aire_idea *idea = aire_plan_avoid(plan, i);
        list_idea_name(&list->items, idea);
        aire__prompt_text(&list->items, aire_idea_text(idea), AVOID_TEXT_MAX);
        aire__buf_puts(&list->items, "\n");
        status = aire__listing_close_item(list);
    }
    return status;
}

/* A request while it is put together. */
typedef struct parts {
    aire_buf problem, code, parents_text, avoid_text, notes, form;
    aire_listing parents, avoid;
    size_t fixed;     /* bytes of all but the code and the lists */
    size_t files_out; /* files that are only named */
    bool without_logs;
    const char *knobs; /* borrowed */
    char ideas[32];
} parts;

static void open_parts(parts *p, aire_ctx *ctx)
{
    aire_buf *bufs[] = {&p->problem,    &p->code,  &p->parents_text,
                        &p->avoid_text, &p->notes, &p->form};
    *p = (parts){0};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        aire__buf_init(bufs[i], ctx, SIZE_MAX / 4);
    aire__listing_init(&p->parents, ctx, "Ideas that were tried, with their results");
    aire__listing_init(&p->avoid, ctx, "Ideas that are taken: do not propose them again");
}

static void close_parts(parts *p)
{
    aire_buf *bufs[] = {&p->problem,    &p->code,  &p->parents_text,
                        &p->avoid_text, &p->notes, &p->form};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        aire__buf_free(bufs[i]);
    aire__listing_free(&p->parents);
    aire__listing_free(&p->avoid);
}

static void write_form(parts *p, const aire_prompt_texts *texts, int32_t count)
{
    snprintf(p->ideas, sizeof p->ideas, "%d %s%s", (int)count, texts->what, count == 1 ? "" : "s");
    if (texts->form)
        aire__buf_puts(&p->form, texts->form);
    else
        aire__buf_printf(
            &p->form,
            "Write %s like this, with the three tags as they stand here, and nothing else "
            "around %s:\n\n"
            "[Experiment]\n" AIRE_PROMPT_TITLE_SLOT "\n"
            "<what to try, and why it should work, in a few sentences>\n"
            "Kind: <algorithmic, or hyper-parameter if nothing but constants changes>\n"
            "[Code Changes]\n"
            "<which files and functions change, and how, exact enough to be coded without "
            "asking back>\n"
            "[End]\n",
            count == 1 ? "it" : "each of them", count == 1 ? "it" : "them");
}

static void fill(const parts *p, const char *text, aire_buf *out)
{
    const char *const fields[AIRE_FIELD_COUNT] = {
        [AIRE_FIELD_PROBLEM] = p->problem.data,
        [AIRE_FIELD_CODE] = p->code.data,
        [AIRE_FIELD_PARENTS] = p->parents_text.data,
        [AIRE_FIELD_AVOID] = p->avoid_text.data,
        [AIRE_FIELD_NOTES] = p->notes.data,
        [AIRE_FIELD_IDEAS] = p->ideas,
        [AIRE_FIELD_FORM] = p->form.data,
        [AIRE_FIELD_KNOBS] = p->knobs,
    };
    aire__template_fill(out, text, fields);
}

/* Bytes of what is not trimmed. */
static aire_status measure(parts *p, const char *text)
{
    aire_buf buf;
    aire__buf_init(&buf, p->form.ctx, SIZE_MAX / 4);
    fill(p, text, &buf);
    aire_status status = aire__buf_status(&buf);
    p->fixed = buf.length;
    aire__buf_free(&buf);
    return status;
}

static size_t room_for(const parts *p, size_t max, size_t others)
{
    size_t taken = p->fixed + others;
    return taken < max ? max - taken : 0;
}

static size_t lists_size(const parts *p)
{
    return aire__listing_size(&p->parents) + aire__listing_size(&p->avoid);
}

/* The code in `room` bytes. */
static aire_status write_code(parts *p, const aire_env *env, size_t room)
{
    aire__buf_clear(&p->code);
    p->files_out = aire__prompt_code(&p->code, env, room);
    return aire__buf_status(&p->code);
}

static bool fits(const parts *p, size_t max)
{
    return p->fixed + lists_size(p) + p->code.length <= max;
}

/* Leave out what is declared to go first, until the rest fits. */
static aire_status trim(parts *p, const aire_prompt_request *request, bool code)
{
    size_t max = request->max, third = room_for(p, max, 0) / 3;
    aire_status status = AIRE_OK;
    p->without_logs = aire_plan_kind(request->plan) == AIRE_PLAN_REPAIR;
    if (p->without_logs)
        status = list_parents(&p->parents, request, false);
    if (status == AIRE_OK && !fits(p, max))
        aire__listing_trim(&p->avoid,
                           room_for(p, max, p->code.length + aire__listing_size(&p->parents)));
    if (status == AIRE_OK && !fits(p, max)) {
        size_t room = room_for(p, max, p->code.length + aire__listing_size(&p->avoid));
        aire__listing_trim(&p->parents, code && room < third ? third : room);
    }
    if (status == AIRE_OK && code && !fits(p, max))
        status = write_code(p, request->env, room_for(p, max, lists_size(p)));
    if (status == AIRE_OK && !fits(p, max))
        aire__listing_trim(&p->parents,
                           room_for(p, max, p->code.length + aire__listing_size(&p->avoid)));
    return status;
}

static void report(const parts *p, const aire_prompt_request *request, aire_ctx *ctx)
{
    const aire_listing *parents = &p->parents, *avoid = &p->avoid;
    if (!p->without_logs && !p->files_out && parents->shown == parents->count &&
        avoid->shown == avoid->count)
        return;
    aire__logf(ctx, AIRE_LOG_WARNING, "prompt",
               "plan %lld: %zu bytes are too few for the request; left out: %zu of %zu parents%s, "
               "%zu of %zu ideas to avoid, %zu files",
               (long long)aire_plan_id(request->plan), request->max,
               parents->count - parents->shown, parents->count,
               p->without_logs ? " and the logs of all" : "", avoid->count - avoid->shown,
               avoid->count, p->files_out);
}

/* Fill the parts in, as far as they fit. */
static aire_status gather(parts *p, const aire_prompt_request *request, const char *text,
                          const aire_prompt_texts *texts)
{
    aire__prompt_problem(&p->problem, request->env);
    p->knobs = texts->knobs;
    write_form(p, texts, aire_plan_count(request->plan));
    if (request->notes && request->notes[0]) {
        aire__buf_puts(&p->notes, "## Notes on what was learnt so far\n");
        aire__prompt_text(&p->notes, request->notes, NOTES_MAX);
        aire__buf_puts(&p->notes, "\n");
    }
    aire_status status = measure(p, text);
    if (status == AIRE_OK && texts->shows_code)
        status = write_code(p, request->env, SIZE_MAX / 4);
    if (status == AIRE_OK)
        status = list_parents(&p->parents, request, true);
    if (status == AIRE_OK && texts->lists_avoid)
        status = list_avoid(&p->avoid, request->plan);
    if (status == AIRE_OK && !fits(p, request->max))
        status = trim(p, request, texts->shows_code);
    aire__listing_print(&p->parents, &p->parents_text);
    aire__listing_print(&p->avoid, &p->avoid_text);
    return status;
}

aire_status aire__prompt_make(aire_ctx *ctx, const aire_prompt_request *request, int32_t which,
                              const aire_prompt_texts *texts, char **out)
{
    const char *text = aire__template_text(request->templates, which);
    parts p;
    aire_buf buf;
    aire__buf_init(&buf, ctx, request->max);
    open_parts(&p, ctx);
    aire_status status = gather(&p, request, text, texts);
    if (status == AIRE_OK) {
        fill(&p, text, &buf);
        status = aire__buf_take(&buf, out, NULL);
    }
    if (status == AIRE_OK)
        report(&p, request, ctx);
    aire__buf_free(&buf);
    close_parts(&p);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request '%s' in environment '%s'",
                                                    aire__template_name(which), request->env->name)
                                : status;
}

aire_status aire__prompt_ideas(aire_ctx *ctx, const aire_prompt_request *request, char **out)
{
    static const aire_prompt_texts texts = {
        .what = "idea", .shows_code = true, .lists_avoid = true};
    return aire__prompt_make(ctx, request, aire_plan_kind(request->plan), &texts, out);
}

aire_status aire__prompt_notes(aire_ctx *ctx, const aire_prompt_request *request, char **out)
{
    static const aire_prompt_texts texts = {.what = "idea"};
    return aire__prompt_make(ctx, request, AIRE_TEMPLATE_NOTES, &texts, out);
}
