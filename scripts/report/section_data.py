"""The sections on what was trained on: selection, training, data hygiene."""

import pandas as pd

from scripts.report.facts import Facts
from scripts.report.labels import FUNCTIONAL, PATTERNS, arm_label, counted, percent
from scripts.report.markdown import breakable, escape, table

SMALL = 0.001


def _number(value: float, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def account(facts: Facts) -> str:
    """Return the account of rows: what came in, what left and why."""
    rows = [
        [
            escape(row["stage"]),
            "" if pd.isna(row["reason"]) else escape(str(row["reason"]).replace("_", " ")),
            f"{row['rows']:,}",
        ]
        for _, row in facts.table("pool_account").iterrows()
    ]
    caption = "The account of rows: raw = pool + rejected, pool = clean + contaminated."
    return table(["Stage", "Reason", "Rows"], rows, "llr", [30, 50, 20], caption, "tbl-account")


def contamination(facts: Facts) -> str:
    """Return what decontamination found."""
    hits, late = facts.table("contamination"), facts.experiment.late_benchmarks()
    found = {row["benchmark"]: (int(row["rows"]), int(row["questions"])) for _, row in hits.iterrows()}
    rows = [
        [escape(name), *(f"{count:,}" for count in found.get(name, (0, 0))), "no" if name in late else "yes"]
        for name in facts.experiment.evaluation.benchmarks
    ]
    settings = facts.experiment.pool.decontaminate
    caption = (
        f"Rows of the pool that held a benchmark question (word {settings.ngram}-grams), and how many questions "
        "that were. Rows that hold a benchmark added after the training data were fixed stay in, and are counted."
    )
    return table(
        ["Benchmark", "Rows found", "Questions hit", "Taken out"],
        rows,
        "lrrl",
        [40, 20, 20, 20],
        caption,
        "tbl-contamination",
    )


def selection(facts: Facts) -> str:
    """Return the tables of steps and of subsets."""
    steps, pir, subsets = facts.table("steps"), facts.table("pir"), facts.table("subsets")
    blocks = []
    if len(steps):
        by_pattern = pir.set_index("pattern")
        rows = []
        for _, row in steps.iterrows():
            scored = by_pattern.loc[row["pattern"]] if row["pattern"] in by_pattern.index else None
            numbers = ["–"] * 4
            if scored is not None and scored["steps"]:
                numbers = [
                    f"{int(scored['steps']):,}",
                    *(f"{scored[name]:.3f}".replace("-", "−") for name in ("mean", "median")),
                ]
                numbers.append(percent(scored["negative_share"]))
            rows.append(
                [PATTERNS[row["pattern"]], f"{row['steps']:,}", percent(row["share"]), f"{row['chains']:,}", *numbers]
            )
        headers = ["Pattern", "Steps", "Share, %", "Chains", "Scored", "Mean PIR", "Median PIR", "PIR < 0, %"]
        caption = (
            "Steps by pattern in the rows drawn for scoring, and PIR (nats an answer token) of the functional ones."
        )
        blocks.append(table(headers, rows, "lrrrrrrr", [26, 10, 10, 10, 10, 11, 12, 11], caption, "tbl-steps"))
    blocks.append(_subsets(subsets))
    return "\n".join(blocks)


def _subsets(subsets: pd.DataFrame) -> str:
    rows = []
    for _, row in subsets.iterrows():
        pruned = [
            "–"
            if pd.isna(row[f"steps_{pattern}"])
            else f"{row[f'pruned_{pattern}']:,.0f} of {row[f'steps_{pattern}']:,.0f}"
            for pattern in FUNCTIONAL
        ]
        left_out = 1 - row["tokens"] / row["tokens_before"] if row["tokens_before"] else 0.0
        rows.append(
            [
                breakable(row["draw"]),
                f"{row['rows']:,}",
                f"{row['tokens_before']:,}",
                f"{row['tokens']:,}",
                percent(left_out) if left_out > SMALL else "–",
                *pruned,
            ]
        )
    headers = [
        "Training set",
        "Rows",
        "Tokens before",
        "Tokens",
        "Left out, %",
        "Verification",
        "Multi-method",
        "Error correction",
    ]
    caption = (
        "The training sets, before and after pruning; the last three columns are functional steps left out, of "
        "those in the set's rows. A control is drawn anew for every training seed."
    )
    return table(headers, rows, "lrrrrrrr", [22, 8, 11, 10, 9, 14, 14, 14], caption, "tbl-subsets")


def training(facts: Facts) -> str:
    """Return the table of training by arm."""
    arms = facts.table("training_arms")
    priced = arms["cost"].notna().any()
    headers = [
        "Arm",
        "Runs",
        "Rows",
        "Tokens",
        "Trained tokens",
        "Steps",
        "Epochs",
        "Seconds",
        "Tokens/s",
        "Final loss",
        "GPU-hours",
    ]
    rows = [
        [
            escape(arm_label(row["arm"])),
            str(row["runs"]),
            _number(row["rows"]),
            _number(row["tokens"]),
            _number(row["trained_tokens"]),
            _number(row["steps"]),
            f"{row['epochs']:g}",
            _number(row["seconds"]),
            _number(row["tokens_per_second"]),
            _number(row["final_loss"], 3),
            _number(row["gpu_hours"], 2),
            *([_number(row["cost"], 2)] if priced else []),
        ]
        for _, row in arms.iterrows()
    ]
    headers += ["Cost"] if priced else []
    widths = [22, 6, 7, 10, 11, 7, 8, 9, 9, 8, 9] + ([8] if priced else [])
    caption = (
        "Training by arm: means over its runs, GPU-hours"
        f"{' and cost' if priced else ''} in sum. Tokens are those of the training set, trained tokens those "
        "among them with a loss, counted once. Equal epochs are neither equal steps nor equal tokens."
    )
    return table(headers, rows, "l" + "r" * (len(headers) - 1), widths, caption, "tbl-training")


def training_runs(facts: Facts) -> str:
    """Return the table of every training run."""
    counts = ("rows", "tokens", "trained_tokens", "steps", "seconds", "tokens_per_second")
    rows = [
        [
            breakable(row["run"]),
            *(_number(row[name]) for name in counts),
            _number(row["final_loss"], 3),
            _number(row["gpu_hours"], 2),
        ]
        for _, row in facts.table("training_runs").iterrows()
    ]
    headers = ["Run", "Rows", "Tokens", "Trained tokens", "Steps", "Seconds", "Tokens/s", "Final loss", "GPU-hours"]
    widths = [30, 8, 11, 12, 8, 9, 9, 8, 9]
    return table(headers, rows, "lrrrrrrrr", widths, "Every training run.", "tbl-training-runs")


def rejection_text(facts: Facts) -> str:
    """Return a sentence on how much of the data set was left out before selection."""
    rows = facts.table("pool_account").groupby("stage", sort=False)["rows"].sum()
    return (
        f"Of {counted(int(rows['raw']), 'row')}, {int(rows.get('rejected', 0)):,} were rejected, each with a reason, "
        f"and {int(rows['contaminated']):,} were taken out because they held a benchmark question; "
        f"{int(rows['clean']):,} are clean."
    )
