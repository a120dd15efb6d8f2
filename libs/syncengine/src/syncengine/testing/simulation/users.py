"""Users at inventory: they make lots, change them, hide, archive and restore them, singly and in bursts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from syncengine.listing import Item, LotId, Values
from syncengine.testing.inventory import Stock
from syncengine.testing.simulation.books import Cause, Wish
from syncengine.testing.simulation.stage import Stage

COLORS = (1, 2, 3, 5, 6, 7, 11)
"""Few, so that lots of one item get into each other's way."""
OTHER_COLORS = (8, 9)
"""Of what was there before its lot: nobody else's."""
_MOST_LOTS = 10
_BURST = 25
OURS = "EUR"
_LONG_NOTE = 300
"""Longer than any shop takes; two of the notes are so long, or have markup."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a lot costs and says, whatever the shop."""

    price: str
    note: str


@dataclass(slots=True)
class Users:
    """What they do at inventory is what should be in the shop, and in each other one that the stock is sold in."""

    stage: Stage
    """Whose shop they look at."""
    elsewhere: Sequence[Stage] = ()
    """The seller's other shops."""

    # What lots are like

    def make_color(self) -> int:
        """Pick what a lot is of."""
        return self.stage.random.choice(COLORS)

    def make_look(self, name: int, *, note: str = "") -> Look:
        """Price a lot and write its note, which is its own, so that no two lots are equal."""
        note, characters = note or f"note {name}", [stage.character for stage in self.stages()]
        if all(character.strips_markup for character in characters) and name % 5 == 2:
            note = f"<b>{note}</b>"
        elif all(character.cuts_texts for character in characters) and name % 5 == 3:
            note = note.ljust(_LONG_NOTE, ".")
        return Look(f"0.{self.stage.random.randint(1, 9999):04}", note)

    def make_item(self) -> Item:
        """What a lot is of, in this shop's terms."""
        return self.stage.shop.item(self.make_color())

    def make_fields(self, name: int, *, note: str = "") -> Values:
        """How a lot looks, in this shop's terms."""
        return _fields(self.stage, self.make_look(name, note=note))

    def next_name(self) -> int:
        """The number of the lot to come."""
        return len(self.stage.inventory.lots) + 1

    # What is done to them, as every shop's books have it

    def stages(self) -> Sequence[Stage]:
        """This shop's, and each other one's."""
        return (self.stage, *self.elsewhere)

    def _faces(self, stock: Stock) -> Iterator[tuple[Stage, Stock, Wish]]:
        """A lot in each shop, with what users made of it."""
        for stage in self.stages():
            yield stage, stage.inventory.lots[stock.lot_id], stage.books.current[stock.lot_id]

    def _color_of(self, item: Item) -> int:
        return next(color_id for color_id in OTHER_COLORS if self.stage.shop.item(color_id) == item)

    def _name_of(self, lot_id: LotId) -> int:
        return int(lot_id.removeprefix("lot-"))

    def _some_lot(self) -> Stock | None:
        lots = self.stage.inventory.lots
        return lots[self.stage.random.choice(sorted(lots))] if lots else None

    def _wish(self, stage: Stage, stock: Stock, wish: Wish) -> None:
        self.stage.events += 1 if stage is self.stage else 0
        stage.books.current[stock.lot_id] = wish
        stage.books.note(stock)

    def add(
        self,
        quantity: int,
        color_id: int,
        look: Look,
        *,
        retain: bool,
        hidden: bool = False,
        as_there: Values | None = None,
    ) -> Stock:
        """Make a lot; `as_there`: of a listing that is in this shop already, with these fields."""
        lot_id = LotId(f"lot-{self.next_name():02}")
        for stage in self.stages():
            is_there = as_there is not None and stage is self.stage
            fields = as_there if as_there is not None and is_there else _fields(stage, look, hidden=hidden)
            item = stage.shop.item(color_id)
            stock = stage.inventory.create(lot_id, quantity, item, retain=retain, for_sale=not hidden, fields=fields)
            self._wish(stage, stock, Wish(total=quantity, archived=False, hidden=hidden))
            stage.books.increases[lot_id] += 0 if is_there else quantity
        return self.stage.inventory.lots[lot_id]

    def change_by(self, stock: Stock, by: int, *, fields: bool) -> None:
        """Change a lot's quantity, its price with it if asked."""
        look = self.make_look(self._name_of(stock.lot_id)) if fields else None
        for stage, its, wish in self._faces(stock):
            new = _fields(stage, look, hidden=wish.hidden) if look is not None else {}
            self._change(stage, its, replace(wish, is_unfit=wish.is_unfit and not fields), by, new)

    def set_back(self, stock: Stock, by: int, fields: Sequence[Values]) -> None:
        """Undo a change of a lot; `fields`: by shop."""
        for (stage, its, wish), before in zip(self._faces(stock), fields, strict=True):
            self._change(stage, its, wish, by, before)

    def _change(self, stage: Stage, its: Stock, wish: Wish, by: int, fields: Values) -> None:
        stage.inventory.change(its.lot_id, by=by, fields=fields, currency_code=OURS if fields else None)
        stage.books.increases[its.lot_id] += max(0, by)
        self._wish(stage, its, replace(wish, total=wish.total + by, decreased=wish.decreased + max(0, -by)))

    def _archive(self, stock: Stock, *, archived: bool) -> None:
        for stage, its, wish in self._faces(stock):
            stage.inventory.change(its.lot_id, archived=archived)
            self._wish(stage, its, replace(wish, archived=archived))

    # Happenings

    def create(self) -> None:
        """A user makes a lot."""
        if self.next_name() > _MOST_LOTS:
            return
        random = self.stage.random
        quantity, hidden = random.randint(1, 25), random.random() < 0.1
        look = self.make_look(self.next_name())
        self.add(quantity, self.make_color(), look, retain=random.random() < 0.2, hidden=hidden)

    def enter(self) -> None:
        """A user makes a lot for a listing that was there before us, as it is or with other fields (rule C2)."""
        books, random = self.stage.books, self.stage.random
        if self.stage.inventory.baseline_at is None or not books.not_entered:
            return
        listing = self.stage.shop.listings().get(books.not_entered.pop())
        if listing is None:
            return
        name, color_id = self.next_name(), self._color_of(listing.item)
        is_as_there = random.random() < 0.5
        look = Look("1.0000", f"note {name}") if is_as_there else self.make_look(name)
        fields = listing.fields if is_as_there else _fields(self.stage, look)
        stock = self.add(listing.quantity, color_id, look, retain=False, as_there=fields)
        books.own(listing.listing_id, stock.lot_id)
        books.entered.add(listing.listing_id)
        books.blame_item(listing.item, Cause.LOOK_ALIKE)
        for stage in self.elsewhere:
            stage.blame_look_alikes(stage.shop.item(color_id))
        self.stage.struck["lot made for a listing that was there"] += 1
        self.stage.clock.turn(timedelta(seconds=1))  # its orders are later than its count

    def edit(self) -> None:
        """A user changes a lot's quantity, fields, or both."""
        if (stock := self._some_lot()) is None:
            return
        random, there = self.stage.random, max(0, stock.quantity)
        by = random.choice((0, 0, 1, random.randint(1, 12), -min(1, there), -random.randint(0, there)))
        if random.random() < 0.1:
            by = -there
        self.change_by(stock, by, fields=by == 0 or random.random() < 0.4)

    def edit_in_a_burst(self) -> None:
        """A script changes a lot many times in a row."""
        if (stock := self._some_lot()) is None:
            return
        for _ in range(_BURST):
            by = self.stage.random.choice((-1, 1)) if stock.quantity > 0 else 1
            self.change_by(stock, by, fields=False)
        self.stage.struck["burst of edits"] += 1

    def hide_or_show(self) -> None:
        """A user puts a lot into a stockroom, or back on sale (rule Q5)."""
        if (stock := self._some_lot()) is None:
            return
        hidden = not self.stage.books.current[stock.lot_id].hidden
        for stage, its, wish in self._faces(stock):
            stage.inventory.change(its.lot_id, for_sale=not hidden, fields=stage.shop.stockroom(hidden=hidden))
            self._wish(stage, its, replace(wish, hidden=hidden))
        self.stage.struck["lot hidden" if hidden else "lot shown"] += 1

    def misprice(self) -> None:
        """A user sets a price that the shop will not take, or one in another currency, and fewer pieces with it."""
        if (stock := self._some_lot()) is None:
            return
        by, look = -min(1, max(0, stock.quantity)), self.make_look(self._name_of(stock.lot_id))
        currency_code = self.stage.random.choice((OURS, "USD"))
        for stage, its, wish in self._faces(stock):
            fields = dict(_fields(stage, look, hidden=wish.hidden))
            if currency_code == OURS:
                fields |= stage.shop.refused_price()
            stage.inventory.change(its.lot_id, by=by, fields=fields, currency_code=currency_code)
            wish = replace(wish, total=wish.total + by, decreased=wish.decreased - by, is_unfit=True)
            self._wish(stage, its, wish)
        self.stage.struck["price in another currency" if currency_code != OURS else "price that the shop refuses"] += 1

    def change_item(self) -> None:
        """A user corrects what a lot is of, which no shop can change (rule N4).

        Not where a loss left orders of what it was that nobody can assign: they hold back that item only (C4, ADR 8).
        Nor of a lot whose listing was there before it: until they are linked, only what it is of says so.
        """
        if (stock := self._some_lot()) is not None:
            self.correct_item(stock)

    def correct_item(self, stock: Stock) -> None:
        """Make it one of another item."""
        for stage in self.stages():
            books = stage.books
            if Cause.LOSS in books.causes(stock.lot_id) or not books.entered.isdisjoint(books.listings[stock.lot_id]):
                return
        color_id = self.make_color()
        for stage, its, wish in self._faces(stock):
            stage.books.items[its.lot_id].add(its.item)
            stage.inventory.change(its.lot_id, item=stage.shop.item(color_id))
            self._wish(stage, its, wish)
        self.stage.struck["item changed"] += 1

    def archive_or_restore(self) -> None:
        """A user archives a lot, which takes it out of every shop, or brings it back."""
        if (stock := self._some_lot()) is None:
            return
        archived = not self.stage.books.current[stock.lot_id].archived
        self._archive(stock, archived=archived)
        self.stage.struck["lot archived" if archived else "lot restored"] += 1

    def clear_out(self) -> None:
        """A user archives most lots, or takes all pieces out of them; or brings back what they had archived (B5)."""
        lots, books, random = self.stage.inventory.lots, self.stage.books, self.stage.random
        listed = [lot_id for lot_id in sorted(lots) if not books.current[lot_id].archived]
        is_undone = len(listed) * 2 < len(lots)
        archives = is_undone or random.random() < 0.5
        for lot_id in sorted(lots.keys() - set(listed)) if is_undone else listed:
            if archives:
                self._archive(lots[lot_id], archived=not is_undone)
            elif lots[lot_id].quantity > 0:
                self.change_by(lots[lot_id], -lots[lot_id].quantity, fields=False)
        self.stage.struck["many lots restored" if is_undone else "many lots taken out"] += 1

    def retain_or_not(self) -> None:
        """A user says whether the listing stays at zero."""
        if (stock := self._some_lot()) is None:
            return
        retain = not stock.retain
        for stage, its, wish in self._faces(stock):
            stage.inventory.change(its.lot_id, retain=retain)
            self._wish(stage, its, wish)
        self.stage.struck["retain changed"] += 1


def _fields(stage: Stage, look: Look, *, hidden: bool = False) -> Values:
    return stage.shop.fields(look.price, look.note, hidden=hidden)
