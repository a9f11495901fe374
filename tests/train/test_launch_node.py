"""What a launcher on one node of several tells accelerate."""

import pytest

from scripts.common.cli import UserError
from scripts.train.launch_node import meeting_point

STEP = {
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_NODES": "3",
    "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7",
    "SLURM_JOB_ID": "1234567",
}


def test_nodes_meet_at_the_first_one() -> None:
    options = meeting_point(STEP)
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert (
        given["--machine_rank"] == "1" and given["--num_machines"] == "3" and given["--main_process_ip"] == "10.0.0.7"
    )
    others = meeting_point({**STEP, "SLURM_NODEID": "0"})
    assert others[others.index("--main_process_port") + 1] == given["--main_process_port"], "one port for all nodes"
    assert 10_000 <= int(given["--main_process_port"]) < 30_000


@pytest.mark.parametrize("name", STEP)
def test_outside_of_slurm_it_is_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match=f"inside a Slurm job only \\({name} is not set\\)"):
        meeting_point({key: value for key, value in STEP.items() if key != name})
