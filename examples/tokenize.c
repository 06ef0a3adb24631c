/*
 * aire-tokenize: text into a shard of byte tokens.
 *
 * usage: aire-tokenize --output SHARD.bin [FILE ...]      standard input where no file is named
 */
#include <aire/train.h>
#include <stdio.h>
#include <string.h>

static int complain(const char *what)
{
    fprintf(stderr, "aire-tokenize: %s: %s\n", what, aire_error_message(aire_last_error()));
    return 1;
}

static int append_file(aire_shard_writer *writer, FILE *file, const char *name)
{
    unsigned char bytes[65536];
    uint16_t tokens[65536];
    size_t count;
    while ((count = fread(bytes, 1, sizeof bytes, file)) > 0) {
        for (size_t i = 0; i < count; i++)
            tokens[i] = bytes[i];
        if (aire_shard_writer_append(writer, tokens, count) != AIRE_OK)
            return complain(name);
    }
    if (ferror(file)) {
        perror(name);
        return 1;
    }
    return 0;
}

static int append_named(aire_shard_writer *writer, const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        return 1;
    }
    int failed = append_file(writer, file, name);
    fclose(file);
    return failed;
}

static int tokenize(aire_ctx *ctx, const char *output, char **names, int count)
{
    aire_shard_writer *writer = NULL;
    int failed = 0;
    if (aire_shard_writer_new(ctx, output, &writer) != AIRE_OK)
        return complain(output);
    if (count == 0)
        failed = append_file(writer, stdin, "standard input");
    for (int i = 0; i < count && !failed; i++)
        failed = append_named(writer, names[i]);
    if (failed) {
        aire_shard_writer_drop(writer);
        return failed;
    }
    return aire_shard_writer_finish(writer) == AIRE_OK ? 0 : complain(output);
}

int main(int argc, char **argv)
{
    aire_ctx *ctx = NULL;
    if (argc < 3 || strcmp(argv[1], "--output")) {
        fprintf(stderr, "usage: aire-tokenize --output SHARD.bin [FILE ...]\n");
        return 2;
    }
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK)
        return complain("start");
    int failed = tokenize(ctx, argv[2], argv + 3, argc - 3);
    aire_ctx_unref(ctx);
    return failed;
}
