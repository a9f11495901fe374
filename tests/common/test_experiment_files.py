"""Experiment files as people save them: whatever a file holds, an `Experiment` or sentences with their lines, no traceback."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import read_experiment
from scripts.common.config.reading import read_document

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "config.yaml").read_text(encoding="utf-8")
FILES = [ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]


def sentences(folder: Path, content: str | bytes) -> str:
    """Return what is said of an experiment file with this content; nothing where it is one."""
    path = folder / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        assert isinstance(read_experiment(path), Experiment)
    except UserError as mistake:
        return str(mistake)
    return ""


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_file_of_the_repository_is_read_as_any_yaml_reader_reads_it() -> None:
    for path in FILES:
        assert read_document(path).config == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_with_a_byte_order_mark_or_windows_line_ends_it_is_the_same(tmp_path: Path) -> None:
    for content in (b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()):
        assert sentences(tmp_path, content) == ""


UNREADABLE = {
    "a key twice": (GOOD + "\nseed: 3\n", "seed: this key stands twice, on lines 9 and "),
    "a key twice inside": (GOOD.replace("  method: limopro", "  method: limopro\n    size: 7"), "subsets.limopro.size: this key stands twice, on lines"),
    "a merge twice": (GOOD + "\nmodels:\n  a: &a {name: x, revision: r}\n  b:\n    <<: *a\n    <<: {revision: s}\n", "models.b.<<: this key stands twice"),
    "a number of base 8": (GOOD.replace("seed: 1\n", "seed: 010\n"), "column 7: YAML reads 010 as 8: write a number without"),
    "a number of base 60": (GOOD.replace("limit: 2000", "limit: 20:00"), "YAML reads 20:00 as 1200"),
    "a fraction of base 60": (GOOD.replace("learning_rate: 2e-3", "learning_rate: 1:30.5"), "YAML reads 1:30.5 as 90.5"),
    "a set": (GOOD.replace("authors: [sft-report]", "authors: !!set {a, b}"), "line 8, column 10: a set has no order: write a list"),
    "a quoted key twice": (GOOD + "\n'seed': 3\n", "seed: this key stands twice"),
    "a key twice in brackets": (GOOD.replace("{operations: 4,", "{operations: 4, operations: 5,"), "evaluation.benchmarks.chains.demo.operations: this key stands twice"),
    "Latin-1": (GOOD.replace("tiny model?", "tiny modèle?").encode("latin-1"), "is not UTF-8: line 7 holds the byte 0xe8"),
    "UTF-16": (GOOD.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "UTF-16"),
    "deep brackets": ("name: x\ntitle: " + "[" * 1500 + "]" * 1500, "line 2, column 47: it is not valid YAML: nested over 40 deep"),
    "deep brackets, never closed": ("name: " + "{a: " * 100_000, "nested over 40 deep"),
    "deep lists in lines": ("name:\n" + "\n".join("  " * k + "-" for k in range(600)), "nested over 40 deep"),
    "not closed": ("name: x\ntitle: [a\nseed: 1\n", "line 3, column 5: it is not valid YAML"),
    "a tab": ("name: x\ndataset:\n\tsource: demo\n", "line 3, column 1: it is not valid YAML"),
    "a colon": ("name: x\ntitle: Pruning: good or bad?\n", "line 2, column 15: it is not valid YAML"),
    "a control character": ("name: x\ntitle: a\x07b\n", "line 2: it is not valid YAML: the character '\\x07'"),
    "two documents": (GOOD + "---\n" + GOOD, "it is not valid YAML: expected a single document"),
    "no such alias": ("name: *x\n", "line 1, column 7: it is not valid YAML: found undefined alias"),
    "an alias in itself": ("name: &x\n- *x\n", "line 1, column 7: an alias stands inside what it names"),
    "aliases of aliases": ("".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9) if k else 1}]\n" for k in range(9)), "over 50,000 values"),
    "Python in the file": ("__use_yte__: true\n" + GOOD, "line 1, column 1: '__use_yte__' would run Python code"),
    "Python in a tag": ("name: !!python/object/apply:os.getcwd []\n", "could not determine a constructor for the tag"),
    "no such day": ("name: 2024-13-45\n", "line 1, column 7: '2024-13-45' is no value: month must be in 1..12"),
    "a number of 5,000 digits": ("seed: " + "1" * 5000, "line 1, column 7"),
    "a number of 9,000 bits": ("seed: 0x" + "f" * 2250, "line 1, column 7"),
    "a key of several values": ("? [a, b]\n: 1\n", "line 1, column 3: a key must be a text"),
    "a list": ("- name: x\n", "it holds no keys"),
    "nothing": ("", "it holds no keys"),
    "only a comment": ("# name: x\n", "it holds no keys"),
    "a data set": ('{"question": "a", "response": "b"}\n' * 40_000, "is no experiment file: it has 1,400,000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    content, sentence = UNREADABLE[name]
    said = sentences(tmp_path, content)
    assert sentence in said and "Traceback" not in said and len(said) < 500, said


def test_numbers_that_mean_what_they_say_are_read(tmp_path: Path) -> None:
    file = tmp_path / "e.yaml"
    file.write_text(
        GOOD.replace("seed: 1\n", "seed: 007\n").replace("authors: [sft-report]", "authors: ['010', '1:30']")
    )
    experiment = read_experiment(file)
    assert experiment.seed == 7 and experiment.authors == ["010", "1:30"]


def test_json_is_yaml_too(tmp_path: Path) -> None:
    import json

    config = yaml.safe_load(GOOD)
    assert sentences(tmp_path, json.dumps(config)) == sentences(tmp_path, json.dumps(config, indent="\t")) == ""
    doubled = json.dumps(config, indent=2).replace('"seed": 1', '"seed": 1,\n  "seed": 2')
    assert "seed: this key stands twice, on lines" in sentences(tmp_path, doubled)


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD.replace("epochs: 2", "epochs: .inf").replace("samples: 4", "samples: 0", 1).replace("title:", "titel:")
        + "seed: 2\n"
    )
    said = sentences(tmp_path, text).splitlines()
    assert said[0] == "the experiment file has mistakes:"
    assert (
        said[1]
        == f"  - seed: this key stands twice, on lines {line_of(text, 'seed: 1')} and {line_of(text, 'seed: 2')}"
    )
    assert f"  - training.epochs (line {line_of(text, 'epochs')}): inf should be a finite number" in said
    assert (
        f"  - evaluation.benchmarks.chains.samples (line {line_of(text, 'samples')}): 0 should be greater"
        in "\n".join(said)
    )
    assert f"titel (line {line_of(text, 'titel')}): unknown key; did you mean 'title'?" in "\n".join(said)
    assert "title: this key is required" in "\n".join(said) and len(said) == 6


def test_of_a_key_that_the_command_line_sets_no_line_is_told(tmp_path: Path) -> None:
    from scripts.common.config.load import ConfigError, load_experiment

    (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8")
    document = read_document(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match=r"- seed: -1 should be"):
        load_experiment({**document.config, "seed": -1}, [document])


ODD = [None, True, "", " ", "-x", "x" * 300, "a\nb", "\u202e", "{a}", 0, -1, 2**70, 10**400, 1e308, float("inf"), float("nan"), [], [[]], {}, {"a": {}}, {1: 2, None: 3}, [None], ["", 1], "null", "~", "2024-01-01", 0.1, "..", "/", "🙂"]  # fmt: skip


def places(config: Any, key: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values."""
    entries = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else []
    return [place for part, value in entries for place in [(*key, part), *places(value, (*key, part))]]


VALUES = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=20)
WIDE = {"suppress_health_check": list(HealthCheck), "deadline": None, "derandomize": True, "database": None}


@settings(max_examples=1000, **WIDE)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["value", "key", "drop"]), VALUES), min_size=1, max_size=3),
)
def test_fuzz_values(tmp_path: Path, file: Path, changes: list[tuple[float, str, Any]]) -> None:
    """Values, names and keys of any kind in any place."""
    config = copy.deepcopy(yaml.safe_load(file.read_text(encoding="utf-8")))
    for share, how, value in changes:
        found = places(config)
        if not found:
            break
        *around, last = found[int(share * (len(found) - 1))]
        place = config
        for part in around:
            place = place[part]
        if how == "drop":
            del place[last]
        elif how == "key" and isinstance(place, dict) and not isinstance(value, list | dict):
            place[value] = place.pop(last)
        else:
            place[last] = copy.deepcopy(value)
    sentences(tmp_path, yaml.dump(config, Dumper=yaml.CSafeDumper, allow_unicode=True))


@settings(max_examples=1000, **WIDE)
@given(st.sampled_from(FILES), st.data())
def test_fuzz_bytes(tmp_path: Path, file: Path, data: st.DataObject) -> None:
    """Bytes put in, left out, lines doubled, moved and cut."""
    content = file.read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 40))
        lines = content.splitlines(keepends=True) or [b""]
        line = data.draw(st.integers(0, len(lines) - 1))
        content = data.draw(
            st.sampled_from(
                [
                    content[:start] + content[start + length :],
                    content[:start] + data.draw(st.binary(max_size=6)) + content[start:],
                    content[:start] + data.draw(st.sampled_from([b"[", b"{", b": ", b"&a ", b"*a", b"\t", b"- ", b"!!", b"'", b"| ", b"<<: ", b"%"])) + content[start:],
                    b"".join([*lines[: line + 1], *lines[line:]]),
                    b"".join([*lines[line:], *lines[:line]]),
                    content[:start],
                ]
            )
        )  # fmt: skip
    sentences(tmp_path, content)


@pytest.mark.parametrize("name", ["deep brackets", "Python in the file", "a key twice"])
def test_snakemake_says_it_too(name: str, tmp_path: Path) -> None:
    """It reads the file before any rule of ours; `profiles/default` is what it reads before that."""
    content, sentence = UNREADABLE[name]
    (tmp_path / "x.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-n",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--configfile",
        "x.yaml",
    ]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    said = done.stdout + done.stderr
    assert done.returncode and sentence in said and "Traceback" not in said, said


@pytest.mark.parametrize("program", ["plan", "status", "resume", "verify"])
def test_a_file_that_is_not_there_is_a_sentence(program: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"scripts.manage.{program}", "--config", str(tmp_path / "no.yaml")]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 2 and done.stderr.startswith("error: there is no experiment file"), done.stderr
