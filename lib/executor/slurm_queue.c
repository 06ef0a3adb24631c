/*
 * The cluster's commands. All jobs are asked for at once, at most once an interval, whoever asks.
 * A controller that does not answer is no job's end.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
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

enum { COMMAND_MS = 60000, OUTPUT_MAX = 16 << 20, WORDS_MAX = 64, POLL_MS = 2000, VARS_MAX = 8 };
enum { BACKOFF_MAX_MS = 30000, CANCEL_TRIES = 3, CANCEL_PAUSE_US = 300000, HELD_FD = 3 };

struct aire_slurm_queue {
    aire_ctx *ctx;
    char *bin_dir;
    char *env[VARS_MAX + 1]; /* of the commands; ends in NULL */
    int64_t poll_ns;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t answered;
    bool asking; /* somebody does so now, without the lock */
    int failures;
    char *lines; /* of squeue, as they were last seen; NULL: never */
    int64_t seen_ns, tried_ns;
};

static aire_status add_var(aire_slurm_queue *q, size_t *count, const char *name, const char *value)
{
    if (value && !(q->env[(*count)++] = aire__asprintf(q->ctx, "%s=%s", name, value)))
        return aire__fail_nomem();
    return AIRE_OK;
}

/* Nothing of the host's environment: it would go on into the jobs. */
static aire_status make_env(aire_slurm_queue *q, const char *conf_path)
{
    char text[4096];
    struct passwd entry, *user = NULL;
    size_t count = 0;
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &user) != 0)
        user = NULL;
    aire_status status = add_var(q, &count, "PATH", "/usr/local/bin:/usr/bin:/bin");
    if (status == AIRE_OK)
        status = add_var(q, &count, "LC_ALL", "C");
    if (status == AIRE_OK)
        status = add_var(q, &count, "SLURM_CONF", conf_path);
    if (status == AIRE_OK)
        status = add_var(q, &count, "HOME", user ? user->pw_dir : NULL);
    if (status == AIRE_OK)
        status = add_var(q, &count, "USER", user ? user->pw_name : NULL);
    return status;
}

aire_status aire__slurm_queue_new(aire_ctx *ctx, const aire_slurm_options *o,
                                  aire_slurm_queue **out)
{
    aire_slurm_queue *q = aire__calloc(ctx, 1, sizeof *q);
    if (!q)
        return aire__fail_nomem();
    q->ctx = ctx;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->answered, NULL);
    q->poll_ns = (int64_t)(o->poll_ms > 0 ? o->poll_ms : POLL_MS) * 1000000;
    q->bin_dir = aire__strdup(ctx, o->bin_dir ? o->bin_dir : "/usr/bin");
    if (make_env(q, o->conf_path) != AIRE_OK || !q->bin_dir) {
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
    for (size_t i = 0; i < VARS_MAX; i++)
        aire_free(q->ctx, q->env[i]);
    aire_free(q->ctx, q->lines);
    pthread_cond_destroy(&q->answered);
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
            kill(-process->pid, SIGKILL); /* with its shell: one that lived on could still submit */
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

/* Run a command of Slurm; *out (from aire_alloc) is what it printed, whatever its exit code. It
 * keeps `held` (-1: nothing) open for as long as it lives, even where this process does not. */
static aire_status run(aire_slurm_queue *q, const char *const *words, int held, char **out,
                       int *code)
{
    static const char script[] = "\"$@\" 2>&1; printf '\\nexit %d\\n' $?";
    const char *argv[WORDS_MAX + 6] = {"/bin/sh", "-c", script, "sh"};
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
    aire_fd_map fds[] = {{ends[1], STDOUT_FILENO}, {held, HELD_FD}};
    aire__buf_init(&text, q->ctx, OUTPUT_MAX);
    aire_status status = aire__process_start("/bin/sh", argv, (const char *const *)q->env, fds,
                                             held >= 0 ? 2 : 1, &process);
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

/* With the lock held, which is given back meanwhile: ask for all jobs of this user's. */
static void ask(aire_slurm_queue *q)
{
    static const char *const words[] = {"squeue",       "--noheader",        "--me",
                                        "--states=all", "--format=%i|%T|%j", NULL};
    char *text = NULL;
    int code = 0;
    int64_t begun = q->tried_ns = aire__monotonic_ns();
    q->asking = true;
    pthread_mutex_unlock(&q->lock);
    aire_status status = run(q, words, -1, &text, &code);
    bool good = status == AIRE_OK && code == 0;
    if (!good)
        aire__logf(q->ctx, AIRE_LOG_WARNING, "slurm", "squeue: %s",
                   status == AIRE_OK ? text : aire_error_message(aire_last_error()));
    pthread_mutex_lock(&q->lock);
    if (good) {
        char *old = q->lines;
        q->lines = text;
        q->seen_ns = begun;
        text = old;
    }
    q->failures = good ? 0 : q->failures + 1;
    q->asking = false;
    pthread_cond_broadcast(&q->answered);
    aire_free(q->ctx, text);
}

/* How long to leave the controller alone since it was last asked: longer and longer while it does
 * not answer. */
static int64_t pause_ns(const aire_slurm_queue *q)
{
    int64_t most = (int64_t)BACKOFF_MAX_MS * 1000000, pause = q->poll_ns / 2;
    for (int i = 0; i < q->failures && pause < most; i++)
        pause *= 2;
    return q->failures && pause > most ? most : pause;
}

/* With the lock held: ask again, if that was long enough ago. Whoever finds another one asking goes
 * on with what is known, so that one slow answer holds up nobody. */
static void refresh(aire_slurm_queue *q, int64_t since_ns)
{
    int64_t now = aire__monotonic_ns();
    bool fresh = q->lines && q->seen_ns > since_ns && now - q->seen_ns < q->poll_ns;
    if (!fresh && !q->asking && (!q->tried_ns || now - q->tried_ns >= pause_ns(q)))
        ask(q);
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

int64_t aire__slurm_find(aire_slurm_queue *q, const char *name, int64_t since_ns)
{
    wanted w = {.name = name};
    pthread_mutex_lock(&q->lock);
    while (q->asking)
        pthread_cond_wait(&q->answered, &q->lock);
    refresh(q, since_ns);
    bool known = q->lines && q->seen_ns > since_ns;
    if (known)
        search(q->lines, &w);
    pthread_mutex_unlock(&q->lock);
    return known ? w.found : -1;
}

/* ---- what scontrol says ---- */

bool aire__slurm_field(const char *text, const char *key, char *out, size_t size)
{
    size_t length = strlen(key);
    for (const char *at = text; (at = strstr(at, key)); at += length) {
        if ((at > text && at[-1] != ' ' && at[-1] != '\n') || at[length] != '=')
            continue;
        at += length + 1;
        snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
        return true;
    }
    return false;
}

aire_slurm_state aire__slurm_explain(aire_slurm_queue *q, int64_t id, char out[AIRE_SLURM_WHY])
{
    char number[32], state[24] = "", reason[80] = "", code[24] = "", nodes[80] = "", *text = NULL;
    const char *const words[] = {"scontrol", "--oneliner", "show", "job", number, NULL};
    int exit_code;
    snprintf(number, sizeof number, "%lld", (long long)id);
    *out = '\0';
    if (run(q, words, -1, &text, &exit_code) != AIRE_OK)
        return AIRE_SLURM_UNKNOWN;
    bool known = exit_code == 0 && aire__slurm_field(text, "JobState", state, sizeof state);
    bool gone = !known && strstr(text, "Invalid job id");
    if (known) {
        aire__slurm_field(text, "Reason", reason, sizeof reason);
        aire__slurm_field(text, "ExitCode", code, sizeof code);
        aire__slurm_field(text, "NodeList", nodes, sizeof nodes);
        snprintf(out, AIRE_SLURM_WHY, "state %s, reason %s, exit code %s, node %s", state, reason,
                 code, nodes);
    }
    aire_free(q->ctx, text);
    return known ? state_of_word(state) : gone ? AIRE_SLURM_GONE : AIRE_SLURM_UNKNOWN;
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
                               const char *const *argv, int held, int64_t *id)
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
    status = run(q, words, held, &text, &code);
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

bool aire__slurm_cancel(aire_slurm_queue *q, int64_t id)
{
    char number[32], *text = NULL;
    int code = 1;
    const char *words[] = {"scancel", number, NULL};
    snprintf(number, sizeof number, "%lld", (long long)id);
    for (int i = 0; i < CANCEL_TRIES && code != 0; i++) {
        if (i > 0)
            usleep(CANCEL_PAUSE_US);
        if (run(q, words, -1, &text, &code) != AIRE_OK)
            code = 1;
        else
            aire_free(q->ctx, text);
    }
    if (code != 0)
        aire__logf(q->ctx, AIRE_LOG_WARNING, "slurm",
                   "job %s could not be cancelled and may still run: scancel %s", number, number);
    return code == 0;
}

/* ---- devices ---- */

int32_t aire__slurm_parse_gpus(const char *list, int32_t *out, int32_t max)
{
    int32_t count = 0;
    while (list && *list) {
        char *end;
        long first = strtol(list, &end, 10), last = first;
        if (end == list || *list < '0' || *list > '9')
            return -1;
        if (*end == '-' && end[1] >= '0' && end[1] <= '9')
            last = strtol(end + 1, &end, 10);
        if (last < first || last > AIRE_SLURM_GPU_MAX || (*end && (*end != ',' || !end[1])))
            return -1;
        for (; first <= last && count < max; first++)
            out[count++] = (int32_t)first;
        list = *end ? end + 1 : end;
    }
    return count;
}
