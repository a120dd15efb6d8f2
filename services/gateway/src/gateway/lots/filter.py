"""Which lots, and in which order, as query parameters; the same wherever lots are chosen."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from brickops.inventory.v1 import lot_filter_pb2, lot_pb2, lot_sync_pb2
from gateway.fields import Int32, Int64, Text
from gateway.lots.models import Availability, Condition, ItemType, SyncState
from gateway.money import ExactDecimal
from gateway.words import value_of

_STATES = "|".join(SyncState)
# A filter in a strict body takes strings for enums all the same: JSON has no enums.
_WORD = Field(strict=False)
InShop = Annotated[str, Field(pattern=f"^[a-z]+:({_STATES})$")]


class LotFilter(BaseModel):
    """Everything that is given must hold. Unknown parameters are refused: a misspelt filter must not be left out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    item_type: list[Annotated[ItemType, _WORD]] = Field(
        default=[], description="Any of these types; may be given several times."
    )
    item_no: Text = Field(default="", description="This catalogue number, exactly.")
    color_id: list[Int32] = Field(default=[], description="Any of these colours; may be given several times.")
    condition: Condition | None = Field(default=None, strict=False, description="Only lots of this condition.")
    location: Text | None = Field(default=None, description="This place, exactly; empty: those that have none.")
    tag: list[Text] = Field(default=[], description="All of these tags; may be given several times.")
    text: Text = Field(
        default="",
        description="These letters in a row in the number, the description or the remarks, in upper or lower case.",
    )
    price_from: ExactDecimal | None = Field(default=None, description="Priced so or higher, in the seller's currency.")
    price_to: ExactDecimal | None = Field(default=None, description="Priced so or lower.")
    quantity_from: Int64 | None = Field(default=None, description="So many pieces for sale, or more.")
    quantity_to: Int64 | None = Field(default=None, description="So many pieces for sale, or fewer.")
    archived: bool | None = Field(default=None, description="Only archived lots, or only the others.")
    include_archived: bool = Field(default=False, description="Archived lots too; not together with `archived`.")
    status: list[Annotated[Availability, _WORD]] = Field(
        default=[], description="Any of these; may be given several times."
    )
    sync: list[InShop] = Field(
        default=[],
        description="How far lots have come, as `bricklink:failed`. Several states of one shop are alternatives; what "
        "is said of several shops must all hold.",
        examples=[["bricklink:failed", "bricklink:conflict"]],
    )


class FilterBody(LotFilter):
    """The same in a JSON body, where no value is bent into another type."""

    model_config = ConfigDict(strict=True)


def filter_to_proto(said: LotFilter) -> lot_filter_pb2.LotFilter:
    """The same for the wire."""
    states: dict[str, list[lot_sync_pb2.SyncState.ValueType]] = {}
    for one in said.sync:
        marketplace, _, state = one.partition(":")
        states.setdefault(marketplace, []).append(value_of(lot_sync_pb2.SyncState, SyncState(state)))
    return lot_filter_pb2.LotFilter(
        item_types=[value_of(lot_pb2.ItemType, one) for one in said.item_type],
        item_number=said.item_no,
        color_ids=said.color_id,
        condition=value_of(lot_pb2.Condition, said.condition),
        location=said.location,
        tags=said.tag,
        text=said.text,
        price_from=said.price_from,
        price_to=said.price_to,
        quantity_from=said.quantity_from,
        quantity_to=said.quantity_to,
        archived=said.archived,
        include_archived=said.include_archived,
        availabilities=[value_of(lot_pb2.Availability, one) for one in said.status],
        sync=[
            lot_filter_pb2.LotSyncFilter(marketplace=marketplace, states=found) for marketplace, found in states.items()
        ],
    )


class LotSort(StrEnum):
    """What lots can be ordered by: the fields of a lot."""

    CREATED_AT = "created_at"
    ITEM_NUMBER = "item_no"
    ITEM_TYPE = "item_type"
    COLOR_ID = "color_id"
    CONDITION = "condition"
    COMPLETENESS = "completeness"
    USED_GRADE = "used_grade"
    QUANTITY = "quantity"
    RESERVED = "reserved"
    SOLD = "sold"
    UNIT_PRICE = "unit_price"
    SALE_PERCENT = "sale_percent"
    BULK = "bulk"
    COST = "cost"
    DESCRIPTION = "description"
    REMARKS = "remarks"
    STOCKROOM = "stockroom"
    RETAIN = "retain"
    WEIGHT_GRAMS = "weight_grams"
    LOCATION = "location"
    ARCHIVED = "archived"
    AVAILABILITY = "status"
    UPDATED_AT = "updated_at"


def sort_to_proto(sort: LotSort) -> lot_filter_pb2.LotColumn.ValueType:
    """The same for the wire, where the order in which lots were made is that of their ids, and has no name."""
    return value_of(lot_filter_pb2.LotColumn, None if sort is LotSort.CREATED_AT else sort)
