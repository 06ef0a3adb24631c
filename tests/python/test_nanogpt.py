"""The nanoGPT environment in the real sandbox: it measures, every knob turns, and a model that sees the future is found out."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import aire

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("AIRE_PREFIX")


@pytest.fixture(scope="module")
def loop(tmp_path_factory, can_sandbox):
    """The environment with a small budget, on text that is at hand: the project's own."""
    if not PREFIX:
        pytest.skip("AIRE_PREFIX names no installed prefix")
    root = tmp_path_factory.mktemp("nanogpt")
    texts = sorted((ROOT / "lib").rglob("*.c"))
    for name, files in (("train", texts[::2]), ("hidden", texts[1::2])):
        (root / name).mkdir()
        subprocess.run([f"{PREFIX}/bin/aire-tokenize", "--output", root / name / f"{name}_0.bin", *files], check=True)
    shutil.copytree(ROOT / "examples/envs/nanogpt", root / "env")
    manifest = json.loads((root / "env/aire.json").read_text())
    manifest["budget"]["tokens"] = 20480
    (root / "env/aire.json").write_text(json.dumps(manifest))
    with aire.Context(seed=1) as ctx:
        env = aire.Environment(ctx, root / "env", {"AIRE_PREFIX": PREFIX, "AIRE_DATA": str(root)})
        store = aire.Store(ctx, root / "store")
        executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, workers=2)
        yield ctx, executor, manifest
        executor.close()
        store.close()


def run_patched(loop, *edits):
    """The result of an idea that replaces texts: (file, find, replace)."""
    ctx, executor, _ = loop
    executor.submit(aire.Idea(ctx, "An idea.", patch=aire.Patch(ctx, diff(edits))))
    return executor.next(timeout=120)


def diff(edits):
    """A unified diff of whole files."""
    files = {}
    for name, find, replace in edits:
        text = files.get(name) or (ROOT / "examples/envs/nanogpt" / name).read_text()
        assert text.count(find) == 1
        files[name] = text.replace(find, replace)
    out = ""
    for name, after in files.items():
        before = (ROOT / "examples/envs/nanogpt" / name).read_text().splitlines()
        after = after.splitlines()
        out += f"--- a/{name}\n+++ b/{name}\n@@ -1,{len(before)} +1,{len(after)} @@\n"
        out += "".join(f"-{line}\n" for line in before) + "".join(f"+{line}\n" for line in after)
    return out


def test_baseline_is_measured_and_repeats(loop):
    _, executor, _ = loop
    executor.submit(seed=5)
    first = executor.next(timeout=120)
    assert (first.outcome, first.trust) == ("ok", "evaluated"), first.detail + first.log_tail
    assert 1 < first.metrics["val_loss"] < 5.6  # better than guessing among 256 bytes
    assert first.reward == pytest.approx(1 / first.metrics["val_loss"])


def test_same_seed_gives_the_same_bits(loop):
    results = [run_patched(loop, ("model.c", "return logits;", f"return {'(' * n}logits{')' * n};")) for n in (2, 3)]
    assert results[0].metrics == results[1].metrics


@pytest.mark.parametrize("change", [
    "aire_tensor *logits = aire_linear(norm(aire_add(x, aire_shift(x, 1, -1))), wte, NULL);",  # the next token
    "aire_tensor *logits = aire_linear(norm(aire_add(x, aire_mean_axis(x, 1))), wte, NULL);",  # all of the sequence
    "aire_tensor *logits = aire_linear(norm(aire_add(x, aire_mean_axis(x, 0))), wte, NULL);",  # other sequences
])
def test_leaks_are_found(loop, change):
    result = run_patched(loop, ("model.c", "aire_tensor *logits = aire_linear(norm(x), wte, NULL);", change))
    assert (result.outcome, result.cause, result.reward) == ("violation", "future leak", None), result.detail


def test_forged_files_are_refused(loop):
    forged = 'FILE *f = fopen("/out/tape.json", "w"); fputs("{}", f); fclose(f);\n    return failed;'
    result = run_patched(loop, ("train.c", "    return failed;\n}", "    " + forged + "\n}"))
    assert (result.outcome, result.stage, result.reward) == ("no metric", "evaluate", None)


def test_every_knob_turns(loop):
    ctx, executor, manifest = loop
    for knob in manifest["knobs"]:
        if "choices" in knob:
            edits = [[(e["file"], e["find"], e["replace"]) for e in choice["edits"]] for choice in knob["choices"]]
        else:
            baseline = knob["text"].replace("{}", knob["baseline"])
            ends = knob.get("range") or [v for v in knob["values"] if v != float(knob["baseline"])]
            edits = [[(knob["file"], baseline, knob["text"].replace("{}", repr(end)))] for end in (ends[0], ends[-1])]
        for edit in edits:
            executor.submit(aire.Idea(ctx, knob["name"], patch=aire.Patch(ctx, diff(edit))))
    failed = [(r.idea.text, r.outcome, r.detail, r.log_tail) for r in executor.results() if r.outcome != "ok"]
    assert not failed
