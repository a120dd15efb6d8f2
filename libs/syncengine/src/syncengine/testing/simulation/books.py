"""What truly happened: what users wished, what buyers took, what hands did in the shop, which listing is whose."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncengine.listing import Item, ListingId, LotId, OrderId
from syncengine.rows import Intent, Trouble
from syncengine.testing.inventory import Inventory, Stock


class Cause(StrEnum):
    """Something in the script that a person must settle."""

    QUANTITY = "quantity changed by hand"
    REMOVAL = "listing removed by hand"
    LOOK_ALIKE = "look-alike put up by hand"
    UNSEEN = "listing touched by hand before its reply was seen"
    FIELDS = "fields changed by hand"
    FALSE_LIST = "list that is not the shop's"
    LOSS = "listing that only a lost database knew"


MAY_LEAD_TO = {
    Cause.QUANTITY: {Trouble.NUMBER_UNEXPLAINED, Trouble.GONE_UNEXPLAINED},
    Cause.REMOVAL: {Trouble.GONE_UNEXPLAINED},
    Cause.LOOK_ALIKE: {Trouble.LOOK_ALIKE, Trouble.CREATE_UNEXPLAINED, Trouble.ORDER_UNASSIGNED},
    Cause.UNSEEN: set(Trouble),
    Cause.FIELDS: set(),  # only its groups wait
    Cause.FALSE_LIST: {
        *(Trouble.NUMBER_UNEXPLAINED, Trouble.GONE_UNEXPLAINED),
        *(Trouble.CREATE_UNEXPLAINED, Trouble.ORDER_UNASSIGNED, Trouble.LOOK_ALIKE),
    },
    Cause.LOSS: {Trouble.LOOK_ALIKE, Trouble.CREATE_UNEXPLAINED, Trouble.ORDER_UNASSIGNED},
}
"""What a person may be asked because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What users made of a lot up to a revision; sales are no part of it."""

    total: int
    archived: bool
    hidden: bool

    def pieces(self, sold: int) -> int:
        """How many the shop should show."""
        return 0 if self.archived else max(0, self.total - sold)


@dataclass(slots=True, kw_only=True)
class Line:
    """Pieces of one listing in one order."""

    lot_id: LotId | None
    """None: of a listing that no lot ever had."""
    item: Item
    total: int
    """The most that it ever had."""
    restocked: int = 0
    """Pieces that the shop gave back."""
    before: int = 0
    """Pieces ordered before the connection began: gone from what inventory counted (rule C3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An intent at the moment at which its call began."""

    intent: Intent
    revision: int
    """The newest revision of its lot that the engine was ever told."""


@dataclass(slots=True)
class Books:
    """The script's own account."""

    inventory: Inventory
    wishes: dict[tuple[LotId, int], Wish] = field(default_factory=dict)
    current: dict[LotId, Wish] = field(default_factory=dict)
    delivered: dict[LotId, int] = field(default_factory=dict)
    """The newest revision of each lot that the engine was ever told."""
    sent: dict[datetime, Sent] = field(default_factory=dict)
    """By stamp: every intent that ever was, also of databases since lost."""
    owners: dict[ListingId, LotId] = field(default_factory=dict)
    """Which lot each listing truly is of."""
    listings: defaultdict[LotId, list[ListingId]] = field(default_factory=lambda: defaultdict(list))
    increases: Counter[LotId] = field(default_factory=Counter)
    """Pieces that users put in."""
    plus: Counter[LotId] = field(default_factory=Counter)
    """Pieces that our creates and increases put into the shop."""
    taken: Counter[LotId] = field(default_factory=Counter)
    """Pieces that our decreases and removals took out of it."""
    by_hand: Counter[LotId] = field(default_factory=Counter)
    """Pieces that hands put into it, less those that they took out."""
    sold: Counter[LotId] = field(default_factory=Counter)
    """Pieces in orders, listed or not, less those that the shop gave back."""
    lines: dict[tuple[OrderId, ListingId], Line] = field(default_factory=dict)
    reduced: set[OrderId] = field(default_factory=set)
    """Orders that the seller cancelled, or took pieces out of."""
    unlisted: list[tuple[datetime, OrderId, LotId, int]] = field(default_factory=list)
    """From when on the API shows pieces that are sold."""
    of_lots: defaultdict[LotId, set[Cause]] = field(default_factory=lambda: defaultdict(set))
    of_items: defaultdict[Item, set[Cause]] = field(default_factory=lambda: defaultdict(set))

    def note(self, stock: Stock) -> None:
        """A lot has a new revision: by a user, who made a wish, or by a sale, which leaves it as it was."""
        self.wishes[stock.lot_id, stock.revision] = self.current[stock.lot_id]

    def own(self, listing_id: ListingId, lot_id: LotId) -> None:
        """This listing is of that lot."""
        self.owners[listing_id] = lot_id
        self.listings[lot_id].append(listing_id)

    def sell(self, order_id: OrderId, listing_id: ListingId, item: Item, pieces: int, listed_from: datetime) -> None:
        """A buyer took pieces."""
        lot_id = self.owners.get(listing_id)
        line = self.lines.get((order_id, listing_id))
        if line is None:
            line = self.lines[order_id, listing_id] = Line(lot_id=lot_id, item=item, total=0)
        line.total += pieces
        # What the API shows of an order shows all of it.
        self.unlisted = [
            (min(moment, listed_from) if sold_by == order_id else moment, sold_by, of, number)
            for moment, sold_by, of, number in self.unlisted
        ]
        if lot_id is not None:
            self.sold[lot_id] += pieces
            self.unlisted.append((listed_from, order_id, lot_id, pieces))

    def take_back(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        """The seller took pieces out of an order: back into the shop, or nobody says where to (rule S4)."""
        line = self.lines[order_id, listing_id]
        self.reduced.add(order_id)
        self.unlisted = [each for each in self.unlisted if each[1] != order_id]
        if restock and line.lot_id is not None:
            line.restocked += pieces
            self.sold[line.lot_id] -= pieces

    def not_yet_listed(self, lot_id: LotId, now: datetime) -> int:
        """Pieces in orders that the shop does not show yet."""
        self.unlisted = [each for each in self.unlisted if each[0] > now]
        return sum(pieces for _, _, of, pieces in self.unlisted if of == lot_id)

    def an_order_grew(self) -> bool:
        """Whether an order holds another lot's pieces that are not counted yet: of when are they?"""
        lines_of = Counter(order_id for order_id, _ in self.lines)
        return any(
            lines_of[key[0]] > 1 and line.total - line.before > self.inventory.counted.get(key, 0)
            for key, line in self.lines.items()
            if line.lot_id is not None
        )

    def blame(self, lot_id: LotId, cause: Cause) -> None:
        """This lot may have to wait for a person."""
        self.of_lots[lot_id].add(cause)

    def blame_item(self, item: Item, cause: Cause) -> None:
        """Every lot of this item may, also one to come."""
        self.of_items[item].add(cause)

    def causes(self, lot_id: LotId) -> set[Cause]:
        """Why a lot may wait."""
        return self.of_lots[lot_id] | self.of_items[self.inventory.lots[lot_id].item]
