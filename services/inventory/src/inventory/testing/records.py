"""Messages of sync services, as this service's consumers get them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from brickops.events.v1 import result_event_pb2, sales_event_pb2
from brickops.inventory.v1 import lot_sync_pb2
from servicekit.consumer import Record, RecordHandler

MESSAGE_TIME = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def absorb(engine: AsyncEngine, handler: RecordHandler, *records: Record) -> None:
    """Take in a batch in one transaction, as the consumer does."""
    async with engine.begin() as conn:
        await handler.absorb(conn, records)


def record(value: bytes, *, key: str, offset: int = 0, topic: str = "test") -> Record:
    """A record with this value."""
    headers = {"type": "test", "source": "sync-bricklink", "correlation-id": f"correlation-{offset}", "id": str(offset)}
    return Record(
        topic=topic, partition=0, offset=offset, key=key, value=value, headers=headers, timestamp=MESSAGE_TIME
    )


def sale(
    seller_id: str,
    lot_id: str,
    total: int,
    *,
    seq: int,
    order_id: str = "9000042",
    listing_id: str = "50001001",
    kind: sales_event_pb2.SaleKind.ValueType = sales_event_pb2.SALE_KIND_SALE,
    ordered_at: datetime | None = None,
    ours: bool = False,
    returned: int = 0,
    marketplace: str = "bricklink",
) -> Record:
    """An order line's total; ordered now, if no time is given."""
    message = sales_event_pb2.OrderLineTotalled(
        seller_id=seller_id,
        marketplace=marketplace,
        order_id=order_id,
        listing_id=listing_id,
        lot_id=lot_id,
        total=total,
        kind=kind,
        seq=seq,
        listing_is_ours=ours,
        returned=returned,
    )
    message.ordered_at.FromDatetime(ordered_at or datetime.now(UTC))
    return record(message.SerializeToString(), key=lot_id, offset=seq)


def settled(
    seller_id: str,
    lot_id: str,
    *,
    seq: int,
    revision: int,
    listing_ids: Sequence[str] = ("50001001",),
    created_listing_ids: Sequence[str] = (),
    marketplace: str = "bricklink",
    **states: lot_sync_pb2.SyncState.ValueType,
) -> Record:
    """A report that every group is synced at this revision, but for those that are named."""
    groups = [
        lot_sync_pb2.GroupSync(
            group=lot_sync_pb2.FieldGroup.Value(f"FIELD_GROUP_{name}"),
            state=states.get(name, lot_sync_pb2.SYNC_STATE_SYNCED),
            settled_revision=revision,
            reason="because" if name in states else "",
        )
        for name in ("QUANTITY", "PRICE", "TEXT", "REST")
    ]
    event = result_event_pb2.ResultEvent(seller_id=seller_id, marketplace=marketplace, seq=seq)
    event.lot_settled.CopyFrom(
        result_event_pb2.LotSettled(
            lot_id=lot_id,
            listing_id=listing_ids[-1] if listing_ids else "",
            listing_ids=listing_ids,
            desired_revision=revision,
            groups=groups,
            created_listing_ids=created_listing_ids,
        )
    )
    return record(event.SerializeToString(), key=f"{marketplace}/{lot_id}", offset=seq)


def baseline_taken(seller_id: str, at: datetime, *, seq: int, marketplace: str = "bricklink") -> Record:
    """A first census was the baseline."""
    event = result_event_pb2.ResultEvent(seller_id=seller_id, marketplace=marketplace, seq=seq)
    event.baseline_taken.baseline_at.FromDatetime(at)
    return record(event.SerializeToString(), key=f"{marketplace}/{seller_id}", offset=seq)


def state_wished(seller_id: str, request_id: str, *, seq: int, marketplace: str = "bricklink") -> Record:
    """A sync service needs the seller's lots again."""
    event = result_event_pb2.ResultEvent(seller_id=seller_id, marketplace=marketplace, seq=seq)
    event.state_wished.request_id = request_id
    return record(event.SerializeToString(), key=f"{marketplace}/{seller_id}", offset=seq)
