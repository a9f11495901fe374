"""Rows are what the chat template writes, the answer whole: against the template's own rendering, and hand-made texts."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.chat import load_tokenizer, prompt_messages, prompt_texts, training_messages
from scripts.common.cli import UserError
from scripts.common.config.model import ChatSettings
from scripts.common.rendering import Renderer, count_tokens, end_of_turn, stop_token_ids
from tests import templates

OPENS = "{{ '<|im_start|>assistant\n' }}{% endif %}"
THINKS = "<think>\nstep one\n</think>\n\nIt is 7."
SAYS = "It is 7."


def loaded(folder: Path, template: str, eos: str = "<|im_end|>", **settings: Any) -> Any:
    templates.save_tokenizer(folder, template, eos)
    return load_tokenizer(folder, None, ChatSettings(**settings))


def trained(tokenizer: Any, response: str, system: str | None = None) -> tuple[str, str, str]:
    """Return prompt, what is trained on, and what stands behind, as texts that come back from the ids."""
    (row,) = Renderer(tokenizer).encode([training_messages(system, "2+5?", response)])
    parts = row.ids[: row.start], row.ids[row.start : row.end], row.ids[row.end :]
    return tuple(tokenizer.decode(part, skip_special_tokens=False) for part in parts)


# template, EOS, response, and what is trained on and stands behind it.
CASES = {
    "chatml": (templates.CHATML, "<|im_end|>", THINKS, f"{THINKS}<|im_end|>", "\n"),
    "chatml, another EOS": (templates.CHATML, "<|endoftext|>", THINKS, f"{THINKS}<|im_end|>", "\n"),
    "qwen3 thinks": (templates.QWEN3, "<|im_end|>", THINKS, f"{THINKS}<|im_end|>", "\n"),
    "qwen3 does not": (templates.QWEN3, "<|im_end|>", SAYS, f"<think>\n\n</think>\n\n{SAYS}<|im_end|>", "\n"),
    "qwen3.5": (templates.QWEN35, "<|im_end|>", THINKS, f"{THINKS.removeprefix(chr(60) + 'think>' + chr(10))}<|im_end|>", "\n"),
    "llama": (templates.LLAMA3, "<|endoftext|>", f"{THINKS} ", f"{THINKS} <|eot_id|>", ""),
    "gemma2": (templates.GEMMA2, "<|endoftext|>", THINKS, f"{THINKS}<end_of_turn>", "\n"),
    "phi": (templates.PHI, "<|endoftext|>", THINKS, f"{THINKS}<|end|>", "\n<|endoftext|>"),
    "mistral": (templates.MISTRAL, "<|endoftext|>", THINKS, f" {THINKS}<|endoftext|>", ""),
    "r1 thinks": (templates.R1, "<|endoftext|>", THINKS, "step one\n</think>\n\nIt is 7.<|endoftext|>", ""),
    "r1 only closes": (templates.R1, "<|endoftext|>", "one\n</think>\n7", "one\n</think>\n7<|endoftext|>", ""),
    "r1 does not": (templates.R1, "<|endoftext|>", SAYS, f"{SAYS}<|endoftext|>", ""),
    "channels": (
        templates.CHANNELS, "<|return|>", THINKS,
        "<|channel|>analysis<|message|>step one<|end|><|start|>assistant<|channel|>final<|message|>It is 7.<|return|>", "",
    ),
    "roles": (templates.ROLES, "<|endoftext|>", THINKS, f"{THINKS}<|endoftext|>", ""),
    "bare": (templates.BARE, "<|endoftext|>", THINKS, f" {THINKS}<|endoftext|>", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_trained_on_whole_and_with_its_end(tmp_path: Path, name: str) -> None:
    template, eos, response, answer, rest = CASES[name]
    tokenizer = loaded(tmp_path, template, eos)
    prompt, told, behind = trained(tokenizer, response)
    assert (told, behind) == (answer, rest)
    # What comes before is what generation starts from, but for a chain that it opens and the answer has not.
    start = prompt_texts(tokenizer, [prompt_messages(None, "2+5?")])[0]
    assert prompt == (start if name != "r1 does not" else start.removesuffix("<think>\n"))
    assert count_tokens(tokenizer, [training_messages(None, "2+5?", response)]) == [
        len(tokenizer(prompt + told + behind, add_special_tokens=False)["input_ids"])
    ]
    assert tokenizer.convert_ids_to_tokens(end_of_turn(tokenizer)) in told.splitlines()[-1]
    assert end_of_turn(tokenizer) in stop_token_ids(tmp_path, tokenizer)


@pytest.mark.parametrize("name", ["CHATML", "QWEN25", "QWEN3", "LLAMA3", "GEMMA3", "PHI", "MISTRAL", "ROLES"])
@given(
    words=st.lists(st.sampled_from(["a", "Wait", "\n", "é", " ", "7"]), min_size=1, max_size=8), thinks=st.booleans()
)
def test_where_the_template_keeps_an_answer_the_rendering_is_its_own(
    tmp_path_factory: pytest.TempPathFactory, name: str, words: list[str], thinks: bool
) -> None:
    tokenizer = _shared(tmp_path_factory, name)
    said = f"x{''.join(words)}x"
    response = f"<think>\n{said}\n</think>\n\n{said}" if thinks else said
    conversation = training_messages("Be brief.", "2+5?", response)
    (row,) = Renderer(tokenizer).encode([conversation])
    text = tokenizer.apply_chat_template(conversation, tokenize=False)
    assert tokenizer.decode(row.ids, skip_special_tokens=False) == text
    assert len(row.ids) >= len(tokenizer(text, add_special_tokens=False)["input_ids"])
    prompt = tokenizer(prompt_texts(tokenizer, [conversation[:-1]]), add_special_tokens=False)["input_ids"][0]
    assert row.ids[: row.start] == prompt, "training starts where generation starts, token for token"


_TOKENIZERS: dict[str, Any] = {}


def _shared(factory: pytest.TempPathFactory, name: str) -> Any:
    if name not in _TOKENIZERS:
        _TOKENIZERS[name] = loaded(factory.mktemp(name), getattr(templates, name), "<|endoftext|>")
    return _TOKENIZERS[name]


def test_thinking_is_switched_off_by_an_argument(tmp_path: Path) -> None:
    tokenizer = loaded(tmp_path, templates.QWEN3, chat_template_kwargs={"enable_thinking": False})
    closed = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert prompt_texts(tokenizer, [prompt_messages(None, "2+5?")])[0].endswith(closed)
    prompt, told, _ = trained(tokenizer, SAYS)
    assert prompt.endswith(closed) and told == f"{SAYS}<|im_end|>"
    # A chain is never put behind a closed one.
    prompt, told, _ = trained(tokenizer, THINKS)
    assert prompt.endswith("<|im_start|>assistant\n") and told == f"{THINKS}<|im_end|>"


STEP, SAID = "step one\n", "\n\nIt is 7."


@pytest.mark.parametrize(
    ("written", "closing"),
    [("<seed:think>\n", "</seed:think>"), ("[THINK]\n", "[/THINK]"), ("◁think▷\n", "◁/think▷"), ("<think>\n", "</think>"),
     ("<|begin_of_thought|>\n", "<|end_of_thought|>")],
)  # fmt: skip
def test_a_chain_goes_on_in_the_tags_that_the_prompt_opens(tmp_path: Path, written: str, closing: str) -> None:
    template = templates.CHATML.replace(OPENS, OPENS.replace("assistant\n", f"assistant\n{written}"))
    prompt, told, _ = trained(loaded(tmp_path, template), THINKS)
    assert prompt.endswith(f"assistant\n{written}") and told == f"{STEP}{closing}{SAID}<|im_end|>"
    _, told, _ = trained(
        loaded(tmp_path, template), f"analysis{STEP}assistantfinal{SAID}"
    )  # gpt-oss without its tokens
    assert told == f"{STEP}{closing}{SAID}<|im_end|>"


@pytest.mark.parametrize(
    "written", ["</think>", "<think></think>", "[THINK][/THINK]", "<seed:think>none</seed:think>\n"]
)
def test_an_answer_follows_a_closed_chain_and_a_chain_never_does(tmp_path: Path, written: str) -> None:
    """DeepSeek-V3.1 and GLM-4.7 write the closing tag alone, in the prompt and before an answer."""
    closes = OPENS.replace("assistant\n", f"assistant\n{written}")
    for template in (
        templates.CHATML.replace(OPENS, closes),
        templates.CHATML.replace(OPENS, closes).replace(
            "'\n' + m.content", f"'\n' + ('{written}' if m.role == 'assistant' else '') + m.content"
        ),
    ):
        template = template.replace(f"{written}\n'", f"{written}'")
        tokenizer = loaded(tmp_path, template)
        prompt, told, _ = trained(tokenizer, SAYS)
        assert prompt.endswith(f"assistant\n{written}") and told == f"{SAYS}<|im_end|>"
        prompt, told, _ = trained(tokenizer, THINKS)
        assert prompt.endswith("assistant\n") and written not in told.replace(THINKS, "")
        assert told.endswith(f"{THINKS}<|im_end|>")


def test_a_question_about_tags_is_no_chain_of_the_prompts(tmp_path: Path) -> None:
    from scripts.common.rendering import closes_chain, without_chain

    tokenizer = loaded(tmp_path, templates.BARE)
    question = "What do <think> and </think> mean, and a lone <think>"
    (prompt,) = prompt_texts(tokenizer, [prompt_messages(None, question)])
    assert without_chain(prompt, question) == prompt and not closes_chain(prompt, question)


def test_an_argument_whose_name_is_a_part_of_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not read think:"):
        loaded(tmp_path, templates.QWEN3, chat_template_kwargs={"think": False})


def test_without_a_generation_config_an_answer_ends_where_the_configuration_says(tmp_path: Path) -> None:
    tokenizer = loaded(tmp_path, templates.CHATML)
    (tmp_path / "config.json").write_text('{"eos_token_id": [5, 9]}')
    assert stop_token_ids(tmp_path, tokenizer) == {2, 5, 9}
    (tmp_path / "config.json").write_text('{"text_config": {"eos_token_id": 7}}')
    assert stop_token_ids(tmp_path, tokenizer) == {2, 7}


def test_an_argument_that_the_template_does_not_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not read enable_thinking"):
        loaded(tmp_path, templates.CHATML, chat_template_kwargs={"enable_thinking": False})


def test_a_template_without_a_system_role_is_told_or_the_prompt_put_into_the_users_turn(tmp_path: Path) -> None:
    tokenizer = loaded(tmp_path, templates.GEMMA2)
    with pytest.raises(UserError, match=r"knows no system prompt, set the model's system_role to user.*not supported"):
        count_tokens(tokenizer, [prompt_messages("Be brief.", "2+5?")])
    folded = loaded(tmp_path, templates.GEMMA2, system_role="user")
    third = loaded(tmp_path, templates.GEMMA3)
    texts = [prompt_texts(each, [prompt_messages("Be brief.", "2+5?")]) for each in (folded, third)]
    assert texts[0] == texts[1] and "user\nBe brief.\n\n2+5?" in texts[0][0]
    assert trained(folded, THINKS, "Be brief.")[1] == f"{THINKS}<end_of_turn>"


class Tomorrow(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "Tomorrow":
        return cls(2031, 7, 9)


@pytest.mark.parametrize("template", [templates.LLAMA3, templates.CHANNELS])
def test_ids_do_not_change_with_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    from transformers.utils import chat_template_utils

    conversation = [training_messages("Be brief.", "2+5?", THINKS)]
    plain = templates.save_tokenizer(tmp_path, template)
    before = list(Renderer(loaded(tmp_path, template)).encode(conversation)), plain.apply_chat_template(conversation[0])
    monkeypatch.setattr(chat_template_utils, "datetime", Tomorrow)
    chat_template_utils._cached_compile_jinja_template.cache_clear() if hasattr(
        chat_template_utils._cached_compile_jinja_template, "cache_clear"
    ) else None
    after = list(Renderer(loaded(tmp_path, template)).encode(conversation)), plain.apply_chat_template(conversation[0])
    assert before[0] == after[0]
    assert before[1] != after[1], "the day was changed"
    other = list(Renderer(loaded(tmp_path, template, date=datetime.date(2024, 7, 26))).encode(conversation))
    assert other != after[0]


def test_a_template_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot render the turns user"):
        Renderer(loaded(tmp_path, "{% for m in messages %}{{ m.content }}"))
    with pytest.raises(UserError, match="writes an assistant's turn 0 times"):
        Renderer(loaded(tmp_path, "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"))
