/* Answers as models really return them, and what is read from them; nothing is lost silently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prompt/ideas.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 1);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

/* Ideas as "title|text|changes;", line ends as '/'; then what is said of the rest: u(nread),
 * s(urplus), k(ept though cut), d(ropped because cut). */
static const char *parse(const char *answer, size_t max, bool truncated)
{
    static char out[8192];
    aire_parsed_ideas ideas;
    size_t length = 0;
    assert_int_equal(aire__prompt_parse_ideas(ctx, answer, max, truncated, &ideas), AIRE_OK);
    out[0] = '\0';
    for (size_t i = 0; i < ideas.count; i++)
        length +=
            (size_t)snprintf(out + length, sizeof out - length, "%s|%s|%s;", ideas.ideas[i].title,
                             ideas.ideas[i].text, ideas.ideas[i].changes);
    for (char *at = out; *at; at++)
        if (*at == '\n')
            *at = '/';
    for (size_t i = 0; i < ideas.unread; i++)
        length += (size_t)snprintf(out + length, sizeof out - length, "u");
    for (size_t i = 0; i < ideas.surplus; i++)
        length += (size_t)snprintf(out + length, sizeof out - length, "s");
    if (ideas.cut)
        snprintf(out + length, sizeof out - length, "%s", ideas.cut == AIRE_CUT_KEPT ? "k" : "d");
    aire__parsed_ideas_free(&ideas);
    return out;
}

#define TWO "Warm up|Warm up/Slowly.|In a.c.;Cool down|Cool down|In b.c.;"

static const struct {
    const char *name, *answer, *ideas;
    bool truncated;
} answers[] = {
    /* tags */
    {"as asked",
     "[Experiment]\nWarm up\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n\n"
     "[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n[End]\n",
     TWO},
    {"carriage returns",
     "[Experiment]\r\nWarm up\r\nSlowly.\r\n[Code Changes]\r\nIn a.c.\r\n[End]\r\n\r\n"
     "[Experiment]\r\nCool down\r\n[Code Changes]\r\nIn b.c.\r\n[End]\r\n",
     TWO},
    {"no end tags",
     "[Experiment]\nWarm up\nSlowly.\n[Code Changes]\nIn a.c.\n"
     "[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n",
     TWO},
    {"other case",
     "[EXPERIMENT]\nWarm up\nSlowly.\n[code changes]\nIn a.c.\n[end]\n"
     "[experiment]\nCool down\n[CODE CHANGES]\nIn b.c.\n[END]",
     TWO},
    {"emphasis",
     "**[Experiment]**\nWarm up\nSlowly.\n**[Code Changes]**\nIn a.c.\n**[End]**\n"
     "__[Experiment]__\nCool down\n*[Code Changes]*\nIn b.c.\n***[End]***\n",
     TWO},
    {"inline code",
     "`[Experiment]`\nWarm up\nSlowly.\n`[Code Changes]`\nIn a.c.\n`[End]`\n"
     "`[Experiment]`\nCool down\n`[Code Changes]`\nIn b.c.\n`[End]`\n",
     TWO},
    {"headings with numbers in brackets",
     "### [Experiment 1]\nWarm up\nSlowly.\n#### [Code Changes 1]\nIn a.c.\n[End 1]\n---\n"
     "### [Experiment 2: Cool down]\n#### [Code Changes]\nIn b.c.\n",
     TWO},
    {"headings without brackets",
     "## Experiment 1: Warm up\nSlowly.\n### Code Changes\nIn a.c.\n\n"
     "## Experiment 2: Cool down\n### Code Changes\nIn b.c.\n",
     TWO},
    {"headings without colons",
     "## Experiment 1 Warm up\nSlowly.\n**Code Changes**\nIn a.c.\n## Experiment 2 Cool down\n"
     "**Code Changes**\nIn b.c.\n",
     TWO},
    {"bold headings with dashes",
     "**Experiment 1 \xe2\x80\x93 Warm up\nSlowly.\n**Code Changes:** In a.c.\n"
     "**Experiment 2** \xe2\x80\x94 Cool down\n**Code changes** \xe2\x80\x94 In b.c.\n",
     TWO},
    {"bold words alone",
     "**Experiment** Warm up\nSlowly.\n**Code Changes** In a.c.\n**Experiment** Cool down\n"
     "**Code Changes** In b.c.\n",
     TWO},
    {"headings without anything",
     "# Ideas\n\n### Experiment Warm up\nSlowly.\n### Code Changes\nIn a.c.\n"
     "### Experiment Cool down\n### Code Changes\nIn b.c.\n",
     TWO},
    {"a heading within the text",
     "[Experiment]\nWarm up\n### Experiment design\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n",
     "Warm up|Warm up/### Experiment design/Slowly.|In a.c.;"},
    {"headings in a fence around it all",
     "```markdown\n## Experiment 1: Warm up\nSlowly.\n**Code Changes:**\nIn a.c.\n"
     "## Experiment 2: Cool down\n**Code Changes:**\nIn b.c.\n```\n",
     TWO},
    {"title above the tag",
     "## Idea 1: Warm up\n[Experiment]\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n"
     "## Idea 2: Cool down\n[Experiment]\n[Code Changes]\nIn b.c.\n[End]",
     TWO},
    {"idea heading above a label",
     "### Idea 1: Warm up\n**Experiment:** Slowly.\n**Code Changes:** In a.c.\n"
     "### Idea 2: Cool down\n**Code Changes:** In b.c.\n",
     TWO},
    {"tag above the heading",
     "[Experiment]\n**Experiment 1: Warm up**\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n",
     "Warm up|Warm up**/Slowly.|In a.c.;"},
    {"angle brackets",
     "<Experiment>\nWarm up\nSlowly.\n</Experiment>\n<Code Changes>\nIn a.c.\n</Code Changes>\n"
     "<Experiment>\nCool down\n</Experiment>\n<code_changes>\nIn b.c.\n</code_changes>\n<End>\n",
     TWO},
    {"wide brackets",
     "\xe3\x80\x90"
     "Experiment\xe3\x80\x91\nWarm up\nSlowly.\n\xe3\x80\x90"
     "Code Changes\xe3\x80\x91\nIn a.c.\n\xe3\x80\x90"
     "End\xe3\x80\x91\n[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n",
     TWO},
    {"escaped and doubled brackets",
     "\\[Experiment\\]\nWarm up\nSlowly.\n\\[Code Changes\\]\nIn a.c.\n\\[End\\]\n"
     "[[Experiment]]\nCool down\n[[Code Changes]]\nIn b.c.\n[[End]]\n",
     TWO},
    {"closing tags with a slash",
     "[Experiment]\nWarm up\nSlowly.\n[/Experiment]\n[Code_Changes]\nIn a.c.\n[/Code_Changes]\n"
     "[/End]\n[Experiment]\nCool down\n[CodeChanges]\nIn b.c.\n[End of Experiment 2]\n",
     TWO},
    {"colons inside and outside",
     "[Experiment:] Warm up\nSlowly.\n[Code Changes:] In a.c.\n[End]\n"
     "[Experiment]: Cool down\n[Code Changes]: In b.c.\n[End]:\n",
     TWO},
    {"list marks",
     "- [Experiment] Warm up\nSlowly.\n- [Code Changes] In a.c.\n- [End]\n"
     "2) [Experiment] Cool down\n* [Code Changes] In b.c.\n",
     TWO},
    {"quoted",
     "> [Experiment]\nWarm up\nSlowly.\n> [Code Changes]\nIn a.c.\n> [End]\n"
     "> [Experiment] Cool down\n> [Code Changes] In b.c.\n",
     TWO},
    {"prose around and between",
     "Sure! Here are two experiments.\n\n[Experiment]\nWarm up\nSlowly.\n[Code Changes]\nIn a.c.\n"
     "[End]\n\nThe second one is more daring:\n\n[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n"
     "[End]\n\nLet me know which one you like.",
     TWO},
    {"a fence around each",
     "```\n[Experiment]\nWarm up\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n```\n\n```\n"
     "[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n[End]\n```\n",
     TWO},
    {"a fence around each, no end tags",
     "```text\n[Experiment]\nWarm up\n[Code Changes]\nIn a.c.\n```\n```text\n[Experiment]\n"
     "Cool down\n[Code Changes]\nIn b.c.\n```\n",
     "Warm up|Warm up|In a.c./```/```text;Cool down|Cool down|In b.c.;"},
    {"the second tag forgotten", "[Experiment]\nWarm up\nSlowly.\n[End]\n",
     "Warm up|Warm up/Slowly.|;"},
    {"everything under the second tag", "[Experiment]\n[Code Changes]\nWarm up in a.c.\n[End]\n",
     "Warm up in a.c.|Warm up in a.c.|;"},
    {"the first tag forgotten",
     "**Warm up**\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n"
     "[Experiment]\nCool down\n[Code Changes]\nIn b.c.\n[End]",
     "Warm up|**Warm up**/Slowly.|In a.c.;Cool down|Cool down|In b.c.;"},
    {"the first tag forgotten twice, and the last",
     "Warm up\n[Code Changes]\nIn a.c.\n\nCool down\n[Code Changes]\nIn b.c.\n",
     "Warm up|Warm up|In a.c.//Cool down//In b.c.;u"},
    {"two sections of changes",
     "[Experiment]\nWarm up\n[Code Changes]\nIn a.c.\n[Code Changes]\nIn b.c.\n[End]",
     "Warm up|Warm up|In a.c.//In b.c.;"},
    /* code with things that look like tags */
    {"tags in a fence of code",
     "[Experiment]\nWarm up\n[Code Changes]\n```ini\n[experiment]\nlr = 3\n[end]\n```\n[End]\n"
     "[Experiment]\nCool down\n[End]",
     "Warm up|Warm up|```ini/[experiment]/lr = 3/[end]/```;Cool down|Cool down|;"},
    {"the form repeated in a fence of code",
     "[Experiment]\nWarm up\n[Code Changes]\n```\n[Code Changes]\nIn a.c.\n```\n[End]\n",
     "Warm up|Warm up|```/[Code Changes]/In a.c./```;"},
    {"a fence that is never closed",
     "[Experiment]\nWarm up\n[Code Changes]\n```c\nint a;\n[End]\n[Experiment]\nCool down\n"
     "[Code Changes]\n```c\nint b;\n```\n[End]",
     "Warm up|Warm up|```c/int a;;Cool down|Cool down|```c/int b;/```;"},
    {"brackets in code", "[Experiment]\nUse a[end] and {[End] = 1}.\n[Code Changes]\nx[end]\n[End]",
     "Use a[end] and {[End] = 1}.|Use a[end] and {[End] = 1}.|x[end];"},
    {"thinking tags as a subject",
     "[Experiment]\nReward <think>a</think>\nand its form.\n[Code Changes]\nIn a.c.\n[End]",
     "Reward <think>a</think>|Reward <think>a</think>/and its form.|In a.c.;"},
    /* thinking that was left over */
    {"thinking in front",
     "<think>\nShould I use\n[Experiment]\nWarm less\n[End]\n? No.\n</think>\n\n[Experiment]\n"
     "Warm up\nSlowly.\n[Code Changes]\nIn a.c.\n[End]\n",
     "Warm up|Warm up/Slowly.|In a.c.;"},
    {"thinking without its beginning",
     "I could try [Experiment] first.\n[Experiment]\nBad one\n[End]\n</think>\n[Experiment]\n"
     "Warm up\n[End]",
     "Warm up|Warm up|;"},
    {"thinking on the line of the answer", "<think>hm</think>[Experiment] Warm up [End]",
     "Warm up|Warm up|;"},
    {"everything inside the thinking", "<think>\n[Experiment]\nWarm up\n[End]\n</think>\n",
     "Warm up|Warm up|;"},
    {"thinking that is never closed", "<think>\n[Experiment]\nWarm up\n[End]\n",
     "Warm up|Warm up|;"},
    {"thinking that was cut short", "<think>\nPerhaps\n[Experiment]\nWarm up\n[End]\nor", "ud",
     true},
    /* cut short */
    {"cut in the first section", "[Experiment]\nWarm up\n[End]\n[Experiment]\nCool do",
     "Warm up|Warm up|;ud", true},
    {"cut in the second section", "[Experiment]\nWarm up\n[Code Changes]\nIn a.",
     "Warm up|Warm up|In a.;k", true},
    {"cut after the end", "[Experiment]\nWarm up\n[Code Changes]\nIn a.c.\n[End]\nI ho",
     "Warm up|Warm up|In a.c.;", true},
    {"cut in a tag", "[Experiment]\nWarm up\n[Code Changes]\nIn a.c.\n[En",
     "Warm up|Warm up|In a.c./[En;k", true},
    {"cut in JSON",
     "```json\n[\n{\"experiment\": \"Warm up\", \"code_changes\": \"In a.c.\"},\n"
     "{\"experiment\": \"Cool down\", \"code_ch",
     "Warm up|Warm up|In a.c.;ud", true},
    {"cut in a list", "1. Warm up slowly\n2. Cool down\n3. Stop in the mi",
     "Warm up slowly|Warm up slowly|;Cool down|Cool down|;ud", true},
    /* wrong counts, empty pieces */
    {"too many",
     "[Experiment]\nIdea one\n[End]\n[Experiment]\nIdea two\n[End]\n[Experiment]\nIdea three\n"
     "[End]\n[Experiment]\nIdea four\n[End]\n[Experiment]\nIdea five\n[End]\n",
     "Idea one|Idea one|;Idea two|Idea two|;Idea three|Idea three|;ss"},
    {"an empty one",
     "[Experiment]\n\n[Code Changes]\n\n[End]\n[Experiment]\nWarm up\n[Code Changes]\n...\n[End]\n",
     "Warm up|Warm up|...;u"},
    {"the form itself",
     "[Experiment]\n" AIRE_PROMPT_TITLE_SLOT "\n<what>\n[Code Changes]\n<where>\n[End]\n"
     "[Experiment]\nWarm up\n[End]",
     "Warm up|Warm up|;"},
    {"talk about tags", "I shall use [Experiment], [Code Changes] and [End].", ""},
    {"a refusal", "I'm sorry, but I can't help with that.", ""},
    {"nothing", "", ""},
    {"blanks", " \r\n \n", ""},
    /* JSON */
    {"a list in a fence",
     "Here you go:\n```json\n[\n  {\"experiment\": \"Warm up\\nSlowly.\", \"code_changes\": "
     "\"In a.c.\"},\n  {\"experiment\": \"Cool down\", \"code_changes\": \"In "
     "b.c.\"}\n]\n```\nDone.",
     TWO},
    {"an object around the list",
     "{\"experiments\": [{\"title\": \"Warm up\", \"description\": \"Slowly.\", \"code changes\": "
     "[\"In a.c.\"]}, {\"Experiment\": \"Cool down\", \"Code Changes\": \"In b.c.\"}]}",
     TWO},
    {"numbered members",
     "{\"1\": {\"experiment\": \"Warm up\\nSlowly.\", \"changes\": \"In a.c.\"},\n"
     " \"2\": {\"idea\": {\"experiment\": \"Cool down\", \"code\": \"In b.c.\"}}}",
     TWO},
    {"one object a line",
     "{\"experiment\": \"Warm up\\nSlowly.\", \"code_changes\": \"In a.c.\"}\n"
     "{\"experiment\": \"Cool down\", \"code_changes\": \"In b.c.\"}\n",
     TWO},
    {"line ends, escapes and commas that are wrong",
     "[{\"experiment\": \"Warm up\nSlowly.\", \"code_changes\": \"In a.c.\",},\n"
     "{\"experiment\": \"Cool \\down\", \"code_changes\": \"In b.c.\"},]",
     "Warm up|Warm up/Slowly.|In a.c.;Cool \\down|Cool \\down|In b.c.;"},
    {"changes by file",
     "{\"title\": \"Warm up\", \"changes\": {\"a.c\": \"Slowly.\", \"b.c\": [\"x\", \"y\"]}}",
     "Warm up|Warm up|a.c: Slowly./b.c: x/y;"},
    {"a list of words", "{\"ideas\": [\"Warm up\", \"Cool down\"]}",
     "Warm up|Warm up|;Cool down|Cool down|;"},
    {"tags named in prose before JSON",
     "In JSON, as [Experiment] is hard:\n[{\"experiment\": \"Warm up\", \"code_changes\": "
     "\"a.c\"}]",
     "Warm up|Warm up|a.c;"},
    {"JSON inside an idea",
     "[Experiment]\nWarm up\n[Code Changes]\n```json\n{\"experiment\": \"run\", \"text\": \"x\"}\n"
     "```\n[End]",
     "Warm up|Warm up|```json/{\"experiment\": \"run\", \"text\": \"x\"}/```;"},
    {"JSON that is broken",
     "[{\"experiment\": \"Warm up\", \"code_changes\": \"a.c\"}, {\"experiment\": \"Cool\" down}]",
     "u"},
    {"JSON without ideas", "{\"error\": \"no\", \"code\": 3}", ""},
    /* lists */
    {"a numbered list",
     "Ideas:\n\n1. **Warm up**\n   Slowly.\n   - Code Changes: In a.c.\n"
     "2. **Cool down**\n   - Code Changes: In b.c.\n",
     "Warm up|**Warm up**/   Slowly.|In a.c.;Cool down|**Cool down**|In b.c.;"},
    {"a list with titles in bold",
     "1. **Warm up:** Slowly.\n   - Code changes: a.c\n\n2. **Cool down**: Early.\n",
     "Warm up|**Warm up:** Slowly.|a.c;Cool down|**Cool down**: Early.|;"},
    {"a list of one line each", "1. Warm up\n2. Cool down\n3. Stop early\n",
     "Warm up|Warm up|;Cool down|Cool down|;Stop early|Stop early|;"},
    {"headings with numbers",
     "### 1. Warm up\nSlowly.\n#### Code Changes\n1. a.c\n2. b.c\n### 2. Cool down\n",
     "Warm up|Warm up/Slowly.|1. a.c/2. b.c;Cool down|Cool down|;"},
    {"idea and a number", "Idea 1: Warm up\nSlowly.\nIdea 2: Cool down\n",
     "Warm up|Warm up/Slowly.|;Cool down|Cool down|;"},
    {"steps of several things", "Warm up\n1. first\n2. second\nCool down\n1. first\n2. second\n",
     "u"},
    {"one step", "I would need to know more:\n1. Which data?\n", "u"},
    {"a list that does not begin", "3. Warm up\n4. Cool down\n", ""},
};

static void test_answers__are_read_as_they_come(void **state)
{
    size_t count = sizeof answers / sizeof *answers, wrong = 0;
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        const char *got = parse(answers[i].answer, 3, answers[i].truncated);
        if (strcmp(got, answers[i].ideas) != 0) {
            wrong++;
            print_error("%s:\n%s\ngot  %s\nnot  %s\n", answers[i].name, answers[i].answer, got,
                        answers[i].ideas);
        }
    }
    assert_int_equal(wrong, 0);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What an attacker, or a model in a loop, writes: each piece over and over. */
static void test_answers__take_linear_time(void **state)
{
    static const char *const pieces[] = {
        "[",
        "[Experiment",
        "[Experiment]\n",
        "```\n",
        "```c\n",
        "[Experiment]\n```\n",
        "</think>",
        "{\"",
        "{\n",
        "[\n",
        "}",
        "1. a\n",
        "**",
        "\\",
        "\"\\",
        "## Idea 1: a\n[Experiment]\n",
        "> ",
        "1.",
        "\xe3\x80\x90",
        "<think>",
        "`````",
        "[Code Changes]\n",
        "{\"experiment\": \"",
        "[End]\n[Experiment]\n```\n",
        "1. a\n1. b\n",
    };
    const size_t size = (size_t)1 << 20;
    char *answer = malloc(size + 1);
    assert_non_null(answer);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t length = strlen(pieces[i]), at = 0;
        for (; at + length <= size; at += length)
            memcpy(answer + at, pieces[i], length);
        answer[at] = '\0';
        aire_parsed_ideas ideas;
        double began = seconds();
        assert_int_equal(aire__prompt_parse_ideas(ctx, answer, 3, i % 2, &ideas), AIRE_OK);
        if (seconds() - began > 3)
            fail_msg("%s over and over: %.1f s a MiB", pieces[i], seconds() - began);
        aire__parsed_ideas_free(&ideas);
    }
    free(answer);
}

/* One idea that is longer than an idea may be. */
static void test_answers__say_what_they_shorten(void **state)
{
    static const char start[] = "[Experiment]\nWarm up\n";
    const size_t size = (size_t)3 << 20;
    char *answer = malloc(size + 1);
    assert_non_null(answer);
    memset(answer, 'x', size);
    memcpy(answer, start, strlen(start));
    answer[size] = '\0';
    aire_parsed_ideas ideas;
    assert_int_equal(aire__prompt_parse_ideas(ctx, answer, 3, false, &ideas), AIRE_OK);
    assert_int_equal(ideas.count, 1);
    assert_int_equal(ideas.shortened, 1);
    aire__parsed_ideas_free(&ideas);
    free(answer);
}

static void test_answers__survive_want_of_memory(void **state)
{
    aire_parsed_ideas ideas;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        OOM_LOOP(&memory,
                 aire__prompt_parse_ideas(ctx, answers[i].answer, 3, answers[i].truncated, &ideas),
                 aire__parsed_ideas_free(&ideas));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers__are_read_as_they_come),
        cmocka_unit_test(test_answers__take_linear_time),
        cmocka_unit_test(test_answers__say_what_they_shorten),
        cmocka_unit_test(test_answers__survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
