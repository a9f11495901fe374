"""Alpaca: instruction, input (or context) and output. AceReason has no instruction: the question is the input."""

from scripts.common.answers import says_nothing
from scripts.data.formats.base import Columns, Read, text_of
from scripts.data.formats.turns import read_turns, turns_in


def _is_placeholder(value: object) -> bool:
    """Whether an input is one of the words that say there is none: self-instruct's, or a program's nan and None."""
    return isinstance(value, str) and (value.strip().lower() == "<noinput>" or says_nothing(value))


def fits(columns: Columns) -> bool:
    """Whether a row has these columns."""
    return "output" in columns and ("instruction" in columns or "input" in columns)


def read_instruction(columns: Columns) -> str:
    """Return instruction and input, joined by a line break."""
    names = columns.first(("instruction",)) + (columns.first(("input",)) or columns.first(("context",)))
    if len(names) == 2 and _is_placeholder(columns.see(names[1])):
        columns.take(names.pop(), "no input")
    if not names:
        columns.key("instruction")  # raises: it is missing
    return "\n".join(text_of(columns.take(name, "question"), f"the column '{name}'") for name in names)


def read(columns: Columns) -> Read:
    """Return what a row holds. Raises Malformed where a column is missing."""
    if "instruction" not in columns and "input" in columns and (turns := turns_in(columns.see("input"))) is not None:
        columns.take("input", "question")
        found = read_turns(columns, turns, "input")
    else:
        found = Read(question=read_instruction(columns))
    if not isinstance(columns.see("output"), list):  # of a list one is chosen as of any other (responses.py)
        found.response = text_of(columns.take("output", "response"), "the column 'output'")
    return found
