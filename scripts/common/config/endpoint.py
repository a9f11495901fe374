"""Settings of an endpoint: a server that answers as OpenAI's API does, such as `vllm serve`."""

import re
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from scripts.common.config.base import Settings


class Usage(NamedTuple):
    """What answers took, as the server counts it."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: object) -> "Usage":
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(*(own + others for own, others in zip(self, other, strict=True)))


MANNER = (
    "concurrency",
    "timeout",
    "retries",
    "cost_per_million_input_tokens",
    "cost_per_million_output_tokens",
)
"""Keys of an endpoint that say how it is asked and what that costs, and change no answer."""

_SECRET = re.compile(r"api[_-]?key|secret|password|authori[sz]ation|credential", re.IGNORECASE)
Asked = TypeVar("Asked", bound="Endpoint")


class Endpoint(Settings):
    """A server that answers as OpenAI's API does: `vllm serve`, llama.cpp's, SGLang, a service.

    Its key comes from the environment and stands in no file.
    """

    base_url: str
    """Its address, mostly one that ends in /v1, such as http://localhost:8000/v1."""
    key_variable: str = "OPENAI_API_KEY"
    """The variable of the environment that holds the key; a server without keys needs none."""
    concurrency: int = Field(default=16, gt=0, le=1024)
    """Requests under way at a time."""
    timeout: float = Field(default=1800, gt=0)
    """Seconds within which an answer must come. One that is given up is asked for, and maybe paid, again."""
    retries: int = Field(default=8, ge=0)
    """How often a request is sent again after a time-out, a refused connection, too many requests or a fault of the
    server, after 0.5 s, then 1 s, ... up to 8 s, or as long as the server asks for."""
    cost_per_million_input_tokens: float | None = Field(default=None, ge=0)
    """Price of a million tokens of prompts."""
    cost_per_million_output_tokens: float | None = Field(default=None, ge=0)
    """Price of a million tokens of answers."""
    extra_body: dict[str, Any] = {}
    """Further keys of every request, such as reasoning_effort. They go before ours."""
    omit: list[str] = []
    """Keys of ours that are not sent, for servers that refuse them, such as temperature or seed."""

    @field_validator("base_url")
    @classmethod
    def _is_an_address_without_secrets(cls, base_url: str) -> str:
        try:
            parts = urlsplit(base_url)
            _ = parts.port
        except ValueError:
            raise ValueError("this is no address, such as http://localhost:8000/v1") from None
        if parts.username or parts.password or parts.query or parts.fragment:
            # It is recorded with the results, so the message does not repeat it either.
            raise ValueError(
                "the address holds more than host and path, maybe a key: keys belong into the environment, see "
                "key_variable"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, base_url)):
            raise ValueError(f"'{base_url}' is no address, such as http://localhost:8000/v1")
        return base_url.rstrip("/")

    @field_validator("key_variable")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        # What stands here by mistake may be the key, so the message does not repeat it.
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name):
            raise ValueError("this is no variable's name; the key itself stands in no file")
        return name

    @field_validator("extra_body")
    @classmethod
    def _no_key_is_recorded(cls, body: dict[str, Any]) -> dict[str, Any]:
        if secret := [name for name in body if _SECRET.search(name)]:
            raise ValueError(f"'{secret[0]}' would be recorded with the results: keys belong into the environment")
        return body

    def manner(self) -> dict[str, Any]:
        """Return the keys that change no answer."""
        return self.model_dump(include=set(MANNER), exclude_none=True)

    def without_manner(self: Asked) -> Asked:
        """Return the endpoint with the keys that change no answer at their defaults."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in MANNER})

    def cost(self, usage: Usage) -> float | None:
        """Return what the tokens of `usage` cost, None where no price is given."""
        prices = (self.cost_per_million_input_tokens, self.cost_per_million_output_tokens)
        if prices == (None, None):
            return None
        return ((prices[0] or 0) * usage.input_tokens + (prices[1] or 0) * usage.output_tokens) / 1e6

    def account(self, usage: Usage) -> dict[str, float]:
        """Return `usage`, with its cost where there are prices, as a job records it."""
        cost = self.cost(usage)
        return usage._asdict() | ({} if cost is None else {"cost": round(cost, 6)})
