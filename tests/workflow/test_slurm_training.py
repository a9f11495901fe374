"""Training on a real Slurm: on two GPUs and two nodes, after a kill of Snakemake, past its time limit.

The base model and the subsets are those of a finished local run.
"""

import json
import os
import re
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.train.conftest import assert_same_model, steps_made
from tests.workflow.conftest import Checkout, copy_results
from tests.workflow.slurm_cluster import SlurmCluster

pytestmark = pytest.mark.slurm
RUN, WORK = "results/micro/train/few-t1", "work/micro/train/few-t1"
MODEL = f"{RUN}/model"


def losses(checkout: Checkout) -> list[float]:
    return list(pd.read_csv(checkout.folder / RUN / "log.csv")["loss"])


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
    environments = [process.info["environ"] for process in cluster.processes()]
    return {
        environment["RANK"]: (environment["SLURMD_NODENAME"], environment["CUDA_VISIBLE_DEVICES"])
        for environment in environments
        if "RANK" in environment
    }


@pytest.mark.parametrize("form", GPU_FORMS)
def test_two_gpus_train_in_one_job(micro: Checkout, ready_to_train: Checkout, cluster: SlurmCluster, form: str) -> None:
    """The sbatch line, the GPUs that the processes see, and (gloo, on the CPU) the losses of a single process."""
    training, options, asked, refused, expected = GPU_FORMS[form]
    changes = {f"training__{key}": value for key, value in {**training, "accelerate": "ddp"}.items()}
    job = {"memory": 3000, "runtime": 10, "threads": 2, "partition": "big", "account": "lab"}
    job |= {} if "nodes" in training else {"constraint": "h200"}  # only node1 has it
    config = ready_to_train.experiment("gpus", **changes, training__per_device_batch=8, resources__train_sft=job)
    defaults = ["--default-resources", *options] if options else []
    main = ready_to_train.start("snakemake", MODEL, *cluster.profile, "--verbose", "--configfile", config, *defaults)
    ready_to_train.until(lambda: len(places(cluster)) == 2, "two processes")
    assert sorted(places(cluster).values()) == expected
    assert main.wait(timeout=200) == 0, ready_to_train.log.read_text()[-6000:]
    (call,) = re.findall(r"sbatch call: (sbatch .*rule_train_sft.*)", ready_to_train.log.read_text())
    words = call.partition("--wrap")[0]
    for option in [*asked, "--cpus-per-task=2", "--mem 3000", "-t 10", "-p big", "-A lab", "--signal=TERM@300"]:
        assert option in words, (option, words)
    assert not [option for option in refused if option in words], words
    assert ("-C h200" in words) == ("constraint" in job)
    assert losses(ready_to_train) == pytest.approx(losses(micro), abs=1e-4)


# A run of 480 steps, some 40 ms each on a quiet machine.
LONG = {
    "training__epochs": 60,
    "training__save_steps": 20,
    "training__per_device_batch": 4,
    "training__effective_batch": 4,
}


@pytest.fixture(scope="session")
def undisturbed(micro: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the long run without Slurm and without any fault; return its folder."""
    whole = Checkout(tmp_path_factory.mktemp("undisturbed"))
    copy_results(micro, whole)
    whole.snakemake(MODEL, "--configfile", whole.experiment("long", **LONG))
    return whole.folder / RUN


def test_kill_9_of_snakemake_while_a_job_trains(
    undisturbed: Path, ready_to_train: Checkout, cluster: SlurmCluster
) -> None:
    config = ready_to_train.experiment("long", **LONG)
    main = ready_to_train.start("snakemake", MODEL, *cluster.profile, "--configfile", config)
    ready_to_train.until(lambda: steps_made(ready_to_train.folder / WORK) > 50, "steps", 180)
    os.kill(main.pid, signal.SIGKILL)
    main.wait()
    resuming = ready_to_train.start("scripts.manage.resume", "--config", config)
    most = 0
    while resuming.poll() is None:
        most = max(most, len(cluster.running("train_sft")))
        time.sleep(0.3)
    assert resuming.returncode == 0, ready_to_train.log.read_text()[-6000:]
    assert most == 1, "one job trains the run"
    summary = json.loads((ready_to_train.folder / RUN / "summary.json").read_text())
    assert summary["attempts"] == 2 and summary["steps"] == 480
    log = (ready_to_train.folder / "logs/micro/train/train_sft.few-t1.log").read_text()
    assert "resuming from" in log
    assert_same_model(ready_to_train.folder / RUN, undisturbed)


def test_training_that_runs_out_of_time_goes_on_by_itself(
    undisturbed: Path, ready_to_train: Checkout, cluster: SlurmCluster
) -> None:
    """A limit of two minutes, and a first attempt that stands still until it is over."""
    resources = {"memory": 3000, "runtime": 2}
    config = ready_to_train.experiment("long", **LONG, resources__train_sft=resources)
    before = {job["id"] for job in cluster.jobs()}
    # The notice five minutes ahead would come at once: the last seconds (KillWait) are for the checkpoint.
    settings = ["--set-resources", "train_sft:slurm_extra=''"]
    main = ready_to_train.start("snakemake", MODEL, *cluster.profile, "--configfile", config, *settings)
    ready_to_train.until(lambda: steps_made(ready_to_train.folder / WORK) > 240, "half of the steps", 180)
    for process in cluster.processes():
        if "scripts.train.train_sft" in process.info["cmdline"]:  # the launcher and what it started
            process.suspend()  # Slurm wakes it with SIGCONT before it says SIGTERM
    assert main.wait(timeout=700) == 0, ready_to_train.log.read_text()[-6000:]
    jobs = [job for job in cluster.jobs() if job["id"] not in before]
    assert sorted(job["state"] for job in jobs) == ["COMPLETED", "TIMEOUT"]
    assert {job["limit"] for job in jobs} == {"2:00"}
    summary = json.loads((ready_to_train.folder / RUN / "summary.json").read_text())
    assert summary["attempts"] == 2 and summary["steps"] == 480
    assert_same_model(ready_to_train.folder / RUN, undisturbed)


def test_preempted_training_goes_on(undisturbed: Path, ready_to_train: Checkout, cluster: SlurmCluster) -> None:
    """A job with priority takes the node; Slurm gives half a minute to save, and starts ours again."""
    resources = {"memory": 3000, "runtime": 10, **cluster.giving_way}
    config = ready_to_train.experiment("long", **LONG, resources__train_sft=resources)
    main = ready_to_train.start("snakemake", MODEL, *cluster.profile, "--configfile", config)
    ready_to_train.until(lambda: steps_made(ready_to_train.folder / WORK) > 50, "steps", 180)
    cluster.preempt("train_sft")
    assert main.wait(timeout=400) == 0, ready_to_train.log.read_text()[-6000:]
    summary = json.loads((ready_to_train.folder / RUN / "summary.json").read_text())
    assert summary["attempts"] == 2 and summary["steps"] == 480
    assert_same_model(ready_to_train.folder / RUN, undisturbed)
