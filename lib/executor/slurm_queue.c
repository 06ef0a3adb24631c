/*
 * The cluster's commands. All jobs are asked for at once, at most once an interval, whoever asks.
 * A controller that does not answer is no job's end.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/process.h"
#include "base/str.h"
#include "base/thread.h"
#include "executor/slurm.h"

enum { COMMAND_MS = 60000, OUTPUT_MAX = 16 << 20, WORDS_MAX = 64, POLL_MS = 2000 };

struct aire_slurm_queue {
    aire_ctx *ctx;
    char *bin_dir, *conf;
    int64_t poll_ns;
    pthread_mutex_t lock; /* guards what follows */
    char *lines;          /* of squeue, as they were last seen; NULL: never */
    int64_t seen_ns, tried_ns;
};

aire_status aire__slurm_queue_new(aire_ctx *ctx, const aire_slurm_options *o,
                                  aire_slurm_queue **out)
{
    aire_slurm_queue *q = aire__calloc(ctx, 1, sizeof *q);
    if (!q)
        return aire__fail_nomem();
    q->ctx = ctx;
    pthread_mutex_init(&q->lock, NULL);
    q->poll_ns = (int64_t)(o->poll_ms > 0 ? o->poll_ms : POLL_MS) * 1000000;
    q->bin_dir = aire__strdup(ctx, o->bin_dir ? o->bin_dir : "/usr/bin");
    q->conf = o->conf_path ? aire__asprintf(ctx, "SLURM_CONF=%s", o->conf_path) : NULL;
    if (!q->bin_dir || (o->conf_path && !q->conf)) {
        aire__slurm_queue_free(q);
        return aire__fail_nomem();
    }
    *out = q;
    return AIRE_OK;
}

void aire__slurm_queue_free(aire_slurm_queue *q)
{
    if (!q)
        return;
    aire_free(q->ctx, q->bin_dir);
    aire_free(q->ctx, q->conf);
    aire_free(q->ctx, q->lines);
    pthread_mutex_destroy(&q->lock);
    aire_free(q->ctx, q);
}

/* ---- commands ---- */

/* Read to the end, or until it has taken too long. */
static aire_status read_output(int fd, aire_process *process, const char *what, aire_buf *out)
{
    int64_t deadline = aire__deadline_ns(COMMAND_MS);
    for (;;) {
        char chunk[8192];
        int64_t left = (deadline - aire__monotonic_ns()) / 1000000;
        struct pollfd ready = {fd, POLLIN, 0};
        if (left <= 0) {
            aire__process_signal(process, SIGKILL);
            return aire__fail(AIRE_TIMEOUT, "%s did not end within %d s", what, COMMAND_MS / 1000);
        }
        if (poll(&ready, 1, (int)left) <= 0)
            continue;
        ssize_t count = read(fd, chunk, sizeof chunk);
        if (count <= 0)
            return aire__buf_status(out);
        aire__buf_append(out, chunk, (size_t)count);
    }
}

/* The process's exit code is nobody's to wait for: a shell says it behind the output. */
static aire_status split_code(const char *what, char *text, size_t length, int *code)
{
    char *mark = length > 0 ? memrchr(text, '\n', length - 1) : NULL;
    if (!mark || sscanf(mark, "\nexit %d", code) != 1)
        return aire__fail(AIRE_SANDBOX, "%s was killed", what);
    *mark = '\0';
    return AIRE_OK;
}

/* Run a command of Slurm; *out (from aire_alloc) is what it printed, whatever its exit code. */
static aire_status run(aire_slurm_queue *q, const char *const *words, char **out, int *code)
{
    static const char script[] = "\"$@\" 2>&1; printf '\\nexit %d\\n' $?";
    const char *argv[WORDS_MAX + 6] = {"/bin/sh", "-c", script, "sh"};
    const char *env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", q->conf, NULL};
    aire_process process = AIRE_PROCESS_NONE;
    aire_buf text;
    int ends[2];
    char program[512];
    snprintf(program, sizeof program, "%s/%s", q->bin_dir, words[0]);
    argv[4] = program;
    for (size_t i = 1; words[i]; i++) {
        if (i >= WORDS_MAX)
            return aire__fail(AIRE_LIMIT, "%s: too many arguments", words[0]);
        argv[4 + i] = words[i];
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return aire__fail(AIRE_SANDBOX, "%s: no descriptor is left", words[0]);
    aire_fd_map fds[] = {{ends[1], STDOUT_FILENO}};
    aire__buf_init(&text, q->ctx, OUTPUT_MAX);
    aire_status status = aire__process_start("/bin/sh", argv, env, fds, 1, &process);
    close(ends[1]);
    if (status == AIRE_OK) {
        status = read_output(ends[0], &process, words[0], &text);
        aire_status ended = aire__process_wait(&process, COMMAND_MS);
        status = status == AIRE_OK ? ended : status;
    }
    close(ends[0]);
    size_t length = text.length;
    if (status == AIRE_OK)
        status = aire__buf_take(&text, out, NULL);
    else
        aire__buf_free(&text);
    if (status == AIRE_OK && (status = split_code(words[0], *out, length, code)) != AIRE_OK)
        aire_free(q->ctx, *out);
    return status;
}

/* ---- what squeue says ---- */

static aire_slurm_state state_of_word(const char *word)
{
    static const char *const over[] = {"COMPLETED", "FAILED",    "CANCELLED",     "TIMEOUT",
                                       "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL",
                                       "DEADLINE",  "REVOKED"};
    for (size_t i = 0; i < sizeof over / sizeof *over; i++)
        if (!strcmp(word, over[i]))
            return AIRE_SLURM_OVER;
    return strcmp(word, "RUNNING") && strcmp(word, "COMPLETING") ? AIRE_SLURM_WAITING
                                                                 : AIRE_SLURM_RUNNING;
}

bool aire__slurm_parse_line(const char *line, size_t length, int64_t *id, aire_slurm_state *state,
                            char word[24], const char **name, size_t *name_length)
{
    const char *first = memchr(line, '|', length);
    const char *second = first ? memchr(first + 1, '|', length - (size_t)(first + 1 - line)) : NULL;
    if (!second || first == line || second == first + 1 || second - first > 23)
        return false;
    *id = 0;
    for (const char *c = line; c < first; c++) {
        if (*c < '0' || *c > '9' || *id > INT64_MAX / 10 - 1)
            return false;
        *id = *id * 10 + (*c - '0');
    }
    memcpy(word, first + 1, (size_t)(second - first - 1));
    word[second - first - 1] = '\0';
    *state = state_of_word(word);
    *name = second + 1;
    *name_length = length - (size_t)(second + 1 - line);
    return *id > 0;
}

/* With the lock held: ask again, if that was long enough ago. */
static void refresh(aire_slurm_queue *q, int64_t since_ns)
{
    static const char *const words[] = {"squeue",       "--noheader",        "--me",
                                        "--states=all", "--format=%i|%T|%j", NULL};
    char *text = NULL;
    int code = 0;
    int64_t now = aire__monotonic_ns();
    bool fresh = q->lines && q->seen_ns > since_ns && now - q->seen_ns < q->poll_ns;
    if (fresh || (q->tried_ns && now - q->tried_ns < q->poll_ns / 2))
        return;
    q->tried_ns = now;
    aire_status status = run(q, words, &text, &code);
    if (status == AIRE_OK && code == 0) {
        aire_free(q->ctx, q->lines);
        q->lines = text;
        q->seen_ns = now;
        return;
    }
    aire__logf(q->ctx, AIRE_LOG_WARNING, "slurm", "squeue: %s",
               status == AIRE_OK ? text : aire_error_message(aire_last_error()));
    if (status == AIRE_OK)
        aire_free(q->ctx, text);
}

typedef struct wanted {
    int64_t id;       /* 0: by name */
    const char *name; /* then also one that is not over */
    int64_t found;
    aire_slurm_state state;
    char word[24];
} wanted;

static void search(const char *lines, wanted *w)
{
    for (const char *line = lines; *line && !w->found;) {
        size_t length = strcspn(line, "\n"), name_length;
        const char *name;
        int64_t id;
        if (aire__slurm_parse_line(line, length, &id, &w->state, w->word, &name, &name_length) &&
            (w->id ? id == w->id
                   : w->state != AIRE_SLURM_OVER && name_length == strlen(w->name) &&
                         !memcmp(name, w->name, name_length)))
            w->found = id;
        line += length + (line[length] != '\0');
    }
}

aire_slurm_state aire__slurm_state(aire_slurm_queue *q, int64_t id, int64_t since_ns, char word[24])
{
    wanted w = {.id = id};
    pthread_mutex_lock(&q->lock);
    refresh(q, since_ns);
    bool known = q->lines && q->seen_ns > since_ns;
    if (known)
        search(q->lines, &w);
    pthread_mutex_unlock(&q->lock);
    snprintf(word, 24, "%s", w.found ? w.word : "");
    return w.found ? w.state : known ? AIRE_SLURM_GONE : AIRE_SLURM_UNKNOWN;
}

int64_t aire__slurm_find(aire_slurm_queue *q, const char *name)
{
    wanted w = {.name = name};
    pthread_mutex_lock(&q->lock);
    refresh(q, 0);
    bool known = q->lines;
    if (known)
        search(q->lines, &w);
    pthread_mutex_unlock(&q->lock);
    return known ? w.found : -1;
}

/* ---- jobs ---- */

/* A word for the shell that runs the job. */
static aire_status quote(aire_buf *line, const char *word)
{
    if (strchr(word, '\''))
        return aire__fail(AIRE_INVALID, "a path with a quotation mark cannot be given to Slurm: %s",
                          word);
    aire__buf_printf(line, " '%s'", word);
    return aire__buf_status(line);
}

static aire_status make_wrap(aire_slurm_queue *q, const char *const *argv, char **out)
{
    aire_buf line;
    aire__buf_init(&line, q->ctx, 1 << 16);
    aire__buf_printf(&line, "--wrap=exec");
    aire_status status = AIRE_OK;
    for (size_t i = 0; argv[i] && status == AIRE_OK; i++)
        status = quote(&line, argv[i]);
    if (status == AIRE_OK)
        return aire__buf_take(&line, out, NULL);
    aire__buf_free(&line);
    return status;
}

aire_status aire__slurm_submit(aire_slurm_queue *q, const char *const *arguments,
                               const char *const *argv, int64_t *id)
{
    const char *words[WORDS_MAX] = {"sbatch", "--parsable"};
    size_t count = 2;
    char *wrap, *text = NULL;
    int code = 0;
    for (size_t i = 0; arguments[i]; i++) {
        if (count + 2 >= WORDS_MAX)
            return aire__fail(AIRE_LIMIT, "too many arguments for sbatch");
        words[count++] = arguments[i];
    }
    aire_status status = make_wrap(q, argv, &wrap);
    if (status != AIRE_OK)
        return status;
    words[count] = wrap;
    status = run(q, words, &text, &code);
    aire_free(q->ctx, wrap);
    if (status != AIRE_OK)
        return status;
    /* "NUMBER" or "NUMBER;CLUSTER", perhaps after lines that are notes */
    for (size_t length = strlen(text); length > 0 && text[length - 1] == '\n';)
        text[--length] = '\0';
    const char *last = strrchr(text, '\n');
    *id = code == 0 ? strtoll(last ? last + 1 : text, NULL, 10) : 0;
    if (*id <= 0)
        status = aire__fail(AIRE_SANDBOX, "Slurm did not take the job: %.500s", text);
    aire_free(q->ctx, text);
    return status;
}

void aire__slurm_cancel(aire_slurm_queue *q, int64_t id)
{
    char number[32], *text = NULL;
    int code;
    const char *words[] = {"scancel", number, NULL};
    snprintf(number, sizeof number, "%lld", (long long)id);
    if (run(q, words, &text, &code) == AIRE_OK)
        aire_free(q->ctx, text);
}
