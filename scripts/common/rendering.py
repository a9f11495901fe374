r"""A conversation that ends on an answer, as token ids: the one way in which rows are counted and trained on.

The text is what the chat template writes around an answer, with the answer put in whole. Templates change what is
said: those of R1's distilled models and of DeepSeek-V3 drop all before `</think>`, Qwen3's adds an empty chain, others
trim. So each conversation is rendered with a stand-in for its answer, which tells what comes around it, and once as
the prompt that generation will start from. For an answer that the template leaves as it is, the result is the
template's own rendering.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.chain import split_response
from scripts.common.chat import Message, prompt_texts, token_lengths
from scripts.common.cli import UserError

STAND_IN, REASONING = "q7stand0in0text", "q7stand0in0chain"
# A chain that the prompt opens for the model (R1's distilled models), or has closed already (thinking switched off).
OPENED = re.compile(r"<think>\s*\Z")
CLOSED = re.compile(r"<think>\s*</think>\s*\Z")
# Fields of a turn in which templates want the reasoning that have no think tags (gpt-oss).
FIELDS = ("thinking", "reasoning_content")


class Parts(NamedTuple):
    """A conversation as text."""

    prompt: str
    """What generation starts from."""
    answer: str
    """What the model is to write, up to and with the token that ends its turn."""
    rest: str
    """What the template writes behind."""


class Ids(NamedTuple):
    """A conversation as token ids."""

    ids: list[int]
    start: int
    """Of the answer."""
    end: int
    """The place after the token that ends the answer."""


def without_chain(text: str) -> str:
    """Return a prompt without the chain that it opens, or has closed already."""
    return OPENED.sub("", CLOSED.sub("", text))


class Renderer:
    """Renders conversations with one tokenizer (of `load_tokenizer`)."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.whose = getattr(tokenizer.apply_chat_template, "name", "the model")
        names = {str(token) for token in tokenizer.added_tokens_decoder.values()} | set(tokenizer.all_special_tokens)
        # Runs of spaces are added tokens of some tokenizers, and end no turn.
        ends = sorted((re.escape(name) for name in names if name.strip()), key=len, reverse=True)
        self._added = re.compile("|".join(ends) or "(?!)")
        self.field = self._field_of_reasoning()
        _, after = self._around([{"role": "user", "content": "?"}], {"content": STAND_IN})
        match = self._added.search(after)
        self.marked = match is not None
        """Whether the template itself ends an assistant's turn with a token."""
        name = match[0] if match else tokenizer.eos_token
        if not name:
            raise UserError(
                f"the chat template of '{self.whose}' ends an assistant's turn with no token, "
                "and the tokenizer names no eos_token: an answer would have no end"
            )
        self.end = int(tokenizer.convert_tokens_to_ids(name))
        """The token that ends an assistant's turn."""
        self._end_text = name

    def _around(self, prompt: list[Message], turn: dict[str, str]) -> tuple[str, str]:
        """Return what the template writes before and behind the answer STAND_IN of `turn`."""
        text = self.tokenizer.apply_chat_template([*prompt, {"role": "assistant", **turn}], tokenize=False)
        before, *after = text.split(STAND_IN)
        if len(after) != 1:
            raise UserError(
                f"the chat template of '{self.whose}' writes an assistant's turn "
                f"{len(after)} times: name another one as the model's chat_template"
            )
        return before, after[0]

    def _field_of_reasoning(self) -> str | None:
        """Return the field in which the template wants the reasoning, where it writes it without think tags."""
        for field in FIELDS:
            if field not in self.tokenizer.chat_template:
                continue
            turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": STAND_IN, field: REASONING}]
            text = self.tokenizer.apply_chat_template(turns, tokenize=False)
            if "<think>" not in text and text.count(REASONING) == 1 and REASONING in text.split(STAND_IN)[0]:
                return field
        return None

    def parts(self, conversations: Sequence[list[Message]]) -> Iterator[Parts]:
        """Yield each conversation as text."""
        prompts = [conversation[:-1] for conversation in conversations]
        starts = prompt_texts(self.tokenizer, prompts)
        for prompt, start, conversation in zip(prompts, starts, conversations, strict=True):
            yield self._parts(prompt, start, conversation[-1]["content"])

    def _parts(self, prompt: list[Message], start: str, response: str) -> Parts:
        thinks = "</think>" in response
        if thinks and self.field:
            opening, reasoning, closing = split_response(response)
            before, after = self._around(prompt, {"content": STAND_IN, self.field: REASONING})
            response = opening.replace("<think>", "").strip() + closing.replace("</think>", "", 1).strip()
            before = before.replace(REASONING, reasoning)
        else:
            before, after = self._around(prompt, {"content": STAND_IN})
        bare = without_chain(start)
        written = without_chain(before) if thinks else before
        if not written.startswith(bare):
            raise UserError(
                f"the chat template of '{self.whose}' renders a prompt otherwise when an "
                "answer follows: name another template as the model's chat_template"
            )
        if written.startswith(start):
            lead = written[len(start) :]
        elif thinks and OPENED.search(start):
            # The prompt has opened the chain: the answer goes on from there.
            lead, response = "", _continued(start, response)
        else:
            start, lead = bare, written[len(bare) :]
        answer, rest = self._ended(lead + response, after)
        return Parts(start, answer, rest)

    def _ended(self, answer: str, after: str) -> tuple[str, str]:
        match = self._added.search(after)
        if match:
            return answer + after[: match.end()], after[match.end() :]
        return answer + after.rstrip() + self._end_text, ""

    def encode(self, conversations: Sequence[list[Message]]) -> Iterator[Ids]:
        """Yield each conversation as token ids."""
        every = list(self.parts(conversations))
        if not every:
            return
        heads = self._ids([part.prompt for part in every])
        wholes = self._ids(["".join(part) for part in every])
        for part, head, whole in zip(every, heads, wholes, strict=True):
            if whole[: len(head)] != head:  # a token across the border, which generation could never start from
                (tail,) = self._ids([part.answer + part.rest])
                whole = head + tail
            ends = [place for place, token in enumerate(whole) if token == self.end]
            yield Ids(whole, len(head), ends[-1 - part.rest.count(self._end_text)] + 1)

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"]


def _continued(start: str, response: str) -> str:
    """Return a response without the opening of its chain that the prompt `start` ends on."""
    opened = OPENED.search(start)
    space = opened[0].removeprefix("<think>") if opened else ""
    if "<think>" not in response.split("</think>")[0]:
        return response
    before, inner = response.split("<think>", 1)
    return before.strip() + inner.removeprefix(space)


def count_tokens(tokenizer: Any, conversations: Sequence[list[Message]]) -> list[int]:
    """Return the length in tokens of each conversation: of a prompt as generation starts from it, of one that ends on
    an answer as it is trained on."""
    if not conversations:
        return []
    if conversations[0][-1]["role"] != "assistant":
        return token_lengths(tokenizer, prompt_texts(tokenizer, list(conversations)))
    return [len(row.ids) for row in Renderer(tokenizer).encode(conversations)]


def end_of_turn(tokenizer: Any) -> int:
    """Return the token that ends an assistant's turn in the chat template (the tokenizer's EOS where none does)."""
    return Renderer(tokenizer).end


def stop_token_ids(model: Path, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the one that ends a turn in the chat template, which training ends every
    answer with, the tokenizer's EOS, and those of generation_config.json."""
    return frozenset({end_of_turn(tokenizer), *own_stop_ids(model, tokenizer)})


def own_stop_ids(model: Path, tokenizer: Any) -> frozenset[int]:
    """Return the tokens at which a model's own files let an answer end."""
    from transformers import GenerationConfig

    ids = {tokenizer.eos_token_id}
    if (model / "generation_config.json").is_file():
        named = GenerationConfig.from_pretrained(str(model)).eos_token_id
        ids |= set(named if isinstance(named, list) else [named])
    return frozenset(int(token) for token in ids if token is not None)
