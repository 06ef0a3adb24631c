/* Reading the specification. It comes from the library, but is checked like anything that is read.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/worker.h"

/* All of it, with a NUL behind, in memory that is never given back. */
static char *load(int fd, size_t *length)
{
    struct stat info;
    char *text = fstat(fd, &info) == 0 ? malloc((size_t)info.st_size + 1) : NULL;
    size_t done = 0;
    /* By position: the launcher reads the same open file. */
    for (ssize_t count = 1; text && count > 0 && done < (size_t)info.st_size;)
        if ((count = pread(fd, text + done, (size_t)info.st_size - done, (off_t)done)) > 0)
            done += (size_t)count;
    if (text)
        text[done] = '\0';
    *length = done;
    return text;
}

/* The next text of a pair; NULL at the end. */
static char *next_text(char **at, const char *end)
{
    char *text = *at;
    if (text >= end)
        return NULL;
    *at = text + strlen(text) + 1;
    return text;
}

/* The values of a key, in their order; ends in NULL. NULL without memory. */
static char **texts(char *begin, const char *end, const char *key)
{
    size_t count = 0;
    char *name, *value, **out = NULL;
    for (int pass = 0; pass < 2; pass++) {
        char *at = begin;
        if (pass == 1 && !(out = calloc(count + 1, sizeof *out)))
            return NULL;
        count = 0;
        while ((name = next_text(&at, end)) && (value = next_text(&at, end)))
            if (!strcmp(name, key)) {
                if (out)
                    out[count] = value;
                count++;
            }
    }
    return out;
}

static const char *text_of(char *begin, const char *end, const char *key)
{
    char *at = begin, *name, *value;
    while ((name = next_text(&at, end)) && (value = next_text(&at, end)))
        if (!strcmp(name, key))
            return value;
    return NULL;
}

static bool read_numbers(spec *s, char *begin, const char *end)
{
    int64_t report, live;
    const struct {
        const char *key;
        int64_t *out;
    } rows[] = {{"wall_ms", &s->wall_ms},
                {"cpu_ms", &s->cpu_ms},
                {"memory_bytes", &s->memory_bytes},
                {"disk_bytes", &s->disk_bytes},
                {"log_bytes", &s->log_bytes},
                {"output_bytes", &s->output_bytes},
                {"processes", &s->processes},
                {"open_files", &s->open_files},
                {"report", &report},
                {"live", &live}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = text_of(begin, end, rows[i].key);
        char *rest;
        if (!text)
            return false;
        *rows[i].out = strtoll(text, &rest, 10);
        if (rest == text || *rest)
            return false;
    }
    s->report = report != 0;
    s->live = live != 0;
    return true;
}

bool spec_read(spec *s, int fd)
{
    size_t length;
    char *begin = load(fd, &length);
    const char *end = begin + length;
    if (!begin || length == 0 || end[-1] != '\0' || !read_numbers(s, begin, end))
        return false;
    s->cwd = text_of(begin, end, "cwd");
    s->stream = text_of(begin, end, "stream");
    s->argv = texts(begin, end, "argv");
    s->env = texts(begin, end, "env");
    s->writable = texts(begin, end, "writable");
    return s->cwd && s->stream && s->argv && s->argv[0] && s->env && s->writable;
}
