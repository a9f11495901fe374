"""What every form of file shares: a row or its defect, and a file opened as plain bytes."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from scripts.common.cli import UserError

ROW_LIMIT = 2**24
"""Bytes of one row. A chain of 32,000 tokens takes 0.15 MB; of a longer row not even the values would fit in memory."""

COMPRESSED = {".gz": "gzip", ".zst": "zstd"}

# How files begin that are not what their name says.
_SIGNATURES = {
    b"\x1f\x8b": "is compressed by gzip: name it .gz",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: name it .zst",
    b"BZh": "is compressed by bzip2: take it out of that",
    b"\xfd7zXZ": "is compressed by xz: take it out of that",
    b"PAR1": "is a Parquet file: name it .parquet",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: save what is inside as CSV or JSON",
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself: fetch it by 'git lfs pull'",
    b"\xff\xfe": "is not UTF-8 (by its first bytes it is UTF-16): save it as UTF-8",
    b"\xfe\xff": "is not UTF-8 (by its first bytes it is UTF-16): save it as UTF-8",
    b"\x00\x00\xfe\xff": "is not UTF-8 (by its first bytes it is UTF-32): save it as UTF-8",
}
BOM = b"\xef\xbb\xbf"


class Defect(NamedTuple):
    """Why a row could not be read."""

    reason: str
    """One of the reasons for which rows are rejected."""
    detail: str


class SourceRow(NamedTuple):
    """A row of a file, or what is wrong with it."""

    place: str
    """Where it stands: "line 5"."""
    row: dict[str, Any] | Defect


class RowFile(NamedTuple):
    """A file whose form is known."""

    layout: str
    """What it is, in words: "JSON lines"."""
    rows: Iterator[SourceRow]
    """Every row, in bounded memory. Raises UserError where the file ends in the middle of what it holds."""
    under: str | None = None
    """The list of a JSON object that they are."""


def too_long() -> Defect:
    """Return the defect of a row that is too long to be one."""
    return Defect("malformed", f"a row of more than {ROW_LIMIT // 2**20} MB")


class _Plain(io.RawIOBase):
    """A file's bytes, decompressed; one that is damaged raises UserError where the damage is met."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._path, self._compression = path, COMPRESSED.get(path.suffix.lower())
        self._file = pa.OSFile(str(path))
        self._stream = pa.CompressedInputStream(self._file, self._compression) if self._compression else self._file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except OSError as error:
            raise UserError(
                f"'{self._path}' is cut off or damaged, or not compressed by {self._compression} as its name says: "
                f"{error}"
            ) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_plain(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed, behind a byte order mark if it has one.

    Raises UserError where its first bytes say that it is something else than text in UTF-8.
    """
    stream = io.BufferedReader(_Plain(path), 2**16)
    head = stream.peek(64)[:64]
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise UserError(f"'{path}' {what}")
    if stream.peek(512)[257:262] == b"ustar":
        raise UserError(f"'{path}' is a tar archive: take the file that is inside out of it")
    if head.count(0) > len(head) // 4:
        raise UserError(
            f"'{path}' is not UTF-8 (its first bytes hold many zeros: UTF-16, or no text): save it as UTF-8"
        )
    if head.startswith(BOM):
        stream.read(len(BOM))
    return cast(IO[bytes], stream)


Open = Callable[[], IO[bytes]]


def lines_of(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield (number, line) of every line, None for one that is longer than a row may be."""
    number = 0
    while line := stream.readline(ROW_LIMIT):
        number += 1
        if len(line) < ROW_LIMIT or line.endswith(b"\n"):
            yield number, line
            continue
        while (rest := stream.readline(ROW_LIMIT)) and not rest.endswith(b"\n"):
            pass
        yield number, None
