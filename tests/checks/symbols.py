#!/usr/bin/env python3
"""What the headers declare, what the version scripts list, and what the libraries export is one set.

usage: symbols.py SOURCE_ROOT LIBAIRE LIBAIRE_TRAIN    check
       symbols.py SOURCE_ROOT --write                  write the version scripts anew
"""
import pathlib
import re
import subprocess
import sys

from tap import Tap

root = pathlib.Path(sys.argv[1])
NODES = {"libaire.map": "AIRE_0.1", "libaire-train.map": "AIRE_TRAIN_0.1"}
BASE = {"api", "cancel", "context", "error", "status"}


def train_headers():
    """The engine's headers: train.h and what it includes, and the base room's."""
    text = (root / "include/aire/train.h").read_text()
    return BASE | set(re.findall(r'#include "aire/(\w+)\.h"', text))


def declared(header):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return set(re.findall(r"\bAIRE_API\b[^;{]*?\b(aire_\w+)\s*\(", text))


def declarations():
    sets = {name: set() for name in NODES}
    train = train_headers()
    for header in (root / "include/aire").glob("*.h"):
        name = "libaire-train.map" if header.stem in train else "libaire.map"
        sets[name] |= declared(header)
    return sets


def listed(script):
    text = (root / "lib" / script).read_text()
    body = re.search(r"global:(.*?)local:", text, re.S).group(1)
    return set(re.findall(r"(\w+);", body))


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], text=True, check=True,
                           capture_output=True).stdout.splitlines()
    return {line.split()[2].split("@")[0] for line in lines if line.split()[1] != "A"}


def needed(library):
    text = subprocess.run(["readelf", "-d", library], text=True, check=True,
                          capture_output=True).stdout
    return set(re.findall(r"NEEDED.*\[(.*?)\]", text))


def write():
    for script, names in declarations().items():
        lines = "".join(f"    {name};\n" for name in sorted(names))
        (root / "lib" / script).write_text(
            f"{NODES[script]} {{\n  global:\n{lines}  local:\n    *;\n}};\n")


def difference(first, second, first_name, second_name):
    for name in sorted(first - second):
        yield f"{name} is in {first_name} but not in {second_name}"
    for name in sorted(second - first):
        yield f"{name} is in {second_name} but not in {first_name}"


def allowed(name, library):
    common = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
              "libjansson.so.4", "libgcc_s.so.1"}
    loop = {"libaire-train.so.0", "libcurl.so.4", "libarchive.so.13", "libsqlite3.so.0", "libseccomp.so.2"}
    sanitizers = re.match(r"lib(asan|ubsan|tsan)\.so", library)
    return library in common or sanitizers or (name == "libaire.map" and library in loop)


def main():
    if sys.argv[2] == "--write":
        return write()
    libraries = dict(zip(NODES, sys.argv[2:4]))
    tap = Tap()
    for script, names in declarations().items():
        tap.check(f"{script}: headers and version script",
                  difference(names, listed(script), "the headers", script))
        symbols = exported(libraries[script])
        tap.check(f"{script}: version script and library",
                  difference(listed(script), symbols, script, "the library"))
        tap.check(f"{script}: every exported symbol begins with aire_",
                  sorted(s for s in symbols if not s.startswith("aire_") or s.startswith("aire__")))
        tap.check(f"{script}: links only what it may",
                  sorted(n for n in needed(libraries[script]) if not allowed(script, n)))
    tap.done()


main()
