"""What the engine would do without one of its rules: each stands in for the function that keeps it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import syncengine.booking
import syncengine.settle
import syncengine.turn
from sync_brickowl.orders import viewed
from syncengine.batches import is_usable
from syncengine.budget import cap_of, ticket
from syncengine.explain import Finding, Known, _find, explain, explain_in_hindsight
from syncengine.explain_create import Absent, explain_create
from syncengine.lane import Lane, after_failure
from syncengine.listing import OrderSummary
from syncengine.marketplace import Create, Ticket, Update
from syncengine.plan import Send, Tier, _plan_create, plan
from syncengine.rows.connection import CensusReason, Lease, Spent
from syncengine.rows.intent import Fate, Intent
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.testing.inventory import Inventory
from syncengine.testing.memory_store import MemoryStore, MemoryTransaction

_check_reply, in_ledger = syncengine.settle._check_reply, syncengine.booking.in_ledger
_applied, _refused, _rows_callable = (
    syncengine.settle.applied,
    syncengine.settle.refused,
    MemoryTransaction._callable_rows,
)
_census_due_at, _take_result = syncengine.turn._census_due_at, Inventory.take_result


def believe_reply(row: ListingRow, intent: Intent, listing: Any, facts: Any, now: datetime) -> ListingRow:
    row = _check_reply(row, intent, listing, facts, now)
    if listing is None or row.ledger is None:
        return row
    return replace(row, ledger=listing.quantity, look_since=None)


def shown_is_sent(row: ListingRow, intent: Intent, listing: Any, facts: Any, now: datetime) -> ListingRow:
    row = _check_reply(row, intent, listing, facts, now)
    return row if listing is None else replace(row, sent=dict(listing.fields))


def repair_at_once(row: ListingRow, intent: Any, seen: Any, *rest: Any, **named: Any) -> Known | None:
    known = explain(row, intent, seen, *rest, **named)
    if known is not None or intent is not None or seen.quantity is None:
        return known
    return Known(replace(row, ledger=seen.quantity, look_since=None, observed=None, doubt=0, probation=None), None)


def without_probation(*given: Any, **named: Any) -> Known | None:
    known = explain(*given, **named)
    return known if known is None else replace(known, row=replace(known.row, probation=None))


def without_returns(*given: Any, returned: int, **named: Any) -> tuple[Finding, int]:
    return _find(*given, **named), 0


def all_put_back(*given: Any, returned: int = 0, **named: Any) -> Known | None:
    known = explain(*given, **named)
    return known if known is None or known.row.listing_id is None else replace(known, restocked=returned)


def create_again(*given: Any, **named: Any) -> Known | None:
    known = explain_in_hindsight(*given, **named)
    if known is None or known.row.trouble is not Trouble.GONE_UNEXPLAINED:
        return known
    return replace(known, row=replace(known.row, trouble=None))


def absent_from_one_list(intent: Any, newcomers: Any, lines: Any, facts: Any) -> Any:
    return explain_create(intent, newcomers, lines, facts) if newcomers else Absent()


def hiding_last(row: ListingRow, *given: Any, **named: Any) -> Any:
    planned = plan(row, *given, **named)
    if isinstance(planned, Send) and isinstance(planned.write, Update):
        hides = planned.write.for_sale is False and planned.write.delta >= 0
        return replace(planned, tier=Tier.REST) if hides else planned
    return planned


def park_everything(row: ListingRow, intent: Intent, reason: str, facts: Any, now: datetime) -> ListingRow:
    if len(intent.groups) == 1:
        return _refused(row, intent, reason, facts, now)
    row = syncengine.settle.not_applied(row)
    for group in intent.groups:
        row = syncengine.settle.park(row, group, reason, facts, intent.revision)
    return row


def _unlooked(settled: Callable[..., ListingRow]) -> Callable[..., ListingRow]:
    """Wrap what books something on a row, so that it asks for no look."""

    def booked(row: ListingRow, *given: Any, **named: Any) -> ListingRow:
        return replace(settled(row, *given, **named), look_since=row.look_since)

    return booked


UNLOOKED: Final = {
    "syncengine.settle._check_reply": _unlooked(_check_reply),
    "syncengine.settle.applied": _unlooked(_applied),
    "syncengine.settle.refused": _unlooked(_refused),
    "syncengine.booking.in_ledger": _unlooked(in_ledger),
}
"""All that books something on a row, by its place."""


def unheld(row: Any, **changes: Any) -> Any:
    changes.pop("hold_increases_until", None)
    return replace(row, **changes)


async def no_alarm(*given: Any) -> str:
    return ""


async def no_loss(*given: Any) -> None:
    """Go on as if nothing had happened."""


async def no_check(*given: Any) -> None:
    """Take any shop for ours."""


async def nothing_unowned(*given: Any) -> list[Any]:
    return []


async def nothing_being_created(*given: Any) -> dict[Any, Any]:
    return {}


async def rows_untold(tx: Any, rows: Any, *given: Any) -> Any:
    return {row.lot_id: row for row in rows}


async def lease_for_all(self: MemoryStore, seller_id: Any, owner: str, now: datetime, until: datetime) -> Lease:
    return Lease(seller_id=seller_id, owner=owner, term=1, expires_at=until)


async def orphans_not_done(lane: Any, tx: Any, connection: Any) -> None:
    """Take an intent without an outcome for one that was never sent."""
    orphans = [intent for intent in await tx.open_intents(connection.seller_id) if intent.fate is Fate.OPEN]
    rows = await tx.find_listings([intent.lot_id for intent in orphans])
    for intent in orphans:
        await tx.save_intents([syncengine.settle.closed(intent, Fate.NOT_APPLIED, lane.clock.now())])
    await lane.save(tx, [syncengine.settle.not_applied(row) for row in rows.values()])


def ledger_of_any_listing(row: ListingRow, line: Any, *rest: Any, **named: Any) -> ListingRow:
    return in_ledger(row, replace(line, listing_id=row.listing_id), *rest, **named)


def census_at_once(lane: Any, connection: Any, now: datetime) -> datetime:
    return now if connection.census_reason is CensusReason.DATABASE_LOST else _census_due_at(lane, connection, now)


async def uncapped(lane: Lane, tx: Any, connection: Any, outcome: Any) -> Any:
    return after_failure(connection, outcome, lane.settings, lane.random, lane.clock.now())


def all_for_writes(connection: Any, facts: Any, settings: Any, spent: Spent) -> int:
    return max(0, cap_of(connection, facts) - spent.calls)


def unlimited(*given: Any, **named: Any) -> Any:
    return ticket(*given, **{**named, "spent": Spent()})


def stamped_by_the_clock(connection: Any, *given: Any, **named: Any) -> Any:
    granted = ticket(connection, *given, **named)
    if not isinstance(granted, tuple):
        return granted
    stamp = named["now"].astimezone(UTC).replace(microsecond=0)
    return granted[0], Ticket(stamp=stamp, deadline=named["deadline"])


def unranked(self: MemoryTransaction, seller_id: Any, tiers: Any) -> list[ListingRow]:
    return sorted(_rows_callable(self, seller_id, tiers), key=lambda row: row.lot_id)


def unsent_lots(self: Inventory, result: Any) -> None:
    lots, self.lots = self.lots, {} if result.WhichOneof("result") == "state_wished" else self.lots
    _take_result(self, result)
    self.lots = lots


def add_total(line: Any, total: int) -> tuple[int, int]:
    return line.total, line.total


def last_plus_one(last: int, now: datetime) -> int:
    return last + 1


def look_at_once(self: Intent, settings: Any) -> datetime:
    return self.sent_at + self.deadline


def create_with_all(row: ListingRow, *given: Any, **named: Any) -> Any:
    planned = _plan_create(row, *given, **named)
    if not isinstance(planned, Send) or not isinstance(planned.write, Create):
        return planned
    return replace(planned, write=replace(planned.write, fields=dict(row.desired.fields)))


def usable_unless_ended(*given: Any, **named: Any) -> bool:
    return is_usable(*given, **named) is not False


def unmerged(order: OrderSummary, raw: object) -> OrderSummary:
    return replace(viewed(order, raw), merged_into=None)
