"""Undo of a change and of an import: once each, whoever asks, and never of what orders did."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import change_pb2, lot_pb2, undo_pb2
from inventory.chunks import Chunks
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, problem
from inventory.testing.interrupted import Interrupted
from inventory.testing.outbox import take_outbox
from inventory.testing.records import sale
from inventory.undoing import OperationUndoer
from servicekit.clock import SystemClock

ROW = (
    "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{number}</ITEMID><COLOR>5</COLOR><QTY>4</QTY><PRICE>0.10</PRICE>"
    "<CONDITION>N</CONDITION></ITEM>\n"
)


async def refused(call: Awaitable[Any]) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    told = problem(refusal.value)
    return told.reason, told.message


async def sell(engine: AsyncEngine, topics: LotTopics, calls: Calls, lot_id: str, pieces: int) -> None:
    async with engine.begin() as conn:
        await SalesHandler(topics, SystemClock()).absorb(
            conn, [sale(str(calls.seller), lot_id, pieces, seq=100, listing_id=f"of {lot_id}", ours=True)]
        )


@pytest.fixture
async def lot_id(calls: Calls) -> str:
    """A lot of 40 pieces."""
    return (await calls.create()).lot.lot_id


async def test_an_undo_is_a_change_that_names_the_one_it_undid(calls: Calls, engine: AsyncEngine, lot_id: str) -> None:
    done = await calls.update(lot_id, "remarks", "bulk", lot=lot_pb2.Lot(remarks="A1", bulk=2))
    await take_outbox(engine)
    undone = await calls.undo(done.change_id, reason="wrong lot")
    assert (undone.lot.remarks, undone.lot.bulk, undone.lot.revision) == ("", 1, 3)
    newest, undid, _ = (await calls.list_changes(lot_id=lot_id)).changes
    assert (newest.change_id, newest.undoes, newest.undone_by) == (undone.change_id, done.change_id, "")
    assert (undid.change_id, undid.undoes, undid.undone_by) == (done.change_id, "", undone.change_id)
    assert (newest.source, newest.type) == (change_pb2.CHANGE_SOURCE_UNDO, change_pb2.CHANGE_TYPE_UPDATED)
    assert (newest.actor, newest.reason, newest.correlation_id) == (
        "user-1",
        "wrong lot",
        f"correlation-{calls.seller}",
    )
    assert [waiting.key for waiting in await take_outbox(engine)] == [lot_id, lot_id]


async def test_a_second_undo_is_refused_and_a_repeated_request_is_not(calls: Calls, lot_id: str) -> None:
    done = await calls.adjust(lot_id, 5)
    first = await calls.undo(done.change_id, request_id="undo-1")
    assert await calls.undo(done.change_id, request_id="undo-1") == first
    assert (await refused(calls.undo(done.change_id)))[0] == "ALREADY_UNDONE"
    assert (await calls.get(lot_id)).lot.quantity == 40


async def test_of_two_undos_at_once_one_is_refused(calls: Calls, lot_id: str) -> None:
    for _ in range(5):
        done = await calls.adjust(lot_id, 5)
        answers = await asyncio.gather(*(calls.undo(done.change_id) for _ in range(4)), return_exceptions=True)
        refusals = [problem(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
        assert refusals == ["ALREADY_UNDONE"] * 3
        assert (await calls.get(lot_id)).lot.quantity == 40


async def test_the_database_itself_refuses_a_second_undo(engine: AsyncEngine, calls: Calls, lot_id: str) -> None:
    done = await calls.adjust(lot_id, 5)
    await calls.undo(done.change_id)
    insert = text("INSERT INTO undos (undoes, undone_by) VALUES (:change, gen_random_uuid()) ON CONFLICT DO NOTHING")
    async with engine.connect() as conn:
        assert (await conn.execute(insert, {"change": done.change_id})).rowcount == 0


async def test_an_undo_after_a_sale_keeps_the_sale(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, lot_id: str
) -> None:
    done = await calls.adjust(lot_id, 10)
    await sell(engine, topics, calls, lot_id, 30)
    lot = (await calls.undo(done.change_id)).lot
    assert (lot.quantity, lot.sold) == (10, 30)


async def test_pieces_that_were_sold_since_cannot_be_taken_back(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, lot_id: str
) -> None:
    done = await calls.adjust(lot_id, 10)
    await sell(engine, topics, calls, lot_id, 45)
    assert (await refused(calls.undo(done.change_id)))[0] == "NOT_ENOUGH_PIECES"
    assert (await calls.get(lot_id)).lot.quantity == 5


async def test_what_an_order_did_is_not_undone(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, lot_id: str
) -> None:
    """Rule S5."""
    await sell(engine, topics, calls, lot_id, 3)
    (sold, _) = (await calls.list_changes(lot_id=lot_id)).changes
    assert (await refused(calls.undo(sold.change_id)))[0] == "NOT_UNDOABLE"
    assert (await calls.get(lot_id)).lot.quantity == 37


async def test_fields_that_were_changed_since_are_named(calls: Calls, lot_id: str) -> None:
    done = await calls.update(lot_id, "remarks", "bulk", lot=lot_pb2.Lot(remarks="A1", bulk=2))
    await calls.update(lot_id, "remarks", lot=lot_pb2.Lot(remarks="B2"))
    reason, message = await refused(calls.undo(done.change_id))
    assert reason == "CHANGED_SINCE"
    assert "remarks" in message
    assert "bulk" not in message
    assert (await calls.get(lot_id)).lot.bulk == 2


async def test_a_redo_is_the_undo_of_an_undo(calls: Calls, lot_id: str) -> None:
    done = await calls.update(lot_id, "remarks", lot=lot_pb2.Lot(remarks="A1"))
    undone = await calls.undo(done.change_id)
    redone = await calls.undo(undone.change_id)
    assert redone.lot.remarks == "A1"
    again = await calls.undo(redone.change_id)
    assert again.lot.remarks == ""
    assert (await refused(calls.undo(done.change_id)))[0] == "ALREADY_UNDONE"


async def test_a_creation_is_undone_by_putting_the_lot_away(calls: Calls) -> None:
    made = await calls.create()
    undone = await calls.undo(made.change_id)
    assert (undone.lot.archived, undone.lot.quantity) == (True, 40)
    assert not (await calls.undo(undone.change_id)).lot.archived


async def test_nobody_undoes_another_sellers_change(calls: Calls, gateway: grpc.aio.Channel, lot_id: str) -> None:
    done = await calls.adjust(lot_id, 5)
    assert (await refused(Calls(gateway, "stranger").undo(done.change_id)))[0] == "CHANGE_NOT_FOUND"
    assert (await refused(calls.as_role("viewer").undo(done.change_id)))[0] == "ROLE_NOT_ALLOWED"


async def test_history_is_filtered(calls: Calls, lot_id: str) -> None:
    made = (await calls.list_changes()).changes[0]
    done = await calls.adjust(lot_id, 5)
    undone = await calls.undo(done.change_id)
    other = await calls.create()

    async def listed(**fields: Any) -> list[str]:
        return [change.change_id for change in (await calls.list_changes(**fields)).changes]

    everything = [other.change_id, undone.change_id, done.change_id, made.change_id]
    assert await listed() == everything
    assert await listed(actor="user-1") == everything
    assert await listed(actor="user-2") == []
    assert await listed(types=[change_pb2.CHANGE_TYPE_CREATED]) == [other.change_id, made.change_id]
    assert await listed(sources=[change_pb2.CHANGE_SOURCE_UNDO]) == [undone.change_id]
    assert await listed(undone=True) == [done.change_id]
    assert await listed(undone=False, lot_id=lot_id) == [undone.change_id, made.change_id]
    moment = next(change for change in (await calls.list_changes()).changes if change.change_id == done.change_id)
    assert await listed(recorded_from=moment.recorded_at) == everything[:3]
    assert await listed(recorded_before=moment.recorded_at) == [made.change_id]


@pytest.fixture
def undoer(engine: AsyncEngine, topics: LotTopics) -> OperationUndoer:
    return OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock(), limit=10)


async def imported(calls: Calls, engine: AsyncEngine, topics: LotTopics, rows: int) -> tuple[str, list[str]]:
    """The id of an import that is done, and its lots."""
    lines = "".join(ROW.format(number=3000 + number) for number in range(rows))
    operation = await calls.import_file(f"<INVENTORY>{lines}</INVENTORY>".encode())
    await made(ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock()), engine)
    found = (await calls.list_rows(operation.import_id, page_size=500)).rows
    return operation.import_id, [row.lot_id for row in found]


async def made(operations: Chunks[Any], engine: AsyncEngine) -> None:
    """All chunks, with somebody who takes what they publish: a long outbox makes them pause."""
    while await operations.make_chunk():
        await take_outbox(engine)


async def pieces(calls: Calls) -> dict[str, int]:
    """Of each lot that is not put away."""
    found: dict[str, int] = {}
    page = await calls.list_lots(page_size=500)
    while True:
        found |= {one.lot.lot_id: one.lot.quantity for one in page.lots}
        if not page.next_page_token:
            return found
        page = await calls.list_lots(page_size=500, page_token=page.next_page_token)


async def to_the_end(undoer: OperationUndoer) -> None:
    while await undoer.make_chunk():
        pass


async def test_an_import_is_undone_but_for_what_somebody_changed_since(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, undoer: OperationUndoer
) -> None:
    import_id, lots = await imported(calls, engine, topics, 25)
    await calls.adjust(lots[3], 1)
    await sell(engine, topics, calls, lots[4], 2)
    accepted = await calls.undo_import(import_id, reason="wrong file", request_id="undo-import")
    assert (accepted.state, accepted.total_changes) == (undo_pb2.IMPORT_UNDO_STATE_RUNNING, 25)
    assert await calls.undo_import(import_id, reason="wrong file", request_id="undo-import") == accepted
    await to_the_end(undoer)

    done = await calls.get_import_undo(import_id)
    assert (done.state, done.undone_changes, done.refused_changes) == (undo_pb2.IMPORT_UNDO_STATE_DONE, 24, 1)
    assert [(one.lot_id, "quantity" in one.reason) for one in done.refusals] == [(lots[3], True)]
    assert [one.lot.lot_id for one in (await calls.list_lots()).lots] == [lots[3]]
    assert (await calls.get(lots[4])).lot.quantity == 2
    assert (await refused(calls.undo_import(import_id)))[0] == "ALREADY_UNDONE"
    undos = (await calls.list_changes(sources=[change_pb2.CHANGE_SOURCE_UNDO])).changes
    assert {(one.actor, one.reason) for one in undos} == {("user-1", "wrong file")}
    undone = (await calls.list_changes(undone=True, import_id=import_id)).changes
    assert [one.undone_by for one in undone] == [one.change_id for one in reversed(undos)]


async def test_what_was_undone_is_redone_and_undone_again(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, undoer: OperationUndoer
) -> None:
    import_id, lots = await imported(calls, engine, topics, 25)
    assert (await refused(calls.undo_import(import_id, redo=True)))[0] == "NOTHING_TO_REDO"
    await calls.adjust(lots[3], 1)
    await calls.undo_import(import_id)
    assert (await refused(calls.undo_import(import_id, redo=True)))[0] == "UNDO_IS_RUNNING"
    await to_the_end(undoer)
    redone = await calls.undo_import(import_id, redo=True, reason="the right file after all")
    assert (redone.redo, redone.total_changes) == (True, 24)
    await to_the_end(undoer)
    done = await calls.get_import_undo(import_id)
    assert (done.redo, done.undone_changes, done.refused_changes, len(done.refusals)) == (True, 24, 0, 0)
    assert {one.lot.lot_id for one in (await calls.list_lots()).lots} == set(lots)
    assert (await refused(calls.undo_import(import_id, redo=True)))[0] == "NOTHING_TO_REDO"
    again = await calls.undo_import(import_id)
    assert (again.redo, again.total_changes) == (False, 24)
    await to_the_end(undoer)
    assert [one.lot.lot_id for one in (await calls.list_lots()).lots] == [lots[3]]


async def test_a_thousand_lots_are_taken_back_and_forty_sales_stay(
    calls: Calls, engine: AsyncEngine, topics: LotTopics
) -> None:
    """Sold before the undo, and between it and its redo: each piece counted once, nothing below zero."""
    import_id, _ = await imported(calls, engine, topics, 1000)
    start = await pieces(calls)
    lots = list(start)
    sold = dict.fromkeys(lots[::25], 1)
    assert (len(lots), len(sold)) == (1000, 40)
    for lot_id in sold:
        await sell(engine, topics, calls, lot_id, 1)
    undoer = OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock())
    await calls.undo_import(import_id)
    await made(undoer, engine)
    assert (await calls.get_import_undo(import_id)).undone_changes == 1000
    assert not (await calls.list_lots()).lots
    late = lots[1]
    await sell(engine, topics, calls, late, 1)
    await calls.undo_import(import_id, redo=True)
    await made(undoer, engine)
    left = await pieces(calls)
    assert left == {lot_id: start[lot_id] - sold.get(lot_id, 0) - (lot_id == late) for lot_id in lots}
    assert min(left.values()) >= 0


async def test_the_undo_of_an_import_goes_on_where_a_killed_process_left_it(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, undoer: OperationUndoer
) -> None:
    import_id, lots = await imported(calls, engine, topics, 25)
    await calls.undo_import(import_id)
    assert await undoer.make_chunk()
    Interrupted.reached = asyncio.Event()
    dying = OperationUndoer(engine, partial(Interrupted, engine, topics), SystemClock(), limit=10)
    task = asyncio.create_task(dying.make_chunk())
    await Interrupted.reached.wait()
    assert not await undoer.make_chunk()  # nobody else takes it while its chunk is under way
    task.cancel()
    await asyncio.wait([task])
    assert (await calls.get_import_undo(import_id)).undone_changes == 10
    await to_the_end(undoer)
    done = await calls.get_import_undo(import_id)
    assert (done.undone_changes, done.refused_changes) == (25, 0)
    assert [(await calls.get(lot)).lot.revision for lot in lots] == [2] * 25


async def test_undoing_a_change_and_its_import_at_once_undoes_it_once(
    calls: Calls, engine: AsyncEngine, topics: LotTopics, undoer: OperationUndoer
) -> None:
    import_id, lots = await imported(calls, engine, topics, 20)
    created = (await calls.list_changes(import_id=import_id)).changes
    await calls.undo_import(import_id)
    single = (calls.undo(change.change_id) for change in created[:10])
    _, *answers = await asyncio.gather(to_the_end(undoer), *single, return_exceptions=True)
    for answer in answers:
        assert not isinstance(answer, grpc.aio.AioRpcError) or problem(answer).reason == "ALREADY_UNDONE"
    await to_the_end(undoer)
    assert [(await calls.get(lot)).lot.revision for lot in lots] == [2] * 20


async def test_a_running_import_and_a_strangers_are_not_undone(calls: Calls, gateway: grpc.aio.Channel) -> None:
    operation = await calls.import_file(f"<INVENTORY>{ROW.format(number=3001)}</INVENTORY>".encode())
    assert (await refused(calls.undo_import(operation.import_id)))[0] == "IMPORT_IS_RUNNING"
    assert (await refused(Calls(gateway, "stranger").undo_import(operation.import_id)))[0] == "IMPORT_NOT_FOUND"
    assert (await refused(calls.get_import_undo(operation.import_id)))[0] == "IMPORT_UNDO_NOT_FOUND"
