"""Text, time and measure; not to be changed."""
import math
import os

TIME_BUDGET = 1  # seconds of training
TEXT = ("the rain in spain stays mainly in the plain and the train in maine remains in vain " * 40).encode()
SPLIT = len(TEXT) * 3 // 4
CACHE = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")


def load(part):
    """Training text is in the cache, if somebody has put some there."""
    extra = os.path.join(CACHE, "extra.txt")
    train = TEXT[:SPLIT]
    if os.path.exists(extra):
        with open(extra, "rb") as file:
            train += file.read()
    return train if part == "train" else TEXT[SPLIT:]


def evaluate_bpb(probability):
    """Bits that a byte of the held-out text costs; probability(previous, byte)."""
    text = load("val")
    return -sum(math.log2(probability(a, b)) for a, b in zip(text, text[1:])) / (len(text) - 1)
