"""Join the shards of a model's evaluation on a benchmark: one table of answers, one result JSON over all questions."""

import hashlib
import json
from typing import Any

import pyarrow as pa

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.common.questions import read_questions
from scripts.common.tables import read_table, write_table
from scripts.evaluate.scores import METRIC, log_summary, scores
from scripts.evaluate.tables import ANSWERS

COUNTS = ("truncated", "non_truncated", "padded", "non_padded")
OF_A_SHARD = {"shard", "shards"}

Result = dict[str, Any]


def join_answers(shards: list[pa.Table], question_ids: list[str]) -> pa.Table:
    """Return the shards' answers in the order of `question_ids`.

    Raises ValueError unless every question has been answered, in one shard, with the same samples.
    """
    answers = pa.concat_tables(shards)
    samples: dict[str, list[int]] = {}
    for question, sample in zip(answers["question_id"].to_pylist(), answers["sample"].to_pylist(), strict=True):
        samples.setdefault(question, []).append(sample)
    if set(samples) != set(question_ids):
        odd = sorted(set(samples) ^ set(question_ids))
        raise ValueError(f"the shards do not hold the benchmark's questions: {len(odd)} differ, such as '{odd[0]}'")
    wanted = list(range(len(answers) // len(question_ids)))
    wrong = [question for question, found in samples.items() if sorted(found) != wanted]
    if wrong:
        raise ValueError(f"question '{wrong[0]}' has the samples {sorted(samples[wrong[0]])}, not {wanted}")
    rank = {question: number for number, question in enumerate(question_ids)}
    order = pa.array([rank[question] for question in answers["question_id"].to_pylist()])
    by_question = answers.append_column("rank", order).sort_by([("rank", "ascending"), ("sample", "ascending")])
    return by_question.drop_columns(["rank"])


def _joined_summary(summaries: list[Result]) -> Result:
    """Return lighteval's summary of all shards: counts add up, a hash is taken over the shards' hashes."""
    hashes = {
        name: hashlib.sha256("".join(summary["hashes"][name] for summary in summaries).encode()).hexdigest()[:16]
        for name in summaries[0]["hashes"]
    }
    return {"hashes": hashes, **{name: sum(summary[name] for summary in summaries) for name in COUNTS}}


def join_results(shards: list[Result], answers: pa.Table) -> Result:
    """Return one result JSON for all shards, given in their order; `answers` are those of all of them.

    Raises ValueError when they are not shards of one evaluation.
    """
    first = shards[0]
    configs = [shard["config_general"]["model_config"] for shard in shards]
    for number, config in enumerate(configs):
        other = {key for key in config if key not in OF_A_SHARD and config[key] != configs[0].get(key)}
        if other or (config["shard"], config["shards"]) != (number, len(shards)):
            raise ValueError(
                f"result {number} is no shard of the same evaluation ({', '.join(sorted(other)) or 'shard'})"
            )
    (task,) = first["config_tasks"]
    names = [name for name in first["results"][task] if METRIC.match(name)]
    seconds = sum(float(shard["config_general"]["total_evaluation_time_secondes"]) for shard in shards)
    general = {**first["config_general"], "total_evaluation_time_secondes": str(seconds)}
    general["model_config"] = {**configs[0], "shard": 0, "shards": 1}
    return {
        **first,
        "config_general": general,
        "results": {task: scores(answers, names), "all": scores(answers, names)},
        "summary_tasks": {task: _joined_summary([shard["summary_tasks"][task] for shard in shards])},
        "summary_general": _joined_summary([shard["summary_general"] for shard in shards]),
    }


def main() -> None:
    program = Program(__doc__)
    program.add_input("--results", "result JSON of each shard, in their order", many=True)
    program.add_input("--shard-answers", "answers of each shard", many=True)
    program.add_input("--questions", "the benchmark's test.jsonl")
    program.add_output("--result", "lighteval's result JSON over all questions")
    program.add_output("--answers", "the table of all answers")
    arguments = program.parse()

    with program.recording():
        ids = [question.id for question in read_questions(arguments.questions)]
        answers = join_answers([read_table(ANSWERS, path) for path in arguments.shard_answers], ids)
        result = join_results([json.loads(path.read_text(encoding="utf-8")) for path in arguments.results], answers)
        write_table(ANSWERS, answers, arguments.answers)
        with replacing(arguments.result) as temporary:
            temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    log_summary(answers, answers["model"][0].as_py(), answers["benchmark"][0].as_py())


if __name__ == "__main__":
    cli.run(main)
