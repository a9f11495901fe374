"""Which programs count as right: lighteval's verdict, out of its reach."""

import json
import multiprocessing
from pathlib import Path

import pytest
from lighteval.tasks.requests import Doc
from lighteval.tasks.tasks.lcb.codegen_metrics import run_test

from scripts.common.cli import UserError
from scripts.common.questions import ProgramTest, Question, pack_tests, write_questions
from scripts.common.tables import read_table
from scripts.evaluate import sandbox
from scripts.evaluate.code_judge import CodeJudge, program_of, same_lines
from scripts.evaluate.scoring import Verdict
from scripts.evaluate.tables import ANSWERS
from scripts.evaluate.tasks import metrics, to_doc

SUMS = [ProgramTest("1 2\n", "3\n"), ProgramTest("10 -4\n", "6\n")]
HALVES = [ProgramTest("3\n", "1.50\n")]
METHOD = [ProgramTest("[1, 2]\n3", "[3, 6]"), ProgramTest("[]\n3", "[]")]

# Programs as models write them: the tests, the function, the program, whether it is right.
PROGRAMS = {
    "plain": (SUMS, None, "a, b = map(int, input().split())\nprint(a + b)", True),
    "main": (SUMS, None, "def main():\n    print(sum(map(int, input().split())))\nif __name__ == '__main__':\n    main()", True),
    "stdin": (SUMS, None, "import sys\nprint(sum(map(int, sys.stdin.read().split())))", True),
    "lines": (SUMS, None, "import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())), '  ')", True),
    "imported": (SUMS, None, "print(reduce(operator.add, map(int, input().split())))", True),
    "leaves": (SUMS, None, "print(sum(map(int, input().split())))\nexit()", True),
    "one test only": (SUMS, None, "print(3)", False),
    "too much": (SUMS, None, "print(sum(map(int, input().split())))\nprint('done')", False),
    "nothing": (SUMS, None, "pass", False),
    "raises": (SUMS, None, "print(sum(map(int, input().split())))\n1 / 0", False),
    "no Python": (SUMS, None, "print(3", False),
    "by value": (HALVES, None, "print(int(input()) / 2)", True),
    "method": (METHOD, "scale", "class Solution:\n    def scale(self, xs: List[int], k: int):\n        print('?')\n        return [x * k for x in xs]", True),
    "tuple": (METHOD, "scale", "class Solution:\n    def scale(self, xs, k):\n        return tuple(x * k for x in xs)", True),
    "function": (METHOD, "scale", "def scale(xs, k):\n    return [x * k for x in xs]", True),
    "wrong method": (METHOD, "scale", "class Solution:\n    def scale(self, xs, k):\n        return [x + k for x in xs]", False),
    "no such method": (METHOD, "scale", "class Solution:\n    def scaled(self, xs, k):\n        return xs", False),
    "nothing returned": (METHOD, "scale", "class Solution:\n    def scale(self, xs, k):\n        print([3, 6])", False),
}  # fmt: skip
# What runs as a program, and not inside lighteval's function.
OURS = {
    "buffer": (SUMS, None, "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))", True),
    "global": (SUMS, None, "n = 0\ndef add(x):\n    global n\n    n += x\nfor x in input().split():\n    add(int(x))\nprint(n)", True),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    try:
        sandbox.is_usable(False)
    except UserError as error:
        pytest.skip(f"no sandbox here: {error}")


def question_of(tests: list[ProgramTest], function: str | None, name: str = "q") -> Question:
    return Question(id=name, question="?", answer="tests", tests=pack_tests(tests), function=function)


def lightevals_verdict(name: str) -> bool:
    tests, function, source, _ = (PROGRAMS | OURS)[name]
    sample = {"inputs": [test.input for test in tests], "outputs": [test.output for test in tests]}
    results = run_test({"input_output": json.dumps({**sample, "fn_name": function})}, source, 3)
    return all(result is True for result in results)


@pytest.fixture(scope="module")
def lightevals() -> dict[str, bool]:
    """lighteval's own verdict on each program; its runner takes apart the process that it runs in."""
    names = [*PROGRAMS, *OURS]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return dict(zip(names, pool.map_async(lightevals_verdict, names, chunksize=1).get(timeout=60), strict=True))


def ours(tests: list[ProgramTest], function: str | None, source: str) -> Verdict:
    question = question_of(tests, function)
    with CodeJudge([metric.sample_level_fn for metric in metrics("code", 1)], [question], workers=2) as judge:
        return judge.verdict(to_doc(question, "task", "code"), f"I think so:\n```python\n{source}\n```")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_verdict_is_lightevals(name: str, lightevals: dict[str, bool]) -> None:
    tests, function, source, right = PROGRAMS[name]
    verdict = ours(tests, function, source)
    assert (bool(verdict.correct), verdict.extracted) == (right, source), verdict.reason
    assert lightevals[name] is right


@pytest.mark.parametrize("name", OURS)
def test_programs_that_lighteval_cannot_run(name: str, lightevals: dict[str, bool]) -> None:
    """Where it fails, lighteval runs them too, and code_judge may say so."""
    tests, function, source, _ = OURS[name]
    assert ours(tests, function, source).correct == 1
    assert lightevals[name] is False


def test_a_verdict_says_which_test_failed() -> None:
    assert ours(SUMS, None, "print(3)").reason == "test 2 of 2: wrong output"
    assert ours(SUMS, None, "1 / 0").reason == "test 1 of 2: ZeroDivisionError: division by zero"


def test_outputs_are_compared_line_by_line_and_by_value() -> None:
    assert same_lines("1.0 2\n b\n\n", "1 2.00\nb")
    assert not same_lines("1 2", "1\n2") and not same_lines("0.1", "0.1000001") and not same_lines("b", "B")


@pytest.mark.parametrize("text", ["", "print(3)", "```python\nprint(3)", "```\n\n```"])
def test_an_answer_without_a_program(text: str) -> None:
    question = question_of(SUMS, None)
    with CodeJudge([metric.sample_level_fn for metric in metrics("code", 1)], [question]) as judge:
        doc: Doc = to_doc(question, "task", "code")
        assert judge.verdict(doc, text) == Verdict(0, None, "no program between ``` and ```")


def test_an_evaluation_goes_on_whatever_programs_do(run_evaluation, questions: Path, monkeypatch) -> None:
    """From the model's answers to JSON and table: one program is right, the others try something."""
    from scripts.evaluate.engines import batches
    from scripts.evaluate.engines.base import Generated

    monkeypatch.setattr(sandbox, "SECONDS", 1)
    monkeypatch.setitem(sandbox.LIMITS, "RLIMIT_CPU", (1, 2))
    programs = ["print(sum(map(int, input().split())))", "import os\nwhile True: os.fork()", "x = bytearray(10**10)"]
    programs += ["import time; time.sleep(9)", f"print(open({str(questions)!r}))", "print('x' * 10**8)", "print(3)"]

    class Writer:
        def __init__(self, model: Path, *_: object) -> None:
            from transformers import AutoTokenizer

            self.tokenizer = AutoTokenizer.from_pretrained(model)

        def generate(self, requests, sampling):
            found = [self.tokenizer.decode(request.prompt_ids).split("number ")[1][0] for request in requests]
            texts = [f"<think>```print(9)```</think>Here:\n```python\n{programs[int(number)]}\n```" for number in found]
            return enumerate(Generated(self.tokenizer(text)["input_ids"], "length") for text in texts)

    monkeypatch.setattr(batches, "TransformersEngine", Writer)
    own = [question_of(SUMS, None, f"q{i}").model_copy(update={"question": f"number {i}"}) for i in range(7)]
    write_questions(own, questions)
    result, answers = run_evaluation("all", "--kind", "code", "--samples", 2)
    rows = read_table(ANSWERS, answers).to_pylist()
    assert [row["correct"] for row in rows] == [1, 1] + [0] * 12
    assert [row["extracted"] for row in rows[::2]] == programs
    reasons = [row["reason"] for row in rows[::2]]
    assert reasons[0] is None and reasons[2] == "test 1 of 2: MemoryError" and reasons[6] == "test 2 of 2: wrong output"
    assert all(reason.startswith("test 1 of 2: ") for reason in reasons[1:6])
    assert json.loads(result.read_text())["results"]["sums|0"]["codegen_pass@k:k=1&n=2"] == pytest.approx(1 / 7)


# What a judge might fall over: the tests, the function, the program.
HOSTILE = {
    "sNaN": (SUMS, None, "print('sNaN')"),
    "NaN": (SUMS, None, "print('NaN')"),
    "a result nested deep": (METHOD, "scale", "def scale(xs, k):\n    for _ in range(9000): xs = [xs]\n    return xs"),
    "brackets": (METHOD, "scale", "import os, sys\ndef scale(xs, k):\n    sys.__stdout__.write('[' * 10**6); sys.__stdout__.flush(); os._exit(0)"),
    "digits": (METHOD, "scale", "import os, sys\ndef scale(xs, k):\n    sys.__stdout__.write('1' * 10**5); sys.__stdout__.flush(); os._exit(0)"),
    "digits printed": (SUMS, None, "print('9' * 10**5)"),
    "an exponent": (SUMS, None, "print('1e999999999')"),
    "a gigabyte": (SUMS, None, "import sys\nfor _ in range(1024): sys.stdout.write('x' * 2**20)"),
    "no text": (SUMS, None, "import sys; sys.stdout.buffer.write(bytes(range(256)) * 999)"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_output_ends_the_judge(name: str) -> None:
    tests, function, source = HOSTILE[name]
    question = question_of(tests, function)
    with CodeJudge([metric.sample_level_fn for metric in metrics("code", 1)], [question]) as judge:
        doc = to_doc(question, "task", "code")
        verdict = judge.verdict(doc, f"```python\n{source}\n```")
        assert verdict.correct == 0 and (verdict.reason or "").startswith("test 1 of 2: ")
        right = (
            "def scale(xs, k):\n    return [x * k for x in xs]" if function else "print(sum(map(int, input().split())))"
        )
        assert judge.verdict(doc, f"```python\n{right}\n```").correct == 1


def test_a_fault_of_the_judge_is_told_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.evaluate import code_judge

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(code_judge, "fault", broken)
    assert ours(SUMS, None, "print(3)").reason == "ZeroDivisionError while it was judged"


def test_a_program_that_has_to_wait_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six programs at once, each with most of its own time to do; one of them alone sleeps."""
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    monkeypatch.setitem(sandbox.LIMITS, "RLIMIT_CPU", (2, 3))
    work = "import time\nwhile time.process_time() < 1.4: pass\nprint(sum(map(int, input().split())))"
    sleep = "import time; time.sleep(30); print(3)"
    question = question_of(SUMS * 3, None)
    with CodeJudge([m.sample_level_fn for m in metrics("code", 1)], [question], workers=6) as judge:
        doc = to_doc(question, "task", "code")
        assert judge.verdict(doc, f"```python\n{work}\n```").reason is None
        assert (
            judge.verdict(doc, f"```python\n{sleep}\n```").reason
            == "test 1 of 6: took more than 4 s, asleep or at work"
        )


def test_a_program_in_the_thinking_is_none() -> None:
    question = question_of(SUMS, None)
    text = "<think>\n```python\nprint(sum(map(int, input().split())))\n```\n"
    with CodeJudge([metric.sample_level_fn for metric in metrics("code", 1)], [question]) as judge:
        verdict = judge.verdict(to_doc(question, "task", "code"), text)
    assert (verdict.correct, verdict.extracted) == (0, None) and "thinking" in (verdict.reason or "")


ADDS = "print(sum(map(int, input().split())))"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (f"```python\n{ADDS}\n```\nFor 1 2 it prints\n```\n3\n```", ADDS),
        (f"```python\n{ADDS}\n```\nRun it:\n```bash\npython3 add.py\n```\n", ADDS),
        (f"A draft:\n```python\nprint(0)\n```\nThe program:\n```\n{ADDS}\n```", ADDS),
        (f"1. Read\n   ```python\n   {ADDS}\n   ```\n2. Done", ADDS),
        (f"~~~py\n{ADDS}\n~~~", ADDS),
        (f"```Python3\r\n{ADDS}\r\n```\r\n", ADDS),
        (f"```python\n{ADDS}\n```\n```", ADDS),
        (f"Use ```sum()``` so:\n```python\n{ADDS}\n```\nIt is ```O(n)```.", ADDS),
        (f"```python\n{ADDS}\n``` which adds them", ADDS),
        (f"```cpp\nint main() {{}}\n```\n```python\n{ADDS}\n```\nInput:\n```text\n1 2\n```", ADDS),
        (f'````\n{ADDS}\ns = """\n```\n"""\n````', f'{ADDS}\ns = """\n```\n"""'),
        (f"```python\n{ADDS}\n```\nBetter:\n```python\nimport sys\nfor", None),
        (ADDS, None),
        ("```\n\n```", None),
    ],
)
def test_the_program_of_an_answer(text: str, program: str | None) -> None:
    assert program_of(text) == program
