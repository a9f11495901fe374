"""What jobs take: arithmetic by hand, measurements before stated rates, sums."""

import json
import math
import struct
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.common.tables import write_table
from scripts.manage.estimate import job_costs, lines, longest_chain
from scripts.manage.graph import Job
from scripts.manage.measured import benchmark_files, seconds_by_rule, training_seconds
from scripts.manage.rates import stated_rates
from scripts.manage.sizes import name_parameters
from scripts.select.tables import SUBSET
from tests.manage.made_up import all_jobs, experiment, workload


def seconds(job: Job, folder: Path, **changes: object) -> float:
    return workload(experiment(**changes), folder).seconds(job)


def test_the_reference_study_takes_as_long_as_it_took(tmp_path: Path) -> None:
    """15,000 rows, 7 epochs, two H200: 27.7 h, as reference-study.md and the audit of its log have it."""
    model = {"name": "Qwen/Qwen2.5-3B-Instruct", "revision": "main"}
    dataset = {"source": "hub", "path": "a/b", "revision": "main", "limit": 100_000}
    subsets = {"random": {"method": "random", "size": 15_000}}
    study = experiment(
        model=model, dataset=dataset, subsets=subsets, training={"epochs": 7, "gpus": 2, "accelerate": "zero2"}
    )
    rates = {name: rate.value for name, rate in stated_rates("H200").items()}
    hours = (workload(study, tmp_path, **rates).seconds(Job("train_sft", "random-t1", True)) - 120) / 3600
    assert hours == pytest.approx(27.7, abs=0.05)
    assert rates["train_utilisation"] == pytest.approx(0.07, abs=0.005)


def test_jobs_by_hand(tmp_path: Path) -> None:
    # 500 rows of 1,000 tokens, 4 epochs: 2e6 tokens x 6 x 2e9 = 2.4e16 operations at 2 x 5e14 a second.
    assert seconds(Job("train_sft", "few-t1", True), tmp_path) == pytest.approx(100 + 24)
    # A quarter of 1,000 scored rows: 250 rows, 1e6 tokens, 1.2e16 operations.
    assert seconds(Job("train_sft", "random-as-limopro-t2", True), tmp_path) == pytest.approx(100 + 12)
    # 20 steps a row, 4 of them scored, each with half a row behind it: 3 rows' worth. 3e6 tokens in 4 shards, 2 x 2e9
    # operations each, 2.5e14 a second.
    assert seconds(Job("score_steps", "0", True), tmp_path) == pytest.approx(100 + 0.75e6 * 4e9 / 2.5e14)
    # 30 questions x 8 answers x 900 tokens; 2e9 parameters go 1.5 times as fast as 3e9.
    assert seconds(Job("evaluate_model", "few-t1/aime24", True), tmp_path) == pytest.approx(100 + 216_000 / 9000)
    assert seconds(Job("evaluate_model", "base/aime24", True), tmp_path) == pytest.approx(100 + 72_000 / 9000)
    assert seconds(Job("evaluate_shard", "base/gsm8k/1", True), tmp_path) == pytest.approx(100 + 1319 / 3 * 300 / 9000)
    # Nothing is generated: 198 questions x 4 choices x 200 tokens are read.
    assert seconds(Job("evaluate_model", "base/letters", True), tmp_path) == pytest.approx(100, abs=5)
    # 10,000 rows of 1,000 tokens at 1,000 tokens a second.
    assert seconds(Job("prepare_pool", "", True), tmp_path) == pytest.approx(10_005)


def test_one_answer_as_long_as_may_be_bounds_a_small_benchmark(tmp_path: Path) -> None:
    work = workload(experiment(), tmp_path, sequence_speed=100)
    # 32,768 tokens one by one, at 150 a second for 2e9 parameters.
    assert work.seconds(Job("evaluate_model", "base/aime24", True)) == pytest.approx(100 + 32_768 / 150)


def test_gpu_hours_are_linear_in_seeds(tmp_path: Path) -> None:
    def table(seeds: int) -> dict[str, float]:
        exp = experiment(training={"seeds": list(range(1, seeds + 1)), "gpus": 2, "accelerate": "ddp"})
        work = workload(exp, tmp_path)
        jobs = [job for job in all_jobs(exp) if "base" not in job.key]
        return {line.rule: line.gpu_hours for line in lines(jobs, job_costs(jobs, work, {}, {}), work)}

    one, three = table(1), table(3)
    for rule in ("train_sft", "evaluate_model", "evaluate_shard"):
        assert three[rule] == pytest.approx(3 * one[rule]) and one[rule] > 0
    assert three["score_steps"] == pytest.approx(one["score_steps"])


def test_sums_are_those_of_the_jobs(tmp_path: Path) -> None:
    exp = experiment()
    jobs, work = all_jobs(exp), workload(exp, tmp_path)
    costs = job_costs(jobs, work, {}, {})
    table = lines(jobs, costs, work)
    assert sum(line.left for line in table) == len(jobs) and not any(line.done for line in table)
    assert math.isclose(sum(line.hours for line in table), sum(cost.seconds for cost in costs) / 3600)
    assert [line.rule for line in table] == [
        "fetch_dataset", "prepare_pool", "decontaminate", "segment_steps", "score_steps", "select_subset",
        "select_control", "train_sft", "evaluate_model", "evaluate_shard", "other jobs"]  # fmt: skip
    by_rule = {line.rule: line for line in table}
    assert by_rule["train_sft"].gpu_hours == pytest.approx((2 * 124 + 4 * 112) * 2 / 3600)
    longest = {line.rule: line.longest for line in table}
    assert longest_chain(table) == pytest.approx(
        sum(longest[rule] for rule in by_rule if rule not in ("evaluate_model", "evaluate_shard", "other jobs"))
        + max(longest["evaluate_model"], longest["evaluate_shard"]) + 6 * 5)  # fmt: skip


def write_benchmark(logs: Path, job: Job, *attempts: float) -> None:
    rows = "".join(f"{s}\t0:01:00\t100.0\t-\n" for s in attempts)
    file = logs / "train" / job.benchmark_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("s\th:m:s\tmax_rss\tmax_vms\n" + rows)


def test_measured_jobs_beat_stated_rates(tmp_path: Path) -> None:
    exp = experiment()
    work, logs = workload(exp, tmp_path), tmp_path / "logs" / "made-up"
    done = {"few-t1": 60.0, "limopro-t1": 30.0, "limopro-t2": 40.0}
    jobs = [job._replace(left=not (job.rule == "train_sft" and job.key in done)) for job in all_jobs(exp)]
    for key, taken in done.items():
        write_benchmark(logs, Job("train_sft", key, False), 999.0, taken)  # the last attempt counts
    costs = {(c.job.rule, c.job.key): c for c in job_costs(jobs, work, benchmark_files(logs), {})}
    assert costs["train_sft", "few-t2"][1:] == (60.0, "measured")
    assert ("train_sft", "limopro-t1") not in costs
    # None of this arm has finished: stated 112 s, times what the three took over 124 + 112 + 112 s.
    scaled = costs["train_sft", "random-as-limopro-t1"]
    assert scaled.source == "scaled" and scaled.seconds == pytest.approx(112 * 130 / 348)
    assert costs["score_steps", "0"].source == "stated"


def test_a_run_that_was_resumed_counts_all_its_attempts(tmp_path: Path) -> None:
    for run, summary in (("few-t1", {"seconds_spent": 90.5}), ("few-t2", {})):
        (tmp_path / "train" / run).mkdir(parents=True)
        (tmp_path / "train" / run / "summary.json").write_text(json.dumps(summary))
    assert training_seconds(tmp_path) == {Job("train_sft", "few-t1", False).benchmark_file(): 90.5}


def test_benchmark_files_of_jobs_to_be_made_again_are_no_evidence(tmp_path: Path) -> None:
    exp = experiment()
    jobs = all_jobs(exp)
    own = {job.benchmark_file(): 1.0 for job in jobs}
    assert {cost.source for cost in job_costs(jobs, workload(exp, tmp_path), own, {})} == {"stated"}


def test_small_jobs_are_taken_from_any_experiment(tmp_path: Path) -> None:
    exp = experiment()
    for name, taken in (("one", 2.0), ("two", 4.0), ("three", 30.0)):
        for rule in ("write_findings", "train_sft"):
            write_benchmark(tmp_path / "logs" / name, Job(rule, "", False), taken)
    others = seconds_by_rule(tmp_path / "logs")
    assert sorted(others["write_findings"]) == [2.0, 4.0, 30.0]
    costs = {cost.job.rule: cost for cost in job_costs(all_jobs(exp), workload(exp, tmp_path), {}, others)}
    assert costs["write_findings"][1:] == (4.0, "elsewhere") and costs["train_sft"].source == "stated"


def test_files_that_are_there_tell_sizes(tmp_path: Path) -> None:
    message = [{"role": "user", "content": "?"}]
    rows = [
        {"id": str(n), "messages": message, "tokens": 70, "tokens_before": 80, "pruned_steps": []} for n in range(3)
    ]
    file = tmp_path / "select" / "subsets" / "limopro.parquet"
    file.parent.mkdir(parents=True)
    write_table(SUBSET, rows, file)
    questions = tmp_path / "data" / "benchmarks" / "aime24" / "test.jsonl"
    questions.parent.mkdir(parents=True)
    questions.write_text('{"id": "1"}\n{"id": "2"}\n')
    work = workload(experiment(), tmp_path)
    assert work.tokens(Job("train_sft", "limopro-t1", True)).trained == 3 * 70 * 4
    assert work.tokens(Job("train_sft", "random-as-limopro-t1", True)).trained == 3 * 70 * 4
    assert work.tokens(Job("evaluate_model", "base/aime24", True)).generated == 2 * 8 * 300


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("Qwen/Qwen2.5-3B-Instruct", 3e9), ("a/SmolLM2-135M", 135e6), ("b/Qwen2.5-0.5B", 0.5e9), ("Llama-3.2-1b-it", 1e9),
     ("mistralai/Mixtral-8x7B-v0.1", None), ("microsoft/phi-4", None), ("a/7B-into-3B", None)],
)  # fmt: skip
def test_parameters_by_name(name: str, parameters: float | None) -> None:
    assert name_parameters(name) == parameters


def test_parameters_by_files_and_by_option(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "models" / "base"
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [10, 20], "data_offsets": [0, 400]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(400))
    assert workload(experiment(), tmp_path).sizes.parameters("few-t1") == 200
    assert workload(experiment(), tmp_path, parameters=5e9).sizes.parameters("base") == 5e9


def test_unknown_parameters_are_asked_for_in_one_sentence(tmp_path: Path) -> None:
    unknown = experiment(model={"name": "owner/some-model", "revision": "main"})
    with pytest.raises(UserError, match="'owner/some-model' tell its parameters: give them by --parameters"):
        workload(unknown, tmp_path).seconds(Job("train_sft", "few-t1", True))


def test_an_unknown_gpu_is_one_sentence() -> None:
    with pytest.raises(UserError, match="the GPU 'Voodoo 2' is not known"):
        stated_rates("Voodoo 2")
