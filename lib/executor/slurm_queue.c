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

enum { COMMAND_MS = 60000, OUTPUT_MAX = 16 << 20, WORDS_MAX = 64, VARS_MAX = 8 };
enum { BACKOFF_MAX_MS = 30000, CANCEL_TRIES = 3, CANCEL_PAUSE_US = 300000, HELD_FD = 3 };

struct aire_slurm_queue {
    aire_ctx *ctx;
    char *bin_dir;
    char *env[VARS_MAX + 1]; /* of the commands; ends in NULL */
    int64_t poll_ns;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t answered;
    bool asking; /* somebody does so now, without the lock */
    bool no_accounting;
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
    q->poll_ns = (int64_t)(o->poll_ms > 0 ? o->poll_ms : AIRE_SLURM_POLL_MS) * 1000000;
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

/* A decimal number, of which *at is left behind the last digit; -1 if there is none. */
static int64_t take_number(const char **at, const char *end, int64_t max)
{
    int64_t number = -1;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        number = (number < 0 ? 0 : number) * 10 + (**at - '0');
        if (number > max)
            return -1;
    }
    return number;
}

bool aire__slurm_id_parse(const char *text, size_t length, aire_slurm_id *out)
{
    const char *at = text, *end = text + length;
    out->number = take_number(&at, end, INT64_MAX / 10 - 1);
    out->task = AIRE_SLURM_ALONE;
    if (out->number > 0 && at < end && *at == '_') {
        at++;
        out->task = (int32_t)take_number(&at, end, INT32_MAX / 10 - 1);
        if (out->task < 0)
            return false;
    }
    return out->number > 0 && at == end;
}

void aire__slurm_id_format(aire_slurm_id id, char out[AIRE_SLURM_ID_TEXT])
{
    int length = snprintf(out, AIRE_SLURM_ID_TEXT, "%lld", (long long)id.number);
    if (id.task >= 0)
        snprintf(out + length, AIRE_SLURM_ID_TEXT - (size_t)length, "_%d", (int)id.task);
}

/* The next field of a line, which ends at '|' or with it; false: there is none. */
static bool take_field(const char **at, const char *end, const char **field, size_t *length)
{
    if (*at > end)
        return false;
    const char *bar = memchr(*at, '|', (size_t)(end - *at));
    *field = *at;
    *length = (size_t)((bar ? bar : end) - *at);
    *at = (bar ? bar : end) + 1;
    return true;
}

/* The name comes before the reason: that of ours has no bar in it, and a reason may. */
bool aire__slurm_parse_line(const char *line, size_t length, aire_slurm_line *out)
{
    const char *at = line, *end = line + length, *id, *word, *reason;
    size_t id_length, word_length, reason_length;
    if (!take_field(&at, end, &id, &id_length) || !take_field(&at, end, &word, &word_length) ||
        !take_field(&at, end, &out->name, &out->name_length) ||
        !take_field(&at, end, &reason, &reason_length) || word_length == 0 ||
        word_length >= sizeof out->seen.word)
        return false;
    snprintf(out->seen.word, sizeof out->seen.word, "%.*s", (int)word_length, word);
    snprintf(out->seen.reason, sizeof out->seen.reason, "%.*s",
             (int)(reason_length < 60 ? reason_length : 60), reason);
    out->seen.reason[strcspn(out->seen.reason, ",")] = '\0'; /* "ReqNodeNotAvail, ..." */
    out->state = state_of_word(out->seen.word);
    return aire__slurm_id_parse(id, id_length, &out->id);
}

/* With the lock held, which is given back meanwhile: ask for all jobs of this user's. */
static void ask(aire_slurm_queue *q)
{
    static const char *const words[] = {"squeue",       "--noheader",           "--me", "--array",
                                        "--states=all", "--format=%i|%T|%j|%r", NULL};
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
    aire_slurm_id id; /* of its number only the task, if a name is given */
    const char *name; /* nullable */
    bool found;
    aire_slurm_line line;
} wanted;

static bool is_wanted(const wanted *w)
{
    const aire_slurm_line *line = &w->line;
    if (!w->name)
        return line->id.number == w->id.number && line->id.task == w->id.task;
    if (line->name_length != strlen(w->name) || memcmp(line->name, w->name, line->name_length) != 0)
        return false;
    return w->id.task == AIRE_SLURM_ANY
               ? line->id.task != AIRE_SLURM_ALONE
               : line->id.task == w->id.task && line->state != AIRE_SLURM_OVER;
}

static void search(const char *lines, wanted *w)
{
    for (const char *line = lines; *line && !w->found;) {
        size_t length = strcspn(line, "\n");
        w->found = aire__slurm_parse_line(line, length, &w->line) && is_wanted(w);
        line += length + (line[length] != '\0');
    }
}

aire_slurm_state aire__slurm_state(aire_slurm_queue *q, aire_slurm_id id, int64_t since_ns,
                                   aire_slurm_seen *seen)
{
    wanted w = {.id = id};
    pthread_mutex_lock(&q->lock);
    refresh(q, since_ns);
    bool known = q->lines && q->seen_ns > since_ns;
    if (known)
        search(q->lines, &w);
    pthread_mutex_unlock(&q->lock);
    *seen = w.found ? w.line.seen : (aire_slurm_seen){.word = ""};
    return w.found ? w.line.state : known ? AIRE_SLURM_GONE : AIRE_SLURM_UNKNOWN;
}

bool aire__slurm_find(aire_slurm_queue *q, const char *name, int32_t task, int64_t since_ns,
                      aire_slurm_id *id)
{
    wanted w = {.id = {.task = task}, .name = name};
    pthread_mutex_lock(&q->lock);
    while (q->asking)
        pthread_cond_wait(&q->answered, &q->lock);
    refresh(q, since_ns);
    bool known = q->lines && q->seen_ns > since_ns;
    if (known)
        search(q->lines, &w);
    pthread_mutex_unlock(&q->lock);
    *id = w.found ? w.line.id : (aire_slurm_id){.task = AIRE_SLURM_ALONE};
    return known;
}

/* ---- why a job waits ---- */

/* The first row whose pattern fits; what is in no row passes. */
aire_slurm_wait aire__slurm_wait_of(const char *reason, const char **advice)
{
    static const char needs[] = "ask for less in aire.json, or name another partition, account or "
                                "QOS in aire_slurm_options";
    static const char names[] = "name an account and a QOS that may be used in aire_slurm_options";
    static const char limit[] =
        "it passes when other jobs end, unless the limit is used up: sacctmgr show assoc, qos; "
        "fewer workers wait less";
    static const char nodes[] = "see sinfo --list-reasons, and bring nodes back or name others";
    static const struct {
        const char *reason;
        aire_slurm_wait wait;
        const char *advice;
    } rows[] = {
        {"BadConstraints", AIRE_SLURM_NEVER, needs},
        {"PartitionNodeLimit", AIRE_SLURM_NEVER, needs},
        {"PartitionTimeLimit", AIRE_SLURM_NEVER, needs},
        {"*PerJob*", AIRE_SLURM_NEVER, needs},
        {"QOSMin*", AIRE_SLURM_NEVER, needs},
        {"InvalidAccount", AIRE_SLURM_NEVER, names},
        {"InvalidQOS", AIRE_SLURM_NEVER, names},
        {"AccountNotAllowed", AIRE_SLURM_NEVER, names},
        {"QOSNotAllowed", AIRE_SLURM_NEVER, names},
        {"DependencyNeverSatisfied", AIRE_SLURM_NEVER,
         "take the dependency out of aire_slurm_options.arguments"},
        {"PartitionConfig", AIRE_SLURM_HELD, needs},
        {"PartitionDown", AIRE_SLURM_HELD, "scontrol update PartitionName=... State=UP"},
        {"PartitionInactive", AIRE_SLURM_HELD, "scontrol update PartitionName=... State=UP"},
        {"ReqNodeNotAvail*", AIRE_SLURM_HELD, nodes},
        {"NodeDown", AIRE_SLURM_HELD, nodes},
        {"JobHeldAdmin", AIRE_SLURM_HELD, "an administrator has to release it: scontrol release"},
        {"JobHeldUser", AIRE_SLURM_HELD, "release it: scontrol release"},
        {"* held", AIRE_SLURM_HELD, "see what failed at its launch, then scontrol release"},
        {"Assoc*", AIRE_SLURM_LIMITED, limit},
        {"QOS*", AIRE_SLURM_LIMITED, limit},
    };
    *advice = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (aire__glob_match(rows[i].reason, reason)) {
            *advice = rows[i].advice;
            return rows[i].wait;
        }
    return AIRE_SLURM_PASSES;
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

/* ---- what sacct says ---- */

bool aire__slurm_parse_account(const char *text, aire_slurm_id id, char word[24], char code[24])
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), id_length, word_length, code_length;
        const char *at = line, *end = line + length, *number, *state, *exit_code;
        aire_slurm_id found;
        line += length + (line[length] != '\0');
        if (!take_field(&at, end, &number, &id_length) ||
            !take_field(&at, end, &state, &word_length) ||
            !take_field(&at, end, &exit_code, &code_length) ||
            !aire__slurm_id_parse(number, id_length, &found) || found.number != id.number ||
            found.task != id.task)
            continue;
        for (size_t i = 0; i < word_length; i++) /* "CANCELLED by 1000" */
            word_length = state[i] == ' ' || state[i] == '+' ? i : word_length;
        if (word_length == 0 || word_length > 23 || code_length > 23)
            continue;
        snprintf(word, 24, "%.*s", (int)word_length, state);
        snprintf(code, 24, "%.*s", (int)code_length, exit_code);
        return true;
    }
    return false;
}

/* Whether there is an accounting that may be asked; that there is none is said once. */
static bool has_accounting(aire_slurm_queue *q, int exit_code, const char *text)
{
    bool none = exit_code == 127 || strstr(text, "accounting storage is disabled");
    pthread_mutex_lock(&q->lock);
    bool news = none && !q->no_accounting;
    q->no_accounting |= none;
    pthread_mutex_unlock(&q->lock);
    if (news)
        aire__logf(q->ctx, AIRE_LOG_INFO, "slurm",
                   "there is no accounting (sacct: %.200s): of a job that the controller has "
                   "forgotten nothing more is known",
                   text);
    return exit_code == 0;
}

/* A job that the controller has forgotten, as the accounting has it; "" if nothing is known. Its
 * JobID is that of squeue; JobIDRaw would number the tasks of an array otherwise. */
static aire_slurm_state ask_accounting(aire_slurm_queue *q, const char *number, aire_slurm_id id,
                                       char word[24], char out[AIRE_SLURM_WHY])
{
    char jobs[AIRE_SLURM_ID_TEXT + 8], code[24] = "", *text = NULL;
    const char *const words[] = {
        "sacct", jobs, "--parsable2", "--noheader", "-X", "--format=JobID,State,ExitCode", NULL};
    int exit_code;
    pthread_mutex_lock(&q->lock);
    bool none = q->no_accounting;
    pthread_mutex_unlock(&q->lock);
    snprintf(jobs, sizeof jobs, "--jobs=%s", number);
    if (none || run(q, words, -1, &text, &exit_code) != AIRE_OK)
        return AIRE_SLURM_GONE;
    bool known =
        has_accounting(q, exit_code, text) && aire__slurm_parse_account(text, id, word, code);
    aire_free(q->ctx, text);
    if (known)
        snprintf(out, AIRE_SLURM_WHY, "state %s, exit code %s, as the accounting has it", word,
                 code);
    /* what the accounting calls alive, the controller would know */
    return known && state_of_word(word) == AIRE_SLURM_OVER ? AIRE_SLURM_OVER : AIRE_SLURM_GONE;
}

aire_slurm_state aire__slurm_explain(aire_slurm_queue *q, aire_slurm_id id, char state[24],
                                     char out[AIRE_SLURM_WHY])
{
    char number[AIRE_SLURM_ID_TEXT], reason[80] = "", code[24] = "", nodes[80] = "", *text = NULL;
    const char *const words[] = {"scontrol", "--oneliner", "show", "job", number, NULL};
    int exit_code;
    aire__slurm_id_format(id, number);
    *out = *state = '\0';
    if (run(q, words, -1, &text, &exit_code) != AIRE_OK)
        return AIRE_SLURM_UNKNOWN;
    bool known = exit_code == 0 && aire__slurm_field(text, "JobState", state, 24);
    bool gone = !known && strstr(text, "Invalid job id");
    if (known) {
        aire__slurm_field(text, "Reason", reason, sizeof reason);
        aire__slurm_field(text, "ExitCode", code, sizeof code);
        aire__slurm_field(text, "NodeList", nodes, sizeof nodes);
        snprintf(out, AIRE_SLURM_WHY, "state %s, reason %s, exit code %s, node %s", state, reason,
                 code, nodes);
    }
    aire_free(q->ctx, text);
    if (gone)
        return ask_accounting(q, number, id, state, out);
    return known ? state_of_word(state) : AIRE_SLURM_UNKNOWN;
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

static aire_status make_wrap(aire_slurm_queue *q, const char *const *argv, bool in_array,
                             char **out)
{
    aire_buf line;
    aire__buf_init(&line, q->ctx, 1 << 16);
    aire__buf_printf(&line, "--wrap=exec");
    aire_status status = AIRE_OK;
    for (size_t i = 0; argv[i] && status == AIRE_OK; i++)
        status = quote(&line, argv[i]);
    if (in_array)
        aire__buf_puts(&line, "\"$SLURM_ARRAY_TASK_ID\"");
    if (status == AIRE_OK)
        return aire__buf_take(&line, out, NULL);
    aire__buf_free(&line);
    return status;
}

aire_status aire__slurm_submit(aire_slurm_queue *q, const char *const *arguments,
                               const char *const *argv, size_t tasks, int held, int64_t *id)
{
    const char *words[WORDS_MAX] = {"sbatch", "--parsable"};
    size_t count = 2;
    char array[40], *wrap, *text = NULL;
    int code = 0;
    for (size_t i = 0; arguments[i]; i++) {
        if (count + 3 >= WORDS_MAX)
            return aire__fail(AIRE_LIMIT, "too many arguments for sbatch");
        words[count++] = arguments[i];
    }
    snprintf(array, sizeof array, "--array=0-%zu", tasks - 1);
    if (tasks > 0)
        words[count++] = array;
    aire_status status = make_wrap(q, argv, tasks > 0, &wrap);
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

bool aire__slurm_cancel(aire_slurm_queue *q, aire_slurm_id id)
{
    char number[AIRE_SLURM_ID_TEXT], *text = NULL;
    int code = 1;
    const char *words[] = {"scancel", number, NULL};
    aire__slurm_id_format(id, number);
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
