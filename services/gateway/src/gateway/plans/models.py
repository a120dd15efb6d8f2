"""What a plan looks like over REST."""

from datetime import datetime

from pydantic import BaseModel, Field

from gateway.waiting.models import Value


class PlannedCall(BaseModel):
    """One call that a lot still needs."""

    tier: str = Field(
        description="Its rank, the first the most urgent: `decrease`, `removal`, `create`, `increase`, `price`, `text`,"
        " `rest`."
    )
    kind: str = Field(description="`create`, `update` or `remove`.")
    pieces: int = Field(description="Those of a new listing, or the difference by which one changes.")
    for_sale: bool | None = Field(description="Put up for sale or hidden; null if that stays as it is.")
    fields: dict[str, Value] = Field(description="The fields that are sent, in the shop's own words.")


class Held(BaseModel):
    """Why a lot will not be as it should be after its calls."""

    reason: str = Field(description="A constant word.")
    message: str = Field(description="What it means, and what to do.")


class PlannedLot(BaseModel):
    """What a lot still needs."""

    lot_id: str
    calls: list[PlannedCall] = Field(description="In the order in which they are made.")
    held: list[Held] = Field(description="Empty if it will be as it should be.")


class Plan(BaseModel):
    """What would be sent if nothing else happened."""

    items: list[PlannedLot] = Field(description="A page of lots that need calls or are held, by lot id.")
    next_cursor: str | None = Field(description="For the page after; null on the last.")
    total_lots: int = Field(description="Of all pages.")
    total_calls: int = Field(
        description="Of all pages. One call may create several lots: then it is less than the calls that the lots name."
    )
    calls_by_tier: dict[str, int] = Field(description="The same by rank.")
    calls_left: int = Field(description="Calls of the shop's limit that would still be free then.")
    finish_at: datetime | None = Field(
        description="When the last call would be made; null if there is none, or while nothing is sent at all. Where"
        " only your agreement to the first plan is missing: if you gave it now."
    )
    bound_by: str = Field(description="What the calls wait for, or why nothing is sent: a constant word; may be empty.")
    message: str = Field(description="The same in words.")
