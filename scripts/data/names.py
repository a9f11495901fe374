"""The names under which public sources hold a question, a chain, an answer and what else belongs to a row.

Names are compared in lower case, with "_" for blanks and hyphens. docs/data.md has the table.
"""

import functools
import re

CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue", "chat")
QUESTIONS = ("question", "problem", "query", "instruction", "prompt", "user", "human", "input", "task")
# From the longest form of a solution to the shortest: of several columns the first that is there is the response.
RESPONSES = (
    "full_response", "generation", "generations", "model_response", "model_output", "response", "responses",
    "completion", "completions", "output", "assistant", "gpt", "llm_response", "attempt", "deepseek_attempt",
    "generated_solution", "solution", "deepseek_solution",
)  # fmt: skip
ANSWERS = (
    "answer", "final_answer", "expected_answer", "ground_truth", "gold_answer", "reference_answer", "correct_answer",
    "gold", "target",
)  # fmt: skip
SYSTEMS = (
    "system", "system_prompt", "system_message", "system_instruction", "system_instructions", "sys_prompt", "developer",
)  # fmt: skip
# What a question cannot be answered without: a row where such a column holds something is not trained on without it.
CONTEXTS = frozenset([
    "history", "chat_history", "conversation_history", "prev_messages", "previous_messages", "instructions",
    "custom_instructions", "tools", "functions", "python_tools", "xml_tools", "context", "contexts", "passage", "body",
    "paragraph", "article", "document", "documents", "starter_code", "choices", "options", "image", "images", "audio",
    "audios", "video", "videos", "image_path", "image_url", "image_file", "figure", "diagram", "table", "tables",
    "story", "premise", "premises", "hypothesis", "ctx", "scenario", "background", "facts", "sql_context", "db_schema",
])  # fmt: skip
# The options of a question, each in a column of its own: A to J, option_a, choice1, opa.
OPTION = re.compile(r"[a-j]|(?:options?|choices?)_?(?:[a-j]|\d{1,2})|op[a-j]")
# Another's text, or one that is not wanted: never a row's response by itself.
UNWANTED = re.compile(r"reject|critique|critic|judge|feedback|negative|worse|incorrect|grade|quality|rating|review")
# Values of a column named `reasoning` that only say how much was asked for.
FLAGS = frozenset([
    "on", "off", "true", "false", "yes", "no", "none", "low", "medium", "high", "minimal", "0", "1", "enabled",
    "disabled", "auto", "default", "adaptive", "max",
])  # fmt: skip
NOTHING = ("", "[]", "{}", "none", "null", "no", "false", "0", "nan", "n/a", "-")
# Names that also say what kind a row is of, by a word: the table is train, the scenario is maths.
_KINDS = frozenset([
    "table", "tables", "story", "premise", "premises", "hypothesis", "scenario", "background", "facts"
])  # fmt: skip


def is_context(name: str, value: object) -> bool:
    """Whether a column or field of this plain name holds what a question cannot be answered without."""
    if name not in CONTEXTS or (not value and isinstance(value, int | float)):
        return False
    text = value.strip() if isinstance(value, str) else None
    kind = text is not None and name in _KINDS and text.isascii() and len(text.split()) == 1
    return not kind and (text is None or text.lower() not in NOTHING)


_REASONING = re.compile(
    r"(?P<prefix>(?:.*_)?)(?:reasoning|reasoning_(?:content|trace|text)|thinking|thoughts?|thinking_trajector(?:y|ies)|"
    r"chain_of_thought|complex_cot|cot|rationale|long_cot|cot_text)"
)


@functools.lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """Return a column's name as names are compared."""
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


@functools.lru_cache(maxsize=10_000)
def reasoning_prefix(name: str) -> str | None:
    """Return what stands before the word for reasoning in a plain name ("deepseek_"), None for any other name."""
    found = _REASONING.fullmatch(name)
    return found["prefix"] if found else None
