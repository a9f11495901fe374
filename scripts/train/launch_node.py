"""Start `accelerate launch` on one node of several, with what Slurm says of the others; srun runs this once a node.

All options are accelerate's own. The nodes meet at the first one, which the job's own command runs on.
"""

import os
import sys
from collections.abc import Mapping

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.common.program import Program


def meeting_point(environment: Mapping[str, str]) -> list[str]:
    """Return accelerate's options that say where the nodes meet, which one this is and how many there are.

    Raises UserError outside a step of a Slurm job.
    """
    try:
        rank, nodes = environment["SLURM_NODEID"], environment["SLURM_STEP_NUM_NODES"]
        first, number = environment["SLURM_LAUNCH_NODE_IPADDR"], int(environment["SLURM_JOB_ID"])
    except KeyError as missing:
        raise UserError(
            f"training.nodes above 1 runs inside a Slurm job only ({missing.args[0]} is not set): use a Slurm profile"
        ) from missing
    # A port of its own for every job of a node, above those of services and below those handed out for connections.
    port = 10_000 + number % 20_000
    values = {"num_machines": nodes, "machine_rank": rank, "main_process_ip": first, "main_process_port": port}
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:2]):
        Program(__doc__).parse_args()
    launch = [sys.executable, "-m", "accelerate.commands.launch", *meeting_point(os.environ), *sys.argv[1:]]
    os.execv(sys.executable, launch)


if __name__ == "__main__":
    cli.run(main)
