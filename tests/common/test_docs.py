"""The pages keep their word: the tests that they name exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs/programs.md"})]
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


LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them: lower case, dashes, no punctuation."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head) for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken_links(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading of it."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`|^    .*$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = []
    for link in LINK.findall(text):
        place, _, anchor = link.partition("#")
        if place.startswith(("http://", "https://", "mailto:")):
            continue
        target = page.parent / place if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    page = ROOT / "docs/faults.md"
    text = "[a](cluster.md#what-was-tried) [b](none.md) [c](cluster.md#none) [d](#when-something-goes-wrong) `[e](f)`"
    assert broken_links(page, text) == ["none.md", "cluster.md#none"]


def test_every_page_is_reached_from_the_readme() -> None:
    seen, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            links = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
            left += [target for link in links if link and (target := (page.parent / link).resolve()).is_file()]
    assert set(PAGES) <= seen


def test_every_line_on_faults_names_a_test() -> None:
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows and [row for row in rows if not NAMED.search(row)] == []
