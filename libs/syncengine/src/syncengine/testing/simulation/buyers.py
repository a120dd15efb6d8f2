"""Buyers at the shop, and what becomes of their orders."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from syncengine.listing import Listing, ListingId, OrderId
from syncengine.rows.connection import CensusReason
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.stage import Stage

_LATE_SHARE = 0.4
_LATEST = 0.8
"""Of the lag window."""


@dataclass(slots=True)
class Buyers:
    """They take pieces at once; the shop lists their orders when it likes to."""

    stage: Stage

    def for_sale(self) -> list[Listing]:
        """List what anybody can buy."""
        listings = [
            listing for listing in self.stage.shop.listings().values() if listing.quantity > 0 and listing.for_sale
        ]
        return sorted(listings, key=lambda listing: listing.listing_id)

    def _orders(self) -> list[OrderId]:
        return sorted({order_id for order_id, _ in self.stage.books.lines})

    def _is_shown(self, order_id: OrderId) -> bool:
        """Whether the API shows what the order gave or got: a merge shows in both at once, and so must what follows."""
        now = self.stage.clock.now()
        return self.stage.books.shown_from.get(order_id, now) <= now

    def _lag(self) -> timedelta:
        if self.stage.random.random() >= _LATE_SHARE:
            return timedelta(0)
        self.stage.struck["order listed late"] += 1
        return self.stage.settings.lag_window * self.stage.random.random() * _LATEST

    def order(self, listing: Listing, pieces: int, lag: timedelta) -> OrderId:
        """Order pieces of a listing."""
        self.stage.events += 1
        lot_id, step = self.stage.books.owners.get(listing.listing_id), self.stage.shop.date_step
        if lot_id is not None and self.stage.clock.now() < self.stage.inventory.lots[lot_id].counted_at + step:
            self.stage.clock.turn(step)  # nobody buys in the second in which the seller counts
        now = self.stage.clock.now()
        order_id = self.stage.shop.buy(listing.listing_id, pieces, now, lag=lag)
        self.stage.books.sell(order_id, listing.listing_id, listing.item, pieces, now + lag)
        return order_id

    # Happenings

    def buy(self) -> None:
        """A buyer orders."""
        if listings := self.for_sale():
            listing = self.stage.random.choice(listings)
            few, some = min(2, listing.quantity), self.stage.random.randint(1, listing.quantity)
            # Mostly few: where little is left to sell, little is left to happen.
            self.order(listing, self.stage.random.choice((1, 1, 1, few, few, some, listing.quantity)), self._lag())

    def buy_more(self) -> None:
        """A buyer adds to an order.

        Not while a lost database waits for its census: of when such a piece is nobody could know (C3, ADR 8).
        """
        if self.stage.connection.census_reason is CensusReason.DATABASE_LOST:
            return
        # Of what was there before its lot, none: the order may be older than the lot, and unread (C3, ADR 8).
        listings = [each for each in self.for_sale() if each.listing_id not in self.stage.books.entered]
        orders = [order_id for order_id in self._orders() if order_id not in self.stage.books.reduced]
        if listings and orders:
            self.stage.events += 1
            order_id = self.stage.random.choice(orders)
            has = [each for each in listings if (order_id, each.listing_id) in self.stage.books.lines]
            listing = self.stage.random.choice(has or listings)
            now, lag = self.stage.clock.now(), self._lag()
            # The order's one date of change is that of all its lines, and of one that is new in it.
            there = {listing_id for its_order, listing_id in self.stage.books.lines if its_order == order_id}
            for listing_id in there | {listing.listing_id}:
                self._blame_growth(listing_id)
            self.stage.shop.buy_more(order_id, listing.listing_id, 1, now, lag=lag)
            self.stage.books.sell(order_id, listing.listing_id, listing.item, 1, now + lag)
            self.stage.struck["batch added to an order"] += 1

    def merge(self) -> None:
        """An order goes into another one of its buyer: one just placed, or any other (rule S2)."""
        if self.stage.connection.census_reason is CensusReason.DATABASE_LOST:
            return  # as above
        books, random = self.stage.books, self.stage.random
        strange = {order_id for order_id, listing_id in books.lines if listing_id in books.entered}  # as above
        gone = books.reduced | books.merged | strange
        orders = [each for each in self._orders() if each not in gone and self._is_shown(each)]
        listings = [each for each in self.for_sale() if each.listing_id not in books.entered]
        if not orders:
            return
        into, order_id = random.choice(orders), random.choice(orders)
        if order_id == into or random.random() < 0.5:
            if not listings:
                return
            has = [each for each in listings if (into, each.listing_id) in books.lines]
            order_id = self.order(random.choice(has or listings), 1, self._lag())
        self.stage.events += 1
        self.stage.clock.turn(
            self.stage.shop.date_step
        )  # else it would look as if nothing had happened since it was read
        for listing_id in {listing_id for its_order, listing_id in books.lines if its_order in (order_id, into)}:
            self._blame_growth(listing_id)
        now, lag = self.stage.clock.now(), self._lag()
        self.stage.shop.merge(order_id, into, now, lag=lag)
        linked = {listing_id for _, listing_id in self.stage.store.tables.owners}
        books.merge(order_id, into, now + lag, linked=linked)
        self.stage.struck["order merged into another"] += 1

    def _blame_growth(self, listing_id: ListingId) -> None:
        lot_id = self.stage.books.owners.get(listing_id)
        row = self.stage.store.tables.listings.get(lot_id) if lot_id is not None else None
        if row is not None and (row.intent_id is not None or row.look_since is not None):
            self.stage.books.blame(row.lot_id, Cause.GROWN)

    def file(self) -> None:
        """The seller files an order away."""
        if orders := [each for each in self._orders() if self._is_shown(each)]:
            self.stage.events += 1
            self.stage.shop.file(self.stage.random.choice(orders), self.stage.clock.now())
            self.stage.struck["order filed"] += 1

    def cancel_or_reduce(self) -> None:
        """The seller cancels an order or takes pieces out of it, with the restock box or without (rule S4).

        Only of listings that still stand: a shop makes one anew for pieces that come back to none, and whose that is
        only its fields can say. And only pieces that we have told of, none that a census is yet to tell, and that were
        in a lot's count: what is true of others is for a person to say.
        """
        if self.stage.connection.census_reason is not None:
            return
        books, random, live = self.stage.books, self.stage.random, self.stage.shop.listings()
        lines: defaultdict[OrderId, dict[ListingId, int]] = defaultdict(dict)
        for (order_id, listing_id), line in books.lines.items():
            known = self.stage.store.tables.lines.get((SELLER, order_id, listing_id))
            is_told = known is not None and known.lot_id is not None and known.total == line.total
            is_counted = line.lot_id is not None and not line.before
            lines[order_id][listing_id] = line.total if listing_id in live and is_told and is_counted else 0
        whole = [order_id for order_id, held in lines.items() if all(held.values()) and order_id not in books.reduced]
        # Of orders that went into others, or got what others had, how pieces come back is not judged (rule S2).
        whole = [order_id for order_id in whole if order_id not in books.shown_from]
        if not whole:
            return
        self.stage.events += 1
        self.stage.clock.turn(self.stage.shop.date_step)  # as above
        order_id, restock, now = random.choice(sorted(whole)), random.random() < 0.5, self.stage.clock.now()
        if random.random() < 0.5:
            self.stage.shop.cancel(order_id, now, restock=restock)
            for listing_id, pieces in lines[order_id].items():
                books.take_back(order_id, listing_id, pieces, restock=restock)
        else:
            listing_id, pieces = random.choice(sorted(lines[order_id].items()))
            taken = random.randint(1, pieces)
            self.stage.shop.reduce(order_id, listing_id, taken, now, restock=restock)
            books.take_back(order_id, listing_id, taken, restock=restock)
        self.stage.struck["pieces out of an order, restocked" if restock else "pieces out of an order"] += 1
