"""Show in seconds what would be read of a data set: form, columns taken and left out, three rows as they would be
trained on, why rows would be rejected, and the chat template's rendering.

Of each source the first rows are looked at. Lengths, and what the template makes of a row, are shown where the model's
folder is at hand. Nothing is written.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from scripts.common import chat, cli
from scripts.common.chain import ChainError, split_response
from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset, RowRules
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.common.program import Program
from scripts.common.rendering import Renderer, count_tokens
from scripts.data.account import Account
from scripts.data.answers import AnswerCheck
from scripts.data.hub_files import fetch_hub_files
from scripts.data.make_demo_dataset import make_rows
from scripts.data.prepare_pool import Rejected, check_length, context_length, read_row
from scripts.data.reading import raw_rows, source_rows

SHOWN = 3
LONGEST = 1200
"""Characters of a text that are shown; of a longer one its beginning and its end."""


class Found(NamedTuple):
    """What was found out of the rows that were looked at."""

    fit: list[dict[str, Any]]
    reasons: Counter[str]
    examples: dict[str, str]


def sources_of(arguments: Any) -> tuple[list[Dataset], Experiment | None]:
    """Return what is to be looked at: a file, or the sources of an experiment."""
    if arguments.data:
        if arguments.data.is_dir():
            raise UserError(f"'{arguments.data}' is a folder: name one of its files")
        try:
            return [Dataset(source="file", path=str(arguments.data))], None
        except ValidationError as error:
            raise UserError("; ".join(str(detail["ctx"]["error"]) for detail in error.errors())) from error
    experiment = read_experiment(arguments.config)
    if not experiment.sources():
        raise UserError(f"'{arguments.config}' names no data set: there is nothing to look at")
    return experiment.sources(), experiment


def model_folder(given: Path | None, experiment: Experiment | None) -> Path | None:
    """Return the model's folder where there is one: the one given, the experiment's own, or where it was fetched."""
    if given or experiment is None:
        return given
    layout = Layout(experiment.name)
    places = [Path(experiment.model.name).expanduser(), Path(layout.path("fetched_model", model="base"))]
    places.append(Path(layout.path("demo_base")))
    return next((place for place in places if (place / "config.json").is_file()), None)


def look(source: Dataset, rows: int, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the first rows of a source as raw.parquet would hold them, and the account of their reading in words."""
    limit = min(rows, source.limit or rows)
    if source.source == "demo":
        return make_rows(limit, seed, {}), [f"{limit:,} rows, made by the demo's generator"]
    paths, chosen = [Path(source.path or "")], []
    if source.source == "hub":
        hub = fetch_hub_files(source)
        paths, chosen = list(hub.paths.values()), [hub.chosen]
    account = Account()
    raw = list(raw_rows(islice(source_rows(paths, source, account), limit), source, account, source.name))
    first = [f"the first {limit:,} rows"] if len(raw) == limit else []
    return raw, [*chosen, *first, *account.lines()]


def sift(raw: list[dict[str, Any]], rules: RowRules, tokenizer: Any, context: float) -> Found:
    """Return which rows are fit for training by themselves, and why the others are not."""
    found = Found([], Counter(), {})
    check = AnswerCheck() if rules.check_answers == "reject" else None  # what is only counted takes a while
    for row in raw:
        try:
            entry = read_row(row, rules, check)
            if tokenizer:
                (tokens,) = chat.token_lengths(tokenizer, [row["response"]])
                prompt = count_tokens(tokenizer, [chat.prompt_messages(row["system"], row["question"])])
                check_length(tokens, prompt[0], rules, context)
            found.fit.append({**row, "gold": entry["answer"]})
        except Rejected as why:
            found.reasons[why.reason] += 1
            found.examples.setdefault(
                why.reason, f"row {row['row']}: {why.detail or shortened(str(row['question']), 80)}"
            )
    return found


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text, its middle left out where it is long."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} [... {len(text) - 2 * half:,} characters ...] {text[-half:]}"


def _block(name: str, text: str | None) -> Iterator[str]:
    lines = shortened(text).splitlines() if text else ["(none)"]
    for number, line in enumerate(lines or [""]):
        yield f"  {name if number == 0 else '':>9} | {line}".rstrip()


def shown(row: dict[str, Any]) -> Iterator[str]:
    """Yield a row as it would be trained on: what is asked, and the response in the parts that it is cut in."""
    yield f"row {row['row']}" + (f" of {row['source']}" if row["source"] else "")
    if row["system"]:
        yield from _block("system", row["system"])
    yield from _block("question", row["question"])
    try:
        before, reasoning, after = split_response(row["response"])
    except ChainError:  # such a row is not fit
        return
    if before.strip():
        yield from _block("before", before)
    yield from _block("REASONING", reasoning)
    yield from _block("after", after)
    yield from _block("answer", row["gold"])


def report(source: Dataset, rows: int, rules: RowRules, tokenizer: Any, context: float, seed: int) -> str:
    """Return what would be read of a source, as text."""
    raw, account = look(source, rows, seed)
    found = sift(raw, rules, tokenizer, context)
    lines = [f"== {source.name or source.path or source.source}", *(f"  {line}" for line in account), ""]
    lines.append(f"  of {len(raw):,} rows {len(found.fit):,} are fit for training by themselves")
    lines += [f"  {count:,} {reason}: {found.examples[reason]}" for reason, count in found.reasons.most_common()]
    if not tokenizer:
        lines.append("  lengths are not checked: no folder of the model is at hand (MODEL=folder names one)")
    places = sorted({0, len(found.fit) // 2, len(found.fit) - 1})[:SHOWN] if found.fit else []
    for place in places:
        lines += ["", *shown(found.fit[place])]
    if tokenizer and found.fit:
        row = found.fit[0]
        conversation = chat.training_messages(row["system"], row["question"], row["response"])
        (parts,) = Renderer(tokenizer).parts([conversation])
        lines += ["", f"row {row['row']} as it is trained on", *_block("", "".join(parts))]
    return "\n".join(lines) + "\n"


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    program.add_argument("--data", type=Path, help="a file, in the place of an experiment's data set")
    program.add_argument("--model", type=Path, help="folder of the model (tokenizer, context, chat template)")
    program.add_argument("--rows", type=int, default=2000, help="how many rows of each source to look at (2,000)")
    arguments = program.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is closed is no fault
    sources, experiment = sources_of(arguments)
    model = model_folder(arguments.model, experiment)
    rules, seed, template, settings = RowRules(), 1, None, None
    if experiment:
        rules, seed, template = experiment.pool, experiment.seed, experiment.model.chat_template
        settings = experiment.model.chat_settings(experiment.date)
    tokenizer = chat.load_tokenizer(model, template, settings) if model else None
    context = context_length([model]) if model else 0
    for source in sources:
        print(report(source, arguments.rows, rules, tokenizer, context, seed))


if __name__ == "__main__":
    cli.run(main)
