"""What is in every training set, so that "better" can be read beside "longer"; and which rows it shares with others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common.tables import iterate_table, read_table
from scripts.compare.labels import PATTERNS
from scripts.compare.tables import COLUMNS
from scripts.data.tables import POOL
from scripts.select.tables import PASS_RATES, STEPS, SUBSET

STEPS_BATCH = 200_000


def step_counts(steps: Path, ids: set[str]) -> dict[str, Counter[str]]:
    """Return the steps of each of the chains `ids` by pattern, read piece by piece."""
    counts: dict[str, Counter[str]] = {}
    for batch in iterate_table(STEPS, steps, STEPS_BATCH, ["id", "pattern"], ids=ids):
        for identity, pattern in zip(batch["id"].to_pylist(), batch["pattern"].to_pylist(), strict=True):
            counts.setdefault(identity, Counter())[pattern] += 1
    return counts


def contents_row(
    draw: str,
    subset: pd.DataFrame,
    pool: pd.DataFrame,
    counts: Mapping[str, Counter[str]] | None,
    pruned: Mapping[str, int],
    late: set[str],
    rates: "pd.Series[float] | None" = None,
) -> dict[str, Any]:
    """Return the row of the table contents for one training set (id, tokens).

    `pool` has source and category by id, `counts` the steps of chains that were cut, `pruned` how many steps of each
    pattern the set lost, `late` the ids of rows that hold a question of a benchmark which cleaned nothing, and `rates`
    pass rates by id, where a model was asked for them.
    """
    row: dict[str, Any] = {"draw": draw, "rows": len(subset), "tokens": int(subset["tokens"].sum())}
    row["tokens_median"] = subset["tokens"].median()
    for column in ("source", "category"):
        found = pool.loc[subset["id"], column].value_counts(dropna=False, sort=False).sort_index(na_position="last")
        largest = found.idxmax() if len(found) else None
        row[f"{column}_values"] = len(found)
        row[f"largest_{column}"] = "none" if pd.isna(largest) else largest
        row[f"largest_{column}_share"] = found.max() / len(subset) if len(subset) else None
    cut = [counts[identity] for identity in subset["id"] if identity in counts] if counts is not None else []
    kept = sum(cut, Counter[str]())
    kept.subtract(pruned)
    row["cut_rows"] = len(cut) if counts is not None else None
    row["steps_a_row"] = kept.total() / len(cut) if cut else None
    row |= {f"share_{name}": kept[name] / kept.total() if cut and kept.total() else None for name in PATTERNS}
    known = rates.reindex(subset["id"]).dropna() if rates is not None else pd.Series(dtype=float)
    row |= {"difficulty": known.mean() if len(known) else None, "difficulty_rows": len(known)}
    return row | {"contaminated": sum(identity in late for identity in subset["id"])}


def pruned_by_pattern(subset: pd.DataFrame, steps: Path | None) -> Counter[str]:
    """Return how many steps of each pattern a set lost. `subset` has id and pruned_steps."""
    lost = {(i, n) for i, numbers in zip(subset["id"], subset["pruned_steps"], strict=True) for n in numbers or ()}
    found: Counter[str] = Counter()
    if not lost or steps is None:
        return found
    ids = {identity for identity, _ in lost}
    for batch in iterate_table(STEPS, steps, STEPS_BATCH, ["id", "step", "pattern"], ids=ids):
        columns = (batch[name].to_pylist() for name in ("id", "step", "pattern"))
        found.update(pattern for identity, step, pattern in zip(*columns, strict=True) if (identity, step) in lost)
    return found


def contents_table(
    clean: Path, subsets: Sequence[Path], steps: Path | None, late: set[str], pass_rates: Path | None = None
) -> pd.DataFrame:
    """Return the table contents, a row per training set. Without `steps` nothing is known of chains, without
    `pass_rates` nothing of how difficult rows are."""
    pool = read_table(POOL, clean, ["id", "source", "category"]).to_pandas().set_index("id")
    columns = ["id", "tokens", "pruned_steps"]
    ids = {identity for file in subsets for identity in read_table(SUBSET, file, ["id"])["id"].to_pylist()}
    counts = step_counts(steps, ids) if steps else None
    rates = None
    if pass_rates is not None:
        rates = read_table(PASS_RATES, pass_rates, ["id", "pass_rate"]).to_pandas().set_index("id")["pass_rate"]
    rows = []
    for file in subsets:
        subset = read_table(SUBSET, file, columns).to_pandas()
        subset["pruned_steps"] = [[] if lost is None else list(lost) for lost in subset["pruned_steps"]]
        rows.append(contents_row(file.stem, subset, pool, counts, pruned_by_pattern(subset, steps), late, rates))
    return pd.DataFrame(rows, columns=COLUMNS["contents"])


def overlap_table(subsets: Sequence[Path]) -> pd.DataFrame:
    """Return the table overlap: of every training set the rows that every other holds too."""
    drawn = {file.stem: set(read_table(SUBSET, file, ["id"])["id"].to_pylist()) for file in subsets}
    rows = [
        (draw, other, len(shared := ids & others), len(shared) / len(ids))
        for draw, ids in drawn.items()
        for other, others in drawn.items()
        if draw != other
    ]
    return pd.DataFrame(rows, columns=COLUMNS["overlap"])
