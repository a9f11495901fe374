"""Write what is generated from the settings models: the JSON schema for editors and the page of keys for people."""

import json
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.experiment import Experiment
from scripts.common.program import Program

HEADING = """# The experiment file

One YAML file states an experiment. `config.yaml` is the default one; another is given by
`make report CONFIG=experiments/mine.yaml` or `snakemake --configfile experiments/mine.yaml`, and replaces it: nothing
is merged. Every key is below, with its default; a key without one is required. An editor that knows YAML schemas
completes them from [experiment.schema.json](experiment.schema.json). All mistakes in a file are listed at once, with
their keys and lines, before any job starts. A key that stands twice is a mistake, and so is `__use_yte__`: Snakemake
would run the Python code in such a file. The file is UTF-8, up to 1 MB.

This page is made from the models in `scripts/common/config/` by `make docs`; a test keeps it in step.
"""


def schema() -> dict[str, Any]:
    """Return the JSON schema of the experiment file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema()}


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " \\| ".join(_type(option) for option in field[union] if option.get("type") != "null")
    if field.get("type") == "array":
        items = field.get("items") or {"type": "number"}
        return f"list of {_type(items)}"
    if field.get("type") == "object" and field["additionalProperties"] is True:
        return "name: any value"
    if field.get("format") == "date":
        return "date"
    if field.get("type") == "object":
        inner = field["additionalProperties"]
        return f"name: {'anything' if inner is True else _type(inner)}"
    return {"integer": "whole number", "boolean": "true \\| false", "string": "text"}.get(field["type"], field["type"])


def _default(name: str, field: dict[str, Any], required: list[str]) -> str:
    if name in required:
        return "required"
    value = field.get("default")
    if isinstance(value, dict) and value:
        return "its own defaults"
    return f"`{json.dumps(value)}`" if value is not None else "none"


def _section(name: str, model: dict[str, Any]) -> str:
    lines = [f"## {name}", "", " ".join(model.get("description", "").split()), ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in model["properties"].items():
        meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{key}` | {_type(field)} | {_default(key, field, model.get('required', []))} | {meaning} |")
    return "\n".join(lines)


def page() -> str:
    """Return docs/experiment.md."""
    whole = schema()
    models = {"Experiment": whole, **whole["$defs"]}
    return "\n\n".join([HEADING.strip(), *(_section(name, model) for name, model in models.items())]) + "\n"


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder to write to")
    arguments = parser.parse_args()
    texts = {"experiment.schema.json": json.dumps(schema(), indent=2) + "\n", "experiment.md": page()}
    for name, text in texts.items():
        with replacing(arguments.docs / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
