"""The adapter against the sandbox's Store API: real sockets, real signatures, checked by another OAuth library."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sandbox.bricklink.hosting import Shops as SandboxShops
from sandbox.bricklink.journal import Journal
from sandbox.catalog import Catalog
from sandbox.server import Server
from servicekit.testing.clock import SteppedClock
from sync_bricklink.auth import ShopKeys
from sync_bricklink.client import MAX_CONNECTIONS, BrickLink
from sync_bricklink.listing import facts, lot_of
from syncengine.listing import Listing, ListingId, Lot, OrderId, Value
from syncengine.marketplace import (
    TURNED_AWAY,
    Applied,
    Create,
    Gone,
    Halted,
    Later,
    ReadFailedError,
    Refused,
    Remove,
    Ticket,
    Unknown,
    Update,
)
from syncengine.service.http import open_http

KEYS = ShopKeys(
    consumer_key="CANARYCKEY0000000000000000000001",
    consumer_secret="CANARYCSECRET000000000000000001A",
    token="CANARYTOKEN00000000000000000001B",
    token_secret="CANARYTSECRET0000000000000000001C",
)
TRICKY = "5 < 6 & \"7\" > '8' (new); R&amp;D &#40; ü\nsecond line 🧱"


@dataclass
class Sandbox:
    """A shop in the sandbox, and the side doors to it."""

    control: httpx.AsyncClient
    clock: SteppedClock
    _stamps: list[datetime] = field(default_factory=list)

    def ticket(self, deadline: float = 20) -> Ticket:
        """Stamps rise strictly (rule B4)."""
        last = self._stamps[-1] if self._stamps else self.clock.now() - timedelta(seconds=1)
        self._stamps.append(max(self.clock.now(), last + timedelta(seconds=1)))
        return Ticket(stamp=self._stamps[-1], deadline=timedelta(seconds=deadline))

    async def ask(self, method: str, path: str, /, **body: Any) -> Any:
        response = await self.control.request(method, f"/sandbox/shops/demo{path}", json=body or None)
        response.raise_for_status()
        return response.json() if response.content else None

    async def switch(self, **switches: Any) -> None:
        await self.ask("PATCH", "/switches", **switches)

    async def fault(self, effect: str, /, **fault: Any) -> None:
        await self.ask("POST", "/faults", effect=effect, **fault)

    async def lots(self) -> list[dict[str, Any]]:
        lots: list[dict[str, Any]] = await self.ask("GET", "/lots")
        return lots

    async def applied(self) -> list[bool | None]:
        """What the request log says of each write: whether it changed the stock."""
        return [entry["applied"] for entry in await self.ask("GET", "/requests") if entry["method"] != "GET"]

    async def order(self, listing_id: ListingId, quantity: int, **order: Any) -> OrderId:
        lines = [{"inventory_id": int(listing_id), "quantity": quantity}]
        placed = await self.ask("POST", "/orders", lines=lines, **order)
        return OrderId(str(placed["order_id"]))


@pytest.fixture(scope="module")
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="module")
async def sandbox_url(clock: SteppedClock) -> AsyncIterator[str]:
    with closing(Journal(None)) as journal, socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(SandboxShops(journal, clock.now, Catalog.shipped()))
        serving = asyncio.ensure_future(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.stop()
        await serving


@pytest.fixture(scope="module")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as control:
        yield control


@pytest.fixture(scope="module")
async def http(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(f"{sandbox_url}/api/store/v1", connections=MAX_CONNECTIONS) as http:
        yield http


@pytest.fixture
async def sandbox(control: httpx.AsyncClient, clock: SteppedClock) -> AsyncIterator[Sandbox]:
    """A shop of its own for each test."""
    sandbox = Sandbox(control, clock)
    await sandbox.ask(
        "PUT",
        "",
        consumer_key=KEYS.consumer_key,
        consumer_secret=KEYS.consumer_secret,
        token=KEYS.token,
        token_secret=KEYS.token_secret,
    )
    yield sandbox
    await sandbox.ask("DELETE", "")


@pytest.fixture
def shop(http: httpx.AsyncClient) -> BrickLink:
    return BrickLink(http, KEYS, facts(5000))


def money(ten_thousandths: int) -> Money:
    return Money(currency_code="EUR", units=ten_thousandths // 10_000, nanos=ten_thousandths % 10_000 * 100_000)


PLAIN = lot_pb2.Lot(
    item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_USED),
    quantity=40,
    unit_price=money(1200),
    bulk=1,
)
FULL = lot_pb2.Lot(
    item=lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_SET,
        number="75192-1",
        condition=lot_pb2.CONDITION_NEW,
        completeness=lot_pb2.COMPLETENESS_SEALED,
    ),
    quantity=7,
    unit_price=money(7_999_900),
    sale_percent=15,
    tiers=[
        lot_pb2.Tier(quantity=2, unit_price=money(7_500_000)),
        lot_pb2.Tier(quantity=3, unit_price=money(7_000_001)),
        lot_pb2.Tier(quantity=5, unit_price=money(6_000_000)),
    ],
    bulk=1,
    cost=money(6_999_999),
    description=TRICKY,
    remarks="A1-03 (left)",
    stockroom=lot_pb2.STOCKROOM_B,
    retain=True,
)


def create_of(lot: Lot) -> Create:
    return Create(item=lot.item, quantity=lot.quantity, for_sale=lot.for_sale, retain=lot.retain, fields=lot.fields)


async def created(sandbox: Sandbox, shop: BrickLink, lot: lot_pb2.Lot = PLAIN) -> Listing:
    outcome = await shop.send(create_of(lot_of(lot)), sandbox.ticket())
    assert isinstance(outcome, Applied)
    assert outcome.listing is not None
    return outcome.listing


async def shown(sandbox: Sandbox, shop: BrickLink, listing_id: ListingId) -> Listing | None:
    return (await shop.read(listing_id, sandbox.ticket())).listing


def change(listing: Listing, *, fields: Mapping[str, Value] | None = None, **changes: Any) -> Update:
    repeated = {"description": listing.fields["description"]}
    return Update(listing_id=listing.listing_id, fields={**repeated, **(fields or {})}, **changes)


def matches(listing: Listing | None, lot: Lot) -> bool:
    return listing is not None and (
        (listing.item, listing.quantity, listing.for_sale, listing.retain, listing.fields)
        == (lot.item, lot.quantity, lot.for_sale, lot.retain, lot.fields)
    )


# lots -----------------------------------------------------------------------------------------------------------------

ENVELOPES: list[dict[str, Any]] = [
    {},
    {"absent_optional": "null", "empty_data": "null", "errors_as_http_200": False},
    {"empty_data": "missing", "delete_answer": "no_content", "show_is_reserved": True, "signed_quantity_only": True},
]


@pytest.mark.parametrize("switches", ENVELOPES, ids=["default", "nulls", "bare"])
@pytest.mark.parametrize("lot", [PLAIN, FULL], ids=["plain", "full"])
async def test_lot_is_created_and_reads_back_in_every_field(
    sandbox: Sandbox, shop: BrickLink, lot: lot_pb2.Lot, switches: dict[str, Any]
) -> None:
    if switches:
        await sandbox.switch(**switches)
    wanted = lot_of(lot)

    listing = await created(sandbox, shop, lot)

    assert matches(listing, wanted)
    assert await shown(sandbox, shop, listing.listing_id) == listing
    assert (await shop.read_all(sandbox.ticket())).listings == (listing,)
    assert [stored["description"] for stored in await sandbox.lots()] == [lot.description]


async def test_lot_is_turned_into_another_field_by_field(sandbox: Sandbox, shop: BrickLink) -> None:
    """Every field that can change, alone, there and back: what was not sent stays as it was."""
    plain = lot_of(PLAIN)
    full = replace(lot_of(FULL), item=plain.item, quantity=plain.quantity)
    names = ["unit_price", "tiers", "sale_rate", "bulk", "description", "remarks", "my_cost"]
    expected = await created(sandbox, shop)

    async def step(fields: Mapping[str, Value], **flags: Any) -> None:
        nonlocal expected
        update = change(expected, fields=fields, **flags)
        expected = replace(expected, fields={**expected.fields, **fields}, **flags)
        assert await shop.send(update, sandbox.ticket()) == Applied(listing=expected)

    for target, order in ((full, names), (plain, names[::-1])):  # a tier's price stays below the unit price
        for name in order:
            await step({name: target.fields[name]})
        await step({}, retain=target.retain)
        await step({"stock_room_id": target.fields["stock_room_id"]}, for_sale=target.for_sale)
        assert matches(await shown(sandbox, shop, expected.listing_id), target)


async def test_listing_moves_between_stockrooms_and_back_for_sale(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    for letter in ("A", "C", "B", ""):
        await shop.send(change(listing, fields={"stock_room_id": letter}), sandbox.ticket())
        now = await shown(sandbox, shop, listing.listing_id)
        assert now is not None
        assert (now.for_sale, now.fields["stock_room_id"]) == (letter == "", letter)


async def test_quantity_changes_by_differences(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    for delta, expected in ((5, 45), (-3, 42), (0, 42)):
        outcome = await shop.send(change(listing, delta=delta), sandbox.ticket())
        assert isinstance(outcome, Applied)
        assert outcome.listing is not None
        assert outcome.listing.quantity == expected

    assert (await sandbox.lots())[0]["quantity"] == 42


async def test_whole_list_holds_hidden_and_empty_listings_too(sandbox: Sandbox, shop: BrickLink) -> None:
    for_sale, hidden = await created(sandbox, shop), await created(sandbox, shop, FULL)
    await shop.send(change(hidden, delta=-7), sandbox.ticket())

    listings = (await shop.read_all(sandbox.ticket())).listings

    assert {(listing.listing_id, listing.quantity) for listing in listings} == {
        (for_sale.listing_id, 40),
        (hidden.listing_id, 0),
    }


@pytest.mark.parametrize("switches", ENVELOPES, ids=["default", "nulls", "bare"])
async def test_removed_listing_is_gone_and_removing_it_again_says_so(
    sandbox: Sandbox, shop: BrickLink, switches: dict[str, Any]
) -> None:
    if switches:
        await sandbox.switch(**switches)
    listing = await created(sandbox, shop)
    remove = Remove(listing_id=listing.listing_id)

    assert await shop.send(remove, sandbox.ticket()) == Applied(listing=None)
    assert await shop.send(remove, sandbox.ticket()) == Gone()
    assert await shop.send(change(listing, delta=1), sandbox.ticket()) == Gone()
    assert await shown(sandbox, shop, listing.listing_id) is None
    assert (await shop.read_all(sandbox.ticket())).listings == ()


async def test_reads_carry_the_shops_time(sandbox: Sandbox, shop: BrickLink) -> None:
    sandbox.clock.advance(timedelta(seconds=30))

    assert (await shop.read_all(sandbox.ticket())).read_at == sandbox.clock.now()
    assert (await shop.list_orders("open", sandbox.ticket())).read_at == sandbox.clock.now()


# outcomes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("errors_as_http_200", [True, False])
async def test_what_the_shop_refuses_is_refused_and_changes_nothing(
    sandbox: Sandbox, shop: BrickLink, errors_as_http_200: bool
) -> None:
    await sandbox.switch(errors_as_http_200=errors_as_http_200)
    listing = await created(sandbox, shop)
    before = await sandbox.lots()

    for refused in (
        change(listing, delta=-41),
        change(listing, fields={"unit_price": "0.0000"}),
        change(listing, fields={"tiers": "50:0.1300 0:0.0000 0:0.0000"}),
        replace(create_of(lot_of(PLAIN)), quantity=0),
    ):
        assert await shop.send(refused, sandbox.ticket()) == Refused(reason="FIELD_MISSING_OR_INVALID")
    assert await sandbox.lots() == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "html_503"])
async def test_lost_or_senseless_reply_is_unknown_and_the_write_went_out_once(
    sandbox: Sandbox, shop: BrickLink, effect: str, when: str
) -> None:
    listing = await created(sandbox, shop)
    reason = "NO_REPLY" if effect == "drop" else TURNED_AWAY
    done = when == "after"

    await sandbox.fault(effect, when=when, count=3)

    assert await shop.send(change(listing, delta=5), sandbox.ticket()) == Unknown(reason=reason)
    assert await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket()) == Unknown(reason=reason)
    assert await shop.send(Remove(listing_id=listing.listing_id), sandbox.ticket()) == Unknown(reason=reason)
    assert await sandbox.applied() == [True, done, done, done]


async def test_write_whose_reply_is_withheld_is_unknown_at_its_deadline(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    await sandbox.fault("withhold", when="after", method="PUT")

    assert await shop.send(change(listing, delta=5), sandbox.ticket(deadline=3)) == Unknown(reason="NO_REPLY")
    assert (await sandbox.lots())[0]["quantity"] == 45


async def test_shop_that_is_not_there_is_for_later(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async with open_http(nobody, connections=MAX_CONNECTIONS) as http:
        shop = BrickLink(http, KEYS, facts(5000))
        assert await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket()) == Later(reason="SHOP_DOWN")


@pytest.mark.parametrize(
    ("refusal", "after"),
    [
        ("http_429", None),
        ("http_429_retry_after", timedelta(hours=1)),
        ("envelope_429", None),
    ],
)
async def test_spent_quota_is_for_later(
    sandbox: Sandbox, shop: BrickLink, refusal: str, after: timedelta | None
) -> None:
    await sandbox.switch(daily_limit=0, quota_refusal=refusal)

    assert await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket()) == Later(reason="QUOTA", after=after)
    with pytest.raises(ReadFailedError) as caught:
        await shop.list_orders("open", sandbox.ticket())
    assert caught.value.outcome == Later(reason="QUOTA", after=after)


async def test_spent_quota_in_the_dress_of_a_missing_right_halts(sandbox: Sandbox, shop: BrickLink) -> None:
    await sandbox.switch(daily_limit=0, quota_refusal="envelope_403")

    assert await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket()) == Halted(reason="NO_PERMISSION")


# keys and clocks ------------------------------------------------------------------------------------------------------


def of_the_adapter(caplog: pytest.LogCaptureFixture) -> list[str]:
    """All that was logged but by the libraries of the sandbox, which runs in this process too."""
    of_the_sandbox = ("oauthlib", "uvicorn", "sandbox")
    return [repr(vars(record)) for record in caplog.records if not record.name.startswith(of_the_sandbox)]


@pytest.mark.parametrize("wrong", ["consumer_key", "consumer_secret", "token", "token_secret"])
@pytest.mark.parametrize("errors_as_http_200", [True, False])
async def test_wrong_key_halts_and_shows_itself_nowhere(
    sandbox: Sandbox, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, wrong: str, errors_as_http_200: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    await sandbox.switch(errors_as_http_200=errors_as_http_200)
    keys = replace(KEYS, **{wrong: "CANARYWRONG000000000000000000001"})

    shop = BrickLink(http, keys, facts(5000))
    outcome = await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket())
    with pytest.raises(ReadFailedError) as caught:
        await shop.read_all(sandbox.ticket())
    told = [repr(shop), repr(vars(shop)), repr(outcome), repr(caught.value)]

    assert outcome == caught.value.outcome == Halted(reason="WRONG_KEY")
    assert not [text for text in (*told, *of_the_adapter(caplog)) if "CANARY" in text]


async def test_address_that_is_not_allowed_halts_without_the_key_that_the_shop_prints(
    sandbox: Sandbox, shop: BrickLink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await sandbox.switch(token_ip="192.0.2.7", token_ip_mask="255.255.255.255")

    outcome = await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket())

    assert outcome == Halted(reason="ADDRESS_NOT_ALLOWED")
    assert not [text for text in (repr(outcome), *of_the_adapter(caplog)) if "CANARY" in text]


@pytest.mark.parametrize("offset", [-900, 900])
async def test_wrong_clock_of_ours_is_told_from_a_wrong_key(sandbox: Sandbox, shop: BrickLink, offset: int) -> None:
    await sandbox.switch(clock_offset_seconds=offset)

    assert await shop.send(create_of(lot_of(PLAIN)), sandbox.ticket()) == Later(reason="CLOCK_SKEWED")


async def test_stamp_that_another_program_used_up_is_for_later(sandbox: Sandbox, shop: BrickLink) -> None:
    ticket = sandbox.ticket()
    await shop.read_all(ticket)

    assert await shop.send(create_of(lot_of(PLAIN)), ticket) == Later(reason="STAMP_USED")


# orders ---------------------------------------------------------------------------------------------------------------


async def test_lines_of_an_order_with_two_batches_are_summed(sandbox: Sandbox, shop: BrickLink) -> None:
    one, other = await created(sandbox, shop), await created(sandbox, shop)
    order_id = await sandbox.order(one.listing_id, 10)
    (before,) = (await shop.list_orders("open", sandbox.ticket())).orders
    lines = [{"inventory_id": int(listing.listing_id), "quantity": 5} for listing in (one, other)]
    await sandbox.ask("POST", f"/orders/{order_id}/batches", lines=lines)

    (after,) = (await shop.list_orders("open", sandbox.ticket())).orders
    sold = await shop.order_lines(order_id, sandbox.ticket())

    assert {line.listing_id: line.quantity for line in sold} == {one.listing_id: 15, other.listing_id: 5}
    assert {line.item for line in sold} == {one.item}
    assert before.order_id == after.order_id == order_id
    assert before.fingerprint != after.fingerprint


async def test_summary_says_whose_shop_and_when(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    await sandbox.order(listing.listing_id, 1)
    ordered_at = sandbox.clock.now()
    sandbox.clock.advance(timedelta(hours=1))

    (order,) = (await shop.list_orders("open", sandbox.ticket())).orders
    assert (order.ordered_at, order.changed_at) == (ordered_at, ordered_at)
    assert (order.shop_name, order.currency_code) == ("demo_seller", "EUR")

    await sandbox.ask("POST", f"/orders/{order.order_id}/status", status="PAID")
    (paid,) = (await shop.list_orders("open", sandbox.ticket())).orders
    assert (paid.ordered_at, paid.changed_at) == (ordered_at, sandbox.clock.now())


async def test_both_pages_make_the_complete_picture(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    fresh, filed = await sandbox.order(listing.listing_id, 1), await sandbox.order(listing.listing_id, 2)
    await sandbox.ask("POST", f"/orders/{filed}/file", filed=True)

    seen = {
        page: [order.order_id for order in (await shop.list_orders(page, sandbox.ticket())).orders]
        for page in shop.facts.order_pages
    }

    assert seen == {"open": [fresh], "filed": [filed]}


@pytest.mark.parametrize("status", ["CANCELLED", "NPX"])
async def test_cancelled_order_is_cut_and_keeps_its_lines(sandbox: Sandbox, shop: BrickLink, status: str) -> None:
    listing = await created(sandbox, shop)
    order_id = await sandbox.order(listing.listing_id, 4)
    await sandbox.ask("POST", f"/orders/{order_id}/status", status=status)

    (order,) = (await shop.list_orders("open", sandbox.ticket())).orders

    assert order.cut
    assert [line.quantity for line in await shop.order_lines(order_id, sandbox.ticket())] == [4]


async def test_lines_outlive_their_listing(sandbox: Sandbox, shop: BrickLink) -> None:
    listing = await created(sandbox, shop)
    order_id = await sandbox.order(listing.listing_id, 40)

    assert await shown(sandbox, shop, listing.listing_id) is None
    (line,) = await shop.order_lines(order_id, sandbox.ticket())
    assert (line.listing_id, line.item, line.quantity) == (listing.listing_id, listing.item, 40)


async def test_shop_without_orders_has_none(sandbox: Sandbox, shop: BrickLink) -> None:
    for page in shop.facts.order_pages:
        assert (await shop.list_orders(page, sandbox.ticket())).orders == ()


async def test_unknown_order_is_refused(sandbox: Sandbox, shop: BrickLink) -> None:
    with pytest.raises(ReadFailedError) as caught:
        await shop.order_lines(OrderId("1"), sandbox.ticket())

    assert caught.value.outcome == Refused(reason="NOT_FOUND")


# Several creates in one call ------------------------------------------------------------------------------------------


def lots_of(*numbers: str) -> list[Create]:
    """One create for each part."""
    made = []
    for number in numbers:
        lot = lot_pb2.Lot()
        lot.CopyFrom(PLAIN)
        lot.item.number = number
        made.append(create_of(lot_of(lot)))
    return made


def too_dear(create: Create) -> Create:
    return replace(create, fields={**create.fields, "tiers": "10:9.0000 0:0.0000 0:0.0000"})  # dearer by the ten


async def test_several_lots_are_made_by_one_call_that_tells_no_ids(sandbox: Sandbox, shop: BrickLink) -> None:
    outcomes = await shop.create_all([*lots_of("3001", "3002"), create_of(lot_of(FULL))], sandbox.ticket())

    assert outcomes == [Applied(), Applied(), Applied()]
    assert await sandbox.applied() == [True]
    listed = (await shop.read_all(sandbox.ticket())).listings
    assert [listing.item.number for listing in listed] == ["3001", "3002", "75192-1"]
    assert dict(listed[2].fields) == dict(lot_of(FULL).fields)


@pytest.mark.parametrize(
    ("switch", "made"), [("refuse_all", []), ("stop_at_first", ["3001"]), ("skip_bad", ["3001", "3003"])]
)
async def test_with_one_that_is_refused_nobody_can_say_which_were_made(
    sandbox: Sandbox, shop: BrickLink, switch: str, made: list[str]
) -> None:
    await sandbox.switch(array_failure=switch)
    first, second, third = lots_of("3001", "3002", "3003")
    outcomes = await shop.create_all([first, too_dear(second), third], sandbox.ticket())

    said = Applied() if switch == "skip_bad" else Unknown(reason="CALL_REFUSED", answered=True)
    assert outcomes == [said] * 3
    listed = (await shop.read_all(sandbox.ticket())).listings
    assert [listing.item.number for listing in listed] == made


async def test_of_several_without_an_answer_nothing_is_known(sandbox: Sandbox, shop: BrickLink) -> None:
    await sandbox.fault("withhold", when="after", method="POST")
    assert await shop.create_all(lots_of("3001", "3002"), sandbox.ticket(2)) == [Unknown(reason="NO_REPLY")] * 2
    assert len(await sandbox.lots()) == 2
