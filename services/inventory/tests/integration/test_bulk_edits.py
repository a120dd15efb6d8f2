"""Bulk edits: previewed, accepted once, run in chunks over crashes, cancelled, and undone, on a real PostgreSQL."""

import asyncio
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import bulk_edit_pb2, change_pb2, lot_filter_pb2, lot_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.bulk_editing import BulkEditor
from inventory.events import LotTopics
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.interrupted import Interrupted
from inventory.undoing import OperationUndoer
from servicekit import outbox
from servicekit.clock import SystemClock
from servicekit.outbox import BULK_PAUSES_ABOVE, Message

DONE, RUNNING, CANCELLED = (
    bulk_edit_pb2.BULK_EDIT_STATE_DONE,
    bulk_edit_pb2.BULK_EDIT_STATE_RUNNING,
    bulk_edit_pb2.BULK_EDIT_STATE_CANCELLED,
)


def edit(**said: Any) -> bulk_edit_pb2.LotEdit:
    return bulk_edit_pb2.LotEdit(**said)


def by_percent(percent: str, **said: Any) -> bulk_edit_pb2.LotEdit:
    return edit(price=bulk_edit_pb2.PriceEdit(by_percent=percent, **said))


def chosen(*lot_ids: str, **wanted: Any) -> bulk_edit_pb2.LotSelection:
    if lot_ids:
        return bulk_edit_pb2.LotSelection(lot_ids=lot_ids)
    return bulk_edit_pb2.LotSelection(filter=lot_filter_pb2.LotFilter(**wanted))


@pytest.fixture
async def editor(engine: AsyncEngine, topics: LotTopics) -> BulkEditor:
    """Ten lots a chunk; what other tests left is done first."""
    made = BulkEditor(engine, partial(UnitOfWork, engine, topics), SystemClock(), limit=10)
    await to_the_end(made)
    return made


@pytest.fixture
async def undoer(engine: AsyncEngine, topics: LotTopics) -> OperationUndoer:
    made = OperationUndoer(engine, partial(UnitOfWork, engine, topics), SystemClock(), limit=10)
    await to_the_end(made)
    return made


async def to_the_end(chunks: BulkEditor | OperationUndoer) -> None:
    while await chunks.make_chunk():
        pass


async def stock(calls: Calls, count: int) -> list[str]:
    """Lots priced 1, 2, 3 ... euros, the first of them with a tier of 0.50."""
    tier = lot_pb2.Tier(quantity=10, unit_price=euros(0, 500_000_000))
    lots = [a_brick(unit_price=euros(price), tiers=[tier] if price == 1 else []) for price in range(1, count + 1)]
    return [(await calls.create(lot)).lot.lot_id for lot in lots]


async def prices(calls: Calls) -> list[int]:
    """In cents, by lot id."""
    found = (await calls.list_lots(page_size=500)).lots
    return [one.lot.unit_price.units * 100 + one.lot.unit_price.nanos // 10_000_000 for one in found]


async def refused(call: Any) -> tuple[grpc.StatusCode, str, list[str]]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    told = problem(refusal.value)
    return told.code, told.reason, [field for field, _ in told.violations]


async def test_a_preview_counts_and_shows_and_writes_nothing(calls: Calls) -> None:
    lot_ids = await stock(calls, 30)
    await calls.update(lot_ids[1], "remarks", lot=a_brick(remarks="x"))
    said = {
        "selection": chosen(price_to="25"),
        "edit": edit(price=bulk_edit_pb2.PriceEdit(set=euros(0, 400_000_000)), remarks="x"),
    }
    preview = await calls.preview_edit(**said)
    assert (preview.total_lots, preview.changed_lots, preview.unchanged_lots, preview.refused_lots) == (25, 24, 0, 1)
    assert preview.judged_lots == 25
    assert [one.before.lot_id for one in preview.lots] == lot_ids[1:21]
    assert {(one.after.remarks, one.after.unit_price.nanos) for one in preview.lots} == {("x", 400_000_000)}
    assert [(one.lot_id, one.field) for one in preview.refusals] == [(lot_ids[0], "tiers[0].unit_price")]
    assert await prices(calls) == [price * 100 for price in range(1, 31)]
    by_ids = await calls.as_role("viewer").preview_edit(selection=chosen(*lot_ids), edit=edit(remarks=""))
    assert (by_ids.total_lots, by_ids.changed_lots, by_ids.unchanged_lots) == (30, 1, 29)
    (shown,) = by_ids.lots
    assert (shown.before, shown.after.remarks) == ((await calls.get(lot_ids[1])).lot, "")


MANY_LOTS = """
    INSERT INTO lots SELECT made.*
    FROM lots, generate_series(1, 6000) AS place,
        jsonb_populate_record(lots, jsonb_build_object('lot_id', md5(lots.lot_id || '/' || place))) AS made
    WHERE lots.seller_id = :seller_id
"""


async def test_of_many_lots_a_preview_judges_the_first_and_counts_all(calls: Calls, engine: AsyncEngine) -> None:
    await calls.create(a_brick())
    async with engine.begin() as conn:
        await conn.execute(text(MANY_LOTS), {"seller_id": calls.seller})
    preview = await calls.preview_edit(selection=chosen(), edit=edit(remarks="x"))
    assert (preview.total_lots, preview.judged_lots, preview.changed_lots) == (6001, 5000, 5000)


async def test_an_edit_runs_in_chunks_by_the_rules_of_one(calls: Calls, editor: BulkEditor) -> None:
    lot_ids = await stock(calls, 25)
    await calls.archive(lot_ids[24])
    accepted = await calls.edit_lots(selection=chosen(), edit=by_percent("-50"), reason="sale")
    assert (accepted.state, accepted.total_lots, accepted.changed_lots) == (RUNNING, 24, 0)
    await calls.create(a_brick(unit_price=euros(7)))  # after the selection was fixed
    await to_the_end(editor)
    done = await calls.get_bulk_edit(accepted.bulk_edit_id)
    assert (done.state, done.changed_lots, done.unchanged_lots, done.refused_lots) == (DONE, 24, 0, 0)
    assert await prices(calls) == [price * 50 for price in range(1, 25)] + [700]
    changes = (await calls.list_changes(bulk_edit_id=accepted.bulk_edit_id, page_size=500)).changes
    assert [change.lot_id for change in changes] == lot_ids[23::-1]
    assert {(change.actor, change.reason, change.source) for change in changes} == {
        ("user-1", "sale", change_pb2.CHANGE_SOURCE_USER)
    }
    assert {change.bulk_edit_id for change in changes} == {accepted.bulk_edit_id}


async def test_what_cannot_be_is_left_and_what_is_so_already_is_no_change(calls: Calls, editor: BulkEditor) -> None:
    lot_ids = await stock(calls, 3)
    await calls.update(lot_ids[2], "unit_price", lot=a_brick(unit_price=euros(0, 300_000_000)))
    said = edit(price=bulk_edit_pb2.PriceEdit(set=euros(0, 300_000_000)))
    accepted = await calls.edit_lots(selection=chosen(*lot_ids, lot_ids[0]), edit=said)
    await to_the_end(editor)
    done = await calls.get_bulk_edit(accepted.bulk_edit_id)
    assert (done.total_lots, done.changed_lots, done.unchanged_lots, done.refused_lots) == (3, 1, 1, 1)
    assert [(one.lot_id, one.field) for one in done.refusals] == [(lot_ids[0], "tiers[0].unit_price")]
    assert done.refusals[0].reason
    assert await prices(calls) == [100, 30, 30]


async def test_each_lot_is_edited_as_it_is_when_its_turn_comes(calls: Calls, editor: BulkEditor) -> None:
    (lot_id,) = await stock(calls, 1)
    await calls.edit_lots(selection=chosen(lot_id), edit=by_percent("10", places=4))
    await calls.update(lot_id, "unit_price", lot=a_brick(unit_price=euros(2)))
    await calls.adjust(lot_id, -39)
    await to_the_end(editor)
    lot = (await calls.get(lot_id)).lot
    assert ((lot.unit_price.units, lot.unit_price.nanos), lot.quantity) == ((2, 200_000_000), 1)


async def test_archive_and_fields_at_once_and_all_taken_back_by_one_undo(
    calls: Calls, editor: BulkEditor, undoer: OperationUndoer, engine: AsyncEngine
) -> None:
    lot_ids = await stock(calls, 25)
    said = edit(archived=True, remarks="put away", add_tags=["old"], stockroom=lot_pb2.STOCKROOM_A)
    accepted = await calls.edit_lots(selection=chosen(*lot_ids), edit=said)
    assert (await refused(calls.undo_bulk_edit(accepted.bulk_edit_id)))[1] == "BULK_EDIT_IS_RUNNING"
    await to_the_end(editor)
    assert not (await calls.list_lots()).lots
    await calls.update(lot_ids[3], "remarks", lot=a_brick(remarks="mine"))

    undone = await calls.undo_bulk_edit(accepted.bulk_edit_id, reason="a mistake")
    assert (undone.undo.total_changes, undone.undo.HasField("finished_at")) == (50, False)
    assert (await refused(calls.undo_bulk_edit(accepted.bulk_edit_id)))[1] == "ALREADY_UNDONE"
    await to_the_end(undoer)
    undo = (await calls.get_bulk_edit(accepted.bulk_edit_id)).undo
    assert (undo.undone_changes, undo.refused_changes, undo.HasField("finished_at")) == (49, 1, True)
    assert [one.lot_id for one in undo.refusals] == [lot_ids[3]]
    lots = {one.lot.lot_id: one.lot for one in (await calls.list_lots(page_size=500)).lots}
    assert set(lots) == set(lot_ids)
    assert {lot.remarks for lot in lots.values()} == {"", "mine"}
    assert {tuple(lot.tags) for lot_id, lot in lots.items() if lot_id != lot_ids[3]} == {()}


async def test_each_change_goes_out_to_every_marketplace(calls: Calls, editor: BulkEditor, engine: AsyncEngine) -> None:
    lot_ids = await stock(calls, 3)
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
    await calls.edit_lots(selection=chosen(*lot_ids), edit=edit(remarks="new"))
    await to_the_end(editor)
    async with engine.connect() as conn:
        sent = (await conn.execute(text("SELECT topic, key FROM outbox ORDER BY topic, key"))).all()
    assert [tuple(one) for one in sent] == [
        (topic, lot_id) for topic in ("lots.bricklink", "lots.brickowl") for lot_id in sorted(lot_ids)
    ]


async def test_a_repeat_is_the_same_bulk_edit(calls: Calls, editor: BulkEditor) -> None:
    await stock(calls, 2)
    said = {"selection": chosen(), "edit": by_percent("100"), "request_id": uuid.uuid4().hex}
    first, second = await calls.edit_lots(**said), await calls.edit_lots(**said)
    assert first == second
    await to_the_end(editor)
    assert await calls.edit_lots(**said) == first
    await to_the_end(editor)
    assert await prices(calls) == [200, 400]
    assert (await refused(calls.edit_lots(**(said | {"reason": "other"}))))[1] == "REQUEST_ID_REUSED"


async def test_cancelled_between_chunks_the_rest_stays(
    calls: Calls, editor: BulkEditor, undoer: OperationUndoer
) -> None:
    await stock(calls, 25)
    accepted = await calls.edit_lots(selection=chosen(), edit=by_percent("100"))
    assert await editor.make_chunk()
    cancelled = await calls.cancel_bulk_edit(accepted.bulk_edit_id)
    assert (cancelled.state, cancelled.changed_lots) == (CANCELLED, 10)
    assert (await calls.cancel_bulk_edit(accepted.bulk_edit_id)).state == CANCELLED
    await to_the_end(editor)
    assert await prices(calls) == [price * (200 if price <= 10 else 100) for price in range(1, 26)]
    await calls.undo_bulk_edit(accepted.bulk_edit_id)
    await to_the_end(undoer)
    assert await prices(calls) == [price * 100 for price in range(1, 26)]
    assert (await calls.undo_bulk_edit(accepted.bulk_edit_id, redo=True)).undo.redo
    await to_the_end(undoer)
    assert await prices(calls) == [price * (200 if price <= 10 else 100) for price in range(1, 26)]


async def test_one_that_is_over_cannot_be_cancelled(calls: Calls, editor: BulkEditor) -> None:
    await stock(calls, 1)
    accepted = await calls.edit_lots(selection=chosen(), edit=by_percent("1"))
    await to_the_end(editor)
    assert (await refused(calls.cancel_bulk_edit(accepted.bulk_edit_id)))[1] == "BULK_EDIT_IS_OVER"


async def test_it_is_the_sellers_own_and_no_viewers(calls: Calls, editor: BulkEditor) -> None:
    (lot_id,) = await stock(calls, 1)
    accepted = await calls.edit_lots(selection=chosen(), edit=by_percent("1"))
    stranger = replace(calls, seller=f"stranger-of-{calls.seller}")
    for call in (stranger.get_bulk_edit, stranger.cancel_bulk_edit, stranger.undo_bulk_edit):
        assert (await refused(call(accepted.bulk_edit_id)))[1] == "BULK_EDIT_NOT_FOUND"
    assert (await refused(stranger.list_changes(bulk_edit_id=accepted.bulk_edit_id)))[1] == "BULK_EDIT_NOT_FOUND"
    foreign = stranger.edit_lots(selection=chosen(lot_id), edit=edit(remarks="mine now"))
    assert (await refused(foreign))[2] == ["selection.lot_ids[0]"]
    viewer = calls.as_role("viewer")
    assert (await viewer.get_bulk_edit(accepted.bulk_edit_id)).total_lots == 1
    for attempt in (
        viewer.edit_lots(selection=chosen(), edit=by_percent("1")),
        viewer.cancel_bulk_edit(accepted.bulk_edit_id),
        viewer.undo_bulk_edit(accepted.bulk_edit_id),
    ):
        assert (await refused(attempt))[1] == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"selection": chosen()}, ["edit"]),
        ({"edit": edit(remarks="x")}, ["selection"]),
        ({"selection": chosen("made-up"), "edit": edit(remarks="x")}, ["selection.lot_ids[0]"]),
        ({"selection": chosen(*[str(uuid.uuid4())] * 10_001), "edit": edit(remarks="x")}, ["selection.lot_ids"]),
        ({"selection": chosen(text="x" * 256), "edit": edit(remarks="x")}, ["selection.filter.text"]),
        ({"selection": chosen(), "edit": by_percent("ten")}, ["edit.price.by_percent"]),
        ({"selection": chosen(), "edit": by_percent("1", rounding=9)}, ["edit.price.rounding"]),
        ({"selection": chosen(), "edit": edit(remarks="x" * 256, stockroom=9)}, ["edit.stockroom"]),
    ],
)
async def test_bad_input_is_told_by_its_field(calls: Calls, said: dict[str, Any], fields: list[str]) -> None:
    await stock(calls, 1)
    expected = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", fields)
    assert await refused(calls.edit_lots(**said)) == expected
    assert await refused(calls.preview_edit(**said)) == expected


async def test_a_selection_without_lots_is_refused_but_previewed(calls: Calls) -> None:
    said = {"selection": chosen(text="nothing"), "edit": edit(remarks="x")}
    assert (await refused(calls.edit_lots(**said)))[2] == ["selection"]
    assert await calls.preview_edit(**said) == pb.PreviewBulkEditResponse()


async def test_it_goes_on_where_a_killed_process_left_it(
    calls: Calls, editor: BulkEditor, engine: AsyncEngine, topics: LotTopics
) -> None:
    """One chunk is committed, the next is cut off before its commit; another process edits exactly the rest, once."""
    await stock(calls, 35)
    accepted = await calls.edit_lots(selection=chosen(), edit=by_percent("100"))
    assert await editor.make_chunk()
    Interrupted.reached = asyncio.Event()
    dying = BulkEditor(engine, partial(Interrupted, engine, topics), SystemClock(), limit=10)
    task = asyncio.create_task(dying.make_chunk())
    await Interrupted.reached.wait()
    assert not await editor.make_chunk()  # nobody else takes it while its chunk is under way
    task.cancel()
    await asyncio.wait([task])
    assert (await calls.get_bulk_edit(accepted.bulk_edit_id)).changed_lots == 10
    await to_the_end(editor)
    assert await prices(calls) == [price * 200 for price in range(1, 36)]
    assert (await calls.get_bulk_edit(accepted.bulk_edit_id)).state == DONE


async def test_two_processes_share_the_work_and_edit_each_lot_once(
    calls: Calls, editor: BulkEditor, engine: AsyncEngine, topics: LotTopics
) -> None:
    await stock(calls, 30)
    for _ in range(2):
        await calls.edit_lots(selection=chosen(), edit=by_percent("100"))
    other = BulkEditor(engine, partial(UnitOfWork, engine, topics), SystemClock(), limit=7)
    await asyncio.gather(to_the_end(editor), to_the_end(other))
    await to_the_end(editor)
    assert await prices(calls) == [price * 400 for price in range(1, 31)]


async def test_it_pauses_while_the_outbox_is_long(calls: Calls, editor: BulkEditor, engine: AsyncEngine) -> None:
    await stock(calls, 1)
    await calls.edit_lots(selection=chosen(), edit=by_percent("100"))
    filler = Message(topic="filler", key="k", value=b"", type="t", correlation_id="c")
    async with engine.begin() as conn:
        await outbox.record(conn, [filler] * (BULK_PAUSES_ABOVE + 1))
    assert not await editor.make_chunk()
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
    await to_the_end(editor)
    assert await prices(calls) == [200]


async def test_one_that_fails_holds_up_no_other(calls: Calls, editor: BulkEditor, engine: AsyncEngine) -> None:
    """As if a fault of ours had kept an edit that cannot be read."""
    await stock(calls, 1)
    faulty = await calls.edit_lots(selection=chosen(), edit=by_percent("100"))
    await calls.edit_lots(selection=chosen(), edit=edit(remarks="good"))
    spoil = text("UPDATE bulk_edits SET edit = jsonb_set(edit, '{price,places}', '\"two\"') WHERE bulk_edit_id = :id")
    async with engine.begin() as conn:
        await conn.execute(spoil, {"id": faulty.bulk_edit_id})
    with pytest.raises(TypeError):
        await editor.make_chunk()
    assert await editor.make_chunk()
    assert (await calls.list_lots()).lots[0].lot.remarks == "good"
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE bulk_edits SET finished_at = now() WHERE finished_at IS NULL"))
