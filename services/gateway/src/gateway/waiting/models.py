"""What waits for a person, as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.fields import Body, Int64, Text
from gateway.lots.models import Completeness, Condition, FieldGroup, ItemType, LotPatch

Value = str | int | bool | None
"""One field's value, as the marketplace holds it."""


class Item(BaseModel):
    """What a listing is of; null where the shop uses a word that no lot has."""

    item_type: ItemType | None
    item_no: str
    color_id: int
    condition: Condition | None
    completeness: Completeness | None


class UnownedListing(BaseModel):
    """A listing of the shop that no lot owns."""

    listing_id: str
    item: Item
    quantity: int
    for_sale: bool
    retain: bool
    fields: dict[str, Value] = Field(description="Its other fields, by their names at the marketplace.")
    seen_at: datetime


class ParkedGroup(BaseModel):
    """Fields that the shop refused: see /retry."""

    group: FieldGroup | None
    reason: str = Field(examples=["APPLIED_TWICE"])
    message: str = Field(description="The same in words.")
    revision: int = Field(description="The lot's revision that was refused.")


class Conflict(BaseModel):
    """A field that somebody changed in the shop itself: it is left as it is there until a person answers."""

    field: str = Field(description="Its name at the marketplace; or for_sale, retain, item.", examples=["unit_price"])
    group: FieldGroup | None
    sent: Value = Field(description="What we had sent.")
    ours: Value = Field(description="What is wanted.")
    theirs: Value = Field(description="What the shop shows; an answer repeats it.")
    can_take_theirs: bool = Field(description="Whether a lot can be as the shop shows it.")


class UnassignedLine(BaseModel):
    """An order line of a listing that nobody knows the lot of: nothing of its item is listed or increased meanwhile."""

    order_id: str
    listing_id: str
    item: Item
    pieces: int
    ordered_at: datetime


class UnmappedItem(BaseModel):
    """An item that the marketplace's own catalogue does not know, or more than one of: no lot of it is listed."""

    item_type: ItemType | None
    item_no: str
    color_id: int | None = Field(description="A colour that the marketplace does not know; null: they are known.")
    lots: int = Field(description="How many of your lots are of it.")
    since: datetime
    candidates: list[str] = Field(
        description="Where the marketplace's catalogue has several: their numbers there. At Brick Owl "
        "https://www.brickowl.com/boid/ and the number shows each; empty if it has none."
    )


class ItemMapped(Body):
    """What an item is in the marketplace's own catalogue."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"item_type": "PART", "item_no": "3003", "number_there": "939628"}}
    )

    item_type: Annotated[ItemType, Field(strict=False)]
    item_no: Annotated[Text, Field(min_length=1, max_length=50)]
    color_id: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="As the list has it: only a colour that is not known there."
    )
    number_there: Text = Field(
        description="Its number there: a BOID at Brick Owl, with the colour where that is not known, with 0 for none.",
        examples=["939628", "771344-38"],
    )


class TroubleAnswer(StrEnum):
    """What a person can say about a lot in trouble."""

    SHOP_IS_RIGHT = "shop_is_right"
    OURS_IS_RIGHT = "ours_is_right"
    THIS_LISTING = "this_listing"
    LIST_ANEW = "list_anew"
    LEAVE_OUT = "leave_out"


class Trouble(BaseModel):
    """What a person must decide about a lot."""

    trouble: str = Field(examples=["NUMBER_UNEXPLAINED"])
    message: str = Field(description="The same in words.")
    ours: int | None = Field(description="Pieces that the shop must show if our books are right; null: no number.")
    theirs: int | None = Field(description="Pieces that it shows.")
    difference: int = Field(description="Theirs minus ours; an answer repeats it.")
    look_alikes: list[UnownedListing] = Field(description="Listings that look like the lot; an answer names them.")
    lines: list[UnassignedLine] = Field(
        description="Orders of listings like it, which may be sold out: theirs too may be named as this lot's."
    )
    answers: list[TroubleAnswer] = Field(description="What may be answered; none: see /unassigned-lines.")


class WaitingLot(BaseModel):
    """A lot that waits for a person."""

    lot_id: str
    listing_id: str | None
    revision: int = Field(description="The lot's revision that all of this speaks of.")
    parked: list[ParkedGroup]
    conflicts: list[Conflict]
    trouble: Trouble | None


class WhatFollows(BaseModel):
    """It is taken as so."""

    message: str = Field(description="What happens next.")


class ConflictAnswer(StrEnum):
    """Whose value counts."""

    OURS = "ours"
    THEIRS = "theirs"
    VALUE = "value"


class ConflictAnswered(Body):
    """Whose value counts."""

    model_config = ConfigDict(json_schema_extra={"example": {"answer": "theirs", "theirs": "0.1300"}})

    answer: Annotated[ConflictAnswer, Field(strict=False)] = Field(
        description="`ours` is sent again; `theirs` becomes the lot's and goes to every other shop; `value` is a third."
    )
    theirs: Value = Field(
        description="What the shop showed when you decided; refused if that is something else by now."
    )
    lot: LotPatch | None = Field(default=None, description="For `value`: the lot's fields as they shall be.")


class TroubleAnswered(Body):
    """What is so."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"trouble": "NUMBER_UNEXPLAINED", "answer": "ours_is_right", "difference": -3}}
    )

    trouble: Text = Field(description="The trouble that is answered; refused if it is another by now.")
    answer: Annotated[TroubleAnswer, Field(strict=False)] = Field(
        description="One of the trouble's `answers`. `shop_is_right` also changes the lot, by the difference."
    )
    difference: Int64 = Field(default=0, description="As it was shown, where trouble is about a number.")
    listing_id: Text | None = Field(default=None, description="For `this_listing`: which.")
    look_alikes: list[Text] = Field(
        default_factory=list,
        description="For `list_anew`: the ids of the listings that were shown, none of which is the lot.",
    )


class AlarmAnswer(StrEnum):
    """Whether a list was right."""

    SHOP_IS_RIGHT = "shop_is_right"
    LOOK_AGAIN = "look_again"


class AlarmAnswered(Body):
    """Whether a list that was not believed is right."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"alarm": "MANY_ARE_MISSING", "missing": 40, "answer": "look_again"}}
    )

    alarm: Text = Field(description="The alarm that is answered; refused if it is another by now.")
    missing: Int64 = Field(description="How many listings were missing when you decided.")
    answer: Annotated[AlarmAnswer, Field(strict=False)] = Field(
        description="`shop_is_right`: what the list lacks is gone. `look_again`: the shop is read once more."
    )


class ShopAnswer(StrEnum):
    """Whose shop it is."""

    SAME_SHOP = "same_shop"
    LOOK_AGAIN = "look_again"


class ShopAnswered(Body):
    """Whether a shop of another name is the connection's own."""

    model_config = ConfigDict(json_schema_extra={"example": {"shown_name": "new bricks", "answer": "same_shop"}})

    shown_name: Text = Field(description="The name that the shop shows; refused if it is another by now.")
    answer: Annotated[ShopAnswer, Field(strict=False)] = Field(
        description="`same_shop`: it is the connection's shop under a new name. `look_again`: it stays what it was, "
        "and is asked once more."
    )


class LinesAssigned(Body):
    """Whose a listing was."""

    lot_id: Annotated[Text, Field(min_length=1)] | None = Field(
        description="The lot that it stood for, of the same item; null: none of yours."
    )
