/* What squeue says, as it comes: the cluster itself is for the integration test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "aire/error.h"
#include "executor/slurm.h"
#include "support/failing.h"

static bool parse(const char *line, int64_t *id, aire_slurm_state *state, char word[24],
                  char name[64])
{
    const char *at;
    size_t length;
    if (!aire__slurm_parse_line(line, strlen(line), id, state, word, &at, &length))
        return false;
    memcpy(name, at, length);
    name[length] = '\0';
    return true;
}

static void test_slurm__reads_a_line_of_squeue(void **state)
{
    static const struct {
        const char *line, *word, *name;
        int64_t id;
        aire_slurm_state state;
    } rows[] = {
        {"12|PENDING|aire-1-2", "PENDING", "aire-1-2", 12, AIRE_SLURM_WAITING},
        {"13|RUNNING|a|b", "RUNNING", "a|b", 13, AIRE_SLURM_RUNNING},
        {"14|COMPLETING|", "COMPLETING", "", 14, AIRE_SLURM_RUNNING},
        {"15|OUT_OF_MEMORY|x y", "OUT_OF_MEMORY", "x y", 15, AIRE_SLURM_OVER},
        {"16|NODE_FAIL|n", "NODE_FAIL", "n", 16, AIRE_SLURM_OVER},
        /* one that a later version has is not taken for an end */
        {"17|SPECIAL_EXIT|n", "SPECIAL_EXIT", "n", 17, AIRE_SLURM_WAITING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char word[24], name[64];
        int64_t id;
        aire_slurm_state found;
        assert_true(parse(rows[i].line, &id, &found, word, name));
        assert_int_equal(id, rows[i].id);
        assert_int_equal(found, rows[i].state);
        assert_string_equal(word, rows[i].word);
        assert_string_equal(name, rows[i].name);
    }
}

static void test_slurm__leaves_out_what_is_no_job(void **state)
{
    static const char *const lines[] = {"",
                                        "squeue: error: Unable to contact slurm controller",
                                        "12",
                                        "12|RUNNING",
                                        "|RUNNING|x",
                                        "12||x",
                                        "12_3|RUNNING|x",
                                        "-1|RUNNING|x",
                                        "0|RUNNING|x",
                                        "99999999999999999999999|RUNNING|x",
                                        "12|ASTATETHATISMUCHLONGERTHANANY|x"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char word[24], name[64];
        int64_t id;
        aire_slurm_state found;
        if (parse(lines[i], &id, &found, word, name))
            fail_msg("%s", lines[i]);
    }
}

/* Commands that are not there, or say something else, are failures with a text. */
static void test_slurm__says_what_the_cluster_said(void **state)
{
    static const char *const none[] = {NULL}, *const argv[] = {"/bin/true", NULL};
    failing memory;
    aire_ctx *ctx = failing_ctx(&memory, 0);
    aire_slurm_options options = AIRE_SLURM_OPTIONS_INIT;
    aire_slurm_queue *queue;
    int64_t id;
    char word[24];
    options.bin_dir = "/nonexistent";
    assert_int_equal(aire__slurm_queue_new(ctx, &options, &queue), AIRE_OK);
    assert_int_equal(aire__slurm_submit(queue, none, argv, -1, &id), AIRE_SANDBOX);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "not found"));
    assert_int_equal(aire__slurm_state(queue, 1, 0, word), AIRE_SLURM_UNKNOWN);
    assert_int_equal(aire__slurm_find(queue, "x", 0), -1);
    const char *const quoted[] = {"/bin/it's", NULL};
    assert_int_equal(aire__slurm_submit(queue, none, quoted, -1, &id), AIRE_INVALID);
    aire__slurm_queue_free(queue);
    aire_ctx_unref(ctx);
    assert_int_equal(atomic_load(&memory.live), 0);
}

static void test_slurm__reads_a_field_of_scontrol(void **state)
{
    static const char text[] = "JobId=3 JobName=x JobState=NODE_FAIL Reason=NodeDown "
                               "DerivedExitCode=1:0 ExitCode=4:0 NodeList=n[1-2]\n";
    char out[12];
    assert_true(aire__slurm_field(text, "JobState", out, sizeof out));
    assert_string_equal(out, "NODE_FAIL");
    assert_true(aire__slurm_field(text, "ExitCode", out, sizeof out));
    assert_string_equal(out, "4:0");
    assert_true(aire__slurm_field(text, "NodeList", out, sizeof out));
    assert_string_equal(out, "n[1-2]");
    assert_true(aire__slurm_field("A=0123456789abcdef", "A", out, sizeof out));
    assert_string_equal(out, "0123456789a");
    assert_true(aire__slurm_field("A=", "A", out, sizeof out));
    assert_string_equal(out, "");
    assert_false(aire__slurm_field(text, "State", out, sizeof out));
    assert_false(aire__slurm_field("", "A", out, sizeof out));
}

static void test_slurm__reads_numbers_of_devices(void **state)
{
    int32_t gpus[4];
    assert_int_equal(aire__slurm_parse_gpus("3", gpus, 4), 1);
    assert_int_equal(gpus[0], 3);
    assert_int_equal(aire__slurm_parse_gpus("1,4-5,7", gpus, 4), 4);
    assert_int_equal(gpus[0], 1);
    assert_int_equal(gpus[1], 4);
    assert_int_equal(gpus[2], 5);
    assert_int_equal(gpus[3], 7);
    assert_int_equal(aire__slurm_parse_gpus("0-1023", gpus, 4), 4);
    assert_int_equal(aire__slurm_parse_gpus("", gpus, 4), 0);
    assert_int_equal(aire__slurm_parse_gpus(NULL, gpus, 4), 0);
    /* what is no number is not guessed */
    static const char *const lists[] = {"GPU-5f3a", "0,",     ",0",     "0,,1",
                                        "2-1",      "-1",     "0 1",    "0-",
                                        "1x",       "0-1024", "(null)", "99999999999999999999"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (aire__slurm_parse_gpus(lists[i], gpus, 4) != -1)
            fail_msg("%s", lists[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slurm__reads_a_line_of_squeue),
        cmocka_unit_test(test_slurm__leaves_out_what_is_no_job),
        cmocka_unit_test(test_slurm__says_what_the_cluster_said),
        cmocka_unit_test(test_slurm__reads_a_field_of_scontrol),
        cmocka_unit_test(test_slurm__reads_numbers_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
