"""The programs aire-env and aire-run, as they are installed."""
import difflib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

import pytest

import aire

PREFIX = os.environ.get("AIRE_PREFIX")
pytestmark = pytest.mark.skipif(not PREFIX, reason="AIRE_PREFIX names no installed prefix")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
SHELL = pathlib.Path(__file__).resolve().parents[2] / "examples/envs/shell"
MINIMISE = DATA / "openevolve/minimise"
CIRCLES = DATA / "openevolve/circles"
ENVIRON = {**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib"}


def tool(name, *words, code=0, stdin=None):
    done = subprocess.run([f"{PREFIX}/bin/{name}", *map(str, words)], capture_output=True, text=True, timeout=300,
                          env=ENVIRON, input=stdin)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def diff(path, old, new):
    before = path.read_text()
    assert old in before
    return "".join(difflib.unified_diff(before.splitlines(True), before.replace(old, new).splitlines(True),
                                        f"a/{path.name}", f"b/{path.name}"))


def answers(path, *texts):
    path.write_text("".join(json.dumps({"answer": text}) + "\n" for text in texts))
    return f"replay:{path}?lenient"


# ---- aire-env ----

def test_check_tells_what_there_is(can_sandbox):
    """Roles and regions, the prompt, each run of the baseline; the noise is that of the runs shown."""
    out = tool("aire-env", "check", MINIMISE, "--seeds", 4, "--model", "anthropic:claude-sonnet-4-5")
    assert "read by    the adapter openevolve" in out and "self_reported" in out
    assert re.search(r"^editable .* initial_program.py, only lines 13 to 20$", out, re.M)
    assert re.search(r"^reserved .* evaluator.py$", out, re.M) and re.search(r"^hidden .* aire_openevolve.py$", out, re.M)
    assert "find the lowest point of the square" in out and "def search(steps=40):" in out
    values = [float(v) for v in re.findall(r"^seed \d: combined_score = ([\d.]+);", out, re.M)]
    assert len(values) == 4
    mean, spread, share = re.search(r"n = 4, mean (\S+), standard deviation (\S+) \((\S+) % of the mean\)", out).groups()
    assert float(mean) == pytest.approx(statistics.mean(values), rel=1e-4)
    assert float(spread) == pytest.approx(statistics.stdev(values), rel=1e-2)
    assert float(share) == pytest.approx(100 * statistics.stdev(values) / statistics.mean(values), rel=1e-2)
    assert re.search(r"price: about \d+\.\d\d dollars", out)


def test_check_of_what_has_no_noise(can_sandbox):
    out = tool("aire-env", "check", SHELL, "--brief", "--epoch-size", 7, "--batch", 2)
    assert "evaluated: measured by" in out and "the seed changes nothing" in out and "read by" not in out
    assert "7 runs of" in out and "4 requests for 2 ideas" in out and "name a --model" in out
    assert "## Goal" not in out
    assert "is not known" in tool("aire-env", "check", SHELL, "--brief", "--seeds", 1, "--model", "chat:m@http://127.0.0.1:1/v1")


def test_check_of_a_baseline_that_fails(can_sandbox, tmp_path):
    (tmp_path / "initial_program.py").write_text("x = 1\n")
    (tmp_path / "evaluator.py").write_text("def evaluate(path):\n    print('so far')\n    raise OSError('no such thing')\n")
    out = tool("aire-env", "check", tmp_path, "--brief", "--seeds", 2, code=1)
    assert "seed 1: no metric at evaluate: evaluator refused" in out and "OSError: no such thing" in out
    assert "    | so far" in out and "fails 2 of 2 times" in out


@pytest.mark.parametrize("name", ["aire-env", "aire-run"])
def test_nothing_is_left_behind(can_sandbox, tmp_path, name):
    words = ["check", SHELL, "--brief", "--seeds", "1"] if name == "aire-env" else [SHELL]
    subprocess.run([f"{PREFIX}/bin/{name}", *map(str, words)], check=True, env={**ENVIRON, "TMPDIR": str(tmp_path)},
                   capture_output=True, timeout=100)
    assert list(tmp_path.iterdir()) == []


def test_packages_that_are_missing_are_hinted_at(can_sandbox, tmp_path):
    (tmp_path / "initial_program.py").write_text("import no_such_package\n")
    (tmp_path / "evaluator.py").write_text("import runpy\ndef evaluate(path): return runpy.run_path(path)\n")
    assert "--var PYTHON=" in tool("aire-env", "check", tmp_path, "--brief", "--seeds", 1, code=1)
    assert "--var PYTHON=" in tool("aire-run", tmp_path, code=7)


@pytest.mark.parametrize("name", ["aire-env", "aire-run"])
def test_what_the_code_writes_steers_no_terminal(can_sandbox, tmp_path, name):
    (tmp_path / "initial_program.py").write_text("x = 1\n")
    (tmp_path / "evaluator.py").write_text(
        "def evaluate(path):\n    print('\\x1b[2Jred\\x9bm \\u00e9', end='\\r')\n    print('last')\n    raise OSError('\\x1b]0;')\n")
    out = tool(name, *(["check"] if name == "aire-env" else []), tmp_path, code=1 if name == "aire-env" else 7)
    assert "?[2Jred?m \u00e9\n" in out and "last" in out and not any(c in out for c in "\x1b\x9b\r")


def test_check_is_interrupted(can_sandbox, tmp_path):
    """What it began is ended, and its directory removed."""
    (tmp_path / "task").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "task/run_job.sh").write_text("sleep 100\n")
    (tmp_path / "task/train.py").write_text("")
    with subprocess.Popen([f"{PREFIX}/bin/aire-env", "check", tmp_path / "task", "--brief", "--log", "2"], stdout=subprocess.PIPE,
                          text=True, env={**ENVIRON, "TMPDIR": str(tmp_path / "tmp")}) as process:
        while not list((tmp_path / "tmp").glob("*/check.aire.work/run-*")):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "cancelled" in out and list((tmp_path / "tmp").iterdir()) == []


def test_prompt_is_what_a_model_gets(tmp_path):
    """The same bytes as the request that an ideator sends."""
    out = tool("aire-env", "prompt", MINIMISE, "--batch", 3)
    seen = []

    def complete(messages):
        seen.append(messages)
        return "[Experiment] One.\n[Code Changes] Two.\n[End]"

    with aire.Context() as ctx:
        env = aire.Environment(ctx, MINIMISE, adapter="auto")
        aire.ChatIdeator(ctx, env, aire.HostModel(ctx, "host", complete)).propose(aire.Plan(ctx, "fresh", 3))
    (_, text), = seen[0]
    assert text.rstrip("\n") == out.rstrip("\n")


def test_prompt_of_a_patch():
    out = tool("aire-env", "prompt", SHELL, "--idea", "Bring x to 2.")
    assert "## Idea: Bring x to 2." in out and "unified diff" in out


def test_manifest_and_init(can_sandbox, tmp_path):
    """What init writes is an environment of its own, which gives the same."""
    manifest = json.loads(tool("aire-env", "manifest", "--openevolve", MINIMISE))
    assert manifest["metric"]["trust"] == "self_reported" and manifest["files"]["editable"] == ["initial_program.py"]
    new = tmp_path / "new"
    tool("aire-env", "init", MINIMISE, new)
    assert json.loads((new / "aire.json").read_text()) == manifest
    ours, theirs = (tool("aire-env", "check", path, "--brief", "--seeds", 2) for path in (new, MINIMISE))
    values = [re.findall(r"combined_score = ([\d.]+);", out) for out in (ours, theirs)]
    assert sorted(values[0]) == sorted(values[1]) and len(values[0]) == 2
    assert "read by" not in ours
    assert "File exists" in tool("aire-env", "init", MINIMISE, new, code=1)


@pytest.mark.parametrize("words, code, message", [
    (["aire-env"], 2, "a command is needed"),
    (["aire-env", "chek", SHELL], 2, "chek"),
    (["aire-env", "check"], 2, "one directory"),
    (["aire-env", "check", SHELL, "--seeds", "0"], 2, "from 1"),
    (["aire-env", "check", SHELL, "--seeds", "x"], 2, "a number"),
    (["aire-env", "check", SHELL, "--nonsense", "1"], 2, "nonsense"),
    (["aire-env", "check", "/etc"], 3, "no directory that there is an adapter for"),
    (["aire-env", "check", SHELL, "--adapter", "openevolve"], 3, "environment already"),
    (["aire-run"], 2, "one directory"),
    (["aire-run", SHELL, "--idea", "x"], 2, "--model"),
    (["aire-run", SHELL, "--idea"], 2, "--idea"),
    (["aire-run", "/etc"], 3, "adapter"),
    (["aire-run", SHELL, "--patch", "/no/such/file"], 1, "/no/such/file"),
    (["aire-run", SHELL, "--patch", "/etc"], 1, "Is a directory"),
    (["aire-run", SHELL, "--patch", "/dev/zero"], 1, "too large"),
    (["aire-run", SHELL, "--idea", "x", "--model", "what:ever"], 1, "what:ever"),
])
def test_wrong_words_are_told(words, code, message):
    assert message in tool(*words, code=code)


@pytest.mark.parametrize("name", ["aire-env", "aire-run"])
def test_help(name):
    out = tool(name, "--help")
    assert "usage:" in out and "exit codes:" in out and "--openevolve DIR" in out
    assert name in tool(name, "--version")


# ---- aire-run ----

def test_a_patch_from_a_file_to_its_reward(can_sandbox, tmp_path):
    (tmp_path / "p.diff").write_text(diff(MINIMISE / "initial_program.py", "steps=40", "steps=4000"))
    out = tool("aire-run", MINIMISE, "--idea", "More steps.", "--patch", tmp_path / "p.diff", "--baseline", "--seed", 2)
    parts = [line for line in out.splitlines() if line.startswith("== ")]
    assert [part.split(":")[0] for part in parts] == [
        "== the environment minimise", "== the idea", "== the patch, as it was given", "== the patch, as it was placed",
        "== what evaluate wrote", "== result", "== against the baseline on the same seed"]
    after, before, gain = map(float, re.search(r"reward (\S+), baseline (\S+): (\S+)", out).groups())
    assert gain == pytest.approx(after - before, abs=1e-5) and gain > 0


def test_a_model_is_shown_at_work(can_sandbox, tmp_path):
    """A refusal goes back; what is sent and what comes is printed, in order."""
    outside = "```diff\n" + diff(MINIMISE / "initial_program.py", "LOW, HIGH = -4.0", "LOW, HIGH = -1.0") + "```"
    inside = "```diff\n" + diff(MINIMISE / "initial_program.py", "steps=40", "steps=400") + "```"
    out = tool("aire-run", "--openevolve", MINIMISE, "--idea", "More.", "--model", answers(tmp_path / "a.jsonl", outside, inside))
    places = [out.index(text) for text in ("== request 1 to the model: patch", "== answer 1", "+LOW, HIGH = -1.0",
                                           "== request 2 to the model: revise", "may change only between", "== answer 2",
                                           "== the patch, as it was placed", "== result: ok")]
    assert places == sorted(places)


BLOCK = """Take more steps.

initial_program.py
<<<<<<< SEARCH
  def search(steps=40):
=======
  def search(steps=400):
>>>>>>> REPLACE
"""


@pytest.mark.parametrize("by", ["file", "model"])
def test_it_says_where_a_patch_was_placed(can_sandbox, tmp_path, by):
    """In whatever form it comes, from a file as from a model."""
    (tmp_path / "p.txt").write_text(BLOCK)
    words = ["--patch", tmp_path / "p.txt"] if by == "file" else ["--model", answers(tmp_path / "a.jsonl", BLOCK)]
    out = tool("aire-run", MINIMISE, "--idea", "More.", *words)
    how, confidence = re.search(r"^line \d+ of the patch: initial_program.py, line 13 \((\w+), confidence ([\d.]+)\)$", out, re.M).groups()
    assert how == "whitespace" and 0 < float(confidence) <= 1
    assert "+def search(steps=400):" in out and "== result: ok" in out


def test_from_the_input(can_sandbox):
    out = tool("aire-run", SHELL, "--patch", "-", code=4, stdin="--- a/evaluate.sh\n+++ b/evaluate.sh\n@@ -1 +1 @@\n-x\n+y\n")
    assert "== the patch is refused" in out and "may not be changed" in out


CODES = {
    "ok": ("x = 1", "def evaluate(path): return {'combined_score': 1}", 0, "reward = 1"),
    "a slip": ("x = (", "def evaluate(path): return {'combined_score': 1}", 5, "SyntaxError"),
    "no metric": ("x = 1", "def evaluate(path): return {}", 7, "no finite score"),
}


@pytest.mark.parametrize("name", CODES)
def test_exit_codes_say_how_far_it_came(can_sandbox, tmp_path, name):
    program, evaluator, code, text = CODES[name]
    (tmp_path / "initial_program.py").write_text(program + "\n")
    (tmp_path / "evaluator.py").write_text(evaluator + "\n")
    assert text in tool("aire-run", tmp_path, code=code)


def test_a_run_that_crashes_or_takes_too_long(can_sandbox, tmp_path):
    (tmp_path / "run_job.sh").write_text("exit 3\n")
    (tmp_path / "train.py").write_text("")
    assert "exit code 3" in tool("aire-run", tmp_path, code=6)
    (tmp_path / "run_job.sh").write_text("echo here; sleep 60\n")
    out = tool("aire-run", tmp_path, "--var", "TIMEOUT_S=1", code=6)
    assert "== result: timeout" in out and "== what run wrote\nhere" in out


def test_a_model_without_a_patch(can_sandbox, tmp_path):
    out = tool("aire-run", SHELL, "--idea", "x", "--model", answers(tmp_path / "a.jsonl", "I cannot.", "No.", "Never."), code=4)
    assert "== the patch is refused" in out


def test_kept_in_a_store_and_on_disk(can_sandbox, tmp_path):
    store = tmp_path / "s.aire"
    (tmp_path / "p.diff").write_text(diff(MINIMISE / "initial_program.py", "steps=40", "steps=80"))
    out = tool("aire-run", MINIMISE, "--patch", tmp_path / "p.diff", "--store", store, "--keep")
    directory, = tmp_path.glob("s.aire.work/run-*")
    assert str(directory)[:-2] in out and "steps=80" in (directory / "workspace/initial_program.py").read_text()
    listed = tool("aire-evolve", "list", store)
    assert " idea " in listed and "combined_score" in listed
    assert "environment" in tool("aire-run", SHELL, "--store", store, code=1)
    assert tool("aire-evolve", "list", store) == listed
    again = tool("aire-run", MINIMISE, "--patch", tmp_path / "p.diff", "--store", store, code=4)
    assert "same as an earlier variant" in again


def test_ctrl_c_ends_it(can_sandbox, tmp_path):
    (tmp_path / "run_job.sh").write_text("sleep 100\n")
    (tmp_path / "train.py").write_text("")
    with subprocess.Popen([f"{PREFIX}/bin/aire-run", tmp_path], env=ENVIRON, stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        while "run ..." not in process.stderr.readline():
            pass
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130 and "cancelled" in out and time.monotonic() - begin < 10
