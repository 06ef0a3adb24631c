/* What adapters share: variables of the host, interpreters, limits, mounts. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "env/adapt.h"
#include "env/manifest.h"

#define FILE_MAX ((size_t)1 << 20)

const char *aire__adapting_variable(const aire_adapting *a, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; a->variables && a->variables[i]; i++)
        if (!strncmp(a->variables[i], name, length) && a->variables[i][length] == '=')
            return a->variables[i] + length + 1;
    return NULL;
}

aire_status aire__adapting_number(const aire_adapting *a, const char *name, int64_t min,
                                  int64_t max, int64_t *out)
{
    const char *text = aire__adapting_variable(a, name);
    char *end;
    if (!text)
        return AIRE_OK;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || value < min || value > max)
        return aire__fail(AIRE_INVALID,
                          "the variable %s of the adapter %s is '%.40s', expected an integer from "
                          "%lld to %lld",
                          name, a->kind, text, (long long)min, (long long)max);
    *out = value;
    return AIRE_OK;
}

aire_status aire__adapting_read(const aire_adapting *a, const char *name, char **out)
{
    size_t length = 0;
    char *path = aire__path_join(a->ctx, a->directory, name), *text = NULL;
    aire_status status =
        path ? aire__fs_read(a->ctx, path, FILE_MAX, &text, &length) : aire__fail_nomem();
    if (status == AIRE_OK && (memchr(text, '\0', length) || !aire__utf8_valid(text, length)))
        status = aire__fail(AIRE_FORMAT, "'%s' is not text in UTF-8", path);
    if (status == AIRE_OK)
        *out = text;
    else
        aire_free(a->ctx, text);
    aire_free(a->ctx, path);
    return status;
}

/* The path of a name; false if there is nothing of that name. */
static bool find(const aire_adapting *a, const char *name, char path[PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s", a->directory, name);
    return length > 0 && length < PATH_MAX && aire__fs_exists(path);
}

bool aire__adapting_has(const aire_adapting *a, const char *name)
{
    char path[PATH_MAX];
    return find(a, name, path) && !aire__fs_is_dir(path);
}

bool aire__adapting_has_directory(const aire_adapting *a, const char *name)
{
    char path[PATH_MAX];
    return find(a, name, path) && aire__fs_is_dir(path);
}

const char *aire__adapting_name(const aire_adapting *a)
{
    const char *slash = strrchr(a->directory, '/');
    return slash && slash[1] ? slash + 1 : a->kind;
}

/* Each is added, or the list is given up. */
static bool add_globs(json_t *list, const char *const *globs)
{
    for (size_t i = 0; globs && globs[i]; i++)
        if (json_array_append_new(list, json_string(globs[i])) != 0)
            return false;
    return true;
}

static bool add_given(json_t *list, const char *globs)
{
    for (; globs && *globs; globs += strspn(globs, ",")) {
        size_t length = strcspn(globs, ",");
        if (length && json_array_append_new(list, json_stringn(globs, length)) != 0)
            return false;
        globs += length;
    }
    return true;
}

json_t *aire__adapting_ignore(const aire_adapting *a, const char *const *more)
{
    static const char *const common[] = {
        "__pycache__/**", "**/__pycache__/**", "*.pyc",
        "**/*.pyc",       ".pytest_cache/**",  ".ipynb_checkpoints/**",
        ".venv",          ".venv/**",          "venv",
        "venv/**",        "wandb/**",          ".DS_Store",
        ".env", /* where people keep keys */
        ".env.*",         "**/.env",           "*.aire",
        "*.aire-*",       "*.aire.work/**",    NULL};
    json_t *list = json_array();
    if (list && add_globs(list, common) && add_globs(list, more) &&
        add_given(list, aire__adapting_variable(a, "IGNORE")))
        return list;
    json_decref(list);
    return NULL;
}

/* ---- the interpreter ---- */

/* Directories that every sandbox shows. */
static bool is_of_system(const char *path)
{
    static const char *const places[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length = strlen(places[i]);
        if (!strncmp(path, places[i], length) && (path[length] == '/' || !path[length]))
            return true;
    }
    return false;
}

/* A place that sandboxes have for themselves, and do not show the host's. */
static bool is_covered(const char *path)
{
    return aire__mount_is_taken(path) && !is_of_system(path);
}

static aire_status add_mount(json_t *mounts, const char *source, const char *target)
{
    size_t i;
    json_t *mount;
    json_array_foreach(mounts, i,
                       mount) if (!strcmp(json_string_value(json_object_get(mount, "target")),
                                          target)) return AIRE_OK;
    json_t *more = json_pack("{s:s, s:s}", "source", source, "target", target);
    return more && json_array_append_new(mounts, more) == 0 ? AIRE_OK : aire__fail_nomem();
}

/* "PREFIX" of "PREFIX/bin/python3"; NULL for a path of another form, or no memory. */
static char *prefix_of(aire_ctx *ctx, const char *program)
{
    const char *slash = strrchr(program, '/');
    size_t length = slash ? (size_t)(slash - program) : 0;
    while (length > 0 && program[length - 1] != '/')
        length--;
    return length > 1 ? aire__strndup(ctx, program, length - 1) : NULL;
}

/* A place that the interpreter finds by its own path has to stand at that path. */
static aire_status mount_own(json_t *mounts, const char *prefix)
{
    if (is_of_system(prefix))
        return AIRE_OK;
    if (is_covered(prefix))
        return aire__fail(AIRE_UNSUPPORTED,
                          "the interpreter of PYTHON belongs to '%s', a place that sandboxes have "
                          "for themselves; install it elsewhere",
                          prefix);
    return add_mount(mounts, prefix, prefix);
}

/* What a virtual environment was made from: "home = /usr/bin" in its pyvenv.cfg. */
static aire_status mount_home(const aire_adapting *a, json_t *mounts, const char *prefix)
{
    char *path = aire__path_join(a->ctx, prefix, "pyvenv.cfg"), *text = NULL, *base = NULL;
    size_t length;
    if (!path)
        return aire__fail_nomem();
    aire_status status = aire__fs_read(a->ctx, path, FILE_MAX, &text, &length);
    const char *home = status == AIRE_OK ? strstr(text, "home = ") : NULL;
    if (home) {
        home += 7;
        size_t end = strcspn(home, "\r\n");
        text[(size_t)(home - text) + end] = '\0';
        char *program = aire__path_join(a->ctx, home, "python");
        base = program ? prefix_of(a->ctx, program) : NULL;
        aire_free(a->ctx, program);
        status = base ? mount_own(mounts, base) : aire__fail_nomem();
    } else if (status == AIRE_NOT_FOUND) {
        status = AIRE_OK;
    }
    aire_free(a->ctx, base);
    aire_free(a->ctx, text);
    aire_free(a->ctx, path);
    return status;
}

/* Where the program really is, if it is a link into another installation. */
static aire_status mount_real(const aire_adapting *a, json_t *mounts, const char *program)
{
    char *real = NULL;
    aire_status status = aire__fs_real_path(a->ctx, program, &real);
    char *prefix = status == AIRE_OK ? prefix_of(a->ctx, real) : NULL;
    if (prefix)
        status = mount_own(mounts, prefix);
    aire_free(a->ctx, prefix);
    aire_free(a->ctx, real);
    return status;
}

/* The program as the sandbox has it: its prefix at its own path, or below /opt where that is
 * covered, which a virtual environment does not mind. */
static aire_status mount_program(const aire_adapting *a, json_t *mounts, const char *program,
                                 char **word)
{
    char *prefix = prefix_of(a->ctx, program);
    if (!prefix)
        return aire__fail(AIRE_INVALID, "PYTHON is '%s', expected a path such as /x/bin/python3",
                          program);
    bool covered = is_covered(prefix), system = is_of_system(prefix);
    const char *target = covered ? "/opt/python" : prefix;
    *word = aire__asprintf(a->ctx, "%s%s", target, program + strlen(prefix));
    aire_status status = *word ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK && !system)
        status = add_mount(mounts, prefix, target);
    if (status == AIRE_OK)
        status = mount_home(a, mounts, prefix);
    if (status == AIRE_OK && !covered)
        status = mount_real(a, mounts, program);
    aire_free(a->ctx, prefix);
    return status;
}

static aire_status find_program(const aire_adapting *a, char **out)
{
    const char *given = aire__adapting_variable(a, "PYTHON");
    if (given && *given && !strchr(given, '/'))
        return (*out = aire__strdup(a->ctx, given)) ? AIRE_OK : aire__fail_nomem();
    if (given && (given[0] != '/' || !aire__fs_exists(given)))
        return aire__fail(AIRE_NOT_FOUND,
                          "the variable PYTHON is '%s', expected the absolute path of an "
                          "interpreter that is there",
                          given);
    char *own = aire__path_join(a->ctx, a->directory, ".venv/bin/python");
    if (!own)
        return aire__fail_nomem();
    bool has_own = !given && aire__fs_exists(own);
    *out = has_own ? own : aire__strdup(a->ctx, given ? given : "python3");
    if (!has_own)
        aire_free(a->ctx, own);
    return *out ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__adapting_python(const aire_adapting *a, json_t *mounts, char **word,
                                  char **search)
{
    char *program = NULL;
    *word = *search = NULL;
    aire_status status = find_program(a, &program);
    if (status == AIRE_OK && strchr(program, '/'))
        status = mount_program(a, mounts, program, word);
    else if (status == AIRE_OK && !(*word = aire__strdup(a->ctx, program)))
        status = aire__fail_nomem();
    aire_free(a->ctx, program);
    if (status == AIRE_OK) {
        const char *slash = strrchr(*word, '/');
        *search = aire__asprintf(a->ctx, "%.*s%s/usr/local/bin:/usr/bin:/bin",
                                 slash ? (int)(slash - *word) : 0, *word, slash ? ":" : "");
        status = *search ? AIRE_OK : aire__fail_nomem();
    }
    if (status != AIRE_OK) {
        aire_free(a->ctx, *word);
        *word = NULL;
    }
    return status;
}

/* ---- limits, data, metrics ---- */

aire_status aire__adapting_limits(const aire_adapting *a, json_t *step)
{
    static const struct {
        const char *name, *key;
        int64_t min, max;
    } rows[] = {{"TIMEOUT_S", "timeout_s", 1, 30 * 86400},
                {"CPUS", "cpus", 1, 4096},
                {"GPUS", "gpus", 0, 64},
                {"MEMORY_MB", "memory_mb", 1, (int64_t)64 << 20}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = -1;
        aire_status status =
            aire__adapting_number(a, rows[i].name, rows[i].min, rows[i].max, &value);
        if (status == AIRE_OK && value >= 0)
            status = aire__json_set(step, rows[i].key, json_integer(value));
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

static aire_status mount_variable(const aire_adapting *a, const char *name, const char *target,
                                  json_t *mounts)
{
    const char *source = aire__adapting_variable(a, name);
    if (source[0] != '/' || !aire__fs_is_dir(source))
        return aire__fail(AIRE_NOT_FOUND,
                          "the variable %s is '%s', expected the absolute path of a directory that "
                          "is there",
                          name, source);
    return add_mount(mounts, source, target);
}

#define HOME_TARGET "/opt/home"

aire_status aire__adapting_home(const aire_adapting *a, const char *data_below, json_t *mounts,
                                json_t *step)
{
    char target[256];
    bool has_cache = aire__adapting_variable(a, "CACHE") != NULL;
    bool has_data = data_below && aire__adapting_variable(a, "DATA");
    json_t *vars = json_object_get(step, "env");
    if (has_cache && has_data)
        return aire__fail(AIRE_INVALID,
                          "the variables DATA and CACHE exclude each other: what DATA would be is "
                          "%s of CACHE",
                          data_below);
    aire_status status = AIRE_OK;
    snprintf(target, sizeof target, HOME_TARGET "/.cache%s%s", has_data ? "/" : "",
             has_data ? data_below : "");
    if (has_cache || has_data)
        status = mount_variable(a, has_cache ? "CACHE" : "DATA", target, mounts);
    if (status == AIRE_OK && (has_cache || has_data))
        status = aire__json_set(vars, "HOME", json_string(HOME_TARGET));
    /* What is compiled on the way needs a place to write to. */
    if (status == AIRE_OK)
        status = aire__json_set(vars, "TRITON_CACHE_DIR", json_string("/tmp/triton"));
    if (status == AIRE_OK)
        status = aire__json_set(vars, "TORCHINDUCTOR_CACHE_DIR", json_string("/tmp/inductor"));
    return status == AIRE_OK ? aire__json_set(vars, "HF_HUB_OFFLINE", json_string("1")) : status;
}

aire_status aire__adapting_metric(const aire_adapting *a, const char *name, const char *direction,
                                  const char *reduce, const char *before, json_t **out)
{
    const char *given = aire__adapting_variable(a, "METRIC");
    const char *way = aire__adapting_variable(a, "DIRECTION");
    const char *pattern = aire__adapting_variable(a, "PATTERN");
    name = given ? given : name;
    way = way ? way : direction;
    if (strcmp(way, "minimize") && strcmp(way, "maximize"))
        return aire__fail(AIRE_INVALID,
                          "the variable DIRECTION is '%.40s', expected minimize or maximize", way);
    char *usual = aire__asprintf(a->ctx, "%s%s:", before, name);
    *out = usual ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", name, "direction", way,
                             "stage", "run", "trust", "self_reported", "reduce", reduce, "pattern",
                             pattern ? pattern : usual)
                 : NULL;
    aire_free(a->ctx, usual);
    return *out ? AIRE_OK : aire__fail_nomem();
}
