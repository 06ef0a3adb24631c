"""Search for the lowest point of a bumpy function."""
import math
import random

LOW, HIGH = -4.0, 4.0


def height(x, y):
    return (x * x + y * y) / 12 + math.sin(3 * x) * math.cos(2 * y)


# EVOLVE-BLOCK-START
def search(steps=40):
    """Plain random search."""
    best = (0.0, 0.0)
    for _ in range(steps):
        here = (random.uniform(LOW, HIGH), random.uniform(LOW, HIGH))
        if height(*here) < height(*best):
            best = here
    return best
# EVOLVE-BLOCK-END


def run():
    x, y = search()
    return x, y, height(x, y)


if __name__ == "__main__":
    print(run())
