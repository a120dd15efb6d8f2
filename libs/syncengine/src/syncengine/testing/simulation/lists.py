"""Lists that show another shop than there is, and which lots may have to wait for a person because of them."""

from dataclasses import dataclass, field
from datetime import datetime

from syncengine.listing import ListingId, ListRead
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.network import Accident
from syncengine.testing.simulation.stage import Stage


@dataclass(slots=True)
class Lists:
    """Watches them.

    One that is a moment old cannot be told from a true one; one that is cut, or empty, can be by what it lacks, unless
    that is a listing of which we do not know yet, or two lack it and no census booked a true one between (rule N3).
    """

    stage: Stage
    lacked: set[ListingId] = field(default_factory=set)
    """What the last false one showed otherwise than it was."""
    false_at: datetime | None = None
    true_at: datetime | None = None

    def listed(self, accident: Accident | None, read: ListRead) -> None:
        """A list was read; `accident`: what made it false."""
        now, books, true = self.stage.clock.now(), self.stage.books, self.stage.shop.listings()
        if accident is None:
            self.true_at = now
            return
        if self._a_true_one_is_booked():
            self.lacked.clear()
        shown = {listing.listing_id: listing for listing in read.listings}
        false = {listing_id for listing_id in books.owners if true.get(listing_id) != shown.get(listing_id)}
        if accident is Accident.STALE_LIST:
            owners = [books.owners[listing_id] for listing_id in false]
            books.stale_at |= {lot_id: self.stage.inventory.lots[lot_id].revision for lot_id in owners}
        known = {listing_id for seller_id, listing_id in self.stage.store.tables.owners}
        for listing_id in false if accident is Accident.STALE_LIST else false - known | false & self.lacked:
            books.blame_item(self.stage.inventory.lots[books.owners[listing_id]].item, Cause.FALSE_LIST)
            books.blame_item((true.get(listing_id) or shown[listing_id]).item, Cause.FALSE_LIST)  # it may be another
        self.lacked, self.false_at = false, now

    def _a_true_one_is_booked(self) -> bool:
        """Tell whether the last census began after the last false list and before a true one: that one it booked."""
        booked_at = self.stage.connection.census_at
        if booked_at is None or self.true_at is None or booked_at > self.true_at:
            return False
        return self.false_at is None or self.false_at < booked_at
