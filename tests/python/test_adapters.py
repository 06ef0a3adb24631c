"""Directories of other systems run as they are: OpenEvolve, autoresearch, the paper's environments."""
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import aire

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
PREFIX = os.environ.get("AIRE_PREFIX")


def run(tmp_path, path, ideas=(), adapter="auto", seeds=(1,), **variables):
    """Results of the baseline on the seeds, and of ideas as patches."""
    with aire.Context() as ctx, aire.Store(ctx, tmp_path / "s.aire") as store:
        env = aire.Environment(ctx, path, variables, adapter=adapter)
        executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, gpus=[])
        for seed in seeds:
            executor.submit(seed=seed)
        for patch in ideas:
            executor.submit(aire.Idea(ctx, "an idea", patch=aire.Patch(ctx, patch)))
        return sorted(executor.results(), key=lambda result: result.run_id)


def rewrite(path, **changes):
    """A unified diff that replaces texts of a file."""
    import difflib
    before = path.read_text()
    after = before
    for old, new in changes.values():
        assert old in after
        after = after.replace(old, new)
    return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path.name}", f"b/{path.name}"))


def openevolve(tmp_path, program, evaluator, config=None):
    path = tmp_path / "task"
    path.mkdir()
    (path / "initial_program.py").write_text(textwrap.dedent(program))
    (path / "evaluator.py").write_text(textwrap.dedent(evaluator))
    if config:
        (path / "config.yaml").write_text(textwrap.dedent(config))
    return path


# ---- OpenEvolve ----

def test_a_function_is_minimised(can_sandbox, tmp_path):
    """Two stages; more steps come closer; the same seed gives the same score."""
    path = DATA / "openevolve/minimise"
    better = rewrite(path / "initial_program.py", steps=("steps=40", "steps=4000"))
    first, second, idea = run(tmp_path, path, [better], seeds=(1, 2), adapter="openevolve")
    assert [result.outcome for result in (first, second, idea)] == ["ok"] * 3
    assert first.trust == "self_reported"
    assert first.metrics["runs"] == 1 and first.metrics["cascade_stage"] == 2
    assert first.reward == first.metrics["combined_score"] != second.reward
    assert idea.reward > max(first.reward, second.reward)
    (tmp_path / "again").mkdir()
    again, = run(tmp_path / "again", path, adapter="openevolve")
    assert again.reward == first.reward


def test_circles_are_packed(can_sandbox, tmp_path):
    """Artifacts are in the log; a program that fails has no reward, although its evaluator says 0."""
    path = DATA / "openevolve/circles"
    program = path / "initial_program.py"
    overlap = rewrite(program, radii=("return sizes", "return [2 * size for size in sizes]"))
    crash = rewrite(program, radii=("sizes = [min(x, y, 1 - x, 1 - y) for x, y in points]", "sizes = [1 / 0]"))
    baseline, bad, worse = run(tmp_path, path, [overlap, crash])
    assert baseline.outcome == "ok" and baseline.metrics["validity"] == 1
    assert baseline.reward == pytest.approx(baseline.metrics["sum_radii"] / 2.635)
    assert "artifact packing: the smallest radius is" in baseline.log_tail
    assert bad.outcome == "ok" and bad.reward == 0 and "leaves the square" in bad.log_tail
    assert worse.outcome == "no metric" and worse.cause == "evaluator refused"
    assert "division by zero" in worse.detail


def test_only_what_is_between_the_marks_may_change(can_sandbox, tmp_path):
    path = DATA / "openevolve/circles"
    outside = rewrite(path / "initial_program.py", count=("construct_packing(26)", "construct_packing(4)"))
    evaluator = rewrite(path / "evaluator.py", target=("2.635", "0.1"))
    new = "--- /dev/null\n+++ b/math.py\n@@ -0,0 +1 @@\n+x = 1\n"
    _, *refused = run(tmp_path, path, [outside, evaluator, new])
    assert [(r.outcome, r.stage, r.cause) for r in refused] == [("violation", "implement", "patch role")] * 3
    assert "construct_packing(26)" in refused[0].detail and "EVOLVE-BLOCK-START" in refused[0].detail


def test_a_slip_of_the_pen_is_a_failed_build(can_sandbox, tmp_path):
    path = DATA / "openevolve/circles"
    patch = rewrite(path / "initial_program.py", radii=("return sizes", "return sizes)"))
    _, result = run(tmp_path, path, [patch])
    assert (result.outcome, result.stage) == ("build failed", "build") and "SyntaxError" in result.log_tail


EVALUATORS = {
    "the mean of what is no feature": ("""
        def evaluate(path):
            return {"a": 1.0, "b": 2, "complexity": 50, "note": "text", "odd": float("nan"), "valid": True, "artifacts": {"x": 1}}
        """, "ok", 1.5, ""),
    "a stage that is not passed": ("""
        def evaluate_stage1(path): return {"x": 0.4}
        def evaluate_stage2(path): return {"x": 100}
        """, "ok", 0.4, ""),
    "three stages": ("""
        def evaluate_stage1(path): return {"x": 0.6}
        def evaluate_stage2(path): return {"combined_score": 0.8}
        async def evaluate_stage3(path): return {"combined_score": 0.9}
        """, "ok", 0.9, ""),
    "text that is none": ("""
        def evaluate(path): return {"combined_score": 2.0, "\\ud800": 1.0, "artifacts": {"\\udcff": "\\ud800"}}
        """, "ok", 2, ""),
    "an error that is no text": ("def evaluate(path): raise ValueError('\\ud800' * 9)", "no metric", None, r"ValueError: \ud800"),
    "many metrics": ("def evaluate(path): return {str(i): 1.0 for i in range(3000)}", "ok", 1, ""),
    "metrics with odd names": ("def evaluate(path): return {'combined_score': 4, '': 1, 'a\\nb': 2, 'x' * 5000: 3}", "ok", 4, ""),
    "an exception": ("def evaluate(path): raise KeyError('lost')", "no metric", None, "KeyError: 'lost'"),
    "no dict": ("def evaluate(path): return 3", "no metric", None, "expected a dict"),
    "no function": ("x = 1", "no metric", None, "no function evaluate"),
    "no finite score": ("def evaluate(path): return {'combined_score': float('nan')}", "no metric", None, "no finite score"),
    "the end of its process": ("import os\ndef evaluate(path): os._exit(0)", "no metric", None, "ended in evaluate"),
    "a loop": ("def evaluate(path):\n    while True: pass", "no metric", None, "longer than 2"),
    "too large": ("def evaluate(path): return {str(i): i for i in range(100000)}", "no metric", None, "512 KiB"),
}


@pytest.mark.parametrize("name", EVALUATORS)
def test_evaluators_of_all_kinds(can_sandbox, tmp_path, name):
    evaluator, outcome, reward, detail = EVALUATORS[name]
    path = openevolve(tmp_path, "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n", evaluator, "evaluator:\n  timeout: 2\n")
    result, = run(tmp_path, path)
    assert result.outcome == outcome, result.detail + result.log_tail
    assert result.reward == reward and detail in result.detail
    if "feature" in name:
        assert result.metrics == {"combined_score": 1.5, "a": 1, "b": 2, "complexity": 50, "valid": 1}
        assert "artifact x: 1" in result.log_tail
    if name == "a loop":
        assert result.cause == "wall limit"


ATTACKS = {
    "writes to every descriptor": """
        import os
        for number in range(3, 64):
            try: os.write(number, b'{"metrics": {"combined_score": 1e6}}')
            except OSError: pass
        """,
    "opens its parent's descriptors": """
        import os
        for number in range(3, 64):
            try:
                with open(f"/proc/{os.getppid()}/fd/{number}", "w") as file:
                    file.write('{"metrics": {"combined_score": 1e6}}')
            except OSError: pass
        """,
    "kills its parent": """
        import os, signal
        os.kill(os.getppid(), signal.SIGKILL)
        """,
    "leaves a process behind": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
        """,
    "says a result that is none": """
        import os
        number = "1" + "0" * 400
        for text in ('{"state": "done", "result": {"metrics": {"a": ' + number + '}, "flags": [], "error": ""}}', "[" * 90000):
            for descriptor in range(3, 64):
                try: os.write(descriptor, text.encode() + b"\\n")
                except OSError: pass
        """,
    "changes the evaluator's file": """
        open("evaluator.py", "w").write("def evaluate(path): return {'combined_score': 1e6}")
        """,
    "changes this file's name in the workspace": """
        open("aire_openevolve.py", "w").write("")
        """,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_program_cannot_write_the_report(can_sandbox, tmp_path, name):
    """It gets what its evaluator gives; or nothing, if it breaks the process that reports or the pipe to it."""
    path = openevolve(tmp_path, "# EVOLVE-BLOCK-START\n" + textwrap.dedent(ATTACKS[name]) + "# EVOLVE-BLOCK-END\n", """
        import runpy
        def evaluate(path):
            runpy.run_path(path)
            return {"combined_score": 1.0}
        """)
    result, = run(tmp_path, path)
    breaks = ("writes to every descriptor", "kills its parent", "says a result that is none")
    assert (result.outcome, result.reward) == (("no metric", None) if name in breaks else ("ok", 1.0)), result.detail
    if name == "says a result that is none":
        assert "is no result" in result.detail


def test_a_cascade_may_be_switched_off(can_sandbox, tmp_path):
    path = openevolve(tmp_path, "x = 1\n", """
        def evaluate_stage1(path): return {"x": 0.1}
        def evaluate(path): return {"x": 3, "complexity": 1}
        """, "evaluator:\n  cascade_evaluation: false\ndatabase:\n  feature_dimensions: []\n")
    result, = run(tmp_path, path)
    assert result.reward == 2 and "cascade_stage" not in result.metrics


def test_a_program_may_be_a_directory(can_sandbox, tmp_path):
    """It is copied whole, and each of its files is checked before it is evaluated."""
    path = tmp_path / "task"
    (path / "initial_program/parts").mkdir(parents=True)
    (path / "initial_program/main.py").write_bytes(b"# coding: latin-1\nfrom parts.one import VALUE\nNAME = '\xe9'\n")
    (path / "initial_program/parts/one.py").write_text("VALUE = 1\n")
    (path / "evaluator.py").write_text(textwrap.dedent("""
        import importlib, sys
        def evaluate(path):
            sys.path.insert(0, path)
            main = importlib.import_module("main")
            return {"combined_score": main.VALUE * len(main.NAME)}
        """))
    one = "--- a/initial_program/parts/one.py\n+++ b/initial_program/parts/one.py\n@@ -1 +1 @@\n-VALUE = 1\n+VALUE = "
    baseline, better, slip, beside = run(tmp_path, path, [one + "5\n", one + "(\n", "--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+x = 1\n"])
    assert (baseline.reward, better.reward) == (1, 5), baseline.log_tail
    assert (slip.outcome, slip.stage) == ("build failed", "build") and beside.outcome == "violation"


def test_no_secret_of_the_configuration_gets_in(can_sandbox, tmp_path):
    path = openevolve(tmp_path, "x = 1\n", """
        import glob
        def evaluate(path): return {"seen": sum("sec" "ret" in open(f).read() for f in glob.glob("**", recursive=True))}
        """, "llm:\n  api_key: secret\n")
    for name in ("config_phase_2.yaml", ".env", ".env.local", "README.md"):
        (path / name).write_text("secret\n")
    result, = run(tmp_path, path)
    assert result.reward == 0


def test_packages_come_from_the_interpreter_that_is_named(can_sandbox, tmp_path):
    """A virtual environment, also below /tmp, with a package that the system has not."""
    venv = tmp_path / "venv"
    subprocess.run(["/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable, "-m", "venv",
                    "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "only_here.py").write_text("VALUE = 42\n")
    path = openevolve(tmp_path, "import only_here\n", """
        import only_here
        def evaluate(path): return {"combined_score": only_here.VALUE}
        """)
    result, = run(tmp_path, path, PYTHON=str(venv / "bin/python3"))
    assert result.reward == 42, result.log_tail


@pytest.mark.skipif(not PREFIX, reason="AIRE_PREFIX names no installed prefix")
def test_aire_evolve_takes_such_a_directory(can_sandbox, tmp_path):
    idea = "[Experiment] Many more steps.\n[Code Changes] Set steps to 4000.\n[End]"
    patch = "```diff\n" + rewrite(DATA / "openevolve/minimise/initial_program.py", steps=("steps=40", "steps=4000")) + "```"
    (tmp_path / "ideas.jsonl").write_text(json.dumps({"answer": idea}) + "\n")
    (tmp_path / "patches.jsonl").write_text(json.dumps({"answer": patch}) + "\n")
    done = subprocess.run(
        [f"{PREFIX}/bin/aire-evolve", "--openevolve", DATA / "openevolve/minimise", "--store", tmp_path / "s.aire",
         "--ideator", "chat", "--model", f"replay:{tmp_path}/ideas.jsonl?lenient", "--implementer",
         f"replay:{tmp_path}/patches.jsonl?lenient", "--epochs", "1", "--epoch-size", "1", "--batch", "1", "--baseline", "2",
         "--gpus", "none"], capture_output=True, text=True, timeout=300,
        env={**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "baseline   n = 2   combined_score" in done.stdout and "outcomes of 1 ideas:  ok 1" in done.stdout


# ---- autoresearch ----

def test_autoresearch_reports_val_bpb(can_sandbox, tmp_path):
    path = DATA / "autoresearch/bigram"
    less = rewrite(path / "train.py", smoothing=("SMOOTHING = 1.0", "SMOOTHING = 0.01"))
    measure = rewrite(path / "prepare.py", split=("3 // 4", "1 // 4"))
    baseline, better, refused = run(tmp_path, path, [less, measure])
    assert baseline.outcome == "ok" and baseline.trust == "self_reported"
    assert 0 < better.metrics["val_bpb"] < baseline.metrics["val_bpb"]
    assert better.reward == -better.metrics["val_bpb"]
    assert refused.outcome == "violation"


def test_autoresearch_finds_its_data(can_sandbox, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "extra.txt").write_bytes(b"the plain " * 1000)
    path = DATA / "autoresearch/bigram"
    plain, = run(tmp_path, path)
    more, = run(cache, path, DATA=str(cache))
    assert "num_bytes:        2490" in plain.log_tail and "num_bytes:        12490" in more.log_tail


# ---- the paper's environments ----

def test_the_papers_nanogpt_runs(can_sandbox, tmp_path):
    """Its script calls uv, and finds its data beside it; the best validation loss counts."""
    data = tmp_path / "data"
    (data / "shards").mkdir(parents=True)
    (data / "shards/part.bin").write_bytes(b"12345678")
    path = DATA / "paper/nanogpt"
    faster = rewrite(path / "train.py", rate=("RATE = 0.1", "RATE = 0.5"))
    worse = rewrite(path / "train.py", rate=("loss *= 1 - RATE", "loss *= 2"))
    baseline, better, risen = run(tmp_path, path, [faster, worse], DATA=str(data))
    assert baseline.metrics["val_loss"] == pytest.approx(8 * 0.9**5, abs=1e-3)
    assert better.metrics["val_loss"] == pytest.approx(8 * 0.5**5, abs=1e-3)
    assert risen.metrics["val_loss"] == 8


@pytest.mark.parametrize("command", ["uv run train.py", "uv run --with torch -q python train.py", "uv run -m train",
                                     "uv run --project . -- python3 train.py", "uv run bash -c 'python3 train.py'"])
def test_uv_run_is_understood(can_sandbox, tmp_path, command):
    path = tmp_path / "task"
    path.mkdir()
    (path / "run_job.sh").write_text(command + "\n")
    (path / "train.py").write_text("print('val_loss: 2.5')\n")
    result, = run(tmp_path, path)
    assert result.reward == -2.5, result.log_tail


def test_the_papers_grpo_runs(can_sandbox, tmp_path):
    baseline, = run(tmp_path, DATA / "paper/grpo")
    assert baseline.reward == baseline.metrics["accuracy"] == 0.45
