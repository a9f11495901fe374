"""What is not trusted runs no code: experiment files and chat templates (SECURITY.md)."""

from pathlib import Path

import pytest

from scripts.common.chat import load_tokenizer
from scripts.common.cli import UserError
from scripts.common.config.load import read_experiment
from tests import templates
from tests.common.test_docs import NAMED, ROOT


@pytest.mark.parametrize("tag", ["!!python/object/apply:pathlib.Path.touch", "!!python/name:os.system", "!mine"])
def test_an_experiment_file_runs_no_code(tmp_path: Path, tag: str) -> None:
    trace = tmp_path / "trace"
    text = (ROOT / "experiments/micro.yaml").read_text(encoding="utf-8")
    file = tmp_path / "x.yaml"
    argument = f"[!!python/object/apply:pathlib.Path [{trace}]]" if "apply" in tag else ""
    file.write_text(f"{text}\nauthors: {tag} {argument}\n", encoding="utf-8")
    with pytest.raises(UserError):
        read_experiment(file)
    assert not trace.exists()


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.mkdir('TRACE') }}",
        "{{ messages.append(1) }}",
    ],
)
def test_a_chat_template_runs_no_code(tmp_path: Path, template: str) -> None:
    import jinja2.exceptions

    trace, folder = tmp_path / "trace", tmp_path / "model"
    templates.save_tokenizer(folder, templates.CHATML)
    (tmp_path / "template.jinja").write_text(template.replace("TRACE", str(trace)) + templates.CHATML)
    with pytest.raises((UserError, jinja2.exceptions.TemplateError)):
        load_tokenizer(folder, tmp_path / "template.jinja").apply_chat_template(
            [{"role": "user", "content": "1 + 1?"}], tokenize=False
        )
    assert not trace.exists()


def test_every_line_on_threats_names_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows and [row for row in rows if not NAMED.search(row)] == []
