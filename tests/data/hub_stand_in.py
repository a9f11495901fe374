"""A stand-in for the hub on 127.0.0.1: the endpoints that fetching uses, and broken connections."""

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
    """Serves one repository, as a data set and as a model, at one commit."""

    server: Any

    def do_HEAD(self) -> None:
        """Say a file's size and commit."""
        self._serve(with_body=False)

    def do_GET(self) -> None:
        """Send the repository's card, or a file from where it is asked for."""
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

    def _list(self, folder: str, recursive: bool) -> list[dict[str, Any]]:
        """Return what the hub says of a folder: its files and, where it does not descend into them, its folders."""
        inside = {
            file.removeprefix(f"{folder}/"): body
            for file, body in self.server.files.items()
            if file.startswith(f"{folder}/" if folder else "")
        }
        listed = [
            {
                "type": "file",
                "path": f"{folder}/{file}".strip("/"),
                "size": len(body),
                "oid": hashlib.sha1(body).hexdigest(),
            }
            for file, body in inside.items()
            if recursive or "/" not in file
        ]
        folders = {file.split("/")[0] for file in inside if "/" in file and not recursive}
        return listed + [{"type": "directory", "path": each, "size": 0, "oid": "0"} for each in sorted(folders)]

    def _serve(self, with_body: bool) -> None:
        path, name = self.path.split("?")[0], re.escape(self.server.name)
        api = rf"/api/(?:datasets|models)/{name}"
        if re.fullmatch(rf"{api}(/revision/{COMMIT})?", path):
            siblings = [{"rfilename": file} for file in self.server.files]
            card = {"id": self.server.name, "sha": COMMIT, "cardData": self.server.card, "siblings": siblings}
            self._send(200, json.dumps(card).encode(), with_body, {"Content-Type": "application/json"})
            return
        if tree := re.fullmatch(rf"{api}/tree/{COMMIT}(.*)", path):
            listed = self._list(tree[1].strip("/"), recursive="recursive=true" in self.path.lower())
            self._send(200, json.dumps(listed).encode(), with_body, {"Content-Type": "application/json"})
            return
        file = re.fullmatch(rf"(?:/datasets)?/{name}/resolve/{COMMIT}/(.+)", path)
        if file and self.server.gated:
            self._send(401, b"{}", with_body, {"X-Error-Code": "GatedRepo", "X-Error-Message": "access is restricted"})
            return
        body = self.server.files.get(file[1]) if file else None
        if body is None:
            code = "EntryNotFound" if file else "RepoNotFound"
            if re.match(f"{api}/", path):
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
