"""Text that a chat template has written already: the model's own template would stand around it once more."""

import re

# What begins or ends a turn in the templates of the model families.
_TOKEN = re.compile(
    r"<\|(?:im_(?:start|end|user|assistant|middle)|(?:start|end)_header_id|eot_id|begin_of_text|end_of_text|endoftext|"
    r"user|assistant|eom_id|(?:START|END)_OF_TURN_TOKEN|(?:USER|CHATBOT|SYSTEM)_TOKEN|return|EOT|eos|(?:start|end)_of_role|"
    r"endofassistant)\|>|<(?:start|end)_of_turn>|<\|turn>|<turn\|>|<｜(?:User|Assistant|(?:begin|end)▁of▁sentence)｜>"
    r"|\[/INST\]|<</?SYS>>|\[gMASK\]"
)
_SIGNS = ("|>", "｜>", "_turn>", "turn|>", "|turn>", "[/INST]", "SYS>>", "[gMASK]")
_BEGINS, _ENDS = ("<s>", "<bos>"), ("</s>", "<eos>", "<pad>", "<|end|>", "[EOS]")
# What bids the model answer, at a question's end; turns by which a response goes on.
_CUE = re.compile(r"(?:<think>|###\s*(?:Response|Assistant)\s*:?|\b(?:ASSISTANT|Assistant)\s*:)\s*\Z")
_ASKS = re.compile(r"^(?:###\s*(?:Instruction|Human|User)\s*:?|(?:Human|USER|User)\s*:)", re.MULTILINE)
_SAYS = re.compile(r"^(?:###\s*(?:Response|Assistant)\s*:?|(?:Assistant|ASSISTANT)\s*:)", re.MULTILINE)


def _token(text: str) -> str | None:
    # A chain is long: it is looked through only where a sign of these stands in it.
    if any(sign in text for sign in _SIGNS) and (found := _TOKEN.search(text)):
        return found[0]
    bare = text.strip()
    first = next((token for token in _BEGINS if bare.startswith(token)), None)
    return first or next((token for token in _ENDS if bare.endswith(token)), None)


def _next_turn(response: str) -> re.Match[str] | None:
    if not any(word in response for word in ("Assistant", "ASSISTANT", "###")):
        return None
    asks = _ASKS.search(response)
    return asks if asks and _SAYS.search(response, asks.end()) else None


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
