"""What merging refuses, and its scores."""

import copy

import pyarrow as pa
import pytest

from scripts.common.tables import to_table
from scripts.evaluate.merge_shards import join_answers, join_results
from scripts.evaluate.scores import METRIC
from scripts.evaluate.tables import ANSWERS
from scripts.evaluate.tasks import metrics
from tests.evaluate.scored_answers import scored

NAMES = ["pass@k:k=1&n=2", "pass@k:k=2&n=2"]


def answers(*keys: tuple[str, int]) -> pa.Table:
    return to_table(ANSWERS, [{"question_id": question, "sample": sample} for question, sample in keys])


def result(shard: int, shards: int, **config: object) -> dict:
    summary = {"hashes": {"hash_examples": "ab"}, "truncated": 0, "non_truncated": 1, "padded": 0, "non_padded": 2}
    model = {"model_name": "base", "shard": shard, "shards": shards, **config}
    return {
        "config_general": {"model_config": model, "total_evaluation_time_secondes": "1.5"},
        "results": {"sums|0": dict.fromkeys(NAMES, 0.0)},
        "config_tasks": {"sums|0": {}},
        "summary_tasks": {"sums|0": summary},
        "summary_general": copy.deepcopy(summary),
    }


def test_answers_come_in_the_order_of_the_questions() -> None:
    joined = join_answers([answers(("b", 1), ("b", 0)), answers(("a", 0), ("a", 1))], ["b", "a"])
    assert joined["question_id"].to_pylist() == ["b", "b", "a", "a"]
    assert joined["sample"].to_pylist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([("a", 0)], "such as 'b'"),
        ([("a", 0), ("b", 0), ("c", 0)], "such as 'c'"),
        ([("a", 0), ("a", 1), ("b", 0), ("b", 0)], "question 'b' has the samples"),
        ([("a", 0), ("a", 1), ("b", 0)], "question 'a' has the samples"),
    ],
)
def test_answers_must_be_complete(keys: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        join_answers([answers(*keys)], ["a", "b"])


def test_results_become_one() -> None:
    joined = join_results([result(0, 2), result(1, 2)], scored([[1, 1], [0, 0]]))
    assert joined["results"]["sums|0"]["pass@k:k=1&n=2"] == 0.5
    assert joined["summary_tasks"]["sums|0"]["non_padded"] == 4
    assert joined["config_general"]["total_evaluation_time_secondes"] == "3.0"
    assert joined["config_general"]["model_config"] == {"model_name": "base", "shard": 0, "shards": 1}


@pytest.mark.parametrize(
    "shards",
    [
        [result(0, 2), result(0, 2)],
        [result(1, 2), result(0, 2)],
        [result(0, 2)],
        [result(0, 2), result(1, 2, model_name="other")],
    ],
)
def test_results_must_be_the_shards_of_one_evaluation(shards: list[dict]) -> None:
    with pytest.raises(ValueError, match="is no shard of the same evaluation"):
        join_results(shards, scored([[1, 1], [1, 1]]))


@pytest.mark.parametrize("kind", ["math", "choice", "code", "loglikelihood"])
def test_the_metrics_of_every_kind_are_known(kind: str) -> None:
    """A name that merge_shards does not know would be left out of the whole."""
    for metric in metrics(kind, 1 if kind == "loglikelihood" else 4):
        assert METRIC.match(metric.metric_name), metric.metric_name
