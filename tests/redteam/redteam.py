#!/usr/bin/env python3
"""The red team: patches that cheat have to be caught, each in its way, and honest but odd ones let through.

usage: redteam.py [WORD ...]      only the cases whose names contain one of the words

Needs AIRE_PREFIX, an installed prefix, and the Python bindings. Prints the table, and ends with 1 if anything came out otherwise.
"""
import os
import pathlib
import sys
import tempfile
import time

import cheats_chars
import cheats_nanogpt
import honest
from lab import try_all

CHEATS = cheats_nanogpt.CHEATS + cheats_chars.CHEATS
HONEST = honest.HONEST


def print_rows(title, outcomes):
    print(f"\n{title}")
    for o in outcomes:
        print(f"{'' if o.good else '!!'} {o.case.environment:8} {o.case.name:58} {o.got}")
        if not o.good:
            wanted = o.case.expect + (f", confirmed: {o.case.confirmed}" if o.case.confirmed else "")
            print(f"      expected {wanted}: {o.detail}")


def main():
    words = sys.argv[1:]
    wanted = [case for case in CHEATS + HONEST if not words or any(word in case.name for word in words)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aire-redteam-") as directory:
        os.chmod(directory, 0o755)
        outcomes = try_all(wanted, pathlib.Path(directory), os.environ["AIRE_PREFIX"])
    seconds = time.monotonic() - began
    cheats = [o for o in outcomes if o.case in CHEATS]
    honest_ones = [o for o in outcomes if o.case in HONEST]
    print_rows("cheating patches: what became of them", cheats)
    print_rows("honest but odd patches", honest_ones)
    caught, rejected = sum(o.good for o in cheats), sum(not o.good for o in honest_ones)
    print(f"\nredteam: caught {caught} of {len(cheats)}; honest rejected {rejected} of {len(honest_ones)}; {seconds:.0f} s")
    good = caught == len(cheats) and rejected == 0
    if not words:
        print(f"BENCH redteam.caught value={caught} goal={len(cheats)} unit=patches pass={'yes' if caught == len(cheats) else 'no'}")
        print(f"BENCH redteam.honest_rejected value={rejected} goal=0 unit=patches pass={'yes' if rejected == 0 else 'no'}")
        print(f"BENCH redteam.seconds value={seconds:.1f} goal=180 unit=s pass={'yes' if seconds < 180 else 'no'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
