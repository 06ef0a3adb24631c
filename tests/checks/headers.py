#!/usr/bin/env python3
"""Each public header compiles by itself, twice, as C11 and as C++11, without a warning.

usage: headers.py SOURCE_ROOT CC CXX
"""
import pathlib
import subprocess
import sys

from tap import Tap

root, cc, cxx = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
strict = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", str(root / "include")]
languages = {
    "C11": [cc, "-x", "c", "-std=c11", "-Wstrict-prototypes", "-Wc++-compat"],
    "C++11": [cxx, "-x", "c++", "-std=c++11"],
}
tap = Tap()
for header in sorted((root / "include/aire").glob("*.h")):
    source = f'#include "aire/{header.name}"\n' * 2
    for language, command in languages.items():
        run = subprocess.run(command + strict + ["-"], input=source, text=True, capture_output=True)
        tap.check(f"{header.name} as {language}", run.stderr.splitlines() if run.returncode else [])
tap.done()
