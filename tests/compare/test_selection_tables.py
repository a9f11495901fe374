"""Where rows and steps went: the accounts add up."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.tables import read_table, write_table
from scripts.compare import summarise_selection
from scripts.compare.candidates import CLEAN
from scripts.compare.contents import contents_table, overlap_table
from scripts.compare.tables import read_csv
from scripts.data.tables import POOL
from scripts.report.figures.overlap import matrix
from scripts.select.tables import PASS_RATES, STEP_SCORES, STEPS, SUBSET


class TestSelection:
    def test_the_account_adds_up(self, results: Path) -> None:
        account = read_csv("pool_account", results / "compare/pool_account.csv")
        rows = account.groupby("stage")["rows"].sum()
        assert rows["raw"] == rows["pool"] + rows["rejected"] == 1040
        assert rows["pool"] == rows["clean"] + rows["contaminated"] == 1000
        assert rows["clean"] == rows["not drawn"] + rows["not scored"] + rows["scored"]

    def test_a_lost_row_is_a_fault(self) -> None:
        with pytest.raises(ValueError, match="rows are missing: raw 10, pool 7"):
            summarise_selection.account(10, Counter(short=2), 7, 1, 6, None)

    def test_reasons_are_counted_without_their_numbers(self) -> None:
        reasons = ["900 tokens, the scorer's context holds 512", "800 tokens, the scorer's context holds 512", None]
        samples = pd.DataFrame({"reason": reasons, "mean_pir": [None, None, 0.1]})
        account = summarise_selection.account(3, Counter(), 3, 0, 3, samples)
        assert ("not scored", "too long: the scorer's context holds 512", 2) in list(
            account.itertuples(index=False, name=None)
        )

    def test_subsets_count_tokens_and_pruned_steps(self, results: Path) -> None:
        subsets = read_csv("subsets", results / "compare/subsets.csv").set_index("draw")
        chosen = subsets.loc["limopro"]
        assert (chosen["rows"], chosen["tokens_before"], chosen["tokens"]) == (300, 36_000, 32_400)
        assert (chosen["steps_verification"], chosen["pruned_verification"], chosen["pruned_error_correction"]) == (
            300,
            300,
            0,
        )
        assert subsets.loc["random-300-pir-t1", "pruned_steps"] == 0

    def test_contamination_counts_rows_and_questions(self) -> None:
        hits = pd.DataFrame({"id": ["r1", "r1", "r2"], "benchmark": "b", "question_id": ["q1", "q2", "q1"]})
        late = pd.DataFrame({"id": ["r3"], "benchmark": "c", "question_id": ["q1"]})
        assert summarise_selection.contamination(hits, late).to_dict("records") == [
            {"benchmark": "b", "rows": 2, "questions": 2, "taken_out": True},
            {"benchmark": "c", "rows": 1, "questions": 1, "taken_out": False},
        ]

    def test_steps_and_pir_by_pattern(self, results: Path) -> None:
        steps = read_csv("steps", results / "compare/steps.csv").set_index("pattern")
        scores = read_table(STEP_SCORES, results / "select/scores.parquet").to_pandas()
        pir = read_csv("pir", results / "compare/pir.csv").set_index("pattern")
        assert steps.loc["progressive", "share"] == pytest.approx(4 / 7)
        correction = scores.loc[scores["pattern"] == "error_correction", "pir"]
        assert pir.loc["error_correction", ["mean", "median"]].tolist() == pytest.approx(
            [correction.mean(), correction.median()]
        )

    def test_rows_without_an_answer_are_not_those_that_were_not_drawn(self) -> None:
        samples = pd.DataFrame({"reason": [None], "mean_pir": [0.1]})
        account = summarise_selection.account(9, Counter(), 9, 0, 9, samples, unanswered=3).set_index("stage")["rows"]
        assert (account["no final answer"], account["not drawn"], account["scored"]) == (3, 5, 1)

    def test_candidates_and_categories_are_those_of_the_files(self, results: Path, experiment: Experiment) -> None:
        candidates = read_csv("candidates", results / "compare/candidates.csv")
        assert candidates.fillna("").to_dict("records") == [
            {"subset": "limopro", "reason": "", "rows": 800},
            {"subset": "limopro", "reason": "not drawn for scoring", "rows": 180},
        ]
        categories = read_csv("categories", results / "compare/categories.csv")
        rows = categories.groupby("draw")["rows"].sum()
        assert rows.to_dict() == {CLEAN: 980, **{draw.name: 300 for draw in experiment.draws()}}
        pool = read_table(POOL, results / "data/clean.parquet").to_pandas().set_index("id")["category"]
        for draw in experiment.draws():
            ids = read_table(SUBSET, results / f"select/subsets/{draw.name}.parquet")["id"].to_pylist()
            counted = categories[categories["draw"] == draw.name].set_index("category")["rows"].to_dict()
            assert counted == dict(Counter(pool[identity] for identity in ids))

    def test_what_is_in_a_training_set(self, tmp_path: Path) -> None:
        """Four rows counted by hand: two chains were cut, one lost its verification step."""
        texts = dict.fromkeys(("question", "reasoning", "response", "answer", "system"), "")
        origins = {"a": ("x", "math"), "b": ("x", None), "c": ("y", "math"), "d": ("x", "code")}
        pool = [
            {**texts, "id": i, "source": source, "category": category, "response_tokens": 1}
            for i, (source, category) in origins.items()
        ]
        write_table(POOL, pool, tmp_path / "clean.parquet")
        chains = {"a": ["progressive", "verification", "verification"], "c": ["progressive", "error_correction"]}
        steps = [
            {"id": i, "step": n, "start": 0, "end": 1, "text": "", "pattern": pattern}
            for i, chain in chains.items()
            for n, pattern in enumerate(chain)
        ]
        write_table(STEPS, steps, tmp_path / "steps.parquet")
        files = []
        for name, ids in {"first": "abc", "second-t1": "cd"}.items():
            rows = [
                {
                    "id": i,
                    "messages": [],
                    "tokens": 10 * n,
                    "tokens_before": 50,
                    "pruned_steps": [2] if i == "a" else [],
                }
                for n, i in enumerate(ids, start=1)
            ]
            files.append(tmp_path / f"{name}.parquet")
            write_table(SUBSET, rows, files[-1])
        found = contents_table(tmp_path / "clean.parquet", files, tmp_path / "steps.parquet", {"b", "d"})
        first = found.set_index("draw").loc["first"]
        assert first[["rows", "tokens", "tokens_median", "cut_rows", "steps_a_row"]].tolist() == [3, 60, 20, 2, 2]
        assert first[["share_progressive", "share_verification", "share_error_correction"]].tolist() == [
            0.5,
            0.25,
            0.25,
        ]
        assert (first["largest_source"], first["largest_source_share"], first["source_values"]) == ("x", 2 / 3, 2)
        assert (first["largest_category"], first["category_values"], first["contaminated"]) == ("math", 2, 1)
        without = contents_table(tmp_path / "clean.parquet", files, None, set()).set_index("draw")
        assert without["steps_a_row"].isna().all() and without.loc["second-t1", "tokens"] == 30
        assert without["difficulty"].isna().all() and (without["difficulty_rows"] == 0).all()
        asked = [
            {
                "id": i,
                "samples": 4,
                "correct": 0,
                "pass_rate": rate,
                "reason": None if rate is not None else "no answer",
            }
            for i, rate in {"a": 0.25, "b": None, "c": 0.75, "d": 1.0}.items()
        ]
        rates = tmp_path / "rates.parquet"
        write_table(PASS_RATES, [{"output_tokens": 1.0, "truncated": 0.0} | row for row in asked], rates)
        known = contents_table(tmp_path / "clean.parquet", files, None, set(), rates).set_index("draw")
        assert known[["difficulty", "difficulty_rows"]].values.tolist() == [[0.5, 2], [0.875, 2]]
        overlap = overlap_table(files)
        assert overlap.to_dict("records") == [
            {"draw": "first", "other": "second-t1", "rows": 1, "share": 1 / 3},
            {"draw": "second-t1", "other": "first", "rows": 1, "share": 1 / 2},
        ]

    def test_the_matrix_is_the_mean_over_draws(self) -> None:
        pairs = {("s", "random-9-t1"): 0.2, ("s", "random-9-t2"): 0.4, ("random-9-t1", "s"): 0.1,
                 ("random-9-t2", "s"): 0.5, ("random-9-t1", "random-9-t2"): 0.9}  # fmt: skip
        rows = [(draw, other, 1, share) for (draw, other), share in pairs.items()]
        found = matrix(pd.DataFrame(rows, columns=["draw", "other", "rows", "share"]))
        assert found.loc["s", "random-9"] == pytest.approx(0.3) == found.loc["random-9", "s"]
        assert found.isna().to_numpy().diagonal().all()
