/* The ideator that drops what is not new. */
#include <string.h>

#include "aire/result.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "ideator/fingerprint.h"
#include "ideator/ideator.h"
#include "patch/likeness.h"
#include "stats/tokens.h"

static const double words_default = 0.85, meaning_default = 0.95;

/* Ideas to compare with. */
typedef struct prints {
    aire_fingerprint *at;
    size_t count, capacity;
} prints;

typedef struct novelty {
    aire_ctx *ctx; /* borrowed from the ideator */
    aire_ideator *inner;
    aire_ideator_novelty_options options;
    prints added;
} novelty;

/* One call of propose. */
typedef struct sieve {
    novelty *n;
    aire_plan *plan;
    prints earlier;   /* of the plan, then those that were kept */
    aire_idea **kept; /* borrowed from the proposal of the inner ideator */
    size_t kept_count;
} sieve;

aire_status aire_ideator_novelty_options_init(aire_ideator_novelty_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ideator_novelty_options");
}

const char *aire_likeness_name(int32_t likeness)
{
    switch (likeness) {
#define WORD(name, value, word)                                                                    \
    case value:                                                                                    \
        return word;
        AIRE_LIKENESS_MAP(WORD)
#undef WORD
    default:
        return "?";
    }
}

static aire_status add(aire_ctx *ctx, prints *p, aire_idea *idea)
{
    if (!aire__grow(ctx, &p->at, &p->capacity, p->count + 1, sizeof *p->at))
        return aire__fail_nomem();
    aire_status status = aire__fingerprint_take(ctx, idea, &p->at[p->count]);
    p->count += status == AIRE_OK;
    return status;
}

static void drop_all(aire_ctx *ctx, prints *p)
{
    for (size_t i = 0; i < p->count; i++)
        aire__fingerprint_free(&p->at[i]);
    aire_free(ctx, p->at);
}

static aire_status add_plan(sieve *s)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < aire_plan_avoid_count(s->plan); i++)
        status = add(s->n->ctx, &s->earlier, aire_plan_avoid(s->plan, i));
    bool mends = aire_plan_kind(s->plan) == AIRE_PLAN_REPAIR; /* and so is like its parent */
    for (size_t i = 0; status == AIRE_OK && !mends && i < aire_plan_parent_count(s->plan); i++) {
        aire_idea *idea = aire_result_idea(aire_plan_parent(s->plan, i));
        if (idea)
            status = add(s->n->ctx, &s->earlier, idea);
    }
    return status;
}

static aire_status ask_similarity(const novelty *n, const aire_fingerprint *a,
                                  const aire_fingerprint *b, int32_t *likeness)
{
    double value = 0;
    aire_status status = n->options.similarity(aire_idea_text(a->idea), aire_idea_text(b->idea),
                                               &value, n->options.user_data);
    if (status == AIRE_OK && value >= n->options.meaning)
        *likeness = AIRE_LIKENESS_MEANING;
    return status;
}

/* What is known without asking anybody; 0 for not alike. */
static int32_t compare(const novelty *n, const aire_fingerprint *a, const aire_fingerprint *b)
{
    bool patches = a->patch[0] && b->patch[0];
    if (patches)
        return strcmp(a->patch, b->patch) == 0 ? AIRE_LIKENESS_PATCH : 0;
    if (strcmp(a->text, b->text) == 0)
        return AIRE_LIKENESS_TEXT;
    return aire__token_jaccard(&a->tokens, &b->tokens) >= n->options.words ? AIRE_LIKENESS_WORDS
                                                                           : 0;
}

/* The first of some ideas that one is like; *likeness stays 0 if there is none. */
static const aire_fingerprint *find(const novelty *n, const prints *earlier,
                                    const aire_fingerprint *print, int32_t *likeness)
{
    for (size_t i = 0; i < earlier->count; i++)
        if ((*likeness = compare(n, print, &earlier->at[i])))
            return &earlier->at[i];
    return NULL;
}

static aire_status find_by_meaning(const novelty *n, const prints *earlier,
                                   const aire_fingerprint *print, int32_t *likeness,
                                   const aire_fingerprint **out)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && !*likeness && i < earlier->count; i++) {
        if (print->patch[0] && earlier->at[i].patch[0])
            continue;
        status = ask_similarity(n, print, &earlier->at[i], likeness);
        *out = &earlier->at[i];
    }
    return status;
}

static void tell(const sieve *s, aire_idea *idea, aire_idea *earlier, int32_t likeness)
{
    const aire_ideator_novelty_options *o = &s->n->options;
    const char *what = likeness == AIRE_LIKENESS_READDED ? "" : "is dropped: ";
    aire__logf(s->n->ctx, AIRE_LOG_INFO, "ideator", "plan %lld: idea '%s' %s%s (idea %lld, '%s')",
               (long long)aire_plan_id(s->plan), aire_idea_title(idea), what,
               aire_likeness_name(likeness), (long long)aire_idea_id(earlier),
               aire_idea_title(earlier));
    if (o->alike)
        o->alike(idea, earlier, likeness, o->user_data);
}

static bool is_parent(const aire_idea *idea, int64_t id)
{
    for (size_t i = 0; id && i < aire_idea_parent_count(idea); i++)
        if (aire_idea_parent(idea, i) == id)
            return true;
    return false;
}

/* Tell of parents whose deletions an idea takes back. */
static aire_status look_for_readded(const sieve *s, aire_idea *idea)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < aire_plan_parent_count(s->plan); i++) {
        const aire_result *result = aire_plan_parent(s->plan, i);
        aire_idea *parent = aire_result_idea(result);
        const aire_patch *earlier = aire_result_patch(result);
        size_t lines = 0;
        if (!parent || !aire_idea_patch(idea) || !is_parent(idea, aire_idea_id(parent)))
            continue;
        if (!earlier)
            earlier = aire_idea_patch(parent);
        if (earlier)
            status = aire__patch_readded(s->n->ctx, aire_idea_patch(idea), earlier, &lines);
        if (status == AIRE_OK && lines)
            tell(s, idea, parent, AIRE_LIKENESS_READDED);
    }
    return status;
}

/* Look for an idea among all earlier ones. */
static aire_status search(const sieve *s, const aire_fingerprint *print, int32_t *likeness,
                          const aire_fingerprint **out)
{
    const novelty *n = s->n;
    *out = find(n, &s->earlier, print, likeness);
    if (!*out)
        *out = find(n, &n->added, print, likeness);
    if (*out || !n->options.similarity)
        return AIRE_OK;
    aire_status status = find_by_meaning(n, &s->earlier, print, likeness, out);
    if (status == AIRE_OK && !*likeness)
        status = find_by_meaning(n, &n->added, print, likeness, out);
    return status;
}

static aire_status sift(sieve *s, aire_idea *idea)
{
    const aire_fingerprint *same;
    aire_fingerprint print;
    int32_t likeness = 0;
    aire_status status = aire__fingerprint_take(s->n->ctx, idea, &print);
    if (status != AIRE_OK)
        return status;
    status = search(s, &print, &likeness, &same);
    if (status == AIRE_OK && likeness)
        tell(s, idea, same->idea, likeness);
    aire__fingerprint_free(&print);
    if (status != AIRE_OK || likeness)
        return status;
    status = look_for_readded(s, idea);
    if (status == AIRE_OK)
        status = add(s->n->ctx, &s->earlier, idea);
    s->kept[s->kept_count] = idea;
    s->kept_count += status == AIRE_OK;
    return status;
}

static aire_status sift_all(sieve *s, aire_ideas *given, aire_ideas **out)
{
    size_t count = aire_ideas_count(given);
    s->kept = aire__calloc(s->n->ctx, count, sizeof *s->kept);
    aire_status status = s->kept ? add_plan(s) : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < count; i++)
        status = sift(s, aire_ideas_get(given, i));
    if (status == AIRE_OK && s->kept_count == 0)
        status = aire__fail(AIRE_EMPTY, "none of the %zu ideas that were proposed is new", count);
    if (status == AIRE_OK)
        status = aire_ideas_new(s->n->ctx, s->kept, s->kept_count, out);
    drop_all(s->n->ctx, &s->earlier);
    aire_free(s->n->ctx, s->kept);
    return status;
}

static aire_status propose(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data)
{
    sieve s = {.n = user_data, .plan = plan};
    aire_ideas *given = NULL;
    aire_status status = aire_ideator_propose(s.n->inner, plan, cancel, &given);
    if (status == AIRE_OK)
        status = sift_all(&s, given, out);
    aire_ideas_unref(given);
    return status;
}

static void destroy(void *user_data)
{
    novelty *n = user_data;
    aire_ideator_unref(n->inner);
    drop_all(n->ctx, &n->added);
    aire_free(n->ctx, n);
}

static const aire_ideator_ops ops = {sizeof ops, 0, propose, destroy};

static aire_status take_options(const aire_ideator_novelty_options *given,
                                aire_ideator_novelty_options *ours)
{
    aire_status status =
        aire__options_take(given, ours, sizeof *ours, sizeof *ours, "aire_ideator_novelty_options");
    if (status != AIRE_OK)
        return status;
    if (!(ours->words >= 0 && ours->words <= 1 && ours->meaning >= 0 && ours->meaning <= 1) ||
        ours->reserved)
        return aire__fail(AIRE_INVALID, "aire_ideator_novelty_options: words and meaning must be "
                                        "from 0 to 1, and reserved 0");
    ours->words = ours->words > 0 ? ours->words : words_default;
    ours->meaning = ours->meaning > 0 ? ours->meaning : meaning_default;
    return AIRE_OK;
}

aire_status aire_ideator_novelty_new(aire_ctx *ctx, aire_ideator *inner,
                                     const aire_ideator_novelty_options *options,
                                     aire_ideator **out)
{
    if (!ctx || !inner || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_ideator_novelty_new: ctx, inner and out must not be NULL");
    *out = NULL;
    aire_ideator_novelty_options ours;
    aire_status status = take_options(options, &ours);
    if (status != AIRE_OK)
        return status;
    novelty *n = aire_alloc(ctx, sizeof *n);
    if (!n)
        return aire__fail_nomem();
    *n = (novelty){.ctx = ctx, .inner = aire_ideator_ref(inner), .options = ours};
    status = aire_ideator_new_from_ops(ctx, &ops, n, out);
    if (status != AIRE_OK)
        destroy(n);
    return status;
}

aire_status aire_ideator_novelty_add(aire_ideator *ideator, aire_idea *idea)
{
    novelty *n = ideator ? aire__ideator_data(ideator, &ops) : NULL;
    if (!n || !idea)
        return aire__fail(AIRE_INVALID, "aire_ideator_novelty_add: ideator must be one of "
                                        "aire_ideator_novelty_new, and idea not NULL");
    return add(n->ctx, &n->added, idea);
}
