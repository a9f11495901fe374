"""Read a benchmark, lighteval's by its task name or a local JSONL file, into test.jsonl, which all stages share.

A task's questions are fetched from the hub as lighteval has them: repository, split and prompt are those of its own
task definition. A local file has the fields question (or problem) and answer, and id, subject, group (what the parts
of one problem share) and choices if it has them; questions for programs have LiveCodeBench's fields, from the hub or
local. Afterwards nothing needs the hub.
"""

import importlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.common.provenance import recording
from scripts.common.questions import Question, check_questions, question_id, without_dollars, write_questions
from scripts.common.seeds import derive_seed
from scripts.data.code_questions import code_question
from scripts.data.hub import access_needed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
QUESTION_FIELDS = ("question", "problem", "Question")

# lighteval's wording for GPQA (simple-evals), for local files of choices.
CHOICE_INSTRUCTION = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of {letters}. Think step by step before answering."
)


# lighteval's wording for MMLU-Redux-2, for local files whose choices are weighed by their likelihood.
LIKELIHOOD_INSTRUCTION = "The following are multiple choice questions (with answers){about}.\n\n"


def _as_text(value: Any) -> str | None:
    """Return a number or text as text (27.0 as 27), or None for anything else and for empty text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _answer(value: Any) -> str | None:
    """Return a gold answer as text; of several (a list, or an object of named ones) all, with commas between them."""
    if isinstance(value, list | dict):
        parts = [_as_text(part) for part in (value.values() if isinstance(value, dict) else value)]
        return ", ".join(without_dollars(part) for part in parts if part) or None if all(parts) else None
    return _as_text(value)


def _choice(choices: Any, answer: str, where: str) -> tuple[list[str], int]:
    """Return the letters of `choices` and the index of the right one; `answer` is its letter or its text."""
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
        raise UserError(f"{where}: a benchmark of this kind needs a list of 2 to {len(LETTERS)} 'choices'")
    letters, texts = list(LETTERS[: len(choices)]), [str(choice).strip() for choice in choices]
    for names in (letters, texts):
        if answer in names:
            return letters, names.index(answer)
    raise UserError(
        f"{where}: the answer '{answer}' is neither one of the letters {', '.join(letters)} nor one of the choices"
    )


def choice_prompt(question: str, choices: list[Any]) -> str:
    """Return the prompt that asks for reasoning, and then for a letter."""
    letters = LETTERS[: len(choices)]
    listed = "\n".join(f"{letter}) {str(choice).strip()}" for letter, choice in zip(letters, choices, strict=True))
    return f"{CHOICE_INSTRUCTION.format(letters=letters)}\n\n{question}\n\n{listed}"


def local_question(row: Any, kind: str, where: str) -> Question:
    """Return one row of a local file as a `Question`; `where` names its line in messages."""
    if not isinstance(row, dict):
        raise UserError(f"{where}: a question must be a JSON object")
    if kind == "code":
        return code_question(row, where)
    question = next((text for name in ("question", "problem") if (text := _as_text(row.get(name)))), None)
    answer = _answer(row.get("answer"))
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
    if kind == "math":
        return own
    letters, gold = _choice(row.get("choices"), answer, where)
    if kind == "choice":
        prompt = choice_prompt(question, row["choices"])
    else:
        about = f" about {own.subject.replace('_', ' ')}" if own.subject else ""
        listed = "\n".join(
            f"{letter}. {str(text).strip()}" for letter, text in zip(letters, row["choices"], strict=True)
        )
        prompt = f"{LIKELIHOOD_INSTRUCTION.format(about=about)}{question}\n{listed}\nAnswer:"
    return own.model_copy(update={"prompt": prompt, "choices": letters, "gold_index": gold, "answer": letters[gold]})


def read_local(path: Path, kind: str) -> list[Question]:
    """Read a local JSONL file. Raises UserError for a line that is no question, naming it."""
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


def task_question(config: Any, row: dict[str, Any], kind: str) -> Question | None:
    """Return one row of a task as a `Question`, or None where lighteval leaves the row out."""
    if kind == "code":
        return code_question(row, f"task '{config.name}', question '{row.get('question_id')}'")
    from lighteval.tasks.prompt_manager import PromptManager

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
    if kind == "choice" and config.generation_size == 1 and isinstance(row.get("choices"), list):
        # lighteval's prompt has room for the letter only: a model that reasons is asked to.
        prompt = choice_prompt(question, row["choices"])
    choices = [choice.strip() for choice in doc.choices] if kind == "choice" else None
    if kind == "loglikelihood":  # to the letter what lighteval asks: a blank more or less is another likelihood
        prompt, choices = PromptManager().prepare_prompt_api(doc)[-1]["content"], list(doc.choices)
    return Question(
        id=_as_text(row.get("id")) or question_id(f"{config.name} {doc.query}"),
        question=question,
        answer=gold.strip(),
        prompt=prompt,
        choices=choices,
        gold_index=doc.gold_index if choices else None,
        subject=config.name.partition(":")[2] or _as_text(row.get("subject")),
    )


def read_task(task: str, kind: str, revision: str | None = None) -> tuple[list[Question], dict[str, Any]]:
    """Fetch a task's questions; return them with commit and licence of each repository that they came from."""
    if (kind == "code") != task.startswith("lcb:"):
        raise UserError(f"task '{task}': kind code goes with lighteval's lcb tasks, and with no others")
    questions: list[Question] = []
    sources: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for config in task_configs(task):
        sources[config.hf_repo], rows = hub_rows(config, revision)
        for row in rows:
            if question := task_question(config, dict(row), kind):
                seen[question.id] += 1
                # A public set that holds a question twice is taken as it is; its rows cannot be mended here.
                own = {"id": f"{question.id}-{seen[question.id]}"} if seen[question.id] > 1 else {}
                questions.append(question.model_copy(update=own))
    return questions, sources


def main() -> None:
    parser = cli.parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--task", help="lighteval's task name, such as math_500 or gpqa:diamond")
    source.add_argument("--path", type=Path, help="a local JSONL file")
    parser.add_argument("--revision", help="a task's: commit or branch of its data set (left out: the newest)")
    kinds = ["math", "choice", "code", "loglikelihood"]
    parser.add_argument("--kind", choices=kinds, default="math", help="how answers are checked")
    parser.add_argument("--output", type=Path, required=True, help="test.jsonl")
    arguments = parser.parse_args()
    inputs = [arguments.path] if arguments.path else []
    with recording(outputs=[arguments.output], inputs=inputs, task=arguments.task) as facts:
        if arguments.task or arguments.kind == "code":  # both need lighteval
            with cli.heavy_imports():
                importlib.import_module("lighteval.tasks.lighteval_task")
        if arguments.path:
            questions = read_local(arguments.path, arguments.kind)
        else:
            questions, facts["sources"] = read_task(arguments.task, arguments.kind, arguments.revision)
        check_questions(questions, str(arguments.path or arguments.task))
        write_questions(questions, arguments.output)
        facts["questions"] = len(questions)
    cli.log.info("%d questions", len(questions))


if __name__ == "__main__":
    cli.run(main)
