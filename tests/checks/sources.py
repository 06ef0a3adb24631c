#!/usr/bin/env python3
"""The conventions of the code that a script can see.

Banned calls in the library, functions and files that are too long, public symbols without @since,
header guards, tabs and trailing space, file endings.
usage: sources.py SOURCE_ROOT
"""
import pathlib
import re
import sys

from tap import Tap

root = pathlib.Path(sys.argv[1])
FUNCTION_MAX = 100
FILE_MAX = 1500

BANNED = """malloc calloc realloc free strdup strndup strcpy strcat sprintf vsprintf gets strtok atoi atol
atof rand srand random system popen exit _exit abort printf puts putchar fprintf perror setlocale
signal sigaction chdir umask setenv putenv unsetenv getenv fork alloca""".split()
# Where a banned call is right, and why.
ALLOWED = {
    ("lib/base/context.c", "malloc"), ("lib/base/context.c", "realloc"),
    ("lib/base/context.c", "free"),     # the default allocator
    ("lib/base/process.c", "_exit"),    # in the child, when exec failed
    ("lib/base/process.c", "sigaction"),  # in the child, which must not inherit the host's handlers
}
PROGRAMS = ("lib/worker/", "lib/job/")  # a process of its own may exit and print


def sources(*folders):
    for folder in folders:
        yield from sorted(p for p in (root / folder).rglob("*") if p.suffix in (".c", ".h", ".cu"))


def without_comments(text):
    """Comments and string contents blanked, line numbers kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def banned_calls():
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in sources("lib", "kernels"):
        name = str(path.relative_to(root))
        if name.startswith(PROGRAMS):
            continue
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            for call in pattern.findall(line):
                if (name, call) not in ALLOWED:
                    yield f"{name}:{number}: {call}()"


def long_functions():
    """In this style a function's body begins and ends with a brace in the first column."""
    for path in sources("lib", "kernels", "examples"):
        start = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_MAX:
                    yield f"{path.relative_to(root)}:{start}: {number - start - 1} lines"
                start = None


def long_files():
    for path in sources("lib", "kernels", "include", "examples", "tests"):
        count = path.read_text().count("\n")
        if count > FILE_MAX:
            yield f"{path.relative_to(root)}: {count} lines"


def undocumented():
    """Every AIRE_API declaration follows a comment that has @since."""
    for path in sources("include"):
        text = path.read_text()
        for match in re.finditer(r"^AIRE_API\b", text, re.M):
            before = text[:match.start()].rstrip()
            comment = before[before.rfind("/**"):] if before.endswith("*/") else ""
            if "@since" not in comment:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path.relative_to(root)}:{line}: no comment with @since"


def guards():
    for path in sources("include", "lib", "kernels"):
        if path.suffix == ".h" and not re.search(r"#ifndef (\w+)\n#define \1\n", path.read_text()):
            yield f"{path.relative_to(root)}: no include guard"


def untidy():
    for path in sources("include", "lib", "kernels", "examples", "tests"):
        text = path.read_text()
        if text and not text.endswith("\n"):
            yield f"{path.relative_to(root)}: no newline at the end"
        for number, line in enumerate(text.splitlines(), 1):
            if "\t" in line or line != line.rstrip() or "\u200b" in line:
                yield f"{path.relative_to(root)}:{number}: tab, trailing or invisible space"


tap = Tap()
tap.check("no banned call in the library", banned_calls())
tap.check(f"no function over {FUNCTION_MAX} lines", long_functions())
tap.check(f"no file over {FILE_MAX} lines", long_files())
tap.check("every public function says @since", undocumented())
tap.check("every header has a guard", guards())
tap.check("no untidy white space", untidy())
tap.done()
