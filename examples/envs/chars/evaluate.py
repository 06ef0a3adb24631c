"""The trusted evaluation of a model that it cannot run itself.

First phase, pose: it cuts sequences out of the hidden text, each with a place up to which it is shown; behind the place stands noise.
Only the answer at the place counts, and what follows there is in no pass: whatever passes could tell each other, none of them knows
it. The passes are the sequences; the same ones in another order, among which a model that remembers or mixes cannot keep its
answers; the same with other noise; and the same where every other sequence is nothing but noise.

Second phase, judge: up to its place, every answer must be the same in all passes. The loss is then computed from the answers at the
places.
"""
import json
import math
import os
import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz ."
SEQUENCES, LENGTH = 400, 10
FIRST_PLACE = 5  # at least as many characters are shown before it
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
    """Pairs of what is shown of a sequence and what follows. The same for every variant; they are apart from each other in the text,
    so that none shows what follows another."""
    with open("hidden.txt", encoding="ascii") as file:
        text = file.read()
    rng = random.Random(SEQUENCES)
    starts = [number * (len(text) - LENGTH) // SEQUENCES for number in range(SEQUENCES)]
    ends = [start + rng.randrange(FIRST_PLACE, LENGTH) for start in starts]
    return [text[s:e] for s, e in zip(starts, ends)], [text[e] for e in ends]


def with_noise(rng, shown):
    return shown + "".join(rng.choice(ALPHABET) for _ in range(LENGTH - len(shown)))


def write_pass(rng, number, sequences):
    """Write it in a secret order, which is returned."""
    order = rng.sample(range(SEQUENCES), SEQUENCES)
    with open(os.path.join(os.environ["AIRE_PASSES"], str(number)), "w", encoding="ascii") as file:
        json.dump({"sequences": [sequences[i] for i in order]}, file)
    return order


def pose():
    rng = random.SystemRandom()
    shown, targets = cut_sequences()
    sequences = [with_noise(rng, text) for text in shown]
    alone = set(rng.sample(range(SEQUENCES), SEQUENCES // 2))
    passes = [sequences, sequences, [with_noise(rng, text) for text in shown],
              [with_noise(rng, text if i in alone else "") for i, text in enumerate(shown)]]
    kept = [range(SEQUENCES)] * 3 + [sorted(alone)]
    posed = [{"order": write_pass(rng, number, passes[number]), "kept": list(kept[number])} for number in range(len(passes))]
    with open(SECRET, "w", encoding="ascii") as file:
        json.dump({"passes": posed, "places": [len(text) - 1 for text in shown], "targets": targets}, file)


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


def compare(number, real, answer, kept, places):
    what = ["", "in another order", "with another text after its place", "among other sequences"][number]
    for i in kept:
        for position in range(places[i] + 1):
            if not is_same(real[i][position], answer[i][position]):
                raise Violation("future_leak" if number == 2 else "not_repeatable",
                                f"sequence {i}: {what}, the answer at position {position} (place {places[i]}) is another one")


def judge():
    with open(SECRET, encoding="ascii") as file:
        secret = json.load(file)
    places, answers = secret["places"], []
    for number, posed in enumerate(secret["passes"]):
        answer, at = read_answer(number), {i: at for at, i in enumerate(posed["order"])}
        answers.append([answer[at[i]] for i in range(SEQUENCES)])
    for number, posed in enumerate(secret["passes"][1:], 1):
        compare(number, answers[0], answers[number], posed["kept"], places)
    shares = [answers[0][i][places[i]][ALPHABET.index(target)] for i, target in enumerate(secret["targets"])]
    if min(shares) <= 0:
        raise Refused("a character that came had the probability 0")
    report({"metrics": {"bits_per_character": math.fsum(-math.log2(share) for share in shares) / SEQUENCES}})


try:
    pose() if os.environ["AIRE_PHASE"] == "pose" else judge()
except Refused as error:
    report({"refused": {"cause": "evaluator", "detail": str(error)}})
except Violation as error:
    report({"violation": {"cause": error.args[0], "detail": error.args[1]}})
