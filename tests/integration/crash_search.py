"""A search that may be killed at any moment: running crash_host, looking at what it leaves, killing it."""
import pathlib
import random
import subprocess
import time


class Search:
    """Searches of crash_host on one environment, each on a store of its own."""

    def __init__(self, host, environment):
        self.host, self.environment = host, environment

    def points(self):
        return subprocess.run([self.host, "--points"], capture_output=True, text=True, check=True).stdout.split()

    def start(self, store, *fault):
        return subprocess.Popen([self.host, self.environment, str(store), *fault], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, store, *fault):
        """Run to the end (or to the fault); the exit code and what it printed."""
        process = self.start(store, *fault)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def kill_at_random(self, store, generator, duration):
        """Start it and kill it within so many seconds; whether it was still running."""
        process = self.start(store)
        try:
            process.wait(timeout=generator.uniform(0.005, duration))
            killed = False
        except subprocess.TimeoutExpired:
            process.kill()
            killed = True
        process.communicate()
        return killed

    def whole(self, store):
        """An uninterrupted search: its exit code, finished runs, errors, and how long it took."""
        began = time.monotonic()
        code, out, err = self.finish(store)
        return code, sorted(out.splitlines()), err, time.monotonic() - began


def left_over(store):
    """Processes that still have the store's work directory in their command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{store}.work" in line:
                found.append(line)
    return found


def await_nothing_left(store):
    for _ in range(200):
        if not left_over(store):
            return ""
        time.sleep(0.01)
    return "left running: " + "; ".join(left_over(store))


def generator():
    """The same moments each time."""
    return random.Random(1)
