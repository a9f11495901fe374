"""The reports of very different experiments: no page is left blank, and page one says what the tables say, in sentences.

The default experiment's is looked at in every run, the others by make test-long.
"""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typst
from PIL import Image

from scripts.compare.labels import arm_label, is_control, percent, points
from scripts.compare.tables import tables_of
from scripts.report.facts import Facts
from scripts.report.markdown import BREAK, SOFT_HYPHEN
from scripts.report.render_report import rendered
from scripts.report.sections.page_one import page_one
from tests.named_reports import REPORTS, make

TOP, BOTTOM = 2.4 / 29.7, 1 - 2.3 / 29.7  # of the height of a page: where the text begins and ends


@pytest.fixture(
    scope="module", params=["demo", *(pytest.param(name, marks=pytest.mark.long) for name in REPORTS if name != "demo")]
)
def facts(request: pytest.FixtureRequest, results: Path, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    name = request.param
    root = results if name == "demo" else make(name, tmp_path_factory.mktemp(name) / name)
    return Facts(root, root / "report/experiment.json")


def blank(page: bytes) -> float:
    """Return the share of a page's text area, a picture of it, that its highest gap takes."""
    grey = np.asarray(Image.open(io.BytesIO(page)).convert("L"))
    area = grey[round(TOP * len(grey)) : round(BOTTOM * len(grey))]
    inked = np.flatnonzero(np.r_[True, (area < 250).any(axis=1), True])
    return float(np.diff(inked).max() - 1) / len(area)


def test_a_gap_is_measured() -> None:
    page = np.full((297, 210), 255, dtype=np.uint8)
    page[100, 50], page[200, 50] = 0, 0
    picture = io.BytesIO()
    Image.fromarray(page).save(picture, "png")
    assert blank(picture.getvalue()) == pytest.approx(99 / 250, abs=0.005)


def test_no_page_is_left_blank(facts: Facts, tmp_path: Path) -> None:
    """But for the last one."""
    figures = sorted((facts.results / "report/figures").glob("*.svg"))
    folder = rendered(tmp_path / "document", facts, figures, "pdf", "pandoc").parent
    pages = typst.compile(str(folder / "report.typ"), root=str(folder), format="png", ppi=30)
    shares = [blank(page) for page in pages[:-1]]
    assert len(shares) > 8 and max(shares) < 1 / 3, [round(share, 2) for share in shares]


def page_one_text(facts: Facts) -> str:
    """What page one says, without markup and without names, which may hold numbers."""
    text = f"{facts.findings[0]}\n{page_one(facts)}"
    text = re.sub(r"`[^`]*`(\{=\w+\})?|^[|:]?[-:| ]+$|\{#[\w-]+\}", " ", text, flags=re.MULTILINE)
    text = re.sub(r"@[\w-]+", "N", text)
    text = re.sub(rf"[{BREAK}{SOFT_HYPHEN}\\]", "", text)
    experiment = facts.experiment
    models = [model.name.rpartition("/")[2] for model in (experiment.model, *experiment.models.values())]
    arms = set(facts.table("arms")["arm"])
    names = {*models, *arms, *map(arm_label, arms), *experiment.evaluation.benchmarks, *experiment.report.averages}
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "N")
    return text


def known_numbers(facts: Facts) -> set[str]:
    """The numbers that page one may say, as they are written there: the tables', and counts of what they hold."""
    experiment, found = facts.experiment, set()
    for name in {"comparisons", "average_comparisons", "primary"} & set(tables_of(experiment)):
        table = facts.table(name)
        for column in {"difference", "ci_low", "ci_high", "mde80", "lower_bound", "margin"} & set(table):
            found |= {points(value, sign=sign) for value in table[column] for sign in (True, False)}
    arms = facts.table("arms")
    rates = pd.concat([arms["truncated_rate"], arms["unparsed_rate"], arms["unparsed_rate"] - arms["truncated_rate"]])
    found |= set(map(percent, rates))
    counts = [*arms["n_questions"], *arms["runs"], arms.loc[arms["trained"], "arm"].nunique(), len(experiment.subsets)]
    counts += [experiment.evaluation.generation.max_new_tokens, len(experiment.training.seeds)]
    for column in ("steps", "trained_tokens") if experiment.subsets else ():
        counts += list(facts.table("training_arms")[column])
    compared = facts.table("comparisons")
    rows = compared.loc[~compared["subset"].map(is_control), ["question", "subset"]].drop_duplicates()
    return (
        found
        | {f"{round(count):,}" for count in [*counts, *range(1, len(rows))]}
        | {"0", points(-experiment.report.margin)}
    )


def test_every_number_of_page_one_stands_in_the_tables(facts: Facts) -> None:
    said = re.findall(r"[+−]?\d[\d,]*(?:\.\d+)?", page_one_text(facts))
    known = known_numbers(facts)
    assert len(said) > 5
    assert [number for number in said if number.rstrip(",") not in known] == []


ODD = (
    r"\bnan\b|\bNone\b|\binf\b|[A-Z]\w+\(|\d e[+-]\d",  # values that nobody formatted
    r" [.,;:]|\.\.|,,|;;|\( | \)|\(\)",  # holes
    r"(?<![\d.,])1 (?!GPU|more)\w+s\b|\b(\w+) \1\b",  # plurals, doubled words
    r"one of (?:−|0\.0|\d{3}\.|\d{4})",  # what cannot be seen
)


def test_page_one_reads_as_people_write(facts: Facts) -> None:
    text = page_one_text(facts)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
    assert [match[0] for odd in ODD for match in re.finditer(odd, prose)] == []
    for item in facts.findings[0].splitlines():
        assert re.fullmatch(r"- \*\*[A-Z].*\?\*\* .*\.", item), item
