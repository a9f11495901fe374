"""Planted questions are found, in their words and in others, and clean rows stay; n-grams against plain sets of tuples."""

import random
import re
import unicodedata
from pathlib import Path

import polars as pl
import pytest

from scripts.common.config.dataset import NgramOverlap
from scripts.common.questions import Question, read_questions
from scripts.data.decontaminate import Index, contaminated_rows, in_order
from scripts.evaluate.kinds.choice import from_file
from tests.beside import BENCHMARKS

WORDS = "alpha beta gamma delta sum of the number that is when two and find prime 7 12 x y set".split()


def index_of(*questions: str, **settings: float) -> Index:
    """Return the index of a benchmark `b` whose questions have their places as ids."""
    asked = [Question(id=str(k), question=text, answer="0") for k, text in enumerate(questions)]
    return Index({"b": asked}, NgramOverlap(**{"max_overlap": 0.0, **settings}))


def rows_of(*questions: str, response: str = "") -> pl.DataFrame:
    """Return a pool of rows that ask `questions`, with their places as ids."""
    return pl.DataFrame([{"id": str(k), "question": text, "response": response} for k, text in enumerate(questions)])


def hits_of(index: Index, pool: pl.DataFrame, kind: str = "exact") -> list[tuple[str, str]]:
    return [(hit["id"], hit["question_id"]) for hit in contaminated_rows(index, pool) if hit["kind"] == kind]


def random_text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(WORDS) + str(draw.randrange(30)) for _ in range(words))


def plain_words(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+|\d+", unicodedata.normalize("NFKC", text).lower())


def plain_hits(questions: list[Question], rows: pl.DataFrame, n: int, max_overlap: float) -> set[tuple[str, str]]:
    def grams(text: str, size: int) -> set[tuple[str, ...]]:
        words = plain_words(text)
        return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}

    hits = set()
    for question in questions:
        size = min(n, len(plain_words(question.question)))
        wanted = grams(question.question, size)
        for row in rows.iter_rows(named=True):
            held = grams(row["question"], size) | grams(row["response"], size)
            if len(wanted & held) / len(wanted) > max_overlap:
                hits.add((row["id"], question.id))
    return hits


def random_pool(draw: random.Random, questions: list[Question]) -> pl.DataFrame:
    rows = []
    for number in range(60):
        response = random_text(draw, draw.randint(5, 80))
        if number % 3 == 0:  # a whole question, or a part of one
            words = draw.choice(questions).question.split()
            response += " " + " ".join(words[: draw.randint(3, len(words))])
        rows.append({"id": str(number), "question": random_text(draw, 10), "response": response})
    return pl.DataFrame(rows)


@pytest.mark.parametrize("max_overlap", [0.0, 0.5])
def test_hits_equal_a_plain_implementation(max_overlap: float) -> None:
    draw = random.Random(3)
    texts = [random_text(draw, draw.randint(6, 40)) for _ in range(40)]
    index = index_of(*texts, ngram=13, max_overlap=max_overlap)
    questions = [question for _, question in index.questions]
    pool = random_pool(draw, questions)
    expected = plain_hits(questions, pool, 13, max_overlap)
    assert set(hits_of(index, pool)) == expected
    assert 5 < len(expected) < 60


def test_case_spacing_and_punctuation_do_not_hide_a_question() -> None:
    question = "What is the sum of all positive integers $n$ such that $n^2 + 7$ is a perfect square?"
    hidden = re.sub(r"\s+", "\n  ", question.upper().replace("$", " \\( "))
    pool = pl.DataFrame(
        {"id": ["a", "b"], "question": ["q", "q"], "response": [f"I recall: {hidden}!", "the sum of all"]}
    )
    (hit,) = contaminated_rows(index_of(question), pool)
    assert (hit["id"], hit["question_id"], hit["kind"], hit["score"]) == ("a", "0", "exact", 1.0)
    assert hit["match"] == "what is the sum of all positive integers n such that n 2"


SHORT = [
    "Evaluate $96\\div 12$.", "Find $\\tan 225^\\circ$.", "Who wrote Hamlet?", "What is 12 + 5?", "计算 $3+4$。", "Simplify $\\sqrt{288}$."
]  # fmt: skip
AROUND = [
    ("", ""), ("Return your final response within \\boxed{}. ", ""), ("Please solve:\n\n", "\n\nAnswer:"), ("", " Let's think step by step."),
    ("You are a careful teacher. ", " Put your final answer in \\boxed{}."), ("Question 7: ", " Explain"), ("Now do this! ", " (Give an exact answer.)"),
]  # fmt: skip


@pytest.mark.parametrize("around", AROUND, ids=range(len(AROUND)))
def test_short_questions_are_found_whatever_stands_around(around: tuple[str, str]) -> None:
    pool = rows_of(*(around[0] + text + around[1] for text in SHORT))
    assert hits_of(index_of(*SHORT), pool) == [(str(k), str(k)) for k in range(len(SHORT))]


def test_short_questions_inside_another_problem_are_no_hits() -> None:
    others = [
        "Evaluate $96\\div 12 + 5$.", "Find $\\tan 225^\\circ \\cdot 2$.", "What is 12 - 5?", "What is 12 + 5.5?", "What is 112 + 5?",
        "Let $y = 3$. Find $x$.", "计算 $3+45$。", "Who wrote Hamlet and Macbeth?", "In the triangle ABC, find x.", "Simplify $\\sqrt{288}+x$.",
    ]  # fmt: skip
    pool = rows_of(*others, response="So what is 12 + 5? Find x. Who wrote Hamlet?")
    assert hits_of(index_of(*SHORT, "Find $x$."), pool) == []
    assert hits_of(index_of("Find $x$.", "1+1?"), rows_of("find X", "1 + 1 = ")) == [("0", "0"), ("1", "1")]


@pytest.mark.parametrize(
    "text",
    [
        "A shop sells $1{,}250$ red boxes of $5$ kg and $\\frac{1}{2}$ as many blue ones. How heavy are all of them?",
        "A shop sells 1,250 red boxes of 5kg and $\\dfrac12$ as many blue ones. How heavy are all of them?",
        "A shop sells $1\\,250$ red boxes of \\text{5} kg and 1/2 as many blue ones.\nHow heavy are all of them",
    ],
)
def test_numbers_and_formulas_set_in_another_way_are_the_same(text: str) -> None:
    question = "A shop sells 1250 red boxes of 5 kg and 1/2 as many blue ones. How heavy are all of them?"
    (hit,) = contaminated_rows(index_of(question), rows_of(f"Think first. {text} Then answer."))
    assert (hit["kind"], hit["score"]) == ("exact", 1.0)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many positive divisors has 360?", "How many pоsitive divisors has 360?"),
        ("How many positive divisors has 360?", "How many posi\u200btive divi\u00adsors has 360?"),
        ("What is the capital of France?", "What is the \u0441apital of Fran\u200bce?"),
        ("В корзине 5 яблок. Сколько яблок?", "в КОРЗИНЕ 5 ЯБЛОК. СКОЛЬКО ЯБЛОК?"),
        ("What is 17 times 23?", "What is 17 × 23?"),
        ("What is 22 times 25?", "What is twenty-two times Twenty-five?"),
        ("小明有15个苹果，又买了22个，一共有多少个苹果？", "小明有十五个苹果，又买了二十二个，一共有多少个苹果？"),
        ("三加四是多少？", "3加4是多少？"),
        ("لدى أحمد 45 كرة ثم اشترى 25 كرة. كم كرة لديه الآن؟", "لدى أحمد ٤٥ كرة ثم اشترى ٢٥ كرة. كم كرة لديه الآن؟"),
        ("What is $17 \\cdot 23$?", "What is 17*23?"),
        ("Find all $x$ such that $x^2 \\leq 9$ and $x \\neq 2$.", "Find all x such that x² ≤ 9 and x ≠ 2."),
        ("Find all $x$ such that $x^2 \\leqslant 9$ and $x \\ne 2$.", "Find all $x$ such that $x^2\\le9$ and $x\\neq2$."),
        ("Let $\\alpha, \\varphi \\in \\mathbb{R}$ with $\\sqrt{\\alpha} \\ge \\pi$.", "Let α, φ ∈ ℝ with √α ≥ π."),
        ("Evaluate $\\left(2 \\cdot \\sqrt{8}\\right)$ now to the nearest integer.", "Evaluate (2 · √8) now to the nearest integer."),
    ],
)  # fmt: skip
def test_signs_and_letters_that_look_alike_hide_no_question(question: str, text: str) -> None:
    (hit,) = contaminated_rows(index_of(question), rows_of(text))
    assert (hit["kind"], hit["score"]) == ("exact", 1.0)
    other = text.translate(str.maketrans("25aα٢十3", "46eβ٣百8"))
    assert hits_of(index_of(question), rows_of(other)) == []


def choice(number: int, stem: str, *options: str) -> Question:
    row = {"question": stem, "answer": "A", "choices": list(options)}
    return from_file(row, "line 1").model_copy(update={"id": str(number)})


def test_a_choice_that_says_nothing_is_looked_for_with_its_options() -> None:
    """Its words alone stand in any response; those of another choice are its question."""
    stem = "Which of the following statements is true?"
    noble = "Which of the following is a noble gas?"
    asked = [
        choice(0, stem, "Copper melts at 1085 degrees.", "Gold is a gas at room temperature."),
        choice(1, noble, "Oxygen", "Helium", "Nitrogen"),
    ]
    index = Index({"b": asked}, NgramOverlap(max_overlap=0.0))
    rows = rows_of(
        f"Let f be continuous. {stem}\nA) f is bounded\nB) f is odd",
        f"{stem}\n(a) Copper melts at 1085 degrees.\n(b) Gold is a gas at room temperature.",
        f"{stem}\n1. Gold is a gas at room temperature.\n2. Copper melts at 1085 degrees.",
        f"Name it: {noble}",
        response=f"Let me see. {stem} I do not know.",
    )
    assert {(hit["id"], hit["question_id"]) for hit in contaminated_rows(index, rows)} == {
        ("1", "0"),
        ("2", "0"),
        ("3", "1"),
    }


REWORDED = [
    ("A farmer has 17 sheep and buys 25 more at the market. How many sheep does the farmer own then?",
     "At the market a farmer who had 17 sheep bought another 25. Tell me the count of sheep owned by this farmer."),
    ("Find the number of ordered pairs $(a,b)$ of integers such that $a^2 + b^2 = 50$ and $a < b$.",
     "How many ordered pairs $(m, n)$ of integers satisfy both $m^2+n^2=50$ and $m<n$? Reason step by step."),
    ("A bag holds 4 red marbles and 6 blue marbles. Two are drawn without replacement. What is the probability that both are red?",
     "Out of a bag of four red and six blue marbles one draws two, without replacement. How probable is it that both marbles are red?"),
    ("A train leaves Chicago at 60 miles an hour, another 2 hours later at 85. When does the second catch the first?",
     "One train leaves Chicago at sixty miles an hour and two hours later another at eighty-five. When is the first caught by the second?"),
    ("Which of these metals melts at the lowest temperature: copper, mercury, iron or silver?",
     "Which of these metals has the lowest temperature at which it melts?\n1. silver\n2. iron\n3. mercury\n4. copper"),
    ("What is the largest prime factor of $3^{12} - 2^{12}$?", "Among the prime factors of $3^{12}-2^{12}$, determine the largest one."),
]  # fmt: skip
OTHER = [
    "A farmer has 18 sheep and sells 25 goats at the market. How many animals does the farmer own then?",
    "Find the number of ordered pairs $(a,b)$ of integers such that $a^2 + b^2 = 65$ and $a < b$.",
    "A bag holds 3 red marbles and 7 blue marbles. Two are drawn without replacement. What is the probability that both are red?",
    "What is the largest prime factor of $5^{10} - 4^{10}$?",
    "A train leaves Chicago at sixty miles an hour, another two hours later at seventy-five. When does the second catch the first?",
]


def test_reworded_questions_are_found_and_other_problems_alike_are_not() -> None:
    index = index_of(*(question for question, _ in REWORDED))
    found = hits_of(index, rows_of(*(other for _, other in REWORDED)), "reworded")
    assert found == [(str(k), str(k)) for k in range(len(REWORDED))]
    assert hits_of(index, rows_of(*OTHER), "reworded") == []


def test_rows_of_the_benchmarks_template_stay() -> None:
    """The demo's questions differ in numbers alone: no words tell which of them a row repeats."""
    from scripts.data.demo_world import draw_problem

    draw = random.Random(5)
    benchmark = [draw_problem(draw, 4).question for _ in range(100)]
    clean = [
        text for _ in range(2000) if (text := draw_problem(draw, draw.choice((3, 4, 5))).question) not in benchmark
    ]
    index = index_of(*benchmark)
    assert len(hits_of(index, rows_of(*clean), "reworded")) <= 2
    renamed = [
        text.replace("Start with", "Begin at").replace("Result?", "Which result comes out?") for text in benchmark
    ]
    assert (
        len({hit["id"] for hit in contaminated_rows(index, rows_of(*renamed)) if hit["id"] == hit["question_id"]})
        == 100
    )


def test_hits_are_the_same_whatever_the_number_of_threads() -> None:
    draw = random.Random(9)
    texts = [random_text(draw, 12) for _ in range(40)]
    index = index_of(*texts[:20])
    batches = [rows_of(*(draw.choice(texts) + " so" for _ in range(7)), response=draw.choice(texts)) for _ in range(9)]
    one, three = (list(in_order(index, iter(batches), threads)) for threads in (1, 3))
    assert [hits for _, hits in one] == [hits for _, hits in three] and sum(len(hits) for _, hits in one) > 30
    assert all(given.equals(kept) for given, (kept, _) in zip(batches, three, strict=True))


def test_ngrams_do_not_run_from_question_into_response() -> None:
    words = [f"w{chr(97 + k)}" for k in range(13)]
    pool = pl.DataFrame({"id": ["a"], "question": [" ".join(words[:6])], "response": [" ".join(words[6:])]})
    assert hits_of(index_of(" ".join(words)), pool) == []


def test_worked_examples_in_a_system_prompt_are_found() -> None:
    question = "How many positive divisors has the number 360, and how many of them are odd?"
    system = [f"Answer as here.\nQ: {question}\nA: 24 and 6.", None]
    pool = rows_of("1+1?", "1+2?").with_columns(system=pl.Series(system), response_tokens=pl.lit(24))
    assert hits_of(index_of(question), pool) == [("0", "0")]


def test_chinese_has_no_spaces_between_words() -> None:
    question = "设函数在闭区间上连续且在开区间内可导求其最大值与最小值之差"
    pool = pl.DataFrame({"id": ["a"], "question": ["题"], "response": [f"原题是：{question}。解："]})
    assert hits_of(index_of(question), pool) == [("a", "0")]


@pytest.mark.real
def test_real_questions_planted_in_responses_are_all_found(tmp_path: Path) -> None:
    import json

    texts = []
    for file in ("math_500", "aime24", "amc", "minerva", "olympiadbench"):
        for line in (BENCHMARKS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts.append(row.get("problem") or row.get("question"))
    file = tmp_path / "real" / "test.jsonl"
    file.parent.mkdir()
    lines = [json.dumps({"id": str(k), "question": text, "answer": "0"}) for k, text in enumerate(texts)]
    file.write_text("\n".join(lines), encoding="utf-8")
    index = Index({"real": read_questions(file)}, NgramOverlap())
    draw = random.Random(1)
    long = [k for k, words in enumerate(index.words.to_list()) if len(words) >= 6]
    planted = draw.sample(long, 50)
    rows = [
        {"id": f"clean{k}", "question": random_text(draw, 12), "response": random_text(draw, 100)} for k in range(2000)
    ]
    for k in planted:
        text = "  ".join(texts[k].swapcase().split())
        rows.append(
            {"id": str(k), "question": "q", "response": f"{random_text(draw, 30)} {text} {random_text(draw, 30)}"}
        )
    hits = contaminated_rows(index, pl.DataFrame(rows))
    assert {str(k) for k in planted} <= {hit["id"] for hit in hits if hit["question_id"] == hit["id"]}
    assert not {hit["id"] for hit in hits if hit["id"].startswith("clean")}
