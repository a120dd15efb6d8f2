"""What a marketplace gives the kit: a shop with its adapter before it, and the side doors to that shop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from brickops.inventory.v1 import lot_pb2
from syncengine.listing import ListingId, Lot, OrderId
from syncengine.marketplace import Marketplace
from syncengine.testing.clock import HandClock

FIELDS = (
    "unit_price",
    "sale_percent",
    "tiers",
    "bulk",
    "cost",
    "description",
    "remarks",
    "stockroom",
    "retain",
    "used_grade",
    "weight_grams",
)
"""What of inventory's lot a shop may hold, item and pieces aside; without `stockroom` it hides lots all the same."""
BATCHES = "batches"
"""One call reads several things, and may be answered in part."""
RESTOCKS = "restocks"
"""Whoever cancels or reduces an order may put its pieces back on sale."""
CAPABILITIES = frozenset({*FIELDS, BATCHES, RESTOCKS})
"""All that a marketplace may lack."""


class Call(StrEnum):
    """Which calls a fault strikes."""

    ANY = "any"
    WRITE = "write"
    LIST = "list of listings"
    LOOK = "one listing"
    ORDERS = "list of orders"
    BATCH = "batch"


class Fault(StrEnum):
    """What goes wrong with a call. What is not said to be done before or after is not done."""

    LOST_REQUEST = "the connection breaks before it is done"
    LOST_REPLY = "the connection breaks after it is done"
    TOO_MANY = "429"
    SERVER_ERROR = "5xx"
    SERVER_ERROR_AFTER = "5xx after it is done"
    PAGE = "a page of HTML under an error's status"
    PAGE_AFTER = "the same after it is done"
    GOOD_PAGE = "a page of HTML under the status of success"
    WRONG_KEY = "the key is refused"
    EMPTY_LIST = "a list of nothing"
    SHORT_LIST = "a list that lacks listings"
    SHORT_BATCH = "a batch of which one part is answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """One listing as the shop itself has it, seen through the side door and never through the adapter."""

    listing_id: ListingId
    lot: lot_pb2.Lot
    """Said as inventory would say it: item, quantity, and of `FIELDS` what the shop holds. Hidden in a shop without
    stockrooms: STOCKROOM_A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One call that reached the shop."""

    is_write: bool
    applied: bool
    """Whether it changed anything."""


class ShopUnderTest(Protocol):
    """An empty shop, the adapter that opens it, and what buyers, the seller on the website and chance do there.

    Currency: EUR. All methods but those of `marketplace` go past the adapter.
    """

    marketplace: Marketplace
    clock: HandClock
    """The shop's and ours."""
    seller_name: str

    @property
    def lacks(self) -> Mapping[str, str]:
        """Of `CAPABILITIES`, what the marketplace has not, each with the fact that says so."""
        ...

    def lot_of(self, lot: lot_pb2.Lot) -> Lot:
        """Map as the service maps."""
        ...

    async def stock(self) -> Sequence[Stocked]:
        """All listings, for sale or not, at zero or not."""
        ...

    async def arrived(self) -> Sequence[Arrived]:
        """All calls of the adapter since the shop was made, oldest first."""
        ...

    async def put_up(self, lot: lot_pb2.Lot) -> ListingId:
        """List by hand."""
        ...

    async def edit(self, listing_id: ListingId, lot: lot_pb2.Lot) -> None:
        """Set by hand the pieces and the unit price of a listing to those of `lot`."""
        ...

    async def take_down(self, listing_id: ListingId) -> None:
        """Remove by hand."""
        ...

    async def buy(self, lines: Mapping[ListingId, int], *, unseen_for: timedelta) -> OrderId:
        """Order: the pieces are gone at once, the order shows so much later."""
        ...

    async def cancel(self, order_id: OrderId, *, restock: bool) -> None:
        """Cancel an order; `restock`: its pieces are for sale again."""
        ...

    async def reduce(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        """Take pieces out of an order, or refund them."""
        ...

    async def strike(self, fault: Fault, call: Call, *, times: int | None, missing: Sequence[ListingId]) -> None:
        """Let the next so many such calls go wrong, None: all. `missing`: what a short list lacks."""
        ...

    async def heal(self) -> None:
        """Let nothing go wrong any more."""
        ...

    async def limit_texts(self, characters: int) -> None:
        """Refuse longer descriptions from now on."""
        ...

    async def spend_calls(self) -> None:
        """Let another program with the same keys use up what the shop allows in the present window."""
        ...
