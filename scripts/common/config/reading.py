"""An experiment file as it stands: its keys and values, the line of each key, and what a YAML reader passes over.

Snakemake reads the file before any code of ours: profiles/default has it looked through before that.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from scripts.common import disk
from scripts.common.cli import UserError

LARGEST = 1_000_000
"""Bytes of an experiment file: a data set that is given in its place is not parsed."""
DEEPEST = 40
"""Brackets and indents inside each other; the settings need eight."""
MOST_NODES = 50_000
"""Keys and values, those that aliases repeat counted each time."""
TEMPLATES = "__use_yte__"
_JSON_INDENT = re.compile(r"^\t+", re.MULTILINE)
Key = tuple[str | int, ...]
"""Where a value stands: keys and, in lists, indices, from the top."""


class ConfigError(UserError):
    """The experiment file has mistakes; the message lists each on a line of its own."""

    def __init__(self, mistakes: Iterable[str], path: Path | None = None) -> None:
        listed = list(dict.fromkeys(mistakes))
        heading = "the experiment file" + (f" '{path}'" if path else "")
        heading += " has a mistake:" if len(listed) == 1 else " has mistakes:"
        super().__init__("\n  - ".join([heading, *listed]))


class Document(NamedTuple):
    """An experiment file that was read."""

    path: Path
    config: dict[str, Any]
    lines: dict[Key, int]
    """The line of each key and list entry, counted from 1."""
    mistakes: list[str]
    """Keys that stand twice."""

    def line(self, key: Key, config: Mapping[str, Any]) -> int | None:
        """Return the line of `key`, or of the innermost key around it; None where `config` has another value there."""
        while key and key not in self.lines:
            key = key[:-1]
        ours, theirs = _value(self.config, key), _value(config, key)
        return self.lines[key] if key and (ours == theirs or (ours != ours and theirs != theirs)) else None  # nan


def _value(config: Any, key: Key) -> Any:
    for part in key:
        try:
            config = config[part]
        except (LookupError, TypeError):
            return None
    return config


def read_document(path: Path) -> Document:
    """Read an experiment file. Raises ConfigError, a sentence with line and column, where it is no such file."""
    text = _text(path)
    with _placed(path, text):
        loader = _Loader(text)
        root = loader.get_single_node()
    found = _Findings(loader)
    found.walk(root, ())
    if found.fatal:
        raise ConfigError(found.fatal, path)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            ["it holds no keys: an experiment is a list of lines 'key: value' (docs/experiment.md)"], path
        )
    with _placed(path, text):
        return Document(path, loader.construct_document(root), found.lines, found.mistakes)


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise UserError(f"the experiment file '{path}' is a folder: name the YAML file itself")
        if size > LARGEST:
            raise UserError(f"'{path}' is no experiment file: it has {size:,} bytes, and none has over {LARGEST:,}")
        content = path.read_bytes()
    except FileNotFoundError as error:
        told = (
            "" if path.suffix in (".yaml", ".yml") else "; a target behind --configfile is taken for one: put it first"
        )
        raise UserError(f"there is no experiment file '{path}' (looked for from {Path.cwd()}){told}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"the experiment file '{path}' cannot be read: {error}") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:100]:
        raise UserError(f"the experiment file '{path}' is UTF-16 or no text at all: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"line {line} holds the byte {content[error.start]:#04x}"
        raise UserError(f"the experiment file '{path}' is not UTF-8: {byte}; save it as UTF-8") from error
    # Of JSON, which Snakemake takes too, all that YAML does not read are tabs at the start of a line.
    return _JSON_INDENT.sub("", text) if text.lstrip().startswith("{") else text


@contextmanager
def _placed(path: Path, text: str) -> Iterator[None]:
    """Turn what a YAML reader raises into a sentence with line and column."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{_place(mark)}: " if mark else ""
        raise ConfigError([f"{at}it is not valid YAML: {_words(error)}"], path) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {text[error.position]!r} is not allowed"
        raise ConfigError([f"line {line}: it is not valid YAML: {what}"], path) from error


def _words(error: yaml.MarkedYAMLError) -> str:
    words = " ".join(" ".join(filter(None, (error.context, error.problem))).split())
    if "cannot start any token" in words and "\\t" in words:
        words += " (indent with blanks, not with tabs)"
    return words


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


class _Loader(yaml.SafeLoader):
    """Pure Python, as the one that Snakemake reads by, so that both take the same; a safe one: no tag runs code."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node and those in it. Raises MarkedYAMLError where they nest too deep for a call inside a call."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested over {DEEPEST} deep", problem_mark=self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


MERGE = "<<"
# Numbers of base 8 and of base 60, which nobody means.
_OTHERWISE = re.compile(r"[-+]?0[0-7_]+|[-+]?[\d_]+(?::[0-5]?\d)+(?:\.[\d_]*)?")


def _read_otherwise(node: yaml.ScalarNode, value: Any) -> bool:
    if not isinstance(value, int | float) or node.style is not None or not _OTHERWISE.fullmatch(node.value):
        return False
    return ":" in node.value or int(node.value.replace("_", "")) != value


class _Findings:
    """What a walk through the nodes of a file finds."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._nodes = 0
        self.lines: dict[Key, int] = {}
        self.mistakes: list[str] = []
        self.fatal: list[str] = []

    def walk(self, node: yaml.Node | None, key: Key, around: tuple[int, ...] = ()) -> None:
        """Note lines, keys that stand twice and values that are none, of `node` at `key`; `around`: nodes it is in."""
        if node is None or (self.fatal and self._nodes > MOST_NODES):
            return
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self.fatal.append(
                f"{_place(node.start_mark)}: over {MOST_NODES:,} values, aliases counted, are no experiment"
            )
        elif id(node) in around:
            self.fatal.append(f"{_place(node.start_mark)}: an alias stands inside what it names")
        elif isinstance(node, yaml.ScalarNode):
            self._scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            for number, entry in enumerate(node.value):
                self.lines.setdefault((*key, number), entry.start_mark.line + 1)
                self.walk(entry, (*key, number), (*around, id(node)))
        else:
            self._mapping(node, key, around)

    def _mapping(self, node: yaml.Node, key: Key, around: tuple[int, ...]) -> None:
        first: dict[Any, yaml.Node] = {}
        if node.tag == "tag:yaml.org,2002:set":
            self.fatal.append(f"{_place(node.start_mark)}: a set has no order: write a list")
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.fatal.append(f"{_place(name.start_mark)}: a key must be a text")
                continue
            merges = name.tag == "tag:yaml.org,2002:merge"
            part = MERGE if merges else self._scalar(name)
            if part in first:
                here = ".".join(map(str, (*key, part)))
                lines = f"lines {first[part].start_mark.line + 1} and {name.start_mark.line + 1}"
                self.mistakes.append(f"{here}: this key stands twice, on {lines}")
            elif part == TEMPLATES and not key:
                what = f"'{TEMPLATES}' would run Python code out of this file, which is not allowed here"
                self.fatal.append(f"{_place(name.start_mark)}: {what}")
            first.setdefault(part, name)
            if not merges:
                self.lines[(*key, part)] = name.start_mark.line + 1
            self.walk(value, key if merges else (*key, part), (*around, id(node)))

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            value = self._loader.construct_object(node)
            if isinstance(value, int) and value.bit_length() > 1024:
                raise ValueError("a number of over 1,024 bits")
            if _read_otherwise(node, value):
                self.mistakes.append(
                    f"{_place(node.start_mark)}: YAML reads {node.value} as {value}: write a number without colons "
                    "and leading zeros, and a text in quotes"
                )
            return value
        except yaml.constructor.ConstructorError as error:
            self.fatal.append(f"{_place(node.start_mark)}: {_words(error)}")
        except (ValueError, OverflowError) as error:  # 2024-13-45, a number of 5,000 digits
            self.fatal.append(f"{_place(node.start_mark)}: '{node.value[:40]}' is no value: {error}")
        return node.value


def stop_if_unreadable(paths: Iterable[str | Path]) -> None:
    """End the process with one sentence and exit code 2 where a file cannot be read as an experiment, or Snakemake
    would find no folder for its temporary files."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        _stop(UserError(disk.NO_TEMPORARY))
    try:
        for path in paths:
            read_document(Path(path))
    except UserError as mistake:
        _stop(mistake)


def _stop(mistake: UserError) -> NoReturn:
    print(f"error: {mistake}", file=sys.stderr)
    sys.exit(2)
