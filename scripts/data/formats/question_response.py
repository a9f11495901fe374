"""A column for the question and one for the response, by the names that public sources give them."""

from scripts.data.formats.alpaca import read_instruction
from scripts.data.formats.base import Columns, Malformed, Read, text_of
from scripts.data.formats.responses import chains_elsewhere
from scripts.data.formats.turns import read_turns, turns_in
from scripts.data.names import ANSWERS, QUESTIONS, RESPONSES, reasoning_prefix


def fits(columns: Columns) -> bool:
    """Whether a row has a question, and a response or reasoning."""
    asked = columns.first(QUESTIONS)
    said = columns.first((*RESPONSES, *ANSWERS)) or any(reasoning_prefix(name) is not None for name in columns.names())
    return bool(asked and (said or chains_elsewhere(columns)))


def read(columns: Columns) -> Read:
    """Return the question; which column the response is from is chosen with the reasoning (responses.py)."""
    asked = columns.first(QUESTIONS)
    if not asked:
        raise Malformed(f"there is no question: none of the columns {', '.join(QUESTIONS)} is there")
    if asked[0] in ("instruction", "input"):
        return Read(question=read_instruction(columns))
    notes = []
    if len(asked) > 1:
        notes.append(f"of the columns {', '.join(asked)} the question is '{asked[0]}'")
    value = columns.take(asked[0], "question")
    if (turns := turns_in(value)) is not None:
        found = read_turns(columns, turns, asked[0])
    else:
        found = Read(question=text_of(value, f"the column '{asked[0]}'"))
    found.notes = notes
    return found
