"""Where a text's thinking ends: the one rule for every model, engine and template.

Only what stands behind the thinking is an answer. A text that is cut off inside it holds none, whoever wrote the tag
that opened it: the model, or the chat template at the prompt's end.
"""

import re

from scripts.common.chain import thinking_tags

# What some models put around the answer.
AROUND = re.compile(r"<\|(?:begin|end)_of_solution\|>|</?answer>|</?solution>", re.IGNORECASE)


ANSWER = re.compile(r"<(?:final_?)?answer>(.*?)</(?:final_?)?answer>", re.IGNORECASE | re.DOTALL)


def after_thinking(text: str) -> str | None:
    """Return what stands behind the last thinking of a text, all of it where there is none, None where it never ends.

    A closing tag alone counts: the opening one may stand in the prompt.
    """
    *_, last = [None, *thinking_tags(text)]
    if last and not last.closes:
        return None
    text = text[last.end :] if last else text
    *_, tagged = [None, *ANSWER.finditer(text)]
    if tagged and r"\boxed" not in text[tagged.end() :]:
        return tagged[1]
    return AROUND.sub(" ", text)


def opened_tag(prompt: str) -> str:
    """Return the tag of a thinking that `prompt` opens at its end and leaves open, or nothing."""
    *_, last = [None, *thinking_tags(prompt)]
    return prompt[last.start : last.end] if last and not last.closes and not prompt[last.end :].strip() else ""
