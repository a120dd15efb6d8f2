"""What a connection does, or why it does nothing: derived from its row, never set by hand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from brickops.sync.v1 import sync_service_pb2 as pb
from syncengine.budget import NotBefore, ticket
from syncengine.marketplace import Facts
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.service import words
from syncengine.settings import Settings
from syncengine.unread import must_be_told

_PACE = "PACE"
"""The engine's own pauses of a second or so between calls: not worth telling."""


@dataclass(frozen=True, slots=True)
class Status:
    """A state, a constant word for its reason, and the same in a seller's words."""

    state: pb.ConnectionState.ValueType
    reason: str
    message: str
    until: datetime | None = None
    """Until when it waits, where that is known."""


def status_of(
    connection: ConnectionRow | None, facts: Facts, settings: Settings, *, spent: Spent, now: datetime
) -> Status:
    """Say what a connection does. `spent`: calls charged in the limit's window."""
    if connection is None or not connection.enabled:
        return Status(pb.CONNECTION_STATE_NOT_CONNECTED, "", words.NOT_CONNECTED)
    if connection.halted:
        return _status(pb.CONNECTION_STATE_HALTED, connection.halted, words.HALTS)
    if connection.census_alarm and connection.census_reason is not None:
        return _status(pb.CONNECTION_STATE_HALTED, connection.census_alarm, words.ALARMS)
    reading = _pause(connection, facts, settings, spent=spent, write=False, now=now)
    if reading is not None:
        waiting = _status(pb.CONNECTION_STATE_WAITING, reading.reason, words.PAUSES)
        return replace(waiting, until=reading.at)
    if connection.census_reason is not None:
        reason = "RECOGNISING" if connection.claimed_name else connection.census_reason
        reason = "ORDER_UNREAD" if must_be_told(connection, now) else reason
        return _status(pb.CONNECTION_STATE_MATCHING, reason, words.MATCHING)
    if connection.baseline_at is None:
        return _status(pb.CONNECTION_STATE_MATCHING, "BASELINE_ON_ITS_WAY", words.MATCHING)
    if connection.confirmed_at is None:
        return Status(pb.CONNECTION_STATE_AWAITING_CONFIRMATION, "FIRST_PLAN", words.FIRST_PLAN)
    if connection.paused_at is not None:
        return Status(pb.CONNECTION_STATE_PAUSED, "PAUSED_BY_A_PERSON", words.PAUSED)
    writing = _pause(connection, facts, settings, spent=spent, write=True, now=now)
    if writing is not None:
        return Status(pb.CONNECTION_STATE_WAITING, writing.reason, words.WRITES_SPENT, writing.at)
    if not settings.may_send:
        return Status(pb.CONNECTION_STATE_WAITING, "SENDING_STOPPED", words.SENDING_STOPPED)
    if connection.removals_held:
        return Status(pb.CONNECTION_STATE_AWAITING_CONFIRMATION, "MANY_REMOVALS", words.MANY_REMOVALS)
    if connection.census_alarm:
        return _status(pb.CONNECTION_STATE_READY, connection.census_alarm, words.ALARMS)
    if must_be_told(connection, now):
        return Status(pb.CONNECTION_STATE_READY, "ORDER_UNREAD", words.ORDER_UNREAD)
    if connection.hold_increases_until is not None:
        return Status(pb.CONNECTION_STATE_READY, "LATE_ORDERS", words.LATE_ORDERS)
    return Status(pb.CONNECTION_STATE_READY, "", words.READY)


def _pause(
    connection: ConnectionRow, facts: Facts, settings: Settings, *, spent: Spent, write: bool, now: datetime
) -> NotBefore | None:
    asked = ticket(connection, facts, settings, spent=spent, write=write, deadline=settings.call_deadline, now=now)
    return asked if isinstance(asked, NotBefore) and asked.reason != _PACE else None


def _status(state: pb.ConnectionState.ValueType, reason: str, meanings: Mapping[str, str]) -> Status:
    return Status(state, reason, meanings.get(reason, words.SOMETHING_ELSE))
