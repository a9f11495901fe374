"""The graph on a real Slurm: the same tables as without one, and the right result after every fault."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pypdf
import pytest

from tests.workflow.conftest import ROOT, Checkout
from tests.workflow.slurm_cluster import SlurmCluster, lacking

pytestmark = pytest.mark.slurm
# As a user would, but for the pauses, which suit a cluster of others.
SLURM = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
MICRO = "experiments/micro.yaml"
FAULTS = ["--snakefile", "faults.smk", "--configfile", MICRO]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    if sentence := lacking():
        pytest.exit(sentence, returncode=1)
    slurm = SlurmCluster(tmp_path_factory.mktemp("slurm") / "cluster")
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        left = [(process.pid, process.cmdline()) for process in slurm.processes()]
        for number, _ in left:
            os.kill(number, signal.SIGKILL)
    assert not left, "the cluster leaves no process behind"


@pytest.fixture
def on_slurm(checkout: Checkout, cluster: SlurmCluster) -> Checkout:
    """A copy of the project whose commands reach the cluster, with the graph of faults beside it."""
    checkout.environment = cluster.environment
    for file in ("faults.smk", "fault_program.py"):
        (checkout.folder / file).write_bytes((ROOT / "tests/workflow" / file).read_bytes())
    return checkout


def start(checkout: Checkout, *arguments: str) -> subprocess.Popen[str]:
    """Start Snakemake in the background, in a session of its own; its output goes to main.log."""
    with (checkout.folder / "main.log").open("a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=checkout.folder,
            env=checkout.environment,
            text=True,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def until(condition: Callable[[], object], what: str, seconds: float = 120, log: Path | None = None) -> None:
    end = time.monotonic() + seconds
    while not condition():
        ended = log is not None and "Exiting because" in log.read_text()
        assert not ended, f"no {what}: Snakemake has ended\n{log.read_text()[-4000:]}"
        assert time.monotonic() < end, f"no {what} after {seconds:.0f} s\n{log.read_text()[-4000:] if log else ''}"
        time.sleep(0.2)


def journal(checkout: Checkout, fault: str) -> list[str]:
    """Return what attempts of a fault's job noted: begin, end, overlap."""
    file = checkout.folder / f"work/journal/{fault}.txt"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def result(checkout: Checkout, fault: str) -> str:
    return (checkout.folder / f"results/micro/faults/{fault}.txt").read_text()


def running(cluster: SlurmCluster, word: str) -> list[dict[str, str]]:
    return [job for job in cluster.jobs("RUNNING") if word in job["comment"]]


def test_micro_through_slurm_gives_the_local_tables(micro: Checkout, on_slurm: Checkout, cluster: SlurmCluster) -> None:
    on_slurm.snakemake(*SLURM, "--configfile", MICRO, timeout=1500)
    for table in ("scores", "comparisons"):
        path = f"results/micro/report/tables/{table}.csv"
        assert (on_slurm.folder / path).read_bytes() == (micro.folder / path).read_bytes(), table
    assert len(pypdf.PdfReader(on_slurm.folder / "results/micro/report/report.pdf").pages) >= 5
    assert on_slurm.plan("--configfile", MICRO) == {}
    rules = {job["comment"].removeprefix("rule_").partition("_wildcards_")[0] for job in cluster.jobs()}
    assert {"prepare_pool", "score_steps", "train_sft", "evaluate_model", "compare_models"} <= rules
    assert not {"render_report", "plot_scores", "make_demo_benchmark", "write_experiment"} & rules, (
        "small jobs are local"
    )


def test_every_fault_ends_in_the_right_result(on_slurm: Checkout, cluster: SlurmCluster) -> None:
    """Exit code, memory, time, kill -9 and requeue, each at the first attempt."""
    resources = {"max_memory": 1300, "default": {"memory": 700, "runtime": 1}}
    config = on_slurm.experiment("faults", name="micro", resources=resources)
    log = on_slurm.folder / "main.log"
    main = start(on_slurm, *SLURM, "--snakefile", "faults.smk", "--configfile", config)
    until(lambda: journal(on_slurm, "requeued") == ["begin"], "job to requeue", log=log)
    (job,) = running(cluster, "requeued")
    cluster.run("scontrol", "requeue", job["id"])
    assert main.wait(timeout=400) == 0, log.read_text()[-6000:]
    attempts = {path.stem: journal(on_slurm, path.stem) for path in (on_slurm.folder / "work/journal").glob("*.txt")}
    print(pd.Series({fault: " ".join(words) for fault, words in attempts.items()}).to_string())
    for fault in ("exit7", "memory", "time", "killed", "requeued", "none"):
        assert result(on_slurm, fault) == "whole, seed 1\n", fault
        assert attempts[fault] == (["begin", "end"] if fault == "none" else ["begin", "begin", "end"]), fault
    assert not [words for words in attempts.values() if "overlap" in words]
    asked = cluster.run("squeue", "--noheader", "--states=all", "--format=%k %m %l").splitlines()
    assert sorted(line.split()[1:] for line in asked if "wildcards_memory" in line) == [
        ["1300M", "2:00"],
        ["700M", "1:00"],
    ]


def test_a_job_whose_node_is_lost_is_started_again(on_slurm: Checkout, cluster: SlurmCluster) -> None:
    target, log = "results/micro/faults/node.txt", on_slurm.folder / "main.log"
    main = start(on_slurm, target, *SLURM, *FAULTS)
    until(lambda: journal(on_slurm, "node") == ["begin"], "job whose node is lost", log=log)
    (job,) = running(cluster, "wildcards_node")
    cluster.run("scontrol", "update", f"nodename={job['node']}", "state=down", "reason=lost")
    try:
        assert main.wait(timeout=400) == 0, log.read_text()[-6000:]
    finally:
        cluster.run("scontrol", "update", f"nodename={job['node']}", "state=resume")
    assert journal(on_slurm, "node") == ["begin", "begin", "end"] and result(on_slurm, "node") == "whole, seed 1\n"


def resume(checkout: Checkout, *arguments: str, check: bool = True) -> str:
    return checkout.run("scripts.manage.resume", "--snakefile", "faults.smk", "--config", *arguments, check=check)


@pytest.mark.parametrize("wait", [False, True], ids=["cancel", "wait"])
def test_kill_9_of_snakemake_and_resume(on_slurm: Checkout, cluster: SlurmCluster, wait: bool) -> None:
    target = "results/micro/faults/slow.txt"
    main = start(on_slurm, target, *SLURM, *FAULTS)
    until(lambda: journal(on_slurm, "slow") == ["begin"], "running job", log=on_slurm.folder / "main.log")
    second = on_slurm.snakemake(target, *SLURM, *FAULTS, check=False)
    assert "cannot be locked" in second or "another Snakemake" in second
    assert "another Snakemake (process" in resume(on_slurm, MICRO, check=False), "a run that goes on is left alone"
    main.kill()
    main.wait()
    assert running(cluster, "slow"), "the job outlives its Snakemake"
    on_slurm.snakemake(target, *FAULTS, "--unlock")
    again = on_slurm.snakemake(target, *SLURM, *FAULTS, check=False)
    assert "1 jobs of an earlier run of 'micro' are still alive (fault " in again, "nobody runs beside what is left"
    text = resume(on_slurm, MICRO, *(["--wait"] if wait else []))
    assert "left 1 live jobs: fault" in text
    assert journal(on_slurm, "slow") == (["begin", "end"] if wait else ["begin", "begin", "end"]), text
    assert result(on_slurm, "slow") == "whole, seed 1\n"
    assert not list((on_slurm.folder / "results").rglob(".incomplete-*"))
    assert "Nothing to be done" in on_slurm.snakemake(target, *FAULTS, "--dry-run")
    # What ended unseen is recorded all the same: a later change of its settings makes it again.
    changed = on_slurm.experiment("changed", name="micro", seed=2)
    after = on_slurm.snakemake(target, "--snakefile", "faults.smk", "--configfile", changed, "--dry-run")
    assert "Params have changed" in after


def test_what_ended_unseen_is_made_again_where_settings_changed(on_slurm: Checkout, cluster: SlurmCluster) -> None:
    target = "results/micro/faults/slow.txt"
    main = start(on_slurm, target, *SLURM, *FAULTS)
    until(lambda: journal(on_slurm, "slow") == ["begin"], "running job", log=on_slurm.folder / "main.log")
    main.kill()
    main.wait()
    until(lambda: not running(cluster, "slow"), "end of the orphan")
    assert journal(on_slurm, "slow") == ["begin", "end"]
    on_slurm.edit(MICRO, "name: micro", "seed: 2\nname: micro")
    text = resume(on_slurm, MICRO)
    assert "settings or code changed" in text
    assert result(on_slurm, "slow") == "whole, seed 2\n"


def test_a_queue_that_takes_no_job_and_resume(on_slurm: Checkout, cluster: SlurmCluster) -> None:
    target = "results/micro/faults/none.txt"
    for partition in ("main", "big"):
        cluster.run("scontrol", "update", f"partitionname={partition}", "state=down")
        cluster.run("scontrol", "update", f"partitionname={partition}", "state=drain")
    try:
        text = on_slurm.snakemake(target, *SLURM, *FAULTS, check=False)
    finally:
        for partition in ("main", "big"):
            cluster.run("scontrol", "update", f"partitionname={partition}", "state=up")
    assert "sbatch" in text.lower() and not journal(on_slurm, "none")
    resume(on_slurm, MICRO)
    assert result(on_slurm, "none") == "whole, seed 1\n" and journal(on_slurm, "none") == ["begin", "end"]


# Training. The base model and the subsets are those of the finished local run.


def copy_results(source: Checkout, target: Checkout) -> None:
    """Copy all that comes before training, with Snakemake's records of it."""
    for part in ("results/micro/data", "results/micro/select", "results/micro/train/demo-base", ".snakemake/metadata"):
        shutil.copytree(source.folder / part, target.folder / part, symlinks=True)
    for record in (source.folder / "results/micro/train").glob("demo-base*.json"):
        shutil.copy2(record, target.folder / "results/micro/train")


@pytest.fixture
def ready_to_train(micro: Checkout, on_slurm: Checkout) -> Checkout:
    """A copy with all that comes before training, as the local run made it."""
    copy_results(micro, on_slurm)
    return on_slurm


def losses(checkout: Checkout, run: str = "few-t1") -> list[float]:
    return list(pd.read_csv(checkout.folder / f"results/micro/train/{run}/log.csv")["loss"])


GPU_FORMS = {
    # training, the profile's form, what sbatch is asked, what it is not asked, node and GPUs of each process
    "gpus": ({"gpus": 2}, [], ["--gpus=2"], ["--gres", "--ntasks"], [("node1", "0,1")] * 2),
    "gres": ({"gpus": 2}, ["gpu_request=gres"], ["--gres=gpu:2"], ["--gpus", "--ntasks"], [("node1", "0,1")] * 2),
    "two nodes": (
        {"gpus": 2, "nodes": 2},
        [],
        ["--gres=gpu:1", "--nodes=2", "--ntasks=2"],
        ["--gpus", "--ntasks-per-gpu"],
        [("node1", "0"), ("node2", "0")],
    ),
}


def places(cluster: SlurmCluster) -> dict[str, tuple[str, str]]:
    """Return the node and the GPUs of every process that trains now, by its rank."""
    found = {}
    for process in cluster.processes():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if "RANK" in environment:
            found[environment["RANK"]] = (environment["SLURMD_NODENAME"], environment["CUDA_VISIBLE_DEVICES"])
    return found


@pytest.mark.parametrize("form", GPU_FORMS)
def test_two_gpus_train_in_one_job(micro: Checkout, ready_to_train: Checkout, cluster: SlurmCluster, form: str) -> None:
    """The sbatch line, the GPUs that the processes see, and (gloo, on the CPU) the losses of a single process."""
    training, options, asked, refused, expected = GPU_FORMS[form]
    changes = {f"training__{key}": value for key, value in {**training, "accelerate": "ddp"}.items()}
    job = {"memory": 3000, "runtime": 10, "threads": 2, "partition": "big", "account": "lab"}
    job |= {} if "nodes" in training else {"constraint": "h200"}  # only node1 has it
    config = ready_to_train.experiment("gpus", **changes, training__per_device_batch=8, resources__train_sft=job)
    defaults = ["--default-resources", *options] if options else []
    log = ready_to_train.folder / "main.log"
    main = start(
        ready_to_train, "results/micro/train/few-t1/model", *SLURM, "--verbose", "--configfile", config, *defaults
    )
    until(lambda: len(places(cluster)) == 2, "two processes", log=log)
    assert sorted(places(cluster).values()) == expected
    assert main.wait(timeout=200) == 0, log.read_text()[-6000:]
    (call,) = re.findall(r"sbatch call: (sbatch .*rule_train_sft.*)", log.read_text())
    words = call.partition("--wrap")[0]
    for option in [*asked, "--cpus-per-task=2", "--mem 3000", "-t 10", "-p big", "-A lab", "--signal=TERM@300"]:
        assert option in words, (option, words)
    assert not [option for option in refused if option in words], words
    assert ("-C h200" in words) == ("constraint" in job)
    assert losses(ready_to_train) == pytest.approx(losses(micro), abs=1e-4)


def steps_made(checkout: Checkout) -> int:
    log = checkout.folder / "work/micro/train/few-t1/checkpoints/steps.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def long(epochs: int) -> dict[str, object]:
    """Return the settings of a run of 8 steps an epoch, some 40 ms each on a quiet machine."""
    batch = {"training__per_device_batch": 4, "training__effective_batch": 4}
    return {"training__epochs": epochs, "training__save_steps": 20, **batch}


def weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(folder / "results/micro/train/few-t1/model/model.safetensors")


@pytest.fixture
def undisturbed(micro: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Callable[[], Path]]:
    """Start a long run without Slurm that nothing disturbs; what is returned waits for it and returns its folder."""

    def begin(epochs: int) -> Callable[[], Path]:
        whole = Checkout(tmp_path_factory.mktemp("undisturbed"))
        copy_results(micro, whole)
        config = whole.experiment("long", **long(epochs))
        run = start(whole, "results/micro/train/few-t1/model", "--cores", "1", "--configfile", config)

        def end() -> Path:
            assert run.wait(timeout=600) == 0, (whole.folder / "main.log").read_text()[-4000:]
            return whole.folder

        return end

    return begin


def assert_same_model(folder: Path, other: Path) -> None:
    import torch

    first, second = weights(folder), weights(other)
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(weight, second[name], rtol=0, atol=1e-6, msg=name)


def start_resume(checkout: Checkout, config: str) -> subprocess.Popen[str]:
    with (checkout.folder / "main.log").open("a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.manage.resume", "--config", config],
            cwd=checkout.folder,
            env=checkout.environment,
            text=True,
            stdout=output,
            stderr=output,
        )


def test_kill_9_of_snakemake_while_a_job_trains(
    undisturbed: Callable, ready_to_train: Checkout, cluster: SlurmCluster
) -> None:
    whole = undisturbed(60)
    config, target = ready_to_train.experiment("long", **long(60)), "results/micro/train/few-t1/model"
    main = start(ready_to_train, target, *SLURM, "--configfile", config)
    until(lambda: steps_made(ready_to_train) > 50, "steps", 180, ready_to_train.folder / "main.log")
    os.kill(main.pid, signal.SIGKILL)
    main.wait()
    resuming = start_resume(ready_to_train, config)
    most = 0
    while resuming.poll() is None:
        most = max(most, len(running(cluster, "train_sft")))
        time.sleep(0.3)
    assert resuming.returncode == 0, (ready_to_train.folder / "main.log").read_text()[-6000:]
    assert most == 1, "one job trains the run"
    summary = json.loads((ready_to_train.folder / "results/micro/train/few-t1/summary.json").read_text())
    assert summary["attempts"] == 2 and summary["steps"] == 480
    log = (ready_to_train.folder / "logs/micro/train/train_sft.few-t1.log").read_text()
    assert "going on from" in log
    assert_same_model(ready_to_train.folder, whole())


def trainers(cluster: SlurmCluster) -> list[psutil.Process]:
    """Return the processes that train now."""
    return [process for process in cluster.processes() if "scripts.train.train_sft" in process.cmdline()]


def test_training_that_runs_out_of_time_goes_on_by_itself(
    undisturbed: Callable, ready_to_train: Checkout, cluster: SlurmCluster
) -> None:
    """A limit of one minute, and a first attempt that stands still until it is over."""
    whole = undisturbed(60)()
    job = {"memory": 3000, "runtime": 1}
    config, target = (
        ready_to_train.experiment("long", **long(60), resources__train_sft=job),
        "results/micro/train/few-t1/model",
    )
    before = {job["id"] for job in cluster.jobs()}
    # The notice five minutes ahead would come at once: the minute's last seconds (KillWait) are for the checkpoint.
    settings = ["--set-resources", "train_sft:slurm_extra=''"]
    log = ready_to_train.folder / "main.log"
    main = start(ready_to_train, target, *SLURM, "--configfile", config, *settings)
    until(lambda: steps_made(ready_to_train) > 50, "steps", 180, log)
    for process in trainers(cluster):
        process.suspend()  # Slurm wakes it with SIGCONT before it says SIGTERM
    assert main.wait(timeout=400) == 0, log.read_text()[-6000:]
    jobs = [job for job in cluster.jobs() if job["id"] not in before]
    assert sorted(job["state"] for job in jobs) == ["COMPLETED", "TIMEOUT"]
    limits = cluster.run("squeue", "--noheader", "--states=all", "--format=%i %l").splitlines()
    assert {line.split()[1] for line in limits if line.split()[0] not in before} == {"1:00"}
    summary = json.loads((ready_to_train.folder / "results/micro/train/few-t1/summary.json").read_text())
    assert summary["attempts"] == 2 and summary["steps"] == 480
    assert_same_model(ready_to_train.folder, whole)


def test_plain_sbatch_gives_the_same_tables(micro: Checkout, on_slurm: Checkout, cluster: SlurmCluster) -> None:
    """profiles/sbatch, up to the pool; then a job killed with its Snakemake, and resume."""
    profile = ["--profile", "profiles/sbatch", "--latency-wait", "10"]
    on_slurm.snakemake("pool", *profile, "--configfile", MICRO)
    path = "results/micro/data/clean.parquet"
    assert pd.read_parquet(on_slurm.folder / path).equals(pd.read_parquet(micro.folder / path))
    names = {job["name"] for job in cluster.jobs()}
    assert {"make_demo_dataset", "prepare_pool", "decontaminate"} <= names
    target = "results/micro/faults/slow.txt"
    main = start(on_slurm, target, *profile, *FAULTS)
    until(lambda: journal(on_slurm, "slow") == ["begin"], "running job", log=on_slurm.folder / "main.log")
    main.kill()
    main.wait()
    assert "left 1 live jobs: fault" in resume(on_slurm, MICRO)
    assert journal(on_slurm, "slow") == ["begin", "begin", "end"] and result(on_slurm, "slow") == "whole, seed 1\n"
