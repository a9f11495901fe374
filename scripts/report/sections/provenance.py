"""The section on where the numbers come from: code, packages, machines, time, and a hash of every artefact."""

import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from scripts.common.content import sha256_of
from scripts.common.digest import ROOT
from scripts.compare.labels import counted
from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.sections.base import Section

HASHED_HERE = 50_000_000  # bytes: a larger artefact is only listed with the hash that a later stage took of it
STAGES = ("data", "select", "train", "evaluate", "compare", "report")


def commit() -> tuple[str | None, bool | None]:
    """Return the project's commit, and whether files differ from it; None where it is no git checkout."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def project_version() -> str:
    """Return the project's commit in words."""
    head, dirty = commit()
    if head is None:
        return "The project's version is not known: it is not a git checkout with a commit."
    state = "with changes that are not committed" if dirty else "with nothing changed"
    return f"The project's commit is {head}, {state}."


def _jobs(records: dict[str, dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return one record per job: several artefacts of one job have the same program and start."""
    return {(record["program"], record["started"] + str(record["seconds"])): record for record in records.values()}


def stages(facts: Facts) -> str:
    """Return jobs, time and memory by stage."""
    totals: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (program, _), record in _jobs(facts.provenance).items():
        totals[program.removeprefix("scripts/").partition("/")[0]].append(record)
    rows = [
        [
            escape(stage),
            str(len(totals[stage])),
            f"{sum(record['seconds'] for record in totals[stage]):,.1f}",
            f"{max(record['peak_memory_mib'] for record in totals[stage]):,.0f}",
        ]
        for stage in (*STAGES, *sorted(set(totals) - set(STAGES)))
        if stage in totals
    ]
    caption = "Jobs by stage: seconds in sum (jobs may have run side by side), and the largest one's memory."
    return table(
        ["Stage", "Jobs", "Seconds", "Peak memory, MiB"], rows, "lrrr", [40, 20, 20, 20], caption, "tbl-stages"
    )


def environment(facts: Facts) -> str:
    """Return sentences on code, packages and machines."""
    packages: dict[str, set[str]] = defaultdict(set)
    machines = set()
    for record in facts.provenance.values():
        for name, version in record["packages"].items():
            packages[name].add(version)
        machines.add(_machine(record["hardware"]))
    versions = ", ".join(
        f"{escape(name)} {escape(' and '.join(sorted(found)))}" for name, found in sorted(packages.items())
    )
    return "\n\n".join(
        [
            f"{escape(project_version())} Rendered by {escape(facts.engine)}.",
            f"Packages: {versions or 'not recorded'}.",
            f"{'Machine' if len(machines) == 1 else 'Machines'}: "
            f"{escape('; '.join(sorted(machines))) or 'not recorded'}.",
        ]
    )


def _machine(hardware: dict[str, Any]) -> str:
    gpus = hardware.get("gpus", [])
    processors = f"{hardware['machine']}, {counted(hardware['cpus'], 'processor')}, {hardware['memory_gib']:g} GiB"
    return f"{processors}, {len(gpus)} x {gpus[0]}" if gpus else processors


def artefacts(facts: Facts) -> str:
    """Return every artefact with its program's digest, its hash and its seconds."""
    rows, hashes = [], digests(facts)
    for name, record in facts.provenance.items():
        digest = hashes[name] or "–"
        program = record["program"].removeprefix("scripts/").removesuffix(".py")
        code = (record["code_digest"] or "–")[:8]
        rows.append([breakable(name), breakable(program), code, digest[:12], f"{record['seconds']:,.1f}"])
    caption = (
        "Every artefact: the program that made it, the digest of its code (first 8 digits), SHA-256 of its content "
        "(first 12) and seconds."
    )
    return table(
        ["Artefact", "Program", "Code", "SHA-256", "Seconds"],
        rows,
        "llllr",
        [40, 30, 11, 15, 8],
        caption,
        "tbl-artefacts",
    )


def digests(facts: Facts) -> dict[str, str | None]:
    """Return the SHA-256 of every artefact: as recorded, or by a later job, else taken here where it is small."""
    known = {path: digest for record in facts.provenance.values() for path, digest in record["inputs"].items()}
    return {
        name: record.get("sha256") or known.get(str(record["artefact"])) or _hash(facts.results / name)
        for name, record in facts.provenance.items()
    }


def _hash(path: Path) -> str | None:
    small = path.is_file() and path.stat().st_size <= HASHED_HERE
    return sha256_of(path) if small else None


SECTIONS = (
    Section("_environment.md", environment),
    Section("_stages.md", stages),
    Section("_artefacts.md", artefacts),
)
