/* Settings of knobs in a model's answer. */
#ifndef AIRE_IDEATOR_SETTING_JSON_H
#define AIRE_IDEATOR_SETTING_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "ideator/settings.h"

/*
 * The objects in an answer that may be settings: {"ideas": [...]} with or without what is around
 * it, thinking and prose included. *out is a new JSON array; empty if there are none; `*unread`
 * counts the pieces of JSON that could not be read. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__settings_find(aire_ctx *ctx, const char *answer, json_t **out, size_t *unread);

/*
 * One of them as a setting. A knob that is missing stays at its baseline, and so does one whose
 * value is not allowed, of which a line is appended to `wrong`.
 */
void aire__setting_from_json(const aire_env *env, const json_t *object, aire_turn *turns,
                             aire_buf *wrong);

#endif
