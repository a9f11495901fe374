"""The table of figures, and what figures are drawn from."""

import json

import pandas as pd

from scripts.common.config.load import load_experiment
from scripts.report.figures import differences, scores, style
from scripts.report.figures.sample_scores import panels_of
from scripts.report.sections.page_one import hyphened
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


def test_scores_show_the_named_averages_first() -> None:
    """With their own score and interval, as one more benchmark."""
    arm = {"arm": "s", "trained": True, "score": 0.5, "ci_low": 0.4, "ci_high": 0.6, "level": "method"}
    arms = pd.DataFrame([arm | {"benchmark": "a", "output_tokens": 9.0}])
    found = scores.with_averages(arms, pd.DataFrame([arm | {"average": "course", "score": 0.7}]))
    assert list(found["benchmark"]) == ["average course", "a"] and list(found["score"]) == [0.7, 0.5]
    assert list(found) == list(arms)


def test_names_of_columns_break_where_the_column_ends() -> None:
    """No piece of a name is longer than its column has room for; a name that fits stays whole."""
    name = hyphened("olympiadbench", 8)
    assert name.replace("\u00ad", "") == "olympiadbench" and max(map(len, name.split("\u00ad"))) <= 8
    assert hyphened("aime25", 8) == "aime25" and "\u00ad" not in hyphened("gpqa_diamond", 12)
