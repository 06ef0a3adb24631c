#!/usr/bin/env python3
"""An include may only point down: each room names the rooms that it may see.

usage: layers.py SOURCE_ROOT
"""
import pathlib
import re
import sys

from tap import Tap

root = pathlib.Path(sys.argv[1])

# room: rooms whose headers it may include, beside its own and base
MAY_SEE = {
    "base": set(),
    "record": set(),
    "stats": set(),
    "net": set(),
    "bundle": set(),
    "patch": {"record"},
    "grade": set(),
    "tensor": {"kernels"},
    "sandbox": set(),
    "worker": {"sandbox"},
    "store": {"record", "bundle", "patch"},
    "env": {"record"},
    "model": {"net", "stats", "record"},
    "train": {"tensor"},
    "prompt": {"env", "record", "patch"},
    "ideator": {"model", "prompt", "patch", "train", "env", "record", "stats"},
    "executor": {"env", "patch", "sandbox", "bundle", "store", "model", "prompt", "stats", "record"},
    "job": {"executor", "env", "patch", "sandbox", "record"},
    "searcher": {"store", "record", "stats"},
    "kernels": set(),
}
# public header: the room that implements it
PUBLIC = {
    "api": "base", "cancel": "base", "context": "base", "error": "base", "status": "base",
    "plan": "record", "idea": "record", "patch": "record", "result": "record",
    "model_call": "record", "stats": "stats", "env": "env", "prompt": "prompt", "sandbox": "sandbox",
    "confirm": "executor", "slurm": "executor", "store": "store", "draft": "store", "completion": "store", "model": "model", "budget": "model", "ensemble": "model", "embedding": "model", "ideator": "ideator", "executor": "executor",
    "searcher": "searcher", "tensor": "tensor",
}
# third-party header: the only rooms that may include it
ONLY_IN = {"curl/": {"net"}, "archive": {"bundle"}, "sqlite3": {"store"}, "seccomp": {"sandbox"},
           "cuda": set(), "cudnn": set()}
# seams: what a room's contract takes from a room beside it
SEAMS = {("env", "sandbox")}  # a step's limits are a sandbox's limits


def rooms():
    for room in sorted((root / "lib").iterdir()):
        if room.is_dir():
            yield room.name, sorted(room.rglob("*.[ch]"))
    yield "kernels", sorted((root / "kernels").rglob("*.[ch]"))


def findings(room, path):
    allowed = MAY_SEE.get(room, set()) | {room, "base"}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, target = match.groups()
        where = f"{path.relative_to(root)}:{number}: includes {target}"
        if quote == "<":
            for prefix, places in ONLY_IN.items():
                if target.startswith(prefix) and room not in places:
                    yield where
            continue
        first, _, rest = target.partition("/")
        stem = rest.removesuffix(".h")
        owner = PUBLIC.get(stem, "train") if first == "aire" else first
        if owner not in allowed and (room, owner) not in SEAMS:
            yield where


tap = Tap()
for room, files in rooms():
    tap.check(f"{room} includes only what is below it",
              [line for path in files for line in findings(room, path)])
tap.done()
