#!/usr/bin/env python3
"""A controller that is killed at random moments, many times: what is lost of it, and what is done twice.

usage: kills.py CRASH_HOST ENVIRONMENT [KILLS]      AIRE_WORKER as for the tests; KILLS: default 1000

Each search is killed up to 11 times and then resumed to its end. After every kill the finished runs in the
store are compared with those that were there before, and the end with that of an uninterrupted search.
lost: a finished run that is gone, or one that never comes. duplicated: a finished run that was done
again, or one too many. left: searches that left a process running.
"""
import collections
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from crash_search import Search, await_nothing_left, generator  # noqa: E402

FINISHED = """SELECT runs.id, runs.finished_ms, results.seq, results.outcome, results.reward, results.variant
              FROM results LEFT JOIN runs ON runs.id = results.run_id"""


def finished(store, scratch):
    """The finished runs of a store that nobody has open, by number; read from a copy, as reading mends it."""
    for name in ("", "-wal"):
        copy = pathlib.Path(f"{scratch}/copy{name}")
        copy.unlink(missing_ok=True)
        if pathlib.Path(f"{store}{name}").exists():
            shutil.copyfile(f"{store}{name}", copy)
    pathlib.Path(f"{scratch}/copy-shm").unlink(missing_ok=True)
    connection = sqlite3.connect(f"{scratch}/copy")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchall():
            return {}
        return {run: rest for run, *rest in connection.execute(FINISHED)}
    finally:
        connection.close()


class Toll:
    def __init__(self):
        self.kills = self.searches = self.compared = self.lost = self.duplicated = self.left = 0

    def watch(self, before, after):
        """Finished runs stay as they are."""
        self.compared += len(before)
        for run, row in before.items():
            self.lost += run not in after
            self.duplicated += run in after and after[run] != row

    def end(self, seen, expected):
        seen, expected = collections.Counter(seen), collections.Counter(expected)
        self.lost += (expected - seen).total()
        self.duplicated += (seen - expected).total()


def kill_a_search(search, root, moments, duration, expected, toll):
    store = root / f"search{toll.searches}"
    known = {}
    toll.searches += 1
    for _ in range(moments.randrange(2, 12)):
        toll.kills += search.kill_at_random(store, moments, duration)
        toll.left += bool(await_nothing_left(store))
        after = finished(store, root) if store.exists() else {}
        toll.watch(known, after)
        known = after
    code, out, err = search.finish(store)
    if code != 0:
        sys.exit(f"kills.py: search {toll.searches} cannot be resumed after {toll.kills} kills: {err}")
    toll.watch(known, finished(store, root))
    toll.end(out.splitlines(), expected)
    for path in root.glob(f"{store.name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def main():
    search, wanted = Search(*sys.argv[1:3]), int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    toll, began = Toll(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aire-kills-") as directory:
        root = pathlib.Path(directory)
        code, expected, err, duration = search.whole(root / "whole")
        if code != 0 or len(expected) < 9:
            sys.exit(f"kills.py: an uninterrupted search ends with code {code} and {len(expected)} runs: {err}")
        moments = generator()
        while toll.kills < wanted:
            kill_a_search(search, root, moments, duration, expected, toll)
    print(f"# {toll.kills} kills in {toll.searches} searches of {len(expected)} runs, {time.monotonic() - began:.0f} s; "
          f"finished runs were looked at again {toll.compared} times")
    for name, value in (("lost", toll.lost), ("duplicated", toll.duplicated), ("left", toll.left)):
        print(f"BENCH store.{name} value={value} goal=0 unit=things kills={toll.kills} pass={'no' if value else 'yes'}")


main()
