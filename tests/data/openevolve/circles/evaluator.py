"""The sum of radii of 26 circles in a unit square, if they are a packing; the program runs in a process of its own."""
import json
import math
import subprocess
import sys

from openevolve.evaluation_result import EvaluationResult

COUNT, TARGET, SLACK = 26, 2.635, 1e-6
CHILD = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("packing", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
points, sizes, total = module.run_packing()
json.dump({"points": [list(map(float, p)) for p in points], "sizes": list(map(float, sizes))}, open(sys.argv[2], "w"))
"""


def pack(path):
    out = path + ".json"
    done = subprocess.run([sys.executable, "-c", CHILD, path, out], capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
    with open(out, encoding="utf-8") as file:
        found = json.load(file)
    return found["points"], found["sizes"]


def fault(points, sizes):
    if len(points) != COUNT or len(sizes) != COUNT:
        return f"{len(points)} centers and {len(sizes)} radii, expected {COUNT}"
    for (x, y), r in zip(points, sizes):
        if not (r >= 0 and r - SLACK <= min(x, y, 1 - x, 1 - y)):
            return f"the circle at ({x:.3f}, {y:.3f}) with radius {r:.4f} leaves the square"
    for i in range(COUNT):
        for k in range(i):
            if math.dist(points[i], points[k]) < sizes[i] + sizes[k] - SLACK:
                return f"circles {k} and {i} overlap"
    return ""


def evaluate(path):
    try:
        points, sizes = pack(path)
    except Exception as error:
        return EvaluationResult(metrics={"combined_score": 0.0, "error": str(error)}, artifacts={"failure": str(error)})
    wrong = fault(points, sizes)
    total = 0.0 if wrong else sum(sizes)
    return EvaluationResult(
        metrics={"sum_radii": total, "target_ratio": total / TARGET, "validity": 0.0 if wrong else 1.0,
                 "combined_score": total / TARGET},
        artifacts={"packing": wrong or f"the smallest radius is {min(sizes):.4f}, the largest {max(sizes):.4f}"})
