"""What the report is written from: the stage's tables, the experiment, the provenance of every artefact."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO
from scripts.common.tables import read_csv
from scripts.report.report_tables import read_report_table

SUFFIX = ".provenance.json"
# Tables that come with training, and with the scoring of steps.
OF_TRAINING = ("pool_account", "contamination", "steps", "pir", "subsets", "training_runs", "training_arms")
OF_SCORING = ("pir_truth", "pruning")


def _is_document(name: str) -> bool:
    return name in ("report/report.pdf", "report/report.html", "report/results.json", "report/leaderboard.md")


class Facts:
    """The results folder of one experiment, read as it is needed."""

    def __init__(self, results: Path, experiment: Path) -> None:
        self.results = results
        self.experiment = Experiment.model_validate_json(experiment.read_text(encoding="utf-8"))
        self.tables = results / "report" / "tables"

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the report stage by its name."""
        path = self.tables / f"{name}.csv"
        return read_csv(name, path) if name in ("scores", "comparisons") else read_report_table(name, path)

    def has(self, name: str) -> bool:
        """Whether this experiment has the table: some come with training, a LIMOPro subset, or published numbers."""
        needs = {
            **dict.fromkeys(OF_TRAINING, bool(self.experiment.subsets)),
            **dict.fromkeys(OF_SCORING, bool(self.experiment.scored_subsets())),
            "audit": bool(self.experiment.report.published),
        }
        return needs.get(name, True)

    @property
    def is_demo(self) -> bool:
        return self.experiment.model.name == DEMO

    @cached_property
    def examples(self) -> list[dict[str, Any]]:
        """The answers that were drawn to be printed."""
        return list(json.loads((self.results / "report" / "examples.json").read_text(encoding="utf-8")))

    @cached_property
    def provenance(self) -> dict[str, dict[str, Any]]:
        """The provenance records by artefact (a path inside the results folder) of all that the report is made from.

        Followed from the report's tables and figures through their inputs, so that what an earlier state of the
        experiment left in the folder is not among them.
        """
        records, names = {}, {}
        for file in sorted(self.results.rglob(f"*{SUFFIX}")):
            record = json.loads(file.read_text(encoding="utf-8"))
            records[record["artefact"]] = record
            names[record["artefact"]] = str(file.relative_to(self.results)).removesuffix(SUFFIX)
        waiting = [key for key, name in names.items() if name.startswith("report/") and not _is_document(name)]
        used = set(waiting)
        while waiting:
            inputs = [path for path in records[waiting.pop()]["inputs"] if path in records and path not in used]
            used.update(inputs)
            waiting += inputs
        return {names[key]: records[key] for key in records if key in used}
