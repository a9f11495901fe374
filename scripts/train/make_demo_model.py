"""Train the demo's tiny base model from scratch: a Qwen3 of 0.15M parameters that half knows how to do labelled sums.

It has seen short and long problems, some with chains and some answered at once, and answers most at once and wrong.
Fine-tuning on chains brings out what it knows: the demo's lift is elicitation. The recipe was found by trying; it needs
about two minutes on one core.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.chat import training_messages
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.data.demo_world import Habits, draw_chain, draw_problem, write_conclusion, write_response

STEPS = 1700
BATCH = 16
VOCABULARY = 365  # and the two think tags
CONTEXT = 1024
# Operations in a problem, whether its answer comes with a chain, and how often.
MIX = {
    (1, True): 0.25,
    (2, True): 0.15,
    (3, True): 0.12,
    (4, True): 0.12,
    (5, True): 0.06,
    (6, True): 0.06,
    (2, False): 0.04,
    (3, False): 0.06,
    (4, False): 0.08,
    (5, False): 0.03,
    (6, False): 0.03,
}
# ChatML; the generation markers tell TRL which tokens are the assistant's.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_tokenizer(rng: random.Random) -> Any:
    """Return a byte-level BPE tokenizer learnt from the demo's own text: it encodes any text, a number up to 99 or a
    word of the demo as one token."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    # A word or a mark keeps the space after it, so that a line is few tokens.
    pieces = Regex(r"\n+|\p{N}{1,2}|\p{L}+ ?|[^\s\p{L}\p{N}] ?|\s")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pieces, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    texts = ["user\nassistant\nsystem"] * 5
    for _ in range(400):
        problem = draw_problem(rng, 4)
        response = write_response(draw_chain(rng, problem, Habits()), problem.answer)
        texts.append(f"{problem.question}\n{response}".replace("<think>", "").replace("</think>", ""))
    backend.train_from_iterator(texts, trainer)
    backend.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=CONTEXT
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build_model(tokenizer: Any) -> Any:
    """Return the untrained model: Qwen3, hidden 64, 3 layers, 2 heads, tied embeddings, float32."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,  # the least that vLLM's attention knows
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.1,  # the usual 0.02 learns slower at this width
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def draw_conversation(rng: random.Random) -> list[dict[str, str]]:
    """Return a problem of MIX with its answer, with or without a chain, as messages."""
    ((operations, with_chain),) = rng.choices(list(MIX), weights=list(MIX.values()))
    problem = draw_problem(rng, operations)
    if with_chain:
        return training_messages(
            None, problem.question, write_response(draw_chain(rng, problem, Habits()), problem.answer)
        )
    return training_messages(None, problem.question, write_conclusion(problem.answer))


def batches(tokenizer: Any, rng: random.Random, steps: int) -> Iterator[tuple[Any, Any]]:
    """Yield `steps` pairs (ids, labels) of shape (BATCH, length), padded; labels are -100 outside the assistant's turn.

    32 batches are drawn at a time and sorted by length, so that little is padding.
    """
    import torch

    waiting: list[list[tuple[list[int], list[int]]]] = []
    for _ in range(steps):
        if not waiting:
            conversations = [draw_conversation(rng) for _ in range(32 * BATCH)]
            encoded = tokenizer.apply_chat_template(
                conversations, return_dict=True, return_assistant_tokens_mask=True, add_special_tokens=False
            )
            rows = sorted(
                zip(encoded["input_ids"], encoded["assistant_masks"], strict=True), key=lambda row: len(row[0])
            )
            waiting = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
            rng.shuffle(waiting)
        rows = waiting.pop()
        ids = torch.full((BATCH, max(len(row) for row, _ in rows)), tokenizer.pad_token_id)
        labels = torch.full_like(ids, -100)
        for place, (row, mask) in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            labels[place, : len(row)] = torch.tensor(row).where(torch.tensor(mask) == 1, torch.tensor(-100))
        yield ids, labels


def train(model: Any, tokenizer: Any, rng: random.Random, steps: int) -> float:
    """Train in place, on the assistant's tokens; return the mean loss of the last tenth.

    Muon on the matrices inside the layers and AdamW on the rest: with AdamW alone the same loss takes twice the steps.
    """
    import torch

    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if all(p is not matrix for matrix in matrices)]
    optimisers = [
        torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0),
        torch.optim.AdamW(others, lr=5e-3, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    warmup = max(1, min(100, steps // 10))
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda step: min(1.0, (step + 1) / warmup) * (1 - step / steps))
        for o in optimisers
    ]
    losses = []
    for ids, labels in cli.progress(batches(tokenizer, rng, steps), "base model", "step", total=steps):
        answered = labels[:, 1:] != -100
        # Logits for the answered tokens only: half of the tokens are the question's.
        states = model.model(input_ids=ids).last_hidden_state[:, :-1][answered]
        loss = torch.nn.functional.cross_entropy(model.lm_head(states), labels[:, 1:][answered])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for part in (*optimisers, *schedules):
            part.step()
        model.zero_grad()
        losses.append(loss.item())
    tail = losses[-max(1, steps // 10) :]
    return sum(tail) / len(tail)


def make(program: Program, label: str, build: Callable[[Any], Any]) -> None:
    """Train a model from scratch as the program's options say: `build` makes it for a tokenizer, `label` names its
    stream of random numbers."""
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_argument("--steps", type=int, default=STEPS, help=f"optimiser steps (default: {STEPS})")
    program.add_output("--output", "the model's folder")
    arguments = program.parse()

    import torch

    seed = derive_seed(arguments.seed, label)
    with program.recording(seed=arguments.seed, steps=arguments.steps) as facts:
        torch.manual_seed(seed)
        rng = random.Random(seed)
        tokenizer = build_tokenizer(rng)
        model = build(tokenizer)
        facts["parameters"] = sum(p.numel() for p in model.parameters())
        facts["final_loss"] = train(model, tokenizer, rng, arguments.steps)
        with replacing(arguments.output) as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)


def main() -> None:
    make(Program(__doc__), "demo-base", build_model)


if __name__ == "__main__":
    cli.run(main)
