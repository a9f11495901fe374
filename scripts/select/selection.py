"""What a method or a control draws from, and what it draws: rows of the clean pool, and steps that are left out."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.common.cli import UserError
from scripts.common.config.model import ChatSettings

if TYPE_CHECKING:
    import polars as pl

    from scripts.common.tables import Table


class Selection(NamedTuple):
    """What is drawn. The rows are written in the pool's order, whatever theirs is here."""

    ids: list[str] | None = None
    """The rows by id; None for every row of the clean pool."""
    pruned: "pl.DataFrame | None" = None
    """The steps that are left out, as (id, step); None for none."""
    facts: Mapping[str, Any] = MappingProxyType({})
    """What is to be known of the drawing: it is kept in the subset's provenance."""


class Source:
    """The files that a selection is drawn from, read when they are asked for."""

    def __init__(
        self,
        files: Mapping[str, Any],
        model: Path,
        chat_template: Path | None = None,
        chat: ChatSettings | None = None,
    ) -> None:
        """`files` are paths, or lists of paths, by name; None where there is none."""
        self._files, self._model, self._chat = files, model, (chat_template, chat)

    def path(self, name: str) -> Path:
        """Return the file of that name in the layout. Raises UserError where the program was given none."""
        if (path := self._files.get(name)) is None:
            what = "a file of yours" if name == "file" else f"{name}.parquet"
            raise UserError(f"this selection reads {what}: give it by --{name}")
        return Path(path)

    def paths(self, name: str) -> list[Path]:
        """Return the files of that name, of which there are several. Raises UserError where the program was given
        none."""
        if not (paths := self._files.get(name)):
            raise UserError(f"this selection reads the files of {name}: give them by --{name.replace('_', '-')}")
        return list(paths)

    def table(self, kind: "Table", name: str, columns: Sequence[str] | None = None) -> "pl.DataFrame":
        """Return `columns` of the file of that name as the table `kind`."""
        import polars as pl

        from scripts.common.tables import read_table

        return pl.DataFrame(read_table(kind, self.path(name), columns))

    def pool(self, *columns: str) -> "pl.DataFrame":
        """Return columns of the clean pool, rows in its order."""
        from scripts.data.tables import POOL

        return self.table(POOL, "clean", columns)

    def candidates(self) -> "pl.DataFrame":
        """Return (id, stratum) of the rows that a control draws from: those that its subset could have taken, rows in
        the pool's order; all of the clean pool where no file says which."""
        import polars as pl

        from scripts.select.tables import CANDIDATES

        if self._files.get("candidates") is None:
            return self.pool("id").with_columns(stratum=pl.lit(None, pl.String))
        rows = self.table(CANDIDATES, "candidates")
        return rows.filter(pl.col("reason").is_null()).select("id", "stratum")

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer, with the chat template that conversations are counted by."""
        from scripts.common import chat

        return chat.load_tokenizer(self._model, *self._chat)
