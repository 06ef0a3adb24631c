/*
 * Repairs: patched code that does not build, or falls over at once, goes back to the model that
 * wrote it, with what its log says.
 *
 * Only what the Implementer wrote is repaired: a patch that came with its idea is the idea. A
 * repair begins a conversation of its own, which holds all that it needs, so that a run that is
 * taken up goes on with it. Where none can be had, the run ends as it had.
 */
#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "executor/implement.h"
#include "executor/log_lines.h"

#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 6000, FAILURE_MAX = 8000, LOG_MAX = 64 << 20 };

/* ---- what is repaired ---- */

static int64_t wall_ms(const aire_try *t)
{
    return t->ending.usage_count ? t->ending.usage[t->ending.usage_count - 1].wall_ms : 0;
}

static bool is_repairable(const aire_try *t)
{
    const aire_implementing *how = &t->shop->how;
    if (!t->is_written || !t->shop->implementer || t->repairs >= how->repairs)
        return false;
    switch (t->ending.stage) {
    case AIRE_STAGE_BUILD:
        return t->ending.outcome == AIRE_OUTCOME_BUILD_FAILED;
    case AIRE_STAGE_SMOKE:
        return t->ending.outcome == AIRE_OUTCOME_CRASHED;
    case AIRE_STAGE_RUN:
        return t->ending.outcome == AIRE_OUTCOME_CRASHED && wall_ms(t) <= how->repair_ms;
    default:
        return false;
    }
}

/* ---- what is told of it ---- */

/* The lines that matter of the log of the stage that failed; of its end, if there is no more. */
static aire_status read_lines(const aire_try *t, char **out)
{
    aire_ctx *ctx = t->shop->ctx;
    char name[32], *text = NULL;
    size_t length = 0;
    snprintf(name, sizeof name, "%s.log", aire_stage_name(t->ending.stage));
    char *path = aire__try_path(t, name);
    if (!path)
        return aire__fail_nomem();
    aire_status status = aire__fs_read(ctx, path, LOG_MAX, &text, &length);
    aire_free(ctx, path);
    if (status == AIRE_NOMEM)
        return status;
    const char *tail = t->ending.log_tail ? t->ending.log_tail : "";
    status = aire__log_lines(ctx, text ? text : tail, text ? length : strlen(tail), LINES_MAX, out);
    aire_free(ctx, text);
    return status;
}

static aire_status describe(const aire_try *t, char **out)
{
    aire_buf buf;
    char *lines = NULL;
    aire_status status = read_lines(t, &lines);
    if (status != AIRE_OK)
        return status;
    aire__buf_init(&buf, t->shop->ctx, FAILURE_MAX);
    aire__buf_printf(&buf, "The patch applied, but %s.\n", t->ending.detail);
    if (*lines)
        aire__buf_printf(&buf, "\nFrom its log:\n```\n%s```\n", lines);
    else
        aire__buf_puts(&buf, "\nIt wrote nothing to its log.\n");
    aire_free(t->shop->ctx, lines);
    status = aire__buf_take(&buf, out, NULL);
    aire__buf_free(&buf);
    return status;
}

/* ---- asking ---- */

static aire_status ask(aire_try *t, aire_writing *out)
{
    aire_ctx *ctx = t->shop->ctx;
    const aire_prompt_task task = aire__talk_task(t);
    char *failure = NULL, *text = NULL;
    aire_status status = describe(t, &failure);
    if (status == AIRE_OK)
        status = aire__prompt_debug(ctx, &task, &t->patched, failure, &text);
    if (status == AIRE_OK)
        status = aire__have_patch(t, text, failure, out);
    aire_free(ctx, failure);
    aire_free(ctx, text);
    return status;
}

/* Begin anew with another patch: nothing of the former run is left. */
static aire_status start_over(aire_try *t, aire_writing *writing, const char *variant)
{
    aire__workspace_remove(t);
    aire__ending_clear(t);
    t->has_streamed = false;
    memcpy(t->variant, variant, sizeof t->variant);
    return aire__take_patch(t, writing);
}

aire_status aire__repair(aire_try *t, bool *again)
{
    aire_writing w = {.answer = NULL};
    char variant[65];
    *again = false;
    if (!is_repairable(t))
        return AIRE_OK;
    int32_t stage = t->ending.stage;
    aire_status status = aire__draft_end(t);
    if (t->entered)
        t->entered(t, AIRE_STAGE_IMPLEMENT, t->data);
    t->ending.stage = stage;
    t->repairs++;
    if (status == AIRE_OK)
        status = ask(t, &w);
    if (status == AIRE_LIMIT) /* no room for it in a request */
        return AIRE_OK;
    if (status != AIRE_OK)
        return status;
    if (!w.trial.refusal)
        aire__variant_hash(t->shop->env, &w.trial.patched, variant);
    if (!w.trial.refusal && strcmp(variant, t->variant) != 0) {
        *again = true;
        status = start_over(t, &w, variant);
    }
    aire__writing_free(t->shop->ctx, &w);
    return status;
}
