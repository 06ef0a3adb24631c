#!/usr/bin/env python3
"""What others make of the cases of the patch benchmark.

usage: patch_peers.py PEER <CASES >OUTCOMES      PEER: paper, git, openevolve, shinka

paper       the way of arXiv 2601.14525: hunk headings are counted afresh, files are found by the last part of their
            names, then `patch -p0`
git         `git apply --recount`
openevolve  the applier of search/replace blocks of the package openevolve; a file at a time
shinka      that of shinka-evolve, the whole file being one that may change

All are given what stands in the code fences of an answer, or the whole answer where it has none.
"""
import concurrent.futures
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import types

UNIFIED, BLOCKS = ("paper", "git"), ("openevolve", "shinka")
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "GIT_CEILING_DIRECTORIES": "/", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere"}


def diff_of(answer):
    """What a reader of ```diff fences takes from an answer."""
    fences = re.findall(r"^```(?:diff|patch)[^\n]*\n(.*?)^```", answer, re.M | re.S) or \
        re.findall(r"^```[^\n]*\n(.*?)^```", answer, re.M | re.S)
    return "".join(fences) or answer


def recounted(text, known):
    """Counts of hunks as their lines are, and names of files that are there."""
    lines, out = text.split("\n"), []
    if lines and not lines[-1]:
        lines.pop()
    for at, line in enumerate(lines):
        name = re.match(r"(---|\+\+\+) (\S+)", line)
        heading = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)", line)
        if name and name.group(2) != "/dev/null":
            path = re.sub("^[ab]/", "", name.group(2))
            out.append(f"{name.group(1)} {path if path in known.values() else known.get(path.split('/')[-1], path)}")
        elif heading:
            old = new = 0
            for body in lines[at + 1:]:
                if body.startswith(("@@", "--- ", "diff ")):
                    break
                old += body[:1] in ("", " ", "-")
                new += body[:1] in ("", " ", "+")
            out.append(f"@@ -{heading.group(1)},{old} +{heading.group(2)},{new} @@{heading.group(3)}")
        else:
            out.append(line)
    return "\n".join(out) + "\n"


def tree_of(directory):
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read().decode("utf-8", "replace")
    return found


def run_program(argv, text, files):
    with tempfile.TemporaryDirectory(prefix="aire-bench-") as directory:
        for path, content in files.items():
            os.makedirs(os.path.dirname(os.path.join(directory, path)), exist_ok=True)
            with open(os.path.join(directory, path), "wb") as file:
                file.write(content.encode())
        done = subprocess.run(argv, input=text.encode(), cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=ENVIRONMENT, check=False, timeout=60)
        message = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            return {"outcome": "refused", "files": {}, "message": message}
        after = tree_of(directory)
    changed = {path: text for path, text in after.items() if files.get(path) != text and not path.endswith(".orig")}
    changed.update({path: None for path in files if path not in after})
    return {"outcome": "ok", "files": changed, "message": message}


def apply_paper(files, answer):
    known = {path.split("/")[-1]: path for path in files}
    return run_program(["patch", "-p0", "--batch", "--forward", "--no-backup-if-mismatch"], recounted(diff_of(answer), known), files)


def apply_git(files, answer):
    text = diff_of(answer)
    plain = not re.search(r"^(---|\+\+\+) [ab]/", text, re.M)
    return run_program(["git", "apply", "--recount", "-p0" if plain else "-p1", "-"], text, files)


def blocks_applier(peer, applier):
    def apply(files, answer):
        changed = {}
        text = applier(files["file"], answer)
        if text is None:
            return {"outcome": "refused", "files": {}, "message": ""}
        if text != files["file"]:
            changed["file"] = text
        return {"outcome": "ok", "files": changed, "message": ""}
    return apply


def openevolve_applier():
    from openevolve.utils.code_utils import apply_diff, extract_diffs
    return lambda original, answer: apply_diff(original, answer) if extract_diffs(answer) else None


def shinka_applier():
    """Its modules of edits alone: what the package imports at its top is not needed for them."""
    spec = importlib.util.find_spec("shinka")
    top = spec.submodule_search_locations[0]
    for name in ("shinka", "shinka.edit", "shinka.utils"):
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(top, *name.split(".")[1:])]
        sys.modules[name] = module
    from shinka.edit.apply_diff import apply_diff_patch

    def apply(original, answer):
        start, end = "# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-END\n"
        text, count, _, error, _, _ = apply_diff_patch(answer, original_str=start + original + end, language="python",
                                                       verbose=False)
        if error or not count:
            return None
        lines = text.split("\n")
        first, last = (next((i for i, line in enumerate(lines) if line == mark.strip()), None) for mark in (start, end))
        return "\n".join(lines[first + 1:last]) + "\n" if first is not None and last is not None else text
    return apply


def applier_of(peer):
    if peer in UNIFIED:
        return {"paper": apply_paper, "git": apply_git}[peer]
    return blocks_applier(peer, openevolve_applier() if peer == "openevolve" else shinka_applier())


def main():
    # A file beside this one has a peer's name, so its directory must not be looked in.
    sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
    peer, bases, cases = sys.argv[1], {}, []
    apply = applier_of(peer)
    for text in sys.stdin:
        line = json.loads(text)
        if "base" in line:
            bases[line["base"]] = line["files"]
        elif peer in UNIFIED and line["form"] == "unified":
            cases.append((line["id"], bases[line["on"]], line["answer"]))
        elif peer in BLOCKS and line["form"] == "blocks" and line["single"]:
            cases.append((line["id"], {"file": bases[line["on"]][line["single"]]}, line["answer"]))
    with concurrent.futures.ThreadPoolExecutor(2 if peer in UNIFIED else 1) as pool:
        for case, outcome in zip(cases, pool.map(lambda case: apply(case[1], case[2]), cases)):
            print(json.dumps({"id": case[0], **outcome}))


if __name__ == "__main__":
    main()
