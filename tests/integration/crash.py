#!/usr/bin/env python3
"""Kill a search at every named write point and at random moments; resumed, it ends as if nothing had happened.

usage: crash.py CRASH_HOST ENVIRONMENT      prints TAP
CRASH_KILLS in the environment is the number of random kills, default 100.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

host, environment = sys.argv[1:3]
kills = int(os.environ.get("CRASH_KILLS", "100"))
root = pathlib.Path(tempfile.mkdtemp(prefix="aire-crash-"))
count = failures = 0


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


def start(store, *fault):
    return subprocess.Popen([host, environment, str(store), *fault], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def finish(store, *fault):
    """Run to the end (or to the fault); the exit code and what it printed."""
    process = start(store, *fault)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def left_over(store):
    """Processes that still have the store's work directory in their command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{store}.work" in line:
                found.append(line)
    return found


def await_nothing_left(store):
    for _ in range(200):
        if not left_over(store):
            return ""
        time.sleep(0.01)
    return "left running: " + "; ".join(left_over(store))


def compare(store, expected):
    """Resume until done, and compare the finished runs with those of an uninterrupted search."""
    code, out, err = finish(store)
    if code != 0:
        return f"exit code {code}: {err}"
    if sorted(out.splitlines()) != expected:
        return "finished runs differ:\n" + "\n".join(sorted(set(out.splitlines()) ^ set(expected)))
    return await_nothing_left(store)


def kill_at_points(expected):
    points = subprocess.run([host, "--points"], capture_output=True, text=True, check=True).stdout.split()
    for index, point in enumerate(points):
        store, problem, reached = root / f"point{index}", "", 0
        for nth in ("1", "2"):
            code, _, err = finish(store, point, nth)
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
    generator, done, search, problem = random.Random(1), 0, 0, ""
    while done < kills and not problem:
        store = root / f"random{search}"
        search += 1
        for _ in range(generator.randrange(2, 8)):
            process = start(store)
            try:
                process.wait(timeout=generator.uniform(0.005, duration))
            except subprocess.TimeoutExpired:
                process.kill()
                done += 1
            process.communicate()
            problem = problem or await_nothing_left(store)
        problem = problem or compare(store, expected)
    check(f"killed at {done} random moments in {search} searches", problem)


def main():
    began = time.monotonic()
    code, out, err = finish(root / "whole")
    duration = time.monotonic() - began
    if code == 77:
        print("1..0 # SKIP", err.strip())
        return 0
    expected = sorted(out.splitlines())
    check("an uninterrupted search ends", "" if code == 0 and len(expected) > 8 else f"{code}: {out}{err}")
    if not failures:
        kill_at_points(expected)
        kill_at_random(expected, duration)
    print(f"1..{count}")
    return 1 if failures else 0


try:
    sys.exit(main())
finally:
    shutil.rmtree(root, ignore_errors=True)
