"""The table of figures, and what figures are drawn from."""

import json
from pathlib import Path

import pandas as pd
import pytest

from scripts.common.config.load import load_experiment
from scripts.compare.tables import read_csv
from scripts.report.figures import differences, efficiency, scores, style
from scripts.report.figures.sample_scores import panels_of
from tests.made_up_results import CONFIG


def test_selections_of_one_band_share_a_panel() -> None:
    band = {"sample_score": "mean_pir", "band": [0.5, 0.9]}
    bands = {"x-p20": band, "x-p50": band, "y": band | {"sample_score": "chain_gain"}}
    assert panels_of(bands) == [
        ("mean_pir", (0.5, 0.9), ["x-p20", "x-p50"]),
        ("chain_gain", (0.5, 0.9), ["y"]),
    ]


def test_models_that_were_only_evaluated_look_different() -> None:
    """Eight of them, in colour and in grey."""
    looks = style.arm_styles(pd.DataFrame({"arm": list("abcdefgh"), "trained": False}))
    assert len({look["marker"] for look in looks.values()}) == len(looks) == 8
    assert looks["a"]["color"] != looks["b"]["color"]


def test_the_first_figure_asks_what_was_asked() -> None:
    """Where nothing is trained, nothing is said of fine-tuning."""
    kept = {key: CONFIG[key] for key in ("name", "title", "authors", "model", "evaluation")}
    alone = load_experiment(kept | {"models": {"other": {"name": "org/other", "revision": "a" * 40}}})
    asked = [json.loads(differences.FIGURE.settings(one)["asked"])["base"] for one in (alone, load_experiment(CONFIG))]
    assert asked == ["Do the other models beat the baseline?", "Does fine-tuning beat the baseline?"]


def test_lengths_and_scores_of_an_average_are_its_benchmarks(results: Path) -> None:
    """Score against length of the named average, arm by arm and run by run, by weights."""
    arms, scores, comparisons = (read_csv(name, results / f"compare/{name}.csv") for name in efficiency.FIGURE.tables)
    found = arms[arms["benchmark"] == "chains"].assign(average="course")
    weights = {"course": {"chains": 0.25, "long_chains": 0.75}}
    whole, runs, compared = efficiency.with_averages(
        arms, scores, comparisons, (found, comparisons.assign(average="course")), weights
    )
    length = {name: rows.set_index("arm")["output_tokens"] for name, rows in whole.groupby("benchmark")}
    expected = 0.25 * length["chains"] + 0.75 * length["long_chains"]
    assert (length["average course"] - expected).abs().max() < 1e-9
    score = {name: rows.set_index("model")["score"] for name, rows in runs.groupby("benchmark")}
    assert len(score["average course"]) == len(score["chains"]) > 4
    assert score["average course"]["base"] == pytest.approx(
        0.25 * score["chains"]["base"] + 0.75 * score["long_chains"]["base"]
    )
    assert list(dict.fromkeys(whole["benchmark"])) == ["average course", "chains", "long_chains"]
    assert set(compared["benchmark"]) == {"average course", "chains", "long_chains"}


def test_long_names_keep_their_ends() -> None:
    """Two arms that differ at the end are told apart in a figure."""
    first, second = (style.name(f"{'x' * 60}-{n}") for n in (1, 2))
    assert first != second and len(first) == len(second) == 36 and first[:10] == "x" * 10
    assert style.name("limopro") == "limopro"


def test_scores_show_the_named_averages_first() -> None:
    """With their own score and interval, as one more benchmark."""
    arm = {"arm": "s", "trained": True, "score": 0.5, "ci_low": 0.4, "ci_high": 0.6, "level": "method"}
    arms = pd.DataFrame([arm | {"benchmark": "a", "output_tokens": 9.0}])
    found = scores.with_averages(arms, pd.DataFrame([arm | {"average": "course", "score": 0.7}]))
    assert list(found["benchmark"]) == ["average course", "a"] and list(found["score"]) == [0.7, 0.5]
    assert list(found) == list(arms)
