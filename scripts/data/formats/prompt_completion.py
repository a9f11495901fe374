"""TRL's prompt and completion, each text or a list of turns."""

from scripts.data.formats.base import Columns, Read, text_of
from scripts.data.formats.turns import read_turns, turns_in


def fits(columns: Columns) -> bool:
    """Whether a row has these columns."""
    return "prompt" in columns and "completion" in columns


def read(columns: Columns) -> Read:
    """Return what a row holds. Raises Malformed where a column is missing."""
    prompt, completion = columns.take("prompt", "question"), columns.take("completion", "response")
    asked, said = turns_in(prompt), turns_in(completion)
    if said is not None:
        asked = [{"role": "user", "content": prompt}] if asked is None else asked
        return read_turns(columns, [*asked, *said], "completion")
    if asked is not None:
        found = read_turns(columns, asked, "prompt")
        found.response = text_of(completion, "the column 'completion'")
        return found
    return Read(
        question=text_of(prompt, "the column 'prompt'"), response=text_of(completion, "the column 'completion'")
    )
