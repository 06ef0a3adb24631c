/* The ideator that lets a model choose among the knobs of the manifest, by a JSON schema. */
#include <math.h>
#include <string.h>

#include "aire/ideator.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "ideator/context_room.h"
#include "ideator/knob_idea.h"
#include "ideator/knob_trials.h"
#include "ideator/mentions.h"
#include "ideator/setting_json.h"
#include "prompt/settings.h"

enum { MAX_TOKENS = 2048 };
#define REASONING_MAX ((size_t)1 << 20) /* as long as a string of an idea may be */

typedef struct schema {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_env *env;
    aire_model *model;
    aire_templates *templates;
    aire_ideator_schema_options options;
    size_t max_bytes; /* of a request */
} schema;

/* One call of propose. */
typedef struct choosing {
    const schema *s;
    aire_plan *plan;
    aire_trials trials;
    aire_idea **ideas; /* made so far */
    size_t count;
    size_t known;   /* settings that were dropped, as they turn nothing or were tried */
    size_t surplus; /* beyond what the plan wants */
} choosing;

aire_status aire_ideator_schema_options_init(aire_ideator_schema_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_schema_options");
}

static aire_status ask(const schema *s, const aire_plan *plan, const char *text,
                       const char *json_schema, aire_cancel *cancel, aire_answer **out)
{
    aire_rng rng;
    aire__rng_init(&rng, s->options.seed, "ideator.schema", (uint64_t)aire_plan_id(plan));
    aire_message message = {"user", text};
    aire_request request = {
        .struct_size = sizeof request,
        .max_tokens = s->options.max_tokens,
        .messages = &message,
        .message_count = 1,
        .temperature = s->options.temperature,
        .seed = aire__rng_next(&rng) | 1, /* 0 would be none */
        .purpose = "ideas",
        .plan_id = aire_plan_id(plan),
        .schema = json_schema,
    };
    return aire_model_complete(s->model, &request, cancel, out);
}

static aire_status ask_for_settings(const schema *s, const aire_plan *plan, aire_cancel *cancel,
                                    aire_answer **out)
{
    char *text = NULL, *json_schema = NULL;
    const aire_prompt_request wanted = {
        .env = s->env, .plan = plan, .templates = s->templates, .max = s->max_bytes};
    aire_status status = aire__prompt_settings(s->ctx, &wanted, &text);
    if (status == AIRE_OK)
        status = aire__prompt_settings_schema(s->ctx, s->env, aire_plan_count(plan), &json_schema);
    if (status == AIRE_OK)
        status = ask(s, plan, text, json_schema, cancel, out);
    aire_free(s->ctx, text);
    aire_free(s->ctx, json_schema);
    return status;
}

/* The model's thinking, and what was wrong with its values. */
static aire_status write_reasoning(const choosing *c, const char *thinking, const aire_buf *wrong,
                                   aire_buf *out)
{
    size_t room = REASONING_MAX - wrong->length;
    aire__buf_append(out, thinking, aire__utf8_cut(thinking, strlen(thinking), room - 1));
    if (wrong->length && out->length)
        aire__buf_puts(out, "\n");
    if (wrong->length) {
        aire__buf_append(out, wrong->data, wrong->length);
        aire__logf(c->s->ctx, AIRE_LOG_WARNING, "ideator", "plan %lld: %s",
                   (long long)aire_plan_id(c->plan), wrong->data);
    }
    return aire__buf_status(out);
}

static aire_status make_idea(choosing *c, const json_t *object, const char *reasoning,
                             aire_knob_edits *edits)
{
    const char *why = json_string_value(json_object_get(object, "why"));
    aire_knob_idea given = {.plan = c->plan,
                            .ordinal = (int32_t)c->count,
                            .turns = aire__trials_next(&c->trials),
                            .origin = aire_model_name(c->s->model),
                            .how = reasoning,
                            .why = why};
    aire__mentions(c->plan, why ? why : "", given.parents, 2);
    aire_status status =
        aire__knob_idea_new(c->s->ctx, c->s->env, &given, edits, &c->ideas[c->count]);
    c->count += status == AIRE_OK;
    aire__trials_keep(&c->trials);
    return status;
}

/* Knobs that exclude each other: which of them stays is drawn, as with the knob ideator. */
static aire_status make_edits(const choosing *c, aire_turn *turns, aire_knob_edits *out)
{
    aire_rng rng;
    uint64_t index = ((uint64_t)aire_plan_id(c->plan) << 20) + c->count + c->known;
    aire__rng_init(&rng, c->s->options.seed, "ideator.schema.edits", index);
    return aire__knob_edits_of(c->s->ctx, c->s->env, &rng, turns, out);
}

static aire_status take_setting(choosing *c, const json_t *object, const char *thinking)
{
    aire_buf wrong, reasoning;
    aire_knob_edits edits = {.ctx = c->s->ctx};
    aire_turn *turns = aire__trials_next(&c->trials);
    aire__buf_init(&wrong, c->s->ctx, REASONING_MAX / 2);
    aire__buf_init(&reasoning, c->s->ctx, REASONING_MAX);
    aire__setting_from_json(c->s->env, object, turns, &wrong);
    aire_status status = aire__buf_status(&wrong);
    if (status == AIRE_OK)
        status = write_reasoning(c, thinking, &wrong, &reasoning);
    if (status == AIRE_OK)
        status = make_edits(c, turns, &edits);
    if (status == AIRE_OK && aire__trials_is_new(&c->trials))
        status = make_idea(c, object, reasoning.data, &edits);
    else if (status == AIRE_OK)
        c->known++;
    aire__knob_edits_free(&edits);
    aire__buf_free(&wrong);
    aire__buf_free(&reasoning);
    return status;
}

static aire_status take_all(choosing *c, const json_t *found, const char *thinking)
{
    size_t wanted = (size_t)aire_plan_count(c->plan), i;
    json_t *object;
    aire_status status = AIRE_OK;
    json_array_foreach(found, i, object)
    {
        if (status == AIRE_OK && c->count < wanted)
            status = take_setting(c, object, thinking);
        else
            c->surplus++;
    }
    return status;
}

static void report(const choosing *c, size_t unread)
{
    size_t wanted = (size_t)aire_plan_count(c->plan);
    if (c->count < wanted || c->known || c->surplus || unread)
        aire__logf(c->s->ctx, AIRE_LOG_WARNING, "ideator",
                   "plan %lld: %zu of %zu settings in the answer; %zu are known or turn nothing, "
                   "%zu were too many, %zu pieces could not be read",
                   (long long)aire_plan_id(c->plan), c->count, wanted, c->known, c->surplus,
                   unread);
}

static aire_status read_answer(choosing *c, const aire_answer *answer, aire_ideas **out)
{
    const aire_answer_options *said = aire_answer_get(answer);
    size_t unread;
    json_t *found;
    aire_status status = aire__settings_find(c->s->ctx, said->text, &found, &unread);
    if (status != AIRE_OK)
        return status;
    status = take_all(c, found, said->thinking);
    json_decref(found);
    if (status == AIRE_OK)
        report(c, unread);
    if (status == AIRE_OK && c->count == 0)
        status =
            aire__fail(AIRE_EMPTY, "%s: no new setting in its answer of %zu bytes; it begins: %.*s",
                       aire_model_name(c->s->model), strlen(said->text),
                       (int)aire__utf8_cut(said->text, strlen(said->text), 200), said->text);
    return status == AIRE_OK ? aire_ideas_new(c->s->ctx, c->ideas, c->count, out) : status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    choosing c = {.s = user_data, .plan = plan};
    aire_ctx *ctx = c.s->ctx;
    aire_answer *answer = NULL;
    aire_status status = ask_for_settings(c.s, plan, cancel, &answer);
    if (status != AIRE_OK)
        return status;
    status = aire__trials_open(&c.trials, ctx, c.s->env, plan);
    if (status == AIRE_OK &&
        !(c.ideas = aire__calloc(ctx, (size_t)aire_plan_count(plan), sizeof *c.ideas)))
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        status = read_answer(&c, answer, out);
    for (size_t i = 0; i < c.count; i++)
        aire_idea_unref(c.ideas[i]);
    aire_free(ctx, c.ideas);
    aire__trials_free(&c.trials);
    aire_answer_unref(answer);
    return status;
}

static void destroy(void *user_data)
{
    schema *s = user_data;
    aire_env_unref(s->env);
    aire_model_unref(s->model);
    aire__templates_free(s->templates);
    aire_free(s->ctx, s);
}

static aire_status take_options(aire_ctx *ctx, const aire_ideator_schema_options *given,
                                aire_ideator_schema_options *ours)
{
    aire_status status =
        aire__options_take(given, ours, sizeof *ours, sizeof *ours, "aire_ideator_schema_options");
    if (status != AIRE_OK)
        return status;
    if (ours->max_tokens < 0 || !(ours->temperature >= 0) || isinf(ours->temperature))
        return aire__fail(AIRE_INVALID, "aire_ideator_schema_options: max_tokens and temperature "
                                        "must be 0 or more");
    ours->max_tokens = ours->max_tokens ? ours->max_tokens : MAX_TOKENS;
    ours->temperature = ours->temperature > 0 ? ours->temperature : 1.0;
    ours->seed = ours->seed ? ours->seed : aire_ctx_seed(ctx);
    return AIRE_OK;
}

aire_status aire_ideator_schema_new(aire_ctx *ctx, aire_env *env, aire_model *model,
                                    const aire_ideator_schema_options *options, aire_ideator **out)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};
    if (!ctx || !env || !model || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_schema_new: ctx, env, model and out must not be NULL");
    *out = NULL;
    aire_ideator_schema_options ours;
    size_t max_bytes = 0;
    aire_status status = take_options(ctx, options, &ours);
    if (status == AIRE_OK)
        status = aire__knobs_check(ctx, env);
    if (status == AIRE_OK)
        status = aire__context_room(ctx, model, "aire_ideator_schema_options", ours.context_tokens,
                                    ours.max_tokens, &max_bytes);
    if (status != AIRE_OK)
        return status;
    schema *s = aire_alloc(ctx, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    *s = (schema){.ctx = ctx,
                  .env = aire_env_ref(env),
                  .model = aire_model_ref(model),
                  .options = ours,
                  .max_bytes = max_bytes};
    s->options.template_dir = NULL; /* the caller's */
    status = aire__templates_load(ctx, ours.template_dir, &s->templates);
    if (status == AIRE_OK)
        status = aire_ideator_new_from_ops(ctx, &ops, s, out);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
