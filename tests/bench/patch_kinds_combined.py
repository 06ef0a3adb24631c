"""Several kinds of damage to one unified diff, as models do them; drawn from the groups of tests/data/damage_rates.json.

Where lines are damaged and the numbers are gone as well, only edits are used whose place is clear by what is left.
"""
import json
import pathlib

from patch_draft import need
from patch_kinds import KINDS, kind

RATES = pathlib.Path(__file__).resolve().parents[1] / "data" / "damage_rates.json"
UNENDED = ("bare", "answer_without_final_newline", "fence_not_closed")  # nothing but the counts tells that all of it came
ORDER = ("lines", "starts", "names", "around", "counts")  # counts last: some other kinds count afresh


def groups():
    """Names of kinds of each group."""
    return {group: sorted(filter(None, weights)) for group, weights in json.loads(RATES.read_text())["groups"].items()}


def combine(name, wanted):
    damages = {item["name"]: item["damage"] for item in KINDS if item["form"] == "unified"}

    def damage(d, rng):
        chosen = {group: rng.choice(groups()[group]) for group in wanted}
        need(chosen.get("around") not in UNENDED or not ("counts" in chosen or chosen.get("starts", "").startswith("heading")))
        if "lines" in wanted:
            need(d.hunks())
            d.need_clear(everywhere=chosen.get("names") == "names_missing")
        for group in ORDER:
            if group in chosen:
                damages[chosen[group]](d, rng)
    damage.__name__ = name
    kind("unified")(damage)


for first, one in enumerate(ORDER):
    for other in ORDER[first + 1:]:
        combine(f"combined_{one}_{other}", (one, other))
combine("combined_without_lines", ORDER[1:])
combine("combined_all", ORDER)
