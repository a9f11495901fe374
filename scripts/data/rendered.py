"""Text that a chat template has written already: the model's own template would stand around it once more."""

import re

# What begins or ends a turn in the templates of the model families.
_TOKEN = re.compile(
    r"<\|(?:im_(?:start|end|user|assistant|middle)|(?:start|end)_header_id|eot_id|begin_of_text|end_of_text|endoftext|"
    r"user|assistant|eom_id|(?:START|END)_OF_TURN_TOKEN|(?:USER|CHATBOT|SYSTEM)_TOKEN|return|EOT|eos|(?:start|end)_of_role|"
    r"endofassistant|endofprompt)\|>|<(?:start|end)_of_turn>|<\|turn>|<turn\|>|<｜(?:User|Assistant|(?:begin|end)▁of▁sentence)｜>"
    r"|\[/INST\]|<</?SYS>>|\[gMASK\]"
)
_SIGNS = ("|>", "｜>", "turn>", "[/INST]", "SYS>>", "[gMASK]")
_STRUCK = re.compile(r"<s>[^\n]*?</s>[ \t]*[^\s<]")  # HTML's, for words that are struck out
_BEGINS, _ENDS = ("<s>", "<bos>"), ("</s>", "<eos>", "<pad>", "<|end|>", "[EOS]")
# What bids the model answer, at a question's end; turns by which a response goes on.
_CUE = re.compile(
    r"(?:<think>|###\s*(?:Response|Assistant)\s*:?|(?:\bASSISTANT|(?:^|[.?!:]\s)\s*Assistant)\s*:)\s*\Z", re.M
)
_ASKS = re.compile(r"^(?:###\s*(?:Instruction|Human|User)\b\s*:?|(?:Human|USER|User)\s*:)", re.MULTILINE)
_SAYS = re.compile(r"^(?:###\s*(?:Response|Assistant)\b\s*:?|(?:Assistant|ASSISTANT)\s*:)", re.MULTILINE)


def _token(text: str) -> str | None:
    # A chain is long: it is looked through only where a sign of these stands in it.
    if any(sign in text for sign in _SIGNS) and (found := _TOKEN.search(text)):
        return found[0]
    bare = text.strip()
    first = next((token for token in _BEGINS if bare.startswith(token)), None)
    if first and _STRUCK.match(bare):
        return None
    return first or next((token for token in _ENDS if bare.endswith(token)), None)


def _next_turn(response: str) -> re.Match[str] | None:
    if not any(word in response for word in ("Assistant", "ASSISTANT", "###")):
        return None
    asks = _ASKS.search(response)
    said = response[: asks.start()].rstrip(" \t\r\n*_") if asks else ""
    # A dialogue that was asked for begins the response, or stands behind a colon or in a fence.
    if not asks or not said or said.endswith((":", "：")) or said.count("```") % 2:
        return None
    return asks if _SAYS.search(response, asks.end()) else None


def why_rendered(system: str, question: str, response: str) -> str | None:
    """Return what of a row's texts a chat template has written, in a sentence; None where nothing is."""
    for name, text in (("system", system), ("question", question), ("response", response)):
        if token := _token(text):
            return f"the {name} holds {token}, which a chat template writes: take its tokens out of the text"
    for name, found in (("question", _CUE.search(question)), ("response", _next_turn(response))):
        if found:
            turn = found[0].strip()
            return f"the {name} holds '{turn}', as a template writes around turns: take that out of the text"
    return None
