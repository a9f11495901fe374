"""Take rows that contain benchmark questions out of the pool: clean.parquet, and every hit in contaminated.parquet.

Words are runs of letters and digits after Unicode NFKC and lower case; a Han character is a word of its own. A row is
hit by a question when it holds more than `max_overlap` of the question's word n-grams in its own question or in its
response (Brown et al., 2005.14165, appendix C, with 13 words). A question of fewer words is one n-gram; of fewer than
six words it is compared with the row's question as a whole, since "Find x." stands in every second response.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from scripts.common import cli
from scripts.common.config.dataset import NgramOverlap
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording
from scripts.common.tables import TableWriter, iterate_table

BATCH = 250  # a row of 5,000 words takes about 1 MB while it is looked through
SHORTEST = 6  # words; shorter questions are compared as a whole
_WORD = r"\p{Han}|[\p{L}\p{N}--\p{Han}]+"
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplication mod 2**64 loses nothing


class Question(NamedTuple):
    """A benchmark question."""

    benchmark: str
    id: str
    text: str


class Words(NamedTuple):
    """The words of several texts, one after the other: arrays of equal length."""

    hashes: np.ndarray
    """uint64, a hash of each word."""
    text: np.ndarray
    """int64, the index of the text that each word stands in, ascending."""


def split_words(texts: pl.Series) -> pl.Series:
    """Return the normalised words of each text, as lists."""
    return texts.fill_null("").str.normalize("NFKC").str.to_lowercase().str.extract_all(_WORD)


def hash_words(lists: pl.Series) -> Words:
    """Return the hashes of lists of words. Equal only within one process: polars promises no more."""
    lengths = lists.list.len().to_numpy()
    words = lists.filter(lists.list.len() > 0).explode()
    return Words(words.hash(seed=0).to_numpy().astype(np.uint64), np.repeat(np.arange(len(lengths)), lengths))


def rolling_hashes(words: Words, lengths: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (n, hashes of the runs of n words that start at each word) for each of `lengths`, ascending.

    Each length goes on from the one before. Runs over the end of a text are among them.
    """
    hashes, done = np.zeros(len(words.hashes), np.uint64), 0
    for n in lengths:
        for offset in range(done, n):
            hashes = hashes[: max(0, len(words.hashes) - offset)]
            hashes *= _BASE
            hashes += words.hashes[offset:]
        done = n
        yield n, hashes


class Prefilter:
    """Tells hashes that are surely not of a set by 22 of their bits: almost all of a clean corpus."""

    _SHIFT = np.uint64(64 - 22)  # the upper bits of a product depend on all bits of its factors

    def __init__(self, hashes: np.ndarray) -> None:
        self._table = np.zeros(2**22, np.bool_)
        self._table[hashes >> self._SHIFT] = True

    def candidates(self, hashes: np.ndarray) -> np.ndarray:
        """Return the places of the hashes that may be of the set."""
        return np.flatnonzero(self._table[hashes >> self._SHIFT])


def ngram_hashes(words: Words, n: int) -> Words:
    """Return the hashes of all runs of `n` words that stand in one text (a polynomial mod 2**64)."""
    ((_, hashes),) = rolling_hashes(words, [n])
    count = len(hashes)
    if count == 0:
        return Words(np.empty(0, np.uint64), np.empty(0, np.int64))
    inside = words.text[:count] == words.text[n - 1 :]
    return Words(hashes[inside], words.text[:count][inside])


class Index:
    """The n-grams of all benchmark questions, by length."""

    def __init__(self, questions: Sequence[Question], ngram: int) -> None:
        self.questions = list(questions)
        self.words = split_words(pl.Series([question.text for question in questions], dtype=pl.String))
        lengths = self.words.list.len().to_numpy()
        self.by_length: dict[int, pl.DataFrame] = {}
        for n in sorted({min(ngram, int(length)) for length in lengths if length >= SHORTEST}):
            # Questions of exactly n words, and for the full n-gram also the longer ones.
            members = np.flatnonzero((lengths == n) | ((n == ngram) & (lengths > ngram)))
            grams = ngram_hashes(hash_words(self.words[members.tolist()]), n)
            frame = pl.DataFrame({"hash": grams.hashes, "question": members[grams.text]}).unique(maintain_order=True)
            self.by_length[n] = frame.with_columns(pl.len().over("question").alias("grams"))
        self.prefilters = {n: Prefilter(frame["hash"].to_numpy()) for n, frame in self.by_length.items()}
        self.short = {
            tuple(words): number for number, words in enumerate(self.words.to_list()) if 0 < len(words) < SHORTEST
        }

    def hits(self, questions: pl.Series, responses: pl.Series, max_overlap: float) -> pl.DataFrame:
        """Return a row (text, question, overlap, n, hash) for each pair of a row and a benchmark question it holds.

        `text` and `question` are indices, `overlap` is the share of the question's n-grams found, `hash` one of them.
        """
        asked = split_words(questions)
        found = [self._short_hits(asked)]
        # An unused word keeps n-grams from running from the question into the response.
        words = hash_words(
            asked.list.concat(pl.Series([["\x1f"]]).new_from_index(0, len(asked))).list.concat(split_words(responses))
        )
        for n, hashes in rolling_hashes(words, list(self.by_length)):
            index = self.by_length[n]
            places = self.prefilters[n].candidates(hashes)
            places = places[words.text[places] == words.text[places + n - 1]]
            rows = pl.DataFrame({"hash": hashes[places], "text": words.text[places]})
            pairs = rows.unique(maintain_order=True).join(index, on="hash", how="inner", maintain_order="left")
            found.append(
                pairs.group_by("text", "question", maintain_order=True)
                .agg((pl.len() / pl.col("grams").first()).alias("overlap"), pl.col("hash").first())
                .filter(pl.col("overlap") > max_overlap)
                .with_columns(pl.lit(n, pl.Int64).alias("n"))
                .select("text", "question", "overlap", "n", "hash")
            )
        return pl.concat(found).sort("text", "question")

    def _short_hits(self, asked: pl.Series) -> pl.DataFrame:
        pairs = [
            (row, self.short[tuple(words)], 1.0, len(words), 0)
            for row, words in enumerate(asked.to_list() if self.short else [])
            if tuple(words) in self.short
        ]
        schema = {"text": pl.Int64, "question": pl.Int64, "overlap": pl.Float64, "n": pl.Int64, "hash": pl.UInt64}
        return pl.DataFrame(pairs, schema=schema, orient="row")

    def matching_text(self, question: int, n: int, gram: int) -> str:
        """Return the words of the question's n-gram with hash `gram`."""
        words = self.words[question].to_list()
        hashes = ngram_hashes(hash_words(pl.Series([words], dtype=pl.List(pl.String))), n).hashes
        places = np.flatnonzero(hashes == np.uint64(gram))
        start = int(places[0]) if len(places) else 0
        return " ".join(words[start : start + n])


def read_questions(files: Sequence[Path]) -> Iterator[Question]:
    """Yield the questions of benchmarks/{benchmark}/test.jsonl files."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                question = json.loads(line)
                yield Question(file.parent.name, str(question["id"]), question["question"])


def contaminated_rows(index: Index, pool: pl.DataFrame, max_overlap: float) -> list[dict[str, Any]]:
    """Return the rows of the table `contaminated` for a batch of the pool."""
    hits = index.hits(pool["question"], pool["response"], max_overlap)
    return [
        {
            "id": pool["id"][hit["text"]],
            "benchmark": index.questions[hit["question"]].benchmark,
            "question_id": index.questions[hit["question"]].id,
            "overlap": hit["overlap"],
            "match": index.matching_text(hit["question"], hit["n"], hit["hash"]),
        }
        for hit in hits.to_dicts()
    ]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--pool", type=Path, required=True, help="pool.parquet")
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[], help="test.jsonl of each benchmark")
    add_options(parser, NgramOverlap)
    parser.add_argument("--clean", type=Path, help="clean.parquet (left out: the hits are only counted)")
    parser.add_argument("--contaminated", type=Path, required=True, help="contaminated.parquet")
    arguments = parser.parse_args()
    settings = from_options(NgramOverlap, arguments)
    index = Index(list(read_questions(arguments.benchmarks)), settings.ngram)

    inputs = [arguments.pool, *arguments.benchmarks]
    outputs = [path for path in (arguments.clean, arguments.contaminated) if path]
    with (
        recording(outputs=outputs, inputs=inputs, questions=len(index.questions)) as facts,
        TableWriter("pool", arguments.clean) if arguments.clean else nullcontext() as clean,
        TableWriter("contaminated", arguments.contaminated) as contaminated,
    ):
        hit_rows = 0
        for batch in cli.progress(iterate_table("pool", arguments.pool, BATCH), "rows", f"x{BATCH} rows"):
            pool = pl.DataFrame(batch)
            hits = contaminated_rows(index, pool, settings.max_overlap)
            hit_ids = {hit["id"] for hit in hits}
            hit_rows += len(hit_ids)
            if clean:
                clean.write(pool.filter(~pl.col("id").is_in(list(hit_ids))))
            contaminated.write(hits)
        facts["contaminated_rows"] = hit_rows
    cli.log.info(
        "%d rows contain a benchmark question; %d hits of %d questions",
        hit_rows,
        contaminated.rows,
        len(index.questions),
    )


if __name__ == "__main__":
    cli.run(main)
