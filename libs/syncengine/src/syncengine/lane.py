"""One connection's lane: the tools with which one worker, under a lease, serves one shop (rules L1-L3, B1, O3).

Whatever is sent, looked at, read or matched goes through here, so that no call leaves without being charged and no row
is written by a worker whose lease is another's.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

from syncengine.budget import NotBefore, asks_again, enough_at, is_nearly_spent, ticket, uncapped
from syncengine.clock import Clock
from syncengine.listing import ListingId
from syncengine.marketplace import Halted, Later, Marketplace, Outcome, ReadFailedError, Ticket, Unknown
from syncengine.rows.connection import ConnectionRow, Lease, Spent
from syncengine.rows.listing import ListingRow
from syncengine.saving import save_rows
from syncengine.settings import Settings
from syncengine.store.protocol import FencedError, Store, Transaction

T = TypeVar("T")

_log = logging.getLogger(__name__)


class PausedError(Exception):
    """No call can be made for this connection before `at`."""

    def __init__(self, at: datetime, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class NothingReadError(PausedError):
    """A reading call was made, and brought nothing; the next can be made at `at`."""

    listing_id: ListingId | None = None
    """The one that it was to read."""


@dataclass(slots=True)
class Lane:
    """What serving one connection needs."""

    store: Store
    clock: Clock
    shop: Marketplace
    settings: Settings
    random: Random
    lease: Lease
    key_version: int
    """The set of keys that the shop was opened with: newer ones may be told of at any moment."""
    let_in_at: datetime | None = None
    """Which asking a read answered, if somebody had asked for a test of the keys before it was made."""
    reads: int = 0
    """Calls charged for the reads of this lane's turn until now."""
    answers: int = 0
    """Reads that brought something."""

    def new_id(self) -> str:
        """Make an id, from the lane's own chance."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[Transaction, ConnectionRow]]:
        """Open a fenced transaction with the connection locked."""
        async with self.store.transaction(self.lease) as tx:
            yield tx, await tx.lock_connection(self.lease.seller_id)

    async def save(self, tx: Transaction, rows: Sequence[ListingRow]) -> None:
        """Save rows, with the rank of what is due next, and tell inventory what is news."""
        if not rows:
            return
        connection = await tx.lock_connection(self.lease.seller_id)
        await save_rows(tx, connection, rows, self.shop.facts, self.clock.now())

    def has_keys_of(self, connection: ConnectionRow) -> bool:
        """Tell whether the shop was opened with the keys that the connection has now."""
        return self.key_version == connection.key_version

    def check_keys(self, connection: ConnectionRow) -> None:
        """See that what was read was read with the keys that the connection has now: it may be another's shop (W1).

        Raises:
            PausedError: newer keys came meanwhile; the next turn opens the shop with them.
        """
        if not self.has_keys_of(connection):
            raise PausedError(self.clock.now(), "KEYS_REPLACED")

    # Calls ------------------------------------------------------------------------------------------------------------

    async def hold_lease_for(self, deadline: timedelta) -> None:
        """Renew the lease unless it outlives a call of this length (rule L2)."""
        now = self.clock.now()
        if self.lease.expires_at >= now + deadline + self.settings.lease_margin:
            return
        renewed = await self.store.take_lease(self.lease.seller_id, self.lease.owner, now, now + self.settings.lease)
        if renewed is None or renewed.term != self.lease.term:
            raise FencedError
        self.lease = renewed

    def time_left(self, intended_at: datetime, deadline: timedelta) -> timedelta:
        """Say how long a write may still take, just before its first byte: its deadline counts from its intent.

        The transaction that charged the call may have waited, or the process slept. From the intent on everybody else
        counts when all that it may do has landed: whoever looks next (rule K1), and after a loss the census (rule C1).

        Raises:
            FencedError: none, or another may own the connection by then (rule L2); the call is not made, and its intent
                stays open, for whoever owns the connection next.
        """
        now = self.clock.now()
        left = intended_at + deadline - now
        if left <= timedelta(0) or self.lease.expires_at < now + left:
            raise FencedError
        return left

    async def charge(
        self, tx: Transaction, connection: ConnectionRow, *, write: bool, deadline: timedelta, calls: int = 1
    ) -> tuple[ConnectionRow, Ticket]:
        """Charge a call in this transaction; the call may be made once it is committed (rules L3, B1).

        `calls`: how many the shop may take it for.

        Raises:
            PausedError: not now; nothing was charged.
        """
        now, limit = self.clock.now(), self.shop.facts.limit
        spent = await tx.calls_since(connection.seller_id, limit.name, now - limit.window)
        reached = spent + Spent(calls - 1, (calls - 1) * write)
        connection, granted = self._ticket(connection, reached, now, write=write, deadline=deadline)
        await tx.charge(connection.seller_id, limit.name, now, write=write, calls=calls)
        connection = self._alerted(connection, spent.calls + calls, now)
        await tx.save_connection(connection)
        return connection, granted

    async def check_write_is_free(self, tx: Transaction, connection: ConnectionRow, *, after: int) -> None:
        """See that a write may be made after so many reads that only serve it: else they would use up its calls.

        Raises:
            PausedError: not now.
        """
        now, limit = self.clock.now(), self.shop.facts.limit
        spent = Spent(after) + await tx.calls_since(connection.seller_id, limit.name, now - limit.window)
        self._ticket(connection, spent, now, write=True, deadline=self.settings.call_deadline)

    def _ticket(
        self, connection: ConnectionRow, spent: Spent, now: datetime, *, write: bool, deadline: timedelta
    ) -> tuple[ConnectionRow, Ticket]:
        granted = ticket(
            connection, self.shop.facts, self.settings, spent=spent, write=write, deadline=deadline, now=now
        )
        if isinstance(granted, NotBefore):
            raise PausedError(granted.at, granted.reason)
        return granted

    async def read(
        self, deadline: timedelta, call: Callable[[Ticket], Awaitable[T]], *, calls: int = 1, whole: bool = False
    ) -> T:
        """Make one reading call; `calls`: how many the shop may take it for; `whole`: it reads the whole shop.

        It may be given up before its deadline: that a reply is lost, only waiting tells, and all else waits meanwhile.

        Raises:
            PausedError: it may not be made now; the connection remembers until when to wait.
            NothingReadError: it was made; the same.
        """
        await self.hold_lease_for(deadline)
        try:
            async with self.transaction() as (tx, connection):
                now, in_vain = self.clock.now(), connection.failures
                given = deadline if whole else min(deadline, patience(connection, self.settings, now, in_vain=in_vain))
                connection, granted = await self.charge(tx, connection, write=False, deadline=given, calls=calls)
        except PausedError as pause:
            raise await self._note_pause(pause, calls) from None
        self.reads += calls
        began_at = self.clock.now()
        try:
            answer = await call(granted)
        except ReadFailedError as failure:
            raise await self.note_failure(failure.outcome) from None
        self.let_in_at = connection.test_asked_at
        self.answers += 1
        now = self.clock.now()
        is_slow = not whole and now - began_at > self.settings.reply_patience
        if is_slow or connection.failures or asks_again(connection, self.settings, now):
            await self.note_success(is_slow=is_slow)
        return answer

    async def note_success(self, *, is_slow: bool = False) -> None:
        """Forget the failures in a row; a shop that gives calls again has no lower limit any more (rule B3).

        `is_slow`: the reply took longer than is waited for at first.
        """
        async with self.transaction() as (tx, connection):
            now = self.clock.now()
            if asks_again(connection, self.settings, now):
                connection = uncapped(connection)
            connection = replace(connection, slow_at=now if is_slow else connection.slow_at)
            await tx.save_connection(replace(connection, failures=0, not_before=None, waiting_for=""))

    def _alerted(self, connection: ConnectionRow, used: int, now: datetime) -> ConnectionRow:
        """Raise the alert of rule B3, once a window."""
        limit, alerted_at = self.shop.facts.limit, connection.alerted_at
        if not is_nearly_spent(connection, self.shop.facts, used=used):
            return connection
        if alerted_at is not None and now < alerted_at + limit.window:
            return connection
        _log.warning(
            "four fifths of the calls are used",
            extra={"seller_id": connection.seller_id, "limit": limit.name, "used": used},
        )
        return replace(connection, alerted_at=now)

    async def _note_pause(self, pause: PausedError, calls: int) -> PausedError:
        """Remember until when to wait with a read that counts as so many calls.

        A turn whose reads the quota breaks off begins anew. So it waits until twice as many calls are free as it would
        have made by now: with whatever is free it would be broken off for ever.
        """
        async with self.transaction() as (tx, connection):
            if pause.reason == "QUOTA":
                now, limit = self.clock.now(), self.shop.facts.limit
                charged = await tx.charged(connection.seller_id, limit.name, now - limit.window)
                wanted = 2 * (self.reads + calls)
                enough = enough_at(connection, self.shop.facts, self.settings, charged, calls=wanted, now=now)
                pause = PausedError(max(pause.at, enough), pause.reason)
            await tx.save_connection(replace(connection, not_before=pause.at, waiting_for=pause.reason))
        return pause

    async def note_failure(self, outcome: Outcome) -> NothingReadError:
        """Remember a call that brought nothing; say until when to pause (rules O2, O3)."""
        now = self.clock.now()
        async with self.transaction() as (tx, connection):
            if isinstance(outcome, Halted) and not self.has_keys_of(connection):
                return NothingReadError(now, outcome.reason)  # what it says of older keys says nothing of these
            connection = await self.after_failure(tx, connection, outcome)
            await tx.save_connection(connection)
        return NothingReadError(connection.not_before or now, connection.waiting_for)

    async def after_failure(self, tx: Transaction, connection: ConnectionRow, outcome: Outcome) -> ConnectionRow:
        """Work out how long this connection waits, and how many calls it has by the shop's own answer (rule B3)."""
        now, limit = self.clock.now(), self.shop.facts.limit
        # A shop that says for how long means another limit than the day's; so does one that soon answers again.
        if outcome == Later(reason="QUOTA") and connection.failures >= self.settings.quota_answers:
            spent = await tx.calls_since(connection.seller_id, limit.name, now - limit.window)
            connection = replace(connection, cap=spent.calls, capped_at=now)
        return after_failure(connection, outcome, self.settings, self.random, now)


def patience(connection: ConnectionRow, settings: Settings, now: datetime, *, in_vain: int) -> timedelta:
    """Say how long a reply is waited for, after so many failures in a row; long at once if some were slow of late."""
    if connection.slow_at is not None and now < connection.slow_at + settings.slow_for:
        return timedelta.max
    return settings.reply_patience * (1 << min(in_vain // 2, 10))


def after_failure(
    connection: ConnectionRow, outcome: Outcome, settings: Settings, random: Random, now: datetime
) -> ConnectionRow:
    """Work out how long a connection waits: what the shop asked for, else exponential back-off with full jitter."""
    match outcome:
        case Halted(reason=reason):
            return replace(
                connection,
                halted=reason,
                halted_at=now,
                not_before=now + settings.halt_probe_interval,
                waiting_for=reason,
            )
        case Later(reason=reason, after=after):
            pause = after
        case Unknown(reason=reason):
            pause = None
        case _:
            reason, pause = "UNEXPECTED_ANSWER", None
    if pause is None:
        ceiling = min(settings.backoff_cap, settings.backoff_base * 2 ** min(connection.failures, 20))
        pause = ceiling * random.uniform(0.5, 1.0) if connection.failures else ceiling * random.random()
    return replace(connection, failures=connection.failures + 1, not_before=now + pause, waiting_for=reason)


def may_write(connection: ConnectionRow, settings: Settings) -> bool:
    """Tell whether anything but reads may be sent (rules C1, C2, C3; design, Flags); not while a person paused it."""
    return (
        settings.may_send
        and connection.enabled
        and connection.paused_at is None
        and not connection.halted
        and connection.census_reason is None
        and connection.baseline_at is not None
        and connection.confirmed_at is not None
    )
