"""Cursor pages."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class PageQuery(BaseModel):
    """Which page. Unknown parameters are refused: a misspelt filter must not be a filter left out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(default=50, ge=1, le=500, description="How many at most.")
    cursor: str = Field(
        default="", max_length=2000, description="`next_cursor` of the page before; empty for the first."
    )


PageAsked = Annotated[PageQuery, Query()]


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="For the page after; null on the last.")
