"""Protobuf timestamps as aware datetimes, which the JSON answers show as RFC 3339."""

from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def time_of(timestamp: Timestamp) -> datetime:
    """The moment, in UTC, to the microsecond."""
    return timestamp.ToDatetime(tzinfo=UTC)


def timestamp_of(moment: datetime | None) -> Timestamp | None:
    """The moment for the wire; None stays None."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def time_in(message: Message, field: str) -> datetime | None:
    """The moment that a message's field holds; None if it is not set."""
    return time_of(getattr(message, field)) if message.HasField(field) else None
