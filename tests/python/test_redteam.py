"""The red team's patches, and rows 12 to 15 of RELIABILITY.md: what cheats is caught, what is only odd is let through."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import aire

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("AIRE_PREFIX")
sys.path.insert(0, str(ROOT / "tests/redteam"))

import lab  # noqa: E402
import redteam  # noqa: E402

CASES = redteam.CHEATS + redteam.HONEST
IDS = [f"{case.environment}-{case.name.replace(' ', '-')}" for case in CASES]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, can_sandbox):
    """Of all cases, tried together: {case: outcome}."""
    if not PREFIX:
        pytest.skip("AIRE_PREFIX names no installed prefix")
    root = tmp_path_factory.mktemp("redteam")
    return dict(zip(CASES, lab.try_all(CASES, root, PREFIX)))


def test_there_are_thirty_of_each():
    assert len(redteam.CHEATS) >= 30 and len(redteam.HONEST) >= 30
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_redteam(outcomes, case):
    outcome = outcomes[case]
    assert outcome.good, f"{outcome.got}, expected {case.expect} {case.because} {case.confirmed}: {outcome.detail}"


def check_row(outcomes, row, least):
    cases = [case for case in redteam.CHEATS if case.row == row]
    assert len(cases) >= least
    assert not [case.name for case in cases if not outcomes[case].good]
    return [outcomes[case] for case in cases]


def test_reliability_12_protected_files_are_restored_and_verified(outcomes):
    for outcome in check_row(outcomes, 12, 9):
        assert outcome.got.startswith("violation/") or outcome.got == lab.VOID


def test_reliability_13_a_claimed_metric_does_not_count(outcomes):
    assert all(outcome.got == lab.VOID for outcome in check_row(outcomes, 13, 4))


def test_reliability_14_the_future_does_not_leak(outcomes):
    assert all(outcome.got == "violation/future leak" for outcome in check_row(outcomes, 14, 12))


def test_reliability_15_a_tuned_seed_is_found_out(outcomes):
    check_row(outcomes, 15, 3)


def test_reliability_13_a_self_reported_metric_is_shown_as_such(tmp_path, can_sandbox):
    """Where the manifest believes the run, every result says so; where it does not, the same lines count for nothing."""
    manifest = {"aire": 1, "name": "claims", "goal": "g", "files": {"editable": ["work.sh"], "protected": ["judge.sh"]},
                "run": {"command": ["sh", "work.sh"], "timeout_s": 10},
                "metric": {"name": "score", "direction": "maximize", "stage": "run", "trust": "self_reported",
                           "pattern": "score:", "valid": [0, 100]}}
    guarded = {**manifest, "evaluate": {"command": ["sh", "judge.sh"], "timeout_s": 10},
               "metric": {"name": "score", "direction": "maximize", "stage": "evaluate", "trust": "evaluated", "valid": [0, 100]}}
    for name, content in (("believed", manifest), ("guarded", guarded)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "aire.json").write_text(json.dumps(content))
        (tmp_path / name / "work.sh").write_text("echo 'score: 99'\n")
        (tmp_path / name / "judge.sh").write_text("echo '{\"metrics\": {\"score\": 7}}' >&$AIRE_REPORT_FD\n")
    with aire.Context(seed=1) as ctx:
        got = []
        for name in ("believed", "guarded"):
            with aire.Environment(ctx, tmp_path / name) as env, aire.Store(ctx, tmp_path / f"{name}.aire") as store:
                executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, workers=1)
                executor.submit()
                result = executor.next(timeout=60)
                got.append((result.reward, result.trust, result.to_dict(ctx)["trust"]))
                executor.close()
    assert got == [(99, "self_reported", "self_reported"), (7, "evaluated", "evaluated")]


def test_reliability_15_selected_noise_does_not_survive_confirmation(tmp_path, can_sandbox):
    """Patches that differ in nothing but what they make of the seed: the best of twelve is lucky, and its confirmation says so."""
    environment = shutil.copytree(lab.ENVIRONMENTS["chars"], tmp_path / "chars")
    with aire.Context(seed=1) as ctx, aire.Environment(ctx, environment) as env, aire.Store(ctx, tmp_path / "s.aire") as store:
        executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, workers=2)
        for seed in (1, 2, 3):
            executor.submit(seed=seed)
        baseline = [result.reward for result in executor.results()]
        for number in range(1, 13):
            case = lab.Case("chars", "a seed of its own", (("model.py", "random.Random(seed)", f"random.Random(seed * 1000 + {number})"),))
            executor.submit(aire.Idea(ctx, f"seed {number}", patch=aire.Patch(ctx, lab.diff_of(case))))
        best = max(executor.results(), key=lambda result: result.reward)
        selected = best.reward - sum(baseline) / len(baseline)
        fresh = list(range(301, 311))
        executor.confirm(best.idea, fresh)
        confirmations = list(executor.results())
        found = store.confirmation(best.idea.id)
        executor.close()
        assert {result.seed for result in confirmations} == set(fresh)  # set from outside, and fresh
        assert len({result.reward for result in confirmations if result.kind == "confirm"}) == 10
        assert selected > 0
        assert found.gain < selected / 2 and found.p > 0.05, (selected, found)


def test_chars__no_pass_shows_what_is_to_be_predicted(tmp_path):
    """So that no channel between passes is of use."""
    shutil.copytree(lab.ENVIRONMENTS["chars"], tmp_path / "judge")
    (tmp_path / "passes").mkdir()
    subprocess.run([sys.executable, "evaluate.py"], cwd=tmp_path / "judge", check=True, timeout=60,
                   env={"AIRE_PHASE": "pose", "AIRE_PASSES": str(tmp_path / "passes")})
    secret = json.loads((tmp_path / "judge/posed.json").read_text())
    for number, posed in enumerate(secret["passes"]):
        sequences = json.loads((tmp_path / f"passes/{number}").read_text())["sequences"]
        shown = [(sequences[at][secret["places"][i] + 1], secret["targets"][i]) for at, i in enumerate(posed["order"])]
        assert sum(after == target for after, target in shown) < len(shown) / 8
