"""How the sample score is distributed over the scored rows, with the band of each selection shaded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.tables import read_table
from scripts.report import figures
from scripts.report.labels import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 50
MOST_PANELS = 4
TAIL = 0.005  # share of the rows at either end that is gathered in the outermost bins
WORDS = {"chain_gain": "Chain gain", "mean_pir": "Mean PIR"}


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
    axes.hist(np.clip(values, first, last), bins=BINS, color=figures.GREY, linewidth=0)
    inside = int(((values >= low) & (values <= high)).sum())
    axes.axvspan(max(low, first), min(high, last), color=figures.SKY, alpha=0.4, linewidth=0, zorder=0)
    axes.set_title(title)
    axes.set_xlabel(f"{unit}; shaded: {low:.3g} to {high:.3g}, {inside:,} of {len(values):,} rows".replace("-", "−"))
    axes.set_ylabel("rows")
    figures.grid_lines(axes, "y")


def plot(samples: pd.DataFrame, bands: dict[str, dict[str, Any]], path: Path) -> None:
    """Write the figure: a panel for every distinct score and band."""
    panels = panels_of(bands)[:MOST_PANELS]
    rows = (len(panels) + 1) // 2
    figure, grid = figures.new_figure(2.1 * rows, rows, min(2, len(panels)))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (score, band, names) in zip(grid.flat, panels, strict=False):
        values = samples[score].dropna().to_numpy(dtype=float)
        title = f"{WORDS[score]}: {listed(names) if len(names) < 4 else f'{len(names)} selections'}"
        if len(values):
            draw_scores(axes, values, band, title, "nats an answer token")
    figures.save(figure, path)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="samples.parquet")
    parser.add_argument("--bands", required=True, help="{subset: {sample_score, band}} as JSON")
    parser.add_argument("--figure", type=Path, required=True, help="the SVG to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.figure], inputs=[arguments.samples]):
        samples = read_table("samples", arguments.samples).to_pandas()
        plot(samples, json.loads(arguments.bands), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
