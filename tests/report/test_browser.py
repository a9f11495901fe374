"""The HTML report in headless Chromium: no error, nothing from the network, tables that sort, nothing that stands out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import MISSING, Page, browser, find
from made_up_results import render

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if not find():
        pytest.fail(MISSING, pytrace=False)
    folder = tmp_path_factory.mktemp("browser")
    document = render(results, folder / "report.html")
    with browser(folder / "profile") as page:
        page.open(document.as_uri())
        yield page


def column(table: str, number: int) -> str:
    """JavaScript for the texts of a table's column."""
    cell = f"row.cells[{number}].textContent.replace(/\\u200b/g, '').trim()"
    return f"[...document.querySelectorAll('#{table} tbody tr')].map((row) => {cell})"


def test_no_error_on_the_console(page: Page) -> None:
    assert page.named("Runtime.exceptionThrown") == []
    assert page.named("Runtime.consoleAPICalled") == []
    assert page.named("Log.entryAdded") == []


def test_nothing_is_asked_of_the_network(page: Page) -> None:
    addresses = [event["request"]["url"] for event in page.named("Network.requestWillBeSent")]
    assert [address for address in addresses if not address.startswith(("data:", "file:"))] == []
    assert len([address for address in addresses if address.startswith("file:")]) == 1
    # And nothing can be, whatever the document holds.
    page.value("fetch('https://example.org/').catch(() => { window.refused = true })")
    assert page.value("new Promise((done) => setTimeout(() => done(window.refused), 100))") in (True, None, {})
    assert page.value("window.refused") is True


def test_every_picture_is_drawn(page: Page) -> None:
    assert page.value("document.images.length") == 10
    assert page.value("[...document.images].every((image) => image.complete && image.naturalWidth > 100)")


def test_nothing_stands_out(page: Page) -> None:
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")


def test_tables_sort_both_ways(page: Page) -> None:
    """By number, though the cells hold more than one; a repeated first cell comes along."""
    before = page.value(column("tbl-scores", 3))
    head = "document.querySelectorAll('#tbl-scores th')[3]"
    page.value(f"{head}.click()")
    up = page.value(column("tbl-scores", 3))
    numbers = [float(text.split()[0]) for text in up]
    assert numbers == sorted(numbers) and sorted(up) == sorted(before) and up != before
    assert "" not in page.value(column("tbl-scores", 0))
    assert page.value(f"{head}.getAttribute('aria-sort')") == "ascending"
    page.value(f"{head}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter'}}))")
    assert page.value(column("tbl-scores", 3)) == up[::-1]


def test_words_sort_as_words(page: Page) -> None:
    page.value("document.querySelectorAll('#tbl-scores th')[1].click()")
    words = page.value(column("tbl-scores", 1))
    assert [word.casefold() for word in words] == sorted(word.casefold() for word in words)
