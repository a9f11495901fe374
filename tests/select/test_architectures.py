"""Exact PIR against plain passes for many architectures: by the tree, or by plain passes where the tree is not exact.

Tiny random models. The plain passes are written here: the architecture's own forward and attention code, one whole
sequence at a time, all logits.
"""

import copy
import random
from typing import Any

import pytest

from tests import families
from tests.families import CAPPED, EXPERTS, HYBRID, LINEAR, MIXED

SHAPE = {"vocab_size": 200, **families.SHAPE}
WINDOW = {"sliding_window": 32}
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 100}
LONGROPE |= {"short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.0, 4.0, 9.0, 16.0]}
MAMBA = {"state_size": 8, "num_heads": 8, "n_groups": 1, "chunk_size": 16}
LATENT = {"num_key_value_heads": 4, "kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8}
LATENT |= {
    "head_dim": 4,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
}
LATENT |= {"moe_intermediate_size": 16, "n_shared_experts": 1, "first_k_dense_replace": 1}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024}

# name: architecture, settings, and whether chains of 150 tokens are scored by the tree, by plain passes, or by both.
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "llama": ("llama", {}, "tree"),
    "qwen2": ("qwen2", {}, "tree"),
    "qwen3": ("qwen3", {}, "tree"),
    "mistral": ("mistral", {"sliding_window": None}, "tree"),
    "mistral-window": ("mistral", WINDOW, "tree"),
    "mixtral": ("mixtral", EXPERTS | WINDOW, "tree"),
    "phi3": ("phi3", WINDOW, "tree"),
    "phi3-longrope": ("phi3", {"sliding_window": None, "rope_parameters": LONGROPE, "original_max_position_embeddings": 100}, "both"),
    "starcoder2": ("starcoder2", WINDOW, "tree"),
    "gemma": ("gemma", {}, "tree"),
    "gemma2": ("gemma2", MIXED | CAPPED, "tree"),
    "gemma3": ("gemma3_text", MIXED | {"query_pre_attn_scalar": 8}, "tree"),
    "gemma3-composite": ("gemma3", {}, "tree"),
    "granite": (
        "granite",
        {"logits_scaling": 8, "embedding_multiplier": 12, "residual_multiplier": 0.22, "attention_multiplier": 0.25},
        "tree",
    ),
    "cohere": ("cohere", {"logit_scale": 0.5}, "tree"),
    "cohere2": ("cohere2", MIXED, "tree"),
    "hyperclovax": ("hyperclovax", {"logits_scaling": 0.125}, "tree"),
    "olmo2": ("olmo2", {}, "tree"),
    "olmo3": ("olmo3", MIXED, "tree"),
    "gpt2": ("gpt2", GPT, "tree"),
    "gpt_neox": ("gpt_neox", {}, "tree"),
    "gptj": ("gptj", GPT | {"rotary_dim": 4}, "tree"),
    "gpt_neo": ("gpt_neo", {"attention_types": [[["global", "local"], 1]], "window_size": 32, "num_heads": 4}, "plain"),
    "gpt_oss": ("gpt_oss", MIXED | EXPERTS, "tree"),
    "exaone4": ("exaone4", MIXED, "tree"),
    "smollm3": ("smollm3", {}, "tree"),
    "glm4": ("glm4", {}, "tree"),
    "nemotron": ("nemotron", {}, "tree"),
    "stablelm": ("stablelm", {}, "tree"),
    "persimmon": ("persimmon", {}, "tree"),
    "deepseek_v3": ("deepseek_v3", LATENT, "tree"),
    "bloom": ("bloom", {"n_layer": 2, "n_head": 4}, "plain"),
    "mpt": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 1024}, "plain"),
    "recurrentgemma": ("recurrent_gemma", {"attention_window_size": 32, "lru_width": 32, "num_hidden_layers": 3}, "plain"),
    "lfm2": ("lfm2", {"layer_types": ["conv", "full_attention"]}, "plain"),
    "mamba": ("mamba", {"state_size": 8}, "plain"),
    "mamba2": ("mamba2", MAMBA, "plain"),
    "falcon_h1": ("falcon_h1", HYBRID, "plain"),
    "qwen3_5": ("qwen3_5_text", LINEAR | {"layer_types": ["linear_attention", "full_attention"]}, "plain"),
}  # fmt: skip


def build(name: str) -> Any:
    """Return a random model of a case, in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind, settings, _ = CASES[name]
    shape = SHAPE | settings
    if kind == "gemma3":
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        text = SHAPE | MIXED | {"query_pre_attn_scalar": 8}
        vision |= {"image_size": 28, "patch_size": 14}
        config = AutoConfig.for_model(kind, text_config=text, vision_config=vision, mm_tokens_per_image=4)
    elif kind == "mamba2":  # derives its heads from a width of its own
        config = AutoConfig.for_model(kind, **shape | {"expand": 2})
    else:
        config = AutoConfig.for_model(kind, **shape)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def random_chain(name: str, length: int) -> Any:
    from scripts.select.limopro.chain import Chain

    draw = random.Random(length)

    def ids(count: int) -> list[int]:
        return [draw.randrange(3, 200) for _ in range(count)]

    sizes = [length // 20 + k for k in range(8)]
    prompt = length - 2 - sum(sizes) - 5 - 4
    return Chain(name, ids(prompt), ids(2), [ids(size) for size in sizes], ids(5), ids(3), ids(4), [0, 2, 3, 7])


def plain_nll(model: Any, before: list[int], answer: list[int]) -> float:
    """Mean NLL of the answer in one pass over the whole sequence."""
    import torch

    logits = model(torch.tensor([before + answer])).logits[0, len(before) - 1 : -1].double()
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer)))


def expected(model: Any, chain: Any) -> list[float]:
    """Return the NLLs of the whole chain, of the question alone, and without each functional step."""

    def nll(left_out: int | None) -> float:
        steps = [token for k, step in enumerate(chain.steps) if k != left_out for token in step]
        return plain_nll(model, [*chain.prompt, *chain.opening, *steps, *chain.closing], chain.answer)

    question = plain_nll(model, [*chain.prompt, *chain.lead], chain.answer)
    return [nll(None), question, *(nll(k) for k in chain.functional)]


@pytest.mark.parametrize("name", CASES)
def test_exact_for_every_architecture(name: str, caplog: pytest.LogCaptureFixture) -> None:
    import torch

    from scripts.select.limopro.pir import Estimator

    model = build(name)
    own = copy.deepcopy(model)
    own.set_attn_implementation("eager")  # the architecture's own code: PyTorch's attention has no soft cap
    # Below and above the windows and the length from which phi3 has other frequencies.
    chains = {"short": random_chain("short", 80), "long": random_chain("long", 150)}
    estimator = Estimator(model, name)
    with torch.inference_mode(), caplog.at_level("INFO"):
        scores = {chain.id: score for chain, score in estimator.score(list(chains.values()), 4096)}
        for identity, chain in chains.items():
            score = scores[identity]
            values = [score.nll_full, score.nll_question, *score.nll_without]
            assert values == pytest.approx(expected(own, chain), abs=1e-4)
            # The comparison can fail: leaving a step out does change the answer's NLL.
            assert max(abs(value - score.nll_full) for value in score.nll_without) > 2e-3
    way = {0: "plain", 150: "tree"}.get(estimator.proved, "both")
    assert way == CASES[name][2]
    assert ("a plain pass is made for each step" in caplog.text) == (way != "tree")
