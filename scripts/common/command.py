"""The command of a program for a shell: every option quoted in one place, so that any text arrives as it stands."""

import shlex
from collections.abc import Mapping
from typing import Any

from scripts.common.config.base import Settings
from scripts.common.program import as_json, flag_of


class Variable(str):
    """A word of a command that is a variable of the environment, in double quotes already."""


def command_line(program: str, options: Mapping[str, Any]) -> str:
    """Return `scripts.{program}` with its options, to be run by `python -m`."""
    return f"scripts.{program} {options_line(options)}".rstrip()


def options_line(options: Mapping[str, Any]) -> str:
    """Return options as words of a shell.

    A settings model is passed as JSON, any other value as its text, several (a list, Snakemake's files) one after the
    other. What is None, False or empty is left out, and True is an option alone.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False and value != []}
    return " ".join(_option(name, value) for name, value in given.items())


def _option(name: str, value: Any) -> str:
    flag = flag_of(name)
    if value is True:
        return flag
    # Snakemake's lists of files are lists that are no str.
    values = list(value) if isinstance(value, list | tuple) else [value]
    words = [one if isinstance(one, Variable) else shlex.quote(_text(one)) for one in values]
    # With "=" a text that begins with a dash is the option's value and no option.
    return f"{flag}={words[0]}" if len(words) == 1 and _text(values[0]).startswith("-") else " ".join([flag, *words])


def _text(value: Any) -> str:
    return as_json(value) if isinstance(value, Settings) else str(value)
