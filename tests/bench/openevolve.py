#!/usr/bin/env python3
"""What the controlling process spends on an evaluation that does nothing, beside OpenEvolve's.

usage: openevolve.py BENCH_EXECUTOR      with the Python that has openevolve; AIRE_WORKER as for bench_executor

Both have 1,000 records, two workers, a program of a line and a model that answers at once. Measured is the
processor time of the controlling process alone, not that of its workers. OpenEvolve writes no checkpoints
meanwhile, so it keeps nothing on disk; ours does. Its figure is the difference of a long and a short run, so
that starting its workers does not count.
"""
import asyncio
import importlib.metadata
import importlib.util
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import time

RECORDS, WARM_UP, EVALUATIONS, WORKERS = 1000, 20, 200, 2
EVALUATOR = "import random\n\ndef evaluate(path):\n    return {'combined_score': random.random()}\n"
PROGRAM = "value = 0\n"


def program(generator):
    """A small program; of many lengths, as the archive is a grid over length and difference."""
    return f"value = {generator.randrange(10**9)}\n" + "# " + "x" * generator.randrange(400) + "\n"


class Model:
    """Answers at once, with a program of its own."""

    def __init__(self, settings):
        self.model = settings.name
        self.generator = random.Random(os.getpid())

    async def generate(self, prompt, **_):
        return f"```python\n{program(self.generator)}```"

    async def generate_with_context(self, system_message, messages, **_):
        return await self.generate("")


def configuration():
    from openevolve.config import Config, LLMModelConfig
    config = Config(max_iterations=EVALUATIONS, checkpoint_interval=10**9, log_level="ERROR",
                    diff_based_evolution=False)
    model = LLMModelConfig(name="scripted", init_client=Model, weight=1.0)
    config.llm.models, config.llm.evaluator_models = [model], [model]
    config.database.population_size = config.database.archive_size = RECORDS
    config.database.feature_bins = 32  # room for so many
    config.evaluator.parallel_evaluations = WORKERS
    config.evaluator.cascade_evaluation = False
    return config


def fill(database):
    from openevolve.database import Program
    generator = random.Random(1)
    for index in range(100 * RECORDS):  # those that meet a better one in its place are not kept
        if len(database.programs) >= RECORDS:
            return
        database.add(Program(id=f"first-{index}", code=program(generator), language="python",
                             metrics={"combined_score": generator.random()}),
                     iteration=0, target_island=index % len(database.islands))
    sys.exit(f"openevolve.py: its archive stays at {len(database.programs)} of {RECORDS} programs")


def run_peer(directory):
    """Milliseconds of processor time, and elapsed, on an evaluation."""
    from openevolve.controller import OpenEvolve
    paths = {name: os.path.join(directory, name) for name in ("program.py", "evaluator.py")}
    for name, text in (("program.py", PROGRAM), ("evaluator.py", EVALUATOR)):
        with open(paths[name], "w") as file:
            file.write(text)
    evolution = OpenEvolve(paths["program.py"], paths["evaluator.py"], configuration(), directory)
    logging.getLogger().handlers.clear()
    fill(evolution.database)
    before, times = len(evolution.database.programs), []
    for iterations in (WARM_UP, WARM_UP + EVALUATIONS):
        last = evolution.database.last_iteration
        began, cpu = time.monotonic(), time.process_time()
        asyncio.run(evolution.run(iterations))
        times.append((time.process_time() - cpu, time.monotonic() - began))
        if evolution.database.last_iteration - last < iterations - 1:
            sys.exit("openevolve.py: its evaluations failed")
    print(f"# openevolve: {before} programs before, {len(evolution.database.programs)} after")
    return [(long - short) * 1e3 / EVALUATIONS for short, long in zip(*times)]


def run_ours(executor):
    """The lines of bench_executor: name -> (processor time, elapsed), milliseconds."""
    out = subprocess.run([executor, str(RECORDS)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: (float(cpu), float(elapsed)) for name, cpu, elapsed in
            re.findall(r"^BENCH executor\.(\w+) value=(\S+) unit=ms_per_evaluation elapsed=(\S+)", out, re.M)}


def main():
    # This very file has the package's name, so its directory must not be looked in.
    sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
    if not importlib.util.find_spec("openevolve"):
        print("BENCH executor.controller_ratio value=none goal=0.05 unit=ratio peer=missing")
        return
    version = importlib.metadata.version("openevolve")
    before = run_ours(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="aire-bench-") as directory:
        cpu, elapsed = run_peer(directory)
    after = run_ours(sys.argv[1])  # again, as the machine is not always the same
    for name, row in (("controller_ratio", "controller_1000"),
                      ("controller_sandboxed_ratio", "controller_sandboxed_1000")):
        ours = (before[row][0] + after[row][0]) / 2
        value = ours / cpu
        print(f"BENCH executor.{name} value={value:.3f} goal=0.05 unit=ratio ours={ours:.3f} "
              f"peer=openevolve-{version} peer_value={cpu:.1f} peer_elapsed={elapsed:.1f} "
              f"pass={'yes' if value <= 0.05 else 'no'}")


main()
