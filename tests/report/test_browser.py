"""The HTML report in headless Chromium: no error, nothing from the network, tables that sort, nothing that stands out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import MISSING, Page, browser, find

from tests.made_up_results import render

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
    assert page.value("document.images.length") == 11
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


def test_marked_answers_sort_by_their_number(page: Page) -> None:
    page.value("document.querySelectorAll('#tbl-answers th')[1].click()")
    numbers = [float(text.split()[1].replace("\u2212", "-")) for text in page.value(column("tbl-answers", 1))]
    assert numbers == sorted(numbers) and len(set(numbers)) > 2


def test_every_heading_links_to_itself(page: Page) -> None:
    headings = "[...document.querySelectorAll('h1:not(.title), h2, h3')]"
    assert page.value(f"{headings}.length") > 20
    target = "document.getElementById(head.querySelector('a.anchor').getAttribute('href').slice(1))"
    assert page.value(f"{headings}.every((head) => {target}.contains(head) || {target} === head)")


def test_figures_give_their_data(page: Page) -> None:
    """Those that are drawn from tables of the comparison: one click, the table as it was written."""
    links = "[...document.querySelectorAll('.data a[download]')]"
    assert page.value(f"{links}.length") >= 6
    text = page.value("atob(document.querySelector('.data a[download=\"comparisons.csv\"]').href.split(',')[1])")
    assert text.startswith("question,benchmark,subset,reference")


def test_a_dark_page_is_dark_and_readable(page: Page) -> None:
    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for scheme in ("dark", "light"):
        page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        style = "getComputedStyle(document.querySelector('{}')).{}"
        paper = luminance(page.value(style.format("body", "backgroundColor")))
        assert (paper < 0.05) == (scheme == "dark")
        for what in ("body", "h1", "figcaption", ".mark.better", "a", "nav#TOC a"):
            ink = luminance(page.value(style.format(what, "color")))
            contrast = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
            assert contrast >= 4.5, (scheme, what)  # WCAG 2 AA


def test_a_telephone_shows_all_of_it(page: Page) -> None:
    page.send("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=False)
    assert page.value("document.documentElement.scrollWidth") <= 360
    said = "[...document.querySelectorAll('caption, figcaption')]"
    assert page.value(f"{said}.length") > 30
    assert page.value(f"{said}.every((text) => text.getBoundingClientRect().right <= 360)")
    assert page.value("Math.min(...[...document.images].map((image) => image.width))") >= 500  # letters can be read
