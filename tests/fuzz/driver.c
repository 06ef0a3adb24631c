/*
 * Feeds a fuzz target: all seeds of a corpus, then inputs made from them, by a generator that makes
 * the same ones every time. No coverage is measured, so any compiler will do; with clang the same
 * targets are libFuzzer's, too (meson.build).
 *
 * usage: fuzz_TARGET CORPUS_DIRECTORY      AIRE_FUZZ_SECONDS (10) of made inputs, from
 * AIRE_FUZZ_SEED (1) fuzz_TARGET FILE ...              these inputs only
 *
 * An input that ends the process is kept as crash-TARGET in the current directory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

enum { SEEDS_MAX = 256, PATIENCE_S = 20 };

static fuzz_input *seeds[SEEDS_MAX];
static size_t seed_count;
static const char *target;
static const uint8_t *current;
static size_t current_size;

/* Of the sanitizers, where the program has them: what to call before it ends. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* Calls only what may be called from a signal handler. */
static void keep_input(void)
{
    static char path[256];
    snprintf(path, sizeof path, "crash-%s", target);
    int file = current ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (file < 0 || write(file, current, current_size) != (ssize_t)current_size)
        return;
    close(file);
    static const char says[] = "# the input is kept as ./crash-";
    if (write(STDOUT_FILENO, says, sizeof says - 1) < 0 ||
        write(STDOUT_FILENO, target, strlen(target)) < 0 || write(STDOUT_FILENO, "\n", 1) < 0)
        return;
    current = NULL;
}

static void on_signal(int number)
{
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_crashes(void)
{
    static const int always[] = {SIGABRT, SIGALRM}, bare[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        signal(always[i], on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    for (size_t i = 0; i < sizeof bare / sizeof *bare && !__sanitizer_set_death_callback; i++)
        signal(bare[i], on_signal);
}

/* From a block of just its size, so that a read past its end is seen. */
static void run(const fuzz_input *input)
{
    uint8_t *exact = malloc(input->size ? input->size : 1);
    if (!exact)
        abort();
    memcpy(exact, input->data, input->size);
    current = exact;
    current_size = input->size;
    alarm(PATIENCE_S);
    LLVMFuzzerTestOneInput(exact, input->size);
    current = NULL;
    free(exact);
}

static fuzz_input *read_input(const char *path)
{
    fuzz_input *input = calloc(1, sizeof *input);
    FILE *file = fopen(path, "rb");
    if (!input || !file) {
        fprintf(stderr, "%s: cannot read it\n", path);
        exit(2);
    }
    input->size = fread(input->data, 1, sizeof input->data, file);
    fclose(file);
    return input;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* alphasort goes by the locale */
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_seeds(const char *directory)
{
    struct dirent **names;
    int count = scandir(directory, &names, is_seed, by_name);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
        if (seed_count < SEEDS_MAX)
            seeds[seed_count++] = read_input(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtod(text, NULL) : otherwise;
}

/* Input `number` of the endless row of inputs. */
static void make_input(uint64_t seed, uint64_t number, fuzz_input *input)
{
    aire_rng rng;
    aire__rng_init(&rng, seed, target, number);
    const fuzz_input *from = seeds[aire__rng_below(&rng, seed_count)];
    input->size = from->size;
    memcpy(input->data, from->data, from->size);
    fuzz_mutate(&rng, input, seeds[aire__rng_below(&rng, seed_count)]);
}

static int run_corpus(const char *directory)
{
    static fuzz_input input;
    double seconds = setting("AIRE_FUZZ_SECONDS", 10), start = now();
    uint64_t seed = (uint64_t)setting("AIRE_FUZZ_SEED", 1), made = 0;
    read_seeds(directory);
    printf("1..2\n");
    for (size_t i = 0; i < seed_count; i++)
        run(seeds[i]);
    printf("%s 1 - %s: %zu seeds\n", seed_count ? "ok" : "not ok", target, seed_count);
    fflush(stdout);
    while (seed_count > 0 && (made == 0 || now() - start < seconds)) {
        make_input(seed, made++, &input);
        run(&input);
    }
    printf("%s 2 - %s: made inputs\n# %llu inputs\n", made ? "ok" : "not ok", target,
           (unsigned long long)made);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i]);
    return 0;
}

int main(int argc, char **argv)
{
    struct stat info;
    target = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    if (strncmp(target, "fuzz_", 5) == 0)
        target += 5;
    if (argc < 2) {
        fprintf(stderr, "usage: fuzz_%s CORPUS_DIRECTORY | FILE ...\n", target);
        return 2;
    }
    catch_crashes();
    if (stat(argv[1], &info) == 0 && S_ISDIR(info.st_mode))
        return run_corpus(argv[1]);
    for (int i = 1; i < argc; i++) {
        fuzz_input *input = read_input(argv[i]);
        run(input);
        free(input);
    }
    return 0;
}
