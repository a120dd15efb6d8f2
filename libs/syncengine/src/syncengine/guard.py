"""The mass-change guard: many removals that no sale caused wait for a person's consent. Pure (rule B5)."""

from dataclasses import replace
from datetime import datetime, timedelta

from syncengine.rows.connection import ConnectionRow
from syncengine.settings import Settings

_PERIOD = timedelta(days=1)


def held_removals(connection: ConnectionRow, settings: Settings, *, waiting: int, listed: int, now: datetime) -> int:
    """Say how many removals are held: all that wait, if they and those of the last day are too many for one shop.

    `waiting`: removals that no sale caused and that could be sent; `listed`: lots that have a listing now.
    """
    if _lasts(connection.removals_agreed_at, now):
        return 0
    sent = connection.removals if _lasts(connection.removals_since, now) else 0
    free = max(settings.removals_free, settings.removals_free_share * (listed + sent))
    return waiting if sent + waiting > free else 0


def count_removal(connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Count one that is being sent."""
    if _lasts(connection.removals_since, now):
        return replace(connection, removals=connection.removals + 1)
    return replace(connection, removals=1, removals_since=now)


def _lasts(since: datetime | None, now: datetime) -> bool:
    return since is not None and now < since + _PERIOD
