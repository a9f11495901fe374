"""Do two scorers rank functional steps alike? Writes scorers.csv: the rank correlation of their PIR of the same steps,
of all and of each pattern, with a 95% interval from a bootstrap over chains (steps of one chain hang together).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from scipy.stats import rankdata

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import read_table
from scripts.compare.tables import COLUMNS, write_csv
from scripts.select.limopro.patterns import FUNCTIONAL
from scripts.select.tables import STEP_SCORES

RESAMPLES = 1000


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return the rank correlation, ties with their mean rank; nan where one of the two is constant."""
    ranks = rankdata(first), rankdata(second)
    if any(len(of) < 2 or np.ptp(of) == 0 for of in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def interval(both: pl.DataFrame, seed: int) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the rank correlation, chains drawn whole; nan for a single chain."""
    first, second = (both[name].to_numpy() for name in ("pir", "pir_second"))
    chain = both["id"].rank("dense").to_numpy() - 1
    places = [np.flatnonzero(chain == number) for number in range(int(chain.max()) + 1)]
    if len(places) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        taken = np.concatenate([places[number] for number in rng.integers(len(places), size=len(places))])
        drawn.append(spearman(first[taken], second[taken]))
    known = [value for value in drawn if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def scorers_table(first: pl.DataFrame, second: pl.DataFrame, seed: int) -> pd.DataFrame:
    """Return the table scorers from (id, step, pattern, pir) by either scorer; no row for a pattern without steps."""
    columns = ["id", "step", "pattern", "pir"]
    paired = first.select(columns).join(
        second.select(columns), on=["id", "step", "pattern"], how="full", coalesce=True, suffix="_second"
    )
    rows = []
    for pattern in ("all", *sorted(FUNCTIONAL)):
        of = paired if pattern == "all" else paired.filter(pl.col("pattern") == pattern)
        both = of.drop_nulls(["pir", "pir_second"]).sort("id", "step")
        if both.is_empty():
            continue
        low, high = interval(both, derive_seed(seed, "scorers", pattern))
        counts = {"steps": len(both), "chains": both["id"].n_unique(), "unmatched": len(of) - len(both)}
        value = spearman(both["pir"].to_numpy(), both["pir_second"].to_numpy())
        rows.append({"pattern": pattern, **counts, "spearman": value, "ci_low": low, "ci_high": high})
    return pd.DataFrame(rows, columns=COLUMNS["scorers"])


def read_scores(paths: list[Path]) -> pl.DataFrame:
    """Return the scores of several shards."""
    return pl.concat([pl.DataFrame(read_table(STEP_SCORES, path)) for path in paths])


def main() -> None:
    program = Program(__doc__)
    program.add_input("--scores", "scores.parquet")
    program.add_input("--second-scores", "the second scorer's shards", many=True)
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_output("--table", "scorers.csv to write")
    arguments = program.parse()
    with program.recording(seed=arguments.seed):
        first, second = read_scores([arguments.scores]), read_scores(arguments.second_scores)
        write_csv("scorers", scorers_table(first, second, arguments.seed), arguments.table)


if __name__ == "__main__":
    cli.run(main)
