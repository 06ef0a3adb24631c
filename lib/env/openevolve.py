"""Evaluate a program with an evaluator in the form of OpenEvolve, and report what it is worth.

usage: aire_openevolve.py PROGRAM EVALUATOR --timeout S [--thresholds A,B,...] [--features A,B,...]

Two processes. The first one holds the descriptor of the report and runs no code but this file's. The
second one, which it starts, has no such descriptor, loads the evaluator, and hands it the program; what it
sends is JSON text. So the program, which the evaluator runs beside itself, can neither write a report nor end
its writer. It can still lie to the evaluator: who trusts the score has to know that.
"""
import argparse
import ctypes
import json
import math
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types

MESSAGE_MAX = 1 << 19
ARTIFACT_MAX = 4000
STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
PR_SET_DUMPABLE = 4


# ---- the second process: evaluator and program ----

class EvaluationResult:
    """Metrics, and artifacts for whoever writes the next program."""

    def __init__(self, metrics, artifacts=None):
        self.metrics = metrics
        self.artifacts = {} if artifacts is None else artifacts

    @classmethod
    def from_dict(cls, metrics):
        return cls(metrics)

    def to_dict(self):
        return self.metrics

    def has_artifacts(self):
        return bool(self.artifacts)


def provide_openevolve():
    """The module that evaluators import, where OpenEvolve itself is not installed."""
    try:
        import openevolve.evaluation_result  # noqa: F401
    except ImportError:
        package, module = types.ModuleType("openevolve"), types.ModuleType("openevolve.evaluation_result")
        module.EvaluationResult = package.EvaluationResult = EvaluationResult
        package.evaluation_result = module
        package.__path__ = []
        sys.modules.update({"openevolve": package, "openevolve.evaluation_result": module})


def load_evaluator(path):
    import importlib.util
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    spec.loader.exec_module(module)
    return module


def set_seed():
    seed = int(os.environ.get("AIRE_SEED", "1"))
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def place_program(path):
    """A copy in a directory of its own, as OpenEvolve hands programs over; a directory is handed over whole."""
    target = os.path.join(tempfile.mkdtemp(prefix="program-"), "program" + os.path.splitext(path)[1])
    return shutil.copytree(path, target) if os.path.isdir(path) else shutil.copyfile(path, target)


def numbers_of(metrics):
    found = {}
    for name, value in dict(metrics).items():
        try:
            number = float(value) if not isinstance(value, (str, bytes)) else math.nan
        except (TypeError, ValueError):
            continue
        if math.isfinite(number) or name == "combined_score":
            found[str(name)] = number
    return found


def text_of(value):
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= ARTIFACT_MAX else f"{text[:ARTIFACT_MAX]} [... {len(text) - ARTIFACT_MAX} more]"


def call(function, program):
    result = function(program)
    if hasattr(result, "__await__"):
        import asyncio
        result = asyncio.run(result)
    metrics = result if isinstance(result, dict) else getattr(result, "metrics", None)
    if not isinstance(metrics, dict):
        raise TypeError(f"{function.__name__} returned {type(result).__name__}, expected a dict of metrics")
    error = metrics.get("error")
    artifacts = metrics.get("artifacts") if isinstance(result, dict) else getattr(result, "artifacts", None)
    return {"metrics": numbers_of(metrics), "flags": [str(k) for k, v in metrics.items() if isinstance(v, bool)],
            "artifacts": {str(k): text_of(v) for k, v in artifacts.items()} if isinstance(artifacts, dict) else {},
            "error": error if isinstance(error, str) else ""}


def evaluate(options, send):
    provide_openevolve()
    send({"state": "loading"})
    module = load_evaluator(options.evaluator)
    names = [name for name in STAGES if hasattr(module, name)] if options.thresholds else []
    if not names or names[0] != STAGES[0]:
        names = ["evaluate"]
    if not hasattr(module, names[0]):
        raise AttributeError(f"{options.evaluator} has no function {names[0]}(program_path)")
    program = place_program(options.program)
    total = {"metrics": {}, "flags": [], "artifacts": {}, "error": ""}
    for number, name in enumerate(names, 1):
        send({"state": name})
        set_seed()
        result = call(getattr(module, name), program)
        total["metrics"].update(result["metrics"])
        total["flags"] += result["flags"]
        total["artifacts"].update(result["artifacts"])
        total["error"] = result["error"]
        if len(names) > 1:
            total["metrics"]["cascade_stage"] = number
        more = number < len(names) and number <= len(options.thresholds)
        if not more or not score(total["metrics"], total["flags"]) >= options.thresholds[number - 1]:
            break
    send({"state": "done", "result": total})


def be_second(options, out):
    def send(message):
        sys.stdout.flush()  # after the last message comes the end
        text = json.dumps(message)
        if len(text) >= MESSAGE_MAX:
            raise ValueError("the evaluator's result is larger than 512 KiB")
        out.write(text + "\n")
        out.flush()
    try:
        evaluate(options, send)
    except BaseException as error:
        traceback.print_exc()
        send({"state": "failed", "error": f"{type(error).__name__}: {error}"[:2000]})


# ---- the first process: the report ----

def score(metrics, others):
    """combined_score, else the mean of the metrics that are no flags and no feature dimensions: OpenEvolve's rule."""
    if "combined_score" in metrics:
        return metrics["combined_score"]
    values = [value for name, value in metrics.items() if name not in (*others, "cascade_stage", "error")]
    return sum(values) / len(values) if values else math.nan


def read_messages(descriptor, timeout):
    """What the second process says, until it is done, ends, or takes too long at something."""
    state, pending, deadline = "starting", b"", time.monotonic() + timeout
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return {"state": "late", "at": state}
        data = os.read(descriptor, 65536)
        pending += data
        if not data or len(pending) > MESSAGE_MAX:
            return {"state": "ended", "at": state}
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            message = json.loads(line)
            state, deadline = message["state"], time.monotonic() + timeout
            if state in ("done", "failed"):
                return message


def plain(text):
    """Text that UTF-8 can say: what is half of a pair of UTF-16 is not."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def refusal(cause, detail):
    return {"refused": {"cause": cause, "detail": plain(detail)[:2000]}}


def judge(message, options):
    state, at = message["state"], message.get("at")
    if state == "late":
        return refusal("wall_limit", f"{at} took longer than {options.timeout} s")
    if state == "ended":
        return refusal("evaluator", f"the process of evaluator and program ended in {at}")
    if state == "failed":
        return refusal("evaluator", f"the evaluator raised {message['error']}")
    result = message["result"]
    metrics = {plain(name): float(value) for name, value in result["metrics"].items()}
    worth = score(metrics, (*options.features, *map(str, result["flags"])))
    if result["error"] and not worth > 0:
        return refusal("evaluator", f"the evaluator says: {result['error']}")
    if not math.isfinite(worth):
        return refusal("metric_invalid", "the evaluator gave no finite score")
    metrics = {"combined_score": worth, **metrics}  # the one that counts first
    return {"metrics": {name: value for name, value in metrics.items() if math.isfinite(value)}}


def show_artifacts(message):
    result = message.get("result", {})
    for name, text in result.get("artifacts", {}).items():
        print(f"artifact {name}: {text}")
    if result.get("error"):
        print(f"error: {result['error']}")
    for name, value in result.get("metrics", {}).items():
        print(f"metric {name}: {value}")


def names_in(text):
    return [name for name in text.split(",") if name]


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("evaluator")
    parser.add_argument("--timeout", type=float, required=True)
    parser.add_argument("--thresholds", type=lambda text: [float(part) for part in names_in(text)], default=[])
    parser.add_argument("--features", type=names_in, default=[])
    return parser.parse_args()


def main():
    options = parse_options()
    sys.stdout.reconfigure(errors="backslashreplace")
    report = os.fdopen(int(os.environ.pop("AIRE_REPORT_FD")), "w", encoding="utf-8")
    # Not to be traced, and its descriptors not to be opened, by the process that it starts.
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        report.close()
        os.close(reading)
        os.setpgid(0, 0)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        be_second(options, os.fdopen(writing, "w", encoding="utf-8"))
        os._exit(0)
    os.close(writing)
    try:
        message = read_messages(reading, options.timeout)
        verdict = judge(message, options)
    except Exception as error:  # whatever the evaluator's process may have sent
        message, verdict = {}, refusal("evaluator", f"what came from the evaluator's process is no result: {error}")
    for victim in (-child, child):
        try:
            os.kill(victim, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(child, 0)
    show_artifacts(message)
    json.dump(verdict, report)
    report.close()


if __name__ == "__main__":
    main()
