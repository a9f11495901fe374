"""Export one training set for other trainers: messages.jsonl for TRL, alpaca.jsonl and dataset_info.json for
LLaMA-Factory, and README.md, a data set card that says how it was made.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.dataset import Dataset
from scripts.common.config.selection import Subset
from scripts.common.content import sha256_of
from scripts.common.program import Program
from scripts.common.provenance import SUFFIX
from scripts.common.tables import iterate_table, read_table
from scripts.select.controls import CONTROLS
from scripts.select.tables import SUBSET

BATCH = 1000
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


class Counts(NamedTuple):
    """What a training set holds."""

    rows: int
    tokens: int
    """Of whole conversations, as the model's chat template renders them."""
    tokens_before: int
    """Before pruning."""
    pruned_steps: int


def alpaca(row: dict[str, Any]) -> dict[str, str]:
    """Return a row of `subset` as instruction, input (always empty), output and system (empty without one)."""
    turns = {message["role"]: message["content"] for message in row["messages"]}
    return {
        "id": row["id"],
        "instruction": turns["user"],
        "input": "",
        "output": turns["assistant"],
        "system": turns.get("system", ""),
    }


def messages(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `subset` as id and messages."""
    return {"id": row["id"], "messages": row["messages"]}


def rows_of(subset: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a subset file."""
    for batch in iterate_table(SUBSET, subset, BATCH):
        yield from batch.select(["id", "messages"]).to_pylist()


def write_jsonl(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write one JSON object a line, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            # U+2028 and its like are escaped: some readers take them for the end of a line.
            text = json.dumps(row, ensure_ascii=False)
            for separator in "\u0085\u2028\u2029":
                text = text.replace(separator, f"\\u{ord(separator):04x}")
            stream.write(text + "\n")


def count(subset: Path) -> Counts:
    """Return what a subset file holds."""
    table = read_table(SUBSET, subset).select(["tokens", "tokens_before", "pruned_steps"]).to_pydict()
    pruned = sum(len(steps or []) for steps in table["pruned_steps"])
    return Counts(len(table["tokens"]), sum(table["tokens"]), sum(table["tokens_before"]), pruned)


def dataset_info(name: str) -> dict[str, Any]:
    """Return the entries for LLaMA-Factory's dataset_info.json: the alpaca file, and the messages file."""
    columns = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
    tags = {f"{role}_tag": role for role in ("user", "assistant", "system")}
    return {
        name: {"file_name": "alpaca.jsonl", "columns": columns},
        f"{name}.messages": {
            "file_name": "messages.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {"role_tag": "role", "content_tag": "content", **tags},
        },
    }


def recorded_licence(raw: Path) -> str | None:
    """Return the licence of the source where the record beside raw.parquet has one, as `licence` or `license`."""
    record = Path(f"{raw}{SUFFIX}")
    facts = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    return facts.get("licence") or facts.get("license")


def front_matter(name: str, counts: Counts, licence: str | None) -> str:
    """Return the YAML header of the card, as the Hugging Face hub reads it."""
    size = next((label for limit, label in SIZES if counts.rows < limit), "n>1M")
    header: dict[str, Any] = {"pretty_name": name}
    if licence:
        header["license"] = licence
    header |= {
        "task_categories": ["text-generation"],
        "size_categories": [size],
        "tags": ["sft", "reasoning", "sft-report"],
        "configs": [
            {"config_name": "messages", "data_files": "messages.jsonl", "default": True},
            {"config_name": "alpaca", "data_files": "alpaca.jsonl"},
        ],
    }
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---\n"


def origin_of(source: Dataset) -> str:
    """Return where the rows of a source come from, as Markdown."""
    return {
        "demo": "made by the generator of sft-report's demonstration",
        "file": f"the file `{Path(source.path or '').name}`",
        "hub": f"[{source.path}](https://huggingface.co/datasets/{source.path}) at revision `{source.revision}`",
    }[source.source]


def card(
    name: str, how: str, settings: Subset, sources: list[Dataset], counts: Counts, licence: str | None, facts: dict
) -> str:
    """Return README.md: what the files hold, where the rows come from, how and from what they were made."""
    origin = "; ".join(map(origin_of, sources))
    left_out = 1 - counts.tokens / counts.tokens_before if counts.tokens_before else 0.0
    chosen = "".join(
        f"| `{key}` | `{json.dumps(value)}` |\n"
        for key, value in settings.model_dump(mode="json", exclude_none=True).items()
    )
    made = "".join(f"| {key} | `{value}` |\n" for key, value in facts.items())
    return f"""{front_matter(name, counts, licence)}
# {name}

{how}

| | |
|---|---|
| source | {origin} |
| licence of the source | {licence or "not recorded"} |
| rows | {counts.rows:,} |
| tokens | {counts.tokens:,} (whole conversations, as the model's chat template renders them) |
| tokens before pruning | {counts.tokens_before:,} ({100 * left_out:.1f}% left out) |
| steps left out | {counts.pruned_steps:,} |

## Files

`messages.jsonl` holds `id` and `messages` (role and content; TRL's conversational form), `alpaca.jsonl` the same rows
as `id`, `instruction`, `input`, `output` and `system`.

    datasets.load_dataset("json", data_files="messages.jsonl", split="train")      # then trl.SFTTrainer
    llamafactory-cli train --dataset_dir . --dataset {name} ...                    # dataset_info.json names both files

The answer stands in `\\boxed{{...}}`, the reasoning between `<think>` and `</think>` where the source has it so.

## Selection settings

| key | value |
|---|---|
{chosen}
## Provenance

Made by sft-report. `id` is the first 16 hexadecimal digits of the SHA-256 of system prompt, question and response
before pruning (a copy of a row that came before has its number behind it). The full record lies beside this folder as
`{name}{SUFFIX}`.

| | |
|---|---|
{made}"""


def main() -> None:
    program = Program(__doc__)
    program.add_input("--subset", "the training set, a Parquet file of select/subsets/")
    program.add_input("--raw", "raw.parquet, whose record may tell the licence")
    program.add_argument("--of", nargs="+", required=True, help="the subset's name, of a control those held against it")
    program.add_argument("--control", choices=sorted(CONTROLS), help="which control of it this is (default: none)")
    program.add_settings("--settings", Subset, "the subset's settings")
    program.add_argument(
        "--source", required=True, help="the settings of the data set as JSON, or a list of its sources"
    )
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_argument("--training-seed", type=int, help="the training seed that a control is drawn for")
    program.add_argument("--draw", type=int, help="which of several draws it is")
    program.add_output("--export", "the folder to write")
    arguments = program.parse()
    settings: Subset = arguments.settings
    given = json.loads(arguments.source)
    sources = [Dataset.model_construct(**source) for source in (given if isinstance(given, list) else [given])]
    name = arguments.export.name

    with (
        program.recording(seed=arguments.seed, settings=settings.model_dump()),
        replacing(arguments.export) as folder,
    ):
        folder.mkdir()
        counts = count(arguments.subset)
        write_jsonl(map(messages, rows_of(arguments.subset)), folder / "messages.jsonl")
        write_jsonl(map(alpaca, rows_of(arguments.subset)), folder / "alpaca.jsonl")
        info = json.dumps(dataset_info(name), indent=2) + "\n"
        (folder / "dataset_info.json").write_text(info, encoding="utf-8")
        facts = {"sha256 of the training set": sha256_of(arguments.subset), "seed of the experiment": arguments.seed}
        if arguments.training_seed is not None:
            facts["drawn for training seed"] = arguments.training_seed
        if arguments.draw is not None:
            facts["draw"] = arguments.draw
        how = settings.in_words()
        if arguments.control:
            subsets = ", ".join(f"`{subset}`" for subset in arguments.of)
            what = "subset" if len(arguments.of) == 1 else "subsets"
            how = f"A control of the {what} {subsets}: {CONTROLS[arguments.control].card}."
        text = card(name, how, settings, sources, counts, recorded_licence(arguments.raw), facts)
        (folder / "README.md").write_text(text, encoding="utf-8")
    cli.log.info("%s: %d rows exported", name, counts.rows)


if __name__ == "__main__":
    cli.run(main)
