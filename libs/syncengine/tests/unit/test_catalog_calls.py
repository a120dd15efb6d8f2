"""Items that the marketplace does not know, as a seller sees and answers them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.callers import Caller, RoleNotAllowed, calling_as
from servicekit.grpc_errors import InvalidField
from syncengine.listing import CatalogEntry
from syncengine.plan import Tier
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.shop import Counterpart
from syncengine.service.asking import RequestIdReused
from syncengine.service.servicer import SyncServicer
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.memory_store import MemoryStore
from syncengine.testing.operator import no_fields
from syncengine.testing.shop import FACTS
from syncengine.testing.store_contract.scenery import A, owl_row

CONTEXT: Any = None
PARTS = [f"part {number:02}" for number in range(20)]


def entry_named(number: str) -> CatalogEntry | None:
    base, _, color = number.partition("-")
    return CatalogEntry(item_type="BOID", number=base, color_id=int(color) if color else None) if base else None


@pytest.fixture(autouse=True)
def _editor_calls() -> Iterator[None]:
    with calling_as(Caller("gateway", seller_id=A, actor="user", role="editor")):
        yield


@pytest.fixture
async def store() -> MemoryStore:
    """Three hundred lots of twenty parts that were asked for in vain."""
    store, clock = MemoryStore(), HandClock()
    async with store.transaction() as tx:
        await tx.save_connection(ConnectionRow(seller_id=A, enabled=True))
        rows = [owl_row(f"lot-{number:03}", PARTS[number % 20]) for number in range(300)]
        await tx.save_listings(rows, [None] * len(rows))
        again = clock.now() + timedelta(days=30)
        await tx.save_counterparts(
            [
                Counterpart(seller_id=A, entry=entry, found=None, since=clock.now(), ask_again_at=again)
                for entry in {row.desired.entry for row in rows if row.desired.entry is not None}
            ]
        )
    return store


@pytest.fixture
def servicer(store: MemoryStore) -> SyncServicer:
    return SyncServicer(
        store=store,
        clock=HandClock(),
        facts=FACTS,
        settings=Settings(),
        lot_fields_of=no_fields,
        entry_named=entry_named,
    )


def mapping(
    request_id: str = "r-1", *, number: str = PARTS[3], there: str = "771344", **more: Any
) -> pb.MapItemRequest:
    asked: dict[str, Any] = {"request_id": request_id, "type": lot_pb2.ITEM_TYPE_PART, "number": number}
    return pb.MapItemRequest(**{**asked, "number_there": there, **more})


async def test_many_lots_of_few_items_are_few_entries_page_by_page(servicer: SyncServicer) -> None:
    items: list[tuple[str, int]] = []
    token = ""
    while True:
        page = await servicer.ListUnmappedItems(pb.ListUnmappedItemsRequest(page_size=8, page_token=token), CONTEXT)
        items += [(item.number, item.lots) for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert items == [(number, 15) for number in PARTS]


async def test_mapping_one_lists_its_lots_and_a_repeat_says_the_same(
    servicer: SyncServicer, store: MemoryStore
) -> None:
    first = await servicer.MapItem(mapping(), CONTEXT)
    assert first.lots == 15
    mapped = [row for row in store.tables.listings.values() if row.desired.is_mapped]
    assert {(row.desired.item.item_type, row.desired.item.number) for row in mapped} == {("BOID", "771344")}
    assert {store.tables.tiers[row.lot_id] for row in mapped} == {Tier.CREATE}
    assert store.tables.connections[A].due_at is not None
    assert await servicer.MapItem(mapping(), CONTEXT) == first
    with pytest.raises(RequestIdReused):
        await servicer.MapItem(mapping(there="1"), CONTEXT)
    left = await servicer.ListUnmappedItems(pb.ListUnmappedItemsRequest(), CONTEXT)
    assert len(left.items) == 19


async def test_what_was_mapped_wrongly_is_mapped_again(servicer: SyncServicer, store: MemoryStore) -> None:
    await servicer.MapItem(mapping(), CONTEXT)
    assert (await servicer.MapItem(mapping("r-2", there="939628"), CONTEXT)).lots == 15
    numbers = {row.desired.item.number for row in store.tables.listings.values() if row.desired.is_mapped}
    assert numbers == {"939628"}


async def test_unknown_colour_needs_a_colour(servicer: SyncServicer, store: MemoryStore) -> None:
    row = owl_row("neon", "3001")
    entry = CatalogEntry(item_type="PART", number="3001", color_id=165)
    async with store.transaction() as tx:
        await tx.save_listings([replace(row, desired=replace(row.desired, entry=entry))], [None])
    with pytest.raises(InvalidField, match="number_there"):
        await servicer.MapItem(mapping(number="3001", color_id=165), CONTEXT)
    assert (await servicer.MapItem(mapping(number="3001", color_id=165, there="771344-38"), CONTEXT)).lots == 1


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("type", mapping(type=lot_pb2.ITEM_TYPE_UNSPECIFIED)),
        ("number", mapping(number="")),
        ("number_there", mapping(there="")),
        ("request_id", mapping("")),
    ],
)
async def test_mapping_that_cannot_be_is_refused_by_its_field(
    servicer: SyncServicer, field: str, asked: pb.MapItemRequest
) -> None:
    with pytest.raises(InvalidField, match=field):
        await servicer.MapItem(asked, CONTEXT)


async def test_viewers_read_and_do_not_map(servicer: SyncServicer) -> None:
    with calling_as(Caller("gateway", seller_id=A, actor="user", role="viewer")):
        assert (await servicer.ListUnmappedItems(pb.ListUnmappedItemsRequest(), CONTEXT)).items
        with pytest.raises(RoleNotAllowed):
            await servicer.MapItem(mapping(), CONTEXT)
