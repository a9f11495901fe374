"""Alpaca: instruction, input (or context) and output. AceReason has no instruction: the question is the input."""

from scripts.data.formats.base import Columns, Read, text_of
from scripts.data.formats.turns import is_conversation, read_turns


def fits(columns: Columns) -> bool:
    """Whether a row has these columns."""
    return "output" in columns and ("instruction" in columns or "input" in columns)


def read_instruction(columns: Columns) -> str:
    """Return instruction and input, joined by a line break."""
    names = columns.first(("instruction",)) + (columns.first(("input",)) or columns.first(("context",)))
    if not names:
        columns.key("instruction")  # raises: it is missing
    return "\n".join(text_of(columns.take(name, "question"), f"the column '{name}'") for name in names)


def read(columns: Columns) -> Read:
    """Return what a row holds. Raises Malformed where a column is missing."""
    if "instruction" not in columns and "input" in columns and is_conversation(columns.see("input")):
        found = read_turns(columns, columns.take("input", "question"), "input")
    else:
        found = Read(question=read_instruction(columns))
    found.response = text_of(columns.take("output", "response"), "the column 'output'")
    return found
