"""What the seller does in the shop itself, past us: edits, removals, look-alikes; a closed shop; another tool."""

from dataclasses import dataclass
from datetime import timedelta

from syncengine.listing import Item, Listing
from syncengine.marketplace import Create
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.stage import Stage
from syncengine.testing.simulation.users import Users


@dataclass(slots=True)
class Website:
    """Hands in the shop."""

    stage: Stage
    users: Users

    def _some_listing(self) -> Listing | None:
        owners = self.stage.books.owners
        listings = [listing for listing in self.stage.shop.listings().values() if listing.listing_id in owners]
        ordered = sorted(listings, key=lambda listing: listing.listing_id)
        return self.stage.random.choice(ordered) if ordered else None

    def _blame(self, listing: Listing, cause: Cause) -> None:
        if (SELLER, listing.listing_id) in self.stage.store.tables.owners:
            self.stage.books.blame(self.stage.books.owners[listing.listing_id], cause)
        else:
            self.stage.books.blame_item(listing.item, Cause.UNSEEN)

    def _creates(self, item: Item) -> list[Create]:
        """Those of this item that are under way."""
        writes = [intent.write for intent in self.stage.store.tables.unsettled.values()]
        return [write for write in writes if isinstance(write, Create) and write.item == item]

    def _take_out(self, listing: Listing, pieces: int) -> None:
        books, lot_id = self.stage.books, self.stage.books.owners[listing.listing_id]
        tables = self.stage.store.tables
        row = tables.listings.get(lot_id)
        is_linked = row is not None and row.listing_id == listing.listing_id
        # Of a listing, or an increase, that no reply told of, and of a listing that a list lacked after a loss, nobody
        # will ever know that the pieces were there; of one that we are removing, nobody that it was not we. What is
        # left beside pieces that the shop put back may look like those, or like fewer of them (rule S4).
        is_alone = is_linked and all(intent.lot_id != lot_id for intent in tables.unsettled.values())
        is_seen = is_alone and not books.may_show_more(lot_id)
        if is_seen:
            books.missed[lot_id] += pieces
        else:
            books.take_by_hand(lot_id, pieces)

    # Happenings

    def change_quantity(self) -> None:
        """The seller corrects a number on the website.

        Not of what stands empty and is nobody's while a create is to offer the same: filled, it is a look-alike (C2).
        """
        if (listing := self._some_listing()) is None:
            return
        lot_id = self.stage.books.owners[listing.listing_id]
        quantity = max(1, listing.quantity + self.stage.random.choice((-3, -2, -1, 1, 2, 5)))
        is_nobodys = (SELLER, listing.listing_id) not in self.stage.store.tables.owners
        is_left_over = is_nobodys and not listing.quantity and self._creates(listing.item)
        if quantity == listing.quantity or is_left_over:
            return
        self.stage.events += 1
        self.stage.shop.edit(listing.listing_id, quantity, {})
        self.stage.books.by_hand[lot_id] += quantity - listing.quantity
        self._take_out(listing, max(0, listing.quantity - quantity))
        self._blame(listing, Cause.QUANTITY)
        self.stage.struck["quantity changed by hand"] += 1

    def change_price(self) -> None:
        """The seller sets a price on the website (rule F2)."""
        if (listing := self._some_listing()) is None:
            return
        self.stage.events += 1
        price = self.stage.shop.price(f"9.{self.stage.random.randint(1, 9999):04}")
        self.stage.shop.edit(listing.listing_id, None, price)
        self._blame(listing, Cause.FIELDS)
        self.stage.struck["price changed by hand"] += 1

    def remove(self) -> None:
        """The seller removes a listing on the website."""
        if (listing := self._some_listing()) is None:
            return
        self.stage.events += 1
        lot_id = self.stage.books.owners[listing.listing_id]
        self.stage.shop.delete(listing.listing_id)
        self.stage.books.by_hand[lot_id] -= listing.quantity
        self._take_out(listing, listing.quantity)
        self._blame(listing, Cause.REMOVAL)
        self.stage.struck["listing removed by hand"] += 1

    def put_up_look_alike(self) -> None:
        """The seller lists by hand what looks like a lot of theirs.

        Never as many pieces as a create under way has, or the next one: sold out before a list shows them, the two are
        the same (N3).
        """
        self.stage.events += 1
        item = self.users.make_item()
        fields = self.users.make_fields(0, note="by hand")
        taken = {write.quantity for write in self._creates(item)}
        taken |= {row.target for row in self.stage.store.tables.listings.values() if row.desired.item == item}
        pieces = self.stage.random.randint(1, 9)
        while pieces in taken:
            pieces += 1
        self.stage.shop.put_up(item, pieces, fields, self.stage.clock.now())
        self.stage.books.blame_item(item, Cause.LOOK_ALIKE)
        self.stage.struck["look-alike put up by hand"] += 1

    def close(self) -> None:
        """The shop is closed for a while, and lists nothing (rule C5)."""
        self.stage.network.closed_until = self.stage.clock.now() + timedelta(seconds=self.stage.random.randint(5, 90))
        self.stage.struck["shop closed"] += 1

    def let_another_tool_call(self) -> None:
        """Another program of the seller's uses the same quota."""
        now, limit = self.stage.clock.now(), self.stage.shop.facts.limit
        eaten = self.stage.random.randint(5, limit.calls // 4) if limit.calls < 1000 else 5
        self.stage.network.others_calls.extend([now] * eaten)
        self.stage.struck["quota eaten by another tool"] += 1
