"""`make resume` on one machine: after kill -9 of Snakemake the jobs that it left behind are ended, and the run goes on."""

import psutil
import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
MICRO = "experiments/micro.yaml"


def programs(checkout: Checkout, module: str) -> list[psutil.Process]:
    """Return the processes of one of the project's programs in this checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            command, folder = process.cmdline(), process.cwd()
        except psutil.Error:
            continue
        if "-m" in command and module in command and folder == str(checkout.folder):
            found.append(process)
    return found


def test_a_killed_run_goes_on(checkout: Checkout) -> None:
    assert "no run of 'micro' was started in this folder" in checkout.run(
        "scripts.manage.resume", "--config", MICRO, check=False
    )
    main = checkout.start("snakemake", "pool", "--cores", "2", "--configfile", MICRO)
    checkout.until(lambda: programs(checkout, "scripts.train.make_demo_model"), "running job", 300)
    orphans = programs(checkout, "scripts.train.make_demo_model")
    refused = checkout.run("scripts.manage.resume", "--config", MICRO, check=False)
    assert f"another Snakemake (process {main.pid} on " in refused and "let it run" in refused
    orphans[0].suspend()  # however fast the machine is, the job outlives its Snakemake
    main.kill()
    main.wait()
    checkout.snakemake("--unlock", "--configfile", MICRO)
    assert "are still alive" in checkout.snakemake("pool", "--rerun-incomplete", "--configfile", MICRO, check=False)
    text = checkout.run("scripts.manage.resume", "--config", MICRO)
    assert "live jobs" in text and "make_demo_model" in text
    assert not orphans[0].is_running() or orphans[0].status() == psutil.STATUS_ZOMBIE
    assert checkout.plan("pool", "--configfile", MICRO) == {}
    assert not list((checkout.folder / "results").rglob(".incomplete-*"))


def test_a_job_that_ended_after_the_kill_is_known(checkout: Checkout) -> None:
    """Nothing is recorded yet, the first job ends by itself: that its records are lost would be a wrong word."""
    main = checkout.start("snakemake", "pool", "--cores", "2", "--configfile", MICRO)
    checkout.until(lambda: programs(checkout, "scripts.train.make_demo_model"), "running job", 300)
    main.kill()
    main.wait()
    checkout.until(lambda: not programs(checkout, "scripts.train.make_demo_model"), "end of the job", 600)
    assert list((checkout.folder / "results").rglob("*.provenance.json"))
    locked = checkout.snakemake("pool", "--configfile", MICRO, check=False)
    assert "was killed before its end: 'make resume'" in locked and "Exception" not in locked, locked
    assert "files were completed after the kill and are kept" in checkout.run(
        "scripts.manage.resume", "--config", MICRO
    )
    assert checkout.plan("pool", "--configfile", MICRO) == {}
