"""The client and a search against a real llama.cpp server with a small real model, on loopback.

A model of 135M parameters is nobody's researcher: what is tested is that everything around it holds.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHELL = ROOT / "examples/envs/shell"
HOSTS = pathlib.Path(os.environ["AIRE_LLM_HOSTS"])  # the directory of llm_ask and llm_search
PREFIX = pathlib.Path(os.environ["AIRE_PREFIX"])
LATE_MS = 100  # a cancel or a deadline is seen within
LIMIT_S = 240  # of any one program


class Server:
    def __init__(self, log, *words):
        self.log, self.words = log, words
        with socket.socket() as any_port:
            any_port.bind(("127.0.0.1", 0))
            self.port = any_port.getsockname()[1]
        self.model = f"chat:smollm2@http://127.0.0.1:{self.port}/v1"
        self.process = None

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([sys.executable, HERE / "server.py", str(self.port), *self.words], stdout=log, stderr=log)
        wait_for(lambda: self.process.poll() is not None or self.is_ready(), 60)
        assert self.process.poll() is None, self.log.read_text()[-2000:]

    def is_ready(self):
        try:
            return self.get("/health").get("status") == "ok"
        except (urllib.error.URLError, OSError):
            return False

    def is_answering(self):
        return any(slot["is_processing"] for slot in self.get("/slots"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def wait_for(is_so, seconds):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server") / "log")
    server.start()
    yield server
    server.kill()


def command(server, prompt, **settings):
    words = [f"{name}={value}" for name, given in settings.items()
             for value in (given if isinstance(given, list) else [given])]
    return [HOSTS / "llm_ask", server.model, prompt, *words]


def ask(server, prompt, **settings):
    done = subprocess.run(command(server, prompt, **settings), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    answers = [line for line in map(json.loads, done.stdout.splitlines()) if "status" in line]
    return answers if "count" in settings else answers[0]


# ---- answers ----

@pytest.mark.parametrize("stream", [0, 1])
def test_an_answer_of_itself_and_one_cut_short(server, stream):
    whole = ask(server, "Reply with the single word: yes", stream=stream, max_tokens=60, temperature=0)
    cut = ask(server, "Tell a long story about a ship.", stream=stream, max_tokens=12, temperature=0)
    assert (whole["status"], whole["finish"]) == ("AIRE_OK", "stop")
    assert (cut["status"], cut["finish"], cut["output_tokens"]) == ("AIRE_OK", "length", 12)
    for answer in whole, cut:
        assert answer["text"] and answer["attempts"] == 1 and answer["input_tokens"] > 0
        assert not stream or (answer["streamed"] == answer["text"] and answer["pieces"] > 1)


def test_a_streamed_answer_is_the_whole_one(server):
    plain, streamed = (ask(server, "Name three colours.", stream=s, max_tokens=24, temperature=0) for s in (0, 1))
    assert plain["text"] == streamed["text"]


def test_a_stop_text_ends_the_answer(server):
    free = ask(server, "Count: one, two, three, four, five.", max_tokens=32, temperature=0)
    word = free["text"].split()[2]
    stopped = ask(server, "Count: one, two, three, four, five.", max_tokens=32, temperature=0, stop=[word, "\x01"])
    assert stopped["finish"] == "stop" and word not in stopped["text"]
    assert free["text"].startswith(stopped["text"])


def test_a_seed_makes_it_the_same_again(server):
    first, again, other = (ask(server, "Invent a word.", max_tokens=24, temperature=1.5, seed=seed)
                           for seed in (7, 7, 8))
    assert first["text"] == again["text"] != other["text"]


def test_an_answer_is_of_its_schema(server):
    schema = {"type": "object", "additionalProperties": False, "required": ["name", "size", "kind"],
              "properties": {"name": {"type": "string", "maxLength": 20}, "size": {"type": "integer"},
                             "kind": {"enum": ["fish", "bird"]}}}
    for seed in range(1, 4):
        answer = ask(server, "Describe an animal as JSON.", schema=json.dumps(schema), max_tokens=120, temperature=1,
                     seed=seed, stream=seed % 2)
        assert answer["finish"] == "stop", answer
        value = json.loads(answer["text"])
        assert set(value) == {"name", "size", "kind"} and value["kind"] in ("fish", "bird")
        assert isinstance(value["name"], str) and isinstance(value["size"], int)


def test_sixteen_at_once(server):
    answers = ask(server, "Say something about the sea.", count=16, max_tokens=16, temperature=1, seed=1, stream=1)
    assert len(answers) == 16
    for answer in answers:
        assert answer["status"] == "AIRE_OK" and answer["output_tokens"] <= 16 and answer["attempts"] == 1
        assert answer["text"] == answer["streamed"] != ""
    assert len({answer["text"] for answer in answers}) > 8


def test_embeddings_tell_what_is_alike(tmp_path):
    server = Server(tmp_path / "log", "embeddings")
    server.start()
    try:
        done = subprocess.run([HOSTS / "llm_embed", server.model, "Raise the learning rate.", "Raise the learning rate.",
                               "Increase the learning rate.", "The cat sat on the mat."],
                              capture_output=True, text=True, timeout=LIMIT_S)
    finally:
        server.kill()
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    _, same, alike, other = answer["cosines"]
    assert answer["dimension"] == 576  # the width of SmolLM2-135M
    assert same > 0.999 and same > alike > other


# ---- giving up ----

def test_a_deadline_in_mid_answer(server):
    calm = ask(server, "Tell a story.", stream=1, max_tokens=1, temperature=0)  # how long it takes here to begin
    limit = int(calm["ms"] * 2 + 1500)
    answer = ask(server, "Tell a very long story.", stream=1, max_tokens=1500, timeout_ms=limit)
    assert answer["status"] == "AIRE_TIMEOUT" and answer["pieces"] > 0
    assert limit <= answer["ms"] < limit + LATE_MS
    wait_for(lambda: not server.is_answering(), 30)  # it was told, and answers others


def test_a_cancel_in_mid_answer(server):
    answer = ask(server, "Tell a very long story.", stream=1, max_tokens=1500, cancel=4)
    assert answer["status"] == "AIRE_CANCELLED" and answer["late_ms"] < LATE_MS
    wait_for(lambda: not server.is_answering(), 30)
    assert ask(server, "Say yes.", max_tokens=8)["status"] == "AIRE_OK"


# ---- a server that dies ----

def test_a_server_killed_in_mid_answer_is_asked_again(server):
    words = command(server, "Tell a story.", stream=1, max_tokens=48, temperature=0, attempts=12)
    host = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    watch = threading.Timer(LIMIT_S, host.kill)
    watch.start()
    try:
        assert json.loads(host.stdout.readline()) == {"event": "first"}
        server.kill()
        server.start()
        answer = json.loads(host.stdout.readline())
    finally:
        watch.cancel()
        host.kill()
        host.wait()
        host.stdout.close()
    assert answer["status"] == "AIRE_OK" and answer["attempts"] > 1 and answer["restarts"] >= 1
    assert answer["text"] == answer["streamed"]
    assert answer["text"] == ask(server, "Tell a story.", max_tokens=48, temperature=0)["text"]


def finish_through_a_kill(server, words, down_s=0):
    """Run it, kill the server while it answers, and restart it; what it printed, all of it."""
    host = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "LD_LIBRARY_PATH": str(PREFIX / "lib")})
    try:
        wait_for(lambda: host.poll() is not None or server.is_answering(), 60)
        time.sleep(0.3)
        was_answering = server.is_answering()
        server.kill()
        time.sleep(down_s)
        server.start()
        output, _ = host.communicate(timeout=LIMIT_S)
    finally:
        host.kill()
        host.wait()
    assert host.returncode == 0, output
    assert was_answering, "no answer was under way: " + output
    return output


def test_a_search_whose_ideas_it_chose(server, tmp_path):
    output = finish_through_a_kill(server, [HOSTS / "llm_search", SHELL, tmp_path / "a.aire", server.model, 2, 4])
    lines = [line.split() for line in output.splitlines()]
    choices = [tuple(map(int, line[1:])) for line in lines if line[0] == "choice"]
    rewards = [float(line[2]) for line in lines if line[0] == "run"]
    assert len(choices) == 8 and len(rewards) == 9 and lines[-1] == ["done"]
    tried = set(choices) - {(10, -5)}  # what was tried before, or is the baseline, is not run again
    heights = [(x - 3) ** 2 + (y - 7) ** 2 for x, y in tried]  # as examples/envs/shell measures them
    assert sorted(-reward for reward in rewards[1:] if reward == reward) == sorted(heights)


@pytest.fixture(scope="module")
def nanogpt(tmp_path_factory):
    """The environment with a small budget, and its data: the project's own sources."""
    root = tmp_path_factory.mktemp("nanogpt")
    texts = sorted((ROOT / "lib").rglob("*.c"))
    for name, files in (("train", texts[::2]), ("hidden", texts[1::2])):
        (root / name).mkdir()
        subprocess.run([PREFIX / "bin/aire-tokenize", "--output", root / name / f"{name}_0.bin", *files], check=True,
                       env={**os.environ, "LD_LIBRARY_PATH": str(PREFIX / "lib")})
    shutil.copytree(ROOT / "examples/envs/nanogpt", root / "env")
    manifest = json.loads((root / "env/aire.json").read_text())
    manifest["budget"]["tokens"] = 20480
    (root / "env/aire.json").write_text(json.dumps(manifest))
    return root


def test_an_epoch_of_nanogpt_whose_ideas_it_chose(server, nanogpt, tmp_path):
    store = tmp_path / "a.aire"
    output = finish_through_a_kill(server, [
        PREFIX / "bin/aire-evolve", nanogpt / "env", "--store", store, "--var", f"AIRE_DATA={nanogpt}",
        "--var", f"AIRE_PREFIX={PREFIX}", "--ideator", "schema", "--model", server.model, "--epochs", 1,
        "--epoch-size", 4, "--batch", 2, "--baseline", 1, "--gpus", "none", "--log", 2])
    listed = subprocess.run([PREFIX / "bin/aire-evolve", "list", store], capture_output=True, text=True, check=True,
                            env={**os.environ, "LD_LIBRARY_PATH": str(PREFIX / "lib")}).stdout
    print(output, listed)
    ideas = [line.split() for line in listed.splitlines() if " idea " in line]
    assert len(ideas) >= 2  # what it chooses twice is run once
    measured = [float(words[3]) for words in ideas if words[2] == "ok"]
    assert measured and all(1 < loss < 6 for loss in measured)


def test_aire_evolve_asks_it_for_ideas_and_patches(server, tmp_path):
    """Most of what it says is no idea, and no patch applies; the search goes on, and says what came of it."""
    output = finish_through_a_kill(server, [
        PREFIX / "bin/aire-evolve", SHELL, "--store", tmp_path / "a.aire", "--ideator", "chat", "--model", server.model,
        "--epochs", 1, "--epoch-size", 2, "--batch", 2, "--baseline", 1, "--gpus", "none", "--log", 2],
        down_s=8)
    print(output)
    assert "attempt 2" in output and "model calls:" in output
