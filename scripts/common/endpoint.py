"""The one client of endpoints: requests side by side, sent again where that may help, their tokens counted.

The package `openai` sends, waits and retries; what comes back is read as plain JSON, since servers add fields of their
own. A mistake that no retry mends (a wrong key, no such model) ends the job in one sentence. The key is taken from the
environment and taken out of every message.
"""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NoReturn, TypeVar

from scripts.common.cli import UserError
from scripts.common.config.endpoint import Endpoint, Usage

Asked = TypeVar("Asked")
Result = TypeVar("Result")
Answer = dict[str, Any]

# What servers that take vLLM's parameters call themselves in the list of their models.
VLLM_LIKE = frozenset({"vllm", "sglang"})
_TOO_LONG = re.compile(
    r"context (?:length|size|window)|context_length|too long|(?:max\w*|exceed\w*)[ \w'-]*tokens", re.I
)
_PASSING = (408, 409, 429)  # beside those from 500 on: the server may take the same request another time
SHOWN = 300  # characters of a server's message


class TooLongError(UserError):
    """A request is longer than the model's context."""


class EndpointFault(Exception):
    """The server cannot be reached, or fails, or is too busy, also after all retries: another time it may work."""


class EndpointClient:
    """Asks one endpoint. May be used by many threads."""

    def __init__(self, settings: Endpoint) -> None:
        import openai

        self.settings = settings
        self.usage = Usage()
        """Of all answers so far."""
        self._key = os.environ.get(settings.key_variable, "").strip()
        self._lock = threading.Lock()
        self._client = openai.OpenAI(
            base_url=settings.base_url,
            api_key=self._key or "none",
            timeout=openai.Timeout(settings.timeout, connect=min(30.0, settings.timeout)),
            max_retries=settings.retries,
        )

    def ask(self, path: str, body: Answer) -> Answer:
        """Return the answer to a request, such as `ask("/completions", {...})`, its choices not empty.

        Keys whose value is None are not sent.
        Raises UserError for a mistake of settings (TooLongError for a prompt that is too long), EndpointFault where
        the server fails.
        """
        own = {name: value for name, value in body.items() if value is not None and name not in self.settings.omit}
        for attempt in range(self.settings.retries + 1):
            if attempt:
                time.sleep(min(0.5 * 2 ** (attempt - 1), 8))
            answer = self._sent(path, {**own, **self.settings.extra_body})
            if (fault := _fault(answer)) is None:
                break
            status, message = fault
            if attempt == self.settings.retries or (status < 500 and status not in _PASSING):
                self._refused(status, self._clean(message), path, _times(attempt + 1))
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
            self._no_endpoint(path, json.dumps(answer))
        used = usage_of(answer)
        with self._lock:
            self.usage += used
        return answer

    def models(self) -> list[Answer]:
        """Return what the server says of its models, nothing where it does not say."""
        try:
            listed = self._sent("/models").get("data")
        except UserError:
            return []
        return [model for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []

    def side_by_side(self, do: Callable[[Asked], Result], items: Sequence[Asked]) -> Iterator[tuple[int, Result]]:
        """Yield (place, do(item)) as they come, `concurrency` at a time. After an error no further one is begun."""
        with ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="endpoint") as pool:
            places: dict[Future[Result], int] = {pool.submit(do, item): place for place, item in enumerate(items)}
            waiting = set(places)
            try:
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield places.pop(future), future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _sent(self, path: str, body: Answer | None = None) -> Answer:
        import httpx2
        import openai

        url, every = self.settings.base_url, _times(self.settings.retries + 1)
        try:
            if body is None:
                response = self._client.get(path, cast_to=httpx2.Response)
            else:
                response = self._client.post(path, cast_to=httpx2.Response, body=body)
            text = response.text
        except openai.APITimeoutError as error:
            raise EndpointFault(
                f"the endpoint {url} gave no answer within {self.settings.timeout:g} s, {every}"
            ) from error
        except openai.APIStatusError as error:
            # Fewer than all where the server asks for a longer pause than two minutes: that is another day's work.
            retried = error.request.headers.get("x-stainless-retry-count", str(self.settings.retries))
            self._refused(error.status_code, self._message(error), path, _times(int(retried) + 1))
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise EndpointFault(
                f"the endpoint {url} cannot be reached, {every} ({self._clean(error.__cause__ or error)})"
            ) from error
        try:
            answer = json.loads(text)
        except json.JSONDecodeError:
            self._no_endpoint(path, text)
        if not isinstance(answer, dict):
            self._no_endpoint(path, text)
        return dict(answer)

    def _refused(self, status: int, message: str, path: str, times: str) -> NoReturn:
        """Raise what a status of the server's means."""
        url, variable = self.settings.base_url, self.settings.key_variable
        if status in (401, 403):
            key = f"the key in ${variable}" if self._key else f"a request without a key (${variable} is not set)"
            raise UserError(f"the endpoint {url} refuses {key}: {message}")
        if status == 404:
            raise UserError(
                f"the endpoint {url} has no such model or no {path}: {message}; a base_url mostly ends in /v1, and "
                "/models under it lists the models"
            )
        if status in _PASSING or status >= 500:
            what = "is asked too much" if status == 429 else "fails"
            raise EndpointFault(f"the endpoint {url} {what} (status {status}), {times}: {message}")
        mistake = TooLongError if status == 413 or _TOO_LONG.search(message) else UserError
        raise mistake(f"the endpoint {url} refuses a request (status {status}): {message}")

    def _message(self, error: Any) -> str:
        body = error.body
        inner = body.get("error", body) if isinstance(body, dict) else body
        said = inner.get("message") if isinstance(inner, dict) else inner
        return self._clean(said or error.response.text or "no reason given")

    def _clean(self, said: object) -> str:
        """Return what a server said in one line, cut, without the key."""
        text = str(said)
        if self._key:
            text = text.replace(self._key, "(the key)")
        text = " ".join(text.split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."

    def _no_endpoint(self, path: str, text: str) -> NoReturn:
        raise UserError(
            f"{self.settings.base_url}{path} does not answer as OpenAI's API does, but with '{self._clean(text)}': a "
            "base_url mostly ends in /v1"
        )


def takes_vllm_parameters(models: Sequence[Answer]) -> bool:
    """Tell whether a server says in its list of models that it is vLLM or takes the same parameters."""
    return any(str(model.get("owned_by", "")).lower() in VLLM_LIKE for model in models)


def _fault(answer: Answer) -> tuple[int, Any] | None:
    """Return status and message of an error that a server tells in an answer of status 200, as services do that pass
    requests on: in place of the choices, or in the first of them. Without a status of its own it counts as 502."""
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else answer
    error = first.get("error") or (answer.get("error") if not choices else None)
    if not error or not isinstance(error, dict):  # a text is what servers say of an address that they do not know
        return None
    code = str(error.get("code") or error.get("status"))
    return int(code) if re.fullmatch("[45][0-9][0-9]", code) else 502, error.get("message") or error


def _times(count: int) -> str:
    return "asked once" if count == 1 else f"asked {count} times"


def usage_of(answer: Answer) -> Usage:
    """Return what one answer took; a server that does not count gives none."""
    counted = answer.get("usage")
    tokens = [counted.get(name) if isinstance(counted, dict) else 0 for name in ("prompt_tokens", "completion_tokens")]
    return Usage(1, *(int(count) if isinstance(count, int | float) else 0 for count in tokens))


def text_of(choice: Answer) -> str:
    """Return the text of a choice, of a completion's or of a chat's; reasoning that came apart stands in <think>."""
    message = choice.get("message")
    if not isinstance(message, dict):
        return str(choice.get("text") or "")
    reasoning, content = message.get("reasoning_content") or message.get("reasoning"), message.get("content")
    if isinstance(content, list):  # in parts, of which those that are text count
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    content = content if isinstance(content, str) else ""
    return f"<think>\n{reasoning}\n</think>\n\n{content}" if isinstance(reasoning, str) and reasoning else content
