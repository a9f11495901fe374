"""Conversations in a column: OpenAI's messages, ShareGPT's conversations."""

from scripts.data.formats.base import Columns, Malformed, Read
from scripts.data.formats.turns import is_conversation, read_conversation
from scripts.data.names import CONVERSATIONS


def column(columns: Columns) -> str | None:
    """Return the column that holds a conversation, None without one."""
    return next((name for name in columns.first(CONVERSATIONS) if is_conversation(columns.see(name))), None)


def read(columns: Columns) -> Read:
    """Return what a row holds. Raises Malformed without a conversation."""
    name = column(columns)
    if name is None:
        there = columns.first(CONVERSATIONS)
        raise Malformed(
            "the conversation is not a list of turns"
            if there
            else f"none of the columns {', '.join(CONVERSATIONS)} is there"
        )
    return read_conversation(columns, name)
