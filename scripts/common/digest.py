"""The digest of a program's code: what a rule reruns for, when the program or what it imports changes.

Snakemake itself reruns a `shell:` rule for its text only. The digest is taken over the syntax tree of the
program and of the project modules that it imports (also inside functions), and the locked versions of the packages
that its result depends on. Left out is what people read and no result holds: comments, docstrings, calls of the log,
the texts of raised errors, of progress bars and of options' help. Modules that cannot change a result are left out
whole (`INERT`). So a new log line, or an error in better words, does not retrain a model.

What a job runs of a table of choices (one method, one control) its program does not import by name: the rule and the
program name the file (`also`), so that a change of one choice reruns only the jobs that chose it.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Both environments' locks, which agree on what decides a result (a test), and torch, which both have.
LOCKS = tuple(ROOT / "envs" / f"{name}.txt" for name in ("vllm", "main", "torch"))

# Logging, provenance, atomic writing, the wording of cards and the parsing of options. Settings reach a program as
# options, and those are params of the rule: a changed default reruns by its value, not by the text of the model that
# holds it.
INERT = (
    "scripts.common.atomic",
    "scripts.common.cli",
    "scripts.common.command",
    "scripts.common.config",
    "scripts.common.content",
    "scripts.common.digest",
    "scripts.common.disk",
    "scripts.common.layout",
    "scripts.common.locks",
    "scripts.common.program",
    "scripts.common.progress",
    "scripts.common.provenance",
    "scripts.common.store",
    "scripts.evaluate.store",
    "scripts.train.model_card",
)
# Tables of choices: rule and program name what of the chosen one they run (`also`), and no other choice matters.
TABLES = ("scripts.evaluate.engines", "scripts.evaluate.kinds")

# Functions that say in words, or for the plan, what a choice is: they draw and compute nothing. A rule whose output
# holds the words has them as a param.
SAYING = ("describe", "in_words", "score_words", "misfits", "expected_rows", "by_chance")


def _module_file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


class _ResultOnly(ast.NodeTransformer):
    """Leaves out of a syntax tree what people read and no result holds."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(lines := getattr(node, name, None), list):
                setattr(node, name, [line for line in lines if not _says_only(line)])
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # Which error is raised may decide a result; what it says does not.
        return ast.Raise(_Wordless().visit(node.exc), node.cause) if node.exc else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if _called(node) in ("progress", "progress_bar"):
            node.args = [_Wordless().visit(argument) for argument in node.args]
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "help"]
        return node


class _Wordless(ast.NodeTransformer):
    """Empties every text."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


LOG_CALLS = ("debug", "info", "warning", "error", "exception")


def _says_only(line: ast.AST) -> bool:
    """Whether a line is a bare text (a docstring, also of an attribute), a call of the log or a function of SAYING."""
    if isinstance(line, ast.FunctionDef):
        return line.name in SAYING
    if not isinstance(line, ast.Expr):
        return False
    if isinstance(line.value, ast.Constant):
        return isinstance(line.value.value, str)
    if not isinstance(line.value, ast.Call) or not isinstance(line.value.func, ast.Attribute):
        return False
    owner = line.value.func.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
    return name == "log" and line.value.func.attr in LOG_CALLS


def _called(node: ast.Call) -> str | None:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)


def _imports(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from scripts.common import tables` imports a module, `from scripts.common.tables import X` a name.
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(node.module)
    return {name for name in names if name.split(".")[0] == "scripts"}


@functools.cache
def _parsed(path: Path) -> tuple[str, frozenset[str]]:
    """Return the digest of one file's own syntax tree and the names that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    tree = _ResultOnly().visit(tree)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(_imports(tree))


def _counted(names: Iterable[str]) -> list[Path]:
    """Return the files of the modules among `names` that can change a result."""
    counted = (name for name in names if not name.startswith(INERT) and name not in TABLES)
    return [path for name in counted if (path := _module_file(name))]


def imported_files(*scripts: str | Path) -> list[Path]:
    """Return `scripts` and the project files that they import, directly or not, without those of `INERT` and `TABLES`,
    sorted."""
    found: set[Path] = set()
    waiting = [ROOT / script for script in scripts]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _counted(_parsed(path)[1])
    return sorted(found)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives something to."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    else:
        yield from (
            node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )


def _used(node: ast.AST) -> Iterator[str]:
    """Yield the names that code uses; those in annotations change nothing."""
    if isinstance(node, ast.Name):
        yield node.id
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from _used(part)


@functools.cache
def _part(path: Path, name: str) -> tuple[str, frozenset[str]]:
    """Return the digest of one function of a file with all of that file that it uses, and the names they import."""
    tree = _ResultOnly().visit(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    found: set[ast.stmt] = set()
    waiting = [name]
    while waiting:
        wanted = waiting.pop()
        for statement in tree.body:
            if statement not in found and wanted in _bound(statement):
                found.add(statement)
                waiting += _used(statement)
    part = ast.Module([statement for statement in tree.body if statement in found], [])
    return hashlib.sha256(ast.dump(part).encode()).hexdigest(), frozenset(_imports(part))


@functools.cache
def locked_versions() -> dict[str, str]:
    """Return the locked versions by package name (lower case, dashes)."""
    text = "\n".join(lock.read_text(encoding="utf-8") for lock in LOCKS)
    pins = re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pins}


def part_of(function: Callable[..., Any]) -> str:
    """Return a function of the project as `code_digest` takes it: scripts/evaluate/engines/vllm.py:start."""
    return f"{function.__module__.replace('.', '/')}.py:{function.__name__}"


def code_digest(script: str | Path, packages: Sequence[str] = (), also: Sequence[str] = ()) -> str:
    """Return 16 hex digits for the code of `script` (a path from the project's root) and its `packages`' versions.

    `also` is what it runs without importing it by name: a file, or a function of one as `part_of` writes it (with what
    that uses, not with the rest of its file); any other text is taken as it stands.

    Raises KeyError for a package that the lock does not pin, FileNotFoundError for a script that is not there.
    """
    digest = hashlib.sha256()
    files = [Path(script)]
    for one in also:
        path, _, name = one.partition(":")
        if path.endswith(".py") and not name:
            files.append(Path(path))
            continue
        part, names = _part(ROOT / path, name) if name else (one, frozenset())
        digest.update(f"{one} {part}\n".encode())
        files += _counted(names)
    for path_of in imported_files(*files):
        digest.update(f"{path_of.relative_to(ROOT).as_posix()} {_parsed(path_of)[0]}\n".encode())
    for package in sorted(packages):
        digest.update(f"{package}=={locked_versions()[package]}\n".encode())
    return digest.hexdigest()[:16]
