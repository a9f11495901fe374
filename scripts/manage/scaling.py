"""Print the tables of docs/scaling.md: what each stage costs at 15 thousand, 100 thousand and 4 million rows and with
scorers of 3, 7 and 32 billion parameters, by the rates that plans use. A test holds the page against this program.
"""

from collections.abc import Iterator
from pathlib import Path

from scripts.common import cli
from scripts.common.config.load import read_experiment
from scripts.common.digest import ROOT
from scripts.common.program import Program
from scripts.manage import arithmetic
from scripts.manage.graph import Job
from scripts.manage.plan import CHECKPOINT_BYTES, CHECKPOINTS
from scripts.manage.rates import Book, add_rate_options, number, rates_from
from scripts.manage.sizes import Sizes
from scripts.manage.text import duration, size
from scripts.manage.work import Workload

ROWS = (15_000, 100_000, 4_000_000)
BILLIONS = (3, 7, 32)
EPOCHS = 7
GPUS = 2
STUDY = ROOT / "experiments" / "acereason-qwen2.5-3b.yaml"
# train_sft holds a subset's text (4 bytes a token), token ids and labels (4 each) in every process.
HELD_BYTES = 12
# Float32 weights, gradients and two moments.
STATE_BYTES = 16
# Answers that `difficulty` asks for by default, and what the longest may have.
ASKED_SAMPLES, ASKED_TOKENS = 4, 4096
# A vector's numbers are float32: those of a small sentence-transformers model, and of a 3B model's hidden state.
WIDTHS = (384, 2048)
VECTOR_BYTES = 4


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def gpu_hours(seconds: float, gpus: int = 1) -> str:
    """Return GPU-hours in two or three digits."""
    hours = gpus * seconds / 3600
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}"


def stages(book: Book) -> str:
    """Return the table of the stages whose cost depends on the rows."""
    tokens = [rows * book["tokens_per_row"] for rows in ROWS]
    names = ("prepare_pool, core time", "decontaminate, core time", "segment_steps of all rows, core time")
    rates = (arithmetic.pool_seconds, arithmetic.decontaminate_seconds, arithmetic.segment_seconds)
    rows = [[name, *(duration(rate(count, book)) for count in tokens)] for name, rate in zip(names, rates, strict=True)]
    tables = [arithmetic.table_bytes(count, count, count, book) for count in tokens]
    rows.append(["tables on disk, all rows scored", *map(size, tables)])
    trained = [arithmetic.training_seconds(EPOCHS * count, 3e9, GPUS, book) for count in tokens]
    rows.append(["one run on all rows, 3B, 7 epochs, two H200", *map(duration, trained)])
    rows.append(["the same, GPU-hours", *(gpu_hours(seconds, GPUS) for seconds in trained)])
    rows.append(["its rows in memory, each process", *(size(HELD_BYTES * count) for count in tokens)])
    return markdown(["", *(f"{rows:,} rows" for rows in ROWS)], rows)


def scorers(book: Book) -> str:
    """Return the table of GPU-hours of score_steps."""
    rows = []
    for billions in BILLIONS:
        costs = []
        for scored in (4000, *ROWS):
            computed = arithmetic.scoring_tokens(scored, scored * book["tokens_per_row"], book)
            costs.append(gpu_hours(arithmetic.scoring_seconds(computed, billions * 1e9, 1, book)))
        rows.append([f"{billions}B", size(2e9 * billions), *costs])
    return markdown(["scorer", "weights, bfloat16", *(f"{scored:,} rows" for scored in (4000, *ROWS))], rows)


def methods(book: Book) -> str:
    """Return the table of what methods of selection find out about rows by a 3B model on one GPU."""
    rows = []
    for name, passes in (("perplexity", 1), ("ifd", 2)):
        tokens = [passes * count * book["tokens_per_row"] for count in ROWS]
        rows.append([f"{name}, GPU-hours", *(gpu_hours(arithmetic.scoring_seconds(n, 3e9, 1, book)) for n in tokens)])
    asked = [count * ASKED_SAMPLES * book["base_answer_tokens"] for count in ROWS]
    answering = [arithmetic.answering_seconds(tokens, ASKED_TOKENS, 3e9, 1, book) for tokens in asked]
    rows.insert(0, [f"difficulty, {ASKED_SAMPLES} answers a row, GPU-hours", *map(gpu_hours, answering)])
    read = [count * book["question_tokens"] for count in ROWS]
    rows.append(["diversity, GPU-hours", *(gpu_hours(arithmetic.scoring_seconds(n, 3e9, 1, book)) for n in read)])
    for width in WIDTHS:
        held = (size(VECTOR_BYTES * width * count) for count in ROWS)
        rows.append([f"its vectors of {width:,} numbers, in memory", *held])
    judged = (f"{count * (book['asking_tokens'] + book['tokens_per_row']) / 1e9:,.2f}" for count in ROWS)
    rows.append(["quality, billion tokens asked", *judged])
    return markdown(["", *(f"{rows:,} rows" for rows in ROWS)], rows)


def models(book: Book) -> str:
    """Return the table of what the fine-tuned model's size costs: one run of 15,000 rows, one model's evaluation."""
    experiment, rows = read_experiment(STUDY), []
    for billions in BILLIONS:
        workload = Workload(experiment, Sizes(experiment, Path("nowhere"), book, parameters=billions * 1e9), book)
        training = arithmetic.training_seconds(EPOCHS * 15_000 * book["tokens_per_row"], billions * 1e9, GPUS, book)
        answering = 0.0
        for name, benchmark in experiment.evaluation.benchmarks.items():
            shard = "/0" if benchmark.shards > 1 else ""
            rule = "evaluate_shard" if shard else "evaluate_model"
            answering += benchmark.shards * workload.seconds(Job(rule, f"random-15k-t1/{name}{shard}", True))
        memory = [STATE_BYTES, CHECKPOINTS * CHECKPOINT_BYTES, 2]
        held = [size(count * billions * 1e9) for count in memory]
        rows.append([f"{billions}B", gpu_hours(training, GPUS), gpu_hours(answering), *held])
    head = [
        "model",
        "a run, GPU-hours",
        "its evaluation, GPU-hours",
        "training state, all GPUs",
        "checkpoints",
        "saved",
    ]
    return markdown(head, rows)


def tables(book: Book) -> Iterator[str]:
    """Yield the tables of the page, then the rates they rest on."""
    yield stages(book)
    yield scorers(book)
    yield methods(book)
    yield models(book)
    used = [rate for name, rate in book.used.items() if not name.startswith(("questions", "parameters"))]
    rows = [[rate.what, f"{number(rate.value)} {rate.unit}".rstrip(), rate.source] for rate in used]
    yield markdown(["rate", "value", "source"], rows)


def main() -> None:
    parser = Program(__doc__)
    add_rate_options(parser)
    print("\n".join(tables(Book(rates_from(parser.parse_args())))), end="")


if __name__ == "__main__":
    cli.run(main)
