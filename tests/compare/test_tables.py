"""Tables are read and written with exactly their columns."""

from pathlib import Path

import pandas as pd
import pytest

from scripts.common.tables import TableError
from scripts.compare.tables import read_csv, write_csv


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="table 'steps' has columns"):
        write_csv("steps", pd.DataFrame({"pattern": []}), tmp_path / "steps.csv")
    pd.DataFrame({"pattern": []}).to_csv(tmp_path / "steps.csv", index=False)
    with pytest.raises(TableError, match="table 'steps' has columns"):
        read_csv("steps", tmp_path / "steps.csv")
