"""What the fields of JSON bodies have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Body(BaseModel):
    """A JSON object. Unknown fields are refused, and no value is bent into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def carriable(text: str) -> str:
    """Refuses what neither protobuf nor PostgreSQL can carry."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not hold the character NUL or half a surrogate pair")
    return text


Text = Annotated[str, AfterValidator(carriable)]
"""Any text that can travel; the service that owns the field knows its length and normal form."""


def word_field(description: str) -> object:
    """One of a few words. Strict bodies take no string for an enum; these are the exception: JSON has no enums."""
    return Field(strict=False, description=description)


def _within(bits: int) -> AfterValidator:
    bound = 2 ** (bits - 1)

    def check(number: int) -> int:
        if not -bound <= number < bound:
            raise ValueError("is far too large or too small")
        return number

    return AfterValidator(check)


Int64 = Annotated[int, _within(64), Field(json_schema_extra={"format": "int64"})]
Int32 = Annotated[int, _within(32), Field(json_schema_extra={"format": "int32"})]
"""Integers as wide as the wire; the service that owns the field knows its bounds."""
