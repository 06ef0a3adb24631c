# EVOLVE-BLOCK-START
"""Put circles into the unit square so that the sum of their radii is large."""
import math


def centers(count):
    side = math.ceil(math.sqrt(count))
    return [((i % side + 0.5) / side, (i // side + 0.5) / side) for i in range(count)]


def radii(points):
    sizes = [min(x, y, 1 - x, 1 - y) for x, y in points]
    for i, a in enumerate(points):
        for k, b in enumerate(points[:i]):
            room = math.dist(a, b)
            if sizes[i] + sizes[k] > room:
                scale = room / (sizes[i] + sizes[k])
                sizes[i] *= scale
                sizes[k] *= scale
    return sizes


def construct_packing(count):
    points = centers(count)
    sizes = radii(points)
    return points, sizes, sum(sizes)
# EVOLVE-BLOCK-END


def run_packing():
    """Called by the evaluator."""
    return construct_packing(26)
