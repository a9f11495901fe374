"""Write what a user's own method says of the rows of experiments/arena.yaml, into experiments/arena/.

    python -m perf.arena_files

The method works out every sum of a chain again (`3+5=9` is wrong). sums.csv has the share of right sums of each row,
for the method `score`; checked.csv names the rows of two or more operations of which the sum that stands last is right
for every operation, for the method `ids`. It reads questions and responses and knows nothing of what rows are worth.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.dataset import Hurtful
from scripts.common.config.evaluation import DemoBenchmark
from scripts.common.program import Program
from scripts.data.make_demo_dataset import make_rows
from scripts.data.prepare_pool import row_id

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENT = ROOT / "experiments" / "arena.yaml"
FOLDER = ROOT / "experiments" / "arena"
SUM = re.compile(r"([A-Z])(?::(?: add \d+,| take \d+,)?|\.) (\d+)([+-])(\d+)=(\d+)")


def sums_of(response: str) -> list[tuple[str, bool]]:
    """Return the sums that a response states, in order: of which operation, and whether each is right."""
    found = []
    for label, left, sign, right, result in SUM.findall(response):
        found.append((label, int(left) + (int(right) if sign == "+" else -int(right)) == int(result)))
    return found


def own_rows() -> list[dict[str, Any]]:
    """Return the rows of the arena's data set."""
    # As it stands: a checked experiment would need the files that are made here.
    config = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))
    source, benchmarks = config["dataset"], config["evaluation"]["benchmarks"]
    against = config["pool"]["decontaminate"]["against"]
    leaks = {name: DemoBenchmark(**benchmarks[name]["demo"]).model_dump() for name in against}
    return make_rows(source["limit"], config["seed"], leaks, Hurtful(**source["hurtful"]))


def write_files(folder: Path) -> None:
    """Write both files."""
    checked, shares = ["id"], ["id,score"]
    for row in own_rows():
        sums, identity = sums_of(row["response"]), row_id(row["system"], row["question"], row["response"])
        last = dict(sums)
        shares.append(f"{identity},{sum(right for _, right in sums) / max(1, len(sums)):.4f}")
        if len(last) > 1 and all(last.values()):
            checked.append(identity)
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("checked", checked), ("sums", shares)):
        with replacing(folder / f"{name}.csv") as temporary:
            temporary.write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--folder", type=Path, default=FOLDER, help="where the two files go")
    write_files(program.parse().folder)


if __name__ == "__main__":
    cli.run(main)
