"""The table of figures, and what figures are drawn from."""

from scripts.report.figures.sample_scores import panels_of


def test_selections_of_one_band_share_a_panel() -> None:
    band = {"sample_score": "mean_pir", "band": [0.5, 0.9]}
    bands = {"x-p20": band, "x-p50": band, "y": band | {"sample_score": "chain_gain"}}
    assert panels_of(bands) == [
        ("mean_pir", (0.5, 0.9), ["x-p20", "x-p50"]),
        ("chain_gain", (0.5, 0.9), ["y"]),
    ]
