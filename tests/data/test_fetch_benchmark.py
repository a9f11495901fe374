"""Benchmarks become test.jsonl, and mistakes a sentence with the line."""

import base64
import json
import pickle
import random
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.cli import UserError, heavy_imports
from scripts.common.questions import Question, question_id, read_questions, unpack_tests
from scripts.data import fetch_benchmark
from scripts.data.fetch_benchmark import read_local, read_task, task_configs
from tests.beside import BENCHMARKS
from tests.conftest import make_tokenizer

with heavy_imports():  # before the hub is stubbed
    from lighteval.metrics.metrics import Metrics
    from lighteval.tasks.prompt_manager import PromptManager

    from scripts.evaluate.tasks import to_doc


def lines(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: object) -> list[Question]:
    output = tmp_path / "benchmark" / "test.jsonl"
    monkeypatch.setattr(sys, "argv", ["fetch_benchmark", *map(str, options), "--output", str(output)])
    fetch_benchmark.main()
    return read_questions(output)


def test_a_local_file_is_normalised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lines(
        tmp_path / "own.jsonl",
        {"question": " 1+1? ", "answer": 2.0, "level": 3},
        {"id": 7, "problem": "Wie groß ist $x$?", "answer": "\\frac{1}{2}", "subject": "Algebra"},
        "",
        {"question": "1/3?", "answer": 0.25},
    )
    assert run(monkeypatch, tmp_path, "--path", path) == [
        Question(id=question_id("1+1?"), question="1+1?", answer="2"),
        Question(id="7", question="Wie groß ist $x$?", answer="\\frac{1}{2}", subject="Algebra"),
        Question(id=question_id("1/3?"), question="1/3?", answer="0.25"),
    ]


GOOD = {"question": "1+1?", "answer": "2"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"own\.jsonl holds no questions"),
        ([GOOD, {"answer": "2"}], r"own\.jsonl, line 2: there is no text in the field 'question'"),
        ([GOOD, "", {"question": "2+2?"}], r"own\.jsonl, line 3: there is no text or number in the field 'answer'"),
        ([{"question": "?", "answer": {"a": {"b": 2}}}], "line 1: there is no text or number in the field 'answer'"),
        ([{"question": "?", "answer": ["1", ""]}], "line 1: there is no text or number in the field 'answer'"),
        ([{"question": "?", "answer": []}], "line 1: there is no text or number in the field 'answer'"),
        ([{"question": "1+1?", "answer": "  "}], "line 1: there is no text or number in the field 'answer'"),
        ([{"question": "1+1?", "answer": "proof"}], "line 1: there is no text or number in the field 'answer'"),
        ([{"question": "-", "answer": "2"}], "line 1: the question is '-': it stands elsewhere"),
        ([{"question": "1+1?", "answer": "\\boxed{2"}], "line 1: the answer .* is never closed"),
        ([{"question": "1+1?", "problem": "1+2?", "answer": "2"}], "'question' and 'problem' hold different texts"),
        ([{**GOOD, "image": "a.png"}], "line 1: the field 'image' may hold what the question cannot be answered"),
        ([{**GOOD, "context": "In base 2."}], "the field 'context' may hold"),
        ([{**GOOD, "choices": ["3", "4"]}], "the field 'choices' may hold .* kind: choice asks choices"),
        ([GOOD, "{oops"], r"own\.jsonl, line 2: this is not JSON"),
        ([["1+1?", "2"]], "line 1: a question must be a JSON object"),
        ([GOOD, GOOD], r"own\.jsonl: questions 1 and 2 have the same id '[0-9a-f]{16}'"),
        ([{"id": 1, **GOOD}, {"id": "1", "question": "2+2?", "answer": "4"}], "questions 1 and 2 have the same id '1'"),
    ],
)
def test_mistakes_name_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list, message: str) -> None:
    path = lines(tmp_path / "own.jsonl", *rows)
    with pytest.raises(UserError, match=message):
        run(monkeypatch, tmp_path, "--path", path)
    assert not (tmp_path / "benchmark" / "test.jsonl").exists()


@pytest.mark.parametrize(("groups", "word"), [([None], "one question"), (["a", "a"], "of one group")])
def test_what_no_models_could_be_compared_on_is_told_first(
    groups: list[str | None], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": f"1+{n}?", "answer": n + 1, "group": group} for n, group in enumerate(groups)]
    with pytest.raises(UserError, match=f"{word}.*a comparison takes two or more"):
        run(monkeypatch, tmp_path, "--path", lines(tmp_path / "own.jsonl", *rows))


@pytest.mark.parametrize("name", ["table", "premise", "image_path", "story"])
def test_what_a_question_rests_on_is_told_as_of_a_training_row(name: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "own.jsonl", {"question": "How many?", "answer": 2, name: "Ann has 1, Bob has 1."})
    with pytest.raises(UserError, match=f"'{name}'"):
        read_local(path, "math")
    kinds = lines(tmp_path / "kinds.jsonl", {"question": "1+1?", "answer": 2, "figure": False, "table": "train"})
    assert [question.answer for question in read_local(kinds, "math")] == ["2"]


def test_a_float_of_32_bits_that_may_be_another_number_is_told(tmp_path: Path) -> None:
    """The largest odd number that 24 bits hold is read; beyond it one that six digits say, and no other."""
    for value, told in (
        (2.0**24 - 1, "16777215"),
        (2.5e7, "25000000"),
        (0.1, "0.1"),
        (2.0**24, None),
        (123456789.0, None),
    ):
        path = tmp_path / "own.parquet"
        pq.write_table(pa.table({"question": ["1+1?"], "answer": pa.array([value], pa.float32())}), path)
        if told:
            assert [question.answer for question in read_local(path, "math")] == [told]
        else:
            with pytest.raises(UserError, match="a float of 32 bits or fewer"):
                read_local(path, "math")


def test_a_float_that_may_be_another_number_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"question": ["1+1?"], "answer": [2.0**61 + 2**10]}), path)
    with pytest.raises(UserError, match=r"own\.parquet, row 1: 2305843009213694976 is a float, which holds 15 digits"):
        read_local(path, "math")


def test_files_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"there is no file '.*/nothing\.jsonl'"):
        run(monkeypatch, tmp_path, "--path", tmp_path / "nothing.jsonl")
    with pytest.raises(UserError, match=r"there is no file '.*/nothing\.jsonl'"):
        read_questions(tmp_path / "nothing.jsonl")


def test_choices_become_letters(tmp_path: Path) -> None:
    row = {"question": "Which is a prime?", "choices": ["4", "5", "6"]}
    path = lines(tmp_path / "own.jsonl", {**row, "id": "a", "answer": "B"}, {**row, "id": "b", "answer": "6"})
    by_letter, by_text = read_local(path, "choice")
    assert (by_letter.answer, by_letter.gold_index, by_letter.choices) == ("B", 1, ["A", "B", "C"])
    assert (by_text.answer, by_text.gold_index) == ("C", 2)
    assert by_letter.question == row["question"]
    assert by_letter.prompt and by_letter.prompt.endswith(
        "LETTER is one of ABC. Think step by step before answering.\n\nWhich is a prime?\n\nA) 4\nB) 5\nC) 6"
    )


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("choice", {"question": "?", "answer": "A"}, "line 1: a benchmark of this kind needs a list"),
        (
            "choice",
            {"question": "?", "answer": "D", "choices": ["x", "y"]},
            "the answer 'D' is neither one of the letters A, B nor one of the choices",
        ),
        ("code", {"question": "?", "answer": "A"}, "line 1: there is no text in the field 'question_content'"),
        ("code", {"question_content": "?"}, "line 1: there are no tests in 'public_test_cases'"),
        ("code", {"question_content": "?", "public_test_cases": "[]"}, "line 1: there are no tests in"),
        ("code", {"question_content": "?", "public_test_cases": [{"input": "1"}]}, "'public_test_cases' is no list of"),
        ("code", {"question_content": "?", "private_test_cases": "b2o="}, "'private_test_cases' is no list of objects"),
        (
            "code",
            {"question_content": "?", "public_test_cases": [{"input": "", "output": "1"}], "metadata": "?"},
            "'metadata' is no JSON object",
        ),
    ],
)
def test_mistakes_of_kind(tmp_path: Path, kind: str, row: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_local(lines(tmp_path / "own.jsonl", row), kind)


class Hub:
    """A stub of the hub: rows by repository and subset; remembers what was asked."""

    def __init__(self, rows: dict[str, list[dict]]) -> None:
        self.rows = rows
        self.asked: list[tuple] = []
        self.gated: set[str] = set()

    def dataset_info(self, repository: str, revision: str | None = None) -> SimpleNamespace:
        if repository not in self.rows:
            raise OSError(f"404: {repository} is not there\nmore about it")
        card = SimpleNamespace(to_dict=lambda: {"license": "mit"})
        return SimpleNamespace(sha=revision or "c0ffee", card_data=card)

    def load_dataset(self, repository: str, subset: str, split: str, revision: str) -> list[dict]:
        self.asked.append((repository, subset, split, revision))
        if repository in self.gated:
            # As the library says it, in two lines.
            raise OSError(f"Dataset '{repository}' is a gated dataset on the Hub.\nVisit its page to ask for access.")
        return self.rows[repository]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch):
    def install(rows: dict[str, list[dict]]) -> Hub:
        hub = Hub(rows)
        monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", hub.dataset_info)
        monkeypatch.setattr("datasets.load_dataset", hub.load_dataset)
        return hub

    return install


def test_a_mathematics_task(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = hub(
        {
            "HuggingFaceH4/MATH-500": [
                {"problem": "1+1?", "solution": "It is \\boxed{2}.", "answer": "2", "subject": "Algebra"},
                {"problem": "1+2?", "solution": "It is \\boxed{3}.", "answer": "3", "subject": "Algebra"},
            ]
        }
    )
    question, _ = run(monkeypatch, tmp_path, "--task", "math_500")
    assert stub.asked == [("HuggingFaceH4/MATH-500", "default", "test", "c0ffee")]
    assert (question.question, question.answer, question.subject) == ("1+1?", "2", "Algebra")
    assert question.prompt and question.prompt.startswith("Solve the following problem.") and "1+1?" in question.prompt
    provenance = json.loads((tmp_path / "benchmark" / "test.jsonl.provenance.json").read_text())
    assert provenance["sources"] == {"HuggingFaceH4/MATH-500": {"commit": "c0ffee", "licence": "mit"}}
    run(monkeypatch, tmp_path, "--task", "math_500", "--revision", "abc")
    assert stub.asked[-1][-1] == "abc"


def test_a_choice_task_is_shuffled_the_same_way_every_time(hub) -> None:
    rows = [
        {"Question": f"Q{i}?", "Correct Answer": "right", **{f"Incorrect Answer {j}": f"wrong {j}" for j in (1, 2, 3)}}
        for i in range(20)
    ]
    hub({"Idavidrein/gpqa": rows})
    random.seed(1)
    questions, _ = read_task("gpqa:diamond", "choice")
    random.seed(2)
    assert read_task("gpqa:diamond", "choice")[0] == questions
    assert len({question.gold_index for question in questions}) == 4
    for question in questions:
        assert question.prompt and f"{question.answer}) right" in question.prompt
        assert (
            question.choices == ["A", "B", "C", "D"] and question.choices[question.gold_index or 0] == question.answer
        )
        assert question.question in {row["Question"] for row in rows}


def test_subtasks_become_subjects_and_are_reasoned_about(hub) -> None:
    """lighteval's own prompt has room for the letter alone."""
    hub({"edinburgh-dawg/mmlu-redux-2.0": [{"question": "?", "choices": ["a", "b", "c", "d"], "answer": 2}]})
    questions, _ = read_task("mmlu_redux_2", "choice")
    prompt = questions[0].prompt or ""
    assert "Think step by step" in prompt and prompt.endswith("\n\n?\n\nA) a\nB) b\nC) c\nD) d")
    assert len(questions) == 57 == len({question.id for question in questions})
    assert {"anatomy", "virology"} < {question.subject for question in questions}
    assert {question.answer for question in questions} == {"C"}


MMLU = {"question": "Which is a prime?", "choices": ["4", "5", "6", "8"], "answer": 1}


def test_a_likelihood_task_asks_what_lighteval_asks(hub) -> None:
    hub({"edinburgh-dawg/mmlu-redux-2.0": [MMLU]})
    questions, _ = read_task("mmlu_redux_2", "loglikelihood")
    question = next(question for question in questions if question.subject == "abstract_algebra")
    config = next(config for config in task_configs("mmlu_redux_2") if config.name.endswith("abstract_algebra"))
    tokenizer = make_tokenizer()
    prompts = PromptManager(use_chat_template=True, tokenizer=tokenizer, system_prompt="Be brief.")
    theirs, ours = config.prompt_function(MMLU, config.name), to_doc(question, "mmlu_redux_2", "loglikelihood")
    assert prompts.prepare_prompt(ours) == prompts.prepare_prompt(theirs)
    assert (ours.choices, ours.gold_index) == (theirs.choices, theirs.gold_index) == (["A", "B", "C", "D"], 1)
    assert Metrics.loglikelihood_acc.value in config.metrics, "what tasks.metrics takes"


def test_a_local_likelihood_file_asks_the_same(hub, tmp_path: Path) -> None:
    hub({"edinburgh-dawg/mmlu-redux-2.0": [MMLU]})
    theirs = next(q for q in read_task("mmlu_redux_2", "loglikelihood")[0] if q.subject == "abstract_algebra")
    path = lines(tmp_path / "own.jsonl", {**MMLU, "answer": "B", "subject": "abstract_algebra"})
    (own,) = read_local(path, "loglikelihood")
    assert own.model_copy(update={"id": theirs.id}) == theirs
    (bare,) = read_local(lines(tmp_path / "own.jsonl", {**MMLU, "answer": "B"}), "loglikelihood")
    assert bare.prompt and bare.prompt.startswith(
        "The following are multiple choice questions (with answers).\n\nWhich"
    )


def test_a_final_answer_is_taken_out_of_a_solution(hub) -> None:
    hub({"openai/gsm8k": [{"question": "How many?", "answer": "2 and 3 are 5.\n#### 5"}]})
    assert read_task("gsm8k", "math")[0][0].answer == "5"


def test_a_question_that_a_public_set_holds_twice(hub) -> None:
    hub({"openai/gsm8k": [{"question": "How many?", "answer": "#### 5"}] * 3})
    ids = [question.id for question in read_task("gsm8k", "math")[0]]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]


def test_a_gated_data_set_says_how_to_ask(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub({"Idavidrein/gpqa": []}).gated = {"Idavidrein/gpqa"}
    with pytest.raises(
        UserError,
        match=r"'Idavidrein/gpqa' is gated: ask for access at https://huggingface.co/datasets/Idavidrein/gpqa, then log in",
    ):
        run(monkeypatch, tmp_path, "--task", "gpqa:diamond", "--kind", "choice")
    assert not (tmp_path / "benchmark" / "test.jsonl").exists()


CASES = [{"input": "1 2", "output": "3", "testtype": "stdin"}, {"input": "2 2", "output": "4", "testtype": "stdin"}]


def packed(cases: list[dict]) -> str:
    """As LiveCodeBench packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def lcb_row(**changes: object) -> dict:
    row = {
        "question_id": "abc_a",
        "question_content": "Add.",
        "starter_code": "",
        "difficulty": "easy",
        "platform": "x",
    }
    return row | {
        "public_test_cases": json.dumps(CASES[:1]),
        "private_test_cases": packed(CASES[1:]),
        "metadata": "{}",
        **changes,
    }


def test_livecodebench(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompt and tests are those of lighteval's own task."""
    from lighteval.tasks.tasks.lcb.main import lcb_codegeneration_prompt_fn

    starter = "class Solution:\n    def add(self, a, b):"
    rows = [lcb_row(), lcb_row(question_id="b", starter_code=starter, metadata='{"func_name": "add"}')]
    hub({"lighteval/code_generation_lite": rows})
    run(monkeypatch, tmp_path, "--task", "lcb:codegeneration", "--kind", "code")
    questions = read_questions(tmp_path / "benchmark" / "test.jsonl", with_tests=True)
    assert [question.id for question in questions] == ["abc_a", "b"] and questions[0].subject == "easy"
    for question, row in zip(questions, rows, strict=True):
        doc = lcb_codegeneration_prompt_fn(row)
        tests = unpack_tests(question.tests or "")
        assert (question.prompt, question.function) == (doc.query, doc.specific["fn_name"])
        assert [test.input for test in tests] == doc.specific["inputs"]
        assert [test.output for test in tests] == doc.specific["outputs"]


def test_a_local_file_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"id": 5, "question_content": "Add.", "public_test_cases": CASES, "metadata": {"func_name": "add"}}
    path = lines(tmp_path / "own.jsonl", own, lcb_row())
    first, second = run(monkeypatch, tmp_path, "--path", path, "--kind", "code")
    assert (first.id, first.answer, first.function, second.answer) == ("5", "2 tests", "add", "2 tests")
    assert first.tests is None, "they are read where they are needed only"
    read = read_questions(tmp_path / "benchmark" / "test.jsonl", with_tests=True)
    assert unpack_tests(read[0].tests or "") == unpack_tests(read[1].tests or "") == [("1 2", "3"), ("2 2", "4")]


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "harm",))

    harm = base64.b64encode(zlib.compress(pickle.dumps(Harm()))).decode()
    with pytest.raises(UserError, match="line 1: 'private_test_cases' is no list of objects with input and output"):
        read_local(lines(tmp_path / "own.jsonl", lcb_row(private_test_cases=harm)), "code")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(("task", "kind"), [("lcb:codegeneration", "math"), ("math_500", "code")])
def test_programs_are_a_kind_of_their_own(hub, task: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"task '{task}': kind code goes with lighteval's lcb tasks"):
        read_task(task, kind)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "number"),
    [("aime24", 30), ("amc", 40), ("kaoyan", 199), ("math_500", 500), ("minerva", 272), ("olympiadbench", 675)],
)
def test_real_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    questions = run(monkeypatch, tmp_path, "--path", BENCHMARKS / f"{name}.jsonl")
    assert len(questions) == number and all(question.question and question.answer for question in questions)


def test_several_answers_are_one_list(tmp_path: Path) -> None:
    rows = [{"question": "1?", "answer": {"1": "$\\frac{1}{4}$", "2": 3.0}}, {"question": "2?", "answer": ["a", "$b$"]}]
    answers = [question.answer for question in read_local(lines(tmp_path / "own.jsonl", *rows), "math")]
    assert answers == ["\\frac{1}{4}, 3", "a, b"]


def test_a_worked_solution_ends_in_its_answer(tmp_path: Path) -> None:
    rows = [{"question": "1?", "answer": "28/4 = 7\n#### 1,007"}, {"question": "2?", "answer": "#### 7"}]
    answers = [question.answer for question in read_local(lines(tmp_path / "own.jsonl", *rows), "math")]
    assert answers == ["1,007", "7"]


def test_tasks_that_are_not_there(hub) -> None:
    with pytest.raises(UserError, match="lighteval has no task 'aime1924'"):
        task_configs("aime1924")
    hub({})
    with pytest.raises(
        UserError,
        match=r"task 'aime24': the data set 'HuggingFaceH4/aime_2024' could not be fetched: 404: .* is not there$",
    ):
        read_task("aime24", "math")


@pytest.mark.parametrize("damaged", [b'{"id": "2", "question": "1 + ', b"\xff\xfe", b'{"id": "2"}', b"[]", b"\0"])
def test_questions_that_are_damaged_are_told_with_their_line(tmp_path: Path, damaged: bytes) -> None:
    file = tmp_path / "test.jsonl"
    file.write_bytes(b'{"id": "1", "question": "1 + 1?", "answer": "2"}\n' + damaged + b"\n")
    with pytest.raises(UserError, match=r"test\.jsonl' is damaged in line 2 \("):
        read_questions(file)
