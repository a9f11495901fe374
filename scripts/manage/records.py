"""Snakemake's own records of how files were made, under .snakemake: by them it sees a changed setting."""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path

from scripts.common.layout import Layout
from scripts.common.provenance import SUFFIX

UNCHECKED = "SFT_REPORT_LOST_RECORDS"
"""The variable of the environment that lets Snakemake plan though its records were lost."""
METADATA = Path(".snakemake") / "metadata"
BEGUN = Path(".snakemake") / "incomplete"
"""Where outputs are marked from their job's start to its end; a job that ended unseen has left its marks."""


def outputs_in(records: Path, results: str) -> Iterator[str]:
    """Yield the files under `results` that stand in a folder of Snakemake's records."""
    for file in records.rglob("*") if records.is_dir() else ():
        # A long path is cut into folders whose names begin with @.
        name = "".join(part.removeprefix("@") for part in file.relative_to(records).parts)
        try:
            path = base64.urlsafe_b64decode(name).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if path.startswith(f"{results}/"):
            yield path


def lost_records(name: str) -> int:
    """Return how many artefacts the experiment `name` has where Snakemake knows of not a single one; else 0."""
    results = Layout(name).results
    if any(True for records in (METADATA, BEGUN) for _ in outputs_in(records, results)):
        return 0
    return sum(1 for _ in Path(results).rglob(f"*{SUFFIX}"))
