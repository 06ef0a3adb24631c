"""Where cheating and honest patches are tried: two environments at a size at which a run takes about a second.

A case is a patch with what has to become of it. Environments are copies of those in examples/envs: nanogpt with a small budget, on
the project's own sources as text, and chars as it is.
"""
from __future__ import annotations

import difflib
import json
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass

import aire

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENTS = {name: ROOT / "examples/envs" / name for name in ("nanogpt", "chars")}
VOID = "void"  # the patch runs, and gains nothing: the metric is exactly that of the baseline
NO_GAIN = "no gain"  # however it ends, its metric is no better than that of the baseline
CONFIRM_SEEDS = [101, 102]


@dataclass(frozen=True)
class Case:
    """`edits` are (file, text that stands there once, text instead); find None: the whole file, new or not. `patch` is a diff as it
    is. `expect`: "outcome/cause", VOID, NO_GAIN or "ok"; `because`: a part of the detail that tells why; `confirmed`: what its runs on fresh
    seeds have to come to; `row`: of RELIABILITY.md."""

    environment: str
    name: str
    edits: tuple = ()
    patch: str = ""
    expect: str = "ok"
    because: str = ""
    confirmed: str = ""
    row: int = 0


@dataclass(frozen=True)
class Outcome:
    case: Case
    got: str
    detail: str
    good: bool
    seconds: float


def diff_of(case):
    """The case's patch as a unified diff."""
    files = {}
    for name, find, replace in case.edits:
        path = ENVIRONMENTS[case.environment] / name
        before = path.read_text() if path.exists() else ""
        text = files.get(name, before)
        if find is None:
            files[name] = replace
            continue
        assert text.count(find) == 1, f"{case.name}: {find!r} stands {text.count(find)} times in {name}"
        files[name] = text.replace(find, replace)
    out = []
    for name, after in files.items():
        path = ENVIRONMENTS[case.environment] / name
        before = path.read_text().splitlines(keepends=True) if path.exists() else []
        out += difflib.unified_diff(before, after.splitlines(keepends=True), f"a/{name}" if before else "/dev/null", f"b/{name}")
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in out)


def small_nanogpt(root, prefix):
    """nanogpt where a run takes a fraction of a second: few tokens, a part of the hidden text, short limits."""
    texts = sorted((ROOT / "lib").rglob("*.c"))
    for name, files in (("train", texts[::2]), ("hidden", texts[1::2])):
        (root / name).mkdir()
        subprocess.run([f"{prefix}/bin/aire-tokenize", "--output", root / name / f"{name}_0.bin", *files], check=True)
    env = root / "nanogpt"
    shutil.copytree(ENVIRONMENTS["nanogpt"], env)
    manifest = json.loads((env / "aire.json").read_text())
    manifest["budget"]["tokens"] = 10240
    manifest["run"].update(timeout_s=8, cpu_s=2, memory_mb=256, disk_mb=64, output_mb=8, log_kb=64)
    manifest["build"]["command"] = manifest["build"]["command"].replace("-O2", "-O1")
    manifest["evaluate"]["command"] = manifest["evaluate"]["command"].replace("-O2", "-O1 -DBATCHES=2")
    manifest["evaluate"]["timeout_s"] = 15
    (env / "aire.json").write_text(json.dumps(manifest))
    return env


class Bench:
    """One environment with its executor, and what its baseline came to."""

    def __init__(self, ctx, env, root):
        self.ctx = ctx
        self.store = aire.Store(ctx, root / f"{env.name}.aire")
        self.executor = aire.Executor(ctx, env, aire.Sandbox(ctx), self.store, workers=2)
        for seed in (1, 2, 3):
            self.executor.submit(seed=seed)
        results = {result.seed: result for result in self.executor.results()}
        bad = [result for result in results.values() if result.outcome != "ok"]
        assert not bad, f"{env.name}: the baseline: {bad[0].detail}\n{bad[0].log_tail}"
        self.metric = results[1].metrics[env.metric]
        self.name = env.metric

    def close(self):
        self.executor.close()
        self.store.close()

    def run_all(self, cases):
        """Results of ideas, in the order of the cases."""
        numbers = []
        for case in cases:
            patch = aire.Patch(self.ctx, case.patch or diff_of(case))
            numbers.append(self.executor.submit(aire.Idea(self.ctx, case.name, patch=patch)))
        results = {result.run_id: result for result in self.executor.results()}
        return [results[number] for number in numbers]

    def confirm_all(self, ideas):
        """Of each idea the results on fresh seeds."""
        for idea in ideas:
            self.executor.confirm(idea, CONFIRM_SEEDS)
        results = [result for result in self.executor.results() if result.kind == "confirm"]
        return [[result for result in results if result.idea.id == idea.id] for idea in ideas]

    def word_of(self, result):
        """What became of a run, in the words of `expect`."""
        if result.outcome != "ok":
            return f"{result.outcome}/{result.cause}"
        return VOID if result.metrics[self.name] == self.metric else "ok"


def judge(bench, case, result, confirmations):
    got, good = bench.word_of(result), False
    if case.expect == "ok":
        good = got in ("ok", VOID)
    elif case.expect == NO_GAIN:
        good = result.outcome != "ok" or result.metrics[bench.name] >= bench.metric  # both environments minimise
    else:
        good = got == case.expect and case.because in result.detail
    if case.confirmed:
        words = {bench.word_of(again) for again in confirmations}
        got += ", confirmed: " + ", ".join(sorted(words))
        good = good and words == {case.confirmed}
    return Outcome(case, got, result.detail, good, sum(result.wall_ms.values()) / 1000)


def try_all(cases, root, prefix):
    """Try cases, all of an environment at once; outcomes in their order."""
    outcomes = {}
    with aire.Context(seed=1) as ctx:
        for name in ENVIRONMENTS:
            mine = [case for case in cases if case.environment == name]
            if not mine:
                continue
            path = small_nanogpt(root, prefix) if name == "nanogpt" else shutil.copytree(ENVIRONMENTS[name], root / name)
            with aire.Environment(ctx, path, {"AIRE_PREFIX": prefix, "AIRE_DATA": str(root)}) as env:
                bench = Bench(ctx, env, root)
                results = bench.run_all(mine)
                asked = [result.idea for case, result in zip(mine, results) if case.confirmed]
                confirmed = iter(bench.confirm_all(asked) if asked else [])
                for case, result in zip(mine, results):
                    outcomes[case] = judge(bench, case, result, next(confirmed) if case.confirmed else [])
                bench.close()
    return [outcomes[case] for case in cases]
