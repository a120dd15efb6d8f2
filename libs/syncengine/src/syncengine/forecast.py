"""What would be sent, and when it would be done, if nothing else happened: by the very rules that send. Pure."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from syncengine.batches import CREATES, is_usable
from syncengine.budget import NotBefore, asks_again, cap_of, poll_interval, ticket, uncapped
from syncengine.listing import ListingId, LotId
from syncengine.marketplace import Create, Facts, Remove, Update
from syncengine.plan import Nothing, Plan, Send, Tier
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.rows.intent import Intent, IntentId
from syncengine.rows.listing import CHANGED_IN_SHOP, ListingRow
from syncengine.sendable import sendable
from syncengine.settings import Settings
from syncengine.settle import applied, created, unlisted

UNDER_WAY = "UNDER_WAY"
"""A call's outcome is open, or a look is wanted: what comes then depends on it."""
NOT_COUNTED = "NOT_COUNTED"
"""Inventory has yet to count sales that it was told."""
UNMAPPED = "UNMAPPED"
"""Its item is not known in the marketplace's own catalogue."""
REMOVALS_HELD = "REMOVALS_HELD"
"""Many removals wait for a person's consent (rule B5)."""

_MOST_CALLS = 10
"""Of one lot: a removal, a creation and each group alone are fewer."""
_HORIZON = timedelta(days=90)
"""How far ahead calls are let go: a shop that has lowered our cap to a few calls might never take them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotForecast:
    """The calls that a lot still needs."""

    lot_id: LotId
    calls: tuple[Send, ...]
    """In the order in which they go."""
    held: tuple[str, ...]
    """Why it will not be as desired after them: constant words; empty if it will."""


@dataclass(frozen=True, slots=True)
class Finish:
    """When calls are done."""

    at: datetime | None
    """None: not within ninety days."""
    bound_by: str
    """What they wait for longest: PACE, QUOTA, or nothing: empty."""
    calls_left: int
    """Calls of the limit's window that are free then."""


def forecast_lot(row: ListingRow, connection: ConnectionRow, facts: Facts, now: datetime) -> LotForecast:
    """Plan a lot's calls to the end, each as if it had been done."""
    calls: list[Send] = []
    row, planned = sendable(row, connection, facts, may_increase=True)
    while isinstance(planned, Send) and len(calls) < _MOST_CALLS:
        if planned.tier is Tier.REMOVAL and connection.removals_held:
            return LotForecast(lot_id=row.lot_id, calls=tuple(calls), held=(REMOVALS_HELD,))
        calls.append(planned)
        row = _as_done(row, planned, now)
        row, planned = sendable(row, connection, facts, may_increase=True)
    return LotForecast(lot_id=row.lot_id, calls=tuple(calls), held=_held(row, planned))


def _as_done(row: ListingRow, send: Send, now: datetime) -> ListingRow:
    if isinstance(send.write, Remove):
        return unlisted(row)
    intent = Intent(
        intent_id=IntentId(""),
        seller_id=row.seller_id,
        lot_id=row.lot_id,
        term=0,
        write=send.write,
        groups=send.groups,
        revision=row.revision,
        correlation_id="",
        sent_at=now,
        deadline=timedelta(0),
        stamp=now,
    )
    if isinstance(send.write, Create):
        return created(row, intent, ListingId("new"))
    return applied(row, intent, now)


def _held(row: ListingRow, planned: Plan) -> tuple[str, ...]:
    reasons = [] if row.trouble is None else [str(row.trouble)]
    reasons += sorted({parked.reason for parked in row.parked.values()})
    reasons += [CHANGED_IN_SHOP] if row.conflicts else []
    if not row.desired.is_mapped:
        reasons.append(UNMAPPED)
    if row.intent_id is not None or row.look_since is not None:
        reasons.append(UNDER_WAY)
    elif not reasons and not isinstance(planned, Nothing):
        reasons.append(NOT_COUNTED)
    return tuple(reasons)


def count_calls(
    lots: Sequence[LotForecast], connection: ConnectionRow, facts: Facts, settings: Settings
) -> Counter[Tier]:
    """Count calls by rank: where many lots wait for the same, one call serves several (rules N1, N2).

    Kinds of such calls that the shop has yet to be seen to do are taken for those that it does.
    """
    calls = Counter(send.tier for lot in lots for send in lot.calls)
    # Lots that go in arrays have no other call before; of one item only one is under way at a time.
    together = Counter(lot.calls[0].write.item for lot in lots if lot.calls and isinstance(lot.calls[0].write, Create))
    if is_usable(connection, facts, [CREATES]) is not False:
        for number in range(max(together.values(), default=0)):
            lots_then = sum(times > number for times in together.values())
            calls[Tier.CREATE] -= _saved(lots_then, facts.creates_at_once, settings)
    changes = Counter(
        send.tier
        for lot in lots
        for send in lot.calls
        if isinstance(send.write, Update)
        and not send.write.delta
        and send.write.for_sale is send.write.retain is None
        and is_usable(connection, facts, send.write.fields.keys()) is not False
    )
    for tier, number in changes.items():
        calls[tier] -= _saved(number, facts.updates_at_once, settings)
    return calls


def _saved(writes: int, at_once: int, settings: Settings) -> int:
    """Say how many calls fewer than writes there are."""
    return writes - ceil(writes / at_once) if at_once > 1 and writes >= settings.creates_together_from else 0


def count_charged(lots: Sequence[LotForecast], calls: Counter[Tier], facts: Facts) -> int:
    """Count as how many calls all of them are charged (rule B1)."""
    return sum(len(lot.calls) for lot in lots) if facts.counts_entries else calls.total()


def finish(
    connection: ConnectionRow,
    facts: Facts,
    settings: Settings,
    charged: Iterable[tuple[datetime, Spent]],
    *,
    calls: int,
    now: datetime,
) -> Finish:
    """Let calls go one after the other under the budget's own rules, and the shop be read between them (rules B1-B4).

    `charged`: calls made in the limit's window, with their moments, oldest first.
    """
    window, at = deque(charged), now
    spent = sum((each for _, each in window), Spent())
    reads = _Reads.of(connection, facts, settings, now)
    waits: Counter[str] = Counter()
    while calls and at < now + _HORIZON:
        while window and window[0][0] <= at - facts.limit.window:
            gone = window.popleft()[1]
            spent = Spent(spent.calls - gone.calls, spent.writes - gone.writes)
        asks = reads.due(at)
        granted = ticket(
            connection, facts, settings, spent=spent, write=not asks, deadline=settings.call_deadline, now=at
        )
        if isinstance(granted, NotBefore):
            if not asks and reads.matches(at):
                continue
            until = granted.at if asks else min(granted.at, reads.poll_at)
            waits[granted.reason] += round((until - at).total_seconds() * 1000)
            at = max(until, at + timedelta(milliseconds=1))
            continue
        connection, _ = granted
        call = Spent(1, 0 if asks else 1)
        window.append((at, call))
        spent += call
        if asks:
            reads.made(at)
            connection = uncapped(connection) if asks_again(connection, settings, at) else connection
        else:
            calls -= 1
    [(bound_by, _)] = waits.most_common(1) or [("", 0)]
    return Finish(None if calls else at, bound_by, max(0, cap_of(connection, facts) - spent.calls))


@dataclass(slots=True, kw_only=True)
class _Reads:
    """The reads that come by themselves between the writes: of orders, and of the whole shop."""

    facts: Facts
    settings: Settings
    poll_at: datetime
    """Of the fresh orders."""
    poll_interval: timedelta
    whole_at: datetime
    """Of every page of orders, with such a poll."""
    census_at: datetime
    left: int = 0
    """Calls of what is being read."""
    is_whole: bool = False
    """Whether that is every page."""

    @classmethod
    def of(cls, connection: ConnectionRow, facts: Facts, settings: Settings, now: datetime) -> "_Reads":
        return cls(
            facts=facts,
            settings=settings,
            poll_at=max(now, connection.orders_due_at or now),
            poll_interval=poll_interval(connection, facts, settings),
            whole_at=(connection.all_orders_read_at or now) + settings.full_order_interval,
            census_at=(connection.census_at or now) + settings.census_interval,
        )

    def due(self, at: datetime) -> bool:
        """Tell whether the next call is a read."""
        if not self.left and self.poll_at <= at:
            self.is_whole = self.whole_at <= at
            self.left = len(self.facts.order_pages) if self.is_whole else 1
        return self.left > 0

    def matches(self, at: datetime) -> bool:
        """Begin a census if one is due: it comes when no write may go."""
        if self.census_at > at:
            return False
        self.census_at = at + self.settings.census_interval
        self.is_whole, self.left = True, 2 * len(self.facts.order_pages) + 1
        return True

    def made(self, at: datetime) -> None:
        """Count one of them."""
        self.left -= 1
        if not self.left:
            self.poll_at = at + self.poll_interval
            if self.is_whole:
                self.whole_at = at + self.settings.full_order_interval
