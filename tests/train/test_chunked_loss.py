"""The loss never holds the logits of all rows: TRL's default computes it in pieces, and equals the plain one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.common.config.training import Optimisation
from scripts.common.memory import logit_bytes
from scripts.train.trainer import sft_arguments


def network(vocabulary: int, **more: Any) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape |= {"num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 20_000, "initializer_range": 0.3}
    made = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", vocab_size=vocabulary, **shape, **more))
    add_fused_lm_head(made, outputs=("log_probs", "entropy", "is_top1"))  # as TRL's trainer does
    return made


def test_training_takes_the_loss_in_pieces(tmp_path: Path) -> None:
    """TRL calls it nll since 1.16 (chunked_nll before); what it does is shown below."""
    arguments = sft_arguments(Optimisation(effective_batch=1), "float32", 1, tmp_path, 1, SimpleNamespace(
        attention=None, checkpointing=False, liger=False))  # fmt: skip
    assert arguments.loss_type == "nll"


@pytest.mark.parametrize("tied", [True, False])
def test_loss_and_gradients_are_those_of_plain_cross_entropy(tied: bool) -> None:
    import torch

    made = network(500, tie_word_embeddings=tied)
    ids = torch.randint(3, 500, (2, 37))
    labels = ids.masked_fill(torch.rand(ids.shape) < 0.4, -100)
    made(input_ids=ids, labels=labels, fused_lm_head=True).loss.backward()
    pieces = {name: weight.grad.clone() for name, weight in made.named_parameters()}
    made.zero_grad()
    logits = made(input_ids=ids).logits[:, :-1].double()
    plain = torch.nn.functional.cross_entropy(logits.reshape(-1, 500), labels[:, 1:].reshape(-1), ignore_index=-100)
    plain.backward()
    with torch.no_grad():
        assert float(made(input_ids=ids, labels=labels, fused_lm_head=True).loss) == pytest.approx(
            float(plain), abs=1e-6
        )
    for name, weight in made.named_parameters():
        torch.testing.assert_close(pieces[name], weight.grad, atol=1e-6, rtol=1e-4)


def test_16k_rows_of_a_vocabulary_of_152k_are_never_there_at_once() -> None:
    """Every tensor that the step makes is counted by its shape, nothing is computed: all logits would be 10 GB."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    rows, vocabulary = 16_384, 152_000
    largest = 0

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            made = function(*args, **(kwargs or {}))
            for one in made if isinstance(made, tuple | list) else [made]:
                if isinstance(one, torch.Tensor):
                    largest = max(largest, one.numel() * one.element_size())
            return made

    with FakeTensorMode(allow_non_fake_inputs=True), Count():
        made = network(vocabulary, attn_implementation="sdpa")
        ids = torch.zeros(16, rows // 16, dtype=torch.long)  # a row of attention weights is not what is asked here
        made(input_ids=ids, labels=ids, fused_lm_head=True).loss.backward()
    shape = SimpleNamespace(vocabulary=vocabulary)
    whole = 4 * rows * vocabulary
    assert largest < whole / 12
    assert 2 * largest <= logit_bytes(shape, rows) < whole
