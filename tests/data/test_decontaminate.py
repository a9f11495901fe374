"""Planted questions are found and clean rows stay, against a plain implementation with sets of tuples."""

import random
import re
import unicodedata
from pathlib import Path

import polars as pl
import pytest

from scripts.data.decontaminate import Index, Question, contaminated_rows, read_questions

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "benchmarks"
WORDS = "alpha beta gamma delta sum of the number that is when two and find prime 7 12 x y set".split()


def random_text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(WORDS) + str(draw.randrange(30)) for _ in range(words))


def plain_words(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+", unicodedata.normalize("NFKC", text).lower())


def plain_hits(questions: list[Question], rows: pl.DataFrame, n: int, max_overlap: float) -> set[tuple[str, str]]:
    def grams(text: str, size: int) -> set[tuple[str, ...]]:
        words = plain_words(text)
        return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}

    hits = set()
    for question in questions:
        size = min(n, len(plain_words(question.text)))
        wanted = grams(question.text, size)
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
            words = draw.choice(questions).text.split()
            response += " " + " ".join(words[: draw.randint(3, len(words))])
        rows.append({"id": str(number), "question": random_text(draw, 10), "response": response})
    return pl.DataFrame(rows)


@pytest.mark.parametrize("max_overlap", [0.0, 0.5])
def test_hits_equal_a_plain_implementation(max_overlap: float) -> None:
    draw = random.Random(3)
    questions = [Question("b", str(k), random_text(draw, draw.randint(6, 40))) for k in range(40)]
    pool = random_pool(draw, questions)
    found = contaminated_rows(Index(questions, 13), pool, max_overlap)
    expected = plain_hits(questions, pool, 13, max_overlap)
    assert {(hit["id"], hit["question_id"]) for hit in found} == expected
    assert 5 < len(expected) < 60


def test_case_spacing_and_punctuation_do_not_hide_a_question() -> None:
    question = "What is the sum of all positive integers $n$ such that $n^2 + 7$ is a perfect square?"
    hidden = re.sub(r"\s+", "\n  ", question.upper().replace("$", " \\( "))
    pool = pl.DataFrame(
        {"id": ["a", "b"], "question": ["q", "q"], "response": [f"I recall: {hidden}!", "the sum of all"]}
    )
    (hit,) = contaminated_rows(Index([Question("b", "7", question)], 13), pool, 0.0)
    assert (hit["id"], hit["question_id"]) == ("a", "7")
    assert hit["match"] == "what is the sum of all positive integers n such that n 2"


def test_short_questions_are_compared_as_a_whole() -> None:
    index = Index([Question("b", "1", "Find $x$."), Question("b", "2", "1+1?")], 13)
    pool = pl.DataFrame({"id": ["a", "b"], "question": ["find X", "Other"], "response": ["", "so find x. 1+1?"]})
    assert [(hit["id"], hit["question_id"]) for hit in contaminated_rows(index, pool, 0.0)] == [("a", "1")]


def test_ngrams_do_not_run_from_question_into_response() -> None:
    words = [f"w{k}" for k in range(13)]
    index = Index([Question("b", "1", " ".join(words))], 13)
    pool = pl.DataFrame({"id": ["a"], "question": [" ".join(words[:6])], "response": [" ".join(words[6:])]})
    assert contaminated_rows(index, pool, 0.0) == []


def test_chinese_has_no_spaces_between_words() -> None:
    question = "设函数在闭区间上连续且在开区间内可导求其最大值与最小值之差"
    pool = pl.DataFrame({"id": ["a"], "question": ["题"], "response": [f"原题是：{question}。解："]})
    assert len(contaminated_rows(Index([Question("b", "1", question)], 13), pool, 0.0)) == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real question sets are not at hand")
def test_real_questions_planted_in_responses_are_all_found(tmp_path: Path) -> None:
    import json

    texts = []
    for file in ("math_500", "aime24", "amc", "minerva", "olympiadbench"):
        for line in (SHARED / f"{file}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts.append(row.get("problem") or row.get("question"))
    folder = tmp_path / "real"
    folder.mkdir()
    lines = [json.dumps({"id": k, "question": text}) for k, text in enumerate(texts)]
    (folder / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")
    index = Index(list(read_questions([folder / "test.jsonl"])), 13)
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
    hits = contaminated_rows(index, pl.DataFrame(rows), 0.0)
    assert {str(k) for k in planted} <= {hit["id"] for hit in hits if hit["question_id"] == hit["id"]}
    assert not {hit["id"] for hit in hits if hit["id"].startswith("clean")}
