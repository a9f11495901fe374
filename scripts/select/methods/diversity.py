"""Diversity: questions that are unlike each other, by vectors that a model makes of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from scripts.common.cli import UserError
from scripts.common.config.measures import ByModel, Embedding, Measure
from scripts.select.methods.base import Method
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl


class Diversity(Method, ByModel):
    """Rows whose questions are unlike each other. Each question becomes a vector by a sentence-transformers model,
    named by `model`, or by the experiment's model (mean of its last hidden states). kmeans: equal draws of every
    cluster (ClusterClip, arXiv:2402.14526). k_center: greedily the question furthest from all that were taken (Sener
    and Savarese, arXiv:1708.00489). Further responses to one question are one more point in the same place: kmeans may
    take them, k_center takes them last."""

    method: Literal["diversity"]
    way: Literal["kmeans", "k_center"] = "kmeans"
    """How rows are chosen among the vectors."""
    size: int = Field(gt=0)
    """Number of rows."""
    clusters: int = Field(default=100, ge=2)
    """kmeans: how many clusters. A cluster with too few rows gives all it has, the others more."""

    def measures(self) -> Mapping[str, Measure]:
        return {"embeddings": Embedding.by(self)}

    def among(self) -> str | None:
        return "" if self.rows is None else None

    def unfit(self, source: Source) -> "pl.DataFrame | None":
        import polars as pl

        from scripts.select.tables import EMBEDDINGS

        known = source.table(EMBEDDINGS, "embeddings", ["id"])
        without = source.pool("id").join(known, on="id", how="anti", maintain_order="left")
        return without.with_columns(reason=pl.lit("not drawn to be embedded"))

    def select(self, source: Source, name: str, seed: int) -> Selection:
        from scripts.common.seeds import derive_seed
        from scripts.select.spread import clusters_of, draw_equally, k_center

        ids, vectors = _read(source)
        if self.size > len(ids):
            raise UserError(f"subset '{name}' asks for {self.size} rows, there are {len(ids)}: lower its size")
        if self.way == "k_center":
            places = k_center(vectors, self.size, derive_seed(seed, "first", name) % len(ids))
            return Selection([ids[place] for place in places])
        clusters = clusters_of(vectors, self.clusters, derive_seed(seed, "clusters", name))
        places = draw_equally(clusters, self.size, seed, name)
        return Selection([ids[place] for place in places], facts={"clusters": len(set(clusters.tolist()))})

    def code(self) -> list[str]:
        from scripts.common.digest import locked_versions

        return [*super().code(), f"scikit-learn {locked_versions()['scikit-learn']}"]

    def describe(self) -> str:
        vectors = f"vectors of the questions by {self.whose()}"
        if self.way == "kmeans":
            return (
                f"As many rows of each of {self.clusters:,} k-means clusters of {vectors}, drawn at random, "
                f"{self.size:,} in all ([2402.14526](https://arxiv.org/abs/2402.14526))."
            )
        return (
            f"{self.size:,} rows by k-center greedy over {vectors}: always the one furthest from all that were taken "
            "([1708.00489](https://arxiv.org/abs/1708.00489))."
        )

    def by_chance(self) -> bool:
        return True

    def expected_rows(self, clean: float, scored: float) -> float:
        return min(self.size, clean, self.rows or clean)


def _read(source: Source) -> tuple[list[str], Any]:
    """Return the ids and vectors, (rows, width), of the rows that have one, in the table's order: the pool's."""
    import numpy as np

    from scripts.common.tables import read_table
    from scripts.select.tables import EMBEDDINGS

    table = read_table(EMBEDDINGS, source.path("embeddings"), ["id", "embedding"])
    ids = table["id"].to_pylist()
    vectors = table["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return ids, np.ascontiguousarray(vectors.reshape(len(ids), -1), dtype=np.float32)
