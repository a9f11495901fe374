"""Publishing against a stand-in for the hub: what arrives, and that the token arrives there and nowhere else."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hf_a-secret-of-the-user"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Takes new repositories and commits of small files, from the one who has the token."""

    server: Any

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """Answer the calls of create_repo and upload_folder."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": f"Invalid credentials in {self.headers.get('Authorization')}"})
            return
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            self.server.repositories.append(asked)
            self._answer(200, {"url": f"{self.server.address}/{asked['organization']}/{asked['name']}"})
        elif self.path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})
        elif "/commit/" in self.path:
            lines = [json.loads(line) for line in body.splitlines()]
            files = {line["value"]["path"]: line["value"]["content"] for line in lines if line["key"] == "file"}
            self.server.files[self.path.split("/commit/")[0]] = {
                name: base64.b64decode(text) for name, text in files.items()
            }
            self._answer(
                200,
                {
                    "commitUrl": f"{self.server.address}/someone/name/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "success": True,
                },
            )
        else:
            self._answer(404, {"error": f"the stand-in knows no {self.path}"})

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    server.repositories, server.files = [], {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def publish(hub: Any, folder: Path, receipt: Path, token: str | None, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    environment |= {"HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(folder.parent / "hf")}
    if token:
        environment["HF_TOKEN"] = token
    command = [sys.executable, "-m", "scripts.train.publish", "--folder", str(folder), "--receipt", str(receipt)]
    command += ["--repository", "someone/demo-limopro-t1", *more]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "README.md").write_text("---\nlibrary_name: transformers\n---\n# A run\n")
    (made / "config.json").write_text('{"model_type": "qwen2"}')
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 8)
    return made


@pytest.mark.parametrize(("kind", "more", "visible"), [("model", (), "private"), ("dataset", ("--public",), "public")])
def test_the_folder_arrives_whole(hub: Any, folder: Path, tmp_path: Path, kind: str, more: tuple, visible: str) -> None:
    receipt = tmp_path / "published.json"
    done = publish(hub, folder, receipt, TOKEN, "--kind", kind, *more)
    assert done.returncode == 0, done.stderr
    (repository,) = hub.repositories
    assert (repository["organization"], repository["name"], repository["type"]) == ("someone", "demo-limopro-t1", kind)
    assert repository["visibility"] == visible
    assert hub.files == {
        f"/api/{kind}s/someone/demo-limopro-t1": {path.name: path.read_bytes() for path in folder.iterdir()}
    }
    assert json.loads(receipt.read_text())["commit"] == COMMIT
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 5 and not any(TOKEN.encode() in content for content in written), "receipt and provenance"
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("token", "sentence"),
    [(None, "set the environment variable HF_TOKEN"), ("hf_not-the-right-one", "could not be pushed to 'someone/")],
)
def test_without_a_good_token_it_is_told(
    hub: Any, folder: Path, tmp_path: Path, token: str | None, sentence: str
) -> None:
    receipt = tmp_path / "published.json"
    done = publish(hub, folder, receipt, token, "--kind", "model")
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
    assert not receipt.exists() and "hf_not-the-right-one" not in done.stderr
