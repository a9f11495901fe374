"""Settings reach a program as they are, whatever text they hold; what it reads and makes is declared once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scripts.common.cli import UserError
from scripts.common.command import Variable, command_line
from scripts.common.config.base import Settings
from scripts.common.config.dataset import Reading, RowRules
from scripts.common.config.evaluation import Generation
from scripts.common.config.training import Optimisation
from scripts.common.content import sha256_of
from scripts.common.program import Program, as_json, options_of

# A text that no shell argument can hold has a NUL; the experiment file refuses it.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def through_a_shell(command: str) -> list[str]:
    """Return the words that a program gets when a shell runs the command."""
    shell = f"printf '%s\\0' {command}"
    done = subprocess.run(["bash", "-euc", shell], capture_output=True, check=True, env={"OWN_1": "/a b/文 'x' {y}"})
    return done.stdout.decode().split("\0")[1:-1]


class Prompted(Settings):
    prompt: str
    revision: str | None = None


@settings(max_examples=150, deadline=None)
@given(prompt=TEXTS, system=TEXTS, names=st.lists(TEXTS.filter(lambda text: not text.startswith("-")), min_size=2))
@example(prompt="null", system="42", names=["{model}", r"\boxed{answer}"])
@example(prompt='"Be brief."', system="-x", names=["it's", "$HOME `ls`"])
@example(prompt="--", system="--system=1", names=["a\nb", "文 "])
@example(prompt="", system="", names=["", "*"])
@example(prompt="", system="--", names=["", ""])
def test_any_text_arrives_as_it_is(prompt: str, system: str, names: list[str]) -> None:
    options = {"prompted": Prompted(prompt=prompt, revision="20240101"), "system": system, "names": names}
    words = through_a_shell(command_line("data.x", {**options, "file": Variable('"$OWN_1"'), "public": True}))
    program = Program("Test.")
    program.add_settings("--prompted", Prompted)
    program.add_argument("--system")
    program.add_argument("--names", nargs="+")
    program.add_input("--file", "a file")
    program.add_argument("--public", action="store_true")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["x", *words])
        arguments = program.parse()
    assert arguments.prompted == Prompted(prompt=prompt, revision="20240101")
    assert (arguments.system, arguments.names, arguments.public) == (system, names, True)
    assert arguments.file == Path("/a b/文 'x' {y}")


def test_what_is_none_false_or_empty_is_left_out() -> None:
    assert command_line("a.b", {"none": None, "no": False, "files": [], "zero": 0}) == "scripts.a.b --zero 0"


@pytest.mark.parametrize(
    "value",
    [
        Optimisation(epochs=2, learning_rate=2e-3, packing=True, warmup=0.05),
        Generation(temperature=0, max_new_tokens=7),
        RowRules(min_tokens=3, require_boxed_answer=True),
        Reading(source="hub", revision="20240101", system_prompt="null"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_settings_models_come_back_as_they_went(value: Settings) -> None:
    assert type(value).model_validate_json(as_json(value)) == value


def test_by_hand_every_key_has_an_option_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program("Test.")
    program.add_settings("--reading", Reading)
    program.add_settings("--training", Optimisation)
    words = ["--source", "hub", "--revision", "20240101", "--system-prompt", "null", "--limit", "5"]
    words += ["--epochs", "2", "--packing", "true", "--activation-checkpointing", "auto", "--lora", '{"rank": 8}']
    monkeypatch.setattr(sys, "argv", ["x", *words, "--training", '{"epochs": 7, "max_length": 99}'])
    arguments = program.parse()
    assert arguments.reading == Reading(source="hub", revision="20240101", system_prompt="null", limit=5)
    expected = Optimisation(epochs=2, max_length=99, packing=True, activation_checkpointing="auto", lora={"rank": 8})
    assert arguments.training == expected


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program("Test.")
    program.add_settings("--generation", Generation)
    monkeypatch.setattr(sys, "argv", ["x", "--generation", '{"top_p": 2}'])
    with pytest.raises(UserError, match=r"--generation\.top_p: "):
        program.parse()
    monkeypatch.setattr(sys, "argv", ["x", "--top-p", "two"])
    with pytest.raises(UserError, match=r"--generation\.top_p: "):
        program.parse()


def test_provenance_has_the_declared_files_and_the_other_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("in", "more", "seen"):
        (tmp_path / name).write_text(name)
    program = Program("Test.")
    program.add_input("--read", "files", many=True)
    program.add_input("--maybe", "a file", optional=True)
    program.add_output("--made", "a file")
    program.add_argument("--seed", type=int)
    files = [str(tmp_path / name) for name in ("in", "more", "out")]
    monkeypatch.setattr(sys, "argv", ["x", "--read", *files[:2], "--made", files[2], "--seed=-3"])
    arguments = program.parse()
    program.reads(tmp_path / "seen")
    with program.recording(rows=1):
        arguments.made.write_text("made")
    record = json.loads((tmp_path / "out.provenance.json").read_text())
    assert record["inputs"] == {str(tmp_path / name): sha256_of(tmp_path / name) for name in ("in", "more", "seen")}
    assert record["options"] == {"--seed": ["-3"]} and record["rows"] == 1
    assert record["file_options"] == {"read": ["--read", "--maybe"], "made": ["--made"]}
    assert record["sha256"] == sha256_of(tmp_path / "out")


def test_options_are_told_apart_as_they_stand() -> None:
    assert options_of(["--a", "1", "2", "--b=--c", "--d"]) == {"--a": ["1", "2"], "--b": ["--c"], "--d": []}
