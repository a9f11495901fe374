"""Check a model before anything that costs: does it train and answer as its chat template means?

Seconds: only the tokenizer, the configuration and a network of a few random layers are looked at. Every finding is a
sentence in the log; what cannot be right stops here.
"""

import json
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.common import chat, cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.common.context import context_of
from scripts.common.memory import reading_mb, training_mb, weights_of
from scripts.common.network import check_files
from scripts.common.program import Program, read_settings
from scripts.common.rendering import Renderer, closes_chain, own_stop_ids
from scripts.common.rotary import changes_at
from scripts.common.shape import load_config, network_class, state_carrying
from scripts.evaluate.engines import ENGINES
from scripts.train import quantisation, trackers

ENGINE_PYTHON = "PYTHON_OF_ENGINE"
"""The environment variable that holds the interpreter of the engine's environment."""
QUESTION = 'Start with 3.\nA: add 4, if 3 < 4 & "\\frac{8}{2}" is 4. Result, é?'
"""It holds what templates may write otherwise: signs of HTML and JSON, a backslash, a letter that is not ASCII."""
REASONING, CONCLUSION = "First I add: 3 plus 4 is 7, and I check it.", "So the result is 7."
THINKING = f"<think>\n{REASONING}\n</think>\n\n{CONCLUSION}"


class Caution(str):
    """A finding that changes how the model's results read; the report's first page says it too."""


class Model:
    """A model's folder as far as it is looked at, and what the experiment wants of it."""

    def __init__(self, arguments: Namespace) -> None:
        self.folder: Path = arguments.model
        self.arguments = arguments
        check_files(self.folder, needed=_reads_weights(arguments))
        self.config = load_config(self.folder)
        self.context = context_of(self.config)
        self.tokenizer = chat.tokenizer_from(arguments, self.folder)
        self.renderer = Renderer(self.tokenizer)
        self.training: Optimisation | None = (
            read_settings("--training", Optimisation, arguments.training) if arguments.training else None
        )

    @cached_property
    def network(self) -> Any:
        """A network of a few random layers, None where its configuration allows none."""
        from scripts.train import attention_trial

        return attention_trial.shortened(self.config)


def check_class(model: Model) -> Iterator[str]:
    """Whether transformers knows the model, and the tokenizer fits it."""
    kind = model.config.model_type
    if network_class(model.config) is None or getattr(model.config, "is_encoder_decoder", False):
        raise UserError(f"the model in '{model.folder}' ({kind}) is no causal language model")
    if model.network is not None and _looks_ahead(model.network):
        raise UserError(
            f"the model in '{model.folder}' ({kind}) reads what stands behind a token (an encoder, or "
            "use_bidirectional_attention): it is no causal language model"
        )
    rows = model.config.get_text_config(decoder=True).vocab_size
    (row,) = model.renderer.encode([chat.training_messages(None, QUESTION, THINKING)])
    if (last := max(row.ids)) >= rows:
        raise UserError(
            f"the token {_named(model, last)} is number {last}, and the model has {rows} embeddings: the tokenizer is "
            "another model's"
        )
    context = f"{model.context:,.0f} tokens" if model.context < float("inf") else "no bound"
    yield f"it is a {kind} with a context of {context}"
    if without := [token for token in sorted(model.tokenizer.added_tokens_decoder) if token >= rows]:
        yield Caution(
            f"{len(without)} tokens of its tokenizer have no embedding ({_named(model, without[0])} first): a text "
            "that holds one cannot be read"
        )


def check_system(model: Model) -> Iterator[str]:
    """Whether the template writes the system prompts of the experiment."""
    given = [model.arguments.system_prompt, model.arguments.training_system_prompt]
    for prompt in filter(None, given):
        chat.check_system(model.tokenizer, prompt)
    if not any(given):
        try:
            chat.prompt_texts(model.tokenizer, [chat.prompt_messages("Be brief.", QUESTION)])
        except UserError:
            yield "its chat template knows no system prompt, and the experiment has none"
    elif model.arguments.chat.system_role == "user":
        yield "the system prompt stands before the question, in the user's turn"


def check_question(model: Model) -> Iterator[str]:
    """Whether a prompt holds its question: some templates read lists of texts and pictures only."""
    chat.check_question(model.tokenizer, QUESTION)
    yield from ()


def check_answer(model: Model) -> Iterator[str]:
    """Whether an answer survives the template whole, and the labels cover it and its end."""
    if model.training is None:
        return
    for response in (THINKING, CONCLUSION):
        conversation = chat.training_messages(None, QUESTION, response)
        (row,) = model.renderer.encode([conversation])
        told = "".join(model.tokenizer.decode(row.ids[row.start : row.end]).split())
        words = [CONCLUSION, REASONING] if response == THINKING else [CONCLUSION]
        if any("".join(text.split()) not in told for text in words) or row.ids[row.end - 1] != model.renderer.end:
            raise UserError(
                f"the tokenizer of '{model.folder}' does not give an answer back as it was: its labels would not "
                "cover it"
            )
    own = model.tokenizer.apply_chat_template(chat.training_messages(None, QUESTION, THINKING), tokenize=False)
    if REASONING not in own:
        yield Caution(
            "its chat template drops the reasoning of an answer; training puts the whole answer behind the prompt that "
            "generation starts from"
        )
    if not model.renderer.marked:
        end = _named(model, model.renderer.end)
        yield f"its chat template ends an answer with no token; training ends it with {end}"


def check_end(model: Model) -> Iterator[str]:
    """Whether generation stops where training ends an answer."""
    end = model.renderer.end
    yield f"an answer ends with {_named(model, end)}"
    if end not in own_stop_ids(model.folder, model.tokenizer):
        yield (
            f"neither its tokenizer nor its generation_config stops at {_named(model, end)}: it is added to what stops "
            "an answer, and to the generation_config of trained models"
        )


def check_arguments(model: Model) -> Iterator[str]:
    """What the template is given beside the conversation."""
    settings = model.arguments.chat
    if "strftime_now" in model.tokenizer.chat_template:
        yield f"its chat template writes the date: in every job {settings.date}, the experiment's"
    if settings.chat_template_kwargs:
        yield f"its chat template is given {json.dumps(settings.chat_template_kwargs)}"
    (prompt,) = chat.prompt_texts(model.tokenizer, [chat.prompt_messages(None, QUESTION)])
    if closes_chain(prompt, QUESTION):
        yield Caution("its prompts close the chain before the answer: it answers without thinking")


def check_lengths(model: Model) -> Iterator[str]:
    """Whether prompts, answers and training rows fit into the context."""
    arguments, training = model.arguments, model.training
    room, border = min(model.context, arguments.max_model_length), changes_at(model.config)
    if (arguments.max_new_tokens or 0) > room:
        raise UserError(
            f"max_new_tokens is {arguments.max_new_tokens:,}, more than the {room:,} tokens of the model in "
            f"'{model.folder}' (the smaller of its own context and evaluation.max_model_length): lower "
            "evaluation.generation.max_new_tokens"
        )
    if training is None:
        return
    if training.max_length > model.context:
        raise UserError(
            f"training.max_length {training.max_length} is above the context of the model in '{model.folder}', "
            f"{model.context} tokens"
        )
    if arguments.max_new_tokens and (training.max_length > border) != (room > border):
        yield Caution(
            f"its positions are others in texts of more than {border:,} tokens: training.max_length, "
            f"{training.max_length:,}, and evaluation.max_model_length, here {room:,.0f}, are not on one side of it"
        )
    (row,) = model.renderer.encode([chat.training_messages(None, QUESTION, CONCLUSION)])
    if arguments.pool_tokens and arguments.pool_tokens + len(row.ids) > training.max_length:
        what = "stops training" if training.too_long == "stop" else "is cut"
        yield Caution(
            f"responses of up to {arguments.pool_tokens:,} tokens enter the pool; a conversation of more than "
            f"training.max_length {training.max_length:,} {what}"
        )


def check_attention(model: Model) -> Iterator[str]:
    """Which attention computes its rows in training, and whether they may be packed."""
    if model.training is None:
        return
    from scripts.train import attention, attention_trial

    packing = model.training.packing
    layers = state_carrying(model.config)
    if layers and packing:
        raise UserError(attention_trial.refusal(model.config, packing=True))
    attention.register()
    if model.network is None:
        yield "its attention is tried when training starts"
    else:
        half = model.arguments.dtype != "float32"
        name = attention_trial.proven(model.network, packing, attention.candidates(model.config, half))
        yield f"it trains with the attention {name}: {'packed' if packing else 'padded'} rows equal rows alone"
    if layers and not packing:
        yield f"its rows may not be packed: layers carry a state along the row ({', '.join(layers)})"


def check_loss(model: Model) -> Iterator[str]:
    """Whether the loss that training takes in pieces is the model's own."""
    if model.training is not None and model.network is not None:
        from scripts.train import loss_trial

        loss_trial.prove(model.network)
    yield from ()


def check_quantisation(model: Model) -> Iterator[str]:
    """Whether its weights can be trained as the experiment asks: whole, or 4 bits of them under adapters."""
    if model.training is None:
        return
    quantisation.check(model.config, model.training, model.arguments.gpus)
    if model.training.lora and model.training.lora.quantised:
        yield "its weights have 4 bits in training; the adapters are merged into the weights as they were before"


def check_memory(model: Model) -> Iterator[str]:
    """What memory jobs ask for where the experiment does not say, and whether its weights are whole."""
    arguments = model.arguments
    weights_of(model.folder)
    if model.training is not None:
        megabytes = training_mb(model.folder, model.training, arguments.dtype, arguments.gpus, arguments.nodes)
        yield f"training takes about {megabytes:,} MB of main memory"
    yield f"answering takes about {reading_mb(model.folder, arguments.dtype, arguments.gpus):,} MB of main memory"


def check_engine(model: Model) -> Iterator[str]:
    """Whether the engine that is to answer is there, before anything is trained for it."""
    python = os.environ.get(ENGINE_PYTHON, "")
    if model.arguments.engine and Path(python).is_absolute():  # conda's are made later
        if lacking := ENGINES[model.arguments.engine].missing(model.arguments.engine, python):
            raise UserError(lacking)
        yield f"it answers with the engine {model.arguments.engine}"


def check_trackers(model: Model) -> Iterator[str]:
    """Whether what is to follow the training is there."""
    names = model.arguments.report_to or []
    for name in names:
        trackers.check(name)
    if names:
        yield f"its training is reported to {', '.join(names)}"


CHECKS: list[Callable[[Model], Iterator[str]]] = [
    check_class,
    check_system,
    check_question,
    check_answer,
    check_end,
    check_arguments,
    check_lengths,
    check_attention,
    check_loss,
    check_quantisation,
    check_memory,
    check_engine,
    check_trackers,
]


def _reads_weights(arguments: Namespace) -> bool:
    """Whether a job here loads the weights: by hand nothing is known of it, an endpoint has its own."""
    return bool(arguments.training) or bool(arguments.engine and ENGINES[arguments.engine].takes_gpu)


def _looks_ahead(network: Any) -> bool:
    from scripts.train import attention_trial

    return attention_trial.looks_ahead(network)


def _named(model: Model, token: int) -> str:
    return f"'{model.tokenizer.convert_ids_to_tokens(token)}'"


def findings(arguments: Namespace) -> list[str]:
    """Return a sentence for everything that is worth knowing. Raises UserError with all that cannot be right."""
    model = Model(arguments)
    sentences: list[str] = []
    mistakes: list[str] = []
    for check in CHECKS:
        try:
            sentences += check(model)
        except UserError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        raise UserError("; and ".join(mistakes))
    return sentences


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--name", default="the model", help="what the experiment calls the model")
    program.add_input("--model", "the model's folder: tokenizer, configuration, chat template")
    chat.add_chat(program)
    program.add_argument("--dtype", default="bfloat16", help="number format of training and evaluation")
    program.add_argument("--training", metavar="JSON", help="how it is trained, where it is")
    program.add_argument("--gpus", type=int, default=0, help="GPUs of a training run")
    program.add_argument("--nodes", type=int, default=1, help="nodes of a training run")
    program.add_argument(
        "--engine", choices=list(ENGINES), help=f"what answers; its interpreter is in ${ENGINE_PYTHON}"
    )
    program.add_argument("--report-to", nargs="+", choices=list(trackers.TRACKERS), help="what follows its training")
    program.add_argument("--pool-tokens", type=int, help="longest response of the pool, in tokens")
    program.add_argument("--system-prompt", help="system prompt of every question")
    program.add_argument("--training-system-prompt", help="system prompt of the rows that have none of their own")
    program.add_argument("--max-new-tokens", type=int, help="longest answer in tokens, where it answers")
    program.add_argument("--max-model-length", type=int, default=32_768, help="longest prompt plus answer, in tokens")
    program.add_output("--output", "what was found, as JSON", optional=True)
    arguments = program.parse()
    with program.recording():
        sentences = findings(arguments)
        for sentence in sentences:
            cli.log.info("%s: %s", arguments.name, sentence)
        if arguments.output:
            with replacing(arguments.output) as temporary:
                cautions = [sentence for sentence in sentences if isinstance(sentence, Caution)]
                found = {"findings": sentences, "cautions": cautions}
                temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
