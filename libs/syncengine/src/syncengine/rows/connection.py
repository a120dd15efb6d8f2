"""What the engine remembers of a connection, who serves it, and what its calls cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from syncengine.listing import Item, ListingId, OrderId, SellerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's right to write for one connection (rule L1)."""

    seller_id: SellerId
    owner: str
    term: int
    """max(last + 1, microseconds of the clock): rises also over a lost database."""
    expires_at: datetime


class CensusReason(StrEnum):
    """Why only reads are sent until the shop was matched as a whole (rule C1), or why it is matched again."""

    CONNECTED = "CONNECTED"
    KEYS_REPLACED = "KEYS_REPLACED"
    DATABASE_LOST = "DATABASE_LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What the last census found, in numbers."""

    linked: int = 0
    to_create: int = 0
    ambiguous: int = 0
    unowned: int = 0
    different: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An order that the shop lists as new or changed, and of which it does not give the lines."""

    since: datetime
    """When they were first asked for in vain, by our clock."""
    failures: int
    """In a row."""
    try_at: datetime
    """They are asked for again no sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRow:
    """One seller's shop, and how far it has come."""

    seller_id: SellerId

    # told by credentials
    event_seq: int = 0
    connected_at: datetime | None = None
    enabled: bool = False
    key_version: int = 0
    shop_is_empty: bool = False
    shop_name: str = ""
    """As the seller typed it."""
    currency_code: str = ""
    """As the seller typed it."""

    # state told by inventory (rules T4, C3)
    wish_id: str = ""
    wished_at: datetime | None = None
    answered_partitions: frozenset[int] = frozenset()
    answered_at: datetime | None = None
    """When the last partition's answer to the wish came."""
    baseline_at: datetime | None = None
    """As inventory last repeated it: nothing is sent before (rule C3)."""
    baseline_taken_at: datetime | None = None
    """As this service published it."""

    # census
    census_reason: CensusReason | None = None
    """Set: only reads are sent (rule C1)."""
    census_at: datetime | None = None
    """When the last census's list was read, by our clock."""
    census_alarm: str = ""
    """Why the last list was not believed (rule C5)."""
    census_missing: int = 0
    """Listings of ours that the list of an alarm lacked."""
    alarm_answered: str = ""
    """The alarm of which a person said that the shop is right; it holds for the next list alone (rule C5)."""
    missing_answered: int = 0
    """How many listings were missing when they said so: a list that lacks more is not what they meant."""
    confirmed_at: datetime | None = None
    """When the seller agreed to the first plan, or the shop was found as empty as they said (rule C2)."""
    hold_increases_until: datetime | None = None
    """No increase or create before an order read that began later, with no list wanted any more (rules C4, N3)."""
    list_wanted_at: datetime | None = None
    """From when on a census is wanted ahead of its time: a lot waits for a whole list (rules Q4, N3)."""
    list_again_at: datetime | None = None
    """When a list may prove that a listing that a lot waits for is gone (rule C2)."""
    match: Match = Match()
    hints_after: ListingId | None = None
    """Up to which listing it was asked what those of no lot are in inventory's catalogue (rule S7); None: of all."""
    held_items: tuple[Item, ...] = ()
    """Items of order lines that belong to nothing we know: no increase or create of them (rule C4)."""
    highest_listing_id: int = 0
    """Of all ever seen in this shop (rule N3)."""

    # whose shop (rule W1)
    pinned_name: str = ""
    pinned_currency: str = ""
    pin_proven: bool = False
    """An order showed both; else they are what the seller typed last."""
    pin_lapsed: bool = False
    """Another connection had pinned the shop when this one was enabled again: it is theirs until this one pins anew."""
    shown_name: str = ""
    """Of the shop that the keys open, where its name halted the connection."""
    claimed_name: str = ""
    """The same, once a person said that it is this connection's own under a new name, and until that is found out."""

    # orders
    orders_read_at: datetime | None = None
    """When the last complete read of the fresh page began, by our clock."""
    all_orders_read_at: datetime | None = None
    """When the last complete read of every page began, by our clock."""
    orders_due_at: datetime | None = None
    """When the fresh page is read next, as the rhythm of sales and the account of calls said at the last read."""
    ping_token: str = ""
    """The secret part of the address that the marketplace's pings may come to; empty: nobody asked for one yet."""
    shop_number: str = ""
    """By which a ping names the shop, where the marketplace gives it such a number."""
    pings_to: str = ""
    """The address that the marketplace was last asked to send pings to."""
    pinged_at: datetime | None = None
    """When the last ping came."""
    ping_due_at: datetime | None = None
    """When the poll that pings ask for may begin; None: none is wanted (rule B3)."""
    ping_free_at: datetime | None = None
    """Until when the places for such polls are booked: no moment of a call, but how the cap counts them."""
    polled_last: bool = False
    """The last turn read orders or looked, or tried to: this one may send before it reads more orders."""
    sends_until: datetime | None = None
    """Until when this goes on: reads that took long, or failed slowly, leave as long to writes that wait."""
    unread: Mapping[OrderId, Unread] = field(default_factory=dict)
    """Orders whose lines could not be read: while there are any, nothing counts as read that proves something."""
    poll_at: datetime | None = None
    """All orders are read no later than this, ahead of their interval: something waits for it (rules N4, K4)."""

    # told by the seller
    paused_at: datetime | None = None
    """Since when nothing is written because a person said so; orders are read all the same."""
    asked_calls: int = 0
    """Reads that people asked for ahead of their time since asked_since (rule B3)."""
    asked_since: datetime | None = None
    test_asked_at: datetime | None = None
    """When a person last asked whether the keys open the shop."""
    let_in_at: datetime | None = None
    """The latest test_asked_at after which a read was made with the keys of then, and the shop answered it."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    """What fields shall be that inventory does not say, where that is not the usual (`Facts.choices`)."""
    defaults_since: datetime | None = None
    """Since when lots that were absorbed before have been waiting for them; None: all have them."""

    # calls
    halted: str = ""
    """A constant word of ours; a halted connection is probed, nothing else (rule O2)."""
    halted_at: datetime | None = None
    not_before: datetime | None = None
    """No call earlier: the shop asked for it, or failed (rule O3)."""
    writes_not_before: datetime | None = None
    """No write earlier: what is left of the budget is for looks and order reads (rule B2)."""
    waiting_for: str = ""
    """Why one of the two was set: a constant word of ours."""
    failures: int = 0
    """Calls without an answer in a row."""
    in_vain: int = 0
    """Replies to writes in a row that were waited for in vain."""
    slow_at: datetime | None = None
    """When a reply last came that took longer than is waited for at first."""
    last_stamp: datetime | None = None
    """Rule B4."""
    cap: int | None = None
    """Calls in the window, lowered by the shop's own answer (rule B3)."""
    capped_at: datetime | None = None
    """When it last answered so."""
    batches: Mapping[str, bool] = field(default_factory=dict)
    """Kinds of calls of several things that were seen to do what they say, or not to (rule N2, `batches`)."""
    trial_until: datetime | None = None
    """What a call of several made is being looked at: until then what such calls might carry waits (rule N2)."""
    alerted_at: datetime | None = None
    """When four fifths of the calls were last found used (rule B3)."""

    # removals that no sale caused (rule B5)
    removals: int = 0
    """How many were sent since removals_since."""
    removals_since: datetime | None = None
    """When the first of them was sent; a day later they are counted anew."""
    removals_held: int = 0
    """So many wait for a person's consent; 0: none is held."""
    removals_agreed_at: datetime | None = None
    """When a person agreed to what was held; it stands for a day."""

    # scheduling (rule L4)
    due_at: datetime | None = None
    last_served_at: datetime | None = None


def list_wanted(connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Want a census now, or later where a list was doubted: a sooner one may be short or old like it (rule N3)."""
    return replace(connection, list_wanted_at=max(connection.list_wanted_at or now, now))


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls charged to a limit of the shop (rules B1, B2)."""

    calls: int = 0
    """Of any kind."""
    writes: int = 0
    """Those of them that were writes."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.calls + other.calls, self.writes + other.writes)
