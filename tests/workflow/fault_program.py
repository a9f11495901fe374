"""A job that fails at its first attempt, in the way it is asked to, and keeps a journal of its attempts.

Whoever finds the journal's lock held runs beside another job of the same output: that is what must never be.
"""

import argparse
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from scripts.common.atomic import replacing

parser = argparse.ArgumentParser()
parser.add_argument("--fault", required=True)
parser.add_argument("--seed", required=True)
parser.add_argument("--output", type=Path, required=True)
arguments = parser.parse_args()

journal = Path("work/journal") / f"{arguments.fault}.txt"
journal.parent.mkdir(parents=True, exist_ok=True)


def note(word: str) -> None:
    with journal.open("a") as stream:
        stream.write(f"{word} {os.environ.get('SLURM_JOB_ID')} {os.environ.get('SLURMD_NODENAME')}\n")


lock = journal.with_suffix(".lock").open("w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("overlap")
    sys.exit(9)
note("begin")
attempt = journal.read_text().count("begin")
with replacing(arguments.output) as temporary:
    temporary.write_text("half of it\n")
    if arguments.fault == "exit7" and attempt == 1:
        sys.exit(7)
    if arguments.fault == "memory":  # 800 MB: more than the first attempt's 700, less than the second's 1,300
        block = b"x" * (800 << 20)
        time.sleep(10)
        assert len(block)
    if arguments.fault == "time" and attempt == 1:
        time.sleep(600)
    if arguments.fault == "killed" and attempt == 1:
        os.kill(0, signal.SIGKILL)
    if arguments.fault in ("requeued", "node", "preempted") and attempt == 1:
        time.sleep(600)
    if arguments.fault == "slow":  # until it may end, then as long as a Snakemake may take to find it alive
        began = time.monotonic()
        while not journal.with_suffix(".go").exists() and time.monotonic() - began < 300:
            time.sleep(0.1)
        time.sleep(25)
    temporary.write_text(f"whole, seed {arguments.seed}\n")
if arguments.fault == "edge" and attempt == 1:  # all is written when the limit comes
    time.sleep(600)
note("end")
