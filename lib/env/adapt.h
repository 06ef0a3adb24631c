/*
 * Directories of other systems as environments.
 *
 * An adapter looks at a directory and says what its manifest would be, and which files are there
 * beside those of the directory. Everything else is as with a directory that has an aire.json: the
 * manifest that an adapter makes is read by the same reader, and its hash is part of the
 * environment's.
 */
#ifndef AIRE_ENV_ADAPT_H
#define AIRE_ENV_ADAPT_H

#include "base/buf.h"
#include "base/json.h"
#include "env/env.h"

enum { AIRE_ADAPTED_FILES_MAX = 4 };

/* A file that is in no directory. */
typedef struct aire_adapted_file {
    const char *path; /* of static storage, as its data */
    const char *data;
    uint32_t mode;
} aire_adapted_file;

typedef struct aire_adapted {
    json_t *manifest;
    aire_adapted_file files[AIRE_ADAPTED_FILES_MAX];
    size_t file_count;
} aire_adapted;

/* A directory that is looked at. */
typedef struct aire_adapting {
    aire_ctx *ctx;
    const char *kind; /* word of the adapter, for messages */
    const char *directory;
    const char *const *variables; /* "NAME=value", ends in NULL; nullable */
    aire_adapted *out;
} aire_adapting;

/*
 * The manifest of a directory by the adapter that `word` names, or "auto" for the one that fits.
 * *kind is its word, of static storage. AIRE_OK; AIRE_INVALID (no such adapter, or a variable's
 * value); AIRE_NOT_FOUND (the directory is not of this kind, and what is missing); AIRE_FORMAT;
 * AIRE_IO, AIRE_LIMIT, AIRE_NOMEM.
 */
aire_status aire__adapt(aire_ctx *ctx, const char *directory, const char *word,
                        const char *const *variables, const char **kind, aire_adapted *out);
void aire__adapted_clear(aire_adapted *adapted);

/* ---- for adapters: adapt_parts.c ---- */

/* A variable that the host gave; NULL if it did not. */
const char *aire__adapting_variable(const aire_adapting *a, const char *name);

/* The same as an integer in [min, max]; *out is left as it is if there is none. */
aire_status aire__adapting_number(const aire_adapting *a, const char *name, int64_t min,
                                  int64_t max, int64_t *out);

/* A file of the directory, text in UTF-8; *out from aire_alloc. AIRE_NOT_FOUND, AIRE_FORMAT, ... */
aire_status aire__adapting_read(const aire_adapting *a, const char *name, char **out);
/* Whether there is such a file; allocates nothing. */
bool aire__adapting_has(const aire_adapting *a, const char *name);
bool aire__adapting_has_directory(const aire_adapting *a, const char *name);

/* Last component of the directory's path; never "". */
const char *aire__adapting_name(const aire_adapting *a);

/* Files that belong to no experiment: caches, virtual environments, results, `more`, and what the
 * host's variable IGNORE names. NULL: no memory. */
json_t *aire__adapting_ignore(const aire_adapting *a, const char *const *more);

/*
 * The interpreter's word for a command and what has to be mounted for it, into *mounts (an array):
 * the variable PYTHON, else .venv/bin/python of the directory, else python3 of the system. *search,
 * from aire_alloc, is the PATH with its directory in front.
 */
aire_status aire__adapting_python(const aire_adapting *a, json_t *mounts, char **word,
                                  char **search);

/* The limits that the host gave as TIMEOUT_S, CPUS, GPUS and MEMORY_MB, into a step; the defaults
 * are those that it has. */
aire_status aire__adapting_limits(const aire_adapting *a, json_t *step);

/* Mount the variable CACHE, a directory, as ~/.cache; or DATA as `data_below` of that, unless it is
 * NULL. Sets variables of the step's `env`: HOME if there is a mount, and where compilers write. */
aire_status aire__adapting_home(const aire_adapting *a, const char *data_below, json_t *mounts,
                                json_t *step);

/* A whole metric of a log: METRIC, DIRECTION and PATTERN of the host, else what is given; `before`
 * is what the name and a colon have in front, "^" for a line's beginning. */
aire_status aire__adapting_metric(const aire_adapting *a, const char *name, const char *direction,
                                  const char *reduce, const char *before, json_t **out);

/* ---- adapters ---- */

bool aire__is_openevolve(const aire_adapting *a);
aire_status aire__adapt_openevolve(const aire_adapting *a);
bool aire__is_autoresearch(const aire_adapting *a);
aire_status aire__adapt_autoresearch(const aire_adapting *a);
bool aire__is_paper(const aire_adapting *a);
aire_status aire__adapt_paper(const aire_adapting *a);

extern const char aire__openevolve_program[]; /* openevolve.py */
extern const char aire__uv_program[];         /* uv.sh */
extern const char aire__paper_program[];      /* run_paper.sh */

#endif
