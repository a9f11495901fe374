"""Write one model's answers in the forms of other tools: a log for Inspect's viewer, lighteval's details and results.

    inspect/{model}/{benchmark}.eval                           inspect view --log-dir .../inspect
    lighteval/details/{model}/{experiment}/details_*.parquet   a row a question, lighteval's own columns
    lighteval/results/{model}/results_{benchmark}.json         lighteval's result, under the name that readers look for

What is shown is what was recorded: verdicts are this project's, none is made anew.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.chain import thinking_tags
from scripts.common.cli import UserError
from scripts.common.program import Program
from scripts.common.questions import Question, read_questions
from scripts.common.tables import read_table
from scripts.evaluate.tables import ANSWERS

STOPS: dict[str | None, Literal["stop", "max_tokens", "unknown"]] = {"stop": "stop", "length": "max_tokens"}
"""Inspect's words for how an answer ended; any other of ours is `unknown` there."""


class Answered(NamedTuple):
    """What one model answered to one benchmark."""

    model: str
    benchmark: str
    result: dict[str, Any]
    """lighteval's result JSON."""
    questions: dict[str, Question]
    answers: list[dict[str, Any]]
    """Rows of the answers table, by question in the benchmark's order, then by sample."""

    def by_question(self) -> Iterator[tuple[Question, list[dict[str, Any]]]]:
        """Yield each question with its answers."""
        for identity, rows in groupby(self.answers, key=lambda row: row["question_id"]):
            yield self.questions[identity], list(rows)


def split_thinking(text: str) -> tuple[str, str]:
    """Return an answer's thinking, its tags with it, and what stands behind: the same cut as the judge's.

    A text whose last thinking never ends is all thinking.
    """
    *_, last = [None, *thinking_tags(text)]
    if last is None:
        return "", text
    return (text[: last.end], text[last.end :]) if last.closes else (text, "")


def read_answered(result: Path, answers: Path, questions: Path) -> Answered:
    """Read what evaluate_model made. Raises UserError for an answer to a question that the benchmark does not hold."""
    asked = {question.id: question for question in read_questions(questions)}
    rows = read_table(ANSWERS, answers).to_pylist()
    places = {identity: place for place, identity in enumerate(asked)}
    if unknown := {row["question_id"] for row in rows} - set(asked):
        raise UserError(f"'{answers}' holds an answer to question '{min(unknown)}', which '{questions}' does not hold")
    rows.sort(key=lambda row: (places[row["question_id"]], row["sample"]))
    return Answered(answers.parent.name, answers.stem, json.loads(result.read_text(encoding="utf-8")), asked, rows)


def inspect_sample(question: Question, row: dict[str, Any]) -> Any:
    """Return one answer as a sample of Inspect's log; our samples are its epochs, which count from one."""
    from inspect_ai.log import EvalSample
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ChatMessageUser,
        ContentReasoning,
        ContentText,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    thinking, said = split_thinking(row["text"] or "")
    content = [ContentReasoning(reasoning=thinking)] if thinking else []
    identity = f"{row['model']}/{row['benchmark']}/{question.id}/{row['sample']}"
    message = ChatMessageAssistant(
        id=f"{_digest(identity)}-a", content=[*content, ContentText(text=said)], source="generate", model=row["model"]
    )
    usage = ModelUsage(output_tokens=row["output_tokens"], total_tokens=row["output_tokens"])
    choice = ChatCompletionChoice(message=message, stop_reason=STOPS.get(row["finish_reason"], "unknown"))
    prompt = question.prompt or question.question
    noted = {name: row[name] for name in ("reason", "rule", "disputed", "truncated") if row[name] is not None}
    score = Score(value=CORRECT if row["correct"] else INCORRECT, answer=row["extracted"], metadata=noted)
    return EvalSample(
        id=question.id,
        epoch=row["sample"] + 1,
        input=prompt,
        choices=question.choices,
        target=row["gold"] if row["gold"] is not None else question.answer,
        messages=[ChatMessageUser(id=f"{_digest(identity)}-u", content=prompt, source="input"), message],
        output=ModelOutput(model=row["model"], choices=[choice], usage=usage),
        scores={"judge": score},
        metadata={"subject": question.subject} if question.subject else {},
        model_usage={row["model"]: usage},
        uuid=_digest(identity),
    )


def inspect_log(answered: Answered, started: str) -> Any:
    """Return the log of Inspect. `started`: when the answers were made, ISO 8601 with its time zone."""
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalMetric,
        EvalResults,
        EvalScore,
        EvalSpec,
        EvalStats,
    )
    from inspect_ai.model import GenerateConfig, ModelUsage

    settings = answered.result["config_general"]["model_config"]
    drawn = settings.get("generation_parameters") or {}
    samples = [inspect_sample(question, row) for question, rows in answered.by_question() for row in rows]
    correct = [row["correct"] for row in answered.answers]
    epochs = max(row["sample"] for row in answered.answers) + 1
    identity = _digest(f"{answered.model}/{answered.benchmark}/{started}")
    tokens = sum(row["output_tokens"] for row in answered.answers)
    accuracy = {"accuracy": EvalMetric(name="accuracy", value=sum(correct) / len(correct))}
    asked = len({row["question_id"] for row in answered.answers})
    return EvalLog(
        status="success",
        eval=EvalSpec(
            eval_id=identity,
            run_id=identity,
            task_id=identity,
            created=started,
            task=answered.benchmark,
            dataset=EvalDataset(
                name=answered.benchmark, samples=asked, sample_ids=list(dict.fromkeys(s.id for s in samples))
            ),
            model=answered.model,
            model_generate_config=GenerateConfig(
                max_tokens=drawn.get("max_new_tokens"), temperature=drawn.get("temperature"), top_p=drawn.get("top_p")
            ),
            config=EvalConfig(epochs=epochs),
            metadata={"system_prompt": settings.get("system_prompt")},
        ),
        results=EvalResults(
            total_samples=len(samples),
            completed_samples=len(samples),
            scores=[EvalScore(name="judge", scorer="judge", metrics=accuracy)],
        ),
        stats=EvalStats(model_usage={answered.model: ModelUsage(output_tokens=tokens, total_tokens=tokens)}),
        samples=samples,
    )


def details(answered: Answered, task: str) -> list[dict[str, Any]]:
    """Return lighteval's details, a row a question: doc, model_response, metric, each with the fields of its class."""
    from dataclasses import asdict

    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc

    rows = []
    for question, answers in answered.by_question():
        prompt = question.prompt or question.question
        doc = Doc(
            query=prompt,
            choices=question.choices or [question.answer],
            gold_index=question.gold_index or 0,
            id=question.id,
            task_name=task,
            num_samples=len(answers),
            original_query=question.question,
        )
        response = ModelResponse(
            input=prompt, text=[answer["text"] or "" for answer in answers], logprobs=answers[0]["logprobs"] or []
        )
        right = [answer["correct"] for answer in answers]
        metric = {"pass@1": sum(right) / len(right), "correct": right, "extracted": [a["extracted"] for a in answers]}
        rows.append({"doc": asdict(doc), "metric": metric, "model_response": asdict(response)})
    return rows


def write_details(answered: Answered, folder: Path, date: str) -> None:
    """Write details_{task}_{date}.parquet; lighteval takes the name of its folder for a date, whatever it is."""
    from datasets import Dataset

    task = next(name for name in answered.result["results"] if name != "all")
    Dataset.from_list(details(answered, task)).to_parquet(folder / f"details_{task}_{date}.parquet")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:22]


def _started(artefact: Path) -> str:
    """Return when an artefact was begun by its provenance, or the beginning of 1970 where it has none."""
    record = Path(f"{artefact}.provenance.json")
    if not record.is_file():
        return "1970-01-01T00:00:00+00:00"
    return str(json.loads(record.read_text(encoding="utf-8"))["started"])


def main() -> None:
    program = Program(__doc__)
    program.add_input("--results", "{benchmark}.json of each benchmark", many=True)
    program.add_input("--answers", "{benchmark}.parquet of each benchmark, in the same order", many=True)
    program.add_input("--questions", "test.jsonl of each benchmark, in the same order", many=True)
    program.add_argument("--name", required=True, help="the experiment's name, which stands where lighteval has a date")
    for tool, what in (
        ("inspect", "Inspect's logs"),
        ("details", "lighteval's details"),
        ("lighteval-results", "lighteval's results"),
    ):
        program.add_output(f"--{tool}", f"folder of {what} to make")
    arguments = program.parse()
    with program.recording():
        with cli.heavy_imports():
            from inspect_ai.log import write_eval_log
        with (
            replacing(arguments.inspect) as logs,
            replacing(arguments.details) as tables,
            replacing(arguments.lighteval_results) as results,
        ):
            (tables / arguments.name).mkdir(parents=True)
            logs.mkdir()
            results.mkdir()
            for files in zip(arguments.results, arguments.answers, arguments.questions, strict=True):
                answered = read_answered(*files)
                write_eval_log(inspect_log(answered, _started(files[1])), logs / f"{answered.benchmark}.eval")
                write_details(answered, tables / arguments.name, arguments.name)
                shutil.copyfile(files[0], results / f"results_{answered.benchmark}.json")


if __name__ == "__main__":
    cli.run(main)
