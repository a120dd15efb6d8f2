"""What a shop shows and what it shall show, in the engine's words: no marketplace's own names get this far."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

SellerId = NewType("SellerId", str)
LotId = NewType("LotId", str)
ListingId = NewType("ListingId", str)
OrderId = NewType("OrderId", str)

Value = str | int | bool | None
"""One field's value in its normal form: two values mean the same if, and only if, they are equal."""

Values = Mapping[str, Value]
"""Field name to value: the fields other than item, quantity, for_sale and retain that a shop can hold."""


class Group(StrEnum):
    """Fields that are sent, ranked and parked together (section 5, field groups), in the order of their rank."""

    QUANTITY = "quantity"
    PRICE = "price"
    TEXT = "text"
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a listing is of; a shop cannot change it (rule N4). Listings of equal items look alike (rule N3)."""

    item_type: str
    number: str
    color_id: int
    condition: str
    completeness: str
    """Empty where the item is no set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """An item by its type and number alone, as a catalogue has it: inventory's, or the marketplace's own."""

    item_type: str
    number: str
    color_id: int | None = None
    """Of inventory's: only a colour that the marketplace does not know. Of the marketplace's: only one that is not what
    the lot's own colour comes to there."""

    @property
    def name(self) -> str:
        """In one line, of which no two entries have the same."""
        color = "" if self.color_id is None else f" {self.color_id}"
        return f"{self.item_type} {self.number}{color}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A lot as one shop should show it: decoded from an event by the marketplace's own mapping."""

    item: Item
    quantity: int
    """Pieces for sale by inventory's count; 0 if archived; below zero only by sales."""
    for_sale: bool
    """False hides it: archived or in a stockroom."""
    retain: bool
    """Whether the listing stays at zero."""
    fields: Values
    """In this marketplace's normal form: rounded, cut and escaped as it would be sent, and only what it takes."""
    currency_code: str = ""
    """Of its prices, ISO 4217 (rule W2); empty if inventory does not say."""
    sold_out: bool = False
    """Sales, in whatever shop, took its last piece: its removal is no user's doing (rule B5)."""
    sold: int = 0
    """Pieces that inventory has counted as sold, in whatever shop."""
    entry: CatalogEntry | None = None
    """In inventory's catalogue, where the marketplace has its own; None: its items are inventory's."""
    unsaid: frozenset[str] = frozenset()
    """Fields that inventory does not say: they are as the seller wants them in this shop (`Facts.choices`)."""
    is_mapped: bool = True
    """Whether `item` is known in the marketplace's own terms; else no listing is of it, and none is made."""
    is_archived: bool = False
    """Listed nowhere: pieces that come back to it are none for sale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A lot as it exists on a marketplace, as one read showed it, texts decoded to the normal form."""

    listing_id: ListingId
    item: Item
    quantity: int
    for_sale: bool
    retain: bool
    fields: Values
    external_id: str = ""
    """Our own mark on it, where the marketplace keeps one (rule N2)."""
    hints: tuple[CatalogEntry, ...] = ()
    """What it may be of in inventory's catalogue, by numbers that the shop shows beside its own, likeliest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary:
    """One order in a list of orders."""

    order_id: OrderId
    ordered_at: datetime
    """By the shop's clock."""
    changed_at: datetime
    """When it last changed, by the shop's clock; ordered_at if the shop does not say."""
    fingerprint: str
    """Changes whenever the order's lines may have changed: equal means that its lines need not be read again."""
    cut: bool
    """Cancelled: its lines no longer count as sold, though their pieces are not back by themselves (rule S4)."""
    shop_name: str
    """The seller's name there (rule W1); empty if the shop does not say."""
    currency_code: str
    """The shop's currency, ISO 4217; empty if the shop does not say."""
    pieces: int | None = None
    """Of all its lines, when it was listed; None if the shop does not say."""
    merged_into: OrderId | None = None
    """The order that this one went into, whose lines its own are since (rule S2)."""
    is_whole: bool = True
    """Whether this is all that the shop says of it; else a view says the rest (`Facts.views_at_once`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """Pieces of one listing in one order, summed over its batches."""

    listing_id: ListingId
    item: Item
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRead:
    """The whole shop, as one call showed it."""

    listings: tuple[Listing, ...]
    read_at: datetime
    """By the shop's clock; no later than the moment at which the shop looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRead:
    """One page of orders, as one call showed it."""

    orders: tuple[OrderSummary, ...]
    read_at: datetime
    """By the shop's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRead:
    """One listing, as one call showed it; None if the shop has no such listing."""

    listing: Listing | None
    read_at: datetime
    """By the shop's clock."""


def age(listing_id: ListingId) -> tuple[int, str]:
    """Order listings by age: a marketplace numbers them as they are made."""
    return (int(listing_id) if listing_id.isdigit() else 0, listing_id)
