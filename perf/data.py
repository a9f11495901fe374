"""prepare_pool and decontaminate on synthetic rows: rows a second, peak memory, and plain sets of tuples beside it.

Words are drawn by Zipf's law from a made-up vocabulary, rows are made on the fly. Every program runs as a process of
its own; its seconds (start of Python left out) and its peak memory are those of its provenance. The plain
implementation and the fast one are timed on the same sample of rows, in this process, and must find the same hits.
"""

import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scripts.common import chat, cli
from scripts.common.config.dataset import NgramOverlap
from scripts.common.program import Program
from scripts.common.provenance import SUFFIX, hardware
from scripts.common.questions import Question, read_questions
from scripts.common.tables import iterate_table
from scripts.data.decontaminate import Index
from scripts.data.fetch_dataset import write_raw
from scripts.data.short_questions import SHORTEST
from scripts.data.tables import POOL
from scripts.train.make_demo_model import CHAT_TEMPLATE

VOCABULARY = 50_000
PLANTED = 50
Asked = tuple[str, Question]
"""A benchmark's name and a question of it."""


class Zipf:
    """Draws text word by word, the k-th word of the vocabulary with a probability in proportion to 1 / k."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
        lengths = self.draw.integers(1, 11, VOCABULARY)
        self.words = np.array(["".join(self.draw.choice(letters, length)) for length in lengths], dtype=object)
        self.cumulative = np.cumsum(1 / np.arange(1, VOCABULARY + 1))

    def text(self, words: int) -> str:
        """Return `words` words."""
        places = np.searchsorted(self.cumulative, self.draw.random(words) * self.cumulative[-1])
        return " ".join(self.words[places])


def synthetic_rows(rows: int, words: int, planted: list[Asked], zipf: Zipf) -> Iterator[dict[str, Any]]:
    """Yield rows of raw; the i-th `planted` question stands, in other case and spacing, in the i-th hundredth row."""
    every = max(1, rows // max(1, len(planted)))
    for row in range(rows):
        chain = zipf.text(words)
        if row % every == 0 and row // every < len(planted):
            chain += "\n " + "  ".join(planted[row // every][1].question.swapcase().split()) + "\n" + zipf.text(20)
        yield {
            "row": row,
            "question": zipf.text(30),
            "response": f"<think>\n{chain}\n</think>\n\nThe final answer is \\boxed{{{row}}}.",
        }


def benchmark_questions(folder: Path | None, zipf: Zipf, scratch: Path) -> list[Path]:
    """Return test.jsonl files of the question sets in `folder` (*.jsonl), or of 1,716 made-up questions."""
    if folder is None:
        lengths = zipf.draw.integers(8, 80, 1716)
        sets = {"synthetic": [{"question": zipf.text(int(length))} for length in lengths]}
    else:
        sets = {
            file.stem: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            for file in sorted(folder.glob("*.jsonl"))
        }
    files = []
    for name, rows in sets.items():
        file = scratch / name / "test.jsonl"
        file.parent.mkdir()
        texts = [row.get("problem") or row["question"] for row in rows]
        lines = [json.dumps({"id": str(number), "question": text, "answer": "0"}) for number, text in enumerate(texts)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files.append(file)
    return files


class PlainIndex:
    """Decontamination as one would write it down: Python sets of tuples of words."""

    def __init__(self, questions: list[Question], ngram: int) -> None:
        self.questions: dict[int, dict[tuple[str, ...], set[int]]] = {}
        for number, question in enumerate(questions):
            words = self.words(question.question)
            if len(words) < SHORTEST:
                continue
            grams = self.questions.setdefault(min(ngram, len(words)), {})
            for gram in self.grams(words, min(ngram, len(words))):
                grams.setdefault(gram, set()).add(number)

    @staticmethod
    def words(text: str) -> list[str]:
        """Return the normalised words of a text."""
        return re.findall(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+|\d+", unicodedata.normalize("NFKC", text).lower())

    @staticmethod
    def grams(words: list[str], n: int) -> set[tuple[str, ...]]:
        """Return the n-grams of a list of words."""
        return {tuple(words[start : start + n]) for start in range(len(words) - n + 1)}

    def hits(self, row: dict[str, Any]) -> set[int]:
        """Return the numbers of the questions of which a row holds an n-gram."""
        asked, answered = self.words(row["question"]), self.words(row["response"])
        found: set[int] = set()
        for n, grams in self.questions.items():
            for gram in (self.grams(asked, n) | self.grams(answered, n)) & grams.keys():
                found |= grams[gram]
        return found


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall-clock seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare_plain(files: list[Path], pool: pl.DataFrame, repeats: int) -> dict[str, Any]:
    """Return seconds and ratio of the fast and the plain decontamination of the same rows; their hits must agree."""
    index = Index(asked_in(files), NgramOverlap(max_overlap=0.0))
    plain = PlainIndex([question for _, question in index.questions], 13)
    rows = pool.to_dicts()
    expected = {(row["id"], k) for row in rows for k in plain.hits(row)}
    hits = index.hits(pool["question"], pool["response"])
    found = {(rows[text]["id"], question) for text, question in hits.select("text", "question").iter_rows()}
    if found != expected:
        raise RuntimeError(f"the implementations differ in {len(found ^ expected)} hits")
    pairs = [
        (
            seconds(lambda: index.hits(pool["question"], pool["response"])),
            seconds(lambda: [plain.hits(row) for row in rows]),
        )
        for _ in range(repeats)
    ]
    return {
        "rows": len(pool),
        "hits": len(found),
        "fast_seconds_median": round(statistics.median(fast for fast, _ in pairs), 3),
        "plain_seconds_median": round(statistics.median(plain for _, plain in pairs), 3),
        "ratio_median": round(statistics.median(plain / fast for fast, plain in pairs), 2),
    }


def asked_in(files: list[Path]) -> dict[str, list[Question]]:
    """Return the questions of test.jsonl files by benchmark."""
    return {file.parent.name: read_questions(file) for file in files}


def run_program(name: str, output: Path, options: list[str]) -> dict[str, float]:
    """Run a program of the data stage; return its seconds and its peak memory from the provenance of `output`, and the
    seconds that it held a core, which other work on the machine changes least."""
    command = [sys.executable, "-m", f"scripts.data.{name}", *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    record = json.loads(Path(f"{output}{SUFFIX}").read_text(encoding="utf-8"))
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {"seconds": record["seconds"], "core_seconds": round(core, 1)}
    return figures | {"peak_memory_mib": record["peak_memory_mib"]}


def write_model(zipf: Zipf, folder: Path) -> None:
    """Write a tokenizer (byte-level BPE of 32,000 tokens, trained on such rows, 1.2 tokens a word) and a configuration
    to `folder`: what prepare_pool needs of a model."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=32_000, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator((zipf.text(5000) for _ in range(100)), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    Qwen2Config(max_position_embeddings=10**8).save_pretrained(folder)


def tokenising_seconds(pool: Path, model: Path, rows: int) -> float:
    """Return the seconds a row of tokenising responses and prompts, as prepare_pool does it, on `rows` rows."""
    from scripts.data.prepare_pool import _token_counts

    tokenizer = chat.load_tokenizer(model, None)
    entries = next(iterate_table(POOL, pool, rows)).to_pylist()
    return seconds(lambda: list(_token_counts(entries, tokenizer))) / len(entries)


def measure_size(rows: int, words: int, files: list[Path], model: Path, zipf: Zipf, scratch: Path) -> dict[str, Any]:
    """Return the figures of both programs on `rows` rows."""
    long = [
        (name, question)
        for name, questions in asked_in(files).items()
        for question in questions
        if len(PlainIndex.words(question.question)) >= SHORTEST
    ]
    planted = random.Random(rows).sample(long, PLANTED)
    paths = {name: scratch / f"{name}.parquet" for name in ("raw", "pool", "rejected", "clean", "contaminated")}
    option = {name: [f"--{name}", str(path)] for name, path in paths.items()}
    blank = {"answer": None, "system": None, "source": None, "category": None, "defect": None}
    making = seconds(
        lambda: write_raw((row | blank for row in synthetic_rows(rows, words, planted, zipf)), paths["raw"])
    )
    bounds = ["--min-tokens", "1", "--max-tokens", str(10**8)]
    options = [*option["raw"], "--model", str(model), *bounds, *option["pool"], *option["rejected"]]
    prepared = run_program("prepare_pool", paths["pool"], options)
    options = [*option["pool"], "--benchmarks", *map(str, files), *option["clean"], *option["contaminated"]]
    cleaned = run_program("decontaminate", paths["contaminated"], options)
    hits = pl.read_parquet(paths["contaminated"])
    hit = set(zip(hits["benchmark"], hits["question_id"], strict=True))
    per_row = tokenising_seconds(paths["pool"], model, min(rows, 200))
    figures = {
        "rows": rows,
        "words_per_row": words,
        "raw_mib": round(paths["raw"].stat().st_size / 2**20, 1),
        "making_seconds": round(making, 1),
        "prepare_pool": prepared | {"rows_per_second": round(rows / prepared["seconds"], 1)},
        "tokenising_share_of_prepare_pool": round(per_row * rows / prepared["seconds"], 2),
        "decontaminate": cleaned | {"rows_per_second": round(rows / cleaned["seconds"], 1)},
        "planted_found": f"{sum((name, question.id) in hit for name, question in planted)} of {len(planted)}",
        "contaminated_rows": hits["id"].n_unique(),
    }
    return figures


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 4000], help="sizes (default: 1000 4000)")
    parser.add_argument("--words", type=int, default=5000, help="words of a response (default: 5000)")
    parser.add_argument("--sample", type=int, default=200, help="rows for the plain implementation (default: 200)")
    parser.add_argument("--repeats", type=int, default=5, help="timings of each implementation (default: 5)")
    parser.add_argument("--benchmarks", type=Path, help="folder of question sets (*.jsonl; default: made-up questions)")
    parser.add_argument("--output", type=Path, help="JSON file to write as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch, zipf = Path(folder), Zipf(1)
        model = scratch / "model"
        write_model(zipf, model)
        files = benchmark_questions(arguments.benchmarks, zipf, scratch)
        sizes = [measure_size(rows, arguments.words, files, model, zipf, scratch) for rows in sorted(arguments.rows)]
        sample = pl.DataFrame(next(iterate_table(POOL, scratch / "pool.parquet", arguments.sample)))
        figures = {
            "questions": sum(map(len, asked_in(files).values())),
            "sizes": sizes,
            "against_sets_of_tuples": compare_plain(files, sample, arguments.repeats),
            "threads": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")},
            "hardware": hardware(),
        }
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
