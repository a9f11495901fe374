"""Settings of what cuts chains into steps: the trained rules that come with the project, or a language model."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Discriminator, Field, Tag

from scripts.common.config.asked import AskedModel


class ModelSegmenter(AskedModel):
    """A language model behind an endpoint that is asked where a chain's steps begin and what they do."""

    prompt: str | None = None
    """A text file that replaces the instructions (default: scripts/select/limopro/segment_prompt.md)."""
    window: int = Field(default=200, ge=10)
    """Units (sentences, lines, displays) of a chain in one request; a longer chain takes several."""
    tries: int = Field(default=3, ge=1)
    """How often the units of a request are asked about until an answer can be used."""
    max_unanswered: float = Field(default=0.05, ge=0, le=1)
    """Share of chains that may stay without a usable answer: they are taken whole, as derivation, and counted."""


RULES: Literal["rules"] = "rules"

if TYPE_CHECKING:
    Segmenter = Literal["rules"] | ModelSegmenter
else:
    # A tag for each, so that a mistake in a model's keys is told as that and not as "should be 'rules'".
    Segmenter = Annotated[
        Annotated[Literal["rules"], Tag("rules")] | Annotated[ModelSegmenter, Tag("a model")],
        Discriminator(lambda value: "rules" if isinstance(value, str) else "a model"),
    ]
