"""How the sample score is distributed over the scored rows, with the band of each selection shaded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.config.experiment import Experiment
from scripts.common.program import Program
from scripts.common.tables import read_table
from scripts.compare.labels import listed
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import banded
from scripts.select.tables import SAMPLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 50
MOST_PANELS = 4
TAIL = 0.005  # share of the rows at either end that is gathered in the outermost bins
WORDS = {"chain_gain": "Chain gain", "mean_pir": "Mean PIR"}


def _bands(experiment: Experiment) -> dict[str, Any]:
    return {"bands": json.dumps({name: band._asdict() for name, band in experiment.bands().items()})}


FIGURE = Figure(
    caption=(
        "The sample score over the scored rows (the outermost bins hold the half percent beyond them on either "
        "side); shaded, the band that a selection draws from."
    ),
    alt="Histogram of the sample score with the selected band shaded.",
    files=lambda paths, experiment: {"samples": paths.path("samples")},
    settings=_bands,
    when=banded,
)


def panels_of(bands: dict[str, dict[str, Any]]) -> list[tuple[str, tuple[float, float], list[str]]]:
    """Return (sample score, band, subsets) for every distinct pair; `bands` are the settings by subset name."""
    found: dict[tuple[str, tuple[float, float]], list[str]] = {}
    for name, settings in bands.items():
        low, high = settings["band"]
        found.setdefault((settings["sample_score"], (low, high)), []).append(name)
    return [(score, band, names) for (score, band), names in found.items()]


def draw_scores(axes: "Axes", values: np.ndarray, band: tuple[float, float], title: str, unit: str) -> None:
    """Draw the histogram of a sample score, its band shaded. The tails beyond TAIL are in the outermost bins."""
    low, high = np.quantile(values, band)
    first, last = np.quantile(values, [TAIL, 1 - TAIL])
    axes.hist(np.clip(values, first, last), bins=BINS, color=style.GREY, linewidth=0)
    inside = int(((values >= low) & (values <= high)).sum())
    axes.axvspan(max(low, first), min(high, last), color=style.SKY, alpha=0.4, linewidth=0, zorder=0)
    axes.set_title(title)
    axes.set_xlabel(f"{unit}; shaded: {low:.3g} to {high:.3g}, {inside:,} of {len(values):,} rows".replace("-", "−"))
    axes.set_ylabel("rows")
    style.grid_lines(axes, "y")


def plot(samples: pd.DataFrame, bands: dict[str, dict[str, Any]], path: Path) -> None:
    """Write the figure: a panel for every distinct score and band."""
    panels = panels_of(bands)[:MOST_PANELS]
    rows = (len(panels) + 1) // 2
    figure, grid = style.new_figure(2.1 * rows, rows, min(2, len(panels)))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (score, band, names) in zip(grid.flat, panels, strict=False):
        values = samples[score].dropna().to_numpy(dtype=float)
        title = f"{WORDS[score]}: {listed(names) if len(names) < 4 else f'{len(names)} selections'}"
        if len(values):
            draw_scores(axes, values, band, title, "nats an answer token")
    style.save(figure, path)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--samples", "samples.parquet")
    program.add_argument("--bands", required=True, help="{subset: {sample_score, band}} as JSON")
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        samples = read_table(SAMPLES, arguments.samples).to_pandas()
        plot(samples, json.loads(arguments.bands), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
