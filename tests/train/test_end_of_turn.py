"""The same weights, data and seed, whatever the tokenizer calls its EOS: equal models, equal answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from scripts.common.chat import load_tokenizer, prompt_messages, prompt_texts
from scripts.common.config.model import ChatSettings
from scripts.common.rendering import own_stop_ids, stop_token_ids
from scripts.evaluate.engines.base import Request, Sampling
from tests import templates
from tests.families import FAMILIES, build
from tests.train.test_families import train


def trained(folder: Path, eos: str) -> tuple[dict[str, Any], list[Any], list[int]]:
    """Train a model whose tokenizer has this EOS; return its weights, its answers and what generation_config stops at."""
    from scripts.evaluate.engines.batches import TransformersEngine

    own = templates.save_tokenizer(folder / "base", templates.CHATML, eos)
    network = build(FAMILIES["Qwen2.5"], len(own))
    network.generation_config.eos_token_id = own.eos_token_id
    network.save_pretrained(folder / "base")
    chat = ChatSettings()
    train(folder, chat, load_tokenizer(folder / "base", None, chat), epochs=80, learning_rate=1e-2)
    model = folder / "model"
    tokenizer = load_tokenizer(model, None, chat)
    prompts = prompt_texts(tokenizer, [prompt_messages("Be brief.", f"{n}?") for n in range(6)])
    requests = [Request(ids, 80, n) for n, ids in enumerate(tokenizer(prompts, add_special_tokens=False)["input_ids"])]
    engine = TransformersEngine(model, "float32", batch_size=6)
    answers = dict(engine.generate(requests, Sampling(0.6, 0.95, stop_token_ids(model, tokenizer))))
    named = json.loads((model / "generation_config.json").read_text())["eos_token_id"]
    return load_file(model / "model.safetensors"), [answers[n] for n in range(6)], named


def test_another_eos_changes_no_weight_and_no_answer(tmp_path: Path) -> None:
    (weights, answers, stops), (others, theirs, wrong) = (
        trained(tmp_path / eos.strip("<|>"), eos) for eos in ("<|im_end|>", "<|endoftext|>")
    )
    assert weights.keys() == others.keys()
    assert all(bool((weights[name] == others[name]).all()) for name in weights)
    assert answers == theirs
    assert any(answer.finish_reason == "stop" for answer in answers), "the end of a turn was learnt"
    end = stops[0] if isinstance(stops, list) else stops
    assert wrong[0] == end and len(wrong) == 2


def test_the_answers_hang_on_that_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: stopping at the tokenizer's EOS alone, answers run on."""
    base = tmp_path / "base"
    monkeypatch.setitem(
        globals(), "stop_token_ids", lambda *_: own_stop_ids(base, load_tokenizer(base, None, ChatSettings()))
    )
    _, answers, (end, *_) = trained(tmp_path, "<|endoftext|>")
    assert any(end in answer.token_ids[:-1] for answer in answers)


CONTRADICTS = {"temperature": 0.9, "top_p": 0.6}  # Llama 2's: a temperature, and no sampling


@pytest.mark.parametrize("case", ["generation_config", "no pad, no EOS"])
def test_what_transformers_or_trl_refuses_late_is_no_end_of_training(tmp_path: Path, case: str) -> None:
    own = templates.save_tokenizer(tmp_path / "base", templates.CHATML)
    build(FAMILIES["Qwen2.5"], len(own)).save_pretrained(tmp_path / "base")
    place = tmp_path / "base" / "generation_config.json"
    if case == "generation_config":
        place.write_text(json.dumps({"eos_token_id": [5, 2], **CONTRADICTS}))
    else:
        own.pad_token = own.eos_token = None
        own.save_pretrained(tmp_path / "base")
    train(tmp_path, ChatSettings(), load_tokenizer(tmp_path / "base", None, ChatSettings()))
    saved = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert saved["eos_token_id"] == ([2, 5] if case == "generation_config" else [2])
    assert not CONTRADICTS.keys() & saved.keys()
