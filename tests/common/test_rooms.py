"""The order of the rooms: a room imports only rooms below it."""

import ast

import pytest

from scripts.common.digest import ROOT

BELOW = {
    "common": set(),
    "data": {"common"},
    "select": {"common", "data"},
    "train": {"common", "data", "select"},
    "evaluate": {"common", "data"},
    "compare": {"common", "data", "select", "evaluate"},
    "report": {"common", "data", "select", "evaluate", "train", "compare"},
    "manage": {"common", "data", "select", "train", "evaluate", "compare", "report"},
}
# The experiment as a whole must know every choice that it may name; a kind says how a benchmark's file is read, and who
# judges an answer.
CHOICES = (
    *("scripts.select.methods", "scripts.select.controls", "scripts.select.among"),
    *("scripts.evaluate.engines", "scripts.evaluate.kinds"),
)
KINDS = ("scripts.evaluate.kinds",)
ENGINES = ("scripts.evaluate.engines",)
LOOKS_UP = {
    "scripts/common/config/": CHOICES,
    "scripts/data/fetch_benchmark.py": KINDS,
    "scripts/data/answers.py": KINDS,
    "scripts/train/check_model.py": ENGINES,  # what is to answer must be there before anything is trained
}


def imported(tree: ast.AST) -> set[str]:
    """Return the modules of the project that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("scripts.")}


def upward(path: str, text: str) -> list[str]:
    """Return what a file under scripts/ imports from a room that is not below its own."""
    room = path.split("/")[1]
    looks_up = next((choices for start, choices in LOOKS_UP.items() if path.startswith(start)), ())
    return [
        name
        for name in sorted(imported(ast.parse(text)))
        if name.split(".")[1] not in BELOW[room] | {room} and not name.startswith(looks_up or "no choice")
    ]


def test_rooms_import_only_rooms_below() -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / "scripts").rglob("*.py") if path.parent != ROOT / "scripts"]
    assert {path.parts[1] for path in files} == set(BELOW)
    found = {str(path): upward(str(path), (ROOT / path).read_text(encoding="utf-8")) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        ("scripts/compare/a.py", "from scripts.report.facts import Facts", ["scripts.report.facts.Facts"]),
        ("scripts/compare/a.py", "def f():\n    import scripts.report.facts", ["scripts.report.facts"]),
        ("scripts/compare/a.py", "from scripts import report", ["scripts.report"]),
        ("scripts/common/config/a.py", "from scripts.select.methods import METHODS", []),
        ("scripts/common/a.py", "from scripts.select.methods import METHODS", ["scripts.select.methods.METHODS"]),
        ("scripts/manage/a.py", "from scripts.report.facts import Facts", []),
    ],
)
def test_what_breaks_the_order_is_found(path: str, text: str, wrong: list[str]) -> None:
    assert upward(path, text) == wrong


def test_no_file_of_rules_is_longer_than_three_hundred_lines() -> None:
    long = [path.name for path in (ROOT / "rules").glob("*.smk") if len(path.read_text("utf-8").splitlines()) > 300]
    assert not long
