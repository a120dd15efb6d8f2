"""What goes over the wire and what its accidents mean, against a shop that does what a test tells it to."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from servicekit.testing.ca import TestAuthority
from sync_bricklink.auth import ShopKeys
from sync_bricklink.client import MAX_CONNECTIONS, BrickLink
from sync_bricklink.listing import facts
from syncengine.listing import Item, ListingId, OrderId
from syncengine.marketplace import (
    TURNED_AWAY,
    Applied,
    Create,
    Halted,
    Later,
    ReadFailedError,
    Refused,
    Remove,
    Ticket,
    Unknown,
    Update,
    Write,
)
from syncengine.service.http import open_http

KEYS = ShopKeys(
    consumer_key="CANARYCKEY0000000000000000000001",
    consumer_secret="CANARYCSECRET000000000000000001A",
    token="CANARYTOKEN00000000000000000001B",
    token_secret="CANARYTSECRET0000000000000000001C",
)
STAMP = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TICKET = Ticket(stamp=STAMP, deadline=timedelta(seconds=10))
HURRIED = replace(TICKET, deadline=timedelta(seconds=0.2))
SOON = replace(TICKET, deadline=timedelta(seconds=2))
"""Time enough for a request to leave on a busy machine."""
LISTING = ListingId("50001001")

CREATE = Create(
    item=Item(item_type="PART", number="3001", color_id=5, condition="USED", completeness=""),
    quantity=40,
    for_sale=True,
    retain=False,
    fields={"unit_price": "0.1200", "description": "é", "remarks": "", "bulk": 1},
)
UPDATE = Update(listing_id=LISTING, delta=5, fields={"description": ""})
REMOVE = Remove(listing_id=LISTING)
WRITES = [CREATE, UPDATE, REMOVE]

SHOWN = {
    "inventory_id": 50001001,
    "item": {"no": "3001", "type": "PART"},
    "color_id": 5,
    "quantity": 40,
    "new_or_used": "U",
    "unit_price": "0.1200",
}

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


def raw(answer: bytes) -> Answer:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return send


def cut_short(answer: bytes) -> Answer:
    async def send(writer: asyncio.StreamWriter) -> None:
        await raw(answer)(writer)
        writer.close()

    return send


def reply(body: str, *, status: str = "200 OK", headers: str = "") -> Answer:
    content = body.encode()
    return raw(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content)


def envelope(code: int, data: object = None, *, description: str = "", headers: str = "") -> Answer:
    document = {"meta": {"code": code, "message": "WORD", "description": description}, "data": data}
    return reply(json.dumps(document), headers=headers)


class ScriptedShop:
    """Records each request whole and answers it with `answer`; a connection serves many requests."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer: Answer = silence
        self.arrived = asyncio.Event()
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(content_length(head)))
                self.arrived.set()
                await self.answer(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()


def content_length(head: bytes) -> int:
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lengths[0]) if lengths else 0


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    tasks: set[asyncio.Future[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@asynccontextmanager
async def opened(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> AsyncIterator[BrickLink]:
    async with open_http(f"{scheme}://{host}:{port}/api/store/v1", connections=MAX_CONNECTIONS) as http:
        yield BrickLink(http, KEYS, facts(5000))


@pytest.fixture
async def scripted() -> ScriptedShop:
    return ScriptedShop()


@pytest.fixture
async def shop(scripted: ScriptedShop) -> AsyncIterator[BrickLink]:
    async with listening(scripted.serve) as port, opened(port) as shop:
        yield shop


async def read_failure(shop: BrickLink, ticket: Ticket = TICKET) -> object:
    with pytest.raises(ReadFailedError) as caught:
        await shop.read(LISTING, ticket)
    assert caught.value.__context__ is None, "the HTTP error behind it holds the URL and the signed request"
    return caught.value.outcome


# the request ----------------------------------------------------------------------------------------------------------


async def test_write_is_raw_json_under_the_bare_media_type(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(201, SHOWN)

    await shop.send(CREATE, TICKET)

    head, _, body = scripted.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/store/v1/inventories HTTP/1.1\r\n")
    assert b"content-type: application/json\r\n" in head.lower()
    assert json.loads(body)["description"] == "é"


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (CREATE, b"POST /api/store/v1/inventories HTTP/1.1"),
        (UPDATE, b"PUT /api/store/v1/inventories/50001001 HTTP/1.1"),
        (REMOVE, b"DELETE /api/store/v1/inventories/50001001 HTTP/1.1"),
    ],
)
async def test_write_is_one_request(shop: BrickLink, scripted: ScriptedShop, write: Write, line: bytes) -> None:
    scripted.answer = envelope(200)

    assert isinstance(await shop.send(write, TICKET), Applied)
    assert [request.split(b"\r\n")[0] for request in scripted.requests] == [line]


async def test_every_read_is_one_request(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(200, SHOWN)
    await shop.read(LISTING, TICKET)
    scripted.answer = envelope(200, [])
    await shop.read_all(TICKET)
    for page in shop.facts.order_pages:
        await shop.list_orders(page, TICKET)
    await shop.order_lines(OrderId("9000042"), TICKET)

    assert [request.split(b" ")[1] for request in scripted.requests] == [
        b"/api/store/v1/inventories/50001001",
        b"/api/store/v1/inventories",
        b"/api/store/v1/orders?direction=in&filed=false",
        b"/api/store/v1/orders?direction=in&filed=true",
        b"/api/store/v1/orders/9000042/items",
    ]


async def test_id_cannot_lead_elsewhere(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(200)

    await shop.send(Remove(listing_id=ListingId("1/../2?x=y#z")), TICKET)

    assert scripted.requests[0].startswith(b"DELETE /api/store/v1/inventories/1%2F..%2F2%3Fx%3Dy%23z HTTP/1.1")


async def test_cookies_are_not_kept(shop: BrickLink, scripted: ScriptedShop) -> None:
    """The HTTP client is shared: one seller's session must not reach another's calls."""
    scripted.answer = envelope(200, SHOWN, headers="Set-Cookie: SESSION=of-seller-a; Path=/\r\n")

    await shop.read(LISTING, TICKET)
    await shop.read(LISTING, TICKET)

    assert len(scripted.requests) == 2
    assert not any(b"cookie:" in request.lower() for request in scripted.requests)


async def test_proxies_of_the_environment_are_not_asked(
    shop: BrickLink, scripted: ScriptedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.answer = envelope(200, SHOWN)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with listening(scripted.serve) as port, opened(port) as other:
        await other.read(LISTING, TICKET)

    assert len(scripted.requests) == 1


# certainly not sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITES)
async def test_refused_connection_is_for_later(write: Write) -> None:
    async with listening(hang_up_at_once) as port:
        pass

    async with opened(port) as shop:
        assert await shop.send(write, TICKET) == Later(reason="SHOP_DOWN")
        assert await read_failure(shop) == Later(reason="SHOP_DOWN")


async def hang_up_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_unknown_host_is_for_later() -> None:
    async with opened(443, scheme="https", host="no-such-shop.invalid") as shop:
        assert await shop.send(UPDATE, TICKET) == Later(reason="SHOP_DOWN")


async def test_shop_that_cannot_prove_who_it_is_gets_no_request(scripted: ScriptedShop, tmp_path: Path) -> None:
    files = TestAuthority(tmp_path).issue("shop")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)

    async with listening(scripted.serve, tls) as port, opened(port, scheme="https") as shop:
        assert await shop.send(UPDATE, TICKET) == Later(reason="SHOP_DOWN")

    assert scripted.requests == []


@pytest.mark.parametrize("accident", ["silent", "hung up"])
async def test_broken_handshake_is_for_later(accident: str) -> None:
    """A shop that accepts the connection and never shakes hands: nothing of the request can have left."""

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (silence if accident == "silent" else hang_up)(writer)

    async with listening(accept) as port, opened(port, scheme="https") as shop:
        assert await shop.send(UPDATE, HURRIED) == Later(reason="SHOP_DOWN")


async def test_call_that_finds_no_free_connection_in_time_is_for_later(shop: BrickLink, scripted: ScriptedShop) -> None:
    waiting = [asyncio.ensure_future(shop.send(UPDATE, TICKET)) for _ in range(MAX_CONNECTIONS)]
    while len(scripted.requests) < MAX_CONNECTIONS:
        scripted.arrived.clear()
        await scripted.arrived.wait()

    assert await shop.send(UPDATE, HURRIED) == Later(reason="SHOP_DOWN")
    assert len(scripted.requests) == MAX_CONNECTIONS

    for call in waiting:
        call.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


# perhaps done ---------------------------------------------------------------------------------------------------------

LOST: dict[str, Answer] = {
    "no reply": hang_up,
    "half a status line": cut_short(b"HTTP/1.1 20"),
    "half a body": cut_short(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"meta": {"code": 200'),
    "no HTTP": cut_short(b"SMTP ready\r\n\r\n"),
    "compressed nonsense": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("accident", LOST)
async def test_write_whose_reply_is_lost_is_unknown_and_sent_once(
    shop: BrickLink, scripted: ScriptedShop, accident: str, write: Write
) -> None:
    scripted.answer = LOST[accident]

    assert await shop.send(write, TICKET) == Unknown(reason="NO_REPLY")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("accident", LOST)
async def test_read_whose_reply_is_lost_is_for_later(shop: BrickLink, scripted: ScriptedShop, accident: str) -> None:
    scripted.answer = LOST[accident]

    assert await read_failure(shop) == Later(reason="SHOP_DOWN")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        silence,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    ],
    ids=["no reply", "slow body"],
)
async def test_deadline_after_the_request_left_is_unknown(
    shop: BrickLink, scripted: ScriptedShop, answer: Answer
) -> None:
    scripted.answer = answer

    assert await shop.send(UPDATE, SOON) == Unknown(reason="NO_REPLY")
    assert len(scripted.requests) == 1


async def test_shop_that_trickles_does_not_outlast_the_deadline(shop: BrickLink, scripted: ScriptedShop) -> None:
    """The deadline is a total: bytes that keep coming do not renew it."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        await raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")(writer)
        while not writer.is_closing():
            await raw(b"1\r\n \r\n")(writer)
            await asyncio.sleep(0.01)

    scripted.answer = trickle

    assert await shop.send(UPDATE, SOON) == Unknown(reason="NO_REPLY")


@pytest.mark.parametrize("write", WRITES)
async def test_html_page_leaves_a_write_unknown(shop: BrickLink, scripted: ScriptedShop, write: Write) -> None:
    page = "<html><h1>503 Service Temporarily Unavailable</h1></html>"
    scripted.answer = reply(page, status="503 Service Temporarily Unavailable", headers="Content-Type: text/html\r\n")

    assert await shop.send(write, TICKET) == Unknown(reason=TURNED_AWAY)
    assert await read_failure(shop) == Later(reason="SHOP_DOWN")


async def test_redirect_is_not_followed(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = reply("", status="307 Temporary Redirect", headers="Location: /api/store/v1/elsewhere\r\n")

    assert await shop.send(UPDATE, TICKET) == Unknown(reason="UNREADABLE_REPLY")
    assert len(scripted.requests) == 1


async def test_refused_signature_is_not_tried_again(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(401, description="SIGNATURE_INVALID")

    assert await shop.send(UPDATE, TICKET) == Halted(reason="WRONG_KEY")
    assert len(scripted.requests) == 1


async def test_connection_that_the_shop_closed_between_calls_is_opened_anew(
    shop: BrickLink, scripted: ScriptedShop
) -> None:
    scripted.answer = envelope(200, SHOWN)
    await shop.read(LISTING, TICKET)
    await shop.read(LISTING, TICKET)
    assert scripted.connections == 1
    await scripted.hang_up()

    assert await shop.send(UPDATE, TICKET) != Unknown(reason="NO_REPLY")
    assert scripted.connections == 2


async def test_cancelled_call_ends_as_cancelled(shop: BrickLink, scripted: ScriptedShop) -> None:
    """Shutting down is no outcome: the engine finds the intent open and looks (rule K1)."""
    call = asyncio.ensure_future(shop.send(UPDATE, TICKET))
    await scripted.arrived.wait()
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


# the answer -----------------------------------------------------------------------------------------------------------


async def test_reads_are_dated_by_the_shops_clock(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(200, SHOWN, headers="Date: Sun, 01 Nov 2026 12:34:56 GMT\r\n")
    assert (await shop.read(LISTING, TICKET)).read_at == datetime(2026, 11, 1, 12, 34, 56, tzinfo=UTC)
    scripted.answer = envelope(404, headers="Date: Sun, 01 Nov 2026 12:34:57 GMT\r\n")
    assert (await shop.read(LISTING, TICKET)).read_at == datetime(2026, 11, 1, 12, 34, 57, tzinfo=UTC)
    scripted.answer = envelope(200, [], headers="Date: Sun, 01 Nov 2026 12:34:58 GMT\r\n")
    assert (await shop.read_all(TICKET)).read_at == datetime(2026, 11, 1, 12, 34, 58, tzinfo=UTC)
    assert (await shop.list_orders("open", TICKET)).read_at == datetime(2026, 11, 1, 12, 34, 58, tzinfo=UTC)


async def test_reads_are_dated_by_the_stamp_if_the_shop_does_not_tell_the_time(
    shop: BrickLink, scripted: ScriptedShop
) -> None:
    scripted.answer = envelope(200, [])

    assert (await shop.read_all(TICKET)).read_at == STAMP


async def test_create_that_shows_nothing_is_applied_all_the_same(shop: BrickLink, scripted: ScriptedShop) -> None:
    for data in ({}, None, {"inventory_id": 1}):
        scripted.answer = envelope(201, data)

        assert await shop.send(CREATE, TICKET) == Applied(listing=None)


async def test_unreadable_data_of_a_read_is_said_without_repeating_it(
    shop: BrickLink, scripted: ScriptedShop, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answer = envelope(200, [{**SHOWN, "quantity": "CANARY"}])

    with pytest.raises(ReadFailedError) as caught:
        await shop.read_all(TICKET)

    assert caught.value.outcome == Unknown(reason="UNREADABLE_REPLY")
    assert [vars(record)["part"] for record in caplog.records] == ["quantity"]
    assert "CANARY" not in caplog.text + repr(caught.value)


async def test_missing_order_is_no_outage(shop: BrickLink, scripted: ScriptedShop) -> None:
    scripted.answer = envelope(404)

    with pytest.raises(ReadFailedError) as caught:
        await shop.order_lines(OrderId("1"), TICKET)

    assert caught.value.outcome == Refused(reason="NOT_FOUND")


async def test_nothing_of_a_call_is_logged(
    shop: BrickLink, scripted: ScriptedShop, caplog: pytest.LogCaptureFixture
) -> None:
    """httpx logs URLs at INFO, httpcore logs headers at DEBUG; the keys are in the Authorization header."""
    caplog.set_level(logging.DEBUG)
    scripted.answer = envelope(401, description="TOKEN_IP_MISMATCHED: consumer: CANARYCKEY IP: 192.0.2.7")

    outcome = await shop.send(UPDATE, TICKET)

    assert outcome == Halted(reason="ADDRESS_NOT_ALLOWED")
    assert b"CANARYCKEY" in scripted.requests[0]
    texts = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert not any("CANARY" in text or "inventories" in text for text in texts)
