"""Returns as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.changes.models import OrderReference
from gateway.fields import Body, Int64, Text


class ReturnAnswer(StrEnum):
    """What a person says of a return."""

    PUT_BACK = "put_back"
    NOT_COMING_BACK = "not_coming_back"


class Return(BaseModel):
    """Pieces of an order line that were cancelled, refunded or taken out of the order, and are not in the stock."""

    return_id: str
    lot_id: str
    order: OrderReference
    pieces: int = Field(description="How many; of a closed return, how many were open last.", examples=[2])
    opened_at: datetime
    closed_at: datetime | None = Field(description="When it was said where the pieces are; null: nobody has yet.")
    answer: ReturnAnswer | None = Field(
        description="What a person said; null if the shop put the pieces back, or while nobody has said anything."
    )


class AnsweredReturn(Return):
    """A return that was answered, and the lot then."""

    quantity: int = Field(description="The lot's pieces for sale now.")
    revision: int = Field(description="The lot's revision now.")
    change_id: str | None = Field(description="The change that put the pieces back; null if none did.")


class ReturnAnswered(Body):
    """What is so."""

    answer: Annotated[ReturnAnswer, Field(strict=False)] = Field(
        description="`put_back`: they are in your stock again, which grows by them. `not_coming_back`: they are gone."
    )
    pieces: Int64 = Field(
        description="How many pieces the return had when you read it; refused if it has others by now.", examples=[2]
    )
    reason: Text = Field(default="", description="Why, for the change log.")
