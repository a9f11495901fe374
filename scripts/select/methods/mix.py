"""Parts of other subsets: half diverse, half hard."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from scripts.common.cli import UserError
from scripts.common.layout import Layout
from scripts.select.methods.base import Method
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl

    from scripts.common.config.experiment import Experiment


class Mix(Method):
    """Rows of other subsets of the experiment, so many of each. A row that is in two of them counts once."""

    method: Literal["mix"]
    parts: dict[str, float] = Field(min_length=2)
    """The share of each part, by the subset's name; together 1. Of a part its share of rows is drawn at random. A part
    is no mix, and prunes nothing: prune the mix."""
    size: int = Field(gt=0)
    """Number of rows, all different."""

    @field_validator("parts")
    @classmethod
    def _shares_make_a_whole(cls, parts: dict[str, float]) -> dict[str, float]:
        if wrong := next((name for name, share in parts.items() if share <= 0), None):
            raise ValueError(f"the share of '{wrong}' is {parts[wrong]:g}: say more than 0, or leave it out")
        if abs(sum(parts.values()) - 1) > 1e-6:
            raise ValueError(f"the shares add up to {sum(parts.values()):g} and not to 1")
        return parts

    def inputs(self, paths: Layout, name: str) -> dict[str, Any]:
        """Return the files of the parts beside what every method reads."""
        return super().inputs(paths, name) | {
            "parts": [paths.path("subset", draw=part) for part in self.parts],
            "part_candidates": [paths.path("candidates", draw=part) for part in self.parts],
        }

    def misfits(self, experiment: "Experiment") -> Iterator[str]:
        for part in self.parts:
            subset = experiment.subsets.get(part)
            pruning = subset.pruning() if subset else None
            if subset is None:
                yield f"parts: there is no subset '{part}' (there are: {', '.join(experiment.subsets)})"
            elif subset.draws:
                yield f"parts: '{part}' has several draws, and a mix takes one: leave draws out there, draw the mix"
            elif isinstance(subset, Mix):
                yield f"parts: '{part}' is a mix itself: name the subsets that it is made of"
            elif pruning and pruning.ratio:
                yield (
                    f"parts: '{part}' prunes its chains, and a mix takes whole rows: make a part of it that does not, "
                    f"and prune the mix (prune: {{ratio: {pruning.ratio:g}}})"
                )

    def unfit(self, source: Source) -> "pl.DataFrame":
        """Return the rows that no part could have taken."""
        import polars as pl

        from scripts.common.tables import read_table
        from scripts.select.tables import CANDIDATES

        paths = source.paths("part_candidates")
        parts = [pl.DataFrame(read_table(CANDIDATES, path, ["id", "reason"])) for path in paths]
        could = pl.concat([part.filter(pl.col("reason").is_null()).select("id") for part in parts])
        left = source.pool("id").join(could, on="id", how="anti", maintain_order="left")
        return left.with_columns(reason=pl.lit("in no part's reach"))

    def select(self, source: Source, name: str, seed: int) -> Selection:
        from scripts.common.tables import read_table
        from scripts.select.tables import SUBSET

        rows = {path.stem: read_table(SUBSET, path, ["id"])["id"].to_pylist() for path in source.paths("parts")}
        drawn = draw_parts(rows, self.parts, self.size, name, seed)
        ids = [identity for part in drawn.values() for identity in part]
        return Selection(ids, None, {"parts": {part: len(ids) for part, ids in drawn.items()}})

    def describe(self) -> str:
        shares = ", ".join(f"{100 * share:g}% from `{part}`" for part, share in self.parts.items())
        return f"{self.size:,} rows of other subsets, drawn at random: {shares}; a row that is in two counts once."

    def by_chance(self) -> bool:
        return True

    def expected_rows(self, clean: float, scored: float) -> float:
        return min(self.size, clean)


def draw_parts(
    rows: Mapping[str, list[str]], shares: Mapping[str, float], size: int, name: str, seed: int
) -> dict[str, list[str]]:
    """Return the ids drawn of each part, no row twice: `size` of them, by the largest remainders of the shares.

    The part that is nearest to its end draws first, so that another does not take what only it could give. Raises
    UserError where a part has too few rows.
    """
    from scripts.select.subset import draw_ids

    wanted = _quotas(shares, size)
    taken: set[str] = set()
    drawn: dict[str, list[str]] = {}
    for part in sorted(shares, key=lambda part: (len(rows[part]) / max(wanted[part], 1), part)):
        free = [identity for identity in rows[part] if identity not in taken]
        if len(free) < wanted[part]:
            shared = len(rows[part]) - len(free)
            raise UserError(
                f"subset '{name}' asks for {wanted[part]:,} rows of its part '{part}', which has {len(free):,}"
                f"{f' beside {shared:,} that another part gave' if shared else ''}: lower the size or its share"
            )
        drawn[part] = draw_ids(free, wanted[part], seed, "mix", part, name)
        taken.update(drawn[part])
    return {part: drawn[part] for part in shares}


def _quotas(shares: Mapping[str, float], size: int) -> dict[str, int]:
    """Return how many rows each part gives: its share of the size, the largest remainders rounded up."""
    from fractions import Fraction

    exact = {part: size * Fraction(str(share)) for part, share in shares.items()}
    whole = {part: int(number) for part, number in exact.items()}
    missing = size - sum(whole.values())
    raised = sorted(exact, key=lambda part: (whole[part] - exact[part], part))[:missing]
    return {part: number + (part in raised) for part, number in whole.items()}
