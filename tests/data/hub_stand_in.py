"""A stand-in for the hub on 127.0.0.1: the endpoints that fetching a data set uses, and one broken connection."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(BaseHTTPRequestHandler):
    """Serves one data set at one commit."""

    server: Any

    def do_HEAD(self) -> None:
        """Say a file's size and commit."""
        self._serve(with_body=False)

    def do_GET(self) -> None:
        """Send the data set's card, or a file from where it is asked for."""
        self._serve(with_body=True)

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def _send(self, status: int, body: bytes, with_body: bool, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body)), "X-Repo-Commit": COMMIT} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body:
            return
        if status == 200 and self.server.breaks > 0 and len(body) > 2**16:
            self.server.breaks -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body)

    def _serve(self, with_body: bool) -> None:
        path, name = self.path.split("?")[0], self.server.name
        if path in (f"/api/datasets/{name}", f"/api/datasets/{name}/revision/{COMMIT}"):
            siblings = [{"rfilename": file} for file in self.server.files]
            card = {"id": name, "sha": COMMIT, "cardData": self.server.card, "siblings": siblings}
            self._send(200, json.dumps(card).encode(), with_body, {"Content-Type": "application/json"})
            return
        if path.startswith(tree := f"/api/datasets/{name}/tree/{COMMIT}"):
            folder = path.removeprefix(tree).strip("/")
            inside = {
                file.removeprefix(f"{folder}/"): body
                for file, body in self.server.files.items()
                if file.startswith(folder)
            }
            listed = [
                {"type": "file", "path": f"{folder}/{file}".strip("/"), "size": len(body), "oid": "0"}
                for file, body in inside.items()
                if "/" not in file
            ]
            folders = {file.split("/")[0] for file in inside if "/" in file}
            listed += [{"type": "directory", "path": each, "size": 0, "oid": "0"} for each in folders]
            self._send(200, json.dumps(listed).encode(), with_body, {"Content-Type": "application/json"})
            return
        prefix = f"/datasets/{name}/resolve/{COMMIT}/"
        if path.startswith(prefix) and self.server.gated:
            self._send(401, b"{}", with_body, {"X-Error-Code": "GatedRepo", "X-Error-Message": "access is restricted"})
            return
        body = self.server.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None
        if body is None:
            code = "EntryNotFound" if path.startswith(prefix) else "RepoNotFound"
            if path.startswith(f"/api/datasets/{name}/"):
                code = "RevisionNotFound"
            self._send(404, b"{}", with_body, {"X-Error-Code": code, "X-Error-Message": "not found"})
            return
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "Accept-Ranges": "bytes"}
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if with_body:
            self.server.starts.append(int(start[1]) if start else 0)
        if start:
            headers["Content-Range"] = f"bytes {start[1]}-{len(body) - 1}/{len(body)}"
            self._send(206, body[int(start[1]) :], with_body, headers)
        else:
            self._send(200, body, with_body, headers)


@contextmanager
def hub(
    files: dict[str, bytes], card: dict[str, Any], breaks: int = 0, name: str = "owner/chains", gated: bool = False
) -> Iterator[ThreadingHTTPServer]:
    """Serve `files` as the data set `name` and break the first `breaks` downloads of more than 64 KiB half-way.

    `starts` of the server holds the byte at which each download began.
    """
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.card, server.breaks, server.starts = files, card, breaks, []
    server.name, server.gated = name, gated
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
