"""Exports: every format over the wire, files that come back as the same lots, a stock never in memory whole."""

import csv
import io
import json
import uuid
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.inventory.v1 import export_pb2, import_pb2, lot_pb2
from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.events import LotTopics
from inventory.exports.stream import LARGEST_PIECE
from inventory.imports.runner import ImportRunner
from inventory.storage.unit_of_work import UnitOfWork
from inventory.testing.calls import Calls, a_brick, euros, problem
from servicekit.clock import SystemClock

MANY = 20_000


async def pieces(calls: Calls, **asked: Any) -> list[bytes]:
    stream = calls.stub.ExportLots(pb.ExportLotsRequest(**asked), **calls.how)
    return [answer.content async for answer in stream]


async def exported(calls: Calls, **asked: Any) -> str:
    return b"".join(await pieces(calls, **asked)).decode()


@pytest.fixture
def runner(engine: AsyncEngine, topics: LotTopics) -> ImportRunner:
    return ImportRunner(engine, partial(UnitOfWork, engine, topics), SystemClock())


SET = lot_pb2.Item(
    type=lot_pb2.ITEM_TYPE_SET,
    number="75192-1",
    condition=lot_pb2.CONDITION_NEW,
    completeness=lot_pb2.COMPLETENESS_SEALED,
)
FULL = a_brick(
    quantity=1752,
    unit_price=euros(0, 123_400_000),
    sale_percent=10,
    tiers=[
        lot_pb2.Tier(quantity=50, unit_price=euros(0, 110_000_000)),
        lot_pb2.Tier(quantity=100, unit_price=euros(0, 100_500_000)),
    ],
    bulk=2,
    cost=euros(0, 50_000_000),
    description='a < b & "c" > d <3',
    remarks="A1-03\nsecond line, blöd",
    stockroom=lot_pb2.STOCKROOM_B,
    retain=True,
    weight_grams="2.3245",
)
BOX = a_brick(item=SET, quantity=1, unit_price=euros(649))
GRADED = a_brick(quantity=3, used_grade=lot_pb2.USED_GRADE_ACCEPTABLE)
EMPTY = a_brick(quantity=0)
KEPT = a_brick(reserved=3, location="shelf 7", tags=["old", "rare"], remarks="-1")


def told(lots: list[lot_pb2.Lot]) -> list[lot_pb2.Lot]:
    """The lots but for what each seller's own has."""
    for lot in lots:
        for name in ("lot_id", "seller_id", "revision", "created_at", "updated_at"):
            lot.ClearField(name)
    return lots


async def lots_of(calls: Calls) -> list[lot_pb2.Lot]:
    return told([one.lot for one in (await calls.list_lots(page_size=500)).lots])


@pytest.mark.parametrize(
    ("asked", "stock"),
    [
        (export_pb2.EXPORT_FORMAT_BRICKLINK_XML, [FULL, BOX]),
        (export_pb2.EXPORT_FORMAT_BSX, [FULL, BOX, GRADED, EMPTY]),
        (export_pb2.EXPORT_FORMAT_CSV, [FULL, BOX, GRADED, EMPTY, KEPT]),
    ],
)
async def test_a_file_comes_back_as_equal_lots(
    calls: Calls, runner: ImportRunner, asked: export_pb2.ExportFormat.ValueType, stock: list[lot_pb2.Lot]
) -> None:
    for lot in stock:
        await calls.create(lot)
    file = (await exported(calls, format=asked)).encode()

    other = replace(calls, seller=f"seller-{uuid.uuid4()}")
    accepted = await other.import_file(file, format=import_pb2.IMPORT_FORMAT_UNSPECIFIED)
    assert (accepted.total_rows, accepted.refused_rows) == (len(stock), 0)
    while await runner.make_chunk():
        pass
    assert await lots_of(other) == await lots_of(calls)


async def test_json_holds_every_lot_in_the_forms_of_the_rest_face(calls: Calls) -> None:
    made = [(await calls.create(lot)).lot for lot in (FULL, a_brick(reserved=2, location="shelf 7", tags=["old"]))]
    await calls.archive(made[1].lot_id)

    assert [lot["lot_id"] for lot in json.loads(await exported(calls, format=export_pb2.EXPORT_FORMAT_JSON))] == [
        made[0].lot_id
    ]
    first, second = json.loads(await exported(calls, format=export_pb2.EXPORT_FORMAT_JSON, include_archived=True))
    assert (first["item_type"], first["item_no"], first["color_id"], first["condition"]) == ("PART", "3001", 5, "USED")
    assert (first["unit_price"], first["cost"]) == (
        {"amount": "0.1234", "currency": "EUR"},
        {"amount": "0.05", "currency": "EUR"},
    )
    assert first["tiers"][1] == {"quantity": 100, "unit_price": {"amount": "0.1005", "currency": "EUR"}}
    assert (first["weight_grams"], first["stockroom"], first["completeness"]) == ("2.3245", "B", None)
    assert (second["reserved"], second["location"], second["tags"], second["archived"]) == (2, "shelf 7", ["old"], True)


async def test_csv_has_a_row_a_lot_and_runs_no_formula(calls: Calls) -> None:
    await calls.create(FULL)
    await calls.create(a_brick(remarks="=1+1", tags=["a", "b"]))
    content = await exported(calls, format=export_pb2.EXPORT_FORMAT_CSV)
    full, formula = csv.DictReader(io.StringIO(content, newline=""))
    assert (full["quantity"], full["currency"], full["unit_price"], full["color_name"]) == (
        "1752",
        "EUR",
        "0.1234",
        "Red",
    )
    assert (full["tier2_quantity"], full["tier2_unit_price"], full["tier3_quantity"]) == ("100", "0.1005", "")
    assert (full["description"], full["remarks"]) == (FULL.description, FULL.remarks)
    assert (formula["remarks"], formula["tags"], formula["archived"]) == ("'=1+1", "a b", "no")


async def test_a_filter_keeps_out_what_it_does_not_name(calls: Calls) -> None:
    for lot in (FULL, BOX, EMPTY):
        await calls.create(lot)

    async def numbers(**wanted: Any) -> list[tuple[str, int]]:
        lots = json.loads(await exported(calls, format=export_pb2.EXPORT_FORMAT_JSON, **wanted))
        return [(lot["item_no"], lot["quantity"]) for lot in lots]

    assert await numbers() == [("3001", 1752), ("75192-1", 1), ("3001", 0)]
    assert await numbers(item_type=lot_pb2.ITEM_TYPE_SET) == [("75192-1", 1)]
    assert await numbers(condition=lot_pb2.CONDITION_USED, with_pieces_only=True) == [("3001", 1752)]


async def test_a_seller_without_lots_gets_an_empty_file(calls: Calls) -> None:
    assert json.loads(await exported(calls, format=export_pb2.EXPORT_FORMAT_JSON)) == []
    assert await exported(calls, format=export_pb2.EXPORT_FORMAT_BRICKLINK_XML) == "<INVENTORY>\n</INVENTORY>\n"


async def test_another_sellers_lots_are_not_in_it(calls: Calls) -> None:
    await calls.create()
    stranger = replace(calls, seller=f"seller-{uuid.uuid4()}")
    assert json.loads(await exported(stranger, format=export_pb2.EXPORT_FORMAT_JSON)) == []


@pytest.mark.parametrize(
    ("asked", "field"), [({}, "format"), ({"format": 99}, "format"), ({"format": 1, "item_type": 99}, "item_type")]
)
async def test_what_is_not_known_is_refused(calls: Calls, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await pieces(calls, **asked)
    assert [name for name, _ in problem(refusal.value).violations] == [field]


COPY_LOT = """
    INSERT INTO lots SELECT made.*
    FROM lots, generate_series(2, :many) AS place,
        jsonb_populate_record(lots, jsonb_build_object('lot_id', md5(lots.lot_id || '/' || place))) AS made
    WHERE lots.seller_id = :seller_id
"""


async def test_a_large_stock_comes_in_small_pieces(calls: Calls, engine: AsyncEngine) -> None:
    await calls.create(FULL)
    async with engine.begin() as conn:
        await conn.execute(text(COPY_LOT), {"many": MANY, "seller_id": calls.seller})
    got = await pieces(calls, format=export_pb2.EXPORT_FORMAT_JSON)
    assert len({lot["lot_id"] for lot in json.loads(b"".join(got))}) == MANY
    assert max(len(piece) for piece in got) <= LARGEST_PIECE
    assert len(got) > MANY * len(FULL.description) // LARGEST_PIECE
