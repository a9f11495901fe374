"""Every row of a source becomes a row of raw, whatever its form and however broken."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from scripts.common.cli import UserError
from scripts.data.fetch_dataset import raw_rows, write_raw
from scripts.data.formats import Malformed, detect_format, to_raw
from scripts.data.readers import iterate_rows

ROWS = {
    "alpaca": {"instruction": "Add.", "input": "1+1?", "output": "2", "system": "Be brief."},
    "aceReason": {"input": "1+1?", "output": "<think>\n2\n</think>2", "extra_info": {"category": "math", "source": "s"}},
    "messages": {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]},
    "sharegpt": {"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "1+1?"},
                                   {"from": "gpt", "value": "2"}]},
    "prompt_completion": {"prompt": "1+1?", "completion": "2", "answer": "2"},
    "question_response": {"problem": "1+1?", "solution": "2", "answer": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_every_format_is_told_from_its_columns(name: str) -> None:
    row = ROWS[name]
    raw = to_raw(row, detect_format(row))
    assert raw["question"].endswith("1+1?") and "2" in raw["response"]


def test_fields_find_their_columns() -> None:
    assert to_raw(ROWS["alpaca"], "alpaca") == {
        "question": "Add.\n1+1?", "response": "2", "system": "Be brief.", "answer": None, "source": None, "category": None,
    }  # fmt: skip
    assert to_raw(ROWS["aceReason"], "alpaca")["category"] == "math"
    assert to_raw(ROWS["sharegpt"], "sharegpt")["system"] == "S"
    assert to_raw(ROWS["question_response"], "question_response")["answer"] == "2"


def test_several_turns_are_not_taken_for_one() -> None:
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    with pytest.raises(Malformed, match="not one user and one assistant turn"):
        to_raw({"messages": turns}, "messages")


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
    raw = list(raw_rows(iterate_rows(tmp_path / "rows.jsonl"), "auto", "Default."))
    assert [row["row"] for row in raw] == [0, 1, 2, 3, 4]  # the empty line is no row
    assert [row["defect"] is None for row in raw] == [True, False, False, False, False]
    assert raw[3]["defect"].startswith("not UTF-8")
    assert raw[0]["system"] == "Be brief."


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet", ".jsonl.gz", ".jsonl.zst"])
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
        compress = {".jsonl": bytes, ".jsonl.gz": gzip.compress, ".jsonl.zst": zstandard.compress}[suffix]
        path.write_bytes(compress(lines))
    assert list(iterate_rows(path)) == rows


def test_a_broken_json_list_stops(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"prompt": "a", "completion": "b"}, {"prompt":')
    with pytest.raises(UserError, match="not a JSON list"):
        list(iterate_rows(tmp_path / "rows.json"))


def test_raw_is_written_in_batches(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = ({"prompt": str(n), "completion": "x"} for n in range(2500))
    assert write_raw(raw_rows(rows, "auto", None), tmp_path / "raw.parquet") == 2500
    table = pq.read_table(tmp_path / "raw.parquet")
    assert table["row"].to_pylist() == list(range(2500)) and table["question"][2499].as_py() == "2499"
