"""Executors and stores from Python: what a host may watch, ask for and carry away."""
import contextlib
import gc
import http.server
import json
import select
import threading
import time
import weakref

import pytest

import aire
from conftest import diff
from test_loop import fake_run


def executor_of(ctx, env, store, **given):
    return aire.Executor(ctx, env, aire.HostSandbox(ctx, fake_run), store, **{"workers": 1, **given})


@pytest.fixture
def stream_env(ctx, env_path):
    manifest = json.loads((env_path / "aire.json").read_text())
    manifest["stream"] = {"metric": "loss", "direction": "minimize"}
    (env_path / "aire.json").write_text(json.dumps(manifest))
    run = env_path / "run.sh"
    run.write_text(run.read_text() + 'echo hello; printf "a\\0b"\n'
                   'for i in 1 2 3; do echo "{\\"step\\": $i, \\"loss\\": 0.5}" >>"$AIRE_STREAM"; sleep 0.2; done\n')
    with aire.Environment(ctx, env_path) as env:
        yield env


def test_stages_metrics_and_output_are_told(ctx, stream_env, store, can_sandbox):
    stages, events, output = [], [], []
    executor = aire.Executor(ctx, stream_env, aire.Sandbox(ctx), store, workers=1, gpus=[],
                             progress=lambda *stage: stages.append(stage), watch=events.append,
                             output=lambda *piece: output.append(piece))
    run = executor.submit()
    assert executor.next(timeout=60).outcome == "ok"
    assert stages == [(run, 0, event.stage) for event in events if event.event == "stage"]
    assert [stage for _, _, stage in stages][-2:] == ["run", "evaluate"]
    metrics = [event for event in events if event.event == "metric"]
    assert metrics[-1] == aire.Progress("metric", run, 0, "baseline", 1, "run", 3.0, 0.5)
    assert b"hello\na\0b" in b"".join(data for number, stage, data in output if (number, stage) == (run, "run"))


@pytest.mark.parametrize("name", ["progress", "watch"])
def test_exception_of_a_watcher_loses_no_result(ctx, env, store, name):
    def watch(*_):
        raise KeyError("mine")

    executor = executor_of(ctx, env, store, **{name: watch})
    run = executor.submit()
    results = []
    for _ in range(50):
        with contextlib.suppress(KeyError):
            result = executor.next(timeout=20)
            if result is None:
                break
            results.append(result.run_id)
    assert results == [run]
    with pytest.raises(KeyError, match="mine"):
        executor.submit(aire.Idea(ctx, "Use the optimum.", patch=aire.Patch(ctx, diff(3))))
        while executor.next(timeout=20) is not None:
            pass


def test_exception_of_output_comes_back(ctx, stream_env, store, can_sandbox):
    def output(*_):
        raise KeyError("mine")

    executor = aire.Executor(ctx, stream_env, aire.Sandbox(ctx), store, workers=1, output=output)
    executor.submit()
    with pytest.raises(KeyError, match="mine"):
        executor.next(timeout=60)
    while True:
        with contextlib.suppress(KeyError):
            result = executor.next(timeout=60)
            break
    assert result.outcome == "ok"


def test_executor_that_nobody_uses_is_released(ctx, env, store):
    class Watch:
        def __call__(self, *_):
            pass

    watch = Watch()
    executor = executor_of(ctx, env, store, progress=watch, watch=watch, output=watch)
    alive = [weakref.ref(watch), weakref.ref(executor)]
    del watch, executor
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_resources_and_directories(ctx, env, store, tmp_path):
    executor = executor_of(ctx, env, store, gpus=(), memory_bytes=1 << 30, disk_bytes=1 << 30,
                           work_dir=tmp_path / "work", keep_workspaces=True)
    executor.submit()
    assert executor.next(timeout=20).outcome == "ok"
    executor.close()
    assert any((tmp_path / "work").rglob("params.txt"))
    for wrong in ({"gpus": [1, 1]}, {"gpus": [-1]}, {"gpus": [2**40]}, {"workers": 2**40}):
        with pytest.raises(aire.InvalidError):
            executor_of(ctx, env, store, work_dir=tmp_path / "work", **wrong)


def test_more_than_there_is(ctx, env_path, store):
    manifest = json.loads((env_path / "aire.json").read_text())
    manifest["run"]["gpus"] = 1
    (env_path / "aire.json").write_text(json.dumps(manifest))
    with pytest.raises(aire.LimitError, match="GPU"):
        executor_of(ctx, aire.Environment(ctx, env_path), store, gpus=[])


def test_slurm_options_reach_the_library(ctx, env, store):
    for slurm in (aire.Slurm("not/absolute"), {"directory": "not/absolute", "arguments": ["--exclusive"]}):
        with pytest.raises(aire.InvalidError, match="slurm.*absolute"):
            aire.Executor(ctx, env, None, store, slurm=slurm)
    with pytest.raises(TypeError):
        aire.Executor(ctx, env, None, store, slurm={"folder": "/shared"})
    with pytest.raises(aire.InvalidError):
        aire.Executor(ctx, env, None, store)


def test_confirmation(ctx, env, store):
    executor = executor_of(ctx, env, store)
    executor.submit(aire.Idea(ctx, "Use the optimum.", patch=aire.Patch(ctx, diff(3))))
    idea = executor.next(timeout=20).idea
    assert store.confirmation(idea.id) is None and store.best_confirmed() is None
    executor.confirm(idea, [101, 102, 103])
    assert len(list(executor.results())) == 6
    found = store.confirmation(idea.id)
    assert (found.idea_id, found.failures, found.gain) == (idea.id, 0, 5.0)
    assert (found.idea["count"], found.idea["mean"], found.baseline["mean"]) == (3, 0.0, -5.0)
    assert found.p == pytest.approx(1 / 20)
    assert store.best_confirmed(3) == found and store.best_confirmed(4) is None
    for seeds in ([], [0]):
        with pytest.raises(aire.InvalidError):
            executor.confirm(idea, seeds)


def test_run_goes_from_store_to_store(ctx, env, store, tmp_path):
    executor = executor_of(ctx, env, store)
    run = executor.submit(aire.Idea(ctx, "Use the optimum.", patch=aire.Patch(ctx, diff(3))))
    executor.next(timeout=20)
    store.export_run(run, tmp_path / "run.tar.zst")
    with pytest.raises(aire.NotFoundError):
        store.export_run(999, tmp_path / "none")
    with aire.Store(ctx, tmp_path / "other.aire") as other:
        executor_of(ctx, env, other).close()  # ties it to the environment
        there = other.import_run(tmp_path / "run.tar.zst")
        assert other.import_run(tmp_path / "run.tar.zst") == there
        told = executor_of(ctx, env, other).next(timeout=20)
        assert (told.run_id, told.reward, told.patch.diff) == (there, 0.0, diff(3))
        (tmp_path / "bad").write_bytes(b"no bundle")
        with pytest.raises(aire.FormatError):
            other.import_run(tmp_path / "bad")


def test_pins_and_check(ctx, env, store):
    executor = executor_of(ctx, env, store)
    run = executor.submit()
    executor.next(timeout=20)
    assert not store.pinned(run)
    store.pin(run)
    store.pin(run)
    assert store.pinned(run)
    store.unpin(run)
    assert not store.pinned(run)
    for call in (store.pin, store.pinned):
        with pytest.raises(aire.NotFoundError):
            call(999)
    store.check()
    with aire.Store(ctx, store.path, read_only=True) as reader, pytest.raises(aire.StateError):
        reader.pin(run)


def writer(ctx, *answers):
    """A model that gives its answers in order, and then fails."""
    left = list(answers)

    def complete(_messages):
        if not left:
            raise RuntimeError("the line is dead")
        return left.pop(0)

    return aire.HostModel(ctx, "writer", complete)


def test_drafts_and_completion_are_told(ctx, env, store):
    good, bad = f"```diff\n{diff(3)}```\n", "I would set it to 3."
    executor = executor_of(ctx, env, store, implementer=writer(ctx, bad, good), revisions=1, forms=["unified", "blocks"],
                           checker=writer(ctx, "VERDICT: yes\nIt is."))
    run = executor.submit(aire.Idea(ctx, "Use the optimum.", kind="hyper-parameter"))
    result = executor.next(timeout=20)
    assert (result.run_id, result.outcome, result.idea.kind) == (run, "ok", "hyper-parameter")
    drafts = store.drafts(run)
    assert [(d.kind, d.round, d.chosen, d.cause) for d in drafts] == [
        ("patch", 0, False, "model answer"), ("revision", 1, True, "none"), ("check", 1, False, "none")]
    assert drafts[0].answer == bad and "no" in drafts[0].message and drafts[1].sent == drafts[0].message
    assert "+x=3" in drafts[1].patch and drafts[1].cost is None
    executor.submit(aire.Idea(ctx, "Do without."))
    assert executor.next(timeout=20).outcome == "model failed"
    rows = {(row.kind, row.outcome, row.cause): row for row in store.completion()}
    assert set(rows) == {("hyper-parameter", "ok", "none"), (None, "model failed", "model")}
    row = rows["hyper-parameter", "ok", "none"]
    assert (row.model, row.runs, row.drafts, row.completed) == ("writer", 1, 3, True)
    assert rows[None, "model failed", "model"].completed is None  # the idea was never tried
    executor.close()
    executor = executor_of(ctx, env, store, implementer=writer(ctx, bad, f"```diff\n{diff(4)}```\n", good), revisions=0,
                           candidates=3, candidates_at_once=1)
    run = executor.submit(aire.Idea(ctx, "Come closer."))
    assert {result.run_id: result.outcome for result in executor.results()}[run] == "ok"
    assert [(d.candidate, d.chosen) for d in store.drafts(run)] == [(0, False), (1, True)]


@pytest.mark.parametrize("wrong", [{"forms": "prose"}, {"forms": []}])
def test_wrong_forms_are_refused(ctx, env, store, wrong):
    with pytest.raises(ValueError, match="unified, blocks, files"):
        executor_of(ctx, env, store, **wrong)
    with pytest.raises(aire.InvalidError, match="candidates"):
        executor_of(ctx, env, store, candidates=65)


def test_a_smoke_run_comes_first(ctx, env_path, store, can_sandbox):
    """In a copy of the workspace: the build is there, and what it leaves behind is not there for the run."""
    manifest = json.loads((env_path / "aire.json").read_text())
    manifest["build"] = {"command": "mkdir made && echo built >made/it && ln -s made/it link && chmod 755 made/it"}
    manifest["smoke"] = {"command": "test $AIRE_SMOKE = 1 && test $AIRE_BUDGET_STEPS = 2 && test -x made/it && "
                                    "test $(cat link) = built && touch left \"$AIRE_OUT/left\" && . ./params.txt && "
                                    "echo \"smoke error: x is $x\" && test $x -lt 9", "budget": {"steps": 2}}
    (env_path / "aire.json").write_text(json.dumps(manifest))
    (env_path / "run.sh").write_text('test ! -e left && test ! -e "$AIRE_OUT/left" && test -z "$AIRE_SMOKE" && '
                                     'test -f made/it && . ./params.txt && echo "$x" >"$AIRE_OUT/x"\n')
    with aire.Environment(ctx, env_path) as env:
        executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, workers=1, gpus=[],
                                 implementer=writer(ctx, f"```diff\n{diff(12)}```\n", f"```diff\n{diff(4)}```\n"))
        executor.submit()
        assert executor.next(timeout=60).outcome == "ok"
        run = executor.submit(aire.Idea(ctx, "Move x."))
        result = executor.next(timeout=60)
        assert (result.outcome, result.metrics) == ("ok", {"distance": 1.0}), result.detail
        assert [usage["stage"] for usage in result.to_dict(ctx)["usage"]] == ["build", "smoke", "run", "evaluate"]
        first, second = store.drafts(run)
        assert (first.outcome, first.message) == ("crashed", "the smoke stage ended with exit code 1")
        assert second.kind == "repair" and "smoke error: x is 12" in second.sent
        executor.close()


class Race(http.server.BaseHTTPRequestHandler):
    """Of four requests the last one is answered; of the others it is noted when their clients go away."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        race = self.server
        self.rfile.read(int(self.headers["Content-Length"]))
        if race.together.wait() == 0:
            body = json.dumps({"choices": [{"message": {"content": f"```diff\n{diff(3)}```"}, "finish_reason": "stop"}],
                               "usage": {"prompt_tokens": 50, "completion_tokens": 20}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            race.answered = time.monotonic()
        elif select.select([self.connection], [], [], 20)[0]:
            race.gone.append(time.monotonic())


def test_requests_of_other_candidates_end_at_once_and_count(ctx, env, store):
    race = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Race)
    race.together, race.gone = threading.Barrier(4), []
    threading.Thread(target=race.serve_forever, daemon=True).start()
    budget = aire.Budget(ctx)
    model = aire.Model(ctx, f"chat:m@http://127.0.0.1:{race.server_address[1]}/v1", api_key="k", budget=budget)
    executor = executor_of(ctx, env, store, implementer=model, candidates=4)
    run = executor.submit(aire.Idea(ctx, "Use the optimum."))
    assert executor.next(timeout=15).outcome == "ok"
    race.shutdown()
    assert len(race.gone) == 3 and max(race.gone) - race.answered < 0.5  # 0.1 s, and the patch in between
    assert sorted((d.chosen, d.cause) for d in store.drafts(run)) == 3 * [(False, "overtaken")] + [(True, "none")]
    spent = budget.spending
    assert spent.calls == 4 and spent.input_tokens > 50 and spent.output_tokens >= 20 + 3
    executor.close()
    race.server_close()
