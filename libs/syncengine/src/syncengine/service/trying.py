"""Trying a connection: whether its keys open the shop. The worker makes the call; this asks for it and waits."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.callers import require_role
from syncengine.budget import asked
from syncengine.listing import SellerId
from syncengine.rows.connection import ConnectionRow
from syncengine.service import words
from syncengine.service.asking import OWNERS, AskedTooOften, Context, Desk, NotTested, known
from syncengine.turn import PROBED, TESTED_WITHIN

_CALLS: Final = 1
_INTERVAL_SECONDS: Final = 0.1
"""Between two looks at what the worker, of whatever process, has written."""
_MICROSECOND: Final = timedelta(microseconds=1)

OK: Final = "OK"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was so when the test was asked for."""

    at: datetime
    key_version: int


class Trying(Desk):
    """The test of a connection."""

    async def TestConnection(  # noqa: N802 - gRPC's name
        self, request: pb.TestConnectionRequest, context: Context
    ) -> pb.TestConnectionResponse:
        """Has the shop read, and says whether it let us in. A halt is probed ahead of its time (rule O2)."""
        seller_id = SellerId(require_role(*OWNERS).require_seller())
        ask = await self._ask(seller_id)
        try:
            async with asyncio.timeout(TESTED_WITHIN.total_seconds()):
                while True:
                    async with self._store.transaction() as tx:
                        connection = known(await tx.find_connection(seller_id))
                    now = self._clock.now()
                    if (verdict := _verdict(connection, ask, now)) is not None:
                        return _told(connection, verdict, now)
                    await asyncio.sleep(_INTERVAL_SECONDS)
        except TimeoutError:
            raise NotTested(words.NOT_TESTED) from None

    async def _ask(self, seller_id: SellerId) -> _Asked:
        """Have a read made next, unless the connection waits: what the shop asked for is kept to (rule O3)."""
        async with self._store.transaction() as tx:
            known(await tx.find_connection(seller_id))
            connection = known(await tx.lock_connection(seller_id))
            now = self._clock.now()
            last = connection.test_asked_at
            # Later than any before, whatever another process's clock said: else its read would pass for this one's.
            ask = _Asked(now if last is None else max(now, last + _MICROSECOND), connection.key_version)
            if _verdict(connection, ask, now) is None:
                counted = asked(connection, self._facts, self._settings, calls=_CALLS, now=now)
                if counted is None:
                    raise AskedTooOften(words.ASKED_ENOUGH)
                await tx.save_connection(replace(counted, test_asked_at=ask.at, due_at=now, not_before=None))
            return ask


def _verdict(connection: ConnectionRow, ask: _Asked, now: datetime) -> str | None:
    """OK, or the reason why not; None while it is not known."""
    if connection.key_version != ask.key_version:
        return "KEYS_REPLACED"
    if connection.halted:
        probed = connection.halted_at is not None and connection.halted_at > ask.at
        return connection.halted if probed or connection.halted not in PROBED else None
    if connection.not_before is not None and connection.not_before > now:
        return connection.waiting_for
    return OK if connection.let_in_at is not None and connection.let_in_at >= ask.at else None


def _told(connection: ConnectionRow, verdict: str, now: datetime) -> pb.TestConnectionResponse:
    reasons = {**words.PAUSES, **words.HALTS, OK: words.LETS_US_IN, "KEYS_REPLACED": words.KEYS_REPLACED}
    told = pb.TestConnectionResponse(
        ok=verdict == OK,
        reason="" if verdict == OK else verdict,
        message=reasons.get(verdict, words.SOMETHING_ELSE),
        key_version=connection.key_version,
    )
    if connection.pin_proven:
        told.shop_name, told.currency_code = connection.pinned_name, connection.pinned_currency
    told.tested_at.FromDatetime(now)
    return told
