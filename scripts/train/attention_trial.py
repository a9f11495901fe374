"""Which attention computes a model's rows as its own code does: found out by trying, not by the model's name.

Layers that do not take transformers' attention ignore a mask, or the lack of one; others have soft caps, sinks or
biases of their own; convolutions and recurrent layers see over the border of packed rows. All of it shows on a few
short rows of random tokens: computed side by side, as training would, and each alone by the model's own code.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from scripts.common.cli import UserError, log
from scripts.common.shape import shape_of, state_carrying
from scripts.train import attention

LENGTHS = (5, 1, 23, 2, 40)
WORDS, LARGEST = 512, 600e6  # of a shortened network
EXACT, ROUGH = (
    1e-4,
    0.1,
)  # of the largest logit: rounding in float32, and in 16 bits; a row that is seen moves it far more


def proven(network: Any, packing: bool, candidates: Sequence[str]) -> str:
    """Return the first of `candidates` that is right for rows side by side: packed, or padded on the right.

    The network is left with it. Raises UserError where none is.
    """
    reasons = []
    with _as_in_use(network):
        ids = _random_tokens(network)
        network.set_attn_implementation("eager")
        alone = _alone(network, ids)
        for name in candidates:
            try:
                _take(network, name)
                with _where_it_runs(network, name):
                    gap = _gap(network, ids.to(network.device), alone, packing)
            except (ValueError, RuntimeError, NotImplementedError, AttributeError, TypeError, ImportError) as error:
                reasons.append(f"{name}: {str(error).strip().splitlines()[0]}")
                continue
            bound = ROUGH if network.dtype.itemsize < 4 or name in attention.ON_GPU else EXACT
            if gap <= bound:
                log.info("attention: %s (rows side by side and alone differ by %.1g)", name, gap)
                return name
            reasons.append(f"{name}: off by {gap:.1g}")
    log.info("attention: none is right: %s", "; ".join(reasons))
    raise UserError(refusal(network.config, packing))


def _take(network: Any, name: str) -> None:
    """Give a network this attention. Raises ValueError where it keeps its own, which transformers only logs."""
    network.set_attn_implementation(name)
    if network.config._attn_implementation != name:
        raise ValueError(f"it keeps its own, {network.config._attn_implementation}")


def refusal(config: Any, packing: bool) -> str:
    """Return the sentence for a model whose rows cannot be computed side by side."""
    kind = config.model_type
    if not packing:
        return f"no attention computes padded rows of this model ({kind}) as its own code does: take another model"
    layers = state_carrying(config)
    carry = f"its layers carry a state along the row ({', '.join(layers)})"
    why = carry if layers else "whose attention sees over their borders"
    return f"packed rows would see each other in this model ({kind}), {why}: set training.packing to false"


@contextmanager
def _as_in_use(network: Any) -> Iterator[None]:
    """Without dropout, cache and gradients inside."""
    import torch

    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


@contextmanager
def _where_it_runs(network: Any, name: str) -> Iterator[None]:
    """On the GPU inside, in the mixed precision of training, where an attention runs nowhere else."""
    import torch

    if name not in attention.ON_GPU:
        yield
        return
    before = network.device
    network.to("cuda")
    try:
        with torch.autocast("cuda", torch.bfloat16):
            yield
    finally:
        network.to(before)


def _random_tokens(network: Any) -> Any:
    import torch

    vocabulary = network.get_input_embeddings().weight.shape[0]
    draw = torch.Generator().manual_seed(0)
    # Of a model that reads images too, the last tokens stand for these.
    last = min(vocabulary - min(300, vocabulary // 8), 30_000)
    return torch.randint(3, last, (sum(LENGTHS),), generator=draw).to(network.device)


def _alone(network: Any, ids: Any) -> Any:
    import torch

    return torch.cat([network(input_ids=row[None], use_cache=False).logits[0] for row in ids.split(LENGTHS)])


def _gap(network: Any, ids: Any, alone: Any, packing: bool) -> float:
    """Return how far the logits are apart, as a share of the largest (of 1, where that is smaller)."""
    import torch

    rows = ids.split(LENGTHS)
    if packing:
        bounds = torch.tensor([0, *LENGTHS]).cumsum(0).to(device=ids.device, dtype=torch.int32)
        positions = torch.cat([torch.arange(length) for length in LENGTHS])[None].to(ids.device)
        longest = max(LENGTHS)
        lengths = {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": longest, "max_length_k": longest}
        together = network(input_ids=ids[None], position_ids=positions, use_cache=False, **lengths).logits[0]
    else:
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = network(input_ids=padded, attention_mask=mask, use_cache=False).logits
        together = torch.cat([of_row[: len(row)] for of_row, row in zip(logits, rows, strict=True)])
    gap = (together.float().to(alone.device) - alone.float()).abs().max() / alone.float().abs().max().clamp(min=1)
    return float(gap) if torch.isfinite(gap) else float("inf")


def looks_ahead(network: Any) -> bool:
    """Whether a token changes the logits before it, as in an encoder."""
    import torch

    with _as_in_use(network):
        ids = _random_tokens(network)[None, : LENGTHS[2]]
        other = ids.clone()
        other[0, -1] = ids[0, 0] if ids[0, 0] != ids[0, -1] else ids[0, 0] + 1
        first, second = (network(input_ids=each, use_cache=False).logits[0, :-1].float() for each in (ids, other))
        return not bool(torch.isclose(first, second, atol=EXACT * float(first.abs().max()), rtol=0).all())


def shortened(config: Any) -> Any:
    """Return a network of a configuration's kind with random weights, one layer of each kind and few words; None where
    its configuration cannot be shortened, or a layer has hundreds of millions of weights."""
    import torch
    from transformers import AutoModelForCausalLM

    text = copy.deepcopy(config.get_text_config(decoder=True))
    try:
        _leave_a_layer_of_each_kind(text)
        text.vocab_size, text.pad_token_id = WORDS, None
        # Wide, so that what an attention does differently changes the logits by much more than rounding.
        text.initializer_range = 1.7 / shape_of(text).hidden ** 0.5
        with torch.device("meta"):
            weights = AutoModelForCausalLM.from_config(text).num_parameters()
        return AutoModelForCausalLM.from_config(text).float() if weights < LARGEST else None
    except Exception as error:  # whatever a model's code raises for a shape that it was not made for
        log.info("attention: a %s cannot be shortened: %s", config.model_type, str(error).strip().split("\n")[0])
        return None


def _leave_a_layer_of_each_kind(text: Any) -> None:
    kinds = getattr(text, "layer_types", None)
    if not kinds:
        text.num_hidden_layers = min(2, shape_of(text).layers)
        return
    first = list(dict.fromkeys(kinds))
    try:
        text.layer_types = first
        text.num_hidden_layers = len(first)
    except AttributeError:  # told from other keys (Jamba, Falcon-H1): as many layers as it takes for all kinds
        text.num_hidden_layers = 1 + max(list(kinds).index(kind) for kind in first)


def choose(network: Any, packing: bool, half: bool) -> str:
    """Return the attention that this model is trained with, and leave the network with it; `half`: passes of 16 bits.

    Raises UserError where packed rows would see each other.
    """
    import torch

    attention.register()
    names = attention.candidates(network.config, half)
    tried = network
    if torch.cuda.is_available() and names[0] in attention.ON_GPU:
        needed = network.num_parameters() * network.dtype.itemsize
        if needed > torch.cuda.mem_get_info()[0] / 2:  # sharded over several: a shortened one stands for it
            tried = shortened(network.config) or network
    name = proven(tried, packing, names)
    _take(network, name)
    return name
