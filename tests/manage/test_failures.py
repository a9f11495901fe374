"""Why a job failed, as its log says it: a user's mistake or anything else."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.manage.failures import read_failure

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: no such shape\n'
LOGS = {
    "a mistake": ("12:00:01 reads\nerror: the file 'x' has no rows\n", True, "the file 'x' has no rows"),
    "a mistake of several lines": ("error: two mistakes:\n  - one\n  - two\n12:00:02 ends\n", True, "two mistakes: - one - two"),
    "behind a progress bar": ("rows:  40%|##  | 4/10\r                \rerror: row 5 is bad\nrows: 40%", True, "row 5 is bad"),
    "told by two processes of a training": (f"error: too long\n{TRACEBACK}", True, "too long"),
    "a stop": (f"stopped: asked to stop at step 2 of 4\n{TRACEBACK}", False, "asked to stop at step 2 of 4"),
    "a mistake that stopped the others": ("error: no number\nstopped: asked to stop\n", True, "no number"),
    "a fault": (f"12:00:01 reads\n{TRACEBACK}", False, "ValueError: no such shape"),
    "a tool's error": ("slurmstepd: error: Detected 1 oom_kill event\n", False, "slurmstepd: error: Detected 1 oom_kill event"),
    "an error in the middle of a line": ("12:00:01 the word error: stands here\n", False, "12:00:01 the word error: stands here"),
    "nothing": ("", False, "it ended without a word"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_what_a_log_says(name: str, tmp_path: Path) -> None:
    text, mistake, sentence = LOGS[name]
    log = tmp_path / "a.log"
    log.write_text(text, encoding="utf-8", newline="")
    failure = read_failure("a", [str(tmp_path / "no.log"), str(log)])
    assert failure.mistake == mistake and failure.sentence.startswith(sentence)


def test_a_log_of_an_earlier_run_says_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("error: long mended\n", encoding="utf-8")
    assert not read_failure("a", [str(log)], since=log.stat().st_mtime + 1).mistake


# What Snakemake's Slurm executor says, as seen.
SUBMIT = "Job submission failed with exception: The given account theirs appears to be invalid. Available accounts:\nroot, lab"
SLURM = "SLURM-job '7' failed, SLURM status is: '{}'. Reason: Unknown."
READ_ON = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."


@pytest.mark.parametrize(
    ("text", "executor", "sentence"),
    [
        ("", SUBMIT, " ".join(SUBMIT.split())),
        ("", SLURM.format("TIMEOUT"), SLURM.format("TIMEOUT")),
        ("12:00 row 4\n", SLURM.format("OUT_OF_MEMORY"), "Slurm says OUT_OF_MEMORY; its log's last line: 12:00 row 4"),
        (TRACEBACK, SLURM.format("FAILED"), "ValueError: no such shape"),
        ("error: no rows\n", SLURM.format("TIMEOUT"), "no rows"),
        ("", "", "it ended without a word (killed, out of memory or time?)"),
    ],
)
def test_what_the_executor_says_stands_in(tmp_path: Path, text: str, executor: str, sentence: str) -> None:
    log = tmp_path / "a.log"
    log.write_text(text, encoding="utf-8")
    assert read_failure("a", [str(log)], executor=executor + READ_ON if executor else "").sentence == sentence


@pytest.mark.parametrize(("raised", "code", "mistake"), [("UserError", 2, True), ("TryAgain", 75, False)])
def test_a_program_says_why_it_ends_on_a_line_of_its_own(tmp_path: Path, raised: str, code: int, mistake: bool) -> None:
    program = (
        "from scripts.common import cli\n"
        "def main():\n"
        "    for number in cli.progress(range(9), 'rows'):\n"
        f"        if number == 4: raise cli.{raised}('row 4 is bad')\n"
        "cli.run(main)\n"
    )
    log = tmp_path / "a.log"
    with log.open("w") as stream:
        done = subprocess.run([sys.executable, "-c", program], stdout=stream, stderr=stream)
    assert done.returncode == code
    assert read_failure("a", [str(log)])[1:3] == ("row 4 is bad", mistake)
