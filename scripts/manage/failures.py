"""What a run's failed jobs say: a user's mistake is tried once, and the run's last lines tell what went wrong where."""

import atexit
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_interface_logger_plugins.common import LogEvent

TAIL = 100_000
"""Bytes of a log's end that are looked through."""
CLOCKS = 60
"""Seconds that the clocks of two machines may differ: a log of an earlier run says nothing of this one."""
# What scripts.common.cli prints of a UserError; more lines of one sentence are indented. A progress bar ends on "\r".
_SENTENCE = r"(?:^|[\r\n]){}: (.+(?:\n[ \t].*)*)"
_MISTAKE, _STOP = (re.compile(_SENTENCE.format(word)) for word in ("error", "stopped"))
# What executors say beside it: why nothing was submitted, how Slurm saw the job end, and where to read on.
_STATUS, _READ_ON = re.compile(r"SLURM status is: '(\w+)'"), "For further error details"
_WITHOUT_A_WORD = "it ended without a word (killed, out of memory or time?)"


class Failure(NamedTuple):
    """A job that failed."""

    job: str
    """Rule and wildcards."""
    sentence: str
    """Why, as its log says it."""
    mistake: bool
    """Whether it is a user's mistake, which comes again at every attempt."""
    log: str | None


def read_failure(job: str, logs: Iterable[str], since: float = 0.0, executor: str = "") -> Failure:
    """Return why a job failed, by the first of its `logs` written `since` then (seconds) that says something.

    What the `executor` says stands in where none does; before a mere last line stands Slurm's word for its end.
    """
    named = list(logs)
    status = _STATUS.search(executor)
    slurm = f"Slurm says {status[1]}; its log's last line: " if status and status[1] != "FAILED" else ""
    for log in named:
        try:
            state = Path(log).stat()
            with Path(log).open("rb") as stream:
                stream.seek(max(0, state.st_size - TAIL))
                text = stream.read().decode(errors="replace") if state.st_mtime >= since else ""
        except OSError:
            continue
        if mistakes := _MISTAKE.findall(text):
            return Failure(job, _one_line(mistakes[-1]), True, log)
        # Behind a mistake: what one process of a training ends on makes the launcher stop the others.
        if stops := _STOP.findall(text):
            return Failure(job, _one_line(stops[-1]), False, log)
        if lines := [line for line in re.split(r"[\r\n]+", text) if line.strip()]:
            return Failure(job, slurm + _one_line(lines[-1])[:300], False, log)
    said = _one_line(executor.partition(_READ_ON)[0]) or _WITHOUT_A_WORD
    return Failure(job, said, False, named[0] if named else None)


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Failures(logging.Handler):
    """Listens to Snakemake's log for jobs that fail."""

    def __init__(self, workflow: Any) -> None:
        super().__init__()
        self._workflow = workflow
        self._by_job: dict[int, Failure] = {}
        self._since = time.time() - CLOCKS

    def emit(self, record: logging.LogRecord) -> None:
        """Note a job that failed."""
        if getattr(record, "event", None) == LogEvent.JOB_ERROR:
            self._failed(vars(record))

    def _failed(self, told: Mapping[str, Any]) -> None:
        jobs = [job for job in self._workflow.dag.jobs if job.jobid == told["jobid"]]
        wildcards = ", ".join(f"{key}={value}" for job in jobs for key, value in job.wildcards_dict.items())
        name = f"{told['rule_name']} ({wildcards})" if wildcards else told["rule_name"]
        # Its own log is before that of the cluster.
        failure = read_failure(name, map(str, told["log"]), self._since, told.get("rule_msg") or "")
        self._by_job[told["jobid"]] = failure
        for job in jobs:
            if failure.mistake and job.attempt <= job.restart_times:
                job.attempt = job.restart_times + 1  # the last one, so that Snakemake starts none after it

    def summary(self) -> str:
        """Return a line for each job that failed and came to no end at a later attempt."""
        ended = {job.jobid for job in self._workflow.dag.jobs if self._workflow.dag.finished(job)}
        failed = [failure for number, failure in self._by_job.items() if number not in ended]
        lines = [f"{len(failed)} jobs failed:" if len(failed) > 1 else "A job failed:"]
        for failure in failed:
            lines.append(f"  {failure.job}: {failure.sentence.rstrip('.')}; log: {failure.log or 'none'}")
        return "\n".join(lines) if failed else ""

    def print_last(self) -> None:
        """Print the summary when the process ends, after all that Snakemake says."""
        if text := self.summary():
            atexit.register(print, f"\n{text}", file=sys.stderr, flush=True)


def watch_failures(workflow: Any) -> Failures:
    """Listen for the jobs of `workflow` that fail."""
    failures = Failures(workflow)
    logging.getLogger("snakemake.logging").addHandler(failures)
    return failures
