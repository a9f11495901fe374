"""What pruning adds to the section on selection: patterns beside the paper's, how far the segmenter is to be trusted,
steps with a negative PIR, the band, orphans, what a ratio leaves."""

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.compare.agreement import AGREEMENT
from scripts.compare.labels import FUNCTIONAL, PATTERNS, percent
from scripts.compare.paper import LIMO_LEFT, LIMO_TOKENS, SHARES
from scripts.report.facts import Facts
from scripts.report.figures import picture
from scripts.report.markdown import escape, table
from scripts.report.needs import scored
from scripts.report.prose import Markdown, prose
from scripts.report.sections.base import Section

BAND = "@fig-sample-scores shows which rows a selection draws from."
NEGATIVE = """
{{ negative | number }} of {{ steps | number }} scored functional steps ({{ (negative / steps) | percent }}%) have a
negative PIR: without them the scorer is surer of the answer. PIR mixes what a step says with how long it is, since what
is left out also moves the answer nearer to the question.
"""
SCORERS = """
A second scorer, {{ second }}, has scored the same steps: its PIR and that of {{ first }} have a rank correlation of
{{ spearman }} (95% interval {{ low }} to {{ high }}) over {{ steps | number }} functional steps of
{{ chains | number }} chains (@tbl-scorers). Which steps go hangs on the scorer as far as this is below 1.
Only the first one selects.
"""
READERS = """
@tbl-agreement says how far the steps and patterns are to be trusted. It was measured once, on other chains, of
DeepSeek-R1 and two of its distilled models, and not on this experiment's.
"""
ORPHANS = """
Before steps are cut the pruned chain is read again (@tbl-orphans): a step that would be left speaking of what is gone
goes too, where it says nothing new, or else the step before it stays. A correction with whose number the derivation
goes on stays too.
"""
LEFT = "@tbl-pruning and @fig-pruning show what pruning leaves of the rows, and what it would leave at other ratios."


def pruning(facts: Facts) -> str:
    """Return the shares of the patterns, the band of the sample score, and what prune ratios leave."""
    experiment = facts.experiment
    blocks = [shares(facts.table("steps")), prose(READERS), agreement(), negative(facts.table("pir"))]
    if experiment.second_scorer():
        blocks.append(scorers(facts.table("scorers"), experiment))
    if experiment.bands():
        blocks += [prose(BAND), picture("sample_scores", experiment)]
    if experiment.pruned_subsets():
        blocks += [orphans(facts), prose(LEFT), ratios(facts), picture("pruning", experiment)]
    return "\n\n".join(block for block in blocks if block)


def negative(pir: pd.DataFrame) -> str:
    """Return how many functional steps have a negative PIR; nothing where none was scored."""
    steps = int(pir["steps"].sum())
    below = round(float((pir["steps"] * pir["negative_share"]).sum()))
    return prose(NEGATIVE, negative=below, steps=steps) if steps else ""


def scorers(found: pd.DataFrame, experiment: Experiment) -> str:
    """Return how two scorers rank functional steps; nothing where they scored none in common."""
    if found.empty:
        return ""
    rows = [
        [
            PATTERNS.get(row["pattern"], row["pattern"]),
            *(f"{int(row[name]):,}" for name in ("steps", "chains", "unmatched")),
            _number(row["spearman"]),
            f"{_number(row['ci_low'])} to {_number(row['ci_high'])}",
        ]
        for _, row in found.iterrows()
    ]
    caption = (
        "Rank correlation (Spearman) of the PIR of functional steps by two scorers, with 95% intervals from a "
        "bootstrap over chains. Left out: steps of chains that only one of the two could hold."
    )
    headers = ["Pattern", "Steps", "Chains", "Left out", "Correlation", "Interval"]
    first = found.iloc[0]
    assert experiment.scorer.second
    sentence = prose(
        SCORERS,
        first=(experiment.scorer.model or experiment.model).name,
        second=experiment.scorer.second.name,
        spearman=Markdown(_number(first["spearman"])),
        low=Markdown(_number(first["ci_low"])),
        high=Markdown(_number(first["ci_high"])),
        steps=first["steps"],
        chains=first["chains"],
    )
    return f"{sentence}\n\n{table(headers, rows, 'lrrrrr', [26, 12, 12, 12, 16, 22], caption, 'tbl-scorers')}"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"


def agreement() -> str:
    """Return the table of the segmenter's agreement with readers."""
    rows = [[row.chains, *(percent(share) for share in row[1:])] for row in AGREEMENT]
    caption = (
        "Agreement with readers (%): units with the reader's pattern; F1 of functional units and of the borders of "
        "functional steps; functional steps that end inside one of the reader's; units that are derivation for the "
        "reader and functional here. A reader is one annotation by a language model that followed a written guide."
    )
    headers = ["Labelled chains", "Pattern", "Functional, F1", "Borders, F1", "Torn", "Derivation taken"]
    return table(headers, rows, "lrrrrr", [30, 12, 16, 14, 10, 18], caption, "tbl-agreement")


def orphans(facts: Facts) -> str:
    """Return what mending did to the cut of each pruned subset, by the account in its provenance."""
    rows = []
    for name in facts.experiment.pruned_subsets():
        file = facts.experiment.files_of(name)[0]
        account = facts.provenance.get(f"select/subsets/{file}.parquet", {}).get("orphans")
        if account:
            due = account["cut"] - account["extended"] + account["kept"]
            counts = (due, account["kept"], account["extended"], account["cut"])
            rows.append([escape(name), *(f"{count:,}" for count in counts)])
    if not rows:
        return ""
    caption = "Orphans mended: functional steps due by their PIR, kept after all, cut beside, and cut in all."
    headers = ["Training set", "Due", "Kept", "Cut beside", "Cut"]
    return f"{prose(ORPHANS)}\n\n{table(headers, rows, 'lrrrr', [40, 15, 15, 15, 15], caption, 'tbl-orphans')}"


def shares(steps: pd.DataFrame) -> str:
    """Return the shares of the patterns beside those of the paper's data sets."""
    ours = dict(zip(steps["pattern"], steps["share"], strict=True))
    rows = [
        [name, percent(ours[pattern]), *(percent(paper[pattern]) for paper in SHARES.values())]
        for pattern, name in PATTERNS.items()
    ]
    caption = (
        "Share of the steps by pattern (%), here and in Table 1 of the paper [@xiao2025limopro], where a model cut and "
        "labelled them; here a small trained sequence model does both."
    )
    headers = ["Pattern", "Here", *SHARES]
    return table(headers, rows, "lrrrr", [36, 16, 16, 16, 16], caption, "tbl-shares")


def ratios(facts: Facts) -> str:
    """Return the table of tokens left by prune ratio."""
    ours, subsets = facts.table("pruning"), facts.table("subsets").set_index("draw")
    rows = []
    for _, row in ours.iterrows():
        paper = LIMO_LEFT.get(round(row["ratio"], 3))
        rows.append(
            [
                "all scored",
                *_ratio_cells(row["ratio"], row["rows"], row["pruned_steps"], row["functional_steps"]),
                *_left_cells(row["tokens_before"], row["tokens"]),
                f"{paper:,} ({percent(paper / LIMO_TOKENS)})" if paper else "–",
            ]
        )
    for name, how in facts.experiment.pruned_subsets().items():
        subset = subsets.loc[facts.experiment.files_of(name)[0]]
        functional = sum(subset[f"steps_{pattern}"] for pattern in FUNCTIONAL)
        counts = _ratio_cells(how.ratio, subset["rows"], subset["pruned_steps"], functional)
        rows.append([escape(name), *counts, *_left_cells(subset["tokens_before"], subset["tokens"]), "–"])
    caption = (
        f"What a prune ratio leaves. The paper's column is its Table 5: LIMO, {LIMO_TOKENS:,} tokens, and what is left "
        "of them. All scored rows: tokens of the responses, removed steps counted each by itself, computed from the "
        "scores without training; training sets: tokens of whole conversations. The share is rounded in each chain and "
        "pattern, so that where a chain has one step of a pattern a ratio of 0.5 or more takes it."
    )
    headers = ["Rows", "Ratio", "Chains", "Steps left out", "Tokens", "Left", "Left, %", "LIMO left (%)"]
    widths = [16, 7, 9, 17, 13, 13, 8, 18]
    return table(headers, rows, "lrrrrrrr", widths, caption, "tbl-pruning")


def _ratio_cells(ratio: float, rows: int, pruned: int, functional: int) -> list[str]:
    return [f"{ratio:g}", f"{int(rows):,}", f"{int(pruned):,} of {int(functional):,}"]


def _left_cells(before: int, left: int) -> list[str]:
    return [f"{int(before):,}", f"{int(left):,}", percent(left / before) if before else "–"]


SECTIONS = (Section("_pruning.md", pruning, scored),)
