"""What all settings share: unknown keys are mistakes, values do not change, docstrings are the keys' descriptions."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

LARGEST = 2**53
"""Bound of every number: up to here each whole number is one of its own in every table and program."""
MAY_BE_EMPTY = "prompt"
"""What a key's name ends in whose empty text has a meaning: none."""


class Settings(BaseModel):
    """A group of keys of the experiment file. The string under a key is its description in docs and schema."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
        populate_by_name=True,
        allow_inf_nan=False,
    )

    @field_validator("*")
    @classmethod
    def _can_be_passed_on(cls, value: Any, info: ValidationInfo) -> Any:
        for one in value if isinstance(value, list | tuple) else [value]:
            # The operating system ends an argument of a program at a NUL.
            if isinstance(one, str) and "\0" in one:
                raise ValueError("the text holds a NUL character, which no program can be given")
            if isinstance(one, str) and not one.strip() and not str(info.field_name).endswith(MAY_BE_EMPTY):
                raise ValueError("the text is empty: leave the key out, or say what it is")
        if isinstance(value, int | float) and abs(value) > LARGEST:
            raise ValueError(f"the number is beyond {LARGEST:.3g}, the largest that a key can have")
        return value
