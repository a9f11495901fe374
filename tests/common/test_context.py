"""How many tokens a model holds, told from the configuration of families that put it in different places."""

from pathlib import Path
from typing import Any

import pytest
from transformers import (
    BloomConfig,
    DeepseekV3Config,
    Gemma3Config,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    Mistral3Config,
    Qwen2Config,
)

from scripts.common.context import context_of
from scripts.data.prepare_pool import context_length
from scripts.evaluate.engines.base import longest_sequence

INSIDE = {"max_position_embeddings": 77}
STRETCHED = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA_3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "original_max_position_embeddings": 32}
LLAMA_3 |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
CONFIGS = {
    "llama": (LlamaConfig(**INSIDE), 77),
    "qwen2 stretched": (Qwen2Config(max_position_embeddings=32, rope_parameters=STRETCHED), 128),
    "deepseek stretched, and says so": (DeepseekV3Config(max_position_embeddings=128, rope_parameters=STRETCHED), 128),
    "llama 3.1": (LlamaConfig(max_position_embeddings=128, rope_parameters=LLAMA_3), 128),
    "gpt2": (GPT2Config(n_positions=77), 77),
    "gemma3 that reads images": (Gemma3Config(text_config=INSIDE), 77),
    "mistral3 that reads images": (Mistral3Config(text_config={"model_type": "mistral", **INSIDE}), 77),
    "mamba": (MambaConfig(), float("inf")),
    "bloom": (BloomConfig(), float("inf")),
}


@pytest.mark.parametrize(("config", "tokens"), CONFIGS.values(), ids=list(CONFIGS))
def test_every_stage_sees_the_same_context(config: Any, tokens: float, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    assert context_of(config) == context_length([tmp_path]) == tokens
    assert longest_sequence(tmp_path, 100) == min(tokens, 100)


def test_the_shortest_of_two_counts(tmp_path: Path) -> None:
    MambaConfig().save_pretrained(tmp_path / "a")
    LlamaConfig(**INSIDE).save_pretrained(tmp_path / "b")
    assert context_length([tmp_path / "a", tmp_path / "b"]) == 77
