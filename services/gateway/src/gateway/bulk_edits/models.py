"""Bulk edits as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.fields import Body, Int32, Text
from gateway.lots.filter import FilterBody
from gateway.lots.models import DESCRIPTION, LOCATION, REASON, REMARKS, Lot, Room
from gateway.money import Money
from gateway.undos.models import UndoRefusal

Difference = Annotated[str, Field(pattern=r"^[+-]?[0-9]{1,12}(\.[0-9]{1,9})?$")]


class Rounding(StrEnum):
    """How an amount that falls between two is rounded."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"


class PriceEdit(Body):
    """What becomes of a price: one of `set`, `by_amount` and `by_percent`."""

    set: Money | None = Field(default=None, description="This price.")
    by_amount: Difference | None = Field(
        default=None, description="So much more, or less, in the seller's currency.", examples=["-0.05"]
    )
    by_percent: Difference | None = Field(
        default=None, description="So many per cent more, or less; tiers change with it.", examples=["10"]
    )
    places: Int32 = Field(default=2, description="Decimal places of a price that was reckoned, 0 to 4.")
    rounding: Annotated[Rounding, Field(strict=False, description="How it is rounded to them.")] = Rounding.NEAREST

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        # A oneof holds only the last of several: the service would never know of the others.
        if sum(how is not None for how in (self.set, self.by_amount, self.by_percent)) != 1:
            raise ValueError("must say one of set, by_amount and by_percent")
        return self


class LotEdit(Body):
    """What becomes of each lot; what is not given stays as it is."""

    price: PriceEdit | None = Field(default=None, description="The price.")
    description: Text | None = Field(default=None, description=DESCRIPTION)
    remarks: Text | None = Field(default=None, description=REMARKS)
    location: Text | None = Field(default=None, description=LOCATION)
    add_tags: list[Text] = Field(default=[], description="Tags to put on lots that lack them.")
    remove_tags: list[Text] = Field(default=[], description="Tags to take off.")
    stockroom: Room = None
    archived: bool | None = Field(default=None, description="Whether lots are put away, or taken out again.")


class LotsToEdit(Body):
    """Which lots, by `lot_ids` or by a `filter`, and what becomes of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"filter": {"tag": ["old"], "price_to": "0.50"}, "edit": {"price": {"by_percent": "-10"}}}
        }
    )

    lot_ids: list[Text] = Field(default=[], description="These lots, 10,000 at most.")
    filter: FilterBody | None = Field(
        default=None, description="Those that it asks for, as in `GET /v1/lots`; `{}` means all that are not archived."
    )
    edit: LotEdit


class NewBulkEdit(LotsToEdit):
    """A bulk edit to be done."""

    reason: Text = Field(default="", description=REASON)


class BulkEditRefusal(BaseModel):
    """A lot that stays as it is, and why."""

    lot_id: str
    field: str = Field(description="The field that would break a rule.", examples=["tiers[0].unit_price"])
    reason: str


class EditedLot(BaseModel):
    """A lot before and after."""

    before: Lot
    after: Lot


class BulkEditPreview(BaseModel):
    """What a bulk edit would do now."""

    total_lots: int = Field(description="Lots that are chosen.")
    judged_lots: int = Field(description="Of them, those that were looked at: all, or the first 5,000.")
    changed_lots: int = Field(description="Of these, lots that would change.")
    unchanged_lots: int = Field(description="Lots that are so already.")
    refused_lots: int = Field(description="Lots that cannot be so; they would stay as they are.")
    lots: list[EditedLot] = Field(description="The first twenty that would change.")
    refusals: list[BulkEditRefusal] = Field(description="The first hundred that would be refused.")


class BulkEditState(StrEnum):
    """How far a bulk edit has come."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class BulkEditUndo(BaseModel):
    """The undo of a bulk edit: it goes on by itself."""

    total_changes: int = Field(description="Changes of the bulk edit that were not undone when this was accepted.")
    undone_changes: int
    refused_changes: int
    refusals: list[UndoRefusal] = Field(description="The first hundred of those that were refused.")
    created_at: datetime
    finished_at: datetime | None = Field(description="Null while it runs.")
    redo: bool = Field(description="It undoes the last undo: the bulk edit stands again as it was.")


class BulkEdit(BaseModel):
    """One edit of many lots: an operation that goes on after its request was answered."""

    bulk_edit_id: str
    state: BulkEditState
    total_lots: int = Field(description="Lots that were chosen when it was accepted.")
    changed_lots: int = Field(description="Lots that were changed so far.")
    unchanged_lots: int = Field(description="Lots that were so already.")
    refused_lots: int = Field(description="Lots that could not be so; they stay as they are.")
    refusals: list[BulkEditRefusal] = Field(description="The first hundred that were refused.")
    created_at: datetime
    finished_at: datetime | None = Field(description="Null while it runs.")
    undo: BulkEditUndo | None = Field(description="Null if nobody asked for one.")
