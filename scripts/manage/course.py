"""A course's entries as an experiment: a CSV of team, model and commit becomes an evaluate-only YAML file.

    make entries ENTRIES=entries.csv CONFIG=experiments/evaluate-only.yaml OUT=experiments/course.yaml

Benchmarks, generation, baseline and report are those of CONFIG; its `models` become the entries, one a team. All are
then evaluated the same way, by `make report CONFIG=experiments/course.yaml`.
"""

import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.config.model import is_gguf, is_local
from scripts.common.config.reading import read_document
from scripts.common.decided import numbered_rows
from scripts.common.program import Program

COLUMNS = ("team", "model", "commit")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_HUB = re.compile(r"https?://(www\.)?(huggingface\.co|hf\.co|hf-mirror\.com)/")


def read_entries(path: Path) -> dict[str, dict[str, str]]:
    """Return the entries as the experiment's `models`. Raises UserError, with the line, for one that is not whole."""
    # A spreadsheet saves the empty lines below a table, too.
    rows = [(line, row) for line, row in numbered_rows(path, COLUMNS) if any(cell.strip() for cell in row.values())]
    if not rows:
        raise UserError(f"'{path}' has no row: it needs one an entry, with the columns {', '.join(COLUMNS)}")
    found: dict[str, dict[str, str]] = {}
    for line, row in rows:
        team, model, commit = (row[name].strip() for name in COLUMNS)
        model, commit = _HUB.sub("", model).rstrip("/"), commit.lower()
        where = f"'{path}', line {line}"
        if not team or not model:
            raise UserError(f"{where}: an entry needs a team and a model")
        name = name_of(team)
        if not name:
            raise UserError(
                f"{where}: the team '{team}' has no name of letters a to z and digits, which become names of files: "
                "write it in these"
            )
        if name in found:
            raise UserError(f"{where}: the team '{team}' is there already (as '{name}'); name its entries apart")
        here = is_local(model) or is_gguf(model)
        if not here and not _COMMIT.fullmatch(commit):
            told = f"'{commit}' is no commit" if commit else "the commit is missing"
            raise UserError(f"{where}: {told}: 7 to 40 hexadecimal digits, so that the entry cannot change afterwards")
        found[name] = {"name": model} if here else {"name": model, "revision": commit}
    return found


def name_of(team: str) -> str:
    """Return a team's name as names of models are written: small letters, digits, - and _; accents are left out.

    Empty where there is none: other letters would be lost, and two teams told apart by their numbers only.
    """
    apart = unicodedata.normalize("NFKD", team.lower())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    if any(letter.isalpha() and not letter.isascii() for letter in plain):
        return ""
    return re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")


def experiment_of(entries: dict[str, dict[str, str]], like: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an evaluate-only experiment of the entries, like another one. Raises UserError where that one trains."""
    if like.get("dataset") is not None:
        raise UserError("the experiment to be like trains (it has a dataset): take one that evaluates only")
    return {**like, "name": name, "models": entries}


def main() -> None:
    program = Program(__doc__)
    program.add_input("--entries", "CSV with the columns team, model and commit")
    program.add_input("--config", "the evaluate-only experiment whose benchmarks and settings are taken")
    program.add_argument("--experiment", type=Path, required=True, help="the experiment's YAML file to write")
    arguments = program.parse()
    entries = read_entries(arguments.entries)
    like = yaml.safe_load(arguments.config.read_text(encoding="utf-8"))
    made = experiment_of(entries, like, name_of(arguments.experiment.stem))
    load_experiment(made, [read_document(arguments.config)])
    head = f"# {len(entries)} entries of {arguments.entries.name}, evaluated as {arguments.config.name} says.\n"
    with replacing(arguments.experiment) as target:
        target.write_text(head + yaml.safe_dump(made, sort_keys=False, allow_unicode=True), encoding="utf-8")
    print(f"{arguments.experiment}: {len(entries)} entries; make report CONFIG={arguments.experiment}")


if __name__ == "__main__":
    cli.run(main)
