/* The ideator that asks a language model. */
#include <math.h>
#include <string.h>

#include "aire/result.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "ideator/context_room.h"
#include "ideator/ideator.h"
#include "ideator/mentions.h"
#include "prompt/ideas.h"
#include "prompt/thinking.h"

enum { MAX_TOKENS = 8192, PARENTS_MAX = 16 };
#define REASONING_MAX ((size_t)1 << 20) /* as long as a string of an idea may be */

typedef struct chat {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_env *env;
    aire_model *model;
    int32_t max_tokens;
    double temperature;
    uint64_t seed;
    aire_templates *templates;
    size_t max_bytes; /* of a request */
    char *notes;      /* what was learnt so far; NULL for nothing */
    int32_t notes_every;
    aire_result **told; /* since the notes were written; references */
    size_t told_count, told_capacity;
} chat;

aire_status aire_ideator_chat_options_init(aire_ideator_chat_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_chat_options");
}

/* Ask for what `text` says; the seed follows from the number of the request in a stream. */
static aire_status ask(const chat *c, const char *text, const char *purpose, const char *stream,
                       uint64_t number, int64_t plan_id, aire_cancel *cancel, aire_answer **out)
{
    aire_rng rng;
    aire__rng_init(&rng, c->seed, stream, number);
    aire_message message = {"user", text};
    aire_request request = {
        .struct_size = sizeof request,
        .max_tokens = c->max_tokens,
        .messages = &message,
        .message_count = 1,
        .temperature = c->temperature,
        .seed = aire__rng_next(&rng) | 1, /* 0 would be none */
        .purpose = purpose,
        .plan_id = plan_id,
    };
    return aire_model_complete(c->model, &request, cancel, out);
}

static aire_status ask_for_ideas(const chat *c, const aire_plan *plan, aire_cancel *cancel,
                                 aire_answer **out)
{
    char *text;
    const aire_prompt_request wanted = {.env = c->env,
                                        .plan = plan,
                                        .templates = c->templates,
                                        .notes = c->notes,
                                        .max = c->max_bytes};
    aire_status status = aire__prompt_ideas(c->ctx, &wanted, &text);
    if (status != AIRE_OK)
        return status;
    status = ask(c, text, "ideas", "ideator.chat", (uint64_t)aire_plan_id(plan), aire_plan_id(plan),
                 cancel, out);
    aire_free(c->ctx, text);
    return status;
}

static aire_status make_idea(const chat *c, aire_plan *plan, const aire_parsed_idea *parsed,
                             const char *reasoning, int32_t ordinal, aire_idea **out)
{
    int64_t parents[PARENTS_MAX];
    aire_idea_options fields = AIRE_IDEA_OPTIONS_INIT;
    fields.ordinal = ordinal;
    fields.plan = plan;
    fields.title = parsed->title;
    fields.text = parsed->text;
    fields.changes = parsed->changes;
    fields.reasoning = reasoning;
    fields.origin = aire_model_name(c->model);
    fields.kind = parsed->kind;
    fields.parents = parents;
    fields.parent_count = aire__mentions(plan, parsed->text, parents, PARENTS_MAX);
    return aire_idea_new(c->ctx, &fields, out);
}

static aire_status make_ideas(const chat *c, aire_plan *plan, const aire_parsed_ideas *parsed,
                              const char *thinking, aire_ideas **out)
{
    size_t made = 0;
    size_t length = strlen(thinking);
    aire_idea **ideas = aire__calloc(c->ctx, parsed->count, sizeof *ideas);
    char *reasoning =
        aire__strndup(c->ctx, thinking, aire__utf8_cut(thinking, length, REASONING_MAX));
    aire_status status = ideas && reasoning ? AIRE_OK : aire__fail_nomem();
    for (; status == AIRE_OK && made < parsed->count; made += status == AIRE_OK)
        status = make_idea(c, plan, &parsed->ideas[made], reasoning, (int32_t)made, &ideas[made]);
    if (status == AIRE_OK)
        status = aire_ideas_new(c->ctx, ideas, made, out);
    for (size_t i = 0; i < made; i++)
        aire_idea_unref(ideas[i]);
    aire_free(c->ctx, ideas);
    aire_free(c->ctx, reasoning);
    return status;
}

static aire_status nothing_usable(const chat *c, const aire_answer_options *said, bool truncated)
{
    size_t length = strlen(said->text);
    return aire__fail(AIRE_EMPTY, "%s: no idea in its answer of %zu bytes%s; it begins: %.*s",
                      aire_model_name(c->model), length,
                      truncated ? " (cut short: raise max_tokens)" : "",
                      (int)aire__utf8_cut(said->text, length, 200), said->text);
}

/* Say what an answer does not have, or has and was not taken. */
static void report(const chat *c, const aire_plan *plan, const aire_parsed_ideas *parsed,
                   bool truncated)
{
    static const char *const cuts[] = {[AIRE_CUT_NONE] = "",
                                       [AIRE_CUT_KEPT] = "; the last one is cut off, and was kept",
                                       [AIRE_CUT_DROPPED] =
                                           "; the last one is cut off, and was dropped"};
    size_t wanted = (size_t)aire_plan_count(plan);
    if (parsed->count == wanted && !parsed->unread && !parsed->surplus && !parsed->shortened &&
        !parsed->cut)
        return;
    aire__logf(c->ctx, AIRE_LOG_WARNING, "ideator",
               "plan %lld: %zu of %zu ideas in the answer%s; %zu pieces of it could not be read, "
               "%zu ideas were too many, %zu texts too long%s",
               (long long)aire_plan_id(plan), parsed->count, wanted,
               truncated ? ", which was cut short: raise max_tokens" : "", parsed->unread,
               parsed->surplus, parsed->shortened, cuts[parsed->cut]);
}

/* All that an answer has to offer, at most as much as was asked for. */
static aire_status read_answer(const chat *c, aire_plan *plan, const aire_answer *answer,
                               aire_ideas **out)
{
    const aire_answer_options *said = aire_answer_get(answer);
    size_t wanted = (size_t)aire_plan_count(plan);
    bool truncated = strcmp(said->finish, "length") == 0;
    aire_parsed_ideas parsed;
    aire_status status = aire__prompt_parse_ideas(c->ctx, said->text, wanted, truncated, &parsed);
    if (status != AIRE_OK)
        return status;
    report(c, plan, &parsed, truncated);
    if (parsed.count == 0)
        status = nothing_usable(c, said, truncated);
    else
        status = make_ideas(c, plan, &parsed, said->thinking, out);
    aire__parsed_ideas_free(&parsed);
    return status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    const chat *c = user_data;
    aire_answer *answer = NULL;
    aire_status status = ask_for_ideas(c, plan, cancel, &answer);
    if (status == AIRE_OK)
        status = read_answer(c, plan, answer, out);
    aire_answer_unref(answer);
    return status;
}

static void forget_told(chat *c)
{
    for (size_t i = 0; i < c->told_count; i++)
        aire_result_unref(c->told[i]);
    c->told_count = 0;
}

static void destroy(void *user_data)
{
    chat *c = user_data;
    aire_env_unref(c->env);
    aire_model_unref(c->model);
    aire__templates_free(c->templates);
    forget_told(c);
    aire_free(c->ctx, c->told);
    aire_free(c->ctx, c->notes);
    aire_free(c->ctx, c);
}

static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};

static int32_t answer_tokens(const aire_ideator_chat_options *options)
{
    return options->max_tokens ? options->max_tokens : MAX_TOKENS;
}

static aire_status take_options(const aire_ideator_chat_options *given,
                                aire_ideator_chat_options *ours)
{
    aire_status status =
        aire__options_take(given, ours, sizeof *ours, sizeof *ours, "aire_ideator_chat_options");
    if (status != AIRE_OK)
        return status;
    if (ours->max_tokens < 0 || ours->notes_every < 0 || ours->reserved ||
        !(ours->temperature >= 0) || isinf(ours->temperature))
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_chat_options: max_tokens, temperature and notes_every "
                          "must be 0 or more, and reserved 0");
    return AIRE_OK;
}

aire_status aire_ideator_chat_new(aire_ctx *ctx, aire_env *env, aire_model *model,
                                  const aire_ideator_chat_options *options, aire_ideator **out)
{
    if (!ctx || !env || !model || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_chat_new: ctx, env, model and out must not be NULL");
    *out = NULL;
    aire_ideator_chat_options ours;
    size_t max_bytes = 0;
    aire_status status = take_options(options, &ours);
    if (status == AIRE_OK)
        status = aire__context_room(ctx, model, "aire_ideator_chat_options", ours.context_tokens,
                                    answer_tokens(&ours), &max_bytes);
    if (status != AIRE_OK)
        return status;
    chat *c = aire_alloc(ctx, sizeof *c);
    if (!c)
        return aire__fail_nomem();
    *c = (chat){
        .ctx = ctx,
        .env = aire_env_ref(env),
        .model = aire_model_ref(model),
        .max_tokens = answer_tokens(&ours),
        .temperature = ours.temperature > 0 ? ours.temperature : 1.0,
        .seed = ours.seed ? ours.seed : aire_ctx_seed(ctx),
        .max_bytes = max_bytes,
        .notes_every = ours.notes_every,
    };
    status = aire__templates_load(ctx, ours.template_dir, &c->templates);
    if (status == AIRE_OK)
        status = aire_ideator_new_from_ops(ctx, &ops, c, out);
    if (status != AIRE_OK)
        destroy(c);
    return status;
}

/* ---- notes ---- */

static aire_status keep_notes(chat *c, const char *text)
{
    char *copy = aire__strdup(c->ctx, text);
    if (!copy)
        return aire__fail_nomem();
    aire_free(c->ctx, c->notes);
    c->notes = copy;
    return AIRE_OK;
}

aire_status aire_ideator_chat_set_notes(aire_ideator *ideator, const char *notes)
{
    chat *c = ideator ? aire__ideator_data(ideator, &ops) : NULL;
    if (!c || !notes)
        return aire__fail(AIRE_INVALID, "aire_ideator_chat_set_notes: ideator must be one of "
                                        "aire_ideator_chat_new, and notes not NULL");
    return keep_notes(c, notes);
}

/* The request for notes on what was told. */
static aire_status write_request(const chat *c, char **out)
{
    aire_plan *plan;
    aire_plan_options fields = AIRE_PLAN_OPTIONS_INIT;
    fields.kind = AIRE_PLAN_EXPLOIT;
    fields.count = 1;
    fields.parents = c->told;
    fields.parent_count = c->told_count;
    aire_status status = aire_plan_new(c->ctx, &fields, &plan);
    if (status != AIRE_OK)
        return status;
    const aire_prompt_request wanted = {.env = c->env,
                                        .plan = plan,
                                        .templates = c->templates,
                                        .notes = c->notes,
                                        .max = c->max_bytes};
    status = aire__prompt_notes(c->ctx, &wanted, out);
    aire_plan_unref(plan);
    return status;
}

/* Take the notes from an answer, and hand a copy out. */
static aire_status take_notes(chat *c, const aire_answer *answer, char **out)
{
    char *text = aire__strdup(c->ctx, aire_answer_get(answer)->text);
    if (!text)
        return aire__fail_nomem();
    const char *notes = aire__after_thinking(text);
    notes += strspn(notes, " \t\r\n");
    char *copy = aire__strdup(c->ctx, notes);
    aire_status status = copy ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK && !*notes)
        status = aire__fail(AIRE_EMPTY, "%s: the answer to the request for notes is empty",
                            aire_model_name(c->model));
    if (status == AIRE_OK)
        status = keep_notes(c, notes);
    if (status == AIRE_OK)
        *out = copy;
    else
        aire_free(c->ctx, copy);
    aire_free(c->ctx, text);
    return status;
}

static aire_status write_notes(chat *c, aire_cancel *cancel, char **out)
{
    char *text;
    aire_answer *answer = NULL;
    aire_status status = write_request(c, &text);
    if (status != AIRE_OK)
        return status;
    uint64_t last = (uint64_t)aire_result_run_id(c->told[c->told_count - 1]);
    status = ask(c, text, "notes", "ideator.notes", last, 0, cancel, &answer);
    aire_free(c->ctx, text);
    if (status == AIRE_OK)
        status = take_notes(c, answer, out);
    if (status == AIRE_OK)
        forget_told(c);
    aire_answer_unref(answer);
    return status;
}

aire_status aire_ideator_chat_tell(aire_ideator *ideator, aire_result *result, aire_cancel *cancel,
                                   char **notes)
{
    chat *c = ideator ? aire__ideator_data(ideator, &ops) : NULL;
    if (!c || !result || !notes)
        return aire__fail(AIRE_INVALID, "aire_ideator_chat_tell: ideator must be one of "
                                        "aire_ideator_chat_new, result and notes not NULL");
    *notes = NULL;
    if (c->notes_every == 0 || !aire_result_idea(result))
        return AIRE_OK;
    if (!aire__grow(c->ctx, &c->told, &c->told_capacity, c->told_count + 1, sizeof *c->told))
        return aire__fail_nomem();
    c->told[c->told_count++] = aire_result_ref(result);
    if (c->told_count < (size_t)c->notes_every)
        return AIRE_OK;
    return write_notes(c, cancel, notes);
}
