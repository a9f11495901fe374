"""Let one model answer the questions of a benchmark, or of one shard of it, through lighteval.

Makes lighteval's result JSON and the table of answers, a row an answer. The seed of an answer is a hash of the
experiment's seed, the question's id and the number of the sample, so neither sharding nor the other questions matter.
"""

import json
import logging
import os
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.chat import add_chat, tokenizer_from
from scripts.common.cli import UserError
from scripts.common.config.evaluation import Generation
from scripts.common.content import sha256_of
from scripts.common.digest import code_digest
from scripts.common.program import Program, read_settings
from scripts.common.questions import Question, read_questions
from scripts.common.rendering import stop_token_ids
from scripts.common.store import cache_folder
from scripts.common.tables import to_table, write_table
from scripts.evaluate import sandbox
from scripts.evaluate.engines import ENGINES
from scripts.evaluate.engines.base import Sampling
from scripts.evaluate.kinds import KINDS
from scripts.evaluate.running import EngineRun
from scripts.evaluate.store import AnswerStore
from scripts.evaluate.tables import ANSWERS

Row = dict[str, Any]
Result = dict[str, Any]


def check_options(arguments: Namespace) -> None:
    """Raise UserError for what cannot be evaluated."""
    choice = ENGINES[arguments.engine]
    if lacking := choice.missing(arguments.engine, sys.executable):
        raise UserError(lacking)
    if takes_messages(arguments):
        if arguments.chat_template or arguments.chat.chat_template_kwargs:
            raise UserError(
                f"the engine {arguments.engine} takes messages: neither a chat_template nor chat_template_kwargs can "
                "be put on them"
            )
    elif arguments.model is None or not (arguments.model / "config.json").is_file():
        raise UserError(f"there is no model in '{arguments.model}' (no config.json)")
    if not 0 <= arguments.shard < arguments.shards:
        raise UserError(f"--shard {arguments.shard} is not one of 0 to {arguments.shards - 1}")
    if KINDS[arguments.kind].runs_programs:
        sandbox.is_usable(arguments.allow_unsandboxed_code)  # told now, and not after the answers were generated


def merged(settings: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the keys of `more`, also those within one key of both."""
    both = {
        key: merged(settings[key], more[key]) for key in settings.keys() & more.keys() if isinstance(more[key], dict)
    }
    return {**settings, **more, **both}


def takes_messages(arguments: Namespace) -> bool:
    """Tell whether prompts go to the engine as messages: then no tokenizer is needed here."""
    settings = arguments.engine_settings
    return ENGINES[arguments.engine].by_messages(
        {name: getattr(settings, name) for name in type(settings).model_fields}
    )


def questions_of_shard(path: Path, shard: int, shards: int, with_tests: bool = False) -> list[Question]:
    """Return every `shards`-th question of test.jsonl, from number `shard` on."""
    questions = read_questions(path, with_tests)[shard::shards]
    if not questions:
        raise UserError(f"shard {shard} of {shards} has no questions ({path} has fewer): lower the benchmark's shards")
    return questions


def build_model(arguments: Namespace, generation: Generation) -> Any:
    """Return our lighteval model on the engine asked for. Raises UserError for an answer longer than the context."""
    from lighteval.models.model_input import GenerationParameters

    from scripts.evaluate.engines.base import longest_sequence
    from scripts.evaluate.lighteval_model import EngineConfig, EngineModel

    by_messages = takes_messages(arguments)
    length = arguments.max_model_length
    if not by_messages:
        length = longest_sequence(arguments.model, length)
    if KINDS[arguments.kind].generates and generation.max_new_tokens > length:
        raise UserError(
            f"max_new_tokens is {generation.max_new_tokens:,}, more than the {length:,} tokens of model "
            f"'{arguments.model_name}' (the smaller of its own context and evaluation.max_model_length): lower "
            "evaluation.generation.max_new_tokens"
        )
    config = EngineConfig(
        model_name=arguments.model_name,
        generation_parameters=GenerationParameters(
            **generation.model_dump(exclude={"stop"}), stop_tokens=generation.stop, seed=arguments.seed
        ),
        system_prompt=arguments.system_prompt,
        engine=arguments.engine,
        dtype=arguments.dtype,
        max_model_length=length,
        questions=str(arguments.questions),
        shard=arguments.shard,
        shards=arguments.shards,
    )
    tokenizer = None if by_messages else tokenizer_from(arguments, arguments.model)
    sampling = Sampling(
        generation.temperature,
        generation.top_p,
        stop_ids=frozenset() if by_messages else stop_token_ids(arguments.model, tokenizer),
        top_k=generation.top_k,
        min_p=generation.min_p,
        repetition_penalty=generation.repetition_penalty,
        stop=tuple(generation.stop or ()),
    )
    store, hint = store_of(arguments, sampling, length), ENGINES[arguments.engine].hint
    gives_answer = KINDS[arguments.kind].gives_answer
    return EngineModel(config, tokenizer, lambda: start_engine(arguments, length), sampling, store, hint, gives_answer)


def store_of(arguments: Namespace, sampling: Sampling, length: int) -> AnswerStore:
    """Return where the answers of this model, drawn in this way, are kept and found.

    A model of which no folder is here is known by its name and its endpoint's address.
    """
    engine = ENGINES[arguments.engine]
    return AnswerStore(
        cache_folder(),
        of={
            "model": sha256_of(arguments.model) if arguments.model else arguments.model_name,
            "dtype": arguments.dtype,
            "engine": code_digest("scripts/evaluate/engines/base.py", engine.packages, engine.code()),
            "settings": arguments.answering_settings,
            "sampling": {**asdict(sampling), "stop_ids": sorted(sampling.stop_ids)},
            "length": length,
        },
    )


def start_engine(arguments: Namespace, length: int) -> Any:
    """Return the engine asked for, with the model in it; `length` tokens are the longest prompt and answer."""
    return ENGINES[arguments.engine].start(arguments.model, arguments.dtype, length, arguments.engine_settings)


def evaluate(
    arguments: Namespace, generation: Generation, questions: list[Question]
) -> tuple[Result, pa.Table, EngineRun]:
    """Return lighteval's result JSON, the table `answers` in the questions' order, and what the engine did for them."""
    with cli.heavy_imports():
        from scripts.evaluate.lighteval_patches import run_pipeline
        from scripts.evaluate.scores import log_summary, majority_name, scores
        from scripts.evaluate.tasks import build_task

    # Its warnings are about few-shot examples (we have none) and every answer without a result (the table counts them).
    logging.getLogger("lighteval").setLevel(logging.ERROR)
    source = str(arguments.questions.parent)
    task = build_task(arguments.benchmark, source, questions, arguments.kind, arguments.samples)
    kind = KINDS[arguments.kind]
    scoring = [metric.sample_level_fn for metric in task.metrics]
    with kind.judge(scoring, questions, arguments.allow_unsandboxed_code, arguments.threads) as judge:
        model = build_model(arguments, generation)
        result, details = run_pipeline(task, model)
        rows = [
            row
            for question in questions
            for row in (
                answer_rows(question, model.generated[question.id], details[question.id], judge)
                if kind.generates
                else likelihood_rows(question, details[question.id])
            )
        ]
    whose = {"model": arguments.model_name, "subset": arguments.subset, "train_seed": arguments.train_seed}
    answers = to_table(ANSWERS, [{**whose, "benchmark": arguments.benchmark, **row} for row in rows])
    if arguments.samples > 1 and kind.votes:
        for scored in result["results"].values():
            scored |= scores(answers, [majority_name(arguments.samples)])
    log_summary(answers, arguments.model_name, arguments.benchmark, f"; {model.run.summary()}")
    return result, answers, model.run


def likelihood_rows(question: Question, detail: Any) -> list[Row]:
    """Return the one row of a question that was answered by the likelihoods of its choices."""
    logprobs = detail.model_response.logprobs
    likeliest = detail.doc.choices[max(range(len(logprobs)), key=logprobs.__getitem__)]
    return [
        {
            "question_id": question.id,
            "sample": 0,
            "correct": int(detail.metric["acc"]),
            "extracted": likeliest,
            "gold": question.answer,
            "disputed": False,
            "output_tokens": 0,
            "truncated": False,
            "text": likeliest,
            "logprobs": logprobs,
        }
    ]


def answer_rows(question: Question, generated: list[Any], detail: Any, judge: Any) -> list[Row]:
    """Return the rows of one question: what lighteval's metric has scored, with the engine's finish reasons."""
    response = detail.model_response
    # lighteval only warns when a metric gets fewer answers than it counts (its issue 771).
    if not len(generated) == len(response.final_text) == detail.doc.num_samples:
        raise RuntimeError(f"question '{question.id}' has {len(generated)} answers, not {detail.doc.num_samples}")
    rows = []
    for sample, (answer, text, final) in enumerate(zip(generated, response.text, response.final_text, strict=True)):
        verdict = judge.verdict(detail.doc, final)
        rows.append(
            {
                "question_id": question.id,
                "sample": sample,
                "correct": verdict.correct,
                "extracted": verdict.extracted,
                "gold": question.answer,
                "reason": verdict.reason,
                "rule": verdict.rule,
                "disputed": verdict.disputed,
                "output_tokens": answer.tokens,
                "truncated": answer.finish_reason == "length",
                "finish_reason": answer.finish_reason,
                "text": text,
            }
        )
    return rows


def declare() -> Program:
    """Return the program's options."""
    program = Program(__doc__)
    program.add_input("--model", "the model's folder, tokenizer and all (a chat endpoint needs none)", optional=True)
    program.add_argument("--model-name", required=True, help="what the model is called in the results: base or a run")
    program.add_argument("--subset", help="a run: what it was trained on")
    program.add_argument("--train-seed", type=int, help="a run: its training seed")
    add_chat(program)
    program.add_argument("--benchmark", required=True, help="the benchmark's name in the results")
    program.add_input("--questions", "the benchmark's test.jsonl")
    program.add_argument("--kind", choices=list(KINDS), default="math", help="how answers are checked")
    program.add_argument("--allow-unsandboxed-code", action="store_true", help="run programs even without bubblewrap")
    cores = len(os.sched_getaffinity(0))
    program.add_argument("--threads", type=int, default=cores, help="programs run side by side (default: every core)")
    program.add_argument("--samples", type=int, default=1, help="answers per question")
    program.add_argument("--seed", type=int, required=True, help="seed of all answers")
    program.add_argument("--shard", type=int, default=0, help="which shard of the questions, from 0")
    program.add_argument("--shards", type=int, default=1, help="how many shards there are")
    program.add_argument("--engine", choices=list(ENGINES), required=True, help="what generates")
    program.add_argument("--engine-settings", default="{}", metavar="JSON", help="what only this engine takes, as JSON")
    program.add_argument("--engine-manner", default="{}", metavar="JSON", help="more of these, which change no answer")
    program.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], default="bfloat16", help="of weights")
    program.add_argument("--system-prompt", help="system prompt of every question")
    program.add_argument("--max-model-length", type=int, default=32_768, help="longest prompt plus answer, in tokens")
    program.add_settings("--generation", Generation)
    program.add_output("--result", "lighteval's result JSON")
    program.add_output("--answers", "the table of answers")
    return program


def main() -> None:
    program = declare()
    arguments = program.parse()
    generation: Generation = arguments.generation
    settings = ENGINES[arguments.engine].settings
    program.runs(*ENGINES[arguments.engine].code(), *KINDS[arguments.kind].judging_code())
    arguments.answering_settings = json.loads(arguments.engine_settings)
    whole = merged(arguments.answering_settings, json.loads(arguments.engine_manner))
    arguments.engine_settings = read_settings("--engine-settings", settings, json.dumps(whole))
    check_options(arguments)
    with_tests = KINDS[arguments.kind].runs_programs
    questions = questions_of_shard(arguments.questions, arguments.shard, arguments.shards, with_tests)
    drawing = generation.model_dump(exclude_none=True)
    with program.recording(seed=arguments.seed, engine=arguments.engine, **drawing) as facts:
        result, answers, run = evaluate(arguments, generation, questions)
        facts["answers"], facts["answers_reused"] = len(answers), run.store.reused
        if run.account:
            facts["usage"] = dict(run.account)
        write_table(ANSWERS, answers, arguments.answers)
        with replacing(arguments.result) as temporary:
            temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
