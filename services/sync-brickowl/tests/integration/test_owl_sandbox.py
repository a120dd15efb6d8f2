"""The adapter against the sandbox's API: real sockets, every field there and back, every switch that it must bear."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from brickops.inventory.v1 import lot_pb2
from brickops.inventory.v1.money_pb2 import Money
from sync_brickowl.auth import ShopKeys
from sync_brickowl.catalog import BOID
from sync_brickowl.client import BrickOwl
from sync_brickowl.listing import lot_of
from syncengine.listing import CatalogEntry, Item, Listing, ListingId, Lot, OrderId, OrderSummary
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
    Shop,
    Unknown,
    Update,
    Write,
)
from syncengine.service.http import open_http

if TYPE_CHECKING:
    from product.brickowl import Owl

pytest_plugins = ["product.brickowl"]

BLACK = 38  # BrickLink's 11
BRICK = Item(item_type=BOID, number="771344", color_id=BLACK, condition="new", completeness="")
TRICKY = "5 < 6 & \"7\" > '8' +%= ü\nsecond line 🧱"


def money(thousandths: int) -> Money:
    return Money(currency_code="EUR", units=thousandths // 1000, nanos=thousandths % 1000 * 1_000_000)


FULL = lot_pb2.Lot(
    item=lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=11, condition=lot_pb2.CONDITION_USED),
    used_grade=lot_pb2.USED_GRADE_LIKE_NEW,
    quantity=40,
    unit_price=money(800),
    sale_percent=15,
    tiers=[lot_pb2.Tier(quantity=50, unit_price=money(700)), lot_pb2.Tier(quantity=100, unit_price=money(650))],
    bulk=2,
    cost=money(120),
    description=TRICKY,
    remarks="A1-03 (left)",
)


def full() -> Lot:
    lot = lot_of(FULL)
    return replace(lot, item=replace(BRICK, condition="used"), is_mapped=True)


def create(item: Item = BRICK, *, quantity: int = 40, price: str = "0.800", mark: str = "lot.1", **more: Any) -> Create:
    grade = "usedg" if item.condition == "used" else ""
    return Create(
        item=item,
        quantity=quantity,
        for_sale=True,
        retain=False,
        fields={"price": price, "grade": grade, **more},
        external_id=mark,
    )


async def created(owl: "Owl", write: Create | None = None) -> ListingId:
    outcome = await owl.shop.send(write or create(), owl.ticket())
    assert isinstance(outcome, Applied)
    assert outcome.listing_id is not None
    return outcome.listing_id


async def shown(owl: "Owl", listing_id: ListingId) -> Listing | None:
    return (await owl.shop.read(listing_id, owl.ticket())).listing


async def send(owl: "Owl", write: Write) -> object:
    return await owl.shop.send(write, owl.ticket())


FORMS: list[dict[str, Any]] = [
    {},
    {"success_word": "Success", "scalars": "natural", "empty_map": "object", "list_form": "object"},
    {"tier_form": "text", "no_tiers": "null", "empty_text": "null", "show_lot_weight": True, "empty_hit": "error"},
]


@pytest.mark.parametrize("switches", FORMS, ids=["default", "natural", "texts"])
async def test_create_takes_few_fields_and_the_rest_is_updated_one_by_one(owl: "Owl", switches: dict[str, Any]) -> None:
    """Rule F4; every field that can change, alone, there and back: what was not sent stays as it was."""
    await owl.control.switch(**switches)
    wanted, shop = full(), owl.shop
    listing_id = await created(owl, create(wanted.item))
    expected = await shown(owl, listing_id)
    assert expected is not None
    assert (expected.item, expected.quantity, expected.external_id) == (wanted.item, 40, "lot.1")
    assert {name: expected.fields[name] for name in shop.facts.created_with if name in expected.fields} == {
        name: value for name, value in shop.facts.created_with.items() if name in expected.fields
    }
    for name in ["tier_price", "sale_percent", "bulk_qty", "public_note", "personal_note", "my_cost", "grade"]:
        value = wanted.fields[name]
        assert await send(owl, Update(listing_id=listing_id, fields={name: value})) == Applied()
        expected = replace(expected, fields={**expected.fields, name: value})
        assert await shown(owl, listing_id) == expected
    for name in ["tier_price", "sale_percent", "bulk_qty", "public_note", "personal_note"]:
        value = shop.facts.created_with[name]
        assert await send(owl, Update(listing_id=listing_id, fields={name: value})) == Applied()
        expected = replace(expected, fields={**expected.fields, name: value})
        assert await shown(owl, listing_id) == expected
    assert (await shop.read_all(owl.ticket())).listings == (expected,)


async def test_quantity_is_a_difference_and_hiding_keeps_the_pieces(owl: "Owl") -> None:
    """Rules Q3, Q5."""
    listing_id = await created(owl)
    for update, quantity, for_sale in (
        (Update(listing_id=listing_id, delta=5), 45, True),
        (Update(listing_id=listing_id, delta=-45, for_sale=False), 0, False),
        (Update(listing_id=listing_id, delta=3, for_sale=True), 3, True),
    ):
        assert await send(owl, update) == Applied()
        listing = await shown(owl, listing_id)
        assert listing is not None
        assert (listing.quantity, listing.for_sale) == (quantity, for_sale)


@pytest.mark.parametrize("empty_hit", ["empty", "error"])
@pytest.mark.parametrize("code", [400, 404])
async def test_removed_listing_is_gone_whatever_the_shop_says_of_it(owl: "Owl", empty_hit: str, code: int) -> None:
    await owl.control.switch(empty_hit=empty_hit, unknown_id_code=code)
    listing_id = await created(owl)
    assert await send(owl, Remove(listing_id=listing_id)) == Applied()
    assert await send(owl, Remove(listing_id=listing_id)) == Gone()
    assert await send(owl, Update(listing_id=listing_id, delta=1)) == Gone()
    assert await shown(owl, listing_id) is None
    assert (await owl.shop.read_all(owl.ticket())).listings == ()


@pytest.mark.parametrize("as_200", [True, False])
@pytest.mark.parametrize("form", ["object", "text"])
async def test_what_the_shop_refuses_is_refused_in_our_words(owl: "Owl", as_200: bool, form: str) -> None:
    await owl.control.switch(errors_as_http_200=as_200, error_form=form, retired_boids=["9000003001"])
    listing_id = await created(owl)
    before = await owl.control.lots()
    for write, reason in (
        (Update(listing_id=listing_id, delta=-41), "QUANTITY_REFUSED"),
        (Update(listing_id=listing_id, fields={"tier_price": "50:0.900"}), "TIERS_REFUSED"),
        (create(replace(BRICK, number="1")), "NO_SUCH_ITEM"),
        (create(replace(BRICK, condition="news")), "CONDITION_NOT_ALLOWED"),
    ):
        assert await send(owl, write) == Refused(reason=reason)
    assert await owl.control.lots() == before


async def test_what_no_call_can_say_is_refused_without_one(owl: "Owl") -> None:
    """Prices that three decimals round to nothing, and amounts that only the website can take away."""
    calls = len(await owl.control.requests())
    listing_id = ListingId("1")
    for write, reason in (
        (create(price="0.000"), "PRICE_TOO_SMALL"),
        (Update(listing_id=listing_id, fields={"my_cost": None}), "MY_COST_CANNOT_BE_TAKEN_AWAY"),
        (Update(listing_id=listing_id, fields={"grade": ""}), "CONDITION_CANNOT_BE_CHANGED"),
    ):
        assert await send(owl, write) == Refused(reason=reason)
    assert len(await owl.control.requests()) == calls


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "html_503"])
async def test_lost_or_senseless_reply_is_unknown_and_the_write_went_out_once(
    owl: "Owl", effect: str, when: str
) -> None:
    await owl.control.set_fault(effect, when=when, count=1)
    reason = "NO_REPLY" if effect == "drop" else TURNED_AWAY
    assert await send(owl, create()) == Unknown(reason=reason)
    assert len(await owl.control.lots()) == (1 if when == "after" else 0)


async def test_shop_that_is_not_there_was_not_asked(owl: "Owl") -> None:
    async with open_http("http://127.0.0.1:9/v1", connections=1) as nobody:
        nowhere = BrickOwl(nobody, ShopKeys(key=owl.key), owl.shop.facts)
        assert await nowhere.send(create(), owl.ticket()) == Later(reason="SHOP_DOWN")


async def test_call_too_many_waits_as_asked(owl: "Owl") -> None:
    await owl.control.switch(calls_per_minute=1, quota_window="fixed")
    await owl.control.charge_calls(5)
    outcome = await send(owl, create())
    assert isinstance(outcome, Later)
    assert outcome.reason == "QUOTA"
    assert outcome.after is not None


async def test_key_that_opens_nothing_and_a_missing_right_halt(owl: "Owl", owl_http: Any) -> None:
    stranger = BrickOwl(owl_http, ShopKeys(key="nobody"), owl.shop.facts)
    with pytest.raises(ReadFailedError) as caught:
        await stranger.identify(owl.ticket())
    assert caught.value.outcome == Halted(reason="WRONG_KEY")
    await owl.control.switch(missing_rights=["order"])
    with pytest.raises(ReadFailedError) as caught:
        await owl.shop.list_orders("recent", owl.ticket())
    assert caught.value.outcome == Halted(reason="NO_PERMISSION")


async def test_token_says_whose_shop_it_is(owl: "Owl") -> None:
    """Rule W1; the number is what its pings name it by."""
    name = (await owl.control.show())["seller_name"]
    shop = await owl.shop.identify(owl.ticket())
    assert shop == Shop(name=name, currency_code="EUR", number=shop.number)
    assert shop.number.isdecimal()


@pytest.mark.parametrize("form", ["bare", "with_colors"])
async def test_entries_are_looked_up_by_one_call_each_as_all_that_it_may_be(owl: "Owl", form: str) -> None:
    await owl.control.switch(lookup_form=form)
    part, book = CatalogEntry(item_type="PART", number="3001"), CatalogEntry(item_type="BOOK", number="b1")
    several = CatalogEntry(item_type="PART", number="3003")
    minifigure = CatalogEntry(item_type="MINIFIG", number="sw0001")
    nothing = CatalogEntry(item_type="PART", number="no such number!")
    found = await owl.shop.look_up([part, book, several, minifigure, nothing], owl.ticket())
    assert found[part] == [CatalogEntry(item_type=BOID, number="771344", color_id=None)]
    [there] = found[minifigure]
    assert there.color_id == 0  # minifigures have no colour there
    assert not found[book]
    assert not found[nothing]
    assert {each.number for each in found[several]} == {"3003", "939628"}  # of several a person says which
    assert len(await owl.control.requests(path="/bulk/batch")) == 1


async def test_batch_that_breaks_off_leaves_out_what_was_not_answered(owl: "Owl") -> None:
    await owl.control.set_fault("short_batch", entries=2, count=1)
    parts = [CatalogEntry(item_type="PART", number=number) for number in ("3001", "3020", "3023")]
    assert (await owl.shop.look_up(parts, owl.ticket())).keys() == {parts[0]}


@pytest.mark.parametrize("direction", ["newest_first", "oldest_first"])
async def test_orders_that_changed_last_come_first_and_a_view_says_when(owl: "Owl", direction: str) -> None:
    await owl.control.switch(order_direction=direction)
    listing_id = await created(owl)
    placed = []
    for _ in range(3):
        order = await owl.control.order({int(listing_id): 2})
        placed.append(OrderId(str(order["order_id"])))
        owl.clock.turn(owl.shop.facts.limit.window)
    for page in owl.shop.facts.order_pages:
        listed = (await owl.shop.list_orders(page, owl.ticket())).orders
        assert [order.order_id for order in listed] == placed[::-1]
        assert not any(order.is_whole for order in listed)
    await owl.control.refund(int(placed[1]), int(listing_id), 1)
    now = {order.order_id: order for order in (await owl.shop.list_orders("recent", owl.ticket())).orders}
    assert now[placed[1]].fingerprint == listed[1].fingerprint  # a list says nothing of refunds
    views = await owl.shop.view_orders(list(now.values()), owl.ticket())
    changed = {view.order_id: view for view in views}[placed[1]]
    assert changed.is_whole
    assert changed.changed_at > now[placed[1]].changed_at
    [line] = await owl.shop.order_lines(placed[1], owl.ticket())
    assert (line.listing_id, line.quantity, line.item) == (listing_id, 1, BRICK)


async def test_cancelled_order_is_cut(owl: "Owl") -> None:
    listing_id = await created(owl)
    order = await owl.control.order({int(listing_id): 2})
    await owl.control.cancel_order(order["order_id"])
    [listed] = (await owl.shop.list_orders("recent", owl.ticket())).orders
    assert listed.cut
    [viewed] = await owl.shop.view_orders([listed], owl.ticket())
    assert viewed.cut


async def test_order_that_is_not_there_is_left_out_of_a_view(owl: "Owl") -> None:
    listing_id = await created(owl)
    order = await owl.control.order({int(listing_id): 2})
    [listed] = (await owl.shop.list_orders("recent", owl.ticket())).orders
    stranger: OrderSummary = replace(listed, order_id=OrderId("1"))
    views = await owl.shop.view_orders([stranger, listed], owl.ticket())
    assert [view.order_id for view in views] == [OrderId(str(order["order_id"]))]


async def test_key_is_in_no_log_line_and_no_error(owl: "Owl", caplog: pytest.LogCaptureFixture) -> None:
    """The key is in every URL that is read: nothing of a URL may be logged (rule O1)."""
    caplog.set_level(logging.DEBUG)
    await created(owl)
    await owl.shop.read_all(owl.ticket())
    await owl.control.set_fault("html_503", when="before", count=2)
    await send(owl, create())
    with pytest.raises(ReadFailedError) as caught:
        await owl.shop.read_all(owl.ticket())
    logged = [record for record in caplog.records if not record.name.startswith(("sandbox", "uvicorn"))]
    assert logged == [] or all(owl.key not in repr(record.__dict__) for record in logged)
    assert owl.key not in repr(caught.value) + repr(owl.shop)
