"""What the report is written from: the tables of compare, the experiment, the provenance of every artefact."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO
from scripts.common.content import sha256_of
from scripts.common.digest import ROOT
from scripts.common.provenance import SUFFIX, disagreements, read_record
from scripts.compare.tables import read_csv

# What is made of the other artefacts.
DOCUMENTS = ("report/report.pdf", "report/report.html", "report/results.json", "report/leaderboard.md")

# Where the artefacts lie that the report shows; the others are behind them.
SHOWN = ("compare/", "report/")


def split_findings(text: str) -> tuple[str, str]:
    """Return the abstract (first paragraph) and the rest of findings.md."""
    abstract, _, rest = text.partition("\n\n")
    return abstract.strip(), rest.strip() + "\n"


class Facts:
    """The results folder of one experiment, read as it is needed."""

    def __init__(self, results: Path, experiment: Path, templates: Path = ROOT / "report", engine: str = "") -> None:
        self.results = results
        self.experiment = Experiment.model_validate_json(experiment.read_text(encoding="utf-8"))
        self.templates = templates
        self.engine = engine
        """What renders, by name and version; empty where nothing is rendered."""

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the comparison by its name."""
        return read_csv(name, self.results / "compare" / f"{name}.csv")

    @property
    def is_demo(self) -> bool:
        return self.experiment.model.name == DEMO

    @cached_property
    def examples(self) -> list[dict[str, Any]]:
        """The answers that were drawn to be printed."""
        return list(json.loads(self._read("examples.json")))

    @cached_property
    def chains(self) -> dict[str, Any]:
        """The chains that were drawn to be printed, and the subset they are from."""
        return dict(json.loads(self._read("chains.json")))

    @cached_property
    def findings(self) -> tuple[str, str]:
        """The abstract, and the findings."""
        return split_findings(self._read("findings.md"))

    @cached_property
    def checks(self) -> dict[str, dict[str, Any]]:
        """What check_model found of each model that was looked at."""
        files = [self.results / "train/checks" / f"{name}.json" for name in ("base", *self.experiment.models)]
        return {file.stem: dict(json.loads(file.read_text(encoding="utf-8"))) for file in files if file.is_file()}

    def _read(self, name: str) -> str:
        return (self.results / "report" / name).read_text(encoding="utf-8")

    @cached_property
    def provenance(self) -> dict[str, dict[str, Any]]:
        """The provenance records by artefact (a path inside the results folder) of all that the report is made from.

        Followed from the tables of compare and the parts of report through their inputs, so that what an earlier state
        of the experiment left in the folder is not among them.
        """
        records, names = {}, {}
        for file in sorted(self.results.rglob(f"*{SUFFIX}")):
            record = read_record(file)
            records[record["artefact"]] = record
            names[record["artefact"]] = str(file.relative_to(self.results)).removesuffix(SUFFIX)
        waiting = [key for key, name in names.items() if name.startswith(SHOWN) and name not in DOCUMENTS]
        used = set(waiting)
        while waiting:
            inputs = [path for path in records[waiting.pop()]["inputs"] if path in records and path not in used]
            used.update(inputs)
            waiting += inputs
        return {names[key]: records[key] for key in records if key in used}

    def refuse_mixed(self, read: Sequence[Path]) -> None:
        """Raise UserError where the report would be made from different states of one file, or from one of the files
        `read` that was edited."""
        faults = disagreements({record["artefact"]: record for record in self.provenance.values()})
        for name, record in self.provenance.items():
            path = self.results / name
            if path in read and "sha256" in record and sha256_of(path) != record["sha256"]:
                faults.append(f"'{name}' was changed after its program wrote it")
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise UserError(
                f"these results cannot be shown in one report: {faults[0]}{more}; 'make verify' with this experiment's "
                "CONFIG lists all of it: delete what is stale or edited, and run again"
            )
