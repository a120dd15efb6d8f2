"""What a seller wants fields to be in one shop that inventory does not say, as the grade of used items at Brick Owl.

A lot is absorbed with what is wanted then. When that changes, lots that were there are given it, some at a time, and
each plans what follows as after a change of its own.
"""

from dataclasses import replace
from datetime import datetime

from syncengine.absorb import filled, reconsidered
from syncengine.lane import Lane
from syncengine.listing import LotId
from syncengine.marketplace import Facts
from syncengine.rows.connection import ConnectionRow

_LOTS_AT_ONCE = 500
"""In one transaction."""


def wanted(connection: ConnectionRow, facts: Facts) -> dict[str, str]:
    """Say what each field is to be where inventory does not say it."""
    return {name: connection.defaults.get(name, choices[0]) for name, choices in facts.choices.items()}


def with_wanted(connection: ConnectionRow, facts: Facts, field: str, value: str, now: datetime) -> ConnectionRow:
    """Take a seller's word for a field; what was absorbed before is given it from now on."""
    if wanted(connection, facts)[field] == value:
        return connection
    return replace(connection, defaults={**connection.defaults, field: value}, defaults_since=now, due_at=now)


async def give_defaults(lane: Lane) -> None:
    """Give lots that were there what is wanted by now. A job that is cut begins anew."""
    async with lane.transaction() as (tx, connection):
        since = connection.defaults_since
        lots = [row.lot_id for row in await tx.listings_of(connection.seller_id) if row.desired.unsaid]
    for first in range(0, len(lots), _LOTS_AT_ONCE):
        await lane.hold_lease_for(lane.settings.call_deadline)
        await _give(lane, lots[first : first + _LOTS_AT_ONCE])
    async with lane.transaction() as (tx, connection):
        if connection.defaults_since == since:  # else it changed once more meanwhile
            await tx.save_connection(replace(connection, defaults_since=None))


async def _give(lane: Lane, lots: list[LotId]) -> None:
    facts = lane.shop.facts
    async with lane.transaction() as (tx, connection):
        rows = await tx.find_listings(lots)
        given = [(row, filled(row.desired, connection)) for row in rows.values()]
        # What was applied of the former value says nothing of this one (rule F3).
        changed = [
            reconsidered(replace(row, desired=lot, applied={}), facts) for row, lot in given if lot != row.desired
        ]
        await lane.save(tx, changed)
