"""The report for machines: results.json and the leaderboard."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pypandoc
import pytest


class TestResults:
    def test_json_holds_every_table_and_verdict(self, results: Path) -> None:
        found = json.loads((results / "report/results.json").read_text())
        files = {file.stem for file in (results / "compare").glob("*.csv")}
        assert set(found["tables"]) == files
        for name in files:
            written = pd.read_csv(results / f"compare/{name}.csv")
            assert len(found["tables"][name]) == len(written)
            assert not len(written) or list(found["tables"][name][0]) == list(written.columns)
        scores = pd.read_csv(results / "compare/scores.csv")
        assert [row["score"] for row in found["tables"]["scores"]] == pytest.approx(scores["score"].tolist())
        assert [row["question"] for row in found["verdicts"]] == sorted(
            (row["question"] for row in found["verdicts"]), key=["base", "rows", "unpruned"].index
        )
        assert len(found["verdicts"]) == len(pd.read_csv(results / "compare/comparisons.csv"))
        assert found["abstract"] in (results / "report/findings.md").read_text()

    def test_json_says_where_it_comes_from(self, results: Path) -> None:
        provenance = json.loads((results / "report/results.json").read_text())["provenance"]
        assert provenance["commit"] is None or len(provenance["commit"]) == 40
        assert provenance["dirty"] in (True, False, None)
        scores = provenance["artefacts"]["compare/scores.csv"]
        assert scores["sha256"] == hashlib.sha256((results / "compare/scores.csv").read_bytes()).hexdigest()
        assert {"seconds", "hardware", "packages", "code_digest"} <= set(scores)

    def test_the_leaderboard_is_a_table_best_first(self, results: Path) -> None:
        lines = (results / "report/leaderboard.md").read_text().splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        assert rows[0][0] == "Arm" and {len(row) for row in rows} == {6}
        means = [float(row[2].strip("*")) for row in rows[2:]]
        assert means == sorted(means, reverse=True) and len(means) == 4
        html = pypandoc.convert_text("\n".join(lines), "html", format="gfm")
        assert html.count("<table") == 1 and html.count("<tr") == 5
