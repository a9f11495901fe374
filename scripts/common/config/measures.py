"""Settings of what models find out about the pool's rows before a method chooses among them.

Each is a table of its own, named by the settings that its numbers hang on: subsets with the same ones share a table,
and a changed setting makes another one and leaves every other subset as it is.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from scripts.common.config.asked import AskedModel
from scripts.common.config.base import Settings
from scripts.common.config.model import EvaluatedModel, is_gguf, is_local
from scripts.common.content import sha256_of


class OfRows(Settings):
    """Which rows are looked at."""

    rows: int | None = Field(default=None, gt=0)
    """So many clean rows, drawn by seed, are looked at by a model; the others are never taken (default: all)."""


class ByModel(OfRows):
    """What a model does to the rows here."""

    model: EvaluatedModel | None = None
    """The model that looks at the rows (default: the experiment's model)."""
    shards: int = Field(default=1, ge=1)
    """In how many jobs the model looks at the rows."""

    @field_validator("model")
    @classmethod
    def _model_is_here(cls, model: EvaluatedModel | None) -> EvaluatedModel | None:
        if model and model.served:
            raise ValueError("the model of a method cannot be served: it is run here")
        return model

    def whose(self) -> str:
        """Return in words which model looks at the rows."""
        if self.model is None:
            return "the experiment's model"
        return Path(self.model.name).name if is_local(self.model.name) else self.model.name


class Sampled(ByModel):
    """How often questions are asked."""

    samples: int = Field(default=4, ge=1)
    """pass_rate: answers per question, drawn as evaluation.generation says, by evaluation.engine."""
    max_new_tokens: int | None = Field(default=None, gt=0)
    """pass_rate: longest answer in tokens; a longer one counts as wrong (default: as in evaluation.generation)."""


class Judged(OfRows):
    """Who judges rows."""

    judge: AskedModel
    """The language model that reads question and response (default prompt: scripts/select/quality_rubric.md). It
    answers with a whole score from 1 to 10 and a reason. Rows without a usable answer are never taken."""


class Measure(OfRows):
    """One table about rows of the clean pool, made before methods choose."""

    rule: ClassVar[str]
    """The rule whose jobs cost."""
    file: ClassVar[str]
    """The table, by its name in the layout."""

    @classmethod
    def by(cls, keys: Settings, **more: Any) -> Self:
        """Return the measure that a method with these keys asks for."""
        return cls(**{name: getattr(keys, name) for name in cls.model_fields if name not in more}, **more)

    def known_by(self) -> dict[str, Any]:
        """Return what the table's numbers hang on; a model is known by what is in its files, not by where they lie."""
        return self.model_dump(mode="json")

    def key(self) -> str:
        """Return 8 hex digits for these settings: the name of the table."""
        known = json.dumps([self.rule, self.known_by()], sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest()[:8]

    def own_model(self) -> EvaluatedModel | None:
        """Return the model that is named, None for the experiment's own, or where none is run here."""
        return None

    def model_name(self) -> str:
        """Return what the model is called in the graph."""
        model = self.own_model()
        if model is None:
            return "base"
        digest = hashlib.sha256(json.dumps(_known_model(model), sort_keys=True).encode()).hexdigest()[:6]
        stem = re.sub(r"[^a-z0-9]+", "-", Path(model.name).stem.lower()).strip("-")[:40]
        return f"{stem or 'model'}-{digest}"


class _OfModel(Measure, ByModel):
    """A measure by a model that runs here."""

    def own_model(self) -> EvaluatedModel | None:
        return self.model

    def known_by(self) -> dict[str, Any]:
        return super().known_by() | {"model": _known_model(self.model) if self.model else None}


class Sampling(_OfModel, Sampled):
    """Pass rates: a model answers questions of the pool several times, and the judge of mathematics decides."""

    rule: ClassVar[str] = "sample_pool"
    file: ClassVar[str] = "pass_rates"


class Losses(_OfModel):
    """The mean loss of a text of each row."""

    rule: ClassVar[str] = "score_responses"
    file: ClassVar[str] = "losses"
    of: Literal["response", "alone", "answer"]
    """What is read: response, the response after its prompt; alone, the response without one; answer, the final answer
    right after the question, without any chain."""


class Embedding(_OfModel):
    """A vector for the question of each row."""

    rule: ClassVar[str] = "embed_questions"
    file: ClassVar[str] = "embeddings"


class Judging(Measure, Judged):
    """A score for each row by a language model that reads it."""

    rule: ClassVar[str] = "judge_quality"
    file: ClassVar[str] = "quality"

    def known_by(self) -> dict[str, Any]:
        judge = self.judge.model_copy(update={"endpoint": self.judge.endpoint.without_manner()})
        prompt = sha256_of(self.judge.prompt) if self.judge.prompt else None
        return super().known_by() | {"judge": judge.model_dump(mode="json") | {"prompt": prompt}}


WHO_MEASURES = ("model", "shards")
"""Keys of a method that say who measures and in how many jobs: the job that draws has the table, and needs none."""
OPTIONS = ("pass_rates", "losses", "losses_alone", "embeddings", "quality")
"""What methods call the tables that they read: options of the program that draws a subset."""


def _known_model(model: EvaluatedModel) -> dict[str, Any]:
    known = model.model_dump(mode="json")
    if model.chat_template:
        known["chat_template"] = sha256_of(model.chat_template)
    if is_local(model.name) or is_gguf(model.name):
        known["name"] = sha256_of(Path(model.name).expanduser())
    return known
