"""What happens together: most rules guard against two things at once, which chance alone brings together too rarely."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from syncengine.listing import Listing
from syncengine.marketplace import Update
from syncengine.rows.intent import Fate, IntentId
from syncengine.testing.inventory import Stock
from syncengine.testing.simulation.buyers import Buyers
from syncengine.testing.simulation.databases import Databases
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.network import Accident, Kind
from syncengine.testing.simulation.stage import Stage
from syncengine.testing.simulation.users import Users
from syncengine.testing.simulation.workers import Workers

_ROUNDS, _STEPS = 4, 25
"""In which a census is taken that nothing holds up."""
_SECOND = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Coincidences:
    """Chance, helped along."""

    stage: Stage
    mail: Mail
    users: Users
    buyers: Buyers
    workers: Workers
    databases: Databases
    alongside: list[Callable[[], None]] = field(default_factory=list)
    """What else goes on meanwhile: in another shop of the seller's."""
    watching: list[Callable[[], None]] = field(default_factory=list)
    """What sees, in each second of it, since when decreases wait, here and in another shop (judgement 6)."""

    def buy_what_is_unanswered(self) -> None:
        """A buyer takes as many pieces as an unanswered write changes, in an order that shows late (rules K2, K5)."""
        listings, random = self._owned(), self.stage.random
        if not listings:
            return
        stock = self.stage.inventory.lots[self.stage.books.owners[random.choice(listings).listing_id]]
        by = random.choice((1, 2, 3, -1, -2))
        if stock.quantity + by < 0:
            return
        self.users.change_by(stock, by, fields=False)
        self.stage.network.accidents[Kind.WRITE].appendleft(random.choice((Accident.LOST_AFTER, Accident.LOST_BEFORE)))
        self._go_on()
        shown = self.stage.shop.listings()
        writes = [intent.write for intent in self.stage.store.tables.unsettled.values()]
        chances = [
            (shown[write.listing_id], abs(write.delta))
            for write in writes
            if isinstance(write, Update) and write.delta and write.listing_id in shown
        ]
        chances = [(listing, pieces) for listing, pieces in chances if listing.for_sale and pieces <= listing.quantity]
        if chances:
            listing, pieces = self.stage.random.choice(chances)
            self._order_late(listing, pieces)
            self.stage.struck["bought as many pieces as an unanswered write changes"] += 1

    def correct_what_just_sold(self) -> None:
        """A user corrects what a lot is of just after a sale that the shop lists late (rules N4, N5)."""
        if (listing := self._sell_late()) is not None:
            lot_id = self.stage.books.owners[listing.listing_id]
            self.users.correct_item(self.stage.inventory.lots[lot_id])
            self._go_on()

    def lose_after_a_sale(self) -> None:
        """The engine's database is lost just after a sale that the shop lists late (rule C4)."""
        if self._sell_late() is not None:
            self._lose()

    def take_what_just_sold(self) -> None:
        """A user takes more pieces out of a lot than a sale that the shop lists late has left there (rule K3)."""
        if (listing := self._sell_late()) is None:
            return
        stock = self.stage.inventory.lots[self.stage.books.owners[listing.listing_id]]
        left = self.stage.shop.listings().get(listing.listing_id)
        more = (left.quantity if left is not None else 0) + 1
        if more <= stock.quantity:
            self.users.change_by(stock, -self.stage.random.randint(more, stock.quantity), fields=False)
            self._go_on()

    def take_most_late(self) -> None:
        """A decrease of most of a lot's pieces lands after its deadline: done twice, it would take all (rule K1)."""
        if listings := self._owned():
            stock = self.stage.inventory.lots[self.stage.books.owners[self.stage.random.choice(listings).listing_id]]
            if stock.quantity > 2:
                self._change_late(stock, -(stock.quantity // 2 + 1))
                self._go_on()

    def sleep_before_a_call(self) -> None:
        """A worker stands still between an intent and its call, for longer than anybody waits for it (L1, L2)."""
        if not (listings := self._owned()):
            return
        stock = self.stage.inventory.lots[self.stage.books.owners[self.stage.random.choice(listings).listing_id]]
        self.users.change_by(stock, self.stage.random.randint(1, 5), fields=False)
        self._go_on(until=lambda: bool(self._intended()))
        if intended := self._intended():
            settings, store = self.stage.settings, self.stage.store
            # Until an increase is believed not done, too, and sent again (rule K2).
            until_believed = settings.call_deadline + settings.late_window + 2 * settings.lag_window
            self.workers.freeze_who_sends(until_believed)
            self.stage.struck["worker slept between an intent and its call"] += 1
            self._go_on(
                until=lambda: store.tables.unsettled.keys().isdisjoint(intended), rounds=until_believed // _SECOND
            )

    def _intended(self) -> set[IntentId]:
        """Find writes that are about to be sent."""
        unsettled, sent = self.stage.store.tables.unsettled, self.stage.books.sent
        return {id_ for id_, intent in unsettled.items() if intent.fate is Fate.OPEN and intent.stamp not in sent}

    def lose_what_is_late(self) -> None:
        """The engine's database is lost while a write that it knew of is still on its way (rule C1)."""
        stamp, now = self.stage.connection.last_stamp, self.stage.clock.now()
        if stamp is not None and stamp > now:  # else the clock overtakes what is late when new keys begin (rule B4)
            self.stage.clock.turn(stamp - now)
        if not self.stage.network.late and (listings := self._owned()):
            owner = self.stage.books.owners[self.stage.random.choice(listings).listing_id]
            self._change_late(self.stage.inventory.lots[owner], self.stage.random.randint(1, 5))
        if self.stage.network.late:
            self.databases.lose()
            settings = self.stage.settings
            until_all_landed = (settings.call_deadline + settings.late_window) // _SECOND + 1
            self._go_on(until=lambda: not self.stage.network.late, rounds=until_all_landed)

    def _change_late(self, stock: Stock, by: int) -> None:
        """Change a lot by a write that lands as late as can be, if one is sent soon."""
        self.users.change_by(stock, by, fields=False)
        network = self.stage.network
        network.accidents[Kind.WRITE].appendleft(Accident.LATEST)
        self._go_on(until=lambda: bool(network.late))

    def _lose(self) -> None:
        self.databases.lose()
        self._go_on()

    def _go_on(self, until: Callable[[], bool] = lambda: False, rounds: int = _ROUNDS) -> None:
        """What nothing holds up happens, in so many seconds."""
        for _ in range(rounds):
            for _ in range(_STEPS):
                if until():
                    return
                self.workers.step_all()
                self.mail.deliver_all()
                self.stage.network.land_late_ones()
                for go_on in self.alongside:
                    go_on()
            for watch in self.watching:
                watch()
            self.stage.clock.turn(_SECOND)

    def _sell_late(self) -> Listing | None:
        """Sell some pieces of a lot."""
        if not (listings := self._owned()):
            return None
        listing = self.stage.random.choice(listings)
        self._order_late(listing, self.stage.random.randint(1, listing.quantity))
        return listing

    def _owned(self) -> list[Listing]:
        """List what is for sale and of a lot."""
        return [each for each in self.buyers.for_sale() if each.listing_id in self.stage.books.owners]

    def _order_late(self, listing: Listing, pieces: int) -> None:
        """Late enough for a look, or a census, to come before the shop lists it."""
        self.buyers.order(listing, pieces, self.stage.settings.lag_window * self.stage.random.uniform(0.5, 0.8))
