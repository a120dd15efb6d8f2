"""What the engine tells the other services, as records of their topics (design, section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from google.protobuf.message import Message as Proto
from google.protobuf.timestamp_pb2 import Timestamp

from brickops.events.v1 import result_event_pb2, sales_event_pb2
from brickops.inventory.v1 import lot_sync_pb2
from syncengine.listing import Group, ListingId, LotId
from syncengine.rows.order import LineRow

SALES_TOPIC = "brickops.sales.v1"
RESULTS_TOPIC = "brickops.results.v1"

SaleKind: TypeAlias = sales_event_pb2.SaleKind.ValueType
SALE = sales_event_pb2.SALE_KIND_SALE
BASELINE = sales_event_pb2.SALE_KIND_BASELINE
RECOUNT = sales_event_pb2.SALE_KIND_RECOUNT
RETURN = sales_event_pb2.SALE_KIND_RETURN

_GROUP: Mapping[Group, lot_sync_pb2.FieldGroup.ValueType] = {
    Group.QUANTITY: lot_sync_pb2.FIELD_GROUP_QUANTITY,
    Group.PRICE: lot_sync_pb2.FIELD_GROUP_PRICE,
    Group.TEXT: lot_sync_pb2.FIELD_GROUP_TEXT,
    Group.REST: lot_sync_pb2.FIELD_GROUP_REST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record for the outbox."""

    topic: str
    key: str
    message: Proto
    correlation_id: str


def next_seq(last: int, now: datetime) -> int:
    """Number a message so that numbers rise even over a lost database (rule T1)."""
    return max(last + 1, int(now.timestamp() * 1_000_000))


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def line_totalled(
    marketplace: str, line: LineRow, lot_id: LotId, *, kind: SaleKind, seq: int, ours: bool, correlation_id: str
) -> Event:
    """Tell one order line's total (rules S2, C3)."""
    return Event(
        topic=SALES_TOPIC,
        key=lot_id,
        message=sales_event_pb2.OrderLineTotalled(
            seller_id=line.seller_id,
            marketplace=marketplace,
            order_id=line.order_id,
            listing_id=line.listing_id,
            lot_id=lot_id,
            total=line.total,
            kind=kind,
            seq=seq,
            ordered_at=_timestamp(line.ordered_at),
            returned=line.returned,
            listing_is_ours=ours,
        ),
        correlation_id=correlation_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """How far one field group of a lot has come."""

    group: Group
    state: lot_sync_pb2.SyncState.ValueType
    settled_revision: int
    reason: str = ""


def lot_settled(
    marketplace: str,
    *,
    seller_id: str,
    lot_id: LotId,
    listing_id: ListingId | None,
    listing_ids: Mapping[ListingId, bool],
    revision: int,
    groups: Sequence[GroupReport],
    seq: int,
    correlation_id: str,
) -> Event:
    """Tell how far a lot has come; `listing_ids` says of each that it ever had whether we made it."""
    settled = result_event_pb2.LotSettled(
        lot_id=lot_id,
        listing_id=listing_id or "",
        listing_ids=listing_ids,
        desired_revision=revision,
        groups=[
            lot_sync_pb2.GroupSync(
                group=_GROUP[report.group],
                state=report.state,
                settled_revision=report.settled_revision,
                reason=report.reason,
            )
            for report in groups
        ],
        correlation_id=correlation_id,
        created_listing_ids=[listing_id for listing_id, created in listing_ids.items() if created],
    )
    return Event(
        topic=RESULTS_TOPIC,
        key=f"{marketplace}/{lot_id}",
        message=result_event_pb2.ResultEvent(
            seller_id=seller_id, marketplace=marketplace, seq=seq, lot_settled=settled
        ),
        correlation_id=correlation_id,
    )


def baseline_taken(marketplace: str, *, seller_id: str, baseline_at: datetime, seq: int) -> Event:
    """Tell that a first census was the baseline (rule C3)."""
    return Event(
        topic=RESULTS_TOPIC,
        key=f"{marketplace}/{seller_id}",
        message=result_event_pb2.ResultEvent(
            seller_id=seller_id,
            marketplace=marketplace,
            seq=seq,
            baseline_taken=result_event_pb2.BaselineTaken(baseline_at=_timestamp(baseline_at)),
        ),
        correlation_id="",
    )


def state_wished(marketplace: str, *, seller_id: str, request_id: str, seq: int) -> Event:
    """Ask for the seller's lots (rule T4)."""
    return Event(
        topic=RESULTS_TOPIC,
        key=f"{marketplace}/{seller_id}",
        message=result_event_pb2.ResultEvent(
            seller_id=seller_id,
            marketplace=marketplace,
            seq=seq,
            state_wished=result_event_pb2.StateWished(request_id=request_id),
        ),
        correlation_id="",
    )
