"""Models from Python, against a chat endpoint on loopback."""
import asyncio
import concurrent.futures
import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

import aire
from aire import _call
from aire import model as model_module

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "sk-a-key-of-the-tests-0123456789"


class Server:
    """The fake endpoint; `got` has the mode of each request that has come in."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/fake_chat.py", KEY], stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline())
        self.got = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.got.append(line.split()[1])

    def spec(self, mode):
        return f"chat:m@http://127.0.0.1:{self.port}/{mode}/v1"

    def wait_for(self, mode):
        deadline = time.monotonic() + 20
        while mode not in self.got:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("AIRE_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    deadline = time.monotonic() + 10
    while (_call._calls or _call._inside) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _call._calls and not _call._inside and _call._own_tokens == 0


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"currency": "USD", "unit": 1000000, "prices": [
        {"provider": "chat", "host": "127.0.0.1", "model": "m", "input": 1000, "output": 10000,
         "date": "2026-01-01", "source": "here"}]}))
    return path


def never(server, ctx, name, **given):
    return aire.Model(ctx, server.spec(f"never.{name}"), max_attempts=1, **given)


# ---- answers ----


def test_answer_has_what_the_provider_says(ctx, server):
    answer = aire.Model(ctx, server.spec("stream")).complete([("user", "hello")])
    assert (answer.text, answer.thinking, answer.finish) == ("hél" + "lo", "let me see", "stop")
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.thinking_tokens) == (11, 7, 5, 3)
    assert (answer.attempts, answer.cost, answer.request_id) == (1, None, "req-1")
    assert 0 <= answer.first <= answer.latency and 0 < answer.latency < 20


def test_request_has_what_was_asked_for(ctx, server):
    model = aire.Model(ctx, server.spec("echo"))
    asked = json.loads(model.complete(
        [("system", "be short"), {"role": "user", "content": "hi"}], max_tokens=100, temperature=0.5, top_p=0.9,
        seed=7, effort="low", schema={"type": "object"}, stop=["END", "STOP"]).text)
    assert [(m["role"], m["content"]) for m in asked["messages"]] == [("system", "be short"), ("user", "hi")]
    assert (asked["temperature"], asked["top_p"], asked["seed"], asked["stop"]) == (0.5, 0.9, 7, ["END", "STOP"])
    assert "low" in json.dumps(asked) and '"type": "object"' in json.dumps(asked)
    plain = json.loads(model.complete("hi", schema='{"type": "array"}', stop="END").text)
    assert plain["stop"] == ["END"] and "temperature" not in plain and '"array"' in json.dumps(plain)


@pytest.mark.parametrize("wrong", [{"effort": "huge"}, {"top_p": 2}, {"stop": list("abcde")}, {"max_tokens": 2**40},
                                   {"seed": -1}, {"max_tokens": -1}, {"schema": "no json"}])
def test_wrong_requests_are_refused(ctx, server, wrong):
    with pytest.raises(aire.InvalidError):
        aire.Model(ctx, server.spec("echo")).complete("hi", **wrong)


def test_text_with_a_nul_is_not_cut(ctx, server):
    with pytest.raises(aire.InvalidError, match="NUL"):
        aire.Model(ctx, server.spec("echo")).complete("a\0b")


@pytest.mark.parametrize("mode, error", [("limited", aire.RateLimitedError), ("leak", aire.AuthError),
                                         ("unknown", aire.ProtocolError), ("down", aire.NetworkError)])
def test_failures_have_their_exceptions(ctx, server, mode, error):
    with pytest.raises(error) as raised:
        aire.Model(ctx, server.spec(mode), KEY, max_attempts=1).complete("hi")
    assert raised.value.code >= 400 and KEY not in str(raised.value)


def test_timeout_and_stall(ctx, server):
    with pytest.raises(aire.TimeoutError):
        never(server, ctx, "timeout", timeout=0.2).complete("hi")
    with pytest.raises(aire.TimeoutError):
        never(server, ctx, "stall", stall=0.2).complete("hi")


# ---- keys ----


def has_key(model):
    return model.complete("hi").thinking == "key"


def test_key_variable():
    assert aire.key_variable("anthropic:m") == "ANTHROPIC_API_KEY"
    assert aire.key_variable("chat:m@http://127.0.0.1:1/v1") is None
    assert aire.key_variable("telepathy:m") is None


def test_keys(ctx, server, monkeypatch):
    spec = server.spec("echo")
    assert not has_key(aire.Model(ctx, spec))
    assert has_key(aire.Model(ctx, spec, KEY))
    assert has_key(aire.Model(ctx, spec, key=lambda: KEY))
    monkeypatch.setenv("AIRE_API_KEY", KEY)
    assert has_key(aire.Model(ctx, spec))
    assert not has_key(aire.Model(ctx, spec, api_key=""))
    with pytest.raises(aire.InvalidError, match="both"):
        aire.Model(ctx, spec, KEY, key=lambda: KEY)


def test_providers_own_variable_goes_first(monkeypatch):
    monkeypatch.setenv("AIRE_API_KEY", "general")
    assert model_module._key_of_environment("openai:m") == "general"
    monkeypatch.setenv("OPENAI_API_KEY", "own")
    assert model_module._key_of_environment("openai:m") == "own"
    assert model_module._key_of_environment("chat:m@http://127.0.0.1:1/v1") == "general"
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("AIRE_API_KEY", "")
    assert model_module._key_of_environment("openai:m") is None


def test_key_function_is_asked_each_time_and_may_fail(ctx, server):
    keys = iter([KEY, "old"])
    model = aire.Model(ctx, server.spec("echo"), key=lambda: next(keys))
    assert has_key(model) and not has_key(model)
    for _ in range(2):
        with pytest.raises(StopIteration):
            model.start("hi").result(20)
    for wrong, error in ((None, TypeError), ("a" * 9000, aire.InvalidError), ("a\0b", aire.InvalidError),
                         ("", aire.InvalidError)):
        with pytest.raises(error):
            aire.Model(ctx, server.spec("echo"), key=lambda: wrong).complete("hi")
    with pytest.raises(ZeroDivisionError):  # through a model that wraps it
        inner = aire.Model(ctx, server.spec("echo"), key=lambda: 1 // 0)
        aire.Ensemble(ctx, [inner]).complete("hi")


def test_key_function_lives_as_long_as_the_model(ctx, server):
    def key():
        return KEY

    alive = weakref.ref(key)
    model = aire.Model(ctx, server.spec("echo"), key=key)
    ensemble = aire.Ensemble(ctx, [model])
    del key
    model.close()
    gc.collect()
    assert has_key(ensemble)
    ensemble.close()
    del ensemble, model
    gc.collect()
    assert alive() is None


# ---- pieces ----


def test_pieces_come_in_order(ctx, server):
    pieces = []
    answer = aire.Model(ctx, server.spec("stream")).complete("hi", on_delta=lambda *piece: pieces.append(piece))
    assert "".join(text for kind, text in pieces if kind == "text") == answer.text
    assert "".join(text for kind, text in pieces if kind == "thinking") == answer.thinking
    assert len(pieces) >= 3 and {kind for kind, _ in pieces} == {"text", "thinking"}


def test_exception_of_on_delta_ends_the_request(ctx, server):
    told = []

    def on_delta(kind, text):
        told.append(kind)
        raise KeyError("mine")

    model = aire.Model(ctx, server.spec("stream"))
    with pytest.raises(KeyError, match="mine"):
        model.complete("hi", on_delta=on_delta)
    with pytest.raises(KeyError, match="mine"):
        model.start("hi", on_delta=on_delta, cancel=aire.Cancel(ctx)).result(20)
    assert len(told) == 2


# ---- futures ----


def test_many_at_once(ctx, server):
    model = aire.Model(ctx, server.spec("slow"))
    started = time.monotonic()
    futures = [model.start(f"{i}", purpose="many") for i in range(100)]
    assert {future.result(60).text for future in futures} == {"hello"}
    assert time.monotonic() - started < 0.3 * 100 / 3
    assert len(concurrent.futures.wait(futures).done) == 100


def test_many_take_no_descriptors_once_they_have_ended(ctx, server):
    model = aire.Model(ctx, server.spec("ok"))
    model.complete("hi")
    before = len(os.listdir("/proc/self/fd"))
    kept = [model.start("hi") for _ in range(50)]
    concurrent.futures.wait(kept, 60)
    assert len(os.listdir("/proc/self/fd")) - before < 70  # connections that are kept
    token = aire.Cancel(ctx)
    shared = [never(server, ctx, "shared").start("hi", cancel=token) for _ in range(20)]
    assert not shared[0].done()
    token.fire()
    for future in shared:
        with pytest.raises(aire.CancelledError):
            future.result(20)


def test_more_at_once_than_descriptors(server):
    child = run_program("import aire, resource, sys\nresource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\n"
                        "model = aire.Model(aire.Context(), sys.argv[1])\n"
                        "calls = [model.start('hi') for _ in range(400)]\n"
                        "print({call.result(60).text for call in calls})\n", server.spec("ok.descriptors"))
    said, errors = child.communicate(timeout=100)
    assert said == "{'hello'}\n", errors


def test_future_is_cancelled(ctx, server):
    future = never(server, ctx, "cancel").start("hi")
    server.wait_for("never.cancel")
    started = time.monotonic()
    assert future.cancel() and future.cancelled() and future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()
    assert future in concurrent.futures.wait([future], 20).done
    while _call._calls:  # the library has let go of it, too
        assert time.monotonic() - started < 10
        time.sleep(0.01)
    ended = aire.Model(ctx, server.spec("ok")).start("hi")
    assert ended.result(20).text == "hello" and not ended.cancel()


def test_future_with_a_shared_token_lets_go(ctx, server):
    token = aire.Cancel(ctx)
    future = aire.Model(ctx, server.spec("slow")).start("hi", cancel=token)
    assert future.cancel() and not token.fired


def test_ended_requests_keep_nothing(ctx, server):
    class Watch:
        def __call__(self, kind, text):
            pass

    alive = []
    futures = []
    model = aire.Model(ctx, server.spec("stream"))
    for _ in range(5):
        watch = Watch()
        alive.append(weakref.ref(watch))
        futures.append(model.start("hi", on_delta=watch))
    del watch
    for future in futures:
        future.result(20)
    gc.collect()
    deadline = time.monotonic() + 5
    while any(ref() for ref in alive) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(ref() for ref in alive)
    alive = weakref.ref(futures.pop())
    del future, futures
    gc.collect()
    assert alive() is None


def test_request_outlives_its_model(ctx, server):
    model = aire.Model(ctx, server.spec("slow"), key=lambda: KEY)
    future = model.start("hi")
    model.close()
    del model
    gc.collect()
    assert future.result(20).text == "hello"


def test_closed_model_says_so(ctx, server):
    model = aire.Model(ctx, server.spec("ok"))
    model.close()
    with pytest.raises(aire.StateError):
        model.start("hi")


def test_functions_of_a_future_may_start_but_not_wait(ctx, server):
    model = aire.Model(ctx, server.spec("slow"))
    said = concurrent.futures.Future()

    def told(_future):
        try:
            model.complete("hi")
        except aire.StateError:
            model.start("hi").add_done_callback(lambda f: said.set_result(f.result().text))

    model.start("hi").add_done_callback(told)
    assert said.result(20) == "hello"


def test_failing_function_of_a_future_is_told(ctx, server, caplog):
    future = aire.Model(ctx, server.spec("slow")).start("hi")
    future.add_done_callback(lambda _: 1 // 0)
    assert future.result(20).text == "hello"
    deadline = time.monotonic() + 5
    while "ZeroDivisionError" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "ZeroDivisionError" in caplog.text


def test_asyncio(ctx, server):
    model = aire.Model(ctx, server.spec("slow"))

    async def many():
        answers = await asyncio.gather(*(model.acomplete("hi", seed=i) for i in range(20)))
        with pytest.raises(aire.InvalidError):
            await model.acomplete("hi", effort="huge")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(never(server, ctx, "asyncio").acomplete("hi"), 0.3)
        return [answer.text for answer in answers]

    assert asyncio.run(many()) == ["hello"] * 20


def run_program(code, *words):
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def test_ctrl_c_ends_complete(server):
    child = run_program("import aire, sys\nmodel = aire.Model(aire.Context(), sys.argv[1])\n"
                        "print('ready', flush=True)\nmodel.complete('hi')\n", server.spec("never.ctrlc"))
    assert child.stdout.readline() == "ready\n"
    server.wait_for("never.ctrlc")
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors and time.monotonic() - started < 5


def test_program_ends_while_requests_are_under_way(server):
    child = run_program("import aire, sys\nctx = aire.Context()\nmodel = aire.Model(ctx, sys.argv[1])\n"
                        "token = aire.Cancel(ctx)\n"
                        "calls = [model.start('hi', on_delta=print, cancel=token if i % 2 else None)\n"
                        "         for i in range(9)]\n"
                        "host = aire.HostModel(ctx, 'mine', lambda messages: __import__('time').sleep(0.5) or 'x')\n"
                        "call = host.start('hi')\n", server.spec("never.exit"))
    started = time.monotonic()
    _, errors = child.communicate(timeout=20)
    assert (child.returncode, errors) == (0, "") and time.monotonic() - started < 5


# ---- models of the host's own ----


def test_exception_of_a_host_model_comes_back(ctx):
    def complete(messages):
        raise KeyError("mine")

    model = aire.HostModel(ctx, "mine", complete)
    for ask in (model.complete, lambda text: model.start(text).result(20),
                lambda text: asyncio.run(model.acomplete(text)), aire.Ensemble(ctx, [model]).complete):
        with pytest.raises(KeyError, match="mine"):
            ask("hi")


def test_host_model_gives_a_whole_answer(ctx):
    given = aire.Answer("hi", "hm", "length", 3, 2, 0.5, cached_tokens=1, thinking_tokens=1, request_id="r",
                        latency=1.5, first=0.25, attempts=2)
    assert aire.HostModel(ctx, "mine", lambda messages: given).complete("hi") == given
    assert aire.HostModel(ctx, "mine", lambda messages: "hi").complete("hi").cost is None
    with pytest.raises(AttributeError):
        aire.HostModel(ctx, "mine", lambda messages: 3).complete("hi")


def test_host_models_work_side_by_side(ctx):
    barrier = threading.Barrier(8)
    model = aire.HostModel(ctx, "mine", lambda messages: barrier.wait(20) and "" or messages[-1][1])
    futures = [model.start(str(i)) for i in range(8)]
    assert [future.result(20).text for future in futures] == [str(i) for i in range(8)]


# ---- budgets, cassettes, ensembles ----


def test_budget_of_calls(ctx, server):
    budget = aire.Budget(ctx, calls=3)
    models = [aire.Model(ctx, server.spec("ok"), budget=budget) for _ in range(2)]
    for i in range(3):
        assert models[i % 2].complete("hi").text == "hello"
    with pytest.raises(aire.LimitError):
        models[0].complete("hi")
    with pytest.raises(aire.LimitError):
        models[0].start("hi").result(20)
    spent = budget.spending
    assert (spent.calls, spent.input_tokens, spent.output_tokens, spent.flying_calls) == (3, 33, 21, 0)


def test_budget_of_dollars(ctx, server, prices):
    budget = aire.Budget(ctx, dollars=1.0)
    model = aire.Model(ctx, server.spec("ok"), budget=budget, prices_path=prices)
    assert model.complete("hi", max_tokens=10).cost == pytest.approx(11 * 1e-3 + 7 * 1e-2)
    assert budget.spending.dollars == pytest.approx(0.081)
    with pytest.raises(aire.LimitError):
        model.complete("hi", max_tokens=1000)
    with pytest.raises(aire.InvalidError, match="price"):
        aire.Model(ctx, server.spec("ok"), budget=budget)


@pytest.mark.parametrize("limits", [{"calls": 0}, {"dollars": 0.0}, {"tokens": -1}, {"dollars": float("nan")}])
def test_wrong_budgets(ctx, limits):
    with pytest.raises(aire.InvalidError):
        aire.Budget(ctx, **limits)


def test_requests_a_minute(ctx, server):
    model = aire.Model(ctx, server.spec("ok"), requests_per_minute=60)
    futures = [model.start("hi") for _ in range(12)]
    started = time.monotonic()
    assert all(future.result(30).text == "hello" for future in futures)
    assert time.monotonic() - started > 0.5


def test_recorder_and_replay(ctx, server, tmp_path):
    cassette = tmp_path / "cassette"
    recorder = aire.Recorder(ctx, aire.Model(ctx, server.spec("echo"), KEY), cassette)
    said = recorder.complete("hi", seed=1).text
    assert recorder.start("ho").result(20).text
    recorder.close()
    assert KEY not in cassette.read_text()
    replay = aire.Model(ctx, f"replay:{cassette}")
    assert replay.complete("hi", seed=1).text == said
    assert replay.complete("hi", seed=1) is None and replay.start("hi", seed=1).result(20) is None
    with pytest.raises(aire.NotFoundError):
        replay.complete("something else")


def test_weighted_ensemble(ctx):
    models = [aire.HostModel(ctx, name, lambda messages: "x") for name in "ab"]
    ensemble = aire.Ensemble(ctx, models, weights=[0, 1], name="both")
    assert ensemble.name == "both" and {ensemble.complete("hi").model for _ in range(5)} == {"b"}
    with pytest.raises(aire.InvalidError, match="weights"):
        aire.Ensemble(ctx, models, weights=[1])
    with pytest.raises(aire.InvalidError, match="rule"):
        aire.Ensemble(ctx, models, "loudest")
    with pytest.raises(aire.InvalidError):
        aire.Ensemble(ctx, [])


def test_bandit_learns(ctx):
    ensemble = aire.Ensemble(ctx, [aire.HostModel(ctx, name, lambda messages: "x") for name in "ab"], "bandit",
                             seed=3, cost_weight=0)
    asked = []
    for _ in range(60):
        member = ensemble.complete("hi").model
        asked.append(member)
        ensemble.feedback(member, 1.0 if member == "b" else None, 0.0)
    assert asked[30:].count("b") > 20
    with pytest.raises(aire.NotFoundError):
        ensemble.feedback("c", 1.0, 0.0)


def test_texts_become_vectors(ctx, server):
    embedder = aire.Embedder(ctx, server.spec("embed"), api_key="")
    first, other, same = embedder.embed(["aab", "ccc", "aabaab"])
    assert first == [2, 1, 0] and other == [0, 0, 3]
    assert aire.cosine(first, same) == pytest.approx(1) and aire.cosine(first, other) == 0
    with pytest.raises(aire.InvalidError):
        embedder.embed([])
    with pytest.raises(aire.UnsupportedError):
        aire.Embedder(ctx, "anthropic:m")
