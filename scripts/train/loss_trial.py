"""Whether TRL's loss, taken in pieces, is the loss of the model's own code: found out by trying.

TRL computes the logits itself, from the last hidden states and the output's weights: what a family does to its logits
(soft caps, scales) it has to know. And it wants the number of experts under one name.
"""

from typing import Any

from scripts.common.cli import UserError

CLOSE = 1e-3
"""Of the loss: rounding."""


def router_loss(config: Any) -> float | None:
    """Return what weight TRL is to give the loss that keeps experts' loads alike: 0.0 where a family that may have
    experts has none (the dense ones of Granite 4), None for the model's own.

    Its number of experts is found under the name that TRL 1.16 reads from then on.
    """
    text = config.get_text_config(decoder=True)
    if not hasattr(text, "num_experts") and hasattr(text, "num_local_experts"):
        type(text).attribute_map = {**type(text).attribute_map, "num_experts": "num_local_experts"}
    return 0.0 if getattr(text, "num_experts", None) == 0 else None


def prove(network: Any) -> None:
    """Try it, with the loss of the experts' loads where TRL adds it.

    Raises UserError where TRL's loss of a few random tokens is not that of the network's own code. The network
    is left with TRL's forward pass, which otherwise is its own.
    """
    import torch
    from trl.trainer.utils import add_fused_lm_head

    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(3, network.get_input_embeddings().weight.shape[0] // 2, (2, 24), generator=draw)
    ids = ids.to(network.device)
    labels = ids.masked_fill(torch.arange(24).to(ids.device) < 5, -100)
    kind, text = network.config.model_type, network.config.get_text_config(decoder=True)
    if hasattr(text, "output_router_logits"):  # TRL sets it so
        given = router_loss(network.config)
        text.output_router_logits = given is None and getattr(text, "router_aux_loss_coef", 0.0) != 0
    try:
        with torch.no_grad():
            own = float(network.eval()(input_ids=ids, labels=labels, use_cache=False).loss)
            add_fused_lm_head(network)
            pieces = float(network(input_ids=ids, labels=labels, fused_lm_head=True).loss)
    except (AttributeError, TypeError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"TRL cannot compute the loss of this model ({kind}): {reason}") from error
    if not abs(own - pieces) <= CLOSE * abs(own):
        raise UserError(
            f"TRL's loss of this model ({kind}) is not its own ({pieces:.4g} for {own:.4g}): take another model"
        )
