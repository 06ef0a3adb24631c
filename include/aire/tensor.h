/**
 * @file tensor.h
 * Tapes: a model's forward pass, recorded once, planned into one arena, and replayed each step.
 *
 * A program records a tape with calls such as aire_linear and aire_attention, finishes it, and then
 * replays it: write the inputs, aire_tape_forward, aire_tape_backward, update the parameters. The
 * backward pass is derived. Tensors are dense and row-major.
 *
 * Recording needs no error checks: an operator that fails keeps the first failure in the tape and
 * returns NULL, an operator that is given NULL returns NULL, and aire_tape_finish reports what
 * failed, with the operator, the shapes, and the line of the program.
 *
 *     aire_tensor *x = aire_embedding(wte, tokens);
 *     aire_tensor *y = aire_linear(aire_rmsnorm(x, NULL, 1e-6), c_attn, NULL);
 *     x = aire_add(x, aire_linear(aire_attention_qkv(y, heads, NULL), c_proj, NULL));
 *     aire_tensor *loss = aire_cross_entropy(aire_linear(x, wte, NULL), targets, -1);
 *     aire_status status = aire_tape_finish(tape, loss);
 *
 * The same seed and inputs give the same bits, for any number of threads, on one instruction set.
 * What is computed for one row of a batch does not depend on the other rows.
 */
#ifndef AIRE_TENSOR_H
#define AIRE_TENSOR_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** A tape. Reference counted; one thread at a time. */
typedef struct aire_tape aire_tape;

/** A tensor of a tape. Borrowed, until the tape is released. */
typedef struct aire_tensor aire_tensor;

/** Most axes that a tensor has. A scalar has none. */
#define AIRE_RANK_MAX 4

/** Element types: X(NAME, value, word, bytes). */
#define AIRE_DTYPE_MAP(X)                                                                          \
    X(F32, 1, "f32", 4)                                                                            \
    X(I32, 2, "i32", 4)                                                                            \
    X(F64, 3, "f64", 8) /* only in tapes that run on the double-precision reference */

#define AIRE_DTYPE_ENUM_(name, value, word, bytes) AIRE_DTYPE_##name = value,
enum { AIRE_DTYPE_MAP(AIRE_DTYPE_ENUM_) };
#undef AIRE_DTYPE_ENUM_

/** What a parameter holds at first: X(NAME, value, word). */
#define AIRE_INIT_MAP(X)                                                                           \
    X(CONSTANT, 0, "constant") /* the value everywhere */                                          \
    X(NORMAL, 1, "normal")     /* normal with mean 0; the value is its standard deviation */       \
    X(UNIFORM, 2, "uniform")   /* uniform in [-value, value) */

#define AIRE_INIT_ENUM_(name, value, word) AIRE_INIT_##name = value,
enum { AIRE_INIT_MAP(AIRE_INIT_ENUM_) };
#undef AIRE_INIT_ENUM_

/** Flags of a tape. */
enum {
    AIRE_TAPE_FORWARD_ONLY = 1 /**< plan no backward pass, even where there is a loss */
};

/** Options of aire_tape_new and aire_tape_load. All zero (but struct_size) means the defaults. */
typedef struct aire_tape_options {
    uint32_t struct_size; /**< sizeof(aire_tape_options) */
    uint32_t flags;       /**< AIRE_TAPE_*, or'ed */
    int32_t threads;      /**< threads that compute, 1 to 64; 0: 1. A child made by fork has none */
    int32_t reserved;     /**< must be 0 */
    uint64_t seed;        /**< of the parameters' first values; 0: the context's seed */
    uint64_t max_bytes;   /**< most memory that the tape may plan; 0: 8 GiB */
    aire_tape *share;     /**< nullable; finished, reference taken: parameters of the same name are
                               those of this tape, with their gradients, and must have its shape */
} aire_tape_options;

/** Default options. */
#define AIRE_TAPE_OPTIONS_INIT                                                                     \
    { sizeof(aire_tape_options), 0, 0, 0, 0, 0, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_tape_options_init(aire_tape_options *options, size_t size);

/**
 * Begin a tape.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_tape_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (`share` is not finished), AIRE_NOMEM, AIRE_IO (a
 *         thread could not start), AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_new(aire_ctx *ctx, const aire_tape_options *options,
                                              aire_tape **out);

/** Take a reference; returns @p tape. @since 0.1 */
AIRE_API aire_tape *aire_tape_ref(aire_tape *tape);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_tape_unref(aire_tape *tape);

/** The first failure of recording, its detail set again; AIRE_OK if there is none. @since 0.1 */
AIRE_API aire_status aire_tape_status(const aire_tape *tape);

/**
 * End the recording: derive the backward pass, plan and allocate every buffer, and give the
 * parameters their first values. Those depend on the seed and the parameter's name alone. After a
 * failure, the tape can only be released.
 *
 * @param loss nullable: the tape only goes forward; else a tensor of one element
 * @return AIRE_OK, or the first failure of recording; AIRE_STATE (finished before), AIRE_INVALID
 *         (no loss and no output; a loss of several elements; a shared parameter of another shape),
 *         AIRE_LIMIT (more than max_bytes),
 *         AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_finish(aire_tape *tape, aire_tensor *loss);

/** How much memory a finished tape uses, in bytes, and how much there is to do. */
typedef struct aire_plan_sizes {
    uint32_t struct_size;      /**< sizeof(aire_plan_sizes), set by the caller */
    uint32_t reserved;         /**< 0 */
    uint64_t parameters;       /**< number of elements of all parameters */
    uint64_t operators;        /**< number of operators in the forward pass */
    uint64_t parameter_bytes;  /**< values of parameters, without shared ones */
    uint64_t gradient_bytes;   /**< gradients of parameters, without shared ones */
    uint64_t input_bytes;      /**< values of inputs */
    uint64_t activation_bytes; /**< values and gradients in between, buffers used again */
    uint64_t unshared_bytes;   /**< what activation_bytes would be if no buffer were used again */
    uint64_t scratch_bytes;    /**< working space of the operators */
    uint64_t total_bytes;      /**< of all of these but unshared_bytes */
} aire_plan_sizes;

/** Sizes of a finished tape; @p sizes written only on success. AIRE_STATE, AIRE_ABI. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_tape_plan(const aire_tape *tape, aire_plan_sizes *sizes);

/**
 * Compute all outputs and the loss from parameters and inputs.
 *
 * @return AIRE_OK, AIRE_STATE (not finished), AIRE_INVALID with a detail that names the operator
 *         and the place of a token or target that is out of range: outputs are then unspecified
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_forward(aire_tape *tape);

/**
 * Add the gradient of the loss to the gradients of the parameters. Once after each
 * aire_tape_forward; the values of parameters and inputs must not have changed since.
 *
 * @return AIRE_OK, AIRE_STATE (no loss, AIRE_TAPE_FORWARD_ONLY, or no forward pass before)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_backward(aire_tape *tape);

/** Set the gradients of all parameters to zero. AIRE_STATE (not finished). @since 0.1 */
AIRE_API aire_status aire_tape_zero_grad(aire_tape *tape);

/**
 * Replay the forward pass and look at every value on the way, then at the gradients of the
 * parameters as they are; for the search for a cause, not for each step.
 *
 * @return AIRE_OK if all are finite; AIRE_INVALID with a detail that names the first parameter,
 *         input, operator (with its line) or gradient that is not; what aire_tape_forward returns
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_check_finite(aire_tape *tape);

/** The loss that the tape was finished with; NULL if there is none. @since 0.1 */
AIRE_API aire_tensor *aire_tape_loss(const aire_tape *tape);
/** Find a parameter, input or output by name; NULL if there is none. @since 0.1 */
AIRE_API aire_tensor *aire_tape_find(const aire_tape *tape, const char *name);
/** Number of parameters, in order of recording. @since 0.1 */
AIRE_API size_t aire_tape_param_count(const aire_tape *tape);
/** Parameter @p index; NULL out of range. @since 0.1 */
AIRE_API aire_tensor *aire_tape_param(const aire_tape *tape, size_t index);
/** Number of inputs, in order of recording. @since 0.1 */
AIRE_API size_t aire_tape_input_count(const aire_tape *tape);
/** Input @p index; NULL out of range. @since 0.1 */
AIRE_API aire_tensor *aire_tape_input(const aire_tape *tape, size_t index);
/** Number of outputs, in order of recording. @since 0.1 */
AIRE_API size_t aire_tape_output_count(const aire_tape *tape);
/** Tensor of output @p index; NULL out of range. @since 0.1 */
AIRE_API aire_tensor *aire_tape_output(const aire_tape *tape, size_t index);
/** Name of output @p index; NULL out of range. Borrowed, until the tape is released. @since 0.1 */
AIRE_API const char *aire_tape_output_name(const aire_tape *tape, size_t index);

/**
 * Write a finished tape as versioned JSON: operators, shapes, attributes, names; no values.
 *
 * @param[out] out owned by caller, free with aire_free; written only on success
 * @return AIRE_OK, AIRE_STATE (not finished), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_to_json(const aire_tape *tape, char **out);

/** As aire_tape_to_json, into a file, which is replaced at once. AIRE_IO. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_tape_save(const aire_tape *tape, const char *path);

/**
 * Make a finished tape from JSON of aire_tape_to_json. The text may come from anyone: it is checked
 * as a recording is, sizes against options.max_bytes. Parameters have their first values.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_tape_unref; NULL on failure
 * @return AIRE_OK, AIRE_FORMAT (with the place and what was expected), AIRE_UNSUPPORTED (a newer
 *         version), AIRE_LIMIT, AIRE_NOMEM, what aire_tape_new returns
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tape_from_json(aire_ctx *ctx, const char *text, size_t length,
                                                    const aire_tape_options *options,
                                                    aire_tape **out);

/** As aire_tape_from_json, from a file. AIRE_NOT_FOUND, AIRE_IO. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_tape_load(aire_ctx *ctx, const char *path,
                                               const aire_tape_options *options, aire_tape **out);

/** Name of a parameter or input; of an output its first name; else "". Borrowed, until the tape is
 * released. @since 0.1 */
AIRE_API const char *aire_tensor_name(const aire_tensor *tensor);
/** AIRE_DTYPE_*. @since 0.1 */
AIRE_API int32_t aire_tensor_dtype(const aire_tensor *tensor);
/** Number of axes; 0 for a scalar. @since 0.1 */
AIRE_API int32_t aire_tensor_rank(const aire_tensor *tensor);
/** Size of an axis, from 0, or from -1 backwards; 1 out of range. @since 0.1 */
AIRE_API int64_t aire_tensor_dim(const aire_tensor *tensor, int32_t axis);
/** Number of elements. @since 0.1 */
AIRE_API int64_t aire_tensor_count(const aire_tensor *tensor);
/** Size of all elements, in bytes. @since 0.1 */
AIRE_API size_t aire_tensor_bytes(const aire_tensor *tensor);

/**
 * Values of a parameter, input, output or loss of a finished tape, to read and (parameters and
 * inputs) to write; NULL for other tensors, whose memory is used again. Borrowed, until the tape is
 * released. @since 0.1
 */
AIRE_API void *aire_tensor_data(aire_tensor *tensor);

/**
 * Gradient of a parameter, of its type and shape, to read and to write; NULL for other tensors and
 * where the tape has no backward pass. Borrowed, until the tape is released. @since 0.1
 */
AIRE_API void *aire_tensor_grad(aire_tensor *tensor);

/** Value of a parameter, input, output or loss of one element; NaN for other tensors. @since 0.1 */
AIRE_API double aire_tensor_item(aire_tensor *tensor);

/**
 * Replace the values of a parameter or input; @p bytes must be the tensor's size.
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (not finished)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_tensor_write(aire_tensor *tensor, const void *values,
                                                  size_t bytes);

/*
 * Recording. Each function takes as its last argument the place in the program, for messages
 * (copied; nullable). Macros of the same names, at the end of this file, fill it in and take one
 * argument less:  x = aire_add(x, y);
 */

/**
 * A parameter: a trained tensor of floating-point numbers.
 *
 * @param name  copied; not empty, not the name of another parameter, input or output
 * @param init  AIRE_INIT_*
 * @param value what @p init says; finite
 * @since 0.1
 */
AIRE_API aire_tensor *aire_param(aire_tape *tape, const char *name, int32_t init, double value,
                                 int32_t rank, const int64_t *dims, const char *where);

/** An input: what changes each step, zero at first. @p dtype: AIRE_DTYPE_F32 or _I32. @since 0.1 */
AIRE_API aire_tensor *aire_input(aire_tape *tape, const char *name, int32_t dtype, int32_t rank,
                                 const int64_t *dims, const char *where);

/** Keep a tensor's values under a name, to be read after a forward pass; returns it. @since 0.1 */
AIRE_API aire_tensor *aire_output(aire_tape *tape, const char *name, aire_tensor *tensor,
                                  const char *where);

/**
 * a + b. As in the three operators after it, axes are matched from the last one backwards, and an
 * axis that is missing or has size 1 is repeated. @since 0.1
 */
AIRE_API aire_tensor *aire_add(aire_tensor *a, aire_tensor *b, const char *where);
/** a - b. @since 0.1 */
AIRE_API aire_tensor *aire_sub(aire_tensor *a, aire_tensor *b, const char *where);
/** a * b, element by element. @since 0.1 */
AIRE_API aire_tensor *aire_mul(aire_tensor *a, aire_tensor *b, const char *where);
/** a / b, element by element. @since 0.1 */
AIRE_API aire_tensor *aire_div(aire_tensor *a, aire_tensor *b, const char *where);
/** x * factor, a constant; for a factor that changes or is trained see aire_mul. @since 0.1 */
AIRE_API aire_tensor *aire_scale(aire_tensor *x, double factor, const char *where);
/** x + constant. @since 0.1 */
AIRE_API aire_tensor *aire_offset(aire_tensor *x, double constant, const char *where);

/** max(x, 0). @since 0.1 */
AIRE_API aire_tensor *aire_relu(aire_tensor *x, const char *where);
/** max(x, 0)^2. @since 0.1 */
AIRE_API aire_tensor *aire_relu_squared(aire_tensor *x, const char *where);
/** x * Phi(x), exact: with the error function. @since 0.1 */
AIRE_API aire_tensor *aire_gelu(aire_tensor *x, const char *where);
/** x * Phi(x), the approximation with tanh. @since 0.1 */
AIRE_API aire_tensor *aire_gelu_tanh(aire_tensor *x, const char *where);
/** x * sigmoid(x). @since 0.1 */
AIRE_API aire_tensor *aire_silu(aire_tensor *x, const char *where);
/** 1 / (1 + exp(-x)). @since 0.1 */
AIRE_API aire_tensor *aire_sigmoid(aire_tensor *x, const char *where);
/** Hyperbolic tangent. @since 0.1 */
AIRE_API aire_tensor *aire_tanh(aire_tensor *x, const char *where);
/** Exponential function. @since 0.1 */
AIRE_API aire_tensor *aire_exp(aire_tensor *x, const char *where);
/** Natural logarithm. @since 0.1 */
AIRE_API aire_tensor *aire_ln(aire_tensor *x, const char *where);
/** Square root. @since 0.1 */
AIRE_API aire_tensor *aire_sqrt(aire_tensor *x, const char *where);
/** x * x. @since 0.1 */
AIRE_API aire_tensor *aire_square(aire_tensor *x, const char *where);
/** cap * tanh(x / cap), for cap > 0: keeps values within (-cap, cap). @since 0.1 */
AIRE_API aire_tensor *aire_softcap(aire_tensor *x, double cap, const char *where);

/**
 * x / sqrt(mean(x^2) + eps) * gain, over the last axis. @p gain: nullable, [last axis].
 * @since 0.1
 */
AIRE_API aire_tensor *aire_rmsnorm(aire_tensor *x, aire_tensor *gain, double eps,
                                   const char *where);
/**
 * (x - mean) / sqrt(variance + eps) * gain + bias, over the last axis. @p gain, @p bias: nullable,
 * [last axis]. @since 0.1
 */
AIRE_API aire_tensor *aire_layernorm(aire_tensor *x, aire_tensor *gain, aire_tensor *bias,
                                     double eps, const char *where);
/** Softmax over the last axis. @since 0.1 */
AIRE_API aire_tensor *aire_softmax(aire_tensor *x, const char *where);
/**
 * Softmax over the last axis of scores [..., T, T], where query i sees the keys j <= i and, for a
 * window > 0, i - j < window; 0 elsewhere. @since 0.1
 */
AIRE_API aire_tensor *aire_causal_softmax(aire_tensor *scores, int64_t window, const char *where);
/** log(sum(exp(x))) over the last axis, which becomes 1. @since 0.1 */
AIRE_API aire_tensor *aire_logsumexp(aire_tensor *x, const char *where);

/** x W^T + bias: x [..., in], weight [out, in], bias [out] or NULL; gives [..., out]. @since 0.1 */
AIRE_API aire_tensor *aire_linear(aire_tensor *x, aire_tensor *weight, aire_tensor *bias,
                                  const char *where);
/** Matrix product: a [..., M, K], b of the same leading axes [..., K, N], or [K, N]. @since 0.1 */
AIRE_API aire_tensor *aire_matmul(aire_tensor *a, aire_tensor *b, const char *where);
/** Rows of table [V, C] for ids [...] (I32, each in 0 to V - 1); gives [..., C]. @since 0.1 */
AIRE_API aire_tensor *aire_embedding(aire_tensor *table, aire_tensor *ids, const char *where);

/** Options of the attention operators. All zero (but struct_size) means the defaults. */
typedef struct aire_attention_options {
    uint32_t struct_size; /**< sizeof(aire_attention_options) */
    uint32_t reserved;    /**< must be 0 */
    int64_t window;       /**< a query sees so many keys, its own the last; 0: all before it */
    double scale;         /**< of the scores; 0: 1 / sqrt(head size) */
    double softcap;       /**< as aire_softcap, on the scaled scores; 0: none */
} aire_attention_options;

/** Default options. */
#define AIRE_ATTENTION_OPTIONS_INIT                                                                \
    { sizeof(aire_attention_options), 0, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_attention_options_init(aire_attention_options *options, size_t size);

/**
 * Causal self-attention. q [B, T, heads * D] or [B, T, heads, D]; k and v of the same rank, with as
 * many heads or, for grouped queries, a divisor of that number; gives q's shape.
 *
 * @param heads   heads of q; with four axes also 0
 * @param options nullable: the defaults
 * @since 0.1
 */
AIRE_API aire_tensor *aire_attention(aire_tensor *q, aire_tensor *k, aire_tensor *v, int64_t heads,
                                     const aire_attention_options *options, const char *where);

/** As aire_attention, from qkv [B, T, 3 * heads * D]: q, k, v side by side. @since 0.1 */
AIRE_API aire_tensor *aire_attention_qkv(aire_tensor *qkv, int64_t heads,
                                         const aire_attention_options *options, const char *where);

/**
 * Rotary positions for x [B, T, heads, D], D even: element i and i + D/2 of a head are rotated by
 * position * theta^(-2i/D).
 *
 * @param positions nullable (0 to T - 1); I32 [T] or [B, T]
 * @param theta     > 0; often 10000
 * @since 0.1
 */
AIRE_API aire_tensor *aire_rope(aire_tensor *x, aire_tensor *positions, double theta,
                                const char *where);

/** The same values with another shape of as many elements; costs nothing. @since 0.1 */
AIRE_API aire_tensor *aire_reshape(aire_tensor *x, int32_t rank, const int64_t *dims,
                                   const char *where);
/** Exchange two axes (from 0, or from -1 backwards). @since 0.1 */
AIRE_API aire_tensor *aire_transpose(aire_tensor *x, int32_t axis, int32_t other,
                                     const char *where);
/** Elements start to start + length - 1 of an axis (from 0, or from -1 backwards). @since 0.1 */
AIRE_API aire_tensor *aire_slice(aire_tensor *x, int32_t axis, int64_t start, int64_t length,
                                 const char *where);
/** a and b one after the other along an axis (from 0, or from -1 backwards). @since 0.1 */
AIRE_API aire_tensor *aire_concat(aire_tensor *a, aire_tensor *b, int32_t axis, const char *where);
/**
 * Element i of an axis is element i - count of @p x, or 0 where there is none. Along the tokens, a
 * count > 0 looks back. @since 0.1
 */
AIRE_API aire_tensor *aire_shift(aire_tensor *x, int32_t axis, int64_t count, const char *where);
/** The same values, through which no gradient flows; costs nothing. @since 0.1 */
AIRE_API aire_tensor *aire_detach(aire_tensor *x, const char *where);

/** Sum of all elements, a scalar. @since 0.1 */
AIRE_API aire_tensor *aire_sum(aire_tensor *x, const char *where);
/** Mean of all elements, a scalar. @since 0.1 */
AIRE_API aire_tensor *aire_mean(aire_tensor *x, const char *where);
/** Sum over an axis (from 0, or from -1 backwards), which becomes 1. @since 0.1 */
AIRE_API aire_tensor *aire_sum_axis(aire_tensor *x, int32_t axis, const char *where);
/** Mean over an axis (from 0, or from -1 backwards), which becomes 1. @since 0.1 */
AIRE_API aire_tensor *aire_mean_axis(aire_tensor *x, int32_t axis, const char *where);

/**
 * Mean of -log softmax(logits)[target], in nats, over the targets that are not @p ignore_index; 0
 * if there are none. logits [..., V], targets [...] (I32, each in 0 to V - 1 or @p ignore_index);
 * gives a scalar. @since 0.1
 */
AIRE_API aire_tensor *aire_cross_entropy(aire_tensor *logits, aire_tensor *targets,
                                         int64_t ignore_index, const char *where);
/** As aire_cross_entropy, each target's own: shape of targets, 0 where ignored. @since 0.1 */
AIRE_API aire_tensor *aire_token_losses(aire_tensor *logits, aire_tensor *targets,
                                        int64_t ignore_index, const char *where);

AIRE_END_DECLS

/** Rank and dims in one: aire_param(tape, "wte", AIRE_INIT_NORMAL, 0.02, AIRE_DIMS(V, C)). */
#define AIRE_DIMS(...)                                                                             \
    (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                           \
        ((const int64_t[]){__VA_ARGS__})

/** The place in the program, as "file:line". */
#define AIRE_HERE __FILE__ ":" AIRE_HERE_LINE_(__LINE__)
#define AIRE_HERE_LINE_(line) AIRE_HERE_TEXT_(line)
#define AIRE_HERE_TEXT_(line) #line

/* A macro's own name is not expanded again in its expansion, so these call the functions. */
#ifndef AIRE_NO_OPERATOR_MACROS
#define aire_param(tape, name, init, value, ...)                                                   \
    aire_param(tape, name, init, value, __VA_ARGS__, AIRE_HERE)
#define aire_input(tape, name, dtype, ...) aire_input(tape, name, dtype, __VA_ARGS__, AIRE_HERE)
#define aire_output(tape, name, tensor) aire_output(tape, name, tensor, AIRE_HERE)
#define aire_add(a, b) aire_add(a, b, AIRE_HERE)
#define aire_sub(a, b) aire_sub(a, b, AIRE_HERE)
#define aire_mul(a, b) aire_mul(a, b, AIRE_HERE)
#define aire_div(a, b) aire_div(a, b, AIRE_HERE)
#define aire_scale(x, factor) aire_scale(x, factor, AIRE_HERE)
#define aire_offset(x, constant) aire_offset(x, constant, AIRE_HERE)
#define aire_relu(x) aire_relu(x, AIRE_HERE)
#define aire_relu_squared(x) aire_relu_squared(x, AIRE_HERE)
#define aire_gelu(x) aire_gelu(x, AIRE_HERE)
#define aire_gelu_tanh(x) aire_gelu_tanh(x, AIRE_HERE)
#define aire_silu(x) aire_silu(x, AIRE_HERE)
#define aire_sigmoid(x) aire_sigmoid(x, AIRE_HERE)
#define aire_tanh(x) aire_tanh(x, AIRE_HERE)
#define aire_exp(x) aire_exp(x, AIRE_HERE)
#define aire_ln(x) aire_ln(x, AIRE_HERE)
#define aire_sqrt(x) aire_sqrt(x, AIRE_HERE)
#define aire_square(x) aire_square(x, AIRE_HERE)
#define aire_softcap(x, cap) aire_softcap(x, cap, AIRE_HERE)
#define aire_rmsnorm(x, gain, eps) aire_rmsnorm(x, gain, eps, AIRE_HERE)
#define aire_layernorm(x, gain, bias, eps) aire_layernorm(x, gain, bias, eps, AIRE_HERE)
#define aire_softmax(x) aire_softmax(x, AIRE_HERE)
#define aire_causal_softmax(scores, window) aire_causal_softmax(scores, window, AIRE_HERE)
#define aire_logsumexp(x) aire_logsumexp(x, AIRE_HERE)
#define aire_linear(x, weight, bias) aire_linear(x, weight, bias, AIRE_HERE)
#define aire_matmul(a, b) aire_matmul(a, b, AIRE_HERE)
#define aire_embedding(table, ids) aire_embedding(table, ids, AIRE_HERE)
#define aire_attention(q, k, v, heads, options) aire_attention(q, k, v, heads, options, AIRE_HERE)
#define aire_attention_qkv(qkv, heads, options) aire_attention_qkv(qkv, heads, options, AIRE_HERE)
#define aire_rope(x, positions, theta) aire_rope(x, positions, theta, AIRE_HERE)
#define aire_reshape(x, ...) aire_reshape(x, __VA_ARGS__, AIRE_HERE)
#define aire_transpose(x, axis, other) aire_transpose(x, axis, other, AIRE_HERE)
#define aire_slice(x, axis, start, length) aire_slice(x, axis, start, length, AIRE_HERE)
#define aire_concat(a, b, axis) aire_concat(a, b, axis, AIRE_HERE)
#define aire_shift(x, axis, count) aire_shift(x, axis, count, AIRE_HERE)
#define aire_detach(x) aire_detach(x, AIRE_HERE)
#define aire_sum(x) aire_sum(x, AIRE_HERE)
#define aire_mean(x) aire_mean(x, AIRE_HERE)
#define aire_sum_axis(x, axis) aire_sum_axis(x, axis, AIRE_HERE)
#define aire_mean_axis(x, axis) aire_mean_axis(x, axis, AIRE_HERE)
#define aire_cross_entropy(logits, targets, ignore_index)                                          \
    aire_cross_entropy(logits, targets, ignore_index, AIRE_HERE)
#define aire_token_losses(logits, targets, ignore_index)                                           \
    aire_token_losses(logits, targets, ignore_index, AIRE_HERE)
#endif

#endif
