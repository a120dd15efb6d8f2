"""Files to import, and what becomes of them."""

from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import import_pb2, lot_pb2
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.imports.runner import ImportRunner
from inventory.testing.calls import Calls, a_brick, problem
from inventory.testing.records import absorb, sale
from servicekit.clock import SystemClock

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
    """A BrickStore file in euros."""
    return f'<BrickStoreXML>\n<Inventory Currency="EUR">\n{"".join(rows)}</Inventory></BrickStoreXML>'.encode()


async def to_the_end(runner: ImportRunner) -> None:
    """Carry all imports through."""
    while await runner.make_chunk():
        pass


async def previewed(calls: Calls, *rows: str, **fields: Any) -> tuple[str, list[import_pb2.ImportRow]]:
    """The id of a preview, and its rows."""
    operation = await calls.import_file(file(*rows), **({"format": BSX, "preview": True} | fields))
    if operation.state != PREVIEW:
        raise AssertionError(operation)
    return operation.import_id, await rows_of(calls, operation.import_id)


async def rows_of(calls: Calls, import_id: str, **asked: Any) -> list[import_pb2.ImportRow]:
    """What is told of each row."""
    return list((await calls.list_rows(import_id, page_size=500, **asked)).rows)


async def a_lot(calls: Calls, **fields: Any) -> str:
    """The id of a new lot."""
    return (await calls.create(a_brick(**fields))).lot.lot_id


async def stock(calls: Calls) -> list[tuple[str, int, str]]:
    """Number, quantity and remarks of each lot."""
    lots = [one.lot for one in (await calls.list_lots(page_size=500)).lots]
    return [(lot.item.number, lot.quantity, lot.remarks) for lot in lots]


async def refused(call: Awaitable[Any]) -> list[str]:
    """Fields for which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    if problem(refusal.value).code is not grpc.StatusCode.INVALID_ARGUMENT:
        raise AssertionError(refusal.value)
    return [field for field, _ in problem(refusal.value).violations]


async def reason_of(call: Awaitable[Any]) -> str:
    """The reason for which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return problem(refusal.value).reason


def replaced_item(number: str) -> lot_pb2.Item:
    """The item of `a_brick`, of another number."""
    item = lot_pb2.Item()
    item.CopyFrom(a_brick().item)
    item.number = number
    return item


async def sell(engine: AsyncEngine, topics: LotTopics, calls: Calls, lot_id: str, pieces: int, seq: int = 100) -> None:
    """A shop tells of an order."""
    told = sale(str(calls.seller), lot_id, pieces, seq=seq, order_id=f"order-{seq}", ours=True)
    await absorb(engine, SalesHandler(topics, SystemClock()), told)
