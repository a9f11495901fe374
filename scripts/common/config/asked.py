"""Settings of a language model behind an endpoint that is asked to read rows and to answer in JSON."""

from typing import Literal

from pydantic import Field, field_validator

from scripts.common.config.base import Settings
from scripts.common.config.endpoint import Endpoint
from scripts.common.here import why_no_file


class AskedModel(Settings):
    """A language model behind an endpoint."""

    model: str = Field(min_length=1)
    """The model's name at the endpoint."""
    endpoint: Endpoint
    """Where it answers."""
    prompt: str | None = None
    """A text file that replaces the instructions that come with the project."""
    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the form of an answer is asked for: by a schema that the server enforces (vLLM, OpenAI), as any JSON, or in
    the instructions only. Whichever it is, every answer is checked."""
    max_tokens: int = Field(default=8192, gt=0)
    """Longest answer in tokens, reasoning included."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature."""
    tries: int = Field(default=3, ge=1)
    """How often a request is put until an answer can be used."""
    max_unanswered: float = Field(default=0.05, ge=0, le=1)
    """Share of rows that may stay without a usable answer; they are counted."""

    @field_validator("prompt")
    @classmethod
    def _prompt_is_there(cls, prompt: str | None) -> str | None:
        if prompt and (why := why_no_file(prompt)):
            raise ValueError(why)
        return prompt
