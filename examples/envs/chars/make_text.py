"""Make the texts of this environment, train.txt and hidden.txt: sentences of a small grammar, by a seed.

usage: make_text.py SEED CHARACTERS >FILE

Which words follow which is drawn once, for both texts; the hidden one has a seed of its own.
"""
import random
import sys

DETERMINERS = ["the", "a", "every", "this", "some", "one"]
ADJECTIVES = ["red", "old", "quiet", "small", "broken", "distant", "early", "gentle", "narrow", "sudden", "bright", "hollow"]
NOUNS = ["river", "garden", "engine", "window", "letter", "mountain", "harbour", "lantern", "sparrow", "teacher", "bridge",
         "forest", "kitchen", "shadow", "market", "island"]
VERBS = ["follows", "remembers", "crosses", "measures", "answers", "carries", "reaches", "paints", "opens", "leaves"]
ADVERBS = ["slowly", "again", "at night", "in spring", "without a word", "by the wall", "for a while"]


def sentence(rng, choose):
    words, before = [], "."
    for kind in ("determiner", "adjective", "noun", "verb", "determiner", "noun", "adverb"):
        if kind in ("adjective", "adverb") and rng.random() < 0.4:
            continue
        before = choose(kind, before, rng)
        words.append(before)
    return " ".join(words) + "."


def main():
    seed, length = int(sys.argv[1]), int(sys.argv[2])
    grammar = random.Random(77)
    lists = {"determiner": DETERMINERS, "adjective": ADJECTIVES, "noun": NOUNS, "verb": VERBS, "adverb": ADVERBS}
    weights = {}
    for kind, words in lists.items():
        for before in ["."] + [word for others in lists.values() for word in others]:
            weights[kind, before] = [grammar.random() ** 3 + 0.02 for _ in words]
    rng, text = random.Random(seed), ""
    while len(text) < length:
        text += sentence(rng, lambda kind, before, r: r.choices(lists[kind], weights[kind, before])[0]) + " "
    sys.stdout.write(text[:length])


if __name__ == "__main__":
    main()
