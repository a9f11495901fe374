"""Take rows that contain benchmark questions out of the pool: clean.parquet, and every hit in contaminated.parquet.

Words are runs of letters and runs of digits, spelling that means nothing taken off (scripts/data/words.py); a Han
character is a word of its own. A row is hit by a question in one of two ways. exact: it holds more than `max_overlap`
of the question's word n-grams in its own question, its response or its system prompt (Brown et al., 2005.14165,
appendix C, with 13 words); a question of fewer words is one n-gram. One of fewer than six words counts where it stands
in the row's question as a sentence of its own, whatever is around it (scripts/data/short_questions.py): "Find x."
stands in every second response. reworded: the row's question asks the same in other words (scripts/data/rewordings.py).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from scripts.common import cli
from scripts.common.config.dataset import NgramOverlap
from scripts.common.program import Program
from scripts.common.questions import Question, read_questions
from scripts.common.tables import TableWriter, iterate_table
from scripts.data.rewordings import COMMON, Rewordings
from scripts.data.short_questions import SHORTEST, ShortQuestions
from scripts.data.tables import CONTAMINATED, POOL
from scripts.data.words import split_words

# Words in which any choice is put.
_CHOOSING = (
    "statement statements true false correct incorrect right wrong best option options choice choices select choose "
    "pick except likely unlikely accurate appropriate valid complete sentence below two three four list listed"
)
OF_CHOICES = frozenset(_CHOOSING.split())
BATCH = 250  # a row of 5,000 words takes about 1 MB while it is looked through
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplication mod 2**64 loses nothing


_HITS = {"text": pl.Int64, "question": pl.Int64, "overlap": pl.Float64, "n": pl.Int64, "hash": pl.UInt64}


class Words(NamedTuple):
    """The words of several texts, one after the other: arrays of equal length."""

    hashes: np.ndarray
    """uint64, a hash of each word."""
    text: np.ndarray
    """int64, the index of the text that each word stands in, ascending."""


def hash_words(lists: pl.Series) -> Words:
    """Return the hashes of lists of words. Equal only within one process: polars promises no more."""
    lengths = lists.list.len().to_numpy()
    words = lists.filter(lists.list.len() > 0).explode()
    return Words(words.hash(seed=0).to_numpy().astype(np.uint64), np.repeat(np.arange(len(lengths)), lengths))


def rolling_hashes(words: Words, lengths: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (n, hashes of the runs of n words that start at each word) for each of `lengths`, ascending.

    Each length resumes from the one before. Runs over the end of a text are among them.
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


def looked_for(questions: Sequence[Question]) -> list[str]:
    """Return what of each question is looked for: the question, or with its options one that says nothing by itself.

    "Which of the following is true?" stands in many a response, and is the whole question of many a choice.
    """
    words = split_words(pl.Series([question.question for question in questions], dtype=pl.String)).to_list()
    found = []
    for question, own in zip(questions, words, strict=True):
        stem, prompt = question.question, question.prompt or ""
        options = [choice for choice in question.choices or () if len(choice) > 1 and choice not in prompt]
        if question.choices and stem in prompt and not set(own) - COMMON - OF_CHOICES:
            stem = "\n".join([prompt[prompt.index(stem) :], *options])
        found.append(stem)
    return found


class Index:
    """The questions of all benchmarks: their n-grams by length, the short ones, and the content words of all."""

    def __init__(self, benchmarks: Mapping[str, Sequence[Question]], settings: NgramOverlap) -> None:
        self.questions = [(name, question) for name, questions in benchmarks.items() for question in questions]
        self._settings, ngram = settings, settings.ngram
        texts = looked_for([question for _, question in self.questions])
        self.words = split_words(pl.Series(texts, dtype=pl.String))
        lengths = self.words.list.len().to_numpy()
        self.by_length: dict[int, pl.DataFrame] = {}
        for n in sorted({min(ngram, int(length)) for length in lengths if length >= SHORTEST}):
            # Questions of exactly n words, and for the full n-gram also the longer ones.
            members = np.flatnonzero((lengths == n) | ((n == ngram) & (lengths > ngram)))
            grams = ngram_hashes(hash_words(self.words[members.tolist()]), n)
            frame = pl.DataFrame({"hash": grams.hashes, "question": members[grams.text]}).unique(maintain_order=True)
            self.by_length[n] = frame.with_columns(pl.len().over("question").alias("grams"))
        self.prefilters = {n: Prefilter(frame["hash"].to_numpy()) for n, frame in self.by_length.items()}
        self.short = ShortQuestions({k: texts[k] for k, length in enumerate(lengths) if 0 < length < SHORTEST})
        self.rewordings = Rewordings(texts, settings.reworded)

    def hits(self, questions: pl.Series, responses: pl.Series) -> pl.DataFrame:
        """Return a row (text, question, overlap, n, hash) for each pair of a row and a benchmark question it holds.

        `text` and `question` are indices, `overlap` is the share of the question's n-grams found, `hash` one of them.
        """
        short = [(text, question, 1.0, 0, 0) for text, question in self.short.find(questions)]
        found = [pl.DataFrame(short, schema=_HITS, orient="row")]
        # An unused word keeps n-grams from running from the question into the response.
        between = pl.Series([["\x1f"]]).new_from_index(0, len(questions))
        words = hash_words(split_words(questions).list.concat(between).list.concat(split_words(responses)))
        for n, hashes in rolling_hashes(words, list(self.by_length)):
            index = self.by_length[n]
            places = self.prefilters[n].candidates(hashes)
            places = places[words.text[places] == words.text[places + n - 1]]
            rows = pl.DataFrame({"hash": hashes[places], "text": words.text[places]})
            pairs = rows.unique(maintain_order=True).join(index, on="hash", how="inner", maintain_order="left")
            found.append(
                pairs.group_by("text", "question", maintain_order=True)
                .agg((pl.len() / pl.col("grams").first()).alias("overlap"), pl.col("hash").first())
                .filter(pl.col("overlap") > self._settings.max_overlap)
                .with_columns(pl.lit(n, pl.Int64).alias("n"))
                .select("text", "question", "overlap", "n", "hash")
            )
        return pl.concat(found).sort("text", "question")

    def matching_text(self, question: int, n: int, gram: int) -> str:
        """Return the words of the question's n-gram with hash `gram`; of a short question (n 0) all."""
        words = self.words[question].to_list()
        if n == 0:
            return " ".join(words)
        hashes = ngram_hashes(hash_words(pl.Series([words], dtype=pl.List(pl.String))), n).hashes
        places = np.flatnonzero(hashes == np.uint64(gram))
        start = int(places[0]) if len(places) else 0
        return " ".join(words[start : start + n])


def contaminated_rows(index: Index, pool: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table `contaminated` for a batch of the pool."""
    found = []
    exact = set()
    # A system prompt may hold worked examples.
    said = pool.select(pl.concat_str(pl.col("^(?:response|system)$"), separator="\n", ignore_nulls=True)).to_series()
    for hit in index.hits(pool["question"], said).to_dicts():
        exact.add((hit["text"], hit["question"]))
        match = index.matching_text(hit["question"], hit["n"], hit["hash"])
        found.append((hit["text"], hit["question"], "exact", hit["overlap"], match))
    for like in index.rewordings.find(pool["question"]):
        if (like.text, like.question) not in exact:
            match = " ".join(pool["question"][like.text].split())
            found.append((like.text, like.question, "reworded", like.score, match))
    return [
        {
            "id": pool["id"][text],
            "benchmark": index.questions[question][0],
            "question_id": index.questions[question][1].id,
            "kind": kind,
            "score": score,
            "match": match,
        }
        for text, question, kind, score, match in sorted(found)
    ]


def in_order(
    index: Index, batches: Iterable[pl.DataFrame], threads: int
) -> Iterator[tuple[pl.DataFrame, list[dict[str, Any]]]]:
    """Yield each batch with its hits, in their order, `threads` of them worked on at a time and as many held.

    What takes the time, in polars and numpy, leaves Python's lock to the other threads.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[pl.DataFrame, Any]] = deque()
        for batch in batches:
            waiting.append((batch, pool.submit(contaminated_rows, index, batch)))
            if len(waiting) > threads:
                first, hits = waiting.popleft()
                yield first, hits.result()
        for batch, hits in waiting:
            yield batch, hits.result()


def main() -> None:
    program = Program(__doc__)
    program.add_input("--pool", "pool.parquet")
    program.add_input("--benchmarks", "test.jsonl of each benchmark", many=True, optional=True)
    program.add_settings("--overlap", NgramOverlap)
    program.add_argument("--threads", type=int, default=1, help="batches that are looked through side by side")
    program.add_output("--clean", "clean.parquet (left out: the hits are only counted)", optional=True)
    program.add_output("--contaminated", "contaminated.parquet")
    arguments = program.parse()
    index = Index({file.parent.name: read_questions(file) for file in arguments.benchmarks}, arguments.overlap)
    with (
        program.recording(questions=len(index.questions)) as facts,
        TableWriter(POOL, arguments.clean) if arguments.clean else nullcontext() as clean,
        TableWriter(CONTAMINATED, arguments.contaminated) as contaminated,
    ):
        hit_rows = {"exact": 0, "reworded": 0}
        batches = (pl.DataFrame(batch) for batch in iterate_table(POOL, arguments.pool, BATCH))
        for pool, hits in cli.progress(in_order(index, batches, arguments.threads), "rows", f"x{BATCH} rows"):
            exact = {hit["id"] for hit in hits if hit["kind"] == "exact"}
            ids = {hit["id"] for hit in hits}
            hit_rows["exact"] += len(exact)
            hit_rows["reworded"] += len(ids - exact)
            if clean:
                clean.write(pool.filter(~pl.col("id").is_in(list(ids))))
            contaminated.write(hits)
        facts["contaminated_rows"] = sum(hit_rows.values())
    cli.log.info(
        "%d rows contain a benchmark question, %d more a reworded one; %d hits of %d questions",
        *hit_rows.values(),
        contaminated.rows,
        len(index.questions),
    )


if __name__ == "__main__":
    cli.run(main)
