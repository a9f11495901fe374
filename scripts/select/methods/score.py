"""Rows by a score from a file: the door for a number that was computed elsewhere, by whatever method."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from scripts.common.cli import UserError
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl

    from scripts.common.config.experiment import Experiment


class Score(Ranked):
    """Rows by a score that a file holds, whoever computed it: the highest, the lowest, or a band."""

    needs: ClassVar[tuple[str, ...]] = ("rejected", "contaminated")
    method: Literal["score"]
    file: str
    """The file of the scores, .csv, .tsv, .jsonl or .parquet, with a column `id`, as data/clean.parquet has them, and
    one of numbers; an empty cell is a row without a score. It enters by its content: a changed file draws this subset
    anew."""
    column: str = "score"
    """The column of the numbers."""
    missing: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of ids that are of no row of the data set: the subset is refused, or they are left out. (Rows that
    were rejected, or hold a benchmark's question, are left out always.)"""

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        from scripts.select import own_file

        path = source.path("file")
        found = own_file.scores(path, self.column)
        self._check_known(source, path, list(found))
        reasons = ["no score in the file" if score is None else None for score in found.values()]
        rows = {"id": list(found), "score": list(found.values()), "reason": reasons}
        scored = pl.DataFrame(rows, schema={"id": pl.String, "score": pl.Float64, "reason": pl.String})
        # Clean rows that the file does not name have none in it either.
        others = source.pool("id").join(scored, on="id", how="anti")
        lacking = others.with_columns(score=pl.lit(None, pl.Float64), reason=pl.lit("no score in the file"))
        return pl.concat([scored, lacking])

    def _check_known(self, source: Source, path: Path, named: list[str]) -> None:
        """Raise UserError where a file's ids are of other rows than those of the data set."""
        from scripts.data.tables import CONTAMINATED, REJECTED
        from scripts.select.own_file import such_as

        clean = set(source.pool("id")["id"])
        if named and clean.isdisjoint(named):
            raise UserError(
                f"none of the {len(named):,} ids of '{path}', such as {such_as(named)}, is of a row of the clean pool: "
                "take those of data/clean.parquet"
            )
        known = clean.union(source.table(CONTAMINATED, "contaminated", ["id"])["id"])
        known.update(source.table(REJECTED, "rejected", ["id"])["id"])
        unknown = [one for one in named if one not in known]
        if unknown and self.missing == "refuse":
            raise UserError(
                f"{len(unknown):,} of the {len(named):,} ids of '{path}', such as {such_as(unknown)}, are of no row of "
                "the data set: take them out of the file, or say missing: leave_out"
            )

    def misfits(self, experiment: "Experiment") -> Iterator[str]:
        from scripts.select.own_file import planned_columns

        columns, unreadable = planned_columns(self.file)
        yield from unreadable
        if unreadable:
            return
        for column in ("id", self.column):
            if column not in columns:
                yield f"file: '{self.file}' needs a column {column}, and has {', '.join(columns)}"

    def score_words(self) -> str:
        return f"`{self.column}` in the file `{Path(self.file).name}`, which was made elsewhere"
