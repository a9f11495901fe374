"""The code digest changes with the code that makes a result, and with nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.common import digest
from scripts.evaluate.engines import ENGINES
from scripts.evaluate.kinds import KINDS

SPEAKING = """
def read(path, program):
    program.add_argument("--rows", help="rows to read")
    rows = list(cli.progress(open(path), "rows"))
    cli.log.info("%d rows read", len(rows))
    if not rows:
        raise ValueError(f"no row in {path}")
    return 'read'
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    files = {
        "scripts/__init__.py": "",
        "scripts/common/__init__.py": "",
        "scripts/common/cli.py": "X = 1\n",
        "scripts/common/deep.py": "def g():\n    return 1\n",
        "scripts/common/shared.py": "from scripts.common import deep, speaking\n\ndef f():\n    return deep.g()\n",
        "scripts/common/speaking.py": SPEAKING,
        "scripts/select/__init__.py": "",
        "scripts/select/a.py": '"""A."""\nfrom scripts.common import cli\n\ndef main():\n    from scripts.common.shared import f\n    f()\n',
        "scripts/select/b.py": "from scripts.common import cli\n",
        "envs/main.txt": "torch==2.0\nlighteval==0.13.0\n",
        "envs/vllm.txt": "vllm==0.32.0\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(digest, "ROOT", tmp_path)
    monkeypatch.setattr(digest, "LOCKS", (tmp_path / "envs/vllm.txt", tmp_path / "envs/main.txt"))
    yield tmp_path
    forget()  # or later tests would take this project's locks for the real ones


def forget() -> None:
    for function in (digest._parsed, digest._part, digest.locked_versions):
        function.cache_clear()


def digests() -> tuple[str, str]:
    forget()
    return digest.code_digest("scripts/select/a.py", ("torch",)), digest.code_digest("scripts/select/b.py", ())


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("scripts/select/a.py", '"""Other words."""\n# comment\nfrom scripts.common import cli\n\n\ndef main():\n'
         "    from scripts.common.shared import f\n    f()\n", (False, False)),
        ("scripts/common/deep.py", "def g():\n    return 2\n", (True, False)),
        ("scripts/common/shared.py", "from scripts.common import deep, speaking\n\ndef f():\n    return deep.g() + 1\n", (True, False)),
        ("scripts/common/cli.py", "X = 2\n", (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("no row", "not a row"), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("%d rows read", "rows: %d"), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace('    cli.log.info("%d rows read", len(rows))\n', ""), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("in {path}", "of {path}"), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace('"rows"', '"lines"'), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("rows to read", "how many rows"), (False, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("ValueError", "KeyError"), (True, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("return 'read'", "return 'taken'"), (True, False)),
        ("scripts/common/speaking.py", SPEAKING.replace("if not rows", "if rows"), (True, False)),
        ("envs/main.txt", "torch==2.1\nlighteval==0.13.0\n", (True, False)),
        ("envs/main.txt", "torch==2.0\nlighteval==0.14.0\n", (False, False)),
    ],
)  # fmt: skip
def test_exactly_the_users_of_changed_code_change(
    project: Path, file: str, text: str, changes: tuple[bool, bool]
) -> None:
    before = digests()
    (project / file).write_text(text)
    after = digests()
    assert tuple(x != y for x, y in zip(before, after, strict=True)) == changes


def test_a_package_that_the_lock_does_not_pin_is_a_fault(project: Path) -> None:
    digests()
    with pytest.raises(KeyError):
        digest.code_digest("scripts/select/b.py", ("numpy",))


CHOICE = """
from scripts.common import cli
from scripts.common.deep import g

LIMIT = 3

class Keys:
    size: int = 1

def run(keys: Keys) -> int:
    from scripts.common.shared import f
    return helped(LIMIT)

def helped(n):
    return n + 1

def other():
    return g()
"""


@pytest.mark.parametrize(
    ("file", "before", "after", "changes"),
    [
        ("choice", "LIMIT = 3", "LIMIT = 4", True),
        ("choice", "n + 1", "n + 2", True),
        ("choice", "return g()", "return 1", False),
        ("choice", "size: int = 1", "size: int = 2", False),
        ("shared", "return deep.g()", "return 1 + deep.g()", True),
        ("cli", "X = 1", "X = 2", False),
    ],
)
def test_one_function_of_a_choice(project: Path, file: str, before: str, after: str, changes: bool) -> None:
    """With what it uses, wherever that is; settings that only its annotations name come with their values."""
    (project / "scripts/common/choice.py").write_text(CHOICE)

    def found() -> str:
        forget()
        return digest.code_digest("scripts/select/b.py", also=["scripts/common/choice.py:run", "votes=True"])

    first, path = found(), project / f"scripts/common/{file}.py"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert (found() != first) == changes
    assert digest.code_digest("scripts/select/b.py", also=["scripts/common/choice.py:run"]) != found()


def test_a_kind_or_an_engine_reruns_only_its_own() -> None:
    """What evaluates by one engine and one kind imports no file of the others."""
    forget()
    for engine in ENGINES.values():
        for kind in KINDS.values():
            files = {Path(one.partition(":")[0]) for one in [*engine.code(), *kind.judging_code()]}
            counted = [digest._counted(digest._part(digest.ROOT / f, name)[1]) for f, _, name in
                       (one.partition(":") for one in [*engine.code(), *kind.judging_code()]) if name]  # fmt: skip
            names = {path.name for paths in counted for path in digest.imported_files(*paths)} | {f.name for f in files}
            assert ("vllm.py" in names) == (engine is ENGINES["vllm"])
            assert ("code_judge.py" in names) == (kind is KINDS["code"])
            assert "reading.py" not in names, "how rows are read comes with the questions"
    assert not {path.name for path in digest.imported_files("scripts/evaluate/evaluate_model.py")} & {
        "vllm.py", "transformers.py", "batches.py", "math.py", "code.py", "code_judge.py"}  # fmt: skip
