"""What truly happened: what users wished, what buyers took, what hands did in the shop, which listing is whose."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncengine.listing import Item, ListingId, LotId, OrderId
from syncengine.marketplace import Write
from syncengine.rows.intent import Intent
from syncengine.rows.listing import Trouble
from syncengine.testing.inventory import Inventory, Stock


class Cause(StrEnum):
    """Something in the script that a person must settle."""

    QUANTITY = "quantity changed by hand"
    REMOVAL = "listing removed by hand"
    LOOK_ALIKE = "look-alike put up by hand"
    UNSEEN = "listing touched by hand before its reply was seen"
    FIELDS = "fields changed by hand"
    FALSE_LIST = "list that is not the shop's"
    GROWN = "pieces added to an order line while a number was in doubt"
    """An order shows when it last changed, not when each piece left: two readings may fit."""
    LOSS = "listing that only a lost database knew"


MAY_LEAD_TO = {
    Cause.QUANTITY: {Trouble.NUMBER_UNEXPLAINED, Trouble.GONE_UNEXPLAINED},
    Cause.REMOVAL: {Trouble.GONE_UNEXPLAINED},
    Cause.LOOK_ALIKE: {Trouble.LOOK_ALIKE, Trouble.CREATE_UNEXPLAINED, Trouble.ORDER_UNASSIGNED},
    Cause.UNSEEN: set(Trouble),
    Cause.GROWN: {Trouble.NUMBER_UNEXPLAINED, Trouble.GONE_UNEXPLAINED},
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
    is_unfit: bool = False
    """Its price is in another currency, or one that the shop refuses (rules W2, F1)."""
    decreased: int = 0
    """Pieces that users took out until then: what our own decreases took away for them is not wanted again."""

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
    left: int = 0
    """Pieces of it that the seller took out of the order again."""
    restocked: int = 0
    """Pieces of those that the shop put back into a listing (rule S4)."""
    moved: int = 0
    """Pieces that went with its order into another one (rule S2)."""
    before: int = 0
    """Pieces ordered before the connection began: gone from what inventory counted (rule C3)."""

    @property
    def held(self) -> int:
        """Pieces that are this line's still."""
        return self.total - self.restocked - self.moved


@dataclass(slots=True, kw_only=True)
class Unlisted:
    """Pieces that are sold, in an order that the API does not show yet."""

    until: datetime
    order_id: OrderId
    lot_id: LotId
    listing_id: ListingId
    pieces: int
    total: int
    """Of its line, with these."""
    sold_at: datetime
    into: OrderId | None = None
    """The order that theirs went into."""
    total_there: int = 0
    """Of its line there, with these."""
    is_removed: bool = False
    """Our own removal took their listing away since: nothing in the shop tells of them."""
    is_listed_again: bool = False
    """Before the order showed, a create of ours put as many up again (rule N4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An intent, with what was known when it was made."""

    intent: Intent
    revision: int
    """The newest revision of its lot that the engine was ever told."""
    unread: tuple[Unlisted, ...]
    """What an earlier create listed again although it was sold, and no order read until now shows."""
    doubted: int
    """Pieces of a decrease that counts as done on probation: a sale not yet read may have taken them instead (K5)."""


@dataclass(slots=True)
class Books:
    """The script's own account."""

    inventory: Inventory
    wishes: dict[tuple[LotId, int], Wish] = field(default_factory=dict)
    current: dict[LotId, Wish] = field(default_factory=dict)
    delivered: dict[LotId, int] = field(default_factory=dict)
    """The newest revision of each lot that the engine was ever told."""
    sent: dict[datetime, list[Sent]] = field(default_factory=dict)
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
    unfound: Counter[LotId] = field(default_factory=Counter)
    """Pieces that decreases of ours meant to take, and did not: lost on the way, or not there."""
    excused: Counter[LotId] = field(default_factory=Counter)
    """Pieces put in although they were sold, for no order showed it yet: no news at the next write."""
    by_hand: Counter[LotId] = field(default_factory=Counter)
    """Pieces that hands put into it, less those that they took out and that may not be put in again."""
    missed: Counter[LotId] = field(default_factory=Counter)
    """Pieces that hands took out, and that a census which begins anew takes for never having been there (rule C2)."""
    ordered: Counter[LotId] = field(default_factory=Counter)
    """Pieces that buyers ever took, listed or not."""
    put_back: Counter[LotId] = field(default_factory=Counter)
    """Pieces of orders that the shop put back into the lot's listing, and that no write of ours took out again (S4)."""
    lines: dict[tuple[OrderId, ListingId], Line] = field(default_factory=dict)
    lines_of: defaultdict[LotId, list[tuple[OrderId, ListingId]]] = field(default_factory=lambda: defaultdict(list))
    """Those of a lot."""
    reduced: set[OrderId] = field(default_factory=set)
    """Orders that the seller cancelled, or took pieces out of."""
    merged: set[OrderId] = field(default_factory=set)
    """Orders that went into others."""
    shown_from: dict[OrderId, datetime] = field(default_factory=dict)
    """From when on the API shows what orders gave or got."""
    unlisted: list[Unlisted] = field(default_factory=list)
    of_lots: defaultdict[LotId, set[Cause]] = field(default_factory=lambda: defaultdict(set))
    not_entered: list[ListingId] = field(default_factory=list)
    """Listings that were there before us, and that no lot stands for yet."""
    strange_items: set[Item] = field(default_factory=set)
    """What they are of."""
    entered: set[ListingId] = field(default_factory=set)
    """Those of not_entered that a lot was made for since."""
    items: defaultdict[LotId, set[Item]] = field(default_factory=lambda: defaultdict(set))
    """What a lot was of before."""
    of_items: defaultdict[Item, set[Cause]] = field(default_factory=lambda: defaultdict(set))
    stale_at: dict[LotId, int] = field(default_factory=dict)
    """The revision of each lot when a list last showed its listing as it had been before."""

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
        line = self._line(order_id, listing_id, lot_id, item)
        line.total += pieces
        # What the API shows of an order shows all of it.
        for each in self.unlisted:
            each.until = min(each.until, listed_from) if each.order_id == order_id else each.until
        if lot_id is not None:
            self.ordered[lot_id] += pieces
            self.unlisted.append(
                Unlisted(
                    until=listed_from,
                    order_id=order_id,
                    lot_id=lot_id,
                    listing_id=listing_id,
                    pieces=pieces,
                    total=line.total,
                    sold_at=self.inventory.clock.now(),
                )
            )

    def _line(self, order_id: OrderId, listing_id: ListingId, lot_id: LotId | None, item: Item) -> Line:
        """Find a line, or begin it."""
        key = order_id, listing_id
        if key not in self.lines:
            self.lines[key] = Line(lot_id=lot_id, item=item, total=0)
            if lot_id is not None:
                self.lines_of[lot_id].append(key)
        return self.lines[key]

    def take_back(self, order_id: OrderId, listing_id: ListingId, pieces: int, *, restock: bool) -> None:
        """The seller took pieces out of an order: back into the shop, or nobody says where to (rule S4)."""
        line = self.lines[order_id, listing_id]
        line.left += pieces
        self.reduced.add(order_id)
        self.unlisted = [each for each in self.unlisted if each.order_id != order_id]
        if restock and line.lot_id is not None:
            line.restocked += pieces
            self.put_back[line.lot_id] += pieces

    def sold(self, lot_id: LotId) -> int:
        """Pieces that are sold: what left an order stays so until the shop is seen to have put it back (rule S4)."""
        return self.ordered[lot_id] - sum(map(self.came_back, self.lines_of[lot_id]))

    def came_back(self, key: tuple[OrderId, ListingId]) -> int:
        """Pieces of an order line that inventory counts as back, and not in another order (rule S2)."""
        return max(0, self.inventory.came_back.get(key, 0) - self.lines[key].moved)

    def uncounted_returns(self, lot_id: LotId) -> int:
        """Pieces that the shop put back and that do not count as back yet; below zero: too many do."""
        return sum(self.lines[key].restocked - self.came_back(key) for key in self.lines_of[lot_id])

    def may_show_more(self, lot_id: LotId) -> int:
        """Pieces that are in the shop beside what counts as there, until a look finds them (rule S4)."""
        return max(0, min(self.put_back[lot_id], self.uncounted_returns(lot_id)))

    def merge(self, order_id: OrderId, into: OrderId, listed_from: datetime, *, linked: Collection[ListingId]) -> None:
        """An order's lines are another's from now on: they count there, and no more here (rule S2).

        `linked`: listings whose lots the engine knows; of others, gone before the connection, nothing is ever counted.
        """
        self.merged.add(order_id)
        self.shown_from |= {order_id: listed_from, into: listed_from}
        for (its_order, listing_id), line in list(self.lines.items()):
            if its_order != order_id:
                continue
            pieces = line.held
            line.moved += pieces
            lot_id = self.owners.get(listing_id) if listing_id in linked else line.lot_id
            there = self._line(into, listing_id, lot_id, line.item)
            there.total += pieces
            for each in self.unlisted:
                if each.order_id == order_id and each.listing_id == listing_id:
                    each.into, each.total_there = into, there.total
        for each in self.unlisted:
            each.until = min(each.until, listed_from) if into in (each.order_id, each.into) else each.until

    def remove(self, lot_id: LotId) -> None:
        """Our own removal took its listing away."""
        for each in self.unlisted:
            each.is_removed = each.is_removed or each.lot_id == lot_id

    def not_yet_listed(self, lot_id: LotId, now: datetime, *, removed: bool = False) -> int:
        """Pieces in orders that the shop does not show yet; `removed`: only of listings that we removed since."""
        hidden = [each for each in self.unlisted if each.lot_id == lot_id and each.until > now]
        return sum(each.pieces for each in hidden if each.is_removed or not removed)

    def list_again(self, lot_id: LotId, read_at: datetime) -> None:
        """A create put up what orders read until then did not show as sold."""
        for each in self.unlisted:
            if each.lot_id == lot_id and each.is_removed and each.until > read_at:
                each.is_listed_again = True

    def sent_by(self, stamp: datetime, write: Write) -> Sent:
        """What is known of a write that this call brings."""
        return next(sent for sent in self.sent[stamp] if sent.intent.write == write)

    def begin_anew(self) -> None:
        """A census took the shop as it is: what hands took out before may be put in again (rule C2)."""
        for lot_id in list(self.missed):
            self.take_by_hand(lot_id, self.missed.pop(lot_id))

    def take_by_hand(self, lot_id: LotId, pieces: int) -> None:
        """Nobody will know that it was hands who took pieces out: they may be put in again, like what we took out."""
        self.taken[lot_id] += pieces
        self.by_hand[lot_id] += pieces

    def an_order_grew(self) -> bool:
        """Whether an order holds another lot's pieces that are not counted yet: of when are they?

        Or went into another, and its own are still counted: once the books are lost, nobody knows what they were (S2).
        """
        lines_of = Counter(order_id for order_id, _ in self.lines)
        counted = self.inventory.counted
        return any(
            (line.lot_id is not None and lines_of[key[0]] > 1 and line.held - line.before > counted.get(key, 0))
            # Also of a listing that was there before its lot was made.
            or (key[0] in self.merged and key[1] in self.owners and line.held - line.before != counted.get(key, 0))
            for key, line in self.lines.items()
        )

    def blame(self, lot_id: LotId, cause: Cause) -> None:
        """This lot may have to wait for a person."""
        self.of_lots[lot_id].add(cause)

    def blame_item(self, item: Item, cause: Cause) -> None:
        """Every lot of this item may, also one to come."""
        self.of_items[item].add(cause)

    def causes(self, lot_id: LotId) -> set[Cause]:
        """Why a lot may wait."""
        items = {*self.items[lot_id], self.inventory.lots[lot_id].item}
        return self.of_lots[lot_id].union(*(self.of_items[item] for item in items))
