#!/usr/bin/env python3
"""A search whose runs are jobs of a real Slurm cluster ends as one on this machine, whatever is killed meanwhile.

usage: slurm_test.py CRASH_HOST TEST_SLURM ENVIRONMENT      prints TAP
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / name) for name in ("support", "checks")]
import slurm  # noqa: E402
from tap import Tap  # noqa: E402

host, runs, environment = sys.argv[1:4]
tap = Tap()
root = pathlib.Path(tempfile.mkdtemp(prefix="aire-slurm-"))


def start(store, cluster=None, env=environment, before=()):
    more = {"CRASH_SLURM": str(root / "jobs"), "CRASH_SLURM_CONF": str(cluster.conf),
            "AIRE_JOB": str(root / "aire-job")} if cluster else {}
    return subprocess.Popen([*before, host, env, str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=dict(os.environ, **more))


def finish(process, seconds=120):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += "\nit did not end"
    return process.returncode, sorted(out.splitlines()), err


def differences(code, lines, err, expected):
    if code != 0:
        yield f"exit code {code}: {err}"
    yield from (set(lines) ^ set(expected)) if code == 0 else ()


def slow_environment():
    """The same, but each run takes a second."""
    copy = root / "slow"
    shutil.copytree(environment, copy)
    text = (copy / "run.sh").read_text()
    (copy / "run.sh").write_text(f"sleep 1\n{text}")
    return str(copy)


def gpu_environment():
    """The same, but a run wants a GPU."""
    copy = root / "gpu"
    shutil.copytree(environment, copy)
    manifest = json.loads((copy / "aire.json").read_text())
    manifest["run"]["gpus"] = 1
    (copy / "aire.json").write_text(json.dumps(manifest))
    return str(copy)


def count_executions():
    """In place of aire-job: it writes down which run it was started for."""
    program = root / "aire-job"
    program.write_text(f"#!/bin/sh\nrealpath \"$1\" >> {root}/executions\nexec {os.environ['AIRE_JOB']} \"$@\"\n")
    program.chmod(0o700)
    (root / "executions").touch()


def executions():
    return (root / "executions").read_text().splitlines()


def submission(number):
    """Slurm's number of a job, or of the array that it is a task of."""
    return int(number.split("_")[0])


def since(cluster, before):
    return [(number, state) for number, state, _ in cluster.jobs() if submission(number) > before]


def newest(cluster):
    return max((submission(number) for number, _, _ in cluster.jobs()), default=0)


def await_running(cluster, after, count=1):
    cluster.wait(lambda: sum(state == "RUNNING" for _, state in since(cluster, after)) >= count, "running job")


def same_as_here(cluster, expected):
    before = newest(cluster)
    code, lines, err = finish(start(root / "plain", cluster))
    tap.check("a search on the cluster ends as one on this machine", differences(code, lines, err, expected))
    left = [str(path) for pattern in ("run-*", "array-*") for path in (root / "jobs").glob(f"*/{pattern}")]
    tap.check("no job is left, and nothing of the runs", left)
    jobs = [number for number, _ in since(cluster, before)]
    tap.check("runs were submitted together", [] if len(set(map(submission, jobs))) < len(jobs) else jobs)


def controller_is_killed(cluster, slow, expected):
    before, begun, store = newest(cluster), len(executions()), root / "killed"
    for _ in range(3):
        process = start(store, cluster, slow)
        await_running(cluster, before)
        time.sleep(0.3)
        process.kill()
        process.communicate()
    code, lines, err = finish(start(store, cluster, slow))
    tap.check("a search whose controller is killed three times goes on", differences(code, lines, err, expected))
    runs = executions()[begun:]
    tap.check("its jobs were taken up, and none was run twice", [run for run in set(runs) if runs.count(run) > 1])


def job_is_cancelled(cluster, slow, expected):
    before = newest(cluster)
    process = start(root / "cancelled", cluster, slow)
    await_running(cluster, before)
    victim = [number for number, state in since(cluster, before) if state == "RUNNING"][0]
    cluster.run("scancel", victim)
    code, lines, err = finish(process)
    tap.check("a job that is cancelled from outside is run again", differences(code, lines, err, expected))


def node_is_lost(cluster, slow, expected):
    before = newest(cluster)
    process = start(root / "lost", cluster, slow)
    await_running(cluster, before, 2)
    cluster.kill("slurmd")
    time.sleep(1)
    cluster.start_node()
    code, lines, err = finish(process)
    tap.check("the runs of a node that was lost are run again", differences(code, lines, err, expected))


def slurmctld_is_away(cluster, slow, expected):
    before = newest(cluster)
    process = start(root / "away", cluster, slow)
    await_running(cluster, before)
    cluster.stop("slurmctld")
    time.sleep(2)
    cluster.start("slurmctld", "-D", "-f", str(cluster.conf))
    code, lines, err = finish(process)
    tap.check("a controller of the cluster that is away for a while is no job's end",
              differences(code, lines, err, expected))


def models_are_served(cluster):
    """An environment whose model is code, and rules that make some of its runs suspect."""
    copy = root / "chars"
    shutil.copytree(pathlib.Path(environment).parent / "chars", copy)
    manifest = json.loads((copy / "aire.json").read_text())
    manifest["plausible"] = {"max_gain": 0.01}
    (copy / "aire.json").write_text(json.dumps(manifest))
    _, expected, _ = finish(start(root / "chars-here", env=copy))
    code, lines, err = finish(start(root / "chars-there", cluster, env=copy))
    tap.check("models are served on the nodes as here", differences(code, lines, err, expected))
    tap.check("what is suspect is run again there", [] if any(line.startswith("recheck ") for line in lines) else lines)


def sandbox_is_elsewhere(cluster, expected):
    """A machine that has no bubblewrap, as the search sees it; the node is started outside."""
    places = [path for path in map(pathlib.Path, ("/usr/bin/bwrap", "/usr/local/bin/bwrap")) if path.exists()]
    hidden = "".join(f"mount --bind /dev/null {path} && " for path in places)
    without = ["unshare", "--mount", "sh", "-c", f'{hidden} exec "$@"', "sh"]
    code, lines, err = finish(start(root / "no-sandbox", cluster, before=without))
    tap.check("a machine without a sandbox has its runs on the cluster", differences(code, lines, err, expected))
    code, _, _ = finish(start(root / "no-sandbox-here", before=without))
    tap.check("and none of its own", [] if code == 77 else [f"exit code {code}"])


def single_runs(cluster):
    """test_slurm looks at one run at a time; each of its tests is one of ours."""
    directory = root / "runs"
    directory.mkdir()
    test = subprocess.run([runs, environment, gpu_environment(), str(directory)], capture_output=True, text=True,
                          timeout=300, check=False,
                          env=dict(os.environ, SLURM_CONF=str(cluster.conf), CMOCKA_MESSAGE_OUTPUT="TAP"))
    lines = test.stdout.splitlines()
    said = [line for line in lines + test.stderr.splitlines() if not line.startswith(("ok", "1.."))]
    results = [line for line in lines if line.startswith(("ok", "not ok"))]
    for line in results:
        tap.check(line.split(" - ", 1)[-1], said if line.startswith("not ok") else [])
    tap.check("each run by itself was looked at", [] if results and (test.returncode == 0) == all(
        line.startswith("ok") for line in results) else [f"exit code {test.returncode}", *said])


def main():
    code, expected, err = finish(start(root / "here"))
    if code == 77 or slurm.missing():
        print("1..0 # SKIP", err.strip() or slurm.missing())
        return
    slow = slow_environment()
    count_executions()
    _, expected_slow, _ = finish(start(root / "here-slow", env=slow))
    with slurm.Cluster(root / "cluster") as cluster:
        single_runs(cluster)
        same_as_here(cluster, expected)
        models_are_served(cluster)
        sandbox_is_elsewhere(cluster, expected)
        controller_is_killed(cluster, slow, expected_slow)
        job_is_cancelled(cluster, slow, expected_slow)
        node_is_lost(cluster, slow, expected_slow)
        slurmctld_is_away(cluster, slow, expected_slow)
        if tap.failed:
            print("\n".join(f"# {line}" for line in cluster.logs().splitlines()))
    tap.done()


try:
    main()
finally:
    shutil.rmtree(root, ignore_errors=True)
