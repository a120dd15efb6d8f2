"""What the engine remembers of a lot in the shop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncengine.listing import Group, Item, ListingId, Lot, LotId, SellerId, Value, Values
from syncengine.rows.intent import IntentId

ITEM = "item"
"""Stands among the fields for what a listing is of, where somebody changed that (rule S6)."""
FOR_SALE = "for_sale"
RETAIN = "retain"
"""The engine's own two, among the fields."""


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
    ledger: int | None = None
    """What was to be there by our books then: of pieces booked before, none can have left later."""
    times: int = 1
    """Observations in a row with this one: those before could be explained in two ways."""


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
