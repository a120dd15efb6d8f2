"""The worker: a few lanes, each of which serves one connection at a time under a lease (rules L1-L4)."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from random import SystemRandom

from servicekit.backoff import Backoff
from syncengine.clock import Clock
from syncengine.lane import Lane, after_failure
from syncengine.marketplace import Later, Outcome, ReadFailedError
from syncengine.rows.connection import ConnectionRow, Lease
from syncengine.service.bell import Bell
from syncengine.service.breaker import Breaker, ReportingShop
from syncengine.service.shops import InterruptibleShop, Shops, StoppingError
from syncengine.settings import Settings
from syncengine.store.protocol import FencedError, Store
from syncengine.turn import take_turn

logger = logging.getLogger(__name__)

_TURNS = 10
"""For one connection before the others have theirs (rule L4)."""
_NET_SECONDS = 0.5
"""The longest wait for work: the net below the bell."""
_SETTLING_SECONDS = 10.0
"""For booking what came of the last call, when the process stops."""


class Worker:
    """Serves every connection that is due and nobody else's, in `lanes` tasks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        settings: Settings,
        shops: Shops,
        bell: Bell,
        ready: Callable[[], Awaitable[bool]],
        lanes: int,
    ) -> None:
        """`ready` says whether this database may be believed: nothing is served before (rules T2, C1)."""
        self._store = store
        self._clock = clock
        self._settings = settings
        self._shops = shops
        self._bell = bell
        self._ready = ready
        self._lanes = lanes
        self._name = uuid.uuid4().hex
        self._stopping = asyncio.Event()
        self._next = asyncio.Lock()
        self._random = SystemRandom()
        self._breaker = Breaker(clock)

    async def run(self) -> None:
        """Serve until cancelled; then finish the writes under way, book them, release the leases, and end."""
        listening = asyncio.ensure_future(self._bell.listen())
        lanes = {asyncio.ensure_future(self._run_lane(f"{self._name}/{number}")) for number in range(self._lanes)}
        try:
            done, _ = await asyncio.wait({listening, *lanes}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._stopping.set()
            self._bell.ring()
            listening.cancel()
            await asyncio.wait(lanes, timeout=self._settings.call_deadline.total_seconds() + _SETTLING_SECONDS)
            for task in lanes:
                task.cancel()
            await asyncio.gather(listening, *lanes, return_exceptions=True)

    async def _run_lane(self, owner: str) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                lease = await self._next_lease(owner)
                if lease is not None:
                    await self._serve(lease)
                    self._bell.ring()  # it may be due still, and is free now
                backoff.succeeded()
            except Exception as error:
                delay = backoff.failed()
                logger.warning("a lane rests", exc_info=error, extra={"seconds": round(delay, 2)})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._stopping.wait()

    async def _next_lease(self, owner: str) -> Lease | None:
        """Wait for a connection to serve; None when the process stops. One lane looks out, the others wait behind."""
        async with self._next:
            while not self._stopping.is_set():
                self._bell.clear()
                if (lease := await self._take_due(owner)) is not None:
                    return lease
                due_at = await self._store.next_due_at()
                await self._bell.wait(_seconds_until(due_at, self._clock.now()))
        return None

    async def _take_due(self, owner: str) -> Lease | None:
        if not await self._ready():
            return None
        now = self._clock.now()
        while (seller_id := await self._store.next_due(owner, now)) is not None:
            if not self._breaker.may_serve():
                return None
            lease = await self._store.take_lease(seller_id, owner, now, now + self._settings.lease)
            if lease is not None:
                return lease
        return None

    async def _serve(self, lease: Lease) -> None:
        """Take turns for one connection. Raises what the database raises while even that cannot be noted."""
        try:
            for _ in range(_TURNS):
                if self._stopping.is_set() or (renewed := await self._take_turn(lease)) is None:
                    break
                lease = renewed
        except StoppingError:
            logger.info("a turn was given up, as the process stops", extra={"seller_id": lease.seller_id})
        except FencedError:
            logger.warning("the lease went to another worker", extra={"seller_id": lease.seller_id})
            return
        except Exception as error:
            logger.exception("a turn failed", exc_info=error, extra={"seller_id": lease.seller_id})
            await self._note_failure(lease, Later(reason="INTERNAL_ERROR"))
        await self._store.release_lease(lease, self._clock.now())

    async def _take_turn(self, lease: Lease) -> Lease | None:
        """Take one turn and return the lease as it is then; None if there is none to take."""
        async with self._store.transaction(lease) as tx:
            connection = await tx.lock_connection(lease.seller_id)
            now = self._clock.now()
            if connection.due_at is None or connection.due_at > now:
                return None
            if (rests_until := _rests_until(connection, now)) != connection.due_at:
                await tx.save_connection(replace(connection, due_at=rests_until))
                return None
        try:
            shop = await self._shops.open(lease.seller_id, connection.key_version)
        except ReadFailedError as failure:
            await self._note_failure(lease, failure.outcome)
            return None
        watched = ReportingShop(InterruptibleShop(shop, self._stopping), self._breaker, lease.seller_id)
        lane = Lane(self._store, self._clock, watched, self._settings, self._random, lease, connection.key_version)
        await take_turn(lane)
        return lane.lease

    async def _note_failure(self, lease: Lease, outcome: Outcome) -> None:
        """Put the connection off, as after a call that brought nothing."""
        try:
            async with self._store.transaction(lease) as tx:
                connection = await tx.lock_connection(lease.seller_id)
                now = self._clock.now()
                connection = after_failure(connection, outcome, self._settings, self._random, now)
                due_at = connection.not_before if connection.enabled else None
                await tx.save_connection(replace(connection, due_at=due_at, last_served_at=now))
        except FencedError:
            logger.warning("the lease went to another worker", extra={"seller_id": lease.seller_id})


def _rests_until(connection: ConnectionRow, now: datetime) -> datetime | None:
    """When a connection that is due really is: not while it is paused or disabled; no keys are leased for that."""
    if not connection.enabled:
        return None
    if connection.not_before is not None and connection.not_before > now:
        return connection.not_before
    return connection.due_at


def _seconds_until(due_at: datetime | None, now: datetime) -> float:
    """How long to wait for work. What is due already is being served by another: its end may ring no bell here."""
    if due_at is None or due_at <= now:
        return _NET_SECONDS
    return min(_NET_SECONDS, (due_at - now).total_seconds())
