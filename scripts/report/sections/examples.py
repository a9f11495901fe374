"""The section of example answers."""

from typing import Any
from urllib.parse import quote as in_address

from scripts.report.facts import Facts
from scripts.report.markdown import cut, escape, introducing, quote
from scripts.report.sections.base import Section

PAGE = "../browse/index.html"  # what `make browse` writes, seen from the report's folder


def link(answer: dict[str, Any]) -> str:
    """Return the question's id as a link to all answers to it, those of the example's model first."""
    address = in_address(f"{answer['benchmark']}/{answer['question_id']}", safe="")
    return f"[{escape(answer['question_id'])}]({PAGE}#question={address}&a={in_address(answer['model'], safe='')})"


def examples(facts: Facts) -> str:
    """Return the answers that were drawn, benchmark by benchmark."""
    if not facts.examples:
        return "No answers were drawn."
    blocks = ["Each question leads to all answers to it, once `make browse` has written that page beside this report."]
    for number, answer in enumerate(facts.examples):
        if number == 0 or answer["benchmark"] != facts.examples[number - 1]["benchmark"]:
            blocks.append(f"## {escape(answer['benchmark'])}")
        # Cut, as a program may be long.
        expected, extracted = (
            escape(cut(answer[name], 80)) if answer[name] else "none" for name in ("gold", "extracted")
        )
        kind = {"right": "Right", "wrong": "Wrong", "truncated": "Cut off"}[answer["kind"]]
        facts_line = f"expected {expected}, extracted {extracted}, {answer['output_tokens']:,} tokens"
        blocks.append(introducing(f"**{kind}.** Question {link(answer)}, {facts_line}."))
        blocks.append(f"{quote(answer['question'])}\n>\n> *Answer*\n>\n{quote(answer['text'])}")
    return "\n\n".join(blocks) + "\n"


SECTIONS = (Section("_examples.md", examples),)
