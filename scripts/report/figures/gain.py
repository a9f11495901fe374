"""Gain over random rows against what the selection cost, with intervals."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.program import Program
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import several_methods

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The CSV that it is drawn from (report/gain.csv): a row per method and target; shares, hours, and what hours are of.
DATA = ["method", "target", "difference", "ci_low", "ci_high", "verdict", "level", "hours", "unit"]
WIDE = 20  # from this ratio of costs on they stand on a logarithmic scale
APART = 0.06  # of the span of costs: the least distance of two methods
# Verdicts by colour and by shape, so that they are told apart in grey.
VERDICTS: dict[str, dict[str, Any]] = {
    "better": {"color": style.BLUE, "marker": "^", "label": "better than random rows"},
    "worse": {"color": style.VERMILLION, "marker": "v", "label": "worse"},
    "no detectable difference": {"color": style.GREY, "marker": "o", "label": "no detectable difference"},
}

FIGURE = Figure(
    caption=(
        "Gain over as many random rows, with the intervals of @tbl-results, against what the selection cost: higher is "
        "better, further left is cheaper. A method is worth its cost where its interval stays above the line and no "
        "cheaper one reaches as high. Methods that cost the same stand side by side. The numbers are in "
        "`report/gain.csv`."
    ),
    alt="A point with interval for each method: difference to random rows by hours of selection; a line at none.",
    files=lambda paths, experiment: {"gain": paths.path("gain")},
    when=several_methods,
)


def plot(gain: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table of DATA."""
    targets = list(dict.fromkeys(gain["target"]))
    rows, columns = style.panels(len(targets))
    figure, grid = style.new_figure(0.5 + (2.1 if rows == 1 else 1.7) * rows, rows, columns)
    for axes, target in zip(grid.flat, targets, strict=False):
        _panel(axes, gain[gain["target"] == target])
        style.head(axes, target, columns)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    figure.supxlabel(f"{gain['unit'].iloc[0]} of selection", fontsize=8)
    figure.supylabel("gain over random rows, points", fontsize=8)
    handles = {label: line for axes in grid.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    style.save(figure, path)


def _panel(axes: "Axes", of: pd.DataFrame) -> None:
    from matplotlib import patheffects

    hours = of["hours"]
    log = hours.min() > 0 and hours.max() / hours.min() >= WIDE
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    places = [10**x for x in side_by_side(np.log10(hours))] if log else side_by_side(hours)
    of = of.assign(at=places, **{name: 100 * of[name] for name in ("difference", "ci_low", "ci_high")})
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    for verdict, look in VERDICTS.items():
        rows = of[of["verdict"] == verdict]
        if len(rows):
            spread = [rows["difference"] - rows["ci_low"], rows["ci_high"] - rows["difference"]]
            face = "white" if look["marker"] == "o" else look["color"]
            bars: dict[str, Any] = {"ecolor": look["color"], "elinewidth": 0.9, "capsize": 2}
            axes.errorbar(rows["at"], rows["difference"], yerr=spread, fmt="none", **bars)
            axes.plot(rows["at"], rows["difference"], linestyle="none", markersize=6, markerfacecolor=face, **look)
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    for _, row in of.iterrows():
        label = style.name(row["method"]) + (" †" if row["level"] == "these runs" else "")
        top: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(label, (row["at"], row["ci_high"]), fontsize=7, path_effects=halo, **top)
    axes.margins(x=0.12, y=0.12)
    style.grid_lines(axes, "both")


def side_by_side(places: "Sequence[float] | pd.Series[float]") -> list[float]:
    """Return places on an axis, in their order, those that would fall together moved up to be APART from each other."""
    values = [float(place) for place in places]
    apart = APART * (max(values) - min(values)) or 1.0
    order = sorted(range(len(values)), key=values.__getitem__)
    for before, after in pairwise(order):
        values[after] = max(values[after], values[before] + apart)
    return values


def main() -> None:
    program = Program(__doc__)
    program.add_input("--gain", "gain.csv")
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        plot(pd.read_csv(arguments.gain), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
