r"""A conversation that ends on an answer, as token ids: the one way in which rows are counted and trained on.

The text is what the chat template writes around an answer, with the answer put in whole. Templates change what is
said: those of R1's distilled models and of DeepSeek-V3 drop all before `</think>`, Qwen3's adds an empty chain, others
trim. So each conversation is rendered with a stand-in for its answer, which tells what comes around it, and once as
the prompt that generation will start from. For an answer that the template leaves as it is, the result is the
template's own rendering.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.chain import split_response, thinking_tags
from scripts.common.chat import Message, continuations, prompt_texts, token_lengths
from scripts.common.cli import UserError

STAND_IN, REASONING = "q7stand0in0text", "q7stand0in0chain"
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


def divided(prompt: str, question: str) -> tuple[str, str]:
    """Return a prompt without the chain at its end, and this chain: opened for the model (R1's distilled models), or
    closed already (thinking switched off; DeepSeek-V3.1 writes the closing tag alone). Tags within the last turn,
    `question`, are none of it."""
    said = question.strip()
    begin = max(0, prompt.rfind(said)) + len(said) if said in prompt else 0
    tags = list(thinking_tags(prompt[begin:]))
    if not tags or prompt[begin + tags[-1].end :].strip():
        return prompt, ""
    first = tags[-2] if len(tags) > 1 and tags[-1].closes and not tags[-2].closes else tags[-1]
    cut = begin + first.start
    cut = max(cut, prompt.find("<|channel|>", cut))  # who speaks is no part of the chain
    return prompt[:cut], prompt[cut:]


def without_chain(prompt: str, question: str) -> str:
    """Return a prompt without the chain that it opens, or has closed already."""
    return divided(prompt, question)[0]


def _closes(chain: str) -> bool:
    return any(tag.closes for tag in thinking_tags(chain))


def closes_chain(prompt: str, question: str) -> bool:
    """Whether a prompt closes the chain before the answer begins."""
    return _closes(divided(prompt, question)[1])


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
        thinks, question = _closes(response), prompt[-1]["content"]
        if thinks and self.field:
            opening, reasoning, closing = split_response(response)
            before, after = self._around(prompt, {"content": STAND_IN, self.field: REASONING})
            response = _untagged(opening).strip() + _untagged(closing).strip()
            before = before.replace(REASONING, reasoning)
        else:
            before, after = self._around(prompt, {"content": STAND_IN})
        bare, chain = divided(start, question)
        written = without_chain(before, question) if thinks and not self.field else before
        if not written.startswith(bare):
            raise UserError(
                f"the chat template of '{self.whose}' renders a prompt otherwise when an "
                "answer follows: name another template as the model's chat_template"
            )
        if written.startswith(start):
            lead = written[len(start) :]
        elif chain and thinks and not _closes(chain):
            # The prompt has opened the chain: the answer goes on from there.
            lead, response = "", self._continued(chain, response)
        elif chain and not thinks and _closes(chain):
            # The prompt has closed it: the answer follows, whatever the template writes there when it is known.
            lead = ""
        else:
            start, lead = bare, written[len(bare) :]
        answer, rest = self._ended(lead + response, after)
        return Parts(start, answer, rest)

    def _continued(self, chain: str, response: str) -> str:
        """Return a response without the opening of its chain, which the prompt's `chain` has written; where the prompt
        has other tags than the response, with the prompt's."""
        (opened,) = thinking_tags(chain)
        tags = list(thinking_tags(response))
        space = chain[opened.end :]
        if tags[0].closes:
            before, inner = "", response
        else:
            before, inner = response[: tags[0].start], response[tags[0].end :]
        if tags[0].form != opened.form:
            own = _closing(chain[: opened.end])
            if own is None:
                raise UserError(
                    f"the chat template of '{self.whose}' opens a chain with {json.dumps(chain.strip())}, and the "
                    "responses close theirs otherwise: name another template as the model's chat_template"
                )
            last = [tag for tag in tags if tag.closes][-1]
            begin = len(response) - len(inner)
            inner = response[begin : last.start] + own + response[last.end :]
        return before.strip() + inner.removeprefix(space)

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
                (tail,) = continuations(self.tokenizer, [part.answer + part.rest])
                whole = head + tail
            ends = [place for place, token in enumerate(whole) if token == self.end]
            yield Ids(whole, len(head), ends[-1 - part.rest.count(self._end_text)] + 1)

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"]


def _untagged(text: str) -> str:
    """Return a text without the tags around thinking."""
    for tag in reversed(list(thinking_tags(text))):
        text = text[: tag.start] + text[tag.end :]
    return text


def _closing(opening: str) -> str | None:
    """Return the tag that closes what `opening` opens, None where the one does not tell the other."""
    if match := re.fullmatch(r"([<\[◁])(\w[\w:-]*)([>\]▷])", opening):
        return f"{match[1]}/{match[2]}{match[3]}"
    if match := re.fullmatch(r"<([|｜])(begin|start)([_▁].*)", opening):
        return f"<{match[1]}end{match[3]}"
    return None


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
    named = None
    if (model / "generation_config.json").is_file():
        try:
            named = GenerationConfig.from_pretrained(str(model)).eos_token_id
        except (OSError, ValueError, TypeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise UserError(f"the generation_config.json in '{model}' cannot be read: {reason}") from error
    elif (model / "config.json").is_file():  # as transformers does; a default of the family's is another model's
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        named = config.get("eos_token_id", (config.get("text_config") or {}).get("eos_token_id"))
    ids |= set(named if isinstance(named, list) else [named])
    return frozenset(int(token) for token in ids if token is not None)
