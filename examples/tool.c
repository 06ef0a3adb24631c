/* What the smaller programs share. */
#include "tool.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- the command line ---- */

int tool_wrong(const tool *t, const char *what, const char *word)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s: %s (see %s --help)\n", t->name, what, word, t->name);
    return TOOL_USAGE;
}

static void print_help(const tool *t)
{
    fputs(t->usage, stdout);
    puts("\noptions:");
    for (const tool_option *o = t->options; o->name; o++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "");
        printf("  %-22s %s", left, o->help);
        printf(o->value ? " (default: %s)\n" : "\n", o->value);
    }
    fputs(TOOL_ENVIRONMENT_HELP, stdout);
    fputs(t->notes, stdout);
}

static int take_variable(tool *t, const char *value)
{
    const char *wrong = host_variables_add(&t->variables, value);
    return wrong ? tool_wrong(t, wrong, value) : TOOL_OK;
}

static int take_word(tool *t, const char *word)
{
    if (t->word_count == TOOL_WORDS)
        return tool_wrong(t, "one word too many", word);
    t->words[t->word_count++] = word;
    return TOOL_OK;
}

/* An option that all programs have. False if it is none of those. */
static bool take_common(tool *t, const char *name, const char *value, int *code)
{
    if (!strcmp(name, "var"))
        *code = take_variable(t, value);
    else if (!strcmp(name, "adapter"))
        t->adapter = value;
    else if (!strcmp(name, "openevolve")) {
        t->adapter = name;
        *code = take_word(t, value);
    } else
        return false;
    return true;
}

static tool_option *find_option(const tool *t, const char *name)
{
    for (tool_option *o = t->options; o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    return NULL;
}

/* "--name=value", "--name value" or "--flag" at argv[*i]. */
static int take_option(tool *t, int argc, char **argv, int *i)
{
    char *name = argv[*i] + 2, *equals = strchr(name, '=');
    int code = TOOL_OK;
    if (equals)
        *equals = '\0';
    tool_option *option = find_option(t, name);
    if (option && !option->argument) {
        option->value = "1";
        return equals ? tool_wrong(t, "this option takes no value", name) : TOOL_OK;
    }
    if (!equals && *i + 1 >= argc)
        return tool_wrong(t, "unknown option, or its value is missing", argv[*i]);
    const char *value = equals ? equals + 1 : argv[++*i];
    if (take_common(t, name, value, &code))
        return code;
    if (!option)
        return tool_wrong(t, "unknown option", name);
    if (option->number && !host_is_number(value))
        return tool_wrong(t, "a number from 0 is needed, not", value);
    option->value = value;
    return TOOL_OK;
}

int tool_parse(tool *t, int argc, char **argv, bool *done)
{
    int code = TOOL_OK;
    t->adapter = "auto";
    host_variables_init(&t->variables);
    *done = false;
    for (int i = 1; i < argc && code == TOOL_OK && !*done; i++) {
        *done = !strcmp(argv[i], "-h") || !strcmp(argv[i], "--help");
        if (*done)
            print_help(t);
        else if ((*done = !strcmp(argv[i], "--version")))
            printf("%s %s\n", t->name, aire_version_string());
        else
            code =
                !strncmp(argv[i], "--", 2) ? take_option(t, argc, argv, &i) : take_word(t, argv[i]);
    }
    return code;
}

const char *tool_text(const tool *t, const char *name)
{
    const tool_option *option = find_option(t, name);
    return option ? option->value : NULL;
}

long tool_number(const tool *t, const char *name)
{
    const char *text = tool_text(t, name);
    return text ? strtol(text, NULL, 10) : 0;
}

/* ---- what they work with ---- */

aire_status tool_start(const tool *t, aire_ctx **ctx)
{
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    const char *level = tool_text(t, "log");
    options.log = host_log;
    options.log_level = level ? (int32_t)strtol(level, NULL, 10) : AIRE_LOG_WARNING;
    return aire_ctx_new(&options, ctx);
}

int tool_complain(const tool *t, const char *doing)
{
    fflush(stdout); /* what led to it comes first */
    fprintf(stderr, "%s: %s: %s\n", t->name, doing, aire_error_message(aire_last_error()));
    return TOOL_FAILED;
}

aire_status tool_open_env(const tool *t, aire_ctx *ctx, const char *path, aire_env **out)
{
    return host_open_env(ctx, path, t->adapter, &t->variables, out);
}

aire_status tool_make_model(aire_ctx *ctx, const char *spec, aire_model **out)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    options.api_key = host_key(spec);
    return aire_model_new(ctx, spec, &options, out);
}

aire_status tool_make_sandbox(const tool *t, aire_ctx *ctx, aire_sandbox **out)
{
    return host_make_sandbox(ctx, tool_text(t, "worker"), out);
}

/* ---- interrupts ---- */

static volatile sig_atomic_t interrupted; /* 1: not heeded yet, 2: what runs is cancelled */

static void on_interrupt(int number)
{
    interrupted = 1;
}

void tool_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

aire_status tool_next(aire_executor *executor, aire_result **out)
{
    aire_status status = aire_executor_next(executor, 200, out);
    if (interrupted == 1) {
        interrupted = 2;
        aire_executor_cancel(executor, 0);
    }
    return status;
}

bool tool_interrupted(void)
{
    return interrupted != 0;
}

bool tool_make_directory(const tool *t, char path[TOOL_PATH])
{
    const char *base = getenv("TMPDIR");
    int length = snprintf(path, TOOL_PATH, "%s/%s-XXXXXX", base ? base : "/tmp", t->name);
    if (length > 0 && length < TOOL_PATH && mkdtemp(path))
        return true;
    fprintf(stderr, "%s: cannot make a directory '%s': %s\n", t->name, path, strerror(errno));
    *path = '\0';
    return false;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    return remove(path);
}

void tool_remove_directory(const char *path)
{
    if (*path)
        nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* ---- what they print ---- */

void tool_heading(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("\n== ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

void tool_print(const char *text)
{
    host_print(text, strlen(text), NULL);
}

void tool_hint(const aire_env *env, const char *log)
{
    if (*aire_env_adapter(env) && strstr(log, "ModuleNotFoundError"))
        puts("hint: packages are those of the interpreter that --var "
             "PYTHON=/path/of/venv/bin/python "
             "names");
}
