"""One seed's life: users, buyers, hands, workers and accidents as the seed chooses, then rest, then judgement."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from syncengine.listing import Item, ListingId
from syncengine.rows import Settings
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
from syncengine.testing.simulation.story import MAY_BE_LEFT_OUT, Cast, Story
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
    created_look_after=timedelta(seconds=4),
    lease=timedelta(seconds=12),
    lease_margin=timedelta(seconds=2),
    anchor_doubt=timedelta(seconds=1),
    backoff_cap=timedelta(seconds=15),
)

_STEPS = 1200
_QUIET = timedelta(minutes=5)
"""Longer than any window, and than the time between two censuses."""
_LONGEST_REST = timedelta(hours=1)
"""By then all is quiet, however scarce calls are."""
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


class Life:
    """One seller's shop from connection to rest."""

    def __init__(self, seed: int, make_shop: MakeShop, *, store: MemoryStore | None = None) -> None:
        self.seed = seed
        random = Random(seed)  # noqa: S311 - a seed that replays, no secret
        # The engine draws from a chance of its own: so what happens does not hang on how often it does.
        engines = Random(f"{seed} engine")  # noqa: S311 - the same
        character = draw(random, MAY_BE_LEFT_OUT)
        settings = replace(SETTINGS, removals_free=character.removals_free)
        clock, shop = HandClock(), make_shop(SHOP_NAME, character)
        inventory = Inventory(clock)
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
            engines_random=engines,
            settings=settings,
            character=character,
            inventory=inventory,
            store=store or MemoryStore(),
            shop=shop,
            network=self.network,
            books=Books(inventory),
        )
        self.judges = Judges(stage)
        self._lists = Lists(stage)
        self.mail = Mail(stage, self.judges)
        other = make_shop(OTHER_NAME, character)
        self.keys = Keys(stage, self.mail, self.judges.guarded, other, shop_is_empty=not character.was_there_before)
        self.users, self.buyers = Users(stage), Buyers(stage)
        self.website = Website(stage, self.users)
        self.workers = Workers(stage, self.mail)
        self.databases = Databases(stage, self.mail, self.judges, self.keys)
        cast = Cast(
            users=self.users,
            buyers=self.buyers,
            website=self.website,
            workers=self.workers,
            databases=self.databases,
            keys=self.keys,
            mail=self.mail,
            faults=Faults(stage, self.databases),
            coincidences=Coincidences(
                stage=stage,
                mail=self.mail,
                users=self.users,
                buyers=self.buyers,
                workers=self.workers,
                databases=self.databases,
            ),
        )
        self.story = Story(cast, random, character)
        self._furnish(other)

    def live(self) -> Outline:
        """Live it; raises Misjudged."""
        try:
            return self._live()
        finally:
            self.workers.end()

    def _live(self) -> Outline:
        if self.stage.character.begins_closed:
            self.website.close()
        self.keys.connect()
        if self.stage.character.begins_calmly:
            self._rest_until(self.stage.clock.now() + _SECOND * 30)
            while self.stage.character.begins_closed and self.stage.connection.baseline_taken_at is None:
                self._rest_until(self.stage.clock.now() + _SECOND * 30)
        for _ in range(_STEPS):
            self.story.go_on()
            self._watch()
            self.judges.judge_pace()
        self._calm_down()
        self._come_to_rest()
        self.judges.judge_rest()
        known, waited = set(self.stage.books.sent), self.judges.waiting()
        self._rest_until(self.stage.clock.now() + _QUIET)
        self.judges.judge_quiet(known, waited)
        struck = self.stage.struck + self.network.struck
        return Outline(self.seed, self.stage.events + len(self.network.stamps), struck)

    # Before the first event -------------------------------------------------------------------------------------------

    def _furnish(self, other: ShopModel) -> None:
        """Stock both shops: ours with what was there before, the other with what shows whose it is (rules C3, W1)."""
        stage, now = self.stage, self.stage.clock.now
        for _ in range(stage.character.was_there_before):
            quantity, sold = stage.random.randint(2, 20), stage.random.randint(0, 5)
            item = self.users.make_item()
            fields = stage.shop.as_shown(self.users.make_fields(self.users.names + 1))
            listing_id = stage.shop.put_up(item, quantity + sold, fields, now())
            if sold:
                order_id = stage.shop.buy(listing_id, sold, now(), lag=timedelta(0))
                stage.books.sell(order_id, listing_id, item, sold, now())
                stage.books.lines[order_id, listing_id].before = sold
            stock = self.users.add(quantity, item, fields, retain=False)
            self._sell_before(listing_id, item, stock)
            stage.books.own(listing_id, stock.lot_id)
        for color_id in OTHER_COLORS[: stage.character.not_entered]:
            self.users.make_item()
            item = stage.shop.item(color_id)
            fields = stage.shop.as_shown(self.users.make_fields(0))
            stage.books.not_entered.append(stage.shop.put_up(item, stage.random.randint(2, 20), fields, now()))
        item = self.users.make_item()
        theirs = other.put_up(item, 9, self.users.make_fields(0), now())
        other.buy(theirs, 1, now(), lag=timedelta(0))
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

    # What is seen -----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        self.network.land_late_ones()
        self.network.remember_list(self.stage.shop)
        self.mail.publish()
        self.keys.look_after()
        self.judges.pace.look()
        self.judges.watch_returns()

    # Rest -------------------------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        self.network.calm_down()
        self.workers.calm_down()
        self.keys.calm_down()

    def _come_to_rest(self) -> None:
        """Let time pass until nothing was sent for long, and nothing waits for anything but a person."""
        clock, began = self.stage.clock, self.stage.clock.now()
        quiet_since, sent = began, 0
        while (now := clock.now()) < quiet_since + _QUIET and now < began + _LONGEST_REST:
            self._rest_until(now + _QUIET / 8)
            if len(self.stage.books.sent) > sent or self._waits_for_time():
                quiet_since, sent = clock.now(), len(self.stage.books.sent)

    def _waits_for_time(self) -> bool:
        connection, now = self.stage.connection, self.stage.clock.now()
        pauses = (connection.not_before, connection.writes_not_before, connection.hold_increases_until)
        if any(moment is not None and moment > now for moment in pauses) or self.stage.store.tables.unsettled:
            return True
        if connection.removals_held:
            return True  # a person will agree
        return connection.census_reason is not None and not connection.census_alarm

    def _rest_until(self, end: datetime) -> None:
        while self.stage.clock.now() < end:
            for _ in range(40):
                self.workers.step_all()
                self.mail.deliver_all()
                self._watch()
                if not self._is_due():
                    break
            self.judges.judge_pace()
            self.stage.clock.turn(max(_SECOND, min(self._idle_until(), end) - self.stage.clock.now()))

    def _is_due(self) -> bool:
        due_at = self.stage.connection.due_at
        return due_at is not None and due_at <= self.stage.clock.now()

    def _idle_until(self) -> datetime:
        """When something will happen again: nobody acts before the connection is due, or a late write lands."""
        now = self.stage.clock.now()
        moments = [at for at, *_ in self.network.late]
        if not self.workers.are_under_way():
            moments.append(self.stage.connection.due_at or now + _QUIET)
        else:
            moments.append(now)
        return min(moments)
