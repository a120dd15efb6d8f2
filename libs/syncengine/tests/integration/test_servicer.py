"""The gRPC face over mTLS and PostgreSQL: what a person asked is durable, once, and theirs alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Value

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceStub, add_SyncServiceServicer_to_server
from devstack.ports import free_port
from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.grpc_errors import problem_of
from servicekit.grpc_server import serving
from servicekit.testing.ca import TestAuthority
from syncengine.listing import Group, ListingId, LotId, Values
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.listing import Conflict, Parked, Trouble
from syncengine.service.servicer import SERVICE, STATUS_OF, SyncServicer
from syncengine.service.theirs import LotFields
from syncengine.settings import Settings
from syncengine.store.postgres import PostgresStore
from syncengine.testing.clock import HandClock
from syncengine.testing.shop import FACTS
from syncengine.testing.store_contract.scenery import BUCKET, A, B, lot_row, order_line, shop_listing

from .conftest import Database


def lot_fields_of(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    return (lot_pb2.Lot(remarks=str(shown["note"])), ["remarks"]) if name == "note" else None


@dataclass(frozen=True)
class House:
    """A running servicer, and who calls it."""

    store: PostgresStore
    clock: HandClock
    stub: Any
    stranger: Any
    """Of a service that is not the gateway."""

    def how(self, seller: str = A, role: str = "owner") -> dict[str, Any]:
        return {
            "metadata": outgoing_metadata(seller_id=seller, actor="user", role=role, correlation_id="cause"),
            "timeout": 10,
        }


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    authority, address = TestAuthority(tmp_path), f"127.0.0.1:{free_port()}"
    store, clock = PostgresStore(database.engine, bucket=BUCKET), HandClock()
    servicer = SyncServicer(store=store, clock=clock, facts=FACTS, settings=Settings(), lot_fields_of=lot_fields_of)
    async with AsyncExitStack() as stack:
        running = serving(
            listen=address,
            tls=authority.issue("sync-testshop"),
            allow={SERVICE: frozenset({"gateway"})},
            errors=STATUS_OF,
            register=partial(add_SyncServiceServicer_to_server, servicer),
            grace=0,
        )
        await (await stack.enter_async_context(running)).ready()

        async def stub(service: str) -> Any:
            tls = authority.issue(service)
            channel = open_channel(address, service="sync-testshop", tls=tls)
            return SyncServiceStub(await stack.enter_async_context(channel))

        yield House(store, clock, await stub("gateway"), await stub("inventory"))


async def connect(house: House) -> None:
    now = house.clock.now()
    async with house.store.transaction() as tx:
        for seller_id in (A, B):
            await tx.save_connection(
                ConnectionRow(
                    seller_id=seller_id,
                    enabled=True,
                    connected_at=now,
                    census_at=now,
                    baseline_at=now - timedelta(days=1),
                    confirmed_at=now,
                )
            )


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return problem_of(refused.value).reason


async def test_a_pause_outlives_the_process_and_is_one_sellers(house: House, database: Database) -> None:
    await connect(house)
    request = pb.PauseConnectionRequest(request_id="pause")
    paused = await house.stub.PauseConnection(request, **house.how())
    house.clock.turn(timedelta(minutes=1))
    assert await house.stub.PauseConnection(request, **house.how()) == paused
    async with PostgresStore(database.engine, bucket=BUCKET).transaction() as tx:
        row, other = await tx.lock_connection(A), await tx.lock_connection(B)
    assert (row.paused_at, other.paused_at) == (paused.connection.paused_at.ToDatetime(house.clock.now().tzinfo), None)
    assert await refusal(house.stub.PauseConnection(request, **house.how(role="editor"))) == "ROLE_NOT_ALLOWED"
    assert await refusal(house.stranger.PauseConnection(request, **house.how())) == "CALLER_NOT_ALLOWED"
    assert await refusal(
        house.stub.ResumeConnection(pb.ResumeConnectionRequest(request_id="pause"), **house.how())
    ) == ("REQUEST_ID_REUSED")
    await house.stub.ResumeConnection(pb.ResumeConnectionRequest(request_id="resume"), **house.how())
    async with house.store.transaction() as tx:
        assert (await tx.lock_connection(A)).paused_at is None


@pytest.mark.parametrize(
    ("halted", "waiting_for", "reason"),
    [("", "QUOTA", "QUOTA"), ("ANOTHER_SHOP", "ANOTHER_SHOP", "ANOTHER_SHOP")],
    ids=["waits", "halted-until-a-person-acts"],
)
async def test_a_test_tells_at_once_what_no_call_would_change(
    house: House, halted: str, waiting_for: str, reason: str
) -> None:
    """What the shop asked for is kept to (rule O3), and nothing is charged."""
    await connect(house)
    until = house.clock.now() + timedelta(hours=1)
    async with house.store.transaction() as tx:
        row = await tx.lock_connection(A)
        waits = replace(row, halted=halted, halted_at=None, not_before=until, waiting_for=waiting_for)
        await tx.save_connection(waits)
    told = await house.stub.TestConnection(pb.TestConnectionRequest(), **house.how())
    assert (told.ok, told.reason, told.HasField("tested_at")) == (False, reason, True)
    async with house.store.transaction() as tx:
        assert await tx.lock_connection(A) == waits
    refused = house.stub.TestConnection(pb.TestConnectionRequest(), **house.how(role="editor"))
    assert await refusal(refused) == "ROLE_NOT_ALLOWED"


async def test_what_waits_and_how_it_is_answered(house: House) -> None:
    await connect(house)
    parked = Parked(reason="REFUSED", revision=1, values={})
    conflict = Conflict(sent="ours", ours="ours", theirs="theirs")
    listed = replace(lot_row("a"), listing_id=ListingId("1"), ledger=10, shown={"note": "theirs"})
    rows = [
        replace(listed, parked={Group.PRICE: parked}, conflicts={"note": conflict, "price": conflict}),
        replace(
            listed, lot_id=LotId("b"), listing_id=ListingId("2"), trouble=Trouble.NUMBER_UNEXPLAINED, unexplained=-4
        ),
        replace(lot_row("c"), trouble=Trouble.LOOK_ALIKE),
    ]
    async with house.store.transaction() as tx:
        await tx.save_listings(rows, [None] * 3)
        await tx.save_listings([replace(lot_row("other", B), trouble=Trouble.GONE_UNEXPLAINED)], [None])
        await tx.add_shop_listing(shop_listing("77"))
    told = (await house.stub.GetConnection(pb.GetConnectionRequest(), **house.how())).connection
    assert {one.reason: one.lots for one in told.reasons} == {
        "REFUSED": 1,
        "CHANGED_IN_SHOP": 1,
        "NUMBER_UNEXPLAINED": 1,
        "LOOK_ALIKE": 1,
    }
    lots = (await house.stub.ListWaiting(pb.ListWaitingRequest(), **house.how(role="viewer"))).lots
    assert [lot.lot_id for lot in lots] == ["a", "b", "c"]
    assert [(one.field, list(one.mask.paths)) for one in lots[0].conflicts] == [("note", ["remarks"]), ("price", [])]
    assert (lots[1].trouble.ours, lots[1].trouble.theirs) == (10, 6)
    assert [one.listing_id for one in lots[2].trouble.look_alikes] == ["77"]

    theirs = Value(string_value="theirs")
    take = pb.TakeTheirsRequest(request_id="take", lot_id="a", field="note", theirs=theirs)
    taken = await house.stub.TakeTheirs(take, **house.how())
    assert (taken.lot.remarks, list(taken.mask.paths)) == ("theirs", ["remarks"])
    cannot = pb.TakeTheirsRequest(request_id="cannot", lot_id="a", field="price", theirs=theirs)
    assert await refusal(house.stub.TakeTheirs(cannot, **house.how())) == "INVALID_FIELD"
    keep = pb.KeepOursRequest(request_id="keep", lot_id="a", field="note", theirs=theirs)
    await house.stub.KeepOurs(keep, **house.how())
    assert await house.stub.TakeTheirs(take, **house.how()) == taken  # as it was answered, though it is over
    again = pb.TakeTheirsRequest(request_id="again", lot_id="a", field="note", theirs=theirs)
    assert await refusal(house.stub.TakeTheirs(again, **house.how())) == "CHANGED_SINCE"
    another = pb.AnswerTroubleRequest(
        request_id="b", lot_id="b", trouble="NUMBER_UNEXPLAINED", answer=waiting_pb2.TROUBLE_ANSWER_OURS_IS_RIGHT
    )
    assert await refusal(house.stub.AnswerTrouble(another, **house.how())) == "CHANGED_SINCE"
    assert await refusal(house.stub.AnswerTrouble(another, **house.how(seller=B))) == "NOT_WAITING"
    link = pb.AnswerTroubleRequest(
        request_id="c",
        lot_id="c",
        trouble="LOOK_ALIKE",
        answer=waiting_pb2.TROUBLE_ANSWER_THIS_LISTING,
        listing_id="77",
    )
    await house.stub.AnswerTrouble(link, **house.how())
    async with house.store.transaction() as tx:
        linked = await tx.find_listing(rows[2].lot_id)
    assert linked is not None
    assert (linked.listing_id, linked.trouble, linked.look_since is None) == ("77", None, False)


async def test_a_request_that_comes_twice_at_once_is_done_once(house: House) -> None:
    await connect(house)
    row = replace(
        lot_row("a"), listing_id=ListingId("1"), ledger=10, trouble=Trouble.NUMBER_UNEXPLAINED, unexplained=-4
    )
    async with house.store.transaction() as tx:
        await tx.save_listings([row], [None])
    request = pb.AnswerTroubleRequest(
        request_id="once",
        lot_id="a",
        trouble="NUMBER_UNEXPLAINED",
        answer=waiting_pb2.TROUBLE_ANSWER_SHOP_IS_RIGHT,
        difference=-4,
        lot_revision=7,
    )
    repeat = pb.AnswerTroubleRequest()
    repeat.CopyFrom(request)
    repeat.ClearField("lot_revision")
    answers = await asyncio.gather(*(house.stub.AnswerTrouble(request, **house.how()) for _ in range(8)))
    answers.append(await house.stub.AnswerTrouble(repeat, **house.how()))
    assert all(answer == answers[0] for answer in answers)
    async with house.store.transaction() as tx:
        settled = await tx.find_listing(row.lot_id)
    assert settled is not None
    assert (settled.ledger, settled.awaited_revision, settled.trouble) == (6, 7, None)


async def test_stray_lines_are_listed_and_told_as_a_lots(house: House) -> None:
    await connect(house)
    now = house.clock.now()
    brick = lot_row("a").desired.item
    lines = [
        replace(order_line(order, "9"), ordered_at=now, item=brick, unowned=False, total=2, seen=2)
        for order in ("1", "2", "3")
    ]
    async with house.store.transaction() as tx:
        await tx.save_listings([lot_row("a")], [None])
        await tx.save_lines(lines)
    pages, token = [], ""
    for _ in range(2):
        request = pb.ListUnassignedLinesRequest(page_size=2, page_token=token)
        page = await house.stub.ListUnassignedLines(request, **house.how())
        pages.append([line.order_id for line in page.lines])
        token = page.next_page_token
    assert (pages, token) == ([["1", "2"], ["3"]], "")
    assign = pb.AssignLinesRequest(request_id="assign", listing_id="9", lot_id="a")
    assert (await house.stub.AssignLines(assign, **house.how())).lines == 3
    async with house.store.transaction() as tx:
        assert {line.lot_id for line in await tx.lines_of_seller(A)} == {"a"}
        row = await tx.find_listing(lot_row("a").lot_id)
    assert row is not None
    assert row.recount_seq > row.counted_seq
