"""The scripted model of completion.py: ideas, and answers to them, damaged at the rates of tests/data/damage_rates.json.

What it answers is a function of the idea, the number of the sample, and how often that was refused; so two procedures that ask
it are given the same.
"""
import json
import random

import patch_edits
import patch_kinds
import patch_kinds_refuse  # noqa: F401 - registers its kinds
from patch_draft import Draft, Skip
from patch_kinds_combined import ORDER, RATES

GROUP = 1  # of patch_edits.GROUPS: the environment of a language
TRIES = 50
HYPER_PARAMETERS = ("change_number", "change_condition", "change_string", "add_argument")


def pick(rng, weights):
    names = sorted(weights)
    return rng.choices(names, [weights[name] for name in names])[0]


class Script:
    """`ideas` are edits, so many of each language."""

    def __init__(self, ideas):
        self.rates = json.loads(RATES.read_text())
        self.kinds = {kind["name"]: kind["damage"] for kind in patch_kinds.KINDS if kind["form"] == "unified"}
        unknown = {name for group in [*self.rates["groups"].values(), self.rates["unrecoverable"]["kinds"]] for name in group
                   if name} - set(self.kinds)
        if unknown:
            raise SystemExit(f"damage_rates.json: no such kinds: {', '.join(sorted(unknown))}")
        self.ideas = []
        for language in patch_edits.GROUPS:
            pool = [edit for edit in patch_edits.edits(language, 2 * ideas * len(patch_edits.GROUPS[language]))
                    if edit.group == GROUP]
            pool = [edit for edit in pool if self.is_fair(edit)]
            self.ideas += pool[:ideas]

    def is_fair(self, edit):
        """A diff of it says where it belongs, so that an answer without damage can be applied by anyone."""
        try:
            Draft(edit, random.Random(0)).need_unique()
        except Skip:
            return False
        return True

    def dice(self, *what):
        return random.Random(f"{self.rates['seed']} {what}")

    def kind_of(self, number):
        """As the paper tells ideas apart."""
        return "hyper-parameter" if self.ideas[number].name.split("_in_files")[0] in HYPER_PARAMETERS else "algorithmic"

    def is_hard(self, number):
        return self.dice(number, "hard").random() < self.rates["unrecoverable"]["hard_ideas"]

    def answer(self, number, sample, refusals):
        """The text, and what was done to it."""
        for turn in range(TRIES):
            rng = self.dice(number, sample, refusals, turn)
            plan = self.plan(number, rng, refusals)
            draft = Draft(self.ideas[number], rng)
            try:
                for name in plan:
                    self.kinds[name](draft, rng)
                return draft.answer(), plan
            except Skip:
                continue
        return Draft(self.ideas[number], self.dice(number, sample, refusals)).answer(), []

    def plan(self, number, rng, refusals):
        """Which kinds are done to an answer."""
        rates, lost = self.rates, self.rates["unrecoverable"]
        mended = refusals > 0 and rng.random() < rates["after_refusal"]
        if not mended and rng.random() < lost["share_of_hard_ideas" if self.is_hard(number) else "share"]:
            return [pick(rng, lost["kinds"])]
        chosen = []
        for group in ORDER:
            weights = rates["groups"][group]
            habit = pick(self.dice(number, group), weights)
            name = habit if rng.random() < rates["habit"] else pick(rng, weights)
            if name and not (mended and group == "lines"):
                chosen.append(name)
        return chosen
