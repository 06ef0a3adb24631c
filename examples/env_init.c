/* aire-env init: an adapter's environment as a directory with an aire.json, to be changed by hand.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "env.h"

static int cannot(const tool *t, const char *path)
{
    fprintf(stderr, "%s: cannot write '%s': %s\n", t->name, path, strerror(errno));
    return TOOL_FAILED;
}

/* The directories above a file. */
static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777); /* one that is missing shows when the file is written */
        *slash = '/';
    }
}

static int write_file(const tool *t, const char *directory, const char *name, const char *data,
                      size_t length, bool is_program)
{
    char path[TOOL_PATH];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return cannot(t, name);
    }
    make_parents(path);
    FILE *file = fopen(path, "wxe");
    bool good = file && fwrite(data, 1, length, file) == length;
    good = file && fclose(file) == 0 && good;
    if (!good || (is_program && chmod(path, 0755) != 0))
        return cannot(t, path);
    return TOOL_OK;
}

int environment_write(const tool *t, const aire_env *env, const char *path)
{
    const char *manifest = aire_env_manifest(env);
    int code = TOOL_OK;
    if (mkdir(path, 0777) != 0)
        return cannot(t, path);
    if (*aire_env_adapter(env))
        code = write_file(t, path, "aire.json", manifest, strlen(manifest), false);
    for (size_t i = 0; i < aire_env_file_count(env) && code == TOOL_OK; i++) {
        size_t length = 0;
        int32_t is_program = 0;
        const char *data = aire_env_file_data(env, i, &length, &is_program);
        code = write_file(t, path, aire_env_file_path(env, i), data, length, is_program);
    }
    if (code == TOOL_OK)
        printf("%s is an environment: look at its aire.json, and check it with %s check %s%s\n",
               path, t->name, path, t->variables.count ? " and the same --var" : "");
    return code;
}
