"""The table of what was asked of endpoints: requests, tokens and cost, stage by stage."""

import json
from collections import Counter
from typing import Any

from scripts.common.config.experiment import Experiment
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.sections.base import Section

CAPTION = (
    "What was asked of endpoints, as they count it: answers, tokens of their prompts, tokens of the answers, and the "
    "cost by the experiment's prices. Requests that failed are not counted."
)


def asked(experiment: Experiment) -> bool:
    """Tell whether an endpoint answers questions or cuts chains."""
    return experiment.segmenting_model() is not None or experiment.evaluation.asks() is not None


def usage_by_stage(facts: Facts) -> dict[str, Counter[str]]:
    """Return the usage of all jobs by stage; the artefacts of one job count once."""
    jobs: dict[str, dict[str, Any]] = {}
    for record in facts.provenance.values():
        if "usage" in record:
            jobs[json.dumps([record["program"], record["started"], record["options"]])] = record
    totals: dict[str, Counter[str]] = {}
    for record in jobs.values():
        stage = record["program"].removeprefix("scripts/").partition("/")[0]
        totals.setdefault(stage, Counter()).update(record["usage"])
    return totals


def endpoints(facts: Facts) -> str:
    """Return the table."""
    rows = [
        [
            escape(stage),
            *(f"{used[name]:,}" for name in ("requests", "input_tokens", "output_tokens")),
            f"{used['cost']:,.2f}" if "cost" in used else "–",
        ]
        for stage, used in usage_by_stage(facts).items()
    ]
    headers = ["Stage", "Requests", "Tokens in", "Tokens out", "Cost"]
    return table(headers, rows, "lrrrr", [28, 18, 18, 18, 18], CAPTION, "tbl-endpoints") if rows else ""


SECTIONS = (Section("_endpoints.md", endpoints, asked),)
