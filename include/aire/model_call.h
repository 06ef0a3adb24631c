/**
 * @file model_call.h
 * Records of calls to language models: what was asked of whom, and what it cost.
 *
 * A call's record holds no key and no header.
 */
#ifndef AIRE_MODEL_CALL_H
#define AIRE_MODEL_CALL_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** What a call record is made of. Strings are UTF-8, borrowed for the call and copied. */
typedef struct aire_model_call_options {
    uint32_t struct_size;     /**< sizeof(aire_model_call_options) */
    aire_status status;       /**< how the call ended */
    const char *purpose;      /**< "ideas", "patch", ...; NULL: "" */
    const char *model;        /**< model asked, as its specification says; required */
    const char *request;      /**< request body as JSON, without secrets; NULL: "" */
    const char *answer;       /**< answer's text; NULL: "" */
    const char *detail;       /**< error text of a failure; NULL: "" */
    int64_t input_tokens;     /**< as the provider counted; 0 if unknown */
    int64_t output_tokens;    /**< as the provider counted, thinking included; 0 if unknown */
    int64_t latency_ms;       /**< from first byte sent to last byte read, all attempts */
    int64_t plan_id;          /**< plan it served; 0 for none */
    int64_t idea_id;          /**< idea it served; 0 for none */
    int32_t attempts;         /**< tries spent, from 1 */
    int32_t reserved;         /**< must be 0 */
} aire_model_call_options;

/** Default options. */
#define AIRE_MODEL_CALL_OPTIONS_INIT                                                               \
    { sizeof(aire_model_call_options), 0, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_model_call_options_init(aire_model_call_options *options, size_t size);

/**
 * Make a call record; models do so. Immutable (share freely).
 *
 * @param[out] out owned by caller, release with aire_model_call_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (no model), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_call_new(aire_ctx *ctx,
                                                    const aire_model_call_options *options,
                                                    aire_model_call **out);
/** Take a reference; returns @p call. @since 0.1 */
AIRE_API aire_model_call *aire_model_call_ref(aire_model_call *call);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_model_call_unref(aire_model_call *call);

/**
 * All fields of the record; strings are never NULL. Borrowed, until the record is released.
 * @since 0.1
 */
AIRE_API const aire_model_call_options *aire_model_call_get(const aire_model_call *call);

AIRE_END_DECLS

#endif
