#!/usr/bin/env python3
"""Switch each protection off, in a copy of the sources, and see the test that guards it fail.

usage: switch_off.py [NAME ...]      default: all

A test that passes without its protection proves nothing. Each row below has a name, a promise, an edit that
breaks it, and the test that has to notice. Prints one line each; exit code 1 if a test did not notice.
Takes a few minutes: each row builds what it changes. Not part of the suite.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 120  # without its protection a test may never end

# name, promise, [(file, text, what stands there instead)], program, test
ROWS = [
    ("wall", "endless runs end at their limit",
     [("lib/worker/main.c", "!s->limit && now >= deadline)", "!s->limit && now < 0)")],
     "integration/test_hostile", "test_hostile__endless_ones_end_on_time_and_alone"),
    ("crash", "a crash is told with its signal",
     [("lib/worker/main.c", "s->signal = WTERMSIG(s->status);", "s->code = 0;")],
     "integration/test_hostile", "test_hostile__crashes_are_theirs_alone"),
    ("tmp", "every run has a /tmp of its own",
     [("lib/sandbox/argv.c", '"--tmpfs", "/tmp", "--file"',
       '"--tmpfs", "/tmp", "--bind", "/tmp", "/tmp", "--file"')],
     "integration/test_hostile", "test_hostile__changes_no_other_run"),
    ("files", "the host's files are not there",
     [("lib/sandbox/argv.c", '"--cap-drop", "ALL", NULL)', '"--cap-drop", "ALL", "--ro-bind", "/", "/", NULL)'),
      ("lib/sandbox/argv.c", '"--remount-ro", "/", ', "")],
     "integration/test_hostile", "test_hostile__cannot_read_the_host"),
    ("processes", "processes are limited",
     [("lib/worker/main.c", "s->limit = AIRE_EXIT_LIMIT_PROCESSES;", ";")],
     "integration/test_hostile", "test_hostile__eats_the_machine"),
    ("host", "nothing survives the host",
     [("lib/worker/main.c",
      "{AIRE_WORKER_CONTROL, POLLIN, 0},\n                               {AIRE_WORKER_HOST, POLLIN, 0}",
      "{-1, POLLIN, 0}, {-1, POLLIN, 0}")],
     "unit/test_sandbox", "test_sandbox__nothing_survives_the_host"),
    ("durable", "a result is durable before it is told",
     [("lib/executor/finish.c", "status = aire__store_finish(l->store, result);", "status = AIRE_OK;")],
     "unit/test_executor", "test_executor__takes_up_what_was_left"),
    ("seed", "decisions are a function of the seed",
     [("lib/base/rng.c", "void aire__rng_init(aire_rng *rng, uint64_t seed, const char *stream, uint64_t index)\n{",
       "void aire__rng_init(aire_rng *rng, uint64_t seed, const char *stream, uint64_t index)\n{\n"
       "    static uint64_t calls;\n    seed += calls++;")],
     "unit/test_searcher", "test_evolution__restarts_change_nothing"),
    ("index", "a decision's queries use indexes",
     [("lib/store/schema.c", '"CREATE INDEX runs_unfinished ON runs (id) WHERE state < 2;"', '""')],
     "unit/test_store", "test_sql__does_not_search_through_tables"),
    ("paid", "an answer of the implementer is paid for once",
     [("lib/executor/candidates.c", "        fail_pool(p, recall(&p->all[i]));", "        (void)recall;")],
     "unit/test_implement", "test_drafts__survive_every_kill"),
    ("overtaken", "when one candidate is first, the requests of the others end",
     [("lib/executor/candidates.c", "    if (p->won)\n        aire_cancel_fire(p->cancel);", "")],
     "unit/test_implement", "test_candidates__the_first_that_applies_goes_on"),
    ("winner", "which candidate goes on is no matter of the clock",
     [("lib/executor/candidates.c", "p->all[i].round < best->round)", "p->all[i].round <= best->round)")],
     "unit/test_implement", "test_candidates__a_replay_has_one_winner"),
    ("smoke", "a smoke run leaves nothing for the run",
     [("lib/executor/stages.c", 'smokes ? "smoke" : "workspace"', '"workspace"')],
     "unit/test_implement", "test_smoke__comes_before_the_run"),
    ("confirm", "what confirms an idea runs the patch that its run had",
     [("lib/executor/implement.c", "        status = confirmed_patch(t, &patch);", "        (void)confirmed_patch;")],
     "unit/test_implement", "test_drafts__are_confirmed_as_they_are"),
    ("retry", "a failure of the infrastructure is tried again",
     [("lib/executor/worker.c", "if (t->attempt >= l->max_attempts)", "if (true)")],
     "unit/test_executor", "test_executor__infrastructure_is_tried_again"),
    ("regions", "what stands outside of the marks does not change",
     [("lib/executor/implement.c", "out->outcome == AIRE_OUTCOME_OK ? check_regions(shop, out)",
       "false ? check_regions(shop, out)")],
     "unit/test_regions", "test_regions__are_heeded_by_the_executor"),
    ("state", "a model can leave nothing for its next pass",
     [("lib/executor/stages.c", "AIRE_ENV_WORKSPACE, predicts ? 0 : AIRE_MOUNT_WRITABLE",
       "AIRE_ENV_WORKSPACE, AIRE_MOUNT_WRITABLE")],
     "unit/test_recheck", "test_predict__answers_pass_by_pass"),
    ("order", "nobody knows the order of passes",
     [("lib/executor/passes.c", "        status = shuffle(out);", "        (void)shuffle;")],
     "unit/test_recheck", "test_predict__comes_in_an_order_that_nobody_knows"),
    ("suspect", "what is not plausible is run again",
     [("lib/executor/recheck.c", "if (status == AIRE_OK && suspicion.cause != AIRE_CAUSE_NONE)", "if (false)")],
     "unit/test_recheck", "test_recheck__confirms_or_refutes"),
    ("untold", "a re-run is told to nobody",
     [("lib/store/sql.h", "runs.told IS NULL AND runs.kind <> 4", "runs.told IS NULL")],
     "unit/test_recheck", "test_recheck__is_told_to_nobody"),
    ("lease", "a device is leased once",
     [("lib/executor/schedule.c", "if (s->gpu_holders[i] == 0)", "if (true)")],
     "unit/test_schedule", "test_schedule__ten_thousand_random_ones_hold"),
    ("gang", "nothing is overtaken for ever",
     [("lib/executor/schedule.c", "if (task->overtaken >= s->patience)", "if (false)")],
     "unit/test_schedule", "test_schedule__a_gang_is_overtaken_only_so_often"),
    ("slot", "a free slot is used at once",
     [("lib/executor/schedule.c", "        if (task->leased || task->held)\n            continue;",
       "        if (task->leased || task->held)\n            return NULL;")],
     "unit/test_executor", "test_executor__goes_on_beside_a_slow_run"),
    ("children", "the host's own children are left alone",
     [("lib/base/process.c", "CLONE_VM | CLONE_VFORK | CLONE_FILES, s)",
       "CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, s)")],
     "unit/test_sandbox", "test_sandbox__hosts_children_are_their_own_business"),
    ("full", "a full disk is a failure of I/O, and no damage",
     [("lib/store/db.c", "    case SQLITE_FULL:\n", "")],
     "unit/test_store_disk", "test_full__is_an_io_failure_that_leaves_no_trace"),
    ("moved", "a file that was taken away takes no writes",
     [("lib/store/db.c", "    if (!moved)\n", "    if (true)\n")],
     "unit/test_store_disk", "test_file__removed_underneath_takes_no_writes"),
    ("cancel", "a run that is being cancelled does not begin",
     [("lib/executor/schedule.c", "if (task->leased || task->held)", "if (task->leased)")],
     "unit/test_schedule", "test_schedule__what_is_held_does_not_begin"),
    ("pin", "the files of a pinned run stay",
     [("lib/executor/retention.c", "run->goes = !run->pinned && !may_stay", "run->goes = !may_stay")],
     "unit/test_retention", "test_keeper__pinned_runs_stay"),
    ("kept", "files are kept also where the host dies before it could",
     [("lib/executor/local.c", "            rescue(l, entry->d_name);", "            (void)rescue;")],
     "unit/test_retention", "test_keeper__a_kill_between_durable_and_kept"),
    ("plain", "what is kept has no rights of another",
     [("lib/executor/keep.c", "(info.st_mode & MODE_KEPT)", "(info.st_mode & 07777)")],
     "unit/test_retention", "test_keeper__is_not_hurt_by_what_a_run_left"),
    ("link", "no link of a run is kept",
     [("lib/executor/keep.c", "O_RDONLY | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_NONBLOCK"),
      ("lib/executor/keep.c", "&info, AT_SYMLINK_NOFOLLOW)", "&info, 0)")],
     "unit/test_retention", "test_keeper__is_not_hurt_by_what_a_run_left"),
    ("array", "a task of an array on a cluster is taken up after a restart",
     [("lib/executor/slurm.c", "        name_array(p->s, place.array, name);",
       '        snprintf(name, sizeof name, "%s", p->name);')],
     "unit/test_slurm", "test_slurm__tasks_of_an_array_are_taken_up"),
    ("late", "a task of an array that comes too late does nothing",
     [("lib/executor/slurm_directory.c", "        unlink(link);\n        *strrchr", "        *strrchr")],
     "unit/test_slurm", "test_slurm__a_task_that_comes_too_late_does_nothing"),
    ("submission", "what a killed controller was submitting is waited for",
     [("lib/executor/slurm.c", "status = await_submissions(s);", "(void)await_submissions;")],
     "unit/test_slurm", "test_slurm__an_array_on_its_way_is_taken_up"),
    ("budget", "what is in flight counts against the budget",
     [("lib/model/budget.c", "limit which = passed(budget, sum(s->flying_calls, 1), sum(s->flying_tokens, tokens_of(r)),",
       "limit which = passed(budget, 1, tokens_of(r),"),
      ("lib/model/budget.c", "s->flying_dollars + dollars_of(r));\n    if (which", "dollars_of(r));\n    if (which")],
     "unit/test_remote", "test_remote__a_budget_is_kept"),
    ("transient", "a provider's failure in passing is tried again",
     [("lib/model/post.c", "if (!transient ||", "if (true ||")],
     "unit/test_remote", "test_remote__broken_streams_are_asked_again"),
    ("stall", "a provider that falls silent is given up",
     [("lib/net/transfer.c", "return stalled < when ? stalled : when;", "return stalled < 0 ? stalled : when;")],
     "unit/test_net", "test_net__stall"),
]


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **more)


def build(tree):
    made = run("ninja", "-C", str(tree / "build"))
    if made.returncode:
        sys.exit(f"does not build:\n{made.stdout[-2000:]}")


def end_processes(tree):
    """What runs on without its protection must not be there for the next one, nor for anybody else."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe").startswith(f"{tree}/"):
                os.kill(int(entry.name), 9)
        except OSError:
            continue


def passes(tree, program, test):
    """Whether that test of the program passes; one that does not come to its end does not."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP",
                       AIRE_TESTS=str(tree / "tests"), AIRE_WORKER=str(tree / "build/lib/worker/aire-worker"))
    process = subprocess.Popen([tree / "build/tests" / program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=environment, text=True, errors="replace", start_new_session=True)
    try:
        out, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return False
    finally:
        end_processes(tree)
    return any(line.startswith("ok") and line.endswith(test) for line in out.splitlines())


def edit(tree, edits):
    for name, old, new in edits:
        path = tree / name
        text = path.read_text()
        if text.count(old) != 1:
            sys.exit(f"{name}: {text.count(old)} places, expected one, with:\n{old}")
        path.write_text(text.replace(old, new))


def try_row(tree, row, promise, edits, program, test):
    originals = {name: (tree / name).read_text() for name, _, _ in edits}
    edit(tree, edits)
    build(tree)
    without = passes(tree, program, test)
    for name, text in originals.items():
        (tree / name).write_text(text)
    build(tree)
    noticed = passes(tree, program, test) and not without
    print(f"{row}: {promise}: {program} {test} {'notices' if noticed else 'DOES NOT NOTICE'}", flush=True)
    return noticed


def main():
    with tempfile.TemporaryDirectory(prefix="aire-switch-off-") as directory:
        tree = pathlib.Path(directory) / "tree"
        shutil.copytree(SOURCES, tree, ignore=shutil.ignore_patterns("build", ".git"))
        os.chmod(directory, 0o755)
        made = run("meson", "setup", str(tree / "build"), str(tree))
        if made.returncode:
            sys.exit(made.stdout[-2000:])
        build(tree)
        wanted = [row for row in ROWS if not sys.argv[1:] or row[0] in sys.argv[1:]]
        return 0 if all([try_row(tree, *row) for row in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main())
