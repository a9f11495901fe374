"""What plan and status print, and that Snakemake's jobs are read as they are."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.common.progress import Told, local_id
from scripts.manage import plan, scaling, status
from scripts.manage.estimate import job_costs, lines
from scripts.manage.graph import planned_jobs, read_summary
from scripts.manage.live_jobs import LiveJob
from scripts.manage.measured import benchmark_files, training_seconds
from scripts.manage.prospect import Prospect
from scripts.manage.rates import Book, stated_rates
from scripts.manage.text import duration, size
from tests.manage.made_up import ROUND, all_jobs, experiment, workload

ROOT = Path(__file__).resolve().parents[2]


class Live(NamedTuple):
    """As scripts.manage.live_jobs.LiveJob."""

    rule: str
    state: str
    seconds: float


def prospect(folder: Path, done: tuple[str, ...] = (), **changes: object) -> Prospect:
    exp = experiment(**changes)
    work = workload(exp, folder)
    jobs = [job._replace(left=job.rule not in done) for job in all_jobs(exp)]
    costs = job_costs(jobs, work, {}, {})
    return Prospect(exp, jobs, costs, lines(jobs, costs, work), work)


def test_a_summary_is_read_job_by_job() -> None:
    text = "\n".join([
        "output_file\tdate\trule\tlog-file(s)\tstatus\tplan",
        "results/x/train/random-9-t1/model\t-\ttrain_sft\t-\tmissing\tupdate pending",
        "results/x/train/random-9-t1/log.csv\t-\ttrain_sft\t-\tok\tno update",
        "results/x/train/a-t2/model\t-\ttrain_sft\t-\tok\tno update",
        "results/x/evaluate/a-t2/b/0.json\t-\tevaluate_shard\t-\tok\tno update",
        "results/x/evaluate/a-t2/b/0.parquet\t-\tevaluate_shard\t-\tok\tno update",
        "results/x/compare/scores.csv\t-\tsummarise_scores\t-\tok\tno update",
        "results/x/compare/arms.csv\t-\tsummarise_scores\t-\tok\tno update",
    ])  # fmt: skip
    jobs = read_summary(text)
    assert [tuple(job) for job in jobs] == [
        ("train_sft", "random-9-t1", True), ("train_sft", "a-t2", False),
        ("evaluate_shard", "a-t2/b/0", False), ("summarise_scores", "", False)]  # fmt: skip
    assert jobs[2].benchmark_file() == "evaluate_shard.a-t2.b.0.benchmark.tsv"
    assert jobs[3].benchmark_file() == "summarise_scores.benchmark.tsv"


@pytest.mark.workflow
@pytest.mark.parametrize("config", ["micro", "acereason-qwen2.5-3b", "leaderboard-like"])
def test_jobs_are_those_of_a_dry_run(config: str, tmp_path: Path) -> None:
    file = ROOT / "experiments" / f"{config}.yaml"
    if config == "leaderboard-like":  # every rule that the others lack: late benchmarks, further models, a scorer
        file = tmp_path / "late.yaml"
        text = (ROOT / "experiments" / "acereason-qwen2.5-3b.yaml").read_text(encoding="utf-8")
        text = text.replace("decontaminate: {ngram: 13}", "decontaminate: {against: [aime24]}")
        text = text.replace("{shards: 8}", "{shards: 8, model: {name: o/S-7B, revision: main}}")
        file.write_text(text + "\nmodels: {other: {name: o/M-1B, revision: main}}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--forceall",
        "--dry-run",
        "--quiet",
        "all",
        "--configfile",
        str(file),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    text = done.stdout + done.stderr
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}
    assert counts.pop("total") == sum(counts.values()) and counts.pop("all") == 1
    jobs = planned_jobs(file)
    assert {rule: sum(job.rule == rule for job in jobs) for rule in {job.rule for job in jobs}} == counts


def test_a_plan_names_all_it_rests_on(tmp_path: Path) -> None:
    text = plan.report(prospect(tmp_path), gpus=2)
    # Seconds of GPUs by hand: training 1,392; scoring 4 x 112; AIME 108 + 6 x 124; GSM8K in three shards 344 + 6 x 432;
    # letters 7 x 102.5. In all 6,345: 1.76 h, at 2.5 an hour 4.4.
    assert re.search(r"^GPU-hours +1\.8$", text, flags=re.MULTILINE)
    assert re.search(r"^cost +4 \(2\.5 a GPU-hour\)$", text, flags=re.MULTILINE)
    # 2 runs of 500 rows and 4 of 250, 4 epochs, 1,000 tokens a row.
    assert re.search(r"^tokens trained on +8,000,000$", text, flags=re.MULTILINE)
    # 6 models of 2e9 parameters in bfloat16; two checkpoints of 12 bytes a parameter.
    assert "6 fine-tuned models 24 GB" in text and "and 48 GB of checkpoints" in text
    for used in ("tokens_per_row", "train_utilisation", "score_utilisation", "rows of the data set", "aime24 30"):
        assert used in text.split("Assumptions")[1]
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_a_job_longer_than_its_limit_is_told(tmp_path: Path) -> None:
    resources = {rule: {"runtime": 60, "gpus": 1} for rule in ("prepare_pool", "score_steps", "evaluate_model")}
    found = plan.warnings(prospect(tmp_path, resources=resources))
    assert [line.split(":")[0] for line in found if not line.startswith("disk")] == ["prepare_pool"]
    assert "2.8 h" in found[0] and "after 60 min" in found[0]


@pytest.mark.parametrize("damage", [b"", b"PAR1garbagePAR1", b"\xff" * 500])
def test_damaged_files_are_named_and_their_size_is_estimated(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    files = [
        "data/raw.parquet",
        "data/clean.parquet",
        "select/subsets/few.parquet",
        "data/models/base/model.safetensors",
    ]
    for file in [*files, "train/few-t1/summary.json", "logs/train_sft.few-t1.benchmark.tsv"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(damage)
    ahead, sound = prospect(tmp_path), prospect(tmp_path / "nothing")
    assert status.standings(ahead.table, []) == status.standings(sound.table, [])
    assert training_seconds(tmp_path) == {} and benchmark_files(tmp_path) == {}
    for file in files:
        assert [message for message in caplog.messages if f"'{tmp_path / file}' is damaged" in message]
    assert len(caplog.messages) == len(files), "once each"


def test_nothing_left_is_said(tmp_path: Path) -> None:
    every = {job.rule for job in all_jobs(experiment())}
    assert plan.report(prospect(tmp_path, tuple(every)), None).endswith("jobs to do: nothing is left\n")
    found = status.standings(prospect(tmp_path, tuple(every)).table, [])
    text = status.report("made-up", Path("x.yaml"), found, [], [Path("results/made-up/report/report.pdf")])
    assert re.fullmatch(r"made-up: all \d+ jobs are done: results/made-up/report/report.pdf\n", text)


def test_status_adds_up_and_takes_off_what_is_spent(tmp_path: Path) -> None:
    ahead = prospect(tmp_path, done=("fetch_dataset", "prepare_pool", "decontaminate", "segment_steps"))
    live = [Live("train_sft", "running", 62.0), Live("train_sft", "running", 1e6), Live("train_sft", "waiting", 0.0),
            Live("evaluate_shard", "waiting", 0.0), Live("write_findings", "running", 3.0)]  # fmt: skip
    found = {s.rule: s for s in status.standings(ahead.table, live)}
    assert sum(s.done + s.running + s.waiting + s.to_come for s in found.values()) == len(ahead.jobs)
    assert found["train_sft"][1:5] == (0, 2, 1, 3)
    # The longest is 124 s: who has run longer has nothing left, no more is taken off.
    assert found["train_sft"].gpu_hours == pytest.approx((2 * 124 + 4 * 112 - 62 - 124) * 2 / 3600)
    assert found["other jobs"].running == 1 and found["segment_steps"].done == 1
    assert found["evaluate_shard"].waiting == 1


def test_more_live_jobs_than_are_left_do_not_make_counts_negative(tmp_path: Path) -> None:
    ahead = prospect(tmp_path)
    live = [Live("prepare_pool", "running", 5.0)] * 3 + [Live("score_steps", "running", 1e9)] * 9
    found = {s.rule: s for s in status.standings(ahead.table, live)}
    assert found["prepare_pool"][1:5] == (0, 1, 0, 0) and found["score_steps"][1:5] == (0, 4, 0, 0)
    assert found["score_steps"].gpu_hours == 0


def test_status_says_of_every_running_job_how_fast_it_is_and_what_is_wrong() -> None:
    def told(one: str, silent: float = 5.0, **more: object) -> Told:
        facts = {"doing": "answering", "done": 12, "total": 1_319, "unit": "question", "per_second": 1234.4}
        facts |= {"counted_in": "token", "seconds_left": 600.0, "alarm": None, "at": 1000 - silent}
        return Told(ids=[one], **{**facts, **more})

    live = [
        LiveJob("7", "train_sft", "running", 90.0, "local"),
        LiveJob("8", "evaluate_shard", "running", 90.0, "slurm"),
        LiveJob("9", "evaluate_shard", "running", 900.0, "slurm"),
        LiveJob("10", "evaluate_shard", "waiting", 0.0, "slurm"),
        LiveJob("11", "prepare_pool", "running", 3.0, "local"),  # has told nothing yet
    ]
    every = [
        told(local_id(7), doing="training", done=3, total=40, unit="step", seconds_left=None),
        told("8", alarm="of 40 answers so far 30 were cut off"),
        told("9", silent=720),
        told("10"),
        told("7", alarm="of another machine's process"),
    ]
    assert [re.sub(" {2,}", "  ", line) for line in status.progress(live, every, now=1000)] == [
        "",
        "train_sft  7  training  3 of 40 steps  1,234 tokens/s",
        "evaluate_shard  8  answering  12 of 1,319 questions  1,234 tokens/s  about 10 min left",
        "evaluate_shard  9  answering  12 of 1,319 questions  nothing told for 12 min  about 10 min left",
        "",
        "evaluate_shard 8: of 40 answers so far 30 were cut off",
    ]
    assert status.progress(live, [], now=1000) == []


def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\n")
    for program in ("plan", "status"):
        command = [sys.executable, "-m", f"scripts.manage.{program}", "--config", str(tmp_path / "x.yaml")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and "evaluation: this key is required" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.4, "5 s"), (720, "12 min"), (99_720, "27.7 h"), (4_320_000, "1,200 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes() -> None:
    assert [size(0), size(1234), size(6.05e9), size(3.6e12)] == ["0 B", "1.23 kB", "6.05 GB", "3.6 TB"]


def test_the_page_on_scaling_has_the_programs_tables() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for table in scaling.tables(Book(stated_rates("H200"))):
        assert table in page, "docs/scaling.md is out of step: run python -m scripts.manage.scaling"


def test_scaling_by_hand() -> None:
    rates = {name: rate._replace(value=ROUND.get(name, rate.value)) for name, rate in stated_rates("H200").items()}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in scaling.scorers(Book(rates)).splitlines()]
    # 15,000 rows of 1,000 tokens, three times: 4.5e7 tokens x 6.4e10 operations at 2.5e14 a second, and the start.
    assert float(rows[-1][3]) == pytest.approx((4.5e7 * 6.4e10 / 2.5e14 + 100) / 3600, abs=0.05)
    assert rows[-1][:2] == ["32B", "64 GB"]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in scaling.stages(Book(rates)).splitlines()]
    assert rows[2][1:] == ["4.2 h", "27.8 h", "1,111 h"]  # a token a millisecond
