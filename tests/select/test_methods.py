"""The tables of methods and controls: they hold what they promise, and a change of one touches no other."""

import ast
import random
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common import digest
from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.layout import FILES
from scripts.common.tables import write_table
from scripts.data.tables import POOL
from scripts.report.figures.style import LINES, MARKERS
from scripts.select.controls import CONTROLS, rows
from scripts.select.methods import METHODS
from scripts.select.methods.random import Random
from scripts.select.selection import Source
from scripts.select.subset import allot
from scripts.select.tables import CANDIDATES, SAMPLES, STEP_SCORES, STEPS
from tests.common.test_config import changed

ROOT = Path(__file__).resolve().parents[2]
SELECTING = {
    **{name: ("scripts/select/select_subset.py", method.module_file()) for name, method in METHODS.items()},
    **{name: ("scripts/select/select_control.py", f"scripts/select/controls/{name}.py") for name in CONTROLS},
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_called_what_it_says(name: str) -> None:
    method = METHODS[name]
    assert get_args(method.model_fields["method"].annotation) == (name,)
    assert (ROOT / method.module_file()).is_file() and method.__doc__
    assert set(method.needs) <= set(FILES), "a need is a file of the layout"


def test_every_control_has_its_file_and_its_own_look() -> None:
    files = {path.stem for path in (ROOT / "scripts/select/controls").glob("*.py")} - {"__init__"}
    assert files == set(CONTROLS)
    for control in CONTROLS.values():
        assert set(control.needs) <= set(FILES)
    assert len(set(MARKERS.values())) == len(MARKERS) and len(set(LINES.values())) == len(LINES)


def test_controls_are_drawn_where_they_make_sense() -> None:
    every = list(CONTROLS)
    subsets = {"all": {"method": "all"}, "some": {"method": "random", "size": 3}, "limopro": {"method": "limopro"}}
    experiment = load_experiment(changed(subsets=subsets, controls=every))
    assert [experiment.subset_controls(name) for name in subsets] == [[], [], every]
    assert experiment.scored_subsets() == ["limopro"] == list(experiment.pruned_subsets()) == list(experiment.bands())


def clean(folder: Path, count: int = 50) -> Path:
    texts = dict.fromkeys(("question", "reasoning", "answer", "response", "source", "category"), "")
    found = [{**texts, "id": str(n), "system": None, "response_tokens": n} for n in range(count)]
    write_table(POOL, found, folder / "clean.parquet")
    return folder / "clean.parquet"


def test_random_rows_are_drawn_by_seed_and_name(tmp_path: Path) -> None:
    source = Source({"clean": clean(tmp_path)}, tmp_path)
    some = Random(method="random", size=10)
    drawn = [some.select(source, name, seed).ids for name, seed in (("a", 1), ("a", 1), ("b", 1), ("a", 2))]
    assert drawn[0] == drawn[1] and len({tuple(ids) for ids in drawn if ids}) == 3
    assert METHODS["all"](method="all").select(source, "a", 1).ids is None
    control = rows.draw(source, pl.DataFrame({"id": ["1"] * 10}), (1, 2, "rows", "a"))
    assert control.ids and len(control.ids) == 10 and control.pruned is None
    with pytest.raises(UserError, match="asks for 51 rows, there are 50"):
        Random(method="random", size=51).select(source, "a", 1)
    with pytest.raises(UserError, match=r"reads scores\.parquet: give it by --scores"):
        METHODS["limopro"](method="limopro").select(source, "a", 1)


def test_the_experiment_is_checked_without_heavy_packages() -> None:
    import subprocess

    heavy = "{'polars', 'torch', 'pandas', 'numpy', 'transformers'} & set(sys.modules)"
    code = f"import sys, scripts.common.config.load\nassert not {heavy}, {heavy}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A copy of the project's programs, whose digests are taken."""
    for part in ("scripts", "envs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "ROOT", tmp_path)
    yield tmp_path
    digest._parsed.cache_clear()


def digests() -> dict[str, str]:
    digest._parsed.cache_clear()
    other = ("data/prepare_pool", "select/score_steps", "train/train_sft", "evaluate/evaluate_model")
    return {
        **{name: digest.code_digest(program, also=[file]) for name, (program, file) in SELECTING.items()},
        **{name: digest.code_digest(f"scripts/{name}.py") for name in other},
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("methods/limopro.py", "self.drawn_as or name)", "name)", {"limopro"}),
        ("methods/limopro.py", "rows whose sample score", "rows of which the score", set()),
        ("methods/random.py", "min(self.size, clean)", "self.size", set()),
        ("methods/random.py", "self.size, seed, name", "self.size, name, seed", {"random"}),
        ("methods/__init__.py", '    "all": All,\n', '    "every": All,\n', set()),
        ("controls/__init__.py", "random rows", "rows at random", set()),
        ("controls/tokens.py", "<= tokens", "< tokens", {"tokens"}),
        ("limopro/pruning.py", "Fraction(1, 2)", "Fraction(1, 3)", {"limopro", "random_prune"}),
        ("subset.py", "BATCH = 1000", "BATCH = 999", {*METHODS, *CONTROLS}),
    ],
)
def test_a_change_touches_the_jobs_that_chose_it(project: Path, file: str, old: str, new: str, changes: set) -> None:
    before, path = digests(), project / "scripts/select" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert {name for name, now in digests().items() if now != before[name]} == changes


SAYING_IT = ("select/export_subset.py", "report/sections/methods.py", "manage/sizes.py", "common/config/load.py")


def test_what_only_says_draws_nothing() -> None:
    """The digest leaves these functions out, so nothing that is drawn may come from them."""
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        saying = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in digest.SAYING]
        assert not saying or path.parent.name == "methods", path
        # One of these functions may use another.
        said = {id(node) for function in saying for node in ast.walk(function)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in digest.SAYING and id(node) not in said:
                assert path.relative_to(ROOT / "scripts").as_posix() in SAYING_IT, path


def mixed(folder: Path, counts: dict[str | None, int], answers: dict[str | None, str | None]) -> Source:
    """Return a clean pool with so many rows of each category, shuffled, and their final answers."""
    categories = [category for category, count in counts.items() for _ in range(count)]
    random.Random(4).shuffle(categories)
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "system"), "")
    found = [
        {**texts, "id": f"r{n}", "category": category, "answer": answers[category], "response_tokens": 1}
        for n, category in enumerate(categories)
    ]
    write_table(POOL, found, folder / "clean.parquet")
    return Source({"clean": folder / "clean.parquet"}, folder)


def shares(source: Source, ids: list[str] | None) -> dict[str | None, int]:
    pool = source.pool("id", "category").filter(pl.col("id").is_in(ids or []))
    return dict(pool.group_by("category").len().iter_rows())


def test_a_stratified_draw_has_the_shares_of_the_pool_exactly(tmp_path: Path) -> None:
    counts: dict[str | None, int] = {"math": 600, "code": 399, None: 1}
    source = mixed(tmp_path, counts, dict.fromkeys(counts))
    drawn = [
        Random(method="random", size=150, stratify=by).select(source, name, 1).ids
        for by in (None, "category")
        for name in "abcdefgh"
    ]
    assert all(shares(source, ids) == {"math": 90, "code": 60} for ids in drawn[8:])
    assert len({tuple(ids or []) for ids in drawn}) == 16
    # A plain draw is hypergeometric: its standard deviation is 5.5 rows here.
    plain = [shares(source, ids)["math"] for ids in drawn[:8]]
    assert len(set(plain)) > 1 and all(abs(count - 90) < 5 * 5.5 for count in plain)
    with pytest.raises(UserError, match="no row of the clean pool has a source"):
        (tmp_path / "b").mkdir()
        pool = source.pool(*POOL.schema.names).with_columns(source=pl.lit(None, pl.String))
        write_table(POOL, pool, tmp_path / "b/clean.parquet")
        other = Source({"clean": tmp_path / "b/clean.parquet"}, tmp_path)
        Random(method="random", size=3, stratify="source").select(other, "a", 1)


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 50), min_size=1), st.data())
def test_rows_are_allotted_in_proportion(counts: dict[str | None, int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, sum(counts.values())))
    allotted = allot(size, counts)
    assert sum(allotted.values()) == size
    for stratum, count in counts.items():
        exact = Fraction(size * count, sum(counts.values()))
        assert abs(allotted[stratum] - exact) < 1 and allotted[stratum] <= count


def scored(folder: Path, source: Source) -> Source:
    """Return the source with scores: of the rows with an answer all but the last ten are scored, a few are too long or
    have no functional step, and the mean PIR of code is a hundredth of that of mathematics."""
    rows = source.pool("id", "category", "answer").drop_nulls("answer").head(-10).to_dicts()
    samples = [
        {"id": row["id"], "n_steps": 2, "n_functional": int(n % 11 > 0), "chain_gain": 1.0, "tokens": 5,
         "mean_pir": None if n % 11 == 0 or n % 13 == 0 else (n + 1) * (0.01 if row["category"] == "code" else 1.0),
         "reason": "9 tokens, the scorer's context holds 5" if n % 13 == 0 else None}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    write_table(SAMPLES, samples, folder / "samples.parquet")
    write_table(STEP_SCORES, STEP_SCORES.schema.empty_table(), folder / "scores.parquet")
    write_table(STEPS, STEPS.schema.empty_table(), folder / "steps.parquet")
    files = {name: folder / f"{name}.parquet" for name in ("clean", "samples", "scores", "steps")}
    return Source(files, folder)


@pytest.mark.parametrize("by", [None, "category"])
def test_a_control_draws_from_what_its_subset_could_have_taken(tmp_path: Path, by: str | None) -> None:
    counts = {"math": 300, "code": 200, "chat": 100}
    source = scored(tmp_path, mixed(tmp_path, counts, {"math": "7", "code": "print(7)", "chat": None}))
    limopro = METHODS["limopro"](method="limopro", band=(0.5, 0.9), size=100, stratify=by)
    candidates = limopro.candidates(source)
    reasons = dict(candidates.group_by("reason").len().iter_rows())
    assert reasons == {
        None: 490 - len({n for n in range(490) if n % 11 == 0 or n % 13 == 0}),
        "no final answer": 100,
        "not drawn for scoring": 10,
        "longer than the scorer's context": 38,
        "no functional step": 45 - 4,  # four are too long as well
    }
    ids = limopro.select(source, "limopro", 1).ids
    taken = set(candidates.filter(pl.col("reason").is_null())["id"])
    assert ids and len(ids) == 100 and set(ids) <= taken
    write_table(CANDIDATES, candidates, tmp_path / "candidates.parquet")
    files = {"clean": tmp_path / "clean.parquet", "candidates": tmp_path / "candidates.parquet"}
    drawn = [
        rows.draw(Source(files, tmp_path), pl.DataFrame({"id": ids}), (1, seed, "rows", "limopro")).ids
        for seed in range(3)
    ]
    assert all(control and len(set(control)) == 100 and set(control) <= taken for control in drawn)
    found = [shares(source, control) for control in drawn]
    if by:
        # Within the categories the band takes the same share of each, and the controls hold as many of each.
        assert abs(shares(source, ids)["math"] - 60) <= 2 and all(one == shares(source, ids) for one in found)
    else:
        # A band over all rows takes none of the code, whose PIR is smaller: controls still hold what could be taken.
        assert shares(source, ids) == {"math": 100} and all(one.keys() == {"math", "code"} for one in found)
