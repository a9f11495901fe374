"""fetch_benchmark as it is run, with the real client of the hub, against a stand-in for it."""

import base64
import io
import json
import os
import pickle
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.questions import read_questions, unpack_tests
from tests.data.hub_stand_in import COMMIT, hub

pytestmark = pytest.mark.workflow


def parquet(*rows: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


def readme(subset: str, split: str) -> bytes:
    split_files = f"data_files: [{{split: {split}, path: {subset}/*.parquet}}]"
    return f"---\nlicense: cc\nconfigs:\n- config_name: {subset}\n  {split_files}\n---\n".encode()


def fetch(server: Any, folder: Path, *options: str) -> subprocess.CompletedProcess:
    own = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(folder / "cache")}
    environment = os.environ | own | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "scripts.data.fetch_benchmark", *options, "--output", str(folder / "test.jsonl")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_livecodebench(tmp_path: Path) -> None:
    case = {"input": "1 2", "output": "3", "testtype": "stdin"}
    private = base64.b64encode(zlib.compress(pickle.dumps(json.dumps([case])))).decode()
    row = {"question_id": "a", "question_content": "Add.", "starter_code": "", "difficulty": "easy", "metadata": "{}"}
    row |= {"public_test_cases": "[]", "private_test_cases": private}
    files = {
        "README.md": readme("v4_v5", "test"),
        "v4_v5/test-0.parquet": parquet(row, row | {"question_id": "b", "question_content": "Add both."}),
    }
    with hub(files, {"license": "cc"}, name="lighteval/code_generation_lite") as server:
        done = fetch(server, tmp_path, "--task", "lcb:codegeneration", "--kind", "code")
    assert done.returncode == 0, done.stderr
    questions = read_questions(tmp_path / "test.jsonl", with_tests=True)
    assert [unpack_tests(question.tests or "") for question in questions] == [[("1 2", "3")]] * 2
    facts = json.loads((tmp_path / "test.jsonl.provenance.json").read_text())
    assert facts["sources"] == {"lighteval/code_generation_lite": {"commit": COMMIT, "licence": "cc"}}


def test_gpqa_without_access(tmp_path: Path) -> None:
    files = {"README.md": readme("gpqa_diamond", "train"), "gpqa_diamond/train.parquet": parquet({"Question": "?"})}
    with hub(files, {}, name="Idavidrein/gpqa", gated=True) as server:
        done = fetch(server, tmp_path, "--task", "gpqa:diamond", "--kind", "choice")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "is gated: ask for access at https://huggingface.co/datasets/Idavidrein/gpqa" in done.stderr
    assert not (tmp_path / "test.jsonl").exists()
