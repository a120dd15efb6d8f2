"""A shop, or what stands before it, that repeats the request line in its answer: the key is in it (rule O1)."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

import httpx
import pytest

from brickops.credentials.v1.brickowl_keys_pb2 import BrickOwlKeys
from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialResponse
from servicekit.logs import SafeFormatter
from sync_brickowl.auth import ShopKeys, keys_of
from sync_brickowl.client import MAX_CONNECTIONS, BrickOwl
from sync_brickowl.listing import facts
from syncengine.listing import ListingId
from syncengine.marketplace import ReadFailedError, Ticket, Update
from syncengine.service.http import open_http

KEY = "CANARYOWLKEYTHATISECHOED0001"
TICKET = Ticket(stamp=datetime(2026, 11, 22, tzinfo=UTC), deadline=timedelta(seconds=10))

ECHOES: dict[str, Callable[[str], tuple[str, str, str]]] = {
    "an error": lambda line: ("400 Bad Request", "", json.dumps({"error": {"status": f"not understood: {line}"}})),
    "an error of the server": lambda line: ("500 Internal Server Error", "", json.dumps({"error": line})),
    "a page": lambda line: ("502 Bad Gateway", "", f"<html><body>{line}</body></html>"),
    "a document of another shape": lambda line: ("200 OK", "", json.dumps({"asked": line, "lot_id": line})),
    "a listing": lambda line: ("200 OK", "", json.dumps([{"lot_id": "1", "boid": line, "qty": line}])),
    "no JSON": lambda line: ("200 OK", "", f'{{"asked": "{line}'),
    "another address": lambda line: ("302 Found", f"Location: {line.split(' ')[1]}\r\n", ""),
    "a header": lambda line: ("429 Too Many Requests", f"Retry-After: {line}\r\n", ""),
}


@asynccontextmanager
async def echoing(name: str) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """A client of such a shop, and all that the shop was sent."""
    seen: list[str] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line), 0)
        body = unquote_plus((await reader.readexactly(length)).decode())
        seen.append(f"{head.splitlines()[0]} {body}")
        status, headers, answer = ECHOES[name](seen[-1])
        length = len(answer.encode())
        writer.write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode())
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_http(f"http://127.0.0.1:{port}/v1", connections=MAX_CONNECTIONS) as http:
        yield http, seen


async def told_of_calls(http: httpx.AsyncClient, keys: ShopKeys) -> list[str]:
    """Make a read, which fails, and a write; say all that whoever made them is shown."""
    shop = BrickOwl(http, keys, facts(600, 200))
    with pytest.raises(ReadFailedError) as caught:
        await shop.read(ListingId("70000001"), TICKET)
    outcome = await shop.send(Update(listing_id=ListingId("70000001"), delta=-1), TICKET)
    trace = "".join(traceback.format_exception(caught.value))
    return [trace, repr(caught.value.outcome), repr(outcome), repr(shop)]


def written(records: list[logging.LogRecord]) -> list[str]:
    """The lines of the service's log, as it writes them."""
    return [SafeFormatter("sync-brickowl").format(record) for record in records]


@pytest.mark.parametrize("name", ECHOES)
async def test_the_key_comes_back_and_goes_nowhere(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """With LOG_LEVEL at DEBUG, and a key that the log redactor does not even know."""
    caplog.set_level(logging.DEBUG)
    async with echoing(name) as (http, seen):
        told = await told_of_calls(http, ShopKeys(key=KEY))
    assert len(seen) == 2
    assert all(KEY in line for line in seen), "the key was in no request"
    assert not [text for text in (*told, *written(caplog.records)) if KEY in text]


@pytest.mark.parametrize("name", ECHOES)
async def test_what_libraries_would_log_for_debugging_is_redacted(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """We keep them from it (rule O1); should somebody let them, a leased key does not show all the same."""
    leased = f"{KEY}LEASED"
    keys = keys_of(LeaseCredentialResponse(brickowl=BrickOwlKeys(key=leased)))
    async with echoing(name) as (http, _):
        for library in ("httpx", "httpcore"):
            caplog.set_level(logging.DEBUG, logger=library)
        told = await told_of_calls(http, keys)
    assert [record for record in caplog.records if leased in record.getMessage()], "they logged no URL"
    assert not [text for text in (*told, *written(caplog.records)) if leased in text]
