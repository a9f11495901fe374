"""How figures look: sizes, colours that colour-blind readers tell apart (Okabe and Ito), markers that print in grey."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common.atomic import replacing
from scripts.common.cli import log
from scripts.compare.labels import arm_label, kind_of
from scripts.report.figures.lettering import give_fonts, said
from scripts.report.glyphs import sentence
from scripts.select.controls import CONTROLS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.3  # inches: the text width of the page
LOW, TALLEST = 1.5, 6.5  # inches of lines: what a figure may have with all lines far apart, and what a page holds
GREY, LIGHT = "#555555", "#E4E4E4"
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#B8A800",  # Okabe and Ito's yellow, darkened to show on white
)
CYCLE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, YELLOW)
MARKERS = {"subset": "o", **{name: control.marker for name, control in CONTROLS.items()}, "fixed": "X"}
OF_MODELS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES = {"subset": "-", **{name: control.line for name, control in CONTROLS.items()}}


def arm_styles(arms: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return colour and marker of each arm of the table `arms`, in its order.

    The colour is by place among the trained arms (grey for other models), the marker by what kind of arm it is. Where
    nothing was trained, models differ in both.
    """
    if not arms["trained"].any():
        names = enumerate(dict.fromkeys(arms["arm"]))
        return {arm: {"color": CYCLE[n % len(CYCLE)], "marker": OF_MODELS[n % len(OF_MODELS)]} for n, arm in names}
    styles: dict[str, dict[str, Any]] = {}
    place = 0
    for arm, trained in arms[["arm", "trained"]].drop_duplicates().itertuples(index=False):
        color = CYCLE[place % len(CYCLE)] if trained else GREY
        styles[arm] = {"color": color, "marker": MARKERS[kind_of(arm, trained)]}
        place += trained
    return styles


def runs_of(scores: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return an arm's rows of the table `scores`: its runs, or the model that was not trained here."""
    draws = scores["model"].str.replace(r"-t\d+$", "", regex=True)
    own = draws == arm
    # Of several draws none has the arm's own name.
    return scores[own if own.any() else draws.str.replace(r"-d\d+$", "", regex=True) == arm]


def line_height(lines: int, most: float, least: float = 0.14) -> float:
    """Return the inches of one of a figure's lines: `most`, and less, down to `least`, where they are many.

    A low figure finds room on most pages; one of very many lines fills a page.
    """
    return min(most, max(least, LOW / lines), TALLEST / lines)


def panels(number: int) -> tuple[int, int]:
    """Return the rows and columns in which a number of panels stand: many of them are small."""
    columns = min(number, 2 if number <= 4 else 3 if number <= 6 else 4)
    return -(-number // columns), columns


def head(axes: "Axes", name: str, columns: int) -> None:
    """Give a panel, one of so many side by side, its title, in lines that do not reach the next panel's."""
    lines = textwrap.wrap(name.replace("_", "_ "), 60 // columns)
    axes.set_title("\n".join(lines).replace("_ ", "_"))


def short(text: str, longest: int = 36) -> str:
    """Return a text of at most so many characters: of a longer one the beginning and the end."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[half + 1 - longest :]}"


def name(arm: str) -> str:
    """Return an arm's name as a figure has room for it."""
    return short(arm_label(arm))


def legend_height(entries: int, columns: int = 4) -> float:
    """Return the inches that a legend above a figure takes, by its number of entries."""
    return 0.15 * -(-entries // columns)


def new_figure(height: float, rows: int = 1, columns: int = 1, **options: Any) -> "tuple[Figure, Any]":
    """Return a figure of the page's width and its axes (always a 2-D array)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams.update(
        {
            "svg.fonttype": "path",  # the same letters in every viewer
            "text.parse_math": False,  # names are data: a dollar is a dollar
            "svg.hashsalt": "sft-report",  # the same file from the same data
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.6,
            "axes.edgecolor": GREY,
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "legend.fontsize": 7.5,
            "legend.frameon": False,
            "hatch.linewidth": 0.6,
        }
    )
    return pyplot.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False, layout="constrained", **options)


def grid_lines(axes: "Axes", axis: str = "x") -> None:
    """Draw faint lines behind the data."""
    axes.grid(axis=axis, color=LIGHT, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as SVG, without a date; what stands out over its edges (a long legend) is taken in.

    Characters that no font has are shown as their codes; the file and the log say which.
    """
    from matplotlib import pyplot

    metadata: dict[str, str | None] = {"Date": None, "Creator": None}
    if missing := give_fonts(figure):
        log.warning(sentence(missing, "figures show"))
        metadata["Description"] = said(missing)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="svg", bbox_inches="tight", pad_inches=0.03, metadata=metadata)
    pyplot.close(figure)
