"""Pages of ListLots out of a hundred thousand lots, beside the very statements of one, sent by psycopg alone."""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Final

import psycopg

from bench.transaction import Statements, noting_engine
from brickops.inventory.v1 import lot_filter_pb2
from brickops.inventory.v1.inventory_service_pb2 import ListLotsRequest
from brickops.inventory.v1.lot_sync_pb2 import SYNC_STATE_FAILED
from devstack.postgres import DatabaseUrls
from devstack.testing import Stack
from inventory.api.servicer import InventoryServicer
from inventory.events import LotTopics
from inventory.testing.calls import Calls, a_brick
from servicekit.callers import Caller, calling_as
from servicekit.clock import SystemClock
from servicekit.grpc_client import open_channel

_LOTS: Final = 100_000
_ROUNDS: Final = 60
_Filter = lot_filter_pb2.LotFilter
_REQUESTS: Final = {
    "in the order of making": ListLotsRequest(),
    "by price, falling": ListLotsRequest(order_by=lot_filter_pb2.LOT_COLUMN_UNIT_PRICE, descending=True),
    "by quantity, which has no index": ListLotsRequest(order_by=lot_filter_pb2.LOT_COLUMN_QUANTITY),
    "with a text": ListLotsRequest(filter=_Filter(text="3042pb")),
    "with a tag, by price": ListLotsRequest(
        filter=_Filter(tags=["rare"]), order_by=lot_filter_pb2.LOT_COLUMN_UNIT_PRICE
    ),
    "failed in a shop": ListLotsRequest(
        filter=_Filter(sync=[lot_filter_pb2.LotSyncFilter(marketplace="bricklink", states=[SYNC_STATE_FAILED])])
    ),
    "counted": ListLotsRequest(count=True),
}
"""Each is asked for its second page."""

# A hundred thousand lots from one, none like another; one in fifty has a tag, one in a thousand failed.
_FILL: Final = f"""
    INSERT INTO lots SELECT made.*
    FROM lots, generate_series(1, {_LOTS - 1}) AS place, jsonb_populate_record(lots, jsonb_build_object(
        'lot_id', md5(lots.lot_id || '/' || place), 'item_no', 3000 + place * 7919 %% 9000 || 'pb' || place %% 100,
        'color_id', place %% 150, 'quantity', place * 31 %% 200, 'unit_price', (place * 37 %% 5000 + 1) / 1000.0,
        'remarks', chr(65 + place %% 20) || place %% 50 || '-' || place %% 97,
        'description', CASE WHEN place %% 2 = 0 THEN md5(place::text) || ' light scratches' ELSE '' END,
        'tags', CASE WHEN place %% 50 = 0 THEN '["rare"]' ELSE '[]' END::jsonb)) AS made
    WHERE lots.seller_id = %(seller)s;
    INSERT INTO connections (seller_id, marketplace, first_heard_at) VALUES (%(seller)s, 'bricklink', now());
    INSERT INTO lot_reports
        (lot_id, marketplace, seller_id, seq, listing_id, desired_revision, groups, is_stale, updated_at)
    SELECT lot_id, 'bricklink', seller_id, 1, '', 1, jsonb_build_object(
        'QUANTITY', told, 'TEXT', told, 'REST', told,
        'PRICE', CASE WHEN row_number() OVER () %% 1000 = 0 THEN jsonb_set(told, '{{state}}', '"FAILED"') ELSE told END
    ), false, now()
    FROM lots, jsonb_build_object('state', 'SYNCED', 'settled_revision', 1, 'reason', '') AS told
    WHERE seller_id = %(seller)s;
    ANALYZE lots, lot_reports;
"""


@dataclass(frozen=True, kw_only=True)
class PageCompared:
    """What a page takes at the 95th percentile, in seconds."""

    asked: str
    ours: float
    bare: float


async def list_lots(stack: Stack) -> list[PageCompared]:
    """One caller each, in turns, on the running service's database."""
    seller, urls = f"seller-{uuid.uuid4()}", stack.database("inventory")
    async with (
        open_channel(stack.address("inventory"), service="inventory", tls=stack.tls("gateway")) as channel,
        await psycopg.AsyncConnection.connect(urls.app) as session,
        await psycopg.AsyncConnection.connect(
            urls.owner, autocommit=True, cursor_factory=psycopg.AsyncClientCursor
        ) as owner,
    ):
        calls = Calls(channel, seller)
        await calls.create(a_brick())
        await owner.execute(_FILL.encode(), {"seller": seller})
        return [await _compared(asked, request, calls, urls, session) for asked, request in _REQUESTS.items()]


async def _compared(
    asked: str, request: ListLotsRequest, calls: Calls, urls: DatabaseUrls, session: psycopg.AsyncConnection[Any]
) -> PageCompared:
    second = ListLotsRequest()
    second.CopyFrom(request)
    second.page_token = (await calls.stub.ListLots(request, **calls.how)).next_page_token
    statements = await _statements_of(second, calls, urls)

    async def ours() -> object:
        return await calls.stub.ListLots(second, **calls.how)

    async def bare() -> object:
        async with session.transaction():
            return [await (await session.execute(one.encode(), said)).fetchall() for one, said in statements]

    seconds = [(await _timed(ours), await _timed(bare)) for _ in range(_ROUNDS)][_ROUNDS // 6 :]
    return PageCompared(asked=asked, ours=_p95([our for our, _ in seconds]), bare=_p95([bare for _, bare in seconds]))


async def _statements_of(request: ListLotsRequest, calls: Calls, urls: DatabaseUrls) -> Statements:
    """What the service sends for it, noted by the same code in this process."""
    sent: list[Statements] = [[]]
    topics = LotTopics(marketplaces=["bricklink"], pattern="bench.{marketplace}")
    async with noting_engine(urls, sent) as engine:
        servicer = InventoryServicer(
            engine,
            topics,
            SystemClock(),
            import_accepted=lambda: None,
            undo_accepted=lambda: None,
            bulk_edit_accepted=lambda: None,
        )
        with calling_as(Caller("gateway", seller_id=calls.seller, role="owner")):
            context: Any = None
            await servicer.ListLots(request, context)
    return sent[-1]


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await call()
    return time.perf_counter() - started


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]
