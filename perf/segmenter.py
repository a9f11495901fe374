"""How the segmenter cuts real chains, against labels by unit: chains of each question cut by a model that never saw it.

    python -m perf.segmenter --chains FOLDER

FOLDER is the one that train_segmenter.py reads. A step of ours lies on the units that it covers most. Of all units
of a set: `label` the share with the reader's pattern; `functional` the F1 of functional units; `borders` the F1 of the
starts of units where a functional step begins or ends; `torn` the share of our functional steps that end inside one of
the reader's; `derivation` the share of all units that are derivation for the reader and functional for us; `found` the
share of the reader's functional units that are functional for us. `both`: of the units called functional, the share
that is derivation for every reader. `cut`: the same of the units in the steps that a prune ratio of 0.3 takes, where
the shortest steps go, and where any may go (in the mean): PIR needs a scorer.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.select.limopro.patterns import FUNCTIONAL, LETTERS
from scripts.select.limopro.pruning import prune_count
from scripts.select.limopro.sequence import SequenceModel
from scripts.select.limopro.steps import segment
from scripts.select.limopro.train_segmenter import (
    BAGS,
    Chain,
    added_chains,
    example_of,
    read_chains,
    train,
)

RATIO = 0.3
FIGURES = ("label", "functional", "borders", "torn", "derivation", "found")
LENGTHS = (50_000, 200_000, 800_000)


class Run(NamedTuple):
    """A step on units: from `start` to before `end`, by number."""

    start: int
    end: int
    letter: str


def runs_of(labels: Sequence[str]) -> list[Run]:
    """Return the steps that labels by unit make."""
    begins = [k for k, label in enumerate(labels) if k == 0 or label[1:] == "*" or label[0] != labels[k - 1][0]]
    return [Run(start, end, labels[start][0]) for start, end in pairwise([*begins, len(labels)])]


def functional_runs(labels: Sequence[str]) -> list[Run]:
    """Return the functional steps among them."""
    return [run for run in runs_of(labels) if run.letter != "P"]


def our_labels(chain: Chain, model: SequenceModel | None = None) -> list[str]:
    """Return the segmenter's labels of a chain's units: each has the step that covers most of it."""
    steps = segment("".join(chain.units), chain.question, chain.answer, model)
    labels, position, place, last = [], 0, 0, -1
    for unit in chain.units:
        start, position = position, position + len(unit)
        while steps[place].end <= start:
            place += 1
        covering, most = place, 0
        for number in range(place, len(steps)):
            if steps[number].start >= position:
                break
            shared = min(position, steps[number].end) - max(start, steps[number].start)
            if shared > most:
                covering, most = number, shared
        labels.append(LETTERS[steps[covering].pattern] + ("*" if covering != last else ""))
        last = covering
    return labels


def compare(ours: Sequence[str], reader: Sequence[str]) -> Counter[str]:
    """Count what the figures are made of, for one chain and one reader."""
    pairs = [(one[0], other[0]) for one, other in zip(ours, reader, strict=True)]
    our_runs, their_runs = functional_runs(ours), functional_runs(reader)
    our_borders, their_borders = ({k for run in runs for k in run[:2]} for runs in (our_runs, their_runs))
    inside = {k for run in their_runs for k in range(run.start + 1, run.end)}
    return Counter(
        units=len(pairs),
        same=sum(one == other for one, other in pairs),
        called=sum(one != "P" for one, _ in pairs),
        functional=sum(other != "P" for _, other in pairs),
        found=sum("P" not in pair for pair in pairs),
        our_borders=len(our_borders),
        their_borders=len(their_borders),
        common_borders=len(our_borders & their_borders),
        steps=len(our_runs),
        torn=sum(run.end in inside for run in our_runs),
        derivation=sum(one != "P" == other for one, other in pairs),
    )


def figures(counts: Counter[str]) -> dict[str, float]:
    """Return the figures of a set of chains."""
    return {
        "label": counts["same"] / counts["units"],
        "functional": 2 * counts["found"] / max(1, counts["called"] + counts["functional"]),
        "borders": 2 * counts["common_borders"] / max(1, counts["our_borders"] + counts["their_borders"]),
        "torn": counts["torn"] / max(1, counts["steps"]),
        "derivation": counts["derivation"] / counts["units"],
        "found": counts["found"] / max(1, counts["functional"]),
    }


def _derivation_share(taken: Iterable[tuple[Chain, int, float]]) -> float:
    """Return the share of units (chain, number, weight) that are derivation for every reader."""
    weights = [(all(labels[k][0] == "P" for labels in chain.readers), weight) for chain, k, weight in taken]
    return sum(weight for wrong, weight in weights if wrong) / max(1e-9, sum(weight for _, weight in weights))


def doubtful(chains: Sequence[Chain], ours: dict[str, list[str]]) -> dict[str, float]:
    """Return what share of the units called functional, and of those cut at RATIO, is derivation for every reader."""
    called, shortest, anywhere = [], [], []
    for chain in chains:
        called += [(chain, k, 1.0) for k, label in enumerate(ours[chain.name]) if label[0] != "P"]
        runs = functional_runs(ours[chain.name])
        for letter in (LETTERS[pattern] for pattern in FUNCTIONAL):
            same = [run for run in runs if run.letter == letter]
            gone = prune_count(len(same), RATIO)
            same.sort(key=lambda run: len("".join(chain.units[run.start : run.end])))
            shortest += [(chain, k, 1.0) for run in same[:gone] for k in range(run.start, run.end)]
            anywhere += [(chain, k, gone / len(same)) for run in same for k in range(run.start, run.end)]
    parts = {"both": called, "cut, shortest first": shortest, "cut, any": anywhere}
    return {name: _derivation_share(taken) for name, taken in parts.items()}


def cross_validated(chains: Sequence[Chain], bags: int, questions: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Return our labels by chain, each from a model that saw no chain of its question (of `questions`, if given)."""
    examples = [example_of(chain) for chain in chains]
    added = [example_of(chain) for chain in added_chains()]
    labels = {}
    for question in cli.progress(questions or sorted({chain.question for chain in chains}), "questions", "question"):
        weights = train([example for example in examples if example.question != question], added, bags)
        model = SequenceModel(weights["features"], weights["transitions"])
        labels |= {chain.name: our_labels(chain, model) for chain in chains if chain.question == question}
    return labels


def measure(chains: Sequence[Chain], ours: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Return the figures by set of chains and reader."""
    sets = {f"{n} reader{'s' * (n > 1)}": [c for c in chains if len(c.readers) == n] for n in (2, 1)}
    rows = {}
    for name, members in sets.items():
        if not members:
            continue
        readers = range(len(members[0].readers))
        counts = [sum((compare(ours[c.name], c.readers[k]) for c in members), Counter()) for k in readers]
        by_reader = [figures(count) for count in counts]
        for number, row in enumerate(by_reader if len(by_reader) > 1 else []):
            rows[f"{name}: {number + 1}"] = row
        mean = {figure: sum(row[figure] for row in by_reader) / len(by_reader) for figure in FIGURES}
        rows[f"{name}: mean"] = mean | doubtful(members, ours)
    return rows


def speed(chains: Sequence[Chain]) -> dict[str, float]:
    """Return characters per second of one chain by its length: the same at every length where time is linear."""
    text = "".join(unit for chain in chains for unit in chain.units)
    speeds = {}
    for length in LENGTHS:
        piece = (text * (length // len(text) + 1))[:length]
        begun = time.process_time()
        segment(piece, "What is it?", "7")
        speeds[f"{length:,}"] = length / (time.process_time() - begun)
    return speeds


def as_table(rows: dict[str, dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [f"| chains with | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[c]:.3f}" if c in row else "" for c in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--chains", type=Path, required=True, help="folder of JSONL files with labelled chains")
    parser.add_argument("--bags", type=int, default=BAGS, help="models whose weights are averaged")
    parser.add_argument("--shipped", action="store_true", help="measure the shipped model: for chains it has not seen")
    parser.add_argument("--figures", type=Path, help="write the figures here too, as JSON")
    arguments = parser.parse_args()
    chains = read_chains(arguments.chains)
    ours = (
        {chain.name: our_labels(chain) for chain in chains}
        if arguments.shipped
        else cross_validated(chains, arguments.bags)
    )
    rows = measure(chains, ours)
    print(as_table(rows))
    speeds = speed(chains)
    print("characters/s by length: " + ", ".join(f"{length}: {value:,.0f}" for length, value in speeds.items()))
    if arguments.figures:
        with replacing(arguments.figures) as path:
            path.write_text(json.dumps({"agreement": rows, "characters_per_second": speeds}, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main)
