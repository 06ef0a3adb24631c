"""How close a program comes to the lowest point of its function, in a few trials."""
import importlib.util
import math

LOWEST = -0.9802


def load(path):
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def height(x, y):
    return (x * x + y * y) / 12 + math.sin(3 * x) * math.cos(2 * y)


def gap(program):
    x, y, _ = program.run()
    if not (abs(x) <= 4 and abs(y) <= 4):
        raise ValueError(f"({x}, {y}) is outside of the square")
    return height(x, y) - LOWEST


def evaluate_stage1(path):
    program = load(path)
    if not hasattr(program, "run"):
        return {"runs": 0.0, "error": "the program has no function run"}
    gap(program)
    return {"runs": 1.0}


def evaluate_stage2(path):
    return evaluate(path)


def evaluate(path):
    program = load(path)
    gaps = [gap(program) for _ in range(8)]
    mean = sum(gaps) / len(gaps)
    return {"closeness": 1 / (1 + mean), "worst": 1 / (1 + max(gaps)), "combined_score": 1 / (1 + mean)}
