"""Imports: accepted whole, run chunk by chunk, resumed wherever they stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import change_pb2, import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.background import Repeated
from inventory.events import LotTopics
from inventory.imports.acceptance import LARGEST_FILE
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, problem
from inventory.testing.imports import to_the_end
from inventory.testing.interrupted import Interrupted
from servicekit import outbox
from servicekit.clock import SystemClock
from servicekit.outbox import BULK_PAUSES_ABOVE, Message

GOOD = (
    "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{number}</ITEMID><COLOR>5</COLOR><QTY>4</QTY><PRICE>0.10</PRICE>"
    "<CONDITION>N</CONDITION></ITEM>\n"
)
BAD = GOOD.replace("<QTY>4</QTY>", "<QTY>-4</QTY>")


def file(rows: int, *, bad: tuple[int, ...] = ()) -> bytes:
    """So many rows, one a line; those at these numbers are bad."""
    lines = [(BAD if number in bad else GOOD).format(number=3000 + number) for number in range(1, rows + 1)]
    return f"<INVENTORY>\n{''.join(lines)}</INVENTORY>".encode()


async def lots_of(calls: Calls) -> list[str]:
    page = await calls.list_lots(page_size=500)
    assert not page.next_page_token
    return [one.lot.item.number for one in page.lots]


async def fields_of(call: Any) -> list[str]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    assert problem(refusal.value).code is grpc.StatusCode.INVALID_ARGUMENT
    return [field for field, _ in problem(refusal.value).violations]


async def test_good_rows_become_lots_and_bad_ones_are_told(calls: Calls, runner: ImportRunner) -> None:
    accepted = await calls.import_file(file(25, bad=(3, 25)), file_name="stock.xml")
    assert (accepted.state, accepted.total_rows, accepted.refused_rows) == (import_pb2.IMPORT_STATE_RUNNING, 25, 2)
    await to_the_end(runner)

    done = await calls.get_import(accepted.import_id)
    assert (done.state, done.created_rows, done.refused_rows) == (import_pb2.IMPORT_STATE_DONE, 23, 2)
    assert (done.file_name, done.HasField("finished_at")) == ("stock.xml", True)
    assert await lots_of(calls) == [str(3000 + number) for number in range(1, 26) if number not in {3, 25}]

    refused = (await calls.list_rows(accepted.import_id, refused_only=True)).rows
    assert [(row.number, row.line, row.lot_id, row.field) for row in refused] == [
        (3, 4, "", "QTY"),
        (25, 26, "", "QTY"),
    ]
    assert all("sign" in row.reason for row in refused)


async def test_rows_come_in_pages_and_name_their_lots(calls: Calls, runner: ImportRunner) -> None:
    accepted = await calls.import_file(file(7, bad=(2,)))
    await to_the_end(runner)
    first = await calls.list_rows(accepted.import_id, page_size=4)
    rest = await calls.list_rows(accepted.import_id, page_size=4, page_token=first.next_page_token)
    rows = [*first.rows, *rest.rows]
    assert [row.number for row in rows] == list(range(1, 8))
    assert rest.next_page_token == ""
    lot = (await calls.get(rows[4].lot_id)).lot
    assert (lot.item.number, lot.quantity, lot.unit_price.currency_code) == ("3005", 4, "EUR")


async def test_changes_of_an_import_say_so(calls: Calls, runner: ImportRunner) -> None:
    accepted = await calls.import_file(file(3))
    await calls.create()
    await to_the_end(runner)
    changes = (await calls.list_changes(import_id=accepted.import_id)).changes
    assert len(changes) == 3
    for change in changes:
        assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_CREATED, change_pb2.CHANGE_SOURCE_IMPORT)
        assert (change.actor, change.import_id) == ("user-1", accepted.import_id)
        assert change.correlation_id == f"correlation-{calls.seller}"


async def test_each_lot_goes_out_to_every_marketplace_in_its_chunk(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    accepted = await calls.import_file(file(12))
    await to_the_end(runner)
    lot_ids = [row.lot_id for row in (await calls.list_rows(accepted.import_id)).rows]
    async with engine.connect() as conn:
        query = text("SELECT topic, count(*) FROM outbox WHERE key = ANY(:keys) GROUP BY topic ORDER BY topic")
        found = (await conn.execute(query, {"keys": lot_ids})).all()
    assert [tuple(row) for row in found] == [("lots.bricklink", 12), ("lots.brickowl", 12)]


async def test_an_import_without_good_rows_is_done_and_fixes_no_currency(calls: Calls) -> None:
    accepted = await calls.import_file(file(2, bad=(1, 2)), currency_code="USD")
    assert (accepted.state, accepted.created_rows) == (import_pb2.IMPORT_STATE_DONE, 0)
    assert (await calls.create()).lot.unit_price.currency_code == "EUR"


async def test_the_currency_is_the_requests_else_the_sellers_else_refused(calls: Calls) -> None:
    assert await fields_of(calls.import_file(file(1), currency_code="")) == ["currency_code"]
    assert await fields_of(calls.import_file(file(1), currency_code="euro")) == ["currency_code"]
    await calls.import_file(file(1), currency_code="USD")
    assert (await calls.import_file(file(1), currency_code="")).refused_rows == 0
    assert await fields_of(calls.import_file(file(1), currency_code="EUR")) == ["currency_code"]
    assert await fields_of(calls.create()) == ["lot.unit_price"]


BAD_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "truncated": ({"content": file(3)[:-20]}, "content"),
    "another root": ({"content": b"<ORDERS></ORDERS>"}, "content"),
    "an XML bomb": ({"content": b'<!DOCTYPE x [<!ENTITY a "a">]><INVENTORY>&a;</INVENTORY>'}, "content"),
    "empty": ({"content": b""}, "content"),
    "too large": ({"content": b" " * (LARGEST_FILE + 1)}, "content"),
    "another format": ({"content": file(1), "format": import_pb2.IMPORT_FORMAT_BSX}, "content"),
    "an unknown format": ({"content": file(1), "format": 99}, "format"),
    "a long name": ({"content": file(1), "file_name": "n" * 256}, "file_name"),
}


@pytest.mark.parametrize(("fields", "field"), BAD_FILES.values(), ids=BAD_FILES.keys())
async def test_a_bad_file_is_refused_and_nothing_is_made(
    calls: Calls, runner: ImportRunner, fields: dict[str, Any], field: str
) -> None:
    assert await fields_of(calls.import_file(**fields)) == [field]
    await to_the_end(runner)
    assert not (await calls.stub.ListImports(pb.ListImportsRequest(), **calls.how)).imports
    assert not await lots_of(calls)


async def test_a_repeated_request_is_the_same_import(calls: Calls, runner: ImportRunner) -> None:
    first = await calls.import_file(file(3), request_id="import-1")
    await to_the_end(runner)
    assert await calls.import_file(file(3), request_id="import-1") == first
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await calls.import_file(file(4), request_id="import-1")
    assert problem(refusal.value).reason == "REQUEST_ID_REUSED"
    await to_the_end(runner)
    assert len(await lots_of(calls)) == 3


async def cancel(calls: Calls, import_id: str, request_id: str = "cancel-1") -> import_pb2.Import:
    request = pb.CancelImportRequest(request_id=request_id, import_id=import_id)
    return (await calls.stub.CancelImport(request, **calls.how)).operation


async def test_a_cancelled_import_goes_no_further_and_keeps_what_is_made(calls: Calls, runner: ImportRunner) -> None:
    accepted = await calls.import_file(file(25, bad=(2,)))
    assert await runner.make_chunk()
    cancelled = await cancel(calls, accepted.import_id)
    assert (cancelled.state, cancelled.created_rows) == (import_pb2.IMPORT_STATE_CANCELLED, 10)
    assert cancelled.HasField("finished_at")
    await to_the_end(runner)
    assert await calls.get_import(accepted.import_id) == cancelled
    assert len(await lots_of(calls)) == 10
    assert await cancel(calls, accepted.import_id, "cancel-2") == cancelled


async def test_an_import_that_is_over_or_anothers_cannot_be_cancelled(calls: Calls, runner: ImportRunner) -> None:
    accepted = await calls.import_file(file(3, bad=(1,)))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await cancel(replace(calls, seller=f"stranger-of-{calls.seller}"), accepted.import_id)
    assert problem(refusal.value).reason == "IMPORT_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await cancel(calls.as_role("viewer"), accepted.import_id)
    assert problem(refusal.value).reason == "ROLE_NOT_ALLOWED"
    await to_the_end(runner)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await cancel(calls, accepted.import_id)
    assert problem(refusal.value).reason == "IMPORT_IS_OVER"
    assert (await calls.get_import(accepted.import_id)).state == import_pb2.IMPORT_STATE_DONE


class _Held(UnitOfWork):
    """A transaction that waits before its commit until it is let go."""

    reached: asyncio.Event
    let_go: asyncio.Event

    async def commit(self, answer: bytes = b"") -> None:
        self.reached.set()
        await self.let_go.wait()
        await super().commit(answer)


async def test_a_cancellation_waits_for_the_chunk_that_is_under_way(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    accepted = await calls.import_file(file(25))
    _Held.reached, _Held.let_go = asyncio.Event(), asyncio.Event()
    chunk = asyncio.create_task(
        ImportRunner(engine, partial(_Held, engine, topics), SystemClock(), chunk_rows=10).make_chunk()
    )
    await _Held.reached.wait()
    cancelling = asyncio.create_task(cancel(calls, accepted.import_id))
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM imports%FOR UPDATE%'"
    )
    async with engine.connect() as conn:
        while not (await conn.execute(waiting)).scalar_one():
            await conn.rollback()  # each look is a transaction of its own, or it would see the same again
    _Held.let_go.set()
    assert await chunk
    assert (await cancelling).created_rows == 10
    await to_the_end(runner)
    assert len(await lots_of(calls)) == 10


async def test_an_import_goes_on_where_a_killed_process_left_it(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    """One chunk is committed, the next is cut off before its commit; another process makes exactly the rest."""
    accepted = await calls.import_file(file(35, bad=(12,)))
    assert await runner.make_chunk()
    Interrupted.reached = asyncio.Event()
    dying = ImportRunner(engine, partial(Interrupted, engine, topics), SystemClock(), chunk_rows=10)
    task = asyncio.create_task(dying.make_chunk())
    await Interrupted.reached.wait()
    assert not await runner.make_chunk()  # nobody else takes the import while its chunk is under way
    task.cancel()
    await asyncio.wait([task])
    assert (await calls.get_import(accepted.import_id)).created_rows == 10
    assert len(await lots_of(calls)) == 10

    await to_the_end(runner)
    done = await calls.get_import(accepted.import_id)
    assert (done.state, done.created_rows) == (import_pb2.IMPORT_STATE_DONE, 34)
    assert sorted(await lots_of(calls)) == [str(3000 + number) for number in range(1, 36) if number != 12]


async def test_two_processes_share_imports_and_make_each_row_once(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine, topics: LotTopics
) -> None:
    imports = [await calls.import_file(file(40)) for _ in range(3)]
    other = ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock(), chunk_rows=7)
    await asyncio.gather(to_the_end(runner), to_the_end(other))
    await to_the_end(runner)
    for accepted in imports:
        assert (await calls.get_import(accepted.import_id)).created_rows == 40
    assert len(await lots_of(calls)) == 120


async def test_an_import_that_fails_holds_up_no_other(calls: Calls, runner: ImportRunner, engine: AsyncEngine) -> None:
    """As if a fault of ours had let a row through that cannot become a lot."""
    faulty = await calls.import_file(file(5))
    good = await calls.import_file(file(15))
    async with engine.begin() as conn:
        spoil = text("UPDATE import_rows SET lot = lot - 'bulk' WHERE import_id = :import_id AND number = 3")
        await conn.execute(spoil, {"import_id": faulty.import_id})
    failed = asyncio.Event()

    async def step() -> bool:
        try:
            return await runner.make_chunk()
        except KeyError:
            failed.set()
            raise

    task = asyncio.create_task(Repeated("import", step, idle_seconds=0.01).run())
    while (await calls.get_import(good.import_id)).state != import_pb2.IMPORT_STATE_DONE:
        pass
    await failed.wait()
    task.cancel()
    await asyncio.wait([task])
    assert (await calls.get_import(faulty.import_id)).created_rows == 0
    assert len(await lots_of(calls)) == 15
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE imports SET finished_at = now() WHERE finished_at IS NULL"))


async def test_an_import_pauses_while_the_outbox_is_long(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    accepted = await calls.import_file(file(5))
    filler = Message(topic="filler", key="k", value=b"", type="t", correlation_id="c")
    async with engine.begin() as conn:
        await outbox.record(conn, [filler] * (BULK_PAUSES_ABOVE + 1))
    assert not await runner.make_chunk()
    assert (await calls.get_import(accepted.import_id)).created_rows == 0
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
    await to_the_end(runner)
    assert (await calls.get_import(accepted.import_id)).created_rows == 5


async def test_an_import_that_an_older_version_accepted_is_finished(
    calls: Calls, runner: ImportRunner, engine: AsyncEngine
) -> None:
    """It knew none of the columns that came with previews; half of its rows are lots already."""
    accepted = await calls.import_file(file(25, bad=(3,)))
    assert await runner.make_chunk()
    columns = "stage, preview, fields, judged_rows"
    forget = text(f"""
        UPDATE imports SET ({columns}) = ('RUNNING', false, '{{}}', 0) WHERE import_id = :import_id
    """)
    async with engine.begin() as conn:
        await conn.execute(forget, {"import_id": accepted.import_id})
        rows = text("UPDATE import_rows SET verdict = '' WHERE import_id = :import_id")
        await conn.execute(rows, {"import_id": accepted.import_id})
    told = await calls.get_import(accepted.import_id)
    assert (told.state, told.checked_rows) == (import_pb2.IMPORT_STATE_RUNNING, 25)
    await to_the_end(runner)
    done = await calls.get_import(accepted.import_id)
    assert (done.state, done.created_rows, done.refused_rows) == (import_pb2.IMPORT_STATE_DONE, 24, 1)
    (refused,) = (await calls.list_rows(accepted.import_id, refused_only=True)).rows
    assert (refused.number, refused.verdict) == (3, import_pb2.IMPORT_VERDICT_UNSPECIFIED)


BSX = b"""<!DOCTYPE BrickStoreXML>
<BrickStoreXML><Inventory Currency="EUR">
<Item><ItemID>3001</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>4</Qty><Price>0.1</Price></Item>
<Item><ItemID>3002</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Status>X</Status></Item>
</Inventory></BrickStoreXML>"""


@pytest.mark.parametrize("said", [import_pb2.IMPORT_FORMAT_BSX, import_pb2.IMPORT_FORMAT_UNSPECIFIED])
async def test_the_content_says_that_a_file_is_bsx_whatever_its_name(
    calls: Calls, runner: ImportRunner, said: import_pb2.ImportFormat.ValueType
) -> None:
    accepted = await calls.import_file(BSX, format=said, file_name="stock.xml")
    assert (accepted.format, accepted.total_rows) == (import_pb2.IMPORT_FORMAT_BSX, 2)
    await to_the_end(runner)
    assert await lots_of(calls) == ["3001"]
    (skipped,) = (await calls.list_rows(accepted.import_id, refused_only=True)).rows
    assert (skipped.number, skipped.field) == (2, "Status")


async def test_an_accepted_import_is_run_by_itself(calls: Calls, runner: ImportRunner) -> None:
    """As the service runs it: a background task that is woken up, or looks again after a while."""
    repeated = Repeated("import", watched(runner.make_chunk, done := asyncio.Event()), idle_seconds=0.05)
    task = asyncio.create_task(repeated.run())
    accepted = await calls.import_file(file(15))
    done.clear()
    repeated.wake()
    while (await calls.get_import(accepted.import_id)).state != import_pb2.IMPORT_STATE_DONE:
        await done.wait()
        done.clear()
    task.cancel()
    await asyncio.wait([task])
    assert len(await lots_of(calls)) == 15


def watched(step: Callable[[], Any], done: asyncio.Event) -> Callable[[], Any]:
    async def stepped() -> bool:
        is_more: bool = await step()
        done.set()
        return is_more

    return stepped
