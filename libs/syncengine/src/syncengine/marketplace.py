"""Everything that the engine may ask of one shop, and what an answer can mean to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from syncengine.listing import (
    CatalogEntry,
    Group,
    Item,
    Listing,
    ListingId,
    ListingRead,
    ListRead,
    OrderId,
    OrderLine,
    OrderRead,
    OrderSummary,
    Values,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Calls that a shop allows in a rolling window (rule B1)."""

    name: str
    calls: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a marketplace can do."""

    marketplace: str
    """As in topics and services: bricklink, brickowl."""
    groups: Mapping[str, Group]
    """The fields that it takes, and the group of each; quantity, for_sale and retain are the engine's own."""
    repeated_fields: frozenset[str]
    """Fields that every update must carry, changed or not."""
    order_pages: tuple[str, ...]
    """All the lists of orders that make the complete picture; the first one holds the fresh ones."""
    limit: Limit
    creates_at_once: int = 1
    """How many listings one call may make (rule N2)."""
    updates_at_once: int = 1
    """How many listings one call may change (rule N2)."""
    proven_batches: frozenset[str] | None = None
    """Kinds of calls of several things that are known to do what they say (`batches`); None: all of them. Another kind
    is used on a connection once a small one was seen to do it there (rule N2)."""
    created_with: Values = field(default_factory=dict)
    """Fields that a create does not take, and what they are in a new listing: the next plan sends the rest (F4)."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields that inventory may leave unsaid, and what a seller may want them to be then, the usual one first."""
    marks_listings: bool = False
    """It keeps a text of ours with each listing: by the one that a create gives it, the attempt is found (N2, N3)."""
    price_places: int = 4
    """The decimal places of its prices, to which inventory's are rounded half up."""
    keeps_sold_out: bool = False
    """A listing that sells out stays, with no pieces; whether it shall is not the shop's to know."""
    tells_shop: bool = False
    """It has a call that says whose shop the keys open (rule W1)."""
    pings_to: str = ""
    """The address that it is to be asked to send its pings to; empty: it is not asked, or has no call for that."""
    looks_up_at_once: int = 0
    """It has a catalogue of its own, of which one call looks up so many entries; 0: its items are inventory's."""
    look_up_costs: int = 1
    """As how many calls the shop may count the looking up of one entry."""
    views_at_once: int = 0
    """Its lists of orders do not say all: of the first so many of a page one call views the rest; 0: they do."""
    merges_orders: bool = False
    """Orders may go into others: a line may be older than the order that shows it (rule S2)."""
    batch_costs: int = 1
    """As how many calls, at least, one is charged that asks for several things: where such calls have a limit of their
    own, it is so many times lower (rule B1)."""
    counts_entries: bool = False
    """It may count such a call as one for each of the things."""
    stamp_step: timedelta = timedelta(seconds=1)
    """By how much each call's stamp is later than the last one's, at least (rule B4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A call that is charged to the budget, durably, and may now be made, once (rules L3, B1, B4)."""

    stamp: datetime
    """The call's own time, in steps of `Facts.stamp_step`: rises strictly from call to call of one key."""
    deadline: timedelta
    """How long the whole call may take, connecting included; afterwards its outcome is unknown."""


# Writes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """List a lot that has no listing."""

    item: Item
    quantity: int
    for_sale: bool
    retain: bool
    fields: Values
    external_id: str = ""
    """Our own mark, of this attempt alone; empty where the marketplace keeps none (rule N2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change a listing: its quantity by a difference, and the fields that are due."""

    listing_id: ListingId
    delta: int = 0
    ledger: int | None = None
    """With a delta: what the shop must show now if our books are right (rule Q1). It is for a marketplace that takes no
    differences, and changes pieces only if there are still so many as the call says; `Gone` if there are not."""
    fields: Values = field(default_factory=dict)
    """The fields that are due, and those of `Facts.repeated_fields`."""
    for_sale: bool | None = None
    """None: as it is."""
    retain: bool | None = None
    """None: as it is."""
    total: int | None = None
    """What `delta` makes of the quantity, where nobody can buy meanwhile and the call may say that instead (N2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Take a listing away for good; a repeat is harmless (rule Q3)."""

    listing_id: ListingId


Write = Create | Update | Remove

# Outcomes: named by what the engine does next -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The shop did it."""

    listing: Listing | None = None
    """What the shop showed in its answer, if it showed anything."""
    listing_id: ListingId | None = None
    """Of what a create made, where its answer says no more than that. A create without either is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Certainly not done, and nothing wrong with the request: try again, not before `after`."""

    reason: str
    """A constant word of ours: SHOP_DOWN, QUOTA, KEYS_UNAVAILABLE, CLOCK_SKEWED (ours: no seller is halted, O2)."""
    after: timedelta | None = None
    """What the shop asked for; None: the engine's own back-off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Certainly not done: the shop will not take these fields. The engine finds out which group, and parks it (F1)."""

    reason: str
    """A constant word of ours: never the shop's own text (rule O1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Certainly not done: the shop has no such listing, or not the pieces that the call spoke of (`Update.ledger`).

    A look follows, for it is no refusal (rule K3).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """Certainly not done: the connection cannot go on until a person acts."""

    reason: str
    """A constant word of ours: WRONG_KEY, ADDRESS_NOT_ALLOWED, NO_PERMISSION, NO_KEYS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody can say whether it was done: look, never send again."""

    reason: str
    """A constant word of ours: NO_REPLY, SERVER_ERROR, UNREADABLE_REPLY, CALL_REFUSED (some of its creates perhaps), or
    `TURNED_AWAY`."""
    answered: bool = False
    """The shop is there and has finished with the call: nothing of it lands later."""


TURNED_AWAY = "TURNED_AWAY"
"""Why an outcome is unknown: a server before the shop answered 503, as it does for what it does not pass on."""

Outcome = Applied | Later | Refused | Gone | Halted | Unknown

BATCH_REFUSED = "BATCH_REFUSED"
"""Why things were refused that one call asked for together: the shop does not take such a call. Nothing was done."""


class ReadFailedError(Exception):
    """A read brought nothing; `outcome` says what to do next (a read is never `Applied`)."""

    def __init__(self, outcome: Later | Refused | Halted | Unknown) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Whose shop the keys open (rule W1)."""

    name: str
    """The seller's name there."""
    currency_code: str
    """ISO 4217."""
    number: str = ""
    """By which the marketplace's pings name the shop; empty: it gives it none."""


class Marketplace(Protocol):
    """One shop, over one connection. Each method is exactly one API call, charged before by whoever calls it.

    Reads raise `ReadFailedError`. `send` never raises for anything that the shop or the network does.
    """

    facts: Facts

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        """Write once; nothing is retried or redirected on the way (rule L3)."""
        ...

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        """Read one listing."""
        ...

    async def read_all(self, ticket: Ticket) -> ListRead:
        """Read every listing, for sale or not, at zero or not."""
        ...

    async def list_orders(self, page: str, ticket: Ticket) -> OrderRead:
        """Read one of `Facts.order_pages`."""
        ...

    async def order_lines(self, order_id: OrderId, ticket: Ticket) -> tuple[OrderLine, ...]:
        """Read the lines of one order, summed by listing."""
        ...

    # Only where the facts say that there is such a call (`NoFurtherCalls` is for where there is none):

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Make several listings, at most `Facts.creates_at_once`: one outcome for each, in their order (rule N2)."""
        ...

    async def identify(self, ticket: Ticket) -> Shop:
        """Say whose shop it is (`Facts.tells_shop`)."""
        ...

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Change several listings, at most `Facts.updates_at_once`: one outcome for each, in their order (rule N2)."""

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Ask it to send pings to this address from now on (`Facts.pings_to`); a repeat changes nothing."""
        ...

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Complete what a list said of orders, at most `Facts.views_at_once`; one that is not there is left out."""
        ...

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Find entries of inventory's catalogue in the marketplace's own, at most `Facts.looks_up_at_once`.

        Each with all that it may be there; of several a person says which. One of which nothing was learnt is left out.
        `alone`: by a call that asks for one thing, so of one entry, and as what it is likeliest to be.
        """
        ...


class NoFurtherCalls:
    """The calls of `Marketplace` that only some marketplaces have, for one that lacks them."""

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        """Never called. Raises TypeError."""
        raise TypeError("this marketplace makes one listing by a call")

    async def identify(self, ticket: Ticket) -> Shop:
        """Never called. Raises TypeError."""
        raise TypeError("this marketplace does not say whose shop it is")

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        """Never called. Raises TypeError."""
        raise TypeError("this marketplace changes one listing a call")

    async def send_pings(self, address: str, ticket: Ticket) -> None:
        """Never called. Raises TypeError."""
        raise TypeError("this marketplace is not told by a call where to send pings")

    async def view_orders(self, orders: Sequence[OrderSummary], ticket: Ticket) -> Sequence[OrderSummary]:
        """Never called. Raises TypeError."""
        raise TypeError("the lists of this marketplace say all of an order")

    async def look_up(
        self, entries: Sequence[CatalogEntry], ticket: Ticket, *, alone: bool = False
    ) -> Mapping[CatalogEntry, Sequence[CatalogEntry]]:
        """Never called. Raises TypeError."""
        raise TypeError("this marketplace has no catalogue of its own")
