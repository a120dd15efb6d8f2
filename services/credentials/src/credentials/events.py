"""What this service publishes: connections, never keys."""

from typing import Final

from brickops.events.v1 import connection_event_pb2
from credentials.domain.credential import Credential
from credentials.domain.lifecycle import ChainHead
from servicekit.outbox import Message

CONNECTIONS_TOPIC: Final = "brickops.connections.v1"


def connection_changed(credential: Credential, head: ChainHead, *, topic: str, correlation_id: str) -> Message:
    """The record of the compacted topic that says what the connection is now, and how far the seller's chain goes."""
    event = connection_event_pb2.ConnectionChanged(
        seller_id=credential.seller_id,
        marketplace=credential.marketplace,
        seq=credential.seq,
        enabled=credential.enabled,
        key_version=credential.key_version,
        shop_is_empty=credential.shop.is_empty,
        shop_name=credential.shop.name,
        currency_code=credential.shop.currency_code,
        audit_length=head.length,
        audit_head=head.mac,
    )
    event.connected_at.FromDatetime(credential.connected_at)
    return Message(
        topic=topic,
        key=f"{credential.seller_id}/{credential.marketplace}",
        value=event.SerializeToString(),
        type=event.DESCRIPTOR.full_name,
        correlation_id=correlation_id,
    )
