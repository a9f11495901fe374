"""The section of disputed answers: where two sets of rules come to different verdicts."""

from scripts.report.facts import Facts
from scripts.report.markdown import cut, escape
from scripts.report.sections.base import Section

SHOWN = 20
"""Answers that the report lists; compare/disputed.csv has all of them."""


def disputed(facts: Facts) -> str:
    """Return how many answers are disputed, and those that are so most often."""
    found = facts.table("disputed")
    if found.empty:
        return "No answer is disputed: lighteval's rules come to the same verdict on all of them.\n"
    open_ones = found[~found["decided"].astype(bool)]
    judged_right = int(open_ones.loc[open_ones["correct"] == 1, "answers"].sum())
    lines = [
        f"lighteval's rules come to the other verdict on {int(found['answers'].sum()):,} answers "
        f"({len(found):,} different ones); a person has decided {int(found.loc[found['decided'], 'answers'].sum()):,} "
        f"of them. Of the others {judged_right:,} count as right here and would not there, "
        f"{int(open_ones['answers'].sum()) - judged_right:,} the other way round.",
        "",
        "| Benchmark | Expected | Answer | Counts as | Answers |",
        "|---|---|---|---|--:|",
    ]
    for row in found.head(SHOWN).to_dict("records"):
        verdict = ("right" if row["correct"] else "wrong") + (", decided" if row["decided"] else "")
        cells = [escape(cut(str(row[name]), 60)) for name in ("benchmark", "gold", "answer")]
        lines.append(f"| {' | '.join(cells)} | {verdict} | {row['answers']:,} |")
    if len(found) > SHOWN:
        lines += ["", f"The first {SHOWN} of {len(found):,}; `compare/disputed.csv` has all of them."]
    return "\n".join(lines) + "\n"


SECTIONS = (Section("_disputed.md", disputed),)
