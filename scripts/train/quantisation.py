"""QLoRA (Dettmers et al., 2305.14314): adapters are trained on a model whose own weights have 4 bits."""

from importlib.util import find_spec
from typing import Any

from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation

PACKAGE = "bitsandbytes"


def check(config: Any, settings: Optimisation, gpus: int) -> None:
    """Raise UserError where a model (its transformers configuration) cannot be trained with quantised weights, or has
    such weights already."""
    own = getattr(config, "quantization_config", None)
    if own:
        kind = own.get("quant_method") if isinstance(own, dict) else getattr(own, "quant_method", None)
        raise UserError(
            f"the model's own weights are quantised ({kind or 'in a way of their own'}), and such weights are neither "
            "trained nor merged with adapters: name the model that they were made from, for QLoRA with training.lora: "
            "{quantised: true}"
        )
    if settings.lora is None or not settings.lora.quantised:
        return
    if not gpus:
        raise UserError("training.lora.quantised trains on a GPU only: set training.gpus, or leave out quantised")
    if find_spec(PACKAGE) is None:
        raise UserError(
            f"training.lora.quantised needs the package {PACKAGE}, which is not installed: 'make gpu' brings it, or "
            "leave out quantised"
        )


def configuration(settings: Optimisation, dtype: str) -> Any:
    """Return how transformers quantises a model's weights on loading, None for a model that stays as it is.

    As in the paper: nf4, its constants quantised too, products in the experiment's type. Raises UserError where there
    is no GPU.
    """
    if settings.lora is None or not settings.lora.quantised:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available():
        raise UserError(
            "training.lora.quantised trains on a GPU only, and this machine shows none: run where there is one, or "
            "leave out quantised"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )
