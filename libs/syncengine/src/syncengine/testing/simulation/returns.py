"""What the shop put back of cancelled and reduced orders: that it counts as back once, and when a look may not say so.

A look tells put-back pieces from others by the listing's number alone. Where something else may have moved that number
meanwhile, as few pieces as explain it are believed, and the rest is a question to the seller (rule S4, ADR 6).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from syncengine.listing import LotId
from syncengine.rows.connection import CensusReason
from syncengine.rows.listing import ListingRow
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.books import Cause
from syncengine.testing.simulation.stage import Stage

_MOVES_NUMBERS = frozenset({Cause.QUANTITY, Cause.REMOVAL, Cause.UNSEEN, Cause.FALSE_LIST, Cause.LOSS, Cause.GROWN})
"""What else moves the number of a listing, or makes it seem so: as if pieces had been put back, or had not."""


@dataclass(slots=True)
class Returns:
    """Watches each lot from the moment at which the shop puts pieces back until a look has decided."""

    stage: Stage
    unclear: defaultdict[LotId, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Why the look that is to come may not tell the pieces of a lot from others."""
    left_open: Counter[LotId] = field(default_factory=Counter)
    """Pieces that a look left to the seller, for such a reason."""
    told: Counter[LotId] = field(default_factory=Counter)
    """The seq of the last that was ever told of a lot: a lost database forgets it, a restored inventory reads it again.

    Where both were lost, the pieces that a look had found count no more until that is read: no look left them open, and
    the engine, whose row has no seq, can know nothing of it (life 4587).
    """

    def taken(self, lot_id: LotId, left: int) -> None:
        """A write of ours took pieces out of a lot's listing, or took the listing away."""
        books = self.stage.books
        if books.put_back[lot_id] > left:
            books.put_back[lot_id] = left
            if books.uncounted_returns(lot_id) > self.left_open[lot_id]:
                self.unclear[lot_id].add("taken away again")

    def note(self, lot_id: LotId) -> ListingRow | None:
        """See what else may have moved the number of a lot with such pieces; tells its row if a look is yet to decide.

        Asked after each commit, too: in one turn orders may bring our books below zero, and the look decides.
        """
        books, connection = self.stage.books, self.stage.connection
        uncounted = books.uncounted_returns(lot_id)
        self.left_open[lot_id] = min(self.left_open[lot_id], max(0, uncounted))
        row = self.stage.store.tables.listings.get(lot_id)
        if row is not None:
            self.told[lot_id] = max(self.told[lot_id], row.sales_seq)
        if row is None or connection.census_reason is CensusReason.DATABASE_LOST:
            self.left_open[lot_id] = max(0, uncounted)  # of what it knew of them nothing is left (rule C3)
        if row is None or uncounted <= self.left_open[lot_id]:
            self.unclear.pop(lot_id, None)
            return None
        self.unclear[lot_id] |= self._doubts(row)
        return row

    def look(self, lot_id: LotId) -> str:
        """See the same, until a look has decided; say what is wrong with what it decided, if anything is."""
        if (row := self.note(lot_id)) is None:
            return ""
        if not self._is_decided(row):
            return ""
        uncounted = self.stage.books.uncounted_returns(lot_id)
        if not self.unclear[lot_id]:
            return f"{uncounted} pieces of {lot_id} were put back, and a look that nothing disturbed left them open"
        self.left_open[lot_id] = uncounted
        return ""

    def _doubts(self, row: ListingRow) -> set[str]:
        books, lot_id = self.stage.books, row.lot_id
        doubts = {str(cause) for cause in books.causes(lot_id) & _MOVES_NUMBERS}
        if row.unknown:
            doubts.add("unanswered write")
        if row.observed is not None or row.probation is not None or row.doubt:
            doubts.add("number in doubt")
        if row.ledger is not None and row.ledger < 0:
            doubts.add("sold below our books")
        if books.not_yet_listed(lot_id, self.stage.clock.now()):
            doubts.add("late order")
        put_back = {listing_id for each, listing_id in books.lines_of[lot_id] if books.lines[each, listing_id].left}
        if put_back - {row.listing_id}:
            doubts.add("listing not linked")  # a short list after a loss lacked it, say
        return doubts

    def _is_decided(self, row: ListingRow) -> bool:
        """Tell whether each such order was read as it is now, no look is wanted, and inventory knows what was found."""
        if row.look_since is not None or row.intent_id is not None or row.probation is not None:
            return False
        books, lines = self.stage.books, self.stage.store.tables.lines
        for order_id, listing_id in books.lines_of[row.lot_id]:
            line, known = books.lines[order_id, listing_id], lines.get((SELLER, order_id, listing_id))
            if line.left and known is not None and known.seen != line.total - line.left:
                return False
        return self.stage.inventory.lots[row.lot_id].counted_seq >= self.told[row.lot_id]  # a restored one knows less

    def uncounted(self, lot_id: LotId) -> int:
        """Count the pieces that the shop put back and that do not count as back yet.

        Where something else moved the lot's number pieces of other orders may count as back that the shop never put
        there: they make these no fewer.
        """
        books = self.stage.books
        if books.causes(lot_id).isdisjoint(_MOVES_NUMBERS):
            return max(0, books.uncounted_returns(lot_id))
        return sum(max(0, books.lines[key].restocked - books.came_back(key)) for key in books.lines_of[lot_id])

    def judge_count(self, lot_id: LotId) -> str:
        """Say what is wrong with what counts as back now, if anything is: only what the shop put back does."""
        books = self.stage.books
        too_many = -books.uncounted_returns(lot_id)
        if too_many > 0 and books.causes(lot_id).isdisjoint(_MOVES_NUMBERS):
            return f"{too_many} pieces of {lot_id} count as back, and the shop did not put them there"
        return ""

    def judge_rest(self, lot_id: LotId) -> str:
        """Say what is wrong with what does not count as back at rest: it is asked of the seller, and for a cause.

        Nobody can ask about a line of which only a lost database knew, and that was taken out of its order whole before
        it was read again: it stays sold, as inventory counted it (C3), and fewer pieces are on sale than there are.
        """
        books, inventory, known = self.stage.books, self.stage.inventory, self.stage.store.tables.lines
        if (uncounted := books.uncounted_returns(lot_id)) <= 0:
            return ""
        lines = books.lines_of[lot_id]
        asked = sum(inventory.open_return(key) for key in lines)
        asked += sum(books.lines[key].restocked for key in lines if (SELLER, *key) not in known)
        if asked < uncounted:
            return f"{uncounted} pieces of {lot_id} were put back, the seller is asked about {asked}"
        if uncounted > self.left_open[lot_id]:
            return f"{uncounted} pieces of {lot_id} were put back, and no look found them"
        self.stage.struck["return left to the seller"] += 1
        return ""
