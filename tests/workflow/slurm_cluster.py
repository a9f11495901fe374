"""A real Slurm on this machine: two nodes with two fake GPUs each, on loopback, without systemd.

Without accounting, where partitions have priorities; or with it (slurmdbd, MariaDB), where QOS have. Everything lies in one folder; nothing under /etc is read or written. The daemons are children of this process and die
with it, however it ends.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

# As a user would, but for the pauses, which suit a cluster of others.
SLURM = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
DAEMONS = ["munged", "slurmctld", "slurmd"]
ACCOUNTING = ["my_print_defaults", "mariadb-install-db", "mariadbd", "slurmdbd", "sacctmgr"]
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={controller}
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0,requeue_delay=1
MpiDefault=none
ReturnToService=2
MinJobAge=3600
KillWait=20
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=4 RealMemory=10000 Gres=gpu:fake:2 Feature=h200
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=4 RealMemory=10000 Gres=gpu:fake:2
PreemptMode=REQUEUE
PartitionName=DEFAULT Nodes=node1,node2 MaxTime=1-00:00:00 DefMemPerCPU=500 State=UP
PartitionName=main Default=YES PriorityTier=2 PreemptMode=OFF
PartitionName=big PriorityTier=2 PreemptMode=OFF
PartitionName=spare PriorityTier={spare} GraceTime=30
"""
WITHOUT_ACCOUNTING = """
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
"""
WITH_ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations,limits,qos
PreemptType=preempt/qos
"""
DBD_CONFIG = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={dbd}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=root
StorageLoc=accounts
"""
# What a site's staff does once: who may bill where, and work of low priority that gives way.
SITE = [
    "add account lab",
    "add user root account=lab",
    "add qos spare gracetime=30 preemptmode=requeue",
    "add qos urgent preempt=spare priority=100",
    "modify user root set qos+=spare,urgent",
]


def lacks_accounting() -> bool:
    """Tell whether what accounting needs (Debian's slurmdbd, mariadb-server-core, mariadb-client-core) is not here."""
    return any(shutil.which(program, path=_path()) is None for program in ACCOUNTING)


def lacking() -> str | None:
    """Return the sentence that says what a Slurm needs here and is not there, or None."""
    if os.geteuid() != 0:
        return "make test-slurm starts daemons that want root: run it as root, in a container for instance"
    if missing := [daemon for daemon in DAEMONS if shutil.which(daemon, path=_path()) is None]:
        return (
            f"make test-slurm needs {', '.join(missing)}: apt-get install -y --no-install-recommends "
            "slurmctld slurmd slurm-client munge"
        )
    return None


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class SlurmCluster:
    """The daemons, and the environment in which Slurm's commands reach them."""

    def __init__(self, folder: Path, accounting: bool = False) -> None:
        self.folder, self.accounting = folder, accounting
        path = f"{folder / 'bin'}:{_path()}"
        status = ["--slurm-status-command", "sacct"] if accounting else []
        self.profile = [*SLURM, *status]
        self.giving_way = {"qos" if accounting else "partition": "spare"}  # what a job asks for that may be preempted
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all daemons; return when both nodes are idle."""
        for part in ("state", "bin"):
            (self.folder / part).mkdir(parents=True)
        # Inside a job Snakemake's Slurm executor takes SLURM_CONF out of srun's environment.
        srun = self.folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        host = socket.gethostname().split(".")[0]
        controller, first, second = _free_port(), _free_port(), _free_port()
        dbd, database = _free_port(), _free_port()
        # With accounting the partitions are equal: it is the QOS that gives way.
        config = (CONFIG + (WITH_ACCOUNTING if self.accounting else WITHOUT_ACCOUNTING)).format(
            host=host,
            folder=self.folder,
            controller=controller,
            first=first,
            second=second,
            dbd=dbd,
            spare=2 if self.accounting else 1,
        )
        (self.folder / "slurm.conf").write_text(config.lstrip())
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
        for number in range(2):
            os.mknod(self.folder / f"gpu{number}", 0o20666, os.makedev(1, 3))  # a second /dev/null
        gpus = f"NodeName=node[1-2] Name=gpu Type=fake File={self.folder}/gpu[0-1]\n"
        (self.folder / "gres.conf").write_text(gpus)
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o400)
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "seed-file": "munge.seed"}
        self._daemon("munged", "--foreground", "--force", *(f"--{key}={self.folder / f}" for key, f in files.items()))
        self._wait(lambda: (self.folder / "munge.socket").exists(), "munged's socket")
        if self.accounting:
            self._start_accounting(dbd, database)
        self._daemon("slurmctld", "-D", "-i", "-c")
        for node in ("node1", "node2"):
            self._daemon("slurmd", "-D", "-N", node, key=node)
        self._wait(
            lambda: self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%T").split() == ["idle"] * 2, "idle nodes"
        )

    def _start_accounting(self, dbd: int, database: int) -> None:
        """Start the database and slurmdbd, and enter what SITE says."""
        data, dbd_config = self.folder / "database", self.folder / "slurmdbd.conf"
        own = ["--no-defaults", "--user=root", f"--datadir={data}"]
        self.run("mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db")
        where = [f"--port={database}", f"--socket={self.folder / 'database.socket'}", "--bind-address=127.0.0.1"]
        self._daemon("mariadbd", *own, *where)
        self._wait(lambda: (self.folder / "database.socket").exists(), "database")
        dbd_config.write_text(DBD_CONFIG.format(folder=self.folder, dbd=dbd, database=database).lstrip())
        dbd_config.chmod(0o600)
        self._daemon("slurmdbd", "-D")
        self._wait(lambda: "test" in self.run("sacctmgr", "-i", "add", "cluster", "test"), "slurmdbd")
        for entry in SITE:
            self.run("sacctmgr", "-i", *entry.split())

    def _daemon(self, program: str, *arguments: str, key: str | None = None) -> None:
        with (self.folder / f"{key or program}.out").open("w") as output:
            self.daemons[key or program] = subprocess.Popen(
                [program, *arguments],
                env=self.environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                preexec_fn=_die_with_parent,
            )

    def _wait(self, condition, what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            logs = "\n".join(file.read_text(errors="replace")[-1500:] for file in self.folder.glob("*.log"))
            assert time.monotonic() < end, f"Slurm: no {what} after {seconds:.0f} s\n{logs}"
            time.sleep(0.1)

    def run(self, *command: str) -> str:
        """Return what one of Slurm's commands prints, its complaints included."""
        done = subprocess.run(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
        )
        return done.stdout

    def jobs(self, states: str = "all") -> list[dict[str, str]]:
        """Return all jobs that the controller knows; `comment` is the Slurm executor's, `limit` of time."""
        text = self.run("squeue", "--noheader", f"--states={states}", "--format=%i|%T|%N|%m|%l|%k|%j")
        keys = ["id", "state", "node", "memory", "limit", "comment", "name"]
        return [dict(zip(keys, line.split("|"), strict=True)) for line in text.splitlines() if line.count("|") == 6]

    def running(self, word: str) -> list[dict[str, str]]:
        """Return the jobs that run now and have `word` in their comment."""
        return [job for job in self.jobs("RUNNING") if word in job["comment"]]

    def preempt(self, word: str) -> None:
        """Let a job with priority take the node of the running job that has `word` in its comment, for 15 seconds."""
        (job,) = self.running(word)
        priority = "--qos=urgent" if self.accounting else "--partition=main"
        self.run(
            "sbatch", priority, "--exclusive", "-w", job["node"], "-t", "2", "-o", "/dev/null", "--wrap", "sleep 15"
        )

    def processes(self) -> list[psutil.Process]:
        """Return every process that belongs to this Slurm: daemons, steps, and jobs; `info` has environ and cmdline."""
        return [
            process
            for process in psutil.process_iter(["environ", "cmdline", "status"])
            if (process.info["environ"] or {}).get("SLURM_CONF") == self.environment["SLURM_CONF"]
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and process.pid != os.getpid()
        ]

    def stop(self) -> None:
        """Cancel all jobs and end the daemons."""
        for job in self.jobs("PENDING,RUNNING,SUSPENDED,COMPLETING"):
            self.run("scancel", job["id"])
        end = time.monotonic() + 40
        while self.jobs("RUNNING,COMPLETING") and time.monotonic() < end:
            time.sleep(0.5)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        # Steps and programs that were asked to end need a moment.
        end = time.monotonic() + 30
        while self.processes() and time.monotonic() < end:
            time.sleep(0.2)
