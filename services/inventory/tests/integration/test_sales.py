"""Sales: each order line counted once, acknowledged always, whatever arrives first or twice."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf import json_format
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import sales_event_pb2
from brickops.inventory.v1 import change_pb2
from inventory.consuming.replay import replay
from inventory.consuming.results import ResultsHandler
from inventory.consuming.sales import SalesHandler
from inventory.events import LotTopics
from inventory.ids import new_id
from inventory.testing.calls import Calls, a_brick
from inventory.testing.database import rows
from inventory.testing.outbox import take_lot, take_outbox
from inventory.testing.records import absorb, baseline_taken, record, sale
from servicekit.clock import SystemClock
from servicekit.consumer import Undecodable

BASELINE = sales_event_pb2.SALE_KIND_BASELINE
RECOUNT = sales_event_pb2.SALE_KIND_RECOUNT
RETURN = sales_event_pb2.SALE_KIND_RETURN


async def test_a_sale_lowers_the_stock_and_is_in_the_change_log_with_its_order(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100))
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold, lot.revision) == (37, 3, 2)
    change = (await calls.list_changes(lot_id=lot_id)).changes[0]
    assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_SOLD, change_pb2.CHANGE_SOURCE_ORDER)
    assert (change.quantity_delta, change.revision, change.actor) == (-3, 2, "inventory")
    order = change.order
    assert (order.marketplace, order.order_id, order.listing_id) == ("bricklink", "9000042", "50001001")
    assert change.correlation_id == "correlation-100"
    assert json_format.MessageToDict(change.before) == {"quantity": 40.0, "sold": 0.0}
    assert json_format.MessageToDict(change.after) == {"quantity": 37.0, "sold": 3.0}


async def test_a_counted_sale_goes_to_every_shop_acknowledged_where_it_was_sold(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100))
    told = {waiting.topic: waiting.event.lot_changed for waiting in await take_lot(engine, lot_id)}
    assert {topic: (event.lot.quantity, event.counted_seq) for topic, event in told.items()} == {
        "lots.bricklink": (37, 100),
        "lots.brickowl": (37, 0),
    }


async def test_a_sale_told_twice_counts_once(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    message = sale(str(calls.seller), lot_id, 3, seq=100)
    await absorb(engine, sales, message, message)
    await absorb(engine, sales, message)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.revision) == (37, 2)


async def test_messages_out_of_order_end_at_the_newest_total(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=102))
    await absorb(engine, sales, sale(seller, lot_id, 2, seq=101), sale(seller, lot_id, 7, seq=103))
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold) == (33, 7)


async def test_an_older_line_of_another_order_counts_but_lowers_no_acknowledgement(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=102))
    await absorb(engine, sales, sale(seller, lot_id, 2, seq=101, order_id="9000043"))
    last = [one for one in await take_lot(engine, lot_id) if one.topic == "lots.bricklink"][-1].event.lot_changed
    assert (last.lot.quantity, last.counted_seq) == (33, 102)


async def test_sales_of_one_batch_are_changes_of_their_own_and_go_out_once(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    batch = [sale(seller, lot_id, 1, seq=100 + number, order_id=f"order-{number}") for number in range(4)]
    await absorb(engine, sales, *batch)
    changes = (await calls.list_changes(lot_id=lot_id)).changes
    assert [(change.revision, change.order.order_id) for change in changes[:4]] == [
        (5, "order-3"),
        (4, "order-2"),
        (3, "order-1"),
        (2, "order-0"),
    ]
    told = [(one.topic, one.event.lot_changed.lot.revision) for one in await take_lot(engine, lot_id)]
    assert told == [("lots.bricklink", 5), ("lots.brickowl", 5)]


async def test_a_message_that_changes_nothing_is_acknowledged_to_its_shop_alone(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 4, seq=100, kind=BASELINE))
    assert (await calls.get(lot_id)).lot.revision == 1
    (told,) = await take_lot(engine, lot_id)
    changed = told.event.lot_changed
    assert (told.topic, changed.counted_seq) == ("lots.bricklink", 100)
    assert (changed.lot.quantity, changed.lot.revision) == (40, 1)
    assert len((await calls.list_changes(lot_id=lot_id)).changes) == 1


async def test_a_baseline_is_stored_and_later_raises_count_from_there(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 4, seq=100, kind=BASELINE))
    await absorb(engine, sales, sale(seller, lot_id, 6, seq=101))
    assert (await calls.get(lot_id)).lot.quantity == 38


async def test_an_unknown_line_counts_only_after_baseline_and_count(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, topics: LotTopics, lot_id: str
) -> None:
    seller, now = str(calls.seller), datetime.now(UTC)
    await absorb(engine, ResultsHandler(topics, SystemClock()), baseline_taken(seller, now, seq=1))
    before, after = now - timedelta(hours=1), now + timedelta(hours=1)
    await absorb(
        engine,
        sales,
        sale(seller, lot_id, 1, seq=100, order_id="old", ordered_at=before),
        sale(seller, lot_id, 2, seq=101, order_id="old-recount", ordered_at=before, kind=RECOUNT),
        sale(seller, lot_id, 4, seq=102, order_id="new", ordered_at=after),
        sale(seller, lot_id, 8, seq=103, order_id="new-recount", ordered_at=after, kind=RECOUNT),
        sale(seller, lot_id, 16, seq=104, order_id="new-cut", ordered_at=after, kind=RECOUNT, returned=16),
    )
    assert (await calls.get(lot_id)).lot.quantity == 40 - 4 - 8


async def test_an_order_of_a_listing_of_ours_counts_whatever_the_clocks_say(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    early = datetime.now(UTC) - timedelta(hours=1)
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100, ordered_at=early, ours=True))
    assert (await calls.get(lot_id)).lot.quantity == 37


async def test_a_lower_total_changes_nothing_but_opens_a_return(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100))
    await absorb(engine, sales, sale(seller, lot_id, 2, seq=101))
    assert (await calls.get(lot_id)).lot.quantity == 35
    query = "SELECT total, told_total, seq FROM order_lines WHERE lot_id = :lot_id"
    assert [tuple(row) for row in await rows(engine, query, lot_id=lot_id)] == [(5, 2, 101)]
    assert [(one.pieces, one.HasField("closed_at")) for one in (await calls.list_returns()).returns] == [(3, False)]


async def test_a_sale_below_zero_is_counted_and_opens_an_incident_that_names_the_orders(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller, now = str(calls.seller), datetime.now(UTC)
    await absorb(
        engine, sales, sale(seller, lot_id, 39, seq=100, order_id="first", ordered_at=now + timedelta(hours=1))
    )
    owl = sale(
        seller, lot_id, 3, seq=50, order_id="second", marketplace="brickowl", ordered_at=now + timedelta(hours=2)
    )
    await absorb(engine, sales, owl)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold) == (-2, 42)
    newest = (await calls.list_changes(lot_id=lot_id)).changes[0]
    (incident,) = await rows(engine, "SELECT * FROM oversells WHERE lot_id = :lot_id", lot_id=lot_id)
    assert (incident.change_id.hex, incident.missing) == (newest.change_id.replace("-", ""), 2)
    assert [(order["marketplace"], order["order_id"], order["total"]) for order in incident.orders] == [
        ("brickowl", "second", 3),
        ("bricklink", "first", 39),
    ]


async def test_oversells_are_listed_with_the_orders_among_which_to_choose(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller, now = str(calls.seller), datetime.now(UTC)
    other = (await calls.create(a_brick(quantity=1))).lot.lot_id
    await absorb(
        engine,
        sales,
        sale(seller, lot_id, 45, seq=100, order_id="first", ordered_at=now),
        sale(seller, other, 2, seq=100, order_id="second", listing_id="2", ordered_at=now + timedelta(hours=1)),
        sale(seller, lot_id, 1, seq=101, order_id="third", ordered_at=now + timedelta(hours=2)),
    )
    found = (await calls.list_oversells()).oversells
    assert [(one.lot_id, one.missing) for one in found] == [(lot_id, 1), (other, 1), (lot_id, 5)]
    assert [(order.order_id, order.total) for order in found[0].orders] == [("third", 1), ("first", 45)]
    order = found[1].orders[0]
    assert (order.marketplace, order.order_id, order.listing_id, order.total) == ("bricklink", "second", "2", 2)
    assert order.ordered_at.ToDatetime(tzinfo=UTC) == now + timedelta(hours=1)
    newest = (await calls.list_changes(lot_id=other)).changes[0]
    assert (found[1].change_id, found[1].recorded_at) == (newest.change_id, newest.recorded_at)

    first = await calls.list_oversells(page_size=2)
    rest = await calls.list_oversells(page_size=2, page_token=first.next_page_token)
    assert [*first.oversells, *rest.oversells] == list(found)
    assert rest.next_page_token == ""
    assert [one.change_id for one in (await calls.list_oversells(lot_id=other)).oversells] == [found[1].change_id]
    assert not (await Calls(calls.channel, "somebody-else").list_oversells()).oversells


async def test_an_archived_lot_is_sold_from_too(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await calls.archive(lot_id)
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100))
    lot = (await calls.get(lot_id)).lot
    assert (lot.archived, lot.quantity, lot.revision) == (True, 37, 3)


async def test_a_users_change_keeps_what_is_acknowledged(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100))
    await take_outbox(engine)
    await calls.adjust(lot_id, 5)
    told = {one.topic: one.event.lot_changed for one in await take_lot(engine, lot_id)}
    assert (told["lots.bricklink"].counted_seq, told["lots.bricklink"].lot.quantity) == (100, 42)


async def test_a_change_that_waited_for_a_sale_acknowledges_it(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    """A user's change that queued behind a sale's lock publishes that sale's seq, never an older one (rule Q2)."""
    async with engine.begin() as conn:
        await sales.absorb(conn, [sale(str(calls.seller), lot_id, 3, seq=100)])
        adjusting = asyncio.create_task(calls.adjust(lot_id, 5))
        waits = text(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        while not (await conn.execute(waits)).scalar_one():
            pass
    await adjusting
    told = [one.event.lot_changed for one in await take_lot(engine, lot_id) if one.topic == "lots.bricklink"]
    assert [(event.lot.revision, event.lot.quantity, event.counted_seq) for event in told] == [
        (2, 37, 100),
        (3, 42, 100),
    ]


async def test_sales_and_adjustments_at_once_all_count(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    sold = [
        absorb(engine, sales, sale(seller, lot_id, 2, seq=100 + number, order_id=f"order-{number}"))
        for number in range(5)
    ]
    await asyncio.gather(*sold, *(calls.adjust(lot_id, step) for step in (10, -3, 10, -3)))
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold, lot.revision) == (40 - 10 + 14, 10, 10)


async def test_a_sale_of_a_lot_that_is_not_there_waits_and_counts_when_it_comes_back(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    """As after a restored database: the lot's row is missing, and there again later (rule T6)."""
    seller = str(calls.seller)
    (row,) = await rows(engine, "SELECT to_jsonb(lots) AS lot FROM lots WHERE lot_id = :lot_id", lot_id=lot_id)
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM lots WHERE lot_id = :lot_id"), {"lot_id": lot_id})
    await absorb(engine, sales, sale(seller, lot_id, 2, seq=100), sale(seller, lot_id, 3, seq=101))
    await absorb(engine, sales, sale(seller, lot_id, 3, seq=101))
    assert not await sales.count_waiting(engine)

    async with engine.begin() as conn:
        back = text("INSERT INTO lots SELECT * FROM jsonb_populate_record(CAST(NULL AS lots), CAST(:lot AS jsonb))")
        await conn.execute(back, {"lot": json.dumps(row.lot)})
    assert await sales.count_waiting(engine)
    assert not await sales.count_waiting(engine)
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold) == (37, 3)
    told = [one.event.lot_changed for one in await take_lot(engine, lot_id) if one.topic == "lots.bricklink"]
    assert told[-1].counted_seq == 101


async def test_waiting_sales_count_before_a_newer_message(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    """What waited is taken in first, in the order of its seqs: a baseline must not come after a sale."""
    seller = str(calls.seller)
    async with engine.begin() as conn:
        waiting = text(
            "INSERT INTO waiting_sales VALUES (:lot_id, 'bricklink', 100, :seller, :value, 'correlation', now())"
        )
        value = sale(seller, lot_id, 4, seq=100, kind=BASELINE).value
        await conn.execute(waiting, {"lot_id": lot_id, "seller": seller, "value": value})
    await absorb(engine, sales, sale(seller, lot_id, 6, seq=101))
    assert (await calls.get(lot_id)).lot.quantity == 38
    assert not await rows(engine, "SELECT FROM waiting_sales WHERE lot_id = :lot_id", lot_id=lot_id)


async def test_a_sale_that_names_another_sellers_lot_changes_nothing(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale("somebody-else", lot_id, 3, seq=100))
    assert (await calls.get(lot_id)).lot.revision == 1
    assert not await sales.count_waiting(engine)


UNREADABLE = {
    "no message at all": b"\xff\xff",
    "nothing": b"",
    "an unknown kind": sales_event_pb2.OrderLineTotalled(
        seller_id="s",
        marketplace="bricklink",
        order_id="o",
        listing_id="l",
        lot_id=new_id(),
        seq=1,
        kind=99,  # type: ignore[arg-type]
    ).SerializeToString(),
    "no order": sale("s", new_id(), 1, seq=1, order_id="").value,
    "no lot": sale("s", "lot", 1, seq=1).value,
    "a negative total": sale("s", new_id(), -1, seq=1).value,
    "more returned than there are": sale("s", new_id(), 1, seq=1, returned=2).value,
    "fewer returned than none": sale("s", new_id(), 1, seq=1, returned=-1).value,
    "no seq": sale("s", new_id(), 1, seq=0).value,
    "a NUL in a name": sale("s", new_id(), 1, seq=1, order_id="9\0").value,
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_is_no_order_line_is_undecodable(engine: AsyncEngine, sales: SalesHandler, value: bytes) -> None:
    with pytest.raises(Undecodable):
        await absorb(engine, sales, record(value, key=new_id()))


async def test_a_skipped_message_freezes_what_its_lot_acknowledges_until_it_is_replayed(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    """Rule T5: the shop's service goes on counting the sale itself until inventory has really taken it in."""
    seller = str(calls.seller)
    readable_later = sale(seller, lot_id, 5, seq=101, order_id="skipped")
    async with engine.begin() as conn:
        await sales.undecodable(conn, readable_later)
        aside = text(
            "INSERT INTO undecodable_records"
            " (consumer_group, topic, partition, record_offset, why, key, value, headers, recorded_at)"
            " VALUES ('inventory', 'sales', 0, 7, 'too new', :key, :value, '{\"correlation-id\": \"c\"}', now())"
        )
        await conn.execute(aside, {"key": lot_id, "value": readable_later.value})
    await absorb(engine, sales, sale(seller, lot_id, 3, seq=102))
    frozen = [one.event.lot_changed for one in await take_lot(engine, lot_id) if one.topic == "lots.bricklink"]
    assert [(event.lot.quantity, event.counted_seq) for event in frozen] == [(37, 0)]

    assert await replay(engine, "inventory", sales) == 1
    thawed = [one.event.lot_changed for one in await take_lot(engine, lot_id) if one.topic == "lots.bricklink"][-1]
    assert (thawed.lot.quantity, thawed.counted_seq) == (32, 102)
    assert await replay(engine, "inventory", sales) == 0


async def test_a_message_that_still_cannot_be_read_stays_set_aside(engine: AsyncEngine, sales: SalesHandler) -> None:
    async with engine.begin() as conn:
        aside = text(
            "INSERT INTO undecodable_records"
            " (consumer_group, topic, partition, record_offset, why, key, value, headers, recorded_at)"
            " VALUES ('still', 'sales', 0, 8, 'no message', 'key', :value, '{}', now())"
        )
        await conn.execute(aside, {"value": b"\xff"})
    assert await replay(engine, "still", sales) == 0
    assert len(await rows(engine, "SELECT FROM undecodable_records WHERE consumer_group = 'still'")) == 1


async def test_a_lot_that_sales_brought_to_zero_is_sold_out_until_somebody_counts_again(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler
) -> None:
    """Rule B5: its removal from the shops is no user's doing."""
    lot_id = (await calls.create(a_brick(quantity=3))).lot.lot_id
    await take_outbox(engine)
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 3, seq=100))
    assert [one.event.lot_changed.sold_out for one in await take_lot(engine, lot_id)] == [True, True]
    await calls.update(lot_id, "remarks", lot=a_brick(remarks="none left"))
    assert [one.event.lot_changed.sold_out for one in await take_lot(engine, lot_id)] == [True, True]
    await calls.adjust(lot_id, 1)
    await calls.adjust(lot_id, -1)
    lasts = [one.event.lot_changed for one in await take_lot(engine, lot_id)]
    assert [(event.lot.quantity, event.sold_out) for event in lasts] == [(1, False)] * 2 + [(0, False)] * 2
    assert not await rows(engine, "SELECT FROM oversells WHERE lot_id = :lot_id", lot_id=lot_id)
