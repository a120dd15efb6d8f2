"""What this service publishes: lots as they are now, and the answers to wishes for state (rule T4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from brickops.events.v1 import lot_event_pb2
from inventory.api.translate import lot_to_proto
from inventory.domain.lot import Lot
from servicekit.outbox import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class LotTopics:
    """Where lots are published: one topic per marketplace."""

    marketplaces: Sequence[str]
    pattern: str
    """The topics' names, with `{marketplace}` where the marketplace stands."""

    def items(self) -> list[tuple[str, str]]:
        """Each marketplace and its topic."""
        return [(marketplace, self.of(marketplace)) for marketplace in self.marketplaces]

    def of(self, marketplace: str) -> str:
        """The topic of a marketplace."""
        return self.pattern.replace("{marketplace}", marketplace)


def lot_changed(lot: Lot, marketplace: str, *, topic: str, correlation_id: str) -> Message:
    """The whole lot after a change, with what this marketplace's sync service must know of it."""
    changed = lot_event_pb2.LotChanged(
        seller_id=lot.seller_id,
        lot=lot_to_proto(lot),
        counted_seq=lot.counted_seqs.get(marketplace, 0),
        listing_ids=lot.listing_ids.get(marketplace, ()),
        correlation_id=correlation_id,
        sold_out=lot.sold_out,
        created_listing_ids=lot.created_listing_ids.get(marketplace, ()),
    )
    changed.counted_at.FromDatetime(lot.counted_at)
    event = lot_event_pb2.LotEvent(lot_changed=changed)
    return _message(event, topic=topic, key=lot.lot_id, correlation_id=correlation_id)


def state_answered(
    seller_id: str, *, request_id: str, baseline_at: datetime | None, topic: str, correlation_id: str
) -> Message:
    """The end of a seller's lots, or with an empty request id only the repeated baseline; for every partition."""
    answered = lot_event_pb2.StateAnswered(seller_id=seller_id, request_id=request_id)
    if baseline_at is not None:
        answered.baseline_at.FromDatetime(baseline_at)
    event = lot_event_pb2.LotEvent(state_answered=answered)
    return _message(event, topic=topic, key=seller_id, correlation_id=correlation_id, every_partition=True)


def _message(
    event: lot_event_pb2.LotEvent, *, topic: str, key: str, correlation_id: str, every_partition: bool = False
) -> Message:
    return Message(
        topic=topic,
        key=key,
        value=event.SerializeToString(),
        type=event.DESCRIPTOR.full_name,
        correlation_id=correlation_id,
        every_partition=every_partition,
    )
