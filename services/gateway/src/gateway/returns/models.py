"""Returns as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from gateway.changes.models import OrderReference


class Return(BaseModel):
    """Pieces of an order line that were cancelled, refunded or taken out of the order, and are not in the stock."""

    return_id: str
    lot_id: str
    order: OrderReference
    pieces: int = Field(description="How many; of a closed return, how many were open last.", examples=[2])
    opened_at: datetime
    closed_at: datetime | None = Field(description="When it was said where the pieces are; null: nobody has yet.")
