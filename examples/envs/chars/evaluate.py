"""The trusted evaluation of a model that it cannot run itself.

First phase, pose: it cuts sequences out of the hidden text, and writes passes for the model: the sequences as they are; the same
ones in another order, among which a model that remembers or mixes cannot keep its answers; and several times with everything after
a secret place in each sequence replaced. What it has done it keeps in a file that only it sees.

Second phase, judge: up to the place before which nothing was replaced, every answer must be the one to the real sequence. The loss
is then computed from the answers to the real ones.
"""
import json
import math
import os
import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz ."
SEQUENCES, LENGTH, CUT_PASSES = 48, 32, 4
TOLERANCE = 1e-9
SECRET = "posed.json"  # in the evaluation's own workspace


class Refused(Exception):
    """The answers cannot be judged."""


class Violation(Exception):
    """A rule was broken: (cause, detail)."""


def report(content):
    with os.fdopen(int(os.environ["AIRE_REPORT_FD"]), "w") as file:
        json.dump(content, file)


# ---- posing ----


def cut_sequences():
    """The same ones for every variant: only what is done with them is secret."""
    with open("hidden.txt", encoding="ascii") as file:
        text = file.read()
    starts = [number * (len(text) - LENGTH - 1) // SEQUENCES for number in range(SEQUENCES)]
    return [text[s:s + LENGTH] for s in starts], [text[s + 1:s + LENGTH + 1] for s in starts]


def replaced_after(rng, sequence, cut):
    return sequence[:cut + 1] + "".join(rng.choice(ALPHABET.replace(c, "")) for c in sequence[cut + 1:])


def pose():
    rng = random.SystemRandom()
    inputs, targets = cut_sequences()
    whole = [LENGTH - 1] * SEQUENCES
    passes = [whole, whole] + [[rng.randrange(LENGTH - 1) for _ in inputs] for _ in range(CUT_PASSES)]
    posed = []
    for number, cuts in enumerate(passes):
        order = rng.sample(range(SEQUENCES), SEQUENCES)
        posed.append({"cuts": cuts, "order": order})
        with open(os.path.join(os.environ["AIRE_PASSES"], str(number)), "w", encoding="ascii") as file:
            json.dump({"sequences": [replaced_after(rng, inputs[i], cuts[i]) for i in order]}, file)
    with open(SECRET, "w", encoding="ascii") as file:
        json.dump({"passes": posed, "targets": targets}, file)


# ---- judging ----


def check_distribution(shares):
    if not isinstance(shares, list) or len(shares) != len(ALPHABET):
        raise Refused(f"each position needs {len(ALPHABET)} probabilities")
    if not all(isinstance(share, float) and 0 <= share <= 1 for share in shares):
        raise Refused("a probability is not a number from 0 to 1")
    if abs(math.fsum(shares) - 1) > 1e-6:
        raise Refused(f"the probabilities of a position sum to {math.fsum(shares):.9g}, not to 1")


def read_answer(number):
    try:
        with open(os.path.join(os.environ["AIRE_ANSWERS"], str(number)), encoding="ascii") as file:
            answer = json.load(file, parse_int=float)["probabilities"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("an answer is not {\"probabilities\": [...]}") from None
    if not isinstance(answer, list) or len(answer) != SEQUENCES:
        raise Refused(f"an answer has not {SEQUENCES} sequences")
    for sequence in answer:
        if not isinstance(sequence, list) or len(sequence) != LENGTH:
            raise Refused(f"the answer to a sequence has not {LENGTH} positions")
        for shares in sequence:
            check_distribution(shares)
    return answer


def is_same(a, b):
    return all(abs(x - y) <= TOLERANCE for x, y in zip(a, b))


def compare(real, answer, cuts):
    for sequence, (expected, given, cut) in enumerate(zip(real, answer, cuts)):
        for position in range(cut + 1):
            if not is_same(expected[position], given[position]):
                cause = "not_repeatable" if cut == LENGTH - 1 else "future_leak"
                what = "the same sequence" if cut == LENGTH - 1 else f"another text after position {cut}"
                raise Violation(cause, f"sequence {sequence}: with {what} the answer at position {position} is another one")


def judge():
    with open(SECRET, encoding="ascii") as file:
        secret = json.load(file)
    answers = []
    for number, posed in enumerate(secret["passes"]):
        answer, place = read_answer(number), {i: at for at, i in enumerate(posed["order"])}
        answers.append([answer[place[i]] for i in range(SEQUENCES)])
    for answer, posed in zip(answers[1:], secret["passes"][1:]):
        compare(answers[0], answer, posed["cuts"])
    bits = [-math.log2(shares[ALPHABET.index(target)]) if shares[ALPHABET.index(target)] > 0 else math.inf
            for sequence, targets in zip(answers[0], secret["targets"]) for shares, target in zip(sequence, targets)]
    if not math.isfinite(sum(bits)):
        raise Refused("a character that came had the probability 0")
    report({"metrics": {"bits_per_character": math.fsum(bits) / len(bits)}})


try:
    pose() if os.environ["AIRE_PHASE"] == "pose" else judge()
except Refused as error:
    report({"refused": {"cause": "evaluator", "detail": str(error)}})
except Violation as error:
    report({"violation": {"cause": error.args[0], "detail": error.args[1]}})
