"""Rows named in a file: the door for a selection that was made elsewhere, by whatever method."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from scripts.common.cli import UserError
from scripts.select.methods.base import Method
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    from scripts.common.config.experiment import Experiment


class Ids(Method):
    """Rows named in a file, whoever chose them."""

    needs: ClassVar[tuple[str, ...]] = ("pool", "rejected", "contaminated")
    method: Literal["ids"]
    file: str
    """The file that names the rows, .csv, .tsv, .jsonl or .parquet: in a column `id`, as data/clean.parquet has them,
    or in a column `row`, numbers of rows of the data set from 0 (see rows_of). Or .txt, an id a line. It enters by its
    content: a changed file draws this subset anew."""
    rows_of: str | None = None
    """For row numbers, what they are numbers of: the SHA-256 of the data set's file, or its revision on the hub. Those
    of another file, or of another version, are refused."""
    size: int | None = Field(default=None, gt=0)
    """Draw as many of the named rows at random (default: all of them)."""
    missing: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of named rows that are not in the clean pool, since they were rejected or hold a benchmark's
    question, or are unknown: the subset is refused, or they are left out and counted."""

    def select(self, source: Source, name: str, seed: int) -> Selection:
        from scripts.select.own_file import columns_in
        from scripts.select.subset import draw_ids

        path = source.path("file")
        by_number = "id" not in columns_in(path)
        named = _of_numbers(source, path) if by_number else _of_identities(path)
        clean = source.pool("id")["id"].to_list()
        known = set(clean)
        lost = [one for one in named if one not in known]
        reasons = dict(_reasons(source, lost))
        if lost and self.missing == "refuse":
            raise UserError(_refusal(name, path, len(named), reasons, lost))
        wanted, facts = known.intersection(named), {"named": len(named), "missing": reasons}
        return Selection(draw_ids([one for one in clean if one in wanted], self.size, seed, name), None, facts)

    def misfits(self, experiment: "Experiment") -> Iterator[str]:
        from scripts.select.own_file import planned_columns

        columns, unreadable = planned_columns(self.file)
        yield from unreadable
        if unreadable:
            return
        if not {"id", "row"} & set(columns):
            yield f"file: '{self.file}' needs a column id (or row), and has {', '.join(columns)}"
        elif "id" not in columns:
            yield from self._numbered_otherwise(experiment)

    def _numbered_otherwise(self, experiment: "Experiment") -> Iterator[str]:
        """Yield what is wrong with row numbers: of the source that the experiment reads they must be numbers."""
        from scripts.common.content import sha256_of

        sources = experiment.sources()
        if len(sources) != 1 or sources[0].source == "demo":
            yield f"file: '{self.file}' has row numbers, which need one data set that is read: name its rows by `id`"
            return
        (source,) = sources
        local = source.source == "file"
        own = sha256_of(str(source.path)) if local else source.revision
        if self.rows_of != own:
            what = "the SHA-256 of the data set's file" if local else "the revision of the data set"
            said = f"is '{self.rows_of}'" if self.rows_of else "is missing"
            yield (
                f"rows_of: {said}, and {what} is '{own}': if the row numbers of '{self.file}' are of this data set, "
                "put that here"
            )

    def describe(self) -> str:
        drawn = f"{self.size:,} rows, drawn at random from those" if self.size else "The rows"
        return f"{drawn} that the file `{Path(self.file).name}` names; it was made elsewhere."

    def by_chance(self) -> bool:
        return self.size is not None

    def expected_rows(self, clean: float, scored: float) -> float:
        from scripts.select.own_file import count_rows

        named = count_rows(Path(self.file)) if Path(self.file).is_file() else clean
        return min(self.size or named, named, clean)


def _of_identities(path: Path) -> list[str]:
    from scripts.select.own_file import identities

    return identities(path)


def _of_numbers(source: Source, path: Path) -> list[str]:
    """Return the ids of the rows that a file names by number; a rejected row's is the one that `rejected` has.

    The rows of the pool are those of raw that were not rejected, in their order.
    """
    from scripts.data.tables import POOL, REJECTED
    from scripts.select.own_file import numbers, such_as

    rejected = source.table(REJECTED, "rejected", ["row", "id"])
    names: dict[int, str] = dict(rejected.iter_rows())
    pool = source.table(POOL, "pool", ["id"])["id"].to_list()
    stayed = (row for row in range(len(pool) + len(names)) if row not in names)
    # A rejected row may be the copy of one that stayed: by its number it is still the rejected one.
    of_row = {row: f"row {row} ({identity})" for row, identity in names.items()} | dict(zip(stayed, pool, strict=True))
    named = numbers(path)
    if beyond := [row for row in named if row not in of_row]:
        raise UserError(
            f"'{path}' names the rows {such_as(beyond)}, and the data set has {len(of_row)}, numbered "
            "from 0: mend the file"
        )
    return [of_row[row] for row in named]


def _reasons(source: Source, lost: Sequence[str]) -> Counter[str]:
    """Return why rows are not in the clean pool, and how many for each reason."""
    from scripts.data.tables import CONTAMINATED, REJECTED

    if not lost:
        return Counter()
    rejected = source.table(REJECTED, "rejected", ["row", "id", "reason"])
    reasons = {identity: f"rejected: {reason}" for _, identity, reason in rejected.iter_rows()}
    reasons |= {f"row {row} ({identity})": f"rejected: {reason}" for row, identity, reason in rejected.iter_rows()}
    hits = source.table(CONTAMINATED, "contaminated", ["id"])["id"]
    reasons |= dict.fromkeys(hits, "contaminated")
    return Counter(reasons.get(identity, "unknown") for identity in lost)


def _refusal(name: str, path: Path, named: int, missing: dict[str, int], lost: Sequence[str]) -> str:
    from scripts.select.own_file import such_as

    why = ", ".join(f"{count:,} {reason}" for reason, count in missing.items())
    return (
        f"subset '{name}': {len(lost):,} of the {named:,} rows that '{path}' names are not in the clean pool ({why}; "
        f"such as {such_as(lost)}): take them out of the file, or say missing: leave_out"
    )
