"""Read a benchmark, lighteval's by its task name or a local JSONL file, into test.jsonl, which all stages share.

A task's questions are fetched from the hub as lighteval has them: repository, split and prompt are those of its own
task definition. A local file has the fields question (or problem) and answer, and id, subject, group (what the parts
of one problem share) and choices if it has them. Afterwards nothing needs the hub.
"""

import hashlib
import importlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.common.provenance import recording
from scripts.common.questions import Question, check_questions, write_questions
from scripts.common.seeds import derive_seed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
QUESTION_FIELDS = ("question", "problem", "Question")

# lighteval's wording for GPQA (simple-evals), for local files of choices.
CHOICE_INSTRUCTION = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of {letters}. Think step by step before answering."
)


def question_id(question: str) -> str:
    """Return the id of a question that has none: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(question.encode()).hexdigest()[:16]


def _as_text(value: Any) -> str | None:
    """Return a number or text as text (27.0 as 27), or None for anything else and for empty text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _choice(choices: Any, answer: str, where: str) -> tuple[list[str], int]:
    """Return the letters of `choices` and the index of the right one; `answer` is its letter or its text."""
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
        raise UserError(f"{where}: a benchmark of kind choice needs a list of 2 to {len(LETTERS)} 'choices'")
    letters, texts = list(LETTERS[: len(choices)]), [str(choice).strip() for choice in choices]
    for names in (letters, texts):
        if answer in names:
            return letters, names.index(answer)
    raise UserError(
        f"{where}: the answer '{answer}' is neither one of the letters {', '.join(letters)} nor one of the choices"
    )


def local_question(row: Any, kind: str, where: str) -> Question:
    """Return one row of a local file as a `Question`; `where` names its line in messages."""
    if not isinstance(row, dict):
        raise UserError(f"{where}: a question must be a JSON object")
    question = next((text for name in ("question", "problem") if (text := _as_text(row.get(name)))), None)
    answer = _as_text(row.get("answer"))
    if question is None:
        raise UserError(f"{where}: there is no text in the field 'question' (or 'problem')")
    if answer is None:
        raise UserError(f"{where}: there is no text or number in the field 'answer'")
    own = Question(
        id=_as_text(row.get("id")) or question_id(question),
        question=question,
        answer=answer,
        subject=_as_text(row.get("subject")),
        group=_as_text(row.get("group")),
    )
    if kind != "choice":
        return own
    letters, gold = _choice(row.get("choices"), answer, where)
    listed = "\n".join(
        f"{letter}) {str(choice).strip()}" for letter, choice in zip(letters, row["choices"], strict=True)
    )
    prompt = f"{CHOICE_INSTRUCTION.format(letters=''.join(letters))}\n\n{question}\n\n{listed}"
    return own.model_copy(update={"prompt": prompt, "choices": letters, "gold_index": gold, "answer": letters[gold]})


def read_local(path: Path, kind: str) -> list[Question]:
    """Read a local JSONL file. Raises UserError for a line that is no question, naming it."""
    if kind == "code":
        raise UserError(f"{path}: a benchmark of kind code must be one of lighteval's tasks")
    if not path.is_file():
        raise UserError(f"there is no file '{path}'")
    questions = []
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"{path}, line {number}"
            if line.strip():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise UserError(f"{where}: this is not JSON ({error.msg})") from error
                questions.append(local_question(row, kind, where))
    return questions


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


def hub_rows(config: Any) -> tuple[str, Iterator[dict[str, Any]]]:
    """Return the commit of a task's repository and the rows of its evaluation splits at that commit."""
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        commit = str(HfApi().dataset_info(config.hf_repo, revision=config.hf_revision).sha)
        splits = [
            load_dataset(config.hf_repo, config.hf_subset, split=split, revision=commit)
            for split in config.evaluation_splits
        ]
    except Exception as error:  # the hub raises a dozen kinds, and all mean the same to the user
        raise UserError(
            f"task '{config.name}': the data set '{config.hf_repo}' could not be fetched: {str(error).splitlines()[0]}"
        ) from error
    keep = config.hf_filter or (lambda row: True)
    return commit, (row for split in splits for row in split if keep(row))


def task_question(config: Any, row: dict[str, Any], kind: str) -> Question | None:
    """Return one row of a task as a `Question`, or None where lighteval leaves the row out."""
    # Some prompts shuffle their choices with the global random state: the row itself decides.
    random.seed(derive_seed(config.name, json.dumps(row, sort_keys=True, default=str)))
    doc = config.prompt_function(row, config.name)
    if not doc:
        return None
    # The final answer alone, where lighteval knows it; its Docs may hold the whole solution.
    sample = config.sample_fields(row) if config.sample_fields else None
    named = next((text for name in QUESTION_FIELDS if (text := _as_text(row.get(name)))), doc.query)
    question = sample.input if sample and isinstance(sample.input, str) else named
    gold = str(sample.target) if sample and kind == "math" else str(doc.get_golds()[0])
    prompt = doc.query if not doc.instruction or doc.query.startswith(doc.instruction) else doc.instruction + doc.query
    return Question(
        id=_as_text(row.get("id")) or question_id(f"{config.name} {doc.query}"),
        question=question,
        answer=gold.strip(),
        prompt=prompt,
        choices=[choice.strip() for choice in doc.choices] if kind == "choice" else None,
        gold_index=doc.gold_index if kind == "choice" else None,
        subject=config.name.partition(":")[2] or _as_text(row.get("subject")),
        specific=doc.specific if kind == "code" else None,
    )


def read_task(task: str, kind: str) -> tuple[list[Question], dict[str, str]]:
    """Fetch a task's questions; return them and the commit of each repository that they came from."""
    questions: list[Question] = []
    commits: dict[str, str] = {}
    for config in task_configs(task):
        commits[config.hf_repo], rows = hub_rows(config)
        questions += [question for row in rows if (question := task_question(config, dict(row), kind))]
    return questions, commits


def main() -> None:
    parser = cli.parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--task", help="lighteval's task name, such as math_500 or gpqa:diamond")
    source.add_argument("--path", type=Path, help="a local JSONL file")
    parser.add_argument("--kind", choices=["math", "choice", "code"], default="math", help="how answers are checked")
    parser.add_argument("--output", type=Path, required=True, help="test.jsonl")
    arguments = parser.parse_args()
    if arguments.kind == "code":
        # Told here, before anything is trained, and not by evaluate_model a day later.
        source_name = arguments.task or arguments.path
        raise UserError(f"{source_name}: kind 'code' cannot be evaluated yet; leave this benchmark out")

    inputs = [arguments.path] if arguments.path else []
    with recording(outputs=[arguments.output], inputs=inputs, task=arguments.task) as facts:
        if arguments.path:
            questions = read_local(arguments.path, arguments.kind)
        else:
            with cli.heavy_imports():
                importlib.import_module("lighteval.tasks.lighteval_task")
            questions, facts["commits"] = read_task(arguments.task, arguments.kind)
        check_questions(questions, str(arguments.path or arguments.task))
        write_questions(questions, arguments.output)
        facts["questions"] = len(questions)
    cli.log.info("%d questions", len(questions))


if __name__ == "__main__":
    cli.run(main)
