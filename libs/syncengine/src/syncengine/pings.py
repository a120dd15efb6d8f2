"""A marketplace's pings, which anybody may send, bring the next poll forward, up to a cap (B3): pure."""

from dataclasses import replace
from datetime import datetime

from syncengine.budget import cap_of, pace_of
from syncengine.marketplace import Facts
from syncengine.rows.connection import ConnectionRow
from syncengine.settings import Settings


def brought_forward(connection: ConnectionRow, facts: Facts, settings: Settings, now: datetime) -> ConnectionRow:
    """Plan the poll that a ping asks for: at once while there are few, else as the cap allows.

    One poll answers all pings that came before it began. Nothing happens where no polls are made anyway.
    """
    if not connection.enabled or connection.halted or connection.census_reason is not None:
        return connection
    connection = replace(connection, pinged_at=now)
    if connection.ping_due_at is None:
        share = cap_of(connection, facts) * settings.ping_share
        apart = facts.limit.window * pace_of(facts, settings).poll_calls / max(1.0, share)
        # Each ping books the next place in a row of places that are so far apart, and may go so many places earlier. A
        # row that is booked for longer ahead is of a clock that was set back.
        ahead = apart * settings.pings_at_once
        place = min(max(now, connection.ping_free_at or now), now + ahead)
        due_at = max(now, place + apart - ahead)
        connection = replace(connection, ping_due_at=due_at, ping_free_at=place + apart)
    due_at = connection.ping_due_at or now
    return replace(connection, due_at=due_at if connection.due_at is None else min(connection.due_at, due_at))
