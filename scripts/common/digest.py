"""The digest of a program's code: what a rule reruns for, when the program or what it imports changes.

Snakemake itself reruns a `shell:` rule for its text only. The digest is taken over the syntax tree of the
program and of the project modules that it imports (also inside functions), without comments and docstrings,
and the locked versions of the packages that its result hangs on. Modules that cannot change a result are
left out (`INERT`): a new log line or option text does not retrain a model.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Both environments' locks: they agree on what both hold (a test), and only the second pins the engine.
LOCKS = (ROOT / "envs" / "vllm.txt", ROOT / "envs" / "main.txt")

# Logging, provenance, atomic writing, the wording of cards and the parsing of options. Settings reach a program as
# options, and those are params of the rule: a changed default reruns by its value, not by the text of the model that
# holds it.
INERT = (
    "scripts.common.atomic",
    "scripts.common.cli",
    "scripts.common.config",
    "scripts.common.digest",
    "scripts.common.options",
    "scripts.common.provenance",
    "scripts.train.model_card",
)


def _module_file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # Bare strings (docstrings, also those under attributes) have no effect.
            node.body = [  # type: ignore[attr-defined]
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(getattr(line.value, "value", None), str))
            ]
    return tree


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
    names = frozenset(_imports(tree))
    return hashlib.sha256(ast.dump(_without_docstrings(tree)).encode()).hexdigest(), names


def imported_files(script: str | Path) -> list[Path]:
    """Return `script` and the project files that it imports, directly or not, without those of `INERT`, sorted."""
    found: set[Path] = set()
    waiting = [ROOT / script]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _parsed(path)[1]:
            if not name.startswith(INERT) and (target := _module_file(name)):
                waiting.append(target)
    return sorted(found)


@functools.cache
def locked_versions() -> dict[str, str]:
    """Return the locked versions by package name (lower case, dashes)."""
    text = "\n".join(lock.read_text(encoding="utf-8") for lock in LOCKS)
    pins = re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pins}


def code_digest(script: str | Path, packages: Sequence[str] = ()) -> str:
    """Return 16 hex digits for the code of `script` (a path from the project's root) and its `packages`' versions.

    Raises KeyError for a package that the lock does not pin, FileNotFoundError for a script that is not there.
    """
    digest = hashlib.sha256()
    for path in imported_files(script):
        digest.update(f"{path.relative_to(ROOT).as_posix()} {_parsed(path)[0]}\n".encode())
    for package in sorted(packages):
        digest.update(f"{package}=={locked_versions()[package]}\n".encode())
    return digest.hexdigest()[:16]
