"""Hears what every process of a service must hear at once: a connection is due, or keys have ended.

Whichever process absorbs an event tells it with its commit, so that the others need not wait for their next turn.
"""

import asyncio
import contextlib
import logging
from typing import Final, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.backoff import Backoff
from servicekit.logs import describe
from syncengine.listing import SellerId
from syncengine.store.connections import CHANNEL

logger = logging.getLogger(__name__)

_KEYS_CHANNEL: Final = "keys_ended"
_TELL: Final = text("SELECT pg_notify(:channel, :told)")


async def tell_ended(conn: AsyncConnection, seller_id: SellerId, version: int) -> None:
    """Tell every process, with the commit of `conn`, that the seller's keys up to this version are used no more."""
    await conn.execute(_TELL, {"channel": _KEYS_CHANNEL, "told": f"{version} {seller_id}"})


class Keys(Protocol):
    """What is lent to this process."""

    def end(self, seller_id: SellerId, version: int) -> None:
        """Let go of a seller's keys up to this version."""
        ...

    def end_all(self) -> None:
        """Let go of all."""
        ...


class Bell:
    """Rings for every NOTIFY of the store, and whenever it is rung in this process; tells `keys` which have ended."""

    def __init__(self, database_url: str, keys: Keys) -> None:
        self._database_url = database_url
        self._keys = keys
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the one who waits, or who looks for work and would wait next."""
        self._rung.set()

    def clear(self) -> None:
        """Forget what rang: for the one who is about to look for work."""
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Wait until it has rung since `clear`, `seconds` at the longest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def listen(self) -> None:
        """Hear what the database says until cancelled, through its outages; meanwhile nobody hears it."""
        backoff = Backoff()
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database_url, autocommit=True, connect_timeout=5
                ) as session:
                    for channel in (CHANNEL, _KEYS_CHANNEL):
                        await session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    backoff.succeeded()
                    self.ring()  # for what was said while nobody listened
                    self._keys.end_all()  # whichever of them ended meanwhile
                    async for told in session.notifies():
                        self._take(told)
            except (psycopg.Error, OSError) as error:
                delay = backoff.failed()
                logger.warning("nobody listens", extra={"because": describe(error), "seconds": round(delay, 2)})
                await asyncio.sleep(delay)

    def _take(self, told: psycopg.Notify) -> None:
        if told.channel != _KEYS_CHANNEL:
            self.ring()
            return
        version, _, seller_id = told.payload.partition(" ")
        self._keys.end(SellerId(seller_id), int(version))
