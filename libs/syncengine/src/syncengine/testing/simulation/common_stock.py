"""What two shops of one seller have in common: the stock. What inventory counts of one it takes from the other too.

Each shop's own judges hear of a sale in the other as of a user's decrease: it takes pieces out of what that shop may
offer, from the moment at which inventory has counted it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from syncengine.listing import LotId
from syncengine.testing.inventory import Stock
from syncengine.testing.simulation.judges import Misjudged
from syncengine.testing.simulation.side import Side


@dataclass(slots=True)
class CommonStock:
    """One stock behind two shops, each of which has its own face of it: what its topic tells, in its own terms."""

    sides: Sequence[Side]
    counted: list[Counter[LotId]] = field(init=False)
    """By place: pieces of each lot that inventory has counted as sold in that shop, less those that came back."""
    backup: list[Counter[LotId]] = field(init=False)

    def __post_init__(self) -> None:
        self.counted = [Counter() for _ in self.sides]
        self.backup = self._copy()

    def _copy(self) -> list[Counter[LotId]]:
        return [Counter(counted) for counted in self.counted]

    def back_up(self) -> None:
        """Take a backup of everything."""
        self.backup = self._copy()
        for side in self.sides:
            side.databases.back_up()

    def lose_inventory(self) -> bool:
        """Inventory's database is restored from the backup, if it can be: both shops are told of it (rule T6)."""
        if not all(side.databases.may_lose_inventory() for side in self.sides):
            return False
        for side in self.sides:
            side.databases.lose_inventory()
        self.counted, self.backup = self.backup, self._copy()
        return True

    def count(self, place: int, lot_id: LotId, pieces: int) -> None:
        """Inventory has counted a sale in one shop: it has so many pieces fewer to sell in the others."""
        self.counted[place][lot_id] += pieces
        for side in (*self.sides[:place], *self.sides[place + 1 :]):
            books, inventory = side.stage.books, side.stage.inventory
            inventory.sell_elsewhere(lot_id, pieces)
            wish = books.current[lot_id]
            books.increases[lot_id] += max(0, -pieces)
            books.current[lot_id] = replace(wish, total=wish.total - pieces, decreased=wish.decreased + max(0, pieces))
            books.note(inventory.lots[lot_id])
        self._check_faces(lot_id)

    def _check_faces(self, lot_id: LotId) -> Stock:
        """The faces are of one stock."""
        first, second = (side.stage.inventory.lots[lot_id] for side in self.sides)
        if (first.quantity, first.revision) != (second.quantity, second.revision):
            raise AssertionError(f"{lot_id} is two stocks: {first}, {second}")
        return first

    def _users_pieces(self, place: int, lot_id: LotId) -> int:
        """Pieces of a lot that users put in, less those that they took out."""
        others = sum(counted[lot_id] for counted in (*self.counted[:place], *self.counted[place + 1 :]))
        return self.sides[place].stage.books.current[lot_id].total + others

    def left(self, lot_id: LotId) -> int:
        """Pieces of a lot that are there, by what truly happened; below zero: more were sold.

        What a shop put back is there, whatever counts as back: its listing offers it, also while a look's finding is on
        its way to inventory (rule S4). So is what counts as back by mistake, because hands in one shop put in as many
        as had left an order there (ADR 6): the other knows only inventory's number (two shops' life 1564).
        """
        sold = sum(side.stage.books.sold(lot_id) - side.judges.returns.uncounted(lot_id) for side in self.sides)
        return self._users_pieces(0, lot_id) - sold

    def uncounted(self, place: int, lot_id: LotId, *, but: int = 0) -> int:
        """Pieces of a lot sold in a shop, besides so many, that inventory has not counted there."""
        return self.sides[place].stage.books.sold(lot_id) - but - self.counted[place][lot_id]

    def judge_rest(self) -> None:
        """Judge what both shops must have come to (judgement 10).

        Each piece sold in either is counted once, and they show the same: what is left. Where more were sold than there
        were, an incident says so (rule S3).
        """
        if any(side.judges.whole_connection_waits() for side in self.sides):
            return
        for lot_id in sorted(self.sides[0].stage.inventory.lots):
            stock, put_in = self._check_faces(lot_id), self._users_pieces(0, lot_id)
            if put_in != self._users_pieces(1, lot_id):
                raise AssertionError(f"{lot_id}: the books differ in what users put in")
            sold = sum(side.stage.books.sold(lot_id) - side.judges.strange_pieces(lot_id) for side in self.sides)
            if stock.quantity != put_in - sold:
                raise Misjudged(10, f"{lot_id}: inventory has {stock.quantity}, of {put_in} pieces {sold} were sold")
            self._judge_shown(stock)
            missing = sum(side.stage.inventory.missing(lot_id) for side in self.sides)
            if -stock.quantity > missing:
                raise Misjudged(10, f"{lot_id}: {-stock.quantity} too many were sold, incidents name {missing}")

    def _judge_shown(self, stock: Stock) -> None:
        """Judge that both shops show what is there, where neither has it waiting for a person."""
        wish = self.sides[0].stage.books.current[stock.lot_id]
        if wish.hidden or wish.archived or wish.is_unfit:
            return
        settled = [side for side in self.sides if not self._waits(side, stock.lot_id)]
        shown = [sum(side.judges.live(stock.lot_id).values()) for side in settled]
        if any(pieces != max(0, stock.quantity) for pieces in shown):
            raise Misjudged(10, f"{stock.lot_id}: {stock.quantity} are there, the shops show {shown}")

    @staticmethod
    def _waits(side: Side, lot_id: LotId) -> bool:
        return lot_id in side.judges.waiting() or side.judges.strange_pieces(lot_id) > 0
