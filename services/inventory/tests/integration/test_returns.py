"""Returns: what leaves an order is asked about until it is said where the pieces are (rule S4)."""

from collections.abc import Awaitable

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import sales_event_pb2
from brickops.inventory.v1 import change_pb2, return_pb2
from inventory.consuming.sales import SalesHandler
from inventory.testing.calls import Calls, problem
from inventory.testing.outbox import take_lot, take_outbox
from inventory.testing.records import absorb, sale

BASELINE = sales_event_pb2.SALE_KIND_BASELINE
RECOUNT = sales_event_pb2.SALE_KIND_RECOUNT
RETURN = sales_event_pb2.SALE_KIND_RETURN


async def test_a_return_gives_its_pieces_back_and_is_in_the_change_log_with_its_order(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100))
    await take_outbox(engine)
    back = sale(seller, lot_id, 2, seq=101, kind=RETURN)
    await absorb(engine, sales, back)
    await absorb(engine, sales, back)  # the repeat changes nothing
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold, lot.revision) == (38, 2, 3)
    change = (await calls.list_changes(lot_id=lot_id)).changes[0]
    assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_RETURNED, change_pb2.CHANGE_SOURCE_RETURN)
    assert (change.quantity_delta, change.revision, change.actor) == (3, 3, "inventory")
    assert (change.order.order_id, change.correlation_id) == ("9000042", "correlation-101")
    told = {one.topic: one.event.lot_changed for one in await take_lot(engine, lot_id)}
    assert {topic: (event.lot.quantity, event.counted_seq) for topic, event in told.items()} == {
        "lots.bricklink": (38, 101),
        "lots.brickowl": (38, 0),
    }


async def test_a_return_of_an_order_from_before_the_count_is_added_but_was_never_sold(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 4, seq=100, kind=BASELINE))
    await absorb(engine, sales, sale(seller, lot_id, 1, seq=101, kind=RETURN))
    lot = (await calls.get(lot_id)).lot
    assert (lot.quantity, lot.sold) == (43, 0)


async def test_a_return_of_an_archived_lot_is_added_too(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 4, seq=100))
    await calls.archive(lot_id)
    await absorb(engine, sales, sale(seller, lot_id, 0, seq=101, kind=RETURN))
    lot = (await calls.get(lot_id)).lot
    assert (lot.archived, lot.quantity, lot.sold) == (True, 40, 0)


async def test_a_return_stays_open_until_it_is_said_where_the_pieces_are(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    """Cancelled: asked. Some came back: asked for the rest. The rest is said to be sold after all: answered (S4)."""
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100))
    assert not (await calls.list_returns(include_closed=True)).returns

    await absorb(engine, sales, sale(seller, lot_id, 5, seq=101, returned=4))
    (opened,) = (await calls.list_returns()).returns
    assert (opened.lot_id, opened.pieces, opened.HasField("closed_at")) == (lot_id, 4, False)
    order = opened.order
    assert (order.marketplace, order.order_id, order.listing_id) == ("bricklink", "9000042", "50001001")

    await absorb(engine, sales, sale(seller, lot_id, 3, seq=102, returned=2, kind=RETURN))
    (less,) = (await calls.list_returns()).returns
    assert (less.return_id, less.pieces, less.opened_at) == (opened.return_id, 2, opened.opened_at)
    assert (await calls.get(lot_id)).lot.quantity == 37

    await absorb(engine, sales, sale(seller, lot_id, 3, seq=103))
    assert not (await calls.list_returns()).returns
    (closed,) = (await calls.list_returns(include_closed=True)).returns
    assert (closed.return_id, closed.pieces, closed.HasField("closed_at")) == (opened.return_id, 2, True)
    assert (await calls.get(lot_id)).lot.quantity == 37

    await absorb(engine, sales, sale(seller, lot_id, 3, seq=104, returned=3))
    (anew,) = (await calls.list_returns()).returns
    assert (anew.return_id != opened.return_id, anew.pieces) == (True, 3)


async def refuses(call: Awaitable[object], reason: str) -> None:
    """A call that is refused for this reason, or for this field."""
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    said = problem(refusal.value)
    assert reason in (said.reason, *(field for field, _ in said.violations))


async def test_pieces_of_a_return_are_put_back_once(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100, returned=2))
    (opened,) = (await calls.list_returns()).returns
    await take_outbox(engine)

    answer = await calls.answer_return(opened, "PUT_BACK", request_id="once", reason="found them")
    assert (answer.lot.quantity, answer.lot.sold, answer.answered.HasField("closed_at")) == (37, 3, True)
    assert answer.answered.answer == return_pb2.RETURN_ANSWER_PUT_BACK
    change = (await calls.list_changes(lot_id=lot_id)).changes[0]
    assert (change.type, change.source) == (change_pb2.CHANGE_TYPE_RETURNED, change_pb2.CHANGE_SOURCE_RETURN)
    assert (change.actor, change.reason, change.order.order_id) == (calls.actor, "found them", "9000042")
    told = {waiting.topic: waiting.event.lot_changed.lot.quantity for waiting in await take_lot(engine, lot_id)}
    assert told == {"lots.bricklink": 37, "lots.brickowl": 37}

    assert await calls.answer_return(opened, "PUT_BACK", request_id="once", reason="found them") == answer
    await refuses(calls.answer_return(opened, "NOT_COMING_BACK"), "RETURN_IS_CLOSED")
    # The shop tells of the cancelled pieces again, and then sees them in its listing too.
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=101, returned=2))
    await absorb(engine, sales, sale(seller, lot_id, 3, seq=102, kind=RETURN))
    assert (await calls.get(lot_id)).lot.quantity == 37
    assert not (await calls.list_returns()).returns


async def test_pieces_that_do_not_come_back_are_asked_about_no_more(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100, returned=2))
    (opened,) = (await calls.list_returns()).returns
    answer = await calls.answer_return(opened, "NOT_COMING_BACK")
    assert (answer.lot.quantity, answer.lot.revision, answer.change_id) == (35, 2, "")
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=101, returned=2))
    assert not (await calls.list_returns()).returns
    (closed,) = (await calls.list_returns(include_closed=True)).returns
    assert (closed.answer, closed.pieces) == (return_pb2.RETURN_ANSWER_NOT_COMING_BACK, 2)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=102, returned=3))
    (anew,) = (await calls.list_returns()).returns
    assert (anew.pieces, anew.return_id != opened.return_id) == (1, True)


async def test_an_answer_is_to_the_return_that_was_seen(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100, returned=2))
    (seen,) = (await calls.list_returns()).returns
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=101, returned=3))
    await refuses(calls.answer_return(seen, "PUT_BACK"), "RETURN_HAS_CHANGED")
    await refuses(calls.answer_return(seen, "PUT_BACK", return_id="none"), "RETURN_NOT_FOUND")
    await refuses(calls.answer_return(seen, "UNSPECIFIED"), "answer")
    await refuses(Calls(calls.channel, "somebody-else").answer_return(seen, "PUT_BACK"), "RETURN_NOT_FOUND")
    await refuses(calls.as_role("viewer").answer_return(seen, "PUT_BACK"), "ROLE_NOT_ALLOWED")
    assert (await calls.get(lot_id)).lot.quantity == 35


async def test_pieces_come_back_to_an_archived_and_oversold_lot_too(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    await absorb(engine, sales, sale(str(calls.seller), lot_id, 45, seq=100, returned=45))
    await calls.archive(lot_id)
    (opened,) = (await calls.list_returns()).returns
    answer = await calls.answer_return(opened, "PUT_BACK")
    assert (answer.lot.quantity, answer.lot.sold, answer.lot.archived) == (40, 0, True)


async def test_a_recount_that_tells_less_opens_a_return_and_takes_nothing_back(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    await absorb(engine, sales, sale(seller, lot_id, 5, seq=100))
    await absorb(engine, sales, sale(seller, lot_id, 1, seq=101, kind=RECOUNT))
    assert (await calls.get(lot_id)).lot.quantity == 35
    assert [one.pieces for one in (await calls.list_returns()).returns] == [4]
    await absorb(engine, sales, sale(seller, lot_id, 1, seq=102, kind=RETURN))
    assert (await calls.get(lot_id)).lot.quantity == 39
    assert not (await calls.list_returns()).returns


async def test_returns_come_in_pages_newest_first(
    calls: Calls, engine: AsyncEngine, sales: SalesHandler, lot_id: str
) -> None:
    seller = str(calls.seller)
    other = (await calls.create()).lot.lot_id
    for number in range(5):
        of = other if number == 2 else lot_id
        cancelled = sale(seller, of, 1, seq=100 + number, order_id=f"order-{number}", returned=1)
        await absorb(engine, sales, cancelled)
    first = await calls.list_returns(page_size=3)
    rest = await calls.list_returns(page_size=3, page_token=first.next_page_token)
    found = [*first.returns, *rest.returns]
    assert [one.order.order_id for one in found] == [f"order-{number}" for number in (4, 3, 2, 1, 0)]
    assert rest.next_page_token == ""
    assert [one.order.order_id for one in (await calls.list_returns(lot_id=other)).returns] == ["order-2"]
    assert not (await Calls(calls.channel, "somebody-else").list_returns()).returns


async def test_neither_returns_nor_oversells_say_anything_of_another_sellers_lot(calls: Calls, lot_id: str) -> None:
    stranger = Calls(calls.channel, "somebody-else")
    for ask in (stranger.list_oversells, stranger.list_returns):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await ask(lot_id=lot_id)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
