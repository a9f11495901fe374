"""The code digest changes with the code that makes a result, and with nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.common import digest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    files = {
        "scripts/__init__.py": "",
        "scripts/common/__init__.py": "",
        "scripts/common/cli.py": "X = 1\n",
        "scripts/common/deep.py": "def g():\n    return 1\n",
        "scripts/common/shared.py": "from scripts.common import deep\n\ndef f():\n    return deep.g()\n",
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
    for function in (digest._parsed, digest.locked_versions):
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
        ("scripts/common/shared.py", "from scripts.common import deep\n\ndef f():\n    return deep.g() + 1\n", (True, False)),
        ("scripts/common/cli.py", "X = 2\n", (False, False)),
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
