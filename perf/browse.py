"""Seconds that the page of `make browse` takes in headless Chromium, with 100,000 made-up answers: to write the folder,
to open it, to filter, to search, and from a click to the answer.

python -m perf.browse
"""

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common import cli
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.common.program import Program
from scripts.common.tables import write_table
from scripts.evaluate.tables import ANSWERS
from scripts.manage.browse import write_browser
from tests.made_up_results import CONFIG, Folder
from tests.report.chromium import Page, browser

SENTENCE = "We compute $\\frac{a}{b} + \\sqrt{n}$ and see that the next step holds, since both sides are equal. "


def make_answers(root: Path, experiment: Experiment, questions: int, samples: int, characters: int) -> int:
    """Write questions and answers of every model, and return how many answers there are."""
    rng = np.random.default_rng(1)
    arms = {run.name: (run.arm, run.seed) for run in experiment.runs()}
    thought = SENTENCE * (characters // len(SENTENCE))
    for benchmark in experiment.evaluation.benchmarks:
        folder = root / "data/benchmarks" / benchmark
        folder.mkdir(parents=True)
        asked = [{"id": f"q{n}", "question": f"Question {n}. {SENTENCE * 3}", "answer": "7"} for n in range(questions)]
        (folder / "test.jsonl").write_text("".join(json.dumps(question) + "\n" for question in asked))
        for model in experiment.evaluated_models():
            arm, seed = arms.get(model, (None, None))
            fixed = {"model": model, "subset": arm, "train_seed": seed, "benchmark": benchmark, "gold": "7"}
            rows: list[dict[str, Any]] = []
            for question in range(questions):
                for sample, right in enumerate(rng.random(samples) < question / questions):
                    said = "7" if right else "8"
                    text = f"<think>{thought}{question}</think>The answer is $\\boxed{{{said}}}$."
                    own = {"question_id": f"q{question}", "sample": sample, "correct": int(right), "extracted": said}
                    own |= {"output_tokens": 500, "truncated": bool(rng.random() < 0.01), "finish_reason": "stop"}
                    rows.append({**fixed, **own, "text": text, "disputed": False})
            write_table(ANSWERS, rows, root / "evaluate" / model / f"{benchmark}.parquet")
    return len(experiment.evaluated_models()) * len(experiment.evaluation.benchmarks) * questions * samples


def until(page: Page, condition: str) -> float:
    """Return the seconds until a JavaScript expression holds."""
    started = time.perf_counter()
    while not page.value(f"Boolean({condition})"):
        time.sleep(0.005)
    return time.perf_counter() - started


def choose(page: Page, control: str, value: str) -> float:
    """Return the seconds that a choice takes until the table has it."""
    page.value(f"browse.answers.told = undefined; document.getElementById('{control}').value = '{value}'")
    started = time.perf_counter()
    page.value(f"document.getElementById('{control}').dispatchEvent(new Event('change'))")
    until(page, "browse.answers.told !== undefined")
    return time.perf_counter() - started


def click(page: Page, place: int) -> float:
    """Return the seconds from a click on a question, somewhere in the table, to two answers on the screen."""
    page.value(f"browse.answers.list.table.scrollToRow({place}, 'top', true).then(() => {{ window.there = {place} }})")
    until(page, f"window.there === {place}")
    cell = f"browse.answers.list.table.getRow({place}).getCell('arm1').getElement()"
    started = time.perf_counter()
    page.value(f"{cell}.click()")
    until(page, f"browse.detail.drawn === 'question {place}' && document.querySelectorAll('.pane .said').length === 2")
    seconds = time.perf_counter() - started
    page.value("browse.detail.close(); browse.detail.drawn = null")
    return seconds


def measure(folder: Path, index: Path, repeats: int) -> None:
    """Open the page `repeats` times and print what was measured."""
    times: dict[str, list[float]] = {
        name: [] for name in ("open", "open, by the page's own clock", "filter", "sort", "click", "search questions")
    }
    for number in range(repeats):
        with browser(folder / f"profile-{number}") as page:
            started = time.perf_counter()
            page.open(index.as_uri(), width=1400)
            until(page, "window.browse && browse.answers && browse.answers.told !== undefined")
            times["open"].append(time.perf_counter() - started)
            loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
            times["open, by the page's own clock"].append(page.value(loaded))
            for shown in ("flipped", "wrong", "cut_off", "all"):
                times["filter"].append(choose(page, "show", shown))
            started = time.perf_counter()
            page.value("browse.answers.list.table.setSort('difference', 'desc'); browse.answers.list.listed().length")
            times["sort"].append(time.perf_counter() - started)
            questions = page.value("browse.answers.rows.length")
            for place in (0, questions // 2, questions - 1):
                times["click"].append(click(page, place))
            page.value("document.getElementById('text').value = 'Question 77'")
            times["search questions"].append(choose(page, "scope", "questions"))
            if number == repeats - 1:
                times["search answers"] = [choose(page, "scope", "answers")]
    for name, seconds in times.items():
        print(f"{name}: median {statistics.median(seconds):.2f} s, largest {max(seconds):.2f} s, of {len(seconds)}")


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--questions", type=int, default=500, help="of each of two benchmarks (500)")
    program.add_argument("--samples", type=int, default=10, help="answers of each of ten models to a question (10)")
    program.add_argument("--characters", type=int, default=2000, help="of an answer (2,000)")
    program.add_argument("--repeats", type=int, default=3)
    arguments = program.parse_args()
    experiment = load_experiment(CONFIG)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_answers(folder / "demo", experiment, arguments.questions, arguments.samples, arguments.characters)
        started = time.perf_counter()
        write_browser(folder / "page", experiment, Folder(str(folder / "demo")))
        seconds = time.perf_counter() - started
        files = [path.stat().st_size for path in (folder / "page").rglob("*") if path.is_file()]
        print(f"{made:,} answers written in {seconds:.1f} s: {len(files):,} files, {sum(files) / 1e6:,.0f} MB")
        print(f"index: {(folder / 'page/data/index.js').stat().st_size / 1e6:.2f} MB")
        measure(folder, folder / "page/index.html", arguments.repeats)


if __name__ == "__main__":
    cli.run(main)
