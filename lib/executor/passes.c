/*
 * The passes of a model whose code the variant brings.
 *
 * An evaluator poses them, the variant's model answers each in a sandbox of its own, and the
 * evaluator judges the answers together. A pass knows nothing of the others: it has a fresh
 * process, can write only its answer, and is laid out under a number that is drawn anew each time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/job.h"

void aire__passes_free(const aire_try *t, aire_passes *passes)
{
    for (size_t i = 0; i < passes->count; i++)
        aire_free(t->shop->ctx, passes->names[i]);
    aire_free(t->shop->ctx, passes->names);
    *passes = (aire_passes){0};
}

/* ---- what was posed ---- */

static aire_status add_name(const aire_try *t, aire_passes *passes, const char *name)
{
    passes->names[passes->count] = aire__strdup(t->shop->ctx, name);
    return passes->names[passes->count] ? (passes->count++, AIRE_OK) : aire__fail_nomem();
}

static aire_status list(aire_try *t, DIR *dir, size_t max, aire_passes *passes)
{
    aire_status status = AIRE_OK;
    for (struct dirent *entry; status == AIRE_OK && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (passes->count == max)
            return aire__settle(t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR,
                                "the evaluation posed more than %zu passes", max);
        status = add_name(t, passes, entry->d_name);
    }
    if (status == AIRE_OK && passes->count == 0)
        return aire__settle(t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR,
                            "the evaluation posed no pass, and reported nothing");
    return status;
}

/* From the kernel: what a seed gives, somebody who knows the seed could tell. */
static aire_status shuffle(aire_passes *passes)
{
    uint32_t numbers[AIRE_ENV_PASSES_MAX];
    size_t bytes = passes->count * sizeof *numbers, have = 0;
    while (have < bytes) {
        ssize_t got = getrandom((char *)numbers + have, bytes - have, 0);
        if (got < 0 && errno != EINTR)
            return aire__fail_errno(AIRE_IO, errno, "the kernel gives no random numbers");
        have += got > 0 ? (size_t)got : 0;
    }
    for (size_t i = passes->count; i > 1; i--) {
        size_t k = numbers[i - 1] % i;
        char *name = passes->names[k];
        passes->names[k] = passes->names[i - 1];
        passes->names[i - 1] = name;
    }
    return AIRE_OK;
}

aire_status aire__passes_read(aire_try *t, aire_passes *out)
{
    size_t max = (size_t)t->shop->env->steps[AIRE_STAGE_PREDICT].passes;
    char *path = aire__try_path(t, "passes");
    DIR *dir = path ? opendir(path) : NULL;
    aire_status status = !path ? aire__fail_nomem()
                         : dir ? AIRE_OK
                               : aire__fail_errno(AIRE_IO, errno, "cannot read '%s'", path);
    aire_free(t->shop->ctx, path);
    *out = (aire_passes){.names = aire__calloc(t->shop->ctx, max, sizeof *out->names)};
    if (status == AIRE_OK && !out->names)
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        status = list(t, dir, max, out);
    if (dir)
        closedir(dir);
    if (status == AIRE_OK)
        status = shuffle(out);
    if (status != AIRE_OK)
        aire__passes_free(t, out);
    return status;
}

/* ---- one pass ---- */

char *aire__passes_path(const aire_try *t, size_t index, const char *name)
{
    return aire__asprintf(t->shop->ctx, "%s/served/%zu/%s", t->directory, index, name);
}

aire_status aire__passes_serve(aire_try *t, const aire_passes *passes, size_t index)
{
    char answer[64], served[64];
    snprintf(served, sizeof served, "served/%zu", index);
    snprintf(answer, sizeof answer, "served/%zu/answer", index);
    aire_status status = aire__workspace_make_directory(t, answer);
    if (status != AIRE_OK)
        return status;
    status = aire__workspace_hand_over(t, &(aire_handing){.from = "passes",
                                                          .path = passes->names[index],
                                                          .to = served,
                                                          .name = "input",
                                                          .place = "AIRE_PASSES",
                                                          .max_bytes = INT64_MAX,
                                                          .required = true});
    if (status == AIRE_OK && t->ending.outcome != AIRE_OUTCOME_OK)
        return aire__settle(t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR,
                            "the evaluation posed '%s', which is not a plain file",
                            passes->names[index]);
    return status;
}

aire_status aire__passes_collect(aire_try *t, const aire_passes *passes, size_t index)
{
    char answer[64];
    snprintf(answer, sizeof answer, "served/%zu/answer", index);
    aire_status status = aire__workspace_hand_over(
        t, &(aire_handing){.from = answer,
                           .path = strrchr(AIRE_ENV_ANSWER, '/') + 1,
                           .to = "answers",
                           .name = passes->names[index],
                           .place = "AIRE_ANSWER's directory",
                           .max_bytes = t->shop->env->steps[AIRE_STAGE_PREDICT].answer_bytes,
                           .required = true});
    char *path = aire__passes_path(t, index, "");
    if (status == AIRE_OK)
        status = path ? aire__fs_remove_tree(t->shop->ctx, path) : aire__fail_nomem();
    aire_free(t->shop->ctx, path);
    return status;
}
