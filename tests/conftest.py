"""Fixtures that several test folders share."""

import importlib.util
from pathlib import Path

import pytest

from scripts.common.config.experiment import Experiment
from tests import beside

# A busy machine is no fault: no test asserts a time. The engine's environment has no hypothesis.
if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("project", deadline=None)
    settings.load_profile("project")

# ChatML, with the markers that tell which tokens are the assistant's (TRL's assistant_only_loss).
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}\n"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A file's tests share what is slow to make, so they stay in one process; so do all that use the finished micro.
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("micro" if "micro" in fixtures else item.path.name))
    if not beside.DATA.is_dir():
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(pytest.mark.skip(reason="no real data beside the checkout"))


def make_tokenizer():
    """Return a byte-level BPE tokenizer of 300 entries that encodes any text, with ChatML's special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["Wait, let me check. The final answer is \\boxed{7}. <think> </think>"] * 10, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a random Qwen2 (hidden 32, 2 layers, context 1024, float32) with tokenizer and template."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("tiny-model")
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            initializer_range=0.3,  # wide, so that a step left out changes what follows by much more than rounding
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """The made-up experiment."""
    from scripts.common.config.load import load_experiment
    from tests.made_up_results import CONFIG

    return load_experiment(CONFIG)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Path:
    """The folder of `experiment`, with all that the report is rendered from."""
    from tests.made_up_results import whole_results

    return whole_results(tmp_path_factory.mktemp("results") / "demo", experiment)
