"""What all settings share: unknown keys are mistakes, values do not change, docstrings are the keys' descriptions."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of keys of the experiment file. The string under a key is its description in docs and schema."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, populate_by_name=True
    )
