"""What all settings share: unknown keys are mistakes, values do not change, docstrings are the keys' descriptions."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

LARGEST = 2**53
"""Bound of every number: up to here each whole number is one of its own in every table and program."""
NOT_A_NUMBER = "not_a_number"
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

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        # YAML reads yes and on as true, and pydantic true as 1. Not a field's validator: none may stand on `method`.
        for name, value in values.items() if isinstance(values, Mapping) else ():
            annotation = cls.model_fields[name].annotation if name in cls.model_fields else None
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, bool) and _takes(annotation, int, float) and not _takes(annotation, bool):
                    raise PydanticCustomError(
                        NOT_A_NUMBER, "{said} is no number", {"key": name, "said": str(one).lower()}
                    )
        return values

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


def _takes(annotation: Any, *types: type) -> bool:
    """Whether one of `types` stands anywhere in an annotation."""
    return annotation in types or any(_takes(part, *types) for part in get_args(annotation))
