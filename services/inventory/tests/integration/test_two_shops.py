"""A second shop beside the lots of the first: what differs is told, and whose to take is the seller's word (ADR 23)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import sales_event_pb2
from brickops.inventory.v1 import import_pb2, lot_pb2, undo_pb2
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.imports import rows_of, to_the_end
from inventory.testing.interrupted import Interrupted
from inventory.testing.outbox import take_outbox
from inventory.testing.records import sale
from inventory.undoing import OperationUndoer
from servicekit.clock import SystemClock

FIRST, SECOND = "bricklink", "brickowl"
READ_AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHOWN = ["unit_price", "sale_percent", "tiers", "bulk", "cost", "description", "remarks", "used_grade"]
OURS, THEIRS = import_pb2.IMPORT_WHOSE_OURS, import_pb2.IMPORT_WHOSE_THEIRS
QUANTITY, PRICE, REST = (
    import_pb2.ImportAspect.Value(f"IMPORT_ASPECT_{name}") for name in ("QUANTITY", "PRICE", "REST")
)
LINK, SKIP = import_pb2.IMPORT_CHOICE_LINK, import_pb2.IMPORT_CHOICE_SKIP
ALL_THEIRS = import_pb2.ImportTakes(quantity=THEIRS, price=THEIRS, rest=THEIRS)


def brick(number: int, **fields: Any) -> lot_pb2.Lot:
    item = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number=str(number), color_id=5, condition=lot_pb2.CONDITION_USED)
    return a_brick(item=item, **fields)


def listing(number: int, lot: lot_pb2.Lot, *, at: datetime = READ_AT, **fields: Any) -> import_pb2.ShopListing:
    told = import_pb2.ShopListing(listing_id=str(number), lot=lot, **fields)
    told.read_at.FromDatetime(at)
    return told


def in_second(
    number: int, lot: lot_pb2.Lot, *, at: datetime = READ_AT + MINUTE, **fields: Any
) -> import_pb2.ShopListing:
    return listing(number, lot, at=at, shown_fields=SHOWN, price_places=3, **fields)


async def first_shop(calls: Calls, runner: ImportRunner, *lots: lot_pb2.Lot) -> list[str]:
    """Lots as an import of the first shop makes them; their ids."""
    operation = await calls.import_shop(*(listing(number, lot) for number, lot in enumerate(lots, start=100)))
    await calls.confirm_import(operation.import_id)
    await to_the_end(runner)
    return [row.lot_id for row in await rows_of(calls, operation.import_id)]


async def quantities(calls: Calls, lot_ids: Sequence[str]) -> list[int]:
    return [(await calls.get(lot_id)).lot.quantity for lot_id in lot_ids]


async def count(engine: AsyncEngine, topics: LotTopics, *sales: Any) -> None:
    async with engine.begin() as conn:
        await SalesHandler(topics, SystemClock()).absorb(conn, list(sales))


def said(row: import_pb2.ImportRow) -> Mapping[str, tuple[Any, Any]]:
    return {one["field"]: (one["ours"], one["theirs"]) for one in MessageToDict(row)["differences"]}


async def test_a_preview_tells_what_differs_and_nothing_is_touched(calls: Calls, runner: ImportRunner) -> None:
    lots = [brick(number, unit_price=euros(0, 37_500_000), retain=True) for number in range(3001, 3008)]
    lot_ids = await first_shop(calls, runner, *lots)
    there = [brick(number, unit_price=euros(0, 38_000_000)) for number in range(3001, 3008)]
    there[1].quantity = 7
    there[2].unit_price.nanos = 50_000_000
    there[3].remarks = "B2"
    there[4].MergeFrom(lot_pb2.Lot(quantity=1, sale_percent=10, used_grade=lot_pb2.USED_GRADE_GOOD))
    rows = [in_second(number, lot) for number, lot in enumerate(there[:6])]
    rows += [in_second(6, brick(9000)), in_second(7, brick(3006, remarks="another"))]
    operation = await calls.import_shop(*rows, marketplace=SECOND)
    found = await rows_of(calls, operation.import_id)
    assert [import_pb2.ImportVerdict.Name(row.verdict).removeprefix("IMPORT_VERDICT_") for row in found] == [
        *("MATCHED", "DIFFERENT", "DIFFERENT", "DIFFERENT", "DIFFERENT", "MATCHED", "NEW", "NEW"),
    ]
    assert [row.duplicate_lot_id for row in found[:6]] == lot_ids[:6]
    assert [said(row) for row in found[1:5]] == [
        {"quantity": (40, 7)},
        {"unit_price": ("0.0375", "0.05")},
        {"remarks": ("", "B2")},
        {"quantity": (40, 1), "sale_percent": (0, 10)},
    ]
    assert (operation.matched_rows, operation.different_rows, operation.unmatched_lots) == (2, 4, 1)
    by_aspect = (operation.different_quantity_rows, operation.different_price_rows, operation.different_rest_rows)
    assert by_aspect == (2, 2, 1)
    of_price = await rows_of(calls, operation.import_id, differing=[PRICE])
    assert [row.number for row in of_price] == [3, 5]
    assert [row.number for row in await rows_of(calls, operation.import_id, differing=[QUANTITY, REST])] == [2, 4, 5]
    assert await quantities(calls, lot_ids) == [40] * 7


async def test_whose_to_take_is_said_for_all_or_for_one_and_never_guessed(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    lot_ids = await first_shop(calls, runner, *(brick(number) for number in range(3001, 3006)))
    changed = {"quantity": 7, "unit_price": euros(0, 50_000_000), "remarks": "B2"}
    rows = [in_second(1, brick(3001, used_grade=lot_pb2.USED_GRADE_LIKE_NEW))]
    rows += [in_second(number, brick(3000 + number, **changed)) for number in range(2, 6)]
    operation = await calls.import_shop(*rows, marketplace=SECOND)
    confirm = partial(calls.confirm_import, operation.import_id)
    choice = partial(import_pb2.ImportRowChoice, choice=LINK)
    fields = ["takes.quantity", "takes.price", "takes.rest"]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await confirm()
    assert [field for field, _ in problem(refusal.value).violations] == fields
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await confirm(
            takes=import_pb2.ImportTakes(quantity=OURS, price=THEIRS),
            rows=[choice(number=2, takes=ALL_THEIRS), import_pb2.ImportRowChoice(number=3, choice=SKIP)],
        )
    assert [field for field, _ in problem(refusal.value).violations] == fields[2:]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await confirm(rows=[import_pb2.ImportRowChoice(number=3, choice=SKIP, takes=ALL_THEIRS)])
    assert [field for field, _ in problem(refusal.value).violations] == ["rows[0].takes"]
    await take_outbox(engine)
    await confirm(
        takes=import_pb2.ImportTakes(quantity=OURS, price=THEIRS, rest=OURS),
        rows=[
            choice(number=2, takes=ALL_THEIRS),
            import_pb2.ImportRowChoice(number=3, choice=SKIP),
            choice(number=4, takes=import_pb2.ImportTakes(price=OURS)),
        ],
    )
    await to_the_end(runner)
    over = await calls.get_import(operation.import_id)
    assert (over.state, over.updated_rows, over.skipped_rows) == (import_pb2.IMPORT_STATE_DONE, 4, 1)
    lots = [(await calls.get(lot_id)).lot for lot_id in lot_ids]
    assert [(lot.quantity, lot.unit_price.nanos, lot.remarks, lot.revision) for lot in lots] == [
        (40, 120_000_000, "", 2),  # its grade, which it left unsaid
        (7, 50_000_000, "B2", 2),
        (40, 120_000_000, "", 1),
        (40, 120_000_000, "", 1),
        (40, 50_000_000, "", 2),
    ]
    out = [(one.topic, one.event.lot_changed) for one in await take_outbox(engine)]
    told = {
        shop: {one.lot.lot_id: list(one.listing_ids) for topic, one in out if topic == f"lots.{shop}"}
        for shop in (FIRST, SECOND)
    }
    assert told[SECOND] == {lot_id: [str(number)] for number, lot_id in enumerate(lot_ids, start=1) if number != 3}
    assert set(told[FIRST]) == {lot_ids[0], lot_ids[1], lot_ids[4]}
    taken = {row.number: row.takes for row in await rows_of(calls, operation.import_id)}
    assert taken[2] == ALL_THEIRS
    assert taken[4] == import_pb2.ImportTakes(quantity=OURS, price=OURS, rest=OURS)
    assert taken[3] == import_pb2.ImportTakes()

    undone = await calls.undo_import(operation.import_id)
    assert undone.total_changes == 3
    undoer = OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock())
    while await undoer.make_chunk():
        pass
    assert (await calls.get_import_undo(operation.import_id)).state == undo_pb2.IMPORT_UNDO_STATE_DONE
    assert await quantities(calls, lot_ids) == [40] * 5


async def test_of_several_lots_the_one_that_a_person_names_takes_what_they_say(
    calls: Calls, runner: ImportRunner
) -> None:
    one, other = await first_shop(calls, runner, brick(3001, remarks="A1"), brick(3001, remarks="A2"))
    theirs = brick(3001, quantity=7, remarks="B", unit_price=euros(0, 50_000_000))
    operation = await calls.import_shop(in_second(1, theirs), marketplace=SECOND)
    [row] = await rows_of(calls, operation.import_id)
    assert row.verdict == import_pb2.IMPORT_VERDICT_AMBIGUOUS
    assert not row.differences
    told = {each.lot_id: [difference.field for difference in each.differences] for each in row.candidates}
    assert told == {one: ["quantity", "remarks", "unit_price"], other: ["quantity", "remarks", "unit_price"]}
    takes = import_pb2.ImportTakes(quantity=THEIRS)
    choice = import_pb2.ImportRowChoice(number=1, choice=LINK, lot_id=other, takes=takes)
    await calls.confirm_import(operation.import_id, rows=[choice])
    await to_the_end(runner)
    lots = [(await calls.get(lot_id)).lot for lot_id in (one, other)]
    assert [(lot.quantity, lot.remarks) for lot in lots] == [(40, "A1"), (7, "A2")]
    [row] = await rows_of(calls, operation.import_id)
    assert row.takes == import_pb2.ImportTakes(quantity=THEIRS, price=OURS, rest=OURS)


async def test_killed_while_lots_take_theirs_each_takes_it_once(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """What it had written is not there, and the next process does it anew."""
    numbers = range(3001, 3026)
    lot_ids = await first_shop(calls, runner, *map(brick, numbers))
    rows = [in_second(number, brick(number, quantity=7)) for number in numbers]
    operation = await calls.import_shop(*rows, marketplace=SECOND)
    await calls.confirm_import(operation.import_id, takes=import_pb2.ImportTakes(quantity=THEIRS))
    await runner.make_chunk()
    Interrupted.reached = asyncio.Event()
    dying = ImportRunner(engine, partial(Interrupted, engine, topics), SystemClock(), chunk_rows=10)
    task = asyncio.create_task(dying.make_chunk())
    await Interrupted.reached.wait()
    task.cancel()
    await asyncio.wait({task})
    assert sorted(await quantities(calls, lot_ids)) == [7] * 10 + [40] * 15
    await to_the_end(runner)
    assert await quantities(calls, lot_ids) == [7] * 25
    changes = (await calls.list_changes(import_id=operation.import_id, page_size=500)).changes
    assert [change.quantity_delta for change in changes] == [-33] * 25


@pytest.mark.parametrize("second_first", [False, True])
@pytest.mark.parametrize(("whose", "left"), [(OURS, 40 - 3 - 4 - 5), (THEIRS, 50 - 3 - 4 - 5)])
async def test_sales_between_the_reads_and_since_leave_the_stock_once(
    calls: Calls,
    runner: ImportRunner,
    engine: AsyncEngine,
    topics: LotTopics,
    whose: import_pb2.ImportWhose.ValueType,
    left: int,
    *,
    second_first: bool,
) -> None:
    """Three pieces in the first shop between the reads, five while the preview waits; four in the second since."""
    [lot_id] = await first_shop(calls, runner, brick(3001, quantity=37 if second_first else 40))
    second_at = READ_AT + (-2 if second_first else 2) * MINUTE
    between = min(second_at, READ_AT) + MINUTE
    line = partial(sale, str(calls.seller), lot_id)
    recount = sales_event_pb2.SALE_KIND_RECOUNT
    await count(engine, topics, line(3, seq=1, order_id="a", listing_id="100", kind=recount, ordered_at=between))
    assert await quantities(calls, [lot_id]) == [37]
    there = in_second(1, brick(3001, quantity=40 if whose == OURS else 50), at=second_at)
    operation = await calls.import_shop(there, marketplace=SECOND)
    [row] = await rows_of(calls, operation.import_id)
    assert said(row) if whose == THEIRS else not row.differences
    await count(engine, topics, line(5, seq=2, order_id="b", listing_id="100", ordered_at=READ_AT + 10 * MINUTE))
    await calls.confirm_import(operation.import_id, takes=import_pb2.ImportTakes(quantity=whose))
    await to_the_end(runner)
    late = line(4, seq=3, order_id="c", listing_id="1", kind=recount, marketplace=SECOND)
    old = line(
        9, seq=4, order_id="d", listing_id="1", kind=recount, marketplace=SECOND, ordered_at=READ_AT - 5 * MINUTE
    )
    await count(engine, topics, late, old)
    assert await quantities(calls, [lot_id]) == [left]
