"""Questions that a program answers, in the form of LiveCodeBench: prompt by lighteval, tests packed for the judge."""

import base64
import functools
import json
import pickletools
import zlib
from collections.abc import Callable
from typing import Any

from scripts.common.cli import UserError, heavy_imports
from scripts.common.questions import ProgramTest, Question, pack_tests, question_id

FIELDS = "question_content, public_test_cases and private_test_cases (a list of objects with input and output), and "
FIELDS += "starter_code and metadata (an object with func_name) where a function is to be written"


def unpickled_text(packed: bytes) -> str:
    """Return the one text that a pickle holds, without unpickling it: a pickle may run any code.

    Raises ValueError where it holds anything else.
    """
    found = [(code.name, value) for code, value, _ in pickletools.genops(packed)]
    texts = [
        str(value) for name, value in found if name in ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
    ]
    rest = {name for name, _ in found} - {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP"}
    if len(texts) != 1 or len(rest) != 1:
        raise ValueError("a pickle that is not one text")
    return texts[0]


def _decoded(value: Any) -> Any:
    """Return JSON that may come as it is, as text, or as LiveCodeBench packs it (pickled, compressed, in base64)."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return json.loads(unpickled_text(zlib.decompress(base64.b64decode(value, validate=True))))


def _tests(row: dict[str, Any], where: str) -> list[ProgramTest]:
    tests = []
    for field in ("public_test_cases", "private_test_cases"):
        try:
            tests += [ProgramTest(str(case["input"]), str(case["output"])) for case in _decoded(row.get(field)) or []]
        except (ValueError, TypeError, KeyError, zlib.error) as error:
            raise UserError(f"{where}: '{field}' is no list of objects with input and output") from error
    if not tests:
        raise UserError(f"{where}: there are no tests in 'public_test_cases' and 'private_test_cases'")
    return tests


@functools.cache
def _prompt() -> Callable[[dict[str, Any]], str]:
    with heavy_imports():
        from lighteval.tasks.tasks.lcb.main import prepare_prompt

    return prepare_prompt


def code_question(row: dict[str, Any], where: str) -> Question:
    """Return a row of LiveCodeBench's form as a question; `where` names it in messages."""
    content = row.get("question_content")
    if not isinstance(content, str) or not content.strip():
        raise UserError(f"{where}: there is no text in the field 'question_content'; kind code needs {FIELDS}")
    tests = _tests(row, where)
    try:
        function = (_decoded(row.get("metadata")) or {}).get("func_name")
    except (ValueError, AttributeError, zlib.error) as error:
        raise UserError(f"{where}: 'metadata' is no JSON object") from error
    return Question(
        id=str(row.get("question_id") or row.get("id") or question_id(content)),
        question=content,
        answer=f"{len(tests)} tests",
        prompt=_prompt()({**row, "starter_code": row.get("starter_code") or ""}),
        subject=row.get("difficulty"),
        tests=pack_tests(tests),
        function=function,
    )
