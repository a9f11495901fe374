"""Check every artefact of an experiment against its provenance: is it as it was made, from what is there now?

For each artefact: its content, its program's code, the content of its inputs, its settings. And for all of them
together: whether any two were made from different states of one file. Nothing is changed, unless --adopt is given:
where Snakemake's own records were lost, artefacts that are right are recorded again and the others deleted, to be made
anew. Exit code 2 when something is wrong.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.common import cli
from scripts.common.atomic import remove
from scripts.common.cli import UserError
from scripts.common.config.load import read_experiment
from scripts.common.content import sha256_of
from scripts.common.digest import ROOT, code_digest
from scripts.common.layout import Layout
from scripts.common.program import Program, options_of
from scripts.common.provenance import SUFFIX, Record, disagreements, read_records
from scripts.manage.resume import asked
from scripts.manage.text import aligned

# A program of ours with its options, whatever starts it (accelerate, srun); a prompt may hold line breaks.
COMMAND = re.compile(
    r"^Shell command: .*? -m (scripts\.[\w.]+) (--.*?) (?:> \S+\.log 2>&1|2>&1 \| tee \S+\.log)$",
    re.MULTILINE | re.DOTALL,
)
MANNER = ("--threads", "--engine-manner", "--manner")
"""Options that say how a program works and change no result: threads follow the cores that a run is given."""
Options = dict[str, list[str]]
Planned = Mapping[str, Sequence[Options]]
"""The options of every planned command, by the program's file."""


class Fault(NamedTuple):
    """What is wrong with an artefact."""

    artefact: str
    kind: str
    """edited, missing, stale or no longer asked for."""
    what: str


def planned_options(dry_run: str) -> Planned:
    """Return the options of every command that `snakemake -n -p -F` prints, by the program's file."""
    planned: dict[str, list[Options]] = {}
    for module, command in COMMAND.findall(dry_run):
        try:
            options = options_of(shlex.split(command))
        except ValueError:
            continue
        planned.setdefault(f"{module.replace('.', '/')}.py", []).append(options)
    return planned


def options_for(record: Record, planned: Planned) -> Options | None:
    """Return the options of the command that makes a record's artefact today, or None where none does."""
    made = record.get("file_options", {}).get("made", [])
    for options in planned.get(record["program"], []):
        if any(record["artefact"] in options.get(flag, []) for flag in made):
            return options
    return None


def faults_of(record: Record, planned: Planned) -> list[Fault]:
    """Return what is wrong with the artefact of a record."""
    name = record["artefact"]

    def fault(kind: str, what: str) -> Fault:
        return Fault(name, kind, what)

    if not isinstance(record.get("file_options"), dict):
        return [fault("stale", "its record is of an older version of this project")]
    if (now := options_for(record, planned)) is None:
        return [fault("no longer asked for", "the experiment has no job that makes it")]
    if not Path(name).exists():
        return [fault("missing", "its record is there, it is not")]
    found = (
        [] if sha256_of(name) == record["sha256"] else [fault("edited", "its content is not what its program wrote")]
    )
    if record["code_digest"] != _digest(record["program"], record.get("choices", [])):
        found.append(fault("stale", f"the code of {record['program']} has changed"))
    found += [fault("stale", f"{why}: {path}") for path, why in _changed_inputs(record)]
    files = [*MANNER, *(flag for flags in record["file_options"].values() for flag in flags)]
    settings = {flag: words for flag, words in now.items() if flag not in files}
    before = {flag: words for flag, words in record["options"].items() if flag not in MANNER}
    changed = sorted(flag for flag in settings.keys() | before.keys() if settings.get(flag) != before.get(flag))
    return [*found, *(fault("stale", f"made with another {flag}") for flag in changed)]


def _digest(program: str, choices: Sequence[str]) -> str | None:
    files = [ROOT / name.partition(":")[0] for name in (program, *choices) if ".py" in name]
    return code_digest(program, also=choices) if all(file.is_file() for file in files) else None


def _changed_inputs(record: Record) -> Iterable[tuple[str, str]]:
    for path, digest in record["inputs"].items():
        if not Path(path).exists():
            yield path, "an input is gone"
        elif sha256_of(path) != digest:
            yield path, "an input has changed"


def verify(records: Mapping[str, Record], planned: Planned) -> list[Fault]:
    """Return what is wrong with the artefacts of `records`, in their order; what was made from a wrong one is stale."""
    faults = {name: faults_of(record, planned) for name, record in records.items()}
    made_from = {name: [path for path in record["inputs"] if path in records] for name, record in records.items()}
    pending = [name for name, found in faults.items() if not found]
    while True:
        reached = {name: source for name in pending for source in made_from[name] if faults[source]}
        if not reached:
            return [fault for found in faults.values() for fault in found]
        for name, source in reached.items():
            faults[name] = [Fault(name, "stale", f"made from what is not as it should be: {source}")]
        pending = [name for name in pending if name not in reached]


def dry_run(config: Path) -> str:
    """Return what Snakemake prints of every job of an experiment, with its command, and runs nothing."""
    every = ("--dry-run", "--printshellcmds", "--forceall", "--nolock")
    return asked(*every, "--configfile", str(config), unchecked=True)


def adopt(records: Mapping[str, Record], faults: Iterable[Fault], config: Path) -> None:
    """Have Snakemake record the artefacts that are right, and delete the others with their records.

    A job makes all of its outputs or none: with a wrong one go the others, or Snakemake would not run the job again.
    """
    jobs = {_job(records[fault.artefact]) for fault in faults}
    wrong = [name for name, record in records.items() if _job(record) in jobs]
    for name in wrong:
        remove(Path(name))
        remove(Path(f"{name}{SUFFIX}"))
    right = [name for name in records if name not in wrong]
    if right:
        touch = ("--cores", "1", "--configfile", str(config), "--no-hooks", "--touch", "--force")
        asked(*touch, *right, unchecked=True)
    cli.log.info("%d artefacts are recorded again, %d were deleted and will be made anew", len(right), len(wrong))


def _job(record: Record) -> str:
    """Return what the records of one job's outputs share and no other job's do."""
    return json.dumps([record.get(key) for key in ("program", "started", "inputs", "options")], sort_keys=True)


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    program.add_argument("--adopt", action="store_true", help="record what is right, delete what is not")
    arguments = program.parse()
    results = Layout(read_experiment(arguments.config).name).results
    records = read_records(Path(results))
    if not records:
        raise UserError(f"there is nothing to verify: '{results}' holds no artefact with a record")
    faults, mixed = verify(records, planned_options(dry_run(arguments.config))), disagreements(records)
    rows = [[fault.kind, fault.artefact, fault.what] for fault in faults]
    for line in aligned(rows, left=(0, 1, 2)) if rows else []:
        print(line)
    for sentence in mixed:
        print(f"mixed: {sentence}")
    wrong = {fault.artefact for fault in faults if fault.kind != "no longer asked for"}
    print(f"{len(records):,} artefacts: {len(records) - len(wrong):,} as they were made, {len(wrong):,} not")
    if arguments.adopt:
        adopt(records, faults, arguments.config)
    elif wrong or mixed:
        raise UserError("the results are not all of one state: run Snakemake again, after deleting what was edited")


if __name__ == "__main__":
    cli.run(main)
