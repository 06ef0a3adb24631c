/* aire-evolve: the command line. */
#include <stdlib.h>
#include <string.h>

#include "evolve.h"

typedef struct rule {
    const char *name, *argument, *fallback, *help;
    bool number;
    bool defines; /* part of what the search is: kept in the store, and not to be changed on
                     --resume */
} rule;

static const rule rules[OPT_COUNT] = {
    [OPT_STORE] = {"store", "FILE", NULL, "where everything is kept (default: NAME.aire)", false,
                   false},
    [OPT_ADAPTER] = {"adapter", "KIND", "auto",
                     "how ENV is read where it has no aire.json: openevolve, autoresearch or paper",
                     false, true},
    [OPT_IDEATOR] = {"ideator", "KIND", "knobs",
                     "knobs, chat (if there is a --model), schema, or replay:FILE", false, true},
    [OPT_TEMPLATES] = {"templates", "DIR", NULL,
                       "prompts that replace the built-in ones, as in share/aire/prompts", false,
                       true},
    [OPT_NOVELTY] = {"novelty", "0|1", "1",
                     "whether ideas of a model that are not new are dropped before they are run",
                     true, true},
    [OPT_NOTES] =
        {"notes", "N", "0",
         "after every N results the model of --ideator chat writes notes on them, for all\n"
         "                         later requests",
         true, true},
    [OPT_MODEL] = {"model", "SPEC", NULL,
                   "model for --ideator chat or schema, such as anthropic:MODEL or chat:MODEL@URL",
                   false, true},
    [OPT_IMPLEMENTER] = {"implementer", "SPEC", NULL,
                         "model that writes patches for ideas (default: that of --model)", false,
                         true},
    [OPT_CANDIDATES] = {"candidates", "N", "1",
                        "patches that are asked for at once for an idea; the first that applies "
                        "goes on",
                        true, true},
    [OPT_AT_ONCE] = {"candidates-at-once", "N", "0",
                     "of these, how many at once; with 1 the next one is asked for only if the\n"
                     "                         one before fails (default: all)",
                     true, true},
    [OPT_REVISIONS] = {"revisions", "N", "2", "how often one that does not apply is given back",
                       true, true},
    [OPT_REPAIRS] = {"repairs", "N", "1",
                     "how often one that does not build, or crashes at once, is given back", true,
                     true},
    [OPT_REPAIR_SECONDS] = {"repair-seconds", "N", "10",
                            "a crash of the run within so many seconds is given back", true, true},
    [OPT_FORMS] = {"forms", "LIST", "unified",
                   "what patches are asked for as: unified, blocks, files, or some of them", false,
                   true},
    [OPT_CHECKER] = {"checker", "SPEC", NULL,
                     "another model that says whether a patch does what its idea says", false,
                     true},
    [OPT_SMOKE] = {"smoke", "0|1", "1", "whether the manifest's smoke run comes first", true, true},
    [OPT_BUDGET] = {"budget", "DOLLARS", NULL,
                    "what all models together may cost in this run, such as 2.50", false, false},
    [OPT_RPM] = {"rpm", "N", "0", "requests a minute to each model at most", true, false},
    [OPT_RECORD] =
        {"record", "FILE", NULL,
         "keep the answers of --model in FILE, those of --implementer in FILE.implementer, of\n"
         "                         --checker in FILE.checker;\n"
         "                         replay:FILE instead of a model gives them again",
         false, false},
    [OPT_SEARCHER] = {"searcher", "KIND", "evolution", "evolution or best-of-n", false, true},
    [OPT_EPOCHS] = {"epochs", "N", "10", "rounds of the search", true, true},
    [OPT_EPOCH_SIZE] = {"epoch-size", "N", "80", "ideas a round", true, true},
    [OPT_BATCH] = {"batch", "N", "10", "ideas a request", true, true},
    [OPT_SEED] = {"seed", "N", "0", "seed of every decision", true, true},
    [OPT_BASELINE] = {"baseline", "N", "3", "runs of the unpatched environment, on seeds 1 to N",
                      true, true},
    [OPT_CONFIRM] = {"confirm", "K", "0",
                     "afterwards, run the best ideas and the baseline on K fresh seeds", true,
                     false},
    [OPT_TOP] = {"top", "N", "1", "how many ideas --confirm runs again", true, false},
    [OPT_WORKERS] = {"workers", "N", "0", "runs at once (default: one a cpu)", true, false},
    [OPT_GPUS] = {"gpus", "LIST", NULL,
                  "GPUs to lease, such as 0,2,3, or none (default: all /dev/nvidiaN)", false,
                  false},
    [OPT_SLURM] = {"slurm", "DIR", NULL,
                   "runs are jobs of a Slurm cluster; DIR is a directory that all nodes see", false,
                   false},
    [OPT_PARTITION] = {"partition", "NAME", NULL, "the cluster's partition for --slurm", false,
                       false},
    [OPT_WORK_DIR] = {"work-dir", "DIR", NULL, "where runs happen (default: FILE.work)", false,
                      false},
    [OPT_WORKER] = {"worker", "PATH", NULL,
                    "the program aire-worker, where libaire is not installed", false, false},
    [OPT_LOG] = {"log", "LEVEL", "1",
                 "0 nothing, 1 errors, 2 warnings, 3 information, 4 everything", true, false},
};

static void usage(FILE *to)
{
    fputs("aire-evolve: search for better programs by running them.\n"
          "\n"
          "usage: aire-evolve [run] ENV [options]        search in the environment directory ENV\n"
          "       aire-evolve list FILE                  what was tried, best first\n"
          "       aire-evolve show FILE RUN              an idea, its patch, its result, the end "
          "of its log\n"
          "       aire-evolve stats FILE                 how many ideas became code that ran, and "
          "why not\n"
          "       aire-evolve export FILE DIRECTORY      all of them as files\n"
          "       aire-evolve pin|unpin FILE RUN         its kept files stay in any case, or not\n"
          "       aire-evolve bundle FILE RUN ARCHIVE    a run as one file, for another store\n"
          "       aire-evolve import FILE ARCHIVE        take such a run over\n"
          "\n"
          "options:\n",
          to);
    for (int i = 0; i < OPT_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", rules[i].name, rules[i].argument);
        fprintf(to, "  %-22s %s", left, rules[i].help);
        fprintf(to, rules[i].fallback && strcmp(rules[i].fallback, "0") ? " (default: %s)\n" : "\n",
                rules[i].fallback);
    }
    fputs("  --openevolve DIR       short for DIR --adapter openevolve\n"
          "  --var NAME=VALUE       value for ${NAME} in the manifest; may be given again. With an "
          "adapter\n"
          "                         also PYTHON, DATA, IGNORE, TIMEOUT_S, CPUS, GPUS, ...\n"
          "  --resume               go on with a search that was stopped\n"
          "  --help, --version\n"
          "\n"
          "A model's key is read from the variable that its provider's users have "
          "(ANTHROPIC_API_KEY,\n"
          "OPENAI_API_KEY, GEMINI_API_KEY, AWS_BEARER_TOKEN_BEDROCK), else from AIRE_API_KEY.\n"
          "Ctrl-C stops cleanly, and --resume goes on; a second Ctrl-C stops at once.\n"
          "exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing there, 130 interrupted\n",
          to);
}

static int wrong(const char *what, const char *word)
{
    fprintf(stderr, "aire-evolve: %s: %s (see aire-evolve --help)\n", what, word);
    return EXIT_USAGE;
}

static bool is_amount(const char *text)
{
    char *end;
    double amount = strtod(text, &end);
    return *text >= '0' && *text <= '9' && !*end && amount > 0 && amount < 1e9;
}

/* Numbers between commas, or "none". */
static bool is_list(const char *text)
{
    if (!strcmp(text, "none"))
        return true;
    for (const char *at = text;; at++) {
        size_t digits = strspn(at, "0123456789");
        at += digits;
        if (digits == 0 || digits > 4)
            return false;
        if (*at != ',')
            return *at == '\0';
    }
}

/* Words between commas; 0: one is unknown. */
static uint32_t forms_of(const char *list)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } forms[] = {
        {"unified", AIRE_FORM_UNIFIED}, {"blocks", AIRE_FORM_BLOCKS}, {"files", AIRE_FORM_FILES}};
    uint32_t bits = 0;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ","), i = 0;
        while (i < 3 && (strlen(forms[i].word) != length || strncmp(at, forms[i].word, length)))
            i++;
        if (i == 3)
            return 0;
        bits |= forms[i].bit;
        at += length;
        if (!*at)
            return bits;
    }
}

static int find_rule(const char *name, size_t length)
{
    for (int i = 0; i < OPT_COUNT; i++)
        if (strlen(rules[i].name) == length && strncmp(rules[i].name, name, length) == 0)
            return i;
    return -1;
}

static int take_variable(settings *s, const char *value)
{
    const char *what = host_variables_add(&s->variables, value);
    return what ? wrong(what, value) : EXIT_OK;
}

/* The directory is a word as any other. */
static int take_openevolve(settings *s, char *directory)
{
    if (s->word_count == 4)
        return wrong("one word too many", directory);
    s->words[s->word_count++] = directory;
    s->value[OPT_ADAPTER] = "openevolve";
    return EXIT_OK;
}

static int take_value(settings *s, const char *option, size_t length, char *value)
{
    if (length == 3 && strncmp(option, "var", 3) == 0)
        return take_variable(s, value);
    if (length == 10 && strncmp(option, "openevolve", 10) == 0)
        return take_openevolve(s, value);
    int id = find_rule(option, length);
    if (id < 0)
        return wrong("unknown option", option);
    if (rules[id].number && !host_is_number(value))
        return wrong("a number from 0 is needed, not", value);
    if (id == OPT_BUDGET && !is_amount(value))
        return wrong("--budget needs an amount such as 2.50, not", value);
    if (id == OPT_GPUS && !is_list(value))
        return wrong("--gpus needs numbers such as 0,2,3, or none, not", value);
    if (id == OPT_FORMS && !forms_of(value))
        return wrong("--forms needs unified, blocks or files, such as unified,blocks, not", value);
    s->value[id] = value;
    return EXIT_OK;
}

static int show_help(bool *done)
{
    usage(stdout);
    *done = true;
    return EXIT_OK;
}

/* One option at argv[*i], with its value there or in the next word. */
static int take_option(settings *s, int argc, char **argv, int *i, bool *done)
{
    char *option = argv[*i] + 2;
    if (!strcmp(option, "help"))
        return show_help(done);
    if (!strcmp(option, "version")) {
        printf("aire-evolve %s\n", aire_version_string());
        *done = true;
        return EXIT_OK;
    }
    if (!strcmp(option, "resume")) {
        s->resume = true;
        return EXIT_OK;
    }
    char *equals = strchr(option, '=');
    if (equals)
        return take_value(s, option, (size_t)(equals - option), equals + 1);
    if (*i + 1 >= argc)
        return wrong("a value is missing after", argv[*i]);
    return take_value(s, option, strlen(option), argv[++*i]);
}

int settings_parse(settings *s, int argc, char **argv, bool *done)
{
    memset(s, 0, sizeof *s);
    host_variables_init(&s->variables);
    *done = false;
    for (int i = 1; i < argc && !*done; i++) {
        int code = EXIT_OK;
        if (!strcmp(argv[i], "-h"))
            code = show_help(done);
        else if (!strncmp(argv[i], "--", 2))
            code = take_option(s, argc, argv, &i, done);
        else if (s->word_count < 4)
            s->words[s->word_count++] = argv[i];
        else
            code = wrong("one word too many", argv[i]);
        if (code != EXIT_OK)
            return code;
    }
    if (!s->resume && !s->value[OPT_IDEATOR] && s->value[OPT_MODEL])
        s->value[OPT_IDEATOR] = "chat";
    if (!*done && s->word_count == 0) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

const char *settings_text(const settings *s, option_id id)
{
    return s->value[id] ? s->value[id] : rules[id].fallback;
}

long settings_number(const settings *s, option_id id)
{
    return strtol(settings_text(s, id), NULL, 10);
}

uint32_t settings_forms(const settings *s)
{
    return forms_of(settings_text(s, OPT_FORMS));
}

int settings_gpus(const settings *s, int32_t *numbers, int max)
{
    const char *list = settings_text(s, OPT_GPUS);
    int count = 0;
    if (!list)
        return -1;
    for (char *at = (char *)(uintptr_t)list; *at >= '0' && *at <= '9' && count < max;
         at += *at == ',')
        numbers[count++] = (int32_t)strtol(at, &at, 10);
    return count;
}

char *settings_note(const settings *s)
{
    char *note = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&note, &length);
    if (!to)
        return NULL;
    for (int i = 0; i < OPT_COUNT; i++)
        if (rules[i].defines && settings_text(s, i))
            fprintf(to, "%s=%s\n", rules[i].name, settings_text(s, i));
    fclose(to);
    return note;
}

int settings_take_note(settings *s, char *note)
{
    for (char *line = note, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *equals = strchr(line, '=');
        int id = equals ? find_rule(line, (size_t)(equals - line)) : -1;
        if (id < 0)
            continue;
        if (s->value[id] && strcmp(s->value[id], equals + 1)) {
            fprintf(stderr,
                    "aire-evolve: this search was started with --%s %s; it cannot go on with %s "
                    "(begin another one with another --store)\n",
                    rules[id].name, equals + 1, s->value[id]);
            return EXIT_USAGE;
        }
        s->value[id] = equals + 1; /* the note lives as long as the settings */
    }
    return EXIT_OK;
}
