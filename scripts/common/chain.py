r"""The parts of a response: its reasoning, what stands around it, and the answer in \boxed{...}."""

from typing import NamedTuple

OPEN, CLOSE = "<think>", "</think>"
BOXED = r"\boxed{"


class ThinkNotClosed(ValueError):
    """A response opens <think> and never closes it: its reasoning was cut off."""


class Response(NamedTuple):
    """A response cut in three; the parts joined are the response, byte for byte."""

    before: str
    reasoning: str
    after: str


def split_response(response: str) -> Response:
    """Cut a response at its <think> tags, line breaks left outside; without tags all of it is reasoning.

    A closing tag alone counts too: some chat templates write the opening one into the prompt.
    """
    close = response.rfind(CLOSE)
    start = response.find(OPEN)
    if close < 0 <= start:
        raise ThinkNotClosed("<think> is never closed")
    begin = start + len(OPEN) if 0 <= start < close else 0
    end = close if close >= 0 else len(response)
    inner = response[begin:end]
    begin += len(inner) - len(inner.lstrip())
    end = max(begin, end - (len(inner) - len(inner.rstrip())))
    return Response(response[:begin], response[begin:end], response[end:])


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last \boxed{...} of `text`, braces balanced, or None if there is none.

    Raises ValueError when the last one is never closed.
    """
    start = text.rfind(BOXED)
    if start < 0:
        return None
    depth, begin = 1, start + len(BOXED)
    position = begin
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1  # an escaped brace does not count
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return text[begin:position].strip()
        position += 1
    raise ValueError(r"\boxed{ is never closed")
