"""Previews of imports: what each row is equal to, what a person chose for it, and what became of it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import change_pb2, export_pb2, import_pb2, lot_pb2, undo_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.outbox import take_outbox
from inventory.testing.records import sale
from inventory.undoing import OperationUndoer
from servicekit import outbox
from servicekit.clock import Clock, SystemClock
from servicekit.outbox import BULK_PAUSES_ABOVE, Message
from servicekit.testing.clock import SteppedClock

BSX = import_pb2.IMPORT_FORMAT_BSX
PREVIEW, RUNNING, DONE = (
    import_pb2.IMPORT_STATE_PREVIEW,
    import_pb2.IMPORT_STATE_RUNNING,
    import_pb2.IMPORT_STATE_DONE,
)
NEW, DUPLICATE, AMBIGUOUS, REPEATED, INVALID, EXCLUDED = (
    import_pb2.IMPORT_VERDICT_NEW,
    import_pb2.IMPORT_VERDICT_DUPLICATE,
    import_pb2.IMPORT_VERDICT_AMBIGUOUS,
    import_pb2.IMPORT_VERDICT_REPEATED,
    import_pb2.IMPORT_VERDICT_INVALID,
    import_pb2.IMPORT_VERDICT_EXCLUDED,
)
ADD, REPLACE, SKIP, NEW_LOT = (
    import_pb2.IMPORT_CHOICE_ADD,
    import_pb2.IMPORT_CHOICE_REPLACE,
    import_pb2.IMPORT_CHOICE_SKIP,
    import_pb2.IMPORT_CHOICE_NEW_LOT,
)


def row(number: str = "3001", **tags: object) -> str:
    """A row of used red bricks, as `a_brick` is."""
    values = {"ItemTypeID": "P", "ItemID": number, "ColorID": 5, "Condition": "U", "Qty": 10, "Price": "0.2"} | tags
    return "<Item>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in values.items()) + "</Item>\n"


def file(*rows: str) -> bytes:
    return f'<BrickStoreXML>\n<Inventory Currency="EUR">\n{"".join(rows)}</Inventory></BrickStoreXML>'.encode()


@pytest.fixture
def runner(engine: AsyncEngine, topics: LotTopics) -> ImportRunner:
    return ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), chunk_rows=10)


async def to_the_end(runner: ImportRunner) -> None:
    while await runner.make_chunk():
        pass


async def previewed(calls: Calls, *rows: str, **fields: Any) -> tuple[str, list[import_pb2.ImportRow]]:
    """The id of a preview, and its rows."""
    operation = await calls.import_file(file(*rows), **({"format": BSX, "preview": True} | fields))
    assert operation.state == PREVIEW
    return operation.import_id, await rows_of(calls, operation.import_id)


async def rows_of(calls: Calls, import_id: str) -> list[import_pb2.ImportRow]:
    return list((await calls.list_rows(import_id, page_size=500)).rows)


async def a_lot(calls: Calls, **fields: Any) -> str:
    return (await calls.create(a_brick(**fields))).lot.lot_id


async def stock(calls: Calls) -> list[tuple[str, int, str]]:
    """Number, quantity and remarks of each lot."""
    lots = [one.lot for one in (await calls.list_lots(page_size=500)).lots]
    return [(lot.item.number, lot.quantity, lot.remarks) for lot in lots]


async def refused(call: Awaitable[Any]) -> list[str]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    assert problem(refusal.value).code is grpc.StatusCode.INVALID_ARGUMENT
    return [field for field, _ in problem(refusal.value).violations]


async def reason_of(call: Awaitable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return problem(refusal.value).reason


async def sell(engine: AsyncEngine, topics: LotTopics, calls: Calls, lot_id: str, pieces: int, seq: int = 100) -> None:
    async with engine.begin() as conn:
        told = sale(str(calls.seller), lot_id, pieces, seq=seq, order_id=f"order-{seq}", ours=True)
        await SalesHandler(topics, SystemClock()).absorb(conn, [told])


async def test_a_preview_tells_what_each_row_is_and_touches_nothing(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    lot_id = await a_lot(calls, remarks="A1")
    await calls.archive(await a_lot(calls, item=replaced_item("3002")))
    await take_outbox(engine)
    import_id, rows = await previewed(
        calls,
        row(),
        row("3002"),
        row("3003"),
        row("3003"),
        row("3004", Price="0,2"),
        row("3005", Status="X"),
        row(ColorID=1),
        row(Condition="N"),
    )
    assert [one.verdict for one in rows] == [DUPLICATE, NEW, NEW, REPEATED, INVALID, EXCLUDED, NEW, NEW]
    assert [one.line for one in rows] == [3, 4, 5, 6, 7, 8, 9, 10]
    (candidate,) = rows[0].candidates
    assert (rows[0].duplicate_lot_id, candidate.lot_id) == (lot_id, lot_id)
    assert (candidate.quantity, candidate.remarks, candidate.location) == (40, "A1", "")
    assert (rows[3].repeats_row, rows[3].duplicate_lot_id) == (3, "")
    assert [(one.field, bool(one.reason)) for one in rows[4:6]] == [("Price", True), ("Status", True)]
    assert {one.choice for one in rows} == {import_pb2.IMPORT_CHOICE_UNSPECIFIED}

    await to_the_end(runner)
    told = await calls.get_import(import_id)
    assert (told.state, told.total_rows, told.checked_rows, told.refused_rows) == (PREVIEW, 8, 8, 2)
    assert (told.duplicate_rows, told.ambiguous_rows, told.repeated_rows) == (1, 0, 1)
    assert (told.created_rows, told.updated_rows, told.HasField("finished_at")) == (0, 0, False)
    assert told.expires_at.ToDatetime() - told.created_at.ToDatetime() == timedelta(days=1)
    assert await stock(calls) == [("3001", 40, "A1")]
    assert await take_outbox(engine) == []


def replaced_item(number: str) -> lot_pb2.Item:
    item = lot_pb2.Item()
    item.CopyFrom(a_brick().item)
    item.number = number
    return item


async def test_rows_are_listed_by_their_verdicts(calls: Calls) -> None:
    await a_lot(calls)
    import_id, _ = await previewed(calls, row(), row("3002"), row("3003", Status="X"), row("3004"))

    async def numbers(*verdicts: import_pb2.ImportVerdict.ValueType) -> list[int]:
        return [one.number for one in (await calls.list_rows(import_id, verdicts=verdicts)).rows]

    assert await numbers(DUPLICATE) == [1]
    assert await numbers(NEW, EXCLUDED) == [2, 3, 4]
    assert await refused(calls.list_rows(import_id, verdicts=[99])) == ["verdicts[0]"]


async def test_of_several_equal_lots_remarks_or_else_the_location_decide(calls: Calls) -> None:
    first = await a_lot(calls, remarks="A1")
    second = await a_lot(calls, remarks="B1")
    both = [await a_lot(calls, item=replaced_item("3002"), remarks="C1") for _ in range(2)]
    rows = (await previewed(calls, row(Remarks="B1"), row(Remarks="C1"), row(), row("3002", Remarks="C1")))[1]
    assert [one.verdict for one in rows] == [DUPLICATE, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS]
    assert [one.duplicate_lot_id for one in rows] == [second, "", "", ""]
    assert [candidate.lot_id for candidate in rows[1].candidates] == [first, second]
    assert [candidate.lot_id for candidate in rows[3].candidates] == both

    await calls.update(both[1], "location", lot=a_brick(location="shelf 2"))
    table = (
        "item_type,item_no,color_id,condition,quantity,unit_price,remarks,location\n"
        "PART,3002,5,USED,1,0.1,C1,shelf 2\nPART,3001,5,USED,1,0.1,B1,shelf 2\n"
    )
    operation = await calls.import_file(table.encode(), format=import_pb2.IMPORT_FORMAT_CSV, preview=True)
    rows = await rows_of(calls, operation.import_id)
    assert [(one.verdict, one.duplicate_lot_id) for one in rows] == [(DUPLICATE, both[1]), (DUPLICATE, second)]


async def test_the_id_by_which_a_file_knows_a_lot_decides_before_all_else(calls: Calls, engine: AsyncEngine) -> None:
    first, second, third = [await a_lot(calls, remarks=remarks) for remarks in ("A1", "A1", "A3")]
    async with engine.begin() as conn:
        named = text('UPDATE lots SET listing_ids = \'{"bricklink": ["76", "77"]}\' WHERE lot_id = :lot_id')
        await conn.execute(named, {"lot_id": second})
    rows = (await previewed(calls, row(Remarks="A3", LotID=76), row(Remarks="A3", LotID=99), row(LotID=0)))[1]
    assert [(one.verdict, one.duplicate_lot_id) for one in rows] == [
        (DUPLICATE, second),
        (DUPLICATE, third),
        (AMBIGUOUS, ""),
    ]
    table = f"item_type,item_no,color_id,condition,quantity,unit_price,lot_id\nPART,3001,5,USED,1,0.1,{first}\n"
    operation = await calls.import_file(table.encode(), format=import_pb2.IMPORT_FORMAT_CSV, preview=True)
    (one,) = await rows_of(calls, operation.import_id)
    assert (one.verdict, one.duplicate_lot_id) == (DUPLICATE, first)


async def test_an_edited_export_replaces_each_lot_by_its_own_row(calls: Calls, runner: ImportRunner) -> None:
    """The way of a spreadsheet: out, changed, in again; equal lots keep apart."""
    lots = [await a_lot(calls, remarks="same", quantity=quantity, tags=["old"]) for quantity in (10, 20, 30)]
    stream = calls.stub.ExportLots(pb.ExportLotsRequest(format=export_pb2.EXPORT_FORMAT_CSV), **calls.how)
    content = b"".join([answer.content async for answer in stream])
    edited = content.replace(b",20,0,0,EUR,0.12", b",25,0,0,EUR,0.13").replace(b",old,", b",new,")
    operation = await calls.import_file(edited, format=import_pb2.IMPORT_FORMAT_UNSPECIFIED, preview=True)
    assert (operation.format, operation.duplicate_rows) == (import_pb2.IMPORT_FORMAT_CSV, 3)
    await calls.confirm_import(operation.import_id, duplicates=REPLACE)
    await to_the_end(runner)
    told = [(await calls.get(lot_id)).lot for lot_id in lots]
    assert [(lot.quantity, lot.unit_price.nanos, list(lot.tags)) for lot in told] == [
        (10, 120_000_000, ["new"]),
        (25, 130_000_000, ["new"]),
        (30, 120_000_000, ["new"]),
    ]


async def test_of_several_rows_the_one_with_the_lots_remarks_stands_for_it(calls: Calls) -> None:
    lot_id = await a_lot(calls, remarks="A1")
    rows = (await previewed(calls, row(Remarks="new box"), row(Remarks="A1"), row()))[1]
    assert [(one.verdict, one.repeats_row) for one in rows] == [(REPEATED, 2), (DUPLICATE, 0), (REPEATED, 2)]
    assert {one.duplicate_lot_id for one in rows} == {lot_id}


async def test_another_sellers_lots_are_no_duplicates(calls: Calls) -> None:
    await a_lot(replace(calls, seller=f"stranger-of-{calls.seller}"))
    assert [one.verdict for one in (await previewed(calls, row()))[1]] == [NEW]


async def test_add_adds_pieces_and_changes_nothing_else(calls: Calls, runner: ImportRunner) -> None:
    lot_id = await a_lot(calls, remarks="A1", bulk=2)
    import_id, _ = await previewed(calls, row(Remarks="other", Price="9"), row("3002"))
    confirmed = await calls.confirm_import(import_id, duplicates=ADD)
    assert (confirmed.state, confirmed.HasField("expires_at")) == (RUNNING, False)
    await to_the_end(runner)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.remarks, lot.bulk, lot.unit_price) == (50, "A1", 2, euros(0, 120_000_000))
    done = await calls.get_import(import_id)
    assert (done.state, done.created_rows, done.updated_rows) == (DONE, 1, 1)
    assert [one.lot_id == lot_id for one in await rows_of(calls, import_id)] == [True, False]
    (change,) = (await calls.list_changes(lot_id=lot_id, import_id=import_id)).changes
    assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_ADJUSTED, change_pb2.CHANGE_SOURCE_IMPORT)


async def test_replace_applies_the_difference_to_the_preview_so_that_sales_between_stay_sold(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """Rule S5, and section 3 of the design."""
    lot_id = await a_lot(calls, location="shelf 7", tags=["old"], reserved=3, used_grade=lot_pb2.USED_GRADE_GOOD)
    import_id, _ = await previewed(
        calls, row(Qty=100, Price="0.3", Remarks="B2", Bulk=5, Cost="0.01", Stockroom="B", TQ1=10, TP1="0.25")
    )
    await sell(engine, topics, calls, lot_id, 7)
    await calls.confirm_import(import_id, duplicates=REPLACE)
    await sell(engine, topics, calls, lot_id, 4, seq=101)
    await to_the_end(runner)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold) == (100 - 7 - 4, 11)
    assert (lot.unit_price, lot.remarks, lot.bulk, lot.cost) == (euros(0, 300_000_000), "B2", 5, euros(0, 10_000_000))
    assert (lot.stockroom, lot.tiers[0].quantity) == (lot_pb2.STOCKROOM_B, 10)
    kept = (lot.location, list(lot.tags), lot.reserved, lot.used_grade)
    assert kept == ("shelf 7", ["old"], 3, lot_pb2.USED_GRADE_GOOD)  # what the file cannot say, or does not


async def test_pieces_that_a_person_moved_since_the_preview_stay_moved(calls: Calls, runner: ImportRunner) -> None:
    lot_id, other = [await a_lot(calls, item=replaced_item(number), reserved=2) for number in ("1", "2")]
    table = (
        "item_type,item_no,color_id,condition,quantity,reserved,unit_price\n"
        "PART,1,5,USED,50,4,0.1\nPART,2,5,USED,40,0,0.1\n"
    )
    operation = await calls.import_file(table.encode(), format=import_pb2.IMPORT_FORMAT_CSV, preview=True)
    await calls.adjust(lot_id, -5, reserved_by=5)
    await calls.adjust(other, 1, reserved_by=-1)
    chosen = import_pb2.ImportRowChoice(number=1, choice=REPLACE, lot_id=lot_id)
    await calls.confirm_import(operation.import_id, duplicates=REPLACE, rows=[chosen])
    await to_the_end(runner)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.reserved) == (50 - 5, 4 + 5)
    assert "1 pieces set aside" in (await rows_of(calls, operation.import_id))[1].reason


async def test_choices_by_row_are_exceptions_from_those_by_verdict(calls: Calls, runner: ImportRunner) -> None:
    brick = await a_lot(calls)
    plates = [await a_lot(calls, item=replaced_item("3020"), remarks=remarks) for remarks in ("A1", "A2")]
    tile = await a_lot(calls, item=replaced_item("3069b"))
    import_id, rows = await previewed(
        calls, row(), row("3020"), row("3020"), row("3069b"), row("3069b"), row("9999"), row("9999"), row("9998")
    )
    verdicts = [DUPLICATE, AMBIGUOUS, AMBIGUOUS, DUPLICATE, REPEATED, NEW, REPEATED, NEW]
    assert [one.verdict for one in rows] == verdicts
    exceptions = [
        import_pb2.ImportRowChoice(number=2, choice=ADD, lot_id=plates[1]),
        import_pb2.ImportRowChoice(number=4, choice=REPLACE),
        import_pb2.ImportRowChoice(number=5, choice=ADD),
        import_pb2.ImportRowChoice(number=8, choice=SKIP),
    ]
    confirmed = await calls.confirm_import(import_id, duplicates=SKIP, rows=exceptions)
    assert (confirmed.state, confirmed.skipped_rows) == (RUNNING, 3)
    await to_the_end(runner)
    done = await calls.get_import(import_id)
    assert (done.state, done.created_rows, done.updated_rows, done.skipped_rows) == (DONE, 2, 3, 3)
    pieces = {lot_id: (await calls.get(lot_id)).lot.quantity for lot_id in (brick, *plates, tile)}
    assert pieces == {brick: 40, plates[0]: 40, plates[1]: 50, tile: 20}
    rows = await rows_of(calls, import_id)
    assert [one.choice for one in rows] == [SKIP, ADD, SKIP, REPLACE, ADD, NEW_LOT, NEW_LOT, SKIP]
    assert rows[1].duplicate_lot_id == plates[1]
    assert rows[5].lot_id != rows[6].lot_id != ""


@pytest.mark.parametrize("chunk_rows", [1, 50])
async def test_rows_of_one_file_that_are_equal_can_become_one_lot(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, chunk_rows: int
) -> None:
    import_id, rows = await previewed(calls, row(Qty=1), row("3002"), row(Qty=2), row(Qty=4))
    assert [one.repeats_row for one in rows] == [0, 0, 1, 1]
    await calls.confirm_import(import_id, repeated=ADD)
    runner = ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), chunk_rows=chunk_rows)
    await to_the_end(runner)
    assert await stock(calls) == [("3001", 7, ""), ("3002", 10, "")]
    done = await calls.get_import(import_id)
    assert (done.state, done.created_rows, done.updated_rows) == (DONE, 2, 2)


async def test_a_row_cannot_be_added_to_one_that_became_nothing(calls: Calls, runner: ImportRunner) -> None:
    import_id, _ = await previewed(calls, row(), row())
    skip = import_pb2.ImportRowChoice(number=1, choice=SKIP)
    await calls.confirm_import(import_id, repeated=ADD, rows=[skip])
    await to_the_end(runner)
    done = await calls.get_import(import_id)
    assert (done.state, done.refused_rows, done.skipped_rows) == (DONE, 1, 1)
    assert "Row 1" in (await rows_of(calls, import_id))[1].reason


async def test_what_is_not_as_the_preview_found_it_is_refused_row_by_row(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    archived, sold, other, full = [
        await a_lot(calls, item=replaced_item(number), quantity=quantity)
        for number, quantity in (("1", 40), ("2", 40), ("3", 40), ("4", 9_999_999))
    ]
    import_id, _ = await previewed(calls, row("1"), row("2", Qty=5), row("3"), row("4"), row("5"))
    await calls.archive(archived)
    await sell(engine, topics, calls, sold, 38)
    await calls.update(other, "item.color_id", lot=a_brick(item=lot_pb2.Item(color_id=1)))
    exceptions = [import_pb2.ImportRowChoice(number=4, choice=ADD)]
    await calls.confirm_import(import_id, duplicates=REPLACE, rows=exceptions)
    await to_the_end(runner)
    rows = await rows_of(calls, import_id)
    told = ["put away", "2 pieces", "another item", "9,999,999", ""]
    assert [part in one.reason for one, part in zip(rows, told, strict=True)] == [True] * 5
    assert [bool(one.lot_id) for one in rows] == [False] * 4 + [True]
    done = await calls.get_import(import_id)
    assert (done.state, done.created_rows, done.updated_rows, done.refused_rows) == (DONE, 1, 0, 4)
    assert (await calls.get(sold)).lot.quantity == 2
    assert (await calls.get(full)).lot.revision == 1


async def test_choices_that_make_no_sense_are_refused_by_their_field(calls: Calls) -> None:
    lot_id = await a_lot(calls)
    plates = [await a_lot(calls, item=replaced_item("3020")) for _ in range(2)]
    import_id, _ = await previewed(calls, row(), row(), row("3020"), row("3002"), row("3003", Status="X"), row("3002"))

    def one(number: int, choice: import_pb2.ImportChoice.ValueType, lot: str = "") -> import_pb2.ImportRowChoice:
        return import_pb2.ImportRowChoice(number=number, choice=choice, lot_id=lot)

    async def faults(*rows: import_pb2.ImportRowChoice, **fields: Any) -> list[str]:
        return await refused(calls.confirm_import(import_id, **({"duplicates": ADD, "rows": rows} | fields)))

    assert await faults(duplicates=0) == ["duplicates"]
    assert await faults(duplicates=99) == ["duplicates"]
    assert await faults(ambiguous=ADD) == ["ambiguous"]
    assert await faults(repeated=REPLACE) == ["repeated"]
    assert await faults(one(99, SKIP), one(1, SKIP), one(1, ADD)) == ["rows[0].number", "rows[2].number"]
    assert await faults(one(5, NEW_LOT)) == ["rows[0].number"]
    assert await faults(one(4, ADD)) == ["rows[0].choice"]
    assert await faults(one(4, import_pb2.IMPORT_CHOICE_UNSPECIFIED)) == ["rows[0].choice"]
    assert await faults(one(6, REPLACE)) == ["rows[0].choice"]
    assert await faults(one(3, ADD)) == ["rows[0].lot_id"]
    assert await faults(one(3, ADD, lot_id)) == ["rows[0].lot_id"]
    assert await faults(one(3, SKIP, plates[0])) == ["rows[0].lot_id"]
    assert await faults(one(2, REPLACE), duplicates=REPLACE) == ["rows"]
    assert (await calls.get_import(import_id)).state == PREVIEW
    assert {row.choice for row in await rows_of(calls, import_id)} == {import_pb2.IMPORT_CHOICE_UNSPECIFIED}


async def test_a_preview_is_confirmed_once_whoever_repeats(calls: Calls, runner: ImportRunner) -> None:
    lot_id = await a_lot(calls)
    import_id, _ = await previewed(calls, row(), request_id="preview-1")
    assert (await previewed(calls, row(), request_id="preview-1"))[0] == import_id
    first = await calls.confirm_import(import_id, duplicates=ADD, request_id="confirm-1")
    await to_the_end(runner)
    assert await calls.confirm_import(import_id, duplicates=ADD, request_id="confirm-1") == first
    assert await reason_of(calls.confirm_import(import_id, duplicates=ADD)) == "IMPORT_NOT_IN_PREVIEW"
    assert await reason_of(calls.confirm_import(import_id, request_id="confirm-1")) == "REQUEST_ID_REUSED"
    stranger = replace(calls, seller=f"stranger-of-{calls.seller}")
    assert await reason_of(stranger.confirm_import(import_id, duplicates=ADD)) == "IMPORT_NOT_FOUND"
    assert await reason_of(calls.as_role("viewer").confirm_import(import_id)) == "ROLE_NOT_ALLOWED"
    await to_the_end(runner)
    assert (await calls.get(lot_id)).lot.quantity == 50


async def test_changes_name_who_confirmed(calls: Calls, runner: ImportRunner) -> None:
    lot_id = await a_lot(calls)
    import_id, _ = await previewed(calls, row())
    await replace(calls, actor="user-2").confirm_import(import_id, duplicates=ADD)
    await to_the_end(runner)
    (change,) = (await calls.list_changes(lot_id=lot_id, import_id=import_id)).changes
    assert change.actor == "user-2"


async def test_of_two_confirmations_at_once_one_is_refused(calls: Calls, runner: ImportRunner) -> None:
    lot_id = await a_lot(calls)
    import_id, _ = await previewed(calls, row())
    answers = await asyncio.gather(
        *(calls.confirm_import(import_id, duplicates=ADD) for _ in range(3)), return_exceptions=True
    )
    refusals = [problem(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert refusals == ["IMPORT_NOT_IN_PREVIEW"] * 2
    await to_the_end(runner)
    assert (await calls.get(lot_id)).lot.quantity == 50


async def test_a_cancelled_preview_becomes_nothing(calls: Calls, runner: ImportRunner) -> None:
    import_id, _ = await previewed(calls, row())
    assert (await calls.cancel_import(import_id)).state == import_pb2.IMPORT_STATE_CANCELLED
    assert await reason_of(calls.confirm_import(import_id)) == "IMPORT_NOT_IN_PREVIEW"
    await to_the_end(runner)
    assert await stock(calls) == []


async def test_a_confirmed_import_is_cancelled_between_two_chunks(calls: Calls, runner: ImportRunner) -> None:
    import_id, _ = await previewed(calls, *(row(str(number)) for number in range(25)))
    await calls.confirm_import(import_id)
    assert await runner.make_chunk()
    cancelled = await calls.cancel_import(import_id)
    assert (cancelled.state, cancelled.created_rows) == (import_pb2.IMPORT_STATE_CANCELLED, 10)
    await to_the_end(runner)
    assert len(await stock(calls)) == 10


def later(clock: Clock, by: timedelta) -> SteppedClock:
    return SteppedClock(clock.now() + by)


async def test_a_preview_that_nobody_confirms_expires_after_a_day(
    calls: Calls, engine: AsyncEngine, topics: LotTopics
) -> None:
    import_id, _ = await previewed(calls, row())
    transaction = partial(UnitOfWork, engine, topics)
    await to_the_end(ImportRunner(engine, transaction, later(SystemClock(), timedelta(hours=23, minutes=59))))
    assert (await calls.get_import(import_id)).state == PREVIEW
    await to_the_end(ImportRunner(engine, transaction, later(SystemClock(), timedelta(hours=24, minutes=1))))
    expired = await calls.get_import(import_id)
    assert (expired.state, expired.HasField("finished_at")) == (import_pb2.IMPORT_STATE_EXPIRED, True)
    assert await reason_of(calls.confirm_import(import_id)) == "IMPORT_NOT_IN_PREVIEW"
    assert await reason_of(calls.cancel_import(import_id)) == "IMPORT_IS_OVER"


async def test_a_preview_fixes_no_currency_and_is_refused_where_another_was_fixed_since(
    calls: Calls, runner: ImportRunner
) -> None:
    content = file(row()).replace(b"EUR", b"USD")
    operation = await calls.import_file(content, format=BSX, preview=True, currency_code="USD")
    await a_lot(calls, item=replaced_item("3002"))
    done = await calls.confirm_import(operation.import_id)
    assert (done.state, done.refused_rows) == (DONE, 1)
    assert "not in EUR" in (await rows_of(calls, operation.import_id))[0].reason
    await to_the_end(runner)
    assert len(await stock(calls)) == 1


async def test_a_preview_without_good_rows_is_over_at_once(calls: Calls) -> None:
    operation = await calls.import_file(file(row(Qty="x")), format=BSX, preview=True)
    assert (operation.state, operation.refused_rows) == (DONE, 1)


async def test_an_undo_gives_back_exactly_the_differences(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    added, set_anew, both = [await a_lot(calls, item=replaced_item(number), remarks="old") for number in "123"]
    import_id, _ = await previewed(
        calls, row("1"), row("2", Qty=15, Remarks="new"), row("3", Qty=50, Remarks="new"), row("3", Qty=5), row("4")
    )
    exceptions = [import_pb2.ImportRowChoice(number=1, choice=ADD)]
    await calls.confirm_import(import_id, duplicates=REPLACE, repeated=ADD, rows=exceptions)
    await to_the_end(runner)
    lots = [(await calls.get(lot_id)).lot for lot_id in (added, set_anew, both)]
    assert [(lot.quantity, lot.remarks) for lot in lots] == [(50, "old"), (15, "new"), (55, "new")]
    for seq, lot_id in enumerate((added, set_anew, both), start=1):
        await sell(engine, topics, calls, lot_id, 2, seq=seq)

    accepted = await calls.undo_import(import_id)
    assert accepted.total_changes == 5
    undoer = OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock(), limit=2)
    while await undoer.make_chunk():
        pass
    done = await calls.get_import_undo(import_id)
    assert (done.state, done.undone_changes, done.refused_changes) == (undo_pb2.IMPORT_UNDO_STATE_DONE, 5, 0)
    lots = [(await calls.get(lot_id)).lot for lot_id in (added, set_anew, both)]
    assert [(lot.quantity, lot.remarks, lot.unit_price) for lot in lots] == [(38, "old", euros(0, 120_000_000))] * 3
    assert len(await stock(calls)) == 3  # the new lot was put away


class _Interrupted(UnitOfWork):
    """A transaction that stops short of its commit and waits there, as a process does that is about to be killed."""

    reached: asyncio.Event

    async def commit(self, answer: bytes = b"") -> None:
        await self.recorder.write()
        self.reached.set()
        await asyncio.Event().wait()


async def dies_in_a_chunk(engine: AsyncEngine, topics: LotTopics, **sizes: int) -> None:
    _Interrupted.reached = asyncio.Event()
    dying = ImportRunner(engine, partial(_Interrupted, engine, topics), SystemClock(), **sizes)
    task = asyncio.create_task(dying.make_chunk())
    await _Interrupted.reached.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_check_and_application_go_on_where_a_killed_process_left_them(
    calls: Calls, engine: AsyncEngine, topics: LotTopics
) -> None:
    """A file of more rows than are judged at once; a process dies in the middle of each part of its way."""
    lots = [await a_lot(calls, item=replaced_item(str(number))) for number in range(5)]
    rows = [row(str(number)) for number in range(600)] + [row("x y")]
    operation = await calls.import_file(file(*rows), format=BSX, preview=True)
    assert (operation.state, operation.checked_rows) == (import_pb2.IMPORT_STATE_CHECKING, 500)
    sizes = {"chunk_rows": 100, "checked_at_once": 50}
    runner = ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), **sizes)
    assert await reason_of(calls.confirm_import(operation.import_id, duplicates=ADD)) == "IMPORT_NOT_IN_PREVIEW"
    assert await runner.make_chunk()
    await dies_in_a_chunk(engine, topics, **sizes)
    told = await calls.get_import(operation.import_id)
    assert (told.state, told.checked_rows) == (import_pb2.IMPORT_STATE_CHECKING, 550)
    await to_the_end(runner)
    told = await calls.get_import(operation.import_id)
    assert (told.state, told.checked_rows, told.duplicate_rows, told.refused_rows) == (PREVIEW, 601, 5, 1)

    await calls.confirm_import(operation.import_id, duplicates=ADD)
    assert await runner.make_chunk()
    await dies_in_a_chunk(engine, topics, **sizes)
    told = await calls.get_import(operation.import_id)
    assert (told.created_rows, told.updated_rows) == (95, 5)
    await to_the_end(runner)
    told = await calls.get_import(operation.import_id)
    assert (told.state, told.created_rows, told.updated_rows, told.refused_rows) == (DONE, 595, 5, 1)
    assert [(await calls.get(lot_id)).lot.quantity for lot_id in lots] == [50] * 5
    assert len((await calls.list_changes(import_id=operation.import_id, page_size=500)).changes) == 500


async def test_two_processes_and_sales_beside_them_lose_and_double_nothing(
    calls: Calls, engine: AsyncEngine, topics: LotTopics
) -> None:
    lots = [await a_lot(calls, item=replaced_item(str(number))) for number in range(30)]
    rows = [row(str(number), Qty=100 if number % 2 else 7) for number in range(30)]
    import_id, _ = await previewed(calls, *rows, *(row(str(number), Qty=1) for number in range(30, -1, -1)))
    adding = [import_pb2.ImportRowChoice(number=number + 1, choice=ADD) for number in range(0, 30, 2)]
    await calls.confirm_import(import_id, duplicates=REPLACE, repeated=ADD, rows=adding)

    async def sell_all() -> None:
        for seq, lot_id in enumerate(lots, start=1):
            await sell(engine, topics, calls, lot_id, 3, seq=seq)

    runners = [
        ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), chunk_rows=chunk_rows)
        for chunk_rows in (4, 7)
    ]
    await asyncio.gather(sell_all(), *(to_the_end(runner) for runner in runners))
    await to_the_end(runners[0])
    done = await calls.get_import(import_id)
    assert (done.state, done.created_rows, done.updated_rows, done.refused_rows) == (DONE, 1, 60, 0)
    pieces = [(await calls.get(lot_id)).lot.quantity for lot_id in lots]
    assert pieces == [(100 if number % 2 else 40 + 7) + 1 - 3 for number in range(30)]


async def test_a_large_import_without_preview_is_judged_after_it_was_accepted(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    await take_outbox(engine)
    rows = [row(str(number)) for number in range(520)] + [row(Qty="x")]
    operation = await calls.import_file(file(*rows), format=BSX)
    assert (operation.state, operation.total_rows) == (import_pb2.IMPORT_STATE_CHECKING, 521)
    cancelled = await calls.cancel_import((await calls.import_file(file(*rows), format=BSX)).import_id)
    assert cancelled.state == import_pb2.IMPORT_STATE_CANCELLED
    await to_the_end(runner)
    done = await calls.get_import(operation.import_id)
    assert (done.state, done.created_rows, done.refused_rows) == (DONE, 520, 1)


async def test_previews_go_on_while_the_outbox_is_long(calls: Calls, runner: ImportRunner, engine: AsyncEngine) -> None:
    """Only what makes more messages waits for the outbox."""
    waiting = await calls.import_file(file(row()), format=BSX)
    large = await calls.import_file(file(*(row(str(number)) for number in range(501))), format=BSX, preview=True)
    filler = Message(topic="filler", key="k", value=b"", type="t", correlation_id="c")
    async with engine.begin() as conn:
        await outbox.record(conn, [filler] * (BULK_PAUSES_ABOVE + 1))
    await to_the_end(runner)
    await take_outbox(engine)
    assert (await calls.get_import(large.import_id)).state == PREVIEW
    assert (await calls.get_import(waiting.import_id)).state == RUNNING
    await to_the_end(runner)
    assert (await calls.get_import(waiting.import_id)).state == DONE


async def test_twenty_thousand_rows_against_twenty_thousand_lots_are_judged_in_seconds(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    """Half of them all of one item: nothing may compare each row with each lot."""
    many = 20_000
    await take_outbox(engine)
    await a_lot(calls, item=replaced_item("0"))
    copy = text("""
        INSERT INTO lots SELECT made.*
        FROM lots, generate_series(1, :many) AS place,
            jsonb_populate_record(lots, jsonb_build_object(
                'lot_id', md5(lots.lot_id || '/' || place), 'item_no', (CASE WHEN place % 2 = 0 THEN 0 ELSE place END)
            )) AS made
        WHERE lots.seller_id = :seller_id
    """)
    async with engine.begin() as conn:
        await conn.execute(copy, {"many": many - 1, "seller_id": calls.seller})
    rows = (row(str(0 if number % 2 == 0 else number)) for number in range(1, many + 1))
    operation = await calls.import_file(file(*rows), format=BSX, preview=True)
    await to_the_end(runner)
    told = await calls.get_import(operation.import_id)
    assert (told.state, told.checked_rows) == (PREVIEW, many)
    assert (told.duplicate_rows, told.ambiguous_rows) == (many // 2, many // 2)
    confirmed = await calls.confirm_import(operation.import_id, duplicates=SKIP)
    assert confirmed.skipped_rows == many
    await to_the_end(runner)
    assert (await calls.get_import(operation.import_id)).state == DONE
