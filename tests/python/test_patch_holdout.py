"""Answers of many models' manners, written by hand apart from the benchmark and from the engine: a hold-out set.

tests/data/patch_holdout/*.json has the cases. `expect` lists all outcomes that are right: what the files then are (as splices of their
lines: from line, lines removed, lines put there; whole text for a new file; null for one that is removed), "refuse" or "nochange".
known.json names the cases that do not come out so yet, each with the reason.
"""
import json
import re

import pytest

import aire
from conftest import ROOT

DATA = ROOT / "tests" / "data" / "patch_holdout"
KNOWN = json.loads((DATA / "known.json").read_text(encoding="utf-8"))
TEXTS = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))
CASES = [case for path in sorted(DATA.glob("*.json")) if path.stem not in ("known", "texts")
         for case in json.loads(path.read_text(encoding="utf-8"))]
BY_NAME = {case["name"]: case for case in CASES}
REFUSALS = {"patch failed": "refuse", "violation": "refuse", "no change": "nochange"}


def before(case):
    return {path: TEXTS[text[1:]] if text.startswith("@") and text[1:] in TEXTS else text for path, text in case["files"].items()}


def spliced(text, splices):
    lines = text.split("\n")
    for start, count, new in reversed(splices):
        lines[start - 1:start - 1 + count] = new
    return "\n".join(lines)


def wanted(case):
    files = before(case)
    for expected in case["expect"]:
        if isinstance(expected, str):
            yield expected
        else:
            yield {path: spliced(files[path], what) if isinstance(what, list) else what for path, what in expected.items()}


def applied(case):
    """What becomes of it: new texts by path, or a word; and the message."""
    with aire.Context() as ctx:
        done = aire.apply_patch(ctx, case["answer"], before(case), protected=case.get("protected", []), creatable=case.get("create", []))
        if done.outcome != "ok":
            return REFUSALS[done.outcome], done.message
        return {path: data if data is None else data.decode() for path, data in done.files.items()}, done.message


def verdict(case):
    got, message = applied(case)
    if got in list(wanted(case)):
        return "right", message
    if isinstance(got, str):
        return "refused", message
    return "wrong", json.dumps(got, ensure_ascii=False)[:2000]


@pytest.mark.parametrize("name", list(BY_NAME))
def test_it_is_applied_as_meant_or_refused(name):
    found, detail = verdict(BY_NAME[name])
    if name in KNOWN:
        assert found != "right", "it comes out right now: take it out of known.json"
        pytest.xfail(KNOWN[name])
    assert found == "right", detail


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in KNOWN])
def test_a_refusal_says_something(name):
    got, message = applied(BY_NAME[name])
    assert (message == "") == isinstance(got, dict)
    assert "\0" not in message and len(message) < 8000
    assert not re.search(r"\(null\)|%[sdz]", message)


def test_most_are_applied():
    """Many cases allow a refusal; refusing them all would be no answer."""
    able = [case for case in CASES if any(isinstance(expected, dict) for expected in case["expect"]) and case["name"] not in KNOWN]
    count = sum(isinstance(applied(case)[0], dict) for case in able)
    assert count >= 0.7 * len(able), f"{count} of {len(able)}"


def test_known_failures_are_cases():
    assert not set(KNOWN) - set(BY_NAME)
