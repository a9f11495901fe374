"""prepare_pool and segment_steps with two processes against one, side by side: how many times as fast.

A pair is a run with one process and a run with two on the same rows, by turns in either order; the ratio is taken pair
by pair, so that other work on the machine, which changes from minute to minute, falls on both. The outputs must be
the same. Each process must have many parts (of 256 rows, or 64 that are cut), or the last one decides. Seconds are
those of the programs' provenance: start of Python left out, start of the further processes in.
"""

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from perf.data import Zipf, write_model
from scripts.common import cli
from scripts.common.config.dataset import RowRules
from scripts.common.content import sha256_of
from scripts.common.parts import Part, Work, of_size
from scripts.common.program import Program
from scripts.common.provenance import SUFFIX, hardware
from scripts.common.tables import TableWriter, iterate_table
from scripts.data import prepare_pool
from scripts.data.fetch_dataset import write_raw
from scripts.data.tables import POOL, RAW
from scripts.select import segment_steps
from scripts.select.limopro.sequence import MODEL
from scripts.select.tables import STEPS

OPENINGS = ("Wait, let me check that", "Alternatively, we could take", "Hmm, no, that is wrong", "So then we have")


def synthetic_rows(rows: int, sentences: int, zipf: Zipf) -> Iterator[dict[str, Any]]:
    """Yield rows of raw: chains of so many sentences of fifteen words, every fifth opens a functional step."""
    blank = dict.fromkeys(("answer", "system", "source", "category", "defect"))
    for row in range(rows):
        said = [zipf.text(15) for _ in range(sentences)]
        said = [f"{OPENINGS[n // 5 % 4]}: {text}" if n % 5 == 0 else text for n, text in enumerate(said)]
        chain = ".\n\n".join(said)
        response = f"<think>\n{chain}.\n</think>\n\nThe final answer is \\boxed{{{row}}}."
        yield {**blank, "row": row, "question": zipf.text(30), "response": response}


def run(program: str, output: Path, threads: int, options: list[str]) -> float:
    """Run a program with so many processes; return its seconds."""
    command = [sys.executable, "-m", f"scripts.{program}", *options, "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(json.loads(Path(f"{output}{SUFFIX}").read_text(encoding="utf-8"))["seconds"])


def measure(program: str, output: Path, options: list[str], pairs: int) -> dict[str, Any]:
    """Return the seconds of `pairs` pairs of runs, and their ratios."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    hashes = set()
    for pair in range(pairs):
        for threads in (1, 2) if pair % 2 == 0 else (2, 1):
            seconds[threads].append(run(program, output, threads, options))
            hashes.add(sha256_of(output))
    if len(hashes) > 1:
        raise RuntimeError(f"{program}: the output depends on the number of processes")
    ratios = [round(one / two, 2) for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {"one": seconds[1], "two": seconds[2], "ratios": ratios, "median_ratio": statistics.median(ratios)}


def alone(parts: Iterator[Any], work: Work, finish: Callable[[Part], Any]) -> float:
    """Return the share of a program's core seconds that one process spends whatever the number of the others: reading,
    handing over, and what it does with what came of each part. Core seconds hardly depend on other work."""
    own, theirs, clock = 0.0, 0.0, time.process_time()
    for rows in parts:
        handed = pickle.loads(pickle.dumps(rows))
        own, clock = own + time.process_time() - clock, time.process_time()
        made = work(handed)
        theirs, clock = theirs + time.process_time() - clock, time.process_time()
        finish(Part(rows, made))
    own += time.process_time() - clock
    return round(own / (own + theirs), 3)


def alone_in_prepare_pool(raw: Path, model: Path) -> float:
    """Return that share of prepare_pool."""
    rules, duplicates = RowRules(max_tokens=10**8), prepare_pool.Duplicates(RowRules().deduplicate)
    work = prepare_pool.start_reading(rules, model, None)
    with tempfile.TemporaryDirectory() as folder, TableWriter(POOL, Path(folder, "pool.parquet")) as writer:
        return alone(
            iterate_table(RAW, raw, prepare_pool.ROWS),
            work,
            lambda part: writer.write(prepare_pool.split_part(part, rules, 1e9, duplicates)[0]),
        )


def alone_in_segment_steps(pool: Path) -> float:
    """Return that share of segment_steps."""
    work = segment_steps.start_cutting(MODEL)
    columns = ["id", "reasoning", "question", "answer"]
    with tempfile.TemporaryDirectory() as folder, TableWriter(STEPS, Path(folder, "steps.parquet")) as writer:
        parts = of_size(iterate_table(POOL, pool, segment_steps.BATCH, columns), segment_steps.ROWS)
        return alone(islice(parts, 2), work, lambda part: writer.write(part.made))


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--rows", type=int, default=6000, help="rows (default: 6000)")
    parser.add_argument("--sentences", type=int, default=300, help="sentences of a chain (default: 300)")
    parser.add_argument("--cut-rows", type=int, default=1000, help="rows that are cut into steps (default: 1000)")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--output", type=Path, help="JSON file to write as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch, zipf = Path(folder), Zipf(1)
        write_model(zipf, scratch / "model")
        raw, pool, rejected, steps = (scratch / f"{name}.parquet" for name in ("raw", "pool", "rejected", "steps"))
        write_raw(synthetic_rows(arguments.rows, arguments.sentences, zipf), raw)
        options = ["--raw", str(raw), "--model", str(scratch / "model"), "--max-tokens", str(10**8)]
        options += ["--pool", str(pool), "--rejected", str(rejected)]
        figures: dict[str, Any] = {"prepare_pool": measure("data.prepare_pool", pool, options, arguments.pairs)}
        options = ["--clean", str(pool), "--seed", "1", "--score-rows", str(arguments.cut_rows), "--steps", str(steps)]
        figures["segment_steps"] = measure("select.segment_steps", steps, options, arguments.pairs)
        shares = {
            "prepare_pool": alone_in_prepare_pool(raw, scratch / "model"),
            "segment_steps": alone_in_segment_steps(pool),
        }
        figures["share_of_one_process_alone"] = shares
    text = json.dumps({**vars(arguments), **figures, "hardware": hardware()}, indent=2, default=str)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
