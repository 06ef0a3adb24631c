#!/usr/bin/env python3
"""Text files as C strings.

usage: embed.py OUTPUT FILE ...
"""
import pathlib
import sys


def literal(text):
    escapes = {"\\": "\\\\", '"': '\\"', "?": "\\?"}
    for line in text.splitlines(keepends=True):
        body = "".join(escapes.get(c, c) for c in line.rstrip("\n"))
        yield f'    "{body}{chr(92)}n"' if line.endswith("\n") else f'    "{body}"'


with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write('#include "prompt/builtin.h"\n')
    for path in map(pathlib.Path, sys.argv[2:]):
        lines = "\n".join(literal(path.read_text(encoding="utf-8")))
        out.write(f"\nconst char aire__template_{path.stem}[] =\n{lines};\n")
