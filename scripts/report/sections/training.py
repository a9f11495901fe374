"""The section on training, by arm and by run."""

import json

import pandas as pd

from scripts.compare.labels import (
    arm_label,
)
from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.needs import trained
from scripts.report.sections.base import Section


def number(value: float, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


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
        "Tokens read",
        "Seconds",
        "Tokens/s",
        "Final loss",
        "GPU-hours",
    ]
    rows = [
        [
            escape(arm_label(row["arm"])),
            str(row["runs"]),
            number(row["rows"]),
            number(row["tokens"]),
            number(row["trained_tokens"]),
            number(row["steps"]),
            f"{row['epochs']:g}",
            number(row["tokens_read"]),
            number(row["seconds"]),
            number(row["tokens_per_second"]),
            number(row["final_loss"], 3),
            number(row["gpu_hours"], 2),
            *([number(row["cost"], 2)] if priced else []),
        ]
        for _, row in arms.iterrows()
    ]
    headers += ["Cost"] if priced else []
    widths = [22, 6, 7, 10, 11, 7, 8, 10, 9, 9, 8, 9] + ([8] if priced else [])
    caption = (
        "Training by arm: means over its runs, GPU-hours"
        f"{' and cost' if priced else ''} in sum. Tokens are those of the training set, trained tokens those "
        "among them with a loss, counted once; tokens read are those of all passes."
    )
    text = table(headers, rows, "l" + "r" * (len(headers) - 1), widths, caption, "tbl-training")
    return "\n\n".join(filter(None, [budget(facts), own_settings(facts), text]))


def budget(facts: Facts) -> str:
    """Return what all arms have equally much of, and whether they had."""
    settings, runs = facts.experiment.training, facts.table("training_runs")
    read = f"tokens read by a run: {_range(runs['tokens_read'])}"
    if settings.budget == "epochs":
        return (
            f"Budget: equal epochs, {settings.epochs:g} for every run. Equal epochs are neither equal steps "
            f"({_range(runs['steps'])} a run) nor equal tokens ({read})."
        )
    if settings.budget == "steps":
        return f"Budget: equal steps, {settings.steps:,} for every run ({read})."
    return f"Budget: equal tokens, {settings.tokens:,} for every run, to the nearest optimiser step ({read})."


def own_settings(facts: Facts) -> str:
    """Return which subsets were trained otherwise than the experiment says; nothing where none was."""
    named = []
    for name, subset in facts.experiment.subsets.items():
        if subset.training is not None:
            changed = subset.training.model_dump(mode="json", exclude_none=True)
            words = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in changed.items())
            named.append(f"{escape(name)} ({words})")
    return f"Trained otherwise, with their controls: {'; '.join(named)}." if named else ""


def _range(values: "pd.Series[float]") -> str:
    low, high = values.min(), values.max()
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def training_runs(facts: Facts) -> str:
    """Return the table of every training run."""
    counts = ("rows", "tokens", "trained_tokens", "steps", "seconds", "tokens_per_second")
    rows = [
        [
            breakable(row["run"]),
            *(number(row[name]) for name in counts),
            number(row["final_loss"], 3),
            number(row["gpu_hours"], 2),
        ]
        for _, row in facts.table("training_runs").iterrows()
    ]
    headers = ["Run", "Rows", "Tokens", "Trained tokens", "Steps", "Seconds", "Tokens/s", "Final loss", "GPU-hours"]
    widths = [30, 8, 11, 12, 8, 9, 9, 8, 9]
    return table(headers, rows, "lrrrrrrrr", widths, "Every training run.", "tbl-training-runs")


SECTIONS = (
    Section("_training.md", training, trained),
    Section("_training_runs.md", training_runs, trained),
)
