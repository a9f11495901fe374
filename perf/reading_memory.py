"""How much memory fetch_dataset takes to read a file of 100 MB, whatever is in it: the peak of its process, by kind.

    python -m perf.reading_memory --table docs/measured/reading_memory.csv

Every file is made here and has about --mb on disk (the packed ones, before packing). A file that is refused, or rows
that are rejected, are as good as any: what counts is that the machine is not taken down.
"""

import gzip
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program

ROW = {"question": "What is 2 + 2?", "response": "<think>\nTwo and two.\n</think>\n\nIt is \\boxed{4}."}


def row(size: int) -> dict[str, str]:
    """Return a row whose response has about `size` bytes."""
    return {**ROW, "response": ROW["response"].replace("Two and two.", "Two and two. " * (size // 13))}


def lines(size: int, each: int) -> Iterator[bytes]:
    """Yield JSONL of rows of `each` bytes, `size` in all."""
    line = json.dumps(row(each)).encode() + b"\n"
    for _ in range(max(1, size // len(line))):
        yield line


def write(chunks: Iterator[bytes], file: io.BufferedIOBase) -> None:
    """Write chunks."""
    for chunk in chunks:
        file.write(chunk)


def of_chunks(suffix: str, chunks: Callable[[int], Iterator[bytes]]) -> Callable[[Path, int], Path]:
    """Return a maker of a plain file."""

    def make(folder: Path, size: int) -> Path:
        path = folder / f"file{suffix}"
        with path.open("wb") as file:
            write(chunks(size), file)
        return path

    return make


def packed(suffix: str, chunks: Callable[[int], Iterator[bytes]], times: int) -> Callable[[Path, int], Path]:
    """Return a maker of a packed file: `times` the size before packing."""

    def make(folder: Path, size: int) -> Path:
        path = folder / f"file.jsonl.{suffix}"
        with gzip.open(path, "wb") if suffix == "gz" else zstandard.open(path, "wb") as file:
            write(chunks(times * size), file)
        return path

    return make


def parquet(rows: Callable[[int], pa.Table], **options: object) -> Callable[[Path, int], Path]:
    """Return a maker of a Parquet file."""

    def make(folder: Path, size: int) -> Path:
        path = folder / "file.parquet"
        pq.write_table(rows(size), path, **options)  # type: ignore[arg-type]
        return path

    return make


def repeated(size: int, each: int) -> pa.Table:
    """Return rows of `each` bytes whose text differs in its beginning only."""
    return pa.table(
        {
            "question": [ROW["question"]] * (size // each),
            "response": [f"{number} {row(each)['response']}" for number in range(size // each)],
        }
    )


def turns(size: int) -> Iterator[bytes]:
    """Yield one row of very many turns."""
    pair = b'{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}'
    yield b'{"messages": [' + pair
    for _ in range(size // (len(pair) + 2)):
        yield b", " + pair
    yield b"]}\n"


def around(open_: bytes, middle: bytes, close: bytes) -> Callable[[int], Iterator[bytes]]:
    """Return chunks of `middle` repeated between two ends."""

    def chunks(size: int) -> Iterator[bytes]:
        block = middle * (1 + 2**16 // len(middle))
        yield open_
        for _ in range(1 + size // len(block)):
            yield block
        yield close

    return chunks


LINE = json.dumps(row(20_000)).encode()
QUOTED = '"{}"'.format(row(20_000)["response"]).encode()
FILES: dict[str, Callable[[Path, int], Path]] = {
    "JSONL, rows of 20 KB": of_chunks(".jsonl", lambda size: lines(size, 20_000)),
    "JSONL, rows of 10 MB": of_chunks(".jsonl", lambda size: lines(size, 10**7)),
    "JSONL, one row": of_chunks(".jsonl", lambda size: lines(size, size)),
    "JSONL, rows of two bytes": of_chunks(".jsonl", around(b"", b"{}\n", b"")),
    "JSONL, one row of very many turns": of_chunks(".jsonl", turns),
    "JSON, a list of rows": of_chunks(".json", around(b"[" + LINE, b", " + LINE, b"]")),
    "JSON, a list of numbers": of_chunks(".json", around(b"[0", b", 1", b"]")),
    "JSON, columns of lists": of_chunks(".json", around(b'{"question": ["q"', b', "q"', b"]}")),
    "JSON, lists in lists": of_chunks(".json", around(b"", b"[", b"")),
    "JSON, objects in objects, closed": of_chunks(".json", lambda size: nested(size)),
    "JSON, one object of very many keys": of_chunks(
        ".json", lambda size: (f'{"{" if n == 0 else ","}"k{n}": 1'.encode() for n in range(size // 13))
    ),
    "CSV, rows of 20 KB": of_chunks(".csv", around(b"question,response\n", b"q," + QUOTED + b"\n", b"")),
    "CSV, a quote that is never closed": of_chunks(".csv", around(b'question,response\nq,"', b"text and text\n", b"")),
    "CSV, very many columns": of_chunks(".csv", around(b"question,response", b",c", b"\nq,r\n")),
    "plain text without an end of line": of_chunks(".jsonl", around(b"", b"text and text ", b"")),
    "zeros": of_chunks(".jsonl", around(b"", bytes(4096), b"")),
    "JSONL in gzip, 20 times the size": packed("gz", lambda size: lines(size, 20_000), 20),
    "JSONL in zstd, 20 times the size": packed("zst", lambda size: lines(size, 20_000), 20),
    "JSONL in gzip, one row, 20 times the size": packed("gz", around(b'{"question": "', b"Two and two. ", b'"}\n'), 20),
    "Parquet, rows of 20 KB": parquet(lambda size: repeated(size, 20_000), compression="none"),
    "Parquet, one row group, dictionary, 10 times the size": parquet(
        lambda size: pa.table(
            {
                "question": [ROW["question"]] * (10 * size // 20_000),
                "response": pa.array([row(20_000)["response"]] * (10 * size // 20_000)).dictionary_encode(),
            }
        )
    ),
    "Parquet, one row": parquet(lambda size: pa.table({k: [v] for k, v in row(size).items()}), compression="none"),
    "Parquet, very many columns": parquet(
        lambda size: pa.table({"question": ["q"], "response": ["r"], **{f"c{n}": ["x"] for n in range(size // 20_000)}})
    ),
}


def nested(size: int) -> Iterator[bytes]:
    """Yield objects in objects."""
    depth = size // 6
    yield b'{"a":' * depth + b"1" + b"}" * depth


def high_water(pid: int) -> int:
    """Return the most KiB that a process has held so far; its resource usage would count its parent's memory too."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0)


def measure(path: Path, folder: Path, most: float) -> dict[str, object]:
    """Return the peak memory in MB of reading a file, the seconds (at most `most`), exit code and last line."""
    command = [sys.executable, "-m", "scripts.data.fetch_dataset", "--source", "file", "--path", str(path)]
    peak, began = 0, time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--output", str(folder / "raw")], stdout=log, stderr=log)
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.02)
            if time.monotonic() - began > most:
                process.kill()
    seconds = time.monotonic() - began
    said = [line for line in (folder / "log").read_text(errors="replace").splitlines() if line.strip()]
    return {
        "mb_on_disk": round(path.stat().st_size / 1e6, 1),
        "peak_mb": round(peak / 1024),
        "seconds": round(seconds, 1),
        "exit": process.returncode,
        "said": said[-1][:150] if said else "",
    }


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--mb", type=int, default=100, help="size of a file in MB (default: 100)")
    program.add_argument("--seconds", type=float, default=120, help="how long a file is read at most (default: 120)")
    program.add_argument("--only", help="kinds that have this text in their name (default: all)")
    program.add_argument("--table", type=Path, help="CSV file to write as well")
    arguments = program.parse_args()
    found = []
    for kind, make in FILES.items():
        if arguments.only and arguments.only not in kind:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), arguments.mb * 10**6)
            found.append({"kind": kind, **measure(path, Path(folder), arguments.seconds)})
        cli.log.info("%s", found[-1])
    table = pd.DataFrame(found)
    print(table.to_string(index=False))
    if arguments.table:
        with replacing(arguments.table) as temporary:
            table.to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)
