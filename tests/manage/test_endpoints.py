"""What plan says of jobs that ask an endpoint: requests, tokens, seconds and cost, by hand."""

from pathlib import Path

import pytest

from scripts.common.config.endpoint import Usage
from scripts.manage.estimate import job_costs, lines
from scripts.manage.graph import Job
from scripts.manage.plan import endpoints
from scripts.manage.prospect import Prospect
from tests.manage.made_up import all_jobs, experiment, workload

ENDPOINT = {
    "base_url": "http://h/v1",
    "concurrency": 10,
    "cost_per_million_input_tokens": 2,
    "cost_per_million_output_tokens": 10,
}
RATES = {
    "tokens_per_unit": 20,
    "asking_tokens": 500,
    "step_answer_tokens": 25,
    "endpoint_speed": 100,
    "question_tokens": 200,
}


def test_steps_by_a_model_by_hand(tmp_path: Path) -> None:
    """1,000 rows of 1,000 tokens: 50 units each, three requests of at most 20 units; 20 steps of 50 tokens a row."""
    model = {"model": "big", "endpoint": ENDPOINT, "window": 20}
    work = workload(experiment(segmenter=model), tmp_path, **RATES)
    job = Job("segment_steps", "", True)
    assert work.usage(job) == Usage(3000, 3000 * 500 + 1_000_000 + 50_000 * 4, 1000 * 20 * 25)
    assert work.seconds(job) == pytest.approx(5 + 500_000 / (10 * 100))
    assert workload(experiment(), tmp_path, **RATES).usage(job) == Usage()


def test_answers_of_an_endpoint_by_hand(tmp_path: Path) -> None:
    """Neither the parameters nor the GPUs of resources matter: 30 questions, 8 samples, of 300 tokens."""
    evaluation = {
        "engine": "endpoint",
        "endpoint": ENDPOINT,
        "benchmarks": {
            "aime24": {"task": "aime24", "samples": 8},
            "letters": {"task": "gpqa:diamond", "kind": "loglikelihood"},
        },
    }
    work = workload(
        experiment(evaluation=evaluation, model={"name": "owner/nameless", "revision": "main"}), tmp_path, **RATES
    )
    job = Job("evaluate_model", "base/aime24", True)
    assert work.usage(job) == Usage(240, 240 * 200, 240 * 300) and work.gpus("evaluate_model") == 0
    assert work.seconds(job) == pytest.approx(5 + 240 * 300 / (10 * 100))
    assert work.usage(Job("evaluate_model", "base/letters", True)) == Usage(198 * 4, 198 * 4 * 200, 0)


def test_the_plan_names_each_endpoint_once_with_its_cost(tmp_path: Path) -> None:
    evaluation = {
        "engine": "endpoint",
        "endpoint": ENDPOINT,
        "benchmarks": {"aime24": {"task": "aime24", "samples": 8}},
    }
    asking = {"model": "big", "endpoint": {"base_url": "http://other/v1"}}
    own = experiment(evaluation=evaluation, segmenter=asking)
    work, jobs = workload(own, tmp_path, parameters=2e9, **RATES), all_jobs(own)
    costs = job_costs(jobs, work, {}, {})
    rows = dict(endpoints(Prospect(own, jobs, costs, lines(jobs, costs, work), work)))
    models = len(own.evaluated_models())
    assert (
        set(rows) == {"asked of http://other/v1", "asked of http://h/v1"}
        and "costs" not in rows["asked of http://other/v1"]
    )
    expected = models * 240 * 200 * 2e-6 + 240 * (300 + 900 * (models - 1)) * 1e-5
    assert rows["asked of http://h/v1"].startswith(f"{models * 240:,} requests") and rows[
        "asked of http://h/v1"
    ].endswith(f"costs {expected:,.2f}")
