"""Settings that name models: the one to fine-tune, others to evaluate, the scorer."""

import datetime
import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.base import Settings
from scripts.common.here import why_no_file

DEMO = "demo"
LONGEST = 255  # bytes of a file's name
DATE = datetime.date(2026, 1, 1)
"""The date that templates write unless the experiment says another: a prompt does not change from day to day."""


SECOND_SCORER = "second-scorer"
"""What the graph calls the second scorer."""


def is_gguf(name: str) -> bool:
    """Whether a model's name is a GGUF file, which is converted once."""
    return name.lower().endswith(".gguf")


def is_local(name: str) -> bool:
    """Whether a model's name is a local folder, which is used as it lies."""
    return not is_gguf(name) and (name.startswith((".", "/", "~")) or Path(name).is_dir())


_ON_HUB = re.compile(r"[A-Za-z0-9_][\w.-]*(/[\w.-]+)?", re.ASCII)


def _place(name: str) -> Path:
    """Return where a model of this name would lie. Raises ValueError where nothing can."""
    if any(len(os.fsencode(part)) > LONGEST for part in Path(name).parts):
        raise ValueError(f"the name '{name[:20]}...' is longer than that of any file or model")
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ValueError(f"'{name}': there is no such user here") from error


class HubModel(Settings):
    """A model by its hub name and revision, a local folder or a GGUF file."""

    served: bool = False
    """Whether it is only behind an endpoint (evaluation.endpoint, api: chat), which calls it by its name: nothing is
    fetched."""
    name: str
    """owner/name on the hub, the path of a local folder (one that starts with ./, / or ~), or of a GGUF file
    (one that ends in .gguf), which is converted to float32 once."""
    revision: str | None = None
    """hub: the commit or tag that pins the weights; required."""

    @field_validator("name")
    @classmethod
    def _folder_is_there(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("served"):
            return name
        place = _place(name)
        if is_gguf(name) and not place.is_file():
            raise ValueError(f"there is no file '{name}'")
        if is_local(name) and not (place / "config.json").is_file():
            inside = next(iter(sorted(place.glob("*.gguf"))), None)
            hint = f": name the file, '{inside}'" if inside else ""
            raise ValueError(f"the folder '{name}' holds no model (no config.json){hint}")
        if not is_local(name) and not is_gguf(name) and not _ON_HUB.fullmatch(name):
            raise ValueError(f"'{name}' is no model: write owner/name of the hub, or a folder (./, / or ~ first)")
        return name

    @field_validator("revision")
    @classmethod
    def _hub_is_pinned(cls, revision: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("name")
        here = not name or name == DEMO or is_local(name) or is_gguf(name)
        if not here and not info.data.get("served") and not revision:
            raise ValueError(f"the hub model '{name}' needs a revision (a commit or tag)")
        return revision


# What a chat template is given by whoever renders it, and no experiment may change.
NOT_KWARGS = {"messages", "conversation", "tools", "documents", "add_generation_prompt", "continue_final_message"}
NOT_KWARGS |= {"chat_template", "tokenize", "padding", "truncation", "max_length", "return_tensors", "return_dict"}
NOT_KWARGS |= {"return_assistant_tokens_mask", "tokenizer_kwargs", "strftime_now"}


class ChatKeys(Settings):
    """How a model's chat template is used."""

    chat_template_kwargs: dict[str, Any] = {}
    """Arguments of the chat template in training and evaluation, such as {enable_thinking: false}."""
    system_role: Literal["own", "user"] = "own"
    """Where a system prompt stands: own, in a turn of its own; user, before the first question, for templates that have
    no system role (Gemma 2)."""

    @field_validator("chat_template_kwargs")
    @classmethod
    def _kwargs_are_the_templates(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(NOT_KWARGS & kwargs.keys()):
            raise ValueError(f"{', '.join(taken)} cannot be set: whoever renders the template says it")
        return kwargs


class ChatSettings(ChatKeys):
    """All that decides how a chat template renders, beside the template."""

    date: datetime.date = DATE
    """The date that a template which writes the day's date (strftime_now) writes."""


class EvaluatedModel(HubModel, ChatKeys):
    """A model that answers questions."""

    chat_template: str | None = None
    """A Jinja file that replaces the model's own chat template."""

    @field_validator("chat_template")
    @classmethod
    def _template_is_there(cls, chat_template: str | None) -> str | None:
        if chat_template and (why := why_no_file(chat_template)):
            raise ValueError(why)
        return chat_template

    def chat_settings(self, date: datetime.date) -> ChatSettings:
        """Return how this model's chat template is used in an experiment of that date."""
        keys = {name: getattr(self, name) for name in ChatKeys.model_fields}
        return ChatSettings(date=date, **keys)


class Model(EvaluatedModel):
    """The model that is fine-tuned. The name `demo` is the tiny one that the graph trains from scratch."""

    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Number format of the weights in training and evaluation."""
    demo_steps: int | None = Field(default=None, gt=0)
    """demo: optimiser steps of its training from scratch (default: enough to learn the demo's sums)."""


class Scorer(Settings):
    """The model whose perplexity tells how much a step matters (PIR)."""

    model: EvaluatedModel | None = None
    """The scorer (default: the experiment's model)."""
    second: EvaluatedModel | None = None
    """Another scorer: the report holds its PIR of the same steps beside the scorer's. It selects nothing, and costs as
    many jobs again."""
    shards: int = Field(default=1, ge=1)
    """In how many jobs the rows are scored."""
    gpus: int | None = Field(default=None, gt=0)
    """GPUs that the scorer's layers are spread over, where it does not fit one; every job of scoring then asks for so
    many. They work one after the other: it is no faster (default: one GPU where there is one)."""
    estimator: Literal["exact", "one_pass"] = "exact"
    """exact: each functional step left out in turn. one_pass: an estimate, each step hidden from the answer only."""
    positions: Literal["shift", "keep"] = "shift"
    """exact: what follows a step moves up (shift, the paper's) or stays and does not see it (keep). one_pass keeps."""

    def gpus_of_job(self, wanted: int) -> int:
        """Return the GPUs of a job of scoring, where its resources ask for `wanted`."""
        return max(wanted, self.gpus or 0)
