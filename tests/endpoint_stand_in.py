"""A local server that answers as an OpenAI-compatible one does, by a function of the test: no network, no model."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

NOW = {"retry-after-ms": "5"}
"""So that the client sends again at once."""


class Said(NamedTuple):
    """What the server says to one request."""

    body: Any
    """Sent as JSON; a text as it stands."""
    status: int = 200
    headers: dict[str, str] = {}
    delay: float = 0.0
    cut: int = 0
    """Bytes of the body that are never sent."""


class Asked(NamedTuple):
    """One request that came."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    number: int
    """How many came before it."""


Answering = Callable[[Asked], Said]


def completion(text: str, finish_reason: str = "stop", tokens: int = 7, **choice: Any) -> Said:
    """Return the answer of /completions."""
    return _with_choice({"text": text, "finish_reason": finish_reason, **choice}, tokens)


def chat(text: str | None, finish_reason: str = "stop", tokens: int = 7, **message: Any) -> Said:
    """Return the answer of /chat/completions."""
    whole = {"role": "assistant", "content": text, **message}
    return _with_choice({"message": whole, "finish_reason": finish_reason}, tokens)


def _with_choice(choice: dict[str, Any], tokens: int) -> Said:
    usage = {"prompt_tokens": 11, "completion_tokens": tokens, "total_tokens": 11 + tokens}
    return Said({"id": "x", "object": "y", "choices": [{"index": 0, **choice}], "usage": usage})


def refusal(status: int, message: str, **headers: str) -> Said:
    """Return an error as OpenAI's API tells it."""
    return Said({"error": {"message": message, "type": "t", "code": "c"}}, status, headers)


class StandIn:
    """A server at `base_url`; `asked` are the requests so far, `most` how many were under way at a time at most."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.asked: list[Asked] = []
        self.most = self._under_way = 0
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._say(outer.answering(Asked(self.path, {}, dict(self.headers), -1)))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    asked = Asked(self.path, body, headers, len(outer.asked))
                    outer.asked.append(asked)
                    outer._under_way += 1
                    outer.most = max(outer.most, outer._under_way)
                try:
                    said = outer.answering(asked)
                    time.sleep(said.delay)
                finally:
                    with lock:
                        outer._under_way -= 1
                self._say(said)

            def _say(self, said: Said) -> None:
                text = said.body if isinstance(said.body, str) else json.dumps(said.body)
                content = text.encode()
                try:
                    self.send_response(said.status)
                    for name, value in {"Content-Type": "application/json", **said.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content[: len(content) - said.cut])
                    self.close_connection = self.close_connection or bool(said.cut)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client did not wait

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(answering: Answering) -> Iterator[StandIn]:
    """Yield a server that answers by a function of the request."""
    server = StandIn(answering)
    server.start()
    try:
        yield server
    finally:
        server.stop()
