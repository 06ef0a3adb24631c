"""The loop from Python: with a sandbox of the host's own, and with the real one."""
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import aire
from conftest import diff


def fake_run(command):
    """A sandbox that interprets the square environment without running anything."""
    places = {target: source for source, target, _ in command.mounts}
    if "run.sh" in command.argv:
        with open(os.path.join(places["/workspace"], "params.txt")) as params:
            value = params.read().split("=")[1]
        with open(os.path.join(places["/out"], "x"), "w") as out:
            out.write(value)
    else:
        with open(os.path.join(places["/out"], "x")) as out:
            distance = abs(int(out.read()) - 3)
        with open(command.report_path, "w") as report:
            json.dump({"metrics": {"distance": distance}}, report)
    return aire.SandboxExit()


def search(ctx, env, sandbox, store, epochs=2):
    """The loop of the documentation."""
    ideator = aire.KnobsIdeator(ctx, env)
    executor = aire.Executor(ctx, env, sandbox, store, workers=2)
    searcher = aire.Evolution(ctx, store, epochs=epochs, epoch_size=4, batch=2)
    executor.submit()
    for result in executor.results():
        searcher.tell(result)
    while (plan := searcher.ask()) is not None:
        ideas = ideator.propose(plan)
        if not ideas:
            searcher.abandon(plan)
        for idea in ideas:
            executor.submit(idea)
        for result in executor.results():
            searcher.tell(result)
    assert searcher.done


def test_search_with_a_host_sandbox(ctx, env, store):
    search(ctx, env, aire.HostSandbox(ctx, fake_run), store)
    counts = store.counts()
    assert counts["runs_finished"] == counts["runs_told"] > 1
    assert counts["runs_waiting"] == 0
    best = store.results(by_reward=True, limit=1)[0]
    assert best.outcome == "ok" and best.trust == "evaluated"
    assert best.metrics["distance"] == -best.reward < 5
    assert "params.txt" in best.patch.diff and best.idea.text


def test_search_with_the_real_sandbox(ctx, env, store, can_sandbox):
    search(ctx, env, aire.Sandbox(ctx), store, epochs=1)
    results = store.results()
    assert [r.kind for r in results].count("baseline") == 1
    assert all(r.outcome in ("ok", "no change") for r in results)
    assert results[0].metrics == {"distance": 5.0}
    assert results[0].wall_ms["run"] >= 0


def test_seed_decides(ctx, env, tmp_path):
    ideas = []
    for name in "ab":
        with aire.Store(ctx, tmp_path / name) as store:
            search(ctx, env, aire.HostSandbox(ctx, fake_run), store)
            ideas.append([(i.text, i.patch.diff) for i in store.ideas()])
    assert ideas[0] == ideas[1]


def test_submitted_patch_is_measured(ctx, env, store):
    executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, fake_run), store, workers=1)
    run = executor.submit(aire.Idea(ctx, "Use the optimum.", patch=aire.Patch(ctx, diff(3))))
    result = executor.next(timeout=20)
    assert (result.run_id, result.outcome, result.reward) == (run, "ok", 0.0)
    assert executor.next() is None
    assert result.to_dict(ctx)["metrics"]
    executor.submit(aire.Idea(ctx, "Do not fit.", patch=aire.Patch(ctx, diff(3).replace("x=8", "x=9"))))
    refused = executor.next(timeout=20)
    assert (refused.outcome, refused.reward) == ("patch failed", None)
    assert "params.txt" in refused.detail


def test_exception_of_a_callback_comes_back(ctx, env):
    def propose(plan):
        raise KeyError("mine")

    ideator = aire.HostIdeator(ctx, propose)
    with pytest.raises(KeyError, match="mine"):
        ideator.propose(aire.Plan(ctx, "fresh", 1))


def test_host_ideator_and_searcher(ctx, env, store):
    plans = iter(range(2))
    told = []

    def ask():
        return aire.Plan(ctx, "fresh", 1, epoch=0) if next(plans, None) is not None else None

    searcher = aire.HostSearcher(ctx, store, "mine", ask, lambda result: told.append(result.reward))
    ideator = aire.HostIdeator(ctx, lambda plan: [
        aire.Idea(ctx, f"Plan {plan.id}", plan=plan, patch=aire.Patch(ctx, diff(plan.id)))])
    executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, fake_run), store, workers=1)
    while (plan := searcher.ask()) is not None:
        for idea in ideator.propose(plan):
            executor.submit(idea)
        for result in executor.results():
            searcher.tell(result)
    assert told == [-2.0, -1.0]


def test_failing_host_sandbox_is_not_the_ideas_fault(ctx, env, store):
    def run(command):
        raise OSError("no machine")

    executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, run), store, workers=1, max_attempts=1)
    executor.submit()
    result = executor.next(timeout=20)
    assert result.outcome == "infrastructure" and result.reward is None


def test_errors_say_what_and_where(ctx, env_path, tmp_path):
    manifest = env_path / "aire.json"
    manifest.write_text(manifest.read_text().replace('"minimize"', '"smaller"'))
    with pytest.raises(aire.FormatError, match="aire.json.*metric.direction"):
        aire.Environment(ctx, env_path)
    with pytest.raises(aire.NotFoundError):
        aire.Environment(ctx, tmp_path / "nowhere")
    with pytest.raises(aire.InvalidError, match="chat:"):
        aire.Model(ctx, "telepathy:me")


def test_second_controller_is_refused(ctx, tmp_path):
    with aire.Store(ctx, tmp_path / "s"):
        code = ("import aire, sys\nctx = aire.Context()\n"
                "try:\n    aire.Store(ctx, sys.argv[1])\nexcept aire.BusyError as e:\n    print(e)\n")
        run = subprocess.run([sys.executable, "-c", code, tmp_path / "s"], capture_output=True, text=True)
        assert str(os.getpid()) in run.stdout, run.stderr


def test_handles_close_in_any_order(ctx, env, store):
    sandbox = aire.HostSandbox(ctx, fake_run)
    executor = aire.Executor(ctx, env, sandbox, store, workers=1)
    sandbox.close()
    executor.submit()
    assert executor.next(timeout=20).outcome == "ok"
    executor.close()
    executor.close()
    with pytest.raises(aire.StateError):
        executor.submit()
    del executor
    gc.collect()


def test_timeout(ctx, env, store):
    release = threading.Event()

    def run(command):
        release.wait(20)
        return fake_run(command)

    executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, run), store, workers=1)
    executor.submit()
    with pytest.raises(TimeoutError):
        executor.next(timeout=0.05)
    release.set()
    assert executor.next(timeout=20).outcome == "ok"


def test_ctrl_c_ends_a_blocking_call(can_sandbox, tmp_path):
    code = ("import aire\nctx = aire.Context()\nsandbox = aire.Sandbox(ctx)\nprint('ready', flush=True)\n"
            "sandbox.run(aire.Command(['sleep', '60'], env={'PATH': '/usr/bin:/bin'}))\n")
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.3)
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors and time.monotonic() - started < 5


def test_host_model_answers(ctx):
    model = aire.HostModel(ctx, "mine", lambda messages: messages[-1][1].upper())
    assert model.complete([("user", "hello")]).text == "HELLO"


def test_stats():
    assert aire.summary([1, 2, 3])["deviation"] == pytest.approx(1)
    assert aire.rank_test([4, 5, 6], [1, 2, 3]) == pytest.approx(1 / 20)


def test_log_reaches_python(env_path, tmp_path):
    lines = []
    with aire.Context(log=lambda *line: lines.append(line), level="debug") as ctx:
        env = aire.Environment(ctx, env_path)
        store = aire.Store(ctx, tmp_path / "s")
        executor = aire.Executor(ctx, env, aire.HostSandbox(ctx, fake_run), store, workers=1)
        executor.submit()
        assert executor.next(timeout=20).outcome == "ok"
    assert all(len(line) == 3 for line in lines)
