"""What the report says of steps: negative PIR, orphans mended, how far the segmenter agrees with readers."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from scripts.common.digest import ROOT
from scripts.compare.agreement import AGREEMENT
from scripts.report.facts import Facts
from scripts.report.sections.pruning import agreement, negative, orphans


def cells(markdown: str) -> list[list[str]]:
    """Return the cells of a table's body."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[2:]]


def made_by(**records: dict[str, Any]) -> Facts:
    provenance = {f"select/subsets/{name}.parquet": record for name, record in records.items()}
    experiment = SimpleNamespace(pruned_subsets=lambda: dict.fromkeys(records), files_of=lambda name: [name])
    return cast(Facts, SimpleNamespace(experiment=experiment, provenance=provenance))


def test_negative_steps_are_counted_over_all_patterns() -> None:
    pir = pd.DataFrame({"steps": [30, 10, 0], "negative_share": [0.5, 0.1, None]})
    assert "16 of 40 scored functional steps (40.0%)" in negative(pir)
    assert negative(pir.assign(steps=0)) == ""


def test_the_account_of_orphans_adds_up() -> None:
    # 12 were due: 2 of them stay, and 3 others go beside the 10.
    facts = made_by(limopro={"orphans": {"cut": 13, "extended": 3, "kept": 2}}, other={})
    assert cells(orphans(facts)) == [["limopro", "12", "2", "3", "13"]]
    assert orphans(made_by(other={})) == ""


def test_the_report_and_the_docs_name_the_same_agreement() -> None:
    docs = (ROOT / "docs/limopro.md").read_text(encoding="utf-8")
    for row, start in zip(AGREEMENT, ("| 2 readers: mean |", "| 1 reader: mean |"), strict=False):
        line = next(line for line in docs.splitlines() if line.startswith(start))
        assert [float(cell) for cell in line.strip("| ").split(" | ")[1:6]] == list(row[1:])
    between = re.search(r"Reader against reader, the ten chains give (.*?) for the first five", docs, re.S)
    assert between and [float(number) for number in re.findall(r"\d\.\d+", between[1])] == list(AGREEMENT[2][1:])
    assert [row[0] for row in cells(agreement())] == [row.chains for row in AGREEMENT]
