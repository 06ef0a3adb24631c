"""The cases of the patch benchmark, a few of each kind: nothing is applied in another way than it was meant."""
import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT

BUILD = os.environ.get("AIRE_BENCH_PATCH")


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    if not BUILD:
        pytest.skip("AIRE_BENCH_PATCH names no program")
    path = tmp_path_factory.mktemp("patch") / "figures.json"
    done = subprocess.run([sys.executable, ROOT / "tests" / "bench" / "patch.py", BUILD, "--quick", "--no-peers", "--no-speed",
                           "--failures", "--json", path], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    figures = json.loads(path.read_text())
    figures["report"] = done.stdout
    return figures


def test_there_are_enough_kinds(figures):
    assert len(figures["kinds"]) > 150
    assert all(kind["all"] >= 8 for kind in figures["kinds"].values())


def of_forms(figures, *forms):
    return [kind for name, kind in figures["kinds"].items() if name.split(".")[0] in forms]


def check(figures, forms, rates):
    """Nothing of these forms is applied in another way than meant, or taken as applied without a change."""
    kinds = of_forms(figures, *forms)
    assert kinds
    assert sum(kind.get("wrong", 0) for kind in kinds) == 0, figures["report"][-20000:]
    assert sum(kind.get("silent", 0) for kind in kinds) == 0, figures["report"][-20000:]
    for name, least in rates.items():
        assert figures[name] >= least, figures["report"][-20000:]


def test_row_10_malformed_unified_diffs(figures):
    check(figures, ["unified"], {"unified_correct": 0.95})


def test_row_11_malformed_blocks_and_files(figures):
    check(figures, ["blocks", "whole"], {"blocks_correct": 0.90, "whole_correct": 0.90})


def test_what_must_not_be_applied_is_refused(figures):
    assert figures["rightly_refused"] == 1, figures["report"][-20000:]


def test_undamaged_patches_are_applied(figures):
    assert figures["kinds"]["unified.clean"]["as_meant"] == figures["kinds"]["unified.clean"]["all"]
