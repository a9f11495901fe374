"""The pages keep their word: the tests that they name exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def functions(file: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


def absent(text: str) -> list[str]:
    """Return the tests that a text names and that do not exist."""
    return [
        f"{file}::{name}" if name else file
        for file, name in NAMED.findall(text)
        if not (ROOT / file).is_file() or (name and name not in functions(ROOT / file))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    assert absent(page.read_text(encoding="utf-8")) == []


def test_an_absent_test_is_found() -> None:
    here = "tests/common/test_docs.py"
    assert absent(f"`{here}` `{here}::test_an_absent_test_is_found`") == []
    assert absent(f"`tests/none.py` `{here}::test_none`") == ["tests/none.py", f"{here}::test_none"]


def test_every_line_on_faults_names_a_test() -> None:
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows and [row for row in rows if not NAMED.search(row)] == []
