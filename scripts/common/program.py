"""A program's options, declared once: the files it reads, the files it makes, its settings.

Provenance has its inputs and outputs from here. A group of settings (a pydantic model) is one option whose value is
JSON; any other setting is one option whose value is taken as it stands. So whatever text the experiment file holds
arrives unchanged.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from scripts.common.cli import UserError
from scripts.common.config.base import Settings
from scripts.common.provenance import recording

Model = TypeVar("Model", bound=Settings)


class Program(argparse.ArgumentParser):
    """The options of one program; its help is the module's docstring."""

    def __init__(self, docstring: str | None) -> None:
        super().__init__(
            description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        self._inputs: list[str] = []
        self._outputs: list[str] = []
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self._keys: dict[str, dict[str, TypeAdapter[Any]]] = {}
        self._read: list[Path] = []
        self._made: list[Path] = []
        self._choices: list[str] = []

    def add_input(self, flag: str, help: str, *, many: bool = False, optional: bool = False) -> None:
        """Add an option for a file or folder that the program reads (`many`: one or more of them)."""
        self._inputs.append(self._add_path(flag, help, many, optional))

    def add_output(self, flag: str, help: str, *, many: bool = False, optional: bool = False) -> None:
        """Add an option for a file or folder that the program makes."""
        self._outputs.append(self._add_path(flag, help, many, optional))

    def _add_path(self, flag: str, help: str, many: bool, optional: bool) -> str:
        several: dict[str, Any] = {"nargs": "+", "default": []} if many else {}
        return self.add_argument(flag, type=Path, required=not optional, help=help, **several).dest

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        if arg_strings == ["--"] and action.option_strings and action.nargs is None:  # argparse would take it out
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)

    def add_settings(self, flag: str, model: Any, help: str = "") -> None:
        """Add an option for a settings model, or a union of such, whose value is JSON: what a rule passes.

        By hand each key of a model may be given by an option of its own as well, `--epochs 2`; these go before.
        """
        fields = getattr(model, "model_fields", {})
        dest = self.add_argument(
            flag, required=not fields, metavar="JSON", help=help or f"the settings below together, as JSON ({flag[2:]})"
        ).dest
        self._adapters[dest] = TypeAdapter(model)
        group = self.add_argument_group(getattr(model, "__name__", flag)) if fields else self
        for key, field in fields.items():
            text = " ".join((field.description or "").split()).replace("%", "%%")
            group.add_argument(flag_of(key), dest=f"{dest}.{key}", metavar="VALUE", help=text)
            self._keys.setdefault(dest, {})[key] = TypeAdapter(field.annotation)

    @property
    def inputs(self) -> list[Path]:
        """The files and folders that the program reads."""
        return self._read

    def reads(self, *paths: str | Path) -> None:
        """Note files that the program reads though no option names them."""
        self._read += map(Path, paths)

    def runs(self, *code: str) -> None:
        """Note code that the program runs without importing it by name, as `code_digest` takes it (`also`)."""
        self._choices += code

    def parse(self) -> argparse.Namespace:
        """Return the options of this process, settings models made of their JSON. Raises UserError for a bad one."""
        arguments = self.parse_args()
        for name, adapter in self._adapters.items():
            flag, text = flag_of(name), getattr(arguments, name)
            given = {key: vars(arguments).pop(f"{name}.{key}") for key in self._keys.get(name, {})}
            by_hand = {key: _value(self._keys[name][key], word) for key, word in given.items() if word is not None}
            if by_hand or text is None:
                text = json.dumps({**json.loads(text or "{}"), **by_hand})
            setattr(arguments, name, _validated(flag, adapter, text))
        self._read, self._made = _paths(arguments, self._inputs), _paths(arguments, self._outputs)
        return arguments

    def recording(self, **facts: Any) -> AbstractContextManager[dict[str, Any]]:
        """Return a context that writes the outputs' provenance when it has ended without an error (`recording`)."""
        files = {"read": list(map(flag_of, self._inputs)), "made": list(map(flag_of, self._outputs))}
        named = {*files["read"], *files["made"]}
        settings = {flag: words for flag, words in options_of(sys.argv[1:]).items() if flag not in named}
        return recording(self._made, self._read, settings, files, self._choices, **facts)


def read_settings(flag: str, model: type[Model], text: str) -> Model:
    """Return a settings model from an option's JSON, where another option says which model. Raises UserError."""
    return cast(Model, _validated(flag, TypeAdapter(model), text))


def _validated(flag: str, adapter: TypeAdapter[Any], text: str) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, [flag, *first['loc']]))}: {first['msg']}") from error


def _value(key: TypeAdapter[Any], word: str) -> Any:
    """Return the value of a key that was given by hand: as text where the key takes texts, else read as JSON."""
    try:
        return key.validate_python(word, strict=True)
    except ValidationError:
        try:
            return json.loads(word)
        except json.JSONDecodeError:
            return word  # validation says what is wrong with it


def flag_of(name: str) -> str:
    """Return the option of a name: `--engine-settings` of `engine_settings`."""
    return f"--{name.replace('_', '-')}"


def _paths(arguments: argparse.Namespace, names: Sequence[str]) -> list[Path]:
    values = [getattr(arguments, name) for name in names]
    return [path for value in values if value for path in (value if isinstance(value, list) else [value])]


def options_of(words: Sequence[str]) -> dict[str, list[str]]:
    """Return a command's options and their values, as they stand: `--rows 5 --files a b` and `--prompt=--` alike."""
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for word in words:
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            last = found.setdefault(flag, [])
            last += [value] if equals else []
        else:
            last.append(word)
    return found


def as_json(settings: Settings, model: type[Settings] | None = None) -> str:
    """Return settings as one line of JSON: the keys of `model`, where it is a part of theirs; none that are None.

    A new key without a default of its own so changes no command of an experiment that does not use it.
    """
    keys = set((model or type(settings)).model_fields)
    return json.dumps(settings.model_dump(mode="json", include=keys, exclude_none=True), ensure_ascii=False)
