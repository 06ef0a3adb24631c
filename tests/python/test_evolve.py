"""The driver aire-evolve, as it is installed: a small search, and its commands."""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

PREFIX = os.environ.get("AIRE_PREFIX")
pytestmark = pytest.mark.skipif(not PREFIX, reason="AIRE_PREFIX names no installed prefix")
SHELL = pathlib.Path(__file__).resolve().parents[2] / "examples/envs/shell"


def evolve(*words, code=0):
    done = subprocess.run([f"{PREFIX}/bin/aire-evolve", *map(str, words)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def search(store, seed):
    return evolve(SHELL, "--store", store, "--epochs", 1, "--epoch-size", 4, "--batch", 2, "--baseline", 1,
                  "--seed", seed, "--gpus", "none")


@pytest.fixture(scope="module")
def stores(can_sandbox, tmp_path_factory):
    directory = tmp_path_factory.mktemp("evolve")
    search(directory / "a.aire", 1)
    search(directory / "b.aire", 2)
    return directory


def ideas_of(store):
    return [line for line in evolve("list", store).splitlines() if " idea " in line]


def test_a_run_goes_from_store_to_store(stores, tmp_path):
    before = ideas_of(stores / "b.aire")
    run = ideas_of(stores / "a.aire")[0].split()[0]
    bundle = tmp_path / "run.tar.zst"
    evolve("bundle", stores / "a.aire", run, bundle)
    there = evolve("import", stores / "b.aire", bundle).split()[-1]
    assert evolve("import", stores / "b.aire", bundle).split()[-1] == there  # adds nothing
    assert len(ideas_of(stores / "b.aire")) == len(before) + 1
    ours, theirs = (evolve("show", stores / name, number) for name, number in (("a.aire", run), ("b.aire", there)))
    assert ours.split("\n", 1)[1] == theirs.split("\n", 1)[1]  # all but its number


def test_runs_are_pinned(stores):
    run = ideas_of(stores / "a.aire")[0].split()[0]
    assert "pinned" in evolve("pin", stores / "a.aire", run)
    evolve("unpin", stores / "a.aire", run)
    evolve("pin", stores / "a.aire", 999, code=3)


@pytest.mark.parametrize("words", [("--gpus", "0,"), ("--gpus", "a"), ("bundle", "x"), ("import", "x")])
def test_wrong_words_are_told(words):
    first = [SHELL] if words[0].startswith("--") else []
    assert "aire-evolve" in evolve(*first, *words, code=2)


def openevolve(path, evaluator):
    path.mkdir()
    (path / "initial_program.py").write_text("x = 1\n")
    (path / "evaluator.py").write_text(evaluator)
    return path


def test_a_wrong_command_is_given_again_right(can_sandbox, tmp_path):
    """Where nothing was begun, nothing has to be removed; with a model the ideas are its own."""
    path, store = openevolve(tmp_path / "task", "def evaluate(path): return {'combined_score': 2.0}\n"), tmp_path / "s.aire"
    answer = "[Experiment] Set x to two.\n[Code Changes] Change the line x = 1.\n[End]"
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"answer": text}) + "\n" for text in (
        answer, "```diff\n--- a/initial_program.py\n+++ b/initial_program.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n```")))
    rest = ["--store", store, "--epochs", 1, "--epoch-size", 1, "--batch", 1, "--baseline", 1, "--gpus", "none"]
    assert "no knobs" in evolve(path, *rest, code=1)
    assert "outcomes of 1 ideas:  ok 1" in evolve(path, *rest, "--model", f"replay:{tmp_path}/a.jsonl?lenient")
    assert "holds a search already" in evolve(path, *rest, code=1)
    assert "outcomes of 1 ideas" in evolve(path, "--store", store, "--resume", "--gpus", "none")


def test_titles_steer_no_terminal(can_sandbox, tmp_path):
    """They are what a model says, which has read what evaluated code wrote; and are cut between characters."""
    path, store = openevolve(tmp_path / "task", "def evaluate(path): return {'combined_score': 2.0}\n"), tmp_path / "s.aire"
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"answer": text}) + "\n" for text in (
        "[Experiment] \x1b[2JSet \x9bx" + " a" + "\u00e9" * 90 + ".\n[Code Changes] Set \x1b it to 2.\n[End]",
        "```diff\n--- a/initial_program.py\n+++ b/initial_program.py\n@@ -1 +1 @@\n-x = 1\n+x = '\x1b'\n```")))
    done = evolve(path, "--store", store, "--epochs", 1, "--epoch-size", 1, "--batch", 1, "--baseline", 1, "--gpus", "none",
                  "--model", f"replay:{tmp_path}/a.jsonl?lenient")
    for out in (done, evolve("list", store), evolve("show", store, 2)):
        assert "Set ?x a\u00e9" in out and "\ufffd" not in out and not any(c in out for c in "\x1b\x9b")


def test_list_shows_the_metric_that_counts(can_sandbox, tmp_path):
    """Whatever else a run reports, and in what order."""
    path, store = tmp_path / "task", tmp_path / "s.aire"
    path.mkdir()
    (path / "run.sh").write_text('printf \'{"metrics": {"first": 1, "the_one": 7}}\' >&$AIRE_REPORT_FD\n')
    (path / "x.txt").write_text("x=0\n")
    (path / "aire.json").write_text(json.dumps({
        "aire": 1, "name": "two", "goal": "g", "files": {"editable": ["x.txt"]}, "run": {"command": ["true"]},
        "evaluate": {"command": ["bash", "run.sh"]}, "metric": {"name": "the_one", "stage": "evaluate", "direction": "maximize", "trust": "evaluated"},
        "knobs": [{"name": "x", "about": "x", "file": "x.txt", "text": "x={}", "baseline": "0", "values": [0, 1, 2]}]}))
    evolve(path, "--store", store, "--epochs", 1, "--epoch-size", 1, "--batch", 1, "--baseline", 1, "--gpus", "none")
    head, *rows = evolve("list", store).splitlines()
    assert "the_one" in head and rows and all(row.split()[3] == "7.0000" for row in rows)


ANSWER = """[Experiment] Move x a little to the right.
[Code Changes] Set X to 2 in params.sh.
[End]
[Experiment] Move y far up.
[Code Changes] Set Y to 9 in params.sh.
[End]"""


def test_ideas_are_printed(tmp_path):
    (tmp_path / "answers.jsonl").write_text(json.dumps({"answer": ANSWER}) + "\n")
    done = subprocess.run([f"{PREFIX}/bin/aire-ideas", SHELL, f"replay:{tmp_path}/answers.jsonl", "2"], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib"})
    assert done.returncode == 0, done.stderr
    assert "Move x a little to the right." in done.stdout and "Set Y to 9" in done.stdout


def test_a_model_may_choose_knobs(can_sandbox, tmp_path):
    """Twice the same choice is one idea."""
    choice = json.dumps({"answer": "{}"}) + "\n"
    (tmp_path / "answers.jsonl").write_text(choice * 8)
    out = evolve(SHELL, "--store", tmp_path / "s.aire", "--ideator", "schema", "--model", f"replay:{tmp_path}/answers.jsonl",
                 "--epochs", 1, "--epoch-size", 2, "--batch", 1, "--baseline", 1, "--gpus", "none")
    assert len(ideas_of(tmp_path / "s.aire")) <= 1, out


class Notekeeper(http.server.BaseHTTPRequestHandler):
    """A model with ideas that differ, and no patch for any; when its notes first come back, it kills the search."""
    asked, victim = [], None

    def log_message(self, *_):
        pass

    def text_for(self, request):
        if "keeps the notebook" in request:
            return "Nothing has worked so far, says the notebook."
        if "[Experiment]" in request:
            return "".join(f"[Experiment] Number {len(self.asked)}{i}, of {'ab'[i] * 9}.\n[Code Changes] Do it.\n[End]\n"
                           for i in range(2))
        return "I cannot."

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = "\n".join(message["content"] for message in body["messages"])
        self.asked.append(request)
        if "says the notebook" in request and self.victim:
            victim, Notekeeper.victim = self.victim, None
            victim.kill()
        choice = {"index": 0, "message": {"role": "assistant", "content": self.text_for(request)}, "finish_reason": "stop"}
        data = json.dumps({"id": "1", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # it has been killed
            self.close_connection = True


@pytest.fixture
def notekeeper():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notekeeper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"chat:fake@http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_a_model_writes_notes(can_sandbox, notekeeper, tmp_path):
    """They are asked for after so many results, part of later requests, and there after a SIGKILL."""
    store = tmp_path / "s.aire"
    words = [SHELL, "--store", store, "--ideator", "chat", "--model", notekeeper, "--notes", 2, "--novelty", 0,
             "--epochs", 3, "--epoch-size", 2, "--batch", 2, "--baseline", 1, "--gpus", "none"]
    Notekeeper.victim = subprocess.Popen([f"{PREFIX}/bin/aire-evolve", *map(str, words)],
                                         env={**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib"})
    assert Notekeeper.victim.wait(timeout=100) == -signal.SIGKILL
    before = len(Notekeeper.asked)
    out = evolve(*words, "--resume")
    first = Notekeeper.asked[before]
    assert "says the notebook" in first and "keeps the notebook" not in first
    assert "notes on 4 results" in out and "notes on 6 results" in out, out
    evolve("export", store, tmp_path / "files")
    assert (tmp_path / "files/notes.txt").read_text() == "Nothing has worked so far, says the notebook."


def test_a_budget_ends_the_search_well(can_sandbox, tmp_path):
    """It does not allow for one request, so nobody is asked; what there is, the baseline, is reported."""
    words = [SHELL, "--store", tmp_path / "s.aire", "--ideator", "chat", "--model", "anthropic:claude-sonnet-4-5",
             "--epochs", 1, "--epoch-size", 2, "--batch", 2, "--baseline", 1, "--gpus", "none"]
    out = evolve(*words, "--budget", "0.00001")
    assert "no more ideas: the budget of 1e-05 dollars" in out and "baseline   n = 1" in out


def test_ideas_wait_for_another_budget(can_sandbox, tmp_path):
    """It does not allow for their patches: they are not failures, and --resume takes them up."""
    idea = "[Experiment]\nLower the first coordinate.\n[Code Changes] Do so.\n[End]\n"
    (tmp_path / "ideas.jsonl").write_text(json.dumps({"answer": idea * 2}) + "\n")
    store = tmp_path / "s.aire"
    words = [SHELL, "--store", store, "--ideator", "chat", "--model", f"replay:{tmp_path}/ideas.jsonl", "--novelty", 0,
             "--epochs", 1, "--epoch-size", 2, "--batch", 2, "--baseline", 1, "--gpus", "none", "--workers", 1]
    out = evolve(*words, "--implementer", "anthropic:claude-sonnet-4-5", "--budget", "0.00001")
    assert "2 runs wait for a patch" in out and "outcomes of 0 ideas" in out, out
    evolve("stats", store, code=3)
    out = evolve(*words, "--implementer", "anthropic:claude-sonnet-4-5", "--budget", "0.00001", "--resume")
    assert "2 runs wait for a patch" in out and "outcomes of 0 ideas" in out, out


def test_what_was_recorded_is_replayed(can_sandbox, notekeeper, tmp_path):
    def run(name, *more):
        evolve(SHELL, "--store", tmp_path / name, "--ideator", "chat", "--epochs", 2, "--epoch-size", 2, "--batch", 2,
               "--baseline", 1, "--gpus", "none", "--seed", 3, "--workers", 1, *more)
        return [line.split("  ")[-1] for line in ideas_of(tmp_path / name)]

    first = run("a.aire", "--model", notekeeper, "--record", tmp_path / "answers.jsonl")
    asked = len(Notekeeper.asked)
    assert len(first) == 4 and run("b.aire", "--model", f"replay:{tmp_path}/answers.jsonl") == first
    assert len(Notekeeper.asked) == asked


def test_templates_are_looked_for_where_they_are_said_to_be(tmp_path):
    out = evolve(SHELL, "--store", tmp_path / "s.aire", "--ideator", "chat", "--model", "chat:m@http://127.0.0.1:1/v1",
                 "--templates", tmp_path / "none", code=1)
    assert str(tmp_path / "none") in out


def patch_to(line, was="x=10"):
    return (f"```diff\n--- a/params.sh\n+++ b/params.sh\n@@ -1,4 +1,4 @@\n # The only file that an idea may change.\n"
            f"-{was}\n+{line}\n y=-5\n halve=no\n```\n")


def test_patches_are_asked_for_and_counted(can_sandbox, tmp_path):
    """One idea is written at once, the other crashes and is repaired; stats and show tell of it."""
    ideas = "".join(f"[Experiment]\n{what} the first coordinate.\nKind: {kind}\n[Code Changes] Do so.\n[End]\n"
                    for what, kind in (("Lower", "hyper-parameter"), ("Square", "algorithmic")))
    answers = [patch_to("x=2"), patch_to("x=$(no_such_command) || exit 3"), patch_to("x=$((2 * 2))")]
    for name, texts in (("ideas", [ideas]), ("patches", answers), ("verdicts", ["VERDICT: yes"] * 3)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"answer": text}) + "\n" for text in texts))
    store = tmp_path / "s.aire"
    out = evolve(SHELL, "--store", store, "--ideator", "chat", "--model", f"replay:{tmp_path}/ideas.jsonl",
                 "--implementer", f"replay:{tmp_path}/patches.jsonl", "--checker", f"replay:{tmp_path}/verdicts.jsonl",
                 "--candidates", 1, "--revisions", 0, "--repairs", 1, "--forms", "unified,files", "--epochs", 1,
                 "--epoch-size", 2, "--batch", 2, "--baseline", 1, "--gpus", "none", "--workers", 1)
    assert out.count("1 of 1     100.0%") == 2, out
    stats = evolve("stats", store)
    assert "hyper-parameter" in stats and "algorithmic" in stats and "ok" in stats
    shown = [evolve("show", store, line.split()[0]) for line in ideas_of(store)]
    repaired, = (text for text in shown if "the run stage ended with exit code 3" in text)
    assert "+x=$((2 * 2))" in repaired and repaired.count(" check ") == 2 and "goes on" in repaired
    evolve("stats", tmp_path / "none.aire", code=3)
    evolve(SHELL, "--forms", "prose", code=2)
