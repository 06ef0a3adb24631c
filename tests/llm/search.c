/*
 * A search whose ideas a language model chooses, however small it is: it is asked for values of the
 * two numbers of examples/envs/shell, of a JSON schema, and each choice becomes an idea with its patch.
 *
 * usage: llm_search ENV STORE SPEC EPOCHS EPOCH_SIZE
 *
 * Prints "choice X Y" for each, "run ID REWARD" for each result, and "done".
 */
#include <aire/aire.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            goto failed;                                                                           \
    } while (0)

static const char schema[] =
    "{\"type\": \"object\", \"properties\": {\"x\": {\"type\": \"integer\", \"minimum\": -20, "
    "\"maximum\": 20}, \"y\": {\"type\": \"integer\", \"minimum\": -20, \"maximum\": 20}}, "
    "\"required\": [\"x\", \"y\"], \"additionalProperties\": false}";

typedef struct chooser {
    aire_ctx *ctx;
    aire_model *model;
} chooser;

static aire_status read_choice(const char *text, int *x, int *y)
{
    json_t *root = json_loads(text, 0, NULL);
    int good = json_unpack(root, "{s:i, s:i}", "x", x, "y", y) == 0;
    json_decref(root);
    return good ? AIRE_OK : aire_error_set(AIRE_FORMAT, 0, text);
}

static aire_status choose(chooser *c, aire_plan *plan, int ordinal, aire_cancel *cancel, int *x,
                          int *y)
{
    aire_message message = {"user", "Choose two whole numbers x and y between -20 and 20. "
                                    "Answer as JSON."};
    aire_request request = {.struct_size = sizeof request};
    aire_answer *answer = NULL;
    request.messages = &message;
    request.message_count = 1;
    request.max_tokens = 40;
    request.temperature = 1;
    request.seed = (uint64_t)(aire_plan_id(plan) * 100 + ordinal + 1);
    request.purpose = "ideas";
    request.plan_id = aire_plan_id(plan);
    request.schema = schema;
    aire_status status = aire_model_complete(c->model, &request, cancel, &answer);
    if (status == AIRE_OK)
        status = read_choice(aire_answer_get(answer)->text, x, y);
    aire_answer_unref(answer);
    return status;
}

static aire_status make_idea(chooser *c, aire_plan *plan, int ordinal, int x, int y,
                             aire_idea **out)
{
    char title[64], text[512];
    aire_idea_options fields = AIRE_IDEA_OPTIONS_INIT;
    snprintf(title, sizeof title, "x = %d, y = %d", x, y);
    snprintf(text, sizeof text,
             "--- a/params.sh\n+++ b/params.sh\n@@ -2,2 +2,2 @@\n-x=10\n-y=-5\n+x=%d\n+y=%d\n", x,
             y);
    aire_status status = aire_patch_new(c->ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &fields.patch);
    fields.ordinal = ordinal;
    fields.plan = plan;
    fields.title = fields.text = title;
    fields.origin = aire_model_name(c->model);
    if (status == AIRE_OK)
        status = aire_idea_new(c->ctx, &fields, out);
    aire_patch_unref(fields.patch);
    return status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    enum { MAX = 16 };
    chooser *c = user_data;
    aire_idea *ideas[MAX];
    int count = 0, x = 0, y = 0;
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && count < MAX && count < aire_plan_count(plan)) {
        status = choose(c, plan, count, cancel, &x, &y);
        if (status == AIRE_OK)
            status = make_idea(c, plan, count, x, y, &ideas[count]);
        if (status == AIRE_OK) {
            count++;
            printf("choice %d %d\n", x, y);
            fflush(stdout);
        }
    }
    if (status == AIRE_OK)
        status = aire_ideas_new(c->ctx, ideas, (size_t)count, out);
    while (count > 0)
        aire_idea_unref(ideas[--count]);
    return status;
}

static aire_status drain(aire_executor *executor, aire_searcher *searcher)
{
    aire_status status;
    aire_result *result = NULL;
    while ((status = aire_executor_next(executor, -1, &result)) == AIRE_OK) {
        double reward = NAN;
        if (aire_result_reward(result, &reward) != AIRE_OK)
            reward = NAN;
        printf("run %lld %g\n", (long long)aire_result_run_id(result), reward);
        fflush(stdout);
        status = aire_searcher_tell(searcher, result);
        aire_result_unref(result);
        if (status < 0)
            return status;
    }
    return status;
}

static aire_status loop(aire_ideator *ideator, aire_executor *executor, aire_searcher *searcher)
{
    aire_status status = aire_executor_submit(executor, NULL, NULL, NULL);
    while (status >= 0 && (status = drain(executor, searcher)) >= 0) {
        aire_plan *plan = NULL;
        aire_ideas *ideas = NULL;
        status = aire_searcher_ask(searcher, &plan);
        if (status != AIRE_OK)
            return status;
        status = aire_ideator_propose(ideator, plan, NULL, &ideas);
        for (size_t i = 0; status == AIRE_OK && i < aire_ideas_count(ideas); i++)
            status = aire_executor_submit(executor, aire_ideas_get(ideas, i), NULL, NULL);
        aire_ideas_unref(ideas);
        aire_plan_unref(plan);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose, NULL};
    aire_model_options model = AIRE_MODEL_OPTIONS_INIT;
    aire_sandbox_options box = AIRE_SANDBOX_OPTIONS_INIT;
    aire_searcher_evolution_options search = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
    aire_env *env = NULL;
    aire_store *store = NULL;
    aire_sandbox *sandbox = NULL;
    aire_ideator *ideator = NULL;
    aire_executor *executor = NULL;
    aire_searcher *searcher = NULL;
    chooser c = {0};
    int code = 1;
    if (argc != 6)
        return 2;
    search.epochs = atoi(argv[4]);
    search.epoch_size = search.batch = atoi(argv[5]);
    model.max_attempts = 12;
    box.worker_path = getenv("AIRE_WORKER");
    TRY(aire_ctx_new(NULL, &c.ctx));
    TRY(aire_env_open(c.ctx, argv[1], NULL, &env));
    TRY(aire_store_open(c.ctx, argv[2], NULL, &store));
    TRY(aire_sandbox_new(c.ctx, &box, &sandbox));
    TRY(aire_model_new(c.ctx, argv[3], &model, &c.model));
    TRY(aire_ideator_new_from_ops(c.ctx, &ops, &c, &ideator));
    TRY(aire_executor_new(c.ctx, env, sandbox, store, NULL, &executor));
    TRY(aire_searcher_evolution_new(c.ctx, store, &search, &searcher));
    TRY(loop(ideator, executor, searcher));
    puts("done");
    code = 0;
failed:
    if (code)
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
    aire_searcher_unref(searcher);
    aire_executor_unref(executor);
    aire_ideator_unref(ideator);
    aire_model_unref(c.model);
    aire_sandbox_unref(sandbox);
    aire_store_unref(store);
    aire_env_unref(env);
    aire_ctx_unref(c.ctx);
    return code;
}
