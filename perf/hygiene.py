"""What the data stage finds of what was planted among clean rows: contaminations, reworded ones, near duplicates.

Clean rows are problems of eight templates with names, things and numbers of their own, and the questions of the sets in
--clean-sets. Benchmarks are the sets in --benchmarks. Planted questions stand between instructions; the rules of
rewording are those below, and no threshold was chosen by them. The figures are counts, the same at every run.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.config.dataset import NgramOverlap
from scripts.common.program import Program
from scripts.common.questions import Question
from scripts.data.decontaminate import BATCH, Index, in_order
from scripts.data.near import NearDuplicates, signature

PLANTED = 100
NAMES = ["Ada", "Bo", "Chen", "Dina", "Emre", "Fatou", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena", "Mina", "Noor"]
THINGS = ["apples", "books", "candles", "drums", "eggs", "flags", "gloves", "hats", "keys", "lamps", "maps", "oars"]
PROBLEMS = [
    ("{name} has {a} {thing} and buys {b} more. How many {thing} does {name} have now?", "{a} + {b} = {sum}"),
    ("A box holds {a} {thing}. {name} fills {b} boxes. How many {thing} are that?", "{a} * {b} = {product}"),
    ("{name} walks {a} km a day for {b} days. How far does {name} walk?", "{a} * {b} = {product}"),
    ("Find the remainder when ${a}^2 + {b}$ is divided by ${c}$.", "{a} * {a} + {b} = {square}"),
    ("Solve ${c}x + {a} = {b}$ for $x$.", "{c}x = {b} - {a} = {difference}"),
    ("What is the area of a rectangle with sides ${a}$ and ${b}$?", "{a} * {b} = {product}"),
    ("Of {a} {thing}, {c} in a hundred are broken. {name} throws these away. How many are left?", "{a} * {c} / 100"),
    ("Let $f(x) = {c}x^2 - {a}x$. Compute $f({b})$.", "{c} * {b} * {b} - {a} * {b}"),
]
CHAIN = (
    "<think>\nLet me see what is asked. {first}\nWe work it out: {work}.\nWait, let me check this once more with {a}, "
    "{b} and {c}. {second}\n</think>\n\nThe final answer is \\boxed{{{answer}}}."
)
ASIDES = [
    "The numbers are given, so a direct way will do.",
    "I could also draw a picture of it first.",
    "It helps to write down every quantity by its name.",
    "First I note the units.",
    "There may be a trap in the wording.",
]
BEFORE = ["", "Be a patient tutor. ", "Task 12:\n", "Read this twice, then answer.\n\n", "Here is an exam question: "]
BEHIND = ["", "\n\nAnswer in one line.", " Think aloud first.", "\nEnd with \\boxed{}.", " Do not guess."]
OTHER_WORDS = {
    "find": "report",
    "compute": "work out",
    "determine": "state",
    "evaluate": "get",
    "what is": "name",
    "how many": "count how many",
    "such that": "so that",
    "suppose": "say",
    "let": "write",
    "given": "granted",
    "positive": "above-zero",
    "number": "amount",
    "sum": "grand total",
    "smallest": "lowest",
    "largest": "highest",
    "value": "worth",
    "equation": "identity",
    "point": "spot",
    "circle": "ring",
    "line": "ray",
    "triangle": "trilateral",
    "square": "quadrate",
    "length": "size",
    "distance": "gap",
    "real": "genuine",
    "function": "rule",
    "has": "owns",
    "contains": "carries",
    "are": "happen to be",
    "each": "every single",
    "different": "distinct",
}


SMALL = r"\b(?:the|a|an|of|that|all|is)\b ?"


def clean_rows(rows: int, others: list[str], draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield (question, response): `others`, then problems of the templates, each once."""
    seen = set()
    while len(seen) < rows:
        question, work = draw.choice(PROBLEMS) if len(seen) >= len(others) else (others[len(seen)], "{a} and {b}")
        a, b, c = draw.randint(2, 900), draw.randint(2, 900), draw.randint(3, 60)
        values = {"a": a, "b": b, "c": c, "sum": a + b, "product": a * b, "square": a * a + b, "difference": b - a}
        values |= {"name": draw.choice(NAMES), "thing": draw.choice(THINGS), "answer": draw.randint(0, 10**6)}
        if len(seen) >= len(others):
            question = re.sub(r"{(\w+)}", lambda found: str(values[found[1]]), question)  # noqa: B023
        if question in seen:
            others = [other for other in others if other != question] if len(seen) < len(others) else others
            continue
        seen.add(question)
        work = work.format(**values)
        yield question, CHAIN.format(first=draw.choice(ASIDES), second=draw.choice(ASIDES), work=work, **values)


def reworded(text: str, draw: random.Random) -> str:
    """Return a question in other words: many words replaced, small ones left out, its last sentence put first."""
    for word, other in OTHER_WORDS.items():
        if draw.random() < 0.8:
            text = re.sub(rf"\b{word}\b", other, text, flags=re.IGNORECASE)
    parts = re.split(r"(\$[^$]*\$)", text)
    parts[::2] = [
        re.sub(r"\b(?:the|a|an|of|that|all|is)\b ?", lambda w: w[0] * (draw.random() < 0.6), p) for p in parts[::2]
    ]
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z])", "".join(parts))
    return " ".join(sentences[-1:] + sentences[:-1] if draw.random() < 0.5 else sentences)


def edited(text: str, draw: random.Random) -> str:
    """Return a text with one word in thirty left out, doubled or replaced; numbers and formulas stay."""
    words = text.split(" ")
    changes = [lambda w: "", lambda w: f"{w} {w}", lambda w: "thus", lambda w: w.upper() + ","]
    return " ".join(draw.choice(changes)(w) if w.isalpha() and draw.random() < 1 / 30 else w for w in words)


def read_set(folder: Path, name: str) -> list[str]:
    """Return the questions of a set."""
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row.get("problem") or row["question"] for row in rows]


def contamination(rows: list[tuple[str, str]], benchmarks: dict[str, list[str]], draw: random.Random) -> dict[str, str]:
    """Return how many of the planted questions are found, and how many clean rows are lost."""
    asked = {
        name: [Question(id=str(number), question=text, answer="0") for number, text in enumerate(texts)]
        for name, texts in benchmarks.items()
    }
    index = Index(asked, NgramOverlap())
    planted = draw.sample(range(len(index.questions)), PLANTED)
    texts = [index.questions[place][1].question for place in planted]
    half = PLANTED // 2
    texts = texts[:half] + [reworded(text, draw) for text in texts[half:]]
    table = [{"id": f"clean {k}", "question": q, "response": r} for k, (q, r) in enumerate(rows)]
    table += [
        {"id": f"planted {k}", "question": draw.choice(BEFORE) + text + draw.choice(BEHIND), "response": rows[k][1]}
        for k, text in enumerate(texts)
    ]
    draw.shuffle(table)
    batches = (pl.DataFrame(table[start : start + BATCH]) for start in range(0, len(table), BATCH))
    hits = [hit for _, found in in_order(index, batches, 1) for hit in found]
    wanted = {
        (f"planted {k}", index.questions[place][0], index.questions[place][1].id) for k, place in enumerate(planted)
    }
    got = {(hit["id"], hit["benchmark"], hit["question_id"]) for hit in hits} & wanted
    places = [int(row.split()[1]) for row, _, _ in got]
    lost = {hit["id"] for hit in hits if hit["id"].startswith("clean")}
    return {
        "benchmark_questions": f"{len(index.questions):,}",
        "exact_found": f"{sum(place < half for place in places)} of {half}",
        "reworded_found": f"{sum(place >= half for place in places)} of {PLANTED - half}",
        "clean_rows_lost": f"{len(lost)} of {len(rows):,}",
    }


def near_duplicates(rows: list[tuple[str, str]], draw: random.Random) -> dict[str, str]:
    """Return how many of the planted near duplicates are found, and how many clean rows are lost."""
    copied = draw.sample(range(len(rows)), PLANTED)
    copies = [(edited(rows[k][0], draw), edited(rows[k][1], draw)) for k in copied]
    near = NearDuplicates()
    lost = sum(near.check(signature(*row), k) is not None for k, row in enumerate(cli.progress(rows, "rows")))
    found = [near.check(signature(*copy), len(rows)) for copy in copies]
    right = sum(hit is not None and hit[0] == k for hit, k in zip(found, copied, strict=True))
    return {"found_with_their_row": f"{right} of {PLANTED}", "clean_rows_lost": f"{lost} of {len(rows):,}"}


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder of question sets (*.jsonl)")
    parser.add_argument("--benchmarks", nargs="+", default=["math_500", "aime24", "amc"], help="sets that are planted")
    parser.add_argument("--clean-sets", nargs="+", default=["olympiadbench", "minerva"], help="sets among clean rows")
    parser.add_argument("--rows", type=int, default=20_000, help="clean rows (default: 20,000)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one measurement each")
    arguments = parser.parse_args()
    others = [text for name in arguments.clean_sets for text in dict.fromkeys(read_set(arguments.folder, name))]
    benchmarks = {name: read_set(arguments.folder, name) for name in arguments.benchmarks}
    for seed in arguments.seeds:
        draw = random.Random(seed)
        rows = list(clean_rows(arguments.rows, others, draw))
        figures = {
            "contamination": contamination(rows, benchmarks, draw),
            "near_duplicates": near_duplicates(rows, draw),
        }
        print(json.dumps({"seed": seed} | figures), flush=True)


if __name__ == "__main__":
    cli.run(main)
