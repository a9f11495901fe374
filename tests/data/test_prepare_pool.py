"""raw = pool + rejected, with the right reason for each row that left."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.chain import last_boxed, split_response
from scripts.common.cli import UserError
from scripts.common.config.dataset import RowRules
from scripts.common.tables import read_table
from scripts.data import prepare_pool
from scripts.data.answers import AnswerCheck
from scripts.data.prepare_pool import Rejected, read_row
from scripts.data.tables import POOL, REJECTED

GOOD = "<think>\n1+1=2\n</think>\n\nThe final answer is \\boxed{2}."


def raw(**columns: Any) -> dict[str, Any]:
    return {"row": 0, "question": "1+1?", "response": GOOD, "answer": None, "system": None, "source": None,
            "category": None, "defect": None, **columns}  # fmt: skip


REASONS = [
    (raw(defect="malformed: x"), "malformed"),
    (raw(defect="not UTF-8: x"), "not_utf8"),
    (raw(question="  "), "empty_question"),
    (raw(question="-"), "empty_question"),  # OpenCodeReasoning: the question is elsewhere
    (raw(response=None), "empty_response"),
    (raw(response="<think>\n1+1"), "think_not_closed"),
    (raw(question="<|im_start|>user\n1+1?<|im_end|>"), "template_tokens"),
    (raw(response=f"{GOOD}<｜end▁of▁sentence｜>"), "template_tokens"),
    (raw(response=f"{GOOD}</s>"), "template_tokens"),
    (raw(response=f"{GOOD}<|endofprompt|>"), "template_tokens"),
    (raw(question="A chat. USER: Compute 2+2 ASSISTANT:"), "template_tokens"),
    (raw(system="[INST] x [/INST]"), "template_tokens"),
    *[
        (raw(question=f"{sign}1+1?"), "template_tokens")
        for sign in ("<|turn>user\n", "<|USER_TOKEN|>", "<s>", "<<SYS>>")
    ],
    *[(raw(response=f"{GOOD}{end}\n"), "template_tokens") for end in ("<eos>", "<pad>", "<|end|>", "[EOS]", "<turn|>")],
    *[(raw(question=f"1+1?{end}"), "template_tokens") for end in ("\n<think>\n", "\n\n### Response:\n", " ASSISTANT:")],
    (raw(response="2\nHuman: 1+2?\nAssistant: 3"), "template_tokens"),
    (raw(response="2\n\n### Instruction:\n1+2?\n\n### Response:\n3"), "template_tokens"),
    (raw(response="so \\boxed{\\frac{1}{2}"), "answer_not_parseable"),
    (raw(response="<think>\n2\n</think>\n2", answer="2"), "no_boxed_answer"),
]


@pytest.mark.parametrize(("row", "reason"), REASONS, ids=[f"{reason}-{n}" for n, (_, reason) in enumerate(REASONS)])
def test_reasons(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(row, require_boxed_answer=True)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "columns",
    [{"response": "<s>old price</s> new price"}, {"question": "Write an advertisement. Role: Marketing Assistant:"},
     {"response": "User: Hello!\nAssistant: Hi!\nUser: Bye.\nAssistant: Bye."},  # a dialogue was asked for
     {"response": "Sure, here is one:\n\n**Chat:**\nUser: Hello!\nAssistant: Hi!"},
     {"response": 'So:\n```python\nprompt = f"""Below it is.\n\n### Instruction:\n{x}\n\n### Response:\n"""\n```\nThat is all.'},
     {"response": "1. Install.\n\n### Instructions\nRun.\n\n### Responses\nJSON."},
     {"response": "analysisResult = compute(x)\nprint(analysisResult)"},
     {"question": "What is <s>x</s> in HTML?"}, {"question": "What does <think></think> do?"}, {"response": "return a;\n### Response"},
     {"response": "User: a\nThat is what was asked."}, {"response": "An <eos> token ends a text, <|end|> too. It is 2"}],
)  # fmt: skip
def test_what_only_looks_like_a_template_stays(columns: dict[str, str]) -> None:
    assert read(raw(**columns))["id"]


def read(row: dict[str, Any], **rules: Any) -> dict[str, Any]:
    with AnswerCheck() as check:
        return read_row(row, RowRules(**rules), check)


@pytest.mark.parametrize(
    ("gold", "box", "verdict"),
    [
        ("C) 42", "C", "right"),
        ("C) 42", "42", "right"),
        ("C) 42", "D", "wrong"),
        ("C) 42", "D) 42", "wrong"),
        ("C) 42", "41", "not_judged"),
        ("42", "C", "not_judged"),
        ("C", "42", "not_judged"),
        ("\\textbf{(C)}\\ 42", "C", "right"),
        ("C. 42", "\\textbf{(C)}\\ 42", "right"),
        ("42", "\\text{(C) } 42", "right"),
        ("\\text{(C)}", "D", "wrong"),
        ("a:b", "a:c", "wrong"),
        ("a", "b", "wrong"),
        ("A=5", "A=6", "wrong"),
        ("(1, 2)", "(1, 3)", "wrong"),
    ],
)
def test_letters_are_held_against_letters_and_values_against_values(gold: str, box: str, verdict: str) -> None:
    with AnswerCheck() as check:
        assert check(split_response(f"<think>\nSo.\n</think>\n\\boxed{{{box}}}"), gold, None).verdict == verdict


FENCED = "Here it is:\n\n```python\nprint(1)\n```\n\nThen:\n```\nprint(2)\n\n```\nDone."


@pytest.mark.parametrize(
    ("columns", "answer"),
    [
        ({"response": "two"}, None),
        ({"response": "two", "answer": " 2 "}, "2"),
        ({"response": f"<think>\nSo \\boxed{{7}}?\n</think>\n{FENCED}", "category": "code"}, "print(2)\n"),
        ({"response": f"<think>\nSo 7?\n</think>\n{FENCED}"}, "print(2)\n"),
        ({"response": f"<think>\nSo 7?\n</think>\n{FENCED} \\boxed{{8}}"}, "8"),
        ({"response": f"<think>\n\n</think>\n{FENCED} \\boxed{{8", "category": "Code"}, "print(2)\n"),
        ({"response": f"<think>\n{FENCED}\n</think>\nThat is all.", "category": "code"}, None),
        ({"response": "<think>\n1\n</think>\n```python\nprint(1)\n```\n```python\nprint(2", "category": "code"}, None),
        ({"response": "<think>\n1\n</think>\n  - so\n    ~~~~js\n    a\n    ```\n    ~~~~", "category": "code"},
         "    a\n    ```"),
        ({"response": "<think>\n1\n</think>\r\n```python\r\nprint(1)\r\n```", "category": "code"}, "print(1)"),
    ],
)  # fmt: skip
def test_the_final_answer_of_a_row(columns: dict[str, Any], answer: str | None) -> None:
    assert read(raw(**columns))["answer"] == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{a\\}", r"a\\"),
        ("no box", None),
    ],
)
def test_last_boxed(text: str, answer: str | None) -> None:
    assert last_boxed(text) == answer


@given(st.text(), st.text(), st.booleans(), st.booleans())
def test_the_parts_of_a_response_are_the_response(inner: str, after: str, opened: bool, closed: bool) -> None:
    response = ("<think>\n" if opened and closed else "") + inner + ("\n</think>\n\n" if closed else "") + after
    parts = split_response(response)
    assert "".join(parts) == response
    assert parts.reasoning == parts.reasoning.strip()


def run_main(tmp_path: Path, model: Path, rows: list[dict[str, Any]], *options: str) -> tuple[list, list]:
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "raw.parquet")
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("raw", "pool", "rejected")}
    sys.argv = ["prepare_pool", "--model", str(model), *options, *(w for n, p in paths.items() for w in (f"--{n}", p))]
    prepare_pool.main()
    return read_table(POOL, paths["pool"]).to_pylist(), read_table(REJECTED, paths["rejected"]).to_pylist()


def test_the_account_balances(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    rows = [
        raw(question="a?"),
        raw(question="a?"),
        raw(question="A?  "),
        raw(question="b?"),
        raw(question="long?", response="<think>\n" + "1+1=2 so " * 60 + "\n</think>\n\\boxed{2}"),
        raw(question="longer than the context?", response="<think>\n" + "数" * 400 + "\n</think>\n\\boxed{2}"),
        *(row for row, _ in REASONS),
    ]
    for number, row in enumerate(rows):
        row["row"] = number
    pool, rejected = run_main(tmp_path, tiny_model, rows, "--max-tokens", "5000", "--require-boxed-answer", "true")
    assert {row["row"]: row["reason"] for row in rejected} == {
        1: "duplicate", 2: "duplicate_normalised", 5: "over_context", **{6 + n: why for n, (_, why) in enumerate(REASONS)}
    }  # fmt: skip
    assert [row["question"] for row in pool] == ["a?", "b?", "long?"]
    assert len(pool) + len(rejected) == len(rows)
    assert all(row["reasoning"] in row["response"] and row["answer"] == "2" for row in pool)


@pytest.mark.parametrize(
    ("how", "reasons"),
    [
        ("none", {}),
        ("false", {}),
        ("exact", {1: "duplicate"}),
        ("normalised", {1: "duplicate", 2: "duplicate_normalised"}),
        ("true", {1: "duplicate", 2: "duplicate_normalised"}),
        ("near", {1: "duplicate", 2: "duplicate_normalised", 3: "near_duplicate"}),
    ],
)
def test_duplicates_name_the_row_that_they_repeat(
    how: str, reasons: dict[int, str], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    asked = (
        "How many apples are left of 17 when Ann eats 4 and gives 6 of the others to a friend who likes them so much?"
    )
    texts = [asked, asked, asked.upper(), asked.replace("so much", "a lot"), asked.replace("17", "19")]
    pool, rejected = run_main(
        tmp_path, tiny_model, [raw(row=k, question=text) for k, text in enumerate(texts)], "--deduplicate", how
    )
    assert {row["row"]: row["reason"] for row in rejected} == reasons
    assert all(row["detail"].startswith(f"repeats the row {pool[0]['id']}") for row in rejected)


def test_bounds_count_tokens_of_the_model(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.common import chat

    monkeypatch.setattr(sys, "argv", [])
    exact = len(chat.load_tokenizer(tiny_model)(GOOD)["input_ids"])
    rows = [raw(), raw(row=1, response="\\boxed{2}"), raw(row=2, response="1+1=2, " + GOOD.replace("<think>", ""))]
    bounds = ["--min-tokens", str(exact), "--max-tokens", str(exact)]
    pool, rejected = run_main(tmp_path, tiny_model, rows, *bounds)
    assert [row["response_tokens"] for row in pool] == [exact]
    assert [row["reason"] for row in rejected] == ["too_short", "too_long"]


def test_a_data_set_of_which_no_row_is_fit_says_why(tmp_path: Path, tiny_model: Path) -> None:
    rows = [raw(row=n, defect="the columns a, b tell none", reason="malformed") for n in range(3)]
    rows.append(raw(row=3, response="<think>\n1+1"))
    with pytest.raises(UserError, match=r"3 malformed \(the first is row 0: the columns a, b tell none\); 1 think_not"):
        run_main(tmp_path, tiny_model, rows)


def test_exact_copies_that_stay_have_ids_of_their_own(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    rows = [raw(row=number, question=question) for number, question in enumerate("abaacb")]
    pool, rejected = run_main(tmp_path, tiny_model, rows, "--deduplicate", "false")
    first = {row["question"]: row["id"] for row in reversed(pool)}
    assert [row["question"] for row in pool] == list("abaacb") and rejected == []
    assert [row["id"].removeprefix(first[row["question"]]) for row in pool] == ["", "", "-2", "-3", "", "-2"]


def arithmetic(draw: random.Random) -> tuple[str, str, str]:
    """Return a gold answer, and texts of the right and of a wrong one, in the forms of a source."""
    a, b = draw.randrange(2, 60), draw.randrange(61, 99)
    forms = [
        (str(a), rf"\boxed{{{a}}}", rf"\boxed{{{b}}}"),
        (str(a), rf"\boxed{{{a}.0}}", rf"\boxed{{-{a}}}"),
        (f"${a}$", rf"\boxed{{{a}\text{{ km}}}}", rf"\boxed{{{a}0\text{{ km}}}}"),
        (rf"\frac{{{a}}}{{{b}}}", rf"\boxed{{\dfrac{{{a}}}{{{b}}}}}", rf"\boxed{{\dfrac{{{b}}}{{{a}}}}}"),
        (rf"{a}\sqrt{{2}}", rf"\boxed{{{a} \cdot \sqrt 2}}", rf"\boxed{{{a}\sqrt{{3}}}}"),
        (f"({a}, {b})", rf"\boxed{{({a},{b})}}", rf"\boxed{{({b},{a})}}"),
        (rf"x^2+{a}", rf"\boxed{{{a}+x^2}}", rf"\boxed{{x^2-{a}}}"),
        ("C", r"\boxed{\text{(C)}}", r"\boxed{\text{(D)}}"),
        (f"{a}", f"The answer is {a}.", f"**Answer:** {b}"),
    ]
    return forms[0] if draw.random() < 0.7 else draw.choice(forms)


@pytest.mark.parametrize("count", [200, pytest.param(20_000, marks=pytest.mark.long)])
def test_planted_wrong_answers_are_found_and_no_right_one_is_rejected(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    draw, rows, planted = random.Random(5), [], set(range(7, count, 10 if count == 200 else 100))
    for number in range(count):
        gold, right, other = arithmetic(draw)
        text = other if number in planted else right
        rows.append(raw(row=number, question=f"{number}?", response=f"<think>\nSo.\n</think>\n{text}", answer=gold))
    rows += [raw(row=count, question="gold?"), raw(row=count + 1, question="end?", response="I think so", answer="7")]
    pool, rejected = run_main(tmp_path, tiny_model, rows, "--check-answers", "reject")
    assert {row["row"] for row in rejected} == planted and {row["reason"] for row in rejected} == {"wrong_answer"}
    assert len(pool) == count + 2 - len(planted)
    record = json.loads((tmp_path / "pool.parquet.provenance.json").read_text(encoding="utf-8"))
    known = {"right": count - len(planted), "wrong": len(planted), "no_gold": 1, "no_final_answer": 1}
    assert record["answers"] == known
    first = next(row for row in rejected if row["row"] == 7)
    assert rows[7]["answer"] in first["detail"]
    kept, none = run_main(tmp_path, tiny_model, rows, "--check-answers", "keep")
    assert len(kept) == len(rows) and none == []
    again = json.loads((tmp_path / "pool.parquet.provenance.json").read_text(encoding="utf-8"))
    assert again["answers"] == known


def test_rows_are_the_same_whatever_the_number_of_threads(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(prepare_pool, "ROWS", 7)
    rows = [
        raw(row=number, question=f"{number % 50}?", category="code" if number % 3 else None) for number in range(90)
    ]
    one = run_main(tmp_path, tiny_model, rows)
    work = ["--work", str(tmp_path / "work")]
    assert one == run_main(tmp_path, tiny_model, rows, "--threads", "2", *work)
    assert len(one[0]) == 50 and list((tmp_path / "work").iterdir()) == []
