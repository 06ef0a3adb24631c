#!/usr/bin/env python3
"""Kill a search at every named write point and at random moments; resumed, it ends as if nothing had happened.

usage: crash.py CRASH_HOST ENVIRONMENT [PLAUSIBLE]      prints TAP
PLAUSIBLE is JSON for the manifest's `plausible`, so that there are suspect runs, each with its re-run. CRASH_KILLS in the environment is the number of random kills, default 100.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

from crash_search import Search, await_nothing_left, generator

kills = int(os.environ.get("CRASH_KILLS", "100"))
root = pathlib.Path(tempfile.mkdtemp(prefix="aire-crash-"))
suspicious = len(sys.argv) > 3
count = failures = 0


def environment():
    """The given one, or a copy of it with rules."""
    if not suspicious:
        return sys.argv[2]
    copy = shutil.copytree(sys.argv[2], root / "env")
    manifest = json.loads((copy / "aire.json").read_text())
    manifest["plausible"] = json.loads(sys.argv[3])
    (copy / "aire.json").write_text(json.dumps(manifest))
    return copy


search = Search(sys.argv[1], environment())


def check(name, problem):
    global count, failures
    count += 1
    failures += bool(problem)
    for line in (problem or "").splitlines():
        print("#", line)
    print("not ok" if problem else "ok", count, "-", name, flush=True)


def skip(name, reason):
    global count
    count += 1
    print("ok", count, "-", name, "# SKIP", reason, flush=True)


def compare(store, expected):
    """Resume until done, and compare the finished runs with those of an uninterrupted search."""
    code, out, err = search.finish(store)
    if code != 0:
        return f"exit code {code}: {err}"
    if sorted(out.splitlines()) != expected:
        return "finished runs differ:\n" + "\n".join(sorted(set(out.splitlines()) ^ set(expected)))
    return await_nothing_left(store)


def kill_at_points(expected):
    for index, point in enumerate(search.points()):
        store, problem, reached = root / f"point{index}", "", 0
        for nth in ("1", "2"):
            code, _, err = search.finish(store, point, nth)
            if code == -9:
                reached += 1
                problem = problem or await_nothing_left(store)
            elif code != 0:
                problem = problem or f"exit code {code}: {err}"
        if not reached and not problem:
            skip(f"killed at {point}", "this search never passes it; the store's own test does")
            continue
        check(f"killed at {point} ({reached} times)", problem or compare(store, expected))


def kill_at_random(expected, duration):
    moments, done, searches, problem = generator(), 0, 0, ""
    while done < kills and not problem:
        store = root / f"random{searches}"
        searches += 1
        for _ in range(moments.randrange(2, 8)):
            done += search.kill_at_random(store, moments, duration)
            problem = problem or await_nothing_left(store)
        problem = problem or compare(store, expected)
    check(f"killed at {done} random moments in {searches} searches", problem)


def main():
    code, expected, err, duration = search.whole(root / "whole")
    if code == 77:
        print("1..0 # SKIP", err.strip())
        return 0
    check("an uninterrupted search ends", "" if code == 0 and len(expected) > 8 else f"{code}: {expected}{err}")
    if suspicious:
        again = sum(line.startswith("recheck ") for line in expected)
        check(f"{again} runs were suspect, and run again", "" if again > 2 else f"{expected}")
    if not failures:
        kill_at_points(expected)
        kill_at_random(expected, duration)
    print(f"1..{count}")
    return 1 if failures else 0


try:
    sys.exit(main())
finally:
    shutil.rmtree(root, ignore_errors=True)
