"""What a LIMOPro subset adds to the section on selection: PIR against the truth, patterns, ratios, chains."""

import json
from typing import Any

import pandas as pd

from scripts.common.config.selection import Limopro
from scripts.report.facts import Facts
from scripts.report.labels import PATTERNS, counted, percent
from scripts.report.markdown import escape, table
from scripts.report.paper import LIMO_LEFT, LIMO_TOKENS, SHARES

RIVALS = {"pir": "PIR", "length": "length of the step", "position": "position in the chain"}


def pruning(facts: Facts) -> str:
    """Return what a LIMOPro subset adds to the section on selection; nothing without one."""
    if not facts.experiment.scored_subsets():
        return ""
    blocks = [truth(facts.table("pir_truth")), shares(facts.table("steps")), SAMPLE_SCORES, ratios(facts)]
    return "\n\n".join([*(block for block in blocks if block), chains(facts)])


SAMPLE_SCORES = (
    "@fig-sample-scores shows which rows a selection draws from. @tbl-pruning and @fig-pruning show what pruning "
    "leaves of them, and what it would leave at other ratios.\n\n"
    "![The sample score over the scored rows (the outermost bins hold the half percent beyond them on either side); "
    "shaded, the band that a selection draws from.](figures/sample_scores.svg){#fig-sample-scores "
    'fig-alt="Histogram of the sample score with the selected band shaded."}'
)


def truth(found: pd.DataFrame) -> str:
    """Return how well PIR tells needed from idle steps, where the source says which is which."""
    if found.empty:
        return ""
    auc = {row["score"]: f"{row['auc']:.3f}" for _, row in found.iterrows()}
    first = found.iloc[0]
    sentence = (
        f"The source says which functional steps the answer hangs on ({first['needed']:,} of "
        f"{first['needed'] + first['idle']:,} scored ones; the scorer never sees it): PIR tells them from idle ones "
        f"with an AUC of {auc['pir']}, a step's length alone with {auc['length']} and its position alone with "
        f"{auc['position']} (@tbl-pir-truth)."
    )
    rows = [
        [
            RIVALS[row["score"]],
            f"larger is {row['larger_means']}",
            f"{row['auc']:.3f}",
            f"{row['ci_low']:.3f} to {row['ci_high']:.3f}",
            f"{row['needed']:,}",
            f"{row['idle']:,}",
            f"{row['chains']:,}",
        ]
        for _, row in found.iterrows()
    ]
    caption = (
        "AUC for needed against idle functional steps: the chance that of two, one of each, the score ranks the needed "
        "one as such; 0.5 is a guess. The rivals are given the direction that suits them. Intervals: 95%, bootstrap "
        "over chains."
    )
    headers = ["Score", "Direction", "AUC", "Interval", "Needed", "Idle", "Chains"]
    return f"{sentence}\n\n" + table(headers, rows, "llrrrrr", [22, 18, 9, 18, 10, 10, 10], caption, "tbl-pir-truth")


def shares(steps: pd.DataFrame) -> str:
    """Return the shares of the patterns beside those of the paper's data sets."""
    ours = dict(zip(steps["pattern"], steps["share"], strict=True))
    rows = [
        [name, percent(ours[pattern]), *(percent(paper[pattern]) for paper in SHARES.values())]
        for pattern, name in PATTERNS.items()
    ]
    caption = (
        "Share of the steps by pattern (%), here and in Table 1 of the paper [@xiao2025limopro], where a model cut and "
        "labelled them; here rules do both."
    )
    headers = ["Pattern", "Here", *SHARES]
    return table(headers, rows, "lrrrr", [36, 16, 16, 16, 16], caption, "tbl-shares")


def ratios(facts: Facts) -> str:
    """Return the table and the figure of tokens left by prune ratio."""
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
    names = facts.experiment.scored_subsets()
    for name in names:
        subset, settings = subsets.loc[name], facts.experiment.subsets[name]
        assert isinstance(settings, Limopro) and not isinstance(settings.prune_ratio, list)  # sweeps are expanded
        functional = sum(subset[f"steps_{pattern}"] for pattern in list(PATTERNS)[1:])
        counts = _ratio_cells(settings.prune_ratio, subset["rows"], subset["pruned_steps"], functional)
        rows.append([escape(name), *counts, *_left_cells(subset["tokens_before"], subset["tokens"]), "–"])
    caption = (
        f"What a prune ratio leaves. The paper's column is its Table 5: LIMO, {LIMO_TOKENS:,} tokens, and what is left "
        "of them. All scored rows: tokens of the responses, removed steps counted each by itself, computed from the "
        "scores without training; training sets: tokens of whole conversations. The share is rounded in each chain and "
        "pattern, so that where a chain has one step of a pattern a ratio of 0.5 or more takes it."
    )
    headers = ["Rows", "Ratio", "Chains", "Steps left out", "Tokens", "Left", "Left, %", "LIMO left (%)"]
    widths = [16, 7, 9, 17, 13, 13, 8, 18]
    swept = any(facts.experiment.subsets[name].drawn_as for name in names)  # type: ignore[union-attr]
    also = " Right: the score of the sweep's subsets, with intervals." if swept else ""
    figure = (
        f"![Tokens left against the prune ratio, beside the paper's LIMO.{also}](figures/pruning.svg){{#fig-pruning "
        'fig-alt="Tokens left against the prune ratio; the numbers are in the table."}'
    )
    return f"{table(headers, rows, 'lrrrrrrr', widths, caption, 'tbl-pruning')}\n\n{figure}"


def _ratio_cells(ratio: float, rows: int, pruned: int, functional: int) -> list[str]:
    return [f"{ratio:g}", f"{int(rows):,}", f"{int(pruned):,} of {int(functional):,}"]


def _left_cells(before: int, left: int) -> list[str]:
    return [f"{int(before):,}", f"{int(left):,}", percent(left / before) if before else "–"]


def chains(facts: Facts) -> str:
    """Return the chains that were drawn, their removed steps struck through."""
    drawn = json.loads((facts.results / "report" / "chains.json").read_text(encoding="utf-8"))
    if not drawn["chains"]:
        return ""
    number = counted(len(drawn["chains"]), "chain")
    blocks = [
        "## Chains, before and after {#sec-chains}",
        f"{number[0].upper()}{number[1:]} of {escape(drawn['subset'])}, drawn by a hash and not chosen, among those "
        "that lost a step. What is struck through was taken out.",
    ]
    return "\n\n".join([*blocks, *(_chain(chain) for chain in drawn["chains"])]) + "\n"


def _chain(chain: dict[str, Any]) -> str:
    largest = f"{chain['largest_pir_removed']:.2g}".replace("-", "−")
    head = (
        f"**Row {escape(chain['id'])}.** {chain['removed']} of {counted(chain['steps'], 'step')} left out; the largest "
        f"PIR among them is {largest}."
    )
    lines = [f"*Question* {escape(chain['question'])}", "*Chain*", *_steps(chain["printed"])]
    return f"{head}\n\n" + "\n>\n".join(f"> {line}" for line in lines)


def _steps(printed: list[dict[str, Any]]) -> list[str]:
    paragraphs = []
    for step in printed:
        if step["skipped"]:
            paragraphs.append(f"*\\[… {counted(step['skipped'], 'step')} not shown …\\]*")
        lines = [escape(line) for line in step["text"].splitlines() if line.strip()]
        struck = [f"~~{line}~~" if step["removed"] else line for line in lines if line]
        if struck:
            paragraphs.append(" \\\n> ".join(struck))
    return paragraphs
