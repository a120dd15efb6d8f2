"""Imports are carried through chunk by chunk: killed between two, beside each other, and large ones."""

import asyncio
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import import_pb2
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls
from inventory.testing.imports import (
    ADD,
    BSX,
    DONE,
    PREVIEW,
    REPLACE,
    RUNNING,
    SKIP,
    a_lot,
    file,
    previewed,
    reason_of,
    replaced_item,
    row,
    sell,
    to_the_end,
)
from inventory.testing.outbox import take_outbox
from servicekit import outbox
from servicekit.clock import SystemClock
from servicekit.outbox import BULK_PAUSES_ABOVE, Message


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
