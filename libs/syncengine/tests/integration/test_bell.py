"""The bell over a real database."""

import asyncio
from typing import Any

import psycopg
import pytest

from syncengine.listing import SellerId
from syncengine.service.bell import Bell

from .conftest import Database


class NoKeys:
    """There are none here."""

    def end(self, seller_id: SellerId, version: int) -> None: ...

    def end_all(self) -> None: ...


async def test_who_stops_just_before_it_listens_leaves_no_session(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()

    async def unanswered(session: psycopg.AsyncConnection[Any], *_: object) -> None:
        opened.put_nowait(session)
        await asyncio.Future()

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", unanswered)  # LISTEN waits for nothing one could hold
    listening = asyncio.ensure_future(Bell(database.url, NoKeys()).listen())
    async with asyncio.timeout(60):
        session = await opened.get()
    listening.cancel()
    await asyncio.wait({listening})
    assert session.closed
