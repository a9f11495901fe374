"""Write docs/programs.md, a page of the site: what every program does and its options, as its --help says."""

import contextlib
import importlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.digest import ROOT
from scripts.common.program import Program

HEADING = """# Programs and their options

Each job is a program that can be run by hand: `.venv/bin/python -m scripts.<stage>.<program>`. Rules call most
of them, `make` those of `manage`. This page is made from their `--help` by `make site`.
"""


def modules() -> Iterator[str]:
    """Yield the programs of the project, by the stages' folders: the modules that run their main."""
    for file in sorted((ROOT / "scripts").glob("*/**/*.py")):
        if "\n    cli.run(main)\n" in file.read_text(encoding="utf-8"):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts)


def help_of(module: str) -> str:
    """Return what a program says when it is asked for help, 100 letters wide. Raises SystemExit where it fails."""
    said = io.StringIO()
    program = importlib.import_module(module)
    with (
        mock.patch.object(sys, "argv", [module, "--help"]),
        mock.patch.dict(os.environ, {"COLUMNS": "100"}),
        contextlib.redirect_stdout(said),
    ):
        try:
            program.main()
        except SystemExit as end:
            if end.code:
                raise
    return said.getvalue().rstrip()


def page() -> str:
    """Return docs/programs.md."""
    parts, room = [HEADING], ""
    for module in modules():
        name = module.split(".", 2)
        if name[1] != room:
            room = name[1]
            parts.append(f"## {room}\n")
        parts.append(f"### {module}\n\n```text\n{re.sub(r' +$', '', help_of(module), flags=re.MULTILINE)}\n```\n")
    return "\n".join(parts)


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--page", type=Path, default=ROOT / "docs/programs.md", help="the page to write")
    arguments = parser.parse_args()
    with replacing(arguments.page) as temporary:
        temporary.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
