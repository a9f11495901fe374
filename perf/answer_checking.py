r"""How well answers are checked: pairs written by hand, and gold answers of real sets. Writes docs/answer_checking.md.

    python -m perf.answer_checking --benchmarks FOLDER --math-verify FOLDER

Each gold answer of FOLDER/*.jsonl is fed back as a model's answer and in eight dresses, which must count as right, and
with one thing changed, or as the answer to other questions of its set, which must count as wrong. lighteval's rules and
math-verify's judge the same. math-verify needs a folder of its own, as lighteval pins another latex2sympy2:

    pip install --target FOLDER --no-deps math-verify==0.9.0 latex2sympy2_extended==1.11.0

Without a folder its tables stay as they are on the page.
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from perf.answer_changes import changed, dressed
from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.judging.verdict import judge_mathematics
from scripts.common.program import Program
from scripts.common.questions import Question, without_dollars
from scripts.data.fetch_benchmark import read_local

ROOT = Path(__file__).resolve().parents[1]
PAIRS = ROOT / "tests" / "evaluate" / "answer_pairs.csv"
PAGE = ROOT / "docs" / "answer_checking.md"
OTHERS = 2
"""Golds of other questions that each question gets as an answer."""
SHOWN = 12
"""Faults of a set that the page names."""
FEW = 60
"""Answers of a sort that all rules judge: those of others take their time."""

RULES_HEADING, SETS_HEADING = "## Whose rules", "## Gold answers of real sets"
PAIRS_HEADING = "## Pairs written by hand"
INTRODUCTION = r"""# How answers are checked

`scripts/common/judging` decides, in four steps, a file each:

1. `thinking`: only what stands behind the thinking is an answer. A text that ends inside it holds none, whatever box is
   in there and whoever wrote the tag: where the prompt opens the thinking, the text is judged as if the model had.
2. `final`: the answer is the last box with something in it (boxes that only a comma or a word parts are one answer;
   one that is a part of an expression, `$-\boxed{7}$` or `$\boxed{7}\pi$`, is read with it; `2\boxed{7}` is none),
   or the final answer that is named behind it; without a box what the text names as its answer, or the formula that its
   last sentence concludes with. A number somewhere is no answer, nor is a box that was cut off.
   `letters` (multiple choice): the last answer line ("Answer: C", "the correct option is (C)", 选C) or a box behind it,
   the letter in any dress, a small one where it stands alone. Where there is neither: a first or last line that is one
   of the choices ("C) 42"), or sentences that choose without a doubt ("C is correct", "I choose C") and agree, or else
   the last one ("So C."). Two letters are none.
3. `notation` and `variants` bring it to one way of writing; `readings` says what it may mean, with `parsing`, `sets`,
   `tables`, `expression` and `words`: a number or expression, a set, a tuple, an interval, a matrix, a function by its
   cases, an equation, an inequality, a named value, a ratio, digits of a base, a residue, a sentence, or a text. All of
   its notation must be understood; else it is compared as text, sign by sign.
4. `compare`: values are compared by what they are. Numbers are equal exactly (60 digits, or as rationals); expressions,
   at points that are the same for the same names; a decimal of six or more digits equals what it is rounded from. Names
   must agree where both answers have one. Units may be left out; known ones must agree where both have one.
   Several options, (A)(C) or ii and iii, are `labels`, a set of them.

An answer has 30 s and 4 GiB in a process of its own; one that takes more counts as wrong, `reason` in the table of
answers says so, and no other answer is touched. The column `rule` says what was compared.

**Disputed answers.** lighteval's rules (those of math-verify, on sympy) judge every answer too. They change no verdict;
where they come to the other one, the answer is `disputed`, `compare/disputed.csv` lists it and the report shows it. A
person may decide: copy its row into a CSV file with the columns gold, answer and correct (1 or 0), and name that file
as `evaluation.answers_decided`. The scores follow; nothing is generated again.

Anyone can ask: `python -m scripts.evaluate.judge_answers --pairs FILE.csv --kind math --verdicts OUT.csv`.

This page is made by `python -m perf.answer_checking`; a test keeps its pairs in step.
"""
LIMITS = r"""What still goes wrong is left so. Words are compared as they are: "ellipse" and "an oval" differ, as do
sums and integrals in another form (they are compared as text). Units are not converted: 1 m is not 100 cm.
An unsimplified answer is right: $\frac{2}{4}$ is $\frac12$. `(a,b)` may be a point or an open interval, `12,345` a
number or two: what fits the gold answer counts. In a set a value that is there twice counts twice. Three letters
in two orders are one product only where both are small, one order is that of the alphabet and no vowel may make a
word of them (`abc`, `cba`): `rat` and `art` differ.
Counted wrong although right: a function by cases that is written without
them ($|x|$), constants of other names ($A$, $B$ for $C_1$, $C_2$), `f(x)` for `y`, `f(t)=t^2` for `f(x)=x^2`, $x=7k+3$
for $3 \pmod 7$, what a question asks said in another word ("isosceles" for "isosceles triangle"), `0b1011`, 二分之一.
Counted right although doubtful: `6%` for `6`, `12:30` for `12:30 AM`, `1,2` for the open interval (1,2).
"""

Pair = tuple[str, str]
Rules = Callable[[Sequence[Pair]], list[bool]]


def boxed(answer: str) -> str:
    """Return an answer as a model ends on it."""
    return rf"So the final answer is \boxed{{{without_dollars(answer)}}}."


def ours(pairs: Sequence[Pair]) -> list[bool]:
    """Return our verdicts on (gold, text)."""
    return [judge_mathematics(gold, text).correct for gold, text in cli.progress(pairs, "ours", "answer")]


def lightevals(pairs: Sequence[Pair]) -> list[bool]:
    """Return the verdicts of lighteval's rules."""
    with cli.heavy_imports():
        import lighteval.pipeline  # noqa: F401

        from scripts.evaluate.opinions import lighteval_on_mathematics
        from scripts.evaluate.scoring import Judge
        from scripts.evaluate.tasks import metrics, to_doc

    scoring = [metric.sample_level_fn for metric in metrics("math", 1)]
    with Judge(scoring, opinion=lighteval_on_mathematics(scoring[0].compute_score)) as judge:
        return [
            bool(judge.verdict(to_doc(Question(id="q", question="?", answer=gold), "task", "math"), text).correct)
            for gold, text in cli.progress(pairs, "lighteval", "answer")
        ]


def math_verifys(folder: Path) -> Rules:
    """Return math-verify's rules, from the folder that it is installed in."""

    def rules(pairs: Sequence[Pair]) -> list[bool]:
        command = [sys.executable, str(Path(__file__).with_name("math_verify_rules.py"))]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        asked = json.dumps([(without_dollars(gold), text) for gold, text in pairs])
        ended = subprocess.run(command, input=asked, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return list(json.loads(ended.stdout))

    return rules


class Trial(NamedTuple):
    """A gold answer, an answer and what is right."""

    kind: str
    gold: str
    answer: str
    same: bool


def trials_of(golds: Sequence[str], name: str) -> list[Trial]:
    """Return what the gold answers of a set are tried with."""
    draw, found = random.Random(name), []
    for gold in golds:
        found.append(Trial("fed back", gold, gold, True))
        found += [Trial(f"dress: {dress}", gold, worn, True) for dress, worn in dressed(gold)]
        found += [Trial(f"changed: {kind}", gold, other, False) for kind, other in changed(gold)]
        others = [each for each in dict.fromkeys(golds) if each != gold]
        found += [Trial("of others", gold, other, False) for other in draw.sample(others, min(OTHERS, len(others)))]
    return found


def read_sets(folder: Path, every: int) -> dict[str, list[str]]:
    """Return every so-manieth of the different gold answers of each set. Raises UserError where there is none."""
    if not folder.is_dir():
        raise UserError(f"there is no folder '{folder}'")
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise UserError(f"there is no JSONL file in '{folder}'")
    return {path.stem: list(dict.fromkeys(each.answer for each in read_local(path, "math")))[::every] for path in files}


def read_pairs() -> list[dict[str, str]]:
    """Return the pairs: same (1 or 0), kind, gold, answer."""
    with PAIRS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pair_trials() -> list[Trial]:
    """Return the pairs as trials."""
    return [Trial("pairs", pair["gold"], pair["answer"], pair["same"] == "1") for pair in read_pairs()]


def faults(trials: Sequence[Trial], rules: Rules) -> list[Trial]:
    """Return the trials that rules decide the wrong way."""
    verdicts = rules([(trial.gold, boxed(trial.answer)) for trial in trials])
    return [trial for trial, verdict in zip(trials, verdicts, strict=True) if verdict != trial.same]


def share(wrong: int, of: int) -> str:
    """Return how many went right, as a cell."""
    return f"{of - wrong} ({(of - wrong) / of:.2%})" if of else "-"


def rules_section(sets: dict[str, list[Trial]], rules: dict[str, Rules]) -> str:
    """Return the table of all rules on the same trials: pairs, and of the sets one dress a gold answer."""
    draw, few = random.Random(0), []
    for trials in sets.values():
        worn: dict[str, list[Trial]] = {}
        for trial in trials:
            if trial.kind.startswith("dress"):
                worn.setdefault(trial.gold, []).append(trial)
            else:
                few.append(trial)
        few += [draw.choice(options) for options in worn.values()]
    groups = {
        "gold answers fed back, must be right": [t for t in few if t.kind == "fed back"],
        "in one dress, must be right": [t for t in few if t.kind.startswith("dress")],
        "one thing changed, must be wrong": [t for t in few if t.kind.startswith("changed")],
        "golds of other questions, must be wrong": [t for t in few if t.kind == "of others"],
        "equal pairs by hand": [t for t in pair_trials() if t.same],
        "unequal pairs by hand": [t for t in pair_trials() if not t.same],
    }
    lines = [
        RULES_HEADING,
        "",
        f"How many are judged as they must be, by whose rules; up to {FEW} of a sort, drawn.",
        "",
    ]
    lines += [f"| what | answers | {' | '.join(rules)} |", "|---|---|" + "---|" * len(rules)]
    for name, trials in groups.items():
        trials = draw.sample(trials, min(FEW, len(trials)))
        cells = [share(len(faults(trials, judge)), len(trials)) for judge in rules.values()]
        lines.append(f"| {name} | {len(trials)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sets_section(sets: dict[str, list[Trial]], every: int) -> str:
    """Return the tables of real sets."""
    kinds: dict[str, tuple[int, int]] = {}
    lines = [SETS_HEADING, "", f"One of {every} of the different gold answers (`--every {every}`).", ""]
    lines += ["| set | golds | fed back | dressed | changed, wrong | of others, wrong |", "|---|---|---|---|---|---|"]
    odd: list[str] = []
    for name, trials in sets.items():
        wrong = faults(trials, ours)
        all_of, wrong_of = (Counter(trial.kind for trial in some) for some in (trials, wrong))
        for kind, number in all_of.items():
            before = kinds.get(kind, (0, 0))
            kinds[kind] = (before[0] + number, before[1] + wrong_of[kind])
        cells = [
            share(sum(wrong_of[kind] for kind in of), sum(all_of[kind] for kind in of))
            for of in (
                [kind for kind in all_of if kind.startswith(start)]
                for start in ("fed", "dress", "changed", "of others")
            )
        ]
        lines.append(f"| {name} | {all_of['fed back']} | {' | '.join(cells)} |")
        odd += [f"{name}, {t.kind}: `{t.answer}` for `{t.gold}`" for t in wrong][:SHOWN]
    lines += ["", "| kind | answers | as they must be |", "|---|---|---|"]
    lines += [f"| {kind} | {number} | {share(wrong, number)} |" for kind, (number, wrong) in sorted(kinds.items())]
    lines += ["", "The others:", "", *(f"- {each}" for each in odd or ["none"])]
    return "\n".join(lines) + "\n"


TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
# Where the box stands: the text, and whether 7 is its answer. {o} opens the thinking, {c} closes it.
PLACES: dict[str, tuple[str, bool]] = {
    "behind it": ("{o}\nSo 3+4.\n{c}\n\nIt is \\boxed{{7}}.", True),
    "inside it only": ("{o}\nIt is \\boxed{{7}}.\n{c}\n\nI cannot say.", False),
    "inside another, behind it the right one": ("{o}\n\\boxed{{8}}?\n{c}\n\nIt is \\boxed{{7}}.", True),
    "inside the right one, behind it another": ("{o}\n\\boxed{{7}}?\n{c}\n\nIt is \\boxed{{8}}.", False),
    "inside it, cut off": ("{o}\nIt is \\boxed{{7}}. But let me", False),
    "behind a lone closing tag": ("So 3+4.\n{c}\n\nIt is \\boxed{{7}}.", True),
    "before a lone closing tag only": ("It is \\boxed{{7}}.\n{c}\n\nI cannot", False),
    "in a second thinking, cut off": ("{o}\n3+4\n{c}\n\n{o}\nIt is \\boxed{{7}}. But", False),
    "between two": ("{o}\n3+4\n{c}\n\n\\boxed{{7}}\n\n{o}\nLet me check.\n{c}\n\nI cannot say.", False),
    "no thinking": ("It is \\boxed{{7}}.", True),
}


def thinking_section() -> str:
    """Return the table of where a box stands, over all tags."""
    lines = ["## Thinking", "", "The right answer stands in a box. The rule is one for all tags and both engines: "]
    lines[-1] += ", ".join(f"`{opening}`" for opening, _ in TAGS) + ", in any case."
    lines += ["", "| where the box stands | its answer counts |", "|---|---|"]
    for place, (text, _) in PLACES.items():
        found = {judge_mathematics("7", text.format(o=opening, c=closing)).correct for opening, closing in TAGS}
        lines.append(f"| {place} | {' and '.join('yes' if each else 'no' for each in sorted(found))} |")
    return "\n".join(lines) + "\n"


def pairs_section() -> str:
    """Return the table of pairs with the verdict on each."""
    trials, pairs = pair_trials(), read_pairs()
    wrong = set(faults(trials, ours))
    same = sum(trial.same for trial in trials)
    missed = Counter(trial.same for trial in wrong)
    summary = (
        f"Of {same} equal answers in another form {same - missed[True]} count as right, of {len(trials) - same} near "
        f"misses {len(trials) - same - missed[False]} as wrong. The others are marked."
    )
    table = ["| kind | gold | answer | equal | counts as |", "|---|---|---|---|---|"]
    for pair, trial in zip(pairs, trials, strict=True):
        right = trial.same != (trial in wrong)
        cells = [pair["kind"], *(f"`{text}`".replace("|", "\\|") for text in (trial.gold, trial.answer))]
        cells += [
            "yes" if trial.same else "no",
            ("right" if right else "wrong") + (" **(!)**" if trial in wrong else ""),
        ]
        table.append(f"| {' | '.join(cells)} |")
    return "\n".join([PAIRS_HEADING, "", summary, "", LIMITS, *table]) + "\n"


def kept(heading: str) -> str:
    """Return a section as the page has it."""
    found = re.search(rf"{heading}\n.*?(?=\n## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return found[0].rstrip() + "\n" if found else ""


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--benchmarks", type=Path, help="a folder of JSONL files with question or problem, and answer")
    parser.add_argument("--every", type=int, default=1, help="try every so-manieth gold answer of a set")
    parser.add_argument("--math-verify", type=Path, help="the folder that math-verify is installed in")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    arguments = parser.parse_args()

    rules, sets = kept(RULES_HEADING), kept(SETS_HEADING)
    if arguments.benchmarks:
        trials = {
            name: trials_of(golds, name) for name, golds in read_sets(arguments.benchmarks, arguments.every).items()
        }
        sets = sets_section(trials, arguments.every)
        if arguments.math_verify:
            theirs = {
                "ours": ours,
                "lighteval 0.13": lightevals,
                "math-verify 0.9": math_verifys(arguments.math_verify),
            }
            rules = rules_section(trials, theirs)
    with replacing(arguments.page) as temporary:
        sections = [INTRODUCTION, rules, sets, thinking_section(), pairs_section()]
        temporary.write_text("\n".join(section for section in sections if section), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
