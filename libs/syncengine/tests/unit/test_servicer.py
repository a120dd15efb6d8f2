"""What the gateway may ask a sync service for a seller."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.callers import Caller, CallerNotAllowed, RoleNotAllowed, calling_as
from servicekit.grpc_errors import InvalidField
from syncengine.listing import ListingId, SellerId
from syncengine.plan import Tier
from syncengine.rows.connection import CensusReason, ConnectionRow, Match
from syncengine.rows.intent import IntentId
from syncengine.service.asking import ConnectionNotFound, NothingToConfirm
from syncengine.service.servicer import SyncServicer
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.operator import no_fields
from syncengine.testing.shop import FACTS
from syncengine.testing.store_contract.scenery import A, B, lot_row

CONTEXT: Any = None
OWNER = Caller("gateway", seller_id=A, actor="user", role="owner")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def servicer(store: MemoryStore, clock: HandClock) -> SyncServicer:
    return SyncServicer(store=store, clock=clock, facts=FACTS, settings=Settings(), lot_fields_of=no_fields)


@pytest.fixture(autouse=True)
def _owner_calls() -> Iterator[None]:
    with calling_as(OWNER):
        yield


async def connect(store: MemoryStore, seller_id: SellerId = A, **fields: Any) -> None:
    async with store.transaction() as tx:
        await tx.save_connection(ConnectionRow(seller_id=seller_id, enabled=True, **fields))


async def test_connection_nobody_heard_of_is_not_connected_and_stays_unheard_of(
    servicer: SyncServicer, store: MemoryStore
) -> None:
    answer = await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)
    assert answer.connection.state == pb.CONNECTION_STATE_NOT_CONNECTED
    assert answer.connection.marketplace == "testshop"
    assert store.tables.connections == {}


async def test_connection_with_all_its_numbers(servicer: SyncServicer, store: MemoryStore, clock: HandClock) -> None:
    now = clock.now()
    match = Match(linked=1, to_create=2, ambiguous=3, unowned=4, different=5)
    await connect(
        store, match=match, census_at=now, orders_read_at=now, baseline_at=now, confirmed_at=now, cap=50, key_version=3
    )
    await connect(store, B)
    async with store.transaction() as tx:
        await tx.save_listings([lot_row("a"), lot_row("b", B)], [Tier.CREATE, Tier.CREATE])
        await tx.save_listings([replace(lot_row("c"), intent_id=IntentId("i"), unknown=True)], [Tier.CREATE])
        for at in (now - timedelta(hours=23), now - timedelta(hours=25)):
            await tx.charge(A, FACTS.limit.name, at, write=False)
    answer = (await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)).connection
    assert (answer.state, answer.key_version) == (pb.CONNECTION_STATE_READY, 3)
    assert (answer.calls_used, answer.calls_limit, answer.waiting_lots, answer.unknown_lots) == (1, 50, 1, 1)
    assert answer.match == pb.Match(linked=1, to_create=2, ambiguous=3, unowned=4, different=5)
    assert answer.last_census_at.ToDatetime(now.tzinfo) == now
    assert answer.last_order_read_at.ToDatetime(now.tzinfo) == now


async def test_match_is_told_once_there_is_one(servicer: SyncServicer, store: MemoryStore) -> None:
    await connect(store, census_reason=CensusReason.CONNECTED)
    answer = (await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)).connection
    assert not answer.HasField("match")
    assert not answer.HasField("last_census_at")


async def test_confirmation_lets_the_plan_go(servicer: SyncServicer, store: MemoryStore, clock: HandClock) -> None:
    await connect(store, census_at=clock.now(), baseline_at=clock.now())
    request = pb.ConfirmConnectionRequest(request_id="one")
    answer = await servicer.ConfirmConnection(request, CONTEXT)
    assert answer.connection.state == pb.CONNECTION_STATE_READY
    row = store.tables.connections[A]
    assert row.confirmed_at is not None
    assert row.confirmed_at <= clock.now()
    assert row.due_at == row.confirmed_at
    clock.turn(timedelta(seconds=1))
    assert await servicer.ConfirmConnection(request, CONTEXT) == answer
    assert store.tables.connections[A] == row


@pytest.mark.parametrize("census_reason", [None, CensusReason.CONNECTED])
async def test_there_is_nothing_to_confirm_before_the_first_match(
    servicer: SyncServicer, store: MemoryStore, census_reason: CensusReason | None
) -> None:
    await connect(store, census_reason=census_reason)
    with pytest.raises(NothingToConfirm):
        await servicer.ConfirmConnection(pb.ConfirmConnectionRequest(request_id="one"), CONTEXT)
    assert store.tables.connections[A].confirmed_at is None


async def test_what_is_not_connected_has_no_plan_and_no_differences(servicer: SyncServicer, store: MemoryStore) -> None:
    async with store.transaction() as tx:
        await tx.save_connection(ConnectionRow(seller_id=A))
    with pytest.raises(ConnectionNotFound):
        await servicer.ConfirmConnection(pb.ConfirmConnectionRequest(request_id="one"), CONTEXT)
    with pytest.raises(ConnectionNotFound):
        await servicer.ListDifferences(pb.ListDifferencesRequest(), CONTEXT)


async def test_differences_page_by_page(servicer: SyncServicer, store: MemoryStore) -> None:
    await connect(store)
    rows = [replace(lot_row(f"lot {n}"), listing_id=ListingId(str(n)), ledger=n) for n in range(5)]
    async with store.transaction() as tx:
        await tx.save_listings(rows, [None] * 5)
        await tx.save_listings([replace(lot_row("other", B), listing_id=ListingId("9"), ledger=1)], [None])
    told: list[pb.Difference] = []
    token = ""
    for size in (2, 2, 1):
        request = pb.ListDifferencesRequest(page_size=2, page_token=token)
        answer = await servicer.ListDifferences(request, CONTEXT)
        assert len(answer.differences) == size
        told += answer.differences
        token = answer.next_page_token
    assert token == ""
    assert told == [pb.Difference(lot_id=f"lot {n}", listing_id=str(n), ours=10, theirs=n) for n in range(5)]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_size": 501}, "page_size"),
        ({"page_token": "no token!"}, "page_token"),
    ],
)
async def test_page_that_cannot_be_is_refused(
    servicer: SyncServicer, store: MemoryStore, asked: dict[str, Any], field: str
) -> None:
    await connect(store)
    with pytest.raises(InvalidField) as refusal:
        await servicer.ListDifferences(pb.ListDifferencesRequest(**asked), CONTEXT)
    assert refusal.value.field == field


@pytest.mark.parametrize("request_id", ["", "x" * 101, "a\nb"])
async def test_confirmation_needs_an_id(servicer: SyncServicer, store: MemoryStore, request_id: str) -> None:
    await connect(store)
    with pytest.raises(InvalidField) as refusal:
        await servicer.ConfirmConnection(pb.ConfirmConnectionRequest(request_id=request_id), CONTEXT)
    assert refusal.value.field == "request_id"


@pytest.mark.parametrize("role", ["editor", "viewer"])
async def test_only_owners_confirm_and_all_read(servicer: SyncServicer, store: MemoryStore, role: str) -> None:
    await connect(store)
    with calling_as(replace(OWNER, role=role)):
        await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)
        await servicer.ListDifferences(pb.ListDifferencesRequest(), CONTEXT)
        with pytest.raises(RoleNotAllowed):
            await servicer.ConfirmConnection(pb.ConfirmConnectionRequest(request_id="one"), CONTEXT)


async def test_caller_must_say_for_whom_it_asks(servicer: SyncServicer) -> None:
    with calling_as(replace(OWNER, seller_id=None)), pytest.raises(CallerNotAllowed):
        await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)
    with calling_as(Caller("gateway", seller_id=A)), pytest.raises(RoleNotAllowed):
        await servicer.GetConnection(pb.GetConnectionRequest(), CONTEXT)
