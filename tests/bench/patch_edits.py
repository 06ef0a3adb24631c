#!/usr/bin/env python3
"""Edits for the patch benchmark: realistic changes to our own files, made by rules from a fixed seed.

An edit is what a patch means: the files before and after it. Nothing here knows how a patch is written or damaged.
The files are kept as they once were, in tests/data/patch_corpus.json, so that figures of different versions compare.

usage: patch_edits.py      take the files as they are now
"""
import functools
import json
import pathlib
import random
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "data" / "patch_corpus.json"
SEED = 5

# Small environments: files that are edited, and one that no patch may touch.
GROUPS = {
    "c": [
        (["lib/base/buf.c", "lib/base/str.c", "lib/store/plans.c", "lib/env/reader.c"], "lib/base/process.c"),
        (["lib/net/sse.c", "lib/net/transfer.c", "lib/record/plan.c", "lib/bundle/bundle.c"], "lib/net/redact.c"),
        (["lib/train/loader.c", "lib/train/safetensors.c", "kernels/cpu/softmax.c", "kernels/cpu/norm.c"],
         "lib/train/shard_writer.c"),
        (["lib/searcher/evolution.c", "lib/searcher/past.c", "lib/stats/early_stop.c", "lib/tensor/op_rows.c"],
         "lib/searcher/best_of_n.c"),
    ],
    "python": [
        (["bindings/python/aire/context.py", "bindings/python/aire/executor.py", "bindings/python/aire/model.py",
          "bindings/python/aire/records.py"], "bindings/python/aire/errors.py"),
        (["bindings/python/gen_abi.py", "bindings/python/aire/_call.py", "bindings/python/aire/_handle.py",
          "bindings/python/aire/ideator.py"], "bindings/python/aire/_lib.py"),
        (["tests/fake_chat.py", "tests/fault_server.py", "tests/bench/kills.py", "tests/bench/openevolve.py"],
         "tests/count.py"),
        (["tests/python/test_loop.py", "tests/python/test_executor.py", "tests/integration/slurm_test.py",
          "tests/support/slurm.py"], "tests/python/conftest.py"),
    ],
    "shell": [
        (["tests/run.sh", "examples/packages.sh", "examples/envs/shell/run.sh"], "examples/envs/shell/evaluate.sh"),
        (["tests/bench/run.sh", "examples/quickstart.sh", "examples/envs/nanogpt/prepare.sh"], "examples/packages.sh"),
    ],
}

SNIPPETS = {
    "c": {
        "ext": ".c", "ends": (";",), "note": "/* {} */",
        "blocks": [
            ["if (count == 0) {", "    *out = NULL;", "    return AIRE_OK;", "}"],
            ["for (size_t i = 0; i < count; i++) {", "    total += values[i] * values[i];", "}"],
            ["if (limit > 0 && used >= limit)", "    return AIRE_LIMIT;"],
            ["double scale = 1.0 / (double)(steps + 1);", "if (scale < 1e-6)", "    scale = 1e-6;"],
        ],
        "guard": ("if (verbose) {", "}"),
        "function": ["static size_t {name}(const double *values, size_t count)", "{{", "    size_t best = 0;",
                     "    for (size_t i = 1; i < count; i++) {{", "        if (values[i] > values[best])",
                     "            best = i;", "    }}", "    return best;", "}}"],
        "import": ["#include <math.h>", "#include <limits.h>"], "argument": ["NULL", "options->scale", "flags | 1"],
    },
    "python": {
        "ext": ".py", "ends": (")", '"', "]"), "note": "# {}",
        "blocks": [
            ["if not values:", "    return None"],
            ["for index, value in enumerate(values):", "    total += value * weights[index]", "    if total > limit:",
             "        break"],
            ["try:", "    rate = float(text)", "except ValueError:", "    rate = 0.1"],
            ["warmup = max(1, steps // 20)", "scale = min(1.0, (step + 1) / warmup)"],
        ],
        "guard": ("if verbose:", None),
        "function": ["def {name}(values, weights=None):", '    """The weighted mean, or None for nothing."""',
                     "    if not values:", "        return None", "    weights = weights or [1] * len(values)",
                     "    return sum(v * w for v, w in zip(values, weights)) / sum(weights)"],
        "import": ["import math", "import itertools"], "argument": ["strict=False", "None", "scale=0.5"],
    },
    "shell": {
        "ext": ".sh", "ends": (")", '"', "'", "1"), "note": "# {}",
        "blocks": [
            ['if [ -z "$rate" ]; then', "    rate=0.1", "fi"],
            ["for step in 1 2 3; do", '    echo "step $step" >>"$log"', "done"],
            ["case $mode in", "    fast) steps=10 ;;", "    *) steps=100 ;;", "esac"],
            ['[ -r "$config" ] && . "$config"', 'scale=${scale:-1}'],
        ],
        "guard": ('if [ -n "$verbose" ]; then', "fi"),
        "function": ["{name}() {{", "    local best=0", '    for value in "$@"; do',
                     '        [ "$value" -gt "$best" ] && best=$value', "    done", '    echo "$best"', "}}"],
        "import": ["umask 022", "export LC_ALL=C"], "argument": ["--verbose", '"$extra"', "2>/dev/null"],
    },
}
NAMES = ["best_index", "pick_largest", "weighted_choice", "decay_rate", "warmup_scale", "clip_value"]
SWAPS = [(" < ", " <= "), (" > ", " >= "), (" == ", " != "), (" && ", " || "), (" and ", " or "), (" -z ", " -n "),
         (" -f ", " -e "), (" + ", " - "), (" * ", " / "), ("++", "--"), (" or ", " and "), (" is not ", " is "),
         (" -x ", " -r "), (" || ", " && ")]
KEYWORDS = set("""static const return struct size_t char double float void while break continue switch default sizeof bool
    true false NULL goto else import from class self None True False with yield lambda pass raise except finally
    local echo done esac then elif do in export case exit test shift""".split())


class Edit:
    """Files before and after; None after: deleted, not in before: created."""

    def __init__(self, language, group, name, changes):
        self.language, self.group, self.name, self.changes = language, group, name, changes


@functools.lru_cache(None)
def corpus():
    return json.loads(CORPUS.read_text())


def read(path):
    return corpus()[path]


def take_corpus():
    paths = sorted({path for groups in GROUPS.values() for editable, protected in groups for path in [*editable, protected]})
    CORPUS.write_text(json.dumps({path: (ROOT / path).read_text() for path in paths}, indent=0) + "\n")


def indent_of(line):
    return line[:len(line) - len(line.lstrip())]


def body_lines(lines):
    """Indices of lines with code in them, inside of something."""
    return [i for i, line in enumerate(lines) if line.strip() and line[0] in " \t" and len(line.strip()) > 3]


def block_at(lines, at, count):
    """Whether `count` lines from `at` are one piece: same depth or deeper, nothing blank."""
    part = lines[at:at + count]
    depth = len(indent_of(lines[at]))
    return len(part) == count and all(line.strip() and len(indent_of(line)) >= depth > 0 for line in part)


# Each takes (generator, lines, snippets) and gives the new lines, or None where it finds nothing to do.

def change_number(rng, lines, _):
    at = [i for i in body_lines(lines) if re.search(r"(?<![\w.\"])\d+(?![\w.\"])", lines[i])]
    if not at:
        return None
    i = rng.choice(at)
    new = re.sub(r"(?<![\w.\"])(\d+)(?![\w.\"])", lambda m: str(int(m.group()) * 2 + 1), lines[i], count=1)
    return lines[:i] + [new] + lines[i + 1:]


def change_condition(rng, lines, _):
    found = [(i, a, b) for i in body_lines(lines) for a, b in SWAPS if a in lines[i]]
    if not found:
        return None
    i, a, b = rng.choice(found)
    return lines[:i] + [lines[i].replace(a, b, 1)] + lines[i + 1:]


def change_string(rng, lines, _):
    at = [i for i, line in enumerate(lines) if re.search(r'"[^"]*[a-z]{4,}[^"]*"', line)]
    if not at:
        return None
    i = rng.choice(at)
    new = re.sub(r'("[^"]*?)([a-z]{4,})', lambda m: m.group(1) + m.group(2)[::-1], lines[i], count=1)
    return lines[:i] + [new] + lines[i + 1:]


def change_comment(rng, lines, snippets):
    at = [i for i, line in enumerate(lines) if re.match(r"\s*(# |/\* |\* |\"\"\")[A-Za-z]", line)
          and len(line.split()) > 4]
    if not at:
        return None
    i = rng.choice(at)
    words = lines[i].split(" ")
    where = rng.choice([k for k, word in enumerate(words) if word.isalpha()] or [len(words) - 1])
    words[where] = "roughly " + words[where]
    return lines[:i] + [" ".join(words)] + lines[i + 1:]


def add_argument(rng, lines, snippets):
    at = [i for i in body_lines(lines) if re.search(r"\w\([^()]+\)", lines[i]) or
          (snippets["ext"] == ".sh" and re.match(r"\s+[a-z]+ .*[\w\"]$", lines[i]) and lines[i].split()[-1] not in KEYWORDS)]
    if not at:
        return None
    i = rng.choice(at)
    if snippets["ext"] == ".sh":
        new = lines[i] + " " + rng.choice(snippets["argument"])
    else:
        new = re.sub(r"(\w\([^()]+)\)", lambda m: m.group(1) + ", " + rng.choice(snippets["argument"]) + ")", lines[i],
                     count=1)
    return lines[:i] + [new] + lines[i + 1:]


def rename(rng, lines, _):
    text = "\n".join(lines)
    names = sorted({name for name in re.findall(r"\b[a-z_][a-z_]{3,}\b", text) if name not in KEYWORDS
                    and 3 <= len(re.findall(rf"\b{name}\b", text)) <= 9})
    if not names:
        return None
    name = rng.choice(names)
    return re.sub(rf"\b{name}\b", rng.choice(["new_", "the_", "raw_"]) + name, text).split("\n")


def insert_block(rng, lines, snippets):
    at = [i for i in body_lines(lines) if lines[i].endswith(snippets["ends"]) and i + 1 < len(lines)]
    if not at:
        return None
    i = rng.choice(at)
    return lines[:i + 1] + [indent_of(lines[i]) + line for line in rng.choice(snippets["blocks"])] + lines[i + 1:]


def delete_lines(rng, lines, _):
    count = rng.randint(1, 4)
    at = [i for i in body_lines(lines) if block_at(lines, i, count)]
    if not at:
        return None
    i = rng.choice(at)
    return lines[:i] + lines[i + count:]


def replace_block(rng, lines, snippets):
    count = rng.randint(2, 3)
    at = [i for i in body_lines(lines) if block_at(lines, i, count)]
    if not at:
        return None
    i = rng.choice(at)
    new = [indent_of(lines[i]) + line for line in rng.choice(snippets["blocks"])]
    return lines[:i] + new + lines[i + count:]


def move_lines(rng, lines, _):
    count = rng.randint(1, 3)
    at = [i for i in body_lines(lines) if block_at(lines, i, count)]
    if not at:
        return None
    i = rng.choice(at)
    rest, part = lines[:i] + lines[i + count:], lines[i:i + count]
    to = [k for k in body_lines(rest) if 2 <= abs(k - i) <= 25 and indent_of(rest[k]) == indent_of(part[0])]
    if not to:
        return None
    k = rng.choice(to)
    return rest[:k] + part + rest[k:]


def swap_adjacent(rng, lines, _):
    at = [i for i in body_lines(lines) if block_at(lines, i, 2) and lines[i] != lines[i + 1]
          and indent_of(lines[i]) == indent_of(lines[i + 1])]
    if not at:
        return None
    i = rng.choice(at)
    return lines[:i] + [lines[i + 1], lines[i]] + lines[i + 2:]


def wrap_block(rng, lines, snippets):
    count = rng.randint(2, 4)
    at = [i for i in body_lines(lines) if block_at(lines, i, count)]
    if not at:
        return None
    i = rng.choice(at)
    lead, (opening, closing) = indent_of(lines[i]), snippets["guard"]
    inner = ["    " + line for line in lines[i:i + count]]
    return lines[:i] + [lead + opening] + inner + ([lead + closing] if closing else []) + lines[i + count:]


def add_function(rng, lines, snippets):
    gaps = [i for i in range(3, len(lines)) if lines[i] and lines[i][0] not in " \t}#)\"'" and not lines[i - 1]]
    name = rng.choice(NAMES)
    function = [line.format(name=name) for line in snippets["function"]]
    i = rng.choice(gaps + [len(lines)])
    if i == len(lines):
        return lines + [""] + function
    return lines[:i] + function + [""] + lines[i:]


def add_import(rng, lines, snippets):
    at = [i for i, line in enumerate(lines) if re.match(r"(#include|import |from \w+ import|set -)", line)]
    if not at:
        return None
    return lines[:at[-1] + 1] + [rng.choice(snippets["import"])] + lines[at[-1] + 1:]


def file_begin(rng, lines, snippets):
    new = [snippets["note"].format(rng.choice(["Tuned for short runs.", "See the notes on stability.", "Second version."]))]
    if lines[0].startswith("#!"):
        return lines[:1] + new + lines[1:]
    return new + lines


def file_end(rng, lines, snippets):
    kind = rng.randrange(4)
    if kind == 0:
        return lines + [snippets["note"].format("end of file")]
    if kind == 1:
        return lines[:-1] + [lines[-1] + "  " + snippets["note"].format("last")]
    if kind == 2:
        return lines + [""] + [line.format(name=rng.choice(NAMES)) for line in snippets["function"]]
    return lines[:-2] + [indent_of(lines[-2]) + line for line in rng.choice(snippets["blocks"])] + lines[-1:]


def repetitive(rng, lines, snippets):
    """A change of a line that the file has several times: only what is around tells which is meant."""
    counts = {}
    for line in lines:
        counts[line] = counts.get(line, 0) + 1
    at = [i for i in body_lines(lines) if counts[lines[i]] > 1 and len(lines[i].strip()) > 6]
    if not at:
        return None
    i = rng.choice(at)
    if rng.random() < 0.5:
        return lines[:i] + lines[i + 1:]
    return lines[:i] + [indent_of(lines[i]) + line for line in rng.choice(snippets["blocks"])] + lines[i + 1:]


SIMPLE = [change_number, change_condition, change_string, change_comment, add_argument, insert_block, delete_lines,
          replace_block, swap_adjacent]
OTHERS = [rename, move_lines, wrap_block, add_function, add_import, file_begin, file_end, repetitive]


def two_close(rng, lines, snippets):
    """Two changes a few lines apart."""
    first = rng.choice(SIMPLE[:5])(rng, lines, snippets)
    if not first or len(first) != len(lines):
        return None
    i = next(k for k in range(len(lines)) if first[k] != lines[k])
    for offset in (3, 4, 2, 5):
        k = i + offset
        if k < len(lines) and len(lines[k].strip()) > 6:
            return first[:k] + [indent_of(lines[k]) + rng.choice(snippets["blocks"])[0]] + first[k + 1:]
    return None


def several_hunks(rng, lines, snippets):
    """Changes in two or three distant parts of a file."""
    parts = rng.randint(2, 3)
    if len(lines) < 25 * parts:
        return None
    size, out = len(lines) // parts, []
    for part in range(parts):
        piece = lines[part * size:(part + 1) * size if part + 1 < parts else None]
        new = rng.choice(SIMPLE)(rng, piece, snippets)
        out += new if new else piece
    return out


OPERATORS = SIMPLE + OTHERS + [two_close, several_hunks, several_hunks, file_end]


def change_file(rng, path, operator, snippets):
    """The file after an operator; None where there is nothing to do."""
    before = read(path)
    after = operator(rng, before.rstrip("\n").split("\n"), snippets)
    after = "\n".join(after) + "\n" if after else None
    return (before, after) if after and after != before else None


def edits(language, count):
    """The first `count` edits of a language."""
    rng, snippets = random.Random(f"{SEED} edits {language}"), SNIPPETS[language]
    groups, out, seen = GROUPS[language], [], set()
    for turn in range(100 * count):
        if len(out) == count:
            break
        group = turn % len(groups)
        operator = OPERATORS[(turn // len(groups)) % len(OPERATORS)]
        paths = rng.sample(groups[group][0], 2 if operator in SIMPLE and rng.random() < 0.15 else 1)
        changes = {path: change_file(rng, path, operator, snippets) for path in paths}
        changes = {path: change for path, change in changes.items() if change}
        key = tuple(sorted((path, after) for path, (_, after) in changes.items()))
        if len(changes) < len(paths) or key in seen:
            continue
        seen.add(key)
        name = operator.__name__ + ("_in_files" if len(paths) > 1 else "")
        out.append(Edit(language, group, name, changes))
    return out


def new_file(rng, language):
    """The text of a file that is not there yet."""
    snippets = SNIPPETS[language]
    lines = [snippets["note"].format("Helpers of the schedule.")]
    for name in rng.sample(NAMES, 2):
        lines += [""] + [line.format(name=name) for line in snippets["function"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    take_corpus()
