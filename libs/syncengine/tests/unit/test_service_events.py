"""Records of the topics, decoded or refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from brickops.events.v1.lot_event_pb2 import LotChanged, LotEvent, StateAnswered
from brickops.inventory.v1 import lot_pb2
from servicekit.consumer import Record, Undecodable
from syncengine.absorb import AnswerNews, ConnectionNews, LotNews
from syncengine.listing import Item, ListingId, Lot, LotId, SellerId
from syncengine.service.events import connection_event, lot_event

NOW = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
LOT = Lot(
    item=Item(item_type="PART", number="3001", color_id=5, condition="NEW", completeness=""),
    quantity=7,
    for_sale=True,
    retain=False,
    fields={"price": "0.1000"},
)


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def record(message: Message, **changed: object) -> Record:
    told: dict[str, object] = {
        "topic": "topic",
        "partition": 2,
        "offset": 5,
        "key": "key",
        "value": message.SerializeToString(),
        "headers": {"type": message.DESCRIPTOR.full_name},
        "timestamp": NOW,
    }
    return Record(**(told | changed))  # type: ignore[arg-type]


def map_lot(lot: lot_pb2.Lot) -> Lot:
    if lot.quantity != LOT.quantity:
        raise ValueError("secret")
    return LOT


def lot_changed(**fields: object) -> LotEvent:
    told: dict[str, object] = {
        "seller_id": "seller",
        "lot": lot_pb2.Lot(lot_id="lot", revision=3, quantity=7, sold=4),
        "counted_seq": 9,
        "listing_ids": ["1", "2"],
        "counted_at": stamp(NOW),
        "correlation_id": "cause",
        "created_listing_ids": ["2"],
        "sold_out": True,
    }
    return LotEvent(lot_changed=LotChanged(**(told | fields)))  # type: ignore[arg-type]


def test_lot() -> None:
    assert lot_event(record(lot_changed()), map_lot) == LotNews(
        seller_id=SellerId("seller"),
        lot_id=LotId("lot"),
        revision=3,
        counted_seq=9,
        counted_at=NOW,
        listing_ids=(ListingId("1"), ListingId("2")),
        lot=replace(LOT, sold_out=True, sold=4),
        correlation_id="cause",
        created_ids=frozenset({ListingId("2")}),
    )


@pytest.mark.parametrize("baseline_at", [None, NOW])
def test_answer(baseline_at: datetime | None) -> None:
    answered = StateAnswered(seller_id="seller", request_id="wish")
    if baseline_at is not None:
        answered.baseline_at.FromDatetime(baseline_at)
    assert lot_event(record(LotEvent(state_answered=answered)), map_lot) == AnswerNews(
        seller_id=SellerId("seller"), request_id="wish", baseline_at=baseline_at, partition=2, partitions=0
    )


def connection_changed(**fields: object) -> ConnectionChanged:
    told: dict[str, object] = {
        "seller_id": "seller",
        "marketplace": "testshop",
        "seq": 4,
        "connected_at": stamp(NOW),
        "enabled": True,
        "key_version": 2,
        "shop_is_empty": True,
        "shop_name": "Shop",
        "currency_code": "EUR",
    }
    return ConnectionChanged(**(told | fields))  # type: ignore[arg-type]


def test_connection() -> None:
    assert connection_event(record(connection_changed()), "testshop") == ConnectionNews(
        seller_id=SellerId("seller"),
        seq=4,
        connected_at=NOW,
        enabled=True,
        key_version=2,
        shop_is_empty=True,
        shop_name="Shop",
        currency_code="EUR",
    )


def test_connection_of_another_marketplace_is_nobodys_business() -> None:
    assert connection_event(record(connection_changed(marketplace="other", seller_id="")), "testshop") is None


def as_lot(changed: Record) -> object:
    return lot_event(changed, map_lot)


def as_connection(changed: Record) -> object:
    return connection_event(changed, "testshop")


@pytest.mark.parametrize(
    ("decode", "undecodable"),
    [
        (as_lot, record(lot_changed(), value=None)),
        (as_lot, record(lot_changed(), value=b"\xff\xff")),
        (as_lot, record(lot_changed(), headers={})),
        (as_lot, record(connection_changed())),
        (as_lot, record(LotEvent())),
        (as_lot, record(lot_changed(seller_id=""))),
        (as_lot, record(lot_changed(lot=lot_pb2.Lot(quantity=7)))),
        (as_lot, record(lot_changed(lot=lot_pb2.Lot(lot_id="lot", quantity=8)))),
        (as_lot, record(lot_changed(counted_at=Timestamp(seconds=10**15)))),
        (as_lot, record(LotEvent(state_answered=StateAnswered(request_id="wish")))),
        (as_connection, record(connection_changed(), value=None)),
        (as_connection, record(lot_changed())),
        (as_connection, record(connection_changed(seller_id=""))),
        (as_connection, record(connection_changed(connected_at=None))),
    ],
)
def test_what_cannot_be_decoded_says_why_without_a_value(
    decode: Callable[[Record], object], undecodable: Record
) -> None:
    with pytest.raises(Undecodable) as refusal:
        decode(undecodable)
    assert str(refusal.value)
    assert "secret" not in str(refusal.value)
