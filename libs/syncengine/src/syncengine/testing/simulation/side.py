"""One shop of a seller: its engine, who acts there, what lies between the two, and who judges it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from syncengine.listing import Item, ListingId
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.inventory import Inventory, Stock
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.simulation.books import Books
from syncengine.testing.simulation.buyers import Buyers
from syncengine.testing.simulation.character import Character, draw
from syncengine.testing.simulation.coincidences import Coincidences
from syncengine.testing.simulation.databases import Databases
from syncengine.testing.simulation.faults import Faults
from syncengine.testing.simulation.judges import Judges
from syncengine.testing.simulation.keys import OTHER_NAME, SHOP_NAME, Keys
from syncengine.testing.simulation.lists import Lists
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.network import Network
from syncengine.testing.simulation.stage import Stage
from syncengine.testing.simulation.story import MAY_BE_LEFT_OUT, Cast
from syncengine.testing.simulation.users import OTHER_COLORS, Users
from syncengine.testing.simulation.website import Website
from syncengine.testing.simulation.workers import Workers

SETTINGS = Settings(
    late_window=timedelta(seconds=16),
    lag_window=timedelta(seconds=45),
    order_poll_interval=timedelta(seconds=8),
    full_order_interval=timedelta(minutes=2),
    census_interval=timedelta(minutes=4),
    halt_probe_interval=timedelta(seconds=20),
    call_deadline=timedelta(seconds=3),
    list_deadline=timedelta(seconds=5),
    creates_together_from=2,
    answered_look_after=timedelta(seconds=4),
    lease=timedelta(seconds=12),
    lease_margin=timedelta(seconds=2),
    anchor_doubt=timedelta(seconds=1),
    backoff_cap=timedelta(seconds=15),
)

QUIET = timedelta(minutes=5)
"""Longer than any window, and than the time between two censuses."""
_SECOND = timedelta(seconds=1)

MakeShop: TypeAlias = Callable[[str, Character], ShopModel]
"""A shop of this seller's name."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a seed's life came to."""

    seed: int
    events: int
    """What users, buyers, hands, messages, accidents and calls did; not: steps of workers, and moments that pass."""
    struck: Counter[str]


class Side:
    """All that is one shop's."""

    def __init__(
        self,
        make_shop: MakeShop,
        *,
        clock: HandClock,
        random: Random,
        engines_random: Random,
        store: MemoryStore | None = None,
    ) -> None:
        character = draw(random, MAY_BE_LEFT_OUT)
        settings = replace(SETTINGS, removals_free=character.removals_free)
        shop, inventory = make_shop(SHOP_NAME, character), Inventory(clock)
        self.network = Network(
            models={1: shop},
            clock=clock,
            settings=settings,
            random=random,
            intended=lambda ticket, write: self.judges.intended(ticket, write),
            arrived=lambda ticket, write: self.judges.arrived(ticket, write=write),
            landed=lambda landing: self.judges.landed(landing),
            listed=lambda accident, read: self._lists.listed(accident, read),
        )
        self.stage = stage = Stage(
            random=random,
            clock=clock,
            engines_random=engines_random,
            settings=settings,
            character=character,
            inventory=inventory,
            store=store or MemoryStore(),
            shop=shop,
            network=self.network,
            books=Books(inventory),
        )
        self.judges = Judges(stage)
        self.is_connected = False
        """Or was once, and will be again."""
        self._lists = Lists(stage)
        self.mail = Mail(stage, self.judges)
        self.other = make_shop(OTHER_NAME, character)
        """Somebody else's shop."""
        self.keys = Keys(
            stage, self.mail, self.judges.guarded, self.other, shop_is_empty=not character.was_there_before
        )
        self.users, self.buyers = Users(stage), Buyers(stage)
        self.website = Website(stage, self.users)
        self.workers = Workers(stage, self.mail)
        self.databases = Databases(stage, self.mail, self.judges, self.keys)
        self.cast = Cast(
            users=self.users,
            buyers=self.buyers,
            website=self.website,
            workers=self.workers,
            databases=self.databases,
            keys=self.keys,
            mail=self.mail,
            faults=Faults(stage, self.databases.back_up),
            coincidences=Coincidences(
                stage=stage,
                mail=self.mail,
                users=self.users,
                buyers=self.buyers,
                workers=self.workers,
                databases=self.databases,
                watching=[self.judges.pace.look],
            ),
        )

    # Before the first event -------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """Stock both shops: ours with what was there before, the other with what shows whose it is (rules C3, W1)."""
        stage, now = self.stage, self.stage.clock.now
        for _ in range(stage.character.was_there_before):
            quantity, sold = stage.random.randint(2, 20), stage.random.randint(0, 5)
            color_id, look = self.users.make_color(), self.users.make_look(self.users.next_name())
            item = stage.shop.item(color_id)
            fields = stage.shop.as_shown(stage.shop.fields(look.price, look.note, hidden=False))
            listing_id = stage.shop.put_up(item, quantity + sold, fields, now())
            if sold:
                order_id = stage.shop.buy(listing_id, sold, now(), lag=timedelta(0))
                stage.books.sell(order_id, listing_id, item, sold, now())
                stage.books.lines[order_id, listing_id].before = sold
            stock = self.users.add(quantity, color_id, look, retain=False, as_there=fields)
            self._sell_before(listing_id, item, stock)
            stage.books.own(listing_id, stock.lot_id)
        for color_id in OTHER_COLORS[: stage.character.not_entered]:
            self.users.make_item()
            item = stage.shop.item(color_id)
            fields = stage.shop.as_shown(self.users.make_fields(0))
            stage.books.not_entered.append(stage.shop.put_up(item, stage.random.randint(2, 20), fields, now()))
            stage.books.strange_items.add(item)
            stage.blame_look_alikes(item)
        item = self.users.make_item()
        theirs = self.other.put_up(item, 9, self.users.make_fields(0), now())
        self.other.buy(theirs, 1, now(), lag=timedelta(0))
        stage.clock.turn(_SECOND * 5)

    def _sell_before(self, listing_id: ListingId, item: Item, stock: Stock) -> None:
        """Pieces are ordered between the lot's count and the connection: the seller agrees to fill it up (rule C3)."""
        stage = self.stage
        if stage.random.random() < 0.5:
            return
        stage.clock.turn(_SECOND)
        pieces = stage.random.randint(1, stock.quantity)
        order_id = stage.shop.buy(listing_id, pieces, stage.clock.now(), lag=timedelta(0))
        stage.books.sell(order_id, listing_id, item, pieces, stage.clock.now())
        stage.books.lines[order_id, listing_id].before = pieces
        stage.books.increases[stock.lot_id] += pieces

    def connect(self) -> None:
        """The seller connects it."""
        self.is_connected = True
        if self.stage.character.begins_closed:
            self.website.close()
        self.keys.connect()

    def has_begun(self) -> bool:
        """Tell whether a closed shop was read since it is open; one that sold out looks closed for ever (rule C5).

        Once read it was, also where the database that knew it is lost: then inventory's answer says so.
        """
        connection = self.stage.connection
        is_read = connection.baseline_taken_at is not None or connection.baseline_at is not None
        return is_read or not self.stage.character.begins_closed or not self.stage.shop.listings()

    # What is seen -----------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """What nothing holds up happens, one step of it."""
        self.workers.step_all()
        self.mail.deliver_all()
        self.network.land_late_ones()

    def watch(self) -> None:
        """See what becomes of it as time passes."""
        self.network.land_late_ones()
        self.network.remember_list(self.stage.shop)
        self.mail.publish()
        self.keys.look_after()
        self.judges.pace.look()
        self.judges.watch_returns()

    def outline(self, seed: int) -> Outline:
        """What it came to."""
        struck = self.stage.struck + self.network.struck
        return Outline(seed, self.stage.events + len(self.network.stamps), struck)

    # Rest -------------------------------------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """No accidents any more."""
        self.network.calm_down()
        self.workers.calm_down()
        self.keys.calm_down()

    def waits_for_time(self) -> bool:
        """Tell whether anything waits for anything but a person."""
        connection, now = self.stage.connection, self.stage.clock.now()
        if connection.census_reason is not None and connection.census_alarm and not self.stage.shop.listings():
            return False  # what an empty list means only a person can say (rule C5)
        pauses = (connection.not_before, connection.writes_not_before, connection.hold_increases_until)
        if any(moment is not None and moment > now for moment in pauses) or self.stage.store.tables.unsettled:
            return True
        if connection.removals_held:
            return True  # a person will agree
        return connection.census_reason is not None and not connection.census_alarm

    def is_due(self) -> bool:
        """Tell whether the engine has something to do now."""
        due_at = self.stage.connection.due_at
        is_due = due_at is not None and due_at <= self.stage.clock.now()
        return is_due or bool(self.stage.inventory.news)

    def idle_until(self) -> datetime:
        """When something will happen again: nobody acts before the connection is due, or a late write lands."""
        now = self.stage.clock.now()
        moments = [at for at, *_ in self.network.late]
        if not self.workers.are_under_way():
            moments.append(self.stage.connection.due_at or now + QUIET)
        else:
            moments.append(now)
        return min(moments)
