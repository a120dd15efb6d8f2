"""Users at inventory: they make lots, change them, hide, archive and restore them, singly and in bursts."""

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


@dataclass(slots=True)
class Users:
    """What they do at inventory is what should be in the shop."""

    stage: Stage
    names: int = 0

    def make_item(self) -> Item:
        """Pick what a lot is of."""
        return self.stage.shop.item(self.stage.random.choice(COLORS))

    def make_fields(self, name: int, *, hidden: bool = False, note: str = "") -> Values:
        """Fields for a lot: its note is its own, so that no two lots are equal."""
        note, character = note or f"note {name}", self.stage.character
        if character.strips_markup and name % 5 == 2:
            note = f"<b>{note}</b>"
        elif character.cuts_texts and name % 5 == 3:
            note = note.ljust(_LONG_NOTE, ".")
        price = f"0.{self.stage.random.randint(1, 9999):04}"
        return self.stage.shop.fields(price, note, hidden=hidden)

    def _name_of(self, lot_id: LotId) -> int:
        return int(lot_id.removeprefix("lot-"))

    def _some_lot(self) -> Stock | None:
        lots = self.stage.inventory.lots
        return lots[self.stage.random.choice(sorted(lots))] if lots else None

    def _wish(self, stock: Stock, wish: Wish) -> None:
        self.stage.events += 1
        self.stage.books.current[stock.lot_id] = wish
        self.stage.books.note(stock)

    def add(self, quantity: int, item: Item, fields: Values, *, retain: bool, hidden: bool = False) -> Stock:
        """Make a lot."""
        self.names += 1
        lot_id = LotId(f"lot-{self.names:02}")
        stock = self.stage.inventory.create(lot_id, quantity, item, retain=retain, for_sale=not hidden, fields=fields)
        self._wish(stock, Wish(total=quantity, archived=False, hidden=hidden))
        return stock

    def change_by(self, stock: Stock, by: int, *, fields: bool) -> None:
        """Change a lot's quantity, its price with it if asked."""
        wish = self.stage.books.current[stock.lot_id]
        new = self.make_fields(self._name_of(stock.lot_id), hidden=wish.hidden) if fields else {}
        self.stage.inventory.change(stock.lot_id, by=by, fields=new, currency_code=OURS if fields else None)
        self.stage.books.increases[stock.lot_id] += max(0, by)
        wish = replace(wish, is_unfit=wish.is_unfit and not fields)
        self._wish(stock, replace(wish, total=wish.total + by, decreased=wish.decreased + max(0, -by)))

    # Happenings

    def create(self) -> None:
        """A user makes a lot."""
        if self.names >= _MOST_LOTS:
            return
        random = self.stage.random
        quantity, hidden = random.randint(1, 25), random.random() < 0.1
        fields = self.make_fields(self.names + 1, hidden=hidden)
        stock = self.add(quantity, self.make_item(), fields, retain=random.random() < 0.2, hidden=hidden)
        self.stage.books.increases[stock.lot_id] += quantity

    def enter(self) -> None:
        """A user makes a lot for a listing that was there before us, as it is or with other fields (rule C2)."""
        books, random = self.stage.books, self.stage.random
        if self.stage.inventory.baseline_at is None or not books.not_entered:
            return
        listing = self.stage.shop.listings().get(books.not_entered.pop())
        if listing is None:
            return
        fields = listing.fields if random.random() < 0.5 else self.make_fields(self.names + 1)
        stock = self.add(listing.quantity, listing.item, fields, retain=False)
        books.own(listing.listing_id, stock.lot_id)
        books.entered.add(listing.listing_id)
        books.blame_item(listing.item, Cause.LOOK_ALIKE)
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
        wish = self.stage.books.current[stock.lot_id]
        stockroom = self.stage.shop.stockroom(hidden=not wish.hidden)
        self.stage.inventory.change(stock.lot_id, for_sale=wish.hidden, fields=stockroom)
        self._wish(stock, replace(wish, hidden=not wish.hidden))
        self.stage.struck["lot hidden" if not wish.hidden else "lot shown"] += 1

    def misprice(self) -> None:
        """A user sets a price that the shop will not take, or one in another currency, and fewer pieces with it."""
        if (stock := self._some_lot()) is None:
            return
        wish, random = self.stage.books.current[stock.lot_id], self.stage.random
        by = -min(1, max(0, stock.quantity))
        fields = dict(self.make_fields(self._name_of(stock.lot_id), hidden=wish.hidden))
        currency_code = random.choice((OURS, "USD"))
        if currency_code == OURS:
            fields |= self.stage.shop.refused_price()
        self.stage.inventory.change(stock.lot_id, by=by, fields=fields, currency_code=currency_code)
        self._wish(stock, replace(wish, total=wish.total + by, decreased=wish.decreased - by, is_unfit=True))
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
        books = self.stage.books
        if Cause.LOSS in books.causes(stock.lot_id) or not books.entered.isdisjoint(books.listings[stock.lot_id]):
            return
        self.stage.books.items[stock.lot_id].add(stock.item)
        self.stage.inventory.change(stock.lot_id, item=self.make_item())
        self._wish(stock, self.stage.books.current[stock.lot_id])
        self.stage.struck["item changed"] += 1

    def archive_or_restore(self) -> None:
        """A user archives a lot, which takes it out of every shop, or brings it back."""
        if (stock := self._some_lot()) is None:
            return
        archived = not self.stage.books.current[stock.lot_id].archived
        self._archive(stock, archived=archived)
        self.stage.struck["lot archived" if archived else "lot restored"] += 1

    def _archive(self, stock: Stock, *, archived: bool) -> None:
        self.stage.inventory.change(stock.lot_id, archived=archived)
        self._wish(stock, replace(self.stage.books.current[stock.lot_id], archived=archived))

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
        self.stage.inventory.change(stock.lot_id, retain=not stock.retain)
        self._wish(stock, self.stage.books.current[stock.lot_id])
        self.stage.struck["retain changed"] += 1
