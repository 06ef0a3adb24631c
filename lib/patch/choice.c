/* Words of choice and of retraction in the prose of an answer. */
#include "patch/choice.h"

#include <ctype.h>
#include <string.h>

#include "patch/marks.h"

typedef enum after {
    AFTER_ANY,  /* whatever follows */
    AFTER_STOP, /* the end of the sentence or of its first part */
    AFTER_LABEL /* one letter or digit: "option 2" */
} after;

typedef struct phrase {
    const char *words; /* with one blank between them */
    after after;
} phrase;

/* What follows is another way to do the same. */
static const phrase others[] = {
    {"or", AFTER_ANY},
    {"or else", AFTER_ANY},
    {"alternative", AFTER_ANY},
    {"alternatives", AFTER_ANY},
    {"alternatively", AFTER_ANY},
    {"another option", AFTER_ANY},
    {"another way", AFTER_ANY},
    {"another approach", AFTER_ANY},
    {"another alternative", AFTER_ANY},
    {"second option", AFTER_ANY},
    {"option", AFTER_LABEL},
    {"variant", AFTER_LABEL},
    {"approach", AFTER_LABEL},
    {"solution", AFTER_LABEL},
    {"choice", AFTER_LABEL},
    {"plan", AFTER_LABEL},
    {"version", AFTER_LABEL},
    {"attempt", AFTER_LABEL},
    {"candidate", AFTER_LABEL},
    {"possibility", AFTER_LABEL},
    {"variation", AFTER_LABEL},
    {"a different way", AFTER_ANY},
    {"different approach", AFTER_ANY},
};

/* What follows is instead of what was said before. */
static const phrase turns[] = {
    {"correction", AFTER_ANY},
    {"corrected", AFTER_STOP},
    {"corrected version", AFTER_ANY},
    {"corrected patch", AFTER_ANY},
    {"corrected diff", AFTER_ANY},
    {"corrected answer", AFTER_ANY},
    {"revised version", AFTER_ANY},
    {"revised patch", AFTER_ANY},
    {"revised diff", AFTER_ANY},
    {"revised", AFTER_STOP},
    {"let me redo", AFTER_ANY},
    {"let me correct", AFTER_ANY},
    {"let me revise", AFTER_ANY},
    {"let me fix that", AFTER_ANY},
    {"let me rewrite", AFTER_ANY},
    {"let me try again", AFTER_ANY},
    {"let me reconsider", AFTER_ANY},
    {"i made a mistake", AFTER_ANY},
    {"my mistake", AFTER_ANY},
    {"there is a mistake", AFTER_ANY},
    {"apologies", AFTER_ANY},
    {"i apologize", AFTER_ANY},
    {"on closer look", AFTER_ANY},
    {"thinking again", AFTER_ANY},
    {"correct version", AFTER_ANY},
    {"correct patch", AFTER_ANY},
    {"correct way", AFTER_ANY},
    {"right way", AFTER_ANY},
    {"scratch that", AFTER_ANY},
    {"scrap that", AFTER_ANY},
    {"strike that", AFTER_ANY},
    {"wait", AFTER_STOP},
    {"actually", AFTER_ANY},
    {"hmm", AFTER_ANY},
    {"oops", AFTER_ANY},
    {"sorry", AFTER_STOP},
    {"no", AFTER_STOP},
    {"on second thought", AFTER_ANY},
    {"on reflection", AFTER_ANY},
    {"never mind", AFTER_ANY},
    {"nevermind", AFTER_ANY},
    {"ignore", AFTER_STOP},
    {"ignore the above", AFTER_ANY},
    {"ignore that", AFTER_ANY},
    {"ignore the previous", AFTER_ANY},
    {"ignore the first", AFTER_ANY},
    {"disregard", AFTER_ANY},
    {"forget that", AFTER_ANY},
    {"forget the above", AFTER_ANY},
    {"instead", AFTER_STOP},
    {"rather", AFTER_STOP},
    {"better", AFTER_STOP},
    {"even better", AFTER_ANY},
    {"final", AFTER_STOP},
    {"final answer", AFTER_ANY},
    {"final patch", AFTER_ANY},
    {"final version", AFTER_ANY},
    {"final diff", AFTER_ANY},
    {"final solution", AFTER_ANY},
    {"final code", AFTER_ANY},
    {"right", AFTER_STOP},
    {"correct", AFTER_STOP},
    {"good", AFTER_STOP},
    {"that is wrong", AFTER_ANY},
    {"that's wrong", AFTER_ANY},
    {"that was wrong", AFTER_ANY},
    {"the above is wrong", AFTER_ANY},
    {"the above was wrong", AFTER_ANY},
    {"that would break", AFTER_ANY},
    {"that does not work", AFTER_ANY},
    {"that doesn't work", AFTER_ANY},
    {"that won't work", AFTER_ANY},
    {"do this instead", AFTER_ANY},
    {"use this instead", AFTER_ANY},
    {"this is what i propose", AFTER_ANY},
    {"what i propose", AFTER_ANY},
};

/* What comes next is not meant, or only perhaps. */
static const phrase doubts[] = {
    {"do not", AFTER_STOP},
    {"don't", AFTER_STOP},
    {"before", AFTER_STOP},
    {"original", AFTER_STOP},
    {"no", AFTER_STOP},
    {"do not do", AFTER_ANY},
    {"don't do", AFTER_ANY},
    {"do not use", AFTER_STOP},
    {"don't use", AFTER_STOP},
    {"do not use this", AFTER_ANY},
    {"don't use this", AFTER_ANY},
    {"do not apply", AFTER_ANY},
    {"don't apply", AFTER_ANY},
    {"not", AFTER_STOP},
    {"not this", AFTER_ANY},
    {"not like this", AFTER_ANY},
    {"not to do", AFTER_ANY},
    {"what not to do", AFTER_ANY},
    {"never do", AFTER_ANY},
    {"avoid this", AFTER_ANY},
    {"avoid", AFTER_STOP},
    {"wrong", AFTER_STOP},
    {"wrong way", AFTER_ANY},
    {"bad", AFTER_STOP},
    {"bad idea", AFTER_ANY},
    {"incorrect", AFTER_STOP},
    {"this would be wrong", AFTER_ANY},
    {"this would not work", AFTER_ANY},
    {"this does not work", AFTER_ANY},
    {"this doesn't work", AFTER_ANY},
    {"this would break", AFTER_ANY},
    {"this is wrong", AFTER_STOP},
    {"naive", AFTER_STOP},
    {"naive approach", AFTER_ANY},
    {"naive version", AFTER_ANY},
    {"naive way", AFTER_ANY},
    {"naive solution", AFTER_ANY},
    {"for reference", AFTER_ANY},
    {"for comparison", AFTER_ANY},
    {"for illustration", AFTER_ANY},
    {"previously i suggested", AFTER_ANY},
    {"previously i proposed", AFTER_ANY},
    {"previously i sent", AFTER_ANY},
    {"previously i tried", AFTER_ANY},
    {"previously suggested", AFTER_ANY},
    {"previously proposed", AFTER_ANY},
    {"previously tried", AFTER_ANY},
    {"previous patch", AFTER_ANY},
    {"previous attempt", AFTER_ANY},
    {"previous answer", AFTER_ANY},
    {"previous diff", AFTER_ANY},
    {"previous version", AFTER_STOP},
    {"earlier i suggested", AFTER_ANY},
    {"earlier i proposed", AFTER_ANY},
    {"earlier attempt", AFTER_ANY},
    {"failed patch", AFTER_ANY},
    {"failed attempt", AFTER_ANY},
    {"old patch", AFTER_ANY},
    {"old version", AFTER_STOP},
    {"i first thought", AFTER_ANY},
    {"i first tried", AFTER_ANY},
    {"at first i", AFTER_ANY},
    {"initially i thought", AFTER_ANY},
    {"draft", AFTER_STOP},
    {"counterexample", AFTER_ANY},
    {"anti-pattern", AFTER_ANY},
    {"antipattern", AFTER_ANY},
    {"not recommended", AFTER_ANY},
    {"what i would not do", AFTER_ANY},
    {"abandoned", AFTER_STOP},
    {"first draft", AFTER_ANY},
    {"first idea", AFTER_ANY},
    {"first attempt", AFTER_ANY},
    {"first try", AFTER_ANY},
    {"first thought", AFTER_ANY},
    {"initial idea", AFTER_ANY},
    {"initial attempt", AFTER_ANY},
    {"initial draft", AFTER_ANY},
    {"rejected", AFTER_STOP},
    {"discarded", AFTER_STOP},
    {"instead of", AFTER_STOP},
    {"instead of this", AFTER_STOP},
    {"optional", AFTER_STOP},
    {"optional step", AFTER_ANY},
    {"optional change", AFTER_ANY},
    {"optionally", AFTER_ANY},
    {"if you prefer", AFTER_ANY},
    {"if you want", AFTER_ANY},
    {"either", AFTER_ANY},
    {"you can either", AFTER_ANY},
    {"you could either", AFTER_ANY},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '\'' || c == '_' || (unsigned char)c >= 0x80;
}

static aire_span after_blanks(aire_span span)
{
    while (span.length && (*span.text == ' ' || *span.text == '\t'))
        span = (aire_span){span.text + 1, span.length - 1};
    return span;
}

/* A typographic apostrophe is as good as the plain one. */
static size_t apostrophe(aire_span span)
{
    if (span.length && *span.text == '\'')
        return 1;
    return span.length >= 3 && memcmp(span.text, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
}

/* Past a phrase at the beginning of `span`; false if it is not there, as words. */
static bool take_phrase(aire_span *span, const char *words)
{
    aire_span at = *span;
    for (; *words; words++) {
        size_t length = *words == '\'' ? apostrophe(at) : at.length > 0;
        if (length == 0 || (*words != '\'' && tolower((unsigned char)*at.text) != *words))
            return false;
        at = (aire_span){at.text + length, at.length - length};
        if (*words == ' ')
            at = after_blanks(at);
    }
    if (at.length && is_word(*at.text))
        return false;
    *span = at;
    return true;
}

static aire_span after_marks(aire_span span)
{
    while (span.length && strchr("*_~`\"", *span.text))
        span = (aire_span){span.text + 1, span.length - 1};
    return after_blanks(span);
}

static bool is_label(aire_span span)
{
    static const char *const numbers[] = {"one", "two", "three", "four"};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        aire_span rest = span;
        if (take_phrase(&rest, numbers[i]))
            return true;
    }
    return span.length > 0 && isalnum((unsigned char)*span.text) &&
           (span.length == 1 || !is_word(span.text[1]));
}

static bool follows(aire_span rest, after what)
{
    rest = after_marks(rest);
    if (what == AFTER_STOP)
        return rest.length == 0 || strchr(".,:;!?()-<", *rest.text) ||
               (unsigned char)*rest.text == 0xe2;
    if (what == AFTER_LABEL)
        return is_label(rest);
    return true;
}

static bool has_phrase(aire_span sentence, const phrase *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aire_span rest = sentence;
        if (take_phrase(&rest, list[i].words) && follows(rest, list[i].after))
            return true;
    }
    return false;
}

/* Without the article or the like that a sentence may begin with. */
static aire_span skip_article(aire_span sentence)
{
    static const char *const words[] = {"a",      "an",      "the", "my",  "our", "here is",
                                        "here's", "this is", "as",  "but", "and", "so"};
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT(words); i++)
            if (take_phrase(&sentence, words[i]))
                sentence = after_blanks(sentence);
    return sentence;
}

/* A title such as "A simpler alternative:" says so in whichever of its words. */
static bool is_rival_title(aire_span sentence, size_t length)
{
    enum { TITLE_WORDS = 4 };
    aire_span at = {sentence.text, length};
    size_t words = 1;
    for (size_t i = 0; i < length; i++)
        words += sentence.text[i] == ' ';
    if (words > TITLE_WORDS || (length < sentence.length && sentence.text[length - 1] != ':'))
        return false;
    for (; at.length; at = (aire_span){at.text + 1, at.length - 1}) {
        aire_span rest = at;
        if ((at.text == sentence.text || !is_word(at.text[-1])) &&
            (take_phrase(&rest, "alternative") || take_phrase(&rest, "alternatively")))
            return true;
    }
    return false;
}

static void look_at_sentence(aire_said *c, aire_span sentence, size_t length, size_t line)
{
    aire_span bare = skip_article(sentence);
    bool other = has_phrase(bare, others, COUNT(others)) || is_rival_title(sentence, length);
    if (other || has_phrase(sentence, turns, COUNT(turns)) || has_phrase(bare, turns, COUNT(turns)))
        c->turn = line;
    if (other)
        c->rival = line;
    if (other || has_phrase(bare, doubts, COUNT(doubts)))
        c->doubt = line;
    c->any = c->any || c->turn || c->doubt;
}

/* The length of a sign such as a cross or a tick, with what selects its look. */
static size_t symbol(aire_span span)
{
    static const char *const leads[] = {"\xe2\x9c", "\xe2\x9d", "\xe2\x9a", "\xe2\xad", "\xef\xb8"};
    for (size_t i = 0; i < COUNT(leads); i++)
        if (span.length >= 3 && memcmp(span.text, leads[i], 2) == 0)
            return 3;
    return span.length >= 4 && memcmp(span.text, "\xf0\x9f", 2) == 0 ? 4 : 0;
}

/* Past what Markdown and HTML put before words: "## ", "1. ", "- ", "**", "~~", "<summary>". */
static aire_span skip_markup(aire_span span)
{
    for (;;) {
        span = after_blanks(span);
        const char *close = NULL;
        size_t digits = 0;
        if (span.length && *span.text == '<')
            close = memchr(span.text, '>', span.length);
        while (digits < span.length && isdigit((unsigned char)span.text[digits]))
            digits++;
        size_t skip = 0;
        if (close)
            skip = (size_t)(close - span.text) + 1;
        else if (digits && digits < span.length && strchr(".)", span.text[digits]))
            skip = digits + 1;
        else if (span.length && strchr("#*_~->|([\"`", *span.text))
            skip = 1;
        else
            skip = symbol(span);
        if (skip == 0)
            return span;
        span = (aire_span){span.text + skip, span.length - skip};
    }
}

/* Whether a line begins a paragraph of its own: a heading, or an item of a list. */
static bool begins_part(aire_span span)
{
    return span.length > 1 &&
           (*span.text == '#' || *span.text == '<' ||
            (strchr("-*+", *span.text) && span.text[1] == ' ') ||
            (isdigit((unsigned char)*span.text) && (span.text[1] == '.' || span.text[1] == ')')));
}

/* One past the sentence, or the part of it before a colon, that begins at `span`. */
static size_t sentence_length(aire_span span, bool *ended)
{
    for (size_t i = 0; i < span.length; i++) {
        size_t next = i + 1;
        *ended = strchr(".!?:;(", span.text[i]) != NULL;
        if (*ended &&
            (span.text[i] == '(' || next == span.length || strchr(" \t*_~)<", span.text[next])))
            return next;
    }
    *ended = false;
    return span.length;
}

void aire__choice_look(aire_said *c, const aire_line *line, size_t at, bool named)
{
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    if (span.length == 0) {
        c->inside = false;
        return;
    }
    bool part = !c->inside || begins_part(span);
    if (part && !named)
        c->doubt = 0; /* it was another paragraph that said so */
    c->sentence = c->sentence || part;
    c->inside = true;
    while (span.length) {
        span = c->sentence ? skip_markup(span) : span;
        bool ended = false;
        size_t length = sentence_length(span, &ended);
        if (c->sentence && length)
            look_at_sentence(c, span, length, at + 1);
        c->sentence = ended;
        span = (aire_span){span.text + length, span.length - length};
    }
}

void aire__choice_form(aire_said *c)
{
    c->inside = false;
    c->sentence = true;
}
