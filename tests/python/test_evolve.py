"""The driver aire-evolve, as it is installed: a small search, and its commands."""
import json
import os
import pathlib
import subprocess

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
