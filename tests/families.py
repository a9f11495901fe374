"""The mainstream families: a tiny random model of each and a template with the properties of its own."""

from typing import Any, NamedTuple

from tests import templates

SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 1024,
    # Wide, so that what is computed differently changes logits by much more than rounding.
    "initializer_range": 0.3,
    **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
}
MIXED = {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]}
CAPPED = {"query_pre_attn_scalar": 1, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
SCALED = {"logits_scaling": 8, "embedding_multiplier": 12, "residual_multiplier": 0.22, "attention_multiplier": 0.25}
LINEAR = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
HYBRID = {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}
MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_expand": 2}
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION |= {"image_size": 28, "patch_size": 14}


class Family(NamedTuple):
    """A family: transformers' name of it, its settings, its template and EOS."""

    kind: str
    settings: dict[str, Any]
    template: str
    eos: str = "<|im_end|>"
    system_role: str = "own"


FAMILIES = {
    "Llama 3": Family("llama", {}, templates.LLAMA3, "<|endoftext|>"),
    "Qwen2.5": Family("qwen2", {}, templates.QWEN25, "<|endoftext|>"),
    "Qwen3": Family("qwen3", {}, templates.QWEN3),
    "Qwen3.5 text": Family(
        "qwen3_5_text", LINEAR | {"layer_types": ["linear_attention", "full_attention"]}, templates.QWEN35
    ),
    "Gemma 2": Family("gemma2", MIXED | CAPPED, templates.GEMMA2, "<|endoftext|>", "user"),
    "Gemma 3": Family("gemma3_text", MIXED | {"query_pre_attn_scalar": 8}, templates.GEMMA3, "<|endoftext|>"),
    "Gemma 3, reads images too": Family("gemma3", {}, templates.GEMMA3, "<|endoftext|>"),
    "Phi 3, Phi 4": Family("phi3", {"sliding_window": 32}, templates.PHI, "<|endoftext|>"),
    "Mistral": Family("mistral", {"sliding_window": 32}, templates.MISTRAL, "<|endoftext|>"),
    "Mixtral": Family("mixtral", EXPERTS, templates.MISTRAL, "<|endoftext|>"),
    "SmolLM2": Family("llama", {"tie_word_embeddings": True}, templates.QWEN25),
    "SmolLM3": Family("smollm3", {}, templates.QWEN3),
    "Granite": Family("granite", SCALED, templates.ROLES, "<|endoftext|>"),
    "OLMo 2": Family("olmo2", {}, templates.ROLES, "<|endoftext|>"),
    "gpt-oss": Family("gpt_oss", MIXED | EXPERTS, templates.CHANNELS, "<|return|>"),
    "LFM2": Family("lfm2", {"layer_types": ["conv", "full_attention"]}, templates.CHATML),
    "Falcon-H1": Family("falcon_h1", HYBRID, templates.CHATML),
    "GPT-2": Family(
        "gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024}, templates.BARE, "<|endoftext|>"
    ),
    "Mamba": Family("mamba", {"state_size": 8}, templates.CHATML),
    "Granite MoE": Family("granitemoe", EXPERTS, templates.CHATML),
    "Granite 4, dense": Family(
        "granitemoehybrid",
        MAMBA2 | {"layer_types": ["mamba", "attention"], "num_local_experts": 0, "shared_intermediate_size": 32},
        templates.CHATML,
    ),
    "DeepSeek-R1-Distill": Family("qwen2", {}, templates.R1, "<|endoftext|>"),
}


def build(family: Family, vocabulary: int) -> Any:
    """Return a random model of a family in float32, with so many embeddings."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = SHAPE | {"vocab_size": vocabulary} | family.settings
    if family.kind == "gemma3":
        # The last tokens stand for images.
        text = shape | {"vocab_size": vocabulary + 8} | MIXED | {"query_pre_attn_scalar": 8}
        places = {
            "image_token_index": vocabulary + 2,
            "boi_token_index": vocabulary + 3,
            "eoi_token_index": vocabulary + 4,
        }
        config = AutoConfig.for_model(
            family.kind, text_config=text, vision_config=VISION, mm_tokens_per_image=4, **places
        )
    else:
        config = AutoConfig.for_model(family.kind, **shape)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()
