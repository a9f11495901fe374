"""Several experiments in one table: ranks with intervals, groups without a difference between them, and what each cost.

    make leaderboard EXPERIMENTS="results/*/"

Only experiments that asked the same questions under the same settings and the same judge stand in one table; the others
stand apart, with what differs. Written as Markdown, HTML, PDF and CSV to --output.
"""

import shutil
import tempfile
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.digest import ROOT
from scripts.common.program import Program
from scripts.compare.labels import THESE_RUNS, arm_label, counted, listed, mark, percent
from scripts.compare.statistics import Score
from scripts.manage.entries import (
    MEAN,
    Entry,
    Finished,
    compatible,
    conditions,
    differing,
    entries_of,
    read,
    weights_of,
)
from scripts.manage.ranking import Placed, ranked
from scripts.report.document import with_front_matter
from scripts.report.figures import style
from scripts.report.glyphs import prepare, sentence
from scripts.report.markdown import breakable, escape, table
from scripts.report.rendering import render

FORMS = ("md", "html", "pdf")
TALLEST = 8.0  # inches
QMD = """---
lang: en
format:
  typst:
    template-partials: [typst-template.typ, typst-show.typ]
  html:
    theme: none
    css: report.css
    include-in-header: head.html
    embed-resources: true
---

"""


class Board(NamedTuple):
    """The experiments that may be compared, ranked."""

    experiments: list[Finished]
    placed: list[Placed]
    band: tuple[float, float] | None
    """Where random rows score: from the lowest to the highest end of their intervals. None: there are none."""
    randoms: int


def board_of(experiments: list[Finished], weights: dict[str, float], alpha: float) -> Board:
    """Rank the entries of experiments that may be compared. Random rows have no rank, and make the band."""
    at_hand_first = sorted(experiments, key=lambda one: one.answers is None)
    entries = [entry for one in at_hand_first for entry in entries_of(one, list(weights))]
    if not entries:
        names = listed([one.name for one in experiments])
        what = listed(list(weights))
        raise cli.UserError(
            f"{names}: no model was evaluated on all of {what}: leave that out, or choose an average of what all have"
        )
    places = ranked(_once([entry for entry in entries if not entry.random]), experiments, weights, alpha)
    randoms = ranked([entry for entry in entries if entry.random], experiments, weights, alpha)
    known = [place.score for place in randoms if not isnan(place.score.ci_low)]
    band = (min(score.ci_low for score in known), max(score.ci_high for score in known)) if known else None
    return Board(experiments, places, band, len(known))


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without models that another experiment evaluated, untrained, to the same scores.

    Within one experiment nothing is left out: two teams that hand in one model both have a line.
    """
    seen: dict[tuple[object, ...], str] = {}
    found = []
    for entry in entries:
        scores = tuple(row["score"] for row in entry.scores.values())
        key = (entry.source, scores, entry.tokens)
        if entry.trained or seen.setdefault(key, entry.experiment) == entry.experiment:
            found.append(entry)
    return found


def label(entry: Entry, several: bool) -> str:
    """Return what an entry is called: its arm, and its experiment where there are several."""
    arm = entry.model if entry.arm == "base" else arm_label(entry.arm)
    return f"{arm} ({entry.experiment})" if several else arm


def interval(score: Score) -> str:
    """Return an interval in percent, or that none is known."""
    return "unknown" if isnan(score.ci_low) else f"{percent(score.ci_low)}, {percent(score.ci_high)}"


def lines(board: Board) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the cells of the board's table, as Markdown."""
    benchmarks = list(board.placed[0].entry.scores) if board.placed else []
    heads = ["Place", "Entry", "Score \\[interval\\]", "Group", "Seeds", "Tokens", "GPU-hours"]
    several = len(board.experiments) > 1
    cells = []
    for place in board.placed:
        entry, score = place.entry, place.score
        where = str(place.best) if place.best == place.worst else f"{place.best}–{place.worst}"
        cells.append(
            [
                where,
                escape(label(entry, several)) + ("" if place.paired else " ‡"),
                f"**{percent(score.score)}** \\[{interval(score)}\\]{mark(place.level)}",
                place.group,
                str(entry.runs) if entry.trained else "–",
                f"{entry.tokens:,.0f}",
                "–" if entry.gpu_hours is None else f"{entry.gpu_hours:,.2f}",
                *(percent(entry.scores[name]["score"]) for name in benchmarks),
            ]
        )
    return [*heads, *(breakable(name) for name in benchmarks)], cells


def score_in_words(board: Board, what: str, weights: dict[str, float]) -> str:
    """Return what the score is: 'pass@1, the mean of a and b', with the average's name where it has one."""
    metric = escape(str(board.experiments[0].found["experiment"]["report"]["primary_metric"]))
    names = [escape(name) for name in weights]
    same = len(set(weights.values())) == 1
    named = "" if what == MEAN else f" (the average {escape(what)})"
    if len(names) == 1:
        return f"{metric} on {names[0]}{named}"
    parts = names if same else [f"{escape(name)} ({weight:.3g})" for name, weight in weights.items()]
    return f"{metric}, the {'mean' if same else 'weighted mean'} of {listed(parts)}{named}"


def notes(board: Board, what: str, weights: dict[str, float], alpha: float) -> str:
    """Return what stands below a board's table."""
    level = f"{100 * (1 - alpha):g}%"
    text = (
        f"Score: {score_in_words(board, what, weights)}, in percent with {level} intervals. Place: the places that an "
        "entry may have, where only differences that were found count. Group: between entries that share a letter no "
        "difference was found; all pairs are compared question by question, with Holm's correction. Seeds: training "
        "runs. Tokens: mean length of an answer. GPU-hours: of all its training runs."
    )
    if any(not place.paired for place in board.placed):
        text += (
            " ‡ Its answers are not at hand: it is compared by scores and standard errors only (unpaired), which finds "
            "less."
        )
    if sum(place.entry.trained and place.paired for place in board.placed) > 1:
        text += " How much training runs vary is taken as alike for all entries."
    if any(mark(place.level) for place in board.placed):
        text += f" {THESE_RUNS} Its place and group are of these runs, too."
    if board.band:
        low, high = map(percent, board.band)
        text += f" {counted(board.randoms, 'arm')} of random rows scored {low} to {high}, intervals included: the band."
    return text


def draw(board: Board, path: Path) -> None:
    """Draw scores with their intervals, best first, and the band of random rows as a shaded strip."""
    count = len(board.placed)
    figure, grid = style.new_figure(min(TALLEST, 0.8 + 0.24 * count))
    axes, several = grid[0, 0], len(board.experiments) > 1
    if board.band:
        axes.axvspan(*(100 * end for end in board.band), color=style.LIGHT, linewidth=0, label="random rows")
        axes.legend(loc="lower right")
    for place, placed in enumerate(board.placed):
        score = placed.score
        axes.plot([100 * score.ci_low, 100 * score.ci_high], [place, place], color=style.BLUE, linewidth=1.6)
        axes.plot(100 * score.score, place, "o", color=style.BLUE, markersize=5)
        axes.text(
            1.01, place, placed.group, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=style.GREY
        )
    axes.set_yticks(range(count), [label(placed.entry, several) for placed in board.placed])
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlabel("score, % (no difference was found between entries that share a letter)")
    style.grid_lines(axes)
    style.save(figure, path)


def markdown(boards: Sequence[Board], what: str, weights: dict[str, float], alpha: float, whole: bool) -> str:
    """Return the boards as Markdown. `whole`: with captions, labels and figures, for a document; else plain tables."""
    parts = []
    unnumbered = " {.unnumbered}" if whole else ""
    for number, board in enumerate(boards, 1):
        names = listed([escape(one.name) for one in board.experiments])
        if number > 1:
            first, own = (conditions(group.experiments[0], weights) for group in (boards[0], board))
            faults = listed([escape(fault) for fault in differing(first, own)])
            parts.append(
                f"## Apart: {names}{unnumbered}\n\nNot comparable with the first table, since there differ: {faults}."
            )
        heads, cells = lines(board)
        if whole:
            widths = [7, 26, 20, 8, 6, 8, 8, *[7] * (len(heads) - 7)]
            caption = notes(board, what, weights, alpha)
            parts.append(table(heads, cells, "rllc" + "r" * (len(heads) - 4), widths, caption, f"tbl-board-{number}"))
            alt = "Scores of the table above with their intervals, and the band of random rows."
            parts.append(f'![Scores and intervals.](figures/board-{number}.svg){{#fig-board-{number} fig-alt="{alt}"}}')
        else:
            rows = [heads, ["---"] * len(heads), *cells]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
            parts.append(notes(board, what, weights, alpha))
    return "\n\n".join(parts) + "\n"


def records(boards: Sequence[Board], weights: dict[str, float]) -> pd.DataFrame:
    """Return the boards as a table, an entry a row; `table` is the number of the board."""
    return pd.DataFrame(
        {
            "table": number,
            "best_place": placed.best,
            "worst_place": placed.worst,
            "experiment": placed.entry.experiment,
            "arm": placed.entry.arm,
            "model": placed.entry.model,
            **placed.score._asdict(),
            "group": placed.group,
            "paired": placed.paired,
            "level": placed.level,
            "runs": placed.entry.runs,
            "output_tokens": placed.entry.tokens,
            "gpu_hours": placed.entry.gpu_hours,
            **{name: placed.entry.scores[name]["score"] for name in weights},
        }
        for number, board in enumerate(boards, 1)
        for placed in board.placed
    )


def write(
    boards: Sequence[Board], what: str, weights: dict[str, float], alpha: float, title: str, output: Path
) -> None:
    """Write leaderboard.md, .html, .pdf and .csv into a folder."""
    output.mkdir(parents=True, exist_ok=True)
    heading = f"# {escape(title)}\n\n"
    with replacing(output / "leaderboard.md") as target:
        target.write_text(heading + markdown(boards, what, weights, alpha, whole=False), encoding="utf-8")
    with replacing(output / "leaderboard.csv") as target:
        records(boards, weights).to_csv(target, index=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "document"
        shutil.copytree(ROOT / "report", folder)
        (folder / "figures").mkdir()
        for number, board in enumerate(boards, 1):
            draw(board, folder / f"figures/board-{number}.svg")
        text = QMD + markdown(boards, what, weights, alpha, whole=True)
        if missing := prepare(folder, [text, title]):
            cli.log.warning(sentence(missing))
        (folder / "report.qmd").write_text(with_front_matter(text, {"title": escape(title)}), encoding="utf-8")
        for form in ("html", "pdf"):
            document = render(folder, form, "pandoc", {})
            with replacing(output / f"leaderboard.{form}") as target:
                shutil.copyfile(document, target)


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--experiments", type=Path, nargs="+", required=True, help="folders of finished experiments")
    program.add_argument("--average", help="the named average (report.averages) to rank by; left out: the first")
    program.add_argument("--alpha", type=float, default=0.05, help="family-wise error rate of the groups")
    program.add_argument("--title", default="Leaderboard", help="title of the page")
    program.add_argument("--output", type=Path, default=Path("results/leaderboard"), help="folder to write into")
    arguments = program.parse()
    folders = [folder for folder in arguments.experiments if folder.resolve() != arguments.output.resolve()]
    experiments = read(folders)
    what, weights = weights_of(experiments, arguments.average)
    boards = [board_of(group, weights, arguments.alpha) for group in compatible(experiments, list(weights))]
    write(boards, what, weights, arguments.alpha, arguments.title, arguments.output)
    for board in boards[1:]:
        first, own = (conditions(group.experiments[0], weights) for group in (boards[0], board))
        names = listed([one.name for one in board.experiments])
        cli.log.info("%s apart: %s", names, listed(differing(first, own)))
    print(f"{arguments.output}/leaderboard.{{{','.join(FORMS)},csv}}")


if __name__ == "__main__":
    cli.run(main)
