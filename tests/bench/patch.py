#!/usr/bin/env python3
"""Patches as models write them: how many are applied as meant, and how many wrongly, beside others.

usage: patch.py BENCH_PATCH [--quick | --edits N] [--seed N] [--kind WORD] [--failures] [--no-peers] [--no-speed] [--json FILE]
                [--peer NAME=PYTHON ...]

Edits of our own files (C, Python, shell) are written down as unified diffs, as search/replace blocks or as whole files, and
damaged: each kind of damage (patch_kinds*.py) is done to N edits (40) of each language, by a fixed seed. An answer is

  as meant   if all files are then, byte for byte, what the edit makes of them. A file keeps its own ends of lines and its own
             state of the final newline, whatever the answer has, unless a diff's marker says otherwise;
  wrong      if files are changed in any other way, or at all where the answer had to be refused;
  a silent no-op   if it is taken as applied and changes nothing;
  refused    else. That is right for the kinds whose outcome is "refuse" or "nothing".

Others are compared without regard to space at the ends of lines and files, as their appliers strip it, and block appliers only on
cases of a single file.

--quick: 4 edits. --seed: of edits and dice (5); another one tells whether an applier was fitted to these very cases. --kind: kinds
whose names have the word. --failures: print what was not done as meant. --json: write figures.
"""
import argparse
import collections
import importlib
import json
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
patch_edits = importlib.import_module("patch_edits")
patch_kinds = importlib.import_module("patch_kinds")
Skip = importlib.import_module("patch_draft").Skip
importlib.import_module("patch_kinds_blocks")
importlib.import_module("patch_kinds_refuse")
importlib.import_module("patch_kinds_combined")

POOL, EDITS, QUICK = 260, 40, 4
PEERS = {"paper": "unified", "git": "unified", "openevolve": "blocks", "shinka": "blocks"}
LABELS = {"paper": "recount+patch-p0", "git": "git-apply-recount", "openevolve": "openevolve", "shinka": "shinka-evolve"}


class Cases:
    """The cases, and the files that they are applied to, each set once."""

    def __init__(self):
        self.bases, self.numbers, self.cases = [], {}, []

    def base(self, draft):
        key = json.dumps([draft.files, draft.editable], sort_keys=True)
        if key not in self.numbers:
            self.numbers[key] = len(self.bases)
            create = sorted({path.rsplit("/", 1)[0] + "/*" + draft.snippets["ext"] for path in draft.editable})
            self.bases.append({"base": len(self.bases), "files": draft.files, "editable": draft.editable, "create": create})
        return self.numbers[key]

    def add(self, kind, draft, number):
        on = self.base(draft)
        expected = {path: after for path, after in draft.after.items() if draft.files.get(path) != after}
        paths = list(draft.after)
        self.cases.append({
            "id": f"{kind['form']}.{kind['name']}/{draft.language}/{number}", "kind": f"{kind['form']}.{kind['name']}",
            "form": kind["form"], "outcome": kind["outcome"], "also": kind["also"], "language": draft.language,
            "edit": draft.edit.name, "on": on, "answer": draft.text, "expected": expected,
            "single": paths[0] if len(paths) == 1 and paths[0] in draft.files and expected.get(paths[0], "") is not None else None,
        })

    def written(self):
        return "".join(json.dumps(line) + "\n" for line in self.bases + self.cases)


def make_cases(count, word):
    cases, short = Cases(), []
    for language in patch_edits.GROUPS:
        pool = patch_edits.edits(language, POOL)
        for kind in patch_kinds.KINDS:
            if word and word not in f"{kind['form']}.{kind['name']}":
                continue
            made = 0
            for number, draft in damaged(kind, pool, language):
                cases.add(kind, draft, number)
                made += 1
                if made == count:
                    break
            if made < count:
                short.append((f"{kind['form']}.{kind['name']}", language, made))
    return cases, short


def damaged(kind, pool, language):
    """Edits with this damage, in an order of the kind's own; each again with other dice, where there are too few."""
    order = list(pool)
    random.Random(f"{patch_edits.SEED} {kind['form']} {kind['name']} {language}").shuffle(order)
    seen, number = set(), 0
    for turn in range(3):
        for at, edit in enumerate(order):
            rng = random.Random(f"{patch_edits.SEED} {kind['form']} {kind['name']} {language} {turn} {at}")
            try:
                draft = kind["draft"](edit, rng)
                kind["damage"](draft, rng)
                draft.text = draft.answer()
            except Skip:
                continue
            if draft.text not in seen:
                seen.add(draft.text)
                yield number, draft
                number += 1


def bare(text):
    return None if text is None else "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def verdict(case, outcome, exact=True):
    """as_meant, refused, wrong or silent; for kinds that are to be refused `as_meant` is a refusal."""
    files, expected = outcome["files"], case["expected"]
    if not exact:
        files = {case["single"] if path == "file" else path: bare(text) for path, text in files.items()}
        expected = {path: bare(text) for path, text in expected.items()}
    applied = outcome["outcome"] == "ok"
    if applied and not files:
        return "silent"
    if case["outcome"] == "apply":
        return ("as_meant" if files == expected else "wrong") if applied else "refused"
    if applied:
        return "as_meant" if case["also"] and files == expected else "wrong"
    return "as_meant"


def run(argv, text):
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"patch.py: {argv[0]} {argv[1]} ended with {done.returncode}")
    return {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}


def run_peers(written, pythons):
    outcomes = {}
    for peer in PEERS:
        python = pythons.get(peer, sys.executable)
        module = {"openevolve": "openevolve", "shinka": "shinka"}.get(peer)
        probe = f"import importlib.util, os, sys\nsys.path = [p for p in sys.path if p]\nassert importlib.util.find_spec({module!r})"
        if module and subprocess.run([python, "-c", probe], check=False, stderr=subprocess.DEVNULL, cwd="/").returncode:
            outcomes[peer] = None
        else:
            outcomes[peer] = run([python, str(HERE / "patch_peers.py"), peer], written)
    return outcomes


def count(cases, verdicts, chosen):
    """How many of the chosen cases, by verdict; cases without one are left out."""
    found = collections.Counter(verdicts[case["id"]] for case in cases if chosen(case) and case["id"] in verdicts)
    found["all"] = sum(found.values())
    return found


def rate(counter):
    return counter["as_meant"] / counter["all"] if counter["all"] else 0.0


def print_table(cases, results):
    """Kinds by rows; for each applier how many were as meant, and how many wrong."""
    names = list(results)
    print(f"# {'kind':45} {'right is':8} {'cases':>5}" + "".join(f" {name[:12]:>12}" for name in names) + "   (as meant; ! wrong, ~ silent no-op)")
    for kind in dict.fromkeys(case["kind"] for case in cases):
        mine = [case for case in cases if case["kind"] == kind]
        cells = []
        for name in names:
            got = count(mine, results[name], lambda case: True)
            marks = (f"!{got['wrong']}" if got["wrong"] else "") + (f"~{got['silent']}" if got["silent"] else "")
            cells.append(f"{rate(got):.2f}{marks}" if got["all"] else "-")
        print(f"# {kind:45} {mine[0]['outcome']:8} {len(mine):5}" + "".join(f" {cell:>12}" for cell in cells))


def print_failures(cases, bases, outcomes, verdicts):
    for case in cases:
        if verdicts[case["id"]] == "as_meant":
            continue
        outcome = outcomes[case["id"]]
        print(f"\n{'=' * 100}\n{case['id']}: {verdicts[case['id']]} (right is: {case['outcome']}; edit: {case['edit']})")
        print(f"--- the answer\n{case['answer']}")
        print(f"--- the outcome: {outcome['outcome']}: {outcome['message']}")
        before, expected = bases[case["on"]]["files"], case["expected"] if case["outcome"] == "apply" else {}
        for path in sorted({*outcome["files"], *expected}):
            print_difference(path, before.get(path), expected.get(path, before.get(path)),
                             outcome["files"].get(path, before.get(path)))


def print_difference(path, before, meant, got):
    difflib = importlib.import_module("difflib")
    for title, a, b in (("meant", before, meant), ("meant -> got", meant, got)):
        lines = difflib.unified_diff(*((x or "").splitlines(keepends=True) for x in (a, b)), f"{path} ({title})", path)
        print("".join(line if line.endswith("\n") else line + "\n" for line in list(lines)[:80]), end="")


def print_figures(cases, results, versions):
    """The lines for programs; gives them as a dictionary as well."""
    figures, ours = {}, results["ours"]

    def line(name, value, goal, passed, unit="ratio", **more):
        figures[name] = value
        extra = "".join(f" {key}={text}" for key, text in more.items())
        print(f"BENCH patch.{name} value={value if unit != 'ratio' else format(value, '.4f')} goal={goal} unit={unit}{extra} "
              f"pass={'yes' if passed else 'no'}")

    for form, goal in (("unified", 0.95), ("blocks", 0.90), ("whole", 0.90)):
        def chosen(case, form=form):
            return case["form"] == form and case["outcome"] == "apply"
        got = count(cases, ours, chosen)
        if not got["all"]:
            continue
        line(f"{form}_correct", rate(got), goal, rate(got) >= goal, cases=got["all"], refused=got["refused"])
        for peer in [peer for peer in results if PEERS.get(peer) == form]:
            same = count(cases, {key: value for key, value in ours.items() if key in results[peer]}, chosen)
            theirs = count(cases, results[peer], chosen)
            line(f"{form}_correct_beside_{peer}", rate(same), goal, rate(same) >= goal, cases=theirs["all"], peer=versions[peer],
                 peer_value=format(rate(theirs), ".4f"), peer_wrong=theirs["wrong"], peer_silent_no_ops=theirs["silent"])
    everything = count(cases, ours, lambda case: True)
    refusals = count(cases, ours, lambda case: case["outcome"] != "apply")
    line("wrong", everything["wrong"], 0, everything["wrong"] == 0, "cases", cases=everything["all"])
    line("silent_no_ops", everything["silent"], 0, everything["silent"] == 0, "cases", cases=everything["all"])
    line("rightly_refused", rate(refusals), 1, refusals["as_meant"] == refusals["all"], cases=refusals["all"])
    for peer in PEERS:
        if peer in results:
            theirs = count(cases, results[peer], lambda case: case["outcome"] != "apply")
            if theirs["all"]:
                print(f"# {versions[peer]}: of {theirs['all']} cases to be refused {theirs['wrong']} applied, "
                      f"{theirs['silent']} taken without a change")
    return figures


def versions_of(pythons):
    labels = dict(LABELS)
    for peer, name in (("openevolve", "openevolve"), ("shinka", "shinka-evolve")):
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        done = subprocess.run([pythons.get(peer, sys.executable), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=False, cwd="/")
        labels[peer] = f"{name}-{done.stdout.strip()}" if done.returncode == 0 else name
    return labels


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].replace("usage: ", ""))
    parser.add_argument("program")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--edits", type=int, default=EDITS)
    parser.add_argument("--seed", type=int, default=patch_edits.SEED)
    parser.add_argument("--kind", default="")
    parser.add_argument("--failures", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--peer", action="append", default=[])
    return parser.parse_args()


def main():
    options = arguments()
    pythons = dict(text.split("=", 1) for text in options.peer)
    patch_edits.SEED = options.seed
    began = time.monotonic()
    cases, short = make_cases(QUICK if options.quick else options.edits, options.kind)
    written = cases.written()
    kinds = {case["kind"] for case in cases.cases}
    print(f"# {len(cases.cases)} cases of {len(kinds)} kinds, made in {time.monotonic() - began:.0f} s")
    for kind, language, made in short:
        print(f"# {kind}: only {made} edits in {language}")
    outcomes = run([options.program, "apply"], written)
    results = {"ours": {case["id"]: verdict(case, outcomes[case["id"]]) for case in cases.cases}}
    versions = versions_of(pythons)
    for peer, theirs in ({} if options.no_peers else run_peers(written, pythons)).items():
        if theirs is None:
            print(f"BENCH patch.{PEERS[peer]}_correct_beside_{peer} value=none unit=ratio peer=missing")
        else:
            results[peer] = {case["id"]: verdict(case, theirs[case["id"]], PEERS[peer] == "unified")
                             for case in cases.cases if case["id"] in theirs}
    if options.failures:
        print_failures(cases.cases, cases.bases, outcomes, results["ours"])
    print_table(cases.cases, results)
    figures = print_figures(cases.cases, results, versions)
    if options.json:
        figures["kinds"] = {kind: dict(count(cases.cases, results["ours"], lambda case, kind=kind: case["kind"] == kind))
                            for kind in sorted(kinds)}
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    if not options.no_speed:
        sys.stdout.flush()
        subprocess.run([options.program, "speed"], input=written, text=True, check=True)


main()
