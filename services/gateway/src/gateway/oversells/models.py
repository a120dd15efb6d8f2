"""Oversells as JSON."""

from datetime import datetime

from pydantic import BaseModel, Field


class OversoldOrder(BaseModel):
    """An order of an oversold lot."""

    marketplace: str
    order_id: str
    listing_id: str
    total: int = Field(description="Pieces of the lot in this order.", examples=[3])
    ordered_at: datetime = Field(description="By the shop's clock.")


class Oversell(BaseModel):
    """A sale that found too few pieces: more were sold than there were."""

    change_id: str = Field(description="The change that counted the sale.")
    lot_id: str
    missing: int = Field(description="How many pieces of this sale there were not.", examples=[2])
    orders: list[OversoldOrder] = Field(
        description="The lot's last orders when it was noticed, newest first: one of them cannot be served in full."
    )
    recorded_at: datetime
