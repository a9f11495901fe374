"""What it takes to measure rows of the pool with a model: tokens and seconds of each table's jobs, at stated rates."""

from typing import TYPE_CHECKING, cast

from scripts.common.config.asked import AskedModel
from scripts.common.config.endpoint import Usage
from scripts.common.config.measures import ByModel, Judging, Losses, Measure, Sampling
from scripts.manage import arithmetic

if TYPE_CHECKING:
    from scripts.manage.work import Workload


def rows_of(workload: "Workload", measure: Measure) -> float:
    """Return how many rows are looked at."""
    clean = workload.sizes.clean.rows
    return min(measure.rows or clean, clean)


def judge_of(measure: Measure) -> AskedModel:
    """Return the judge of rows."""
    return cast(Judging, measure).judge


def sampled_tokens(workload: "Workload", measure: Measure) -> float:
    """Return how many tokens one job of sample_pool generates."""
    keys = cast(Sampling, measure)
    longest = keys.max_new_tokens or workload.experiment.evaluation.generation.max_new_tokens
    answer = min(longest, workload.answer_tokens(measure.model_name()))
    return rows_of(workload, measure) * keys.samples * answer / keys.shards


def usage(workload: "Workload", measure: Measure) -> Usage:
    """Return what one job asks of an endpoint."""
    rows, book = rows_of(workload, measure), workload.book
    if measure.rule == "judge_quality":
        asked = rows * (book["asking_tokens"] + workload.sizes.row_tokens)
        return Usage(round(rows), round(asked), round(rows * book["judge_answer_tokens"]))
    keys = cast(Sampling, measure)
    answers = rows * keys.samples / keys.shards
    return Usage(round(answers), round(answers * book["question_tokens"]), round(sampled_tokens(workload, measure)))


def seconds(workload: "Workload", measure: Measure, gpus: int) -> float:
    """Return how long one job takes that runs a model here."""
    book, parameters = workload.book, workload.sizes.parameters(measure.model_name())
    if measure.rule == "sample_pool":
        longest = cast(Sampling, measure).max_new_tokens or workload.experiment.evaluation.generation.max_new_tokens
        return arithmetic.answering_seconds(sampled_tokens(workload, measure), longest, parameters, gpus, book)
    reads_responses = measure.rule == "score_responses" and cast(Losses, measure).of != "answer"
    tokens = workload.sizes.row_tokens if reads_responses else book["question_tokens"]
    read = rows_of(workload, measure) * tokens / cast(ByModel, measure).shards
    return arithmetic.scoring_seconds(read, parameters, gpus, book)
