"""Settings that name models: the one to fine-tune, others to evaluate, the scorer."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.base import Settings

DEMO = "demo"


def is_local(name: str) -> bool:
    """Whether a model's name is a local folder, not a hub repository."""
    return name.startswith((".", "/", "~")) or Path(name).expanduser().is_dir()


class HubModel(Settings):
    """A model by its hub name and revision, or a local folder."""

    name: str
    """owner/name on the hub, or the path of a local folder (one that starts with ./, / or ~)."""
    revision: str | None = None
    """hub: the commit or tag that pins the weights; required."""

    @field_validator("name")
    @classmethod
    def _folder_is_there(cls, name: str) -> str:
        if is_local(name) and not (Path(name).expanduser() / "config.json").is_file():
            raise ValueError(f"the folder '{name}' holds no model (no config.json)")
        return name

    @field_validator("revision")
    @classmethod
    def _hub_is_pinned(cls, revision: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("name")
        if name and name != DEMO and not is_local(name) and not revision:
            raise ValueError(f"the hub model '{name}' needs a revision (a commit or tag)")
        return revision


class EvaluatedModel(HubModel):
    """A model that answers questions."""

    chat_template: str | None = None
    """A Jinja file that replaces the model's own chat template."""

    @field_validator("chat_template")
    @classmethod
    def _template_is_there(cls, chat_template: str | None) -> str | None:
        if chat_template and not Path(chat_template).is_file():
            raise ValueError(f"there is no file '{chat_template}'")
        return chat_template


class Model(EvaluatedModel):
    """The model that is fine-tuned. The name `demo` is the tiny one that the graph trains from scratch."""

    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Number format of the weights in training and evaluation."""
    demo_steps: int | None = Field(default=None, gt=0)
    """demo: optimiser steps of its training from scratch (default: enough to learn the demo's sums)."""


class Scorer(Settings):
    """The model whose perplexity tells how much a step matters (PIR)."""

    model: HubModel | None = None
    """The scorer (default: the experiment's model)."""
    shards: int = Field(default=1, ge=1)
    """In how many jobs the rows are scored."""
    estimator: Literal["exact"] = "exact"
    """exact: one leave-one-out pass per functional step."""
