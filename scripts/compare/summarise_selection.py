"""Where every row and every step went: the pool's account, steps and PIR by pattern, subsets before and after."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from scripts.common import cli
from scripts.common.program import Program, flag_of
from scripts.common.tables import read_table
from scripts.compare.candidates import candidates_table, categories_table
from scripts.compare.contents import contents_table, overlap_table
from scripts.compare.labels import FUNCTIONAL, PATTERNS
from scripts.compare.tables import COLUMNS, OF_SELECTION, write_csv
from scripts.data.tables import CONTAMINATED, POOL, REJECTED
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS, SUBSET


def rows_in(path: Path) -> int:
    """Return how many rows a Parquet file has."""
    return int(pq.ParquetFile(path).metadata.num_rows)


def account(
    raw: int,
    rejected: Counter[str],
    pool: int,
    contaminated: int,
    clean: int,
    samples: pd.DataFrame | None,
    unanswered: int = 0,
) -> pd.DataFrame:
    """Return the table pool_account: what came in, what left and why, what stayed, and what was scored of it.

    Of the clean rows, `unanswered` have no final answer that a score could ask after.

    Raises ValueError where rows are unaccounted for.
    """
    if raw != pool + rejected.total() or pool != clean + contaminated:
        raise ValueError(
            f"rows are missing: raw {raw}, pool {pool} + rejected {rejected.total()}; clean {clean} + contaminated "
            f"{contaminated}"
        )
    rows: list[tuple[str, str, int]] = [("raw", "", raw)]
    rows += [("rejected", reason, count) for reason, count in rejected.most_common()]
    rows += [("pool", "", pool), ("contaminated", "", contaminated), ("clean", "", clean)]
    if samples is not None:
        # The reason opens with the row's own length.
        unscored = Counter(re.sub(r"^\d+ tokens, ", "too long: ", reason) for reason in samples["reason"].dropna())
        rows += [("no final answer", "", unanswered)] if unanswered else []
        rows.append(("not drawn", "", clean - unanswered - len(samples)))
        rows += [("not scored", reason, count) for reason, count in unscored.most_common()]
        rows.append(("scored", "", len(samples) - unscored.total()))
        rows.append(
            ("without functional steps", "", int((samples["reason"].isna() & samples["mean_pir"].isna()).sum()))
        )
    return pd.DataFrame(rows, columns=COLUMNS["pool_account"])


def contamination(hits: pd.DataFrame, late: pd.DataFrame) -> pd.DataFrame:
    """Return for each benchmark how many rows hit it, how many of its questions were hit, and what became of the rows.

    `hits` were taken out of the pool; `late` hits, of benchmarks that came after the data were fixed, stayed in it.
    """
    tables = []
    for found, taken_out in ((hits, True), (late, False)):
        grouped = found.groupby("benchmark", sort=True)
        table = grouped.agg(rows=("id", "nunique"), questions=("question_id", "nunique")).reset_index()
        tables.append(table.assign(taken_out=taken_out))
    return pd.concat(tables, ignore_index=True)[COLUMNS["contamination"]]


def steps_by_pattern(steps: pd.DataFrame) -> pd.DataFrame:
    """Return the number of steps of each pattern, their share, and how many chains have one."""
    grouped = steps.groupby("pattern")["id"].agg(["size", "nunique"]).reindex(list(PATTERNS), fill_value=0)
    return pd.DataFrame(
        {
            "pattern": grouped.index,
            "steps": grouped["size"].to_numpy(),
            "share": grouped["size"].to_numpy() / max(len(steps), 1),
            "chains": grouped["nunique"].to_numpy(),
        }
    )


def pir_by_pattern(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how PIR (nats per answer token) is distributed within each functional pattern."""
    rows = []
    for pattern in FUNCTIONAL:
        pir = scores.loc[scores["pattern"] == pattern, "pir"]
        quantiles = dict(
            zip(["q05", "q25", "median", "q75", "q95"], pir.quantile([0.05, 0.25, 0.5, 0.75, 0.95]), strict=True)
        )
        rows.append(
            {"pattern": pattern, "steps": len(pir), "mean": pir.mean(), **quantiles, "negative_share": (pir < 0).mean()}
        )
    return pd.DataFrame(rows)


def subset_row(draw: str, subset: pd.DataFrame, patterns: pd.Series | None) -> dict[str, Any]:
    """Return the row of the table subsets for one subset file.

    `patterns` maps (id, step) to the step's pattern; without it (no steps were cut) the step counts stay empty.
    """
    row: dict[str, Any] = {
        "draw": draw,
        "rows": len(subset),
        "tokens_before": int(subset["tokens_before"].sum()),
        "tokens": int(subset["tokens"].sum()),
        "pruned_steps": int(subset["pruned_steps"].str.len().fillna(0).sum()),
    }
    functional: Counter[str] = Counter()
    pruned: Counter[str] = Counter()
    if patterns is not None:
        inside = patterns[patterns.index.get_level_values("id").isin(subset["id"])]
        functional.update(inside)
        left_out = subset[["id", "pruned_steps"]].explode("pruned_steps").dropna()
        pruned.update(patterns.loc[list(zip(left_out["id"], left_out["pruned_steps"].astype(int), strict=True))])
    for pattern in FUNCTIONAL:
        row[f"steps_{pattern}"] = functional[pattern] if patterns is not None else None
        row[f"pruned_{pattern}"] = pruned[pattern] if patterns is not None else None
    return row


def subset_table(files: Sequence[Path], patterns: pd.Series | None) -> pd.DataFrame:
    """Return the table subsets, a row per subset file."""
    rows = []
    for file in files:
        subset = read_table(SUBSET, file).select(["id", "tokens", "tokens_before", "pruned_steps"]).to_pandas()
        rows.append(subset_row(file.stem, subset, patterns))
    counts = {column: "Int64" for column in COLUMNS["subsets"] if column.startswith(("steps_", "pruned_"))}
    return pd.DataFrame(rows, columns=COLUMNS["subsets"]).astype(counts)


def main() -> None:
    program = Program(__doc__)
    for name in ("raw", "rejected", "pool", "contaminated", "clean"):
        program.add_input(f"--{name}", f"{name}.parquet")
    for name in ("steps", "scores", "samples"):
        program.add_input(f"--{name}", f"{name}.parquet, where steps were cut, or scored", optional=True)
    program.add_input("--subsets", "subset files", many=True)
    program.add_input("--candidates", "for each subset, the rows that it could have taken", many=True)
    program.add_input("--late", "hits of later benchmarks, which stayed in", many=True, optional=True)
    program.add_input("--pass-rates", "pass rates of the pool's questions, where a model was asked", optional=True)
    for name in OF_SELECTION:
        program.add_output(flag_of(f"{name}_table"), f"{name}.csv to write")
    arguments = program.parse()
    cut, scored = arguments.steps is not None, arguments.scores is not None
    with program.recording():
        steps = read_table(STEPS, arguments.steps).select(["id", "step", "pattern"]).to_pandas() if cut else None
        samples = read_table(SAMPLES, arguments.samples).to_pandas() if scored else None
        hits = read_table(CONTAMINATED, arguments.contaminated).to_pandas()
        late = pd.concat([hits.head(0), *(read_table(CONTAMINATED, path).to_pandas() for path in arguments.late)])
        rejected = Counter(read_table(REJECTED, arguments.rejected)["reason"].to_pylist())
        tables = {
            "pool_account": account(
                rows_in(arguments.raw),
                rejected,
                rows_in(arguments.pool),
                hits["id"].nunique(),
                rows_in(arguments.clean),
                samples,
                read_table(POOL, arguments.clean, ["answer"])["answer"].null_count,
            ),
            "contamination": contamination(hits, late),
            "candidates": candidates_table(arguments.candidates),
            "categories": categories_table(arguments.clean, arguments.subsets),
            "steps": pd.DataFrame(columns=COLUMNS["steps"]),
            "pir": pd.DataFrame(columns=COLUMNS["pir"]),
            "subsets": subset_table(
                arguments.subsets, None if steps is None else steps.set_index(["id", "step"])["pattern"].sort_index()
            ),
        }
        tables["contents"] = contents_table(
            arguments.clean, arguments.subsets, arguments.steps, set(late["id"]), arguments.pass_rates
        )
        tables["overlap"] = overlap_table(arguments.subsets)
        if steps is not None:
            tables["steps"] = steps_by_pattern(steps)
        if scored:
            tables["pir"] = pir_by_pattern(
                read_table(STEP_SCORES, arguments.scores).select(["pattern", "pir"]).to_pandas()
            )
        for name, table in tables.items():
            write_csv(name, table, getattr(arguments, f"{name}_table"))


if __name__ == "__main__":
    cli.run(main)
