"""Imports: many lots made and changed at once by a file, and taken back whole by an undo."""

from dataclasses import dataclass, field

from syncengine.listing import LotId, Values
from syncengine.marketplace import Facts
from syncengine.testing.inventory import Stock
from syncengine.testing.simulation.users import Users

_NEW_LOTS = 3
"""At most, in one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What an import changed of one lot."""

    lot_id: LotId
    by: int
    fields: tuple[Values, ...]
    """By shop: those that it changed, with all of their groups, as they were before."""


@dataclass(slots=True)
class Imports:
    """What files do to the stock."""

    users: Users
    done: list[list[Row]] = field(default_factory=list)
    """Imports that can be undone, newest last."""

    def begin_anew(self) -> None:
        """Inventory's database was lost: nobody undoes what it no longer knows."""
        self.done.clear()

    # Happenings

    def bring(self) -> None:
        """A file says how many pieces there are of each lot and what they cost; it has new ones too (design, 3)."""
        stage, random = self.users.stage, self.users.stage.random
        rows = []
        for stock in list(stage.inventory.lots.values()):
            if random.random() < 0.5:
                there = max(0, stock.quantity)
                by = random.choice((0, 1, random.randint(1, 10), -random.randint(0, there)))
                rows.append(self._change(stock, by))
        for _ in range(random.randint(0, _NEW_LOTS)):
            self.users.create()
        self.done.append(rows)
        stage.struck["import"] += 1

    def undo(self) -> None:
        """A user takes the last import back: what its lots have too few pieces for stays as it is."""
        if not self.done:
            return
        stage = self.users.stage
        for row in reversed(self.done.pop()):
            stock = stage.inventory.lots[row.lot_id]
            wish = stage.books.current[row.lot_id]
            if stock.quantity - row.by >= min(0, stock.quantity) and not wish.is_unfit:
                self.users.set_back(stock, -row.by, row.fields)
        stage.struck["import undone"] += 1

    def _change(self, stock: Stock, by: int) -> Row:
        faces = [stage.inventory.lots[stock.lot_id] for stage in self.users.stages()]
        is_unfit = self.users.stage.books.current[stock.lot_id].is_unfit
        before = [{} if is_unfit else dict(face.fields) for face in faces]  # nobody wants such a price back
        self.users.change_by(stock, by, fields=True)
        shops = [stage.shop for stage in self.users.stages()]
        changed = tuple(
            _changed(was, face.fields, shop.facts) for was, face, shop in zip(before, faces, shops, strict=True)
        )
        return Row(lot_id=stock.lot_id, by=by, fields=changed)


def _changed(before: Values, after: Values, facts: Facts) -> Values:
    """Pick the groups of fields that changed, whole: no shop takes an old price under tiers of a later one."""
    groups = {facts.groups[name] for name, value in before.items() if value != after[name]}
    return {name: value for name, value in before.items() if facts.groups[name] in groups}
