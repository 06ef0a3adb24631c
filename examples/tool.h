/* What the smaller programs share: their command lines, environments and models. */
#ifndef EXAMPLES_TOOL_H
#define EXAMPLES_TOOL_H

#include <signal.h>
#include <stdio.h>

#include "host.h"

enum { TOOL_WORDS = 4, TOOL_PATH = 4096 };

/* An option "--name VALUE", or "--name" where it takes no argument. */
typedef struct tool_option {
    const char *name, *argument, *help;
    const char *value; /* as given, else the default; NULL: none. Of a flag "1" */
    bool number;
} tool_option;

typedef struct tool {
    const char *name;              /* of the program */
    const char *usage, *notes;     /* of --help, before and after the options */
    tool_option *options;          /* ends with a name that is NULL */
    const char *words[TOOL_WORDS]; /* what stands beside the options */
    int word_count;
    const char *adapter; /* "auto" unless given */
    host_variables variables;
} tool;

/* Options that all have: how the environment is read. */
#define TOOL_ENVIRONMENT_HELP                                                                      \
    "  --adapter KIND         how DIR is read where it has no aire.json: openevolve, "             \
    "autoresearch,\n"                                                                              \
    "                         paper, or auto (the default)\n"                                      \
    "  --openevolve DIR       short for DIR --adapter openevolve\n"                                \
    "  --var NAME=VALUE       value for ${NAME} in the manifest; may be given again. Adapters "    \
    "take\n"                                                                                       \
    "                         PYTHON, DATA, IGNORE, TIMEOUT_S, CPUS, GPUS, ... (aire/env.h)\n"     \
    "  --help, --version\n"

enum {
    TOOL_OK = 0,
    TOOL_FAILED = 1,
    TOOL_USAGE = 2,
    TOOL_NO_ENVIRONMENT = 3,
    TOOL_INTERRUPTED = 130
};

/* TOOL_OK, or TOOL_USAGE after saying what is wrong; `done` for --help and --version. */
int tool_parse(tool *t, int argc, char **argv, bool *done);

/* The value of an option of the tool's own; NULL if there is none. */
const char *tool_text(const tool *t, const char *name);
long tool_number(const tool *t, const char *name);

/* A context whose log goes to stderr. */
aire_status tool_start(const tool *t, aire_ctx **ctx);

/* Say what failed with the library's reason, and give TOOL_FAILED; or what is wrong, and
 * TOOL_USAGE. */
int tool_complain(const tool *t, const char *doing);
int tool_wrong(const tool *t, const char *what, const char *word);

aire_status tool_open_env(const tool *t, aire_ctx *ctx, const char *path, aire_env **out);

/* A client, with the key that is in the environment's variable for it. */
aire_status tool_make_model(aire_ctx *ctx, const char *spec, aire_model **out);

/* The sandbox, by --worker. */
aire_status tool_make_sandbox(const tool *t, aire_ctx *ctx, aire_sandbox **out);

/* From here on the first SIGINT or SIGTERM is only noted; the second one ends the program. */
void tool_catch_interrupts(void);

/* As aire_executor_next, up to 200 ms; an interrupt cancels all that runs. */
aire_status tool_next(aire_executor *executor, aire_result **out);
bool tool_interrupted(void);

/* A directory of its own below TMPDIR, and its end. */
bool tool_make_directory(const tool *t, char path[TOOL_PATH]);
void tool_remove_directory(const char *path);

/* A heading, and text as host_print has it. */
void tool_heading(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_print(const char *text);

/* What to do about packages that a run did not find; nothing if that is not what its log says. */
void tool_hint(const aire_env *env, const char *log);

#endif
