"""What measuring rows takes: worked by hand from rates that are easy to reckon with."""

from pathlib import Path

import pytest

from scripts.common.config.endpoint import Usage
from scripts.manage.graph import Job
from scripts.manage.work import MEASURING
from tests.manage.made_up import experiment, workload

JUDGE = {"model": "big", "endpoint": {"base_url": "http://judge/v1", "concurrency": 10}}
SUBSETS = {
    "hard": {"method": "difficulty", "samples": 4, "rows": 2000, "shards": 2, "max_new_tokens": 500},
    "ifd": {"method": "ifd", "size": 10},
    "plain": {"method": "perplexity", "size": 10, "take": "bottom"},
    "far": {"method": "diversity", "size": 10, "model": {"name": "owner/embedder", "revision": "main"}},
    "near": {
        "method": "diversity",
        "size": 20,
        "way": "k_center",
        "model": {"name": "owner/embedder", "revision": "main"},
    },
    "best": {"method": "quality", "size": 10, "rows": 100, "judge": JUDGE},
}


def test_every_table_is_counted_with_its_gpus(tmp_path: Path) -> None:
    resources = {rule: {"gpus": 1} for rule in MEASURING[:3]}
    own = experiment(subsets=SUBSETS, resources=resources)
    rates = {"tokens_per_row": 100.0, "question_tokens": 10.0, "gpu_start": 0.0, "peak": 1e12, "score_utilisation": 0.1,
             "tokens_per_second": 1000.0, "sequence_speed": 1e6, "base_answer_tokens": 800.0, "answer_tokens": 900.0}  # fmt: skip
    work = workload(
        own, tmp_path, **rates, judge_answer_tokens=50.0, asking_tokens=900.0, endpoint_speed=5.0, small_job=0.0
    )
    by_rule = {rule: [key for key, one in own.measures().items() if one.rule == rule] for rule in MEASURING}
    # ifd and perplexity share the losses after the question; both draws of the diverse rows share the vectors.
    assert [len(by_rule[rule]) for rule in MEASURING] == [1, 2, 1, 1]
    assert [work.gpus(rule) for rule in MEASURING] == [1, 1, 1, 0]

    (key,) = by_rule["sample_pool"]
    job = Job("sample_pool", f"{key}/0", True)
    assert work.tokens(job).generated == 2000 * 4 * 500 / 2
    assert work.seconds(job) == pytest.approx((2e9 / 3e9) * 2e6 / 1000)
    for key in by_rule["score_responses"]:  # 10,000 rows, 2 operations a parameter and token
        assert work.seconds(Job("score_responses", f"{key}/0", True)) == pytest.approx(2 * 2e9 * 1e6 / 1e11)
    (key,) = by_rule["embed_questions"]
    assert work.seconds(Job("embed_questions", f"{key}/0", True)) == pytest.approx(2 * 1.1e8 * 1e5 / 1e11)
    assumed = [rate.source for what, rate in work.book.used.items() if "owner/embedder" in what]
    assert len(assumed) == 1 and assumed[0].startswith("assumed")
    (key,) = by_rule["judge_quality"]
    job = Job("judge_quality", key, True)
    assert work.usage(job) == Usage(100, 100 * 1000, 100 * 50) and work.seconds(job) == pytest.approx(5000 / (10 * 5))


def test_settings_that_change_no_number_change_no_name() -> None:
    one = experiment(subsets=SUBSETS).measures()
    banded = {**SUBSETS, "hard": {**SUBSETS["hard"], "band": [0.2, 0.4]}}
    cheaper = {
        **SUBSETS,
        "best": {**SUBSETS["best"], "judge": {**JUDGE, "endpoint": {**JUDGE["endpoint"], "concurrency": 3}}},
    }
    assert list(experiment(subsets=banded).measures()) == list(one) == list(experiment(subsets=cheaper).measures())
    more = {**SUBSETS, "hard": {**SUBSETS["hard"], "samples": 8}}
    assert len(set(experiment(subsets=more).measures()) ^ set(one)) == 2, "only its own table is another one"
