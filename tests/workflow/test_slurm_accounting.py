"""The graph on a Slurm with accounting, asked by sacct, where a QOS gives way: as on the clusters of most sites.

The tests are those of test_slurm.py and test_slurm_training.py, on that cluster. The slower ones: -m "slurm and long".
"""

from collections.abc import Iterator

import pytest

from tests.workflow import test_slurm, test_slurm_training
from tests.workflow.conftest import Checkout, running
from tests.workflow.slurm_cluster import SlurmCluster, lacking, lacks_accounting
from tests.workflow.test_slurm import faulty, journal  # noqa: F401
from tests.workflow.test_slurm_training import undisturbed  # noqa: F401

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """The cluster that all tests here run on."""
    if sentence := lacking():
        pytest.exit(sentence, returncode=1)
    if lacks_accounting():
        pytest.skip("accounting needs Debian's slurmdbd, mariadb-server-core and mariadb-client-core")
    yield from running(SlurmCluster(tmp_path_factory.mktemp("slurm") / "cluster", accounting=True))


test_every_fault_ends_in_the_right_result = test_slurm.test_every_fault_ends_in_the_right_result
test_a_preempted_job_is_started_again = test_slurm.test_a_preempted_job_is_started_again
test_preempted_training_goes_on = test_slurm_training.test_preempted_training_goes_on


def test_an_account_that_is_not_yours_is_told_at_the_end(faulty: Checkout, cluster: SlurmCluster) -> None:  # noqa: F811
    config = faulty.experiment("theirs", name="micro", resources__default={"account": "theirs"})
    target = "results/micro/faults/none.txt"
    text = faulty.snakemake(target, *cluster.profile, "--snakefile", "faults.smk", "--configfile", config, check=False)
    assert "fault (fault=none): Job submission failed" in text.partition("A job failed:")[2]
    assert "account theirs appears to be invalid" in text and not journal(faulty, "none")


@pytest.mark.long
def test_a_job_whose_node_is_lost(faulty: Checkout, cluster: SlurmCluster) -> None:  # noqa: F811
    test_slurm.test_a_job_whose_node_is_lost_is_started_again(faulty, cluster)


@pytest.mark.long
@pytest.mark.parametrize("wait", [False, True], ids=["cancel", "wait"])
def test_kill_9_of_snakemake(faulty: Checkout, cluster: SlurmCluster, wait: bool) -> None:  # noqa: F811
    test_slurm.test_kill_9_of_snakemake_and_resume(faulty, cluster, wait)


@pytest.mark.long
def test_what_is_left_of_micro(micro: Checkout, ready_to_train: Checkout, cluster: SlurmCluster) -> None:
    test_slurm.test_what_is_left_of_micro_through_slurm_gives_the_local_tables(micro, ready_to_train, cluster)
