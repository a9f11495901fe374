"""Chains before and after pruning."""

from typing import Any

from scripts.compare.labels import counted
from scripts.report.facts import Facts
from scripts.report.markdown import escape, introducing
from scripts.report.needs import pruned
from scripts.report.prose import prose
from scripts.report.sections.base import Section

HEAD = """
## Chains, before and after {#sec-chains}

{{ number | counted("chain") }} of {{ subset }}, drawn by a hash and not chosen, among those that lost a step. What is
struck through was taken out.
"""
ROW = """
**Row {{ chain.id }}.** {{ chain.removed }} of {{ chain.steps | counted("step") }} left out; the largest PIR among them
is {{ largest }}.
"""


def chains(facts: Facts) -> str:
    """Return the chains that were drawn, their removed steps struck through."""
    drawn = facts.chains
    if not drawn["chains"]:
        return ""
    head = prose(HEAD, number=len(drawn["chains"]), subset=drawn["subset"])
    return "\n\n".join([head, *(_chain(chain) for chain in drawn["chains"])]) + "\n"


def _chain(chain: dict[str, Any]) -> str:
    largest = f"{chain['largest_pir_removed']:.2g}".replace("-", "−")
    head = introducing(prose(ROW, chain=chain, largest=largest))
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


SECTIONS = (Section("_chains.md", chains, pruned),)
