"""check_model stops what cannot be right and says the rest, a sentence each, from the model's small files alone."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import UserError
from tests import templates
from tests.families import FAMILIES, build

Check = Callable[..., str]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Check:
    """Return a function that checks a family with a template; it returns what was said."""

    def run(
        family: str, template: str, *options: str, training: str = '{"max_length": 512}', eos: str = "<|im_end|>"
    ) -> str:
        from scripts.train import check_model

        folder = tmp_path / family
        tokenizer = templates.save_tokenizer(folder, template, eos)
        network = build(FAMILIES[family], len(tokenizer))
        network.config.eos_token_id = tokenizer.eos_token_id
        network.config.save_pretrained(folder)
        (folder / "model.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")  # no weight is looked at
        words = ["--model", str(folder), "--dtype", "float32", "--training", training, *options]
        monkeypatch.setattr(sys, "argv", ["check_model", *words])
        caplog.clear()
        with caplog.at_level("INFO"):
            check_model.main()
        return caplog.text

    return run


def findings_of(folder: Path, **options: Any) -> list[str]:
    """Return what is found of a model's folder."""
    from argparse import Namespace

    from scripts.common.config.model import ChatSettings
    from scripts.train import check_model

    (folder / "model.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")  # no weight is looked at
    given = dict.fromkeys(("training", "engine", "chat_template", "system_prompt", "training_system_prompt"))
    given |= {"max_new_tokens": None, "pool_tokens": None, "report_to": None, "max_model_length": 32_768}
    given |= {"model": folder, "chat": ChatSettings(), "dtype": "float32", "gpus": 0, "nodes": 1}
    return check_model.findings(Namespace(**given | options))


def test_what_is_found_is_said(check: Check) -> None:
    told = check("Qwen2.5", templates.CHATML, "--pool-tokens", "600", eos="<|endoftext|>")
    assert "it is a qwen2 with a context of 1,024 tokens" in told
    assert "neither its tokenizer nor its generation_config stops at '<|im_end|>'" in told
    assert "a conversation of more than training.max_length 512 stops training" in told
    assert "padded rows equal rows alone" in told
    assert "drops the reasoning" not in told and "writes the date" not in told
    assert "neither its tokenizer" not in check("Qwen2.5", templates.CHATML)


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (templates.R1, "its chat template drops the reasoning of an answer"),
        (templates.LLAMA3, "its chat template writes the date: in every job 2026-01-01"),
        (templates.GEMMA2, "its chat template knows no system prompt, and the experiment has none"),
        (templates.BARE, "ends an answer with no token; training ends it with '<|im_end|>'"),
    ],
)
def test_what_is_peculiar_to_a_template_is_said(check: Check, template: str, sentence: str) -> None:
    assert sentence in check("Qwen2.5", template)


SILENT = templates.CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
LISTS = templates.CHATML.replace("m.content", "(m.content if m.role == 'assistant' else m.content[0].text or '')")
AS_JSON = templates.CHATML.replace("m.content", "(m.content if m.role == 'assistant' else m.content | tojson)")
AS_HTML = templates.CHATML.replace("m.content", "(m.content if m.role == 'assistant' else m.content | e)")
STOPS: dict[str, tuple[str, str, list[str], dict[str, Any], str]] = {
    "system refused": ("Qwen2.5", templates.GEMMA2, ["--system-prompt", "Be brief."], {}, "system_role to user"),
    "system left out": ("Qwen2.5", SILENT, ["--training-system-prompt", "Be brief."], {}, "leaves out the system prompt"),
    "template broken": ("Qwen2.5", "{% for %}", [], {}, "cannot render"),
    "too long": ("Qwen2.5", templates.CHATML, ["--max-new-tokens", "4000"], {"training": '{"max_length": 2048}'},
        "max_new_tokens is 4,000, more than the 1,024 .*; and training.max_length 2048 is above the context|"
        "max_new_tokens is 4,000, more than"),
    "packing": ("LFM2", templates.CHATML, [], {"training": '{"max_length": 512, "packing": true}'}, "carry a state along the row .conv"),
    "question left out": ("Qwen2.5", LISTS, [], {}, "does not write the question as it is"),
    "question as JSON": ("Qwen2.5", AS_JSON, [], {}, "does not write the question as it is"),
    "question as HTML": ("Qwen2.5", AS_HTML, [], {}, "does not write the question as it is"),
    "argument": ("Qwen2.5", templates.CHATML, ["--chat-template-kwargs", '{"enable_thinking": false}'], {}, "does not read enable_thinking"),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPS)
def test_what_cannot_be_right_stops(check: Check, name: str) -> None:
    family, template, options, settings, sentence = STOPS[name]
    with pytest.raises(UserError, match=sentence):
        check(family, template, *options, **settings)


@pytest.mark.parametrize("family", ["Falcon-H1", "Mamba", "Granite MoE"])
def test_layers_that_are_told_from_other_keys_are_tried_too(check: Check, family: str) -> None:
    assert "padded rows equal rows alone" in check(family, templates.CHATML)


def test_a_loss_that_is_not_the_models_own_is_told() -> None:
    """TRL makes the logits itself: a scale that it does not know would change what is trained, in silence."""
    from scripts.train import loss_trial

    network = build(FAMILIES["Granite"], 320)
    loss_trial.prove(network)
    network = build(FAMILIES["Granite"], 320)
    network.lm_head.register_forward_hook(lambda layer, inputs, logits: logits / 2)
    with pytest.raises(UserError, match=r"TRL's loss of this model .granite. is not its own"):
        loss_trial.prove(network)


def test_a_token_beyond_the_embeddings_is_told(check: Check, tmp_path: Path) -> None:
    import json

    from scripts.train import check_model

    check("Qwen2.5", templates.ROLES, eos="<|im_end|>")  # its marks are the last tokens, its end is not
    place = tmp_path / "Qwen2.5" / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"vocab_size": 301}))
    with pytest.raises(UserError, match=r"the model has 301 embeddings: the tokenizer is another model's"):
        check_model.main()


def test_a_token_that_only_a_text_may_hold_is_told(check: Check, tmp_path: Path) -> None:
    import json

    assert "have no embedding" not in check("Qwen2.5", templates.CHATML)
    place = tmp_path / "Qwen2.5" / "tokenizer.json"
    whole = json.loads(place.read_text())
    last = whole["added_tokens"][-1]
    whole["added_tokens"].append(last | {"id": 2000, "content": "<|extra|>"})
    place.write_text(json.dumps(whole))
    found = findings_of(tmp_path / "Qwen2.5")
    assert any(one.startswith("1 tokens of its tokenizer have no embedding ('<|extra|>' first)") for one in found)


@pytest.mark.parametrize(("room", "differs"), [(64, False), (1024, True)])
def test_positions_of_two_kinds_in_training_and_answers_are_told(room: int, differs: bool, tmp_path: Path) -> None:
    from transformers import Phi3Config

    from tests.families import SHAPE

    tokenizer = templates.save_tokenizer(tmp_path, templates.CHATML)
    rope = {"rope_type": "longrope", "rope_theta": 100.0, "original_max_position_embeddings": 256}
    rope |= {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    shape = SHAPE | {"vocab_size": len(tokenizer), "max_position_embeddings": 1024}
    shape |= {"original_max_position_embeddings": 256, "pad_token_id": 0}
    Phi3Config(**shape, rope_parameters=rope).save_pretrained(tmp_path)
    found = findings_of(tmp_path, training='{"max_length": 200}', max_new_tokens=32, max_model_length=room)
    assert any("its positions are others in texts of more than 256 tokens" in one for one in found) == differs


@pytest.mark.parametrize(
    ("kind", "more"), [("gemma3_text", {"use_bidirectional_attention": True}), ("bert", {}), ("bart", {})]
)
def test_what_reads_ahead_is_no_causal_language_model(tmp_path: Path, kind: str, more: dict[str, Any]) -> None:
    """BERT, BART and EmbeddingGemma have a class of causal language models in transformers all the same."""
    from argparse import Namespace

    from transformers import AutoConfig

    from scripts.common.config.model import ChatSettings
    from scripts.train import check_model
    from tests.families import SHAPE

    tokenizer = templates.save_tokenizer(tmp_path, templates.CHATML)
    AutoConfig.for_model(kind, **SHAPE | {"vocab_size": len(tokenizer)} | more).save_pretrained(tmp_path)
    given = {"model": tmp_path, "training": None, "engine": None, "chat_template": None, "chat": ChatSettings()}
    with pytest.raises(UserError, match="is no causal language model"):
        list(check_model.check_class(check_model.Model(Namespace(**given))))


def test_code_of_a_models_own_is_not_asked_for(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers would ask y or N at a terminal that nobody sits at."""
    import json

    check("Qwen2.5", templates.CHATML)
    place = tmp_path / "Qwen2.5" / "config.json"
    config = json.loads(place.read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"}}
    place.write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *words: pytest.fail("it asked"))
    from scripts.train import check_model

    with pytest.raises(UserError, match="is none that transformers knows, and code of a model's own is not run"):
        check_model.main()


def test_an_engine_or_a_tracker_that_is_not_there_is_told_before_training(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from scripts.evaluate.engines import ENGINES

    options = ["--engine", "vllm"]
    assert "it answers with" not in check("Qwen2.5", templates.CHATML, *options), "by hand nothing is known of it"
    monkeypatch.setenv("PYTHON_OF_ENGINE", sys.executable)
    monkeypatch.setitem(ENGINES, "vllm", replace(ENGINES["vllm"], packages=("json", "no_such_package")))
    with pytest.raises(UserError, match=r"engine vllm needs the package no_such_package.*'make gpu' makes"):
        check("Qwen2.5", templates.CHATML, *options)
    monkeypatch.setitem(ENGINES, "vllm", replace(ENGINES["vllm"], packages=("json",)))
    assert "it answers with the engine vllm" in check("Qwen2.5", templates.CHATML, *options)

    from scripts.train import trackers

    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setitem(trackers.TRACKERS, "wandb", trackers.TRACKERS["wandb"]._replace(package="no_such_package"))
    with pytest.raises(UserError, match="report_to names wandb, and the package no_such_package is not installed"):
        check("Qwen2.5", templates.CHATML, "--report-to", "wandb")
    monkeypatch.setitem(trackers.TRACKERS, "wandb", trackers.TRACKERS["wandb"]._replace(package="json"))
    with pytest.raises(UserError, match="has no WANDB_API_KEY and no WANDB_MODE"):
        check("Qwen2.5", templates.CHATML, "--report-to", "wandb")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    told = check("Qwen2.5", templates.CHATML, "--report-to", "wandb")
    assert "its training is reported to wandb" in told and "secret" not in told
