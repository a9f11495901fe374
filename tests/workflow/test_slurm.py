"""The graph on a real Slurm: the same tables as without one, and the right result after every fault."""

import shutil

import pandas as pd
import pypdf
import pytest

from tests.workflow.conftest import ROOT, Checkout
from tests.workflow.slurm_cluster import SlurmCluster

pytestmark = pytest.mark.slurm
MICRO = "experiments/micro.yaml"
FAULTS = ["--snakefile", "faults.smk", "--configfile", MICRO]


@pytest.fixture
def faulty(on_slurm: Checkout) -> Checkout:
    """A copy with the graph of faults beside it."""
    for file in ("faults.smk", "fault_program.py"):
        shutil.copy2(ROOT / "tests/workflow" / file, on_slurm.folder)
    return on_slurm


def journal(checkout: Checkout, fault: str) -> list[str]:
    """Return what attempts of a fault's job noted: begin, end, overlap."""
    file = checkout.folder / f"work/journal/{fault}.txt"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def let_end(checkout: Checkout) -> None:
    """Let a slow job end, in 25 seconds."""
    (checkout.folder / "work/journal/slow.go").touch()


def result(checkout: Checkout, fault: str) -> str:
    return (checkout.folder / f"results/micro/faults/{fault}.txt").read_text()


def tables_are_alike(through_slurm: Checkout, local: Checkout, cluster: SlurmCluster) -> set[str]:
    """Run micro through Slurm, hold its tables against the local ones, and return the rules that were jobs of it."""
    before = {job["id"] for job in cluster.jobs()}
    through_slurm.snakemake(*cluster.profile, "--configfile", MICRO, timeout=1500)
    for table in ("scores", "comparisons"):
        path = f"results/micro/compare/{table}.csv"
        assert (through_slurm.folder / path).read_bytes() == (local.folder / path).read_bytes(), table
    assert len(pypdf.PdfReader(through_slurm.folder / "results/micro/report/report.pdf").pages) >= 5
    assert through_slurm.plan("--configfile", MICRO) == {}
    jobs = [job for job in cluster.jobs() if job["id"] not in before]
    return {job["comment"].removeprefix("rule_").partition("_wildcards_")[0] for job in jobs}


def test_what_is_left_of_micro_through_slurm_gives_the_local_tables(
    micro: Checkout, ready_to_train: Checkout, cluster: SlurmCluster
) -> None:
    """Training, answers, tables and report; data and selection are those of a local run."""
    rules = tables_are_alike(ready_to_train, micro, cluster)
    assert {"train_sft", "evaluate_model", "compare_models"} <= rules
    assert not {"score_steps", "render_report", "plot_figure", "write_experiment"} & rules, "small jobs are local"


@pytest.mark.long
def test_micro_through_slurm_gives_the_local_tables(micro: Checkout, on_slurm: Checkout, cluster: SlurmCluster) -> None:
    """All of it: ten minutes. Run it by -m "slurm and long"."""
    rules = tables_are_alike(on_slurm, micro, cluster)
    assert {"prepare_pool", "score_steps", "train_sft", "evaluate_model", "compare_models"} <= rules
    assert not {"render_report", "plot_figure", "make_demo_benchmark", "write_experiment"} & rules, (
        "small jobs are local"
    )


def test_every_fault_ends_in_the_right_result(faulty: Checkout, cluster: SlurmCluster) -> None:
    """Exit code, memory, time, kill -9 and requeue, each at the first attempt."""
    resources = {
        "max_memory": 1300,
        "default": {"memory": 700, "runtime": 2},
    }  # a busy machine starts no Snakemake within one minute
    config = faulty.experiment("faults", name="micro", resources=resources)
    main = faulty.start("snakemake", *cluster.profile, "--snakefile", "faults.smk", "--configfile", config)
    faulty.until(lambda: journal(faulty, "requeued") == ["begin"], "job to requeue")
    (job,) = cluster.running("requeued")
    cluster.run("scontrol", "requeue", job["id"])
    assert main.wait(timeout=700) == 0, faulty.log.read_text()[-6000:]
    attempts = {path.stem: journal(faulty, path.stem) for path in (faulty.folder / "work/journal").glob("*.txt")}
    print(pd.Series({fault: " ".join(words) for fault, words in attempts.items()}).to_string())
    for fault in ("exit7", "memory", "time", "edge", "killed", "requeued", "none"):
        assert result(faulty, fault) == "whole, seed 1\n", fault
        assert attempts[fault] == (["begin", "end"] if fault == "none" else ["begin", "begin", "end"]), fault
    assert not [words for words in attempts.values() if "overlap" in words]
    asked = [(job["memory"], job["limit"]) for job in cluster.jobs() if "wildcards_memory" in job["comment"]]
    assert sorted(asked) == [("1300M", "4:00"), ("700M", "2:00")]


def test_a_job_whose_node_is_lost_is_started_again(faulty: Checkout, cluster: SlurmCluster) -> None:
    target = "results/micro/faults/node.txt"
    main = faulty.start("snakemake", target, *cluster.profile, *FAULTS)
    faulty.until(lambda: journal(faulty, "node") == ["begin"], "job whose node is lost")
    (job,) = cluster.running("wildcards_node")
    cluster.run("scontrol", "update", f"nodename={job['node']}", "state=down", "reason=lost")
    try:
        assert main.wait(timeout=400) == 0, faulty.log.read_text()[-6000:]
    finally:
        cluster.run("scontrol", "update", f"nodename={job['node']}", "state=resume")
    assert journal(faulty, "node") == ["begin", "begin", "end"] and result(faulty, "node") == "whole, seed 1\n"


def test_a_preempted_job_is_started_again(faulty: Checkout, cluster: SlurmCluster) -> None:
    """By a partition or a QOS of higher priority; it is not ended by its own program, as training is, but by Slurm."""
    target = "results/micro/faults/preempted.txt"
    config = faulty.experiment("spare", name="micro", resources__default=cluster.giving_way)
    main = faulty.start("snakemake", target, *cluster.profile, "--snakefile", "faults.smk", "--configfile", config)
    faulty.until(lambda: journal(faulty, "preempted") == ["begin"], "job to preempt")
    cluster.preempt("preempted")
    assert main.wait(timeout=400) == 0, faulty.log.read_text()[-6000:]
    assert (
        journal(faulty, "preempted") == ["begin", "begin", "end"] and result(faulty, "preempted") == "whole, seed 1\n"
    )


def resume(checkout: Checkout, *arguments: str, check: bool = True) -> str:
    return checkout.run("scripts.manage.resume", "--snakefile", "faults.smk", "--config", *arguments, check=check)


@pytest.mark.parametrize("wait", [False, True], ids=["cancel", "wait"])
def test_kill_9_of_snakemake_and_resume(faulty: Checkout, cluster: SlurmCluster, wait: bool) -> None:
    target = "results/micro/faults/slow.txt"
    main = faulty.start("snakemake", target, *cluster.profile, *FAULTS)
    faulty.until(lambda: journal(faulty, "slow") == ["begin"], "running job")
    second = faulty.snakemake(target, *cluster.profile, *FAULTS, check=False)
    assert "cannot be locked" in second or "another Snakemake" in second
    assert "another Snakemake (process" in resume(faulty, MICRO, check=False), "a run that still runs is left alone"
    main.kill()
    main.wait()
    assert cluster.running("slow"), "the job outlives its Snakemake"
    faulty.snakemake(target, *FAULTS, "--unlock")
    again = faulty.snakemake(target, *cluster.profile, *FAULTS, check=False)
    assert "1 jobs of an earlier run of 'micro' are still alive (fault " in again, "nobody runs beside what is left"
    let_end(faulty)
    text = resume(faulty, MICRO, *(["--wait"] if wait else []))
    assert "left 1 live jobs: fault" in text
    assert journal(faulty, "slow") == (["begin", "end"] if wait else ["begin", "begin", "end"]), text
    assert result(faulty, "slow") == "whole, seed 1\n"
    assert not list((faulty.folder / "results").rglob(".incomplete-*"))
    assert "Nothing to be done" in faulty.snakemake(target, *FAULTS, "--dry-run")
    # What ended unseen is recorded all the same: a later change of its settings makes it again.
    changed = faulty.experiment("changed", name="micro", seed=2)
    after = faulty.snakemake(target, "--snakefile", "faults.smk", "--configfile", changed, "--dry-run")
    assert "Params have changed" in after


def test_what_ended_unseen_is_made_again_where_settings_changed(faulty: Checkout, cluster: SlurmCluster) -> None:
    target = "results/micro/faults/slow.txt"
    main = faulty.start("snakemake", target, *cluster.profile, *FAULTS)
    faulty.until(lambda: journal(faulty, "slow") == ["begin"], "running job")
    main.kill()
    main.wait()
    let_end(faulty)
    faulty.until(lambda: not cluster.running("slow"), "end of the orphan")
    assert journal(faulty, "slow") == ["begin", "end"]
    faulty.edit(MICRO, "name: micro", "seed: 2\nname: micro")
    text = resume(faulty, MICRO)
    assert "settings or code changed" in text
    assert result(faulty, "slow") == "whole, seed 2\n"


def test_a_queue_that_takes_no_job_and_resume(faulty: Checkout, cluster: SlurmCluster) -> None:
    target = "results/micro/faults/none.txt"
    for partition in ("main", "big"):
        cluster.run("scontrol", "update", f"partitionname={partition}", "state=down")
        cluster.run("scontrol", "update", f"partitionname={partition}", "state=drain")
    try:
        text = faulty.snakemake(target, *cluster.profile, *FAULTS, check=False)
    finally:
        for partition in ("main", "big"):
            cluster.run("scontrol", "update", f"partitionname={partition}", "state=up")
    assert "sbatch" in text.lower() and not journal(faulty, "none")
    resume(faulty, MICRO)
    assert result(faulty, "none") == "whole, seed 1\n" and journal(faulty, "none") == ["begin", "end"]


def test_plain_sbatch_gives_the_same_tables(micro: Checkout, faulty: Checkout, cluster: SlurmCluster) -> None:
    """profiles/sbatch, up to the pool; then a job killed with its Snakemake, and resume."""
    profile = ["--profile", "profiles/sbatch", "--latency-wait", "10"]
    faulty.snakemake("pool", *profile, "--configfile", MICRO)
    path = "results/micro/data/clean.parquet"
    assert pd.read_parquet(faulty.folder / path).equals(pd.read_parquet(micro.folder / path))
    names = {job["name"] for job in cluster.jobs()}
    assert {"make_demo_dataset", "prepare_pool", "decontaminate"} <= names
    target = "results/micro/faults/slow.txt"
    main = faulty.start("snakemake", target, *profile, *FAULTS)
    faulty.until(lambda: journal(faulty, "slow") == ["begin"], "running job")
    main.kill()
    main.wait()
    let_end(faulty)
    assert "left 1 live jobs: fault" in resume(faulty, MICRO)
    assert journal(faulty, "slow") == ["begin", "begin", "end"] and result(faulty, "slow") == "whole, seed 1\n"
