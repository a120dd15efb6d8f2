"""Previews of imports: what each row is equal to, and what becomes of a preview that nobody confirms."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import export_pb2, import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick
from inventory.testing.imports import (
    AMBIGUOUS,
    BSX,
    DONE,
    DUPLICATE,
    EXCLUDED,
    INVALID,
    NEW,
    PREVIEW,
    REPEATED,
    REPLACE,
    a_lot,
    file,
    previewed,
    reason_of,
    refused,
    replaced_item,
    row,
    rows_of,
    stock,
    to_the_end,
)
from inventory.testing.outbox import take_outbox
from servicekit.clock import Clock, SystemClock
from servicekit.testing.clock import SteppedClock


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


async def test_a_cancelled_preview_becomes_nothing(calls: Calls, runner: ImportRunner) -> None:
    import_id, _ = await previewed(calls, row())
    assert (await calls.cancel_import(import_id)).state == import_pb2.IMPORT_STATE_CANCELLED
    assert await reason_of(calls.confirm_import(import_id)) == "IMPORT_NOT_IN_PREVIEW"
    await to_the_end(runner)
    assert await stock(calls) == []


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
