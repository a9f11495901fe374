r"""The parts of a response: its reasoning, what stands around it, and the answer that it ends in.

Reasoning stands between tags, and every model family has its own (docs/data.md lists them). The text is never
rewritten: a response is cut where its own tags stand.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from scripts.common.headings import under_heading

BOXED = r"\boxed{"

# A family puts a word of its own before or behind: seed:think, inner_thought, thinking_process.
_NAMES = r"(?:[a-z]+[_:-])*(?:think(?:ing)?|thoughts?|reasoning)(?:[_-][a-z]+)?|scratchpad|inner_monologue|cot"
_PIPE, _JOIN = "[|｜]", "[_▁]"
# One pattern: a chain is long and is looked through once. Each alternative begins with a sign of its own, and the signs
# are looked for first: the alternatives are tried at few places.
_TAG = re.compile(
    rf"(?=[<&◁\[])(?:<\s*(?P<angle>/?)\s*(?P<name>{_NAMES})\s*(?:\s[\w-]+\s*=[^<>]*)?>"
    rf"|&lt;\s*(?P<escaped>/?)\s*(?P<escaped_name>{_NAMES})\s*&gt;"
    rf"|◁\s*(?P<triangle>/?)\s*(?:{_NAMES})\s*▷"
    r"|\[\s*(?P<bracket>/?)\s*think\s*\]"
    rf"|<{_PIPE}\s*(?P<pipe>(?:begin|end|start)(?:{_JOIN}of)?{_JOIN}|/)?(?P<pipe_name>thought|thinking|think|reasoning|solution)"
    rf"(?P<pipe_after>{_JOIN}(?:start|begin|end))?\s*{_PIPE}>"
    r"|(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?P<channel>analysis|commentary|final)[^<]*<\|message\|>)",
    re.IGNORECASE,
)
# gpt-oss, its channels' tokens left out in decoding; what ollama prints.
_PLAIN = re.compile(
    r"\A\s*(?:(?P<open>analysis)(?=\S).*?(?P<close>assistantfinal)"
    r"|(?P<says>Thinking\.\.\.)\s.*?(?P<done>(?:\.\.\.|…)done thinking\.))",
    re.DOTALL,
)
_PLAIN_CUT = re.compile(r"\A\s*analysis(?=[A-Z](?:[a-z]*|['’][a-z]+),?\s+\w)")
"""gpt-oss in the same way, cut off before its answer: analysisWe need ..."""
# A worked solution ends on a line of its own that holds the answer: "#### 18" (GSM8K), "The answer is: 18" (MetaMathQA,
# behind the other one too), "**Final Answer:** 18".
ANSWER_LINE = re.compile(
    r"\n[ \t]*(?:####[^\n]*\n\s*)?"
    r"(?:####|[-*_#> \t]*(?:(?:so|thus|hence|therefore),? )?(?:the )?(?:final |correct )?answer(?: is)?[*_ ]*:[*_]*)"
    r"[ \t]*(?P<answer>[^\s*][^\n]*?)\s*\Z",
    re.IGNORECASE,
)
LAST = 1000
"""Characters at a text's end in which such a line is looked for."""


class ChainError(ValueError):
    """A response's reasoning cannot be told from the rest of it."""

    reason = "think_not_one_block"


class ThinkNotClosed(ChainError):
    """A response opens its thinking and never closes it: its reasoning was cut off."""

    reason = "think_not_closed"


class Response(NamedTuple):
    """A response cut in three; the parts joined are the response, byte for byte."""

    before: str
    reasoning: str
    after: str


class Tag(NamedTuple):
    """What opens or closes thinking in a text."""

    start: int
    end: int
    form: str
    closes: bool


def thinking_tags(text: str) -> Iterator[Tag]:
    """Yield the tags around thinking, in order; those of a solution count as the end of a thought."""
    if plain := _PLAIN.match(text):
        begins, ends = ("open", "close") if plain["open"] else ("says", "done")
        yield Tag(*plain.span(begins), begins, False)
        yield Tag(*plain.span(ends), begins, True)
        return
    if cut := _PLAIN_CUT.match(text):
        yield Tag(*cut.span(), "open", False)
        return
    for found in _TAG.finditer(text):
        group = found.groupdict()
        if channel := group["channel"]:
            form, closes = "<|channel|>", channel.lower() == "final"
        elif name := group["pipe_name"]:
            said = f"{group['pipe'] or ''}{group['pipe_after'] or ''}".lower()
            if name.lower() == "solution":
                if "begin" not in said:
                    continue
                form, closes = "<|thought|>", True
            else:
                form, closes = f"<|{name.lower()}|>", "end" in said or said == "/"
        elif group["triangle"] is not None:
            form, closes = "◁think▷", bool(group["triangle"])
        elif group["bracket"] is not None:
            form, closes = "[THINK]", bool(group["bracket"])
        else:
            form, closes = (
                f"<{(group['name'] or group['escaped_name']).lower()}>",
                bool(group["angle"] or group["escaped"]),
            )
        yield Tag(found.start(), found.end(), form, closes)


def has_thinking(text: str) -> bool:
    """Whether a text holds a tag that opens or closes thinking."""
    return next(thinking_tags(text), None) is not None


def _block(text: str, tags: list[Tag]) -> tuple[int, int]:
    """Return where the one block of thinking begins and ends. Raises ChainError where there is not one."""
    first = tags[0]
    own = [tag for tag in tags if tag.form == first.form]
    # A tag that is said twice, nothing between, is one: templates write the opening one, and models again.
    opens: list[Tag] = []
    closes: list[Tag] = []
    for tag in own:
        kin = closes if tag.closes else opens
        if kin and not text[kin[-1].end : tag.start].strip():
            kin[-1] = kin[-1] if tag.closes else tag
        else:
            kin.append(tag)
    if opens and not closes:
        raise ThinkNotClosed(f"{text[opens[0].start : opens[0].end]} is never closed")
    begin, end = (opens[0].end if opens else 0), closes[0].start
    outside = [tag for tag in tags if tag.form != first.form and not tag.closes and not begin <= tag.start < end]
    if len(opens) > 1 or len(closes) > 1 or begin > end or outside:
        inside = opens[0] if opens else closes[0]
        raise ChainError(
            f"thinking opens {len(opens) + len(outside)} times and closes {len(closes)} times (the first tag is "
            f"{text[inside.start : inside.end]}): which part of it is the chain cannot be told"
        )
    return begin, end


def _headed(text: str) -> tuple[int, int] | None:
    try:
        return under_heading(text)
    except ValueError as error:
        raise ChainError(str(error)) from error


def split_response(response: str) -> Response:
    """Cut a response at the tags around its thinking, line breaks left outside.

    A closing tag alone counts too: some chat templates write the opening one into the prompt. Without tags headings
    count, and without these all of it is reasoning, up to a last line that holds the answer. Raises ChainError where
    the thinking is no single block.
    """
    if tags := list(thinking_tags(response)):
        begin, end = _block(response, tags)
    elif headed := _headed(response):
        begin, end = headed
    else:
        line = ANSWER_LINE.search(response, max(0, len(response) - LAST))
        begin, end = 0, line.start() if line else len(response)
    inner = response[begin:end]
    begin += len(inner) - len(inner.lstrip())
    end = max(begin, end - (len(inner) - len(inner.rstrip())))
    return Response(response[:begin], response[begin:end], response[end:])


def with_thinking(reasoning: str, response: str) -> str:
    """Return one response of thinking and answer that a source holds apart, in the form that R1 writes."""
    return f"<think>\n{reasoning}\n</think>\n\n{response}"


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last \boxed{...} of `text`, braces balanced, or None if there is none.

    Raises ValueError when the last one is never closed.
    """
    start = text.rfind(BOXED)
    return None if start < 0 else text[start + len(BOXED) : box_end(text, start + len(BOXED))].strip()


def box_end(text: str, begin: int) -> int:
    """Return where the box ends whose inside begins at `begin`. Raises ValueError when it is never closed."""
    depth = 1
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
                return position
        position += 1
    raise ValueError(r"\boxed{ is never closed")
