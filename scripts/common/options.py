"""Settings models as command-line options: one definition serves the experiment file, the rule and the program."""

import argparse
import json
import shlex
from typing import Any, TypeVar

from pydantic import ValidationError

from scripts.common.cli import UserError
from scripts.common.config.base import Settings

Model = TypeVar("Model", bound=Settings)


def add_options(parser: argparse.ArgumentParser, model: type[Settings]) -> None:
    """Add an option `--key VALUE` for every key of `model`; its help is the key's description."""
    group = parser.add_argument_group(model.__name__)
    for key, field in model.model_fields.items():
        help_text = " ".join((field.description or "").replace("%", "%%").split())
        group.add_argument(f"--{key.replace('_', '-')}", dest=key, metavar="VALUE", help=help_text)


def from_options(model: type[Model], arguments: argparse.Namespace) -> Model:
    """Return `model` from the options that were given; the others keep their defaults.

    A value is read as JSON where it is JSON (numbers, true, null, lists), else as text.
    """
    given = {key: getattr(arguments, key) for key in model.model_fields if getattr(arguments, key) is not None}
    try:
        return model.model_validate({key: _value(text) for key, text in given.items()})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from error


def to_options(model: type[Settings], settings: Settings) -> str:
    """Return the keys of `model` in `settings` as a string of options for a shell; what is None is left out."""
    values = settings.model_dump(mode="json", include=set(model.model_fields))
    words = []
    for key, value in values.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{key.replace('_', '-')}", shlex.quote(text)]
    return " ".join(words)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
