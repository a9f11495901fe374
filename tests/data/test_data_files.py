"""Files of every shape are read by what is in them; what is damaged is said in one sentence."""

import gzip
import json
import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.cli import UserError
from scripts.data.files import Defect, base, json_values, open_rows
from scripts.data.files.json_values import Values

ROWS = [{"prompt": f"{n} + 1?", "completion": f'<think>\n{n}, "yes"\n</think>\n{n + 1} 数'} for n in range(4)]
BOM = b"\xef\xbb\xbf"
FRAME = pd.DataFrame(ROWS)
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
PRETTY = "\n".join(json.dumps(row, indent=2) for row in ROWS)

SHAPES: dict[str, tuple[str, bytes]] = {
    "lines named .json": ("rows.json", LINES.encode()),
    "list named .jsonl": ("rows.jsonl", json.dumps(ROWS).encode()),
    "indented list named .jsonl": ("rows.jsonl", json.dumps(ROWS, indent=1).encode()),
    "indented objects, one after the other": ("rows.jsonl", PRETTY.encode()),
    "data": ("rows.json", json.dumps({"version": "1", "data": ROWS}).encode()),
    "train beside test": ("rows.json", json.dumps({"test": ROWS[:1], "train": ROWS}).encode()),
    "by column": ("rows.json", FRAME.to_json(orient="columns").encode()),
    "lists by column": ("rows.json", json.dumps(FRAME.to_dict("list")).encode()),
    "by index": ("rows.json", FRAME.to_json(orient="index").encode()),
    "split": ("rows.json", FRAME.to_json(orient="split").encode()),
    "table": ("rows.json", json.dumps({"schema": {"fields": []}, "data": ROWS}).encode()),
    "mark of byte order": ("rows.jsonl", BOM + LINES.encode()),
    "joined files with marks": ("rows.jsonl", b"".join(BOM + (json.dumps(row) + "\n").encode() for row in ROWS)),
    "list with a mark": ("rows.json", BOM + json.dumps(ROWS).encode()),
    "CSV with a mark": ("rows.csv", BOM + FRAME.to_csv(index=False).encode()),
    "CSV of semicolons": ("rows.csv", FRAME.to_csv(index=False, sep=";").encode()),
    "CSV of bars": ("rows.csv", FRAME.to_csv(index=False, sep="|").encode()),
    "CSV that says its sign": ("rows.csv", b"sep=;\r\n" + FRAME.to_csv(index=False, sep=";").encode()),
    "CSV with blanks behind commas": (
        "rows.csv",
        b"prompt, completion\n" + FRAME.to_csv(index=False, header=False).replace('?,"', '?, "').encode(),
    ),
    "tabs": ("rows.tsv", FRAME.to_csv(index=False, sep="\t").encode()),
    "Windows lines": ("rows.JSONL", LINES.replace("\n", "\r\n").encode()),
    "no last line break": ("rows.ndjson", LINES.rstrip().encode()),
    "two frames": ("rows.jsonl.zst", b"".join(zstandard.compress((json.dumps(row) + "\n").encode()) for row in ROWS)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    file, data = SHAPES[name]
    (tmp_path / file).write_bytes(data)
    assert [row.row for row in open_rows(tmp_path / file).rows] == ROWS


@pytest.mark.parametrize("name", ["data", "train beside test", "by column", "lists by column", "list with a mark"])
def test_shapes_too_large_for_a_row_are_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in (base, json_values):
        monkeypatch.setattr(module, "ROW_LIMIT", 120)
    file, data = SHAPES[name]
    (tmp_path / file).write_bytes(data)
    assert [row.row for row in open_rows(tmp_path / file).rows] == ROWS


def test_one_object_is_one_row(tmp_path: Path) -> None:
    for row in (
        ROWS[0],
        {"messages": [{"role": "user", "content": "x"}]},
        {"question": "x", "tests": [{"input": "1"}]},
    ):
        (tmp_path / "one.json").write_text(json.dumps(row, indent=1))
        assert [found.row for found in open_rows(tmp_path / "one.json").rows] == [row]


BAD_ROWS = {
    "half a pair": '{"a": "\\ud83d\\u0020"}',  # a reader of events makes another sign of it
    "digits": '{"a": 1' + "0" * 5000 + "}",
    "deep": '{"a": ' + "[" * 200 + "]" * 200 + "}",
    "very deep": '{"a": ' + "[" * 3000 + "]" * 3000 + "}",
    "key twice": '{"a": 1, "a": 2}',
    "no value": '{"a": nothing}',
    "a list": "[1]",
}


@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.parametrize("form", ["lines", "list"])
def test_one_bad_row_leaves_the_others(tmp_path: Path, name: str, form: str) -> None:
    good = [json.dumps(row) for row in ROWS]
    texts = [*good[:2], BAD_ROWS[name], *good[2:]]
    text = "\n".join(texts) if form == "lines" else f"[{','.join(texts)}]"
    (tmp_path / "rows.jsonl").write_text(text)
    found = [row.row for row in open_rows(tmp_path / "rows.jsonl").rows]
    assert found[:2] + found[3:] == ROWS
    assert found[2] == {"a": "\ud83d "} if name == "half a pair" else isinstance(found[2], Defect)


COMPRESSED = gzip.compress(LINES.encode() * 50), zstandard.compress(LINES.encode() * 50)
DAMAGED: dict[str, tuple[str, bytes, str]] = {
    "cut gzip": ("rows.jsonl.gz", COMPRESSED[0][:-9], "cut off or damaged"),
    "cut zstd": ("rows.jsonl.zst", COMPRESSED[1][:-3], "cut off or damaged"),
    "text named .gz": ("rows.jsonl.gz", LINES.encode(), "not compressed by gzip as its name says"),
    "text named .zst": ("rows.csv.zst", b"a,b\n1,2\n", "not compressed by zstd as its name says"),
    "gzip named .jsonl": ("rows.jsonl", COMPRESSED[0], "is compressed by gzip: name it .gz"),
    "zstd named .json": ("rows.json", COMPRESSED[1], "is compressed by zstd"),
    "text named .parquet": ("rows.parquet", LINES.encode(), "no Parquet file as its name says"),
    "nothing named .parquet": ("rows.parquet", b"", "no Parquet file as its name says"),
    "spreadsheet": ("rows.csv", b"PK\x03\x04" + b"x" * 50, "is a zip archive or a spreadsheet"),
    "pointer": ("rows.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "UTF-16": ("rows.csv", FRAME.to_csv(index=False).encode("utf-16"), "is not UTF-8"),
    "UTF-16 without a mark": ("rows.jsonl", LINES.encode("utf-16-le"), "is not UTF-8"),
    "cut list": ("rows.json", json.dumps(ROWS).encode()[:-20], "not a JSON list of objects, behind item 3: it ends"),
    "list and more": ("rows.json", json.dumps(ROWS).encode() + b"]", "not a JSON list"),
    "cut object": ("rows.json", json.dumps({"data": ROWS}).encode()[:-20], "ends in the middle of an object"),
    "unequal columns": ("rows.json", b'{"prompt": ["a", "b"], "completion": ["c"]}', "columns of unequal length"),
    "two lists": ("rows.json", b'{"easy": [{"a": 1}], "hard": [{"a": 2}]}', "say by dataset.split"),
    "column twice": ("rows.csv", b"prompt,prompt\na,b\n", "the column 'prompt' stands twice"),
    "tar": ("rows.jsonl", b"rows.jsonl".ljust(257, b"\0") + b"ustar\x0000", "is a tar archive"),
    "another form": ("rows.xlsx", b"x", "is none of .json"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    file, data, message = DAMAGED[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        list(open_rows(tmp_path / file).rows)
    assert file in str(caught.value) and "\n" not in str(caught.value)


def test_the_split_of_a_json_object_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps({"easy": ROWS[:1], "hard": ROWS[1:]}))
    assert [row.row for row in open_rows(tmp_path / "rows.json", "hard").rows] == ROWS[1:]
    (tmp_path / "none.json").write_text(json.dumps({"train": [], "test": ROWS}))
    assert list(open_rows(tmp_path / "none.json").rows) == []  # and never those of another split
    (tmp_path / "data.json").write_text(json.dumps({"data": ROWS}))
    (tmp_path / "rows.jsonl").write_text(LINES)
    (tmp_path / "rows.csv").write_text(FRAME.to_csv())
    for file in ("rows.json", "data.json", "rows.jsonl", "rows.csv"):  # what is named and is not there is no other
        with pytest.raises(UserError, match=r"dataset\.split"):
            open_rows(tmp_path / file, "test")


@pytest.mark.parametrize(
    "number", ["9007199254740993.0", "12345678901234567890", "-9007199254740993e0", "1e400", "1e999999999999"]
)
def test_long_numbers_are_those_of_the_file(tmp_path: Path, number: str) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"answer": {number}}}\n')
    ((_, row),) = open_rows(tmp_path / "rows.jsonl").rows
    assert isinstance(row, dict)
    value = row["answer"]
    assert value == Fraction(number) if len(number) > 6 and "999" not in number else value == math.inf


def test_commas_in_a_quoted_name_delimit_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('prompt;completion;"a,b,c,d"\nx;y;z\n')
    ((_, row),) = open_rows(tmp_path / "rows.csv").rows
    assert row == {"prompt": "x", "completion": "y", "a,b,c,d": "z"}


QUOTES: dict[str, tuple[str, str | None]] = {
    "never closed": ('q,r\na,b\nc,"d\ne,f\ng,h\n', "row that begins in line 3"),
    "closed by the next quoted row": ('q,r\nc,"d\ne,f\ng,"h\ni"\n', "row that begins in line 2"),
    "in one line": ('q,r\na,"b" c\nd,e\n', None),
    "closed at the end of another row": ('q,r\na,"b\nc,"\nd\ne\n', None),
}


@pytest.mark.parametrize("name", QUOTES)
def test_an_open_quote_merges_no_rows_in_silence(tmp_path: Path, name: str) -> None:
    text, message = QUOTES[name]
    (tmp_path / "rows.csv").write_text(text)
    if message:
        with pytest.raises(UserError, match=message):
            list(open_rows(tmp_path / "rows.csv").rows)
        return
    rows = list(open_rows(tmp_path / "rows.csv").rows)
    assert all("\n" not in str(row.row) for row in rows if not isinstance(row.row, Defect))
    assert any(isinstance(row.row, Defect) for row in rows)


def test_parquet_rows_that_are_not_utf8_are_defects(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = b"".join(place.to_bytes(4, "little") for place in (0, 4, 6, 9))
    column = pa.StringArray.from_buffers(3, pa.py_buffer(places), pa.py_buffer(b"good\xff\xfetoo"))
    pq.write_table(pa.table({"question": column}), tmp_path / "rows.parquet")
    rows = [row.row for row in open_rows(tmp_path / "rows.parquet").rows]
    assert rows[0] == {"question": "good"} and rows[2] == {"question": "too"}
    assert isinstance(rows[1], Defect) and rows[1].reason == "not_utf8"


def test_parquet_of_every_type_gives_the_values_that_were_written(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "question": pa.array(["a", "b"]).dictionary_encode(),
        "response": pa.array(["c", None], pa.large_string()),
        "answer": pa.array([0.1, None], pa.float32()),
        "half": pa.array([0.3, 2.0], pa.float16()),
        "id": pa.array([2**63, 1], pa.uint64()),
        "turns": pa.array([[{"role": "user"}], []]),
        "none": pa.nulls(2),
        "at": pa.array([1, 2], pa.timestamp("us", "Nowhere/Known")),
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    first, second = (row.row for row in open_rows(tmp_path / "rows.parquet").rows)
    assert isinstance(first, dict) and isinstance(second, dict)
    assert {key: first[key] for key in columns if key != "at"} == {
        "question": "a", "response": "c", "answer": 0.1, "half": 0.3, "id": 2**63, "turns": [{"role": "user"}], "none": None,
    }  # fmt: skip
    assert second["response"] is None and second["answer"] is None
    pq.write_table(pa.table({"question": ["a"], "at": pa.array([2**62], pa.timestamp("us"))}), tmp_path / "far.parquet")
    (far,) = (row.row for row in open_rows(tmp_path / "far.parquet").rows)
    assert isinstance(far, Defect) and "column 'at'" in far.detail


def test_what_holds_no_rows_and_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[ ]\n")
    assert list(open_rows(tmp_path / "rows.json").rows) == []
    with pytest.raises(UserError, match="is a folder: name a file in it"):
        open_rows(tmp_path)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(JSON_VALUES, max_size=5), st.booleans(), st.integers(1, 7))
def test_values_are_cut_where_the_json_module_cuts_them(values: list[Any], plain: bool, chunk: int) -> None:
    import io

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(chunk)

    text = json.dumps(values, ensure_ascii=plain, indent=chunk % 3 or None)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    cut = [json.loads(item or b"") for item in Values(Slow(data)).items()]
    assert cut == values


@pytest.mark.parametrize("limit", [0, 4300, 50_000])
def test_a_number_is_too_long_whatever_a_library_has_set(limit: int) -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        assert json_values.parse(b'{"a": ' + b"9" * 4300 + b"}") == {"a": int("9" * 4300)}
        assert json_values.parse(b"[1" + b"0" * 4300 + b"]") == Defect(
            "malformed", "a whole number of more than 4,300 digits"
        )
    finally:
        sys.set_int_max_str_digits(before)
