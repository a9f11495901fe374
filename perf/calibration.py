"""How often the report's statistics are wrong: false verdicts, coverage, width and power, by simulation.

    python -m perf.calibration --table docs/measured/calibration.csv --figure docs/images/calibration.svg

Experiments are drawn whole (questions, arms, training runs that several benchmarks share, samples) and judged by the
functions that the report uses, many at a time. Twelve named cells have --experiments each, those around them --others;
one of these that fails is drawn anew with --experiments, and that counts.
docs/statistics.md has the figures; tests/compare/test_calibration.py holds a smaller run to binomial bounds.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare import statistics
from scripts.compare.moderation import moderated
from scripts.compare.variance import Floats, Questions, RunVariance, Variance, combined, mean_variance

ALPHA = 0.05
MARGIN = 0.01
CHUNK = 2_000_000  # answers drawn at once


class Cell(NamedTuple):
    """How experiments are drawn. Run SDs are shares of right answers; one for all benchmarks, or one for each."""

    arms: int = 2
    seeds: int = 3
    benchmarks: int = 1
    run_sd: float | tuple[float, ...] = 0.02
    correlation: float = 0.0
    """Of the run effects of two benchmarks."""
    samples: int = 1
    questions: int | tuple[int, ...] = 198
    interaction: float = 0.15
    """Standard deviation of what an arm does to single questions, beside its mean effect."""
    hard: bool = False
    """Whether nearly all questions are nearly always answered wrong."""

    @property
    def sizes(self) -> list[int]:
        """(benchmarks,): questions of each."""
        return list(np.broadcast_to(self.questions, self.benchmarks))

    @property
    def run_df(self) -> int:
        return self.arms * (self.seeds - 1)

    @property
    def family(self) -> int:
        return (self.arms - 1) * self.benchmarks


# Two arms of one and three seeds, 1 to 13 benchmarks, run SD 0 to 4 points.
NAMED = {
    "one benchmark": Cell(2, 3, 1, 0.02, 0.0, 1, 198),
    "one benchmark, runs only": Cell(2, 3, 1, 0.04, 0.0, 8, 500, interaction=0.0),
    "one seed": Cell(2, 1, 6, 0.02, 0.0, 8, 198),
    "one seed, small": Cell(2, 1, 13, 0.04, 0.7, 1, 30),
    "small, runs alike": Cell(2, 3, 6, 0.0, 0.0, 1, 30),
    "small": Cell(2, 3, 6, 0.04, 0.0, 8, 30),
    "six": Cell(2, 3, 6, 0.02, 0.0, 8, 198),
    "six, correlated": Cell(2, 3, 6, 0.02, 0.7, 8, 500, interaction=0.0),
    "six, one sample": Cell(2, 3, 6, 0.04, 0.7, 1, 500),
    "thirteen": Cell(2, 3, 13, 0.02, 0.0, 8, 500),
    "thirteen, correlated": Cell(2, 3, 13, 0.04, 0.7, 8, 500, interaction=0.0),
    "thirteen, runs alike": Cell(2, 3, 13, 0.0, 0.0, 1, 198),
}


def others() -> Iterator[tuple[str, Cell]]:
    """Yield the cells around the named ones: up to 6 arms of 5 seeds, and what moderation could trip over."""
    sizes = ((2, 2), (2, 5), (3, 2), (3, 3), (4, 2), (4, 3), (6, 1), (6, 2), (6, 5))
    drawn = ((0.0, 0.0, 1, 198), (0.02, 0.0, 8, 198), (0.02, 0.7, 8, 500), (0.04, 0.7, 1, 30))
    for (arms, seeds), benchmarks, (sd, correlation, samples, questions) in product(sizes, (1, 6, 13), drawn):
        cell = Cell(arms, seeds, benchmarks, sd, correlation, samples, questions)
        yield f"{arms} x {seeds}, m {benchmarks}, SD {100 * sd:g}, r {correlation:g}, k {samples}, n {questions}", cell
    mixed = (30, 30, 198, 198, 500, 500)
    yield "questions of three sizes", Cell(2, 3, 6, 0.02, 0.0, 8, mixed, 0.0)
    yield "questions of three sizes, runs alike", Cell(2, 3, 6, 0.0, 0.0, 1, mixed, 0.0)
    yield "run SD of one benchmark of six is 4 points, of the others 0", Cell(2, 3, 6, (0.04, *[0.0] * 5), 0.0, 8, 198)
    yield "run SD 0, 1 and 4 points", Cell(2, 3, 6, (0.0, 0.0, 0.01, 0.01, 0.04, 0.04), 0.0, 8, 500, 0.0)
    yield "run SD 1 and 4 points", Cell(2, 3, 2, (0.01, 0.04), 0.0, 8, 500, 0.0)
    yield "run SD 1 and 3 points, thirteen", Cell(4, 2, 13, (0.01,) * 9 + (0.03,) * 4, 0.0, 8, 500, 0.0)
    yield "hard questions", Cell(2, 3, 6, 0.02, 0.0, 8, 198, 0.0, hard=True)
    yield "hard and few questions", Cell(2, 3, 6, 0.0, 0.0, 1, 30, 0.0, hard=True)
    yield "arms change single questions", Cell(2, 3, 6, 0.02, 0.0, 8, 198, 0.3)


class Benchmark(NamedTuple):
    """What experiments (e) show of one benchmark; differences are of the first arm to each other one."""

    runs: Floats
    """(e, arms, seeds): run means."""
    of_arms: tuple[Floats, Floats]
    """(e, arms): squared standard error over questions, and its degrees of freedom."""
    of_differences: tuple[Floats, Floats]
    """(e, arms - 1): the same of the differences."""
    noise: Floats
    """(e,): the luck of single answers in run means."""


def draw(cell: Cell, questions: int, shifts: Floats, rng: np.random.Generator, effect: float = 0.0) -> Benchmark:
    """Draw the answers of experiments whose runs differ by `shifts` (e, arms, seeds), the first arm better by `effect`.

    Difficulties leave room for the shifts, so that mean effects are exact, but where `hard`.
    """
    lean = np.full(cell.arms, -effect / 2)
    lean[0] = effect / 2
    parts = []
    each = max(1, CHUNK // (cell.arms * cell.seeds * questions))
    for some in np.array_split(shifts, -(-len(shifts) // each)):
        shape = (len(some), cell.arms, 1, questions)
        if cell.hard:
            chance = rng.beta(0.3, 2.7, (len(some), 1, 1, questions))
        else:
            chance = 0.3 + 0.4 * rng.beta(0.5, 0.5, (len(some), 1, 1, questions))
        if cell.interaction:
            chance = chance + np.clip(rng.normal(0, cell.interaction, shape), -0.2, 0.2)
        levels = np.clip(chance + (some + lean[:, None])[..., None], 0, 1) * 65535
        levels = np.round(levels).astype(np.uint16)
        right = np.zeros(levels.shape, np.uint8)
        for _ in range(cell.samples):
            right += rng.integers(0, 65535, levels.shape, dtype=np.uint16) < levels
        parts.append(_seen(right / cell.samples))
    return Benchmark(*(_joined(column) for column in zip(*parts, strict=True)))


def _joined(parts: Sequence[Floats | tuple[Floats, Floats]]) -> Floats | tuple[Floats, Floats]:
    if isinstance(parts[0], tuple):
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    return np.concatenate(parts)


def _seen(means: Floats) -> Benchmark:
    arms = means.mean(axis=2)
    noise = np.zeros(len(means))
    if means.shape[2] > 1:
        residual = mean_variance(means - arms[:, :, None])[0]
        noise = residual.sum((1, 2)) / (means.shape[1] * (means.shape[2] - 1))
    return Benchmark(means.mean(axis=3), mean_variance(arms), mean_variance(arms[:, :1] - arms[:, 1:]), noise)


class Judged(NamedTuple):
    """What the report would say of experiments: arrays (e, arms - 1, m), and (e, arms, m) for the scores' intervals."""

    difference: Floats
    variance: Variance
    low: Floats
    high: Floats

    def misses(self, truth: Floats | float, alpha: float) -> Floats:
        """Whether the interval of level 1 - alpha leaves out the truth."""
        half = stats.t.isf(alpha / 2, self.variance.df) * np.sqrt(self.variance.total)
        return np.asarray(abs(self.difference - truth) > half)


def judge(cell: Cell, benchmarks: Sequence[Benchmark]) -> Judged:
    """Judge experiments by the report's functions, all at once."""
    runs = np.stack([benchmark.runs for benchmark in benchmarks], axis=-1)
    noise = np.stack([benchmark.noise for benchmark in benchmarks], axis=-1)
    n, varies = np.array(cell.sizes), RunVariance(0.0, cell.run_df)
    if varies.known:
        deviations = runs - runs.mean(axis=2, keepdims=True)
        covariance = np.einsum("easb,easc->ebc", deviations, deviations) / cell.run_df
        found = moderated(covariance, noise, cell.run_df, 1 / (n * cell.samples))
        varies = RunVariance(found.variance[:, None], cell.run_df, noise[:, None], (found.df - cell.run_df)[:, None])
    scores = runs.mean(axis=2)
    (between, df), (own, own_df) = (
        [np.stack([getattr(benchmark, name)[k] for benchmark in benchmarks], axis=-1) for k in (0, 1)]
        for name in ("of_differences", "of_arms")
    )
    variance = combined(between, df, varies, 2 / cell.seeds, 1 / (n + 2) ** 2)
    answers, single = n * cell.samples * cell.seeds, cell.samples * cell.seeds == 1
    low, high = statistics.share_interval(scores, own, own_df, n, answers, ALPHA, varies, 1 / cell.seeds, single)
    return Judged(scores[:, :1] - scores[:, 1:], variance, low, high)


class Figures(NamedTuple):
    """What a cell shows; shares, but `df` and `width` (of a difference's interval, by that with known variances)."""

    level: str
    family_error: float
    family_error_low: float
    """Its 99.9% lower bound (Clopper and Pearson)."""
    coverage: float
    coverage_least: float
    """Of the benchmark that is covered least."""
    coverage_arms: float
    width: float
    df: float
    power: float
    no_worse_error: float
    """How often some 'no worse' is claimed in a family whose arms are all worse by exactly the margin."""

    @property
    def fails(self) -> bool:
        return self.family_error_low > ALPHA or self.family_error > 0.06


def measure(cell: Cell, number: int, rng: np.random.Generator) -> Figures:
    """Return the figures of a cell from `number` experiments; the power is that of its first benchmark."""
    parts = [rng.normal(size=(number, cell.arms, cell.seeds, width)) for width in (1, cell.benchmarks)]
    shifts = np.sqrt(cell.correlation) * parts[0] + np.sqrt(1 - cell.correlation) * parts[1]
    shifts = shifts * np.broadcast_to(cell.run_sd, cell.benchmarks)
    benchmarks = [draw(cell, n, shifts[..., b], rng) for b, n in enumerate(cell.sizes)]
    found = judge(cell, benchmarks)
    method = RunVariance(0.0, cell.run_df).known
    # Of the method, or of these runs: what they would score on infinitely many questions.
    of_arms = shifts.mean(axis=2) * (not method)
    truth = of_arms[:, :1] - of_arms[:, 1:]
    of_arms = of_arms + (np.mean([benchmark.runs.mean() for benchmark in benchmarks]) if cell.hard else 0.5)
    wrong = found.misses(truth, ALPHA / cell.family).reshape(number, -1).any(axis=1)
    missed = found.misses(truth, ALPHA)
    error = (found.difference - truth).std(axis=0)
    half = stats.t.isf(ALPHA / 2, found.variance.df) * np.sqrt(found.variance.total)
    df = float(np.median(found.variance.df[..., 0]))
    mde = (stats.t.isf(ALPHA / 2 / cell.family, df) + stats.t.ppf(0.8, df)) * float(error[0, 0])
    # Where it speaks of these runs, it is they that differ by so much.
    better = draw(cell, cell.sizes[0], shifts[..., 0] * method, rng, mde)
    told = judge(cell, [better, *benchmarks[1:]])
    seen = told.misses(0.0, ALPHA / cell.family)[:, 0, 0] & (told.difference[:, 0, 0] > 0)
    lower = found.difference - truth - MARGIN
    lower = lower - stats.t.isf(ALPHA / cell.family, found.variance.df) * np.sqrt(found.variance.total)
    count = int(wrong.sum())
    return Figures(
        "method" if method else "these runs",
        count / number,
        float(stats.beta.ppf(0.001, count, number - count + 1)) if count else 0.0,
        1 - float(missed.mean()),
        1 - float(missed.mean((0, 1)).max()),
        float(((found.low <= of_arms) & (of_arms <= found.high)).mean()),
        float(np.median(half / (stats.norm.isf(ALPHA / 2) * error))),
        df,
        float(seen.mean()),
        float((lower > -MARGIN).reshape(number, -1).any(axis=1).mean()),
    )


def score_coverage(
    p: float, questions: int, samples: int, spread: float, number: int, rng: np.random.Generator
) -> float:
    """Return how often one model's interval holds `p`; questions' chances are Beta(p * spread, (1 - p) * spread)."""
    design, held = Questions(questions), 0
    chances = rng.beta(p * spread, (1 - p) * spread, (number, 1, questions))
    for means in rng.binomial(samples, chances) / samples:
        score = statistics.score_interval(means, samples, ALPHA, design)
        held += score.ci_low <= p <= score.ci_high
    return held / number


def draw_figure(table: pd.DataFrame, path: Path) -> None:
    """Draw the errors, coverage, width and power of all cells, the named ones filled."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {"svg.hashsalt": "calibration", "svg.fonttype": "none", "font.size": 8}
    panels = {
        "family_error": ("family error", (0.05, 0.06)),
        "coverage": ("coverage, differences", (0.93, 0.95)),
        "coverage_arms": ("coverage, arms", (0.93, 0.95)),
        "width": ("width by that with known variances", (1.0, 1.5)),
        "power": ("power at the true MDE", (0.7, 0.9)),
        "no_worse_error": ("false 'no worse' at the margin", (0.05, 0.06)),
    }
    figure, grid = pyplot.subplots(2, 3, figsize=(9, 4.6), layout="constrained")
    rng = np.random.default_rng(1)
    for axes, (column, (title, lines)) in zip(grid.flat, panels.items(), strict=True):
        for place, level in enumerate(("method", "these runs")):
            for named in (False, True):
                rows = table[(table["level"] == level) & (table["named"] == named)]
                rows = rows if column != "power" else rows[rows["df"] >= 8]
                axes.scatter(
                    rows[column],
                    place + rng.uniform(-0.25, 0.25, len(rows)),
                    s=14 if named else 8,
                    facecolors="C0" if named else "none",
                    edgecolors="C0",
                    linewidths=0.6,
                )
        for line in lines:
            axes.axvline(line, color="0.4", linewidth=0.7, linestyle="--")
        axes.set_yticks((0, 1), ("method", "these runs"))
        axes.set_ylim(1.5, -0.5)
        axes.set_title(title)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--experiments", type=int, default=20_000, help="experiments of each of the named cells")
    parser.add_argument("--others", type=int, default=4_000, help="experiments of each other cell; 0 leaves them out")
    parser.add_argument("--table", type=Path, help="CSV to write")
    parser.add_argument("--figure", type=Path, help="SVG to write")
    arguments = parser.parse_args()
    cells = [(name, cell, True) for name, cell in NAMED.items()]
    cells += [(name, cell, False) for name, cell in others()] if arguments.others else []
    rows = []
    for seed, (name, cell, named) in enumerate(cells):
        rng = np.random.default_rng(seed)
        found = measure(cell, arguments.experiments if named else arguments.others, rng)
        if found.fails and not named:  # the largest of so many estimates is too large by luck: draw it anew, with more
            found = measure(cell, arguments.experiments, np.random.default_rng([seed, 1]))
        rows.append({"cell": name, "named": named, **found._asdict()})
        figures = " ".join(f"{key} {value:.3f}" for key, value in found._asdict().items() if key != "level")
        print(f"{'FAILS ' if found.fails else ''}{name} ({found.level}): {figures}", flush=True)
    table = pd.DataFrame(rows)
    if arguments.table:
        table.round(4).to_csv(arguments.table, index=False)
    if arguments.figure:
        draw_figure(table, arguments.figure)


if __name__ == "__main__":
    cli.run(main)
