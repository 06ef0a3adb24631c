"""A bigram model of bytes, by counting."""
import time

import prepare

SMOOTHING = 1.0

start = time.time()
counts, totals = {}, {}
text = prepare.load("train")
for a, b in zip(text, text[1:]):
    counts[a, b] = counts.get((a, b), 0) + 1
    totals[a] = totals.get(a, 0) + 1


def probability(a, b):
    return (counts.get((a, b), 0) + SMOOTHING) / (totals.get(a, 0) + SMOOTHING * 256)


print("---")
print(f"val_bpb:          {prepare.evaluate_bpb(probability):.6f}")
print(f"training_seconds: {time.time() - start:.1f}")
print(f"num_bytes:        {len(text)}")
