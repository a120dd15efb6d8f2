"""Calls of several writes: used once a small one was seen to be done, and never again once one was not (rule N2)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncengine.batches import CREATES, HIDDEN_QUANTITIES, as_one_of_several, kinds_of, most_together, seen
from syncengine.listing import Group, Listing, ListingId, Lot, LotId, SellerId
from syncengine.marketplace import (
    BATCH_REFUSED,
    Applied,
    Create,
    Facts,
    Outcome,
    Refused,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.settings import Settings
from syncengine.settle import found
from syncengine.testing.inventory import BRICK
from syncengine.testing.samples import sample
from syncengine.testing.shop import FACTS, MemoryShop
from syncengine.testing.world import SOON_CERTAIN, World

AT_ONCE = 10
BATCHING = replace(
    FACTS,
    repeated_fields=frozenset(),
    creates_at_once=AT_ONCE,
    updates_at_once=AT_ONCE,
    proven_batches=frozenset({HIDDEN_QUANTITIES}),
    counts_entries=True,
)
SETTINGS = replace(SOON_CERTAIN, creates_together_from=4, first_together=2, answered_look_after=timedelta(seconds=2))

Spoil = Callable[[Write], Write | Outcome | None]
"""What becomes of one write of a call of several: another write is done, an outcome instead, or it is done in word."""


class BatchingShop(MemoryShop):
    """A shop that judges each write of a call by itself."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.facts = BATCHING
        self.spoil: Spoil = lambda write: write
        self.refuses = False
        self.sizes: list[tuple[str, int]] = []

    async def create_all(self, creates: Sequence[Create], ticket: Ticket) -> Sequence[Outcome]:
        return self._each(creates)

    async def update_all(self, updates: Sequence[Update], ticket: Ticket) -> Sequence[Outcome]:
        return self._each(updates)

    def _each(self, writes: Sequence[Create | Update]) -> Sequence[Outcome]:
        self.calls += 1
        self.sizes.append((type(writes[0]).__name__, len(writes)))
        if self.refuses:
            return [Refused(reason=BATCH_REFUSED)] * len(writes)
        return [self._one(write) for write in writes]

    def _one(self, write: Create | Update) -> Outcome:
        done = self.spoil(write)
        if done is None:
            return Applied()
        if not isinstance(done, Write):
            return done
        outcome = self._apply(done)
        if not isinstance(outcome, Applied) or outcome.listing is None:
            return outcome
        return Applied(listing_id=outcome.listing.listing_id if isinstance(write, Create) else None)

    @property
    def shop_listings(self) -> dict[str, Listing]:
        return {str(listing.fields["note"]): listing for listing in self.listings.values()}


async def a_world(lots: int, **shop: object) -> tuple[World, BatchingShop]:
    world = World(settings=SETTINGS)
    world.shop = there = BatchingShop(world)
    for name, value in shop.items():
        setattr(there, name, value)
    await world.connect()
    await world.settle(timedelta(seconds=10))
    for each in range(lots):
        world.create(f"lot{each:03}", 5, replace(BRICK, number=str(each)), note=f"lot{each:03}")
    await world.settle(timedelta(minutes=1))
    return world, there


def is_right(world: World, there: BatchingShop, lots: int, *, price: str = "0.1000") -> bool:
    listings = there.shop_listings
    return listings.keys() == {f"lot{each:03}" for each in range(lots)} and all(
        listing.fields["price"] == price
        and listing.quantity == 5
        and world.row(note).listing_id == listing.listing_id
        and set(world.row(note).settled.values()) == {world.row(note).revision}
        for note, listing in listings.items()
    )


async def test_a_small_call_is_looked_at_before_full_ones_follow() -> None:
    world, there = await a_world(24)
    assert there.sizes == [("Create", 2), ("Create", 10), ("Create", 10)]  # and two that were too few
    assert world.connection.batches == {CREATES: True}
    assert is_right(world, there, 24)
    for each in range(24):
        world.change(f"lot{each:03}", price="0.2000")
    await world.settle(timedelta(minutes=1))
    assert there.sizes[3:] == [("Update", 2), ("Update", 10), ("Update", 10)]
    assert world.connection.batches == {CREATES: True, "price": True}
    assert is_right(world, there, 24, price="0.2000")


async def test_what_was_done_in_word_only_is_done_one_by_one() -> None:
    """The shop says that it did, and did not: nothing counts as synced by that, and it is never asked so again."""
    world, there = await a_world(12)
    there.spoil = lambda write: None
    for each in range(12):
        world.change(f"lot{each:03}", price="0.2000")
    await world.settle(timedelta(seconds=1))
    assert there.sizes[2:] == [("Update", 2)]
    assert Group.PRICE not in {
        group for group, revision in world.row("lot000").settled.items() if revision == world.row("lot000").revision
    }
    await world.settle(timedelta(minutes=1))
    assert there.sizes[2:] == [("Update", 2)]
    assert world.connection.batches == {CREATES: True, "price": False}
    assert is_right(world, there, 12, price="0.2000")
    for each in range(12):
        world.change(f"lot{each:03}", price="0.3000")
    await world.settle(timedelta(minutes=1))
    assert there.sizes[2:] == [("Update", 2)]
    assert is_right(world, there, 12, price="0.3000")


async def test_lots_that_wait_for_a_person_are_on_trial_as_others_are() -> None:
    """What they wait for holds no price back, nor says that it was stored (seed 3038)."""
    world, there = await a_world(12)
    there.spoil = lambda write: None
    rows = world.store.tables.listings
    for each in range(12):
        lot_id = LotId(f"lot{each:03}")
        rows[lot_id] = replace(rows[lot_id], trouble=Trouble.ORDER_UNASSIGNED)
        world.change(lot_id, price="0.2000")
    await world.settle(timedelta(minutes=1))
    assert world.connection.batches == {CREATES: True, "price": False}
    assert {listing.fields["price"] for listing in there.shop_listings.values()} == {"0.2000"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda write: replace(write, fields={**write.fields, "price": "9.0000"}),
        lambda write: replace(write, quantity=write.quantity + 1),
        lambda write: replace(write, item=replace(write.item, color_id=77)),
    ],
)
async def test_a_listing_made_otherwise_ends_creates_in_one_call(spoil: Spoil) -> None:
    """What differs is put right where a write can; pieces that nobody has explained are a person's to say."""
    world, there = await a_world(12, spoil=spoil)
    await world.settle(timedelta(minutes=5))
    assert there.sizes == [("Create", 2)]
    assert world.connection.batches == {CREATES: False}
    wrong = {row.lot_id for row in map(world.row, ("lot000", "lot001")) if row.trouble is not None}
    right = [listing for note, listing in there.shop_listings.items() if note not in wrong]
    assert len(right) + len(wrong) == 12
    assert all(listing.fields["price"] == "0.1000" and listing.item.color_id == BRICK.color_id for listing in right)


async def test_a_call_that_is_refused_as_a_whole_is_made_one_by_one_at_once() -> None:
    world, there = await a_world(12, refuses=True)
    assert there.sizes == [("Create", 2)]
    assert world.connection.batches == {CREATES: False}
    assert is_right(world, there, 12)
    assert not any(world.row(f"lot{each:03}").parked for each in range(12))


async def test_each_is_refused_within_one_call_and_none_alone() -> None:
    """What a shop does not know within such a call is no fault of a lot."""
    world, there = await a_world(12, spoil=lambda write: Refused(reason="NO_SUCH_ENDPOINT"))
    assert world.connection.batches == {CREATES: False}
    assert is_right(world, there, 12)


async def test_one_that_is_refused_goes_alone_and_parks_alone() -> None:
    world, there = await a_world(2)
    there.unknown_items = {replace(BRICK, number="100")}
    for each in range(98, 110):
        world.create(f"lot{each:03}", 5, replace(BRICK, number=str(each)), note=f"lot{each:03}")
    await world.settle(timedelta(minutes=1))
    parked = [lot_id for lot_id, row in world.store.tables.listings.items() if row.parked]
    assert parked == [LotId("lot100")]
    assert len(there.listings) == 13
    assert world.connection.batches == {CREATES: True}


async def test_one_of_which_the_answer_says_nothing_is_looked_for() -> None:
    lost = iter([True])

    def spoil(write: Write) -> Write | Outcome | None:
        is_lost = next(lost, False) and isinstance(write, Create)
        return Unknown(reason="NO_REPLY") if is_lost else write

    world, there = await a_world(12, spoil=spoil)
    await world.settle(timedelta(minutes=6))
    assert is_right(world, there, 12)
    assert Counter(str(write.write.item.number) for write in there.writes if isinstance(write.write, Create)) == {
        str(each): 1 for each in range(12)
    }


async def test_an_id_that_two_creates_were_answered_with_is_believed_of_neither() -> None:
    told = iter([True, True])

    def spoil(write: Write) -> Write | Outcome | None:
        return Applied(listing_id=ListingId("9999")) if isinstance(write, Create) and next(told, False) else write

    world, there = await a_world(12, spoil=spoil)
    await world.settle(timedelta(minutes=6))
    assert world.connection.highest_listing_id < 9999
    assert is_right(world, there, 12)


async def test_creates_that_name_no_listing_are_never_made_together() -> None:
    world, there = await a_world(12, spoil=lambda write: None)
    assert there.sizes == [("Create", 2)]
    assert world.connection.batches == {CREATES: False}


async def test_a_sale_meanwhile_says_nothing_of_the_call() -> None:
    world, there = await a_world(0)
    for each in range(12):
        world.create(f"lot{each:03}", 5, replace(BRICK, number=str(each)), note=f"lot{each:03}")
    await world.deliver()
    while not there.listings:
        await world.turn()
        world.clock.turn(timedelta(milliseconds=100))
    there.buy(there.shop_listings["lot000"].listing_id, 2)
    await world.settle(timedelta(minutes=1))
    assert world.connection.batches == {CREATES: True}
    assert world.row("lot000").ledger == 3


def a_row(*, for_sale: bool = True, shown: bool = True, **more: object) -> ListingRow:
    lot = Lot(item=BRICK, quantity=10, for_sale=for_sale, retain=False, fields={})
    row = ListingRow(lot_id=LotId("lot"), seller_id=SellerId("s"), desired=lot, revision=1, sent_for_sale=shown)
    return replace(row, listing_id=ListingId("7"), ledger=4, **more)  # type: ignore[arg-type]


UPDATE = Update(listing_id=ListingId("7"))
READ_AT = datetime(2026, 11, 22, tzinfo=UTC)
LONG_AGO = READ_AT - timedelta(hours=1)


@pytest.mark.parametrize(
    ("row", "write", "kinds"),
    [
        (a_row(), replace(UPDATE, fields={"price": "1", "note": ""}), {"price", "note"}),
        (a_row(), replace(UPDATE, delta=6), None),
        (a_row(), replace(UPDATE, fields={"price": "1"}, delta=6), None),
        (a_row(for_sale=False), replace(UPDATE, for_sale=False), None),
        (a_row(for_sale=False), replace(UPDATE, delta=6), None),
        (a_row(shown=False), replace(UPDATE, delta=6), None),
        (a_row(for_sale=False, shown=False), replace(UPDATE, delta=6), None),
        (a_row(for_sale=False, shown=False, hidden_at=READ_AT), replace(UPDATE, delta=6), None),
        (a_row(for_sale=False, shown=False, hidden_at=LONG_AGO), replace(UPDATE, delta=6), {HIDDEN_QUANTITIES}),
        (a_row(shown=False, hidden_at=LONG_AGO), replace(UPDATE, delta=6), None),
    ],
)
def test_quantities_go_together_only_where_every_order_from_before_they_were_hidden_is_known(
    row: ListingRow, write: Update, kinds: frozenset[str] | None
) -> None:
    """A total would overwrite a sale that is not listed yet (rule K4)."""
    connection = ConnectionRow(seller_id=SellerId("s"), all_orders_read_at=READ_AT)
    assert kinds_of(row, write, connection, Settings()) == kinds
    assert kinds_of(row, write, replace(connection, all_orders_read_at=None), Settings()) == (
        None if write.delta else kinds
    )


def test_a_hidden_quantity_is_said_as_a_total() -> None:
    assert as_one_of_several(a_row(), replace(UPDATE, delta=6)) == replace(UPDATE, delta=6, total=10)
    assert as_one_of_several(a_row(), replace(UPDATE, fields={"price": "1"})).total is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("known", "facts", "free", "create_with", "most"),
    [
        ({}, BATCHING, 1000, None, 2),
        ({"price": True}, BATCHING, 1000, None, 10),
        ({"price": True}, BATCHING, 7, None, 7),
        ({"price": True}, BATCHING, 3, None, 1),
        ({"price": True}, replace(BATCHING, counts_entries=False), 3, None, 10),
        ({"price": True}, BATCHING, 1000, 5, 5),
        ({"price": True}, BATCHING, 1000, 1, 1),
        ({"price": False}, BATCHING, 1000, None, 1),
        ({}, replace(BATCHING, proven_batches=None), 1000, None, 10),
        ({}, replace(BATCHING, updates_at_once=1), 1000, None, 1),
    ],
)
def test_how_many_go_together(
    known: dict[str, bool], facts: Facts, free: int, create_with: int | None, most: int
) -> None:
    settings = Settings(creates_together_from=4, first_together=2)
    connection = ConnectionRow(seller_id=SellerId("s"), batches=known)
    row, write = a_row(create_with=create_with), replace(UPDATE, fields={"price": "1"})
    assert most_together(row, write, connection, facts, settings, free=free) == most


def test_since_when_a_listing_is_hidden_is_by_our_clock_for_it_is_compared_with_our_calls() -> None:
    """The shop's may be behind: then orders that are late would count as read (rule K4)."""
    shown = replace(sample(Listing), for_sale=False)
    assert found(a_row(), shown, LONG_AGO, READ_AT).hidden_at == READ_AT


def test_listing_that_is_empty_shows_all_the_same_whether_its_fields_were_stored() -> None:
    """Else what a shop only says that it did would be believed of it for ever."""
    lot = Lot(item=BRICK, quantity=0, for_sale=True, retain=True, fields={"note": "new"})
    row = ListingRow(lot_id=LotId("a"), seller_id=SellerId("s"), desired=lot, revision=1)
    row = replace(row, listing_id=ListingId("7"), ledger=0, sent={"note": "new"}, on_trial=("note",))
    there = Listing(
        listing_id=ListingId("7"), item=BRICK, quantity=0, for_sale=True, retain=True, fields={"note": "old"}
    )
    row_then, verdicts = seen(row, there, BATCHING)
    assert (row_then.sent, verdicts) == ({"note": "old"}, {"note": False})
    assert seen(row, None, BATCHING)[1] == {}
