"""Conversations: lists of turns, with role and content or from and value, of a user's question and the response."""

from collections.abc import Mapping
from typing import Any

from scripts.common.answers import listed
from scripts.common.chain import has_thinking
from scripts.data.formats.base import Columns, Malformed, Read, is_empty, text_of
from scripts.data.formats.overlooked import may_be_reasoning, reasoning_inside
from scripts.data.names import FLAGS, is_context, plain, reasoning_prefix

ROLES = {
    "human": "user", "prompter": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant",
    "ai": "assistant", "chatgpt": "assistant", "developer": "system",
}  # fmt: skip
ROLE_KEYS, TEXT_KEYS = ("role", "from"), ("content", "value", "text")
DETAILS = "reasoning_details"  # OpenRouter: a list of blocks
# OpenAI, axolotl, ms-swift: false leaves a turn out, and so does 0 but for a loss, which may be measured.
TRAINED = ("weight", "loss_weight", "train", "trainable", "train_on_turn", "loss")
CALLS = ("tool_calls", "function_call")


def turns_in(value: Any) -> list[Any] | None:
    """Return the turns of a value that is a list of them, or JSON text of one; None for any other, text above all."""
    if isinstance(value, str):
        value = listed(value.strip()) if value.lstrip().startswith("[{") else None
        said = isinstance(value, list) and all(isinstance(turn, Mapping) for turn in value)
        if not said or not all(any(key in turn for key in ROLE_KEYS) for turn in value):
            return None
    return value if isinstance(value, list) else None


def _by_turn(value: Any) -> Any:
    """Return the turns of {"role": [...], "content": [...]}, as Parquet may hold them; any other value as it is."""
    if not isinstance(value, Mapping) or not any(isinstance(value.get(key), list) for key in ROLE_KEYS):
        return value
    lists = {key: held for key, held in value.items() if isinstance(held, list)}
    if len({len(held) for held in lists.values()}) > 1:
        return value
    return [dict(zip(lists, turn, strict=True)) for turn in zip(*lists.values(), strict=True)]


def is_conversation(value: Any) -> bool:
    """Whether a value is a list of turns, or JSON text of one."""
    value = _by_turn(value)
    return (isinstance(value, list) and bool(value)) or (isinstance(value, str) and value.lstrip().startswith("[{"))


def read_conversation(columns: Columns, name: str) -> Read:
    """Return what a column with a conversation holds; without a response where it ends on the user's turn."""
    key = columns.key(name)
    return read_turns(columns, columns.take(name, "conversation"), key)


def read_turns(columns: Columns, turns: Any, where: str) -> Read:
    """Return question, response, reasoning and system prompt of turns. Raises Malformed for any other conversation."""
    turns = listed(_by_turn(turns))
    if isinstance(turns, str):
        raise Malformed("the conversation is text, and no list of turns in JSON")
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise Malformed("the conversation is not a list of turns")
    turns = _joined_channels(turns)
    for turn in turns:
        _refuse_turn(turn)
    roles = [_role(turn) for turn in turns]
    system = None
    if roles[:1] == ["system"]:
        system = _text(turns[0])[0] or None
        roles, turns = roles[1:], turns[1:]
    if roles not in (["user"], ["user", "assistant"]):
        several = roles.count("user") > 1 or len(roles) > 2
        raise Malformed(
            f"the turns {roles[:12]} are not one user and one assistant turn (after a system prompt, if any)",
            "several_turns" if several else "malformed",
        )
    read = Read(question=_text(turns[0])[0], system=system)
    if any(reasoning_prefix(plain(key)) is not None for key in _fields(turns[0])):
        raise Malformed("the user's turn holds thinking: put it into the assistant's", "ambiguous_columns")
    if len(turns) == 2:
        read.response, thought = _text(turns[1])
        read.reasoning = _reasoning(turns[1], thought)
        if read.reasoning and not read.response.strip():
            raise Malformed("the assistant's turn holds thinking and nothing behind it: cut off", "think_not_closed")
    for turn in turns:
        columns.fields_left += [
            f"{where}[].{key}" for key, value in turn.items() if not is_empty(value) and not _is_known(plain(key))
        ]
    return read


def _refuse_turn(turn: Mapping[str, Any]) -> None:
    """Raise Malformed for a turn that is not to be trained on, or that holds what its text cannot."""
    if not any(turn.get(key) for key in ROLE_KEYS):
        keys = ", ".join(map(str, list(turn)[:10]))
        raise Malformed(f"a turn says by neither of {' and '.join(ROLE_KEYS)} whose it is: it has {keys}")
    for key, value in turn.items():
        if is_empty(value):
            continue
        if is_context(plain(key), value):
            raise Malformed(f"a turn holds '{key}', which a question and its response cannot hold", "context")
        off = value is False or (key != "loss" and value == 0)
        if off and key in TRAINED and _role(turn) == "assistant":
            raise Malformed(
                f"the assistant's turn says by '{key}: {value}' that it is not to be trained on", "not_wanted"
            )
    texts = [turn[key] for key in TEXT_KEYS if not is_empty(turn.get(key))]
    if any(text != texts[0] for text in texts):
        raise Malformed(f"a turn holds different texts under {' and '.join(TEXT_KEYS)}", "ambiguous_columns")


def _joined_channels(turns: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return turns with gpt-oss's two last, the channels analysis and final, as one with its reasoning."""
    if [turn.get("channel") for turn in turns[-2:]] != ["analysis", "final"]:
        return turns
    analysis, final = turns[-2:]
    joined = {key: value for key, value in final.items() if key != "channel"} | {"reasoning": _text(analysis)[0]}
    return [*turns[:-2], joined]


def _is_known(name: str) -> bool:
    return name in (*ROLE_KEYS, *TEXT_KEYS, DETAILS) or reasoning_prefix(name) is not None


def _role(turn: Mapping[str, Any]) -> str:
    role = str(next((turn[key] for key in ROLE_KEYS if turn.get(key)), None)).lower()
    return ROLES.get(role, role)[:40]


def _text(turn: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return a turn's text and the thinking among its parts: its content is text, or a list of typed parts."""
    if calls := next((key for key in CALLS if not is_empty(turn.get(key))), None):
        raise Malformed(f"a turn calls tools ({calls}), which a question and its response cannot hold", "context")
    content = next((turn[key] for key in TEXT_KEYS if turn.get(key) is not None), None)
    if content is None and any(key in turn for key in TEXT_KEYS):
        content = ""
    if not isinstance(content, list):
        return text_of(content, "the content of a turn"), None
    texts, thoughts = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in ("thinking", "reasoning"):
            thoughts.append(
                text_of(next((part[key] for key in (kind, "text") if part.get(key)), None), "a thinking part")
            )
        elif isinstance(part, str):
            texts.append(part)
        elif kind in ("text", "output_text", "input_text"):
            texts.append(text_of(part.get("text"), "a text part"))
        else:
            raise Malformed(f"a turn holds a part of type '{str(kind)[:40]}', which is no text", "context")
    if len(thoughts) > 1 or len(texts) > 1:
        raise Malformed(
            f"a turn holds {len(thoughts)} parts of thinking and {len(texts)} of text",
            "think_not_one_block" if thoughts else "malformed",
        )
    return "".join(texts), "".join(thoughts) or None


def _blocks(value: Any, key: str) -> str:
    """Return the text of a field of thinking: text, or a list with one block of it. Raises Malformed for another."""
    if not isinstance(value, list):
        return text_of(value, f"the field '{key}' of a turn")
    texts = [
        next((block[name] for name in ("text", "summary", "thinking") if block.get(name)), None)
        if isinstance(block, Mapping)
        else block
        for block in value
    ]
    if len(value) != 1 or not texts or not isinstance(texts[0], str):
        raise Malformed(f"the field '{key}' of a turn is not one block of text", "think_not_one_block")
    return texts[0]


def _fields(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a turn holds beside its role; flags (reasoning: high) and blanks say nothing."""
    return {
        key: value
        for key, value in turn.items()
        if not is_empty(value) and plain(key) not in ROLE_KEYS and str(value).strip().lower() not in ("", *FLAGS)
    }


def _reasoning(turn: Mapping[str, Any], thought: str | None) -> str | None:
    """Return the thinking that a turn holds in a field of its own, or among its parts."""
    fields = _fields(turn)
    found = {
        key: _blocks(value, key)
        for key, value in fields.items()
        if plain(key) == DETAILS or reasoning_prefix(plain(key)) is not None
    }
    texts = {text.strip() for text in [*found.values(), thought or ""]} - {""}
    if len(texts) > 1:
        raise Malformed(
            f"a turn holds thinking in several places ({', '.join(map(str, found))}) that differ", "ambiguous_columns"
        )
    said = _text(turn)[0]
    maybe = [
        key
        for key, value in fields.items()
        if not _is_known(plain(key)) and (may_be_reasoning(plain(key), value, said) or reasoning_inside(value))
    ]
    if not texts and maybe and not has_thinking(said):
        raise Malformed(
            f"the field '{maybe[0]}' of a turn may hold the reasoning, and no form knows it: call it reasoning_content",
            "ambiguous_columns",
        )
    return next((text for text in [*found.values(), thought or ""] if text.strip()), None)
