"""Let one model answer the questions of a benchmark, or of one shard of it, through lighteval.

Makes lighteval's result JSON and the table of answers, a row an answer. The seed of an answer is a hash of the
experiment's seed, the question's id and the number of the sample, so neither sharding nor the other questions matter.
"""

import json
import logging
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.chat import load_tokenizer
from scripts.common.cli import UserError
from scripts.common.config.evaluation import Generation
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording
from scripts.common.questions import Question, read_questions
from scripts.common.tables import to_table, write_table
from scripts.evaluate import sandbox

Row = dict[str, Any]
Result = dict[str, Any]


def check_options(arguments: Namespace) -> None:
    """Raise UserError for what cannot be evaluated."""
    if not (arguments.model / "config.json").is_file():
        raise UserError(f"there is no model in '{arguments.model}' (no config.json)")
    if not 0 <= arguments.shard < arguments.shards:
        raise UserError(f"--shard {arguments.shard} is not one of 0 to {arguments.shards - 1}")
    if arguments.kind == "code":
        sandbox.is_usable(arguments.allow_unsandboxed_code)  # told now, and not after the answers were generated


def questions_of_shard(path: Path, shard: int, shards: int, with_tests: bool = False) -> list[Question]:
    """Return every `shards`-th question of test.jsonl, from number `shard` on."""
    questions = read_questions(path, with_tests)[shard::shards]
    if not questions:
        raise UserError(f"shard {shard} of {shards} has no questions ({path} has fewer): lower the benchmark's shards")
    return questions


def build_model(arguments: Namespace, generation: Generation) -> Any:
    """Return our lighteval model on the engine asked for. Raises UserError for an answer longer than the context."""
    from lighteval.models.model_input import GenerationParameters

    from scripts.evaluate.engines import longest_sequence, stop_token_ids
    from scripts.evaluate.lighteval_model import EngineConfig, EngineModel

    length = longest_sequence(arguments.model, arguments.max_model_length)
    if arguments.kind != "loglikelihood" and generation.max_new_tokens > length:
        raise UserError(
            f"max_new_tokens is {generation.max_new_tokens:,}, more than the {length:,} tokens of model "
            f"'{arguments.model_name}' (the smaller of its own context and evaluation.max_model_length): lower "
            "evaluation.generation.max_new_tokens"
        )
    config = EngineConfig(
        model_name=arguments.model_name,
        generation_parameters=GenerationParameters(**generation.model_dump(), seed=arguments.seed),
        system_prompt=arguments.system_prompt,
        engine=arguments.engine,
        dtype=arguments.dtype,
        max_model_length=length,
        questions=str(arguments.questions),
        shard=arguments.shard,
        shards=arguments.shards,
    )
    tokenizer = load_tokenizer(arguments.model, arguments.chat_template)
    stop_ids = stop_token_ids(arguments.model, tokenizer)
    return EngineModel(config, tokenizer, lambda: start_engine(arguments, length), stop_ids)


def start_engine(arguments: Namespace, length: int) -> Any:
    """Return the engine asked for, with the model in it; `length` tokens are the longest prompt and answer."""
    if arguments.engine == "vllm":
        from scripts.evaluate.vllm_engine import VllmEngine

        return VllmEngine(arguments.model, arguments.dtype, length, arguments.gpu_memory_utilization)
    from scripts.evaluate.transformers_engine import TransformersEngine

    return TransformersEngine(arguments.model, arguments.dtype, arguments.batch_size)


def build_judge(arguments: Namespace, task: Any, questions: list[Question]) -> Any:
    """Return what tells right answers from wrong ones in the place of the task's metrics, as a context; nothing does
    where choices are weighed."""
    from scripts.evaluate.scoring import Judge

    if arguments.kind == "loglikelihood":
        return nullcontext()
    scoring = [metric.sample_level_fn for metric in task.metrics]
    if arguments.kind != "code":
        return Judge(scoring)
    from scripts.evaluate.code_judge import CodeJudge

    return CodeJudge(scoring, questions, sandbox.is_usable(arguments.allow_unsandboxed_code))


def evaluate(arguments: Namespace, generation: Generation, questions: list[Question]) -> tuple[Result, pa.Table]:
    """Return lighteval's result JSON and the table `answers`, in the questions' order."""
    with cli.heavy_imports():
        from scripts.evaluate.lighteval_patches import run_pipeline
        from scripts.evaluate.scores import log_summary, majority_name, scores
        from scripts.evaluate.tasks import build_task

    # Its warnings are about few-shot examples (we have none) and every answer without a result (the table counts them).
    logging.getLogger("lighteval").setLevel(logging.ERROR)
    source = str(arguments.questions.parent)
    task = build_task(arguments.benchmark, source, questions, arguments.kind, arguments.samples)
    likelihood = arguments.kind == "loglikelihood"
    with build_judge(arguments, task, questions) as judge:
        model = build_model(arguments, generation)
        result, details = run_pipeline(task, model)
        rows = [
            row
            for question in questions
            for row in (
                likelihood_rows(question, details[question.id])
                if likelihood
                else answer_rows(question, model.generated[question.id], details[question.id], judge)
            )
        ]
    whose = {"model": arguments.model_name, "subset": arguments.subset, "train_seed": arguments.train_seed}
    answers = to_table("answers", [{**whose, "benchmark": arguments.benchmark, **row} for row in rows])
    if arguments.samples > 1 and arguments.kind != "code":  # no two programs are the same answer
        for scored in result["results"].values():
            scored |= scores(answers, [majority_name(arguments.samples)])
    run = model.run
    speed = f"; {run.tokens:,} tokens in {run.seconds:,.1f} s ({run.tokens / run.seconds:,.0f} tokens/s)"
    log_summary(answers, arguments.model_name, arguments.benchmark, speed)
    return result, answers


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
                "output_tokens": len(answer.token_ids),
                "truncated": answer.finish_reason == "length",
                "finish_reason": answer.finish_reason,
                "text": text,
            }
        )
    return rows


def parse() -> Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder, tokenizer and all")
    parser.add_argument("--model-name", required=True, help="what the model is called in the results: base or a run")
    parser.add_argument("--subset", help="a run: what it was trained on")
    parser.add_argument("--train-seed", type=int, help="a run: its training seed")
    parser.add_argument("--chat-template", type=Path, help="a Jinja file that replaces the model's own chat template")
    parser.add_argument("--benchmark", required=True, help="the benchmark's name in the results")
    parser.add_argument("--questions", type=Path, required=True, help="the benchmark's test.jsonl")
    kinds = ["math", "choice", "code", "loglikelihood"]
    parser.add_argument("--kind", choices=kinds, default="math", help="how answers are checked")
    parser.add_argument("--allow-unsandboxed-code", action="store_true", help="run programs even without bubblewrap")
    parser.add_argument("--samples", type=int, default=1, help="answers per question")
    parser.add_argument("--seed", type=int, required=True, help="seed of all answers")
    parser.add_argument("--shard", type=int, default=0, help="which shard of the questions, from 0")
    parser.add_argument("--shards", type=int, default=1, help="how many shards there are")
    parser.add_argument("--engine", choices=["vllm", "transformers"], required=True, help="what generates")
    parser.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], default="bfloat16", help="of weights")
    parser.add_argument("--system-prompt", help="system prompt of every question")
    parser.add_argument("--max-model-length", type=int, default=32_768, help="longest prompt plus answer, in tokens")
    parser.add_argument("--batch-size", type=int, default=64, help="transformers: answers generated side by side")
    parser.add_argument("--gpu-memory-utilization", type=float, default=0.9, help="vllm: share of the GPU's memory")
    add_options(parser, Generation)
    parser.add_argument("--result", type=Path, required=True, help="lighteval's result JSON")
    parser.add_argument("--answers", type=Path, required=True, help="the table of answers")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    generation = from_options(Generation, arguments)
    check_options(arguments)
    questions = questions_of_shard(arguments.questions, arguments.shard, arguments.shards, arguments.kind == "code")
    with recording(
        outputs=[arguments.result, arguments.answers],
        inputs=[arguments.model, arguments.questions],
        seed=arguments.seed,
        engine=arguments.engine,
        **generation.model_dump(),
    ) as facts:
        result, answers = evaluate(arguments, generation, questions)
        facts["answers"] = len(answers)
        write_table("answers", answers, arguments.answers)
        with replacing(arguments.result) as temporary:
            temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
