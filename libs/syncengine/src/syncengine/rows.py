"""What the engine remembers, row by row: plain frozen values that a `Store` keeps and the engine replaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from syncengine.listing import (
    CatalogEntry,
    Group,
    Item,
    Listing,
    ListingId,
    Lot,
    LotId,
    OrderId,
    SellerId,
    Value,
    Values,
)
from syncengine.marketplace import Write

IntentId = NewType("IntentId", str)

ITEM = "item"
"""Stands among the fields for what a listing is of, where somebody changed that (rule S6)."""
FOR_SALE = "for_sale"
RETAIN = "retain"
"""The engine's own two, among the fields."""


STAMP_LEAD = timedelta(seconds=60)
"""How far stamps may run ahead of the clock unless configured otherwise; stamps forgotten in a loss were no later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The engine's times and sizes; tests shorten them."""

    late_window: timedelta = timedelta(seconds=60)
    """In which a write may still land after its deadline (rule K1)."""
    lag_window: timedelta = timedelta(minutes=30)
    """In which an order may be missing from the list though its pieces are gone (rules K2, K4, C4)."""
    order_poll_interval: timedelta = timedelta(seconds=20)
    """Between two polls, where sales are likely and calls abound: the shortest there is."""
    order_poll_longest: timedelta = timedelta(minutes=15)
    """Between two polls, where sales are unlikely or calls scarce; a shop with very few calls is polled less often."""
    full_order_interval: timedelta = timedelta(hours=6)
    """Between two reads of every page of orders where nothing else asked for one."""
    census_interval: timedelta = timedelta(days=1)
    """Between two matches of the whole shop."""
    halt_probe_interval: timedelta = timedelta(hours=1)
    """Between two tries of a halted connection (rule O2)."""
    call_deadline: timedelta = timedelta(seconds=30)
    """For one write or small read."""
    list_deadline: timedelta = timedelta(seconds=120)
    """For one read of the whole shop, or of a page of orders."""
    reply_patience: timedelta = timedelta(seconds=10)
    """How long the reply to a read, but of the whole shop, or to a change of one listing is waited for at first: with
    each two failures in a row twice as long, up to the deadline. One that never comes would else keep all else of the
    connection waiting for that long. What a write may still do counts from its deadline all the same (rule K1)."""
    slow_for: timedelta = timedelta(hours=1)
    """How long replies are waited for until the deadline at once after one came that took longer than that."""
    lease: timedelta = timedelta(seconds=150)
    """How long a worker owns a connection without renewing; longer than any deadline plus the margin."""
    lease_margin: timedelta = timedelta(seconds=5)
    """Which the lease must outlive a call's deadline by (rule L2)."""
    stamp_lead: timedelta = STAMP_LEAD
    """How far a call's stamp may run ahead of the clock (rule B4)."""
    stamp_rest: timedelta = timedelta(seconds=10)
    """How long no call is made once they ran so far: it frees a stamp a second, for a job of several calls."""
    anchor_doubt: timedelta = timedelta(seconds=10)
    """Orders this close to the read that began a ledger may or may not be in it (rule Q1)."""
    backoff_base: timedelta = timedelta(seconds=1)
    """The first pause after a failed call; doubles up to backoff_cap, with full jitter (rule O3)."""
    backoff_cap: timedelta = timedelta(minutes=10)
    """The longest such pause."""
    reserved_share: float = 0.2
    """Of the budget: looks and order reads own it (rule B2)."""
    look_share: float = 0.04
    """Of the budget: so much of it no write uses, however many calls order reads have taken."""
    quota_answers: int = 4
    """After so many failures in a row a quota answer is believed to speak of the whole window (rule B3)."""
    creates_together_from: int = 10
    """From so many waiting creates on, one call makes several listings; and of changes likewise (rule N2)."""
    first_together: int = 3
    """Of a kind of call that the shop has yet to be seen to do, the first has so many (rule N2)."""
    answered_look_after: timedelta = timedelta(seconds=15)
    """After which what an answered call did is looked at: listings that were made without telling us their ids, one
    list may find many, and decreases that were turned away."""
    list_look_from: int = 4
    """From so many lots to look at on, one read of the whole list serves them all."""
    removals_free: int = 20
    """So many removals a day that no sale caused need nobody's consent (rule B5)."""
    removals_free_share: float = 0.1
    """Of a shop's listings: the same, for large shops."""
    ping_share: float = 0.08
    """Of a shop's calls: so many polls may pings bring forward (rule B3); under half of what polls have."""
    pings_at_once: int = 20
    """So many of them without a pause."""
    asked_share: float = 0.02
    """Of a shop's calls: so many reads may people ask for ahead of their time (rule B3)."""
    may_send: bool = True
    """False: an operator has stopped all writes; reads go on (design, Flags)."""


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
    """No increase or create before an order read that began later than this (rule C4)."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One field group of a lot, set aside with the reason until a newer revision changes it."""

    reason: str
    """A constant word of ours."""
    revision: int
    values: Values
    """The desired values that were refused: the group is tried again when they differ."""


class Trouble(StrEnum):
    """What a person must decide about a lot."""

    NUMBER_UNEXPLAINED = "NUMBER_UNEXPLAINED"
    GONE_UNEXPLAINED = "GONE_UNEXPLAINED"
    LOOK_ALIKE = "LOOK_ALIKE"
    CREATE_UNEXPLAINED = "CREATE_UNEXPLAINED"
    ORDER_UNASSIGNED = "ORDER_UNASSIGNED"
    LEFT_OUT = "LEFT_OUT"
    """A person said that it shall not be listed here; it stays so until they say otherwise."""


CHANGED_IN_SHOP = "CHANGED_IN_SHOP"
"""Why a field waits for a person that somebody changed in the shop itself (rules F2, S6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One field that somebody else changed in the shop (rules F2, S6): its group waits, no decrease does."""

    sent: Value
    """What we had sent."""
    ours: Value
    """What was desired when it was noticed; a later value of the seller's decides by itself."""
    theirs: Value
    """What the shop shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one read showed of a listing; kept until every order before it must have been listed (rules K2, K4)."""

    quantity: int | None
    """None: there was no such listing."""
    holds: bool
    """It showed the fields of the write whose outcome is unknown."""
    contradicts: bool
    """It showed other than what that write says of being for sale or retained, which no shop cleans or rounds."""
    read_at: datetime
    """By the shop's clock."""
    at: datetime
    """By ours, before the read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probation:
    """An unknown outcome that a look resolved, until another look that no late order can deceive (rule K5)."""

    delta: int
    """By how much the ledger is off if the verdict was wrong."""
    due_at: datetime
    earlier: frozenset[int] = frozenset()
    """By how much it is off if a verdict before was wrong, alone or as well: no look settled that one yet."""

    @property
    def deltas(self) -> frozenset[int]:
        """Everything that the ledger may be off by."""
        return self.earlier | {self.delta}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRow:
    """One lot in this shop: what should be there, what is there by our books, what was tried."""

    lot_id: LotId
    seller_id: SellerId

    # desired: written by absorb alone (rule T3)
    desired: Lot
    revision: int
    counted_seq: int = 0
    counted_at: datetime | None = None
    correlation_id: str = ""
    stale: bool = False
    """An event of this lot could not be decoded: what is desired may be old (rule T5)."""

    # there, by our books
    listing_id: ListingId | None = None
    gone_id: ListingId | None = None
    """The last listing whose end we know of: a younger one of this lot may still be there (rule N3)."""
    listed_item: Item | None = None
    """What that listing is of (rule N4)."""
    ledger: int | None = None
    """What the shop must show now if our books are right (rule Q1); None without a listing."""
    ledger_from: datetime | None = None
    """The shop's date of the read that began the ledger; None: the listing's creation."""
    doubt: int = 0
    """Pieces of orders so near to ledger_from that they may be in the ledger twice (rule Q1)."""
    uncounted: int = 0
    """Pieces of sales that we sent and inventory has not acknowledged (rule Q2)."""
    recount_seq: int = 0
    """The seq of the last baseline or recount message: nothing is sent while counted_seq is below (rule C4)."""
    sales_seq: int = 0
    """The last seq used for this lot's sales messages (rule T1)."""
    sent: Values = field(default_factory=dict)
    """What was sent, or found equal, field by field (rule F2)."""
    shown: Values = field(default_factory=dict)
    """What the shop showed after that (rule F2)."""
    conflicts: Mapping[str, Conflict] = field(default_factory=dict)
    """By field: what somebody else changed; ITEM stands for what the listing is of."""
    sent_for_sale: bool = True
    hidden_at: datetime | None = None
    """When our own write, or a read that was believed, showed it hidden; None: for sale, or nobody knows since when."""
    sent_retain: bool = False

    # tried
    intent_id: IntentId | None = None
    """The one intent without a settled outcome."""
    unknown: bool = False
    """That intent's outcome is unknown: it waits for a look."""
    parked: Mapping[Group, Parked] = field(default_factory=dict)
    apart_at: int = 0
    """The revision at which a call with several groups was refused: they go one by one (rule F1)."""
    create_with: int | None = None
    """No call that creates it, or changes it, does so with more listings than this: one of more was not done (N2)."""
    on_trial: tuple[str, ...] = ()
    """Kinds of the call of several that wrote it, of which it is yet to be seen whether the shop did it (rule N2)."""
    applied: Mapping[Group, tuple[int, int]] = field(default_factory=dict)
    """Revision and how often the group was applied in it (rule F3)."""
    trouble: Trouble | None = None
    theirs: int | None = None
    """What the shop showed where trouble is about a number; None: no listing."""
    unexplained: int = 0
    """Where trouble is about a number: pieces that the shop shows more than our books say, below zero: fewer."""
    strangers: tuple[ListingId, ...] = ()
    """Listings like it of which a person said that they are not this lot's (rule C2)."""
    raise_after: datetime | None = None
    """No increase or create before orders were read later than this: a late one may explain the number (rule K4)."""
    awaited_revision: int = 0
    """No quantity is sent while the revision is below: what a person answered changes the lot, and is on its way."""
    look_since: datetime | None = None
    """A look is wanted, for a reason found at this moment (rules K3, K4)."""
    observed: Observation | None = None
    """What the first read showed that did not explain itself."""
    probation: Probation | None = None
    not_before: datetime | None = None
    """Nothing for this lot earlier."""
    undone: int = 0
    """Writes in a row whose outcome was unknown, and that were found not done."""
    unseen: int = 0
    """Looks in a row that brought nothing."""
    orders_after: datetime | None = None
    """Our own write removed or emptied its listing then, perhaps with pieces that had just been sold: not created
    before orders were read later (rule N4), not filled before they were read one lag window later (rule K4)."""
    list_after: datetime | None = None
    """Pieces of it came back then: not created before a whole list was read later (rule Q4)."""

    waiting_since: datetime | None = None
    """Since when there has been something to send."""
    sold_there: int = 0
    """What inventory had counted as sold when the shop last showed no more than it should."""

    # told
    settled: Mapping[Group, int] = field(default_factory=dict)
    """The newest revision of which each group was seen to be in the shop."""
    result_seq: int = 0
    """The last seq used for this lot's results (rule T1)."""
    told: str = ""
    """What the last result said, to say each thing once."""

    @property
    def target(self) -> int:
        """Pieces that the shop should show (rule Q2)."""
        return 0 if self.desired.is_archived else max(0, self.desired.quantity - self.uncounted)

    @property
    def shows_sold(self) -> bool:
        """The shop offers pieces that were sold since, elsewhere or here: first among lots of its rank (rule B2)."""
        return self.is_to_shrink and self.desired.sold > self.sold_there

    @property
    def is_to_shrink(self) -> bool:
        """By our books the shop shows more than it should."""
        return self.ledger is not None and self.ledger > self.target

    @property
    def may_show_more(self) -> bool:
        """A decrease counts as done by a number that a sale not yet listed makes as well: it is on probation (K5)."""
        return self.probation is not None and max(self.probation.deltas) > 0


NO_ID_IN_REPLY = "NO_ID_IN_REPLY"
"""Why the outcome of a create is open though the shop said that it was done."""


class Fate(StrEnum):
    """What became of an intent."""

    OPEN = "open"
    """The call may be under way, or its worker may be dead."""
    UNKNOWN = "unknown"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One write, durable before its first byte leaves (rule L3)."""

    intent_id: IntentId
    seller_id: SellerId
    lot_id: LotId
    term: int
    """Of the lease under which it is sent."""
    write: Write
    groups: tuple[Group, ...]
    """The field groups that it carries."""
    revision: int
    correlation_id: str
    sent_at: datetime
    """Just before the call, by our clock."""
    deadline: timedelta
    stamp: datetime
    above_listing_id: int = 0
    """The highest listing id known then: a create's own is higher (rule N3)."""
    fate: Fate = Fate.OPEN
    reason: str = ""
    answered_at: datetime | None = None
    """When the shop answered, though not with what became of it: nothing of it lands later, or so it is taken for a
    decrease that was turned away (ADR 28)."""
    newcomers: Mapping[ListingId, int] | None = None
    """What the first whole list showed that may be this create's listing, with its pieces; None: it was empty (N3)."""
    listed_at: datetime | None = None
    """When that list was read, by our clock."""
    list_read_at: datetime | None = None
    """The same by the shop's."""
    listed_again_at: datetime | None = None
    """When a second one, a late window or more after it, was read: the two prove what both lack (rule N3)."""
    settled_at: datetime | None = None

    def looked_at_from(self, settings: Settings) -> datetime:
        """When the earliest look can say anything (rule K1)."""
        if self.answered_at is not None:
            return self.answered_at + settings.answered_look_after
        return self.sent_at + self.deadline + settings.late_window


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as last read."""

    seller_id: SellerId
    order_id: OrderId
    ordered_at: datetime
    changed_at: datetime
    fingerprint: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One order line: kept for ever, known listing or not (rule S1)."""

    seller_id: SellerId
    order_id: OrderId
    listing_id: ListingId
    item: Item
    ordered_at: datetime
    total: int
    """Pieces booked: the highest total seen; a lower one opens a return, it does not unbook (rule S4)."""
    seen: int
    """Pieces that the order still holds; 0 if it is cancelled."""
    grown_at: datetime
    """When its total last grew, by the shop's clock."""
    lot_id: LotId | None = None
    """None until its listing is linked."""
    unowned: bool = False
    """Its listing was seen in the shop and belongs to no lot, or a person said so: it holds nothing back (C2, C4)."""

    @property
    def returned(self) -> int:
        """Pieces that the order no longer holds and nobody has told the whereabouts of: an open return (rule S4)."""
        return self.total - self.seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A sale in the ledger, told to inventory under this seq (rule Q2)."""

    lot_id: LotId
    seq: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls charged to a limit of the shop (rules B1, B2)."""

    calls: int = 0
    """Of any kind."""
    writes: int = 0
    """Those of them that were writes."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.calls + other.calls, self.writes + other.writes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """What the marketplace's own catalogue has for an entry of inventory's."""

    seller_id: SellerId
    entry: CatalogEntry
    found: CatalogEntry | None
    """None: nothing, or several; a person may say which."""
    candidates: tuple[CatalogEntry, ...] = ()
    """Where there are several: which."""
    since: datetime
    """When it was first asked for."""
    ask_again_at: datetime | None = None
    """None: what was found, and what a person said, stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopListing:
    """A listing as the last census saw it, owned or not (rule C2)."""

    seller_id: SellerId
    listing: Listing
    seen_at: datetime
    read_at: datetime | None = None
    """When its pieces were counted, by the shop's clock (rule S7): the read, or the latest order known to be in them.
    None: older code did not say."""
    missed_at: datetime | None = None
    """When a list was read that lacks it: it may be short (rule N3)."""
    missed_again_at: datetime | None = None
    """When a second one was, a late window or more after it: it is gone, or sold in an order that may be late."""
