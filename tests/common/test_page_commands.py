"""Every command that README or a page shows can be given: its target, program and options exist.

Those of a page that a finished experiment can take are run in tests/workflow/test_commands_of_pages.py.
"""

import re

import pytest
from snakemake.cli import get_argument_parser

from scripts.manage.document import help_of
from tests.page_commands import ROOT, Command, all_commands, commands_of

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([\w.-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"\$\((\w+)\)", MAKEFILE))
GRAPH = "".join(file.read_text(encoding="utf-8") for file in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
RULES = set(re.findall(r"^\s*(?:rule|use rule \w+ as) (\w+)", GRAPH, re.MULTILINE))
LEFT_OPEN = re.compile(r"…|\.\.\.|<")


def wrong(command: Command) -> list[str]:
    """Return the words of a command that nothing here knows."""
    words = command.words
    while re.match(r"[A-Z_]+=", words[0]):  # the environment
        words = words[1:]
    program, *rest = words
    if program == "make":
        named = [word.partition("=") for word in rest]
        return [word for word, given, _ in named if word not in (VARIABLES if given else TARGETS)]
    if program.endswith("snakemake"):
        given, unknown = get_argument_parser().parse_known_args(rest)
        return unknown + [target for target in given.targets if target not in RULES and not LEFT_OPEN.search(target)]
    if rest[1] == "timeit" or LEFT_OPEN.search(rest[1]):
        return []
    if not (ROOT / rest[1].replace(".", "/")).with_suffix(".py").is_file():
        return [rest[1]]
    options = [word.partition("=")[0] for word in rest[2:] if word.startswith("--")]
    said = help_of(rest[1]) if options else ""
    return [option for option in options if not re.search(rf"{option}\b(?!-)", said)]


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: f"{command.page}: {command.text}"[:80])
def test_a_command_of_a_page_can_be_given(command: Command) -> None:
    assert wrong(command) == []


def test_commands_are_found_and_mistakes_in_them() -> None:
    text = """Say `make plan CONFIG=...`, or `make nothing`:

```sh
make inspect DATE=x.jsonl      # in seconds
OMP_NUM_THREADS=1 .venv/bin/python -m perf.plan --no-such \\
    --config a.yaml && .venv/bin/python -m perf.none
```

    .venv/bin/snakemake --no-cores 8 --configfile experiments/mine.yaml
"""
    found = list(commands_of("page", text))
    assert [wrong(command) for command in found] == [
        [],
        ["nothing"],
        ["DATE"],
        ["--no-such", "--config"],
        ["perf.none"],
        ["--no-cores", "8"],
    ]
