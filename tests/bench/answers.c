/* From the last byte of an answer to its ideas: reading ten ideas, as the paper asks for, tagged
 * and as JSON. */
#include <stdbool.h>
#include <string.h>

#include "bench.h"
#include "prompt/ideas.h"

enum { IDEAS = 10, ROUNDS = 2000 };

static const char *const words =
    "Replace the learning rate schedule by a trapezoid with a short warmup, so that "
    "most of the budget is spent at the highest rate that is stable. ";

static size_t write_answer(char *out, bool json)
{
    char *at = out;
    at += sprintf(at, json ? "[" : "Here are the ideas.\n\n");
    for (int i = 0; i < IDEAS; i++) {
        at += sprintf(at, json ? "%s{\"experiment\": \"Idea %d: " : "%s[Experiment] Idea %d: ",
                      json && i ? "," : "", i);
        for (int k = 0; k < 6; k++)
            at += sprintf(at, "%s", words);
        at += sprintf(at, json ? "\", \"code_changes\": \"" : "\n[Code Changes] ");
        for (int k = 0; k < 8; k++)
            at += sprintf(at, "%s", words);
        at += sprintf(at, json ? "\"}" : "\n[End]\n\n");
    }
    at += sprintf(at, json ? "]" : "");
    return (size_t)(at - out);
}

int main(void)
{
    static char answer[1 << 20];
    static const char *const names[] = {"tags", "json"};
    aire_ctx *ctx = NULL;
    need(aire_ctx_new(NULL, &ctx));
    for (int json = 0; json < 2; json++) {
        size_t length = write_answer(answer, json);
        double began = own_cpu_ms();
        for (int i = 0; i < ROUNDS; i++) {
            aire_parsed_ideas ideas;
            need(aire__prompt_parse_ideas(ctx, answer, IDEAS, false, &ideas));
            if (ideas.count != IDEAS)
                return 1;
            aire__parsed_ideas_free(&ideas);
        }
        double each = (own_cpu_ms() - began) / ROUNDS;
        printf("BENCH answers.%s value=%.3f unit=ms_per_answer ideas=%d bytes=%zu\n", names[json],
               each, IDEAS, length);
    }
    aire_ctx_unref(ctx);
    return 0;
}
