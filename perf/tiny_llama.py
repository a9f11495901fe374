"""Train a scorer of another family than the demo's on the demo's sums: the third model of perf/pir_estimators.py.

A Llama of four narrow layers with twice the demo's heads and a head of its own beside the embeddings; tokenizer, data
and recipe are the demo's (scripts/train/make_demo_model.py).
"""

from typing import Any

from scripts.common import cli
from scripts.common.program import Program
from scripts.train import make_demo_model


def build_model(tokenizer: Any) -> Any:
    """Return the untrained model in float32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=make_demo_model.CONTEXT,
        tie_word_embeddings=False,
        initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def main() -> None:
    make_demo_model.make(Program(__doc__), "tiny-llama", build_model)


if __name__ == "__main__":
    cli.run(main)
