"""What subsets could be drawn from, and of which categories they and their controls are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from scripts.common.tables import read_table
from scripts.compare.tables import COLUMNS
from scripts.data.tables import POOL
from scripts.select.tables import CANDIDATES, SUBSET

CLEAN = "clean pool"
"""What the table of categories calls the pool; no draw has a space in its name."""
NONE = "none"


def candidates_table(files: Sequence[Path]) -> pd.DataFrame:
    """Return the table candidates: of each subset the rows that it could have taken, and the others by reason."""
    rows: list[tuple[str, str, int]] = []
    for file in files:
        reasons = read_table(CANDIDATES, file, ["reason"]).to_pandas()["reason"]
        rows.append((file.stem, "", int(reasons.isna().sum())))
        rows += [(file.stem, str(reason), int(count)) for reason, count in reasons.value_counts().items()]
    return pd.DataFrame(rows, columns=COLUMNS["candidates"])


def categories_table(clean: Path, subsets: Sequence[Path]) -> pd.DataFrame:
    """Return the table categories: how many rows of each category the clean pool and every training set hold."""
    pool = read_table(POOL, clean, ["id", "category"]).to_pandas().set_index("id")["category"].fillna(NONE)
    drawn: Mapping[str, pd.Series] = {
        CLEAN: pool,
        **{file.stem: pool.loc[read_table(SUBSET, file, ["id"]).to_pandas()["id"]] for file in subsets},
    }
    rows = [
        {"draw": draw, "category": category, "rows": count, "share": count / len(categories)}
        for draw, categories in drawn.items()
        for category, count in categories.value_counts(sort=False).sort_index().items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS["categories"])
