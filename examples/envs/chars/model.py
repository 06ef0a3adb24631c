"""The model of characters, and how it is trained: the only file that an idea may change.

train(text, seed) returns whatever JSON can hold. predict(state, sequence) returns, for each character of the sequence, the
probabilities of the characters that may follow it, in the order of ALPHABET; it may look at that character and those before it.
"""
import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz ."
ORDER = 2  # characters that a prediction looks at
SMOOTHING = 0.5
SHARE = 0.5  # of the text's characters that are counted


def train(text, seed):
    """Count what follows each context, at places that the seed draws."""
    rng = random.Random(seed)
    counts = {}
    for _ in range(int(SHARE * len(text))):
        at = rng.randrange(1, len(text))
        for length in range(1, min(ORDER, at) + 1):
            after = counts.setdefault(text[at - length:at], {})
            after[text[at]] = after.get(text[at], 0) + 1
    return counts


def distribution(counts, context):
    """From the shortest context to the longest: what a longer one says counts more."""
    shares = [1 / len(ALPHABET)] * len(ALPHABET)
    for length in range(1, ORDER + 1):
        after = counts.get(context[-length:], {}) if len(context) >= length else {}
        total = sum(after.values()) + SMOOTHING
        shares = [(after.get(c, 0) + SMOOTHING * share) / total for c, share in zip(ALPHABET, shares)]
    return shares


def predict(state, sequence):
    return [distribution(state, sequence[:i + 1]) for i in range(len(sequence))]
