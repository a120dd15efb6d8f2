"""Lots as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.fields import Body, Int32, Int64, Text, word_field
from gateway.money import ExactDecimal, Money
from gateway.pages import Page


class ItemType(StrEnum):
    """What kind of catalogue entry a lot is made of."""

    PART = "PART"
    SET = "SET"
    MINIFIG = "MINIFIG"
    BOOK = "BOOK"
    GEAR = "GEAR"
    CATALOG = "CATALOG"
    INSTRUCTION = "INSTRUCTION"
    ORIGINAL_BOX = "ORIGINAL_BOX"
    UNSORTED_LOT = "UNSORTED_LOT"


class Condition(StrEnum):
    """New or used."""

    NEW = "NEW"
    USED = "USED"


class Completeness(StrEnum):
    """How complete a set is."""

    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"
    SEALED = "SEALED"


class UsedGrade(StrEnum):
    """How well a used item is kept."""

    LIKE_NEW = "LIKE_NEW"
    GOOD = "GOOD"
    ACCEPTABLE = "ACCEPTABLE"


class Stockroom(StrEnum):
    """Where a lot rests while it is not for sale."""

    A = "A"
    B = "B"
    C = "C"


class Availability(StrEnum):
    """Whether pieces of a lot can be had."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    SOLD = "sold"


class SyncState(StrEnum):
    """How far a lot, or a group of its fields, has come in one shop."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    SYNCED = "synced"
    FAILED = "failed"
    CONFLICT = "conflict"
    NOT_CONNECTED = "not_connected"


class FieldGroup(StrEnum):
    """Fields that are sent, ranked and set aside together."""

    QUANTITY = "quantity"
    PRICE = "price"
    TEXT = "text"
    REST = "rest"


ITEM_NO = "BrickLink's catalogue number; sets with their variant (75192-1)."
COLOR = "BrickLink's colour; 0 where the type has none."
QUANTITY = "Pieces for sale, 0 to 9,999,999; only sales take it below zero."
RESERVED = "Pieces set aside by the seller; not offered."
UNIT_PRICE = "Price per piece, 0.001 to 99,999, four decimal places at most, in the seller's currency."
SALE_PERCENT = "Per cent off, 0 to 95."
TIERS = "Up to three: quantities rise, prices fall and are below the unit price."
BULK = "Buyers take multiples of this."
COST = "What a piece cost the seller; null: not known."
DESCRIPTION = "Public words, 255 characters of plain text."
REMARKS = "Private words, 255 characters of plain text."
RETAIN = "Whether the listing is kept when the last piece is sold."
WEIGHT = "Custom weight of a piece in grams, four decimal places at most; null: the catalogue's."
LOCATION = "Where it lies, 100 characters; never shown to buyers."
TAGS = "Up to 20 short words, the seller's own."
REASON = "Why, for the change log; no field of the lot."

Grade = Annotated[UsedGrade | None, word_field("Used items other than sets only; null: the seller's default.")]
Room = Annotated[Stockroom | None, word_field("The stockroom that hides it from buyers; null: for sale.")]


def _at_least_one(bulk: int) -> int:
    # Over gRPC a new lot's 0 is what silence looks like and means 1: here somebody said it.
    if bulk == 0:
        raise ValueError("must be at least 1")
    return bulk


class Tier(Body):
    """A lower price for buyers who take more."""

    quantity: Int32 = Field(description="From how many pieces on.", examples=[50])
    unit_price: Money


class NewLot(Body):
    """A lot to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "item_type": "PART",
                "item_no": "3001",
                "color_id": 5,
                "condition": "NEW",
                "quantity": 40,
                "unit_price": {"amount": "0.12", "currency": "EUR"},
                "tiers": [{"quantity": 50, "unit_price": {"amount": "0.11", "currency": "EUR"}}],
                "remarks": "A1-03",
            }
        }
    )

    item_type: Annotated[ItemType, word_field("The kind of item.")]
    item_no: Text = Field(description=ITEM_NO, examples=["3001"])
    color_id: Int32 = Field(default=0, description=COLOR, examples=[5])
    condition: Annotated[Condition, word_field("New or used.")]
    completeness: Annotated[Completeness | None, word_field("Sets only, and required there.")] = None
    used_grade: Grade = None
    quantity: Int64 = Field(description=QUANTITY, examples=[40])
    reserved: Int64 = Field(default=0, description=RESERVED)
    unit_price: Money = Field(description=UNIT_PRICE)
    sale_percent: Int32 = Field(default=0, description=SALE_PERCENT)
    tiers: list[Tier] = Field(default=[], description=TIERS)
    bulk: Annotated[Int32, AfterValidator(_at_least_one)] = Field(default=1, description=BULK)
    cost: Money | None = Field(default=None, description=COST)
    description: Text = Field(default="", description=DESCRIPTION)
    remarks: Text = Field(default="", description=REMARKS)
    stockroom: Room = None
    retain: bool = Field(default=False, description=RETAIN)
    weight_grams: ExactDecimal | None = Field(default=None, description=WEIGHT)
    location: Text = Field(default="", description=LOCATION)
    tags: list[Text] = Field(default=[], description=TAGS)
    reason: Text = Field(default="", description=REASON)


class LotPatch(Body):
    """The fields to change, as a JSON merge patch (RFC 7396): null takes a field back to what it is when not given.

    A lot may become another item: its listing is then removed from each shop and made anew. `archived` is set by
    archive and restore.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"unit_price": {"amount": "0.13", "currency": "EUR"}, "remarks": "A1-04"}}
    )

    item_type: Annotated[ItemType, word_field("The kind of item.")] = Field(default_factory=lambda: ItemType.PART)
    item_no: Text = Field(default_factory=str, description=ITEM_NO)
    color_id: Int32 | None = Field(default=None, description=COLOR)
    condition: Annotated[Condition, word_field("New or used.")] = Field(default_factory=lambda: Condition.NEW)
    completeness: Annotated[Completeness | None, word_field("Sets only, and required there.")] = None
    used_grade: Grade = None
    quantity: Int64 = Field(default_factory=int, description=f"{QUANTITY} Needs If-Match.")
    reserved: Int64 | None = Field(default=None, description=RESERVED)
    unit_price: Money = Field(default_factory=lambda: Money(amount="0", currency="EUR"), description=UNIT_PRICE)
    sale_percent: Int32 | None = Field(default=None, description=SALE_PERCENT)
    tiers: list[Tier] | None = Field(default=None, description=TIERS)
    bulk: Int32 | None = Field(default=None, description=BULK)
    cost: Money | None = Field(default=None, description=COST)
    description: Text | None = Field(default=None, description=DESCRIPTION)
    remarks: Text | None = Field(default=None, description=REMARKS)
    stockroom: Room = None
    retain: bool | None = Field(default=None, description=RETAIN)
    weight_grams: ExactDecimal | None = Field(default=None, description=WEIGHT)
    location: Text | None = Field(default=None, description=LOCATION)
    tags: list[Text] | None = Field(default=None, description=TAGS)
    reason: Text = Field(default="", description=REASON)


class Adjustment(Body):
    """A difference to apply."""

    model_config = ConfigDict(json_schema_extra={"example": {"by": -3, "reason": "counted again"}})

    by: Int64 = Field(default=0, description="Pieces for sale to add, or to take if negative.", examples=[-3])
    reserved_by: Int64 = Field(
        default=0,
        description="Pieces to set aside, or to release if negative; with `by` at the opposite value they move.",
    )
    reason: Text = Field(default="", description=REASON)


class Reason(Body):
    """Why something is done."""

    reason: Text = Field(default="", description=REASON)


class GroupSync(BaseModel):
    """One group of fields in one shop."""

    state: SyncState
    settled_revision: int = Field(description="The newest revision that the shop was seen to hold; 0: none.")
    reason: str | None = Field(description="Why, in words, where the state needs a reason.")


class LotSync(BaseModel):
    """A lot in one shop."""

    state: SyncState = Field(description="The least far of the groups.")
    listing_id: str | None = Field(description="The listing that stands for the lot there now.", examples=["123456789"])
    groups: dict[FieldGroup, GroupSync]
    updated_at: datetime | None


Sync = dict[str, LotSync]
"""By marketplace."""


class Lot(BaseModel):
    """A quantity of one item in one colour and condition at one price."""

    lot_id: str = Field(examples=["019a5a5e-7d5c-7c3e-8f6b-0d9a7a6c1b2f"])
    revision: int = Field(description="Up by one with each change; the ETag.")
    item_type: ItemType
    item_no: str = Field(examples=["3001"])
    color_id: int = Field(examples=[5])
    condition: Condition
    completeness: Completeness | None
    used_grade: UsedGrade | None
    quantity: int = Field(description=QUANTITY, examples=[40])
    reserved: int = Field(description=RESERVED)
    sold: int = Field(description="Pieces sold by counted orders; derived.")
    unit_price: Money
    sale_percent: int = Field(description=SALE_PERCENT)
    tiers: list[Tier]
    bulk: int = Field(description=BULK)
    cost: Money | None = Field(description=COST)
    description: str = Field(description=DESCRIPTION)
    remarks: str = Field(description=REMARKS)
    stockroom: Stockroom | None
    retain: bool = Field(description=RETAIN)
    weight_grams: str | None = Field(description=WEIGHT)
    location: str = Field(description=LOCATION)
    tags: list[str]
    archived: bool = Field(description="Whether it was put away: nothing of it is listed in any shop.")
    status: Availability = Field(description="Derived from quantity and reserved.")
    created_at: datetime
    updated_at: datetime


class LotWithSync(Lot):
    """A lot, and how far it has come in each shop."""

    sync: Sync = Field(description="By marketplace; every shop that the seller has or had.")


class LotPage(Page[LotWithSync]):
    """A page of lots."""

    count: int | None = Field(description="How many lots the filter asks for; null unless that was asked.")


class ChangedLot(Lot):
    """A lot after a command."""

    change_id: str | None = Field(description="The change that was recorded; null if nothing differed.")


class UpdatedLot(ChangedLot):
    """A lot whose fields were set."""

    equal_lot_ids: list[str] = Field(
        description="If it is another item now, other lots that are equal in item, colour, condition and completeness: "
        "a warning, no fault."
    )


class CreatedLot(ChangedLot):
    """A new lot."""

    equal_lot_ids: list[str] = Field(
        description="Other lots that are equal in item, colour, condition and completeness: a warning, no fault."
    )
