"""The page of answers in headless Chromium: no error, no network, hostile texts stay texts, filters as recounted."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chromium import MISSING, Page, browser, find

from scripts.common.config.experiment import Experiment
from scripts.manage.browse import write_browser
from tests.made_up_results import HOSTILE, WILD, Folder, make_results

pytestmark = pytest.mark.browser

WORST = [
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "a\u2028b\u2029c",
    "$\\frac{1}{$ and \\(\\href{javascript:window.hit=1}{x}\\) and $\\def\\a{\\a\\a}\\a$ and \\[ never closed",
    "\u202e{}\u202c مرحبا",
]


@pytest.fixture(scope="module")
def made(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a results folder up to the evaluations."""
    root = tmp_path_factory.mktemp("made") / "demo"
    make_results(root, experiment)
    return root


@pytest.fixture(scope="module")
def folder(made: Path, experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that is written of the made-up experiment, one question and its answers made worse."""
    folder = tmp_path_factory.mktemp("browse") / "page"
    write_browser(folder, experiment, Folder(str(made)), rows=200)
    for path in (folder / "data").glob("*-0-0.js"):  # the first questions and answers of the first benchmark
        path.write_text(path.read_text("utf-8").replace("Start with 0.", json.dumps(" ".join(WORST))[1:-1]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if not find():
        pytest.fail(MISSING, pytrace=False)
    with browser(tmp_path_factory.mktemp("profile") / "profile") as page:
        page.open((folder / "index.html").as_uri(), width=1400)
        wait(page, "browse.answers.told !== undefined")
        yield page


def wait(page: Page, condition: str, seconds: float = 60) -> None:
    """Wait until a JavaScript expression holds."""
    end = time.monotonic() + seconds
    while not page.value(f"Boolean({condition})"):
        assert time.monotonic() < end, f"{condition} never came true"
        time.sleep(0.05)


def luminance(colour: list[int]) -> float:
    """Return WCAG's relative luminance of a colour (sRGB, 0 to 255)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (part / 255 for part in colour)]
    return float(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))


def test_every_share_can_be_read_on_its_colour(page: Page) -> None:
    """WCAG's AA: 4.5 to 1."""
    shades = page.value(
        "Array.from({length: 101}, (_, n) => [browse.answers.colour(n / 100), browse.answers.ink(n / 100)])"
    )
    for n, (ground, ink) in enumerate(shades):
        low, high = sorted(
            (luminance([255 * (ink == "#fff")] * 3), luminance([int(part) for part in re.findall(r"\d+", ground)]))
        )
        assert (high + 0.05) / (low + 0.05) >= 4.5, n / 100


def choose(page: Page, control: str, value: str) -> int:
    """Choose in a select and return how many questions are then shown."""
    page.value(f"browse.answers.told = undefined; document.getElementById('{control}').value = {json.dumps(value)}")
    page.value(f"document.getElementById('{control}').dispatchEvent(new Event('change'))")
    wait(page, "browse.answers.told !== undefined")
    return int(page.value("browse.answers.told"))


def close(page: Page) -> None:
    """Close the question; its address goes a moment later, with the dialogue's event."""
    page.value("browse.detail.close()")
    wait(page, "!document.getElementById('detail').open && !location.hash")


def key(page: Page, name: str) -> None:
    """Press a key where the focus is."""
    page.value(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{name}', bubbles: true}}))")


@pytest.fixture(scope="module")
def answers(made: Path) -> pd.DataFrame:
    frames = [pd.read_parquet(path) for path in sorted((made / "evaluate").glob("*/*.parquet"))]
    answers = pd.concat(frames)
    answers["arm"] = answers["subset"].fillna(answers["model"])
    return answers


def test_filters_are_those_of_a_recount(page: Page, answers: pd.DataFrame) -> None:
    shares = answers.pivot_table(index=["benchmark", "question_id"], columns="arm", values="correct")
    chosen = [page.value(f"browse.index.arms[browse.answers.{name}].name") for name in "ab"]
    right = shares[chosen] > 0.5
    questions = answers.groupby(["benchmark", "question_id"])
    expected: dict[str, Any] = {
        "all": len(shares),
        "flipped": (right[chosen[0]] != right[chosen[1]]).sum(),
        "first": (right[chosen[0]] & ~right[chosen[1]]).sum(),
        "second": (~right[chosen[0]] & right[chosen[1]]).sum(),
        "wrong": (questions["correct"].max() == 0).sum(),
        "cut_off": questions["truncated"].any().sum(),
        "no_answer": questions["extracted"].apply(lambda values: values.isna().any()).sum(),
        "disputed": 0,
    }
    assert 0 < expected["flipped"] < 200
    assert {name: choose(page, "show", name) for name in expected} == expected
    choose(page, "show", "all")
    assert choose(page, "subject", "<b>geometry</b> $x$") == 33
    assert choose(page, "subject", "") == choose(page, "benchmark", "") == 200
    assert choose(page, "benchmark", "0") == 100
    choose(page, "benchmark", "")


def test_shares_in_the_table_are_those_of_a_recount(page: Page, answers: pd.DataFrame) -> None:
    shares = answers.pivot_table(index=["benchmark", "question_id"], columns="arm", values="correct")
    rows = page.value(
        "browse.answers.rows.map((row) => [row.benchmark, row.id, browse.index.arms.map((arm, n) => row[`arm${n}`])])"
    )
    arms = page.value("browse.index.arms.map((arm) => arm.name)")
    assert len(rows) == len(shares)
    for benchmark, question, own in rows:
        assert own == pytest.approx([shares.loc[(benchmark, question), arm] for arm in arms])
    # Right is blue and dark, wrong is light.
    assert page.value("answersColours = [0, 1].map(browse.answers.colour)") == ["rgb(253 221 188)", "rgb(33 100 171)"]


def test_text_is_found_in_questions_and_in_answers(page: Page) -> None:
    def search(text: str, scope: str) -> int:
        page.value(f"browse.answers.told = undefined; document.getElementById('text').value = {json.dumps(text)}")
        page.value(f"document.getElementById('scope').value = '{scope}'")
        page.value("document.getElementById('scope').dispatchEvent(new Event('change'))")
        wait(page, "browse.answers.told !== undefined")
        return int(page.value("browse.answers.told"))

    assert search("START with 7", "questions") == 2 * 11  # 7 and 70 to 79, of both benchmarks
    assert search("final answer is", "questions") == 0
    assert search("final answer is", "answers") == 200
    assert search("", "questions") == 200


def test_a_click_opens_two_answers_side_by_side(page: Page) -> None:
    page.value("document.querySelector('#table .tabulator-row .tabulator-cell.share').click()")
    wait(page, "document.querySelectorAll('#detail .pane').length === 2")
    assert page.value("document.getElementById('detail').open")
    assert page.value(
        "[...document.querySelectorAll('#detail .pane select')].map((one) => one.selectedOptions[0].text)"
    ) == ["base", page.value("browse.index.arms[browse.answers.b].label")]
    # Thinking is folded and drawn when it is unfolded.
    assert page.value("document.querySelector('#detail details').textContent.length") < 60
    key(page, " ")
    wait(page, "document.querySelector('#detail details .text')")
    text = page.value("document.querySelector('#detail details .text').textContent")
    assert "alert(1)" in text and "\u202e" in text
    page.value("document.querySelectorAll('#detail .pane:last-child .chips button')[1].click()")  # the second run
    wait(page, "location.hash.includes('-t2')")
    wait(page, "document.querySelectorAll('#detail .katex').length > 2")
    assert page.value("document.querySelectorAll('#detail mark').length") >= 1
    wait(page, "document.fonts.check('16px KaTeX_Main')")


def test_hostile_texts_are_texts(page: Page) -> None:
    shown = page.value("document.querySelector('#detail .asked').textContent")
    assert "<script>window.hit = 1</script>" in shown and "<img src=x" in shown and "a\u2028b" in shown
    assert page.value("window.hit") is None
    assert (
        page.value(
            "document.querySelectorAll('#detail script, #detail img, #detail b script, #detail a[href^=javascript]').length"
        )
        == 0
    )
    assert page.value("getComputedStyle(document.querySelector('#detail .asked')).unicodeBidi") == "isolate"
    page.value("document.getElementById('mathematics').click()")
    wait(page, "!document.querySelector('#detail .katex')")
    plain = page.value("document.querySelector('#detail .asked').textContent")
    assert all(text in plain for text in WORST) and HOSTILE in plain and WILD in plain
    page.value("document.getElementById('mathematics').click()")
    wait(page, "document.querySelector('#detail .katex')")


def test_keys_move_and_close(page: Page) -> None:
    first = page.value("browse.detail.place")
    key(page, "j")
    wait(page, f"browse.detail.drawn === 'question {first + 1}'")
    key(page, "k")
    wait(page, f"browse.detail.drawn === 'question {first}'")
    close(page)
    assert page.value("document.activeElement.id") == "table"
    key(page, "j")
    assert page.value("browse.answers.list.current") == first + 1
    key(page, " ")
    wait(page, f"browse.detail.drawn === 'question {first + 1}'")
    close(page)


def test_an_address_opens_its_question(page: Page) -> None:
    page.value("location.hash = '#question=long_chains/long_chains-042&a=base&b=limopro-t3&sample_b=2'")
    wait(page, "browse.detail.drawn === 'question 142'")
    assert page.value("browse.question.panes.map((pane) => [browse.index.models[pane.model], pane.sample])") == [
        ["base", 0],
        ["limopro-t3", 2],
    ]
    assert page.value("!document.getElementById('next').disabled")
    close(page)
    page.value("location.hash = '#question=long_chains/none'")
    wait(page, "document.getElementById('missing').textContent.includes('long_chains/none')")


def test_a_training_row_has_its_chain(page: Page) -> None:
    place = page.value("browse.index.rows.pruned.indexOf(1)")
    page.value(f"location.hash = '#row=' + browse.index.rows.ids[{place}]")
    wait(page, f"browse.detail.drawn === 'row {place}'")
    page.value(
        """[...document.querySelectorAll('#detail .chip')].find((chip) => chip.textContent === 'limopro').click()"""
    )
    wait(page, "document.querySelectorAll('#detail .step.pruned').length === 1")
    assert page.value("document.querySelectorAll('#detail .step').length") == 7
    assert page.value("getComputedStyle(document.querySelector('.pruned del')).textDecorationLine") == "line-through"
    assert page.value("document.querySelectorAll('#detail .step .fact').length") == 3  # PIR of the functional ones
    page.value("document.querySelector('#detail a').click()")  # the nearest question
    wait(page, "browse.detail.drawn.startsWith('question')")
    close(page)


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    unnamed = (
        "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length && !one.ariaLabel).length"
    )
    assert page.value(unnamed) == 0
    assert page.value("document.querySelectorAll('#table [role=columnheader]').length") >= 9
    assert page.value("document.querySelectorAll('#table [role=row] [role=gridcell]').length") > 50
    assert page.value("document.getElementById('status').getAttribute('aria-live')") == "polite"
    assert page.value("document.querySelector('[role=tab][aria-selected=true]').id") == "tab-answers"


def test_a_lost_part_is_told(page: Page) -> None:
    """Of a part that is not there, whatever was done to the folder, the page says which, and what to do."""
    page.value("browse.index.benchmarks[0].answers[1].name = 'answers-lost'")
    page.value("location.hash = '#question=chains/chains-001&a=limopro-t1'")
    wait(page, "document.querySelector('#detail-body .error')")
    said = page.value("document.querySelector('#detail-body .error').textContent")
    assert said == "data/answers-lost-0.js is missing: make browse writes it again"
    page.value("browse.index.benchmarks[0].answers[1].name = 'answers-0-1'; browse.detail.close()")


def test_nothing_is_said_or_asked(page: Page) -> None:
    assert page.named("Runtime.exceptionThrown") == []
    assert page.named("Runtime.consoleAPICalled") == []
    assert [entry for entry in page.named("Log.entryAdded") if "answers-lost" not in str(entry)] == []
    addresses = [event["request"]["url"] for event in page.named("Network.requestWillBeSent")]
    assert addresses and [address for address in addresses if not address.startswith(("file:", "data:"))] == []
    page.value("fetch('https://example.org/').catch(() => { window.refused = true })")
    wait(page, "window.refused")


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_stands_out(folder: Path, page: Page, width: int) -> None:
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    # The table scrolls inside itself, and draws the rows in sight only, on a telephone too.
    assert page.value("document.querySelector('.table').getBoundingClientRect().height < window.innerHeight")
    page.value("browse.detail.close(); location.hash = '#question=chains/chains-000&a=base&b=limopro'")
    wait(page, "browse.detail.drawn === 'question 0' && document.getElementById('detail').open")
    assert page.value("document.getElementById('detail').scrollWidth <= document.getElementById('detail').clientWidth")
    close(page)
