"""Lists of lots over gRPC on a real PostgreSQL: every filter, every order, pages that nothing inserted can break."""

import itertools
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc
import psycopg
import pytest
from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from brickops.inventory.v1 import export_pb2, lot_filter_pb2, lot_pb2, lot_sync_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from devstack.postgres import DatabaseUrls
from inventory.consuming.results import ResultsHandler
from inventory.domain.changes import ChangeType
from inventory.domain.lot import FieldGroup
from inventory.domain.lot_filter import InShop, LotFilter
from inventory.domain.sync_status import GroupReport, LotReport, SyncState
from inventory.events import LotTopics
from inventory.storage.changes import ChangeFilter
from inventory.storage.lot_filter import conditions
from inventory.storage.shops import NumberedReport, mark_stale, note_connections, save_reports
from inventory.storage.tables import CHANGES, LOTS
from inventory.testing.calls import Calls, a_brick, euros, problem
from inventory.testing.records import settled
from servicekit.clock import SystemClock

Filter = lot_filter_pb2.LotFilter


def asking(**said: Any) -> Filter:
    return Filter(**said)


def item(number: str = "3001", **changed: Any) -> lot_pb2.Item:
    values: dict[str, Any] = {
        "type": lot_pb2.ITEM_TYPE_PART,
        "number": number,
        "color_id": 5,
        "condition": lot_pb2.CONDITION_USED,
    }
    return lot_pb2.Item(**(values | changed))


SET = item("75192-1", type=lot_pb2.ITEM_TYPE_SET, color_id=0, completeness=lot_pb2.COMPLETENESS_SEALED)
STOCK = {
    "plain": a_brick(quantity=10, unit_price=euros(0, 120_000_000)),
    "new": a_brick(item=item(condition=lot_pb2.CONDITION_NEW), quantity=20, unit_price=euros(0, 250_000_000)),
    "blue": a_brick(item=item("3002", color_id=7), quantity=5, unit_price=euros(1), cost=euros(0, 500_000_000)),
    "set": a_brick(
        item=SET, quantity=1, unit_price=euros(649), stockroom=lot_pb2.STOCKROOM_B, retain=True, weight_grams="8300"
    ),
    "noted": a_brick(
        item=item("3003pb01"),
        quantity=7,
        unit_price=euros(2),
        description="100% Österreich_edition",
        remarks="A1-03",
        used_grade=lot_pb2.USED_GRADE_GOOD,
        sale_percent=20,
        bulk=7,
    ),
    "kept": a_brick(quantity=0, reserved=4, unit_price=euros(3), location="shelf 4", tags=["rare", "red"]),
    "gone": a_brick(quantity=0, unit_price=euros(4), location="shelf 5", tags=["red"]),
    "away": a_brick(quantity=3, unit_price=euros(5)),
}


@pytest.fixture
async def stock(calls: Calls) -> dict[str, str]:
    """The lots of STOCK: their names by their ids; `away` is archived."""
    names = {(await calls.create(lot)).lot.lot_id: name for name, lot in STOCK.items()}
    await calls.archive(next(lot_id for lot_id, name in names.items() if name == "away"))
    return names


async def listed(calls: Calls, names: dict[str, str], **asked: Any) -> list[str]:
    return [names[one.lot.lot_id] for one in (await calls.list_lots(page_size=500, **asked)).lots]


NOT_AWAY = [name for name in STOCK if name != "away"]
SHELF, NO_PLACE = "shelf 4", [name for name in NOT_AWAY if name not in {"kept", "gone"}]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (asking(), NOT_AWAY),
        (asking(item_types=[lot_pb2.ITEM_TYPE_SET]), ["set"]),
        (asking(item_types=[lot_pb2.ITEM_TYPE_SET, lot_pb2.ITEM_TYPE_PART]), NOT_AWAY),
        (asking(item_number="3002"), ["blue"]),
        (asking(item_number="300"), []),
        (asking(color_ids=[7, 0]), ["blue", "set"]),
        (asking(condition=lot_pb2.CONDITION_NEW), ["new"]),
        (asking(location=SHELF), ["kept"]),
        (asking(location=""), NO_PLACE),
        (asking(tags=["red"]), ["kept", "gone"]),
        (asking(tags=["red", "rare"]), ["kept"]),
        (asking(text="3003PB"), ["noted"]),
        (asking(text="a1-"), ["noted"]),
        (asking(text="öSTERREICH"), ["noted"]),
        (asking(text="100%"), ["noted"]),
        (asking(text="h_e"), ["noted"]),
        (asking(text="0_ Ö"), []),
        (asking(text="editionA1"), []),
        (asking(price_from="0.25", price_to="2"), ["new", "blue", "noted"]),
        (asking(price_from="4.0001"), ["set"]),
        (asking(quantity_from=5, quantity_to=10), ["plain", "blue", "noted"]),
        (asking(quantity_to=0), ["kept", "gone"]),
        (asking(archived=True), ["away"]),
        (asking(archived=False), NOT_AWAY),
        (asking(include_archived=True), list(STOCK)),
        (asking(availabilities=[lot_pb2.AVAILABILITY_RESERVED]), ["kept"]),
        (asking(availabilities=[lot_pb2.AVAILABILITY_RESERVED, lot_pb2.AVAILABILITY_SOLD]), ["kept", "gone"]),
        (asking(availabilities=[lot_pb2.AVAILABILITY_AVAILABLE], price_from="100"), ["set"]),
        (asking(tags=["red"], text="nowhere"), []),
    ],
)
async def test_a_filter_lists_and_counts_what_it_asks_for(
    calls: Calls, stock: dict[str, str], asked: Filter, expected: list[str]
) -> None:
    assert await listed(calls, stock, filter=asked) == expected
    answer = await calls.list_lots(filter=asked, count=True, page_size=1)
    assert (answer.count, len(answer.lots)) == (len(expected), min(1, len(expected)))
    assert not (await calls.list_lots(filter=asked)).HasField("count")


async def test_nothing_of_another_seller_is_found(calls: Calls, stock: dict[str, str]) -> None:
    stranger = Calls(calls.channel, f"seller-{uuid.uuid4()}")
    for asked in (asking(include_archived=True), asking(text="A1-03"), asking(tags=["red"])):
        answer = await stranger.list_lots(filter=asked, count=True)
        assert (list(answer.lots), answer.count) == ([], 0)


async def test_an_export_takes_the_same_filter(calls: Calls, stock: dict[str, str]) -> None:
    async def exported(**asked: Any) -> list[str]:
        request = pb.ExportLotsRequest(format=export_pb2.EXPORT_FORMAT_CSV, **asked)
        file = b"".join([one.content async for one in calls.stub.ExportLots(request, **calls.how)]).decode()
        return [name for lot_id, name in stock.items() if lot_id in file]

    assert await exported(filter=asking(tags=["red"])) == ["kept", "gone"]
    assert await exported(filter=asking(price_from="2"), with_pieces_only=True) == ["set", "noted"]
    assert await exported(filter=asking(archived=True)) == ["away"]
    assert await exported(filter=asking(color_ids=[7]), condition=lot_pb2.CONDITION_USED) == ["blue"]


def _words(name: str) -> Callable[[lot_pb2.Lot], Any]:
    return lambda lot: getattr(lot, name)


def _amount(name: str) -> Callable[[lot_pb2.Lot], Any]:
    return lambda lot: (
        (getattr(lot, name).units, getattr(lot, name).nanos) if lot.HasField(name) else (-1, 0)  # type: ignore[arg-type]
    )


SORTS: dict[str, Callable[[lot_pb2.Lot], Any]] = {
    "UNSPECIFIED": lambda lot: lot.lot_id,
    "ITEM_NUMBER": lambda lot: lot.item.number,
    "ITEM_TYPE": lambda lot: lot_pb2.ItemType.Name(lot.item.type),
    "COLOR_ID": lambda lot: lot.item.color_id,
    "CONDITION": lambda lot: lot_pb2.Condition.Name(lot.item.condition),
    "COMPLETENESS": lambda lot: lot.item.completeness,
    "USED_GRADE": lambda lot: lot.used_grade,
    "QUANTITY": _words("quantity"),
    "RESERVED": _words("reserved"),
    "SOLD": _words("sold"),
    "UNIT_PRICE": _amount("unit_price"),
    "SALE_PERCENT": _words("sale_percent"),
    "BULK": _words("bulk"),
    "COST": _amount("cost"),
    "DESCRIPTION": _words("description"),
    "REMARKS": _words("remarks"),
    "STOCKROOM": _words("stockroom"),
    "RETAIN": _words("retain"),
    "WEIGHT_GRAMS": lambda lot: lot.weight_grams,
    "LOCATION": _words("location"),
    "ARCHIVED": _words("archived"),
    "AVAILABILITY": _words("availability"),
    "UPDATED_AT": lambda lot: (lot.updated_at.seconds, lot.updated_at.nanos),
}


async def pages(calls: Calls, **asked: Any) -> list[lot_pb2.Lot]:
    """All lots, two at a time."""
    found: list[lot_pb2.Lot] = []
    token = ""
    while True:
        answer = await calls.list_lots(page_size=2, page_token=token, **asked)
        found += [one.lot for one in answer.lots]
        token = answer.next_page_token
        if not token:
            return found


def test_every_order_is_tried() -> None:
    assert {f"LOT_COLUMN_{name}" for name in SORTS} == set(lot_filter_pb2.LotColumn.keys())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTS)
async def test_every_order_goes_both_ways_over_pages(
    calls: Calls, stock: dict[str, str], name: str, descending: bool
) -> None:
    column = lot_filter_pb2.LotColumn.Value(f"LOT_COLUMN_{name}")
    found = await pages(calls, order_by=column, descending=descending, include_archived=True)
    expected = sorted(found, key=lambda lot: (SORTS[name](lot), lot.lot_id), reverse=descending)
    assert [stock[lot.lot_id] for lot in found] == [stock[lot.lot_id] for lot in expected]
    assert len(found) == len(STOCK)


async def test_pages_hold_while_lots_come_between_them(calls: Calls) -> None:
    """Each lot that was there from the first is seen once, though lots are made before and behind the page's end."""
    made = [await calls.create(a_brick(unit_price=euros(price))) for price in random.Random(1).sample(range(1, 30), 9)]
    seen: list[str] = []
    token = ""
    for prices in itertools.count():
        asked = {"order_by": lot_filter_pb2.LOT_COLUMN_UNIT_PRICE, "descending": True, "page_size": 2}
        answer = await calls.list_lots(page_token=token, **asked)
        seen += [one.lot.lot_id for one in answer.lots]
        token = answer.next_page_token
        if not token:
            break
        for price in (100 + prices, 1):
            await calls.create(a_brick(unit_price=euros(price)))
    first = [one.lot.lot_id for one in made]
    assert len(set(seen)) == len(seen)
    assert set(first) <= set(seen)


async def refusal(call: Any) -> tuple[grpc.StatusCode, list[tuple[str, str]]]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    told = problem(refused.value)
    return told.code, told.violations


async def test_a_token_is_good_for_its_own_list_only(calls: Calls, stock: dict[str, str]) -> None:
    token = (await calls.list_lots(page_size=1, filter=asking(tags=["red"]))).next_page_token
    code, [(field, why)] = await refusal(calls.list_lots(page_token=token))
    assert (code, field) == (grpc.StatusCode.INVALID_ARGUMENT, "page_token")
    assert "another filter" in why
    wanted = {"page_token": token, "filter": asking(tags=["red"])}
    _, [(field, why)] = await refusal(calls.list_lots(order_by=lot_filter_pb2.LOT_COLUMN_COST, **wanted))
    assert (field, "another order" in why) == ("page_token", True)
    assert len((await calls.list_lots(**wanted, page_size=500)).lots) == 1  # another size is no other list


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"filter": asking(item_types=[99, 0])}, ["filter.item_types[0]", "filter.item_types[1]"]),
        ({"filter": asking(condition=9)}, ["filter.condition"]),
        ({"filter": asking(color_ids=[999_999])}, ["filter.color_ids"]),
        ({"filter": asking(price_from="-1", price_to="x")}, ["filter.price_from", "filter.price_to"]),
        ({"filter": asking(quantity_from=3, quantity_to=2)}, ["filter.quantity_to"]),
        ({"filter": asking(archived=True, include_archived=True)}, ["filter.include_archived"]),
        ({"filter": asking(archived=False), "include_archived": True}, ["filter.include_archived"]),
        ({"filter": asking(availabilities=[0])}, ["filter.availabilities[0]"]),
        ({"filter": asking(sync=[{"marketplace": "ebay", "states": [1]}])}, ["filter.sync[0].marketplace"]),
        ({"filter": asking(sync=[{"marketplace": "bricklink"}])}, ["filter.sync[0].states"]),
        ({"order_by": 99}, ["order_by"]),
        ({"page_size": 501}, ["page_size"]),
    ],
)
async def test_bad_input_is_told_by_its_field(calls: Calls, asked: dict[str, Any], fields: list[str]) -> None:
    code, violations = await refusal(calls.list_lots(**asked))
    assert (code, [field for field, _ in violations]) == (grpc.StatusCode.INVALID_ARGUMENT, fields)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"condition": 1, "filter": asking(condition=2)}, "condition"),
        ({"item_type": 1, "filter": asking(item_types=[1])}, "item_type"),
        ({"filter": asking(text="x" * 256)}, "filter.text"),
    ],
)
async def test_an_export_refuses_what_contradicts_itself(calls: Calls, asked: dict[str, Any], field: str) -> None:
    stream = calls.stub.ExportLots(pb.ExportLotsRequest(format=export_pb2.EXPORT_FORMAT_CSV, **asked), **calls.how)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stream.read()
    assert [name for name, _ in problem(refused.value).violations] == [field]


async def in_state(calls: Calls, *states: int, shop: str = "bricklink") -> set[str]:
    wanted = asking(sync=[{"marketplace": shop, "states": states}])
    return {one.lot.lot_id for one in (await calls.list_lots(filter=wanted, page_size=500)).lots}


async def test_what_failed_is_found_until_it_changes(calls: Calls, engine: AsyncEngine, topics: LotTopics) -> None:
    """By the very messages that sync services send."""
    lot_ids = [(await calls.create()).lot.lot_id for _ in range(3)]
    seller = calls.seller or ""
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_NOT_CONNECTED) == set(lot_ids)
    async with engine.begin() as conn:
        handler = ResultsHandler(topics, SystemClock())
        told = [
            settled(seller, lot_ids[0], seq=1, revision=1),
            settled(seller, lot_ids[1], seq=2, revision=1, PRICE=lot_sync_pb2.SYNC_STATE_FAILED),
        ]
        await handler.absorb(conn, told)
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_SYNCED) == {lot_ids[0]}
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_FAILED) == {lot_ids[1]}
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_PENDING) == {lot_ids[2]}
    await calls.update(lot_ids[1], "unit_price", lot=a_brick(unit_price=euros(1)))
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_FAILED) == set()
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_PENDING) == set(lot_ids[1:])
    assert await in_state(calls, lot_sync_pb2.SYNC_STATE_NOT_CONNECTED, shop="brickowl") == set(lot_ids)
    both = asking(
        sync=[
            {"marketplace": "bricklink", "states": [lot_sync_pb2.SYNC_STATE_SYNCED]},
            {"marketplace": "brickowl", "states": [lot_sync_pb2.SYNC_STATE_NOT_CONNECTED]},
        ]
    )
    assert [one.lot.lot_id for one in (await calls.list_lots(filter=both)).lots] == lot_ids[:1]


REPORTS = 60


async def _random_reports(conn: AsyncConnection, calls: Calls, lots: list[lot_pb2.Lot], dice: random.Random) -> None:
    """Every kind of report, also of groups that are missing, behind or ahead; some lots have none."""
    for seq, lot in enumerate(lots, start=1):
        groups = {
            group: GroupReport(
                state=dice.choice([SyncState.SYNCED] * 6 + list(SyncState)), settled_revision=dice.randint(0, 3)
            )
            for group in FieldGroup
            if dice.random() < 0.95
        }
        report = LotReport(
            listing_id="1", desired_revision=dice.randint(1, 3), groups=groups, updated_at=datetime.now(UTC)
        )
        numbered = NumberedReport(
            seller_id=calls.seller or "", lot_id=lot.lot_id, marketplace="bricklink", seq=seq, report=report
        )
        await save_reports(conn, [numbered])
        if dice.random() < 0.1:
            await mark_stale(conn, lot.lot_id, "bricklink")


@pytest.mark.parametrize("connected", [True, False])
async def test_the_filter_by_state_agrees_with_the_state_that_is_shown(
    calls: Calls, engine: AsyncEngine, connected: bool
) -> None:
    dice = random.Random(7)
    for number in range(REPORTS):
        lot_id = (await calls.create()).lot.lot_id
        if number % 2:
            await calls.update(lot_id, "unit_price", lot=a_brick(unit_price=euros(number)))
    lots = [one.lot for one in (await calls.list_lots(page_size=500)).lots]
    async with engine.begin() as conn:
        if connected:
            await note_connections(conn, [(calls.seller or "", "bricklink")], datetime.now(UTC))
        await _random_reports(conn, calls, lots[: REPORTS * 9 // 10], dice)
    shown: dict[int, set[str]] = {state: set() for state in lot_sync_pb2.SyncState.values() if state}
    for one in (await calls.list_lots(page_size=500)).lots:
        shown[next(shop.state for shop in one.sync if shop.marketplace == "bricklink")].add(one.lot.lot_id)
    assert sum(1 for found in shown.values() if found) >= 5
    for count in (1, 2, 3):
        for states in itertools.combinations(shown, count):
            expected = set().union(*(shown[state] for state in states))
            assert await in_state(calls, *states) == expected, states


MANY_LOTS = """
    INSERT INTO lots SELECT made.*
    FROM lots, generate_series(1, 5000) AS place, jsonb_populate_record(lots, jsonb_build_object(
        'lot_id', md5(lots.lot_id || '/' || place), 'item_no', 3000 + place, 'unit_price', place / 10.0,
        'location', 'shelf ' || place, 'tags', jsonb_build_array('t' || place))) AS made
    WHERE lots.seller_id = %s
"""
MANY_REPORTS = """
    INSERT INTO lot_reports
        (lot_id, marketplace, seller_id, seq, listing_id, desired_revision, groups, is_stale, updated_at)
    SELECT lot_id, 'bricklink', seller_id, 1, '', 1,
        jsonb_build_object('PRICE', jsonb_build_object(
            'state', CASE WHEN item_no LIKE '%%77' THEN 'FAILED' ELSE 'SYNCED' END, 'settled_revision', 1)),
        false, now()
    FROM lots WHERE seller_id = %s
"""


@pytest.fixture
async def many(calls: Calls, database: DatabaseUrls) -> str:
    """A seller of so many lots that the planner takes an index where there is one."""
    await calls.create()
    with psycopg.connect(database.owner, autocommit=True) as owner:
        for statement in (MANY_LOTS, MANY_REPORTS):
            owner.execute(statement, [calls.seller])
        owner.execute("ANALYZE lots, lot_reports")
    return calls.seller or ""


async def test_each_filter_that_has_an_index_uses_it(many: str, engine: AsyncEngine) -> None:
    """So the words of a query are still the words of its index."""
    failed = InShop(marketplace="bricklink", states=frozenset({SyncState.FAILED}))
    served = {
        "lots_by_text": LotFilter(text="4042"),
        "lots_by_tag": LotFilter(tags=("t77",)),
        "lots_by_location": LotFilter(location="shelf 77"),
        "lots_by_price": LotFilter(price_from=Decimal(7), price_to=Decimal(8)),
        "lots_by_item": LotFilter(item_number="4042"),
        "lot_reports_of_trouble": LotFilter(sync=(failed,)),
    }
    async with engine.connect() as conn:
        for index, wanted in served.items():
            query = select(LOTS.c.lot_id).where(*await conditions(conn, many, wanted))
            assert index in await _plan(conn, query)
        for index, column in (("lots_by_remarks", LOTS.c.remarks), ("lots_by_item", LOTS.c.item_no)):
            query = select(LOTS.c.lot_id).where(LOTS.c.seller_id == many).order_by(column, LOTS.c.lot_id).limit(51)
            assert index in await _plan(conn, query)


MANY_CHANGES = """
    INSERT INTO changes
        (change_id, lot_id, seller_id, revision, type, source, actor, reason, recorded_at, before, after,
        quantity_delta, reserved_delta, correlation_id)
    SELECT gen_random_uuid(), gen_random_uuid(), seller_id, 1,
        CASE WHEN place % 500 = 0 THEN 'ARCHIVED' ELSE 'UPDATED' END, 'USER', 'user-' || place % 500, '',
        now() + place * interval '1 second', '{}', '{}', 0, 0, ''
    FROM lots, generate_series(1, 5000) AS place WHERE lots.seller_id = :seller_id
"""


async def test_each_filter_of_changes_that_has_an_index_uses_it(
    calls: Calls, engine: AsyncEngine, database: DatabaseUrls
) -> None:
    await calls.create()
    async with engine.begin() as conn:
        await conn.execute(text(MANY_CHANGES), {"seller_id": calls.seller})
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("ANALYZE changes")
    soon = datetime.now(UTC) + timedelta(minutes=10)
    served = {
        "changes_by_actor": ChangeFilter(actor="user-77"),
        "changes_by_type": ChangeFilter(types=frozenset({ChangeType.ARCHIVED})),
        "changes_by_time": ChangeFilter(recorded_from=soon, recorded_before=soon + timedelta(seconds=10)),
    }
    async with engine.connect() as conn:
        for index, wanted in served.items():
            query = select(CHANGES.c.change_id).where(CHANGES.c.seller_id == calls.seller, *wanted.conditions())
            assert index in await _plan(conn, query.order_by(CHANGES.c.change_id.desc()).limit(51))


async def _plan(conn: AsyncConnection, query: Select[Any]) -> str:
    said = query.compile(dialect=conn.dialect, compile_kwargs={"literal_binds": True})
    return "\n".join((await conn.exec_driver_sql(f"EXPLAIN {said}")).scalars())
