"""Train the sequence model that cuts chains into steps, from chains whose units are labelled: segmenter.json.

    python -m scripts.select.limopro.train_segmenter --chains FOLDER

FOLDER holds JSONL files, a chain a line: `units` (the chain cut into units), `question`, `answer`, and a list of labels
by unit for each reader, under `reader` or `reader_1`, `reader_2`, ...: P, V, M or E, with * where a step begins. Chains
of the demo are added, and the short ones of tests/select/chains.md, which come without question and answer. Several
models are trained, each on the chains of a part of the questions, and their weights averaged: so no one question's
manner weighs much. Needs python-crfsuite (the tests' extras).
"""

import json
import random
import re
import tempfile
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.digest import ROOT
from scripts.common.program import Program
from scripts.data.demo_world import Habits, draw_chain, draw_problem
from scripts.select.limopro.features import Features, features_of
from scripts.select.limopro.patterns import LETTERS
from scripts.select.limopro.sequence import FORBIDDEN, LABELS, MODEL, labels_of
from scripts.select.limopro.units import unit_bounds

BAGS, SHARE = 16, 0.8  # models, and the share of the questions that each sees
DEMO_CHAINS = 60
TAGGED = ROOT / "tests" / "select" / "chains.md"
SETTINGS = {"c1": 0.8, "c2": 0.7, "max_iterations": 60}  # L1 and L2 penalties: few features, none of great weight
ANOTHER = 0.2  # added to the weight of a functional step right after another: averaged models are shy of them
SMALLEST = 0.01  # weights below it are left out of the file


class Chain(NamedTuple):
    """A labelled chain."""

    name: str
    question: str
    answer: str
    units: list[str]
    readers: list[list[str]]
    """A reader's labels by unit, for each reader."""


class Example(NamedTuple):
    """A chain as the trainer takes it."""

    question: str
    features: Features
    labels: list[list[str]]


def read_chains(folder: Path) -> list[Chain]:
    """Read the labelled chains of every JSONL file of a folder."""
    chains = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            readers = [row[name] for name in sorted(row) if name.startswith("reader")]
            chains.append(Chain(row["chain"], row["question"], row["answer"], row["units"], readers))
    if not chains:
        raise cli.UserError(f"no labelled chains in {folder}: it should hold JSONL files")
    return chains


def chain_of(name: str, steps: Sequence[tuple[str, str]], answer: str = "") -> Chain:
    """Return a chain that is given as steps (text, letter), cut into units, each labelled by where it begins."""
    text, begins = "".join(part for part, _ in steps), [0, *accumulate(len(part) for part, _ in steps)]
    units, labels, last = [], [], -1
    for start, end in unit_bounds(text):
        number = bisect_right(begins, start) - 1
        units.append(text[start:end])
        labels.append(steps[number][1] + ("*" if number != last else ""))
        last = number
    return Chain(name, name, answer, units, [labels])


def demo_chains(number: int, seed: int = 1) -> list[Chain]:
    """Return chains of the demo's world, labelled by its generator: a line is a step."""
    draw, chains = random.Random(seed), []
    for _ in range(number):
        problem = draw_problem(draw, 4)
        lines = draw_chain(draw, problem, Habits())
        ends = ["\n"] * (len(lines) - 1) + [""]
        steps = [(line.text + end, LETTERS[line.pattern]) for line, end in zip(lines, ends, strict=True)]
        chains.append(chain_of("demo", steps, problem.answer))
    return chains


def tagged_chains(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the steps (text, letter) of the chains of a Markdown file by heading; a tag like ⟦V⟧ opens a step."""
    sections = re.split(r"^## (.*)\n\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    chains = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        _, *parts = re.split("⟦([PVME])⟧", body.rstrip("\n"))
        chains[title] = [(text, tag) for tag, text in zip(parts[::2], parts[1::2], strict=True)]
    return chains


def added_chains() -> list[Chain]:
    """Return the chains that are added to those of a folder."""
    return [*demo_chains(DEMO_CHAINS), *(chain_of(title, steps) for title, steps in tagged_chains(TAGGED).items())]


def example_of(chain: Chain) -> Example:
    """Return a chain's features and its labels in the model's terms."""
    features = features_of(chain.units, chain.question, chain.answer)
    return Example(chain.question, features, [labels_of(reader) for reader in chain.readers])


def _train_one(examples: Sequence[Example]) -> tuple[dict[Any, float], dict[Any, float]]:
    """Return the weights (feature, label) and (label, label) of one model."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params(SETTINGS)
    for example in examples:
        rows = [sorted(row) for row in example.features]
        for labels in example.labels:
            trainer.append(rows, labels)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        info = tagger.info()
        tagger.close()
    return dict(info.state_features), dict(info.transitions)


def train(examples: Sequence[Example], added: Sequence[Example], bags: int = BAGS) -> dict[str, Any]:
    """Return the averaged weights: {"features": {name: {label: weight}}, "transitions": {label: {label: weight}}}."""
    questions = sorted({example.question for example in examples})
    features: dict[str, dict[str, float]] = {}
    transitions: dict[str, dict[str, float]] = {}
    for bag in cli.progress(range(bags), "training", "model"):
        seen = set(random.Random(bag).sample(questions, max(1, round(SHARE * len(questions)))))
        states, links = _train_one([*(example for example in examples if example.question in seen), *added])
        for weights, table in ((states, features), (links, transitions)):
            for (first, label), weight in weights.items():
                row = table.setdefault(first, {})
                row[label] = row.get(label, 0.0) + weight / bags
    allowed = {(LABELS[i], LABELS[j]) for i in range(len(LABELS)) for j in range(len(LABELS)) if FORBIDDEN[i, j] == 0}
    for before, after in allowed:
        if len(before) == len(after) == 2 and after[0] == "B":
            transitions.setdefault(before, {})[after] = transitions.get(before, {}).get(after, 0.0) + ANOTHER
    return {
        "transitions": {
            before: {after: round(row[after], 3) for after in sorted(row) if (before, after) in allowed}
            for before, row in sorted(transitions.items())
        },
        "features": {
            name: kept
            for name, row in sorted(features.items())
            if (kept := {label: round(row[label], 3) for label in sorted(row) if abs(row[label]) >= SMALLEST})
        },
    }


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--chains", type=Path, required=True, help="folder of JSONL files with labelled chains")
    parser.add_argument("--model", type=Path, default=MODEL, help="where the weights are written")
    arguments = parser.parse_args()
    examples = [example_of(chain) for chain in read_chains(arguments.chains)]
    weights = train(examples, [example_of(chain) for chain in added_chains()])
    with replacing(arguments.model) as path:
        path.write_text(json.dumps(weights, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    cli.log.info("%d chains, %d features", len(examples), len(weights["features"]))


if __name__ == "__main__":
    cli.run(main)
