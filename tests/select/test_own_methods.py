"""Selections made elsewhere, by length, by steps and mixed: each against a plain count, and the user's mistakes."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.config.reading import ConfigError
from scripts.common.tables import write_table
from scripts.data.tables import CONTAMINATED, POOL, REJECTED
from scripts.select.methods import METHODS
from scripts.select.methods.mix import draw_parts
from scripts.select.pruned import pruned
from scripts.select.selection import Selection, Source
from scripts.select.tables import CANDIDATES, SAMPLES, STEP_SCORES, STEPS, SUBSET
from tests.common.test_config import changed

ROWS = 40
REJECTED_ROWS = {3: "duplicate", 10: "too_long", 11: "too_long"}
CONTAMINATED_ROWS = (5, 20)
OF_POOL = [row for row in range(ROWS) if row not in REJECTED_ROWS]
CLEAN = [row for row in OF_POOL if row not in CONTAMINATED_ROWS]


def identity(row: int) -> str:
    return f"{row:016x}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tables of the data stage for a data set of 40 rows; row 3 is a copy of row 2."""
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "system", "category"), "")
    answers = {row: None if row % 8 == 0 else "7" for row in range(ROWS)}
    rows = {
        row: {**texts, "id": identity(row), "answer": answers[row], "response_tokens": row * row % 17}
        for row in OF_POOL
    }
    write_table(POOL, list(rows.values()), tmp_path / "pool.parquet")
    write_table(POOL, [rows[row] for row in CLEAN], tmp_path / "clean.parquet")
    out = [
        {"row": n, "id": identity(2 if n == 3 else n), "reason": why, "detail": ""} for n, why in REJECTED_ROWS.items()
    ]
    write_table(REJECTED, out, tmp_path / "rejected.parquet")
    hit = {"benchmark": "b", "question_id": "1", "kind": "exact", "score": 1.0, "match": ""}
    write_table(
        CONTAMINATED, [{**hit, "id": identity(n)} for n in CONTAMINATED_ROWS], tmp_path / "contaminated.parquet"
    )
    return tmp_path


def source(folder: Path, **more: Any) -> Source:
    files = {path.stem: path for path in folder.glob("*.parquet")}
    return Source(files | more, folder)


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / "own" / name
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".txt":
        path.write_text("\n".join(row["id"] for row in rows) + "\n", encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def drawn(folder: Path, path: Path | None = None, **keys: Any) -> Selection:
    if path:
        keys["file"] = str(path)
    return METHODS[keys["method"]](**keys).select(source(folder, file=path), "mine", 1)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.txt"])
def test_rows_are_named_by_id(folder: Path, name: str) -> None:
    named = [12, 7, 39, 0]
    path = write(folder, name, [{"id": identity(row), **({} if name == "a.txt" else {"why": "good"})} for row in named])
    found = drawn(folder, path, method="ids")
    assert found.ids == [identity(row) for row in sorted(named)] and found.facts == {"named": 4, "missing": {}}
    some = drawn(folder, path, method="ids", size=2).ids
    assert some and len(some) == 2 and set(some) < set(found.ids)
    with pytest.raises(UserError, match="'mine' asks for 5 rows, there are 4: lower its size"):
        drawn(folder, path, method="ids", size=5)


def test_rows_are_named_by_number(folder: Path) -> None:
    """The numbers are of the data set as it came: the fourth row was rejected, so the fifth is the pool's fourth."""
    path = write(folder, "rows.csv", [{"row": row} for row in (4, 12, 0, 39)])
    assert drawn(folder, path, method="ids").ids == [identity(row) for row in (0, 4, 12, 39)]
    path = write(folder, "rows.csv", [{"row": row} for row in (2, 3, 5, 10, 38)])
    with pytest.raises(
        UserError, match=r"3 of the 5 rows .*1 rejected: duplicate, 1 contaminated, 1 rejected: too_long"
    ):
        drawn(folder, path, method="ids")
    left = drawn(folder, path, method="ids", missing="leave_out")
    assert left.ids == [identity(2), identity(38)] and sum(left.facts["missing"].values()) == 3
    path = write(folder, "rows.csv", [{"row": row} for row in (4, 40)])
    with pytest.raises(UserError, match=r"names the rows '40', and the data set has 40, numbered from 0"):
        drawn(folder, path, method="ids")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"id": identity(1)}, {"id": identity(1)}], "stands twice, in line 2 and line 3"),
        ([{"id": identity(1)}, {"id": ""}, {"id": " "}], "line 3: the id is empty"),
        ([{"id": "zz"}, {"id": identity(1)}], "1 of the 2 rows .*1 unknown; such as 'zz'.* missing: leave_out"),
        ([{"row": "1.5"}], "row is '1.5' and no whole number"),
        ([{"row": "1_0"}], "row is '1_0' and no whole number"),
        ([{"row": "-1"}], "rows are numbered from 0"),
    ],
)
def test_what_is_wrong_with_named_rows(folder: Path, rows: list, what: str) -> None:
    rows = [{**row, "other": 1} for row in rows]
    with pytest.raises(UserError, match=what):
        drawn(folder, write(folder, "a.csv", rows), method="ids")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_score_of_ones_own(folder: Path, name: str) -> None:
    values = {row: None if row % 9 == 4 else (row * 7 % 31) / 4 for row in range(ROWS) if row not in (3, 30)}
    path = write(folder, name, [{"id": identity(row), "mine": value} for row, value in values.items()])
    keys = {"method": "score", "column": "mine", "file": str(path)}
    known = {row: values[row] for row in CLEAN if values.get(row) is not None}
    for take, reverse in (("top", True), ("bottom", False)):
        ids = drawn(folder, path, **keys, take=take, size=12).ids
        expected = sorted(known.values(), key=lambda value: value or 0.0, reverse=reverse)[:12]
        assert sorted((known[int(one, 16)] for one in ids or []), reverse=reverse) == expected
    assert drawn(folder, path, **keys, take="band", band=(2, 4)).ids == [
        identity(row) for row, value in known.items() if value is not None and 2 <= value <= 4
    ]
    unfit = METHODS["score"](**keys, size=1).unfit(source(folder, file=path))
    assert set(unfit["id"]) == {identity(row) for row in CLEAN if row not in known} and identity(30) in set(unfit["id"])
    assert set(unfit["reason"]) == {"no score in the file"}


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"id": identity(1), "score": "nan"}], "line 2: score is 'nan' and no finite number; leave the cell empty"),
        ([{"id": identity(1), "score": "1_0"}], "score is '1_0' and no finite number"),
        ([{"id": identity(1), "score": "inf"}], "score is 'inf' and no finite number"),
        ([{"id": identity(1), "score": "high"}], "score is 'high' and no finite number"),
        ([{"id": identity(1), "score": 1}, {"id": identity(1), "score": 1}], "stands twice"),
        ([{"id": "zz", "score": 1}], "none of the 1 ids of .* is of a row of the clean pool"),
        (
            [{"id": "zz", "score": 1}, {"id": identity(1), "score": 1}],
            "1 of the 2 ids .* are of no row of the data set",
        ),
        ([{"id": identity(1), "score": 1}], "asks for 2 rows, and 1 rows of the clean pool have a score"),
        ([{"id": identity(1), "points": 1}], "there is no column 'score'; it needs id and score, and has id, points"),
    ],
)
def test_what_is_wrong_with_scores(folder: Path, rows: list, what: str) -> None:
    with pytest.raises(UserError, match=what):
        drawn(folder, write(folder, "a.csv", rows), method="score", size=2)
    if "of no row" in what:
        more = [*rows, {"id": identity(2), "score": 3}]
        left = drawn(folder, write(folder, "a.csv", more), method="score", size=2, missing="leave_out")
        assert left.ids and set(left.ids) == {identity(1), identity(2)}


@pytest.mark.parametrize("kind", [pl.Float32, pl.Float64])
def test_the_bounds_of_a_band_hold_for_short_floats(folder: Path, kind: Any) -> None:
    """0.3 of 32 bits is 0.30000001 of 64; 0.7 is less than 0.7."""
    path = folder / "own" / "short.parquet"
    path.parent.mkdir(exist_ok=True)
    scores = pl.Series("score", [row / 10 for row in range(10)], dtype=kind)
    pl.DataFrame({"id": [identity(row) for row in CLEAN[:10]], "score": scores}).write_parquet(path)
    ids = drawn(folder, path, method="score", take="band", band=(0.3, 0.7)).ids
    assert ids == [identity(row) for row in CLEAN[3:8]]


def test_lengths_are_tokens_of_the_response(folder: Path) -> None:
    tokens = {row: row * row % 17 for row in CLEAN}
    for take, reverse in (("long", True), ("short", False)):
        ids = drawn(folder, method="length", take=take, size=9).ids or []
        assert (
            sorted((tokens[int(one, 16)] for one in ids), reverse=reverse)
            == sorted(tokens.values(), reverse=reverse)[:9]
        )
    ids = drawn(folder, method="length", take="band", band=(4, 9)).ids
    assert ids == [identity(row) for row, count in tokens.items() if 4 <= count <= 9]


def chains(folder: Path, patterns: dict[int, list[str]]) -> None:
    rows = [
        {"id": identity(row), "step": n, "start": n, "end": n + 1, "text": "x", "pattern": pattern}
        for row, chain in patterns.items()
        for n, pattern in enumerate(chain)
    ]
    write_table(STEPS, rows, folder / "steps.parquet")


@pytest.mark.parametrize("batch", [7, 100_000])
def test_chains_are_ranked_by_their_steps(folder: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr("scripts.select.methods.steps.BATCH", batch)
    names = ("progressive", "verification", "multi_method", "error_correction")
    cut = {row: [names[(row * n + n) % 4] for n in range(1, 2 + row % 6)] for row in CLEAN if row % 8 and row != 9}
    chains(folder, cut)
    by_hand = {
        "steps": {row: len(chain) for row, chain in cut.items()},
        "verification_share": {row: chain.count("verification") / len(chain) for row, chain in cut.items()},
        "functional_share": {row: 1 - chain.count("progressive") / len(chain) for row, chain in cut.items()},
    }
    for measure, values in by_hand.items():
        ids = drawn(folder, method="steps", measure=measure, size=10).ids or []
        found = sorted((values[int(one, 16)] for one in ids), reverse=True)
        assert found == pytest.approx(sorted(values.values(), reverse=True)[:10])
    unfit = METHODS["steps"](method="steps", measure="steps", size=1).unfit(source(folder))
    reasons = {int(one, 16): reason for one, reason in unfit.iter_rows()}
    assert reasons == {row: "no final answer" for row in CLEAN if row % 8 == 0} | {9: "not cut into steps"}


PARTS = st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=2, max_size=3)


@given(PARTS, st.integers(1, 30), st.data())
def test_a_mix_has_the_shares_of_its_parts_and_no_row_twice(parts: list, size: int, data: st.DataObject) -> None:
    weights = [data.draw(st.integers(1, 5)) for _ in parts]
    rows = {f"p{n}": sorted(f"r{row:02}" for row in part) for n, part in enumerate(parts)}
    shares = {name: weight / sum(weights) for name, weight in zip(rows, weights, strict=True)}
    try:
        found = draw_parts(rows, shares, size, "mix", 1)
    except UserError:
        # With two parts it is refused only if no choice of rows could do.
        if len(parts) == 2:
            first, second = (size * weight / sum(weights) for weight in weights)
            short = len(parts[0]) < first + 1 or len(parts[1]) < second + 1
            assert short or len(parts[0] | parts[1]) < size + 1 or parts[0] & parts[1]
        return
    every = [one for ids in found.values() for one in ids]
    assert len(every) == len(set(every)) == size
    for name, ids in found.items():
        assert set(ids) <= set(rows[name]) and abs(len(ids) - size * shares[name]) < 1


def test_a_part_inside_another_still_gives_its_share(folder: Path) -> None:
    rows = {"all": [f"r{n}" for n in range(100)], "some": [f"r{n}" for n in range(50)]}
    found = draw_parts(rows, {"all": 0.5, "some": 0.5}, 100, "m", 1)
    assert sorted(found["some"]) == sorted(rows["some"]) and len(found["all"]) == 50
    with pytest.raises(UserError, match=r"'m' asks for 51 rows of its part 'some', which has 50: lower"):
        draw_parts(rows, {"all": 0.5, "some": 0.5}, 102, "m", 1)


def test_a_mix_reads_its_parts(folder: Path) -> None:
    for name, rows in (("short", range(0, 20)), ("long", range(12, 40))):
        (folder / name).mkdir()
        table = [{"id": identity(n), "messages": [], "tokens": 1, "tokens_before": 1, "pruned_steps": []} for n in rows]
        write_table(SUBSET, table, folder / f"{name}/{name}.parquet")
        could = [{"id": identity(n), "stratum": None, "reason": None if n in rows else "lacks it"} for n in CLEAN]
        write_table(CANDIDATES, could, folder / f"{name}/candidates.parquet")
    files = {
        "parts": [folder / "short/short.parquet", folder / "long/long.parquet"],
        "part_candidates": [folder / "short/candidates.parquet", folder / "long/candidates.parquet"],
    }
    mix = METHODS["mix"](method="mix", parts={"short": 0.25, "long": 0.75}, size=20)
    found = mix.select(source(folder, **files), "m", 1)
    assert found.facts == {"parts": {"short": 5, "long": 15}} and len(set(found.ids or [])) == 20
    assert mix.unfit(source(folder, **files)).is_empty()
    one = {name: paths[:1] for name, paths in files.items()}
    assert set(mix.unfit(source(folder, **one))["id"]) == {identity(n) for n in CLEAN if n >= 20}


def test_any_rows_are_pruned_as_limopro_prunes(folder: Path) -> None:
    """The scores are by hand: of ten functional steps three go, the lowest; a row without scores stays whole."""
    ids = [identity(row) for row in (1, 2, 4)]
    chains(folder, {row: ["progressive", *["verification"] * 10, "progressive"] for row in (1, 2, 4)})
    write_table(SAMPLES, [
        {"id": identity(row), "n_steps": 12, "n_functional": 10, "chain_gain": 1.0, "tokens": 5, "mean_pir": 1.0,
         "reason": None if row == 1 else "9 tokens, the scorer's context holds 5"} for row in (1, 4)
    ], folder / "samples.parquet")  # fmt: skip
    scores = {"pattern": "verification", "answer_tokens": 1, "nll_full": 0.0, "nll_without": 0.0}
    write_table(STEP_SCORES, [{**scores, "id": identity(1), "step": n, "pir": (n * 7 % 11) / 10} for n in range(1, 11)],
                folder / "scores.parquet")  # fmt: skip
    found = pruned(Selection(ids, None, {"named": 3}), source(folder), 0.3, "mine")
    lowest = sorted(range(1, 11), key=lambda n: n * 7 % 11)[:3]
    assert found.pruned is not None and found.pruned.rows() == [(identity(1), n) for n in sorted(lowest)]
    assert found.ids == ids and found.facts["prune"] == {"scored": 1, "whole": 2} and found.facts["named"] == 3
    with pytest.raises(UserError, match=r"none of its 2 rows has scored steps.*raise pool.score_rows"):
        pruned(Selection(ids[1:]), source(folder), 0.3, "mine")


def test_an_experiment_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known before any job: which steps are scored, which controls there are, and what the file lacks."""
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text("id,score\nabc,1\n", encoding="utf-8")
    subsets: dict[str, Any] = {
        "mine": {"method": "ids", "file": "good.csv"},
        "best": {"method": "score", "file": "good.csv", "size": 1},
        "long": {"method": "length", "take": "long", "size": 4},
        "both": {"method": "mix", "parts": {"mine": 0.5, "long": 0.5}, "size": 2},
    }
    every = ["rows", "unpruned", "random_prune"]
    whole = load_experiment(changed(subsets=subsets, controls=every))
    assert whole.references()["long"]["rows"] == "random-4" and whole.references()["mine"]["rows"] == "random-as-mine"
    assert whole.scored_subsets() == [] and all(whole.subset_controls(name) == ["rows"] for name in subsets)
    subsets["long"] = subsets["long"] | {"prune": {"ratio": 0.3}}
    subsets["some"] = {"method": "random", "size": 4, "prune": {"ratio": 0.3}}
    del subsets["both"]
    pruning = load_experiment(changed(subsets=subsets, controls=every))
    assert pruning.scored_subsets() == ["long", "some"] == list(pruning.pruned_subsets())
    assert pruning.subset_controls("long") == every and pruning.subset_controls("some") == every[1:]
    words = pruning.subsets["long"].in_words()
    assert (
        words.startswith("The 4 rows with the highest number of tokens") and "the share 0.3 of the functional" in words
    )
    assert pruning.subsets["mine"].expected_rows(100, 100) == 1


@pytest.mark.parametrize(
    ("subset", "what"),
    [
        ({"method": "ids", "file": "none.csv"}, r"subsets.x.*: file: there is no file 'none.csv' \(looked for from"),
        ({"method": "ids", "file": "bad.csv"}, r"'bad.csv' needs a column id \(or row\), and has name, points"),
        ({"method": "ids", "file": "empty.csv"}, "'empty.csv' holds no rows"),
        (
            {"method": "ids", "file": "rows.csv"},
            r"rows_of: is missing, and the SHA-256 of the data set's file is 'HASH'",
        ),
        ({"method": "ids", "file": "rows.csv", "rows_of": "0"}, "rows_of: is '0', and the SHA-256"),
        ({"method": "score", "file": "bad.csv", "size": 1}, "'bad.csv' needs a column id, and has name, points"),
        ({"method": "mix", "parts": {"a": 0.5, "b": 0.5}, "size": 2}, r"there is no subset 'b' \(there are: a, p, x\)"),
        ({"method": "mix", "parts": {"a": 0.5, "x": 0.5}, "size": 2}, "'x' is a mix itself"),
        (
            {"method": "mix", "parts": {"a": 0.5, "p": 0.5}, "size": 2},
            "'p' prunes its chains, and a mix takes whole rows",
        ),
        ({"method": "mix", "parts": {"a": 0.5, "p": 0.4}, "size": 2}, "the shares add up to 0.9 and not to 1"),
        ({"method": "limopro", "prune": {"ratio": 0.3}}, "limopro prunes by prune_ratio: leave `prune` out"),
    ],
)
def test_mistakes_are_told_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subset: dict, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.csv").write_text("name,points\na,1\n", encoding="utf-8")
    Path("empty.csv").write_text("id,score\n", encoding="utf-8")
    Path("rows.csv").write_text("row\n1\n", encoding="utf-8")
    Path("data.jsonl").write_text('{"question": "1+1", "response": "2"}\n', encoding="utf-8")
    digest = hashlib.sha256(Path("data.jsonl").read_bytes()).hexdigest()
    subsets = {"a": {"method": "all"}, "p": {"method": "limopro"}, "x": subset}
    experiment = changed(subsets=subsets) | {"dataset": {"source": "file", "path": "data.jsonl"}}
    with pytest.raises(ConfigError, match=what.replace("HASH", digest)):
        load_experiment(experiment)
    if subset.get("file") == "rows.csv":
        subsets["x"] = subset | {"rows_of": digest}
        assert load_experiment(experiment | {"subsets": subsets})
