/*
 * Embed texts, and print how like each is to the first as a JSON array of cosines.
 *
 * usage: llm_embed SPEC TEXT ...
 */
#include <aire/aire.h>
#include <stdio.h>

static void print_cosines(const float *values, size_t count, size_t dimension)
{
    printf("{\"dimension\": %zu, \"cosines\": [", dimension);
    for (size_t i = 0; i < count; i++)
        printf("%s%.6f", i ? ", " : "",
               aire_embedding_cosine(values, values + i * dimension, dimension));
    puts("]}");
}

int main(int argc, char **argv)
{
    aire_ctx *ctx = NULL;
    aire_embedder *embedder = NULL;
    float *values = NULL;
    size_t count = (size_t)argc - 2, dimension = 0;
    if (argc < 3)
        return 2;
    aire_status status = aire_ctx_new(NULL, &ctx);
    if (status == AIRE_OK)
        status = aire_embedder_new(ctx, argv[1], NULL, &embedder);
    if (status == AIRE_OK)
        status = aire_embedder_embed(embedder, (const char *const *)(argv + 2), count, NULL,
                                     &values, &dimension);
    if (status == AIRE_OK)
        print_cosines(values, count, dimension);
    else
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
    aire_free(ctx, values);
    aire_embedder_unref(embedder);
    aire_ctx_unref(ctx);
    return status == AIRE_OK ? 0 : 1;
}
