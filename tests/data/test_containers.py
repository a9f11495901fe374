"""Reasoning in every container is the chain, byte for byte; what could be lost or taken for something else is said."""

import json
import re
from typing import Any

import pytest

from scripts.common.chain import ChainError, split_response
from scripts.common.config.dataset import ColumnNames
from scripts.data.formats import Columns, Malformed, RawRow, to_raw

CHAIN = "Four rows of 7 are 28.\n\nWait, check: 28/4 = 7. Yes."
SHORT = "There are $\\boxed{28}$ chairs."
ASKED = "Four rows of 7 chairs. How many?"
USER = {"role": "user", "content": ASKED}


def assistant(**fields: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "content": SHORT, **fields}]}


HELD_APART: dict[str, dict[str, Any]] = {
    "field reasoning_content": assistant(reasoning_content=CHAIN),
    "field reasoning": assistant(reasoning=CHAIN, tool_calls=[]),
    "field thinking": assistant(thinking=CHAIN),
    "two fields alike": assistant(reasoning=CHAIN, reasoning_content=CHAIN),
    "a list of one thought": assistant(reasoning_content=[CHAIN]),
    "a column alike": {**assistant(reasoning_content=CHAIN), "reasoning": CHAIN},
    "parts": assistant(content=[{"type": "thinking", "thinking": CHAIN}, {"type": "text", "text": SHORT}]),
    "from and value": {"conversations": [{"from": "human", "value": ASKED},
                                         {"from": "gpt", "value": SHORT, "reasoning_content": CHAIN}]},
    "column reasoning": {"question": ASKED, "reasoning": CHAIN, "response": SHORT},
    "column thinking": {"problem": ASKED, "thinking": CHAIN, "solution": SHORT, "answer": "28"},
    "alpaca and reasoning": {"instruction": ASKED, "input": "", "output": SHORT, "reasoning": CHAIN},
    "trajectory": {"question": ASKED, "solution": "28", "deepseek_thinking_trajectory": CHAIN, "deepseek_attempt": SHORT},
    "trajectories": {"question": ASKED, "solution": "28", "thinking_trajectories": [CHAIN], "attempt": SHORT},
    "deepseek": {"problem": ASKED, "ground_truth_solution": "28", "deepseek_reasoning": CHAIN, "deepseek_solution": SHORT},
    "Complex_CoT": {"Question": ASKED, "Complex_CoT": CHAIN, "Response": SHORT},
    "open conversation": {"messages": [USER], "reasoning": CHAIN, "answer": SHORT},
    "prompt and completion": {"prompt": [USER], "completion": [{"role": "assistant", "content": SHORT, "thinking": CHAIN}]},
    "reasoning between tags of its own": {"question": ASKED, "reasoning": f"<think>{CHAIN}</think>", "response": SHORT},
}  # fmt: skip
WHOLE = f"<think>\n{CHAIN}\n</think>\n\n{SHORT}"
IN_ONE_TEXT: dict[str, dict[str, Any]] = {
    "generation": {"problem": ASKED, "solution": "28", "generation": WHOLE},
    "generations": {"problem": ASKED, "solution": "28", "generations": ["<think>No.</think>27", WHOLE],
                    "correctness_math_verify": [False, True], "is_reasoning_complete": [True, True]},
    "full_response": {"problem": ASKED, "ground_truth": "28", "full_response": WHOLE},
    "a list of one": {"instruction": ASKED, "output": [WHOLE]},
    "another name": {"problem": ASKED, "r1_distilled": WHOLE},
    "another name beside a solution": {"problem": ASKED, "solution": "It is 28.", "r1_distilled": WHOLE},
    "query": {"query": ASKED, "response": WHOLE},
    "User and Assistant": {"User": ASKED, "Assistant": WHOLE},
    "Question and Response": {"Question": ASKED, "Response": WHOLE},
    "Problem and Solution": {"Problem ": ASKED, "Solution": WHOLE},
    "a flag beside it": {"question": ASKED, "response": WHOLE, "reasoning": "on"},
    "said again": {"question": ASKED, "reasoning": CHAIN, "response": WHOLE, "answer": "28"},
    "conversations of role and content": {"conversations": [USER, {"role": "assistant", "content": WHOLE}]},
    "turns by key": {"messages": {"role": ["user", "assistant"], "content": [ASKED, WHOLE]}},
    "messages of from and value": {"messages": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": WHOLE}]},
    "prompt as JSON text": {"prompt": json.dumps([USER]), "completion": WHOLE},
    "text and turns": {"prompt": ASKED, "completion": [{"role": "assistant", "content": WHOLE}]},
    "a critique that thinks": {"question": ASKED, "r1_generation": WHOLE, "qwq_critique": "<think>x</think>right"},
    "half of the marks": {"problem": ASKED, "generations": ["<think>No.</think>27", WHOLE], "complete": [True, True],
                          "correctness_math_verify": [False, False], "correctness_llama": [None, True]},
    "marks of 0 and 1": {"problem": ASKED, "generations": ["<think>No.</think>27", WHOLE], "rewards": [0.0, 1.0]},
    "texts left out": {"problem": ASKED, "solution": "28", "generations": [None, "", WHOLE]},
    "weight 1": {"messages": [{**USER, "weight": 0}, {"role": "assistant", "content": WHOLE, "weight": 1}]},
    "wanted": {"prompt": ASKED, "completion": WHOLE, "label": True},
    "options in the question": {"question": ASKED, "choices": ["Four", "rows"], "response": WHOLE},
    "no input": {"instruction": ASKED, "input": "<noinput>", "output": WHOLE},
    "two system prompts alike": {"system": "Be brief.", "conversations": [
        {"from": "system", "value": "Be brief."}, {"from": "human", "value": ASKED}, {"from": "gpt", "value": WHOLE}]},
    "the problem in a prompt": {"problem": ASKED, "prompt": f"Solve this. {ASKED}", "response": WHOLE},
    "Chinese-DeepSeek-R1": {"input": ASKED, "reasoning_content": CHAIN, "content": SHORT, "score": 9},
    "conversation as text": {"messages": f'[{{"role": "user", "content": "{ASKED}"}}]', "response": WHOLE},
}  # fmt: skip


def read(row: dict[str, Any], **names: Any) -> RawRow:
    return to_raw(Columns(row, ColumnNames(**names)), "auto", ColumnNames(**names))


@pytest.mark.parametrize("name", [*HELD_APART, *IN_ONE_TEXT])
def test_the_chain_is_the_reasoning(name: str) -> None:
    raw = read({**HELD_APART, **IN_ONE_TEXT}[name]).values
    parts = split_response(raw["response"] or "")
    assert raw["question"] == ASKED
    assert (parts.reasoning, raw["response"]) == (CHAIN, WHOLE)
    assert raw["answer"] in (None, "28")


def test_columns_say_what_was_taken_and_what_was_left_out() -> None:
    columns = Columns({**HELD_APART["trajectory"], "cot_type": "math"})
    found = to_raw(columns)
    assert columns.taken == {
        "question": "question", "deepseek_thinking_trajectory": "reasoning", "deepseek_attempt": "response",
    }  # fmt: skip
    assert columns.left_out() == ["solution", "cot_type"]
    assert found.notes == ["the response is from deepseek_attempt, and not from solution"]


TAGS = {
    "think": ("<think>\n", "\n</think>\n\n"),
    "thinking": ("<thinking>", "</thinking>"),
    "capitals": ("<THINK>\n", "\n</THINK>\n"),
    "blanks": ("< think >\n", "\n</ Think >\n"),
    "thought": ("<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n"),
    "thought, its end left out": ("<|begin_of_thought|>\n\n", "\n\n<|begin_of_solution|>\n\n"),
    "triangles": ("◁think▷", "◁/think▷"),
    "channels": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "channels without tokens": ("analysis", "assistantfinal"),
    "brackets": ("[THINK]", "[/THINK]"),
    "seed": ("<seed:think>", "</seed:think>"),
    "command": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "suffix": ("<|thinking_start|>", "<|thinking_end|>"),
    "wide bars": ("<｜begin▁of▁thought｜>", "<｜end▁of▁thought｜>"),
    "attributes": ('<think time="3 s">', "</think>"),
    "a word before": ("<deep_think>", "</deep_think>"),
    "a word behind": ("<thinking_process>\n", "\n</thinking_process>\n"),
    "reasoning": ("<reasoning>\n", "\n</reasoning>\n"),
    "escaped": ("&lt;think&gt;", "&lt;/think&gt;"),
    "closing only": ("", "\n</think>\n\n"),
    "opened twice": ("<think>\n<think>\n", "\n</think>\n\n"),
    "headings": ("## Thinking\n\n", "\n\n## Final Response\n\n"),
    "headings of two levels": ("# Thought Process\r\n", "\r\n## **Answer**\r\n"),
    "bold headings": ("**Thinking:** ", "\n\n**Answer:** "),
    "reasoning and solution": ("### Reasoning\n", "\n### Solution\n\n"),
    "a solution with an answer": ("### Reasoning\n", "\n### Solution\nAdd.\n### Answer\n"),
    "words and colons": ("Reasoning: ", "\nFinal answer: "),
    "a list": ("- Reasoning: ", "\n- Answer: "),
    "a numbered list": ("1. **Reasoning:** ", "\n2. **Answer:** "),
    "words in brackets": ("[Reasoning]\n", "\n[Answer]\n"),
    "emoji": ("🤔 Thinking:\n", "\n✅ Answer:\n"),
    "equals signs": ("=== Reasoning ===\n", "\n=== Final answer ===\n"),
    "capital headings": ("THINKING:\n", "\n\nRESPONSE:\n"),
    "ollama": ("Thinking...\n", "\n...done thinking.\n\n"),
    "step by step": ("## Step-by-step reasoning\n", "\n## Final conclusion\n"),
    "German headings": ("**Denkprozess:** ", "\n\n**Antwort:** "),
    "French headings": ("## Raisonnement\n", "\n## Réponse\n"),
    "Spanish headings": ("### Pensamiento\n", "\n### Respuesta\n"),
    "Italian headings": ("**Pensieri:** ", "\n**Risposta:** "),
    "Russian headings": ("Рассуждение:\n", "\nОтвет:\n"),
    "Japanese headings": ("# 推論\n", "\n# 答え\n"),
    "Chinese headings": ("## 思考过程\n", "\n## 最终回答\n"),
}


@pytest.mark.parametrize("name", TAGS)
def test_every_familys_tags_are_cut_at(name: str) -> None:
    opening, closing = TAGS[name]
    text = f"{opening}{CHAIN}{closing}{SHORT}"
    parts = split_response(text)
    assert parts.reasoning == CHAIN and parts.after.endswith(SHORT) and "".join(parts) == text
    assert read({"question": ASKED, "response": text}).values["response"] == text


LONG_CHAIN = f"{CHAIN} " * 5


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"question": ASKED, "answer": SHORT, "model_thought_process": LONG_CHAIN}, "model_thought_process"),
        # DeepMath: three chains beside the answer; a chain under names that may mean something else; inside an object.
        (
            {"question": ASKED, "final_answer": "28", **{f"r1_solution_{n}": LONG_CHAIN for n in (1, 2, 3)}},
            "r1_solution_1",
        ),
        ({"question": ASKED, "answer": "28", "steps": [CHAIN, CHAIN, CHAIN]}, "steps"),
        ({"question": ASKED, "response": SHORT, "explanation": LONG_CHAIN}, "explanation"),
        ({"question": ASKED, "response": SHORT, "思考过程": LONG_CHAIN}, "思考过程"),
        ({"question": ASKED, "response": SHORT, "meta": {"r1": {"thinking": LONG_CHAIN}}}, "r1.thinking"),
        ({"question": ASKED, "response": SHORT, "metadata": json.dumps({"reasoning": LONG_CHAIN})}, "'metadata'"),
        (assistant(info={"think_content": LONG_CHAIN}), "'info'"),
        ({"question": ASKED, "reasoning": CHAIN, "conclusion": LONG_CHAIN}, "conclusion"),
        ({"question": ASKED, "solution": SHORT, "reasoning_steps": [{"step": LONG_CHAIN}]}, "reasoning_steps"),
        ({"question": ASKED, "response": f"<analysis>{LONG_CHAIN}</analysis>{SHORT}"}, "<analysis>"),
        ({"question": ASKED, "response": f"[PLAN]{LONG_CHAIN}[/PLAN]{SHORT}"}, "[PLAN]"),
        ({"question": ASKED, "response": f"<|begin_of_work|>{LONG_CHAIN}<|end_of_work|>{SHORT}"}, "begin_of_work"),
        *[
            ({"question": ASKED, "response": f"{begin}{LONG_CHAIN}{end}{SHORT}"}, begin.strip())
            for begin, end in (
                ('<details type="reasoning" done="true">', "</details>"),
                ("```thinking\n", "\n```\n"),
                ("＜think＞", "＜/think＞"),
                ("<思考>", "</思考>"),
                ("【思考】", "【回答】"),
                ("<unused94>thought", "<unused95>"),
            )
        ],
        (
            {
                "messages": [
                    {"role": "user", "content": ASKED},
                    {"role": "assistant", "content": SHORT, "thinks": LONG_CHAIN},
                ]
            },
            "thinks",
        ),
    ],
)
def test_what_may_be_the_chain_and_nobody_knows_is_refused(row: dict[str, Any], word: str) -> None:
    with pytest.raises(Malformed, match=re.escape(word)):
        read(row)


@pytest.mark.parametrize(
    "row",
    [
        {"question": ASKED, "response": SHORT, "reasoning": "on", "cot_type": "math"},
        {"question": ASKED, "response": f"<think>{CHAIN}</think>{SHORT}", "thought_process": LONG_CHAIN},
        {"question": ASKED, "response": f"<p>{LONG_CHAIN}</p>{SHORT}"},
        {"question": ASKED, "response": LONG_CHAIN + SHORT, "explanation": LONG_CHAIN},
        {"question": ASKED, "response": f"<think>{CHAIN}</think>{SHORT}", "meta": {"thinking": LONG_CHAIN}},
        {"question": ASKED, "response": SHORT, "text": f"### Instruction: {ASKED} ### Response: {SHORT}{' ' * 100}"},
        {"question": ASKED, "response": f"[1] {LONG_CHAIN}{SHORT}"},
    ],
)
def test_flags_and_marks_of_text_refuse_no_row(row: dict[str, Any]) -> None:
    assert read(row).values["response"] == row["response"]


def test_flags_of_a_turn_are_no_reasoning() -> None:
    for fields in ({"reasoning": "high"}, {"thinking": True}, {"reasoning_content": " \n"}):
        assert read(assistant(**fields)).values["response"] == SHORT
    named = {**assistant(reasoning_content="another"), "reasoning": CHAIN}
    assert read(named, reasoning="reasoning").values["response"] == WHOLE


def test_what_a_question_shows_and_a_response_repeats_is_said() -> None:
    shown = f"{ASKED} ![](https://example.org/a.png)"
    for question, response, word in (
        (shown, WHOLE, "a picture by a link"),
        (ASKED, f"{ASKED}\n{WHOLE}", "begins with"),
        (ASKED, WHOLE.replace("\n", "\\n"), "two signs"),
    ):
        found = read({"question": question, "response": response})
        assert (found.values["question"], found.values["response"]) == (question, response)
        assert len(found.notes) == 1 and word in found.notes[0]


def test_gpt_oss_turns_by_channel_and_blocks_of_thinking() -> None:
    user = {"role": "user", "content": ASKED}
    channels = [
        {"role": "assistant", "channel": "analysis", "content": CHAIN},
        {"role": "assistant", "channel": "final", "content": SHORT},
    ]
    details = {"role": "assistant", "content": SHORT, "reasoning_details": [{"type": "reasoning.text", "text": CHAIN}]}
    for turns in ([user, *channels], [user, details]):
        assert read({"messages": turns}).values["response"] == WHOLE
    details["reasoning_details"] *= 2
    with pytest.raises(Malformed, match="one block"):
        read({"messages": [user, details]})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<think>a</think>b<think>c</think>d", "think_not_one_block"),
        ("<think>a</think>b</think>c", "think_not_one_block"),
        ("<think>a</think>b<thinking>c</thinking>d", "think_not_one_block"),
        ("</think>a<think>", "think_not_one_block"),
        ("Reasoning: a\nAnswer: 3\nNo.\nAnswer: 4", "think_not_one_block"),
        ("Thinking Process:\n\na\n\n---\n\nb", "think_not_one_block"),
        ("## Thought\na\n## Result\nb\n## Result\nc", "think_not_one_block"),
        ("analysisWe need the sum.", "think_not_closed"),
        ("analysisI'm to add", "think_not_closed"),
        ("<think>a", "think_not_closed"),
        ("<|begin_of_thought|>a", "think_not_closed"),
        ("<THINK>a</thinking>", "think_not_closed"),
        ("<|channel|>analysis<|message|>a", "think_not_closed"),
    ],
)
def test_thinking_that_is_no_one_block_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ChainError) as caught:
        split_response(text)
    assert caught.value.reason == reason


def test_the_reference_is_the_answer_and_not_what_the_model_says() -> None:
    row = {"question": ASKED, "model_reasoning": CHAIN, "model_answer": "It is 28.", "reference_answer": "28"}
    assert read(row).values["answer"] == "28"  # GeneralThought
    assert read({"question": ASKED, "response": WHOLE, "answer": "notfound"}).values["answer"] is None  # NuminaMath-1.5
    two = read({"question": ASKED, "response": WHOLE, "answer": "28", "expected_answer": "29"})
    assert two.values["answer"] == "28" and two.notes == [
        "of the columns answer, expected_answer the answer is 'answer'"
    ]


@pytest.mark.parametrize(
    "end", ["\n#### 28", "\nThe answer is: 28", "\n#### 28\nThe answer is: 28", "\n\n**Answer:** 28"]
)
def test_the_line_of_the_answer_is_no_reasoning(end: str) -> None:
    assert split_response(CHAIN + end) == ("", CHAIN, end)
    # Nothing ends it, or words merely begin a line: all of it is the chain.
    for alone in (
        f"## Thinking\n\n{CHAIN}",
        f"Thoughts of this:\n{CHAIN}\nAnswer it",
        f"Answer: 28\n\nReasoning: {CHAIN}",
    ):
        assert split_response(alone).reasoning == alone


@pytest.mark.parametrize(
    ("begin", "inside", "end"),
    [
        ("Reasoning:\n", "Input: 2\nOutput: 3\nInput: 3\nOutput: 4", "\nAnswer: 4"),
        ("Thought: ", "Search.\nResult: 5\nThought: Again.\nResult: 6", "\nFinal Answer: 6"),
        ("**Thinking:** ", "Add.\n**Result:** 12 in the first part\nGo on.", "\n**Final Answer:** 13"),
        ("Überlegung: ", "Plus.\nErgebnis: 3\nNoch einmal.", "\nAntwort: 4"),
        ("### Reasoning\n", "It prints\n```\n### Answer\n3\n```\nand then 4.", "\n### Answer\n4"),
        ("## Reasoning\n", "### Solution\nAdd.\n### Result\n5", "\n## Answer\n5"),
        ("Reasoning: ", f"{CHAIN}", "\nResult: 28"),
    ],
)
def test_a_chain_is_not_cut_at_a_result_inside_it(begin: str, inside: str, end: str) -> None:
    assert split_response(begin + inside + end) == (begin, inside, end)


@pytest.mark.parametrize(
    "text",
    [
        "# Reasoning\n\nIt has a history.\n\n---\n\n## Kinds\nTwo.\n\n---\n\n*By Ann*",
        "Thought process:\n\nFirst part\n----------\nAdd.",
        "Reasoning:\n\nAs said.\n```yaml\na: 1\n\n---\nb: 2\n```\nSo 5.",
    ],
)
def test_lines_of_a_document_end_no_thinking(text: str) -> None:
    assert split_response(text).reasoning == text


PASSAGE = "The quick brown fox jumps over the lazy dog near the river bank while the sun sets slowly behind the distant hills."


@pytest.mark.parametrize(
    "row",
    [
        # What is asked for stands in the question: a passage to quote or to mend.
        {"question": f"Which sentence is about foxes? {PASSAGE} It rained.", "response": PASSAGE},
        {"question": f"Mend the grammar of this: {PASSAGE}", "response": PASSAGE},
        # Elements of HTML and XML.
        {"question": "How do I use the <video> tag in HTML5?", "response": SHORT},
        {"question": "Why is this silent?\n```html\n<audio>\n<source src='a.mp3'>\n</audio>\n```", "response": SHORT},
        {"question": "Convert <item><image>a.png</image></item> to YAML.", "response": SHORT},
        {"question": "Join lines in Python.", "response": '"\\n".join(lines) + "\\n" + "\\n"'},
        {"question": "Answer in JSON: is it spam, and why?", "response": json.dumps({"reason": LONG_CHAIN, "spam": True})},
        # Names of columns that say of what kind a row is.
        *[
            {"question": ASKED, "response": SHORT, name: value}
            for name, value in (
                ("table", "train"), ("story", "s12"), ("background", "white"), ("figure", False), ("images", 0),
                ("diagram", "no"), ("scenario", "math"),
            )
        ],
        {"question": "Sort these.", "completions": "[1, 2, 3]"},
        {"question": ASKED, "reasoning": LONG_CHAIN, "answer": "28", "response_model": "r1", "output_format": "latex"},
        {**assistant(content=WHOLE), "thinking": "enabled"},
        {**assistant(reasoning_content=CHAIN), "thinking": "enabled"},
    ],
)  # fmt: skip
def test_what_only_looks_like_a_loss_refuses_no_row(row: dict[str, Any]) -> None:
    assert read(row).values["response"]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"question": f"{ASKED}\n{PASSAGE}", "response": PASSAGE}, "holds the response"),
        ({"question": f"User: {ASKED} Assistant: {PASSAGE}", "response": PASSAGE}, "holds the response"),
        ({"question": f"{WHOLE * 2} is what it said.", "response": WHOLE * 2}, "holds the response"),
        ({"question": f"<video>{ASKED}", "response": WHOLE}, "<video>"),
        ({"question": f"<IMAGE>\n{ASKED}", "response": WHOLE}, "<IMAGE>"),
        ({"question": f"{ASKED}\n<audio>\n", "response": WHOLE}, "<audio>"),
        ({"question": ASKED, "table": "name | apples\nAnn | 3", "response": WHOLE}, "'table'"),
        ({"question": ASKED, "premise": "雨が降る", "response": WHOLE}, "'premise'"),
        ({"question": ASKED, "figure": "fig1.png", "response": WHOLE}, "'figure'"),
        ({"question": ASKED, "reasoning": CHAIN, "model_response_text": "28"}, "model_response_text"),
    ],
)
def test_losses_in_other_dress_are_refused(row: dict[str, Any], word: str) -> None:
    with pytest.raises(Malformed, match=re.escape(word)):
        read(row)


def test_of_several_generations_one_that_is_marked_right_is_taken() -> None:
    wrong = "<think>No.</think>27"
    two = [wrong, WHOLE]
    for marks in ([False, True], [0, 1], [0.0, 1.0], ["False", "True"], "[false, true]", "[False, True]"):
        for texts in (two, json.dumps(two), repr(two)):  # a table holds lists as text
            found = read({"problem": ASKED, "generations": texts, "correctness": marks})
            assert found.values["response"] == WHOLE
            assert found.notes == ["of several texts in 'generations' the first that is marked right is taken"]
    with pytest.raises(Malformed, match="a list as text"):  # numpy's, without commas
        read({"problem": ASKED, "generations": f"[{CHAIN!r}\n {SHORT!r}]"})
    turns = assistant(content=WHOLE)["messages"]
    assert read({"messages": repr(turns)}).values["response"] == WHOLE


@pytest.mark.parametrize("mark", [{"correct": False}, {"is_correct": "False"}, {"correctness_math_verify": [False]},
                                  {"verified": 0}, {"incorrect": True}, {"solution_is_valid": "No"}])  # fmt: skip
def test_a_response_that_its_row_calls_wrong_is_said(mark: dict[str, Any]) -> None:
    (name,) = mark
    assert read({"question": ASKED, "response": WHOLE, **mark}).notes == [
        f"the column '{name}' calls the response wrong; such rows stay"
    ]
    right = {"correct": True, "incorrect": False, "correct_index": 0, "correct_answer": 0, "score": 0.0}
    assert not read({"question": ASKED, "response": WHOLE, **right}).notes


def test_an_answer_that_cannot_be_read_ends_no_reading() -> None:
    for text in ('["a", [1]]', '["a", 12345678901234567.5]'):
        assert read({"question": ASKED, "answer": text}).values["answer"] is None


def test_a_worked_solution_that_ends_on_hashes() -> None:
    text = "4 rows of 7 are 4*7=<<4*7=28>>28.\n#### 28"
    raw = read({"question": ASKED, "answer": text}).values
    assert raw["response"] == text and raw["answer"] == "28"
    assert split_response(text).reasoning == "4 rows of 7 are 4*7=<<4*7=28>>28."


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "two trajectories": (
        {"question": ASKED, "gemini_thinking_trajectory": "a", "deepseek_thinking_trajectory": "b", "solution": "28"},
        "ambiguous_columns", "could each be the reasoning"),
    "two chains": (
        {"question": ASKED, "generation": WHOLE, "response": "<think>x</think>y"}, "ambiguous_columns", "each be the resp"),
    "two other thoughts": (
        {"question": ASKED, "reasoning": "another", "response": WHOLE}, "ambiguous_columns", "between the tags"),
    "history": (
        {"instruction": "And then?", "output": "x", "history": [["a", "b"]]}, "context", "'history'"),
    "tools": ({**assistant(), "tools": [{"name": "calculator"}]}, "context", "'tools'"),
    "choices": ({"question": ASKED, "choices": ["1", "2"], "response": WHOLE}, "context", "'choices'"),
    "calls": (assistant(tool_calls=[{"name": "x"}]), "context", "calls tools"),
    "image": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "context", "'image_url'"),
    "several turns": ({"messages": [USER, {"role": "assistant", "content": "x"}] * 2}, "several_turns", "not one user"),
    "no response": ({"messages": [USER]}, "malformed", "there is no response"),
    "an empty question": ({"question": "", "response": WHOLE}, "empty_question", "'question' holds nothing"),
    "an empty response": ({"instruction": ASKED, "input": "", "output": None}, "empty_response", "'output' holds nothing"),
    "no turns": ({"messages": []}, "empty_question", "'messages' holds nothing"),
    "no question": ({"response": WHOLE}, "malformed", "say by dataset.columns"),
    "a number": ({"question": 3, "response": WHOLE}, "malformed", "is int, not text"),
    "half a pair": ({"question": ASKED, "response": WHOLE, "answer": "\ud83d"}, "not_utf8", "half a surrogate pair"),
    # Preferences, marks of training, OpenCodeReasoning-2's critique: a text that is not wanted is never the response.
    "rejected thinks": ({"prompt": ASKED, "chosen": SHORT, "rejected": WHOLE}, "malformed", "say by dataset.columns"),
    "label": ({"prompt": ASKED, "completion": WHOLE, "label": False}, "not_wanted", "'label' is false"),
    "label as text": ({"prompt": ASKED, "completion": WHOLE, "label": "False"}, "not_wanted", "'label' is false"),
    "an object as text": (
        {"question": ASKED, "response": json.dumps({"thought": CHAIN * 5, "answer": "28"})}, "ambiguous_columns", "'thought'"),
    "written twice": ({"question": ASKED, "response": json.dumps(WHOLE)}, "malformed", "written as text twice"),
    "bytes as text": ({"question": ASKED, "response": repr(WHOLE.encode())}, "malformed", "written as text twice"),
    "kto_tag": ({**assistant(), "kto_tag": False}, "not_wanted", "'kto_tag' is false"),
    "weight": (assistant(weight=0), "not_wanted", "weight: 0"),
    "train": (assistant(train=False), "not_wanted", "not to be trained on"),
    "train on turn": (assistant(train_on_turn=False), "not_wanted", "train_on_turn: False"),
    "weight of the loss": (assistant(loss_weight=0.0), "not_wanted", "loss_weight: 0.0"),
    "a column and a field": ({**assistant(reasoning_content=CHAIN), "reasoning": "a"}, "ambiguous_columns", "each be the reas"),
    "the user thinks": ({"messages": [{**USER, "thinking": CHAIN}, {"role": "assistant", "content": SHORT}]},
                        "ambiguous_columns", "the user's turn"),
    "a field that may mean it": (assistant(explanation=CHAIN * 4), "ambiguous_columns", "'explanation'"),
    "nothing behind it": (assistant(content=None, reasoning_content=CHAIN), "think_not_closed", "cut off"),
    "two parts of text": (assistant(content=[{"type": "text", "text": "a"}] * 2), "malformed", "2 of text"),
    "place of a picture": ({"question": f"<image>\n{ASKED}", "response": WHOLE}, "context", "<image>"),
    "place of a second picture": ({"question": f"{ASKED} <image_2>", "response": WHOLE}, "context", "<image_2>"),
    "the question holds all": ({"question": f"{ASKED} {WHOLE * 2}", "response": WHOLE * 2}, "ambiguous_columns", "holds the response"),
    "two system prompts": (
        {"messages": [{"role": "system", "content": "Be brief."}, *assistant()["messages"]], "system": "In French."},
        "ambiguous_columns", "another system prompt"),
    "question and input": ({"question": "Which sum?", "input": "3 and 4", "output": WHOLE}, "ambiguous_columns", "'question'"),
    "instruction and problem": (
        {"instruction": "In French.", "problem": ASKED, "solution": WHOLE}, "ambiguous_columns", "'instruction'"),
    "two names alike": ({"Question": ASKED, "question": "x", "response": WHOLE}, "ambiguous_columns", "under one name"),
    "parts of a chain": ({"question": ASKED, "reasoning": [CHAIN, "So 28."], "response": SHORT}, "ambiguous_columns", "parts"),
    "parts of a solution": ({"question": ASKED, "solution": [CHAIN, "So 28."]}, "ambiguous_columns", "parts of one"),
    "earlier turns": ({"question": "And?", "response": WHOLE, "prev_messages": [USER]}, "context", "'prev_messages'"),
    "a short end": ({"question": ASKED, "reasoning": CHAIN, "final": "28"}, "ambiguous_columns", "column final"),
    "a boxed end": ({"question": ASKED, "reasoning": CHAIN, "r1": SHORT}, "ambiguous_columns", "column r1"),
    "a story": ({"question": ASKED, "story": "Ann has 3.", "response": WHOLE}, "context", "'story'"),
    "a long float": ({"question": ASKED, "response": WHOLE, "answer": 2.0**61 + 2**10}, "answer_not_parseable", "15 digits"),
    "starter code": ({"problem": ASKED, "generation": WHOLE, "starter_code": "def f():"}, "context", "'starter_code'"),
    "a column an option": ({"question": ASKED, "A": "27", "B": "28", "response": WHOLE}, "context", "'A'"),
    "options": ({"question": ASKED, "option_1": "27", "option_2": "28", "response": WHOLE}, "context", "'option_1'"),
    "tools of a turn": (
        {"messages": [{"role": "system", "content": "x", "tools": "[{}]"}, *assistant()["messages"]]}, "context", "'tools'"),
    "template's tools": (
        {**assistant(), "chat_template_kwargs": {"xml_tools": ["f"], "enable_thinking": True}}, "context", "template_kw"),
    "cut off": (assistant(content="", reasoning=CHAIN), "think_not_closed", "cut off"),
    "cut off in columns": ({"question": ASKED, "reasoning": CHAIN, "response": ""}, "think_not_closed", "cut off"),
    "nobody's turn": ({"messages": [{"human": ASKED, "assistant": WHOLE}]}, "malformed", "it has human, assistant"),
    "content and value": (
        {"messages": [{**USER, "value": "x"}, {"role": "assistant", "content": WHOLE}]}, "ambiguous_columns", "different"),
    "an object": ({"question": ASKED, "response": WHOLE, "answer": {"a": 1}}, "answer_not_parseable", "an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_lost_is_refused_with_a_reason(name: str) -> None:
    row, reason, message = REFUSED[name]
    with pytest.raises(Malformed, match=message) as caught:
        read(row)
    assert caught.value.reason == reason


def test_columns_that_are_named_are_taken() -> None:
    row = {"p": ASKED, "hint": "Count.", "meta": {"cot": CHAIN, "runs": [{"end": SHORT}]}, "gold": 28.0, "tools": "[1]"}
    names = {"question": ["p", "hint"], "reasoning": "meta.cot", "response": "meta.runs.0.end", "answer": "gold"}
    raw = read(row, **names, ignore=["tools"]).values
    assert raw["question"] == f"{ASKED}\nCount." and raw["response"] == WHOLE and raw["answer"] == "28"
    held = {"question": ASKED, "out": json.dumps({"thought": CHAIN, "said": [SHORT]})}
    assert read(held, reasoning="out.thought", response="out.said.0").values["response"] == WHOLE
    two = {
        "question": ASKED,
        "gemini_thinking_trajectory": "a",
        "deepseek_thinking_trajectory": CHAIN,
        "attempt": SHORT,
    }
    assert read(two, reasoning="deepseek_thinking_trajectory").values["response"] == WHOLE
    with pytest.raises(Malformed, match="parts of one"):
        read({"question": ASKED, "runs": [CHAIN, "So 28."], "response": SHORT}, reasoning="runs")
    assert read({"question": ASKED, "response": WHOLE}, answer="gold", system="sys").notes == [
        f"there is nothing in the column '{name}', which is named for the {what}"
        for name, what in (("gold", "answer"), ("sys", "system prompt"))
    ]
    with pytest.raises(Malformed, match="'cot' is missing or empty"):
        read({"question": ASKED, "response": SHORT, "cot": ""}, reasoning="cot")
    with pytest.raises(Malformed, match="'x' is missing or empty"):
        read({"question": ASKED, "response": SHORT}, question="x")


@pytest.mark.parametrize("path", ["gen.5", "gen.²", "gen.-1", "gen[0]", "gen.0.0"])
def test_a_path_that_leads_nowhere_is_missing(path: str) -> None:
    names = ColumnNames(question="q", response=path)
    with pytest.raises(Malformed, match="is missing or empty"):
        to_raw(Columns({"q": "What?", "gen": ["<think>a</think>b"]}, names), "auto", names)
