"""How far apart the estimators of PIR are on real tables: exact (shift), hidden from all that follows (keep), one pass.

Every chain of at most --longest tokens is scored in each way by the same model. `closing` is one pass in which the
closing words, too, are computed again without the step. Printed as JSON, for each way: the rank correlation with exact
PIR with a 95% interval from a bootstrap over chains, the share of pruning decisions that agree, the AUC for steps whose
exact PIR is beyond 0.05 nats either way, its seconds. Exact PIR less one pass is the sum of two parts: what length
alone does (shift less keep), and what later steps took over from the hidden one (keep less one pass); their sizes say
which of them an estimate misses. --values keeps the value of every step; with --again the figures are made from such a
file and nothing is scored. --table writes the main figures, a row for each way, as the rows of --name in a CSV of all
models. --against is another scorer's file: exact PIR by one beside exact PIR by the other.
"""

import json
import random
import time
from pathlib import Path
from typing import Any

import polars as pl

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware

MATTERS = 0.05  # nats
RATIOS = (0.3, 0.5)
DRAWS = 1000


def ways() -> dict[str, Any]:
    """Return the ways to score by name, exact PIR first."""
    from scripts.select.limopro.one_pass import hidden_from_answer
    from scripts.select.limopro.tree import Branch, TreeWay, hidden_from_all

    def hidden_from_closing(chain: Any) -> list[Branch]:
        sequence = chain.sequence()
        first = len(sequence) - len(chain.answer) - len(chain.closing)
        return [Branch(sequence[first:], first, first, place) for place in chain.places()]

    variants = {"keep": hidden_from_all, "one_pass": hidden_from_answer, "closing": hidden_from_closing}
    return {"shift": TreeWay(), **{name: TreeWay(variant) for name, variant in variants.items()}}


def encoded(clean: Path, steps: Path, tokenizer: Any, longest: int, limit: int) -> tuple[list[Any], dict[str, Any]]:
    """Return `limit` chains with functional steps, of at most `longest` tokens, shortest first, and the rows by id."""
    from scripts.select.limopro.chain import encode_chain
    from scripts.select.limopro.patterns import FUNCTIONAL
    from scripts.select.score_steps import scored_steps, shard_ids, shard_rows

    chains, rows = [], {}
    for row in shard_rows(clean, steps, shard_ids(steps, 0, 1)):
        places = scored_steps(row)
        functional = [k for k, place in enumerate(places) if row["pattern"][place] in FUNCTIONAL]
        texts = [row["text"][place] for place in places]
        chain = encode_chain(
            tokenizer, row["id"], row["system"], row["question"], texts, functional, row["answer"], row["ending"]
        )
        if functional and len(chain.sequence()) <= longest:
            chains.append(chain)
            rows[row["id"]] = row
    return sorted(chains[:limit], key=lambda chain: len(chain.sequence())), rows


def write_values(estimator: Any, chains: list[Any], rows: dict[str, Any], budget: int, output: Path) -> None:
    """Write a row per functional step, after each chain: id, step, pattern, tokens, chain_tokens, seconds_{way} of its
    chain and the PIR by each way."""
    from scripts.select.score_steps import scored_steps

    list(estimator.score(chains[-1:], budget))  # finds out whether the tree is exact
    if not estimator.proved:
        raise cli.UserError("this model has no tree; take another")
    records = []
    for chain in cli.progress(chains, "chains scored", "chain"):
        scores, seconds = {}, {}
        for name, way in ways().items():
            start = time.perf_counter()
            (scores[name],) = way.score(estimator.scorer, [chain], budget)
            seconds[f"seconds_{name}"] = time.perf_counter() - start
        row, places = rows[chain.id], scored_steps(rows[chain.id])
        for number, k in enumerate(chain.functional):
            record = {"id": chain.id, "step": places[k], "pattern": row["pattern"][places[k]]}
            record |= {"tokens": len(chain.steps[k]), "chain_tokens": len(chain.sequence()), **seconds}
            records.append(record | {name: s.nll_without[number] - s.nll_full for name, s in scores.items()})
        pl.DataFrame(records).write_csv(output)


def spearman(values: pl.DataFrame, name: str) -> float:
    """Return the rank correlation of a way with exact PIR."""
    return float(values.select(pl.corr("shift", name, method="spearman")).item())


def with_interval(values: pl.DataFrame, name: str) -> list[float]:
    """Return the rank correlation and its 95% interval, from a bootstrap over chains."""
    parts = values.partition_by("id")
    draw = random.Random(0)
    drawn = sorted(spearman(pl.concat(draw.choices(parts, k=len(parts))), name) for _ in range(DRAWS))
    return [round(x, 3) for x in (spearman(values, name), drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)])]


def pruned(values: pl.DataFrame, name: str, ratio: float) -> set[tuple[str, int]]:
    """Return the (id, step) that pruning at a ratio removes by a way's values."""
    from scripts.select.limopro.pruning import lowest_impact

    return set(lowest_impact(values.with_columns(pir=pl.col(name)), ratio).rows())


def agreement(values: pl.DataFrame, name: str, ratio: float) -> dict[str, float]:
    """Return how pruning by a way's values decides beside pruning by exact PIR."""
    exact, other = pruned(values, "shift", ratio), pruned(values, name, ratio)
    matters = set(values.filter(pl.col("shift").abs() > MATTERS).select("id", "step").rows())
    lost = values.with_columns(gone=pl.concat_str("id", "step").is_in([f"{i}{k}" for i, k in other])).filter("gone")
    return {
        "alike": round(1 - len(exact ^ other) / len(values), 3),
        "alike_where_it_matters": round(1 - len((exact ^ other) & matters) / max(1, len(matters)), 3),
        "removed_by_both": round(len(exact & other) / max(1, len(exact | other)), 3),
        # Exact PIR of what goes: the less, the better the choice. Random steps have the mean of all.
        "mean_pir_removed": round(float(lost["shift"].mean() or 0), 4),
    }


def auc(values: pl.DataFrame, name: str, truth: str = "shift") -> float | None:
    """Return how well |PIR| by a way finds the steps that matter by another; none where all do, or none."""
    from sklearn.metrics import roc_auc_score

    matters = values[truth].abs() > MATTERS
    return round(float(roc_auc_score(matters, values[name].abs())), 3) if 0 < matters.sum() < len(values) else None


def parts(values: pl.DataFrame) -> dict[str, Any]:
    """Return the parts of exact PIR: the size (root mean square, nats) of each, and which of them one pass lacks."""
    columns = {
        "exact": values["shift"],
        "answer_only": values["one_pass"],
        "taken_over": values["keep"] - values["one_pass"],
        "length": values["shift"] - values["keep"],
    }
    return {
        "size": {name: round(float((column**2).mean()) ** 0.5, 4) for name, column in columns.items()},
        "median_size": {name: round(float(column.abs().median()), 4) for name, column in columns.items()},
        # One pass against what it can see but for the taking over, and that against exact PIR.
        "auc_one_pass_for_keep": auc(values, "one_pass", "keep"),
        "auc_keep_for_exact": auc(values, "keep"),
    }


def beside(values: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    """Return how far exact PIR by another scorer is from this one's, on the steps that both scored."""
    both = values.join(other.select("id", "step", other="shift"), on=["id", "step"])
    return {
        "functional_steps": len(both),
        "chains": both["id"].n_unique(),
        "spearman": with_interval(both, "other"),
        "pearson": round(float(both.select(pl.corr("shift", "other")).item()), 3),
        "auc": auc(both, "other"),
        "decisions": {str(ratio): agreement(both, "other", ratio) for ratio in RATIOS},
    }


def figures(values: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of one model."""
    length = values["shift"] - values["keep"]
    chains = values.unique("id")
    numbers = {
        "chains": len(chains),
        "functional_steps": len(values),
        "matter": int((values["shift"].abs() > MATTERS).sum()),
        "negative_share": {name: round(float((values[name] < 0).mean()), 3) for name in ("shift", "keep")},
        "median": {name: round(float(values[name].median()), 4) for name in ("shift", "keep")},
        "length_alone": {
            "median": round(float(length.median()), 4),
            "mean": round(float(length.mean()), 4),
            "median_size": round(float(length.abs().median()), 4),
            "median_size_of_pir": round(float(values["shift"].abs().median()), 4),
        },
    }
    numbers["parts"] = parts(values)
    numbers["mean_pir"] = round(float(values["shift"].mean()), 4)
    numbers["exact_decisions"] = {str(ratio): agreement(values, "shift", ratio) for ratio in RATIOS}
    for name in ("keep", "one_pass", "closing"):
        numbers[name] = {
            "spearman": with_interval(values, name),
            "pearson": round(float(values.select(pl.corr("shift", name)).item()), 3),
            "decisions": {str(ratio): agreement(values, name, ratio) for ratio in RATIOS},
            "auc": auc(values, name),
            "seconds": round(float(chains[f"seconds_{name}"].sum()), 2),
        }
    return numbers | {"shift_seconds": round(float(chains["seconds_shift"].sum()), 2), "hardware": hardware()}


def write_rows(found: dict[str, Any], name: str, table: Path) -> None:
    """Write the main figures of a model to the table, in the place of those that it has of it."""
    counts = {"model": name} | {key: found[key] for key in ("chains", "functional_steps", "matter")}
    rows = []
    for way in ("keep", "one_pass", "closing"):
        of = found[way]
        row = counts | {"way": way} | dict(zip(("spearman", "ci_low", "ci_high"), of["spearman"], strict=True))
        row |= {"pearson": of["pearson"], "auc": of["auc"]}
        rows.append(row | {f"alike_{ratio}": of["decisions"][str(ratio)]["alike"] for ratio in RATIOS})
    others = pl.read_csv(table).filter(pl.col("model") != name) if table.exists() else pl.DataFrame()
    pl.concat([part for part in (others, pl.DataFrame(rows)) if len(part)]).write_csv(table)


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--scorer", type=Path, help="folder of the model")
    parser.add_argument("--clean", type=Path, help="clean.parquet")
    parser.add_argument("--steps", type=Path, help="steps.parquet")
    parser.add_argument("--longest", type=int, default=10**9, help="tokens of the longest chain that is scored")
    parser.add_argument("--limit", type=int, default=10**9, help="how many chains")
    parser.add_argument("--budget", type=int, default=16_384, help="tokens per forward pass")
    parser.add_argument("--values", type=Path, required=True, help="CSV with the value of every step")
    parser.add_argument("--again", action="store_true", help="read --values instead of scoring")
    parser.add_argument("--table", type=Path, help="CSV of the main figures by model")
    parser.add_argument("--name", help="what the table calls the model")
    parser.add_argument("--against", type=Path, help="another scorer's --values")
    arguments = parser.parse()
    if not arguments.again:
        import torch

        from scripts.common import chat
        from scripts.select.score_steps import load_scorer

        tokenizer = chat.load_tokenizer(arguments.scorer)
        chains, rows = encoded(arguments.clean, arguments.steps, tokenizer, arguments.longest, arguments.limit)
        with torch.inference_mode():
            estimator = load_scorer(arguments.scorer, "float32")
            write_values(estimator, chains, rows, arguments.budget, arguments.values)
    values = pl.read_csv(arguments.values)
    against = {"against": beside(values, pl.read_csv(arguments.against))} if arguments.against else {}
    found = figures(values)
    if arguments.table:
        write_rows(found, arguments.name, arguments.table)
    print(json.dumps(found | against, indent=2))


if __name__ == "__main__":
    cli.run(main)
