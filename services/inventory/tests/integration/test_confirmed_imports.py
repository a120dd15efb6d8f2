"""Confirmed imports: what a person chose for the rows of a preview, and what became of them."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import change_pb2, import_pb2, lot_pb2, undo_pb2
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.imports import (
    ADD,
    AMBIGUOUS,
    DONE,
    DUPLICATE,
    NEW,
    NEW_LOT,
    PREVIEW,
    REPEATED,
    REPLACE,
    RUNNING,
    SKIP,
    a_lot,
    previewed,
    reason_of,
    refused,
    replaced_item,
    row,
    rows_of,
    sell,
    stock,
    to_the_end,
)
from inventory.undoing import OperationUndoer
from servicekit.clock import SystemClock


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


async def test_a_confirmed_import_is_cancelled_between_two_chunks(calls: Calls, runner: ImportRunner) -> None:
    import_id, _ = await previewed(calls, *(row(str(number)) for number in range(25)))
    await calls.confirm_import(import_id)
    assert await runner.make_chunk()
    cancelled = await calls.cancel_import(import_id)
    assert (cancelled.state, cancelled.created_rows) == (import_pb2.IMPORT_STATE_CANCELLED, 10)
    await to_the_end(runner)
    assert len(await stock(calls)) == 10


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
