/* Requests for settings of knobs. */
#include "prompt/settings.h"

#include "base/fail.h"
#include "base/json.h"
#include "env/env.h"
#include "prompt/number.h"
#include "prompt/request.h"

enum { WHY_MAX = 400 }; /* characters */

static void print_number(aire_buf *buf, double value)
{
    char text[AIRE_NUMBER_MAX];
    aire__number_text(value, 17, text);
    aire__buf_puts(buf, text);
}

static void describe_number(aire_buf *buf, const aire_env_knob *knob)
{
    aire__buf_printf(buf, "It is %s; ", knob->baseline);
    if (!knob->values) {
        aire__buf_puts(buf, knob->integer ? "whole numbers from " : "numbers from ");
        print_number(buf, knob->min);
        aire__buf_puts(buf, " to ");
        print_number(buf, knob->max);
        aire__buf_puts(buf, knob->log_scale ? " on a logarithmic scale" : "");
    } else
        aire__buf_puts(buf, "one of ");
    for (size_t i = 0; i < knob->value_count; i++) {
        aire__buf_puts(buf, i ? ", " : "");
        print_number(buf, knob->values[i]);
    }
    aire__buf_puts(buf, ".\n");
}

static void describe(aire_buf *buf, const aire_env *env)
{
    aire__buf_puts(buf, "## Knobs\n");
    for (size_t i = 0; i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        aire__buf_printf(buf, "- `%s`: %s ", knob->name, knob->about);
        if (knob->is_number)
            describe_number(buf, knob);
        else
            aire__buf_puts(buf, "\"" AIRE_PROMPT_UNCHANGED "\", or one of these:\n");
        for (size_t j = 0; j < knob->choice_count; j++)
            aire__buf_printf(buf, "  - \"%s\": %s\n", knob->choices[j].name, knob->choices[j].idea);
    }
    aire__buf_puts(buf, "\n");
}

static void write_form(aire_buf *buf, const aire_env *env)
{
    aire__buf_puts(buf, "JSON and nothing else: {\"ideas\": [{\"why\": \"<the reason, in one or "
                        "two sentences>\"");
    for (size_t i = 0; i < env->knob_count; i++)
        aire__buf_printf(buf, ", \"%s\": <value>", env->knobs[i].name);
    aire__buf_puts(buf, "}, ...]}\n");
}

aire_status aire__prompt_settings(aire_ctx *ctx, const aire_prompt_request *request, char **out)
{
    aire_buf knobs, form;
    aire__buf_init(&knobs, ctx, request->max);
    aire__buf_init(&form, ctx, request->max);
    describe(&knobs, request->env);
    write_form(&form, request->env);
    const aire_prompt_texts texts = {
        .what = "setting", .knobs = knobs.data, .form = form.data, .lists_avoid = true};
    aire_status status = aire__buf_status(&knobs);
    if (status == AIRE_OK)
        status = aire__buf_status(&form);
    if (status == AIRE_OK)
        status = aire__prompt_make(ctx, request, AIRE_TEMPLATE_SETTINGS, &texts, out);
    aire__buf_free(&knobs);
    aire__buf_free(&form);
    return status;
}

/* ---- the schema ---- */

static json_t *number_of(const aire_env_knob *knob, double value)
{
    return knob->integer ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *number_schema(const aire_env_knob *knob)
{
    const char *type = knob->integer ? "integer" : "number";
    if (!knob->values)
        return json_pack("{s:s, s:o, s:o}", "type", type, "minimum", number_of(knob, knob->min),
                         "maximum", number_of(knob, knob->max));
    json_t *values = json_array();
    bool listed = false;
    for (size_t i = 0; i < knob->value_count; i++) {
        listed |= knob->values[i] == knob->value;
        json_array_append_new(values, number_of(knob, knob->values[i]));
    }
    if (!listed)
        json_array_append_new(values, number_of(knob, knob->value));
    return json_pack("{s:s, s:o}", "type", type, "enum", values);
}

static json_t *choice_schema(const aire_env_knob *knob)
{
    json_t *names = json_pack("[s]", AIRE_PROMPT_UNCHANGED);
    for (size_t i = 0; i < knob->choice_count; i++)
        json_array_append_new(names, json_string(knob->choices[i].name));
    return json_pack("{s:s, s:o}", "type", "string", "enum", names);
}

static json_t *idea_schema(const aire_env *env)
{
    json_t *required = json_pack("[s]", "why");
    json_t *members =
        json_pack("{s:{s:s, s:i}}", "why", "type", "string", "maxLength", (int)WHY_MAX);
    for (size_t i = 0; i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        json_object_set_new(members, knob->name,
                            knob->is_number ? number_schema(knob) : choice_schema(knob));
        json_array_append_new(required, json_string(knob->name));
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", members, "required",
                     required, "additionalProperties", 0);
}

aire_status aire__prompt_settings_schema(aire_ctx *ctx, const aire_env *env, int32_t count,
                                         char **out)
{
    json_t *schema =
        json_pack("{s:s, s:{s:{s:s, s:i, s:i, s:o}}, s:[s], s:b}", "type", "object", "properties",
                  "ideas", "type", "array", "minItems", (int)count, "maxItems", (int)count, "items",
                  idea_schema(env), "required", "ideas", "additionalProperties", 0);
    if (!schema)
        return aire__fail_nomem();
    aire_status status = aire__json_dump(ctx, schema, out);
    json_decref(schema);
    return status;
}
