r"""How well answers are checked: pairs written by hand, and gold answers of real sets. Writes docs/answer_checking.md.

    python -m perf.answer_checking --benchmarks FOLDER

Each gold answer of FOLDER/*.jsonl is fed back as a model's answer, which must count as right, and as the answer to
other questions of its set, where it must count as wrong. Without FOLDER the table of real sets stays as it is.
"""

import csv
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.questions import Question, without_dollars
from scripts.data.fetch_benchmark import read_local

ROOT = Path(__file__).resolve().parents[1]
PAIRS = ROOT / "tests" / "evaluate" / "answer_pairs.csv"
PAGE = ROOT / "docs" / "answer_checking.md"
OTHERS = 2
"""Golds of other questions that each question gets as an answer."""

PAIRS_HEADING = "## Pairs written by hand"
INTRODUCTION = r"""# How answers are checked

lighteval's extractors find the answer in a text, and its rules (those of math-verify, on sympy) compare it with the
gold one, in a process of its own with 30 s and 4 GiB for an answer. What `<think>` holds is taken off before, for every
metric. An answer that takes longer or more counts as wrong, and `reason` in the table of answers says so; no other
answer is touched.

Three things are ours (`scripts/evaluate/lighteval_patches.py`), each with a test that fails when lighteval mends it:

- A gold answer is wrapped as mathematics, `$\boxed{gold}$`: bare, lighteval finds no answer in one of seven golds of
  MATH-500.
- In a box, `4.5e33` means $4.5\times 10^{33}$: lighteval reads the e as Euler's number, and 58 of Minerva's 272 golds
  are written so. `a\pm b` means both values: lighteval keeps one of them.
- A multiple-choice answer that ends on `\boxed{B}` is B: lighteval reads the A of "A ball falls".

This page is made by `python -m perf.answer_checking`; a test keeps its pairs in step.
"""
LIMITS = r"""What still goes wrong is left so. Units are taken off and not compared. An inequality is not recognised
where the gold answer is an interval, nor an equation multiplied by a number. Numbers must agree to six decimals.
"""


class SetOutcome(NamedTuple):
    """What became of the golds of one set."""

    name: str
    golds: int
    right: int
    """Golds that count as right when fed back."""
    others: int
    """Golds of other questions, different as texts, given as answers."""
    wrong: int
    odd: list[str]
    """Every gold not right and every other accepted, in words."""


def boxed(answer: str) -> str:
    """Return an answer as a model ends on it."""
    return rf"So the final answer is \boxed{{{without_dollars(answer)}}}."


def new_judge() -> Any:
    """Return a judge of mathematics."""
    from scripts.evaluate.scoring import Judge
    from scripts.evaluate.tasks import metrics

    return Judge([metric.sample_level_fn for metric in metrics("math", 1)])


def judged(judge: Any, gold: str, answer: str) -> bool:
    """Return whether `answer`, in a box, counts as right."""
    from scripts.evaluate.tasks import to_doc

    return bool(judge.verdict(to_doc(Question(id="q", question="?", answer=gold), "task"), boxed(answer)).correct)


def read_pairs() -> list[dict[str, str]]:
    """Return the pairs: same (1 or 0), kind, gold, answer."""
    with PAIRS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pairs_section() -> str:
    """Return the table of pairs with the verdict on each."""
    rows, agreed = [], {"1": 0, "0": 0}
    pairs = read_pairs()
    with new_judge() as judge:
        for pair in pairs:
            verdict = judged(judge, pair["gold"], pair["answer"])
            as_meant = verdict == (pair["same"] == "1")
            agreed[pair["same"]] += as_meant
            cells = [pair["kind"], f"`{pair['gold']}`", f"`{pair['answer']}`", "yes" if pair["same"] == "1" else "no"]
            rows.append(" | ".join([*cells, ("right" if verdict else "wrong") + ("" if as_meant else " **(!)**")]))
    total = {same: sum(pair["same"] == same for pair in pairs) for same in agreed}
    summary = (
        f"Of {total['1']} equal answers in another form {agreed['1']} count as right, of {total['0']} near misses "
        f"{agreed['0']} as wrong. The others are marked."
    )
    table = ["| kind | gold | answer | equal | counts as |", "|---|---|---|---|---|", *(f"| {row} |" for row in rows)]
    return "\n".join([PAIRS_HEADING, "", summary, "", LIMITS, *table]) + "\n"


def check_set(path: Path) -> SetOutcome:
    """Feed the golds of a set back, to their own question and to others."""
    questions = read_local(path, "math")
    golds = [question.answer for question in questions]
    draw, odd, right, wrong, others = random.Random(path.stem), [], 0, 0, 0
    with new_judge() as judge:
        for gold in cli.progress(golds, path.stem, "gold"):
            if judged(judge, gold, gold):
                right += 1
            else:
                odd.append(f"`{gold}` is not recognised")
            for other in draw.sample([each for each in golds if each != gold], OTHERS):
                others += 1
                if judged(judge, gold, other):
                    odd.append(f"`{other}` counts as `{gold}`")
                else:
                    wrong += 1
    return SetOutcome(path.stem, len(golds), right, others, wrong, odd)


def sets_section(outcomes: Iterable[SetOutcome]) -> str:
    """Return the table of real sets."""
    lines = ["## Gold answers of real sets", ""]
    lines += [
        "| set | golds | right, fed back | as answers to others | of these wrong | the rest |",
        "|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        shares = (outcome.right / outcome.golds, outcome.wrong / outcome.others)
        fed_back = f"{outcome.golds} | {outcome.right} ({shares[0]:.2%})"
        to_others = f"{outcome.others} | {outcome.wrong} ({shares[1]:.2%})"
        lines.append(f"| {outcome.name} | {fed_back} | {to_others} | {'; '.join(outcome.odd) or 'none'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--benchmarks", type=Path, help="a folder of JSONL files with question or problem, and answer")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    arguments = parser.parse_args()
    with cli.heavy_imports():
        import lighteval.pipeline  # noqa: F401

    if arguments.benchmarks:
        sets = sets_section([check_set(path) for path in sorted(arguments.benchmarks.glob("*.jsonl"))])
    else:
        found = re.search(r"## Gold answers.*?(?=## Pairs)", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        sets = found[0].rstrip() + "\n" if found else ""
    with replacing(arguments.page) as temporary:
        temporary.write_text("\n".join([INTRODUCTION, sets, pairs_section()]), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
