"""A Slurm cluster of this one machine, with its real daemons, for as long as a test lasts.

Nothing outside its directory is touched; the daemons are this process's children and end with it.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

CONF = """\
ClusterName=aire
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
SlurmctldPort={ctld_port}
SlurmdPort={d_port}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=6
KillWait=2
MinJobAge=3600
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """What this machine lacks; "" if nothing."""
    for program in ("munged", "slurmctld", "slurmd", "sbatch"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return f"there is no {program}: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "the daemons have to be started as root"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.host = socket.gethostname().split(".")[0]
        self.conf = self.root / "slurm.conf"
        self.daemons = {}
        for name in ("state", "spool"):
            (self.root / name).mkdir(parents=True)
        os.chmod(self.root, 0o755)
        self.conf.write_text(CONF.format(host=self.host, root=self.root, ctld_port=free_port(), d_port=free_port()))
        (self.root / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        for number in range(2):  # that are no devices: Slurm counts them, and cannot tell a job which it has
            (self.root / f"gpu{number}").touch()
        (self.root / "gres.conf").write_text(f"Name=gpu File={self.root}/gpu[0-1]\n")
        (self.root / "munge.key").write_bytes(os.urandom(128))
        os.chmod(self.root / "munge.key", 0o400)

    def __enter__(self):
        try:
            return self.start_all()
        except BaseException:
            self.__exit__()
            raise

    def start_all(self):
        root = self.root
        self.start("munged", "--foreground", "--force", f"--key-file={root}/munge.key", f"--socket={root}/munge.socket",
                   f"--pid-file={root}/munge.pid", f"--log-file={root}/munge.log", f"--seed-file={root}/munge.seed")
        self.wait(lambda: (root / "munge.socket").exists(), "munged")
        self.start("slurmctld", "-D", "-f", str(self.conf))
        self.start_node()
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.daemons)):
            self.kill(name)

    def start(self, name, *arguments):
        with open(self.root / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen([name, *arguments], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                                       "SLURM_CONF": str(self.conf)})

    def kill(self, name):
        """At once, as when the power fails; what a node was running ends with it."""
        process = self.daemons.pop(name)
        process.kill()
        process.wait()
        for pid in self.processes({"slurmctld": "slurmscriptd", "slurmd": "slurmstepd"}.get(name)):
            os.kill(pid, signal.SIGKILL)

    def stop(self, name):
        """In order, as for maintenance."""
        process = self.daemons.pop(name)
        process.terminate()
        process.wait(30)

    def processes(self, name):
        """Processes of this cluster's by that name: they have its configuration in their environment."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if name and entry.name.isdigit() and name in (entry / "cmdline").read_text() and \
                        str(self.conf).encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def start_node(self):
        self.start("slurmd", "-D", "-f", str(self.conf), "-N", self.host)
        self.wait(lambda: "idle" in self.run("sinfo", "--noheader", "--format=%T"), "an idle node")

    def run(self, *command):
        return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, SLURM_CONF=str(self.conf)),
                              check=False).stdout

    def jobs(self):
        """(number, state, name) of all jobs that the controller knows; "5_0" is a task of an array."""
        lines = self.run("squeue", "--array", "--noheader", "--states=all", "--format=%i|%T|%j").splitlines()
        return [tuple(line.split("|", 2)) for line in lines]

    def wait(self, ready, what, seconds=60):
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                raise RuntimeError(f"no {what} after {seconds} s:\n{self.logs()}")
            time.sleep(0.05)

    def logs(self):
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}"
                         for path in sorted(self.root.glob("*.out")) + sorted(self.root.glob("*.log")))
