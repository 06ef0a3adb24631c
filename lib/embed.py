#!/usr/bin/env python3
"""A text file as a C string.

usage: embed.py OUTPUT FILE HEADER NAME
"""
import pathlib
import sys

output, source, header, name = sys.argv[1:]
escapes = {"\\": "\\\\", '"': '\\"', "?": "\\?", "\n": "\\n"}
lines = pathlib.Path(source).read_text(encoding="utf-8").splitlines(keepends=True)
literal = "\n".join('    "' + "".join(escapes.get(c, c) for c in line) + '"' for line in lines)
pathlib.Path(output).write_text(f'#include "{header}"\n\nconst char {name}[] =\n{literal};\n', encoding="utf-8")
