"""Pieces that buyers took of a stock that had no more: what each shop offered too much then, it could not know of.

Two shops offer the same pieces, so both may sell the last ones within the time that the news takes from one to the
other. Beyond that there is no excuse: a shop of which everything is known and done offers what there is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from syncengine.listing import LotId
from syncengine.testing.simulation.common_stock import CommonStock
from syncengine.testing.simulation.judges import Misjudged
from syncengine.testing.simulation.side import Side


@dataclass(slots=True)
class Oversells:
    """Sees each order at the moment at which it is placed."""

    sides: Sequence[Side]
    stock: CommonStock
    ordered: list[Counter[LotId]] = field(init=False)
    """By place: pieces of each lot that had been ordered when it was last seen."""

    def __post_init__(self) -> None:
        self.ordered = [Counter() for _ in self.sides]

    def watch(self) -> None:
        """Judge what was ordered since (judgement 10)."""
        for place, side in enumerate(self.sides):
            ordered = side.stage.books.ordered
            for lot_id in [lot_id for lot_id, pieces in ordered.items() if pieces != self.ordered[place][lot_id]]:
                pieces = ordered[lot_id] - self.ordered[place][lot_id]
                self.ordered[place][lot_id] = ordered[lot_id]
                if (missing := min(pieces, -self.stock.left(lot_id))) > 0:
                    self._judge(place, lot_id, pieces, missing)

    def _judge(self, place: int, lot_id: LotId, pieces: int, missing: int) -> None:
        side = self.sides[place]
        if (why := self._why(place, lot_id, pieces)) is None:
            raise Misjudged(10, f"{missing} of {pieces} pieces of {lot_id} were not there, and nothing was on its way")
        side.stage.struck[f"sold what was not there: {why}"] += 1

    def _why(self, place: int, lot_id: LotId, pieces: int) -> str | None:
        """Say what this shop could not know, or had not done yet, when it sold so many pieces."""
        stage, connection = self.sides[place].stage, self.sides[place].stage.connection
        inventory, row = stage.inventory, stage.store.tables.listings.get(lot_id)
        if not connection.enabled or connection.census_reason is not None or connection.halted:
            return "the shop was not connected, or not yet matched"
        if any(self.stock.uncounted(other, lot_id, but=pieces if other == place else 0) for other in self._places()):
            return "inventory had not counted a sale"
        known = stage.books.delivered.get(lot_id, 0)
        if row is None or known < inventory.lots[lot_id].revision:
            return "news of inventory was on its way"
        shown = sum(self.sides[place].judges.live(lot_id).values()) + pieces
        if row.ledger != shown:
            return "the shop's number had changed unseen"
        if row.target != row.ledger:
            return "a decrease was on its way"
        return "hands, or a false list, had moved its number" if stage.books.causes(lot_id) else None

    def _places(self) -> range:
        return range(len(self.sides))
