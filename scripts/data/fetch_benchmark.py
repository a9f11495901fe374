"""Read a benchmark, lighteval's by its task name or a local JSONL file, into test.jsonl, which all stages share.

A task's questions are fetched from the hub as lighteval has them: repository, split and prompt are those of its own
task definition. A local file (JSON, JSONL, CSV or Parquet, plain, .gz or .zst) has the fields question (or problem) and
answer, and id, subject, group (what the parts of one problem share) and choices if it has them; questions for programs
have LiveCodeBench's fields, from the hub or local. Afterwards nothing needs the hub.
"""

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.common.program import Program
from scripts.common.questions import Question, check_questions, write_questions
from scripts.data.files import Defect, open_rows
from scripts.data.formats.base import is_empty
from scripts.data.hub import access_needed
from scripts.data.names import is_context, plain
from scripts.evaluate.kinds import KINDS, mistake_in_task

OPTIONS = ("choices", "options")
PARTS_OF_PROGRAMS = ("starter_code", "instructions", "custom_instructions")


def read_local(path: Path, kind: str) -> list[Question]:
    """Read a local file. Raises UserError for a row that is no question, naming it: a benchmark is read whole."""
    questions = []
    for place, row in open_rows(path).rows:
        where = f"{path}, {place}"
        if isinstance(row, Defect):
            raise UserError(f"{where}: {row.detail.replace('a row must', 'a question must')}")
        try:
            json.dumps(row, ensure_ascii=False, default=str).encode("utf-8")
            question = KINDS[kind].local_question(row, where)
            _refuse_unanswerable(row, question, where)
            questions.append(question)
        except UnicodeEncodeError as error:
            raise UserError(f"{where}: not UTF-8: a text holds half a surrogate pair") from error
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise UserError(f"{where}: the field '{field}' cannot be read: {first['msg']}") from error
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
    return questions


def _refuse_unanswerable(row: dict[str, Any], question: Question, where: str) -> None:
    """Raise UserError for a question that nobody can answer: one that is elsewhere, or needs what is not asked."""
    if not question.question.strip("-–—. "):
        raise UserError(f"{where}: the question is '{question.question}': it stands elsewhere; put its text here")
    for key, value in row.items():
        name, texts = plain(key), value if isinstance(value, list) else [value]
        carried = all(isinstance(text, str) and text.strip() in question.question for text in texts)
        if name in PARTS_OF_PROGRAMS or is_empty(value) or not is_context(name, value):
            continue
        if not (carried or (question.choices and name in OPTIONS)):
            raise UserError(
                f"{where}: the field '{key}' may hold what the question cannot be answered without, and is not asked: "
                f"put it into the question, or take the field out{'; kind: choice asks choices' * (name in OPTIONS)}"
            )


def _refuse_one(questions: list[Question], where: str) -> None:
    """Raise UserError where no models could be compared, before any is trained."""
    if len(questions) < 2:
        raise UserError(f"{where} holds one question, and a comparison takes two or more")
    if len({question.group or question.id for question in questions}) < 2:
        raise UserError(f"{where}: all questions are of one group, and a comparison takes two or more")


def task_configs(task: str) -> list[Any]:
    """Return lighteval's definitions of a task, or of all subtasks of a name such as mmlu_redux_2.

    Only modules that mention the name are imported: lighteval's registry loads all of them, and some fail.
    """
    import lighteval.tasks.tasks as package

    folder = Path(str(package.__path__[0]))
    stem = task.split(":")[0]
    for file in sorted([*folder.glob("*.py"), *folder.glob("*/main.py")]):
        if stem not in file.read_text(encoding="utf-8"):
            continue
        name = ".".join(file.relative_to(folder).with_suffix("").parts)
        table = getattr(importlib.import_module(f"lighteval.tasks.tasks.{name}"), "TASKS_TABLE", [])
        found = [config for config in table if config.name == task]
        if found := found or [config for config in table if config.name.startswith(f"{task}:")]:
            return found
    raise UserError(f"lighteval has no task '{task}' (lighteval tasks list shows them all)")


def hub_rows(config: Any, revision: str | None) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Return commit and licence of a task's repository, and the rows of its evaluation splits at that commit."""
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        found = HfApi().dataset_info(config.hf_repo, revision=revision or config.hf_revision)
        commit = str(found.sha)
        splits = [
            load_dataset(config.hf_repo, config.hf_subset, split=split, revision=commit)
            for split in config.evaluation_splits
        ]
    except Exception as error:  # the hub raises a dozen kinds, and all but one mean the same to the user
        said = (str(error).splitlines() or [type(error).__name__])[0]
        sentence = f"the data set '{config.hf_repo}' could not be fetched: {said}"
        if "gated" in str(error):  # the client and the data sets' library have each their own exception
            sentence = access_needed("data set", config.hf_repo)
        raise UserError(f"task '{config.name}': {sentence}") from error
    keep = config.hf_filter or (lambda row: True)
    card = found.card_data.to_dict() if found.card_data else {}
    source = {"commit": commit, "licence": card.get("license")}
    return source, (row for split in splits for row in split if keep(row))


def read_task(task: str, kind: str, revision: str | None = None) -> tuple[list[Question], dict[str, Any]]:
    """Fetch a task's questions; return them with commit and licence of each repository that they came from."""
    if mistake := mistake_in_task(task, kind):
        raise UserError(mistake)
    questions: list[Question] = []
    sources: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for config in task_configs(task):
        sources[config.hf_repo], rows = hub_rows(config, revision)
        for row in rows:
            if question := KINDS[kind].task_question(config, dict(row)):
                seen[question.id] += 1
                # A public set that holds a question twice is taken as it is; its rows cannot be mended here.
                own = {"id": f"{question.id}-{seen[question.id]}"} if seen[question.id] > 1 else {}
                questions.append(question.model_copy(update=own))
    return questions, sources


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--task", help="lighteval's task name, such as math_500 or gpqa:diamond")
    program.add_input("--path", "a local file, instead of a task", optional=True)
    program.add_argument("--revision", help="a task's: commit or branch of its data set (left out: the newest)")
    program.add_argument("--kind", choices=list(KINDS), default="math", help="how answers are checked")
    program.add_output("--output", "test.jsonl")
    arguments = program.parse()
    program.runs(*KINDS[arguments.kind].reading_code())
    if (arguments.task is None) == (arguments.path is None):
        raise UserError("a benchmark is read from exactly one of --task and --path")
    with program.recording(task=arguments.task) as facts:
        if arguments.path:
            questions = read_local(arguments.path, arguments.kind)
        else:
            with cli.heavy_imports():
                importlib.import_module("lighteval.tasks.lighteval_task")
            questions, facts["sources"] = read_task(arguments.task, arguments.kind, arguments.revision)
        check_questions(questions, where := str(arguments.path or arguments.task))
        _refuse_one(questions, where)
        write_questions(questions, arguments.output)
        facts["questions"] = len(questions)
    cli.log.info("%d questions", len(questions))


if __name__ == "__main__":
    cli.run(main)
