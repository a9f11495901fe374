"""Asks a language model behind an endpoint; every answer is kept by what was asked, and its tokens are counted."""

import json
import re
import threading
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.answered import Answered, key_of
from scripts.common.config.asked import AskedModel
from scripts.common.config.endpoint import Usage
from scripts.common.endpoint import EndpointClient, TooLongError, text_of, usage_of

Messages = list[dict[str, str]]
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)


class Reply(NamedTuple):
    """What the model answered to one request."""

    text: str
    finish_reason: str
    """`stop`; `length` where the answer was cut off; `too long` where the request did not fit the model's context."""


class Unusable(Exception):
    """An answer that cannot be used; the message says why, also to the model."""


def object_in(text: str) -> Any:
    """Return the JSON of an answer, behind its thinking or in fences. Raises Unusable where there is none."""
    text = _THOUGHT.sub("", text)
    if fenced := _FENCED.match(text):
        text = fenced[1]
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise Unusable("it is not one JSON object") from None


class Asking:
    """Asks one model for answers of one form. May be used by many threads; what was answered is not asked again."""

    def __init__(self, settings: AskedModel, name: str, schema: dict[str, Any], seed: int, work: Path) -> None:
        """`name` and `schema` say the form of an answer; answers are kept in `work`."""
        self.settings, self._seed = settings, seed
        self._form = {
            "json_schema": {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}},
            "json_object": {"type": "json_object"},
            "none": None,
        }[settings.response_format]
        self.client = EndpointClient(settings.endpoint)
        self.answered = Answered(work / "answers.jsonl")
        self._earlier = Usage()
        self._lock = threading.Lock()

    @property
    def usage(self) -> Usage:
        """What all answers that were used took, those of earlier attempts included."""
        return self.client.usage + self._earlier

    def ask(self, messages: Messages, number: int) -> Reply:
        """Return the answer to `messages`; `number` says which try this is, from 0, and draws another answer."""
        body, endpoint = self._body(messages, number), self.settings.endpoint
        key = key_of(endpoint.base_url, endpoint.extra_body, endpoint.omit, body)
        record = self.answered.get(key)
        if record is None:
            record = self._fresh(body)
            self.answered.keep(key, record)
        else:
            with self._lock:
                self._earlier += Usage(*record["usage"])
        return Reply(record["text"], record["finish_reason"])

    def _body(self, messages: Messages, number: int) -> dict[str, Any]:
        settings = self.settings
        return {
            "model": settings.model,
            "messages": messages,
            "max_tokens": settings.max_tokens,
            "temperature": settings.temperature,
            "seed": self._seed + number,
            "response_format": self._form,
        }

    def _fresh(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self.client.ask("/chat/completions", body)
        except TooLongError:
            return {"text": "", "finish_reason": "too long", "usage": Usage()}
        choice = answer["choices"][0]
        reason = str(choice.get("finish_reason") or "stop")
        return {"text": text_of(choice), "finish_reason": reason, "usage": usage_of(answer)}
