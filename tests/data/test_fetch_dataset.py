"""Every row of a source becomes a row of raw, whatever its form and however broken."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from scripts.common.cli import UserError
from scripts.common.config.dataset import Reading
from scripts.data.account import Account
from scripts.data.fetch_dataset import write_raw
from scripts.data.files import Defect, SourceRow, open_rows
from scripts.data.formats import Columns, Malformed, detect_format, to_raw
from scripts.data.reading import raw_rows, source_rows

ROWS = {
    "alpaca": {"instruction": "Add.", "input": "1+1?", "output": "2", "system": "Be brief."},
    "aceReason": {"input": "1+1?", "output": "<think>\n2\n</think>2", "extra_info": {"category": "math", "source": "s"}},
    "messages": {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]},
    "sharegpt": {"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "1+1?"},
                                   {"from": "gpt", "value": "2"}]},
    "prompt_completion": {"prompt": "1+1?", "completion": "2", "answer": "2"},
    "question_response": {"problem": "1+1?", "solution": "2", "answer": 2},
}  # fmt: skip


def read(row: dict[str, Any]) -> dict[str, Any]:
    return to_raw(Columns(row)).values


@pytest.mark.parametrize("name", ROWS)
def test_every_format_is_told_from_its_columns(name: str) -> None:
    row = ROWS[name]
    assert detect_format(Columns(row)) == {"aceReason": "alpaca"}.get(name, name)
    raw = read(row)
    assert raw["question"].endswith("1+1?") and "2" in raw["response"]


def test_fields_find_their_columns() -> None:
    assert read(ROWS["alpaca"]) == {
        "question": "Add.\n1+1?", "response": "2", "system": "Be brief.", "answer": None, "source": None, "category": None,
    }  # fmt: skip
    assert read(ROWS["aceReason"])["category"] == "math"
    assert read(ROWS["sharegpt"])["system"] == "S"
    assert read(ROWS["question_response"])["answer"] == "2"


def test_several_turns_are_not_taken_for_one() -> None:
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    with pytest.raises(Malformed, match="not one user and one assistant turn") as caught:
        read({"messages": turns})
    assert caught.value.reason == "several_turns"


def read_file(path: Path, **reading: Any) -> tuple[list[dict[str, Any]], Account]:
    settings, account = Reading(source="file", **reading), Account()
    return list(raw_rows(source_rows([path], settings, account), settings, account)), account


def test_no_row_is_lost(tmp_path: Path) -> None:
    lines = [
        json.dumps(ROWS["alpaca"]).encode(),
        b"{broken",
        b"[1]",
        b'{"output": "\xff"}',
        b"",
        b'{"instruction": 3, "output": "x"}',
    ]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    raw, account = read_file(tmp_path / "rows.jsonl", system_prompt="Default.")
    assert [row["row"] for row in raw] == [0, 1, 2, 3, 4]  # the empty line is no row
    assert [row["reason"] for row in raw] == [None, "malformed", "malformed", "not_utf8", "malformed"]
    assert raw[0]["system"] == "Be brief."
    assert account.rows == 5 and account.defects == {"malformed": 3, "not_utf8": 1}
    assert account.examples["malformed"].startswith("line 2: ") and account.examples["not_utf8"].startswith("line 4: ")


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet", ".jsonl.gz", ".jsonl.zst", ".JSONL"])
def test_every_file_kind_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    import pandas as pd

    rows = [{"prompt": f"{n}+1?", "completion": f"line\n{n + 1}, 数"} for n in range(5)]
    path = tmp_path / f"rows{suffix}"
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if suffix == ".json":
        path.write_text(json.dumps(rows))
    elif suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        compress = {".gz": gzip.compress, ".zst": zstandard.compress}.get(Path(suffix).suffix, bytes)
        path.write_bytes(compress(lines))
    assert [row.row for row in open_rows(path).rows] == rows


def test_a_broken_json_list_stops(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"prompt": "a", "completion": "b"}, {"prompt":')
    with pytest.raises(UserError, match="not a JSON list"):
        list(open_rows(tmp_path / "rows.json").rows)


def test_raw_is_written_in_batches(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = (SourceRow("line", {"prompt": str(n), "completion": "x"}) for n in range(2500))
    raw = raw_rows(rows, Reading(source="file"), Account())
    assert write_raw(raw, tmp_path / "raw.parquet") == 2500
    table = pq.read_table(tmp_path / "raw.parquet")
    assert table["row"].to_pylist() == list(range(2500)) and table["question"][2499].as_py() == "2499"


def test_a_column_of_that_name_is_no_defect() -> None:
    rows = [SourceRow("line 1", {"question": "q", "response": "r", "defect": "scratched", "reason": "x"})]
    assert [row["defect"] for row in raw_rows(rows, Reading(source="file"), Account())] == [None]
    rows = [SourceRow("line 1", Defect("malformed", "x"))]
    assert [row["defect"] for row in raw_rows(rows, Reading(source="file"), Account())] == ["x"]
