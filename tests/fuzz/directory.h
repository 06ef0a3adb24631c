/* A temporary directory with the files of a small environment; removed when the process exits. */
#ifndef TESTS_FUZZ_DIRECTORY_H
#define TESTS_FUZZ_DIRECTORY_H

#include <string.h>
#include <unistd.h>

#include "aire/env.h"
#include "base/fs.h"
#include "fuzz/fuzz.h"

static char fuzz_directory[256];

static inline void fuzz_write(const char *name, const void *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", fuzz_directory, name);
    FILE *file = fopen(path, "wb");
    FUZZ_NEED(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static inline void fuzz_remove_directory(void)
{
    FUZZ_NEED(aire__fs_remove_tree(fuzz_ctx, fuzz_directory) == AIRE_OK);
}

static inline void fuzz_make_directory(void)
{
    static const char model[] = "#define LR 1.5e-3\n#define ACT gelu\nint x = 1; int y = 1;\n";
    const char *top = getenv("TMPDIR");
    snprintf(fuzz_directory, sizeof fuzz_directory, "%s/aire-fuzz-XXXXXX", top ? top : "/tmp");
    FUZZ_NEED(mkdtemp(fuzz_directory));
    FUZZ_NEED(atexit(fuzz_remove_directory) == 0);
    char data[512];
    snprintf(data, sizeof data, "%s/data", fuzz_directory);
    FUZZ_NEED(aire__fs_mkdirs(fuzz_ctx, data, 0755) == AIRE_OK);
    fuzz_write("data/tokens.bin", "\0\1\2\3", 4);
    fuzz_write("model.c", model, sizeof model - 1);
    fuzz_write("eval.c", "main\n", 5);
    fuzz_write("secret.txt", "answer\n", 7);
}

static inline aire_status fuzz_open(aire_env **env)
{
    static const char *const variables[] = {"LEVEL=3", NULL};
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.variables = variables;
    return aire_env_open(fuzz_ctx, fuzz_directory, &options, env);
}

#endif
