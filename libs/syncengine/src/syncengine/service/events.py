"""Records of the topics that a sync service reads, decoded to the engine's news."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from brickops.events.v1.lot_event_pb2 import LotChanged, LotEvent
from brickops.inventory.v1 import lot_pb2
from servicekit.consumer import Record, Undecodable
from syncengine.absorb import AnswerNews, ConnectionNews, LotNews
from syncengine.listing import ListingId, Lot, LotId, SellerId

P = TypeVar("P", bound=Message)

LotOf = Callable[[lot_pb2.Lot], Lot]
"""A marketplace's own mapping of inventory's lot. Raises ValueError for one that inventory never publishes."""


def lot_event(record: Record, lot_of: LotOf) -> LotNews | AnswerNews:
    """Decode a record of a topic of lots; of how many partitions an answer is one, its reader must say.

    Raises Undecodable.
    """
    event = _decoded(record, LotEvent())
    match event.WhichOneof("event"):
        case "lot_changed":
            return _lot_news(event.lot_changed, lot_of)
        case "state_answered":
            answered = event.state_answered
            return AnswerNews(
                seller_id=SellerId(_named(answered.seller_id, "seller_id")),
                request_id=answered.request_id,
                baseline_at=_moment(answered.baseline_at) if answered.HasField("baseline_at") else None,
                partition=record.partition,
                partitions=0,
            )
        case _:
            raise Undecodable("an event of a kind that is not known")


def connection_event(record: Record, marketplace: str) -> ConnectionNews | None:
    """Decode a record of the topic of connections; None if it is another marketplace's. Raises Undecodable."""
    event = _decoded(record, ConnectionChanged())
    if event.marketplace != marketplace:
        return None
    if not event.HasField("connected_at"):
        raise Undecodable("connected_at is missing")
    return ConnectionNews(
        seller_id=SellerId(_named(event.seller_id, "seller_id")),
        seq=event.seq,
        connected_at=_moment(event.connected_at),
        enabled=event.enabled,
        key_version=event.key_version,
        shop_is_empty=event.shop_is_empty,
        shop_name=event.shop_name,
        currency_code=event.currency_code,
    )


def _lot_news(changed: LotChanged, lot_of: LotOf) -> LotNews:
    try:
        lot = lot_of(changed.lot)
    except ValueError:
        raise Undecodable("a lot that inventory never publishes") from None
    return LotNews(
        seller_id=SellerId(_named(changed.seller_id, "seller_id")),
        lot_id=LotId(_named(changed.lot.lot_id, "lot_id")),
        revision=changed.lot.revision,
        counted_seq=changed.counted_seq,
        counted_at=_moment(changed.counted_at) if changed.HasField("counted_at") else None,
        listing_ids=tuple(ListingId(listing_id) for listing_id in changed.listing_ids),
        created_ids=frozenset(ListingId(listing_id) for listing_id in changed.created_listing_ids),
        lot=replace(lot, sold_out=changed.sold_out, sold=changed.lot.sold),
        correlation_id=changed.correlation_id,
    )


def _decoded(record: Record, message: P) -> P:
    name = message.DESCRIPTOR.full_name
    if record.headers.get("type") != name or record.value is None:
        raise Undecodable(f"no {name}")
    try:
        message.ParseFromString(record.value)
    except DecodeError:
        raise Undecodable(f"an unreadable {name}") from None
    return message


def _named(value: str, field: str) -> str:
    if not value:
        raise Undecodable(f"{field} is missing")
    return value


def _moment(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Undecodable("a time that does not exist") from None
