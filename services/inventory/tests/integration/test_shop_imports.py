"""Imports from a shop: what a listing may stand for, what it becomes, and that none gets two lots (S7, C2, C3)."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import sales_event_pb2
from brickops.events.v1.lot_event_pb2 import LotChanged
from brickops.inventory.v1 import import_pb2, lot_pb2, undo_pb2
from inventory.consuming.results import ResultsHandler
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.imports import rows_of, to_the_end
from inventory.testing.interrupted import Interrupted
from inventory.testing.outbox import take_outbox
from inventory.testing.records import sale, settled
from inventory.undoing import OperationUndoer
from servicekit.clock import SystemClock

SHOP = "bricklink"
RECOUNT = sales_event_pb2.SALE_KIND_RECOUNT
READ_AT = datetime(2026, 11, 1, 12, 0, 0, 250000, tzinfo=UTC)
PREVIEW, RUNNING, DONE, CANCELLED = (
    import_pb2.IMPORT_STATE_PREVIEW,
    import_pb2.IMPORT_STATE_RUNNING,
    import_pb2.IMPORT_STATE_DONE,
    import_pb2.IMPORT_STATE_CANCELLED,
)
NEW, MATCHED, AMBIGUOUS, INVALID, EXCLUDED = (
    import_pb2.IMPORT_VERDICT_NEW,
    import_pb2.IMPORT_VERDICT_MATCHED,
    import_pb2.IMPORT_VERDICT_AMBIGUOUS,
    import_pb2.IMPORT_VERDICT_INVALID,
    import_pb2.IMPORT_VERDICT_EXCLUDED,
)
ADD, SKIP, NEW_LOT, LINK = (
    import_pb2.IMPORT_CHOICE_ADD,
    import_pb2.IMPORT_CHOICE_SKIP,
    import_pb2.IMPORT_CHOICE_NEW_LOT,
    import_pb2.IMPORT_CHOICE_LINK,
)
FULL = a_brick(
    sale_percent=10,
    tiers=[
        lot_pb2.Tier(quantity=10, unit_price=euros(0, 110_000_000)),
        lot_pb2.Tier(quantity=50, unit_price=euros(0, 90_000_000)),
    ],
    bulk=5,
    cost=euros(0, 47_000_000),
    description="light scratches",
    remarks="A1",
    stockroom=lot_pb2.STOCKROOM_B,
    retain=True,
)


def a_listing(listing_id: int, lot: lot_pb2.Lot | None = None, **more: Any) -> import_pb2.ShopListing:
    listing = import_pb2.ShopListing(listing_id=str(listing_id), lot=lot or a_brick(), **more)
    listing.read_at.FromDatetime(READ_AT)
    return listing


def other_brick(number: str, **fields: Any) -> lot_pb2.Lot:
    item = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number=number, color_id=5, condition=lot_pb2.CONDITION_USED)
    return a_brick(item=item, **fields)


async def previewed(
    calls: Calls, *listings: import_pb2.ShopListing, **fields: Any
) -> tuple[import_pb2.Import, list[import_pb2.ImportRow]]:
    operation = await calls.import_shop(*listings, **fields)
    assert operation.state == PREVIEW
    return operation, await rows_of(calls, operation.import_id)


async def told(calls: Calls, engine: AsyncEngine) -> dict[str, LotChanged]:
    """What went out to the seller's shop, by lot."""
    out = [one.event.lot_changed for one in await take_outbox(engine) if one.topic == f"lots.{SHOP}"]
    return {changed.lot.lot_id: changed for changed in out if changed.seller_id == calls.seller}


async def stock(calls: Calls) -> list[tuple[str, int]]:
    return [(one.lot.item.number, one.lot.quantity) for one in (await calls.list_lots(page_size=500)).lots]


async def refused(call: Awaitable[Any]) -> list[str]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return [field for field, _ in problem(refusal.value).violations] or [problem(refusal.value).reason]


async def test_new_listings_become_lots_that_they_stand_for(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    """As the shop shows them, counted when its list was read (rule C3); nothing is touched before that."""
    operation, rows = await previewed(calls, a_listing(7, FULL), a_listing(8, other_brick("3002")))
    assert (operation.marketplace, operation.total_rows, operation.matched_rows) == (SHOP, 2, 0)
    assert [(row.verdict, row.listing_id, row.quantity) for row in rows] == [(NEW, "7", 40), (NEW, "8", 40)]
    assert rows[1].item == other_brick("3002").item
    await to_the_end(runner)
    assert await stock(calls) == []

    await calls.confirm_import(operation.import_id)
    await to_the_end(runner)
    over = await calls.get_import(operation.import_id)
    assert (over.state, over.created_rows, over.updated_rows) == (DONE, 2, 0)
    first, second = await rows_of(calls, operation.import_id)
    events = await told(calls, engine)
    made = events[first.lot_id]
    assert (list(made.listing_ids), list(made.created_listing_ids)) == (["7"], [])
    assert made.counted_at.ToDatetime(tzinfo=UTC) == READ_AT
    assert made.lot.revision == 1
    for name in (field.name for field in lot_pb2.Lot.DESCRIPTOR.fields):
        if getattr(FULL, name) != getattr(lot_pb2.Lot(), name):
            assert getattr(made.lot, name) == getattr(FULL, name), name
    assert list(events[second.lot_id].listing_ids) == ["8"]


async def test_lots_without_a_listing_are_matched_or_may_be_chosen(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    equal = (await calls.create(FULL)).lot.lot_id
    near = (await calls.create(other_brick("3002", remarks="B2"))).lot.lot_id
    listed = (await calls.create(other_brick("3003"))).lot.lot_id
    async with engine.begin() as conn:
        await ResultsHandler(topics, SystemClock()).absorb(
            conn, [settled(str(calls.seller), listed, seq=1, revision=1, listing_ids=["5"])]
        )
    await calls.archive((await calls.create(other_brick("3004"))).lot.lot_id)
    await take_outbox(engine)
    operation, rows = await previewed(
        calls,
        a_listing(6, FULL),
        a_listing(7, FULL),
        a_listing(8, other_brick("3002", quantity=3)),
        a_listing(9, other_brick("3002")),
        a_listing(10, other_brick("3003")),
        a_listing(11, other_brick("3004")),
        a_listing(5, other_brick("3003")),
    )
    assert [row.verdict for row in rows] == [MATCHED, NEW, AMBIGUOUS, AMBIGUOUS, NEW, NEW, EXCLUDED]
    assert (rows[0].duplicate_lot_id, [one.lot_id for one in rows[0].candidates]) == (equal, [equal])
    assert [(one.lot_id, one.remarks) for one in rows[2].candidates] == [(near, "B2")]
    assert (rows[6].field, operation.refused_rows) == ("listing_id", 1)
    assert (operation.matched_rows, operation.ambiguous_rows) == (1, 2)

    choice = partial(import_pb2.ImportRowChoice, number=3)
    confirm = partial(calls.confirm_import, operation.import_id)
    assert await refused(confirm(rows=[choice(choice=LINK)])) == ["rows[0].lot_id"]
    assert await refused(confirm(rows=[choice(choice=LINK, lot_id=equal)])) == ["rows[0].lot_id"]
    assert await refused(confirm(rows=[choice(choice=ADD, lot_id=near)])) == ["rows[0].choice"]
    assert await refused(confirm(ambiguous=LINK)) == ["ambiguous"]
    two = [import_pb2.ImportRowChoice(number=number, choice=LINK, lot_id=near) for number in (3, 4)]
    assert await refused(confirm(rows=two)) == ["rows"]
    await confirm(rows=[choice(choice=LINK, lot_id=near)])
    await to_the_end(runner)
    over = await calls.get_import(operation.import_id)
    assert (over.state, over.created_rows, over.updated_rows, over.skipped_rows) == (DONE, 3, 2, 1)
    events = await told(calls, engine)
    assert {lot_id: (list(events[lot_id].listing_ids), events[lot_id].lot.revision) for lot_id in (equal, near)} == {
        equal: (["6"], 1),
        near: (["8"], 1),
    }
    assert len(events) == 5
    assert {row.listing_id: row.choice for row in await rows_of(calls, operation.import_id)} == {
        "6": LINK,
        "7": NEW_LOT,
        "8": LINK,
        "9": SKIP,
        "10": NEW_LOT,
        "11": NEW_LOT,
        "5": 0,
    }


@pytest.mark.parametrize(
    ("listing", "field"),
    [
        (a_listing(7, unmapped_field="stock_room_id"), "stock_room_id"),
        (a_listing(7, a_brick(quantity=0)), "quantity"),
        (a_listing(7, a_brick(description="<b>new</b>")), "description"),
        (a_listing(7, a_brick(unit_price=euros(0))), "unit_price"),
        (a_listing(7, a_brick(tiers=[lot_pb2.Tier(quantity=5, unit_price=euros(9))])), "tiers[0].unit_price"),
        (import_pb2.ShopListing(listing_id="7", lot=a_brick()), "read_at"),
    ],
)
async def test_what_no_lot_can_be_is_refused_by_its_field(
    calls: Calls, listing: import_pb2.ShopListing, field: str
) -> None:
    operation = await calls.import_shop(listing, a_listing(8))
    row, good = await rows_of(calls, operation.import_id)
    assert (row.verdict, row.field, row.listing_id, good.verdict) == (INVALID, field, "7", NEW)
    assert row.reason


async def test_an_empty_listing_that_is_kept_at_zero_is_a_lot(calls: Calls) -> None:
    _, [row] = await previewed(calls, a_listing(7, a_brick(quantity=0, retain=True)))
    assert row.verdict == NEW


async def test_a_request_names_its_faults_and_a_repeat_is_answered_as_before(calls: Calls) -> None:
    assert await refused(calls.import_shop()) == ["NOTHING_TO_IMPORT"]
    assert await refused(calls.import_shop(a_listing(7), a_listing(7))) == ["listings[1].listing_id"]
    assert await refused(calls.import_shop(a_listing(7), marketplace="ebay")) == ["marketplace"]
    assert await refused(calls.import_shop(a_listing(7), currency_code="")) == ["currency_code"]
    first = await calls.import_shop(a_listing(7), request_id="again")
    assert await calls.import_shop(request_id="again") == first
    assert await calls.import_shop(a_listing(8), request_id="again") == first
    await calls.create()
    assert await refused(calls.import_shop(a_listing(7), currency_code="USD")) == ["currency_code"]


async def test_two_previews_of_one_shop_make_each_lot_once(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    """Both are confirmed, and two processes take chunks of them at the same time."""
    listings = [a_listing(number, other_brick(f"30{number}")) for number in range(10, 40)]
    imports = [(await previewed(calls, *listings))[0].import_id for _ in range(2)]
    for import_id in imports:
        await calls.confirm_import(import_id)
    await asyncio.gather(to_the_end(runner), to_the_end(runner))
    over = [await calls.get_import(import_id) for import_id in imports]
    assert [one.state for one in over] == [DONE, DONE]
    assert sum(one.created_rows for one in over) == sum(one.refused_rows for one in over) == 30
    lots = await stock(calls)
    assert len(lots) == len(set(lots)) == 30
    assert await refused(calls.import_shop()) == ["NOTHING_TO_IMPORT"]
    again = await calls.import_shop(*listings)
    assert (again.state, again.refused_rows) == (DONE, 30)


async def test_a_lot_that_got_a_listing_or_went_since_is_not_linked(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    lots = {number: (await calls.create(other_brick(number))).lot.lot_id for number in ("3001", "3002", "3003")}
    listings = [a_listing(place, other_brick(number)) for place, number in enumerate(lots, start=7)]
    operation, rows = await previewed(calls, *listings)
    assert [row.verdict for row in rows] == [MATCHED] * 3
    async with engine.begin() as conn:
        results = ResultsHandler(topics, SystemClock())
        await results.absorb(conn, [settled(str(calls.seller), lots["3001"], seq=1, revision=1, listing_ids=["99"])])
    await calls.archive(lots["3002"])
    await calls.confirm_import(operation.import_id)
    await to_the_end(runner)
    rows = await rows_of(calls, operation.import_id)
    assert [bool(row.reason) for row in rows] == [True, True, False]
    over = await calls.get_import(operation.import_id)
    assert (over.state, over.refused_rows, over.updated_rows, over.created_rows) == (DONE, 2, 1, 0)


async def test_sales_are_counted_from_the_list_read_on(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """The sync service tells every order of the listing once it is linked; those in the list's numbers do not count."""
    operation, _ = await previewed(calls, a_listing(7))
    await calls.confirm_import(operation.import_id)
    await to_the_end(runner)
    [row] = await rows_of(calls, operation.import_id)
    seller = str(calls.seller)
    lines = [
        sale(seller, row.lot_id, pieces, seq=seq, order_id=f"order-{seq}", listing_id="7", kind=RECOUNT, ordered_at=at)
        for seq, (pieces, at) in enumerate([(1, READ_AT), (2, READ_AT + timedelta(milliseconds=1))], start=100)
    ]
    async with engine.begin() as conn:
        await SalesHandler(topics, SystemClock()).absorb(conn, lines)
    lot = (await calls.get(row.lot_id)).lot
    assert (lot.quantity, lot.sold) == (38, 2)


async def test_killed_in_the_middle_of_a_chunk(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """What it had written of lots is not there, and the next process makes each of them once."""
    listings = [a_listing(number, other_brick(f"30{number}")) for number in range(10, 35)]
    operation, _ = await previewed(calls, *listings)
    await calls.confirm_import(operation.import_id)
    await runner.make_chunk()
    Interrupted.reached = asyncio.Event()
    dying = ImportRunner(engine, partial(Interrupted, engine, topics), SystemClock(), chunk_rows=10)
    task = asyncio.create_task(dying.make_chunk())
    await Interrupted.reached.wait()
    task.cancel()
    await asyncio.wait({task})
    assert len(await stock(calls)) == 10
    await to_the_end(runner)
    assert len(await stock(calls)) == len(set(await stock(calls))) == 25
    events = await told(calls, engine)
    assert sorted(listing_id for event in events.values() for listing_id in event.listing_ids) == [
        str(number) for number in range(10, 35)
    ]


async def test_cancelled_between_two_chunks_and_undone(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """What became lots stays; the undo puts them away, so their listings are to go. A link is no change, and stays."""
    equal = (await calls.create(other_brick("3010"))).lot.lot_id
    listings = [a_listing(number, other_brick(f"30{number}")) for number in range(10, 35)]
    operation, _ = await previewed(calls, *listings)
    await calls.confirm_import(operation.import_id)
    await runner.make_chunk()
    cancelled = await calls.cancel_import(operation.import_id)
    assert (cancelled.state, cancelled.created_rows, cancelled.updated_rows) == (CANCELLED, 9, 1)
    await to_the_end(runner)
    assert len(await stock(calls)) == 10
    await take_outbox(engine)
    assert (await calls.undo_import(operation.import_id)).total_changes == 9
    undoer = OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock())
    while await undoer.make_chunk():
        pass
    assert (await calls.get_import_undo(operation.import_id)).state == undo_pb2.IMPORT_UNDO_STATE_DONE
    events = await told(calls, engine)
    assert len(events) == 9
    assert all(event.lot.archived and event.listing_ids for event in events.values())
    assert [one.lot.lot_id for one in (await calls.list_lots()).lots] == [equal]


async def test_a_large_shop_is_judged_chunk_by_chunk(calls: Calls, runner: ImportRunner) -> None:
    listings = [a_listing(number, other_brick(str(number))) for number in range(1, 602)]
    operation = await calls.import_shop(*listings)
    assert (operation.state, operation.checked_rows) == (import_pb2.IMPORT_STATE_CHECKING, 500)
    await to_the_end(runner)
    over = await calls.get_import(operation.import_id)
    assert (over.state, over.checked_rows, over.refused_rows) == (PREVIEW, 601, 0)
